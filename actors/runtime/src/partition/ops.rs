//! What operators, the supervisor and tests ask of a partition.

use std::sync::atomic::Ordering;

use actix::prelude::*;

use super::Partition;
use crate::entity::ActorKey;
#[cfg(feature = "testkit")]
use crate::turn::Broken;

/// How a partition is, for people and metrics.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Look {
    pub(crate) partition: u32,
    pub(crate) sequence: u64,
    pub(crate) turns: u64,
    pub(crate) waiting: usize,
    pub(crate) actors_in_memory: usize,
    pub(crate) quarantined: Vec<String>,
    pub(crate) stopped: Option<String>,
}

/// Asks how it is.
#[derive(Message)]
#[rtype(result = "Look")]
pub(crate) struct Inspect;

impl Handler<Inspect> for Partition {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Context<Self>) -> MessageResult<Inspect> {
        MessageResult(Look {
            partition: self.number,
            sequence: self.cursor.sequence,
            turns: self.cursor.number,
            waiting: self.waiting.len(),
            actors_in_memory: self.cells.borrow().in_memory(),
            quarantined: self.quarantine.iter().map(|(actor, why)| format!("{actor}: {why}")).collect(),
            stopped: self.stopped.as_ref().map(ToString::to_string),
        })
    }
}

/// Sets an actor aside by hand, or takes it back.
#[derive(Message)]
#[rtype(result = "bool")]
pub(crate) struct Quarantine {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) aside: bool,
}

impl Handler<Quarantine> for Partition {
    type Result = bool;

    fn handle(&mut self, asked: Quarantine, _: &mut Context<Self>) -> bool {
        let Some(kind) = self.shared.kinds.get(&asked.kind) else { return false };
        let actor = ActorKey { kind: kind.name(), id: asked.id.as_str().into() };
        self.panics.remove(&actor);
        let changed = if asked.aside {
            self.quarantine.insert(actor, "set aside by an operator".to_owned()).is_none()
        } else {
            self.quarantine.remove(&actor).is_some()
        };
        if changed {
            let gauge = &self.shared.gauges.quarantined;
            gauge.store(u64::try_from(self.quarantine.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        changed
    }
}

/// Waits until nothing is under way, so that a stopping host leaves no caller without an answer.
#[derive(Message)]
#[rtype(result = "bool")]
pub(crate) struct IsIdle;

impl Handler<IsIdle> for Partition {
    type Result = bool;

    fn handle(&mut self, _: IsIdle, _: &mut Context<Self>) -> bool {
        self.flight.is_none() && self.waiting.is_empty()
    }
}

/// Stops at once: what is under way is dropped, as by a kill.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Halt;

impl Handler<Halt> for Partition {
    type Result = ();

    fn handle(&mut self, _: Halt, ctx: &mut Context<Self>) {
        ctx.stop();
    }
}

/// Finds its next turn damaged, so that a test can see who serves the partition then.
#[cfg(feature = "testkit")]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Break;

#[cfg(feature = "testkit")]
impl Handler<Break> for Partition {
    type Result = ();

    fn handle(&mut self, _: Break, _: &mut Context<Self>) {
        let reason = "asked to be".to_owned();
        self.stop_serving(Broken::Damaged {
            number: self.cursor.number + 1,
            sequence: self.cursor.sequence + 1,
            reason,
        });
    }
}

/// Panics, so that a test can see what the supervisor does about it.
#[cfg(feature = "testkit")]
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct Die;

#[cfg(feature = "testkit")]
impl Handler<Die> for Partition {
    type Result = ();

    fn handle(&mut self, _: Die, _: &mut Context<Self>) {
        panic!("asked to die");
    }
}
