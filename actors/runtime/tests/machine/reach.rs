//! What a client does about replicas that hang, and how it comes back to them.

use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use messages::inventory::v1::AdjustStockResponse;
use prost::Message as _;
use runtime::client::{Answer, Call, Failure, HEDGE_AFTER};
use runtime::reach::{Set, breaker};
use runtime::testkit::Asker;
use tokio::time::Instant;

use super::probe::{self, Do, request};
use super::{act, home, open, play, until, warehouse};

const GROUP: &str = probe::CONTRACT.name;

/// A call that is given up early.
fn impatient(asker: &Asker, name: &str) -> Call {
    let id = warehouse(name);
    let mut call = asker.call::<Do>(Some(&id), &request(&id, 1, ""));
    call.deadline = asker.client.clock().now().saturating_add(SignedDuration::from_millis(1_500)).expect("a deadline");
    call
}

fn total(answer: Answer) -> i64 {
    AdjustStockResponse::decode(answer.payload).expect("a level").level.unwrap_or_default().on_hand
}

#[test]
fn a_replica_that_hangs_is_left_out_while_the_other_answers() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a", "b"]).await;
        let target = asker.client.reach().target(GROUP, Set::Stable);
        let names: Vec<String> = (0..40).map(|number| format!("n{number}")).collect();
        until(&world, async || {
            for name in &names {
                act(&asker, name, 0, "").await.expect("room");
            }
            target.outliers.count(Instant::now()).known == 2
        })
        .await;
        let is_of_a = |name: &&String| target.outliers.host(home(name)).as_deref() == Some("a");
        let of_a: Vec<&String> = names.iter().filter(is_of_a).collect();
        assert!(of_a.len() >= 8, "both host something: {of_a:?}");

        world.faults().pause(&format!("{GROUP}.a"));
        let began = Instant::now();
        let answers = join_all(of_a.iter().map(|name| act(&asker, name, 1, ""))).await;
        assert!(answers.iter().all(|answer| matches!(answer, Ok(1))), "{answers:?}");
        assert!(began.elapsed() < Duration::from_secs(2), "after {:?}", began.elapsed());
        assert_eq!(target.outliers.count(Instant::now()).ejected, 1);
        assert_eq!(target.circuit.state(), breaker::State::Closed, "the group as a whole answers");
        for name in &of_a {
            let began = Instant::now();
            assert_eq!(act(&asker, name, 1, "").await.expect("the other answers"), 2);
            assert!(began.elapsed() < HEDGE_AFTER, "nobody waits for it any more");
        }

        world.faults().resume(&format!("{GROUP}.a"));
        world.pass(Duration::from_secs(31)).await;
        assert_eq!(target.outliers.count(Instant::now()).ejected, 0);
        for name in &of_a {
            assert_eq!(act(&asker, name, 1, "").await.expect("it is asked again"), 3);
        }
        stage.clear().await;
        for name in ["a", "b"] {
            assert_eq!(stage.verify(Some(name)).await, Vec::<String>::new(), "{name}");
        }
    });
}

#[test]
fn a_group_that_hangs_opens_its_circuit_within_two_seconds_and_closes_it_when_it_is_back() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        act(&asker, "x", 1, "").await.expect("room");
        let target = asker.client.reach().target(GROUP, Set::Stable);
        world.faults().pause(&format!("{GROUP}.a"));
        let hung: Vec<Call> = (0..8).map(|number| impatient(&asker, &format!("h{number}"))).collect();
        let asked = join_all(hung.iter().map(|call| asker.client.ask(call))).await;
        assert!(asked.iter().all(|said| matches!(said, Err(Failure::Unknown { .. }))), "{asked:?}");
        assert_eq!(target.circuit.state(), breaker::State::Open);

        let began = Instant::now();
        let refused = asker.client.ask(&impatient(&asker, "x")).await;
        let Err(Failure::Unavailable { retry_after, .. }) = refused else { panic!("{refused:?}") };
        assert!(retry_after <= Duration::from_secs(2) && began.elapsed() < Duration::from_millis(1), "at once");

        world.faults().resume(&format!("{GROUP}.a"));
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(total(asker.client.ask(&impatient(&asker, "x")).await.expect("a probe")), 2);
        assert_eq!(target.circuit.state(), breaker::State::Closed);
        stage.clear().await;
    });
}

#[test]
fn a_canary_that_is_silent_is_helped_out_by_the_stable_replicas() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        stage.canary("c");
        stage.start("c").await;
        act(&asker, "x", 1, "").await.expect("room");
        let canaried = async || {
            let mut call = impatient(&asker, "x");
            call.set = Set::Canary;
            asker.client.ask(&call).await.map(|answer| (answer.set, total(answer)))
        };
        assert_eq!(canaried().await.expect("an answer"), (Set::Canary, 2));
        world.faults().pause(&format!("{GROUP}.c"));
        assert_eq!(canaried().await.expect("an answer"), (Set::Stable, 3));
        world.faults().resume(&format!("{GROUP}.c"));
        // What it was asked then it decides now, and finds that it was done.
        world.pass(Duration::from_secs(1)).await;
        let (_, now) = canaried().await.expect("an answer");
        assert_eq!(now, 4);
        stage.clear().await;
        assert_eq!(stage.verify(Some("c")).await, Vec::<String>::new());
    });
}
