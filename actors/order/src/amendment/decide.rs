//! What an amendment makes of a command. A wish can be refused. An answer and news are facts: one that changes nothing any
//! more is "already so".

use jiff::Timestamp;
use runtime::entity::Facts;

use super::{Asked, Call, Command, Event, Kind, Owed, Pay, Refusal, Stage, What};
use crate::order::command::{Answer, PaymentNews, RefundNews};
use crate::order::event::Step;
use crate::order::placed::Stock;
use crate::wire::{Money, Trouble};

/// What comes of a command: events, and whether it comes to nothing after them.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    whats: Vec<What>,
    cancel: Option<(String, Option<Trouble>)>,
    /// What follows is looked for even if nothing happened.
    look: bool,
}

impl Outcome {
    fn nothing() -> Outcome {
        Outcome::default()
    }

    /// Nothing happened but that it is there.
    pub(super) fn look() -> Outcome {
        Outcome { look: true, ..Outcome::default() }
    }

    fn and_cancel(mut self, problem: Trouble) -> Outcome {
        self.cancel = Some((problem.code().to_owned(), Some(problem)));
        self
    }
}

impl From<What> for Outcome {
    fn from(what: What) -> Outcome {
        Outcome { whats: vec![what], ..Outcome::default() }
    }
}

impl Asked {
    pub(super) fn decide(&self, command: Command, facts: &Facts) -> Result<Outcome, Refusal> {
        match command {
            Command::Request(_) => Err(Refusal::AlreadyExists),
            Command::Answered(call, answer) => Ok(self.answered(call, answer)),
            Command::Payment(news) => Ok(self.heard_payment(news)),
            Command::Refund(news) => Ok(self.heard_refund(news)),
            Command::Cancel(reason) => self.cancel(reason, &facts.open_calls),
            Command::Expire => {
                let is_over = self.is_undecided() && facts.now >= self.terms.expires_at;
                let expired = || Outcome::nothing().and_cancel(Trouble::payment_expired(&self.terms.order_id));
                Ok(if is_over { expired() } else { Outcome::nothing() })
            }
            Command::Apply => match self.stage {
                Stage::Ready => Ok(What::Applied.into()),
                Stage::Applied => Ok(Outcome::nothing()),
                Stage::Arranging | Stage::Cancelling(_) | Stage::Cancelled(_) => {
                    Err(Refusal::NotReady(self.standing()))
                }
            },
            Command::Close => match &self.stage {
                Stage::Cancelling(undo) if self.is_undone() => {
                    Ok(What::Cancelled { reason: undo.reason.clone() }.into())
                }
                Stage::Cancelled(_) => Ok(Outcome::nothing()),
                _ => Err(Refusal::NotReady(self.standing())),
            },
            Command::Retry if self.stuck.is_some() => Ok(What::Retried { tries: self.tries + 1 }.into()),
            Command::Retry => Err(Refusal::NotStuck),
        }
    }

    /// The events of an outcome, and all that follow from them.
    pub(super) fn carry_out(&self, outcome: Outcome, now: Timestamp, open_calls: &[String]) -> Vec<Event> {
        let mut asked = self.clone();
        let mut events = Vec::new();
        let mut next = outcome;
        while next != Outcome::nothing() {
            let Outcome { mut whats, cancel, .. } = std::mem::take(&mut next);
            for what in whats.drain(..) {
                asked.happened(what, now, &mut events);
            }
            if let Some((reason, problem)) = cancel {
                // Which reservations may still come is told by the state after the refusal.
                let awaits = asked.may_still_be_held(open_calls);
                // What may have been asked for is let go as if it had been: a payment that is given up first is never made.
                if asked.pay == Pay::Unasked && open_calls.iter().any(|key| key == "charge") {
                    let (payment_id, amount) = (asked.terms.payment_id.clone(), asked.terms.charge());
                    asked.happened(What::PaymentRequested { payment_id, amount }, now, &mut events);
                }
                asked.happened(What::CancelBegan { reason, problem, awaits }, now, &mut events);
            }
            next = asked.follow();
        }
        events
    }

    fn happened(&mut self, what: What, at: Timestamp, events: &mut Vec<Event>) {
        let terms = &self.terms;
        let (amendment_id, order_id) = (terms.amendment_id.clone(), terms.order_id.clone());
        let event = Event { amendment_id, order_id, user_id: terms.user_id.clone(), at, what };
        self.fold(&event);
        events.push(event);
    }

    fn follow(&self) -> Outcome {
        match &self.stage {
            Stage::Arranging => {
                let is_held = self.stock.values().all(|stock| *stock == Stock::Firm);
                let is_paid = matches!(self.pay, Pay::Free | Pay::Captured);
                if is_held && is_paid { What::Ready { kind: self.terms.kind }.into() } else { Outcome::nothing() }
            }
            Stage::Cancelling(_) if self.pay == Pay::Captured && self.refunded() == self.captured => {
                self.payment_undone().into()
            }
            Stage::Ready | Stage::Applied | Stage::Cancelling(_) | Stage::Cancelled(_) => Outcome::nothing(),
        }
    }

    /// Nothing is left to undo.
    fn is_undone(&self) -> bool {
        let Stage::Cancelling(undo) = &self.stage else { return false };
        let is_held = self.stock.values().any(|stock| matches!(stock, Stock::Held | Stock::Firm));
        undo.awaits.is_empty() && !self.owes_money_back() && !is_held
    }

    fn payment_undone(&self) -> What {
        let of = self.terms.payment_id.clone();
        What::StepUndone { step: Step::ProcessPayment, by: Step::RefundPayment, of }
    }

    fn cancel(&self, reason: &str, open_calls: &[String]) -> Result<Outcome, Refusal> {
        match self.stage {
            Stage::Arranging => {}
            // Whether the order takes it is not known yet.
            Stage::Ready if open_calls.iter().any(|key| key.starts_with("apply/")) => return Err(Refusal::Changing),
            Stage::Ready => {}
            Stage::Applied => return Err(Refusal::Applied),
            Stage::Cancelling(_) | Stage::Cancelled(_) => return Ok(Outcome::nothing()),
        }
        Ok(Outcome { cancel: Some((reason.to_owned(), None)), ..Outcome::default() })
    }

    /// What an answer changes. One to something that is not owed any more, because news overtook it, changes nothing.
    fn answered(&self, call: Call, answer: Answer) -> Outcome {
        let is_this = |owed: &Owed| matches!(owed, Owed::Ask { call: owed, .. } if *owed == call);
        if !self.owed().iter().any(is_this) {
            return Outcome::nothing();
        }
        match (call, answer) {
            (Call::Reserve(id), answer) => self.stepped(Step::ReserveItems, id, answer),
            (Call::Secure(id), answer) => self.stepped(Step::ConfirmItems, id, answer),
            (Call::Charge, answer) => self.charged(answer),
            (Call::Settle, Answer::Refused(problem)) if self.stage == Stage::Ready => {
                Outcome::nothing().and_cancel(problem)
            }
            (Call::Settle, Answer::Refused(problem)) => {
                stuck(Step::CancelOrder, self.terms.order_id.clone(), &problem).into()
            }
            (Call::CancelPayment, Answer::Payment(PaymentNews::Voided | PaymentNews::Declined(_)))
                if self.captured.is_zero() =>
            {
                self.payment_undone().into()
            }
            (Call::CancelPayment, Answer::Refused(problem)) if problem.code() == "not_found" => {
                self.payment_undone().into()
            }
            (Call::CancelPayment, Answer::Refused(problem)) => {
                stuck(Step::RefundPayment, self.terms.payment_id.clone(), &problem).into()
            }
            (Call::Release(id), Answer::Refused(problem)) if !crate::order::is_gone(&problem) => {
                stuck(Step::ReleaseItems, id, &problem).into()
            }
            (Call::Release(id), _) => {
                What::StepUndone { step: Step::ReserveItems, by: Step::ReleaseItems, of: id }.into()
            }
            // Accepted: what becomes of it is news, or was told in the same commit.
            (Call::CancelPayment | Call::Settle, _) => Outcome::nothing(),
        }
    }

    fn stepped(&self, step: Step, of: String, answer: Answer) -> Outcome {
        let Answer::Refused(problem) = answer else { return What::StepDone { step, of }.into() };
        let problem = problem.told(step, &self.terms.order_id);
        let failed = Outcome::from(What::StepFailed { step, of, problem: problem.clone() });
        if self.stage == Stage::Arranging { failed.and_cancel(problem) } else { failed }
    }

    fn charged(&self, answer: Answer) -> Outcome {
        let (payment_id, amount) = (self.terms.payment_id.clone(), self.terms.charge());
        let asked = What::PaymentRequested { payment_id: payment_id.clone(), amount };
        match answer {
            Answer::Refused(problem) => self.not_paid(problem.told(Step::ProcessPayment, &self.terms.order_id)),
            Answer::Payment(news) => {
                let mut heard = self.heard_payment(news);
                heard.whats.insert(0, asked);
                heard
            }
            Answer::Done | Answer::Waiting(_) | Answer::Plan(_) | Answer::Refund(_) => asked.into(),
        }
    }

    /// It will not come, and nothing of it is held.
    fn not_paid(&self, problem: Trouble) -> Outcome {
        let of = self.terms.payment_id.clone();
        let failed = What::StepFailed { step: Step::ProcessPayment, of, problem: problem.clone() };
        Outcome::from(failed).and_cancel(problem)
    }

    fn heard_payment(&self, news: PaymentNews) -> Outcome {
        let payment_id = self.terms.payment_id.clone();
        let is_undoing = matches!(self.stage, Stage::Cancelling(_)) && self.owes_money_back();
        match news {
            PaymentNews::Pending | PaymentNews::InReview | PaymentNews::Authorized(_) => Outcome::nothing(),
            PaymentNews::ActionRequired(action) => {
                let is_new = self.is_undecided() && self.pay != Pay::ActionRequired(action.clone());
                let asked = What::ActionRequired { payment_id, action };
                if is_new { asked.into() } else { Outcome::nothing() }
            }
            PaymentNews::Captured(amount) if self.is_undecided() => self.paid(amount),
            PaymentNews::Captured(amount) if is_undoing && self.captured.is_zero() => {
                What::Paid { payment_id, amount }.into()
            }
            PaymentNews::Declined(problem) if self.is_undecided() => self.not_paid(problem),
            PaymentNews::Voided if self.is_undecided() => self.not_paid(Trouble::payment_voided(&self.terms.order_id)),
            // What was promised may be held still, and has to be let go.
            PaymentNews::CaptureFailed(problem) if self.is_undecided() => {
                let asked = What::PaymentRequested { payment_id, amount: self.terms.charge() };
                let whats = if self.pay == Pay::Unasked { vec![asked] } else { Vec::new() };
                Outcome { whats, ..Outcome::nothing().and_cancel(problem) }
            }
            PaymentNews::Declined(_) | PaymentNews::Voided if is_undoing && self.captured.is_zero() => {
                self.payment_undone().into()
            }
            PaymentNews::Captured(_)
            | PaymentNews::Declined(_)
            | PaymentNews::CaptureFailed(_)
            | PaymentNews::Voided => Outcome::nothing(),
        }
    }

    fn paid(&self, amount: Money) -> Outcome {
        let paid = Outcome::from(What::Paid { payment_id: self.terms.payment_id.clone(), amount });
        let differs = amount != self.terms.charge();
        if differs { paid.and_cancel(Trouble::amount_differs(&self.terms.order_id)) } else { paid }
    }

    fn heard_refund(&self, news: RefundNews) -> Outcome {
        let is_open = !matches!(self.stage, Stage::Applied | Stage::Cancelled(_));
        match news {
            RefundNews::Processed { refund_id, amount } if is_open && !self.refunds.contains_key(&refund_id) => {
                What::Refunded { payment_id: self.terms.payment_id.clone(), refund_id, amount }.into()
            }
            RefundNews::Failed { reason, .. } if matches!(self.stage, Stage::Cancelling(_)) && self.stuck.is_none() => {
                stuck(Step::RefundPayment, self.terms.payment_id.clone(), &Trouble::refund_failed(&reason)).into()
            }
            RefundNews::Pending | RefundNews::Processed { .. } | RefundNews::Failed { .. } => Outcome::nothing(),
        }
    }
}

/// A step that does not work.
fn stuck(step: Step, of: String, problem: &Trouble) -> What {
    let (reason, detail) = (problem.code().to_owned(), problem.detail().to_owned());
    What::Stuck { step, of, reason, detail }
}

impl Kind {
    /// The word for it, as the JSON of the contract has it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Edit => "edit",
            Kind::Exchange => "exchange",
        }
    }
}
