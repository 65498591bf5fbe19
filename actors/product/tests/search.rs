//! Search and collections through real bytes, in a world.

#[path = "catalogue/shop.rs"]
mod shop;

use messages::product::v1::{self, FacetCount, SearchProductsRequest, SearchProductsResponse, rpc};
use runtime::testkit::{Asker, MemoryStore, refusal};

use shop::{as_customer, create, id, open, play, thing};

fn asked(q: &str) -> SearchProductsRequest {
    SearchProductsRequest { q: q.into(), ..Default::default() }
}

fn titles(said: &SearchProductsResponse) -> Vec<&str> {
    said.data.iter().map(|product| product.title.as_str()).collect()
}

async fn found(asker: &Asker, request: &SearchProductsRequest) -> String {
    let said = as_customer::<rpc::SearchProducts>(asker, None, request).await.expect("a search");
    titles(&said).join(", ")
}

fn counts(counts: &[FacetCount]) -> Vec<(&str, u32)> {
    counts.iter().map(|count| (count.value.as_str(), count.count)).collect()
}

fn season(value: &str) -> v1::Attribute {
    v1::Attribute { name: "season".into(), value: Some(v1::attribute::Value::Choice(value.into())) }
}

/// Clothes of two seasons in a small tree, and something else.
async fn stocked(asker: &Asker) -> (String, String) {
    let (wear, tops) = (id("cat", "wear"), id("cat", "tops"));
    for (category_id, name, parent_id) in [(&wear, "Clothing", None), (&tops, "Tops", Some(wear.clone()))] {
        let name = name.into();
        let request =
            v1::CreateCategoryRequest { category_id: category_id.clone(), name, parent_id, ..Default::default() };
        asker.ask::<rpc::CreateCategory>(Some(category_id), &request).await.expect("a category");
    }
    let choices = vec!["summer".into(), "winter".into()];
    let definition = v1::AttributeDefinition {
        name: "season".into(),
        kind: v1::AttributeKind::Choice.into(),
        choices,
        ..Default::default()
    };
    let define = v1::DefineProductTypeRequest {
        product_type: "apparel".into(),
        attributes: vec![definition],
        ..Default::default()
    };
    asker.ask::<rpc::DefineProductType>(Some("apparel"), &define).await.expect("a type");
    for (title, value, category) in
        [("Trail shirt", "summer", &tops), ("Wool sweater", "winter", &tops), ("Winter boots", "winter", &wear)]
    {
        let product = v1::CreateProductRequest {
            product_type: "apparel".into(),
            attributes: vec![season(value)],
            category_ids: vec![category.clone()],
            tags: vec!["new".into()],
            description: "Made for Größe.".into(),
            ..thing(title)
        };
        create(asker, product).await;
    }
    create(asker, v1::CreateProductRequest { product_type: "physical".into(), ..thing("Trailing plant") }).await;
    (wear, tops)
}

async fn settled(asker: &Asker, total: u32) {
    asker.until::<rpc::SearchProducts>(None, &asked(""), |said| said.total == total).await;
}

#[test]
fn products_are_found_by_words_their_beginnings_and_almost() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        stocked(&asker).await;
        settled(&asker, 4).await;
        assert_eq!(found(&asker, &asked("trail")).await, "Trail shirt, Trailing plant");
        assert_eq!(found(&asker, &asked("tra sh")).await, "Trail shirt");
        assert_eq!(found(&asker, &asked("TRAIL-SH")).await, "Trail shirt");
        assert_eq!(found(&asker, &asked("grosse boots")).await, "Winter boots");
        assert_eq!(found(&asker, &asked("clothing")).await, "Trail shirt, Winter boots, Wool sweater");
        // The season is said of two; one says it in its title as well.
        assert_eq!(found(&asker, &asked("winter")).await, "Winter boots, Wool sweater");
        let said = as_customer::<rpc::SearchProducts>(&asker, None, &asked("sweeter")).await.expect("a search");
        assert_eq!((titles(&said).join(", ").as_str(), said.inexact), ("Wool sweater", true));
        // All of it is made anew to the same, also when the store is gone.
        for wiped in [false, true] {
            stage.kill("a");
            if wiped {
                stage.set_store("a", MemoryStore::new());
            }
            stage.start("a").await;
            settled(&asker, 4).await;
            assert_eq!(found(&asker, &asked("tra")).await, "Trail shirt, Trailing plant");
            assert_eq!(found(&asker, &asked("clothing")).await, "Trail shirt, Winter boots, Wool sweater");
        }
        stage.clear().await;
    });
}

#[test]
fn the_index_hears_of_every_change() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let (wear, tops) = stocked(&asker).await;
        settled(&asker, 4).await;
        assert_eq!(found(&asker, &asked("plant")).await, "Trailing plant");
        let plant = id("prd", "Trailing plant");
        let archive = v1::ArchiveProductRequest { product_id: plant.clone() };
        asker.ask::<rpc::ArchiveProduct>(Some(&plant), &archive).await.expect("archived");
        settled(&asker, 3).await;
        assert_eq!(found(&asker, &asked("plant")).await, "");
        // A category is called otherwise, and what is in it is found by that.
        let rename =
            v1::UpdateCategoryRequest { category_id: tops.clone(), name: "Uppers".into(), ..Default::default() };
        asker.ask::<rpc::UpdateCategory>(Some(&tops), &rename).await.expect("a name");
        let two = |said: &SearchProductsResponse| said.total == 2;
        asker.until::<rpc::SearchProducts>(None, &asked("uppers"), two).await;
        let within = SearchProductsRequest { category_id: Some(wear), ..asked("") };
        assert_eq!(found(&asker, &within).await, "Trail shirt, Winter boots, Wool sweater");
        let away = v1::MoveCategoryRequest { category_id: tops.clone(), parent_id: None };
        asker.ask::<rpc::MoveCategory>(Some(&tops), &away).await.expect("a move");
        asker.until::<rpc::SearchProducts>(None, &within, |said| said.total == 1).await;
        stage.clear().await;
    });
}

#[test]
fn facets_offer_what_another_choice_would_leave() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let (wear, tops) = stocked(&asker).await;
        settled(&asker, 4).await;
        let winter = SearchProductsRequest { attribute: vec!["season:winter".into()], ..asked("") };
        let said = asker.ask::<rpc::SearchProducts>(None, &winter).await.expect("a search");
        assert_eq!(titles(&said), ["Winter boots", "Wool sweater"]);
        let facets = said.facets.expect("facets");
        assert_eq!(facets.attributes[0].name, "season");
        assert_eq!(counts(&facets.attributes[0].values), [("winter", 2), ("summer", 1)]);
        assert_eq!(counts(&facets.categories), [(wear.as_str(), 2), (tops.as_str(), 1)]);
        assert_eq!(facets.categories[0].label, "Clothing");
        assert_eq!(counts(&facets.product_types), [("apparel", 2)]);
        let wrong = SearchProductsRequest { attribute: vec!["winter".into()], ..asked("") };
        let refused = refusal(asker.ask::<rpc::SearchProducts>(None, &wrong).await);
        assert_eq!(refused.errors[0].pointer, "/attribute/0");
        stage.clear().await;
    });
}

#[test]
fn every_order_is_paged_through_without_a_gap() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        stocked(&asker).await;
        settled(&asker, 4).await;
        for sort in ["relevance", "title", "-title", "created_at", "-created_at", "updated_at"] {
            let mut request = SearchProductsRequest { limit: Some(1), sort: Some(sort.into()), ..asked("") };
            let all = SearchProductsRequest { limit: None, ..request.clone() };
            let all = asker.ask::<rpc::SearchProducts>(None, &all).await.expect("a search");
            let mut paged = Vec::new();
            loop {
                let said = asker.ask::<rpc::SearchProducts>(None, &request).await.expect("a page");
                paged.extend(said.data);
                match said.next {
                    Some(next) => request.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(paged, all.data, "{sort}");
        }
        let foreign = SearchProductsRequest { after: Some("dGl0bGU".into()), ..asked("") };
        assert_eq!(refusal(asker.ask::<rpc::SearchProducts>(None, &foreign).await).code, "bad_cursor");
        stage.clear().await;
    });
}

#[test]
fn synonyms_are_found_as_long_as_they_are_set() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        stocked(&asker).await;
        settled(&asker, 4).await;
        assert_eq!(found(&asker, &asked("jumper")).await, "");
        let mut set = v1::SetSynonymsRequest { name: "knit".into(), words: vec!["jumper".into()] };
        let alone = refusal(asker.ask::<rpc::SetSynonyms>(Some("knit"), &set).await);
        assert_eq!((alone.errors[0].pointer.as_str(), alone.errors[0].code.as_str()), ("/words", "too_few"));
        set.words.push("wool sweater".into());
        asker.ask::<rpc::SetSynonyms>(Some("knit"), &set).await.expect("synonyms");
        let one = |said: &SearchProductsResponse| said.total == 1;
        asker.until::<rpc::SearchProducts>(None, &asked("jumper"), one).await;
        let delete = v1::DeleteSynonymsRequest { name: "knit".into() };
        asker.ask::<rpc::DeleteSynonyms>(Some("knit"), &delete).await.expect("forgotten");
        asker.until::<rpc::SearchProducts>(None, &asked("jumper"), |said| said.total == 0).await;
        stage.clear().await;
    });
}

#[test]
fn what_customers_search_for_in_vain_is_reported_and_outlives_the_store() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        stocked(&asker).await;
        settled(&asker, 4).await;
        for q in ["Unicorn  saddle", "unicorn saddle", "xylophone", "trail"] {
            as_customer::<rpc::SearchProducts>(&asker, None, &asked(q)).await.expect("a search");
        }
        // What staff look for is not what customers miss.
        asker.ask::<rpc::SearchProducts>(None, &asked("staff only")).await.expect("a search");
        let report = v1::ListUnfoundRequest::default();
        let noted = |said: &v1::ListUnfoundResponse| said.data.iter().map(|row| row.count).sum::<u64>() == 3;
        let said = asker.until::<rpc::ListUnfound>(None, &report, noted).await;
        let rows: Vec<_> = said.data.iter().map(|row| (row.words.as_str(), row.count)).collect();
        assert_eq!(rows, [("unicorn saddle", 2), ("xylophone", 1)]);
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        assert_eq!(asker.until::<rpc::ListUnfound>(None, &report, noted).await, said);
        stage.clear().await;
    });
}

#[test]
fn the_products_of_a_collection_follow_from_its_rules() {
    play(async |world| {
        let (mut stage, asker) = open(&world).await;
        let (wear, _) = stocked(&asker).await;
        settled(&asker, 4).await;
        use v1::collection_rule::By;
        let rule = |by: By| v1::CollectionRule { by: Some(by) };
        let collection_id = id("col", "winter");
        let mut create_it = v1::CreateCollectionRequest {
            collection_id: collection_id.clone(),
            title: "Winter warmers".into(),
            rules: vec![rule(By::CategoryId(wear)), v1::CollectionRule { by: None }],
            ..Default::default()
        };
        let asked = asker.ask::<rpc::CreateCollection>(Some(&collection_id), &create_it).await;
        assert_eq!(refusal(asked).errors[0].pointer, "/rules/1");
        create_it.rules[1] = rule(By::Attribute(season("winter")));
        asker.ask::<rpc::CreateCollection>(Some(&collection_id), &create_it).await.expect("a collection");
        let list = v1::ListCollectionProductsRequest { collection_id: collection_id.clone(), ..Default::default() };
        let titles = |said: &v1::ListCollectionProductsResponse| {
            said.data.iter().map(|product| product.title.clone()).collect::<Vec<_>>().join(", ")
        };
        let both = |said: &v1::ListCollectionProductsResponse| titles(said) == "Winter boots, Wool sweater";
        asker.until::<rpc::ListCollectionProducts>(None, &list, both).await;
        // A product that changes leaves by itself.
        let boots = id("prd", "Winter boots");
        let made = v1::CreateProductRequest { product_type: "apparel".into(), ..thing("Winter boots") };
        let update = v1::UpdateProductRequest {
            product_id: boots.clone(),
            title: made.title,
            status: made.status,
            variants: made.variants,
            ..Default::default()
        };
        asker.ask::<rpc::UpdateProduct>(Some(&boots), &update).await.expect("an update");
        let one = |said: &v1::ListCollectionProductsResponse| titles(said) == "Wool sweater";
        asker.until::<rpc::ListCollectionProducts>(None, &list, one).await;
        let delete = v1::DeleteCollectionRequest { collection_id: collection_id.clone() };
        asker.ask::<rpc::DeleteCollection>(Some(&collection_id), &delete).await.expect("removed");
        let all = v1::ListCollectionsRequest::default();
        asker.until::<rpc::ListCollections>(None, &all, |said| said.data.is_empty()).await;
        assert_eq!(refusal(asker.ask::<rpc::ListCollectionProducts>(None, &list).await).code, "not_found");
        stage.clear().await;
    });
}
