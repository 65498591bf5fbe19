//! Membership: who else hosts this group, and which partitions are therefore ours to listen for.
//!
//! Everyone computes the same ranking by rendezvous hash; a replica listens for a partition unless a live member that
//! says it has caught up ranks higher. That two believe they host the same one, or none does for a moment, costs a
//! retry: the fence keeps it safe. A replica never stops listening because its own key is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use bytes::Bytes;
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::agenda::{self, Agenda};
use crate::bus::{Message, Subscription};
use crate::fabric::Member;
use crate::partition::Incoming;
use crate::problems;
use crate::reach::Set;
use crate::replica::{Gauges, Shared};
use crate::request::{self, ReplyTo, Said};
use crate::view::{RunQuery, ViewsActor};

/// How often a replica says that it lives.
pub const ANNOUNCE_EVERY: Duration = Duration::from_secs(2);
/// How long a silent member counts as alive: two announcements may be lost.
pub const SILENCE_MAX: Duration = Duration::from_secs(7);
/// How often the ranking is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long the host believed in has to answer a request passed on to it.
const PASS_ON_TIMEOUT: Duration = Duration::from_millis(200);

/// What a replica says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Says {
    /// Whether it has folded all of the log and may be asked.
    pub(crate) caught_up: bool,
    /// Partitions it cannot serve although it has caught up.
    pub(crate) cannot: BTreeSet<u32>,
    /// Which replicas it is one of. Only those of the same set divide the partitions among themselves.
    #[serde(default)]
    pub(crate) set: Set,
    /// The newest schema of events that it can fold.
    #[serde(default)]
    pub(crate) schema: u32,
}

struct Known {
    says: Says,
    heard: Instant,
}

/// The rank of a replica for a partition: the highest hosts.
#[must_use]
pub fn rank(group: &str, partition: u32, replica: &str) -> [u8; 16] {
    crate::headers::CommandId::derived(&[group.as_bytes(), &partition.to_le_bytes(), replica.as_bytes()]).0
}

/// The actor.
pub(crate) struct Membership {
    shared: Arc<Shared>,
    views: Addr<ViewsActor>,
    agenda: Addr<Agenda>,
    others: BTreeMap<String, Known>,
    says: Says,
    listening: BTreeMap<u32, SpawnHandle>,
    drains: BTreeMap<u32, Arc<tokio::sync::Notify>>,
    leaving: bool,
    _watch: crate::supervisor::Watch,
}

impl Membership {
    pub(crate) fn new(
        shared: Arc<Shared>,
        views: Addr<ViewsActor>,
        agenda: Addr<Agenda>,
        watch: crate::supervisor::Watch,
    ) -> Membership {
        let (set, schema) = (shared.set, shared.group.contract.schema);
        Membership {
            shared,
            views,
            agenda,
            others: BTreeMap::new(),
            says: Says { caught_up: true, cannot: BTreeSet::new(), set, schema },
            listening: BTreeMap::new(),
            drains: BTreeMap::new(),
            leaving: false,
            _watch: watch,
        }
    }

    fn key(&self) -> String {
        format!("{}.{}", self.shared.name(), self.shared.replica)
    }

    fn announce(&self, ctx: &mut Context<Self>) {
        let (fabric, key) = (self.shared.fabric.clone(), self.key());
        let Ok(says) = serde_json::to_vec(&self.says) else { return };
        let saying = async move { fabric.members().announce(key, Bytes::from(says)).await };
        ctx.spawn(saying.into_actor(self).map(|said, _, _| {
            if let Err(failure) = said {
                tracing::warn!(cause = %failure, "could not say that this replica lives");
            }
        }));
    }

    fn heard(&mut self, member: Member) {
        let Some(replica) = member.key.strip_prefix(self.shared.name()).and_then(|rest| rest.strip_prefix('.')) else {
            return;
        };
        if replica == self.shared.replica {
            return;
        }
        match member.says.and_then(|says| serde_json::from_slice(&says).ok()) {
            Some(says) => {
                self.others.insert(replica.to_owned(), Known { says, heard: Instant::now() });
            }
            None => {
                self.others.remove(replica);
            }
        }
    }

    /// Whether somebody else who can serve a partition ranks higher than this replica.
    fn outranked(&self, partition: u32) -> bool {
        let name = self.shared.name();
        let ours = rank(name, partition, &self.shared.replica);
        self.others.iter().any(|(replica, known)| {
            known.heard.elapsed() < SILENCE_MAX
                && known.says.set == self.shared.set
                && known.says.caught_up
                && !known.says.cannot.contains(&partition)
                && rank(name, partition, replica) > ours
        })
    }

    fn look(&mut self, ctx: &mut Context<Self>) {
        self.others.retain(|_, known| known.heard.elapsed() < SILENCE_MAX);
        self.bound_schema();
        let cannot = self.shared.cannot();
        if cannot != self.says.cannot {
            // Others may be able to; they listen as soon as they hear that this one is not.
            self.says.cannot = cannot;
            self.announce(ctx);
        }
        let able = !self.leaving && !Gauges::is(&self.shared.gauges.skewed);
        let mut changed = false;
        for partition in 0..self.shared.group.contract.partitions {
            let ours = able && !self.says.cannot.contains(&partition) && !self.outranked(partition);
            let listens = self.listening.contains_key(&partition);
            if ours && !listens {
                self.listen(partition, ctx);
                changed = true;
            } else if !ours && listens {
                self.drain(partition);
                changed = true;
            }
        }
        if changed {
            self.tell_agenda();
        }
    }

    /// A canary records what every stable replica can fold. When none is there to say, what was said last holds: they
    /// will be back.
    fn bound_schema(&self) {
        if self.shared.set == Set::Stable {
            return;
        }
        let stable = self.others.values().filter(|known| known.says.set == Set::Stable);
        if let Some(schema) = stable.map(|known| known.says.schema).min() {
            self.shared.schema_max.store(schema, std::sync::atomic::Ordering::Relaxed);
        }
    }

    fn tell_agenda(&self) {
        if self.shared.set != Set::Stable {
            return;
        }
        let hosted = self.listening.keys().filter_map(|number| Some((*number, self.shared.partition(*number)?)));
        self.agenda.do_send(agenda::Hosts(hosted.collect()));
    }

    fn listen(&mut self, number: u32, ctx: &mut Context<Self>) {
        let subject = self.shared.set.subject("cmd", &format!("{}.{number}.*.*", self.shared.name()));
        let stop = Arc::new(tokio::sync::Notify::new());
        self.drains.insert(number, stop.clone());
        let shared = self.shared.clone();
        let listening = async move {
            let deal = |message| deal_command(&shared, message);
            listen(shared.clone(), subject, stop, deal).await;
        };
        let handle = ctx.spawn(listening.into_actor(self));
        self.listening.insert(number, handle);
    }

    fn drain(&mut self, number: u32) {
        self.listening.remove(&number);
        if let Some(stop) = self.drains.remove(&number) {
            stop.notify_one();
        }
    }

    fn always_listen(&self, ctx: &mut Context<Self>) {
        let name = self.shared.name();
        let never = || Arc::new(tokio::sync::Notify::new());
        let shared = self.shared.clone();
        let membership = ctx.address();
        let any = self.shared.set.subject("any", &format!("{name}.*.*"));
        let stop = never();
        ctx.spawn(
            async move {
                let deal = |message| membership.do_send(Any(message));
                listen(shared.clone(), any, stop, deal).await;
            }
            .into_actor(self),
        );
        let (shared, views, stop) = (self.shared.clone(), self.views.clone(), never());
        let query = self.shared.set.subject("query", &format!("{name}.*"));
        ctx.spawn(
            async move {
                let deal = |message| deal_query(&shared, &views, message);
                listen(shared.clone(), query, stop, deal).await;
            }
            .into_actor(self),
        );
        // By its name, for who knows that another does not answer. It runs itself what it is asked there: whoever hosts
        // the partition may be the one who is silent, and the fence decides between the two.
        let at = format!("shop.at.{name}.{}", self.shared.address);
        let (shared, stop) = (self.shared.clone(), never());
        let subject = format!("{at}.*.*");
        ctx.spawn(
            async move {
                let deal = |message| deal_command(&shared, message);
                listen(shared.clone(), subject, stop, deal).await;
            }
            .into_actor(self),
        );
        let (shared, views, stop) = (self.shared.clone(), self.views.clone(), never());
        let subject = format!("{at}.*");
        ctx.spawn(
            async move {
                let deal = |message| deal_query(&shared, &views, message);
                listen(shared.clone(), subject, stop, deal).await;
            }
            .into_actor(self),
        );
    }
}

/// Listens on a subject in the group's queue until told to stop, through every reconnect.
async fn listen(shared: Arc<Shared>, subject: String, stop: Arc<tokio::sync::Notify>, deal: impl Fn(Message)) {
    loop {
        let subscribed = shared.bus.subscribe(subject.clone(), Some(shared.name().to_owned())).await;
        let mut subscription: Subscription = match subscribed {
            Ok(subscription) => subscription,
            Err(failure) => {
                tracing::warn!(cause = %failure, subject, "could not listen; trying again");
                tokio::time::sleep(LOOK_EVERY).await;
                continue;
            }
        };
        loop {
            tokio::select! {
                biased;
                () = stop.notified() => {
                    subscription.drain().await;
                    while let Some(message) = subscription.next().await {
                        deal(message);
                    }
                    return;
                }
                message = subscription.next() => match message {
                    Some(message) => deal(message),
                    None => break,
                },
            }
        }
    }
}

/// The last two tokens of `….<key>.<verb>`.
fn key_and_verb(message: &Message) -> Option<(String, String)> {
    let mut tokens = message.subject.rsplit('.');
    let verb = tokens.next()?.to_owned();
    Some((tokens.next()?.to_owned(), verb))
}

fn deal_command(shared: &Arc<Shared>, message: Message) {
    let Some((key, verb)) = key_and_verb(&message) else { return };
    let number = messages::partition::of(&key, shared.group.contract.partitions);
    let Some(partition) = shared.partition(number) else { return refuse(shared, &message, problems::busy()) };
    match partition.try_send(Incoming { message, key, verb }) {
        Ok(()) => {}
        Err(SendError::Full(incoming)) => {
            Gauges::add(&shared.gauges.busy, 1);
            refuse(shared, &incoming.message, problems::busy());
        }
        // It is being restarted; the caller's next attempt finds its successor.
        Err(SendError::Closed(incoming)) => refuse(shared, &incoming.message, problems::busy()),
    }
}

fn deal_query(shared: &Arc<Shared>, views: &Addr<ViewsActor>, message: Message) {
    let Some((_, verb)) = key_and_verb(&message) else { return };
    if let Err(SendError::Full(query) | SendError::Closed(query)) = views.try_send(RunQuery { message, verb }) {
        Gauges::add(&shared.gauges.busy, 1);
        refuse(shared, &query.message, problems::busy());
    }
}

fn refuse(shared: &Arc<Shared>, message: &Message, problem: messages::common::v1::Problem) {
    request::answer(shared, None, &ReplyTo::of(message), Said::refusal(problem));
}

impl Actor for Membership {
    type Context = Context<Self>;
}

/// The replica has caught up: say so, listen, answer.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Open;

impl Handler<Open> for Membership {
    type Result = ();

    fn handle(&mut self, _: Open, ctx: &mut Context<Self>) {
        self.announce(ctx);
        ctx.run_interval(ANNOUNCE_EVERY, |membership, ctx| {
            if !membership.leaving {
                membership.announce(ctx);
            }
        });
        ctx.run_interval(LOOK_EVERY, Membership::look);
        let shared = self.shared.clone();
        let address = ctx.address();
        ctx.spawn(
            async move {
                loop {
                    let mut watch = shared.fabric.members().watch(shared.name());
                    while let Some(member) = watch.next().await {
                        if address.send(Heard(member)).await.is_err() {
                            return;
                        }
                    }
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            }
            .into_actor(self),
        );
        self.always_listen(ctx);
        // A moment to hear who is there, so that a newcomer does not take what another hosts.
        ctx.run_later(LOOK_EVERY, |membership, ctx| {
            membership.look(ctx);
            membership.shared.gauges.ready.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}

#[derive(Message)]
#[rtype(result = "()")]
struct Heard(Member);

impl Handler<Heard> for Membership {
    type Result = ();

    fn handle(&mut self, Heard(member): Heard, ctx: &mut Context<Self>) {
        self.heard(member);
        self.look(ctx);
    }
}

/// A request that came to any replica.
#[derive(Message)]
#[rtype(result = "()")]
struct Any(Message);

impl Handler<Any> for Membership {
    type Result = ();

    fn handle(&mut self, Any(message): Any, ctx: &mut Context<Self>) {
        let Some((key, _)) = key_and_verb(&message) else { return };
        let number = messages::partition::of(&key, self.shared.group.contract.partitions);
        let hops = message.headers.as_ref().and_then(|said| crate::headers::get(said, crate::headers::HOPS)).is_some();
        if self.listening.contains_key(&number) || hops || !self.outranked(number) {
            return deal_command(&self.shared, message);
        }
        self.pass_on(number, message, ctx);
    }
}

impl Membership {
    /// Passes a request to the host this replica believes in, once; else runs it here.
    fn pass_on(&mut self, number: u32, message: Message, ctx: &mut Context<Self>) {
        let Some((key, verb)) = key_and_verb(&message) else { return };
        let mut said = message.headers.clone().unwrap_or_default();
        // A person's message may have no headers, and then the answer must be as if it had none.
        let to = ReplyTo::of(&message);
        said.insert(crate::headers::HOPS, "1");
        if to.json && crate::headers::get(&said, crate::headers::CONTENT_TYPE).is_none() {
            said.insert(crate::headers::CONTENT_TYPE, crate::headers::JSON);
        }
        let subject = self.shared.set.subject("cmd", &format!("{}.{number}.{key}.{verb}", self.shared.name()));
        let shared = self.shared.clone();
        let passing = async move {
            let asked = shared.bus.request(subject, said, message.payload.clone(), PASS_ON_TIMEOUT).await;
            match (asked, to.subject) {
                (Ok(answer), Some(reply)) => {
                    request::send(shared.bus.clone(), reply, answer.headers.unwrap_or_default(), answer.payload);
                }
                (Ok(_), None) => {}
                (Err(_), _) => deal_command(&shared, message),
            }
        };
        ctx.spawn(passing.into_actor(self));
    }
}

/// A partition has a new address: agenda items must find it.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Moved;

impl Handler<Moved> for Membership {
    type Result = ();

    fn handle(&mut self, _: Moved, _: &mut Context<Self>) {
        self.tell_agenda();
    }
}

/// Leaves, and listens no more.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Leave;

impl Handler<Leave> for Membership {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Leave, ctx: &mut Context<Self>) -> ResponseFuture<()> {
        self.leaving = true;
        self.says.caught_up = false;
        self.look(ctx);
        let (fabric, key) = (self.shared.fabric.clone(), self.key());
        Box::pin(async move {
            if let Err(failure) = fabric.members().leave(key).await {
                tracing::warn!(cause = %failure, "could not say goodbye; the others will notice");
            }
        })
    }
}

/// What this replica hosts and whom it knows.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Membered {
    pub(crate) hosts: Vec<u32>,
    pub(crate) others: Vec<String>,
}

/// Asks for it.
#[derive(Message)]
#[rtype(result = "Membered")]
pub(crate) struct Inspect;

impl Handler<Inspect> for Membership {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Context<Self>) -> MessageResult<Inspect> {
        MessageResult(Membered {
            hosts: self.listening.keys().copied().collect(),
            others: self.others.keys().cloned().collect(),
        })
    }
}

impl Handler<crate::partition::Halt> for Membership {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}
