//! Two carts become one, whoever dies meanwhile.

use std::time::Duration;

use cart::wire::v1::{self, Cart, CartStatus, MergePolicy};
use messages::cart::v1::rpc;
use runtime::client::{Call, Failure};
use runtime::headers::Caller;
use runtime::testkit::{Asker, MemoryStore, World, refusal};

use super::shop::{Shop, ada, add, ask, call, create, customer, guest, id, lines, plain, play, put, send_to};

/// Ada, who was this guest before she signed in.
fn ada_once(name: &str) -> Caller {
    Caller { guest: Some(id("usr", name)), ..ada() }
}

fn merging(into: &str, from: &str, policy: MergePolicy) -> v1::MergeCartRequest {
    v1::MergeCartRequest { cart_id: into.to_owned(), from_cart_id: from.to_owned(), policy: policy.into() }
}

fn merge_call(asker: &Asker, caller: &Caller, into: &str, from: &str) -> Call {
    call::<rpc::MergeCart>(asker, caller, into, &merging(into, from, MergePolicy::Add))
}

async fn merge(asker: &Asker, caller: &Caller, into: &str, from: &str) -> Result<Cart, Failure> {
    let request = merging(into, from, MergePolicy::Add);
    Ok(ask::<rpc::MergeCart>(asker, caller, into, &request).await?.cart.expect("a cart"))
}

/// Waits until a cart stands so, in the world's time.
async fn until(world: &World, asker: &Asker, caller: &Caller, cart: &str, status: CartStatus) -> Cart {
    for _ in 0..1_000 {
        let seen = plain(asker, caller, cart).await;
        if seen.status() == status {
            return seen;
        }
        world.pass(Duration::from_millis(50)).await;
    }
    panic!("{cart} is never {status:?}");
}

#[test]
fn what_a_guest_chose_is_there_after_signing_in() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let own = create(&asker, &ada(), "own", &[("MUG", 1)]).await;
        let before = create(&asker, &guest("gus"), "before", &[("MUG", 2), ("TEE", 1)]).await;
        send_to(&asker, &ada(), &own, "AT", "standard").await;
        let merged = merge(&asker, &ada_once("gus"), &own, &before).await.expect("one cart");
        assert_eq!((lines(&merged), merged.shipping_option.as_str()), ("3xMUG@? 1xTEE@2000".into(), "standard"));
        let again = merge(&asker, &ada_once("gus"), &own, &before).await.expect("it is so");
        assert_eq!((lines(&again), again.version), (lines(&merged), merged.version));
        // The cart that gave tells until it is heard, and adds nothing.
        world.pass(Duration::from_secs(20)).await;
        let after = plain(&asker, &ada(), &own).await;
        assert_eq!((lines(&after), after.version), (lines(&merged), merged.version));
        let closed = plain(&asker, &guest("gus"), &before).await;
        assert_eq!((closed.status(), closed.merged_into), (CartStatus::Merged, Some(own.clone())));
        assert_eq!(refusal(add(&asker, &guest("gus"), &before, "CAP", 1).await).code, "cart_closed");
        shop.close().await;
    });
}

#[test]
fn a_merge_is_refused_before_anything_is_closed() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let own = create(&asker, &ada(), "own", &[("MUG", 1)]).await;
        let eves = create(&asker, &customer("eve"), "eves", &[("TEE", 1)]).await;
        assert_eq!(refusal(merge(&asker, &ada(), &own, &own).await).code, "same_cart");
        assert_eq!(refusal(merge(&asker, &ada(), &own, &eves).await).code, "source_not_found");
        assert_eq!(refusal(merge(&asker, &ada(), &own, &id("cart", "none")).await).code, "source_not_found");
        assert_eq!(refusal(merge(&asker, &ada(), &eves, &own).await).code, "not_found");
        let ordered = create(&asker, &ada(), "ordered", &[("TEE", 1)]).await;
        let complete = v1::CompleteCartRequest { cart_id: ordered.clone(), order_id: id("ord", "one") };
        ask::<rpc::CompleteCart>(&asker, &Caller::service("order"), &ordered, &complete).await.expect("done");
        assert_eq!(refusal(merge(&asker, &ada(), &own, &ordered).await).code, "source_closed");
        assert_eq!(refusal(merge(&asker, &ada(), &ordered, &own).await).code, "cart_closed");
        for (caller, cart) in [(ada(), &own), (customer("eve"), &eves)] {
            let seen = plain(&asker, &caller, cart).await;
            assert_eq!((seen.status(), seen.version), (CartStatus::Active, 1));
        }
        shop.close().await;
    });
}

#[test]
fn a_cart_that_cannot_be_taken_over_is_open_again() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let own = create(&asker, &ada(), "own", &[("MUG", 6_000)]).await;
        let before = create(&asker, &guest("gus"), "before", &[("TEE", 6_000)]).await;
        assert_eq!(refusal(merge(&asker, &ada_once("gus"), &own, &before).await).code, "too_many_units");
        let back = until(&world, &asker, &guest("gus"), &before, CartStatus::Active).await;
        assert_eq!((lines(&back), back.version), ("6000xTEE@1800".into(), 3), "merged, and reopened");
        assert_eq!(lines(&plain(&asker, &ada(), &own).await), "6000xMUG@810");
        // With room it works, and by another policy too.
        put(&asker, &ada(), &own, &[("TEE", 7_000)]).await;
        let request = merging(&own, &before, MergePolicy::KeepLarger);
        let merged = ask::<rpc::MergeCart>(&asker, &ada_once("gus"), &own, &request).await.expect("room");
        assert_eq!(lines(&merged.cart.expect("a cart")), "7000xTEE@1800");
        shop.close().await;
    });
}

#[test]
fn a_merge_whose_host_died_half_way_is_finished() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        let own = create(&asker, &ada(), "own", &[("MUG", 1)]).await;
        let before = create(&asker, &guest("gus"), "before", &[("TEE", 1)]).await;
        // The first half of a merge, and then nobody is left who knows of it but the log.
        let hand_over = v1::HandOverRequest {
            cart_id: before.clone(),
            into_cart_id: own.clone(),
            into_user_id: id("usr", "ada"),
            policy: MergePolicy::Add.into(),
        };
        let through = ada_once("gus").through("cart");
        ask::<rpc::HandOver>(&asker, &through, &before, &hand_over).await.expect("closed");
        shop.cart.kill("a");
        shop.cart.set_store("a", MemoryStore::new());
        shop.cart.start("a").await;
        for _ in 0..1_000 {
            if lines(&plain(&asker, &ada(), &own).await) == "1xMUG@900 1xTEE@2000" {
                break;
            }
            world.pass(Duration::from_millis(50)).await;
        }
        let merged = plain(&asker, &ada(), &own).await;
        assert_eq!((lines(&merged).as_str(), merged.version), ("1xMUG@900 1xTEE@2000", 2));
        // A retry of the merge finds it done.
        assert_eq!(merge(&asker, &ada_once("gus"), &own, &before).await.expect("it is so").version, 2);
        shop.close().await;
    });
}

#[test]
fn a_merge_is_done_once_in_any_weather() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        shop.cart.start("b").await;
        let own = create(&asker, &ada(), "own", &[("MUG", 1)]).await;
        let before = create(&asker, &guest("gus"), "before", &[("MUG", 1)]).await;
        world.faults().set(runtime::testkit::Odds {
            message_lost: 150,
            message_doubled: 100,
            ..runtime::testkit::Odds::ROUGH
        });
        let sent = asker.client.ask(&merge_call(&asker, &ada_once("gus"), &own, &before)).await;
        shop.cart.kill("b");
        world.faults().set(runtime::testkit::Odds::FAIR);
        // Whatever became of the first attempt, asking again ends in one cart.
        let merged = merge(&asker, &ada_once("gus"), &own, &before).await.unwrap_or_else(|e| panic!("{sent:?}: {e:?}"));
        assert_eq!((lines(&merged).as_str(), merged.version), ("2xMUG@?", 2));
        world.pass(Duration::from_secs(20)).await;
        assert_eq!(plain(&asker, &ada(), &own).await.version, 2);
        shop.close().await;
    });
}
