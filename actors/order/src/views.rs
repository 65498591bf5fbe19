//! Orders, returns, amendments and invoices as lists show them.

use jiff::Timestamp;
use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use crate::amendment::Amendment;
use crate::numbering::Invoice;
use crate::order::Order;
use crate::returns::Return;
use crate::settings::Settings;
use crate::wire::show::{amendment, amendment_word, order, returned, standing_word, status_word};
use crate::wire::{Problem, StringFilter, v1};

/// Orders, returns, amendments and invoices.
///
/// Rows: `o<order>` an order · `s<field>\0<value>\0<order>` sorts orders · `u<user>\0<created>\0<order>` sorts the orders
/// of somebody · `r<return>` a return · `t<created>\0<return>` sorts returns · `a<amendment>` an
/// amendment · `b<created>\0<amendment>` sorts amendments · `i<order>` the invoice of an order.
pub struct Orders;

impl View for Orders {
    const NAME: &'static str = "orders";
    const FOLD: u32 = 2;

    fn fold(rows: &mut Writer, event: &Folded) {
        if let Some(state) = event.state::<Order>() {
            fold_order(rows, state, event.version);
        } else if let Some(state) = event.state::<Return>() {
            fold_return(rows, state, event.version);
        } else if let Some(state) = event.state::<Amendment>() {
            fold_amendment(rows, state, event.version);
        } else if let Some(Invoice(Some(issued))) = event.state::<Invoice>() {
            let shown = crate::wire::invoice::invoice(issued);
            rows.put(&[b"i", issued.order_id.as_bytes()].concat(), shown.encode_to_vec());
        }
    }
}

fn micros(at: Timestamp) -> [u8; 8] {
    at.as_microsecond().to_be_bytes()
}

fn fold_order(rows: &mut Writer, state: &Order, version: u64) {
    let Some(shown) = order(state, version) else { return };
    let key = [b"o", shown.order_id.as_bytes()].concat();
    if let Some(before) = order_row(rows, &key) {
        order_keys(&before).iter().for_each(|key| rows.remove(key));
    }
    order_keys(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
    rows.put(&key, shown.encode_to_vec());
}

fn order_keys(order: &v1::Order) -> [Vec<u8>; 4] {
    let id = order.order_id.as_bytes();
    let (created, updated) =
        (micros(from_wire(order.created_at.as_ref())), micros(from_wire(order.updated_at.as_ref())));
    let total = order.total_amount.as_ref().and_then(|total| total.amount).unwrap_or_default();
    [
        [b"screated_at\0", &created[..], b"\0", id].concat(),
        [b"supdated_at\0", &updated[..], b"\0", id].concat(),
        [b"stotal_amount\0", &total.to_be_bytes()[..], b"\0", id].concat(),
        [b"u", order.user_id.as_bytes(), b"\0", &created[..], b"\0", id].concat(),
    ]
}

fn order_row(rows: &Rows, key: &[u8]) -> Option<v1::Order> {
    v1::Order::decode(rows.get(key)?.as_slice()).ok()
}

fn fold_return(rows: &mut Writer, state: &Return, version: u64) {
    let Some(shown) = returned(state, version) else { return };
    let id = shown.return_id.as_bytes();
    rows.put(&[b"t", &micros(from_wire(shown.created_at.as_ref()))[..], b"\0", id].concat(), Vec::new());
    rows.put(&[b"r", id].concat(), shown.encode_to_vec());
}

fn fold_amendment(rows: &mut Writer, state: &Amendment, version: u64) {
    let Some(shown) = amendment(state, version) else { return };
    let id = shown.amendment_id.as_bytes();
    rows.put(&[b"b", &micros(from_wire(shown.created_at.as_ref()))[..], b"\0", id].concat(), Vec::new());
    rows.put(&[b"a", id].concat(), shown.encode_to_vec());
}

/// The id at the end of a sorting key. Numbers before it may hold zero bytes; ids do not.
fn last_part(key: &[u8]) -> Option<&[u8]> {
    key.rsplit(|byte| *byte == 0).next()
}

fn passes(filter: Option<&StringFilter>, value: &str) -> bool {
    let Some(filter) = filter else { return true };
    filter.eq.as_deref().is_none_or(|eq| eq == value)
        && (filter.r#in.is_empty() || filter.r#in.iter().any(|one| one == value))
}

fn within(filter: Option<&v1::TimeFilter>, at: Timestamp) -> bool {
    let Some(filter) = filter else { return true };
    filter.gt.as_ref().is_none_or(|gt| at > from_wire(Some(gt)))
        && filter.gte.as_ref().is_none_or(|gte| at >= from_wire(Some(gte)))
        && filter.lt.as_ref().is_none_or(|lt| at < from_wire(Some(lt)))
        && filter.lte.as_ref().is_none_or(|lte| at <= from_wire(Some(lte)))
}

fn status_of(order: &v1::Order) -> String {
    status_word(crate::wire::show::status_in(order.status()))
}

/// Orders of everybody, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &v1::ListOrdersRequest) -> Result<v1::ListOrdersResponse, Problem> {
    let rows = views.of::<Orders>();
    let v1::ListOrdersRequest { limit, after, before, sort, status, user_id, created_at, stuck } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |order: &v1::Order| {
        passes(status.as_ref(), &status_of(order))
            && passes(user_id.as_ref(), &order.user_id)
            && within(created_at.as_ref(), from_wire(order.created_at.as_ref()))
            && stuck.is_none_or(|stuck| stuck == order.stuck.is_some())
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |field| [b"s", field.as_bytes(), b"\0"].concat(),
        |key, _| order_row(&rows, &[b"o", last_part(key)?].concat()).filter(wanted),
    )?;
    Ok(v1::ListOrdersResponse { data, has_more, next })
}

/// Orders of somebody, a page at a time: their own, or anybody's for those who work here.
///
/// # Errors
/// `not_found` when it is somebody else; `bad_cursor`.
pub fn of_user(views: &Views<'_>, request: &v1::ListUserOrdersRequest) -> Result<v1::ListUserOrdersResponse, Problem> {
    let v1::ListUserOrdersRequest { user_id, limit, after, before, sort, status } = request;
    if !views.caller.may_touch(user_id) {
        return Err(Problem::not_found("not_found", "there is nobody of that name"));
    }
    let rows = views.of::<Orders>();
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |_| [b"u", user_id.as_bytes(), b"\0"].concat(),
        |key, _| {
            let order = order_row(&rows, &[b"o", last_part(key)?].concat());
            order.filter(|order| passes(status.as_ref(), &status_of(order)))
        },
    )?;
    Ok(v1::ListUserOrdersResponse { data, has_more, next })
}

/// Returns of everybody, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn returns(views: &Views<'_>, request: &v1::ListReturnsRequest) -> Result<v1::ListReturnsResponse, Problem> {
    let rows = views.of::<Orders>();
    let v1::ListReturnsRequest { limit, after, before, sort, status, order_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |this: &v1::Return| {
        passes(status.as_ref(), &standing_word(this.status())) && passes(order_id.as_ref(), &this.order_id)
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |_| b"t".to_vec(),
        |key, _| {
            let row = rows.get(&[b"r", last_part(key)?].concat())?;
            v1::Return::decode(row.as_slice()).ok().filter(wanted)
        },
    )?;
    Ok(v1::ListReturnsResponse { data, has_more, next })
}

/// Exchanges and edits of everybody, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn amendments(
    views: &Views<'_>,
    request: &v1::ListAmendmentsRequest,
) -> Result<v1::ListAmendmentsResponse, Problem> {
    let rows = views.of::<Orders>();
    let v1::ListAmendmentsRequest { limit, after, before, sort, status, order_id } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |this: &v1::Amendment| {
        passes(status.as_ref(), &amendment_word(this.status())) && passes(order_id.as_ref(), &this.order_id)
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |_| b"b".to_vec(),
        |key, _| {
            let row = rows.get(&[b"a", last_part(key)?].concat())?;
            v1::Amendment::decode(row.as_slice()).ok().filter(wanted)
        },
    )?;
    Ok(v1::ListAmendmentsResponse { data, has_more, next })
}

/// What an edit would cost or give back: the order was asked for it.
///
/// # Errors
/// None of its own.
pub fn preview(
    _: &Views<'_>,
    _: &v1::PreviewEditRequest,
    preview: &Option<v1::EditPreview>,
) -> Result<v1::PreviewEditResponse, Problem> {
    Ok(v1::PreviewEditResponse { preview: preview.clone() })
}

/// The invoice of an order as a PDF.
///
/// # Errors
/// `not_found` when there is none yet, or it is somebody else's.
pub fn invoice_file(
    views: &Views<'_>,
    request: &v1::GetInvoiceFileRequest,
) -> Result<v1::GetInvoiceFileResponse, Problem> {
    let asked = v1::GetInvoiceRequest { order_id: request.order_id.clone() };
    let invoice = invoice(views, &asked)?.invoice.unwrap_or_default();
    let (content, name) =
        (crate::paper::pdf(&invoice, &Settings::current().seller), format!("invoice-{}.pdf", invoice.number));
    Ok(v1::GetInvoiceFileResponse { content, media_type: "application/pdf".to_owned(), name })
}

/// The invoice of an order.
///
/// # Errors
/// `not_found` when there is none yet, or it is somebody else's.
pub fn invoice(views: &Views<'_>, request: &v1::GetInvoiceRequest) -> Result<v1::GetInvoiceResponse, Problem> {
    let row = views.of::<Orders>().get(&[b"i", request.order_id.as_bytes()].concat());
    let invoice = row.and_then(|row| v1::Invoice::decode(row.as_slice()).ok());
    let invoice = invoice.filter(|invoice| views.caller.may_touch(&invoice.user_id));
    let missing = || Problem::not_found("not_found", "there is no such order, or no invoice for it yet");
    Ok(v1::GetInvoiceResponse { invoice: Some(invoice.ok_or_else(missing)?) })
}
