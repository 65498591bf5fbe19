//! What people are told about their orders.

use std::time::Duration;

use messages::common::v1::fact::Value;
use messages::notification::v1::{self, NotificationStatus, Topic, rpc};
use messages::{inventory, order, payment, user};
use runtime::headers::Caller;
use runtime::testkit::{Asker, MemoryStore, refusal};

use super::newsroom::{Newsroom, confirmed, created, dispatched, id, money, paid};
use super::outside::{self, Answer};
use super::{play, stage};

pub(crate) fn told(letters: &[notification::message::Letter]) -> Vec<(&'static str, String)> {
    letters.iter().map(|letter| (letter.about.topic.word(), letter.to.clone())).collect()
}

/// Waits until so many messages have reached a state.
pub(crate) async fn settled(asker: &Asker, status: NotificationStatus, count: usize) -> Vec<v1::Notification> {
    let filter = v1::NotificationStatusFilter { eq: status.into(), r#in: Vec::new() };
    let list = v1::ListNotificationsRequest {
        status: Some(filter),
        limit: Some(100),
        sort: Some("created_at".to_owned()),
        ..Default::default()
    };
    asker.until::<rpc::ListNotifications>(None, &list, |page| page.data.len() >= count).await.data
}

pub(crate) fn message(to: &str) -> v1::SendNotificationRequest {
    v1::SendNotificationRequest {
        notification_id: id("ntf", to),
        topic: Topic::Message.into(),
        channel: v1::Channel::Email.into(),
        to: to.to_owned(),
        data: r#"{"subject":"Holidays","text":"We are closed."}"#.to_owned(),
        ..Default::default()
    }
}

#[test]
fn an_order_is_told_from_its_confirmation_to_its_delivery_each_thing_once() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        stage.start("b").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        news.say(&created("ada")).await;
        // The payment's news come by another log; that they may come first is another test.
        world.pass(Duration::from_secs(1)).await;
        news.say(&confirmed("ada")).await;
        news.say(&paid("ada")).await;
        news.say(&dispatched("ada", "one")).await;
        news.say(&dispatched("ada", "two")).await;
        // Said by two turns, heard twice, and still one thing.
        news.say(&dispatched("ada", "two")).await;
        let order_id = id("ord", "ada");
        let (shipment_id, user_id) = (id("shp", "one"), id("usr", "ada"));
        let arrived =
            messages::shipping::v1::ShipmentDelivered { shipment_id, order_id, user_id, ..Default::default() };
        news.say(&arrived).await;
        let refund = payment::v1::RefundProcessed {
            refund_id: id("rfd", "ada"),
            payment_id: id("pay", "ada"),
            order_id: Some(id("ord", "ada")),
            user_id: id("usr", "ada"),
            amount: money(1000),
            ..Default::default()
        };
        news.say(&refund).await;
        settled(&asker, NotificationStatus::Sent, 6).await;
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        world.pass(Duration::from_secs(30)).await;
        let mut letters = outside::letters();
        letters.sort_by_key(|letter| (letter.about.topic, letter.about.id.clone()));
        let to = || "ada@example.com".to_owned();
        let topics = ["order_confirmed", "payment_received", "shipped", "shipped", "delivered", "refunded"];
        assert_eq!(told(&letters), topics.map(|topic| (topic, to())));
        assert_eq!(letters[0].locale, "de", "nobody wrote one for de-AT");
        assert!(letters[0].text.contains("2 × Trail shirt  59,98 EUR"), "{}", letters[0].text);
        assert!(letters[0].text.contains("Summe: 64,88 EUR"), "{}", letters[0].text);
        assert!(
            letters[2].text.contains("1 × Trail shirt"),
            "the parcel's line has the order's title: {}",
            letters[2].text
        );
        let user_id = id("usr", "ada");
        let own = v1::ListUserNotificationsRequest { user_id: user_id.clone(), ..Default::default() };
        let own = asker.until::<rpc::ListUserNotifications>(None, &own, |page| page.data.len() == 6).await;
        assert!(own.data.iter().all(|message| message.user_id.as_deref() == Some(&*user_id)));
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn news_that_come_before_the_orders_own_are_owed_until_then() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        news.say(&paid("bob")).await;
        news.say(&dispatched("bob", "one")).await;
        world.pass(Duration::from_secs(5)).await;
        assert!(outside::letters().is_empty(), "nobody knows whom to write to");
        stage.kill("a");
        stage.start("a").await;
        news.say(&created("bob")).await;
        settled(&asker, NotificationStatus::Sent, 2).await;
        let mut letters = outside::letters();
        letters.sort_by_key(|letter| letter.about.topic);
        let to = || "bob@example.com".to_owned();
        assert_eq!(told(&letters), [("payment_received", to()), ("shipped", to())]);
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn a_code_is_in_the_mail_and_nowhere_else() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        let (user_id, name) = (id("usr", "ada"), "Ada".to_owned());
        let ticket = Some(user::v1::Ticket { secret: "a-code-of-hers".into(), ..Default::default() });
        let email_id = id("eml", "new");
        news.say(&user::v1::UserEmailChangeIssued {
            user_id: user_id.clone(),
            email: "new@example.com".into(),
            email_id: email_id.clone(),
            name: name.clone(),
            ticket: ticket.clone(),
            ..Default::default()
        })
        .await;
        let email = "ada@example.com".to_owned();
        news.say(&user::v1::UserResetIssued { user_id: user_id.clone(), email, ticket, ..Default::default() }).await;
        settled(&asker, NotificationStatus::Sent, 2).await;
        let (email, before) = ("new@example.com".into(), "ada@example.com".into());
        news.say(&user::v1::UserEmailChanged { user_id, email, email_id, before, name, ..Default::default() }).await;
        let sent = settled(&asker, NotificationStatus::Sent, 3).await;
        let mut letters = outside::letters();
        letters.sort_by_key(|letter| letter.about.topic);
        let expected = [
            ("password_reset", "ada@example.com"),
            ("email_change", "new@example.com"),
            ("email_changed", "ada@example.com"),
        ];
        assert_eq!(told(&letters), expected.map(|(topic, to)| (topic, to.to_owned())));
        assert!(letters[..2].iter().all(|letter| letter.text.contains("a-code-of-hers")));
        for shown in &sent {
            assert!(!format!("{shown:?}").contains("a-code-of-hers"), "{shown:?}");
            let ask = v1::GetNotificationHistoryRequest {
                notification_id: shown.notification_id.clone(),
                ..Default::default()
            };
            let history = asker.ask::<rpc::GetNotificationHistory>(Some(&shown.notification_id), &ask).await;
            match shown.topic() {
                Topic::EmailChanged => assert!(history.is_ok(), "it holds no secret"),
                _ => assert_eq!(refusal(history).code, "not_found"),
            }
        }
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn an_order_that_ends_badly_is_told_too() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        let cancelled = order::v1::OrderCancelled {
            order_id: id("ord", "eve"),
            user_id: id("usr", "eve"),
            email: "eve@example.com".to_owned(),
            reason: "out_of_stock".to_owned(),
            ..Default::default()
        };
        news.say(&cancelled).await;
        let failed = payment::v1::PaymentFailed {
            payment_id: id("pay", "eve"),
            order_id: Some(id("ord", "eve")),
            user_id: id("usr", "eve"),
            reason: "payment_declined".to_owned(),
            ..Default::default()
        };
        news.say(&failed).await;
        let low = inventory::v1::LowStock {
            sku: "MUG".to_owned(),
            warehouse: id("wh", "graz"),
            current_stock: 2,
            threshold: 5,
            ..Default::default()
        };
        news.say(&low).await;
        settled(&asker, NotificationStatus::Sent, 3).await;
        let mut letters = outside::letters();
        letters.sort_by_key(|letter| letter.about.topic);
        let to = |who: &str| who.to_owned();
        let all = [
            ("order_cancelled", to("eve@example.com")),
            ("payment_failed", to("eve@example.com")),
            ("low_stock", to("staff")),
        ];
        assert_eq!(told(&letters), all);
        assert_eq!(letters[2].subject, "Little is left of MUG");
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn mail_is_tried_until_it_is_taken_and_never_written_twice() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        outside::answer("ada", &[Answer::Busy, Answer::TakesAndIsSilent, Answer::Busy]);
        let send = message("ada");
        let key = send.notification_id.clone();
        let call = asker.keyed::<rpc::SendNotification>("one", &key, &send);
        let first = asker.send(&call).await.expect("queued");
        let again = asker.send(&call).await.expect("the same");
        assert_eq!((again.payload, again.replayed), (first.payload, true));
        stage.kill("a");
        stage.start("a").await;
        // The pauses: 5 s after the first no, some seconds of silence, a minute after the second no.
        world.pass(Duration::from_mins(2)).await;
        let sent = settled(&asker, NotificationStatus::Sent, 1).await;
        assert_eq!((sent[0].attempts, sent[0].provider.as_str()), (3, "office"));
        let letters = outside::letters();
        assert!(letters.len() >= 2, "the silent one was repeated");
        assert!(letters.iter().all(|letter| *letter == letters[0]), "a repeat is the same letter under the same id");
        stage.clear().await;
    });
}

#[test]
fn mail_that_comes_back_can_be_sent_once_more() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        outside::answer("gone", &[Answer::Nobody]);
        let send = message("gone");
        let id = send.notification_id.clone();
        asker.ask::<rpc::SendNotification>(Some(&id), &send).await.expect("queued");
        let back = settled(&asker, NotificationStatus::Bounced, 1).await;
        assert_eq!(back[0].reason, "mailbox_unavailable");
        let retry = v1::RetryNotificationRequest { notification_id: id.clone() };
        asker.ask::<rpc::RetryNotification>(Some(&id), &retry).await.expect("tried once more");
        settled(&asker, NotificationStatus::Sent, 1).await;
        assert_eq!(refusal(asker.ask::<rpc::RetryNotification>(Some(&id), &retry).await).code, "not_retryable");
        let report = v1::ReportNotificationRequest {
            notification_id: id.clone(),
            status: NotificationStatus::Delivered.into(),
            ..Default::default()
        };
        let arrived = asker.ask::<rpc::ReportNotification>(Some(&id), &report).await.expect("it arrived");
        assert_eq!(arrived.notification.map(|message| message.status()), Some(NotificationStatus::Delivered));
        stage.clear().await;
    });
}

#[test]
fn a_message_waits_for_its_time_even_if_its_host_dies() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let at = world.clock().now().saturating_add(jiff::SignedDuration::from_mins(5)).expect("a moment");
        let send = v1::SendNotificationRequest { send_at: Some(runtime::clock::to_wire(at)), ..message("later") };
        let id = send.notification_id.clone();
        let queued = asker.ask::<rpc::SendNotification>(Some(&id), &send).await.expect("queued").notification;
        assert_eq!(queued.map(|message| message.status()), Some(NotificationStatus::Queued));
        stage.kill("a");
        stage.start("a").await;
        world.pass(Duration::from_mins(4)).await;
        assert!(outside::letters().is_empty());
        world.pass(Duration::from_mins(2)).await;
        settled(&asker, NotificationStatus::Sent, 1).await;
        stage.clear().await;
    });
}

#[test]
fn what_a_person_wants_is_respected_and_is_theirs_alone() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        let user_id = id("usr", "ada");
        let choice = |topic: Topic, channel: v1::Channel, enabled| v1::Preference {
            topic: topic.into(),
            channel: channel.into(),
            enabled: Some(enabled),
        };
        let choose = |preferences| v1::PutPreferencesRequest { user_id: user_id.clone(), preferences };
        let as_caller = |who: &str, call: &mut runtime::client::Call| {
            call.caller = Caller::known("customer", Some(id("usr", who)), vec!["*".to_owned()]);
        };
        let wishes = choose(vec![
            choice(Topic::Message, v1::Channel::Email, false),
            choice(Topic::Shipped, v1::Channel::Sms, true),
        ]);
        let mut put = asker.call::<rpc::PutPreferences>(Some(&user_id), &wishes);
        as_caller("mallory", &mut put);
        assert_eq!(refusal(asker.send(&put).await).code, "not_found", "another's preferences are nobody's");
        as_caller("ada", &mut put);
        asker.send(&put).await.expect("chosen");
        let no_mail = choose(vec![choice(Topic::Shipped, v1::Channel::Email, false)]);
        let problem = refusal(asker.ask::<rpc::PutPreferences>(Some(&user_id), &no_mail).await);
        assert_eq!(problem.code, "always_sent");
        assert_eq!(problem.fact("topics"), Some(&Value::Json(r#"["shipped"]"#.to_owned())));

        world.pass(Duration::from_secs(1)).await;
        let send = v1::SendNotificationRequest { user_id: Some(user_id.clone()), ..message("ada@example.com") };
        let ntf = send.notification_id.clone();
        asker.ask::<rpc::SendNotification>(Some(&ntf), &send).await.expect("noted");
        let held = settled(&asker, NotificationStatus::Suppressed, 1).await;
        assert_eq!((held[0].reason.as_str(), held[0].text.as_str()), ("not_wanted", ""));

        news.say(&created("ada")).await;
        news.say(&dispatched("ada", "one")).await;
        settled(&asker, NotificationStatus::Sent, 1).await;
        let mailbox = asker.until::<rpc::ListMailbox>(None, &Default::default(), |page| page.data.len() == 1).await;
        assert_eq!((mailbox.data[0].to.as_str(), mailbox.data[0].channel()), ("+43 1 5550100", v1::Channel::Sms));
        assert_eq!(mailbox.data[0].status(), NotificationStatus::Delivered);
        assert_eq!(told(&outside::letters()), [("shipped", "ada@example.com".to_owned())]);

        let get = v1::GetNotificationRequest { notification_id: mailbox.data[0].notification_id.clone() };
        let mut read = asker.call::<rpc::GetNotification>(Some(&get.notification_id), &get);
        as_caller("mallory", &mut read);
        assert_eq!(refusal(asker.send(&read).await).code, "not_found", "another's message is nobody's");
        as_caller("ada", &mut read);
        asker.send(&read).await.expect("one's own");
        news.close().await;
        stage.clear().await;
    });
}
