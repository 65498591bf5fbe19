//! A door like PayPal's, made for these tests: orders, authorisations, captures, refunds, tokens and signatures as PayPal's
//! reference has them. It knows nothing of the shop.

use std::collections::BTreeMap;
use std::sync::Mutex;

use payment::provider::http::{Lost, Reply, Request, Sending, Transport};
use serde_json::{Value, json};

pub(crate) const WEBHOOK: &str = "WH-SHOP";

/// PayPal, and the way to it.
#[derive(Default)]
pub(crate) struct Door {
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    orders: BTreeMap<String, Order>,
    /// What was answered under a request id.
    answered: BTreeMap<String, (u16, String)>,
    tokens: usize,
    /// Tokens below this number are not taken.
    revoked: usize,
    /// How many of the next answers are lost; what was asked for is done.
    lose: u32,
    /// The next answer to such a path is lost.
    lose_of: Option<&'static str>,
    /// How the next refunds are answered at first.
    refunds_are_slow: bool,
    /// What the next approved order is answered when it is to be held.
    declines: Option<Decline>,
    asked: Vec<String>,
}

/// How PayPal says no to an approved order.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Decline {
    /// For good.
    Flat,
    /// Once: the customer may choose another way to pay.
    ButTryAgain,
}

#[derive(Clone)]
struct Order {
    id: String,
    intent: String,
    status: &'static str,
    custom_id: String,
    amount: Value,
    authorisation: Option<(&'static str, i64)>,
    captured: Option<i64>,
    refunds: Vec<(String, String, i64, &'static str)>,
}

fn cents(amount: &Value) -> i64 {
    amount["value"].as_str().expect("a value").replace('.', "").parse().expect("cents")
}

fn euros(cents: i64) -> Value {
    json!({"currency_code": "EUR", "value": format!("{}.{:02}", cents / 100, cents % 100)})
}

fn issue(status: u16, issue: &str) -> (u16, Value) {
    (status, json!({"name": "UNPROCESSABLE_ENTITY", "details": [{"issue": issue, "description": "No."}]}))
}

impl Order {
    fn shown(&self) -> Value {
        let mut payments = json!({});
        if let Some((status, held)) = self.authorisation {
            payments["authorizations"] = json!([{"id": format!("AUTH{}", self.id), "status": status, "amount": euros(held), "custom_id": self.custom_id}]);
        }
        if let Some(taken) = self.captured {
            let back: i64 = self.refunds.iter().map(|refund| refund.2).sum();
            let status = match back {
                0 => "COMPLETED",
                back if back < taken => "PARTIALLY_REFUNDED",
                _ => "REFUNDED",
            };
            payments["captures"] = json!([{"id": format!("CAP{}", self.id), "status": status, "amount": euros(taken)}]);
        }
        let refund = |(id, custom_id, cents, status): &(String, String, i64, &str)| json!({"id": id, "custom_id": custom_id, "amount": euros(*cents), "status": status});
        payments["refunds"] = self.refunds.iter().map(refund).collect();
        let href = format!("https://paypal.example/checkoutnow?token={}", self.id);
        json!({
            "id": self.id, "intent": self.intent, "status": self.status,
            "purchase_units": [{"custom_id": self.custom_id, "amount": self.amount, "payments": payments}],
            "links": [{"rel": "self", "href": "https://paypal.example/self"}, {"rel": "payer-action", "href": href}],
        })
    }
}

/// What a body would be signed with: a sum over its bytes and ours.
pub(crate) fn signature(event: &str) -> String {
    let sum = event.bytes().fold(17_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("SIG{sum:x}")
}

impl Door {
    pub(crate) fn lose_answers(&self, count: u32) {
        self.books.lock().expect("books").lose = count;
    }

    pub(crate) fn lose_answer_of(&self, path: &'static str) {
        self.books.lock().expect("books").lose_of = Some(path);
    }

    pub(crate) fn declines(&self, decline: Decline) {
        self.books.lock().expect("books").declines = Some(decline);
    }

    pub(crate) fn refunds_are_slow(&self) {
        self.books.lock().expect("books").refunds_are_slow = true;
    }

    pub(crate) fn revoke_tokens(&self) {
        let mut books = self.books.lock().expect("books");
        books.revoked = books.tokens;
    }

    pub(crate) fn tokens(&self) -> usize {
        self.books.lock().expect("books").tokens
    }

    /// How often this was asked: a method and the beginning of a path.
    pub(crate) fn asked(&self, what: &str) -> usize {
        self.books.lock().expect("books").asked.iter().filter(|asked| asked.contains(what)).count()
    }

    /// The customer approves the order of a payment, and PayPal's news of it.
    pub(crate) fn approve(&self, payment_id: &str) -> String {
        let mut books = self.books.lock().expect("books");
        let order = books.orders.values_mut().rfind(|order| order.custom_id == payment_id).expect("an order");
        assert!(["PAYER_ACTION_REQUIRED", "APPROVED"].contains(&order.status), "{}", order.status);
        order.status = "APPROVED";
        let resource = order.shown();
        json!({"id": format!("WH-{}", order.id), "event_type": "CHECKOUT.ORDER.APPROVED", "resource": resource})
            .to_string()
    }

    /// What is held, taken and given back for a payment.
    pub(crate) fn money(&self, payment_id: &str) -> [i64; 3] {
        let books = self.books.lock().expect("books");
        let mut sums = [0; 3];
        for order in books.orders.values().filter(|order| order.custom_id == payment_id) {
            if let Some(("CREATED", held)) = order.authorisation {
                sums[0] += held;
            }
            sums[1] += order.captured.unwrap_or(0);
            sums[2] +=
                order.refunds.iter().filter(|refund| refund.3 == "COMPLETED").map(|refund| refund.2).sum::<i64>();
        }
        sums
    }

    pub(crate) fn answer(&self, request: &Request) -> (u16, String) {
        let books = &mut *self.books.lock().expect("books");
        books.asked.push(format!("{} {}", request.method, request.path));
        let header = |name: &str| request.headers.iter().find(|(n, _)| *n == name).map(|(_, value)| value.as_str());
        let authorization = header("authorization").unwrap_or_default();
        if request.path == "/v1/oauth2/token" {
            // `shop:secret`.
            assert_eq!(
                (authorization, request.form.as_str()),
                ("Basic c2hvcDpzZWNyZXQ=", "grant_type=client_credentials")
            );
            books.tokens += 1;
            let token =
                json!({"access_token": format!("T{}", books.tokens), "expires_in": 600, "token_type": "Bearer"});
            return (200, token.to_string());
        }
        let number = authorization.strip_prefix("Bearer T").and_then(|number| number.parse().ok());
        if number.is_none_or(|number: usize| number <= books.revoked) {
            return (
                401,
                json!({"name": "AUTHENTICATION_FAILURE", "message": "Token signature verification failed"}).to_string(),
            );
        }
        if request.method == "GET" {
            let id = request.path.strip_prefix("/v2/checkout/orders/").expect("an order's path");
            let Some(order) = books.orders.get_mut(id) else {
                return (404, json!({"name": "RESOURCE_NOT_FOUND"}).to_string());
            };
            let shown = order.shown().to_string();
            // What was pending is done by the next look.
            order.refunds.iter_mut().for_each(|refund| refund.3 = "COMPLETED");
            return (200, shown);
        }
        assert_eq!(header("content-type"), Some("application/json"));
        if request.path == "/v1/notifications/verify-webhook-signature" {
            return (200, verdict(&request.form).to_string());
        }
        let key = header("paypal-request-id").expect("whatever moves money has a request id").to_owned();
        if let Some(answered) = books.answered.get(&key) {
            return answered.clone();
        }
        let body: Value = serde_json::from_str(&request.form).expect("JSON");
        let (status, said) = books.post(&request.path, &body);
        let said = if said.is_null() { String::new() } else { said.to_string() };
        // PayPal keeps what it did, and may do later what it would not.
        if status < 300 {
            books.answered.insert(key, (status, said.clone()));
        }
        (status, said)
    }
}

fn verdict(form: &str) -> Value {
    let said: Value = serde_json::from_str(form).expect("JSON");
    let event = form.split_once("\"webhook_event\":").and_then(|(_, rest)| rest.strip_suffix('}')).expect("an event");
    let is_ours = said["webhook_id"] == WEBHOOK && said["transmission_sig"] == signature(event);
    json!({"verification_status": if is_ours { "SUCCESS" } else { "FAILURE" }})
}

impl Books {
    fn post(&mut self, path: &str, body: &Value) -> (u16, Value) {
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts[..] {
            ["v2", "checkout", "orders"] => {
                let unit = &body["purchase_units"][0];
                let order = Order {
                    id: format!("5O{}", self.orders.len()),
                    intent: body["intent"].as_str().expect("an intent").to_owned(),
                    status: "PAYER_ACTION_REQUIRED",
                    custom_id: unit["custom_id"].as_str().expect("our name").to_owned(),
                    amount: unit["amount"].clone(),
                    authorisation: None,
                    captured: None,
                    refunds: Vec::new(),
                };
                assert!(body["payment_source"]["paypal"]["experience_context"]["return_url"].is_string());
                let shown = order.shown();
                self.orders.insert(order.id.clone(), order);
                (200, shown)
            }
            ["v2", "checkout", "orders", id, verb] => self.complete(id, verb),
            ["v2", "payments", "authorizations", id, verb] => {
                let Some(order) = self.orders.get_mut(id.trim_start_matches("AUTH")) else {
                    return issue(404, "INVALID_RESOURCE_ID");
                };
                match (order.authorisation, verb) {
                    (Some(("CREATED", held)), "capture") => {
                        let cents = cents(&body["amount"]);
                        if cents > held {
                            return issue(422, "MAX_CAPTURE_AMOUNT_EXCEEDED");
                        }
                        assert_eq!(body["final_capture"], true);
                        order.authorisation = Some(("CAPTURED", held));
                        order.captured = Some(cents);
                        (201, json!({"id": format!("CAP{}", order.id), "status": "COMPLETED"}))
                    }
                    (Some(("CREATED", held)), "void") => {
                        order.authorisation = Some(("VOIDED", held));
                        (204, Value::Null)
                    }
                    (Some((status, _)), _) => issue(422, &format!("AUTHORIZATION_{status}")),
                    (None, _) => issue(404, "INVALID_RESOURCE_ID"),
                }
            }
            ["v2", "payments", "captures", id, "refund"] => {
                let status = if self.refunds_are_slow { "PENDING" } else { "COMPLETED" };
                let order = self.orders.get_mut(id.trim_start_matches("CAP")).expect("a capture");
                let back: i64 = order.refunds.iter().map(|refund| refund.2).sum();
                let cents = cents(&body["amount"]);
                if back + cents > order.captured.expect("it was taken") {
                    return issue(422, "REFUND_AMOUNT_EXCEEDED");
                }
                let name = format!("REF{}{}", order.id, order.refunds.len());
                let custom_id = body["custom_id"].as_str().expect("our name").to_owned();
                order.refunds.push((name.clone(), custom_id, cents, status));
                (201, json!({"id": name, "status": status}))
            }
            _ => panic!("PayPal has no {path}"),
        }
    }

    fn complete(&mut self, id: &str, verb: &str) -> (u16, Value) {
        let decline = self.declines.take();
        let order = self.orders.get_mut(id).expect("an order");
        if order.authorisation.is_some() || order.captured.is_some() {
            return issue(422, "ORDER_ALREADY_AUTHORIZED");
        }
        if order.status != "APPROVED" {
            return issue(422, "ORDER_NOT_APPROVED");
        }
        match decline {
            None => {}
            Some(Decline::Flat) => return issue(422, "PAYER_CANNOT_PAY"),
            Some(Decline::ButTryAgain) => {
                order.status = "PAYER_ACTION_REQUIRED";
                let (status, mut body) = issue(422, "INSTRUMENT_DECLINED");
                let href = format!("https://paypal.example/again?token={id}");
                body["links"] = json!([{"rel": "payer-action", "href": href}]);
                return (status, body);
            }
        }
        assert_eq!(order.intent.to_lowercase().trim_end_matches('e'), verb.trim_end_matches('e'));
        let cents = cents(&order.amount);
        if verb == "capture" {
            order.captured = Some(cents);
        } else {
            order.authorisation = Some(("CREATED", cents));
        }
        order.status = "COMPLETED";
        (201, json!({"id": id, "status": "COMPLETED"}))
    }
}

impl Transport for Door {
    fn send(&self, request: Request) -> Sending<'_> {
        let (status, body) = self.answer(&request);
        let mut books = self.books.lock().expect("books");
        let loses = books.lose > 0 || books.lose_of.take_if(|path| request.path.contains(*path)).is_some();
        books.lose = books.lose.saturating_sub(1);
        let reply = if loses { Err(Lost("nobody knows".into())) } else { Ok(Reply { status, body }) };
        Box::pin(async move { reply })
    }
}
