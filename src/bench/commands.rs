//! Commands committed, against raw fenced appends; and one shelf that everybody wants.

use std::rc::Rc;

use anyhow::ensure;
use messages::Rpc as _;
use messages::inventory::v1::AdjustStockResponse;
use messages::inventory::v1::rpc::AdjustStock;
use prost::Message as _;
use yardstick::publish::Publisher;
use yardstick::sample::Sample;

use super::ground::Ground;
use super::shop::{PLENTY, Shop, of, scattered, sku};
use super::table::{Line, number, ratio};
use super::{Settings, compared};

/// How many SKUs are written to.
const SKUS: u64 = 1000;
/// How many clients at once are many.
const MANY: usize = 256;
/// With many clients at once turns commit so many times what raw appends do, in thousandths.
const MANY_MIN: u64 = 10_000;
/// With one client they lose no more than this to them.
const ALONE_MIN: u64 = 700;
/// How many clients want the same shelf at once.
const CROWD: usize = 512;
/// Reservations of one SKU in a second.
const HOT_MIN: u64 = 20_000;

/// Commands committed in a second, against raw fenced appends with one un-acknowledged per partition.
pub(crate) async fn committed(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let groups = ground.serve(&["inventory"], "groups", 1).await?;
    let shop = Shop::connect(&ground).await?;
    let warehouses = shop.warehouses().await?;
    shop.stock(&warehouses, SKUS, 0).await?;
    let publisher = Publisher::connect(&ground.nats()).await?;
    let time = (settings.warm_up(), settings.lasting());

    // A group that knows its answer by heart: what asking costs before anything is done.
    let aside = Ground::lay().await?;
    let answer = aside.dir().join("answer");
    std::fs::write(&answer, AdjustStockResponse::default().encode_to_vec())?;
    let everybody = format!("shop.cmd.{}.*.*.{}", AdjustStock::ROUTE.group, AdjustStock::ROUTE.verb);
    let parrot = aside.part(&["responder", "--subject", &everybody, "--answer", &answer.display().to_string()]).await?;
    let asking = Shop::connect(&aside).await?;

    let cases = [
        ("one client", 1, 1, Some(ALONE_MIN)),
        ("256 clients, all partitions", MANY, warehouses.len(), Some(MANY_MIN)),
        ("256 clients, one partition", MANY, 1, Some(MANY_MIN)),
    ];
    let mut lines = Vec::new();
    for (what, clients, partitions, target) in cases {
        let (mut pairs, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..settings.rounds {
            let warehouses = warehouses.clone();
            let make = Rc::new(move |shop: &Shop, number| {
                let number = scattered(number, SKUS);
                // In one partition the SKUs are those of one warehouse.
                let number = if partitions == 1 { number - number % warehouses.len() as u64 } else { number };
                shop.adjust(of(&warehouses, number), sku(number))
            });
            let make = || {
                let make = make.clone();
                move |shop: &Shop, number| make(shop, number)
            };
            let ours = shop.repeat(clients, time, make()).await?;
            let theirs = publisher.run(partitions, time.0, time.1).await?;
            if clients == 1 {
                let asked = asking.repeat(clients, time, make()).await?;
                floors.push(theirs.within(500) + asked.within(500));
            }
            pairs.push((ours, theirs));
        }
        lines.extend(judged(what, partitions, &pairs, target));
        if clients == 1 {
            let floor = number(yardstick::sample::median(floors));
            lines.push(Line::fact("a bare request-reply and a raw append in a row: p50, µs", floor));
        }
    }
    drop((groups, parrot));
    aside.leave().await;
    ground.leave().await;
    Ok(lines)
}

fn judged(what: &str, partitions: usize, pairs: &[(Sample, Sample)], target: Option<u64>) -> [Line; 2] {
    let rate = compared(pairs, Sample::per_second);
    let p50 = compared(pairs, |sample| sample.within(500));
    let failed: u64 = pairs.iter().map(|(a, b)| a.failed + b.failed).sum();
    let what_failed = if failed > 0 { format!(" ({failed} failed)") } else { String::new() };
    let un_acked = if partitions == 1 { "1 un-acked".to_owned() } else { format!("{partitions} un-acked") };
    [
        Line {
            what: format!("commands/s, {what}{what_failed}"),
            ours: number(rate.ours),
            theirs: format!("{} ({un_acked})", number(rate.theirs)),
            ratio: ratio(rate.per_mille),
            target: target.map_or_else(String::new, |target| format!("≥ {}", ratio(target))),
            met: target.map(|target| rate.per_mille >= target),
        },
        Line {
            what: format!("commands, {what}: p50, µs"),
            ours: number(p50.ours),
            theirs: number(p50.theirs),
            ratio: ratio(p50.per_mille),
            ..Line::default()
        },
    ]
}

/// Everybody wants the same thing: reservations of one SKU in one warehouse until it is sold out, and some more.
pub(crate) async fn hot_sku(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let groups = ground.serve(&["inventory"], "groups", 1).await?;
    let shop = Shop::connect(&ground).await?;
    let warehouse_id = shop.warehouses().await?.swap_remove(0);
    let mut rates = Vec::new();
    let mut all = 0;
    for round in 0..settings.rounds {
        let (here, hot) = (warehouse_id.clone(), sku(u64::try_from(round)?));
        let units = 10_000 * settings.seconds.max(1);
        set(&shop, &here, &hot, units).await?;
        let wanted = units + u64::try_from(CROWD)?;
        let make = {
            let (here, hot) = (here.clone(), hot.clone());
            move |shop: &Shop, _| shop.reserve(&here, hot.clone())
        };
        let sample = shop.times(wanted, CROWD, make).await?;
        let level = shop.level(&here, &hot).await?;
        let exact = sample.done() == units
            && sample.failed == wanted - units
            && (level.on_hand, level.reserved, level.received) == (0, i64::try_from(units)?, i64::try_from(units)?);
        ensure!(exact, "{} reserved and {} refused of {units}, the shelf says {level:?}", sample.done(), sample.failed);
        all += units;
        rates.push(sample);
    }
    let rate = yardstick::sample::median(rates.iter().map(Sample::per_second));
    let p99 = yardstick::sample::median(rates.iter().map(|sample| sample.within(990)));
    let sums = format!(
        "{} reserved, {} refused, 0 left over",
        number(all),
        number(u64::try_from(CROWD)? * rates.len() as u64)
    );
    drop(groups);
    ground.leave().await;
    Ok(vec![
        Line::promise(
            format!("reservations/s of one SKU, {CROWD} at once"),
            number(rate),
            &format!("≥ {}", number(HOT_MIN)),
            rate >= HOT_MIN,
        ),
        Line::fact("the same: p99, µs", number(p99)),
        Line::promise("the same: exact to the unit", sums, "exact", true),
    ])
}

async fn set(shop: &Shop, warehouse_id: &str, sku: &str, units: u64) -> anyhow::Result<()> {
    use messages::inventory::v1::{self as inventory, StockReason};
    let set = inventory::SetStockRequest {
        warehouse_id: warehouse_id.to_owned(),
        sku: sku.to_owned(),
        on_hand: Some(i64::try_from(units)?.min(PLENTY)),
        expected_on_hand: None,
        low_stock_threshold: None,
        reason: StockReason::Counted.into(),
        note: String::new(),
    };
    shop.ask::<inventory::rpc::SetStock>(warehouse_id, &set).await.map(drop)
}
