//! A redemption: the promotions that one order uses.
//!
//! Its uses count against the tallies while it is reserved or committed, and only then: whoever tells a redemption tells
//! the tallies in the same turn.

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::wire::Money;

/// The state of a redemption.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redemption {
    /// How it stands; `None` when nothing ever happened to it.
    pub status: Option<Status>,
    /// What it is about.
    pub order: Order,
    /// When it gives its uses back by itself.
    pub expires_at: Option<Timestamp>,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What a redemption is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The redemption's id.
    pub redemption_id: String,
    /// The order.
    pub order_id: String,
    /// The customer.
    pub user_id: String,
    /// What the order uses.
    pub uses: Vec<Use>,
}

/// One campaign that an order uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The campaign.
    pub campaign_id: String,
    /// The coupon and its code in capitals, unless the campaign is automatic.
    pub coupon: Option<Shown>,
    /// What it takes off altogether.
    pub amount: Money,
}

/// A coupon that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The coupon.
    pub coupon_id: String,
    /// Which of its codes, in capitals.
    pub code: String,
}

/// How a redemption stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Its uses count, for a while.
    Reserved,
    /// Its uses count for good.
    Committed,
    /// Its uses were given back.
    Released,
    /// Its uses were given back because its time was over.
    Expired,
}

/// What can be asked of a redemption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Count these uses.
    Reserve {
        /// What it is about.
        order: Order,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Count them for good.
    Commit,
    /// Give them back.
    Release,
    /// Its time is over.
    Expire,
}

/// What can have happened to a redemption. Each event repeats what it is about, for those who hear only one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// What it is about.
    pub order: Order,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Its uses count until then.
    Reserved(Timestamp),
    /// They count for good.
    Committed,
    /// They were given back.
    Released(Why),
}

/// Why uses were given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody asked for it.
    Requested,
    /// Their time was over.
    Expired,
}

/// Why a redemption says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such redemption")]
    NotFound,
    /// There is one, and it is about something else.
    #[error("there is already a redemption with this id, for something else")]
    AlreadyExists,
    /// It was given back.
    #[error("the redemption has given its uses back")]
    Released,
    /// Its time was over.
    #[error("the time of the redemption was over, and its uses went back")]
    Expired,
}

impl Redemption {
    /// Whether its uses count against the tallies.
    #[must_use]
    pub fn counts(&self) -> bool {
        matches!(self.status, Some(Status::Reserved | Status::Committed))
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        Event { order: self.order.clone(), at, what }
    }
}

impl Entity for Redemption {
    const KIND: &'static str = "redemption";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Status::{Committed, Expired, Released, Reserved};
        let at = facts.now;
        let Some(status) = self.status else {
            return match command {
                Command::Reserve { order, expires_at } => {
                    Ok(vec![Event { order, at, what: What::Reserved(expires_at) }])
                }
                Command::Commit | Command::Release => Err(Refusal::NotFound),
                Command::Expire => Ok(vec![]),
            };
        };
        match (status, command) {
            (_, Command::Reserve { order, .. }) if order != self.order => Err(Refusal::AlreadyExists),
            (Reserved | Committed, Command::Reserve { .. }) => Ok(vec![]),
            (Released, Command::Reserve { .. } | Command::Commit) => Err(Refusal::Released),
            (Expired, Command::Reserve { .. }) => Err(Refusal::Expired),
            // The order is paid, late: its uses count again, if the tallies agree.
            (Reserved | Expired, Command::Commit) => Ok(vec![self.event(at, What::Committed)]),
            (Committed, Command::Commit) => Ok(vec![]),
            // An order may come to nothing even after it was paid.
            (Reserved | Committed, Command::Release) => Ok(vec![self.event(at, What::Released(Why::Requested))]),
            (Released | Expired, Command::Release) => Ok(vec![]),
            (Reserved, Command::Expire) => Ok(vec![self.event(at, What::Released(Why::Expired))]),
            (Committed | Released | Expired, Command::Expire) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at);
        self.expires_at = None;
        self.status = Some(match event.what {
            What::Reserved(expires_at) => {
                self.order.clone_from(&event.order);
                self.expires_at = Some(expires_at);
                self.created_at = Some(event.at);
                Status::Reserved
            }
            What::Committed => Status::Committed,
            What::Released(Why::Requested) => Status::Released,
            What::Released(Why::Expired) => Status::Expired,
        });
    }

    fn agenda(&self) -> Agenda<Command> {
        match self.expires_at {
            Some(at) => Agenda::nothing().wake(format!("expire@{at}"), at, Command::Expire),
            None => Agenda::nothing(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;
    use crate::sample::eur;

    fn order(cents: i64) -> Order {
        let shown = Shown { coupon_id: "cpn_1".into(), code: "SAVE10".into() };
        let uses = vec![Use { campaign_id: "cmp_1".into(), coupon: Some(shown), amount: eur(cents) }];
        Order { redemption_id: "rdm_1".into(), order_id: "ord_1".into(), user_id: "usr_1".into(), uses }
    }

    fn happened(what: What) -> Event {
        Event { order: order(5), at: moment(1), what }
    }

    fn life(events: &[What]) -> Vec<Event> {
        [What::Reserved(moment(1800))].iter().chain(events).map(|what| happened(*what)).collect()
    }

    fn reserve(cents: i64) -> Command {
        Command::Reserve { order: order(cents), expires_at: moment(1900) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Redemption>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(|event| format!("{:?}", event.what)).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(&said);
    }

    #[test]
    fn what_never_was_can_only_be_reserved() {
        check(&[], reserve(5), expect!["Reserved(2026-01-01T00:31:40Z)"]);
        check(&[], Command::Commit, expect!["refused: there is no such redemption"]);
        check(&[], Command::Release, expect!["refused: there is no such redemption"]);
        check(&[], Command::Expire, expect!["already so"]);
    }

    #[test]
    fn a_reservation_is_committed_released_or_over() {
        let reserved = life(&[]);
        check(&reserved, reserve(5), expect!["already so"]);
        check(
            &reserved,
            reserve(6),
            expect!["refused: there is already a redemption with this id, for something else"],
        );
        check(&reserved, Command::Commit, expect!["Committed"]);
        check(&reserved, Command::Release, expect!["Released(Requested)"]);
        check(&reserved, Command::Expire, expect!["Released(Expired)"]);
    }

    #[test]
    fn what_is_committed_stays_unless_the_order_comes_to_nothing() {
        let committed = life(&[What::Committed]);
        check(&committed, reserve(5), expect!["already so"]);
        check(
            &committed,
            reserve(6),
            expect!["refused: there is already a redemption with this id, for something else"],
        );
        check(&committed, Command::Commit, expect!["already so"]);
        check(&committed, Command::Release, expect!["Released(Requested)"]);
        check(&committed, Command::Expire, expect!["already so"]);
        assert_eq!(fold::<Redemption>(&committed).expires_at, None);
    }

    #[test]
    fn what_was_given_back_is_gone() {
        let released = life(&[What::Released(Why::Requested)]);
        check(&released, reserve(5), expect!["refused: the redemption has given its uses back"]);
        check(&released, Command::Commit, expect!["refused: the redemption has given its uses back"]);
        check(&released, Command::Release, expect!["already so"]);
        check(&released, Command::Expire, expect!["already so"]);
    }

    #[test]
    fn a_payment_that_came_too_late_counts_again() {
        let expired = life(&[What::Released(Why::Expired)]);
        check(&expired, reserve(5), expect!["refused: the time of the redemption was over, and its uses went back"]);
        check(&expired, Command::Commit, expect!["Committed"]);
        check(&expired, Command::Release, expect!["already so"]);
        check(&expired, Command::Expire, expect!["already so"]);
        assert!(!fold::<Redemption>(&expired).counts());
    }
}
