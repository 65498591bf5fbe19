//! The deal: what was agreed on when an order was placed, and what amendments added to it since.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::{Currency, Money};

/// Units by SKU.
pub type Units = BTreeMap<String, i64>;

/// What was agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deal {
    /// The order.
    pub order_id: String,
    /// Whose it is.
    pub user_id: String,
    /// Where news of it go.
    pub email: String,
    /// What was bought.
    pub lines: Vec<Line>,
    /// What it costs.
    pub totals: Totals,
    /// The payment; empty when it costs nothing.
    pub payment_id: String,
    /// How it is paid.
    pub method: Method,
    /// Where it goes.
    pub ship_to: Address,
    /// How it goes there.
    pub option: Option<Choice>,
    /// The coupon codes that were given.
    pub coupon_codes: Vec<String>,
    /// The promotions that took something off.
    pub discounts: Vec<Discount>,
    /// The name under which their uses are reserved; empty when there are none.
    pub redemption_id: String,
    /// What was to come from where, at first.
    pub parts: Vec<Allotment>,
    /// The language of messages about it.
    pub locale: String,
    /// The cart it was made of.
    pub cart_id: Option<String>,
    /// The quote that fixed its prices.
    pub quote_id: String,
    /// What the customer had to say.
    pub note: String,
    /// Why somebody of the shop has to approve it first.
    pub hold_reason: Option<String>,
    /// When it is given up unless the money is promised by then.
    pub expires_at: Timestamp,
    /// On which terms it waits for what is not here; `None` when it does not.
    pub backorder: Option<Backorder>,
}

/// On which terms an order waits for what is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backorder {
    /// Everything is sent at once, when all of it is here; otherwise what is here goes first.
    pub together: bool,
    /// The customer is charged as soon as the order is confirmed; otherwise when the first parcel can be packed.
    pub capture_at_once: bool,
}

/// Units that are not here yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Awaited {
    /// How many.
    pub units: i64,
    /// When they are expected; `None` when nobody said.
    pub expected_at: Option<Timestamp>,
}

/// What is not here yet, by SKU.
pub type Waiting = BTreeMap<String, Awaited>;

impl Deal {
    /// Its currency.
    #[must_use]
    pub fn currency(&self) -> Currency {
        self.totals.total.currency()
    }

    /// The line of a SKU, the first if there are more.
    #[must_use]
    pub fn line(&self, sku: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.sku == sku)
    }

    /// How many units of a SKU were bought, in all lines of it.
    #[must_use]
    pub fn bought(&self, sku: &str) -> i64 {
        self.lines.iter().filter(|line| line.sku == sku).map(|line| line.quantity).sum()
    }

    /// What some units of a SKU cost, when others went before them. What was bought first goes first, at its own price.
    #[must_use]
    pub fn share(&self, sku: &str, before: i64, units: i64) -> Money {
        let nothing = Money::zero(self.currency());
        let (mut before, mut left, mut sum) = (before, units, nothing);
        for line in self.lines.iter().filter(|line| line.sku == sku) {
            let gone = before.min(line.quantity);
            let taken = left.min(line.quantity - gone);
            sum = sum.plus(line.share(gone, taken)).unwrap_or(sum);
            before -= gone;
            left -= taken;
        }
        sum
    }
}

/// A line: so many units of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The stock keeping unit.
    pub sku: String,
    /// The product.
    pub product_id: String,
    /// What it was called.
    pub title: String,
    /// Units.
    pub quantity: i64,
    /// The price of one.
    pub unit_price: Money,
    /// What promotions took off the line.
    pub discount: Money,
    /// The tax on the line.
    pub tax: Money,
    /// The rate of that tax, in millionths.
    pub tax_rate_ppm: i64,
    /// What the customer was told the line costs.
    pub total: Money,
    /// What one of it weighs.
    pub weight_grams: i64,
    /// What sort of thing it is.
    pub product_type: String,
}

impl Line {
    /// What some units of the line cost, when others went before them. Shares of all units add up to the total exactly:
    /// each is the difference of two shares from the beginning.
    #[must_use]
    pub fn share(&self, before: i64, units: i64) -> Money {
        let from = self.share_of_first(before);
        let to = self.share_of_first(before.saturating_add(units));
        // Both lie between zero and the total, in one currency.
        to.minus(from).unwrap_or(Money::zero(self.total.currency()))
    }

    fn share_of_first(&self, units: i64) -> Money {
        let first = units.clamp(0, self.quantity).unsigned_abs();
        let rest = self.quantity.unsigned_abs() - first;
        let shares = self.total.allocate(&[first, rest]).unwrap_or_default();
        shares.into_iter().next().unwrap_or(Money::zero(self.total.currency()))
    }
}

/// What a deal costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// The lines at their prices.
    pub subtotal: Money,
    /// What promotions took off.
    pub discount_total: Money,
    /// The way there.
    pub shipping_total: Money,
    /// Taxes.
    pub tax_total: Money,
    /// They are in the prices.
    pub tax_included: bool,
    /// What the customer was told.
    pub total: Money,
}

/// Where somebody lives.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Who lives there.
    pub name: String,
    /// Street and number.
    pub line1: String,
    /// What else the postman needs.
    pub line2: String,
    /// The postal code.
    pub postal_code: String,
    /// The town.
    pub city: String,
    /// The state or province.
    pub region: String,
    /// The country.
    pub country: String,
    /// Where the carrier may call.
    pub phone: String,
}

/// A way to send something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The option.
    pub option_id: String,
    /// What people call it.
    pub title: String,
    /// What it costs.
    pub amount: Money,
    /// Who carries it.
    pub carrier: String,
    /// The fewest days it takes.
    pub min_days: i64,
    /// The most days it takes.
    pub max_days: i64,
}

/// What a promotion took off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    /// What people call it.
    pub title: String,
    /// The campaign.
    pub campaign_id: String,
    /// The coupon code.
    pub code: Option<String>,
    /// How much.
    pub amount: Money,
}

/// How a customer pays: a token, never a card.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Method {
    /// The provider's token.
    pub token: String,
    /// The way to pay that the customer has kept here.
    pub payment_method_id: String,
    /// Where the provider sends the customer afterwards.
    pub return_url: String,
}

/// What comes from one warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allotment {
    /// The warehouse.
    pub warehouse_id: String,
    /// The reservation that holds it there.
    pub reservation_id: String,
    /// What.
    pub lines: Units,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(quantity: i64, total: i64) -> Line {
        let money = |amount| Money::new(amount, Currency::parse("EUR").expect("a currency")).expect("an amount");
        let (sku, product_id, title, product_type) = ("MUG".into(), String::new(), "Mug".into(), String::new());
        let (unit_price, discount, tax, total) = (money(1), money(0), money(0), money(total));
        Line {
            sku,
            product_id,
            title,
            quantity,
            unit_price,
            discount,
            tax,
            tax_rate_ppm: 0,
            total,
            weight_grams: 0,
            product_type,
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_whatever_is_given_back_in_which_order(
            quantity in 1i64..50,
            total in 0i64..100_000,
            cuts in proptest::collection::vec(1i64..10, 0..20),
        ) {
            let line = line(quantity, total);
            let (mut before, mut sum) = (0, 0);
            for units in cuts.into_iter().chain([quantity]) {
                let units = units.min(quantity - before);
                let share = line.share(before, units).amount();
                prop_assert!(share >= 0);
                sum += share;
                before += units;
            }
            prop_assert_eq!(sum, total);
        }
    }
}
