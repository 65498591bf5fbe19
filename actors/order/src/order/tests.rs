//! Tables, stories and a model check of the order.

mod amended;
mod backorder;
mod model;
mod outside;
mod saga;
mod table;

use runtime::entity::testing::{facts, moment};
use runtime::entity::{Entity, Facts};

use super::Order;
use super::command::{Answer, Call, Command, ParcelNews, PaymentNews, RefundNews, Refusal};
use super::deal::{
    Address, Allotment, Awaited, Backorder, Choice, Deal, Discount, Line, Method, Totals, Units, Waiting,
};
use super::event::{Addition, Event, What};
use super::owed::Owed;
use super::placed::{Action, Placed, Stage};
use super::status::Status;
use crate::amendment::Kind;
use crate::wire::{Currency, Money, Problem, Trouble, reservation_id, shipment_id};

const ORDER: &str = "ord_01h455vb4pex5vsknk084sn02q";
const PAYMENT: &str = "pay_01h455vb4pex5vsknk084sn02q";

fn eur(amount: i64) -> Money {
    Money::new(amount, Currency::parse("EUR").expect("a currency")).expect("an amount")
}

fn units(lines: &[(&str, i64)]) -> Units {
    lines.iter().map(|(sku, count)| ((*sku).to_owned(), *count)).collect()
}

fn line(sku: &str, quantity: i64, total: i64) -> Line {
    Line {
        sku: sku.to_owned(),
        product_id: "prd_1".to_owned(),
        title: sku.to_lowercase(),
        quantity,
        unit_price: eur(total / quantity),
        discount: eur(0),
        tax: eur(0),
        tax_rate_ppm: 0,
        total: eur(total),
        weight_grams: 100,
        product_type: "physical".to_owned(),
    }
}

/// The reservation of a part of a plan.
fn rsv(round: u32, part: usize) -> String {
    reservation_id(ORDER, round, part)
}

/// The first shipment of a part.
fn shp(round: u32, part: usize) -> String {
    shipment_id(&rsv(round, part), 0)
}

fn allotment(round: u32, part: usize, lines: &[(&str, i64)]) -> Allotment {
    Allotment { warehouse_id: format!("wh_{part}"), reservation_id: rsv(round, part), lines: units(lines) }
}

/// Three mugs and a tee for 40 euro, from one warehouse.
fn deal() -> Deal {
    let (subtotal, total) = (eur(4_000), eur(4_000));
    let (discount_total, shipping_total, tax_total) = (eur(0), eur(0), eur(0));
    Deal {
        order_id: ORDER.to_owned(),
        user_id: "usr_1".to_owned(),
        email: "ada@example.com".to_owned(),
        lines: vec![line("MUG", 3, 3_000), line("TEE", 1, 1_000)],
        totals: Totals { subtotal, discount_total, shipping_total, tax_total, tax_included: true, total },
        payment_id: PAYMENT.to_owned(),
        method: Method { token: "pm_card_visa".to_owned(), ..Method::default() },
        ship_to: Address { country: "AT".to_owned(), ..Address::default() },
        option: Some(Choice {
            option_id: "standard".to_owned(),
            title: "Standard".to_owned(),
            amount: eur(0),
            carrier: "table".to_owned(),
            min_days: 1,
            max_days: 2,
        }),
        coupon_codes: Vec::new(),
        discounts: Vec::new(),
        redemption_id: String::new(),
        parts: vec![allotment(1, 0, &[("MUG", 3), ("TEE", 1)])],
        locale: "de".to_owned(),
        cart_id: None,
        quote_id: "quo_1".to_owned(),
        note: String::new(),
        hold_reason: None,
        expires_at: moment(900),
        backorder: None,
    }
}

/// The same from two warehouses, with a coupon, out of a cart.
fn rich_deal() -> Deal {
    Deal {
        parts: vec![allotment(1, 0, &[("MUG", 3)]), allotment(1, 1, &[("TEE", 1)])],
        redemption_id: "rdm_1".to_owned(),
        discounts: vec![Discount {
            title: "Spring".to_owned(),
            campaign_id: "cmp_1".to_owned(),
            code: Some("SPRING".to_owned()),
            amount: eur(100),
        }],
        cart_id: Some("cart_1".to_owned()),
        ..deal()
    }
}

fn trouble(code: &str) -> Trouble {
    Trouble::of(Problem::conflict(code, format!("no: {code}")))
}

fn refused(code: &str) -> Answer {
    Answer::Refused(trouble(code))
}

/// What happened, in a few words.
fn words(event: &Event) -> String {
    let of = |id: &str| if id.is_empty() { String::new() } else { format!(" {}", short(id)) };
    match &event.what {
        What::Created(_) => "created".to_owned(),
        What::StepDone { step, of: id } => format!("{step:?} done{}", of(id)),
        What::StepFailed { step, of: id, problem } => format!("{step:?} failed{}: {}", of(id), problem.code()),
        What::StepUndone { step, by, of: id } => format!("{step:?} undone by {by:?}{}", of(id)),
        What::Allocated { round, .. } => format!("allocated {round}"),
        What::Backordered { reservation_id, waiting } => {
            let waiting: Vec<String> =
                waiting.iter().map(|(sku, awaited)| format!("{} {sku}", awaited.units)).collect();
            format!("backordered {} {}", short(reservation_id), waiting.join(" "))
        }
        What::BackorderFilled { number, status, .. } => format!("filled {number} when {status:?}"),
        What::PaymentRequested { .. } => "payment requested".to_owned(),
        What::PaymentInReview { .. } => "payment in review".to_owned(),
        What::ActionRequired { action, .. } => format!("action required: {}", action.kind),
        What::PaymentAuthorized { amount, .. } => format!("authorized {amount}"),
        What::PaymentCaptured { amount, .. } => format!("captured {amount}"),
        What::Confirmed(_) => "confirmed".to_owned(),
        What::Paid(_) => "paid".to_owned(),
        What::ParcelUpdated { shipment_id, state, .. } => format!("parcel {} {state:?}", short(shipment_id)),
        What::ParcelSplit { .. } => "parcel split".to_owned(),
        What::Completed { .. } => "completed".to_owned(),
        What::Updated { status, .. } => format!("updated {status:?}"),
        What::CancelBegan { reason, awaits, .. } if awaits.is_empty() => format!("cancel began: {reason}"),
        What::CancelBegan { reason, awaits, .. } => format!("cancel began: {reason}, awaits {}", awaits.len()),
        What::CancelRefused { .. } => "cancel refused".to_owned(),
        What::Cancelled { reason, .. } => format!("cancelled: {reason}"),
        What::LatePayment { number, captured, .. } => format!("late payment {number} captured {captured}"),
        What::Refunded { amount, .. } => format!("refunded {amount}"),
        What::Stuck { step, reason, .. } => format!("STUCK {step:?}: {reason}"),
        What::Retried { tries } => format!("retried {tries}"),
        What::ReductionBegan { amount, .. } => format!("reduction began {amount}"),
        What::Reduced { .. } => "reduced".to_owned(),
        What::ReductionRefused { .. } => "reduction refused".to_owned(),
        What::ReturnOpened { .. } => "return opened".to_owned(),
        What::ReturnClosed { amount, .. } => format!("return closed {amount}"),
        What::AmendmentOpened { .. } => "amendment opened".to_owned(),
        What::AmendmentClosed { .. } => "amendment closed".to_owned(),
        What::Amended(added) => format!("amended {} +{} −{}", added.amount, added.captured, added.credited),
    }
}

/// An id that a table can show.
fn short(id: &str) -> String {
    for round in 1..=4 {
        for part in 0..3 {
            if id == rsv(round, part) {
                return format!("rsv{round}.{part}");
            }
            for before in 0..4 {
                if id == shipment_id(&rsv(round, part), before) {
                    return format!("shp{round}.{part}.{before}");
                }
            }
        }
    }
    id.split('_').next().unwrap_or(id).to_owned()
}

/// What an order owes, in a few words.
fn owes(order: &Order) -> String {
    let owed = order.placed().map(Placed::owed).unwrap_or_default();
    let word = |owed: Owed| match owed {
        Owed::Expire(_) => "expire".to_owned(),
        Owed::Ask { key, .. } => key
            .split('/')
            .map(|word| if word.len() > 20 { short(word) } else { word.to_owned() })
            .collect::<Vec<_>>()
            .join("/"),
    };
    owed.into_iter().map(word).collect::<Vec<_>>().join(", ")
}

/// An order that is told things, and remembers all that happened.
#[derive(Clone, Default)]
struct Told {
    order: Order,
    open: Vec<String>,
    log: Vec<Event>,
    clock: i64,
}

impl Told {
    fn placed(deal: Deal) -> Told {
        let mut told = Told::default();
        told.tell(Command::Place(Box::new(deal))).expect("a new order");
        told
    }

    fn facts(&self) -> Facts {
        Facts { open_calls: self.open.clone(), ..facts(moment(self.clock)) }
    }

    /// Tells it something; what happened, in words.
    fn tell(&mut self, command: Command) -> Result<String, Refusal> {
        let events = self.order.decide(command, &self.facts())?;
        for event in &events {
            self.order.evolve(event);
        }
        let said: Vec<String> = events.iter().map(words).collect();
        self.log.extend(events);
        Ok(if said.is_empty() { "already so".to_owned() } else { said.join(", ") })
    }

    fn answer(&mut self, call: Call, answer: Answer) -> String {
        self.tell(Command::Answered(call, answer)).expect("an answer cannot be refused")
    }

    fn state(&self) -> &Placed {
        self.order.placed().expect("an order")
    }

    /// Answers everything that is owed, again and again, with `Done`, until only what `stop` names is.
    fn go_on(&mut self, stop: fn(&Call) -> bool) -> &mut Told {
        loop {
            let owed = self.state().owed();
            let next = owed.into_iter().find_map(|owed| match owed {
                Owed::Ask { call, .. } if !stop(&call) => Some(call),
                Owed::Ask { .. } | Owed::Expire(_) => None,
            });
            let Some(call) = next else { return self };
            let said = self.answer(call.clone(), Answer::Done);
            assert_ne!(said, "already so", "{call:?} was owed");
        }
    }

    /// Up to the money being promised.
    fn authorized(deal: Deal) -> Told {
        let mut told = Told::placed(deal);
        told.go_on(|call| matches!(call, Call::Authorize));
        told.answer(Call::Authorize, Answer::Payment(PaymentNews::Pending));
        told.tell(Command::Payment(PaymentNews::Authorized(eur(4_000)))).expect("news");
        told
    }

    /// Up to the order being confirmed.
    fn confirmed(deal: Deal) -> Told {
        let mut told = Told::authorized(deal);
        told.go_on(|call| matches!(call, Call::Capture));
        told
    }

    /// Up to the money being here.
    fn paid(deal: Deal) -> Told {
        let mut told = Told::confirmed(deal);
        told.tell(Command::Payment(PaymentNews::Captured(eur(4_000)))).expect("news");
        told
    }

    /// Up to the parcels being packed.
    fn packing(deal: Deal) -> Told {
        let mut told = Told::paid(deal);
        told.go_on(|_| false);
        told
    }

    /// Up to all parcels being on their way.
    fn shipped(deal: Deal) -> Told {
        let mut told = Told::packing(deal);
        for part in 0..told.state().parts.len() {
            told.tell(parcel(&shp(1, part), dispatched())).expect("news");
        }
        told
    }
}

fn parcel(shipment_id: &str, news: ParcelNews) -> Command {
    Command::Parcel { shipment_id: shipment_id.to_owned(), news }
}

fn dispatched() -> ParcelNews {
    ParcelNews::Dispatched { carrier: "table".to_owned(), tracking_number: "T1".to_owned() }
}

fn cancel() -> Command {
    Command::Cancel { reason: "customer_request", units: None }
}

fn cancel_lines(lines: &[(&str, i64)]) -> Command {
    Command::Cancel { reason: "customer_request", units: Some(units(lines)) }
}

fn open_amendment(return_id: &str, removed: &[(&str, i64)]) -> Command {
    Command::OpenAmendment {
        amendment_id: "amd_1".to_owned(),
        return_id: return_id.to_owned(),
        payment_id: "pay_2".to_owned(),
        removed: units(removed),
    }
}

/// Two caps for 25 euro instead of a tee for 10: fifteen were paid by another payment.
fn addition(kind: Kind) -> Addition {
    Addition {
        user_id: "usr_1".to_owned(),
        amendment_id: "amd_1".to_owned(),
        kind,
        lines: vec![line("CAP", 2, 2_500)],
        parts: vec![allotment(4, 0, &[("CAP", 2)])],
        amount: eur(2_500),
        subtotal: eur(2_500),
        discount_total: eur(0),
        tax_total: eur(0),
        credited: eur(1_000),
        payment_id: "pay_2".to_owned(),
        captured: eur(1_500),
    }
}

fn amend() -> Command {
    Command::Amend { addition: Box::new(addition(Kind::Edit)), removed: units(&[("TEE", 1)]), refund: eur(0) }
}

fn refunded_by(payment_id: &str, refund_id: &str, amount: i64) -> Command {
    let news = RefundNews::Processed { refund_id: refund_id.to_owned(), amount: eur(amount) };
    Command::SupplementRefund { payment_id: payment_id.to_owned(), news }
}

fn processed(refund_id: &str, amount: i64) -> Command {
    Command::Refund(RefundNews::Processed { refund_id: refund_id.to_owned(), amount: eur(amount) })
}

fn redirect() -> Action {
    Action { kind: "redirect".to_owned(), url: "https://bank.example/3ds".to_owned() }
}

/// It ended well, or it is undone, or it waits for something that it names.
fn is_over(placed: &Placed) -> bool {
    matches!(placed.stage, Stage::Completed | Stage::Cancelled(_))
}

fn status(told: &Told) -> Status {
    told.state().status()
}
