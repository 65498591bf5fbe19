//! Authorization: mints the code, and writes the way back.

use runtime::inquiry::{Gathering, Inquiry};

use super::forms::address;
use crate::wire::devices::device_of;
use crate::wire::v1::{self, Step};
use crate::wire::{CodeId, fresh_request, rpc};
use crate::{crypto, settings};

pub(crate) fn authorize<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::AuthorizeRequest,
) -> Gathering<'a, v1::AuthorizeResponse> {
    Box::pin(async {
        let (request_id, code_id) = (fresh_request(), CodeId::new().to_string());
        let code = format!("{code_id}.{}", crypto::secret());
        let decide = v1::DecideAuthorizationRequest {
            request_id: request_id.clone(),
            params: request.params.clone(),
            session_id: request.session_id.clone(),
            session_hash: crypto::hash(&request.secret),
            decision: request.decision,
            fresh: request.fresh,
            code_id,
            code_hash: crypto::hash(&code),
        };
        let said = inquiry.ask::<rpc::DecideAuthorization>(&request_id, &decide).await?;
        Ok(answer(&said, &code, &settings::get().issuer))
    })
}

/// The way back, with the code or with what is wrong, and always with who says so (RFC 9207).
fn answer(said: &v1::DecideAuthorizationResponse, code: &str, issuer: &str) -> v1::AuthorizeResponse {
    let mut answer = v1::AuthorizeResponse {
        step: said.step,
        error: said.error.clone(),
        error_description: said.error_description.clone(),
        client_name: said.client_name.clone(),
        scopes: said.scopes.clone(),
        ..v1::AuthorizeResponse::default()
    };
    if said.step() != Step::Redirect {
        return answer;
    }
    let mut fields = Vec::new();
    if said.issued {
        fields.push(("code", code));
    } else {
        fields.push(("error", &*said.error));
        fields.push(("error_description", &*said.error_description));
    }
    if !said.state.is_empty() {
        fields.push(("state", &*said.state));
    }
    fields.push(("iss", issuer));
    if said.response_mode == "form_post" {
        answer.action.clone_from(&said.redirect_uri);
        answer.fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    } else {
        answer.location = address(&said.redirect_uri, &fields, said.response_mode == "fragment");
    }
    answer
}

pub(crate) fn device<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::AnswerDeviceRequest,
) -> Gathering<'a, v1::AnswerDeviceResponse> {
    Box::pin(async {
        let request_id = fresh_request();
        let decide = v1::DecideDeviceRequest {
            request_id: request_id.clone(),
            device_id: device_of(&request.user_code),
            session_id: request.session_id.clone(),
            session_hash: crypto::hash(&request.secret),
            decision: request.decision,
        };
        let said = inquiry.ask::<rpc::DecideDevice>(&request_id, &decide).await?;
        let v1::DecideDeviceResponse { step, client_name, scopes, approved } = said;
        Ok(v1::AnswerDeviceResponse { step, client_name, scopes, approved })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_who_gives_it_and_repeats_the_state() {
        let said = v1::DecideAuthorizationResponse {
            step: Step::Redirect.into(),
            redirect_uri: "https://app.example/cb".into(),
            issued: true,
            state: "s&t".into(),
            response_mode: "query".into(),
            ..Default::default()
        };
        let back = answer(&said, "azc_1.secret", "https://shop.example");
        let expected = "https://app.example/cb?code=azc_1.secret&state=s%26t&iss=https%3A%2F%2Fshop.example";
        assert_eq!(back.location, expected);
        let form = answer(
            &v1::DecideAuthorizationResponse { response_mode: "form_post".into(), ..said.clone() },
            "azc_1.secret",
            "https://shop.example",
        );
        assert_eq!((form.location.as_str(), form.action.as_str()), ("", "https://app.example/cb"));
        assert_eq!(form.fields.get("code").map(String::as_str), Some("azc_1.secret"));
        let ask = answer(&v1::DecideAuthorizationResponse { step: Step::Consent.into(), ..said }, "x", "y");
        assert_eq!(ask.location, "", "nobody is sent anywhere before they have answered");
    }
}
