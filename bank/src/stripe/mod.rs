//! The Stripe-shaped door: a request in, an answer out, and no sockets.
//!
//! Paths, parameters, errors and objects are Stripe's, as far as they are here: payment intents, refunds, customers and
//! payment methods. Stripe's own client libraries speak to it.

mod show;

pub(crate) use show::VERSION;
pub use show::{event, thing};

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::bank::{Answer, Asked, Bank, NewIntent};
use crate::books::Thing;
use crate::card::{self, Behaviour};
use crate::fault::Fault;
use crate::form::Form;
use crate::journal;

/// A request, taken apart.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST` or `DELETE`.
    pub method: &'a str,
    /// `/v1/…`.
    pub path: &'a str,
    /// What follows the question mark.
    pub query: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// The form.
    pub body: &'a str,
}

/// An answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// It was answered before.
    pub replayed: bool,
    /// How it is delivered.
    pub manner: Manner,
}

/// How an answer is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As it should be.
    Plain,
    /// Late.
    Slow,
    /// Not: the merchant hears status 500.
    Fails,
    /// Not: the connection breaks.
    Drops,
    /// After the webhook.
    WebhookFirst,
}

/// What every list takes.
const LIST: [&str; 4] = ["limit", "starting_after", "ending_before", "expand"];
/// The longest key.
const KEY_CHARS_MAX: usize = 255;

/// Answers a request. `url` is where the bank's pages are.
///
/// # Errors
/// When the journal cannot be written: nobody may be told anything then.
pub fn answer(bank: &Bank, url: &str, secret_key: &str, request: &Request<'_>) -> Result<Reply, journal::Error> {
    match try_answer(bank, url, secret_key, request) {
        Ok(reply) => reply,
        Err(fault) => Ok(no(&fault, None)),
    }
}

fn try_answer(
    bank: &Bank,
    url: &str,
    secret_key: &str,
    request: &Request<'_>,
) -> Result<Result<Reply, journal::Error>, Fault> {
    let shown = request.authorization.and_then(|header| header.strip_prefix("Bearer "));
    if !secret_key.is_empty() && shown != Some(secret_key) {
        return Err(Fault::stranger());
    }
    if request.key.is_some_and(|key| key.is_empty() || key.len() > KEY_CHARS_MAX) {
        return Err(Fault::param("Idempotency-Key", "idempotency_key_invalid", "A key has 1 to 255 characters."));
    }
    let text = if request.method == "GET" { request.query } else { request.body };
    let form = Form::parse(text)?;
    let print = form.print(request.method, request.path);
    let ask = Ask { bank, url, form: &form, asked: Asked { key: request.key, print: &print } };
    let read = |part| percent_decode_str(part).decode_utf8_lossy().into_owned();
    let path: Vec<String> = request.path.trim_matches('/').split('/').map(read).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match (request.method, path.as_slice()) {
        ("POST", ["v1", "payment_intents"]) => ask.create(),
        ("GET", ["v1", "payment_intents"]) => ask.intents(),
        ("GET", ["v1", "payment_intents", "search"]) => ask.search(),
        ("GET", ["v1", "payment_intents", id]) => ask.intent(id),
        ("POST", ["v1", "payment_intents", id, "confirm"]) => ask.confirm(id),
        ("POST", ["v1", "payment_intents", id, "capture"]) => ask.capture(id),
        ("POST", ["v1", "payment_intents", id, "cancel"]) => ask.cancel(id),
        ("POST", ["v1", "refunds"]) => ask.refund(),
        ("GET", ["v1", "refunds"]) => ask.refunds(),
        ("GET", ["v1", "refunds", id]) => ask.one_refund(id),
        ("POST", ["v1", "customers"]) => ask.create_customer(),
        ("GET", ["v1", "customers", id]) => ask.customer(id),
        ("POST", ["v1", "payment_methods"]) => ask.create_method(),
        ("GET", ["v1", "payment_methods", id]) => ask.method(id),
        ("POST", ["v1", "payment_methods", id, "attach"]) => ask.attach(id),
        ("POST", ["v1", "payment_methods", id, "detach"]) => ask.detach(id),
        (method, _) => {
            let message = format!("Unrecognized request URL ({method}: {}).", request.path);
            Err(Fault::missing("path", request.path, "path")).map_err(|fault| Fault { message, ..fault })
        }
    }
}

type Said = Result<Result<Reply, journal::Error>, Fault>;

struct Ask<'a> {
    bank: &'a Bank,
    url: &'a str,
    form: &'a Form,
    asked: Asked<'a>,
}

impl Ask<'_> {
    fn create(&self) -> Said {
        let form = self.form;
        form.only(&[
            "amount",
            "currency",
            "capture_method",
            "payment_method",
            "payment_method_types",
            "confirm",
            "customer",
            "description",
            "metadata",
            "return_url",
            "expand",
            "automatic_payment_methods",
            "off_session",
            "confirmation_method",
            "setup_future_usage",
            "receipt_email",
            "statement_descriptor",
            "statement_descriptor_suffix",
        ])?;
        form.required("amount")?;
        let captures_itself = match form.get(&["capture_method"]) {
            None | Some("automatic" | "automatic_async") => true,
            Some("manual") => false,
            Some(_) => return Err(Fault::param("capture_method", "parameter_invalid", "Invalid capture_method")),
        };
        let new = NewIntent {
            amount: form.number("amount")?.unwrap_or_default(),
            currency: form.required("currency")?.to_owned(),
            captures_itself,
            method: form.text("payment_method"),
            confirm: form.flag("confirm")?,
            customer: form.text("customer"),
            description: form.text("description"),
            metadata: form.map("metadata"),
            return_url: form.text("return_url"),
        };
        Ok(self.bank.create(self.asked, new).map(|answer| self.said(answer)))
    }

    fn confirm(&self, id: &str) -> Said {
        self.form.only(&["payment_method", "return_url", "expand", "off_session", "use_stripe_sdk"])?;
        let (method, back) = (self.form.get(&["payment_method"]), self.form.get(&["return_url"]));
        Ok(self.bank.confirm(self.asked, id, method, back).map(|answer| self.said(answer)))
    }

    fn capture(&self, id: &str) -> Said {
        self.form.only(&["amount_to_capture", "expand", "metadata", "final_capture"])?;
        let amount = self.form.number("amount_to_capture")?;
        Ok(self.bank.capture(self.asked, id, amount).map(|answer| self.said(answer)))
    }

    fn cancel(&self, id: &str) -> Said {
        self.form.only(&["cancellation_reason", "expand"])?;
        let reason = self.form.get(&["cancellation_reason"]);
        let known = ["duplicate", "fraudulent", "requested_by_customer", "abandoned"];
        if reason.is_some_and(|reason| !known.contains(&reason)) {
            return Err(Fault::param("cancellation_reason", "parameter_invalid", "Invalid cancellation_reason"));
        }
        Ok(self.bank.cancel(self.asked, id, reason).map(|answer| self.said(answer)))
    }

    fn refund(&self) -> Said {
        self.form.only(&["payment_intent", "amount", "reason", "metadata", "expand"])?;
        let reason = self.form.get(&["reason"]);
        if reason.is_some_and(|reason| !["duplicate", "fraudulent", "requested_by_customer"].contains(&reason)) {
            return Err(Fault::param("reason", "parameter_invalid", "Invalid reason"));
        }
        let (id, amount) = (self.form.required("payment_intent")?, self.form.number("amount")?);
        let answer = self.bank.refund(self.asked, id, amount, reason, self.form.map("metadata"));
        Ok(answer.map(|answer| self.said(answer)))
    }

    fn create_customer(&self) -> Said {
        self.form.only(&["metadata", "expand", "name", "email", "description"])?;
        Ok(self.bank.create_customer(self.asked, self.form.map("metadata")).map(|answer| self.said(answer)))
    }

    fn create_method(&self) -> Said {
        self.form.only(&["type", "card", "billing_details", "metadata", "expand"])?;
        if self.form.required("type")? != "card" {
            return Err(Fault::param("type", "parameter_invalid", "This bank has cards only."));
        }
        let card = match (self.form.get(&["card", "number"]), self.form.get(&["card", "token"])) {
            (Some(number), _) => card::of_number(number),
            (None, Some(token)) => card::of_token(&token.replace("tok_", "pm_card_")),
            (None, None) => return Err(Fault::param("card", "parameter_missing", "Missing required param: card.")),
        };
        let wrong = || Fault::param("card[number]", "incorrect_number", "This bank knows its own test cards only.");
        Ok(self.bank.create_method(self.asked, card.ok_or_else(wrong)?).map(|answer| self.said(answer)))
    }

    fn attach(&self, id: &str) -> Said {
        self.form.only(&["customer", "expand"])?;
        Ok(self.bank.attach(self.asked, id, self.form.required("customer")?).map(|answer| self.said(answer)))
    }

    fn detach(&self, id: &str) -> Said {
        self.form.only(&["expand"])?;
        Ok(self.bank.detach(self.asked, id).map(|answer| self.said(answer)))
    }

    fn intent(&self, id: &str) -> Said {
        self.form.only(&["expand", "client_secret"])?;
        self.one(self.bank.intent(id).map(|found| found.map(Thing::Intent)), "payment_intent", id)
    }

    fn one_refund(&self, id: &str) -> Said {
        self.form.only(&["expand"])?;
        self.one(self.bank.look_at_refund(id).map(|found| found.map(Thing::Refund)), "refund", id)
    }

    fn customer(&self, id: &str) -> Said {
        self.form.only(&["expand"])?;
        self.one(self.bank.customer(id).map(|found| found.map(Thing::Customer)), "customer", id)
    }

    fn method(&self, id: &str) -> Said {
        self.form.only(&["expand"])?;
        self.one(self.bank.method(id).map(|found| found.map(Thing::Method)), "PaymentMethod", id)
    }

    fn one(&self, found: Result<Option<Thing>, journal::Error>, what: &str, id: &str) -> Said {
        match found {
            Err(error) => Ok(Err(error)),
            Ok(None) => Err(Fault::missing(what, id, "id")),
            Ok(Some(thing)) => Ok(Ok(yes(show::thing(&thing, self.url)))),
        }
    }

    fn intents(&self) -> Said {
        self.form.only(&LIST)?;
        let limit = self.limit()?;
        let found = self.bank.intents(self.form.get(&["starting_after"]), limit + 1);
        self.list("/v1/payment_intents", limit, found.map(|found| found.into_iter().map(Thing::Intent).collect()))
    }

    /// `metadata['name']:'value'`: the one sort of query that is here.
    fn search(&self) -> Said {
        self.form.only(&["query", "limit", "page", "expand"])?;
        let query = self.form.required("query")?;
        let read = || {
            let (name, value) = query.trim().strip_prefix("metadata[")?.split_once("]:")?;
            let bare = |text: &str| Some(text.strip_prefix(['\'', '"'])?.strip_suffix(['\'', '"'])?.to_owned());
            bare(name).zip(bare(value))
        };
        let wrong = || Fault::param("query", "parameter_invalid", "This bank finds by metadata['name']:'value' only.");
        let (name, value) = read().ok_or_else(wrong)?;
        let found = self.bank.with_metadata(&name, &value);
        let listed = self.list(
            "/v1/payment_intents/search",
            self.limit()?,
            found.map(|found| found.into_iter().map(Thing::Intent).collect()),
        )?;
        Ok(listed.map(|mut reply| {
            reply.body["object"] = json!("search_result");
            reply
        }))
    }

    fn refunds(&self) -> Said {
        self.form.only(&[&LIST[..], &["payment_intent"]].concat())?;
        let found = self.bank.refunds_of(self.form.required("payment_intent")?);
        let from = self.form.text("starting_after");
        let after = |refunds: Vec<crate::intent::Refund>| match from {
            None => refunds,
            Some(from) => refunds.into_iter().skip_while(|refund| refund.id != from).skip(1).collect(),
        };
        let found = found.map(|found| after(found).into_iter().map(Thing::Refund).collect());
        self.list("/v1/refunds", self.limit()?, found)
    }

    fn limit(&self) -> Result<usize, Fault> {
        let limit = self.form.number("limit")?.unwrap_or(10);
        let wrong = || Fault::param("limit", "parameter_invalid_integer", "limit is between 1 and 100");
        usize::try_from(limit).ok().filter(|limit| (1..=100).contains(limit)).ok_or_else(wrong)
    }

    fn list(&self, path: &str, limit: usize, found: Result<Vec<Thing>, journal::Error>) -> Said {
        Ok(found.map(|found| {
            let data: Vec<Value> = found.iter().take(limit).map(|thing| show::thing(thing, self.url)).collect();
            yes(json!({"object": "list", "url": path, "has_more": found.len() > limit, "data": data}))
        }))
    }

    fn said(&self, answer: Answer) -> Reply {
        let Answer { result, replayed, behaviour } = answer;
        let manner = match behaviour {
            Some(Behaviour::Slow) => Manner::Slow,
            Some(Behaviour::FailsAfter) => Manner::Fails,
            Some(Behaviour::DropsAfter) => Manner::Drops,
            Some(Behaviour::WebhookFirst) => Manner::WebhookFirst,
            _ => Manner::Plain,
        };
        let reply = match result {
            Ok(thing) => yes(show::thing(&thing, self.url)),
            Err((fault, thing)) => no(&fault, thing.map(|thing| show::thing(&thing, self.url))),
        };
        Reply { replayed, manner, ..reply }
    }
}

fn yes(body: Value) -> Reply {
    Reply { status: 200, body, replayed: false, manner: Manner::Plain }
}

fn no(fault: &Fault, about: Option<Value>) -> Reply {
    let mut error = json!({"type": fault.word(), "message": fault.message});
    for (name, value) in [("code", &fault.code), ("decline_code", &fault.decline_code), ("param", &fault.param)] {
        if let Some(value) = value {
            error[name] = json!(value);
        }
    }
    if let Some(about) = about.filter(|about| about["object"] == "payment_intent") {
        error["payment_intent"] = about;
    }
    Reply { status: fault.status(), body: json!({"error": error}), replayed: false, manner: Manner::Plain }
}
