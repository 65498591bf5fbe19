//! What gets lost, comes twice or dies in between.

use std::time::Duration;

use messages::payment::v1::{PaymentStatus, rpc};
use prost::Message as _;
use runtime::testkit::{MemoryStore, refusal};

use super::in_a_world;
use super::shop::{authorisation, authorise, capture, id, open, refund, refunded, until};

#[test]
fn asking_twice_charges_once() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a", "b"]).await;
        let request = authorisation("one", "pm_card_visa");
        let call = asker.keyed::<rpc::AuthorizePayment>("key", &request.payment_id, &request);
        let asked: Vec<_> = futures::future::join_all((0..20).map(|_| asker.send(&call))).await;
        assert!(asked.iter().all(Result::is_ok), "{asked:?}");
        // The same wish under another key finds the payment under way.
        authorise(&asker, "one", "pm_card_visa").await;
        until(&asker, "one", PaymentStatus::Authorized).await;
        let mut other = request.clone();
        other.amount = super::shop::euros(2999);
        let another = asker.ask::<rpc::AuthorizePayment>(Some(&other.payment_id), &other).await;
        assert_eq!(refusal(another).code, "already_exists");
        for _ in 0..5 {
            capture(&asker, "one", None).await.expect("already so");
        }
        until(&asker, "one", PaymentStatus::Captured).await;
        for _ in 0..3 {
            refund(&asker, "one", "same", Some(700)).await.expect("the same refund");
        }
        refunded(&asker, "one").await;
        assert_eq!(way.money(&request.payment_id), [0, 1999, 700]);
        stage.clear().await;
    });
}

#[test]
fn an_answer_that_gets_lost_is_looked_for_before_anything_is_asked_again() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        for (name, card) in
            [("fails", "pm_card_failsAfterCharging"), ("drops", "pm_card_dropsAfterCharging"), ("lost", "pm_card_visa")]
        {
            if name == "lost" {
                way.lose_answers(3);
            }
            authorise(&asker, name, card).await;
            until(&asker, name, PaymentStatus::Authorized).await;
            if name == "lost" {
                way.lose_answers(1);
            }
            capture(&asker, name, None).await.expect("it is held");
            until(&asker, name, PaymentStatus::Captured).await;
            if name == "lost" {
                way.lose_answers(1);
            }
            refund(&asker, name, name, Some(1)).await.expect("something is left");
            refunded(&asker, name).await;
            assert_eq!(way.money(&id("pay", name)), [0, 1999, 1], "{name}");
        }
        stage.clear().await;
    });
}

#[test]
fn a_provider_that_is_away_is_waited_for() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        way.go_away();
        authorise(&asker, "one", "pm_card_visa").await;
        world.pass(Duration::from_secs(400)).await;
        until(&asker, "one", PaymentStatus::Pending).await;
        way.fine();
        world.pass(Duration::from_secs(301)).await;
        until(&asker, "one", PaymentStatus::Authorized).await;
        assert_eq!(way.money(&id("pay", "one")), [1999, 0, 0]);
        stage.clear().await;
    });
}

#[test]
fn whoever_dies_in_between_is_followed_by_one_who_knows() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        for (round, wiped) in [true, false, true].into_iter().enumerate() {
            let name = format!("p{round}");
            way.lose_answers(1);
            authorise(&asker, &name, "pm_card_visa").await;
            // The charge is made, its answer is lost, and then the host dies.
            while way.money(&id("pay", &name))[0] == 0 {
                world.pass(Duration::from_millis(10)).await;
            }
            stage.kill("a");
            if wiped {
                stage.set_store("a", MemoryStore::new());
            }
            stage.start("a").await;
            until(&asker, &name, PaymentStatus::Authorized).await;
            way.lose_answers(1);
            capture(&asker, &name, None).await.expect("it is held");
            stage.kill("a");
            stage.start("a").await;
            until(&asker, &name, PaymentStatus::Captured).await;
            assert_eq!(way.money(&id("pay", &name)), [0, 1999, 0], "{name}");
        }
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
    });
}

#[test]
fn what_is_published_names_no_card() {
    in_a_world(|world| async move {
        let (mut stage, asker, _way) = open(&world, &["a"]).await;
        authorise(&asker, "one", "pm_card_threeDSecure2Required").await;
        until(&asker, "one", PaymentStatus::RequiresAction).await;
        let events = loop {
            let events = world.stored("shop.evt.payment.>");
            if events.iter().any(|event| event.subject.ends_with("payment.requires_action")) {
                break events;
            }
            world.pass(Duration::from_millis(20)).await;
        };
        for event in events {
            let text = String::from_utf8_lossy(&event.payload).into_owned();
            assert!(!text.contains("pm_card") && !text.contains("/3ds/") && !text.contains("secret"), "{text}");
        }
        let request =
            messages::payment::v1::GetHistoryRequest { payment_id: id("pay", "one"), limit: None, after: None };
        let life = asker.ask::<rpc::GetHistory>(Some(&request.payment_id), &request).await.expect("a life");
        let types: Vec<_> =
            life.data.iter().map(|entry| entry.r#type.as_str()).filter(|t| !t.starts_with("agenda")).collect();
        assert_eq!(types, ["payment.initiated", "payment.submitted", "payment.requires_action"]);
        assert!(request.encoded_len() > 0);
        stage.clear().await;
    });
}
