//! The rules of the contract, checked on decoded messages.
//!
//! The generated `validate` of a message calls one function of this module per field: the outer one by how many values
//! the field has (`implicit`, `optional`, `list`, `map`), the inner one by what a value is (`text`, `number` …).
//! The rules themselves are read from the field's row in the table of its message.
//!
//! Checks here need nothing but the message. What depends on the state of the shop is a refusal, not an error.

mod format;

use std::collections::{BTreeMap, BTreeSet};

use prost_types::Timestamp;

use crate::errors::{Errors, code};
use crate::field::Field;
use crate::id;
use crate::json::{Named, SAFE_MAX};
use crate::pointer::Pointer;
use crate::time;

/// Checks the rules that the contract has for a message.
pub trait Validate {
    /// Notes everything about the value at this place that breaks a rule.
    fn validate(&self, at: &Pointer<'_>, errors: &mut Errors);
}

fn missing(field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    // Of a client's request the shop's own fields are not there yet.
    if field.required && !(field.output_only && errors.from_client()) {
        errors.push(at, code::REQUIRED, "must be given");
    }
}

/// A field whose empty value means that it is absent.
pub(crate) fn implicit<T>(
    value: &T,
    absent: bool,
    field: &Field,
    at: &Pointer<'_>,
    errors: &mut Errors,
    check: impl Fn(&T, &Field, &Pointer<'_>, &mut Errors),
) {
    optional((!absent).then_some(value), field, at, errors, check);
}

/// A field that knows whether it is there.
pub(crate) fn optional<T>(
    value: Option<&T>,
    field: &Field,
    at: &Pointer<'_>,
    errors: &mut Errors,
    check: impl Fn(&T, &Field, &Pointer<'_>, &mut Errors),
) {
    let at = at.key(field.name);
    match value {
        Some(value) => check(value, field, &at, errors),
        None => missing(field, &at, errors),
    }
}

/// A list.
pub(crate) fn list<T>(
    items: &[T],
    field: &Field,
    at: &Pointer<'_>,
    errors: &mut Errors,
    check: impl Fn(&T, &Field, &Pointer<'_>, &mut Errors),
) {
    let at = at.key(field.name);
    count(items.len(), field, &at, errors);
    for (index, item) in items.iter().enumerate() {
        check(item, field, &at.index(index), errors);
    }
}

/// A map. Its names are as long as its texts at most.
pub(crate) fn map<T>(
    entries: &BTreeMap<String, T>,
    field: &Field,
    at: &Pointer<'_>,
    errors: &mut Errors,
    check: impl Fn(&T, &Field, &Pointer<'_>, &mut Errors),
) {
    let at = at.key(field.name);
    count(entries.len(), field, &at, errors);
    for (name, value) in entries {
        let at = at.key(name);
        if let Some(max) = field.max_length.filter(|max| name.chars().count() > *max as usize) {
            errors.push(&at, code::TOO_LONG, format!("must have a name of at most {max} characters"));
        }
        check(value, field, &at, errors);
    }
}

fn count(items: usize, field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    match (field.min_items, field.max_items) {
        _ if items == 0 && field.required => missing(field, at, errors),
        (Some(min), _) if items < min as usize => {
            errors.push(at, code::TOO_FEW, format!("must have at least {min} items"));
        }
        (_, Some(max)) if items > max as usize => {
            errors.push(at, code::TOO_MANY, format!("must have at most {max} items"));
        }
        _ => {}
    }
}

/// The items of a list differ in what `key` picks.
pub(crate) fn unique<'m, T>(
    items: &'m [T],
    field: &Field,
    at: &Pointer<'_>,
    errors: &mut Errors,
    key: impl Fn(&'m T) -> &'m str,
) {
    let at = at.key(field.name);
    let mut seen = BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        let at = at.index(index);
        if !seen.insert(key(item)) {
            match field.unique_by {
                Some(name) if name != "." => errors.push(&at.key(name), code::NOT_UNIQUE, "is there twice"),
                _ => errors.push(&at, code::NOT_UNIQUE, "is there twice"),
            }
        }
    }
}

/// A text.
pub(crate) fn text(text: &impl AsRef<str>, field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    let text = text.as_ref();
    let length = || text.chars().count();
    if let Some(min) = field.min_length.filter(|min| length() < *min as usize) {
        errors.push(at, code::TOO_SHORT, format!("must have at least {min} characters"));
    } else if let Some(max) = field.max_length.filter(|max| text.len() > *max as usize && length() > *max as usize) {
        errors.push(at, code::TOO_LONG, format!("must have at most {max} characters"));
    } else if !field.one_of.is_empty() && !field.one_of.contains(&text) {
        unknown_value(field, at, errors);
    } else if let Some(prefix) = field.id {
        check_id(text, prefix, at, errors);
    } else if let Some(format) = field.format
        && let Some(detail) = format::fault(format, text)
    {
        errors.push(at, code::BAD_FORMAT, detail);
    }
}

fn unknown_value(field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    errors.push(at, code::UNKNOWN_VALUE, format!("must be one of {}", field.one_of.join(", ")));
}

fn check_id(text: &str, prefix: &'static str, at: &Pointer<'_>, errors: &mut Errors) {
    match id::Id::parse_as(prefix, text) {
        Ok(_) => {}
        Err(error @ id::Error::WrongPrefix { .. }) => errors.push(at, code::WRONG_PREFIX, error.to_string()),
        Err(error) => errors.push(at, code::BAD_ID, error.to_string()),
    }
}

/// A whole number.
pub(crate) fn number<N: Copy + Into<i128>>(number: &N, field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    let number: i128 = (*number).into();
    if let Some(min) = field.min.filter(|min| number < i128::from(*min)) {
        errors.push(at, code::TOO_SMALL, format!("must be at least {min}"));
    } else if let Some(max) = field.max.filter(|max| number > i128::from(*max)) {
        errors.push(at, code::TOO_LARGE, format!("must be at most {max}"));
    } else if number.unsigned_abs() > SAFE_MAX.unsigned_abs().into() {
        errors.push(at, code::OUT_OF_RANGE, "must be within ±(2^53 − 1)");
    }
}

/// The amount of a field that is money, by the bounds that the field has.
pub(crate) fn amount(amount: Option<i64>, field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    if let Some(amount) = amount {
        number(&amount, field, &at.key(field.name).key("amount"), errors);
    }
}

/// `true` or `false`: both are right.
pub(crate) fn flag(_: &bool, _: &Field, _: &Pointer<'_>, _: &mut Errors) {}

/// Bytes.
pub(crate) fn bytes(bytes: &impl AsRef<[u8]>, field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    let bytes = bytes.as_ref();
    if let Some(min) = field.min_length.filter(|min| bytes.len() < *min as usize) {
        errors.push(at, code::TOO_SHORT, format!("must have at least {min} bytes"));
    } else if let Some(max) = field.max_length.filter(|max| bytes.len() > *max as usize) {
        errors.push(at, code::TOO_LONG, format!("must have at most {max} bytes"));
    }
}

/// A moment.
pub(crate) fn time(timestamp: &Timestamp, _: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    if time::from_wire(timestamp).is_none() {
        errors.push(at, code::OUT_OF_RANGE, "must be a moment between the years 1 and 9999");
    }
}

/// The number of an enum.
pub(crate) fn choice<E: Named>(value: &i32, field: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    match E::name(*value) {
        None => errors.push(at, code::UNKNOWN_VALUE, "is not a value that this contract knows"),
        Some(name) if !field.one_of.is_empty() && !field.one_of.contains(&name) => unknown_value(field, at, errors),
        Some(_) => {}
    }
}

/// A message.
pub(crate) fn message<T: Validate>(message: &T, _: &Field, at: &Pointer<'_>, errors: &mut Errors) {
    message.validate(at, errors);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(check: impl FnOnce(&Pointer<'_>, &mut Errors)) -> Vec<String> {
        let mut errors = Errors::of_record();
        check(&Pointer::Root, &mut errors);
        errors.into_vec().into_iter().map(|error| format!("{} {}", error.pointer, error.code)).collect()
    }

    #[test]
    fn what_no_message_of_the_contract_uses_yet_holds_too() {
        let field = Field { name: "f", min_length: Some(2), min_items: Some(2), unique_by: Some("."), ..Field::BLANK };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let short = codes(|at, errors| implicit(&"a".to_owned(), false, &field, at, errors, text));
        assert_eq!(short, ["/f too_short"]);
        let few = codes(|at, errors| list(&names(&["aa"]), &field, at, errors, text));
        assert_eq!(few, ["/f too_few"]);
        let items = names(&["aa", "bb", "aa"]);
        assert_eq!(codes(|at, errors| unique(&items, &field, at, errors, String::as_str)), ["/f/2 not_unique"]);
        assert_eq!(codes(|at, errors| implicit(&vec![1], false, &field, at, errors, bytes)), ["/f too_short"]);
        let field = Field { max_length: Some(2), ..field };
        assert_eq!(codes(|at, errors| implicit(&vec![1; 3], false, &field, at, errors, bytes)), ["/f too_long"]);
    }

    #[test]
    fn an_empty_field_is_checked_only_for_being_there() {
        let field = Field { name: "f", min_length: Some(2), format: Some(crate::Format::Sku), ..Field::BLANK };
        assert!(codes(|at, errors| implicit(&String::new(), true, &field, at, errors, text)).is_empty());
        let field = Field { required: true, ..field };
        let missing = ["/f required"];
        assert_eq!(codes(|at, errors| implicit(&String::new(), true, &field, at, errors, text)), missing);
        assert_eq!(codes(|at, errors| optional(None::<&String>, &field, at, errors, text)), missing);
        assert_eq!(codes(|at, errors| list::<String>(&[], &field, at, errors, text)), missing);
        assert_eq!(codes(|at, errors| map::<String>(&BTreeMap::new(), &field, at, errors, text)), missing);
    }

    #[test]
    fn bytes_of_a_newer_contract_are_checked_as_what_they_are() {
        let newer = codes(|at, errors| {
            let field = Field { name: "status", ..Field::BLANK };
            implicit(&99, false, &field, at, errors, choice::<crate::product::v1::ProductStatus>);
        });
        assert_eq!(newer, ["/status unknown_value"]);
        let never = codes(|at, errors| {
            let field = Field { name: "at", ..Field::BLANK };
            optional(Some(&Timestamp { seconds: i64::MAX, nanos: 0 }), &field, at, errors, time);
        });
        assert_eq!(never, ["/at out_of_range"]);
        let unsafe_number = codes(|at, errors| {
            let field = Field { name: "n", ..Field::BLANK };
            implicit(&(SAFE_MAX + 1), false, &field, at, errors, number);
        });
        assert_eq!(unsafe_number, ["/n out_of_range"]);
    }
}
