//! A small legacy shop: the monolith that is taken over, piece by piece. It knows products and vouchers, keeps them in
//! memory, believes what the gateway says of a client, and calls some things otherwise than the shop does.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use actix_web::http::Method;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::json;

/// A request as it has heard it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) target: String,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type Record = Arc<Mutex<Vec<Asked>>>;

/// A legacy shop that runs until it is dropped.
pub(crate) struct Legacy {
    pub(crate) address: SocketAddr,
    asked: Record,
    handle: actix_web::dev::ServerHandle,
}

impl Legacy {
    pub(crate) fn open() -> Legacy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let asked = Record::default();
        let record = asked.clone();
        let server = HttpServer::new(move || {
            App::new().app_data(web::Data::new(record.clone())).default_service(web::to(answer))
        });
        let server = server.workers(1).disable_signals().listen(listener).expect("it listens").run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Legacy { address, asked, handle }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has been asked since this was asked last.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("whole"))
    }

    /// Closes for good.
    pub(crate) async fn close(&self) {
        self.handle.stop(false).await;
    }
}

impl Drop for Legacy {
    fn drop(&mut self) {
        // The answer is of no use: nobody waits for it.
        drop(self.handle.stop(false));
    }
}

async fn answer(http: HttpRequest, record: web::Data<Record>, body: web::Bytes) -> HttpResponse {
    let headers = http.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    record.lock().expect("whole").push(Asked {
        method: http.method().to_string(),
        target: http.uri().to_string(),
        headers: headers.collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    });
    let url = format!("http://{}", http.app_config().local_addr());
    match (http.method(), http.path()) {
        (_, path) if path.ends_with("/slow") => std::future::pending().await,
        (&Method::GET, "/api/v1/vouchers") => HttpResponse::Ok().json(json!({"vouchers": ["SPRING"]})),
        (&Method::GET, "/api/v1/large") => HttpResponse::Ok().body("x".repeat(10_000)),
        (&Method::POST, "/api/v1/products") => {
            let mut response = HttpResponse::Created();
            response.insert_header(("location", format!("{url}/api/v1/products/old-1")));
            response.insert_header(("set-cookie", "PHPSESSID=1")).insert_header(("server", "shop/0.9"));
            response.json(json!({"product_id": "old-1"}))
        }
        (&Method::GET, path) if path.starts_with("/api/v1/products/") => {
            let id = path.rsplit('/').next().unwrap_or_default();
            // As the shop says it, but for the end of a title and a field of its own.
            HttpResponse::Ok().json(json!({"product_id": id, "title": "Trail shirt (old)", "shelf": 7}))
        }
        _ => HttpResponse::NotFound().json(json!({"error": "no such thing"})),
    }
}
