//! Contacts: what is known of whom to write to about an order, and what is said to them.

use jiff::tz::TimeZone;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::Desk;
use runtime::entity::{Recorded, Undecodable};
use serde_json::Value;

use super::letters::best;
use super::{Money, Problem, co_located, money_text, odd, stranger, topic_in, topic_out, unreadable, v1};
use crate::contact::{self, Command, Contact, Line, News, Person, Price, Refusal};
use crate::message::{self, About, Message, Status};
use crate::preferences;
use crate::topic::{Channel, LOCALE};
use crate::views;

pub(crate) fn learn(
    desk: &mut Desk<'_>,
    request: &v1::LearnContactRequest,
) -> Result<v1::LearnContactResponse, Problem> {
    let person = person_in(request.contact.clone().unwrap_or_default());
    let learned = learn_and_say(desk, &request.order_id, person)?;
    Ok(v1::LearnContactResponse { learned })
}

/// Whoever becomes known is told what was owed to them.
fn learn_and_say(desk: &mut Desk<'_>, order_id: &str, person: Person) -> Result<bool, Problem> {
    let before = desk.see::<Contact>(order_id);
    let learn = Command::Learn(order_id.to_owned(), Box::new(person.clone()));
    let learned = desk.tell::<Contact>(order_id, learn)? > 0;
    for news in &before.owed {
        say(desk, order_id, &person, news)?;
    }
    Ok(learned)
}

pub(crate) fn inform(desk: &mut Desk<'_>, request: &v1::InformRequest) -> Result<v1::InformResponse, Problem> {
    let order_id = &request.order_id;
    let news = news_in(request.news.clone().unwrap_or_default())
        .map_err(|e| Problem::new(messages::problem::Kind::Invalid, "invalid_request", e.to_string()))?;
    if desk.see::<Contact>(order_id).person.is_none() && !news.email.is_empty() {
        // These news say themselves whom they are for.
        let (user_id, email) = (news.user_id.clone(), news.email.clone());
        learn_and_say(desk, order_id, Person { user_id, email, ..Person::default() })?;
    }
    let Some(person) = desk.see::<Contact>(order_id).person.clone() else {
        desk.tell::<Contact>(order_id, Command::Owe(order_id.clone(), Box::new(news)))?;
        return Ok(v1::InformResponse::default());
    };
    let notification_ids = say(desk, order_id, &person, &news)?;
    Ok(v1::InformResponse { notification_ids })
}

/// Says something by every channel that the person wants and has an address for.
fn say(desk: &mut Desk<'_>, order_id: &str, person: &Person, news: &News) -> Result<Vec<String>, Problem> {
    let user_id = person.user_id.clone().or_else(|| news.user_id.clone());
    let chosen = user_id.as_deref().map(|user_id| views::chosen(&desk.rows::<views::Chosen>(), user_id));
    let chosen = chosen.unwrap_or_default();
    let locale = if person.locale.is_empty() { LOCALE } else { &person.locale };
    let mut said = Vec::new();
    for (channel, to) in [(Channel::Email, &person.email), (Channel::Sms, &person.phone)] {
        if to.is_empty() || !preferences::wanted(&chosen, news.topic, channel) {
            continue;
        }
        let id = co_located(order_id, &[news.topic.word(), &news.subject, channel.word()]);
        if desk.see::<Message>(&id).status == Status::Unknown {
            let (user_id, order) = (user_id.clone(), Some(order_id.to_owned()));
            let about = About { id: id.clone(), topic: news.topic, channel, user_id, order_id: order };
            let letter = best(desk, about, to, locale, &values(person, news, order_id, locale))?;
            let send_at = desk.facts().now;
            desk.tell::<Message>(&id, message::Command::Queue(letter, send_at))?;
        }
        said.push(id);
    }
    Ok(said)
}

/// What the texts about an order may use. A topic's own check of its names decides which of them it does.
fn values(person: &Person, news: &News, order_id: &str, locale: &str) -> Value {
    let price = |price: &Option<Price>| price.as_ref().map(|price| money_text(price, locale)).unwrap_or_default();
    let lines = if news.lines.is_empty() { &person.lines } else { &news.lines };
    let title = |line: &Line| match (&line.title, person.lines.iter().find(|ordered| ordered.sku == line.sku)) {
        (title, Some(ordered)) if title.is_empty() => ordered.title.clone(),
        (title, _) => title.clone(),
    };
    let line = |line: &Line| {
        serde_json::json!({
            "sku": line.sku, "title": title(line), "quantity": line.quantity, "total": price(&line.total),
        })
    };
    let awaited = |line: &Line| {
        let expected_on = line.expected_at.map(|at| at.to_zoned(TimeZone::UTC).date().to_string()).unwrap_or_default();
        serde_json::json!({
            "sku": line.sku, "title": title(line), "quantity": line.quantity, "expected_on": expected_on,
        })
    };
    let total = if person.total.is_some() { &person.total } else { &news.amount };
    serde_json::json!({
        "name": person.name, "order_id": order_id, "total": price(total), "amount": price(&news.amount),
        "reason": news.reason, "carrier": news.carrier, "tracking_number": news.tracking_number,
        "tracking_url": news.tracking_url, "shipping_option": news.shipping_option,
        "lines": lines.iter().map(line).collect::<Vec<_>>(),
        "awaited": news.awaited.iter().map(awaited).collect::<Vec<_>>(),
    })
}

pub(super) fn price_in(money: Option<&Money>) -> Option<Price> {
    money.map(|money| Price { amount: money.amount.unwrap_or_default(), currency: money.currency.clone() })
}

fn price_out(price: &Price) -> Money {
    Money { amount: Some(price.amount), currency: price.currency.clone() }
}

fn line_in(line: v1::OrderLine) -> Line {
    let v1::OrderLine { sku, title, quantity, total, expected_at } = line;
    let expected_at = expected_at.as_ref().map(|at| from_wire(Some(at)));
    Line { total: price_in(total.as_ref()), sku, title, quantity, expected_at }
}

fn line_out(line: Line) -> v1::OrderLine {
    v1::OrderLine {
        total: line.total.as_ref().map(price_out),
        sku: line.sku,
        title: line.title,
        quantity: line.quantity,
        expected_at: line.expected_at.map(to_wire),
    }
}

fn person_in(contact: v1::OrderContact) -> Person {
    let total = price_in(contact.total.as_ref());
    let v1::OrderContact { user_id, name, email, locale, lines, phone, .. } = contact;
    Person { user_id, name, email, phone, locale, lines: lines.into_iter().map(line_in).collect(), total }
}

fn person_out(person: Person) -> v1::OrderContact {
    let total = person.total.as_ref().map(price_out);
    let Person { user_id, name, email, phone, locale, lines, .. } = person;
    v1::OrderContact { user_id, name, email, locale, lines: lines.into_iter().map(line_out).collect(), total, phone }
}

fn news_in(news: v1::OrderNews) -> Result<News, Undecodable> {
    let topic = topic_in(news.topic()).ok_or_else(|| odd("order news", "topic"))?;
    let amount = price_in(news.amount.as_ref());
    let v1::OrderNews { subject, email, user_id, reason, carrier, tracking_number, .. } = news;
    let v1::OrderNews { tracking_url, shipping_option, lines, .. } = news;
    let lines = lines.into_iter().map(line_in).collect();
    let awaited = news.awaited.map(|awaited| awaited.data).unwrap_or_default();
    let awaited = awaited.into_iter().map(line_in).collect();
    Ok(News {
        topic,
        subject,
        email,
        user_id,
        amount,
        reason,
        carrier,
        tracking_number,
        tracking_url,
        shipping_option,
        lines,
        awaited,
    })
}

/// Nothing, when there are none.
fn lines_out(lines: Vec<Line>) -> Option<v1::OrderLines> {
    (!lines.is_empty()).then(|| v1::OrderLines { data: lines.into_iter().map(line_out).collect() })
}

fn news_out(news: News) -> v1::OrderNews {
    let amount = news.amount.as_ref().map(price_out);
    let News {
        topic, subject, email, user_id, reason, carrier, tracking_number, tracking_url, shipping_option, ..
    } = news;
    v1::OrderNews {
        topic: topic_out(topic).into(),
        subject,
        email,
        user_id,
        amount,
        reason,
        carrier,
        tracking_number,
        shipping_option,
        lines: news.lines.into_iter().map(line_out).collect(),
        tracking_url,
        awaited: lines_out(news.awaited),
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::conflict("too_much_owed", refusal.to_string())
    }
}

impl Recorded for contact::Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            contact::Event::Learned(order_id, person, at) => {
                let (contact, at) = (Some(person_out(*person)), Some(to_wire(at)));
                ("contact.learned", v1::ContactLearned { order_id, contact, at }.encode_to_vec())
            }
            contact::Event::Owed(order_id, news, at) => {
                let (news, at) = (Some(news_out(*news)), Some(to_wire(at)));
                ("contact.owed", v1::ContactOwed { order_id, news, at }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "contact.learned" => {
                let event = v1::ContactLearned::decode(data).map_err(unreadable(event_type))?;
                let (person, at) = (person_in(event.contact.unwrap_or_default()), from_wire(event.at.as_ref()));
                Ok(Self::Learned(event.order_id, Box::new(person), at))
            }
            "contact.owed" => {
                let event = v1::ContactOwed::decode(data).map_err(unreadable(event_type))?;
                let (news, at) = (news_in(event.news.unwrap_or_default())?, from_wire(event.at.as_ref()));
                Ok(Self::Owed(event.order_id, Box::new(news), at))
            }
            other => Err(stranger(other, "contact")),
        }
    }
}
