//! Read models: keys, sessions and applications as lists show them, the ring of keys, and what was ended lately.

use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use crate::api_key::ApiKey;
use crate::client::Client;
use crate::crypto;
use crate::grant;
use crate::keyring::Keyring;
use crate::session::Session;
use crate::wire::keys::public;
use crate::wire::v1::{self, SigningKey};
use crate::wire::{Problem, RING, no_such};

/// How many bytes a time takes in a key.
const TIME: usize = 8;
/// For how long what was ended is told: longer than an access token that was good then can be.
const TOLD_FOR: SignedDuration = SignedDuration::from_mins(12);
/// How much of that is told at most. Whoever is not told is refused when the token is over, at the latest.
const TOLD_MAX: usize = 50_000;

fn time(at: Option<&prost_types::Timestamp>) -> [u8; TIME] {
    from_wire(at).as_microsecond().to_be_bytes()
}

fn under(user_id: &str, rest: &[u8]) -> Vec<u8> {
    [user_id.as_bytes(), b"\0", rest].concat()
}

/// Keys, by owner: rows `<user>\0<time><id>`.
pub struct Keys;

impl View for Keys {
    const NAME: &'static str = "keys";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(key) = event.state::<ApiKey>().and_then(|key| key.shown(&event.actor.id)) else { return };
        let place = [&time(key.created_at.as_ref()), key.api_key_id.as_bytes()].concat();
        rows.put(&under(&key.user_id, &place), key.encode_to_vec());
    }
}

/// How many keys of somebody work at a time.
pub(crate) fn keys_that_work(rows: &Rows, user_id: &str, now: Timestamp) -> usize {
    let keys = rows.scan(&under(user_id, b""), None, 10_000);
    let works = |key: &v1::ApiKey| key.revoked_at.is_none() && now < from_wire(key.expires_at.as_ref());
    keys.iter().filter_map(|(_, row)| v1::ApiKey::decode(row.as_slice()).ok()).filter(works).count()
}

/// Sessions, by person: rows `<user>\0<time><id>`.
pub struct Sessions;

impl View for Sessions {
    const NAME: &'static str = "sessions";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(session) = event.state::<Session>().and_then(|session| session.shown(&event.actor.id)) else { return };
        let place = [&time(session.created_at.as_ref()), session.session_id.as_bytes()].concat();
        let key = under(&session.user_id, &place);
        if session.revoked_at.is_some() {
            rows.remove(&key);
        } else {
            rows.put(&key, session.encode_to_vec());
        }
    }
}

/// Applications: rows `<time><id>`.
pub struct Clients;

impl View for Clients {
    const NAME: &'static str = "clients";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(client) = event.state::<Client>() else { return };
        // The first key of an application leads to its place in the list, which outlives what it says about itself.
        let pointer = [b"p", event.actor.id.as_bytes()].concat();
        match client.shown(&event.actor.id) {
            Some(shown) => {
                let key = [b"c", &time(shown.created_at.as_ref())[..], shown.client_id.as_bytes()].concat();
                rows.put(&pointer, key.clone());
                rows.put(&key, shown.encode_to_vec());
            }
            None => {
                if let Some(key) = rows.get(&pointer) {
                    rows.remove(&key);
                }
            }
        }
    }
}

/// The ring: one row, the keys with their sealed halves.
pub struct Ring;

impl View for Ring {
    const NAME: &'static str = "ring";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if let Some(ring) = event.state::<Keyring>() {
            let keys = v1::ListSigningKeysResponse { keys: ring.shown(), ..Default::default() };
            rows.put(RING.as_bytes(), keys.encode_to_vec());
        }
    }
}

/// The keys with their sealed halves.
pub(crate) fn ring(views: &Views<'_>) -> Vec<SigningKey> {
    let row = views.of::<Ring>().get(RING.as_bytes()).unwrap_or_default();
    v1::ListSigningKeysResponse::decode(row.as_slice()).map(|ring| ring.keys).unwrap_or_default()
}

/// What was ended lately: rows `<time><id>`.
pub struct Ended;

impl View for Ended {
    const NAME: &'static str = "ended";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let session = event.state::<Session>().is_some_and(|session| session.revoked_at.is_some());
        let grant = event.state::<grant::Grant>().is_some_and(|grant| grant.revoked);
        if !session && !grant {
            return;
        }
        // For each that comes two that are told no longer go, so they never pile up.
        let told_from = (event.at - TOLD_FOR).as_microsecond().to_be_bytes();
        for (key, _) in rows.scan(b"", None, 2) {
            if key[..] < told_from[..] {
                rows.remove(&key);
            }
        }
        let at = event.at.as_microsecond().to_be_bytes();
        rows.put(&[&at[..], event.actor.id.as_bytes()].concat(), Vec::new());
    }
}

/// What was ended lately.
pub(crate) fn revoked(views: &Views<'_>, _: &v1::ListRevokedRequest) -> Result<v1::ListRevokedResponse, Problem> {
    let told_from = (views.now - TOLD_FOR).as_microsecond().to_be_bytes();
    let rows = views.of::<Ended>().scan(b"", Some(&told_from), TOLD_MAX);
    let id = |(key, _): &(Vec<u8>, Vec<u8>)| String::from_utf8_lossy(key.get(TIME..).unwrap_or_default()).into_owned();
    Ok(v1::ListRevokedResponse { revoked: Some(v1::Revoked { ids: rows.iter().map(id).collect() }) })
}

/// The public halves of the keys.
pub(crate) fn signing_keys(
    views: &Views<'_>,
    _: &v1::ListSigningKeysRequest,
) -> Result<v1::ListSigningKeysResponse, Problem> {
    Ok(v1::ListSigningKeysResponse { keys: public(&ring(views), views.now), nonces: nonces(views.now) })
}

/// For how many seconds a nonce is the present one.
const NONCE_SECS: i64 = 300;

/// What proofs may be asked to repeat: the one before, the present one and the next. They follow from the master key and
/// the time, so all replicas say the same and nobody else knows one before its time.
fn nonces(now: Timestamp) -> Vec<String> {
    let turn = now.as_second().div_euclid(NONCE_SECS);
    (turn - 1..=turn + 1).map(|turn| crypto::derived("dpop nonce", &turn.to_string())).collect()
}

/// Whose list is wanted: the caller's own, unless they look after others'.
fn whose(views: &Views<'_>, user_id: Option<&str>) -> Result<String, Problem> {
    let own = views.caller.person();
    match user_id.or(own) {
        Some(user_id) if views.caller.may_touch_credentials(user_id) => Ok(user_id.to_owned()),
        _ => Err(no_such("person")),
    }
}

/// A person's keys, newest first.
pub(crate) fn list_keys(
    views: &Views<'_>,
    request: &v1::ListApiKeysRequest,
) -> Result<v1::ListApiKeysResponse, Problem> {
    let prefix = under(&whose(views, request.user_id.as_deref())?, b"");
    let asked = Asked { limit: request.limit, after: request.after.as_deref(), ..Asked::default() };
    let entry = |_: &[u8], row: &[u8]| v1::ApiKey::decode(row).ok();
    let page = asked.page(&views.of::<Keys>(), "-created_at", |_| prefix.clone(), entry)?;
    let Page { data, has_more, next } = page;
    Ok(v1::ListApiKeysResponse { data, has_more, next })
}

/// A person's sessions that go on, newest first.
pub(crate) fn list_sessions(
    views: &Views<'_>,
    request: &v1::ListSessionsRequest,
) -> Result<v1::ListSessionsResponse, Problem> {
    let prefix = under(&whose(views, request.user_id.as_deref())?, b"");
    let asked = Asked { limit: request.limit, after: request.after.as_deref(), ..Asked::default() };
    let entry = |_: &[u8], row: &[u8]| {
        v1::Session::decode(row).ok().filter(|session| views.now < from_wire(session.expires_at.as_ref()))
    };
    let page = asked.page(&views.of::<Sessions>(), "-created_at", |_| prefix.clone(), entry)?;
    let Page { data, has_more, next } = page;
    Ok(v1::ListSessionsResponse { data, has_more, next })
}

/// All applications, newest first.
pub(crate) fn list_clients(
    views: &Views<'_>,
    request: &v1::ListClientsRequest,
) -> Result<v1::ListClientsResponse, Problem> {
    let asked = Asked { limit: request.limit, after: request.after.as_deref(), ..Asked::default() };
    let entry = |_: &[u8], row: &[u8]| v1::Client::decode(row).ok();
    let Page { data, has_more, next } = asked.page(&views.of::<Clients>(), "-created_at", |_| b"c".to_vec(), entry)?;
    Ok(v1::ListClientsResponse { data, has_more, next })
}
