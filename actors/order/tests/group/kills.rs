//! The host dies after every single step, and another replica goes on: forwards and on every way back.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use messages::order::v1::{self, AmendmentStatus, OrderStatus};
use messages::payment::v1::PaymentStatus;
use runtime::testkit::World;

use super::shop::{MOMENT, Shop, Street, cart, id, wanted};

/// A journey: how it goes, whoever dies meanwhile, and what must have come of it.
struct Journey {
    name: &'static str,
    go: fn(Street) -> LocalBoxFuture<'static, v1::Order>,
    /// How it ends, what the provider charged and gave back, and what is held of mugs and tees.
    end: (OrderStatus, (u64, i64, i64), i64, i64),
}

async fn placed(street: &Street, request: v1::PlaceOrderRequest) -> String {
    let order_id = id("ord", "one");
    // Whoever asks may hear nothing; asked again under the same key, it is the same order.
    while street.place("one", request.clone()).await.is_err() {
        street.world.pass(MOMENT).await;
    }
    order_id
}

async fn packed(street: &Street, order_id: &str) -> v1::Order {
    street.until(order_id, |order| order.parts.iter().all(|part| part.parcels.len() == 1)).await
}

async fn cancelled(street: &Street, order_id: &str) -> v1::Order {
    while street.cancel(order_id, &[]).await.is_err() {
        street.world.pass(MOMENT).await;
    }
    street.until_status(order_id, OrderStatus::Cancelled).await
}

fn delivered(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, cart("pm_ok")).await;
        for part in packed(&street, &order_id).await.parts {
            street.dispatch(&order_id, &part.parcels[0].shipment_id).await.expect("it is packed");
            street.deliver(&order_id, &part.parcels[0].shipment_id).await;
        }
        street.until_status(&order_id, OrderStatus::Completed).await
    }
    .boxed_local()
}

fn declined(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, cart("pm_declined")).await;
        street.until_status(&order_id, OrderStatus::Cancelled).await
    }
    .boxed_local()
}

fn not_captured(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, cart("pm_capture_fails")).await;
        street.until_status(&order_id, OrderStatus::Cancelled).await
    }
    .boxed_local()
}

fn not_sent(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let way = Some("refused".to_owned());
        let request = v1::PlaceOrderRequest { shipping_option_id: way, ..cart("pm_ok") };
        let order_id = placed(&street, request).await;
        street.until_status(&order_id, OrderStatus::Cancelled).await
    }
    .boxed_local()
}

fn called_off(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, cart("pm_ok")).await;
        packed(&street, &order_id).await;
        cancelled(&street, &order_id).await
    }
    .boxed_local()
}

fn called_off_at_once(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, cart("pm_ok")).await;
        cancelled(&street, &order_id).await
    }
    .boxed_local()
}

fn missed(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, wanted(&[("MUG", 11), ("FAR-TEE", 1)], "pm_ok")).await;
        street.until_status(&order_id, OrderStatus::Cancelled).await
    }
    .boxed_local()
}

fn reduced(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, cart("pm_ok")).await;
        packed(&street, &order_id).await;
        while street.cancel_once(&order_id, &[("MUG", 1)]).await.is_err() {
            street.world.pass(MOMENT).await;
        }
        let of_mugs = |order: &v1::Order| order.items.iter().find(|item| item.sku == "MUG").map(|mug| mug.cancelled);
        let so = |order: &v1::Order| of_mugs(order) == Some(1) && order.parts.iter().any(|p| p.parcels.len() == 2);
        street.until(&order_id, so).await
    }
    .boxed_local()
}

/// Of three, one is here; the others come when the first has left.
fn waited_for(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        street.stock("near", "LATE-CAP", 1).await;
        let order_id = placed(&street, wanted(&[("LATE-CAP", 3)], "pm_ok")).await;
        let parcel = packed(&street, &order_id).await.parts[0].parcels[0].clone();
        assert_eq!(parcel.lines[0].quantity, Some(1));
        street.dispatch(&order_id, &parcel.shipment_id).await.expect("it is packed");
        street.deliver(&order_id, &parcel.shipment_id).await;
        street.stock("near", "LATE-CAP", 2).await;
        let rest = street.until(&order_id, |order| order.parts[0].parcels.len() == 2).await.parts[0].parcels[1].clone();
        assert_eq!(rest.lines[0].quantity, Some(2));
        street.dispatch(&order_id, &rest.shipment_id).await.expect("it is packed");
        street.deliver(&order_id, &rest.shipment_id).await;
        street.until_status(&order_id, OrderStatus::Completed).await
    }
    .boxed_local()
}

/// Nothing of it is here, so nothing is charged; and then it is called off.
fn waited_for_no_longer(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, wanted(&[("LATE-CAP", 3)], "pm_ok")).await;
        let waits = street.until_status(&order_id, OrderStatus::Confirmed).await;
        assert_eq!(waits.parts[0].awaited[0].quantity, 3);
        let over = cancelled(&street, &order_id).await;
        street.stock("near", "LATE-CAP", 3).await;
        assert_eq!(street.level("near", "LATE-CAP").await, (3, 0), "nobody waits any more");
        over
    }
    .boxed_local()
}

/// Two mugs, delivered.
async fn at_home(street: &Street) -> String {
    let order_id = placed(street, wanted(&[("MUG", 2)], "pm_ok")).await;
    let parcel = packed(street, &order_id).await.parts[0].parcels[0].shipment_id.clone();
    street.dispatch(&order_id, &parcel).await.expect("it is packed");
    street.deliver(&order_id, &parcel).await;
    street.until_status(&order_id, OrderStatus::Completed).await;
    order_id
}

/// One of the mugs is to become two tees, paid with this token.
async fn asked_to_exchange(street: &Street, token: &str) -> String {
    let order_id = at_home(street).await;
    while street.exchange(&order_id, &[("FAR-TEE", 2)], token).await.is_err() {
        street.world.pass(MOMENT).await;
    }
    order_id
}

/// What the provider charged and gave back for the difference.
async fn difference_is(street: &Street, amendment: &v1::Amendment, moved: (u64, i64, i64)) {
    let payment_id = amendment.payment_id.clone().expect("a payment");
    let (captures, captured, refunded, _) = street.journal_of(&payment_id).await;
    assert_eq!((captures, captured, refunded), moved);
}

fn exchanged(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = asked_to_exchange(&street, "pm_ok").await;
        let ready = street.until_amended(&order_id, AmendmentStatus::Ready).await;
        let return_id = ready.return_id.clone().expect("a return");
        while street.approve_return(&order_id, &return_id).await.is_err() {
            street.world.pass(MOMENT).await;
        }
        while street.receive_return("receive", &order_id, &return_id, &[], false).await.is_err() {
            street.world.pass(MOMENT).await;
        }
        street.until_amended(&order_id, AmendmentStatus::Applied).await;
        difference_is(&street, &ready, (1, 1_000, 0)).await;
        street.until(&order_id, |order| order.parts.iter().filter(|part| part.parcels.len() == 1).count() == 2).await
    }
    .boxed_local()
}

fn exchange_declined(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = asked_to_exchange(&street, "pm_declined").await;
        let over = street.until_amended(&order_id, AmendmentStatus::Cancelled).await;
        difference_is(&street, &over, (0, 0, 0)).await;
        street.see(&order_id).await
    }
    .boxed_local()
}

fn exchange_given_up(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = asked_to_exchange(&street, "pm_ok").await;
        while street.give_up(&order_id).await.is_err() {
            street.world.pass(MOMENT).await;
        }
        street.until_amended(&order_id, AmendmentStatus::Cancelled).await;
        street.see(&order_id).await
    }
    .boxed_local()
}

fn edited(street: Street) -> LocalBoxFuture<'static, v1::Order> {
    async move {
        let order_id = placed(&street, wanted(&[("MUG", 2)], "pm_ok")).await;
        packed(&street, &order_id).await;
        let line = |sku: &str, quantity| v1::EditLine { sku: sku.to_owned(), quantity: Some(quantity) };
        let edit = v1::EditOrderRequest {
            order_id: order_id.clone(),
            amendment_id: id("amd", "one"),
            lines: vec![line("MUG", 1), line("FAR-TEE", 3)],
            payment_method: Some(v1::PaymentMethod { token: "pm_ok".to_owned(), ..Default::default() }),
            ..Default::default()
        };
        while street.edit(&edit).await.is_err() {
            street.world.pass(MOMENT).await;
        }
        let applied = street.until_amended(&order_id, AmendmentStatus::Applied).await;
        difference_is(&street, &applied, (1, 2_000, 0)).await;
        let is_packed = |part: &v1::OrderPart| part.parcels.iter().any(|p| p.status() == v1::ParcelStatus::Packing);
        let so = |order: &v1::Order| order.items[0].cancelled == 1 && order.parts.iter().all(is_packed);
        street.until(&order_id, so).await
    }
    .boxed_local()
}

/// Carries a journey out; after so many turns of the log a replica dies, if any does.
async fn run(journey: &Journey, seed: u64, dies: Option<(usize, &str)>) -> usize {
    let world = World::new(seed);
    let mut shop = Shop::open(&world, &["a", "b"]).await;
    let before = world.entries("order").len();
    let mut going = (journey.go)(shop.street.clone());
    let order = match dies {
        None => going.await,
        Some((turns, replica)) => {
            let reached = async {
                while world.entries("order").len() < before + turns {
                    world.pass(MOMENT).await;
                }
            };
            let mut reached = Box::pin(reached);
            match futures::future::select(&mut reached, &mut going).await {
                futures::future::Either::Left(((), _)) => {
                    shop.order.kill(replica);
                    going.await
                }
                futures::future::Either::Right((order, _)) => order,
            }
        }
    };
    let turns = world.entries("order").len() - before;
    let why = format!("{}, {dies:?}, seed {seed}", journey.name);
    let (status, journal, mugs, tees) = journey.end;
    assert_eq!(order.status(), status, "{why}");
    let (captures, captured, refunded, stands) = shop.journal(&order.order_id).await;
    assert_eq!((captures, captured, refunded), journal, "{why}");
    if captured == 0 {
        assert!(matches!(stands, PaymentStatus::Voided | PaymentStatus::Failed | PaymentStatus::Unspecified), "{why}");
    }
    assert_eq!(shop.level("near", "MUG").await, (10 - mugs, mugs), "{why}");
    assert_eq!(shop.level("far", "FAR-TEE").await, (10 - tees, tees), "{why}");
    shop.close().await;
    world.idle().await;
    turns
}

fn killed_after_every_step(journey: &'static Journey) {
    let in_a_world = |seed: u64, dies: Option<(usize, &'static str)>| {
        let turns = std::rc::Rc::new(std::cell::Cell::new(0));
        let told = turns.clone();
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().expect("a runtime of one thread")
        };
        actix_rt::System::with_tokio_rt(runtime).block_on(async move { told.set(run(journey, seed, dies).await) });
        turns.get()
    };
    let turns = in_a_world(1, None);
    assert!(turns > 5, "{}: {turns} turns", journey.name);
    // Which of the two hosts the order is for the cluster to say: each dies in its turn.
    let deaths: BTreeSet<(usize, &'static str)> = (1..=turns).flat_map(|turn| [(turn, "a"), (turn, "b")]).collect();
    for (turn, replica) in deaths {
        in_a_world(1, Some((turn, replica)));
    }
}

macro_rules! journeys {
    ($($name:ident: $go:ident => $end:expr;)+) => {
        $(#[test]
        fn $name() {
            static JOURNEY: Journey = Journey { name: stringify!($go), go: $go, end: $end };
            killed_after_every_step(&JOURNEY);
        })+
    };
}

journeys! {
    the_way_to_the_doorstep_survives: delivered => (OrderStatus::Completed, (1, 3_400, 0), 2, 1);
    the_way_back_after_a_decline_survives: declined => (OrderStatus::Cancelled, (0, 0, 0), 0, 0);
    the_way_back_after_a_failed_capture_survives: not_captured => (OrderStatus::Cancelled, (0, 0, 0), 0, 0);
    the_way_back_after_a_refused_shipment_survives: not_sent => (OrderStatus::Cancelled, (1, 3_800, 3_800), 0, 0);
    the_way_back_of_a_paid_order_survives: called_off => (OrderStatus::Cancelled, (1, 3_400, 3_400), 0, 0);
    the_way_back_of_missed_stock_survives: missed => (OrderStatus::Cancelled, (0, 0, 0), 0, 0);
    the_cancelling_of_a_line_survives: reduced => (OrderStatus::Processing, (1, 3_400, 1_000), 1, 1);
    an_exchange_survives: exchanged => (OrderStatus::Completed, (1, 2_500, 0), 2, 2);
    the_way_back_of_a_declined_exchange_survives: exchange_declined => (OrderStatus::Completed, (1, 2_500, 0), 2, 0);
    the_way_back_of_an_exchange_survives: exchange_given_up => (OrderStatus::Completed, (1, 2_500, 0), 2, 0);
    an_order_that_waits_for_stock_survives: waited_for => (OrderStatus::Completed, (1, 3_500, 0), 0, 0);
    the_way_back_of_an_order_that_waits_survives: waited_for_no_longer => (OrderStatus::Cancelled, (0, 0, 0), 0, 0);
    an_edit_survives: edited => (OrderStatus::Processing, (1, 2_500, 0), 1, 3);
}

/// Cancelled while it is being placed: whatever had been done by then, nothing of it is kept.
#[test]
fn a_cancellation_in_the_middle_of_things_leaves_nothing_behind() {
    for seed in 0..20 {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_time().start_paused(true).build().expect("a runtime of one thread")
        };
        actix_rt::System::with_tokio_rt(runtime).block_on(async move {
            let world = World::new(seed);
            let shop = Shop::open(&world, &["a"]).await;
            let order = called_off_at_once(shop.street.clone()).await;
            assert_eq!(order.status(), OrderStatus::Cancelled);
            let (captures, captured, refunded, _) = shop.journal(&order.order_id).await;
            assert!(captures <= 1 && captured == refunded, "{captures} captures, {captured} − {refunded}");
            assert_eq!(shop.level("near", "MUG").await, (10, 0));
            shop.close().await;
            world.idle().await;
        });
    }
}
