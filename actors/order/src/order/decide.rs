//! What an order makes of a command: the wishes of people, the answers to what it asked, and news.
//!
//! A wish can be refused. An answer and news are facts: they cannot be refused, only answered, and one that changes
//! nothing any more is "already so".

use jiff::Timestamp;

use super::command::{Answer, Beyond, Call, Command, Refusal};
use super::deal::{Allotment, Units};
use super::event::{Step, What};
use super::owed::Owed;
use super::placed::{AmendmentNote, ParcelState, Part, Pay, Placed, ReturnNote, Stage};
use super::status::Status;
use crate::wire::{Money, Trouble, refund_id};

/// What comes of a command: events, and whether the order is to be undone after them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) whats: Vec<What>,
    pub(super) cancel: Option<(String, Option<Trouble>)>,
}

impl Outcome {
    pub(super) fn nothing() -> Outcome {
        Outcome::default()
    }

    pub(super) fn and_cancel(mut self, problem: Trouble) -> Outcome {
        self.cancel = Some((problem.code().to_owned(), Some(problem)));
        self
    }

    pub(super) fn and_cancel_if(self, so: bool, problem: impl FnOnce() -> Trouble) -> Outcome {
        if so { self.and_cancel(problem()) } else { self }
    }
}

impl From<What> for Outcome {
    fn from(what: What) -> Outcome {
        Outcome { whats: vec![what], cancel: None }
    }
}

impl From<Vec<What>> for Outcome {
    fn from(whats: Vec<What>) -> Outcome {
        Outcome { whats, cancel: None }
    }
}

pub(super) type Decision = Result<Outcome, Refusal>;

impl Placed {
    pub(super) fn decide(&self, command: Command, now: Timestamp, open_calls: &[String]) -> Decision {
        match command {
            Command::Place(_) => Err(Refusal::AlreadyExists),
            Command::Answered(call, answer) => Ok(self.answered(call, answer)),
            Command::Payment(news) => Ok(self.heard_payment(news)),
            Command::Refund(news) => Ok(self.heard_refund(news)),
            Command::Parcel { shipment_id, news } => Ok(self.heard_parcel(&shipment_id, news)),
            Command::Filled { reservation_id, units } => Ok(self.filled(reservation_id, units)),
            Command::Hold(reason) => self.hold(reason, open_calls),
            Command::Approve => self.approve(open_calls),
            Command::Cancel { reason, units: None } => self.cancel(reason),
            Command::Cancel { reason, units: Some(units) } => self.reduce(reason, units, open_calls),
            Command::SetStatus { status, reason } => self.set_status(status, reason, open_calls),
            Command::Retry => self.retry(),
            Command::Expire => Ok(self.expire(now)),
            Command::OpenReturn { return_id, units, amendment_id } => self.open_return(return_id, units, amendment_id),
            Command::CloseReturn { return_id, units, amount, refund_id, shares } => {
                let is_open = self.returns.get(&return_id).is_some_and(|note| !note.is_closed);
                let closed = What::ReturnClosed { return_id, units, amount, refund_id, shares };
                Ok(if is_open { closed.into() } else { Outcome::nothing() })
            }
            Command::OpenAmendment { amendment_id, return_id, payment_id, removed } => {
                let note = AmendmentNote { return_id, payment_id, removed, is_open: true };
                self.open_amendment(amendment_id, note)
            }
            Command::CloseAmendment { amendment_id } => Ok(self.close_amendment(amendment_id)),
            Command::Amend { addition, removed, refund } => self.amend(addition, removed, refund),
            Command::SupplementRefund { payment_id, news } => Ok(self.heard_refund_by(payment_id, news)),
        }
    }

    /// A call of one of these kinds is under way, and what it changes is not known yet.
    fn is_changing(&self, open_calls: &[String], kinds: &[&str]) -> bool {
        open_calls.iter().any(|key| kinds.iter().any(|kind| key.split('/').next() == Some(kind)))
    }

    fn not_allowed(&self) -> Refusal {
        Refusal::TransitionNotAllowed { status: self.status(), next_states: self.next_states() }
    }

    fn updated(&self, status: Status, reason: String) -> Outcome {
        What::Updated { user_id: self.deal.user_id.clone(), status, reason }.into()
    }

    fn hold(&self, reason: String, open_calls: &[String]) -> Decision {
        let may = match self.stage {
            Stage::Placing | Stage::Capturing => true,
            Stage::Fulfilling => !self.parcels().any(|(_, parcel)| parcel.state.has_left()),
            Stage::Completed | Stage::Cancelling(_) | Stage::Cancelled(_) => false,
        };
        if !may {
            return Err(self.not_allowed());
        }
        if self.reduction.is_some() || self.is_changing(open_calls, &["ship"]) {
            return Err(Refusal::Changing);
        }
        let is_so = self.hold.as_ref().is_some_and(|hold| hold.reason == reason);
        Ok(if is_so { Outcome::nothing() } else { self.updated(Status::OnHold, reason) })
    }

    fn approve(&self, open_calls: &[String]) -> Decision {
        let status = match self.stage {
            Stage::Placing => Status::Pending,
            Stage::Capturing => Status::Confirmed,
            Stage::Fulfilling => Status::Processing,
            Stage::Completed | Stage::Cancelling(_) | Stage::Cancelled(_) => return Err(self.not_allowed()),
        };
        if self.hold.is_none() {
            return Ok(Outcome::nothing());
        }
        if self.is_changing(open_calls, &["recall"]) {
            return Err(Refusal::Changing);
        }
        Ok(self.updated(status, String::new()))
    }

    fn cancel(&self, reason: &str) -> Decision {
        match &self.stage {
            Stage::Cancelling(_) | Stage::Cancelled(_) => return Ok(Outcome::nothing()),
            Stage::Completed => return Err(Refusal::AlreadyShipped),
            Stage::Fulfilling if self.parcels().any(|(_, parcel)| parcel.state.has_left()) => {
                return Err(Refusal::AlreadyShipped);
            }
            Stage::Fulfilling if self.reduction.is_some() => return Err(Refusal::Changing),
            Stage::Placing | Stage::Capturing | Stage::Fulfilling => {}
        }
        Ok(Outcome { whats: Vec::new(), cancel: Some((reason.to_owned(), None)) })
    }

    fn reduce(&self, reason: &str, units: Units, open_calls: &[String]) -> Decision {
        match &self.stage {
            Stage::Placing | Stage::Capturing => return Err(Refusal::NotPaidYet),
            Stage::Completed => return Err(Refusal::AlreadyShipped),
            Stage::Cancelling(_) | Stage::Cancelled(_) => return Err(Refusal::Cancelled),
            Stage::Fulfilling if self.reduction.is_some() || self.is_changing(open_calls, &["ship", "recall"]) => {
                return Err(Refusal::Changing);
            }
            Stage::Fulfilling => {}
        }
        let beyond = self.beyond_cancellable(&units);
        if !beyond.is_empty() {
            return Err(Refusal::ExceedsCancellable(beyond));
        }
        // All that is left of it is the whole order.
        if units == self.kept() {
            return self.cancel(reason);
        }
        let parts = spread(&self.parts, &units);
        Ok(self.reduction_of(units, parts, reason).into())
    }

    /// Lines that are to be cancelled, with what the customer paid for them.
    pub(super) fn reduction_of(&self, units: Units, parts: Vec<Allotment>, reason: &str) -> What {
        let amount = self.worth(&units);
        self.reduction_for(units, parts, amount, reason)
    }

    /// Lines that are to be cancelled, with what goes back for them.
    pub(super) fn reduction_for(&self, units: Units, parts: Vec<Allotment>, amount: Money, reason: &str) -> What {
        let number = self.reductions + 1;
        let refund_id = refund_id(&self.deal.order_id, number);
        let shares = self.noted(self.shares(amount, &refund_id));
        What::ReductionBegan { number, refund_id, units, parts, amount, shares, reason: reason.to_owned() }
    }

    fn set_status(&self, status: Status, reason: String, open_calls: &[String]) -> Decision {
        if status == self.status() {
            return Ok(Outcome::nothing());
        }
        if !self.next_states().contains(&status) {
            return Err(self.not_allowed());
        }
        match status {
            Status::OnHold => self.hold(reason, open_calls),
            Status::Confirmed | Status::Processing if self.status() == Status::OnHold && self.hold.is_some() => {
                self.approve(open_calls)
            }
            Status::Cancelled => self.cancel("staff_request"),
            Status::Completed => Ok(self.completed().into()),
            // The rest comes about by what happens, not by anybody's word.
            Status::Pending
            | Status::RequiresAction
            | Status::Confirmed
            | Status::Processing
            | Status::PartiallyShipped
            | Status::Shipped
            | Status::Cancelling => Err(self.not_allowed()),
        }
    }

    pub(super) fn completed(&self) -> What {
        What::Completed { user_id: self.deal.user_id.clone(), amount: self.billed() }
    }

    fn retry(&self) -> Decision {
        let may = self.stuck.is_some() || matches!(self.stage, Stage::Cancelling(_));
        if may { Ok(What::Retried { tries: self.tries + 1 }.into()) } else { Err(Refusal::NotStuck) }
    }

    fn expire(&self, now: Timestamp) -> Outcome {
        let undecided = matches!(self.pay, Pay::Unasked | Pay::Requested | Pay::ActionRequired(_));
        let so = self.stage == Stage::Placing && undecided && now >= self.deal.expires_at;
        Outcome::nothing().and_cancel_if(so, || Trouble::payment_expired(&self.deal.order_id))
    }

    fn open_return(&self, return_id: String, units: Units, amendment_id: String) -> Decision {
        if self.returns.contains_key(&return_id) {
            return Ok(Outcome::nothing());
        }
        let beyond = self.beyond_returnable(&units);
        if beyond.is_empty() {
            Ok(What::ReturnOpened { return_id, units, amendment_id }.into())
        } else {
            Err(Refusal::ExceedsReturnable(beyond))
        }
    }

    /// The return that a refund is for.
    #[must_use]
    pub fn return_of_refund(&self, refund_id: &str) -> Option<&str> {
        let is_for = |(_, note): &(&String, &ReturnNote)| {
            note.refund_id == refund_id || note.shares.iter().any(|share| share.refund_id == refund_id)
        };
        self.returns.iter().find(is_for).map(|(return_id, _)| return_id.as_str())
    }
}

impl Part {
    /// What of it has not left.
    pub(super) fn cancellable(&self) -> Units {
        let mut units = self.lines.clone();
        let left = self.parcels.iter().filter(|(_, parcel)| parcel.state.has_left());
        left.for_each(|(_, parcel)| super::placed::take(&mut units, &parcel.lines));
        units
    }
}

/// Where more was asked for than there is.
pub(super) fn beyond(asked: &Units, there: &Units) -> Vec<Beyond> {
    let available = |sku: &str| there.get(sku).copied().unwrap_or(0);
    let beyond = asked.iter().filter(|(sku, count)| **count > available(sku));
    beyond.map(|(sku, count)| Beyond { sku: sku.clone(), requested: *count, available: available(sku) }).collect()
}

/// From which parts units are taken: as many from the first as it has.
pub(super) fn spread(parts: &[Part], units: &Units) -> Vec<Allotment> {
    let mut wanted = units.clone();
    let mut taken = Vec::new();
    for part in parts {
        let mut lines = part.cancellable();
        lines.retain(|sku, count| {
            *count = (*count).min(wanted.get(sku).copied().unwrap_or(0));
            *count > 0
        });
        super::placed::take(&mut wanted, &lines);
        if !lines.is_empty() {
            taken.push(Allotment { lines, ..part.allotment() });
        }
    }
    taken
}

/// A step of which something was refused.
pub(super) fn failed(step: Step, of: impl Into<String>, problem: &Trouble) -> What {
    What::StepFailed { step, of: of.into(), problem: problem.clone() }
}

/// A step that does not work.
pub(super) fn stuck(step: Step, of: impl Into<String>, problem: &Trouble) -> What {
    let (reason, detail) = (problem.code().to_owned(), problem.detail().to_owned());
    What::Stuck { step, of: of.into(), reason, detail }
}

/// What a call is about, when a refusal of it says that it is already undone.
pub(crate) fn is_gone(problem: &Trouble) -> bool {
    matches!(
        problem.code(),
        "not_found" | "reservation_released" | "reservation_expired" | "redemption_released" | "redemption_expired"
    )
}

impl Placed {
    /// What an answer changes. One to something that is not owed any more, because news overtook it, changes nothing.
    fn answered(&self, call: Call, answer: Answer) -> Outcome {
        let is_this = |owed: &Owed| matches!(owed, Owed::Ask { call: owed, .. } if *owed == call);
        if !self.owed().iter().any(is_this) {
            return Outcome::nothing();
        }
        let is_placing = self.stage == Stage::Placing;
        let (deal, order_id) = (&self.deal, &self.deal.order_id);
        match (call, answer) {
            (Call::Redeem, answer) => self.stepped(Step::ReserveCoupons, &deal.redemption_id, answer, is_placing),
            (Call::Reserve(reservation_id), Answer::Waiting(waiting)) => {
                let done = What::StepDone { step: Step::ReserveItems, of: reservation_id.clone() };
                vec![What::Backordered { reservation_id, waiting }, done].into()
            }
            (Call::Reserve(id), answer) => self.stepped(Step::ReserveItems, &id, answer, false),
            (Call::Secure(id), answer) => self.stepped(Step::ConfirmItems, &id, answer, false),
            (Call::Allocate, Answer::Plan(parts)) => What::Allocated { round: self.round + 1, parts }.into(),
            (Call::Allocate, Answer::Refused(problem)) => {
                let problem = problem.told(Step::ReserveItems, order_id);
                Outcome::from(failed(Step::ReserveItems, "", &problem)).and_cancel(problem)
            }
            (Call::CompleteCart, answer) => {
                // Only one order may be made of a cart. A cart that is merely gone is in nobody's way.
                let twice = matches!(&answer, Answer::Refused(problem) if problem.code() == "already_ordered");
                self.stepped(Step::CompleteCart, deal.cart_id.as_deref().unwrap_or_default(), answer, twice)
            }
            (Call::Authorize, answer) => self.authorize_answered(answer),
            (Call::Capture, Answer::Payment(news)) => self.heard_payment(news),
            (Call::Capture, Answer::Refused(problem)) => {
                let problem = problem.told(Step::ProcessPayment, order_id);
                Outcome::from(failed(Step::ProcessPayment, &deal.payment_id, &problem)).and_cancel(problem)
            }
            (Call::Ship(id), answer) => self.ship_answered(&id, answer),
            (Call::Commit, answer) => self.stepped(Step::CommitCoupons, &deal.redemption_id, answer, false),
            (Call::Recall(id), answer) => self.recall_answered(&id, answer),
            (Call::CancelPayment, answer) => self.cancel_answered(answer),
            (Call::Release(id) | Call::ReleaseSome(id), answer) => {
                self.undone(Step::ReserveItems, Step::ReleaseItems, &id, answer)
            }
            (Call::Refund, answer) => {
                let of = self.reduction.as_ref().map(|reduction| reduction.refund_id.clone());
                self.refund_answered(of.unwrap_or_default(), answer)
            }
            (Call::RefundMore(refund_id), answer) => self.refund_answered(refund_id, answer),
            (Call::CancelSupplement(payment_id), Answer::Refused(problem)) => {
                stuck(Step::RefundPayment, payment_id, &problem).into()
            }
            // Accepted: that it went back is news.
            (Call::CancelSupplement(_), _) => Outcome::nothing(),
            (Call::Withdraw, answer) => {
                self.undone(Step::ReserveCoupons, Step::ReleaseCoupons, &deal.redemption_id, answer)
            }
            // Accepted, and nothing said of what became of it: the news will.
            (
                Call::Allocate | Call::Capture,
                Answer::Done | Answer::Waiting(_) | Answer::Plan(_) | Answer::Payment(_) | Answer::Refund(_),
            ) => Outcome::nothing(),
        }
    }

    /// A step forwards: done, or failed and, where the order cannot do without, the end of it.
    fn stepped(&self, step: Step, of: &str, answer: Answer, is_needed: bool) -> Outcome {
        match answer {
            Answer::Refused(problem) => {
                let problem = problem.told(step, &self.deal.order_id);
                Outcome::from(failed(step, of, &problem)).and_cancel_if(is_needed, || problem)
            }
            Answer::Done | Answer::Waiting(_) | Answer::Plan(_) | Answer::Payment(_) | Answer::Refund(_) => {
                What::StepDone { step, of: of.to_owned() }.into()
            }
        }
    }

    /// A step backwards: undone, also when there is nothing to undo; or stuck.
    fn undone(&self, step: Step, by: Step, of: &str, answer: Answer) -> Outcome {
        match answer {
            Answer::Refused(problem) if !is_gone(&problem) => stuck(by, of, &problem).into(),
            Answer::Refused(_)
            | Answer::Done
            | Answer::Waiting(_)
            | Answer::Plan(_)
            | Answer::Payment(_)
            | Answer::Refund(_) => What::StepUndone { step, by, of: of.to_owned() }.into(),
        }
    }

    fn authorize_answered(&self, answer: Answer) -> Outcome {
        let is_placing = self.stage == Stage::Placing;
        let payment_id = self.deal.payment_id.clone();
        match answer {
            Answer::Refused(problem) => {
                let problem = problem.told(Step::ProcessPayment, &self.deal.order_id);
                Outcome::from(failed(Step::ProcessPayment, payment_id, &problem)).and_cancel_if(is_placing, || problem)
            }
            answer => {
                let asked = What::PaymentRequested { payment_id, amount: self.deal.totals.total };
                let news = match answer {
                    Answer::Payment(news) => self.heard_payment(news),
                    _ => Outcome::nothing(),
                };
                Outcome { whats: [vec![asked], news.whats].concat(), cancel: news.cancel }
            }
        }
    }

    fn ship_answered(&self, shipment_id: &str, answer: Answer) -> Outcome {
        let step = Step::CreateShipment;
        match answer {
            Answer::Refused(problem) => {
                let failed = failed(step, shipment_id, &problem);
                if self.reduction.is_some() {
                    // One thing after the other: what is being cancelled comes first.
                    return vec![failed, stuck(step, shipment_id, &problem)].into();
                }
                if self.stage == Stage::Completed {
                    return vec![failed, stuck(step, shipment_id, &problem)].into();
                }
                let so = self.stage == Stage::Fulfilling;
                Outcome::from(failed).and_cancel_if(so, || problem.told(step, &self.deal.order_id))
            }
            Answer::Done | Answer::Waiting(_) | Answer::Plan(_) | Answer::Payment(_) | Answer::Refund(_) => {
                What::StepDone { step, of: shipment_id.to_owned() }.into()
            }
        }
    }

    /// That it was stopped is told by the news of it, which come in order: what the warehouse has made two parcels of is
    /// known by then. That it could not be stopped is known now; with whom it left, the news will say.
    fn recall_answered(&self, shipment_id: &str, answer: Answer) -> Outcome {
        match answer {
            Answer::Refused(problem) if problem.code() == "already_dispatched" => {
                let (carrier, tracking_number) = (String::new(), String::new());
                let (shipment_id, state) = (shipment_id.to_owned(), ParcelState::Dispatched);
                What::ParcelUpdated { shipment_id, state, carrier, tracking_number }.into()
            }
            refused @ Answer::Refused(_) => {
                self.undone(Step::CreateShipment, Step::CancelShipment, shipment_id, refused)
            }
            Answer::Done | Answer::Waiting(_) | Answer::Plan(_) | Answer::Payment(_) | Answer::Refund(_) => {
                Outcome::nothing()
            }
        }
    }

    fn refund_answered(&self, of: String, answer: Answer) -> Outcome {
        match answer {
            Answer::Refund(news) => {
                let payment_id = self.refunded_by.get(&of).unwrap_or(&self.deal.payment_id).clone();
                self.heard_refund_by(payment_id, news)
            }
            Answer::Refused(problem) => stuck(Step::RefundPayment, of, &problem).into(),
            Answer::Done | Answer::Waiting(_) | Answer::Plan(_) | Answer::Payment(_) => Outcome::nothing(),
        }
    }
}
