//! Passwords that are known to everybody: the first that anyone tries. They are kept as a Bloom filter, so that a list of
//! millions takes a few megabytes; one password in a thousand that is not on the list is taken for one that is.
//!
//! The list that the shop comes with is short and was written by hand; `user.breached_file` adds a long one. A password is
//! looked for as it is, and without what people put around a word: capitals, figures and signs at its end, letters
//! written as figures.

/// The fewest characters of a password (NIST SP 800-63B §5.1.1.2).
pub const CHARS_MIN: usize = 8;
/// Bits for each password of the list: with [`PROBES`] probes about one in a thousand is a false alarm.
const BITS_EACH: usize = 15;
/// How often each is marked.
const PROBES: u64 = 10;
/// So many signs around a word of the list do not make it another. More of them are a password of their own.
const AROUND_MAX: usize = 5;
/// What the shop comes with.
const COMMON: &str = include_str!("../data/common-passwords.txt");

/// Why a password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    /// It is too short.
    Short,
    /// Everybody tries it.
    Common,
    /// It is the e-mail address or the name.
    OwnName,
}

impl Weak {
    /// Its word for machines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Weak::Short => "too_short",
            Weak::Common => "common",
            Weak::OwnName => "own_name",
        }
    }
}

/// The filter.
pub struct Breached {
    bits: Vec<u64>,
}

impl Breached {
    /// With more passwords than the shop comes with, one a line.
    #[must_use]
    pub fn with(more: &str) -> Breached {
        let all = || COMMON.lines().chain(more.lines()).map(str::trim).filter(|line| !line.is_empty());
        let words = all().count().saturating_mul(BITS_EACH).div_ceil(64).max(1);
        let mut breached = Breached { bits: vec![0; words] };
        for password in all() {
            for (word, bit) in breached.places(&password.to_lowercase()).collect::<Vec<_>>() {
                if let Some(bits) = breached.bits.get_mut(word) {
                    *bits |= bit;
                }
            }
        }
        breached
    }

    /// Why a password is not taken for somebody; `None` when it is.
    #[must_use]
    pub fn weakness(&self, password: &str, own: &[&str]) -> Option<Weak> {
        if password.chars().count() < CHARS_MIN {
            return Some(Weak::Short);
        }
        let lower = password.to_lowercase();
        let is_own = |text: &&str| !text.is_empty() && lower == text.trim().to_lowercase();
        if own.iter().any(is_own) {
            return Some(Weak::OwnName);
        }
        let bare = lower.trim_matches(|c: char| !c.is_alphabetic());
        let around = lower.chars().count() - bare.chars().count();
        let bare = if around <= AROUND_MAX { bare } else { &lower };
        let spelt: String = bare.chars().map(letter).collect();
        let first = lower.chars().next();
        let repeated = first.is_some_and(|first| lower.chars().all(|c| c == first));
        (repeated || [&*lower, bare, &*spelt].into_iter().any(|text| !text.is_empty() && self.has(text)))
            .then_some(Weak::Common)
    }

    fn has(&self, password: &str) -> bool {
        self.places(password).all(|(word, bit)| self.bits.get(word).is_some_and(|bits| bits & bit != 0))
    }

    /// Where a password is marked: two halves of a hash give all the places (Kirsch and Mitzenmacher).
    fn places(&self, password: &str) -> impl Iterator<Item = (usize, u64)> + use<> {
        let print = blake3::hash(password.as_bytes());
        let half = |at: usize| {
            let bytes = print.as_bytes().get(at..at + 8).and_then(|bytes| <[u8; 8]>::try_from(bytes).ok());
            u64::from_le_bytes(bytes.unwrap_or_default())
        };
        let (one, other) = (half(0), half(8) | 1);
        let bits = u64::try_from(self.bits.len()).unwrap_or(u64::MAX).saturating_mul(64);
        (0..PROBES).map(move |probe| {
            let at = one.wrapping_add(other.wrapping_mul(probe)) % bits;
            (usize::try_from(at / 64).unwrap_or(usize::MAX), 1 << (at % 64))
        })
    }
}

/// The letter that a figure stands for.
fn letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_is_not_taken() {
        let breached = Breached::with("");
        for common in [
            "password",
            "PASSWORD",
            "Password1!",
            "p@ssw0rd",
            "P4ssword123",
            "123456789",
            "qwertyuiop",
            "iloveyou!",
            "Welcome2026",
            "aaaaaaaaaa",
        ] {
            assert_eq!(breached.weakness(common, &[]), Some(Weak::Common), "{common}");
        }
        for good in [
            "correct horse battery staple",
            "S3cure-Passw0rd-of-Ada",
            "Tr0ub4dor&3x",
            "mango-lamp-river-42",
            "привет как дела",
        ] {
            assert_eq!(breached.weakness(good, &[]), None, "{good}");
        }
        assert_eq!(breached.weakness("tiny", &[]), Some(Weak::Short));
        assert_eq!(breached.weakness("Ada@example.com", &["ada@example.com", "Ada Lovelace"]), Some(Weak::OwnName));
        assert_eq!(breached.weakness("adalovelace", &["ada@example.com", "Ada Lovelace", ""]), None);
    }

    #[test]
    fn a_list_of_ones_own_is_added() {
        assert_eq!(Breached::with("mercat-mercat\n\n").weakness("Mercat-Mercat", &[]), Some(Weak::Common));
        assert_eq!(Breached::with("").weakness("mercat-mercat", &[]), None);
    }

    #[test]
    fn false_alarms_are_rare() {
        let breached = Breached::with("");
        let alarms = (0..10_000).filter(|n| breached.has(&format!("not on the list {n}"))).count();
        assert!(alarms < 40, "{alarms} of 10,000");
    }
}
