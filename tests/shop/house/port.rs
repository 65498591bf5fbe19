//! Ports for processes that are started again on the same one.
//!
//! They lie below the range from which kernels take ports for outgoing connections: a client that tries a closed port of
//! that range again and again is one day connected to itself, and then the port is taken.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

const FIRST: u32 = 20_000;
const COUNT: u32 = 12_000;
/// How far apart two test processes with neighbouring ids begin to look.
const STRIDE: u32 = 97;

/// A port that nobody listens on, and that this process hands out once.
pub(crate) fn free() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let place = std::process::id().wrapping_mul(STRIDE).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        let port = u16::try_from(FIRST + place).expect("below 32768");
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
