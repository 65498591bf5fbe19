//! Letters: texts in the code page of the standard fonts, and how wide they are.
//!
//! The standard fonts of every printer know western letters only; other scripts are written in them, as postmen abroad
//! read them. Widths are those of Helvetica in thousandths of the size; the bold is a little wider.

/// How wide the letters from the blank to the tilde are.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556,
    556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833,
    722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556,
    556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334,
    260, 334, 584,
];

/// Letters of the code page that are not where Unicode has them.
const MOVED: [(char, u8); 16] = [
    ('€', 0x80),
    ('…', 0x85),
    ('Š', 0x8a),
    ('Œ', 0x8c),
    ('Ž', 0x8e),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('™', 0x99),
    ('š', 0x9a),
    ('œ', 0x9c),
    ('ž', 0x9e),
];

/// A text in the code page of the standard fonts, on one line.
pub(super) fn western(text: &str) -> Vec<u8> {
    let letter = |letter: char| match letter {
        ' '..='~' | '\u{a1}'..='\u{ff}' => u8::try_from(u32::from(letter)).map(|byte| vec![byte]).unwrap_or_default(),
        blank if blank.is_whitespace() => vec![b' '],
        other => match MOVED.iter().find(|(moved, _)| *moved == other) {
            Some((_, byte)) => vec![*byte],
            None => deunicode::deunicode_char(other).unwrap_or("?").bytes().filter(u8::is_ascii_graphic).collect(),
        },
    };
    text.chars().flat_map(letter).collect()
}

/// How wide a text is, in thousandths of the size of its letters.
pub(super) fn width(text: &[u8]) -> u32 {
    let wide = |letter: &u8| match letter {
        b' '..=b'~' => u32::from(WIDTHS[usize::from(letter - b' ')]),
        0xc6 | 0x8c | 0x99 | 0x85 | 0x97 => 1000,
        0xe6 | 0x9c => 944,
        0xc0..=0xde => 722,
        _ => 611,
    };
    text.iter().map(wide).sum()
}

/// A text in as many lines as it takes, broken at blanks where there are some.
pub(super) fn wrapped(text: &[u8], size: u16, room: u16) -> Vec<Vec<u8>> {
    let fits = |line: &[u8]| width(line) * u32::from(size) <= u32::from(room) * 1000;
    let mut lines = vec![Vec::new()];
    for word in text.split(|letter| *letter == b' ').filter(|word| !word.is_empty()) {
        let last = lines.last_mut().map(std::mem::take).unwrap_or_default();
        let joined = if last.is_empty() { word.to_vec() } else { [&last[..], b" ", word].concat() };
        if fits(&joined) {
            lines.pop();
            lines.push(joined);
            continue;
        }
        lines.pop();
        if !last.is_empty() {
            lines.push(last);
        }
        let mut part = Vec::new();
        for letter in word {
            part.push(*letter);
            if !fits(&part) {
                part.pop();
                lines.push(std::mem::replace(&mut part, vec![*letter]));
            }
        }
        lines.push(part);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn western_letters_stay_and_others_are_spelt_out() {
        assert_eq!(western("Müller & Søn"), b"M\xfcller & S\xf8n");
        assert_eq!(western("20 € – Łódź\t東"), b"20 \x80 \x96 L\xf3dz Dong");
    }

    #[test]
    fn lines_break_at_blanks_and_lose_no_letter() {
        let lines = wrapped(b"a long title of a thing", 10, 60);
        assert!(lines.len() > 1 && lines.iter().all(|line| width(line) <= 6_000), "{lines:?}");
        assert_eq!(lines.join(&b' '), b"a long title of a thing");
        assert_eq!(wrapped(&[b'W'; 50], 10, 60).concat(), [b'W'; 50]);
        assert_eq!(wrapped(b"", 10, 60), [b""]);
    }
}
