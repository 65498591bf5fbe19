//! Failover: one of two replicas dies or is told to go, and nobody who writes may notice for long, or at all.

use std::time::Duration;

use jiff::SignedDuration;
use runtime::entropy::Entropy;
use runtime::permissions;

use super::crowd::Crowd;
use super::door::{Bus, Web};
use super::fleet::{Fleet, STOP_WITHIN};
use super::house::Up;
use super::judge::{Bench, judge};
use super::seed::kills;

/// How many clients have a connection of their own.
const ALONE: usize = 8;
/// How many share one connection, one budget and one circuit, as the requests of a gateway's worker do.
const TOGETHER: usize = 56;
/// How long a client waits for one attempt.
const ATTEMPT: SignedDuration = SignedDuration::from_millis(650);
/// How long nobody's write may fail.
const NOTICED_MAX: Duration = Duration::from_secs(1);
/// How many commands are settled before a replica is touched, and after it.
const BETWEEN: u64 = 300;

async fn doors(fleet: &Fleet) -> Vec<Bus> {
    let mut doors = fleet.doors(ALONE).await;
    doors.extend(vec![fleet.doors(1).await.remove(0); TOGETHER]);
    for door in &mut doors {
        door.patience = ATTEMPT;
    }
    doors
}

/// One of two replicas is killed under load, in turn. The longest time from a client's first attempt to its answer is
/// how long writes failed.
pub(crate) async fn killed(dice: Entropy) {
    let mut fleet = Fleet::start(1, &["a", "b"]).await;
    let crowd = Crowd::gather(doors(&fleet).await, &dice, "killed", 8).await;
    let (mut calm, mut noticed) = (Vec::new(), Vec::new());
    for round in 0..kills(3) {
        crowd.measure();
        crowd.goes_on(BETWEEN).await;
        calm.push(crowd.measure());
        let replica = &mut fleet.replicas[usize::try_from(round % 2).expect("few")];
        replica.kill9();
        crowd.goes_on(BETWEEN).await;
        crowd.are_answered().await;
        noticed.push(crowd.measure());
        replica.begin();
        replica.is_ready().await;
    }
    let (record, warehouses) = crowd.go_home().await;
    let said = judge(&fleet.bench(), &record, &warehouses, fleet.doors(4).await).await;
    fleet.stop_and_verify().await;
    eprintln!(
        "one of two replicas killed {} times: {said}; longest command around each kill {noticed:?}, before it {calm:?}",
        noticed.len()
    );
    assert!(noticed.iter().all(|longest| *longest <= NOTICED_MAX), "writes failed for longer: {noticed:?}");
}

/// One of two replicas is told to go under load, in turn. Nobody notices.
pub(crate) async fn told_to_go(dice: Entropy) {
    let mut fleet = Fleet::start(1, &["a", "b"]).await;
    let crowd = Crowd::gather(doors(&fleet).await, &dice, "told", 8).await;
    let mut took = Vec::new();
    for round in 0..kills(3) {
        crowd.goes_on(BETWEEN).await;
        let replica = &mut fleet.replicas[usize::try_from(round % 2).expect("few")];
        took.push(replica.stop().await);
        crowd.goes_on(BETWEEN).await;
        replica.begin();
        replica.is_ready().await;
    }
    let (record, warehouses) = crowd.go_home().await;
    assert_eq!(record.unknown, 0, "requests failed: {:?}", record.silences);
    let said = judge(&fleet.bench(), &record, &warehouses, fleet.doors(4).await).await;
    fleet.stop_and_verify().await;
    assert!(took.iter().all(|took| *took < STOP_WITHIN));
    eprintln!("one of two replicas told to go {} times: {said}; it took {took:?}", took.len());
}

/// A whole shop is interrupted under load: it ends well, and the next one has everything.
pub(crate) async fn interrupted(dice: Entropy) {
    let mut up = Up::open().await;
    let doors = (0..ALONE).map(|_| Web::new(up.http(), &up.admin())).collect();
    let crowd = Crowd::gather(doors, &dice, "interrupted", 4).await;
    let mut took = Vec::new();
    for _ in 0..2 {
        crowd.goes_on(BETWEEN).await;
        let (status, stopped) = up.stop().await;
        assert!(status.success(), "{status}");
        assert_eq!(up.left(), Vec::<String>::new(), "nothing goes on without it");
        took.push(stopped);
        up.begin();
        up.is_open().await;
    }
    crowd.goes_on(BETWEEN).await;
    let (record, warehouses) = crowd.go_home().await;
    let seed = permissions::seed_of(&up.data().join("keys"), "inventory").expect("a key");
    let bench = Bench { seed: Some(seed), ..Bench::open(vec![up.nats_url()]) };
    let said = judge(&bench, &record, &warehouses, vec![Web::new(up.http(), &up.admin())]).await;
    eprintln!("mercat up interrupted {} times: {said}; it took {took:?}", took.len());
}
