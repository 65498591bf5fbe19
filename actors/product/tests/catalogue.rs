//! Categories, types, options and windows through real bytes, in a world.

#[path = "catalogue/shop.rs"]
mod shop;

use jiff::SignedDuration;
use messages::product::v1::{self, AttributeDefinition, AttributeKind, rpc};
use runtime::client::Failure;
use runtime::clock::to_wire;
use runtime::testkit::{Asker, MemoryStore, refusal};

use shop::{as_customer, create, id, open, play, thing, variant};

/// The places and codes of what is wrong with a request.
fn places<T: std::fmt::Debug>(asked: Result<T, Failure>) -> Vec<(String, String)> {
    let problem = refusal(asked);
    problem.errors.into_iter().map(|error| (error.pointer, error.code)).collect()
}

async fn category(asker: &Asker, name: &str, parent: Option<&str>) -> String {
    let category_id = id("cat", name);
    let request = v1::CreateCategoryRequest {
        category_id: category_id.clone(),
        name: name.into(),
        parent_id: parent.map(str::to_owned),
        ..Default::default()
    };
    asker.ask::<rpc::CreateCategory>(Some(&category_id), &request).await.expect("a category");
    category_id
}

async fn relocate(asker: &Asker, category_id: &str, parent: Option<&str>) -> Result<v1::MoveCategoryResponse, String> {
    let parent_id = parent.map(str::to_owned);
    let request = v1::MoveCategoryRequest { category_id: category_id.to_owned(), parent_id };
    let asked = asker.ask::<rpc::MoveCategory>(Some(category_id), &request).await;
    if asked.is_ok() { Ok(asked.unwrap_or_default()) } else { Err(refusal(asked).code) }
}

#[test]
fn categories_are_a_tree_and_no_move_makes_a_circle() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let wear = category(&asker, "Wear", None).await;
        let tops = category(&asker, "Tops", Some(&wear)).await;
        let shirts = category(&asker, "Shirts", Some(&tops)).await;
        assert_eq!(relocate(&asker, &wear, Some(&shirts)).await.err().as_deref(), Some("category_cycle"));
        assert_eq!(relocate(&asker, &wear, Some(&wear)).await.err().as_deref(), Some("category_cycle"));
        let nowhere = id("cat", "nowhere");
        assert_eq!(relocate(&asker, &tops, Some(&nowhere)).await.err().as_deref(), Some("parent_not_found"));
        assert_eq!(relocate(&asker, &nowhere, None).await.err().as_deref(), Some("not_found"));
        let moved = relocate(&asker, &shirts, Some(&wear)).await.expect("a move").category.expect("a category");
        assert_eq!((moved.version, moved.parent_id.as_ref()), (2, Some(&wear)));
        // Two moves that together would be a circle: one of them is refused.
        let one = relocate(&asker, &tops, Some(&shirts));
        let other = relocate(&asker, &shirts, Some(&tops));
        let (one, other) = futures::future::join(one, other).await;
        let (done, refused): (Vec<_>, Vec<_>) = [one, other].into_iter().partition(Result::is_ok);
        assert_eq!((done.len(), refused), (1, vec![Err("category_cycle".to_owned())]));
        // The list says the same after everything is made anew.
        let below = v1::ListCategoriesRequest { parent_id: Some(wear.clone()), ..Default::default() };
        let one_left = |said: &v1::ListCategoriesResponse| said.data.len() == 1;
        let before = asker.until::<rpc::ListCategories>(None, &below, one_left).await;
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        let after = asker.until::<rpc::ListCategories>(None, &below, one_left).await;
        assert_eq!(after, before);
        let top = v1::ListCategoriesRequest { top: Some(true), ..Default::default() };
        let top = asker.ask::<rpc::ListCategories>(None, &top).await.expect("a list");
        assert_eq!(top.data.iter().map(|shown| shown.name.as_str()).collect::<Vec<_>>(), ["Wear"]);
        stage.clear().await;
    });
}

fn attribute(name: &str, value: v1::attribute::Value) -> v1::Attribute {
    v1::Attribute { name: name.into(), value: Some(value) }
}

async fn define(asker: &Asker) {
    let definition = |name: &str, kind: AttributeKind, required: bool, choices: &[&str]| AttributeDefinition {
        name: name.into(),
        kind: kind.into(),
        required,
        choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
        ..Default::default()
    };
    let request = v1::DefineProductTypeRequest {
        product_type: "apparel".into(),
        label: "Clothes".into(),
        attributes: vec![
            definition("material", AttributeKind::Text, true, &[]),
            definition("season", AttributeKind::Choice, false, &["summer", "winter"]),
        ],
    };
    asker.ask::<rpc::DefineProductType>(Some("apparel"), &request).await.expect("a type");
}

#[test]
fn a_product_is_held_to_its_type_its_options_and_the_categories_there_are() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        define(&asker).await;
        let wear = category(&asker, "Wear", None).await;
        let mut shirt = thing("Shirt");
        let ask = async |request: &v1::CreateProductRequest| {
            asker.ask::<rpc::CreateProduct>(Some(&request.product_id), request).await
        };
        let text = |text: &str| v1::attribute::Value::Text(text.into());
        shirt.product_type = "apparel".into();
        shirt.category_ids = vec![wear.clone(), id("cat", "nowhere")];
        shirt.attributes = vec![attribute("season", text("winter"))];
        shirt.options = vec![v1::ProductOption { name: "size".into(), values: vec!["S".into(), "M".into()] }];
        let expected = [
            ("/variants/0/options/size", "required"),
            ("/attributes/0/text", "wrong_type"),
            ("/attributes", "required"),
            ("/category_ids/1", "unknown_value"),
        ];
        let expected: Vec<_> = expected.iter().map(|(at, code)| ((*at).to_owned(), (*code).to_owned())).collect();
        assert_eq!(places(ask(&shirt).await), expected);
        shirt.category_ids = vec![wear];
        let winter = v1::attribute::Value::Choice("winter".into());
        shirt.attributes = vec![attribute("season", winter), attribute("material", text("Wool"))];
        let sized = |sku: &str, size: &str| {
            let options = [("size".to_owned(), size.to_owned())].into();
            v1::Variant { options, ..variant(sku) }
        };
        shirt.variants = vec![sized("SHIRT-S", "S"), sized("SHIRT-M", "S")];
        assert_eq!(places(ask(&shirt).await), [("/variants/1/options".to_owned(), "not_unique".to_owned())]);
        shirt.variants = vec![sized("SHIRT-S", "S"), sized("SHIRT-M", "M")];
        let shown = create(&asker, shirt.clone()).await;
        assert_eq!((shown.attributes, shown.options), (shirt.attributes, shirt.options));
        // Without a type of its own nothing is demanded, and nothing can be said.
        let mut loose = thing("Loose");
        loose.product_type = "physical".into();
        create(&asker, loose.clone()).await;
        loose.attributes = vec![attribute("material", text("Wool"))];
        assert_eq!(places(ask(&loose).await)[0].0, "/product_type");
        stage.clear().await;
    });
}

#[test]
fn a_product_is_published_and_hidden_by_itself() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let now = asker.client.clock().now();
        let later = |secs: i64| Some(to_wire(now.checked_add(SignedDuration::from_secs(secs)).expect("a moment")));
        let mut mug = thing("Mug");
        (mug.visible_from, mug.visible_until) = (later(8), later(20));
        let mug = create(&asker, mug).await.product_id;
        let get = v1::GetProductRequest { product_id: mug.clone(), channel: None };
        let hidden = as_customer::<rpc::GetProduct>(&asker, Some(&mug), &get).await;
        assert_eq!(refusal(hidden).code, "not_found");
        let lookup = v1::LookupRequest { skus: vec!["MUG".into()] };
        let sellable =
            |is: bool| move |said: &v1::LookupResponse| said.items.first().is_some_and(|item| item.sellable == is);
        asker.until::<rpc::Lookup>(None, &lookup, sellable(false)).await;
        // Whoever hosts it when the moment comes publishes it.
        stage.kill("a");
        stage.start("a").await;
        let published =
            |is: bool| move |said: &v1::GetProductResponse| said.product.as_ref().is_some_and(|p| p.published == is);
        let shown = asker.until::<rpc::GetProduct>(Some(&mug), &get, published(true)).await.product.expect("a mug");
        assert_eq!(shown.version, 2);
        as_customer::<rpc::GetProduct>(&asker, Some(&mug), &get).await.expect("customers see it");
        asker.until::<rpc::Lookup>(None, &lookup, sellable(true)).await;
        let shown = asker.until::<rpc::GetProduct>(Some(&mug), &get, published(false)).await.product.expect("a mug");
        assert_eq!(shown.version, 3);
        asker.until::<rpc::Lookup>(None, &lookup, sellable(false)).await;
        stage.clear().await;
    });
}

#[test]
fn a_product_of_a_channel_is_seen_there_and_by_staff() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let mut web = thing("Web mug");
        web.channels = vec!["web".into()];
        let web = create(&asker, web).await.product_id;
        create(&asker, thing("Mug")).await;
        let mut draft = thing("Draft mug");
        draft.status = v1::ProductStatus::Draft.into();
        create(&asker, draft).await;
        let list = |channel: Option<&str>| v1::ListProductsRequest {
            channel: channel.map(str::to_owned),
            sort: Some("title".into()),
            ..Default::default()
        };
        let all = |said: &v1::ListProductsResponse| said.data.len() == 3;
        asker.until::<rpc::ListProducts>(None, &list(None), all).await;
        let mut seen = Vec::new();
        for channel in [None, Some("web"), Some("shop")] {
            let said = as_customer::<rpc::ListProducts>(&asker, None, &list(channel)).await.expect("a list");
            let titles: Vec<_> = said.data.into_iter().map(|product| product.title).collect();
            let get = v1::GetProductRequest { product_id: web.clone(), channel: channel.map(str::to_owned) };
            let got = as_customer::<rpc::GetProduct>(&asker, Some(&web), &get).await.is_ok();
            seen.push((titles.join(", "), got));
        }
        let expected = [("Mug", false), ("Mug, Web mug", true), ("Mug", false)];
        assert_eq!(seen, expected.map(|(titles, got)| (titles.to_owned(), got)));
        let staff = asker.ask::<rpc::ListProducts>(None, &list(Some("shop"))).await.expect("a list");
        assert_eq!(staff.data.len(), 2);
        stage.clear().await;
    });
}
