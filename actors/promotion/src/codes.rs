//! Codes: what customers type, and how many of them are made out of one seed.
//!
//! The codes of a coupon with many are not stored anywhere. Each holds its own number, masked, and a proof that only the
//! seed can make: so a list of ten thousand is one small event, any code is checked in two hashes, and a guess is right
//! about once in 2^36 tries for each number that exists.

use runtime::headers::CommandId;
use serde::{Deserialize, Serialize};

/// Capitals and digits that nobody confuses: no I, L, O and U (Crockford's base 32).
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Characters after the prefix: 14 bits of number and 36 of proof, five in each.
const OWN_LENGTH: usize = 10;
const NUMBER_BITS: u32 = 14;
const PROOF_BITS: u32 = 36;
/// The most codes of one coupon; 14 bits hold 16,384.
pub const COUNT_MAX: u32 = 10_000;

/// A code as it is kept and compared: without blanks around it, in capitals.
#[must_use]
pub fn normal(code: &str) -> String {
    code.trim().to_ascii_uppercase()
}

/// What many codes follow from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Many {
    /// What each begins with, in capitals.
    pub prefix: String,
    /// How many there are.
    pub count: u32,
    /// What they are made from.
    pub seed: String,
}

impl Many {
    /// The code of this number, from 0.
    #[must_use]
    pub fn code(&self, number: u32) -> String {
        let proof = self.hash("proof", number.into(), PROOF_BITS);
        let masked = u64::from(number) ^ self.hash("mask", proof, NUMBER_BITS);
        let whole = proof << NUMBER_BITS | masked;
        let mut code = self.prefix.clone();
        for place in (0..OWN_LENGTH).rev() {
            // Five bits are an index into 32 characters.
            code.push(char::from(ALPHABET[(whole >> (5 * place) & 31) as usize]));
        }
        code
    }

    /// The number of a code in capitals, if it is one of these.
    #[must_use]
    pub fn number_of(&self, code: &str) -> Option<u32> {
        let own = code.strip_prefix(self.prefix.as_str()).filter(|own| own.len() == OWN_LENGTH)?;
        let mut whole = 0;
        for byte in own.bytes() {
            whole = whole << 5 | u64::try_from(ALPHABET.iter().position(|known| *known == byte)?).ok()?;
        }
        let (proof, masked) = (whole >> NUMBER_BITS, whole & ((1 << NUMBER_BITS) - 1));
        let number = u32::try_from(masked ^ self.hash("mask", proof, NUMBER_BITS)).ok()?;
        (number < self.count && self.hash("proof", number.into(), PROOF_BITS) == proof).then_some(number)
    }

    fn hash(&self, what: &str, of: u64, bits: u32) -> u64 {
        let hash = CommandId::derived(&[self.seed.as_bytes(), what.as_bytes(), &of.to_le_bytes()]);
        hash.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte)) >> (64 - bits)
    }
}

/// The prefix of a code that is one of many, if it is long enough for that.
#[must_use]
pub fn prefix_of(code: &str) -> Option<&str> {
    code.len().checked_sub(OWN_LENGTH).and_then(|end| code.get(..end))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn many(seed: &str) -> Many {
        Many { prefix: "AUTUMN-".into(), count: COUNT_MAX, seed: seed.into() }
    }

    #[test]
    fn every_code_of_ten_thousand_is_another_and_knows_its_number() {
        let many = many("7");
        let codes: BTreeSet<String> = (0..COUNT_MAX).map(|number| many.code(number)).collect();
        assert_eq!(codes.len(), 10_000);
        for number in 0..COUNT_MAX {
            assert_eq!(many.number_of(&many.code(number)), Some(number));
        }
        assert_eq!(many.code(3), self::many("7").code(3), "the same seed makes the same codes");
        assert_eq!(prefix_of(&many.code(3)), Some("AUTUMN-"));
    }

    #[test]
    fn what_was_not_made_is_not_known() {
        let many = many("7");
        let code = many.code(3);
        let typo = code.replace(char::from(code.as_bytes()[12]), "Z");
        let others = [self::many("8").code(3), typo.clone() + "0", code.to_lowercase(), code[1..].to_owned()];
        for other in others.iter().map(String::as_str).chain(["", "AUTUMN-", "AUTUMN-ÄÄÄÄÄ"]) {
            assert_eq!(many.number_of(other), None, "{other}");
        }
        let fewer = Many { count: 3, ..many.clone() };
        assert_eq!((fewer.number_of(&many.code(2)), fewer.number_of(&many.code(3))), (Some(2), None));
        assert_eq!(prefix_of("SAVE10"), None);
    }
}
