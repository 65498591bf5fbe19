//! The page on which a cardholder proves who they are.

use crate::intent::{Intent, Status};

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The page for an intent.
pub(crate) fn page(intent: &Intent) -> String {
    let secret = escaped(&intent.client_secret());
    let amount = format!("{} {}", intent.amount, intent.currency.to_ascii_uppercase());
    let ask = match intent.status {
        Status::RequiresAction => format!(
            "<p>The shop wants to charge {amount} minor units. Is it you?</p>\
             <form method=\"post\"><input type=\"hidden\" name=\"secret\" value=\"{secret}\">\
             <button name=\"outcome\" value=\"complete\">Yes, it is me</button> \
             <button name=\"outcome\" value=\"fail\">No</button></form>"
        ),
        Status::RequiresCapture | Status::Succeeded => "<p>Done. You may go back to the shop.</p>".to_owned(),
        Status::Canceled => "<p>The shop has given this payment up.</p>".to_owned(),
        _ => "<p>That did not work. You may go back to the shop.</p>".to_owned(),
    };
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Test bank</title>\
         <style>body{{font:1rem sans-serif;max-width:30rem;margin:4rem auto}}button{{font:inherit;padding:.5rem 1rem}}</style>\
         <h1>Test bank</h1>{ask}</html>"
    )
}

/// Where the cardholder's browser goes afterwards, if the shop said so.
pub(crate) fn way_back(intent: &Intent) -> Option<String> {
    let back = intent.return_url.as_deref()?;
    let outcome = match intent.status {
        Status::RequiresCapture | Status::Succeeded => "succeeded",
        _ => "failed",
    };
    let joint = if back.contains('?') { '&' } else { '?' };
    Some(format!("{back}{joint}payment_intent={}&redirect_status={outcome}", intent.id))
}
