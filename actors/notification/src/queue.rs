//! The queue of an endpoint: which deliveries are being tried, which wait, and in which order they go.
//!
//! Every event noted for an endpoint gets the next number. Numbers are taken up in order; what happened to one entity is
//! delivered in order, because an entity has one delivery under way at most and later ones wait behind it. Different
//! entities go side by side, [`LANES_MAX`] at once: a failing one holds its own lane only, and an endpoint that fails as
//! a whole is not hammered. What lies beyond the lanes costs nothing but its number.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

/// How many entities have a delivery under way at once. 32 tries of 15 s keep an endpoint that hangs busy with two posts
/// a second.
pub const LANES_MAX: usize = 32;
/// How many deliveries wait behind others of their entity before nothing more is taken up.
pub const BEHIND_MAX: usize = 1_024;

/// The one delivery of an entity that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Its number.
    pub number: u64,
    /// It is being posted; or it failed and waits until then.
    pub until: Option<Timestamp>,
}

/// The state of a queue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The endpoint; empty when nothing was ever noted for it.
    pub endpoint_id: String,
    /// The highest number.
    pub noted: u64,
    /// How many numbers have been taken up; the next to be taken up is the one after.
    pub taken_up: u64,
    /// What is under way, by entity.
    pub lanes: BTreeMap<String, Lane>,
    /// What waits for its entity's lane, by entity.
    pub behind: BTreeMap<String, VecDeque<u64>>,
    /// Nothing is posted for now.
    pub stopped: bool,
    /// When the endpoint last took one.
    pub last_delivered_at: Option<Timestamp>,
}

/// What can be asked of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Give the next number.
    Note,
    /// Take up this number, of this entity.
    Take(u64, String),
    /// The wait of this number is over.
    TryAgain(u64, String),
    /// This number failed and waits until then.
    Postpone(u64, String, Timestamp),
    /// This number is over; whether the endpoint took it.
    Release(u64, String, bool),
    /// Post nothing for now.
    Stop,
    /// Post again.
    Start,
    /// Take up everything from this number on once more.
    Rewind(u64),
    /// Take up this one number once more.
    Requeue(u64, String),
}

/// What can have happened to a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The endpoint.
    pub endpoint_id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened. Texts are entities.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A number was given.
    Noted(u64),
    /// It is being posted.
    Taken(u64, String),
    /// It waits behind another of its entity.
    Held(u64, String),
    /// It failed and waits until then.
    Postponed(u64, String, Timestamp),
    /// Its lane is free; whether the endpoint took it. If not, it was given up or comes again in its place.
    Released(u64, String, bool),
    /// Nothing is posted for now.
    Stopped,
    /// Posting goes on.
    Started,
    /// Everything from this number on comes once more.
    Rewound(u64),
    /// This one comes once more.
    Requeued(u64, String),
}

/// A queue never says no: what does not fit any more has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {}

/// What is to be taken up next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This number, which waits for the lane of this entity; the lane is free.
    Behind(u64, String),
    /// This number, whoever it is of.
    Fresh(u64),
}

impl Queue {
    /// What is to be taken up next; `None` when nothing can be.
    #[must_use]
    pub fn next(&self) -> Option<Next> {
        if self.stopped || self.lanes.len() >= LANES_MAX {
            return None;
        }
        let free = self.behind.iter().find(|(entity, _)| !self.lanes.contains_key(*entity));
        if let Some((entity, number)) = free.and_then(|(entity, numbers)| Some((entity, numbers.front()?))) {
            return Some(Next::Behind(*number, entity.clone()));
        }
        let behind: usize = self.behind.values().map(VecDeque::len).sum();
        (self.taken_up < self.noted && behind < BEHIND_MAX).then_some(Next::Fresh(self.taken_up + 1))
    }

    /// How many deliveries are not over.
    #[must_use]
    pub fn pending(&self) -> u64 {
        let behind: usize = self.behind.values().map(VecDeque::len).sum();
        let under_way = u64::try_from(self.lanes.len() + behind).unwrap_or(u64::MAX);
        (self.noted - self.taken_up).saturating_add(under_way)
    }

    fn lane_is(&self, entity: &str, number: u64) -> bool {
        self.lanes.get(entity).is_some_and(|lane| lane.number == number)
    }

    /// Whether a number will be taken up, whatever becomes of the lane.
    fn comes_again(&self, number: u64, entity: &str) -> bool {
        number > self.taken_up || self.behind.get(entity).is_some_and(|behind| behind.contains(&number))
    }

    fn decided(&self, command: Command) -> Option<What> {
        match command {
            Command::Note => Some(What::Noted(self.noted + 1)),
            Command::Take(..) if self.stopped => None,
            Command::Take(number, entity) => match self.next()? {
                Next::Behind(next, of) => (next == number && of == entity).then_some(What::Taken(number, entity)),
                Next::Fresh(next) if next != number => None,
                Next::Fresh(_) if self.lanes.contains_key(&entity) => Some(What::Held(number, entity)),
                Next::Fresh(_) => Some(What::Taken(number, entity)),
            },
            Command::TryAgain(number, entity) => {
                let waits = self.lanes.get(&entity).is_some_and(|lane| lane.number == number && lane.until.is_some());
                (waits && !self.stopped).then_some(What::Taken(number, entity))
            }
            // It was gone back behind while it was being posted, so it comes again in its place; to wait for it here
            // would let it overtake those before it.
            Command::Postpone(number, entity, until) if self.lane_is(&entity, number) => {
                let again = self.comes_again(number, &entity);
                Some(if again { What::Released(number, entity, false) } else { What::Postponed(number, entity, until) })
            }
            Command::Postpone(..) => None,
            Command::Release(number, entity, delivered) => {
                self.lane_is(&entity, number).then_some(What::Released(number, entity, delivered))
            }
            Command::Stop => (!self.stopped).then_some(What::Stopped),
            Command::Start => self.stopped.then_some(What::Started),
            Command::Rewind(number) => (1..=self.taken_up).contains(&number).then_some(What::Rewound(number)),
            Command::Requeue(number, entity) => {
                let pending = self.comes_again(number, &entity) || self.lane_is(&entity, number);
                (!pending).then_some(What::Requeued(number, entity))
            }
        }
    }

    fn not_behind(&mut self, number: u64, entity: &str) {
        if let Some(behind) = self.behind.get_mut(entity) {
            behind.retain(|waiting| *waiting != number);
            if behind.is_empty() {
                self.behind.remove(entity);
            }
        }
    }
}

impl Entity for Queue {
    const KIND: &'static str = "queue";
    const FOLD: u32 = 1;
    type Command = (String, Command);
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, (endpoint_id, command): (String, Command), facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let what = self.decided(command);
        Ok(what.map(|what| Event { endpoint_id, at: facts.now, what }).into_iter().collect())
    }

    fn evolve(&mut self, event: &Event) {
        self.endpoint_id.clone_from(&event.endpoint_id);
        match &event.what {
            What::Noted(number) => self.noted = *number,
            What::Taken(number, entity) => {
                self.not_behind(*number, entity);
                self.taken_up = self.taken_up.max(*number);
                self.lanes.insert(entity.clone(), Lane { number: *number, until: None });
            }
            What::Held(number, entity) => {
                self.taken_up = self.taken_up.max(*number);
                self.behind.entry(entity.clone()).or_default().push_back(*number);
            }
            What::Postponed(number, entity, until) => {
                self.lanes.insert(entity.clone(), Lane { number: *number, until: Some(*until) });
            }
            What::Released(_, entity, delivered) => {
                self.lanes.remove(entity);
                if *delivered {
                    self.last_delivered_at = Some(event.at);
                }
            }
            What::Stopped => self.stopped = true,
            What::Started => self.stopped = false,
            What::Rewound(number) => {
                self.taken_up = number - 1;
                // What comes again must not come twice; what is being posted right now is let finish.
                self.lanes.retain(|_, lane| lane.number < *number || lane.until.is_none());
                self.behind.values_mut().for_each(|behind| behind.retain(|waiting| waiting < number));
                self.behind.retain(|_, behind| !behind.is_empty());
            }
            What::Requeued(number, entity) => self.behind.entry(entity.clone()).or_default().push_back(*number),
        }
    }

    fn agenda(&self) -> Agenda<(String, Command)> {
        let mut agenda = Agenda::nothing();
        if self.stopped {
            return agenda;
        }
        for (entity, Lane { number, until }) in &self.lanes {
            let Some(until) = until else { continue };
            let key = format!("again/{number}/{}", until.as_microsecond());
            let command = (self.endpoint_id.clone(), Command::TryAgain(*number, entity.clone()));
            agenda = agenda.wake(key, *until, command);
        }
        agenda
    }
}

#[cfg(test)]
mod tests;
