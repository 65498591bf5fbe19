//! As much of the catalogue as makes news: products that are created and updated. The real group is not pricing's to know.

use messages::problem::Problem;
use messages::product::v1::{self, Variant, rpc};
use messages::{Group as Contract, Rpc as _};
use prost::Message as _;
use runtime::desk::Desk;
use runtime::entity::{Entity, Facts, Recorded, Undecodable};
use runtime::group::Group;
use runtime::testkit::{Asker, Ground, Stage};
use serde::{Deserialize, Serialize};

use super::shop::{euros, id};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Product;

enum Event {
    Created(v1::ProductCreated),
    Updated(v1::ProductUpdated),
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self {
            Event::Created(event) => ("product.created", event.encode_to_vec()),
            Event::Updated(event) => ("product.updated", event.encode_to_vec()),
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        let unreadable = |e| Undecodable::new(event_type, e);
        match event_type {
            "product.created" => v1::ProductCreated::decode(data).map(Event::Created).map_err(unreadable),
            _ => v1::ProductUpdated::decode(data).map(Event::Updated).map_err(unreadable),
        }
    }
}

impl Entity for Product {
    const KIND: &'static str = "product";
    const FOLD: u32 = 1;
    type Command = Event;
    type Event = Event;
    type Refusal = Problem;

    fn decide(&self, said: Event, _: &Facts) -> Result<Vec<Event>, Problem> {
        Ok(vec![said])
    }

    fn evolve(&mut self, _: &Event) {}
}

fn create(desk: &mut Desk<'_>, request: &v1::CreateProductRequest) -> Result<v1::CreateProductResponse, Problem> {
    let v1::CreateProductRequest { product_id, title, status, variants, .. } = request.clone();
    let created_at = Some(runtime::clock::to_wire(desk.facts().now));
    let id = product_id.clone();
    let event = v1::ProductCreated { product_id, title, status, variants, created_at, ..Default::default() };
    desk.tell::<Product>(&id, Event::Created(event))?;
    Ok(v1::CreateProductResponse::default())
}

fn update(desk: &mut Desk<'_>, request: &v1::UpdateProductRequest) -> Result<v1::UpdateProductResponse, Problem> {
    let v1::UpdateProductRequest { product_id, title, status, variants, tax_category, .. } = request.clone();
    let updated_at = Some(runtime::clock::to_wire(desk.facts().now));
    let id = product_id.clone();
    let event =
        v1::ProductUpdated { product_id, title, status, variants, tax_category, updated_at, ..Default::default() };
    desk.tell::<Product>(&id, Event::Updated(event))?;
    Ok(v1::UpdateProductResponse::default())
}

/// The contract with the two rpcs that are handled here.
static CONTRACT: std::sync::LazyLock<&'static Contract> = std::sync::LazyLock::new(|| {
    let whole = Contract::named("product").expect("a group");
    let routes = Box::leak(Box::new([rpc::CreateProduct::ROUTE, rpc::UpdateProduct::ROUTE]));
    Box::leak(Box::new(Contract { routes, ..*whole }))
});

fn group() -> Group {
    Group::new(*CONTRACT)
        .entity::<Product>()
        .command::<rpc::CreateProduct, Product>(|request| request.product_id.clone(), create)
        .command::<rpc::UpdateProduct, Product>(|request| request.product_id.clone(), update)
}

/// A catalogue that runs.
pub(crate) struct Catalogue {
    stage: Stage,
    asker: Asker,
}

impl Catalogue {
    pub(crate) async fn open(ground: &Ground) -> Catalogue {
        let mut stage = Stage::new(ground.clone(), group);
        stage.start("p").await;
        let asker = stage.client("catalogue").await;
        Catalogue { stage, asker }
    }

    /// A product comes into the catalogue, with variants at these prices in cents.
    pub(crate) async fn create(&self, name: &str, variants: &[(&str, i64)]) {
        let create = v1::CreateProductRequest {
            product_id: id("prd", name),
            title: name.to_owned(),
            status: v1::ProductStatus::Active.into(),
            variants: named(variants),
            ..Default::default()
        };
        self.asker.ask::<rpc::CreateProduct>(Some(&create.product_id), &create).await.expect("a product");
    }

    /// It says something else about itself, and which taxes it falls under.
    pub(crate) async fn update(&self, name: &str, tax_category: &str, variants: &[(&str, i64)]) {
        let update = v1::UpdateProductRequest {
            product_id: id("prd", name),
            title: name.to_owned(),
            status: v1::ProductStatus::Active.into(),
            variants: named(variants),
            tax_category: Some(tax_category.to_owned()),
            ..Default::default()
        };
        self.asker.ask::<rpc::UpdateProduct>(Some(&update.product_id), &update).await.expect("a product");
    }

    pub(crate) async fn close(mut self) {
        self.stage.clear().await;
    }
}

fn named(variants: &[(&str, i64)]) -> Vec<Variant> {
    let variant = |(sku, cents): &(&str, i64)| Variant {
        sku: (*sku).to_owned(),
        price: Some(euros(*cents)),
        ..Default::default()
    };
    variants.iter().map(variant).collect()
}
