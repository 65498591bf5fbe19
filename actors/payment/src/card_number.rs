//! Card numbers: the shop must never hold one, so whatever looks like one is refused before it is kept or said.

/// Numbers of cards have 12 to 19 digits (ISO/IEC 7812).
const DIGITS: std::ops::RangeInclusive<usize> = 12..=19;

/// Whether a text holds what looks like a card number: digits, perhaps in groups with a blank, a dot or a dash between
/// them, that are as many as one has and whose check digit fits.
#[must_use]
pub fn is_in(text: &str) -> bool {
    let mut groups: Vec<Vec<u8>> = vec![Vec::new()];
    // What ends a text ends a run of groups.
    for c in text.chars().chain(['|']) {
        let last_is_empty = groups.last().is_none_or(Vec::is_empty);
        match c.to_digit(10).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) => groups.last_mut().into_iter().for_each(|group| group.push(digit)),
            None if matches!(c, ' ' | '-' | '.') && !last_is_empty => groups.push(Vec::new()),
            None => {
                if holds(&groups) {
                    return true;
                }
                groups = vec![Vec::new()];
            }
        }
    }
    false
}

/// Whether some groups that follow each other are a card number, or one that is longer than any begins or ends with one.
fn holds(groups: &[Vec<u8>]) -> bool {
    let starts = 0..groups.len();
    let runs = starts.flat_map(|start| (start + 1..=groups.len()).map(move |end| groups[start..end].concat()));
    let mut runs = runs.filter(|run| DIGITS.contains(&run.len()));
    let mut long = groups.iter().filter(|group| group.len() > *DIGITS.end());
    runs.any(|run| luhn(&run))
        || long.any(|group| {
            DIGITS.into_iter().any(|length| luhn(&group[..length]) || luhn(&group[group.len() - length..]))
        })
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
    sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != 0)
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
