//! What messages are about, and the ways they go.

use serde::{Deserialize, Serialize};

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topic {
    /// The shop will deliver an order.
    OrderConfirmed,
    /// An order will not be delivered.
    OrderCancelled,
    /// The money of an order did not come.
    PaymentFailed,
    /// The money of an order came.
    PaymentReceived,
    /// A parcel is on its way.
    Shipped,
    /// A parcel has arrived.
    Delivered,
    /// Money went back.
    Refunded,
    /// To the people of the shop: little is left of something.
    LowStock,
    /// Anything else that somebody of the shop wrote by hand.
    Message,
    /// Whoever registered shows that mail reaches them.
    EmailVerification,
    /// An account is active.
    Welcome,
    /// Somebody wants to set a new password.
    PasswordReset,
    /// What somebody tells about themselves changed.
    ProfileChanged,
    /// Somebody shows that mail reaches them at the address that they want.
    EmailChange,
    /// To the address before: the account has another one.
    EmailChanged,
    /// Something that an order waited for has come.
    BackorderFilled,
}

/// The way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Electronic mail.
    Email,
    /// A text message to a phone.
    Sms,
    /// A push message to a device.
    Push,
}

/// For whom messages to the people of the shop are; the provider of mail knows their address.
pub const STAFF: &str = "staff";
/// The language that everything is written in when nothing better is known.
pub const LOCALE: &str = "en";

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 16] = [
        Topic::OrderConfirmed,
        Topic::OrderCancelled,
        Topic::PaymentFailed,
        Topic::PaymentReceived,
        Topic::Shipped,
        Topic::Delivered,
        Topic::Refunded,
        Topic::LowStock,
        Topic::Message,
        Topic::EmailVerification,
        Topic::Welcome,
        Topic::PasswordReset,
        Topic::ProfileChanged,
        Topic::EmailChange,
        Topic::EmailChanged,
        Topic::BackorderFilled,
    ];

    /// Its word in ids and rows. Never changed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Topic::OrderConfirmed => "order_confirmed",
            Topic::OrderCancelled => "order_cancelled",
            Topic::PaymentFailed => "payment_failed",
            Topic::PaymentReceived => "payment_received",
            Topic::Shipped => "shipped",
            Topic::Delivered => "delivered",
            Topic::Refunded => "refunded",
            Topic::LowStock => "low_stock",
            Topic::Message => "message",
            Topic::EmailVerification => "email_verification",
            Topic::Welcome => "welcome",
            Topic::PasswordReset => "password_reset",
            Topic::ProfileChanged => "profile_changed",
            Topic::EmailChange => "email_change",
            Topic::EmailChanged => "email_changed",
            Topic::BackorderFilled => "backorder_filled",
        }
    }

    /// Whether it is part of a sale, or about who may use an account: its e-mail cannot be switched off.
    #[must_use]
    pub fn is_part_of_a_sale(self) -> bool {
        match self {
            Topic::OrderConfirmed
            | Topic::OrderCancelled
            | Topic::PaymentFailed
            | Topic::PaymentReceived
            | Topic::Shipped
            | Topic::Delivered
            | Topic::Refunded
            | Topic::EmailVerification
            | Topic::Welcome
            | Topic::PasswordReset
            | Topic::ProfileChanged
            | Topic::EmailChange
            | Topic::EmailChanged
            | Topic::BackorderFilled => true,
            Topic::LowStock | Topic::Message => false,
        }
    }

    /// Whether its messages hold a secret that only whoever reads the mailbox may know: that is what it proves.
    #[must_use]
    pub fn holds_a_secret(self) -> bool {
        self.variables().contains(&"token")
    }

    /// The names that its templates may use; those of a list's items after a dot.
    #[must_use]
    pub fn variables(self) -> &'static [&'static str] {
        match self {
            Topic::OrderConfirmed => &["name", "order_id", "total", "shipping_option", "lines", "awaited"],
            Topic::OrderCancelled => &["name", "order_id", "reason"],
            Topic::PaymentFailed => &["name", "order_id", "reason"],
            Topic::PaymentReceived | Topic::Refunded => &["name", "order_id", "amount"],
            Topic::Shipped => &["name", "order_id", "carrier", "tracking_number", "tracking_url", "lines"],
            Topic::Delivered => &["name", "order_id"],
            Topic::BackorderFilled => &["name", "order_id", "lines"],
            Topic::LowStock => &["sku", "product_id", "warehouse_id", "current_stock", "threshold"],
            Topic::Message => &["subject", "text"],
            Topic::EmailVerification | Topic::PasswordReset | Topic::EmailChange => &["name", "user_id", "token"],
            Topic::Welcome | Topic::ProfileChanged | Topic::EmailChanged => &["name", "user_id"],
        }
    }
}

impl Channel {
    /// Every channel.
    pub const ALL: [Channel; 3] = [Channel::Email, Channel::Sms, Channel::Push];

    /// Its word in ids and rows, and the name of its provider. Never changed.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Channel::Email => "email",
            Channel::Sms => "sms",
            Channel::Push => "push",
        }
    }

    /// Whether messages of a topic come by it to somebody who has never chosen: e-mail does, the others are asked for.
    #[must_use]
    pub fn comes_unasked(self) -> bool {
        self == Channel::Email
    }
}

/// The locales in which to look for a template, the best first: `de-AT`, `de`, `en`.
#[must_use]
pub fn fallbacks(locale: &str) -> Vec<String> {
    let language = locale.split('-').next().unwrap_or_default();
    let mut chain: Vec<String> = Vec::new();
    for locale in [locale, language, LOCALE] {
        if !locale.is_empty() && !chain.iter().any(|known| known == locale) {
            chain.push(locale.to_owned());
        }
    }
    chain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_falls_back_to_its_language_and_then_to_english() {
        assert_eq!(fallbacks("de-AT"), ["de-AT", "de", "en"]);
        assert_eq!(fallbacks("de"), ["de", "en"]);
        assert_eq!(fallbacks("en-GB"), ["en-GB", "en"]);
        assert_eq!(fallbacks("en"), ["en"]);
        assert_eq!(fallbacks(""), ["en"]);
    }
}
