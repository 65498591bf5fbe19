//! The group through real bytes, in a world: what a SKU is, and what it hears of stock.

#[path = "group/inventory_stub.rs"]
mod inventory_stub;

use messages::common::v1::Money;
use messages::id::Id;
use messages::inventory::v1 as inventory;
use messages::product::v1::{self, LookupItem, LookupRequest, ProductStatus, Variant, rpc};
use runtime::testkit::{Asker, Ground, MemoryStore, Stage, World, seeded};

fn play<F: Future<Output = ()>>(scene: impl Fn(World) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        let scene = scene(world.clone());
        async move {
            scene.await;
            world.idle().await;
        }
    });
}

async fn open(world: &World) -> (Stage, Asker) {
    let mut stage = Stage::new(Ground::World(world.clone()), product::group);
    stage.start("a").await;
    let asker = stage.client("catalogue").await;
    (stage, asker)
}

fn id(name: &str) -> String {
    Id::derived("prd", name.as_bytes()).to_string()
}

fn variant(sku: &str, cents: i64) -> Variant {
    let price = Some(Money { amount: Some(cents), currency: "EUR".into() });
    Variant { sku: sku.into(), title: "Blue".into(), price, weight_grams: Some(250), ..Variant::default() }
}

async fn create(asker: &Asker, name: &str, status: ProductStatus, variants: Vec<Variant>) -> String {
    let product_id = id(name);
    let create = v1::CreateProductRequest {
        product_id: product_id.clone(),
        title: name.into(),
        status: status.into(),
        variants,
        ..Default::default()
    };
    asker.ask::<rpc::CreateProduct>(Some(&product_id), &create).await.expect("a product");
    product_id
}

fn asked(skus: &[&str]) -> LookupRequest {
    LookupRequest { skus: skus.iter().map(|sku| (*sku).to_owned()).collect() }
}

/// Waits until the view says so of the SKU.
async fn known(asker: &Asker, sku: &str, so: impl Fn(&LookupItem) -> bool) -> LookupItem {
    let found = |response: &v1::LookupResponse| response.items.first().is_some_and(&so);
    asker.until::<rpc::Lookup>(None, &asked(&[sku]), found).await.items.remove(0)
}

#[test]
fn a_sku_is_looked_up_as_its_product_says_it() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let mug =
            create(&asker, "Mug", ProductStatus::Active, vec![variant("MUG", 900), variant("MUG-XL", 1200)]).await;
        create(&asker, "Secret", ProductStatus::Draft, vec![variant("SECRET", 1)]).await;
        known(&asker, "SECRET", |_| true).await;
        let said = asker.ask::<rpc::Lookup>(None, &asked(&["SECRET", "NOTHING", "MUG-XL"])).await.expect("an answer");
        assert_eq!(said.unknown, ["NOTHING"]);
        let [secret, xl] = said.items.as_slice() else { panic!("{:?}", said.items) };
        assert_eq!((secret.sku.as_str(), secret.sellable, secret.status()), ("SECRET", false, ProductStatus::Draft));
        assert_eq!((xl.product_id.as_str(), xl.title.as_str(), xl.variant_title.as_str()), (&*mug, "Mug", "Blue"));
        assert_eq!((xl.sellable, xl.tax_category.as_str(), xl.weight_grams), (true, "standard", Some(250)));
        assert_eq!(xl.price.as_ref().and_then(|price| price.amount), Some(1200));
        stage.clear().await;
    });
}

#[test]
fn a_sku_is_of_the_product_that_named_it_first_until_that_lets_go_of_it() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let first = create(&asker, "First", ProductStatus::Draft, vec![variant("MUG", 900)]).await;
        known(&asker, "MUG", |_| true).await;
        let second = create(&asker, "Second", ProductStatus::Active, vec![variant("MUG", 800)]).await;
        let title = |title: &'static str| move |item: &LookupItem| item.title == title;
        // The first product's update says something new and keeps its place.
        let update = v1::UpdateProductRequest {
            product_id: first.clone(),
            title: "First of all".into(),
            status: ProductStatus::Active.into(),
            variants: vec![variant("MUG", 900)],
            ..Default::default()
        };
        asker.ask::<rpc::UpdateProduct>(Some(&first), &update).await.expect("an update");
        known(&asker, "MUG", title("First of all")).await;
        let archive = |product_id: &str| v1::ArchiveProductRequest { product_id: product_id.to_owned() };
        asker.ask::<rpc::ArchiveProduct>(Some(&first), &archive(&first)).await.expect("archived");
        known(&asker, "MUG", title("Second")).await;
        asker.ask::<rpc::ArchiveProduct>(Some(&second), &archive(&second)).await.expect("archived");
        let last = known(&asker, "MUG", title("First of all")).await;
        assert_eq!((last.sellable, last.status()), (false, ProductStatus::Archived));
        // Views are made anew to the same.
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        assert_eq!(known(&asker, "MUG", |_| true).await, last);
        stage.clear().await;
    });
}

async fn runs_low(asker: &Asker, sku: &str, product_id: &str, left: i64) {
    let warehouse_id = Id::derived("wh", b"graz").to_string();
    let adjust = inventory::AdjustStockRequest {
        warehouse_id: warehouse_id.clone(),
        sku: sku.to_owned(),
        delta: Some(left),
        reason: inventory::StockReason::Counted.into(),
        note: product_id.to_owned(),
    };
    asker.ask::<inventory::rpc::AdjustStock>(Some(&warehouse_id), &adjust).await.expect("news");
}

#[test]
fn a_product_hears_that_few_are_left_of_it_and_says_so() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let mut stock = Stage::new(Ground::World(world.clone()), inventory_stub::group);
        stock.start("i").await;
        let mug =
            create(&asker, "Mug", ProductStatus::Active, vec![variant("MUG", 900), variant("MUG-XL", 1200)]).await;
        known(&asker, "MUG-XL", |_| true).await;
        runs_low(&asker, "MUG", &mug, 4).await;
        // Inventory has not heard whose this is; the catalogue knows.
        runs_low(&asker, "MUG-XL", "", 2).await;
        runs_low(&asker, "NOTHING", "", 1).await;
        runs_low(&asker, "NOTHING", &id("nothing"), 1).await;
        let get = v1::GetProductRequest { product_id: mug.clone(), channel: None };
        let both = |said: &v1::GetProductResponse| said.product.as_ref().is_some_and(|mug| mug.few_left.len() == 2);
        let said = asker.until::<rpc::GetProduct>(Some(&mug), &get, both).await.product.expect("a product");
        let left: Vec<_> = said.few_left.iter().map(|few| (few.sku.as_str(), few.current_stock)).collect();
        assert_eq!(left, [("MUG", 4), ("MUG-XL", 2)]);
        assert!(
            world.stored("shop.dlq.>").is_empty(),
            "news of a product that is not there are refused, not set aside"
        );
        // A restart hears nothing twice.
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        let again = asker.until::<rpc::GetProduct>(Some(&mug), &get, both).await.product.expect("a product");
        assert_eq!(again.version, said.version);
        stock.clear().await;
        stage.clear().await;
    });
}
