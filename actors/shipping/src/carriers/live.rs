//! Live rates: what carriers ask for a parcel right now, in place of what a zone's table says.
//!
//! Nobody waits for a carrier. One that is slow, away, wrong or says nothing about a service is passed over, and the
//! table's price counts: a customer always sees a price, and the shop decides what it is when nobody knows. What a carrier
//! said is kept for a while, so that a customer who looks twice sees the same and a cart costs no request.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use runtime::breaker::Breaker;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// How many answers of a carrier are kept at most; beyond that all are forgotten.
const KEPT_MAX: usize = 1_000;

/// What a carrier is asked the price of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Parcel {
    /// The country it goes to, by its two capitals.
    pub country: String,
    /// The state or province; empty when nobody said.
    pub region: String,
    /// The postal code; empty when nobody said.
    pub postal_code: String,
    /// What all of it weighs.
    pub weight_grams: i64,
    /// What it is worth, in minor units.
    pub subtotal: i64,
    /// The currency of that, and of the prices that are asked for.
    pub currency: String,
}

/// What a carrier asks for a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Its name for the service; the name of the option in the zone.
    pub service: String,
    /// What it costs, in minor units; nothing when it does not go there.
    pub amount: Option<i64>,
    /// The currency of that.
    pub currency: String,
    /// The fewest working days it takes.
    #[serde(default)]
    pub min_days: Option<u32>,
    /// The most working days it takes.
    #[serde(default)]
    pub max_days: Option<u32>,
}

impl Quote {
    /// Whether it can be: a price that is none, or days that end before they begin, are as good as no answer.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let days = self.min_days.zip(self.max_days).is_none_or(|(min, max)| min <= max && max <= 365);
        days && self.min_days.is_some() == self.max_days.is_some() && self.amount.is_none_or(|amount| amount >= 0)
    }
}

/// An answer that comes later; or why there is none.
pub type Quoting<'a> = Pin<Box<dyn Future<Output = Result<Vec<Quote>, String>> + Send + 'a>>;

/// A carrier that says what it asks for.
pub trait Quotes: Send + Sync + 'static {
    /// What it asks for a parcel, service by service.
    fn quote<'a>(&'a self, parcel: &'a Parcel) -> Quoting<'a>;
}

/// What carriers said about a parcel, by their names.
pub type Quoted = BTreeMap<String, Vec<Quote>>;

/// A carrier, and what is known of it.
struct Counter {
    quotes: Arc<dyn Quotes>,
    patience: Duration,
    keep: Duration,
    breaker: Breaker,
    kept: Mutex<BTreeMap<Parcel, (Instant, Vec<Quote>)>>,
}

/// All carriers that say what they ask for.
#[derive(Default)]
pub struct Live(BTreeMap<String, Counter>);

/// The carriers of this process. Handlers are plain functions, so what the process was configured with is the process's
/// own.
static CURRENT: OnceLock<Live> = OnceLock::new();

/// Sets them, before the first request; the first to do so is heard.
pub fn set(live: Live) {
    // A process has one configuration; a second group in it, as in tests, has the same.
    let _ = CURRENT.set(live);
}

/// What the carriers of this process say about a parcel now.
pub async fn quoted(parcel: &Parcel) -> Quoted {
    match CURRENT.get() {
        Some(live) => live.quoted(parcel).await,
        None => Quoted::new(),
    }
}

impl Live {
    /// With one more, who is waited for and whose answers are kept so long.
    #[must_use]
    pub fn with(mut self, name: &str, quotes: Arc<dyn Quotes>, patience: Duration, keep: Duration) -> Live {
        let (breaker, kept) = (Breaker::default(), Mutex::default());
        self.0.insert(name.to_owned(), Counter { quotes, patience, keep, breaker, kept });
        self
    }

    /// What they say about a parcel now, all asked at once.
    pub async fn quoted(&self, parcel: &Parcel) -> Quoted {
        let asked = self.0.iter().map(async |(name, counter)| Some((name.clone(), counter.ask(parcel).await?)));
        futures::future::join_all(asked).await.into_iter().flatten().collect()
    }
}

impl Counter {
    /// What it says, or said a moment ago; `None` when nobody knows.
    async fn ask(&self, parcel: &Parcel) -> Option<Vec<Quote>> {
        let asked = Instant::now();
        if let Some((until, quotes)) = self.kept().get(parcel)
            && asked < *until
        {
            return Some(quotes.clone());
        }
        if !self.breaker.admits(asked) {
            return None;
        }
        match tokio::time::timeout(self.patience, self.quotes.quote(parcel)).await {
            Ok(Ok(mut quotes)) => {
                self.breaker.answered(Instant::now());
                quotes.retain(|quote| quote.is_sound() && quote.currency == parcel.currency);
                let mut kept = self.kept();
                if kept.len() >= KEPT_MAX {
                    kept.clear();
                }
                kept.insert(parcel.clone(), (Instant::now() + self.keep, quotes.clone()));
                Some(quotes)
            }
            Ok(Err(_)) | Err(_) => {
                self.breaker.failed(asked, Instant::now());
                None
            }
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<Parcel, (Instant, Vec<Quote>)>> {
        // Whoever panicked while holding it left whole rows.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Answers after a while, and counts how often it was asked.
    #[derive(Default)]
    struct Clerk {
        asked: AtomicUsize,
        takes: Duration,
        says: Option<Vec<Quote>>,
    }

    impl Quotes for Clerk {
        fn quote<'a>(&'a self, _: &'a Parcel) -> Quoting<'a> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Box::pin(async {
                tokio::time::sleep(self.takes).await;
                self.says.clone().ok_or_else(|| "closed".to_owned())
            })
        }
    }

    fn quote(service: &str, amount: i64) -> Quote {
        let (service, amount) = (service.to_owned(), Some(amount));
        Quote { service, amount, currency: "EUR".into(), min_days: Some(1), max_days: Some(2) }
    }

    fn parcel(weight_grams: i64) -> Parcel {
        Parcel {
            country: "AT".into(),
            region: String::new(),
            postal_code: "1010".into(),
            weight_grams,
            subtotal: 4900,
            currency: "EUR".into(),
        }
    }

    fn live(clerk: &Arc<Clerk>) -> Live {
        Live::default().with("swift", clerk.clone(), Duration::from_millis(600), Duration::from_secs(60))
    }

    /// In a time that passes as fast as nothing happens.
    fn in_time(test: impl Future<Output = ()>) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        runtime.enable_time().start_paused(true).build().expect("a runtime").block_on(test);
    }

    #[test]
    fn an_answer_is_kept_for_a_while() {
        in_time(async {
            let clerk = Arc::new(Clerk { says: Some(vec![quote("express", 900)]), ..Clerk::default() });
            let live = live(&clerk);
            for _ in 0..3 {
                assert_eq!(live.quoted(&parcel(500)).await["swift"], [quote("express", 900)]);
            }
            assert_eq!(clerk.asked.load(Ordering::Relaxed), 1);
            live.quoted(&parcel(501)).await;
            tokio::time::advance(Duration::from_secs(61)).await;
            live.quoted(&parcel(500)).await;
            assert_eq!(clerk.asked.load(Ordering::Relaxed), 3, "another parcel and another minute are other questions");
        });
    }

    #[test]
    fn nobody_waits_for_a_slow_carrier_and_one_that_is_away_is_left_alone() {
        in_time(async {
            let slow =
                Clerk { takes: Duration::from_secs(5), says: Some(vec![quote("express", 1)]), ..Clerk::default() };
            for clerk in [slow, Clerk::default()] {
                let clerk = Arc::new(clerk);
                let live = live(&clerk);
                let began = Instant::now();
                for weight in 0..20 {
                    assert_eq!(live.quoted(&parcel(weight)).await, Quoted::new());
                }
                assert_eq!(clerk.asked.load(Ordering::Relaxed), 5, "the circuit is open");
                assert!(began.elapsed() <= Duration::from_millis(3_100), "{:?}", began.elapsed());
                tokio::time::advance(runtime::breaker::REST).await;
                live.quoted(&parcel(0)).await;
                assert_eq!(clerk.asked.load(Ordering::Relaxed), 6, "one probe, after a rest");
            }
        });
    }

    #[test]
    fn what_cannot_be_is_passed_over() {
        let odd = [
            Quote { amount: Some(-1), ..quote("minus", 1) },
            Quote { min_days: Some(3), ..quote("backwards", 1) },
            Quote { max_days: None, ..quote("half", 1) },
            Quote { currency: "USD".into(), ..quote("dollars", 1) },
        ];
        in_time(async move {
            let says = odd.into_iter().chain([quote("express", 900)]).collect();
            let clerk = Arc::new(Clerk { says: Some(says), ..Clerk::default() });
            assert_eq!(live(&clerk).quoted(&parcel(1)).await["swift"], [quote("express", 900)]);
        });
    }
}
