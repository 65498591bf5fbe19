//! Forms of OAuth: who sends them, and how they are answered.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::crypto;
use crate::wire::v1::AnswerEndpointResponse;

/// The fields of a form.
pub(crate) type Params = BTreeMap<String, String>;

/// The value of a field; empty when it is not there.
pub(crate) fn get<'p>(params: &'p Params, name: &str) -> &'p str {
    params.get(name).map(String::as_str).unwrap_or_default()
}

/// Which application says it sends a form, and what the secret that it shows hashes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) client_id: String,
    pub(crate) client_hash: Vec<u8>,
}

/// An answer in JSON.
pub(crate) fn said(status: u32, body: &Value) -> AnswerEndpointResponse {
    AnswerEndpointResponse { status, body: body.to_string(), challenge: String::new() }
}

/// An error by the names of OAuth. An application that did not show who it is gets 401 and how to.
pub(crate) fn wrong(error: &str, sentence: &str) -> AnswerEndpointResponse {
    let body = json!({"error": error, "error_description": sentence});
    if error == "invalid_client" {
        let challenge = "Basic realm=\"mercat\"".to_owned();
        return AnswerEndpointResponse { challenge, ..said(401, &body) };
    }
    said(400, &body)
}

/// A bearer token that is not good, or not good enough.
pub(crate) fn unauthorized(status: u32, error: &str) -> AnswerEndpointResponse {
    let challenge = format!("Bearer error=\"{error}\"");
    AnswerEndpointResponse { challenge, ..said(status, &json!({"error": error})) }
}

/// Who sends a form: by the header or by the form, and not by both.
pub(crate) fn sender(authorization: &str, params: &Params) -> Result<Sender, AnswerEndpointResponse> {
    let by_form = Sender {
        client_id: get(params, "client_id").to_owned(),
        client_hash: params.get("client_secret").map(|secret| crypto::hash(secret)).unwrap_or_default(),
    };
    if authorization.is_empty() {
        return Ok(by_form);
    }
    let unreadable = || wrong("invalid_client", "The header Authorization cannot be read.");
    let (scheme, word) = authorization.split_once(' ').ok_or_else(unreadable)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable());
    }
    let pair = STANDARD.decode(word.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = pair.ok_or_else(unreadable)?;
    let (client_id, secret) = pair.split_once(':').ok_or_else(unreadable)?;
    let client_id = unescaped(client_id).ok_or_else(unreadable)?;
    let secret = unescaped(secret).ok_or_else(unreadable)?;
    let twice = !by_form.client_hash.is_empty() || !by_form.client_id.is_empty() && by_form.client_id != client_id;
    if twice {
        return Err(wrong("invalid_request", "The application shows who it is in one way."));
    }
    // An application without a secret may say who it is in the header too.
    let client_hash = if secret.is_empty() { Vec::new() } else { crypto::hash(&secret) };
    Ok(Sender { client_id, client_hash })
}

/// Undoes what RFC 6749 §2.3.1 does to ids and secrets in the header.
fn unescaped(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                bytes.push(digit()? << 4 | digit()?);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Text in the query of an address.
pub(crate) fn escaped(text: &str) -> String {
    use std::fmt::Write as _;
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

/// An address with these in its query, or in its fragment.
pub(crate) fn address(uri: &str, fields: &[(&str, &str)], fragment: bool) -> String {
    let query: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    if query.is_empty() {
        return uri.to_owned();
    }
    let joint = match (fragment, uri.contains('?')) {
        (true, _) => '#',
        (false, true) => '&',
        (false, false) => '?',
    };
    format!("{uri}{joint}{}", query.join("&"))
}

/// A secret with an id before it: `<id>.<secret>`. What hashes is the whole.
pub(crate) fn with_id(text: &str) -> (String, Vec<u8>) {
    match text.split_once('.') {
        Some((id, _)) => (id.to_owned(), crypto::hash(text)),
        None => (String::new(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(fields: &[(&str, &str)]) -> Params {
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_application_says_who_it_is_in_one_way() {
        let basic = format!("Basic {}", STANDARD.encode("cli_1:a%2Bb"));
        let sent = sender(&basic, &form(&[("client_id", "cli_1")])).expect("a sender");
        assert_eq!(sent, Sender { client_id: "cli_1".into(), client_hash: crypto::hash("a+b") });
        let sent = sender("", &form(&[("client_id", "cli_1"), ("client_secret", "s")])).expect("a sender");
        assert_eq!(sent.client_hash, crypto::hash("s"));
        assert!(sender("", &form(&[("client_id", "cli_1")])).expect("a sender").client_hash.is_empty());
        for (header, fields) in [
            (&*basic, &[("client_id", "cli_2")][..]),
            (&*basic, &[("client_secret", "s")]),
            ("Bearer x", &[]),
            ("Basic", &[]),
            ("Basic !", &[]),
            ("Basic YQ==", &[]),
        ] {
            assert!(sender(header, &form(fields)).is_err(), "{header} {fields:?}");
        }
    }

    #[test]
    fn what_is_put_into_an_address_stays_what_it_is() {
        let fields = [("code", "a b"), ("state", "x&y=#")];
        assert_eq!(address("https://a/cb", &fields, false), "https://a/cb?code=a%20b&state=x%26y%3D%23");
        assert_eq!(address("https://a/cb?q=1", &fields[..1], false), "https://a/cb?q=1&code=a%20b");
        assert_eq!(address("https://a/cb", &fields[..1], true), "https://a/cb#code=a%20b");
    }
}
