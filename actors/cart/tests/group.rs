//! The group through real bytes, in a world of small neighbours: what a cart shows, and what becomes of it.

#[path = "group/lives.rs"]
mod lives;
#[path = "group/merging.rs"]
mod merging;
#[path = "group/neighbours.rs"]
mod neighbours;
#[path = "group/prices.rs"]
mod prices;
#[path = "group/shop.rs"]
mod shop;
