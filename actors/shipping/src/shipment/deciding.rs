//! What a shipment says to a command: every state and every command.

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};

use super::{Command, Contents, Event, Leaving, Line, Plan, Refusal, Shipment, Status, What};
use crate::tracking::{self, Sign, Tracked};

use Status::{Accepted, Cancelled, Delivered, Dispatched, InTransit, LabelReady, Lost, Planned, Returned, Unknown};

impl Entity for Shipment {
    const KIND: &'static str = "shipment";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let whats = match command {
            Command::Plan(plan) => return self.plan(*plan, facts.now),
            Command::Stop if self.status == Unknown => vec![],
            _ if self.status == Unknown => return Err(Refusal::NotFound),
            Command::Give { to, lines } => self.give(to, lines)?,
            Command::Relabel(carrier) => self.relabel(carrier)?,
            // A second label can only be the first one again: the carrier knows it by its key.
            Command::Labelled(_) | Command::NotLabelled(_) if self.label.is_some() => vec![],
            Command::Labelled(label) => {
                let (carrier, tracking_number) = (self.carrier.clone(), self.plan.tracking_number.clone());
                vec![What::Labelled { carrier, tracking_number, label: *label }]
            }
            Command::NotLabelled(reason) => vec![What::NotLabelled { carrier: self.carrier.clone(), reason }],
            Command::Voided(_) if self.label_voided || self.status != Cancelled => vec![],
            Command::Voided(problem) => vec![What::Voided(problem)],
            Command::Dispatch => self.dispatch()?,
            Command::Accept => self.accept()?,
            Command::Deliver => self.deliver()?,
            Command::Return => self.come_back()?,
            Command::Lose => self.lose()?,
            Command::Track(tracked) => self.track(*tracked)?,
            Command::Pretend(sign) => self.track(pretended(sign, facts.now))?,
            Command::Cancel => self.cancel(!facts.open_calls.is_empty())?,
            Command::Stop => self.cancel(!facts.open_calls.is_empty()).unwrap_or_default(),
        };
        Ok(whats.into_iter().map(|what| self.event(facts.now, what)).collect())
    }

    fn evolve(&mut self, event: &Event) {
        self.fold(event);
    }

    fn agenda(&self) -> Agenda<Command> {
        self.owes()
    }
}

impl Shipment {
    fn event(&self, at: Timestamp, what: What) -> Event {
        let Plan { id, order_id, user_id, .. } = self.plan.clone();
        Event { id, order_id, user_id, at, what }
    }

    fn plan(&self, plan: Plan, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        let is_the_same = self.plan.order_id == plan.order_id
            && self.plan.reservation_id == plan.reservation_id
            && self.plan.split_from == plan.split_from;
        match self.status {
            Unknown => {
                let (id, order_id, user_id) = (plan.id.clone(), plan.order_id.clone(), plan.user_id.clone());
                Ok(vec![Event { id, order_id, user_id, at, what: What::Planned(Box::new(plan)) }])
            }
            _ if is_the_same => Ok(vec![]),
            _ => Err(Refusal::AlreadyExists),
        }
    }

    fn give(&self, to: String, lines: Vec<Line>) -> Result<Vec<What>, Refusal> {
        match self.status {
            Planned | LabelReady => {}
            Cancelled => return Err(Refusal::Cancelled),
            Unknown | Dispatched | Accepted | InTransit | Delivered | Returned | Lost => return Err(self.has_left()),
        }
        let here = |sku: &str| self.plan.lines.iter().find(|line| line.sku == sku).map_or(0, |line| line.quantity);
        let beyond = lines.iter().filter(|line| line.quantity > here(&line.sku));
        let beyond: Vec<_> = beyond.map(|line| (line.sku.clone(), line.quantity, here(&line.sku))).collect();
        if !beyond.is_empty() {
            return Err(Refusal::ExceedsShipment { lines: beyond });
        }
        let count = |lines: &[Line]| lines.iter().map(|line| line.quantity).fold(0, i64::saturating_add);
        if count(&lines) == count(&self.plan.lines) {
            return Err(Refusal::NothingLeft);
        }
        Ok(vec![What::Gave { to, lines }])
    }

    fn relabel(&self, carrier: Option<String>) -> Result<Vec<What>, Refusal> {
        let carrier = carrier.unwrap_or_else(|| self.carrier.clone());
        match self.status {
            Planned if self.label_problem.is_some() => Ok(vec![What::Relabelling { carrier }]),
            // Nobody knows whether it has made one: another would be a second.
            Planned => Err(Refusal::LabelUnderWay),
            LabelReady if carrier == self.carrier => Ok(vec![]),
            LabelReady => Err(Refusal::LabelExists),
            Cancelled => Err(Refusal::Cancelled),
            Unknown | Dispatched | Accepted | InTransit | Delivered | Returned | Lost => Err(self.has_left()),
        }
    }

    fn dispatch(&self) -> Result<Vec<What>, Refusal> {
        match self.status {
            Unknown | Planned => Err(Refusal::LabelMissing),
            LabelReady => Ok(vec![What::Dispatched(self.leaving())]),
            Dispatched | Accepted | InTransit | Delivered | Returned | Lost => Ok(vec![]),
            Cancelled => Err(Refusal::Cancelled),
        }
    }

    fn accept(&self) -> Result<Vec<What>, Refusal> {
        match self.status {
            Unknown | Planned | LabelReady => Err(Refusal::NotDispatched),
            Dispatched => Ok(self.onward(Accepted)),
            Accepted | InTransit | Delivered | Returned | Lost => Ok(vec![]),
            Cancelled => Err(Refusal::Cancelled),
        }
    }

    fn deliver(&self) -> Result<Vec<What>, Refusal> {
        match self.status {
            Unknown | Planned | LabelReady => Err(Refusal::NotDispatched),
            Dispatched | Accepted | InTransit | Lost => Ok(self.onward(Delivered)),
            Delivered => Ok(vec![]),
            Returned => Err(Refusal::Returned),
            Cancelled => Err(Refusal::Cancelled),
        }
    }

    fn come_back(&self) -> Result<Vec<What>, Refusal> {
        match self.status {
            Unknown | Planned | LabelReady => Err(Refusal::NotDispatched),
            Dispatched | Accepted | InTransit | Lost => Ok(self.onward(Returned)),
            Returned => Ok(vec![]),
            Delivered => Err(Refusal::Delivered),
            Cancelled => Err(Refusal::Cancelled),
        }
    }

    fn lose(&self) -> Result<Vec<What>, Refusal> {
        match self.status {
            Unknown | Planned | LabelReady => Err(Refusal::NotDispatched),
            Dispatched | Accepted | InTransit => Ok(self.onward(Lost)),
            Lost => Ok(vec![]),
            Delivered => Err(Refusal::Delivered),
            Returned => Err(Refusal::Returned),
            Cancelled => Err(Refusal::Cancelled),
        }
    }

    /// News cannot be refused, only noted; they move the parcel when they are ahead of what is known.
    fn track(&self, tracked: Tracked) -> Result<Vec<What>, Refusal> {
        if self.tracking.iter().any(|known| known.carrier_event_id == tracked.carrier_event_id) {
            return Ok(vec![]);
        }
        let moves = target(tracked.sign).map(|to| self.onward(to)).unwrap_or_default();
        if moves.is_empty() && self.tracking.len() >= tracking::EVENTS_MAX {
            return Err(Refusal::TrackingFull);
        }
        Ok([vec![What::Tracked(tracked)], moves].concat())
    }

    /// The label call may have begun: then the label is learnt of before it is given back.
    fn cancel(&self, label_owed: bool) -> Result<Vec<What>, Refusal> {
        match self.status {
            Planned | LabelReady => {
                let label_owed = label_owed && self.label.is_none();
                Ok(vec![What::Cancelled { contents: self.contents(), label_owed }])
            }
            Cancelled => Ok(vec![]),
            Unknown | Dispatched | Accepted | InTransit | Delivered | Returned | Lost => Err(self.has_left()),
        }
    }

    /// All that happens between here and there; nothing when there is not ahead.
    fn onward(&self, to: Status) -> Vec<What> {
        let mut whats = Vec::new();
        if rank(to) <= rank(self.status) {
            return whats;
        }
        if rank(self.status) < rank(Dispatched) {
            whats.push(What::Dispatched(self.leaving()));
        }
        // Also of what was lost on the ramp or came straight back: its units are on no shelf any more.
        if rank(self.status) < rank(Accepted) {
            whats.push(What::Completed(self.leaving()));
        }
        whats.extend(match to {
            InTransit => Some(What::InTransit),
            Delivered => Some(What::Delivered { email: self.plan.email.clone() }),
            Returned => Some(What::Returned(self.contents())),
            Lost => Some(What::Lost { lines: self.plan.lines.clone() }),
            Unknown | Planned | LabelReady | Dispatched | Accepted | Cancelled => None,
        });
        whats
    }

    fn has_left(&self) -> Refusal {
        Refusal::AlreadyDispatched(self.plan.id.clone())
    }

    fn contents(&self) -> Contents {
        let Plan { warehouse_id, reservation_id, lines, .. } = self.plan.clone();
        Contents { warehouse_id, reservation_id, lines }
    }

    fn leaving(&self) -> Leaving {
        let label = self.label.clone().unwrap_or_default();
        Leaving {
            contents: self.contents(),
            carrier: self.carrier.clone(),
            tracking_number: self.plan.tracking_number.clone(),
            carrier_number: label.number,
            carrier_url: label.url,
            email: self.plan.email.clone(),
        }
    }
}

/// How far a carrier's word brings a parcel.
fn target(sign: Sign) -> Option<Status> {
    match sign {
        Sign::Notice => None,
        Sign::Accepted => Some(Accepted),
        Sign::InTransit | Sign::OutForDelivery | Sign::DeliveryFailed => Some(InTransit),
        Sign::Delivered => Some(Delivered),
        Sign::Returned => Some(Returned),
        Sign::Lost => Some(Lost),
    }
}

/// What is further. A lost parcel may turn up; one that arrived, came back or was cancelled stays so.
fn rank(status: Status) -> u8 {
    match status {
        Unknown => 0,
        Planned => 1,
        LabelReady => 2,
        Dispatched => 3,
        Accepted => 4,
        InTransit => 5,
        Lost => 6,
        Delivered | Returned => 7,
        Cancelled => 8,
    }
}

fn pretended(sign: Sign, now: Timestamp) -> Tracked {
    let (carrier_event_id, place) = (format!("pretended-{sign:?}").to_lowercase(), String::new());
    Tracked { carrier_event_id, sign, occurred_at: now, place, detail: String::new(), recorded_at: now }
}
