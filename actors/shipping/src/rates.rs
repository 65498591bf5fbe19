//! What it costs to send a basket somewhere: a pure computation over zones.
//!
//! The most specific zone that holds a place counts, and only that one: a zone whose ways do not fit the basket hides the
//! wider ones, so a shop can say that an island is not served at all.
//!
//! What a carrier said about a way just now counts in place of the table, but for what the shop promised: what is free from
//! a subtotal on is free, and what is too heavy is not sent.

use jiff::Timestamp;
use jiff::civil::Date;

use crate::carriers::live::Quoted;
use crate::days;
use crate::wire::Money;
use crate::zone::{Area, Basis, Rate, Terms, Way};

/// What is sent, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basket {
    /// The country, by its two capitals.
    pub country: String,
    /// The state or province; empty when nobody said.
    pub region: String,
    /// The postal code; empty when nobody said.
    pub postal_code: String,
    /// What all of it weighs.
    pub weight_grams: i64,
    /// What it is worth; its currency is that of the prices.
    pub subtotal: Money,
}

/// A zone to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: String,
    /// Since when it is there.
    pub created_at: Timestamp,
    /// What it says.
    pub terms: Terms,
}

/// A way as it is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What to order it by.
    pub option_id: String,
    /// What customers read.
    pub title: String,
    /// What it costs.
    pub amount: Money,
    /// Who carries it.
    pub carrier: String,
    /// The fewest working days.
    pub min_days: u32,
    /// The most working days.
    pub max_days: u32,
    /// The first day on which it may arrive.
    pub from: Date,
    /// The last day on which it should arrive.
    pub until: Date,
}

/// The name of an option across zones.
#[must_use]
pub fn option_id(zone_id: &str, option: &str) -> String {
    format!("{zone_id}.{option}")
}

/// How closely a zone names a place. Greater is closer: first the length of the postal prefix, then the region, then the
/// country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Closeness {
    prefix: usize,
    region: bool,
    country: bool,
}

/// Carriers of these zones that were asked what they take and did not answer.
#[must_use]
pub fn unanswered(zones: &[Candidate], quoted: &Quoted) -> Vec<String> {
    let carries = |name: &&String| zones.iter().flat_map(|zone| &zone.terms.options).any(|way| way.carrier == **name);
    let silent = quoted.iter().filter(|(_, said)| said.is_none()).map(|(name, _)| name);
    silent.filter(carries).cloned().collect()
}

/// The ways to send a basket, the cheapest first; none when no zone holds the place.
#[must_use]
pub fn offers(zones: &[Candidate], basket: &Basket, quoted: &Quoted, now: Timestamp) -> Vec<Offer> {
    let held = zones.iter().filter_map(|zone| Some((closeness(&zone.terms, basket)?, zone)));
    // Of equals the oldest counts, so that drawing a zone never takes a place away from an equal one.
    let Some((_, zone)) = held.max_by(|(left, a), (right, b)| {
        left.cmp(right).then_with(|| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)))
    }) else {
        return Vec::new();
    };
    let today = days::day(now);
    let mut offers: Vec<_> =
        zone.terms.options.iter().filter_map(|way| offer(&zone.id, way, basket, quoted, today)).collect();
    offers.sort_by(|a, b| {
        (a.amount.amount(), a.max_days, &a.option_id).cmp(&(b.amount.amount(), b.max_days, &b.option_id))
    });
    offers
}

fn offer(zone_id: &str, way: &Way, basket: &Basket, quoted: &Quoted, today: Date) -> Option<Offer> {
    if way.max_weight_grams.is_some_and(|max| basket.weight_grams > max) {
        return None;
    }
    let rate = way.rates.iter().find(|rate| rate.currency == basket.subtotal.currency());
    let quotes = quoted.get(&way.carrier).and_then(Option::as_ref);
    let quote = quotes.and_then(|quotes| quotes.iter().find(|quote| quote.service == way.option));
    let amount = match quote {
        Some(_) if rate.is_some_and(|rate| is_free(rate, basket)) => Money::zero(basket.subtotal.currency()),
        Some(quote) => Money::new(quote.amount?, basket.subtotal.currency()).ok()?,
        None => price(rate?, basket)?,
    };
    let days = quote.and_then(|quote| quote.min_days.zip(quote.max_days));
    let (min_days, max_days) = days.unwrap_or((way.min_days, way.max_days));
    Some(Offer {
        option_id: option_id(zone_id, &way.option),
        title: way.title.clone(),
        amount,
        carrier: way.carrier.clone(),
        min_days,
        max_days,
        from: days::after(today, min_days),
        until: days::after(today, max_days),
    })
}

fn is_free(rate: &Rate, basket: &Basket) -> bool {
    rate.free_from.is_some_and(|from| basket.subtotal.amount() >= from)
}

/// What a rate says about a basket; nothing beyond its last step.
fn price(rate: &Rate, basket: &Basket) -> Option<Money> {
    let measure = match rate.basis {
        Basis::Flat => 0,
        Basis::Weight => basket.weight_grams,
        Basis::Subtotal => basket.subtotal.amount(),
    };
    let step = rate.steps.iter().find(|step| step.up_to.is_none_or(|end| measure <= end))?;
    Money::new(if is_free(rate, basket) { 0 } else { step.amount }, rate.currency).ok()
}

fn closeness(terms: &Terms, basket: &Basket) -> Option<Closeness> {
    if terms.areas.is_empty() {
        return Some(Closeness { prefix: 0, region: false, country: false });
    }
    terms.areas.iter().filter_map(|area| in_area(area, basket)).max()
}

fn in_area(area: &Area, basket: &Basket) -> Option<Closeness> {
    if area.country != basket.country {
        return None;
    }
    let code = bare(&basket.postal_code);
    let prefixes = area.postal_prefixes.iter().map(|prefix| bare(prefix)).filter(|prefix| code.starts_with(prefix));
    let prefix = prefixes.map(|prefix| prefix.len()).max();
    let region = area.regions.iter().any(|region| region.trim().to_lowercase() == basket.region.trim().to_lowercase());
    if prefix.is_none() && !area.postal_prefixes.is_empty() || !region && !area.regions.is_empty() {
        return None;
    }
    Some(Closeness { prefix: prefix.unwrap_or(0), region, country: true })
}

/// A postal code without what people write in different ways.
fn bare(code: &str) -> String {
    code.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_uppercase).collect()
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::moment;

    use super::*;
    use crate::carriers::live::Quote;
    use crate::wire::Currency;
    use crate::zone::Step;

    fn eur(amount: i64) -> Money {
        Money::new(amount, Currency::parse("EUR").expect("euros")).expect("money")
    }

    fn area(country: &str, regions: &[&str], prefixes: &[&str]) -> Area {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Area { country: country.to_owned(), regions: owned(regions), postal_prefixes: owned(prefixes) }
    }

    fn rate(basis: Basis, steps: &[(Option<i64>, i64)], free_from: Option<i64>) -> Rate {
        let steps = steps.iter().map(|(up_to, amount)| Step { up_to: *up_to, amount: *amount }).collect();
        Rate { currency: Currency::parse("EUR").expect("euros"), basis, steps, free_from }
    }

    fn way(option: &str, rate: Rate) -> Way {
        Way {
            option: option.to_owned(),
            title: option.to_owned(),
            carrier: "table".to_owned(),
            min_days: 1,
            max_days: 3,
            rates: vec![rate],
            max_weight_grams: None,
        }
    }

    fn zone(id: &str, age: i64, areas: Vec<Area>, options: Vec<Way>) -> Candidate {
        let terms = Terms { name: id.to_owned(), areas, options };
        Candidate { id: id.to_owned(), created_at: moment(age), terms }
    }

    fn flat(amount: i64) -> Vec<Way> {
        vec![way("standard", rate(Basis::Flat, &[(None, amount)], None))]
    }

    fn to(country: &str, region: &str, postal_code: &str) -> Basket {
        Basket {
            country: country.to_owned(),
            region: region.to_owned(),
            postal_code: postal_code.to_owned(),
            weight_grams: 500,
            subtotal: eur(4900),
        }
    }

    fn said(zones: &[Candidate], basket: &Basket) -> Vec<String> {
        offers(zones, basket, &Quoted::new(), moment(0))
            .iter()
            .map(|offer| format!("{} {}", offer.option_id, offer.amount))
            .collect()
    }

    #[test]
    fn the_most_specific_zone_counts() {
        let zones = [
            zone("world", 0, vec![], flat(2900)),
            zone("austria", 1, vec![area("AT", &[], &[]), area("DE", &[], &[])], flat(490)),
            zone("vienna", 2, vec![area("AT", &["W"], &[])], flat(390)),
            zone("inner", 3, vec![area("AT", &[], &["10"])], flat(290)),
            zone("first", 4, vec![area("AT", &[], &["101"])], flat(190)),
        ];
        for (basket, expected) in [
            (to("JP", "", "100-0001"), "world.standard 29.00 EUR"),
            (to("DE", "", "10115"), "austria.standard 4.90 EUR"),
            (to("AT", "", ""), "austria.standard 4.90 EUR"),
            (to("AT", " w ", "1200"), "vienna.standard 3.90 EUR"),
            (to("AT", "W", "1030"), "inner.standard 2.90 EUR"),
            (to("AT", "W", "10-10"), "first.standard 1.90 EUR"),
        ] {
            assert_eq!(said(&zones, &basket), [expected], "{basket:?}");
        }
    }

    #[test]
    fn regions_and_prefixes_of_one_area_must_both_fit() {
        let zones = [zone("both", 0, vec![area("GB", &["ENG"], &["SW1A"])], flat(100))];
        assert_eq!(said(&zones, &to("GB", "eng", "sw1a 1aa")), ["both.standard 1.00 EUR"]);
        assert!(said(&zones, &to("GB", "SCT", "SW1A 1AA")).is_empty());
        assert!(said(&zones, &to("GB", "ENG", "SW1 1AA")).is_empty());
    }

    #[test]
    fn of_equal_zones_the_oldest_counts() {
        let older = zone("b", 1, vec![area("AT", &[], &[])], flat(100));
        let newer = zone("a", 2, vec![area("AT", &[], &[])], flat(200));
        assert_eq!(said(&[newer.clone(), older.clone()], &to("AT", "", "")), ["b.standard 1.00 EUR"]);
        assert_eq!(said(&[older, newer], &to("AT", "", "")), ["b.standard 1.00 EUR"]);
    }

    #[test]
    fn a_place_in_no_zone_has_no_way_and_a_closer_zone_hides_the_wider() {
        assert!(said(&[zone("austria", 0, vec![area("AT", &[], &[])], flat(490))], &to("CH", "", "")).is_empty());
        let zones = [zone("world", 0, vec![], flat(1)), zone("island", 1, vec![area("GR", &[], &["8"])], vec![])];
        assert!(said(&zones, &to("GR", "", "84700")).is_empty());
        assert_eq!(said(&zones, &to("GR", "", "10431")), ["world.standard 0.01 EUR"]);
    }

    #[test]
    fn a_table_is_read_step_by_step_and_ends_with_its_last() {
        let weight = rate(Basis::Weight, &[(Some(500), 300), (Some(2000), 490)], None);
        let zones = [zone("z", 0, vec![], vec![way("post", weight)])];
        for (grams, expected) in [(0, Some(300)), (500, Some(300)), (501, Some(490)), (2000, Some(490)), (2001, None)] {
            let basket = Basket { weight_grams: grams, ..to("AT", "", "") };
            let amount = offers(&zones, &basket, &Quoted::new(), moment(0)).first().map(|offer| offer.amount.amount());
            assert_eq!(amount, expected, "{grams} g");
        }
        let subtotal = rate(Basis::Subtotal, &[(Some(2000), 600), (None, 300)], Some(5000));
        let zones = [zone("z", 0, vec![], vec![way("post", subtotal)])];
        for (worth, expected) in [(0, 600), (2000, 600), (2001, 300), (4999, 300), (5000, 0), (1 << 50, 0)] {
            let basket = Basket { subtotal: eur(worth), ..to("AT", "", "") };
            let amount = offers(&zones, &basket, &Quoted::new(), moment(0)).first().map(|offer| offer.amount.amount());
            assert_eq!(amount, Some(expected), "worth {worth}");
        }
    }

    #[test]
    fn what_is_too_heavy_or_in_another_currency_is_not_offered() {
        let mut light = way("letter", rate(Basis::Flat, &[(None, 100)], None));
        light.max_weight_grams = Some(499);
        let free_but_heavy = rate(Basis::Weight, &[(Some(400), 1)], Some(1));
        let zones = [zone("z", 0, vec![], vec![light, way("tiny", free_but_heavy)])];
        assert!(said(&zones, &to("AT", "", "")).is_empty(), "free shipping does not make it lighter");
        let yen = Money::new(4900, Currency::parse("JPY").expect("yen")).expect("money");
        assert!(said(&[zone("z", 0, vec![], flat(1))], &Basket { subtotal: yen, ..to("AT", "", "") }).is_empty());
    }

    #[test]
    fn what_a_carrier_asks_counts_in_place_of_the_table() {
        let quote = |service: &str, amount: Option<i64>| Quote {
            service: service.to_owned(),
            amount,
            currency: "EUR".to_owned(),
            min_days: Some(0),
            max_days: Some(1),
        };
        let of = |carrier: &str, option: &str| {
            let free_from = (option == "gift").then_some(4900);
            Way { carrier: carrier.to_owned(), ..way(option, rate(Basis::Weight, &[(Some(600), 490)], free_from)) }
        };
        let heavy = Way { max_weight_grams: Some(499), ..of("swift", "express") };
        let ways = vec![
            of("swift", "express"),
            of("swift", "gift"),
            of("swift", "unknown"),
            of("swift", "never"),
            of("table", "post"),
            Way { option: "letter".to_owned(), ..heavy },
        ];
        let zones = [zone("z", 0, vec![], ways)];
        let said = |weight_grams, quotes: Vec<Quote>| -> Vec<String> {
            let quoted = Quoted::from([("swift".to_owned(), Some(quotes))]);
            let basket = Basket { weight_grams, ..to("AT", "", "") };
            let offers = offers(&zones, &basket, &quoted, moment(0));
            offers.iter().map(|o| format!("{} {} {}", o.option_id, o.amount.amount(), o.max_days)).collect()
        };
        let quotes = || {
            let priced = [("express", 990), ("gift", 700), ("post", 1), ("letter", 1)];
            let priced = priced.map(|(service, amount)| quote(service, Some(amount)));
            priced.into_iter().chain([quote("never", None)]).collect::<Vec<_>>()
        };
        assert_eq!(said(500, quotes()), ["z.gift 0 1", "z.post 490 3", "z.unknown 490 3", "z.express 990 1"]);
        // Beyond the table's last step only the carrier knows.
        assert_eq!(said(700, quotes()), ["z.gift 0 1", "z.express 990 1"]);
        // The carrier says nothing: the table counts.
        let table = ["z.gift 0 3", "z.express 490 3", "z.never 490 3", "z.post 490 3", "z.unknown 490 3"];
        assert_eq!(said(500, vec![]), table);
    }

    #[test]
    fn offers_come_cheapest_first_with_the_days_on_which_they_arrive() {
        let mut express = way("express", rate(Basis::Flat, &[(None, 1900)], None));
        (express.min_days, express.max_days) = (0, 1);
        let zones = [zone("z", 0, vec![], vec![express, way("standard", rate(Basis::Flat, &[(None, 490)], None))])];
        // 1 January 2026 is a Thursday.
        let offers = offers(&zones, &to("AT", "", ""), &Quoted::new(), moment(0));
        let days: Vec<_> = offers.iter().map(|o| format!("{} {} {}", o.option_id, o.from, o.until)).collect();
        assert_eq!(days, ["z.standard 2026-01-02 2026-01-06", "z.express 2026-01-01 2026-01-02"]);
    }
}
