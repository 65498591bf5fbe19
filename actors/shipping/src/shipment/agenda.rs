//! What a shipment owes the world: a label asked for, a label given back, and what a make-believe carrier does by itself.

use jiff::{SignedDuration, Timestamp};
use runtime::entity::{Agenda, Outcome};

use super::{Command, Errand, Shipment, Status};
use crate::carriers::{self, Order};
use crate::tracking::Sign;

impl Shipment {
    pub(super) fn owes(&self) -> Agenda<Command> {
        let is_cancelled = self.status == Status::Cancelled;
        match (&self.label, self.label_asked_at) {
            (None, Some(at)) if self.label_problem.is_none() && (!is_cancelled || self.label_owed) => {
                let errand = Errand::Label { carrier: self.carrier.clone(), order: Box::new(self.order()) };
                Agenda::nothing().call(self.label_key(), at, carriers::PROVIDER, errand.bytes(), labelled)
            }
            (Some(label), _) if is_cancelled && !self.label_voided => {
                let (carrier, number, label) = (self.carrier.clone(), label.number.clone(), self.label_key());
                let errand = Errand::Void { carrier, number, label };
                let (key, at) = (format!("void/{}", self.plan.id), self.updated_at.unwrap_or_default());
                Agenda::nothing().call(key, at, carriers::PROVIDER, errand.bytes(), voided)
            }
            (Some(_), _) => self.pretends(),
            (None, _) => Agenda::nothing(),
        }
    }

    /// Names the effect of asking for this label, for ever.
    fn label_key(&self) -> String {
        format!("label/{}/{}", self.plan.id, self.label_round)
    }

    fn order(&self) -> Order {
        Order {
            order_id: self.plan.order_id.clone(),
            shipment_id: self.plan.id.clone(),
            tracking_number: self.plan.tracking_number.clone(),
            option_id: self.plan.option_id.clone(),
            warehouse_id: self.plan.warehouse_id.clone(),
            address: self.plan.address.clone(),
            lines: self.plan.lines.clone(),
        }
    }

    /// What a make-believe carrier does next, by its label.
    fn pretends(&self) -> Agenda<Command> {
        let pretence = self.label.as_ref().map(|label| label.pretence).unwrap_or_default();
        let (name, since, after, command) = match self.status {
            Status::LabelReady => ("dispatch", self.label_at, pretence.dispatch_after_s, Command::Dispatch),
            Status::Dispatched => {
                ("accept", self.dispatched_at, pretence.accept_after_s, Command::Pretend(Sign::Accepted))
            }
            Status::Accepted | Status::InTransit => {
                ("deliver", self.accepted_at, pretence.deliver_after_s, Command::Pretend(Sign::Delivered))
            }
            Status::Unknown
            | Status::Planned
            | Status::Delivered
            | Status::Returned
            | Status::Lost
            | Status::Cancelled => return Agenda::nothing(),
        };
        let (Some(since), Some(after)) = (since, after) else { return Agenda::nothing() };
        let at: Timestamp = since.saturating_add(SignedDuration::from_secs(after.into())).unwrap_or(since);
        Agenda::nothing().wake(format!("{name}@{at}"), at, command)
    }
}

fn labelled(outcome: Outcome) -> Command {
    match outcome {
        Outcome::Done(bytes) => match carriers::read_label(&bytes) {
            Ok(label) => Command::Labelled(Box::new(label)),
            Err(error) => Command::NotLabelled(error.to_string()),
        },
        Outcome::Refused(problem) => Command::NotLabelled(problem.detail),
    }
}

fn voided(outcome: Outcome) -> Command {
    match outcome {
        Outcome::Done(_) => Command::Voided(None),
        Outcome::Refused(problem) => Command::Voided(Some(problem.detail)),
    }
}
