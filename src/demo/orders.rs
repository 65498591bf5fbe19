//! `mercat demo --orders`: many customers shop. What they do follows from the seed, and every command has a name that
//! follows from it too, so a second run with the same seed changes nothing.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _};
use messages::Rpc;
use messages::id::Id;
use messages::order::v1::{self as order, OrderStatus, ReturnReason};
use messages::shipping::v1 as shipping;
use runtime::client::Failure;
use runtime::entropy::Entropy;
use runtime::headers::{Caller, CommandId};

use super::people::{Person, basket};
use crate::ask::Asker;
use crate::config::Config;
use crate::out;
use crate::seed::goods::{self, Good};

/// Of a hundred orders, how many are paid with a card that is declined.
const DECLINED: u64 = 6;
/// Of a hundred that are paid, how many are cancelled, and how many more are left waiting for their parcel.
const CANCELLED: u64 = 8;
const WAITING: u64 = 20;
/// Of a hundred that were delivered, how many are sent back.
const RETURNED: u64 = 10;
/// How many orders a customer places, about.
const ORDERS_EACH: u64 = 3;
/// How long one step of an order may take.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(40);
/// How wide the progress bar is.
const BAR: u64 = 40;

/// Somebody who shops.
struct Shopper<'a> {
    asker: &'a Asker,
    goods: &'a [Good],
    seed: u64,
    people: u64,
}

/// Lets customers shop, and says what became of their orders.
pub(super) async fn play(config: &Config, orders: u64, seed: u64, at_once: usize) -> anyhow::Result<()> {
    let asker = Asker::connect(config, "demo").await?;
    let goods = goods::all();
    let (began, done) = (Instant::now(), AtomicU64::new(0));
    let shopper = Shopper { asker: &asker, goods: &goods, seed, people: (orders / ORDERS_EACH).max(1) };
    let ended = stream::iter(0..orders).map(|number| {
        let (shopper, done) = (&shopper, &done);
        async move {
            let ended = shopper.shop(number).await.with_context(|| format!("order {number} of seed {seed}"));
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, orders, began);
            ended
        }
    });
    let ended: Vec<anyhow::Result<String>> = ended.buffer_unordered(at_once).collect().await;
    progress_ends();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for ended in ended {
        *counts.entry(ended?).or_default() += 1;
    }
    for (how, count) in counts {
        out::say(&format!("{count:>7}  {how}"));
    }
    let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    out::say(&format!("{orders:>7}  orders in {}.{} s", millis / 1000, millis % 1000 / 100));
    Ok(())
}

impl Shopper<'_> {
    /// One order's life. Says how it ended.
    async fn shop(&self, number: u64) -> anyhow::Result<String> {
        let dice = Entropy::seeded(self.seed.wrapping_mul(1_000_003).wrapping_add(number));
        let person = Person::of(self.seed, dice.below(self.people));
        let name = self.name(number, "place");
        let order_id = Id::derived("ord", &name.0).to_string();
        let card = if dice.below(100) < DECLINED { "pm_card_chargeDeclined" } else { "pm_card_visa" };
        let wish = order::PlaceOrderRequest {
            order_id: order_id.clone(),
            lines: basket(&dice, self.goods),
            currency: Some(person.currency.to_owned()),
            email: person.email.clone(),
            shipping_address: Some(person.address.clone()),
            payment_method: Some(order::PaymentMethod { token: card.to_owned(), ..Default::default() }),
            ..Default::default()
        };
        match self.asker.tell::<order::rpc::PlaceOrder>(&person.caller, name, &order_id, &wish).await {
            Ok(_) => {}
            Err(Failure::Refused { problem, .. }) => return Ok(format!("refused: {}", problem.code)),
            Err(failure) => return Err(failure.into()),
        }
        let placed = self.until(&order_id, |order| {
            has_left(order)
                || matches!(order.status(), OrderStatus::Processing | OrderStatus::Cancelled | OrderStatus::OnHold)
        });
        let placed = placed.await?;
        if placed.status() == OrderStatus::Cancelled {
            let why = placed.cancel_reason.unwrap_or_default();
            return Ok(format!("cancelled: {why}"));
        }
        if placed.status() == OrderStatus::OnHold {
            return Ok("on hold".to_owned());
        }
        let chance = dice.below(100);
        if chance < CANCELLED {
            let cancel = order::CancelOrderRequest { order_id: order_id.clone(), ..Default::default() };
            self.give::<order::rpc::CancelOrder>(&person.caller, number, "cancel", &order_id, &cancel).await?;
            self.until(&order_id, |order| order.status() == OrderStatus::Cancelled).await?;
            return Ok("cancelled by the customer and paid back".to_owned());
        }
        if chance < CANCELLED + WAITING {
            return Ok("paid, waiting for its parcels".to_owned());
        }
        self.deliver(number, &order_id).await?;
        if dice.below(100) >= RETURNED {
            return Ok("delivered".to_owned());
        }
        self.send_back(number, &person, &placed).await?;
        Ok("delivered, and partly sent back and paid back".to_owned())
    }

    fn name(&self, number: u64, what: &str) -> CommandId {
        CommandId::derived(&[b"demo", &self.seed.to_le_bytes(), &number.to_le_bytes(), what.as_bytes()])
    }

    /// A command of this order. That it was refused because it was done before is fine: so it is done.
    async fn give<R: Rpc>(
        &self,
        caller: &Caller,
        number: u64,
        what: &str,
        key: &str,
        request: &R::Request,
    ) -> anyhow::Result<Option<R::Response>> {
        match self.asker.tell::<R>(caller, self.name(number, what), key, request).await {
            Ok(response) => Ok(Some(response)),
            Err(failure) => Err(anyhow::Error::new(failure).context(what.to_owned())),
        }
    }

    async fn until(&self, order_id: &str, so: impl Fn(&order::Order) -> bool) -> anyhow::Result<order::Order> {
        let began = Instant::now();
        let request = order::GetOrderRequest { order_id: order_id.to_owned() };
        loop {
            let found = self.asker.find::<order::rpc::GetOrder>(order_id, &request).await?;
            let order = found.and_then(|found| found.order).context("the order is gone")?;
            if so(&order) {
                return Ok(order);
            }
            let status = order.status().as_str_name();
            anyhow::ensure!(
                began.elapsed() < PATIENCE,
                "order {order_id} stays {status}; see `mercat story {order_id}`"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// All parcels leave, are taken by the carrier, and arrive.
    async fn deliver(&self, number: u64, order_id: &str) -> anyhow::Result<()> {
        let staff = Caller::service("demo");
        let parts = |order: &order::Order| has_left(order) || order.parts.iter().all(|part| !part.parcels.is_empty());
        let order = self.until(order_id, parts).await?;
        let key = order_id.to_owned();
        for shipment_id in order.parts.iter().flat_map(|part| &part.parcels).map(|parcel| parcel.shipment_id.clone()) {
            self.label(order_id, &shipment_id).await?;
            let what = |what: &str| format!("{what} {shipment_id}");
            let (order_id, id) = (key.clone(), shipment_id.clone());
            let dispatch = shipping::DispatchShipmentRequest { order_id, shipment_id: id };
            self.give::<shipping::rpc::DispatchShipment>(&staff, number, &what("dispatch"), &key, &dispatch).await?;
            let (order_id, id) = (key.clone(), shipment_id.clone());
            let accept = shipping::AcceptShipmentRequest { order_id, shipment_id: id };
            self.give::<shipping::rpc::AcceptShipment>(&staff, number, &what("accept"), &key, &accept).await?;
            let (order_id, id) = (key.clone(), shipment_id.clone());
            let deliver = shipping::DeliverShipmentRequest { order_id, shipment_id: id };
            self.give::<shipping::rpc::DeliverShipment>(&staff, number, &what("deliver"), &key, &deliver).await?;
        }
        self.until(order_id, |order| order.status() == OrderStatus::Completed).await.map(drop)
    }

    /// Waits until the label of a parcel is ready.
    async fn label(&self, order_id: &str, shipment_id: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        let request =
            shipping::GetShipmentRequest { order_id: order_id.to_owned(), shipment_id: shipment_id.to_owned() };
        loop {
            let found = self.asker.find::<shipping::rpc::GetShipment>(order_id, &request).await?;
            let shipment = found.and_then(|found| found.shipment).unwrap_or_default();
            if shipment.status() as i32 >= shipping::ShipmentStatus::LabelReady as i32 {
                return Ok(());
            }
            anyhow::ensure!(began.elapsed() < PATIENCE, "parcel {shipment_id} has no label");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The first line comes back to where it was sent from.
    async fn send_back(&self, number: u64, person: &Person, placed: &order::Order) -> anyhow::Result<()> {
        let staff = Caller::service("demo");
        let order_id = placed.order_id.clone();
        let part = placed.parts.first().context("an order without a part")?;
        let line = part.lines.first().cloned().context("a part without a line")?;
        let return_id = Id::derived("ret", &self.name(number, "return").0).to_string();
        let wish = order::RequestReturnRequest {
            order_id: order_id.clone(),
            return_id: return_id.clone(),
            lines: vec![line],
            reason: ReturnReason::DoesNotFit.into(),
            ..Default::default()
        };
        self.give::<order::rpc::RequestReturn>(&person.caller, number, "return", &order_id, &wish).await?;
        let approve = order::ApproveReturnRequest { order_id: order_id.clone(), return_id: return_id.clone() };
        self.give::<order::rpc::ApproveReturn>(&staff, number, "approve", &order_id, &approve).await?;
        let receive = order::ReceiveReturnRequest {
            order_id: order_id.clone(),
            return_id,
            warehouse_id: part.warehouse_id.clone(),
            ..Default::default()
        };
        self.give::<order::rpc::ReceiveReturn>(&staff, number, "receive", &order_id, &receive).await?;
        let back = |order: &order::Order| {
            order.refunded_amount.as_ref().and_then(|money| money.amount).is_some_and(|amount| amount > 0)
        };
        self.until(&order_id, back).await.map(drop)
    }
}

/// A parcel of it has.
fn has_left(order: &order::Order) -> bool {
    matches!(order.status(), OrderStatus::PartiallyShipped | OrderStatus::Shipped | OrderStatus::Completed)
}

/// A bar, where somebody sees it.
fn progress(done: u64, of: u64, began: Instant) {
    let mut screen = std::io::stderr();
    if !screen.is_terminal() {
        return;
    }
    let filled = done * BAR / of.max(1);
    let bar: String = (0..BAR).map(|place| if place < filled { '█' } else { '·' }).collect();
    let rate = done * 1000 / u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    // A screen that went away is no reason to stop.
    let _ = write!(screen, "\r{bar} {done}/{of}  {rate}/s ");
}

fn progress_ends() {
    let mut screen = std::io::stderr();
    if screen.is_terminal() {
        let _ = writeln!(screen);
    }
}
