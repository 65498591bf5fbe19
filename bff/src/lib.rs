#![doc = include_str!("../README.md")]
#![warn(clippy::pedantic)]

mod account;
mod json;
mod storefront;

use gateway::screens::Screen;

/// All screens.
pub static SCREENS: [Screen; 4] = [storefront::HOME, storefront::PRODUCT, storefront::CART, account::ACCOUNT];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use messages::route::RpcKind;

    use super::*;

    #[test]
    fn a_screen_asks_only_what_has_a_door_of_its_own_and_changes_nothing() {
        for screen in &SCREENS {
            assert!(screen.parts.iter().any(|part| part.shown), "{}", screen.path);
            for part in screen.parts {
                let route = part.route().unwrap_or_else(|| panic!("{}: there is no {}", screen.path, part.rpc));
                assert_ne!(route.kind, RpcKind::Command, "{}: {}", screen.path, part.rpc);
                assert!(!route.http.is_empty(), "{}: {} is between groups", screen.path, part.rpc);
            }
            let names: BTreeSet<_> = screen.parts.iter().map(|part| part.name).collect();
            assert_eq!(names.len(), screen.parts.len(), "{}: two parts of one name", screen.path);
        }
    }

    #[test]
    fn what_anybody_may_keep_asks_only_what_anybody_may() {
        for screen in SCREENS.iter().filter(|screen| screen.max_age_s.is_some()) {
            assert!(screen.parts.iter().all(|part| part.route().is_some_and(|route| route.public)), "{}", screen.path);
        }
    }
}
