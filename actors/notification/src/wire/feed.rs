//! The feed: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::Desk;
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, stranger, unreadable, v1};
use crate::feed::{FEED, Feed, Keep, Kept, Refusal};

pub(crate) fn keep(desk: &mut Desk<'_>, request: &v1::KeepEventRequest) -> Result<v1::KeepEventResponse, Problem> {
    let v1::KeepEventRequest { feed, event_type, entity, body } = request.clone();
    desk.tell::<Feed>(&feed, Keep { event_type, entity, body })?;
    Ok(v1::KeepEventResponse {})
}

/// An event as the world sees it, but for its cursor.
#[must_use]
pub fn shown(kept: &Kept) -> v1::ShopEvent {
    let Keep { event_type, entity, body } = kept.event.clone();
    v1::ShopEvent { number: kept.number, event_type, entity, body, cursor: String::new() }
}

/// This shop keeps no events.
#[must_use]
pub fn not_kept() -> Problem {
    Problem::not_found("events_not_kept", "this shop does not keep its events; notification.keep_events is off")
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {}
    }
}

impl Recorded for Kept {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Kept { number, event: Keep { event_type, entity, body }, at } = self.clone();
        let event = v1::FeedKept { feed: FEED.to_owned(), number, event_type, entity, body, at: Some(to_wire(at)) };
        ("feed.kept", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "feed.kept" {
            return Err(stranger(event_type, "feed"));
        }
        let event = v1::FeedKept::decode(data).map_err(unreadable(event_type))?;
        let v1::FeedKept { number, event_type, entity, body, at, .. } = event;
        Ok(Kept { number, event: Keep { event_type, entity, body }, at: from_wire(at.as_ref()) })
    }
}
