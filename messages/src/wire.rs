//! One text field of an encoded message, read and written without decoding the rest.
//!
//! The runtime and the gateway address requests by their keys and know no message type; this is all they need of one.

use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint, skip_field};

/// The value of a text field; the last one, as protobuf says. `None` when absent, or when the bytes are no message.
pub(crate) fn get_text(mut bytes: &[u8], tag: u32) -> Option<String> {
    let mut found = None;
    while !bytes.is_empty() {
        let field = next(&mut bytes, tag)?;
        found = field.text.or(found);
    }
    found.and_then(|text| std::str::from_utf8(text).ok()).map(str::to_owned)
}

/// Replaces the value of a text field, or adds it. Bytes that are no message only get it added, and stay no message.
pub(crate) fn set_text(bytes: &mut Vec<u8>, tag: u32, text: &str) {
    let mut kept = Vec::with_capacity(bytes.len() + text.len() + 8);
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let before = rest;
        match next(&mut rest, tag) {
            Some(Next { text: Some(_) }) => {}
            Some(Next { text: None }) => kept.extend_from_slice(&before[..before.len() - rest.len()]),
            None => {
                kept.extend_from_slice(before);
                break;
            }
        }
    }
    encode_key(tag, WireType::LengthDelimited, &mut kept);
    encode_varint(text.len() as u64, &mut kept);
    kept.extend_from_slice(text.as_bytes());
    *bytes = kept;
}

/// A field that was passed: its value, if it is the one looked for.
struct Next<'b> {
    text: Option<&'b [u8]>,
}

fn next<'b>(bytes: &mut &'b [u8], wanted: u32) -> Option<Next<'b>> {
    let (tag, wire_type) = decode_key(bytes).ok()?;
    if tag != wanted || wire_type != WireType::LengthDelimited {
        skip_field(wire_type, tag, bytes, Default::default()).ok()?;
        return Some(Next { text: None });
    }
    let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
    let (text, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(Next { text: Some(text) })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::inventory::v1::{Line, ReserveRequest};

    fn reserve() -> ReserveRequest {
        ReserveRequest {
            warehouse_id: "wh_1".into(),
            reservation_id: "rsv_1".into(),
            lines: vec![Line { sku: "A".into(), quantity: Some(300) }],
            order_id: None,
            hold_seconds: Some(900),
            ..ReserveRequest::default()
        }
    }

    #[test]
    fn a_field_is_read_and_replaced_in_place() {
        let mut bytes = reserve().encode_to_vec();
        assert_eq!(get_text(&bytes, 1).as_deref(), Some("wh_1"));
        assert_eq!(get_text(&bytes, 4), None);
        set_text(&mut bytes, 1, "wh_2");
        set_text(&mut bytes, 4, "ord_1");
        let expected = ReserveRequest { warehouse_id: "wh_2".into(), order_id: Some("ord_1".into()), ..reserve() };
        assert_eq!(bytes.len(), expected.encoded_len());
        assert_eq!(ReserveRequest::decode(bytes.as_slice()), Ok(expected));
    }

    #[test]
    fn of_a_field_that_is_there_twice_the_last_counts() {
        let mut bytes = reserve().encode_to_vec();
        bytes.extend(ReserveRequest { warehouse_id: "wh_2".into(), ..ReserveRequest::default() }.encode_to_vec());
        assert_eq!(get_text(&bytes, 1).as_deref(), Some("wh_2"));
        set_text(&mut bytes, 1, "wh_3");
        let expected = ReserveRequest { warehouse_id: "wh_3".into(), ..reserve() };
        assert_eq!(ReserveRequest::decode(bytes.as_slice()), Ok(expected));
    }

    #[test]
    fn bytes_that_are_no_message_have_no_field() {
        let mut bytes = reserve().encode_to_vec();
        bytes.truncate(3);
        assert_eq!(get_text(&bytes, 1), None);
        set_text(&mut bytes, 1, "wh_2");
        assert!(ReserveRequest::decode(bytes.as_slice()).is_err());
    }
}
