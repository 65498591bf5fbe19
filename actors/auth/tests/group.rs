//! The group through real bytes, in a world with a small `user`: signing in, tokens, keys, and what becomes of them.

#[path = "group/keys.rs"]
mod keys;
#[path = "group/oauth.rs"]
mod oauth;
#[path = "group/shop.rs"]
mod shop;
