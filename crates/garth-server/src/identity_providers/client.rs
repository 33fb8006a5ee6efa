//! Speaking with a provider: what it is (discovery), its keys, its tokens, what it knows of somebody.
//!
//! What it says of itself and its keys are kept for a while. A token that names an unknown key makes us look for newer
//! ones, once a minute at most: nobody can make this server ask again and again (`attacks.md`, N59).

use super::jose::{Keys, Token, Wrong};
use super::{Check, Provider};
use crate::access::Ctx;
use crate::base::fetch::{Ask, Failed, Fetched, Url, encoded, form};
use crate::base::http::parse_json;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use garth_core::Micros;
use hashbrown::HashMap;
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

const SECOND: Micros = 1_000_000;
/// How long what a provider says of itself is kept.
const METADATA: Micros = 3_600 * SECOND;
/// How long its keys are kept: one that it takes back is good no longer than this.
const KEYS: Micros = 600 * SECOND;
/// How often it is asked for newer keys because of a token that names an unknown one.
pub(super) const REFRESH: Micros = 60 * SECOND;

/// Why a provider was of no use; a sentence that tells nothing secret.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// It could not be asked.
    #[error("{0}: {1}")]
    Failed(&'static str, Failed),
    /// It answered, and not as it should.
    #[error("{0}")]
    Odd(String),
    /// What it knows of somebody is about another one than its token.
    #[error("userinfo: it is about somebody else")]
    SomebodyElse,
    /// A token of it is no good.
    #[error("{0}")]
    Token(#[from] Wrong),
}

/// What a provider says of itself.
#[derive(Clone, Debug)]
pub(super) struct Metadata {
    pub authorization: String,
    token: Url,
    keys: Url,
    userinfo: Option<Url>,
    pub end_session: Option<String>,
    /// How it signs ID tokens.
    pub algorithms: Vec<String>,
    /// Does it take the client's secret in a header?
    basic: bool,
    /// Does it say who it is when it sends somebody back (RFC 9207)?
    pub names_itself: bool,
    origins: Vec<String>,
}

/// What is kept of all providers.
#[derive(Default)]
struct Kept(Mutex<HashMap<Uuid, Arc<One>>>);

/// What is kept of one; whoever needs what is not there asks while the others wait.
#[derive(Default)]
struct One {
    asked: tokio::sync::Mutex<Answers>,
    origins: Mutex<Vec<String>>,
}

#[derive(Default)]
struct Answers {
    metadata: Option<(Micros, Arc<Metadata>)>,
    keys: Option<(Micros, Arc<Keys>)>,
    refreshed: Option<Micros>,
}

fn kept(ctx: &Ctx, id: Uuid) -> Arc<One> {
    let all = ctx.app.memory.of::<Kept>();
    let mut all = all.0.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(id).or_default())
}

/// Forgets what is kept of a provider.
pub(super) fn forget(ctx: &Ctx, id: Uuid) {
    let all = ctx.app.memory.of::<Kept>();
    all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
}

/// The origins of a provider's pages, as far as they are known without asking.
pub(super) fn origins(ctx: &Ctx, provider: &Provider) -> Vec<String> {
    let mut origins = kept(ctx, provider.id).origins.lock().unwrap_or_else(PoisonError::into_inner).clone();
    origins.extend(Url::read(&provider.issuer, true).map(|url| url.origin()));
    origins
}

/// Asks a provider what it is, and for its keys.
pub(super) async fn check(ctx: &Ctx, provider: &Provider) -> Check {
    let asked = async {
        let metadata = ask_metadata(ctx, provider).await?;
        let keys = ask_keys(ctx, provider, &metadata).await?;
        Ok::<_, Trouble>((metadata, keys))
    };
    match asked.await {
        Ok((metadata, _)) => {
            let signs = metadata.algorithms.join(", ");
            Check { reachable: true, detail: format!("it answers, and signs with {signs}") }
        }
        Err(trouble) => Check { reachable: false, detail: trouble.to_string() },
    }
}

/// What a provider says of itself.
pub(super) async fn metadata(ctx: &Ctx, provider: &Provider) -> Result<Arc<Metadata>, Trouble> {
    let one = kept(ctx, provider.id);
    let mut answers = one.asked.lock().await;
    metadata_of(ctx, provider, &one, &mut answers).await
}

async fn metadata_of(
    ctx: &Ctx,
    provider: &Provider,
    one: &One,
    answers: &mut Answers,
) -> Result<Arc<Metadata>, Trouble> {
    let now = ctx.now();
    if let Some((since, metadata)) = &answers.metadata
        && fresh(*since, now, METADATA)
    {
        return Ok(Arc::clone(metadata));
    }
    let metadata = Arc::new(ask_metadata(ctx, provider).await?);
    one.origins.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&metadata.origins);
    answers.metadata = Some((now, Arc::clone(&metadata)));
    Ok(metadata)
}

fn fresh(since: Micros, now: Micros, long: Micros) -> bool {
    (0..long).contains(&(now - since))
}

/// Verifies a token of a provider, and answers its claims.
pub(super) async fn verified(ctx: &Ctx, provider: &Provider, token: &Token<'_>) -> Result<Map<String, Value>, Trouble> {
    let one = kept(ctx, provider.id);
    let (metadata, keys, newly) = {
        let mut answers = one.asked.lock().await;
        let metadata = metadata_of(ctx, provider, &one, &mut answers).await?;
        let now = ctx.now();
        match &answers.keys {
            Some((since, keys)) if fresh(*since, now, KEYS) => (metadata, Arc::clone(keys), false),
            _ => {
                let keys = Arc::new(ask_keys(ctx, provider, &metadata).await?);
                answers.keys = Some((now, Arc::clone(&keys)));
                (metadata, keys, true)
            }
        }
    };
    match token.verified(&keys, &metadata.algorithms) {
        Err(Wrong::UnknownKey) if !newly => {
            let mut answers = one.asked.lock().await;
            let now = ctx.now();
            if answers.refreshed.is_some_and(|last| fresh(last, now, REFRESH)) {
                return Err(Wrong::UnknownKey.into());
            }
            // Whether it helps or not, it is not done again for a while.
            answers.refreshed = Some(now);
            let keys = Arc::new(ask_keys(ctx, provider, &metadata).await?);
            answers.keys = Some((now, Arc::clone(&keys)));
            Ok(token.verified(&keys, &metadata.algorithms)?)
        }
        outcome => Ok(outcome?),
    }
}

async fn ask_metadata(ctx: &Ctx, provider: &Provider) -> Result<Metadata, Trouble> {
    let private = provider.private(ctx);
    let url = |text: &str| {
        Url::read(text, private).map_err(|why| Trouble::Failed("its discovery document names an address that", why))
    };
    let at = format!("{}/.well-known/openid-configuration", provider.issuer.trim_end_matches('/'));
    let at = Url::read(&at, private).map_err(|why| Trouble::Failed("its issuer", why))?;
    let document = document(get(&at, None, private).await, "discovery")?;
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    // To the byte: another issuer could otherwise speak in this one's name.
    if text("issuer") != Some(provider.issuer.as_str()) {
        return Err(Trouble::Odd(
            "it says that it is another issuer: the two must be the same to the letter".to_owned(),
        ));
    }
    let needed =
        |name: &'static str| text(name).ok_or_else(|| Trouble::Odd(format!("its discovery document lacks {name}")));
    let (authorization, token, keys) =
        (needed("authorization_endpoint")?, needed("token_endpoint")?, needed("jwks_uri")?);
    let texts = |name: &str| {
        let list = document.get(name).and_then(Value::as_array)?;
        Some(list.iter().filter_map(|one| one.as_str().map(str::to_owned)).collect::<Vec<_>>())
    };
    let signs = texts("id_token_signing_alg_values_supported").unwrap_or_else(|| vec!["RS256".to_owned()]);
    let algorithms: Vec<String> =
        signs.into_iter().filter(|name| super::jose::Algorithm::named(name).is_some()).collect();
    if algorithms.is_empty() {
        return Err(Trouble::Odd("it signs in no way that is accepted here, such as RS256, ES256 or EdDSA".to_owned()));
    }
    let optional = |name: &str| text(name).map(url).transpose();
    let end_session =
        optional("end_session_endpoint")?.and_then(|read| Some((text("end_session_endpoint")?.to_owned(), read)));
    let origins = std::iter::once(url(authorization)?).chain(end_session.as_ref().map(|(_, url)| url.clone()));
    let methods = texts("token_endpoint_auth_methods_supported");
    Ok(Metadata {
        origins: origins.map(|url| url.origin()).collect(),
        authorization: authorization.to_owned(),
        token: url(token)?,
        keys: url(keys)?,
        userinfo: optional("userinfo_endpoint")?,
        end_session: end_session.map(|(text, _)| text),
        algorithms,
        basic: methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
        names_itself: document.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
    })
}

async fn get(url: &Url, bearer: Option<&str>, private: bool) -> Result<Fetched, Failed> {
    let authorization = bearer.map(|token| format!("Bearer {token}"));
    Ask::get(url, private).authorized(authorization).send().await
}

/// The JSON object of an answer that must be 200.
fn document(answer: Result<Fetched, Failed>, what: &'static str) -> Result<Map<String, Value>, Trouble> {
    let answer = answer.map_err(|why| Trouble::Failed(what, why))?;
    if answer.status != StatusCode::OK {
        return Err(Trouble::Odd(format!("{what}: it answered {}", answer.status.as_u16())));
    }
    match parse_json(&answer.body) {
        Ok(Value::Object(document)) => Ok(document),
        _ => Err(Trouble::Odd(format!("{what}: its answer is not a JSON object"))),
    }
}

async fn ask_keys(ctx: &Ctx, provider: &Provider, metadata: &Metadata) -> Result<Keys, Trouble> {
    let what = "keys";
    let answer = get(&metadata.keys, None, provider.private(ctx)).await.map_err(|why| Trouble::Failed(what, why))?;
    let keys = (answer.status == StatusCode::OK).then(|| Keys::read(&answer.body)).flatten();
    keys.ok_or_else(|| Trouble::Odd("keys: its answer is not a set of keys".to_owned()))
}

/// What a provider gives for a code.
pub(super) struct Tokens {
    pub id: String,
    pub access: Option<String>,
}

/// Exchanges a code.
pub(super) async fn exchange(
    ctx: &Ctx,
    provider: &Provider,
    metadata: &Metadata,
    code: &str,
    verifier: &str,
) -> Result<Tokens, Trouble> {
    let secret = provider.secret(&ctx.directory().vault).map_err(|e| Trouble::Odd(e.to_string()))?;
    let back = super::flow::redirect_uri(ctx, provider);
    let mut pairs = vec![
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", back.as_str()),
        ("code_verifier", verifier),
    ];
    let authorization = match &secret {
        Some(secret) if metadata.basic => {
            let both = format!("{}:{}", encoded(&provider.client_id), encoded(secret));
            Some(format!("Basic {}", STANDARD.encode(both)))
        }
        Some(secret) => {
            pairs.extend([("client_id", provider.client_id.as_str()), ("client_secret", secret.as_str())]);
            None
        }
        None => {
            pairs.push(("client_id", provider.client_id.as_str()));
            None
        }
    };
    let ask = Ask::form(&metadata.token, form(&pairs), provider.private(ctx)).authorized(authorization);
    let tokens = document(ask.send().await, "tokens")?;
    let text = |name: &str| tokens.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = text("id_token").ok_or_else(|| Trouble::Odd("tokens: it gave no ID token".to_owned()))?;
    Ok(Tokens { id, access: text("access_token") })
}

/// What a provider knows of somebody besides: of that subject, or it is refused.
pub(super) async fn userinfo(
    ctx: &Ctx,
    provider: &Provider,
    metadata: &Metadata,
    access: Option<&str>,
    subject: &str,
) -> Result<Map<String, Value>, Trouble> {
    let (Some(url), Some(access)) = (&metadata.userinfo, access) else {
        return Err(Trouble::Odd("userinfo: it has none".to_owned()));
    };
    if !access.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Trouble::Odd("userinfo: its access token is no text".to_owned()));
    }
    let claims = document(get(url, Some(access), provider.private(ctx)).await, "userinfo")?;
    if claims.get("sub").and_then(Value::as_str) != Some(subject) {
        return Err(Trouble::SomebodyElse);
    }
    Ok(claims)
}
