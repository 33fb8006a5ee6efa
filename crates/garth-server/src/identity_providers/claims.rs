//! What a provider says in its tokens: whether that is meant for us, now and for this sign-in, and of whom.
//!
//! Pure: claims in, answers out (`standards.md` 5.8). Whatever is missing or odd is refused.

use super::jose::Algorithm;
use crate::base::text;
use garth_core::Micros;
use serde_json::{Map, Value};

/// How far a provider's clock may be from ours, in seconds.
pub const SKEW_SECONDS: i64 = 60;
/// How long ago a token may have been issued, in seconds: it comes straight from the provider.
pub const FRESH_SECONDS: i64 = 600;
/// Longest name of somebody at a provider, of a session there, of a logout token, in bytes.
pub const SUBJECT_BYTES: usize = 255;
/// Most groups of one person that a provider may name; longer lists count as unknown.
pub const GROUPS: usize = 500;
/// Longest name of a group, in bytes.
const GROUP_BYTES: usize = 255;

/// The member of `events` that makes a logout token.
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// What an ID token must fit.
pub struct Expected<'a> {
    /// Who must have issued it.
    pub issuer: &'a str,
    /// Whom it must be for.
    pub client_id: &'a str,
    /// What was asked for with this sign-in.
    pub nonce: &'a str,
    /// The time.
    pub now: Micros,
}

/// Requires that an ID token is meant for this sign-in; answers its subject.
///
/// # Errors
/// The claim that does not fit.
pub fn id_token(claims: &Map<String, Value>, expected: &Expected<'_>) -> Result<String, &'static str> {
    issued(claims, expected.issuer, expected.client_id)?;
    let now = expected.now / 1_000_000;
    if time(claims, "exp")?.ok_or("exp")? <= now - SKEW_SECONDS {
        return Err("exp");
    }
    let issued_at = time(claims, "iat")?.ok_or("iat")?;
    if issued_at > now + SKEW_SECONDS || issued_at < now - FRESH_SECONDS {
        return Err("iat");
    }
    if time(claims, "nbf")?.is_some_and(|from| from > now + SKEW_SECONDS) {
        return Err("nbf");
    }
    if claims.get("nonce").and_then(Value::as_str) != Some(expected.nonce) {
        return Err("nonce");
    }
    short(claims, "sub")?.ok_or("sub")
}

/// Requires that an access token is the one that came with the ID token, where that says so.
///
/// # Errors
/// The claim that does not fit.
pub fn access_token(claims: &Map<String, Value>, algorithm: Algorithm, token: &str) -> Result<(), &'static str> {
    match claims.get("at_hash") {
        None => Ok(()),
        Some(Value::String(hash)) if *hash == algorithm.half_hash(token) => Ok(()),
        Some(_) => Err("at_hash"),
    }
}

/// `iss`, `aud` and `azp`.
fn issued(claims: &Map<String, Value>, issuer: &str, client_id: &str) -> Result<(), &'static str> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer) {
        return Err("iss");
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many.iter().map(Value::as_str).collect::<Option<_>>().ok_or("aud")?,
        _ => return Err("aud"),
    };
    if !audiences.contains(&client_id) {
        return Err("aud");
    }
    match claims.get("azp") {
        // For whom of several it was issued has to be said.
        None if audiences.len() > 1 => Err("azp"),
        None => Ok(()),
        Some(azp) if azp.as_str() == Some(client_id) => Ok(()),
        Some(_) => Err("azp"),
    }
}

/// Seconds since 1970; a fraction is cut off.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, &'static str> {
    let seconds = |value: &Value| {
        let whole = value.as_i64().or_else(|| value.as_f64().map(|seconds| seconds.floor() as i64));
        whole.filter(|seconds| (0..=253_402_300_799).contains(seconds))
    };
    claims.get(name).map(|value| seconds(value).ok_or(name)).transpose()
}

/// A short text without control characters.
fn short(claims: &Map<String, Value>, name: &'static str) -> Result<Option<String>, &'static str> {
    let fits = |text: &&str| (1..=SUBJECT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control);
    claims.get(name).map(|value| value.as_str().filter(fits).map(str::to_owned).ok_or(name)).transpose()
}

/// The provider's name of the session that an ID token begins, if it says one.
pub fn session_id(claims: &Map<String, Value>) -> Option<String> {
    short(claims, "sid").ok().flatten()
}

/// Whose sessions a logout token ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The token's own id.
    pub token: String,
    /// Of whom: all their sessions, or those that the provider did not name.
    pub subject: Option<String>,
    /// The one session of that name.
    pub session: Option<String>,
}

/// Requires that claims are those of a logout token, made just now (OpenID Connect Back-Channel Logout 1.0, 2.6).
///
/// # Errors
/// The claim that does not fit.
pub fn logout_token(
    claims: &Map<String, Value>,
    issuer: &str,
    client_id: &str,
    now: Micros,
) -> Result<Ending, &'static str> {
    issued(claims, issuer, client_id)?;
    let now = now / 1_000_000;
    let issued_at = time(claims, "iat")?.ok_or("iat")?;
    if issued_at > now + SKEW_SECONDS || issued_at < now - FRESH_SECONDS {
        return Err("iat");
    }
    if time(claims, "exp")?.is_some_and(|end| end <= now - SKEW_SECONDS) {
        return Err("exp");
    }
    // With one it could be an ID token, which must end nothing.
    if claims.contains_key("nonce") {
        return Err("nonce");
    }
    if !claims.get("events").and_then(|events| events.get(LOGOUT_EVENT)).is_some_and(Value::is_object) {
        return Err("events");
    }
    let token = short(claims, "jti")?.ok_or("jti")?;
    let (subject, session) = (short(claims, "sub")?, short(claims, "sid")?);
    if subject.is_none() && session.is_none() {
        return Err("sub");
    }
    Ok(Ending { token, subject, session })
}

/// What a provider says of somebody's groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Groups {
    /// These.
    Named(Vec<String>),
    /// It cannot be known; why, as a sentence for people.
    Unknown(&'static str),
}

/// The groups in a document of claims: at a path of names with dots between, a text or a list of texts.
pub fn groups(claims: &Map<String, Value>, path: &str) -> Groups {
    // Entra names too many groups by pointing elsewhere; a list beside that would not be all of them.
    let overage = ["_claim_names", "_claim_sources", "hasgroups"].iter().any(|name| match claims.get(*name) {
        None | Some(Value::Bool(false)) => false,
        Some(Value::Object(names)) if *name == "_claim_names" => names.contains_key(top(path)),
        Some(Value::Object(_)) => false,
        Some(_) => true,
    });
    if overage {
        return Groups::Unknown("there are more groups than the provider puts into a token");
    }
    match at(claims, path) {
        None | Some(Value::Null) => Groups::Unknown(MISSING),
        Some(Value::String(one)) => named(vec![one]),
        Some(Value::Array(many)) => match many.iter().map(|one| one.as_str()).collect::<Option<Vec<_>>>() {
            Some(names) => named(names),
            None => Groups::Unknown(ODD),
        },
        Some(_) => Groups::Unknown(ODD),
    }
}

const ODD: &str = "what the provider says of groups is no list of names";

fn named(names: Vec<&str>) -> Groups {
    if names.len() > GROUPS {
        return Groups::Unknown("the provider names more than 500 groups");
    }
    if names.iter().any(|name| name.is_empty() || name.len() > GROUP_BYTES || name.chars().any(char::is_control)) {
        return Groups::Unknown(ODD);
    }
    let mut names: Vec<String> = names.into_iter().map(|name| text::composed(name).into_owned()).collect();
    names.sort();
    names.dedup();
    Groups::Named(names)
}

/// The first name of a path.
fn top(path: &str) -> &str {
    path.split('.').next().unwrap_or_default()
}

/// What stands at a path. A claim whose own name has dots in it (`https://corp.example/groups`) is found first.
fn at<'c>(claims: &'c Map<String, Value>, path: &str) -> Option<&'c Value> {
    if let Some(whole) = claims.get(path) {
        return Some(whole);
    }
    let mut steps = path.split('.');
    let mut found = claims.get(steps.next()?)?;
    for step in steps {
        found = found.get(step)?;
    }
    Some(found)
}

/// Both sources together: what one does not name the other may; what one says oddly makes all of it unknown.
pub fn both(one: Groups, other: Groups) -> Groups {
    match (one, other) {
        (Groups::Named(mut names), Groups::Named(more)) => {
            names.extend(more);
            names.sort();
            names.dedup();
            if names.len() > GROUPS {
                Groups::Unknown("the provider names more than 500 groups")
            } else {
                Groups::Named(names)
            }
        }
        (Groups::Unknown(MISSING), found) | (found, Groups::Unknown(MISSING)) => found,
        (Groups::Unknown(why), _) | (_, Groups::Unknown(why)) => Groups::Unknown(why),
    }
}

/// Nothing is said of groups at all.
const MISSING: &str = "the provider names no groups";

/// What an account is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// What they would like to be called where names are unique.
    pub handle: Option<String>,
    /// What people call them.
    pub name: Option<String>,
    /// Where to write to them; only if the provider has verified it.
    pub email: Option<String>,
}

/// What is said of a person, in the ID token or else in userinfo.
pub fn person(token: &Map<String, Value>, userinfo: Option<&Map<String, Value>>) -> Person {
    let said = |claims: &Map<String, Value>, name: &str| claims.get(name).and_then(Value::as_str).map(str::to_owned);
    let text = |name: &str| said(token, name).or_else(|| said(userinfo?, name)).filter(|text| !text.trim().is_empty());
    // The address and its proof come from the same document.
    let verified = |claims: &Map<String, Value>| {
        let email = said(claims, "email").filter(|_| claims.get("email_verified") == Some(&Value::Bool(true)))?;
        text::email("", &email).ok()
    };
    let email = verified(token).or_else(|| verified(userinfo?));
    let handle = text("preferred_username").or_else(|| email.clone());
    Person { handle, name: text("name").and_then(|name| text::name("", &name).ok()), email }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_900_000_000;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().expect("an object").clone()
    }

    fn good() -> Value {
        json!({"iss": "https://idp.example", "aud": "garth", "sub": "u1", "nonce": "n", "iat": NOW, "exp": NOW + 300})
    }

    fn judge(change: Value) -> Result<String, &'static str> {
        let mut claims = object(good());
        for (name, value) in object(change) {
            match value {
                Value::Null => claims.remove(&name),
                value => claims.insert(name, value),
            };
        }
        let expected = Expected { issuer: "https://idp.example", client_id: "garth", nonce: "n", now: NOW * 1_000_000 };
        id_token(&claims, &expected)
    }

    #[test]
    fn n57_every_claim_of_an_id_token_counts() {
        assert_eq!(judge(json!({})), Ok("u1".to_owned()));
        for (wrong, claim) in [
            (json!({"iss": null}), "iss"),
            (json!({"iss": "https://idp.example/"}), "iss"),
            (json!({"iss": "https://IDP.example"}), "iss"),
            (json!({"iss": ["https://idp.example"]}), "iss"),
            (json!({"aud": null}), "aud"),
            (json!({"aud": "other"}), "aud"),
            (json!({"aud": "Garth"}), "aud"),
            (json!({"aud": []}), "aud"),
            (json!({"aud": ["other"]}), "aud"),
            (json!({"aud": ["garth", 1]}), "aud"),
            (json!({"aud": {"garth": true}}), "aud"),
            (json!({"aud": ["garth", "other"]}), "azp"),
            (json!({"aud": ["garth", "other"], "azp": "other"}), "azp"),
            (json!({"azp": "other"}), "azp"),
            (json!({"azp": 1}), "azp"),
            (json!({"exp": null}), "exp"),
            (json!({"exp": NOW - 60}), "exp"),
            (json!({"exp": "tomorrow"}), "exp"),
            (json!({"exp": -1}), "exp"),
            (json!({"exp": 1e300}), "exp"),
            (json!({"iat": null}), "iat"),
            (json!({"iat": NOW + 61}), "iat"),
            (json!({"iat": NOW - 601}), "iat"),
            (json!({"nbf": NOW + 61}), "nbf"),
            (json!({"nbf": "now"}), "nbf"),
            (json!({"nonce": null}), "nonce"),
            (json!({"nonce": "other"}), "nonce"),
            (json!({"nonce": ["n"]}), "nonce"),
            (json!({"sub": null}), "sub"),
            (json!({"sub": ""}), "sub"),
            (json!({"sub": 7}), "sub"),
            (json!({"sub": "x".repeat(256)}), "sub"),
            (json!({"sub": "a\u{0}"}), "sub"),
        ] {
            assert_eq!(judge(wrong.clone()), Err(claim), "{wrong}");
        }
        for right in [
            json!({"aud": ["garth"]}),
            json!({"aud": ["garth", "other"], "azp": "garth"}),
            json!({"exp": NOW - 59}),
            json!({"iat": NOW + 60}),
            json!({"iat": NOW - 600}),
            json!({"nbf": NOW + 60}),
            json!({"exp": (NOW + 5) as f64 + 0.5}),
            json!({"sub": "x".repeat(255)}),
        ] {
            assert!(judge(right.clone()).is_ok(), "{right}");
        }
    }

    #[test]
    fn a_logout_token_is_nothing_else() {
        let good = json!({"iss": "https://idp.example", "aud": "garth", "iat": NOW, "exp": NOW + 120, "jti": "j",
            "sub": "u1", "sid": "s1", "events": {LOGOUT_EVENT: {}}});
        let judge = |change: Value| {
            let mut claims = object(good.clone());
            for (name, value) in object(change) {
                match value {
                    Value::Null => claims.remove(&name),
                    value => claims.insert(name, value),
                };
            }
            logout_token(&claims, "https://idp.example", "garth", NOW * 1_000_000)
        };
        let ending = judge(json!({})).expect("good");
        assert_eq!((ending.subject.as_deref(), ending.session.as_deref()), (Some("u1"), Some("s1")));
        for (wrong, claim) in [
            (json!({"nonce": "n"}), "nonce"),
            (json!({"nonce": ""}), "nonce"),
            (json!({"events": null}), "events"),
            (json!({"events": {}}), "events"),
            (json!({"events": [LOGOUT_EVENT]}), "events"),
            (json!({"events": {LOGOUT_EVENT: true}}), "events"),
            (json!({"events": {"other": {}}}), "events"),
            (json!({"jti": null}), "jti"),
            (json!({"iat": null}), "iat"),
            (json!({"iat": NOW - 601}), "iat"),
            (json!({"iat": NOW + 61}), "iat"),
            (json!({"exp": NOW - 60}), "exp"),
            (json!({"iss": "https://other.example"}), "iss"),
            (json!({"aud": "other"}), "aud"),
            (json!({"sub": null, "sid": null}), "sub"),
            (json!({"sub": 1}), "sub"),
            (json!({"sid": []}), "sid"),
        ] {
            assert_eq!(judge(wrong.clone()), Err(claim), "{wrong}");
        }
        assert!(judge(json!({"sub": null})).is_ok() && judge(json!({"sid": null})).is_ok());
    }

    #[test]
    fn n62_groups_that_are_not_plainly_said_are_unknown() {
        let said = |value: Value, path: &str| groups(&object(value), path);
        let named = |names: &[&str]| Groups::Named(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(said(json!({"groups": ["b", "a", "b"]}), "groups"), named(&["a", "b"]));
        assert_eq!(said(json!({"groups": "a"}), "groups"), named(&["a"]));
        assert_eq!(said(json!({"groups": []}), "groups"), named(&[]));
        assert_eq!(said(json!({"realm_access": {"roles": ["a"]}}), "realm_access.roles"), named(&["a"]));
        let namespaced = json!({"https://corp.example/groups": ["a"]});
        assert_eq!(said(namespaced, "https://corp.example/groups"), named(&["a"]));
        for odd in [
            json!({}),
            json!({"groups": null}),
            json!({"groups": {"a": true}}),
            json!({"groups": 1}),
            json!({"groups": true}),
            json!({"groups": ["a", 1]}),
            json!({"groups": [["a"]]}),
            json!({"groups": ["a", ""]}),
            json!({"groups": ["a\u{7}"]}),
            json!({"groups": ["x".repeat(256)]}),
            json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph"}}}),
            json!({"groups": ["a"], "_claim_names": {"groups": "src1"}}),
            json!({"groups": ["a"], "hasgroups": true}),
            json!({"hasgroups": "true"}),
            json!({"groups": (0..501).map(|n| n.to_string()).collect::<Vec<_>>()}),
        ] {
            assert!(matches!(said(odd.clone(), "groups"), Groups::Unknown(_)), "{odd}");
        }
        assert!(matches!(said(json!({"a": ["b"]}), "a.b"), Groups::Unknown(_)));
        let many: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        assert!(matches!(said(json!({"groups": many}), "groups"), Groups::Named(names) if names.len() == 500));
        let unknown = || Groups::Unknown(ODD);
        assert_eq!(both(named(&["a"]), named(&["b"])), named(&["a", "b"]));
        assert_eq!(both(Groups::Unknown(MISSING), named(&["b"])), named(&["b"]));
        assert_eq!(both(named(&["a"]), unknown()), unknown());
        assert_eq!(both(unknown(), named(&["a"])), unknown());
    }

    #[test]
    fn an_address_that_is_not_verified_is_nobodys() {
        let person = |token: Value| person(&object(token), None);
        assert_eq!(person(json!({"email": "a@b.c", "email_verified": true})).email.as_deref(), Some("a@b.c"));
        for not in [json!(false), json!("true"), json!(1), Value::Null] {
            assert_eq!(person(json!({"email": "a@b.c", "email_verified": not})), Person::default());
        }
        assert_eq!(person(json!({"email": "a@b.c"})), Person::default());
        let split = super::person(
            &object(json!({"email": "victim@b.c"})),
            Some(&object(json!({"email": "own@b.c", "email_verified": true}))),
        );
        assert_eq!(split.email.as_deref(), Some("own@b.c"));
    }
}
