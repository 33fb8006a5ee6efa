//! An identity provider on loopback that says and signs whatever it is told to.

use super::browser::parameters;
use super::{Answer, Browser, Garth, Person, Value, json};
use axum::extract::{Form, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use garth_server::Limits;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};

/// How a token is to be signed.
#[derive(Clone, Debug, Default)]
pub enum Signed {
    /// As it should be.
    #[default]
    Well,
    /// With a head of one's own, by the key that is published.
    Headed(Value),
    /// By another key, under the name of the published one.
    Foreign,
    /// Not at all, and it says so.
    Not,
    /// With HMAC and the public key as the secret.
    Confused,
    /// By Ed25519, which it publishes too.
    Edwards,
    /// This text.
    As(String),
}

/// What it does, for tests to change.
pub struct Knobs {
    /// Put over what its discovery document says; null takes away.
    pub discovery: Value,
    /// Put over the claims of its ID tokens.
    pub claims: Value,
    pub signed: Signed,
    pub userinfo: Value,
    /// What it answers for tokens instead.
    pub tokens: Option<(u16, Value)>,
    /// Put over its key set: another list of keys.
    pub keys: Option<Value>,
    /// Discovery leads elsewhere.
    pub redirect: Option<String>,
    /// The clock of its tokens, in seconds.
    pub now: i64,
    /// How often its keys were asked for; how often a token was.
    pub asked_keys: usize,
    pub asked_tokens: usize,
    /// The nonce and the challenge of each code that is not used yet.
    codes: HashMap<String, (String, String)>,
    counter: usize,
}

struct Inner {
    knobs: Mutex<Knobs>,
    url: String,
    key: EcdsaKeyPair,
    foreign: EcdsaKeyPair,
    edwards: Ed25519KeyPair,
    random: SystemRandom,
}

/// A provider; it listens until the story ends.
#[derive(Clone)]
pub struct Idp(Arc<Inner>);

impl Idp {
    pub async fn start() -> Idp {
        let random = SystemRandom::new();
        let ecdsa = || {
            let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).expect("a key");
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random).expect("a key")
        };
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).expect("a key");
        let edwards = Ed25519KeyPair::from_pkcs8(edwards.as_ref()).expect("a key");
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let knobs = Knobs {
            discovery: json!({}),
            claims: json!({}),
            signed: Signed::Well,
            userinfo: json!({}),
            tokens: None,
            keys: None,
            redirect: None,
            now: 0,
            asked_keys: 0,
            asked_tokens: 0,
            codes: HashMap::new(),
            counter: 0,
        };
        let (key, foreign) = (ecdsa(), ecdsa());
        let idp = Idp(Arc::new(Inner { knobs: Mutex::new(knobs), url, key, foreign, edwards, random }));
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(idp.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        idp
    }

    pub fn url(&self) -> &str {
        &self.0.url
    }

    pub fn knobs(&self) -> MutexGuard<'_, Knobs> {
        self.0.knobs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Claims as a token, signed as it is told to.
    pub fn sign(&self, claims: &Value, sort: &str, signed: &Signed) -> String {
        let inner = &self.0;
        let head = match signed {
            Signed::As(text) => return text.clone(),
            Signed::Well | Signed::Foreign => json!({"alg": "ES256", "kid": "one", "typ": sort}),
            Signed::Headed(head) => head.clone(),
            Signed::Not => json!({"alg": "none", "typ": sort}),
            Signed::Confused => json!({"alg": "HS256", "kid": "one", "typ": sort}),
            Signed::Edwards => json!({"alg": "EdDSA", "kid": "two", "typ": sort}),
        };
        let text = format!("{}.{}", BASE64.encode(head.to_string()), BASE64.encode(claims.to_string()));
        let signature = match signed {
            Signed::Not => Vec::new(),
            Signed::Foreign => inner.foreign.sign(&inner.random, text.as_bytes()).expect("signed").as_ref().to_vec(),
            Signed::Edwards => inner.edwards.sign(text.as_bytes()).as_ref().to_vec(),
            Signed::Confused => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, inner.key.public_key().as_ref());
                ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
            _ => inner.key.sign(&inner.random, text.as_bytes()).expect("signed").as_ref().to_vec(),
        };
        format!("{text}.{}", BASE64.encode(signature))
    }

    /// A logout token with these claims over the usual ones.
    pub fn logout_token(&self, over: Value) -> String {
        let now = self.knobs().now;
        let mut claims = json!({
            "iss": self.url(), "aud": "garth", "iat": now, "exp": now + 120, "jti": self.new_code(),
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        merge(&mut claims, &over);
        self.sign(&claims, "logout+jwt", &Signed::Well)
    }

    /// The public key that is published, under another name.
    pub fn key_named(&self, name: &str) -> Value {
        let point = self.0.key.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "kid": name, "use": "sig", "alg": "ES256",
            "x": BASE64.encode(&point[1..33]), "y": BASE64.encode(&point[33..])})
    }

    fn new_code(&self) -> String {
        let mut knobs = self.knobs();
        knobs.counter += 1;
        format!("code-{}", knobs.counter)
    }

    /// The page where somebody signs in: with the parameters that the browser came with, answers those it goes back with.
    pub fn consent(&self, location: &str) -> BTreeMap<String, String> {
        let asked = parameters(location);
        assert!(location.starts_with(&format!("{}/authorize?", self.url())), "{location}");
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["code_challenge_method"], "S256");
        let code = self.new_code();
        self.knobs().codes.insert(code.clone(), (asked["nonce"].clone(), asked["code_challenge"].clone()));
        BTreeMap::from([("state".to_owned(), asked["state"].clone()), ("code".to_owned(), code)])
    }

    /// A provider of this installation: this one, with these fields over the usual ones.
    pub async fn install(&self, g: &Garth, over: Value) -> Answer {
        if !g.limits().allow_private_targets {
            g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
        }
        let mut body = json!({
            "name": "Corp", "slug": "corp", "issuer": self.url(), "client_id": "garth", "client_secret": "s3cret+/ü",
            "create_users": true, "allow_private": true,
        });
        merge(&mut body, &over);
        g.admin().await.post("/api/v1/identity-providers", body).await.created()
    }

    /// Goes through a whole sign-in: answers what the callback answered.
    pub async fn sign_in(&self, g: &Garth, browser: &Browser, slug: &str) -> Answer {
        let began = browser.visit(&format!("/auth/oidc/{slug}/start")).await.expect_status(303);
        let back = self.consent(began.header("location"));
        self.knobs().now = self.now(g);
        browser.visit(&callback(slug, &back)).await
    }

    fn now(&self, g: &Garth) -> i64 {
        g.app().clock.now() / 1_000_000
    }

    /// Somebody of that subject, signed in by this provider: with the token that their browser's cookie holds.
    pub async fn person(&self, g: &Garth, browser: &Browser, slug: &str, subject: &str) -> Person {
        merge(&mut self.knobs().claims, &json!({ "sub": subject }));
        self.sign_in(g, browser, slug).await.expect_status(303);
        let token = browser.cookie("__Host-garth").expect("a session");
        let me = g.anonymous().with_token(&token).get("/api/v1/me").await.ok();
        let text = |name: &str| me["user"][name].as_str().expect("a text").to_owned();
        Person { g: g.clone(), id: text("id"), username: text("username"), token: Some(token) }
    }
}

/// The address that a browser comes back to.
pub fn callback(slug: &str, answer: &BTreeMap<String, String>) -> String {
    let pairs: Vec<(&str, &str)> = answer.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    format!("/auth/oidc/{slug}/callback?{}", super::browser::form(&pairs))
}

/// Puts fields over others; null takes one away.
pub fn merge(into: &mut Value, over: &Value) {
    let into = into.as_object_mut().expect("an object");
    for (name, value) in over.as_object().expect("an object") {
        if value.is_null() {
            into.remove(name)
        } else {
            into.insert(name.clone(), value.clone())
        };
    }
}

async fn discovery(State(idp): State<Idp>) -> Response {
    let url = idp.url().to_owned();
    let knobs = idp.knobs();
    if let Some(elsewhere) = &knobs.redirect {
        return Redirect::temporary(elsewhere).into_response();
    }
    let mut document = json!({
        "issuer": url, "authorization_endpoint": format!("{url}/authorize"), "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"), "userinfo_endpoint": format!("{url}/userinfo"),
        "end_session_endpoint": format!("{url}/end"),
        "id_token_signing_alg_values_supported": ["ES256", "EdDSA", "RS256", "HS256", "none"],
    });
    merge(&mut document, &knobs.discovery);
    Json(document).into_response()
}

async fn keys(State(idp): State<Idp>) -> Response {
    let (one, edwards) = (idp.key_named("one"), BASE64.encode(idp.0.edwards.public_key().as_ref()));
    let mut knobs = idp.knobs();
    knobs.asked_keys += 1;
    let two = json!({"kty": "OKP", "crv": "Ed25519", "kid": "two", "x": edwards});
    Json(json!({ "keys": knobs.keys.clone().unwrap_or_else(|| json!([one, two])) })).into_response()
}

async fn token(State(idp): State<Idp>, headers: HeaderMap, Form(form): Form<HashMap<String, String>>) -> Response {
    let (claims, signed) = {
        let mut knobs = idp.knobs();
        knobs.asked_tokens += 1;
        if let Some((status, body)) = knobs.tokens.clone() {
            return (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response();
        }
        let refused = |why: &str| (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response();
        // client:secret, each form-encoded.
        let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode("garth:s3cret%2B%2F%C3%BC"));
        if headers.get("authorization").and_then(|v| v.to_str().ok()) != Some(&basic) {
            return refused("invalid_client");
        }
        let Some((nonce, challenge)) = form.get("code").and_then(|code| knobs.codes.remove(code)) else {
            return refused("invalid_grant");
        };
        let verifier = ring::digest::digest(&ring::digest::SHA256, form["code_verifier"].as_bytes());
        if BASE64.encode(verifier.as_ref()) != challenge {
            return refused("invalid_grant");
        }
        let now = knobs.now;
        let mut claims = json!({
            "iss": idp.url(), "aud": "garth", "sub": "u1", "nonce": nonce, "iat": now, "exp": now + 300,
        });
        merge(&mut claims, &knobs.claims);
        (claims, knobs.signed.clone())
    };
    let id_token = idp.sign(&claims, "JWT", &signed);
    Json(json!({"access_token": "access", "token_type": "Bearer", "id_token": id_token})).into_response()
}

async fn userinfo(State(idp): State<Idp>, headers: HeaderMap) -> Response {
    assert_eq!(headers["authorization"], "Bearer access");
    Json(idp.knobs().userinfo.clone()).into_response()
}
