//! A campaign: a reason to take something off, and whether it is in force.
//!
//! How often it was used is not its own to know: a [`crate::tally`] counts that, so that a busy campaign can still be
//! edited by people who saw its version.

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::terms::Terms;

/// The state of a campaign.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its id; empty when nothing ever happened to it.
    pub id: String,
    /// How it stands; `None` when nothing ever happened to it.
    pub status: Option<Status>,
    /// What it says.
    pub terms: Terms,
    /// When it came into being.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// How a campaign stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// Being written.
    Draft,
    /// In force between its start and its end.
    Active,
    /// Not in force until it is activated again.
    Paused,
    /// Over for good.
    Ended,
}

/// What can be asked of a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Be there, as a draft.
    Create {
        /// Its id.
        id: String,
        /// What it says.
        terms: Terms,
    },
    /// Say this from now on.
    Update(Terms),
    /// Be in force.
    Activate,
    /// Be in force no more for a while.
    Pause,
    /// Be over.
    End,
    /// Its end has come, if it still is then.
    Expire,
}

/// What can have happened to a campaign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// It was written.
    Created(Terms),
    /// It says something else.
    Updated(Terms),
    /// It is in force.
    Activated,
    /// It is in force no more for a while.
    Paused,
    /// It is over.
    Ended(Why),
}

/// Why a campaign is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Somebody asked for it.
    Requested,
    /// Its time was over.
    Schedule,
}

/// Why a campaign says no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such campaign")]
    NotFound,
    /// There is one.
    #[error("there is already a campaign with this id")]
    AlreadyExists,
    /// What it should say makes no sense.
    #[error("the campaign makes no sense: {0}")]
    Invalid(&'static str),
    /// It is over.
    #[error("the campaign is over for good")]
    Ended,
    /// It would be over at once.
    #[error("the end of the campaign is past; move it first")]
    Past,
    /// It was never in force.
    #[error("the campaign is a draft; there is nothing to pause")]
    NotStarted,
}

impl Campaign {
    /// Whether it applies at a moment.
    #[must_use]
    pub fn applies_at(&self, now: Timestamp) -> bool {
        self.status == Some(Status::Active) && self.terms.runs_at(now)
    }

    fn event(&self, at: Timestamp, what: What) -> Event {
        Event { id: self.id.clone(), at, what }
    }
}

fn sensible(terms: Terms) -> Result<Terms, Refusal> {
    terms.fault().map_or(Ok(terms), |fault| Err(Refusal::Invalid(fault)))
}

impl Entity for Campaign {
    const KIND: &'static str = "campaign";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        use Status::{Active, Draft, Ended, Paused};
        let at = facts.now;
        let Some(status) = self.status else {
            return match command {
                Command::Create { id, terms } => Ok(vec![Event { id, at, what: What::Created(sensible(terms)?) }]),
                Command::Expire => Ok(vec![]),
                Command::Update(_) | Command::Activate | Command::Pause | Command::End => Err(Refusal::NotFound),
            };
        };
        let is_past = self.terms.ends_at.is_some_and(|end| end <= at);
        match (status, command) {
            (_, Command::Create { .. }) => Err(Refusal::AlreadyExists),
            (Ended, Command::Update(_) | Command::Activate | Command::Pause) => Err(Refusal::Ended),
            (Ended, Command::End | Command::Expire) => Ok(vec![]),
            (Draft | Active | Paused, Command::Update(terms)) if terms == self.terms => Ok(vec![]),
            (Draft | Active | Paused, Command::Update(terms)) => {
                Ok(vec![self.event(at, What::Updated(sensible(terms)?))])
            }
            (Active, Command::Activate) | (Paused, Command::Pause) => Ok(vec![]),
            (Draft | Paused, Command::Activate) if is_past => Err(Refusal::Past),
            (Draft | Paused, Command::Activate) => Ok(vec![self.event(at, What::Activated)]),
            (Draft, Command::Pause) => Err(Refusal::NotStarted),
            (Active, Command::Pause) => Ok(vec![self.event(at, What::Paused)]),
            (Draft | Active | Paused, Command::End) => Ok(vec![self.event(at, What::Ended(Why::Requested))]),
            (Active | Paused, Command::Expire) if is_past => Ok(vec![self.event(at, What::Ended(Why::Schedule))]),
            // The end was moved just before the timer rang. A draft waits for its author, however late.
            (Draft | Active | Paused, Command::Expire) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.updated_at = Some(event.at);
        match &event.what {
            What::Created(terms) => {
                self.id.clone_from(&event.id);
                self.terms.clone_from(terms);
                self.status = Some(Status::Draft);
                self.created_at = Some(event.at);
            }
            What::Updated(terms) => self.terms.clone_from(terms),
            What::Activated => self.status = Some(Status::Active),
            What::Paused => self.status = Some(Status::Paused),
            What::Ended(_) => self.status = Some(Status::Ended),
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        match (self.status, self.terms.ends_at) {
            (Some(Status::Active | Status::Paused), Some(end)) => {
                Agenda::nothing().wake(format!("end@{end}"), end, Command::Expire)
            }
            _ => Agenda::nothing(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;
    use crate::sample::ten_percent;

    fn happened(what: What) -> Event {
        Event { id: "cmp_1".into(), at: moment(1), what }
    }

    fn created() -> Event {
        happened(What::Created(ten_percent()))
    }

    fn until(second: i64) -> Terms {
        Terms { ends_at: Some(moment(second)), ..ten_percent() }
    }

    /// The lives that lead to every status.
    fn draft() -> Vec<Event> {
        vec![created()]
    }

    fn active() -> Vec<Event> {
        vec![created(), happened(What::Activated)]
    }

    fn paused() -> Vec<Event> {
        vec![created(), happened(What::Activated), happened(What::Paused)]
    }

    fn ended() -> Vec<Event> {
        vec![created(), happened(What::Ended(Why::Requested))]
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Campaign>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) if events.is_empty() => "already so".to_owned(),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(&said);
    }

    fn name(event: &Event) -> String {
        match &event.what {
            What::Created(terms) => format!("created {}", terms.title),
            What::Updated(terms) => format!("updated {}", terms.title),
            What::Ended(why) => format!("ended {why:?}"),
            what => format!("{what:?}").to_lowercase(),
        }
    }

    #[test]
    fn what_never_was_can_only_be_written() {
        check(&[], Command::Create { id: "cmp_1".into(), terms: ten_percent() }, expect!["created Ten per cent"]);
        let nothing = Terms { actions: vec![], ..ten_percent() };
        check(
            &[],
            Command::Create { id: "cmp_1".into(), terms: nothing },
            expect!["refused: the campaign makes no sense: it does nothing"],
        );
        for command in [Command::Update(ten_percent()), Command::Activate, Command::Pause, Command::End] {
            check(&[], command, expect!["refused: there is no such campaign"]);
        }
        check(&[], Command::Expire, expect!["already so"]);
    }

    #[test]
    fn a_draft_waits_for_its_author() {
        let create = || Command::Create { id: "cmp_1".into(), terms: ten_percent() };
        check(&draft(), create(), expect!["refused: there is already a campaign with this id"]);
        check(&draft(), Command::Update(ten_percent()), expect!["already so"]);
        check(&draft(), Command::Update(until(9)), expect!["updated Ten per cent"]);
        check(&draft(), Command::Activate, expect!["activated"]);
        check(&draft(), Command::Pause, expect!["refused: the campaign is a draft; there is nothing to pause"]);
        check(&draft(), Command::End, expect!["ended Requested"]);
        let late = [created(), happened(What::Updated(until(50)))];
        check(&late, Command::Expire, expect!["already so"]);
        check(&late, Command::Activate, expect!["refused: the end of the campaign is past; move it first"]);
    }

    #[test]
    fn an_active_campaign_can_be_changed_paused_and_ended() {
        check(&active(), Command::Activate, expect!["already so"]);
        check(&active(), Command::Update(until(500)), expect!["updated Ten per cent"]);
        check(
            &active(),
            Command::Update(Terms { actions: vec![], ..ten_percent() }),
            expect!["refused: the campaign makes no sense: it does nothing"],
        );
        check(&active(), Command::Pause, expect!["paused"]);
        check(&active(), Command::End, expect!["ended Requested"]);
        check(&active(), Command::Expire, expect!["already so"]);
        let create = Command::Create { id: "cmp_1".into(), terms: ten_percent() };
        check(&active(), create, expect!["refused: there is already a campaign with this id"]);
    }

    #[test]
    fn a_paused_campaign_can_go_on() {
        check(&paused(), Command::Pause, expect!["already so"]);
        check(&paused(), Command::Activate, expect!["activated"]);
        check(&paused(), Command::Update(until(500)), expect!["updated Ten per cent"]);
        check(&paused(), Command::End, expect!["ended Requested"]);
        check(&paused(), Command::Expire, expect!["already so"]);
    }

    #[test]
    fn what_is_over_stays_over() {
        for command in [Command::Update(until(500)), Command::Activate, Command::Pause] {
            check(&ended(), command, expect!["refused: the campaign is over for good"]);
        }
        check(&ended(), Command::End, expect!["already so"]);
        check(&ended(), Command::Expire, expect!["already so"]);
    }

    #[test]
    fn a_campaign_ends_by_itself_when_its_time_is_over() {
        let over = [created(), happened(What::Activated), happened(What::Updated(until(100)))];
        check(&over, Command::Expire, expect!["ended Schedule"]);
        let moved = [&over[..], &[happened(What::Updated(until(200)))]].concat();
        check(&moved, Command::Expire, expect!["already so"]);
        let campaign: Campaign = fold(&moved);
        assert!(campaign.applies_at(moment(199)) && !campaign.applies_at(moment(200)));
    }
}
