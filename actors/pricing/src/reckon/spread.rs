//! Spreading: amounts over lines, so that the parts add up to the whole and none takes more than is there.

use std::collections::BTreeMap;

use super::Adjustment;
use crate::choose::Priced;
use crate::tax;
use crate::taxes::Rounding;
use crate::wire::{Money, MoneyError};

/// Takes as much of an amount as there is. Says how much that was.
pub(super) fn take(left: &mut Money, asked: Money) -> Result<Money, MoneyError> {
    let taken = if asked.amount() < left.amount() { asked } else { *left };
    *left = left.minus(taken)?;
    Ok(taken)
}

/// Takes an amount off one line. Says how much every line gave: nothing, when there is no such line.
pub(super) fn off_line(lines: &[Priced], left: &mut [Money], asked: &Adjustment) -> Result<Vec<Money>, MoneyError> {
    let none = Money::zero(asked.amount.currency());
    let each = lines.iter().zip(left);
    each.map(|(line, left)| if line.sku == asked.sku { take(left, asked.amount) } else { Ok(none) }).collect()
}

/// Takes an amount off all lines together, by what is left of each, by largest remainder. Says how much each gave.
pub(super) fn off_order(left: &mut [Money], asked: Money) -> Result<Vec<Money>, MoneyError> {
    let mut pool = Money::sum(asked.currency(), left.iter().copied())?;
    let taken = take(&mut pool, asked)?;
    // A share is rounded up at most to what is left of the line, because the whole is at most all that is left.
    let shares = shares(taken, left)?;
    for (left, share) in left.iter_mut().zip(&shares) {
        *left = left.minus(*share)?;
    }
    Ok(shares)
}

/// The tax on each amount at its rate in millionths, on top of it or within it.
pub(super) fn taxes(taxed: &[(Money, i64)], included: bool, rounding: Rounding) -> Result<Vec<Money>, MoneyError> {
    let tax = if included { tax::within } else { tax::on };
    match rounding {
        Rounding::Line => taxed.iter().map(|(amount, rate)| tax(*amount, *rate)).collect(),
        Rounding::Order => {
            let mut rates: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
            taxed.iter().enumerate().for_each(|(index, (_, rate))| rates.entry(*rate).or_default().push(index));
            let mut all: Vec<Money> = taxed.iter().map(|(amount, _)| Money::zero(amount.currency())).collect();
            for (rate, members) in rates {
                let amounts: Vec<Money> = members.iter().map(|index| taxed[*index].0).collect();
                let Some(first) = amounts.first() else { continue };
                let whole = tax(Money::sum(first.currency(), amounts.iter().copied())?, rate)?;
                for (index, share) in members.into_iter().zip(shares(whole, &amounts)?) {
                    all[index] = share;
                }
            }
            Ok(all)
        }
    }
}

/// An amount split by others. Nothing is split when they are all nothing, and then there is nothing to split.
fn shares(whole: Money, by: &[Money]) -> Result<Vec<Money>, MoneyError> {
    let ratios: Vec<u64> = by.iter().map(|amount| u64::try_from(amount.amount()).unwrap_or(0)).collect();
    if ratios.iter().all(|ratio| *ratio == 0) {
        return Ok(vec![Money::zero(whole.currency()); by.len()]);
    }
    whole.allocate(&ratios)
}
