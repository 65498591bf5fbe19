//! What was wrong with a request, field by field, all at once.
//!
//! One place gets one error: the first. What lies below a broken value is not reported, because it is a consequence
//! (an address that is a number has no city). Details never repeat the value: it may be personal, or large.

use std::fmt;

use crate::common::v1::FieldProblem;
use crate::pointer::Pointer;

/// How many errors are collected at most. A body of a megabyte can hold hundreds of thousands; nobody reads past these.
pub const ERRORS_MAX: usize = 100;

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Where, as a JSON pointer (RFC 6901).
    pub pointer: String,
    /// What, as a slug of [`code`].
    pub code: &'static str,
    /// What, as a sentence for people.
    pub detail: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.pointer, self.detail, self.code)
    }
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        FieldProblem { pointer: error.pointer, code: error.code.into(), detail: error.detail }
    }
}

/// Collects what is wrong while something is read or checked.
#[derive(Debug, Default)]
pub struct Errors {
    list: Vec<FieldError>,
    from_client: bool,
}

impl Errors {
    /// For what is ours already: a stored event, an encoded request, an answer of the shop.
    pub const fn of_record() -> Self {
        Errors { list: Vec::new(), from_client: false }
    }

    /// For what a client sent: fields that are the shop's to set are refused, and not demanded.
    pub const fn of_client() -> Self {
        Errors { list: Vec::new(), from_client: true }
    }

    /// Whether the value comes from a client.
    pub const fn from_client(&self) -> bool {
        self.from_client
    }

    /// Notes an error, unless this place or one above it has one.
    pub fn push(&mut self, at: &Pointer<'_>, code: &'static str, detail: impl Into<String>) {
        if self.list.len() == ERRORS_MAX {
            return;
        }
        let pointer = at.to_string();
        if !self.list.iter().any(|error| covers(&error.pointer, &pointer)) {
            self.list.push(FieldError { pointer, code, detail: detail.into() });
        }
    }

    /// Nothing is wrong so far.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// What is wrong, in the order in which it was found.
    pub fn into_vec(self) -> Vec<FieldError> {
        self.list
    }

    /// The value, if nothing is wrong.
    pub fn into_result<T>(self, value: T) -> Result<T, Vec<FieldError>> {
        if self.list.is_empty() { Ok(value) } else { Err(self.list) }
    }
}

/// Whether `below` is `above` or lies in it.
fn covers(above: &str, below: &str) -> bool {
    below.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The slugs of field errors. The list only grows.
pub mod code {
    /// The body is not JSON at all.
    pub const NOT_JSON: &str = "not_json";
    /// The body nests deeper than [`crate::json::DEPTH_MAX`].
    pub const TOO_DEEP: &str = "too_deep";
    /// A field that must be there is absent or empty.
    pub const REQUIRED: &str = "required";
    /// Null is not a value; leave the field out.
    pub const NULL: &str = "null";
    /// No such field.
    pub const UNKNOWN_FIELD: &str = "unknown_field";
    /// The field is there twice.
    pub const DUPLICATE_KEY: &str = "duplicate_key";
    /// A text where a number belongs, and the like.
    pub const WRONG_TYPE: &str = "wrong_type";
    /// A fraction or an exponent where a whole number belongs.
    pub const NOT_AN_INTEGER: &str = "not_an_integer";
    /// More than the type can hold, or than JSON can say exactly.
    pub const OUT_OF_RANGE: &str = "out_of_range";
    /// Below the least value.
    pub const TOO_SMALL: &str = "too_small";
    /// Above the greatest value.
    pub const TOO_LARGE: &str = "too_large";
    /// Too few characters.
    pub const TOO_SHORT: &str = "too_short";
    /// Too many characters.
    pub const TOO_LONG: &str = "too_long";
    /// Too few items.
    pub const TOO_FEW: &str = "too_few";
    /// Too many items, or two alternatives at once.
    pub const TOO_MANY: &str = "too_many";
    /// The same value as an item before.
    pub const NOT_UNIQUE: &str = "not_unique";
    /// Not of the shape that the field has.
    pub const BAD_FORMAT: &str = "bad_format";
    /// Not an id.
    pub const BAD_ID: &str = "bad_id";
    /// An id of something else.
    pub const WRONG_PREFIX: &str = "wrong_prefix";
    /// None of the values that the field may have.
    pub const UNKNOWN_VALUE: &str = "unknown_value";
    /// The shop sets this field.
    pub const READ_ONLY: &str = "read_only";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_a_broken_value_is_not_reported() {
        let mut errors = Errors::of_record();
        let lines = Pointer::Root.key("lines");
        let first = lines.index(1);
        errors.push(&first, code::WRONG_TYPE, "must be an object");
        errors.push(&first.key("sku"), code::REQUIRED, "must be given");
        errors.push(&lines.index(10), code::REQUIRED, "must be given");
        let pointers: Vec<_> = errors.into_vec().into_iter().map(|error| error.pointer).collect();
        assert_eq!(pointers, ["/lines/1", "/lines/10"]);
    }

    #[test]
    fn the_list_ends_at_its_limit() {
        let mut errors = Errors::of_record();
        for index in 0..2 * ERRORS_MAX {
            errors.push(&Pointer::Root.index(index), code::REQUIRED, "must be given");
        }
        assert_eq!(errors.into_vec().len(), ERRORS_MAX);
    }
}
