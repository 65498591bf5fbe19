//! A cart: whose it is, what is in it, where it goes, and what becomes of it when nobody comes back.

use jiff::{SignedDuration, Timestamp};
use runtime::entity::{Agenda, Asked, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::contents::{Beyond, Change, Contents, Line, Policy, Wish};
use crate::wire::{self, Currency, Money};

/// The state of a cart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cart {
    /// Its id; empty when nothing ever happened to it.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// How it stands.
    pub stage: Stage,
    /// Where it goes and for whom it is priced; there from its first day.
    pub details: Option<Details>,
    /// What is in it.
    pub contents: Contents,
    /// The carts whose contents it took over.
    pub merged_from: Vec<String>,
    /// How long it waits for its owner.
    pub patience: Patience,
    /// When it came into being.
    pub created_at: Timestamp,
    /// When its owner last changed it.
    pub updated_at: Timestamp,
}

/// How a cart stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It is being filled.
    Active,
    /// Nobody has touched it for a while.
    Abandoned,
    /// It became an order.
    Ordered(String),
    /// Another cart takes its contents over.
    Merged {
        /// The other cart.
        into: String,
        /// Whose that is.
        into_owner: String,
        /// What becomes of lines that both have.
        policy: Policy,
        /// Since when.
        since: Timestamp,
    },
    /// It is gone.
    Deleted,
}

/// How long a cart waits for its owner. It is given when the cart is taken and stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Patience {
    /// From its last change until it counts as abandoned.
    pub idle: SignedDuration,
    /// From its last change until it is deleted.
    pub keep: SignedDuration,
}

/// Where a cart goes and how, and for whom it is priced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// The currency of its prices.
    pub currency: Currency,
    /// The country it is priced for until there is an address.
    pub country: String,
    /// The channel it is priced for.
    pub channel: String,
    /// Where it goes.
    pub ship_to: Option<Address>,
    /// The chosen way of shipping.
    pub shipping_option: String,
}

/// Where somebody lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words of an address")]
pub struct Address {
    pub name: String,
    pub line1: String,
    pub line2: String,
    pub postal_code: String,
    pub city: String,
    pub region: String,
    pub country: String,
    pub phone: String,
}

/// What can be asked of a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Come into being.
    Create {
        /// Its id.
        id: String,
        /// Whose it is.
        owner: String,
        /// Where it goes.
        details: Details,
        /// What is in it at once.
        wishes: Vec<Wish>,
        /// How long it waits for its owner.
        patience: Patience,
    },
    /// Go there from now on.
    Update(Details),
    /// Hold exactly these lines.
    Put(Vec<Wish>),
    /// Hold these units more.
    Add(Wish),
    /// Hold no such line.
    Remove(String),
    /// The owner has seen these prices.
    Accept(Vec<(String, Money)>),
    /// Put a line aside.
    Save(String),
    /// Put a line back.
    Restore(String),
    /// Forget a line that was put aside.
    Forget(String),
    /// Take a coupon code.
    AddCoupon(String),
    /// Give a coupon code back.
    RemoveCoupon(String),
    /// Be gone.
    Delete,
    /// You have become this order.
    Complete(String),
    /// Close, so that another takes your contents over.
    HandOver {
        /// The other cart.
        into: String,
        /// Whose that is.
        into_owner: String,
        /// What becomes of lines that both have.
        policy: Policy,
    },
    /// Take the contents of another cart over.
    TakeOver {
        /// The other cart.
        from: String,
        /// What was in it.
        contents: Contents,
        /// What becomes of lines that both have.
        policy: Policy,
    },
    /// How it ended when the other cart was asked to take over: the reason, if it would not.
    HandedOver(Option<String>),
    /// Nobody has come for a while.
    Abandon,
    /// Nobody has come for too long.
    Expire,
}

/// What can have happened to a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// Whose it is.
    pub owner: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It came into being.
    Created {
        /// Where it goes.
        details: Box<Details>,
        /// What is in it.
        lines: Vec<Line>,
        /// How long it waits for its owner.
        patience: Patience,
    },
    /// It changed.
    Updated {
        /// What is in it now, and no longer.
        change: Box<Change>,
        /// Where it goes, if that is another place.
        details: Option<Box<Details>>,
        /// The cart whose contents it took over with this.
        merged_from: Option<String>,
        /// How long it waits for its owner.
        patience: Patience,
    },
    /// Nobody had come for a while.
    Abandoned(Vec<Line>),
    /// It became this order.
    Ordered(String),
    /// Another cart takes its contents over.
    Merged {
        /// The other cart.
        into: String,
        /// Whose that is.
        into_owner: String,
        /// What becomes of lines that both have.
        policy: Policy,
    },
    /// The other cart did not.
    Reopened {
        /// Why.
        reason: String,
        /// How long it waits for its owner.
        patience: Patience,
    },
    /// It is gone; by itself, or because somebody asked.
    Deleted {
        /// By itself.
        expired: bool,
    },
}

/// Why a cart says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such cart")]
    NotFound,
    /// There is one.
    #[error("there is already a cart with this id")]
    AlreadyExists,
    /// It no longer changes.
    #[error("the cart is {0} and no longer changes")]
    Closed(&'static str),
    /// It became another order.
    #[error("the cart became another order")]
    AlreadyOrdered(String),
    /// There is no such line.
    #[error("there is no line with the SKU {0} in the cart")]
    NotInCart(String),
    /// There is no such line put aside.
    #[error("there is no line with the SKU {0} put aside")]
    NotSaved(String),
    /// Nobody is merged with themselves.
    #[error("a cart is not merged with itself")]
    SameCart,
    /// It would be too much.
    #[error(transparent)]
    Beyond(#[from] Beyond),
}

impl Cart {
    /// When it counts as abandoned, if nothing happens to it before.
    #[must_use]
    pub fn idle_at(&self) -> Timestamp {
        later(self.updated_at, self.patience.idle)
    }

    /// When it is deleted, if nothing happens to it before; `None` when it is closed.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        matches!(self.stage, Stage::Active | Stage::Abandoned).then(|| later(self.updated_at, self.patience.keep))
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        Event { id: self.id.clone(), owner: self.owner.clone(), at, what }
    }

    /// The contents that a command of the owner makes of these.
    fn after(&self, command: Command, now: Timestamp) -> Result<Contents, Refusal> {
        let contents = self.contents.clone();
        Ok(match command {
            Command::Put(wishes) => contents.put(wishes, now),
            Command::Add(wish) => contents.add(wish, now),
            Command::Remove(sku) => contents.remove(&sku),
            Command::Accept(prices) => prices.into_iter().try_fold(contents, |contents, (sku, price)| {
                contents.accept(&sku, price).ok_or(Refusal::NotInCart(sku))
            })?,
            Command::Save(sku) => contents.save(&sku).ok_or(Refusal::NotInCart(sku))?,
            Command::Restore(sku) => contents.restore(&sku).ok_or(Refusal::NotSaved(sku))?,
            Command::Forget(sku) => contents.forget(&sku),
            Command::AddCoupon(code) => contents.with_coupon(code),
            Command::RemoveCoupon(code) => contents.without_coupon(&code),
            Command::TakeOver { contents: other, policy, .. } => match &self.details {
                Some(details) => contents.merged(other, policy, details.currency),
                None => contents,
            },
            Command::Create { .. }
            | Command::Update(_)
            | Command::Delete
            | Command::Complete(_)
            | Command::HandOver { .. }
            | Command::HandedOver(_)
            | Command::Abandon
            | Command::Expire => contents,
        })
    }

    /// An open cart decides.
    fn decide_open(&self, command: Command, now: Timestamp) -> Result<Vec<Event>, Refusal> {
        let one = |what| Ok(vec![self.event(now, what)]);
        match command {
            Command::Create { .. } => Err(Refusal::AlreadyExists),
            Command::Update(details) if self.details.as_ref() == Some(&details) => Ok(vec![]),
            Command::Update(details) => one(What::Updated {
                change: Box::default(),
                details: Some(Box::new(details)),
                merged_from: None,
                patience: self.patience,
            }),
            Command::Delete => one(What::Deleted { expired: false }),
            Command::Complete(order_id) => one(What::Ordered(order_id)),
            Command::HandOver { into, .. } if into == self.id => Err(Refusal::SameCart),
            Command::HandOver { into, into_owner, policy } => one(What::Merged { into, into_owner, policy }),
            // Its time may have been put off since the timer was set.
            Command::Abandon
                if self.stage == Stage::Active && !self.contents.lines.is_empty() && self.idle_at() <= now =>
            {
                one(What::Abandoned(self.contents.lines.clone()))
            }
            Command::Expire if self.expires_at().is_some_and(|at| at <= now) => one(What::Deleted { expired: true }),
            Command::Abandon | Command::Expire | Command::HandedOver(_) => Ok(vec![]),
            Command::TakeOver { ref from, .. } if self.merged_from.contains(from) => Ok(vec![]),
            Command::TakeOver { ref from, .. } if *from == self.id => Err(Refusal::SameCart),
            command => {
                let merged_from = match &command {
                    Command::TakeOver { from, .. } => Some(from.clone()),
                    _ => None,
                };
                let change = Change::between(&self.contents, &self.after(command, now)?.checked()?);
                if change.is_nothing() && merged_from.is_none() {
                    return Ok(vec![]);
                }
                let (change, patience) = (Box::new(change), self.patience);
                one(What::Updated { change, details: None, merged_from, patience })
            }
        }
    }

    /// A closed cart decides; `how` it was closed.
    fn decide_closed(&self, command: Command, now: Timestamp, how: &'static str) -> Result<Vec<Event>, Refusal> {
        match (&self.stage, command) {
            (_, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (_, Command::Abandon | Command::Expire) => Ok(vec![]),
            // The other cart speaks until it is heard; this one heard it before it was closed.
            (_, Command::TakeOver { from, .. }) if self.merged_from.contains(&from) => Ok(vec![]),
            (Stage::Ordered(order), Command::Complete(order_id)) if *order == order_id => Ok(vec![]),
            (Stage::Ordered(order), Command::Complete(_)) => Err(Refusal::AlreadyOrdered(order.clone())),
            (Stage::Merged { into, .. }, Command::HandOver { into: again, .. }) if *into == again => Ok(vec![]),
            (Stage::Merged { .. }, Command::HandedOver(Some(reason))) => {
                Ok(vec![self.event(now, What::Reopened { reason, patience: self.patience })])
            }
            (_, Command::HandedOver(_)) => Ok(vec![]),
            (
                _,
                Command::Update(_)
                | Command::Put(_)
                | Command::Add(_)
                | Command::Remove(_)
                | Command::Accept(_)
                | Command::Save(_)
                | Command::Restore(_)
                | Command::Forget(_)
                | Command::AddCoupon(_)
                | Command::RemoveCoupon(_)
                | Command::Delete
                | Command::Complete(_)
                | Command::HandOver { .. }
                | Command::TakeOver { .. },
            ) => Err(Refusal::Closed(how)),
        }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

impl Entity for Cart {
    const KIND: &'static str = "cart";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        match (&self.stage, command) {
            (Stage::Unknown, Command::Create { id, owner, details, wishes, patience }) => {
                let lines = Contents::default().put(wishes, facts.now).checked()?.lines;
                let what = What::Created { details: Box::new(details), lines, patience };
                Ok(vec![Event { id, owner, at: facts.now, what }])
            }
            (Stage::Deleted, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Stage::Unknown | Stage::Deleted, Command::Abandon | Command::Expire | Command::HandedOver(_)) => {
                Ok(vec![])
            }
            (Stage::Deleted, Command::Delete) => Ok(vec![]),
            // It had taken the other's contents before it was deleted: they must not come back to life there.
            (Stage::Deleted, Command::TakeOver { from, .. }) if self.merged_from.contains(&from) => Ok(vec![]),
            (Stage::Unknown | Stage::Deleted, _) => Err(Refusal::NotFound),
            (Stage::Active | Stage::Abandoned, command) => self.decide_open(command, facts.now),
            (Stage::Ordered(_), command) => self.decide_closed(command, facts.now, "ordered"),
            (Stage::Merged { .. }, command) => self.decide_closed(command, facts.now, "merged"),
        }
    }

    fn evolve(&mut self, event: &Event) {
        let Event { id, owner, at, what } = event;
        match what {
            What::Created { details, lines, patience } => {
                *self = Cart {
                    id: id.clone(),
                    owner: owner.clone(),
                    stage: Stage::Active,
                    details: Some((**details).clone()),
                    contents: Contents { lines: lines.clone(), ..Contents::default() },
                    merged_from: Vec::new(),
                    patience: *patience,
                    created_at: *at,
                    updated_at: *at,
                };
            }
            What::Updated { change, details, merged_from, patience } => {
                change.apply(&mut self.contents);
                if let Some(details) = details {
                    self.details = Some((**details).clone());
                }
                self.merged_from.extend(merged_from.clone());
                (self.stage, self.patience, self.updated_at) = (Stage::Active, *patience, *at);
            }
            What::Abandoned(_) => self.stage = Stage::Abandoned,
            What::Ordered(order_id) => self.stage = Stage::Ordered(order_id.clone()),
            What::Merged { into, into_owner, policy } => {
                let (into, into_owner) = (into.clone(), into_owner.clone());
                self.stage = Stage::Merged { into, into_owner, policy: *policy, since: *at };
            }
            What::Reopened { patience, .. } => {
                (self.stage, self.patience, self.updated_at) = (Stage::Active, *patience, *at);
            }
            // Whoever deletes a cart wants what is in it to be gone.
            What::Deleted { .. } => {
                (self.stage, self.contents, self.updated_at) = (Stage::Deleted, Contents::default(), *at);
                self.details.iter_mut().for_each(|details| details.ship_to = None);
            }
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        let agenda = Agenda::nothing();
        match &self.stage {
            Stage::Active | Stage::Abandoned => {
                let expires_at = later(self.updated_at, self.patience.keep);
                let agenda = agenda.wake(format!("expire@{expires_at}"), expires_at, Command::Expire);
                if self.stage == Stage::Active && !self.contents.lines.is_empty() {
                    let idle_at = self.idle_at();
                    return agenda.wake(format!("abandon@{idle_at}"), idle_at, Command::Abandon);
                }
                agenda
            }
            Stage::Merged { into, since, .. } => {
                let key = format!("take_over@{since}");
                agenda.ask::<wire::rpc::TakeOver>(key, *since, into, &wire::take_over_request(self), |asked| {
                    Command::HandedOver(match asked {
                        Asked::Done(_) => None,
                        Asked::Refused(problem) => Some(problem.code),
                    })
                })
            }
            Stage::Unknown | Stage::Ordered(_) | Stage::Deleted => agenda,
        }
    }
}

#[cfg(test)]
mod tests;
