//! Cards: what a token or a magic number stands for, and how such a card behaves.
//!
//! The names and numbers are Stripe's own for testing, so whoever knows them by heart can use them here. Five more are
//! ours: `pm_card_slow`, `pm_card_failsAfterCharging`, `pm_card_dropsAfterCharging`, `pm_card_webhookFirst` and
//! `pm_card_captureDeclined`.

use serde::{Deserialize, Serialize};

/// How a card behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// It is approved.
    Approved,
    /// It is declined with a code and a decline code.
    Declined(Decline),
    /// Its owner must prove who they are; then it is approved.
    Authenticates,
    /// Its owner must prove who they are; then it is declined.
    AuthenticatesThenDeclined,
    /// It is approved when money is to be held, and declined when it is to be taken.
    CaptureDeclined,
    /// It is approved; a refund begins as pending and succeeds at the next look.
    RefundPends,
    /// It is approved; a refund fails.
    RefundFails,
    /// It is approved, and every answer takes long.
    Slow,
    /// What was asked for is done, and answered with status 500. Asking again with the same key tells the truth.
    FailsAfter,
    /// What was asked for is done, and the connection breaks. Asking again with the same key tells the truth.
    DropsAfter,
    /// It is approved, and the webhook is delivered before the answer.
    WebhookFirst,
}

/// Why a card is declined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decline {
    /// For no reason that is told.
    Generic,
    /// There is not enough money.
    InsufficientFunds,
    /// It was reported lost.
    Lost,
    /// It was reported stolen.
    Stolen,
    /// Its time is over.
    Expired,
    /// The check digits are wrong.
    IncorrectCvc,
    /// The bank behind it has a problem.
    Processing,
    /// It looks like fraud.
    Fraudulent,
}

impl Decline {
    /// Stripe's error code and decline code.
    #[must_use]
    pub fn codes(self) -> (&'static str, Option<&'static str>) {
        match self {
            Decline::Generic => ("card_declined", Some("generic_decline")),
            Decline::InsufficientFunds => ("card_declined", Some("insufficient_funds")),
            Decline::Lost => ("card_declined", Some("lost_card")),
            Decline::Stolen => ("card_declined", Some("stolen_card")),
            Decline::Fraudulent => ("card_declined", Some("fraudulent")),
            Decline::Expired => ("expired_card", None),
            Decline::IncorrectCvc => ("incorrect_cvc", None),
            Decline::Processing => ("processing_error", None),
        }
    }

    /// A sentence for people.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Decline::InsufficientFunds => "Your card has insufficient funds.",
            Decline::Expired => "Your card has expired.",
            Decline::IncorrectCvc => "Your card's security code is incorrect.",
            Decline::Processing => "An error occurred while processing your card. Try again in a little bit.",
            Decline::Generic | Decline::Lost | Decline::Stolen | Decline::Fraudulent => "Your card was declined.",
        }
    }
}

/// A card as the bank keeps it: no number, ever.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `visa`, `mastercard`, `amex`.
    pub brand: String,
    /// The last four digits.
    pub last4: String,
    /// The month after which it ends.
    pub exp_month: u32,
    /// The year in which it ends.
    pub exp_year: u32,
    /// What it does.
    pub behaviour: Behaviour,
}

fn card(brand: &str, last4: &str, behaviour: Behaviour) -> Card {
    Card { brand: brand.to_owned(), last4: last4.to_owned(), exp_month: 8, exp_year: 2031, behaviour }
}

/// The card that one of the well-known tokens stands for.
#[must_use]
pub fn of_token(token: &str) -> Option<Card> {
    use Behaviour as Does;
    let visa = |last4, behaviour| Some(card("visa", last4, behaviour));
    // Stripe has most of its tokens with the brand in them and without.
    match token.replace("pm_card_visa_", "pm_card_").as_str() {
        "pm_card_visa" => visa("4242", Does::Approved),
        "pm_card_mastercard" => Some(card("mastercard", "4444", Does::Approved)),
        "pm_card_amex" => Some(card("amex", "0005", Does::Approved)),
        "pm_card_chargeDeclined" => visa("0002", Does::Declined(Decline::Generic)),
        "pm_card_chargeDeclinedInsufficientFunds" => visa("9995", Does::Declined(Decline::InsufficientFunds)),
        "pm_card_chargeDeclinedLostCard" => visa("9987", Does::Declined(Decline::Lost)),
        "pm_card_chargeDeclinedStolenCard" => visa("9979", Does::Declined(Decline::Stolen)),
        "pm_card_chargeDeclinedExpiredCard" => visa("0069", Does::Declined(Decline::Expired)),
        "pm_card_chargeDeclinedIncorrectCvc" => visa("0127", Does::Declined(Decline::IncorrectCvc)),
        "pm_card_chargeDeclinedProcessingError" => visa("0119", Does::Declined(Decline::Processing)),
        "pm_card_chargeDeclinedFraudulent" | "pm_card_radarBlock" => visa("0019", Does::Declined(Decline::Fraudulent)),
        "pm_card_threeDSecure2Required" => visa("3220", Does::Authenticates),
        "pm_card_threeDSecureRequired" => visa("3063", Does::Authenticates),
        "pm_card_authenticationRequired" => visa("3184", Does::Authenticates),
        "pm_card_threeDSecureRequiredChargeDeclined" => visa("1629", Does::AuthenticatesThenDeclined),
        "pm_card_pendingRefund" => visa("7726", Does::RefundPends),
        "pm_card_refundFail" => visa("5126", Does::RefundFails),
        "pm_card_slow" => visa("1111", Does::Slow),
        "pm_card_failsAfterCharging" => visa("1129", Does::FailsAfter),
        "pm_card_dropsAfterCharging" => visa("1137", Does::DropsAfter),
        "pm_card_webhookFirst" => visa("1145", Does::WebhookFirst),
        "pm_card_captureDeclined" => visa("1152", Does::CaptureDeclined),
        _ => None,
    }
}

/// The card of one of the well-known numbers. Nobody else's number is taken, and this one is forgotten at once.
#[must_use]
pub fn of_number(number: &str) -> Option<Card> {
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    let token = match digits.as_str() {
        "4242424242424242" => "pm_card_visa",
        "5555555555554444" => "pm_card_mastercard",
        "378282246310005" => "pm_card_amex",
        "4000000000000002" => "pm_card_chargeDeclined",
        "4000000000009995" => "pm_card_chargeDeclinedInsufficientFunds",
        "4000000000009987" => "pm_card_chargeDeclinedLostCard",
        "4000000000009979" => "pm_card_chargeDeclinedStolenCard",
        "4000000000000069" => "pm_card_chargeDeclinedExpiredCard",
        "4000000000000127" => "pm_card_chargeDeclinedIncorrectCvc",
        "4000000000000119" => "pm_card_chargeDeclinedProcessingError",
        "4000002760003184" => "pm_card_authenticationRequired",
        "4000000000003220" => "pm_card_threeDSecure2Required",
        "4000008400001629" => "pm_card_threeDSecureRequiredChargeDeclined",
        "4000000000007726" => "pm_card_pendingRefund",
        "4000000000005126" => "pm_card_refundFail",
        _ => return None,
    };
    of_token(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_token_are_the_same_card() {
        for (number, token) in [
            ("4242 4242 4242 4242", "pm_card_visa"),
            ("4000000000000002", "pm_card_visa_chargeDeclined"),
            ("4000000000009995", "pm_card_chargeDeclinedInsufficientFunds"),
            ("4000002760003184", "pm_card_authenticationRequired"),
        ] {
            let card = of_number(number).expect(number);
            assert_eq!(Some(&card), of_token(token).as_ref(), "{token}");
            assert!(number.replace(' ', "").ends_with(&card.last4), "{number}");
        }
        assert_eq!(of_token("pm_card_nobody"), None);
        assert_eq!(of_number("4111111111111111"), None);
    }
}
