//! What a cut, a stopped and a killed process see of the world, and what the world sees of them.
#![cfg(feature = "testkit")]

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use runtime::bus::{Bus, Headers, Message, RequestError, Subscription};
use runtime::testkit::{Odds, World, seeded};
use tokio::time::timeout;

const SUBJECT: &str = "shop.any.g.k.get";
const A_MOMENT: Duration = Duration::from_millis(50);

fn group() -> &'static str {
    messages::GROUPS[0].name
}

fn named(replica: &str) -> String {
    format!("{}.{replica}", group())
}

/// A subscription the server has heard of.
async fn subscribe(world: &World, bus: &Arc<dyn Bus>, subject: &str) -> Subscription {
    let subscription = bus.subscribe(subject.to_owned(), None).await.unwrap();
    world.pass(A_MOMENT).await;
    subscription
}

async fn publish(bus: &Arc<dyn Bus>, text: &'static str) {
    bus.publish(SUBJECT.to_owned(), None, Headers::new(), Bytes::from_static(text.as_bytes())).await.unwrap();
}

async fn request(bus: &Arc<dyn Bus>) -> Result<Message, RequestError> {
    bus.request(SUBJECT.to_owned(), Headers::new(), Bytes::from_static(b"?"), Duration::from_millis(400)).await
}

/// Everything that arrives within a moment.
async fn arrived(subscription: &mut Subscription) -> Vec<Bytes> {
    let mut arrived = Vec::new();
    while let Ok(Some(message)) = timeout(A_MOMENT, subscription.next()).await {
        arrived.push(message.payload);
    }
    arrived
}

#[test]
fn what_is_sent_during_a_short_cut_arrives_after_it_in_order() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (cut, other) = (world.fabric(group(), "n1").bus(), world.fabric(group(), "n2").bus());
        let mut heard = subscribe(&world, &other, SUBJECT).await;
        world.faults().cut(&named("n1"));
        publish(&cut, "one").await;
        publish(&cut, "two").await;
        world.pass(Duration::from_secs(2)).await;
        assert!(arrived(&mut heard).await.is_empty());
        world.faults().heal(&named("n1"));
        publish(&cut, "three").await;
        assert_eq!(arrived(&mut heard).await, ["one", "two", "three"]);
    });
}

#[test]
fn a_long_cut_loses_what_was_sent_before_it_was_noticed_and_sends_the_rest_late() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (cut, other) = (world.fabric(group(), "n1").bus(), world.fabric(group(), "n2").bus());
        let mut heard = subscribe(&world, &other, SUBJECT).await;
        world.faults().cut(&named("n1"));
        publish(&cut, "into the void").await;
        world.pass(Duration::from_secs(15)).await;
        publish(&cut, "zombie").await;
        world.faults().heal(&named("n1"));
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(arrived(&mut heard).await, ["zombie"]);
    });
}

#[test]
fn a_host_that_is_cut_off_is_silent_first_and_then_known_to_be_gone() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (cut, other) = (world.fabric(group(), "n1").bus(), world.fabric(group(), "n2").bus());
        let mut requests = subscribe(&world, &cut, SUBJECT).await;
        world.faults().cut(&named("n1"));
        assert_eq!(request(&other).await.unwrap_err(), RequestError::TimedOut(SUBJECT.to_owned()));
        world.pass(Duration::from_secs(6)).await;
        assert_eq!(request(&other).await.unwrap_err(), RequestError::NoResponders(SUBJECT.to_owned()));
        world.faults().heal(&named("n1"));
        world.pass(Duration::from_secs(1)).await;
        assert!(arrived(&mut requests).await.is_empty(), "the server had dropped the first with the connection");
        assert_eq!(request(&other).await.unwrap_err(), RequestError::TimedOut(SUBJECT.to_owned()));
        assert_eq!(arrived(&mut requests).await, ["?"], "its subscription is back");
    });
}

#[test]
fn a_request_over_a_connection_that_breaks_says_so() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let cut = world.fabric(group(), "n1").bus();
        world.faults().cut(&named("n1"));
        let patience = Duration::from_secs(20);
        let outcome = cut.request(SUBJECT.to_owned(), Headers::new(), Bytes::new(), patience).await;
        assert_eq!(outcome.unwrap_err(), RequestError::Disconnected(SUBJECT.to_owned()));
    });
}

#[test]
fn a_stopped_process_does_everything_when_it_goes_on() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let fabric = world.fabric(group(), "n1");
        let log = fabric.log(messages::GROUPS[0]).await.unwrap();
        let (stopped, other) = (fabric.bus(), world.fabric(group(), "n2").bus());
        let mut heard = subscribe(&world, &stopped, SUBJECT).await;
        let append = async {
            let acked = log.append(0, 0, Headers::new(), Bytes::from_static(b"turn")).await;
            (acked, world.clock().now())
        };
        let stop = async {
            world.faults().pause(&named("n1"));
            let started = world.clock().now();
            assert!(request(&other).await.is_err());
            world.pass(Duration::from_secs(30)).await;
            world.faults().resume(&named("n1"));
            started
        };
        let ((acked, at), started) = tokio::join!(append, stop);
        assert_eq!(acked.unwrap(), 1, "the ack lay in its kernel all the time");
        assert!(at.duration_since(started).as_secs() >= 30, "it was answered while it was stopped");
        assert_eq!(arrived(&mut heard).await, ["?"], "a request from before it was given up");
        world.pass(Duration::from_secs(1)).await;
        assert!(matches!(request(&other).await, Err(RequestError::TimedOut(_))), "it is connected again");
    });
}

#[test]
fn a_killed_process_is_gone_at_once_and_has_a_successor() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (killed, other) = (world.fabric(group(), "n1").bus(), world.fabric(group(), "n2").bus());
        let mut heard = subscribe(&world, &killed, SUBJECT).await;
        let mut last_words = subscribe(&world, &other, "shop.any.g.k.last").await;
        let last = ("shop.any.g.k.last".to_owned(), Bytes::from_static(b"words"));
        killed.publish(last.0, None, Headers::new(), last.1).await.unwrap();
        world.faults().kill(&named("n1"));
        assert_eq!(arrived(&mut last_words).await, ["words"], "what it had written is in the network");
        assert!(matches!(request(&other).await, Err(RequestError::NoResponders(_))));
        assert!(timeout(Duration::from_mins(1), killed.subscribe(SUBJECT.to_owned(), None)).await.is_err());
        assert!(timeout(Duration::from_mins(1), heard.next()).await.is_err());

        let successor = world.fabric(group(), "n1").bus();
        let mut heard_again = subscribe(&world, &successor, SUBJECT).await;
        assert!(matches!(request(&other).await, Err(RequestError::TimedOut(_))));
        assert_eq!(arrived(&mut heard_again).await, ["?"]);
        world.faults().cut(&named("n1"));
        assert!(matches!(request(&other).await, Err(RequestError::TimedOut(_))));
        assert!(arrived(&mut heard_again).await.is_empty(), "the name means the successor now");
        drop((last_words, heard_again));
        assert!(world.leftovers().is_empty(), "a dead process is not asked to clean up: {:?}", world.leftovers());
    });
}

#[test]
fn a_watch_ends_with_its_connection() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (watching, other) = (world.fabric(group(), "n1").members(), world.fabric(group(), "n2").members());
        let mut watch = watching.watch(group());
        other.announce(named("n2"), Bytes::from_static(b"here")).await.unwrap();
        assert_eq!(watch.next().await.unwrap().key, named("n2"));
        world.faults().cut(&named("n1"));
        other.leave(named("n2")).await.unwrap();
        world.pass(Duration::from_secs(30)).await;
        world.faults().heal(&named("n1"));
        assert!(watch.next().await.is_none(), "nobody knows what it missed");
    });
}

#[test]
fn a_hearing_ends_with_its_connection_and_its_turn_goes_to_another() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let group = messages::GROUPS[0];
        let (cut, other) = (world.fabric(group.name, "n1"), world.fabric(group.name, "n2"));
        let log = other.log(group).await.unwrap();
        other.seat_hearers(group).await.unwrap();
        let mut one = cut.hear(group, "evt", 0).await.unwrap();
        let turn = log.append(0, 0, Headers::new(), Bytes::new()).await.unwrap();
        let heard = one.next().await.unwrap();
        world.faults().cut(&named("n1"));
        heard.receipt.done().await.unwrap();
        let mut two = other.hear(group, "evt", 0).await.unwrap();
        let again = two.next().await.unwrap();
        assert_eq!((again.entry.sequence, again.deliveries), (turn, 2));
        again.receipt.done().await.unwrap();
        world.pass(Duration::from_secs(30)).await;
        world.faults().heal(&named("n1"));
        world.pass(Duration::from_secs(1)).await;
        // The cut one's word was lost, and it starts anew.
        let second = log.append(0, turn, Headers::new(), Bytes::new()).await.unwrap();
        let heard = futures::future::select(one.next(), two.next()).await.factor_first().0;
        assert_eq!(heard.unwrap().entry.sequence, second);
    });
}

#[test]
fn a_hearing_that_waits_through_a_long_cut_ends() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let group = messages::GROUPS[0];
        let (cut, other) = (world.fabric(group.name, "n1"), world.fabric(group.name, "n2"));
        let log = other.log(group).await.unwrap();
        other.seat_hearers(group).await.unwrap();
        let mut hearing = cut.hear(group, "evt", 0).await.unwrap();
        let away = async {
            world.pass(A_MOMENT).await;
            world.faults().cut(&named("n1"));
            world.pass(Duration::from_secs(30)).await;
            world.faults().heal(&named("n1"));
        };
        let (waited, ()) = tokio::join!(hearing.next(), away);
        assert!(waited.is_err(), "the server has forgotten that it waits");
        let turn = log.append(0, 0, Headers::new(), Bytes::new()).await.unwrap();
        let mut again = cut.hear(group, "evt", 0).await.unwrap();
        assert_eq!(again.next().await.unwrap().entry.sequence, turn);
    });
}

#[test]
fn quiet_brings_everybody_back() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (one, other) = (world.fabric(group(), "n1").bus(), world.fabric(group(), "n2").bus());
        let mut heard = subscribe(&world, &other, SUBJECT).await;
        world.faults().set(Odds { message_lost: 1_000, ..Odds::FAIR });
        world.faults().cut(&named("n1"));
        world.faults().pause(&named("n2"));
        world.faults().quiet();
        publish(&one, "hello").await;
        assert_eq!(arrived(&mut heard).await, ["hello"]);
    });
}

#[test]
fn core_messages_are_lost_doubled_and_late_as_often_as_asked() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (one, other) = (world.fabric(group(), "n1").bus(), world.fabric(group(), "n2").bus());
        let mut heard = subscribe(&world, &other, SUBJECT).await;
        world.faults().set(Odds { message_lost: 100, message_doubled: 100, message_delayed: 100, ..Odds::FAIR });
        for _ in 0..1_000 {
            publish(&one, "x").await;
        }
        world.pass(Duration::from_secs(3)).await;
        let arrived = arrived(&mut heard).await.len();
        let counters = world.counters();
        assert_eq!(arrived, usize::try_from(counters.delivered).unwrap());
        for (what, count, per_hop) in
            [("lost", counters.lost, 100), ("doubled", counters.doubled, 90), ("late", counters.delayed, 50)]
        {
            assert!(count > per_hop / 2 && count < per_hop * 4, "{count} of 1000 messages were {what}");
        }
    });
}
