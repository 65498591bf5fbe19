//! The other groups, as far as an order needs them: their real contracts, with scripts behind them.
//!
//! Each is a group of the runtime with a log of its own, so commands are known again, news come from a log, and nothing
//! is answered before it is kept. Each keeps a journal that the order cannot see, which judges look at.

use std::marker::PhantomData;

use messages::{Group as Contract, Route};
use runtime::entity::{Recorded, Undecodable};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The contract of a group, with only these rpcs. It hears nobody: a script knows what happens.
pub(crate) fn only(name: &'static str, routes: &[&'static Route]) -> &'static Contract {
    let whole = Contract::named(name).expect("a group");
    Box::leak(Box::new(Contract {
        name: whole.name,
        doc: whole.doc,
        partitions: whole.partitions,
        port: whole.port,
        schema: whole.schema,
        hears: &[],
        calls: &[],
        routes: Box::leak(routes.to_vec().into_boxed_slice()),
        events: whole.events,
    }))
}

/// What happened behind a script: a note for itself, or an event of the contract for everybody.
#[derive(Debug, Clone)]
pub(crate) enum Happened<N> {
    Note(N),
    News(&'static str, Vec<u8>),
    /// Read back from the log: its type says it is news, and nobody here needs what it says.
    Heard(PhantomData<N>),
}

impl<N> Happened<N> {
    pub(crate) fn news(event_type: &'static str, event: &impl prost::Message) -> Happened<N> {
        Happened::News(event_type, event.encode_to_vec())
    }
}

impl<N: Serialize + DeserializeOwned> Recorded for Happened<N> {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self {
            Happened::Note(note) => ("stub.note", serde_json::to_vec(note).expect("a note")),
            Happened::News(event_type, data) => (event_type, data.clone()),
            Happened::Heard(_) => unreachable!("what was heard is not said again"),
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "stub.note" {
            return Ok(Happened::Heard(PhantomData));
        }
        serde_json::from_slice(data).map(Happened::Note).map_err(|e| Undecodable::new(event_type, e))
    }
}
