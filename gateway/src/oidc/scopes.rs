//! Scopes, in words: for people who are asked whether an application may have them.

/// What a scope lets its holder do.
pub(super) fn in_words(scope: &str) -> String {
    let Some((group, verb)) = scope.split_once(':') else { return alone(scope) };
    let (whose, things) = things(group);
    match verb {
        "read" => format!("see {whose}{things}"),
        "write" => format!("change {whose}{things}"),
        "manage" => format!("look after the {things} of everybody"),
        _ => format!("use {scope}"),
    }
}

/// Scopes of `OpenID` Connect, and the one that stands for all.
fn alone(scope: &str) -> String {
    let said = match scope {
        "*" => "do everything that you may",
        "openid" => "know who you are",
        "profile" => "see your name and language",
        "email" => "see your e-mail address",
        "offline_access" => "go on while you are away",
        other => return format!("use {other}"),
    };
    said.to_owned()
}

/// What a group keeps, and whose it is; the group's own word where there is no better one.
fn things(group: &str) -> (&'static str, String) {
    let (whose, things) = match group {
        "auth" => ("your ", "sessions and keys"),
        "user" => ("your ", "account"),
        "inventory" => ("the ", "stock"),
        "product" => ("the ", "products"),
        "pricing" => ("the ", "prices"),
        "shipping" => ("your ", "parcels"),
        "notification" => ("your ", "messages"),
        other => return ("your ", format!("{other}s")),
    };
    (whose, things.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_said_in_words() {
        for (scope, words) in [
            ("order:read", "see your orders"),
            ("cart:write", "change your carts"),
            ("inventory:read", "see the stock"),
            ("order:manage", "look after the orders of everybody"),
            ("inventory:reserve", "use inventory:reserve"),
            ("email", "see your e-mail address"),
        ] {
            assert_eq!(in_words(scope), words);
        }
    }
}
