//! Who shops: people, where they live, and what they put into their baskets. All of it follows from a seed.

use messages::common::v1::{Address, SkuQuantity};
use messages::id::UserId;
use runtime::entropy::Entropy;
use runtime::headers::Caller;

use crate::seed::goods::Good;

const FIRST: [&str; 16] = [
    "Ada", "Bruno", "Clara", "Dario", "Emil", "Frida", "Greta", "Hugo", "Ines", "Jonas", "Klara", "Luis", "Mara",
    "Nils", "Olga", "Paul",
];
const LAST: [&str; 16] = [
    "Aigner", "Bauer", "Conti", "Dupont", "Evans", "Fischer", "Gruber", "Hughes", "Moreau", "Novak", "Oliver", "Rossi",
    "Schmid", "Taylor", "Vogel", "Weber",
];
/// Streets and towns: the street, the postal code, the town, the country, and the currency that is paid in there.
const TOWNS: [(&str, &str, &str, &str, &str); 8] = [
    ("Ringstrasse", "1010", "Vienna", "AT", "EUR"),
    ("Herrengasse", "8010", "Graz", "AT", "EUR"),
    ("Elbchaussee", "22763", "Hamburg", "DE", "EUR"),
    ("Leopoldstrasse", "80802", "Munich", "DE", "EUR"),
    ("Rue de Rivoli", "75001", "Paris", "FR", "EUR"),
    ("Via Garibaldi", "16124", "Genoa", "IT", "EUR"),
    ("Castle Street", "RG1 7SR", "Reading", "GB", "GBP"),
    ("Mill Lane", "LA23 1AA", "Windermere", "GB", "GBP"),
];

/// A customer.
pub(super) struct Person {
    pub(super) caller: Caller,
    pub(super) email: String,
    pub(super) address: Address,
    pub(super) currency: &'static str,
}

/// One of these.
fn pick<'a, T>(dice: &Entropy, of: &'a [T]) -> Option<&'a T> {
    of.get(usize::try_from(dice.below(of.len() as u64)).unwrap_or(0))
}

impl Person {
    /// The customer of this number: the same for the same seed.
    pub(super) fn of(seed: u64, number: u64) -> Person {
        let dice = Entropy::seeded(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(number));
        let (first, last) =
            (pick(&dice, &FIRST).copied().unwrap_or("Ada"), pick(&dice, &LAST).copied().unwrap_or("Aigner"));
        let (street, postal_code, city, country, currency) = pick(&dice, &TOWNS).copied().unwrap_or(TOWNS[0]);
        let subject = UserId::derived(format!("demo customer {seed} {number}").as_bytes()).to_string();
        let scopes = gateway::config::Config::default().guest_scopes;
        let address = Address {
            name: format!("{first} {last}"),
            line1: format!("{street} {}", 1 + dice.below(90)),
            postal_code: postal_code.to_owned(),
            city: city.to_owned(),
            country: country.to_owned(),
            ..Default::default()
        };
        let email = format!("{}.{}{number}@example.com", first.to_lowercase(), last.to_lowercase());
        Person { caller: Caller::known("guest", Some(subject), scopes), email, address, currency }
    }
}

/// A basket: one to three things, mostly one of each.
pub(super) fn basket(dice: &Entropy, goods: &[Good]) -> Vec<SkuQuantity> {
    let mut lines: Vec<SkuQuantity> = Vec::new();
    for _ in 0..=dice.below(3) {
        let Some(good) = pick(dice, goods) else { continue };
        let Some((end, ..)) = pick(dice, &good.variants) else { continue };
        let sku = format!("{}-{end}", good.sku);
        let quantity = if dice.below(5) == 0 { 2 } else { 1 };
        if lines.iter().all(|line| line.sku != sku) {
            lines.push(SkuQuantity { sku, quantity: Some(quantity) });
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_people_with_the_same_baskets() {
        let goods = crate::seed::goods::all();
        let told = |seed| {
            let person = Person::of(seed, 3);
            (person.email, person.address, basket(&Entropy::seeded(seed), &goods))
        };
        assert_eq!(told(7), told(7));
        assert_ne!(told(7), told(8));
        assert!(!told(7).2.is_empty());
    }
}
