//! Coupons: all of them by age, and whose a code is. Ten thousand codes are one row: they follow from their seed.

use std::ops::Range;

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{self, Asked, Page};
use runtime::view::{Rows, View, Writer};

use super::{LOOK_MAX, id_of, key, uses};
use crate::codes::{normal, prefix_of};
use crate::coupon::{Codes, Coupon};
use crate::tally;
use crate::wire::{self, Problem, StringFilter, v1};

/// How many codes a page has when nobody says how many.
const CODES_LIMIT: u32 = 100;

/// Rows: `k<id>` a coupon · `b<prefix>\0<id>` the event that made a coupon with many codes · `screated_at\0<time>\0<id>`
/// sorts coupons.
pub struct Coupons;

impl View for Coupons {
    const NAME: &'static str = "coupons";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(coupon) = event.state::<Coupon>() else { return };
        let Some(shown) = wire::coupon(coupon, event.version) else { return };
        let time = from_wire(shown.created_at.as_ref()).as_microsecond().to_be_bytes();
        rows.put(&[b"screated_at\0", &time[..], b"\0", coupon.id.as_bytes()].concat(), Vec::new());
        rows.put(&key(b'k', &[&coupon.id]), shown.encode_to_vec());
        if &*event.event_type == "coupon.generated" {
            rows.put(&key(b'b', &[&shown.prefix, &coupon.id]), event.data.to_vec());
        }
    }
}

fn row(rows: &Rows, id: &str) -> Option<v1::Coupon> {
    v1::Coupon::decode(rows.get(&key(b'k', &[id]))?.as_slice()).ok()
}

/// The coupons with many codes, of which this code in capitals is one: at most one, but for chance.
#[must_use]
pub fn with_prefix(rows: &Rows, code: &str) -> Vec<Coupon> {
    let Some(prefix) = prefix_of(code) else { return Vec::new() };
    let found = rows.scan(&key(b'b', &[prefix, ""]), None, LOOK_MAX).into_iter();
    found.filter_map(|(_, event)| wire::generated(&event)).filter(|coupon| coupon.has(code)).collect()
}

/// The coupon that a code in capitals belongs to.
pub(super) fn of_code(rows: &Rows, code: &str) -> Option<v1::Coupon> {
    let alone = row(rows, &wire::id_of_code(code));
    alone.or_else(|| row(rows, &with_prefix(rows, code).first()?.id))
}

/// Coupons, a page at a time, or the one that a code belongs to.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &v1::ListCouponsRequest) -> Result<v1::ListCouponsResponse, Problem> {
    let rows = views.of::<Coupons>();
    let v1::ListCouponsRequest { limit, after, before, sort, campaign_id, code } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |coupon: &v1::Coupon| passes(campaign_id.as_ref(), &coupon.campaign_id);
    if let Some(code) = code {
        let data = of_code(&rows, &normal(code)).filter(wanted).into_iter().collect();
        return Ok(v1::ListCouponsResponse { data, has_more: false, next: None });
    }
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |field| [b"s", field.as_bytes(), b"\0"].concat(),
        |key, _| row(&rows, &id_of(key)).filter(wanted),
    )?;
    Ok(v1::ListCouponsResponse { data, has_more, next })
}

fn passes(filter: Option<&StringFilter>, value: &str) -> bool {
    let Some(filter) = filter else { return true };
    filter.eq.as_deref().is_none_or(|eq| eq == value)
        && (filter.r#in.is_empty() || filter.r#in.iter().any(|one| one == value))
}

/// The codes of a coupon, a page at a time, in the order of their numbers.
///
/// # Errors
/// `not_found`, `bad_cursor`.
pub fn codes(views: &Views<'_>, request: &v1::ListCodesRequest) -> Result<v1::ListCodesResponse, Problem> {
    let rows = views.of::<Coupons>();
    let shown = row(&rows, &request.coupon_id).ok_or_else(wire::no_such_coupon)?;
    let from = request.after.as_deref().map(number).transpose()?.unwrap_or(0);
    let limit = request.limit.unwrap_or(CODES_LIMIT);
    let end = from.saturating_add(limit).min(shown.count);
    let data = numbered(views, &rows, &shown, from..end);
    let next = (end < shown.count).then(|| paging::cursor(format!("n{end}").as_bytes()));
    Ok(v1::ListCodesResponse { data, has_more: next.is_some(), next })
}

/// All codes of a coupon as a file.
///
/// # Errors
/// `not_found`.
pub fn export_codes(views: &Views<'_>, request: &v1::ExportCodesRequest) -> Result<v1::ExportCodesResponse, Problem> {
    let rows = views.of::<Coupons>();
    let shown = row(&rows, &request.coupon_id).ok_or_else(wire::no_such_coupon)?;
    Ok(wire::codes_file(&shown.coupon_id, &numbered(views, &rows, &shown, 0..shown.count)))
}

/// The codes of these numbers, and how often each is used.
fn numbered(views: &Views<'_>, rows: &Rows, shown: &v1::Coupon, numbers: Range<u32>) -> Vec<v1::Code> {
    let many = rows.get(&key(b'b', &[&shown.prefix, &shown.coupon_id])).and_then(|event| wire::generated(&event));
    let codes: Vec<String> = match many.map(|coupon| coupon.codes) {
        Some(Codes::Many(many)) => numbers.map(|number| many.code(number)).collect(),
        _ => numbers.map(|_| shown.code.clone()).collect(),
    };
    let counted = views.of::<uses::Uses>();
    let code = |code: String| v1::Code { uses: uses::of(&counted, &tally::of_code(&code)), code };
    codes.into_iter().map(code).collect()
}

fn number(cursor: &str) -> Result<u32, Problem> {
    let key = paging::key(cursor)?;
    let number = std::str::from_utf8(&key).ok().and_then(|text| text.strip_prefix('n')?.parse().ok());
    number.ok_or_else(wire::bad_cursor)
}
