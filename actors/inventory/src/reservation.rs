//! A reservation: a claim of one customer on units of several shelves of one warehouse.
//!
//! It remembers what became of every unit it ever held. The shelves are changed with it in the same turn, so their
//! `reserved` is always the sum of what reservations hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::shelf::Because;

/// The state of a reservation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its id; empty when nothing ever happened to it.
    pub id: String,
    /// The warehouse.
    pub warehouse_id: String,
    /// The order it is for.
    pub order_id: Option<String>,
    /// What it held at first and what became of that, by SKU.
    pub lines: BTreeMap<String, Line>,
    /// When the hold ends by itself; `None` once it is confirmed.
    pub expires_at: Option<Timestamp>,
    /// Its time was over.
    pub expired: bool,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What a reservation holds of one SKU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Units held at first.
    pub quantity: i64,
    /// Units given back since.
    pub released: i64,
    /// Units shipped since.
    pub shipped: i64,
}

impl Line {
    /// Units it still holds.
    #[must_use]
    pub fn held(&self) -> i64 {
        self.quantity - self.released - self.shipped
    }
}

/// Units by SKU.
pub type Units = BTreeMap<String, i64>;

/// How a reservation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds units, for a while.
    Held,
    /// It holds units until they are shipped or released.
    Confirmed,
    /// It holds nothing more, and some of it was shipped.
    Shipped,
    /// It holds nothing more, and nothing was shipped.
    Released,
    /// Its time was over before it was confirmed.
    Expired,
}

/// What can be asked of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Hold these units.
    Open {
        /// Its id.
        id: String,
        /// The warehouse.
        warehouse_id: String,
        /// The order it is for.
        order_id: Option<String>,
        /// What to hold.
        lines: Units,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The hold ends no more by itself.
    Confirm,
    /// Give units back: these, or all that is held.
    Release(Option<Units>),
    /// Units leave: these, or all that is held.
    Ship(Option<Units>),
    /// Its time is over.
    Expire,
}

/// What can have happened to a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// The warehouse.
    pub warehouse_id: String,
    /// The order it is for.
    pub order_id: Option<String>,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It holds these units until then.
    Opened {
        /// The units.
        lines: Units,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The hold ends no more by itself.
    Confirmed,
    /// Units were given back.
    Released(Units, Because),
    /// Units left.
    Shipped(Units),
}

/// Why a reservation says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such reservation in this warehouse")]
    NotFound,
    /// There is one.
    #[error("there is already a reservation with this id")]
    AlreadyExists,
    /// It does not hold that much.
    #[error("the reservation does not hold that much any more")]
    ExceedsHeld {
        /// What was asked for and what is held, by SKU, where they do not fit.
        lines: Vec<(String, i64, i64)>,
    },
    /// Everything has been shipped.
    #[error("all that the reservation held has been shipped")]
    Shipped,
    /// Its time was over.
    #[error("the time of the reservation was over; what it held has been given back")]
    Expired,
    /// Everything has been given back.
    #[error("the reservation has given everything back")]
    Released,
}

impl Reservation {
    /// How it stands; `None` when nothing ever happened to it.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        if self.id.is_empty() {
            return None;
        }
        let holds = self.lines.values().any(|line| line.held() > 0);
        Some(match (holds, self.expired) {
            (true, _) if self.expires_at.is_some() => Status::Held,
            (true, _) => Status::Confirmed,
            (false, true) => Status::Expired,
            (false, false) if self.lines.values().any(|line| line.shipped > 0) => Status::Shipped,
            (false, false) => Status::Released,
        })
    }

    /// What it still holds.
    #[must_use]
    pub fn held(&self) -> Units {
        let held = self.lines.iter().map(|(sku, line)| (sku.clone(), line.held()));
        held.filter(|(_, units)| *units > 0).collect()
    }

    /// These units, if all of them are held; all that is held, if none are named.
    fn claimed(&self, units: Option<Units>) -> Result<Units, Refusal> {
        let held = self.held();
        let Some(units) = units else { return Ok(held) };
        let held_of = |sku: &String| held.get(sku).copied().unwrap_or(0);
        let beyond = units.iter().filter(|(sku, asked)| **asked > held_of(sku));
        let lines: Vec<_> = beyond.map(|(sku, asked)| (sku.clone(), *asked, held_of(sku))).collect();
        if lines.is_empty() { Ok(units) } else { Err(Refusal::ExceedsHeld { lines }) }
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        let (id, warehouse_id) = (self.id.clone(), self.warehouse_id.clone());
        Event { id, warehouse_id, order_id: self.order_id.clone(), at, what }
    }
}

impl Entity for Reservation {
    const KIND: &'static str = "reservation";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Status::{Confirmed, Expired, Held, Released, Shipped};
        let at = facts.now;
        let Some(status) = self.status() else {
            return match command {
                Command::Open { id, warehouse_id, order_id, lines, expires_at } => {
                    Ok(vec![Event { id, warehouse_id, order_id, at, what: What::Opened { lines, expires_at } }])
                }
                Command::Expire => Ok(vec![]),
                Command::Confirm | Command::Release(_) | Command::Ship(_) => Err(Refusal::NotFound),
            };
        };
        match (status, command) {
            (_, Command::Open { .. }) => Err(Refusal::AlreadyExists),
            (Held, Command::Confirm) => Ok(vec![self.event(at, What::Confirmed)]),
            (Confirmed | Shipped, Command::Confirm) => Ok(vec![]),
            (Held | Confirmed, Command::Release(units)) => {
                let units = self.claimed(units)?;
                Ok(vec![self.event(at, What::Released(units, Because::Requested))])
            }
            (Held | Confirmed, Command::Ship(units)) => {
                let units = self.claimed(units)?;
                Ok(vec![self.event(at, What::Shipped(units))])
            }
            (Held, Command::Expire) => Ok(vec![self.event(at, What::Released(self.held(), Because::Expired))]),
            // Confirmed just before the timer rang, or emptied already: nothing to give back.
            (Confirmed | Shipped | Released | Expired, Command::Expire) => Ok(vec![]),
            // It is already so, whoever made it so; only naming units that are not held is refused.
            (Released | Expired, Command::Release(None)) => Ok(vec![]),
            (Released | Expired, Command::Release(Some(units))) => self.claimed(Some(units)).map(|_| vec![]),
            (Shipped, Command::Release(_)) => Err(Refusal::Shipped),
            (Shipped, Command::Ship(None)) => Ok(vec![]),
            (Shipped, Command::Ship(Some(units))) => self.claimed(Some(units)).map(|_| vec![]),
            (Expired, Command::Confirm | Command::Ship(_)) => Err(Refusal::Expired),
            (Released, Command::Confirm | Command::Ship(_)) => Err(Refusal::Released),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at);
        match &event.what {
            What::Opened { lines, expires_at } => {
                let line =
                    |(sku, quantity): (&String, &i64)| (sku.clone(), Line { quantity: *quantity, ..Line::default() });
                self.id.clone_from(&event.id);
                self.warehouse_id.clone_from(&event.warehouse_id);
                self.order_id.clone_from(&event.order_id);
                self.lines = lines.iter().map(line).collect();
                self.expires_at = Some(*expires_at);
                self.created_at = Some(event.at);
            }
            What::Confirmed => self.expires_at = None,
            What::Released(units, because) => {
                units.iter().for_each(|(sku, units)| self.lines.entry(sku.clone()).or_default().released += units);
                self.expired |= *because == Because::Expired;
            }
            What::Shipped(units) => {
                units.iter().for_each(|(sku, units)| self.lines.entry(sku.clone()).or_default().shipped += units);
            }
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        match (self.status(), self.expires_at) {
            (Some(Status::Held), Some(expires_at)) => {
                Agenda::nothing().wake(format!("expire@{expires_at}"), expires_at, Command::Expire)
            }
            _ => Agenda::nothing(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn units(lines: &[(&str, i64)]) -> Units {
        lines.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect()
    }

    fn happened(what: What) -> Event {
        Event { id: "rsv_1".into(), warehouse_id: "wh_1".into(), order_id: None, at: moment(1), what }
    }

    fn opened() -> Event {
        happened(What::Opened { lines: units(&[("MUG", 3), ("TEE", 1)]), expires_at: moment(900) })
    }

    fn confirmed() -> Event {
        happened(What::Confirmed)
    }

    fn shipped(lines: &[(&str, i64)]) -> Event {
        happened(What::Shipped(units(lines)))
    }

    fn released(lines: &[(&str, i64)], because: Because) -> Event {
        happened(What::Released(units(lines), because))
    }

    fn open() -> Command {
        let (id, warehouse_id) = ("rsv_1".into(), "wh_1".into());
        Command::Open { id, warehouse_id, order_id: None, lines: units(&[("MUG", 3)]), expires_at: moment(900) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Reservation>(given, when) {
            Err(Refusal::ExceedsHeld { lines }) => format!("refused: {lines:?} exceeds"),
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(|event| format!("{:?}", event.what)).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn what_never_was_can_only_be_opened() {
        check(&[], open(), expect![[r#"Opened { lines: {"MUG": 3}, expires_at: 2026-01-01T00:15:00Z }"#]]);
        for command in [Command::Confirm, Command::Release(None), Command::Ship(None)] {
            check(&[], command, expect!["refused: there is no such reservation in this warehouse"]);
        }
        check(&[], Command::Expire, expect!["already so"]);
        check(&[opened()], open(), expect!["refused: there is already a reservation with this id"]);
    }

    #[test]
    fn a_hold_is_confirmed_once_and_then_ends_no_more_by_itself() {
        check(&[opened()], Command::Confirm, expect!["Confirmed"]);
        check(&[opened(), confirmed()], Command::Confirm, expect!["already so"]);
        check(&[opened(), confirmed()], Command::Expire, expect!["already so"]);
        let confirmed: Reservation = fold(&[opened(), confirmed()]);
        assert_eq!(confirmed.status(), Some(Status::Confirmed));
        assert_eq!(confirmed.expires_at, None);
    }

    #[test]
    fn a_hold_whose_time_is_over_gives_everything_back() {
        check(&[opened()], Command::Expire, expect![[r#"Released({"MUG": 3, "TEE": 1}, Expired)"#]]);
        let over = [opened(), released(&[("MUG", 3), ("TEE", 1)], Because::Expired)];
        check(
            &over,
            Command::Confirm,
            expect!["refused: the time of the reservation was over; what it held has been given back"],
        );
        check(
            &over,
            Command::Ship(None),
            expect!["refused: the time of the reservation was over; what it held has been given back"],
        );
        check(&over, Command::Release(None), expect!["already so"]);
        check(&over, Command::Expire, expect!["already so"]);
    }

    #[test]
    fn units_are_released_and_shipped_in_parts_and_never_twice() {
        check(&[opened()], Command::Ship(Some(units(&[("MUG", 2)]))), expect![[r#"Shipped({"MUG": 2})"#]]);
        let part = [opened(), shipped(&[("MUG", 2)])];
        check(&part, Command::Release(None), expect![[r#"Released({"MUG": 1, "TEE": 1}, Requested)"#]]);
        check(&part, Command::Ship(Some(units(&[("MUG", 2)]))), expect![[r#"refused: [("MUG", 2, 1)] exceeds"#]]);
        check(&part, Command::Release(Some(units(&[("CAP", 1)]))), expect![[r#"refused: [("CAP", 1, 0)] exceeds"#]]);
        let all = [opened(), shipped(&[("MUG", 3), ("TEE", 1)])];
        check(&all, Command::Release(None), expect!["refused: all that the reservation held has been shipped"]);
        check(&all, Command::Ship(None), expect!["already so"]);
        check(&all, Command::Ship(Some(units(&[("MUG", 1)]))), expect![[r#"refused: [("MUG", 1, 0)] exceeds"#]]);
        check(&all, Command::Confirm, expect!["already so"]);
        let back = [opened(), released(&[("MUG", 3), ("TEE", 1)], Because::Requested)];
        check(&back, Command::Ship(None), expect!["refused: the reservation has given everything back"]);
        check(&back, Command::Confirm, expect!["refused: the reservation has given everything back"]);
        check(&back, Command::Release(None), expect!["already so"]);
    }

    #[test]
    fn only_a_hold_that_can_expire_is_on_the_agenda() {
        let owes = |events: &[Event]| !matches!(fold::<Reservation>(events).status(), Some(Status::Held));
        assert!(!owes(&[opened()]));
        assert!(owes(&[opened(), confirmed()]));
        assert!(owes(&[opened(), released(&[("MUG", 3), ("TEE", 1)], Because::Requested)]));
    }
}
