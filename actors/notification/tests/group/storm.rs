//! Foul weather: hosts die, messages are lost and doubled, and endpoints fail. Nothing is said twice with other words.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::notification::v1::{self, NotificationStatus, rpc};
use runtime::testkit::Asker;

use super::hooks::{create, drained};
use super::mail::settled;
use super::newsroom::{Newsroom, confirmed, created, id};
use super::{outside, play, stage};

const NAMES: [&str; 4] = ["ada", "bob", "eve", "joe"];

#[test]
fn in_a_storm_every_mail_is_one_mail_and_every_webhook_comes_in_order() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        stage.start("b").await;
        let asker = stage.client("staff").await;
        create(&asker, &["order.*"]).await;
        // Two in five tries fail, by what the try is.
        outside::fail(Some(|posting| (posting.signature.len() + usize::from(posting.signature.as_bytes()[5])) % 5 < 2));
        let news = Newsroom::in_world(&world).await;
        for name in NAMES {
            news.say(&created(name)).await;
            news.say(&confirmed(name)).await;
        }
        let storm = {
            let world = world.clone();
            actix_rt::spawn(async move { world.faults().storm(Duration::from_secs(40)).await })
        };
        for host in ["a", "b", "a", "b"] {
            world.pass(Duration::from_secs(8)).await;
            stage.kill(host);
            while stage.try_start(host).await.is_err() {
                // The world may not answer just now; whoever started the process starts it again.
                world.pass(Duration::from_millis(200)).await;
            }
        }
        storm.await.expect("a storm");
        world.faults().quiet();
        outside::fail(None);
        drained(&asker, 8).await;
        every_webhook_came_in_order();
        every_mail_is_one(&asker).await;
        news.close().await;
        stage.clear().await;
    });
}

fn every_webhook_came_in_order() {
    let mut bodies: BTreeMap<String, String> = BTreeMap::new();
    for posting in outside::postings() {
        let first = bodies.entry(posting.id.clone()).or_insert_with(|| posting.body.clone());
        assert_eq!(*first, posting.body, "two bodies under the id {}", posting.id);
    }
    assert_eq!(bodies.len(), 8, "each event has one id");
    for name in NAMES {
        let mut came: Vec<String> = Vec::new();
        for posting in outside::taken().iter().filter(|posting| posting.body.contains(&id("ord", name))) {
            let body: serde_json::Value = serde_json::from_str(&posting.body).expect("JSON");
            came.push(body["type"].as_str().expect("a type").to_owned());
        }
        // A reply that is lost makes a repeat, which comes before anything that is newer.
        came.dedup();
        assert_eq!(came, ["order.created", "order.confirmed"], "{name}");
    }
}

async fn every_mail_is_one(asker: &Asker) {
    settled(asker, NotificationStatus::Sent, NAMES.len()).await;
    let mut mails: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for letter in outside::letters() {
        mails.entry(letter.to.clone()).or_default().push(letter.about.id.clone());
    }
    for name in NAMES {
        let ids = mails.get(&format!("{name}@example.com")).expect("a mail");
        assert!(ids.iter().all(|one| *one == ids[0]), "{name} got two mails about one thing");
    }
    let all = v1::ListNotificationsRequest { limit: Some(100), ..Default::default() };
    let all = asker.ask::<rpc::ListNotifications>(None, &all).await.expect("messages");
    assert_eq!(all.data.len(), NAMES.len());
}
