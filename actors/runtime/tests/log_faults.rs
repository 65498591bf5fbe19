//! The faults of the world's logs, hearings and feed: each does what it says, and nothing worse.
#![cfg(feature = "testkit")]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use runtime::bus::Headers;
use runtime::fabric::{Error, SharedFabric};
use runtime::log::{AppendError, SharedLog};
use runtime::testkit::{Odds, World, seeded};
use tokio::time::Instant;

fn group() -> &'static messages::Group {
    messages::GROUPS[0]
}

/// A replica of the group and its log.
async fn owner(world: &World) -> (SharedFabric, SharedLog) {
    let fabric = world.fabric(group().name, "n1");
    let log = fabric.log(group()).await.unwrap();
    (fabric, log)
}

async fn append(log: &SharedLog, expected: u64, text: &'static str) -> Result<u64, AppendError> {
    log.append(0, expected, Headers::new(), Bytes::from_static(text.as_bytes())).await
}

fn is_unknown(outcome: &Result<u64, AppendError>) -> bool {
    matches!(outcome, Err(AppendError::Unknown { .. }))
}

/// What the log holds, in order.
fn texts(world: &World) -> Vec<String> {
    let entries = world.entries(group().name).into_iter();
    entries.map(|entry| String::from_utf8(entry.payload.to_vec()).unwrap()).collect()
}

fn certain(odds: impl FnOnce(&mut Odds)) -> Odds {
    let mut all = Odds::FAIR;
    odds(&mut all);
    all
}

#[test]
fn a_lost_append_is_unknown_and_not_there() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        world.faults().set(certain(|odds| odds.append_lost = 1_000));
        let started = Instant::now();
        assert!(is_unknown(&append(&log, 0, "lost").await));
        assert!(started.elapsed() >= Duration::from_secs(5), "a client cannot know before its time-out");
        world.faults().quiet();
        append(&log, 0, "kept").await.unwrap();
        assert_eq!(texts(&world), ["kept"]);
    });
}

#[test]
fn an_append_whose_ack_is_lost_is_unknown_and_there() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        world.faults().set(certain(|odds| odds.ack_lost = 1_000));
        assert!(is_unknown(&append(&log, 0, "landed").await));
        world.faults().quiet();
        assert!(matches!(append(&log, 0, "second").await, Err(AppendError::Fenced { .. })));
        assert_eq!(texts(&world), ["landed"]);
    });
}

#[test]
fn a_late_append_lands_unless_its_successor_was_acknowledged() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        let (mut last, mut written) = (0, Vec::new());
        for _ in 0..40 {
            world.faults().set(certain(|odds| odds.append_late = 1_000));
            assert!(is_unknown(&append(&log, last, "late").await));
            world.faults().quiet();
            // In the middle of the time in which it may land.
            world.pass(Duration::from_secs(4)).await;
            written.push(match append(&log, last, "successor").await {
                Ok(_) => "successor",
                Err(AppendError::Fenced { .. }) => "late",
                Err(failure) => panic!("{failure}"),
            });
            world.pass(Duration::from_secs(20)).await;
            assert_eq!(texts(&world), written, "both landed, or neither");
            last += 1;
        }
        let landed_late = written.iter().filter(|text| **text == "late").count();
        assert!(landed_late > 0 && landed_late < written.len(), "{landed_late} landed late");
        assert_eq!(world.counters().landed_late, u64::try_from(landed_late).unwrap());
    });
}

#[test]
fn a_doubled_append_lands_once_and_is_acknowledged() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        world.faults().set(certain(|odds| odds.append_doubled = 1_000));
        let first = append(&log, 0, "first").await.unwrap();
        append(&log, first, "second").await.unwrap();
        assert_eq!(texts(&world), ["first", "second"]);
        assert!(world.counters().fenced >= 1, "the second copy came and was refused");
    });
}

#[test]
fn an_append_under_way_fences_before_it_can_be_read() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        let mut unread = 0;
        for expected in 0..100 {
            let rivals = tokio::join!(append(&log, expected, "one"), async {
                let refused = append(&log, expected, "other").await;
                assert!(matches!(refused, Err(AppendError::Fenced { .. })));
                unread += usize::from(texts(&world).len() == usize::try_from(expected).unwrap());
            });
            rivals.0.unwrap();
        }
        assert!(unread > 0, "whoever was fenced could always read why");
    });
}

#[test]
fn an_append_whose_leader_goes_may_vanish_although_it_fenced_another() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        let mut seen = BTreeSet::new();
        for _ in 0..200 {
            let last = u64::try_from(texts(&world).len()).unwrap();
            let rivals = tokio::join!(append(&log, last, "one"), async {
                let refused = append(&log, last, "other").await;
                let was_unread = texts(&world).len() == usize::try_from(last).unwrap();
                world.faults().leader_change(group().name, Duration::from_secs(1));
                (refused, was_unread)
            });
            if let (Err(AppendError::Unknown { .. }), (Err(AppendError::Fenced { .. }), true)) = rivals {
                let has_landed = texts(&world).len() > usize::try_from(last).unwrap();
                seen.insert(if has_landed { "landed" } else { "vanished" });
            }
            world.faults().quiet();
        }
        assert_eq!(seen.len(), 2, "only seen: {seen:?}");
    });
}

#[test]
fn a_log_without_leader_acknowledges_nothing_and_reads_old() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        let mut last = append(&log, 0, "first").await.unwrap();
        let mut seen = BTreeSet::new();
        for _ in 0..40 {
            let election = Duration::from_secs(8);
            world.faults().leader_change(group().name, election);
            assert!(is_unknown(&append(&log, last, "during").await));
            match log.next(0, last).await {
                Ok(None) => seen.insert("an old answer in the election"),
                Ok(Some(entry)) => panic!("the old leader knows of {}", entry.sequence),
                Err(_) => seen.insert("no answer in the election"),
            };
            world.pass(election).await;
            // There is a new leader. Only the fence knows what landed.
            let landed = match append(&log, last, "after").await {
                Ok(sequence) => sequence,
                Err(AppendError::Fenced { .. }) => {
                    seen.insert("an append that landed unheard of");
                    last + 1
                }
                Err(failure) => panic!("{failure}"),
            };
            // For as long again the old leader answers some reads.
            match log.next(0, last).await.unwrap() {
                Some(entry) => assert_eq!(entry.sequence, landed),
                None => drop(seen.insert("a stale answer after the election")),
            }
            world.pass(election).await;
            assert_eq!(log.next(0, last).await.unwrap().unwrap().sequence, landed);
            assert!(log.next(0, landed).await.unwrap().is_none(), "both landed");
            last = landed;
        }
        assert_eq!(seen.len(), 4, "only seen: {seen:?}");
    });
}

#[test]
fn quiet_ends_an_election() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        world.faults().leader_change(group().name, Duration::from_hours(1));
        world.faults().quiet();
        let first = append(&log, 0, "first").await.unwrap();
        assert_eq!(log.read(first).await.unwrap().unwrap().sequence, first);
    });
}

#[test]
fn a_tail_that_ends_and_repeats_is_whole_to_whoever_keeps_a_cursor() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        let mut last = 0;
        for _ in 0..100 {
            last = append(&log, last, "turn").await.unwrap();
        }
        world.faults().set(certain(|odds| (odds.tail_ended, odds.tail_repeated) = (100, 200)));
        let mut cursor = 0;
        while cursor < last {
            let mut tail = log.tail(cursor);
            while let Some(Ok(entry)) = tail.next().await {
                assert!(entry.sequence <= cursor + 1, "the tail went from {cursor} to {}", entry.sequence);
                cursor = cursor.max(entry.sequence);
                if cursor == last {
                    break;
                }
            }
        }
        let counters = world.counters();
        assert!(counters.tails_ended > 0 && counters.tails_repeated > 0);
    });
}

#[test]
fn a_full_account_refuses_writes_and_keeps_everything() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (fabric, log) = owner(&world).await;
        let first = append(&log, 0, "first").await.unwrap();
        world.faults().storage_used(85);
        assert_eq!(fabric.storage_used_percent().await.unwrap(), 85);
        let second = append(&log, first, "second").await.unwrap();
        world.faults().storage_full(true);
        assert!(matches!(append(&log, second, "third").await, Err(AppendError::Full { .. })));
        let event = ("shop.evt.g.k.t".to_owned(), "1".to_owned());
        assert!(fabric.store(event.0, event.1, Headers::new(), Bytes::new()).await.is_err());
        world.faults().storage_full(false);
        append(&log, second, "third").await.unwrap();
        assert_eq!(texts(&world), ["first", "second", "third"]);
    });
}

#[test]
fn a_core_subscriber_on_a_log_sees_what_the_fence_rejects() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (fabric, log) = owner(&world).await;
        let mut watch = fabric.bus().subscribe("shop.log.>".to_owned(), None).await.unwrap();
        assert!(append(&log, 7, "rejected").await.is_err());
        assert_eq!(watch.next().await.unwrap().payload, "rejected");
        assert!(texts(&world).is_empty());
    });
}

#[test]
fn another_stream_in_the_place_of_the_log_shows() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (fabric, log) = owner(&world).await;
        fabric.seat_hearers(group()).await.unwrap();
        let mut hearing = fabric.hear(group(), "evt", 0).await.unwrap();
        let first = append(&log, 0, "first").await.unwrap();
        append(&log, first, "second").await.unwrap();
        let before = log.extent().await.unwrap();
        let mut tail = log.tail(2);
        world.faults().replace_log(group().name, 1);
        let after = log.extent().await.unwrap();
        assert!(after.created > before.created);
        assert_eq!((before.last_sequence, after.last_sequence), (2, 1));
        assert!(tail.next().await.unwrap().is_err(), "a tail of the old stream ends");
        assert!(tail.next().await.is_none());
        assert!(hearing.next().await.is_err(), "its places are gone with it");
        assert!(fabric.hear(group(), "evt", 0).await.is_err());
        append(&log, first, "other second").await.unwrap();
        assert_eq!(texts(&world), ["first", "other second"]);
    });
}

#[test]
fn a_log_is_made_by_its_owner_alone() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let stranger = world.fabric("gateway", "g1");
        assert!(matches!(stranger.log(group()).await, Err(Error::Failed { .. })));
        let (_, log) = owner(&world).await;
        let first = append(&log, 0, "first").await.unwrap();
        let seen = stranger.log(group()).await.unwrap().read(first).await.unwrap();
        assert_eq!(seen.unwrap().payload, "first", "anybody may read it");
    });
}

#[test]
fn an_injected_message_moves_the_fence() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (_, log) = owner(&world).await;
        let subject = format!("shop.log.{}.0", group().name);
        let garbage = world.inject_log(&subject, Headers::new(), Bytes::from_static(b"garbage"));
        assert!(matches!(append(&log, 0, "unaware").await, Err(AppendError::Fenced { .. })));
        append(&log, garbage, "aware").await.unwrap();
        assert_eq!(texts(&world), ["garbage", "aware"]);
    });
}

#[test]
fn a_turn_whose_receipt_is_lost_is_heard_again() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (fabric, log) = owner(&world).await;
        fabric.seat_hearers(group()).await.unwrap();
        let mut hearing = fabric.hear(group(), "evt", 0).await.unwrap();
        let first = append(&log, 0, "first").await.unwrap();
        world.faults().set(certain(|odds| odds.receipt_lost = 1_000));
        let heard = hearing.next().await.unwrap();
        heard.receipt.done().await.unwrap();
        world.faults().quiet();
        let again = hearing.next().await.unwrap();
        assert_eq!((again.entry.sequence, again.deliveries), (first, 2));
        // Word of the first delivery, however late, is word of the turn.
        heard.receipt.done().await.unwrap();
        let second = append(&log, first, "second").await.unwrap();
        assert_eq!(hearing.next().await.unwrap().entry.sequence, second);
        assert_eq!(world.counters().heard_again, 1);
    });
}

#[test]
fn an_election_costs_a_hearing_but_no_turn() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (fabric, log) = owner(&world).await;
        fabric.seat_hearers(group()).await.unwrap();
        let mut hearing = fabric.hear(group(), "evt", 0).await.unwrap();
        let waiting = futures::future::join(hearing.next(), async {
            // The pull has reached the server when the append after it has.
            append(&log, 7, "rejected").await.unwrap_err();
            world.faults().leader_change(group().name, Duration::from_secs(2));
        });
        assert!(waiting.await.0.is_err(), "the pull went with the leader");
        world.pass(Duration::from_secs(4)).await;
        let first = append(&log, 0, "first").await.unwrap();
        assert_eq!(hearing.next().await.unwrap().entry.sequence, first);
    });
}

#[test]
fn the_feed_stores_an_id_once_within_its_window() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let fabric = world.fabric(group().name, "n1");
        let store = async |subject: &str, id: &str| {
            fabric.store(subject.to_owned(), id.to_owned(), Headers::new(), Bytes::new()).await
        };
        for (subject, id) in [("shop.evt.g.k.made", "1"), ("shop.evt.g.k.made", "1"), ("shop.evt.g.k.sold", "2")] {
            store(subject, id).await.unwrap();
        }
        store("shop.dlq.g.1", "1").await.unwrap();
        assert!(store("shop.nowhere", "1").await.is_err(), "no stream owns it");
        assert_eq!(world.stored("shop.evt.>").len(), 2);
        assert_eq!(world.stored("shop.evt.*.*.sold").len(), 1);
        assert_eq!(world.stored("shop.dlq.>").len(), 1, "each stream has ids of its own");

        world.faults().set(certain(|odds| odds.ack_lost = 1_000));
        assert!(store("shop.evt.g.k.made", "3").await.is_err(), "no ack came");
        world.faults().quiet();
        store("shop.evt.g.k.made", "3").await.unwrap();
        assert_eq!(world.stored("shop.evt.>").len(), 3, "stored again, there once");
        world.pass(Duration::from_mins(3)).await;
        store("shop.evt.g.k.made", "3").await.unwrap();
        assert_eq!(world.stored("shop.evt.>").len(), 4, "the stream forgets ids");
    });
}
