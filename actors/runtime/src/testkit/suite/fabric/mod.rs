//! What every [`Fabric`](crate::fabric::Fabric) keeps in fair weather, in memory and on real servers alike.
//!
//! ```ignore
//! suite::fabric::check(&site, suite::fabric::LOG).await;
//! ```
//!
//! Nothing here makes weather: a site has no faults to offer that a single server, three servers and a world have in
//! common. What must hold in foul weather is tested where the weather is made.

mod bus;
mod hearing;
mod letters;
mod log;
mod members;

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

use super::Named;
use crate::bus::Headers;
use crate::fabric::SharedFabric;
use crate::log::{AppendError, Entry, SharedLog};

/// How long a fact waits for anything that must come.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a fact looks again at what announces itself by nothing.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where the suite runs.
pub trait Site: Send + Sync {
    /// The fabric of a replica, over a connection of its own.
    fn fabric<'a>(&'a self, group: &'a str, replica: &'a str) -> BoxFuture<'a, SharedFabric>;
}

/// Something that holds on every site.
pub struct Fact {
    /// The sentence, in snake case.
    pub name: &'static str,
    /// Panics where it does not hold.
    pub check: for<'a> fn(&'a dyn Site) -> BoxFuture<'a, ()>,
}

macro_rules! facts {
    ($($noun:ident::$name:ident),+ $(,)?) => {
        &[$(Fact { name: stringify!($name), check: |site| Box::pin($noun::$name(site)) }),+]
    };
}

/// The log: the fence above all.
pub const LOG: &[Fact] = facts![
    log::appends_return_rising_sequences,
    log::a_wrong_expectation_is_fenced_and_changes_nothing,
    log::the_fence_is_per_partition,
    log::of_two_racing_appenders_exactly_one_wins,
    log::an_abandoned_append_never_lands_behind_its_successor,
    log::an_entry_is_stored_as_it_was_sent,
    log::the_tail_delivers_everything_once_and_in_order_from_any_cursor,
    log::next_and_read_agree,
    log::all_replicas_see_one_stream,
    log::a_log_made_for_other_partitions_does_not_fit,
    log::garbage_is_an_entry_and_stops_nothing,
    log::a_turn_too_large_is_refused_for_good,
];

/// The bus: requests, queue groups, and how subscriptions end.
pub const BUS: &[Fact] = facts![
    bus::a_request_is_answered_with_headers_and_payload,
    bus::a_request_nobody_listens_for_fails_at_once,
    bus::a_request_nobody_answers_times_out,
    bus::a_queue_group_shares_and_plain_subscriptions_copy,
    bus::wildcards_match_whole_tokens,
    bus::a_drained_subscription_delivers_what_was_sent_and_ends,
    bus::a_dropped_subscription_takes_nothing_more,
    bus::a_slow_subscription_keeps_the_oldest_and_drops_the_rest,
    bus::the_address_of_an_actor_leads_to_its_partition,
];

/// Hearings: one turn at a time, again and again until it is done.
pub const HEARINGS: &[Fact] = facts![
    hearing::turns_are_heard_in_order_and_once_when_done,
    hearing::two_hearings_of_a_place_share_one_turn_at_a_time,
    hearing::an_unsettled_turn_is_heard_again,
    hearing::a_turn_put_off_comes_again_after_a_while,
    hearing::a_turn_being_worked_on_is_given_to_nobody_else,
    hearing::a_place_remembers_across_connections,
    hearing::a_place_nobody_made_cannot_be_taken,
];

/// The members' bucket.
pub const MEMBERS: &[Fact] = facts![
    members::a_watcher_sees_the_present_and_then_the_changes,
    members::a_watcher_sees_only_its_group,
    members::who_falls_silent_is_forgotten,
];

/// The dead letters, and by them the streams that deduplicate.
pub const LETTERS: &[Fact] = facts![
    letters::letters_are_read_as_they_were_stored,
    letters::what_is_stored_again_is_there_once,
    letters::a_discarded_letter_is_gone,
];

/// Checks facts one after the other on a site.
pub async fn check(site: &dyn Site, facts: &[Fact]) {
    for fact in facts {
        let _named = Named(fact.name);
        (fact.check)(site).await;
    }
}

/// The group whose log the facts write to: the first of the contract that has partitions to compare.
fn group() -> &'static messages::Group {
    messages::GROUPS.iter().find(|group| group.partitions > 1).expect("the contract has a group of several partitions")
}

/// Waits for what must come.
async fn within<T>(what: &str, comes: impl Future<Output = T>) -> T {
    let came = tokio::time::timeout(PATIENCE, comes).await;
    came.unwrap_or_else(|_| panic!("{what} did not come within {PATIENCE:?}"))
}

/// Looks until something is there.
async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    within(what, async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    })
    .await
}

/// Asserts that something does not come for a while.
async fn never_within<T>(a_while: Duration, what: &str, comes: impl Future<Output = T>) {
    assert!(tokio::time::timeout(a_while, comes).await.is_err(), "{what} came within {a_while:?}");
}

fn text(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

/// A replica of the group under test, with its log.
struct Owner {
    fabric: SharedFabric,
    log: SharedLog,
}

impl Owner {
    async fn start(site: &dyn Site, replica: &str) -> Owner {
        let fabric = site.fabric(group().name, replica).await;
        let log = within("the log", fabric.log(group())).await.expect("the owner makes its log");
        Owner { fabric, log }
    }

    /// Appends, and settles an unknown outcome by the fence: a busy cluster elects a leader now and then, in fair weather
    /// too. Payloads tell our own appends from others.
    async fn append(&self, partition: u32, expected: u64, payload: &str) -> Result<u64, AppendError> {
        let mut in_doubt = false;
        let settled = async {
            loop {
                match self.log.append(partition, expected, Headers::new(), text(payload)).await {
                    Err(AppendError::Unknown { .. }) => in_doubt = true,
                    Err(AppendError::Fenced { partition }) if in_doubt => {
                        let landed =
                            self.next(partition, expected).await.filter(|entry| entry.payload == text(payload));
                        return landed.map(|entry| entry.sequence).ok_or(AppendError::Fenced { partition });
                    }
                    settled => return settled,
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        within("an ack", settled).await
    }

    /// Appends at the end of a partition nobody else writes to.
    async fn put(&self, partition: u32, payload: &str) -> u64 {
        let last = self.last(partition).await;
        self.append(partition, last, payload).await.expect("an append at the end of a quiet partition is acknowledged")
    }

    async fn next(&self, partition: u32, after: u64) -> Option<Entry> {
        let read = async {
            loop {
                match self.log.next(partition, after).await {
                    Ok(entry) => return entry,
                    // Nobody leads just now.
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        within("the next entry", read).await
    }

    /// The sequence a partition ends with, 0 when it is empty.
    async fn last(&self, partition: u32) -> u64 {
        let read = async {
            loop {
                match self.log.last_of(partition).await {
                    Ok(last) => return last,
                    // Nobody leads just now.
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        within("the end", read).await
    }

    /// The sequence the stream ends with.
    async fn end(&self) -> u64 {
        let asked = async {
            loop {
                match self.log.extent().await {
                    Ok(extent) => return extent.last_sequence,
                    Err(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        };
        within("the extent", asked).await
    }
}
