//! An authenticator in software: makes a passkey and signs with it, and can be told to do it wrongly.

use super::PUBLIC_URL;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// One passkey in its device.
pub struct Authenticator {
    key: EcdsaKeyPair,
    credential_id: Vec<u8>,
    /// Whose it says it is.
    pub user: Option<Vec<u8>>,
    /// How often it signed; one that does not count stays at 0.
    pub counter: u32,
    /// The page that it believes it is asked by.
    pub origin: String,
    /// The server that it believes it is asked by.
    pub server: String,
    /// Was somebody there?
    pub present: bool,
    /// Did they show that they are its owner?
    pub verified: bool,
    /// What it says it does, instead of what it does.
    pub kind: Option<&'static str>,
    /// Was it asked from within another site's page?
    pub cross_origin: bool,
}

impl Authenticator {
    pub fn new() -> Authenticator {
        let rng = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &rng).expect("a key");
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, document.as_ref(), &rng).expect("a key");
        let credential_id = Sha256::digest(key.public_key().as_ref())[..16].to_vec();
        Authenticator {
            key,
            credential_id,
            user: None,
            counter: 0,
            origin: PUBLIC_URL.to_owned(),
            server: PUBLIC_URL.trim_start_matches("https://").to_owned(),
            present: true,
            verified: true,
            kind: None,
            cross_origin: false,
        }
    }

    /// What `navigator.credentials.create` gives for those options.
    pub fn make(&mut self, options: &Value) -> Value {
        self.user = Some(bytes(options["user"]["id"].as_str().expect("a user")));
        let client = self.client("webauthn.create", options);
        let mut data = self.data(0x40);
        data.extend([0; 16]);
        data.extend(u16::try_from(self.credential_id.len()).expect("short").to_be_bytes());
        data.extend(&self.credential_id);
        // The public key as a map of CBOR: EC2, ES256, P-256, x, y.
        let point = self.key.public_key().as_ref();
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..]);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut attestation = vec![0xa3, 0x63];
        attestation.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x59");
        attestation.extend(u16::try_from(data.len()).expect("short").to_be_bytes());
        attestation.extend(data);
        self.answer(json!({ "clientDataJSON": text(&client), "attestationObject": text(&attestation) }))
    }

    /// What `navigator.credentials.get` gives for those options.
    pub fn sign(&mut self, options: &Value) -> Value {
        let client = self.client("webauthn.get", options);
        let data = self.data(0);
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = self.key.sign(&SystemRandom::new(), &signed).expect("a signature");
        self.answer(json!({
            "clientDataJSON": text(&client),
            "authenticatorData": text(&data),
            "signature": text(signature.as_ref()),
            "userHandle": self.user.as_deref().map(text),
        }))
    }

    /// Does that name it?
    pub fn is_named(&self, options: &Value) -> bool {
        let named = options["allowCredentials"].as_array().expect("a list");
        named.iter().any(|one| one["id"] == text(&self.credential_id))
    }

    fn client(&self, kind: &str, options: &Value) -> Vec<u8> {
        let kind = self.kind.unwrap_or(kind);
        json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": self.cross_origin})
            .to_string()
            .into_bytes()
    }

    fn data(&self, more: u8) -> Vec<u8> {
        let mut data = Sha256::digest(self.server.as_bytes()).to_vec();
        data.push(u8::from(self.present) | if self.verified { 4 } else { 0 } | more);
        data.extend(self.counter.to_be_bytes());
        data
    }

    fn answer(&self, response: Value) -> Value {
        let id = text(&self.credential_id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}})
    }
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
