//! Foul weather: whatever is killed, lost or doubled, what the tallies count is what the redemptions hold.

use std::time::Duration;

use promotion::wire::rpc;
use promotion::wire::v1::{self, RedemptionStatus, Trigger};
use runtime::client::Failure;
use runtime::testkit::{Asker, MemoryStore, Stage, World, seeded};

use super::shop::{campaign, commit, coupon, draft, id, open, release, reserve, usage_is, uses};

const REPLICAS: [&str; 3] = ["a", "b", "c"];
const CUSTOMERS: usize = 6;
const ORDERS_EACH: usize = 12;
const USES_MAX: u32 = 20;

/// Six customers fight for twenty uses while replicas are killed and the network does what it can. Afterwards every
/// redemption is in one state, what counts is what is reserved or committed, and that is never more than twenty.
#[test]
fn a_storm_uses_nothing_up_twice_and_loses_no_use() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &REPLICAS).await;
        let save = campaign(&asker, draft("save", Trigger::Coupon, 500)).await;
        coupon(&asker, &save, "SAVE", Some(USES_MAX)).await;
        let mut working = Vec::new();
        for number in 0..CUSTOMERS {
            let asker = stage.client(&format!("client{number}")).await;
            working.push(actix_rt::spawn(shop(asker, world.clone(), number, save.clone())));
        }
        let storm = {
            let world = world.clone();
            actix_rt::spawn(async move { world.faults().storm(Duration::from_secs(30)).await })
        };
        kill_in_turn(&mut stage, &world).await;
        storm.await.expect("a storm");
        for customer in working {
            customer.await.expect("a customer");
        }
        world.faults().quiet();
        judge(&asker, &save).await;
        stage.clear().await;
        for name in REPLICAS {
            assert_eq!(stage.verify(Some(name)).await, Vec::<String>::new());
        }
        world.idle().await;
    });
}

/// Places orders, and commits, releases or forgets them. What ends without a word is asked again.
async fn shop(asker: Asker, world: World, number: usize, save: String) {
    let entropy = world.entropy();
    for round in 0..ORDERS_EACH {
        let order = format!("{number}-{round}");
        let request = uses(&order, &format!("customer {number}"), &[(&save, Some("SAVE"))]);
        if certainly(&world, async || reserve(&asker, &request).await).await.is_none() {
            continue;
        }
        match entropy.below(3) {
            0 => drop(certainly(&world, async || commit(&asker, &order).await).await),
            1 => drop(certainly(&world, async || release(&asker, &order).await).await),
            _ => {}
        }
    }
}

/// The answer, or `None` when the business says no.
async fn certainly(world: &World, ask: impl AsyncFn() -> Result<v1::Redemption, Failure>) -> Option<v1::Redemption> {
    loop {
        match ask().await {
            Ok(redemption) => return Some(redemption),
            Err(Failure::Refused { problem, .. })
                if problem.retry_after_ms == 0 && !problem.code.contains("deadline") =>
            {
                return None;
            }
            Err(_) => world.pass(Duration::from_millis(200)).await,
        }
    }
}

async fn kill_in_turn(stage: &mut Stage, world: &World) {
    let entropy = world.entropy();
    for round in 0..5 {
        world.pass(Duration::from_millis(2_000 + entropy.below(4_000))).await;
        let name = REPLICAS[round % REPLICAS.len()];
        stage.kill(name);
        if entropy.below(3) == 0 {
            stage.set_store(name, MemoryStore::new());
        }
        world.pass(Duration::from_millis(entropy.below(1_500))).await;
        while stage.try_start(name).await.is_err() {
            // The world may not answer just now; whoever started the process starts it again.
            world.pass(Duration::from_millis(200)).await;
        }
    }
}

async fn judge(asker: &Asker, save: &str) {
    let mut found = [0; 4];
    for (number, round) in (0..CUSTOMERS).flat_map(|number| (0..ORDERS_EACH).map(move |round| (number, round))) {
        let get = v1::GetRedemptionRequest { redemption_id: id("rdm", &format!("{number}-{round}")) };
        let mut call = asker.call::<rpc::GetRedemption>(Some(&get.redemption_id), &get);
        call.strong = true;
        let Ok(answer) = asker.send(&call).await else { continue };
        let said = <v1::GetRedemptionResponse as prost::Message>::decode(answer.payload).expect("a redemption");
        let place = match said.redemption.expect("a redemption").status() {
            RedemptionStatus::Reserved => 0,
            RedemptionStatus::Committed => 1,
            RedemptionStatus::Released => 2,
            RedemptionStatus::Expired => 3,
            RedemptionStatus::Unspecified => panic!("a redemption without a status"),
        };
        found[place] += 1;
    }
    let usage = usage_is(asker, save, found).await;
    assert!(usage.reserved + usage.committed <= u64::from(USES_MAX), "{usage:?}");
    assert!(usage.committed > 0 && usage.released > 0, "there was something to judge: {usage:?}");
    let find = v1::ListCouponsRequest { code: Some("SAVE".to_owned()), ..v1::ListCouponsRequest::default() };
    let coupon = asker.ask::<rpc::ListCoupons>(None, &find).await.expect("a list").data.remove(0);
    let codes = v1::ListCodesRequest { coupon_id: coupon.coupon_id, ..v1::ListCodesRequest::default() };
    let codes = asker.ask::<rpc::ListCodes>(None, &codes).await.expect("the codes");
    assert_eq!(u64::from(codes.data[0].uses), usage.reserved + usage.committed, "the tally counts what is held");
}
