//! Reservations: contract to domain and back. The shelves and the reservation change in one commit, or nothing does.

use std::collections::BTreeMap;
use std::time::Duration;

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};
use serde::Serialize;

use super::filling::tell_shelf;
use super::stock::{because_in, because_out};
use super::warehouse::must_be_open;
use super::{Problem, place, unreadable, v1};
use crate::reservation::{self, Awaited, Reservation, Status, Units};
use crate::shelf::{self, Because, Claim, Shelf};

/// How long a reservation holds when nobody says how long. Card redirects take up to 10 minutes; 5 more cover a retry.
pub const HOLD: Duration = Duration::from_secs(15 * 60);

pub(crate) fn reserve(desk: &mut Desk<'_>, request: &v1::ReserveRequest) -> Result<v1::ReserveResponse, Problem> {
    let v1::ReserveRequest { warehouse_id, reservation_id: id, lines, order_id, hold_seconds, backorder } = request;
    must_be_open(desk, warehouse_id)?;
    let hold = hold_seconds.map_or(HOLD, |seconds| Duration::from_secs(seconds.into()));
    let hold = jiff::SignedDuration::try_from(hold).unwrap_or(jiff::SignedDuration::ZERO);
    let now = desk.facts().now;
    let Had { held, waiting, short } = had(desk, warehouse_id, &units(lines), *backorder);
    let open = reservation::Command::Open {
        id: id.clone(),
        warehouse_id: warehouse_id.clone(),
        order_id: order_id.clone(),
        lines: held.clone(),
        waiting: waiting.clone(),
        expires_at: now.saturating_add(hold).unwrap_or(now),
    };
    desk.tell::<Reservation>(id, open)?;
    if !short.is_empty() {
        return Err(out_of_stock(&short));
    }
    for (sku, quantity) in held {
        let claim = claim(warehouse_id, id, &sku, quantity);
        desk.tell::<Shelf>(&claim.place.id(), shelf::Command::Reserve(claim))?;
    }
    for (sku, awaited) in waiting {
        let claim = claim(warehouse_id, id, &sku, awaited.units);
        desk.tell::<Shelf>(&claim.place.id(), shelf::Command::Await(claim))?;
    }
    Ok(v1::ReserveResponse { reservation: reservation_now(desk, id) })
}

/// How a basket can be had.
#[derive(Default)]
struct Had {
    held: Units,
    waiting: BTreeMap<String, Awaited>,
    short: Vec<Short>,
}

fn had(desk: &Desk<'_>, warehouse_id: &str, wanted: &Units, may_wait: bool) -> Had {
    let mut had = Had::default();
    for (sku, &requested) in wanted {
        let shelf = desk.see::<Shelf>(&place(warehouse_id, sku).id());
        let Some((now, later)) = shelf.split(requested, may_wait) else {
            let beyond = if may_wait { shelf.awaitable() } else { 0 };
            had.short.push(Short { sku: sku.clone(), requested, available: shelf.sellable() + beyond });
            continue;
        };
        if now > 0 {
            had.held.insert(sku.clone(), now);
        }
        if later > 0 {
            had.waiting.insert(sku.clone(), Awaited { units: later, expected_at: shelf.policy.expected_at });
        }
    }
    had
}

pub(crate) fn release(desk: &mut Desk<'_>, request: &v1::ReleaseRequest) -> Result<v1::ReleaseResponse, Problem> {
    must_be_here(desk, &request.reservation_id, &request.warehouse_id)?;
    let command = reservation::Command::Release(named(&request.lines));
    tell_reservation(desk, &request.reservation_id, command)?;
    Ok(v1::ReleaseResponse { reservation: reservation_now(desk, &request.reservation_id) })
}

pub(crate) fn confirm(desk: &mut Desk<'_>, request: &v1::ConfirmRequest) -> Result<v1::ConfirmResponse, Problem> {
    must_be_here(desk, &request.reservation_id, &request.warehouse_id)?;
    tell_reservation(desk, &request.reservation_id, reservation::Command::Confirm)?;
    Ok(v1::ConfirmResponse { reservation: reservation_now(desk, &request.reservation_id) })
}

pub(crate) fn ship(desk: &mut Desk<'_>, request: &v1::ShipRequest) -> Result<v1::ShipResponse, Problem> {
    must_be_here(desk, &request.reservation_id, &request.warehouse_id)?;
    let command = reservation::Command::Ship(named(&request.lines));
    tell_reservation(desk, &request.reservation_id, command)?;
    Ok(v1::ShipResponse { reservation: reservation_now(desk, &request.reservation_id) })
}

/// Tells a reservation, and the shelves what that means for them. Its timer comes here too.
pub(crate) fn tell_reservation(desk: &mut Desk<'_>, id: &str, command: reservation::Command) -> Result<(), Problem> {
    let before = desk.see::<Reservation>(id);
    let expires = command == reservation::Command::Expire;
    desk.tell::<Reservation>(id, command)?;
    let after = desk.see::<Reservation>(id);
    let because = if expires { Because::Expired } else { Because::Requested };
    for (sku, line) in &after.lines {
        let was = before.lines.get(sku).copied().unwrap_or_default();
        let withdrawn = was.waiting - line.waiting;
        let (released, shipped) = (line.released - was.released - withdrawn, line.shipped - was.shipped);
        let claim = |units| claim(&after.warehouse_id, id, sku, units);
        if withdrawn > 0 {
            let claim = claim(withdrawn);
            tell_shelf(desk, &claim.place.clone(), shelf::Command::Withdraw(claim, because))?;
        }
        if released > 0 {
            let claim = claim(released);
            tell_shelf(desk, &claim.place.clone(), shelf::Command::Release(claim, because))?;
        }
        if shipped > 0 {
            let claim = claim(shipped);
            desk.tell::<Shelf>(&claim.place.id(), shelf::Command::Ship(claim))?;
        }
    }
    Ok(())
}

/// Two warehouses may share a partition; a reservation belongs to one of them.
fn must_be_here(desk: &Desk<'_>, id: &str, warehouse_id: &str) -> Result<(), Problem> {
    if desk.see::<Reservation>(id).warehouse_id == warehouse_id {
        return Ok(());
    }
    Err(reservation::Refusal::NotFound.into())
}

pub(crate) fn get_reservation(
    window: &Window<'_>,
    request: &v1::GetReservationRequest,
) -> Result<v1::GetReservationResponse, Problem> {
    let id = &request.reservation_id;
    let shown = reservation(&window.see::<Reservation>(id), window.version::<Reservation>(id));
    let shown = shown.filter(|shown| shown.warehouse_id == request.warehouse_id);
    Ok(v1::GetReservationResponse { reservation: Some(shown.ok_or(reservation::Refusal::NotFound)?) })
}

pub(crate) fn claim(warehouse_id: &str, reservation_id: &str, sku: &str, quantity: i64) -> Claim {
    Claim { place: place(warehouse_id, sku), quantity, reservation_id: reservation_id.to_owned() }
}

pub(super) fn units(lines: &[v1::Line]) -> Units {
    lines.iter().map(|line| (line.sku.clone(), line.quantity.unwrap_or_default())).collect()
}

/// Lines that were named; none named means all that is held.
fn named(lines: &[v1::Line]) -> Option<Units> {
    (!lines.is_empty()).then(|| units(lines))
}

pub(super) fn lines(units: &Units) -> Vec<v1::Line> {
    units.iter().map(|(sku, quantity)| v1::Line { sku: sku.clone(), quantity: Some(*quantity) }).collect()
}

fn reservation_now(desk: &Desk<'_>, id: &str) -> Option<v1::Reservation> {
    reservation(&desk.see::<Reservation>(id), desk.version::<Reservation>(id))
}

/// A reservation as the world sees it; `None` when there is none.
#[must_use]
pub fn reservation(reservation: &Reservation, version: u64) -> Option<v1::Reservation> {
    let status = match reservation.status()? {
        Status::Held => v1::ReservationStatus::Held,
        Status::Confirmed => v1::ReservationStatus::Confirmed,
        Status::Shipped => v1::ReservationStatus::Shipped,
        Status::Released => v1::ReservationStatus::Released,
        Status::Expired => v1::ReservationStatus::Expired,
    };
    let line = |(sku, line): (&String, &reservation::Line)| v1::ReservationLine {
        sku: sku.clone(),
        quantity: line.quantity,
        released: line.released,
        shipped: line.shipped,
        backordered: line.waiting,
        expected_at: line.expected_at.map(to_wire),
    };
    Some(v1::Reservation {
        reservation_id: reservation.id.clone(),
        version,
        warehouse_id: reservation.warehouse_id.clone(),
        order_id: reservation.order_id.clone(),
        status: status.into(),
        lines: reservation.lines.iter().map(line).collect(),
        expires_at: reservation.expires_at.map(to_wire),
        created_at: reservation.created_at.map(to_wire),
        updated_at: reservation.updated_at.map(to_wire),
    })
}

#[derive(Serialize)]
struct Short {
    sku: String,
    requested: i64,
    available: i64,
}

fn out_of_stock(short: &[Short]) -> Problem {
    let first = short
        .first()
        .map(|line| format!("{} of {} were asked for, {} are available", line.requested, line.sku, line.available));
    let detail = match (first, short.len()) {
        (Some(first), 1) => first,
        (first, count) => format!("{count} lines cannot be had; {}", first.unwrap_or_default()),
    };
    Problem::conflict("out_of_stock", detail).with_json("lines", &short)
}

impl From<reservation::Refusal> for Problem {
    fn from(refusal: reservation::Refusal) -> Problem {
        use reservation::Refusal::{AlreadyExists, ExceedsHeld, Expired, NotFound, Released, Shipped, Waiting};
        #[derive(Serialize)]
        struct Beyond {
            sku: String,
            requested: i64,
            held: i64,
        }
        let said = refusal.to_string();
        match refusal {
            NotFound => Problem::not_found("not_found", said),
            AlreadyExists => Problem::conflict("already_exists", said),
            ExceedsHeld { lines } => {
                let beyond = lines.into_iter().map(|(sku, requested, held)| Beyond { sku, requested, held });
                Problem::conflict("exceeds_held", said).with_json("lines", &beyond.collect::<Vec<_>>())
            }
            Shipped => Problem::conflict("reservation_shipped", said),
            Expired => Problem::conflict("reservation_expired", said),
            Released => Problem::conflict("reservation_released", said),
            Waiting => Problem::conflict("backordered", said),
        }
    }
}

impl Recorded for reservation::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        use reservation::What;
        let reservation::Event { id: reservation_id, warehouse_id, order_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Opened { lines: units, expires_at } => {
                let (lines, expires_at) = (lines(&units), Some(to_wire(expires_at)));
                let event = v1::Reserved { reservation_id, warehouse_id, order_id, lines, expires_at, at };
                ("inventory.reserved", event.encode_to_vec())
            }
            What::Confirmed => {
                let event = v1::Confirmed { reservation_id, warehouse_id, order_id, at };
                ("inventory.confirmed", event.encode_to_vec())
            }
            What::Backordered(waiting) => {
                let line = |(sku, awaited): (String, Awaited)| v1::BackorderLine {
                    sku,
                    quantity: awaited.units,
                    expected_at: awaited.expected_at.map(to_wire),
                };
                let lines = waiting.into_iter().map(line).collect();
                let event = v1::Backordered { reservation_id, warehouse_id, order_id, lines, at };
                ("inventory.backordered", event.encode_to_vec())
            }
            What::Filled { units, is_whole } => {
                let lines = lines(&units);
                let event = v1::BackorderFilled { reservation_id, warehouse_id, order_id, lines, is_whole, at };
                ("inventory.backorder_filled", event.encode_to_vec())
            }
            What::Withdrawn(units, because) => {
                let (lines, reason) = (lines(&units), because_out(because).into());
                let event = v1::BackorderWithdrawn { reservation_id, warehouse_id, order_id, lines, reason, at };
                ("inventory.backorder_withdrawn", event.encode_to_vec())
            }
            What::Released(units, because) => {
                let (lines, reason) = (lines(&units), because_out(because).into());
                let event = v1::Released { reservation_id, warehouse_id, order_id, lines, reason, at };
                ("inventory.released", event.encode_to_vec())
            }
            What::Shipped(units) => {
                let event = v1::Shipped { reservation_id, warehouse_id, order_id, lines: lines(&units), at };
                ("inventory.shipped", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        use reservation::What;
        let unreadable = unreadable(event_type);
        match event_type {
            "inventory.reserved" => {
                let event = v1::Reserved::decode(data).map_err(unreadable)?;
                let v1::Reserved { reservation_id: id, warehouse_id, order_id, lines, expires_at, at } = event;
                let what = What::Opened { lines: units(&lines), expires_at: from_wire(expires_at.as_ref()) };
                Ok(Self { id, warehouse_id, order_id, at: from_wire(at.as_ref()), what })
            }
            "inventory.confirmed" => {
                let event = v1::Confirmed::decode(data).map_err(unreadable)?;
                let v1::Confirmed { reservation_id: id, warehouse_id, order_id, at } = event;
                Ok(Self { id, warehouse_id, order_id, at: from_wire(at.as_ref()), what: What::Confirmed })
            }
            "inventory.backordered" => {
                let event = v1::Backordered::decode(data).map_err(unreadable)?;
                let v1::Backordered { reservation_id: id, warehouse_id, order_id, lines, at } = event;
                let awaited = |line: v1::BackorderLine| {
                    let expected_at = line.expected_at.as_ref().map(|at| from_wire(Some(at)));
                    (line.sku, Awaited { units: line.quantity, expected_at })
                };
                let what = What::Backordered(lines.into_iter().map(awaited).collect());
                Ok(Self { id, warehouse_id, order_id, at: from_wire(at.as_ref()), what })
            }
            "inventory.backorder_filled" => {
                let event = v1::BackorderFilled::decode(data).map_err(unreadable)?;
                let v1::BackorderFilled { reservation_id: id, warehouse_id, order_id, lines, is_whole, at } = event;
                let what = What::Filled { units: units(&lines), is_whole };
                Ok(Self { id, warehouse_id, order_id, at: from_wire(at.as_ref()), what })
            }
            "inventory.backorder_withdrawn" => {
                let event = v1::BackorderWithdrawn::decode(data).map_err(unreadable)?;
                let what = What::Withdrawn(units(&event.lines), because_in(event.reason()));
                let v1::BackorderWithdrawn { reservation_id: id, warehouse_id, order_id, at, .. } = event;
                Ok(Self { id, warehouse_id, order_id, at: from_wire(at.as_ref()), what })
            }
            "inventory.released" => {
                let event = v1::Released::decode(data).map_err(unreadable)?;
                let what = What::Released(units(&event.lines), because_in(event.reason()));
                let v1::Released { reservation_id: id, warehouse_id, order_id, at, .. } = event;
                Ok(Self { id, warehouse_id, order_id, at: from_wire(at.as_ref()), what })
            }
            "inventory.shipped" => {
                let event = v1::Shipped::decode(data).map_err(unreadable)?;
                let v1::Shipped { reservation_id: id, warehouse_id, order_id, lines, at } = event;
                Ok(Self { id, warehouse_id, order_id, at: from_wire(at.as_ref()), what: What::Shipped(units(&lines)) })
            }
            other => Err(Undecodable::new(other, "a reservation has no such event")),
        }
    }
}
