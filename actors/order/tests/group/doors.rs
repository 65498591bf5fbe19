//! What is refused at the door, and who sees what.

use messages::order::v1::{self, OrderStatus, rpc};
use messages::problem::{Kind, Problem};
use runtime::testkit::refusal;

use super::play;
use super::shop::{Shop, as_customer, cart, customer, decode, eur, id, user, wanted};

async fn refused(shop: &Shop, name: &str, request: v1::PlaceOrderRequest) -> Problem {
    refusal(shop.place(name, request).await)
}

#[test]
fn every_wish_that_cannot_be_is_refused_before_anything_exists() {
    play(async |shop| {
        let mug = || wanted(&[("MUG", 1)], "pm_ok");
        let of = |sku: &str| wanted(&[(sku, 1)], "pm_ok");
        let quote = |name| v1::PlaceOrderRequest { quote_id: Some(id("quo", name)), lines: vec![], ..mug() };
        let cases = [
            ("what_to_buy", Kind::Unprocessable, v1::PlaceOrderRequest { lines: vec![], ..mug() }),
            ("what_to_buy", Kind::Unprocessable, v1::PlaceOrderRequest { cart_id: Some(id("cart", "full")), ..mug() }),
            (
                "cart_not_found",
                Kind::NotFound,
                v1::PlaceOrderRequest { cart_id: Some(id("cart", "x")), ..cart("pm_ok") },
            ),
            ("quote_not_found", Kind::NotFound, quote("x")),
            ("quote_expired", Kind::Conflict, quote("late")),
            ("price_changed", Kind::Conflict, quote("nine")),
            ("no_address", Kind::Unprocessable, v1::PlaceOrderRequest { shipping_address: None, ..mug() }),
            ("unknown_sku", Kind::Unprocessable, of("GHOST")),
            ("not_for_sale", Kind::Unprocessable, of("CLOSED")),
            ("no_price", Kind::Unprocessable, of("DEAR")),
            (
                "no_shipping_option",
                Kind::Unprocessable,
                v1::PlaceOrderRequest { shipping_option_id: Some("drone".to_owned()), ..mug() },
            ),
            (
                "coupon_not_applicable",
                Kind::Unprocessable,
                v1::PlaceOrderRequest { coupon_codes: vec!["BAD".to_owned()], ..mug() },
            ),
            ("price_changed", Kind::Conflict, v1::PlaceOrderRequest { expected_total: Some(eur(1_499)), ..mug() }),
            ("out_of_stock", Kind::Conflict, of("NONE")),
            ("no_payment_method", Kind::Unprocessable, v1::PlaceOrderRequest { payment_method: None, ..mug() }),
            ("no_customer", Kind::Unprocessable, v1::PlaceOrderRequest { user_id: Some(id("usr", "eve")), ..mug() }),
        ];
        for (number, (code, kind, request)) in cases.into_iter().enumerate() {
            let problem = refused(&shop, &format!("case {number}"), request).await;
            assert_eq!((problem.code.as_str(), Kind::of(&problem)), (code, kind), "case {number}: {problem}");
        }
        assert!(
            shop.world.entries("order").iter().all(|turn| !turn.payload.windows(13).any(|w| w == b"order.created"))
        );
        let problem = refused(&shop, "dear", v1::PlaceOrderRequest { expected_total: Some(eur(1_499)), ..mug() }).await;
        let difference = format!("{:?}", problem.fact("difference"));
        assert!(difference.contains("Number(1)"), "{difference}: ten for the mug and five for the way");
        shop
    });
}

#[test]
fn an_order_is_placed_once_however_often_it_is_asked_for() {
    play(async |shop| {
        let first = shop.place("one", wanted(&[("MUG", 1)], "pm_ok")).await.expect("an order");
        let again = shop.place("one", wanted(&[("MUG", 1)], "pm_ok")).await.expect("the same");
        assert_eq!(first, again, "answered from its record");
        let other = refused(&shop, "one", wanted(&[("MUG", 2)], "pm_ok")).await;
        assert_eq!(other.code, "fingerprint_mismatch");
        shop.until_status(&first.order_id, OrderStatus::Processing).await;
        assert_eq!(shop.journal(&first.order_id).await.0, 1, "charged once");
        assert_eq!(shop.level("near", "MUG").await, (9, 1));
        shop
    });
}

#[test]
fn a_foreign_order_is_answered_like_a_missing_one() {
    play(async |shop| {
        let placed = shop.place("one", wanted(&[("MUG", 1)], "pm_ok")).await.expect("an order");
        let order_id = placed.order_id;
        shop.until_status(&order_id, OrderStatus::Processing).await;
        let eve = |mut call: runtime::client::Call| {
            call.caller = customer(&id("usr", "eve"));
            call
        };
        let get = v1::GetOrderRequest { order_id: order_id.clone() };
        let foreign = shop.asker.send(&eve(shop.asker.call::<rpc::GetOrder>(Some(&order_id), &get))).await;
        let nowhere = id("ord", "nowhere");
        let get = v1::GetOrderRequest { order_id: nowhere.clone() };
        let missing = shop.asker.send(&eve(shop.asker.call::<rpc::GetOrder>(Some(&nowhere), &get))).await;
        assert_eq!(refusal(foreign), refusal(missing));
        let cancel = v1::CancelOrderRequest { order_id: order_id.clone(), lines: vec![] };
        let foreign = shop.asker.send(&eve(shop.asker.call::<rpc::CancelOrder>(Some(&order_id), &cancel))).await;
        assert_eq!(refusal(foreign).code, "not_found");
        let life = v1::GetOrderHistoryRequest {
            order_id: order_id.clone(),
            limit: None,
            after: None,
            return_id: None,
            amendment_id: None,
        };
        let foreign = shop.asker.send(&eve(shop.asker.call::<rpc::GetOrderHistory>(Some(&order_id), &life))).await;
        assert_eq!(refusal(foreign).code, "not_found");
        let own = shop.asker.send(&as_customer(shop.asker.call::<rpc::GetOrderHistory>(Some(&order_id), &life))).await;
        assert!(own.is_ok(), "{own:?}");
        let invoice = v1::GetInvoiceRequest { order_id: order_id.clone() };
        shop.asker.until::<rpc::GetInvoice>(None, &invoice, |said| said.invoice.is_some()).await;
        let foreign = shop.asker.send(&eve(shop.asker.call::<rpc::GetInvoice>(None, &invoice))).await;
        assert_eq!(refusal(foreign).code, "not_found");
        let theirs = v1::ListUserOrdersRequest { user_id: user(), ..Default::default() };
        let foreign = shop.asker.send(&eve(shop.asker.call::<rpc::ListUserOrders>(None, &theirs))).await;
        assert_eq!(refusal(foreign).code, "not_found");
        shop
    });
}

#[test]
fn orders_are_listed_for_those_who_may_see_them() {
    play(async |shop| {
        for name in ["one", "two", "three"] {
            let token = if name == "two" { "pm_declined" } else { "pm_ok" };
            let placed = shop.place(name, wanted(&[("MUG", 1)], token)).await.expect("an order");
            let end = if name == "two" { OrderStatus::Cancelled } else { OrderStatus::Processing };
            shop.until_status(&placed.order_id, end).await;
        }
        let of = |status: &str| Some(messages::common::v1::StringFilter { eq: Some(status.to_owned()), r#in: vec![] });
        let all = v1::ListOrdersRequest { sort: Some("created_at".to_owned()), ..Default::default() };
        let listed = shop.asker.until::<rpc::ListOrders>(None, &all, |said| said.data.len() == 3).await;
        let ids: Vec<&str> = listed.data.iter().map(|order| order.order_id.as_str()).collect();
        assert_eq!(ids, ["one", "two", "three"].map(|name| id("ord", name)).iter().collect::<Vec<_>>());
        let cancelled = v1::ListOrdersRequest { status: of("cancelled"), ..Default::default() };
        let said = shop.asker.until::<rpc::ListOrders>(None, &cancelled, |said| said.data.len() == 1).await;
        assert_eq!(said.data[0].order_id, id("ord", "two"));
        let page = v1::ListOrdersRequest { limit: Some(2), ..all.clone() };
        let first = shop.asker.ask::<rpc::ListOrders>(None, &page).await.expect("a page");
        assert!(first.has_more);
        let page = v1::ListOrdersRequest { after: first.next, ..page };
        let rest = shop.asker.ask::<rpc::ListOrders>(None, &page).await.expect("a page");
        assert_eq!((rest.data.len(), rest.has_more), (1, false));
        let mine = v1::ListUserOrdersRequest { user_id: user(), status: of("processing"), ..Default::default() };
        let call = as_customer(shop.asker.call::<rpc::ListUserOrders>(None, &mine));
        let mine: v1::ListUserOrdersResponse = decode(shop.asker.send(&call).await.expect("a list"));
        assert_eq!(mine.data.len(), 2);
        let later = shop.see(&id("ord", "three")).await.created_at;
        let since = v1::TimeFilter { gte: later, ..Default::default() };
        let since = v1::ListOrdersRequest { created_at: Some(since), ..Default::default() };
        let said = shop.asker.ask::<rpc::ListOrders>(None, &since).await.expect("a list");
        assert_eq!(said.data.len(), 1);
        shop
    });
}

#[test]
fn staff_change_how_an_order_stands_only_as_it_can() {
    play(async |shop| {
        let wish = v1::PlaceOrderRequest { hold_reason: Some("by phone".to_owned()), ..wanted(&[("MUG", 1)], "pm_ok") };
        let order_id = shop.place("held", wish).await.expect("an order").order_id;
        let held = shop.until_status(&order_id, OrderStatus::OnHold).await;
        assert_eq!(held.next_states().collect::<Vec<_>>(), [OrderStatus::Confirmed, OrderStatus::Cancelled]);
        assert_eq!(shop.journal(&order_id).await.0, 0, "nothing is charged meanwhile");
        let set = |status: OrderStatus| v1::SetOrderStatusRequest {
            order_id: order_id.clone(),
            status: status.into(),
            reason: String::new(),
        };
        let no = shop.asker.ask::<rpc::SetOrderStatus>(Some(&order_id), &set(OrderStatus::Shipped)).await;
        let no = refusal(no);
        assert_eq!(no.code, "transition_not_allowed");
        assert!(format!("{:?}", no.fact("next_states")).contains("confirmed"), "{no:?}");
        shop.asker.ask::<rpc::SetOrderStatus>(Some(&order_id), &set(OrderStatus::Confirmed)).await.expect("approved");
        shop.until_status(&order_id, OrderStatus::Processing).await;
        shop
    });
}

#[test]
fn what_is_not_sent_needs_no_stock_and_no_way() {
    play(async |shop| {
        let wish = wanted(&[("CLUB", 1)], "pm_ok");
        let order_id = shop.place("club", wish).await.expect("an order").order_id;
        let done = shop.until_status(&order_id, OrderStatus::Completed).await;
        assert!(done.parts.is_empty() && done.shipping_option.is_none(), "{done:?}");
        shop
    });
}
