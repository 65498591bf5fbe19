//! How a turn is made: what waits is decided in order, each command on the state the one before left.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix::prelude::*;
use bytes::Bytes;
use jiff::Timestamp;
use messages::common::v1::Problem;
use messages::runtime::v1::{AttemptOutcome, Began, Commit, Outcome as Ended, Settled, Turn, record};
use prost::Message as _;
use tracing::Instrument as _;

use super::settle::{Answer, Flight};
use super::{PANICS_MAX, Partition, Waiting, Work};
use crate::cells::CallState;
use crate::clock;
use crate::desk::{Desk, Done, Scratch, Window};
use crate::entity::{ActorKey, Errand, Facts, Outcome as CallOutcome};
use crate::fold;
use crate::headers::CommandId;
use crate::problems;
use crate::replica::Gauges;
use crate::request::{Said, plus};
use crate::seen::{Known, Outcome};
use crate::turn::{self, COMMIT_BYTES_MAX, TURN_BYTES_MAX, TURN_COMMANDS_MAX};

/// How long after a call began it is made again, if no outcome was recorded: the first, and the most.
const TRY_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_secs(2);
const TRY_AGAIN_AFTER_MAX: std::time::Duration = std::time::Duration::from_secs(300);
/// The same for what is asked of another group: it is near, it knows the command again, and a customer may be waiting.
/// The first is longer than a group is waited for, so an answer that is only late is not asked for again.
const ASK_AGAIN_AFTER: std::time::Duration = std::time::Duration::from_millis(1_250);
const ASK_AGAIN_AFTER_MAX: std::time::Duration = std::time::Duration::from_secs(10);

/// A turn in the making.
pub(super) struct Draft {
    now: Timestamp,
    commits: Vec<Commit>,
    bytes: usize,
    ids: HashSet<CommandId>,
    scratch: Scratch,
    happened: Vec<(Done, Arc<fold::Cause>)>,
    answers: Vec<Answer>,
}

/// What became of one command.
enum Verdict {
    Done { reply: Vec<u8>, done: Vec<Done> },
    Refused(Problem),
    Panicked(Option<ActorKey>, String),
}

impl Partition {
    /// Makes a turn of what waits and appends it, unless one is under way.
    pub(super) fn pump(&mut self, ctx: &mut Context<Self>) {
        if self.flight.is_some() || self.catching_up || self.stopped.is_some() || self.waiting.is_empty() {
            return;
        }
        let now = self.shared.clock.now();
        let last = Timestamp::from_microsecond(self.cursor.at_micros).unwrap_or(Timestamp::UNIX_EPOCH);
        let mut draft = Draft {
            now: now.max(last),
            commits: Vec::new(),
            bytes: 0,
            ids: HashSet::new(),
            scratch: Scratch::default(),
            happened: Vec::new(),
            answers: Vec::new(),
        };
        let mut again = Vec::new();
        while draft.answers.len() < TURN_COMMANDS_MAX && draft.bytes < TURN_BYTES_MAX {
            let Some(waiting) = self.waiting.pop_front() else { break };
            if draft.ids.contains(&waiting.command.id) {
                // The same command twice at once: the second is answered from the first's record.
                again.push(waiting);
                continue;
            }
            self.decide(waiting, &mut draft, ctx);
        }
        again.into_iter().rev().for_each(|waiting| self.waiting.push_front(waiting));
        if let Some(failure) = self.cells.borrow_mut().take_failure() {
            // Decisions made on rows that could not be read are worth nothing.
            tracing::error!(cause = %failure, partition = self.number, "the store failed under a turn; starting anew");
            return ctx.stop();
        }
        if draft.answers.is_empty() {
            return;
        }
        self.append(draft, ctx);
    }

    fn decide(&mut self, mut waiting: Waiting, draft: &mut Draft, ctx: &mut Context<Self>) {
        let span = waiting.from.span.clone();
        let _inside = span.enter();
        if waiting.from.deadline.is_some_and(|deadline| deadline <= draft.now) {
            Gauges::add(&self.shared.gauges.late, 1);
            // If an append of it is in doubt, "nothing was done" would be a guess.
            if !waiting.in_doubt {
                self.say(waiting.from.route, &waiting.from.reply, Said::refusal(problems::too_late()));
            }
            return;
        }
        match self.commands.look(waiting.command.id, waiting.command.keyed) {
            Ok(Known::No) => {}
            Ok(Known::Outcome(outcome)) => return self.say_again(&waiting, &outcome),
            Ok(Known::At(place)) => return self.read_outcome(waiting, place, ctx),
            Err(failure) => {
                let problem = problems::internal(&failure);
                return self.say(waiting.from.route, &waiting.from.reply, Said::refusal(problem));
            }
        }
        if let Some(actor) = waiting.target().filter(|actor| self.quarantine.contains_key(*actor)) {
            let problem = problems::quarantined(actor);
            return self.say(waiting.from.route, &waiting.from.reply, Said::refusal(problem));
        }
        match self.run(&mut waiting, draft) {
            Verdict::Panicked(actor, cause) => self.panicked(&waiting, actor, &cause),
            Verdict::Refused(problem) => {
                let version = self.version_after(&waiting, &draft.scratch);
                draft.refuse(waiting, problem, version);
            }
            Verdict::Done { reply, done } => {
                if let Some(actor) = waiting.target() {
                    self.panics.remove(actor);
                }
                let version = self.version_after(&waiting, &draft.scratch);
                draft.keep(waiting, reply, done, version);
            }
        }
    }

    /// The addressed actor's version once this turn is in the log. A strong read shows what was before the turn.
    fn version_after(&self, waiting: &Waiting, scratch: &Scratch) -> Option<u64> {
        let actor = waiting.target()?;
        let changed = scratch.get(actor).filter(|_| !matches!(waiting.work, Work::StrongRead(_)));
        Some(changed.map_or_else(|| self.cells.borrow_mut().get(actor).version, |cell| cell.version))
    }

    fn run(&self, waiting: &mut Waiting, draft: &mut Draft) -> Verdict {
        let facts = Facts {
            now: draft.now,
            caller: waiting.from.caller.clone(),
            command: waiting.command.id,
            open_calls: Vec::new(),
        };
        let Draft { scratch, .. } = draft;
        if let Some(refusal) = self.stale(waiting, scratch) {
            return Verdict::Refused(refusal);
        }
        let mut desk = Desk::new(&self.cells, &self.models, scratch, &facts);
        let result = catch_unwind(AssertUnwindSafe(|| self.work(&waiting.work, &mut desk)));
        if let Some(failure) = desk.take_failure() {
            // What was decided on rows that could not be read is worth nothing.
            desk.undo();
            return Verdict::Refused(problems::internal(&failure));
        }
        match result {
            Ok(Ok(reply)) => {
                let bytes = desk.recorded_bytes();
                if bytes > COMMIT_BYTES_MAX {
                    desk.undo();
                    return Verdict::Refused(problems::command_too_large(bytes));
                }
                let (needs, stable) = (desk.schema(), self.shared.schema_max.load(Ordering::Relaxed));
                if needs > stable {
                    desk.undo();
                    return Verdict::Refused(problems::not_promoted(needs, stable));
                }
                Verdict::Done { reply, done: desk.keep() }
            }
            Ok(Err(problem)) => {
                desk.undo();
                Verdict::Refused(problem)
            }
            Err(payload) => {
                let blamed = desk.busy_with().cloned().or_else(|| waiting.target().cloned());
                desk.undo();
                Verdict::Panicked(blamed, panic_text(&*payload))
            }
        }
    }

    /// `If-Match`: the addressed actor must have the version the caller saw.
    fn stale(&self, waiting: &Waiting, scratch: &Scratch) -> Option<Problem> {
        let wanted = waiting.from.if_version?;
        let actor = waiting.target()?;
        let has = scratch.get(actor).map_or_else(|| self.cells.borrow_mut().get(actor).version, |cell| cell.version);
        (has != wanted).then(|| Problem::stale(has))
    }

    fn work(&self, work: &Work, desk: &mut Desk<'_>) -> Result<Vec<u8>, Problem> {
        match work {
            Work::Command(prepared) => (prepared.run)(desk),
            // A strong read changes nothing, so the cells are what this turn's appender sees.
            Work::StrongRead(prepared) => {
                let facts = desk.facts();
                (prepared.run)(&Window::new(&self.cells, &self.models, None, facts.now, &facts.caller))
            }
            Work::Wake { actor, key } => {
                let kind = self.shared.kinds.known(actor.kind).map_err(|e| problems::internal(&e))?;
                kind.wake(desk, &actor.id, key).map(|()| Vec::new())
            }
            Work::Begin { actor, key } => {
                self.begin(desk, actor, key);
                Ok(Vec::new())
            }
            Work::Report { actor, key, attempt, outcome } => {
                let kind = self.shared.kinds.known(actor.kind).map_err(|e| problems::internal(&e))?;
                let already = matches!(desk.cell(actor).calls.get(key), Some(CallState::Settled) | None);
                if already {
                    return Ok(Vec::new());
                }
                let ended = match outcome {
                    CallOutcome::Done(_) => AttemptOutcome::Done,
                    CallOutcome::Refused(_) => AttemptOutcome::Refused,
                };
                let settled = Settled { key: key.clone(), attempt: *attempt, outcome: ended.into() };
                desk.note_call(actor, record::What::Settled(settled));
                kind.report(desk, &actor.id, key, outcome.clone()).map(|()| Vec::new())
            }
        }
    }

    /// Announces a call, if it is still owed and due.
    fn begin(&self, desk: &mut Desk<'_>, actor: &ActorKey, key: &str) {
        let cell = desk.cell(actor);
        let owed = self.shared.kinds.get(actor.kind).and_then(|kind| kind.errand(&cell.state, key));
        let (first, most) = match owed {
            Some(Errand::Provider(..)) => (TRY_AGAIN_AFTER, TRY_AGAIN_AFTER_MAX),
            Some(Errand::Ask { .. }) => (ASK_AGAIN_AFTER, ASK_AGAIN_AFTER_MAX),
            None => return,
        };
        let now = desk.facts().now;
        let attempt = match cell.calls.get(key) {
            None => 1,
            Some(CallState::Begun { attempt, next_try_at }) if *next_try_at <= now => attempt + 1,
            Some(CallState::Begun { .. } | CallState::Settled) => return,
        };
        let pause = first.saturating_mul(1 << attempt.min(10)).min(most);
        let next_try_at = Some(clock::to_wire(plus(now, pause)));
        desk.note_call(actor, record::What::Began(Began { key: key.to_owned(), attempt, next_try_at }));
    }

    fn panicked(&mut self, waiting: &Waiting, actor: Option<ActorKey>, cause: &str) {
        Gauges::add(&self.shared.gauges.panics, 1);
        tracing::error!(rpc = waiting.from.rpc, actor = ?actor, cause, "a command panicked");
        self.say(waiting.from.route, &waiting.from.reply, Said::refusal(problems::panicked()));
        let Some(actor) = actor else { return };
        let panics = self.panics.entry(actor.clone()).or_default();
        *panics += 1;
        if *panics >= PANICS_MAX {
            tracing::error!(%actor, "set aside: {panics} panics in a row");
            self.quarantine.insert(actor, cause.to_owned());
            Gauges::add(&self.shared.gauges.quarantined, 1);
        }
    }

    fn append(&mut self, draft: Draft, ctx: &mut Context<Self>) {
        let turn_id: [u8; 16] = self.shared.entropy.bytes();
        let schema = draft.happened.iter().map(|(done, _)| done.schema()).max().unwrap_or(0);
        let turn = Turn {
            turn_id: turn_id.to_vec(),
            number: self.cursor.number + 1,
            previous_sequence: self.cursor.turn_sequence,
            previous_hash: self.cursor.hash.to_vec(),
            schema,
            at: Some(clock::to_wire(draft.now)),
            replica: self.shared.replica.clone(),
            commits: draft.commits,
        };
        let (headers, payload, hash) = turn::write(&turn);
        let expected = self.cursor.sequence;
        let (shared, partition) = (self.shared.clone(), self.number);
        self.flight = Some(Flight {
            turn_id,
            turn,
            hash,
            scratch: draft.scratch,
            happened: draft.happened,
            answers: draft.answers,
        });
        let span = self.append_span();
        let appending = async move { shared.log.append(partition, expected, headers, payload).await }.instrument(span);
        ctx.spawn(appending.into_actor(self).map(move |result, partition, ctx| {
            partition.appended(turn_id, result, ctx);
        }));
    }
}

impl Partition {
    /// The span of an append, under the first of the requests it carries; the others follow it.
    fn append_span(&self) -> tracing::Span {
        let Some(flight) = &self.flight else { return tracing::Span::none() };
        let mut carried = flight.answers.iter().map(|answer| &answer.waiting.from.span).filter(|span| !span.is_none());
        let Some(first) = carried.next() else { return tracing::Span::none() };
        let span = tracing::debug_span!(parent: first, "append", partition = self.number, turn = flight.turn.number);
        carried.for_each(|other| {
            span.follows_from(other);
        });
        span
    }
}

impl Draft {
    fn refuse(&mut self, waiting: Waiting, problem: Problem, version: Option<u64>) {
        // Only a keyed refusal is kept: a retry must hear the same. Others are merely proven fresh by the turn. What may
        // be otherwise in a moment is no outcome: a retry is decided anew.
        let keep = waiting.command.keyed && waiting.from.route.is_some() && super::is_final(&problem);
        if keep {
            self.commit(&waiting, Ended::Refused, problem.encode_to_vec(), &[], version.unwrap_or(0));
        }
        self.answers.push(Answer { waiting, result: Err(problem), version: None });
    }

    fn keep(&mut self, waiting: Waiting, reply: Vec<u8>, done: Vec<Done>, version: Option<u64>) {
        let own = waiting.from.route.is_none();
        if own && done.is_empty() {
            // Somebody else has done it; there is nothing to say and nobody to say it to.
            return;
        }
        let is_command = !matches!(waiting.work, Work::StrongRead(_));
        let outcome = if done.is_empty() { Ended::AlreadySo } else { Ended::Done };
        if !done.is_empty() || (waiting.command.keyed && is_command) {
            let cause = self.commit(&waiting, outcome, reply.clone(), &done, version.unwrap_or(0));
            self.happened.extend(done.into_iter().map(|done| (done, cause.clone())));
        }
        self.answers.push(Answer { waiting, result: Ok(Bytes::from(reply)), version });
    }

    fn commit(
        &mut self,
        waiting: &Waiting,
        outcome: Ended,
        reply: Vec<u8>,
        done: &[Done],
        version: u64,
    ) -> Arc<fold::Cause> {
        let from = &waiting.from;
        let target = waiting.target();
        let commit = Commit {
            command_id: waiting.command.id.0.to_vec(),
            fingerprint: waiting.command.fingerprint.0.to_vec(),
            keyed: waiting.command.keyed,
            outcome: outcome.into(),
            rpc: from.rpc.to_owned(),
            reply,
            records: done.iter().map(|done| done.record.clone()).collect(),
            kind: target.map(|actor| actor.kind.to_owned()).unwrap_or_default(),
            id: target.map(|actor| actor.id.to_string()).unwrap_or_default(),
            version,
            correlation_id: from.correlation.clone(),
            traceparent: from.traceparent.clone(),
            caller: from.caller.to_string(),
            request_id: from.request.clone(),
        };
        self.bytes += commit.encoded_len();
        self.ids.insert(waiting.command.id);
        let cause = Arc::new(fold::Cause::from(&commit));
        self.commits.push(commit);
        cause
    }
}

impl Waiting {
    /// The actor it addresses.
    pub(super) fn target(&self) -> Option<&ActorKey> {
        match &self.work {
            Work::Command(prepared) => Some(&prepared.target),
            Work::StrongRead(prepared) => Some(&prepared.target),
            Work::Wake { actor, .. } | Work::Begin { actor, .. } | Work::Report { actor, .. } => Some(actor),
        }
    }
}

pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it said nothing".to_owned())
}

impl Partition {
    /// Answers a repeated command as the first time.
    pub(super) fn say_again(&self, waiting: &Waiting, outcome: &Outcome) {
        let none = crate::headers::Fingerprint::default();
        let differs = outcome.fingerprint != waiting.command.fingerprint
            && outcome.fingerprint != none
            && waiting.command.fingerprint != none;
        let said = if differs {
            Said::refusal(problems::fingerprint_mismatch())
        } else {
            Said {
                result: outcome.result.clone(),
                version: Some(outcome.version).filter(|version| *version > 0),
                position: Some(self.position(outcome.sequence)),
                // Its own client asking twice is no replay; only a key of the caller's makes one.
                replayed: waiting.command.keyed && !waiting.in_doubt,
            }
        };
        self.say(waiting.from.route, &waiting.from.reply, said);
    }
}
