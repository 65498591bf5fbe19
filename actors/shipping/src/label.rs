//! The label of a parcel, to be printed on A6: where it goes, who carries it, and a number to scan.
//!
//! Drawn from the shipment whenever it is asked for, so it is kept nowhere. The standard fonts of every printer know
//! western letters only; other scripts are written in them, as postmen abroad read them.

use pdf_writer::{Content, Finish as _, Name, Pdf, Rect, Ref, Str};

use crate::barcode;
use crate::shipment::Shipment;

/// A6 on its side, in points of 1/72 inch.
const WIDTH: u16 = 420;
const HEIGHT: u16 = 298;
const MARGIN: u16 = 18;
/// How an address is written: the size of its letters, the step to the next line, and how many lines fit above the bars.
const LARGE: (u16, u16, usize) = (14, 17, 7);
/// The same, when it is too long for that. What does not fit even so is left out at its end.
const SMALL: (u16, u16, usize) = (8, 9, 12);

const REGULAR: Name<'static> = Name(b"F1");
const BOLD: Name<'static> = Name(b"F2");

/// The label as a PDF; nothing while there is no label.
#[must_use]
pub fn pdf(shipment: &Shipment) -> Option<Vec<u8>> {
    let label = shipment.label.as_ref()?;
    let plan = &shipment.plan;
    let mut page = Content::new();
    let head = format!("{}   {}", shipment.carrier, plan.option_id.rsplit('.').next().unwrap_or_default());
    write(&mut page, BOLD, 12, MARGIN, HEIGHT - 30, &western(&head.to_uppercase()));
    write(&mut page, REGULAR, 8, MARGIN, HEIGHT - 44, format!("Order {}", plan.order_id).as_bytes());
    write(&mut page, REGULAR, 8, MARGIN, HEIGHT - 55, format!("Parcel {}", plan.id).as_bytes());
    // Large and apart: it decides on which heap the parcel goes.
    write(&mut page, BOLD, 28, WIDTH - MARGIN - 48, HEIGHT - 52, &western(&plan.address.country));
    page.move_to(f32::from(MARGIN), f32::from(HEIGHT - 64));
    page.line_to(f32::from(WIDTH - MARGIN), f32::from(HEIGHT - 64)).stroke();
    let large = address(shipment, LARGE.0);
    let (size, step, lines) = if large.len() <= LARGE.2 { LARGE } else { SMALL };
    let lines = address(shipment, size).into_iter().take(lines);
    for (at, (font, line)) in (0..HEIGHT - 84).rev().step_by(step.into()).zip(lines) {
        write(&mut page, font, size, MARGIN, at, &line);
    }
    // The carrier scans its own number; where no scanner could read that one, the shop's.
    let scanned = [&label.number, &plan.tracking_number];
    let drawn = scanned.into_iter().find_map(|number| Some((number, barcode::bars(number)?)));
    if let Some((number, (bars, modules))) = drawn {
        let left = (WIDTH - modules.min(WIDTH)) / 2;
        for bar in bars {
            page.rect(f32::from(left + bar.at), f32::from(MARGIN + 24), f32::from(bar.width), 64.0);
        }
        page.fill_nonzero();
        write(&mut page, REGULAR, 10, left, MARGIN + 10, number.as_bytes());
    }
    Some(file(&page.finish()))
}

/// The lines of the address in letters of a size. A line that is too long goes on in the next.
fn address(shipment: &Shipment, size: u16) -> Vec<(Name<'static>, Vec<u8>)> {
    let to = &shipment.plan.address;
    let town = [to.postal_code.as_str(), to.city.as_str(), to.region.as_str()];
    let town = town.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let lines = [
        (BOLD, to.name.clone()),
        (REGULAR, to.line1.clone()),
        (REGULAR, to.line2.clone()),
        (REGULAR, town),
        (REGULAR, to.phone.clone()),
    ];
    let lines = lines.into_iter().filter(|(_, line)| !line.is_empty());
    lines.flat_map(|(font, line)| wrapped(&western(&line), size).into_iter().map(move |part| (font, part))).collect()
}

/// A line in as many parts as fit between the margins.
fn wrapped(line: &[u8], size: u16) -> Vec<Vec<u8>> {
    let room = usize::from(WIDTH - 2 * MARGIN) * 100;
    let (mut parts, mut part, mut width) = (Vec::new(), Vec::new(), 0);
    for letter in line {
        let wide = percent_of_em(*letter) * usize::from(size);
        if width + wide > room {
            parts.push(std::mem::take(&mut part));
            width = 0;
        }
        part.push(*letter);
        width += wide;
    }
    parts.push(part);
    parts
}

/// How wide a letter of Helvetica Bold is at most, by sort, in hundredths of its size.
fn percent_of_em(letter: u8) -> usize {
    match letter {
        b'W' | b'M' | b'm' | b'w' | b'@' | b'%' | 0xc6 | 0xe6 => 100,
        b'A'..=b'Z' | 0xc0..=0xdf | b'&' => 78,
        b'i' | b'j' | b'l' | b'f' | b't' | b' ' | b'.' | b',' | b'\'' | b'-' => 34,
        _ => 62,
    }
}

fn write(page: &mut Content, font: Name<'static>, size: u16, x: u16, y: u16, text: &[u8]) {
    page.begin_text().set_font(font, f32::from(size)).next_line(f32::from(x), f32::from(y));
    page.show(Str(text)).end_text();
}

/// A text in the code page of the standard fonts.
fn western(text: &str) -> Vec<u8> {
    let letter = |letter: char| match letter {
        ' '..='~' | '\u{a1}'..='\u{ff}' => u8::try_from(u32::from(letter)).map(|byte| vec![byte]).unwrap_or_default(),
        other => deunicode::deunicode_char(other).unwrap_or("?").bytes().collect(),
    };
    text.chars().flat_map(letter).collect()
}

/// A document of this one page.
fn file(content: &[u8]) -> Vec<u8> {
    let [catalog, pages, page, regular, bold, stream] = [1, 2, 3, 4, 5, 6].map(Ref::new);
    let mut pdf = Pdf::new();
    pdf.catalog(catalog).pages(pages);
    pdf.pages(pages).kids([page]).count(1);
    let mut leaf = pdf.page(page);
    leaf.parent(pages).contents(stream).media_box(Rect::new(0.0, 0.0, f32::from(WIDTH), f32::from(HEIGHT)));
    leaf.resources().fonts().pair(REGULAR, regular).pair(BOLD, bold);
    leaf.finish();
    for (font, name) in [(regular, &b"Helvetica"[..]), (bold, b"Helvetica-Bold")] {
        pdf.type1_font(font).base_font(Name(name)).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    pdf.stream(stream, content);
    pdf.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carriers::Label;
    use crate::shipment::{Address, Plan};

    fn shipment(name: &str, number: &str) -> Shipment {
        let address = Address {
            name: name.into(),
            line1: "Ringstraße 1".into(),
            city: "Wien".into(),
            postal_code: "1010".into(),
            country: "AT".into(),
            ..Address::default()
        };
        let plan = Plan {
            id: "shp_1".into(),
            order_id: "ord_1".into(),
            option_id: "zon_1.express".into(),
            tracking_number: "MT1".into(),
            address,
            ..Plan::default()
        };
        let label = Some(Label { number: number.into(), ..Label::default() });
        Shipment { plan, label, carrier: "table".into(), ..Shipment::default() }
    }

    fn has(pdf: &[u8], text: &[u8]) -> bool {
        pdf.windows(text.len()).any(|window| window == text)
    }

    #[test]
    fn a_label_says_where_the_parcel_goes_and_by_whom() {
        let pdf = pdf(&shipment("Ada Lovelace", "N1")).expect("a label");
        assert!(pdf.starts_with(b"%PDF-") && pdf.trim_ascii_end().ends_with(b"%%EOF"));
        for text in [&b"(TABLE   EXPRESS)"[..], b"(Ada Lovelace)", b"(1010 Wien)", b"(AT)", b"(N1)", b"ord_1"] {
            assert!(has(&pdf, text), "{}", String::from_utf8_lossy(text));
        }
        // Written in hexadecimal, because the sharp s is no letter of ASCII.
        assert!(has(&pdf, b"<52696E6773747261DF652031>"), "the sharp s is a letter of the west");
    }

    #[test]
    fn names_cannot_break_the_page_and_other_scripts_are_spelt_out() {
        let pdf = pdf(&shipment("O'Neil (Bob) \\ Łukasz 東京", "N1")).expect("a label");
        assert!(has(&pdf, br"(O'Neil (Bob) \\ Lukasz Dong Jing )"), "{}", String::from_utf8_lossy(&pdf));
        let unbalanced = super::pdf(&shipment("Bob) Tj", "N1")).expect("a label");
        assert!(has(&unbalanced, br"(Bob\) Tj)"), "{}", String::from_utf8_lossy(&unbalanced));
    }

    #[test]
    fn a_long_line_goes_on_in_the_next_and_loses_nothing() {
        assert_eq!(wrapped(b"WWW", 14), [b"WWW"]);
        assert_eq!(wrapped(&[b'W'; 100], 14).concat(), [b'W'; 100]);
        assert!(wrapped(&[b'W'; 100], 14).iter().all(|part| part.len() <= 27), "27 of 14 points fill 384");
        let long = super::pdf(&shipment(&"a".repeat(200), "N1")).expect("a label");
        assert!(has(&long, b"(Ringstra") || has(&long, b"(1010 Wien)"), "what comes after a long name is there");
    }

    #[test]
    fn where_the_carriers_number_cannot_be_scanned_the_shops_is() {
        assert!(has(&pdf(&shipment("Ada", "Nº1")).expect("a label"), b"(MT1)"));
        assert!(has(&pdf(&shipment("Ada", &"1".repeat(60))).expect("a label"), b"(MT1)"));
    }

    #[test]
    fn there_is_nothing_to_print_without_a_label() {
        assert_eq!(pdf(&Shipment::default()), None);
    }
}
