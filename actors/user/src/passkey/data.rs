//! What an authenticator says: who it speaks to, who was there, how often it has signed, and its new key (level 2, §6.1).

use ciborium::Value;

use super::Wrong;
use super::party::Party;

/// The user was there.
const PRESENT: u8 = 0x01;
/// The user was verified.
const VERIFIED: u8 = 0x04;
/// The key is kept in several places (level 3, §6.1.3).
const BACKED_UP: u8 = 0x10;
/// A new key follows.
const ATTESTED: u8 = 0x40;
/// Extensions follow.
const EXTENDED: u8 = 0x80;

/// What an authenticator says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Data {
    pub(super) sign_count: u32,
    pub(super) backed_up: bool,
    /// A new key: its name and its public half.
    pub(super) credential: Option<(Vec<u8>, Vec<u8>)>,
}

/// Takes so many bytes off the front.
fn take<'b>(rest: &mut &'b [u8], count: usize) -> Result<&'b [u8], Wrong> {
    let (taken, left) = rest.split_at_checked(count).ok_or(Wrong::Unreadable)?;
    *rest = left;
    Ok(taken)
}

/// One value of CBOR off the front, and its bytes.
fn value<'b>(rest: &mut &'b [u8]) -> Result<(Value, &'b [u8]), Wrong> {
    let whole = *rest;
    let value: Value = ciborium::from_reader(&mut *rest).map_err(|_| Wrong::Unreadable)?;
    Ok((value, &whole[..whole.len() - rest.len()]))
}

impl Data {
    /// Reads it, and checks to whom it speaks and that somebody was there and was verified.
    pub(super) fn checked(bytes: &[u8], party: &Party) -> Result<Data, Wrong> {
        let mut rest = bytes;
        let spoken_to = take(&mut rest, 32)?;
        let own = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, party.rp_id.as_bytes());
        if spoken_to != own.as_ref() {
            return Err(Wrong::RpId);
        }
        let flags = take(&mut rest, 1)?[0];
        let count = take(&mut rest, 4)?;
        let sign_count = count.try_into().map(u32::from_be_bytes).map_err(|_| Wrong::Unreadable)?;
        if flags & PRESENT == 0 {
            return Err(Wrong::Absent);
        }
        if flags & VERIFIED == 0 {
            return Err(Wrong::Unverified);
        }
        let mut credential = None;
        if flags & ATTESTED != 0 {
            // What made the key: not asked for.
            take(&mut rest, 16)?;
            let length = take(&mut rest, 2)?;
            let id = take(&mut rest, usize::from(length[0]) << 8 | usize::from(length[1]))?;
            let (_, key) = value(&mut rest)?;
            credential = Some((id.to_vec(), key.to_vec()));
        }
        if flags & EXTENDED != 0 {
            value(&mut rest)?;
        }
        if !rest.is_empty() {
            return Err(Wrong::Unreadable);
        }
        Ok(Data { sign_count, backed_up: flags & BACKED_UP != 0, credential })
    }
}

/// The authenticator data of an attestation object without attestation (§6.5.4, §8.7).
pub(super) fn attested(object: &[u8]) -> Result<Vec<u8>, Wrong> {
    let mut rest = object;
    let (Value::Map(object), _) = value(&mut rest)? else { return Err(Wrong::Unreadable) };
    let get = |name: &str| object.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value);
    let is_none = get("fmt").and_then(Value::as_text) == Some("none");
    let is_empty = get("attStmt").and_then(Value::as_map).is_some_and(Vec::is_empty);
    let data = get("authData").and_then(Value::as_bytes).filter(|_| rest.is_empty()).ok_or(Wrong::Unreadable)?;
    if is_none && is_empty { Ok(data.clone()) } else { Err(Wrong::Attestation) }
}
