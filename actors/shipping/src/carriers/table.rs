//! The embedded carrier: the rates are those of the zones, and the parcel's number is the shop's own.
//!
//! It refuses nothing and needs nothing outside, so a shop can ship by hand from the first minute. For demonstrations and
//! tests it may pretend to be a real one; then parcels leave, are taken and arrive by themselves.

use std::future::ready;

use super::{Answer, Carrier, Label, Order, Pending, Pretence};

/// Its name.
pub const NAME: &str = "table";

/// The carrier.
#[derive(Debug, Clone, Copy, Default)]
pub struct Table {
    /// How it pretends to be a real one.
    pub pretence: Pretence,
}

impl Carrier for Table {
    fn label<'a>(&'a self, _: &'a str, order: &'a Order) -> Pending<'a, Label> {
        let (number, url) = (order.tracking_number.clone(), String::new());
        Box::pin(ready(Answer::Done(Label { number, url, pretence: self.pretence })))
    }

    /// Nobody was promised anything.
    fn void<'a>(&'a self, _: &'a str, _: &'a str, _: &'a str) -> Pending<'a, ()> {
        Box::pin(ready(Answer::Done(())))
    }
}
