//! Signed tokens: reading them, and verifying them with a provider's public keys (RFC 7515, 7517, 7518, 8037).
//!
//! Pure: bytes in, claims out. The arithmetic is ring's. Only signatures by public keys are known here at all: neither
//! `none` nor anything with a shared secret can be taken for one, and no key that a token brings along is looked at.

use crate::base::http::parse_json;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::digest;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde_json::{Map, Value};

/// Longest token, in bytes.
pub const TOKEN_BYTES: usize = 64 * 1024;
/// Most keys of one provider that are looked at.
pub const KEYS: usize = 100;

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is no token.
    #[error("the token cannot be read")]
    Unreadable,
    /// It is signed in a way that is not accepted, or not at all.
    #[error("the token is not signed in a way that is accepted")]
    Algorithm,
    /// None of the keys is the one it names: there may be a newer one.
    #[error("the token is signed with an unknown key")]
    UnknownKey,
    /// The signature does not fit.
    #[error("the token's signature does not fit")]
    Signature,
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, PKCS #1 v1.5, with SHA-256, 384 or 512.
    Rs(Hash),
    /// RSA, PSS, with SHA-256, 384 or 512.
    Ps(Hash),
    /// ECDSA over P-256 with SHA-256.
    Es256,
    /// ECDSA over P-384 with SHA-384.
    Es384,
    /// Ed25519.
    EdDsa,
}

/// The hash of an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The algorithm of that name, if it is one of these.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rs(Hash::Sha256),
            "RS384" => Self::Rs(Hash::Sha384),
            "RS512" => Self::Rs(Hash::Sha512),
            "PS256" => Self::Ps(Hash::Sha256),
            "PS384" => Self::Ps(Hash::Sha384),
            "PS512" => Self::Ps(Hash::Sha512),
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            "EdDSA" | "Ed25519" => Self::EdDsa,
            _ => return None,
        })
    }

    /// The left half of the hash of a text, in base64: how an ID token names the access token that came with it.
    pub fn half_hash(self, text: &str) -> String {
        let hash = match self {
            Self::Rs(Hash::Sha256) | Self::Ps(Hash::Sha256) | Self::Es256 => &digest::SHA256,
            Self::Rs(Hash::Sha384) | Self::Ps(Hash::Sha384) | Self::Es384 => &digest::SHA384,
            Self::Rs(Hash::Sha512) | Self::Ps(Hash::Sha512) | Self::EdDsa => &digest::SHA512,
        };
        let hash = digest::digest(hash, text.as_bytes());
        BASE64.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
    }
}

/// A public key of a provider.
#[derive(Clone, Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm it is for, if it says so.
    algorithm: Option<String>,
    material: Material,
}

#[derive(Clone, Debug)]
enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// The public keys of a provider.
#[derive(Clone, Debug, Default)]
pub struct Keys(Vec<Key>);

impl Keys {
    /// Reads a key set. Keys that are not for signatures, or of no type known here, are passed over.
    pub fn read(body: &[u8]) -> Option<Self> {
        let document = parse_json(body).ok()?;
        let keys = document.get("keys")?.as_array()?;
        Some(Self(keys.iter().take(KEYS).filter_map(key).collect()))
    }

    /// Does any of these bear that id?
    fn named(&self, id: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.id.as_deref() == Some(id))
    }
}

fn key(jwk: &Value) -> Option<Key> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    if text("use").is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let bytes = |name: &str| BASE64.decode(text(name)?).ok().filter(|bytes| bytes.len() <= 1_024);
    let point = |length: usize| {
        let (x, y) = (bytes("x")?, bytes("y")?);
        (x.len() == length && y.len() == length).then(|| [&[4][..], &x, &y].concat())
    };
    let material = match (text("kty")?, text("crv")) {
        ("RSA", _) => Material::Rsa { n: bytes("n")?, e: bytes("e")? },
        ("EC", Some("P-256")) => Material::P256(point(32)?),
        ("EC", Some("P-384")) => Material::P384(point(48)?),
        ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x")?),
        _ => return None,
    };
    Some(Key { id: text("kid").map(str::to_owned), algorithm: text("alg").map(str::to_owned), material })
}

/// A token as it came: nothing of it is to be believed yet.
pub struct Token<'t> {
    signed: &'t str,
    signature: Vec<u8>,
    claims: Vec<u8>,
    /// How it says that it is signed.
    pub algorithm: Algorithm,
    name: String,
    key: Option<String>,
    /// What it says that it is, in lower case; empty when it says nothing.
    pub sort: String,
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// When it is none, or says that it is signed in a way not known here.
    pub fn read(text: &'t str) -> Result<Self, Wrong> {
        if text.len() > TOKEN_BYTES {
            return Err(Wrong::Unreadable);
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(Wrong::Unreadable)?;
        let (head, claims) = signed.split_once('.').filter(|(_, c)| !c.contains('.')).ok_or(Wrong::Unreadable)?;
        let decode = |part: &str| BASE64.decode(part).map_err(|_| Wrong::Unreadable);
        let head = parse_json(&decode(head)?).map_err(|_| Wrong::Unreadable)?;
        let Value::Object(head) = head else { return Err(Wrong::Unreadable) };
        let field = |name: &str| match head.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(Wrong::Unreadable),
        };
        // What it calls critical would have to be understood, and nothing is.
        if head.contains_key("crit") {
            return Err(Wrong::Unreadable);
        }
        let name = field("alg")?.ok_or(Wrong::Algorithm)?;
        Ok(Self {
            signed,
            signature: decode(signature)?,
            claims: decode(claims)?,
            algorithm: Algorithm::named(&name).ok_or(Wrong::Algorithm)?,
            name,
            key: field("kid")?,
            sort: field("typ")?.unwrap_or_default().to_ascii_lowercase(),
        })
    }

    /// Verifies the signature and answers the claims. `accepted` are the names of the algorithms that the provider says it
    /// signs with.
    ///
    /// # Errors
    /// When it is signed in another way, with another key, or not by that key.
    pub fn verified(&self, keys: &Keys, accepted: &[String]) -> Result<Map<String, Value>, Wrong> {
        if !accepted.contains(&self.name) {
            return Err(Wrong::Algorithm);
        }
        let key = match &self.key {
            Some(id) => keys.named(id).ok_or(Wrong::UnknownKey)?,
            None => {
                // Without a name there must be no question which one is meant.
                let mut fitting = keys.0.iter().filter(|key| self.fits(key));
                match (fitting.next(), fitting.next()) {
                    (Some(key), None) => key,
                    _ => return Err(Wrong::UnknownKey),
                }
            }
        };
        if !self.fits(key) {
            return Err(Wrong::Algorithm);
        }
        self.check(&key.material).map_err(|_| Wrong::Signature)?;
        match parse_json(&self.claims) {
            Ok(Value::Object(claims)) => Ok(claims),
            _ => Err(Wrong::Unreadable),
        }
    }

    /// Is it a key for the way this token is signed?
    fn fits(&self, key: &Key) -> bool {
        let sort = matches!(
            (self.algorithm, &key.material),
            (Algorithm::Rs(_) | Algorithm::Ps(_), Material::Rsa { .. })
                | (Algorithm::Es256, Material::P256(_))
                | (Algorithm::Es384, Material::P384(_))
                | (Algorithm::EdDsa, Material::Ed25519(_))
        );
        sort && key.algorithm.as_ref().is_none_or(|only| *only == self.name)
    }

    fn check(&self, material: &Material) -> Result<(), ring::error::Unspecified> {
        let message = self.signed.as_bytes();
        match (self.algorithm, material) {
            (Algorithm::Rs(hash), Material::Rsa { n, e }) => {
                let how = match hash {
                    Hash::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Hash::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                };
                RsaPublicKeyComponents { n, e }.verify(how, message, &self.signature)
            }
            (Algorithm::Ps(hash), Material::Rsa { n, e }) => {
                let how = match hash {
                    Hash::Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Hash::Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Hash::Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
                };
                RsaPublicKeyComponents { n, e }.verify(how, message, &self.signature)
            }
            (Algorithm::Es256, Material::P256(point)) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, &self.signature)
            }
            (Algorithm::Es384, Material::P384(point)) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point).verify(message, &self.signature)
            }
            (Algorithm::EdDsa, Material::Ed25519(key)) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, &self.signature)
            }
            _ => Err(ring::error::Unspecified),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, A.4: a token of Ed25519, and its key.
    const ED25519: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCj\
        P0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    const ED25519_KEY: &str =
        r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    /// RFC 7515, A.3: a token of ES256, and its key.
    const ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt\
        cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSA\
        pmWQxfKTUJqPP3-Kg6NU1Q";
    const ES256_KEY: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

    fn accepted() -> Vec<String> {
        ["EdDSA", "ES256", "RS256"].map(str::to_owned).to_vec()
    }

    #[test]
    fn the_tokens_of_the_standards_are_verified() {
        let keys = Keys::read(ES256_KEY.as_bytes()).expect("keys");
        let claims = Token::read(ES256).expect("a token").verified(&keys, &accepted()).expect("signed");
        assert_eq!(claims["iss"], "joe");
        // Its claims are no JSON; its signature is good.
        let keys = Keys::read(ED25519_KEY.as_bytes()).expect("keys");
        let token = Token::read(ED25519).expect("a token");
        assert_eq!(token.verified(&keys, &accepted()), Err(Wrong::Unreadable));
        assert!(token.check(&keys.0[0].material).is_ok());
    }

    #[test]
    fn n57_what_is_not_signed_by_a_public_key_is_no_token() {
        let keys = Keys::read(ES256_KEY.as_bytes()).expect("keys");
        let (_, rest) = ES256.split_once('.').expect("a head");
        let with = |head: &str| format!("{}.{rest}", BASE64.encode(head));
        for head in [
            r#"{"alg":"none"}"#,
            r#"{"alg":"None"}"#,
            r#"{"alg":"HS256"}"#,
            r#"{"alg":""}"#,
            r#"{"alg":"es256"}"#,
            r#"{}"#,
        ] {
            assert_eq!(Token::read(&with(head)).map(drop), Err(Wrong::Algorithm), "{head}");
        }
        for head in [r#"{"alg":1}"#, r#"{"alg":"ES256","crit":["x"]}"#, r#"{"alg":"ES256","alg":"none"}"#, "[]", "{"] {
            assert_eq!(Token::read(&with(head)).map(drop), Err(Wrong::Unreadable), "{head}");
        }
        for token in ["", ".", "..", "a.b", "a.b.c.d", "a.b.c", &format!("{ES256}=")] {
            assert_eq!(Token::read(token).map(drop), Err(Wrong::Unreadable), "{token}");
        }
        assert_eq!(Token::read(&"x".repeat(TOKEN_BYTES + 1)).map(drop), Err(Wrong::Unreadable));
        let verified = |token: &str| Token::read(token).and_then(|token| token.verified(&keys, &accepted())).map(drop);
        assert_eq!(verified(&with(r#"{"alg":"RS256"}"#)), Err(Wrong::UnknownKey));
        assert_eq!(verified(&with(r#"{"alg":"ES384"}"#)), Err(Wrong::Algorithm), "the provider does not sign so");
        assert_eq!(verified(&with(r#"{"alg":"ES256","kid":"other"}"#)), Err(Wrong::UnknownKey));
        assert_eq!(verified(&with(r#"{"alg":"ES256","typ":"JWT"}"#)), Err(Wrong::Signature));
        let many: Vec<String> = (0..KEYS)
            .map(|n| ES256_KEY[9..].replace("]}", "").replace(r#""kty""#, &format!(r#""kid":"{n}","kty""#)))
            .collect();
        let set = |last: &str| format!(r#"{{"keys":[{},{last}]}}"#, many.join(","));
        let last = many[0].replace(r#""kid":"0""#, r#""kid":"last""#);
        assert_eq!(Keys::read(set(&last).as_bytes()).expect("keys").0.len(), KEYS, "only so many are looked at");
        let unsigned = ES256.rsplit_once('.').expect("a signature").0;
        assert_eq!(verified(&format!("{unsigned}.")), Err(Wrong::Signature));
    }

    #[test]
    fn keys_for_something_else_are_not_used() {
        let encryption = ES256_KEY.replace(r#""kty":"EC""#, r#""kty":"EC","use":"enc""#);
        let keys = Keys::read(encryption.as_bytes()).expect("keys");
        assert_eq!(Token::read(ES256).expect("a token").verified(&keys, &accepted()), Err(Wrong::UnknownKey));
        let other = ES256_KEY.replace(r#""kty":"EC""#, r#""kty":"EC","alg":"ES384""#);
        let keys = Keys::read(other.as_bytes()).expect("keys");
        assert_eq!(Token::read(ES256).expect("a token").verified(&keys, &accepted()), Err(Wrong::UnknownKey));
        assert!(Keys::read(b"{}").is_none() && Keys::read(b"nothing").is_none());
    }

    #[test]
    fn half_a_hash_names_an_access_token() {
        // OpenID Connect Core, A.3: at_hash of the example's token, signed with RS256.
        let at = Algorithm::Rs(Hash::Sha256).half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(at, "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
