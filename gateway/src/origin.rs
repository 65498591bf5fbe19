//! The origin of a request: the address and the program that it came from, for groups that keep guesses apart.
//!
//! A contract asks for them by a field of its request that is the shop's to set: `client_address`, `client_agent`. What a
//! client writes there itself is refused, as everything that is the shop's to set. Behind a proxy the address is the one
//! that the proxy names, if it is trusted; nobody else's header is believed.

use actix_web::HttpRequest;
use actix_web::http::header::USER_AGENT;
use ipnet::IpNet;
use messages::Field;

use crate::rates;

/// The field that takes the address.
const ADDRESS: &str = "client_address";
/// The field that takes the program.
const AGENT: &str = "client_agent";
/// The most characters of a program's name that are told.
const AGENT_CHARS_MAX: usize = 500;

/// Puts into an encoded request what its contract asks for.
pub(crate) fn put(http: &HttpRequest, trusted: &[IpNet], fields: &'static [Field], payload: &mut Vec<u8>) {
    for field in fields.iter().filter(|field| field.output_only) {
        let text = match field.name {
            ADDRESS => rates::address(http, trusted).map(|address| address.to_string()),
            AGENT => http.headers().get(USER_AGENT).map(|agent| {
                let agent = String::from_utf8_lossy(agent.as_bytes());
                agent.chars().filter(|c| !c.is_control()).take(AGENT_CHARS_MAX).collect()
            }),
            _ => None,
        };
        if let Some(text) = text {
            prost::encoding::string::encode(field.tag, &text, payload);
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use messages::Rpc as _;
    use messages::user::v1::{AuthenticateUserRequest, UpdateUserRequest, rpc};
    use prost::Message as _;

    use super::*;

    #[test]
    fn the_address_is_that_of_the_connection_whatever_headers_say() {
        let request = TestRequest::default()
            .peer_addr("[::ffff:203.0.113.7]:4711".parse().expect("an address"))
            .insert_header((USER_AGENT, "curl/8"))
            .insert_header(("X-Forwarded-For", "198.51.100.1"))
            .to_http_request();
        let mut payload =
            AuthenticateUserRequest { email: "ada@example.com".into(), ..Default::default() }.encode_to_vec();
        put(&request, &[], rpc::AuthenticateUser::ROUTE.request.fields, &mut payload);
        let said = AuthenticateUserRequest::decode(payload.as_slice()).expect("readable");
        assert_eq!((said.client_address.as_str(), said.client_agent.as_str()), ("203.0.113.7", "curl/8"));
        assert_eq!(said.email, "ada@example.com");
        let mut payload = UpdateUserRequest { name: "Ada".into(), ..Default::default() }.encode_to_vec();
        let before = payload.clone();
        put(&request, &[], rpc::UpdateUser::ROUTE.request.fields, &mut payload);
        assert_eq!(payload, before, "nobody is told who does not ask");
    }
}
