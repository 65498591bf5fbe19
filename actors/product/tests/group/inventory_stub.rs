//! As much of inventory as makes news: a shelf that runs low whenever it is adjusted. The real group is not the
//! catalogue's to know.

use std::sync::LazyLock;

use jiff::Timestamp;
use messages::inventory::v1::{AdjustStockRequest, AdjustStockResponse, LowStock, rpc};
use messages::problem::Problem;
use messages::{Group as Contract, Rpc as _};
use prost::Message as _;
use runtime::desk::Desk;
use runtime::entity::{Entity, Facts, Recorded, Undecodable};
use runtime::group::Group;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Shelf;

struct RanLow {
    sku: String,
    product_id: String,
    warehouse: String,
    current_stock: i64,
    at: Timestamp,
}

impl Recorded for RanLow {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let event = LowStock {
            product_id: self.product_id.clone(),
            current_stock: self.current_stock,
            threshold: 5,
            warehouse: self.warehouse.clone(),
            sku: self.sku.clone(),
            at: Some(runtime::clock::to_wire(self.at)),
        };
        ("inventory.low_stock", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<RanLow, Undecodable> {
        let LowStock { product_id, current_stock, warehouse, sku, at, .. } =
            LowStock::decode(data).map_err(|e| Undecodable::new(event_type, e))?;
        Ok(RanLow { sku, product_id, warehouse, current_stock, at: runtime::clock::from_wire(at.as_ref()) })
    }
}

impl Entity for Shelf {
    const KIND: &'static str = "shelf";
    const FOLD: u32 = 1;
    type Command = AdjustStockRequest;
    type Event = RanLow;
    type Refusal = Problem;

    fn decide(&self, said: AdjustStockRequest, facts: &Facts) -> Result<Vec<RanLow>, Problem> {
        let current_stock = said.delta.unwrap_or_default();
        // The note stands for the product: inventory may not have heard of it.
        Ok(vec![RanLow {
            sku: said.sku,
            product_id: said.note,
            warehouse: said.warehouse_id,
            current_stock,
            at: facts.now,
        }])
    }

    fn evolve(&mut self, _: &RanLow) {}
}

fn adjust(desk: &mut Desk<'_>, request: &AdjustStockRequest) -> Result<AdjustStockResponse, Problem> {
    desk.tell::<Shelf>(&request.sku, request.clone())?;
    Ok(AdjustStockResponse::default())
}

/// The contract with the one rpc that is handled here, and nobody heard.
static CONTRACT: LazyLock<&'static Contract> = LazyLock::new(|| {
    let whole = Contract::named("inventory").expect("a group");
    let routes = Box::leak(Box::new([rpc::AdjustStock::ROUTE]));
    Box::leak(Box::new(Contract { hears: &[], routes, ..*whole }))
});

pub(crate) fn group() -> Group {
    Group::new(*CONTRACT).entity::<Shelf>().command::<rpc::AdjustStock, Shelf>(|request| request.sku.clone(), adjust)
}
