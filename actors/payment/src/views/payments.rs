//! Payments as lists show them.

use jiff::{SignedDuration, Timestamp};
use prost::Message as _;
use runtime::clock::to_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use super::{Whose, key, last_part, moment, only, passes, row};
use crate::payment::Payment;
use crate::wire::{Problem, shown_payment, v1};

/// More payments of an order than any has.
const OF_ORDER_MAX: usize = 100;
/// From here on it does not matter how many payments somebody began.
const LATELY_MAX: usize = 1_000;

/// Payments.
///
/// Rows: `p<id>` a payment · `s<field>\0<moment>\0<id>` sorts them · `u<user>\0<field>\0<moment>\0<id>` sorts those of a
/// customer · `o<order>\0<id>` those of an order · `r<moment>\0<id>` waits for a review.
pub struct Payments;

impl View for Payments {
    const NAME: &'static str = "payments";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(open) = event.state::<Payment>().and_then(Payment::open) else { return };
        let shown = shown_payment(open, event.version);
        let id = key(b"p", &[shown.payment_id.as_bytes()]);
        if let Some(before) = row::<v1::Payment>(rows, &id) {
            orders(&before).iter().for_each(|key| rows.remove(key));
            rows.remove(&in_review(&before));
        }
        orders(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
        if shown.status() == v1::PaymentStatus::InReview {
            rows.put(&in_review(&shown), Vec::new());
        }
        if let Some(order_id) = &shown.order_id {
            rows.put(&key(b"o", &[order_id.as_bytes(), shown.payment_id.as_bytes()]), Vec::new());
        }
        rows.put(&id, shown.encode_to_vec());
    }
}

fn orders(payment: &v1::Payment) -> [Vec<u8>; 4] {
    let (user, id) = (payment.user_id.as_bytes(), payment.payment_id.as_bytes());
    let (created, updated) = (moment(payment.created_at.as_ref()), moment(payment.updated_at.as_ref()));
    [
        key(b"s", &[b"created_at", created.as_bytes(), id]),
        key(b"s", &[b"updated_at", updated.as_bytes(), id]),
        key(b"u", &[user, b"created_at", created.as_bytes(), id]),
        key(b"u", &[user, b"updated_at", updated.as_bytes(), id]),
    ]
}

fn in_review(payment: &v1::Payment) -> Vec<u8> {
    key(b"r", &[moment(payment.created_at.as_ref()).as_bytes(), payment.payment_id.as_bytes()])
}

/// The payment at the end of a key.
fn at(rows: &Rows, found: &[u8]) -> Option<v1::Payment> {
    row(rows, &key(b"p", &[last_part(found)?]))
}

/// The payments of an order.
#[must_use]
pub fn of_order(rows: &Rows, order_id: &str) -> Vec<v1::Payment> {
    let found = rows.scan(&key(b"o", &[order_id.as_bytes()]), None, OF_ORDER_MAX);
    found.iter().filter_map(|(key, _)| at(rows, key)).collect()
}

/// How many payments a customer began in the time before a moment.
#[must_use]
pub fn begun_lately(rows: &Rows, user_id: &str, now: Timestamp, window: SignedDuration) -> usize {
    let from = now.saturating_sub(window).unwrap_or(now);
    let prefix = key(b"u", &[user_id.as_bytes(), b"created_at"]);
    let after = [&prefix[..], moment(Some(&to_wire(from))).as_bytes()].concat();
    rows.scan(&prefix, Some(&after), LATELY_MAX).len()
}

/// The word of a status, as filters have it.
fn word(payment: &v1::Payment) -> String {
    payment.status().as_str_name().trim_start_matches("PAYMENT_STATUS_").to_ascii_lowercase()
}

/// Payments, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &v1::ListPaymentsRequest) -> Result<v1::ListPaymentsResponse, Problem> {
    let rows = views.of::<Payments>();
    let v1::ListPaymentsRequest { limit, after, before, sort, order_id, user_id, status } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let whose = Whose::of(views, user_id.as_ref());
    let wanted = |payment: &v1::Payment| {
        whose.shows(&payment.user_id)
            && passes(order_id.as_ref(), payment.order_id.as_deref().unwrap_or_default())
            && passes(status.as_ref(), &word(payment))
    };
    let prefix = |field: &str| match (only(order_id.as_ref()), whose.one()) {
        (Some(order_id), _) => key(b"o", &[order_id.as_bytes()]),
        (None, Some(user_id)) => key(b"u", &[user_id.as_bytes(), field.as_bytes()]),
        (None, None) => key(b"s", &[field.as_bytes()]),
    };
    let Page { data, has_more, next } =
        asked.page(&rows, "-created_at", prefix, |key, _| at(&rows, key).filter(wanted))?;
    Ok(v1::ListPaymentsResponse { data, has_more, next })
}

/// The review queue, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn reviews(views: &Views<'_>, request: &v1::ListReviewsRequest) -> Result<v1::ListReviewsResponse, Problem> {
    let rows = views.of::<Payments>();
    let v1::ListReviewsRequest { limit, after, before, sort } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let Page { data, has_more, next } = asked.page(&rows, "created_at", |_| b"r".to_vec(), |key, _| at(&rows, key))?;
    Ok(v1::ListReviewsResponse { data, has_more, next })
}
