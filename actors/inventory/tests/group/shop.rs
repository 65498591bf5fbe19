//! What a test of inventory says: warehouses, stock, baskets.

use inventory::wire::v1::{self, StockReason};
use messages::id::Id;
use messages::inventory::v1::rpc;
use runtime::client::{Answer, Failure};
use runtime::testkit::{Asker, Ground, Stage};

/// A stage for inventory with these replicas, and a client.
pub(crate) async fn open(ground: &Ground, replicas: &[&str]) -> (Stage, Asker) {
    let mut stage = Stage::new(ground.clone(), inventory::group);
    for replica in replicas {
        stage.start(replica).await;
    }
    let asker = stage.client("customer").await;
    (stage, asker)
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

/// A warehouse with stock of these SKUs.
pub(crate) async fn warehouse(asker: &Asker, name: &str, stock: &[(&str, i64)]) -> String {
    let warehouse_id = id("wh", name);
    let create = v1::CreateWarehouseRequest {
        warehouse_id: warehouse_id.clone(),
        name: name.to_owned(),
        country: "AT".to_owned(),
        ..v1::CreateWarehouseRequest::default()
    };
    asker.ask::<rpc::CreateWarehouse>(Some(&warehouse_id), &create).await.expect("a warehouse");
    for (sku, units) in stock {
        adjust(asker, &warehouse_id, sku, *units).await.expect("stock");
    }
    warehouse_id
}

pub(crate) fn adjustment(warehouse_id: &str, sku: &str, delta: i64) -> v1::AdjustStockRequest {
    v1::AdjustStockRequest {
        warehouse_id: warehouse_id.to_owned(),
        sku: sku.to_owned(),
        delta: Some(delta),
        reason: StockReason::Received.into(),
        note: String::new(),
    }
}

pub(crate) async fn adjust(
    asker: &Asker,
    warehouse_id: &str,
    sku: &str,
    delta: i64,
) -> Result<v1::AdjustStockResponse, Failure> {
    asker.ask::<rpc::AdjustStock>(Some(warehouse_id), &adjustment(warehouse_id, sku, delta)).await
}

pub(crate) fn basket(warehouse_id: &str, reservation: &str, lines: &[(&str, i64)]) -> v1::ReserveRequest {
    let line = |(sku, quantity): &(&str, i64)| v1::Line { sku: (*sku).to_owned(), quantity: Some(*quantity) };
    v1::ReserveRequest {
        warehouse_id: warehouse_id.to_owned(),
        reservation_id: id("rsv", reservation),
        lines: lines.iter().map(line).collect(),
        ..v1::ReserveRequest::default()
    }
}

/// Reserves under the reservation's name as key.
pub(crate) async fn reserve(
    asker: &Asker,
    warehouse_id: &str,
    reservation: &str,
    lines: &[(&str, i64)],
) -> Result<Answer, Failure> {
    let request = basket(warehouse_id, reservation, lines);
    asker.send(&asker.keyed::<rpc::Reserve>(reservation, warehouse_id, &request)).await
}

/// On hand, reserved, shipped, received.
pub(crate) async fn level(asker: &Asker, warehouse_id: &str, sku: &str) -> [i64; 4] {
    let request = v1::GetStockLevelRequest { warehouse_id: warehouse_id.to_owned(), sku: sku.to_owned() };
    let mut call = asker.call::<rpc::GetStockLevel>(Some(warehouse_id), &request);
    call.strong = true;
    let answer = asker.send(&call).await.expect("a level");
    let response = <v1::GetStockLevelResponse as prost::Message>::decode(answer.payload).expect("a level");
    let level = response.level.expect("a level");
    [level.on_hand, level.reserved, level.shipped, level.received]
}
