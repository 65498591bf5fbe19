//! Webhooks over real sockets and a real nats-server: the receiver is slow, fails and hangs up, the sender is killed.

#[expect(dead_code, reason = "these tests say less than those of the group")]
#[path = "group/newsroom.rs"]
mod newsroom;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use messages::notification::v1::{self, rpc};
use notification::delivery::Reply;
use notification::providers::{Capture, Doors, Outside, Posting, Webhooks};
use notification::signing::Secret;
use runtime::entity::Outcome;
use runtime::fabric::SharedFabric;
use runtime::group::{Group, Provider as _, Said};
use runtime::nats::{self, Options};
use runtime::server::{Server, ServerOptions};
use runtime::testkit::suite::fabric::Site;
use runtime::testkit::{Ground, Stage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use newsroom::{Newsroom, confirmed, created, id};

/// What the receiver does with a posting.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Answers(u16),
    HangsUp,
    NeverAnswers,
}

#[derive(Debug, Clone)]
struct Received {
    id: String,
    timestamp: String,
    signature: String,
    body: String,
    taken: bool,
}

#[derive(Default)]
struct Seen {
    manners: VecDeque<Manner>,
    received: Vec<Received>,
}

struct Sink {
    url: String,
    seen: Arc<Mutex<Seen>>,
}

impl Sink {
    /// Listens, and treats the first postings as told and all later ones well.
    async fn open(manners: &[Manner]) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let seen = Arc::new(Mutex::new(Seen { manners: manners.iter().copied().collect(), received: Vec::new() }));
        let own = seen.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let own = own.clone();
                tokio::spawn(async move {
                    // A sender that dies in the middle is part of the play.
                    let _ = serve(stream, own).await;
                });
            }
        });
        Sink { url, seen }
    }

    fn received(&self) -> Vec<Received> {
        self.seen.lock().expect("seen").received.clone()
    }
}

/// As much of HTTP/1.1 as a sender needs that posts one thing at a time.
async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Seen>>) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let header = |name: &str| {
            let found =
                head.lines().filter_map(|line| line.split_once(": ")).find(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_owned()).unwrap_or_default()
        };
        let length: usize = header("content-length").parse().unwrap_or(0);
        while bytes.len() < end + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let body = String::from_utf8_lossy(&bytes[end..end + length]).into_owned();
        bytes.drain(..end + length);
        let manner = {
            let mut seen = seen.lock().expect("seen");
            let manner = seen.manners.pop_front().unwrap_or(Manner::Answers(200));
            seen.received.push(Received {
                id: header("webhook-id"),
                timestamp: header("webhook-timestamp"),
                signature: header("webhook-signature"),
                body,
                taken: matches!(manner, Manner::Answers(200..=299)),
            });
            manner
        };
        match manner {
            Manner::Answers(status) => {
                let answer = format!("HTTP/1.1 {status} So\r\ncontent-length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).await?;
            }
            Manner::HangsUp => return Ok(()),
            // Until the sender gives up or dies.
            Manner::NeverAnswers => {
                let mut rest = [0; 1];
                let _ = stream.read(&mut rest).await?;
                return Ok(());
            }
        }
    }
}

struct OnServers(Server);

impl Site for OnServers {
    fn fabric<'a>(&'a self, group: &'a str, replica: &'a str) -> BoxFuture<'a, SharedFabric> {
        async move {
            let fabric: SharedFabric =
                nats::Fabric::connect(Options::new(self.0.urls(), group, replica)).await.expect("a connection");
            fabric
        }
        .boxed()
    }
}

fn group() -> Group {
    let outside = Outside {
        email: Arc::new(Capture),
        sms: Arc::new(Capture),
        push: Arc::new(Capture),
        webhook: Arc::new(Webhooks::new(Doors::Any).expect("a client")),
        doors: Doors::Any,
        keeps_events: false,
    };
    notification::group_by(outside)
}

const NAMES: [&str; 3] = ["ada", "bob", "eve"];

#[test]
fn a_killed_sender_repeats_the_same_body_under_the_same_id_and_in_order() {
    actix_rt::System::new().block_on(async {
        let dir = tempfile::tempdir().expect("a directory");
        let server = Server::start(ServerOptions::new(dir.path())).await.expect("a server");
        let ground = Ground::Servers(Arc::new(OnServers(server)));
        let sink =
            Sink::open(&[Manner::Answers(500), Manner::NeverAnswers, Manner::HangsUp, Manner::NeverAnswers]).await;
        let news = Newsroom::open(&ground).await;
        let mut stage = Stage::new(ground, group);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let endpoint_id = id("whe", "erp");
        let create = v1::CreateWebhookEndpointRequest {
            endpoint_id: endpoint_id.clone(),
            url: sink.url.clone(),
            events: vec!["order.*".to_owned()],
            description: String::new(),
        };
        let secret = asker.ask::<rpc::CreateWebhookEndpoint>(Some(&endpoint_id), &create).await.expect("an endpoint");
        let secret = secret.endpoint.and_then(|endpoint| endpoint.secret).expect("a secret");
        asker.until::<rpc::ListWebhookEndpoints>(None, &Default::default(), |page| !page.data.is_empty()).await;
        for name in NAMES {
            news.say(&created(name)).await;
            news.say(&confirmed(name)).await;
        }
        // Three tries have reached the receiver, and at least one of them is never answered: the sender dies on it.
        while sink.received().len() < 3 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        stage.kill("a");
        stage.start("a").await;
        let get = v1::GetWebhookEndpointRequest { endpoint_id: endpoint_id.clone() };
        let so = |answer: &v1::GetWebhookEndpointResponse| {
            answer.endpoint.as_ref().is_some_and(|endpoint| endpoint.noted == 6 && endpoint.pending == 0)
        };
        asker.until::<rpc::GetWebhookEndpoint>(Some(&endpoint_id), &get, so).await;
        judge(&sink.received(), &secret);
        news.close().await;
        stage.clear().await;
    });
}

fn judge(received: &[Received], secret: &str) {
    let secret = Secret::read(secret).expect("a secret");
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    for one in received {
        assert_eq!(*bodies.entry(&one.id).or_insert(&one.body), one.body, "two bodies under {}", one.id);
        let timestamp = one.timestamp.parse().expect("seconds");
        assert_eq!(one.signature, secret.sign(&one.id, timestamp, &one.body));
    }
    assert_eq!(bodies.len(), 6);
    assert!(received.len() > 6, "something was repeated");
    for name in NAMES {
        let of: Vec<&Received> =
            received.iter().filter(|one| one.taken && one.body.contains(&id("ord", name))).collect();
        let mut types: Vec<String> = Vec::new();
        for one in of {
            let body: serde_json::Value = serde_json::from_str(&one.body).expect("JSON");
            types.push(body["type"].as_str().expect("a type").to_owned());
        }
        types.dedup();
        assert_eq!(types, ["order.created", "order.confirmed"], "{name}");
    }
}

fn posting(url: &str) -> Bytes {
    let posting = Posting {
        url: url.to_owned(),
        id: "whe-1".to_owned(),
        timestamp: 1,
        signature: "v1,x".to_owned(),
        body: "{}".to_owned(),
    };
    Bytes::from(serde_json::to_vec(&posting).expect("JSON"))
}

async fn reply(doors: Doors, url: &str) -> Reply {
    let Said::Settled(Outcome::Done(said)) = Webhooks::new(doors).expect("a client").call("key", posting(url)).await
    else {
        panic!("not settled");
    };
    serde_json::from_slice(&said).expect("a reply")
}

#[tokio::test]
async fn every_answer_settles_a_try() {
    let sink = Sink::open(&[Manner::Answers(204), Manner::Answers(410), Manner::Answers(302), Manner::HangsUp]).await;
    assert_eq!(reply(Doors::Any, &sink.url).await, Reply::Taken { status: 204 });
    assert_eq!(reply(Doors::Any, &sink.url).await, Reply::Gone { status: 410 });
    assert_eq!(
        reply(Doors::Any, &sink.url).await,
        Reply::not_taken(Some(302), "http_status"),
        "a redirect is not followed"
    );
    assert_eq!(reply(Doors::Any, &sink.url).await, Reply::not_taken(None, "broken_off"));
}

#[tokio::test]
async fn nothing_inside_is_spoken_to() {
    let sink = Sink::open(&[]).await;
    let port = sink.url.split(':').next_back().and_then(|rest| rest.split('/').next()).expect("a port");
    let not_allowed = Reply::not_taken(None, "address_not_allowed");
    assert_eq!(reply(Doors::Public, &sink.url).await, not_allowed);
    assert_eq!(reply(Doors::Public, &format!("https://localhost:{port}/")).await, not_allowed);
    // A name that says nothing of itself is judged by where it leads.
    let name = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let name = name.trim();
    if !name.is_empty() {
        assert_eq!(reply(Doors::Public, &format!("https://{name}:{port}/")).await, not_allowed);
    }
    assert!(sink.received().is_empty());
}
