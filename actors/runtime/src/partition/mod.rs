//! The partition: an actor that hosts, or stands by for, all actors whose keys hash to its number.
//!
//! What waits in its bounded queue is decided in order, appended as one turn, and only then answered. It trusts nobody's
//! word about who hosts what: the fence of the append tells. It refuses to answer anything before the log has it, to
//! fold what does not continue its chain, and to guess how an append ended.

mod ops;
mod read;
mod rows;
mod settle;
mod turning;

#[cfg(feature = "testkit")]
pub(crate) use ops::{Break, Die};
pub(crate) use ops::{Halt, Inspect, IsIdle, Look, Quarantine};
pub(crate) use rows::{RowsWritten, TakeRows};
pub(crate) use turning::panic_text;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use actix::prelude::*;
use jiff::Timestamp;
use messages::common::v1::Problem;
use messages::problem::Kind;

use crate::agenda;
use crate::bus;
use crate::cells::Cells;
use crate::entity::{ActorKey, Outcome};
use crate::fold::Cause;
use crate::group::{Handler as VerbHandler, Prepared, RunCommand, RunRead};
use crate::headers::{CommandId, CommandKey, Position};
use crate::inquiry::Inquiry;
use crate::log::Entry;
use crate::problems;
use crate::replica::{Gauges, Shared};
use crate::request::{self, ReplyTo, Request, Said};
use crate::seen::{Commands, Known, Pasts};
use crate::span;
use crate::store::Table;
use crate::turn::{Broken, Cursor};
use crate::view::{Models, ViewsActor};

/// How many commands wait in a partition before it says "busy". Four full turns: some 4 ms of work on a fast disk.
pub const COMMANDS_WAITING_MAX: usize = 1024;
/// How many messages actix holds for a partition before a subscription is told "busy" in its stead.
pub(crate) const MAILBOX_MESSAGES_MAX: usize = 2048;
/// How many requests of a partition ask other groups at the same time.
const GATHERING_MAX: usize = 1024;
/// Panics in a row after which an actor is set aside on this replica.
const PANICS_MAX: u32 = 3;

/// What a command that waits will do.
pub(crate) enum Work {
    /// An rpc.
    Command(Prepared<RunCommand>),
    /// A read that must be proven fresh.
    StrongRead(Prepared<RunRead>),
    /// An agenda item came due.
    Wake { actor: ActorKey, key: String },
    /// An outside call is about to be made.
    Begin { actor: ActorKey, key: String },
    /// An outside call ended.
    Report { actor: ActorKey, key: String, attempt: u32, outcome: Outcome },
}

/// A command that waits for its turn.
pub(crate) struct Waiting {
    pub(crate) work: Work,
    pub(crate) command: CommandKey,
    pub(crate) from: Origin,
    /// An append that held it ended without a word: it may have been done.
    pub(crate) in_doubt: bool,
}

/// Where a command came from, and where its answer goes.
pub(crate) struct Origin {
    pub(crate) rpc: &'static str,
    pub(crate) route: Option<&'static messages::Route>,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) if_version: Option<u64>,
    pub(crate) caller: crate::headers::Caller,
    pub(crate) correlation: String,
    pub(crate) request: String,
    pub(crate) traceparent: String,
    pub(crate) span: tracing::Span,
    pub(crate) reply: ReplyTo,
}

/// The actor.
pub(crate) struct Partition {
    pub(crate) number: u32,
    pub(crate) shared: Arc<Shared>,
    views: Addr<ViewsActor>,
    models: Models,
    agenda: Addr<agenda::Agenda>,
    cells: RefCell<Cells>,
    commands: Commands,
    pasts: Pasts,
    cursor: Cursor,
    /// Actors whose agenda was not empty when last seen, so that a change to empty is noticed.
    owing: HashSet<ActorKey>,
    /// Whether they owe anything, of those for whom that has changed since the last checkpoint.
    owing_changed: HashMap<ActorKey, bool>,
    waiting: VecDeque<Waiting>,
    flight: Option<settle::Flight>,
    /// The partition is reading what others appended; turns wait.
    catching_up: bool,
    /// Appends refused in a row without anything new to fold: a stale reader or a fight.
    refusals: u32,
    /// Requests that are asking other groups before they are run.
    gathering: usize,
    panics: HashMap<ActorKey, u32>,
    quarantine: HashMap<ActorKey, String>,
    stopped: Option<Broken>,
    waits: BTreeMap<u64, Vec<tokio::sync::oneshot::Sender<()>>>,
    /// Its predecessor died: what the tail dealt meanwhile must be read from the log.
    restarted: bool,
    _watch: crate::supervisor::Watch,
}

impl Partition {
    /// A partition as the store left it.
    pub(crate) fn open(
        number: u32,
        shared: Arc<Shared>,
        (views, models): (Addr<ViewsActor>, Models),
        agenda: Addr<agenda::Agenda>,
        restarted: bool,
        watch: crate::supervisor::Watch,
    ) -> Result<Partition, crate::store::Error> {
        // A predecessor may have left while its rows were being written.
        shared.store.settle();
        let row = shared.store.get(Table::Cursor, &number.to_be_bytes())?;
        let cursor = row.and_then(|row| postcard::from_bytes(&row).ok()).unwrap_or_default();
        let store = Some(shared.store.clone());
        Ok(Partition {
            number,
            views,
            models,
            agenda,
            cells: RefCell::new(Cells::new(shared.kinds.clone(), store.clone())),
            commands: Commands::new(store.clone()),
            pasts: Pasts::new(store),
            cursor,
            owing: HashSet::new(),
            owing_changed: HashMap::new(),
            waiting: VecDeque::new(),
            flight: None,
            catching_up: false,
            refusals: 0,
            gathering: 0,
            panics: HashMap::new(),
            quarantine: HashMap::new(),
            stopped: None,
            waits: BTreeMap::new(),
            restarted,
            _watch: watch,
            shared,
        })
    }

    fn position(&self, sequence: u64) -> Position {
        Position { group: self.shared.name().to_owned(), partition: self.number, sequence }
    }

    fn say(&self, route: Option<&'static messages::Route>, to: &ReplyTo, said: Said) {
        request::answer(&self.shared, route, to, said);
    }

    /// Takes a command in, or says why not.
    fn enqueue(&mut self, waiting: Waiting, ctx: &mut Context<Self>) {
        if let Some(broken) = &self.stopped {
            let problem = problems::not_hosting(&broken.to_string());
            return self.say(waiting.from.route, &waiting.from.reply, Said::refusal(problem));
        }
        // What the group owes itself goes first when there is little room; turned away, it comes due again.
        let from_outside = waiting.from.route.is_some();
        let most = if from_outside { COMMANDS_WAITING_MAX } else { 4 * COMMANDS_WAITING_MAX };
        if self.waiting.len() >= most {
            Gauges::add(&self.shared.gauges.busy, 1);
            return self.say(waiting.from.route, &waiting.from.reply, Said::refusal(problems::busy()));
        }
        self.waiting.push_back(waiting);
        self.pump(ctx);
    }

    /// Everything there is to say about an actor's agenda, to the agenda.
    fn tell_agenda(&mut self, actor: &ActorKey) {
        let cell = self.cells.borrow_mut().get(actor);
        let Some(kind) = self.shared.kinds.get(actor.kind) else { return };
        let due = agenda::due(kind.agenda(&cell.state), &cell.calls);
        let owes = !due.is_empty();
        let owed = self.owing.contains(actor);
        if owes != owed {
            if owes {
                self.owing.insert(actor.clone());
            } else {
                self.owing.remove(actor);
            }
            self.owing_changed.insert(actor.clone(), owes);
        }
        if owes || owed {
            self.agenda.do_send(agenda::Owes { partition: self.number, actor: actor.clone(), due });
        }
    }

    /// All agendas, read from the store: what a restart must resume.
    fn resume_agendas(&mut self) -> Result<(), crate::store::Error> {
        let prefix = self.number.to_be_bytes();
        let mut from = prefix.to_vec();
        let until = (self.number + 1).to_be_bytes();
        loop {
            let rows = self.shared.store.scan(Table::Agenda, &from, &until, false, 512)?;
            let Some((last, _)) = rows.last() else { return Ok(()) };
            from = [&last[..], &[0]].concat();
            for (row, _) in &rows {
                if let Some(actor) = self.actor_of_row(&row[prefix.len()..]) {
                    // Its row is there already; what is told otherwise is written with the next checkpoint.
                    self.owing.insert(actor.clone());
                    self.tell_agenda(&actor);
                }
            }
        }
    }

    fn actor_of_row(&self, row: &[u8]) -> Option<ActorKey> {
        let split = row.iter().position(|byte| *byte == 0)?;
        let kind = self.shared.kinds.get(std::str::from_utf8(&row[..split]).ok()?)?.name();
        Some(ActorKey { kind, id: std::str::from_utf8(&row[split + 1..]).ok()?.into() })
    }

    fn agenda_row(&self, actor: &ActorKey) -> Vec<u8> {
        [&self.number.to_be_bytes()[..], &actor.row()].concat()
    }
}

impl Actor for Partition {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.set_mailbox_capacity(MAILBOX_MESSAGES_MAX);
        self.shared.set_able(self.number, true);
        self.agenda.do_send(agenda::Forget { partition: self.number });
        if let Err(failure) = self.resume_agendas() {
            tracing::error!(cause = %failure, partition = self.number, "the agendas could not be read");
            return ctx.stop();
        }
        if self.restarted {
            self.catch_up(ctx);
        }
    }
}

/// A request that arrived for an actor of this partition.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Incoming {
    pub(crate) message: bus::Message,
    pub(crate) key: String,
    pub(crate) verb: String,
}

impl Handler<Incoming> for Partition {
    type Result = ();

    fn handle(&mut self, incoming: Incoming, ctx: &mut Context<Self>) {
        let shared = self.shared.clone();
        let to = ReplyTo::of(&incoming.message);
        let Some(verb) = shared.group.verbs.get(incoming.verb.as_str()) else {
            let problem = problems::unknown_verb(shared.name(), &incoming.verb);
            return self.say(None, &to, Said::refusal(problem));
        };
        let request = request::parse(&incoming.message, verb.route, &incoming.key, &shared.clock, &shared.entropy);
        let request = match request {
            Ok(request) => request,
            Err(problem) => return self.say(Some(verb.route), &to, Said::refusal(problem)),
        };
        if request.deadline <= shared.clock.now() {
            Gauges::add(&shared.gauges.late, 1);
            return self.say(Some(verb.route), &to, Said::refusal(problems::too_late()));
        }
        self.take(request, &verb.handler, ctx);
    }
}

impl Partition {
    fn take(&mut self, request: Request, handler: &VerbHandler, ctx: &mut Context<Self>) {
        let refuse = |problem| Said::refusal(problem);
        match handler {
            VerbHandler::Command(prepare) => {
                if request.route.creates.is_some() && Gauges::is(&self.shared.gauges.storage_low) {
                    return self.say(Some(request.route), &request.reply, refuse(problems::storage_low()));
                }
                match prepare(&request.payload) {
                    Ok(prepared) => self.enqueue(Waiting::of(request, Work::Command(prepared)), ctx),
                    Err(problem) => self.say(Some(request.route), &request.reply, refuse(problem)),
                }
            }
            VerbHandler::Read(prepare) => match prepare(&request.payload) {
                Ok(prepared) if request.strong => self.enqueue(Waiting::of(request, Work::StrongRead(prepared)), ctx),
                Ok(prepared) => self.read_when_ready(request, prepared, ctx),
                Err(problem) => self.say(Some(request.route), &request.reply, refuse(problem)),
            },
            VerbHandler::History { prepare, may_see } => {
                let seen = self.look(&request.caller, |window| may_see(window, &request.payload));
                match seen.and_then(|()| prepare(&request.payload)) {
                    Ok((actor, page)) => self.history(request, actor, page, ctx),
                    Err(problem) => self.say(Some(request.route), &request.reply, refuse(problem)),
                }
            }
            VerbHandler::GatherCommand { target, gather } => {
                if request.route.creates.is_some() && Gauges::is(&self.shared.gauges.storage_low) {
                    return self.say(Some(request.route), &request.reply, refuse(problems::storage_low()));
                }
                let target = match target(&request.payload) {
                    Ok(target) => target,
                    Err(problem) => return self.say(Some(request.route), &request.reply, refuse(problem)),
                };
                if !matches!(self.commands.look(request.command.id, request.command.keyed), Ok(Known::No)) {
                    // It will be answered from its record; nobody needs to be asked again.
                    return self.enqueue(Waiting::of(request, Work::refused(target, problems::busy())), ctx);
                }
                let Some(inquiry) = self.may_gather(&request) else { return };
                let gathering = gather(inquiry, request.payload.clone());
                ctx.spawn(gathering.into_actor(self).map(move |prepared, partition, ctx| {
                    partition.gathering -= 1;
                    match prepared {
                        Ok(prepared) => partition.enqueue(Waiting::of(request, Work::Command(prepared)), ctx),
                        // What another group refuses is refused here, and kept: a retry must hear the same.
                        Err(problem) if is_final(&problem) => {
                            partition.enqueue(Waiting::of(request, Work::refused(target, problem)), ctx);
                        }
                        Err(problem) => partition.say(Some(request.route), &request.reply, Said::refusal(problem)),
                    }
                }));
            }
            VerbHandler::GatherRead { target, gather } => {
                if let Err(problem) = target(&request.payload) {
                    return self.say(Some(request.route), &request.reply, refuse(problem));
                }
                let Some(inquiry) = self.may_gather(&request) else { return };
                let gathering = gather(inquiry, request.payload.clone());
                ctx.spawn(gathering.into_actor(self).map(move |prepared, partition, ctx| {
                    partition.gathering -= 1;
                    match prepared {
                        Ok(prepared) if request.strong => {
                            partition.enqueue(Waiting::of(request, Work::StrongRead(prepared)), ctx);
                        }
                        Ok(prepared) => partition.read_when_ready(request, prepared, ctx),
                        Err(problem) => partition.say(Some(request.route), &request.reply, Said::refusal(problem)),
                    }
                }));
            }
        }
    }

    /// Leave to ask other groups, unless too many requests do so already.
    fn may_gather(&mut self, request: &Request) -> Option<Inquiry> {
        if self.gathering >= GATHERING_MAX {
            Gauges::add(&self.shared.gauges.busy, 1);
            self.say(Some(request.route), &request.reply, Said::refusal(problems::busy()));
            return None;
        }
        self.gathering += 1;
        Some(Inquiry::of(&self.shared, request))
    }
}

impl Work {
    /// A command that is refused whatever the state.
    fn refused(target: ActorKey, problem: Problem) -> Work {
        Work::Command(Prepared { target, run: Box::new(move |_| Err(problem.clone())) })
    }
}

/// Whether a problem is the business's no, which stays; anything else may be otherwise in a moment.
fn is_final(problem: &Problem) -> bool {
    !matches!(Kind::of(problem), Kind::Unavailable | Kind::Timeout | Kind::Exhausted | Kind::Internal)
}

impl Waiting {
    fn of(request: Request, work: Work) -> Waiting {
        let span = span::of(&request, true);
        let trace = span::onward(&span, request.trace);
        Waiting {
            work,
            command: request.command,
            in_doubt: false,
            from: Origin {
                rpc: request.route.name,
                route: Some(request.route),
                deadline: Some(request.deadline),
                if_version: request.if_version,
                caller: request.caller,
                correlation: request.correlation,
                request: request.request,
                traceparent: trace.map(|trace| trace.to_string()).unwrap_or_default(),
                span,
                reply: request.reply,
            },
        }
    }

    /// Work the group owes itself. The id makes it happen once, whichever replica comes to it first.
    fn own(
        group: &'static str,
        (rpc, story): (&'static str, Option<Arc<Cause>>),
        actor: &ActorKey,
        id: &[&[u8]],
        work: Work,
    ) -> Waiting {
        let parts = [&[rpc.as_bytes(), actor.kind.as_bytes(), actor.id.as_bytes()], id].concat();
        let command = CommandKey { id: CommandId::derived(&parts), fingerprint: Default::default(), keyed: true };
        Waiting {
            work,
            command,
            in_doubt: false,
            from: Origin {
                rpc,
                route: None,
                deadline: None,
                if_version: None,
                caller: crate::headers::Caller::service(group),
                correlation: story.as_ref().map(|story| story.correlation.clone()).unwrap_or_default(),
                request: story.as_ref().map(|story| story.request.clone()).unwrap_or_default(),
                traceparent: story.as_ref().map(|story| story.traceparent.clone()).unwrap_or_default(),
                span: tracing::Span::none(),
                reply: ReplyTo::nobody(),
            },
        }
    }
}

/// An agenda item of one of this partition's actors has come due.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Due {
    pub(crate) actor: ActorKey,
    pub(crate) key: String,
    pub(crate) at: Timestamp,
    pub(crate) is_call: bool,
}

impl Handler<Due> for Partition {
    type Result = ();

    fn handle(&mut self, due: Due, ctx: &mut Context<Self>) {
        let at = due.at.as_microsecond().to_le_bytes();
        let Due { actor, key, is_call, .. } = due;
        let id: [&[u8]; 2] = [key.as_bytes(), &at];
        let group = self.shared.name();
        let story = self.cells.borrow_mut().get(&actor).story;
        let (rpc, work) = if is_call {
            ("agenda.begin", Work::Begin { actor: actor.clone(), key: key.clone() })
        } else {
            ("agenda.wake", Work::Wake { actor: actor.clone(), key: key.clone() })
        };
        let waiting = Waiting::own(group, (rpc, story), &actor, &id, work);
        self.enqueue(waiting, ctx);
    }
}

/// Messages of the log, in order.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Fold(pub(crate) Vec<Entry>);

impl Handler<Fold> for Partition {
    type Result = ();

    fn handle(&mut self, fold: Fold, ctx: &mut Context<Self>) {
        for entry in &fold.0 {
            if self.stopped.is_some() || !self.fold(entry, ctx) {
                break;
            }
        }
        self.pump(ctx);
    }
}
