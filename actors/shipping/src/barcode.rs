//! Code 128 (ISO/IEC 15417), set B: printable ASCII as bars. Every scanner of every carrier reads it.

/// The longest text that still fits the width of a label.
pub const TEXT_MAX: usize = 32;

/// Bars and gaps of every symbol, in modules, beginning with a bar. The last is the end.
const SYMBOLS: [&str; 107] = [
    "212222", "222122", "222221", "121223", "121322", "131222", "122213", "122312", "132212", "221213", "221312",
    "231212", "112232", "122132", "122231", "113222", "123122", "123221", "223211", "221132", "221231", "213212",
    "223112", "312131", "311222", "321122", "321221", "312212", "322112", "322211", "212123", "212321", "232121",
    "111323", "131123", "131321", "112313", "132113", "132311", "211313", "231113", "231311", "112133", "112331",
    "132131", "113123", "113321", "133121", "313121", "211331", "231131", "213113", "213311", "213131", "311123",
    "311321", "331121", "312113", "312311", "332111", "314111", "221411", "431111", "111224", "111422", "121124",
    "121421", "141122", "141221", "112214", "112412", "122114", "122411", "142112", "142211", "241211", "221114",
    "413111", "241112", "134111", "111242", "121142", "121241", "114212", "124112", "124211", "411212", "421112",
    "421211", "212141", "214121", "412121", "111143", "111341", "131141", "114113", "114311", "411113", "411311",
    "113141", "114131", "311141", "411131", "211412", "211214", "211232", "2331112",
];
const START_B: usize = 104;
const STOP: usize = 106;
/// The check symbol is the weighted sum of the others modulo this.
const MODULUS: usize = 103;

/// A bar: where it begins and how wide it is, in modules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bar {
    /// Modules before it.
    pub at: u16,
    /// Its modules.
    pub width: u16,
}

/// The bars of a text, and the modules of all of it; nothing if it is empty, too long, or not printable ASCII.
#[must_use]
pub fn bars(text: &str) -> Option<(Vec<Bar>, u16)> {
    let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if text.is_empty() || text.len() > TEXT_MAX || !printable {
        return None;
    }
    let values: Vec<usize> = text.bytes().map(|byte| usize::from(byte - b' ')).collect();
    let sum: usize = values.iter().enumerate().map(|(index, value)| (index + 1) * value).sum();
    let check = (START_B + sum) % MODULUS;
    let symbols = [START_B].into_iter().chain(values).chain([check, STOP]);
    let widths = symbols.flat_map(|symbol| SYMBOLS[symbol].bytes().map(|digit| u16::from(digit - b'0')));
    let (mut found, mut at, mut is_bar) = (Vec::new(), 0, true);
    for width in widths {
        // No symbol but the last has an odd number of parts, so each of them begins with a bar.
        if is_bar {
            found.push(Bar { at, width });
        }
        (at, is_bar) = (at + width, !is_bar);
    }
    Some((found, at))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_symbols_keep_the_rules_of_the_standard() {
        let (last, symbols) = SYMBOLS.split_last().expect("symbols");
        let widths = |symbol: &str| symbol.bytes().map(|digit| u32::from(digit - b'0')).collect::<Vec<_>>();
        for symbol in symbols {
            let widths = widths(symbol);
            assert_eq!((widths.len(), widths.iter().sum::<u32>()), (6, 11), "{symbol}");
            let bars: u32 = widths.iter().step_by(2).sum();
            assert_eq!(bars % 2, 0, "the bars of {symbol} have even parity");
            assert!(widths.iter().all(|width| (1..=4).contains(width)));
        }
        assert_eq!(widths(last).iter().sum::<u32>(), 13);
        assert_eq!(symbols.iter().collect::<BTreeSet<_>>().len(), 106, "no two are the same");
    }

    #[test]
    fn a_text_becomes_its_bars() {
        // A known one: "PJJ123C" has the check value 54 in set A, whose start is one less than that of set B.
        let (bars, modules) = bars("PJJ123C").expect("bars");
        assert_eq!(modules, 11 * 9 + 13);
        let drawn: String = (0..modules)
            .map(|module| if bars.iter().any(|bar| (bar.at..bar.at + bar.width).contains(&module)) { '#' } else { '.' })
            .collect();
        assert!(drawn.starts_with("##.#..#...."), "start B: {drawn}");
        // 55 is 311321, and the end is 2331112.
        assert!(drawn.ends_with("###.#...##.##...###.#.##"), "check and end: {drawn}");
    }

    #[test]
    fn what_no_scanner_reads_has_no_bars() {
        for text in ["", "Straße", "a\nb", &"1".repeat(TEXT_MAX + 1)] {
            assert_eq!(bars(text), None, "{text}");
        }
        assert!(bars(&"1".repeat(TEXT_MAX)).is_some_and(|(_, modules)| modules <= 400));
    }
}
