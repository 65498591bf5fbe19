//! Proof of possession: whoever shows a token that is bound to a key shows that they have the key (RFC 9449).
//!
//! A proof is good for one request: its method, its address, the token that it comes with, a minute, and once. That it
//! came before, all gateways remember together; one that counts alone remembers alone. A stolen token is worth nothing
//! without its key, and a stolen proof nothing at all.

mod proof;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue, WWW_AUTHENTICATE};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use self::proof::{LIFE, Proof};
use crate::door::Door;
use crate::error::Error;
use crate::oidc;

/// Where a proof stands.
const DPOP: HeaderName = HeaderName::from_static("dpop");
/// Where the next proof's nonce stands.
const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");
/// How proofs are signed. RFC 9864 calls `EdDSA` with this curve `Ed25519`.
pub(crate) const ALGORITHMS: [&str; 3] = ["ES256", "EdDSA", "Ed25519"];
/// Tells the name of a proof from every other use of BLAKE3.
const DERIVATION: &str = "mercat gateway dpop v1";
/// How many proofs one gateway remembers of each of two turns while it counts alone.
const REMEMBERED_MAX: usize = 100_000;

/// Why a request proves nothing.
#[derive(Debug)]
pub(crate) enum NotProved {
    /// The proof is none, or not of this request.
    Wrong(&'static str),
    /// It has to repeat this.
    Nonce(String),
    /// It cannot be found out now.
    Unavailable,
}

impl Door {
    /// The thumbprint of the key that a request proves to have, for the token that it shows; `None` when it shows no
    /// proof.
    ///
    /// # Errors
    /// See [`NotProved`].
    pub(crate) async fn proved(&self, http: &HttpRequest, token: Option<&str>) -> Result<Option<String>, NotProved> {
        let mut shown = http.headers().get_all(DPOP);
        let Some(text) = shown.next() else { return Ok(None) };
        if shown.next().is_some() {
            return Err(NotProved::Wrong("there is more than one proof"));
        }
        let text = text.to_str().map_err(|_| NotProved::Wrong("the proof cannot be read"))?;
        let target = format!("{}{}", self.shared.authority.issuer(), http.uri().path());
        let now = self.client.clock().now().as_second();
        let proof = Proof::read(text, http.method().as_str(), &target, now).map_err(NotProved::Wrong)?;
        if token.is_some_and(|token| !proof.is_with(token)) {
            return Err(NotProved::Wrong("the proof is of another token: ath is not its hash"));
        }
        if self.shared.config.dpop_nonce {
            self.has_nonce(&proof).await?;
        }
        let name = blake3::derive_key(DERIVATION, format!("{}\0{}", proof.jkt, proof.jti).as_bytes());
        match self.shared.counts.is_first(format!("dpop.{}", crate::trace::hex(&name[..16]))).await {
            Some(Ok(true)) => {}
            Some(Ok(false)) => return Err(NotProved::Wrong(REPLAYED)),
            Some(Err(())) => return Err(NotProved::Unavailable),
            None => self.shared.proofs.note(name, now)?,
        }
        Ok(Some(proof.jkt))
    }

    /// Whether a proof repeats what it was given.
    async fn has_nonce(&self, proof: &Proof) -> Result<(), NotProved> {
        let nonces = self.shared.authority.nonces(&self.client).await.map_err(|failure| {
            tracing::warn!(cause = %failure, "auth does not say which nonces are good");
            NotProved::Unavailable
        })?;
        if proof.nonce.as_ref().is_some_and(|nonce| nonces.contains(nonce)) {
            return Ok(());
        }
        // The one before, the present one, the next.
        let present = nonces.into_iter().nth(1).ok_or(NotProved::Unavailable)?;
        Err(NotProved::Nonce(present))
    }
}

const REPLAYED: &str = "the proof was shown before: make a new one for each request";

impl NotProved {
    fn code(&self) -> &'static str {
        if matches!(self, NotProved::Nonce(_)) { "use_dpop_nonce" } else { "invalid_dpop_proof" }
    }

    fn sentence(&self) -> &'static str {
        match self {
            NotProved::Wrong(why) => why,
            NotProved::Nonce(_) => "the proof has to repeat the nonce of the header DPoP-Nonce",
            NotProved::Unavailable => "it cannot be found out whether the proof is good; try again in a moment",
        }
    }

    /// As a resource says it (RFC 9449 §7.1 and §9).
    pub(crate) fn at_a_resource(self) -> Error {
        if matches!(self, NotProved::Unavailable) {
            return Error::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", self.sentence());
        }
        let error = Error::unproved(self.code(), self.sentence());
        match self {
            NotProved::Nonce(nonce) => match HeaderValue::try_from(nonce) {
                Ok(nonce) => error.header(DPOP_NONCE, nonce),
                Err(_) => error,
            },
            _ => error,
        }
    }

    /// As an endpoint of OAuth says it (RFC 9449 §5 and §8).
    pub(crate) fn at_an_endpoint(self) -> Result<HttpResponse, Error> {
        if matches!(self, NotProved::Unavailable) {
            return Err(self.at_a_resource());
        }
        let body = json!({"error": self.code(), "error_description": self.sentence()});
        let mut response = oidc::answer(StatusCode::BAD_REQUEST, body.to_string());
        if let NotProved::Nonce(nonce) = self
            && let Ok(nonce) = HeaderValue::try_from(nonce)
        {
            response.headers_mut().insert(DPOP_NONCE, nonce);
        }
        Ok(response)
    }
}

impl Error {
    /// A token that is bound to a key is shown without what is needed for it.
    pub(crate) fn unproved(code: &str, detail: &'static str) -> Error {
        let error = if code == "unauthenticated" { "invalid_token" } else { code };
        let challenge = format!("DPoP realm=\"mercat\", error=\"{error}\", algs=\"{}\"", ALGORITHMS.join(" "));
        let said = Error::new(StatusCode::UNAUTHORIZED, code, detail);
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => said.header(WWW_AUTHENTICATE, challenge),
            Err(_) => said,
        }
    }
}

/// The proofs that one gateway remembers while it counts alone: those of this turn and of the one before, each as long as
/// a proof can be good.
#[derive(Debug, Default)]
pub(crate) struct Proofs(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    turn: i64,
    now: HashSet<[u8; 32]>,
    before: HashSet<[u8; 32]>,
}

impl Proofs {
    /// Remembers a proof.
    fn note(&self, name: [u8; 32], now: i64) -> Result<(), NotProved> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = now.div_euclid(LIFE);
        if turn != known.turn {
            let last = std::mem::take(&mut known.now);
            known.before = if turn == known.turn + 1 { last } else { HashSet::new() };
            known.turn = turn;
        }
        if known.before.contains(&name) || known.now.contains(&name) {
            return Err(NotProved::Wrong(REPLAYED));
        }
        if known.now.len() >= REMEMBERED_MAX {
            return Err(NotProved::Unavailable);
        }
        known.now.insert(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_remembered_as_long_as_it_could_be_good() {
        let proofs = Proofs::default();
        let name = |n: u8| [n; 32];
        for begin in [0, LIFE - 1] {
            let one = name(u8::try_from(begin).expect("small"));
            assert!(proofs.note(one, begin).is_ok());
            assert!(proofs.note(one, begin).is_err() && proofs.note(one, begin + LIFE).is_err());
        }
        assert!(proofs.note(name(7), 10 * LIFE).is_ok());
        assert!(proofs.note(name(0), 10 * LIFE).is_ok(), "what nobody can show any more is forgotten");
    }
}
