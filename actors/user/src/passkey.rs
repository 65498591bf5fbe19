//! Passkeys: what a device says in the two ceremonies of Web Authentication (level 2, §7), and whether it is true.
//!
//! Nothing is kept between the beginning of a ceremony and its end: a challenge says itself until when it is good and is
//! authenticated with a key of this group, so whoever asks for a million of them fills nothing. That it is good once, the
//! account remembers. Attestation is not asked for and not taken: what made a key is nobody's business here. The user has
//! to be verified by the device, so a passkey is two factors: the device, and what unlocks it.

pub mod cose;
mod data;
pub mod party;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::Deserialize;

use crate::keys::Keys;
use data::Data;
use party::Party;

/// For how long a challenge is good, in seconds: as long as somebody looks for their device.
pub const CHALLENGE_SECS: i64 = 300;
/// The longest name that an authenticator gives a credential (§4).
const CREDENTIAL_BYTES_MAX: usize = 1023;

/// What is wrong with what a device says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// It is not what a device says.
    #[error("it cannot be read")]
    Unreadable,
    /// It is of the other ceremony.
    #[error("it is of another ceremony")]
    Ceremony,
    /// The challenge is none of ours, not for this, or too old.
    #[error("the challenge is not good, or not any more")]
    Challenge,
    /// A page of somebody else asked.
    #[error("the page that asked is not one of this shop")]
    Origin,
    /// It is for another shop.
    #[error("it is for another shop")]
    RpId,
    /// Nobody was there.
    #[error("nobody touched the device")]
    Absent,
    /// The device did not look who it was.
    #[error("the device has not verified its user")]
    Unverified,
    /// The key is of a kind that is not taken.
    #[error("the key is neither ES256 nor EdDSA nor RS256")]
    Algorithm,
    /// It comes with an attestation.
    #[error("attestation is not taken")]
    Attestation,
}

impl Wrong {
    /// Its word for machines.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Wrong::Unreadable => "unreadable",
            Wrong::Ceremony => "ceremony",
            Wrong::Challenge => "challenge",
            Wrong::Origin => "origin",
            Wrong::RpId => "rp_id",
            Wrong::Absent => "user_absent",
            Wrong::Unverified => "user_not_verified",
            Wrong::Algorithm => "algorithm",
            Wrong::Attestation => "attestation",
        }
    }
}

/// What a challenge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose<'a> {
    /// This account gets a passkey.
    Adding(&'a str),
    /// Somebody signs in.
    SigningIn,
}

impl Purpose<'_> {
    fn words(self) -> String {
        match self {
            Purpose::Adding(user_id) => format!("add {user_id}"),
            Purpose::SigningIn => "sign in".to_owned(),
        }
    }

    /// The type of its client data (§5.8.1).
    fn ceremony(self) -> &'static str {
        match self {
            Purpose::Adding(_) => "webauthn.create",
            Purpose::SigningIn => "webauthn.get",
        }
    }
}

/// A challenge that was answered: it is good once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What it hashes to.
    pub hash: String,
    /// Until when it is good.
    pub until: Timestamp,
}

/// A passkey that a device has just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its own name for itself.
    pub credential_id: Vec<u8>,
    /// The public half (`COSE_Key`).
    pub public_key: Vec<u8>,
    /// How often it has signed.
    pub sign_count: u32,
    /// It is kept in several places.
    pub backed_up: bool,
    /// The challenge that it answers.
    pub answered: Answered,
}

/// A passkey that is shown. Whether its signature is right, its public half tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Whose it says it is.
    pub user_id: String,
    /// Its own name for itself.
    pub credential_id: Vec<u8>,
    /// How often it has signed.
    pub sign_count: u32,
    /// It is kept in several places.
    pub backed_up: bool,
    /// The challenge that it answers.
    pub answered: Answered,
    signed: Vec<u8>,
    signature: Vec<u8>,
}

impl Shown {
    /// Whether it is signed with this key.
    #[must_use]
    pub fn is_of(&self, public_key: &[u8]) -> bool {
        cose::Key::parse(public_key).is_some_and(|key| key.verifies(&self.signed, &self.signature))
    }
}

/// What a device says, as `PublicKeyCredential.toJSON()` writes it. What is not looked at is not named.
#[derive(Deserialize)]
struct Credential {
    id: String,
    r#type: String,
    response: Response,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Response {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    #[serde(default)]
    attestation_object: String,
    #[serde(default)]
    authenticator_data: String,
    #[serde(default)]
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

/// What the browser says of the page that asked (§5.8.1).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    r#type: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

fn bytes(text: &str) -> Result<Vec<u8>, Wrong> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Wrong::Unreadable)
}

/// Reads what a device says, and looks at the page that asked (§7.1 steps 5 to 10, §7.2 steps 10 to 14).
fn read(
    party: &Party,
    keys: &Keys,
    purpose: Purpose<'_>,
    now: Timestamp,
    said: &str,
) -> Result<(Credential, Vec<u8>, Answered), Wrong> {
    let credential: Credential = serde_json::from_str(said).map_err(|_| Wrong::Unreadable)?;
    if credential.r#type != "public-key" {
        return Err(Wrong::Unreadable);
    }
    let client_data = bytes(&credential.response.client_data)?;
    let page: ClientData = serde_json::from_slice(&client_data).map_err(|_| Wrong::Unreadable)?;
    if page.r#type != purpose.ceremony() {
        return Err(Wrong::Ceremony);
    }
    let challenge = bytes(&page.challenge).map_err(|_| Wrong::Challenge)?;
    let answered = keys.answered(&purpose.words(), &challenge, now).ok_or(Wrong::Challenge)?;
    if page.cross_origin || !party.is_own(&page.origin) {
        return Err(Wrong::Origin);
    }
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &client_data).as_ref().to_vec();
    Ok((credential, hash, answered))
}

/// The passkey that a device says it has made for an account (§7.1).
///
/// # Errors
/// See [`Wrong`].
pub fn made(party: &Party, keys: &Keys, user_id: &str, now: Timestamp, said: &str) -> Result<Made, Wrong> {
    let (credential, _, answered) = read(party, keys, Purpose::Adding(user_id), now, said)?;
    let object = bytes(&credential.response.attestation_object)?;
    let data = Data::checked(&data::attested(&object)?, party)?;
    let Some((credential_id, public_key)) = data.credential else { return Err(Wrong::Unreadable) };
    if credential_id.len() > CREDENTIAL_BYTES_MAX || bytes(&credential.id)? != credential_id {
        return Err(Wrong::Unreadable);
    }
    cose::Key::parse(&public_key).ok_or(Wrong::Algorithm)?;
    let (sign_count, backed_up) = (data.sign_count, data.backed_up);
    Ok(Made { credential_id, public_key, sign_count, backed_up, answered })
}

/// The passkey that a device shows (§7.2), without its signature being looked at.
///
/// # Errors
/// See [`Wrong`].
pub fn shown(party: &Party, keys: &Keys, now: Timestamp, said: &str) -> Result<Shown, Wrong> {
    let (credential, hash, answered) = read(party, keys, Purpose::SigningIn, now, said)?;
    let Response { authenticator_data, signature, user_handle, .. } = credential.response;
    let authenticator_data = bytes(&authenticator_data)?;
    let data = Data::checked(&authenticator_data, party)?;
    let user_id = String::from_utf8(bytes(&user_handle.unwrap_or_default())?).map_err(|_| Wrong::Unreadable)?;
    Ok(Shown {
        user_id,
        credential_id: bytes(&credential.id)?,
        sign_count: data.sign_count,
        backed_up: data.backed_up,
        answered,
        signed: [authenticator_data, hash].concat(),
        signature: bytes(&signature)?,
    })
}

/// A challenge for this, as text.
#[must_use]
pub fn challenge(keys: &Keys, purpose: Purpose<'_>, now: Timestamp, entropy: &runtime::entropy::Entropy) -> String {
    let until = now.as_second().saturating_add(CHALLENGE_SECS);
    URL_SAFE_NO_PAD.encode(keys.challenge(&purpose.words(), until, entropy))
}
