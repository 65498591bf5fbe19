//! What amendments do to an order: nothing until their stock is held and their difference paid, and then all at once.
//!
//! More than one payment pays an order then. What goes back goes by the first as long as there is something left of it,
//! and then by the others, each refund by the payment that it is of.

use super::command::{Beyond, Refusal};
use super::deal::{Deal, Units};
use super::decide::{Decision, Outcome, beyond, spread};
use super::event::{Addition, What};
use super::placed::{AmendmentNote, Part, Placed, Share, Stage, Stock};
use crate::amendment::Kind;
use crate::wire::{Money, more_refund_id};

impl Placed {
    /// Whether lines of it may change: it is paid, nothing has left, and nothing else is going on.
    ///
    /// # Errors
    /// Why not.
    pub fn may_be_edited(&self, besides: &str) -> Result<(), Refusal> {
        let has_left = self.parcels().any(|(_, parcel)| parcel.state.has_left());
        if self.stage != Stage::Fulfilling || self.hold.is_some() || self.stuck.is_some() || has_left {
            return Err(Refusal::NotEditable(self.status()));
        }
        let mut open = self.amendments.iter().filter(|(_, note)| note.is_open);
        if self.reduction.is_some() || open.any(|(amendment_id, _)| amendment_id != besides) {
            return Err(Refusal::Changing);
        }
        Ok(())
    }

    /// Units of each SKU that the order still holds.
    #[must_use]
    pub fn kept(&self) -> Units {
        let mut kept = Units::new();
        self.deal.lines.iter().for_each(|line| *kept.entry(line.sku.clone()).or_default() += line.quantity);
        super::placed::take(&mut kept, &self.cancelled);
        kept
    }

    /// What of these is more than can be sent back.
    #[must_use]
    pub fn beyond_returnable(&self, units: &Units) -> Vec<Beyond> {
        let mut left = self.shipped();
        super::placed::take(&mut left, &self.returned());
        beyond(units, &left)
    }

    /// What of these has left, or is not there to be taken off.
    #[must_use]
    pub fn beyond_cancellable(&self, units: &Units) -> Vec<Beyond> {
        let mut left = Units::new();
        self.parts.iter().for_each(|part| super::placed::add(&mut left, &part.cancellable()));
        beyond(units, &left)
    }

    pub(super) fn open_amendment(&self, amendment_id: String, note: AmendmentNote) -> Decision {
        if self.amendments.contains_key(&amendment_id) {
            return Ok(Outcome::nothing());
        }
        if note.return_id.is_empty() {
            self.may_be_edited("")?;
        }
        let AmendmentNote { return_id, payment_id, removed, .. } = note;
        Ok(What::AmendmentOpened { amendment_id, return_id, payment_id, removed }.into())
    }

    pub(super) fn close_amendment(&self, amendment_id: String) -> Outcome {
        let Some(note) = self.amendments.get(&amendment_id).filter(|note| note.is_open) else {
            return Outcome::nothing();
        };
        let mut whats = vec![What::AmendmentClosed { amendment_id }];
        let is_waited_for = self.returns.get(&note.return_id).is_some_and(|back| !back.is_closed);
        if is_waited_for {
            let (return_id, amount) = (note.return_id.clone(), self.nothing());
            let (units, refund_id, shares) = (Units::new(), String::new(), Vec::new());
            whats.push(What::ReturnClosed { return_id, units, amount, refund_id, shares });
        }
        whats.into()
    }

    pub(super) fn amend(&self, addition: Box<Addition>, removed: Units, refund: Money) -> Decision {
        let is_open = self.amendments.get(&addition.amendment_id).is_some_and(|note| note.is_open);
        if !is_open {
            return Ok(Outcome::nothing());
        }
        if addition.kind == Kind::Edit {
            self.may_be_edited(&addition.amendment_id)?;
            let beyond = self.beyond_cancellable(&removed);
            if !beyond.is_empty() {
                return Err(Refusal::ExceedsCancellable(beyond));
            }
        }
        let reason = addition.kind.word();
        let mut whats = vec![What::Amended(addition)];
        if self.hold.is_none() {
            let (user_id, status) = (self.deal.user_id.clone(), self.status());
            whats.push(What::Updated { user_id, status, reason: reason.to_owned() });
        }
        if !removed.is_empty() {
            let parts = spread(&self.parts, &removed);
            whats.push(self.reduction_for(removed, parts, refund, reason));
        }
        Ok(whats.into())
    }

    /// What was added is a part of it.
    pub(super) fn fold_amended(&mut self, addition: Addition) {
        let Addition { amendment_id, lines, parts, amount, subtotal, discount_total, tax_total, .. } = addition;
        let part = |allotment| Part { stock: Stock::Firm, ..Part::planned(allotment) };
        self.parts.extend(parts.iter().map(part));
        let Deal { lines: bought, totals, .. } = &mut self.deal;
        bought.extend(lines);
        for (sum, more) in [
            (&mut totals.subtotal, subtotal),
            (&mut totals.discount_total, discount_total),
            (&mut totals.tax_total, tax_total),
            (&mut totals.total, amount),
        ] {
            *sum = sum.plus(more).unwrap_or(*sum);
        }
        self.credit(addition.credited);
        if !addition.payment_id.is_empty() {
            self.supplements.push((addition.payment_id, addition.captured));
        }
        self.amendments.entry(amendment_id).and_modify(|note| note.is_open = false);
    }

    /// What the customer was charged, by all payments.
    #[must_use]
    pub fn charged(&self) -> Money {
        self.sum(self.supplements.iter().map(|(_, captured)| *captured).chain([self.captured]))
    }

    /// A payment of what was added to it.
    #[must_use]
    pub fn is_paid_by(&self, payment_id: &str) -> bool {
        self.supplements.iter().any(|(supplement, _)| supplement == payment_id)
    }

    /// All that goes back for a return did.
    #[must_use]
    pub fn return_is_refunded(&self, return_id: &str) -> bool {
        let shares = self.returns.get(return_id).map(|note| note.shares.as_slice()).unwrap_or_default();
        shares.iter().all(|share| self.refunds.contains_key(&share.refund_id))
    }

    /// What went back by a payment.
    pub(super) fn refunded_of(&self, payment_id: &str) -> Money {
        self.sum(self.refunds.iter().filter(|(id, _)| self.payment_of(id) == payment_id).map(|(_, amount)| *amount))
    }

    /// The payment that a refund is of.
    fn payment_of(&self, refund_id: &str) -> &str {
        self.refunded_by.get(refund_id).unwrap_or(&self.deal.payment_id)
    }

    /// By which payments so much goes back, the first as long as something is left of it.
    #[must_use]
    pub fn shares(&self, amount: Money, refund_id: &str) -> Vec<Share> {
        let mut payments = vec![(self.deal.payment_id.clone(), self.captured)];
        payments.extend(self.supplements.iter().cloned());
        let mut left = amount;
        let mut shares: Vec<Share> = Vec::new();
        for (payment_id, captured) in payments {
            let owed = self.owed_refunds.iter().filter(|(id, _)| self.payment_of(id) == payment_id);
            let spoken_for = self.sum(owed.map(|(_, amount)| *amount).chain([self.refunded_of(&payment_id)]));
            let rest = captured.minus(spoken_for).unwrap_or(self.nothing());
            let amount = if rest.amount() < left.amount() { rest } else { left };
            if amount.is_zero() || amount.is_negative() {
                continue;
            }
            let refund_id = match shares.len() {
                0 => refund_id.to_owned(),
                before => more_refund_id(refund_id, before),
            };
            left = left.minus(amount).unwrap_or(self.nothing());
            shares.push(Share { payment_id, refund_id, amount });
        }
        shares
    }

    /// As it is noted: nothing when all of it goes back by the first payment, as it did before there were others.
    #[must_use]
    pub fn noted(&self, shares: Vec<Share>) -> Vec<Share> {
        let is_plain = shares.iter().all(|share| share.payment_id == self.deal.payment_id);
        if is_plain { Vec::new() } else { shares }
    }

    /// As it was noted: all of it by the first payment, when nothing else is.
    pub(super) fn owe(&mut self, refund_id: &str, amount: Money, noted: Vec<Share>) -> Vec<Share> {
        let (payment_id, refund_id) = (self.deal.payment_id.clone(), refund_id.to_owned());
        let plain = || vec![Share { payment_id, refund_id, amount }];
        let shares = if noted.is_empty() && !amount.is_zero() { plain() } else { noted };
        for Share { payment_id, refund_id, amount } in &shares {
            self.owed_refunds.insert(refund_id.clone(), *amount);
            if *payment_id != self.deal.payment_id {
                self.refunded_by.insert(refund_id.clone(), payment_id.clone());
            }
        }
        shares
    }

    /// Other payments than the first of which something has to go back, when the order is over.
    pub(super) fn supplements_to_give_back(&self) -> Vec<String> {
        let is_left =
            |(payment_id, captured): &&(String, Money)| self.refunded_of(payment_id).amount() < captured.amount();
        self.supplements.iter().filter(is_left).map(|(payment_id, _)| payment_id.clone()).collect()
    }
}
