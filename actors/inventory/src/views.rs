//! Stock as lists show it: levels, what is low, what moved, and what can be had of a SKU or a product.

mod reorder;
mod transfers;

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use crate::allocation;
use crate::item::Item;
use crate::reservation::Units;
use crate::shelf::Shelf;
use crate::warehouse::Warehouse;
use crate::wire::v1::{self, Availability, Movement, StockLevel, WarehouseAvailability};
use crate::wire::{self, Int64Filter, Problem, StringFilter};

pub use reorder::reorder;
pub use transfers::{Transfers, list as list_transfers};

/// How many SKUs of a product, or shelves of a SKU, are looked at: far beyond any real one.
const LOOK_MAX: usize = 10_000;

/// Levels, items and warehouses.
///
/// Rows: `l<warehouse>\0<sku>` a level · `s<order>\0<value>\0<warehouse>\0<sku>` sorts levels · `k<sku>\0<warehouse>`
/// the shelves of a SKU · `t<warehouse>\0<sku>` is low · `dsku\0<sku>\0<warehouse>\0<sku>` has to be filled up · `i<sku>` an item · `q<product>\0<sku>` the SKUs of a product ·
/// `h<warehouse>` a warehouse · `n<order>\0<value>\0<warehouse>` sorts warehouses.
pub struct Stock;

impl View for Stock {
    const NAME: &'static str = "stock";
    const FOLD: u32 = 2;

    fn fold(rows: &mut Writer, event: &Folded) {
        if let Some(shelf) = event.state::<Shelf>() {
            fold_shelf(rows, event, shelf);
        } else if let Some(item) = event.state::<Item>() {
            fold_item(rows, item);
        } else if let Some(warehouse) = event.state::<Warehouse>() {
            fold_warehouse(rows, event, warehouse);
        }
    }
}

/// Every change of every level, in order of time: the journal whose sums are the levels.
///
/// Rows: `m<time>\0<partition><sequence><index>` a movement.
pub struct Movements;

impl View for Movements {
    const NAME: &'static str = "movements";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if event.state::<Shelf>().is_none() {
            return;
        }
        if let Some(movement) = wire::movement(&event.event_type, &event.data) {
            let time = event.at.as_microsecond().to_be_bytes();
            let place = [&event.partition.to_be_bytes()[..], &event.sequence.to_be_bytes(), &event.index.to_be_bytes()];
            rows.put(&[b"m", &time[..], &place.concat()].concat(), movement.encode_to_vec());
        }
    }
}

fn pair(table: u8, first: &str, second: &str) -> Vec<u8> {
    [&[table], first.as_bytes(), b"\0", second.as_bytes()].concat()
}

/// The parts of a key after its table, split at zero bytes.
fn parts(key: &[u8]) -> Vec<String> {
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    key.get(1..).unwrap_or_default().split(|byte| *byte == 0).map(text).collect()
}

fn fold_shelf(rows: &mut Writer, event: &Folded, shelf: &Shelf) {
    let Some((warehouse_id, sku)) = event.actor.id.split_once('/') else { return };
    let key = pair(b'l', warehouse_id, sku);
    if let Some(before) = level_row(rows, &key) {
        order_keys(&before).iter().for_each(|key| rows.remove(key));
    }
    let mut level = wire::level(warehouse_id, sku, shelf, event.version);
    if level.product_id.is_empty() {
        level.product_id = product_of(rows, sku);
    }
    order_keys(&level).iter().for_each(|key| rows.put(key, Vec::new()));
    rows.put(&key, level.encode_to_vec());
    rows.put(&pair(b'k', sku, warehouse_id), Vec::new());
    let low = pair(b't', warehouse_id, sku);
    match level.low_stock_threshold.filter(|threshold| level.on_hand <= *threshold) {
        Some(_) => rows.put(&low, Vec::new()),
        None => rows.remove(&low),
    }
    let due = [b"dsku\0", sku.as_bytes(), b"\0", warehouse_id.as_bytes(), b"\0", sku.as_bytes()].concat();
    match wire::policy(&level).suggested(level.on_hand - level.backordered) {
        0 => rows.remove(&due),
        _ => rows.put(&due, Vec::new()),
    }
}

fn fold_item(rows: &mut Writer, item: &Item) {
    let shown =
        v1::Item { sku: item.sku.clone(), version: 0, product_id: item.product_id.clone(), title: item.title.clone() };
    rows.put(&[b"i", item.sku.as_bytes()].concat(), shown.encode_to_vec());
    rows.put(&pair(b'q', &item.product_id, &item.sku), Vec::new());
    // Stock that came in before the catalogue named the SKU learns now whose it is.
    for (key, _) in rows.scan(&pair(b'k', &item.sku, ""), None, LOOK_MAX) {
        let Some(warehouse_id) = parts(&key).pop() else { continue };
        let key = pair(b'l', &warehouse_id, &item.sku);
        if let Some(mut level) = level_row(rows, &key) {
            level.product_id.clone_from(&item.product_id);
            rows.put(&key, level.encode_to_vec());
        }
    }
}

fn fold_warehouse(rows: &mut Writer, event: &Folded, warehouse: &Warehouse) {
    let Some(shown) = wire::warehouse(warehouse, event.version) else { return };
    let key = [b"h", event.actor.id.as_bytes()].concat();
    if let Some(before) = rows.get(&key).and_then(|row| v1::Warehouse::decode(row.as_slice()).ok()) {
        warehouse_keys(&before).iter().for_each(|key| rows.remove(key));
    }
    warehouse_keys(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
    rows.put(&key, shown.encode_to_vec());
}

fn order_keys(level: &StockLevel) -> [Vec<u8>; 3] {
    let place = [level.warehouse_id.as_bytes(), b"\0", level.sku.as_bytes()].concat();
    let time = from_wire(level.updated_at.as_ref()).as_microsecond();
    [
        [b"ssku\0", level.sku.as_bytes(), b"\0", &place].concat(),
        [b"son_hand\0", &level.on_hand.to_be_bytes()[..], b"\0", &place].concat(),
        [b"supdated_at\0", &time.to_be_bytes()[..], b"\0", &place].concat(),
    ]
}

fn warehouse_keys(warehouse: &v1::Warehouse) -> [Vec<u8>; 2] {
    let id = warehouse.warehouse_id.as_bytes();
    let time = from_wire(warehouse.created_at.as_ref()).as_microsecond();
    [
        [b"nname\0", warehouse.name.to_lowercase().as_bytes(), b"\0", id].concat(),
        [b"ncreated_at\0", &time.to_be_bytes()[..], b"\0", id].concat(),
    ]
}

fn level_row(rows: &Rows, key: &[u8]) -> Option<StockLevel> {
    StockLevel::decode(rows.get(key)?.as_slice()).ok()
}

fn item_row(rows: &Rows, sku: &str) -> Option<v1::Item> {
    v1::Item::decode(rows.get(&[b"i", sku.as_bytes()].concat())?.as_slice()).ok()
}

/// The product a SKU belongs to, as far as the catalogue has said; else empty.
#[must_use]
pub fn product_of(rows: &Rows, sku: &str) -> String {
    item_row(rows, sku).map(|item| item.product_id).unwrap_or_default()
}

fn passes(filter: Option<&StringFilter>, value: &str) -> bool {
    let Some(filter) = filter else { return true };
    filter.eq.as_deref().is_none_or(|eq| eq == value)
        && (filter.r#in.is_empty() || filter.r#in.iter().any(|one| one == value))
}

/// The level at the end of an order key, whose last two parts are warehouse and SKU.
fn ordered_level(rows: &Rows, key: &[u8]) -> Option<StockLevel> {
    let mut parts = key.rsplit(|byte| *byte == 0);
    let (sku, warehouse) = (parts.next()?, parts.next()?);
    level_row(rows, &[b"l", warehouse, b"\0", sku].concat())
}

/// Stock levels, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn levels(views: &Views<'_>, request: &v1::ListStockLevelsRequest) -> Result<v1::ListStockLevelsResponse, Problem> {
    let rows = views.of::<Stock>();
    let v1::ListStockLevelsRequest { limit, after, before, sort, warehouse_id, sku, product_id, on_hand } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |level: &StockLevel| {
        passes(warehouse_id.as_ref(), &level.warehouse_id)
            && passes(sku.as_ref(), &level.sku)
            && passes(product_id.as_ref(), &level.product_id)
            && on_hand.as_ref().is_none_or(|filter| within(filter, level.on_hand))
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "sku",
        |field| [b"s", field.as_bytes(), b"\0"].concat(),
        |key, _| ordered_level(&rows, key).filter(wanted),
    )?;
    Ok(v1::ListStockLevelsResponse { data, has_more, next })
}

fn within(filter: &Int64Filter, value: i64) -> bool {
    filter.eq.is_none_or(|eq| value == eq)
        && filter.gt.is_none_or(|gt| value > gt)
        && filter.gte.is_none_or(|gte| value >= gte)
        && filter.lt.is_none_or(|lt| value < lt)
        && filter.lte.is_none_or(|lte| value <= lte)
}

/// Levels at or below their threshold, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn low_stock(views: &Views<'_>, request: &v1::ListLowStockRequest) -> Result<v1::ListLowStockResponse, Problem> {
    let rows = views.of::<Stock>();
    let v1::ListLowStockRequest { limit, after, before, sort, warehouse_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let is_low = |level: &StockLevel| {
        passes(warehouse_id.as_ref(), &level.warehouse_id)
            && rows.get(&pair(b't', &level.warehouse_id, &level.sku)).is_some()
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "on_hand",
        |field| [b"s", field.as_bytes(), b"\0"].concat(),
        |key, _| ordered_level(&rows, key).filter(is_low),
    )?;
    Ok(v1::ListLowStockResponse { data, has_more, next })
}

/// What moved, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn movements(views: &Views<'_>, request: &v1::ListMovementsRequest) -> Result<v1::ListMovementsResponse, Problem> {
    let rows = views.of::<Movements>();
    let v1::ListMovementsRequest { limit, after, before, sort, warehouse_id, sku } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |movement: &Movement| {
        passes(warehouse_id.as_ref(), &movement.warehouse_id) && passes(sku.as_ref(), &movement.sku)
    };
    let Page { data, has_more, next } =
        asked.page(&rows, "-at", |_| b"m".to_vec(), |_, value| Movement::decode(value).ok().filter(wanted))?;
    Ok(v1::ListMovementsResponse { data, has_more, next })
}

/// Warehouses, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn warehouses(
    views: &Views<'_>,
    request: &v1::ListWarehousesRequest,
) -> Result<v1::ListWarehousesResponse, Problem> {
    let rows = views.of::<Stock>();
    let v1::ListWarehousesRequest { limit, after, before, sort, country } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let at = |key: &[u8]| {
        let id = key.rsplit(|byte| *byte == 0).next()?;
        v1::Warehouse::decode(rows.get(&[b"h", id].concat())?.as_slice()).ok()
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "name",
        |field| [b"n", field.as_bytes(), b"\0"].concat(),
        |key, _| at(key).filter(|warehouse| passes(country.as_ref(), &warehouse.country)),
    )?;
    Ok(v1::ListWarehousesResponse { data, has_more, next })
}

/// What can be had of SKUs. One nobody ever heard of has nothing available, which is true.
///
/// # Errors
/// None of its own.
pub fn availability(
    views: &Views<'_>,
    request: &v1::GetAvailabilityRequest,
) -> Result<v1::GetAvailabilityResponse, Problem> {
    let rows = views.of::<Stock>();
    let filter = request.sku.clone().unwrap_or_default();
    let skus = filter.eq.into_iter().chain(filter.r#in);
    Ok(v1::GetAvailabilityResponse { data: skus.map(|sku| available(&rows, &sku)).collect() })
}

/// What can be had of a product, SKU by SKU.
///
/// # Errors
/// `not_found` when the catalogue has not named it.
pub fn product_stock(
    views: &Views<'_>,
    request: &v1::GetProductStockRequest,
) -> Result<v1::GetProductStockResponse, Problem> {
    let rows = views.of::<Stock>();
    let skus = rows.scan(&pair(b'q', &request.product_id, ""), None, LOOK_MAX);
    if skus.is_empty() {
        return Err(wire::no_such_product());
    }
    let items: Vec<_> = skus.iter().filter_map(|(key, _)| Some(available(&rows, &parts(key).pop()?))).collect();
    let available = items.iter().map(|item| item.available).sum();
    Ok(v1::GetProductStockResponse { product_id: request.product_id.clone(), available, items })
}

/// What can be had of a SKU. It has a shelf in every warehouse; those nothing ever lay on are empty.
fn available(rows: &Rows, sku: &str) -> Availability {
    let warehouses: Vec<_> = rows
        .scan(b"h", None, LOOK_MAX)
        .into_iter()
        .map(|(key, _)| {
            let warehouse_id = String::from_utf8_lossy(&key[1..]).into_owned();
            let level = level_row(rows, &pair(b'l', &warehouse_id, sku)).unwrap_or_default();
            let (available, backorderable) = (level.sellable, backorderable(&level));
            let expected_at = level.backorder_expected_at.filter(|_| backorderable > 0);
            WarehouseAvailability { warehouse_id, available, backorderable, expected_at }
        })
        .collect();
    let sum = |of: fn(&WarehouseAvailability) -> i64| warehouses.iter().map(of).sum();
    let (available, backorderable) = (sum(|warehouse| warehouse.available), sum(|warehouse| warehouse.backorderable));
    Availability { sku: sku.to_owned(), product_id: product_of(rows, sku), available, warehouses, backorderable }
}

/// Units that more people may wait for.
fn backorderable(level: &StockLevel) -> i64 {
    (level.backorder_limit - level.backordered).max(0)
}

/// From which warehouses a basket would be sent.
///
/// # Errors
/// None of its own: what cannot be had is said in the answer.
pub fn allocate(views: &Views<'_>, request: &v1::AllocateRequest) -> Result<v1::AllocateResponse, Problem> {
    let rows = views.of::<Stock>();
    let (wanted, to, strategy) = wire::wanted(request);
    let units = |warehouse_id: &str, of: fn(&StockLevel) -> i64| {
        let level = |sku: &String| Some((sku.clone(), of(&level_row(&rows, &pair(b'l', warehouse_id, sku))?)));
        wanted.keys().filter_map(level).collect()
    };
    let warehouses = rows.scan(b"h", None, LOOK_MAX).into_iter();
    let warehouses = warehouses.filter_map(|(_, row)| v1::Warehouse::decode(row.as_slice()).ok());
    let site = |warehouse: v1::Warehouse| {
        let stock = units(&warehouse.warehouse_id, |level| level.sellable);
        let awaitable =
            if request.backorder { units(&warehouse.warehouse_id, backorderable) } else { Units::default() };
        wire::site(&warehouse, stock, awaitable)
    };
    let sites: Vec<_> = warehouses.map(site).collect();
    Ok(wire::plan(allocation::allocate(&wanted, &sites, &to, strategy), strategy))
}

/// Whether the catalogue or a delivery ever named a SKU.
#[must_use]
pub fn is_known(rows: &Rows, sku: &str) -> bool {
    item_row(rows, sku).is_some()
}
