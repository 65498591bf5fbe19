//! The seeded shop: tokens to call with, a warehouse, and things to buy. Sown once; sowing again changes nothing, because
//! every command has a key.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use messages::common::v1::Money;
use messages::id::UserId;
use messages::inventory::v1::{self as inventory, StockReason};
use messages::product::v1::{self as product, ProductStatus};
use messages::shipping::v1 as shipping;
use messages::{Route, Rpc};
use prost::Message as _;
use runtime::client::{Call, Client, Failure};
use runtime::clock::Clock;
use runtime::entropy::Entropy;
use runtime::fabric::Fabric as _;
use runtime::headers::{Caller, CommandId, CommandKey, Fingerprint};
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::host;

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
            products => write!(f, "catalogue of {products} products with stock, and a way to send them"),
        }
    }
}

struct Thing {
    title: &'static str,
    description: &'static str,
    sku: &'static str,
    /// Variants: the end of the SKU, what tells it apart, and what it costs in cents.
    variants: &'static [(&'static str, &'static str, i64)],
    stock: i64,
}

const THINGS: &[Thing] = &[
    Thing {
        title: "Enamel mug",
        description: "Holds coffee, survives rocks.",
        sku: "MUG",
        variants: &[("BLUE", "Blue", 1499), ("GREEN", "Green", 1499), ("WHITE", "White", 1399)],
        stock: 120,
    },
    Thing {
        title: "Trail shirt",
        description: "Light, dries fast.",
        sku: "SHIRT",
        variants: &[("RED-S", "Red, S", 3990), ("RED-M", "Red, M", 3990), ("RED-L", "Red, L", 3990)],
        stock: 40,
    },
    Thing {
        title: "Wool cap",
        description: "Warm ears, small when packed.",
        sku: "CAP",
        variants: &[("GREY", "Grey", 2490)],
        stock: 75,
    },
    Thing {
        title: "Day pack 22 l",
        description: "A bag for a day out.",
        sku: "PACK22",
        variants: &[("BLACK", "Black", 8900), ("MOSS", "Moss", 8900)],
        stock: 25,
    },
    Thing {
        title: "Camp stove",
        description: "Boils half a litre in three minutes.",
        sku: "STOVE",
        variants: &[("STD", "", 5450)],
        stock: 18,
    },
    Thing {
        title: "Head torch",
        description: "Four hundred lumens, rechargeable.",
        sku: "TORCH",
        variants: &[("STD", "", 3995)],
        stock: 60,
    },
    Thing {
        title: "Map of the Karst",
        description: "1:25,000, waterproof.",
        sku: "MAP-KARST",
        variants: &[("STD", "", 1290)],
        stock: 200,
    },
    Thing {
        title: "Trekking poles",
        description: "A pair, carbon, three parts.",
        sku: "POLES",
        variants: &[("PAIR", "", 11900)],
        stock: 12,
    },
    Thing {
        title: "Merino socks",
        description: "One pair, cushioned heel.",
        sku: "SOCKS",
        variants: &[("39-41", "39–41", 1890), ("42-44", "42–44", 1890)],
        stock: 150,
    },
    Thing {
        title: "Water bottle 0.75 l",
        description: "Steel, keeps its lid.",
        sku: "BOTTLE",
        variants: &[("STEEL", "Steel", 2650)],
        stock: 90,
    },
    Thing {
        title: "First aid kit",
        description: "For two people and a week.",
        sku: "AID",
        variants: &[("STD", "", 3250)],
        stock: 30,
    },
    Thing {
        title: "Last tent of the year",
        description: "Two people, three seasons, ten left.",
        sku: "TENT",
        variants: &[("2P", "Two people", 32900)],
        stock: 10,
    },
];

/// The user who sows.
const SOWER: &str = "operator";

/// Sows the catalogue, or finds that it is there.
pub(crate) async fn catalogue(config: &Config) -> anyhow::Result<Seeded> {
    let fabric = host::connect(config, SOWER).await?;
    let sower = Sower { client: Client::new(fabric.bus(), Clock::system(), Entropy::system()) };
    let warehouse_id = id("wh", "main");
    let warehouse = inventory::CreateWarehouseRequest {
        warehouse_id: warehouse_id.clone(),
        name: "Main warehouse".to_owned(),
        country: "AT".to_owned(),
        ..inventory::CreateWarehouseRequest::default()
    };
    sower.sow::<inventory::rpc::CreateWarehouse>(&warehouse_id, "warehouse", &warehouse).await?;
    sower.zone().await?;
    let sown = THINGS.iter().map(|thing| sower.thing(thing, &warehouse_id));
    futures::future::try_join_all(sown).await?;
    Ok(Seeded {
        products: THINGS.len(),
        product_id: Some(id("prd", THINGS[0].sku)),
        warehouse_id: Some(warehouse_id),
        sku: "MUG-BLUE".to_owned(),
    })
}

fn id(prefix: &'static str, of: &str) -> String {
    messages::id::Id::derived(prefix, format!("seed {of}").as_bytes()).to_string()
}

struct Sower {
    client: Client,
}

impl Sower {
    /// One zone for the whole world: standard is free from 60 EUR on, express never.
    async fn zone(&self) -> anyhow::Result<()> {
        let option = |name: &str, title: &str, cents: i64, free_from: Option<i64>, days: (u32, u32)| {
            let step = shipping::RateStep { up_to: None, amount: Some(cents) };
            let rate = shipping::Rate {
                currency: "EUR".to_owned(),
                basis: shipping::RateBasis::Flat.into(),
                steps: vec![step],
                free_from,
            };
            shipping::ShippingOption {
                option: name.to_owned(),
                title: title.to_owned(),
                carrier: "table".to_owned(),
                min_days: Some(days.0),
                max_days: Some(days.1),
                rates: vec![rate],
                max_weight_grams: None,
            }
        };
        let zone_id = id("zon", "everywhere");
        let zone = shipping::CreateZoneRequest {
            zone_id: zone_id.clone(),
            name: "Everywhere".to_owned(),
            areas: Vec::new(),
            options: vec![
                option("standard", "Standard delivery", 490, Some(6000), (2, 4)),
                option("express", "Express delivery", 1490, None, (1, 1)),
            ],
        };
        self.sow::<shipping::rpc::CreateZone>(&zone_id, "zone", &zone).await
    }

    async fn thing(&self, thing: &Thing, warehouse_id: &str) -> anyhow::Result<()> {
        let product_id = id("prd", thing.sku);
        let variant = |(end, title, cents): &(&str, &str, i64)| product::Variant {
            sku: format!("{}-{end}", thing.sku),
            title: (*title).to_owned(),
            price: Some(Money { amount: Some(*cents), currency: "EUR".to_owned() }),
            ..Default::default()
        };
        let create = product::CreateProductRequest {
            product_id: product_id.clone(),
            title: thing.title.to_owned(),
            description: thing.description.to_owned(),
            slug: thing.title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-").replace("--", "-"),
            status: ProductStatus::Active.into(),
            product_type: "physical".to_owned(),
            variants: thing.variants.iter().map(variant).collect(),
            ..Default::default()
        };
        self.sow::<product::rpc::CreateProduct>(&product_id, thing.sku, &create).await?;
        for (end, _, _) in thing.variants {
            let sku = format!("{}-{end}", thing.sku);
            let stock = inventory::AdjustStockRequest {
                warehouse_id: warehouse_id.to_owned(),
                sku: sku.clone(),
                delta: Some(thing.stock),
                reason: StockReason::Received.into(),
                note: "Opening stock.".to_owned(),
            };
            self.sow::<inventory::rpc::AdjustStock>(warehouse_id, &sku, &stock).await?;
        }
        Ok(())
    }

    /// Sends a command under a key of its own. That it was sown before, or that somebody changed it since, is fine.
    async fn sow<R: Rpc>(&self, key: &str, what: &str, request: &R::Request) -> anyhow::Result<()> {
        let route: &'static Route = R::ROUTE;
        let payload = request.encode_to_vec();
        let deadline = self.client.clock().now().saturating_add(jiff::SignedDuration::from_secs(30))?;
        let mut call = Call::new(route, Some(key.to_owned()), payload.into(), deadline);
        call.command = Some(CommandKey {
            id: CommandId::derived(&[b"seed", route.name.as_bytes(), what.as_bytes()]),
            fingerprint: Fingerprint::default(),
            keyed: true,
        });
        call.caller = Caller::service("seed");
        match self.client.ask(&call).await {
            Ok(_) => Ok(()),
            Err(Failure::Refused { replayed: true, .. }) => Ok(()),
            Err(failure) => Err(anyhow::Error::new(failure).context(format!("could not sow {} of {what}", route.name))),
        }
    }
}
