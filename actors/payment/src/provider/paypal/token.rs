//! The access token: asked for once, and used until a minute before it ends.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Credentials;
use super::reading::No;
use crate::provider::http::{Request, Transport};

/// How long before its end a token is used no more: a request under way must not outlive it.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

pub(super) struct Token {
    basic: String,
    /// The token, and until when it is used.
    held: Mutex<Option<(String, Timestamp)>>,
}

impl Token {
    pub(super) fn new(credentials: &Credentials) -> Token {
        let Credentials { client_id, client_secret, .. } = credentials;
        let basic = STANDARD.encode(format!("{client_id}:{client_secret}"));
        Token { basic, held: Mutex::new(None) }
    }

    /// The token. Two who ask at once may fetch one each; both are good.
    pub(super) async fn get(&self, transport: &dyn Transport, now: Timestamp) -> Result<String, No> {
        let held = self.held().clone();
        if let Some((token, until)) = held
            && now < until
        {
            return Ok(token);
        }
        let request = Request {
            method: "POST",
            path: "/v1/oauth2/token".to_owned(),
            key: None,
            form: "grant_type=client_credentials".to_owned(),
            headers: vec![("authorization", format!("Basic {}", self.basic))],
        };
        let reply = transport.send(request).await?;
        let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
        let (token, seconds) = (body["access_token"].as_str(), body["expires_in"].as_i64());
        let (200, Some(token)) = (reply.status, token) else {
            // Somebody has to mend it; until then nobody knows.
            return Err(No::Unknown(format!("PayPal gives no token: status {}", reply.status)));
        };
        let life = SignedDuration::from_secs(seconds.unwrap_or(0)).saturating_sub(MARGIN);
        *self.held() = Some((token.to_owned(), now.saturating_add(life).unwrap_or(now)));
        Ok(token.to_owned())
    }

    /// The token is not taken any more.
    pub(super) fn forget(&self, token: &str) {
        let mut held = self.held();
        if held.as_ref().is_some_and(|(held, _)| held == token) {
            *held = None;
        }
    }

    fn held(&self) -> MutexGuard<'_, Option<(String, Timestamp)>> {
        // Whoever panicked while holding it left a whole token.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
