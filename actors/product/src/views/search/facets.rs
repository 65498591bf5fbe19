//! Facets: how many products there are of each category, type and value.
//!
//! What one filter would leave is counted as if that filter were not there: whoever chose `winter` sees how many there
//! are of `summer`.

use std::collections::BTreeMap;

use super::card::{Card, Node, written};
use crate::collection::Member as _;
use crate::wire::{AttributeFacet, FacetCount, SearchFacets};

/// How many values of one thing are shown: more than a person reads.
const VALUES_MAX: usize = 50;

/// What was chosen.
#[derive(Debug, Clone, Default)]
pub(super) struct Filters {
    pub(super) category: Option<String>,
    pub(super) product_type: Option<String>,
    pub(super) tag: Option<String>,
    /// The values of each attribute, any of which will do.
    pub(super) attributes: BTreeMap<String, Vec<String>>,
}

/// What a filter is about.
#[derive(Debug, Clone, PartialEq, Eq)]
enum About<'a> {
    Category,
    Type,
    Tag,
    Attribute(&'a str),
}

#[derive(Default)]
pub(super) struct Facets {
    categories: BTreeMap<String, u32>,
    product_types: BTreeMap<String, u32>,
    attributes: BTreeMap<String, BTreeMap<String, u32>>,
}

impl Filters {
    /// The filters that a card does not pass.
    fn failed(&self, card: &Card) -> Vec<About<'_>> {
        let mut failed = Vec::new();
        if self.category.as_ref().is_some_and(|category| !card.is_in(category)) {
            failed.push(About::Category);
        }
        if self.product_type.as_ref().is_some_and(|product_type| !card.is_of(product_type)) {
            failed.push(About::Type);
        }
        if self.tag.as_ref().is_some_and(|tag| !card.has_tag(tag)) {
            failed.push(About::Tag);
        }
        for (name, values) in &self.attributes {
            let said = card.attributes.iter().find(|attribute| attribute.name == *name);
            let said = said.and_then(|attribute| attribute.value.as_ref()).map(written);
            if said.is_none_or(|said| !values.contains(&said)) {
                failed.push(About::Attribute(name));
            }
        }
        failed
    }
}

impl Facets {
    /// Counts a card where it counts. Says whether it passes every filter.
    pub(super) fn count(&mut self, card: &Card, filters: &Filters) -> bool {
        let failed = filters.failed(card);
        let counts = |about: About<'_>| failed.iter().all(|failed| *failed == about);
        if counts(About::Category) {
            card.within.iter().for_each(|id| *self.categories.entry(id.clone()).or_default() += 1);
        }
        if counts(About::Type) && !card.product_type.is_empty() {
            *self.product_types.entry(card.product_type.clone()).or_default() += 1;
        }
        for attribute in &card.attributes {
            if let Some(value) = attribute.value.as_ref().filter(|_| counts(About::Attribute(&attribute.name))) {
                let values = self.attributes.entry(attribute.name.clone()).or_default();
                *values.entry(written(value)).or_default() += 1;
            }
        }
        failed.is_empty()
    }

    pub(super) fn shown(self, categories: &BTreeMap<String, Node>) -> SearchFacets {
        let label = |id: &str| categories.get(id).map(|node| node.name.clone()).unwrap_or_default();
        let none = |_: &str| String::new();
        let attributes = self.attributes.into_iter();
        let attributes = attributes.map(|(name, values)| AttributeFacet { name, values: ranked(values, none) });
        SearchFacets {
            categories: ranked(self.categories, label),
            product_types: ranked(self.product_types, none),
            attributes: attributes.collect(),
        }
    }
}

/// The most frequent first; of equals, in order.
fn ranked(counts: BTreeMap<String, u32>, label: impl Fn(&str) -> String) -> Vec<FacetCount> {
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.truncate(VALUES_MAX);
    counts.into_iter().map(|(value, count)| FacetCount { label: label(&value), value, count }).collect()
}
