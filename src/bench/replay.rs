//! A replay: a log of so many events, and a replica that begins with nothing.

use yardstick::sample::{Sample, median};

use super::Settings;
use super::ground::Ground;
use super::part::Replayed;
use super::shop::{PLENTY, Shop, of, scattered, sku};
use super::table::{Line, mebibytes, number, seconds};

/// How many shelves.
const SKUS: u64 = 10_000;
/// A million events take no longer than this, in milliseconds.
const MILLION_WITHIN: u64 = 10_000;

/// Fills the log and replays it.
pub(crate) async fn replay(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let groups = ground.serve(&["inventory"], "groups", 1).await?;
    let shop = Shop::connect(&ground).await?;
    let warehouses = shop.warehouses().await?;
    shop.stock(&warehouses, SKUS, PLENTY / 2).await?;
    // An adjustment is one event; a reservation is two, its own and the shelf's.
    let commands = settings.events.saturating_sub(SKUS + warehouses.len() as u64) * 2 / 3;
    let filled = shop
        .times(commands, 256, move |shop, number| {
            let shelf = scattered(number, SKUS);
            let warehouse_id = of(&warehouses, shelf);
            if number % 2 == 0 { shop.adjust(warehouse_id, sku(shelf)) } else { shop.reserve(warehouse_id, sku(shelf)) }
        })
        .await?;
    groups.stop().await?;
    let mut rounds = Vec::new();
    for round in 0..settings.rounds {
        rounds.push([
            pass(&ground, "read", round).await?,
            pass(&ground, "fold", round).await?,
            pass(&ground, "whole", round).await?,
        ]);
    }
    ground.leave().await;
    Ok(told(settings.events, &filled, &rounds))
}

async fn pass(ground: &Ground, pass: &str, round: usize) -> anyhow::Result<Replayed> {
    let store = ground.dir().join(format!("replay-{round}")).display().to_string();
    let mut child = ground.part(&["replica", "--pass", pass, "--store", &store]).await?;
    Ok(serde_json::from_str(&child.hear("replayed").await?)?)
}

fn told(events: u64, filled: &Sample, rounds: &[[Replayed; 3]]) -> Vec<Line> {
    let of = |pass: usize, figure: fn(&Replayed) -> u64| {
        median(rounds.iter().filter_map(|round| round.get(pass)).map(figure))
    };
    let (read, folded) = (of(0, |pass| pass.caught_up), of(1, |pass| pass.caught_up));
    let (caught_up, checkpointed) = (of(2, |pass| pass.caught_up), of(2, |pass| pass.checkpointed));
    let in_log = of(1, |pass| pass.events);
    // A shorter run is judged by its share of a million.
    let per_million = checkpointed * 1_000_000 / in_log.max(1);
    let mib = |bytes| mebibytes(bytes / 1024);
    vec![
        Line::promise(
            format!("replay of {} events into sled", number(in_log)),
            seconds(checkpointed),
            "≤ 10 s a million",
            per_million <= MILLION_WITHIN,
        ),
        Line::fact(
            "the log",
            format!("{} messages, {}", number(of(0, |pass| pass.messages)), mib(of(0, |pass| pass.bytes))),
        ),
        Line::fact("reading it alone", seconds(read)),
        Line::fact("reading, checking and folding it in memory", seconds(folded)),
        Line::fact("until the replica has caught up (read models too)", seconds(caught_up)),
        Line::fact(
            "in sled's batches",
            format!(
                "{} for {} rows in {} batches",
                seconds(of(2, |pass| pass.applying)),
                number(of(2, |pass| pass.rows)),
                of(2, |pass| pass.batches)
            ),
        ),
        Line::fact("until flushed to the disk", seconds(of(2, |pass| pass.flushed))),
        Line::fact(
            "memory at most, store on disk",
            format!("{}, {}", mebibytes(of(2, |pass| pass.memory)), mib(of(2, |pass| pass.disk))),
        ),
        Line::fact(
            format!("filling a log of {} events", number(events)),
            format!("{} commands/s ({} failed)", number(filled.per_second()), filled.failed),
        ),
    ]
}
