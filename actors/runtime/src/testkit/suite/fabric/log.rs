//! Facts of the log.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use messages::Group;

use super::{Owner, Site, group, text, until, within};
use crate::bus::Headers;
use crate::fabric::Error;
use crate::log::{AppendError, Entry};

/// Rounds of a race. On three servers a wildcard fence let the loser through in a quarter of them.
const RACE_ROUNDS: usize = 100;
/// Rounds in which an appender gives up; how soon differs from round to round.
const ABANDON_ROUNDS: u64 = 50;
/// The server's `max_payload`.
const PAYLOAD_BYTES_MAX: usize = 4 * 1024 * 1024;

fn is_fenced(outcome: &Result<u64, AppendError>) -> bool {
    matches!(outcome, Err(AppendError::Fenced { .. }))
}

/// The next `count` entries of the log after a cursor.
async fn tail(owner: &Owner, after: u64, count: usize) -> Vec<Entry> {
    let entries = owner.log.tail(after).take(count).map(|entry| entry.expect("the tail goes on")).collect();
    within("the tail", entries).await
}

fn sequences(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.sequence).collect()
}

pub(super) async fn appends_return_rising_sequences(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let mut last = owner.last(0).await;
    for round in 0..20 {
        let sequence = owner.append(0, last, &format!("rising {round}")).await.expect("the expectation is right");
        assert!(sequence > last, "{sequence} does not rise above {last}");
        last = sequence;
    }
}

pub(super) async fn a_wrong_expectation_is_fenced_and_changes_nothing(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let first = owner.put(0, "first").await;
    let second = owner.put(0, "second").await;
    let end = owner.end().await;
    for wrong in [0, first, second + 1, second + 1_000] {
        let outcome = owner.append(0, wrong, "wrong").await;
        assert!(is_fenced(&outcome), "expecting {wrong} after {second} was answered {outcome:?}");
    }
    assert_eq!(owner.end().await, end, "a refused append left something behind");
    assert!(owner.next(0, second).await.is_none());
    owner.append(0, second, "third").await.expect("the right expectation is still right");
}

pub(super) async fn the_fence_is_per_partition(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let here = owner.put(0, "here").await;
    let there = owner.put(1, "there").await;
    let here_too = owner.append(0, here, "here too").await.expect("the other partition's turn does not count here");
    owner.append(1, there, "there too").await.expect("nor ours there");
    let outcome = owner.append(1, here_too, "lost").await;
    assert!(is_fenced(&outcome), "the other partition's sequence was taken for this one's: {outcome:?}");
}

pub(super) async fn of_two_racing_appenders_exactly_one_wins(site: &dyn Site) {
    let (one, other) = (Owner::start(site, "n1").await, Owner::start(site, "n2").await);
    let mut last = one.last(0).await;
    for round in 0..RACE_ROUNDS {
        let (ours, theirs) = (format!("one {round}"), format!("other {round}"));
        // Whoever is polled first has a head start: take turns.
        let (first, second) = if round % 2 == 0 {
            tokio::join!(one.append(0, last, &ours), other.append(0, last, &theirs))
        } else {
            let (second, first) = tokio::join!(other.append(0, last, &theirs), one.append(0, last, &ours));
            (first, second)
        };
        let (winner, sequence) = match (first, second) {
            (Ok(sequence), Err(AppendError::Fenced { .. })) => (ours, sequence),
            (Err(AppendError::Fenced { .. }), Ok(sequence)) => (theirs, sequence),
            outcomes => panic!("round {round} ended with {outcomes:?}"),
        };
        let entry = one.next(0, last).await.expect("the winner's turn is there");
        assert_eq!((entry.sequence, &entry.payload[..]), (sequence, winner.as_bytes()));
        assert!(one.next(0, sequence).await.is_none(), "the loser's turn is there as well");
        last = sequence;
    }
}

pub(super) async fn an_abandoned_append_never_lands_behind_its_successor(site: &dyn Site) {
    let (one, other) = (Owner::start(site, "n1").await, Owner::start(site, "n2").await);
    let start = one.last(0).await;
    let mut last = start;
    let mut winners = Vec::new();
    for round in 0..ABANDON_ROUNDS {
        let (abandoned, kept) = (format!("abandoned {round}"), format!("kept {round}"));
        let patience = Duration::from_micros(round * 40);
        let acked = tokio::time::timeout(patience, one.log.append(0, last, Headers::new(), text(&abandoned))).await;
        let winner = if let Ok(outcome) = acked {
            last = outcome.expect("nobody else has written yet");
            abandoned
        } else {
            // Nobody knows whether it landed, or will: the same expectation decides.
            match other.append(0, last, &kept).await {
                Ok(sequence) => {
                    last = sequence;
                    kept
                }
                Err(AppendError::Fenced { .. }) => {
                    // On three servers it may still be under way: it fences before it can be read.
                    let rival = until("what fenced us", || other.next(0, last)).await;
                    last = rival.sequence;
                    abandoned
                }
                Err(failure) => panic!("round {round} ended with {failure:?}"),
            }
        };
        winners.push(winner);
    }
    let mut cursor = start;
    for winner in winners {
        let entry = other.next(0, cursor).await.expect("each round's winner is there");
        assert_eq!(entry.payload, text(&winner));
        cursor = entry.sequence;
    }
    assert!(other.next(0, cursor).await.is_none(), "an abandoned append landed behind its successor");
}

pub(super) async fn an_entry_is_stored_as_it_was_sent(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let partition = group().partitions - 1;
    let last = owner.last(partition).await;
    let before = owner.log.extent().await.expect("the log can be asked").server_time;
    let mut headers = Headers::new();
    headers.insert("Shop-Commits", "2");
    headers.append("Shop-Note", "one");
    headers.append("Shop-Note", "another");
    let payload = Bytes::from((0..=u8::MAX).cycle().take(100_000).collect::<Vec<_>>());
    let sent = owner.log.append(partition, last, headers.clone(), payload.clone());
    let sequence = within("an ack", sent).await.expect("the expectation is right");
    let after = owner.log.extent().await.expect("the log can be asked").server_time;

    let entry = owner.log.read(sequence).await.expect("the log can be read").expect("what was acknowledged is there");
    assert_eq!((entry.partition, entry.sequence), (Some(partition), sequence));
    assert_eq!(entry.payload, payload);
    assert_eq!(entry.headers.get("Shop-Commits"), headers.get("Shop-Commits"));
    assert_eq!(entry.headers.get_all("Shop-Note").count(), 2, "a header with two values lost one");
    assert!(before <= entry.at && entry.at <= after, "stored at {}, sent between {before} and {after}", entry.at);
}

pub(super) async fn the_tail_delivers_everything_once_and_in_order_from_any_cursor(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let start = owner.end().await;
    let mut written = Vec::new();
    for round in 0..30 {
        written.push(owner.put(round % group().partitions, &format!("tail {round}")).await);
    }
    for cursor in [start, written[0], written[14], written[28]] {
        let expected: Vec<u64> = written.iter().copied().filter(|&sequence| sequence > cursor).collect();
        let entries = tail(&owner, cursor, expected.len()).await;
        assert_eq!(sequences(&entries), expected, "the tail after {cursor}");
    }
    // And it goes on with what is written while it waits.
    let mut live = owner.log.tail(written[29]);
    for round in 0..5 {
        let sequence = owner.put(round, "live").await;
        let entry = within("the tail", live.next()).await.expect("the tail has no end").expect("the tail goes on");
        assert_eq!((entry.sequence, entry.partition), (sequence, Some(round)));
    }
}

pub(super) async fn next_and_read_agree(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let start = owner.end().await;
    for round in 0..10 {
        owner.put(round % 2, &format!("agree {round}")).await;
    }
    for partition in 0..2 {
        let mut cursor = start;
        let mut seen = 0;
        while let Some(entry) = owner.next(partition, cursor).await {
            let read = owner.log.read(entry.sequence).await.expect("the log can be read").expect("next has seen it");
            assert_eq!((read.sequence, read.partition), (entry.sequence, Some(partition)));
            assert_eq!((read.payload, read.at), (entry.payload, entry.at));
            cursor = entry.sequence;
            seen += 1;
        }
        assert_eq!(seen, 5, "next skipped or repeated entries of partition {partition}");
    }
    let beyond = owner.end().await + 1_000;
    assert!(owner.log.read(beyond).await.expect("the log can be read").is_none());
}

pub(super) async fn all_replicas_see_one_stream(site: &dyn Site) {
    let one = Owner::start(site, "n1").await;
    let sequence = one.put(0, "for all").await;
    let other = Owner::start(site, "n2").await;
    let (ours, theirs) = (one.log.extent().await, other.log.extent().await);
    let (ours, theirs) = (ours.expect("the log can be asked"), theirs.expect("the log can be asked"));
    assert_eq!((ours.created, ours.partitions), (theirs.created, group().partitions));
    assert_eq!((ours.last_sequence, theirs.last_sequence), (sequence, sequence));
    assert!(ours.created <= ours.server_time && ours.server_time <= theirs.server_time);
    assert_eq!(other.log.read(sequence).await.expect("the log can be read").map(|e| e.payload), Some(text("for all")));
}

pub(super) async fn a_log_made_for_other_partitions_does_not_fit(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    // A contract lives as long as the process; so does this one.
    let other: &'static Group = Box::leak(Box::new(Group { partitions: group().partitions + 1, ..*group() }));
    let opened = within("an answer", owner.fabric.log(other)).await;
    assert!(matches!(opened, Err(Error::Mismatch { .. })), "it was answered {:?}", opened.err());
}

pub(super) async fn garbage_is_an_entry_and_stops_nothing(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let name = group().name;
    let before = owner.put(0, "before").await;
    let mut tail = owner.log.tail(before);
    let mut heard = async || within("the tail", tail.next()).await.expect("no end").expect("the tail goes on");
    let throw = async |subject: String| {
        owner.fabric.bus().publish(subject, None, Headers::new(), text("garbage")).await.expect("it can be sent");
    };

    throw(format!("shop.log.{name}.0")).await;
    let garbage = heard().await;
    assert_eq!((garbage.partition, garbage.payload), (Some(0), text("garbage")));
    throw(format!("shop.log.{name}.stray")).await;
    let stray = heard().await;
    assert_eq!((stray.partition, stray.payload), (None, text("garbage")));

    let outcome = owner.append(0, before, "unaware").await;
    assert!(is_fenced(&outcome), "garbage in a partition moves its fence, but: {outcome:?}");
    let after = owner.append(0, garbage.sequence, "aware").await.expect("a stray subject moves no fence");
    assert_eq!(heard().await.sequence, after);
}

pub(super) async fn a_turn_too_large_is_refused_for_good(site: &dyn Site) {
    let owner = Owner::start(site, "n1").await;
    let last = owner.put(0, "small").await;
    let huge = Bytes::from(vec![0; PAYLOAD_BYTES_MAX + 1]);
    let outcome = within("an answer", owner.log.append(0, last, Headers::new(), huge)).await;
    assert!(matches!(outcome, Err(AppendError::Full { .. })), "it was answered {outcome:?}");
    owner.append(0, last, "small again").await.expect("a refusal changes nothing");
}
