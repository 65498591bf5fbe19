//! What those hear who rather ask.

use messages::notification::v1::{self, rpc};
use runtime::testkit::{Asker, Ground, MemoryStore, Stage, refusal};

use super::newsroom::{Newsroom, confirmed, created, id, paid};
use super::{outside, play, stage};

fn after(cursor: Option<&str>, limit: u32) -> v1::ListEventsRequest {
    v1::ListEventsRequest { limit: Some(limit), after: cursor.map(str::to_owned), ..v1::ListEventsRequest::default() }
}

/// What comes after a cursor, once so much has come.
async fn heard(asker: &Asker, cursor: Option<&str>, count: usize) -> Vec<v1::ShopEvent> {
    let asked = after(cursor, 100);
    asker.until::<rpc::ListEvents>(None, &asked, |said| said.data.len() >= count).await.data
}

fn types(events: &[v1::ShopEvent]) -> Vec<&str> {
    events.iter().map(|event| event.event_type.as_str()).collect()
}

#[test]
fn whoever_asks_hears_what_webhooks_say_once_and_in_order() {
    play(|world| async move {
        outside::reset();
        let mut stage = Stage::new(Ground::World(world.clone()), outside::group_that_keeps);
        stage.start("a").await;
        let asker = stage.client("erp").await;
        let news = Newsroom::in_world(&world).await;
        let nothing = asker.ask::<rpc::ListEvents>(None, &after(None, 20)).await.expect("an answer");
        assert_eq!((nothing.data.len(), nothing.has_more), (0, false));
        for name in ["ada", "bob"] {
            news.say(&created(name)).await;
            news.say(&confirmed(name)).await;
        }
        // Two orders of two events each, and the mail about each.
        let first = heard(&asker, None, 6).await;
        assert_eq!(first.iter().map(|event| event.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        for name in ["ada", "bob"] {
            let of: Vec<_> = first.iter().filter(|event| event.entity == id("ord", name)).cloned().collect();
            assert_eq!(types(&of), ["order.created", "order.confirmed"], "{name}");
            let body: serde_json::Value = serde_json::from_str(&of[0].body).expect("JSON");
            assert_eq!((&body["type"], &body["data"]["order_id"]), (&"order.created".into(), &id("ord", name).into()));
            assert!(!of[0].body.contains("@example.com"), "nothing about a person: {}", of[0].body);
        }
        // Page by page it is the same, and the cursor of the last is good for what has not happened yet.
        let page = asker.ask::<rpc::ListEvents>(None, &after(None, 4)).await.expect("a page");
        assert_eq!((&page.data[..], page.has_more), (&first[..4], true));
        let rest = asker.ask::<rpc::ListEvents>(None, &after(page.next.as_deref(), 4)).await.expect("a page");
        assert_eq!((&rest.data[..], rest.next), (&first[4..], None));
        let last = first[5].cursor.clone();
        assert!(asker.ask::<rpc::ListEvents>(None, &after(Some(&last), 20)).await.expect("a page").data.is_empty());
        // It is in the log, not in the process.
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        news.say(&paid("ada")).await;
        let more = heard(&asker, Some(&last), 1).await;
        assert_eq!((types(&more[..1]), more[0].number), (vec!["payment.completed"], 7));
        let only = |pattern: &str| v1::ListEventsRequest { r#type: pattern.to_owned(), ..after(None, 20) };
        for (pattern, count) in [("order.*", 4), ("order.confirmed", 2), ("payment.*", 1), ("product.*", 0)] {
            let said = asker.ask::<rpc::ListEvents>(None, &only(pattern)).await.expect("a page");
            assert_eq!(said.data.len(), count, "{pattern}");
        }
        assert_eq!(refusal(asker.ask::<rpc::ListEvents>(None, &only("ordr.*")).await).code, "bad_pattern");
        assert_eq!(refusal(asker.ask::<rpc::ListEvents>(None, &after(Some("%"), 20)).await).code, "bad_cursor");
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
        news.close().await;
    });
}

#[test]
fn a_shop_that_keeps_no_events_says_so() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("erp").await;
        let news = Newsroom::in_world(&world).await;
        news.say(&created("ada")).await;
        let said = asker.ask::<rpc::ListEvents>(None, &after(None, 20)).await;
        assert_eq!(refusal(said).code, "events_not_kept");
        stage.clear().await;
        news.close().await;
    });
}
