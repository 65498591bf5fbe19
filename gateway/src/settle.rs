//! Settling: a command whose outcome is known later than its acceptance.
//!
//! A checkout is accepted at once and settles when the money is there. The contract says at which values of `status` it
//! has settled and how long a caller may wait for that; then the answer is what was asked for, else `202` with the place
//! where the outcome will be shown. An outcome nobody heard of is `202` as well: the order may exist, and a failure would
//! be a lie. What settled as a refusal says so in a field that the contract names, and is answered as if it had been
//! refused at once. What waits for the caller to do something is accepted, and not waited for.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{HeaderName, HeaderValue};
use messages::common::v1::ProblemKind;
use messages::json::{Errors, FromJson as _, Json, Object, Pointer};
use messages::problem::Problem;
use messages::route::{Route, Settle};
use runtime::client::{Answer, Call, Failure};
use tokio::time::Instant;

use crate::answer;
use crate::error::Error;
use crate::exchange::Exchange;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const RESPOND_ASYNC: HeaderValue = HeaderValue::from_static("respond-async");

/// The first pause between two looks; each is half as long again, up to the longest. So a caller waits at most half as
/// long again as the shop took.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// And at most so much longer.
const LOOK_AGAIN_MAX: Duration = Duration::from_millis(200);

impl Exchange<'_> {
    /// Answers a command once it has settled, or when the caller need not wait longer.
    pub(crate) async fn settle(
        &self,
        settle: &Settle,
        call: &Call,
        members: &Object,
        said: Result<Answer, Failure>,
    ) -> Result<HttpResponse, Error> {
        let route = self.endpoint.route;
        let mut said = match said {
            Ok(said) => said,
            Err(Failure::Unknown { .. }) => return Ok(answer::accepted(route, members, None)),
            Err(failure) => return Err(Error::from_failure(route, failure)),
        };
        if settle.respond_async && self.prefers_not_to_wait() {
            let mut response = answer::accepted(route, members, Some((route, &said)));
            response.headers_mut().insert(PREFERENCE_APPLIED, RESPOND_ASYNC);
            return Ok(response);
        }
        let until = Instant::now() + Duration::from_millis(settle.within_ms.into());
        let mut pause = LOOK_AGAIN;
        let mut shown_by = route;
        loop {
            match state(settle, shown_by, &said)? {
                State::Settled => break,
                State::Refused(problem) => return Err(Error::from_settled(route, problem, &said)),
                State::Running if Instant::now() + pause < until => {}
                State::Running | State::Accepted => {
                    return Ok(answer::accepted(route, members, Some((shown_by, &said))));
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(LOOK_AGAIN_MAX);
            if let Some((by, seen)) = self.look(call, members, &said).await? {
                shown_by = by;
                said = Answer { payload: seen.payload, version: seen.version, ..said };
            }
        }
        answer::write_shown(route, shown_by, members, self.headers(), &said)
    }

    /// What the command changed, as it is by now; `None` when nobody could tell.
    ///
    /// What it changed may lie beside the actor of the key, under a name of its own: an exchange under that of its order.
    async fn look(
        &self,
        call: &Call,
        members: &Object,
        said: &Answer,
    ) -> Result<Option<(&'static Route, Answer)>, Error> {
        let Some((route, field)) = self.endpoint.reads.and_then(|route| Some((route, route.key?))) else {
            return Ok(None);
        };
        let mut named = Object::from([(field.to_owned(), Json::from(call.key.as_deref().unwrap_or_default()))]);
        for other in route.request.fields.iter().filter(|other| other.required && other.name != field) {
            if let Some(value) = members.get(other.name) {
                named.insert(other.name.to_owned(), value.clone());
            }
        }
        let mut look = self.call(route, &mut named, Vec::new(), None)?;
        if let Some(position) = said.position.as_ref().filter(|position| !look.wait.contains(position)) {
            look.wait.push(position.clone());
        }
        match self.ask(&look).await {
            Ok(seen) => Ok(Some((route, seen))),
            Err(failure) => {
                tracing::debug!(%failure, "could not look whether {} has settled", self.endpoint.route.rpc);
                Ok(None)
            }
        }
    }

    fn prefers_not_to_wait(&self) -> bool {
        let preferences = self.headers().get_all(PREFER).filter_map(|value| value.to_str().ok());
        preferences.flat_map(|value| value.split(',')).any(|one| one.trim().eq_ignore_ascii_case("respond-async"))
    }
}

/// How far a command has come.
enum State {
    /// Look again.
    Running,
    /// Show it.
    Settled,
    /// It came to nothing.
    Refused(Problem),
    /// It waits for the caller.
    Accepted,
}

fn state(settle: &Settle, shown_by: &Route, said: &Answer) -> Result<State, Error> {
    let entity = answer::json(shown_by, said)?;
    let status = entity.get("status").and_then(Json::as_str);
    Ok(match status {
        Some(status) if settle.accepted.contains(&status) => State::Accepted,
        Some(status) if !settle.until.contains(&status) => State::Running,
        _ => {
            settle.problem.and_then(|name| entity.get(name)).map_or(State::Settled, |why| State::Refused(problem(why)))
        }
    })
}

/// The problem in an entity. Whatever it lacks, that the command came to nothing is certain: it is no failure of ours.
fn problem(why: &Json) -> Problem {
    let mut problem = Problem::from_json(why, &Pointer::Root, &mut Errors::of_record());
    if problem.kind() == ProblemKind::Unspecified {
        problem.set_kind(ProblemKind::Conflict);
    }
    problem
}
