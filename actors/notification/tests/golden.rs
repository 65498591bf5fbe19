//! Every event ever released is still read, and written back as it was.

use std::fs;
use std::path::Path;

use notification::{contact, delivery, endpoint, feed, message, preferences, queue, template};
use runtime::entity::{Recorded, Undecodable};

fn again<E: Recorded>(event_type: &str, data: &[u8]) -> Result<(&'static str, Vec<u8>), Undecodable> {
    E::recall(event_type, data).map(|event| event.record())
}

#[test]
fn every_golden_event_is_read_and_written_back_the_same() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../messages/golden");
    let events = notification::wire::contract().events;
    assert!(!events.is_empty());
    for event in events {
        let data = fs::read(golden.join(format!("{}.bin", event.type_))).expect("a golden sample");
        let read = again::<message::Event>(event.type_, &data)
            .or_else(|_| again::<contact::Event>(event.type_, &data))
            .or_else(|_| again::<template::Event>(event.type_, &data))
            .or_else(|_| again::<preferences::Event>(event.type_, &data))
            .or_else(|_| again::<endpoint::Event>(event.type_, &data))
            .or_else(|_| again::<queue::Event>(event.type_, &data))
            .or_else(|_| again::<feed::Kept>(event.type_, &data))
            .or_else(|_| again::<delivery::Event>(event.type_, &data));
        assert_eq!(read, Ok((event.type_, data)), "{}", event.type_);
    }
}

/// Webhooks promise every event of the shop, so a new one must be heard. Their own would go round in a circle.
#[test]
fn every_event_of_the_shop_is_heard() {
    let hears = notification::wire::contract().hears;
    for event in messages::EVENTS {
        let own = event.group == "notification";
        let outcome = ["notification.sent", "notification.delivered", "notification.bounced", "notification.failed"];
        let heard = hears.iter().any(|heard| heard.group == event.group && heard.events.contains(&event.type_));
        assert_eq!(heard, !own || outcome.contains(&event.type_), "{} of {}", event.type_, event.group);
    }
}
