//! What an order makes of news. They cannot be refused, only answered: money that comes for an order that is over goes
//! back, a parcel that leaves while it is being stopped stays with the order.

use super::command::{Answer, Call, ParcelNews, PaymentNews, RefundNews};
use super::deal::Units;
use super::decide::{Outcome, failed, is_gone, stuck};
use super::event::{Step, What};
use super::placed::{ParcelState, Pay, Placed, Reduction, Stage};
use crate::wire::{Money, Trouble};

/// Why an order waits when a parcel that had been stopped left.
pub(super) const LEFT_ANYWAY: &str = "left_anyway";

impl Placed {
    pub(super) fn heard_payment(&self, news: PaymentNews) -> Outcome {
        match news {
            PaymentNews::Pending => Outcome::nothing(),
            PaymentNews::InReview => self.heard_review(),
            PaymentNews::ActionRequired(action) => {
                let payment_id = self.deal.payment_id.clone();
                let is_new = self.pay != Pay::ActionRequired(action.clone());
                let asked = What::ActionRequired { payment_id, action };
                if self.is_undecided() && is_new { asked.into() } else { Outcome::nothing() }
            }
            PaymentNews::Authorized(amount) => self.heard_authorized(amount),
            PaymentNews::Captured(amount) => self.heard_captured(amount),
            PaymentNews::Declined(problem) => self.heard_declined(problem),
            PaymentNews::CaptureFailed(problem) => self.heard_capture_failed(problem),
            PaymentNews::Voided => self.heard_voided(),
        }
    }

    /// The money is neither promised nor refused yet.
    fn is_undecided(&self) -> bool {
        self.stage == Stage::Placing
            && matches!(self.pay, Pay::Unasked | Pay::Requested | Pay::InReview | Pay::ActionRequired(_))
    }

    fn heard_review(&self) -> Outcome {
        let is_new = self.is_undecided() && self.pay != Pay::InReview;
        let looked_at = What::PaymentInReview { payment_id: self.deal.payment_id.clone() };
        if is_new { looked_at.into() } else { Outcome::nothing() }
    }

    fn heard_authorized(&self, amount: Money) -> Outcome {
        match &self.stage {
            Stage::Placing if self.is_undecided() => {
                let payment_id = self.deal.payment_id.clone();
                let promised = Outcome::from(What::PaymentAuthorized { payment_id, amount });
                let differs = amount != self.deal.totals.total;
                promised.and_cancel_if(differs, || Trouble::amount_differs(&self.deal.order_id))
            }
            Stage::Placing | Stage::Capturing | Stage::Fulfilling | Stage::Completed => Outcome::nothing(),
            Stage::Cancelling(_) | Stage::Cancelled(_) => self.heard_late(amount, false),
        }
    }

    fn heard_captured(&self, amount: Money) -> Outcome {
        let payment_id = self.deal.payment_id.clone();
        let is_known = self.captured == amount;
        match &self.stage {
            _ if is_known => Outcome::nothing(),
            Stage::Placing | Stage::Capturing => What::PaymentCaptured { payment_id, amount }.into(),
            Stage::Fulfilling | Stage::Completed => self.amount_differs().into(),
            Stage::Cancelling(_) | Stage::Cancelled(_) if self.owes_money_back() => {
                What::PaymentCaptured { payment_id, amount }.into()
            }
            Stage::Cancelling(_) | Stage::Cancelled(_) => self.heard_late(amount, true),
        }
    }

    /// Charged is not what the customer was told. Somebody has to look.
    pub(super) fn amount_differs(&self) -> What {
        let (step, of, reason) = (Step::ProcessPayment, self.deal.payment_id.clone(), "amount_differs".to_owned());
        What::Stuck { step, of, reason, detail: "the payment is about another amount than the order".to_owned() }
    }

    /// Money for an order that is over, or nearly. What is owed back already covers it.
    fn heard_late(&self, amount: Money, captured: bool) -> Outcome {
        let (Stage::Cancelling(undo) | Stage::Cancelled(undo)) = &self.stage else { return Outcome::nothing() };
        // An authorisation that is still asked for is undone when its answer is here.
        if self.owes_money_back() || undo.awaits.contains("authorize") {
            return Outcome::nothing();
        }
        let payment_id = self.deal.payment_id.clone();
        What::LatePayment { payment_id, number: undo.late + 1, amount, captured }.into()
    }

    fn heard_declined(&self, problem: Trouble) -> Outcome {
        let payment_id = self.deal.payment_id.clone();
        match &self.stage {
            Stage::Placing | Stage::Capturing if !matches!(self.pay, Pay::Captured | Pay::Failed | Pay::Free) => {
                let failed = failed(Step::ProcessPayment, payment_id, &problem);
                let mut outcome = Outcome::from(failed).and_cancel(problem);
                if self.stage == Stage::Capturing {
                    outcome.whats.push(self.payment_undone());
                }
                outcome
            }
            Stage::Placing | Stage::Capturing | Stage::Fulfilling | Stage::Completed => Outcome::nothing(),
            // A payment that failed holds nothing.
            Stage::Cancelling(_) | Stage::Cancelled(_) if self.owes_money_back() && self.captured.is_zero() => {
                self.payment_undone().into()
            }
            Stage::Cancelling(_) | Stage::Cancelled(_) => Outcome::nothing(),
        }
    }

    fn heard_capture_failed(&self, problem: Trouble) -> Outcome {
        match &self.stage {
            Stage::Capturing if self.pay == Pay::Authorized => {
                let failed = failed(Step::ProcessPayment, self.deal.payment_id.clone(), &problem);
                Outcome::from(failed).and_cancel(problem)
            }
            // What was promised is being let go already.
            Stage::Placing
            | Stage::Capturing
            | Stage::Fulfilling
            | Stage::Completed
            | Stage::Cancelling(_)
            | Stage::Cancelled(_) => Outcome::nothing(),
        }
    }

    fn heard_voided(&self) -> Outcome {
        let charged = !self.captured.is_zero();
        match &self.stage {
            _ if charged || !self.owes_money_back() => Outcome::nothing(),
            Stage::Placing | Stage::Capturing => {
                let problem = Trouble::payment_voided(&self.deal.order_id);
                let failed = failed(Step::ProcessPayment, self.deal.payment_id.clone(), &problem);
                Outcome::from(vec![failed, self.payment_undone()]).and_cancel(problem)
            }
            Stage::Fulfilling | Stage::Completed => Outcome::nothing(),
            Stage::Cancelling(_) | Stage::Cancelled(_) => self.payment_undone().into(),
        }
    }

    pub(super) fn payment_undone(&self) -> What {
        let of = self.deal.payment_id.clone();
        What::StepUndone { step: Step::ProcessPayment, by: Step::RefundPayment, of }
    }

    pub(super) fn cancel_answered(&self, answer: Answer) -> Outcome {
        let charged = !self.captured.is_zero();
        match answer {
            // Accepted: what becomes of it is news. If nothing was held, there will be none.
            Answer::Payment(PaymentNews::Voided | PaymentNews::Declined(_)) if !charged => self.payment_undone().into(),
            Answer::Refused(problem) if is_gone(&problem) && !charged => self.payment_undone().into(),
            Answer::Refused(problem) => stuck(Step::RefundPayment, self.deal.payment_id.clone(), &problem).into(),
            Answer::Done | Answer::Waiting(_) | Answer::Plan(_) | Answer::Payment(_) | Answer::Refund(_) => {
                Outcome::nothing()
            }
        }
    }

    pub(super) fn heard_refund(&self, news: RefundNews) -> Outcome {
        self.heard_refund_by(self.deal.payment_id.clone(), news)
    }

    pub(super) fn heard_refund_by(&self, payment_id: String, news: RefundNews) -> Outcome {
        match news {
            RefundNews::Pending => Outcome::nothing(),
            RefundNews::Processed { refund_id, .. } if self.refunds.contains_key(&refund_id) => Outcome::nothing(),
            RefundNews::Processed { refund_id, amount } => What::Refunded { payment_id, refund_id, amount }.into(),
            RefundNews::Failed { refund_id, reason } => self.heard_refund_failed(refund_id, reason),
        }
    }

    fn heard_refund_failed(&self, refund_id: String, reason: String) -> Outcome {
        let is_over = matches!(self.stage, Stage::Cancelling(_) | Stage::Cancelled(_));
        let is_of = |reduction: &Reduction| reduction.shares.iter().any(|share| share.refund_id == refund_id);
        let is_reduction = self.reduction.as_ref().is_some_and(is_of);
        // A return is stuck by itself, and what somebody else gave back is theirs to look after.
        let ours = is_reduction
            || is_over
                && (self.owes_money_back() || self.owes_more_back())
                && self.return_of_refund(&refund_id).is_none();
        let already = self.refunds.contains_key(&refund_id) || self.stuck.is_some();
        if !ours || already {
            return Outcome::nothing();
        }
        stuck(Step::RefundPayment, refund_id, &Trouble::refund_failed(&reason)).into()
    }

    /// What came is noted as long as something may still be sent.
    pub(super) fn filled(&self, reservation_id: String, units: Units) -> Outcome {
        let is_over = matches!(self.stage, Stage::Cancelled(_));
        if is_over || self.part(&reservation_id).is_none() {
            return Outcome::nothing();
        }
        let (user_id, status, number) = (self.deal.user_id.clone(), self.status(), self.fills + 1);
        What::BackorderFilled { user_id, reservation_id, units, status, number }.into()
    }

    pub(super) fn heard_parcel(&self, shipment_id: &str, news: ParcelNews) -> Outcome {
        if self.part_of_shipment(shipment_id).is_none() {
            return Outcome::nothing();
        }
        let state = match (self.parcel(shipment_id), &self.stage) {
            (Some(parcel), _) => parcel.state,
            // It was asked for and not answered yet: it is being packed.
            (None, Stage::Fulfilling) => ParcelState::Packing,
            // Of what an exchange added to an order that had arrived.
            (None, Stage::Completed) if self.lacks_a_parcel(shipment_id) => ParcelState::Packing,
            (None, Stage::Cancelling(undo)) if undo.is_awaited(&Call::Ship(shipment_id.to_owned())) => {
                ParcelState::Packing
            }
            // Nobody may have asked for it.
            (None, Stage::Completed | Stage::Cancelling(_) | Stage::Cancelled(_)) => ParcelState::Cancelled,
            (None, Stage::Placing | Stage::Capturing) => return Outcome::nothing(),
        };
        match (state, news) {
            (ParcelState::Packing, ParcelNews::Dispatched { carrier, tracking_number }) => {
                moved(shipment_id, ParcelState::Dispatched, carrier, tracking_number).into()
            }
            (ParcelState::Dispatched, ParcelNews::Dispatched { carrier, tracking_number }) => {
                let is_known = self.parcel(shipment_id).is_some_and(|parcel| !parcel.tracking_number.is_empty());
                let told = moved(shipment_id, ParcelState::Dispatched, carrier, tracking_number);
                if is_known { Outcome::nothing() } else { told.into() }
            }
            (ParcelState::Cancelled, ParcelNews::Dispatched { carrier, tracking_number }) => {
                self.left_anyway(shipment_id, ParcelState::Dispatched, carrier, tracking_number)
            }
            (ParcelState::Packing | ParcelState::Dispatched | ParcelState::Lost, ParcelNews::Delivered) => {
                moved(shipment_id, ParcelState::Delivered, String::new(), String::new()).into()
            }
            (ParcelState::Cancelled, ParcelNews::Delivered) => {
                self.left_anyway(shipment_id, ParcelState::Delivered, String::new(), String::new())
            }
            (ParcelState::Packing, ParcelNews::Cancelled) => self.parcel_stopped(shipment_id),
            (ParcelState::Packing | ParcelState::Dispatched, ParcelNews::Lost) => {
                self.parcel_gone(shipment_id, ParcelState::Lost, "parcel_lost", "the carrier has lost the parcel")
            }
            (ParcelState::Packing | ParcelState::Dispatched, ParcelNews::Returned) => {
                let detail = "the parcel could not be delivered and came back";
                self.parcel_gone(shipment_id, ParcelState::Returned, "parcel_returned", detail)
            }
            // Whatever is believed of the one, the other is being packed.
            (_, ParcelNews::Split { new_shipment_id, lines }) if self.parcel(&new_shipment_id).is_none() => {
                self.split(shipment_id, new_shipment_id, lines)
            }
            (ParcelState::Delivered | ParcelState::Lost | ParcelState::Returned, ParcelNews::Dispatched { .. })
            | (ParcelState::Delivered | ParcelState::Returned, ParcelNews::Delivered)
            | (
                ParcelState::Dispatched
                | ParcelState::Delivered
                | ParcelState::Cancelled
                | ParcelState::Lost
                | ParcelState::Returned,
                ParcelNews::Cancelled,
            )
            | (
                ParcelState::Delivered | ParcelState::Cancelled | ParcelState::Lost | ParcelState::Returned,
                ParcelNews::Lost | ParcelNews::Returned,
            )
            | (_, ParcelNews::Split { .. }) => Outcome::nothing(),
        }
    }

    fn split(&self, shipment_id: &str, new_shipment_id: String, lines: Units) -> Outcome {
        let mut whats = Vec::new();
        if self.parcel(shipment_id).is_none() {
            whats.push(What::StepDone { step: Step::CreateShipment, of: shipment_id.to_owned() });
        }
        whats.push(What::ParcelSplit { shipment_id: shipment_id.to_owned(), new_shipment_id, lines });
        whats.into()
    }

    /// Stopped: because the order wanted it, or by somebody at the warehouse, who then has a reason.
    fn parcel_stopped(&self, shipment_id: &str) -> Outcome {
        let part = self.part_of_shipment(shipment_id).map(|part| &part.reservation_id);
        let reduced = self
            .reduction
            .as_ref()
            .is_some_and(|reduction| reduction.parts.iter().any(|allotment| Some(&allotment.reservation_id) == part));
        let wanted = self.hold.is_some() || reduced || matches!(self.stage, Stage::Cancelling(_));
        if wanted {
            let (step, by, of) = (Step::CreateShipment, Step::CancelShipment, shipment_id.to_owned());
            return What::StepUndone { step, by, of }.into();
        }
        let detail = "the warehouse has stopped the parcel";
        self.parcel_gone(shipment_id, ParcelState::Cancelled, "parcel_cancelled", detail)
    }

    fn parcel_gone(&self, shipment_id: &str, state: ParcelState, reason: &str, detail: &str) -> Outcome {
        let moved = moved(shipment_id, state, String::new(), String::new());
        let (reason, detail) = (reason.to_owned(), detail.to_owned());
        let looked_at = What::Stuck { step: Step::CreateShipment, of: shipment_id.to_owned(), reason, detail };
        let over = matches!(self.stage, Stage::Cancelled(_));
        if over { moved.into() } else { vec![moved, looked_at].into() }
    }

    /// Shipping said that it was stopped, and then that it left.
    fn left_anyway(&self, shipment_id: &str, state: ParcelState, carrier: String, tracking: String) -> Outcome {
        let moved = moved(shipment_id, state, carrier, tracking);
        let (reason, detail) = (LEFT_ANYWAY.to_owned(), "a parcel that had been stopped has left".to_owned());
        let looked_at = What::Stuck { step: Step::CancelShipment, of: shipment_id.to_owned(), reason, detail };
        vec![moved, looked_at].into()
    }
}

fn moved(shipment_id: &str, state: ParcelState, carrier: String, tracking_number: String) -> What {
    What::ParcelUpdated { shipment_id: shipment_id.to_owned(), state, carrier, tracking_number }
}
