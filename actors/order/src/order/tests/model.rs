//! The model check: any sequence of answers, news, delays and people, against an outside that keeps its own journal.
//!
//! Never two captures. Never cancelled with a parcel on its way, with money kept or with stock held. Nothing is confirmed
//! that is not held for good. And every sequence, once the world has done its part, has ended, or waits for something that
//! it names.

use proptest::prelude::*;

use super::outside::{Box_, Charge, Coupon, Outside, Request, Shelf};
use super::*;

#[derive(Debug, Clone, Copy)]
enum Act {
    /// The host announces something that is owed, and sends it.
    Begin(u8),
    /// A request lands and is carried out.
    Land(u8, u8),
    /// An answer reaches the order.
    Report(u8),
    PaymentNews,
    ShippingNews,
    StockNews,
    Stock(u8),
    Provider(u8),
    Warehouse(u8),
    HoldsEnd,
    Clock(u16),
    Person(u8),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => any::<u8>().prop_map(Act::Begin),
        6 => any::<(u8, u8)>().prop_map(|(which, mood)| Act::Land(which, mood)),
        6 => any::<u8>().prop_map(Act::Report),
        4 => Just(Act::PaymentNews),
        4 => Just(Act::ShippingNews),
        2 => Just(Act::StockNews),
        2 => any::<u8>().prop_map(Act::Stock),
        4 => any::<u8>().prop_map(Act::Provider),
        3 => any::<u8>().prop_map(Act::Warehouse),
        1 => Just(Act::HoldsEnd),
        1 => (0u16..1_000).prop_map(Act::Clock),
        1 => any::<u8>().prop_map(Act::Person),
    ]
}

/// On which terms it waits, if it does.
fn terms() -> impl Strategy<Value = Option<Backorder>> {
    let some = any::<(bool, bool)>();
    prop::option::of(some.prop_map(|(together, capture_at_once)| Backorder { together, capture_at_once }))
}

struct Play {
    told: Told,
    outside: Outside,
    /// Sent and not landed yet; it lands some time, whatever has become of the order.
    in_flight: Vec<Request>,
    /// Landed; the answer is on its way.
    answered: Vec<(Request, Answer)>,
    /// Keys whose outcome the runtime has recorded, as long as the agenda names them.
    settled: Vec<String>,
}

impl Play {
    fn new(deal: Deal) -> Play {
        let terms = deal.backorder;
        Play {
            told: Told::placed(deal),
            outside: Outside::new(terms),
            in_flight: Vec::new(),
            answered: Vec::new(),
            settled: Vec::new(),
        }
    }

    fn owed(&self) -> Vec<(String, Call)> {
        let ask = |owed: Owed| match owed {
            Owed::Ask { key, call } => Some((key, call)),
            Owed::Expire(_) => None,
        };
        self.told.state().owed().into_iter().filter_map(ask).collect()
    }

    /// As the runtime does: calls that the agenda no longer names are forgotten.
    fn prune(&mut self) {
        let keys: Vec<String> = self.owed().into_iter().map(|(key, _)| key).collect();
        self.told.open.retain(|key| keys.contains(key));
        self.settled.retain(|key| keys.contains(key));
    }

    fn tell(&mut self, command: Command) {
        let before = self.told.log.len();
        let _refused_or_not = self.told.tell(command);
        for event in &self.told.log[before..] {
            if let What::Confirmed(confirmed) = &event.what {
                for part in &confirmed.parts {
                    let shelf = self.outside.shelves.get(&part.reservation_id);
                    assert_eq!(shelf, Some(&Shelf::Firm), "confirmed without stock");
                }
                assert!(matches!(self.outside.charge, Charge::Authorized), "confirmed without money");
            }
        }
        self.prune();
        self.check();
    }

    fn begin(&mut self, which: u8) {
        let ready: Vec<(String, Call)> = self
            .owed()
            .into_iter()
            .filter(|(key, _)| !self.told.open.contains(key) && !self.settled.contains(key))
            .collect();
        if ready.is_empty() {
            return;
        }
        let (key, call) = ready[usize::from(which) % ready.len()].clone();
        let reduction = self.told.state().reduction.as_ref();
        let refund = reduction.map(|reduction| (reduction.refund_id.clone(), reduction.amount.amount()));
        let state = self.told.state();
        let reduced = |id: &String| reduction?.parts.iter().find(|part| part.reservation_id == *id);
        let (part, lines) = match &call {
            Call::Ship(id) => state.part_of_shipment(id).map(|part| (part.reservation_id.clone(), part.to_pack())),
            Call::Reserve(id) => state.part(id).map(|part| (id.clone(), part.lines.clone())),
            Call::ReleaseSome(id) => reduced(id).map(|part| (id.clone(), part.lines.clone())),
            _ => None,
        }
        .unwrap_or_default();
        self.told.open.push(key.clone());
        self.in_flight.push(Request { key, call, refund, part, lines });
    }

    fn land(&mut self, which: u8, mood: u8) {
        if self.in_flight.is_empty() {
            return;
        }
        let request = self.in_flight.remove(usize::from(which) % self.in_flight.len());
        let answer = self.outside.perform(&request, mood);
        self.answered.push((request, answer));
    }

    fn report(&mut self, which: u8) {
        if self.answered.is_empty() {
            return;
        }
        let (request, answer) = self.answered.remove(usize::from(which) % self.answered.len());
        // Only what is still owed is reported, and what was open then is open still.
        if !self.owed().iter().any(|(key, _)| *key == request.key) {
            return;
        }
        self.tell(Command::Answered(request.call, answer));
        self.told.open.retain(|key| *key != request.key);
        self.settled.push(request.key);
        self.prune();
    }

    fn person(&mut self, which: u8) {
        let command = match which % 12 {
            0 | 1 => cancel(),
            2 => Command::Hold("a look".to_owned()),
            3 | 4 => Command::Approve,
            5 => cancel_lines(&[("MUG", 1)]),
            6 => cancel_lines(&[("TEE", 1)]),
            7 => Command::Retry,
            8 => Command::SetStatus { status: Status::Cancelled, reason: String::new() },
            9 => Command::SetStatus { status: Status::Completed, reason: String::new() },
            10 => Command::OpenReturn {
                return_id: "ret_1".to_owned(),
                units: units(&[("MUG", 1)]),
                amendment_id: String::new(),
            },
            _ => Command::Expire,
        };
        self.tell(command);
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Begin(which) => self.begin(which),
            Act::Land(which, mood) => self.land(which, mood),
            Act::Report(which) => self.report(which),
            Act::PaymentNews => {
                if let Some(news) = self.outside.payment_news.pop_front() {
                    self.tell(news);
                }
            }
            Act::ShippingNews => {
                if let Some(news) = self.outside.shipping_news.pop_front() {
                    self.tell(news);
                }
            }
            Act::StockNews => {
                if let Some(news) = self.outside.stock_news.pop_front() {
                    self.tell(news);
                }
            }
            Act::Stock(mood) => self.outside.stock_comes(mood),
            Act::Provider(mood) => self.outside.provider_acts(mood),
            Act::Warehouse(mood) => self.outside.warehouse_acts(mood),
            Act::HoldsEnd => self.outside.holds_end(),
            Act::Clock(seconds) => {
                self.told.clock += i64::from(seconds);
                self.tell(Command::Expire);
            }
            Act::Person(which) => self.person(which),
        }
    }

    /// What holds at every moment.
    fn check(&self) {
        let outside = &self.outside;
        assert!(outside.captures <= 1, "charged twice");
        assert!(outside.refunded() <= outside.captured, "more went back than came");
        let status = status(&self.told);
        let mut parcels = outside.boxes.values().map(|(state, _)| *state);
        let left = parcels.clone().any(|state| matches!(state, Box_::Left | Box_::Arrived | Box_::Lost));
        if status == Status::Cancelled {
            assert!(!left, "shipped and cancelled both");
            assert!(!parcels.any(|state| state == Box_::Planned), "cancelled with a parcel to come");
        }
        if left {
            assert_eq!(outside.captures, 1, "shipped and not paid");
        }
    }

    /// So much goes well first.
    fn lead(&mut self, steps: u8) {
        for _ in 0..steps {
            self.begin(0);
            self.land(0, 1);
            self.report(0);
            self.act(Act::PaymentNews);
            self.outside.provider_acts(1);
        }
    }

    /// The world does its part, and people who are asked do theirs.
    fn settle(&mut self) {
        // Unlucky things have had their chance.
        for round in 0..400 {
            self.begin(0);
            self.land(0, 1);
            self.report(0);
            self.act(Act::PaymentNews);
            self.act(Act::ShippingNews);
            self.outside.stock_comes(0);
            self.act(Act::StockNews);
            self.outside.provider_acts(1);
            self.outside.warehouse_acts(0);
            if round % 20 == 19 {
                self.told.clock += 1_000;
                self.tell(Command::Expire);
                self.tell(Command::Approve);
                self.tell(Command::Retry);
                self.tell(Command::SetStatus { status: Status::Completed, reason: String::new() });
            }
        }
    }

    /// What holds when everything has come to rest.
    fn check_the_end(&self) {
        let (placed, outside) = (self.told.state(), &self.outside);
        let story = || {
            let log: Vec<String> = self.told.log.iter().map(words).collect();
            format!("{}\nowes {}\n{outside:#?}", log.join("\n"), owes(&self.told.order))
        };
        assert!(is_over(placed), "it neither ended nor waits for anything: {:?}\n{}", placed.status(), story());
        assert_eq!(placed.captured.amount(), outside.captured, "{}", story());
        assert_eq!(placed.refunded().amount(), outside.refunded(), "{}", story());
        assert_eq!(outside.captured - outside.refunded(), placed.billed().amount(), "{}", story());
        for (id, (state, lines)) in outside.boxes.iter().filter(|(_, (state, _))| *state == Box_::Arrived) {
            let known = placed.parcel(id).map(|parcel| &parcel.lines);
            assert_eq!(known, Some(lines), "parcel {id}, {state:?}\n{}", story());
        }
        assert!(!placed.waits() || matches!(placed.stage, Stage::Cancelled(_)), "it still waits\n{}", story());
        if matches!(placed.stage, Stage::Cancelled(_)) {
            use Charge::{Action, Asked, Authorized, Capturing, Review};
            let kept = matches!(outside.charge, Authorized | Capturing | Asked | Action | Review);
            assert!(!kept, "money is held for a cancelled order\n{}", story());
            let held = outside.shelves.values().any(|shelf| matches!(shelf, Shelf::Held | Shelf::Firm));
            assert!(!held, "stock is held for a cancelled order\n{}", story());
            let used = matches!(outside.coupon, Coupon::Reserved | Coupon::Committed);
            assert!(!used, "a coupon is used by a cancelled order\n{}", story());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_it_ends_with_nothing_kept_and_nothing_lost(
        is_rich in any::<bool>(),
        is_held in prop::bool::weighted(0.2),
        terms in terms(),
        steps in 0u8..30,
        acts in proptest::collection::vec(act(), 0..160),
    ) {
        let mut deal = if is_rich { rich_deal() } else { deal() };
        deal.hold_reason = is_held.then(|| "by phone".to_owned());
        deal.backorder = terms;
        let mut play = Play::new(deal);
        play.lead(steps);
        acts.into_iter().for_each(|act| play.act(act));
        play.settle();
        play.check_the_end();
    }
}

/// A check that never gets anywhere proves nothing: these corners are reached.
#[test]
fn the_model_reaches_every_corner() {
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy =
        (any::<bool>(), prop::bool::weighted(0.2), terms(), 0u8..30, proptest::collection::vec(act(), 0..160));
    let mut reached = String::new();
    for _ in 0..400 {
        let (is_rich, is_held, terms, steps, acts) = strategy.new_tree(&mut runner).expect("a tree").current();
        let mut deal = if is_rich { rich_deal() } else { deal() };
        deal.hold_reason = is_held.then(|| "by phone".to_owned());
        deal.backorder = terms;
        let mut play = Play::new(deal);
        play.lead(steps);
        acts.into_iter().for_each(|act| play.act(act));
        play.settle();
        reached.extend(play.told.log.iter().map(|event| words(event) + "\n"));
    }
    let corners = [
        "ReserveItems failed",
        "ConfirmItems failed",
        "allocated 2",
        "action required",
        "payment_declined",
        "payment_expired, awaits",
        "shipment_refused",
        "cancel refused",
        "parcel split",
        "STUCK RefundPayment",
        "STUCK CreateShipment",
        "retried",
        "reduced",
        "reduction refused",
        "completed",
        "cancelled: customer_request",
        "backordered",
    ];
    let missed: Vec<&str> = corners.into_iter().filter(|corner| !reached.contains(corner)).collect();
    assert_eq!(missed, Vec::<&str>::new());
}
