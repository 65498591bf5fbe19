//! Rates: how often somebody may ask in a minute, over all gateways together.
//!
//! Every gateway takes requests in small portions from a count that NATS keeps for the identity and the minute, and lets
//! pass what it has taken. So the sum never exceeds the limit, and what is left unused in the gateways is at most a
//! hundredth of it each. Who shows no token counts by the address, and so does a guest, whose secret costs nothing; a
//! token that is not valid counts by the address too. While NATS is away each gateway counts alone, up to the whole
//! limit: nothing is sold meanwhile, and nobody is locked out.
//!
//! A minute is a minute of the clock, not the last sixty seconds: who has used it up waits for the next to begin.

mod address;
mod bucket;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;
use jiff::Timestamp;
use messages::route::Rate;
use runtime::fabric::SharedFabric;
use serde::Deserialize;

use self::bucket::{Bucket, Taken};
use crate::error::Error;
use crate::identity::Identity;

/// How many identities' locks there are, so that workers rarely meet.
const SHARDS: usize = 16;
/// The seconds that a limit speaks of.
const WINDOW_S: i64 = 60;
/// The portion that a gateway takes at once, as a part of the limit.
const PORTIONS: u32 = 100;
/// How long is waited for whether something came before.
const ASKED_WITHIN: Duration = Duration::from_secs(2);

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// How often somebody may ask, by what they are.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rates {
    /// Requests a minute of an address whose requests show no token, or one that is not valid. 0 for no limit.
    pub public: u32,
    /// Requests a minute of an identity. 0 for no limit.
    pub authenticated: u32,
    /// Requests a minute of an identity of the tier `premium`. 0 for no limit.
    pub premium: u32,
    /// Requests a minute of an address to what guesses at secrets. 0 for no limit.
    pub sensitive: u32,
    /// What a search or a report counts.
    pub expensive: u32,
    /// Networks that are not limited, such as `10.0.0.0/8`.
    pub exempt: Vec<IpNet>,
}

impl Default for Rates {
    fn default() -> Rates {
        Rates { public: 100, authenticated: 1_000, premium: 10_000, sensitive: 20, expensive: 5, exempt: Vec::new() }
    }
}

/// How much somebody may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Counted by address.
    Public,
    /// Counted by identity.
    #[default]
    Authenticated,
    /// Counted by identity, and may ask more.
    Premium,
    /// Not counted.
    Unlimited,
}

impl Tier {
    /// The tier that a token or a key says; what it does not know is the usual one.
    pub(crate) fn named(name: &str) -> Tier {
        match name {
            "premium" => Tier::Premium,
            "unlimited" => Tier::Unlimited,
            _ => Tier::Authenticated,
        }
    }
}

/// Whom a count is of: a hash of it, for it must not be read from a subject.
type Key = [u8; 16];

/// What is left to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Allowance {
    policy: &'static str,
    limit: u32,
    left: u32,
    resets_s: i64,
}

impl Allowance {
    /// Says so (draft-ietf-httpapi-ratelimit-headers).
    pub(crate) fn tell(&self, out: &mut HeaderMap) {
        let Allowance { policy, limit, left, resets_s } = self;
        let texts = [
            (RATE_LIMIT_POLICY, format!("\"{policy}\";q={limit};w={WINDOW_S}")),
            (RATE_LIMIT, format!("\"{policy}\";r={left};t={resets_s}")),
        ];
        for (name, text) in texts {
            if let Ok(value) = HeaderValue::try_from(text) {
                out.insert(name, value);
            }
        }
    }
}

/// The counts of this gateway, shared by its workers.
#[derive(Default)]
pub(crate) struct Counts {
    shards: [Mutex<Shard>; SHARDS],
    fabric: OnceLock<SharedFabric>,
}

impl std::fmt::Debug for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

/// The counts of one minute: with the next, all begin anew.
#[derive(Default)]
struct Shard {
    window: i64,
    buckets: HashMap<Key, Arc<Bucket>>,
}

/// One limit that a request falls under.
struct Policy {
    name: &'static str,
    limit: u32,
    key: Key,
}

impl Counts {
    /// From now on counts with all other gateways.
    pub(crate) fn reach(&self, fabric: SharedFabric) {
        // There is only one; a second is the same.
        let _ = self.fabric.set(fabric);
    }

    /// Whether nobody else has said this name, for as long as counts are kept; `None` when there is no common count.
    ///
    /// # Errors
    /// When the common count does not answer.
    pub(crate) async fn is_first(&self, name: String) -> Option<Result<bool, ()>> {
        let fabric = self.fabric.get()?;
        let counted = tokio::time::timeout(ASKED_WITHIN, fabric.count(name, 1)).await;
        Some(match counted {
            Ok(Ok(total)) => Ok(total == 1),
            Ok(Err(cause)) => {
                tracing::warn!(%cause, "what came before is not known");
                Err(())
            }
            Err(_) => Err(()),
        })
    }

    /// Counts a request, and says what is left; nothing when it is not counted.
    ///
    /// # Errors
    /// 429 when it is one too many.
    pub(crate) async fn count(
        &self,
        rates: &Rates,
        now: Timestamp,
        identity: Option<&Identity>,
        address: Option<IpAddr>,
        rate: Rate,
    ) -> Result<Option<Allowance>, (Error, Allowance)> {
        if rate == Rate::Unlimited
            || address.is_some_and(|address| rates.exempt.iter().any(|net| net.contains(&address)))
        {
            return Ok(None);
        }
        let weight = if rate == Rate::Expensive { rates.expensive.max(1) } else { 1 };
        let by_address =
            |name, limit| address.map(|address| Policy { name, limit, key: key(name, address::text(address)) });
        let tier = identity.map_or(Tier::Public, |identity| identity.tier);
        let by_identity = |name, limit| identity.map(|identity| Policy { name, limit, key: key(name, &identity.name) });
        let own = match tier {
            Tier::Public => by_address("public", rates.public),
            Tier::Authenticated => by_identity("authenticated", rates.authenticated),
            Tier::Premium => by_identity("premium", rates.premium),
            Tier::Unlimited => None,
        };
        let guessing = (rate == Rate::Sensitive).then(|| by_address("sensitive", rates.sensitive)).flatten();
        let mut told = None;
        for policy in [guessing, own].into_iter().flatten().filter(|policy| policy.limit > 0) {
            let allowance = self.take(&policy, weight, now).await?;
            // The one that ends first is worth telling.
            told =
                Some(told.map_or(
                    allowance,
                    |before: Allowance| if before.left < allowance.left { before } else { allowance },
                ));
        }
        Ok(told)
    }

    async fn take(&self, policy: &Policy, weight: u32, now: Timestamp) -> Result<Allowance, (Error, Allowance)> {
        let (window, resets_s) = window(now);
        let bucket = self.bucket(policy.key, window);
        let portion = (policy.limit / PORTIONS).max(weight);
        let taken = bucket.take(weight, policy.limit, portion, async |by: u32| {
            let fabric = self.fabric.get()?;
            let name = format!("{window}.{}", crate::trace::hex(&policy.key));
            fabric.count(name, by.into()).await.inspect_err(|cause| tracing::debug!(%cause, "counting alone")).ok()
        });
        let told = |left| Allowance { policy: policy.name, limit: policy.limit, left, resets_s };
        match taken.await {
            Taken::Passes { left } => Ok(told(left)),
            Taken::TooMany => Err((too_many(policy, resets_s), told(0))),
        }
    }

    fn bucket(&self, key: Key, window: i64) -> Arc<Bucket> {
        let mut shard = self.shards[usize::from(key[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner);
        if shard.window != window {
            *shard = Shard { window, buckets: HashMap::new() };
        }
        shard.buckets.entry(key).or_default().clone()
    }
}

/// The minute of a moment, and the seconds until it ends.
fn window(now: Timestamp) -> (i64, i64) {
    let second = now.as_second();
    (second.div_euclid(WINDOW_S), WINDOW_S - second.rem_euclid(WINDOW_S))
}

fn key(policy: &str, of: impl AsRef<str>) -> Key {
    let mut hasher = blake3::Hasher::new_derive_key("mercat gateway rates v1");
    hasher.update(policy.as_bytes()).update(b"\0").update(of.as_ref().as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}

fn too_many(policy: &Policy, resets_s: i64) -> Error {
    let detail = format!("{} requests a minute are allowed here, and this minute's are used up", policy.limit);
    let wait = Duration::from_secs(u64::try_from(resets_s).unwrap_or(1));
    Error::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail).retry_after(wait)
}

/// Where a request comes from: who has connected, or whom the proxies in between name, if they are trusted.
pub(crate) fn address(http: &HttpRequest, trusted: &[IpNet]) -> Option<IpAddr> {
    let peer = http.peer_addr()?.ip().to_canonical();
    Some(address::of(peer, http.headers(), trusted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_a_minute_of_the_clock() {
        let at = |second| window(Timestamp::from_second(second).expect("a time"));
        assert_eq!([at(0), at(59), at(60), at(119)], [(0, 60), (0, 1), (1, 60), (1, 1)]);
    }

    #[test]
    fn keys_tell_apart_whom_and_what_for() {
        assert_eq!(key("public", "127.0.0.1"), key("public", "127.0.0.1"));
        assert_ne!(key("public", "127.0.0.1"), key("sensitive", "127.0.0.1"));
        assert_ne!(key("public", "127.0.0.1"), key("public", "127.0.0.2"));
    }
}
