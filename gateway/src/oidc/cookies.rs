//! Cookies: the session, and what proves that a form came from a page of ours.
//!
//! With https their names begin with `__Host-`: no other host, not even a neighbour under the same domain, can set them.

use actix_web::HttpResponse;
use actix_web::http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::entropy::Entropy;

/// The session.
const SESSION: &str = "mercat_session";
/// What pages of this site read, to show that they are.
const CSRF: &str = "mercat_csrf";
/// Who fills in a form.
const FORM: &str = "mercat_form";
/// Tells the proof of a page from every other use of BLAKE3.
const CSRF_DERIVATION: &str = "mercat gateway csrf v1";
/// Tells the proof of a form from every other use of BLAKE3.
const FORM_DERIVATION: &str = "mercat gateway form v1";

/// The session that a browser shows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) secret: String,
}

fn is_https(issuer: &str) -> bool {
    issuer.starts_with("https://")
}

fn name(issuer: &str, plain: &str) -> String {
    if is_https(issuer) { format!("__Host-{plain}") } else { plain.to_owned() }
}

/// The value of a cookie; `None` when it is not there, or there twice: one of the two is somebody else's.
fn value(headers: &HeaderMap, wanted: &str) -> Option<String> {
    let texts = headers.get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned());
    match (values.next(), values.next()) {
        (Some(value), None) => Some(value),
        _ => None,
    }
}

/// A cookie of this host, for all of it, that other sites' forms do not bring along; for how many seconds.
fn cookie(issuer: &str, plain: &str, value: &str, max_age: u32) -> String {
    let secure = if is_https(issuer) { "; Secure" } else { "" };
    format!("{}={value}; Path=/; Max-Age={max_age}; SameSite=Lax{secure}", name(issuer, plain))
}

/// The same, for no script.
fn hidden(issuer: &str, plain: &str, value: &str, max_age: u32) -> String {
    format!("{}; HttpOnly", cookie(issuer, plain, value, max_age))
}

/// Gives a browser cookies.
pub(crate) fn give(response: &mut HttpResponse, cookies: impl IntoIterator<Item = String>) {
    for cookie in cookies {
        // What they hold is base64 and ids, which always fit.
        if let Ok(mut value) = HeaderValue::try_from(cookie) {
            value.set_sensitive(true);
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
}

fn proof(derivation: &str, secret: &str) -> String {
    URL_SAFE_NO_PAD.encode(blake3::derive_key(derivation, secret.as_bytes()))
}

/// Whether two texts are the same, in a time that tells nothing. Nothing is not the same as nothing.
pub(crate) fn same(one: &str, other: &str) -> bool {
    !one.is_empty() && blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

impl Session {
    /// The session that a browser shows, if any.
    pub(crate) fn shown(headers: &HeaderMap, issuer: &str) -> Option<Session> {
        let value = value(headers, &name(issuer, SESSION))?;
        let (id, secret) = value.split_once('.')?;
        let fits = messages::id::SessionId::parse(id).is_ok() && (1..=128).contains(&secret.len());
        fits.then(|| Session { id: id.to_owned(), secret: secret.to_owned() })
    }

    pub(crate) fn written(&self) -> String {
        format!("{}.{}", self.id, self.secret)
    }

    /// What pages of this site show with what changes something.
    pub(crate) fn csrf(&self) -> String {
        proof(CSRF_DERIVATION, &self.secret)
    }

    /// The cookies that keep it: the session itself, which no script reads, and the proof, which those of this site do.
    pub(crate) fn cookies(&self, issuer: &str, max_age: u32) -> [String; 2] {
        [hidden(issuer, SESSION, &self.written(), max_age), cookie(issuer, CSRF, &self.csrf(), max_age)]
    }
}

/// The cookies that end a session in the browser.
pub(crate) fn forgotten(issuer: &str) -> [String; 2] {
    [SESSION, CSRF].map(|plain| cookie(issuer, plain, "", 0))
}

/// Who fills in a form: the one who got the page.
pub(crate) struct Filler(String);

impl Filler {
    /// The one who is known, or a new one.
    pub(crate) fn of(headers: &HeaderMap, issuer: &str, entropy: &Entropy) -> Filler {
        let known = value(headers, &name(issuer, FORM)).filter(|value| value.len() == 43);
        Filler(known.unwrap_or_else(|| URL_SAFE_NO_PAD.encode(entropy.bytes::<32>())))
    }

    /// What a form holds to show whose it is.
    pub(crate) fn proof(&self) -> String {
        proof(FORM_DERIVATION, &self.0)
    }

    pub(crate) fn cookie(&self, issuer: &str) -> String {
        hidden(issuer, FORM, &self.0, 3600)
    }

    /// Whether a form with this proof is of whoever sends it.
    pub(crate) fn filled_in(headers: &HeaderMap, issuer: &str, proof: &str) -> bool {
        value(headers, &name(issuer, FORM)).is_some_and(|known| same(&Filler(known).proof(), proof))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    const HTTPS: &str = "https://shop.example";

    fn session() -> Session {
        Session { id: messages::id::SessionId::new().to_string(), secret: "secret".into() }
    }

    fn shown(text: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(text).expect("a header"));
        headers
    }

    #[test]
    fn a_session_s_cookie_is_for_this_host_alone_and_for_no_script() {
        let [text, csrf] = session().cookies(HTTPS, 60);
        for flag in ["__Host-mercat_session=", "HttpOnly", "SameSite=Lax", "Secure", "Path=/", "Max-Age=60"] {
            assert!(text.contains(flag), "{flag} {text}");
        }
        assert!(!text.contains("Domain"));
        assert!(!csrf.contains("HttpOnly") && csrf.contains("Secure"));
        let [plain, _] = session().cookies("http://127.0.0.1:8080", 60);
        assert!(plain.starts_with("mercat_session=") && !plain.contains("Secure"));
    }

    #[test]
    fn a_session_is_read_as_it_was_written_and_never_guessed() {
        let own = session();
        let name = "__Host-mercat_session";
        let headers = shown(&format!("a=b; {name}={}; c=d", own.written()));
        assert!(Session::shown(&headers, HTTPS) == Some(own.clone()));
        assert!(Session::shown(&headers, "http://127.0.0.1").is_none(), "another name");
        let twice = shown(&format!("{name}={0}; {name}={0}", own.written()));
        assert!(Session::shown(&twice, HTTPS).is_none());
        for bad in ["", "ses_1.x", "x", "usr_01h455vb4pex5vsknk084sn02q.x"] {
            assert!(Session::shown(&shown(&format!("{name}={bad}")), HTTPS).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_form_is_of_whoever_got_the_page() {
        let filler = Filler::of(&HeaderMap::new(), HTTPS, &Entropy::system());
        let cookie = filler.cookie(HTTPS);
        let pair = cookie.split(';').next().expect("a pair");
        let headers = shown(pair);
        assert!(Filler::filled_in(&headers, HTTPS, &filler.proof()));
        assert!(!Filler::filled_in(&headers, HTTPS, "") && !Filler::filled_in(&headers, HTTPS, &filler.0));
        assert!(!Filler::filled_in(&HeaderMap::new(), HTTPS, &filler.proof()));
    }
}
