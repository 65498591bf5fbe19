//! Names: topics, channels, ids and amounts, between contract and domain.

use messages::id::Id;
use messages::money::Currency;

use super::v1;
use crate::contact::Price;
use crate::template::Slot;
use crate::topic::{Channel, Topic};

/// A topic of the contract; `None` when it names none that is known here.
#[must_use]
pub fn topic_in(topic: v1::Topic) -> Option<Topic> {
    Some(match topic {
        v1::Topic::Unspecified => return None,
        v1::Topic::OrderConfirmed => Topic::OrderConfirmed,
        v1::Topic::OrderCancelled => Topic::OrderCancelled,
        v1::Topic::PaymentFailed => Topic::PaymentFailed,
        v1::Topic::PaymentReceived => Topic::PaymentReceived,
        v1::Topic::Shipped => Topic::Shipped,
        v1::Topic::Delivered => Topic::Delivered,
        v1::Topic::Refunded => Topic::Refunded,
        v1::Topic::LowStock => Topic::LowStock,
        v1::Topic::Message => Topic::Message,
        v1::Topic::EmailVerification => Topic::EmailVerification,
        v1::Topic::Welcome => Topic::Welcome,
        v1::Topic::PasswordReset => Topic::PasswordReset,
        v1::Topic::ProfileChanged => Topic::ProfileChanged,
        v1::Topic::EmailChange => Topic::EmailChange,
        v1::Topic::EmailChanged => Topic::EmailChanged,
        v1::Topic::BackorderFilled => Topic::BackorderFilled,
    })
}

/// A topic for the contract.
#[must_use]
pub fn topic_out(topic: Topic) -> v1::Topic {
    match topic {
        Topic::OrderConfirmed => v1::Topic::OrderConfirmed,
        Topic::OrderCancelled => v1::Topic::OrderCancelled,
        Topic::PaymentFailed => v1::Topic::PaymentFailed,
        Topic::PaymentReceived => v1::Topic::PaymentReceived,
        Topic::Shipped => v1::Topic::Shipped,
        Topic::Delivered => v1::Topic::Delivered,
        Topic::Refunded => v1::Topic::Refunded,
        Topic::LowStock => v1::Topic::LowStock,
        Topic::Message => v1::Topic::Message,
        Topic::EmailVerification => v1::Topic::EmailVerification,
        Topic::Welcome => v1::Topic::Welcome,
        Topic::PasswordReset => v1::Topic::PasswordReset,
        Topic::ProfileChanged => v1::Topic::ProfileChanged,
        Topic::EmailChange => v1::Topic::EmailChange,
        Topic::EmailChanged => v1::Topic::EmailChanged,
        Topic::BackorderFilled => v1::Topic::BackorderFilled,
    }
}

/// A channel of the contract; `None` when it names none that is known here.
#[must_use]
pub fn channel_in(channel: v1::Channel) -> Option<Channel> {
    Some(match channel {
        v1::Channel::Unspecified => return None,
        v1::Channel::Email => Channel::Email,
        v1::Channel::Sms => Channel::Sms,
        v1::Channel::Push => Channel::Push,
    })
}

/// A channel for the contract.
#[must_use]
pub fn channel_out(channel: Channel) -> v1::Channel {
    match channel {
        Channel::Email => v1::Channel::Email,
        Channel::Sms => v1::Channel::Sms,
        Channel::Push => v1::Channel::Push,
    }
}

/// The id of a slot's template: the same for ever, so that there is one template for each slot.
#[must_use]
pub fn template_id(slot: &Slot) -> String {
    let words = format!("{}.{}.{}", slot.topic.word(), slot.channel.word(), slot.locale);
    Id::derived("tpl", words.as_bytes()).to_string()
}

/// The id of a message made of these parts, chosen so that it lives in the partition of a key: what that key's actor
/// decides and the message itself are then one commit. One id in eight fits, so a few are tried; which one fits is the
/// same for ever, because the number of partitions is.
#[must_use]
pub fn co_located(key: &str, parts: &[&str]) -> String {
    let partitions = super::contract().partitions;
    let home = |key: &str| messages::partition::of(&messages::token::of(key).unwrap_or_default(), partitions);
    let mut name: Vec<u8> = Vec::new();
    for part in std::iter::once(&key).chain(parts) {
        // No part holds a zero byte, so two lists of parts never run together.
        name.extend_from_slice(part.as_bytes());
        name.push(0);
    }
    let ids = (0_u32..).map(|number| Id::derived("ntf", &[&name[..], &number.to_be_bytes()].concat()).to_string());
    let mut ids = ids.filter(|id| home(id) == home(key));
    ids.next().unwrap_or_default()
}

/// An amount as people of a locale read it: `19.99 EUR`, `19,99 EUR`.
#[must_use]
pub fn money_text(price: &Price, locale: &str) -> String {
    let decimals = Currency::parse(&price.currency).map_or(0, Currency::decimals);
    let digits =
        format!("{:0>width$}", price.amount.unsigned_abs(), width = usize::try_from(decimals).unwrap_or(0) + 1);
    let (whole, cents) = digits.split_at(digits.len() - usize::try_from(decimals).unwrap_or(0));
    let sign = if price.amount < 0 { "-" } else { "" };
    let mark = if COMMA.contains(&locale.split('-').next().unwrap_or_default()) { "," } else { "." };
    let cents = if cents.is_empty() { String::new() } else { format!("{mark}{cents}") };
    format!("{sign}{whole}{cents} {}", price.currency)
}

/// Languages that write a comma before the cents.
const COMMA: [&str; 16] =
    ["bg", "cs", "da", "de", "el", "es", "fi", "fr", "hu", "it", "nb", "nl", "pl", "pt", "ro", "sv"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_written_as_people_read_it() {
        let text = |amount, currency: &str, locale| money_text(&Price { amount, currency: currency.into() }, locale);
        assert_eq!(text(1999, "EUR", "en"), "19.99 EUR");
        assert_eq!(text(1999, "EUR", "de-AT"), "19,99 EUR");
        assert_eq!(text(5, "EUR", "en"), "0.05 EUR");
        assert_eq!(text(-5, "EUR", "en"), "-0.05 EUR");
        assert_eq!(text(1999, "JPY", "en"), "1999 JPY");
        assert_eq!(text(1999, "KWD", "en"), "1.999 KWD");
    }

    #[test]
    fn a_message_lives_where_its_order_does() {
        let home = |key: &str| messages::partition::of(&messages::token::of(key).expect("a token"), 8);
        for number in 0..50 {
            let order = Id::derived("ord", &[number]).to_string();
            let id = co_located(&order, &["shipped", "shp", "email"]);
            assert_eq!(home(&id), home(&order));
            assert_eq!(id, co_located(&order, &["shipped", "shp", "email"]));
            assert_ne!(id, co_located(&order, &["shipped", "sh", "pemail"]));
        }
    }
}
