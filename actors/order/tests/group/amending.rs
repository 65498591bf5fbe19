//! Exchanges and edits: what is added is held and paid before the order changes, and what is refused changes nothing.

use messages::order::v1::{self, AmendmentStatus, OrderStatus, ReturnStatus, rpc};
use messages::payment::v1::PaymentStatus;
use runtime::client::{Call, Failure};
use runtime::testkit::refusal;

use super::play;
use super::shop::{Street, basket, customer, decode, eur, id, user, wanted, warehouse};

fn by_card(token: &str) -> Option<v1::PaymentMethod> {
    Some(v1::PaymentMethod { token: token.to_owned(), ..Default::default() })
}

impl Street {
    fn as_ada(&self, mut call: Call) -> Call {
        call.caller = customer(&user());
        call
    }

    /// One mug goes back, and so many tees come for it.
    pub(crate) async fn exchange(
        &self,
        order_id: &str,
        replacements: &[(&str, i64)],
        token: &str,
    ) -> Result<v1::Amendment, Failure> {
        let request = v1::RequestExchangeRequest {
            order_id: order_id.to_owned(),
            amendment_id: id("amd", "one"),
            lines: basket(&[("MUG", 1)]),
            replacements: basket(replacements),
            reason: v1::ReturnReason::DoesNotFit.into(),
            payment_method: by_card(token),
            ..Default::default()
        };
        let call = self.as_ada(self.asker.keyed::<rpc::RequestExchange>("exchange", order_id, &request));
        let said: v1::RequestExchangeResponse = decode(self.asker.send(&call).await?);
        Ok(said.amendment.expect("an exchange"))
    }

    pub(crate) async fn edit(&self, request: &v1::EditOrderRequest) -> Result<v1::Amendment, Failure> {
        let call = self.as_ada(self.asker.keyed::<rpc::EditOrder>("edit", &request.order_id, request));
        let said: v1::EditOrderResponse = decode(self.asker.send(&call).await?);
        Ok(said.amendment.expect("an edit"))
    }

    /// Waits until an exchange or an edit stands so.
    pub(crate) async fn until_amended(&self, order_id: &str, status: AmendmentStatus) -> v1::Amendment {
        let get = v1::GetAmendmentRequest { order_id: order_id.to_owned(), amendment_id: id("amd", "one") };
        let so = |said: &v1::GetAmendmentResponse| said.amendment.as_ref().is_some_and(|this| this.status() == status);
        let said = self.asker.until::<rpc::GetAmendment>(Some(order_id), &get, so).await;
        said.amendment.expect("an amendment")
    }

    pub(crate) async fn give_up(&self, order_id: &str) -> Result<v1::Amendment, Failure> {
        let request = v1::CancelAmendmentRequest { order_id: order_id.to_owned(), amendment_id: id("amd", "one") };
        let call = self.as_ada(self.asker.keyed::<rpc::CancelAmendment>("give up", order_id, &request));
        let said: v1::CancelAmendmentResponse = decode(self.asker.send(&call).await?);
        Ok(said.amendment.expect("an amendment"))
    }

    pub(crate) async fn approve_return(&self, order_id: &str, return_id: &str) -> Result<(), Failure> {
        let (order, return_id) = (order_id.to_owned(), return_id.to_owned());
        let approve = v1::ApproveReturnRequest { order_id: order, return_id };
        self.asker.send(&self.asker.keyed::<rpc::ApproveReturn>("approve", order_id, &approve)).await.map(drop)
    }

    pub(crate) async fn receive_return(
        &self,
        key: &str,
        order_id: &str,
        return_id: &str,
        lines: &[(&str, i64)],
        restock: bool,
    ) -> Result<(), Failure> {
        let receive = v1::ReceiveReturnRequest {
            order_id: order_id.to_owned(),
            return_id: return_id.to_owned(),
            warehouse_id: warehouse("near"),
            lines: basket(lines),
            restock: Some(restock),
        };
        self.asker.send(&self.asker.keyed::<rpc::ReceiveReturn>(key, order_id, &receive)).await.map(drop)
    }

    /// Two mugs that were delivered.
    async fn delivered(&self) -> String {
        let order_id = self.place("one", wanted(&[("MUG", 2)], "pm_ok")).await.expect("an order").order_id;
        let paid = self.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        let parcel = &paid.parts[0].parcels[0].shipment_id;
        self.dispatch(&order_id, parcel).await.expect("it is packed");
        self.deliver(&order_id, parcel).await;
        self.until_status(&order_id, OrderStatus::Completed).await;
        order_id
    }

    async fn returned(&self, order_id: &str, return_id: &str, status: ReturnStatus) {
        let get = v1::GetReturnRequest { order_id: order_id.to_owned(), return_id: return_id.to_owned() };
        let so = |said: &v1::GetReturnResponse| said.r#return.as_ref().is_some_and(|this| this.status() == status);
        self.asker.until::<rpc::GetReturn>(Some(order_id), &get, so).await;
    }
}

/// What was charged, minus what went back, is what is billed.
#[track_caller]
fn adds_up(order: &v1::Order) {
    let amount =
        |money: &Option<messages::common::v1::Money>| money.as_ref().and_then(|m| m.amount).expect("an amount");
    let (captured, refunded) = (amount(&order.captured_amount), amount(&order.refunded_amount));
    assert_eq!(captured - refunded, amount(&order.billed_amount), "{order:?}");
}

#[test]
fn an_exchange_takes_the_difference_at_once_and_sends_when_the_goods_are_here() {
    play(async |shop| {
        let order_id = shop.delivered().await;
        let asked = shop.exchange(&order_id, &[("FAR-TEE", 2)], "pm_ok").await.expect("an exchange");
        assert_eq!((asked.difference, asked.added_amount), (Some(eur(1_000)), Some(eur(2_000))));
        let ready = shop.until_amended(&order_id, AmendmentStatus::Ready).await;
        let (payment_id, return_id) = (ready.payment_id.expect("one"), ready.return_id.expect("one"));
        assert_eq!(shop.journal_of(&payment_id).await, (1, 1_000, 0, PaymentStatus::Captured));
        assert_eq!(shop.level("far", "FAR-TEE").await, (8, 2), "held, and not sent");
        let before = shop.see(&order_id).await;
        assert_eq!((before.items.len(), before.parts.len()), (1, 1), "nothing of the order has changed");
        shop.approve_return(&order_id, &return_id).await.expect("approved");
        let free = shop.level("near", "MUG").await.0;
        shop.receive_return("receive", &order_id, &return_id, &[], true).await.expect("received");
        shop.until_amended(&order_id, AmendmentStatus::Applied).await;
        let sent = shop.until(&order_id, |order| order.parts.len() == 2 && order.parts[1].parcels.len() == 1).await;
        adds_up(&sent);
        assert_eq!((sent.status(), sent.more_payment_ids), (OrderStatus::Completed, vec![payment_id]));
        assert_eq!((sent.billed_amount, sent.total_amount), (Some(eur(3_500)), Some(eur(4_500))));
        let parcel = &sent.parts[1].parcels[0].shipment_id;
        shop.dispatch(&order_id, parcel).await.expect("it is packed");
        shop.deliver(&order_id, parcel).await;
        let there = |order: &v1::Order| order.items.iter().any(|item| item.sku == "FAR-TEE" && item.shipped == 2);
        shop.until(&order_id, there).await;
        while shop.level("near", "MUG").await.0 != free + 1 {
            shop.world.pass(std::time::Duration::from_millis(20)).await;
        }
        shop.returned(&order_id, &return_id, ReturnStatus::Refunded).await;
        assert_eq!(shop.journal(&order_id).await.2, 0, "nothing goes back");
        let life = shop.history(&order_id).await;
        assert_eq!(life.iter().filter(|said| *said == "order.completed").count(), 1, "{life:?}");
        shop
    });
}

#[test]
fn an_exchange_for_less_gives_the_difference_back_when_the_goods_are_here_and_not_before() {
    play(async |shop| {
        let order_id = shop.delivered().await;
        shop.stock("near", "GIFT", 1).await;
        let asked = shop.exchange(&order_id, &[("GIFT", 1)], "pm_ok").await.expect("an exchange");
        assert_eq!((asked.difference, asked.payment_id), (Some(eur(-1_000)), None));
        let ready = shop.until_amended(&order_id, AmendmentStatus::Ready).await;
        let return_id = ready.return_id.expect("one");
        assert_eq!(shop.journal(&order_id).await.2, 0);
        let early = shop.receive_return("early", &order_id, &return_id, &[], true).await;
        assert_eq!(refusal(early).code, "not_approved");
        shop.approve_return(&order_id, &return_id).await.expect("approved");
        shop.receive_return("receive", &order_id, &return_id, &[], true).await.expect("received");
        shop.returned(&order_id, &return_id, ReturnStatus::Refunded).await;
        assert_eq!(shop.journal(&order_id).await.2, 1_000);
        adds_up(&shop.see(&order_id).await);
        shop
    });
}

#[test]
fn a_declined_difference_refuses_the_exchange_and_changes_nothing() {
    play(async |shop| {
        let order_id = shop.delivered().await;
        shop.exchange(&order_id, &[("FAR-TEE", 2)], "pm_declined").await.expect("it exists");
        let over = shop.until_amended(&order_id, AmendmentStatus::Cancelled).await;
        let problem = over.problem.expect("a reason");
        assert_eq!(problem.code, "payment_declined");
        assert_eq!(shop.level("far", "FAR-TEE").await, (10, 0), "nothing is held");
        let order = shop.see(&order_id).await;
        adds_up(&order);
        assert_eq!((order.items.len(), order.items[0].returned, order.parts.len()), (1, 0, 1));
        assert_eq!(order.captured_amount, Some(eur(2_500)));
        shop.returned(&order_id, &over.return_id.expect("one"), ReturnStatus::Rejected).await;
        // Both mugs may still be sent back.
        let back = v1::RequestReturnRequest {
            order_id: order_id.clone(),
            return_id: id("ret", "both"),
            lines: basket(&[("MUG", 2)]),
            reason: v1::ReturnReason::DoesNotFit.into(),
            note: String::new(),
        };
        shop.asker.ask::<rpc::RequestReturn>(Some(&order_id), &back).await.expect("two have left");
        shop
    });
}

#[test]
fn an_exchange_that_is_given_up_before_its_goods_are_here_gives_money_and_stock_back() {
    play(async |shop| {
        let order_id = shop.delivered().await;
        shop.exchange(&order_id, &[("FAR-TEE", 2)], "pm_ok").await.expect("an exchange");
        let ready = shop.until_amended(&order_id, AmendmentStatus::Ready).await;
        let return_id = ready.return_id.expect("one");
        shop.approve_return(&order_id, &return_id).await.expect("approved");
        let some = shop.receive_return("some", &order_id, &return_id, &[("MUG", 2)], true).await;
        assert_eq!(refusal(some).code, "exceeds_return");
        shop.give_up(&order_id).await.expect("the goods are not here");
        let over = shop.until_amended(&order_id, AmendmentStatus::Cancelled).await;
        assert_eq!(over.cancel_reason.as_deref(), Some("customer_request"));
        let (captures, captured, refunded, _) = shop.journal_of(&over.payment_id.expect("one")).await;
        assert_eq!((captures, captured, refunded), (1, 1_000, 1_000));
        assert_eq!(shop.level("far", "FAR-TEE").await, (10, 0));
        let late = shop.receive_return("receive", &order_id, &return_id, &[], true).await;
        assert!(["exchange_not_ready", "return_closed"].contains(&refusal(late).code.as_str()));
        adds_up(&shop.see(&order_id).await);
        shop
    });
}

#[test]
fn an_exchange_that_cannot_be_is_refused_before_anything_exists() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 2)], "pm_ok")).await.expect("an order").order_id;
        shop.until_status(&order_id, OrderStatus::Processing).await;
        let ask = async |key: &str, change: fn(&mut v1::RequestExchangeRequest)| {
            let mut request = v1::RequestExchangeRequest {
                order_id: order_id.clone(),
                amendment_id: id("amd", key),
                lines: basket(&[("MUG", 1)]),
                replacements: basket(&[("TEE", 2)]),
                reason: v1::ReturnReason::DoesNotFit.into(),
                ..Default::default()
            };
            change(&mut request);
            let call = shop.asker.keyed::<rpc::RequestExchange>(key, &order_id, &request);
            shop.asker.send(&shop.as_ada(call)).await
        };
        assert_eq!(refusal(ask("early", |_| {}).await).code, "exceeds_returnable", "nothing has left yet");
        let parcel = shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await.parts[0].parcels[0].clone();
        shop.dispatch(&order_id, &parcel.shipment_id).await.expect("it is packed");
        shop.until_status(&order_id, OrderStatus::Shipped).await;
        type Change = fn(&mut v1::RequestExchangeRequest);
        let cases: [(&str, Change); 5] = [
            ("out_of_stock", |request| request.replacements = basket(&[("NONE", 1)])),
            ("unknown_sku", |request| request.replacements = basket(&[("GHOST", 1)])),
            ("no_price", |request| request.replacements = basket(&[("DEAR", 1)])),
            ("price_changed", |request| request.expected_difference = Some(eur(999))),
            ("exceeds_returnable", |request| request.lines = basket(&[("MUG", 3)])),
        ];
        for (code, change) in cases {
            assert_eq!(refusal(ask(code, change).await).code, code);
        }
        let eve = |mut call: Call| {
            call.caller = customer(&id("usr", "eve"));
            call
        };
        let request = v1::CancelAmendmentRequest { order_id: order_id.clone(), amendment_id: id("amd", "early") };
        let call = eve(shop.asker.call::<rpc::CancelAmendment>(Some(&order_id), &request));
        assert_eq!(refusal(shop.asker.send(&call).await).code, "not_found");
        assert!(shop.see(&order_id).await.amendment_ids.is_empty());
        shop
    });
}

#[test]
fn an_edit_is_previewed_to_the_cent_paid_and_becomes_part_of_the_order() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 2), ("TEE", 1)], "pm_ok")).await.expect("an order").order_id;
        shop.until(&order_id, |order| order.parts.iter().all(|part| part.parcels.len() == 1)).await;
        let line = |sku: &str, quantity| v1::EditLine { sku: sku.to_owned(), quantity: Some(quantity) };
        let lines = vec![line("MUG", 1), line("FAR-TEE", 3)];
        let ask = v1::PreviewEditRequest { order_id: order_id.clone(), lines: lines.clone() };
        let call = shop.as_ada(shop.asker.call::<rpc::PreviewEdit>(None, &ask));
        let said: v1::PreviewEditResponse = decode(shop.asker.send(&call).await.expect("a preview"));
        let preview = said.preview.expect("a preview");
        assert_eq!((preview.difference.clone(), preview.billed_amount.clone()), (Some(eur(2_000)), Some(eur(5_500))));
        let entries = preview.derivation.iter().map(|entry| (entry.sku.as_str(), entry.quantity, entry.amount.clone()));
        assert_eq!(entries.collect::<Vec<_>>(), [("FAR-TEE", 3, Some(eur(3_000))), ("MUG", -1, Some(eur(-1_000)))]);
        let edit = v1::EditOrderRequest {
            order_id: order_id.clone(),
            amendment_id: id("amd", "one"),
            lines,
            payment_method: by_card("pm_ok"),
            expected_difference: preview.difference,
            expected_version: Some(preview.version),
        };
        let dearer = v1::EditOrderRequest { expected_difference: Some(eur(1_999)), ..edit.clone() };
        let call = shop.as_ada(shop.asker.keyed::<rpc::EditOrder>("dearer", &order_id, &dearer));
        assert_eq!(refusal(shop.asker.send(&call).await).code, "price_changed");
        let older = v1::EditOrderRequest { expected_version: Some(1), ..edit.clone() };
        let call = shop.as_ada(shop.asker.keyed::<rpc::EditOrder>("older", &order_id, &older));
        assert_eq!(refusal(shop.asker.send(&call).await).code, "order_changed");
        shop.edit(&edit).await.expect("an edit");
        let applied = shop.until_amended(&order_id, AmendmentStatus::Applied).await;
        let payment_id = applied.payment_id.expect("one");
        assert_eq!(shop.journal_of(&payment_id).await, (1, 2_000, 0, PaymentStatus::Captured));
        let so = |order: &v1::Order| {
            let is_packed = |part: &v1::OrderPart| part.parcels.iter().any(|p| p.status() == v1::ParcelStatus::Packing);
            order.items.iter().any(|item| item.sku == "MUG" && item.cancelled == 1) && order.parts.iter().all(is_packed)
        };
        let order = shop.until(&order_id, so).await;
        adds_up(&order);
        assert_eq!(order.billed_amount, Some(eur(5_500)));
        assert_eq!((shop.level("near", "MUG").await, shop.level("far", "FAR-TEE").await), ((9, 1), (7, 3)));
        // Given up as a whole, both payments go back.
        shop.cancel(&order_id, &[]).await.expect("nothing has left");
        let over = shop.until_status(&order_id, OrderStatus::Cancelled).await;
        adds_up(&over);
        assert_eq!((shop.journal(&order_id).await.2, shop.journal_of(&payment_id).await.2), (3_500, 2_000));
        assert_eq!((shop.level("near", "MUG").await, shop.level("far", "FAR-TEE").await), ((10, 0), (10, 0)));
        shop
    });
}

#[test]
fn a_declined_edit_leaves_the_order_as_it_was() {
    play(async |shop| {
        let order_id = shop.place("one", wanted(&[("MUG", 2)], "pm_ok")).await.expect("an order").order_id;
        shop.until(&order_id, |order| order.parts[0].parcels.len() == 1).await;
        let lines = vec![v1::EditLine { sku: "MUG".to_owned(), quantity: Some(4) }];
        let edit = v1::EditOrderRequest {
            order_id: order_id.clone(),
            amendment_id: id("amd", "one"),
            lines,
            payment_method: by_card("pm_declined"),
            ..Default::default()
        };
        shop.edit(&edit).await.expect("it exists");
        let over = shop.until_amended(&order_id, AmendmentStatus::Cancelled).await;
        assert_eq!(over.problem.map(|problem| problem.code), Some("payment_declined".to_owned()));
        assert_eq!(shop.level("near", "MUG").await, (8, 2));
        let order = shop.see(&order_id).await;
        adds_up(&order);
        assert_eq!((order.items.len(), order.status()), (1, OrderStatus::Processing));
        shop
    });
}
