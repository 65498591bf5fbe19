//! The account of whoever is signed in.

use gateway::screens::{Known, Part, Screen, Wish};

use crate::json::{ask, number, text};

/// How many of the last orders are shown.
const ORDERS: i32 = 10;

/// `/bff/account`.
pub(crate) const ACCOUNT: Screen = Screen {
    name: "account",
    path: "/bff/account",
    doc: "The caller's profile with their loyalty points, their last orders, and their addresses.",
    query: &[],
    max_age_s: None,
    parts: &[
        Part { name: "profile", rpc: "user.get", ask: own, shown: true },
        Part { name: "orders", rpc: "order.list_of_user", ask: orders, shown: true },
        Part { name: "addresses", rpc: "user.addresses", ask: own, shown: true },
    ],
};

/// Whoever shows nothing is nobody: the question is refused as at its own door, before it is asked.
fn own(known: &Known<'_>) -> Wish {
    ask([("user_id", text(known.person().unwrap_or_default()))])
}

fn orders(known: &Known<'_>) -> Wish {
    ask([("user_id", text(known.person().unwrap_or_default())), ("limit", number(ORDERS))])
}
