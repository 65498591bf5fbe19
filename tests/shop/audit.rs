//! The audit: a shop that sold is clean, and what somebody did behind its back is found at its place.

use serde_json::{Value, json};

use crate::customer::{DECLINED, GOOD};
use crate::house::{Ask, Up};
use crate::journeys::journey;
use crate::stocked::{Stocked, text};

/// Audits a shop. Says whether it is clean, and the findings.
pub(crate) async fn audit(up: &Up, settle_secs: u64) -> (bool, Vec<Value>) {
    let audited = up.mercat(&["audit", "--json", "--settle", &settle_secs.to_string()]).await;
    let said = String::from_utf8_lossy(&audited.stdout).into_owned();
    let complained = String::from_utf8_lossy(&audited.stderr).into_owned();
    assert!(audited.status.code().is_some_and(|code| code < 2), "{said}{complained}");
    assert!(!complained.contains("mercat: "), "{complained}");
    let findings = said.lines().map(|line| serde_json::from_str(line).expect("a finding in JSON")).collect();
    (audited.status.success(), findings)
}

/// A shop that has come to rest is clean.
pub(crate) async fn is_clean(up: &Up) {
    let (clean, findings) = audit(up, 30).await;
    assert!(clean && findings.is_empty(), "{findings:#?}");
}

#[track_caller]
fn has(findings: &[Value], code: &str, place: &str) {
    let found = findings.iter().any(|finding| finding["code"] == code && finding["place"] == place);
    assert!(found, "{code} at {place} is not among {findings:#?}");
}

#[test]
fn a_shop_that_sold_is_clean_until_somebody_takes_money_or_stock_behind_its_back() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let order_id = guest.buy(&[("MUG", 2)]).await;
        let cancelled = guest.buy(&[("MUG", 1)]).await;
        shop.order_is(&cancelled, "processing").await;
        guest.cancel(&cancelled, 200).await;
        let cart = guest.cart(&[("MUG", 1)]).await;
        guest.place(&cart, DECLINED, 402).await;
        shop.order_is(&order_id, "processing").await;
        is_clean(&shop.up).await;

        // The bank takes money for nobody, and once more for an order that is paid.
        let payment_id = text(&shop.order(&order_id).await, "/payment_id");
        let mut intents = Vec::new();
        for whose in [String::new(), format!("&metadata[payment_id]={payment_id}")] {
            let fields = format!("amount=500&currency=eur&payment_method={GOOD}&confirm=true{whose}");
            let taken = shop.up.bank().try_send(&Ask::form("/v1/payment_intents", &fields)).await.expect("an answer");
            assert_eq!(taken.status, 200, "{taken:?}");
            intents.push(text(&taken.json(), "/id"));
        }
        // Somebody gives the stock of a paid order away.
        let part = shop.order(&order_id).await["parts"][0].clone();
        let release = json!({"warehouse_id": part["warehouse_id"], "reservation_id": part["reservation_id"]});
        shop.owner(200, Ask::post("/api/v1/inventory/release", &release).keyed("behind-its-back")).await;

        let (clean, findings) = audit(&shop.up, 2).await;
        assert!(!clean, "{findings:#?}");
        has(&findings, "unknown_charge", &format!("intent {}", intents[0]));
        has(&findings, "charged_twice", &format!("payment {payment_id}"));
        has(&findings, "bank_differs", &format!("payment {payment_id}"));
        has(&findings, "promise_not_held", &format!("order {order_id}"));
        // People read a table, and scripts the exit code.
        let shown = shop.up.mercat(&["audit", "--settle", "0"]).await;
        assert_eq!(shown.status.code(), Some(1));
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(&format!("WRONG  unknown_charge         intent {}", intents[0])), "{shown}");
    });
}

#[test]
fn a_refund_that_the_bank_refuses_is_an_alarm_and_not_an_error() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let mut guest = shop.guest();
        let cart = guest.cart(&[("MUG", 1)]).await;
        let order_id = text(&guest.place(&cart, "pm_card_refundFail", 201).await, "/order_id");
        shop.order_is(&order_id, "processing").await;
        // It is under way, and will not come to an end by itself.
        guest.cancel(&order_id, 202).await;
        shop.until(Ask::get(format!("/api/v1/orders/{order_id}")), |order| order["stuck"].is_object()).await;
        let (clean, findings) = audit(&shop.up, 5).await;
        assert!(clean, "{findings:#?}");
        assert!(findings.iter().all(|finding| finding["level"] == "alarm"), "{findings:#?}");
        has(&findings, "order_stuck", &format!("order {order_id}"));
    });
}
