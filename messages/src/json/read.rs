//! Tree to values, for the generated readers. Every function notes what is wrong and goes on with an empty value.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost_types::Timestamp;

use super::{Errors, FromJson, Json, Named, Object, Pointer, SAFE_MAX, ToJson};
use crate::errors::code;
use crate::time;

/// The number that JSON stops being exact at, for telling a huge whole number from a fraction.
const HUGE: f64 = 9_007_199_254_740_992.0;

fn wrong_type(json: &Json, at: &Pointer<'_>, errors: &mut Errors, wanted: &str) {
    match json {
        Json::Null => errors.push(at, code::NULL, "must not be null; leave it out instead"),
        _ => errors.push(at, code::WRONG_TYPE, format!("must be {wanted}")),
    }
}

/// The members of an object.
pub(crate) fn object<'j>(json: &'j Json, at: &Pointer<'_>, errors: &mut Errors) -> Option<&'j Object> {
    match json {
        Json::Object(object) => Some(object),
        _ => {
            wrong_type(json, at, errors, "an object");
            None
        }
    }
}

/// A name that the message does not have.
pub(crate) fn unknown_field(at: &Pointer<'_>, errors: &mut Errors) {
    errors.push(at, code::UNKNOWN_FIELD, "is not a field");
}

/// A name that clients may not use.
pub(crate) fn read_only(at: &Pointer<'_>, errors: &mut Errors) {
    errors.push(at, code::READ_ONLY, "is set by the shop");
}

/// One of several alternatives: only one may be given.
pub(crate) fn alternative<T>(slot: &mut Option<T>, value: T, at: &Pointer<'_>, errors: &mut Errors) {
    if slot.replace(value).is_some() {
        errors.push(at, code::TOO_MANY, "excludes another field that is given");
    }
}

/// A text.
pub(crate) fn text(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> String {
    match json {
        Json::String(text) => text.clone(),
        _ => {
            wrong_type(json, at, errors, "a text");
            String::new()
        }
    }
}

/// `true` or `false`.
pub(crate) fn flag(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> bool {
    match json {
        Json::Bool(flag) => *flag,
        _ => {
            wrong_type(json, at, errors, "true or false");
            false
        }
    }
}

/// A whole number that JSON can say exactly and the type can hold.
pub(crate) fn number<N: TryFrom<i128> + Default>(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> N {
    match json {
        Json::Integer(number) if number.unsigned_abs() <= SAFE_MAX.unsigned_abs().into() => {
            if let Ok(number) = N::try_from(*number) {
                return number;
            }
            errors.push(at, code::OUT_OF_RANGE, "is more than the field can hold");
        }
        Json::Integer(_) => errors.push(at, code::OUT_OF_RANGE, "must be within ±(2^53 − 1)"),
        // A whole number of more than 64 bits arrives as a fraction.
        Json::Fraction(number) if number.abs() >= HUGE => {
            errors.push(at, code::OUT_OF_RANGE, "must be within ±(2^53 − 1)");
        }
        Json::Fraction(_) => errors.push(at, code::NOT_AN_INTEGER, "must be a whole number, written without . and e"),
        _ => wrong_type(json, at, errors, "a number"),
    }
    N::default()
}

/// Bytes from base64, with padding.
pub(crate) fn bytes(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> Vec<u8> {
    let text = text(json, at, errors);
    BASE64.decode(text).unwrap_or_else(|_| {
        errors.push(at, code::BAD_FORMAT, "must be base64 with padding");
        Vec::new()
    })
}

/// A time in UTC.
pub(crate) fn time(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> Timestamp {
    time::parse(&text(json, at, errors)).unwrap_or_else(|| {
        errors.push(at, code::BAD_FORMAT, "must be a time in UTC like 2026-01-31T09:30:00Z");
        Timestamp::default()
    })
}

/// The number of an enum's name.
pub(crate) fn choice<E: Named>(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> i32 {
    let Json::String(name) = json else {
        wrong_type(json, at, errors, "a text");
        return 0;
    };
    E::number(name).unwrap_or_else(|| {
        let names: Vec<_> = E::NAMES.iter().map(|(name, _)| *name).collect();
        errors.push(at, code::UNKNOWN_VALUE, format!("must be one of {}", names.join(", ")));
        0
    })
}

/// Any JSON, kept as text.
pub(crate) fn raw(json: &Json, _: &Pointer<'_>, _: &mut Errors) -> String {
    json.to_json()
}

/// A message.
pub(crate) fn message<T: FromJson>(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> T {
    T::from_json(json, at, errors)
}

/// A list.
pub(crate) fn list<T>(
    json: &Json,
    at: &Pointer<'_>,
    errors: &mut Errors,
    read: impl Fn(&Json, &Pointer<'_>, &mut Errors) -> T,
) -> Vec<T> {
    match json {
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, item)| read(item, &at.index(index), errors)).collect()
        }
        _ => {
            wrong_type(json, at, errors, "a list");
            Vec::new()
        }
    }
}

/// Names and values.
pub(crate) fn map<T>(
    json: &Json,
    at: &Pointer<'_>,
    errors: &mut Errors,
    read: impl Fn(&Json, &Pointer<'_>, &mut Errors) -> T,
) -> BTreeMap<String, T> {
    let Some(object) = object(json, at, errors) else { return BTreeMap::new() };
    object.iter().map(|(name, value)| (name.clone(), read(value, &at.key(name), errors))).collect()
}
