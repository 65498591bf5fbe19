//! What a test of pricing says: base prices, lists, taxes, baskets.

use futures::future::BoxFuture;
use messages::common::v1::{Money, SkuQuantity};
use messages::id::Id;
use messages::pricing::v1::{self, rpc};
use prost::Message as _;
use runtime::client::{Call, Failure};
use runtime::headers::{Caller, Position};
use runtime::testkit::{Asker, Ground, Stage};

pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) check: fn(Ground) -> BoxFuture<'static, ()>,
}

/// A fact's future stays on its thread; the box only names it.
macro_rules! facts {
    ($($name:ident),+ $(,)?) => {
        &[$($crate::shop::Fact { name: stringify!($name), check: |ground| $crate::shop::local($name(ground)) }),+]
    };
}
pub(crate) use facts;

/// Runs a future that must not leave its thread as one that may be boxed like any other.
pub(crate) fn local(fact: impl Future<Output = ()> + 'static) -> BoxFuture<'static, ()> {
    let (done, ended) = tokio::sync::oneshot::channel();
    let running = actix_rt::spawn(async move {
        fact.await;
        // The test that waits may have been given up.
        let _ = done.send(());
    });
    Box::pin(async move {
        if ended.await.is_err() {
            // The fact panicked: let its panic be this test's.
            if let Err(failure) = running.await {
                std::panic::resume_unwind(failure.into_panic());
            }
        }
    })
}

/// A stage for pricing with these replicas, and a client.
pub(crate) async fn open(ground: &Ground, replicas: &[&str]) -> (Stage, Asker) {
    let mut stage = Stage::new(ground.clone(), pricing::group);
    for replica in replicas {
        stage.start(replica).await;
    }
    let asker = stage.client("customer").await;
    (stage, asker)
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn euros(cents: i64) -> Money {
    Money { amount: Some(cents), currency: "EUR".to_owned() }
}

pub(crate) fn cents(money: Option<&Money>) -> i64 {
    money.and_then(|money| money.amount).expect("an amount")
}

/// Everything that was written so far has come to the read models.
pub(crate) async fn settled(asker: &Asker, position: Option<Position>) {
    let mut call = asker.call::<rpc::ListTaxRates>(None, &v1::ListTaxRatesRequest::default());
    call.wait = vec![position.expect("a position")];
    asker.send(&call).await.expect("the read models");
}

/// A SKU with a price in cents, as the catalogue says.
pub(crate) async fn base(asker: &Asker, sku: &str, cents: i64) {
    let request = v1::SetBasePriceRequest {
        sku: sku.to_owned(),
        product_id: id("prd", sku),
        price: Some(euros(cents)),
        ..Default::default()
    };
    let answer = asker.send(&asker.call::<rpc::SetBasePrice>(Some(sku), &request)).await.expect("a price");
    settled(asker, answer.position).await;
}

pub(crate) fn list(name: &str) -> v1::CreatePriceListRequest {
    v1::CreatePriceListRequest {
        price_list_id: id("prl", name),
        title: name.to_owned(),
        currency: "EUR".to_owned(),
        ..Default::default()
    }
}

/// Opens a list with these prices in cents from so many units.
pub(crate) async fn open_list(asker: &Asker, list: &v1::CreatePriceListRequest, prices: &[(&str, i64, i64)]) -> String {
    let id = list.price_list_id.clone();
    asker.ask::<rpc::CreatePriceList>(Some(&id), list).await.expect("a list");
    let answer = set_prices(asker, &id, prices).await.expect("prices");
    settled(asker, answer).await;
    id
}

pub(crate) async fn set_prices(
    asker: &Asker,
    list: &str,
    prices: &[(&str, i64, i64)],
) -> Result<Option<Position>, Failure> {
    let mut named: Vec<v1::NewListPrice> = Vec::new();
    for (sku, from, cents) in prices {
        let tier = v1::Tier { min_quantity: *from, unit_price: Some(euros(*cents)) };
        match named.iter_mut().find(|price| price.sku == *sku) {
            Some(price) => price.tiers.push(tier),
            None => named.push(v1::NewListPrice { sku: (*sku).to_owned(), tiers: vec![tier] }),
        }
    }
    let request = v1::SetListPricesRequest { price_list_id: list.to_owned(), prices: named };
    Ok(asker.send(&asker.call::<rpc::SetListPrices>(Some(list), &request)).await?.position)
}

/// What a country asks on top of prices, or within them, in millionths.
pub(crate) async fn taxes(asker: &Asker, country: &str, included: bool, ppm: i64) {
    let rate = v1::TaxRate { title: "VAT".to_owned(), rate_ppm: Some(ppm), ..Default::default() };
    let request = v1::SetCountryTaxesRequest {
        country: country.to_owned(),
        prices_include_tax: included,
        rates: vec![rate],
        ..Default::default()
    };
    let answer = asker.send(&asker.call::<rpc::SetCountryTaxes>(Some(country), &request)).await.expect("taxes");
    settled(asker, answer.position).await;
}

pub(crate) fn lines(lines: &[(&str, i64)]) -> Vec<SkuQuantity> {
    let line = |(sku, quantity): &(&str, i64)| SkuQuantity { sku: (*sku).to_owned(), quantity: Some(*quantity) };
    lines.iter().map(line).collect()
}

pub(crate) fn basket(quote: &str, wanted: &[(&str, i64)]) -> v1::CreateQuoteRequest {
    v1::CreateQuoteRequest {
        quote_id: id("quo", quote),
        lines: lines(wanted),
        currency: "EUR".to_owned(),
        ..Default::default()
    }
}

/// A call as somebody of a role makes it.
pub(crate) fn as_role(mut call: Call, role: &str, subject: Option<&str>) -> Call {
    let scopes = vec!["pricing:read".to_owned()];
    call.caller = Caller::known(role, subject.map(str::to_owned), scopes);
    call
}

pub(crate) async fn quoted(asker: &Asker, call: &Call) -> Result<v1::Quote, Failure> {
    let answer = asker.send(call).await?;
    let response = v1::CreateQuoteResponse::decode(answer.payload).expect("a quote");
    Ok(response.quote.expect("a quote"))
}

/// What SKUs cost everybody: unit price and tiers in cents, or why that is not known.
pub(crate) async fn public(asker: &Asker, skus: &[&str], currency: &str, country: &str) -> Vec<String> {
    let request = v1::ListPricesRequest {
        sku: Some(messages::common::v1::StringFilter {
            r#in: skus.iter().map(|sku| (*sku).to_owned()).collect(),
            ..Default::default()
        }),
        currency: currency.to_owned(),
        country: country.to_owned(),
        ..Default::default()
    };
    let response = asker.ask::<rpc::ListPrices>(None, &request).await.expect("prices");
    let tier = |tier: &v1::Tier| format!("{}:{}", tier.min_quantity, cents(tier.unit_price.as_ref()));
    let price = |price: &v1::PublicPrice| {
        let tiers = price.tiers.iter().map(tier).collect::<Vec<_>>().join(" ");
        format!("{} {tiers}{}", price.sku, if price.tax_included { " with tax" } else { "" })
    };
    let none = |none: &v1::UnpricedLine| none.detail.clone();
    response.data.iter().map(price).chain(response.unknown.iter().map(none)).collect()
}
