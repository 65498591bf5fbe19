//! The crowd: clients that never stop wanting something, and never stop asking until they know what became of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::entropy::Entropy;
use runtime::headers::CommandId;
use runtime::testkit::checker::{History, Outcome};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::door::{Door, Heard};
use super::order::{Order, SKUS, Wish};

/// What a client waits before it asks for the same again.
const ASK_AGAIN: Duration = Duration::from_millis(20);
/// The longest pause between two wishes of a client: a crowd, not a flood, so that two cores have time for faults too.
const PAUSE_MAX_MS: u64 = 12;
/// How long one wish may take, whatever happens: longer than any storm keeps the shop closed.
const WISH_WITHIN: Duration = Duration::from_secs(90);
/// How many of its own reservations a client remembers.
const OWN_MAX: usize = 8;

/// What a crowd did and heard.
#[derive(Default)]
pub(crate) struct Record {
    pub(crate) history: History<String>,
    pub(crate) orders: HashMap<CommandId, Order>,
    /// The longest time from the first attempt to the answer: ever, and since somebody [asked](Crowd::measure).
    pub(crate) longest_ever: Duration,
    longest: Duration,
    /// The longest time in which nobody was answered, and when somebody last was.
    pub(crate) gap: Duration,
    last: Option<Instant>,
    /// Since when each command is under way.
    under_way: HashMap<CommandId, Instant>,
    pub(crate) done: u64,
    pub(crate) refused: u64,
    /// Attempts that brought no answer.
    pub(crate) unknown: u64,
    /// What was heard instead of an answer, and how often.
    pub(crate) silences: HashMap<String, u64>,
}

/// Clients at work.
pub(crate) struct Crowd {
    record: Arc<Mutex<Record>>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
    /// Where they buy.
    pub(crate) warehouses: Vec<String>,
}

impl Crowd {
    /// Opens warehouses and fills their shelves, under the same protocol as everything else.
    pub(crate) async fn gather<D: Door + 'static>(
        mut doors: Vec<D>,
        dice: &Entropy,
        name: &str,
        warehouses: usize,
    ) -> Crowd {
        let mut crowd =
            Crowd { record: Arc::default(), stop: Arc::default(), clients: Vec::new(), warehouses: Vec::new() };
        let first = doors.first_mut().expect("somebody who wants something");
        for number in 0..warehouses {
            let warehouse_id = first.open(&format!("{name}-{number}")).await.expect("a warehouse");
            for sku in SKUS {
                let key = format!("fill-{name}-{number}-{sku}");
                let wish = Wish::Adjust { sku, delta: 40 };
                settle(first, Order { key, warehouse_id: warehouse_id.clone(), wish }, &crowd.record).await;
            }
            crowd.warehouses.push(warehouse_id);
        }
        for (number, door) in doors.into_iter().enumerate() {
            let client = Client {
                name: format!("{name}-{number}"),
                dice: Entropy::seeded(u64::from_le_bytes(dice.bytes())),
                record: crowd.record.clone(),
                stop: crowd.stop.clone(),
                warehouses: crowd.warehouses.clone(),
            };
            crowd.clients.push(tokio::spawn(client.work(door)));
        }
        crowd
    }

    /// What it did so far.
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    /// Says the longest time that a command took since this was asked last.
    pub(crate) fn measure(&self) -> Duration {
        std::mem::take(&mut self.record().longest)
    }

    /// Waits until all that is under way now has been settled.
    pub(crate) async fn are_answered(&self) {
        let now = Instant::now();
        let waits = |record: &Record| record.under_way.values().any(|began| *began <= now);
        while waits(&self.record()) {
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Waits until so many more wishes have been granted or refused.
    pub(crate) async fn goes_on(&self, more: u64) {
        let settled = |record: &Record| record.done + record.refused;
        let (goal, began) = (settled(&self.record()) + more, Instant::now());
        while settled(&self.record()) < goal {
            assert!(began.elapsed() < WISH_WITHIN, "nothing is settled any more: {:?}", self.record().silences);
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Lets every client finish what it began, and says what all of them did.
    pub(crate) async fn go_home(self) -> (Record, Vec<String>) {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            if let Err(failure) = client.await {
                std::panic::resume_unwind(failure.into_panic());
            }
        }
        (std::mem::take(&mut *lock(&self.record)), self.warehouses)
    }
}

struct Client {
    name: String,
    dice: Entropy,
    record: Arc<Mutex<Record>>,
    stop: Arc<AtomicBool>,
    warehouses: Vec<String>,
}

impl Client {
    async fn work<D: Door>(self, mut door: D) {
        // Reservations lie in one warehouse each, and are released there.
        let mut own: Vec<(String, String)> = Vec::new();
        let mut round = 0_u64;
        while !self.stop.load(Ordering::Relaxed) {
            let place = usize::try_from(self.dice.below(u64::try_from(self.warehouses.len()).expect("few")));
            let warehouse_id = self.warehouses[place.expect("few")].clone();
            let here = own.iter().filter(|(at, _)| *at == warehouse_id);
            let here: Vec<String> = here.map(|(_, reservation)| reservation.clone()).collect();
            let wish = Wish::any(&self.dice, &here);
            let order = Order { key: format!("{}-{round}", self.name), warehouse_id, wish };
            round += 1;
            let made = settle(&mut door, order.clone(), &self.record).await;
            if let (Wish::Reserve { .. }, Some(reservation)) = (&order.wish, made) {
                own.push((order.warehouse_id, reservation));
                own.drain(..own.len().saturating_sub(OWN_MAX));
            }
            tokio::time::sleep(Duration::from_millis(self.dice.below(PAUSE_MAX_MS))).await;
        }
    }
}

/// Asks until it is known what became of an order. Says which reservation it made, if it made one.
async fn settle<D: Door>(door: &mut D, order: Order, record: &Mutex<Record>) -> Option<String> {
    let (command, created) = door.name(&order);
    let actor = order.actor(&created);
    let began = Instant::now();
    {
        let mut record = lock(record);
        record.orders.insert(command, order.clone());
        record.under_way.insert(command, began);
    }
    loop {
        let running = lock(record).history.start(command, actor.clone());
        let heard = door.send(&order).await;
        let took = began.elapsed();
        {
            let mut record = lock(record);
            record.history.end(running, outcome(&heard));
            match heard {
                Heard::Nothing(why) => {
                    record.unknown += 1;
                    *record.silences.entry(why.clone()).or_default() += 1;
                    assert!(took < WISH_WITHIN, "{order:?} is not settled after {took:?}: {why}");
                }
                Heard::Done { .. } | Heard::Refused(_) => {
                    record.under_way.remove(&command);
                    record.longest = record.longest.max(took);
                    record.longest_ever = record.longest_ever.max(took);
                    let silent = record.last.replace(Instant::now()).map_or(Duration::ZERO, |last| last.elapsed());
                    record.gap = record.gap.max(silent);
                    let done = matches!(heard, Heard::Done { .. });
                    *(if done { &mut record.done } else { &mut record.refused }) += 1;
                    return done.then_some(created);
                }
            }
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
}

fn outcome(heard: &Heard) -> Outcome<String> {
    match heard.clone() {
        Heard::Done { version, position } => Outcome::Acked { version, position },
        Heard::Refused(code) => Outcome::Refused(code),
        Heard::Nothing(_) => Outcome::Unknown,
    }
}

fn lock(record: &Mutex<Record>) -> MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}
