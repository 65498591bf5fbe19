//! JSON to bytes and back for code that knows no message type, as the gateway and the command line do.
//!
//! A [`Transcoder`] is a row of functions, monomorphised once per message of the contract: no reflection per request.

use std::fmt;

use prost::DecodeError;

use crate::check::Validate;
use crate::errors::{Errors, FieldError};
use crate::field::{Described, Field};
use crate::json::{FromJson, Json, ToJson, write};
use crate::pointer::Pointer;

/// What every message of the contract can do.
pub trait Message:
    prost::Message + Default + Clone + PartialEq + fmt::Debug + ToJson + FromJson + Validate + Described + 'static
{
}

impl<M> Message for M where
    M: prost::Message + Default + Clone + PartialEq + fmt::Debug + ToJson + FromJson + Validate + Described + 'static
{
}

/// A response of which one field is the whole JSON body.
pub trait HasBody: Message {
    /// What the body is.
    type Body: Message;

    /// The body.
    fn body(&self) -> Option<&Self::Body>;

    /// The response with this body.
    fn with_body(body: Self::Body) -> Self;
}

/// One message type, for code that does not know it.
#[derive(Clone, Copy, Debug)]
pub struct Transcoder {
    /// The full name in protobuf.
    pub name: &'static str,
    /// From JSON to bytes: structure and rules, all errors at once. Of a request the JSON is a client's: what the shop sets
    /// is refused, and not demanded; [`Transcoder::validate`] demands it.
    pub from_json: fn(&Json) -> Result<Vec<u8>, Vec<FieldError>>,
    /// From bytes to JSON, appended. Of a response with a body of its own, the body.
    pub to_json: fn(&[u8], &mut Vec<u8>) -> Result<(), DecodeError>,
    /// The rules, on bytes from anywhere. Bytes that do not decode are one error at the root.
    pub validate: fn(&[u8]) -> Result<(), Vec<FieldError>>,
    /// The fields; for query strings, OpenAPI and samples.
    pub fields: &'static [Field],
}

impl Transcoder {
    /// Of a request.
    pub const fn of_request<M: Message>() -> Transcoder {
        Transcoder {
            from_json: |json| read_client::<M>(json).map(|message| message.encode_to_vec()),
            ..Transcoder::of::<M>()
        }
    }

    /// Of a response, or any message that is ours.
    pub const fn of<M: Message>() -> Transcoder {
        Transcoder {
            name: M::NAME,
            from_json: |json| read_record::<M>(json).map(|message| message.encode_to_vec()),
            to_json: to_json::<M>,
            validate: validate::<M>,
            fields: M::FIELDS,
        }
    }

    /// Of a response that shows one of its fields only.
    pub const fn of_body<M: HasBody>() -> Transcoder {
        Transcoder { from_json: body_from_json::<M>, to_json: body_to_json::<M>, ..Transcoder::of::<M>() }
    }
}

/// Reads a message that a client sent, and checks it.
pub fn read_client<M: Message>(json: &Json) -> Result<M, Vec<FieldError>> {
    read(json, Errors::of_client())
}

/// Reads a message that is ours, as [`ToJson`] wrote it, and checks it.
pub fn read_record<M: Message>(json: &Json) -> Result<M, Vec<FieldError>> {
    read(json, Errors::of_record())
}

fn read<M: Message>(json: &Json, mut errors: Errors) -> Result<M, Vec<FieldError>> {
    let message = M::from_json(json, &Pointer::Root, &mut errors);
    message.validate(&Pointer::Root, &mut errors);
    errors.into_result(message)
}

fn to_json<M: Message>(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    M::decode(bytes).map(|message| message.write_json(out))
}

fn validate<M: Message>(bytes: &[u8]) -> Result<(), Vec<FieldError>> {
    let mut errors = Errors::of_record();
    match M::decode(bytes) {
        Ok(message) => message.validate(&Pointer::Root, &mut errors),
        Err(_) => errors.push(&Pointer::Root, crate::errors::code::BAD_FORMAT, format!("must be a {}", M::NAME)),
    }
    errors.into_result(())
}

fn body_from_json<M: HasBody>(json: &Json) -> Result<Vec<u8>, Vec<FieldError>> {
    let mut errors = Errors::of_record();
    let body = M::Body::from_json(json, &Pointer::Root, &mut errors);
    body.validate(&Pointer::Root, &mut errors);
    let message = M::with_body(body);
    errors.into_result(message.encode_to_vec())
}

fn body_to_json<M: HasBody>(bytes: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    match M::decode(bytes)?.body() {
        Some(body) => body.write_json(out),
        None => write::null(out),
    }
    Ok(())
}
