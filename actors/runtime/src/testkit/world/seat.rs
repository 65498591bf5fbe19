//! Seats: durable consumers with one turn outstanding at most. Whoever pulls first is handed the turn.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::link::LinkId;
use super::state::State;
use super::stream::{LogStream, log_subject};
use crate::log::Entry;

/// How long the server waits for word of a turn before it hands it out again (`ack_wait`).
const ACK_WAIT: Duration = Duration::from_secs(5);

/// The feed: it hears every group.
const FEED: &str = "evt";

/// Whose seat it is and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) source: String,
    pub(super) partition: u32,
    pub(super) hearer: String,
}

/// A durable consumer.
#[derive(Default)]
pub(super) struct Seat {
    /// The last sequence that is done.
    done: u64,
    held: Option<Held>,
    pulls: VecDeque<Pull>,
}

/// A turn that was handed out and is not done.
#[derive(Clone, Copy)]
struct Held {
    sequence: u64,
    deliveries: u64,
    /// From then on it is handed out again.
    due: Instant,
}

struct Pull {
    link: LinkId,
    tell: oneshot::Sender<Delivery>,
}

/// A turn as it is handed out.
pub(super) struct Delivery {
    pub(super) entry: Entry,
    pub(super) deliveries: u64,
}

/// What a hearer says of a turn.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Done,
    Working,
    Again(Duration),
}

impl Seat {
    pub(super) fn forget_client(&mut self, link: LinkId) {
        self.pulls.retain(|pull| pull.link != link);
    }
}

impl State {
    /// Makes the seats of all hearers of a group. Those that are there keep their place.
    pub(super) fn seat_hearers(&mut self, group: &messages::Group) {
        let hears = |hearer: &&&messages::Group| hearer.hears.iter().any(|heard| heard.group == group.name);
        let hearers = messages::GROUPS.iter().filter(hears).map(|hearer| hearer.name);
        for hearer in hearers.chain([FEED]) {
            for partition in 0..group.partitions {
                let place = Place { source: group.name.to_owned(), partition, hearer: hearer.to_owned() };
                self.seats.entry(place).or_default();
            }
        }
    }

    /// A client waits for the next turn of a place. Dropping `tell` tells it that the place is lost.
    pub(super) fn pull(&mut self, place: &Place, link: LinkId, tell: oneshot::Sender<Delivery>) {
        if let Some(seat) = self.seats.get_mut(place) {
            seat.pulls.push_back(Pull { link, tell });
            self.serve(place);
        }
    }

    /// Hands out a turn of a place, if there is one to hand out and somebody who waits for it.
    fn serve(&mut self, place: &Place) {
        let now = Instant::now();
        let (Some(stream), Some(seat)) = (self.streams.get(&place.source), self.seats.get_mut(place)) else { return };
        if stream.is_leaderless() {
            return;
        }
        let (sequence, deliveries) = match seat.held {
            Some(held) if now < held.due => return,
            Some(held) => (held.sequence, held.deliveries + 1),
            None => match stream.next_of(&log_subject(&place.source, place.partition), seat.done) {
                Some(sequence) => (sequence, 1),
                None => return,
            },
        };
        // A pull whose client has gone is no interest any more: the server sees that and takes the next.
        let waits = |pull: &Pull| !pull.tell.is_closed() && self.links[&pull.link].is_known();
        let Some(at) = seat.pulls.iter().position(waits) else { return };
        let Some(Pull { link, tell }) = seat.pulls.drain(..=at).next_back() else { return };
        let Some((entry, _)) = stream.entry(sequence) else { return };
        let due = now + ACK_WAIT;
        seat.held = Some(Held { sequence, deliveries, due });
        self.serve_at(due, place);
        self.counters.heard += 1;
        self.counters.heard_again += u64::from(deliveries > 1);
        self.note(format_args!("{} hears {}/{sequence}, time {deliveries}", place.hearer, place.source));
        if self.dice.happens(self.odds.message_lost) {
            self.counters.lost += 1;
            // The one who waits is not told: its pull has been answered, as far as the server knows.
            self.at(due, move |_| drop(tell));
            return;
        }
        self.down(link, move |_| drop(tell.send(Delivery { entry, deliveries })));
    }

    fn serve_at(&mut self, when: Instant, place: &Place) {
        let place = place.clone();
        self.at(when, move |state| state.serve(&place));
    }

    /// A hearer's word about a turn. Word of an earlier delivery counts as well: the turn is the same.
    pub(super) fn settle(&mut self, place: &Place, sequence: u64, word: Word) {
        if self.streams.get(&place.source).is_none_or(LogStream::is_leaderless) {
            return;
        }
        let Some(seat) = self.seats.get_mut(place) else { return };
        let Some(held) = seat.held.as_mut().filter(|held| held.sequence == sequence) else { return };
        let due = match word {
            Word::Done => {
                seat.done = sequence;
                seat.held = None;
                self.serve(place);
                return;
            }
            Word::Working => Instant::now() + ACK_WAIT,
            Word::Again(after) => Instant::now() + after,
        };
        held.due = due;
        self.serve_at(due, place);
    }

    /// A turn has landed.
    pub(super) fn serve_partition(&mut self, group: &str, partition: u32) {
        let (from, until) = (first_place(group, partition), first_place(group, partition + 1));
        let places: Vec<Place> = self.seats.range(from..until).map(|(place, _)| place.clone()).collect();
        for place in &places {
            self.serve(place);
        }
    }

    pub(super) fn serve_group(&mut self, group: &str) {
        let places: Vec<Place> = self.seats.keys().filter(|place| place.source == group).cloned().collect();
        for place in &places {
            self.serve(place);
        }
    }

    /// Loses the pulls on a group's log: their leader is gone.
    pub(super) fn unseat(&mut self, group: &str) {
        let of_group = self.seats.iter_mut().filter(|(place, _)| place.source == group);
        of_group.for_each(|(_, seat)| seat.pulls.clear());
    }
}

/// Before every place of a partition.
fn first_place(group: &str, partition: u32) -> Place {
    Place { source: group.to_owned(), partition, hearer: String::new() }
}
