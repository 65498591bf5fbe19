//! Files: a response that is an invoice or an export, sent as what it is.
//!
//! A file is what a group made of what people wrote, so a browser that is led here must keep it and not show it: it is
//! always an attachment, its type is never guessed, and its name is that of a file and not of a path.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use messages::route::{File, Opened, Route};
use runtime::client::Answer;

use crate::error::Error;

/// What nobody has named.
const BYTES: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// The longest name: file systems take 255 bytes.
const NAME_CHARS_MAX: usize = 200;

/// A file as an answer with this status.
pub(crate) fn response(route: &Route, file: &File, status: StatusCode, said: &Answer) -> Result<HttpResponse, Error> {
    let Opened { content, media_type, name } = (file.open)(&said.payload).map_err(|cause| {
        tracing::error!(group = route.group, rpc = route.rpc, %cause, "the response of {} cannot be read", route.rpc);
        Error::internal()
    })?;
    let mut response = HttpResponse::with_body(status, content).map_into_boxed_body();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, typed(&media_type));
    if let Ok(kept) = HeaderValue::try_from(disposition(&name)) {
        headers.insert(CONTENT_DISPOSITION, kept);
    }
    Ok(response)
}

/// A media type that has the form of one.
fn typed(media_type: &str) -> HeaderValue {
    let has_form = media_type.split_once('/').is_some_and(|(kind, rest)| !kind.is_empty() && !rest.is_empty());
    let value = has_form.then(|| HeaderValue::try_from(media_type).ok()).flatten();
    value.unwrap_or(BYTES)
}

/// The name of a file in both spellings of RFC 6266: one that every client reads, and the true one.
fn disposition(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    let name = name.trim_matches(['.', ' ']);
    if name.is_empty() {
        return "attachment".to_owned();
    }
    let readable = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '%');
    let plain: String = name.chars().map(|c| if readable(c) { c } else { '_' }).collect();
    let mut kept = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        kept.push_str("; filename*=UTF-8''");
        for byte in name.bytes() {
            // RFC 8187 §3.2.1: what may stand for itself.
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                kept.push(char::from(byte));
            } else {
                // Writing to a string cannot fail.
                let _ = write!(kept, "%{byte:02X}");
            }
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_that_of_a_file() {
        for (name, kept) in [
            ("invoice-17.pdf", "attachment; filename=\"invoice-17.pdf\""),
            ("my file.csv", "attachment; filename=\"my file.csv\""),
            ("Größe.csv", "attachment; filename=\"Gr__e.csv\"; filename*=UTF-8''Gr%C3%B6%C3%9Fe.csv"),
            ("../../etc/passwd", "attachment; filename=\"passwd\""),
            ("C:\\autoexec.bat", "attachment; filename=\"autoexec.bat\""),
            ("a\"; x=\"b.csv", "attachment; filename=\"a_; x=_b.csv\"; filename*=UTF-8''a%22%3B%20x%3D%22b.csv"),
            ("a\r\nSet-Cookie: x", "attachment; filename=\"aSet-Cookie: x\""),
            (".htaccess", "attachment; filename=\"htaccess\""),
            ("50%.csv", "attachment; filename=\"50_.csv\"; filename*=UTF-8''50%25.csv"),
            ("..", "attachment"),
            ("", "attachment"),
        ] {
            assert_eq!(disposition(name), kept, "{name:?}");
        }
    }

    #[test]
    fn a_type_is_never_guessed() {
        for (said, typed_as) in [
            ("application/pdf", "application/pdf"),
            ("text/csv; charset=utf-8", "text/csv; charset=utf-8"),
            ("pdf", "application/octet-stream"),
            ("", "application/octet-stream"),
            ("text/html\r\nX: y", "application/octet-stream"),
        ] {
            assert_eq!(typed(said), typed_as, "{said:?}");
        }
    }
}
