//! The seeded shop: tokens to call with, warehouses, and things to buy. Sown once; sowing again changes nothing, because
//! every command has a key, and the last of them, the seal, says that all the others were done.

pub(crate) mod goods;
pub(crate) mod people;
mod world;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use messages::common::v1::Money;
use messages::id::UserId;
use messages::inventory::v1::{self as inventory, StockReason};
use messages::pricing::v1 as pricing;
use messages::product::v1::{self as product, ProductStatus};
use messages::promotion::v1::{self as promotion, CampaignStatus};
use messages::{Route, Rpc};
use prost::Message as _;
use runtime::client::{Call, Failure};
use runtime::entropy::Entropy;
use runtime::headers::{Caller, CommandId, CommandKey, Fingerprint};
use serde::{Deserialize, Serialize};

use self::goods::Good;
use crate::ask::Asker;
use crate::config::Config;

/// Tokens of this shop, made at the first start and kept in the data directory.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Tokens {
    pub(crate) admin: String,
    catalogue: String,
    warehouse: String,
    customer: String,
}

/// Where they are.
pub(crate) fn tokens_file(config: &Config) -> PathBuf {
    config.data.join("tokens.json")
}

/// Reads the tokens, or makes them.
pub(crate) fn tokens(config: &Config) -> anyhow::Result<Arc<Tokens>> {
    let file = tokens_file(config);
    if let Ok(text) = std::fs::read_to_string(&file) {
        return Ok(Arc::new(serde_json::from_str(&text).with_context(|| format!("{} is damaged", file.display()))?));
    }
    let entropy = Entropy::system();
    let token = |role: &str| format!("{role}_{}", CommandId(entropy.bytes()));
    let tokens = Tokens {
        admin: token("admin"),
        catalogue: token("catalogue"),
        warehouse: token("warehouse"),
        customer: token("customer"),
    };
    std::fs::create_dir_all(&config.data)?;
    write_private(&file, &serde_json::to_vec_pretty(&tokens)?)?;
    Ok(Arc::new(tokens))
}

fn write_private(file: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut open = std::fs::OpenOptions::new();
    open.write(true).create_new(true).mode(0o600).open(file)?.write_all(bytes)
}

impl Tokens {
    /// As the gateway wants them.
    pub(crate) fn gateway(&self) -> Vec<gateway::config::Token> {
        let token = |token: &str, role: &str, scopes: &[&str]| gateway::config::Token {
            token: token.to_owned(),
            role: role.to_owned(),
            subject: None,
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            tier: gateway::config::Tier::default(),
        };
        // The one customer whom the shop knows may do what everybody may, under a name that stays.
        let customer = gateway::config::Token {
            subject: Some(UserId::derived(self.customer.as_bytes()).to_string()),
            scopes: gateway::config::Config::default().guest_scopes,
            ..token(&self.customer, "customer", &[])
        };
        let of_the_warehouse = [
            "inventory:read",
            "inventory:write",
            "inventory:reserve",
            "order:read",
            "shipping:read",
            "shipping:manage",
        ];
        let of_the_catalogue =
            ["product:read", "product:write", "pricing:read", "pricing:manage", "promotion:read", "promotion:manage"];
        vec![
            token(&self.admin, "admin", &["*"]),
            token(&self.catalogue, "catalogue", &of_the_catalogue),
            token(&self.warehouse, "warehouse", &of_the_warehouse),
            customer,
        ]
    }
}

/// What was sown.
#[derive(Debug, Default)]
pub(crate) struct Seeded {
    products: usize,
    pub(crate) product_id: Option<String>,
    pub(crate) warehouse_id: Option<String>,
    pub(crate) sku: String,
}

impl fmt::Display for Seeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.products {
            0 => f.write_str("no catalogue sown"),
            products => write!(f, "catalogue of {products} products with stock, prices, taxes and ways to send them"),
        }
    }
}

/// How many commands are under way at once: enough for every partition's turn to carry many.
const AT_ONCE: usize = 256;
/// How many prices go into one command.
const PRICES_AT_ONCE: usize = 100;

/// Sows the catalogue, or finds that it is there.
pub(crate) async fn catalogue(config: &Config) -> anyhow::Result<Seeded> {
    let sower = Sower { asker: Asker::connect(config, "seed").await? };
    people::sow(&sower, config).await?;
    let goods = goods::all();
    let seeded = Seeded {
        products: goods.len(),
        product_id: goods.first().map(|good| id("prd", &good.sku)),
        warehouse_id: Some(world::warehouse_id(0)),
        sku: "MUG-BLUE".to_owned(),
    };
    let seal = promotion::GetCampaignRequest { campaign_id: world::seal() };
    let sealed = sower.asker.find::<promotion::rpc::GetCampaign>(&world::seal(), &seal).await?;
    let sealed = sealed.and_then(|found| found.campaign).is_some_and(|last| last.status() != CampaignStatus::Draft);
    if sealed {
        return Ok(seeded);
    }
    world::sow(&sower).await?;
    sower.categories().await?;
    let products = stream::iter(goods.iter().map(|good| sower.product(good)));
    let levels = goods.iter().flat_map(|good| {
        good.variants.iter().flat_map(move |(end, ..)| {
            (0..)
                .zip(good.stock)
                .filter(|(_, units)| *units > 0)
                .map(move |(house, units)| (format!("{}-{end}", good.sku), house, units))
        })
    });
    let levels = stream::iter(levels.map(|(sku, house, units)| sower.level(sku, house, units)));
    let everything = async {
        futures::try_join!(
            products.map(Ok).try_buffer_unordered(AT_ONCE).try_collect::<()>(),
            levels.map(Ok).try_buffer_unordered(AT_ONCE).try_collect::<()>(),
            sower.price_lists(&goods),
        )
    };
    everything.await?;
    world::promotions(&sower).await?;
    Ok(seeded)
}

/// The id of what is sown under a name.
fn id(prefix: &'static str, of: &str) -> String {
    messages::id::Id::derived(prefix, format!("seed {of}").as_bytes()).to_string()
}

/// The id of a seeded product.
pub(crate) fn product_id(good: &Good) -> String {
    id("prd", &good.sku)
}

/// The warehouse that has everything.
pub(crate) fn main_warehouse() -> String {
    world::warehouse_id(0)
}

fn money(amount: i64, currency: &str) -> Money {
    Money { amount: Some(amount), currency: currency.to_owned() }
}

struct Sower {
    asker: Asker,
}

impl Sower {
    /// The tree of categories, from the top.
    async fn categories(&self) -> anyhow::Result<()> {
        for (top, below) in goods::CATEGORIES {
            self.category(top, None).await?;
            futures::future::try_join_all(below.iter().map(|name| self.category(name, Some(top)))).await?;
        }
        Ok(())
    }

    async fn category(&self, name: &str, parent: Option<&str>) -> anyhow::Result<()> {
        let category_id = id("cat", name);
        let create = product::CreateCategoryRequest {
            category_id: category_id.clone(),
            name: name.to_owned(),
            slug: name.to_lowercase().replace(' ', "-"),
            description: String::new(),
            parent_id: parent.map(|parent| id("cat", parent)),
        };
        self.sow::<product::rpc::CreateCategory>(&category_id, name, &create).await
    }

    async fn product(&self, good: &Good) -> anyhow::Result<()> {
        let product_id = id("prd", &good.sku);
        let variant = |(end, title, cents): &(String, String, i64)| product::Variant {
            sku: format!("{}-{end}", good.sku),
            title: title.clone(),
            price: Some(money(*cents, "EUR")),
            weight_grams: Some(good.weight_grams),
            ..Default::default()
        };
        let create = product::CreateProductRequest {
            product_id: product_id.clone(),
            title: good.title.clone(),
            description: good.description.clone(),
            slug: good.title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-").replace("--", "-"),
            status: ProductStatus::Active.into(),
            product_type: "physical".to_owned(),
            variants: good.variants.iter().map(variant).collect(),
            tax_category: Some(good.tax_category.to_owned()),
            category_ids: vec![id("cat", good.category)],
            ..Default::default()
        };
        self.sow::<product::rpc::CreateProduct>(&product_id, &good.sku, &create).await
    }

    async fn level(&self, sku: String, house: usize, units: i64) -> anyhow::Result<()> {
        let warehouse_id = world::warehouse_id(house);
        let stock = inventory::AdjustStockRequest {
            warehouse_id: warehouse_id.clone(),
            sku: sku.clone(),
            delta: Some(units),
            reason: StockReason::Received.into(),
            note: "Opening stock.".to_owned(),
        };
        let what = if house == 0 { sku } else { format!("{sku} {house}") };
        self.sow::<inventory::rpc::AdjustStock>(&warehouse_id, &what, &stock).await
    }

    /// The same goods in pounds and dollars, at prices of their own.
    async fn price_lists(&self, goods: &[Good]) -> anyhow::Result<()> {
        // Per mille of the price in euros.
        for (currency, title, rate) in [("GBP", "Pounds", 860), ("USD", "Dollars", 1_090)] {
            let price_list_id = id("prl", currency);
            let list = pricing::CreatePriceListRequest {
                price_list_id: price_list_id.clone(),
                title: title.to_owned(),
                currency: currency.to_owned(),
                ..Default::default()
            };
            self.sow::<pricing::rpc::CreatePriceList>(&price_list_id, currency, &list).await?;
            let price = |(sku, cents): (String, i64)| pricing::NewListPrice {
                sku,
                // Ending in 90, as the others do.
                tiers: vec![pricing::Tier {
                    min_quantity: 1,
                    unit_price: Some(money(cents * rate / 1000 / 100 * 100 + 90, currency)),
                }],
            };
            let skus = goods.iter().flat_map(|good| {
                good.variants.iter().map(move |(end, _, cents)| (format!("{}-{end}", good.sku), *cents))
            });
            let prices: Vec<pricing::NewListPrice> = skus.map(price).collect();
            for (number, prices) in prices.chunks(PRICES_AT_ONCE).enumerate() {
                let set =
                    pricing::SetListPricesRequest { price_list_id: price_list_id.clone(), prices: prices.to_vec() };
                self.sow::<pricing::rpc::SetListPrices>(&price_list_id, &format!("{currency} {number}"), &set).await?;
            }
        }
        Ok(())
    }

    /// Sends a command under a key of its own. That it was sown before, or that somebody changed it since, is fine.
    async fn sow<R: Rpc>(&self, key: &str, what: &str, request: &R::Request) -> anyhow::Result<()> {
        let route: &'static Route = R::ROUTE;
        let payload = request.encode_to_vec();
        let client = &self.asker.client;
        let deadline = client.clock().now().saturating_add(jiff::SignedDuration::from_secs(30))?;
        let mut call = Call::new(route, Some(key.to_owned()), payload.into(), deadline);
        call.command = Some(CommandKey {
            id: CommandId::derived(&[b"seed", route.name.as_bytes(), what.as_bytes()]),
            fingerprint: Fingerprint::default(),
            keyed: true,
        });
        call.caller = Caller::service("seed");
        match client.ask(&call).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused { replayed: true, .. }) => Ok(()),
            Err(failure) => Err(anyhow::Error::new(failure).context(format!("could not sow {} of {what}", route.name))),
        }
    }
}
