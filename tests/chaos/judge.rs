//! The judge: holds what a crowd heard against the log, and the log against itself and against what is shown of it.

use std::time::Duration;

use futures::StreamExt as _;
use messages::Group;
use runtime::fabric::Fabric as _;
use runtime::log::Entry;
use runtime::nats;
use runtime::testkit::checker;

use super::book::Book;
use super::crowd::Record;
use super::door::Door;

/// How the judge connects: as the owner of the log.
#[derive(Clone)]
pub(crate) struct Bench {
    pub(crate) urls: Vec<String>,
    pub(crate) seed: Option<nats::Seed>,
    pub(crate) replicas: usize,
}

/// How long a list may take to show what has been answered.
const SHOWN_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(50);

impl Bench {
    /// On servers that ask for no key.
    pub(crate) fn open(urls: Vec<String>) -> Bench {
        Bench { urls, seed: None, replicas: 1 }
    }

    /// The whole log of inventory.
    pub(crate) async fn log(&self) -> Vec<Entry> {
        let Bench { urls, seed, replicas } = self.clone();
        let options = nats::Options { seed, replicas, ..nats::Options::new(urls, "inventory", "judge") };
        let fabric = nats::Fabric::connect(options).await.expect("a connection");
        let log = fabric.log(Group::named("inventory").expect("inventory")).await.expect("a log");
        let end = log.extent().await.expect("an extent").last_sequence;
        let mut tail = log.tail(0);
        let mut entries: Vec<Entry> = Vec::new();
        while entries.last().map_or(0, |entry| entry.sequence) < end {
            entries.push(tail.next().await.expect("more of the log").expect("an entry"));
        }
        entries
    }
}

/// Judges, and says in figures what there was to judge. Whoever calls this has brought the shop to rest.
pub(crate) async fn judge<D: Door>(bench: &Bench, record: &Record, warehouses: &[String], mut doors: Vec<D>) -> String {
    let entries = bench.log().await;
    let book = Book::of(&entries, record);
    assert!(book.faults.is_empty(), "the log does not add up:\n{}", book.faults.join("\n"));
    let committed = checker::committed(&entries).expect("a chain without damage");
    assert_eq!(committed.len(), book.commits, "some of the log does not continue the chain");
    let operations = record.history.operations();
    // Refusals are held against the levels by the book, which knows them; the checker holds them against their place.
    let wrong = checker::check(operations, &committed, |_, _, _| true);
    assert!(wrong.is_empty(), "{} violations:\n{}", wrong.len(), listed(&wrong));
    let settled = record.done + record.refused;
    assert_eq!(settled, u64::try_from(record.orders.len()).expect("few"), "every order was settled");
    for warehouse_id in warehouses {
        let reckoned = book.of_warehouse(warehouse_id);
        for door in &mut doors {
            shows(door, warehouse_id, &reckoned).await;
        }
    }
    let Record { done, refused, unknown, longest_ever, gap, .. } = record;
    format!(
        "{settled} commands ({done} done, {refused} refused; {unknown} attempts without an answer), {} turns, longest \
         command {} ms, longest gap {} ms",
        book.turns,
        longest_ever.as_millis(),
        gap.as_millis()
    )
}

/// Waits until a list shows what the log adds up to. Nothing is written any more, so it must come to that, and stay.
async fn shows<D: Door>(door: &mut D, warehouse_id: &str, reckoned: &[(String, [i64; 4])]) {
    let began = tokio::time::Instant::now();
    loop {
        let listed = door.list(warehouse_id).await;
        if listed.as_deref() == Ok(reckoned) {
            return;
        }
        assert!(began.elapsed() < SHOWN_WITHIN, "{warehouse_id} is {reckoned:?}, but lists show {listed:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn listed(wrong: &[checker::Violation]) -> String {
    wrong.iter().take(20).map(ToString::to_string).collect::<Vec<_>>().join("\n")
}
