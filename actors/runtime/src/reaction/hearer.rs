//! The hearer: turns news of another group's partition into commands to own actors.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use actix::prelude::*;
use bytes::Bytes;
use messages::common::v1::Problem;
use messages::runtime::v1::{DeadLetter, Turn};
use prost::Message as _;
use tokio::time::Instant;

use super::{Event, Sieve, WORKING_EVERY, events, pause};
use crate::bus::Headers;
use crate::client::{Call, Client, Failure};
use crate::clock;
use crate::fabric::{Error, Heard, Letter};
use crate::fold;
use crate::group::{News, Reaction};
use crate::headers::{self, Caller, CommandId, CommandKey, Fingerprint, token};
use crate::log::Entry;
use crate::replica::{Gauges, Shared};
use crate::request::plus;
use crate::view::{React, ViewsActor};

/// How often an event that cannot be understood is tried before it is put aside.
const TRIES_MAX: u32 = 3;
/// The header of a dead letter that says why.
pub(crate) const REASON: &str = "Shop-Reason";

/// The actor that hears one partition of one source.
pub(crate) struct Hearer {
    ear: Arc<Ear>,
    _watch: crate::supervisor::Watch,
}

/// What a hearer works with.
pub(crate) struct Ear {
    pub(crate) shared: Arc<Shared>,
    pub(crate) client: Client,
    pub(crate) views: Addr<ViewsActor>,
    pub(crate) source: &'static messages::Group,
    pub(crate) heard_types: &'static [&'static str],
    pub(crate) partition: u32,
}

/// How trying an event ended.
enum Tried {
    Done,
    /// Try again; it is the world's fault.
    Later(String),
    /// It will not get better by itself.
    Poison(String),
}

impl Hearer {
    pub(crate) fn new(ear: Ear, watch: crate::supervisor::Watch) -> Hearer {
        Hearer { ear: Arc::new(ear), _watch: watch }
    }
}

impl Actor for Hearer {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Context<Self>) {
        let ear = self.ear.clone();
        ctx.spawn(async move { ear.run().await }.into_actor(self));
    }
}

impl Ear {
    /// Tries a dead letter once more.
    pub(crate) async fn replay(
        shared: &Arc<Shared>,
        client: &Client,
        views: &Addr<ViewsActor>,
        letter: &Letter,
    ) -> Result<(), String> {
        let dead = DeadLetter::decode(letter.payload.clone()).map_err(|e| e.to_string())?;
        let turn = Turn::decode(dead.turn.as_slice()).map_err(|e| e.to_string())?;
        let mut tokens = letter.subject.split('.').skip(3);
        let (source, partition) = (tokens.next().unwrap_or_default(), tokens.next().and_then(|p| p.parse().ok()));
        let source = messages::Group::named(source).ok_or_else(|| format!("there is no group {source}"))?;
        let ear = Ear {
            shared: shared.clone(),
            client: client.clone(),
            views: views.clone(),
            heard_types: &[],
            partition: partition.unwrap_or(0),
            source,
        };
        let event = events(&turn).find(|event| event.index == dead.event_index);
        let event = event.ok_or("the turn holds no such event")?;
        match ear.try_event(&turn, &event).await {
            Tried::Done => Ok(()),
            Tried::Later(reason) | Tried::Poison(reason) => Err(reason),
        }
    }

    async fn run(&self) {
        let mut failures = 0;
        let mut sieve = Sieve::default();
        loop {
            match self.hear(&mut sieve, &mut failures).await {
                Ok(never) => match never {},
                Err(failure) => {
                    let (source, partition) = (self.source.name, self.partition);
                    tracing::warn!(cause = %failure, source, partition, "hearing pauses");
                    failures += 1;
                    tokio::time::sleep(pause(failures)).await;
                }
            }
        }
    }

    async fn hear(&self, sieve: &mut Sieve, failures: &mut u32) -> Result<std::convert::Infallible, Error> {
        let mut hearing = self.shared.fabric.hear(self.source, self.shared.name(), self.partition).await?;
        let mut aside = self.put_aside().await?;
        loop {
            let heard = hearing.next().await?;
            match sieve.turn(&heard.entry) {
                Ok(Some(turn)) => self.work_through(&heard, &turn, &mut aside).await?,
                Ok(None) => {}
                Err(undecodable) => {
                    self.put_away(&heard.entry, None, "-", &undecodable.to_string(), TRIES_MAX).await?;
                }
            }
            heard.receipt.done().await?;
            *failures = 0;
        }
    }

    /// Actors of the source whose news wait among the dead letters.
    async fn put_aside(&self) -> Result<BTreeSet<String>, Error> {
        let letters = self.shared.fabric.letters(self.letters_of(">")).await?;
        Ok(letters.iter().filter_map(|letter| letter.subject.rsplit('.').next()).map(str::to_owned).collect())
    }

    fn letters_of(&self, actor: &str) -> String {
        format!("shop.dlq.{}.{}.{}.{actor}", self.shared.name(), self.source.name, self.partition)
    }

    async fn work_through(&self, heard: &Heard, turn: &Turn, aside: &mut BTreeSet<String>) -> Result<(), Error> {
        let mut said_working = Instant::now();
        for event in events(turn).filter(|event| self.heard_types.contains(&event.event.r#type.as_str())) {
            let actor = token(event.id);
            if aside.contains(&actor) && self.still_aside(&actor, aside).await? {
                let reason = "earlier news of the same actor were put aside";
                self.put_away(&heard.entry, Some(&event), &actor, reason, 0).await?;
                continue;
            }
            let (mut tries, mut waits) = (0, 0);
            loop {
                let pause_for = match self.try_event(turn, &event).await {
                    Tried::Done => break,
                    Tried::Poison(reason) if tries + 1 >= TRIES_MAX => {
                        self.put_away(&heard.entry, Some(&event), &actor, &reason, TRIES_MAX).await?;
                        aside.insert(actor.clone());
                        break;
                    }
                    Tried::Poison(_) => {
                        tries += 1;
                        pause(tries)
                    }
                    Tried::Later(reason) => {
                        waits += 1;
                        if waits % 10 == 0 {
                            tracing::warn!(reason, waits, source = self.source.name, "news wait for the world");
                        }
                        pause(waits)
                    }
                };
                if said_working.elapsed() >= WORKING_EVERY {
                    heard.receipt.working().await?;
                    said_working = Instant::now();
                }
                tokio::time::sleep(pause_for).await;
                heard.receipt.working().await?;
            }
        }
        Ok(())
    }

    /// Whether an actor's letters are still there; an operator may have replayed or dropped them.
    async fn still_aside(&self, actor: &str, aside: &mut BTreeSet<String>) -> Result<bool, Error> {
        let letters = self.shared.fabric.letters(self.letters_of(actor)).await?;
        if letters.is_empty() {
            aside.remove(actor);
        }
        Ok(!letters.is_empty())
    }

    #[tracing::instrument(name = "react", level = "debug", skip_all, fields(source = self.source.name, event = event.event.r#type))]
    async fn try_event(&self, turn: &Turn, event: &Event<'_>) -> Tried {
        let news = News {
            source: self.source.name,
            event_type: event.event.r#type.clone(),
            data: Bytes::copy_from_slice(&event.event.data),
            at: fold::time_of(turn),
        };
        let reactions = match self.views.send(React(news)).await {
            Ok(Ok(Ok(reactions))) => reactions,
            Ok(Ok(Err(undecodable))) => return Tried::Poison(undecodable.to_string()),
            Ok(Err(problem)) if problem.code == "panicked" => return Tried::Poison(problem.detail),
            Ok(Err(problem)) => return Tried::Later(problem.detail),
            Err(_) => return Tried::Later("the views are being restarted".to_owned()),
        };
        for (number, reaction) in numbered(reactions) {
            match self.tell(turn, event, number, reaction).await {
                Tried::Done => {}
                other => return other,
            }
        }
        Tried::Done
    }

    async fn tell(&self, turn: &Turn, event: &Event<'_>, number: usize, reaction: Reaction) -> Tried {
        let number = u64::try_from(number).unwrap_or(u64::MAX).to_le_bytes();
        let parts: [&[u8]; 6] = [
            self.source.name.as_bytes(),
            &turn.turn_id,
            &event.index.to_le_bytes(),
            reaction.route.name.as_bytes(),
            reaction.key.as_bytes(),
            &number,
        ];
        let id = CommandId::derived(&parts);
        let deadline = plus(self.client.clock().now(), headers::ASK_TIMEOUT);
        let mut call = Call::new(reaction.route, Some(reaction.key), reaction.request, deadline);
        call.command = Some(CommandKey { id, fingerprint: Fingerprint::default(), keyed: true });
        call.caller = Caller::service(self.shared.name());
        call.correlation = event.commit.correlation_id.clone();
        call.request = event.commit.request_id.clone();
        call.trace = event.commit.traceparent.parse().ok();
        match self.client.ask(&call).await {
            Ok(_) => Tried::Done,
            Err(Failure::Refused { problem, .. }) => judged(problem),
            Err(failure @ (Failure::Unavailable { .. } | Failure::Unknown { .. })) => Tried::Later(failure.to_string()),
        }
    }

    async fn put_away(
        &self,
        entry: &Entry,
        event: Option<&Event<'_>>,
        actor: &str,
        reason: &str,
        tries: u32,
    ) -> Result<(), Error> {
        Gauges::add(&self.shared.gauges.dead_letters, 1);
        let (source, sequence) = (self.source.name, entry.sequence);
        tracing::error!(source, sequence, actor, reason, "news were put aside");
        let index = event.map_or(0, |event| event.index);
        let letter = DeadLetter {
            stream: source.to_uppercase(),
            sequence,
            event_index: index,
            reaction: format!("{} on {source}", self.shared.name()),
            reason: reason.to_owned(),
            tries,
            turn: entry.payload.to_vec(),
            at: Some(clock::to_wire(self.shared.clock.now())),
        };
        let mut said = Headers::new();
        said.insert(REASON, reason.replace(['\r', '\n'], " "));
        let id = format!("{}-{source}-{}-{sequence}-{index}", self.shared.name(), self.partition);
        self.shared.fabric.store(self.letters_of(actor), id, said, letter.encode_to_vec().into()).await
    }
}

/// Numbers reactions among those that say the same to the same actor. What is said to others may differ from one hearing
/// to the next, because reactions may look at read models; it must not change the name of what is said to this one.
fn numbered(reactions: Vec<Reaction>) -> Vec<(usize, Reaction)> {
    let mut seen: BTreeMap<(&'static str, String), usize> = BTreeMap::new();
    let number = |reaction: Reaction| {
        let number = seen.entry((reaction.route.name, reaction.key.clone())).or_default();
        *number += 1;
        (*number - 1, reaction)
    };
    reactions.into_iter().map(number).collect()
}

/// What a refusal of the own group means for an event.
fn judged(problem: Problem) -> Tried {
    use messages::problem::Kind;
    let said = format!("{}: {}", problem.code, problem.detail);
    match Kind::of(&problem) {
        Kind::Unavailable | Kind::Timeout | Kind::Exhausted => Tried::Later(said),
        Kind::Internal => Tried::Poison(said),
        // Malformed means the reaction itself is wrong; it will be wrong again.
        Kind::Invalid => Tried::Poison(said),
        // The business said no. That is an outcome.
        _ => Tried::Done,
    }
}

impl Handler<crate::partition::Halt> for Hearer {
    type Result = ();

    fn handle(&mut self, _: crate::partition::Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

#[cfg(test)]
mod tests {
    use messages::inventory::v1::{ListItemRequest, rpc};

    use super::*;

    #[test]
    fn what_is_said_to_one_actor_is_named_the_same_whoever_else_is_told() {
        let say = |key: &str| Reaction::command::<rpc::ListItem>(key, &ListItemRequest::default());
        let numbers = |keys: &[&str]| -> Vec<(usize, String)> {
            numbered(keys.iter().map(|key| say(key)).collect()).into_iter().map(|(n, r)| (n, r.key)).collect()
        };
        let b = (0, "b".to_owned());
        assert_eq!(numbers(&["a", "b", "a"]), [(0, "a".to_owned()), b.clone(), (1, "a".to_owned())]);
        assert_eq!(numbers(&["b"]), [b]);
    }
}
