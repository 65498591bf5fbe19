//! What holds for prices, lists and taxes on every ground.

use messages::common::v1::Money;
use messages::pricing::v1::{self, rpc};
use prost::Message as _;
use runtime::testkit::{Asker, Ground, MemoryStore, refusal};

use super::catalogue::Catalogue;
use super::shop::{Fact, base, cents, euros, facts, id, list, open, open_list, public, set_prices, settled, taxes};

pub(crate) const FACTS: &[Fact] = facts![
    news_of_the_catalogue_are_the_base_prices,
    a_sku_belongs_to_the_product_that_named_it_first,
    prices_are_put_on_a_list_all_or_none,
    a_list_changes_by_its_version_and_is_deleted_with_its_prices,
    what_everybody_pays_is_public_and_says_why_when_it_does_not_know,
    a_country_taxes_as_it_says,
    lists_come_in_pages,
    a_wiped_store_says_the_same,
    a_price_can_be_looked_back_on,
];

async fn base_of(asker: &Asker, sku: &str, so: impl Fn(&v1::BasePrice) -> bool) -> v1::BasePrice {
    let request = v1::GetBasePriceRequest { sku: sku.to_owned() };
    let so = |shown: &v1::GetBasePriceResponse| shown.base_price.as_ref().is_some_and(&so);
    let shown = asker.until::<rpc::GetBasePrice>(Some(sku), &request, so).await;
    shown.base_price.expect("a price")
}

async fn news_of_the_catalogue_are_the_base_prices(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a", "b"]).await;
    let catalogue = Catalogue::open(&ground).await;
    catalogue.create("mug", &[("MUG-RED", 900), ("MUG-BLUE", 950)]).await;
    let red = base_of(&asker, "MUG-RED", |base| base.version == 1).await;
    assert_eq!(
        (cents(red.price.as_ref()), red.product_id, red.tax_category.as_str()),
        (900, id("prd", "mug"), "standard")
    );
    stage.kill("a");
    catalogue.update("mug", "reduced", &[("MUG-RED", 990), ("MUG-BLUE", 950)]).await;
    stage.set_store("a", MemoryStore::new());
    stage.start("a").await;
    let red = base_of(&asker, "MUG-RED", |base| cents(base.price.as_ref()) == 990).await;
    assert_eq!((red.version, red.tax_category.as_str()), (2, "reduced"));
    // News come in order, product by product: what came after them says that they are through.
    catalogue.update("mug", "reduced", &[("MUG-RED", 990), ("MUG-BLUE", 960)]).await;
    let blue = base_of(&asker, "MUG-BLUE", |base| cents(base.price.as_ref()) == 960).await;
    assert_eq!(blue.version, 3, "news that say nothing new change nothing, and none is heard twice");
    catalogue.close().await;
    stage.clear().await;
    assert_eq!(stage.verify(Some("b")).await, Vec::<String>::new());
}

async fn a_sku_belongs_to_the_product_that_named_it_first(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    let other = v1::SetBasePriceRequest {
        sku: "MUG".to_owned(),
        product_id: id("prd", "other"),
        price: Some(euros(1)),
        ..Default::default()
    };
    let problem = refusal(asker.ask::<rpc::SetBasePrice>(Some("MUG"), &other).await);
    assert_eq!(problem.code, "sku_taken");
    let unknown = v1::GetBasePriceRequest { sku: "TEE".to_owned() };
    assert_eq!(refusal(asker.ask::<rpc::GetBasePrice>(Some("TEE"), &unknown).await).code, "not_found");
    assert_eq!(public(&asker, &["MUG"], "", "").await, ["MUG 1:900"]);
    stage.clear().await;
}

async fn prices_are_put_on_a_list_all_or_none(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let spring = open_list(&asker, &list("spring"), &[("MUG", 1, 800), ("MUG", 10, 700)]).await;
    let francs = v1::Tier { min_quantity: 1, unit_price: Some(Money { amount: Some(1), currency: "CHF".to_owned() }) };
    let euro = v1::Tier { min_quantity: 1, unit_price: Some(euros(1)) };
    for (tiers, code) in [(vec![francs], "wrong_currency"), (vec![euro.clone(), euro.clone()], "duplicate_tier")] {
        let first = v1::NewListPrice { sku: "MUG".to_owned(), tiers: vec![euro.clone()] };
        let bad = v1::NewListPrice { sku: "TEE".to_owned(), tiers };
        let request = v1::SetListPricesRequest { price_list_id: spring.clone(), prices: vec![first, bad] };
        let problem = refusal(asker.ask::<rpc::SetListPrices>(Some(&spring), &request).await);
        assert_eq!(problem.code, code);
        assert!(format!("{:?}", problem.fact("sku")).contains("TEE"));
    }
    let get = |sku: &str| v1::GetListPriceRequest { price_list_id: spring.clone(), sku: sku.to_owned() };
    let mug = asker.ask::<rpc::GetListPrice>(Some(&spring), &get("MUG")).await.expect("a price").list_price;
    let mug = mug.expect("a price");
    assert_eq!((mug.version, mug.tiers.len()), (1, 2), "the good half of a bad request did nothing");
    assert_eq!(refusal(asker.ask::<rpc::GetListPrice>(Some(&spring), &get("TEE")).await).code, "not_found");
    let set = v1::SetListPriceRequest { price_list_id: spring.clone(), sku: "TEE".to_owned(), tiers: vec![euro] };
    let tee = asker.ask::<rpc::SetListPrice>(Some(&spring), &set).await.expect("a price").list_price.expect("a price");
    assert_eq!((tee.version, tee.tiers.len()), (1, 1));
    let remove = v1::RemoveListPriceRequest { price_list_id: spring.clone(), sku: "TEE".to_owned() };
    for _ in 0..2 {
        let gone = asker.ask::<rpc::RemoveListPrice>(Some(&spring), &remove).await.expect("gone").list_price;
        assert_eq!(gone.map(|gone| (gone.version, gone.tiers.len())), Some((2, 0)), "twice is once");
    }
    assert_eq!(refusal(asker.ask::<rpc::GetListPrice>(Some(&spring), &get("TEE")).await).code, "not_found");
    let nowhere = id("prl", "nowhere");
    assert_eq!(refusal(set_prices(&asker, &nowhere, &[("MUG", 1, 1)]).await).code, "not_found");
    stage.clear().await;
}

async fn a_list_changes_by_its_version_and_is_deleted_with_its_prices(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    let spring = open_list(&asker, &list("spring"), &[("MUG", 1, 800)]).await;
    assert_eq!(public(&asker, &["MUG"], "EUR", "").await, ["MUG 1:800"]);
    let update = v1::UpdatePriceListRequest {
        price_list_id: spring.clone(),
        title: "Summer".to_owned(),
        currency: "EUR".to_owned(),
        channel: "web".to_owned(),
        ..Default::default()
    };
    let mut call = asker.call::<rpc::UpdatePriceList>(Some(&spring), &update);
    call.if_version = Some(1);
    let answer = asker.send(&call).await.expect("version 1 is what it has");
    let said = v1::UpdatePriceListResponse::decode(answer.payload).expect("a list").price_list.expect("a list");
    assert_eq!((said.version, said.title.as_str()), (2, "Summer"));
    settled(&asker, answer.position).await;
    assert_eq!(refusal(asker.send(&call).await).code, "stale_version");
    assert_eq!(public(&asker, &["MUG"], "EUR", "").await, ["MUG 1:900"], "it is for the web now");
    let by_title = v1::ListPriceListsRequest { sort: Some("title".to_owned()), ..Default::default() };
    let listed = async || {
        let lists = asker.ask::<rpc::ListPriceLists>(None, &by_title).await.expect("lists").data;
        lists.into_iter().map(|list| (list.title, list.version)).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, [("Summer".to_owned(), 2)], "it is listed once, as it is now");
    let dollars = v1::UpdatePriceListRequest { currency: "USD".to_owned(), ..update };
    assert_eq!(refusal(asker.ask::<rpc::UpdatePriceList>(Some(&spring), &dollars).await).code, "currency_fixed");
    let delete = v1::DeletePriceListRequest { price_list_id: spring.clone() };
    let answer = asker.send(&asker.call::<rpc::DeletePriceList>(Some(&spring), &delete)).await.expect("deleted");
    settled(&asker, answer.position).await;
    assert_eq!(listed().await, []);
    let get = v1::GetPriceListRequest { price_list_id: spring.clone() };
    assert_eq!(refusal(asker.ask::<rpc::GetPriceList>(Some(&spring), &get).await).code, "not_found");
    let price = v1::GetListPriceRequest { price_list_id: spring.clone(), sku: "MUG".to_owned() };
    assert_eq!(refusal(asker.ask::<rpc::GetListPrice>(Some(&spring), &price).await).code, "not_found");
    let prices = v1::ListListPricesRequest { price_list_id: spring.clone(), ..Default::default() };
    assert_eq!(refusal(asker.ask::<rpc::ListListPrices>(None, &prices).await).code, "not_found");
    assert_eq!(refusal(set_prices(&asker, &spring, &[("MUG", 1, 1)]).await).code, "not_found");
    assert_eq!(
        refusal(asker.ask::<rpc::CreatePriceList>(Some(&spring), &list("spring")).await).code,
        "price_list_deleted"
    );
    stage.clear().await;
}

async fn what_everybody_pays_is_public_and_says_why_when_it_does_not_know(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    base(&asker, "TEE", 2_000).await;
    open_list(&asker, &list("bulk"), &[("MUG", 10, 700), ("MUG", 100, 600), ("CAP", 1, 1)]).await;
    let vip = v1::CreatePriceListRequest { customer_group: "vip".to_owned(), ..list("vip") };
    open_list(&asker, &vip, &[("MUG", 1, 1)]).await;
    taxes(&asker, "AT", true, 200_000).await;
    assert_eq!(
        public(&asker, &["TEE", "MUG", "CAP"], "EUR", "AT").await,
        ["TEE 1:2000 with tax", "MUG 1:900 10:700 100:600 with tax", "CAP is not in the catalogue."]
    );
    assert_eq!(public(&asker, &["TEE"], "CHF", "").await, ["TEE has no price in CHF for 1 units."]);
    // A list without tax is shown with it where prices have it.
    let net = v1::CreatePriceListRequest { tax_included: Some(false), priority: 9, ..list("net") };
    open_list(&asker, &net, &[("TEE", 1, 1_000)]).await;
    assert_eq!(public(&asker, &["TEE"], "EUR", "AT").await, ["TEE 1:1200 with tax"]);
    assert_eq!(public(&asker, &["TEE"], "EUR", "US").await, ["TEE 1:1000"]);
    stage.clear().await;
}

async fn a_country_taxes_as_it_says(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    taxes(&asker, "AT", true, 200_000).await;
    let rate = |region: &str, category: &str, ppm| v1::TaxRate {
        region: region.to_owned(),
        tax_category: category.to_owned(),
        title: "Sales tax".to_owned(),
        rate_ppm: Some(ppm),
    };
    let request = |rates| v1::SetCountryTaxesRequest {
        country: "US".to_owned(),
        rates,
        rounding: v1::TaxRounding::Order.into(),
        ..Default::default()
    };
    let twice = request(vec![rate("ca", "", 1), rate("CA", "standard", 2)]);
    assert_eq!(refusal(asker.ask::<rpc::SetCountryTaxes>(Some("US"), &twice).await).code, "duplicate_rate");
    let set = request(vec![rate("NY", "", 88_750), rate("CA", "food", 0), rate("", "", 0)]);
    let answer = asker.send(&asker.call::<rpc::SetCountryTaxes>(Some("US"), &set)).await.expect("taxes");
    settled(&asker, answer.position).await;
    let all = v1::ListTaxRatesRequest::default();
    let shown = async || {
        let listed = asker.ask::<rpc::ListTaxRates>(None, &all).await.expect("rates").data;
        let rate = |rate: &v1::ListedTaxRate| {
            format!("{} {} {} {}", rate.country, rate.region, rate.tax_category, rate.rate_ppm)
        };
        listed.iter().map(rate).collect::<Vec<_>>()
    };
    assert_eq!(shown().await, ["AT  standard 200000", "US  standard 0", "US CA food 0", "US NY standard 88750"]);
    let get = v1::GetCountryTaxesRequest { country: "US".to_owned() };
    let us = asker.ask::<rpc::GetCountryTaxes>(Some("US"), &get).await.expect("taxes").country_taxes.expect("taxes");
    assert_eq!((us.rounding(), us.rates.len(), us.prices_include_tax), (v1::TaxRounding::Order, 3, false));
    let delete = v1::DeleteCountryTaxesRequest { country: "US".to_owned() };
    let answer = asker.send(&asker.call::<rpc::DeleteCountryTaxes>(Some("US"), &delete)).await.expect("deleted");
    settled(&asker, answer.position).await;
    assert_eq!(shown().await, ["AT  standard 200000"]);
    assert_eq!(refusal(asker.ask::<rpc::GetCountryTaxes>(Some("US"), &get).await).code, "not_found");
    stage.clear().await;
}

async fn lists_come_in_pages(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    for (name, priority) in [("a", 3), ("b", -7), ("c", 0), ("d", 200)] {
        let list = v1::CreatePriceListRequest { priority, ..list(name) };
        open_list(&asker, &list, &[("TEE", 1, 5), ("MUG", 1, 5), ("CAP", 1, 5)]).await;
    }
    let mut request =
        v1::ListPriceListsRequest { limit: Some(3), sort: Some("priority".to_owned()), ..Default::default() };
    let page = asker.ask::<rpc::ListPriceLists>(None, &request).await.expect("a page");
    assert_eq!(page.data.iter().map(|list| list.priority).collect::<Vec<_>>(), [-7, 0, 3]);
    request.after = page.next;
    let page = asker.ask::<rpc::ListPriceLists>(None, &request).await.expect("a page");
    assert_eq!(
        (page.data.iter().map(|list| list.title.as_str()).collect::<Vec<_>>(), page.has_more),
        (vec!["d"], false)
    );
    let mut request = v1::ListListPricesRequest { price_list_id: id("prl", "a"), limit: Some(2), ..Default::default() };
    let page = asker.ask::<rpc::ListListPrices>(None, &request).await.expect("a page");
    assert_eq!(page.data.iter().map(|price| price.sku.as_str()).collect::<Vec<_>>(), ["CAP", "MUG"]);
    request.after = page.next;
    let page = asker.ask::<rpc::ListListPrices>(None, &request).await.expect("a page");
    assert_eq!(page.data.iter().map(|price| price.sku.as_str()).collect::<Vec<_>>(), ["TEE"]);
    stage.clear().await;
}

async fn a_wiped_store_says_the_same(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    taxes(&asker, "AT", false, 200_000).await;
    open_list(&asker, &list("bulk"), &[("MUG", 10, 700)]).await;
    let gone = open_list(&asker, &list("gone"), &[("MUG", 1, 1)]).await;
    let delete = v1::DeletePriceListRequest { price_list_id: gone.clone() };
    let answer = asker.send(&asker.call::<rpc::DeletePriceList>(Some(&gone), &delete)).await.expect("deleted");
    settled(&asker, answer.position.clone()).await;
    let all = v1::ListPriceListsRequest::default();
    let lists = asker.ask::<rpc::ListPriceLists>(None, &all).await.expect("lists");
    let prices = public(&asker, &["MUG"], "EUR", "AT").await;
    assert_eq!((lists.data.len(), prices.as_slice()), (1, ["MUG 1:900 10:700".to_owned()].as_slice()));
    stage.stop("a").await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new(), "a clean stop leaves a whole checkpoint");
    for wipe in [false, true] {
        if wipe {
            stage.set_store("a", MemoryStore::new());
        }
        stage.start("a").await;
        settled(&asker, answer.position.clone()).await;
        assert_eq!(asker.ask::<rpc::ListPriceLists>(None, &all).await.expect("lists"), lists);
        assert_eq!(public(&asker, &["MUG"], "EUR", "AT").await, prices);
        stage.kill("a");
    }
    stage.clear().await;
}

async fn a_price_can_be_looked_back_on(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    let spring = open_list(&asker, &list("spring"), &[("MUG", 1, 800)]).await;
    set_prices(&asker, &spring, &[("MUG", 1, 750)]).await.expect("a price");
    let history =
        v1::GetPriceListHistoryRequest { price_list_id: spring.clone(), sku: "MUG".to_owned(), ..Default::default() };
    let life = asker.ask::<rpc::GetPriceListHistory>(Some(&spring), &history).await.expect("a life").data;
    assert_eq!(life.iter().map(|entry| entry.r#type.as_str()).collect::<Vec<_>>(), ["price.updated", "price.updated"]);
    let whole = v1::GetPriceListHistoryRequest { sku: String::new(), ..history };
    let life = asker.ask::<rpc::GetPriceListHistory>(Some(&spring), &whole).await.expect("a life").data;
    assert_eq!(life.iter().map(|entry| entry.r#type.as_str()).collect::<Vec<_>>(), ["price_list.created"]);
    let get = v1::GetListPriceRequest { price_list_id: spring.clone(), sku: "MUG".to_owned() };
    let mut call = asker.call::<rpc::GetListPrice>(Some(&spring), &get);
    call.at = Some("1".to_owned());
    let was = v1::GetListPriceResponse::decode(asker.send(&call).await.expect("a look").payload).expect("a price");
    let was = was.list_price.expect("a price");
    assert_eq!(cents(was.tiers[0].unit_price.as_ref()), 800);
    stage.clear().await;
}
