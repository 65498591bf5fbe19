//! Devices that wait to be let in (RFC 8628).

use runtime::desk::Desk;

use super::authorization::{are_allowed, authenticated, known, signed_in};
use super::v1::{Decision, Step};
use super::{Problem, v1};
use crate::client::DEVICE_CODE;
use crate::device::{Answer, Command, Device};

pub(crate) fn record(
    desk: &mut Desk<'_>,
    request: &v1::RecordDeviceRequest,
) -> Result<v1::RecordDeviceResponse, Problem> {
    let said = |error: &str, sentence: &str| {
        Ok(v1::RecordDeviceResponse { error: error.to_owned(), error_description: sentence.to_owned() })
    };
    let Some(details) = authenticated(desk, &request.client_id, &request.client_hash) else {
        return said("invalid_client", "The application is not known, or showed the wrong secret.");
    };
    if !details.may_use(DEVICE_CODE) {
        return said("unauthorized_client", "The application may not let devices in.");
    }
    if !are_allowed(&details, &request.scopes) {
        return said("invalid_scope", "The application was not registered for one of these scopes.");
    }
    let requested = v1::DeviceRequested {
        device_id: request.device_id.clone(),
        device_hash: request.device_hash.clone(),
        client_id: request.client_id.clone(),
        scopes: request.scopes.clone(),
        ..v1::DeviceRequested::default()
    };
    desk.tell::<Device>(&request.device_id, Command::Request(Box::new(requested)))?;
    Ok(v1::RecordDeviceResponse::default())
}

pub(crate) fn decide(
    desk: &mut Desk<'_>,
    request: &v1::DecideDeviceRequest,
) -> Result<v1::DecideDeviceResponse, Problem> {
    let said = |step: Step| v1::DecideDeviceResponse { step: step.into(), ..v1::DecideDeviceResponse::default() };
    let Some((session, authenticated_at)) = signed_in(desk, &request.session_id, &request.session_hash) else {
        return Ok(said(Step::Login));
    };
    let device = desk.see::<Device>(&request.device_id);
    let details = known(desk, &device.client_id);
    let Some(details) = details.filter(|_| device.is_waiting(desk.facts().now)) else {
        return Ok(said(Step::Refuse));
    };
    let approved = match request.decision() {
        Decision::Unspecified => {
            let scopes = device.scopes.clone();
            return Ok(v1::DecideDeviceResponse { client_name: details.name, scopes, ..said(Step::Consent) });
        }
        decision => decision == Decision::Allow,
    };
    let answer = Answer {
        user_id: session.user_id,
        session_id: request.session_id.clone(),
        approved,
        authenticated_at,
        amr: session.amr,
    };
    let device_id = request.device_id.clone();
    desk.tell::<Device>(&request.device_id, Command::Answer { device_id, answer })?;
    Ok(v1::DecideDeviceResponse { approved, ..said(Step::Redirect) })
}

/// Characters of a user code: none that look alike, none that make words.
pub(crate) const ALPHABET: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// How many characters a user code has.
pub(crate) const USER_CODE_CHARS: usize = 8;

/// The device that shows a user code, however it is typed. The code is not kept: the id follows from it by the master key.
pub(crate) fn device_of(user_code: &str) -> String {
    let plain = user_code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase());
    let plain: String = plain.collect();
    messages::id::DeviceId::derived(crate::crypto::derived("device", &plain).as_bytes()).to_string()
}
