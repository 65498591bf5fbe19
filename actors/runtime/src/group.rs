//! The group: entities, handlers, views and reactions of one service, as a list.
//!
//! A group is plain data built once at start. It knows no NATS, no store and no other group; the runtime gives it those
//! through [`Desk`], [`Window`] and [`Rows`].

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::{BoxFuture, LocalBoxFuture};
use messages::common::v1::{HistoryQuery, Problem};
use messages::{Message, Route, Rpc, RpcKind};
use prost::Message as _;

use crate::desk::{Desk, Window};
use crate::entity::{ActorKey, Entity, Outcome};
use crate::headers::Caller;
use crate::inquiry::{Gathering, Inquiry};
use crate::kind::Kinds;
use crate::problems;
use crate::view::{AnyView, Rows, Typed, View};

/// A request whose types have been forgotten: whom it addresses and how it runs.
pub(crate) struct Prepared<F: ?Sized> {
    pub(crate) target: ActorKey,
    pub(crate) run: Box<F>,
}

pub(crate) type RunCommand = dyn Fn(&mut Desk<'_>) -> Result<Vec<u8>, Problem> + Send;
pub(crate) type RunRead = dyn Fn(&Window<'_>) -> Result<Vec<u8>, Problem> + Send;

type PrepareCommand = dyn Fn(&[u8]) -> Result<Prepared<RunCommand>, Problem> + Send + Sync;
type PrepareRead = dyn Fn(&[u8]) -> Result<Prepared<RunRead>, Problem> + Send + Sync;
type PrepareHistory = dyn Fn(&[u8]) -> Result<(ActorKey, HistoryWanted), Problem> + Send + Sync;
/// Whether a caller may see the life of the actor that a request addresses.
type MaySee = dyn Fn(&Window<'_>, &[u8]) -> Result<(), Problem> + Send + Sync;
type Query = dyn Fn(&Views<'_>, &[u8]) -> Result<Vec<u8>, Problem> + Send + Sync;

/// Which actor a request addresses, before anything is asked for it.
type Target = dyn Fn(&[u8]) -> Result<ActorKey, Problem> + Send + Sync;
/// Prepares a request by asking others first.
type Gather<T> = dyn Fn(Inquiry, Bytes) -> LocalBoxFuture<'static, Result<T, Problem>> + Send + Sync;
pub(crate) type RunQuery = dyn Fn(&Views<'_>) -> Result<Vec<u8>, Problem>;

/// How a query is handled.
pub(crate) enum QueryHandler {
    Plain(Box<Query>),
    Gather(Box<Gather<Box<RunQuery>>>),
}

/// Which part of a history is wanted.
#[derive(Debug, Clone, Default)]
pub(crate) struct HistoryWanted {
    /// How many entries at most.
    pub(crate) limit: usize,
    /// Only entries of higher versions.
    pub(crate) after_version: u64,
}

/// How many history entries are shown when nobody says how many.
const HISTORY_LIMIT: u32 = 20;

/// How a verb of an actor's address is handled.
pub(crate) enum Handler {
    Command(Box<PrepareCommand>),
    Read(Box<PrepareRead>),
    History { prepare: Box<PrepareHistory>, may_see: Box<MaySee> },
    GatherCommand { target: Box<Target>, gather: Box<Gather<Prepared<RunCommand>>> },
    GatherRead { target: Box<Target>, gather: Box<Gather<Prepared<RunRead>>> },
}

pub(crate) struct Verb {
    pub(crate) route: &'static Route,
    pub(crate) handler: Handler,
}

/// The read models a query sees.
pub struct Views<'a> {
    pub(crate) rows: &'a dyn Fn(&'static str) -> Rows,
    /// When the query runs.
    pub now: jiff::Timestamp,
    /// Who asks; for news, the group itself.
    pub caller: Caller,
    pub(crate) noted: &'a std::cell::RefCell<Vec<Reaction>>,
}

impl Views<'_> {
    /// The rows of a view.
    #[must_use]
    pub fn of<V: View>(&self) -> Rows {
        (self.rows)(V::NAME)
    }

    /// A command of the own group that goes out once this has been answered, and that nobody waits for: it is lost if it
    /// cannot be done soon. For what is counted, not for what matters. The contract names it among what the group calls.
    pub fn note<R: Rpc>(&self, key: impl Into<String>, request: &R::Request) {
        self.noted.borrow_mut().push(Reaction::command::<R>(key, request));
    }
}

/// An event of another group, as a reaction hears it.
#[derive(Debug, Clone)]
pub struct News {
    /// The group it comes from.
    pub source: &'static str,
    /// Its type: `product.created`.
    pub event_type: String,
    /// Its bytes.
    pub data: Bytes,
    /// When it was decided.
    pub at: jiff::Timestamp,
}

impl News {
    /// The event as its contract's message.
    ///
    /// # Errors
    /// When the bytes are not such a message: the turn goes to the dead letters.
    pub fn read<M: prost::Message + Default>(&self) -> Result<M, crate::entity::Undecodable> {
        M::decode(self.data.clone()).map_err(|e| crate::entity::Undecodable::new(self.event_type.clone(), e))
    }
}

/// A command that news cause in one of the group's own actors.
pub struct Reaction {
    pub(crate) route: &'static Route,
    pub(crate) key: String,
    pub(crate) request: Bytes,
}

impl Reaction {
    /// This rpc of the own group, addressed to the actor under a key.
    #[must_use]
    pub fn command<R: Rpc>(key: impl Into<String>, request: &R::Request) -> Reaction {
        Reaction { route: R::ROUTE, key: key.into(), request: Bytes::from(request.encode_to_vec()) }
    }
}

/// What a group does about news of a source: pure but for the own read models, which may lag.
pub(crate) type React = dyn Fn(&News, &Views<'_>) -> Result<Vec<Reaction>, crate::entity::Undecodable> + Send + Sync;

/// How a call to the outside ended, as a provider says it.
pub enum Said {
    /// The provider did it, or refuses for good.
    Settled(Outcome),
    /// Nobody knows, or it could not be reached: try again with the same key.
    Unknown(String),
}

/// Something outside that an agenda can call.
pub trait Provider: Send + Sync + 'static {
    /// Makes the call. `key` names its effect for ever: a repeat must find what the first one did.
    fn call<'a>(&'a self, key: &'a str, request: Bytes) -> BoxFuture<'a, Said>;
}

/// Entities, handlers, views and reactions of one service.
pub struct Group {
    pub(crate) contract: &'static messages::Group,
    pub(crate) kinds: Kinds,
    pub(crate) verbs: BTreeMap<&'static str, Verb>,
    pub(crate) queries: BTreeMap<&'static str, (&'static Route, QueryHandler)>,
    pub(crate) views: Vec<Arc<dyn AnyView>>,
    pub(crate) reactions: BTreeMap<&'static str, Box<React>>,
    pub(crate) providers: BTreeMap<&'static str, Arc<dyn Provider>>,
}

fn decode<M: Message>(bytes: &[u8]) -> Result<M, Problem> {
    let request = M::decode(bytes).map_err(|e| problems::undecodable_request(&e))?;
    let mut errors = messages::Errors::of_record();
    request.validate(&messages::Pointer::Root, &mut errors);
    errors.into_result(request).map_err(Problem::invalid)
}

/// A command's handler, with what was gathered for it.
pub type Command<R, K> = fn(&mut Desk<'_>, &<R as Rpc>::Request, &K) -> Result<<R as Rpc>::Response, Problem>;
/// A read's handler, with what was gathered for it.
pub type Show<R, K> = fn(&Window<'_>, &<R as Rpc>::Request, &K) -> Result<<R as Rpc>::Response, Problem>;
/// A query's handler, with what was gathered for it.
pub type Answer<R, K> = fn(&Views<'_>, &<R as Rpc>::Request, &K) -> Result<<R as Rpc>::Response, Problem>;

/// Runs a gatherer; its panic is its own.
async fn gathered<K>(gathering: Gathering<'_, K>) -> Result<K, Problem> {
    let guarded = std::panic::AssertUnwindSafe(gathering).catch_unwind().await;
    guarded.unwrap_or_else(|_| Err(problems::panicked()))
}

impl Group {
    /// A group by this contract, still without anything in it.
    #[must_use]
    pub fn new(contract: &'static messages::Group) -> Group {
        Group {
            contract,
            kinds: Kinds::default(),
            verbs: BTreeMap::new(),
            queries: BTreeMap::new(),
            views: Vec::new(),
            reactions: BTreeMap::new(),
            providers: BTreeMap::new(),
        }
    }

    /// Its contract.
    #[must_use]
    pub fn contract(&self) -> &'static messages::Group {
        self.contract
    }

    /// A kind of actor it has.
    #[must_use]
    pub fn entity<E: Entity>(mut self) -> Group {
        self.kinds.add::<E>(|desk, id, command| desk.tell::<E>(id, command).map(drop));
        self
    }

    /// A kind of actor whose agenda concerns others too: its commands come to `tell`, which sees the whole desk.
    #[must_use]
    pub fn entity_told_by<E: Entity>(
        mut self,
        tell: fn(&mut Desk<'_>, &str, E::Command) -> Result<(), Problem>,
    ) -> Group {
        self.kinds.add::<E>(tell);
        self
    }

    /// A command: which actor it addresses (whose version answers and `If-Match` speak of) and what it does.
    #[must_use]
    pub fn command<R: Rpc, E: Entity>(
        mut self,
        target: fn(&R::Request) -> String,
        handle: fn(&mut Desk<'_>, &R::Request) -> Result<R::Response, Problem>,
    ) -> Group {
        let prepare = move |bytes: &[u8]| {
            let request: R::Request = decode(bytes)?;
            let target = ActorKey::of::<E>(&target(&request));
            let run = move |desk: &mut Desk<'_>| handle(desk, &request).map(|response| response.encode_to_vec());
            Ok(Prepared { target, run: Box::new(run) as Box<RunCommand> })
        };
        self.verb(R::ROUTE, RpcKind::Command, Handler::Command(Box::new(prepare)));
        self
    }

    /// A command that asks other groups first. What `gather` brings is what the command notes; see [`crate::inquiry`].
    #[must_use]
    pub fn command_with<R: Rpc, E: Entity, K: Send + 'static>(
        mut self,
        target: fn(&R::Request) -> String,
        gather: for<'a> fn(&'a Inquiry, &'a R::Request) -> Gathering<'a, K>,
        handle: Command<R, K>,
    ) -> Group {
        let gather = move |inquiry: Inquiry, bytes: Bytes| {
            let preparing = async move {
                let request: R::Request = decode(&bytes)?;
                let brought = gathered(gather(&inquiry, &request)).await?;
                let target = ActorKey::of::<E>(&target(&request));
                let run = move |desk: &mut Desk<'_>| handle(desk, &request, &brought).map(|said| said.encode_to_vec());
                Ok(Prepared { target, run: Box::new(run) as Box<RunCommand> })
            };
            preparing.boxed_local()
        };
        let target = move |bytes: &[u8]| Ok(ActorKey::of::<E>(&target(&decode(bytes)?)));
        let handler = Handler::GatherCommand { target: Box::new(target), gather: Box::new(gather) };
        self.verb(R::ROUTE, RpcKind::Command, handler);
        self
    }

    /// A read of one actor that asks other groups first.
    #[must_use]
    pub fn read_with<R: Rpc, E: Entity, K: Send + 'static>(
        mut self,
        target: fn(&R::Request) -> String,
        gather: for<'a> fn(&'a Inquiry, &'a R::Request) -> Gathering<'a, K>,
        handle: Show<R, K>,
    ) -> Group {
        let gather = move |inquiry: Inquiry, bytes: Bytes| {
            let preparing = async move {
                let request: R::Request = decode(&bytes)?;
                let brought = gathered(gather(&inquiry, &request)).await?;
                let target = ActorKey::of::<E>(&target(&request));
                let run =
                    move |window: &Window<'_>| handle(window, &request, &brought).map(|said| said.encode_to_vec());
                Ok(Prepared { target, run: Box::new(run) as Box<RunRead> })
            };
            preparing.boxed_local()
        };
        let target = move |bytes: &[u8]| Ok(ActorKey::of::<E>(&target(&decode(bytes)?)));
        let handler = Handler::GatherRead { target: Box::new(target), gather: Box::new(gather) };
        self.verb(R::ROUTE, RpcKind::Read, handler);
        self
    }

    /// A read of one actor.
    #[must_use]
    pub fn read<R: Rpc, E: Entity>(
        mut self,
        target: fn(&R::Request) -> String,
        handle: fn(&Window<'_>, &R::Request) -> Result<R::Response, Problem>,
    ) -> Group {
        let prepare = move |bytes: &[u8]| {
            let request: R::Request = decode(bytes)?;
            let target = ActorKey::of::<E>(&target(&request));
            let run = move |window: &Window<'_>| handle(window, &request).map(|response| response.encode_to_vec());
            Ok(Prepared { target, run: Box::new(run) as Box<RunRead> })
        };
        self.verb(R::ROUTE, RpcKind::Read, Handler::Read(Box::new(prepare)));
        self
    }

    /// The life of one actor, event by event, read from the log. The contract gives all such rpcs the same fields.
    #[must_use]
    pub fn history<R: Rpc>(self, target: fn(&R::Request) -> ActorKey) -> Group {
        self.history_for::<R>(target, |_, _| Ok(()))
    }

    /// The life of one actor, for those who may see it: what is refused is refused by `may_see`, which looks at the actors
    /// as they are now.
    #[must_use]
    pub fn history_for<R: Rpc>(
        mut self,
        target: fn(&R::Request) -> ActorKey,
        may_see: fn(&Window<'_>, &R::Request) -> Result<(), Problem>,
    ) -> Group {
        let prepare = move |bytes: &[u8]| {
            let request: R::Request = decode(bytes)?;
            let page = HistoryQuery::decode(bytes).map_err(|e| problems::undecodable_request(&e))?;
            let after = page.after.as_deref().map(crate::paging::version).transpose()?;
            let limit = usize::try_from(page.limit.unwrap_or(HISTORY_LIMIT)).unwrap_or(usize::MAX);
            let wanted = HistoryWanted { limit, after_version: after.unwrap_or(0) };
            Ok((target(&request), wanted))
        };
        let may_see = move |window: &Window<'_>, bytes: &[u8]| may_see(window, &decode(bytes)?);
        let handler = Handler::History { prepare: Box::new(prepare), may_see: Box::new(may_see) };
        self.verb(R::ROUTE, RpcKind::Read, handler);
        self
    }

    /// A query over read models.
    ///
    /// # Panics
    /// At start, when the contract calls the rpc something else than a query of this group.
    #[must_use]
    pub fn query<R: Rpc>(mut self, handle: fn(&Views<'_>, &R::Request) -> Result<R::Response, Problem>) -> Group {
        let run = move |views: &Views<'_>, bytes: &[u8]| {
            let request: R::Request = decode(bytes)?;
            handle(views, &request).map(|response| response.encode_to_vec())
        };
        self.asked(R::ROUTE, QueryHandler::Plain(Box::new(run)));
        self
    }

    /// A query over read models that asks other groups first.
    ///
    /// # Panics
    /// At start, when the contract calls the rpc something else than a query of this group.
    #[must_use]
    pub fn query_with<R: Rpc, K: 'static>(
        mut self,
        gather: for<'a> fn(&'a Inquiry, &'a R::Request) -> Gathering<'a, K>,
        handle: Answer<R, K>,
    ) -> Group {
        let gather = move |inquiry: Inquiry, bytes: Bytes| {
            let preparing = async move {
                let request: R::Request = decode(&bytes)?;
                let brought = gathered(gather(&inquiry, &request)).await?;
                let run = move |views: &Views<'_>| handle(views, &request, &brought).map(|said| said.encode_to_vec());
                Ok(Box::new(run) as Box<RunQuery>)
            };
            preparing.boxed_local()
        };
        self.asked(R::ROUTE, QueryHandler::Gather(Box::new(gather)));
        self
    }

    fn asked(&mut self, route: &'static Route, handler: QueryHandler) {
        assert!(route.group == self.contract.name && route.kind == RpcKind::Query, "{} is no query here", route.rpc);
        self.queries.insert(route.verb, (route, handler));
    }

    /// A read model.
    #[must_use]
    pub fn view<V: View>(mut self) -> Group {
        self.views.push(Arc::new(Typed::<V>::new()));
        self
    }

    /// What it does about news of another group.
    ///
    /// # Panics
    /// At start, when the contract does not say that this group hears that one.
    #[must_use]
    pub fn react(
        mut self,
        source: &'static str,
        react: fn(&News, &Views<'_>) -> Result<Vec<Reaction>, crate::entity::Undecodable>,
    ) -> Group {
        let name = self.contract.name;
        assert!(self.contract.hears.iter().any(|h| h.group == source), "{name} does not hear {source} by contract");
        self.reactions.insert(source, Box::new(react));
        self
    }

    /// Something outside that its agendas call by this name.
    #[must_use]
    pub fn provider(mut self, name: &'static str, provider: Arc<dyn Provider>) -> Group {
        self.providers.insert(name, provider);
        self
    }

    fn verb(&mut self, route: &'static Route, kind: RpcKind, handler: Handler) {
        let name = self.contract.name;
        assert!(route.group == name && route.kind == kind, "{} is not such a verb of {name}", route.rpc);
        self.verbs.insert(route.verb, Verb { route, handler });
    }

    /// Rpcs of the contract that nothing here handles: a shop with holes must not start.
    #[must_use]
    pub fn unhandled(&self) -> Vec<&'static str> {
        let routes = self.contract.routes.iter();
        let holes = routes.filter(|r| !self.verbs.contains_key(r.verb) && !self.queries.contains_key(r.verb));
        holes.map(|route| route.rpc).collect()
    }
}
