//! Transfers: contract to domain and back. A transfer and the shelves that it leaves change in one commit; the shelves that
//! it goes to are told by its agenda.

use messages::inventory::v1::rpc;
use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};
use runtime::inquiry::{Gathering, Inquiry};
use serde::Serialize;

use super::filling::tell_shelf;
use super::reservation::{lines, units};
use super::warehouse::must_be_open;
use super::{Problem, place, unreadable, v1};
use crate::reservation::Units;
use crate::shelf::{self, Move};
use crate::transfer::{self, Command, Event, Line, Refusal, Stage, Transfer, What};
use crate::views;

/// The warehouse that a transfer goes to may be in another partition, and has to be there.
pub(crate) fn gather<'a>(inquiry: &'a Inquiry, request: &'a v1::RequestTransferRequest) -> Gathering<'a, ()> {
    Box::pin(async move {
        let to = &request.to_warehouse_id;
        let get = v1::GetWarehouseRequest { warehouse_id: to.clone() };
        match inquiry.ask::<rpc::GetWarehouse>(to, &get).await {
            Ok(_) => Ok(()),
            Err(problem) if Kind::of(&problem) == Kind::NotFound => Err(super::warehouse::no_such_warehouse()),
            Err(problem) => Err(problem),
        }
    })
}

pub(crate) fn request(
    desk: &mut Desk<'_>,
    request: &v1::RequestTransferRequest,
    (): &(),
) -> Result<v1::RequestTransferResponse, Problem> {
    let v1::RequestTransferRequest { from_warehouse_id, transfer_id: id, to_warehouse_id, lines } = request;
    must_be_open(desk, from_warehouse_id)?;
    let (from, to) = (from_warehouse_id.clone(), to_warehouse_id.clone());
    desk.tell::<Transfer>(id, Command::Request { id: id.clone(), from, to, units: units(lines) })?;
    Ok(v1::RequestTransferResponse { transfer: now(desk, id) })
}

pub(crate) fn dispatch(
    desk: &mut Desk<'_>,
    request: &v1::DispatchTransferRequest,
) -> Result<v1::DispatchTransferResponse, Problem> {
    let v1::DispatchTransferRequest { from_warehouse_id, transfer_id } = request;
    must_leave(&desk.see::<Transfer>(transfer_id), from_warehouse_id)?;
    if desk.tell::<Transfer>(transfer_id, Command::Dispatch)? > 0 {
        for (sku, line) in desk.see::<Transfer>(transfer_id).lines.clone() {
            let units = moved(from_warehouse_id, &sku, line.quantity, transfer_id);
            let place = units.place.clone();
            tell_shelf(desk, &place, shelf::Command::Send(units))?;
        }
    }
    Ok(v1::DispatchTransferResponse { transfer: now(desk, transfer_id) })
}

pub(crate) fn receive(
    desk: &mut Desk<'_>,
    request: &v1::ReceiveTransferRequest,
) -> Result<v1::ReceiveTransferResponse, Problem> {
    let v1::ReceiveTransferRequest { from_warehouse_id, transfer_id, lines, rest_is_missing } = request;
    must_leave(&desk.see::<Transfer>(transfer_id), from_warehouse_id)?;
    let came = (!lines.is_empty()).then(|| units(lines));
    desk.tell::<Transfer>(transfer_id, Command::Receive { units: came, rest_is_missing: *rest_is_missing })?;
    Ok(v1::ReceiveTransferResponse { transfer: now(desk, transfer_id) })
}

pub(crate) fn cancel(
    desk: &mut Desk<'_>,
    request: &v1::CancelTransferRequest,
) -> Result<v1::CancelTransferResponse, Problem> {
    let v1::CancelTransferRequest { from_warehouse_id, transfer_id } = request;
    must_leave(&desk.see::<Transfer>(transfer_id), from_warehouse_id)?;
    desk.tell::<Transfer>(transfer_id, Command::Cancel)?;
    Ok(v1::CancelTransferResponse { transfer: now(desk, transfer_id) })
}

pub(crate) fn put_away(desk: &mut Desk<'_>, request: &v1::PutAwayRequest) -> Result<v1::PutAwayResponse, Problem> {
    let v1::PutAwayRequest { warehouse_id, transfer_id, lines, .. } = request;
    must_be_open(desk, warehouse_id)?;
    for (sku, quantity) in units(lines) {
        let product_id = views::product_of(&desk.rows::<views::Stock>(), &sku);
        let units = moved(warehouse_id, &sku, quantity, transfer_id);
        let place = units.place.clone();
        tell_shelf(desk, &place, shelf::Command::Arrive { units, product_id })?;
    }
    Ok(v1::PutAwayResponse {})
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetTransferRequest) -> Result<v1::GetTransferResponse, Problem> {
    let v1::GetTransferRequest { from_warehouse_id, transfer_id } = request;
    let transfer = window.see::<Transfer>(transfer_id);
    must_leave(&transfer, from_warehouse_id)?;
    Ok(v1::GetTransferResponse { transfer: shown(&transfer, window.version::<Transfer>(transfer_id)) })
}

/// What the warehouse that a transfer goes to is told of a receipt.
#[must_use]
pub fn put_away_request(transfer: &Transfer, receipt: u32, units: &Units) -> v1::PutAwayRequest {
    v1::PutAwayRequest {
        warehouse_id: transfer.to.clone(),
        transfer_id: transfer.id.clone(),
        receipt,
        lines: lines(units),
    }
}

fn moved(warehouse_id: &str, sku: &str, quantity: i64, transfer_id: &str) -> Move {
    Move { place: place(warehouse_id, sku), quantity, transfer_id: transfer_id.to_owned() }
}

/// Two warehouses may share a partition; a transfer leaves one of them.
fn must_leave(transfer: &Transfer, warehouse_id: &str) -> Result<(), Problem> {
    if transfer.from == warehouse_id { Ok(()) } else { Err(Refusal::NotFound.into()) }
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Transfer> {
    shown(&desk.see::<Transfer>(id), desk.version::<Transfer>(id))
}

/// A transfer as the world sees it; `None` when there is none.
#[must_use]
pub fn shown(transfer: &Transfer, version: u64) -> Option<v1::Transfer> {
    let status = match transfer.stage {
        Stage::Unknown => return None,
        Stage::Requested => v1::TransferStatus::Requested,
        Stage::Dispatched => v1::TransferStatus::Dispatched,
        Stage::Received => v1::TransferStatus::Received,
        Stage::Cancelled => v1::TransferStatus::Cancelled,
    };
    let line = |(sku, line): (&String, &Line)| {
        let Line { quantity, received, missing, put_away } = *line;
        v1::TransferLine { sku: sku.clone(), quantity, received, missing, put_away }
    };
    Some(v1::Transfer {
        transfer_id: transfer.id.clone(),
        version,
        from_warehouse_id: transfer.from.clone(),
        to_warehouse_id: transfer.to.clone(),
        status: status.into(),
        lines: transfer.lines.iter().map(line).collect(),
        created_at: transfer.created_at.map(to_wire),
        updated_at: transfer.updated_at.map(to_wire),
    })
}

/// The word for a status, as filters say it.
#[must_use]
pub fn status_word(transfer: &v1::Transfer) -> &'static str {
    match transfer.status() {
        v1::TransferStatus::Unspecified => "",
        v1::TransferStatus::Requested => "requested",
        v1::TransferStatus::Dispatched => "dispatched",
        v1::TransferStatus::Received => "received",
        v1::TransferStatus::Cancelled => "cancelled",
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        #[derive(Serialize)]
        struct Beyond {
            sku: String,
            received: i64,
            awaited: i64,
        }
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::SameWarehouse => Problem::new(Kind::Unprocessable, "same_warehouse", said),
            Refusal::Cancelled => Problem::conflict("transfer_cancelled", said),
            Refusal::NotDispatched => Problem::conflict("not_dispatched", said),
            Refusal::AlreadyDispatched => Problem::conflict("already_dispatched", said),
            Refusal::Received => Problem::conflict("transfer_received", said),
            Refusal::ExceedsTransit { lines } => {
                let beyond = lines.into_iter().map(|(sku, received, awaited)| Beyond { sku, received, awaited });
                Problem::conflict("exceeds_transit", said).with_json("lines", &beyond.collect::<Vec<_>>())
            }
        }
    }
}

impl Recorded for transfer::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { id: transfer_id, from: from_warehouse_id, to: to_warehouse_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Requested(units) => {
                let lines = lines(&units);
                let event = v1::TransferRequested { transfer_id, from_warehouse_id, to_warehouse_id, lines, at };
                ("transfer.requested", event.encode_to_vec())
            }
            What::Dispatched(units) => {
                let lines = lines(&units);
                let event = v1::TransferDispatched { transfer_id, from_warehouse_id, to_warehouse_id, lines, at };
                ("transfer.dispatched", event.encode_to_vec())
            }
            What::Received { receipt, units, missing, is_complete } => {
                let event = v1::TransferReceived {
                    transfer_id,
                    from_warehouse_id,
                    to_warehouse_id,
                    receipt,
                    lines: lines(&units),
                    missing: lines(&missing),
                    is_complete,
                    at,
                };
                ("transfer.received", event.encode_to_vec())
            }
            What::PutAway(receipt, units) => {
                let lines = lines(&units);
                let event = v1::TransferPutAway { transfer_id, from_warehouse_id, to_warehouse_id, receipt, lines, at };
                ("transfer.put_away", event.encode_to_vec())
            }
            What::Cancelled => {
                let event = v1::TransferCancelled { transfer_id, from_warehouse_id, to_warehouse_id, at };
                ("transfer.cancelled", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        let (id, from, to, at, what) = match event_type {
            "transfer.requested" => {
                let event = v1::TransferRequested::decode(data).map_err(unreadable)?;
                let v1::TransferRequested { transfer_id, from_warehouse_id, to_warehouse_id, lines, at } = event;
                (transfer_id, from_warehouse_id, to_warehouse_id, at, What::Requested(units(&lines)))
            }
            "transfer.dispatched" => {
                let event = v1::TransferDispatched::decode(data).map_err(unreadable)?;
                let v1::TransferDispatched { transfer_id, from_warehouse_id, to_warehouse_id, lines, at } = event;
                (transfer_id, from_warehouse_id, to_warehouse_id, at, What::Dispatched(units(&lines)))
            }
            "transfer.received" => {
                let event = v1::TransferReceived::decode(data).map_err(unreadable)?;
                let v1::TransferReceived { transfer_id, from_warehouse_id, to_warehouse_id, at, .. } = event;
                let what = What::Received {
                    receipt: event.receipt,
                    units: units(&event.lines),
                    missing: units(&event.missing),
                    is_complete: event.is_complete,
                };
                (transfer_id, from_warehouse_id, to_warehouse_id, at, what)
            }
            "transfer.put_away" => {
                let event = v1::TransferPutAway::decode(data).map_err(unreadable)?;
                let v1::TransferPutAway { transfer_id, from_warehouse_id, to_warehouse_id, receipt, lines, at } = event;
                (transfer_id, from_warehouse_id, to_warehouse_id, at, What::PutAway(receipt, units(&lines)))
            }
            "transfer.cancelled" => {
                let event = v1::TransferCancelled::decode(data).map_err(unreadable)?;
                let v1::TransferCancelled { transfer_id, from_warehouse_id, to_warehouse_id, at } = event;
                (transfer_id, from_warehouse_id, to_warehouse_id, at, What::Cancelled)
            }
            other => return Err(Undecodable::new(other, "a transfer has no such event")),
        };
        Ok(Self { id, from, to, at: from_wire(at.as_ref()), what })
    }
}
