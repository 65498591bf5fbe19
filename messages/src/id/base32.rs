//! 128 bits in 26 characters of Crockford's base32, as TypeID uses it: lower case, no leniency.

use super::Error;

/// How many characters 128 bits take, at 5 bits each.
pub(super) const LENGTH: usize = 26;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

const NONE: u8 = 0xff;

/// The value of each character, or [`NONE`].
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < ALPHABET.len() {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// Encoded text, on the stack.
pub(super) struct Text([u8; LENGTH]);

impl Text {
    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

pub(super) fn encode(mut bits: u128) -> Text {
    let mut text = [0; LENGTH];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(bits & 31) as usize];
        bits >>= 5;
    }
    Text(text)
}

pub(super) fn decode(text: &str) -> Result<u128, Error> {
    if text.len() != LENGTH {
        return Err(Error::Length { found: text.len() });
    }
    let mut bits = 0u128;
    for (place, byte) in text.bytes().enumerate() {
        let value = VALUES[usize::from(byte)];
        if value == NONE {
            return Err(Error::Alphabet);
        }
        // 26 characters say 130 bits; the first may use only three of its five.
        if place == 0 && value > 7 {
            return Err(Error::Overflow);
        }
        bits = bits << 5 | u128::from(value);
    }
    Ok(bits)
}
