//! What follows from what happened: everything is held, so the order is confirmed; all is undone, so it is over.

use jiff::Timestamp;

use super::command::Command;
use super::deal::{Allotment, Units};
use super::decide::Outcome;
use super::event::{Bill, Confirmation, Event, Step, What};
use super::news::LEFT_ANYWAY;
use super::owed::ROUNDS_MAX;
use super::placed::{ParcelState, Part, Pay, Placed, Reduction, Stage, Stock, add};
use crate::wire::Trouble;

impl Placed {
    /// The open calls but the one whose answer this is.
    pub(super) fn open_besides(&self, command: &Command, open_calls: &[String]) -> Vec<String> {
        let mut open = open_calls.to_vec();
        if let Command::Answered(call, _) = command {
            let key = self.key(call);
            let is_try_of = |other: &String| Placed::is_same_call(other, &key);
            open.retain(|other| !is_try_of(other));
        }
        open
    }

    /// Two tries of one call differ in nothing but the number at the end.
    fn is_same_call(left: &str, right: &str) -> bool {
        let call = |key: &str| key.split('/').take(2).map(str::to_owned).collect::<Vec<_>>();
        call(left) == call(right)
    }

    /// The events of an outcome, and all that follow from them.
    pub(super) fn carry_out(&self, outcome: Outcome, now: Timestamp, open_calls: &[String]) -> Vec<Event> {
        let mut placed = self.clone();
        let mut events = Vec::new();
        let mut next = outcome;
        while next != Outcome::nothing() {
            let mut whats = std::mem::take(&mut next.whats);
            loop {
                for what in whats.drain(..) {
                    let event = Event { order_id: placed.deal.order_id.clone(), at: now, what };
                    placed.fold(&event);
                    events.push(event);
                }
                // Which calls may still happen is told by the state after the refusal.
                let Some((reason, problem)) = next.cancel.take() else { break };
                if !matches!(placed.stage, Stage::Cancelling(_) | Stage::Cancelled(_) | Stage::Completed) {
                    let awaits = placed.may_still_happen(open_calls);
                    let user_id = placed.deal.user_id.clone();
                    whats.push(What::CancelBegan { user_id, reason, problem, awaits });
                }
            }
            next = if events.is_empty() { Outcome::nothing() } else { placed.follow() };
        }
        events
    }

    fn follow(&self) -> Outcome {
        match &self.stage {
            Stage::Placing => self.follow_placing(),
            Stage::Capturing => self.follow_capturing(),
            Stage::Fulfilling => match &self.reduction {
                Some(reduction) => self.follow_reducing(reduction),
                None if self.has_arrived() => self.completed().into(),
                None => Outcome::nothing(),
            },
            Stage::Completed => Outcome::nothing(),
            Stage::Cancelling(undo) => {
                if !undo.awaits.is_empty() || self.parts.iter().any(|part| part.packing().next().is_some()) {
                    Outcome::nothing()
                } else if self.parcels().any(|(_, parcel)| parcel.state.has_left()) {
                    let unheard_of = self.stuck.as_ref().is_some_and(|stuck| stuck.reason == LEFT_ANYWAY);
                    if unheard_of { Outcome::nothing() } else { self.go_on_with_what_left(&undo.reason) }
                } else if self.money_is_back() {
                    self.payment_undone().into()
                } else if self.is_undone(undo) {
                    self.cancelled(&undo.reason)
                } else {
                    Outcome::nothing()
                }
            }
            Stage::Cancelled(_) if self.money_is_back() => self.payment_undone().into(),
            Stage::Cancelled(_) => Outcome::nothing(),
        }
    }

    fn follow_placing(&self) -> Outcome {
        let has = |stock| self.parts.iter().any(|part| part.stock == stock);
        if has(Stock::Missed) && !has(Stock::Planned) && self.round >= ROUNDS_MAX {
            let problem = self.trouble.clone().unwrap_or_else(|| Trouble::out_of_stock(&self.deal.order_id));
            return Outcome::nothing().and_cancel(problem);
        }
        if self.hold.is_none() && self.is_ready() { self.confirmed().into() } else { Outcome::nothing() }
    }

    fn follow_capturing(&self) -> Outcome {
        let total = self.deal.totals.total;
        match self.pay {
            Pay::Free => self.paid().into(),
            Pay::Captured if self.captured == total => {
                let of = self.deal.payment_id.clone();
                vec![What::StepDone { step: Step::ProcessPayment, of }, self.paid()].into()
            }
            // Neither less nor more than the customer was told.
            Pay::Captured if self.stuck.is_none() => self.amount_differs().into(),
            _ => Outcome::nothing(),
        }
    }

    fn follow_reducing(&self, reduction: &Reduction) -> Outcome {
        let mut parts = reduction.parts.iter().filter_map(|allotment| self.part(&allotment.reservation_id));
        if parts.clone().any(|part| part.packing().next().is_some()) {
            return Outcome::nothing();
        }
        if !self.is_held_back(reduction) {
            let left = |part: &Part| part.parcels.iter().find(|(_, p)| p.state.has_left()).map(|(id, _)| id.clone());
            return match parts.find_map(left).filter(|_| self.stuck.is_none()) {
                Some(shipment_id) => What::ReductionRefused { number: reduction.number, shipment_id }.into(),
                None => Outcome::nothing(),
            };
        }
        let is_back = !reduction.shares.iter().any(|share| self.owed_refunds.contains_key(&share.refund_id));
        let is_released = reduction.parts.iter().all(|part| reduction.released.contains(&part.reservation_id));
        if !(is_back && is_released) {
            return Outcome::nothing();
        }
        let Reduction { number, units, amount, .. } = reduction.clone();
        What::Reduced { user_id: self.deal.user_id.clone(), number, units, amount }.into()
    }

    /// Everything that has to be sent is in a parcel that has arrived. Nothing has, if nothing is.
    fn has_arrived(&self) -> bool {
        let mut live = self.parcels().filter(|(_, parcel)| parcel.state.is_live());
        live.all(|(_, parcel)| parcel.state == ParcelState::Delivered)
            && self.parts.iter().all(|part| part.missing_a_parcel().is_empty())
    }

    /// Everything that the first payment charged went back.
    fn money_is_back(&self) -> bool {
        let refunded = self.refunded_of(&self.deal.payment_id);
        self.pay == Pay::Captured && refunded.amount() >= self.captured.amount()
    }

    /// Parcels could not be stopped: the order goes on with them, and without the rest.
    fn go_on_with_what_left(&self, reason: &str) -> Outcome {
        let left = self.parts.iter().flat_map(|part| &part.parcels).filter(|(_, parcel)| parcel.state.has_left());
        let shipment_ids = left.map(|(id, _)| id.clone()).collect();
        let mut whats = vec![What::CancelRefused { user_id: self.deal.user_id.clone(), shipment_ids }];
        let rest = |part: &Part| Allotment { lines: part.missing_a_parcel(), ..part.allotment() };
        let rest: Vec<Allotment> = self.parts.iter().map(rest).filter(|part| !part.lines.is_empty()).collect();
        if !rest.is_empty() {
            let mut units = Units::new();
            rest.iter().for_each(|part| add(&mut units, &part.lines));
            whats.push(self.reduction_of(units, rest, reason));
        }
        whats.into()
    }

    fn confirmed(&self) -> What {
        let deal = &self.deal;
        What::Confirmed(Box::new(Confirmation {
            user_id: deal.user_id.clone(),
            email: deal.email.clone(),
            total: deal.totals.total,
            parts: self.parts.iter().map(Part::allotment).collect(),
            ship_to: deal.ship_to.clone(),
            option: deal.option.clone(),
            awaited: self.awaited(),
        }))
    }

    fn paid(&self) -> What {
        let deal = &self.deal;
        What::Paid(Box::new(Bill {
            user_id: deal.user_id.clone(),
            payment_id: deal.payment_id.clone(),
            amount: deal.totals.total,
            lines: deal.lines.clone(),
            totals: deal.totals.clone(),
            bill_to: deal.ship_to.clone(),
        }))
    }

    fn cancelled(&self, reason: &str) -> Outcome {
        let deal = &self.deal;
        let over = What::Cancelled {
            user_id: deal.user_id.clone(),
            email: deal.email.clone(),
            reason: reason.to_owned(),
            payment_id: deal.payment_id.clone(),
            parts: self.parts.iter().map(Part::allotment).collect(),
        };
        vec![What::StepUndone { step: Step::CreateOrder, by: Step::CancelOrder, of: String::new() }, over].into()
    }
}
