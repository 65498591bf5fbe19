//! How an append ends: acknowledged, refused by the fence, or without a word; and how what others appended is folded.
//!
//! Without a word, the same commands are decided again on the same state and appended with the same expectation and a
//! new turn id. If that is acknowledged, the lost turn can never land. If it is refused, something landed, perhaps the
//! lost turn itself: everything after the expectation is folded, and the commands find themselves in it by their ids.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use futures::FutureExt as _;
use messages::common::v1::Problem;
use messages::runtime::v1::{Commit, Outcome as Ended, Turn, record};
use prost::Message as _;
use tracing::Instrument as _;

use super::{Partition, Waiting, Work, is_final};
use crate::cells::CallState;
use crate::client::{Answer as Answered, Call, Failure};
use crate::desk::{Done, Scratch};
use crate::entity::{ActorKey, Errand, Outcome as CallOutcome};
use crate::fold::{self, Cause, Folded};
use crate::group::Said as ProviderSaid;
use crate::headers::{Caller, CommandId, CommandKey, Fingerprint};
use crate::log::{AppendError, Entry};
use crate::problems;
use crate::replica::Gauges;
use crate::request::{Said, plus};
use crate::seen::{Outcome, Place, Step};
use crate::turn::{self, Broken, Cursor, Hash, Seen};
use crate::view::Hear;

/// How long the partition waits before it tries again after an append without a word, or a refusal it cannot explain.
const PAUSE: Duration = Duration::from_millis(20);
/// How long an agenda waits for the answer to a question before it takes the outcome for unknown and asks again.
const ASKED_FOR: Duration = Duration::from_secs(2);
/// How many messages one catch-up reads before the partition looks up.
const CATCH_UP_MAX: usize = 256;

/// An answer that must not leave before the log has its turn.
pub(super) struct Answer {
    pub(super) waiting: Waiting,
    pub(super) result: Result<Bytes, Problem>,
    pub(super) version: Option<u64>,
}

/// A turn on its way into the log.
pub(super) struct Flight {
    pub(super) turn_id: [u8; 16],
    pub(super) turn: Turn,
    pub(super) hash: Hash,
    pub(super) scratch: Scratch,
    pub(super) happened: Vec<(Done, Arc<Cause>)>,
    pub(super) answers: Vec<Answer>,
}

impl Partition {
    pub(super) fn appended(&mut self, turn_id: [u8; 16], result: Result<u64, AppendError>, ctx: &mut Context<Self>) {
        // The tail may have delivered the turn before its ack did; then all is done already.
        let Some(flight) = self.flight.take_if(|flight| flight.turn_id == turn_id) else { return };
        match result {
            Ok(sequence) => {
                self.refusals = 0;
                self.committed(flight, sequence, ctx);
                self.pump(ctx);
            }
            Err(AppendError::Fenced { .. }) => {
                Gauges::add(&self.shared.gauges.fenced, 1);
                self.requeue(flight, false);
                self.refusals += 1;
                self.catch_up(ctx);
            }
            Err(AppendError::Full { reason, .. }) => {
                tracing::error!(partition = self.number, reason, "the log is full");
                // One that an earlier append may have carried into the log cannot be told that nothing was done.
                for answer in flight.answers.into_iter().filter(|answer| !answer.waiting.in_doubt) {
                    let refusal = Said::refusal(problems::log_full(&reason));
                    self.say(answer.waiting.from.route, &answer.waiting.from.reply, refusal);
                }
                self.pump(ctx);
            }
            Err(AppendError::Unknown { reason, .. }) => {
                Gauges::add(&self.shared.gauges.unknown, 1);
                tracing::warn!(partition = self.number, reason, "an append ended without a word; asking the fence");
                self.requeue(flight, true);
                self.pause(ctx);
            }
        }
    }

    /// Puts the commands of a turn that did not make it back where they were, in their order.
    fn requeue(&mut self, flight: Flight, in_doubt: bool) {
        for mut answer in flight.answers.into_iter().rev() {
            answer.waiting.in_doubt |= in_doubt;
            self.waiting.push_front(answer.waiting);
        }
    }

    fn pause(&mut self, ctx: &mut Context<Self>) {
        self.catching_up = true;
        ctx.run_later(PAUSE, |partition, ctx| {
            partition.catching_up = false;
            partition.pump(ctx);
        });
    }

    /// The log has the turn: it is true now, and may be told.
    fn committed(&mut self, flight: Flight, sequence: u64, ctx: &mut Context<Self>) {
        let Flight { turn, hash, scratch, happened, answers, .. } = flight;
        let at = fold::time_of(&turn);
        Gauges::add(&self.shared.gauges.turns, 1);
        Gauges::add(&self.shared.gauges.commits, u64::try_from(turn.commits.len()).unwrap_or(0));
        for (index, commit) in turn.commits.iter().enumerate() {
            self.note_commit(commit, index, sequence);
        }
        let mut begun = Vec::new();
        let mut stories = self.stories(&happened);
        for (actor, mut cell) in scratch.into_changed() {
            let was_new = self.cells.borrow_mut().get(&actor).sequence == 0;
            cell.sequence = sequence;
            if let Some(story) = stories.remove(&actor) {
                cell.story = story;
            }
            fold::prune_calls(&self.shared.kinds, actor.kind, &mut cell);
            let version = cell.version;
            self.cells.borrow_mut().put(actor.clone(), cell);
            self.note_step(&actor, Step { sequence, version }, was_new, ctx);
            self.tell_agenda(&actor);
        }
        let mut events = Vec::with_capacity(happened.len());
        for (done, cause) in happened {
            match done.record.what {
                Some(record::What::Event(event)) => events.push(Folded {
                    partition: self.number,
                    sequence,
                    index: u32::try_from(events.len()).unwrap_or(u32::MAX),
                    at,
                    actor: done.actor,
                    version: done.record.version,
                    event_type: event.r#type.into(),
                    data: event.data.into(),
                    after: done.after,
                    commit: cause,
                }),
                Some(record::What::Began(began)) => begun.push((done.actor, began.key, began.attempt)),
                Some(record::What::Settled(_)) | None => {}
            }
        }
        self.cursor = Cursor {
            sequence,
            turn_sequence: sequence,
            number: turn.number,
            hash,
            read_to: self.cursor.read_to.max(sequence),
            at_micros: at.as_microsecond().max(self.cursor.at_micros),
        };
        self.views.do_send(Hear { partition: self.number, sequence, events });
        for answer in answers {
            let said = Said {
                result: answer.result,
                version: answer.version,
                position: Some(self.position(sequence)),
                replayed: false,
            };
            self.say(answer.waiting.from.route, &answer.waiting.from.reply, said);
        }
        self.release_waits();
        // Only now may the world outside be called: the log knows of it.
        begun.into_iter().for_each(|(actor, key, attempt)| self.call(actor, key, attempt, ctx));
    }

    fn note_commit(&mut self, commit: &Commit, index: usize, sequence: u64) {
        let Ok(id) = <[u8; 16]>::try_from(commit.command_id.as_slice()) else { return };
        let outcome = outcome_of(commit, sequence);
        self.commands.note(CommandId(id), commit.keyed, u32::try_from(index).unwrap_or(u32::MAX), outcome);
    }

    fn note_step(&mut self, actor: &ActorKey, step: Step, was_new: bool, ctx: &mut Context<Self>) {
        if let Err(failure) = self.pasts.note(actor, step, was_new) {
            tracing::error!(cause = %failure, partition = self.number, "the store failed; starting anew");
            ctx.stop();
        }
    }

    /// Folds the next message that the tail dealt. Says whether the one after it may be folded.
    pub(super) fn fold(&mut self, entry: &Entry, ctx: &mut Context<Self>) -> bool {
        if entry.sequence <= self.cursor.sequence {
            return true;
        }
        match turn::read(entry, &self.cursor, self.shared.group.contract.schema) {
            Ok(Seen::Ahead) => {
                self.catch_up(ctx);
                false
            }
            seen => self.fold_seen(entry, seen, ctx),
        }
    }

    /// Folds the next message that was read straight from the log: there is nothing between it and the one before.
    fn fold_read(&mut self, entry: &Entry, ctx: &mut Context<Self>) -> bool {
        if entry.sequence <= self.cursor.sequence {
            return true;
        }
        let seen = match turn::read(entry, &self.cursor, self.shared.group.contract.schema) {
            Ok(Seen::Ahead) => turn::orphan(entry).map(|()| Seen::Stranger),
            seen => seen,
        };
        self.fold_seen(entry, seen, ctx)
    }

    fn fold_seen(&mut self, entry: &Entry, seen: Result<Seen, Broken>, ctx: &mut Context<Self>) -> bool {
        match seen {
            Ok(Seen::Next(turn, hash)) => self.fold_next(entry, &turn, hash, ctx),
            Ok(Seen::Stranger | Seen::Ahead) => {
                Gauges::add(&self.shared.gauges.strangers, 1);
                let (partition, sequence) = (self.number, entry.sequence);
                tracing::error!(partition, sequence, "a message in the log is not a turn; every replica skips it");
                self.cursor.sequence = entry.sequence;
                self.release_waits();
                true
            }
            Err(broken) => {
                tracing::error!(cause = %broken, partition = self.number, "the partition stops");
                self.stop_serving(broken);
                false
            }
        }
    }

    fn fold_next(&mut self, entry: &Entry, turn: &Turn, hash: Hash, ctx: &mut Context<Self>) -> bool {
        if let Some(flight) = self.flight.take_if(|flight| flight.turn_id[..] == turn.turn_id[..]) {
            // Our own turn came back before its ack.
            self.refusals = 0;
            self.committed(flight, entry.sequence, ctx);
            return true;
        }
        let mut events = Vec::new();
        let folded =
            fold::fold_turn(&mut self.cells.borrow_mut(), self.number, entry, turn, |event| events.push(event));
        if let Err(broken) = folded {
            tracing::error!(cause = %broken, partition = self.number, "the partition stops");
            self.stop_serving(broken);
            return false;
        }
        self.cursor = fold::advanced(&self.cursor, entry, turn, hash);
        self.refusals = 0;
        for (index, commit) in turn.commits.iter().enumerate() {
            self.note_commit(commit, index, entry.sequence);
        }
        for actor in touched(&self.shared.kinds, turn) {
            let cell = self.cells.borrow_mut().get(&actor);
            // A cell first changed by this turn has no past in the store.
            let was_new = cell.version <= versions_made(turn, &actor);
            self.note_step(&actor, Step { sequence: entry.sequence, version: cell.version }, was_new, ctx);
            self.tell_agenda(&actor);
        }
        self.views.do_send(Hear { partition: self.number, sequence: entry.sequence, events });
        self.release_waits();
        true
    }

    pub(super) fn stop_serving(&mut self, broken: Broken) {
        let problem = problems::not_hosting(&broken.to_string());
        for waiting in std::mem::take(&mut self.waiting) {
            self.say(waiting.from.route, &waiting.from.reply, Said::refusal(problem.clone()));
        }
        self.stopped = Some(broken);
        self.shared.set_able(self.number, false);
    }

    /// Reads what others appended, straight from the log.
    pub(super) fn catch_up(&mut self, ctx: &mut Context<Self>) {
        if self.catching_up || self.stopped.is_some() {
            return;
        }
        self.catching_up = true;
        let (shared, partition, after) = (self.shared.clone(), self.number, self.cursor.sequence);
        let reading = async move {
            let (mut entries, mut after) = (Vec::new(), after);
            while entries.len() < CATCH_UP_MAX {
                match shared.log.next(partition, after).await {
                    Ok(Some(entry)) => {
                        after = entry.sequence;
                        entries.push(entry);
                    }
                    Ok(None) => break,
                    Err(failure) => {
                        tracing::warn!(cause = %failure, partition, "could not read what others appended");
                        break;
                    }
                }
            }
            entries
        };
        ctx.spawn(reading.into_actor(self).map(|entries, partition, ctx| partition.caught_up(&entries, ctx)));
    }

    fn caught_up(&mut self, entries: &[Entry], ctx: &mut Context<Self>) {
        self.catching_up = false;
        let before = self.cursor.sequence;
        for entry in entries {
            if self.stopped.is_some() || !self.fold_read(entry, ctx) {
                break;
            }
        }
        if entries.len() >= CATCH_UP_MAX {
            return self.catch_up(ctx);
        }
        if self.cursor.sequence == before && self.refusals > 0 {
            // Refused, and nothing to read: whoever answered the read lags behind whoever answered the append.
            return self.pause(ctx);
        }
        self.pump(ctx);
    }

    /// Reads how a command ended that was decided long ago, and answers it.
    pub(super) fn read_outcome(&mut self, waiting: Waiting, place: Place, ctx: &mut Context<Self>) {
        let shared = self.shared.clone();
        let reading = async move {
            let entry = shared.log.read(place.sequence).await.ok().flatten()?;
            let turn = Turn::decode(entry.payload).ok()?;
            let commit = turn.commits.get(usize::try_from(place.index).ok()?)?;
            Some(outcome_of(commit, place.sequence))
        };
        ctx.spawn(reading.into_actor(self).map(move |outcome, partition, _| match outcome {
            Some(outcome) => partition.say_again(&waiting, &outcome),
            None => {
                let problem = problems::not_hosting("the record of this command could not be read");
                partition.say(waiting.from.route, &waiting.from.reply, Said::refusal(problem));
            }
        }));
    }

    /// The stories that actors are part of after a turn: each the last that touched it, as long as it owes something.
    fn stories(&self, happened: &[(Done, Arc<Cause>)]) -> BTreeMap<ActorKey, Option<Arc<Cause>>> {
        let mut stories = BTreeMap::new();
        for (done, cause) in happened {
            let was = stories.remove(&done.actor);
            let mut story = was.unwrap_or_else(|| self.cells.borrow_mut().get(&done.actor).story);
            fold::tell_story(&self.shared.kinds, done.actor.kind, &done.after, cause, &mut story);
            stories.insert(done.actor.clone(), story);
        }
        stories
    }

    /// Makes a call that the log knows has begun.
    fn call(&mut self, actor: ActorKey, key: String, attempt: u32, ctx: &mut Context<Self>) {
        let cell = self.cells.borrow_mut().get(&actor);
        let still = matches!(cell.calls.get(&key), Some(CallState::Begun { attempt: begun, .. }) if *begun == attempt);
        let errand = self.shared.kinds.get(actor.kind).and_then(|kind| kind.errand(&cell.state, &key));
        let Some(errand) = errand.filter(|_| still) else { return };
        let calling = match errand {
            Errand::Provider(name, request) => {
                let Some(provider) = self.shared.group.providers.get(name).cloned() else {
                    tracing::error!(provider = name, %actor, "an agenda calls a provider that this group does not have");
                    return;
                };
                let key = key.clone();
                let span = tracing::info_span!("call", otel.kind = "client", provider = name, key, attempt);
                async move { provider.call(&key, request).await }.instrument(span).boxed_local()
            }
            Errand::Ask { route, partition_key, request } => {
                let span = tracing::info_span!("call", otel.kind = "client", rpc = route.name, key, attempt);
                let call = self.question(&actor, &key, route, partition_key, request, cell.story.as_deref());
                let client = self.shared.client.clone();
                async move { heard(client.ask(&call).await) }.instrument(span).boxed_local()
            }
        };
        ctx.spawn(calling.into_actor(self).map(move |said, partition, ctx| match said {
            ProviderSaid::Settled(outcome) => partition.report(actor, key, attempt, outcome, ctx),
            ProviderSaid::Unknown(reason) => {
                tracing::warn!(%actor, key, attempt, reason, "nobody knows how a call ended; it will be made again");
            }
        }));
    }

    /// What an agenda asks of another group. The same actor and key are the same command there, for ever.
    fn question(
        &self,
        actor: &ActorKey,
        key: &str,
        route: &'static messages::Route,
        partition_key: String,
        request: Bytes,
        story: Option<&Cause>,
    ) -> Call {
        let group = self.shared.name();
        let deadline = plus(self.shared.clock.now(), ASKED_FOR);
        let fingerprint = Fingerprint::of(route.name, &request);
        let to = (route.kind != messages::RpcKind::Query).then_some(partition_key);
        let mut call = Call::new(route, to, request, deadline);
        let parts = [group.as_bytes(), actor.kind.as_bytes(), actor.id.as_bytes(), key.as_bytes()];
        call.command = Some(CommandKey { id: CommandId::derived(&parts), fingerprint, keyed: true });
        call.caller = Caller::service(group);
        if let Some(story) = story {
            call.correlation = story.correlation.clone();
            call.request = story.request.clone();
            call.trace = story.traceparent.parse().ok();
        }
        call
    }

    fn report(&mut self, actor: ActorKey, key: String, attempt: u32, outcome: CallOutcome, ctx: &mut Context<Self>) {
        let ended: &[u8] = if matches!(outcome, CallOutcome::Done(_)) { b"done" } else { b"refused" };
        let id = [key.as_bytes(), &attempt.to_le_bytes(), ended];
        let work = Work::Report { actor: actor.clone(), key: key.clone(), attempt, outcome };
        let story = self.cells.borrow_mut().get(&actor).story;
        let waiting = Waiting::own(self.shared.name(), ("agenda.report", story), &actor, &id, work);
        self.enqueue(waiting, ctx);
    }
}

/// What the answer to a question means for the agenda. Only what will be the same for ever is an outcome.
fn heard(answer: Result<Answered, Failure>) -> ProviderSaid {
    match answer {
        Ok(answer) => ProviderSaid::Settled(CallOutcome::Done(answer.payload)),
        Err(Failure::Refused { problem, .. }) if is_final(&problem) => {
            ProviderSaid::Settled(CallOutcome::Refused(problem))
        }
        Err(failure) => ProviderSaid::Unknown(failure.to_string()),
    }
}

fn outcome_of(commit: &Commit, sequence: u64) -> Outcome {
    let fingerprint = <[u8; 8]>::try_from(commit.fingerprint.as_slice()).map(Fingerprint).unwrap_or_default();
    let result = match commit.outcome() {
        Ended::Refused => Err(Problem::decode(commit.reply.as_slice()).unwrap_or_default()),
        _ => Ok(Bytes::from(commit.reply.clone())),
    };
    Outcome { fingerprint, result, version: commit.version, sequence }
}

/// The actors a turn changed, each once.
fn touched(kinds: &crate::kind::Kinds, turn: &Turn) -> std::collections::BTreeSet<ActorKey> {
    let records = turn.commits.iter().flat_map(|commit| &commit.records);
    records.filter_map(|record| fold::actor_of(kinds, record).ok()).collect()
}

fn versions_made(turn: &Turn, actor: &ActorKey) -> u64 {
    let records = turn.commits.iter().flat_map(|commit| &commit.records);
    let made = records.filter(|record| {
        record.kind == actor.kind && *record.id == *actor.id && matches!(record.what, Some(record::What::Event(_)))
    });
    u64::try_from(made.count()).unwrap_or(0)
}
