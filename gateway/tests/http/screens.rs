//! Screens: several questions, one answer.

use gateway::screens::{Known, Part, Said, Screen, Wish};
use messages::json::{Json, Object};
use runtime::headers;

use crate::support::group::Says;
use crate::support::products::{ID, Products, shirt};
use crate::support::{ADMIN, GUEST, Shop, config};
use gateway::config::{Config, Limits};
use messages::inventory::v1::ListWarehousesResponse;

static SCREENS: [Screen; 1] = [Screen {
    name: "test",
    path: "/bff/test/{product_id}",
    doc: "A product, those beside it, and the warehouses.",
    query: &[],
    max_age_s: Some(5),
    parts: &[
        Part { name: "product", rpc: "product.get", ask: product, shown: true },
        Part { name: "others", rpc: "product.list", ask: others, shown: true },
        Part { name: "warehouses", rpc: "inventory.warehouses", ask: all, shown: true },
    ],
}];

fn product(known: &Known<'_>) -> Wish {
    let id = Json::String(known.param("product_id").unwrap_or_default().to_owned());
    Wish::Ask(Object::from([("product_id".to_owned(), id)]))
}

fn others(known: &Known<'_>) -> Wish {
    if matches!(known.part("product"), Said::NotYet) { Wish::Later } else { all(known) }
}

fn all(_: &Known<'_>) -> Wish {
    Wish::Ask(Object::new())
}

/// What a group does when it is asked for warehouses.
#[derive(Clone, Copy, PartialEq)]
enum Warehouses {
    Answer,
    Hang,
}

async fn shop(warehouses: Warehouses) -> Shop {
    let mut products = Products::with(shirt());
    let limits = Limits { ask_timeout_ms: 700, ..Limits::default() };
    Shop::showing(&SCREENS, Config { limits, ..config() }, move |heard| match heard.verb() {
        "warehouses" if warehouses == Warehouses::Answer => Some(Says::yes(&ListWarehousesResponse::default())),
        "warehouses" => None,
        _ => products.answer(heard),
    })
    .await
}

fn path() -> String {
    format!("/bff/test/{ID}")
}

#[actix_web::test]
async fn a_screen_asks_for_its_caller_and_shows_no_more_than_the_single_calls() {
    let shop = shop(Warehouses::Answer).await;
    let whole = shop.get(path()).await;
    assert_eq!((whole.status, &whole.json()["partial"]), (200, &false.into()), "{}", whole.text());
    assert_eq!(whole.json()["product"]["data"]["title"], "Trail shirt");
    for heard in shop.heard() {
        assert!(heard.header(headers::CALLER).is_some_and(|caller| caller.starts_with("admin usr_admin")), "{heard:?}");
    }
    // Who may not see the warehouses sees the rest.
    let known = shop.ask("GET", path()).bearer(GUEST).send().await;
    assert_eq!((known.status, &known.json()["partial"]), (200, &true.into()), "{}", known.text());
    assert_eq!(known.json()["warehouses"]["problem"]["status"], 403);
    let nobody = shop.ask("GET", path()).send().await;
    assert_eq!(nobody.json()["warehouses"]["problem"]["status"], 401);
    assert!(shop.heard().iter().all(|heard| heard.verb() != "warehouses"), "who may not is not even asked for");
    assert_eq!(nobody.sure("cache-control"), "private, no-cache");
    assert_eq!(shop.ask("GET", path()).bearer("nobody-holds-this-token").send().await.problem().0, 401);
    assert_eq!(shop.ask("POST", path()).bearer(ADMIN).json("{}").send().await.problem().0, 405);
}

#[actix_web::test]
async fn a_part_that_hangs_leaves_the_others_and_the_main_part_leaves_nothing() {
    let shop = shop(Warehouses::Hang).await;
    let partial = shop.get(path()).await;
    assert_eq!((partial.status, &partial.json()["partial"]), (200, &true.into()), "{}", partial.text());
    assert_eq!(partial.json()["product"]["data"]["product_id"], ID);
    assert_eq!(partial.json()["warehouses"]["problem"]["code"], "timeout");
    let missing = shop.get("/bff/test/prd_01h455vb4pex5vsknk084sn02r").await;
    assert_eq!(missing.problem(), (404, "not_found".to_owned()));
    let nonsense = shop.get("/bff/test/mug").await;
    assert_eq!(nonsense.problem().0, 400);
    let silent = Shop::showing(
        &SCREENS,
        Config { limits: Limits { ask_timeout_ms: 300, ..Limits::default() }, ..config() },
        |_| None,
    )
    .await;
    let nothing = silent.get(path()).await;
    assert_eq!(nothing.problem(), (503, "unavailable".to_owned()));
    assert!(nothing.header("retry-after").is_some());
}

#[actix_web::test]
async fn screens_are_told_and_can_be_turned_off() {
    let shop = shop(Warehouses::Answer).await;
    let document = shop.get("/openapi.json").await.json();
    let told = &document["paths"]["/bff/test/{product_id}"]["get"];
    let parts = &told["responses"]["200"]["content"]["application/json"]["schema"]["properties"];
    assert!(parts["product"]["properties"]["data"].is_object() && parts["partial"].is_object(), "{told}");
    let off = Shop::showing(&SCREENS, Config { screens: false, ..config() }, |_| None).await;
    assert_eq!(off.get(path()).await.problem(), (404, "no_such_path".to_owned()));
    assert!(off.get("/openapi.json").await.json()["paths"].get("/bff/test/{product_id}").is_none());
}
