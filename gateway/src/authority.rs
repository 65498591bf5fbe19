//! The authority: what the gateway knows of auth, and how long it may believe it.
//!
//! Keys are asked for once a minute, and at once when a token names one that is not known; what was ended every two
//! seconds; who shows an API key or a session, again after three. So whatever auth takes back is worth nothing here
//! within five. When auth does not answer, tokens go on being good until their time is over, ten minutes at most;
//! keys and sessions are not taken.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use messages::auth::v1::{self, SigningKey, rpc};
use messages::{Rpc, RpcKind};
use prost::Message as _;
use runtime::client::{Call, Client, Failure};
use runtime::headers::Caller;
use tokio::time::Instant;

use crate::identity::Identity;

/// How often keys are asked for.
const KEYS_EVERY: Duration = Duration::from_mins(1);
/// How often an unknown key may make us ask again.
const KEYS_AGAIN: Duration = Duration::from_secs(1);
/// How often we ask what was ended.
const ENDED_EVERY: Duration = Duration::from_secs(2);
/// For how long we believe who shows a key or a session.
const BELIEVED: Duration = Duration::from_secs(3);
/// How long auth may take.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);
/// How many bearers are remembered at once.
const REMEMBERED_MAX: usize = 10_000;
/// The one ring of keys.
const RING: &str = "main";

/// Names what was shown, without being it.
pub(crate) type Shown = [u8; 32];

/// Whom we believe that a bearer is.
pub(crate) enum Belief {
    /// This one.
    Somebody(Arc<Identity>),
    /// What they show is worth nothing.
    Nobody,
    /// Nobody was asked lately.
    Unasked,
}

/// What the gateway knows of auth.
#[derive(Debug)]
pub(crate) struct Authority {
    issuer: String,
    known: Mutex<Known>,
    /// One question at a time: whoever comes meanwhile waits for its answer.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Known {
    keys: Vec<SigningKey>,
    nonces: Vec<String>,
    keys_at: Option<Instant>,
    ended: HashSet<String>,
    ended_at: Option<Instant>,
    bearers: HashMap<Shown, (Instant, Option<Arc<Identity>>)>,
}

fn is_fresh(at: Option<Instant>, during: Duration) -> bool {
    at.is_some_and(|at| at.elapsed() < during)
}

impl Authority {
    pub(crate) fn new(issuer: &str) -> Authority {
        Authority { issuer: issuer.to_owned(), known: Mutex::default(), asking: tokio::sync::Mutex::new(()) }
    }

    /// Who issues tokens.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of a name. `None` when auth has none; an error when auth was never heard.
    pub(crate) async fn key(&self, client: &Client, kid: &str) -> Result<Option<SigningKey>, Failure> {
        let held = {
            let known = self.known();
            let held = known.keys.iter().find(|key| key.kid == kid).cloned();
            held.filter(|_| is_fresh(known.keys_at, KEYS_EVERY))
        };
        if held.is_some() {
            return Ok(held);
        }
        let keys = self.keys(client, kid).await?;
        Ok(keys.into_iter().find(|key| key.kid == kid))
    }

    /// All keys, of which one may be the wanted one.
    pub(crate) async fn keys(&self, client: &Client, kid: &str) -> Result<Vec<SigningKey>, Failure> {
        let _one = self.asking.lock().await;
        {
            let known = self.known();
            let has = kid.is_empty() || known.keys.iter().any(|key| key.kid == kid);
            let during = if has { KEYS_EVERY } else { KEYS_AGAIN };
            if !known.keys.is_empty() && is_fresh(known.keys_at, during) {
                return Ok(known.keys.clone());
            }
        }
        match self.asked_keys(client).await {
            Ok((keys, nonces)) => {
                let mut known = self.known();
                known.keys.clone_from(&keys);
                known.nonces = nonces;
                known.keys_at = Some(Instant::now());
                Ok(keys)
            }
            Err(failure) => {
                let mut known = self.known();
                known.keys_at = Some(Instant::now());
                // What was good a minute ago is good: keys are never taken back at once.
                if known.keys.is_empty() { Err(failure) } else { Ok(known.keys.clone()) }
            }
        }
    }

    /// What proofs may be asked to repeat: the one before, the present one, the next. They change every five minutes, and
    /// come with the keys.
    pub(crate) async fn nonces(&self, client: &Client) -> Result<Vec<String>, Failure> {
        self.keys(client, "").await?;
        Ok(self.known().nonces.clone())
    }

    async fn asked_keys(&self, client: &Client) -> Result<(Vec<SigningKey>, Vec<String>), Failure> {
        let v1::ListSigningKeysResponse { keys, nonces } =
            ask::<rpc::ListSigningKeys>(client, None, &v1::ListSigningKeysRequest {}).await?;
        if !keys.is_empty() {
            return Ok((keys, nonces));
        }
        // Whoever comes first has them made.
        let first = v1::RotateSigningKeysRequest { ring: RING.to_owned(), if_due: true };
        Ok((ask::<rpc::RotateSigningKeys>(client, Some(RING), &first).await?.keys, nonces))
    }

    /// Whether a session or a grant was ended lately.
    pub(crate) async fn has_ended(&self, client: &Client, ids: [Option<&str>; 2]) -> bool {
        let ended = |known: &Known| ids.iter().flatten().any(|id| known.ended.contains(*id));
        {
            let known = self.known();
            if is_fresh(known.ended_at, ENDED_EVERY) {
                return ended(&known);
            }
        }
        let _one = self.asking.lock().await;
        if !is_fresh(self.known().ended_at, ENDED_EVERY) {
            let asked = ask::<rpc::ListRevoked>(client, None, &v1::ListRevokedRequest {}).await;
            let mut known = self.known();
            known.ended_at = Some(Instant::now());
            match asked {
                Ok(said) => known.ended = said.revoked.unwrap_or_default().ids.into_iter().collect(),
                Err(failure) => tracing::warn!(cause = %failure, "auth does not say what was ended"),
            }
        }
        ended(&self.known())
    }

    /// Whom we believe that this is, if we asked lately.
    pub(crate) fn believed(&self, shown: &Shown) -> Belief {
        match self.known().bearers.get(shown).filter(|(at, _)| at.elapsed() < BELIEVED) {
            Some((_, Some(identity))) => Belief::Somebody(identity.clone()),
            Some((_, None)) => Belief::Nobody,
            None => Belief::Unasked,
        }
    }

    /// Believes it for a while.
    pub(crate) fn believe(&self, shown: Shown, identity: Option<&Arc<Identity>>) {
        let mut known = self.known();
        if known.bearers.len() >= REMEMBERED_MAX {
            known.bearers.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        }
        // When even those of the last seconds are too many, whoever comes is asked for each time.
        if known.bearers.len() < REMEMBERED_MAX {
            known.bearers.insert(shown, (Instant::now(), identity.cloned()));
        }
    }
}

/// Asks an rpc of auth, for the gateway itself.
pub(crate) async fn ask<R: Rpc>(
    client: &Client,
    key: Option<&str>,
    request: &R::Request,
) -> Result<R::Response, Failure> {
    ask_for::<R>(client, key, request, Caller::service("gateway")).await
}

/// The same on behalf of somebody.
pub(crate) async fn ask_for<R: Rpc>(
    client: &Client,
    key: Option<&str>,
    request: &R::Request,
    caller: Caller,
) -> Result<R::Response, Failure> {
    let route = R::ROUTE;
    debug_assert_eq!(key.is_none(), route.kind == RpcKind::Query, "a query has no key, and all others have one");
    let now = client.clock().now();
    let deadline = now.saturating_add(PATIENCE).unwrap_or(now);
    let mut call = Call::new(route, key.map(str::to_owned), request.encode_to_vec().into(), deadline);
    call.caller = caller;
    let said = client.ask(&call).await?;
    R::Response::decode(said.payload).map_err(|_| Failure::Unknown { group: route.group })
}
