//! Read models: payments and stored methods as lists show them, and the ledger.

pub mod ledger;
mod methods;
mod payments;

use runtime::clock::from_wire;
use runtime::group::Views;
use runtime::headers::Caller;
use runtime::view::Rows;

use crate::wire::StringFilter;

pub use ledger::{Ledger, balances, transactions};
pub use methods::{Methods, methods};
pub use payments::{Payments, begun_lately, list, of_order, reviews};

fn passes(filter: Option<&StringFilter>, value: &str) -> bool {
    let Some(filter) = filter else { return true };
    filter.eq.as_deref().is_none_or(|eq| eq == value)
        && (filter.r#in.is_empty() || filter.r#in.iter().any(|one| one == value))
}

/// The one value that a filter lets through, if it is one.
fn only(filter: Option<&StringFilter>) -> Option<&str> {
    let filter = filter?;
    match (&filter.eq, filter.r#in.as_slice()) {
        (Some(eq), _) => Some(eq),
        (None, [one]) => Some(one),
        _ => None,
    }
}

/// Whose entries a caller is shown: the staff all that it asks for, everybody else their own.
struct Whose<'a> {
    caller: &'a Caller,
    asked: Option<&'a StringFilter>,
}

impl<'a> Whose<'a> {
    fn of(views: &'a Views<'_>, asked: Option<&'a StringFilter>) -> Whose<'a> {
        Whose { caller: &views.caller, asked }
    }

    /// The one person whose entries can be meant, if it is one.
    fn one(&self) -> Option<&'a str> {
        only(self.asked).or(if self.caller.is_staff() { None } else { Some(self.caller.person().unwrap_or_default()) })
    }

    fn shows(&self, user_id: &str) -> bool {
        self.caller.may_touch(user_id) && passes(self.asked, user_id)
    }
}

/// A key of parts with zero bytes between them, in a table.
fn key(table: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut key = table.to_vec();
    for part in parts {
        key.extend_from_slice(part);
        key.push(0);
    }
    key
}

/// A moment as a part of a key: in order, and in letters, so that it holds no zero byte.
fn moment(at: Option<&prost_types::Timestamp>) -> String {
    // Microseconds since 1970 are positive for as long as shops exist.
    format!("{:016x}", from_wire(at).as_microsecond().max(0))
}

/// The last part of a key.
fn last_part(key: &[u8]) -> Option<&[u8]> {
    key.strip_suffix(&[0])?.rsplit(|byte| *byte == 0).next()
}

fn row<M: prost::Message + Default>(rows: &Rows, key: &[u8]) -> Option<M> {
    M::decode(rows.get(key)?.as_slice()).ok()
}
