//! Card numbers: the shop must never hold one, so whatever looks like one is refused before it is kept or said.

/// Numbers of cards have 12 to 19 digits (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// Whether a text holds what looks like a card number: a run of digits, perhaps with blanks, dots or dashes between them,
/// that is as long as one and whose check digit fits.
#[must_use]
pub fn is_in(text: &str) -> bool {
    let mut run: Vec<u8> = Vec::new();
    let mut gap = 0;
    // What ends a text ends a run.
    for c in text.chars().chain(['|']) {
        match c.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) => {
                run.push(digit);
                gap = 0;
            }
            None if matches!(c, ' ' | '-' | '.') && !run.is_empty() && gap == 0 => gap += 1,
            None => {
                if holds(&run) {
                    return true;
                }
                run.clear();
                gap = 0;
            }
        }
    }
    false
}

/// Whether a run of digits is a card number, or begins or ends with one.
fn holds(run: &[u8]) -> bool {
    if run.len() <= *DIGITS.end() {
        return DIGITS.contains(&run.len()) && luhn(run);
    }
    // Longer than any: something may have been put before or behind it.
    DIGITS.rev().any(|length| luhn(&run[..length]) || luhn(&run[run.len() - length..]))
}

fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, u32::from(*digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum % 10 == 0 && digits.iter().any(|digit| *digit != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_number_is_seen_however_it_is_written() {
        for text in [
            "4242424242424242",
            "4242 4242 4242 4242",
            "4242-4242-4242-4242",
            "my card is 4000.0000.0000.9995, thanks",
            "378282246310005",
            "4242424242424242 08/31 123",
            "tok_4242424242424242",
            "00004242424242424242424242",
        ] {
            assert!(is_in(text), "{text}");
        }
    }

    #[test]
    fn other_texts_pass() {
        for text in [
            "pm_card_visa",
            "pm_1Nv0FGQ9RKHgCVdKLlKVZ1mU",
            "4242424242424241",
            "Arrived broken on 2026-02-03 at 09:30.",
            "+43 1 5550100",
            "pay_01h455vb4pex5vsknk084sn02q",
            "0000000000000000",
            "",
        ] {
            assert!(!is_in(text), "{text}");
        }
    }
}
