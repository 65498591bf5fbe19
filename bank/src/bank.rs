//! The bank: holds, takes, lets go and gives back, each at most once for a key.
//!
//! Everything is decided under one lock, written to the journal, and answered once the line is on the disk, reads
//! included: nobody is told what a crash could take back. A key that came before is answered as the first time; with
//! another request it is a fault.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::books::{Books, Entry, Line, Move, News, Thing, What};
use crate::card::{self, Behaviour, Card};
use crate::clock;
use crate::fault::Fault;
use crate::intent::{Customer, Intent, Method, Refund, RefundStatus, Status, hex};
use crate::journal::{Error, Journal};

/// The name of the journal in the bank's directory.
pub const JOURNAL: &str = "bank.journal";

/// The most that can be intended at once, in minor units.
const AMOUNT_MAX: i64 = 999_999_999_999;

/// A request's name, if it has one, and what tells it from another with the same name.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The idempotency key.
    pub key: Option<&'a str>,
    /// A fingerprint of what is asked for.
    pub print: &'a str,
}

/// What somebody intends to pay.
#[derive(Debug, Clone, Default)]
pub struct NewIntent {
    /// Minor units.
    pub amount: i64,
    /// A currency of ISO 4217.
    pub currency: String,
    /// Whether the money is taken by itself once it is held.
    pub captures_itself: bool,
    /// How to pay.
    pub method: Option<String>,
    /// Whether to try at once.
    pub confirm: bool,
    /// The customer.
    pub customer: Option<String>,
    /// The merchant's own words.
    pub description: Option<String>,
    /// The merchant's own data.
    pub metadata: BTreeMap<String, String>,
    /// Where the customer's browser goes back to.
    pub return_url: Option<String>,
}

/// How a request was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What was done, or why not; a fault may come with the thing that it is about.
    pub result: Result<Thing, (Fault, Option<Thing>)>,
    /// It was answered before, and nothing was done this time.
    pub replayed: bool,
    /// How the card behaves that was used.
    pub behaviour: Option<Behaviour>,
}

impl Answer {
    fn no(fault: Fault) -> Answer {
        Answer { result: Err((fault, None)), replayed: false, behaviour: None }
    }
}

/// The bank.
#[derive(Debug)]
pub struct Bank {
    books: Mutex<Books>,
    journal: Journal,
    /// Told when there are news.
    pub(crate) news: tokio::sync::Notify,
}

/// One request while it is decided.
struct Draft<'a> {
    books: &'a Books,
    number: u64,
    entry: Entry,
    behaviour: Option<Behaviour>,
}

impl Bank {
    /// A bank that is gone with the process, for tests of others.
    #[must_use]
    pub fn in_memory() -> Bank {
        let books = Books { salt: "memory".to_owned(), ..Books::default() };
        Bank { books: Mutex::new(books), journal: Journal::in_memory(), news: tokio::sync::Notify::new() }
    }

    /// Opens the bank of a directory, or founds one.
    ///
    /// # Errors
    /// When its journal cannot be read or written, or is damaged.
    pub fn open(directory: &Path) -> Result<Bank, Error> {
        let path = directory.join(JOURNAL);
        std::fs::create_dir_all(directory).map_err(|source| Error::Disk {
            doing: "make room for",
            path: path.clone(),
            source,
        })?;
        let (journal, lines) = Journal::open::<Line>(&path)?;
        let mut books = Books::default();
        for (number, line) in (1..).zip(lines) {
            books.fold(number, line);
        }
        if books.salt.is_empty() {
            let opened = Line::Opened { salt: clock::salt() };
            let number = journal.put(&opened);
            journal.settle(number)?;
            books.fold(number, opened);
        }
        Ok(Bank { books: Mutex::new(books), journal, news: tokio::sync::Notify::new() })
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something that was read, once all that led to it is on the disk.
    fn read<T>(&self, look: impl FnOnce(&Books) -> T) -> Result<T, Error> {
        let (seen, number) = {
            let books = self.books();
            (look(&books), self.journal.last())
        };
        self.journal.settle(number)?;
        Ok(seen)
    }

    /// Decides a request, once.
    fn run(
        &self,
        asked: Asked<'_>,
        what: &str,
        work: impl FnOnce(&mut Draft<'_>) -> Result<(), Fault>,
    ) -> Result<Answer, Error> {
        let mut books = self.books();
        let before = asked.key.and_then(|key| books.kept.get(key)).cloned();
        if let Some(kept) = before {
            let number = self.journal.last();
            drop(books);
            self.journal.settle(number)?;
            if kept.print != asked.print {
                return Ok(Answer::no(Fault::key_reused()));
            }
            let result = match (kept.fault, kept.thing) {
                (None, Some(thing)) => Ok(thing),
                (Some(fault), thing) => Err((fault, thing)),
                (None, None) => Err((Fault::key_reused(), None)),
            };
            return Ok(Answer { result, replayed: true, behaviour: None });
        }
        let entry = Entry {
            at: clock::seconds(),
            asked: what.to_owned(),
            key: asked.key.map(str::to_owned),
            print: asked.print.to_owned(),
            moves: Vec::new(),
            things: Vec::new(),
            fault: None,
            news: Vec::new(),
        };
        let mut draft = Draft { books: &books, number: self.journal.last() + 1, entry, behaviour: None };
        let outcome = work(&mut draft);
        let Draft { mut entry, behaviour, .. } = draft;
        if let Err(fault) = &outcome {
            if !fault.is_kept() {
                return Ok(Answer::no(fault.clone()));
            }
            entry.fault = Some(fault.clone());
        }
        let thing = entry.things.last().cloned();
        let has_news = !entry.news.is_empty();
        let line = Line::Done(Box::new(entry));
        let number = self.journal.put(&line);
        books.fold(number, line);
        drop(books);
        self.journal.settle(number)?;
        if has_news {
            self.news.notify_one();
        }
        let result = match (outcome, thing) {
            (Ok(()), Some(thing)) => Ok(thing),
            (Err(fault), thing) => Err((fault, thing)),
            (Ok(()), None) => Err((Fault::request("nothing_done", "Nothing was done."), None)),
        };
        Ok(Answer { result, replayed: false, behaviour })
    }

    /// Begins an intent, and tries it at once if so asked.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn create(&self, asked: Asked<'_>, new: NewIntent) -> Result<Answer, Error> {
        self.run(asked, "create", move |draft| {
            let currency = new.currency.to_ascii_lowercase();
            if !(1..=AMOUNT_MAX).contains(&new.amount) {
                let code = if new.amount < 1 { "parameter_invalid_integer" } else { "amount_too_large" };
                return Err(Fault::param("amount", code, format!("This amount is not possible: {}", new.amount)));
            }
            if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
                return Err(Fault::param("currency", "invalid_currency", format!("Invalid currency: {currency}")));
            }
            let mut intent = Intent {
                id: draft.id("pi", 0),
                created: draft.entry.at,
                amount: new.amount,
                currency,
                captures_itself: new.captures_itself,
                status: Status::RequiresPaymentMethod,
                held: 0,
                taken: 0,
                returned: 0,
                method: None,
                behaviour: None,
                customer: new.customer,
                description: new.description,
                metadata: new.metadata,
                return_url: new.return_url,
                last_fault: None,
                cancellation_reason: None,
                canceled_at: None,
            };
            if let Some(method) = &new.method {
                draft.choose(&mut intent, method)?;
            } else if new.confirm {
                return Err(Fault::param("payment_method", "parameter_missing", "Say how to pay."));
            }
            if new.confirm { draft.charge(intent) } else { draft.done(intent, None) }
        })
    }

    /// Tries an intent.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn confirm(
        &self,
        asked: Asked<'_>,
        id: &str,
        method: Option<&str>,
        return_url: Option<&str>,
    ) -> Result<Answer, Error> {
        self.run(asked, "confirm", |draft| {
            let mut intent = draft.intent(id)?;
            if !matches!(intent.status, Status::RequiresPaymentMethod | Status::RequiresConfirmation) {
                return Err(draft.unexpected(intent, "confirm"));
            }
            if let Some(method) = method {
                draft.choose(&mut intent, method)?;
            }
            if intent.status != Status::RequiresConfirmation {
                return Err(Fault::param("payment_method", "parameter_missing", "Say how to pay."));
            }
            intent.return_url = return_url.map(str::to_owned).or(intent.return_url);
            draft.charge(intent)
        })
    }

    /// The customer proved who they are, or could not.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn authenticate(&self, id: &str, proved: bool) -> Result<Answer, Error> {
        self.run(Asked { key: None, print: "" }, "authenticate", |draft| {
            let mut intent = draft.intent(id)?;
            if intent.status != Status::RequiresAction {
                return Err(draft.unexpected(intent, "authenticate"));
            }
            match intent.behaviour {
                _ if !proved => draft.fail(intent, Fault::unauthenticated()),
                Some(Behaviour::AuthenticatesThenDeclined) => {
                    draft.fail(intent, Fault::declined(card::Decline::Generic))
                }
                _ => {
                    draft.hold(&mut intent);
                    draft.settled(intent)
                }
            }
        })
    }

    /// Takes money that is held: all of it, or a part; the rest is let go.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn capture(&self, asked: Asked<'_>, id: &str, amount: Option<i64>) -> Result<Answer, Error> {
        self.run(asked, "capture", |draft| {
            let mut intent = draft.intent(id)?;
            draft.behaviour = intent.behaviour;
            if intent.status != Status::RequiresCapture {
                return Err(draft.unexpected(intent, "capture"));
            }
            let amount = amount.unwrap_or(intent.held);
            if !(1..=intent.held).contains(&amount) {
                let message = format!("The amount to capture must be between 1 and {}.", intent.held);
                return Err(Fault::param("amount_to_capture", "amount_too_large", message));
            }
            if intent.behaviour == Some(Behaviour::CaptureDeclined) {
                let fault = Fault::declined(card::Decline::Generic);
                draft.entry.things.push(Thing::Intent(intent));
                return Err(fault);
            }
            draft.take(&mut intent, amount);
            draft.settled(intent)
        })
    }

    /// Gives an intent up before its money was taken.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn cancel(&self, asked: Asked<'_>, id: &str, reason: Option<&str>) -> Result<Answer, Error> {
        self.run(asked, "cancel", |draft| {
            let mut intent = draft.intent(id)?;
            draft.behaviour = intent.behaviour;
            if matches!(intent.status, Status::Canceled | Status::Succeeded) {
                return Err(draft.unexpected(intent, "cancel"));
            }
            draft.moved(What::Released, &intent, intent.held);
            intent.held = 0;
            intent.status = Status::Canceled;
            intent.canceled_at = Some(draft.entry.at);
            intent.cancellation_reason = reason.map(str::to_owned);
            draft.done(intent, Some("payment_intent.canceled"))
        })
    }

    /// Gives money back: all that is left, or a part.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn refund(
        &self,
        asked: Asked<'_>,
        id: &str,
        amount: Option<i64>,
        reason: Option<&str>,
        metadata: BTreeMap<String, String>,
    ) -> Result<Answer, Error> {
        self.run(asked, "refund", move |draft| {
            let mut intent = draft.intent(id)?;
            draft.behaviour = intent.behaviour;
            if intent.status != Status::Succeeded {
                return Err(draft.unexpected(intent, "refund"));
            }
            let left = intent.refundable();
            if left == 0 {
                return Err(Fault::request("charge_already_refunded", format!("{id} has already been refunded.")));
            }
            let amount = amount.unwrap_or(left);
            if !(1..=left).contains(&amount) {
                let message = format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
                return Err(Fault::request("amount_too_large", message));
            }
            let status = match intent.behaviour {
                Some(Behaviour::RefundPends) => RefundStatus::Pending,
                Some(Behaviour::RefundFails) => RefundStatus::Failed,
                _ => RefundStatus::Succeeded,
            };
            if status != RefundStatus::Failed {
                intent.returned += amount;
            }
            if status == RefundStatus::Succeeded {
                draft.moved(What::Returned, &intent, amount);
            }
            let refund = Refund {
                id: draft.id("re", 0),
                created: draft.entry.at,
                intent: intent.id.clone(),
                amount,
                currency: intent.currency.clone(),
                status,
                reason: reason.map(str::to_owned),
                metadata,
            };
            draft.entry.things.push(Thing::Intent(intent));
            draft.entry.things.push(Thing::Refund(refund));
            draft.tell(if status == RefundStatus::Failed { "refund.failed" } else { "refund.created" });
            Ok(())
        })
    }

    /// A refund as it is now. One that takes a while has succeeded by then.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn look_at_refund(&self, id: &str) -> Result<Option<Refund>, Error> {
        let Some(refund) = self.read(|books| books.refunds.get(id).cloned())? else { return Ok(None) };
        if refund.status != RefundStatus::Pending {
            return Ok(Some(refund));
        }
        let answer = self.run(Asked { key: None, print: "" }, "refund arrives", |draft| {
            let found = draft.books.refunds.get(id).cloned();
            let mut refund = found.ok_or_else(|| Fault::missing("refund", id, "id"))?;
            let intent = draft.intent(&refund.intent)?;
            if refund.status == RefundStatus::Pending {
                refund.status = RefundStatus::Succeeded;
                draft.moved(What::Returned, &intent, refund.amount);
            }
            draft.entry.things.push(Thing::Refund(refund));
            draft.tell("refund.updated");
            Ok(())
        })?;
        Ok(answer.result.ok().and_then(|thing| if let Thing::Refund(refund) = thing { Some(refund) } else { None }))
    }

    /// The refunds of an intent, newest first.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn refunds_of(&self, intent: &str) -> Result<Vec<Refund>, Error> {
        let ids = self.read(|books| books.refunds_of.get(intent).cloned().unwrap_or_default())?;
        let mut refunds = Vec::new();
        for id in ids.iter().rev() {
            refunds.extend(self.look_at_refund(id)?);
        }
        Ok(refunds)
    }

    /// Keeps a card.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn create_method(&self, asked: Asked<'_>, card: Card) -> Result<Answer, Error> {
        self.run(asked, "create method", move |draft| {
            let method = Method { id: draft.id("pm", 0), created: draft.entry.at, card, customer: None };
            draft.entry.things.push(Thing::Method(method));
            Ok(())
        })
    }

    /// Gives a card to a customer. A well-known token becomes a method of its own.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn attach(&self, asked: Asked<'_>, id: &str, customer: &str) -> Result<Answer, Error> {
        self.run(asked, "attach", |draft| {
            if !draft.books.customers.contains_key(customer) {
                return Err(Fault::missing("customer", customer, "customer"));
            }
            let kept = draft.books.methods.get(id).cloned();
            let fresh = || {
                let card = card::of_token(id)?;
                Some(Method { id: draft.id("pm", 0), created: draft.entry.at, card, customer: None })
            };
            let found = kept.or_else(fresh).ok_or_else(|| Fault::missing("PaymentMethod", id, "payment_method"));
            let mut method = found?;
            if method.customer.as_deref().is_some_and(|owner| owner != customer) {
                let message = "The payment method you provided has already been attached to a customer.";
                return Err(Fault::request("payment_method_unexpected_state", message));
            }
            if let Behaviour::Declined(decline) = method.card.behaviour {
                return Err(Fault::declined(decline));
            }
            method.customer = Some(customer.to_owned());
            draft.entry.things.push(Thing::Method(method));
            draft.tell("payment_method.attached");
            Ok(())
        })
    }

    /// Takes a card from its customer: it cannot be used again.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn detach(&self, asked: Asked<'_>, id: &str) -> Result<Answer, Error> {
        self.run(asked, "detach", |draft| {
            let found = draft.books.methods.get(id).cloned();
            let mut method = found.ok_or_else(|| Fault::missing("PaymentMethod", id, "payment_method"))?;
            if method.customer.take().is_none() {
                let message = "The payment method you provided is not attached to a customer.";
                return Err(Fault::request("payment_method_unexpected_state", message));
            }
            draft.entry.things.push(Thing::Method(method));
            draft.tell("payment_method.detached");
            Ok(())
        })
    }

    /// Gets to know a customer.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn create_customer(&self, asked: Asked<'_>, metadata: BTreeMap<String, String>) -> Result<Answer, Error> {
        self.run(asked, "create customer", move |draft| {
            let customer = Customer { id: draft.id("cus", 0), created: draft.entry.at, metadata };
            draft.entry.things.push(Thing::Customer(customer));
            Ok(())
        })
    }

    /// An intent as it is now.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn intent(&self, id: &str) -> Result<Option<Intent>, Error> {
        self.read(|books| books.intents.get(id).cloned())
    }

    /// A customer.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn customer(&self, id: &str) -> Result<Option<Customer>, Error> {
        self.read(|books| books.customers.get(id).cloned())
    }

    /// A method.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn method(&self, id: &str) -> Result<Option<Method>, Error> {
        self.read(|books| books.methods.get(id).cloned())
    }

    /// What was done under a key, as it is now.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn by_key(&self, key: &str) -> Result<Option<Thing>, Error> {
        self.read(|books| {
            let now = |thing: &Thing| match thing {
                Thing::Intent(intent) => books.intents.get(&intent.id).cloned().map(Thing::Intent),
                Thing::Refund(refund) => books.refunds.get(&refund.id).cloned().map(Thing::Refund),
                other => Some(other.clone()),
            };
            books.kept.get(key).and_then(|kept| kept.thing.as_ref()).and_then(now)
        })
    }

    /// Intents with this in their metadata, newest first.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn with_metadata(&self, name: &str, value: &str) -> Result<Vec<Intent>, Error> {
        self.read(|books| {
            let ids = books.by_metadata.get(&(name.to_owned(), value.to_owned()));
            ids.into_iter().flatten().rev().filter_map(|id| books.intents.get(id).cloned()).collect()
        })
    }

    /// All intents, newest first, from behind this one on.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn intents(&self, after: Option<&str>, limit: usize) -> Result<Vec<Intent>, Error> {
        self.read(|books| {
            let from_newest = books.order.iter().rev();
            let skip = after.map_or(0, |after| from_newest.clone().take_while(|id| *id != after).count() + 1);
            from_newest.skip(skip).take(limit).filter_map(|id| books.intents.get(id).cloned()).collect()
        })
    }

    /// News that the merchant has not taken, oldest first: when they happened, what they are and what they are about.
    ///
    /// # Errors
    /// When the journal cannot be written.
    pub fn untold(&self, limit: usize) -> Result<Vec<(u64, News, Thing)>, Error> {
        self.read(|books| books.untold.values().take(limit).cloned().collect())
    }

    /// The merchant has taken news. Forgotten by a crash, they are told again.
    pub fn told(&self, news: &str) {
        let mut books = self.books();
        let line = Line::Told { news: news.to_owned() };
        let number = self.journal.put(&line);
        books.fold(number, line);
    }
}

impl Draft<'_> {
    /// An id that nothing else here has.
    fn id(&self, prefix: &str, index: u64) -> String {
        let seed = format!("{} {} {prefix} {index}", self.books.salt, self.number);
        format!("{prefix}_{}", hex(&blake3::hash(seed.as_bytes()).as_bytes()[..12]))
    }

    fn intent(&self, id: &str) -> Result<Intent, Fault> {
        self.books.intents.get(id).cloned().ok_or_else(|| Fault::missing("payment_intent", id, "intent"))
    }

    fn unexpected(&mut self, intent: Intent, what: &str) -> Fault {
        let status = intent.status.word();
        let message = format!("You cannot {what} this PaymentIntent because it has a status of {status}.");
        self.entry.things.push(Thing::Intent(intent));
        Fault::request("payment_intent_unexpected_state", message)
    }

    fn choose(&self, intent: &mut Intent, method: &str) -> Result<(), Fault> {
        let kept = self.books.methods.get(method);
        if let Some(owner) = kept.and_then(|kept| kept.customer.as_ref())
            && intent.customer.as_ref() != Some(owner)
        {
            let message = "The PaymentMethod belongs to a Customer. Include the Customer in the parameters.";
            return Err(Fault::param("payment_method", "payment_method_customer_mismatch", message));
        }
        let card = kept.map(|kept| kept.card.clone()).or_else(|| card::of_token(method));
        let card = card.ok_or_else(|| Fault::missing("PaymentMethod", method, "payment_method"))?;
        intent.method = Some(method.to_owned());
        intent.behaviour = Some(card.behaviour);
        intent.status = Status::RequiresConfirmation;
        Ok(())
    }

    fn moved(&mut self, what: What, intent: &Intent, amount: i64) {
        if amount > 0 {
            let (intent, currency) = (intent.id.clone(), intent.currency.clone());
            self.entry.moves.push(Move { what, intent, amount, currency });
        }
    }

    fn tell(&mut self, kind: &str) {
        let about = self.entry.things.len().saturating_sub(1);
        let id = self.id("evt", self.entry.news.len() as u64);
        self.entry.news.push(News { id, kind: kind.to_owned(), about });
    }

    /// Tries the card.
    fn charge(&mut self, mut intent: Intent) -> Result<(), Fault> {
        self.behaviour = intent.behaviour;
        match intent.behaviour {
            Some(Behaviour::Declined(decline)) => self.fail(intent, Fault::declined(decline)),
            Some(Behaviour::Authenticates | Behaviour::AuthenticatesThenDeclined) => {
                intent.status = Status::RequiresAction;
                self.done(intent, Some("payment_intent.requires_action"))
            }
            _ => {
                self.hold(&mut intent);
                self.settled(intent)
            }
        }
    }

    fn fail(&mut self, mut intent: Intent, fault: Fault) -> Result<(), Fault> {
        intent.status = Status::RequiresPaymentMethod;
        intent.method = None;
        intent.last_fault = Some(fault.clone());
        self.done(intent, Some("payment_intent.payment_failed"))?;
        Err(fault)
    }

    fn hold(&mut self, intent: &mut Intent) {
        intent.held = intent.amount;
        intent.status = Status::RequiresCapture;
        self.moved(What::Held, intent, intent.held);
        if intent.captures_itself {
            self.take(intent, intent.held);
        }
    }

    fn take(&mut self, intent: &mut Intent, amount: i64) {
        let rest = intent.held - amount;
        intent.taken = amount;
        intent.held = 0;
        intent.status = Status::Succeeded;
        self.moved(What::Charged, intent, amount);
        self.moved(What::Released, intent, rest);
    }

    fn settled(&mut self, intent: Intent) -> Result<(), Fault> {
        let kind = match intent.status {
            Status::Succeeded => "payment_intent.succeeded",
            _ => "payment_intent.amount_capturable_updated",
        };
        self.done(intent, Some(kind))
    }

    fn done(&mut self, intent: Intent, news: Option<&str>) -> Result<(), Fault> {
        self.entry.things.push(Thing::Intent(intent));
        if let Some(kind) = news {
            self.tell(kind);
        }
        Ok(())
    }
}
