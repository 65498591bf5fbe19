//! Facts of the bus.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::future::Either;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{LOOK_EVERY, PATIENCE, Site, group, never_within, text, until, within};
use crate::bus::{Bus, Headers, Message, RequestError, SUBSCRIPTION_MESSAGES_MAX, Subscription};

/// How many messages a queue group shares: one member gets all of them once in 2^199 times.
const SHARED: usize = 200;
/// How long a message that must not come is waited for.
const SURPLUS_WAIT: Duration = Duration::from_millis(300);
/// "At once", on a busy machine.
const AT_ONCE: Duration = Duration::from_secs(2);

async fn bus(site: &dyn Site, replica: &str) -> Arc<dyn Bus> {
    site.fabric(group().name, replica).await.bus()
}

/// A subject of the group under test that no other fact uses.
fn subject(key: &str, verb: &str) -> String {
    format!("shop.any.{}.{key}.{verb}", group().name)
}

async fn subscribe(bus: &dyn Bus, subject: &str, queue: Option<&str>) -> Subscription {
    bus.subscribe(subject.to_owned(), queue.map(str::to_owned)).await.expect("one can subscribe")
}

async fn publish(bus: &dyn Bus, subject: &str, payload: &str) {
    bus.publish(subject.to_owned(), None, Headers::new(), text(payload)).await.expect("one can publish");
}

async fn request(bus: &dyn Bus, subject: &str, patience: Duration) -> Result<Message, RequestError> {
    bus.request(subject.to_owned(), Headers::new(), text("?"), patience).await
}

/// Asks until somebody listens: a subscription takes a moment to reach the server.
async fn answer(bus: &dyn Bus, subject: &str) -> Message {
    until("an answer", || async {
        match request(bus, subject, PATIENCE).await {
            Ok(answer) => Some(answer),
            Err(RequestError::NoResponders(_)) => None,
            Err(failure) => panic!("{failure}"),
        }
    })
    .await
}

/// Answers every request on a subscription with one text, until stopped.
struct Responder(JoinHandle<()>);

impl Responder {
    async fn start(bus: &Arc<dyn Bus>, subject: &str, queue: Option<&str>, says: &'static str) -> Responder {
        let mut requests = subscribe(&**bus, subject, queue).await;
        let bus = bus.clone();
        Responder(tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                let Some(reply) = request.reply else { continue };
                let headers = request.headers.unwrap_or_default();
                bus.publish(reply.to_string(), None, headers, text(says)).await.expect("one can answer");
            }
        }))
    }

    async fn stop(self) {
        self.0.abort();
        assert!(self.0.await.is_err_and(|end| end.is_cancelled()), "a responder ended by itself");
    }
}

pub(super) async fn a_request_is_answered_with_headers_and_payload(site: &dyn Site) {
    let (server, client) = (bus(site, "n1").await, bus(site, "n2").await);
    let subject = subject("answered", "get");
    let responder = Responder::start(&server, &subject, None, "here").await;
    answer(&*client, &subject).await;
    let mut headers = Headers::new();
    headers.insert("Shop-Correlation", "c1");
    let echoed = within("an answer", client.request(subject, headers, text("?"), PATIENCE)).await;
    let echoed = echoed.expect("somebody listens");
    assert_eq!(echoed.payload, text("here"));
    let header = echoed.headers.as_ref().and_then(|headers| headers.get("Shop-Correlation"));
    assert_eq!(header.map(async_nats::HeaderValue::as_str), Some("c1"));
    responder.stop().await;
}

pub(super) async fn a_request_nobody_listens_for_fails_at_once(site: &dyn Site) {
    let client = bus(site, "n1").await;
    let subject = subject("nobody", "get");
    let started = Instant::now();
    let outcome = request(&*client, &subject, PATIENCE).await;
    assert_eq!(outcome.unwrap_err(), RequestError::NoResponders(subject));
    assert!(started.elapsed() < AT_ONCE, "it took {:?}", started.elapsed());
}

pub(super) async fn a_request_nobody_answers_times_out(site: &dyn Site) {
    let (server, client) = (bus(site, "n1").await, bus(site, "n2").await);
    let subject = subject("silent", "get");
    let mut requests = subscribe(&*server, &subject, None).await;
    let patience = Duration::from_millis(300);
    let refused = until("a listener", || async {
        request(&*client, &subject, patience).await.err().filter(|failure| !failure.certainly_unhandled())
    });
    assert_eq!(refused.await, RequestError::TimedOut(subject.clone()));
    let request = within("the request", requests.next()).await.expect("the subscription goes on");
    assert!(request.reply.is_some());
}

/// Two members of a queue group, and how much each has got of what is shared.
struct Pair {
    members: [Subscription; 2],
    shares: [usize; 2],
}

impl Pair {
    /// Hears one more message. Returns how much both have got together.
    async fn hear(&mut self) -> usize {
        let [one, other] = &mut self.members;
        let (member, message) = match futures::future::select(one.next(), other.next()).await {
            Either::Left((message, _)) => (0, message),
            Either::Right((message, _)) => (1, message),
        };
        let message = message.expect("the subscription goes on");
        self.shares[member] += usize::from(message.payload == text("shared"));
        self.shares.iter().sum()
    }
}

pub(super) async fn a_queue_group_shares_and_plain_subscriptions_copy(site: &dyn Site) {
    let (one, other, client) = (bus(site, "n1").await, bus(site, "n2").await, bus(site, "n3").await);
    let subject = subject("shared", "get");
    let group = Some("group");
    let mut members = [subscribe(&*one, &subject, group).await, subscribe(&*other, &subject, group).await];
    let copies = subscribe(&*client, &subject, None).await;
    // Whose turn it is is chance: when each has heard something, both are listening.
    for member in &mut members {
        let mut heard = false;
        while !heard {
            publish(&*client, &subject, "warm up").await;
            heard = tokio::time::timeout(LOOK_EVERY, member.next()).await.is_ok();
        }
    }
    for _ in 0..SHARED {
        publish(&*client, &subject, "shared").await;
    }
    publish(&*client, &subject, "end").await;

    let copied = copies.take_while(|message| ready(message.payload != text("end")));
    let copied = copied.filter(|message| ready(message.payload == text("shared")));
    assert_eq!(within("the copies", copied.count()).await, SHARED, "a plain subscription gets a copy of each");
    let mut pair = Pair { members, shares: [0, 0] };
    within("the shares", async { while pair.hear().await < SHARED {} }).await;
    let surplus = async { while pair.hear().await == SHARED {} };
    never_within(SURPLUS_WAIT, "one message for two", surplus).await;
    assert!(pair.shares.iter().all(|share| *share > 0), "the shares are {:?}", pair.shares);
}

pub(super) async fn wildcards_match_whole_tokens(site: &dyn Site) {
    let bus = bus(site, "n1").await;
    let name = group().name;
    let mut star = subscribe(&*bus, &format!("shop.any.{name}.*.wild"), None).await;
    let mut rest = subscribe(&*bus, &format!("shop.any.{name}.w1.>"), None).await;
    for (key, verb) in
        [("w1", "wild"), ("w2", "wild"), ("w10", "wilder"), ("w1", "wilder"), ("w1", "wild.er"), ("w1.x", "wild")]
    {
        publish(&*bus, &subject(key, verb), key).await;
    }
    star.drain().await;
    rest.drain().await;
    let subjects = async |subscription: Subscription| {
        let all = subscription.map(|message| message.subject.to_string()).collect::<Vec<_>>();
        within("the messages", all).await
    };
    assert_eq!(subjects(star).await, [subject("w1", "wild"), subject("w2", "wild")]);
    let expected = [("w1", "wild"), ("w1", "wilder"), ("w1", "wild.er"), ("w1.x", "wild")];
    assert_eq!(subjects(rest).await, expected.map(|(key, verb)| subject(key, verb)));
}

pub(super) async fn a_drained_subscription_delivers_what_was_sent_and_ends(site: &dyn Site) {
    let bus = bus(site, "n1").await;
    let subject = subject("drained", "get");
    let mut subscription = subscribe(&*bus, &subject, None).await;
    // One connection keeps its order: all of these reach the server before the wish to hear no more.
    for number in 0..100 {
        publish(&*bus, &subject, &number.to_string()).await;
    }
    subscription.drain().await;
    publish(&*bus, &subject, "too late").await;
    let heard = subscription.map(|message| message.payload).collect::<Vec<_>>();
    let heard = within("the end of the subscription", heard).await;
    assert_eq!(heard, (0..100).map(|number| text(&number.to_string())).collect::<Vec<_>>());
}

pub(super) async fn a_dropped_subscription_takes_nothing_more(site: &dyn Site) {
    let (server, client) = (bus(site, "n1").await, bus(site, "n2").await);
    let subject = subject("dropped", "get");
    let responder = Responder::start(&server, &subject, None, "here").await;
    answer(&*client, &subject).await;
    responder.stop().await;
    until("nobody", || async {
        let outcome = request(&*client, &subject, LOOK_EVERY).await;
        outcome.is_err_and(|failure| failure.certainly_unhandled()).then_some(())
    })
    .await;
}

pub(super) async fn a_slow_subscription_keeps_the_oldest_and_drops_the_rest(site: &dyn Site) {
    let bus = bus(site, "n1").await;
    let (slow, mark) = (subject("slow", "get"), subject("slow", "mark"));
    let mut slowly = subscribe(&*bus, &slow, None).await;
    let mut marks = subscribe(&*bus, &mark, None).await;
    for number in 0..SUBSCRIPTION_MESSAGES_MAX + 100 {
        publish(&*bus, &slow, &number.to_string()).await;
    }
    publish(&*bus, &mark, "all sent").await;
    within("the mark", marks.next()).await.expect("the subscription goes on");
    slowly.drain().await;
    let kept = within("the end of the subscription", slowly.map(|message| message.payload).collect::<Vec<_>>()).await;
    assert_eq!(kept.len(), SUBSCRIPTION_MESSAGES_MAX);
    assert_eq!(kept.last(), Some(&text(&(SUBSCRIPTION_MESSAGES_MAX - 1).to_string())));
}

pub(super) async fn the_address_of_an_actor_leads_to_its_partition(site: &dyn Site) {
    let bus = bus(site, "n1").await;
    let name = group().name;
    let mut requests = subscribe(&*bus, &format!("shop.cmd.{name}.*.*.mapped"), None).await;
    for key in ["a", "ord_42", "prd_01h455vb4pex5vsknk084sn02q", "Z-9_"] {
        publish(&*bus, &format!("shop.{name}.{key}.mapped"), key).await;
        let request = within("the request", requests.next()).await.expect("the subscription goes on");
        let partition = messages::partition::of(key, group().partitions);
        assert_eq!(request.subject.as_str(), format!("shop.cmd.{name}.{partition}.{key}.mapped"));
        assert_eq!(request.payload, text(key));
    }
}
