//! Facts of the dead letters.

use super::{Site, group, text, within};
use crate::bus::Headers;
use crate::fabric::{Letter, SharedFabric};

/// A subject of a fact's own: what is discarded in one is not missed in another.
fn subject(fact: &str, actor: &str) -> String {
    format!("shop.dlq.{}.{fact}.0.{actor}", group().name)
}

async fn store(fabric: &SharedFabric, subject: &str, id: &str, payload: &str) {
    let mut headers = Headers::new();
    headers.insert("Shop-Reason", payload);
    let stored = fabric.store(subject.to_owned(), format!("{subject}/{id}"), headers, text(payload));
    within("an ack", stored).await.expect("the letter is stored");
}

async fn letters(fabric: &SharedFabric, subject: &str) -> Vec<Letter> {
    within("the letters", fabric.letters(subject.to_owned())).await.expect("letters can be read")
}

fn payloads(letters: &[Letter]) -> Vec<&[u8]> {
    letters.iter().map(|letter| &letter.payload[..]).collect()
}

pub(super) async fn letters_are_read_as_they_were_stored(site: &dyn Site) {
    let fabric = site.fabric(group().name, "n1").await;
    assert!(letters(&fabric, &subject("read", "*")).await.is_empty(), "nothing is there before anything is stored");
    for (actor, payload) in [("a", "first"), ("b", "second"), ("a", "third")] {
        store(&fabric, &subject("read", actor), payload, payload).await;
    }
    let all = letters(&fabric, &subject("read", "*")).await;
    assert_eq!(payloads(&all), [&b"first"[..], b"second", b"third"]);
    assert!(all.is_sorted_by(|earlier, later| earlier.sequence < later.sequence && earlier.at <= later.at));
    assert_eq!(all[1].subject, subject("read", "b"));
    let reason = all[1].headers.get("Shop-Reason").map(async_nats::HeaderValue::as_str);
    assert_eq!(reason, Some("second"));
    assert_eq!(payloads(&letters(&fabric, &subject("read", "a")).await), [&b"first"[..], b"third"]);
}

pub(super) async fn what_is_stored_again_is_there_once(site: &dyn Site) {
    let (one, other) = (site.fabric(group().name, "n1").await, site.fabric(group().name, "n2").await);
    let subject = subject("once", "a");
    store(&one, &subject, "id", "first").await;
    store(&one, &subject, "id", "again").await;
    store(&other, &subject, "id", "by another").await;
    store(&other, &subject, "other id", "second").await;
    assert_eq!(payloads(&letters(&one, &subject).await), [&b"first"[..], b"second"]);
}

pub(super) async fn a_discarded_letter_is_gone(site: &dyn Site) {
    let fabric = site.fabric(group().name, "n1").await;
    let subject = subject("discarded", "a");
    store(&fabric, &subject, "1", "discarded").await;
    store(&fabric, &subject, "2", "kept").await;
    let sequence = letters(&fabric, &subject).await[0].sequence;
    // Nobody knows after a lost ack whether it is gone, so saying it again must do no harm.
    for _ in 0..2 {
        within("an ack", fabric.discard(sequence)).await.expect("a letter can be discarded");
    }
    assert_eq!(payloads(&letters(&fabric, &subject).await), [&b"kept"[..]]);
}
