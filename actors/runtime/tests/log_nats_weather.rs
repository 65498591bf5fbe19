//! Foul weather on real servers: killed, cut off, full, forgetful. What was acknowledged stays, in one order, and
//! whoever waits for it goes on waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use runtime::bus::Headers;
use runtime::fabric::{Error, Fabric as _, Hearing, SharedFabric};
use runtime::log::{AppendError, Entry, ReadError, SharedLog};
use runtime::nats::{self, Options, streams};
use runtime::server::{Auth, Proxy, Server, ServerOptions};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long anything here may take: a leader's election takes up to 8 s, and a dead link is noticed in 15 s.
const PATIENCE: Duration = Duration::from_secs(60);

fn group() -> &'static messages::Group {
    messages::GROUPS.iter().find(|group| group.partitions > 1).unwrap()
}

async fn patiently<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it came in time")
}

async fn start(nodes: usize) -> (Server, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(ServerOptions { nodes, ..ServerOptions::new(dir.path()) }).await.unwrap();
    (server, dir)
}

async fn replica(urls: Vec<String>, replicas: usize, name: &str) -> Arc<nats::Fabric> {
    let options = Options { replicas, server_within: Duration::from_secs(2), ..Options::new(urls, group().name, name) };
    nats::Fabric::connect(options).await.unwrap()
}

/// Appends until one append is known to have landed, as a partition does after an unknown outcome: with the same
/// expectation, until either an ack or what stands in its place is seen.
async fn append(log: &SharedLog, partition: u32, last: &mut u64, payload: &str) -> bool {
    loop {
        match log.append(partition, *last, Headers::new(), Bytes::copy_from_slice(payload.as_bytes())).await {
            Ok(sequence) => {
                *last = sequence;
                return true;
            }
            Err(AppendError::Fenced { .. }) => {
                // What fences may not be readable yet: it is under way, or its leader has just gone.
                if let Ok(Some(entry)) = log.next(partition, *last).await {
                    *last = entry.sequence;
                    return entry.payload == payload;
                }
            }
            Err(AppendError::Unknown { .. }) => {}
            Err(full @ AppendError::Full { .. }) => panic!("{full}"),
        }
    }
}

/// Kills each server in turn, again and again, while two replicas of a group write to the same partitions and a third
/// follows. Everything that was acknowledged is in the log once, and the tail tells the same as reading one by one.
#[tokio::test]
async fn nothing_acknowledged_is_lost_while_servers_are_killed() {
    let (mut server, _dir) = start(3).await;
    let follower = replica(server.urls(), 3, "follower").await.log(group()).await.unwrap();
    let mut tail = follower.tail(0);
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for name in ["a", "b"] {
        let log = replica(server.urls(), 3, name).await.log(group()).await.unwrap();
        let stop = stop.clone();
        writers.spawn(async move {
            let (mut last, mut landed) = ([0; 2], Vec::new());
            for number in 0_u64.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let partition = number % 2;
                let payload = format!("{name} {number}");
                let last = &mut last[usize::try_from(partition).unwrap()];
                if append(&log, u32::try_from(partition).unwrap(), last, &payload).await {
                    landed.push(payload);
                }
            }
            landed
        });
    }
    for victim in [0, 1, 2] {
        let before = follower.extent().await.map_or(0, |extent| extent.last_sequence);
        server.node(victim).kill9();
        // Two of three go on by themselves.
        patiently(async { while follower.extent().await.map_or(0, |extent| extent.last_sequence) < before + 20 {} })
            .await;
        server.node(victim).restart().await.unwrap();
        server.settled().await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    let landed: Vec<String> = patiently(writers.join_all()).await.concat();

    let end = patiently(async {
        loop {
            if let Ok(extent) = follower.extent().await {
                break extent.last_sequence;
            }
        }
    })
    .await;
    let (mut followed, mut one_by_one) = (Vec::new(), Vec::new());
    patiently(async {
        while followed.last().is_none_or(|(sequence, _)| *sequence < end) {
            let entry = tail.next().await.unwrap().unwrap();
            followed.push((entry.sequence, entry.payload));
        }
    })
    .await;
    for partition in 0..2 {
        let mut after = 0;
        while let Some(entry) = follower.next(partition, after).await.unwrap() {
            after = entry.sequence;
            one_by_one.push((entry.sequence, entry.payload));
        }
    }
    one_by_one.sort_unstable_by_key(|(sequence, _)| *sequence);
    assert!(followed == one_by_one, "the tail tells another story than reading one by one");
    let stored = followed.iter().map(|(_, payload)| String::from_utf8(payload.to_vec()).unwrap());
    let mut times = BTreeMap::<String, (u32, u32)>::new();
    stored.for_each(|payload| times.entry(payload).or_default().0 += 1);
    landed.iter().for_each(|payload| times.entry(payload.clone()).or_default().1 += 1);
    // Each payload was written by one replica: it is in the log once, and its writer knows.
    let wrong: Vec<_> = times.iter().filter(|(_, counted)| **counted != (1, 1)).take(10).collect();
    assert!(wrong.is_empty(), "payload, times stored, times acknowledged: {wrong:?}");
    assert!(landed.len() > 60);
}

#[tokio::test]
async fn a_tail_and_a_hearing_go_on_after_a_kill_and_after_a_cut() {
    let (mut server, _dir) = start(1).await;
    let near = replica(server.urls(), 1, "near").await;
    let log = near.log(group()).await.unwrap();
    near.seat_hearers(group()).await.unwrap();
    let wire = Proxy::start(server.nodes()[0].port()).await.unwrap();
    let far: SharedFabric = replica(vec![wire.url()], 1, "far").await;
    let mut tail = far.log(group()).await.unwrap().tail(0);
    let mut hearing = far.hear(group(), nats::FEED_HEARER, 0).await.unwrap();
    let mut last = 0;
    for weather in ["fair", "killed", "cut", "dead"] {
        let said = format!("before it is {weather}");
        assert!(patiently(append(&log, 0, &mut last, &said)).await);
        arrives(&mut tail, &mut hearing, last).await;
        match weather {
            "killed" => {
                server.only().kill9();
                server.only().restart().await.unwrap();
            }
            "cut" => wire.cut(),
            // It says nothing: only the missing heartbeats and pongs tell.
            "dead" => {
                wire.half_open();
                assert!(timeout(Duration::from_secs(1), tail.next()).await.is_err());
            }
            _ => {}
        }
        assert!(patiently(append(&log, 0, &mut last, &format!("while it is {weather}"))).await);
        wire.heal();
        arrives(&mut tail, &mut hearing, last).await;
    }
}

/// Both a tail and a hearing bring an entry next; a hearing may repeat what it brought before.
async fn arrives(tail: &mut BoxStream<'static, Result<Entry, ReadError>>, hearing: &mut Box<dyn Hearing>, last: u64) {
    assert_eq!(patiently(tail.next()).await.unwrap().unwrap().sequence, last);
    loop {
        let heard = patiently(hearing.next()).await.unwrap();
        heard.receipt.done().await.unwrap();
        assert!(heard.entry.sequence <= last);
        if heard.entry.sequence == last {
            return;
        }
    }
}

/// A full account refuses, says so, keeps what it has, and lets nobody believe that it is unknown.
#[tokio::test]
async fn a_full_account_refuses_and_forgets_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let options = ServerOptions {
        auth: Auth::Nkeys(dir.path().join("keys")),
        max_file: 8 << 20,
        ..ServerOptions::new(dir.path())
    };
    let server = Server::start(options).await.unwrap();
    let seed = server.keys().unwrap().seed(group().name).unwrap();
    let options = Options { seed: Some(seed), ..Options::new(server.urls(), group().name, "a") };
    let fabric = nats::Fabric::connect(options).await.unwrap();
    let log = fabric.log(group()).await.unwrap();
    let megabyte = Bytes::from(vec![0; 1 << 20]);
    let mut last = 0;
    let refusal = loop {
        match log.append(0, last, Headers::new(), megabyte.clone()).await {
            Ok(sequence) => last = sequence,
            Err(refusal) => break refusal,
        }
    };
    assert!(matches!(refusal, AppendError::Full { partition: 0, .. }), "{refusal}");
    assert!(refusal.to_string().contains("resource limits exceeded"), "{refusal}");
    assert!(last >= 6, "{last}");
    assert!((75..=100).contains(&fabric.storage_used_percent().await.unwrap()));
    assert_eq!(log.next(0, 0).await.unwrap().unwrap().sequence, 1);
    assert_eq!(log.extent().await.unwrap().last_sequence, last);
    // Five MB are more than any server takes; the client knows and does not send.
    let refusal = log.append(0, last, Headers::new(), vec![0; 5 << 20].into()).await.unwrap_err();
    assert!(matches!(refusal, AppendError::Full { .. }), "{refusal}");
}

/// What is under way to a reader is bounded in bytes, too: entries of any size come through, in order, none dropped.
#[tokio::test]
async fn a_tail_of_large_entries_comes_through() {
    let (server, _dir) = start(1).await;
    let fabric = replica(server.urls(), 1, "a").await;
    let log = fabric.log(group()).await.unwrap();
    let mut sequences = Vec::new();
    for size in [3 << 20, 1, 1 << 20].into_iter().cycle().take(30) {
        let last = sequences.last().copied().unwrap_or_default();
        sequences.push(log.append(0, last, Headers::new(), vec![0; size].into()).await.unwrap());
    }
    let tail = log.tail(0).take(sequences.len()).map(|entry| entry.unwrap().sequence);
    assert_eq!(patiently(tail.collect::<Vec<_>>()).await, sequences);
    assert_eq!(fabric.counters().dropped, 0);
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_before_anything_is_sent() {
    for (group, replica) in [("order", ""), ("order", "n.1"), ("*", "n1"), ("order", "n 1")] {
        let refused = nats::Fabric::connect(Options::new(Vec::new(), group, replica)).await;
        assert!(matches!(refused, Err(Error::Mismatch { .. })), "{group}.{replica} is taken");
    }
}

#[tokio::test]
async fn a_log_made_for_another_contract_is_refused_with_the_difference() {
    let (server, _dir) = start(1).await;
    let fabric = replica(server.urls(), 1, "a").await;
    fabric.log(group()).await.unwrap();
    let jetstream = async_nats::jetstream::new(fabric.client());
    let mut config = jetstream.get_stream(streams::name_of(group().name)).await.unwrap().cached_info().config.clone();
    config.metadata.insert(streams::PARTITIONS.to_owned(), "3".to_owned());
    config.max_age = Duration::from_secs(3600);
    config.discard = async_nats::jetstream::stream::DiscardPolicy::Old;
    jetstream.update_stream(&config).await.unwrap();
    let Err(Error::Mismatch { what, reason }) = fabric.log(group()).await.map(drop) else { panic!("accepted") };
    assert_eq!(what, format!("the stream {}", streams::name_of(group().name)));
    assert_eq!(
        reason,
        format!("metadata partitions is 3, wanted {}; max_age is 3600s, wanted 0ns", group().partitions)
    );
}

#[tokio::test]
async fn a_mapping_that_is_missing_is_refused_with_the_line_that_is_needed() {
    // A server without the repository's configuration.
    let dir = tempfile::tempdir().unwrap();
    let mut server = Server::start(ServerOptions::new(dir.path())).await.unwrap();
    let fabric = replica(server.urls(), 1, "a").await;
    fabric.check_mapping(group()).await.unwrap();
    let config = dir.path().join("n1/nats.conf");
    let text = std::fs::read_to_string(&config).unwrap();
    for (other, what) in [
        (text.replace("\"shop.", "\"other."), "arrived nowhere"),
        (text.replace("partition(8,1)", "partition(7,1)"), "not at shop.cmd."),
    ] {
        std::fs::write(&config, other).unwrap();
        server.only().restart().await.unwrap();
        let fabric = replica(server.urls(), 1, "b").await;
        let Err(Error::Mismatch { reason, .. }) = fabric.check_mapping(group()).await else { panic!("accepted") };
        assert!(reason.contains(what) && reason.contains("{{partition(8,1)}}"), "{reason}");
    }
}

#[tokio::test]
async fn a_bucket_that_a_restart_forgot_is_made_again() {
    let (mut server, _dir) = start(1).await;
    let fabric = replica(server.urls(), 1, "a").await;
    let key = format!("{}.a", group().name);
    fabric.members().announce(key.clone(), Bytes::from_static(b"here")).await.unwrap();
    server.only().stop().await.unwrap();
    server.only().restart().await.unwrap();
    patiently(async { while fabric.members().announce(key.clone(), Bytes::from_static(b"again")).await.is_err() {} })
        .await;
    let member = patiently(fabric.members().watch(group().name).next()).await.unwrap();
    assert_eq!((member.key, member.says.unwrap()), (key, Bytes::from_static(b"again")));
}

#[tokio::test]
async fn the_feed_does_not_wait_for_the_disk_on_one_server_and_stores_a_repeat_once() {
    for nodes in [1, 3] {
        let (server, _dir) = start(nodes).await;
        let fabric = replica(server.urls(), nodes, "a").await;
        let subject = format!("shop.evt.{}.x_1.x.happened", group().name);
        for _ in 0..2 {
            let stored = fabric.store(subject.clone(), "e1".to_owned(), Headers::new(), Bytes::from_static(b"{}"));
            stored.await.unwrap();
        }
        let stream = async_nats::jetstream::new(fabric.client()).get_stream(streams::FEED).await.unwrap();
        let info = stream.cached_info();
        let is_async = info.config.persist_mode == Some(async_nats::jetstream::stream::PersistenceMode::Async);
        assert_eq!((is_async, info.config.num_replicas, info.state.messages), (nodes == 1, nodes, 1));
        assert!(info.config.max_bytes > 0 && !info.config.max_age.is_zero());
    }
}

/// A replica that stops listening answers what the server had given it, so that nobody waits in vain.
#[tokio::test]
async fn no_request_is_lost_while_listeners_come_and_go() {
    let (server, _dir) = start(1).await;
    let asker = replica(server.urls(), 1, "asker").await;
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let (mut listeners, mut wires) = (JoinSet::new(), Vec::new());
    for name in ["a", "b"] {
        // A slow wire: what the server sends before it knows that we stop is long under way.
        let wire = Proxy::start(server.nodes()[0].port()).await.unwrap();
        let bus = replica(vec![wire.url()], 1, name).await.bus();
        wire.delay(Duration::from_millis(2));
        wires.push(wire);
        let stop = stop.clone();
        listeners.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let subject = "shop.cmd.x.0.>".to_owned();
                let mut heard = bus.subscribe(subject, Some("host".to_owned())).await.unwrap();
                for _ in 0..50 {
                    let request = heard.next().await.unwrap();
                    let reply = request.reply.unwrap().to_string();
                    bus.publish(reply, None, Headers::new(), request.payload).await.unwrap();
                }
                heard.drain().await;
                while let Some(request) = heard.next().await {
                    let reply = request.reply.unwrap().to_string();
                    bus.publish(reply, None, Headers::new(), request.payload).await.unwrap();
                }
            }
        });
    }
    let mut askers = JoinSet::new();
    for number in 0..32 {
        let (bus, answered) = (asker.bus(), answered.clone());
        askers.spawn(async move {
            while answered.load(Ordering::Relaxed) < 5_000 {
                let subject = format!("shop.cmd.x.0.{number}.get");
                match bus.request(subject, Headers::new(), Bytes::new(), Duration::from_secs(5)).await {
                    Ok(_) => _ = answered.fetch_add(1, Ordering::Relaxed),
                    // Both may be between two subscriptions.
                    Err(failure) => assert!(failure.certainly_unhandled(), "{failure}"),
                }
            }
        });
    }
    while let Some(asked) = askers.join_next().await {
        asked.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    listeners.abort_all();
}
