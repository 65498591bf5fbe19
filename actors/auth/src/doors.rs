//! The doors: what mints secrets and signs tokens. Queries on the outside; what they have to keep they tell commands of
//! this group, as hashes.

pub(crate) mod authorize;
pub(crate) mod endpoint;
pub(crate) mod forms;
pub(crate) mod issue;
pub(crate) mod keys;
pub(crate) mod logout;
pub(crate) mod sessions;
pub(crate) mod tokens;
