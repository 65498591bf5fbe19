//! Payment, scripted by the token: what the provider does next happens by itself, a moment later.

use std::collections::BTreeMap;

use jiff::Timestamp;
use messages::Rpc as _;
use messages::common::v1::Money;
use messages::payment::v1::{self, rpc};
use messages::problem::Problem;
use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};
use runtime::entity::{Agenda, Entity, Facts};
use runtime::group::Group;
use serde::{Deserialize, Serialize};

use super::stub::{Happened, only};

/// A payment, and the provider's journal of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Payment {
    id: String,
    order_id: String,
    user_id: String,
    token: String,
    amount: i64,
    /// The money is taken as soon as it is promised.
    is_automatic: bool,
    status: i32,
    /// The provider has something to do.
    is_due: Option<Timestamp>,
    steps: u32,
    is_closing: bool,
    captures: i64,
    captured: i64,
    refunds: BTreeMap<String, (i64, bool)>,
    failed_refunds: u32,
}

enum Command {
    Authorize { id: String, order_id: String, user_id: String, token: String, amount: i64, is_automatic: bool },
    Confirm,
    Capture,
    Cancel,
    Refund(String, i64),
    Act,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Note {
    Opened {
        id: String,
        order_id: String,
        user_id: String,
        token: String,
        amount: i64,
        is_automatic: bool,
        at: Timestamp,
    },
    Stands(i32, Option<Timestamp>),
    Closing(Timestamp),
    Captured,
    RefundAsked(String, i64, Timestamp),
    Refunded(String),
    RefundFailed(String),
}

type Event = Happened<Note>;

fn eur(amount: i64) -> Option<Money> {
    Some(Money { amount: Some(amount), currency: "EUR".to_owned() })
}

impl Payment {
    fn status(&self) -> v1::PaymentStatus {
        v1::PaymentStatus::try_from(self.status).expect("a status")
    }

    fn refundable(&self) -> i64 {
        self.captured - self.refunds.values().map(|(amount, _)| amount).sum::<i64>()
    }

    fn shown(&self) -> v1::Payment {
        let refunded = self.refunds.values().filter(|(_, done)| *done).map(|(amount, _)| amount).sum();
        v1::Payment {
            payment_id: self.id.clone(),
            order_id: Some(self.order_id.clone()),
            status: self.status,
            amount: eur(self.amount),
            captured: eur(self.captured),
            refunded: eur(refunded),
            // The judges' window into the journal.
            version: u64::try_from(self.captures).expect("few"),
            ..Default::default()
        }
    }

    fn voided(&self, at: Timestamp) -> Vec<Event> {
        let event = v1::PaymentVoided {
            payment_id: self.id.clone(),
            order_id: Some(self.order_id.clone()),
            user_id: self.user_id.clone(),
            at: Some(to_wire(at)),
            ..Default::default()
        };
        let stands = Note::Stands(v1::PaymentStatus::Voided.into(), None);
        vec![Event::Note(stands), Event::news("payment.voided", &event)]
    }

    fn authorized(&self, at: Timestamp) -> Vec<Event> {
        let event = v1::PaymentAuthorized {
            payment_id: self.id.clone(),
            order_id: Some(self.order_id.clone()),
            user_id: self.user_id.clone(),
            amount: eur(self.amount),
            at: Some(to_wire(at)),
            ..Default::default()
        };
        let stands = match self.is_automatic {
            true => Note::Stands(v1::PaymentStatus::Capturing.into(), Some(at)),
            false => Note::Stands(v1::PaymentStatus::Authorized.into(), None),
        };
        vec![Event::Note(stands), Event::news("payment.authorized", &event)]
    }

    fn failed(&self, stage: v1::PaymentStage, to: v1::PaymentStatus, at: Timestamp) -> Vec<Event> {
        let event = v1::PaymentFailed {
            payment_id: self.id.clone(),
            order_id: Some(self.order_id.clone()),
            user_id: self.user_id.clone(),
            reason: "payment_declined".to_owned(),
            decline_code: "insufficient_funds".to_owned(),
            stage: stage.into(),
            at: Some(to_wire(at)),
            ..Default::default()
        };
        vec![Event::Note(Note::Stands(to.into(), None)), Event::news("payment.failed", &event)]
    }

    /// What the provider does next.
    fn act(&self, at: Timestamp) -> Vec<Event> {
        use v1::PaymentStatus as Status;
        match (self.status(), self.token.as_str()) {
            (Status::Pending, _) if self.is_closing => self.voided(at),
            (Status::Pending, "pm_declined") => self.failed(v1::PaymentStage::Authorize, Status::Failed, at),
            (Status::Pending, "pm_3ds") => {
                let action =
                    v1::NextAction { r#type: "redirect".to_owned(), url: "https://bank.example/3ds".to_owned() };
                let event = v1::PaymentRequiresAction {
                    payment_id: self.id.clone(),
                    order_id: Some(self.order_id.clone()),
                    user_id: self.user_id.clone(),
                    next_action: Some(action),
                    at: Some(to_wire(at)),
                    ..Default::default()
                };
                let stands = Note::Stands(Status::RequiresAction.into(), None);
                vec![Event::Note(stands), Event::news("payment.requires_action", &event)]
            }
            (Status::Pending, _) => self.authorized(at),
            (Status::RequiresAction | Status::Authorized, _) if self.is_closing => self.voided(at),
            (Status::Capturing, "pm_capture_fails") => self.failed(v1::PaymentStage::Capture, Status::Authorized, at),
            (Status::Capturing, _) => {
                let event = v1::PaymentCompleted {
                    payment_id: self.id.clone(),
                    order_id: Some(self.order_id.clone()),
                    user_id: self.user_id.clone(),
                    amount: eur(self.amount),
                    at: Some(to_wire(at)),
                    ..Default::default()
                };
                let due = self.is_closing.then_some(at);
                let stands = Note::Stands(Status::Captured.into(), due);
                vec![Event::Note(Note::Captured), Event::Note(stands), Event::news("payment.completed", &event)]
            }
            (Status::Captured, _) => self.refund_one(at),
            _ => vec![Event::Note(Note::Stands(self.status, None))],
        }
    }

    fn refund_one(&self, at: Timestamp) -> Vec<Event> {
        let open = self.refunds.iter().find(|(_, (_, done))| !done).map(|(id, (amount, _))| (id.clone(), *amount));
        let Some((refund_id, amount)) = open else {
            return match self.refundable() {
                rest if rest > 0 && self.is_closing => {
                    let id = messages::id::Id::derived("rfd", self.id.as_bytes()).to_string();
                    vec![Event::Note(Note::RefundAsked(id, rest, at))]
                }
                _ => vec![Event::Note(Note::Stands(self.status, None))],
            };
        };
        let (payment_id, order_id, user_id) = (self.id.clone(), Some(self.order_id.clone()), self.user_id.clone());
        let at = Some(to_wire(at));
        if self.token == "pm_refund_fails_once" && self.failed_refunds == 0 {
            let reason = "account_closed".to_owned();
            let event = v1::RefundFailed {
                refund_id: refund_id.clone(),
                payment_id,
                order_id,
                user_id,
                amount: eur(amount),
                reason,
                at,
            };
            return vec![Event::Note(Note::RefundFailed(refund_id)), Event::news("refund.failed", &event)];
        }
        let reference = String::new();
        let event = v1::RefundProcessed {
            refund_id: refund_id.clone(),
            payment_id,
            order_id,
            user_id,
            amount: eur(amount),
            reference,
            at,
        };
        vec![Event::Note(Note::Refunded(refund_id)), Event::news("refund.processed", &event)]
    }
}

impl Entity for Payment {
    const KIND: &'static str = "payment";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Problem;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Problem> {
        use v1::PaymentStatus as Status;
        let at = facts.now;
        Ok(match (command, self.status()) {
            (Command::Authorize { .. }, Status::Voided) => {
                return Err(Problem::conflict("payment_voided", "The payment was given up."));
            }
            (Command::Authorize { id, order_id, user_id, token, amount, is_automatic }, Status::Unspecified) => {
                vec![Event::Note(Note::Opened { id, order_id, user_id, token, amount, is_automatic, at })]
            }
            (Command::Authorize { .. }, _) => vec![],
            (Command::Confirm, Status::RequiresAction) => self.authorized(at),
            (Command::Capture, Status::Authorized) => {
                vec![Event::Note(Note::Stands(Status::Capturing.into(), Some(at)))]
            }
            (Command::Capture, Status::Capturing | Status::Captured) => vec![],
            (Command::Confirm | Command::Capture, _) => {
                return Err(Problem::conflict("payment_voided", "The payment was given up."));
            }
            (Command::Cancel, Status::Unspecified) => vec![Event::Note(Note::Stands(Status::Voided.into(), None))],
            (Command::Cancel, Status::Voided | Status::Failed) => vec![],
            (Command::Cancel, _) => vec![Event::Note(Note::Closing(at))],
            (Command::Refund(id, amount), Status::Captured) if !self.refunds.contains_key(&id) => {
                if amount > self.refundable() {
                    return Err(Problem::conflict("exceeds_refundable", "So much is not left."));
                }
                vec![Event::Note(Note::RefundAsked(id, amount, at))]
            }
            (Command::Refund(..), _) => vec![],
            (Command::Act, _) => self.act(at),
        })
    }

    fn evolve(&mut self, event: &Event) {
        let Event::Note(note) = event else { return };
        self.steps += 1;
        match note.clone() {
            Note::Opened { id, order_id, user_id, token, amount, is_automatic, at } => {
                let silent = token == "pm_silent";
                let is_due = (!silent).then_some(at);
                let status = v1::PaymentStatus::Pending.into();
                let nothing = Payment { status, is_due, steps: 1, ..Payment::default() };
                *self = Payment { id, order_id, user_id, token, amount, is_automatic, ..nothing };
            }
            Note::Stands(status, due) => {
                self.status = status;
                self.is_due = due;
            }
            Note::Closing(at) => {
                self.is_closing = true;
                self.is_due = Some(at);
            }
            Note::Captured => {
                self.captures += 1;
                self.captured = self.amount;
            }
            Note::RefundAsked(id, amount, at) => {
                self.refunds.insert(id, (amount, false));
                self.is_due = Some(at);
            }
            Note::Refunded(id) => {
                self.refunds.entry(id).and_modify(|(_, done)| *done = true);
                self.is_due = None;
            }
            Note::RefundFailed(id) => {
                self.refunds.remove(&id);
                self.failed_refunds += 1;
                self.is_due = None;
            }
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        match self.is_due {
            Some(at) => Agenda::nothing().wake(format!("act/{}", self.steps), at, Command::Act),
            None => Agenda::nothing(),
        }
    }
}

fn told(desk: &mut Desk<'_>, id: &str, command: Command) -> Result<Option<v1::Payment>, Problem> {
    desk.tell::<Payment>(id, command)?;
    Ok(Some(desk.see::<Payment>(id).shown()))
}

fn authorize(desk: &mut Desk<'_>, r: &v1::AuthorizePaymentRequest) -> Result<v1::AuthorizePaymentResponse, Problem> {
    use v1::method_choice::Of;
    let token = match r.method.as_ref().and_then(|method| method.of.clone()) {
        Some(Of::Token(token)) => token,
        _ => String::new(),
    };
    let command = Command::Authorize {
        id: r.payment_id.clone(),
        order_id: r.order_id.clone().unwrap_or_default(),
        user_id: r.user_id.clone(),
        token,
        amount: r.amount.as_ref().and_then(|amount| amount.amount).unwrap_or_default(),
        is_automatic: r.capture() == v1::CaptureMode::Automatic,
    };
    Ok(v1::AuthorizePaymentResponse { payment: told(desk, &r.payment_id, command)? })
}

fn confirm(desk: &mut Desk<'_>, r: &v1::ConfirmPaymentRequest) -> Result<v1::ConfirmPaymentResponse, Problem> {
    Ok(v1::ConfirmPaymentResponse { payment: told(desk, &r.payment_id, Command::Confirm)? })
}

fn capture(desk: &mut Desk<'_>, r: &v1::CapturePaymentRequest) -> Result<v1::CapturePaymentResponse, Problem> {
    Ok(v1::CapturePaymentResponse { payment: told(desk, &r.payment_id, Command::Capture)? })
}

fn cancel(desk: &mut Desk<'_>, r: &v1::CancelPaymentRequest) -> Result<v1::CancelPaymentResponse, Problem> {
    Ok(v1::CancelPaymentResponse { payment: told(desk, &r.payment_id, Command::Cancel)? })
}

fn refund(desk: &mut Desk<'_>, r: &v1::RefundPaymentRequest) -> Result<v1::RefundPaymentResponse, Problem> {
    let amount = r.amount.as_ref().and_then(|amount| amount.amount).unwrap_or_default();
    desk.tell::<Payment>(&r.payment_id, Command::Refund(r.refund_id.clone(), amount))?;
    let status = v1::RefundStatus::Pending.into();
    let refund = v1::Refund { refund_id: r.refund_id.clone(), status, ..Default::default() };
    Ok(v1::RefundPaymentResponse { refund: Some(refund) })
}

fn get(window: &Window<'_>, r: &v1::GetPaymentRequest) -> Result<v1::GetPaymentResponse, Problem> {
    Ok(v1::GetPaymentResponse { payment: Some(window.see::<Payment>(&r.payment_id).shown()) })
}

pub(crate) fn group() -> Group {
    let routes = [
        rpc::AuthorizePayment::ROUTE,
        rpc::ConfirmPayment::ROUTE,
        rpc::CapturePayment::ROUTE,
        rpc::CancelPayment::ROUTE,
        rpc::RefundPayment::ROUTE,
        rpc::GetPayment::ROUTE,
    ];
    Group::new(only("payment", &routes))
        .entity::<Payment>()
        .command::<rpc::AuthorizePayment, Payment>(|r| r.payment_id.clone(), authorize)
        .command::<rpc::ConfirmPayment, Payment>(|r| r.payment_id.clone(), confirm)
        .command::<rpc::CapturePayment, Payment>(|r| r.payment_id.clone(), capture)
        .command::<rpc::CancelPayment, Payment>(|r| r.payment_id.clone(), cancel)
        .command::<rpc::RefundPayment, Payment>(|r| r.payment_id.clone(), refund)
        .read::<rpc::GetPayment, Payment>(|r| r.payment_id.clone(), get)
}
