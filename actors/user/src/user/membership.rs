//! A membership: somebody has paid, and is served as `premium` until what they paid for is over.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Change, Standing, Tier, User, What};

/// A membership.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// What was bought, by its stock keeping unit.
    pub plan: String,
    /// Until when it is paid.
    pub until: Timestamp,
    /// The payment that paid last.
    pub payment_id: String,
    /// How its owner is served without it.
    pub tier_beside: Tier,
}

/// A membership that was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paid {
    /// What was bought, by its stock keeping unit.
    pub plan: String,
    /// For how many days.
    pub days: i64,
    /// With which order.
    pub order_id: String,
    /// By which payment.
    pub payment_id: String,
}

/// What can have happened to a membership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// It is paid until then.
    Started {
        /// What was bought.
        plan: String,
        /// Until when.
        until: Timestamp,
        /// With which order.
        order_id: String,
        /// By which payment.
        payment_id: String,
    },
    /// It is over.
    Ended(String),
}

impl User {
    /// How its owner is served, when that changes.
    pub(super) fn served(&self, tier: Tier, change: Change) -> Option<What> {
        let standing = Standing { tier, ..self.standing() };
        (tier != self.tier).then(|| What::Updated(Box::new(standing), change))
    }

    pub(super) fn paid(&self, paid: Paid, now: Timestamp) -> Vec<What> {
        let Paid { plan, days, order_id, payment_id } = paid;
        let before = self.subscription.as_ref();
        // News come more than once.
        if days <= 0 || before.is_some_and(|before| before.payment_id == payment_id) {
            return vec![];
        }
        // More of the same begins when what was paid ends.
        let begins = before.filter(|before| before.plan == plan).map_or(now, |before| before.until.max(now));
        let until = begins.saturating_add(SignedDuration::from_hours(days.saturating_mul(24))).unwrap_or(begins);
        let started = What::Membership(Happened::Started { plan, until, order_id, payment_id });
        std::iter::once(started).chain(self.served(Tier::Premium, Change::Subscription)).collect()
    }

    pub(super) fn ended(&self, now: Timestamp) -> Vec<What> {
        let Some(over) = self.subscription.as_ref().filter(|paid| now >= paid.until) else { return vec![] };
        let ended = What::Membership(Happened::Ended(over.plan.clone()));
        std::iter::once(ended).chain(self.served(over.tier_beside, Change::Subscription)).collect()
    }

    pub(super) fn folded_membership(&mut self, happened: &Happened) {
        self.subscription = match happened {
            Happened::Started { plan, until, payment_id, .. } => {
                let tier_beside = self.subscription.as_ref().map_or(self.tier, |before| before.tier_beside);
                Some(Subscription { plan: plan.clone(), until: *until, payment_id: payment_id.clone(), tier_beside })
            }
            Happened::Ended(_) => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment, owed};

    use super::*;
    use crate::user::{Command, Event, Status};

    const DAY: i64 = 24 * 60 * 60;

    fn event(what: What) -> Event {
        Event { id: "ada".into(), at: moment(1), what }
    }

    fn active(tier: Tier) -> Vec<Event> {
        let standing = Standing { status: Status::Active, tier, ..Default::default() };
        vec![event(What::Registered(Box::default())), event(What::Created(Box::new(standing)))]
    }

    fn pay(plan: &str, days: i64, payment: &str) -> Command {
        Command::Subscribe(Paid { plan: plan.into(), days, order_id: "ord".into(), payment_id: payment.into() })
    }

    fn after(mut given: Vec<Event>, when: Command) -> Vec<Event> {
        given.extend(decide::<User>(&given, when).expect("done"));
        given
    }

    fn until(given: &[Event]) -> i64 {
        fold::<User>(given).subscription.expect("a membership").until.as_second() - moment(100).as_second()
    }

    #[test]
    fn whoever_pays_is_served_better_until_it_is_over() {
        let given = after(active(Tier::Standard), pay("CLUB", 30, "one"));
        assert_eq!((fold::<User>(&given).tier, until(&given)), (Tier::Premium, 30 * DAY));
        assert_eq!(decide::<User>(&given, pay("CLUB", 30, "one")), Ok(vec![]), "news come twice");
        assert_eq!(decide::<User>(&given, Command::EndSubscription), Ok(vec![]), "not yet");
        assert_eq!(owed::<User>(&given).len(), 1);
        assert_eq!(until(&after(given.clone(), pay("CLUB", 30, "two"))), 60 * DAY, "more of the same follows");
        assert_eq!(until(&after(given, pay("GOLD", 10, "two"))), 10 * DAY, "another begins now");
        assert_eq!(decide::<User>(&[], pay("CLUB", 30, "one")), Ok(vec![]), "a guest has no account");
        assert_eq!(decide::<User>(&active(Tier::Standard), pay("CLUB", 0, "one")), Ok(vec![]));
    }

    #[test]
    fn afterwards_everything_is_as_it_was() {
        let started =
            |until| Happened::Started { plan: "CLUB".into(), until, order_id: "ord".into(), payment_id: "one".into() };
        for (tier, updates) in [(Tier::Standard, 1), (Tier::Premium, 0)] {
            let mut given = active(tier);
            given.push(event(What::Membership(started(moment(100)))));
            given.extend(fold::<User>(&given).served(Tier::Premium, Change::Subscription).map(event));
            let given = after(given.clone(), Command::EndSubscription);
            assert_eq!(fold::<User>(&given).tier, tier);
            let ended =
                given.iter().filter(|event| matches!(event.what, What::Updated(_, Change::Subscription))).count();
            assert_eq!(ended, updates * 2);
            assert!(fold::<User>(&given).subscription.is_none() && owed::<User>(&given).is_empty());
        }
    }

    #[test]
    fn points_make_somebody_premium_once_where_the_shop_says_so() {
        let given = after(active(Tier::Standard), Command::Earn("ord".into(), 90, 100));
        assert_eq!(fold::<User>(&given).tier, Tier::Standard);
        let given = after(given, Command::Earn("ord".into(), 10, 100));
        assert_eq!(fold::<User>(&given).tier, Tier::Premium);
        let never = after(active(Tier::Standard), Command::Earn("ord".into(), 1_000, 0));
        assert_eq!(fold::<User>(&never).tier, Tier::Standard);
    }
}
