//! What an order still owes the world: the saga. Derived from the state, never stored.
//!
//! Forwards: coupons, stock, promise, firm stock, confirmation, money, parcels. Backwards: parcels, money, stock,
//! coupons. Each step is asked for when those before it are done, so what a host that dies leaves behind is always a
//! beginning of the list, and the next host goes on from there.

use jiff::Timestamp;

use super::command::Call;
use super::deal::Allotment;
use super::placed::{Coupons, Part, Pay, Placed, Reduction, Stage, Stock, Undo};

/// How many plans are tried: the first and two more. Stock that three plans in a row missed is being fought over, and the
/// customer waits.
pub const ROUNDS_MAX: u32 = 3;

/// One thing that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owed {
    /// To ask this.
    Ask {
        /// Its key: what it is about, and which try it is.
        key: String,
        /// What.
        call: Call,
    },
    /// To give up at this moment.
    Expire(Timestamp),
}

impl Placed {
    /// What is owed.
    #[must_use]
    pub fn owed(&self) -> Vec<Owed> {
        let mut owed = match &self.stage {
            Stage::Placing => self.owed_placing(),
            // What is not here yet is not charged either, if the terms say so.
            Stage::Capturing => {
                let is_due = self.pay == Pay::Authorized && self.is_to_be_charged();
                self.asks(is_due.then_some(Call::Capture))
            }
            Stage::Fulfilling => self.owed_fulfilling(),
            // What an exchange added to it since.
            Stage::Completed => self.asks(self.calls_shipping()),
            Stage::Cancelling(undo) => self.owed_undoing(undo),
            Stage::Cancelled(_) => self.asks(self.owes_money_back().then_some(Call::CancelPayment)),
        };
        let is_paid = matches!(self.stage, Stage::Fulfilling | Stage::Completed);
        if is_paid && self.coupons == Coupons::Reserved {
            owed.extend(self.asks([Call::Commit]));
        }
        owed
    }

    fn owed_placing(&self) -> Vec<Owed> {
        let mut owed = self.asks(self.calls_placing());
        let undecided = matches!(self.pay, Pay::Unasked | Pay::Requested | Pay::ActionRequired(_));
        if undecided {
            owed.push(Owed::Expire(self.deal.expires_at));
        }
        owed
    }

    fn calls_placing(&self) -> Vec<Call> {
        if self.coupons == Coupons::Planned {
            return vec![Call::Redeem];
        }
        let planned = self.calls_for(|part| part.stock == Stock::Planned, Call::Reserve);
        if !planned.is_empty() {
            return planned;
        }
        if self.parts.iter().any(|part| part.stock == Stock::Missed) {
            // Another plan may want the same shelves: what this one holds goes back first.
            let held = self.calls_for(Part::is_held, Call::Release);
            return if held.is_empty() && self.round < ROUNDS_MAX { vec![Call::Allocate] } else { held };
        }
        match self.pay {
            Pay::Unasked => vec![Call::Authorize],
            Pay::Free | Pay::Authorized | Pay::Captured => {
                let mut calls = self.calls_for(|part| part.stock == Stock::Held, Call::Secure);
                calls.extend((!self.cart_is_closed).then_some(Call::CompleteCart));
                calls
            }
            Pay::Requested | Pay::InReview | Pay::ActionRequired(_) | Pay::Failed | Pay::Late | Pay::Undone => vec![],
        }
    }

    fn owed_fulfilling(&self) -> Vec<Owed> {
        let reduction = self.reduction.as_ref();
        let is_reduced =
            |part: &Part| reduction.is_some_and(|r| r.parts.iter().any(|p| p.reservation_id == part.reservation_id));
        let mut calls = Vec::new();
        for part in &self.parts {
            if self.hold.is_some() || is_reduced(part) {
                calls.extend(part.packing().cloned().map(Call::Recall));
            } else if part.is_to_be_sent() && !self.is_held_together() {
                calls.push(Call::Ship(part.next_shipment()));
            }
        }
        calls.extend(reduction.map(|reduction| self.calls_reducing(reduction)).unwrap_or_default());
        self.asks(calls)
    }

    fn calls_shipping(&self) -> Vec<Call> {
        let parts = self.parts.iter().filter(|part| part.is_to_be_sent());
        parts.map(|part| Call::Ship(part.next_shipment())).collect()
    }

    /// Once no parcel with the lines can leave: their money, then their stock.
    fn calls_reducing(&self, reduction: &Reduction) -> Vec<Call> {
        if !self.is_held_back(reduction) {
            return Vec::new();
        }
        let owed = reduction.shares.iter().map(|share| &share.refund_id);
        let owed = owed.filter(|id| self.owed_refunds.contains_key(*id));
        let ask = |id: &String| if *id == reduction.refund_id { Call::Refund } else { Call::RefundMore(id.clone()) };
        let refunds: Vec<Call> = owed.map(ask).collect();
        if !refunds.is_empty() {
            return refunds;
        }
        let left = reduction.parts.iter().filter(|part| !reduction.released.contains(&part.reservation_id));
        left.map(|part| Call::ReleaseSome(part.reservation_id.clone())).collect()
    }

    /// All lines of a reduction are in no parcel.
    pub(super) fn is_held_back(&self, reduction: &Reduction) -> bool {
        reduction.parts.iter().all(|Allotment { reservation_id, lines, .. }| {
            let missing = self.part(reservation_id).map(Part::missing_a_parcel).unwrap_or_default();
            lines.iter().all(|(sku, count)| missing.get(sku).is_some_and(|missing| missing >= count))
        })
    }

    fn owed_undoing(&self, undo: &Undo) -> Vec<Owed> {
        if !undo.awaits.is_empty() {
            let ask = |key: &String| awaited(key).map(|call| Owed::Ask { key: key.clone(), call });
            return undo.awaits.iter().filter_map(ask).collect();
        }
        let packing: Vec<Call> = self.parts.iter().flat_map(Part::packing).cloned().map(Call::Recall).collect();
        if !packing.is_empty() {
            return self.asks(packing);
        }
        if self.parcels().any(|(_, parcel)| parcel.state.has_left()) {
            return Vec::new();
        }
        if self.owes_money_back() {
            return self.asks([Call::CancelPayment]);
        }
        if self.owes_more_back() {
            return self.asks(self.supplements_to_give_back().into_iter().map(Call::CancelSupplement));
        }
        let held = self.calls_for(Part::is_held, Call::Release);
        if !held.is_empty() {
            return self.asks(held);
        }
        self.asks(self.owes_coupons_back().then_some(Call::Withdraw))
    }

    /// Another payment than the first is not back yet.
    pub(super) fn owes_more_back(&self) -> bool {
        !self.supplements_to_give_back().is_empty()
    }

    pub(super) fn owes_coupons_back(&self) -> bool {
        matches!(self.coupons, Coupons::Reserved | Coupons::Committed)
    }

    /// Nothing is left to undo.
    pub(super) fn is_undone(&self, undo: &Undo) -> bool {
        undo.awaits.is_empty()
            && !self.owes_money_back()
            && !self.owes_more_back()
            && !self.owes_coupons_back()
            && !self.parts.iter().any(|part| part.is_held() || part.packing().next().is_some())
    }

    fn calls_for(&self, which: impl Fn(&Part) -> bool, call: impl Fn(String) -> Call) -> Vec<Call> {
        let parts = self.parts.iter().filter(|part| which(part));
        parts.map(|part| call(part.reservation_id.clone())).collect()
    }

    fn asks(&self, calls: impl IntoIterator<Item = Call>) -> Vec<Owed> {
        calls.into_iter().map(|call| Owed::Ask { key: self.key(&call), call }).collect()
    }

    /// The key of a call. What can be tried again by hand says in its key which try it is: the same key is never asked twice.
    #[must_use]
    pub fn key(&self, call: &Call) -> String {
        let tries = self.tries;
        match call {
            Call::Redeem => "redeem".to_owned(),
            Call::Reserve(reservation) => format!("reserve/{reservation}"),
            Call::Allocate => format!("allocate/{}", self.round),
            Call::Authorize => "authorize".to_owned(),
            Call::Secure(reservation) => format!("secure/{reservation}"),
            Call::CompleteCart => "cart".to_owned(),
            Call::Capture => "capture".to_owned(),
            Call::Ship(shipment) => format!("ship/{shipment}/{tries}"),
            Call::Commit => "commit".to_owned(),
            Call::Recall(shipment) => format!("recall/{shipment}/{tries}"),
            Call::CancelPayment => format!("cancel_payment/{}/{tries}", self.late()),
            Call::Release(reservation) => format!("release/{reservation}/{tries}"),
            Call::Refund => format!("refund/{}/{tries}", self.reductions),
            Call::RefundMore(refund) => format!("refund/{refund}/{tries}"),
            Call::CancelSupplement(payment) => format!("give_back/{payment}/{tries}"),
            Call::ReleaseSome(reservation) => format!("reduce/{reservation}/{}/{tries}", self.reductions),
            Call::Withdraw => format!("withdraw/{tries}"),
        }
    }

    fn late(&self) -> u32 {
        match &self.stage {
            Stage::Cancelling(undo) | Stage::Cancelled(undo) => undo.late,
            _ => 0,
        }
    }

    /// Which of these open calls may still do something that nothing here shows yet.
    pub(super) fn may_still_happen(&self, open_calls: &[String]) -> Vec<String> {
        let may = |key: &&String| match awaited(key) {
            Some(Call::Redeem) => self.coupons == Coupons::Planned,
            Some(Call::Reserve(id)) => self.part(&id).is_some_and(|part| part.stock == Stock::Planned),
            Some(Call::Authorize) => self.pay == Pay::Unasked,
            Some(Call::Ship(id)) => self.parcel(&id).is_none() && self.part_of_shipment(&id).is_some(),
            _ => false,
        };
        open_calls.iter().filter(may).cloned().collect()
    }
}

impl Undo {
    /// A call that may still happen is waited for.
    pub(super) fn is_awaited(&self, call: &Call) -> bool {
        self.awaits.iter().any(|key| awaited(key).as_ref() == Some(call))
    }
}

/// The call that a key names, of those that are waited for.
fn awaited(key: &str) -> Option<Call> {
    let mut words = key.split('/');
    match (words.next()?, words.next()) {
        ("redeem", None) => Some(Call::Redeem),
        ("authorize", None) => Some(Call::Authorize),
        ("reserve", Some(id)) => Some(Call::Reserve(id.to_owned())),
        ("ship", Some(id)) => Some(Call::Ship(id.to_owned())),
        _ => None,
    }
}
