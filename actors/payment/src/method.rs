//! A stored method: a card that the provider keeps for a customer. The shop knows a token of it and never its number.

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts, Outcome};
use serde::{Deserialize, Serialize};

use crate::provider::{self, Ask, Kept};

/// A stored method.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// Somebody asked for it.
    Known(Box<Known>),
}

/// A method that somebody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Whose card, and what its owner says about it.
    pub card: Card,
    /// How it stands.
    pub stage: Stage,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Whose card, and what its owner says about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// The method's id.
    pub id: String,
    /// Its owner.
    pub user_id: String,
    /// The token that the owner's browser was given.
    pub token: String,
    /// The provider.
    pub provider: String,
    /// What its owner calls it.
    pub label: String,
}

/// How a stored method stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The provider is being asked to keep it; it was removed meanwhile, perhaps.
    Pending {
        /// It was removed meanwhile.
        removed: bool,
    },
    /// It can be used.
    Ready(Kept),
    /// The provider would not keep it.
    Refused {
        /// Its word for why.
        code: String,
        /// A sentence.
        detail: String,
    },
    /// Its owner removed it, and the provider is being asked to forget it.
    Removed {
        /// What the provider keeps, until it has forgotten it.
        kept: Option<Kept>,
        /// Since when.
        since: Timestamp,
    },
}

/// What can be asked of a stored method, and what it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Keep this card.
    Store(Card),
    /// Keep it no longer.
    Remove,
    /// The provider keeps it.
    Kept(Kept),
    /// The provider would not.
    Refused {
        /// Its word for why.
        code: String,
        /// A sentence.
        detail: String,
    },
    /// The provider has forgotten it, or never will know it again.
    Forgotten,
}

/// What can have happened to a stored method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The provider is asked to keep it.
    Submitted(Card, Timestamp),
    /// The provider keeps it.
    Stored(String, String, Kept, Timestamp),
    /// The provider would not.
    Refused {
        /// The method.
        id: String,
        /// Its owner.
        user_id: String,
        /// Why.
        code: String,
        /// A sentence.
        detail: String,
        /// When.
        at: Timestamp,
    },
    /// Its owner removed it.
    Removed(String, String, Timestamp),
    /// The provider has forgotten it.
    Forgotten(String, Timestamp),
}

/// Why a stored method says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such stored method")]
    NotFound,
    /// There is another one.
    #[error("there is already another method with this id")]
    AlreadyExists,
}

impl Method {
    /// The method, if somebody asked for it.
    #[must_use]
    pub fn known(&self) -> Option<&Known> {
        match self {
            Method::Known(known) => Some(known),
            Method::Unknown => None,
        }
    }
}

impl Known {
    fn decide(&self, command: Command, at: Timestamp) -> Result<Vec<Event>, Refusal> {
        let Card { id, user_id, .. } = self.card.clone();
        match (&self.stage, command) {
            (_, Command::Store(card)) => {
                if card == self.card {
                    Ok(vec![])
                } else {
                    Err(Refusal::AlreadyExists)
                }
            }
            (Stage::Pending { removed: false } | Stage::Ready(_) | Stage::Refused { .. }, Command::Remove) => {
                Ok(vec![Event::Removed(id, user_id, at)])
            }
            (Stage::Pending { removed: true } | Stage::Removed { .. }, Command::Remove) => Ok(vec![]),
            (Stage::Pending { .. }, Command::Kept(kept)) => Ok(vec![Event::Stored(id, user_id, kept, at)]),
            (Stage::Pending { .. }, Command::Refused { code, detail }) => {
                Ok(vec![Event::Refused { id, user_id, code, detail, at }])
            }
            (Stage::Removed { kept: Some(_), .. }, Command::Forgotten) => Ok(vec![Event::Forgotten(id, at)]),
            (
                Stage::Ready(_) | Stage::Refused { .. } | Stage::Removed { .. },
                Command::Kept(_) | Command::Refused { .. },
            )
            | (
                Stage::Pending { .. } | Stage::Ready(_) | Stage::Refused { .. } | Stage::Removed { kept: None, .. },
                Command::Forgotten,
            ) => Ok(vec![]),
        }
    }
}

impl Entity for Method {
    const KIND: &'static str = "payment_method";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        match (self, command) {
            (Method::Known(known), command) => known.decide(command, facts.now),
            (Method::Unknown, Command::Store(card)) => Ok(vec![Event::Submitted(card, facts.now)]),
            (Method::Unknown, Command::Remove) => Err(Refusal::NotFound),
            (Method::Unknown, Command::Kept(_) | Command::Refused { .. } | Command::Forgotten) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        if let Event::Submitted(card, at) = event {
            let (card, stage) = (card.clone(), Stage::Pending { removed: false });
            *self = Method::Known(Box::new(Known { card, stage, created_at: *at }));
            return;
        }
        let Method::Known(known) = self else { return };
        known.stage = match (&known.stage, event.clone()) {
            // What came in while it was being removed goes out again.
            (Stage::Pending { removed: true }, Event::Stored(_, _, kept, at)) => {
                Stage::Removed { kept: Some(kept), since: at }
            }
            (Stage::Pending { removed: true }, Event::Refused { at, .. }) => Stage::Removed { kept: None, since: at },
            (_, Event::Stored(_, _, kept, _)) => Stage::Ready(kept),
            (_, Event::Refused { code, detail, .. }) => Stage::Refused { code, detail },
            (Stage::Pending { .. }, Event::Removed(..)) => Stage::Pending { removed: true },
            (Stage::Ready(kept), Event::Removed(_, _, at)) => Stage::Removed { kept: Some(kept.clone()), since: at },
            (_, Event::Removed(_, _, at) | Event::Forgotten(_, at)) => Stage::Removed { kept: None, since: at },
            (stage, Event::Submitted(..)) => stage.clone(),
        };
    }

    fn agenda(&self) -> Agenda<Command> {
        let Method::Known(known) = self else { return Agenda::nothing() };
        let Card { id, user_id, token, provider, .. } = &known.card;
        let Some(provider) = provider::named(provider) else { return Agenda::nothing() };
        match &known.stage {
            Stage::Pending { .. } => {
                let ask = Ask::Keep { user_id: user_id.clone(), token: token.clone() };
                Agenda::nothing().call(format!("{id}.keep"), known.created_at, provider, ask.encode(), heard)
            }
            Stage::Removed { kept: Some(kept), since } => {
                let ask = Ask::Forget { reference: kept.reference.clone() };
                Agenda::nothing().call(format!("{id}.forget"), *since, provider, ask.encode(), |_| Command::Forgotten)
            }
            Stage::Ready(_) | Stage::Refused { .. } | Stage::Removed { kept: None, .. } => Agenda::nothing(),
        }
    }
}

/// The command that tells a method how its question was answered.
fn heard(outcome: Outcome) -> Command {
    match outcome {
        Outcome::Done(bytes) => match provider::decode(&bytes) {
            Some(kept) => Command::Kept(kept),
            None => Command::Refused { code: "unreadable_answer".to_owned(), detail: String::new() },
        },
        Outcome::Refused(problem) => Command::Refused { code: problem.code, detail: problem.detail },
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn card() -> Card {
        Card {
            id: "pm_1".into(),
            user_id: "usr_1".into(),
            token: "pm_card_visa".into(),
            provider: "test".into(),
            label: String::new(),
        }
    }

    fn kept() -> Kept {
        Kept {
            reference: "pm_x".into(),
            customer: "cus_x".into(),
            brand: "visa".into(),
            last4: "4242".into(),
            exp_month: 8,
            exp_year: 2031,
        }
    }

    fn submitted() -> Event {
        Event::Submitted(card(), moment(1))
    }

    fn stored() -> Event {
        Event::Stored("pm_1".into(), "usr_1".into(), kept(), moment(2))
    }

    fn refused() -> Event {
        let (code, detail) = ("lost_card".into(), "Your card was declined.".into());
        Event::Refused { id: "pm_1".into(), user_id: "usr_1".into(), code, detail, at: moment(2) }
    }

    fn removed() -> Event {
        Event::Removed("pm_1".into(), "usr_1".into(), moment(3))
    }

    /// What each of the commands does, one after the other, to the state these events add up to.
    fn check(given: &[Event], expected: Expect) {
        let commands = [
            Command::Store(card()),
            Command::Store(Card { user_id: "usr_2".into(), ..card() }),
            Command::Remove,
            Command::Kept(kept()),
            Command::Refused { code: "lost_card".into(), detail: String::new() },
            Command::Forgotten,
        ];
        let names = ["store", "store another", "remove", "kept", "refused", "forgotten"];
        let said = names.into_iter().zip(commands).map(|(name, command)| {
            let said = match decide::<Method>(given, command) {
                Err(refusal) => format!("no: {refusal}"),
                Ok(events) if events.is_empty() => "already so".to_owned(),
                Ok(events) => events.iter().map(word).collect::<Vec<_>>().join(", "),
            };
            format!("{name}: {said}")
        });
        expected.assert_eq(&said.collect::<Vec<_>>().join("\n"));
    }

    fn word(event: &Event) -> &'static str {
        match event {
            Event::Submitted(..) => "submitted",
            Event::Stored(..) => "stored",
            Event::Refused { .. } => "refused",
            Event::Removed(..) => "removed",
            Event::Forgotten(..) => "forgotten",
        }
    }

    fn owed(given: &[Event]) -> String {
        let method = runtime::entity::testing::fold::<Method>(given);
        match &method.known().expect("known").stage {
            Stage::Pending { .. } => "keep",
            Stage::Removed { kept: Some(_), .. } => "forget",
            _ => "nothing",
        }
        .to_owned()
    }

    #[test]
    fn every_stage_has_an_answer_to_every_command() {
        check(
            &[],
            expect![[r#"
            store: submitted
            store another: submitted
            remove: no: there is no such stored method
            kept: already so
            refused: already so
            forgotten: already so"#]],
        );
        check(
            &[submitted()],
            expect![[r#"
            store: already so
            store another: no: there is already another method with this id
            remove: removed
            kept: stored
            refused: refused
            forgotten: already so"#]],
        );
        check(
            &[submitted(), stored()],
            expect![[r#"
            store: already so
            store another: no: there is already another method with this id
            remove: removed
            kept: already so
            refused: already so
            forgotten: already so"#]],
        );
        check(
            &[submitted(), refused()],
            expect![[r#"
            store: already so
            store another: no: there is already another method with this id
            remove: removed
            kept: already so
            refused: already so
            forgotten: already so"#]],
        );
        check(
            &[submitted(), stored(), removed()],
            expect![[r#"
            store: already so
            store another: no: there is already another method with this id
            remove: already so
            kept: already so
            refused: already so
            forgotten: forgotten"#]],
        );
        check(
            &[submitted(), removed()],
            expect![[r#"
            store: already so
            store another: no: there is already another method with this id
            remove: already so
            kept: stored
            refused: refused
            forgotten: already so"#]],
        );
    }

    #[test]
    fn what_was_removed_while_it_came_in_goes_out_again() {
        assert_eq!(owed(&[submitted()]), "keep");
        assert_eq!(owed(&[submitted(), removed()]), "keep");
        assert_eq!(owed(&[submitted(), removed(), stored()]), "forget");
        assert_eq!(owed(&[submitted(), removed(), refused()]), "nothing");
        assert_eq!(owed(&[submitted(), stored(), removed(), Event::Forgotten("pm_1".into(), moment(4))]), "nothing");
    }
}
