//! The groups of the shop and their events, as static tables.

use prost::DecodeError;

use crate::errors::FieldError;
use crate::field::Field;
use crate::json::Json;
use crate::route::Route;
use crate::transcode::{Message, Transcoder};

/// A group of actors.
#[derive(Debug)]
pub struct Group {
    /// The word: `product`.
    pub name: &'static str,
    /// The comment in the contract.
    pub doc: &'static str,
    /// How many partitions its keys are spread over. Fixed for its life.
    pub partitions: u32,
    /// The port of its health endpoint when it runs alone.
    pub port: u16,
    /// The highest schema number of its events.
    pub schema: u32,
    /// Whose events it reacts to.
    pub hears: &'static [Hears],
    /// The rpcs of other groups that it calls, as `group.verb`.
    pub calls: &'static [&'static str],
    /// Its rpcs, by verb.
    pub routes: &'static [&'static Route],
    /// Its events, by type.
    pub events: &'static [&'static EventType],
}

impl Group {
    /// The group of this name.
    pub fn named(name: &str) -> Option<&'static Group> {
        let place = crate::GROUPS.binary_search_by_key(&name, |group| group.name).ok()?;
        Some(crate::GROUPS[place])
    }

    /// The rpc with this verb.
    pub fn route(&self, verb: &str) -> Option<&'static Route> {
        let place = self.routes.binary_search_by_key(&verb, |route| route.verb).ok()?;
        Some(self.routes[place])
    }
}

/// Events of another group that a group reacts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hears {
    /// The other group.
    pub group: &'static str,
    /// The event types.
    pub events: &'static [&'static str],
}

/// An event as a type, for those who say it.
pub trait Event: Message {
    /// The row of the table.
    const TYPE: &'static EventType;
}

/// An event as a row. Stored and published as the same bytes.
#[derive(Debug)]
pub struct EventType {
    /// The name on the wire: `product.created`.
    pub type_: &'static str,
    /// The group that says it.
    pub group: &'static str,
    /// The message in protobuf: `shop.product.v1.ProductCreated`.
    pub message: &'static str,
    /// The comment in the contract.
    pub doc: &'static str,
    /// The schema number of the group at which it appeared.
    pub schema: u32,
    /// No answer that may be kept shows what it says.
    pub unshown: bool,
    /// The token that stands for the actor in `shop.evt.<group>.<id>.<type>`. Empty if the event names none.
    pub id: fn(&[u8]) -> Result<String, DecodeError>,
    /// From bytes to JSON, appended.
    pub to_json: fn(&[u8], &mut Vec<u8>) -> Result<(), DecodeError>,
    /// From bytes to JSON with `null` for what is personal: what is published to everyone.
    pub to_public_json: fn(&[u8], &mut Vec<u8>) -> Result<(), DecodeError>,
    /// From JSON, as `to_json` wrote it, to bytes.
    pub from_json: fn(&Json) -> Result<Vec<u8>, Vec<FieldError>>,
    /// The fields.
    pub fields: &'static [Field],
}

impl EventType {
    /// The event of this type.
    pub fn named(type_: &str) -> Option<&'static EventType> {
        let place = crate::EVENTS.binary_search_by_key(&type_, |event| event.type_).ok()?;
        Some(crate::EVENTS[place])
    }

    /// A row without its names, which the generated code adds.
    pub(crate) const fn of<M: Message>() -> EventType {
        let Transcoder { name, from_json, to_json, fields, .. } = Transcoder::of::<M>();
        EventType {
            type_: "",
            group: "",
            message: name,
            doc: "",
            schema: 0,
            unshown: false,
            id: |_| Ok(String::new()),
            to_json,
            to_public_json: |bytes, out| M::decode(bytes).map(|message| message.write_public_json(out)),
            from_json,
            fields,
        }
    }
}
