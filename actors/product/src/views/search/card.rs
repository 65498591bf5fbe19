//! A card: what the index knows of a product beside its words.

use std::collections::{BTreeMap, BTreeSet};

use super::text::Words;
use super::words::{whole, words};
use crate::attributes::{Attribute, Value};
use crate::collection::Member;
use crate::wire::{self, ProductStatus, Shown};

/// A category, as the index knows it.
pub(super) struct Node {
    pub(super) name: String,
    pub(super) parent: Option<String>,
}

pub(super) struct Card {
    /// The number of its words in the index.
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
    pub(super) status: ProductStatus,
    pub(super) published: bool,
    pub(super) channels: Vec<String>,
    pub(super) product_type: String,
    pub(super) tags: Vec<String>,
    pub(super) attributes: Vec<Attribute>,
    category_ids: Vec<String>,
    /// Its categories and those that they are in.
    pub(super) within: BTreeSet<String>,
    pub(super) words: Words,
}

/// A value as filters and facets write it.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Choice(text) | Value::Date(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Boolean(boolean) => boolean.to_string(),
    }
}

impl Card {
    pub(super) fn of(product: &Shown, number: u64) -> Card {
        let micros = |at: &Option<_>| runtime::clock::from_wire(Option::as_ref(at)).as_microsecond();
        let attributes = wire::attributes_of(product);
        let mut skus: Vec<String> = Vec::new();
        for variant in &product.variants {
            skus.push(whole(&variant.sku));
            skus.extend(words(&variant.sku));
            skus.extend(words(&variant.title));
            skus.extend(variant.options.values().flat_map(|value| words(value)));
        }
        let said = attributes.iter().filter_map(|attribute| attribute.value.as_ref());
        let said = said.filter(|value| !matches!(value, Value::Boolean(_))).flat_map(|value| words(&written(value)));
        let said: Vec<String> = said.chain(product.tags.iter().flat_map(|tag| words(tag))).collect();
        Card {
            number,
            title: product.title.to_lowercase(),
            created_at: micros(&product.created_at),
            updated_at: micros(&product.updated_at),
            status: product.status(),
            published: product.published,
            channels: product.channels.clone(),
            product_type: product.product_type.clone(),
            tags: product.tags.clone(),
            attributes,
            category_ids: product.category_ids.clone(),
            within: BTreeSet::new(),
            words: [
                words(&product.title).join(" "),
                skus.join(" "),
                String::new(),
                said.join(" "),
                words(&product.description).join(" "),
            ],
        }
    }

    /// Learns where its categories are, and what they are called. Says whether its words are other ones now.
    pub(super) fn place(&mut self, categories: &BTreeMap<String, Node>) -> bool {
        self.within.clear();
        for id in &self.category_ids {
            let mut next = Some(id);
            // What has been seen is not walked again, so what two partitions say late never makes this walk in a circle.
            while let Some(id) = next.filter(|id| !self.within.contains(*id)) {
                self.within.insert(id.clone());
                next = categories.get(id).and_then(|node| node.parent.as_ref());
            }
        }
        let names = self.within.iter().filter_map(|id| categories.get(id)).flat_map(|node| words(&node.name));
        let names = names.collect::<Vec<_>>().join(" ");
        let other = self.words[2] != names;
        self.words[2] = names;
        other
    }

    /// Whether somebody sees it there: customers what is published and shown there, staff what is listed there.
    pub(super) fn is_seen(&self, channel: Option<&str>, is_staff: bool) -> bool {
        let everywhere = self.channels.is_empty() || is_staff && channel.is_none();
        let here = everywhere || channel.is_some_and(|channel| self.channels.iter().any(|known| known == channel));
        here && (is_staff || self.published)
    }
}

impl Member for Card {
    fn is_in(&self, category_id: &str) -> bool {
        self.within.contains(category_id)
    }

    fn is_of(&self, product_type: &str) -> bool {
        self.product_type == product_type
    }

    fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|known| known == tag)
    }

    fn has(&self, attribute: &Attribute) -> bool {
        self.attributes.contains(attribute)
    }
}
