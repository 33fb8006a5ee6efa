//! A sign-in under way: begun here, carried on at the provider, ended here.
//!
//! What was begun is kept in memory until the browser comes back, a short while, once, and for that browser only: its
//! cookie, the state, the nonce and the verifier of the code all have to be those of one sign-in at one provider.

use super::claims::{self, Expected, Groups};
use super::client::{self, Metadata, Trouble};
use super::identities::{self, Coming, Known};
use super::jose::Token;
use super::{GroupsFrom, Provider, of_slug};
use crate::access::{Ctx, Who};
use crate::base::address::Origin;
use crate::base::error::{Error, Result};
use crate::base::fetch::form;
use crate::base::ids;
use crate::sessions::{self, Outside, SignedIn, Teams};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use garth_core::Micros;
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// How long somebody may take at the provider, in seconds.
pub const FLOW_SECONDS: i64 = 600;
/// Sign-ins under way at a time; the oldest make room.
pub const FLOWS: usize = 10_000;
/// Those of one address.
pub const FLOWS_EACH: usize = 50;
/// Longest path that somebody is brought back to, in bytes.
const RETURN_BYTES: usize = 1_024;
/// Longest code or state that is looked at, in bytes.
const ANSWER_BYTES: usize = 4_096;

/// One sign-in under way.
struct Flow {
    provider: Uuid,
    /// The hash of what the browser's cookie holds.
    browser: String,
    nonce: String,
    verifier: String,
    back: String,
    /// Whose account is to be linked, instead of signing in: the session that asked for it, and its user.
    link: Option<(Uuid, Uuid)>,
    origin: Origin,
    began: Micros,
    until: Micros,
}

/// Those under way, by the hash of their state.
#[derive(Default)]
struct Flows(Mutex<HashMap<String, Flow>>);

impl Flows {
    fn put(&self, state: String, flow: Flow, now: Micros) {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flows.retain(|_, flow| now < flow.until);
        let own = flows.values().filter(|other| other.origin == flow.origin).count();
        let crowded = own >= FLOWS_EACH;
        if crowded || flows.len() >= FLOWS {
            let among = flows.iter().filter(|(_, other)| !crowded || other.origin == flow.origin);
            if let Some(oldest) = among.min_by_key(|(_, other)| other.until).map(|(state, _)| state.clone()) {
                flows.remove(&oldest);
            }
        }
        flows.insert(state, flow);
    }

    /// Takes one out: whoever comes with its state, it is over.
    fn take(&self, state: &str, now: Micros) -> Option<Flow> {
        let mut flows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        flows.remove(state).filter(|flow| now < flow.until)
    }
}

/// A sign-in that has begun.
pub struct Began {
    /// Where the browser goes.
    pub url: String,
    /// What its cookie holds.
    pub cookie: String,
}

/// Where a provider sends browsers back to.
pub fn redirect_uri(ctx: &Ctx, provider: &Provider) -> String {
    format!("{}/auth/oidc/{}/callback", ctx.app.public_url, provider.slug)
}

/// Begins a sign-in; `link` is for somebody who is signed in and wants to be known by that provider as well.
///
/// # Errors
/// 404 for a provider that is not there or disabled; 401 to link without a session; 409 when the provider cannot be reached.
pub async fn start(ctx: &Ctx, slug: &str, back: Option<&str>, cookie: Option<&str>, link: bool) -> Result<Began> {
    let provider = of_slug(ctx, slug).await?;
    let link = if link { Some(asking(ctx)?) } else { None };
    let metadata = client::metadata(ctx, &provider).await.map_err(|trouble| unavailable(&provider, &trouble))?;
    let (state, nonce, verifier) = (ids::new_token(""), ids::new_token(""), ids::new_token(""));
    // Another sign-in of the same browser, in another tab, stays good.
    let fits = |value: &&str| value.len() == 52 && value.bytes().all(|b| b.is_ascii_alphanumeric());
    let cookie = cookie.filter(fits).map_or_else(|| ids::new_token(""), str::to_owned);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    let (to, scopes) = (redirect_uri(ctx, &provider), provider.choices.scopes.join(" "));
    let query = form(&[
        ("response_type", "code"),
        ("client_id", &provider.client_id),
        ("redirect_uri", &to),
        ("scope", &scopes),
        ("state", &state),
        ("nonce", &nonce),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let joint = if metadata.authorization.contains('?') { '&' } else { '?' };
    let url = format!("{}{joint}{query}", metadata.authorization);
    let now = ctx.now();
    let flow = Flow {
        provider: provider.id,
        browser: ids::token_hash(&cookie),
        nonce,
        verifier,
        back: local_path(back),
        link,
        origin: Origin::of(ctx.address),
        began: now,
        until: now + FLOW_SECONDS * 1_000_000,
    };
    ctx.app.memory.of::<Flows>().put(ids::token_hash(&state), flow, now);
    Ok(Began { url, cookie })
}

/// The session that asks, and whose it is.
fn asking(ctx: &Ctx) -> Result<(Uuid, Uuid)> {
    let dir = ctx.directory();
    let session = ctx.session(&dir)?;
    if ctx.now() - session.created_at > sessions::RECENT_SECONDS * 1_000_000 {
        // A way in for good is not for whoever found an open session.
        return Err(Error::Forbidden("sign in anew first: an account is linked within ten minutes of that".to_owned()));
    }
    let user = dir.users.info(session.user).ok_or(Error::Unauthenticated)?;
    Ok((session.id, user.id))
}

/// A path of this server that somebody may be brought back to; `/` for anything else, so that nobody is led away from here
/// by a link to here (`attacks.md`, N64).
pub fn local_path(given: Option<&str>) -> String {
    let fits = |path: &&str| {
        let lower = path.to_ascii_lowercase();
        path.len() <= RETURN_BYTES
            && path.starts_with('/')
            && !path.starts_with("//")
            && path.bytes().all(|b| b.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&b))
            // Nor what would be one of these if somebody read it once more.
            && !(0..0x20).any(|control| lower.contains(&format!("%{control:02x}")))
            && !["%5c", "%2f", "%7f", "%25"].iter().any(|odd| lower.contains(odd))
            && !lower.split(['?', '#']).next().unwrap_or_default().split('/').any(|step| matches!(step, "." | ".." | "%2e" | "%2e%2e" | ".%2e" | "%2e."))
    };
    given.filter(fits).unwrap_or("/").to_owned()
}

/// What a provider sends a browser back with.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Which sign-in it is.
    pub state: Option<String>,
    /// What its tokens are given for.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// Who it says it is.
    pub iss: Option<String>,
}

/// How a sign-in ended well.
pub enum Ended {
    /// Somebody is signed in.
    In {
        /// The session.
        signed_in: Box<SignedIn>,
        /// Where they are brought to.
        back: String,
        /// What they should know of their groups.
        notice: Option<&'static str>,
    },
    /// The account that asked is known by that provider from now on.
    Linked,
}

/// Ends a sign-in. What is wrong with it counts against the address as a wrong password does.
///
/// # Errors
/// 409 `sign_in_over` when it was not begun by this browser at this provider, or too long ago; 409
/// `provider_unavailable`; 401 for what cannot be believed; 403 for somebody who may not sign in; 429.
pub async fn callback(ctx: &Ctx, slug: &str, answer: Answer, cookie: Option<&str>, device: &str) -> Result<Ended> {
    let guess = ctx.guess(None)?;
    let provider = match of_slug(ctx, slug).await {
        Ok(provider) => provider,
        Err(error) => {
            guess.undone();
            return Err(error);
        }
    };
    let ended = end(ctx, &provider, answer, cookie, device).await;
    match &ended {
        Ok(_) => guess.right(),
        // It says nothing of who asks, and who was refused here was who they said.
        Err(
            Error::Conflict("provider_unavailable" | "conflict", _)
            | Error::Forbidden(_)
            | Error::LoginRefused
            | Error::Unavailable,
        ) => guess.undone(),
        Err(_) => drop(guess),
    }
    ended
}

async fn end(ctx: &Ctx, provider: &Provider, answer: Answer, cookie: Option<&str>, device: &str) -> Result<Ended> {
    let short = |text: &Option<String>| text.clone().filter(|text| text.len() <= ANSWER_BYTES);
    let state = short(&answer.state).ok_or_else(over)?;
    let flow = ctx.app.memory.of::<Flows>().take(&ids::token_hash(&state), ctx.now()).ok_or_else(over)?;
    let browser = cookie.map(ids::token_hash);
    if flow.provider != provider.id || browser.as_ref() != Some(&flow.browser) {
        return Err(over());
    }
    let metadata = client::metadata(ctx, provider).await.map_err(|trouble| unavailable(provider, &trouble))?;
    // Who another provider sends back with a code of this one is not heard (RFC 9207).
    let named = answer.iss.as_ref().is_some_and(|iss| *iss == provider.issuer);
    if !named && (answer.iss.is_some() || metadata.names_itself) {
        return Err(disbelieved(provider, "the answer is another provider's"));
    }
    if let Some(error) = &answer.error {
        let error: String = error.chars().filter(|c| c.is_ascii_graphic()).take(64).collect();
        tracing::info!(
            provider = provider.slug,
            error,
            "an identity provider sent somebody back without signing them in"
        );
        return Err(Error::conflict("sign_in_over", format!("{} did not sign you in; try again", provider.name)));
    }
    let code = short(&answer.code).ok_or_else(over)?;
    let verified = verify(ctx, provider, &metadata, &flow, &code).await?;
    match flow.link {
        None => sign_in(ctx, provider, verified, flow, device).await,
        Some((session, user)) => {
            // Only who asked for it is linked, with the session they asked with.
            if asking(ctx).ok() != Some((session, user)) {
                return Err(over());
            }
            identities::link(ctx, provider.id, user, &verified.known).await?;
            Ok(Ended::Linked)
        }
    }
}

/// Somebody of whom a provider has said who they are.
struct Verified {
    known: Known,
    sid: Option<String>,
    /// The ID token, by which the provider ends its own session.
    token: String,
}

async fn verify(ctx: &Ctx, provider: &Provider, metadata: &Metadata, flow: &Flow, code: &str) -> Result<Verified> {
    let failed = |trouble: Trouble| match trouble {
        Trouble::Failed(..) => unavailable(provider, &trouble),
        _ => disbelieved(provider, &trouble.to_string()),
    };
    let tokens = client::exchange(ctx, provider, metadata, code, &flow.verifier).await.map_err(failed)?;
    let token = Token::read(&tokens.id).map_err(|wrong| failed(wrong.into()))?;
    let claims = client::verified(ctx, provider, &token).await.map_err(failed)?;
    let expected =
        Expected { issuer: &provider.issuer, client_id: &provider.client_id, nonce: &flow.nonce, now: ctx.now() };
    let odd = |claim: &str| disbelieved(provider, &format!("the claim {claim} of its token does not fit"));
    let subject = claims::id_token(&claims, &expected).map_err(odd)?;
    if let Some(access) = &tokens.access {
        claims::access_token(&claims, token.algorithm, access).map_err(odd)?;
    }
    let choices = &provider.choices;
    let wanted = choices.groups_claim.is_some() && choices.groups_from != GroupsFrom::IdToken;
    let userinfo = match wanted {
        true => Some(client::userinfo(ctx, provider, metadata, tokens.access.as_deref(), &subject).await),
        false => None,
    };
    // What is about somebody else is no answer at all; what could not be had leaves the groups unknown.
    let userinfo = match userinfo {
        Some(Err(trouble @ Trouble::SomebodyElse)) => return Err(disbelieved(provider, &trouble.to_string())),
        Some(Err(trouble)) => {
            tracing::warn!(provider = provider.slug, %trouble, "what an identity provider knows of somebody could not be read");
            Some(None)
        }
        Some(Ok(claims)) => Some(Some(claims)),
        None => None,
    };
    let unread = || Groups::Unknown("what the provider knows of groups could not be read");
    let of_userinfo =
        |claim: &str| userinfo.as_ref().map(|read| read.as_ref().map_or_else(unread, |c| claims::groups(c, claim)));
    let groups = match (&choices.groups_claim, choices.groups_from) {
        (None, _) => Groups::Named(Vec::new()),
        (Some(claim), GroupsFrom::IdToken) => claims::groups(&claims, claim),
        (Some(claim), GroupsFrom::Userinfo) => of_userinfo(claim).unwrap_or_else(unread),
        (Some(claim), GroupsFrom::Both) => {
            claims::both(claims::groups(&claims, claim), of_userinfo(claim).unwrap_or_else(unread))
        }
    };
    // What it may not say, it has not said: neither for groups here nor for login policies.
    let groups = match groups {
        Groups::Named(names) => Groups::Named(names.into_iter().filter(|name| choices.allows(name)).collect()),
        unknown => unknown,
    };
    let person = claims::person(&claims, userinfo.as_ref().and_then(Option::as_ref));
    let sid = claims::session_id(&claims);
    Ok(Verified { known: Known { subject, person, groups }, sid, token: tokens.id })
}

/// Tried first, and judged by the login policies as it would be: whoever is refused leaves neither an account nor other
/// memberships behind. Then who they are, where they belong and their session are written together.
async fn sign_in(ctx: &Ctx, provider: &Provider, verified: Verified, flow: Flow, device: &str) -> Result<Ended> {
    sessions::in_earnest(ctx)?;
    let Verified { known, sid, token } = verified;
    let (teams, notice) = match known.groups.clone() {
        Groups::Named(names) => (Teams::Told(names), None),
        Groups::Unknown(why) => {
            // Somebody who manages the provider has to look: nobody gets what is theirs by groups.
            tracing::warn!(provider = provider.slug, why, "somebody's groups are unknown; they get nothing by groups");
            (Teams::Unknown(why), Some(why))
        }
    };
    let anonymous = ctx.with_credential(Who::Anonymous);
    let (arrived, picture) = identities::foreseen(&anonymous, provider.id, &known).await?;
    let admission = sessions::admit_as(&anonymous, &picture, arrived.user, arrived.new, teams).await?;
    let hint = sessions::seal_hint(ctx, &token)?;
    let outside = Outside { provider: provider.id, subject: known.subject.clone(), sid, hint };
    let coming = Coming { known, arrived, admission, outside, began: flow.began, device: device.to_owned() };
    let signed_in = identities::enter(&anonymous, coming).await?;
    Ok(Ended::In { signed_in: Box::new(signed_in), back: flow.back, notice })
}

fn over() -> Error {
    Error::conflict(
        "sign_in_over",
        "this sign-in took too long, was ended already, or was begun in another browser; try again",
    )
}

fn unavailable(provider: &Provider, trouble: &Trouble) -> Error {
    tracing::warn!(provider = provider.slug, %trouble, "an identity provider cannot be used");
    Error::conflict(
        "provider_unavailable",
        format!("{} cannot be reached at the moment; try again later", provider.name),
    )
}

fn disbelieved(provider: &Provider, why: &str) -> Error {
    tracing::warn!(provider = provider.slug, why, "what an identity provider sent is not believed");
    Error::WrongCredentials("what the identity provider sent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n64_nobody_is_led_away() {
        for wrong in [
            "",
            "x",
            "https://evil.example",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/%5cevil.example",
            "/%2fevil.example",
            "/%2F%2fevil.example",
            "//me@evil.example",
            "/\n/evil.example",
            "/%0a",
            "/%0D%0aSet-Cookie:x",
            "/%09/evil.example",
            "/\t/evil.example",
            "javascript:alert(1)",
            "/x\u{202e}",
            "/x y",
            "/..//evil.example",
            "/./x",
            "/x/../y",
            "/%2e%2e/x",
            "/%252f",
            "http:/evil.example",
            " /x",
            "/<script>",
        ] {
            assert_eq!(local_path(Some(wrong)), "/", "{wrong:?}");
        }
        assert_eq!(local_path(None), "/");
        assert_eq!(local_path(Some(&format!("/{}", "x".repeat(RETURN_BYTES)))), "/");
        for right in ["/", "/s/01/jobs?label=weekly&x=%20y#top", "/a.b/..c", "/@me"] {
            assert_eq!(local_path(Some(right)), right);
        }
    }

    #[test]
    fn sign_ins_under_way_are_bounded() {
        let (flows, now) = (Flows::default(), 1_000);
        let flow = |place: u32, until: Micros| Flow {
            provider: Uuid::nil(),
            browser: String::new(),
            nonce: String::new(),
            verifier: String::new(),
            back: String::new(),
            link: None,
            origin: Origin::of(Some(std::net::IpAddr::from(place.to_be_bytes()))),
            began: now,
            until,
        };
        for n in 0..2 * FLOWS_EACH {
            flows.put(format!("own {n}"), flow(1, now + 1 + n as Micros), now);
        }
        assert_eq!(flows.0.lock().expect("flows").len(), FLOWS_EACH);
        for n in 0..FLOWS {
            flows.put(format!("other {n}"), flow(2 + n as u32, now + 1_000 + n as Micros), now);
        }
        assert_eq!(flows.0.lock().expect("flows").len(), FLOWS);
        assert!(flows.take(&format!("other {}", FLOWS - 1), now).is_some());
        assert!(flows.take(&format!("other {}", FLOWS - 1), now).is_none(), "twice");
        assert!(flows.take(&format!("other {}", FLOWS - 2), Micros::MAX).is_none(), "too late");
    }
}
