//! Templates: contract to domain and back, and what they come to before anybody gets it.

use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};
use serde_json::Value;

use super::letters::{InUse, letter, named, now as message_now, unwritable};
use super::{
    Problem, channel_in, channel_out, co_located, odd, stranger, template_id, topic_in, topic_out, unreadable, v1,
};
use crate::defaults;
use crate::message::{self, About, Message};
use crate::template::{self, Command, Refusal, Slot, Template, Text};
use crate::writing::{self, Parts};

pub(crate) fn put(desk: &mut Desk<'_>, request: &v1::PutTemplateRequest) -> Result<v1::PutTemplateResponse, Problem> {
    let (topic, channel) = named(request.topic(), request.channel())?;
    let slot = Slot { topic, channel, locale: request.locale.clone() };
    let id = template_id(&slot);
    if id != request.template_id {
        let detail = "this topic, channel and locale have another id";
        return Err(Problem::new(Kind::Unprocessable, "wrong_template_id", detail).with("template_id", id));
    }
    let text = Text { slot, subject: request.subject.clone(), text: request.text.clone(), html: request.html.clone() };
    check(&text)?;
    desk.tell::<Template>(&id, Command::Put(id.clone(), text))?;
    Ok(v1::PutTemplateResponse { template: now(desk, &id) })
}

pub(crate) fn reset(
    desk: &mut Desk<'_>,
    request: &v1::ResetTemplateRequest,
) -> Result<v1::ResetTemplateResponse, Problem> {
    let id = &request.template_id;
    let before = now(desk, id);
    desk.tell::<Template>(id, Command::Reset)?;
    Ok(v1::ResetTemplateResponse { template: now(desk, id).or(before) })
}

pub(crate) fn preview(
    desk: &mut Desk<'_>,
    request: &v1::PreviewTemplateRequest,
) -> Result<v1::PreviewTemplateResponse, Problem> {
    let kept = kept_or_built_in(&desk.see::<Template>(&request.template_id), &request.template_id);
    let mut text = match kept {
        Some(text) => text,
        None => draft(request)?,
    };
    let put = |part: &mut String, draft: &Option<String>| draft.iter().for_each(|draft| part.clone_from(draft));
    put(&mut text.subject, &request.subject);
    put(&mut text.text, &request.text);
    put(&mut text.html, &request.html);
    check(&text)?;
    let values: Value = match request.data.as_deref() {
        None | Some("") => writing::sample(text.slot.topic),
        Some(data) => serde_json::from_str(data).unwrap_or_default(),
    };
    let Parts { subject, text, html } =
        writing::write(&parts(&text), &values).map_err(|fault| unwritable(&fault, "bad_template"))?;
    Ok(v1::PreviewTemplateResponse { preview: Some(v1::Preview { subject, text, html }) })
}

/// Of a slot that has no template yet the request says what it is.
fn draft(request: &v1::PreviewTemplateRequest) -> Result<Text, Problem> {
    let (topic, channel) = (topic_in(request.topic()), channel_in(request.channel()));
    let (Some(topic), Some(channel), false) = (topic, channel, request.locale.is_empty()) else {
        return Err(Refusal::NotFound.into());
    };
    let slot = Slot { topic, channel, locale: request.locale.clone() };
    let (subject, text, html) = (String::new(), String::new(), String::new());
    if template_id(&slot) == request.template_id {
        Ok(Text { slot, subject, text, html })
    } else {
        Err(Refusal::NotFound.into())
    }
}

pub(crate) fn test(
    desk: &mut Desk<'_>,
    request: &v1::TestTemplateRequest,
) -> Result<v1::TestTemplateResponse, Problem> {
    let kept = desk.see::<Template>(&request.template_id);
    let text = kept_or_built_in(&kept, &request.template_id).ok_or(Refusal::NotFound)?;
    let version = kept.text.as_ref().map_or(0, |_| desk.version::<Template>(&request.template_id));
    let values = writing::sample(text.slot.topic);
    let written = writing::write(&parts(&text), &values).map_err(|fault| unwritable(&fault, "bad_template"))?;
    let Slot { topic, channel, .. } = text.slot.clone();
    // One message for each command, in the template's own partition.
    let id = co_located(&request.template_id, &["test", &desk.facts().command.to_string()]);
    let about = About { id: id.clone(), topic, channel, user_id: None, order_id: None };
    let letter = letter(about, &request.to, InUse { version, text }, written);
    let send_at = desk.facts().now;
    desk.tell::<Message>(&id, message::Command::Queue(letter, send_at))?;
    Ok(v1::TestTemplateResponse { notification: message_now(desk, &id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetTemplateRequest) -> Result<v1::GetTemplateResponse, Problem> {
    let id = &request.template_id;
    let shown = template(&window.see::<Template>(id), id, window.version::<Template>(id));
    Ok(v1::GetTemplateResponse { template: Some(shown.ok_or(Refusal::NotFound)?) })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Template> {
    template(&desk.see::<Template>(id), id, desk.version::<Template>(id))
}

fn check(text: &Text) -> Result<(), Problem> {
    writing::check(text.slot.topic, text.slot.channel, &parts(text)).map_err(|fault| unwritable(&fault, "bad_template"))
}

fn parts(text: &Text) -> Parts {
    Parts { subject: text.subject.clone(), text: text.text.clone(), html: text.html.clone() }
}

fn kept_or_built_in(template: &Template, id: &str) -> Option<Text> {
    template.text.clone().or_else(|| built_in(&defaults::slots().find(|slot| template_id(slot) == id)?))
}

/// The text that the shop came with for a slot.
#[must_use]
pub fn built_in(slot: &Slot) -> Option<Text> {
    let Parts { subject, text, html } = defaults::text(slot)?;
    Some(Text { slot: slot.clone(), subject, text, html })
}

/// A template as the world sees it; `None` when there is neither one that staff wrote nor one that the shop came with.
#[must_use]
pub fn template(template: &Template, id: &str, version: u64) -> Option<v1::Template> {
    let text = kept_or_built_in(template, id)?;
    let updated_at = template.updated_at.filter(|_| template.text.is_some());
    Some(shown(&text, version, template.text.is_none(), updated_at))
}

/// A text as the world sees it.
#[must_use]
pub fn shown(text: &Text, version: u64, built_in: bool, updated_at: Option<jiff::Timestamp>) -> v1::Template {
    v1::Template {
        template_id: template_id(&text.slot),
        version,
        topic: topic_out(text.slot.topic).into(),
        channel: channel_out(text.slot.channel).into(),
        locale: text.slot.locale.clone(),
        subject: text.subject.clone(),
        text: text.text.clone(),
        html: text.html.clone(),
        built_in,
        variables: text.slot.topic.variables().iter().map(|name| (*name).to_owned()).collect(),
        updated_at: updated_at.map(to_wire),
    }
}

/// A shown template as one in use.
#[must_use]
pub fn in_use(shown: v1::Template) -> Option<InUse> {
    let (topic, channel) = (topic_in(shown.topic())?, channel_in(shown.channel())?);
    let version = if shown.built_in { 0 } else { shown.version };
    let v1::Template { locale, subject, text, html, .. } = shown;
    Some(InUse { version, text: Text { slot: Slot { topic, channel, locale }, subject, text, html } })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::not_found("not_found", refusal.to_string())
    }
}

impl Recorded for template::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            template::Event::Put(template_id, Text { slot, subject, text, html }, at) => {
                let event = v1::TemplateUpdated {
                    template_id,
                    topic: topic_out(slot.topic).into(),
                    channel: channel_out(slot.channel).into(),
                    locale: slot.locale,
                    subject,
                    text,
                    html,
                    at: Some(to_wire(at)),
                };
                ("template.updated", event.encode_to_vec())
            }
            template::Event::Reset(template_id, at) => {
                ("template.reset", v1::TemplateReset { template_id, at: Some(to_wire(at)) }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "template.updated" => {
                let event = v1::TemplateUpdated::decode(data).map_err(unreadable(event_type))?;
                let topic = topic_in(event.topic()).ok_or_else(|| odd(event_type, "topic"))?;
                let channel = channel_in(event.channel()).ok_or_else(|| odd(event_type, "channel"))?;
                let at = from_wire(event.at.as_ref());
                let v1::TemplateUpdated { template_id, locale, subject, text, html, .. } = event;
                Ok(Self::Put(template_id, Text { slot: Slot { topic, channel, locale }, subject, text, html }, at))
            }
            "template.reset" => {
                let event = v1::TemplateReset::decode(data).map_err(unreadable(event_type))?;
                Ok(Self::Reset(event.template_id, from_wire(event.at.as_ref())))
            }
            other => Err(stranger(other, "template")),
        }
    }
}
