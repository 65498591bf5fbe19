//! Whose request it is: a token of the configuration, an access token (bound to a key or not), an API key, a session's
//! cookie, a guest, nobody.
//!
//! What is shown and is worth nothing is refused; it never makes somebody a guest or nobody. A cookie is the exception:
//! browsers send it unasked, so one that is over is as if it were not there. For the same reason a cookie alone changes
//! nothing: whoever does must also show, in a header that no other site can set, what only pages of this site can read.

use std::sync::Arc;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::HeaderMap;
use messages::auth::v1::{self, rpc};
use runtime::client::Failure;
use runtime::headers::Caller;

use crate::authority::{Belief, Shown, ask};
use crate::bearer as access;
use crate::door::Door;
use crate::dpop::NotProved;
use crate::error::Error;
use crate::identity::{self, Identity, authorization, unknown};
use crate::oidc::cookies::{self, Session};
use crate::rates::Tier;

/// What an API key begins with.
const API_KEY: &str = "mk_";
/// Where a page of this site shows that it is one.
pub(crate) const CSRF: &str = "x-csrf-token";

impl Door {
    /// Whose request this is. `public` says that it may be anybody's.
    ///
    /// # Errors
    /// 401 when what is shown is worth nothing, 403 when a cookie alone would change something, 503 when auth has to be
    /// asked and does not answer.
    pub(crate) async fn whose(&self, http: &HttpRequest, public: bool) -> Result<Arc<Identity>, Error> {
        let headers = http.headers();
        let known = match authorization(headers)? {
            Some(shown) if shown.is_bound => Some(self.owner(http, &shown).await?),
            Some(shown) => Some(self.holder(shown.token).await?),
            None => self.signed_in(http, public).await?,
        };
        self.shared.identities.with_guest(headers, known)
    }

    async fn holder(&self, token: &str) -> Result<Arc<Identity>, Error> {
        if let Some(identity) = self.shared.identities.holder(token) {
            return Ok(identity);
        }
        if token.starts_with(API_KEY) {
            return self.api_key(token).await;
        }
        let claims = self.claims(token).await?;
        if claims.cnf.is_some() {
            let detail = "the token is bound to a key: show it as DPoP, with a proof (RFC 9449)";
            return Err(Error::unproved("unauthenticated", detail));
        }
        self.named_by(&claims).await
    }

    /// Who shows a token together with the key that it is bound to.
    async fn owner(&self, http: &HttpRequest, shown: &identity::Shown<'_>) -> Result<Arc<Identity>, Error> {
        let invalid = || Error::unproved("unauthenticated", "the token is not valid, or not bound to the key");
        let claims = self.claims(shown.token).await.map_err(|error| {
            if error.status() == actix_web::http::StatusCode::UNAUTHORIZED { invalid() } else { error }
        })?;
        let bound = claims.cnf.as_ref().ok_or_else(invalid)?;
        let proved = self.proved(http, Some(shown.token)).await.map_err(NotProved::at_a_resource)?;
        let jkt = proved.ok_or_else(|| NotProved::Wrong("there is no proof in the header DPoP").at_a_resource())?;
        if bound.jkt != jkt {
            return Err(invalid());
        }
        self.named_by(&claims).await
    }

    /// What an access token says that is good.
    async fn claims(&self, token: &str) -> Result<access::Claims, Error> {
        let kid = access::kid(token).ok_or_else(unknown)?;
        let authority = &self.shared.authority;
        let key = authority.key(&self.client, &kid).await.map_err(|failure| no_answer(&failure))?;
        let now = self.client.clock().now().as_second();
        key.and_then(|key| access::read(&key, authority.issuer(), now, token)).ok_or_else(unknown)
    }

    /// Who is meant by a token, if what it belongs to goes on.
    async fn named_by(&self, claims: &access::Claims) -> Result<Arc<Identity>, Error> {
        let caller = claims.caller().ok_or_else(unknown)?;
        let ids = [claims.sid.as_deref(), claims.gnt.as_deref()];
        if self.shared.authority.has_ended(&self.client, ids).await {
            return Err(unknown());
        }
        Ok(Arc::new(named(caller, &claims.tier)))
    }

    async fn api_key(&self, token: &str) -> Result<Arc<Identity>, Error> {
        let shown: Shown = *blake3::hash(token.as_bytes()).as_bytes();
        match self.shared.authority.believed(&shown) {
            Belief::Somebody(identity) => return Ok(identity),
            Belief::Nobody => return Err(unknown()),
            Belief::Unasked => {}
        }
        let id = token.strip_prefix(API_KEY).and_then(|rest| rest.split_once('_')).map(|(id, _)| format!("key_{id}"));
        let id = id.filter(|id| messages::id::KeyId::parse(id).is_ok()).ok_or_else(unknown)?;
        let check = v1::CheckApiKeyRequest { api_key_id: id.clone(), secret_hash: sha256(token) };
        let said = ask::<rpc::CheckApiKey>(&self.client, None, &check).await.map_err(|failure| no_answer(&failure))?;
        let v1::CheckApiKeyResponse { active, user_id, role, tier, scopes, note_use } = said;
        let identity = active.then(|| Arc::new(named(Caller::known(&role, Some(user_id), scopes), &tier)));
        self.shared.authority.believe(shown, identity.as_ref());
        if active && note_use {
            // That it was used is worth knowing, but nobody waits for it.
            let client = self.client.clone();
            actix_web::rt::spawn(async move {
                let note = v1::NoteApiKeyUseRequest { api_key_id: id.clone() };
                if let Err(failure) = ask::<rpc::NoteApiKeyUse>(&client, Some(&id), &note).await {
                    tracing::debug!(cause = %failure, "the use of an API key was not noted");
                }
            });
        }
        identity.ok_or_else(unknown)
    }

    /// Who shows a session's cookie. Where nobody has to be anybody, a cookie that tells nothing is as if it were not there.
    async fn signed_in(&self, http: &HttpRequest, public: bool) -> Result<Option<Arc<Identity>>, Error> {
        let Some(session) = Session::shown(http.headers(), self.shared.authority.issuer()) else { return Ok(None) };
        let identity = match self.of_session(&session).await {
            Ok(Some(identity)) => identity,
            Ok(None) => return Ok(None),
            Err(_) if public => return Ok(None),
            Err(error) => return Err(error),
        };
        let safe = matches!(*http.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if !safe && !is_ours(http.headers(), &session) {
            if public {
                return Ok(None);
            }
            let status = actix_web::http::StatusCode::FORBIDDEN;
            let detail =
                "a session's cookie alone changes nothing: send X-CSRF-Token too, as the cookie mercat_csrf says";
            return Err(Error::new(status, "csrf", detail));
        }
        Ok(Some(identity))
    }

    /// Who somebody is who shows this session; `None` when it is over.
    pub(crate) async fn of_session(&self, session: &Session) -> Result<Option<Arc<Identity>>, Error> {
        let shown: Shown = *blake3::hash(session.written().as_bytes()).as_bytes();
        match self.shared.authority.believed(&shown) {
            Belief::Somebody(identity) => return Ok(Some(identity)),
            Belief::Nobody => return Ok(None),
            Belief::Unasked => {}
        }
        let check = v1::CheckSessionRequest { session_id: session.id.clone(), secret_hash: sha256(&session.secret) };
        let said = ask::<rpc::CheckSession>(&self.client, None, &check).await.map_err(|failure| no_answer(&failure))?;
        let v1::CheckSessionResponse { active, user_id, role, tier, scopes, .. } = said;
        let identity = active.then(|| Arc::new(named(Caller::known(&role, Some(user_id), scopes), &tier)));
        self.shared.authority.believe(shown, identity.as_ref());
        Ok(identity)
    }
}

fn named(caller: Caller, tier: &str) -> Identity {
    let name = caller.subject.clone().unwrap_or_default();
    Identity::new(caller, name, Tier::named(tier))
}

fn is_ours(headers: &HeaderMap, session: &Session) -> bool {
    let shown = headers.get(CSRF).and_then(|value| value.to_str().ok()).unwrap_or_default();
    cookies::same(shown, &session.csrf())
}

/// What auth keeps of a secret.
pub(crate) fn sha256(secret: &str) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

fn no_answer(failure: &Failure) -> Error {
    tracing::warn!(cause = %failure, "auth does not say who it is");
    let status = actix_web::http::StatusCode::SERVICE_UNAVAILABLE;
    Error::new(status, "unavailable", "it cannot be found out who you are; try again in a moment")
}
