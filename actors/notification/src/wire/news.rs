//! News: the shop's events as commands to own actors.

use messages::EventType;
use messages::id::Id;
use messages::inventory::v1::LowStock;
use messages::order::v1::{
    AwaitedLine, OrderBackorderFilled, OrderCancelled, OrderConfirmed, OrderCreated, OrderStatus,
};
use messages::payment::v1::{PaymentCompleted, PaymentFailed, RefundProcessed};
use messages::shipping::v1::{ShipmentDelivered, ShipmentDispatched};
use runtime::entity::Undecodable;
use runtime::group::{News, Reaction};

use super::{rpc, v1};
use crate::feed::FEED;

type Told = Result<Vec<Reaction>, Undecodable>;

fn inform(order_id: String, news: v1::OrderNews) -> Vec<Reaction> {
    let request = v1::InformRequest { order_id, news: Some(news) };
    vec![Reaction::command::<rpc::Inform>(request.order_id.clone(), &request)]
}

/// A payment without an order is nobody's mail.
fn inform_about(order_id: Option<String>, news: v1::OrderNews) -> Vec<Reaction> {
    order_id.map(|order_id| inform(order_id, news)).unwrap_or_default()
}

fn news(topic: v1::Topic, subject: String, user_id: String) -> v1::OrderNews {
    let user_id = Some(user_id).filter(|id| !id.is_empty());
    v1::OrderNews { topic: topic.into(), subject, user_id, ..v1::OrderNews::default() }
}

/// Whom to write to about the order, from now on.
pub(crate) fn order_created(heard: &News) -> Told {
    let OrderCreated { order_id, user_id, email, items, total_amount, ship_to, locale, .. } = heard.read()?;
    if email.is_empty() {
        return Ok(Vec::new());
    }
    let ship_to = ship_to.unwrap_or_default();
    let lines = items.into_iter().map(|item| v1::OrderLine {
        sku: item.sku,
        title: item.title,
        quantity: item.quantity,
        total: item.total,
        expected_at: None,
    });
    let contact = v1::OrderContact {
        user_id: Some(user_id).filter(|id| !id.is_empty()),
        name: ship_to.name,
        email,
        locale,
        lines: lines.collect(),
        total: total_amount,
        phone: ship_to.phone,
    };
    let request = v1::LearnContactRequest { order_id, contact: Some(contact) };
    Ok(vec![Reaction::command::<rpc::LearnContact>(request.order_id.clone(), &request)])
}

pub(crate) fn order_confirmed(heard: &News) -> Told {
    let OrderConfirmed { order_id, user_id, email, total_amount, shipping_option, awaited, .. } = heard.read()?;
    let line = |AwaitedLine { sku, quantity, expected_at }| v1::OrderLine {
        sku,
        quantity,
        expected_at,
        ..v1::OrderLine::default()
    };
    let awaited = awaited.map(|awaited| v1::OrderLines { data: awaited.data.into_iter().map(line).collect() });
    let shipping_option = shipping_option.map(|option| option.title).unwrap_or_default();
    let news = news(v1::Topic::OrderConfirmed, String::new(), user_id);
    Ok(inform(order_id, v1::OrderNews { email, amount: total_amount, shipping_option, awaited, ..news }))
}

/// Nobody who was not told that they wait is told that it is over.
pub(crate) fn backorder_filled(heard: &News) -> Told {
    let said: OrderBackorderFilled = heard.read()?;
    if matches!(said.status(), OrderStatus::Pending | OrderStatus::RequiresAction | OrderStatus::Cancelling) {
        return Ok(Vec::new());
    }
    let lines = said.lines.into_iter().map(|line| v1::OrderLine {
        sku: line.sku,
        quantity: line.quantity.unwrap_or_default(),
        ..v1::OrderLine::default()
    });
    let (lines, news) = (lines.collect(), news(v1::Topic::BackorderFilled, said.number.to_string(), said.user_id));
    Ok(inform(said.order_id, v1::OrderNews { lines, ..news }))
}

pub(crate) fn order_cancelled(heard: &News) -> Told {
    let OrderCancelled { order_id, user_id, email, reason, .. } = heard.read()?;
    let news = news(v1::Topic::OrderCancelled, String::new(), user_id);
    Ok(inform(order_id, v1::OrderNews { email, reason, ..news }))
}

pub(crate) fn payment_completed(heard: &News) -> Told {
    let PaymentCompleted { payment_id, order_id, user_id, amount, .. } = heard.read()?;
    let news = news(v1::Topic::PaymentReceived, payment_id, user_id);
    Ok(inform_about(order_id, v1::OrderNews { amount, ..news }))
}

pub(crate) fn payment_failed(heard: &News) -> Told {
    let PaymentFailed { payment_id, order_id, user_id, reason, .. } = heard.read()?;
    let news = news(v1::Topic::PaymentFailed, payment_id, user_id);
    Ok(inform_about(order_id, v1::OrderNews { reason, ..news }))
}

pub(crate) fn refund_processed(heard: &News) -> Told {
    let RefundProcessed { refund_id, order_id, user_id, amount, .. } = heard.read()?;
    let news = news(v1::Topic::Refunded, refund_id, user_id);
    Ok(inform_about(order_id, v1::OrderNews { amount, ..news }))
}

pub(crate) fn shipment_dispatched(heard: &News) -> Told {
    let ShipmentDispatched { shipment_id, order_id, user_id, lines, carrier, tracking_number, .. } = heard.read()?;
    let ShipmentDispatched { email, carrier_url: tracking_url, .. } = heard.read()?;
    let lines = lines.into_iter().map(|line| v1::OrderLine {
        sku: line.sku,
        title: line.title,
        quantity: line.quantity.unwrap_or_default(),
        ..v1::OrderLine::default()
    });
    let (lines, news) = (lines.collect(), news(v1::Topic::Shipped, shipment_id, user_id));
    Ok(inform(order_id, v1::OrderNews { email, carrier, tracking_number, tracking_url, lines, ..news }))
}

pub(crate) fn shipment_delivered(heard: &News) -> Told {
    let ShipmentDelivered { shipment_id, order_id, user_id, email, .. } = heard.read()?;
    let news = news(v1::Topic::Delivered, shipment_id, user_id);
    Ok(inform(order_id, v1::OrderNews { email, ..news }))
}

/// One message each time the threshold is crossed: the shelf and the moment name it.
pub(crate) fn low_stock(heard: &News) -> Told {
    let LowStock { product_id, current_stock, threshold, warehouse, sku, at } = heard.read()?;
    let at = at.unwrap_or_default();
    let name = format!("low_stock\0{warehouse}\0{sku}\0{}.{}", at.seconds, at.nanos);
    let notification_id = Id::derived("ntf", name.as_bytes()).to_string();
    let low_stock = v1::LowStock { sku, product_id, warehouse_id: warehouse, current_stock, threshold };
    let request = v1::AlertRequest { notification_id, low_stock: Some(low_stock) };
    Ok(vec![Reaction::command::<rpc::Alert>(request.notification_id.clone(), &request)])
}

/// The event as it is posted: its entity, and its public face, without anything about a person.
fn posted(heard: &News) -> Result<(String, String), Undecodable> {
    let unreadable = |why: &dyn std::fmt::Display| Undecodable::new(heard.event_type.clone(), why);
    let contract = EventType::named(&heard.event_type).ok_or_else(|| unreadable(&"the contract has no such event"))?;
    let entity = (contract.id)(&heard.data).map_err(|e| unreadable(&e))?;
    let mut body = format!("{{\"type\":\"{}\",\"timestamp\":\"{}\",\"data\":", heard.event_type, heard.at).into_bytes();
    (contract.to_public_json)(&heard.data, &mut body).map_err(|e| unreadable(&e))?;
    body.push(b'}');
    let body = String::from_utf8(body).map_err(|e| unreadable(&e))?;
    Ok((entity, body))
}

/// The event for each of these endpoints.
pub(crate) fn note_for(heard: &News, endpoints: &[String]) -> Told {
    if endpoints.is_empty() {
        return Ok(Vec::new());
    }
    let (entity, body) = posted(heard)?;
    let note = |endpoint_id: &String| {
        let (event_type, entity, body) = (heard.event_type.clone(), entity.clone(), body.clone());
        let request = v1::NoteEventRequest { endpoint_id: endpoint_id.clone(), event_type, entity, body };
        Reaction::command::<rpc::NoteEvent>(endpoint_id.clone(), &request)
    };
    Ok(endpoints.iter().map(note).collect())
}

/// The event for the feed.
pub(crate) fn keep(heard: &News) -> Result<Reaction, Undecodable> {
    let (entity, body) = posted(heard)?;
    let event_type = heard.event_type.clone();
    let request = v1::KeepEventRequest { feed: FEED.to_owned(), event_type, entity, body };
    Ok(Reaction::command::<rpc::KeepEvent>(FEED, &request))
}
