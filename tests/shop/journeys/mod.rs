//! The journeys.

mod buying;
mod cancelling;
mod racing;
mod returning;
mod shipping;

/// Plays a journey on one thread.
pub(crate) fn journey<F: Future<Output = ()>>(scene: impl FnOnce() -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(scene());
}
