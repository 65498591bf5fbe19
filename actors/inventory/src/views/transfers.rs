//! Transfers as lists show them, and what is on its way to a shelf.

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use super::{LOOK_MAX, passes};
use crate::transfer::Transfer;
use crate::wire::{self, Problem, v1};

/// Transfers.
///
/// Rows: `x<transfer>` a transfer · `ycreated_at\0<time>\0<transfer>` sorts them · `g<warehouse>\0<sku>\0<transfer>` how many
/// units are on their way to a shelf.
pub struct Transfers;

impl View for Transfers {
    const NAME: &'static str = "transfers";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(transfer) = event.state::<Transfer>() else { return };
        let Some(shown) = wire::transfer(transfer, event.version) else { return };
        let time = from_wire(shown.created_at.as_ref()).as_microsecond().to_be_bytes();
        rows.put(&[b"ycreated_at\0", &time[..], b"\0", transfer.id.as_bytes()].concat(), Vec::new());
        rows.put(&[b"x", transfer.id.as_bytes()].concat(), shown.encode_to_vec());
        let in_transit = transfer.in_transit();
        for sku in transfer.lines.keys() {
            let key = [way(&transfer.to, sku).as_slice(), transfer.id.as_bytes()].concat();
            match in_transit.get(sku) {
                Some(units) => rows.put(&key, units.to_be_bytes().to_vec()),
                None => rows.remove(&key),
            }
        }
    }
}

fn way(warehouse_id: &str, sku: &str) -> Vec<u8> {
    [b"g", warehouse_id.as_bytes(), b"\0", sku.as_bytes(), b"\0"].concat()
}

/// Units that are on their way to a shelf.
pub(super) fn incoming(rows: &Rows, warehouse_id: &str, sku: &str) -> i64 {
    let units = |(_, row): (Vec<u8>, Vec<u8>)| row.try_into().map_or(0, i64::from_be_bytes);
    rows.scan(&way(warehouse_id, sku), None, LOOK_MAX).into_iter().map(units).sum()
}

/// Transfers, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &v1::ListTransfersRequest) -> Result<v1::ListTransfersResponse, Problem> {
    let rows = views.of::<Transfers>();
    let v1::ListTransfersRequest { limit, after, before, sort, status, from_warehouse_id, to_warehouse_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |transfer: &v1::Transfer| {
        passes(status.as_ref(), wire::status_word(transfer))
            && passes(from_warehouse_id.as_ref(), &transfer.from_warehouse_id)
            && passes(to_warehouse_id.as_ref(), &transfer.to_warehouse_id)
    };
    let at = |key: &[u8]| {
        let id = key.rsplit(|byte| *byte == 0).next()?;
        v1::Transfer::decode(rows.get(&[b"x", id].concat())?.as_slice()).ok()
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |field| [b"y", field.as_bytes(), b"\0"].concat(),
        |key, _| at(key).filter(wanted),
    )?;
    Ok(v1::ListTransfersResponse { data, has_more, next })
}
