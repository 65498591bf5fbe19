//! News of orders. The real group is not payment's to know: here is as much of it as makes news.

use messages::order::v1::{self as order, rpc as order_rpc};
use messages::payment::v1::{PaymentStatus, rpc};
use messages::problem::Problem;
use messages::{Group as Contract, Rpc as _};
use prost::Message as _;
use runtime::desk::Desk;
use runtime::entity::{Entity, Facts, Recorded, Undecodable};
use runtime::group::Group;
use runtime::testkit::{Ground, Stage, refusal};
use serde::{Deserialize, Serialize};

use super::in_a_world;
use super::shop::{authorisation, authorise, euros, id, open, until};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Order;

struct Said(&'static str, Vec<u8>);

impl Recorded for Said {
    fn record(&self) -> (&'static str, Vec<u8>) {
        (self.0, self.1.clone())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Said, Undecodable> {
        let known = ["order.created", "order.cancelled"].into_iter().find(|known| *known == event_type);
        known.map(|known| Said(known, data.to_vec())).ok_or_else(|| Undecodable::new(event_type, "unknown"))
    }
}

impl Entity for Order {
    const KIND: &'static str = "order";
    const FOLD: u32 = 1;
    type Command = Said;
    type Event = Said;
    type Refusal = Problem;

    fn decide(&self, said: Said, _: &Facts) -> Result<Vec<Said>, Problem> {
        Ok(vec![said])
    }

    fn evolve(&mut self, _: &Said) {}
}

/// The payment of an order of this id, as the order group derives it; here both have the same name.
fn payment_of(order_id: &str) -> String {
    order_id.replacen("ord_", "pay_", 1)
}

fn create(desk: &mut Desk<'_>, request: &order::ApproveOrderRequest) -> Result<order::ApproveOrderResponse, Problem> {
    let event = order::OrderCreated {
        order_id: request.order_id.clone(),
        user_id: id("usr", "ada"),
        payment_id: payment_of(&request.order_id),
        total_amount: euros(1999),
        at: Some(runtime::clock::to_wire(desk.facts().now)),
        ..Default::default()
    };
    desk.tell::<Order>(&request.order_id, Said("order.created", event.encode_to_vec()))?;
    Ok(order::ApproveOrderResponse::default())
}

fn cancel(desk: &mut Desk<'_>, request: &order::CancelOrderRequest) -> Result<order::CancelOrderResponse, Problem> {
    let event = order::OrderCancelled {
        order_id: request.order_id.clone(),
        user_id: id("usr", "ada"),
        payment_id: payment_of(&request.order_id),
        reason: "customer_request".into(),
        at: Some(runtime::clock::to_wire(desk.facts().now)),
        ..Default::default()
    };
    desk.tell::<Order>(&request.order_id, Said("order.cancelled", event.encode_to_vec()))?;
    Ok(order::CancelOrderResponse::default())
}

/// The contract with the two rpcs that are handled here, and nobody heard.
static CONTRACT: std::sync::LazyLock<&'static Contract> = std::sync::LazyLock::new(|| {
    let whole = Contract::named("order").expect("a group");
    Box::leak(Box::new(Contract {
        name: whole.name,
        doc: whole.doc,
        partitions: whole.partitions,
        port: whole.port,
        schema: whole.schema,
        hears: &[],
        calls: &[],
        routes: Box::leak(Box::new([order_rpc::ApproveOrder::ROUTE, order_rpc::CancelOrder::ROUTE])),
        events: whole.events,
    }))
});

fn orders() -> Group {
    Group::new(*CONTRACT)
        .entity::<Order>()
        .command::<order_rpc::ApproveOrder, Order>(|request| request.order_id.clone(), create)
        .command::<order_rpc::CancelOrder, Order>(|request| request.order_id.clone(), cancel)
}

#[test]
fn what_is_ordered_gets_a_payment_and_what_is_cancelled_gives_it_up() {
    in_a_world(|world| async move {
        let mut selling = Stage::new(Ground::World(world.clone()), orders);
        selling.start("o").await;
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        let order_id = |name: &str| id("pay", name).replacen("pay_", "ord_", 1);
        let place = async |name: &str| {
            let request = order::ApproveOrderRequest { order_id: order_id(name) };
            asker.ask::<order_rpc::ApproveOrder>(Some(&request.order_id), &request).await.expect("an order");
        };
        let cancel = async |name: &str| {
            let request = order::CancelOrderRequest { order_id: order_id(name), lines: vec![] };
            asker.ask::<order_rpc::CancelOrder>(Some(&request.order_id), &request).await.expect("an order");
        };
        let pay = async |name: &str| {
            let mut request = authorisation(name, "pm_card_visa");
            request.order_id = Some(order_id(name));
            asker.ask::<rpc::AuthorizePayment>(Some(&request.payment_id), &request).await
        };
        place("one").await;
        let opened = until(&asker, "one", PaymentStatus::Initiated).await;
        assert_eq!((opened.order_id, opened.amount), (Some(order_id("one")), euros(1999)));
        pay("one").await.expect("the order's own payment");
        until(&asker, "one", PaymentStatus::Authorized).await;
        cancel("one").await;
        until(&asker, "one", PaymentStatus::Voided).await;
        assert_eq!(way.money(&id("pay", "one")), [0; 3]);
        // Asked for before the news were heard: they find it.
        pay("two").await.expect("the order's own payment");
        place("two").await;
        until(&asker, "two", PaymentStatus::Authorized).await;
        // Cancelled before anybody asked for it.
        cancel("three").await;
        authorise(&asker, "later", "pm_card_visa").await;
        until(&asker, "later", PaymentStatus::Authorized).await;
        world.pass(std::time::Duration::from_secs(10)).await;
        assert_eq!(refusal(pay("three").await).code, "payment_voided");
        stage.clear().await;
        selling.clear().await;
    });
}
