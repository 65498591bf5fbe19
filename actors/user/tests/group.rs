//! The group through real bytes, in a world with a small `auth`: whoever registers, signs in, forgets and leaves.

#[path = "group/accounts.rs"]
mod accounts;
#[path = "group/device.rs"]
mod device;
#[path = "group/moving.rs"]
mod moving;
#[path = "group/neighbours.rs"]
mod neighbours;
#[path = "group/passkeys.rs"]
mod passkeys;
#[path = "group/shop.rs"]
mod shop;
#[path = "group/signing.rs"]
mod signing;
