//! Plans over a few warehouses, and over chance.

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
