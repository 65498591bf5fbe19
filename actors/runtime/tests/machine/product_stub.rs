//! As much of the catalogue as makes news: one entity that is created. The real group is not the machine's to know.

use jiff::Timestamp;
use messages::problem::Problem;
use messages::product::v1::{self, rpc};
use messages::{Group as Contract, Rpc as _};
use prost::Message as _;
use runtime::desk::Desk;
use runtime::entity::{Entity, Facts, Recorded, Undecodable};
use runtime::group::Group;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Product {
    title: String,
}

struct Created {
    product_id: String,
    title: String,
    at: Timestamp,
}

impl Recorded for Created {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let event = v1::ProductCreated {
            product_id: self.product_id.clone(),
            title: self.title.clone(),
            status: v1::ProductStatus::Active.into(),
            created_at: Some(runtime::clock::to_wire(self.at)),
            ..Default::default()
        };
        ("product.created", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Created, Undecodable> {
        let event = v1::ProductCreated::decode(data).map_err(|e| Undecodable::new(event_type, e))?;
        let at = runtime::clock::from_wire(event.created_at.as_ref());
        Ok(Created { product_id: event.product_id, title: event.title, at })
    }
}

impl Entity for Product {
    const KIND: &'static str = "product";
    const FOLD: u32 = 1;
    type Command = (String, String);
    type Event = Created;
    type Refusal = Problem;

    fn decide(&self, (product_id, title): (String, String), facts: &Facts) -> Result<Vec<Created>, Problem> {
        Ok(vec![Created { product_id, title, at: facts.now }])
    }

    fn evolve(&mut self, event: &Created) {
        self.title.clone_from(&event.title);
    }
}

fn create(desk: &mut Desk<'_>, request: &v1::CreateProductRequest) -> Result<v1::CreateProductResponse, Problem> {
    let command = (request.product_id.clone(), request.title.clone());
    desk.tell::<Product>(&request.product_id, command)?;
    Ok(v1::CreateProductResponse::default())
}

/// The contract with the one rpc that is handled here.
static CONTRACT: std::sync::LazyLock<&'static Contract> = std::sync::LazyLock::new(|| {
    let whole = Contract::named("product").expect("a group");
    Box::leak(Box::new(Contract {
        name: whole.name,
        doc: whole.doc,
        partitions: whole.partitions,
        port: whole.port,
        schema: whole.schema,
        hears: whole.hears,
        calls: whole.calls,
        routes: Box::leak(Box::new([rpc::CreateProduct::ROUTE])),
        events: whole.events,
    }))
});

pub(crate) fn group() -> Group {
    Group::new(*CONTRACT)
        .entity::<Product>()
        .command::<rpc::CreateProduct, Product>(|request| request.product_id.clone(), create)
}
