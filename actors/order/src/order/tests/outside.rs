//! The outside: payment, stock, parcels and promotions as honest and as slow as real ones, for the model check.
//!
//! It keeps its own journal, so what really happened does not depend on what the order believes. A call is known again by
//! its key; news come in order, when they like.

use std::collections::{BTreeMap, VecDeque};

use super::*;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Charge {
    /// Nobody asked for anything.
    Open,
    /// The provider was asked.
    Asked,
    /// The customer has to act.
    Action,
    /// Somebody looks at it.
    Review,
    Authorized,
    Capturing,
    Captured,
    Voided,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shelf {
    Held,
    Firm,
    Released,
    Expired,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Box_ {
    Planned,
    Left,
    Arrived,
    Stopped,
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coupon {
    None,
    Reserved,
    Committed,
    Released,
}

/// A request on its way: what was asked is fixed when it is sent.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) key: String,
    pub(super) call: Call,
    pub(super) refund: Option<(String, i64)>,
    /// The reservation that it is about, and units of it.
    pub(super) part: String,
    pub(super) lines: Units,
}

/// What a reservation has: here, and not here yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Stock {
    pub(super) here: Units,
    pub(super) waiting: Units,
}

#[derive(Debug, Clone)]
pub(super) struct Outside {
    pub(super) charge: Charge,
    pub(super) is_closing: bool,
    pub(super) captures: u32,
    pub(super) captured: i64,
    /// Refunds that were asked for, and whether they went through.
    pub(super) refunds: BTreeMap<String, (i64, bool)>,
    pub(super) shelves: BTreeMap<String, Shelf>,
    pub(super) boxes: BTreeMap<String, (Box_, Units)>,
    /// The reservation of which a parcel is.
    of: BTreeMap<String, String>,
    pub(super) stock: BTreeMap<String, Stock>,
    /// Not everything needs to be here.
    pub(super) terms: Option<Backorder>,
    pub(super) stock_news: VecDeque<Command>,
    pub(super) coupon: Coupon,
    pub(super) answers: BTreeMap<String, Answer>,
    pub(super) payment_news: VecDeque<Command>,
    pub(super) shipping_news: VecDeque<Command>,
}

impl Outside {
    pub(super) fn new(terms: Option<Backorder>) -> Outside {
        Outside {
            terms,
            of: BTreeMap::new(),
            stock: BTreeMap::new(),
            stock_news: VecDeque::new(),
            charge: Charge::Open,
            is_closing: false,
            captures: 0,
            captured: 0,
            refunds: BTreeMap::new(),
            shelves: BTreeMap::new(),
            boxes: BTreeMap::new(),
            coupon: Coupon::None,
            answers: BTreeMap::new(),
            payment_news: VecDeque::new(),
            shipping_news: VecDeque::new(),
        }
    }

    pub(super) fn refunded(&self) -> i64 {
        self.refunds.values().filter(|(_, done)| *done).map(|(amount, _)| amount).sum()
    }

    fn refundable(&self) -> i64 {
        self.captured - self.refunds.values().map(|(amount, _)| amount).sum::<i64>()
    }

    /// Does what a request asks; a repeat finds the first answer. `mood` says which of the things that may happen does.
    pub(super) fn perform(&mut self, request: &Request, mood: u8) -> Answer {
        if let Some(known) = self.answers.get(&request.key) {
            return known.clone();
        }
        let unlucky = mood.is_multiple_of(8);
        let answer = match &request.call {
            Call::Redeem if unlucky => refused("coupon_exhausted"),
            Call::Redeem => {
                self.coupon = Coupon::Reserved;
                Answer::Done
            }
            Call::Commit => {
                let reserved = self.coupon == Coupon::Reserved;
                self.coupon = if reserved { Coupon::Committed } else { self.coupon };
                if reserved { Answer::Done } else { refused("redemption_released") }
            }
            Call::Withdraw => {
                self.coupon = Coupon::Released;
                Answer::Done
            }
            Call::Reserve(id) if mood.is_multiple_of(4) => {
                let _ = id;
                refused("out_of_stock")
            }
            Call::Reserve(id) => {
                self.shelves.insert(id.clone(), Shelf::Held);
                self.reserve(id, &request.lines, mood)
            }
            Call::Secure(id) => match self.shelves.get(id) {
                Some(Shelf::Held | Shelf::Firm) => {
                    self.shelves.insert(id.clone(), Shelf::Firm);
                    Answer::Done
                }
                Some(Shelf::Released) => refused("reservation_released"),
                Some(Shelf::Expired) => refused("reservation_expired"),
                None => refused("not_found"),
            },
            Call::Release(id) => match self.shelves.get(id) {
                Some(_) => {
                    self.shelves.insert(id.clone(), Shelf::Released);
                    self.stock.remove(id);
                    Answer::Done
                }
                None => refused("not_found"),
            },
            Call::ReleaseSome(id) => {
                let stock = self.stock.entry(id.clone()).or_default();
                for (sku, count) in &request.lines {
                    let waits = stock.waiting.get(sku).copied().unwrap_or(0).min(*count);
                    super::super::placed::take(&mut stock.waiting, &units(&[(sku.as_str(), waits)]));
                    super::super::placed::take(&mut stock.here, &units(&[(sku.as_str(), count - waits)]));
                }
                Answer::Done
            }
            Call::Allocate if unlucky => refused("out_of_stock"),
            Call::Allocate => {
                let round: u32 = request.key.rsplit('/').next().and_then(|n| n.parse().ok()).unwrap_or(0);
                Answer::Plan(vec![allotment(round + 1, 0, &[("MUG", 3), ("TEE", 1)])])
            }
            Call::CompleteCart if mood.is_multiple_of(16) => refused("already_ordered"),
            Call::CompleteCart => Answer::Done,
            Call::Authorize => self.authorize(mood),
            Call::Capture => self.capture(),
            Call::CancelPayment => self.cancel_payment(),
            Call::Refund => self.refund(request.refund.clone()),
            Call::RefundMore(_) | Call::CancelSupplement(_) => unreachable!("one payment pays it all here"),
            Call::Ship(id) if unlucky => {
                let _ = id;
                refused("carrier_refuses")
            }
            Call::Ship(id) => {
                if !self.boxes.contains_key(id) {
                    self.pack(&request.part, id, &request.lines);
                }
                self.boxes.entry(id.clone()).or_insert((Box_::Planned, request.lines.clone()));
                Answer::Done
            }
            Call::Recall(id) => match self.boxes.get_mut(id) {
                Some((state @ Box_::Planned, _)) => {
                    *state = Box_::Stopped;
                    self.shipping_news.push_back(parcel(id, ParcelNews::Cancelled));
                    Answer::Done
                }
                Some((Box_::Stopped, _)) => Answer::Done,
                Some((Box_::Left | Box_::Arrived | Box_::Lost, _)) => refused("already_dispatched"),
                None => refused("not_found"),
            },
        };
        self.answers.insert(request.key.clone(), answer.clone());
        answer
    }

    fn reserve(&mut self, id: &str, lines: &Units, mood: u8) -> Answer {
        let mut stock = Stock { here: lines.clone(), waiting: Units::new() };
        if self.terms.is_some() {
            stock.waiting.extend(lines.iter().map(|(sku, count)| (sku.clone(), i64::from(mood / 4) % (count + 1))));
            stock.waiting.retain(|_, count| *count > 0);
            super::super::placed::take(&mut stock.here, &stock.waiting);
        }
        let awaited = |(sku, units): (&String, &i64)| (sku.clone(), Awaited { units: *units, expected_at: None });
        let waiting: Waiting = stock.waiting.iter().map(awaited).collect();
        self.stock.insert(id.to_owned(), stock);
        if waiting.is_empty() { Answer::Done } else { Answer::Waiting(waiting) }
    }

    /// Nothing is packed that is not here.
    fn pack(&mut self, part: &str, id: &str, lines: &Units) {
        let stopped = |(id, (state, _)): &(&String, &(Box_, Units))| *state != Box_::Stopped && self.of[*id] == part;
        let mut packed = lines.clone();
        let boxes = self.boxes.iter().filter(stopped);
        boxes.for_each(|(_, (_, lines))| super::super::placed::add(&mut packed, lines));
        let stock = self.stock.get(part).cloned().unwrap_or_default();
        for (sku, count) in &packed {
            let here = stock.here.get(sku).copied().unwrap_or(0);
            assert!(*count <= here, "{count} {sku} are packed of {part}, and {here} are here");
        }
        let is_together = self.terms.is_some_and(|terms| terms.together);
        let waits = self.stock.values().any(|stock| !stock.waiting.is_empty());
        assert!(!is_together || !waits, "sent before everything is here");
        self.of.insert(id.to_owned(), part.to_owned());
    }

    /// Something comes that is waited for.
    pub(super) fn stock_comes(&mut self, mood: u8) {
        let waits = |(id, stock): &(&String, &mut Stock)| {
            !stock.waiting.is_empty() && matches!(self.shelves.get(*id), Some(Shelf::Held | Shelf::Firm))
        };
        let Some((id, stock)) = self.stock.iter_mut().find(waits) else { return };
        let (sku, count) = stock.waiting.pop_first().expect("something");
        let comes = 1 + i64::from(mood) % count;
        let came = units(&[(sku.as_str(), comes)]);
        super::super::placed::add(&mut stock.here, &came);
        super::super::placed::add(&mut stock.waiting, &units(&[(sku.as_str(), count - comes)]));
        stock.waiting.retain(|_, count| *count > 0);
        self.stock_news.push_back(Command::Filled { reservation_id: id.clone(), units: came });
    }

    fn standing(&self) -> Answer {
        Answer::Payment(match self.charge {
            Charge::Open | Charge::Asked | Charge::Capturing => PaymentNews::Pending,
            Charge::Action => PaymentNews::ActionRequired(redirect()),
            Charge::Review => PaymentNews::InReview,
            Charge::Authorized if self.is_closing => PaymentNews::Pending,
            Charge::Authorized => PaymentNews::Authorized(eur(4_000)),
            Charge::Captured => PaymentNews::Captured(eur(self.captured)),
            Charge::Voided => PaymentNews::Voided,
            Charge::Failed => PaymentNews::Declined(trouble("payment_declined")),
        })
    }

    fn authorize(&mut self, mood: u8) -> Answer {
        if self.is_closing || self.charge == Charge::Voided {
            return refused("payment_voided");
        }
        if self.charge == Charge::Open {
            self.charge = match mood % 5 {
                0 => Charge::Action,
                4 => Charge::Review,
                _ => Charge::Asked,
            };
            if self.charge == Charge::Review {
                self.payment_news.push_back(Command::Payment(PaymentNews::InReview));
            }
            if self.charge == Charge::Action {
                self.payment_news.push_back(Command::Payment(PaymentNews::ActionRequired(redirect())));
            }
        }
        self.standing()
    }

    fn capture(&mut self) -> Answer {
        let is_here = self.stock.values().any(|stock| !stock.here.is_empty());
        let is_whole = self.stock.values().all(|stock| stock.waiting.is_empty());
        let terms = self.terms.filter(|terms| !terms.capture_at_once);
        assert!(terms.is_none_or(|terms| is_whole || !terms.together && is_here), "charged before anything is here");
        match self.charge {
            Charge::Authorized if !self.is_closing => {
                self.charge = Charge::Capturing;
                self.standing()
            }
            Charge::Capturing | Charge::Captured => self.standing(),
            _ => refused("payment_voided"),
        }
    }

    fn cancel_payment(&mut self) -> Answer {
        self.is_closing = true;
        match self.charge {
            Charge::Open => {
                self.charge = Charge::Voided;
                self.payment_news.push_back(Command::Payment(PaymentNews::Voided));
            }
            Charge::Captured => self.refund_rest(),
            _ => {}
        }
        self.standing()
    }

    fn refund_rest(&mut self) {
        let rest = self.refundable();
        if rest > 0 {
            let id = format!("rfd_rest{}", self.refunds.len());
            self.refunds.insert(id, (rest, false));
        }
    }

    fn refund(&mut self, asked: Option<(String, i64)>) -> Answer {
        let Some((id, amount)) = asked else { return refused("not_found") };
        if self.refunds.contains_key(&id) {
            return Answer::Refund(RefundNews::Pending);
        }
        if self.charge != Charge::Captured || amount > self.refundable() {
            return refused("exceeds_refundable");
        }
        self.refunds.insert(id, (amount, false));
        Answer::Refund(RefundNews::Pending)
    }

    /// Something happens at the provider.
    pub(super) fn provider_acts(&mut self, mood: u8) {
        let good = !mood.is_multiple_of(4);
        match self.charge {
            Charge::Asked | Charge::Action | Charge::Review if self.is_closing => self.void(),
            Charge::Asked | Charge::Action | Charge::Review if good => {
                self.charge = Charge::Authorized;
                self.payment_news.push_back(Command::Payment(PaymentNews::Authorized(eur(4_000))));
            }
            Charge::Asked | Charge::Action | Charge::Review => {
                self.charge = Charge::Failed;
                let problem = Trouble::payment_declined(ORDER, "payment_declined", "do_not_honor", "");
                self.payment_news.push_back(Command::Payment(PaymentNews::Declined(problem)));
            }
            Charge::Authorized if self.is_closing => self.void(),
            Charge::Capturing if good => {
                self.charge = Charge::Captured;
                self.captures += 1;
                self.captured = 4_000;
                self.payment_news.push_back(Command::Payment(PaymentNews::Captured(eur(4_000))));
                if self.is_closing {
                    self.refund_rest();
                }
            }
            Charge::Capturing => {
                self.charge = Charge::Authorized;
                let problem = Trouble::payment_declined(ORDER, "provider_refused", "", "");
                self.payment_news.push_back(Command::Payment(PaymentNews::CaptureFailed(problem)));
            }
            Charge::Captured => {
                let next = self.refunds.iter_mut().find(|(_, (_, done))| !done);
                let Some((id, (amount, done))) = next else { return };
                let id = id.clone();
                if good {
                    *done = true;
                    self.payment_news.push_back(processed(&id, *amount));
                } else {
                    self.refunds.remove(&id);
                    let failed = RefundNews::Failed { refund_id: id, reason: "account_closed".to_owned() };
                    self.payment_news.push_back(Command::Refund(failed));
                }
            }
            Charge::Open | Charge::Authorized | Charge::Voided | Charge::Failed => {}
        }
    }

    fn void(&mut self) {
        self.charge = Charge::Voided;
        self.payment_news.push_back(Command::Payment(PaymentNews::Voided));
    }

    /// A parcel moves.
    pub(super) fn warehouse_acts(&mut self, mood: u8) {
        let open = self.boxes.iter().filter(|(_, (state, _))| matches!(state, Box_::Planned | Box_::Left));
        let open: Vec<String> = open.map(|(id, _)| id.clone()).collect();
        if open.is_empty() {
            return;
        }
        let id = open[usize::from(mood / 8) % open.len()].clone();
        let count = self.boxes.len();
        let (state, lines) = self.boxes.get_mut(&id).expect("a parcel");
        let news = match state {
            Box_::Planned if mood % 8 == 7 => {
                *state = Box_::Stopped;
                ParcelNews::Cancelled
            }
            Box_::Planned if mood % 8 == 6 && lines.get("MUG").is_some_and(|mugs| *mugs > 1) => {
                let over = units(&[("MUG", 1)]);
                super::super::placed::take(lines, &over);
                let new_shipment_id = format!("shp_split{count}");
                self.boxes.insert(new_shipment_id.clone(), (Box_::Planned, over.clone()));
                let of = self.of.get(&id).cloned().unwrap_or_default();
                self.of.insert(new_shipment_id.clone(), of);
                ParcelNews::Split { new_shipment_id, lines: over }
            }
            Box_::Planned => {
                *state = Box_::Left;
                dispatched()
            }
            _ if mood % 8 == 5 => {
                *state = Box_::Lost;
                ParcelNews::Lost
            }
            _ => {
                *state = Box_::Arrived;
                ParcelNews::Delivered
            }
        };
        self.shipping_news.push_back(parcel(&id, news));
    }

    /// Holds that nobody confirmed end.
    pub(super) fn holds_end(&mut self) {
        for (id, shelf) in self.shelves.iter_mut().filter(|(_, shelf)| **shelf == Shelf::Held) {
            *shelf = Shelf::Expired;
            self.stock.remove(id);
        }
    }
}
