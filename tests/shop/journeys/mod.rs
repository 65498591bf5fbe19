//! The journeys.

mod accounts;
mod bank;
mod billing;
mod buying;
mod cancelling;
mod document;
mod exchanging;
mod keeping;
mod oidc;
mod racing;
mod returning;
mod screens;
mod shipping;
mod waiting;

/// Plays a journey, beside others.
pub(crate) fn journey<F: Future<Output = ()>>(scene: impl FnOnce() -> F) {
    crate::seed::storm(|_| scene());
}
