//! Values to text, straight into the buffer that goes out. It runs on every read of the gateway.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost_types::Timestamp;

use super::{Json, Named, SAFE_MAX, ToJson};
use crate::time;

/// An object under way: writes the braces, and the commas between members.
#[derive(Debug)]
pub struct Members<'a> {
    out: &'a mut Vec<u8>,
    next: u8,
}

impl<'a> Members<'a> {
    /// Opens an object.
    pub fn open(out: &'a mut Vec<u8>) -> Self {
        Members { out, next: b'{' }
    }

    /// Begins a member whose name is given ready to write, as `"name":`; its value is written next.
    pub fn quoted(&mut self, name: &'static str) -> &mut Vec<u8> {
        self.out.push(std::mem::replace(&mut self.next, b','));
        self.out.extend_from_slice(name.as_bytes());
        self.out
    }

    /// Begins a member of any name; its value is written next.
    pub fn member(&mut self, name: &str) -> &mut Vec<u8> {
        self.out.push(std::mem::replace(&mut self.next, b','));
        text(self.out, name);
        self.out.push(b':');
        self.out
    }

    /// Closes the object.
    pub fn close(self) {
        if self.next == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
    }
}

/// What each byte of a text becomes: itself (0), a short escape (its letter), or `\u00XX` (`u`).
const ESCAPES: [u8; 256] = {
    let mut table = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        table[control] = b'u';
        control += 1;
    }
    table[0x08] = b'b';
    table[0x09] = b't';
    table[0x0a] = b'n';
    table[0x0c] = b'f';
    table[0x0d] = b'r';
    table[b'"' as usize] = b'"';
    table[b'\\' as usize] = b'\\';
    table
};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// A text, quoted.
pub fn text(out: &mut Vec<u8>, text: &(impl AsRef<str> + ?Sized)) {
    let bytes = text.as_ref().as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    let mut written = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let escape = ESCAPES[usize::from(byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&bytes[written..index]);
        written = index + 1;
        if escape == b'u' {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[usize::from(byte >> 4)]);
            out.push(HEX[usize::from(byte & 0x0f)]);
        } else {
            out.extend_from_slice(&[b'\\', escape]);
        }
    }
    out.extend_from_slice(&bytes[written..]);
    out.push(b'"');
}

/// `true` or `false`.
pub fn flag(out: &mut Vec<u8>, flag: &bool) {
    out.extend_from_slice(if *flag { b"true" } else { b"false" });
}

/// `null`.
pub fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

/// A whole number. One beyond [`SAFE_MAX`] is written as a text of its digits: requests cannot bring such a number in, so
/// it is a bug of ours, and a reader who stumbles is better off than one who silently reads a neighbour of it.
pub fn number<N: Copy + Into<i128>>(out: &mut Vec<u8>, number: &N) {
    let number: i128 = (*number).into();
    if number.unsigned_abs() <= SAFE_MAX.unsigned_abs().into() {
        digits(out, number);
    } else {
        out.push(b'"');
        digits(out, number);
        out.push(b'"');
    }
}

fn digits(out: &mut Vec<u8>, number: i128) {
    // Every number of the contract has 64 bits; the loop below is fast only for those.
    let Ok(mut rest) = u64::try_from(number.unsigned_abs()) else {
        out.extend_from_slice(number.to_string().as_bytes());
        return;
    };
    if number < 0 {
        out.push(b'-');
    }
    let mut buffer = [0; 20];
    let mut start = buffer.len();
    loop {
        start -= 1;
        // A remainder of ten is below ten.
        buffer[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&buffer[start..]);
}

/// Bytes in base64, with padding.
pub fn bytes(out: &mut Vec<u8>, bytes: &impl AsRef<[u8]>) {
    let bytes = bytes.as_ref();
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The buffer has exactly the encoded length, so this cannot fail.
    let written = BASE64.encode_slice(bytes, &mut out[start..]).unwrap_or_default();
    out.truncate(start + written);
    out.push(b'"');
}

/// A time in UTC, with `Z`. One that no calendar knows is written as a text of its seconds, as an unsafe number is.
pub fn time(out: &mut Vec<u8>, timestamp: &Timestamp) {
    out.push(b'"');
    if !time::print(timestamp, out) {
        digits(out, timestamp.seconds.into());
    }
    out.push(b'"');
}

/// The name of an enum's number. A number that this contract does not know yet is written as it is.
pub fn choice<E: Named>(out: &mut Vec<u8>, value: &i32) {
    match E::name(*value) {
        Some(name) => text(out, name),
        None => number(out, value),
    }
}

/// Text that is itself JSON. One that is not is written as the text it is, so that the document stays whole.
pub fn raw(out: &mut Vec<u8>, json: &(impl AsRef<str> + ?Sized)) {
    let json = json.as_ref();
    match serde_json::from_str::<serde::de::IgnoredAny>(json) {
        Ok(_) => out.extend_from_slice(json.trim_ascii().as_bytes()),
        Err(_) => text(out, json),
    }
}

/// A message.
pub fn message<T: ToJson>(out: &mut Vec<u8>, message: &T) {
    message.write_json(out);
}

/// A message without what is personal.
pub fn public_message<T: ToJson>(out: &mut Vec<u8>, message: &T) {
    message.write_public_json(out);
}

/// A list.
pub fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Names and values.
pub fn map<T>(out: &mut Vec<u8>, entries: &BTreeMap<String, T>, write: impl Fn(&mut Vec<u8>, &T)) {
    let mut members = Members::open(out);
    for (name, value) in entries {
        write(members.member(name), value);
    }
    members.close();
}

impl ToJson for Json {
    fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Json::Null => null(out),
            Json::Bool(value) => flag(out, value),
            Json::Integer(value) => digits(out, *value),
            // `parse` yields none that is not finite; the debug form keeps `1.0` a fraction.
            Json::Fraction(value) => out.extend_from_slice(format!("{value:?}").as_bytes()),
            Json::String(value) => text(out, value),
            Json::Array(items) => list(out, items, message),
            Json::Object(object) => map(out, object, message),
        }
    }
}
