//! A template: how messages of one topic, channel and locale are written, when staff have said so. Its versions are the
//! versions of this actor; a message notes which one it was written with.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::topic::{Channel, Topic};

/// Whose texts they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Slot {
    /// What the messages are about.
    pub topic: Topic,
    /// The way they go.
    pub channel: Channel,
    /// The language they are written in.
    pub locale: String,
}

/// What a template says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Whose text it is.
    pub slot: Slot,
    /// The subject or title.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML; empty when there is none.
    pub html: String,
}

/// The state of a template.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// What it says; `None` while nobody has said anything, and after that was given up.
    pub text: Option<Text>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// What can be asked of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say this from now on. It has been checked.
    Put(String, Text),
    /// Say nothing any more.
    Reset,
}

/// What can have happened to a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The template of this id says this.
    Put(String, Text, Timestamp),
    /// The template of this id says nothing any more.
    Reset(String, Timestamp),
}

/// Why a template says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such template")]
    NotFound,
}

impl Entity for Template {
    const KIND: &'static str = "template";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (&self.text, command) {
            (Some(now), Command::Put(_, text)) if *now == text => Ok(vec![]),
            (_, Command::Put(id, text)) => Ok(vec![Event::Put(id, text, at)]),
            (Some(text), Command::Reset) => Ok(vec![Event::Reset(crate::wire::template_id(&text.slot), at)]),
            (None, Command::Reset) => Err(Refusal::NotFound),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Put(_, text, at) => {
                self.text = Some(text.clone());
                self.updated_at = Some(*at);
            }
            Event::Reset(_, at) => {
                self.text = None;
                self.updated_at = Some(*at);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn text(text: &str) -> Text {
        let slot = Slot { topic: Topic::Shipped, channel: Channel::Sms, locale: "de".into() };
        Text { slot, subject: String::new(), text: text.into(), html: String::new() }
    }

    fn put(what: &str) -> Event {
        Event::Put("tpl".into(), text(what), moment(100))
    }

    #[test]
    fn a_template_changes_only_when_it_says_something_else() {
        let ask = |what: &str| Command::Put("tpl".into(), text(what));
        assert_eq!(decide::<Template>(&[], ask("a")), Ok(vec![put("a")]));
        assert_eq!(decide::<Template>(&[put("a")], ask("a")), Ok(vec![]));
        assert_eq!(decide::<Template>(&[put("a")], ask("b")), Ok(vec![put("b")]));
    }

    #[test]
    fn what_was_never_said_cannot_be_given_up() {
        let id = crate::wire::template_id(&text("a").slot);
        let reset = Event::Reset(id, moment(100));
        assert_eq!(decide::<Template>(&[], Command::Reset), Err(Refusal::NotFound));
        assert_eq!(decide::<Template>(&[put("a")], Command::Reset), Ok(vec![reset.clone()]));
        assert_eq!(decide::<Template>(&[put("a"), reset.clone()], Command::Reset), Err(Refusal::NotFound));
        assert_eq!(decide::<Template>(&[put("a"), reset], Command::Put("tpl".into(), text("a"))), Ok(vec![put("a")]));
    }
}
