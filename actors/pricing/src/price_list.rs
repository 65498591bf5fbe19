//! A price list: whom its prices are for, and when. The prices themselves are actors of their own beside it.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::wire::Currency;

/// The state of a price list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceList {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// Its prices count.
    Open(Header),
    /// They count no more, and never will again.
    Deleted(Header),
}

/// A price list without its prices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Its id.
    pub id: String,
    /// What it says about itself.
    pub details: Details,
    /// When it came into being.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a price list says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people call it.
    pub title: String,
    /// The currency of all its prices.
    pub currency: Currency,
    /// The only channel it is for; all of them when empty.
    pub channel: String,
    /// The only customers it is for; all of them when empty.
    pub customer_group: String,
    /// From when on it counts.
    pub valid_from: Option<Timestamp>,
    /// Until when it counts, exclusive.
    pub valid_until: Option<Timestamp>,
    /// Of two lists that are equally specific, the higher counts.
    pub priority: i32,
    /// Whether tax is in its prices; `None` is as usual in the country.
    pub tax_included: Option<bool>,
}

/// What can be asked of a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open.
    Create {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
    },
    /// Say this about itself from now on.
    Update(Details),
    /// Count no more.
    Delete,
}

/// What can have happened to a price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It opened.
    Created {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// When.
        at: Timestamp,
    },
    /// It says this about itself now.
    Updated {
        /// Its id.
        id: String,
        /// What it says about itself.
        details: Details,
        /// When.
        at: Timestamp,
    },
    /// It counts no more.
    Deleted {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
}

/// Why a price list says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such price list")]
    NotFound,
    /// There is one.
    #[error("there is already a price list with this id")]
    AlreadyExists,
    /// There was one.
    #[error("the price list was deleted, and its id is not given twice")]
    Deleted,
    /// It would never count.
    #[error("the list would end before it begins")]
    EmptyWindow,
    /// Its prices are in the currency it has.
    #[error("the list is in {0}, and that never changes")]
    CurrencyFixed(Currency),
}

impl Details {
    /// Whether it counts for somebody, at a moment.
    #[must_use]
    pub fn counts(&self, currency: Currency, channel: &str, customer_group: &str, at: Timestamp) -> bool {
        self.currency == currency
            && (self.channel.is_empty() || self.channel == channel)
            && (self.customer_group.is_empty() || self.customer_group == customer_group)
            && self.valid_from.is_none_or(|from| from <= at)
            && self.valid_until.is_none_or(|until| at < until)
    }

    fn check(self) -> Result<Details, Refusal> {
        match (self.valid_from, self.valid_until) {
            (Some(from), Some(until)) if until <= from => Err(Refusal::EmptyWindow),
            _ => Ok(self),
        }
    }
}

impl PriceList {
    /// The list, if its prices count.
    #[must_use]
    pub fn open(&self) -> Option<&Header> {
        match self {
            PriceList::Open(header) => Some(header),
            PriceList::Unknown | PriceList::Deleted(_) => None,
        }
    }

    /// The list, if there ever was one.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        match self {
            PriceList::Open(header) | PriceList::Deleted(header) => Some(header),
            PriceList::Unknown => None,
        }
    }
}

impl Entity for PriceList {
    const KIND: &'static str = "price_list";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use PriceList::{Deleted, Open, Unknown};
        let at = facts.now;
        match (self, command) {
            (Unknown, Command::Create { id, details }) => {
                Ok(vec![Event::Created { id, details: details.check()?, at }])
            }
            (Open(_), Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Deleted(_), Command::Create { .. }) => Err(Refusal::Deleted),
            (Open(now), Command::Update(details)) if now.details == details => Ok(vec![]),
            (Open(now), Command::Update(details)) if now.details.currency != details.currency => {
                Err(Refusal::CurrencyFixed(now.details.currency))
            }
            (Open(now), Command::Update(details)) => {
                Ok(vec![Event::Updated { id: now.id.clone(), details: details.check()?, at }])
            }
            (Unknown | Deleted(_), Command::Update(_)) | (Unknown, Command::Delete) => Err(Refusal::NotFound),
            (Open(now), Command::Delete) => Ok(vec![Event::Deleted { id: now.id.clone(), at }]),
            (Deleted(_), Command::Delete) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        let created = self.header().map(|header| header.created_at);
        match event.clone() {
            Event::Created { id, details, at } | Event::Updated { id, details, at } => {
                let header = Header { id, details, created_at: created.unwrap_or(at), updated_at: at };
                *self = PriceList::Open(header);
            }
            Event::Deleted { at, .. } => {
                if let Some(header) = self.header().cloned() {
                    *self = PriceList::Deleted(Header { updated_at: at, ..header });
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).expect("a currency")
    }

    fn details(title: &str) -> Details {
        Details {
            title: title.into(),
            currency: currency("EUR"),
            channel: String::new(),
            customer_group: String::new(),
            valid_from: Some(moment(10)),
            valid_until: Some(moment(20)),
            priority: 0,
            tax_included: None,
        }
    }

    fn created() -> Event {
        Event::Created { id: "prl_1".into(), details: details("Spring"), at: moment(1) }
    }

    fn deleted() -> Event {
        Event::Deleted { id: "prl_1".into(), at: moment(2) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<PriceList>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(if said.is_empty() { "already so" } else { &said });
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Created { details, .. } => format!("created {}", details.title),
            Event::Updated { details, .. } => format!("updated {}", details.title),
            Event::Deleted { .. } => "deleted".to_owned(),
        }
    }

    #[test]
    fn a_list_opens_once_and_for_all() {
        let create = || Command::Create { id: "prl_1".into(), details: details("Spring") };
        check(&[], create(), expect!["created Spring"]);
        check(&[created()], create(), expect!["refused: there is already a price list with this id"]);
        check(
            &[created(), deleted()],
            create(),
            expect!["refused: the price list was deleted, and its id is not given twice"],
        );
        let never = Details { valid_until: Some(moment(10)), ..details("Never") };
        let create = Command::Create { id: "prl_1".into(), details: never };
        check(&[], create, expect!["refused: the list would end before it begins"]);
    }

    #[test]
    fn an_open_list_can_say_something_else_about_itself_but_its_currency() {
        let update = |title| Command::Update(details(title));
        check(&[], update("Summer"), expect!["refused: there is no such price list"]);
        check(&[created()], update("Spring"), expect!["already so"]);
        check(&[created()], update("Summer"), expect!["updated Summer"]);
        check(&[created(), deleted()], update("Summer"), expect!["refused: there is no such price list"]);
        let dollars = Details { currency: currency("USD"), ..details("Spring") };
        check(&[created()], Command::Update(dollars), expect!["refused: the list is in EUR, and that never changes"]);
        let never = Details { valid_until: Some(moment(9)), ..details("Never") };
        check(&[created()], Command::Update(never), expect!["refused: the list would end before it begins"]);
    }

    #[test]
    fn a_list_is_deleted_once() {
        check(&[], Command::Delete, expect!["refused: there is no such price list"]);
        check(&[created()], Command::Delete, expect!["deleted"]);
        check(&[created(), deleted()], Command::Delete, expect!["already so"]);
    }

    #[test]
    fn a_list_counts_for_whom_it_is_while_it_is() {
        let web = Details { channel: "web".into(), customer_group: "vip".into(), ..details("Web") };
        let eur = currency("EUR");
        assert!(web.counts(eur, "web", "vip", moment(10)));
        assert!(!web.counts(eur, "web", "vip", moment(9)), "it has not begun");
        assert!(!web.counts(eur, "web", "vip", moment(20)), "it is over");
        assert!(!web.counts(eur, "shop", "vip", moment(10)));
        assert!(!web.counts(eur, "web", "", moment(10)));
        assert!(!web.counts(currency("USD"), "web", "vip", moment(10)));
        assert!(details("All").counts(eur, "web", "vip", moment(19)));
    }
}
