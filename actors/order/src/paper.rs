//! Paper: an invoice as a PDF on A4, on as many pages as it takes.
//!
//! Drawn from the invoice whenever it is asked for, so it is kept nowhere. Its text is text: it can be searched and copied.
//! It adds nothing up that the invoice does not say, but the tax of lines of one rate.

mod letters;

use std::collections::BTreeMap;

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str, TextStr};

use self::letters::{western, width, wrapped};
use crate::settings::Seller;
use crate::wire::{Money, invoice as wire, v1};

/// A4, in points of 1/72 inch.
const WIDTH: u16 = 595;
const HEIGHT: u16 = 842;
const MARGIN: u16 = 56;
/// Where the lines of a page end; below is its foot.
const FLOOR: u16 = 90;
/// The size of the letters, and the step to the next line.
const SIZE: u16 = 9;
const STEP: u16 = 13;
/// Where the columns are: titles begin, and numbers end.
const TITLE: u16 = MARGIN;
const TITLE_WIDE: u16 = 220;
const QUANTITY: u16 = 310;
const PRICE: u16 = 380;
const RATE: u16 = 420;
const DISCOUNT: u16 = 475;
const TOTAL: u16 = WIDTH - MARGIN;

const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// The invoice as a PDF.
#[must_use]
pub fn pdf(invoice: &v1::Invoice, seller: &Seller) -> Vec<u8> {
    let mut sheets = Sheets::new(invoice);
    sheets.head(seller);
    sheets.columns();
    invoice.lines.iter().for_each(|line| sheets.line(line));
    sheets.totals();
    sheets.file()
}

/// Pages that are being written.
struct Sheets<'a> {
    invoice: &'a v1::Invoice,
    done: Vec<Content>,
    page: Content,
    /// Where the next line goes.
    at: u16,
}

impl<'a> Sheets<'a> {
    fn new(invoice: &'a v1::Invoice) -> Sheets<'a> {
        Sheets { invoice, done: Vec::new(), page: Content::new(), at: HEIGHT - MARGIN }
    }

    fn write(&mut self, font: Name<'static>, size: u16, x: u16, text: &[u8]) {
        self.page.begin_text().set_font(font, f32::from(size)).next_line(f32::from(x), f32::from(self.at));
        self.page.show(Str(text)).end_text();
    }

    /// Ends at this place.
    fn write_to(&mut self, font: Name<'static>, size: u16, end: u16, text: &str) {
        let text = western(text);
        let wide = u16::try_from(width(&text) * u32::from(size) / 1000).unwrap_or(u16::MAX);
        self.write(font, size, end.saturating_sub(wide), &text);
    }

    /// On the next line; on the next page, when this one is full.
    fn down(&mut self, step: u16) {
        if self.at < FLOOR + step {
            self.done.push(std::mem::replace(&mut self.page, Content::new()));
            self.at = HEIGHT - MARGIN;
            let again = format!("Invoice {}, continued", self.invoice.number);
            self.write(REGULAR, SIZE, MARGIN, &western(&again));
            self.at -= 2 * STEP;
            self.columns();
        } else {
            self.at -= step;
        }
    }

    fn rule(&mut self) {
        let y = f32::from(self.at + STEP - 3);
        self.page.move_to(f32::from(MARGIN), y).line_to(f32::from(WIDTH - MARGIN), y).stroke();
    }

    /// Who sells, who buys, the number and the day.
    fn head(&mut self, seller: &Seller) {
        let Seller { name, address, tax_number } = seller;
        self.write(BOLD, 14, MARGIN, &western(name));
        for line in address {
            self.down(STEP);
            self.write(REGULAR, SIZE, MARGIN, &western(line));
        }
        if !tax_number.is_empty() {
            self.down(STEP);
            self.write(REGULAR, SIZE, MARGIN, &western(&format!("Tax number {tax_number}")));
        }
        self.down(3 * STEP);
        for line in bill_to(self.invoice) {
            for part in wrapped(&western(&line), 10, WIDTH - 2 * MARGIN) {
                self.write(REGULAR, 10, MARGIN, &part);
                self.down(STEP);
            }
        }
        self.down(2 * STEP);
        self.write(BOLD, 16, MARGIN, &western(&format!("Invoice {}", self.invoice.number)));
        self.down(2 * STEP);
        let day = wire::day(self.invoice);
        self.write(REGULAR, SIZE, MARGIN, &western(&format!("Date {day}     Order {}", self.invoice.order_id)));
        self.down(2 * STEP);
    }

    fn columns(&mut self) {
        self.write(BOLD, SIZE, TITLE, b"Item");
        for (end, text) in
            [(QUANTITY, "Quantity"), (PRICE, "Unit price"), (RATE, "Tax"), (DISCOUNT, "Discount"), (TOTAL, "Total")]
        {
            self.write_to(BOLD, SIZE, end, text);
        }
        self.at -= STEP;
        self.rule();
    }

    fn line(&mut self, line: &v1::InvoiceLine) {
        let titles = wrapped(&western(&line.title), SIZE, TITLE_WIDE);
        // A title of several lines is not torn apart.
        let high = u16::try_from(titles.len()).unwrap_or(1) * STEP;
        if self.at < FLOOR + high && high < HEIGHT / 2 {
            self.at = FLOOR;
            self.down(STEP);
        }
        self.write_to(REGULAR, SIZE, QUANTITY, &line.quantity.to_string());
        self.write_to(REGULAR, SIZE, PRICE, &plain(wire::money(line.unit_price.as_ref())));
        self.write_to(REGULAR, SIZE, RATE, &rate(line.tax_rate_ppm));
        let discount = wire::money(line.discount.as_ref());
        if !discount.is_zero() {
            self.write_to(REGULAR, SIZE, DISCOUNT, &plain(discount.negated()));
        }
        self.write_to(REGULAR, SIZE, TOTAL, &plain(wire::money(line.total.as_ref())));
        for title in titles {
            self.write(REGULAR, SIZE, TITLE, &title);
            self.down(STEP);
        }
    }

    fn sum(&mut self, font: Name<'static>, what: &str, amount: Money) {
        self.write_to(font, SIZE, DISCOUNT - 20, what);
        self.write_to(font, SIZE, TOTAL, &amount.to_string());
        self.down(STEP);
    }

    /// Totals, and the tax of each rate.
    fn totals(&mut self) {
        let invoice = self.invoice;
        // They stay together.
        if self.at < FLOOR + 12 * STEP {
            self.at = FLOOR;
            self.down(STEP);
        }
        self.rule();
        let amount = |said: &Option<_>| wire::money(Option::as_ref(said));
        self.sum(REGULAR, "Subtotal", amount(&invoice.subtotal));
        let discount = amount(&invoice.discount_total);
        if !discount.is_zero() {
            self.sum(REGULAR, "Discounts", discount.negated());
        }
        self.sum(REGULAR, "Shipping", amount(&invoice.shipping_total));
        for (name, tax) in taxes(invoice) {
            self.sum(REGULAR, &name, tax);
        }
        let all = if invoice.tax_included { "Tax in all, included" } else { "Tax in all" };
        self.sum(REGULAR, all, amount(&invoice.tax_total));
        self.sum(BOLD, "Total", amount(&invoice.total_amount));
    }

    fn file(mut self) -> Vec<u8> {
        self.done.push(std::mem::replace(&mut self.page, Content::new()));
        let [catalog, pages, regular, bold, info] = [1, 2, 3, 4, 5].map(Ref::new);
        let count = self.done.len();
        let id = |kind: i32, number: usize| Ref::new(10 + kind + 2 * i32::try_from(number).unwrap_or(i32::MAX / 4));
        let mut pdf = Pdf::new();
        pdf.catalog(catalog).pages(pages);
        pdf.document_info(info).title(TextStr(&format!("Invoice {}", self.invoice.number)));
        pdf.pages(pages).kids((0..count).map(|n| id(0, n))).count(i32::try_from(count).unwrap_or(i32::MAX));
        for (number, mut content) in self.done.into_iter().enumerate() {
            let foot = western(&format!("Page {} of {count}", number + 1));
            content.begin_text().set_font(REGULAR, 8.0).next_line(f32::from(MARGIN), f32::from(MARGIN));
            content.show(Str(&foot)).end_text();
            let mut leaf = pdf.page(id(0, number));
            let paper = Rect::new(0.0, 0.0, f32::from(WIDTH), f32::from(HEIGHT));
            leaf.parent(pages).contents(id(1, number)).media_box(paper);
            leaf.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
            leaf.finish();
            pdf.stream(id(1, number), &content.finish());
        }
        for (font, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
            pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
        }
        pdf.finish()
    }
}

/// To whom it is written, line by line.
fn bill_to(invoice: &v1::Invoice) -> Vec<String> {
    let to = invoice.bill_to.clone().unwrap_or_default();
    let town = [to.postal_code, to.city, to.region];
    let town = town.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    [to.name, to.line1, to.line2, town, to.country].into_iter().filter(|line| !line.is_empty()).collect()
}

/// The tax of each rate; what is on no line is on the way to the customer.
fn taxes(invoice: &v1::Invoice) -> Vec<(String, Money)> {
    let mut by_rate: BTreeMap<i64, Money> = BTreeMap::new();
    let mut rest = wire::money(invoice.tax_total.as_ref());
    for line in &invoice.lines {
        let tax = wire::money(line.tax.as_ref());
        let sum = by_rate.entry(line.tax_rate_ppm).or_insert(Money::zero(tax.currency()));
        *sum = sum.plus(tax).unwrap_or(*sum);
        rest = rest.minus(tax).unwrap_or(rest);
    }
    let mut taxes: Vec<(String, Money)> =
        by_rate.into_iter().map(|(ppm, tax)| (format!("Tax {} on items", rate(ppm)), tax)).collect();
    if !rest.is_zero() {
        taxes.push(("Tax on shipping".to_owned(), rest));
    }
    taxes
}

/// A rate in millionths, in per cent.
fn rate(ppm: i64) -> String {
    let (whole, rest) = (ppm / 10_000, ppm % 10_000);
    match rest {
        0 => format!("{whole} %"),
        rest => format!("{whole}.{} %", format!("{rest:04}").trim_end_matches('0')),
    }
}

/// An amount without its currency, which the totals name.
fn plain(amount: Money) -> String {
    amount.to_string().split(' ').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
