//! Preferences: which messages a person wants, and by which way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::topic::{Channel, Topic};

/// What a person chose; for all else holds what holds for everyone.
pub type Choices = BTreeMap<(Topic, Channel), bool>;

/// The state of a person's preferences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    /// What they chose.
    pub choices: Choices,
    /// When they last did; `None` while they never have.
    pub updated_at: Option<Timestamp>,
}

/// What can be asked of preferences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// This person chooses this, in place of all that was chosen before.
    Choose(String, Choices),
}

/// What can have happened to preferences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// This person chose this.
    Chosen(String, Choices, Timestamp),
}

/// Why preferences say no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// These are part of a sale.
    #[error("e-mail about orders, payments and parcels is part of the sale and cannot be switched off")]
    AlwaysSent(BTreeSet<Topic>),
}

/// Whether messages of a topic may come by a channel to somebody who chose this.
#[must_use]
pub fn wanted(choices: &Choices, topic: Topic, channel: Channel) -> bool {
    is_always_sent(topic, channel) || choices.get(&(topic, channel)).copied().unwrap_or_else(|| channel.comes_unasked())
}

fn is_always_sent(topic: Topic, channel: Channel) -> bool {
    channel == Channel::Email && topic.is_part_of_a_sale()
}

impl Entity for Preferences {
    const KIND: &'static str = "preferences";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, Command::Choose(user_id, choices): Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let off = choices.iter().filter(|((topic, channel), on)| !**on && is_always_sent(*topic, *channel));
        let off: BTreeSet<Topic> = off.map(|((topic, _), _)| *topic).collect();
        if !off.is_empty() {
            return Err(Refusal::AlwaysSent(off));
        }
        let is_so = self.updated_at.is_some() && self.choices == choices;
        Ok(if is_so { vec![] } else { vec![Event::Chosen(user_id, choices, facts.now)] })
    }

    fn evolve(&mut self, Event::Chosen(_, choices, at): &Event) {
        self.choices.clone_from(choices);
        self.updated_at = Some(*at);
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn choose(choices: &[(Topic, Channel, bool)]) -> Command {
        Command::Choose("usr".into(), choices.iter().map(|(t, c, on)| ((*t, *c), *on)).collect())
    }

    fn chosen(choices: &[(Topic, Channel, bool)]) -> Event {
        let Command::Choose(user, choices) = choose(choices);
        Event::Chosen(user, choices, moment(100))
    }

    #[test]
    fn a_choice_is_noted_once() {
        let sms = [(Topic::Shipped, Channel::Sms, true)];
        assert_eq!(decide::<Preferences>(&[], choose(&sms)), Ok(vec![chosen(&sms)]));
        assert_eq!(decide::<Preferences>(&[chosen(&sms)], choose(&sms)), Ok(vec![]));
        assert_eq!(decide::<Preferences>(&[chosen(&sms)], choose(&[])), Ok(vec![chosen(&[])]));
        assert_eq!(decide::<Preferences>(&[], choose(&[])), Ok(vec![chosen(&[])]), "to choose nothing is a choice");
    }

    #[test]
    fn mail_that_is_part_of_a_sale_cannot_be_switched_off() {
        let off = [(Topic::Shipped, Channel::Email, false), (Topic::Message, Channel::Email, false)];
        let refused = Refusal::AlwaysSent([Topic::Shipped].into());
        assert_eq!(decide::<Preferences>(&[], choose(&off)), Err(refused));
        assert!(decide::<Preferences>(&[], choose(&[(Topic::Shipped, Channel::Email, true)])).is_ok());
    }

    #[test]
    fn mail_comes_unasked_and_the_rest_does_not() {
        let none = Choices::new();
        assert!(wanted(&none, Topic::Message, Channel::Email));
        assert!(!wanted(&none, Topic::Shipped, Channel::Sms));
        let some: Choices = [((Topic::Message, Channel::Email), false), ((Topic::Shipped, Channel::Sms), true)].into();
        assert!(!wanted(&some, Topic::Message, Channel::Email));
        assert!(wanted(&some, Topic::Shipped, Channel::Sms));
        assert!(wanted(&[((Topic::Shipped, Channel::Email), false)].into(), Topic::Shipped, Channel::Email));
    }
}
