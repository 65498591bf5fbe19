//! Carts as lists show them: each person's own, and for staff all of them.

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::Asked;
use runtime::view::{Rows, View, Writer};

use crate::cart::Cart;
use crate::wire::v1::{Cart as Shown, CartStatus, ListCartsRequest, ListCartsResponse};
use crate::wire::{self, Problem};

/// The read model: `c<cart>` is the cart as shown; `a<order>\0<time><cart>` sorts all, and `o<owner>\0<order>\0<time><cart>`
/// one person's.
pub struct Carts;

impl View for Carts {
    const NAME: &'static str = "carts";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(cart) = event.state::<Cart>() else { return };
        let id = &event.actor.id;
        if let Some(before) = cart_row(rows, id) {
            keys(&before).iter().for_each(|key| rows.remove(key));
            rows.remove(&cart_key(id));
        }
        // What is deleted is gone for everyone.
        let now = wire::shown(cart, event.version).filter(|cart| cart.status() != CartStatus::Deleted);
        if let Some(now) = now {
            keys(&now).iter().for_each(|key| rows.put(key, Vec::new()));
            rows.put(&cart_key(id), now.encode_to_vec());
        }
    }
}

fn cart_key(id: &str) -> Vec<u8> {
    [b"c", id.as_bytes()].concat()
}

fn cart_row(rows: &Rows, id: &str) -> Option<Shown> {
    Shown::decode(rows.get(&cart_key(id))?.as_slice()).ok()
}

/// Bytes of a moment in a key.
const TIME: usize = 8;

fn keys(cart: &Shown) -> Vec<Vec<u8>> {
    let (owner, id) = (cart.user_id.as_bytes(), cart.cart_id.as_bytes());
    let times = [("created_at", &cart.created_at), ("updated_at", &cart.updated_at)];
    let both = times.into_iter().flat_map(|(order, at)| {
        let at = from_wire(at.as_ref()).as_microsecond().to_be_bytes();
        let place = [order.as_bytes(), b"\0", &at, id].concat();
        [[b"a", &place[..]].concat(), [b"o", owner, b"\0", &place].concat()]
    });
    both.collect()
}

/// The cart of a sorting row: what follows the moment behind the prefix.
fn id_of(key: &[u8], prefix: usize) -> String {
    String::from_utf8_lossy(key.get(prefix + TIME..).unwrap_or_default()).into_owned()
}

/// Carts, a page at a time: the caller's own; all, or those of one person, for staff.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &ListCartsRequest) -> Result<ListCartsResponse, Problem> {
    let rows = views.of::<Carts>();
    let ListCartsRequest { limit, after, before, sort, status, user_id } = request;
    let owner = if views.caller.is_staff() {
        user_id.clone()
    } else {
        // Nobody has no carts.
        Some(views.caller.person().unwrap_or_default().to_owned())
    };
    let wanted = |cart: &Shown| {
        let Some(filter) = status else { return true };
        let is = cart.status;
        (filter.r#in.is_empty() || filter.r#in.contains(&is)) && (filter.eq == 0 || filter.eq == is)
    };
    let table = owner.map_or_else(|| b"a".to_vec(), |owner| [b"o", owner.as_bytes(), b"\0"].concat());
    let prefix = |field: &str| [&table[..], field.as_bytes(), b"\0"].concat();
    // Both orders have names of one length, so that the cart's id begins at one place in all keys.
    let behind = prefix("updated_at").len();
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let page =
        asked.page(&rows, "-updated_at", prefix, |key, _| cart_row(&rows, &id_of(key, behind)).filter(wanted))?;
    Ok(ListCartsResponse { data: page.data, has_more: page.has_more, next: page.next })
}
