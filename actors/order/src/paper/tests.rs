//! Invoices on paper. That other programs read them is shown in `tests/shop/journeys`.

use super::*;
use crate::wire::{Address, Said};

fn eur(amount: i64) -> Option<Said> {
    Some(Said { amount: Some(amount), currency: "EUR".to_owned() })
}

fn line(title: &str, tax_rate_ppm: i64, tax: i64, total: i64) -> v1::InvoiceLine {
    v1::InvoiceLine {
        sku: "MUG".to_owned(),
        title: title.to_owned(),
        quantity: 2,
        unit_price: eur(total / 2),
        discount: eur(0),
        tax: eur(tax),
        tax_rate_ppm,
        total: eur(total),
    }
}

fn invoice(lines: Vec<v1::InvoiceLine>) -> v1::Invoice {
    v1::Invoice {
        number: "2026-000042".to_owned(),
        order_id: "ord_1".to_owned(),
        bill_to: Some(Address {
            name: "Jürgen Łukasz (東)".to_owned(),
            line1: "Ringstraße 1".to_owned(),
            city: "Wien".to_owned(),
            country: "AT".to_owned(),
            ..Default::default()
        }),
        lines,
        subtotal: eur(3_000),
        discount_total: eur(100),
        shipping_total: eur(490),
        tax_total: eur(565),
        tax_included: true,
        total_amount: eur(3_390),
        ..Default::default()
    }
}

fn count(pdf: &[u8], text: &[u8]) -> usize {
    pdf.windows(text.len()).filter(|window| *window == text).count()
}

fn seller() -> Seller {
    Seller { name: "Mercat GmbH".to_owned(), address: vec!["Markt 1".to_owned()], tax_number: "ATU1".to_owned() }
}

#[test]
fn an_invoice_says_who_sells_who_buys_what_and_for_how_much() {
    let made = pdf(&invoice(vec![line("Mug", 200_000, 483, 2_900)]), &seller());
    assert!(made.starts_with(b"%PDF-") && made.trim_ascii_end().ends_with(b"%%EOF"));
    for text in
        ["(Mercat GmbH)", "(Markt 1)", "(Tax number ATU1)", "(Invoice 2026-000042)", "(Mug)", "(20 %)", "(33.90 EUR)"]
    {
        assert_eq!(count(&made, text.as_bytes()).min(1), 1, "{text}");
    }
    assert!(count(&made, b"(-1.00 EUR)") == 1 && count(&made, b"(0.82 EUR)") == 1, "the rest of the tax is on the way");
}

#[test]
fn names_of_the_west_stay_and_others_are_spelt_out() {
    let made = pdf(&invoice(vec![line("Mug", 200_000, 483, 2_900)]), &seller());
    // In hexadecimal, because not all of it is ASCII: Jürgen Lukasz (Dong).
    assert_eq!(count(&made, b"<4AFC7267656E204C756B61737A2028446F6E6729>"), 1);
    assert_eq!(count(&made, b"<52696E6773747261DF652031>"), 1);
}

#[test]
fn a_long_invoice_goes_on_on_the_next_page_and_loses_no_line() {
    let lines = (0..120).map(|number| line(&format!("Thing {number:03}"), 200_000, 4, 20)).collect();
    let made = pdf(&invoice(lines), &seller());
    for number in 0..120 {
        assert_eq!(count(&made, format!("(Thing {number:03})").as_bytes()), 1, "{number}");
    }
    let pages = count(&made, b"/Type /Page\n");
    assert!((3..=5).contains(&pages), "{pages}");
    assert_eq!(count(&made, format!("(Page {pages} of {pages})").as_bytes()), 1);
    assert_eq!(count(&made, b"(Invoice 2026-000042, continued)"), pages - 1);
    assert_eq!(count(&made, b"(33.90 EUR)"), 1, "the total, once");
}

#[test]
fn taxes_are_told_by_their_rate() {
    let both = invoice(vec![line("Mug", 200_000, 400, 2_400), line("Book", 55_000, 100, 1_100)]);
    let said: Vec<String> = taxes(&both).into_iter().map(|(name, tax)| format!("{name} {tax}")).collect();
    assert_eq!(said, ["Tax 5.5 % on items 1.00 EUR", "Tax 20 % on items 4.00 EUR", "Tax on shipping 0.65 EUR"]);
}
