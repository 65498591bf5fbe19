//! The doors of OAuth and `OpenID` Connect: forms, redirects and pages, which no contract generates.
//!
//! What any of it means, auth decides; here forms become requests and answers become what browsers and applications
//! expect. Pages hold no script of their own, no secret but the one that proves that a form came from here, and nothing of others.

pub(crate) mod cookies;
mod documents;
mod forms;
mod pages;
mod scopes;
mod visit;

use actix_web::http::header::{
    ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, WWW_AUTHENTICATE,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, web};
use messages::auth::v1::{self, Endpoint, rpc};
use messages::problem::Kind;
use messages::route::Rate;
use runtime::client::Failure;

use crate::answer::NO_STORE;
use crate::authority::ask;
use crate::door::Door;
use crate::dpop::NotProved;
use crate::error::Error;
use crate::{identity, limits, request};

/// One of the doors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// What there is, for applications.
    Discovery,
    /// The keys.
    Keys,
    /// What the page for signing in does with passkeys.
    Script,
    /// Where browsers come with a request.
    Authorize,
    /// Where people let devices in.
    Device,
    /// Where browsers sign out.
    Logout,
    /// What answers in JSON.
    Json(Endpoint),
}

/// Forms are small: a thousand times less than what else may come.
const FORM_BYTES_MAX: usize = 64 * 1024;

impl Place {
    /// The door at a path.
    pub(crate) fn of(path: &str) -> Option<Place> {
        Some(match path {
            "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => Place::Discovery,
            "/oauth2/jwks" => Place::Keys,
            pages::SCRIPT_PATH => Place::Script,
            "/oauth2/authorize" => Place::Authorize,
            "/oauth2/device" => Place::Device,
            "/oauth2/logout" => Place::Logout,
            "/oauth2/token" => Place::Json(Endpoint::Token),
            "/oauth2/par" => Place::Json(Endpoint::Push),
            "/oauth2/device_authorization" => Place::Json(Endpoint::Device),
            "/oauth2/introspect" => Place::Json(Endpoint::Introspect),
            "/oauth2/revoke" => Place::Json(Endpoint::Revoke),
            "/oauth2/userinfo" => Place::Json(Endpoint::Userinfo),
            "/oauth2/register" => Place::Json(Endpoint::Register),
            _ => return None,
        })
    }

    /// How a request to it counts: what takes a secret could be used to guess it.
    pub(crate) fn rate(self, method: &Method) -> Rate {
        match self {
            Place::Discovery | Place::Keys | Place::Script => Rate::Unlimited,
            Place::Authorize | Place::Device | Place::Logout if *method != Method::POST => Rate::Normal,
            Place::Logout | Place::Json(Endpoint::Revoke | Endpoint::Userinfo) => Rate::Normal,
            Place::Authorize | Place::Device | Place::Json(_) => Rate::Sensitive,
        }
    }

    fn allow(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Place::Discovery | Place::Keys | Place::Script => "GET, HEAD, OPTIONS",
            Place::Authorize | Place::Device | Place::Logout | Place::Json(Endpoint::Userinfo) => {
                "GET, HEAD, OPTIONS, POST"
            }
            Place::Json(_) => "OPTIONS, POST",
        })
    }
}

impl Door {
    /// Answers at one of the doors.
    pub(crate) async fn oidc(
        &self,
        http: &HttpRequest,
        payload: web::Payload,
        place: Place,
    ) -> Result<HttpResponse, Error> {
        let allow = place.allow();
        if http.method() == Method::OPTIONS {
            return Ok(self.options(http, &allow));
        }
        if !allow.to_str().unwrap_or_default().split(", ").any(|method| method == http.method().as_str()) {
            return Err(Error::method_not_allowed(&allow).header(ALLOW, allow));
        }
        let body = if http.method() == Method::POST {
            limits::body(http.headers(), payload, &self.shared.config.limits).await?
        } else {
            web::Bytes::new()
        };
        if body.len() > FORM_BYTES_MAX {
            return Err(Error::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "a form is not that large"));
        }
        match place {
            Place::Discovery => Ok(documents::discovery(self.shared.authority.issuer())),
            Place::Keys => {
                let keys = self.shared.authority.keys(&self.client, "").await;
                Ok(documents::keys(&keys.map_err(|failure| unavailable(&failure))?))
            }
            Place::Script => Ok(pages::script()),
            Place::Authorize => self.authorize(http, &body).await,
            Place::Device => self.device(http, &body).await,
            Place::Logout => self.logout(http, &body).await,
            Place::Json(endpoint) => self.endpoint(http, &body, endpoint).await,
        }
    }

    /// An endpoint that answers in JSON: what came goes to auth as it is.
    async fn endpoint(&self, http: &HttpRequest, body: &[u8], endpoint: Endpoint) -> Result<HttpResponse, Error> {
        let authorization = http.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut request = v1::AnswerEndpointRequest {
            endpoint: endpoint.into(),
            authorization: authorization.to_owned(),
            ..v1::AnswerEndpointRequest::default()
        };
        if endpoint == Endpoint::Register {
            request::content_type(http.method(), http.headers())?;
            request.body = String::from_utf8(body.to_vec()).map_err(|_| malformed())?;
        } else if !body.is_empty() {
            request.params = forms::body(http.headers(), body).ok_or_else(malformed)?;
        }
        match endpoint {
            Endpoint::Token | Endpoint::Push => match self.proved(http, None).await {
                Ok(jkt) => request.dpop_jkt = jkt.unwrap_or_default(),
                Err(wrong) => return wrong.at_an_endpoint(),
            },
            Endpoint::Userinfo => {
                if let Some(shown) = identity::authorization(http.headers())?.filter(|shown| shown.is_bound) {
                    let proved = self.proved(http, Some(shown.token)).await;
                    request.dpop_jkt = proved.map_err(NotProved::at_a_resource)?.unwrap_or_default();
                }
            }
            _ => {}
        }
        // Tokens and secrets never stand in an address, where logs and histories keep them.
        let said = ask::<rpc::AnswerEndpoint>(&self.client, None, &request).await;
        let v1::AnswerEndpointResponse { status, body, challenge } = said.map_err(|failure| unavailable(&failure))?;
        let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        let mut response = answer(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body);
        if let (false, Ok(challenge)) = (challenge.is_empty(), HeaderValue::try_from(challenge)) {
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        Ok(response)
    }
}

/// An answer in JSON that nobody keeps.
pub(crate) fn answer(status: StatusCode, body: String) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, body);
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    out.insert(CACHE_CONTROL, NO_STORE);
    out.insert(HeaderName::from_static("pragma"), HeaderValue::from_static("no-cache"));
    response.map_into_boxed_body()
}

/// What is no form, or says the same thing twice.
fn malformed() -> Error {
    Error::bad_request(
        "invalid_request",
        "this takes a form (application/x-www-form-urlencoded) that says nothing twice",
    )
}

/// Auth found that what came cannot be meant, or said nothing.
pub(crate) fn unavailable(failure: &Failure) -> Error {
    if let Failure::Refused { problem, .. } = failure
        && matches!(Kind::of(problem), Kind::Invalid)
    {
        return Error::bad_request("invalid_request", "the request says more than it may, or what cannot be");
    }
    tracing::warn!(cause = %failure, "auth does not answer");
    Error::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "auth does not answer; try again in a moment")
        .header(actix_web::http::header::RETRY_AFTER, HeaderValue::from_static("1"))
}
