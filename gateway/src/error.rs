//! Errors: the one table from what went wrong to an HTTP status, and its form as a problem (RFC 9457).
//!
//! A group says no with a code and a closed kind; the contract may give the code a status of its own. What is our fault
//! is answered without its cause: causes go to the log, under the request id that the problem shows.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use messages::errors::{ERRORS_MAX, FieldError};
use messages::json::write::{self, Members};
use messages::problem::{Kind, Problem};
use messages::route::{Route, RpcKind};
use runtime::client::{Answer, Failure};
use runtime::headers::Position;

use crate::answer::{IDEMPOTENT_REPLAYED, NO_STORE, SHOP_POSITION, TRUE};
use crate::trace::Names;

/// Which status a kind of problem has unless the contract gives its code another.
pub(crate) fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::PaymentRequired => StatusCode::PAYMENT_REQUIRED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Precondition => StatusCode::PRECONDITION_FAILED,
        Kind::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::Exhausted => StatusCode::TOO_MANY_REQUESTS,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// What the runtime itself says no with, on every route: its code, and the status and code HTTP clients know it by.
const RUNTIME: [(&str, StatusCode, &str); 4] = [
    ("fingerprint_mismatch", StatusCode::UNPROCESSABLE_ENTITY, "idempotency_key_reused"),
    ("in_progress", StatusCode::CONFLICT, "in_progress"),
    (STALE_VERSION, StatusCode::PRECONDITION_FAILED, STALE_VERSION),
    ("missing_scope", StatusCode::FORBIDDEN, "forbidden"),
];

/// The addressed entity has another version than the caller knows.
pub(crate) const STALE_VERSION: &str = "stale_version";

/// A request that is not answered with what it asked for.
#[derive(Debug)]
pub(crate) struct Error(Box<Said>);

#[derive(Debug)]
struct Said {
    status: StatusCode,
    problem: Problem,
    headers: Vec<(HeaderName, HeaderValue)>,
    closes: bool,
}

impl Error {
    pub(crate) fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Error {
        Error::said(status, Problem { code: code.to_owned(), detail: detail.into(), ..Problem::default() })
    }

    fn said(status: StatusCode, problem: Problem) -> Error {
        Error(Box::new(Said { status, problem, headers: Vec::new(), closes: false }))
    }

    /// A request that does not say what the contract asks for; all its errors at once, as many as anybody reads.
    pub(crate) fn invalid(mut errors: Vec<FieldError>) -> Error {
        errors.truncate(ERRORS_MAX);
        Error::said(StatusCode::BAD_REQUEST, Problem::invalid(errors))
    }

    pub(crate) fn bad_request(code: &str, detail: impl Into<String>) -> Error {
        Error::new(StatusCode::BAD_REQUEST, code, detail)
    }

    pub(crate) fn unsupported(detail: &str) -> Error {
        Error::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    pub(crate) fn stale() -> Error {
        let detail = "the entity has changed since that version; read it again";
        Error::new(StatusCode::PRECONDITION_FAILED, STALE_VERSION, detail)
    }

    pub(crate) fn no_such_path() -> Error {
        Error::new(StatusCode::NOT_FOUND, "no_such_path", "nothing is here")
    }

    pub(crate) fn method_not_allowed(allow: &HeaderValue) -> Error {
        Error::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "this path does not know the method")
            .header(ALLOW, allow.clone())
    }

    pub(crate) fn unauthenticated(detail: &'static str, error: Option<&'static str>) -> Error {
        let challenge = match error {
            Some(_) => "Bearer realm=\"mercat\", error=\"invalid_token\"",
            None => "Bearer realm=\"mercat\"",
        };
        Error::new(StatusCode::UNAUTHORIZED, "unauthenticated", detail)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    pub(crate) fn missing_scope(scope: &str) -> Error {
        let challenge = format!("Bearer realm=\"mercat\", error=\"insufficient_scope\", scope=\"{scope}\"");
        let error = Error::new(StatusCode::FORBIDDEN, "forbidden", format!("this needs the scope {scope}"));
        match HeaderValue::try_from(challenge) {
            Ok(challenge) => error.header(WWW_AUTHENTICATE, challenge),
            Err(_) => error,
        }
    }

    /// What a group, or its absence, said to a call of this route.
    pub(crate) fn from_failure(route: &Route, failure: Failure) -> Error {
        match failure {
            Failure::Refused { problem, position, replayed } => {
                Error::from_problem(route, problem).recorded(position.as_ref(), replayed)
            }
            Failure::Unavailable { group, retry_after } => {
                let detail = format!("{group} cannot be reached; nothing was done");
                Error::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail).retry_after(retry_after)
            }
            Failure::Unknown { group } => {
                let (code, advice) = match route.kind {
                    RpcKind::Command => (
                        "outcome_unknown",
                        "it may or may not have been done. Repeat the request with the same Idempotency-Key to learn which",
                    ),
                    _ => ("timeout", "nothing was changed. Repeat the request"),
                };
                let detail = format!("{group} did not answer in time; {advice}");
                Error::new(StatusCode::GATEWAY_TIMEOUT, code, detail).retry_after(Duration::from_secs(1))
            }
        }
    }

    /// A command that was accepted, and came to nothing for this reason.
    pub(crate) fn from_settled(route: &Route, problem: Problem, said: &Answer) -> Error {
        Error::from_problem(route, problem).recorded(said.position.as_ref(), said.replayed)
    }

    fn from_problem(route: &Route, mut problem: Problem) -> Error {
        let known = RUNTIME.iter().find(|(code, ..)| *code == problem.code);
        let refusal = route.refusal(&problem.code).and_then(|refusal| StatusCode::from_u16(refusal.status).ok());
        let status = match (known, refusal) {
            (Some((_, status, code)), _) => {
                (*code).clone_into(&mut problem.code);
                *status
            }
            (None, Some(status)) => status,
            (None, None) => status_of(Kind::of(&problem)),
        };
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            return Error::internal();
        }
        let wait = match (problem.retry_after_ms, status) {
            (0, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) => Some(Duration::from_secs(1)),
            (0, _) => None,
            (ms, _) => Some(Duration::from_millis(ms.into())),
        };
        let error = Error::said(status, problem);
        match wait {
            Some(wait) => error.retry_after(wait),
            None => error,
        }
    }

    /// Our fault; the cause is in the log.
    pub(crate) fn internal() -> Error {
        Error::said(StatusCode::INTERNAL_SERVER_ERROR, Problem::internal())
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.0.status
    }

    pub(crate) fn code(&self) -> &str {
        &self.0.problem.code
    }

    /// Whether it has this header.
    pub(crate) fn says(&self, name: &HeaderName) -> bool {
        self.0.headers.iter().any(|(said, _)| said == name)
    }

    /// With other pointers to what is wrong, where there are others.
    pub(crate) fn with_pointers(mut self, told: impl Fn(&str) -> Option<String>) -> Error {
        for error in &mut self.0.problem.errors {
            if let Some(pointer) = told(&error.pointer) {
                error.pointer = pointer;
            }
        }
        self
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Error {
        self.0.headers.push((name, value));
        self
    }

    /// The rest of the request is not worth reading: the connection ends with the answer.
    pub(crate) fn closing(mut self) -> Error {
        self.0.closes = true;
        self
    }

    pub(crate) fn retry_after(self, wait: Duration) -> Error {
        // In whole seconds, and never 0: "at once" is what brought the caller here.
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        self.header(RETRY_AFTER, HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX)))
    }

    fn recorded(mut self, position: Option<&Position>, replayed: bool) -> Error {
        if let Some(position) = position.and_then(|position| HeaderValue::try_from(position.to_string()).ok()) {
            self = self.header(SHOP_POSITION, position);
        }
        if replayed { self.header(IDEMPOTENT_REPLAYED, TRUE) } else { self }
    }

    /// Whoever watches comes back later, or looks now and then.
    pub(crate) fn too_many_watches() -> Error {
        let detail = "as many watch already as can be served; read it instead, or come back";
        Error::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_watches", detail).retry_after(Duration::from_secs(10))
    }

    /// The problem where an answer has begun already.
    pub(crate) fn into_json(self, names: &Names, path: &str) -> Vec<u8> {
        body(self.0.status, &self.0.problem, names, path)
    }

    /// The problem as it is sent.
    pub(crate) fn into_response(self, names: &Names, path: &str) -> HttpResponse {
        let Said { status, problem, headers, closes } = *self.0;
        let mut response = HttpResponse::build(status);
        response.insert_header((CACHE_CONTROL, NO_STORE)).content_type("application/problem+json");
        for header in headers {
            response.append_header(header);
        }
        if closes {
            response.force_close();
        }
        response.body(body(status, &problem, names, path))
    }
}

fn body(status: StatusCode, problem: &Problem, names: &Names, path: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let mut members = Members::open(&mut out);
    write::text(members.quoted("\"type\":"), &format!("/problems/{}", problem.code));
    write::text(members.quoted("\"title\":"), &title(problem));
    write::number(members.quoted("\"status\":"), &status.as_u16());
    problem.write_members(&mut members);
    write::text(members.quoted("\"instance\":"), path);
    write::text(members.quoted("\"request_id\":"), names.request());
    members.close();
    out
}

/// What kind of problem it is: the problem's own words, or its code read aloud (`out_of_stock` is "Out of stock").
fn title(problem: &Problem) -> String {
    if problem.title.is_empty() { aloud(&problem.code) } else { problem.title.clone() }
}

pub(crate) fn aloud(code: &str) -> String {
    let mut chars = code.chars();
    let first = chars.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(chars.map(|c| if c == '_' { ' ' } else { c })).collect()
}
