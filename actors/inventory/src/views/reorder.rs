//! What has to be ordered.

use runtime::group::Views;
use runtime::paging::{Asked, Page};

use super::transfers::{Transfers, incoming};
use super::{Stock, ordered_level, passes};
use crate::wire::v1::{self, ReorderLine, StockLevel};
use crate::wire::{self, Problem};

/// Shelves at their reorder point or below, a page at a time; what is on its way to them counts as if it were there.
///
/// # Errors
/// `bad_cursor`.
pub fn reorder(views: &Views<'_>, request: &v1::ListReorderRequest) -> Result<v1::ListReorderResponse, Problem> {
    let (rows, ways) = (views.of::<Stock>(), views.of::<Transfers>());
    let v1::ListReorderRequest { limit, after, before, sort, warehouse_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let entry = |level: StockLevel| {
        let incoming = incoming(&ways, &level.warehouse_id, &level.sku);
        line(level, incoming)
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "sku",
        |field| [b"d", field.as_bytes(), b"\0"].concat(),
        |key, _| {
            let level = ordered_level(&rows, key)?;
            if passes(warehouse_id.as_ref(), &level.warehouse_id) { entry(level) } else { None }
        },
    )?;
    Ok(v1::ListReorderResponse { data, has_more, next })
}

/// What a level lacks; `None` when what is on its way is enough.
fn line(level: StockLevel, incoming: i64) -> Option<ReorderLine> {
    let policy = wire::policy(&level);
    let suggested_quantity = policy.suggested(level.on_hand - level.backordered + incoming);
    (suggested_quantity > 0).then(|| ReorderLine {
        warehouse_id: level.warehouse_id,
        sku: level.sku,
        product_id: level.product_id,
        on_hand: level.on_hand,
        backordered: level.backordered,
        incoming,
        reorder_point: level.reorder_point.unwrap_or_default(),
        reorder_quantity: level.reorder_quantity.unwrap_or(1),
        suggested_quantity,
    })
}
