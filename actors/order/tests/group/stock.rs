//! Inventory and shipping, scripted: a warehouse with so much on its shelves, and parcels that move when somebody says so.

use std::collections::BTreeMap;

use messages::Rpc as _;
use messages::inventory::v1::{self as inventory, rpc};
use messages::problem::Problem;
use messages::shipping::v1::{self as shipping, rpc as ship};
use runtime::clock::to_wire;
use runtime::desk::{Desk, Window};
use runtime::entity::{Entity, Facts};
use runtime::group::{Group, Views};
use serde::{Deserialize, Serialize};

use super::stub::{Happened, only};

type Units = BTreeMap<String, i64>;

/// A warehouse: what is free, and who holds what.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Warehouse {
    free: Units,
    holds: BTreeMap<String, (Units, bool)>,
    /// What is not here yet, by reservation, with the order that it is for.
    waits: BTreeMap<String, (String, Units)>,
}

/// A thing that may be waited for, by its name.
fn may_be_waited_for(sku: &str) -> bool {
    sku.starts_with("LATE")
}

impl Warehouse {
    /// Whose turn it is when something comes: the reservation, its order, and how much of it.
    fn next(&self, sku: &str, came: i64) -> Option<(String, String, i64)> {
        let waits = |(id, (order_id, units)): (&String, &(String, Units))| {
            let count = units.get(sku).copied().unwrap_or(0).min(came);
            (count > 0).then(|| (id.clone(), order_id.clone(), count))
        };
        self.waits.iter().find_map(waits)
    }

    fn is_empty(&self, id: &str) -> bool {
        self.holds[id].0.is_empty() && self.waits.get(id).is_none_or(|(_, units)| units.is_empty())
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Stocked {
    Adjust(String, i64),
    Reserve(String, Units),
    Await(String, String, Units),
    Fill(String, String, i64),
    Confirm(String),
    Release(String, Units),
}

impl Entity for Warehouse {
    const KIND: &'static str = "warehouse";
    const FOLD: u32 = 1;
    type Command = Stocked;
    type Event = Happened<Stocked>;
    type Refusal = Problem;

    fn decide(&self, command: Stocked, facts: &Facts) -> Result<Vec<Happened<Stocked>>, Problem> {
        match &command {
            Stocked::Await(id, ..) if self.waits.contains_key(id) => return Ok(vec![]),
            Stocked::Adjust(sku, delta) => {
                let Some((reservation_id, order_id, count)) = self.next(sku, *delta) else {
                    return Ok(vec![Happened::Note(command)]);
                };
                let fill = Stocked::Fill(reservation_id.clone(), sku.clone(), count);
                let line = inventory::Line { sku: sku.clone(), quantity: Some(count) };
                let filled = inventory::BackorderFilled {
                    reservation_id,
                    order_id: Some(order_id),
                    lines: vec![line],
                    at: Some(to_wire(facts.now)),
                    ..Default::default()
                };
                let news = Happened::news("inventory.backorder_filled", &filled);
                return Ok(vec![Happened::Note(command), Happened::Note(fill), news]);
            }
            Stocked::Reserve(id, _) if self.holds.contains_key(id) => return Ok(vec![]),
            Stocked::Reserve(_, units) => {
                let short = units.iter().any(|(sku, n)| self.free.get(sku).copied().unwrap_or(0) < *n);
                if short {
                    return Err(Problem::conflict("out_of_stock", "Not every line can be had."));
                }
            }
            Stocked::Confirm(id) | Stocked::Release(id, _) if !self.holds.contains_key(id) => {
                return Err(Problem::not_found("not_found", "There is no such reservation."));
            }
            Stocked::Confirm(id) if self.is_empty(id) => {
                return Err(Problem::conflict("reservation_released", "It gave everything back."));
            }
            Stocked::Release(id, _) if self.is_empty(id) => return Ok(vec![]),
            Stocked::Await(..) | Stocked::Fill(..) | Stocked::Confirm(_) | Stocked::Release(..) => {}
        }
        Ok(vec![Happened::Note(command)])
    }

    fn evolve(&mut self, event: &Happened<Stocked>) {
        let Happened::Note(note) = event else { return };
        match note.clone() {
            Stocked::Adjust(sku, delta) => *self.free.entry(sku).or_default() += delta,
            Stocked::Reserve(id, units) => {
                units.iter().for_each(|(sku, n)| *self.free.entry(sku.clone()).or_default() -= n);
                self.holds.insert(id, (units, false));
            }
            Stocked::Await(id, order_id, units) => drop(self.waits.insert(id, (order_id, units))),
            Stocked::Fill(id, sku, count) => {
                *self.free.entry(sku.clone()).or_default() -= count;
                *self.holds.entry(id.clone()).or_default().0.entry(sku.clone()).or_default() += count;
                let (_, units) = self.waits.entry(id).or_default();
                *units.entry(sku).or_default() -= count;
                units.retain(|_, n| *n > 0);
            }
            Stocked::Confirm(id) => {
                self.holds.entry(id).and_modify(|(_, firm)| *firm = true);
            }
            Stocked::Release(id, named) => {
                // What is waited for is given up with the whole; no script here names some of it.
                self.waits.remove(&id);
                let held = self.holds.entry(id).or_default();
                let units = if named.is_empty() { held.0.clone() } else { named };
                for (sku, n) in units {
                    *held.0.entry(sku.clone()).or_default() -= n;
                    *self.free.entry(sku).or_default() += n;
                }
                held.0.retain(|_, n| *n > 0);
            }
        }
    }
}

fn units(lines: &[inventory::Line]) -> Units {
    lines.iter().map(|line| (line.sku.clone(), line.quantity.unwrap_or_default())).collect()
}

fn adjust(desk: &mut Desk<'_>, r: &inventory::AdjustStockRequest) -> Result<inventory::AdjustStockResponse, Problem> {
    desk.tell::<Warehouse>(&r.warehouse_id, Stocked::Adjust(r.sku.clone(), r.delta.unwrap_or_default()))?;
    Ok(inventory::AdjustStockResponse::default())
}

fn reserve(desk: &mut Desk<'_>, r: &inventory::ReserveRequest) -> Result<inventory::ReserveResponse, Problem> {
    let (id, free) = (&r.reservation_id, desk.see::<Warehouse>(&r.warehouse_id).free.clone());
    let (mut now, mut later) = (units(&r.lines), Units::new());
    for (sku, count) in now.iter_mut().filter(|(sku, _)| r.backorder && may_be_waited_for(sku)) {
        let here = free.get(sku).copied().unwrap_or(0).min(*count);
        later.insert(sku.clone(), *count - here);
        *count = here;
    }
    later.retain(|_, count| *count > 0);
    let line = |(sku, count): (&String, &i64)| inventory::ReservationLine {
        sku: sku.clone(),
        quantity: *count,
        backordered: *count,
        ..Default::default()
    };
    let lines = later.iter().map(line).collect();
    now.retain(|_, count| *count > 0);
    desk.tell::<Warehouse>(&r.warehouse_id, Stocked::Reserve(id.clone(), now))?;
    if !later.is_empty() {
        let order_id = r.order_id.clone().unwrap_or_default();
        desk.tell::<Warehouse>(&r.warehouse_id, Stocked::Await(id.clone(), order_id, later))?;
    }
    let reservation = inventory::Reservation { reservation_id: id.clone(), lines, ..Default::default() };
    Ok(inventory::ReserveResponse { reservation: Some(reservation) })
}

fn confirm(desk: &mut Desk<'_>, r: &inventory::ConfirmRequest) -> Result<inventory::ConfirmResponse, Problem> {
    desk.tell::<Warehouse>(&r.warehouse_id, Stocked::Confirm(r.reservation_id.clone()))?;
    Ok(inventory::ConfirmResponse::default())
}

fn release(desk: &mut Desk<'_>, r: &inventory::ReleaseRequest) -> Result<inventory::ReleaseResponse, Problem> {
    desk.tell::<Warehouse>(&r.warehouse_id, Stocked::Release(r.reservation_id.clone(), units(&r.lines)))?;
    Ok(inventory::ReleaseResponse::default())
}

/// On hand are the free units, reserved the held ones.
fn level(w: &Window<'_>, r: &inventory::GetStockLevelRequest) -> Result<inventory::GetStockLevelResponse, Problem> {
    let warehouse = w.see::<Warehouse>(&r.warehouse_id);
    let held = warehouse.holds.values().filter_map(|(units, _)| units.get(&r.sku)).sum();
    let on_hand = warehouse.free.get(&r.sku).copied().unwrap_or(0);
    let level = inventory::StockLevel { on_hand, reserved: held, ..Default::default() };
    Ok(inventory::GetStockLevelResponse { level: Some(level) })
}

/// A thing that begins with `FAR` lies in another warehouse; of `NONE` there is none.
fn allocate(_: &Views<'_>, r: &inventory::AllocateRequest) -> Result<inventory::AllocateResponse, Problem> {
    let mut parts: BTreeMap<String, Vec<inventory::Line>> = BTreeMap::new();
    let mut short = Vec::new();
    for line in &r.lines {
        if line.sku == "NONE" {
            let requested = line.quantity.unwrap_or_default();
            short.push(inventory::Shortage { sku: line.sku.clone(), requested, available: 0 });
            continue;
        }
        let place = if line.sku.starts_with("FAR") { "far" } else { "near" };
        let line = inventory::Line { sku: line.sku.clone(), quantity: line.quantity };
        parts.entry(super::shop::warehouse(place)).or_default().push(line);
    }
    let part = |(warehouse_id, lines)| inventory::AllocationPart { warehouse_id, lines };
    Ok(inventory::AllocateResponse { parts: parts.into_iter().map(part).collect(), short, ..Default::default() })
}

pub(crate) fn inventory() -> Group {
    let routes = [
        rpc::AdjustStock::ROUTE,
        rpc::Reserve::ROUTE,
        rpc::Confirm::ROUTE,
        rpc::Release::ROUTE,
        rpc::GetStockLevel::ROUTE,
        rpc::Allocate::ROUTE,
    ];
    Group::new(only("inventory", &routes))
        .entity::<Warehouse>()
        .command::<rpc::AdjustStock, Warehouse>(|r| r.warehouse_id.clone(), adjust)
        .command::<rpc::Reserve, Warehouse>(|r| r.warehouse_id.clone(), reserve)
        .command::<rpc::Confirm, Warehouse>(|r| r.warehouse_id.clone(), confirm)
        .command::<rpc::Release, Warehouse>(|r| r.warehouse_id.clone(), release)
        .read::<rpc::GetStockLevel, Warehouse>(|r| r.warehouse_id.clone(), level)
        .query::<rpc::Allocate>(allocate)
}

/// The parcels of an order.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Delivery(BTreeMap<String, (Moved, Parcel)>);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Parcel {
    order_id: String,
    user_id: String,
    warehouse_id: String,
    reservation_id: String,
    lines: Units,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Moved {
    Planned,
    Dispatched,
    Delivered,
    Cancelled,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
enum Told {
    Create(String, Parcel),
    Move(String, Moved),
}

fn lines(parcel: &Parcel) -> Vec<shipping::ShipmentLine> {
    let line =
        |(sku, n): (&String, &i64)| shipping::ShipmentLine { sku: sku.clone(), quantity: Some(*n), title: sku.clone() };
    parcel.lines.iter().map(line).collect()
}

fn news(shipment_id: &str, parcel: &Parcel, moved: Moved, facts: &Facts) -> Happened<Told> {
    let at = Some(to_wire(facts.now));
    let shipment_id = shipment_id.to_owned();
    let Parcel { order_id, user_id, warehouse_id, reservation_id, .. } = parcel.clone();
    let lines = lines(parcel);
    match moved {
        Moved::Planned | Moved::Dispatched => {
            let (carrier, tracking_number) = ("table".to_owned(), "T1".to_owned());
            Happened::news(
                "shipping.dispatched",
                &shipping::ShipmentDispatched {
                    shipment_id,
                    order_id,
                    user_id,
                    warehouse_id,
                    reservation_id,
                    lines,
                    carrier,
                    tracking_number,
                    at,
                    ..Default::default()
                },
            )
        }
        Moved::Delivered => Happened::news(
            "shipment.delivered",
            &shipping::ShipmentDelivered { shipment_id, order_id, user_id, at, ..Default::default() },
        ),
        Moved::Cancelled => Happened::news(
            "shipping.cancelled",
            &shipping::ShipmentCancelled {
                shipment_id,
                order_id,
                user_id,
                warehouse_id,
                reservation_id,
                lines,
                at,
                ..Default::default()
            },
        ),
    }
}

impl Entity for Delivery {
    const KIND: &'static str = "delivery";
    const FOLD: u32 = 1;
    type Command = Told;
    type Event = Happened<Told>;
    type Refusal = Problem;

    fn decide(&self, command: Told, facts: &Facts) -> Result<Vec<Happened<Told>>, Problem> {
        match &command {
            Told::Create(id, _) if self.0.contains_key(id) => Ok(vec![]),
            Told::Create(..) => Ok(vec![Happened::Note(command)]),
            Told::Move(id, to) => {
                let missing = || Problem::not_found("not_found", "The order has no such shipment.");
                let (now, parcel) = self.0.get(id).ok_or_else(missing)?;
                match (now, to) {
                    (now, to) if now == to => Ok(vec![]),
                    (Moved::Dispatched | Moved::Delivered, Moved::Cancelled) => {
                        Err(Problem::conflict("already_dispatched", "A shipment has left the warehouse."))
                    }
                    (Moved::Cancelled, _) => Err(Problem::conflict("cancelled", "It was stopped.")),
                    (_, to) => {
                        let said = news(id, parcel, *to, facts);
                        Ok(vec![Happened::Note(command.clone()), said])
                    }
                }
            }
        }
    }

    fn evolve(&mut self, event: &Happened<Told>) {
        let Happened::Note(note) = event else { return };
        match note.clone() {
            Told::Create(id, parcel) => drop(self.0.insert(id, (Moved::Planned, parcel))),
            Told::Move(id, to) => drop(self.0.entry(id).and_modify(|(now, _)| *now = to)),
        }
    }
}

fn create(
    desk: &mut Desk<'_>,
    r: &shipping::CreateShipmentRequest,
) -> Result<shipping::CreateShipmentResponse, Problem> {
    if r.option_id == "refused" {
        return Err(Problem::conflict("order_cancelled", "Nothing is sent that way."));
    }
    let parcel = Parcel {
        order_id: r.order_id.clone(),
        user_id: r.user_id.clone(),
        warehouse_id: r.warehouse_id.clone(),
        reservation_id: r.reservation_id.clone(),
        lines: r.lines.iter().map(|line| (line.sku.clone(), line.quantity.unwrap_or_default())).collect(),
    };
    desk.tell::<Delivery>(&r.order_id, Told::Create(r.shipment_id.clone(), parcel))?;
    Ok(shipping::CreateShipmentResponse::default())
}

fn cancel(
    desk: &mut Desk<'_>,
    r: &shipping::CancelShipmentsRequest,
) -> Result<shipping::CancelShipmentsResponse, Problem> {
    let id = r.shipment_id.clone().unwrap_or_default();
    desk.tell::<Delivery>(&r.order_id, Told::Move(id, Moved::Cancelled))?;
    Ok(shipping::CancelShipmentsResponse::default())
}

fn dispatch(
    desk: &mut Desk<'_>,
    r: &shipping::DispatchShipmentRequest,
) -> Result<shipping::DispatchShipmentResponse, Problem> {
    desk.tell::<Delivery>(&r.order_id, Told::Move(r.shipment_id.clone(), Moved::Dispatched))?;
    Ok(shipping::DispatchShipmentResponse::default())
}

fn deliver(
    desk: &mut Desk<'_>,
    r: &shipping::DeliverShipmentRequest,
) -> Result<shipping::DeliverShipmentResponse, Problem> {
    desk.tell::<Delivery>(&r.order_id, Told::Move(r.shipment_id.clone(), Moved::Delivered))?;
    Ok(shipping::DeliverShipmentResponse::default())
}

fn options(_: &Views<'_>, r: &shipping::ListOptionsRequest) -> Result<shipping::ListOptionsResponse, Problem> {
    let offer = |id: &str, amount| shipping::Offer {
        option_id: id.to_owned(),
        title: id.to_owned(),
        amount: Some(messages::common::v1::Money { amount: Some(amount), currency: r.currency.clone() }),
        carrier: "table".to_owned(),
        ..Default::default()
    };
    let options = vec![offer("standard", 500), offer("refused", 900)];
    Ok(shipping::ListOptionsResponse { options, ..Default::default() })
}

pub(crate) fn shipping() -> Group {
    let routes = [
        ship::CreateShipment::ROUTE,
        ship::CancelShipments::ROUTE,
        ship::DispatchShipment::ROUTE,
        ship::DeliverShipment::ROUTE,
        ship::ListOptions::ROUTE,
    ];
    Group::new(only("shipping", &routes))
        .entity::<Delivery>()
        .command::<ship::CreateShipment, Delivery>(|r| r.order_id.clone(), create)
        .command::<ship::CancelShipments, Delivery>(|r| r.order_id.clone(), cancel)
        .command::<ship::DispatchShipment, Delivery>(|r| r.order_id.clone(), dispatch)
        .command::<ship::DeliverShipment, Delivery>(|r| r.order_id.clone(), deliver)
        .query::<ship::ListOptions>(options)
}
