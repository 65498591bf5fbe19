//! Writing: what a template and its values come to.
//!
//! Templates are staff's and values are customers', so neither is trusted: a name that is not there is an error and not
//! an empty place, values are escaped in HTML, and both the steps and the output of one part have a limit. A template is
//! checked when it is kept, with sample values, so that what fails later is rare, and then the next best one is used.

use std::io;

use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde_json::Value;

use crate::topic::{Channel, Topic};

/// How many steps one part may take: a thousand lines of an order with room to spare.
const FUEL: u64 = 200_000;
/// The longest subject: RFC 5322 §2.1.1 lets a line of a header have 998 characters; no one reads a tenth of it.
const SUBJECT_BYTES_MAX: usize = 500;
/// The longest text or HTML. Some mail programs cut what is longer than 102 kB.
const BODY_BYTES_MAX: usize = 200_000;

/// The parts of a template, or of what it comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// The subject or title.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML; empty when there is none.
    pub html: String,
}

/// Why a template cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {part} is wrong in line {line}: {reason}")]
pub struct Unwritable {
    /// `subject`, `text` or `html`.
    pub part: &'static str,
    /// The line, from 1.
    pub line: usize,
    /// Why.
    pub reason: String,
}

/// What a template comes to with these values.
///
/// # Errors
/// When it does not parse, uses a name that has no value, or does not come to an end.
pub fn write(parts: &Parts, values: &Value) -> Result<Parts, Unwritable> {
    let subject = write_part("subject", &parts.subject, values, SUBJECT_BYTES_MAX)?;
    Ok(Parts {
        // A subject is one line, whatever a value holds: a line break in it would begin another header.
        subject: subject.split(char::is_control).map(str::trim).filter(|s| !s.is_empty()).collect::<Vec<_>>().join(" "),
        text: write_part("text", &parts.text, values, BODY_BYTES_MAX)?,
        html: write_part("html", &parts.html, values, BODY_BYTES_MAX)?,
    })
}

/// Checks a template before it is kept: it has the parts that its channel needs, uses only names that its topic has, and
/// comes to something with sample values.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(topic: Topic, channel: Channel, parts: &Parts) -> Result<(), Unwritable> {
    let wrong = |part, reason: &str| Err(Unwritable { part, line: 1, reason: reason.to_owned() });
    match channel {
        Channel::Email | Channel::Push if parts.subject.trim().is_empty() => {
            return wrong("subject", "an e-mail has a subject, and a push message a title");
        }
        Channel::Sms if !parts.subject.is_empty() => return wrong("subject", "a text message has no subject"),
        Channel::Sms | Channel::Push if !parts.html.is_empty() => return wrong("html", "only an e-mail has HTML"),
        Channel::Email | Channel::Sms | Channel::Push => {}
    }
    for (part, source) in [("subject", &parts.subject), ("text", &parts.text), ("html", &parts.html)] {
        check_names(topic, part, source)?;
    }
    write(parts, &sample(topic)).map(drop)
}

/// A name that no sample reaches (in a branch not taken) is found in the source.
fn check_names(topic: Topic, part: &'static str, source: &str) -> Result<(), Unwritable> {
    let environment = environment();
    let template = environment.template_from_named_str(part, source).map_err(|e| unwritable(part, &e))?;
    let mut unknown: Vec<String> = template.undeclared_variables(false).into_iter().collect();
    unknown.retain(|name| !topic.variables().contains(&name.as_str()) && !GLOBALS.contains(&name.as_str()));
    unknown.sort();
    let Some(name) = unknown.first() else { return Ok(()) };
    let known = topic.variables().join(", ");
    let reason = format!("there is nothing called `{name}`; there is {known}");
    Err(Unwritable { part, line: line_of(source, name), reason })
}

/// The line in which a word stands by itself inside a tag; 1 when it is nowhere.
fn line_of(source: &str, name: &str) -> usize {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.');
    let mut inside = false;
    for (number, line) in source.lines().enumerate() {
        for (at, _) in line.char_indices() {
            let Some(rest) = line.get(at..) else { continue };
            inside = match rest {
                _ if rest.starts_with("{{") || rest.starts_with("{%") => true,
                _ if rest.starts_with("}}") || rest.starts_with("%}") => false,
                _ => inside,
            };
            let before = line[..at].chars().next_back();
            let Some(after) = rest.strip_prefix(name).map(|rest| rest.chars().next()) else { continue };
            if inside && !is_part(before) && !is_part(after.filter(|c| *c != '.')) {
                return number + 1;
            }
        }
    }
    1
}

/// Names that templates have without being given them.
const GLOBALS: [&str; 3] = ["range", "dict", "namespace"];

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(32);
    environment.set_auto_escape_callback(|part| if part == "html" { AutoEscape::Html } else { AutoEscape::None });
    // It prints everything there is, which is nothing a customer should read.
    environment.remove_global("debug");
    environment
}

fn write_part(part: &'static str, source: &str, values: &Value, bytes_max: usize) -> Result<String, Unwritable> {
    let environment = environment();
    let template = environment.template_from_named_str(part, source).map_err(|e| unwritable(part, &e))?;
    let mut page = Page { bytes: Vec::new(), bytes_max, full: false };
    let written = template.render_captured_to(values, &mut page);
    if page.full {
        return Err(Unwritable { part, line: 1, reason: format!("it comes to more than {bytes_max} bytes") });
    }
    written.map_err(|e| unwritable(part, &e))?;
    Ok(String::from_utf8_lossy(&page.bytes).into_owned())
}

fn unwritable(part: &'static str, error: &Error) -> Unwritable {
    let reason = match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it does not come to an end".to_owned(),
        (kind, None) => kind.to_string(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
    };
    Unwritable { part, line: error.line().unwrap_or(1), reason }
}

/// Output that says no when it is full.
struct Page {
    bytes: Vec<u8>,
    bytes_max: usize,
    full: bool,
}

impl io::Write for Page {
    fn write(&mut self, some: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + some.len() > self.bytes_max {
            self.full = true;
            return Err(io::Error::other("the page is full"));
        }
        self.bytes.extend_from_slice(some);
        Ok(some.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Values like those a message about this topic has.
#[must_use]
pub fn sample(topic: Topic) -> Value {
    let order_id = "ord_01h455vb4pex5vsknk084sn02q";
    let name = "Ada Lovelace";
    let lines = serde_json::json!([
        {"sku": "SHIRT-RED-M", "title": "Trail shirt Red, M", "quantity": 2, "total": "59.98 EUR"},
        {"sku": "MUG-BLUE", "title": "Mug, blue", "quantity": 1, "total": "9.90 EUR"},
    ]);
    match topic {
        Topic::OrderConfirmed => serde_json::json!({
            "name": name, "order_id": order_id, "total": "74.78 EUR", "shipping_option": "Standard", "lines": lines,
            "awaited": [{"sku": "MUG-BLUE", "title": "Mug, blue", "quantity": 1, "expected_on": "2026-03-01"}],
        }),
        Topic::OrderCancelled => serde_json::json!({"name": name, "order_id": order_id, "reason": "out_of_stock"}),
        Topic::PaymentFailed => serde_json::json!({"name": name, "order_id": order_id, "reason": "payment_declined"}),
        Topic::PaymentReceived | Topic::Refunded => {
            serde_json::json!({"name": name, "order_id": order_id, "amount": "74.78 EUR"})
        }
        Topic::Shipped => serde_json::json!({
            "name": name, "order_id": order_id, "carrier": "post", "tracking_number": "RR123456785AT",
            "tracking_url": "https://carrier.example/track/RR123456785AT", "lines": lines,
        }),
        Topic::BackorderFilled => serde_json::json!({"name": name, "order_id": order_id, "lines": lines}),
        Topic::Delivered => serde_json::json!({"name": name, "order_id": order_id}),
        Topic::LowStock => serde_json::json!({
            "sku": "SHIRT-RED-M", "product_id": "prd_01h455vb4pex5vsknk084sn02q",
            "warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "current_stock": 4, "threshold": 5,
        }),
        Topic::Message => serde_json::json!({"subject": "Holidays", "text": "We are closed until Monday."}),
        Topic::EmailVerification | Topic::PasswordReset | Topic::EmailChange => serde_json::json!({
            "name": name, "user_id": "usr_01h455vb4pex5vsknk084sn02q", "token": "mDfmKmjPOEqfD9m2Zt1rXH3Vc7Yx",
        }),
        Topic::Welcome | Topic::ProfileChanged | Topic::EmailChanged => {
            serde_json::json!({"name": name, "user_id": "usr_01h455vb4pex5vsknk084sn02q"})
        }
    }
}

#[cfg(test)]
mod tests;
