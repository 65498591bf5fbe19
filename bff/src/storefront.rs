//! The storefront: home, a product, the cart.

use gateway::screens::{Known, Param, Part, Screen, Wish};
use messages::json::Json;

use crate::json::{about, any_of, ask, items, number, object, skus, text};

/// How many categories a shop shows on its first page.
const CATEGORIES: i32 = 50;
/// How many products stand in a row.
const ROW: i32 = 12;
/// For how long a first page may be old.
const HOME_SECONDS: u32 = 30;
/// For how long a product's page may be old: its stock moves.
const PRODUCT_SECONDS: u32 = 10;

const CHANNEL: Param = Param { name: "channel", doc: "Where it is shown.", max_length: 64 };
const CURRENCY: Param = Param { name: "currency", doc: "The currency of prices, such as `EUR`.", max_length: 3 };
const COUNTRY: Param = Param { name: "country", doc: "Where it would be sent: prices with its taxes.", max_length: 2 };

/// `/bff/storefront/home`.
pub(crate) const HOME: Screen = Screen {
    name: "home",
    path: "/bff/storefront/home",
    doc: "The top categories, the collections and what is in the first of them, the newest products, and the promotions \
          that run: those that one of the newest product would have, and those that it misses, with the reason.",
    query: &[CHANNEL],
    max_age_s: Some(HOME_SECONDS),
    parts: &[
        Part { name: "categories", rpc: "product.list_categories", ask: categories, shown: true },
        Part { name: "collections", rpc: "product.list_collections", ask: collections, shown: true },
        Part { name: "featured", rpc: "product.list_collection_products", ask: featured, shown: true },
        Part { name: "newest", rpc: "product.list", ask: newest, shown: true },
        Part { name: "promotions", rpc: "promotion.preview", ask: running, shown: true },
    ],
};

/// `/bff/storefront/product/{product_id}`.
pub(crate) const PRODUCT: Screen = Screen {
    name: "product",
    path: "/bff/storefront/product/{product_id}",
    doc: "A product, what its variants cost, how many there are, the promotions that one of its first variant would have, \
          and others of its category.",
    query: &[CHANNEL, CURRENCY, COUNTRY],
    max_age_s: Some(PRODUCT_SECONDS),
    parts: &[
        Part { name: "product", rpc: "product.get", ask: product, shown: true },
        Part { name: "price", rpc: "pricing.prices", ask: price, shown: true },
        Part { name: "availability", rpc: "inventory.stock", ask: stock, shown: true },
        Part { name: "promotions", rpc: "promotion.preview", ask: promotions, shown: true },
        Part { name: "related", rpc: "product.list", ask: related, shown: true },
    ],
};

/// `/bff/storefront/cart`.
pub(crate) const CART: Screen = Screen {
    name: "cart",
    path: "/bff/storefront/cart",
    doc: "The caller's cart that was touched last and is not ordered yet, with its lines, totals and problems; what its \
          things cost, whether they can be had, and how they could be delivered. Without a cart, `data` is null.",
    query: &[],
    max_age_s: None,
    parts: &[
        // The list is short and plain; the cart itself is asked for its totals.
        Part { name: "carts", rpc: "cart.list", ask: carts, shown: false },
        Part { name: "cart", rpc: "cart.get", ask: cart, shown: true },
        Part { name: "prices", rpc: "pricing.prices", ask: cart_prices, shown: true },
        Part { name: "availability", rpc: "inventory.availability", ask: cart_stock, shown: true },
        Part { name: "delivery", rpc: "shipping.options", ask: delivery, shown: true },
    ],
};

/// The request with a parameter of the screen, if it was said.
fn with(known: &Known<'_>, names: &[&str], wish: Wish) -> Wish {
    let Wish::Ask(mut members) = wish else { return wish };
    for name in names {
        members.extend(known.param(name).map(|value| ((*name).to_owned(), text(value))));
    }
    Wish::Ask(members)
}

fn categories(_: &Known<'_>) -> Wish {
    ask([("top", Json::Bool(true)), ("limit", number(CATEGORIES))])
}

fn collections(_: &Known<'_>) -> Wish {
    ask([("limit", number(ROW))])
}

fn featured(known: &Known<'_>) -> Wish {
    let of_the_first = about(known, "collections", |said| {
        let first = items(said, "data").first()?.get("collection_id")?.clone();
        Some(ask([("collection_id", first), ("limit", number(ROW))]))
    });
    with(known, &["channel"], of_the_first)
}

fn newest(known: &Known<'_>) -> Wish {
    with(known, &["channel"], ask([("limit", number(ROW))]))
}

fn running(known: &Known<'_>) -> Wish {
    about(known, "newest", |said| items(said, "data").iter().find_map(one_of))
}

fn product(known: &Known<'_>) -> Wish {
    let id = known.param("product_id").unwrap_or_default();
    with(known, &["channel"], ask([("product_id", text(id))]))
}

fn stock(known: &Known<'_>) -> Wish {
    ask([("product_id", text(known.param("product_id").unwrap_or_default()))])
}

fn price(known: &Known<'_>) -> Wish {
    let prices = about(known, "product", |said| Some(ask([("sku", skus(items(said, "variants"))?)])));
    with(known, &["channel", "currency", "country"], prices)
}

fn promotions(known: &Known<'_>) -> Wish {
    about(known, "product", one_of)
}

fn related(known: &Known<'_>) -> Wish {
    let of_its_category = about(known, "product", |said| {
        let category = items(said, "category_ids").first()?.clone();
        Some(ask([("category_id", category), ("limit", number(ROW))]))
    });
    with(known, &["channel"], of_its_category)
}

/// Asks what would come off one of a product's first variant.
fn one_of(product: &Json) -> Option<Wish> {
    let variant = items(product, "variants").iter().find(|variant| variant.get("price").is_some())?;
    let price = variant.get("price")?;
    let line = object([
        ("sku", variant.get("sku")?.clone()),
        ("product_id", product.get("product_id")?.clone()),
        ("quantity", number(1)),
        ("unit_price", price.clone()),
    ]);
    Some(ask([("lines", Json::Array(vec![Json::Object(line)])), ("currency", price.get("currency")?.clone())]))
}

/// Of the caller's own: who works here would be shown everybody's.
fn carts(known: &Known<'_>) -> Wish {
    let mut members = object([("status", any_of(vec![text("active")])), ("limit", number(1))]);
    members.extend(known.person().map(|person| ("user_id".to_owned(), text(person))));
    Wish::Ask(members)
}

fn cart(known: &Known<'_>) -> Wish {
    about(known, "carts", |said| Some(ask([("cart_id", items(said, "data").first()?.get("cart_id")?.clone())])))
}

fn cart_prices(known: &Known<'_>) -> Wish {
    about(known, "cart", |said| {
        let mut members = object([("sku", skus(items(said, "lines"))?)]);
        members.extend(said.get("currency").map(|currency| ("currency".to_owned(), currency.clone())));
        Some(Wish::Ask(members))
    })
}

fn cart_stock(known: &Known<'_>) -> Wish {
    about(known, "cart", |said| Some(ask([("sku", skus(items(said, "lines"))?)])))
}

/// To where the cart says; before it says more than a country, what a parcel to there would be.
fn delivery(known: &Known<'_>) -> Wish {
    about(known, "cart", |said| {
        let place = said.get("ship_to").unwrap_or(said);
        let country = place.get("country").filter(|country| country.as_str().is_some_and(|said| !said.is_empty()))?;
        let mut members = object([
            ("country", country.clone()),
            ("currency", said.get("currency")?.clone()),
            ("subtotal", said.get("totals")?.get("subtotal")?.clone()),
        ]);
        for name in ["region", "postal_code"] {
            members.extend(place.get(name).map(|value| (name.to_owned(), value.clone())));
        }
        let line = |line: &Json| {
            let quantity = line.get("quantity")?.clone();
            Some(Json::Object(object([("sku", line.get("sku")?.clone()), ("quantity", quantity)])))
        };
        let lines: Vec<Json> = items(said, "lines").iter().filter_map(line).collect();
        members.insert("lines".to_owned(), Json::Array(lines));
        Some(Wish::Ask(members))
    })
}
