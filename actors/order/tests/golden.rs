//! Every event ever released is still read, and written back as it was.

use std::fs;
use std::path::Path;

use order::{amendment, numbering, order as orders, returns};
use runtime::entity::{Recorded, Undecodable};

fn again<E: Recorded>(event_type: &str, data: &[u8]) -> Result<(&'static str, Vec<u8>), Undecodable> {
    E::recall(event_type, data).map(|event| event.record())
}

#[test]
fn every_golden_event_is_read_and_written_back_the_same() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../messages/golden");
    let events = order::wire::contract().events;
    assert!(!events.is_empty());
    for event in events {
        let data = fs::read(golden.join(format!("{}.bin", event.type_))).expect("a golden sample");
        let read = again::<orders::Event>(event.type_, &data)
            .or_else(|_| again::<returns::Event>(event.type_, &data))
            .or_else(|_| again::<amendment::Event>(event.type_, &data))
            .or_else(|_| again::<numbering::Issued>(event.type_, &data))
            .or_else(|_| again::<numbering::Taken>(event.type_, &data));
        assert_eq!(read, Ok((event.type_, data)), "{}", event.type_);
    }
}
