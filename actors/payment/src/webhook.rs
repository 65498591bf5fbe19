//! Webhooks: what a provider says without being asked.
//!
//! Nobody has to show who they are at that door, so the signature is all the proof there is: HMAC-SHA256 over the moment
//! and the body, with a secret that only the provider and the shop have. What is older than five minutes may have been
//! recorded and is not taken. News are a hint, never an answer: the payment asks the provider itself. So it does not
//! matter how late, how often and in which order they come.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use serde_json::Value;

use crate::payment::Hint;

/// How far the moment of a signature may be from ours, in seconds: what Stripe's own libraries take.
pub const TOLERANCE_SECS: i64 = 300;

/// What news say about a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The provider's name for them.
    pub id: String,
    /// Our name for the payment.
    pub payment_id: String,
    /// The provider's name for it.
    pub reference: String,
    /// How it stands.
    pub hint: Hint,
}

/// Why news are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nobody knows who sent them.
    #[error("the signature is missing, wrong, or more than five minutes old")]
    Signature,
    /// They are not what the provider sends.
    #[error("the body is not what the provider sends")]
    Body,
}

/// Whether a body was signed with a secret, at a moment near this one. The header is `t=<seconds>,v1=<hex>`, with a `v1` for
/// each secret while it is changed.
///
/// # Errors
/// When it was not.
pub fn verify(secret: &str, header: &str, body: &[u8], now: Timestamp) -> Result<(), Fault> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let at = parts().find(|(name, _)| *name == "t").map(|(_, at)| at).ok_or(Fault::Signature)?;
    let seconds: i64 = at.parse().map_err(|_| Fault::Signature)?;
    let age = now.as_second().checked_sub(seconds).ok_or(Fault::Signature)?;
    // Without a secret anybody could sign.
    if secret.is_empty() || age.abs() > TOLERANCE_SECS {
        return Err(Fault::Signature);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [at.as_bytes(), b".", body].concat();
    let mut tags = parts().filter(|(name, _)| *name == "v1").filter_map(|(_, tag)| unhex(tag));
    // `verify` takes as long for a wrong tag as for a right one.
    if tags.any(|tag| hmac::verify(&key, &signed, &tag).is_ok()) { Ok(()) } else { Err(Fault::Signature) }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

/// What news say about a payment of ours; `None` when they are about something else.
///
/// # Errors
/// When they are not what Stripe sends.
pub fn read(body: &[u8]) -> Result<Option<News>, Fault> {
    let event: Value = serde_json::from_slice(body).map_err(|_| Fault::Body)?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let (Some(id), Some(kind)) = (text(&event["id"]), text(&event["type"])) else { return Err(Fault::Body) };
    let hint = match kind.as_str() {
        "payment_intent.requires_action" => Hint::ActionRequired,
        "payment_intent.amount_capturable_updated" => Hint::Authorised,
        "payment_intent.succeeded" => Hint::Captured,
        "payment_intent.payment_failed" | "payment_intent.canceled" => Hint::Ended,
        // Everything else we learn by asking.
        _ => return Ok(None),
    };
    let intent = &event["data"]["object"];
    let Some(reference) = text(&intent["id"]) else { return Err(Fault::Body) };
    // Somebody else's payments may go through the same account.
    let Some(payment_id) = text(&intent["metadata"]["payment_id"]) else { return Ok(None) };
    Ok(Some(News { id, payment_id, reference, hint }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"{\"id\":\"evt_1\"}";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).expect("a moment")
    }

    fn signed(secret: &str, seconds: u64) -> String {
        bank::webhook::signature(secret, seconds, std::str::from_utf8(BODY).expect("text"))
    }

    #[test]
    fn only_the_right_secret_and_a_fresh_moment_are_taken() {
        let header = signed("whsec", 1_000);
        for (secret, header, body, now, taken) in [
            ("whsec", header.as_str(), BODY, 1_000, true),
            ("whsec", &header, BODY, 1_300, true),
            ("whsec", &header, BODY, 1_301, false),
            ("whsec", &header, BODY, 700, true),
            ("whsec", &header, BODY, 699, false),
            ("other", &header, BODY, 1_000, false),
            ("", &signed("", 1_000), BODY, 1_000, false),
            ("whsec", &header, b"{}", 1_000, false),
            ("whsec", &header.replace("t=1000", "t=1001"), BODY, 1_000, false),
            ("whsec", &header.replace("v1=", "v0="), BODY, 1_000, false),
            ("whsec", &header.replace("v1=", "v1=00ff,v1=zz,v1="), BODY, 1_000, true),
            ("whsec", "", BODY, 1_000, false),
            ("whsec", "t=,v1=", BODY, 1_000, false),
            ("whsec", "t=-9223372036854775808,v1=00", BODY, 1_000, false),
        ] {
            assert_eq!(verify(secret, header, body, at(now)).is_ok(), taken, "{secret} {header} {now}");
        }
    }

    #[test]
    fn news_are_read_and_what_is_not_ours_is_passed_over() {
        let news = |kind: &str, metadata: &str| {
            let body = format!(
                r#"{{"id":"evt_1","type":"{kind}","data":{{"object":{{"id":"pi_1","metadata":{metadata}}}}}}}"#
            );
            read(body.as_bytes()).map(|news| news.map(|news| (news.payment_id, news.hint)))
        };
        let ours = r#"{"payment_id":"pay_1"}"#;
        for (kind, hint) in [
            ("payment_intent.requires_action", Hint::ActionRequired),
            ("payment_intent.amount_capturable_updated", Hint::Authorised),
            ("payment_intent.succeeded", Hint::Captured),
            ("payment_intent.payment_failed", Hint::Ended),
            ("payment_intent.canceled", Hint::Ended),
        ] {
            assert_eq!(news(kind, ours), Ok(Some(("pay_1".into(), hint))), "{kind}");
        }
        assert_eq!(news("payment_intent.succeeded", "{}"), Ok(None));
        assert_eq!(news("charge.dispute.created", ours), Ok(None));
        for bad in [&b""[..], b"[]", b"{}", b"{\"id\":7,\"type\":\"payment_intent.succeeded\"}"] {
            assert_eq!(read(bad), Err(Fault::Body));
        }
    }
}
