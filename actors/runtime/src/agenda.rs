//! The agenda: when the actors of a group want to be woken, and which of their calls are due.
//!
//! Nothing here is stored: every item is derived from the state of an actor and told again when that changes, so a
//! restart, a second replica and a rebuild all know the same. It fires only for partitions this replica hosts. Firing
//! twice does no harm: the command's id is the item's key and moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use jiff::Timestamp;

use crate::cells::CallState;
use crate::entity::ActorKey;
use crate::kind::Owed;
use crate::partition::{Due, Partition};
use crate::replica::{Gauges, Shared};

/// How often the clock is looked at: the coarseness of timers.
const TICK: Duration = Duration::from_millis(50);
/// How many items fire in one tick, so that a backlog does not drown commands.
const FIRED_PER_TICK_MAX: usize = 256;
/// After an item fired, how long until it fires again if nothing came of it (the host may have lost a race).
const AGAIN_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_secs(5);

/// What of an agenda is due when, given how far its calls have come.
pub(crate) fn due(owed: Vec<Owed>, calls: &BTreeMap<String, CallState>) -> Vec<Owed> {
    let due = owed.into_iter().filter_map(|mut item| {
        if !item.is_call {
            return Some(item);
        }
        match calls.get(&item.key) {
            None => Some(item),
            Some(CallState::Begun { next_try_at, .. }) => {
                item.at = *next_try_at;
                Some(item)
            }
            Some(CallState::Settled) => None,
        }
    });
    due.collect()
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    at: Timestamp,
    partition: u32,
    actor: ActorKey,
    key: String,
    is_call: bool,
}

/// The actor.
pub(crate) struct Agenda {
    shared: Arc<Shared>,
    queue: BTreeSet<Item>,
    by_actor: HashMap<(u32, ActorKey), Vec<Item>>,
    hosted: BTreeMap<u32, Addr<Partition>>,
    _watch: crate::supervisor::Watch,
}

impl Agenda {
    pub(crate) fn new(shared: Arc<Shared>, watch: crate::supervisor::Watch) -> Agenda {
        let (queue, by_actor, hosted) = (BTreeSet::new(), HashMap::new(), BTreeMap::new());
        Agenda { shared, queue, by_actor, hosted, _watch: watch }
    }

    fn fire(&mut self) {
        let gauges = &self.shared.gauges;
        if Gauges::is(&gauges.skewed) || Gauges::is(&gauges.draining) {
            return;
        }
        let now = self.shared.clock.now();
        let hosted = &self.hosted;
        let ripe = self.queue.iter().take_while(|item| item.at <= now);
        let ripe = ripe.filter(|item| hosted.contains_key(&item.partition)).take(FIRED_PER_TICK_MAX);
        for item in ripe.cloned().collect::<Vec<_>>() {
            let Some(partition) = self.hosted.get(&item.partition) else { continue };
            let due = Due { actor: item.actor.clone(), key: item.key.clone(), at: item.at, is_call: item.is_call };
            partition.do_send(due);
            self.postpone(item, now);
        }
    }

    /// The item stays until the state says otherwise, but not in the way.
    fn postpone(&mut self, item: Item, now: Timestamp) {
        self.queue.remove(&item);
        let mut later = item.clone();
        later.at = now.saturating_add(AGAIN_AFTER).unwrap_or(now);
        if let Some(items) = self.by_actor.get_mut(&(item.partition, item.actor.clone())) {
            for known in items.iter_mut().filter(|known| **known == item) {
                *known = later.clone();
            }
        }
        self.queue.insert(later);
    }

    fn forget(&mut self, key: &(u32, ActorKey)) {
        for item in self.by_actor.remove(key).unwrap_or_default() {
            self.queue.remove(&item);
        }
    }
}

impl Actor for Agenda {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(TICK, |agenda, _| agenda.fire());
    }
}

/// What an actor owes now; replaces what it owed before.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Owes {
    pub(crate) partition: u32,
    pub(crate) actor: ActorKey,
    pub(crate) due: Vec<Owed>,
}

impl Handler<Owes> for Agenda {
    type Result = ();

    fn handle(&mut self, owes: Owes, _: &mut Context<Self>) {
        let key = (owes.partition, owes.actor);
        self.forget(&key);
        if owes.due.is_empty() {
            return;
        }
        let item = |owed: Owed| Item {
            at: owed.at,
            partition: key.0,
            actor: key.1.clone(),
            key: owed.key,
            is_call: owed.is_call,
        };
        let items: Vec<Item> = owes.due.into_iter().map(item).collect();
        let now = self.shared.clock.now();
        let is_ripe = items.iter().any(|item| item.at <= now);
        self.queue.extend(items.iter().cloned());
        self.by_actor.insert(key, items);
        if is_ripe {
            // What is due at once does not wait for the next tick: a saga is made of such steps.
            self.fire();
        }
    }
}

/// A partition starts anew and will tell all again.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Forget {
    pub(crate) partition: u32,
}

impl Handler<Forget> for Agenda {
    type Result = ();

    fn handle(&mut self, forget: Forget, _: &mut Context<Self>) {
        self.queue.retain(|item| item.partition != forget.partition);
        self.by_actor.retain(|(partition, _), _| *partition != forget.partition);
    }
}

/// Which partitions this replica hosts, and where they are.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Hosts(pub(crate) BTreeMap<u32, Addr<Partition>>);

impl Handler<Hosts> for Agenda {
    type Result = ();

    fn handle(&mut self, hosts: Hosts, _: &mut Context<Self>) {
        self.hosted = hosts.0;
    }
}

/// How many items wait.
#[derive(Message)]
#[rtype(result = "usize")]
pub(crate) struct Count;

impl Handler<Count> for Agenda {
    type Result = usize;

    fn handle(&mut self, _: Count, _: &mut Context<Self>) -> usize {
        self.queue.len()
    }
}

impl Handler<crate::partition::Halt> for Agenda {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
