//! Pages: plain forms that every browser and every screen reader can use. No picture, nothing from elsewhere, and no script
//! but one file of our own, without which every form works too.

use std::sync::OnceLock;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use minijinja::{Environment, Value};

use crate::answer::NO_STORE;
use crate::error::Error;

/// The pages and what they are made of.
const TEMPLATES: [(&str, &str); 8] = [
    ("layout.html", include_str!("pages/layout.html")),
    ("login.html", include_str!("pages/login.html")),
    ("mfa.html", include_str!("pages/mfa.html")),
    ("consent.html", include_str!("pages/consent.html")),
    ("device.html", include_str!("pages/device.html")),
    ("logout.html", include_str!("pages/logout.html")),
    ("post.html", include_str!("pages/post.html")),
    ("message.html", include_str!("pages/message.html")),
];
/// Where browsers may be sent when only auth knows where: what was pushed before leads to https, or to this machine.
pub(crate) const ANYWHERE: &str = "*";
/// The one style, allowed by its hash.
const STYLE: &str = include_str!("pages/style.css");
/// The one script, allowed by its address.
const SCRIPT: &str = include_str!("pages/passkey.js");
/// Where the script is.
pub(crate) const SCRIPT_PATH: &str = "/oauth2/passkey.js";

static PAGES: OnceLock<Environment<'static>> = OnceLock::new();

fn pages() -> &'static Environment<'static> {
    PAGES.get_or_init(|| {
        let mut pages = Environment::new();
        for (name, text) in TEMPLATES {
            #[expect(clippy::expect_used, reason = "the pages are compiled in; a test shows each of them")]
            pages.add_template(name, text).expect("a page that parses");
        }
        pages.add_global("style", Value::from_safe_string(STYLE.to_owned()));
        pages
    })
}

/// The script.
pub(crate) fn script() -> HttpResponse {
    let mut response = HttpResponse::with_body(StatusCode::OK, SCRIPT);
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
    // It belongs to the page: after an update both are new.
    out.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response.map_into_boxed_body()
}

/// A page. Its forms may send browsers here, and to the address `onward`.
pub(crate) fn page(status: StatusCode, name: &str, values: Value, onward: &str) -> Result<HttpResponse, Error> {
    scripted(status, name, values, onward, None)
}

/// A page that may load the script of this site.
pub(crate) fn scripted(
    status: StatusCode,
    name: &str,
    values: Value,
    onward: &str,
    issuer: Option<&str>,
) -> Result<HttpResponse, Error> {
    let page = pages().get_template(name).and_then(|template| template.render(values));
    let page = page.map_err(|cause| {
        tracing::error!(%cause, name, "a page cannot be shown");
        Error::internal()
    })?;
    let style = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, STYLE.as_bytes()),
    );
    let origin = origin(onward);
    let script = issuer.map(|issuer| format!("script-src {issuer}{SCRIPT_PATH}; ")).unwrap_or_default();
    let policy = format!(
        "default-src 'none'; {script}style-src 'sha256-{style}'; form-action 'self' {origin}; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let mut response = HttpResponse::with_body(status, page);
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    out.insert(CACHE_CONTROL, NO_STORE);
    if let Ok(policy) = HeaderValue::try_from(policy) {
        out.insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response.map_into_boxed_body())
}

/// Where an address leads, as a policy says it; nothing for what is none. A browser asks the policy about the redirect
/// after a form too.
fn origin(uri: &str) -> String {
    if uri == ANYWHERE {
        return "https://* http://127.0.0.1:* http://localhost:*".to_owned();
    }
    let Some((scheme, rest)) = uri.split_once("://") else { return String::new() };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]+".contains(&byte));
    match scheme {
        "http" | "https" if plain(authority) => format!("{scheme}://{authority}"),
        "http" | "https" => String::new(),
        _ if plain(scheme) => format!("{scheme}:"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    #[test]
    fn a_policy_names_where_an_address_leads_and_cannot_be_widened_by_it() {
        for (uri, expected) in [
            ("https://app.example/cb?x=1", "https://app.example"),
            ("http://127.0.0.1:3000/cb", "http://127.0.0.1:3000"),
            ("com.example.app://cb", "com.example.app:"),
            (ANYWHERE, "https://* http://127.0.0.1:* http://localhost:*"),
            ("", ""),
            ("https://a;script-src *", ""),
            ("x y://z", ""),
        ] {
            assert_eq!(origin(uri), expected, "{uri}");
        }
    }

    #[test]
    fn every_page_is_shown_and_says_nothing_that_it_was_not_meant_to() {
        for (name, _) in TEMPLATES.iter().filter(|(name, _)| *name != "layout.html") {
            let values = context! {
                csrf => "proof", fields => [("state", "\"><script>alert(1)</script>")], client => "<b>App</b>",
                scopes => ["order:read"], message => "<i>", title => "T", action => "https://app.example/cb",
                user_code => "\"onload=\"", email => "<", ticket => "t", error => "<u>",
                passkey => "{\"challenge\": \"\"><script>\"}",
            };
            let text = pages().get_template(name).and_then(|page| page.render(values)).expect("a page");
            for bad in ["<script>", "<script src=\"http", "<b>", "<i>", "<u>", "\"onload=\""] {
                assert!(!text.contains(bad), "{name}: {bad}");
            }
            assert!(text.contains("<html lang=\"en\">") && text.contains("<h1"), "{name}");
        }
    }
}
