//! Roles: what people of a role may do, and what the groups of the shop may do with each other. What nobody allows is
//! not allowed.

use std::collections::BTreeSet;

use crate::wire::{self, GUEST};

/// Stands for every scope.
pub const ALL: &str = "*";

/// Scopes that say what an application learns, not what it may do (OpenID Connect).
pub const OPENID: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What everybody with an account may do with what is their own.
const OWN: [&str; 4] = ["auth:read", "auth:write", "user:read", "user:write"];

/// The roles of people.
pub const ROLES: [&str; 6] = ["customer", "support", "catalogue", "warehouse", "finance", "admin"];

/// The role of a group of the shop. No token says it: groups believe it, and scopes do not bind it.
pub const SERVICE: &str = "service";

/// The role of an application that acts for itself. It may do what its scopes say, with what is anybody's.
pub const APPLICATION: &str = "application";

/// The role of somebody of whom nothing else is known.
pub const CUSTOMER: &str = "customer";

const SUPPORT: [&str; 13] = [
    "cart:read",
    "inventory:read",
    "notification:read",
    "order:read",
    "order:write",
    "order:manage",
    "payment:read",
    "pricing:read",
    "product:read",
    "promotion:read",
    "shipping:read",
    "user:read",
    "user:write",
];
const CATALOGUE: [&str; 6] =
    ["product:read", "product:write", "pricing:read", "pricing:manage", "promotion:read", "promotion:manage"];
const WAREHOUSE: [&str; 6] =
    ["inventory:read", "inventory:write", "inventory:reserve", "order:read", "shipping:read", "shipping:manage"];
const FINANCE: [&str; 7] = [
    "order:read",
    "payment:read",
    "payment:write",
    "payment:manage",
    "pricing:read",
    "promotion:read",
    "shipping:read",
];

/// What the groups of the shop may do with each other. `order` is as the architecture names it; the others call by the
/// same rule: what they ask, and no more.
pub const SERVICES: [(&str, &[&str]); 5] = [
    ("order", &["inventory:read", "payment:write", "notification:publish"]),
    ("cart", &["product:read", "pricing:read", "promotion:read"]),
    ("shipping", &["order:read"]),
    ("support", &["order:read", "payment:read"]),
    ("auth", &["user:internal"]),
];

/// The scopes of a role; `None` when there is no such role.
#[must_use]
pub fn scopes_of(role: &str) -> Option<BTreeSet<String>> {
    let beside: &[&str] = match role {
        "customer" => &GUEST,
        "support" => &SUPPORT,
        "catalogue" => &CATALOGUE,
        "warehouse" => &WAREHOUSE,
        "finance" => &FINANCE,
        "admin" => &[ALL],
        _ => return None,
    };
    let own: &[&str] = if role == "admin" { &[] } else { &OWN };
    Some(beside.iter().chain(own).map(|scope| (*scope).to_owned()).collect())
}

/// What somebody may do: what the role lets them, and what they were granted beside.
#[must_use]
pub fn effective(role: &str, granted: &[String]) -> BTreeSet<String> {
    let mut scopes = scopes_of(role).unwrap_or_default();
    scopes.extend(granted.iter().cloned());
    scopes
}

/// Whether scopes include one.
#[must_use]
pub fn holds(held: &BTreeSet<String>, scope: &str) -> bool {
    held.contains(ALL) || held.contains(scope)
}

/// The smaller of what is asked and what is held. What says what an application learns is held by everybody.
#[must_use]
pub fn narrowed(asked: &[String], held: &BTreeSet<String>) -> Vec<String> {
    if asked.iter().any(|scope| scope == ALL) {
        return held.iter().cloned().collect();
    }
    asked.iter().filter(|scope| OPENID.contains(&scope.as_str()) || holds(held, scope)).cloned().collect()
}

/// Whether some part of the shop asks for a scope.
#[must_use]
pub fn is_known(scope: &str) -> bool {
    scope == ALL || OPENID.contains(&scope) || wire::asks_for(scope)
}

/// What a group of the shop may do; `None` when there is no such group.
#[must_use]
pub fn service(name: &str) -> Option<&'static [&'static str]> {
    SERVICES.iter().find(|(service, _)| *service == name).map(|(_, scopes)| *scopes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_of_a_role_is_asked_for_somewhere() {
        for role in ROLES {
            for scope in scopes_of(role).expect("a role") {
                assert!(is_known(&scope), "{role} holds {scope}, which nobody asks for");
            }
        }
    }

    #[test]
    fn only_admins_hold_everything_and_nobody_else_what_is_for_groups() {
        for role in ROLES {
            let scopes = scopes_of(role).expect("a role");
            assert_eq!(scopes.contains(ALL), role == "admin");
            assert!(scopes.iter().all(|scope| !scope.ends_with(":internal")), "{role}");
            assert_eq!(holds(&scopes, "payment:internal"), role == "admin");
        }
        assert_eq!(scopes_of("nobody"), None);
        assert_eq!(scopes_of(APPLICATION), None, "an application has the scopes that it was registered with");
    }

    #[test]
    fn the_smaller_wins() {
        let held = scopes_of("customer").expect("a role");
        let asked = |scopes: &[&str]| scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>();
        assert_eq!(narrowed(&asked(&["order:read", "order:manage", "openid"]), &held), ["order:read", "openid"]);
        assert_eq!(narrowed(&asked(&["order:read"]), &scopes_of("admin").expect("a role")), ["order:read"]);
        assert_eq!(narrowed(&asked(&["*"]), &held).len(), held.len());
        assert!(narrowed(&[], &held).is_empty());
    }

    #[test]
    fn the_order_service_may_do_what_the_architecture_says() {
        assert_eq!(service("order"), Some(&["inventory:read", "payment:write", "notification:publish"][..]));
        assert_eq!(service("stranger"), None);
    }
}
