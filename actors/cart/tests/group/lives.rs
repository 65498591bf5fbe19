//! Whose carts are, how they end, and how they are listed.

use std::time::Duration;

use cart::wire::v1::{self, CartStatus, CartStatusFilter};
use messages::cart::v1::rpc;
use runtime::client::Failure;
use runtime::headers::Caller;
use runtime::testkit::{Asker, MemoryStore, refusal};

use super::shop::{Shop, ada, add, ask, call, create, customer, guest, id, items, lines, plain, play, problems, see};

#[test]
fn a_repeated_command_is_done_once_and_survives_a_restart() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        let cart = create(&asker, &ada(), "one", &[]).await;
        let request = v1::AddItemRequest { cart_id: cart.clone(), sku: "MUG".into(), quantity: Some(2) };
        let mut add = asker.keyed::<rpc::AddItem>("add", &cart, &request);
        add.caller = ada();
        let first = asker.send(&add).await.expect("room");
        assert!(asker.send(&add).await.expect("the same").replayed);
        shop.cart.kill("a");
        shop.cart.set_store("a", MemoryStore::new());
        shop.cart.start("a").await;
        let after = asker.send(&add).await.expect("the same");
        assert_eq!((after.payload, after.replayed), (first.payload, true));
        assert_eq!(lines(&plain(&asker, &ada(), &cart).await), "2xMUG@900");
        shop.close().await;
    });
}

#[test]
fn a_foreign_cart_is_as_good_as_none() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let cart = create(&asker, &ada(), "one", &[("MUG", 1)]).await;
        for stranger in [customer("eve"), guest("eve")] {
            assert_eq!(refusal(see(&asker, &stranger, &cart).await).code, "not_found");
            assert_eq!(refusal(add(&asker, &stranger, &cart, "TEE", 1).await).code, "not_found");
            let delete = v1::DeleteCartRequest { cart_id: cart.clone() };
            assert_eq!(refusal(ask::<rpc::DeleteCart>(&asker, &stranger, &cart, &delete).await).code, "not_found");
        }
        let support = Caller::known("support", Some(id("usr", "sam")), vec!["*".into()]);
        assert_eq!(see(&asker, &support, &cart).await.expect("staff may").user_id, id("usr", "ada"));
        // Whoever signs in still shows the guest they were.
        let was = Caller { guest: Some(id("usr", "ada")), ..customer("ada-with-account") };
        assert_eq!(lines(&see(&asker, &was, &cart).await.expect("own")), "1xMUG@900");
        shop.close().await;
    });
}

#[test]
fn a_cart_is_the_callers_unless_staff_say_whose() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let create = async |caller: &Caller, name: &str, user: Option<&str>| {
            let cart_id = id("cart", name);
            let user_id = user.map(|user| id("usr", user));
            let create = v1::CreateCartRequest {
                cart_id: cart_id.clone(),
                currency: "EUR".into(),
                user_id,
                ..Default::default()
            };
            let said = ask::<rpc::CreateCart>(&asker, caller, &cart_id, &create).await?;
            Ok::<_, Failure>(said.cart.expect("a cart").user_id)
        };
        let support = Caller::known("support", None, vec!["*".into()]);
        assert_eq!(create(&guest("gus"), "1", None).await.expect("a cart"), id("usr", "gus"));
        assert_eq!(create(&ada(), "2", Some("ada")).await.expect("a cart"), id("usr", "ada"));
        assert_eq!(refusal(create(&ada(), "3", Some("eve")).await).code, "foreign_owner");
        assert_eq!(create(&support, "4", Some("ada")).await.expect("a cart"), id("usr", "ada"));
        assert_eq!(refusal(create(&support, "5", None).await).code, "no_owner");
        shop.close().await;
    });
}

#[test]
fn a_cart_becomes_one_order_and_no_other() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let cart = create(&asker, &ada(), "one", &[("MUG", 1)]).await;
        let complete = |order: &str| v1::CompleteCartRequest { cart_id: cart.clone(), order_id: id("ord", order) };
        let order = Caller::service("order");
        for _ in 0..2 {
            let done = ask::<rpc::CompleteCart>(&asker, &order, &cart, &complete("one")).await.expect("done");
            assert_eq!(done.cart.expect("a cart").status(), CartStatus::Ordered);
        }
        let again = refusal(ask::<rpc::CompleteCart>(&asker, &order, &cart, &complete("two")).await);
        assert_eq!(again.code, "already_ordered");
        assert_eq!(refusal(add(&asker, &ada(), &cart, "TEE", 1).await).code, "cart_closed");
        let seen = see(&asker, &ada(), &cart).await.expect("a cart");
        assert_eq!((seen.order_id, seen.totals, seen.expires_at), (Some(id("ord", "one")), None, None));
        let missing = v1::CompleteCartRequest { cart_id: id("cart", "none"), order_id: id("ord", "one") };
        let missing = ask::<rpc::CompleteCart>(&asker, &order, &missing.cart_id, &missing).await;
        assert_eq!(refusal(missing).code, "not_found");
        // People cannot say it.
        assert_eq!(
            refusal(ask::<rpc::CompleteCart>(&asker, &ada(), &cart, &complete("one")).await).code,
            "missing_scope"
        );
        shop.close().await;
    });
}

#[test]
fn a_line_is_put_aside_and_back() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let cart = create(&asker, &ada(), "one", &[("MUG", 2), ("TEE", 1)]).await;
        let save = v1::SaveItemRequest { cart_id: cart.clone(), sku: "MUG".into() };
        ask::<rpc::SaveItem>(&asker, &ada(), &cart, &save).await.expect("aside");
        let seen = see(&asker, &ada(), &cart).await.expect("a cart");
        let saved: Vec<_> = seen.saved.iter().map(|line| (line.quantity, line.title.as_deref())).collect();
        assert_eq!((lines(&seen), saved), ("1xTEE@2000".into(), vec![(2, Some("The MUG"))]));
        assert_eq!(problems(&seen), Vec::<String>::new());
        assert_eq!(refusal(ask::<rpc::SaveItem>(&asker, &ada(), &cart, &save).await).code, "not_in_cart");
        let restore = v1::RestoreItemRequest { cart_id: cart.clone(), sku: "MUG".into() };
        let back = ask::<rpc::RestoreItem>(&asker, &ada(), &cart, &restore).await.expect("back").cart.expect("a cart");
        assert_eq!((lines(&back), back.saved.len()), ("1xTEE@2000 2xMUG@900".into(), 0));
        assert_eq!(refusal(ask::<rpc::RestoreItem>(&asker, &ada(), &cart, &restore).await).code, "not_saved");
        let full = v1::PutItemsRequest { cart_id: cart.clone(), items: items(&[("MUG", 9_999), ("TEE", 2)]) };
        let full = refusal(ask::<rpc::PutItems>(&asker, &ada(), &cart, &full).await);
        assert_eq!((full.code.as_str(), full.fact("units_max")), ("too_many_units", Some(&10_000.into())));
        shop.close().await;
    });
}

async fn listed(asker: &Asker, caller: &Caller, request: &v1::ListCartsRequest) -> Vec<String> {
    let page = ask::<rpc::ListCarts>(asker, caller, "", request).await.expect("a list");
    page.data.into_iter().map(|cart| cart.cart_id).collect()
}

#[test]
fn people_list_their_own_carts_and_staff_all() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        let mut own = Vec::new();
        for name in ["1", "2", "3", "4"] {
            own.push(create(&asker, &ada(), name, &[("MUG", 1)]).await);
            world.pass(Duration::from_secs(1)).await;
        }
        let eves = create(&asker, &customer("eve"), "eve", &[]).await;
        let delete = v1::DeleteCartRequest { cart_id: own[3].clone() };
        let gone = ask::<rpc::DeleteCart>(&asker, &ada(), &own[3], &delete).await.expect("gone").cart.expect("a cart");
        assert_eq!((gone.status(), gone.lines.len()), (CartStatus::Deleted, 0));
        assert_eq!(refusal(see(&asker, &ada(), &own[3]).await).code, "not_found");
        let complete = v1::CompleteCartRequest { cart_id: own[0].clone(), order_id: id("ord", "one") };
        let last = call::<rpc::CompleteCart>(&asker, &Caller::service("order"), &own[0], &complete);
        asker.send(&last).await.expect("done");
        // Views may lag: once the last change is seen, all are.
        let all = v1::ListCartsRequest::default();
        let ordered = v1::ListCartsRequest {
            status: Some(CartStatusFilter { eq: CartStatus::Ordered.into(), ..CartStatusFilter::default() }),
            ..all.clone()
        };
        asker.until::<rpc::ListCarts>(None, &ordered, |page| page.data.len() == 1).await;
        assert_eq!(listed(&asker, &ada(), &all).await, [&own[2], &own[1], &own[0]].map(Clone::clone));
        assert_eq!(listed(&asker, &ada(), &ordered).await, [own[0].clone()]);
        let theirs = v1::ListCartsRequest { user_id: Some(id("usr", "ada")), ..all.clone() };
        assert_eq!(
            listed(&asker, &customer("eve"), &theirs).await,
            std::slice::from_ref(&eves),
            "whatever they ask for"
        );
        let support = Caller::known("support", None, vec!["*".into()]);
        assert_eq!(listed(&asker, &support, &theirs).await.len(), 3);
        assert_eq!(listed(&asker, &support, &all).await.len(), 4);
        let sort = |sort: &str| v1::ListCartsRequest { sort: Some(sort.into()), limit: Some(2), ..all.clone() };
        let first = ask::<rpc::ListCarts>(&asker, &ada(), "", &sort("created_at")).await.expect("a page");
        assert_eq!(first.data.iter().map(|cart| &cart.cart_id).collect::<Vec<_>>(), [&own[0], &own[1]]);
        let next = v1::ListCartsRequest { after: first.next, ..sort("created_at") };
        assert_eq!(listed(&asker, &ada(), &next).await, [own[2].clone()]);
        // Views are made anew to the same.
        shop.cart.kill("a");
        shop.cart.set_store("a", MemoryStore::new());
        shop.cart.start("a").await;
        asker.until::<rpc::ListCarts>(None, &all, |page| page.data.len() == 4).await;
        assert_eq!(listed(&asker, &ada(), &all).await, [&own[2], &own[1], &own[0]].map(Clone::clone));
        shop.close().await;
    });
}
