//! Allocation: from which warehouses a basket is sent.
//!
//! A plan over what the levels say now, and nothing more: it holds nothing, so each warehouse may still refuse its part.
//! Whoever is refused plans again. What is here goes first; what is not here at all is planned where it may be waited for,
//! by the same rules. One warehouse that has everything is always preferred to several, by every strategy;
//! the strategies differ in which one, and in how a basket is split when none has everything.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::reservation::Units;

/// How many sets of warehouses are tried to find the fewest parcels: all there are of 16 warehouses. Beyond that the
/// warehouse that has most of what is still missing is taken, again and again.
const SETS_MAX: usize = 1 << 16;

/// How to choose between warehouses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The customer's region first, then the customer's country, then the rest; among equals by priority.
    Nearest,
    /// As few parcels as possible; among equals as the nearest.
    FewestParcels,
    /// By priority alone.
    Priority,
}

/// A warehouse that could send something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Which one.
    pub warehouse_id: String,
    /// Its country; empty when nobody said.
    pub country: String,
    /// Its region; empty when nobody said.
    pub region: String,
    /// The higher goes first.
    pub priority: u32,
    /// Units that can be sold, by SKU.
    pub stock: Units,
    /// Units that may be waited for beyond those, by SKU.
    pub awaitable: Units,
}

/// Where a basket goes; empty where nobody said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// The country.
    pub country: String,
    /// The region.
    pub region: String,
}

/// Which warehouses send what.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// The parcels, the first choice first.
    pub parts: Vec<Part>,
    /// What cannot be had in full.
    pub short: Vec<Short>,
}

/// What one warehouse sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The warehouse.
    pub warehouse_id: String,
    /// Units, by SKU.
    pub lines: Units,
}

/// A line that cannot be had in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// The SKU.
    pub sku: String,
    /// Units asked for.
    pub requested: i64,
    /// Units there are.
    pub available: i64,
}

/// Plans a basket. What is short is planned as far as it goes.
#[must_use]
pub fn allocate(wanted: &Units, sites: &[Site], to: &Destination, strategy: Strategy) -> Plan {
    let Plan { mut parts, short } = plan(wanted, sites, to, strategy);
    let missing: Units = short.iter().map(|short| (short.sku.clone(), short.requested - short.available)).collect();
    if sites.iter().all(|site| missing.keys().all(|sku| site.awaitable.get(sku).copied().unwrap_or(0) <= 0)) {
        return Plan { parts, short };
    }
    let awaited = |site: &Site| Site { stock: site.awaitable.clone(), ..site.clone() };
    let later = plan(&missing, &sites.iter().map(awaited).collect::<Vec<_>>(), to, strategy);
    for part in later.parts {
        match parts.iter_mut().find(|now| now.warehouse_id == part.warehouse_id) {
            Some(now) => part.lines.into_iter().for_each(|(sku, units)| *now.lines.entry(sku).or_default() += units),
            None => parts.push(part),
        }
    }
    // A line is short by what neither is here nor may be waited for.
    let here =
        |sku: &String| short.iter().find(|short| short.sku == *sku).map_or((0, 0), |s| (s.requested, s.available));
    let still = later.short.into_iter().map(|beyond| {
        let (requested, available) = here(&beyond.sku);
        Short { requested, available: available + beyond.available, sku: beyond.sku }
    });
    Plan { parts, short: still.collect() }
}

fn plan(wanted: &Units, sites: &[Site], to: &Destination, strategy: Strategy) -> Plan {
    let available = |sku: &String| sites.iter().map(|site| free(site, sku)).sum::<i64>();
    let mut missing = Units::new();
    let mut short = Vec::new();
    for (sku, &requested) in wanted {
        let available = available(sku);
        if available < requested {
            short.push(Short { sku: sku.clone(), requested, available });
        }
        missing.insert(sku.clone(), requested.min(available));
    }
    missing.retain(|_, units| *units > 0);
    let mut sites: Vec<&Site> = sites.iter().filter(|site| missing.keys().any(|sku| free(site, sku) > 0)).collect();
    sites.sort_by_key(|site| {
        let distance = if strategy == Strategy::Priority { 0 } else { distance(site, to) };
        (distance, std::cmp::Reverse(site.priority), site.warehouse_id.as_str())
    });
    if let Some(one) = sites.iter().copied().find(|site| covers(&[site], &missing)) {
        sites = vec![one];
    } else if strategy == Strategy::FewestParcels {
        sites = fewest(&sites, &missing);
    }
    Plan { parts: take(&sites, missing), short }
}

fn free(site: &Site, sku: &str) -> i64 {
    site.stock.get(sku).copied().unwrap_or(0).max(0)
}

/// 0 in the same region, 1 in the same country, 2 anywhere else. Regions have the same name in many countries.
fn distance(site: &Site, to: &Destination) -> u8 {
    if to.country.is_empty() || site.country != to.country {
        2
    } else if to.region.is_empty() || !site.region.eq_ignore_ascii_case(&to.region) {
        1
    } else {
        0
    }
}

fn covers(sites: &[&Site], missing: &Units) -> bool {
    missing.iter().all(|(sku, units)| sites.iter().map(|site| free(site, sku)).sum::<i64>() >= *units)
}

/// Every site gives what it has of what is still missing.
fn take(sites: &[&Site], mut missing: Units) -> Vec<Part> {
    let mut parts = Vec::new();
    for site in sites {
        let mut lines = BTreeMap::new();
        for (sku, units) in &mut missing {
            let taken = free(site, sku).min(*units);
            if taken > 0 {
                lines.insert(sku.clone(), taken);
                *units -= taken;
            }
        }
        if !lines.is_empty() {
            parts.push(Part { warehouse_id: site.warehouse_id.clone(), lines });
        }
    }
    parts
}

/// The smallest set of sites that has everything; of equally small ones the first in the order of the sites.
fn fewest<'a>(sites: &[&'a Site], missing: &Units) -> Vec<&'a Site> {
    let mut tried = 0;
    for size in 2..=sites.len() {
        let mut chosen: Vec<usize> = (0..size).collect();
        loop {
            tried += 1;
            if tried > SETS_MAX {
                return fewest_of_many(sites, missing);
            }
            let set: Vec<&Site> = chosen.iter().map(|&index| sites[index]).collect();
            if covers(&set, missing) {
                return set;
            }
            if !advance(&mut chosen, sites.len()) {
                break;
            }
        }
    }
    sites.to_vec()
}

/// The next set of as many indexes below `count`, in the order of a dictionary; `false` after the last.
fn advance(chosen: &mut [usize], count: usize) -> bool {
    let size = chosen.len();
    let Some(place) = (0..size).rev().find(|&place| chosen[place] < count - size + place) else { return false };
    chosen[place] += 1;
    for later in place + 1..size {
        chosen[later] = chosen[later - 1] + 1;
    }
    true
}

fn fewest_of_many<'a>(sites: &[&'a Site], missing: &Units) -> Vec<&'a Site> {
    let (mut left, mut missing, mut set) = (sites.to_vec(), missing.clone(), Vec::new());
    while missing.values().any(|units| *units > 0) {
        let gives = |site: &Site| missing.iter().map(|(sku, units)| free(site, sku).min(*units)).sum::<i64>();
        // Of equals the first: `max_by_key` would take the last.
        let Some(best) = (0..left.len()).rev().max_by_key(|&index| gives(left[index])) else { break };
        let site = left.remove(best);
        missing.iter_mut().for_each(|(sku, units)| *units -= free(site, sku).min(*units));
        set.push(site);
    }
    set
}
