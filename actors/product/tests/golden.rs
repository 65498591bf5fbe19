//! Every event ever released is still read, and written back as it was.

use std::fs;
use std::path::Path;

use product::{category, collection, import, product as goods, product_type, synonyms, tree, unfound};
use runtime::entity::{Recorded, Undecodable};

fn again<E: Recorded>(event_type: &str, data: &[u8]) -> Result<(&'static str, Vec<u8>), Undecodable> {
    E::recall(event_type, data).map(|event| event.record())
}

#[test]
fn every_golden_event_is_read_and_written_back_the_same() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../messages/golden");
    let events = product::wire::contract().events;
    assert!(!events.is_empty());
    for event in events {
        let data = fs::read(golden.join(format!("{}.bin", event.type_))).expect("a golden sample");
        let read = match event.type_.split('.').next() {
            Some("product") => again::<goods::Event>(event.type_, &data),
            Some("product_type") => again::<product_type::Event>(event.type_, &data),
            Some("category") => again::<category::Event>(event.type_, &data),
            Some("category_tree") => again::<tree::Event>(event.type_, &data),
            Some("collection") => again::<collection::Event>(event.type_, &data),
            Some("import") => again::<import::Event>(event.type_, &data),
            Some("synonyms") => again::<synonyms::Event>(event.type_, &data),
            Some("search") => again::<unfound::Event>(event.type_, &data),
            kind => panic!("nobody here says {kind:?}"),
        };
        assert_eq!(read, Ok((event.type_, data)), "{}", event.type_);
    }
}
