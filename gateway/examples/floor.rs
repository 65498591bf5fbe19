//! What the gateway costs: the same read through the gateway, and through the least handler that could answer it.
//!
//! ```text
//! nats-server --addr 127.0.0.1 --port 4333 &
//! floor responder nats://127.0.0.1:4333 &
//! floor minimal   nats://127.0.0.1:4333 127.0.0.1:8091 &
//! floor gateway   nats://127.0.0.1:4333 127.0.0.1:8092 &
//! wrk -t1 -c64 -d10s --latency http://127.0.0.1:8091/api/v1/products/prd_01h455vb4pex5vsknk084sn02q
//! wrk -t1 -c64 -d10s --latency http://127.0.0.1:8092/api/v1/products/prd_01h455vb4pex5vsknk084sn02q
//! ```
//! Both have one worker and a NATS connection of their own. The least handler sends what the group wants to hear and
//! passes on the bytes it gets, in protobuf: it parses, checks and writes nothing.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use actix_web::{App, HttpResponse, HttpServer, web};
use futures::StreamExt;
use gateway::{Config, Connect, Gateway};
use messages::common::v1::Money;
use messages::product::v1::{GetProductRequest, GetProductResponse, Product, ProductStatus, Variant};
use prost::Message;
use runtime::fabric::Fabric as _;
use runtime::headers;
use runtime::nats::{Fabric, Options};

const ID: &str = "prd_01h455vb4pex5vsknk084sn02q";

#[actix_web::main]
async fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["responder", url] => respond(url).await,
        ["minimal", url, address] => minimal(url, address).await,
        ["gateway", url, address] => through_the_gateway(url, address).await,
        _ => Err(io::Error::other("floor responder URL | minimal URL ADDRESS | gateway URL ADDRESS")),
    }
}

async fn connect(url: &str) -> io::Result<async_nats::Client> {
    async_nats::connect(url).await.map_err(io::Error::other)
}

/// A group that knows its answer by heart.
async fn respond(url: &str) -> io::Result<()> {
    let variant = |sku: &str| Variant {
        sku: sku.to_owned(),
        title: "Red, M".to_owned(),
        price: Some(Money { amount: Some(1999), currency: "EUR".to_owned() }),
        ..Variant::default()
    };
    let product = Product {
        product_id: ID.to_owned(),
        version: 3,
        title: "Trail shirt".to_owned(),
        description: "Light, dries fast, and has a pocket for the key.".to_owned(),
        status: ProductStatus::Active.into(),
        variants: vec![variant("SHIRT-RED-M"), variant("SHIRT-RED-L")],
        ..Product::default()
    };
    let payload: bytes::Bytes = GetProductResponse { product: Some(product) }.encode_to_vec().into();
    let mut said = async_nats::HeaderMap::new();
    said.insert(headers::VERSION, "3");
    let client = connect(url).await?;
    let mut heard = client.queue_subscribe("shop.cmd.>", "group".to_owned()).await.map_err(io::Error::other)?;
    while let Some(request) = heard.next().await {
        if let Some(reply) = request.reply {
            client.publish_with_headers(reply, said.clone(), payload.clone()).await.map_err(io::Error::other)?;
        }
    }
    Ok(())
}

/// One request, one reply, nothing else.
async fn minimal(url: &str, address: &str) -> io::Result<()> {
    let partition = messages::partition::of(ID, 8);
    let subject: Arc<str> = format!("shop.cmd.product.{partition}.{ID}.get").into();
    let url: Arc<str> = url.into();
    HttpServer::new(move || {
        let (subject, url) = (subject.clone(), url.clone());
        let payload: bytes::Bytes =
            GetProductRequest { product_id: ID.to_owned(), channel: None }.encode_to_vec().into();
        let handle = move |client: web::Data<async_nats::Client>| {
            let (subject, payload) = (subject.clone(), payload.clone());
            async move {
                match client.request(subject.to_string(), payload).await {
                    Ok(reply) => HttpResponse::Ok().content_type("application/x-protobuf").body(reply.payload),
                    Err(_) => HttpResponse::ServiceUnavailable().finish(),
                }
            }
        };
        App::new()
            .data_factory(move || {
                let url = url.clone();
                async move { connect(&url).await }
            })
            .route("/api/v1/products/{product_id}", web::get().to(handle))
    })
    .workers(1)
    .bind(address)?
    .run()
    .await
}

async fn through_the_gateway(url: &str, address: &str) -> io::Result<()> {
    let listen: SocketAddr = address.parse().map_err(io::Error::other)?;
    let url: Arc<str> = url.into();
    let connect: Connect = Arc::new(move || {
        let options = Options::new(vec![url.to_string()], "gateway", "floor");
        Box::pin(async move { Ok(Fabric::connect(options).await.map_err(io::Error::other)?.bus()) })
    });
    gateway::metrics::install().map_err(io::Error::other)?;
    let gateway =
        Gateway::bind(Config { listen, workers: 1, ..Config::default() }, connect).map_err(io::Error::other)?;
    gateway.run(std::future::pending()).await.map_err(io::Error::other)
}
