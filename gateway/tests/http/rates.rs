//! Rates: who may ask how often, through how many gateways, and what is said about it.

use std::net::SocketAddr;

use futures::StreamExt as _;
use futures::stream;
use gateway::config::{Config, Rates, Tier, Token};
use tokio::sync::oneshot;

use crate::support::group::play;
use crate::support::http::{Answer, Ask};
use crate::support::nats::Nats;
use crate::support::products::{PRODUCT, Products, shirt};
use crate::support::{ADMIN, Shop, config, start};

/// Somebody who pays for more.
const PREMIUM: &str = "token-of-a-premium-customer";
/// A customer like any other.
const CUSTOMER: &str = "token-of-a-usual-customer";

/// How many more customers there are.
const CUSTOMERS: usize = 10;

fn customer(nth: usize) -> String {
    format!("token-of-the-customer-{nth}")
}

fn counting(rates: Rates) -> Config {
    let token = |token: &str, subject: &str, tier| Token {
        token: token.to_owned(),
        role: "customer".to_owned(),
        subject: Some(subject.to_owned()),
        scopes: Vec::new(),
        tier,
    };
    let mut config = Config { rates, trusted_proxies: vec!["127.0.0.0/8".parse().expect("a net")], ..config() };
    config.tokens.push(token(PREMIUM, "usr_premium", Tier::Premium));
    config.tokens.push(token(CUSTOMER, "usr_customer", Tier::Authenticated));
    config.tokens.extend((0..CUSTOMERS).map(|nth| token(&customer(nth), &format!("usr_{nth}"), Tier::Authenticated)));
    config
}

async fn shop(rates: Rates) -> Shop {
    let mut products = Products::with(shirt());
    Shop::with(counting(rates), move |heard| products.answer(heard)).await
}

/// The seconds that the minute of an answer goes on.
fn resets(answer: &Answer) -> u64 {
    let said = answer.sure("ratelimit");
    said.rsplit_once(";t=").and_then(|(_, seconds)| seconds.parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

fn left(answer: &Answer) -> u64 {
    let said = answer.sure("ratelimit");
    let left = said.split_once(";r=").and_then(|(_, rest)| rest.split(';').next()?.parse().ok());
    left.unwrap_or_else(|| panic!("{said}"))
}

/// Asks until a whole run falls into one minute: at its end a count begins anew.
async fn within_a_minute<T>(run: impl AsyncFn() -> (T, Vec<Answer>)) -> T {
    loop {
        let (came_of_it, answers) = run().await;
        let resets: Vec<_> = answers.iter().map(resets).collect();
        if resets.windows(2).all(|pair| pair[1] <= pair[0]) {
            return came_of_it;
        }
    }
}

#[actix_web::test]
async fn an_answer_tells_what_is_left_and_the_one_too_many_when_to_come_back() {
    let shop = shop(Rates { public: 3, ..Rates::default() }).await;
    let from = |address: String| shop.ask("GET", PRODUCT).header("X-Forwarded-For", address);
    let round = std::cell::Cell::new(0);
    within_a_minute(async || {
        round.set(round.get() + 1);
        let mut answers = Vec::new();
        for _ in 0..4 {
            answers.push(from(format!("192.0.2.{}", round.get())).send().await);
        }
        (answers.clone(), answers)
    })
    .await
    .iter()
    .enumerate()
    .for_each(|(nth, answer)| {
        assert_eq!(answer.sure("ratelimit-policy"), "\"public\";q=3;w=60");
        assert_eq!(left(answer), 2_u64.saturating_sub(nth as u64), "{nth}");
        assert!((1..=60).contains(&resets(answer)));
        if nth < 3 {
            assert_eq!(answer.status, 200);
        } else {
            assert_eq!(answer.problem(), (429, "rate_limited".to_owned()));
            assert_eq!(answer.sure("retry-after"), resets(answer).to_string());
        }
    });
    // Somebody else is not concerned.
    assert_eq!(from("198.51.100.7".to_owned()).send().await.status, 200);
}

#[actix_web::test]
async fn each_tier_has_a_limit_of_its_own() {
    let shop = shop(Rates::default()).await;
    for (token, policy) in [
        (None, Some("\"public\";q=100;w=60")),
        (Some(CUSTOMER), Some("\"authenticated\";q=1000;w=60")),
        (Some(PREMIUM), Some("\"premium\";q=10000;w=60")),
        (Some(ADMIN), None),
    ] {
        let ask = shop.ask("GET", PRODUCT);
        let answer = token.into_iter().fold(ask, |ask, token| ask.bearer(token)).send().await;
        assert_eq!((answer.status, answer.header("ratelimit-policy")), (200, policy), "{token:?}");
    }
}

#[actix_web::test]
async fn a_search_counts_for_more() {
    let shop = shop(Rates { authenticated: 100, expensive: 7, ..Rates::default() }).await;
    let (before, after) = within_a_minute(async || {
        let before = shop.ask("GET", PRODUCT).bearer(CUSTOMER).send().await;
        // Refused by the contract, and counted all the same.
        let after = shop.ask("GET", "/api/v1/products/search?limit=x").bearer(CUSTOMER).send().await;
        ((left(&before), left(&after)), vec![before, after])
    })
    .await;
    assert_eq!(before - after, 7);
}

#[actix_web::test]
async fn guests_and_wrong_tokens_count_by_their_address() {
    let shop = shop(Rates { public: 5, ..Rates::default() }).await;
    let round = std::cell::Cell::new(0);
    let statuses = within_a_minute(async || {
        round.set(round.get() + 1);
        let mut answers = Vec::new();
        for nth in 0..7 {
            let ask = shop.ask("GET", PRODUCT).header("X-Forwarded-For", format!("203.0.113.{}", round.get()));
            let ask = match nth % 2 {
                0 => ask.header("Guest-Token", format!("a-secret-of-a-new-guest-{nth}")),
                _ => ask.bearer(&format!("a-token-that-is-guessed-{nth}")),
            };
            answers.push(ask.send().await);
        }
        (answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), answers)
    });
    assert_eq!(statuses.await, [200, 401, 200, 401, 200, 429, 429]);
}

#[actix_web::test]
async fn who_is_exempt_is_not_counted() {
    let exempt = vec!["127.0.0.0/8".parse().expect("a net")];
    let shop = shop(Rates { public: 1, exempt, ..Rates::default() }).await;
    for _ in 0..3 {
        let answer = shop.ask("GET", PRODUCT).send().await;
        assert_eq!((answer.status, answer.header("ratelimit")), (200, None));
    }
}

/// Three gateways before one group.
struct Doors {
    nats: Nats,
    rates: Rates,
    doors: Vec<(SocketAddr, oneshot::Sender<()>)>,
}

impl Doors {
    async fn open(nats: Nats, rates: Rates) -> Doors {
        let mut products = Products::with(shirt());
        play(&nats.url(), move |heard| products.answer(heard)).await;
        let doors = (0..3).map(|_| start(counting(rates.clone()), &nats)).collect();
        let doors = Doors { nats, rates, doors };
        // They count together once they have reached the server.
        for door in 0..3 {
            doors.reaches(door).await;
        }
        doors
    }

    fn ask(&self, door: usize, address: &str) -> Ask {
        Ask::new(self.doors[door].0, "GET", PRODUCT).header("X-Forwarded-For", address)
    }

    /// Waits until what one door counts is missing at another.
    async fn reaches(&self, door: usize) {
        for nth in 0.. {
            let address = format!("10.{door}.{}.{}", nth / 250, nth % 250);
            let here = self.ask(door, &address).send().await;
            let there = self.ask((door + 1) % 3, &address).send().await;
            if left(&there) + 1 < left(&here) + 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    fn restart(&mut self, door: usize) {
        self.doors[door] = start(counting(self.rates.clone()), &self.nats);
    }
}

#[actix_web::test]
async fn three_gateways_count_as_one_also_when_one_of_them_is_new() {
    const LIMIT: usize = 1_000;
    let nats = Nats::start().await;
    let doors = tokio::sync::Mutex::new(Doors::open(nats, Rates::default()).await);
    let round = std::cell::Cell::new(0);
    let passed = within_a_minute(async || {
        // Each run is of somebody whose minute is untouched.
        let customer = customer(round.replace(round.get() + 1));
        let mut answers = Vec::new();
        for restarts in [true, false] {
            let asking = doors.lock().await;
            let ask = |nth: usize| Ask::new(asking.doors[nth % 3].0, "GET", PRODUCT).bearer(&customer).send();
            answers.extend(stream::iter((0..LIMIT * 6 / 10).map(ask)).buffered(16).collect::<Vec<_>>().await);
            drop(asking);
            if restarts {
                let mut doors = doors.lock().await;
                doors.restart(1);
                doors.reaches(1).await;
            }
        }
        (answers.iter().filter(|answer| answer.status == 200).count(), answers)
    })
    .await;
    assert!((LIMIT * 95 / 100..=LIMIT).contains(&passed), "{passed} of {LIMIT} passed");
}

#[actix_web::test]
async fn without_nats_a_gateway_counts_alone() {
    let mut config = counting(Rates { public: 4, ..Rates::default() });
    config.limits.ask_timeout_ms = 50;
    let mut products = Products::with(shirt());
    let mut shop = Shop::with(config, move |heard| products.answer(heard)).await;
    assert_eq!(shop.ask("GET", PRODUCT).send().await.status, 200);
    shop.nats.node().pause().expect("paused");
    let round = std::cell::Cell::new(0);
    let statuses = within_a_minute(async || {
        round.set(round.get() + 1);
        let address = format!("198.51.100.{}", round.get());
        let mut answers = Vec::new();
        for _ in 0..6 {
            answers.push(shop.ask("GET", PRODUCT).header("X-Forwarded-For", address.as_str()).send().await);
        }
        (answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), answers)
    })
    .await;
    shop.nats.node().resume().expect("resumed");
    assert_eq!(statuses[4..], [429, 429], "{statuses:?}");
    assert!(statuses[..4].iter().all(|status| *status != 429), "{statuses:?}");
}

#[actix_web::test]
async fn with_the_permissions_of_the_contract_gateways_may_count() {
    let nats = Nats::guarded().await;
    let doors = [0, 1].map(|_| start(counting(Rates { public: 10, ..Rates::default() }), &nats));
    // Nobody plays the group: what is counted was asked.
    let ask = |door: usize, address: &str| Ask::new(doors[door].0, "GET", PRODUCT).header("X-Forwarded-For", address);
    for nth in 0..250 {
        let address = format!("192.0.2.{nth}");
        let (here, there) = (ask(0, &address).send().await, ask(1, &address).send().await);
        if left(&there) < left(&here) {
            return;
        }
    }
    panic!("each counts alone");
}
