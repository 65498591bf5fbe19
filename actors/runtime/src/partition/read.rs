//! How a partition is read: now, not before a position, in the past, and event by event.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use jiff::Timestamp;
use messages::common::v1::{self, HistoryEntry, Problem};
use messages::runtime::v1::{Record, Turn, record};
use prost::Message as _;
use serde_json::json;

use super::Partition;
use crate::cells::{Cell, Cells};
use crate::desk::Window;
use crate::entity::ActorKey;
use crate::fold;
use crate::group::{HistoryWanted, Prepared, RunRead};
use crate::headers::Caller;
use crate::log::SharedLog;
use crate::problems;
use crate::replica::Shared;
use crate::request::{Request, Said};
use crate::seen::Step;
use crate::span;

/// How many turns of the log are read at the same time for a look at the past.
const READS_AT_ONCE: usize = 16;

impl Partition {
    /// Answers a read as soon as this replica includes the positions it must include.
    pub(super) fn read_when_ready(&mut self, request: Request, prepared: Prepared<RunRead>, ctx: &mut Context<Self>) {
        let here = request.wait.iter().filter(|p| p.group == self.shared.name() && p.partition == self.number);
        let needed = here.map(|position| position.sequence).max().unwrap_or(0);
        if needed > self.cursor.sequence {
            let reached = self.wait_for(needed);
            let left = left(&self.shared, request.deadline);
            let waiting = async move { tokio::time::timeout(left, reached).await };
            ctx.spawn(waiting.into_actor(self).map(move |reached, partition, ctx| match reached {
                Ok(Ok(())) => partition.read_now(&request, prepared, ctx),
                _ => {
                    let problem = problems::position_not_reached();
                    partition.say(Some(request.route), &request.reply, Said::refusal(problem));
                }
            }));
            return;
        }
        self.read_now(&request, prepared, ctx);
    }

    fn wait_for(&mut self, sequence: u64) -> tokio::sync::oneshot::Receiver<()> {
        let (reached, waiting) = tokio::sync::oneshot::channel();
        self.waits.entry(sequence).or_default().push(reached);
        waiting
    }

    /// Lets go those who wait for positions that are now included.
    pub(super) fn release_waits(&mut self) {
        let later = self.waits.split_off(&(self.cursor.sequence + 1));
        for reached in std::mem::replace(&mut self.waits, later).into_values().flatten() {
            // A reader that gave up has dropped its end.
            let _ = reached.send(());
        }
    }

    fn read_now(&mut self, request: &Request, prepared: Prepared<RunRead>, ctx: &mut Context<Self>) {
        if let Some(at) = request.at.clone() {
            return self.read_past(request, prepared, at, ctx);
        }
        let said = span::of(request, false).in_scope(|| self.show(&prepared, None, &request.caller));
        self.say(Some(request.route), &request.reply, said);
    }

    fn show(&self, prepared: &Prepared<RunRead>, past: Option<&(ActorKey, Cell)>, caller: &Caller) -> Said {
        let window = Window::new(&self.cells, &self.models, past, self.shared.clock.now(), caller);
        let version = window.cell(&prepared.target).version;
        let guarded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| (prepared.run)(&window)));
        let result = guarded.unwrap_or_else(|_| Err(problems::panicked())).map(Bytes::from);
        let failure = self.cells.borrow_mut().take_failure();
        let result = failure.map_or(result, |failure| Err(problems::internal(&failure)));
        let version = (version > 0 && result.is_ok()).then_some(version);
        Said { result, version, position: None, replayed: false }
    }

    /// Looks at the actors as they are now; a panic is a refusal.
    pub(super) fn look<T>(
        &self,
        caller: &Caller,
        look: impl FnOnce(&Window<'_>) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let window = Window::new(&self.cells, &self.models, None, self.shared.clock.now(), caller);
        let guarded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| look(&window)));
        let result = guarded.unwrap_or_else(|_| Err(problems::panicked()));
        let failure = self.cells.borrow_mut().take_failure();
        failure.map_or(result, |failure| Err(problems::internal(&failure)))
    }

    fn read_past(&mut self, request: &Request, prepared: Prepared<RunRead>, at: String, ctx: &mut Context<Self>) {
        let steps = match self.pasts.of(&prepared.target) {
            Ok(steps) => steps,
            Err(failure) => {
                let problem = problems::internal(&failure);
                return self.say(Some(request.route), &request.reply, Said::refusal(problem));
            }
        };
        let (shared, actor) = (self.shared.clone(), prepared.target.clone());
        let (route, reply, caller) = (request.route, request.reply.clone(), request.caller.clone());
        let looking = async move { as_it_was(&shared, &actor, &steps, &at).await };
        ctx.spawn(looking.into_actor(self).map(move |past, partition, _| {
            let said = match past {
                Ok(cell) => partition.show(&prepared, Some(&(prepared.target.clone(), cell)), &caller),
                Err(problem) => Said::refusal(problem),
            };
            partition.say(Some(route), &reply, said);
        }));
    }

    pub(super) fn history(&mut self, request: Request, actor: ActorKey, page: HistoryWanted, ctx: &mut Context<Self>) {
        let steps = match self.pasts.of(&actor) {
            Ok(steps) => steps,
            Err(failure) => {
                let problem = problems::internal(&failure);
                return self.say(Some(request.route), &request.reply, Said::refusal(problem));
            }
        };
        let (shared, number) = (self.shared.clone(), self.number);
        let telling = async move { tell(&shared, number, &actor, &steps, &page).await };
        ctx.spawn(telling.into_actor(self).map(move |told, partition, _| {
            let result = told.map(|page| Bytes::from(page.encode_to_vec()));
            let said = Said { result, version: None, position: None, replayed: false };
            partition.say(Some(request.route), &request.reply, said);
        }));
    }
}

fn left(shared: &Arc<Shared>, deadline: Timestamp) -> Duration {
    Duration::try_from(deadline.duration_since(shared.clock.now())).unwrap_or(Duration::ZERO)
}

/// The turns at these steps, in order.
async fn turns(log: &SharedLog, steps: &[Step]) -> Result<Vec<(u64, Turn)>, Problem> {
    use futures::{StreamExt as _, TryStreamExt as _};
    let reads = steps.iter().map(|step| {
        let (log, sequence) = (log.clone(), step.sequence);
        async move {
            let entry = log.read(sequence).await.map_err(|e| problems::internal(&e))?;
            let entry = entry.ok_or_else(|| problems::internal(&format!("turn {sequence} is not in the log")))?;
            Turn::decode(entry.payload).map(|turn| (sequence, turn)).map_err(|e| problems::internal(&e))
        }
    });
    futures::stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await
}

/// An actor as it was at a version or a time.
async fn as_it_was(shared: &Arc<Shared>, actor: &ActorKey, steps: &[Step], at: &str) -> Result<Cell, Problem> {
    let version: Option<u64> = at.parse().ok();
    let moment: Option<Timestamp> = at.parse().ok();
    if version.is_none() && moment.is_none() {
        return Err(problems::bad_at());
    }
    let wanted = version.unwrap_or(u64::MAX);
    let needed = steps.iter().take_while(|step| step.version <= wanted).count();
    // The turn that passes the wanted version may hold it in its middle.
    let steps = &steps[..(needed + 1).min(steps.len())];
    let mut cell = Cells::new(shared.kinds.clone(), None).get(actor);
    for (sequence, turn) in turns(&shared.log, steps).await? {
        if moment.is_some_and(|moment| version.is_none() && fold::time_of(&turn) > moment) {
            break;
        }
        let records = turn.commits.iter().flat_map(|commit| &commit.records);
        for record in records.filter(|record| record.kind == actor.kind && *record.id == *actor.id) {
            if cell.version >= wanted {
                break;
            }
            fold::fold_record(&shared.kinds, &mut cell, record).map_err(|e| problems::internal(&e))?;
            cell.sequence = sequence;
        }
    }
    if cell.version == 0 || version.is_some_and(|version| cell.version != version) {
        return Err(problems::not_in_history(at));
    }
    Ok(cell)
}

/// The life of an actor, event by event.
async fn tell(
    shared: &Arc<Shared>,
    partition: u32,
    actor: &ActorKey,
    steps: &[Step],
    page: &HistoryWanted,
) -> Result<v1::HistoryPage, Problem> {
    let from = steps.iter().position(|step| step.version > page.after_version).unwrap_or(steps.len());
    // Every step holds at least one event of the actor, or a step of a call, which is shown too.
    let wanted = &steps[from..(from + page.limit + 1).min(steps.len())];
    let mut entries = Vec::new();
    for (sequence, turn) in turns(&shared.log, wanted).await? {
        for commit in &turn.commits {
            let own = commit.records.iter().filter(|record| record.kind == actor.kind && *record.id == *actor.id);
            for record in own.filter(|record| record.version > page.after_version) {
                let Some((event_type, data)) = shown(record) else { continue };
                entries.push(HistoryEntry {
                    version: record.version,
                    at: turn.at,
                    r#type: event_type,
                    data,
                    rpc: commit.rpc.clone(),
                    caller: commit.caller.clone(),
                    correlation_id: commit.correlation_id.clone(),
                    position: Some(v1::Position { group: shared.name().to_owned(), partition, sequence }),
                });
            }
        }
    }
    let has_more = entries.len() > page.limit;
    entries.truncate(page.limit);
    let next = entries.last().filter(|_| has_more).map(|last| crate::paging::version_cursor(last.version));
    Ok(v1::HistoryPage { data: entries, has_more, next })
}

/// A record as a person reads it: what happened, and the particulars in JSON.
fn shown(record: &Record) -> Option<(String, String)> {
    match record.what.as_ref()? {
        record::What::Event(event) => {
            let mut json = Vec::new();
            let known =
                messages::EventType::named(&event.r#type).is_some_and(|t| (t.to_json)(&event.data, &mut json).is_ok());
            let data = if known { String::from_utf8(json).unwrap_or_default() } else { "null".to_owned() };
            Some((event.r#type.clone(), data))
        }
        record::What::Began(call) => {
            Some(("agenda.began".to_owned(), json!({"key": call.key, "attempt": call.attempt}).to_string()))
        }
        record::What::Settled(call) => {
            let outcome = call.outcome().as_str_name().trim_start_matches("ATTEMPT_OUTCOME_").to_lowercase();
            let data = json!({"key": call.key, "attempt": call.attempt, "outcome": outcome});
            Some(("agenda.settled".to_owned(), data.to_string()))
        }
    }
}
