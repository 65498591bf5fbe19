//! Every event ever released is still read, and written back as it was.

use std::fs;
use std::path::Path;

use runtime::entity::Recorded;

#[test]
fn every_golden_event_is_read_and_written_back_the_same() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../messages/golden");
    let events = user::wire::contract().events;
    assert!(!events.is_empty());
    for event in events {
        let data = fs::read(golden.join(format!("{}.bin", event.type_))).expect("a golden sample");
        let read = match event.type_.split('.').next() {
            Some("email") => user::claim::Event::recall(event.type_, &data).map(|event| event.record()),
            Some("attempt" | "guard") => user::guard::Event::recall(event.type_, &data).map(|event| event.record()),
            _ => user::user::Event::recall(event.type_, &data).map(|event| event.record()),
        };
        assert_eq!(read, Ok((event.type_, data)), "{}", event.type_);
    }
}
