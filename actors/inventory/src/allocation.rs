//! Allocation: from which warehouses a basket is sent.
//!
//! A plan over what the levels say now, and nothing more: it holds nothing, so each warehouse may still refuse its part.
//! Whoever is refused plans again. What is here goes first; what is not here at all is planned where it may be waited for,
//! by the same rules. One warehouse that has everything is always preferred to several, by every strategy;
//! the strategies differ in which one, and in how a basket is split when none has everything.

use std::collections::BTreeMap;

use crate::reservation::Units;

/// How many sets of warehouses are tried to find the fewest parcels: all there are of 16 warehouses. Beyond that the
/// warehouse that has most of what is still missing is taken, again and again.
const SETS_MAX: usize = 1 << 16;

/// How to choose between warehouses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::{prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn units(lines: &[(&str, i64)]) -> Units {
        lines.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect()
    }

    fn site(name: &str, country: &str, region: &str, priority: u32, stock: &[(&str, i64)]) -> Site {
        let (warehouse_id, country, region) = (name.to_owned(), country.to_owned(), region.to_owned());
        Site { warehouse_id, country, region, priority, stock: units(stock), awaitable: Units::new() }
    }

    fn vienna() -> Destination {
        Destination { country: "AT".into(), region: "W".into() }
    }

    fn check(wanted: &[(&str, i64)], sites: &[Site], strategy: Strategy, expected: Expect) {
        let plan = allocate(&units(wanted), sites, &vienna(), strategy);
        let parts = plan.parts.iter().map(|part| format!("{} {:?}", part.warehouse_id, part.lines));
        let short = plan.short.iter().map(|s| format!("short of {}: {} of {}", s.sku, s.available, s.requested));
        expected.assert_eq(&parts.chain(short).collect::<Vec<_>>().join("; "));
    }

    fn shop() -> Vec<Site> {
        vec![
            site("berlin", "DE", "BE", 90, &[("MUG", 9), ("TEE", 9), ("CAP", 1)]),
            site("graz", "AT", "ST", 50, &[("MUG", 5), ("TEE", 2)]),
            site("vienna", "AT", "W", 10, &[("MUG", 2), ("CAP", 3)]),
        ]
    }

    #[test]
    fn the_nearest_that_has_everything_sends_it() {
        check(&[("MUG", 2)], &shop(), Strategy::Nearest, expect![[r#"vienna {"MUG": 2}"#]]);
        check(&[("MUG", 3)], &shop(), Strategy::Nearest, expect![[r#"graz {"MUG": 3}"#]]);
        check(&[("MUG", 6)], &shop(), Strategy::Nearest, expect![[r#"berlin {"MUG": 6}"#]]);
        let abroad = Destination { country: "FR".into(), region: "W".into() };
        let plan = allocate(&units(&[("MUG", 1)]), &shop(), &abroad, Strategy::Nearest);
        assert_eq!(plan.parts[0].warehouse_id, "berlin", "to a country without one, the priority decides");
        let nowhere = allocate(&units(&[("MUG", 1)]), &shop(), &Destination::default(), Strategy::Nearest);
        assert_eq!(nowhere.parts[0].warehouse_id, "berlin");
    }

    #[test]
    fn priority_looks_at_nothing_else() {
        check(&[("MUG", 2)], &shop(), Strategy::Priority, expect![[r#"berlin {"MUG": 2}"#]]);
        check(&[("MUG", 2), ("CAP", 2)], &shop(), Strategy::Priority, expect![[r#"vienna {"CAP": 2, "MUG": 2}"#]]);
        let equal = [site("b", "AT", "", 0, &[("MUG", 1)]), site("a", "AT", "", 0, &[("MUG", 1)])];
        check(&[("MUG", 1)], &equal, Strategy::Priority, expect![[r#"a {"MUG": 1}"#]]);
    }

    #[test]
    fn a_basket_is_split_when_no_single_one_has_everything() {
        let wanted = [("MUG", 7), ("CAP", 4)];
        check(
            &wanted,
            &shop(),
            Strategy::Nearest,
            expect![[r#"vienna {"CAP": 3, "MUG": 2}; graz {"MUG": 5}; berlin {"CAP": 1}"#]],
        );
        check(
            &wanted,
            &shop(),
            Strategy::FewestParcels,
            expect![[r#"vienna {"CAP": 3, "MUG": 2}; berlin {"CAP": 1, "MUG": 5}"#]],
        );
        check(&wanted, &shop(), Strategy::Priority, expect![[r#"berlin {"CAP": 1, "MUG": 7}; vienna {"CAP": 3}"#]]);
    }

    #[test]
    fn what_is_short_says_what_there_is_and_the_rest_is_planned() {
        check(
            &[("MUG", 17), ("HAT", 1), ("TEE", 1)],
            &shop(),
            Strategy::FewestParcels,
            expect![[
                r#"vienna {"MUG": 2}; graz {"MUG": 5, "TEE": 1}; berlin {"MUG": 9}; short of HAT: 0 of 1; short of MUG: 16 of 17"#
            ]],
        );
        check(&[("HAT", 1)], &[], Strategy::Nearest, expect!["short of HAT: 0 of 1"]);
    }

    #[test]
    fn what_is_nowhere_is_waited_for_where_that_is_allowed() {
        let waits = |mut sites: Vec<Site>| {
            sites[0].awaitable = units(&[("MUG", 5), ("HAT", 2)]);
            sites[2].awaitable = units(&[("MUG", 1)]);
            sites
        };
        check(&[("MUG", 2)], &waits(shop()), Strategy::Nearest, expect![[r#"vienna {"MUG": 2}"#]]);
        check(
            &[("MUG", 17)],
            &waits(shop()),
            Strategy::Nearest,
            expect![[r#"vienna {"MUG": 3}; graz {"MUG": 5}; berlin {"MUG": 9}"#]],
        );
        check(
            &[("MUG", 20), ("HAT", 3)],
            &waits(shop()),
            Strategy::Nearest,
            expect![[r#"vienna {"MUG": 2}; graz {"MUG": 5}; berlin {"HAT": 2, "MUG": 13}; short of HAT: 2 of 3"#]],
        );
        check(
            &[("CAP", 5)],
            &waits(shop()),
            Strategy::Nearest,
            expect![[r#"vienna {"CAP": 3}; berlin {"CAP": 1}; short of CAP: 4 of 5"#]],
        );
    }

    #[test]
    fn of_many_warehouses_few_are_chosen_in_time() {
        let small = (0..40).map(|n| site(&format!("s{n:02}"), "AT", "W", 0, &[("MUG", 10)]));
        let big = (0..8).map(|n| site(&format!("z{n}"), "DE", "", 0, &[("MUG", 100)]));
        let sites: Vec<Site> = small.chain(big).collect();
        let plan = allocate(&units(&[("MUG", 800)]), &sites, &vienna(), Strategy::FewestParcels);
        assert_eq!((plan.parts.len(), plan.short), (8, vec![]));
    }

    fn any_site() -> impl proptest::strategy::Strategy<Value = (u8, u32, BTreeMap<u8, i64>)> {
        (0..3u8, 0..3u32, proptest::collection::btree_map(0..4u8, -1..6i64, 0..4))
    }

    fn sites_of(drawn: &[(u8, u32, BTreeMap<u8, i64>)]) -> Vec<Site> {
        let named = drawn.iter().enumerate().map(|(index, (place, priority, stock))| Site {
            warehouse_id: format!("w{index}"),
            country: if *place == 0 { "DE" } else { "AT" }.to_owned(),
            region: if *place == 2 { "W" } else { "" }.to_owned(),
            priority: *priority,
            stock: stock.iter().map(|(sku, units)| (sku.to_string(), *units)).collect(),
            awaitable: Units::new(),
        });
        named.collect()
    }

    proptest! {
        /// Whatever is asked of whatever there is: nobody sends what they do not have, nobody gets more than they asked
        /// for, and what is neither sent nor short does not exist.
        #[test]
        fn a_plan_never_promises_more_than_there_is(
            drawn in proptest::collection::vec(any_site(), 0..6),
            basket in proptest::collection::btree_map(0..5u8, 1..9i64, 1..5),
        ) {
            let sites = sites_of(&drawn);
            let wanted: Units = basket.into_iter().map(|(sku, units)| (sku.to_string(), units)).collect();
            for strategy in [Strategy::Nearest, Strategy::FewestParcels, Strategy::Priority] {
                let plan = allocate(&wanted, &sites, &vienna(), strategy);
                for part in &plan.parts {
                    let site = sites.iter().find(|site| site.warehouse_id == part.warehouse_id).expect("a site");
                    prop_assert!(!part.lines.is_empty());
                    prop_assert!(part.lines.iter().all(|(sku, units)| *units > 0 && *units <= free(site, sku)));
                }
                let ids: std::collections::BTreeSet<_> = plan.parts.iter().map(|part| &part.warehouse_id).collect();
                prop_assert_eq!(ids.len(), plan.parts.len(), "one parcel from each");
                for (sku, requested) in &wanted {
                    let sent: i64 = plan.parts.iter().filter_map(|part| part.lines.get(sku)).sum();
                    let available: i64 = sites.iter().map(|site| free(site, sku)).sum();
                    prop_assert_eq!(sent, available.min(*requested));
                    let short = plan.short.iter().find(|short| short.sku == *sku).map(|short| short.available);
                    prop_assert_eq!(short, (available < *requested).then_some(available));
                }
            }
        }

        /// No smaller set of warehouses could have sent the same: all sets are tried here by counting in binary.
        #[test]
        fn the_fewest_parcels_are_the_fewest(
            drawn in proptest::collection::vec(any_site(), 0..7),
            basket in proptest::collection::btree_map(0..4u8, 1..9i64, 1..4),
        ) {
            let sites = sites_of(&drawn);
            let wanted: Units = basket.into_iter().map(|(sku, units)| (sku.to_string(), units)).collect();
            let plan = allocate(&wanted, &sites, &vienna(), Strategy::FewestParcels);
            let mut sendable = wanted.clone();
            sendable.iter_mut().for_each(|(sku, units)| {
                *units = sites.iter().map(|site| free(site, sku)).sum::<i64>().min(*units);
            });
            let sets = (0..1u32 << sites.len()).filter(|set| {
                let chosen: Vec<&Site> =
                    sites.iter().enumerate().filter(|(index, _)| set >> index & 1 == 1).map(|(_, site)| site).collect();
                covers(&chosen, &sendable)
            });
            prop_assert_eq!(Some(plan.parts.len()), sets.map(|set| set.count_ones() as usize).min());
        }
    }
}
