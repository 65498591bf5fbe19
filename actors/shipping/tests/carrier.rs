//! The carrier over HTTP, against a carrier's door on this machine: what is sent, and what each answer means.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shipping::carriers::http::{Access, Http};
use shipping::carriers::live::{Live, Parcel, Quote, Quoted, Quotes as _};
use shipping::carriers::{Answer, Carrier, Label, Order};
use shipping::shipment::{Address, Line};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// A door that answers everything the same, and keeps what it was asked.
struct Door {
    access: Access,
    heard: Arc<Mutex<Vec<String>>>,
}

fn access(url: String) -> Access {
    Access { url, token: "secret".to_owned(), ..Access::default() }
}

async fn door(status: &'static str, body: String) -> Door {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = heard.clone();
    tokio::task::spawn_local(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = Vec::new();
            let mut chunk = [0; 4096];
            while !is_whole(&request) {
                let read = stream.read(&mut chunk).await.expect("a request");
                request.extend_from_slice(&chunk[..read]);
            }
            keep.lock().expect("a lock").push(String::from_utf8(request).expect("text"));
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nlocation: /\r\nconnection: close\r\n\r\n");
            // A client that has heard enough hangs up.
            let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
        }
    });
    Door { access: access(url), heard }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map(str::trim);
    length.and_then(|length| length.parse().ok()).is_none_or(|length: usize| body.len() >= length)
}

fn order() -> Order {
    let address = Address { name: "Ada Lovelace".into(), country: "AT".into(), ..Address::default() };
    let line = Line { sku: "MUG".into(), quantity: 2, title: "Mug".into() };
    Order {
        order_id: "ord_1".into(),
        shipment_id: "shp_1".into(),
        tracking_number: "MT1".into(),
        option_id: "zon_1.standard".into(),
        warehouse_id: "wh_1".into(),
        address,
        lines: vec![line],
    }
}

/// What a door that answers so makes of a label.
async fn label(status: &'static str, body: &str) -> (Answer<Label>, Vec<String>) {
    let door = door(status, body.to_owned()).await;
    let carrier = Http::new(&door.access);
    let answer = carrier.label("label/shp_1/0", &order()).await;
    let heard = door.heard.lock().expect("a lock").clone();
    (answer, heard)
}

fn locally(test: impl Future<Output = ()>) {
    actix_rt::System::new().block_on(test);
}

#[test]
fn a_label_is_asked_for_with_its_key_and_everything_about_the_parcel() {
    locally(async {
        let (answer, heard) = label("201 Created", r#"{"number":"N 1","tracking_url":"https://c.example/N1"}"#).await;
        let url = "https://c.example/N1".to_owned();
        assert_eq!(answer, Answer::Done(Label { number: "N 1".to_owned(), url, ..Label::default() }));
        let [request] = &heard[..] else { panic!("one request: {heard:?}") };
        let (head, body) = request.split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("POST /v1/labels HTTP/1.1"), "{head}");
        for said in ["authorization: Bearer secret", "idempotency-key: label/shp_1/0", "content-type: application/json"]
        {
            assert!(head.lines().any(|line| line == said), "{said} in {head}");
        }
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["shipment_id"], "shp_1");
        assert_eq!(body["address"]["name"], "Ada Lovelace");
        assert_eq!(body["lines"][0]["quantity"], 2);
    });
}

#[test]
fn only_what_will_be_the_same_for_ever_is_an_outcome() {
    locally(async {
        let detail = r#"{"detail":"There is no such street."}"#;
        for status in ["400 Bad Request", "404 Not Found", "409 Conflict", "410 Gone", "422 Unprocessable Entity"] {
            let (answer, _) = label(status, detail).await;
            assert_eq!(answer, Answer::Refused("There is no such street.".to_owned()), "{status}");
        }
        let (answer, _) = label("422 Unprocessable Entity", "no").await;
        assert_eq!(answer, Answer::Refused("the carrier answered 422 Unprocessable Entity".to_owned()));
        for status in [
            "401 Unauthorized",
            "403 Forbidden",
            "408 Request Timeout",
            "429 Too Many Requests",
            "302 Found",
            "500 Internal Server Error",
            "503 Service Unavailable",
        ] {
            let (answer, heard) = label(status, detail).await;
            assert!(
                matches!(&answer, Answer::Unknown(reason) if reason.contains(&status[..3])),
                "{status}: {answer:?}"
            );
            assert_eq!(heard.len(), 1, "the agenda asks again, nobody else");
        }
        for body in ["", "{}", r#"{"number":""}"#, r#"{"number":"a\nb"}"#] {
            let (answer, _) = label("200 OK", body).await;
            assert!(matches!(answer, Answer::Unknown(_)), "{body}: {answer:?}");
        }
        let (answer, _) = label("200 OK", &" ".repeat(1 << 20)).await;
        assert_eq!(answer, Answer::Unknown("the carrier's answer is too long".to_owned()));
    });
}

#[test]
fn a_carrier_that_is_not_there_is_unknown_and_says_nothing_about_people() {
    locally(async {
        let access = access("http://127.0.0.1:1/".to_owned());
        let Answer::Unknown(reason) = Http::new(&access).label("key", &order()).await else {
            panic!("nobody is there")
        };
        assert!(!reason.contains("Lovelace") && !reason.contains("secret"), "{reason}");
        assert!(!format!("{access:?}").contains("secret"));
    });
}

#[test]
fn a_label_is_given_back_by_its_number() {
    locally(async {
        let door = door("204 No Content", String::new()).await;
        assert_eq!(Http::new(&door.access).void("void/shp_1", "label/shp_1/0", "N 1/2").await, Answer::Done(()));
        let heard = door.heard.lock().expect("a lock").clone();
        assert!(heard[0].starts_with("POST /v1/labels/N%201%2F2/void HTTP/1.1"), "{heard:?}");
        assert!(
            heard[0].contains("idempotency-key: void/shp_1") && heard[0].ends_with(r#"{"label_key":"label/shp_1/0"}"#)
        );
    });
}

fn parcel() -> Parcel {
    Parcel {
        country: "AT".into(),
        region: "W".into(),
        postal_code: "1010".into(),
        weight_grams: 750,
        subtotal: 4900,
        currency: "EUR".into(),
    }
}

const RATES: &str = r#"{"rates":[{"service":"express","amount":990,"currency":"EUR","min_days":0,"max_days":1},
    {"service":"never","amount":null,"currency":"EUR"}]}"#;

#[test]
fn rates_are_asked_for_with_the_place_and_the_weight_and_nothing_about_a_person() {
    locally(async {
        let door = door("200 OK", RATES.to_owned()).await;
        let express = Quote {
            service: "express".into(),
            amount: Some(990),
            currency: "EUR".into(),
            min_days: Some(0),
            max_days: Some(1),
        };
        let never =
            Quote { service: "never".into(), amount: None, currency: "EUR".into(), min_days: None, max_days: None };
        let rates = Http::new(&door.access).quote(&parcel()).await;
        assert_eq!(rates, Ok(vec![express, never]));
        let heard = door.heard.lock().expect("a lock").clone();
        let (head, body) = heard[0].split_once("\r\n\r\n").expect("a body");
        assert!(head.starts_with("POST /v1/rates HTTP/1.1"), "{head}");
        assert!(head.contains("authorization: Bearer secret") && !head.contains("idempotency-key"), "{head}");
        let expected =
            r#"{"country":"AT","region":"W","postal_code":"1010","weight_grams":750,"subtotal":4900,"currency":"EUR"}"#;
        assert_eq!(body, expected);
    });
}

#[test]
fn whatever_a_carrier_does_wrong_its_rates_are_just_not_known() {
    locally(async {
        for (status, body, rates) in [
            ("200 OK", r#"{"rates":[]}"#, Some(0)),
            ("422 No", r#"{"detail":"not to islands"}"#, Some(0)),
            ("200 OK", r#"{"rates":[{"service":"express","amount":"9.90","currency":"EUR"}]}"#, None),
            ("200 OK", "<html>", None),
            ("200 OK", "{}", None),
            ("401 Who", "{}", None),
            ("500 Broken", RATES, None),
            ("302 There", "", None),
        ] {
            let door = door(status, body.to_owned()).await;
            let said = Http::new(&door.access).quote(&parcel()).await;
            assert_eq!(said.ok().map(|quotes| quotes.len()), rates, "{status} {body}");
        }
        // One that takes the call and says nothing is given up on.
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let silent = access(format!("http://{}", listener.local_addr().expect("an address")));
        let (patience, keep) = (Duration::from_millis(50), Duration::from_secs(60));
        let live = Live::default().with("silent", Arc::new(Http::new(&silent)), patience, keep);
        let now = runtime::entity::testing::moment(0);
        assert_eq!(live.quoted(&parcel(), now).await, Quoted::from([("silent".to_owned(), None)]));
    });
}
