//! Accounts and tries as lists show them.

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::inquiry::{Gathering, Inquiry};
use runtime::paging::Asked;
use runtime::view::{Rows, View, Writer};

use crate::guard::Guard;
use crate::keys::Email;
use crate::settings::tools;
use crate::user::{Refusal, Status, User};
use crate::wire::v1;
use crate::wire::{self, Problem};

/// Bytes of a moment in a key.
const TIME: usize = 8;

/// The read model of accounts: `u<user>` is the account as shown, `k<user>` its marks and its address by its blind index;
/// `a<order>\0<time><user>` sorts all, `m<mark>\0<time><user>` those with a mark, `e<address>` names the one with it.
pub struct Accounts;

impl View for Accounts {
    const NAME: &'static str = "accounts";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(user) = event.state::<User>() else { return };
        let id = &event.actor.id;
        if let (Some(before), Some(marks)) = (account(rows, id), rows.get(&[b"k", id.as_bytes()].concat())) {
            keys(&before, &marks).iter().for_each(|key| rows.remove(key));
        }
        let Some(now) = wire::shown(user, event.version) else { return };
        let marks = if user.status == Status::Deleted {
            Vec::new()
        } else {
            let all: Vec<&str> =
                std::iter::once(user.email_id.as_str()).chain(user.marks.iter().map(String::as_str)).collect();
            all.join(" ").into_bytes()
        };
        if user.status != Status::Deleted {
            keys(&now, &marks).iter().for_each(|key| rows.put(key, id.as_bytes().to_vec()));
        }
        rows.put(&[b"k", id.as_bytes()].concat(), marks);
        rows.put(&[b"u", id.as_bytes()].concat(), now.encode_to_vec());
    }
}

fn account(rows: &Rows, id: &str) -> Option<v1::User> {
    v1::User::decode(rows.get(&[b"u", id.as_bytes()].concat())?.as_slice()).ok()
}

/// Under which keys an account is found: the first word beside its marks is its address.
fn keys(user: &v1::User, marks: &[u8]) -> Vec<Vec<u8>> {
    let id = user.user_id.as_bytes();
    let [created, updated] =
        [&user.created_at, &user.updated_at].map(|at| from_wire(at.as_ref()).as_microsecond().to_be_bytes());
    let mut keys = vec![[b"acreated_at\0", &created[..], id].concat(), [b"aupdated_at\0", &updated[..], id].concat()];
    let mut words = marks.split(|byte| *byte == b' ').filter(|word| !word.is_empty());
    keys.extend(words.next().map(|address| [b"e", address].concat()));
    keys.extend(words.map(|mark| [b"m", mark, b"\0", &created, id].concat()));
    keys
}

/// The account of a sorting row: what follows the moment behind the prefix.
fn id_of(key: &[u8], prefix: usize) -> String {
    String::from_utf8_lossy(key.get(prefix + TIME..).unwrap_or_default()).into_owned()
}

/// Accounts, a page at a time, for staff.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &v1::ListUsersRequest) -> Result<v1::ListUsersResponse, Problem> {
    let rows = views.of::<Accounts>();
    let v1::ListUsersRequest { limit, after, before, sort, status, role, customer_group } = request;
    let wanted = |user: &v1::User| {
        let among = |is: i32, eq: i32, any: &[i32]| (any.is_empty() || any.contains(&is)) && (eq == 0 || eq == is);
        status.as_ref().is_none_or(|filter| among(user.status, filter.eq, &filter.r#in))
            && role.as_ref().is_none_or(|filter| among(user.role, filter.eq, &filter.r#in))
            && customer_group.as_ref().is_none_or(|group| *group == user.customer_group)
    };
    let prefix = |field: &str| [b"a", field.as_bytes(), b"\0"].concat();
    // Both orders have names of one length, so that the id begins at one place in all keys.
    let behind = prefix("updated_at").len();
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let page = asked.page(&rows, "-created_at", prefix, |key, _| account(&rows, &id_of(key, behind)).filter(wanted))?;
    Ok(v1::ListUsersResponse { data: page.data, has_more: page.has_more, next: page.next })
}

/// What a search looks for.
pub struct Wanted {
    /// The address, if the text is one.
    address: Option<String>,
    /// The marks of its words.
    marks: Vec<String>,
}

/// Looks into the text: nothing later does.
pub(crate) fn gather_search<'a>(_: &'a Inquiry, request: &'a v1::SearchUsersRequest) -> Gathering<'a, Wanted> {
    Box::pin(async move {
        let keys = &tools().keys;
        let address = Email::parse(&request.q).map(|email| keys.email_id(&email));
        Ok(Wanted { address, marks: keys.wanted(&request.q) })
    })
}

/// Accounts that are found by a text, for staff.
///
/// # Errors
/// `bad_cursor`.
pub(crate) fn search(
    views: &Views<'_>,
    request: &v1::SearchUsersRequest,
    wanted: &Wanted,
) -> Result<v1::SearchUsersResponse, Problem> {
    let rows = views.of::<Accounts>();
    let one = |id: Option<String>| {
        let found = id.and_then(|id| account(&rows, &id)).filter(|user| user.status() != v1::UserStatus::Deleted);
        v1::SearchUsersResponse { data: found.into_iter().collect(), has_more: false, next: None }
    };
    if request.q.starts_with("usr_") {
        return Ok(one(Some(request.q.clone())));
    }
    if let Some(address) = &wanted.address {
        let id = rows.get(&[b"e", address.as_bytes()].concat());
        return Ok(one(id.and_then(|id| String::from_utf8(id).ok())));
    }
    let Some((first, others)) = wanted.marks.split_first() else { return Ok(v1::SearchUsersResponse::default()) };
    let prefix = [b"m", first.as_bytes(), b"\0"].concat();
    let behind = prefix.len();
    let has_others = |id: &str| {
        let marks = rows.get(&[b"k", id.as_bytes()].concat()).unwrap_or_default();
        others.iter().all(|other| marks.split(|byte| *byte == b' ').any(|mark| mark == other.as_bytes()))
    };
    let asked =
        Asked { limit: request.limit, after: request.after.as_deref(), before: request.before.as_deref(), sort: None };
    let entry =
        |key: &[u8], _: &[u8]| Some(id_of(key, behind)).filter(|id| has_others(id)).and_then(|id| account(&rows, &id));
    let page = asked.page(&rows, "-created_at", |_| prefix.clone(), entry)?;
    Ok(v1::SearchUsersResponse { data: page.data, has_more: page.has_more, next: page.next })
}

/// What is true of somebody, for tokens.
///
/// # Errors
/// `not_found`.
pub fn claims(views: &Views<'_>, request: &v1::GetClaimsRequest) -> Result<v1::GetClaimsResponse, Problem> {
    let user = account(&views.of::<Accounts>(), &request.user_id).ok_or(Refusal::NotFound)?;
    Ok(v1::GetClaimsResponse {
        user_id: user.user_id,
        email: user.email,
        email_verified: user.email_verified,
        name: user.name,
        locale: user.locale,
        role: user.role,
        tier: user.tier,
        customer_group: user.customer_group,
        mfa_enabled: user.mfa_enabled,
        status: user.status,
        updated_at: user.updated_at,
    })
}

/// The read model of tries: `t<user>\0<time><try>` is a try.
pub struct Attempts;

/// So many tries go into an export.
const EXPORTED_MAX: usize = 1_000;
/// So many rows are read at once while they are removed.
const CHUNK: usize = 256;

fn tries(user_id: &str) -> Vec<u8> {
    [b"t", user_id.as_bytes(), b"\0"].concat()
}

impl View for Attempts {
    const NAME: &'static str = "attempts";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if event.state::<User>().is_some_and(|user| user.status == Status::Deleted) {
            loop {
                let some = rows.scan(&tries(&event.actor.id), None, CHUNK);
                if some.is_empty() {
                    return;
                }
                some.iter().for_each(|(key, _)| rows.remove(key));
            }
        }
        if event.state::<Guard>().is_none() {
            return;
        }
        let Some((user, tried)) = wire::tried(&event.event_type, &event.data) else { return };
        let time = from_wire(tried.at.as_ref()).as_microsecond().to_be_bytes();
        let key = [&tries(&user)[..], &time, tried.attempt_id.as_bytes()].concat();
        rows.put(&key, tried.encode_to_vec());
    }
}

/// The latest tries of somebody.
pub(crate) fn tries_of(rows: &Rows, user_id: &str) -> Vec<v1::Authentication> {
    let rows = rows.scan_back(&tries(user_id), None, EXPORTED_MAX);
    rows.iter().filter_map(|(_, row)| v1::Authentication::decode(row.as_slice()).ok()).collect()
}

/// When, how and from where somebody signed in or tried to.
///
/// # Errors
/// `not_found`, `bad_cursor`.
pub fn authentications(
    views: &Views<'_>,
    request: &v1::ListAuthenticationsRequest,
) -> Result<v1::ListAuthenticationsResponse, Problem> {
    let v1::ListAuthenticationsRequest { user_id, limit, after, before } = request;
    let is_there = account(&views.of::<Accounts>(), user_id)
        .is_some_and(|user| user.status() != v1::UserStatus::Deleted && views.caller.may_touch_account(user_id));
    if !is_there {
        return Err(Refusal::NotFound.into());
    }
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: None };
    let entry = |_: &[u8], row: &[u8]| v1::Authentication::decode(row).ok();
    let page = asked.page(&views.of::<Attempts>(), "-at", |_| tries(user_id), entry)?;
    Ok(v1::ListAuthenticationsResponse { data: page.data, has_more: page.has_more, next: page.next })
}
