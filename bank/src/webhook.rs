//! Webhooks: the merchant is told what happened, signed as Stripe signs, until it has taken it.
//!
//! What was not taken is known from the journal, so a bank that was killed tells it after it is opened again.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use tokio::sync::watch;

use crate::bank::Bank;
use crate::clock;
use crate::intent::hex;
use crate::stripe;

/// How often undelivered news are looked at when nothing happens.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How many news are delivered in one go.
const BATCH: usize = 64;
/// The longest pause after news were not taken.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// How long a merchant may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the merchant takes news.
#[derive(Debug, Clone)]
pub struct Merchant {
    /// The address.
    pub url: String,
    /// What news are signed with.
    pub secret: String,
}

/// The value of `Stripe-Signature` for a body at a moment.
#[must_use]
pub fn signature(secret: &str, at: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex(tag.as_ref()))
}

/// Delivers news until told to stop.
pub(crate) async fn deliver(bank: Arc<Bank>, page_url: String, merchant: Merchant, mut stop: watch::Receiver<bool>) {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap_or_default();
    let mut pause = Duration::ZERO;
    loop {
        let untold = {
            let bank = bank.clone();
            tokio::task::spawn_blocking(move || bank.untold(BATCH)).await
        };
        let untold = untold.ok().and_then(Result::ok).unwrap_or_default();
        let mut refused = false;
        for (at, news, thing) in &untold {
            let body = stripe::event(*at, news, thing, &page_url).to_string();
            let signed = signature(&merchant.secret, clock::seconds(), &body);
            let sent = client
                .post(&merchant.url)
                .header("Content-Type", "application/json; charset=utf-8")
                .header("Stripe-Signature", signed)
                .body(body)
                .send()
                .await;
            match sent {
                Ok(answer) if answer.status().is_success() => bank.told(&news.id),
                Ok(answer) => {
                    tracing::debug!(
                        status = answer.status().as_u16(),
                        news = news.id,
                        "the merchant did not take news"
                    );
                    refused = true;
                }
                Err(error) => {
                    tracing::debug!(%error, news = news.id, "the merchant could not be told");
                    refused = true;
                }
            }
        }
        pause = if refused { (pause * 2).clamp(Duration::from_millis(200), PAUSE_MAX) } else { Duration::ZERO };
        let wait = async {
            if refused {
                tokio::time::sleep(pause).await;
            } else if untold.len() < BATCH {
                let _ = tokio::time::timeout(LOOK_AGAIN, bank.news.notified()).await;
            }
        };
        tokio::select! {
            () = wait => {}
            // The other side is gone only when the bank stops.
            _ = stop.changed() => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_one_that_stripe_makes() {
        // Computed with Python: hmac.new(b"whsec_test", b"1700000000.{}", "sha256").
        let signed = signature("whsec_test", 1_700_000_000, "{}");
        assert_eq!(signed, "t=1700000000,v1=35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91");
    }
}
