//! Discounts: what the actions of a campaign take off what is left of a basket.
//!
//! A share is rounded to the nearest minor unit, a half up. What is taken off all lines together is shared by them in
//! proportion to what is left of each, so that what follows knows what is left, line by line.

use super::{Basket, Line};
use crate::terms::{Action, Amounts, Selection, Target, Terms, WHOLE_PPM};
use crate::wire::{Money, MoneyError};

/// Something that is taken off; never nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Which action of the campaign does it, from 0.
    pub action: usize,
    /// Off what.
    pub target: Target,
    /// Off which line.
    pub sku: Option<String>,
    /// How much.
    pub amount: Money,
}

/// What is left of a basket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remains {
    lines: Vec<Money>,
    shipping: Option<Money>,
}

impl Remains {
    /// All of it.
    #[must_use]
    pub fn of(basket: &Basket) -> Remains {
        Remains { lines: basket.lines.iter().map(|line| line.total).collect(), shipping: basket.shipping }
    }
}

/// All of these together.
pub(super) fn sum(basket: &Basket, cuts: &[Cut]) -> Result<Money, MoneyError> {
    Money::sum(basket.currency(), cuts.iter().map(|cut| cut.amount))
}

/// What a campaign takes off what is left.
pub(super) fn cuts(terms: &Terms, basket: &Basket, remains: &mut Remains) -> Result<Vec<Cut>, MoneyError> {
    let mut cuts = Vec::new();
    for (action, what) in terms.actions.iter().enumerate() {
        let mut scissors = Scissors { action, basket, remains, cuts: &mut cuts };
        match what {
            Action::PercentOff { target: Target::Line, share_ppm, items, amount_max } => {
                let wanted = scissors.each(items, |_, left| share(left, *share_ppm))?;
                let wanted = capped(wanted, amount_max, basket)?;
                scissors.lines(&wanted)?;
            }
            Action::PercentOff { target: Target::Order, share_ppm, amount_max, .. } => {
                let wanted = share(scissors.left()?, *share_ppm)?;
                scissors.order(least(wanted, amount_max.get(&basket.currency())))?;
            }
            Action::PercentOff { target: Target::Shipping, share_ppm, amount_max, .. } => {
                let wanted = share(scissors.shipping_left(), *share_ppm)?;
                scissors.shipping(least(wanted, amount_max.get(&basket.currency())))?;
            }
            Action::AmountOff { target, amounts, items } => {
                let Some(amount) = amounts.get(&basket.currency()) else { continue };
                match target {
                    Target::Line => {
                        // More than can be said is more than is left.
                        let off = |line: &Line, left| Ok(amount.times(line.quantity.into()).unwrap_or(left));
                        let wanted = scissors.each(items, off)?;
                        scissors.lines(&wanted)?;
                    }
                    Target::Order => scissors.order(*amount)?,
                    Target::Shipping => scissors.shipping(*amount)?,
                }
            }
            Action::BuyGet { buy, buy_quantity, get, get_quantity, share_ppm, times_max } => {
                let get = get.as_ref().unwrap_or(buy);
                let got = got(basket, (buy, *buy_quantity), (get, *get_quantity), *times_max);
                let units = |(line, (left, units)): (&Line, (&Money, &u64))| {
                    let part = units * u64::from(*share_ppm);
                    of(*left, part, u64::from(line.quantity) * u64::from(WHOLE_PPM))
                };
                let lines = basket.lines.iter().zip(scissors.remains.lines.iter().zip(&got));
                let wanted = lines.map(units).collect::<Result<Vec<_>, _>>()?;
                scissors.lines(&wanted)?;
            }
            Action::FreeShipping { amount_max } => {
                let wanted = scissors.shipping_left();
                scissors.shipping(least(wanted, amount_max.get(&basket.currency())))?;
            }
        }
    }
    Ok(cuts)
}

/// How many units of each line are got: the cheapest that can be, and none that is also counted as bought.
fn got(basket: &Basket, buy: (&Selection, u32), get: (&Selection, u32), times_max: Option<u32>) -> Vec<u64> {
    let takes = |selection: &Selection, line: &Line| selection.takes(&line.sku, &line.product_id);
    let units = |chosen: &dyn Fn(&Line) -> bool| -> u64 {
        basket.lines.iter().filter(|line| chosen(line)).map(|line| u64::from(line.quantity)).sum()
    };
    let bought = units(&|line| takes(buy.0, line));
    let gettable = units(&|line| takes(get.0, line));
    let either = units(&|line| takes(buy.0, line) || takes(get.0, line));
    let (buy_quantity, get_quantity) = (u64::from(buy.1.max(1)), u64::from(get.1.max(1)));
    // So often as there is enough to buy, enough to get, and enough to do both with different units. That suffices: with
    // two demands, supplies that cover each alone and both together can always be shared out.
    let times = (bought / buy_quantity).min(gettable / get_quantity).min(either / (buy_quantity + get_quantity));
    let times = times_max.map_or(times, |most| times.min(most.into()));
    let mut wanted = times * get_quantity;
    // Of what could be either, this many units are not needed as bought ones.
    let mut spare = bought - times * buy_quantity;
    let mut cheapest: Vec<usize> = (0..basket.lines.len()).collect();
    cheapest.sort_by_key(|&index| (basket.lines[index].unit_price.amount(), index));
    let mut got = vec![0; basket.lines.len()];
    for index in cheapest {
        let line = &basket.lines[index];
        if !takes(get.0, line) {
            continue;
        }
        let both = takes(buy.0, line);
        let units = u64::from(line.quantity).min(wanted).min(if both { spare } else { u64::MAX });
        got[index] = units;
        wanted -= units;
        if both {
            spare -= units;
        }
    }
    got
}

/// A share of an amount.
fn share(amount: Money, share_ppm: u32) -> Result<Money, MoneyError> {
    of(amount, share_ppm.into(), WHOLE_PPM.into())
}

/// So many parts of a whole of an amount, to the nearest minor unit, a half up: that is how two shares are made whole.
fn of(amount: Money, parts: u64, whole: u64) -> Result<Money, MoneyError> {
    let shares = amount.allocate(&[parts, whole.saturating_sub(parts)])?;
    Ok(shares.first().copied().unwrap_or(Money::zero(amount.currency())))
}

fn least(amount: Money, most: Option<&Money>) -> Money {
    most.copied().filter(|most| most.amount() < amount.amount()).unwrap_or(amount)
}

/// These amounts, made smaller in proportion when they are more than may be.
fn capped(wanted: Vec<Money>, amount_max: &Amounts, basket: &Basket) -> Result<Vec<Money>, MoneyError> {
    let total = Money::sum(basket.currency(), wanted.iter().copied())?;
    let most = least(total, amount_max.get(&basket.currency()));
    if most == total { Ok(wanted) } else { most.allocate(&ratios(&wanted)) }
}

fn ratios(amounts: &[Money]) -> Vec<u64> {
    amounts.iter().map(|money| money.amount().unsigned_abs()).collect()
}

/// Takes off, and notes what it took.
struct Scissors<'a> {
    action: usize,
    basket: &'a Basket,
    remains: &'a mut Remains,
    cuts: &'a mut Vec<Cut>,
}

impl Scissors<'_> {
    /// For every line what is wanted off it; nothing off those that are not selected.
    fn each(
        &self,
        items: &Selection,
        off: impl Fn(&Line, Money) -> Result<Money, MoneyError>,
    ) -> Result<Vec<Money>, MoneyError> {
        let lines = self.basket.lines.iter().zip(&self.remains.lines);
        lines
            .map(|(line, left)| {
                let selected = items.takes(&line.sku, &line.product_id);
                if selected { off(line, *left) } else { Ok(Money::zero(left.currency())) }
            })
            .collect()
    }

    fn left(&self) -> Result<Money, MoneyError> {
        Money::sum(self.basket.currency(), self.remains.lines.iter().copied())
    }

    fn shipping_left(&self) -> Money {
        self.remains.shipping.unwrap_or(Money::zero(self.basket.currency()))
    }

    fn lines(&mut self, wanted: &[Money]) -> Result<(), MoneyError> {
        for (index, wanted) in wanted.iter().enumerate() {
            let left = &mut self.remains.lines[index];
            let amount = least(*wanted, Some(left));
            *left = left.minus(amount)?;
            let sku = Some(self.basket.lines[index].sku.clone());
            self.note(Target::Line, sku, amount);
        }
        Ok(())
    }

    fn order(&mut self, wanted: Money) -> Result<(), MoneyError> {
        let amount = least(wanted, Some(&self.left()?));
        if !amount.is_zero() {
            let shares = amount.allocate(&ratios(&self.remains.lines))?;
            for (left, share) in self.remains.lines.iter_mut().zip(shares) {
                *left = left.minus(share)?;
            }
        }
        self.note(Target::Order, None, amount);
        Ok(())
    }

    fn shipping(&mut self, wanted: Money) -> Result<(), MoneyError> {
        let left = self.shipping_left();
        let amount = least(wanted, Some(&left));
        if self.remains.shipping.is_some() {
            self.remains.shipping = Some(left.minus(amount)?);
        }
        self.note(Target::Shipping, None, amount);
        Ok(())
    }

    fn note(&mut self, target: Target, sku: Option<String>, amount: Money) {
        if !amount.is_zero() {
            self.cuts.push(Cut { action: self.action, target, sku, amount });
        }
    }
}
