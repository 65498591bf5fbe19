//! What was said once can be read for ever. Each file in `golden/` is an event as some version of the shop stored it.
//!
//! A field that is added to an event is `optional` or a message: then old events keep their JSON, and these tests hold.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use messages::{EVENTS, EventType, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

#[test]
fn every_event_has_a_sample_and_every_sample_an_event() {
    let said: BTreeSet<String> = EVENTS.iter().map(|event| event.type_.to_owned()).collect();
    let names = fs::read_dir(folder()).expect("the folder is there").map(|entry| entry.expect("readable").path());
    let kept: BTreeSet<String> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "bin"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    assert_eq!(kept, said, "cargo run -p messages --example golden writes what is missing");
}

#[test]
fn an_old_event_still_says_the_same() {
    for event in EVENTS {
        let (bytes, text) = sample(event);
        let mut shown = Vec::new();
        (event.to_json)(&bytes, &mut shown).expect(event.type_);
        assert_eq!(String::from_utf8(shown).expect("JSON is text"), text, "{}", event.type_);
        let parsed = json::parse(text.as_bytes()).expect(event.type_);
        assert_eq!((event.from_json)(&parsed), Ok(bytes), "{}", event.type_);
    }
}

#[test]
fn an_event_names_its_actor() {
    for event in EVENTS {
        let id = (event.id)(&sample(event).0).expect(event.type_);
        assert!(messages::token::of(&id).is_some(), "{} names {id:?}", event.type_);
    }
}

fn sample(event: &EventType) -> (Vec<u8>, String) {
    let read = |extension: &str| fs::read(folder().join(format!("{}.{extension}", event.type_))).expect(event.type_);
    let text = String::from_utf8(read("json")).expect("JSON is text");
    (read("bin"), text.trim_end().to_owned())
}
