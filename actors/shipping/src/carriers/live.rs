//! Live rates: what carriers ask for a parcel right now, in place of what a zone's table says.
//!
//! Nobody waits for a carrier. One that is slow, away, wrong or says nothing about a service is passed over: the table's
//! price counts where the shop drew one, else the option is left out, and the answer names the carrier that said nothing.
//! What a carrier said is kept for a while, so that a customer who looks twice sees the same and a cart costs no request.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runtime::outside::{self, Outside};
use serde::{Deserialize, Serialize};

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

/// What carriers said about a parcel, by their names; `None` of one that was asked and did not answer.
pub type Quoted = BTreeMap<String, Option<Vec<Quote>>>;

/// What a carrier said, and until when that counts.
type Kept = BTreeMap<Parcel, (Timestamp, Vec<Quote>)>;

/// A carrier, and what is known of it.
struct Counter {
    quotes: Arc<dyn Quotes>,
    outside: Outside,
    keep: SignedDuration,
    kept: Mutex<Kept>,
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
pub async fn quoted(parcel: &Parcel, now: Timestamp) -> Quoted {
    match CURRENT.get() {
        Some(live) => live.quoted(parcel, now).await,
        None => Quoted::new(),
    }
}

impl Live {
    /// With one more, who is waited for and whose answers are kept so long.
    #[must_use]
    pub fn with(mut self, name: &str, quotes: Arc<dyn Quotes>, patience: Duration, keep: Duration) -> Live {
        let keep = SignedDuration::try_from(keep).unwrap_or(SignedDuration::ZERO);
        let (outside, kept) = (Outside::new(patience), Mutex::default());
        self.0.insert(name.to_owned(), Counter { quotes, outside, keep, kept });
        self
    }

    /// What they say about a parcel now, all asked at once.
    pub async fn quoted(&self, parcel: &Parcel, now: Timestamp) -> Quoted {
        let asked = self.0.iter().map(async |(name, counter)| (name.clone(), counter.ask(parcel, now).await));
        outside::all(asked).await.into_iter().collect()
    }
}

impl Counter {
    /// What it says, or said a moment ago; `None` when nobody knows.
    async fn ask(&self, parcel: &Parcel, now: Timestamp) -> Option<Vec<Quote>> {
        if let Some((until, quotes)) = self.kept().get(parcel)
            && now < *until
        {
            return Some(quotes.clone());
        }
        let mut quotes = self.outside.ask(self.quotes.quote(parcel)).await?;
        quotes.retain(|quote| quote.is_sound() && quote.currency == parcel.currency);
        let mut kept = self.kept();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(parcel.clone(), (now.saturating_add(self.keep).unwrap_or(now), quotes.clone()));
        Some(quotes)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Whoever panicked while holding it left whole rows.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use runtime::entity::testing::moment;

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
            for second in [0, 30, 59] {
                let said = live.quoted(&parcel(500), moment(second)).await;
                assert_eq!(said["swift"], Some(vec![quote("express", 900)]));
            }
            assert_eq!(clerk.asked.load(Ordering::Relaxed), 1);
            live.quoted(&parcel(501), moment(59)).await;
            live.quoted(&parcel(500), moment(60)).await;
            assert_eq!(clerk.asked.load(Ordering::Relaxed), 3, "another parcel and another minute are other questions");
        });
    }

    #[test]
    fn one_that_says_nothing_is_named_and_costs_the_others_nothing() {
        in_time(async {
            let says = || Some(vec![quote("express", 1)]);
            let slow = Arc::new(Clerk { takes: Duration::from_secs(5), says: says(), ..Clerk::default() });
            let away = Arc::new(Clerk::default());
            let quick = Arc::new(Clerk { says: says(), ..Clerk::default() });
            let patience = Duration::from_millis(600);
            let with = |live: Live, name, clerk: &Arc<Clerk>| live.with(name, clerk.clone(), patience, patience);
            let live = with(with(with(Live::default(), "slow", &slow), "away", &away), "quick", &quick);
            let began = tokio::time::Instant::now();
            let said = live.quoted(&parcel(1), moment(0)).await;
            assert_eq!(began.elapsed(), patience);
            let silent = [("away", None), ("slow", None), ("quick", says())];
            assert_eq!(said, Quoted::from(silent.map(|(name, said)| (name.to_owned(), said))));
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
            let said = live(&clerk).quoted(&parcel(1), moment(0)).await;
            assert_eq!(said["swift"], Some(vec![quote("express", 900)]));
        });
    }
}
