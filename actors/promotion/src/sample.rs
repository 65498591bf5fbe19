//! What tests of this crate have in common.

use crate::terms::{Action, Amounts, Selection, Target, Terms};
use crate::wire::{Currency, Money};

pub(crate) fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::parse("EUR").expect("a currency")).expect("an amount")
}

pub(crate) fn percent(target: Target, share_ppm: u32) -> Action {
    Action::PercentOff { target, share_ppm, items: Selection::default(), amount_max: Amounts::new() }
}

pub(crate) fn ten_percent() -> Terms {
    let actions = vec![percent(Target::Order, 100_000)];
    Terms { title: "Ten per cent".into(), actions, ..Terms::default() }
}
