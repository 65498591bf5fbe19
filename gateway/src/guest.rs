//! Guests: somebody without an account, known again by a secret.
//!
//! A cart needs an owner before there is anybody to own it. So whoever shows nothing, and does what guests may do, is
//! given a secret, and is whoever shows that secret next. Nothing is stored: who a guest is follows from the secret by a
//! one-way function, so a guest is the same at every gateway and for as long as the secret is kept, and nothing that
//! groups hold or logs show leads back to it. Showing it beside a bearer token proves that both are the same person;
//! groups hear so and may hand over what the guest has.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messages::id::UserId;
use messages::route::{Route, RpcKind};
use runtime::entropy::Entropy;
use runtime::headers::Caller;

use crate::answer::IDEMPOTENT_REPLAYED;
use crate::error::Error;
use crate::identity::Identity;
use crate::rates::Tier;

/// What a guest shows, and is given.
pub(crate) const GUEST_TOKEN: HeaderName = HeaderName::from_static("guest-token");
/// The role of a guest.
const ROLE: &str = "guest";
/// The fewest characters of a secret: base64 of 128 bits.
const SECRET_CHARS_MIN: usize = 22;
/// The most characters of a secret: whoever brings one of their own may have made it in another way.
const SECRET_CHARS_MAX: usize = 128;
/// A minted secret is 256 bits, which are 43 characters.
const SECRET_BYTES: usize = 32;
/// Tells the ids of guests from every other use of BLAKE3. Changing it takes every guest's cart away.
const DERIVATION: &str = "mercat gateway guest v1";

/// What guests may do.
#[derive(Debug)]
pub(crate) struct Guests {
    scopes: Vec<String>,
}

impl Guests {
    pub(crate) fn new(scopes: &[String]) -> Guests {
        Guests { scopes: scopes.to_vec() }
    }

    /// Whether guests may use this route, and others not without showing anything.
    pub(crate) fn may(&self, route: &Route) -> bool {
        !route.public && route.scope.is_some_and(|needed| self.scopes.iter().any(|held| held == needed))
    }

    /// Whether somebody who shows nothing becomes a guest here: not by looking around, but by doing something.
    pub(crate) fn begins(&self, route: &Route) -> bool {
        route.kind == RpcKind::Command && self.may(route)
    }

    /// Who shows this secret and nothing else.
    pub(crate) fn identity(&self, secret: &Secret) -> Arc<Identity> {
        let subject = secret.user_id();
        let caller = Caller::known(ROLE, Some(subject.clone()), self.scopes.clone());
        // A secret costs nothing: who brings a new one each time is still the same address.
        Arc::new(Identity::new(caller, subject, Tier::Public))
    }
}

/// A guest's secret. It has no `Debug`: it belongs in no log.
pub(crate) struct Secret(String);

impl Secret {
    /// One that nobody can guess.
    pub(crate) fn mint(entropy: &Entropy) -> Secret {
        Secret(URL_SAFE_NO_PAD.encode(entropy.bytes::<SECRET_BYTES>()))
    }

    /// The one that a request shows.
    ///
    /// # Errors
    /// 400 when what it shows is no secret.
    pub(crate) fn shown(headers: &HeaderMap) -> Result<Option<Secret>, Error> {
        let mut shown = headers.get_all(GUEST_TOKEN);
        let Some(value) = shown.next() else { return Ok(None) };
        let usable = value.to_str().ok().filter(|secret| {
            (SECRET_CHARS_MIN..=SECRET_CHARS_MAX).contains(&secret.len())
                && secret.bytes().all(|byte| byte.is_ascii_graphic())
        });
        match (usable, shown.next()) {
            (Some(secret), None) => Ok(Some(Secret(secret.to_owned()))),
            _ => Err(Error::bad_request(
                "guest_token_malformed",
                "a Guest-Token has 22 to 128 printable characters without spaces, and there is only one",
            )),
        }
    }

    /// The id of the user that whoever shows the secret is.
    pub(crate) fn user_id(&self) -> String {
        UserId::derived(&blake3::derive_key(DERIVATION, self.0.as_bytes())).to_string()
    }

    /// Gives the secret to the new guest with the answer, whether that is good or not: repeated with the secret, the
    /// request is the same guest's. What answers another request with the same key is not the new guest's; that cannot
    /// be, for a key counts within one identity, and would be a secret shown to two if it were.
    pub(crate) fn give(self, answer: Result<HttpResponse, Error>) -> Result<HttpResponse, Error> {
        let Ok(mut secret) = HeaderValue::try_from(self.0) else { return Err(Error::internal()) };
        secret.set_sensitive(true);
        match answer {
            Ok(mut response) => {
                if !response.headers().contains_key(IDEMPOTENT_REPLAYED) {
                    response.headers_mut().insert(GUEST_TOKEN, secret);
                }
                Ok(response)
            }
            Err(error) if error.says(&IDEMPOTENT_REPLAYED) => Err(error),
            Err(error) => Err(error.header(GUEST_TOKEN, secret)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_stands_for_the_same_user_for_ever() {
        let user_id = |secret: &str| Secret(secret.to_owned()).user_id();
        // Written down: a guest who comes back after an update owns the same cart.
        assert_eq!(user_id("0123456789abcdefghijkl"), "usr_608pca0kpygh5rm1xwxp2dm9rv");
        assert_ne!(user_id("0123456789abcdefghijkl"), user_id("0123456789abcdefghijkm"));
        assert_ne!(
            user_id("0123456789abcdefghijkl"),
            UserId::derived(b"0123456789abcdefghijkl").to_string(),
            "an id derived from anything else is no guest's"
        );
    }

    #[test]
    fn a_minted_secret_is_one_that_can_be_shown() {
        let entropy = Entropy::system();
        let (one, other) = (Secret::mint(&entropy), Secret::mint(&entropy));
        assert_eq!(one.0.len(), 43);
        assert_ne!(one.0, other.0);
        let mut headers = HeaderMap::new();
        headers.insert(GUEST_TOKEN, HeaderValue::from_str(&one.0).expect("printable"));
        let shown = Secret::shown(&headers).ok().flatten().expect("a secret");
        assert_eq!(shown.user_id(), one.user_id());
    }
}
