//! What can be set: how long carts wait for their owners. It is read once, from the environment, unless whoever composes
//! the shop has said it before.

use std::sync::OnceLock;

use jiff::SignedDuration;

use crate::cart::Patience;

/// After how many seconds without a change a cart counts as abandoned: an hour, unless this says otherwise.
pub const IDLE: &str = "CART_IDLE_SECONDS";
/// After how many seconds without a change a cart is deleted: 30 days, unless this says otherwise.
pub const KEEP: &str = "CART_KEEP_SECONDS";

static PATIENCE: OnceLock<Patience> = OnceLock::new();

/// Says how long carts wait, in place of the environment.
///
/// # Errors
/// With what counts, when that was settled before.
pub fn set(patience: Patience) -> Result<(), Patience> {
    PATIENCE.set(patience).map_err(|_| self::patience())
}

/// How long a cart waits that is taken now.
///
/// # Panics
/// The first time, when a setting in the environment cannot be read.
#[must_use]
pub fn patience() -> Patience {
    *PATIENCE.get_or_init(|| Patience {
        idle: seconds(IDLE, std::env::var(IDLE).ok(), 60 * 60),
        keep: seconds(KEEP, std::env::var(KEEP).ok(), 30 * 24 * 60 * 60),
    })
}

fn seconds(name: &str, set: Option<String>, otherwise: i64) -> SignedDuration {
    let seconds = set.map_or(Some(otherwise), |text| text.trim().parse().ok().filter(|seconds| *seconds > 0));
    let Some(seconds) = seconds else { panic!("{name} is not a number of seconds above zero") };
    SignedDuration::from_secs(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_seconds_or_the_default() {
        assert_eq!(seconds(IDLE, None, 7), SignedDuration::from_secs(7));
        assert_eq!(seconds(IDLE, Some(" 90 ".into()), 7), SignedDuration::from_secs(90));
        for bad in ["", "0", "-1", "1h"] {
            let read = std::panic::catch_unwind(|| seconds(IDLE, Some(bad.into()), 7));
            assert!(read.is_err(), "{bad:?}");
        }
    }
}
