//! Journeys: from the cart to the doorstep, and every way back.

use expect_test::expect;
use messages::common::v1::fact::Value;
use messages::order::v1::{self, OrderStatus, ReturnStatus, rpc};
use messages::payment::v1::PaymentStatus;
use messages::promotion::v1::RedemptionStatus;
use runtime::testkit::refusal;

use super::play;
use super::shop::{as_customer, basket, cart, decode, id, wanted, warehouse};

#[test]
fn a_cart_becomes_an_order_that_is_paid_sent_and_delivered() {
    play(async |shop| {
        let placed = shop.place("one", cart("pm_ok")).await.expect("an order");
        let order_id = placed.order_id;
        let paid = shop.until(&order_id, |o| o.parts.iter().all(|part| part.parcels.len() == 1)).await;
        assert_eq!(paid.total_amount.as_ref().and_then(|total| total.amount), Some(3_400));
        assert_eq!(shop.journal(&order_id).await, (1, 3_400, 0, PaymentStatus::Captured));
        assert_eq!(shop.redemption(&order_id).await, RedemptionStatus::Committed);
        assert_eq!((shop.level("near", "MUG").await, shop.level("far", "FAR-TEE").await), ((8, 2), (9, 1)));
        let twice = shop.place("two", cart("pm_ok")).await;
        assert_eq!(refusal(twice).code, "cart_ordered");
        let parcels: Vec<String> = paid.parts.iter().map(|part| part.parcels[0].shipment_id.clone()).collect();
        shop.dispatch(&order_id, &parcels[0]).await.expect("it is packed");
        shop.until_status(&order_id, OrderStatus::PartiallyShipped).await;
        shop.dispatch(&order_id, &parcels[1]).await.expect("it is packed");
        shop.until_status(&order_id, OrderStatus::Shipped).await;
        for parcel in &parcels {
            shop.deliver(&order_id, parcel).await;
        }
        let done = shop.until_status(&order_id, OrderStatus::Completed).await;
        assert_eq!(done.billed_amount, done.captured_amount);
        let mut life = shop.history(&order_id).await;
        // Two parts are asked for at once, and answer as they like.
        life.dedup();
        expect![[r#"
            order.created
            order.step_done create_order
            order.step_done reserve_coupons
            order.step_done reserve_items
            order.payment_requested
            order.payment_authorized
        "#]]
        .assert_eq(&(life[..6].join("\n") + "\n"));
        for step in ["order.confirmed", "order.step_done process_payment", "order.paid", "order.completed"] {
            assert_eq!(life.iter().filter(|said| *said == step).count(), 1, "{step}: {life:?}");
        }
        shop
    });
}

#[test]
fn a_declined_card_undoes_what_was_done_and_says_why() {
    play(async |shop| {
        let order_id = shop.place("one", cart("pm_declined")).await.expect("it exists").order_id;
        let over = shop.until_status(&order_id, OrderStatus::Cancelled).await;
        let problem = over.problem.expect("a reason");
        assert_eq!(problem.code, "payment_declined");
        assert_eq!(problem.fact("order_id"), Some(&Value::Text(order_id.clone())));
        assert_eq!(problem.fact("decline_code"), Some(&Value::Text("insufficient_funds".to_owned())));
        assert_eq!((shop.level("near", "MUG").await, shop.level("far", "FAR-TEE").await), ((10, 0), (10, 0)));
        assert_eq!(shop.redemption(&order_id).await, RedemptionStatus::Released);
        let again = shop.place("two", cart("pm_ok")).await.expect("the cart is still open");
        shop.until_status(&again.order_id, OrderStatus::Processing).await;
        shop
    });
}

#[test]
fn a_bank_that_asks_is_answered_and_the_order_goes_on() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 1)], "pm_3ds")).await.expect("an order").order_id;
        let asked = shop.until_status(&order_id, OrderStatus::RequiresAction).await;
        assert_eq!(asked.next_action.map(|action| action.r#type), Some("redirect".to_owned()));
        assert_eq!(shop.level("near", "MUG").await, (9, 1), "held meanwhile");
        shop.confirm_payment(&asked.payment_id).await;
        let paid = shop.until_status(&order_id, OrderStatus::Processing).await;
        assert_eq!(paid.next_action, None);
        shop
    });
}

#[test]
fn an_order_that_nobody_pays_gives_its_stock_back_after_a_quarter_of_an_hour() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 1)], "pm_silent")).await.expect("an order").order_id;
        shop.until(&order_id, |order| order.parts[0].stock() == v1::StockStatus::Held).await;
        shop.world.pass(std::time::Duration::from_secs(14 * 60)).await;
        assert_eq!(shop.see(&order_id).await.status(), OrderStatus::Pending);
        shop.world.pass(std::time::Duration::from_secs(60)).await;
        let over = shop.until_status(&order_id, OrderStatus::Cancelled).await;
        assert_eq!(over.problem.map(|problem| problem.code), Some("payment_expired".to_owned()));
        assert_eq!(shop.level("near", "MUG").await, (10, 0));
        assert_eq!(shop.journal(&order_id).await.3, PaymentStatus::Voided);
        shop
    });
}

#[test]
fn stock_that_somebody_else_took_is_looked_for_three_times() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 11)], "pm_ok")).await.expect("it exists").order_id;
        let over = shop.until_status(&order_id, OrderStatus::Cancelled).await;
        assert_eq!(over.problem.map(|problem| problem.code), Some("out_of_stock".to_owned()));
        let life = shop.history(&order_id).await;
        assert_eq!(life.iter().filter(|said| *said == "order.step_failed reserve_items").count(), 3, "{life:?}");
        shop
    });
}

#[test]
fn a_coupon_that_somebody_else_used_up_ends_the_order() {
    play(async |shop| {
        let wish = wanted(&[("MUG", 1)], "pm_ok");
        let wish = v1::PlaceOrderRequest { coupon_codes: vec!["GONE".to_owned()], ..wish };
        let order_id = shop.place("one", wish).await.expect("it exists").order_id;
        let over = shop.until_status(&order_id, OrderStatus::Cancelled).await;
        assert_eq!(over.problem.map(|problem| problem.code), Some("coupon_exhausted".to_owned()));
        shop
    });
}

#[test]
fn a_paid_order_is_cancelled_in_reverse() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 2)], "pm_ok")).await.expect("an order").order_id;
        shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        shop.cancel(&order_id, &[]).await.expect("nothing has left");
        let over = shop.until_status(&order_id, OrderStatus::Cancelled).await;
        assert_eq!(over.cancel_reason.as_deref(), Some("customer_request"));
        assert_eq!(over.problem, None, "nothing went wrong");
        assert_eq!(shop.journal(&order_id).await, (1, 2_500, 2_500, PaymentStatus::Captured));
        assert_eq!(shop.level("near", "MUG").await, (10, 0));
        let life = shop.history(&order_id).await;
        let from = life.iter().position(|said| said == "order.cancel_began").expect("it began");
        expect![[r#"
            order.cancel_began
            order.step_undone cancel_shipment
            order.refunded
            order.step_undone refund_payment
            order.step_undone release_items
            order.step_undone cancel_order
            order.cancelled
        "#]]
        .assert_eq(&(life[from..].join("\n") + "\n"));
        let again = shop.cancel(&order_id, &[]).await.expect("already so");
        assert_eq!(again.status(), OrderStatus::Cancelled);
        shop
    });
}

#[test]
fn a_shipped_order_cannot_be_cancelled() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 1)], "pm_ok")).await.expect("an order").order_id;
        let paid = shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        shop.dispatch(&order_id, &paid.parts[0].parcels[0].shipment_id).await.expect("it is packed");
        shop.until_status(&order_id, OrderStatus::Shipped).await;
        assert_eq!(refusal(shop.cancel(&order_id, &[]).await).code, "already_shipped");
        shop
    });
}

#[test]
fn a_cancellation_and_a_parcel_that_leaves_never_both_win() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 1)], "pm_ok")).await.expect("an order").order_id;
        let paid = shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        let parcel = paid.parts[0].parcels[0].shipment_id.clone();
        let (cancelled, left) = futures::join!(shop.cancel(&order_id, &[]), shop.dispatch(&order_id, &parcel));
        let end = shop.until(&order_id, |o| matches!(o.status(), OrderStatus::Cancelled | OrderStatus::Shipped)).await;
        let (_, captured, refunded, _) = shop.journal(&order_id).await;
        match end.status() {
            OrderStatus::Cancelled => {
                assert!(left.is_err(), "shipped and cancelled both");
                assert_eq!(captured, refunded);
            }
            _ => assert_eq!(refunded, 0, "shipped and not paid; {cancelled:?}"),
        }
        shop
    });
}

#[test]
fn a_way_that_is_refused_after_payment_gives_the_money_back() {
    play(async |shop| {
        let wish =
            v1::PlaceOrderRequest { shipping_option_id: Some("refused".to_owned()), ..wanted(&[("MUG", 1)], "pm_ok") };
        let order_id = shop.place("one", wish).await.expect("it exists").order_id;
        let over = shop.until_status(&order_id, OrderStatus::Cancelled).await;
        assert_eq!(over.problem.map(|problem| problem.code), Some("shipment_refused".to_owned()));
        assert_eq!(shop.journal(&order_id).await, (1, 1_900, 1_900, PaymentStatus::Captured));
        assert_eq!(shop.level("near", "MUG").await, (10, 0));
        shop
    });
}

#[test]
fn a_line_is_cancelled_its_money_goes_back_and_the_rest_is_sent() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 3), ("TEE", 1)], "pm_ok")).await.expect("an order").order_id;
        shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        assert_eq!(refusal(shop.cancel(&order_id, &[("MUG", 4)]).await).code, "exceeds_cancellable");
        shop.cancel(&order_id, &[("MUG", 1)]).await.expect("nothing has left");
        let less = shop.until(&order_id, |order| order.parts[0].parcels.len() == 2).await;
        assert_eq!(less.parts[0].parcels[1].lines, basket(&[("MUG", 2), ("TEE", 1)]));
        assert_eq!(less.items.iter().find(|item| item.sku == "MUG").map(|mug| mug.cancelled), Some(1));
        assert_eq!(shop.journal(&order_id).await, (1, 4_500, 1_000, PaymentStatus::Captured));
        let amount = |money: &Option<messages::common::v1::Money>| money.as_ref().and_then(|m| m.amount);
        assert_eq!(amount(&less.billed_amount), Some(3_500));
        assert_eq!(shop.level("near", "MUG").await, (8, 2));
        shop
    });
}

#[test]
fn a_refund_that_fails_leaves_the_order_stuck_in_sight_until_somebody_retries() {
    play(async |shop| {
        let wish = wanted(&[("MUG", 1)], "pm_refund_fails_once");
        let order_id = shop.place("one", wish).await.expect("an order").order_id;
        shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        shop.cancel(&order_id, &[]).await.expect("nothing has left");
        let stuck = shop.until(&order_id, |order| order.stuck.is_some()).await;
        assert_eq!(stuck.status(), OrderStatus::Cancelling);
        let why = stuck.stuck.expect("a reason");
        assert_eq!((why.step(), why.reason.as_str()), (v1::Step::RefundPayment, "refund_failed"));
        let list = v1::ListOrdersRequest { stuck: Some(true), ..Default::default() };
        shop.asker.until::<rpc::ListOrders>(None, &list, |said| said.data.len() == 1).await;
        let retry = v1::RetryOrderRequest { order_id: order_id.clone() };
        shop.asker.ask::<rpc::RetryOrder>(Some(&order_id), &retry).await.expect("it is stuck");
        shop.until_status(&order_id, OrderStatus::Cancelled).await;
        let (captures, captured, refunded, _) = shop.journal(&order_id).await;
        assert_eq!((captures, captured, refunded), (1, 1_500, 1_500));
        shop
    });
}

#[test]
fn what_comes_back_is_refunded_and_put_on_its_shelf_and_no_more_comes_back_than_left() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 2)], "pm_ok")).await.expect("an order").order_id;
        let paid = shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        let back = |name: &str, count| v1::RequestReturnRequest {
            order_id: order_id.clone(),
            return_id: id("ret", name),
            lines: basket(&[("MUG", count)]),
            reason: v1::ReturnReason::DoesNotFit.into(),
            note: String::new(),
        };
        let ask = async |name: &str, count| {
            let call = shop.asker.call::<rpc::RequestReturn>(Some(&order_id), &back(name, count));
            shop.asker.send(&as_customer(call)).await.map(decode::<v1::RequestReturnResponse>)
        };
        assert_eq!(refusal(ask("early", 1).await).code, "exceeds_returnable", "nothing has left yet");
        shop.dispatch(&order_id, &paid.parts[0].parcels[0].shipment_id).await.expect("it is packed");
        shop.until_status(&order_id, OrderStatus::Shipped).await;
        let return_id = ask("one", 1).await.expect("two have left").r#return.expect("a return").return_id;
        assert_eq!(refusal(ask("two", 2).await).code, "exceeds_returnable", "over-return");
        let receive = v1::ReceiveReturnRequest {
            order_id: order_id.clone(),
            return_id: return_id.clone(),
            warehouse_id: warehouse("near"),
            lines: vec![],
            restock: None,
        };
        let early = shop.asker.ask::<rpc::ReceiveReturn>(Some(&order_id), &receive).await;
        assert_eq!(refusal(early).code, "not_approved");
        let approve = v1::ApproveReturnRequest { order_id: order_id.clone(), return_id: return_id.clone() };
        shop.asker.ask::<rpc::ApproveReturn>(Some(&order_id), &approve).await.expect("approved");
        let free = shop.level("near", "MUG").await.0;
        shop.asker.ask::<rpc::ReceiveReturn>(Some(&order_id), &receive).await.expect("received");
        let get = v1::GetReturnRequest { order_id: order_id.clone(), return_id: return_id.clone() };
        let so = |said: &v1::GetReturnResponse| {
            said.r#return.as_ref().is_some_and(|this| this.status() == ReturnStatus::Refunded)
        };
        shop.asker.until::<rpc::GetReturn>(Some(&order_id), &get, so).await;
        assert_eq!(shop.journal(&order_id).await.2, 1_000, "its share, and not the way");
        while shop.level("near", "MUG").await.0 != free + 1 {
            shop.world.pass(std::time::Duration::from_millis(20)).await;
        }
        let order = shop.until(&order_id, |order| order.refunded_amount == order.items[0].unit_price).await;
        assert_eq!((order.items[0].returned, order.return_ids.len()), (1, 1));
        shop
    });
}

#[test]
fn invoices_are_numbered_without_a_gap_and_never_twice() {
    play(async |shop| {
        let names: Vec<String> = (0..6).map(|number| format!("order {number}")).collect();
        for name in &names {
            let token = if name.ends_with('2') { "pm_declined" } else { "pm_ok" };
            shop.place(name, wanted(&[("MUG", 1)], token)).await.expect("an order");
        }
        let mut numbers = Vec::new();
        for name in names.iter().filter(|name| !name.ends_with('2')) {
            let get = v1::GetInvoiceRequest { order_id: id("ord", name) };
            let said = shop.asker.until::<rpc::GetInvoice>(None, &get, |said| said.invoice.is_some()).await;
            let invoice = said.invoice.expect("an invoice");
            assert_eq!(invoice.total_amount.as_ref().and_then(|total| total.amount), Some(1_500));
            numbers.push(invoice.number);
        }
        numbers.sort_unstable();
        assert_eq!(numbers, ["2026-000001", "2026-000002", "2026-000003", "2026-000004", "2026-000005"]);
        shop
    });
}
