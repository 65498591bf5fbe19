//! Preferences: contract to domain and back.

use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, channel_in, channel_out, no_such_person, odd, stranger, topic_in, topic_out, unreadable, v1};
use crate::preferences::{self, Choices, Command, Preferences, Refusal, wanted};
use crate::topic::{Channel, Topic};

pub(crate) fn put(
    desk: &mut Desk<'_>,
    request: &v1::PutPreferencesRequest,
) -> Result<v1::PutPreferencesResponse, Problem> {
    let user_id = &request.user_id;
    if !desk.facts().caller.may_touch(user_id) {
        return Err(no_such_person());
    }
    let mut choices = Choices::new();
    for (choice, enabled) in request.preferences.iter().filter_map(choice_in) {
        if choices.insert(choice, enabled).is_some() {
            let detail = "a topic and channel are there twice";
            return Err(Problem::new(Kind::Unprocessable, "chosen_twice", detail));
        }
    }
    desk.tell::<Preferences>(user_id, Command::Choose(user_id.clone(), choices))?;
    let now = desk.see::<Preferences>(user_id);
    Ok(v1::PutPreferencesResponse { preferences: Some(shown(user_id, &now, desk.version::<Preferences>(user_id))) })
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetPreferencesRequest,
) -> Result<v1::GetPreferencesResponse, Problem> {
    let user_id = &request.user_id;
    if !window.caller().may_touch(user_id) {
        return Err(no_such_person());
    }
    let version = window.version::<Preferences>(user_id);
    Ok(v1::GetPreferencesResponse { preferences: Some(shown(user_id, &window.see::<Preferences>(user_id), version)) })
}

/// Every topic and channel, with what holds for it.
fn shown(user_id: &str, preferences: &Preferences, version: u64) -> v1::Preferences {
    let all = Topic::ALL.into_iter().flat_map(|topic| Channel::ALL.map(|channel| (topic, channel)));
    let holds = all.map(|(topic, channel)| choice_out(topic, channel, wanted(&preferences.choices, topic, channel)));
    v1::Preferences {
        user_id: user_id.to_owned(),
        version,
        preferences: holds.collect(),
        updated_at: preferences.updated_at.map(to_wire),
    }
}

fn choice_in(wire: &v1::Preference) -> Option<((Topic, Channel), bool)> {
    Some(((topic_in(wire.topic())?, channel_in(wire.channel())?), wire.enabled?))
}

fn choice_out(topic: Topic, channel: Channel, enabled: bool) -> v1::Preference {
    v1::Preference { topic: topic_out(topic).into(), channel: channel_out(channel).into(), enabled: Some(enabled) }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        let Refusal::AlwaysSent(topics) = refusal;
        let topics: Vec<&str> = topics.into_iter().map(Topic::word).collect();
        Problem::new(Kind::Unprocessable, "always_sent", said).with_json("topics", &topics)
    }
}

impl Recorded for preferences::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let preferences::Event::Chosen(user_id, choices, at) = self.clone();
        let preferences = choices.into_iter().map(|((topic, channel), on)| choice_out(topic, channel, on)).collect();
        let event = v1::PreferencesUpdated { user_id, preferences, at: Some(to_wire(at)) };
        ("preferences.updated", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "preferences.updated" {
            return Err(stranger(event_type, "person's preferences"));
        }
        let event = v1::PreferencesUpdated::decode(data).map_err(unreadable(event_type))?;
        let read = |choice: &v1::Preference| choice_in(choice).ok_or_else(|| odd(event_type, "topic or channel"));
        let choices = event.preferences.iter().map(read).collect::<Result<_, _>>()?;
        Ok(Self::Chosen(event.user_id, choices, from_wire(event.at.as_ref())))
    }
}
