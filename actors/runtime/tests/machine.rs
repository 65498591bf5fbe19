//! The machine, looked at through a group made for it: what becomes of panics, calls, poison and wrong checkpoints.
#![cfg(feature = "testkit")]

#[path = "machine/probe.rs"]
mod probe;
#[path = "machine/reach.rs"]
mod reach;

use std::time::Duration;

use messages::id::Id;
use messages::inventory::v1::AdjustStockResponse;
use messages::product::v1 as product;
use messages::runtime::v1::Turn;
use prost::Message as _;
use runtime::bus::Headers;
use runtime::client::Failure;
use runtime::replica::{Ended, Refused, StartError};
use runtime::store::Table;
use runtime::testkit::{Asker, Ground, MemoryStore, Odds, Stage, World, refusal, seeded};
use serde_json::{Value, json};

use probe::{Answer, Compare, Copy, Do, NEWS_ARE_UNREADABLE, OUTSIDE, Share, Show, Sum, VIEW_PANICS, request};

fn warehouse(name: &str) -> String {
    Id::derived("wh", name.as_bytes()).to_string()
}

/// The partition of a probe.
fn home(name: &str) -> u32 {
    messages::partition::of(&warehouse(name), probe::CONTRACT.partitions)
}

fn part(name: &str) -> usize {
    usize::try_from(home(name)).expect("small")
}

async fn open(world: &World, replicas: &[&str]) -> (Stage, Asker) {
    let mut stage = Stage::new(Ground::World(world.clone()), probe::group);
    for replica in replicas {
        stage.start(replica).await;
    }
    let asker = stage.client("looker").await;
    (stage, asker)
}

async fn act(asker: &Asker, name: &str, delta: i64, note: &str) -> Result<i64, Failure> {
    let id = warehouse(name);
    let done: Result<AdjustStockResponse, _> = asker.ask::<Do>(Some(&id), &request(&id, delta, note)).await;
    done.map(|done| done.level.map_or(0, |level| level.on_hand))
}

/// The total of a probe, and how its calls ended.
async fn look(asker: &Asker, name: &str) -> (i64, String) {
    let id = warehouse(name);
    let mut call = asker.call::<Show>(Some(&id), &request(&id, 0, ""));
    call.strong = true;
    let answer = asker.send(&call).await.expect("a look");
    let level = AdjustStockResponse::decode(answer.payload).expect("a level").level.unwrap_or_default();
    (level.on_hand, level.sku)
}

async fn ops(asker: &Asker, verb: &str, body: Value) -> Value {
    let subject = format!("shop.ops.inventory.all.{verb}");
    let bus = asker.fabric.bus();
    let answer = bus.request(subject, Headers::new(), body.to_string().into(), Duration::from_secs(5));
    serde_json::from_slice(&answer.await.expect("an answer").payload).expect("JSON")
}

/// Waits until it is so, in the world's time.
async fn until(world: &World, mut so: impl AsyncFnMut() -> bool) {
    for _ in 0..3_000 {
        if so().await {
            return;
        }
        world.pass(Duration::from_millis(50)).await;
    }
    panic!("it never came to be so");
}

fn play<F: Future<Output = ()>>(scene: impl Fn(World) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        OUTSIDE.with_borrow_mut(|outside| *outside = probe::Outside::default());
        VIEW_PANICS.set(0);
        NEWS_ARE_UNREADABLE.set(false);
        let scene = scene(world.clone());
        async move {
            scene.await;
            world.idle().await;
        }
    });
}

#[test]
fn a_panic_refuses_one_command_and_changes_nothing() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        assert_eq!(act(&asker, "x", 5, "").await.expect("room"), 5);
        for note in ["decide", "evolve"] {
            assert_eq!(refusal(act(&asker, "x", 0, note).await).code, "panicked", "in {note}");
            assert_eq!(look(&asker, "x").await.0, 5, "in {note}");
        }
        assert_eq!(act(&asker, "x", 1, "").await.expect("it goes on"), 6);
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new(), "nothing of it is in the log");
    });
}

#[test]
fn three_panics_in_a_row_set_an_actor_aside_and_nobody_else() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        for name in ["x", "y"] {
            act(&asker, name, 5, "").await.expect("room");
        }
        for note in ["decide", "evolve", "decide"] {
            assert_eq!(refusal(act(&asker, "x", 0, note).await).code, "panicked");
        }
        assert_eq!(refusal(act(&asker, "x", 1, "").await).code, "quarantined");
        assert_eq!(act(&asker, "y", 1, "").await.expect("a neighbour"), 6);
        let seen = ops(&asker, "inspect", json!({})).await;
        assert!(
            seen["partitions"][part("x")]["quarantined"][0].as_str().is_some_and(|who| who.contains(&warehouse("x"))),
            "{seen}"
        );
        let released = ops(&asker, "release", json!({ "kind": "probe", "id": warehouse("x") })).await;
        assert_eq!(released["changed"], true);
        assert_eq!(act(&asker, "x", 1, "").await.expect("back again"), 6);
        stage.clear().await;
    });
}

#[test]
fn two_panics_and_a_success_set_nobody_aside() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        for _ in 0..5 {
            assert_eq!(refusal(act(&asker, "x", 0, "decide").await).code, "panicked");
            assert_eq!(refusal(act(&asker, "x", 0, "evolve").await).code, "panicked");
            act(&asker, "x", 1, "").await.expect("it goes on");
        }
        assert_eq!(look(&asker, "x").await.0, 5);
        stage.clear().await;
    });
}

#[test]
fn a_command_over_several_actors_is_whole_or_nothing() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        let y = (0..).map(|n| format!("y{n}")).find(|name| home(name) == home("x")).expect("a neighbour");
        act(&asker, &y, 1, "").await.expect("room");
        let both = format!("both {}", warehouse(&y));
        act(&asker, "x", 0, &both).await.expect("one is there");
        assert_eq!(refusal(act(&asker, "x", 0, &both).await).code, "too_low");
        assert_eq!((look(&asker, "x").await.0, look(&asker, &y).await.0), (1, 0), "the refused one changed neither");
        assert_eq!(refusal(act(&asker, "x", 0, "huge").await).code, "command_too_large");
        assert_eq!(look(&asker, "x").await.0, 1);
        stage.clear().await;
    });
}

#[test]
fn a_part_that_dies_is_made_anew_and_forgets_nothing() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        for round in 1..=3 {
            act(&asker, "x", 1, "").await.expect("room");
            stage.replica("a").panic_in_partition(home("x"));
            until(&world, async || act(&asker, "x", 0, "").await.is_ok_and(|total| total == round)).await;
        }
        assert_eq!(stage.replica("a").restarts(), 3);
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
    });
}

#[test]
fn the_fifth_death_in_a_minute_ends_the_replica_with_a_reason() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        act(&asker, "x", 1, "").await.expect("room");
        for death in 1..=4 {
            stage.replica("a").panic_in_partition(home("x"));
            until(&world, async || act(&asker, "x", 0, "").await.is_ok()).await;
            assert_eq!(stage.replica("a").restarts(), death);
        }
        stage.replica("a").panic_in_partition(home("x"));
        let ended = stage.replica("a").ended().await;
        let Ended::Failed(reason) = ended else { panic!("{ended:?}") };
        assert!(
            reason.contains("inventory")
                && reason.contains("5 times")
                && reason.contains(&format!("partition {}", home("x"))),
            "{reason}"
        );
        stage.kill("a");
    });
}

#[test]
fn a_view_that_panics_is_rebuilt_alone() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        let any = request(&warehouse("x"), 0, "");
        act(&asker, "x", 2, "").await.expect("room");
        VIEW_PANICS.set(1);
        assert_eq!(act(&asker, "y", 3, "").await.expect("commands go on"), 3);
        let sums = asker.until::<Sum>(None, &any, |sum| sum.level.as_ref().is_some_and(|l| l.on_hand == 5)).await;
        assert!(sums.level.is_some());
        // A view that never works again is left alone, and says so; nothing else is.
        VIEW_PANICS.set(1_000);
        act(&asker, "y", 1, "").await.expect("commands go on");
        until(&world, async || {
            matches!(asker.ask::<Sum>(None, &any).await, Err(Failure::Refused { problem, .. }) if problem.code == "view_rebuilding")
        })
        .await;
        assert_eq!(act(&asker, "y", 1, "").await.expect("commands go on"), 5);
        VIEW_PANICS.set(0);
        stage.stop("a").await;
        stage.start("a").await;
        asker.until::<Sum>(None, &any, |sum| sum.level.as_ref().is_some_and(|l| l.on_hand == 7)).await;
        stage.clear().await;
    });
}

#[test]
fn a_command_that_needs_a_whole_view_waits_for_it_and_is_not_refused_for_good() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        act(&asker, "x", 2, "").await.expect("room");
        let id = warehouse("y");
        let mirror = request(&id, 0, &format!("mirror {}", warehouse("x")));
        let call = asker.keyed::<Do>("mirror", &id, &mirror);
        VIEW_PANICS.set(1_000);
        act(&asker, "x", 1, "").await.expect("commands go on");
        until(&world, async || {
            matches!(asker.client.ask(&call).await, Err(Failure::Refused { problem, replayed: false, .. }) if problem.code == "view_rebuilding")
        })
        .await;
        VIEW_PANICS.set(0);
        stage.stop("a").await;
        stage.start("a").await;
        let any = request(&id, 0, "");
        asker.until::<Sum>(None, &any, |sum| sum.level.as_ref().is_some_and(|l| l.on_hand == 3)).await;
        let answer = asker.send(&call).await.expect("the same command, now that the view is whole");
        assert!(!answer.replayed);
        assert_eq!(look(&asker, "y").await.0, 3);
        stage.clear().await;
    });
}

fn answers(answers: impl IntoIterator<Item = Answer>) {
    OUTSIDE.with_borrow_mut(|outside| outside.answers = answers.into_iter().collect());
}

fn keys() -> Vec<String> {
    OUTSIDE.with_borrow(|outside| outside.keys.clone())
}

#[test]
fn a_call_is_made_until_it_is_settled_always_under_the_same_key() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        answers([Answer::Unknown, Answer::Unknown, Answer::Done]);
        act(&asker, "x", 0, "owe charge-1").await.expect("room");
        until(&world, async || look(&asker, "x").await.1 == "done charge-1").await;
        assert_eq!(keys(), ["charge-1"; 3]);
        answers([Answer::Refused]);
        act(&asker, "x", 0, "owe charge-2").await.expect("room");
        until(&world, async || look(&asker, "x").await.1 == "done charge-1, refused not_ours").await;
        world.pass(Duration::from_secs(600)).await;
        assert_eq!(keys().len(), 4, "what is settled is never called again");
        stage.clear().await;
    });
}

#[test]
fn a_call_whose_host_died_is_made_again_by_the_next_one() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a", "b"]).await;
        answers([Answer::Silence]);
        act(&asker, "x", 0, "owe charge-1").await.expect("room");
        until(&world, async || !keys().is_empty()).await;
        let hosts = ops(&asker, "inspect", json!({})).await["replica"].as_str().map(str::to_owned);
        // Whichever hosts it: kill both, and let one come back on an empty store.
        for name in ["a", "b"] {
            stage.kill(name);
        }
        assert!(hosts.is_some());
        stage.set_store("b", MemoryStore::new());
        stage.start("b").await;
        until(&world, async || look(&asker, "x").await.1 == "done charge-1").await;
        assert_eq!(keys(), ["charge-1", "charge-1"]);
        stage.clear().await;
    });
}

#[test]
fn a_checkpoint_writes_what_has_changed_and_not_all_that_is_owed() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        answers((0..1_000).map(|_| Answer::Silence));
        for number in 0..20 {
            act(&asker, &format!("debtor {number}"), 0, "owe charge").await.expect("room");
        }
        let store = stage.store("a");
        until(&world, async || store.written(Table::Agenda) >= 20).await;
        let (cursors, owing) = (store.written(Table::Cursor), store.written(Table::Agenda));
        for sum in 1..4 {
            act(&asker, "x", 1, "").await.expect("room");
            until(&world, async || store.written(Table::Cursor) > cursors + 8 * sum).await;
        }
        assert_eq!(store.written(Table::Agenda), owing, "nobody has begun or ceased to owe");
        stage.clear().await;
    });
}

#[test]
fn an_agenda_asks_another_actor_once_whatever_dies_meanwhile() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a", "b"]).await;
        world.faults().set(Odds { message_lost: 200, message_doubled: 100, ..Odds::ROUGH });
        for (number, name) in ["x", "y", "z"].into_iter().enumerate() {
            let whom = warehouse(&format!("rich {number}"));
            until(&world, async || {
                let give = request(&warehouse(name), 7, &format!("give {whom}"));
                let mut call = asker.call::<Do>(Some(&warehouse(name)), &give);
                call.correlation = format!("story {number}");
                asker.client.ask(&call).await.is_ok()
            })
            .await;
        }
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        stage.kill("b");
        world.faults().set(Odds::FAIR);
        for (number, name) in ["x", "y", "z"].into_iter().enumerate() {
            until(&world, async || look(&asker, name).await.1.starts_with("gave 7")).await;
            assert_eq!(look(&asker, &format!("rich {number}")).await.0, 7, "once");
        }
        let turns = world.entries("inventory");
        let commits = turns.iter().flat_map(|entry| Turn::decode(entry.payload.clone()).expect("a turn").commits);
        let told: Vec<_> = commits.filter(|c| c.rpc == "probe.do" && c.caller.starts_with("service ")).collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(|commit| commit.correlation_id.starts_with("story ")), "{told:?}");
        stage.clear().await;
    });
}

#[test]
fn what_is_refused_to_an_agenda_comes_back_as_a_command() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        act(&asker, "x", -1, &format!("give {}", warehouse("poor"))).await.expect("it will be asked");
        until(&world, async || look(&asker, "x").await.1 == "refused too_low").await;
        stage.clear().await;
    });
}

#[test]
fn what_is_gathered_comes_to_the_handler_and_a_refusal_of_it_stays() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a", "b"]).await;
        let (x, y) = (warehouse("x"), warehouse("y"));
        let copy = |key: &str| asker.keyed::<Copy>(key, &x, &request(&x, 0, &y));
        assert_eq!(refusal(asker.send(&copy("early")).await).code, "nothing_there");
        act(&asker, "y", 5, "").await.expect("room");
        let again = asker.send(&copy("early")).await;
        assert!(matches!(again, Err(Failure::Refused { replayed: true, .. })), "{again:?}");
        assert_eq!(asker.send(&copy("late")).await.expect("a copy").version, Some(1));
        act(&asker, "y", 5, "").await.expect("room");
        assert!(asker.send(&copy("late")).await.expect("the same copy").replayed);
        assert_eq!(look(&asker, "x").await.0, 5);
        let seen = asker.ask::<Compare>(Some(&x), &request(&x, 0, &y)).await.expect("both");
        assert_eq!(seen.level.map(|level| (level.on_hand, level.sku)), Some((5, "10 false".to_owned())));
        until(&world, async || {
            let seen = asker.ask::<Share>(None, &request(&x, 0, &y)).await.expect("both");
            seen.level.is_some_and(|level| (level.on_hand, level.sku.as_str()) == (15, "10"))
        })
        .await;
        let panicked = asker.ask::<Copy>(Some(&x), &request(&x, 0, "panic")).await;
        assert_eq!(refusal(panicked).code, "panicked");
        assert_eq!(look(&asker, "x").await.0, 5);
        stage.clear().await;
    });
}

async fn create_product(stage: &Stage, number: u32) {
    let asker = stage.client("catalogue").await;
    let product_id = Id::derived("prd", &number.to_le_bytes()).to_string();
    let create = product::CreateProductRequest {
        product_id: product_id.clone(),
        title: format!("Thing {number}"),
        status: product::ProductStatus::Active.into(),
        ..Default::default()
    };
    asker.ask::<product::rpc::CreateProduct>(Some(&product_id), &create).await.expect("a product");
}

#[test]
fn news_are_heard_once_however_often_they_come() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a", "b"]).await;
        let mut shop = Stage::new(Ground::World(world.clone()), product_stub::group);
        shop.start("p").await;
        for number in 0..5 {
            create_product(&shop, number).await;
        }
        until(&world, async || look(&asker, "news").await.0 == 5).await;
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        world.pass(Duration::from_secs(30)).await;
        assert_eq!(look(&asker, "news").await.0, 5);
        shop.clear().await;
        stage.clear().await;
    });
}

#[test]
fn news_that_cannot_be_understood_wait_aside_with_what_follows_them() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        let mut shop = Stage::new(Ground::World(world.clone()), product_stub::group);
        shop.start("p").await;
        NEWS_ARE_UNREADABLE.set(true);
        create_product(&shop, 1).await;
        until(&world, async || !world.stored("shop.dlq.>").is_empty()).await;
        let letters = asker.fabric.letters("shop.dlq.inventory.product.>".to_owned()).await.expect("letters");
        assert_eq!(letters.len(), 1);
        assert!(runtime::headers::get(&letters[0].headers, "Shop-Reason").is_some_and(|why| why.contains("asked to")));
        NEWS_ARE_UNREADABLE.set(false);
        create_product(&shop, 2).await;
        until(&world, async || look(&asker, "news").await.0 == 1).await;
        let replayed = ops(&asker, "replay", json!({ "sequence": letters[0].sequence })).await;
        assert_eq!(replayed["replayed"], true, "{replayed}");
        assert_eq!(look(&asker, "news").await.0, 2);
        assert!(asker.fabric.letters("shop.dlq.>".to_owned()).await.expect("letters").is_empty());
        shop.clear().await;
        stage.clear().await;
    });
}

#[test]
fn a_checkpoint_of_another_or_shorter_stream_is_refused() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        for _ in 0..5 {
            act(&asker, "x", 1, "").await.expect("room");
        }
        stage.stop("a").await;
        let sure = world.entries("inventory").len();
        // A backup that lacks the last turns, restored under the same name: created later, so another stream.
        world.faults().replace_log("inventory", u64::try_from(sure).expect("few") - 2);
        let refused = stage.try_start("a").await.expect_err("another stream");
        let StartError::Refused(Refused::OtherStream { older, .. }) = &refused else { panic!("{refused}") };
        assert_eq!(*older, "checkpoint");
        assert!(refused.to_string().contains("delete the checkpoint"), "{refused}");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        assert!(look(&asker, "x").await.0 < 5, "the operator chose the stream");
        stage.clear().await;
    });
}

#[test]
fn a_damaged_next_turn_stops_its_partition_and_says_why() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        act(&asker, "x", 1, "").await.expect("room");
        stage.stop("a").await;
        // The next turn, by its header, with a payload that is not the one it names.
        let last = world.entries("inventory").pop().expect("a turn");
        let hash =
            |bytes: &[u8]| runtime::turn::hash(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let number = runtime::headers::get(&last.headers, runtime::turn::CHAIN)
            .and_then(|chain| chain.split(' ').next())
            .and_then(|number| number.parse::<u64>().ok())
            .expect("a number");
        let mut headers = Headers::new();
        let chain = format!("{} {} {} {}", number + 1, last.sequence, hash(&last.payload), hash(b"what it was"));
        headers.insert(runtime::turn::CHAIN, chain);
        world.inject_log(&format!("shop.log.inventory.{}", home("x")), headers, "what a flipped bit made of it".into());
        stage.start("a").await;
        let problem = refusal(act(&asker, "x", 1, "").await);
        assert_eq!(problem.code, "not_hosting");
        assert!(problem.detail.contains("damaged"), "{problem}");
        let faults = stage.verify(None).await;
        assert!(faults.iter().any(|fault| fault.contains("does not match its hash")), "{faults:?}");
        stage.clear().await;
    });
}

#[test]
fn while_a_call_is_open_decisions_know_it_may_be_done() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        answers([Answer::Silence]);
        act(&asker, "x", 0, "owe charge-1").await.expect("room");
        until(&world, async || !keys().is_empty()).await;
        assert_eq!(refusal(act(&asker, "x", 0, "forget").await).code, "perhaps_done");
        until(&world, async || look(&asker, "x").await.1 == "done charge-1").await;
        act(&asker, "x", 0, "forget").await.expect("settled");
        stage.clear().await;
    });
}

#[test]
fn what_one_replica_cannot_serve_another_does() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a", "b"]).await;
        act(&asker, "x", 1, "").await.expect("room");
        let inspected = async |replica: &str| {
            let bus = asker.fabric.bus();
            let subject = format!("shop.ops.inventory.{replica}.inspect");
            let answer = bus.request(subject, Headers::new(), "".into(), Duration::from_secs(5)).await;
            serde_json::from_slice::<Value>(&answer.expect("an answer").payload).expect("JSON")
        };
        let hosts = async |replica: &str| {
            let hosts = inspected(replica).await["hosts"].clone();
            hosts.as_array().is_some_and(|hosts| hosts.contains(&json!(home("x"))))
        };
        until(&world, async || hosts("a").await != hosts("b").await).await;
        let (host, other) = if hosts("a").await { ("a", "b") } else { ("b", "a") };
        stage.replica(host).stop_partition(home("x"));
        until(&world, async || hosts(other).await && !hosts(host).await).await;
        assert_eq!(act(&asker, "x", 1, "").await.expect("the other serves it"), 2);
        stage.clear().await;
    });
}

#[test]
fn a_replica_whose_clock_is_wrong_hosts_nothing() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        stage.skew("b", jiff::SignedDuration::from_secs(3));
        stage.start("b").await;
        world.pass(Duration::from_secs(20)).await;
        let bus = asker.fabric.bus();
        let subject = "shop.ops.inventory.b.inspect".to_owned();
        let answer = bus.request(subject, Headers::new(), "".into(), Duration::from_secs(5)).await;
        let seen: Value = serde_json::from_slice(&answer.expect("an answer").payload).expect("JSON");
        assert_eq!((&seen["skewed"], &seen["hosts"]), (&json!(true), &json!([])), "{seen}");
        act(&asker, "x", 1, "").await.expect("the right one serves");
        stage.clear().await;
    });
}

#[test]
fn a_full_queue_says_busy_at_once() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        act(&asker, "x", 1, "").await.expect("room");
        world.faults().leader_change("inventory", Duration::from_secs(8));
        let id = warehouse("x");
        let mut asking = Vec::new();
        for _ in 0..runtime::COMMANDS_WAITING_MAX + 400 {
            let (bus, payload) = (asker.fabric.bus(), request(&id, 1, "").encode_to_vec());
            let subject = format!("shop.cmd.inventory.{}.{id}.do", home("x"));
            let mut headers = Headers::new();
            headers.insert("Content-Type", "application/x-protobuf");
            asking.push(async move {
                let answer = bus.request(subject, headers, payload.into(), Duration::from_secs(30)).await;
                answer.ok().and_then(|answer| answer.headers).is_some_and(|said| {
                    said.get("Nats-Service-Error").is_some_and(|error| error.as_str().starts_with("busy"))
                })
            });
        }
        let busy = futures::future::join_all(asking).await.into_iter().filter(|busy| *busy).count();
        assert!((300..=400).contains(&busy), "{busy} were told to come back");
        until(&world, async || act(&asker, "x", 0, "").await.is_ok()).await;
        stage.clear().await;
    });
}

#[test]
fn a_nearly_full_account_is_seen_and_a_full_one_loses_nothing() {
    play(async |world| {
        let (mut stage, asker) = open(&world, &["a"]).await;
        act(&asker, "x", 1, "").await.expect("room");
        world.faults().storage_full(true);
        assert_eq!(refusal(act(&asker, "x", 1, "").await).code, "storage_full");
        until(&world, async || ops(&asker, "inspect", json!({})).await["storage_low"] == true).await;
        world.faults().storage_full(false);
        assert_eq!(act(&asker, "x", 1, "").await.expect("room again"), 2);
        until(&world, async || ops(&asker, "inspect", json!({})).await["storage_low"] == false).await;
        stage.clear().await;
    });
}

#[path = "machine/product_stub.rs"]
mod product_stub;
