//! A group made for looking at the machine: its commands say what should happen, panics included.
//!
//! It goes by the name of a real one, because places to hear from are made for the groups of the contract.

use std::cell::RefCell;
use std::collections::VecDeque;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use messages::inventory::v1::{AdjustStockRequest, AdjustStockResponse, StockLevel, StockReason};
use messages::problem::Problem;
use messages::{Group as Contract, Hears, Idempotency, Lifecycle, Rate, Route, Rpc, RpcKind, Transcoder};
use runtime::desk::{Desk, Window};
use runtime::entity::{Agenda, Asked, Entity, Facts, Outcome, Recorded, Undecodable};
use runtime::fold::Folded;
use runtime::group::{Group, News, Provider, Reaction, Said, Views};
use runtime::inquiry::{Gathering, Inquiry};
use runtime::view::{View, Writer};
use serde::{Deserialize, Serialize};

/// What a probe remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Probe {
    pub(crate) total: i64,
    /// A call it owes, and when.
    pub(crate) owes: Option<(String, Timestamp)>,
    /// How calls ended.
    pub(crate) ended: Vec<String>,
    /// Whom it gives how much, and since when it wants to.
    pub(crate) gives: Option<(String, i64, Timestamp)>,
}

#[derive(Debug)]
pub(crate) enum Command {
    Add(i64),
    PanicInDecide,
    PanicInEvolve,
    Owe(String),
    Give(String, i64),
    Ended(String),
    /// Stop owing, unless the call may have been done.
    Forget,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Event {
    Added(i64),
    Poison,
    Owed(String, Timestamp),
    Gives(String, i64, Timestamp),
    Ended(String),
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        ("probe.happened", serde_json::to_vec(self).expect("an event"))
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        serde_json::from_slice(data).map_err(|e| Undecodable::new(event_type, e))
    }
}

impl Entity for Probe {
    const KIND: &'static str = "probe";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Problem;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Problem> {
        match command {
            Command::Add(0) => Ok(vec![]),
            Command::Add(more) if self.total + more < 0 => {
                Err(Problem::conflict("too_low", "It would be negative.").with("total", self.total))
            }
            Command::Add(more) => Ok(vec![Event::Added(more)]),
            Command::PanicInDecide => panic!("asked to, in decide"),
            Command::PanicInEvolve => Ok(vec![Event::Added(1), Event::Poison]),
            Command::Owe(key) => Ok(vec![Event::Owed(key, facts.now)]),
            Command::Give(whom, much) => Ok(vec![Event::Gives(whom, much, facts.now)]),
            Command::Ended(how) => Ok(vec![Event::Ended(how)]),
            Command::Forget if facts.open_calls.is_empty() => Ok(vec![]),
            Command::Forget => Err(Problem::conflict("perhaps_done", "The call may have been done.")),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Added(more) => self.total += more,
            Event::Poison => panic!("asked to, in evolve"),
            Event::Owed(key, at) => self.owes = Some((key.clone(), *at)),
            Event::Gives(whom, much, at) => self.gives = Some((whom.clone(), *much, *at)),
            Event::Ended(how) => {
                self.ended.push(how.clone());
                self.owes = None;
                self.gives = None;
            }
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        if let Some((whom, much, at)) = &self.gives {
            return Agenda::nothing().ask::<Do>("give", *at, whom, &request(whom, *much, ""), |asked| match asked {
                Asked::Done(said) => Command::Ended(format!("gave {}", said.level.unwrap_or_default().on_hand)),
                Asked::Refused(problem) => Command::Ended(format!("refused {}", problem.code)),
            });
        }
        let Some((key, at)) = &self.owes else { return Agenda::nothing() };
        let request = Bytes::from(key.clone());
        Agenda::nothing().call(key.clone(), *at, "outside", request, |outcome| match outcome {
            Outcome::Done(said) => Command::Ended(format!("done {}", String::from_utf8_lossy(&said))),
            Outcome::Refused(problem) => Command::Ended(format!("refused {}", problem.code)),
        })
    }
}

thread_local! {
    /// What the outside will answer, and the keys it was called with. A world has one thread, so has its test.
    pub(crate) static OUTSIDE: RefCell<Outside> = RefCell::default();
    /// How often the view panics before it works.
    pub(crate) static VIEW_PANICS: RefCell<u32> = const { RefCell::new(0) };
    /// What the reaction says of news.
    pub(crate) static NEWS_ARE_UNREADABLE: RefCell<bool> = const { RefCell::new(false) };
}

#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) answers: VecDeque<Answer>,
    pub(crate) keys: Vec<String>,
}

pub(crate) enum Answer {
    Done,
    Refused,
    Unknown,
    /// It never comes back: its host dies meanwhile.
    Silence,
}

struct TheOutside;

impl Provider for TheOutside {
    fn call<'a>(&'a self, key: &'a str, request: Bytes) -> BoxFuture<'a, Said> {
        let answer = OUTSIDE.with_borrow_mut(|outside| {
            outside.keys.push(key.to_owned());
            outside.answers.pop_front()
        });
        async move {
            match answer {
                Some(Answer::Done) | None => Said::Settled(Outcome::Done(request)),
                Some(Answer::Refused) => Said::Settled(Outcome::Refused(Problem::conflict("not_ours", "No."))),
                Some(Answer::Unknown) => Said::Unknown("the line went dead".to_owned()),
                Some(Answer::Silence) => std::future::pending().await,
            }
        }
        .boxed()
    }
}

/// Sums by probe.
pub(crate) struct Sums;

impl View for Sums {
    const NAME: &'static str = "sums";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let panics = VIEW_PANICS.with_borrow_mut(|left| {
            let now = *left;
            *left = left.saturating_sub(1);
            now
        });
        assert!(panics == 0, "asked to, in a view");
        if let Some(probe) = event.state::<Probe>() {
            rows.write(event.actor.id.as_bytes(), &probe.total);
        }
    }
}

/// Does what its note says.
pub(crate) struct Do;

/// Shows a probe.
pub(crate) struct Show;

/// Sums up all probes.
pub(crate) struct Sum;

/// Adds what another probe has.
pub(crate) struct Copy;

/// Shows what another probe has beside this one.
pub(crate) struct Compare;

/// Shows what a probe has beside the sum of all.
pub(crate) struct Share;

const fn route(verb: &'static str, name: &'static str, kind: RpcKind, key: Option<&'static str>) -> Route {
    Route {
        group: "inventory",
        service: "Probe",
        rpc: name,
        name,
        verb,
        doc: "",
        kind,
        key,
        creates: None,
        created: None,
        http: &[],
        scope: None,
        public: true,
        rate: Rate::Normal,
        idempotency: Idempotency::Accepted,
        success: 200,
        location: None,
        refusals: &[],
        settle: None,
        cache: None,
        lifecycle: Lifecycle { since: "0.1.0", deprecated: None, sunset: None, successor: None },
        response_body: None,
        reads: None,
        history: false,
        raw: None,
        file: None,
        request: &REQUEST,
        response: &RESPONSE,
        get_key: |bytes| {
            let request = <AdjustStockRequest as prost::Message>::decode(bytes).ok()?;
            Some(request.warehouse_id)
        },
        set_key: |bytes, key| {
            let mut request = <AdjustStockRequest as prost::Message>::decode(&bytes[..]).unwrap_or_default();
            request.warehouse_id = key.to_owned();
            *bytes = prost::Message::encode_to_vec(&request);
        },
        set_created: |_, _| {},
        locate: |_| None,
    }
}

static REQUEST: Transcoder = Transcoder::of::<AdjustStockRequest>();
static RESPONSE: Transcoder = Transcoder::of::<AdjustStockResponse>();
static DO: Route = route("do", "probe.do", RpcKind::Command, Some("warehouse_id"));
static SHOW: Route = route("show", "probe.show", RpcKind::Read, Some("warehouse_id"));
static SUM: Route = route("sum", "probe.sum", RpcKind::Query, None);
static COPY: Route = route("copy", "probe.copy", RpcKind::Command, Some("warehouse_id"));
static COMPARE: Route = route("compare", "probe.compare", RpcKind::Read, Some("warehouse_id"));
static SHARE: Route = route("share", "probe.share", RpcKind::Query, None);
static HEARS: &[Hears] = &[Hears { group: "product", events: &["product.created"] }];

pub(crate) static CONTRACT: Contract = Contract {
    name: "inventory",
    doc: "",
    partitions: 8,
    port: 0,
    schema: 1,
    hears: HEARS,
    calls: &[],
    routes: &[&DO, &SHOW, &SUM, &COPY, &COMPARE, &SHARE],
    events: &[],
};

macro_rules! rpc {
    ($($Rpc:ident $ROUTE:ident),+) => {
        $(impl Rpc for $Rpc {
            type Request = AdjustStockRequest;
            type Response = AdjustStockResponse;
            const ROUTE: &'static Route = &$ROUTE;
        })+
    };
}
rpc![Do DO, Show SHOW, Sum SUM, Copy COPY, Compare COMPARE, Share SHARE];

fn target(request: &AdjustStockRequest) -> String {
    request.warehouse_id.clone()
}

fn shown(total: i64, note: String) -> AdjustStockResponse {
    let level = StockLevel { on_hand: total, sku: note, ..StockLevel::default() };
    AdjustStockResponse { level: Some(level) }
}

fn act(desk: &mut Desk<'_>, request: &AdjustStockRequest) -> Result<AdjustStockResponse, Problem> {
    let id = &request.warehouse_id;
    let command = match request.note.split_once(' ').unwrap_or((&request.note, "")) {
        ("decide", _) => Command::PanicInDecide,
        ("evolve", _) => Command::PanicInEvolve,
        ("forget", _) => Command::Forget,
        ("owe", key) => Command::Owe(key.to_owned()),
        ("give", whom) => Command::Give(whom.to_owned(), request.delta.unwrap_or(0)),
        ("both", other) => {
            // Changes this one first, then the other: all or nothing.
            desk.tell::<Probe>(id, Command::Add(1))?;
            desk.tell::<Probe>(other, Command::Add(-1))?;
            Command::Add(0)
        }
        // Adds what the read model says of another.
        ("mirror", other) => Command::Add(desk.live_rows::<Sums>()?.read(other.as_bytes()).unwrap_or(0)),
        ("huge", _) => {
            (0..40_000).try_for_each(|_| desk.tell::<Probe>(id, Command::Add(1)).map(drop))?;
            Command::Add(0)
        }
        _ => Command::Add(request.delta.unwrap_or(0)),
    };
    desk.tell::<Probe>(id, command)?;
    Ok(shown(desk.see::<Probe>(id).total, String::new()))
}

fn show(window: &Window<'_>, request: &AdjustStockRequest) -> Result<AdjustStockResponse, Problem> {
    let probe = window.see::<Probe>(&request.warehouse_id);
    Ok(shown(probe.total, probe.ended.join(", ")))
}

fn sum(views: &Views<'_>, _: &AdjustStockRequest) -> Result<AdjustStockResponse, Problem> {
    let rows = views.of::<Sums>();
    let total = rows.scan(b"", None, 1000).iter().filter_map(|(key, _)| rows.read::<i64>(key)).sum();
    Ok(shown(total, String::new()))
}

/// What the probe named in the note has; asking one that has nothing is refused.
fn of_another<'a>(inquiry: &'a Inquiry, request: &'a AdjustStockRequest) -> Gathering<'a, i64> {
    Box::pin(async move {
        assert!(request.note != "panic", "asked to, while gathering");
        let shown = inquiry.ask::<Show>(&request.note, &self::request(&request.note, 0, "")).await?;
        match shown.level.map_or(0, |level| level.on_hand) {
            0 => Err(Problem::conflict("nothing_there", "The other has nothing.")),
            total => Ok(total),
        }
    })
}

fn copy(desk: &mut Desk<'_>, request: &AdjustStockRequest, found: &i64) -> Result<AdjustStockResponse, Problem> {
    desk.tell::<Probe>(&request.warehouse_id, Command::Add(*found))?;
    Ok(shown(desk.see::<Probe>(&request.warehouse_id).total, String::new()))
}

fn compare(window: &Window<'_>, request: &AdjustStockRequest, found: &i64) -> Result<AdjustStockResponse, Problem> {
    let behalf = window.caller().behalf.is_some();
    Ok(shown(window.see::<Probe>(&request.warehouse_id).total, format!("{found} {behalf}")))
}

fn share(views: &Views<'_>, request: &AdjustStockRequest, found: &i64) -> Result<AdjustStockResponse, Problem> {
    let all = sum(views, request)?.level.unwrap_or_default().on_hand;
    Ok(shown(all, found.to_string()))
}

fn react(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    if NEWS_ARE_UNREADABLE.with_borrow(|unreadable| *unreadable) {
        return Err(Undecodable::new(news.event_type.clone(), "asked to"));
    }
    let product: messages::product::v1::ProductCreated = news.read()?;
    let id = super::warehouse("news");
    let _ = product;
    Ok(vec![Reaction::command::<Do>(id.clone(), &request(&id, 1, ""))])
}

pub(crate) fn request(id: &str, delta: i64, note: &str) -> AdjustStockRequest {
    AdjustStockRequest {
        warehouse_id: id.to_owned(),
        sku: "PROBE".to_owned(),
        delta: Some(delta),
        reason: StockReason::Found.into(),
        note: note.to_owned(),
    }
}

pub(crate) fn group() -> Group {
    Group::new(&CONTRACT)
        .entity::<Probe>()
        .command::<Do, Probe>(target, act)
        .read::<Show, Probe>(target, show)
        .view::<Sums>()
        .query::<Sum>(sum)
        .command_with::<Copy, Probe, i64>(target, of_another, copy)
        .read_with::<Compare, Probe, i64>(target, of_another, compare)
        .query_with::<Share, i64>(of_another, share)
        .react("product", react)
        .provider("outside", std::sync::Arc::new(TheOutside))
}
