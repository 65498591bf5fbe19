//! Warehouses: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, unreadable, v1};
use crate::warehouse::{self, Details, Warehouse};

pub(crate) fn create_warehouse(
    desk: &mut Desk<'_>,
    request: &v1::CreateWarehouseRequest,
) -> Result<v1::CreateWarehouseResponse, Problem> {
    let v1::CreateWarehouseRequest { warehouse_id: id, name, country, region, priority } = request;
    let details = details(name, country, region, *priority);
    desk.tell::<Warehouse>(id, warehouse::Command::Create { id: id.clone(), details })?;
    Ok(v1::CreateWarehouseResponse { warehouse: warehouse(&desk.see::<Warehouse>(id), desk.version::<Warehouse>(id)) })
}

pub(crate) fn update_warehouse(
    desk: &mut Desk<'_>,
    request: &v1::UpdateWarehouseRequest,
) -> Result<v1::UpdateWarehouseResponse, Problem> {
    let v1::UpdateWarehouseRequest { warehouse_id: id, name, country, region, priority } = request;
    let details = details(name, country, region, *priority);
    desk.tell::<Warehouse>(id, warehouse::Command::Update(details))?;
    Ok(v1::UpdateWarehouseResponse { warehouse: warehouse(&desk.see::<Warehouse>(id), desk.version::<Warehouse>(id)) })
}

fn details(name: &str, country: &str, region: &str, priority: Option<u32>) -> Details {
    let (name, country, region) = (name.to_owned(), country.to_owned(), region.to_owned());
    Details { name, country, region, priority: priority.unwrap_or_default() }
}

pub(crate) fn get_warehouse(
    window: &Window<'_>,
    request: &v1::GetWarehouseRequest,
) -> Result<v1::GetWarehouseResponse, Problem> {
    let id = &request.warehouse_id;
    let shown = warehouse(&window.see::<Warehouse>(id), window.version::<Warehouse>(id));
    let shown = shown.ok_or(warehouse::Refusal::NotFound)?;
    Ok(v1::GetWarehouseResponse { warehouse: Some(shown) })
}

/// A warehouse as the world sees it; `None` when there is none.
#[must_use]
pub fn warehouse(warehouse: &Warehouse, version: u64) -> Option<v1::Warehouse> {
    let Warehouse::Open { id, details, created_at, updated_at } = warehouse else { return None };
    Some(v1::Warehouse {
        warehouse_id: id.clone(),
        version,
        name: details.name.clone(),
        country: details.country.clone(),
        region: details.region.clone(),
        priority: details.priority,
        created_at: Some(to_wire(*created_at)),
        updated_at: Some(to_wire(*updated_at)),
    })
}

pub(crate) fn must_be_open(desk: &Desk<'_>, warehouse_id: &str) -> Result<(), Problem> {
    desk.see::<Warehouse>(warehouse_id).is_open().then_some(()).ok_or_else(no_such_warehouse)
}

pub(crate) fn no_such_warehouse() -> Problem {
    Problem::not_found("warehouse_not_found", "there is no such warehouse")
}

impl From<warehouse::Refusal> for Problem {
    fn from(refusal: warehouse::Refusal) -> Problem {
        match refusal {
            warehouse::Refusal::NotFound => Problem::not_found("not_found", refusal.to_string()),
            warehouse::Refusal::AlreadyExists => Problem::conflict("already_exists", refusal.to_string()),
        }
    }
}

impl Recorded for warehouse::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        // What nobody said is absent, as in the events of a time when nobody could.
        let said = |details: &Details| {
            let region = Some(details.region.clone()).filter(|region| !region.is_empty());
            (region, Some(details.priority).filter(|priority| *priority > 0))
        };
        match self.clone() {
            warehouse::Event::Created { id, details, at } => {
                let (region, priority) = said(&details);
                let (Details { name, country, .. }, at) = (details, Some(to_wire(at)));
                let event = v1::WarehouseCreated { warehouse_id: id, name, country, at, region, priority };
                ("warehouse.created", event.encode_to_vec())
            }
            warehouse::Event::Updated { id, details, at } => {
                let (region, priority) = said(&details);
                let (Details { name, country, .. }, at) = (details, Some(to_wire(at)));
                let event = v1::WarehouseUpdated { warehouse_id: id, name, country, at, region, priority };
                ("warehouse.updated", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "warehouse.created" => {
                let event = v1::WarehouseCreated::decode(data).map_err(unreadable(event_type))?;
                let v1::WarehouseCreated { warehouse_id: id, name, country, at, region, priority } = event;
                let details = details(&name, &country, &region.unwrap_or_default(), priority);
                Ok(Self::Created { id, details, at: from_wire(at.as_ref()) })
            }
            "warehouse.updated" => {
                let event = v1::WarehouseUpdated::decode(data).map_err(unreadable(event_type))?;
                let v1::WarehouseUpdated { warehouse_id: id, name, country, at, region, priority } = event;
                let details = details(&name, &country, &region.unwrap_or_default(), priority);
                Ok(Self::Updated { id, details, at: from_wire(at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "a warehouse has no such event")),
        }
    }
}
