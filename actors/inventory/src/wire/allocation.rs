//! Allocation: contract to domain and back.

use super::v1;
use crate::allocation::{Destination, Plan, Site, Strategy};
use crate::reservation::Units;
use crate::settings;

/// What is asked: lines of the same SKU added up, where they go, and how to choose.
#[must_use]
pub fn wanted(request: &v1::AllocateRequest) -> (Units, Destination, Strategy) {
    let mut wanted = Units::new();
    for line in &request.lines {
        // 200 lines of a million units are far from overflowing.
        *wanted.entry(line.sku.clone()).or_default() += line.quantity.unwrap_or_default();
    }
    let to = Destination { country: request.country.clone(), region: request.region.clone() };
    let strategy = match request.strategy() {
        v1::AllocationStrategy::Unspecified => settings::current().allocation,
        v1::AllocationStrategy::Nearest => Strategy::Nearest,
        v1::AllocationStrategy::FewestParcels => Strategy::FewestParcels,
        v1::AllocationStrategy::Priority => Strategy::Priority,
    };
    (wanted, to, strategy)
}

/// A warehouse as allocation sees it.
#[must_use]
pub fn site(warehouse: &v1::Warehouse, stock: Units, awaitable: Units) -> Site {
    let v1::Warehouse { warehouse_id, country, region, priority, .. } = warehouse.clone();
    Site { warehouse_id, country, region, priority, stock, awaitable }
}

/// A plan as the world sees it.
#[must_use]
pub fn plan(plan: Plan, strategy: Strategy) -> v1::AllocateResponse {
    let line = |(sku, quantity)| v1::Line { sku, quantity: Some(quantity) };
    let parts = plan.parts.into_iter().map(|part| v1::AllocationPart {
        warehouse_id: part.warehouse_id,
        lines: part.lines.into_iter().map(line).collect(),
    });
    let short = plan.short.into_iter().map(|short| v1::Shortage {
        sku: short.sku,
        requested: short.requested,
        available: short.available,
    });
    let strategy = match strategy {
        Strategy::Nearest => v1::AllocationStrategy::Nearest,
        Strategy::FewestParcels => v1::AllocationStrategy::FewestParcels,
        Strategy::Priority => v1::AllocationStrategy::Priority,
    };
    v1::AllocateResponse { parts: parts.collect(), short: short.collect(), strategy: strategy.into() }
}
