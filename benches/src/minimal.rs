//! The minimal gateway: an HTTP handler that does one NATS request-reply, and the least that can answer it.
//!
//! Like the product it runs on actix-web, with a NATS connection per worker. Unlike it, it parses, checks, names and
//! records nothing: what arrives is passed on, what comes back is the answer.

use std::io;
use std::net::{SocketAddr, TcpListener};

use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, HttpServer, web};
use async_nats::Client;
use bytes::Bytes;
use futures::StreamExt as _;

/// Where requests go.
pub const ASK: &str = "yardstick.ask";
/// Where writes go that must be in a stream before they are answered. See [`crate::publish`].
pub const APPEND: &str = "yardstick.log.http";

/// How large a request is that the body does not tell, in bytes: that of a read of one entity.
const REQUEST_BYTES: usize = 32;

/// A gateway that listens but does not answer yet.
pub struct Minimal {
    listener: TcpListener,
    nats: String,
    workers: usize,
}

impl Minimal {
    /// Takes an address.
    ///
    /// # Errors
    /// When it is taken.
    pub fn bind(address: SocketAddr, nats: &str, workers: usize) -> io::Result<Minimal> {
        Ok(Minimal { listener: TcpListener::bind(address)?, nats: nats.to_owned(), workers })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers `GET` and `POST` of `/ask`, and `POST` of `/append`, until the process ends.
    ///
    /// # Errors
    /// When it cannot listen or connect.
    pub async fn run(self) -> io::Result<()> {
        let Minimal { listener, nats, workers } = self;
        HttpServer::new(move || {
            let nats = nats.clone();
            App::new()
                .data_factory(move || {
                    let nats = nats.clone();
                    async move { async_nats::connect(nats).await }
                })
                .route("/ask", web::get().to(read))
                .route("/ask", web::post().to(write))
                .route("/append", web::post().to(append))
        })
        .workers(workers)
        .listen(listener)?
        .run()
        .await
    }
}

async fn read(client: web::Data<Client>) -> HttpResponse {
    passed_on(&client, ASK, Bytes::from_static(&[b'?'; REQUEST_BYTES]), StatusCode::OK).await
}

async fn write(client: web::Data<Client>, body: Bytes) -> HttpResponse {
    passed_on(&client, ASK, body, StatusCode::CREATED).await
}

/// A stream acknowledges what is published like any request.
async fn append(client: web::Data<Client>, body: Bytes) -> HttpResponse {
    passed_on(&client, APPEND, body, StatusCode::CREATED).await
}

async fn passed_on(client: &Client, subject: &'static str, request: Bytes, status: StatusCode) -> HttpResponse {
    match client.request(subject, request).await {
        Ok(reply) => HttpResponse::build(status).content_type("application/json").body(reply.payload),
        Err(_) => HttpResponse::ServiceUnavailable().finish(),
    }
}

/// Answers everything asked on a subject with the same bytes and headers, as one of a queue group.
///
/// # Errors
/// When the connection ends.
pub async fn respond(nats: &str, subject: &str, said: &[(String, String)], answer: Bytes) -> io::Result<()> {
    let client = async_nats::connect(nats).await.map_err(io::Error::other)?;
    let mut heard =
        client.queue_subscribe(subject.to_owned(), "yardstick".to_owned()).await.map_err(io::Error::other)?;
    let mut headers = async_nats::HeaderMap::new();
    for (name, value) in said {
        headers.insert(name.as_str(), value.as_str());
    }
    while let Some(request) = heard.next().await {
        let Some(reply) = request.reply else { continue };
        let answered = if headers.is_empty() {
            client.publish(reply, answer.clone()).await
        } else {
            client.publish_with_headers(reply, headers.clone(), answer.clone()).await
        };
        answered.map_err(io::Error::other)?;
    }
    Ok(())
}
