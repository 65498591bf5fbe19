//! Numbering: one actor for each series gives its numbers, so none is left out and none is given twice. The invoice that
//! takes a number lives beside it and changes in the same commit.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::order::event::Bill;
use crate::wire::{Never, Problem};

/// The state of a series.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbering {
    /// The last number that was given; 0 before the first.
    pub last: u64,
}

/// The next number of a series is given to an invoice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Take {
    /// The series.
    pub series: String,
    /// The invoice.
    pub invoice_id: String,
}

/// A number was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The series.
    pub series: String,
    /// The number.
    pub ordinal: u64,
    /// The invoice.
    pub invoice_id: String,
    /// When.
    pub at: Timestamp,
}

impl Entity for Numbering {
    const KIND: &'static str = "numbering";
    const FOLD: u32 = 1;
    type Command = Take;
    type Event = Taken;
    type Refusal = Never;

    fn decide(&self, Take { series, invoice_id }: Take, facts: &Facts) -> Result<Vec<Taken>, Never> {
        Ok(vec![Taken { series, ordinal: self.last + 1, invoice_id, at: facts.now }])
    }

    fn evolve(&mut self, taken: &Taken) {
        self.last = taken.ordinal;
    }
}

/// The state of an invoice: nothing, and then for ever the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice(pub Option<Box<Issued>>);

/// What an invoice says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The invoice.
    pub invoice_id: String,
    /// Its number.
    pub number: String,
    /// The order.
    pub order_id: String,
    /// What it bills.
    pub bill: Bill,
    /// When it was issued.
    pub at: Timestamp,
}

/// An invoice is issued under a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issue {
    /// The invoice.
    pub invoice_id: String,
    /// Its number.
    pub number: String,
    /// The order.
    pub order_id: String,
    /// What it bills.
    pub bill: Bill,
}

/// Why an invoice says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the invoice has been issued already")]
pub struct AlreadyIssued;

impl From<AlreadyIssued> for Problem {
    fn from(refusal: AlreadyIssued) -> Problem {
        Problem::conflict("already_exists", refusal.to_string())
    }
}

impl Entity for Invoice {
    const KIND: &'static str = "invoice";
    const FOLD: u32 = 1;
    type Command = Issue;
    type Event = Issued;
    type Refusal = AlreadyIssued;

    fn decide(&self, issue: Issue, facts: &Facts) -> Result<Vec<Issued>, AlreadyIssued> {
        if self.0.is_some() {
            return Err(AlreadyIssued);
        }
        let Issue { invoice_id, number, order_id, bill } = issue;
        Ok(vec![Issued { invoice_id, number, order_id, bill, at: facts.now }])
    }

    fn evolve(&mut self, issued: &Issued) {
        self.0 = Some(Box::new(issued.clone()));
    }
}

/// The number of an invoice as people read it: the year of its series, and six digits or as many as it takes.
#[must_use]
pub fn number(series: &str, ordinal: u64) -> String {
    let year = series.rsplit('-').next().unwrap_or(series);
    format!("{year}-{ordinal:06}")
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold, moment};

    use super::*;

    fn taken(ordinal: u64) -> Taken {
        let (series, invoice_id) = ("invoices-2026".to_owned(), format!("inv_{ordinal}"));
        Taken { series, ordinal, invoice_id, at: moment(100) }
    }

    #[test]
    fn a_series_leaves_no_number_out_and_gives_none_twice() {
        let take = |invoice: &str| Take { series: "invoices-2026".to_owned(), invoice_id: invoice.to_owned() };
        assert_eq!(decide::<Numbering>(&[], take("inv_1")), Ok(vec![taken(1)]));
        assert_eq!(decide::<Numbering>(&[taken(1)], take("inv_2")), Ok(vec![taken(2)]));
        assert_eq!(fold::<Numbering>(&[taken(1), taken(2)]).last, 2);
    }

    #[test]
    fn a_number_is_read_with_its_year() {
        assert_eq!(number("invoices-2026", 42), "2026-000042");
        assert_eq!(number("invoices-2027", 1_234_567), "2027-1234567");
    }
}
