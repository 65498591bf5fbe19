//! HTTP: the door and the page, served by actix-web.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, LOCATION};
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use tokio::sync::watch;

use crate::bank::Bank;
use crate::books::Thing;
use crate::form::Form;
use crate::intent::Intent;
use crate::journal;
use crate::page;
use crate::stripe::{self, Manner, Reply, Request};
use crate::webhook::{self, Merchant};

/// How the bank is served.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it keeps its journal.
    pub data: PathBuf,
    /// Where browsers find its pages; the address it listens on, when empty.
    pub public_url: String,
    /// The merchant's key, `sk_test_…`; anybody may come when empty.
    pub secret_key: String,
    /// Who is told what happened; nobody when absent.
    pub merchant: Option<Merchant>,
    /// How long a slow card takes.
    pub slow: Duration,
}

impl Config {
    /// A bank in a directory, with the key and the secret that `mercat` uses when nobody sets others.
    #[must_use]
    pub fn new(data: PathBuf) -> Config {
        Config {
            data,
            public_url: String::new(),
            secret_key: String::new(),
            merchant: None,
            slow: Duration::from_secs(8),
        }
    }
}

/// Why the bank is not served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal.
    #[error("the bank cannot open its books")]
    Journal(#[from] journal::Error),
    /// The socket.
    #[error("the bank cannot listen")]
    Listen(#[source] std::io::Error),
    /// The server.
    #[error("the bank's server failed")]
    Serve(#[source] std::io::Error),
}

/// What every handler needs.
struct House {
    bank: Arc<Bank>,
    url: String,
    secret_key: String,
    slow: Duration,
}

/// How many workers answer. They wait for the disk in a pool of their own.
const WORKERS: usize = 2;
/// How long a webhook that comes first may take before the answer comes anyway.
const WEBHOOK_FIRST_MAX: Duration = Duration::from_secs(2);
/// The largest body.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// Serves the bank until `stop` says so, or its other side is gone. Must be run in an actix system.
///
/// # Errors
/// When the books cannot be opened, or nobody can listen.
pub async fn serve(config: Config, listener: TcpListener, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
    let address: SocketAddr = listener.local_addr().map_err(Error::Listen)?;
    let bank = Arc::new(Bank::open(&config.data)?);
    let url = if config.public_url.is_empty() { format!("http://{address}") } else { config.public_url.clone() };
    let telling = config
        .merchant
        .map(|merchant| tokio::spawn(webhook::deliver(bank.clone(), url.clone(), merchant, stop.clone())));
    let house = Data::new(House { bank, url, secret_key: config.secret_key, slow: config.slow });
    let app = move || {
        App::new()
            .app_data(house.clone())
            .app_data(web::PayloadConfig::new(BODY_BYTES_MAX))
            .route("/health", web::get().to(HttpResponse::Ok))
            .route("/3ds/{intent}", web::get().to(show_page))
            .route("/3ds/{intent}", web::post().to(take_page))
            .default_service(web::to(door))
    };
    let server = HttpServer::new(app)
        .workers(WORKERS)
        .shutdown_timeout(2)
        .disable_signals()
        .listen(listener)
        .map_err(Error::Listen)?
        .run();
    let handle = server.handle();
    let stopping = actix_web::rt::spawn(async move {
        // The other side is gone: nobody is left to say "go on".
        let _ = stop.wait_for(|stop| *stop).await;
        handle.stop(true).await;
    });
    let served = server.await.map_err(Error::Serve);
    stopping.abort();
    if let Some(telling) = telling {
        telling.abort();
    }
    served
}

async fn door(request: HttpRequest, body: Bytes, house: Data<House>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (authorization, key) = (header(AUTHORIZATION.as_str()), header("Idempotency-Key"));
    let (method, path) = (request.method().to_string(), request.path().to_owned());
    let query = request.query_string().to_owned();
    let asked = house.clone();
    let answered = web::block(move || {
        let body = String::from_utf8_lossy(&body);
        let request = Request {
            method: &method,
            path: &path,
            query: &query,
            authorization: authorization.as_deref(),
            key: key.as_deref(),
            body: &body,
        };
        stripe::answer(&asked.bank, &asked.url, &asked.secret_key, &request)
    });
    match answered.await {
        Ok(Ok(reply)) => deliver(reply, &house).await,
        Ok(Err(error)) => {
            tracing::error!(%error, "the bank cannot write its journal");
            broken()
        }
        Err(_) => broken(),
    }
}

fn broken() -> HttpResponse {
    let error = serde_json::json!({"error": {"type": "api_error", "message": "An unknown error occurred."}});
    HttpResponse::InternalServerError().json(error)
}

async fn deliver(reply: Reply, house: &House) -> HttpResponse {
    match reply.manner {
        Manner::Plain => {}
        Manner::Slow => tokio::time::sleep(house.slow).await,
        Manner::Fails => return broken(),
        Manner::Drops => {
            // The status is out, and then the connection breaks before the body is whole.
            return HttpResponse::Ok().content_type("application/json").body(Cut);
        }
        Manner::WebhookFirst => {
            let told = async {
                while house.bank.untold(1).is_ok_and(|untold| !untold.is_empty()) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            let _ = tokio::time::timeout(WEBHOOK_FIRST_MAX, told).await;
        }
    }
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if reply.replayed {
        response.insert_header(("Idempotent-Replayed", "true"));
    }
    response.insert_header(("Stripe-Version", stripe::VERSION)).json(reply.body)
}

/// A body that breaks off: promised, and never sent.
struct Cut;

impl MessageBody for Cut {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(1024)
    }

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

fn secret_of(intent: &Intent, text: &str) -> bool {
    Form::parse(text).ok().and_then(|form| form.text("secret")).is_some_and(|shown| shown == intent.client_secret())
}

async fn intent_of(house: &Data<House>, id: String) -> Option<Intent> {
    let house = house.clone();
    web::block(move || house.bank.intent(&id)).await.ok().and_then(Result::ok).flatten()
}

async fn show_page(request: HttpRequest, id: web::Path<String>, house: Data<House>) -> HttpResponse {
    match intent_of(&house, id.into_inner()).await {
        Some(intent) if secret_of(&intent, request.query_string()) => {
            HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page::page(&intent))
        }
        _ => HttpResponse::NotFound().body("There is no such payment."),
    }
}

async fn take_page(body: Bytes, id: web::Path<String>, house: Data<House>) -> HttpResponse {
    let text = String::from_utf8_lossy(&body).into_owned();
    let before = intent_of(&house, id.into_inner()).await.filter(|intent| secret_of(intent, &text));
    let Some(before) = before else { return HttpResponse::NotFound().body("There is no such payment.") };
    let proved = Form::parse(&text).ok().and_then(|form| form.text("outcome")).as_deref() == Some("complete");
    let asked = house.clone();
    let answered = web::block(move || asked.bank.authenticate(&before.id, proved)).await;
    let Ok(Ok(answer)) = answered else { return broken() };
    let thing = match answer.result {
        Ok(thing) => Some(thing),
        Err((_, thing)) => thing,
    };
    let Some(Thing::Intent(intent)) = thing else { return broken() };
    match page::way_back(&intent) {
        Some(back) => HttpResponse::SeeOther().insert_header((LOCATION, back)).finish(),
        None => HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page::page(&intent)),
    }
}
