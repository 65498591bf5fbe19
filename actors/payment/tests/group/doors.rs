//! Who may do what, stored methods, reviews, webhooks and card numbers.

use messages::payment::v1::{self, PaymentMethodStatus, PaymentStatus, rpc};
use messages::{Message, Rpc};
use prost::Message as _;
use runtime::client::Failure;
use runtime::testkit::{Asker, refusal};

use super::in_a_world;
use super::shop::{as_customer, authorise, euros, id, open, token, until};

fn creation(name: &str, method: Option<v1::MethodChoice>) -> v1::CreatePaymentRequest {
    v1::CreatePaymentRequest {
        payment_id: id("pay", name),
        amount: euros(1999),
        method,
        order_id: None,
        user_id: None,
        capture: v1::CaptureMode::Manual.into(),
        return_url: String::new(),
    }
}

async fn ask_as<R: Rpc>(
    asker: &Asker,
    who: &str,
    key: Option<&str>,
    request: &R::Request,
) -> Result<R::Response, Failure>
where
    R::Response: Message,
{
    let call = as_customer(who, asker.call::<R>(key, request));
    asker.send(&call).await.map(|answer| R::Response::decode(answer.payload).expect("an answer of the contract"))
}

#[test]
fn a_foreign_payment_is_answered_like_a_missing_one() {
    in_a_world(|world| async move {
        let (mut stage, asker, _way) = open(&world, &["a"]).await;
        let request = creation("adas", token("pm_card_visa"));
        let key = request.payment_id.clone();
        ask_as::<rpc::CreatePayment>(&asker, "ada", Some(&key), &request).await.expect("accepted");
        until(&asker, "adas", PaymentStatus::Authorized).await;
        let get = v1::GetPaymentRequest { payment_id: key.clone() };
        let own = ask_as::<rpc::GetPayment>(&asker, "ada", Some(&key), &get).await.expect("her own");
        assert_eq!(own.payment.map(|payment| payment.user_id), Some(id("usr", "ada")));
        let foreign = refusal(ask_as::<rpc::GetPayment>(&asker, "bob", Some(&key), &get).await);
        let missing = v1::GetPaymentRequest { payment_id: id("pay", "nobody") };
        let missing =
            refusal(ask_as::<rpc::GetPayment>(&asker, "bob", Some(&missing.payment_id.clone()), &missing).await);
        assert_eq!(foreign, missing);
        let confirm = v1::ConfirmPaymentRequest { payment_id: key.clone() };
        assert_eq!(refusal(ask_as::<rpc::ConfirmPayment>(&asker, "bob", Some(&key), &confirm).await).code, "not_found");
        let capture = v1::CapturePaymentRequest { payment_id: key.clone(), amount: None };
        let scope = refusal(ask_as::<rpc::CapturePayment>(&asker, "ada", Some(&key), &capture).await);
        assert_eq!(scope.code, "missing_scope");
        let list = v1::ListPaymentsRequest::default();
        asker.until::<rpc::ListPayments>(None, &list, |all| all.data.len() == 1).await;
        let hers = ask_as::<rpc::ListPayments>(&asker, "ada", None, &list).await.expect("a list");
        let his = ask_as::<rpc::ListPayments>(&asker, "bob", None, &list).await.expect("a list");
        assert_eq!((hers.data.len(), his.data.len()), (1, 0));
        let prying = v1::ListPaymentsRequest {
            user_id: Some(messages::common::v1::StringFilter { eq: Some(id("usr", "ada")), r#in: vec![] }),
            ..v1::ListPaymentsRequest::default()
        };
        assert_eq!(ask_as::<rpc::ListPayments>(&asker, "bob", None, &prying).await.expect("a list").data, []);
        let for_another =
            v1::CreatePaymentRequest { user_id: Some(id("usr", "ada")), ..creation("bobs", token("pm_card_visa")) };
        let key = for_another.payment_id.clone();
        let foreign = refusal(ask_as::<rpc::CreatePayment>(&asker, "bob", Some(&key), &for_another).await);
        assert_eq!(foreign.code, "foreign_user");
        stage.clear().await;
    });
}

#[test]
fn an_order_is_paid_once() {
    in_a_world(|world| async move {
        let (mut stage, asker, _way) = open(&world, &["a"]).await;
        authorise(&asker, "one", "pm_card_visa").await;
        until(&asker, "one", PaymentStatus::Authorized).await;
        let list = v1::ListPaymentsRequest::default();
        asker.until::<rpc::ListPayments>(None, &list, |all| all.data.len() == 1).await;
        for (order, who, code) in
            [("one", "ada", "order_has_payment"), ("one", "bob", "unknown_order"), ("none", "ada", "unknown_order")]
        {
            let request = v1::CreatePaymentRequest {
                order_id: Some(id("ord", order)),
                ..creation(&format!("{order}{who}"), token("pm_card_visa"))
            };
            let key = request.payment_id.clone();
            let problem = refusal(ask_as::<rpc::CreatePayment>(&asker, who, Some(&key), &request).await);
            assert_eq!(problem.code, code, "{order} {who}");
        }
        stage.clear().await;
    });
}

#[test]
fn a_card_number_is_neither_taken_nor_kept() {
    in_a_world(|world| async move {
        let (mut stage, asker, _way) = open(&world, &["a"]).await;
        const NUMBER: &str = "4242 4242 4242 4242";
        let method = v1::CreatePaymentMethodRequest {
            payment_method_id: id("pm", "one"),
            token: NUMBER.replace(' ', ""),
            label: String::new(),
            user_id: None,
        };
        let label =
            v1::CreatePaymentMethodRequest { token: "pm_card_visa".into(), label: NUMBER.into(), ..method.clone() };
        let key = method.payment_method_id.clone();
        for (request, field) in [(method, "token"), (label, "label")] {
            let call = asker.keyed::<rpc::CreatePaymentMethod>(field, &key, &request);
            let problem = refusal(asker.send(&as_customer("ada", call)).await);
            assert_eq!((problem.code.as_str(), problem.fact("field")), ("card_number", Some(&field.into())));
            assert!(!format!("{problem:?}").contains("4242"), "{problem:?}");
        }
        let request = creation("one", token(NUMBER));
        let call = asker.keyed::<rpc::CreatePayment>("pay", &request.payment_id, &request);
        assert_eq!(refusal(asker.send(&as_customer("ada", call)).await).code, "card_number");
        let reason = v1::RefundPaymentRequest {
            payment_id: id("pay", "one"),
            refund_id: id("rfd", "one"),
            amount: None,
            reason: format!("wrong card {NUMBER}"),
        };
        let call = asker.keyed::<rpc::RefundPayment>("refund", &reason.payment_id, &reason);
        assert_eq!(refusal(asker.send(&call).await).code, "card_number");
        let logged = world.entries("payment");
        assert!(!logged.is_empty(), "the refusals are on record");
        for entry in logged {
            let text = String::from_utf8_lossy(&entry.payload).replace(' ', "");
            assert!(!text.contains("424242424242"), "{text}");
        }
        stage.clear().await;
    });
}

#[test]
fn a_stored_method_pays_for_its_owner_only() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        let store = async |name: &str, card: &str| {
            let request = v1::CreatePaymentMethodRequest {
                payment_method_id: id("pm", name),
                token: card.into(),
                label: "The blue one".into(),
                user_id: None,
            };
            let key = request.payment_method_id.clone();
            ask_as::<rpc::CreatePaymentMethod>(&asker, "ada", Some(&key), &request).await.expect("accepted");
        };
        let stands = async |name: &str, status: PaymentMethodStatus| {
            let get = v1::GetPaymentMethodRequest { payment_method_id: id("pm", name) };
            let so = |said: &v1::GetPaymentMethodResponse| {
                said.payment_method.as_ref().is_some_and(|method| method.status() == status)
            };
            let said = asker.until::<rpc::GetPaymentMethod>(Some(&get.payment_method_id), &get, so).await;
            said.payment_method.expect("a method")
        };
        store("good", "pm_card_visa").await;
        let kept = stands("good", PaymentMethodStatus::Ready).await;
        assert_eq!((kept.brand.as_str(), kept.last4.as_str(), kept.exp_year), ("visa", "4242", 2031));
        store("bad", "pm_card_chargeDeclinedStolenCard").await;
        let refused = stands("bad", PaymentMethodStatus::Refused).await;
        assert_eq!(refused.problem.expect("a problem").code, "payment_declined");
        let by = |name: &str| {
            let of = v1::method_choice::Of::PaymentMethodId(id("pm", name));
            Some(v1::MethodChoice { of: Some(of) })
        };
        let pay = async |name: &str, who: &str, method: &str| {
            let request = creation(name, by(method));
            ask_as::<rpc::CreatePayment>(&asker, who, Some(&request.payment_id.clone()), &request).await
        };
        pay("hers", "ada", "good").await.expect("her own");
        until(&asker, "hers", PaymentStatus::Authorized).await;
        assert_eq!(way.money(&id("pay", "hers")), [1999, 0, 0]);
        for (name, who, method) in [("his", "bob", "good"), ("worse", "ada", "bad"), ("none", "ada", "nothing")] {
            assert_eq!(refusal(pay(name, who, method).await).code, "unknown_payment_method", "{name}");
        }
        let list = v1::ListPaymentMethodsRequest::default();
        asker.until::<rpc::ListPaymentMethods>(None, &list, |all| all.data.len() == 2).await;
        assert_eq!(ask_as::<rpc::ListPaymentMethods>(&asker, "ada", None, &list).await.expect("a list").data.len(), 2);
        assert_eq!(ask_as::<rpc::ListPaymentMethods>(&asker, "bob", None, &list).await.expect("a list").data, []);
        let remove = v1::RemovePaymentMethodRequest { payment_method_id: id("pm", "good") };
        let key = remove.payment_method_id.clone();
        let foreign = refusal(ask_as::<rpc::RemovePaymentMethod>(&asker, "bob", Some(&key), &remove).await);
        assert_eq!(foreign.code, "not_found");
        ask_as::<rpc::RemovePaymentMethod>(&asker, "ada", Some(&key), &remove).await.expect("her own");
        assert_eq!(refusal(pay("late", "ada", "good").await).code, "unknown_payment_method");
        asker.until::<rpc::ListPaymentMethods>(None, &list, |all| all.data.len() == 1).await;
        stage.clear().await;
    });
}

#[test]
fn what_is_suspicious_waits_for_a_person() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        let large = async |name: &str| {
            let request =
                v1::CreatePaymentRequest { amount: euros(1_000_000), ..creation(name, token("pm_card_visa")) };
            let key = request.payment_id.clone();
            ask_as::<rpc::CreatePayment>(&asker, "ada", Some(&key), &request).await.expect("accepted");
            until(&asker, name, PaymentStatus::InReview).await
        };
        let waiting = large("sound").await;
        assert_eq!(waiting.suspicion.expect("a suspicion").signals, ["amount"]);
        large("fraud").await;
        assert_eq!(way.bank.intents(None, 10).expect("memory"), [], "nobody was asked for money");
        let queue = v1::ListReviewsRequest::default();
        asker.until::<rpc::ListReviews>(None, &queue, |queue| queue.data.len() == 2).await;
        let approve = v1::ApprovePaymentRequest { payment_id: id("pay", "sound") };
        asker.ask::<rpc::ApprovePayment>(Some(&approve.payment_id), &approve).await.expect("it waits");
        until(&asker, "sound", PaymentStatus::Authorized).await;
        let decline = v1::DeclinePaymentRequest { payment_id: id("pay", "fraud") };
        asker.ask::<rpc::DeclinePayment>(Some(&decline.payment_id), &decline).await.expect("it waits");
        let failed = until(&asker, "fraud", PaymentStatus::Failed).await;
        assert_eq!(failed.problem.expect("a problem").code, "suspected_fraud");
        asker.until::<rpc::ListReviews>(None, &queue, |queue| queue.data.is_empty()).await;
        assert_eq!(way.money(&id("pay", "fraud")), [0; 3]);
        // Many small ones in a short time are suspicious too.
        for number in 0..40 {
            let request = creation(&format!("small{number}"), token("pm_card_visa"));
            let key = request.payment_id.clone();
            ask_as::<rpc::CreatePayment>(&asker, "bob", Some(&key), &request).await.expect("accepted");
        }
        let often = asker.until::<rpc::ListReviews>(None, &queue, |queue| !queue.data.is_empty()).await;
        let signals =
            often.data.iter().filter_map(|payment| payment.suspicion.as_ref()).flat_map(|found| &found.signals);
        assert!(signals.into_iter().all(|signal| signal == "velocity"));
        stage.clear().await;
    });
}

#[test]
fn a_webhook_is_verified_and_heard_once_in_any_order() {
    in_a_world(|world| async move {
        let (mut stage, asker, way) = open(&world, &["a"]).await;
        let secret = payment::settings::Settings::default().test.webhook_secret;
        let send = async |provider: &str, secret: &str, body: &str, age: i64| {
            let at = u64::try_from(world.clock().now().as_second() - age).expect("after 1970");
            let signature = bank::webhook::signature(secret, at, body);
            let request = v1::ReceiveWebhookRequest {
                provider: provider.into(),
                body: body.as_bytes().to_vec(),
                headers: [("stripe-signature".to_owned(), signature)].into(),
            };
            asker.ask::<rpc::ReceiveWebhook>(Some(provider), &request).await
        };
        authorise(&asker, "one", "pm_card_threeDSecure2Required").await;
        let waiting = until(&asker, "one", PaymentStatus::RequiresAction).await;
        way.prove(&waiting.payment_id, true);
        let news = way.news();
        assert_eq!(news.len(), 2, "{news:?}");
        for (provider, secret, age, code) in [
            ("test", "guess", 0, "invalid_signature"),
            ("test", secret.as_str(), 301, "invalid_signature"),
            ("stripe", &secret, 0, "unknown_provider"),
            ("paypal", &secret, 0, "unknown_provider"),
        ] {
            assert_eq!(refusal(send(provider, secret, &news[1], age).await).code, code, "{provider} {age}");
        }
        assert_eq!(refusal(send("test", &secret, "{}", 0).await).code, "malformed_webhook");
        until(&asker, "one", PaymentStatus::RequiresAction).await;
        // The newest first, everything twice: it is enough, and nobody was told to confirm.
        for body in [&news[1], &news[1], &news[0], &news[0]] {
            send("test", &secret, body, 0).await.expect("it is the bank's");
        }
        let held = until(&asker, "one", PaymentStatus::Authorized).await;
        let version = held.version;
        for body in &news {
            send("test", &secret, body, 0).await.expect("it is the bank's");
        }
        assert_eq!(until(&asker, "one", PaymentStatus::Authorized).await.version, version, "it is known already");
        // News about somebody else's payment are taken, and change nothing.
        let foreign = news[1].replace(&waiting.payment_id, &id("pay", "nobody"));
        send("test", &secret, &foreign, 0).await.expect("it is the bank's");
        stage.clear().await;
    });
}

#[test]
fn lists_are_filtered_and_paged() {
    use messages::common::v1::StringFilter;
    in_a_world(|world| async move {
        let (mut stage, asker, _way) = open(&world, &["a"]).await;
        let eq = |value: &str| Some(StringFilter { eq: Some(value.to_owned()), r#in: vec![] });
        for name in ["one", "two", "three", "four", "five"] {
            let card = if name == "four" { "pm_card_chargeDeclined" } else { "pm_card_visa" };
            let request =
                v1::CreatePaymentRequest { capture: v1::CaptureMode::Automatic.into(), ..creation(name, token(card)) };
            let key = request.payment_id.clone();
            let who = if name == "five" { "bob" } else { "ada" };
            ask_as::<rpc::CreatePayment>(&asker, who, Some(&key), &request).await.expect("accepted");
            let ends = if name == "four" { PaymentStatus::Failed } else { PaymentStatus::Captured };
            until(&asker, name, ends).await;
        }
        let ledger = v1::ListTransactionsRequest::default();
        let all = asker.until::<rpc::ListTransactions>(None, &ledger, |all| all.data.len() == 4).await;
        let names = |payments: &[v1::Payment]| payments.iter().map(|p| p.payment_id.clone()).collect::<Vec<_>>();
        let list = async |request: &v1::ListPaymentsRequest| {
            asker.ask::<rpc::ListPayments>(None, request).await.expect("a list")
        };
        let captured = v1::ListPaymentsRequest { status: eq("captured"), ..Default::default() };
        let newest_first = ["five", "three", "two", "one"].map(|name| id("pay", name));
        assert_eq!(names(&list(&captured).await.data), newest_first);
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page =
                v1::ListPaymentsRequest { limit: Some(2), after, sort: Some("created_at".into()), ..captured.clone() };
            let said = list(&page).await;
            found.extend(names(&said.data));
            match said.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        found.reverse();
        assert_eq!(found, newest_first);
        let hers = v1::ListPaymentsRequest { user_id: eq(&id("usr", "ada")), ..captured };
        assert_eq!(names(&list(&hers).await.data), newest_first[1..]);
        let of = v1::ListTransactionsRequest { payment_id: eq(&id("pay", "two")), ..Default::default() };
        let booked = asker.ask::<rpc::ListTransactions>(None, &of).await.expect("a list");
        assert_eq!(
            booked.data,
            all.data.iter().filter(|t| t.payment_id == id("pay", "two")).cloned().collect::<Vec<_>>()
        );
        assert_eq!((booked.data.len(), booked.data[0].entries.len()), (1, 4));
        for (filter, count) in [("refund", 0), ("charge", 4)] {
            let of = v1::ListTransactionsRequest { r#type: eq(filter), currency: eq("EUR"), ..Default::default() };
            assert_eq!(
                asker.ask::<rpc::ListTransactions>(None, &of).await.expect("a list").data.len(),
                count,
                "{filter}"
            );
        }
        let his = ask_as::<rpc::ListTransactions>(&asker, "bob", None, &ledger).await.expect("a list");
        assert_eq!(his.data.iter().map(|t| t.payment_id.clone()).collect::<Vec<_>>(), [id("pay", "five")]);
        stage.clear().await;
    });
}
