//! What a test of carts says: who asks, what they put in, what they see.

use std::collections::BTreeMap;

use cart::wire::v1::{self, Cart, CartLine};
use messages::Rpc;
use messages::cart::v1::rpc;
use messages::common::v1::{Address, SkuQuantity};
use messages::id::Id;
use prost::Message as _;
use runtime::client::{Call, Failure};
use runtime::headers::Caller;
use runtime::testkit::{Asker, Ground, Stage, World, seeded};

use super::neighbours::{self, PRICES};

/// A whole shop of small neighbours around a real cart group.
pub(crate) struct Shop {
    pub(crate) cart: Stage,
    pub(crate) neighbours: BTreeMap<&'static str, Stage>,
}

impl Shop {
    pub(crate) async fn open(world: &World) -> (Shop, Asker) {
        PRICES.with_borrow_mut(|prices| {
            *prices = [("MUG", 900), ("TEE", 2_000), ("DRAFT", 500)].map(|(sku, cents)| (sku.to_owned(), cents)).into();
        });
        let mut cart = Stage::new(Ground::World(world.clone()), cart::group);
        cart.start("a").await;
        let asker = cart.client("customer").await;
        let mut neighbours = BTreeMap::new();
        for name in ["product", "pricing", "promotion", "shipping"] {
            neighbours.insert(name, neighbours::open(world, name).await);
        }
        (Shop { cart, neighbours }, asker)
    }

    /// One of the neighbours goes away.
    pub(crate) async fn without(&mut self, name: &str) {
        self.neighbours.remove(name).expect("a neighbour").clear().await;
    }

    pub(crate) async fn close(mut self) {
        self.cart.clear().await;
        for stage in self.neighbours.values_mut() {
            stage.clear().await;
        }
        assert_eq!(self.cart.verify(Some("a")).await, Vec::<String>::new());
    }
}

pub(crate) fn play<F: Future<Output = ()>>(scene: impl Fn(World) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        let scene = scene(world.clone());
        async move {
            scene.await;
            world.idle().await;
        }
    });
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn customer(name: &str) -> Caller {
    Caller::known("customer", Some(id("usr", name)), vec!["cart:read".into(), "cart:write".into()])
}

pub(crate) fn guest(name: &str) -> Caller {
    Caller { role: "guest".into(), ..customer(name) }
}

pub(crate) fn ada() -> Caller {
    customer("ada")
}

/// A call of this caller's.
pub(crate) fn call<R: Rpc>(asker: &Asker, caller: &Caller, key: &str, request: &R::Request) -> Call {
    Call { caller: caller.clone(), ..asker.call::<R>((!key.is_empty()).then_some(key), request) }
}

pub(crate) async fn ask<R: Rpc>(
    asker: &Asker,
    caller: &Caller,
    key: &str,
    request: &R::Request,
) -> Result<R::Response, Failure> {
    let answer = asker.send(&call::<R>(asker, caller, key, request)).await?;
    Ok(R::Response::decode(answer.payload).expect("an answer of the contract"))
}

pub(crate) fn items(lines: &[(&str, i64)]) -> Vec<SkuQuantity> {
    let item = |(sku, quantity): &(&str, i64)| SkuQuantity { sku: (*sku).to_owned(), quantity: Some(*quantity) };
    lines.iter().map(item).collect()
}

/// A cart of the caller's, in euro.
pub(crate) async fn create(asker: &Asker, caller: &Caller, name: &str, lines: &[(&str, i64)]) -> String {
    let cart_id = id("cart", name);
    let create = v1::CreateCartRequest {
        cart_id: cart_id.clone(),
        currency: "EUR".into(),
        items: items(lines),
        ..Default::default()
    };
    ask::<rpc::CreateCart>(asker, caller, &cart_id, &create).await.expect("a cart");
    cart_id
}

pub(crate) async fn add(
    asker: &Asker,
    caller: &Caller,
    cart_id: &str,
    sku: &str,
    quantity: i64,
) -> Result<Cart, Failure> {
    let request = v1::AddItemRequest { cart_id: cart_id.to_owned(), sku: sku.to_owned(), quantity: Some(quantity) };
    let said = ask::<rpc::AddItem>(asker, caller, cart_id, &request).await?;
    Ok(said.cart.expect("a cart"))
}

pub(crate) async fn put(asker: &Asker, caller: &Caller, cart_id: &str, lines: &[(&str, i64)]) -> Cart {
    let request = v1::PutItemsRequest { cart_id: cart_id.to_owned(), items: items(lines) };
    ask::<rpc::PutItems>(asker, caller, cart_id, &request).await.expect("room").cart.expect("a cart")
}

pub(crate) async fn coupon(asker: &Asker, caller: &Caller, cart_id: &str, code: &str) -> Cart {
    let request = v1::AddCouponRequest { cart_id: cart_id.to_owned(), code: code.to_owned() };
    ask::<rpc::AddCoupon>(asker, caller, cart_id, &request).await.expect("room").cart.expect("a cart")
}

/// Sends it to this country by this option.
pub(crate) async fn send_to(asker: &Asker, caller: &Caller, cart_id: &str, country: &str, option: &str) -> Cart {
    let request = v1::UpdateCartRequest {
        cart_id: cart_id.to_owned(),
        currency: "EUR".into(),
        ship_to: Some(Address {
            name: "Ada Lovelace".into(),
            line1: "Ringstrasse 1".into(),
            city: "Vienna".into(),
            country: country.to_owned(),
            ..Address::default()
        }),
        shipping_option: option.to_owned(),
        ..Default::default()
    };
    ask::<rpc::UpdateCart>(asker, caller, cart_id, &request).await.expect("a change").cart.expect("a cart")
}

pub(crate) fn get(cart_id: &str, plain: bool) -> v1::GetCartRequest {
    v1::GetCartRequest { cart_id: cart_id.to_owned(), plain }
}

pub(crate) async fn see(asker: &Asker, caller: &Caller, cart_id: &str) -> Result<Cart, Failure> {
    Ok(ask::<rpc::GetCart>(asker, caller, cart_id, &get(cart_id, false)).await?.cart.expect("a cart"))
}

pub(crate) async fn plain(asker: &Asker, caller: &Caller, cart_id: &str) -> Cart {
    ask::<rpc::GetCart>(asker, caller, cart_id, &get(cart_id, true)).await.expect("a cart").cart.expect("a cart")
}

/// Lines as `2xMUG@900`, with the price that was noted.
pub(crate) fn lines(cart: &Cart) -> String {
    let line = |line: &CartLine| {
        let noted =
            line.noted_price.as_ref().and_then(|price| price.amount).map_or("?".into(), |price| price.to_string());
        format!("{}x{}@{noted}", line.quantity, line.sku)
    };
    cart.lines.iter().map(line).collect::<Vec<_>>().join(" ")
}

/// Problems by their codes and what they are about.
pub(crate) fn problems(cart: &Cart) -> Vec<String> {
    let problem = |problem: &v1::CartProblem| {
        let about = problem.sku.clone().or_else(|| problem.coupon_code.clone()).unwrap_or_default();
        format!("{} {about}", problem.code).trim().to_owned()
    };
    cart.problems.iter().map(problem).collect()
}

/// Subtotal, discounts, shipping, total.
pub(crate) fn totals(cart: &Cart) -> Option<[i64; 4]> {
    let totals = cart.totals.as_ref()?;
    let parts = [&totals.subtotal, &totals.discount_total, &totals.shipping_total, &totals.total];
    Some(parts.map(|money| money.as_ref().and_then(|money| money.amount).unwrap_or(-1)))
}
