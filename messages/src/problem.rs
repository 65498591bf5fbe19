//! Problems: why there is no answer. The Rust face of `shop.common.v1.Problem`.
//!
//! A problem has a stable slug for machines, a sentence for people, and one of a closed list of kinds. This module gives
//! no kind an HTTP status: the door does, in one table. Nothing here says why *we* failed; causes stay in the log.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

pub use crate::common::v1::Problem;
use crate::common::v1::fact::Value;
use crate::common::v1::{Fact, ProblemKind};
use crate::errors::FieldError;
use crate::json::write::{self, Members};

/// The sorts of no. A new reason is a new code of one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is malformed.
    Invalid,
    /// There is no such thing, or it is not the caller's to see.
    NotFound,
    /// The state of things forbids it.
    Conflict,
    /// The caller's version is not the current one.
    Precondition,
    /// The caller is known and may not.
    Forbidden,
    /// The caller is not known.
    Unauthenticated,
    /// Well formed, and still not to be done.
    Unprocessable,
    /// The money did not come.
    PaymentRequired,
    /// A limit is used up; try later.
    Exhausted,
    /// Nobody is there to answer; try again.
    Unavailable,
    /// No answer in time. It may still have happened.
    Timeout,
    /// Our mistake.
    Internal,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 12] = [
        Kind::Invalid,
        Kind::NotFound,
        Kind::Conflict,
        Kind::Precondition,
        Kind::Forbidden,
        Kind::Unauthenticated,
        Kind::Unprocessable,
        Kind::PaymentRequired,
        Kind::Exhausted,
        Kind::Unavailable,
        Kind::Timeout,
        Kind::Internal,
    ];

    /// The kind of a problem. One that we do not know is somebody's mistake, and so internal.
    pub fn of(problem: &Problem) -> Kind {
        match problem.kind() {
            ProblemKind::Invalid => Kind::Invalid,
            ProblemKind::NotFound => Kind::NotFound,
            ProblemKind::Conflict => Kind::Conflict,
            ProblemKind::Precondition => Kind::Precondition,
            ProblemKind::Forbidden => Kind::Forbidden,
            ProblemKind::Unauthenticated => Kind::Unauthenticated,
            ProblemKind::Unprocessable => Kind::Unprocessable,
            ProblemKind::PaymentRequired => Kind::PaymentRequired,
            ProblemKind::Exhausted => Kind::Exhausted,
            ProblemKind::Unavailable => Kind::Unavailable,
            ProblemKind::Timeout => Kind::Timeout,
            ProblemKind::Internal | ProblemKind::Unspecified => Kind::Internal,
        }
    }
}

impl From<Kind> for ProblemKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Invalid => ProblemKind::Invalid,
            Kind::NotFound => ProblemKind::NotFound,
            Kind::Conflict => ProblemKind::Conflict,
            Kind::Precondition => ProblemKind::Precondition,
            Kind::Forbidden => ProblemKind::Forbidden,
            Kind::Unauthenticated => ProblemKind::Unauthenticated,
            Kind::Unprocessable => ProblemKind::Unprocessable,
            Kind::PaymentRequired => ProblemKind::PaymentRequired,
            Kind::Exhausted => ProblemKind::Exhausted,
            Kind::Unavailable => ProblemKind::Unavailable,
            Kind::Timeout => ProblemKind::Timeout,
            Kind::Internal => ProblemKind::Internal,
        }
    }
}

impl Problem {
    /// A problem of a kind, with its slug and a sentence.
    pub fn new(kind: Kind, code: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem { code: code.into(), kind: ProblemKind::from(kind).into(), detail: detail.into(), ..Problem::default() }
    }

    /// A malformed request, with everything that is wrong with it.
    pub fn invalid(errors: Vec<FieldError>) -> Problem {
        let errors = errors.into_iter().map(Into::into).collect();
        Problem { errors, ..Problem::new(Kind::Invalid, "invalid_request", "The request is malformed.") }
    }

    /// There is no such thing.
    pub fn not_found(code: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem::new(Kind::NotFound, code, detail)
    }

    /// The state of things forbids it.
    pub fn conflict(code: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem::new(Kind::Conflict, code, detail)
    }

    /// The caller's version is not the current one.
    pub fn stale(current_version: u64) -> Problem {
        Problem::new(Kind::Precondition, "stale_version", "It has changed since it was read.")
            .with("current_version", i64::try_from(current_version).unwrap_or(i64::MAX))
    }

    /// Nobody can answer right now.
    pub fn unavailable(code: impl Into<String>, detail: impl Into<String>, retry_after: Duration) -> Problem {
        Problem::new(Kind::Unavailable, code, detail).retry_after(retry_after)
    }

    /// Our mistake. It says nothing, because the cause is nobody's business but ours.
    pub fn internal() -> Problem {
        Problem::new(Kind::Internal, "internal", "Something went wrong on our side.")
    }

    /// Adds something true that a machine can act on.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<Value>) -> Problem {
        self.facts.push(Fact { name: name.into(), value: Some(value.into()) });
        self
    }

    /// Adds a fact that is more than a number, a text or a flag, such as the lines that are out of stock.
    #[must_use]
    pub fn with_json(self, name: impl Into<String>, value: &impl Serialize) -> Problem {
        // What does not serialize is left out: half a fact is worse than none, and the refusal stands without it.
        match serde_json::to_string(value) {
            Ok(json) => self.with(name, Value::Json(json)),
            Err(_) => self,
        }
    }

    /// Adds a few words that are the same for every problem with this code.
    #[must_use]
    pub fn titled(mut self, title: impl Into<String>) -> Problem {
        self.title = title.into();
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, pause: Duration) -> Problem {
        self.retry_after_ms = u32::try_from(pause.as_millis()).unwrap_or(u32::MAX);
        self
    }

    /// The fact of this name.
    pub fn fact(&self, name: &str) -> Option<&Value> {
        self.facts.iter().find(|fact| fact.name == name).and_then(|fact| fact.value.as_ref())
    }

    /// Writes what a problem says in JSON, whoever shows it: `code`, `detail`, `errors`, and each fact as a member of its
    /// own. The door adds what only it knows (`type`, `title`, `status`, `instance`, `request_id`). A fact that bears a
    /// name of these is left out, for it would contradict them.
    pub fn write_members(&self, members: &mut Members<'_>) {
        write::text(members.quoted("\"code\":"), &self.code);
        write::text(members.quoted("\"detail\":"), &self.detail);
        if !self.errors.is_empty() {
            write::list(members.quoted("\"errors\":"), &self.errors, write::message);
        }
        for fact in self.facts.iter().filter(|fact| !RESERVED.contains(&fact.name.as_str())) {
            match &fact.value {
                Some(Value::Number(number)) => write::number(members.member(&fact.name), number),
                Some(Value::Text(text)) => write::text(members.member(&fact.name), text),
                Some(Value::Flag(flag)) => write::flag(members.member(&fact.name), flag),
                Some(Value::Json(json)) => write::raw(members.member(&fact.name), json),
                None => {}
            }
        }
    }
}

/// The members of a problem that are not facts.
const RESERVED: [&str; 9] =
    ["type", "title", "status", "detail", "instance", "code", "request_id", "errors", "retry_after_ms"];

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl std::error::Error for Problem {}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(&Problem::new(kind, "x", "y")), kind);
        }
        assert_eq!(Kind::of(&Problem { kind: 99, ..Problem::default() }), Kind::Internal);
    }

    #[test]
    fn facts_are_members_and_do_not_contradict_the_problem() {
        let problem = Problem::conflict("insufficient_stock", "Only 3 are left.")
            .with("available", 3)
            .with("status", 200)
            .with_json("lines", &[std::collections::BTreeMap::from([("sku", "A")])]);
        let mut out = Vec::new();
        let mut members = Members::open(&mut out);
        problem.write_members(&mut members);
        members.close();
        expect_test::expect![[
            r#"{"code":"insufficient_stock","detail":"Only 3 are left.","available":3,"lines":[{"sku":"A"}]}"#
        ]]
        .assert_eq(std::str::from_utf8(&out).expect("JSON is text"));
    }
}
