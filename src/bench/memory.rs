//! What a process takes: memory idle and loaded, per actor, and the time until it serves.

use std::time::Duration;

use yardstick::sample::median;

use super::Settings;
use super::ground::{Child, Ground};
use super::machine;
use super::shop::{PLENTY, Shop};
use super::table::{Line, mebibytes, number};

/// How many actors a loaded shop holds.
const ACTORS: u64 = 100_000;
/// How often a process is looked at while it settles.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// It has settled when its memory stays within this many KiB for [`LOOKS_ALIKE`] looks.
const ALIKE_KIB: u64 = 256;
const LOOKS_ALIKE: usize = 8;
/// How long that is waited for.
const LOOKS_MAX: usize = 240;

/// Memory of the whole shop in one process.
pub(crate) async fn memory(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let whole = ground.serve(&["product", "inventory", "gateway"], "whole", settings.workers).await?;
    let idle = settled(whole.pid()).await;
    let shop = Shop::connect(&ground).await?;
    let warehouses = shop.warehouses().await?;
    shop.stock(&warehouses, ACTORS, PLENTY).await?;
    let loaded = settled(whole.pid()).await;
    let (_, peak) = machine::memory(whole.pid());
    let server = ground.server_pid().map_or(0, |pid| machine::memory(pid).0);
    whole.stop().await?;

    // The same actors, asked for nothing: they lie in the store.
    let again = ground.serve(&["product", "inventory", "gateway"], "whole", settings.workers).await?;
    let resting = settled(again.pid()).await;
    again.stop().await?;
    ground.leave().await;
    let per_actor = loaded.saturating_sub(idle) * 1024 / ACTORS;
    Ok(vec![
        Line::fact("memory idle: product, inventory and gateway in one process", mebibytes(idle)),
        Line::fact(format!("loaded: {} shelves just written", number(ACTORS)), mebibytes(loaded)),
        Line::fact("at most meanwhile", mebibytes(peak)),
        Line::fact("per actor, read models included", format!("{} B", number(per_actor))),
        Line::fact("after a restart, the same actors at rest in the store", mebibytes(resting)),
        Line::fact("nats-server meanwhile", mebibytes(server)),
    ])
}

/// Resident memory once it changes no more, in KiB.
async fn settled(pid: u32) -> u64 {
    let mut looks: Vec<u64> = Vec::new();
    for _ in 0..LOOKS_MAX {
        looks.push(machine::memory(pid).0);
        let last = looks.iter().rev().take(LOOKS_ALIKE);
        let (least, most) = (last.clone().min().copied(), last.max().copied());
        if looks.len() >= LOOKS_ALIKE && most.zip(least).is_some_and(|(most, least)| most - least <= ALIKE_KIB) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    looks.last().copied().unwrap_or(0)
}

/// How long a shop takes until it answers.
pub(crate) async fn start(settings: &Settings) -> anyhow::Result<Vec<Line>> {
    let ground = Ground::lay().await?;
    let names = ["product", "inventory", "gateway"];
    let (mut first, mut stopped, mut killed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..settings.rounds {
        let empty = ground.serve(&names, &format!("empty-{round}"), settings.workers).await?;
        first.push(millis(&empty));
        empty.stop().await?;
    }
    let store = "full";
    let full = ground.serve(&names, store, settings.workers).await?;
    let shop = Shop::connect(&ground).await?;
    let warehouses = shop.warehouses().await?;
    shop.stock(&warehouses, ACTORS, PLENTY).await?;
    full.stop().await?;
    for _ in 0..settings.rounds {
        let again = ground.serve(&names, store, settings.workers).await?;
        stopped.push(millis(&again));
        again.kill().await?;
        let again = ground.serve(&names, store, settings.workers).await?;
        killed.push(millis(&again));
        again.stop().await?;
    }
    ground.leave().await;
    let ms = |times: Vec<u64>| format!("{} ms", number(median(times)));
    Ok(vec![
        Line::fact("start until ready: product, inventory and gateway, nothing there yet", ms(first)),
        Line::fact(format!("with {} actors, stopped before", number(ACTORS)), ms(stopped)),
        Line::fact(format!("with {} actors, killed before", number(ACTORS)), ms(killed)),
    ])
}

fn millis(child: &Child) -> u64 {
    u64::try_from(child.ready_after.as_millis()).unwrap_or(u64::MAX)
}
