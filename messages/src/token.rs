//! A partition key as one token of a subject.
//!
//! Ids are tokens as they are. A SKU may hold dots, and a dot ends a token, so a dot is written `~`, which no key
//! contains: the SKU `SHIRT.RED` lives at `shop.inventory.SHIRT~RED.…`. The token is what is hashed to the partition.
//! Anything else (a space, `*`, `>`, an empty text) is no key: as a token it would address somebody else.

/// The longest token.
pub const TOKEN_MAX: usize = 64;

/// The token of a key, if it can be one.
pub fn of(key: &str) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    ((1..=TOKEN_MAX).contains(&key.len()) && key.bytes().all(fits)).then(|| key.replace('.', "~"))
}

/// The key of a token.
pub fn key(token: &str) -> String {
    token.replace('~', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_token() {
        for name in ["prd_01h455vb4pex5vsknk084sn02q", "SHIRT.RED_M-2", ".", "a"] {
            let token = of(name).expect(name);
            assert!(!token.contains('.'));
            assert_eq!(key(&token), name);
        }
    }

    #[test]
    fn what_would_address_somebody_else_has_no_token() {
        for name in ["", "*", ">", "a b", "a~b", "ä", "a\r\nPUB x", &"a".repeat(TOKEN_MAX + 1)] {
            assert_eq!(of(name), None, "{name:?}");
        }
    }
}
