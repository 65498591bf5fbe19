//! A placed order: what was agreed on, how far it has come, and what is held, paid and sent for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::deal::{Allotment, Awaited, Deal, Units, Waiting};
use super::event::Step;
use crate::wire::{Money, Trouble, shipment_id};

/// The state of an order that was placed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    /// What was agreed on.
    pub deal: Deal,
    /// How far it has come.
    pub stage: Stage,
    /// Why it waits for somebody of the shop.
    pub hold: Option<Hold>,
    /// The uses of promotions.
    pub coupons: Coupons,
    /// The cart it was made of has been told, or there is none.
    pub cart_is_closed: bool,
    /// Which plan of parts this is; the first is 1.
    pub round: u32,
    /// How often something came that it waited for.
    pub fills: u32,
    /// What comes from where.
    pub parts: Vec<Part>,
    /// How the money stands.
    pub pay: Pay,
    /// What the customer was charged.
    pub captured: Money,
    /// What went back, by refund.
    pub refunds: BTreeMap<String, Money>,
    /// What is to go back and has not yet, by refund.
    pub owed_refunds: BTreeMap<String, Money>,
    /// What was taken off the bill since it was placed.
    pub credited: Money,
    /// Units that were cancelled after they were paid.
    pub cancelled: Units,
    /// Lines that are being cancelled.
    pub reduction: Option<Reduction>,
    /// How many reductions there were.
    pub reductions: u32,
    /// What the customer sends or sent back.
    pub returns: BTreeMap<String, ReturnNote>,
    /// The exchanges and edits that were asked for.
    pub amendments: BTreeMap<String, AmendmentNote>,
    /// The payments of what amendments added, beside the first, with what was charged.
    pub supplements: Vec<(String, Money)>,
    /// The payments of refunds that go back by another than the first.
    pub refunded_by: BTreeMap<String, String>,
    /// What was refused last.
    pub trouble: Option<Trouble>,
    /// What does not work, and waits for somebody.
    pub stuck: Option<Stuck>,
    /// How often somebody had it tried once more: a part of the keys of what is tried.
    pub tries: u32,
    /// When it was placed.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// How far an order has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Stage {
    /// Stock is being held and the money promised.
    Placing,
    /// Both are; the money is being taken.
    Capturing,
    /// It is here; parcels are packed, and travel.
    Fulfilling,
    /// All have arrived.
    Completed,
    /// What was done is being undone.
    Cancelling(Undo),
    /// All is undone.
    Cancelled(Undo),
}

/// Why an order is being undone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Undo {
    /// Why, as a slug.
    pub reason: String,
    /// What went wrong, if something did.
    pub problem: Option<Trouble>,
    /// Keys of calls that were under way: they may still happen, so each is waited for and then undone.
    pub awaits: BTreeSet<String>,
    /// How often money came after it was over.
    pub late: u32,
}

/// Why an order waits for somebody of the shop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Why, in their own words.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// What does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// The step.
    pub step: Step,
    /// Of what.
    pub of: String,
    /// Why, as a slug.
    pub reason: String,
    /// Why, as a sentence.
    pub detail: String,
    /// Since when.
    pub at: Timestamp,
}

/// The uses of promotions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coupons {
    /// There are none, or they were refused or given back.
    None,
    /// They are to be reserved.
    Planned,
    /// They are reserved.
    Reserved,
    /// They are final.
    Committed,
    /// They could not be made final; the discount was given all the same.
    Lapsed,
}

/// How the money stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pay {
    /// It costs nothing.
    Free,
    /// Nobody has asked for it.
    Unasked,
    /// It was asked for.
    Requested,
    /// Somebody looks at the payment.
    InReview,
    /// The customer has to do something.
    ActionRequired(Action),
    /// It is promised.
    Authorized,
    /// It is here.
    Captured,
    /// It will not come, and nothing is held.
    Failed,
    /// It came after the order was over, and goes back.
    Late,
    /// The promise was let go, or everything went back.
    Undone,
}

/// What a customer has to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// What.
    pub kind: String,
    /// Where.
    pub url: String,
}

/// What comes from one warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The warehouse.
    pub warehouse_id: String,
    /// The reservation that holds it there.
    pub reservation_id: String,
    /// What, without what was cancelled.
    pub lines: Units,
    /// How its stock stands.
    pub stock: Stock,
    /// Its parcels, in the order in which they were asked for.
    pub parcels: Vec<(String, Parcel)>,
    /// Shipping stopped a parcel by itself: nothing is sent until somebody has looked.
    pub is_parked: bool,
    /// What of it is not here yet.
    pub waiting: Waiting,
    /// What of that came while a parcel with the rest was asked for, or before it was known to be waited for: it goes in
    /// the next parcel.
    pub came: Units,
}

/// How the stock of a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stock {
    /// Nothing is held yet.
    Planned,
    /// It is held, for a while.
    Held,
    /// It is held until it leaves or is given back.
    Firm,
    /// It could not be held, or not for long enough.
    Missed,
    /// It was given back.
    Released,
}

/// A parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// What is in it.
    pub lines: Units,
    /// How it stands.
    pub state: ParcelState,
    /// Who carries it.
    pub carrier: String,
    /// By what it can be followed.
    pub tracking_number: String,
}

/// How a parcel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParcelState {
    /// It is being packed.
    Packing,
    /// It has left.
    Dispatched,
    /// It has arrived.
    Delivered,
    /// It will not leave.
    Cancelled,
    /// The carrier has lost it.
    Lost,
    /// It came back.
    Returned,
}

impl ParcelState {
    /// It is past stopping.
    #[must_use]
    pub fn has_left(self) -> bool {
        matches!(self, ParcelState::Dispatched | ParcelState::Delivered | ParcelState::Lost | ParcelState::Returned)
    }

    /// It holds goods.
    #[must_use]
    pub fn is_live(self) -> bool {
        self != ParcelState::Cancelled
    }
}

/// Lines that are being cancelled: their parcels are stopped, their money goes back, their stock is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reduction {
    /// Which one.
    pub number: u32,
    /// The refund.
    pub refund_id: String,
    /// What is cancelled.
    pub units: Units,
    /// From which parts.
    pub parts: Vec<Allotment>,
    /// What goes back.
    pub amount: Money,
    /// By which payments.
    pub shares: Vec<Share>,
    /// Why.
    pub reason: String,
    /// Reservations that have released it.
    pub released: BTreeSet<String>,
}

/// A part of what goes back, by one payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The payment.
    pub payment_id: String,
    /// The refund.
    pub refund_id: String,
    /// How much.
    pub amount: Money,
}

/// What an order knows of an exchange or an edit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmendmentNote {
    /// The return by which goods come back; empty for an edit.
    pub return_id: String,
    /// The payment of the difference; empty when nothing is paid.
    pub payment_id: String,
    /// What goes.
    pub removed: Units,
    /// It is neither a part of the order nor over.
    pub is_open: bool,
}

/// What an order knows of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnNote {
    /// What is to come, or came.
    pub units: Units,
    /// The refund that was asked for, the first if there are more; empty when there is none.
    pub refund_id: String,
    /// What goes back for it, by payment.
    pub shares: Vec<Share>,
    /// It came, or nothing will.
    pub is_closed: bool,
    /// The exchange that it belongs to; empty when there is none.
    pub amendment_id: String,
}

/// Adds units to others.
pub(crate) fn add(units: &mut Units, more: &Units) {
    more.iter().for_each(|(sku, count)| *units.entry(sku.clone()).or_default() += count);
}

/// Takes units from others; what is left of nothing is gone.
pub(crate) fn take(units: &mut Units, less: &Units) {
    less.iter().for_each(|(sku, count)| *units.entry(sku.clone()).or_default() -= count);
    units.retain(|_, count| *count > 0);
}

impl Part {
    /// A part nothing was done for yet.
    #[must_use]
    pub fn planned(allotment: &Allotment) -> Part {
        let Allotment { warehouse_id, reservation_id, lines } = allotment.clone();
        Part {
            warehouse_id,
            reservation_id,
            lines,
            stock: Stock::Planned,
            parcels: Vec::new(),
            is_parked: false,
            waiting: Waiting::new(),
            came: Units::new(),
        }
    }

    /// As it was allotted, without what was cancelled.
    #[must_use]
    pub fn allotment(&self) -> Allotment {
        let Part { warehouse_id, reservation_id, lines, .. } = self.clone();
        Allotment { warehouse_id, reservation_id, lines }
    }

    /// What of it is in no parcel.
    #[must_use]
    pub fn missing_a_parcel(&self) -> Units {
        let mut missing = self.lines.clone();
        self.parcels
            .iter()
            .filter(|(_, parcel)| parcel.state.is_live())
            .for_each(|(_, p)| take(&mut missing, &p.lines));
        missing
    }

    /// The shipment that is asked for next: the same as long as no other parcel was made.
    #[must_use]
    pub fn next_shipment(&self) -> String {
        shipment_id(&self.reservation_id, self.parcels.len())
    }

    /// What of it is here and in no parcel.
    #[must_use]
    pub fn to_pack(&self) -> Units {
        let mut units = self.missing_a_parcel();
        for (sku, awaited) in &self.waiting {
            units.entry(sku.clone()).and_modify(|count| *count -= awaited.units);
        }
        units.retain(|_, count| *count > 0);
        units
    }

    /// Something of it is here and in no parcel yet, and nobody has to look at it first.
    #[must_use]
    pub fn is_to_be_sent(&self) -> bool {
        !self.is_parked && !self.to_pack().is_empty()
    }

    /// So many units of it are waited for no more.
    pub(crate) fn wait_less(&mut self, units: &Units) {
        for (sku, count) in units {
            self.waiting.entry(sku.clone()).and_modify(|awaited| awaited.units -= count);
        }
        self.waiting.retain(|_, awaited| awaited.units > 0);
    }

    /// Its stock is held, for a while or until it leaves.
    #[must_use]
    pub fn is_held(&self) -> bool {
        matches!(self.stock, Stock::Held | Stock::Firm)
    }

    pub(crate) fn parcel_mut(&mut self, shipment_id: &str) -> Option<&mut Parcel> {
        self.parcels.iter_mut().find(|(id, _)| id == shipment_id).map(|(_, parcel)| parcel)
    }

    pub(crate) fn packing(&self) -> impl Iterator<Item = &String> {
        self.parcels.iter().filter(|(_, parcel)| parcel.state == ParcelState::Packing).map(|(id, _)| id)
    }
}

impl Placed {
    /// Something of it is not here yet.
    #[must_use]
    pub fn waits(&self) -> bool {
        self.parts.iter().any(|part| !part.waiting.is_empty())
    }

    /// All of it that is not here yet.
    #[must_use]
    pub fn awaited(&self) -> Waiting {
        let mut all = Waiting::new();
        for (sku, awaited) in self.parts.iter().flat_map(|part| &part.waiting) {
            let sum = all.entry(sku.clone()).or_insert(Awaited { units: 0, expected_at: awaited.expected_at });
            sum.units += awaited.units;
            // The last of it, and nobody knows when all of it is here if nobody knows it of a part.
            sum.expected_at = sum.expected_at.zip(awaited.expected_at).map(|(one, other)| one.max(other));
        }
        all
    }

    /// Nothing is sent before everything is here, and not everything is.
    #[must_use]
    pub fn is_held_together(&self) -> bool {
        self.deal.backorder.is_some_and(|terms| terms.together) && self.waits()
    }

    /// The customer may be charged: at once, or when something can be sent.
    #[must_use]
    pub fn is_to_be_charged(&self) -> bool {
        let at_once = self.deal.backorder.is_none_or(|terms| terms.capture_at_once);
        let can_be_sent = || self.parts.iter().any(|part| !part.to_pack().is_empty());
        at_once || !self.waits() || (!self.is_held_together() && can_be_sent())
    }

    /// All parcels, with the part they are of.
    pub fn parcels(&self) -> impl Iterator<Item = (&Part, &Parcel)> {
        self.parts.iter().flat_map(|part| part.parcels.iter().map(move |(_, parcel)| (part, parcel)))
    }

    /// A parcel by its shipment.
    #[must_use]
    pub fn parcel(&self, shipment_id: &str) -> Option<&Parcel> {
        let mut parcels = self.parts.iter().flat_map(|part| &part.parcels);
        parcels.find(|(id, _)| id == shipment_id).map(|(_, parcel)| parcel)
    }

    /// The part that a shipment is of, or will be of.
    #[must_use]
    pub fn part_of_shipment(&self, shipment_id: &str) -> Option<&Part> {
        let is_of =
            |part: &&Part| part.parcels.iter().any(|(id, _)| id == shipment_id) || part.next_shipment() == shipment_id;
        self.parts.iter().find(is_of)
    }

    /// Something of the part that a shipment is of is in no parcel.
    #[must_use]
    pub fn lacks_a_parcel(&self, shipment_id: &str) -> bool {
        self.part_of_shipment(shipment_id).is_some_and(|part| !part.missing_a_parcel().is_empty())
    }

    /// The part that a reservation is for.
    #[must_use]
    pub fn part(&self, reservation_id: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.reservation_id == reservation_id)
    }

    /// Everything is held for good, the money promised and the cart closed.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let paid = matches!(self.pay, Pay::Free | Pay::Authorized | Pay::Captured);
        paid && self.cart_is_closed && self.parts.iter().all(|part| part.stock == Stock::Firm)
    }

    /// Something is held, asked for or charged that has to be let go or given back.
    #[must_use]
    pub fn owes_money_back(&self) -> bool {
        match self.pay {
            Pay::Free | Pay::Unasked | Pay::Failed | Pay::Undone => false,
            Pay::Requested | Pay::InReview | Pay::ActionRequired(_) | Pay::Authorized | Pay::Captured | Pay::Late => {
                true
            }
        }
    }

    /// What went back.
    #[must_use]
    pub fn refunded(&self) -> Money {
        self.sum(self.refunds.values().copied())
    }

    /// What may still go back: charged, and neither back nor on its way.
    #[must_use]
    pub fn refundable(&self) -> Money {
        let spoken_for = self.sum(self.refunds.values().chain(self.owed_refunds.values()).copied());
        let rest = self.charged().minus(spoken_for).unwrap_or(self.nothing());
        if rest.is_negative() { self.nothing() } else { rest }
    }

    /// What the customer owes or has paid for what they keep.
    #[must_use]
    pub fn billed(&self) -> Money {
        match self.stage {
            Stage::Cancelled(_) => self.nothing(),
            _ => self.deal.totals.total.minus(self.credited).unwrap_or(self.nothing()),
        }
    }

    /// None of the order's currency.
    #[must_use]
    pub fn nothing(&self) -> Money {
        Money::zero(self.deal.currency())
    }

    /// All of it together. Sums of parts of one total overflow no more than the total does.
    pub(crate) fn sum(&self, amounts: impl IntoIterator<Item = Money>) -> Money {
        Money::sum(self.deal.currency(), amounts).unwrap_or(self.nothing())
    }

    /// Units that have left, by SKU.
    #[must_use]
    pub fn shipped(&self) -> Units {
        let mut shipped = Units::new();
        self.parcels().filter(|(_, parcel)| parcel.state.has_left()).for_each(|(_, p)| add(&mut shipped, &p.lines));
        shipped
    }

    /// Units that the customer sends or sent back, by SKU.
    #[must_use]
    pub fn returned(&self) -> Units {
        let mut returned = Units::new();
        self.returns.values().for_each(|note| add(&mut returned, &note.units));
        returned
    }

    /// Units whose money went back or will: cancelled, arrived with a return, or spoken for by an exchange.
    #[must_use]
    pub fn given_back(&self) -> Units {
        let mut units = self.cancelled.clone();
        self.returns.values().filter(|note| note.is_closed).for_each(|note| add(&mut units, &note.units));
        let exchanges = self.amendments.values().filter(|note| note.is_open && !note.return_id.is_empty());
        exchanges.for_each(|note| add(&mut units, &note.removed));
        units
    }

    /// What these units cost the customer, after those that were given back before; no more than is left to refund.
    #[must_use]
    pub fn worth(&self, units: &Units) -> Money {
        let before = self.given_back();
        let share = |(sku, count): (&String, &i64)| self.deal.share(sku, before.get(sku).copied().unwrap_or(0), *count);
        let worth = self.sum(units.iter().map(share));
        if worth.amount() > self.refundable().amount() { self.refundable() } else { worth }
    }
}
