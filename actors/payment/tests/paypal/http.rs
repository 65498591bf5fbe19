//! PayPal over HTTP: what goes over the wire, and what bad answers mean.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use messages::common::v1::Problem;
use payment::payment::{Capture, Means, Terms};
use payment::provider::http::{Https, Request};
use payment::provider::paypal::PayPal;
use payment::provider::{Ask, State, Told};
use runtime::clock::Clock;
use runtime::entity::Outcome;
use runtime::group::{Provider as _, Said};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::door::Door;
use super::settings;

/// How the server behaves.
enum Manner {
    /// As PayPal.
    Well(Arc<Door>),
    /// It answers orders with this, whatever was asked.
    Says(&'static str, &'static str),
    /// It never answers orders.
    Hangs,
}

struct Site {
    url: String,
    heard: Arc<Mutex<Vec<String>>>,
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map(str::trim);
    length.and_then(|length| length.parse().ok()).is_none_or(|length: usize| body.len() >= length)
}

/// A request as the door takes it.
fn request(text: &str) -> Request {
    let (head, form) = text.split_once("\r\n\r\n").expect("a head");
    let mut lines = head.lines();
    let (method, path) = lines.next().and_then(|line| line.split_once(' ')).expect("a request line");
    let path = path.split(' ').next().expect("a path").to_owned();
    let headers = ["authorization", "content-type", "paypal-request-id"].into_iter().filter_map(|name| {
        let prefix = format!("{name}: ");
        head.lines().find_map(|line| line.strip_prefix(&prefix)).map(|value| (name, value.to_owned()))
    });
    let method = if method == "GET" { "GET" } else { "POST" };
    Request { method, path, key: None, form: form.to_owned(), headers: headers.collect() }
}

async fn site(manner: Manner) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = heard.clone();
    let tokens = Arc::new(Door::default());
    tokio::task::spawn_local(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut said = Vec::new();
            let mut chunk = [0; 4096];
            while !is_whole(&said) {
                let read = stream.read(&mut chunk).await.expect("a request");
                said.extend_from_slice(&chunk[..read]);
            }
            let text = String::from_utf8(said).expect("text");
            keep.lock().expect("a lock").push(text.clone());
            let is_token = text.starts_with("POST /v1/oauth2/token ");
            let (status, body) = match &manner {
                Manner::Well(door) => {
                    let (status, body) = door.answer(&request(&text));
                    (format!("{status} Said"), body)
                }
                _ if is_token => {
                    let (status, body) = tokens.answer(&request(&text));
                    (format!("{status} Said"), body)
                }
                Manner::Says(status, body) => ((*status).to_owned(), (*body).to_owned()),
                Manner::Hangs => {
                    open.push(stream);
                    continue;
                }
            };
            let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            // A client that has heard enough hangs up.
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    Site { url, heard }
}

fn paypal(site: &Site) -> PayPal {
    let https = Https::new(&site.url, "", Duration::from_millis(500)).expect("a client");
    let credentials = settings().paypal.credentials();
    PayPal::new(Arc::new(https), Clock::system(), &credentials, "https://shop.example/".into())
}

fn authorise() -> Ask {
    let amount = payment::wire::money(1999, "EUR").expect("money");
    let terms = Terms { id: "pay_1".into(), order_id: None, user_id: "usr_1".into(), amount };
    let means = Means {
        token: "paypal".into(),
        payment_method_id: None,
        customer: String::new(),
        provider: "paypal".into(),
        capture: Capture::Manual,
        return_url: String::new(),
    };
    Ask::Authorise { terms, means, since: Clock::system().now() }
}

/// What a question to a server that behaves so comes to.
async fn asked(manner: Manner) -> Result<Told, String> {
    let site = site(manner).await;
    match paypal(&site).call("pay_1.authorise", authorise().encode()).await {
        Said::Settled(Outcome::Done(bytes)) => Ok(Told::decode(&bytes)),
        Said::Settled(Outcome::Refused(Problem { code, .. })) => Err(format!("refused: {code}")),
        Said::Unknown(_) => Err("unknown".to_owned()),
    }
}

fn locally(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

#[test]
fn an_order_is_made_as_paypal_wants_it() {
    locally(async {
        let site = site(Manner::Well(Arc::default())).await;
        let paypal = paypal(&site);
        for _ in 0..2 {
            let said = paypal.call("pay_1.authorise", authorise().encode()).await;
            let Said::Settled(Outcome::Done(bytes)) = said else { panic!("an order") };
            let url = "https://paypal.example/checkoutnow?token=5O0".to_owned();
            let told = Told::Intent { reference: "5O0".to_owned(), state: State::ActionRequired { url } };
            assert_eq!(Told::decode(&bytes), told, "the same key is the same order");
        }
        let heard = site.heard.lock().expect("a lock").clone();
        assert_eq!(heard.len(), 3, "one token for both");
        let (head, body) = heard[1].split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("POST /v2/checkout/orders HTTP/1.1"), "{head}");
        for said in [
            "authorization: Bearer T1",
            "content-type: application/json",
            "paypal-request-id: pay_1.authorise",
            "prefer: return=representation",
        ] {
            assert!(head.lines().any(|line| line == said), "{said} in {head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        let unit = &body["purchase_units"][0];
        assert_eq!((&body["intent"], &unit["custom_id"]), (&"AUTHORIZE".into(), &"pay_1".into()));
        assert_eq!(unit["amount"], serde_json::json!({"currency_code": "EUR", "value": "19.99"}));
    });
}

#[test]
fn only_a_clear_no_is_a_no() {
    const ISSUE: &str = r#"{"name":"UNPROCESSABLE_ENTITY","details":[{"issue":"CURRENCY_NOT_SUPPORTED"}]}"#;
    const FOREIGN: &str = r#"{"id":"5O9","status":"CREATED","purchase_units":[{"custom_id":"pay_2"}]}"#;
    const NOWHERE: &str = r#"{"id":"5O9","status":"CREATED","purchase_units":[{"custom_id":"pay_1"}]}"#;
    locally(async {
        for (manner, answer) in [
            (Manner::Says("422 No", ISSUE), "refused: currency_not_supported"),
            (Manner::Says("400 No", r#"{"name":"INVALID_REQUEST"}"#), "refused: invalid_request"),
            (Manner::Says("429 Later", "{}"), "unknown"),
            (Manner::Says("500 Broken", "{}"), "unknown"),
            (Manner::Says("409 Busy", "{}"), "unknown"),
            (Manner::Says("200 OK", "<html>"), "unknown"),
            (Manner::Says("200 OK", "{}"), "unknown"),
            (Manner::Says("200 OK", FOREIGN), "unknown"),
            (Manner::Says("200 OK", NOWHERE), "unknown"),
            (Manner::Says("302 There", ""), "unknown"),
            (Manner::Hangs, "unknown"),
        ] {
            let name =
                if let Manner::Says(status, body) = &manner { format!("{status} {body}") } else { "hangs".into() };
            assert_eq!(asked(manner).await, Err(answer.to_owned()), "{name}");
        }
    });
}
