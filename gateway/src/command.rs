//! The command: its name for ever, and the name of what it creates.
//!
//! A command with an `Idempotency-Key` is named by who sent it, what it is and the key, so that a repeat, also through
//! another gateway or after a restart, is the same command. What it creates is named by the command, so that a repeat
//! reaches the same actor. Without a key both names are fresh.

use actix_web::http::Method;
use actix_web::http::header::{HeaderMap, HeaderName, IF_MATCH};
use messages::id::Id;
use messages::route::{Idempotency, Route};
use runtime::entropy::Entropy;
use runtime::headers::{CommandId, CommandKey, Fingerprint};

use crate::error::Error;
use crate::identity::Identity;

/// The client's own name for a command.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key.
const KEY_CHARS_MAX: usize = 255;

/// A command's name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name {
    id: CommandId,
    keyed: bool,
}

impl Name {
    /// The name of the command that this request asks for.
    ///
    /// # Errors
    /// 400 when the key is not usable, or the contract demands one and there is none.
    pub(crate) fn of(
        route: &Route,
        identity: &Identity,
        headers: &HeaderMap,
        entropy: &Entropy,
    ) -> Result<Name, Error> {
        // Who calls back knows nothing of our keys, whatever a header of theirs is called.
        let key = if route.raw.is_some() { None } else { key(headers)? };
        match key {
            Some(key) if route.idempotency != Idempotency::None => {
                let who = identity.name.as_bytes();
                Ok(Name { id: CommandId::derived(&[who, route.name.as_bytes(), key.as_bytes()]), keyed: true })
            }
            None if route.idempotency == Idempotency::Required => Err(Error::bad_request(
                "idempotency_key_required",
                "this moves stock, money or orders: send an Idempotency-Key, and the same one when you repeat the request",
            )),
            _ => Ok(Name { id: CommandId::fresh(entropy), keyed: false }),
        }
    }

    /// The id of what the command creates: the same for a repeat.
    pub(crate) fn mint(self, prefix: &'static str) -> String {
        if self.keyed { Id::derived(prefix, &self.id.0).to_string() } else { Id::new(prefix).to_string() }
    }

    /// The same command, tried once more on a newer version of what it changes.
    pub(crate) fn attempt(self, attempt: u32) -> Name {
        if attempt == 0 {
            return self;
        }
        Name { id: CommandId::derived(&[&self.id.0, &attempt.to_le_bytes()]), keyed: self.keyed }
    }

    /// The command with what tells its body from another.
    pub(crate) fn with_body(self, route: &Route, body: &[u8]) -> CommandKey {
        CommandKey { id: self.id, fingerprint: Fingerprint::of(route.name, body), keyed: self.keyed }
    }
}

fn key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY);
    let Some(key) = keys.next() else { return Ok(None) };
    let usable = key
        .to_str()
        .ok()
        .filter(|key| (1..=KEY_CHARS_MAX).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()));
    match (usable, keys.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => Err(Error::bad_request(
            "idempotency_key_malformed",
            "an Idempotency-Key has 1 to 255 printable characters without spaces, and there is only one",
        )),
    }
}

/// The version that `If-Match` says the entity must have.
///
/// # Errors
/// 400 when it is not an entity tag; 412 when it is one that no entity here has.
pub(crate) fn if_version(method: &Method, headers: &HeaderMap) -> Result<Option<u64>, Error> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    if *method == Method::POST {
        return Ok(None);
    }
    let malformed = || Error::bad_request("if_match_malformed", "If-Match takes one entity tag, such as \"3\", or *");
    if headers.get_all(IF_MATCH).count() > 1 {
        return Err(malformed());
    }
    let text = value.to_str().unwrap_or_default().trim();
    // That it exists is a condition of every change but creation.
    if text == "*" {
        return Ok(None);
    }
    let (weak, tag) = match text.strip_prefix("W/") {
        Some(tag) => (true, tag),
        None => (false, text),
    };
    let quoted = tag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).filter(|tag| !tag.contains('"'));
    let Some(quoted) = quoted else { return Err(malformed()) };
    match quoted.parse::<u64>() {
        // A weak tag never matches (RFC 9110 §13.1.1), nor does another spelling of the number.
        Ok(version) if !weak && version.to_string() == quoted => Ok(Some(version)),
        _ => Err(Error::stale()),
    }
}
