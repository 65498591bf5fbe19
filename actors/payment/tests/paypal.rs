//! The group with PayPal as the provider: in a world, through a door like PayPal's; and that door over HTTP.

#[path = "paypal/door.rs"]
mod door;
#[path = "paypal/http.rs"]
mod http;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use messages::id::Id;
use messages::payment::v1::{self, PaymentStatus, RefundStatus, rpc};
use payment::settings::{PayPalAccess, Settings};
use runtime::client::Failure;
use runtime::clock::Clock;
use runtime::group::Group;
use runtime::testkit::{Asker, Ground, Stage, World, refusal, seeded};

use door::{Decline, Door, WEBHOOK, signature};

/// Headers of a webhook.
type Headers = Vec<(&'static str, String)>;

thread_local! {
    /// A world has one thread, and a stage builds its group anew with each start.
    static PLAYED: RefCell<Option<(Arc<Door>, Clock)>> = const { RefCell::new(None) };
}

pub(crate) fn settings() -> Settings {
    let paypal = PayPalAccess {
        client_id: "shop".into(),
        client_secret: "secret".into(),
        webhook_id: WEBHOOK.into(),
        ..PayPalAccess::default()
    };
    Settings { provider: "paypal".into(), paypal, ..Settings::default() }
}

fn group() -> Group {
    let (door, clock) = PLAYED.with_borrow(Clone::clone).expect("a test that has begun");
    payment::group_over_paypal(door, clock, settings()).expect("settings")
}

/// A shop in a world of its own, for every seed.
fn in_a_shop<F: Future<Output = ()>>(fact: impl Fn(World, Arc<Door>, Asker) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        let door = Arc::new(Door::default());
        let fact = &fact;
        async move {
            PLAYED.set(Some((door.clone(), world.clock())));
            let mut stage = Stage::new(Ground::World(world.clone()), group);
            stage.start("a").await;
            let asker = stage.client("customer").await;
            fact(world.clone(), door, asker).await;
            stage.clear().await;
            assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
            world.idle().await;
        }
    });
}

fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

fn euros(amount: i64) -> Option<messages::common::v1::Money> {
    Some(messages::common::v1::Money { amount: Some(amount), currency: "EUR".into() })
}

async fn pay(asker: &Asker, name: &str, capture: v1::CaptureMode) {
    let request = v1::CreatePaymentRequest {
        payment_id: id("pay", name),
        amount: euros(1999),
        method: Some(v1::MethodChoice { of: Some(v1::method_choice::Of::Token("paypal".into())) }),
        order_id: None,
        user_id: Some(id("usr", "ada")),
        capture: capture.into(),
        return_url: "https://shop.example/thanks".into(),
    };
    asker.ask::<rpc::CreatePayment>(Some(&request.payment_id), &request).await.expect("accepted");
}

async fn until(asker: &Asker, name: &str, status: PaymentStatus) -> v1::Payment {
    let request = v1::GetPaymentRequest { payment_id: id("pay", name) };
    let so = |said: &v1::GetPaymentResponse| said.payment.as_ref().is_some_and(|payment| payment.status() == status);
    asker.until::<rpc::GetPayment>(Some(&request.payment_id), &request, so).await.payment.expect("a payment")
}

async fn confirm(asker: &Asker, name: &str) {
    let request = v1::ConfirmPaymentRequest { payment_id: id("pay", name) };
    asker.ask::<rpc::ConfirmPayment>(Some(&request.payment_id), &request).await.expect("accepted");
}

async fn capture(asker: &Asker, name: &str, amount: i64) {
    let request = v1::CapturePaymentRequest { payment_id: id("pay", name), amount: euros(amount) };
    asker.ask::<rpc::CapturePayment>(Some(&request.payment_id), &request).await.expect("it is held");
}

async fn cancel(asker: &Asker, name: &str) {
    let request = v1::CancelPaymentRequest { payment_id: id("pay", name), reason: "out_of_stock".into() };
    asker.ask::<rpc::CancelPayment>(Some(&request.payment_id), &request).await.expect("never too late");
}

async fn refund(asker: &Asker, name: &str, refund: &str, amount: i64) -> Result<(), Failure> {
    let request = v1::RefundPaymentRequest {
        payment_id: id("pay", name),
        refund_id: id("rfd", refund),
        amount: euros(amount),
        reason: "Arrived broken.".into(),
    };
    asker.send(&asker.keyed::<rpc::RefundPayment>(refund, &request.payment_id, &request)).await.map(drop)
}

/// To the customer's approval and behind it.
async fn held(asker: &Asker, door: &Door, name: &str) {
    pay(asker, name, v1::CaptureMode::Manual).await;
    until(asker, name, PaymentStatus::RequiresAction).await;
    door.approve(&id("pay", name));
    confirm(asker, name).await;
    until(asker, name, PaymentStatus::Authorized).await;
}

async fn sums(asker: &Asker) -> i64 {
    let said = asker.ask::<rpc::ListBalances>(None, &v1::ListBalancesRequest::default()).await.expect("balances");
    said.data.iter().filter_map(|balance| balance.balance.as_ref()?.amount).sum()
}

/// Three answers are lost on the way to each step: the token's or the order's, the hold's, the capture's, the refunds'.
#[test]
fn money_is_held_taken_and_given_back_once_whatever_gets_lost() {
    in_a_shop(|_, door, asker| async move {
        let payment_id = id("pay", "one");
        door.lose_answers(3);
        pay(&asker, "one", v1::CaptureMode::Manual).await;
        let waiting = until(&asker, "one", PaymentStatus::RequiresAction).await;
        let action = waiting.next_action.expect("an action");
        assert_eq!(
            (action.r#type.as_str(), action.url.as_str()),
            ("redirect", "https://paypal.example/checkoutnow?token=5O0")
        );
        // Coming back without having approved it changes nothing.
        confirm(&asker, "one").await;
        assert_eq!(door.money(&payment_id), [0; 3]);
        door.approve(&payment_id);
        door.lose_answers(3);
        confirm(&asker, "one").await;
        until(&asker, "one", PaymentStatus::Authorized).await;
        assert_eq!(door.money(&payment_id), [1999, 0, 0]);
        door.lose_answers(3);
        capture(&asker, "one", 1500).await;
        until(&asker, "one", PaymentStatus::Captured).await;
        assert_eq!(door.money(&payment_id), [0, 1500, 0], "what else was held is let go");
        door.lose_answers(3);
        refund(&asker, "one", "half", 700).await.expect("it was taken");
        until(&asker, "one", PaymentStatus::PartiallyRefunded).await;
        assert_eq!(refusal(refund(&asker, "one", "much", 801).await).code, "exceeds_refundable");
        door.refunds_are_slow();
        refund(&asker, "one", "rest", 800).await.expect("it was taken");
        let back = until(&asker, "one", PaymentStatus::Refunded).await;
        assert!(back.refunds.iter().all(|refund| refund.status() == RefundStatus::Succeeded));
        assert_eq!(door.money(&payment_id), [0, 1500, 1500]);
        assert_eq!(sums(&asker).await, 0);
    });
}

#[test]
fn money_that_is_to_be_taken_at_once_is_taken_when_it_is_approved() {
    in_a_shop(|_, door, asker| async move {
        pay(&asker, "now", v1::CaptureMode::Automatic).await;
        until(&asker, "now", PaymentStatus::RequiresAction).await;
        door.approve(&id("pay", "now"));
        confirm(&asker, "now").await;
        until(&asker, "now", PaymentStatus::Captured).await;
        assert_eq!(door.money(&id("pay", "now")), [0, 1999, 0]);
    });
}

#[test]
fn what_is_given_up_ends_with_nothing_held_and_nothing_kept() {
    in_a_shop(|world, door, asker| async move {
        pay(&asker, "asked", v1::CaptureMode::Manual).await;
        until(&asker, "asked", PaymentStatus::RequiresAction).await;
        cancel(&asker, "asked").await;
        until(&asker, "asked", PaymentStatus::Voided).await;
        // The customer approves what was given up: it is not held, whoever looks.
        door.approve(&id("pay", "asked"));
        let look = v1::ReconcilePaymentRequest { payment_id: id("pay", "asked") };
        asker.ask::<rpc::ReconcilePayment>(Some(&look.payment_id), &look).await.expect("accepted");
        world.pass(Duration::from_secs(60)).await;
        until(&asker, "asked", PaymentStatus::Voided).await;
        // Given up while it is being held, and the answer is lost.
        pay(&asker, "holding", v1::CaptureMode::Manual).await;
        until(&asker, "holding", PaymentStatus::RequiresAction).await;
        door.approve(&id("pay", "holding"));
        door.lose_answer_of("/authorize");
        confirm(&asker, "holding").await;
        while door.money(&id("pay", "holding"))[0] == 0 {
            world.pass(Duration::from_millis(10)).await;
        }
        cancel(&asker, "holding").await;
        until(&asker, "holding", PaymentStatus::Voided).await;
        held(&asker, &door, "held").await;
        cancel(&asker, "held").await;
        until(&asker, "held", PaymentStatus::Voided).await;
        held(&asker, &door, "taken").await;
        capture(&asker, "taken", 1999).await;
        until(&asker, "taken", PaymentStatus::Captured).await;
        cancel(&asker, "taken").await;
        until(&asker, "taken", PaymentStatus::Refunded).await;
        for (name, returned) in [("asked", 0), ("holding", 0), ("held", 0), ("taken", 1999)] {
            assert_eq!(door.money(&id("pay", name)), [0, returned, returned], "{name}");
        }
        assert_eq!(sums(&asker).await, 0);
    });
}

#[test]
fn a_customer_whose_account_is_declined_may_choose_another_or_fails() {
    in_a_shop(|_, door, asker| async move {
        pay(&asker, "again", v1::CaptureMode::Manual).await;
        until(&asker, "again", PaymentStatus::RequiresAction).await;
        door.declines(Decline::ButTryAgain);
        door.approve(&id("pay", "again"));
        confirm(&asker, "again").await;
        let request = v1::GetPaymentRequest { payment_id: id("pay", "again") };
        let is_sent_back = |said: &v1::GetPaymentResponse| {
            let action = said.payment.as_ref().and_then(|payment| payment.next_action.as_ref());
            action.is_some_and(|action| action.url == "https://paypal.example/again?token=5O0")
        };
        asker.until::<rpc::GetPayment>(Some(&request.payment_id), &request, is_sent_back).await;
        door.approve(&id("pay", "again"));
        confirm(&asker, "again").await;
        until(&asker, "again", PaymentStatus::Authorized).await;
        assert_eq!(door.money(&id("pay", "again")), [1999, 0, 0]);
        pay(&asker, "never", v1::CaptureMode::Manual).await;
        until(&asker, "never", PaymentStatus::RequiresAction).await;
        door.declines(Decline::Flat);
        door.approve(&id("pay", "never"));
        confirm(&asker, "never").await;
        let failed = until(&asker, "never", PaymentStatus::Failed).await;
        assert_eq!(failed.problem.expect("a problem").code, "payment_declined");
        assert_eq!(door.money(&id("pay", "never")), [0; 3]);
    });
}

#[test]
fn the_token_is_fetched_once_and_again_when_it_ends() {
    in_a_shop(|world, door, asker| async move {
        for name in ["one", "two"] {
            held(&asker, &door, name).await;
        }
        assert_eq!(door.tokens(), 1, "one for all requests");
        door.revoke_tokens();
        held(&asker, &door, "three").await;
        assert_eq!(door.tokens(), 2);
        world.pass(Duration::from_secs(600)).await;
        held(&asker, &door, "four").await;
        assert_eq!(door.tokens(), 3);
        assert_eq!(door.asked("/authorize"), 4);
    });
}

#[test]
fn a_webhook_is_what_paypal_says_it_signed() {
    in_a_shop(|_, door, asker| async move {
        let send = async |body: &str, change: &dyn Fn(&mut Headers)| {
            let mut headers = vec![
                ("paypal-auth-algo", "SHA256withRSA".to_owned()),
                ("paypal-cert-url", "https://paypal.example/cert".to_owned()),
                ("paypal-transmission-id", "T1".to_owned()),
                ("paypal-transmission-sig", signature(body)),
                ("paypal-transmission-time", "2026-01-31T09:30:00Z".to_owned()),
            ];
            change(&mut headers);
            let request = v1::ReceiveWebhookRequest {
                provider: "paypal".into(),
                body: body.as_bytes().to_vec(),
                headers: headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            };
            asker.ask::<rpc::ReceiveWebhook>(Some("paypal"), &request).await
        };
        let as_it_is = |_: &mut Headers| {};
        pay(&asker, "one", v1::CaptureMode::Manual).await;
        until(&asker, "one", PaymentStatus::RequiresAction).await;
        let news = door.approve(&id("pay", "one"));
        let code = |said| refusal::<v1::ReceiveWebhookResponse>(said).code;
        assert_eq!(code(send(&news, &|headers| headers[3].1 = "SIG0".into()).await), "invalid_signature");
        assert_eq!(code(send(&news, &|headers| drop(headers.remove(2))).await), "invalid_signature");
        assert_eq!(code(send("{", &as_it_is).await), "malformed_webhook");
        assert_eq!(code(send("{}", &as_it_is).await), "malformed_webhook");
        until(&asker, "one", PaymentStatus::RequiresAction).await;
        // Nobody was told to confirm, and it is heard once however often it is said.
        for _ in 0..2 {
            send(&news, &as_it_is).await.expect("it is PayPal's");
        }
        until(&asker, "one", PaymentStatus::Authorized).await;
        send(&news, &as_it_is).await.expect("it is PayPal's");
        assert_eq!(door.asked("/authorize"), 1);
        let foreign = news.replace(&id("pay", "one"), &id("pay", "nobody"));
        send(&foreign, &as_it_is).await.expect("it is PayPal's, and somebody else's");
    });
}
