//! A shelf: the stock of one SKU in one warehouse.
//!
//! Every unit that ever came in is on hand, reserved or shipped, and nothing is ever below zero:
//! `received = on_hand + reserved + shipped`. Units leave this sum only by an adjustment with a reason.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// The most units a shelf can count: a trillion, so that sums over many shelves stay far inside 2^53.
pub const UNITS_MAX: i64 = 1_000_000_000_000;

/// The state of a shelf. One that nothing ever happened to is empty, which is true of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    /// Units nobody has a claim on.
    pub on_hand: i64,
    /// Units held for reservations.
    pub reserved: i64,
    /// Units that left.
    pub shipped: i64,
    /// Units that ever came in, less those written off.
    pub received: i64,
    /// At how many units on hand or fewer somebody wants to know.
    pub threshold: Option<i64>,
    /// They were told, and stock has not risen above the threshold since.
    pub is_low: bool,
    /// The product the SKU belongs to; empty until the catalogue says so.
    pub product_id: String,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// Names a shelf.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The warehouse.
    pub warehouse_id: String,
    /// The SKU.
    pub sku: String,
}

impl Place {
    /// The actor's id. Neither part holds a slash.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}/{}", self.warehouse_id, self.sku)
    }
}

/// Why units came or went by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// Goods came in.
    Received,
    /// Goods broke.
    Damaged,
    /// Goods are gone.
    Lost,
    /// Goods turned up.
    Found,
    /// A customer sent goods back.
    Returned,
    /// Somebody had typed a wrong number.
    Correction,
    /// Somebody counted the shelf.
    Counted,
}

/// Why held units are let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Because {
    /// Somebody asked for it.
    Requested,
    /// The time of the hold was over.
    Expired,
}

/// What can be asked of a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// There are this many on hand now.
    Set {
        /// Which shelf.
        place: Place,
        /// Units on hand from now on.
        on_hand: i64,
        /// Only if there are this many on hand (compare and set).
        expected: Option<i64>,
        /// At how many units on hand or fewer to call it low from now on; never, when `None`.
        threshold: Option<i64>,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to, as far as anyone knows.
        product_id: String,
    },
    /// This many came or went.
    Adjust {
        /// Which shelf.
        place: Place,
        /// Units that came, or went when negative.
        delta: i64,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to, as far as anyone knows.
        product_id: String,
    },
    /// Hold units for a reservation.
    Reserve(Claim),
    /// Let units of a reservation go.
    Release(Claim, Because),
    /// Units of a reservation leave.
    Ship(Claim),
}

/// Units of a shelf that a reservation speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which shelf.
    pub place: Place,
    /// How many.
    pub quantity: i64,
    /// For which reservation.
    pub reservation_id: String,
}

/// What can have happened to a shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Somebody set what is on hand, or the threshold.
    Set {
        /// Which shelf.
        place: Place,
        /// On hand after it.
        on_hand: i64,
        /// The difference to before.
        delta: i64,
        /// The threshold after it.
        threshold: Option<i64>,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
    /// Units came or went.
    Adjusted {
        /// Which shelf.
        place: Place,
        /// How many came, or went when negative.
        delta: i64,
        /// On hand after it.
        on_hand: i64,
        /// Why.
        reason: Reason,
        /// In somebody's own words.
        note: String,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
    /// Units are held.
    Reserved(Claim, Timestamp),
    /// Units are let go.
    Released(Claim, Because, Timestamp),
    /// Units left.
    Shipped(Claim, Timestamp),
    /// It is low now.
    Low {
        /// Which shelf.
        place: Place,
        /// On hand.
        on_hand: i64,
        /// The threshold.
        threshold: i64,
        /// The product the SKU belongs to.
        product_id: String,
        /// When.
        at: Timestamp,
    },
}

/// Why a shelf says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More was wanted than there is.
    #[error("{requested} of {sku} were asked for, {available} are available")]
    Insufficient {
        /// The SKU.
        sku: String,
        /// Units asked for.
        requested: i64,
        /// Units there are.
        available: i64,
    },
    /// Somebody else changed it first.
    #[error("{sku} was expected to have {expected} on hand, it has {current}")]
    Changed {
        /// The SKU.
        sku: String,
        /// What the caller had seen.
        expected: i64,
        /// What there is.
        current: i64,
    },
    /// A number beyond what a shelf can count.
    #[error("a shelf counts at most {UNITS_MAX} units")]
    TooMany,
    /// A reservation speaks of more than the shelf holds for anyone. Our bug, if it happens.
    #[error("the shelf holds fewer of {sku} than the reservation claims")]
    NotHeld {
        /// The SKU.
        sku: String,
    },
}

impl Shelf {
    fn came(&self, place: &Place, delta: i64) -> Result<i64, Refusal> {
        let on_hand = self.on_hand.checked_add(delta).ok_or(Refusal::TooMany)?;
        let received = self.received.checked_add(delta).ok_or(Refusal::TooMany)?;
        if on_hand < 0 {
            let requested = delta.checked_neg().ok_or(Refusal::TooMany)?;
            return Err(Refusal::Insufficient { sku: place.sku.clone(), requested, available: self.on_hand });
        }
        if received > UNITS_MAX {
            return Err(Refusal::TooMany);
        }
        Ok(on_hand)
    }

    /// What follows when this many will be on hand: maybe somebody must be told.
    fn warn(&self, place: &Place, on_hand: i64, threshold: Option<i64>, at: Timestamp) -> Option<Event> {
        let threshold = threshold?;
        let told = self.is_low && self.threshold == Some(threshold);
        let low = on_hand <= threshold && !told;
        let product_id = self.product_id.clone();
        low.then(|| Event::Low { place: place.clone(), on_hand, threshold, product_id, at })
    }

    fn held(&self, claim: &Claim) -> Result<(), Refusal> {
        let held = (1..=self.reserved).contains(&claim.quantity);
        held.then_some(()).ok_or_else(|| Refusal::NotHeld { sku: claim.place.sku.clone() })
    }

    fn rises_above(&mut self) {
        if self.threshold.is_some_and(|threshold| self.on_hand > threshold) {
            self.is_low = false;
        }
    }
}

impl Shelf {
    fn product_now(&self, said: String) -> String {
        if said.is_empty() { self.product_id.clone() } else { said }
    }
}

impl Event {
    /// When it happened.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        match self {
            Event::Set { at, .. } | Event::Adjusted { at, .. } | Event::Low { at, .. } => *at,
            Event::Reserved(_, at) | Event::Released(_, _, at) | Event::Shipped(_, at) => *at,
        }
    }
}

impl Entity for Shelf {
    const KIND: &'static str = "shelf";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match command {
            Command::Set { place, on_hand, expected, threshold, reason, note, product_id } => {
                if let Some(expected) = expected.filter(|expected| *expected != self.on_hand) {
                    return Err(Refusal::Changed { sku: place.sku, expected, current: self.on_hand });
                }
                let delta = on_hand.checked_sub(self.on_hand).ok_or(Refusal::TooMany)?;
                self.came(&place, delta)?;
                if delta == 0 && threshold == self.threshold {
                    return Ok(vec![]);
                }
                let product_id = self.product_now(product_id);
                let warning = self.warn(&place, on_hand, threshold, at);
                let set = Event::Set { place, on_hand, delta, threshold, reason, note, product_id, at };
                Ok([set].into_iter().chain(warning).collect())
            }
            Command::Adjust { place, delta, reason, note, product_id } => {
                let on_hand = self.came(&place, delta)?;
                if delta == 0 {
                    return Ok(vec![]);
                }
                let product_id = self.product_now(product_id);
                let warning = self.warn(&place, on_hand, self.threshold, at);
                let adjusted = Event::Adjusted { place, delta, on_hand, reason, note, product_id, at };
                Ok([adjusted].into_iter().chain(warning).collect())
            }
            Command::Reserve(claim) => {
                if claim.quantity < 1 || claim.quantity > self.on_hand {
                    let (requested, available) = (claim.quantity, self.on_hand);
                    return Err(Refusal::Insufficient { sku: claim.place.sku, requested, available });
                }
                let warning = self.warn(&claim.place, self.on_hand - claim.quantity, self.threshold, at);
                Ok([Event::Reserved(claim, at)].into_iter().chain(warning).collect())
            }
            Command::Release(claim, because) => {
                self.held(&claim)?;
                Ok(vec![Event::Released(claim, because, at)])
            }
            Command::Ship(claim) => {
                self.held(&claim)?;
                Ok(vec![Event::Shipped(claim, at)])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at());
        match event {
            Event::Set { delta, threshold, product_id, .. } => {
                self.on_hand += delta;
                self.received += delta;
                self.is_low &= self.threshold == *threshold;
                self.threshold = *threshold;
                self.product_id.clone_from(product_id);
                self.rises_above();
            }
            Event::Adjusted { delta, product_id, .. } => {
                self.on_hand += delta;
                self.received += delta;
                self.product_id.clone_from(product_id);
                self.rises_above();
            }
            Event::Reserved(claim, _) => {
                self.on_hand -= claim.quantity;
                self.reserved += claim.quantity;
            }
            Event::Released(claim, ..) => {
                self.reserved -= claim.quantity;
                self.on_hand += claim.quantity;
                self.rises_above();
            }
            Event::Shipped(claim, _) => {
                self.reserved -= claim.quantity;
                self.shipped += claim.quantity;
            }
            Event::Low { .. } => self.is_low = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn place() -> Place {
        Place { warehouse_id: "wh_1".into(), sku: "MUG".into() }
    }

    fn claim(quantity: i64) -> Claim {
        Claim { place: place(), quantity, reservation_id: "rsv_1".into() }
    }

    fn stocked(delta: i64) -> Event {
        let (reason, note, product_id) = (Reason::Received, String::new(), String::new());
        Event::Adjusted { place: place(), delta, on_hand: delta, reason, note, product_id, at: moment(1) }
    }

    fn watched(threshold: i64) -> Event {
        let (reason, note, product_id) = (Reason::Counted, String::new(), String::new());
        let threshold = Some(threshold);
        Event::Set { place: place(), on_hand: 3, delta: 0, threshold, reason, note, product_id, at: moment(1) }
    }

    fn adjust(delta: i64) -> Command {
        let (reason, note, product_id) = (Reason::Correction, String::new(), String::new());
        Command::Adjust { place: place(), delta, reason, note, product_id }
    }

    fn set_and_watch(on_hand: i64, expected: Option<i64>, threshold: Option<i64>) -> Command {
        let (reason, note, product_id) = (Reason::Counted, String::new(), String::new());
        Command::Set { place: place(), on_hand, expected, threshold, reason, note, product_id }
    }

    fn set(on_hand: i64, expected: Option<i64>) -> Command {
        set_and_watch(on_hand, expected, None)
    }

    fn low(on_hand: i64, threshold: i64) -> Event {
        Event::Low { place: place(), on_hand, threshold, product_id: String::new(), at: moment(3) }
    }

    fn release(quantity: i64) -> Command {
        Command::Release(claim(quantity), Because::Requested)
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Shelf>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(&said);
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Set { on_hand, delta, .. } => format!("set {on_hand} ({delta:+})"),
            Event::Adjusted { delta, on_hand, .. } => format!("adjusted {delta:+} to {on_hand}"),
            Event::Reserved(claim, _) => format!("reserved {}", claim.quantity),
            Event::Released(claim, ..) => format!("released {}", claim.quantity),
            Event::Shipped(claim, _) => format!("shipped {}", claim.quantity),
            Event::Low { on_hand, threshold, .. } => format!("low {on_hand}/{threshold}"),
        }
    }

    #[test]
    fn what_is_on_hand_can_be_reserved_and_no_more() {
        check(&[stocked(3)], Command::Reserve(claim(3)), expect!["reserved 3"]);
        check(&[stocked(3)], Command::Reserve(claim(4)), expect!["refused: 4 of MUG were asked for, 3 are available"]);
        check(&[], Command::Reserve(claim(1)), expect!["refused: 1 of MUG were asked for, 0 are available"]);
        check(&[stocked(3)], Command::Reserve(claim(0)), expect!["refused: 0 of MUG were asked for, 3 are available"]);
    }

    #[test]
    fn only_what_is_held_can_be_released_or_shipped() {
        let held = [stocked(3), Event::Reserved(claim(2), moment(2))];
        check(&held, release(2), expect!["released 2"]);
        check(&held, Command::Ship(claim(1)), expect!["shipped 1"]);
        check(
            &held,
            Command::Ship(claim(3)),
            expect!["refused: the shelf holds fewer of MUG than the reservation claims"],
        );
        check(&[stocked(3)], release(1), expect!["refused: the shelf holds fewer of MUG than the reservation claims"]);
    }

    #[test]
    fn an_adjustment_never_takes_more_than_there_is() {
        check(&[stocked(3)], adjust(-3), expect!["adjusted -3 to 0"]);
        check(&[stocked(3)], adjust(-4), expect!["refused: 4 of MUG were asked for, 3 are available"]);
        check(&[stocked(3)], adjust(0), expect!["already so"]);
        check(&[stocked(3)], adjust(i64::MAX), expect!["refused: a shelf counts at most 1000000000000 units"]);
        check(&[], adjust(i64::MIN), expect!["refused: a shelf counts at most 1000000000000 units"]);
        check(&[], adjust(UNITS_MAX + 1), expect!["refused: a shelf counts at most 1000000000000 units"]);
    }

    #[test]
    fn compare_and_set_refuses_when_somebody_was_faster() {
        check(&[stocked(3)], set(5, Some(3)), expect!["set 5 (+2)"]);
        check(&[stocked(3)], set(5, Some(4)), expect!["refused: MUG was expected to have 4 on hand, it has 3"]);
        check(&[stocked(3)], set(3, None), expect!["already so"]);
        check(&[stocked(3)], set(0, None), expect!["set 0 (-3)"]);
    }

    #[test]
    fn low_stock_is_said_once_until_stock_rises_again() {
        let reserved = Event::Reserved(claim(1), moment(3));
        check(&[stocked(3), watched(2)], Command::Reserve(claim(1)), expect!["reserved 1, low 2/2"]);
        let told = [stocked(3), watched(2), reserved, low(2, 2)];
        check(&told, Command::Reserve(claim(1)), expect!["reserved 1"]);
        let risen = [&told[..], &[stocked(5)]].concat();
        check(&risen, Command::Reserve(claim(5)), expect!["reserved 5, low 2/2"]);
    }

    #[test]
    fn setting_a_threshold_above_what_is_there_says_so_at_once() {
        let watch = || set_and_watch(3, None, Some(5));
        check(&[stocked(3)], watch(), expect!["set 3 (+0), low 3/5"]);
        check(&[stocked(3), watched(5), low(3, 5)], watch(), expect!["already so"]);
        check(&[stocked(3), watched(5), low(3, 5)], set_and_watch(3, None, Some(4)), expect!["set 3 (+0), low 3/4"]);
    }

    fn any_command() -> impl Strategy<Value = Command> {
        let units = prop_oneof![-5..20i64, Just(i64::MAX), Just(i64::MIN)];
        (0..5u8, units, proptest::option::of(0..10i64)).prop_map(|(which, units, threshold)| match which {
            0 => set_and_watch(units.max(0), None, threshold),
            1 => adjust(units),
            2 => Command::Reserve(claim(units)),
            3 => release(units),
            _ => Command::Ship(claim(units)),
        })
    }

    proptest! {
        /// Whatever is asked of it, nothing is below zero and nothing is lost.
        #[test]
        fn every_unit_is_on_hand_reserved_or_shipped(commands in proptest::collection::vec(any_command(), 0..60)) {
            let mut events = Vec::new();
            for command in commands {
                if let Ok(more) = decide::<Shelf>(&events, command) {
                    events.extend(more);
                }
                let shelf: Shelf = fold(&events);
                prop_assert!(shelf.on_hand >= 0 && shelf.reserved >= 0 && shelf.shipped >= 0, "{:?}", shelf);
                prop_assert_eq!(shelf.received, shelf.on_hand + shelf.reserved + shelf.shipped);
            }
        }
    }
}
