//! What a product says about itself.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attributes::Attribute;
use crate::wire::{FieldError, Money, code};

/// What a product says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people call it.
    pub title: String,
    /// What people should know about it.
    pub description: String,
    /// Its word in the address of a page; empty when it has none.
    pub slug: String,
    /// What sort of thing it is.
    pub product_type: String,
    /// What exactly can be bought; each SKU once.
    pub variants: Vec<Variant>,
    /// Which taxes it falls under, when it says so.
    pub tax_category: Option<String>,
    /// Where it is found, and by whom.
    pub listing: Listing,
}

/// One form of a product that can be bought and counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// Its stock keeping unit.
    pub sku: String,
    /// What tells it from its siblings.
    pub title: String,
    /// What one of it costs before any list, tier or promotion.
    pub price: Money,
    /// What tells it from its siblings, by option.
    pub options: BTreeMap<String, String>,
    /// What one of it weighs, when somebody has weighed it.
    pub weight_grams: Option<i64>,
}

/// Where a product is found, and by whom.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// The categories that it is in.
    pub category_ids: Vec<String>,
    /// What a buyer chooses between; each name once.
    pub options: Vec<Choice>,
    /// What is so of it; each name once.
    pub attributes: Vec<Attribute>,
    /// What shows it, in order.
    pub media: Vec<Media>,
    /// Words that collections go by.
    pub tags: Vec<String>,
    /// Where it is shown; everywhere when there is none.
    pub channels: Vec<String>,
    /// When it is shown.
    pub window: Window,
}

/// What a buyer chooses between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What it is called.
    pub name: String,
    /// What can be chosen; each once, and at least one.
    pub values: Vec<String>,
}

/// A link to what shows a product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media {
    /// Where it is.
    pub url: String,
    /// What it is.
    pub kind: MediaKind,
    /// What it shows, in words.
    pub alt: String,
}

/// What a link leads to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum MediaKind {
    /// A picture.
    #[default]
    Image,
    /// A film.
    Video,
    /// A paper.
    Document,
}

/// When customers see a product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// From then on; at once when absent.
    pub from: Option<Timestamp>,
    /// Until then, which is later; for ever when absent.
    pub until: Option<Timestamp>,
}

/// How a moment lies to a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Before it opens.
    Before,
    /// While it is open.
    #[default]
    Within,
    /// After it has closed.
    After,
}

impl Window {
    /// How a moment lies to it.
    #[must_use]
    pub fn phase(&self, at: Timestamp) -> Phase {
        if self.until.is_some_and(|until| until <= at) {
            Phase::After
        } else if self.from.is_some_and(|from| at < from) {
            Phase::Before
        } else {
            Phase::Within
        }
    }

    /// When a phase ends, if ever.
    #[must_use]
    pub fn end(&self, phase: Phase) -> Option<Timestamp> {
        match phase {
            Phase::Before => self.from,
            Phase::Within => self.until,
            Phase::After => None,
        }
    }
}

impl Listing {
    /// Whether it is shown there; without a channel, whether it is shown everywhere.
    #[must_use]
    pub fn in_channel(&self, channel: Option<&str>) -> bool {
        self.channels.is_empty() || channel.is_some_and(|channel| self.channels.iter().any(|known| known == channel))
    }
}

impl Details {
    /// Whether a variant has this SKU.
    #[must_use]
    pub fn has(&self, sku: &str) -> bool {
        self.variants.iter().any(|variant| variant.sku == sku)
    }

    /// What about the options, the variants and the window does not fit together, each at its place in the request.
    #[must_use]
    pub fn contradictions(&self) -> Vec<FieldError> {
        let mut wrong = Vec::new();
        if let (Some(from), Some(until)) = (self.listing.window.from, self.listing.window.until)
            && until <= from
        {
            wrong.push(error("/visible_until".into(), code::TOO_SMALL, "must be later than `visible_from`".into()));
        }
        if self.listing.options.is_empty() {
            return wrong;
        }
        let mut seen: BTreeSet<&BTreeMap<String, String>> = BTreeSet::new();
        for (place, variant) in self.variants.iter().enumerate() {
            let before = wrong.len();
            wrong.extend(self.not_a_combination(place, variant));
            if before == wrong.len() && !seen.insert(&variant.options) {
                let detail = format!("another variant is the same combination as {}", variant.sku);
                wrong.push(error(format!("/variants/{place}/options"), code::NOT_UNIQUE, detail));
            }
        }
        wrong
    }

    fn not_a_combination(&self, place: usize, variant: &Variant) -> Vec<FieldError> {
        let at = |name: &str| format!("/variants/{place}/options/{}", escaped(name));
        let mut wrong = Vec::new();
        for option in &self.listing.options {
            match variant.options.get(&option.name) {
                None => wrong.push(error(at(&option.name), code::REQUIRED, "must be chosen".into())),
                Some(value) if !option.values.contains(value) => {
                    let detail = format!("must be one of: {}", option.values.join(", "));
                    wrong.push(error(at(&option.name), code::UNKNOWN_VALUE, detail));
                }
                Some(_) => {}
            }
        }
        for name in variant.options.keys() {
            if !self.listing.options.iter().any(|option| option.name == *name) {
                wrong.push(error(at(name), code::UNKNOWN_FIELD, "the product has no such option".into()));
            }
        }
        wrong
    }
}

pub(crate) fn error(pointer: String, code: &'static str, detail: String) -> FieldError {
    FieldError { pointer, code, detail }
}

/// A name as a step of an RFC 6901 pointer.
fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::moment;

    use super::*;
    use crate::wire::Currency;

    fn variant(sku: &str, options: &[(&str, &str)]) -> Variant {
        let price = Money::new(1999, Currency::parse("EUR").expect("a currency")).expect("a price");
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Variant { sku: sku.into(), title: String::new(), price, options, weight_grams: None }
    }

    fn choice(name: &str, values: &[&str]) -> Choice {
        Choice { name: name.into(), values: values.iter().map(|value| (*value).to_owned()).collect() }
    }

    fn check(options: Vec<Choice>, variants: Vec<Variant>, expected: Expect) {
        let listing = Listing { options, ..Listing::default() };
        let details = Details { variants, listing, ..Details::default() };
        let said: Vec<String> = details.contradictions().iter().map(ToString::to_string).collect();
        expected.assert_eq(&said.join("\n"));
    }

    #[test]
    fn with_options_every_variant_is_a_combination_of_its_own() {
        let sizes = || vec![choice("size", &["S", "M"]), choice("colour/tone", &["red"])];
        let red = |sku, size| variant(sku, &[("size", size), ("colour/tone", "red")]);
        check(sizes(), vec![red("A", "S"), red("B", "M")], expect![""]);
        check(
            sizes(),
            vec![red("A", "S"), red("B", "S")],
            expect!["/variants/1/options: another variant is the same combination as B (not_unique)"],
        );
        check(
            sizes(),
            vec![variant("A", &[("size", "XL"), ("cut", "slim")])],
            expect![[r#"
                /variants/0/options/size: must be one of: S, M (unknown_value)
                /variants/0/options/colour~1tone: must be chosen (required)
                /variants/0/options/cut: the product has no such option (unknown_field)"#]],
        );
        check(Vec::new(), vec![variant("A", &[("size", "XL")]), variant("B", &[])], expect![""]);
    }

    #[test]
    fn a_window_closes_after_it_opens() {
        let window = |from: i64, until: i64| Window { from: Some(moment(from)), until: Some(moment(until)) };
        let listing = |window| Listing { window, ..Listing::default() };
        let wrong = |window| Details { listing: listing(window), ..Details::default() }.contradictions().len();
        assert_eq!((wrong(window(1, 2)), wrong(window(2, 2)), wrong(window(3, 2))), (0, 1, 1));
        let phases = [0, 1, 2, 3].map(|at| window(1, 3).phase(moment(at)));
        assert_eq!(phases, [Phase::Before, Phase::Within, Phase::Within, Phase::After]);
        assert_eq!(Window::default().phase(moment(0)), Phase::Within);
    }
}
