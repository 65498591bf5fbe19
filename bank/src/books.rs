//! The books: what the lines of the journal add up to.
//!
//! A line holds the things as they were right after it, so folding is putting them in their place, and a repeated key is
//! answered with what its line held. The moves beside them say what really happened to money, for whoever audits.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::intent::{Customer, Intent, Method, Refund};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// The bank opened; its ids are made of this.
    Opened {
        /// What no other bank has.
        salt: String,
    },
    /// Something was done.
    Done(Box<Entry>),
    /// The merchant has taken the news of a line.
    Told {
        /// Their id.
        news: String,
    },
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in seconds since 1970.
    pub at: u64,
    /// What was asked for.
    pub asked: String,
    /// The key of the request, if it had one.
    pub key: Option<String>,
    /// What tells the request from another with the same key.
    pub print: String,
    /// What happened to money.
    pub moves: Vec<Move>,
    /// What was changed, as it is now; the last is the answer.
    pub things: Vec<Thing>,
    /// Why it was not done.
    pub fault: Option<Fault>,
    /// What the merchant is told about it.
    pub news: Vec<News>,
}

/// What happened to money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// What.
    pub what: What,
    /// Of which intent.
    pub intent: String,
    /// How much, in minor units.
    pub amount: i64,
    /// Of which currency, in small letters.
    pub currency: String,
}

/// What can happen to money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It is held for the merchant.
    Held,
    /// It is held no more, and was not taken.
    Released,
    /// It was taken from the customer.
    Charged,
    /// It went back to the customer.
    Returned,
}

/// Something with a name.
#[expect(clippy::large_enum_variant, reason = "nearly all of them are intents")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Thing {
    /// A payment intent.
    Intent(Intent),
    /// A refund.
    Refund(Refund),
    /// A customer.
    Customer(Customer),
    /// A payment method.
    Method(Method),
}

/// What the merchant is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// `evt_…`.
    pub id: String,
    /// Stripe's word for it: `payment_intent.succeeded`.
    pub kind: String,
    /// About which of the things.
    pub about: usize,
}

/// How a keyed request was answered.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) print: String,
    pub(crate) thing: Option<Thing>,
    pub(crate) fault: Option<Fault>,
}

/// What the bank knows.
#[derive(Debug, Default)]
pub struct Books {
    pub(crate) salt: String,
    pub(crate) intents: BTreeMap<String, Intent>,
    /// Oldest first.
    pub(crate) order: Vec<String>,
    pub(crate) refunds: BTreeMap<String, Refund>,
    /// Of an intent, oldest first.
    pub(crate) refunds_of: HashMap<String, Vec<String>>,
    pub(crate) customers: BTreeMap<String, Customer>,
    pub(crate) methods: BTreeMap<String, Method>,
    pub(crate) by_metadata: HashMap<(String, String), Vec<String>>,
    pub(crate) kept: HashMap<String, Kept>,
    /// News the merchant has not taken, by their place in the journal.
    pub(crate) untold: BTreeMap<(u64, usize), (u64, News, Thing)>,
    pub(crate) places: HashMap<String, (u64, usize)>,
}

impl Books {
    /// Folds a line, which is the journal's `number`th.
    pub(crate) fn fold(&mut self, number: u64, line: Line) {
        match line {
            Line::Opened { salt } => self.salt = salt,
            Line::Done(entry) => self.fold_entry(number, *entry),
            Line::Told { news } => {
                if let Some(place) = self.places.remove(&news) {
                    self.untold.remove(&place);
                }
            }
        }
    }

    fn fold_entry(&mut self, number: u64, entry: Entry) {
        for (index, news) in entry.news.into_iter().enumerate() {
            let Some(thing) = entry.things.get(news.about).cloned() else { continue };
            self.places.insert(news.id.clone(), (number, index));
            self.untold.insert((number, index), (entry.at, news, thing));
        }
        let last = entry.things.last().cloned();
        entry.things.into_iter().for_each(|thing| self.place(thing));
        if let Some(key) = entry.key {
            self.kept.insert(key, Kept { print: entry.print, thing: last, fault: entry.fault });
        }
    }

    fn place(&mut self, thing: Thing) {
        match thing {
            Thing::Intent(intent) => {
                if !self.intents.contains_key(&intent.id) {
                    self.order.push(intent.id.clone());
                    for (name, value) in &intent.metadata {
                        self.by_metadata.entry((name.clone(), value.clone())).or_default().push(intent.id.clone());
                    }
                }
                self.intents.insert(intent.id.clone(), intent);
            }
            Thing::Refund(refund) => {
                if !self.refunds.contains_key(&refund.id) {
                    self.refunds_of.entry(refund.intent.clone()).or_default().push(refund.id.clone());
                }
                self.refunds.insert(refund.id.clone(), refund);
            }
            Thing::Customer(customer) => {
                self.customers.insert(customer.id.clone(), customer);
            }
            Thing::Method(method) => {
                self.methods.insert(method.id.clone(), method);
            }
        }
    }
}
