//! A coupon: what lets a customer have a campaign that needs one. One code, or many that each work alone.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::codes::Many;

/// The state of a coupon.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coupon {
    /// Its id; empty when nothing ever happened to it.
    pub id: String,
    /// The campaign.
    pub campaign_id: String,
    /// What can be typed.
    pub codes: Codes,
    /// How often and when that works.
    pub terms: Terms,
    /// It works no more.
    pub disabled: bool,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What can be typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codes {
    /// This, in capitals.
    One(String),
    /// Any of these.
    Many(Many),
}

impl Default for Codes {
    fn default() -> Codes {
        Codes::One(String::new())
    }
}

/// How often and when the codes of a coupon work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// In how many orders each code is used at most.
    pub uses_per_code_max: Option<u32>,
    /// In how many orders of one customer the coupon is used at most.
    pub uses_per_customer_max: Option<u32>,
    /// From when on.
    pub starts_at: Option<Timestamp>,
    /// Until when.
    pub ends_at: Option<Timestamp>,
}

/// What can be asked of a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be there.
    Create {
        /// Its id.
        id: String,
        /// The campaign.
        campaign_id: String,
        /// What can be typed.
        codes: Codes,
        /// How often and when that works.
        terms: Terms,
    },
    /// Work no more.
    Disable,
}

/// What can have happened to a coupon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It came into being.
    Created {
        /// Its id.
        id: String,
        /// The campaign.
        campaign_id: String,
        /// What can be typed.
        codes: Codes,
        /// How often and when that works.
        terms: Terms,
        /// When.
        at: Timestamp,
    },
    /// It works no more.
    Disabled {
        /// Its id.
        id: String,
        /// When.
        at: Timestamp,
    },
}

/// Why a coupon says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such coupon")]
    NotFound,
    /// There is one.
    #[error("there is already such a coupon")]
    AlreadyExists,
    /// Its codes would never work.
    #[error("the codes would end before they start to work")]
    Invalid,
}

/// Why a code does not work at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asleep {
    /// Somebody disabled the coupon.
    Disabled,
    /// It is not yet time.
    NotStarted,
    /// Its time is over.
    Expired,
}

impl Coupon {
    /// Whether a code in capitals is one of its own.
    #[must_use]
    pub fn has(&self, code: &str) -> bool {
        match &self.codes {
            Codes::One(one) => !one.is_empty() && one == code,
            Codes::Many(many) => many.number_of(code).is_some(),
        }
    }

    /// Why its codes do not work at a moment; `None` when they do.
    #[must_use]
    pub fn asleep_at(&self, now: Timestamp) -> Option<Asleep> {
        if self.disabled {
            Some(Asleep::Disabled)
        } else if self.terms.starts_at.is_some_and(|start| now < start) {
            Some(Asleep::NotStarted)
        } else {
            self.terms.ends_at.is_some_and(|end| end <= now).then_some(Asleep::Expired)
        }
    }
}

impl Entity for Coupon {
    const KIND: &'static str = "coupon";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (self.id.is_empty(), command) {
            (true, Command::Create { id, campaign_id, codes, terms }) => {
                let ends_first = |(start, end): (Timestamp, Timestamp)| end <= start;
                if terms.starts_at.zip(terms.ends_at).is_some_and(ends_first) {
                    return Err(Refusal::Invalid);
                }
                Ok(vec![Event::Created { id, campaign_id, codes, terms, at }])
            }
            (true, Command::Disable) => Err(Refusal::NotFound),
            (false, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (false, Command::Disable) if self.disabled => Ok(vec![]),
            (false, Command::Disable) => Ok(vec![Event::Disabled { id: self.id.clone(), at }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event.clone() {
            Event::Created { id, campaign_id, codes, terms, at } => {
                let (created_at, updated_at) = (Some(at), Some(at));
                *self = Coupon { id, campaign_id, codes, terms, disabled: false, created_at, updated_at };
            }
            Event::Disabled { at, .. } => {
                self.disabled = true;
                self.updated_at = Some(at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn terms(starts: i64, ends: i64) -> Terms {
        Terms { starts_at: Some(moment(starts)), ends_at: Some(moment(ends)), ..Terms::default() }
    }

    fn create(terms: Terms) -> Command {
        let codes = Codes::One("SAVE10".into());
        Command::Create { id: "cpn_1".into(), campaign_id: "cmp_1".into(), codes, terms }
    }

    fn created() -> Event {
        let (codes, terms) = (Codes::One("SAVE10".into()), terms(10, 20));
        Event::Created { id: "cpn_1".into(), campaign_id: "cmp_1".into(), codes, terms, at: moment(100) }
    }

    fn disabled() -> Event {
        Event::Disabled { id: "cpn_1".into(), at: moment(100) }
    }

    #[test]
    fn a_coupon_is_made_once_and_disabled_once() {
        assert_eq!(decide::<Coupon>(&[], create(terms(10, 20))), Ok(vec![created()]));
        assert_eq!(decide::<Coupon>(&[], create(terms(20, 20))), Err(Refusal::Invalid));
        assert_eq!(decide::<Coupon>(&[], Command::Disable), Err(Refusal::NotFound));
        assert_eq!(decide::<Coupon>(&[created()], create(terms(10, 20))), Err(Refusal::AlreadyExists));
        assert_eq!(decide::<Coupon>(&[created()], Command::Disable), Ok(vec![disabled()]));
        assert_eq!(decide::<Coupon>(&[created(), disabled()], Command::Disable), Ok(vec![]));
        assert_eq!(decide::<Coupon>(&[created(), disabled()], create(terms(1, 2))), Err(Refusal::AlreadyExists));
    }

    #[test]
    fn a_code_works_in_its_time_and_until_it_is_disabled() {
        let coupon: Coupon = fold(&[created()]);
        let at = |second| coupon.asleep_at(moment(second));
        assert_eq!([9, 10, 19, 20].map(at), [Some(Asleep::NotStarted), None, None, Some(Asleep::Expired)]);
        let coupon: Coupon = fold(&[created(), disabled()]);
        assert_eq!(coupon.asleep_at(moment(15)), Some(Asleep::Disabled));
    }

    #[test]
    fn a_coupon_knows_its_own_codes() {
        let coupon: Coupon = fold(&[created()]);
        assert_eq!(["SAVE10", "SAVE11", ""].map(|code| coupon.has(code)), [true, false, false]);
        assert!(!Coupon::default().has(""));
        let many = Many { prefix: String::new(), count: 2, seed: "7".into() };
        let coupon = Coupon { codes: Codes::Many(many.clone()), ..coupon };
        assert_eq!([many.code(1), many.code(2)].map(|code| coupon.has(&code)), [true, false]);
    }
}
