//! Invoices and their numbers: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::Desk;
use runtime::entity::{Recorded, Undecodable};

use super::deal::{address_out, billed_out, issued_in, issued_out, paid_in, say};
use super::{Problem, unreadable, v1};
use crate::numbering::{Invoice, Issue, Issued, Numbering, Take, Taken, number};

/// The number and the invoice are given in one commit. Asked again, it is the invoice that was issued then.
pub(crate) fn issue(
    desk: &mut Desk<'_>,
    request: &v1::IssueInvoiceRequest,
) -> Result<v1::IssueInvoiceResponse, Problem> {
    let v1::IssueInvoiceRequest { series, invoice_id, paid } = request;
    if desk.see::<Invoice>(invoice_id).0.is_none() {
        let ordinal = desk.see::<Numbering>(series).last + 1;
        desk.tell::<Numbering>(series, Take { series: series.clone(), invoice_id: invoice_id.clone() })?;
        let paid = paid.clone().unwrap_or_default();
        let issue = Issue {
            invoice_id: invoice_id.clone(),
            number: number(series, ordinal),
            order_id: paid.order_id.clone(),
            bill: paid_in(&paid),
        };
        desk.tell::<Invoice>(invoice_id, issue)?;
    }
    let issued = desk.see::<Invoice>(invoice_id);
    Ok(v1::IssueInvoiceResponse { invoice: issued.0.as_deref().map(invoice) })
}

/// The day on which an invoice was issued.
pub(crate) fn day(invoice: &v1::Invoice) -> String {
    from_wire(invoice.issued_at.as_ref()).to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}

/// Money of an invoice.
pub(crate) fn money(said: Option<&messages::common::v1::Money>) -> super::Money {
    super::deal::money(said)
}

/// An invoice as the world sees it.
pub(crate) fn invoice(issued: &Issued) -> v1::Invoice {
    let Issued { invoice_id, number, order_id, bill, at } = issued.clone();
    let totals = bill.totals;
    v1::Invoice {
        invoice_id,
        number,
        order_id,
        user_id: bill.user_id,
        bill_to: address_out(&bill.bill_to),
        lines: bill.lines.iter().map(billed_out).collect(),
        subtotal: say(totals.subtotal),
        discount_total: say(totals.discount_total),
        shipping_total: say(totals.shipping_total),
        tax_total: say(totals.tax_total),
        tax_included: totals.tax_included,
        total_amount: say(totals.total),
        issued_at: Some(to_wire(at)),
    }
}

impl Recorded for Issued {
    fn record(&self) -> (&'static str, Vec<u8>) {
        ("invoice.issued", issued_out(self).encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "invoice.issued" => Ok(issued_in(v1::InvoiceIssued::decode(data).map_err(unreadable(event_type))?)),
            other => Err(Undecodable::new(other, "an invoice has no such event")),
        }
    }
}

impl Recorded for Taken {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Taken { series, ordinal, invoice_id, at } = self.clone();
        ("numbering.taken", v1::NumberTaken { series, ordinal, invoice_id, at: Some(to_wire(at)) }.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        match event_type {
            "numbering.taken" => {
                let said = v1::NumberTaken::decode(data).map_err(unreadable(event_type))?;
                let at = from_wire(said.at.as_ref());
                Ok(Taken { series: said.series, ordinal: said.ordinal, invoice_id: said.invoice_id, at })
            }
            other => Err(Undecodable::new(other, "a series has no such event")),
        }
    }
}
