//! What the plays of the catalogue share: a group in a world, and those who ask it.

use messages::Rpc;
use messages::common::v1::Money;
use messages::id::Id;
use messages::product::v1::{self, ProductStatus, Variant, rpc};
use prost::Message as _;
use runtime::client::Failure;
use runtime::headers::Caller;
use runtime::testkit::{Asker, Ground, Stage, World, seeded};

pub(crate) fn play<F: Future<Output = ()>>(scene: impl Fn(World) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        let scene = scene(world.clone());
        async move {
            scene.await;
            world.idle().await;
        }
    });
}

pub(crate) async fn open(world: &World) -> (Stage, Asker) {
    let mut stage = Stage::new(Ground::World(world.clone()), product::group);
    stage.start("a").await;
    let asker = stage.client("catalogue").await;
    (stage, asker)
}

pub(crate) fn id(prefix: &str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn variant(sku: &str) -> Variant {
    let price = Some(Money { amount: Some(900), currency: "EUR".into() });
    Variant { sku: sku.into(), price, ..Variant::default() }
}

pub(crate) fn thing(name: &str) -> v1::CreateProductRequest {
    v1::CreateProductRequest {
        product_id: id("prd", name),
        title: name.into(),
        status: ProductStatus::Active.into(),
        variants: vec![variant(&name.to_uppercase().replace(' ', "-"))],
        ..Default::default()
    }
}

pub(crate) async fn create(asker: &Asker, request: v1::CreateProductRequest) -> v1::Product {
    let created = asker.ask::<rpc::CreateProduct>(Some(&request.product_id), &request).await.expect("a product");
    created.product.expect("a product")
}

/// Asks as somebody who is not staff.
pub(crate) async fn as_customer<R: Rpc>(
    asker: &Asker,
    key: Option<&str>,
    request: &R::Request,
) -> Result<R::Response, Failure> {
    let mut call = asker.call::<R>(key, request);
    call.caller = Caller::anonymous();
    let answer = asker.send(&call).await?;
    Ok(R::Response::decode(answer.payload).expect("an answer of the contract"))
}
