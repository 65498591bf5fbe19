//! Carriers: who is asked for labels, and how the agenda's errands reach them.
//!
//! A carrier is asked with a key that names the effect for ever: the same key again finds the label of the first time, so
//! a crash between asking and noting costs nothing. What a carrier says is one of three things: done, refused for good, or
//! nobody knows; the last is asked again until it is one of the others.

pub mod http;
pub mod live;
pub mod table;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use runtime::entity::{Outcome, Undecodable};
use runtime::group::{Provider, Said};
use serde::{Deserialize, Serialize};

use crate::shipment::{Address, Line};
use crate::wire::{Kind, Problem};

/// The name by which agendas call the carriers.
pub const PROVIDER: &str = "carriers";

/// What a carrier is told of a parcel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The order that it belongs to; with the shipment, what the carrier's news are to name.
    pub order_id: String,
    /// The shipment.
    pub shipment_id: String,
    /// The shop's own number of the parcel.
    pub tracking_number: String,
    /// The option that was ordered.
    pub option_id: String,
    /// Where it is fetched.
    pub warehouse_id: String,
    /// Where it goes.
    pub address: Address,
    /// What is in it.
    pub lines: Vec<Line>,
}

/// A label: the carrier's promise to take a parcel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The carrier's number of the parcel.
    pub number: String,
    /// Where the carrier shows the parcel; empty when it does not.
    pub url: String,
    /// How the carrier behaves, if it is a make-believe one.
    pub pretence: Pretence,
}

/// How a make-believe carrier behaves. What is absent it does not do by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pretence {
    /// It fetches a parcel so many seconds after its label was made.
    pub dispatch_after_s: Option<u32>,
    /// It takes a parcel so many seconds after it left.
    pub accept_after_s: Option<u32>,
    /// It delivers a parcel so many seconds after it took it.
    pub deliver_after_s: Option<u32>,
}

/// What a carrier says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer<T> {
    /// It did it, now or under this key before.
    Done(T),
    /// It did not and will not, for this reason.
    Refused(String),
    /// Nobody knows.
    Unknown(String),
}

/// An answer that comes later.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>;

/// Somebody who carries parcels.
pub trait Carrier: Send + Sync + 'static {
    /// Makes a label; under the same key the same label.
    fn label<'a>(&'a self, key: &'a str, order: &'a Order) -> Pending<'a, Label>;

    /// Takes back the label with this number, which was made under that label key. Taking it back twice is done.
    fn void<'a>(&'a self, key: &'a str, label_key: &'a str, number: &'a str) -> Pending<'a, ()>;
}

/// What an agenda asks of a carrier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Errand {
    /// Make a label.
    Label {
        /// Who is asked.
        carrier: String,
        /// For what.
        order: Box<Order>,
    },
    /// Take a label back.
    Void {
        /// Who is asked.
        carrier: String,
        /// The carrier's number of the parcel.
        number: String,
        /// The key under which the label was asked for.
        label: String,
    },
}

impl Errand {
    /// As the agenda hands it over.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        Bytes::from(serde_json::to_vec(self).unwrap_or_default())
    }
}

/// The label in the answer to an errand.
///
/// # Errors
/// When it is none.
pub fn read_label(bytes: &[u8]) -> Result<Label, Undecodable> {
    serde_json::from_slice(bytes).map_err(|e| Undecodable::new("a label", e))
}

/// All carriers of the shop, by name.
#[derive(Clone, Default)]
pub struct Carriers(BTreeMap<String, Arc<dyn Carrier>>);

impl Carriers {
    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &str, carrier: Arc<dyn Carrier>) -> Carriers {
        self.0.insert(name.to_owned(), carrier);
        self
    }

    async fn run(&self, key: &str, errand: Errand) -> Said {
        let (Errand::Label { carrier: name, .. } | Errand::Void { carrier: name, .. }) = &errand;
        let Some(carrier) = self.0.get(name) else {
            return refused(format!("the shop has no carrier {name}"));
        };
        match &errand {
            Errand::Label { order, .. } => said(carrier.label(key, order).await),
            Errand::Void { number, label, .. } => said(carrier.void(key, label, number).await),
        }
    }
}

impl Provider for Carriers {
    fn call<'a>(&'a self, key: &'a str, request: Bytes) -> Pin<Box<dyn Future<Output = Said> + Send + 'a>> {
        Box::pin(async move {
            match serde_json::from_slice(&request) {
                Ok(errand) => self.run(key, errand).await,
                Err(error) => refused(format!("the errand cannot be read: {error}")),
            }
        })
    }
}

fn said<T: Serialize>(answer: Answer<T>) -> Said {
    match answer {
        Answer::Done(done) => Said::Settled(Outcome::Done(serde_json::to_vec(&done).unwrap_or_default().into())),
        Answer::Refused(reason) => refused(reason),
        Answer::Unknown(reason) => Said::Unknown(reason),
    }
}

fn refused(reason: String) -> Said {
    Said::Settled(Outcome::Refused(Problem::new(Kind::Unprocessable, "label_refused", reason)))
}
