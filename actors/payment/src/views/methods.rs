//! Stored methods as lists show them. What was removed is not shown.

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use super::{Whose, key, last_part, moment, row};
use crate::method::Method;
use crate::wire::{Problem, shown_method, v1};

/// Stored methods.
///
/// Rows: `m<id>` a method · `s<moment>\0<id>` sorts them · `u<user>\0<moment>\0<id>` sorts those of a customer.
pub struct Methods;

impl View for Methods {
    const NAME: &'static str = "methods";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(known) = event.state::<Method>().and_then(Method::known) else { return };
        let shown = shown_method(known, event.version);
        let id = key(b"m", &[shown.payment_method_id.as_bytes()]);
        if shown.status() == v1::PaymentMethodStatus::Removed {
            rows.remove(&id);
            orders(&shown).iter().for_each(|key| rows.remove(key));
        } else {
            rows.put(&id, shown.encode_to_vec());
            orders(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
        }
    }
}

fn orders(method: &v1::PaymentMethod) -> [Vec<u8>; 2] {
    let (created, id) = (moment(method.created_at.as_ref()), method.payment_method_id.as_bytes());
    [key(b"s", &[created.as_bytes(), id]), key(b"u", &[method.user_id.as_bytes(), created.as_bytes(), id])]
}

fn at(rows: &Rows, found: &[u8]) -> Option<v1::PaymentMethod> {
    row(rows, &key(b"m", &[last_part(found)?]))
}

/// Stored methods, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn methods(
    views: &Views<'_>,
    request: &v1::ListPaymentMethodsRequest,
) -> Result<v1::ListPaymentMethodsResponse, Problem> {
    let rows = views.of::<Methods>();
    let v1::ListPaymentMethodsRequest { limit, after, before, sort, user_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let whose = Whose::of(views, user_id.as_ref());
    let prefix = |_: &str| whose.one().map_or_else(|| b"s".to_vec(), |user_id| key(b"u", &[user_id.as_bytes()]));
    let wanted = |method: &v1::PaymentMethod| whose.shows(&method.user_id);
    let Page { data, has_more, next } =
        asked.page(&rows, "-created_at", prefix, |key, _| at(&rows, key).filter(wanted))?;
    Ok(v1::ListPaymentMethodsResponse { data, has_more, next })
}
