//! The shop: what customers and staff do in it, over HTTP, against the real binary with all its groups, and what goes
//! wrong and mends itself. Each journey is one test, in a shop of its own where it kills something, else side by side with
//! others in shops of their own too: a shop starts in a second.

#[path = "shop/customer.rs"]
mod customer;
#[path = "shop/house/mod.rs"]
mod house;
#[path = "shop/journeys/mod.rs"]
mod journeys;
#[path = "shop/stocked.rs"]
mod stocked;
