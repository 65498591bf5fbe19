//! What is known of a group's log: how far it has been seen, and where it last brought something new.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use messages::group::EventType;
use runtime::headers::{self, Position};
use runtime::log::Entry;
use runtime::turn::{COMMITS, EVENTS};
use tokio::time::Instant;

/// How long it counts that the log was seen to its end. Beyond, a broken line could hide any change.
const SURE_FOR: Duration = Duration::from_secs(2);

/// A log as far as it is known. Written by the one who follows it, read by all workers.
#[derive(Debug)]
pub(crate) struct Followed {
    group: &'static messages::Group,
    places: Vec<Place>,
    /// How many commits have been seen that may change an answer, in all partitions.
    changes: AtomicU64,
    began: Instant,
    /// The milliseconds after `began` at which the log was last known to be seen to its end; 0 for never.
    sure_at: AtomicU64,
}

/// A partition.
#[derive(Debug, Default)]
struct Place {
    /// Everything up to this sequence has been seen.
    seen: AtomicU64,
    /// The last commit that may change an answer.
    changed: AtomicU64,
    /// What this gateway knows to have been written, whether it has been seen or not.
    written: AtomicU64,
}

/// How far a log had been seen when something was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// One partition, up to this sequence.
    One(u32, u64),
    /// All of them, after this many changes.
    All(u64),
}

impl Followed {
    pub(super) fn new(group: &'static messages::Group) -> Followed {
        Followed {
            group,
            places: (0..group.partitions).map(|_| Place::default()).collect(),
            changes: AtomicU64::new(0),
            began: Instant::now(),
            sure_at: AtomicU64::new(0),
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.group.name
    }

    pub(super) fn contract(&self) -> &'static messages::Group {
        self.group
    }

    fn place(&self, partition: u32) -> Option<&Place> {
        self.places.get(usize::try_from(partition).ok()?)
    }

    fn has_seen(&self, position: &Position) -> bool {
        self.place(position.partition).is_some_and(|place| place.seen.load(Ordering::Acquire) >= position.sequence)
    }

    /// Whether the log has been seen to its end a moment ago.
    fn is_sure(&self) -> bool {
        let at = self.sure_at.load(Ordering::Acquire);
        at > 0 && self.began.elapsed() < Duration::from_millis(at) + SURE_FOR
    }

    /// Whether an answer with this stamp shows all there is, and all that somebody has seen already.
    pub(super) fn is_good(&self, stamp: Stamp, seen: &[Position]) -> bool {
        let includes_writes =
            |place: &Place| place.written.load(Ordering::Acquire) <= place.seen.load(Ordering::Acquire);
        let unchanged = match stamp {
            Stamp::One(partition, sequence) => self
                .place(partition)
                .is_some_and(|place| includes_writes(place) && place.changed.load(Ordering::Acquire) <= sequence),
            Stamp::All(changes) => {
                self.places.iter().all(includes_writes) && self.changes.load(Ordering::Acquire) == changes
            }
        };
        unchanged
            && self.is_sure()
            && seen.iter().all(|position| position.group != self.name() || self.has_seen(position))
    }

    /// How far the log is seen; nothing when nobody can tell how far it is.
    pub(super) fn stamp(&self, partition: Option<u32>) -> Option<Stamp> {
        self.is_sure().then_some(())?;
        match partition {
            Some(partition) => Some(Stamp::One(partition, self.place(partition)?.seen.load(Ordering::Acquire))),
            // Read before the positions are (see `include`): what is counted here is among what they include.
            None => Some(Stamp::All(self.changes.load(Ordering::Acquire))),
        }
    }

    /// Adds what an answer must include to bear this stamp.
    pub(super) fn include(&self, stamp: Stamp, wait: &mut Vec<Position>) {
        let mut add = |partition: u32, sequence: u64| {
            if sequence == 0 {
                return;
            }
            let known = wait.iter_mut().find(|known| known.group == self.name() && known.partition == partition);
            match known {
                Some(known) => known.sequence = known.sequence.max(sequence),
                None => wait.push(Position { group: self.name().to_owned(), partition, sequence }),
            }
        };
        match stamp {
            Stamp::One(partition, sequence) => add(partition, sequence),
            Stamp::All(_) => {
                for (partition, place) in (0..).zip(&self.places) {
                    add(partition, place.seen.load(Ordering::Acquire));
                }
            }
        }
    }

    /// A write is known to be in the log.
    pub(super) fn wrote(&self, position: &Position) {
        if let Some(place) = self.place(position.partition) {
            place.written.fetch_max(position.sequence, Ordering::AcqRel);
        }
    }

    /// The log brought this.
    pub(super) fn saw(&self, entry: &Entry) {
        let Some(place) = entry.partition.and_then(|partition| self.place(partition)) else { return };
        let changes = may_change_an_answer(entry);
        if changes {
            place.changed.fetch_max(entry.sequence, Ordering::AcqRel);
        }
        // Before it is counted: whoever counts it must find it included.
        place.seen.fetch_max(entry.sequence, Ordering::AcqRel);
        if changes {
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// A partition ends here, and whatever happened before may have gone unseen.
    pub(super) fn lost_sight(&self, partition: u32, last: u64) {
        if let Some(place) = self.place(partition) {
            place.changed.fetch_max(last, Ordering::AcqRel);
            place.seen.fetch_max(last, Ordering::AcqRel);
            self.changes.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The log had been seen to its end at this moment.
    pub(super) fn sure(&self, at: Instant) {
        let millis = u64::try_from(at.duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
        self.sure_at.fetch_max(millis.max(1), Ordering::AcqRel);
    }

    /// Nobody can tell how far the log is.
    pub(super) fn unsure(&self) {
        self.sure_at.store(0, Ordering::Release);
    }
}

/// Whether a message of the log may change an answer that is kept: not when it holds no event, or none that shows.
fn may_change_an_answer(entry: &Entry) -> bool {
    let said = |name| headers::get(&entry.headers, name);
    if said(COMMITS).is_none_or(|commits| commits == "0") {
        return false;
    }
    let Some(events) = said(EVENTS) else { return false };
    events.split("; ").any(|event| {
        let kind = event.split(' ').next().unwrap_or_default();
        // What is not named here could be anything.
        EventType::named(kind).is_none_or(|event| !event.unshown)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product() -> Followed {
        Followed::new(messages::Group::named("product").expect("a group"))
    }

    fn entry(partition: u32, sequence: u64, commits: &str, events: &str) -> Entry {
        let mut said = runtime::bus::Headers::new();
        said.insert(COMMITS, commits);
        if !events.is_empty() {
            said.insert(EVENTS, events);
        }
        Entry {
            partition: Some(partition),
            sequence,
            at: jiff::Timestamp::UNIX_EPOCH,
            headers: said,
            payload: bytes::Bytes::new(),
        }
    }

    fn at(partition: u32, sequence: u64) -> Position {
        Position { group: "product".to_owned(), partition, sequence }
    }

    #[test]
    fn nothing_is_good_while_nobody_knows_how_far_the_log_is() {
        let log = product();
        assert_eq!(log.stamp(Some(1)), None);
        log.sure(Instant::now());
        let stamp = log.stamp(Some(1)).expect("the log is seen");
        assert!(log.is_good(stamp, &[]));
        log.unsure();
        assert!(!log.is_good(stamp, &[]));
    }

    #[test]
    fn a_commit_ends_what_was_read_from_its_partition_and_every_query() {
        let log = product();
        log.sure(Instant::now());
        let stamps = || [log.stamp(Some(1)), log.stamp(Some(2)), log.stamp(None)].map(|stamp| stamp.expect("seen"));
        let good = |stamps: [Stamp; 3]| stamps.map(|stamp| log.is_good(stamp, &[]));
        for (commits, events, after) in [
            ("0", "", [true, true, true]),
            ("1", "", [true, true, true]),
            ("1", "search.found_nothing prd_1", [true, true, true]),
            ("1", "product.updated prd_1", [false, true, false]),
            ("2", "search.found_nothing prd_1; product.updated prd_1", [false, true, false]),
            ("9", "search.found_nothing prd_1; and 8 more", [false, true, false]),
            ("1", "call.began prd_1", [false, true, false]),
        ] {
            let before = stamps();
            let Stamp::One(_, sequence) = before[0] else { panic!("one partition") };
            log.saw(&entry(1, sequence + 1, commits, events));
            assert_eq!(good(before), after, "{commits} {events}");
            assert_eq!(good(stamps()), [true; 3], "asked again after {events}");
        }
    }

    #[test]
    fn an_answer_that_was_overtaken_is_stale_from_the_start() {
        let log = product();
        log.sure(Instant::now());
        let (one, all) = (log.stamp(Some(1)).expect("seen"), log.stamp(None).expect("seen"));
        log.saw(&entry(1, 7, "1", "product.updated prd_1"));
        assert!(!log.is_good(one, &[]) && !log.is_good(all, &[]));
    }

    #[test]
    fn who_has_seen_more_is_not_shown_less() {
        let log = product();
        log.sure(Instant::now());
        log.saw(&entry(1, 7, "1", "product.updated prd_1"));
        let stamp = log.stamp(Some(1)).expect("seen");
        assert!(log.is_good(stamp, &[at(1, 7)]));
        assert!(!log.is_good(stamp, &[at(1, 8)]));
        assert!(!log.is_good(stamp, &[at(2, 1)]));
        let foreign = Position { group: "order".to_owned(), ..at(1, 99) };
        assert!(log.is_good(stamp, &[foreign]));
    }

    #[test]
    fn a_write_through_this_gateway_is_shown_to_everyone_at_once() {
        let log = product();
        log.sure(Instant::now());
        let (one, other, all) = (log.stamp(Some(1)), log.stamp(Some(2)), log.stamp(None));
        log.wrote(&at(1, 5));
        let good = |stamp: Option<Stamp>| log.is_good(stamp.expect("seen"), &[]);
        assert_eq!([good(one), good(other), good(all)], [false, true, false]);
        // Whatever it was, it has been seen; this one changed nothing.
        log.saw(&entry(1, 5, "0", ""));
        assert_eq!([good(one), good(other), good(all)], [true; 3]);
    }

    #[test]
    fn an_answer_includes_what_its_stamp_stands_for() {
        let log = product();
        log.sure(Instant::now());
        log.saw(&entry(1, 7, "0", ""));
        log.saw(&entry(2, 9, "0", ""));
        let mut wait = vec![at(1, 3)];
        log.include(log.stamp(Some(1)).expect("seen"), &mut wait);
        assert_eq!(wait, [at(1, 7)]);
        log.include(log.stamp(None).expect("seen"), &mut wait);
        assert_eq!(wait, [at(1, 7), at(2, 9)]);
        log.lost_sight(3, 11);
        log.include(log.stamp(None).expect("seen"), &mut wait);
        assert_eq!(wait, [at(1, 7), at(2, 9), at(3, 11)]);
    }
}
