//! A tally: counts the uses of one limited thing, and never past its limit.
//!
//! There is one for each campaign, campaign and customer, code, and coupon and customer. The limit comes with each use,
//! out of the campaign or coupon as it is in the same turn, so a limit that is changed holds at once.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::terms::Amounts;
use crate::wire::Money;

/// The state of a tally. One that nothing ever counted on is at zero, which is true of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Uses that are held or were made.
    pub uses: u32,
    /// What they take off together, by currency.
    pub amounts: Amounts,
}

/// The name of what counts a campaign's uses.
#[must_use]
pub fn of_campaign(campaign_id: &str) -> String {
    campaign_id.to_owned()
}

/// The name of what counts a customer's uses of a campaign or of a coupon.
#[must_use]
pub fn of_customer(id: &str, user_id: &str) -> String {
    format!("{id}-{user_id}")
}

/// The name of what counts the uses of a code in capitals.
#[must_use]
pub fn of_code(code: &str) -> String {
    format!("code-{code}")
}

/// A use, as a tally counts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Which tally.
    pub tally_id: String,
    /// Who uses it.
    pub redemption_id: String,
    /// What that takes off.
    pub amount: Money,
}

/// How far a tally may count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limit {
    /// Uses at most.
    pub uses_max: Option<u32>,
    /// Money at most, in the currency of the use.
    pub amount_max: Option<Money>,
}

/// What can be asked of a tally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Count a use more, if the limit allows it.
    Raise(Count, Limit),
    /// Count a use less.
    Lower(Count),
}

/// What can have happened to a tally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A use more.
    Raised {
        /// The use.
        count: Count,
        /// Uses after it.
        uses: u32,
        /// When.
        at: Timestamp,
    },
    /// A use less.
    Lowered {
        /// The use.
        count: Count,
        /// Uses after it.
        uses: u32,
        /// When.
        at: Timestamp,
    },
}

/// Why a tally says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As many uses as there may be.
    #[error("it is used up")]
    UsedUp,
    /// More money than there may be.
    #[error("the budget does not reach that far any more")]
    OverBudget,
    /// A use less than none. Our bug, if it happens.
    #[error("the use was never counted")]
    NotCounted,
}

impl Tally {
    fn amount(&self, like: Money) -> Money {
        self.amounts.get(&like.currency()).copied().unwrap_or(Money::zero(like.currency()))
    }
}

impl Entity for Tally {
    const KIND: &'static str = "tally";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match command {
            Command::Raise(count, limit) => {
                let uses = self.uses.checked_add(1).ok_or(Refusal::UsedUp)?;
                if limit.uses_max.is_some_and(|uses_max| uses > uses_max) {
                    return Err(Refusal::UsedUp);
                }
                let amount = self.amount(count.amount).plus(count.amount).map_err(|_| Refusal::OverBudget)?;
                let within = |amount_max: Money| {
                    amount_max.currency() == amount.currency() && amount.amount() <= amount_max.amount()
                };
                if !limit.amount_max.is_none_or(within) {
                    return Err(Refusal::OverBudget);
                }
                Ok(vec![Event::Raised { count, uses, at }])
            }
            Command::Lower(count) => {
                let uses = self.uses.checked_sub(1).ok_or(Refusal::NotCounted)?;
                Ok(vec![Event::Lowered { count, uses, at }])
            }
        }
    }

    fn evolve(&mut self, event: &Event) {
        let (uses, amount) = match event {
            Event::Raised { count, uses, .. } => (*uses, count.amount),
            Event::Lowered { count, uses, .. } => (*uses, count.amount.negated()),
        };
        self.uses = uses;
        // What was decided once was in range.
        if let Ok(sum) = self.amount(amount).plus(amount) {
            self.amounts.insert(sum.currency(), sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use runtime::entity::testing::{decide, fold};

    use super::*;
    use crate::sample::eur;

    fn count(cents: i64) -> Count {
        Count { tally_id: "code-SAVE10".into(), redemption_id: "rdm_1".into(), amount: eur(cents) }
    }

    fn limit(uses_max: u32, cents: i64) -> Limit {
        Limit { uses_max: Some(uses_max), amount_max: Some(eur(cents)) }
    }

    fn after(commands: &[Command]) -> Vec<Event> {
        commands.iter().fold(Vec::new(), |mut events, command| {
            events.extend(decide::<Tally>(&events, command.clone()).expect("allowed"));
            events
        })
    }

    #[test]
    fn a_limit_is_reached_and_not_passed() {
        let one = after(&[Command::Raise(count(500), Limit::default())]);
        let raise =
            |cents, limit| decide::<Tally>(&one, Command::Raise(count(cents), limit)).map(|events| events.len());
        assert_eq!(raise(500, limit(2, 1000)), Ok(1));
        assert_eq!(raise(500, limit(1, 1000)), Err(Refusal::UsedUp));
        assert_eq!(raise(501, limit(2, 1000)), Err(Refusal::OverBudget));
        let dollars = Limit { amount_max: Money::new(1, "USD".parse().expect("a currency")).ok(), uses_max: None };
        assert_eq!(raise(1, dollars), Err(Refusal::OverBudget), "a budget in another currency pays nothing");
    }

    #[test]
    fn what_was_not_counted_cannot_be_given_back() {
        assert_eq!(decide::<Tally>(&[], Command::Lower(count(1))), Err(Refusal::NotCounted));
        let both = after(&[Command::Raise(count(5), Limit::default()), Command::Lower(count(5))]);
        let tally: Tally = fold(&both);
        assert_eq!((tally.uses, tally.amount(eur(0))), (0, eur(0)));
    }

    proptest! {
        /// Whatever comes and goes, it is never past its limit and never below zero.
        #[test]
        fn a_tally_stays_within_its_limit(commands in proptest::collection::vec((any::<bool>(), 0..400i64), 0..40)) {
            let (mut events, limit) = (Vec::new(), limit(3, 1000));
            let mut held: Vec<i64> = Vec::new();
            for (raises, cents) in commands {
                let command = match (raises, held.last()) {
                    (true, _) => Command::Raise(count(cents), limit),
                    (false, Some(cents)) => Command::Lower(count(*cents)),
                    (false, None) => continue,
                };
                if let Ok(more) = decide::<Tally>(&events, command) {
                    events.extend(more);
                    if raises { held.push(cents) } else { held.pop(); }
                }
                let tally: Tally = fold(&events);
                prop_assert!(tally.uses <= 3 && usize::try_from(tally.uses) == Ok(held.len()));
                prop_assert_eq!(tally.amount(eur(0)).amount(), held.iter().sum::<i64>());
                prop_assert!((0..=1000).contains(&tally.amount(eur(0)).amount()));
            }
        }
    }
}
