//! A device that keeps passkeys, in software: what it says is right unless a test makes it say something else.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ciborium::Value as Cbor;
use serde_json::{Value, json};

/// The user was there; was verified; a new key follows.
pub(crate) const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;
const ATTESTED: u8 = 0x40;

enum Key {
    Es256(EcdsaKeyPair),
    Eddsa(Ed25519KeyPair),
}

/// A device with one passkey.
pub(crate) struct Device {
    key: Key,
    credential_id: Vec<u8>,
    handle: String,
    /// The shop that it says it speaks to.
    pub(crate) rp_id: String,
    /// The page that it says asked.
    pub(crate) origin: String,
    /// Who it says was there.
    pub(crate) flags: u8,
    /// How often it says it has signed.
    pub(crate) count: u32,
    /// The attestation that it brings.
    pub(crate) format: String,
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn cbor(value: &Cbor) -> Vec<u8> {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).expect("CBOR");
    bytes
}

impl Device {
    fn with(key: Key, name: u8) -> Device {
        Device {
            key,
            credential_id: vec![name; 32],
            handle: String::new(),
            rp_id: "shop.example".to_owned(),
            origin: "https://shop.example".to_owned(),
            flags: PRESENT | VERIFIED,
            count: 0,
            format: "none".to_owned(),
        }
    }

    /// One with a key of P-256.
    pub(crate) fn elliptic(name: u8) -> Device {
        Device::with(Key::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a pair")), name)
    }

    /// One with a key of Ed25519.
    pub(crate) fn edwards(name: u8) -> Device {
        Device::with(Key::Eddsa(Ed25519KeyPair::generate().expect("a pair")), name)
    }

    fn public_key(&self) -> Vec<u8> {
        let number = |n: i64| Cbor::Integer(n.into());
        let entries = match &self.key {
            Key::Es256(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                vec![
                    (number(1), number(2)),
                    (number(3), number(-7)),
                    (number(-1), number(1)),
                    (number(-2), Cbor::Bytes(x.to_vec())),
                    (number(-3), Cbor::Bytes(y.to_vec())),
                ]
            }
            Key::Eddsa(pair) => vec![
                (number(1), number(1)),
                (number(3), number(-8)),
                (number(-1), number(6)),
                (number(-2), Cbor::Bytes(pair.public_key().as_ref().to_vec())),
            ],
        };
        cbor(&Cbor::Map(entries))
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let spoken_to = digest(&SHA256, self.rp_id.as_bytes());
        [spoken_to.as_ref(), &[flags][..], &self.count.to_be_bytes()].concat()
    }

    fn page(&self, ceremony: &str, options: &Value) -> String {
        json!({"type": ceremony, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false})
            .to_string()
    }

    /// Makes its passkey for whoever the options name.
    pub(crate) fn create(&mut self, options: &Value) -> String {
        self.handle = options["user"]["id"].as_str().expect("a handle").to_owned();
        let length = u16::try_from(self.credential_id.len()).expect("short").to_be_bytes();
        let head = self.data(self.flags | ATTESTED);
        let data = [&head[..], &[0; 16], &length, &self.credential_id, &self.public_key()].concat();
        let object = cbor(&Cbor::Map(vec![
            (Cbor::Text("fmt".into()), Cbor::Text(self.format.clone())),
            (Cbor::Text("attStmt".into()), Cbor::Map(vec![])),
            (Cbor::Text("authData".into()), Cbor::Bytes(data)),
        ]));
        let response = json!({
            "clientDataJSON": text(self.page("webauthn.create", options)), "attestationObject": text(object),
        });
        self.said(response)
    }

    /// Shows its passkey.
    pub(crate) fn get(&self, options: &Value) -> String {
        let (page, data) = (self.page("webauthn.get", options), self.data(self.flags));
        let signed = [&data[..], digest(&SHA256, page.as_bytes()).as_ref()].concat();
        let signature = match &self.key {
            Key::Es256(pair) => pair.sign(&SystemRandom::new(), &signed).expect("signed").as_ref().to_vec(),
            Key::Eddsa(pair) => pair.sign(&signed).as_ref().to_vec(),
        };
        let response = json!({
            "clientDataJSON": text(page), "authenticatorData": text(data), "signature": text(signature),
            "userHandle": self.handle,
        });
        self.said(response)
    }

    fn said(&self, response: Value) -> String {
        let id = text(&self.credential_id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": {}})
            .to_string()
    }
}
