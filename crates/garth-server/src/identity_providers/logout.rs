//! Signing out: here and at the provider, or because the provider says so.

use super::client::{self, Trouble};
use super::jose::Token;
use super::{FLOW_SECONDS, Provider, claims, store};
use crate::access::{Ctx, Record, Who, Write, write};
use crate::base::error::{Error, Result};
use crate::base::fetch::form;
use crate::base::ids;
use crate::sessions::{self, Which};
use serde_json::{Value, json};

/// Where a browser goes to be signed out at the provider as well; nowhere, when its session did not begin at one, or the
/// provider does not say.
///
/// # Errors
/// 401 without a session.
pub async fn onward(ctx: &Ctx) -> Result<Option<String>> {
    let Some((provider, hint)) = sessions::began_at(ctx).await? else { return Ok(None) };
    let all = super::offered(ctx).await?;
    let Some(provider) = all.into_iter().find(|one| one.id == provider) else { return Ok(None) };
    let Ok(metadata) = client::metadata(ctx, &provider).await else { return Ok(None) };
    let Some(end) = &metadata.end_session else { return Ok(None) };
    let back = format!("{}/sign-in", ctx.app.public_url);
    let mut pairs = vec![("client_id", provider.client_id.as_str()), ("post_logout_redirect_uri", back.as_str())];
    if let Some(hint) = &hint {
        pairs.push(("id_token_hint", hint));
    }
    let joint = if end.contains('?') { '&' } else { '?' };
    Ok(Some(format!("{end}{joint}{}", form(&pairs))))
}

/// A provider says that somebody's sessions are over (OpenID Connect Back-Channel Logout 1.0). When this has answered, they are.
///
/// # Errors
/// 404 for an unknown provider; 400 for a token that is no good, or was carried out already; 409 when the provider's keys
/// cannot be had; 429 after too many that were no good.
pub async fn backchannel(ctx: &Ctx, slug: &str, token: &str) -> Result<usize> {
    let guess = ctx.guess(None)?;
    match carried_out(ctx, slug, token).await {
        Ok(ended) => {
            guess.right();
            Ok(ended)
        }
        Err(error @ (Error::NotFound | Error::Conflict(..) | Error::Unavailable)) => {
            guess.undone();
            Err(error)
        }
        Err(error) => Err(error),
    }
}

async fn carried_out(ctx: &Ctx, slug: &str, token: &str) -> Result<usize> {
    // One that is disabled has no sessions.
    let provider = super::of_slug(ctx, slug).await?;
    let bad = |why: &str| {
        tracing::warn!(provider = provider.slug, why, "a logout token is not believed");
        Error::Malformed("this is no logout token of that provider".to_owned())
    };
    let token = Token::read(token).map_err(|wrong| bad(&wrong.to_string()))?;
    if !matches!(token.sort.as_str(), "" | "jwt" | "logout+jwt") {
        return Err(bad("it says that it is something else"));
    }
    let claims = client::verified(ctx, &provider, &token).await.map_err(|trouble| match trouble {
        Trouble::Failed(..) => {
            tracing::warn!(provider = provider.slug, %trouble, "an identity provider cannot be used");
            Error::conflict("provider_unavailable", "the keys of that provider cannot be had at the moment")
        }
        trouble => bad(&trouble.to_string()),
    })?;
    let ending = claims::logout_token(&claims, &provider.issuer, &provider.client_id, ctx.now())
        .map_err(|claim| bad(&format!("the claim {claim} does not fit")))?;
    end(&ctx.with_credential(Who::Anonymous), provider, ending).await
}

async fn end(ctx: &Ctx, provider: Provider, ending: claims::Ending) -> Result<usize> {
    write(ctx, "identity.logout", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        let spent = ids::hash_of(&[provider.id.as_bytes(), ending.token.as_bytes()]);
        // Until it would be too old anyway, and nobody is under way any more who set out before it.
        let kept = FLOW_SECONDS.max(claims::FRESH_SECONDS + 2 * claims::SKEW_SECONDS);
        let (now, until) = (w.now, w.now + kept * 1_000_000);
        let (subject, session) = (ending.subject.as_deref(), ending.session.as_deref());
        let spent = store::Spent { id: &spent, until, provider: provider.id, subject, session };
        if !store::spend(w.tx(), &permit, &spent, now).await? {
            return Err(Error::Malformed("this logout token was carried out already".to_owned()));
        }
        let which = Which::Ended { subject: ending.subject.clone(), session: ending.session.clone() };
        let ended = sessions::end_of_provider(w, &permit, provider.id, which).await?;
        let (target_id, before) = (provider.id.to_string(), Value::Null);
        let after = json!({ "subject": ending.subject, "sid": ending.session, "sessions_ended": ended });
        w.record(Record { space: None, target_type: "identity_provider", target_id, before, after }).await?;
        Ok(ended)
    })
    .await
}
