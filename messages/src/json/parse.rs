//! Text to tree, strictly: one value, no name twice in an object, no deeper than the limit.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{DEPTH_MAX, Errors, Json, Object, Pointer};
use crate::errors::{FieldError, code};

/// Reads one JSON value. A text that is not JSON has one error, which says line and column; repeated names are all
/// reported, each with its pointer.
pub fn parse(bytes: &[u8]) -> Result<Json, Vec<FieldError>> {
    let mut errors = Errors::of_client();
    let too_deep = Cell::new(false);
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Value { at: &Pointer::Root, depth: 0, errors: &mut errors, too_deep: &too_deep };
    match value.deserialize(&mut deserializer).and_then(|json| deserializer.end().map(|()| json)) {
        Ok(json) => errors.into_result(json),
        Err(error) => {
            let code = if too_deep.get() { code::TOO_DEEP } else { code::NOT_JSON };
            Err(vec![FieldError { pointer: String::new(), code, detail: error.to_string() }])
        }
    }
}

/// A value yet to be read, and where it stands.
struct Value<'a, 'p> {
    at: &'p Pointer<'p>,
    depth: usize,
    errors: &'a mut Errors,
    too_deep: &'a Cell<bool>,
}

impl Value<'_, '_> {
    fn check_depth<E: serde::de::Error>(&self) -> Result<(), E> {
        if self.depth < DEPTH_MAX {
            return Ok(());
        }
        self.too_deep.set(true);
        Err(E::custom(format_args!("nested deeper than {DEPTH_MAX}")))
    }
}

impl<'de> DeserializeSeed<'de> for Value<'_, '_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_, '_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
        Ok(Json::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
        Ok(Json::Fraction(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json, E> {
        Ok(Json::String(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Json, E> {
        Ok(Json::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        self.check_depth()?;
        let Value { at, depth, errors, too_deep } = self;
        let mut array = Vec::new();
        loop {
            let at = at.index(array.len());
            let item = Value { at: &at, depth: depth + 1, errors: &mut *errors, too_deep };
            match items.next_element_seed(item)? {
                Some(item) => array.push(item),
                None => return Ok(Json::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        self.check_depth::<A::Error>()?;
        let Value { at, depth, errors, too_deep } = self;
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            let at = at.key(&name);
            let member = Value { at: &at, depth: depth + 1, errors: &mut *errors, too_deep };
            let value = members.next_value_seed(member)?;
            if object.contains_key(&name) {
                errors.push(&at, code::DUPLICATE_KEY, "is there twice");
                continue;
            }
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}
