//! Campaigns, coupons and their uses as lists show them, and what they make of a basket.

mod baskets;
mod campaigns;
mod coupons;
mod uses;

pub use baskets::{evaluate, preview};
pub use campaigns::{Campaigns, list as list_campaigns};
pub use coupons::{Coupons, codes, export_codes, list as list_coupons, with_prefix as coupons_with_prefix};
pub use uses::{Uses, usage};

/// How many rows of a kind are looked at: far beyond any real shop.
const LOOK_MAX: usize = 100_000;

fn key(table: u8, parts: &[&str]) -> Vec<u8> {
    [&[table], parts.join("\0").as_bytes()].concat()
}

/// The last part of a key, which is an id.
fn id_of(key: &[u8]) -> String {
    String::from_utf8_lossy(key.rsplit(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}
