//! Reach: which replicas are asked, how many requests may be under way, and what is shown of both.
//!
//! Circuits, outliers and the retry budget are the [runtime client's](runtime::reach); all workers share what it learns.
//! What belongs to the door is here: [`room`] bounds what is under way, [`canary`] chooses a set of replicas, [`states`]
//! shows it.

pub(crate) mod canary;
pub(crate) mod room;
pub(crate) mod states;
