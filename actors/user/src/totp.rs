//! Codes of authenticators: RFC 6238 with SHA-1, six digits and half minutes, which is what every authenticator does.

use aws_lc_rs::hmac;
use jiff::Timestamp;

/// Bytes of a secret, as RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;
/// How long a code is good, in seconds.
const STEP_SECS: i64 = 30;
/// How many steps a clock may be off, either way.
const SKEW_STEPS: i64 = 1;
/// Six digits.
const CODES: u32 = 1_000_000;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step whose code this is, if it is one of now; codes that an authenticator shows with a blank in the middle are.
#[must_use]
pub fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let shown: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    if shown.len() != 6 || !shown.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let shown: u32 = shown.parse().ok()?;
    let current = now.as_second() / STEP_SECS;
    // All are looked at, so the time tells nothing; of two that are the same, the later is used up with the earlier.
    (current - SKEW_STEPS..=current + SKEW_STEPS).filter(|step| code_of(secret, *step) == shown).max()
}

/// The code of a step (RFC 4226 §5.3).
fn code_of(secret: &[u8], step: i64) -> u32 {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 15);
    let four = tag.get(offset..offset + 4).and_then(|four| <[u8; 4]>::try_from(four).ok()).unwrap_or_default();
    (u32::from_be_bytes(four) & 0x7fff_ffff) % CODES
}

/// The code that an authenticator shows at a moment.
#[must_use]
pub fn code_at(secret: &[u8], now: Timestamp) -> String {
    format!("{:06}", code_of(secret, now.as_second() / STEP_SECS))
}

/// A secret as people type it.
#[must_use]
pub fn base32(secret: &[u8]) -> String {
    let bits = |at: usize| secret.get(at / 8).is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0);
    let letter = |first: usize| (0..5).fold(0_usize, |value, at| value << 1 | usize::from(bits(first + at)));
    (0..secret.len() * 8).step_by(5).map(|first| char::from(BASE32[letter(first)])).collect()
}

/// The bytes of what [`base32`] wrote.
#[must_use]
pub fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut held, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = BASE32.iter().position(|known| *known == letter)?;
        held = (held << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xff).ok()?);
        }
    }
    Some(bytes)
}

/// The same for a QR code.
#[must_use]
pub fn uri(issuer: &str, account: &str, secret: &[u8]) -> String {
    let (issuer, account) = (escaped(issuer), escaped(account));
    format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", base32(secret))
}

fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the last six of its eight digits.
    const RFC: [(i64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];
    const SECRET: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a moment")
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        for (second, code) in RFC {
            assert_eq!(code_at(SECRET, at(second)), code);
            assert_eq!(step_of(SECRET, code, at(second)), Some(second / 30));
        }
    }

    #[test]
    fn a_clock_may_be_half_a_minute_off_and_no_more() {
        let code = RFC[0].1;
        for (second, good) in [(59 - 30, true), (59 + 30, true), (59 + 60, false), (59 + 600, false)] {
            assert_eq!(step_of(SECRET, code, at(second)).is_some(), good, "{second}");
        }
        assert!(step_of(SECRET, "287 082", at(59)).is_some());
        for bad in ["", "28708", "2870822", "28708x", "+87082", "２８７０８２"] {
            assert_eq!(step_of(SECRET, bad, at(59)), None, "{bad}");
        }
    }

    #[test]
    fn a_secret_is_typed_and_scanned() {
        assert_eq!(base32(SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(from_base32(&base32(SECRET)).as_deref(), Some(SECRET));
        assert_eq!(
            uri("My Shop", "ada@example.com", SECRET),
            "otpauth://totp/My%20Shop:ada%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=My%20Shop"
        );
    }
}
