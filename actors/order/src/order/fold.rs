//! How an order changes with what happened to it. No rules here: what was decided once must fold for ever.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::deal::{Allotment, Deal};
use super::event::{Event, Step, What};
use super::placed::{
    AmendmentNote, Coupons, Hold, Parcel, ParcelState, Part, Pay, Placed, Reduction, ReturnNote, Stage, Stock, Stuck,
    Undo, add, take,
};
use super::status::Status;
use crate::wire::{Money, Trouble};

impl Placed {
    /// As it was placed.
    pub(super) fn new(deal: Deal, at: Timestamp) -> Placed {
        let nothing = Money::zero(deal.currency());
        Placed {
            stage: Stage::Placing,
            hold: deal.hold_reason.clone().map(|reason| Hold { reason, at }),
            coupons: if deal.redemption_id.is_empty() { Coupons::None } else { Coupons::Planned },
            cart_is_closed: deal.cart_id.is_none(),
            round: 1,
            fills: 0,
            parts: deal.parts.iter().map(Part::planned).collect(),
            pay: if deal.payment_id.is_empty() { Pay::Free } else { Pay::Unasked },
            captured: nothing,
            refunds: Default::default(),
            owed_refunds: Default::default(),
            credited: nothing,
            cancelled: Default::default(),
            reduction: None,
            reductions: 0,
            returns: Default::default(),
            amendments: Default::default(),
            supplements: Vec::new(),
            refunded_by: Default::default(),
            trouble: None,
            stuck: None,
            tries: 0,
            created_at: at,
            updated_at: at,
            deal,
        }
    }

    pub(super) fn fold(&mut self, event: &Event) {
        self.updated_at = event.at;
        match event.what.clone() {
            What::Created(_) => {}
            What::StepDone { step, of } => self.fold_done(step, &of),
            What::StepFailed { step, of, problem } => self.fold_failed(step, &of, problem),
            What::StepUndone { step, by, of } => self.fold_undone(step, by, &of),
            What::Allocated { round, parts } => {
                self.round = round;
                self.parts = parts.iter().map(Part::planned).collect();
            }
            What::Backordered { reservation_id, waiting } => {
                if let Some(part) = self.part_mut(&reservation_id) {
                    part.waiting = waiting;
                }
            }
            What::BackorderFilled { reservation_id, units, number, .. } => {
                self.fills = number;
                if let Some(part) = self.part_mut(&reservation_id) {
                    add(&mut part.came, &units);
                }
            }
            What::PaymentRequested { .. } => {
                self.settle("authorize");
                self.pay = Pay::Requested;
            }
            What::PaymentInReview { .. } => self.pay = Pay::InReview,
            What::ActionRequired { action, .. } => self.pay = Pay::ActionRequired(action),
            What::PaymentAuthorized { .. } => self.pay = Pay::Authorized,
            What::PaymentCaptured { amount, .. } => {
                self.captured = amount;
                self.pay = Pay::Captured;
            }
            What::Confirmed(_) => self.stage = Stage::Capturing,
            What::Paid(_) => self.stage = Stage::Fulfilling,
            What::ParcelUpdated { shipment_id, state, carrier, tracking_number } => {
                self.fold_parcel(&shipment_id, state, &carrier, &tracking_number);
                if state == ParcelState::Cancelled {
                    self.park(&shipment_id);
                }
            }
            What::ParcelSplit { shipment_id, new_shipment_id, lines } => {
                for part in &mut self.parts {
                    let Some(parcel) = part.parcel_mut(&shipment_id) else { continue };
                    take(&mut parcel.lines, &lines);
                    let (carrier, tracking_number) = (String::new(), String::new());
                    let state = ParcelState::Packing;
                    let other = Parcel { lines: lines.clone(), state, carrier, tracking_number };
                    part.parcels.push((new_shipment_id.clone(), other));
                }
            }
            What::Completed { .. } => {
                self.stage = Stage::Completed;
                self.stuck = self.stuck.take().filter(|stuck| stuck.step != Step::CreateShipment);
            }
            What::Updated { status, reason, .. } => {
                self.hold = (status == Status::OnHold).then_some(Hold { reason, at: event.at });
            }
            What::CancelBegan { reason, problem, awaits, .. } => {
                let awaits: BTreeSet<String> = awaits.into_iter().collect();
                self.hold = None;
                self.stuck = None;
                self.stage = Stage::Cancelling(Undo { reason, problem, awaits, late: 0 });
            }
            What::CancelRefused { .. } => self.stage = Stage::Fulfilling,
            What::Cancelled { .. } => {
                if let Stage::Cancelling(undo) = &self.stage {
                    self.stage = Stage::Cancelled(undo.clone());
                }
            }
            What::LatePayment { number, amount, captured, .. } => {
                self.pay = if captured { Pay::Captured } else { Pay::Late };
                if captured {
                    self.captured = amount;
                }
                if let Stage::Cancelling(undo) | Stage::Cancelled(undo) = &mut self.stage {
                    undo.late = number;
                }
            }
            What::Refunded { payment_id, refund_id, amount } => {
                if payment_id != self.deal.payment_id {
                    self.refunded_by.insert(refund_id.clone(), payment_id);
                }
                self.fold_refunded(refund_id, amount);
            }
            What::Stuck { step, of, reason, detail } => {
                self.stuck = Some(Stuck { step, of, reason, detail, at: event.at });
            }
            What::Retried { tries } => {
                self.tries = tries;
                self.stuck = None;
                self.parts.iter_mut().for_each(|part| part.is_parked = false);
            }
            What::ReductionBegan { number, refund_id, units, parts, amount, shares, reason } => {
                let shares = self.owe(&refund_id, amount, shares);
                self.credit(amount);
                self.reductions = number;
                let released = BTreeSet::new();
                self.reduction = Some(Reduction { number, refund_id, units, parts, amount, shares, reason, released });
            }
            What::Reduced { units, .. } => {
                let parts = self.reduction.take().map(|reduction| reduction.parts).unwrap_or_default();
                add(&mut self.cancelled, &units);
                for Allotment { reservation_id, lines, .. } in &parts {
                    let Some(part) = self.part_mut(reservation_id) else { continue };
                    take(&mut part.lines, lines);
                    // Inventory gives up what is waited for before what is held.
                    part.wait_less(lines);
                    if part.lines.is_empty() {
                        part.stock = Stock::Released;
                    }
                }
            }
            What::ReductionRefused { .. } => {
                if let Some(reduction) = self.reduction.take() {
                    for share in &reduction.shares {
                        self.owed_refunds.remove(&share.refund_id);
                    }
                    self.credit(reduction.amount.negated());
                }
            }
            What::ReturnOpened { return_id, units, amendment_id } => {
                let (refund_id, shares, is_closed) = (String::new(), Vec::new(), false);
                self.returns.insert(return_id, ReturnNote { units, refund_id, shares, is_closed, amendment_id });
            }
            What::ReturnClosed { return_id, units, amount, refund_id, shares } => {
                let shares = if refund_id.is_empty() { shares } else { self.owe(&refund_id, amount, shares) };
                self.credit(amount);
                let known = self.returns.get(&return_id).map(|note| note.amendment_id.clone());
                let (amendment_id, is_closed) = (known.unwrap_or_default(), true);
                self.returns.insert(return_id, ReturnNote { units, refund_id, shares, is_closed, amendment_id });
            }
            What::AmendmentOpened { amendment_id, return_id, payment_id, removed } => {
                let note = AmendmentNote { return_id, payment_id, removed, is_open: true };
                self.amendments.insert(amendment_id, note);
            }
            What::AmendmentClosed { amendment_id } => {
                self.amendments.entry(amendment_id).and_modify(|note| note.is_open = false);
            }
            What::Amended(addition) => self.fold_amended(*addition),
        }
        self.put_with_the_rest();
    }

    /// What came is put with what is here, unless a parcel may just be asked for: what is in one is fixed by then.
    fn put_with_the_rest(&mut self) {
        let is_sending = matches!(self.stage, Stage::Fulfilling | Stage::Completed | Stage::Cancelling(_));
        let is_sending = is_sending && !self.is_held_together();
        for part in &mut self.parts {
            let is_fixed = part.stock == Stock::Planned || is_sending && !part.to_pack().is_empty();
            if !is_fixed && !part.came.is_empty() {
                let came = std::mem::take(&mut part.came);
                part.wait_less(&came);
            }
        }
    }

    fn fold_done(&mut self, step: Step, of: &str) {
        match step {
            Step::ReserveCoupons => {
                self.settle("redeem");
                self.coupons = Coupons::Reserved;
            }
            Step::ReserveItems => {
                self.settle(&format!("reserve/{of}"));
                self.set_stock(of, Stock::Held);
            }
            Step::ConfirmItems => self.set_stock(of, Stock::Firm),
            Step::CompleteCart => self.cart_is_closed = true,
            Step::CreateShipment => {
                self.settle(&format!("ship/{of}"));
                self.parcel_asked(of);
            }
            Step::CommitCoupons => self.coupons = Coupons::Committed,
            _ => {}
        }
        self.unstick(step, of);
    }

    fn fold_failed(&mut self, step: Step, of: &str, problem: Trouble) {
        match step {
            Step::ReserveCoupons => {
                self.settle("redeem");
                self.coupons = Coupons::None;
            }
            Step::ReserveItems => {
                self.settle(&format!("reserve/{of}"));
                self.set_stock(of, Stock::Missed);
            }
            Step::ConfirmItems => self.set_stock(of, Stock::Missed),
            Step::ProcessPayment => {
                self.settle("authorize");
                // What was promised is promised still if only taking it failed, and has to be let go.
                if self.pay != Pay::Authorized || self.stage == Stage::Placing {
                    self.pay = Pay::Failed;
                }
            }
            Step::CreateShipment => {
                self.settle(&format!("ship/{of}"));
                self.park(of);
            }
            Step::CompleteCart => self.cart_is_closed = true,
            Step::CommitCoupons => self.coupons = Coupons::Lapsed,
            _ => {}
        }
        self.trouble = Some(problem);
    }

    fn fold_undone(&mut self, step: Step, by: Step, of: &str) {
        match step {
            Step::ReserveCoupons => self.coupons = Coupons::None,
            Step::ReserveItems => {
                let reducing = matches!(self.stage, Stage::Fulfilling | Stage::Completed);
                match self.reduction.as_mut().filter(|_| reducing) {
                    Some(reduction) => drop(reduction.released.insert(of.to_owned())),
                    None => self.set_stock(of, Stock::Released),
                }
            }
            Step::ProcessPayment => self.pay = Pay::Undone,
            Step::CreateShipment => {
                self.settle(&format!("ship/{of}"));
                self.fold_parcel(of, ParcelState::Cancelled, "", "");
            }
            _ => {}
        }
        self.unstick(by, of);
    }

    fn fold_parcel(&mut self, shipment_id: &str, state: ParcelState, carrier: &str, tracking_number: &str) {
        self.parcel_asked(shipment_id);
        for part in &mut self.parts {
            let Some(parcel) = part.parcel_mut(shipment_id) else { continue };
            parcel.state = state;
            if !carrier.is_empty() {
                carrier.clone_into(&mut parcel.carrier);
            }
            if !tracking_number.is_empty() {
                tracking_number.clone_into(&mut parcel.tracking_number);
            }
        }
        let settled = matches!(state, ParcelState::Dispatched | ParcelState::Delivered);
        if settled {
            self.settle(&format!("ship/{shipment_id}"));
        }
    }

    /// Nothing more is sent of a part until somebody has looked.
    fn park(&mut self, shipment_id: &str) {
        let part = self.part_of_shipment(shipment_id).map(|part| part.reservation_id.clone());
        if let Some(part) = part.and_then(|id| self.part_mut(&id)) {
            part.is_parked = true;
        }
    }

    /// A parcel that was asked for is there, whoever says so first.
    fn parcel_asked(&mut self, shipment_id: &str) {
        if self.parcel(shipment_id).is_some() {
            return;
        }
        for part in self.parts.iter_mut().filter(|part| part.next_shipment() == shipment_id) {
            let (carrier, tracking_number) = (String::new(), String::new());
            let lines = part.to_pack();
            let parcel = Parcel { lines, state: ParcelState::Packing, carrier, tracking_number };
            part.parcels.push((shipment_id.to_owned(), parcel));
        }
    }

    fn fold_refunded(&mut self, refund_id: String, amount: Money) {
        // What nobody here asked for was forgiven: it is taken off the bill when it happens.
        let unforeseen = self.owed_refunds.remove(&refund_id).is_none();
        let ends_here = matches!(self.stage, Stage::Cancelling(_) | Stage::Cancelled(_));
        if unforeseen && !ends_here {
            self.credit(amount);
        }
        self.unstick(Step::RefundPayment, &refund_id);
        self.refunds.insert(refund_id, amount);
    }

    pub(super) fn credit(&mut self, amount: Money) {
        self.credited = self.sum([self.credited, amount]);
    }

    fn set_stock(&mut self, reservation_id: &str, stock: Stock) {
        if let Some(part) = self.part_mut(reservation_id) {
            part.stock = stock;
            if matches!(stock, Stock::Missed | Stock::Released) {
                part.waiting.clear();
            }
        }
    }

    pub(super) fn part_mut(&mut self, reservation_id: &str) -> Option<&mut Part> {
        self.parts.iter_mut().find(|part| part.reservation_id == reservation_id)
    }

    /// A call that was waited for has ended, whichever try of it.
    fn settle(&mut self, key: &str) {
        if let Stage::Cancelling(undo) = &mut self.stage {
            undo.awaits.retain(|awaited| {
                awaited.strip_prefix(key).is_none_or(|rest| !(rest.is_empty() || rest.starts_with('/')))
            });
        }
    }

    /// What did not work has worked: this, or for the whole payment any refund of it.
    fn unstick(&mut self, step: Step, of: &str) {
        // What could not go back by another payment than the first is stuck by the name of that payment.
        let other = self.refunded_by.get(of);
        let is_it = |stuck: &Stuck| {
            stuck.step == step && (stuck.of == of || Some(&stuck.of) == other || of == self.deal.payment_id)
        };
        if self.stuck.as_ref().is_some_and(is_it) {
            self.stuck = None;
        }
    }
}
