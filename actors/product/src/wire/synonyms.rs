//! Synonyms and what was searched for in vain: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{FieldError, Problem, code, unreadable, v1};
use crate::synonyms::{Command, Event, Refusal, Synonyms};
use crate::unfound::{self, Count, Unfound};

pub(crate) fn set(desk: &mut Desk<'_>, request: &v1::SetSynonymsRequest) -> Result<v1::SetSynonymsResponse, Problem> {
    let v1::SetSynonymsRequest { name, words } = request.clone();
    if words.len() < 2 {
        let detail = "a word alone means the same as no other".to_owned();
        return Err(Problem::invalid(vec![FieldError { pointer: "/words".into(), code: code::TOO_FEW, detail }]));
    }
    desk.tell::<Synonyms>(&request.name, Command::Set { name, words })?;
    let synonyms = shown(&desk.see::<Synonyms>(&request.name), desk.version::<Synonyms>(&request.name));
    Ok(v1::SetSynonymsResponse { synonyms })
}

pub(crate) fn delete(
    desk: &mut Desk<'_>,
    request: &v1::DeleteSynonymsRequest,
) -> Result<v1::DeleteSynonymsResponse, Problem> {
    desk.tell::<Synonyms>(&request.name, Command::Delete)?;
    Ok(v1::DeleteSynonymsResponse {})
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetSynonymsRequest) -> Result<v1::GetSynonymsResponse, Problem> {
    let name = &request.name;
    let shown = shown(&window.see::<Synonyms>(name), window.version::<Synonyms>(name)).ok_or(Refusal::NotFound)?;
    Ok(v1::GetSynonymsResponse { synonyms: Some(shown) })
}

pub(crate) fn note(desk: &mut Desk<'_>, request: &v1::NoteUnfoundRequest) -> Result<v1::NoteUnfoundResponse, Problem> {
    let v1::NoteUnfoundRequest { report_id: report, words } = request.clone();
    desk.tell::<Unfound>(&request.report_id, unfound::Command::Note { report, words })?;
    Ok(v1::NoteUnfoundResponse {})
}

/// Synonyms as staff see them; `None` when there are none.
#[must_use]
pub fn shown(synonyms: &Synonyms, version: u64) -> Option<v1::Synonyms> {
    let Synonyms::Set { name, words, updated_at } = synonyms else { return None };
    let updated_at = Some(to_wire(*updated_at));
    Some(v1::Synonyms { name: name.clone(), version, words: words.clone(), updated_at })
}

/// What was searched for in vain, as staff see it.
#[must_use]
pub fn unfound(words: &str, count: &Count) -> v1::Unfound {
    let Count { count, first_at, last_at } = *count;
    let (first_at, last_at) = (Some(to_wire(first_at)), Some(to_wire(last_at)));
    v1::Unfound { words: words.to_owned(), count, first_at, last_at }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", refusal.to_string()),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Updated { name, words, at } => {
                let event = v1::SynonymsUpdated { name, words, updated_at: Some(to_wire(at)) };
                ("synonyms.updated", event.encode_to_vec())
            }
            Event::Deleted { name, at } => {
                let event = v1::SynonymsDeleted { name, deleted_at: Some(to_wire(at)) };
                ("synonyms.deleted", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        match event_type {
            "synonyms.updated" => {
                let v1::SynonymsUpdated { name, words, updated_at } =
                    v1::SynonymsUpdated::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Updated { name, words, at: from_wire(updated_at.as_ref()) })
            }
            "synonyms.deleted" => {
                let v1::SynonymsDeleted { name, deleted_at } =
                    v1::SynonymsDeleted::decode(data).map_err(unreadable(event_type))?;
                Ok(Event::Deleted { name, at: from_wire(deleted_at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "synonyms have no such event")),
        }
    }
}

impl Recorded for unfound::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let unfound::Event::FoundNothing { report, words, at } = self.clone();
        let event = v1::SearchFoundNothing { report_id: report, words, at: Some(to_wire(at)) };
        ("search.found_nothing", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "search.found_nothing" {
            return Err(Undecodable::new(event_type, "the report of searches has no such event"));
        }
        let v1::SearchFoundNothing { report_id: report, words, at } =
            v1::SearchFoundNothing::decode(data).map_err(unreadable(event_type))?;
        Ok(unfound::Event::FoundNothing { report, words, at: from_wire(at.as_ref()) })
    }
}
