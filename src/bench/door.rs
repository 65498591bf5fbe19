//! The gateway against the minimal one: the same load on both, by turns.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use messages::Rpc as _;
use messages::inventory::v1::rpc::Reserve;
use messages::product::v1::rpc::GetProduct;
use runtime::client::host_subject;
use runtime::headers;
use yardstick::load::{self, Plan};
use yardstick::publish::Publisher;
use yardstick::sample::{Sample, median, per_mille};

use super::ground::{Child, Ground, TOKEN};
use super::shop::{PLENTY, Shop, of, sku};
use super::table::{Line, number, ratio};
use super::{Settings, compared};

/// How many clients ask at once.
const CONNECTIONS: [usize; 3] = [1, 64, 256];
/// How many SKUs are written to.
const SKUS: u64 = 1000;
/// What a read may lose to the minimal gateway, in thousandths of its rate.
const READ_RATE_MIN: u64 = 800;
/// And how much longer its slowest hundredth may take.
const READ_P99_MAX: u64 = 1500;

/// One side of a comparison.
struct Side {
    address: SocketAddr,
    requests: Arc<[Vec<u8>]>,
}

impl Side {
    async fn run(&self, settings: &Settings, connections: usize) -> anyhow::Result<Sample> {
        let plan = Plan {
            address: self.address,
            requests: self.requests.clone(),
            connections,
            warm_up: settings.warm_up(),
            lasting: settings.lasting(),
        };
        Ok(load::run(&plan).await?)
    }
}

/// Reads of one product.
pub(crate) async fn reads(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let groups = ground.serve(&["product"], "groups", 1).await?;
    let (product_id, said) = Shop::connect(&ground).await?.product().await?;
    let path = format!("/api/v1/products/{product_id}");
    let gateway = ground.serve(&["gateway"], "gateway", settings.workers).await?;
    let ours = Side { address: gateway.address()?, requests: [load::get(&path)].into() };
    // The same gateway with a memory: what everybody reads is asked once.
    let keeping = ground.serve_with(&["gateway"], "keeping", settings.workers, 64 << 20).await?;
    let kept = Side { address: keeping.address()?, requests: ours.requests.clone() };
    let answer = ground.dir().join("answer");
    std::fs::write(&answer, &said.payload)?;
    let (minimal, responder) = minimal(&ground, settings, &said.payload).await?;
    let theirs = Side { address: minimal.address()?, requests: [load::get("/ask")].into() };

    // The same gateway before a group that knows its answer by heart: what the gateway alone costs.
    let aside = Ground::lay().await?;
    let subject = host_subject(GetProduct::ROUTE, &product_id);
    let version = format!("{}={}", headers::VERSION, said.version.unwrap_or(1));
    let by_heart = answer.display().to_string();
    let parrot = aside.part(&["responder", "--subject", &subject, "--said", &version, "--answer", &by_heart]).await?;
    let gateway_aside = aside.serve(&["gateway"], "gateway", settings.workers).await?;
    let alone = Side { address: gateway_aside.address()?, requests: ours.requests.clone() };

    let mut lines = vec![Line::fact("size of the answer read, in protobuf", format!("{} B", said.payload.len()))];
    for connections in CONNECTIONS {
        let (mut whole, mut door, mut memory) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            let a = ours.run(settings, connections).await?;
            let b = theirs.run(settings, connections).await?;
            let c = alone.run(settings, connections).await?;
            let d = kept.run(settings, connections).await?;
            door.push((c, b.clone()));
            memory.push((d, b.clone()));
            whole.push((a, b));
        }
        lines.extend(judged(&format!("read, {connections} at once"), &whole, true));
        lines.extend(judged(&format!("read that the gateway keeps, {connections} at once"), &memory, true));
        lines.extend(judged(&format!("the gateway alone, {connections} at once"), &door, false));
    }
    drop((groups, gateway, keeping, minimal, responder, parrot, gateway_aside));
    aside.leave().await;
    ground.leave().await;
    Ok(lines)
}

/// Reservations, each under a key.
pub(crate) async fn writes(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let groups = ground.serve(&["inventory"], "groups", 1).await?;
    let shop = Shop::connect(&ground).await?;
    let warehouses = shop.warehouses().await?;
    shop.stock(&warehouses, SKUS, PLENTY).await?;
    let body = |number| {
        let (warehouse_id, sku) = (of(&warehouses, number), sku(number));
        format!(r#"{{"warehouse_id":"{warehouse_id}","lines":[{{"sku":"{sku}","quantity":1}}]}}"#)
    };
    let path = Reserve::ROUTE.http.first().map_or(String::new(), |http| http.path.to_owned());
    let requests: Vec<_> = (0..SKUS).map(|number| load::post(&path, TOKEN, &body(number))).collect();
    let gateway = ground.serve(&["gateway"], "gateway", settings.workers).await?;
    let ours = Side { address: gateway.address()?, requests: requests.into() };
    // The stream that the minimal gateway appends to.
    Publisher::connect(&ground.nats()).await?;
    let (minimal, responder) = minimal(&ground, settings, &Bytes::from(vec![b'w'; 200])).await?;
    let to_minimal =
        |path| anyhow::Ok(Side { address: minimal.address()?, requests: [load::post(path, TOKEN, &body(0))].into() });
    let (asking, appending) = (to_minimal("/ask")?, to_minimal("/append")?);

    let mut lines = Vec::new();
    for connections in CONNECTIONS {
        let (mut asked, mut appended) = (Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            let a = ours.run(settings, connections).await?;
            let b = asking.run(settings, connections).await?;
            let c = appending.run(settings, connections).await?;
            asked.push((a.clone(), b));
            appended.push((a, c));
        }
        lines.extend(judged(&format!("write, {connections} at once"), &asked, false));
        lines.extend(judged(&format!("write, {connections} at once, against publish + ack"), &appended, false));
    }
    drop((groups, gateway, minimal, responder));
    ground.leave().await;
    Ok(lines)
}

async fn minimal(ground: &Ground, settings: &Settings, answer: &Bytes) -> anyhow::Result<(Child, Child)> {
    let file = ground.dir().join("minimal");
    std::fs::write(&file, answer)?;
    let file = file.display().to_string();
    let responder = ground.part(&["responder", "--subject", yardstick::minimal::ASK, "--answer", &file]).await?;
    let minimal = ground.part(&["minimal", "--workers", &settings.workers.to_string()]).await?;
    Ok((minimal, responder))
}

fn judged(what: &str, pairs: &[(Sample, Sample)], has_target: bool) -> [Line; 2] {
    let rate = compared(pairs, Sample::per_second);
    let p99 = compared(pairs, |sample| sample.within(990));
    let p50 = |side: fn(&(Sample, Sample)) -> &Sample| median(pairs.iter().map(|pair| side(pair).within(500)));
    let (ours, theirs) = (p50(|pair| &pair.0), p50(|pair| &pair.1));
    let failed: u64 = pairs.iter().map(|(a, b)| a.failed + b.failed).sum();
    let what_failed = if failed > 0 { format!(" ({failed} failed)") } else { String::new() };
    let target = |text: &str| if has_target { text.to_owned() } else { String::new() };
    [
        Line {
            what: format!("{what}: requests/s{what_failed}"),
            ours: number(rate.ours),
            theirs: number(rate.theirs),
            ratio: ratio(rate.per_mille),
            target: target("≥ 0.80"),
            met: has_target.then_some(rate.per_mille >= READ_RATE_MIN),
        },
        Line {
            what: format!("{what}: p99 (p50), µs"),
            ours: format!("{} ({})", number(p99.ours), number(ours)),
            theirs: format!("{} ({})", number(p99.theirs), number(theirs)),
            ratio: format!("{} ({})", ratio(p99.per_mille), ratio(per_mille(ours, theirs))),
            target: target("≤ 1.50"),
            met: has_target.then_some(p99.per_mille <= READ_P99_MAX),
        },
    ]
}
