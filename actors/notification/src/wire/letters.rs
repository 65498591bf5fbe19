//! Messages: what they are asked, how they are written, and how they are stored and shown.

use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};
use serde_json::Value;

use super::{Problem, channel_in, channel_out, odd, stranger, template_id, topic_in, topic_out, unreadable, v1};
use crate::message::{self, About, Command, Letter, Message, Refusal, Status, What, Why};
use crate::preferences;
use crate::providers::CAPTURE;
use crate::template::{Slot, Text};
use crate::topic::{LOCALE, STAFF};
use crate::views;
use crate::writing::{self, Parts, Unwritable};

/// Why a message that nobody wants was not sent.
const NOT_WANTED: &str = "not_wanted";

pub(crate) fn send(
    desk: &mut Desk<'_>,
    request: &v1::SendNotificationRequest,
) -> Result<v1::SendNotificationResponse, Problem> {
    let id = &request.notification_id;
    if desk.see::<Message>(id).status != Status::Unknown {
        return Err(Problem::conflict("already_exists", "there is already a message with this id"));
    }
    let (topic, channel) = named(request.topic(), request.channel())?;
    let about = About { id: id.clone(), topic, channel, user_id: request.user_id.clone(), order_id: None };
    let chosen = request.user_id.as_deref().map(|user_id| views::chosen(&desk.rows::<views::Chosen>(), user_id));
    if chosen.is_some_and(|chosen| !preferences::wanted(&chosen, topic, channel)) {
        let letter = Letter::unwritten(about, request.to.clone());
        desk.tell::<Message>(id, Command::Suppress(letter, NOT_WANTED.to_owned()))?;
    } else {
        let values: Value = serde_json::from_str(if request.data.is_empty() { "{}" } else { &request.data })
            .map_err(|e| unwritable(&Unwritable { part: "data", line: e.line(), reason: e.to_string() }, "bad_data"))?;
        let locale = if request.locale.is_empty() { LOCALE } else { &request.locale };
        let texts = views::texts(&desk.rows::<views::Templates>(), topic, channel, locale);
        let text = texts.into_iter().next().ok_or_else(no_template)?;
        let written = writing::write(&text.parts(), &values).map_err(|e| unwritable(&e, "bad_data"))?;
        let send_at = request.send_at.as_ref().map_or(desk.facts().now, |at| from_wire(Some(at)));
        desk.tell::<Message>(id, Command::Queue(letter(about, &request.to, text, written), send_at))?;
    }
    Ok(v1::SendNotificationResponse { notification: now(desk, id) })
}

/// Little is left of something: the people of the shop are told, once for each piece of news.
pub(crate) fn alert(desk: &mut Desk<'_>, request: &v1::AlertRequest) -> Result<v1::AlertResponse, Problem> {
    let (topic, channel) = (crate::topic::Topic::LowStock, crate::topic::Channel::Email);
    let id = request.notification_id.clone();
    let low = request.low_stock.clone().unwrap_or_default();
    let values = serde_json::json!({
        "sku": low.sku, "product_id": low.product_id, "warehouse_id": low.warehouse_id,
        "current_stock": low.current_stock, "threshold": low.threshold,
    });
    let about = About { id: id.clone(), topic, channel, user_id: None, order_id: None };
    let letter = best(desk, about, STAFF, LOCALE, &values)?;
    let send_at = desk.facts().now;
    desk.tell::<Message>(&id, Command::Queue(letter, send_at))?;
    Ok(v1::AlertResponse { notification_id: id })
}

/// Somebody is told about their account, whatever else they want to be told: it is about who may use it.
pub(crate) fn write(desk: &mut Desk<'_>, request: &v1::WriteRequest) -> Result<v1::WriteResponse, Problem> {
    let v1::WriteRequest { notification_id: id, user_id, email, name, locale, token, .. } = request;
    let (topic, channel) = named(request.topic(), v1::Channel::Email)?;
    let values = serde_json::json!({"name": name, "user_id": user_id, "token": token});
    let about = About { id: id.clone(), topic, channel, user_id: Some(user_id.clone()), order_id: None };
    let letter = best(desk, about, email, if locale.is_empty() { LOCALE } else { locale }, &values)?;
    let send_at = desk.facts().now;
    desk.tell::<Message>(id, Command::Queue(letter, send_at))?;
    Ok(v1::WriteResponse { notification_id: id.clone() })
}

pub(crate) fn retry(
    desk: &mut Desk<'_>,
    request: &v1::RetryNotificationRequest,
) -> Result<v1::RetryNotificationResponse, Problem> {
    desk.tell::<Message>(&request.notification_id, Command::Retry)?;
    Ok(v1::RetryNotificationResponse { notification: now(desk, &request.notification_id) })
}

pub(crate) fn report(
    desk: &mut Desk<'_>,
    request: &v1::ReportNotificationRequest,
) -> Result<v1::ReportNotificationResponse, Problem> {
    let reason = if request.reason.is_empty() { "reported" } else { &request.reason };
    let command = match request.status() {
        v1::NotificationStatus::Bounced => {
            Command::CameBack(Why { reason: reason.to_owned(), detail: request.detail.clone() })
        }
        _ => Command::Arrived,
    };
    desk.tell::<Message>(&request.notification_id, command)?;
    Ok(v1::ReportNotificationResponse { notification: now(desk, &request.notification_id) })
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetNotificationRequest,
) -> Result<v1::GetNotificationResponse, Problem> {
    let id = &request.notification_id;
    let message = window.see::<Message>(id);
    let shown = notification(&message, window.version::<Message>(id));
    // Somebody else's message is answered like none.
    let own = |shown: &v1::Notification| window.caller().may_touch(shown.user_id.as_deref().unwrap_or_default());
    Ok(v1::GetNotificationResponse { notification: Some(shown.filter(own).ok_or(Refusal::NotFound)?) })
}

/// The life of a message is whose it is to see, like the message; but what holds a secret shows no life, for the text is
/// part of it.
pub(crate) fn may_see_history(window: &Window<'_>, request: &v1::GetNotificationHistoryRequest) -> Result<(), Problem> {
    let message = window.see::<Message>(&request.notification_id);
    if message.letter.as_ref().is_some_and(|letter| is_hidden(&message, letter)) {
        return Err(Refusal::NotFound.into());
    }
    get(window, &v1::GetNotificationRequest { notification_id: request.notification_id.clone() }).map(drop)
}

pub(super) fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Notification> {
    notification(&desk.see::<Message>(id), desk.version::<Message>(id))
}

/// The best text that these values fit. A template that cannot say it is passed over: the shop's own says less well what
/// must be said.
pub(super) fn best(desk: &Desk<'_>, about: About, to: &str, locale: &str, values: &Value) -> Result<Letter, Problem> {
    let mut fault = no_template();
    for text in views::texts(&desk.rows::<views::Templates>(), about.topic, about.channel, locale) {
        match writing::write(&text.parts(), values) {
            Ok(written) => return Ok(letter(about, to, text, written)),
            Err(e) => fault = unwritable(&e, "bad_data"),
        }
    }
    Err(fault)
}

/// A template in use: its version, and what it says.
#[derive(Debug, Clone)]
pub struct InUse {
    /// Its version; 0 for one that the shop came with.
    pub version: u64,
    /// What it says.
    pub text: Text,
}

impl InUse {
    /// Its parts.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let Text { subject, text, html, .. } = self.text.clone();
        Parts { subject, text, html }
    }
}

pub(super) fn letter(about: About, to: &str, text: InUse, written: Parts) -> Letter {
    let Parts { subject, text: body, html } = written;
    let Slot { locale, .. } = text.text.slot.clone();
    let template_id = template_id(&text.text.slot);
    Letter { about, to: to.to_owned(), locale, template_id, template_version: text.version, subject, text: body, html }
}

pub(super) fn named(
    topic: v1::Topic,
    channel: v1::Channel,
) -> Result<(crate::topic::Topic, crate::topic::Channel), Problem> {
    let unknown = || Problem::new(Kind::Invalid, "invalid_request", "a topic and a channel are needed");
    Ok((topic_in(topic).ok_or_else(unknown)?, channel_in(channel).ok_or_else(unknown)?))
}

pub(super) fn no_template() -> Problem {
    let detail = "there is no template for this topic and channel in any language that will do";
    Problem::new(Kind::Unprocessable, "no_template", detail)
}

pub(super) fn unwritable(fault: &Unwritable, code: &str) -> Problem {
    Problem::new(Kind::Unprocessable, code, fault.to_string())
        .with("part", fault.part)
        .with("line", i64::try_from(fault.line).unwrap_or(i64::MAX))
        .with("reason", fault.reason.clone())
}

/// What is shown in place of a text with a secret: neither staff nor whoever has somebody's session may read it here.
const HIDDEN: &str = "This message holds a code that only its reader may see.";

/// Whether nobody may read a message here. What was captured went to nobody: that is where a developer reads it.
fn is_hidden(message: &Message, letter: &Letter) -> bool {
    let is_captured = message.taken_by.as_ref().is_some_and(|(provider, _)| provider == CAPTURE);
    letter.about.topic.holds_a_secret() && !is_captured
}

/// A message as the world sees it; `None` when there is none.
#[must_use]
pub fn notification(message: &Message, version: u64) -> Option<v1::Notification> {
    let letter = message.letter.as_ref()?;
    let about = &letter.about;
    let (provider, provider_reference) = message.taken_by.clone().unwrap_or_default();
    let (text, html) = if is_hidden(message, letter) {
        (HIDDEN.to_owned(), String::new())
    } else {
        (letter.text.clone(), letter.html.clone())
    };
    let next_try_at = match message.status {
        Status::Queued(until) => Some(to_wire(until)),
        _ => None,
    };
    Some(v1::Notification {
        notification_id: about.id.clone(),
        version,
        topic: topic_out(about.topic).into(),
        channel: channel_out(about.channel).into(),
        status: status(message.status).into(),
        user_id: about.user_id.clone(),
        order_id: about.order_id.clone(),
        to: letter.to.clone(),
        locale: letter.locale.clone(),
        template_id: letter.template_id.clone(),
        template_version: letter.template_version,
        subject: letter.subject.clone(),
        text,
        html,
        attempts: message.attempts,
        provider,
        provider_reference,
        reason: message.why.reason.clone(),
        detail: message.why.detail.clone(),
        next_try_at,
        created_at: message.created_at.map(to_wire),
        sent_at: message.sent_at.map(to_wire),
        delivered_at: message.delivered_at.map(to_wire),
        updated_at: message.updated_at.map(to_wire),
    })
}

/// Whether a message was captured instead of sent.
#[must_use]
pub fn is_captured(message: &v1::Notification) -> bool {
    message.provider == CAPTURE
}

fn status(status: Status) -> v1::NotificationStatus {
    match status {
        Status::Unknown => v1::NotificationStatus::Unspecified,
        Status::Queued(_) => v1::NotificationStatus::Queued,
        Status::Sending(_) => v1::NotificationStatus::Sending,
        Status::Sent => v1::NotificationStatus::Sent,
        Status::Delivered => v1::NotificationStatus::Delivered,
        Status::Bounced => v1::NotificationStatus::Bounced,
        Status::Failed => v1::NotificationStatus::Failed,
        Status::Suppressed => v1::NotificationStatus::Suppressed,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::NotSent => Problem::conflict("not_sent", said),
            Refusal::NotRetryable => Problem::conflict("not_retryable", said),
        }
    }
}

/// Builds an event of the contract: those fields that all events of a message have, and these.
macro_rules! event {
    ($Event:ident, $about:ident, $at:ident $(, $field:ident)*) => {
        v1::$Event {
            notification_id: $about.id,
            topic: topic_out($about.topic).into(),
            channel: channel_out($about.channel).into(),
            user_id: $about.user_id,
            order_id: $about.order_id,
            $($field,)*
            at: Some(to_wire($at)),
        }
        .encode_to_vec()
    };
}

impl Recorded for message::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let message::Event { about, at, what } = self.clone();
        match what {
            What::Queued(letter, until) => {
                let Letter { to, locale, template_id, template_version, subject, text, html, .. } = letter;
                let send_at = Some(to_wire(until));
                let event = event!(
                    NotificationQueued,
                    about,
                    at,
                    to,
                    locale,
                    template_id,
                    template_version,
                    subject,
                    text,
                    html,
                    send_at
                );
                ("notification.queued", event)
            }
            What::Suppressed(to, reason) => {
                ("notification.suppressed", event!(NotificationSuppressed, about, at, to, reason))
            }
            What::Sending(attempt) => ("notification.sending", event!(NotificationSending, about, at, attempt)),
            What::Delayed(attempt, Why { reason, detail }, next) => {
                let next_try_at = Some(to_wire(next));
                let event = event!(NotificationDelayed, about, at, attempt, reason, detail, next_try_at);
                ("notification.delayed", event)
            }
            What::Sent(provider, provider_reference) => {
                ("notification.sent", event!(NotificationSent, about, at, provider, provider_reference))
            }
            What::Delivered => ("notification.delivered", event!(NotificationDelivered, about, at)),
            What::Bounced(Why { reason, detail }) => {
                ("notification.bounced", event!(NotificationBounced, about, at, reason, detail))
            }
            What::Failed(Why { reason, detail }) => {
                ("notification.failed", event!(NotificationFailed, about, at, reason, detail))
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        /// Reads an event of the contract and what it is about; the rest is for the block.
        macro_rules! read {
            ($Event:ident, |$event:ident, $about:ident| $what:expr) => {{
                let $event = v1::$Event::decode(data).map_err(unreadable(event_type))?;
                let topic = topic_in($event.topic()).ok_or_else(|| odd(event_type, "topic"))?;
                let channel = channel_in($event.channel()).ok_or_else(|| odd(event_type, "channel"))?;
                let (id, user_id) = ($event.notification_id.clone(), $event.user_id.clone());
                let $about = About { id, topic, channel, user_id, order_id: $event.order_id.clone() };
                let at = from_wire($event.at.as_ref());
                let what = $what;
                Ok(message::Event { about: $about, at, what })
            }};
        }
        match event_type {
            "notification.queued" => read!(NotificationQueued, |event, about| {
                let until = from_wire(event.send_at.as_ref());
                let v1::NotificationQueued { to, locale, template_id, template_version, subject, text, html, .. } =
                    event;
                let about = about.clone();
                let letter = Letter { about, to, locale, template_id, template_version, subject, text, html };
                What::Queued(letter, until)
            }),
            "notification.suppressed" => {
                read!(NotificationSuppressed, |event, about| What::Suppressed(event.to, event.reason))
            }
            "notification.sending" => read!(NotificationSending, |event, about| What::Sending(event.attempt)),
            "notification.delayed" => read!(NotificationDelayed, |event, about| {
                let next = from_wire(event.next_try_at.as_ref());
                What::Delayed(event.attempt, Why { reason: event.reason, detail: event.detail }, next)
            }),
            "notification.sent" => {
                read!(NotificationSent, |event, about| What::Sent(event.provider, event.provider_reference))
            }
            "notification.delivered" => read!(NotificationDelivered, |event, about| What::Delivered),
            "notification.bounced" => read!(NotificationBounced, |event, about| {
                What::Bounced(Why { reason: event.reason, detail: event.detail })
            }),
            "notification.failed" => read!(NotificationFailed, |event, about| {
                What::Failed(Why { reason: event.reason, detail: event.detail })
            }),
            other => Err(stranger(other, "message")),
        }
    }
}
