//! A contact: whom the shop writes to about an order.
//!
//! News of payments and parcels name an order and no address, so what the order's own news said of that is kept here,
//! where those news arrive. They come from other logs and may come first; then what there is to say is owed until the
//! contact is known.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::topic::Topic;

/// How much may be owed: an order whose own news never come has something wrong with it that mails will not mend.
pub const OWED_MAX: usize = 20;

/// A line of an order or a parcel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The SKU.
    pub sku: String,
    /// What people call it.
    pub title: String,
    /// How many.
    pub quantity: i64,
    /// What they cost together.
    pub total: Option<Price>,
    /// When they are expected, of what is not here yet.
    pub expected_at: Option<Timestamp>,
}

/// An amount as the contract carries it: minor units and the currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Minor units.
    pub amount: i64,
    /// The currency.
    pub currency: String,
}

/// Whom to write to, and what was ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Who that is.
    pub user_id: Option<String>,
    /// What they are called.
    pub name: String,
    /// Where they get mail.
    pub email: String,
    /// Where they get text messages.
    pub phone: String,
    /// Their language.
    pub locale: String,
    /// What they ordered.
    pub lines: Vec<Line>,
    /// What it costs.
    pub total: Option<Price>,
}

/// Something there is to say about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// What about.
    pub topic: Topic,
    /// What tells it from others of the topic: the parcel, the refund.
    pub subject: String,
    /// Where to, when the news say so.
    pub email: String,
    /// Whose order it is, when the news say so.
    pub user_id: Option<String>,
    /// The money it is about.
    pub amount: Option<Price>,
    /// Why.
    pub reason: String,
    /// Who carries the parcel.
    pub carrier: String,
    /// What the carrier calls it.
    pub tracking_number: String,
    /// Where it can be followed.
    pub tracking_url: String,
    /// How it was to be sent.
    pub shipping_option: String,
    /// What is in it.
    pub lines: Vec<Line>,
    /// What of the order is not here yet.
    pub awaited: Vec<Line>,
}

/// The state of a contact.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Whom to write to; `None` while nobody has said.
    pub person: Option<Person>,
    /// What there is to say to them once they are known.
    pub owed: Vec<News>,
}

/// What can be asked of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// This is whom to write to.
    Learn(String, Box<Person>),
    /// This is to be said once they are known.
    Owe(String, Box<News>),
}

/// What can have happened to a contact. Each names the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This is whom to write to. What was owed has been said with it.
    Learned(String, Box<Person>, Timestamp),
    /// This is to be said.
    Owed(String, Box<News>, Timestamp),
}

/// Why a contact says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is too much to say to somebody nobody knows.
    #[error("too much is owed to somebody who is not known")]
    TooMuchOwed,
}

impl Contact {
    /// Whether this is owed already.
    fn owes(&self, news: &News) -> bool {
        self.owed.iter().any(|owed| owed.topic == news.topic && owed.subject == news.subject)
    }
}

impl Entity for Contact {
    const KIND: &'static str = "contact";
    const FOLD: u32 = 2;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (&self.person, command) {
            (Some(known), Command::Learn(_, person)) if *known == *person => Ok(vec![]),
            (_, Command::Learn(order_id, person)) => Ok(vec![Event::Learned(order_id, person, at)]),
            // There is nobody to wait for.
            (Some(_), Command::Owe(..)) => Ok(vec![]),
            (None, Command::Owe(_, news)) if self.owes(&news) => Ok(vec![]),
            (None, Command::Owe(..)) if self.owed.len() >= OWED_MAX => Err(Refusal::TooMuchOwed),
            (None, Command::Owe(order_id, news)) => Ok(vec![Event::Owed(order_id, news, at)]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Learned(_, person, _) => {
                self.person = Some((**person).clone());
                self.owed.clear();
            }
            Event::Owed(_, news, _) => self.owed.push((**news).clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn person(email: &str) -> Box<Person> {
        Box::new(Person { email: email.into(), ..Person::default() })
    }

    fn news(subject: &str) -> Box<News> {
        let blank = String::new;
        Box::new(News {
            topic: Topic::Shipped,
            subject: subject.into(),
            email: blank(),
            user_id: None,
            amount: None,
            reason: blank(),
            carrier: blank(),
            tracking_number: blank(),
            tracking_url: blank(),
            shipping_option: blank(),
            lines: Vec::new(),
            awaited: Vec::new(),
        })
    }

    fn learned(email: &str) -> Event {
        Event::Learned("ord".into(), person(email), moment(100))
    }

    fn owed(subject: &str) -> Event {
        Event::Owed("ord".into(), news(subject), moment(100))
    }

    #[test]
    fn a_contact_is_learned_once_and_can_change() {
        let learn = |email| Command::Learn("ord".into(), person(email));
        assert_eq!(decide::<Contact>(&[], learn("a")), Ok(vec![learned("a")]));
        assert_eq!(decide::<Contact>(&[learned("a")], learn("a")), Ok(vec![]));
        assert_eq!(decide::<Contact>(&[learned("a")], learn("b")), Ok(vec![learned("b")]));
        assert_eq!(decide::<Contact>(&[owed("shp")], learn("a")), Ok(vec![learned("a")]));
        assert!(fold::<Contact>(&[owed("shp"), learned("a")]).owed.is_empty());
    }

    #[test]
    fn what_comes_first_is_owed_once_until_the_contact_is_known() {
        let owe = |subject| Command::Owe("ord".into(), news(subject));
        assert_eq!(decide::<Contact>(&[], owe("shp1")), Ok(vec![owed("shp1")]));
        assert_eq!(decide::<Contact>(&[owed("shp1")], owe("shp1")), Ok(vec![]));
        assert_eq!(decide::<Contact>(&[owed("shp1")], owe("shp2")), Ok(vec![owed("shp2")]));
        assert_eq!(decide::<Contact>(&[learned("a")], owe("shp1")), Ok(vec![]));
        let many: Vec<Event> = (0..OWED_MAX).map(|n| owed(&n.to_string())).collect();
        assert_eq!(decide::<Contact>(&many, owe("more")), Err(Refusal::TooMuchOwed));
    }
}
