//! The table that a run prints: Markdown, so that it can be kept.

use std::fmt::Write as _;

/// One comparison, or one figure with a target.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// What was measured, and how many did it at once.
    pub(crate) what: String,
    /// The shop's figure.
    pub(crate) ours: String,
    /// The yardstick's.
    pub(crate) theirs: String,
    /// Ours to theirs.
    pub(crate) ratio: String,
    /// What was promised.
    pub(crate) target: String,
    /// Whether the promise is kept.
    pub(crate) met: Option<bool>,
}

impl Line {
    /// A figure that explains others.
    pub(crate) fn fact(what: impl Into<String>, ours: impl Into<String>) -> Line {
        Line { what: what.into(), ours: ours.into(), ..Line::default() }
    }

    /// A figure with a target.
    pub(crate) fn promise(what: impl Into<String>, ours: impl Into<String>, target: &str, met: bool) -> Line {
        Line { target: target.to_owned(), met: Some(met), ..Line::fact(what, ours) }
    }
}

/// The lines as a table.
pub(crate) fn render(lines: &[Line]) -> String {
    let mut out = "| measure | Mercat | yardstick | ratio | target | |\n|---|---:|---:|---:|---:|---|\n".to_owned();
    for Line { what, ours, theirs, ratio, target, met } in lines {
        let met = match met {
            Some(true) => "met",
            Some(false) => "**missed**",
            None => "",
        };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {what} | {ours} | {theirs} | {ratio} | {target} | {met} |");
    }
    out
}

/// A number as people read it: `12,345`.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Thousandths as a ratio: `0.83`.
pub(crate) fn ratio(per_mille: u64) -> String {
    format!("{}.{:02}", per_mille / 1000, per_mille % 1000 / 10)
}

/// Milliseconds as seconds: `4.2 s`.
pub(crate) fn seconds(millis: u64) -> String {
    format!("{}.{} s", millis / 1000, millis % 1000 / 100)
}

/// Kibibytes as mebibytes: `12.3 MiB`.
pub(crate) fn mebibytes(kib: u64) -> String {
    format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([832, 1500, 12_005].map(ratio), ["0.83", "1.50", "12.00"]);
        assert_eq!((seconds(9_949), mebibytes(1536)), ("9.9 s".to_owned(), "1.5 MiB".to_owned()));
    }
}
