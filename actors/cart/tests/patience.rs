//! How long carts wait for their owners: half a minute to be abandoned and two minutes to be deleted, in this process.

use std::time::Duration;

use cart::settings::Settings;
use cart::wire::v1::{self, Cart, CartStatus};
use messages::cart::v1::rpc;
use messages::common::v1::SkuQuantity;
use messages::id::Id;
use runtime::client::Failure;
use runtime::testkit::{Asker, Ground, MemoryStore, Stage, World, refusal, seeded};

fn user() -> String {
    Id::derived("usr", b"ada").to_string()
}

async fn create(asker: &Asker, name: &str, items: Vec<SkuQuantity>) -> String {
    let cart_id = Id::derived("cart", name.as_bytes()).to_string();
    let create = v1::CreateCartRequest {
        cart_id: cart_id.clone(),
        currency: "EUR".into(),
        user_id: Some(user()),
        items,
        ..Default::default()
    };
    asker.ask::<rpc::CreateCart>(Some(&cart_id), &create).await.expect("a cart");
    cart_id
}

fn mugs(quantity: i64) -> Vec<SkuQuantity> {
    vec![SkuQuantity { sku: "MUG".into(), quantity: Some(quantity) }]
}

async fn put(asker: &Asker, cart_id: &str, quantity: i64) {
    let put = v1::PutItemsRequest { cart_id: cart_id.to_owned(), items: mugs(quantity) };
    asker.ask::<rpc::PutItems>(Some(cart_id), &put).await.expect("room");
}

async fn see(asker: &Asker, cart_id: &str) -> Result<Cart, Failure> {
    let get = v1::GetCartRequest { cart_id: cart_id.to_owned(), plain: true };
    Ok(asker.ask::<rpc::GetCart>(Some(cart_id), &get).await?.cart.expect("a cart"))
}

async fn status(asker: &Asker, cart_id: &str) -> CartStatus {
    see(asker, cart_id).await.expect("a cart").status()
}

#[test]
fn a_cart_that_nobody_touches_is_abandoned_and_then_deleted() {
    let never = Settings { abandoned_after_s: 0, ..Settings::default() };
    assert!(cart::group_with(never).is_err(), "a cart is not abandoned before it is filled");
    let group = || cart::group_with(Settings { abandoned_after_s: 30, deleted_after_s: 120 }).expect("settings");
    seeded(move |seed| async move {
        let world = World::new(seed);
        let mut stage = Stage::new(Ground::World(world.clone()), group);
        stage.start("a").await;
        let asker = stage.client("customer").await;
        let cart = create(&asker, "one", mugs(1)).await;
        let empty = create(&asker, "empty", Vec::new()).await;
        world.pass(Duration::from_secs(25)).await;
        put(&asker, &cart, 2).await;
        world.pass(Duration::from_secs(25)).await;
        assert_eq!(status(&asker, &cart).await, CartStatus::Active, "its time began anew");
        // The host dies, and the next one knows when.
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        world.pass(Duration::from_secs(7)).await;
        assert_eq!(status(&asker, &cart).await, CartStatus::Abandoned);
        assert_eq!(status(&asker, &empty).await, CartStatus::Active, "nothing was left behind");
        put(&asker, &cart, 3).await;
        assert_eq!(status(&asker, &cart).await, CartStatus::Active);
        world.pass(Duration::from_secs(115)).await;
        assert_eq!(status(&asker, &cart).await, CartStatus::Abandoned);
        assert_eq!(refusal(see(&asker, &empty).await).code, "not_found");
        world.pass(Duration::from_secs(7)).await;
        assert_eq!(refusal(see(&asker, &cart).await).code, "not_found");
        let all = asker.ask::<rpc::ListCarts>(None, &v1::ListCartsRequest::default()).await.expect("a list");
        assert_eq!(all.data, Vec::new());
        let history = v1::GetCartHistoryRequest { cart_id: cart.clone(), ..Default::default() };
        let life = asker.ask::<rpc::GetCartHistory>(Some(&cart), &history).await.expect("a life");
        let life: Vec<_> = life.data.iter().map(|entry| entry.r#type.as_str()).collect();
        let expected =
            ["cart.created", "cart.updated", "cart.abandoned", "cart.updated", "cart.abandoned", "cart.deleted"];
        assert_eq!(life, expected);
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
        world.idle().await;
    });
}
