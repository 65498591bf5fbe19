//! JSON as the whole shop speaks it, over HTTP, over NATS and in events.
//!
//! One mapping from protobuf, written out in the crate's README: proto field names, whole numbers within ±2^53, enums in
//! lower case without their prefix, times in UTC with `Z`. The canonical mapping of protobuf does none of these, and its
//! readers stop at the first error; ours is generated per message and reports all of them.
//!
//! Writing streams into a buffer. Reading goes through a tree ([`Json`]), because a request is put together from a body,
//! a path and a query before it becomes a message.
//!
//! This module knows no message and checks no business rule: those are in the generated code and in [`crate::check`].

mod parse;
pub(crate) mod read;
pub mod write;

use std::collections::BTreeMap;

pub use crate::errors::Errors;
pub use crate::pointer::Pointer;
pub use parse::parse;

/// How deep arrays and objects may nest.
pub const DEPTH_MAX: usize = 64;

/// The largest whole number that every reader of JSON holds exactly: 2^53 − 1. The smallest is its negative.
pub const SAFE_MAX: i64 = (1 << 53) - 1;

/// An object: each name once.
pub type Object = BTreeMap<String, Json>;

/// Any JSON value. A number is whole exactly when it was written so: `1.0` and `1e2` are fractions.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number; a parsed one fits `i64` or `u64`.
    Integer(i128),
    /// Any other number, to the last bit or two. No field of the contract takes one.
    Fraction(f64),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// Names and values.
    Object(Object),
}

impl Json {
    /// The member of this name, if this is an object that has it.
    pub fn get(&self, name: &str) -> Option<&Json> {
        match self {
            Json::Object(object) => object.get(name),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::String(text.into())
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Json::Integer(number.into())
    }
}

impl FromIterator<(String, Json)> for Json {
    fn from_iter<I: IntoIterator<Item = (String, Json)>>(members: I) -> Self {
        Json::Object(members.into_iter().collect())
    }
}

/// Writes itself as JSON.
pub trait ToJson {
    /// Appends the value.
    fn write_json(&self, out: &mut Vec<u8>);

    /// Appends the value with `null` for every personal field: what may be published to everyone.
    fn write_public_json(&self, out: &mut Vec<u8>) {
        self.write_json(out);
    }

    /// The value as text.
    fn to_json(&self) -> String
    where
        Self: Sized,
    {
        let mut out = Vec::new();
        self.write_json(&mut out);
        String::from_utf8(out).expect("JSON is written from texts and ASCII")
    }
}

/// Reads itself from JSON, noting everything that is wrong. The value is of use only if nothing was.
pub trait FromJson: Sized {
    /// Reads the value that stands at a place.
    fn from_json(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> Self;
}

/// An enum of the contract under the names it has in JSON.
pub trait Named {
    /// The names and numbers, without the unspecified zero.
    const NAMES: &'static [(&'static str, i32)];

    /// The name of a number.
    fn name(number: i32) -> Option<&'static str> {
        Self::NAMES.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
    }

    /// The number of a name.
    fn number(name: &str) -> Option<i32> {
        Self::NAMES.iter().find(|(known, _)| *known == name).map(|(_, number)| *number)
    }
}
