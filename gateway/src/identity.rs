//! Identity: a caller and what it may do, and the tokens of the configuration. Who shows a token that auth has issued, an
//! API key or a session, [`whose`](crate::whose) tells.
//!
//! Tokens are kept and looked up by their hash, so neither a comparison's duration nor a memory dump of the table tells
//! a token. Nothing a client sends becomes part of the caller that groups see: identity comes from the tokens alone,
//! whatever other headers claim. Groups check scope and ownership again; this is the first check, not the only one.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use messages::route::Route;
use runtime::headers::Caller;

use crate::config::Token;
use crate::error::Error;
use crate::guest::{Guests, Secret};
use crate::rates::Tier;
use crate::trace::hex;

/// Names a bearer across requests and workers, without being the secret.
pub(crate) type Credential = [u8; 16];

/// Who sends a request.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) caller: Caller,
    /// `None` for somebody who showed nothing: no two such requests are known to come from the same person.
    pub(crate) credential: Option<Credential>,
    /// Keeps one bearer's idempotency keys apart from another's. A person's is the subject, so it survives the exchange
    /// of a token and is the same on NATS.
    pub(crate) name: String,
    /// How often it may ask.
    pub(crate) tier: Tier,
}

impl Identity {
    /// Somebody who is known under a name.
    pub(crate) fn new(caller: Caller, name: String, tier: Tier) -> Identity {
        let mut credential = [0; 16];
        credential.copy_from_slice(&hash(name.as_bytes())[..16]);
        Identity { caller, credential: Some(credential), name, tier }
    }

    /// Whether the identity may use a route.
    pub(crate) fn may(&self, route: &Route) -> Result<(), Error> {
        if route.public {
            return Ok(());
        }
        if self.credential.is_none() {
            return Err(Error::unauthenticated("this needs a bearer token", None));
        }
        match route.scope {
            Some(needed) if !self.caller.scopes.iter().any(|held| covers(held, needed)) => {
                Err(Error::missing_scope(needed))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a held scope includes a needed one. Groups ask the same of it, so nothing cleverer would help.
fn covers(held: &str, needed: &str) -> bool {
    held == "*" || held == needed
}

/// All who are known.
#[derive(Debug)]
pub(crate) struct Identities {
    by_hash: HashMap<[u8; 32], Arc<Identity>>,
    guests: Guests,
    anonymous: Arc<Identity>,
}

impl Identities {
    pub(crate) fn new(tokens: &[Token], guest_scopes: &[String]) -> Identities {
        let by_hash = tokens.iter().map(|token| (hash(token.token.as_bytes()), Arc::new(identity(token)))).collect();
        Identities { by_hash, guests: Guests::new(guest_scopes), anonymous: Arc::new(anonymous()) }
    }

    /// Somebody who is not asked.
    pub(crate) fn nobody(&self) -> Arc<Identity> {
        self.anonymous.clone()
    }

    pub(crate) fn guests(&self) -> &Guests {
        &self.guests
    }

    /// Who holds a token of the configuration.
    pub(crate) fn holder(&self, token: &str) -> Option<Arc<Identity>> {
        self.by_hash.get(&hash(token.as_bytes())).cloned()
    }

    /// Whose request this is, once it is known whether somebody is signed in. One who shows a guest's secret too is
    /// themselves, and has been that guest.
    ///
    /// # Errors
    /// 400 when a guest's secret is none.
    pub(crate) fn with_guest(&self, headers: &HeaderMap, known: Option<Arc<Identity>>) -> Result<Arc<Identity>, Error> {
        match (known, Secret::shown(headers)?) {
            (None, None) => Ok(self.nobody()),
            (None, Some(secret)) => Ok(self.guests.identity(&secret)),
            (Some(known), None) => Ok(known),
            (Some(known), Some(secret)) => {
                let caller = Caller { guest: Some(secret.user_id()), ..known.caller.clone() };
                let (name, tier) = (known.name.clone(), known.tier);
                Ok(Arc::new(Identity { caller, credential: known.credential, name, tier }))
            }
        }
    }
}

/// A token that a request shows.
pub(crate) struct Shown<'h> {
    pub(crate) token: &'h str,
    /// It says that it proves to have the token's key (RFC 9449); else it says that having the token is enough.
    pub(crate) is_bound: bool,
}

/// The token that a request shows; `None` when it shows none.
///
/// # Errors
/// 401 when what it shows cannot be one.
pub(crate) fn authorization(headers: &HeaderMap) -> Result<Option<Shown<'_>>, Error> {
    let mut shown = headers.get_all(AUTHORIZATION);
    let Some(value) = shown.next() else { return Ok(None) };
    if shown.next().is_some() {
        return Err(unknown());
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or_else(unknown)?;
    let is_bound = scheme.eq_ignore_ascii_case("dpop");
    if !is_bound && !scheme.eq_ignore_ascii_case("bearer") {
        return Err(unknown());
    }
    Ok(Some(Shown { token: token.trim_matches(' '), is_bound }))
}

/// A token is shown that is worth nothing.
pub(crate) fn unknown() -> Error {
    Error::unauthenticated("the token is not valid", Some("invalid_token"))
}

fn hash(token: &[u8]) -> [u8; 32] {
    *blake3::hash(token).as_bytes()
}

fn anonymous() -> Identity {
    Identity { caller: Caller::anonymous(), credential: None, name: "-".to_owned(), tier: Tier::Public }
}

fn identity(token: &Token) -> Identity {
    let caller = Caller::known(&token.role, token.subject.clone(), token.scopes.clone());
    let name = token.subject.clone().unwrap_or_else(|| format!("token {}", hex(&hash(token.token.as_bytes()))));
    Identity::new(caller, name, token.tier)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn identities() -> Identities {
        let token = Token {
            token: "a-token-of-the-catalogue".to_owned(),
            role: "catalogue".to_owned(),
            subject: Some("usr_1".to_owned()),
            scopes: vec!["product:write".to_owned()],
            tier: Tier::default(),
        };
        Identities::new(&[token], &[])
    }

    fn shown(values: &[&'static str]) -> Result<Arc<Identity>, Error> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_static(value));
        }
        let identities = identities();
        let known = match authorization(&headers)? {
            Some(shown) => Some(identities.holder(shown.token).ok_or_else(unknown)?),
            None => None,
        };
        identities.with_guest(&headers, known)
    }

    #[test]
    fn a_known_token_names_its_bearer_and_nothing_is_anonymous() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let value: &'static str = format!("{scheme} a-token-of-the-catalogue").leak();
            assert_eq!(shown(&[value]).expect("known").caller.role, "catalogue");
        }
        assert_eq!(shown(&[]).expect("nothing shown").caller, Caller::anonymous());
    }

    #[test]
    fn anything_else_that_is_shown_is_refused() {
        let twice = ["Bearer a-token-of-the-catalogue", "Bearer a-token-of-the-catalogue"];
        let cases: [&[&'static str]; 5] =
            [&["Bearer a-token-of-the-catalogu"], &["Bearer "], &["Bearer"], &["Basic YTpi"], &twice];
        for values in cases {
            assert_eq!(shown(values).expect_err("refused").status().as_u16(), 401, "{values:?}");
        }
    }

    #[test]
    fn a_scope_covers_itself_and_a_star_everything() {
        for (held, needed, covered) in [
            ("*", "product:write", true),
            ("product:write", "product:write", true),
            ("product:*", "product:write", false),
            ("product:write", "product:writer", false),
            ("product:read", "product:write", false),
            ("", "product:write", false),
        ] {
            assert_eq!(covers(held, needed), covered, "{held} {needed}");
        }
    }
}
