//! Foul weather on both sides: NATS, the way to the bank, and the replicas, seeded. When it clears, both houses agree.

use std::time::Duration;

use messages::payment::v1::{self, PaymentStatus, rpc};
use runtime::client::{Call, Failure};
use runtime::testkit::{Asker, MemoryStore, World};

use super::in_a_world;
use super::shop::{authorisation, euros, id, ledger_sums, open};

const REPLICAS: [&str; 2] = ["a", "b"];
const PAYMENTS: usize = 12;
const CARDS: [&str; 6] = [
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_captureDeclined",
    "pm_card_failsAfterCharging",
    "pm_card_pendingRefund",
    "pm_card_dropsAfterCharging",
];

/// Sends a command until its outcome is known, as an agenda does.
async fn insist(asker: &Asker, call: &Call) {
    loop {
        let deadline =
            asker.client.clock().now().saturating_add(jiff::SignedDuration::from_secs(3)).expect("a deadline");
        match asker.send(&Call { deadline, ..call.clone() }).await {
            Ok(_) => return,
            Err(Failure::Refused { problem, .. }) if problem.retry_after_ms == 0 => return,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

async fn live(asker: Asker, world: World, number: usize) {
    let entropy = world.entropy();
    let name = format!("p{number}");
    let request = authorisation(&name, CARDS[number % CARDS.len()]);
    let key = request.payment_id.clone();
    insist(&asker, &asker.keyed::<rpc::AuthorizePayment>(&name, &key, &request)).await;
    for step in 0..6 {
        world.pass(Duration::from_millis(entropy.below(4_000))).await;
        let name = format!("{name}-{step}");
        let call = match entropy.below(5) {
            0 => {
                let request = v1::CancelPaymentRequest { payment_id: key.clone(), reason: "why".into() };
                asker.keyed::<rpc::CancelPayment>(&name, &key, &request)
            }
            1 => {
                let (payment_id, refund_id) = (key.clone(), id("rfd", &name));
                let request =
                    v1::RefundPaymentRequest { payment_id, refund_id, amount: euros(700), reason: String::new() };
                asker.keyed::<rpc::RefundPayment>(&name, &key, &request)
            }
            _ => {
                let request = v1::CapturePaymentRequest { payment_id: key.clone(), amount: None };
                asker.keyed::<rpc::CapturePayment>(&name, &key, &request)
            }
        };
        insist(&asker, &call).await;
    }
}

#[test]
fn nothing_is_charged_twice_or_lost_in_a_storm() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &REPLICAS).await;
        way.storm(world.entropy());
        let mut living = Vec::new();
        for number in 0..PAYMENTS {
            let asker = stage.client(&format!("order{number}")).await;
            living.push(actix_rt::spawn(live(asker, world.clone(), number)));
        }
        let storm = {
            let world = world.clone();
            actix_rt::spawn(async move { world.faults().storm(Duration::from_secs(30)).await })
        };
        for round in 0..4 {
            world.pass(Duration::from_millis(3_000 + world.entropy().below(3_000))).await;
            let name = REPLICAS[round % 2];
            stage.kill(name);
            if round == 2 {
                stage.set_store(name, MemoryStore::new());
            }
            while stage.try_start(name).await.is_err() {
                world.pass(Duration::from_millis(200)).await;
            }
        }
        storm.await.expect("a storm");
        world.faults().quiet();
        for payment in living {
            payment.await.expect("a payment's life");
        }
        way.fine();
        // What was asked for in vain is asked for again after five minutes at the latest.
        world.pass(Duration::from_secs(15 * 60)).await;
        let (mut taken_in_all, mut returned_in_all) = (0, 0);
        for number in 0..PAYMENTS {
            let get = v1::GetPaymentRequest { payment_id: id("pay", &format!("p{number}")) };
            let said = asker.ask::<rpc::GetPayment>(Some(&get.payment_id), &get).await.expect("a payment");
            let payment = said.payment.expect("a payment");
            let [held, taken, returned] = way.money(&get.payment_id);
            let amount =
                |money: &Option<messages::common::v1::Money>| money.as_ref().and_then(|m| m.amount).unwrap_or(0);
            assert_eq!((amount(&payment.captured), amount(&payment.refunded)), (taken, returned), "{payment:?}");
            let settled = match payment.status() {
                PaymentStatus::Authorized => (held, taken) == (1999, 0),
                PaymentStatus::Captured | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => held == 0,
                PaymentStatus::Voided | PaymentStatus::Failed => (held, taken) == (0, 0),
                _ => false,
            };
            assert!(settled, "{held} {taken} {returned}: {payment:?}");
            taken_in_all += taken;
            returned_in_all += returned;
        }
        assert_eq!(ledger_sums(&asker).await, 0);
        let revenue = super::shop::balance(&asker, v1::LedgerAccount::Revenue).await;
        let refunds = super::shop::balance(&asker, v1::LedgerAccount::Refunds).await;
        assert_eq!((-revenue, refunds), (taken_in_all, returned_in_all), "the ledger says what the bank says");
        stage.clear().await;
        for replica in REPLICAS {
            assert_eq!(stage.verify(Some(replica)).await, Vec::<String>::new(), "{replica}");
        }
    });
}
