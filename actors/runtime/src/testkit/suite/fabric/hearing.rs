//! Facts of durable hearings.

use std::time::Duration;

use futures::future::Either;
use tokio::time::Instant;

use super::{Owner, Site, group, never_within, within};
use crate::fabric::{Heard, Hearing};

/// The feed hears every group, so its place is there whatever the contract says.
const HEARER: &str = "evt";
/// How long the server waits for word of a turn before it hands it out again.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// How much earlier than asked a redelivery may be seen: clocks of two machines, timers in milliseconds.
const SLACK: Duration = Duration::from_millis(100);

/// Takes the feed's place on partition 0, over a connection of its own.
async fn take(site: &dyn Site, replica: &str) -> Box<dyn Hearing> {
    let fabric = site.fabric(group().name, replica).await;
    within("a hearing", fabric.hear(group(), HEARER, 0)).await.expect("the owner has made the place")
}

/// An owner whose hearers are seated, and its place after everything written before.
async fn place(site: &dyn Site) -> (Owner, Box<dyn Hearing>) {
    let owner = Owner::start(site, "n1").await;
    within("the places", owner.fabric.seat_hearers(group())).await.expect("the owner makes the places");
    let mut hearing = take(site, "n2").await;
    let latest = owner.put(0, "latest").await;
    loop {
        let heard = next(&mut *hearing).await;
        done(&heard).await;
        if heard.entry.sequence == latest {
            return (owner, hearing);
        }
    }
}

async fn next(hearing: &mut dyn Hearing) -> Heard {
    within("a turn", hearing.next()).await.expect("the place is kept")
}

async fn done(heard: &Heard) {
    heard.receipt.done().await.expect("the word gets out");
}

/// What either of two hearings gets.
async fn either(one: &mut dyn Hearing, other: &mut dyn Hearing) -> Heard {
    let heard = async {
        match futures::future::select(one.next(), other.next()).await {
            Either::Left((heard, _)) | Either::Right((heard, _)) => heard,
        }
    };
    within("a turn", heard).await.expect("the place is kept")
}

pub(super) async fn turns_are_heard_in_order_and_once_when_done(site: &dyn Site) {
    let (owner, mut hearing) = place(site).await;
    let mut written = Vec::new();
    for round in 0..10 {
        written.push(owner.put(0, &format!("heard {round}")).await);
        owner.put(1, "another partition's").await;
    }
    for sequence in written {
        let heard = next(&mut *hearing).await;
        assert_eq!((heard.entry.sequence, heard.deliveries), (sequence, 1));
        assert_eq!(heard.entry.partition, Some(0));
        done(&heard).await;
    }
    never_within(ACK_WAIT + Duration::from_secs(1), "a turn that was done", hearing.next()).await;
}

pub(super) async fn two_hearings_of_a_place_share_one_turn_at_a_time(site: &dyn Site) {
    let (owner, mut one) = place(site).await;
    let mut other = take(site, "n3").await;
    let mut waiting = Vec::new();
    for round in 0..5 {
        waiting.push(owner.put(0, &format!("shared {round}")).await);
    }
    for sequence in waiting {
        let heard = either(&mut *one, &mut *other).await;
        assert_eq!((heard.entry.sequence, heard.deliveries), (sequence, 1));
        never_within(Duration::from_millis(300), "a second turn", either(&mut *one, &mut *other)).await;
        done(&heard).await;
    }
}

pub(super) async fn an_unsettled_turn_is_heard_again(site: &dyn Site) {
    let (owner, mut one) = place(site).await;
    let mut other = take(site, "n3").await;
    let sequence = owner.put(0, "unsettled").await;
    let first = either(&mut *one, &mut *other).await;
    assert_eq!((first.entry.sequence, first.deliveries), (sequence, 1));
    let forgotten = Instant::now();
    drop(first);
    let second = either(&mut *one, &mut *other).await;
    assert_eq!((second.entry.sequence, second.deliveries), (sequence, 2));
    assert!(forgotten.elapsed() + SLACK >= ACK_WAIT, "it was given away after {:?}", forgotten.elapsed());
    done(&second).await;
    let sequence = owner.put(0, "settled").await;
    let third = either(&mut *one, &mut *other).await;
    assert_eq!((third.entry.sequence, third.deliveries), (sequence, 1));
    done(&third).await;
}

pub(super) async fn a_turn_put_off_comes_again_after_a_while(site: &dyn Site) {
    let (owner, mut hearing) = place(site).await;
    let sequence = owner.put(0, "put off").await;
    let heard = next(&mut *hearing).await;
    let a_while = Duration::from_secs(1);
    let put_off = Instant::now();
    heard.receipt.again(a_while).await.expect("the word gets out");
    let again = next(&mut *hearing).await;
    assert_eq!((again.entry.sequence, again.deliveries), (sequence, 2));
    let waited = put_off.elapsed();
    assert!(waited + SLACK >= a_while && waited < ACK_WAIT, "it came again after {waited:?}");
    done(&again).await;
}

pub(super) async fn a_turn_being_worked_on_is_given_to_nobody_else(site: &dyn Site) {
    let (owner, mut one) = place(site).await;
    let mut other = take(site, "n3").await;
    let sequence = owner.put(0, "long work").await;
    let heard = either(&mut *one, &mut *other).await;
    for _ in 0..4 {
        never_within(Duration::from_secs(2), "a turn being worked on", either(&mut *one, &mut *other)).await;
        heard.receipt.working().await.expect("the word gets out");
    }
    done(&heard).await;
    let following = owner.put(0, "following").await;
    let heard = either(&mut *one, &mut *other).await;
    assert!(following > sequence);
    assert_eq!((heard.entry.sequence, heard.deliveries), (following, 1));
    done(&heard).await;
}

pub(super) async fn a_place_remembers_across_connections(site: &dyn Site) {
    let (owner, mut first) = place(site).await;
    let (settled, missed) = (owner.put(0, "settled").await, owner.put(0, "missed").await);
    let heard = next(&mut *first).await;
    assert_eq!(heard.entry.sequence, settled);
    done(&heard).await;
    drop(first);
    // Making the places again must not move them.
    within("the places", owner.fabric.seat_hearers(group())).await.expect("the owner makes the places");
    let mut second = take(site, "n4").await;
    let heard = next(&mut *second).await;
    assert_eq!(heard.entry.sequence, missed);
    done(&heard).await;
}

pub(super) async fn a_place_nobody_made_cannot_be_taken(site: &dyn Site) {
    let (owner, _hearing) = place(site).await;
    let outcome = within("an answer", owner.fabric.hear(group(), "nobody", 0)).await;
    assert!(outcome.is_err(), "a hearer the contract does not know has a place");
}
