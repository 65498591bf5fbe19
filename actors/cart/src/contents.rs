//! What is in a cart: lines, lines put aside, coupon codes. Everything that its owner does makes new contents of the old
//! ones, within limits; what changed is the difference.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::{Currency, Money};

/// Lines of a cart: what an order may have, and pricing prices at once.
pub const LINES_MAX: usize = 200;
/// Units of a cart, over all lines.
pub const UNITS_MAX: i64 = 10_000;
/// Lines put aside.
pub const SAVED_MAX: usize = 100;
/// Coupon codes: as many as promotion looks at for one basket.
pub const COUPONS_MAX: usize = 10;

/// What is in a cart.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// What shall be bought, in the order in which it was put in; each SKU once.
    pub lines: Vec<Line>,
    /// What was put aside; each SKU once.
    pub saved: Vec<Line>,
    /// Coupon codes, in the order in which they were given.
    pub coupons: Vec<String>,
}

/// So many units of a SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The stock keeping unit.
    pub sku: String,
    /// How many units.
    pub quantity: i64,
    /// What one of them cost when it was put in, if somebody could say.
    pub noted: Option<Money>,
    /// When it was put in first.
    pub added_at: Timestamp,
}

/// What somebody wants to have in a cart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The stock keeping unit.
    pub sku: String,
    /// How many units.
    pub quantity: i64,
    /// What one of them costs now, if pricing said so.
    pub price: Option<Money>,
}

/// What becomes of a line that two carts have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Policy {
    /// The units add up.
    Add,
    /// The larger number stays.
    KeepLarger,
    /// The other cart's contents replace everything.
    Replace,
}

/// Which limit contents would break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Beyond {
    /// Too many lines.
    #[error("a cart holds {LINES_MAX} lines and no more")]
    Lines,
    /// Too many units.
    #[error("a cart holds {UNITS_MAX} units and no more")]
    Units,
    /// Too many lines put aside.
    #[error("{SAVED_MAX} lines can be put aside and no more")]
    Saved,
    /// Too many coupon codes.
    #[error("a cart takes {COUPONS_MAX} coupon codes and no more")]
    Coupons,
}

impl Line {
    fn new(wish: Wish, added_at: Timestamp) -> Line {
        Line { sku: wish.sku, quantity: wish.quantity, noted: wish.price, added_at }
    }
}

pub(crate) fn find<'l>(lines: &'l [Line], sku: &str) -> Option<&'l Line> {
    lines.iter().find(|line| line.sku == sku)
}

/// Codes are the same whatever their letters' case.
fn same_code(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

impl Contents {
    /// Within all limits.
    ///
    /// # Errors
    /// The first limit that is broken.
    pub fn checked(self) -> Result<Contents, Beyond> {
        // Quantities are at most 2^53 each and 200 of them fit; saturation is for what never passes the contract.
        let units = self.lines.iter().fold(0_i64, |units, line| units.saturating_add(line.quantity));
        match () {
            () if self.lines.len() > LINES_MAX => Err(Beyond::Lines),
            () if units > UNITS_MAX => Err(Beyond::Units),
            () if self.saved.len() > SAVED_MAX => Err(Beyond::Saved),
            () if self.coupons.len() > COUPONS_MAX => Err(Beyond::Coupons),
            () => Ok(self),
        }
    }

    /// With exactly these lines. One that is there in the same quantity keeps its price.
    #[must_use]
    pub fn put(mut self, wishes: Vec<Wish>, now: Timestamp) -> Contents {
        self.lines.retain(|line| wishes.iter().any(|wish| wish.sku == line.sku));
        for wish in wishes {
            match self.lines.iter_mut().find(|line| line.sku == wish.sku) {
                Some(line) if line.quantity == wish.quantity => {}
                Some(line) => (line.quantity, line.noted) = (wish.quantity, wish.price),
                None => self.lines.push(Line::new(wish, now)),
            }
        }
        self
    }

    /// With these units more. What is noted is what one of all of them costs now.
    #[must_use]
    pub fn add(mut self, wish: Wish, now: Timestamp) -> Contents {
        match self.lines.iter_mut().find(|line| line.sku == wish.sku) {
            Some(line) => {
                (line.quantity, line.noted) = (line.quantity.saturating_add(wish.quantity), wish.price);
            }
            None => self.lines.push(Line::new(wish, now)),
        }
        self
    }

    /// Without a line.
    #[must_use]
    pub fn remove(mut self, sku: &str) -> Contents {
        self.lines.retain(|line| line.sku != sku);
        self
    }

    /// With the price of a line as its owner has seen it; `None` when there is no such line.
    #[must_use]
    pub fn accept(mut self, sku: &str, price: Money) -> Option<Contents> {
        self.lines.iter_mut().find(|line| line.sku == sku)?.noted = Some(price);
        Some(self)
    }

    /// With a line put aside; `None` when there is no such line.
    #[must_use]
    pub fn save(mut self, sku: &str) -> Option<Contents> {
        let place = self.lines.iter().position(|line| line.sku == sku)?;
        let line = self.lines.remove(place);
        join(&mut self.saved, line, Policy::Add);
        Some(self)
    }

    /// With a line back that was put aside; `None` when there is no such line.
    #[must_use]
    pub fn restore(mut self, sku: &str) -> Option<Contents> {
        let place = self.saved.iter().position(|line| line.sku == sku)?;
        let line = self.saved.remove(place);
        join(&mut self.lines, line, Policy::Add);
        Some(self)
    }

    /// Without a line that was put aside.
    #[must_use]
    pub fn forget(mut self, sku: &str) -> Contents {
        self.saved.retain(|line| line.sku != sku);
        self
    }

    /// With a coupon code more.
    #[must_use]
    pub fn with_coupon(mut self, code: String) -> Contents {
        if !self.coupons.iter().any(|known| same_code(known, &code)) {
            self.coupons.push(code);
        }
        self
    }

    /// Without a coupon code.
    #[must_use]
    pub fn without_coupon(mut self, code: &str) -> Contents {
        self.coupons.retain(|known| !same_code(known, code));
        self
    }

    /// With another cart's contents, in this cart's currency.
    #[must_use]
    pub fn merged(mut self, other: Contents, policy: Policy, currency: Currency) -> Contents {
        let noted_here = |line: Line| Line { noted: line.noted.filter(|noted| noted.currency() == currency), ..line };
        if policy == Policy::Replace {
            self.lines.retain(|line| find(&other.lines, &line.sku).is_some());
            self.coupons.retain(|code| other.coupons.iter().any(|given| same_code(given, code)));
        }
        other.lines.into_iter().map(noted_here).for_each(|line| join(&mut self.lines, line, policy));
        other.saved.into_iter().map(noted_here).for_each(|line| join(&mut self.saved, line, Policy::KeepLarger));
        other.coupons.into_iter().fold(self, Contents::with_coupon)
    }
}

/// Puts a line among others. Where the number of units becomes another, nobody has said what one of so many costs.
fn join(lines: &mut Vec<Line>, line: Line, policy: Policy) {
    let Some(known) = lines.iter_mut().find(|known| known.sku == line.sku) else { return lines.push(line) };
    match policy {
        Policy::Add => {
            (known.quantity, known.noted) = (known.quantity.saturating_add(line.quantity), None);
        }
        Policy::KeepLarger if known.quantity >= line.quantity => {}
        Policy::KeepLarger | Policy::Replace => (known.quantity, known.noted) = (line.quantity, line.noted),
    }
}

/// How contents became others: what was put and what went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Lines that are new or different.
    pub put: Vec<Line>,
    /// SKUs of lines that went.
    pub removed: Vec<String>,
    /// Lines that are put aside now, or differently.
    pub saved: Vec<Line>,
    /// SKUs of lines that are no longer put aside.
    pub unsaved: Vec<String>,
    /// Coupon codes that came.
    pub coupons_added: Vec<String>,
    /// Coupon codes that went.
    pub coupons_removed: Vec<String>,
}

impl Change {
    /// What makes the ones of the others.
    #[must_use]
    pub fn between(before: &Contents, after: &Contents) -> Change {
        let (put, removed) = difference(&before.lines, &after.lines);
        let (saved, unsaved) = difference(&before.saved, &after.saved);
        let missing = |from: &[String], of: &[String]| of.iter().filter(|code| !from.contains(code)).cloned().collect();
        let coupons_added = missing(&before.coupons, &after.coupons);
        let coupons_removed = missing(&after.coupons, &before.coupons);
        Change { put, removed, saved, unsaved, coupons_added, coupons_removed }
    }

    /// Nothing changed.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Change::default()
    }

    /// Makes it so.
    pub fn apply(&self, contents: &mut Contents) {
        apply(&mut contents.lines, &self.put, &self.removed);
        apply(&mut contents.saved, &self.saved, &self.unsaved);
        contents.coupons.retain(|code| !self.coupons_removed.contains(code));
        contents.coupons.extend(self.coupons_added.iter().cloned());
    }
}

fn difference(before: &[Line], after: &[Line]) -> (Vec<Line>, Vec<String>) {
    let put = after.iter().filter(|line| find(before, &line.sku) != Some(line)).cloned().collect();
    let gone = before.iter().filter(|line| find(after, &line.sku).is_none());
    (put, gone.map(|line| line.sku.clone()).collect())
}

fn apply(lines: &mut Vec<Line>, put: &[Line], removed: &[String]) {
    lines.retain(|line| !removed.contains(&line.sku));
    for line in put {
        match lines.iter_mut().find(|known| known.sku == line.sku) {
            Some(known) => known.clone_from(line),
            None => lines.push(line.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
