//! The shapes of texts.

use crate::field::Format;
use crate::money::Currency;

/// What is wrong with a text that should have a shape.
pub(super) fn fault(format: Format, text: &str) -> Option<&'static str> {
    let (fits, detail) = match format {
        Format::Line => (is_line(text), "must be one line, without blanks at its ends"),
        Format::Sku => (is_sku(text), "must be 1 to 64 of A-Z a-z 0-9 . _ -"),
        Format::Slug => (is_slug(text), "must be words of a-z and 0-9, joined by single -"),
        Format::Currency => (Currency::parse(text).is_ok(), "must be a currency of ISO 4217, like EUR"),
        Format::Country => (is_country(text), "must be two capitals of ISO 3166-1, like AT"),
        Format::Locale => (is_locale(text), "must be a language, perhaps with a region, like de-AT"),
        Format::Url => (is_url(text), "must be an absolute http or https address"),
        Format::Json => (serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok(), "must be JSON"),
    };
    (!fits).then_some(detail)
}

fn is_line(text: &str) -> bool {
    text.trim() == text && !text.chars().any(char::is_control)
}

fn is_sku(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_slug(text: &str) -> bool {
    text.split('-').all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

/// The shape only: countries come and go, and a list of them would refuse an address that exists.
fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|b| b.is_ascii_uppercase())
}

fn is_locale(text: &str) -> bool {
    let (language, region) = text.split_once('-').map_or((text, None), |(language, region)| (language, Some(region)));
    (2..=3).contains(&language.len())
        && language.bytes().all(|b| b.is_ascii_lowercase())
        && region.is_none_or(is_country)
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && !host.contains('@') && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_tells_good_from_bad() {
        let table: &[(Format, &[&str], &[&str])] = &[
            (Format::Line, &["Trail shirt", "ein Wort"], &[" x", "x ", "a\nb", "a\u{7}b", "\u{a0}x"]),
            (Format::Sku, &["A", "SHIRT-RED_M.2"], &["", "a b", "ä", "a/b", "a~b"]),
            (Format::Slug, &["a", "trail-shirt-2"], &["", "-a", "a-", "a--b", "A", "a_b"]),
            (Format::Currency, &["EUR", "JPY", "KWD"], &["", "eur", "EURO", "ABC"]),
            (Format::Country, &["AT"], &["", "at", "AUT", "A1"]),
            (Format::Locale, &["de", "de-AT", "gsw"], &["", "d", "DE", "de_AT", "de-at", "de-", "de-AT-x"]),
            (
                Format::Url,
                &["https://a.example", "http://a:8080/b?c#d"],
                &["", "a.example", "ftp://a", "https://", "https:///x", "https://u@h", "https://a b"],
            ),
            (Format::Json, &["{}", "1.0", "null"], &["", "{", "{} {}"]),
        ];
        for (format, good, bad) in table {
            for text in *good {
                assert_eq!(fault(*format, text), None, "{format:?} {text:?}");
            }
            for text in *bad {
                assert!(fault(*format, text).is_some(), "{format:?} {text:?}");
            }
        }
        assert!(fault(Format::Sku, &"a".repeat(65)).is_some());
    }
}
