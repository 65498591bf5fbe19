//! The stage: a group with replicas that come and go, in a world or on real servers, and clients to ask them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use messages::Rpc;
use messages::problem::Problem;
use prost::Message as _;

use super::suite::fabric::Site;
use super::{MemoryStore, World};
use crate::client::{Answer, Call, Client, Failure};
use crate::clock::Clock;
use crate::entropy::Entropy;
use crate::fabric::SharedFabric;
use crate::group::Group;
use crate::headers::{Caller, CommandId, CommandKey, Fingerprint};
use crate::reach::Set;
use crate::replica::{self, Options, Replica, StartError};

/// How long a client on the stage waits for an answer.
const PATIENCE: SignedDuration = SignedDuration::from_secs(10);

/// Where the play is.
#[derive(Clone)]
pub enum Ground {
    /// In a world in memory.
    World(World),
    /// On real servers.
    Servers(Arc<dyn Site>),
}

/// A group with replicas that come and go.
pub struct Stage {
    build: fn() -> Group,
    ground: Ground,
    clock: Clock,
    entropy: Entropy,
    stores: BTreeMap<String, Arc<MemoryStore>>,
    skews: BTreeMap<String, SignedDuration>,
    canaries: BTreeSet<String>,
    replicas: BTreeMap<String, Replica>,
}

impl Stage {
    /// A stage without replicas yet.
    #[must_use]
    pub fn new(ground: Ground, build: fn() -> Group) -> Stage {
        let (clock, entropy) = match &ground {
            Ground::World(world) => (world.clock(), world.entropy()),
            Ground::Servers(_) => (Clock::system(), Entropy::system()),
        };
        let (stores, skews, replicas) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Stage { build, ground, clock, entropy, stores, skews, canaries: BTreeSet::new(), replicas }
    }

    fn group(&self) -> &'static str {
        (self.build)().contract().name
    }

    async fn fabric(&self, group: &str, replica: &str) -> SharedFabric {
        match &self.ground {
            Ground::World(world) => world.fabric(group, replica),
            Ground::Servers(site) => site.fabric(group, replica).await,
        }
    }

    /// Starts a replica, on the store it had before if it had one.
    ///
    /// # Errors
    /// As [`replica::start`].
    pub async fn try_start(&mut self, name: &str) -> Result<(), StartError> {
        let store = self.stores.entry(name.to_owned()).or_default().clone();
        let fabric = self.fabric(self.group(), name).await;
        let clock = self.skews.get(name).map_or_else(|| self.clock.clone(), |by| self.clock.skewed(*by));
        let set = if self.canaries.contains(name) { Set::Canary } else { Set::Stable };
        let options = Options { clock, entropy: self.entropy.clone(), set, ..Options::named(name) };
        let replica = replica::start((self.build)(), fabric, store, options).await?;
        self.replicas.insert(name.to_owned(), replica);
        Ok(())
    }

    /// Starts a replica.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(&mut self, name: &str) {
        if let Err(error) = self.try_start(name).await {
            panic!("{name} does not start: {error}");
        }
    }

    /// Stops a replica as SIGTERM does.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn stop(&mut self, name: &str) {
        self.replicas.remove(name).expect("a replica that runs").stop().await;
    }

    /// Kills a replica as SIGKILL does. Its store stays as it was.
    ///
    /// # Panics
    /// When it does not run.
    pub fn kill(&mut self, name: &str) {
        self.replicas.remove(name).expect("a replica that runs").kill();
        if let Ground::World(world) = &self.ground {
            world.faults().kill(&format!("{}.{name}", self.group()));
        }
    }

    /// What a replica keeps.
    ///
    /// # Panics
    /// When it never ran.
    #[must_use]
    pub fn store(&self, name: &str) -> Arc<MemoryStore> {
        self.stores.get(name).expect("a replica that ran").clone()
    }

    /// Gives a replica another store for its next start.
    pub fn set_store(&mut self, name: &str, store: Arc<MemoryStore>) {
        self.stores.insert(name.to_owned(), store);
    }

    /// Makes a replica's clock wrong, from its next start on.
    pub fn skew(&mut self, name: &str, by: SignedDuration) {
        self.skews.insert(name.to_owned(), by);
    }

    /// Makes a replica a canary, from its next start on.
    pub fn canary(&mut self, name: &str) {
        self.canaries.insert(name.to_owned());
    }

    /// A replica that runs.
    ///
    /// # Panics
    /// When it does not run.
    pub fn replica(&mut self, name: &str) -> &mut Replica {
        self.replicas.get_mut(name).expect("a replica that runs")
    }

    /// Stops every replica that runs.
    pub async fn clear(&mut self) {
        for replica in std::mem::take(&mut self.replicas).into_values() {
            replica.stop().await;
        }
    }

    /// A client over a connection of its own.
    pub async fn client(&self, name: &str) -> Asker {
        let fabric = self.fabric("gateway", name).await;
        Asker { client: Client::new(fabric.bus(), self.clock.clone(), self.entropy.clone()), fabric }
    }

    /// The group's log, for judges.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn log(&self) -> crate::log::SharedLog {
        let fabric = self.fabric(self.group(), "judge").await;
        fabric.log((self.build)().contract()).await.expect("a log")
    }

    /// What is wrong with the log, and with a replica's store held against it.
    pub async fn verify(&self, name: Option<&str>) -> Vec<String> {
        let store: Option<crate::store::SharedStore> = name.map(|name| self.store(name) as _);
        crate::verify::walk(&(self.build)(), &self.log().await, store.as_ref()).await.faults
    }
}

/// A client on the stage.
#[derive(Clone)]
pub struct Asker {
    /// The client itself.
    pub client: Client,
    /// Its connection.
    pub fabric: SharedFabric,
}

impl Asker {
    /// A call of an rpc, to be changed before it is sent.
    #[must_use]
    pub fn call<R: Rpc>(&self, key: Option<&str>, request: &R::Request) -> Call {
        let deadline = self.client.clock().now().saturating_add(PATIENCE).expect("a deadline");
        let mut call = Call::new(R::ROUTE, key.map(str::to_owned), request.encode_to_vec().into(), deadline);
        call.caller = Caller::known("admin", None, vec!["*".to_owned()]);
        call
    }

    /// The same under a key of the caller's, which names it for ever.
    #[must_use]
    pub fn keyed<R: Rpc>(&self, idempotency_key: &str, key: &str, request: &R::Request) -> Call {
        let mut call = self.call::<R>(Some(key), request);
        call.command = Some(CommandKey {
            id: CommandId::derived(&[b"test", R::ROUTE.name.as_bytes(), idempotency_key.as_bytes()]),
            fingerprint: Fingerprint::of(R::ROUTE.name, &call.payload),
            keyed: true,
        });
        call
    }

    /// Sends a call; again where certainly nothing happened, as long as it has time. A replica that has just started is
    /// known to its own server at once and to the other servers of a cluster a little later.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn send(&self, call: &Call) -> Result<Answer, Failure> {
        loop {
            let asked = self.client.ask(call).await;
            let late = self.client.clock().now() >= call.deadline;
            if late || !matches!(asked, Err(Failure::Unavailable { .. })) {
                return asked;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Asks and reads the answer.
    ///
    /// # Errors
    /// See [`Failure`].
    pub async fn ask<R: Rpc>(&self, key: Option<&str>, request: &R::Request) -> Result<R::Response, Failure> {
        let answer = self.send(&self.call::<R>(key, request)).await?;
        Ok(R::Response::decode(answer.payload).expect("an answer of the contract"))
    }

    /// Asks until it is so. What announces itself by nothing must be looked at again.
    ///
    /// # Panics
    /// When it is not so after a minute.
    pub async fn until<R: Rpc>(
        &self,
        key: Option<&str>,
        request: &R::Request,
        so: impl Fn(&R::Response) -> bool,
    ) -> R::Response {
        let started = tokio::time::Instant::now();
        loop {
            let asked = self.ask::<R>(key, request).await;
            if let Ok(response) = &asked
                && so(response)
            {
                return asked.unwrap_or_default();
            }
            assert!(started.elapsed() < Duration::from_secs(60), "it never came to be so; last: {asked:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The refusal in a failure.
///
/// # Panics
/// When it is another failure, or none.
#[must_use]
pub fn refusal<T: std::fmt::Debug>(result: Result<T, Failure>) -> Problem {
    match result {
        Err(Failure::Refused { problem, .. }) => problem,
        other => panic!("not refused: {other:?}"),
    }
}
