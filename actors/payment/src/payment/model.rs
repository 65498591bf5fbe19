//! A payment against its provider, with everything that can go wrong between them, by chance.
//!
//! The provider is the real bank, spoken to by the real adapter. Requests and answers are lost, late, doubled and out of
//! order; keys are forgotten after a day, as Stripe's are; webhooks come when they like. Whatever happens: the customer is
//! charged at most once, nothing goes back that was not taken, and when the weather clears both houses agree.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use bank::books::Thing;
use bank::stripe::{Manner, Request as Shown};
use bank::{Bank, stripe};
use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use runtime::clock::Clock;
use runtime::entity::testing::{facts, moment};
use runtime::entity::{Entity, Outcome};
use runtime::group::{Provider, Said};

use super::owing::answered;
use super::*;
use crate::provider::http::{Lost, Reply, Request, Sending, Transport};
use crate::provider::stripe::Stripe;
use crate::provider::{Ask, named};
use crate::wire::money;

/// What becomes of a request and its answer.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Arrives,
    RequestLost,
    AnswerLost,
    /// Nobody hears of it, and it arrives later.
    Late,
}

/// The way to the bank.
struct Way {
    bank: Arc<Bank>,
    fate: Mutex<Fate>,
    late: Mutex<Vec<Request>>,
    /// Keys are forgotten from day to day.
    day: Mutex<i64>,
}

impl Way {
    fn deliver(&self, request: &Request) -> Result<Reply, Lost> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let key = request.key.as_ref().map(|key| format!("{key}@{}", self.day.lock().expect("a day")));
        let shown = Shown {
            method: request.method,
            path,
            query,
            authorization: None,
            key: key.as_deref(),
            body: &request.form,
        };
        let reply = stripe::answer(&self.bank, "http://bank", "", &shown).expect("memory does not fail");
        match reply.manner {
            Manner::Fails => Ok(Reply { status: 500, body: "{}".into() }),
            Manner::Drops => Err(Lost("the connection broke".into())),
            _ => Ok(Reply { status: reply.status, body: reply.body.to_string() }),
        }
    }
}

impl Transport for Way {
    fn send(&self, request: Request) -> Sending<'_> {
        let fate = *self.fate.lock().expect("a fate");
        let lost = || Err(Lost("nobody knows".into()));
        let reply = match fate {
            Fate::Arrives => self.deliver(&request),
            Fate::RequestLost => lost(),
            Fate::AnswerLost => self.deliver(&request).and_then(|_| lost()),
            Fate::Late => {
                self.late.lock().expect("a queue").push(request);
                lost()
            }
        };
        Box::pin(async move { reply })
    }
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Deed {
    Wish(usize),
    /// The runtime makes one of the calls that are due.
    Call(usize, Fate),
    /// A call's outcome comes back.
    Report,
    /// A request that was late arrives.
    Arrive(usize),
    /// The bank tells what it knows, the oldest or the newest news, perhaps not for the last time.
    Webhook(bool, bool),
    /// The customer proves who they are, or does not.
    Prove(bool),
    /// A timer rings.
    Wake(usize),
    Pass(i64),
}

fn deed() -> impl Strategy<Value = Deed> {
    let fate = prop_oneof![
        4 => Just(Fate::Arrives),
        1 => Just(Fate::RequestLost),
        2 => Just(Fate::AnswerLost),
        1 => Just(Fate::Late),
    ];
    prop_oneof![
        4 => (0..8usize).prop_map(Deed::Wish),
        6 => (0..3usize, fate).prop_map(|(which, fate)| Deed::Call(which, fate)),
        4 => Just(Deed::Report),
        1 => (0..3usize).prop_map(Deed::Arrive),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(newest, again)| Deed::Webhook(newest, again)),
        2 => any::<bool>().prop_map(Deed::Prove),
        1 => (0..3usize).prop_map(Deed::Wake),
        2 => prop_oneof![Just(0), Just(3), Just(400), Just(100_000)].prop_map(Deed::Pass),
    ]
}

const CARDS: [&str; 8] = [
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_card_threeDSecure2Required",
    "pm_card_captureDeclined",
    "pm_card_pendingRefund",
    "pm_card_refundFail",
    "pm_card_failsAfterCharging",
    "pm_card_dropsAfterCharging",
];

struct Play {
    payment: Payment,
    way: Arc<Way>,
    now: Timestamp,
    card: &'static str,
    itself: bool,
    /// Keys of calls that have begun and were not reported.
    begun: Vec<String>,
    outcomes: VecDeque<(String, Ask, Outcome)>,
    refunds: usize,
    /// Completed, refund processed: what the ledger would book.
    booked: BTreeMap<&'static str, i64>,
}

impl Play {
    fn new(card: &'static str, itself: bool) -> Play {
        let bank = Arc::new(Bank::in_memory());
        let way = Way { bank, fate: Mutex::new(Fate::Arrives), late: Mutex::default(), day: Mutex::new(0) };
        Play {
            payment: Payment::default(),
            way: Arc::new(way),
            now: moment(0),
            card,
            itself,
            begun: Vec::new(),
            outcomes: VecDeque::new(),
            refunds: 0,
            booked: BTreeMap::new(),
        }
    }

    fn tell(&mut self, command: Command) {
        let mut facts = facts(self.now);
        facts.open_calls = self.begun.clone();
        let Ok(events) = self.payment.decide(command, &facts) else { return };
        for event in events {
            match &event.what {
                What::Completed { amount, .. } => *self.booked.entry("charged").or_default() += amount.amount(),
                What::RefundProcessed { amount, .. } => *self.booked.entry("returned").or_default() += amount.amount(),
                _ => {}
            }
            self.payment.evolve(&event);
        }
        // As the runtime does: what is owed no more is forgotten.
        let owed: Vec<String> = self.payment.owed().into_iter().map(|(key, ..)| key).collect();
        self.begun.retain(|key| owed.contains(key));
    }

    fn wish(&mut self, which: usize) {
        let terms = Terms {
            id: "pay_1".into(),
            order_id: Some("ord_1".into()),
            user_id: "usr_1".into(),
            amount: money(100, "EUR").expect("money"),
        };
        let euros = |amount| money(amount, "EUR");
        let means = Means {
            token: self.card.into(),
            payment_method_id: None,
            customer: String::new(),
            provider: "test".into(),
            capture: if self.itself { Capture::Automatic } else { Capture::Manual },
            return_url: String::new(),
        };
        self.refunds += 1;
        let refund = |amount| Command::Refund { id: format!("rfd_{}", self.refunds), amount, reason: String::new() };
        let command = match which {
            0 | 1 => Command::Authorise { terms, means, suspicion: None },
            2 => Command::Capture(euros(60)),
            3 => Command::Capture(None),
            4 => Command::Cancel { id: "pay_1".into(), reason: "why".into() },
            5 => refund(euros(30)),
            6 => refund(None),
            _ => Command::Confirm,
        };
        self.tell(command);
    }

    fn call(&mut self, which: usize, fate: Fate) {
        let calls: Vec<_> = self
            .payment
            .owed()
            .into_iter()
            .filter_map(|(key, at, debt)| match debt {
                Debt::Ask { ask, .. } if at <= self.now => Some((key, ask)),
                _ => None,
            })
            // One that was answered is not made again; its report is on the way.
            .filter(|(key, _)| self.outcomes.iter().all(|(reported, ..)| reported != key))
            .collect();
        if calls.is_empty() {
            return;
        }
        let (key, ask) = calls[which % calls.len()].clone();
        if !self.begun.contains(&key) {
            self.begun.push(key.clone());
        }
        *self.way.fate.lock().expect("a fate") = fate;
        let clock = Clock::simulated(self.now);
        let stripe = Stripe::new(self.way.clone(), clock, "http://shop".into());
        let said = stripe.call(&key, ask.encode()).now_or_never().expect("nothing to wait for");
        if let Said::Settled(outcome) = said {
            self.outcomes.push_back((key, ask, outcome));
        }
    }

    fn report(&mut self) {
        let Some((key, ask, outcome)) = self.outcomes.pop_front() else { return };
        let owed = self.payment.owed().into_iter().any(|(owed, ..)| owed == key);
        self.begun.retain(|begun| *begun != key);
        if owed {
            self.tell(answered(&ask, outcome));
        }
    }

    fn webhook(&mut self, newest: bool, again: bool) {
        let untold = self.way.bank.untold(100).expect("memory");
        let told = if newest { untold.last() } else { untold.first() };
        let Some((_, news, thing)) = told.cloned() else { return };
        if !again {
            self.way.bank.told(&news.id);
        }
        let Thing::Intent(intent) = thing else { return };
        let hint = match news.kind.as_str() {
            "payment_intent.requires_action" => Hint::ActionRequired,
            "payment_intent.amount_capturable_updated" => Hint::Authorised,
            "payment_intent.succeeded" => Hint::Captured,
            _ => Hint::Ended,
        };
        self.tell(Command::Inquire { reference: Some(intent.id), hint, news: news.id });
    }

    fn wake(&mut self, which: usize) {
        let wakes: Vec<_> = self
            .payment
            .owed()
            .into_iter()
            .filter_map(|(_, at, debt)| match debt {
                Debt::Wake(command) if at <= self.now => Some(command),
                _ => None,
            })
            .collect();
        if !wakes.is_empty() {
            self.tell(wakes[which % wakes.len()].clone());
        }
    }

    fn pass(&mut self, seconds: i64) {
        self.now = self.now.saturating_add(SignedDuration::from_secs(seconds)).expect("a moment");
        let day = self.now.duration_since(moment(0)).as_hours() / 24;
        let mut today = self.way.day.lock().expect("a day");
        if *today != day {
            *today = day;
            // What was under way for a whole day does not arrive any more.
            self.way.late.lock().expect("a queue").clear();
        }
    }

    fn play(&mut self, deed: &Deed) {
        match deed {
            Deed::Wish(which) => self.wish(*which),
            Deed::Call(which, fate) => self.call(*which, *fate),
            Deed::Report => self.report(),
            Deed::Arrive(which) => {
                let mut late = self.way.late.lock().expect("a queue");
                if !late.is_empty() {
                    let place = which % late.len();
                    let request = late.remove(place);
                    drop(late);
                    let _ = self.way.deliver(&request);
                }
            }
            Deed::Webhook(newest, again) => self.webhook(*newest, *again),
            Deed::Prove(proved) => {
                let intents = self.way.bank.intents(None, 10).expect("memory");
                if let Some(intent) = intents.first() {
                    self.way.bank.authenticate(&intent.id, *proved).expect("memory");
                }
            }
            Deed::Wake(which) => self.wake(*which),
            Deed::Pass(seconds) => self.pass(*seconds),
        }
    }

    /// The weather clears: everything that is owed is done.
    fn clear(&mut self) {
        for _ in 0..60 {
            self.pass(400);
            for which in 0..3 {
                self.wake(which);
                self.call(which, Fate::Arrives);
            }
            while !self.outcomes.is_empty() {
                self.report();
            }
            self.webhook(false, false);
        }
    }

    /// What holds at every moment.
    fn always(&self) {
        let intents = self.way.bank.intents(None, 10).expect("memory");
        assert!(intents.len() <= 1, "the customer is asked for money twice: {intents:?}");
        let (taken, returned): (i64, i64) =
            (intents.iter().map(|intent| intent.taken).sum(), intents.iter().map(|intent| intent.returned).sum());
        assert!(taken <= 100 && returned <= taken);
        let Some(open) = self.payment.open() else { return assert_eq!(taken, 0) };
        let (captured, refunded) = (open.captured().amount(), open.refunded().amount());
        assert!(captured - refunded >= 0 && open.returned().amount() <= refunded);
        assert!(captured <= taken, "we believe that more was taken than was");
        assert!(open.returned().amount() <= returned, "we believe that more went back than did");
    }

    /// What holds once everything that was owed is done.
    fn at_last(&self) {
        let intents = self.way.bank.intents(None, 10).expect("memory");
        let (held, taken, returned) =
            intents.first().map_or((0, 0, 0), |intent| (intent.held, intent.taken, intent.returned));
        let booked = |what| self.booked.get(what).copied().unwrap_or_default();
        assert_eq!((booked("charged"), booked("returned")), (taken, returned), "the ledger says what the bank says");
        let Some(open) = self.payment.open() else { return assert_eq!((held, taken), (0, 0)) };
        assert_eq!((open.captured().amount(), open.returned().amount()), (taken, returned));
        match &open.stage {
            Stage::Initiated | Stage::InReview | Stage::Voided { .. } | Stage::Failed(_) => {
                assert_eq!((held, taken), (0, 0), "nothing is held or taken: {open:?}");
            }
            Stage::Authorised { held: ours } => assert_eq!(ours.amount(), held),
            Stage::Captured { closing, refunds, .. } => {
                assert!(refunds.iter().all(|refund| refund.status != RefundStatus::Pending), "{refunds:?}");
                let refused = refunds.iter().any(|refund| refund.closing && refund.status != RefundStatus::Succeeded);
                assert!(closing.is_none() || taken == returned || refused, "given up, and not given back: {open:?}");
            }
            Stage::Authorising { .. }
            | Stage::RequiresAction { .. }
            | Stage::Capturing { .. }
            | Stage::Voiding { .. } => panic!("it never ends: {open:?} {intents:?}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]

    #[test]
    fn money_is_conserved_whatever_gets_lost(
        card in 0..CARDS.len(),
        itself in prop::bool::weighted(0.2),
        deeds in prop::collection::vec(deed(), 1..80),
    ) {
        let mut play = Play::new(CARDS[card], itself);
        assert!(named("test").is_some());
        play.wish(0);
        for deed in &deeds {
            play.play(deed);
            play.always();
        }
        play.clear();
        play.always();
        play.at_last();
    }
}
