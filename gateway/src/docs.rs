//! `/docs`: the explorer of the API, which works without a network.
//!
//! Swagger UI comes inside the binary as the archive its crate ships. Its files stay compressed: an archive's entry is
//! what gzip wraps, so a file is served by giving it gzip's head and tail. The page runs only what this origin serves
//! and may talk to nobody else.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, HeaderValue};
use actix_web::web::Bytes;
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED as ARCHIVE;

/// Scripts and styles of this origin only. Swagger UI draws its icons from `data:` URLs.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
/// A day: files change with the binary, and a stale explorer is harmless.
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");

const PAGE: &str = r#"<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Mercat: the HTTP API</title>
  <link rel="icon" type="image/png" href="/docs/favicon-32x32.png">
  <link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
  <div id="explorer"></div>
  <script src="/docs/swagger-ui-bundle.js"></script>
  <script src="/docs/start.js"></script>
</body>
</html>
"#;

/// No validator: it would send the document to somebody else's server.
const START: &str = r##"SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#explorer",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  validatorUrl: null,
});
"##;

/// A file of the archive and its media type.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    file: Option<File>,
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    [
        ("swagger-ui.css", "text/css; charset=utf-8"),
        ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("favicon-32x32.png", "image/png"),
    ]
    .map(|(name, media_type)| Asset { name, media_type, file: extract(ARCHIVE, &format!("/dist/{name}")) })
});

/// The file called `name` below `/docs/`, or the page itself when the name is empty.
pub(crate) fn serve(name: &str) -> Option<HttpResponse> {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_SECURITY_POLICY, POLICY)).insert_header((CACHE_CONTROL, A_DAY));
    match name {
        "" => return Some(response.content_type("text/html; charset=utf-8").body(PAGE)),
        "start.js" => return Some(response.content_type("text/javascript; charset=utf-8").body(START)),
        _ => {}
    }
    let asset = ASSETS.iter().find(|asset| asset.name == name)?;
    response.content_type(asset.media_type);
    match asset.file.as_ref()? {
        File::Plain(bytes) => Some(response.body(bytes.clone())),
        File::Gzip(bytes) => Some(response.insert_header((CONTENT_ENCODING, "gzip")).body(bytes.clone())),
    }
}

/// A file as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
enum File {
    Plain(Bytes),
    Gzip(Bytes),
}

/// Finds the entry whose name ends so, by the archive's central directory (APPNOTE.TXT §4.3.12 and §4.3.16).
fn extract(archive: &'static [u8], suffix: &str) -> Option<File> {
    const DIRECTORY_END: &[u8] = b"PK\x05\x06";
    let end = archive.windows(4).rposition(|window| window == DIRECTORY_END)?;
    let mut at = word(archive, end + 16)?;
    for _ in 0..half(archive, end + 10)? {
        let [name, extra, comment] = [28, 30, 32].map(|field| half(archive, at + field));
        let (name, extra, comment) = (name?, extra?, comment?);
        if archive.get(at + 46..at + 46 + name)?.ends_with(suffix.as_bytes()) {
            return entry(archive, at);
        }
        at += 46 + name + extra + comment;
    }
    None
}

/// The entry whose directory record is here.
fn entry(archive: &'static [u8], record: usize) -> Option<File> {
    const STORED: usize = 0;
    const DEFLATED: usize = 8;
    let packed = word(archive, record + 20)?;
    let local = word(archive, record + 42)?;
    let start = local + 30 + half(archive, local + 26)? + half(archive, local + 28)?;
    let data = archive.get(start..start + packed)?;
    match half(archive, record + 10)? {
        STORED => Some(File::Plain(Bytes::from_static(data))),
        DEFLATED => {
            // RFC 1952: magic, deflate, no flags, no time, no extra flags, unknown system; data; checksum and length,
            // which the archive keeps side by side but for the packed size between them.
            let mut gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".to_vec();
            gzip.extend_from_slice(data);
            gzip.extend_from_slice(archive.get(record + 16..record + 20)?);
            gzip.extend_from_slice(archive.get(record + 24..record + 28)?);
            Some(File::Gzip(gzip.into()))
        }
        _ => None,
    }
}

fn half(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<2>()?;
    Some(usize::from(u16::from_le_bytes(*bytes)))
}

fn word(bytes: &[u8], at: usize) -> Option<usize> {
    let bytes = bytes.get(at..)?.first_chunk::<4>()?;
    usize::try_from(u32::from_le_bytes(*bytes)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_the_page_names_is_there() {
        for name in ["", "swagger-ui.css", "swagger-ui-bundle.js", "start.js", "favicon-32x32.png"] {
            assert!(serve(name).is_some(), "{name}");
            assert!(PAGE.contains(&format!("/docs/{name}\"")) || name.is_empty(), "{name}");
        }
        assert!(serve("index.html").is_none());
    }

    #[test]
    fn a_truncated_archive_holds_nothing() {
        assert_eq!(extract(&ARCHIVE[..ARCHIVE.len() / 2], "/dist/swagger-ui.css"), None);
        assert_eq!(extract(b"", "/dist/swagger-ui.css"), None);
    }
}
