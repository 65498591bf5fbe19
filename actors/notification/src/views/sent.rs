//! Messages as lists show them.

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use crate::message::Message;
use crate::wire::letters::{is_captured, notification};
use crate::wire::{Problem, v1};

/// Every message, and where to find it.
///
/// Rows: `m<id>` a message as shown · `c<time><id>` in order of time · `u<user>\0<time><id>` those for a person ·
/// `o<order>\0<time><id>` those about an order · `b<time><id>` those that were captured.
pub struct Messages;

/// How many bytes a time takes in a key.
const TIME: usize = 8;

impl View for Messages {
    const NAME: &'static str = "messages";
    const FOLD: u32 = 2;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(shown) = event.state::<Message>().and_then(|message| notification(message, event.version)) else {
            return;
        };
        keys(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
        rows.put(&key(&shown.notification_id), shown.encode_to_vec());
    }
}

fn key(id: &str) -> Vec<u8> {
    [b"m", id.as_bytes()].concat()
}

/// A message never moves: what it is about and when it came into being are fixed.
fn keys(message: &v1::Notification) -> Vec<Vec<u8>> {
    let time = from_wire(message.created_at.as_ref()).as_microsecond().to_be_bytes();
    let place = [&time[..], message.notification_id.as_bytes()].concat();
    let under = |prefix: Vec<u8>| [&prefix[..], &place].concat();
    let mut keys = vec![under(b"c".to_vec())];
    keys.extend(message.user_id.iter().map(|user| under(of(b'u', user))));
    keys.extend(message.order_id.iter().map(|order| under(of(b'o', order))));
    if is_captured(message) {
        keys.push(under(b"b".to_vec()));
    }
    keys
}

fn of(table: u8, whose: &str) -> Vec<u8> {
    [&[table], whose.as_bytes(), b"\0"].concat()
}

/// The message that a key under a prefix leads to.
fn found(rows: &Rows, key_of: &[u8], prefix: usize) -> Option<v1::Notification> {
    let id = String::from_utf8_lossy(key_of.get(prefix + TIME..)?).into_owned();
    v1::Notification::decode(rows.get(&key(&id))?.as_slice()).ok()
}

fn page(
    rows: &Rows,
    asked: Asked<'_>,
    prefix: &[u8],
    wanted: impl Fn(&v1::Notification) -> bool,
) -> Result<Page<v1::Notification>, Problem> {
    let entry = |key: &[u8], _: &[u8]| found(rows, key, prefix.len()).filter(&wanted);
    asked.page(rows, "-created_at", |_| prefix.to_vec(), entry)
}

fn is_of(
    status: Option<&v1::NotificationStatusFilter>,
    topic: Option<&v1::TopicFilter>,
    message: &v1::Notification,
) -> bool {
    let fits = |eq: i32, any: &[i32], is: i32| (eq == 0 || eq == is) && (any.is_empty() || any.contains(&is));
    status.is_none_or(|filter| fits(filter.eq, &filter.r#in, message.status))
        && topic.is_none_or(|filter| fits(filter.eq, &filter.r#in, message.topic))
}

/// All messages, or those about an order.
///
/// # Errors
/// `bad_cursor`.
pub fn list(
    views: &Views<'_>,
    request: &v1::ListNotificationsRequest,
) -> Result<v1::ListNotificationsResponse, Problem> {
    let v1::ListNotificationsRequest { limit, after, before, sort, status, topic, order_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let prefix = order_id.as_deref().map_or_else(|| b"c".to_vec(), |order| of(b'o', order));
    let wanted = |message: &v1::Notification| is_of(status.as_ref(), topic.as_ref(), message);
    let Page { data, has_more, next } = page(&views.of::<Messages>(), asked, &prefix, wanted)?;
    Ok(v1::ListNotificationsResponse { data, has_more, next })
}

/// The messages for a person, to that person and to staff.
///
/// # Errors
/// `not_found` for anybody else; `bad_cursor`.
pub fn of_user(
    views: &Views<'_>,
    request: &v1::ListUserNotificationsRequest,
) -> Result<v1::ListUserNotificationsResponse, Problem> {
    let v1::ListUserNotificationsRequest { user_id, limit, after, before, sort, status, topic } = request;
    if !views.caller.may_touch(user_id) {
        return Err(Problem::not_found("not_found", "there is no such person"));
    }
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |message: &v1::Notification| is_of(status.as_ref(), topic.as_ref(), message);
    let Page { data, has_more, next } = page(&views.of::<Messages>(), asked, &of(b'u', user_id), wanted)?;
    Ok(v1::ListUserNotificationsResponse { data, has_more, next })
}

/// The messages that were captured instead of sent, the newest first.
///
/// # Errors
/// `bad_cursor`.
pub fn mailbox(views: &Views<'_>, request: &v1::ListMailboxRequest) -> Result<v1::ListMailboxResponse, Problem> {
    let v1::ListMailboxRequest { limit, after, before, to } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: None };
    let wanted = |message: &v1::Notification| to.as_ref().is_none_or(|to| message.to == *to);
    let Page { data, has_more, next } = page(&views.of::<Messages>(), asked, b"b", wanted)?;
    Ok(v1::ListMailboxResponse { data, has_more, next })
}
