//! Visits: a browser comes with a request, somebody signs in and answers, and the browser goes back.
//!
//! Nothing of a visit is kept here: each page carries the request in its form and each form is the whole request again,
//! so any gateway answers any step. Whoever sends a form has to have got the page: a cookie and a field that follows
//! from it say so, and no other site can know the field.

use actix_web::http::header::{HeaderValue, LOCATION, ORIGIN};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use messages::auth::v1::{self, Decision, Outcome, Step, rpc};
use messages::user::v1 as user;
use minijinja::context;
use runtime::client::Failure;

use super::cookies::{Filler, Session, forgotten, give};
use super::forms::{self, Params, get};
use super::pages::{self, page};
use super::scopes;
use super::unavailable;
use crate::authority::ask;
use crate::door::Door;
use crate::error::Error;

/// A step of a visit: what came, and who sent it.
struct Visit<'a> {
    door: &'a Door,
    http: &'a HttpRequest,
    issuer: &'a str,
    filler: Filler,
    /// What is asked, as it was first.
    params: Params,
    /// What a form of ours says beside.
    own: Params,
    /// Who is signed in with this browser.
    session: Option<Session>,
    /// They signed in just now.
    signed_in: Option<u32>,
}

impl Door {
    /// A browser comes with an application's request.
    pub(crate) async fn authorize(&self, http: &HttpRequest, body: &[u8]) -> Result<HttpResponse, Error> {
        let mut visit = match Visit::begin(self, http, body)? {
            Ok(visit) => visit,
            Err(wrong) => return Ok(wrong),
        };
        if let Some(page) = visit.login("authorize").await? {
            return Ok(visit.finish(page));
        }
        let (session_id, secret) = visit.shown();
        let request = v1::AuthorizeRequest {
            params: visit.params.clone(),
            session_id,
            secret,
            decision: visit.decision().into(),
            fresh: visit.signed_in.is_some() || visit.step() == "consent",
        };
        let said =
            ask::<rpc::Authorize>(&self.client, None, &request).await.map_err(|failure| unavailable(&failure))?;
        let onward = get(&visit.params, "redirect_uri");
        let response = match said.step() {
            Step::Login => visit.login_page("", "").await?,
            Step::Consent => {
                let (fields, csrf) = (&visit.params, visit.filler.proof());
                let values = context! { client => said.client_name, scopes => words(&said.scopes), fields => pairs(fields), csrf };
                page(StatusCode::OK, "consent.html", values, if onward.is_empty() { pages::ANYWHERE } else { onward })?
            }
            Step::Redirect if !said.action.is_empty() => {
                let values = context! { action => said.action, fields => pairs(&said.fields) };
                page(StatusCode::OK, "post.html", values, &said.action)?
            }
            Step::Redirect => away(&said.location)?,
            Step::Refuse | Step::Unspecified => refused(&said.error_description)?,
        };
        Ok(visit.finish(response))
    }

    /// Somebody types the code that a device shows.
    pub(crate) async fn device(&self, http: &HttpRequest, body: &[u8]) -> Result<HttpResponse, Error> {
        let mut visit = match Visit::begin(self, http, body)? {
            Ok(visit) => visit,
            Err(wrong) => return Ok(wrong),
        };
        if let Some(page) = visit.login("device").await? {
            return Ok(visit.finish(page));
        }
        let user_code = get(&visit.params, "user_code").to_owned();
        let code_page = |visit: &Visit<'_>, error: &str| {
            let values = context! { user_code, error, csrf => visit.filler.proof() };
            page(StatusCode::OK, "device.html", values, "")
        };
        if visit.session.is_none() {
            let page = visit.login_page("", "").await?;
            return Ok(visit.finish(page));
        }
        // A link from elsewhere only fills the form in: who types a code must know that they let something in.
        if !matches!(visit.step(), "code" | "consent") || user_code.is_empty() {
            let page = code_page(&visit, "")?;
            return Ok(visit.finish(page));
        }
        let (session_id, secret) = visit.shown();
        let decision = visit.decision().into();
        let request = v1::AnswerDeviceRequest { user_code: user_code.clone(), session_id, secret, decision };
        let said =
            ask::<rpc::AnswerDevice>(&self.client, None, &request).await.map_err(|failure| unavailable(&failure))?;
        let response = match said.step() {
            Step::Login => visit.login_page("", "").await?,
            Step::Consent => {
                let (fields, csrf) = (pairs(&visit.params), visit.filler.proof());
                let values = context! { client => said.client_name, scopes => words(&said.scopes), fields, csrf };
                page(StatusCode::OK, "consent.html", values, "")?
            }
            Step::Redirect if said.approved => message("The device is in", "You can go back to it now.")?,
            Step::Redirect => message("The device was not let in", "You can close this page.")?,
            Step::Refuse | Step::Unspecified => code_page(&visit, "This code is not known, or no longer.")?,
        };
        Ok(visit.finish(response))
    }

    /// A browser signs out.
    pub(crate) async fn logout(&self, http: &HttpRequest, body: &[u8]) -> Result<HttpResponse, Error> {
        let visit = match Visit::begin(self, http, body)? {
            Ok(visit) => visit,
            Err(wrong) => return Ok(wrong),
        };
        let (session_id, secret) = visit.shown();
        let confirmed = visit.step() == "logout";
        let request = v1::LogoutRequest { params: visit.params.clone(), session_id, secret, confirmed };
        let said = ask::<rpc::Logout>(&self.client, None, &request).await.map_err(|failure| unavailable(&failure))?;
        let mut response = match said.step() {
            Step::Consent => {
                let values = context! { fields => pairs(&visit.params), csrf => visit.filler.proof() };
                let onward = get(&visit.params, "post_logout_redirect_uri");
                page(StatusCode::OK, "logout.html", values, onward)?
            }
            Step::Redirect if !said.location.is_empty() => away(&said.location)?,
            Step::Redirect => message("Signed out", "You are signed out.")?,
            Step::Login | Step::Refuse | Step::Unspecified => refused("This is no request to sign out.")?,
        };
        if said.step() == Step::Redirect {
            give(&mut response, forgotten(visit.issuer));
        }
        Ok(visit.finish(response))
    }
}

impl<'a> Visit<'a> {
    /// Reads what came. A form that is not of whoever sends it is refused with a page.
    fn begin(door: &'a Door, http: &'a HttpRequest, body: &[u8]) -> Result<Result<Visit<'a>, HttpResponse>, Error> {
        let issuer = door.shared.authority.issuer();
        let came = if http.method() == Method::POST {
            forms::body(http.headers(), body)
        } else {
            forms::query(http.uri().query().unwrap_or_default())
        };
        let Some(came) = came else {
            return refused("The request cannot be read, or says something twice.").map(Err);
        };
        let (own, params): (Params, Params) = came.into_iter().partition(|(name, _)| name.starts_with('_'));
        if !own.is_empty() && !is_ours(http, issuer, &own) {
            let page = message_with(
                StatusCode::FORBIDDEN,
                "This page is too old",
                "Go back to where you came from, and try again. Cookies have to be allowed.",
            );
            return page.map(Err);
        }
        Ok(Ok(Visit {
            door,
            http,
            issuer,
            filler: Filler::of(http.headers(), issuer, door.client.entropy()),
            params,
            own,
            session: Session::shown(http.headers(), issuer),
            signed_in: None,
        }))
    }

    fn step(&self) -> &str {
        get(&self.own, "_step")
    }

    fn decision(&self) -> Decision {
        match (self.step(), get(&self.own, "_decision")) {
            ("consent", "allow") => Decision::Allow,
            ("consent", _) => Decision::Deny,
            _ => Decision::Unspecified,
        }
    }

    fn shown(&self) -> (String, String) {
        self.session.clone().map(|session| (session.id, session.secret)).unwrap_or_default()
    }

    async fn login_page(&self, email: &str, error: &str) -> Result<HttpResponse, Error> {
        let passkey = self.passkey_options().await;
        let issuer = (!passkey.is_empty()).then_some(self.issuer);
        let values = context! { fields => pairs(&self.params), csrf => self.filler.proof(), email, error, passkey };
        pages::scripted(StatusCode::OK, "login.html", values, self.onward(), issuer)
    }

    /// What a device has to know before somebody signs in with a passkey; empty where there are none.
    async fn passkey_options(&self) -> String {
        let asked = ask::<user::rpc::StartPasskeyLogin>(&self.door.client, None, &user::StartPasskeyLoginRequest {});
        match asked.await {
            Ok(said) => said.options,
            Err(failure) => {
                // The form works without.
                tracing::debug!(cause = %failure, "signing in is offered without passkeys");
                String::new()
            }
        }
    }

    fn onward(&self) -> &str {
        match get(&self.params, "redirect_uri") {
            "" if self.params.contains_key("request_uri") => pages::ANYWHERE,
            uri => uri,
        }
    }

    /// Signs in, if this is the form for it. Gives the page when it did not work, or not yet.
    async fn login(&mut self, place: &'static str) -> Result<Option<HttpResponse>, Error> {
        if self.step() != "login" {
            return Ok(None);
        }
        let code = get(&self.own, "_code").trim().to_owned();
        // An authenticator shows digits; what is anything else is a recovery code.
        let digits = (1..=16).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_digit());
        let code: String = code.chars().take(32).collect();
        let (mfa_code, recovery_code) = if digits { (code, String::new()) } else { (String::new(), code) };
        let email = get(&self.own, "_email").to_owned();
        let ticket = get(&self.own, "_ticket").to_owned();
        let passkey = get(&self.own, "_passkey").to_owned();
        let peer = self.http.peer_addr().map(|peer| peer.ip().to_string());
        let agent = self.http.headers().get("user-agent").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let request = v1::LoginRequest {
            email: email.clone(),
            password: get(&self.own, "_password").to_owned(),
            mfa_code,
            recovery_code,
            ticket: ticket.clone(),
            passkey: passkey.clone(),
            source: peer.unwrap_or_default(),
            user_agent: agent.chars().take(500).collect(),
        };
        let said = match ask::<rpc::Login>(&self.door.client, None, &request).await {
            Ok(said) => said,
            Err(Failure::Refused { problem, .. }) if problem.code == "busy" => {
                let busy = "Too many people are signing in. Try again in a moment.";
                return self.login_page(&email, busy).await.map(Some);
            }
            Err(failure) => return Err(unavailable(&failure)),
        };
        match said.outcome() {
            Outcome::Verified => {
                self.session = Some(Session { id: said.session_id, secret: said.secret });
                self.signed_in = Some(said.max_age_seconds);
                tracing::debug!(place, "somebody signed in");
                Ok(None)
            }
            Outcome::MfaRequired => self.mfa_page(&said.ticket, ""),
            Outcome::Locked => {
                let wait = format!("Too many attempts. Try again in {} seconds.", said.retry_after_seconds);
                self.login_page(&email, &wait).await.map(Some)
            }
            Outcome::Refused | Outcome::Unspecified if !ticket.is_empty() => {
                self.mfa_page(&ticket, "That code is not good. Codes change twice a minute, and each is good once.")
            }
            Outcome::Refused | Outcome::Unspecified => {
                let wrong = if passkey.is_empty() {
                    "The e-mail address or the password is wrong."
                } else {
                    "This passkey is not good here. Sign in with your password."
                };
                self.login_page(&email, wrong).await.map(Some)
            }
        }
    }

    fn mfa_page(&self, ticket: &str, error: &str) -> Result<Option<HttpResponse>, Error> {
        let values = context! { fields => pairs(&self.params), csrf => self.filler.proof(), ticket, error };
        page(StatusCode::OK, "mfa.html", values, self.onward()).map(Some)
    }

    /// Gives the browser the cookies that it needs.
    fn finish(&self, mut response: HttpResponse) -> HttpResponse {
        give(&mut response, [self.filler.cookie(self.issuer)]);
        if let (Some(max_age), Some(session)) = (self.signed_in, &self.session) {
            give(&mut response, session.cookies(self.issuer, max_age));
        }
        response
    }
}

/// Whether a form is of whoever sends it: the browser says that it comes from here, and the proof fits the cookie.
fn is_ours(http: &HttpRequest, issuer: &str, own: &Params) -> bool {
    let from_elsewhere = |value: &HeaderValue| value.to_str().is_ok_and(|origin| origin != issuer && origin != "null");
    let site = http.headers().get("sec-fetch-site").and_then(|value| value.to_str().ok());
    http.method() == Method::POST
        && !http.headers().get(ORIGIN).is_some_and(from_elsewhere)
        && site.is_none_or(|site| site == "same-origin")
        && Filler::filled_in(http.headers(), issuer, get(own, "_csrf"))
}

fn pairs(params: &Params) -> Vec<(String, String)> {
    params.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// What an application wants, in words for people.
fn words(scopes: &[String]) -> Vec<String> {
    scopes.iter().filter(|scope| *scope != "openid").map(|scope| scopes::in_words(scope)).collect()
}

/// Sends a browser elsewhere; what it posted is not posted there.
fn away(location: &str) -> Result<HttpResponse, Error> {
    let location = HeaderValue::try_from(location).map_err(|_| Error::internal())?;
    let mut response = HttpResponse::new(StatusCode::SEE_OTHER);
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

fn refused(sentence: &str) -> Result<HttpResponse, Error> {
    message_with(StatusCode::BAD_REQUEST, "This did not work", sentence)
}

fn message(title: &str, sentence: &str) -> Result<HttpResponse, Error> {
    message_with(StatusCode::OK, title, sentence)
}

fn message_with(status: StatusCode, title: &str, sentence: &str) -> Result<HttpResponse, Error> {
    page(status, "message.html", context! { title, message => sentence }, "")
}
