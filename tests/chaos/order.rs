//! An order to inventory: what a client wants, under a key that names it for ever.

use messages::Rpc;
use messages::id::Id;
use messages::inventory::v1::{self, StockReason, rpc};
use runtime::entropy::Entropy;

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wish {
    Adjust { sku: &'static str, delta: i64 },
    Reserve { lines: Vec<(&'static str, i64)> },
    Release { reservation_id: String },
    Confirm { reservation_id: String },
    Ship { reservation_id: String },
}

/// A wish under a key, for one warehouse.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) key: String,
    pub(crate) warehouse_id: String,
    pub(crate) wish: Wish,
}

/// The SKUs of every warehouse.
pub(crate) const SKUS: [&str; 4] = ["MUG", "TEE", "CAP", "PEN"];

/// An id that is always the same for a name.
pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

impl Wish {
    /// Something that a busy warehouse is asked for. `own` are reservations of the same client.
    pub(crate) fn any(dice: &Entropy, own: &[String]) -> Wish {
        let pick = |count: usize| usize::try_from(dice.below(u64::try_from(count).expect("few"))).expect("few");
        let units = |most: u64| i64::try_from(1 + dice.below(most)).expect("few");
        let sku = SKUS[pick(SKUS.len())];
        let reservation_id = || own[pick(own.len())].clone();
        match dice.below(10) {
            // More comes than goes, and less than customers take: shelves are emptied and filled again.
            0 => Wish::Adjust { sku, delta: -units(4) },
            1 | 2 => Wish::Adjust { sku, delta: units(8) },
            3 | 4 if !own.is_empty() => Wish::Release { reservation_id: reservation_id() },
            5 if !own.is_empty() => Wish::Confirm { reservation_id: reservation_id() },
            6 if !own.is_empty() => Wish::Ship { reservation_id: reservation_id() },
            _ => {
                let other = SKUS[pick(SKUS.len())];
                let mut lines = vec![(sku, units(3))];
                lines.extend((other != sku).then(|| (other, units(3))));
                Wish::Reserve { lines }
            }
        }
    }

    /// The name of its rpc: `inventory.reserve`.
    pub(crate) fn rpc(&self) -> &'static str {
        match self {
            Wish::Adjust { .. } => rpc::AdjustStock::ROUTE.name,
            Wish::Reserve { .. } => rpc::Reserve::ROUTE.name,
            Wish::Release { .. } => rpc::Release::ROUTE.name,
            Wish::Confirm { .. } => rpc::Confirm::ROUTE.name,
            Wish::Ship { .. } => rpc::Ship::ROUTE.name,
        }
    }
}

impl Order {
    /// The actor it addresses, as the checker names it. `created` is the id of the reservation it would make.
    pub(crate) fn actor(&self, created: &str) -> String {
        match &self.wish {
            Wish::Adjust { sku, .. } => format!("shelf/{}/{sku}", self.warehouse_id),
            Wish::Reserve { .. } => format!("reservation/{created}"),
            Wish::Release { reservation_id } | Wish::Confirm { reservation_id } | Wish::Ship { reservation_id } => {
                format!("reservation/{reservation_id}")
            }
        }
    }
}

/// An adjustment in protobuf.
pub(crate) fn adjustment(warehouse_id: &str, sku: &str, delta: i64) -> v1::AdjustStockRequest {
    v1::AdjustStockRequest {
        warehouse_id: warehouse_id.to_owned(),
        sku: sku.to_owned(),
        delta: Some(delta),
        reason: StockReason::Correction.into(),
        note: String::new(),
    }
}

/// A basket in protobuf.
pub(crate) fn basket(warehouse_id: &str, reservation_id: &str, lines: &[(&str, i64)]) -> v1::ReserveRequest {
    let line = |(sku, quantity): &(&str, i64)| v1::Line { sku: (*sku).to_owned(), quantity: Some(*quantity) };
    v1::ReserveRequest {
        warehouse_id: warehouse_id.to_owned(),
        reservation_id: reservation_id.to_owned(),
        lines: lines.iter().map(line).collect(),
        order_id: None,
        // Longer than any test: nothing expires by itself, so that every change has a command that somebody sent.
        hold_seconds: Some(86_400),
        ..v1::ReserveRequest::default()
    }
}
