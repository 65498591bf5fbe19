//! The actor that feeds the views and answers queries over them.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use futures::StreamExt as _;
use messages::common::v1::Problem;
use serde::{Deserialize, Serialize};

use super::{AnyView, Models, Rows, Writer};
use crate::bus;
use crate::client::Call;
use crate::entity::Undecodable;
use crate::fold::{Folded, Replay};
use crate::group::{News, QueryHandler, Reaction, Views as Shown};
use crate::headers::{Caller, CommandId, CommandKey, Fingerprint, Position};
use crate::inquiry::Inquiry;
use crate::problems;
use crate::replica::Shared;
use crate::request::{self, ReplyTo, Said};
use crate::store::{self, Batch, Table};

/// How often a view that keeps panicking is rebuilt before it is left alone until the next start.
const REBUILDS_MAX: u32 = 3;
/// How many queries ask other groups at the same time.
const GATHERING_MAX: usize = 1024;

/// How far a view has folded, and by which code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Progress {
    fold_number: u32,
    partitions: BTreeMap<u32, u64>,
}

enum Condition {
    Live,
    /// Being made anew from the log; news that arrive meanwhile wait here.
    Rebuilding(Vec<Folded>),
    /// Panicked too often.
    Broken,
}

struct Model {
    view: Arc<dyn AnyView>,
    rows: Rows,
    progress: Progress,
    condition: Condition,
    rebuilds: u32,
}

/// The actor.
pub(crate) struct Views {
    shared: Arc<Shared>,
    models: BTreeMap<&'static str, Model>,
    /// How far the partitions have been heard.
    heard: BTreeMap<u32, u64>,
    waits: Vec<(Vec<Position>, tokio::sync::oneshot::Sender<()>)>,
    /// Queries that are asking other groups before they are run.
    gathering: usize,
    _watch: crate::supervisor::Watch,
}

fn progress_row(view: &str) -> Vec<u8> {
    // No view's name starts with a zero byte, so this never meets its rows.
    [b"\0", view.as_bytes()].concat()
}

impl Views {
    /// The rows of all views, for those on the same arbiter who may look at them.
    pub(crate) fn rows(&self) -> Models {
        Models(self.models.iter().map(|(name, model)| (*name, model.rows.clone())).collect())
    }

    /// The views as the store left them; those it does not have, or made by other code, will be rebuilt.
    pub(crate) fn open(shared: Arc<Shared>, watch: crate::supervisor::Watch) -> Result<Views, store::Error> {
        let mut heard = BTreeMap::new();
        for partition in 0..shared.group.contract.partitions {
            if let Some(row) = shared.store.get(Table::Cursor, &partition.to_be_bytes())? {
                let cursor: crate::turn::Cursor = postcard::from_bytes(&row).unwrap_or_default();
                heard.insert(partition, cursor.sequence);
            }
        }
        let mut models = BTreeMap::new();
        for view in &shared.group.views {
            let stored = shared.store.get(Table::View, &progress_row(view.name()))?;
            let stored: Option<Progress> = stored.and_then(|row| postcard::from_bytes(&row).ok());
            let fresh = Progress { fold_number: view.fold_number(), partitions: BTreeMap::new() };
            let nothing_yet = heard.values().all(|sequence| *sequence == 0);
            let (progress, condition) = match stored {
                Some(progress) if progress.fold_number == view.fold_number() => (progress, Condition::Live),
                _ if nothing_yet => (fresh, Condition::Live),
                _ => (fresh, Condition::Rebuilding(Vec::new())),
            };
            let rows = Rows::open(view.name(), Some(shared.store.clone()));
            rows.set_live(matches!(condition, Condition::Live));
            if rows.is_live() {
                prepared(view.as_ref(), &rows);
            }
            models.insert(view.name(), Model { view: view.clone(), rows, progress, condition, rebuilds: 0 });
        }
        Ok(Views { shared, models, heard, waits: Vec::new(), gathering: 0, _watch: watch })
    }

    fn feed(&mut self, events: &[Folded], ctx: &mut Context<Self>) {
        let mut failed = Vec::new();
        for (name, model) in &mut self.models {
            match &mut model.condition {
                Condition::Live => {
                    if let Err(cause) = model.fold(events) {
                        failed.push((*name, cause));
                    }
                }
                Condition::Rebuilding(late) => late.extend_from_slice(events),
                Condition::Broken => {}
            }
        }
        for (name, cause) in failed {
            tracing::error!(view = name, cause, "a view panicked; it is rebuilt alone");
            self.rebuild(name, cause, ctx);
        }
    }

    fn rebuild(&mut self, name: &'static str, cause: String, ctx: &mut Context<Self>) {
        let Some(model) = self.models.get_mut(name) else { return };
        model.rebuilds += 1;
        model.rows.set_live(false);
        if model.rebuilds > REBUILDS_MAX {
            tracing::error!(
                view = name,
                cause,
                "rebuilt {REBUILDS_MAX} times in vain; left alone until the next start"
            );
            model.condition = Condition::Broken;
            return;
        }
        model.condition = Condition::Rebuilding(Vec::new());
        let (shared, view) = (self.shared.clone(), model.view.clone());
        let building = async move { rebuild(&shared, view.as_ref()).await };
        ctx.spawn(building.into_actor(self).map(move |built, views, ctx| views.rebuilt(name, built, ctx)));
    }

    fn rebuilt(&mut self, name: &'static str, built: Result<(Rows, Progress), String>, ctx: &mut Context<Self>) {
        let Some(model) = self.models.get_mut(name) else { return };
        let Condition::Rebuilding(late) = std::mem::replace(&mut model.condition, Condition::Live) else { return };
        match built {
            Ok((rows, progress)) => {
                model.rows.replace_with(&rows);
                model.rows.set_live(true);
                model.progress = progress;
                tracing::info!(view = name, "a view was rebuilt from the log");
                if let Err(cause) = model.fold(&late) {
                    self.rebuild(name, cause, ctx);
                }
                self.release();
            }
            Err(cause) => {
                model.condition = Condition::Rebuilding(late);
                self.rebuild(name, cause, ctx);
            }
        }
    }

    /// Runs something that looks at the views, if all of them can be looked at.
    fn look<T>(&self, caller: Caller, run: impl FnOnce(&Shown<'_>) -> Result<T, Problem>) -> Result<T, Problem> {
        let missing = std::cell::RefCell::new(None);
        let rows = |name: &'static str| match self.models.get(name) {
            Some(Model { rows, condition: Condition::Live, .. }) => rows.clone(),
            _ => {
                missing.borrow_mut().get_or_insert(name);
                Rows::open(name, None)
            }
        };
        let noted = std::cell::RefCell::default();
        let shown = Shown { rows: &rows, now: self.shared.clock.now(), caller, noted: &noted };
        let guarded = catch_unwind(AssertUnwindSafe(|| run(&shown)));
        let result = guarded.unwrap_or_else(|_| Err(problems::panicked()));
        if let Some(view) = missing.into_inner() {
            return Err(problems::view_rebuilding(view));
        }
        if let Some(failure) = self.models.values().find_map(|model| model.rows.take_failure()) {
            return Err(problems::internal(&failure));
        }
        noted.into_inner().into_iter().for_each(|note| self.note(note));
        result
    }

    /// Sends a command that a query caused. Nobody waits for it.
    fn note(&self, note: Reaction) {
        let shared = self.shared.clone();
        let deadline = request::plus(shared.clock.now(), crate::headers::ASK_TIMEOUT);
        let fingerprint = Fingerprint::of(note.route.name, &note.request);
        let id = CommandId::fresh(&shared.entropy);
        let mut call = Call::new(note.route, Some(note.key), note.request, deadline);
        call.caller = Caller::service(shared.name());
        call.command = Some(CommandKey { id, fingerprint, keyed: false });
        actix::spawn(async move {
            if let Err(cause) = shared.client.ask(&call).await {
                tracing::warn!(%cause, rpc = call.route.rpc, "what a query caused was not noted");
            }
        });
    }

    fn includes(&self, wait: &[Position]) -> bool {
        let own = wait.iter().filter(|position| position.group == self.shared.name());
        own.fold(true, |all, position| {
            let reached = self.heard.get(&position.partition).copied().unwrap_or(0) >= position.sequence;
            let built = self.models.values().all(|model| !matches!(model.condition, Condition::Rebuilding(_)));
            all && reached && built
        })
    }

    fn release(&mut self) {
        let (ready, still): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waits).into_iter().partition(|(wait, _)| self.includes(wait));
        self.waits = still;
        for (_, reached) in ready {
            // A reader that gave up has dropped its end.
            let _ = reached.send(());
        }
    }

    fn answer(&mut self, query: RunQuery, ctx: &mut Context<Self>) {
        let RunQuery { message, verb } = query;
        let shared = &self.shared.clone();
        let to = ReplyTo::of(&message);
        let Some(&(route, ref handle)) = shared.group.queries.get(verb.as_str()) else {
            let problem = problems::unknown_verb(shared.name(), &verb);
            return request::answer(shared, None, &to, Said::refusal(problem));
        };
        let request = request::parse(&message, route, "", &shared.clock, &shared.entropy);
        let request = request.and_then(|request| {
            let late = request.deadline <= shared.clock.now();
            if late { Err(problems::too_late()) } else { Ok(request) }
        });
        let request = match request {
            Ok(request) => request,
            Err(problem) => return request::answer(shared, Some(route), &to, Said::refusal(problem)),
        };
        match handle {
            QueryHandler::Plain(handle) => {
                let result = self.look(request.caller.clone(), |views| handle(views, &request.payload));
                self.say(route, &to, result);
            }
            QueryHandler::Gather(_) if self.gathering >= GATHERING_MAX => self.say(route, &to, Err(problems::busy())),
            QueryHandler::Gather(gather) => {
                let gathering = gather(Inquiry::of(shared, &request), request.payload.clone());
                self.gathering += 1;
                ctx.spawn(gathering.into_actor(self).map(move |prepared, views, _| {
                    views.gathering -= 1;
                    let result = prepared.and_then(|run| views.look(request.caller.clone(), |shown| run(shown)));
                    views.say(route, &to, result);
                }));
            }
        }
    }

    fn say(&self, route: &'static messages::Route, to: &ReplyTo, result: Result<Vec<u8>, Problem>) {
        let said = Said { result: result.map(Bytes::from), version: None, position: None, replayed: false };
        request::answer(&self.shared, Some(route), to, said);
    }
}

impl Model {
    /// Folds events it has not folded yet.
    fn fold(&mut self, events: &[Folded]) -> Result<(), String> {
        for event in events {
            let seen = self.progress.partitions.get(&event.partition).copied().unwrap_or(0);
            if event.sequence <= seen {
                continue;
            }
            guarded(self.view.as_ref(), &self.rows, event)?;
        }
        // A turn's events come together, so the sequence may advance after the last of them.
        for event in events {
            let seen = self.progress.partitions.entry(event.partition).or_default();
            *seen = (*seen).max(event.sequence);
        }
        Ok(())
    }
}

fn guarded(view: &dyn AnyView, rows: &Rows, event: &Folded) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(|| view.fold(&mut Writer::over(rows), event)))
        .map_err(|payload| crate::partition::panic_text(&*payload))
}

/// Lets a view make what it keeps beside its rows. If it panics, the query that needs it will say so.
fn prepared(view: &dyn AnyView, rows: &Rows) {
    let guarded = catch_unwind(AssertUnwindSafe(|| view.prepare(rows)));
    if let Err(payload) = guarded {
        let cause = crate::partition::panic_text(&*payload);
        tracing::error!(view = view.name(), cause, "a view panicked while it made what it keeps beside its rows");
    }
}

/// Makes a view anew from the whole log, beside everything live.
async fn rebuild(shared: &Shared, view: &dyn AnyView) -> Result<(Rows, Progress), String> {
    let end = shared.log.extent().await.map_err(|e| e.to_string())?.last_sequence;
    let rows = Rows::open(view.name(), None);
    let mut replay = Replay::new(shared.kinds.clone(), shared.group.contract.schema);
    let mut failure = None;
    let mut tail = shared.log.tail(0);
    let mut reached = 0;
    while reached < end {
        let entry = tail.next().await.ok_or("the log ended early")?.map_err(|e| e.to_string())?;
        reached = entry.sequence;
        let folded = replay.fold(&entry, |event| {
            if failure.is_none() {
                failure = guarded(view, &rows, &event).err();
            }
        });
        folded.map_err(|e| e.to_string())?;
        if let Some(cause) = failure.take() {
            return Err(cause);
        }
    }
    prepared(view, &rows);
    let partitions = replay.cursors().into_iter().map(|(partition, cursor)| (partition, cursor.sequence)).collect();
    Ok((rows, Progress { fold_number: view.fold_number(), partitions }))
}

impl Actor for Views {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(crate::partition::MAILBOX_MESSAGES_MAX);
        let rebuilding = self.models.iter().filter(|(_, model)| matches!(model.condition, Condition::Rebuilding(_)));
        for name in rebuilding.map(|(name, _)| *name).collect::<Vec<_>>() {
            self.rebuild(name, String::new(), ctx);
        }
    }
}

/// What happened in a turn.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Hear {
    pub(crate) partition: u32,
    pub(crate) sequence: u64,
    pub(crate) events: Vec<Folded>,
}

impl Handler<Hear> for Views {
    type Result = ();

    fn handle(&mut self, hear: Hear, ctx: &mut Context<Self>) {
        self.feed(&hear.events, ctx);
        let heard = self.heard.entry(hear.partition).or_default();
        *heard = (*heard).max(hear.sequence);
        if !self.waits.is_empty() {
            self.release();
        }
    }
}

/// A query that arrived.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct RunQuery {
    pub(crate) message: bus::Message,
    pub(crate) verb: String,
}

impl Handler<RunQuery> for Views {
    type Result = ();

    fn handle(&mut self, query: RunQuery, ctx: &mut Context<Self>) {
        let said = query.message.headers.as_ref().and_then(|said| crate::headers::get(said, crate::headers::WAIT));
        let wait = said.and_then(|text| crate::headers::positions(text).ok()).unwrap_or_default();
        if self.includes(&wait) {
            return self.answer(query, ctx);
        }
        let (reached, waiting) = tokio::sync::oneshot::channel();
        self.waits.push((wait, reached));
        let clock = self.shared.clock.clone();
        let said = query.message.headers.as_ref().map(crate::headers::deadline);
        let deadline = said.and_then(Result::ok).flatten();
        let left = deadline.map_or(crate::headers::ASK_TIMEOUT, |deadline| {
            std::time::Duration::try_from(deadline.duration_since(clock.now())).unwrap_or_default()
        });
        let waiting = async move { tokio::time::timeout(left, waiting).await };
        ctx.spawn(waiting.into_actor(self).map(move |reached, views, ctx| match reached {
            Ok(Ok(())) => views.answer(query, ctx),
            _ => {
                let to = ReplyTo::of(&query.message);
                let refusal = Said::refusal(problems::position_not_reached());
                request::answer(&views.shared, None, &to, refusal);
            }
        }));
    }
}

/// Asks what the group does about news of another.
#[derive(Message)]
#[rtype(result = "Result<Result<Vec<Reaction>, Undecodable>, Problem>")]
pub(crate) struct React(pub(crate) News);

impl Handler<React> for Views {
    type Result = MessageResult<React>;

    fn handle(&mut self, React(news): React, _: &mut Context<Self>) -> MessageResult<React> {
        let Some(react) = self.shared.group.reactions.get(news.source) else {
            return MessageResult(Ok(Ok(Vec::new())));
        };
        let caller = Caller::service(self.shared.name());
        MessageResult(self.look(caller, |views| Ok(react(&news, views))))
    }
}

/// Passes when all that was sent before it has been folded.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Barrier;

impl Handler<Barrier> for Views {
    type Result = ();

    fn handle(&mut self, _: Barrier, _: &mut Context<Self>) {}
}

/// Asks for the rows that changed since the last checkpoint.
#[derive(Message)]
#[rtype(result = "Batch")]
pub(crate) struct TakeRows;

impl Handler<TakeRows> for Views {
    type Result = MessageResult<TakeRows>;

    fn handle(&mut self, _: TakeRows, _: &mut Context<Self>) -> MessageResult<TakeRows> {
        let mut batch = Batch::default();
        for (name, model) in &mut self.models {
            // A view that is not live keeps its old progress: a restart will find it behind and rebuild it.
            if matches!(model.condition, Condition::Live) {
                for (partition, sequence) in &self.heard {
                    let seen = model.progress.partitions.entry(*partition).or_default();
                    *seen = (*seen).max(*sequence);
                }
                model.rows.write_changed(&mut batch);
                let progress = postcard::to_stdvec(&model.progress).unwrap_or_default();
                batch.put(Table::View, progress_row(name), progress);
            } else {
                batch.remove(Table::View, progress_row(name));
            }
        }
        MessageResult(batch)
    }
}

/// The rows handed out last are in the store.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Written;

impl Handler<Written> for Views {
    type Result = ();

    fn handle(&mut self, _: Written, _: &mut Context<Self>) {
        self.models.values().for_each(|model| model.rows.written());
    }
}

impl Handler<crate::partition::Halt> for Views {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
