//! How requests reach a provider: over HTTPS, with one pool of connections; in tests in other ways.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A request to a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// `/v1/…`, with the query.
    pub path: String,
    /// What names its effect.
    pub key: Option<String>,
    /// The body: a form, unless a header says otherwise.
    pub form: String,
    /// What else is said beside it.
    pub headers: Vec<(&'static str, String)>,
}

/// The answer of a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Why there is no answer: the request may have been done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Lost(pub String);

/// A reply that comes later.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Reply, Lost>> + Send + 'a>>;

/// What carries requests to a provider.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request and waits for the answer.
    fn send(&self, request: Request) -> Sending<'_>;
}

/// HTTPS.
pub struct Https {
    client: reqwest::Client,
    base_url: String,
    secret_key: String,
}

/// The longest answer that is read: intents have some 5 kB.
const REPLY_BYTES_MAX: usize = 1024 * 1024;

impl Https {
    /// A transport to an address, as the bearer of a key.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(base_url: &str, secret_key: &str, timeout: Duration) -> Result<Https, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(timeout)
            // Nobody may send us, and the key, elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("mercat/", env!("CARGO_PKG_VERSION")))
            .build()?;
        let base_url = base_url.trim_end_matches('/').to_owned();
        Ok(Https { client, base_url, secret_key: secret_key.to_owned() })
    }

    async fn exchange(&self, request: Request) -> Result<Reply, Lost> {
        let url = format!("{}{}", self.base_url, request.path);
        let mut sending = match request.method {
            "GET" => self.client.get(url),
            _ if request.headers.iter().any(|(name, _)| *name == "content-type") => {
                self.client.post(url).body(request.form)
            }
            _ => self.client.post(url).header("content-type", "application/x-www-form-urlencoded").body(request.form),
        };
        for (name, value) in request.headers {
            sending = sending.header(name, value);
        }
        if !self.secret_key.is_empty() {
            sending = sending.bearer_auth(&self.secret_key);
        }
        if let Some(key) = request.key {
            sending = sending.header("Idempotency-Key", key);
        }
        // The address may hold nothing secret, but it says nothing useful either.
        let lost = |error: reqwest::Error| Lost(error.without_url().to_string());
        let mut answer = sending.send().await.map_err(lost)?;
        let status = answer.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(lost)? {
            body.extend_from_slice(&chunk);
            if body.len() > REPLY_BYTES_MAX {
                return Err(Lost("the answer is too long".to_owned()));
            }
        }
        String::from_utf8(body).map(|body| Reply { status, body }).map_err(|_| Lost("the answer is no text".to_owned()))
    }
}

impl Transport for Https {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(self.exchange(request))
    }
}
