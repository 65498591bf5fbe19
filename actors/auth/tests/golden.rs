//! Every event ever released is still read, and written back as it was.

use std::fs;
use std::path::Path;

use auth::{account, api_key, client, code, device, grant, keyring, pushed, session};
use runtime::entity::{Recorded, Undecodable};

fn again<E: Recorded>(event_type: &str, data: &[u8]) -> Result<(&'static str, Vec<u8>), Undecodable> {
    E::recall(event_type, data).map(|event| event.record())
}

#[test]
fn every_golden_event_is_read_and_written_back_the_same() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../messages/golden");
    let events = auth::wire::contract().events;
    assert!(!events.is_empty());
    for event in events {
        let data = fs::read(golden.join(format!("{}.bin", event.type_))).expect("a golden sample");
        let read = again::<account::Event>(event.type_, &data)
            .or_else(|_| again::<session::Event>(event.type_, &data))
            .or_else(|_| again::<api_key::Event>(event.type_, &data))
            .or_else(|_| again::<client::Event>(event.type_, &data))
            .or_else(|_| again::<code::Event>(event.type_, &data))
            .or_else(|_| again::<device::Event>(event.type_, &data))
            .or_else(|_| again::<grant::Event>(event.type_, &data))
            .or_else(|_| again::<keyring::Event>(event.type_, &data))
            .or_else(|_| again::<pushed::Event>(event.type_, &data));
        assert_eq!(read, Ok((event.type_, data)), "{}", event.type_);
    }
}
