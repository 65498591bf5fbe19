//! Ids: TypeIDs of the specification v0.3, such as `prd_01h455vb4pex5vsknk084sn02q`.
//!
//! The prefix says what the id is of, so an order's id where a product's belongs is an error and never a lookup that
//! finds nothing. The rest is a UUID. A new one is version 7, so ids sort by age; one that a command with an idempotency
//! key creates is version 8, derived from the command, so a retry reaches the same actor.
//!
//! The specification's grammar is kept whole: lower case only, no ambiguous letters, no more than 128 bits. Each kind of
//! id is a type of its own; [`Id`] is for code that learns the prefix at run time, as the gateway does from a route.

mod base32;
mod kinds;

use std::fmt;

use uuid::Uuid;

pub use kinds::*;

/// An id of any kind.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    prefix: String,
    uuid: Uuid,
}

/// Why a text is not an id, or not the one that is wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is a separator and nothing before it.
    #[error("an id must not begin with its separator")]
    EmptyPrefix,
    /// The prefix breaks the grammar.
    #[error("the prefix of an id must be 1 to {PREFIX_MAX} of a-z and _, with a letter at both ends")]
    Prefix,
    /// The suffix has another length.
    #[error("an id must end in {} characters of base32, not {found}", base32::LENGTH)]
    Length {
        /// How many bytes there are.
        found: usize,
    },
    /// A character is not of the alphabet.
    #[error("an id must end in characters of 0123456789abcdefghjkmnpqrstvwxyz only")]
    Alphabet,
    /// The suffix says more than 128 bits.
    #[error("the suffix of an id must begin with 0 to 7")]
    Overflow,
    /// It is the id of something else.
    #[error("the id must begin with {wanted}_")]
    WrongPrefix {
        /// The prefix that is wanted.
        wanted: &'static str,
    },
}

/// The longest prefix, by the specification.
const PREFIX_MAX: usize = 63;

/// Tells our derived ids from every other use of BLAKE3. Changing it changes every derived id.
const DERIVATION: &str = "mercat messages::id derived UUIDv8 v1";

impl Id {
    /// A fresh id.
    ///
    /// # Panics
    /// If the prefix breaks the grammar: prefixes are constants of the contract.
    pub fn new(prefix: &str) -> Id {
        Id::of(prefix, fresh())
    }

    /// The id that these bytes stand for: the same for the same prefix and bytes, for ever.
    ///
    /// # Panics
    /// If the prefix breaks the grammar: prefixes are constants of the contract.
    pub fn derived(prefix: &str, bytes: &[u8]) -> Id {
        Id::of(prefix, derive(prefix, bytes))
    }

    fn of(prefix: &str, uuid: Uuid) -> Id {
        assert!(prefix.is_empty() || is_prefix(prefix), "`{prefix}` is not the prefix of an id");
        Id { prefix: prefix.into(), uuid }
    }

    /// Reads an id of any kind.
    pub fn parse(text: &str) -> Result<Id, Error> {
        // The last separator is the one: prefixes may contain more.
        let (prefix, suffix) = match text.rsplit_once('_') {
            None => ("", text),
            Some(("", _)) => return Err(Error::EmptyPrefix),
            Some((prefix, suffix)) if is_prefix(prefix) => (prefix, suffix),
            Some(_) => return Err(Error::Prefix),
        };
        Ok(Id { prefix: prefix.into(), uuid: Uuid::from_u128(base32::decode(suffix)?) })
    }

    /// Reads an id of one kind.
    pub fn parse_as(prefix: &'static str, text: &str) -> Result<Id, Error> {
        let id = Id::parse(text)?;
        if id.prefix == prefix { Ok(id) } else { Err(Error::WrongPrefix { wanted: prefix }) }
    }

    /// What it is an id of.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The UUID in it.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.prefix.is_empty() {
            write!(f, "{}_", self.prefix)?;
        }
        f.write_str(base32::encode(self.uuid.as_u128()).as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Id, Error> {
        Id::parse(text)
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place where fresh ids are made")]
fn fresh() -> Uuid {
    Uuid::now_v7()
}

fn derive(prefix: &str, bytes: &[u8]) -> Uuid {
    let mut hasher = blake3::Hasher::new_derive_key(DERIVATION);
    // No prefix contains a zero, so no two pairs of prefix and bytes hash the same input.
    hasher.update(prefix.as_bytes()).update(&[0]).update(bytes);
    let mut uuid = [0; 16];
    hasher.finalize_xof().fill(&mut uuid);
    Uuid::new_v8(uuid)
}

fn is_prefix(prefix: &str) -> bool {
    (1..=PREFIX_MAX).contains(&prefix.len())
        && prefix.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        && !prefix.starts_with('_')
        && !prefix.ends_with('_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_printed_as_the_specification_says() {
        let table = [
            ("00000000000000000000000000", "", 0),
            ("0000000000000000000000000z", "", 31),
            ("00000000000000000000000010", "", 32),
            ("7zzzzzzzzzzzzzzzzzzzzzzzzz", "", u128::MAX),
            ("prd_01h455vb4pex5vsknk084sn02q", "prd", 0x01890a5d_ac96_774b_bcce_b302099a8057),
            ("a_b_01h455vb4pex5vsknk084sn02q", "a_b", 0x01890a5d_ac96_774b_bcce_b302099a8057),
        ];
        for (text, prefix, uuid) in table {
            let id = Id::parse(text).expect(text);
            assert_eq!((id.prefix(), id.uuid().as_u128()), (prefix, uuid), "{text}");
            assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn what_is_not_an_id_says_why() {
        let zeros = "0".repeat(26);
        let table = [
            (format!("_{zeros}"), Error::EmptyPrefix),
            ("_".into(), Error::EmptyPrefix),
            (format!("Prd_{zeros}"), Error::Prefix),
            (format!("p2d_{zeros}"), Error::Prefix),
            (format!("p.d_{zeros}"), Error::Prefix),
            (format!("prä_{zeros}"), Error::Prefix),
            (format!(" prd_{zeros}"), Error::Prefix),
            (format!("_prd_{zeros}"), Error::Prefix),
            (format!("prd__{zeros}"), Error::Prefix),
            (format!("{}_{zeros}", "a".repeat(64)), Error::Prefix),
            (String::new(), Error::Length { found: 0 }),
            (format!("prd_{}", &zeros[1..]), Error::Length { found: 25 }),
            (format!("prd_{zeros}0"), Error::Length { found: 27 }),
            (format!("prd-{zeros}"), Error::Length { found: 30 }),
            (format!("prd_{} ", &zeros[1..]), Error::Alphabet),
            (format!("prd_{}Z", &zeros[1..]), Error::Alphabet),
            (format!("prd_{}i", &zeros[1..]), Error::Alphabet),
            (format!("prd_{}l", &zeros[1..]), Error::Alphabet),
            (format!("prd_{}o", &zeros[1..]), Error::Alphabet),
            (format!("prd_{}u", &zeros[1..]), Error::Alphabet),
            (format!("prd_{}-", &zeros[1..]), Error::Alphabet),
            (format!("prd_8{}", &zeros[1..]), Error::Overflow),
            (format!("prd_z{}", &zeros[1..]), Error::Overflow),
        ];
        for (text, error) in table {
            assert_eq!(Id::parse(&text), Err(error), "{text:?}");
        }
    }

    #[test]
    fn an_id_of_something_else_is_not_the_one_that_is_wanted() {
        let order = OrderId::new().to_string();
        assert_eq!(ProductId::parse(&order), Err(Error::WrongPrefix { wanted: "prd" }));
        assert_eq!(OrderId::parse(&order).map(|id| id.to_string()), Ok(order));
    }

    /// These ids are in logs. If this test fails, a retry of an old command creates a second order.
    #[test]
    fn a_derived_id_never_changes() {
        expect_test::expect!["ord_2270jq2etbg3zt63p62brf66ft"].assert_eq(&OrderId::derived(b"command").to_string());
        let other = ProductId::derived(b"command");
        assert_ne!(other.uuid(), OrderId::derived(b"command").uuid());
        assert_ne!(other, ProductId::derived(b"another"));
        assert_eq!((other.uuid().get_version_num(), OrderId::new().uuid().get_version_num()), (8, 7));
        assert_eq!(Id::derived("prd", b"command").to_string(), other.to_string());
    }

    #[test]
    fn fresh_ids_sort_by_age() {
        let ids: Vec<String> = (0..100).map(|_| OrderId::new().to_string()).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
    }

    #[test]
    fn every_prefix_belongs_to_one_kind() {
        let mut prefixes = PREFIXES.to_vec();
        prefixes.sort_unstable();
        prefixes.dedup();
        assert_eq!(prefixes.len(), PREFIXES.len());
        assert!(PREFIXES.iter().all(|prefix| is_prefix(prefix)));
    }

    #[test]
    fn a_typed_id_is_text_to_people_and_bytes_to_the_store() {
        let id = ProductId::derived(b"x");
        let json = serde_json::to_string(&id).expect("a text");
        assert_eq!(json, format!("\"{id}\""));
        assert_eq!(serde_json::from_str::<ProductId>(&json).ok(), Some(id));
        assert!(serde_json::from_str::<OrderId>(&json).is_err());
    }
}
