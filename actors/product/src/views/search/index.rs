//! The index: words and cards of all products, kept in memory beside the rows of the catalogue and made of them.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use runtime::paging;
use runtime::view::Aside;

use super::card::{Card, Node};
use super::facets::{Facets, Filters};
use super::text::{Nearness, Text};
use super::words::{wanted, words};
use crate::wire::{Problem, SearchFacets, Shown, ShownCategory, ShownSynonyms};

/// What the index knows.
#[derive(Default)]
pub struct Index {
    text: Text,
    cards: BTreeMap<String, Card>,
    ids: BTreeMap<u64, String>,
    categories: BTreeMap<String, Node>,
    synonyms: BTreeMap<String, Vec<Vec<String>>>,
    /// Products whose words are not in the text yet.
    fresh: BTreeSet<String>,
    /// Categories were named or moved.
    rearranged: bool,
    numbers: u64,
}

/// In which order, and from where on.
pub(super) struct Order<'a> {
    pub(super) sort: &'a str,
    pub(super) limit: usize,
    pub(super) after: Option<&'a str>,
}

/// What was found.
pub(super) struct Found {
    pub(super) ids: Vec<String>,
    pub(super) has_more: bool,
    pub(super) next: Option<String>,
    pub(super) total: usize,
}

impl Aside for Index {
    fn changed(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Some((kind, name)) = key.split_first() else { return };
        let name = String::from_utf8_lossy(name).into_owned();
        match kind {
            b'p' => self.product(name, value.and_then(|row| Shown::decode(row).ok())),
            b'c' => {
                self.rearranged = true;
                match value.and_then(|row| ShownCategory::decode(row).ok()) {
                    Some(ShownCategory { name: label, parent_id: parent, .. }) => {
                        self.categories.insert(name, Node { name: label, parent });
                    }
                    None => drop(self.categories.remove(&name)),
                }
            }
            b'y' => match value.and_then(|row| ShownSynonyms::decode(row).ok()) {
                Some(synonyms) => {
                    let phrases = synonyms.words.iter().map(|phrase| words(phrase)).collect();
                    self.synonyms.insert(name, phrases);
                }
                None => drop(self.synonyms.remove(&name)),
            },
            _ => {}
        }
    }
}

impl Index {
    fn product(&mut self, id: String, shown: Option<Shown>) {
        let known = self.cards.get(&id).map(|card| card.number);
        let number = known.unwrap_or_else(|| {
            self.numbers += 1;
            self.numbers
        });
        match shown {
            Some(shown) => {
                self.cards.insert(id.clone(), Card::of(&shown, number));
                self.ids.insert(number, id.clone());
                self.fresh.insert(id);
            }
            None => {
                self.cards.remove(&id);
                self.ids.remove(&number);
                self.fresh.remove(&id);
                self.text.remove(number);
            }
        }
    }

    /// Puts into the text what is not in it yet.
    pub(super) fn refresh(&mut self) {
        if std::mem::take(&mut self.rearranged) {
            for (id, card) in &mut self.cards {
                if card.place(&self.categories) {
                    self.fresh.insert(id.clone());
                }
            }
        }
        for id in std::mem::take(&mut self.fresh) {
            if let Some(card) = self.cards.get_mut(&id) {
                card.place(&self.categories);
                self.text.put(card.number, &card.words);
            }
        }
    }

    /// Products that hold all that is asked for and pass the filters; how many there are of what; and whether they had to
    /// be found by words that are almost so.
    pub(super) fn search(
        &mut self,
        text: &str,
        filters: &Filters,
        is_seen: impl Fn(&Card) -> bool,
        order: &Order<'_>,
    ) -> Result<(Found, SearchFacets, bool), Problem> {
        self.refresh();
        let asked = wanted(text, self.synonyms.values());
        if asked.is_empty() && !text.is_empty() {
            // Nothing but signs: nothing has them.
            let (found, facets) = self.passed(Vec::new(), filters, is_seen, order)?;
            return Ok((found, facets, false));
        }
        if asked.is_empty() {
            let everything = self.cards.keys().map(|id| (id.clone(), 0)).collect();
            let (found, facets) = self.passed(everything, filters, is_seen, order)?;
            return Ok((found, facets, false));
        }
        let named = |index: &Index, hits: Vec<(u64, u32)>| -> Vec<(String, u32)> {
            hits.into_iter().filter_map(|(number, score)| Some((index.ids.get(&number)?.clone(), score))).collect()
        };
        let hits = self.text.find(&asked, Nearness::Written);
        let (found, facets) = self.passed(named(self, hits), filters, &is_seen, order)?;
        if found.total > 0 {
            return Ok((found, facets, false));
        }
        let hits = self.text.find(&asked, Nearness::Almost);
        let (found, facets) = self.passed(named(self, hits), filters, &is_seen, order)?;
        let inexact = found.total > 0;
        Ok((found, facets, inexact))
    }

    fn passed(
        &self,
        hits: Vec<(String, u32)>,
        filters: &Filters,
        is_seen: impl Fn(&Card) -> bool,
        order: &Order<'_>,
    ) -> Result<(Found, SearchFacets), Problem> {
        let mut facets = Facets::default();
        let mut passed = Vec::new();
        for (id, score) in hits {
            let Some(card) = self.cards.get(&id).filter(|card| is_seen(card)) else { continue };
            if facets.count(card, filters) {
                passed.push((id, card, score));
            }
        }
        Ok((page(passed, order)?, facets.shown(&self.categories)))
    }

    /// Products of which something is so.
    pub(super) fn those(&mut self, so: impl Fn(&Card) -> bool, order: &Order<'_>) -> Result<Found, Problem> {
        self.refresh();
        let those = self.cards.iter().filter(|(_, card)| so(card));
        page(those.map(|(id, card)| (id.clone(), card, 0)).collect(), order)
    }
}

/// A page of them, in order. A cursor is good for the order that it was made in.
fn page(found: Vec<(String, &Card, u32)>, order: &Order<'_>) -> Result<Found, Problem> {
    let total = found.len();
    let (field, falling) = order.sort.strip_prefix('-').map_or((order.sort, false), |field| (field, true));
    let key = |id: &str, card: &Card, score: u32| {
        let place = match field {
            "created_at" => card.created_at.to_be_bytes().to_vec(),
            "updated_at" => card.updated_at.to_be_bytes().to_vec(),
            "relevance" => [&(u32::MAX - score).to_be_bytes()[..], card.title.as_bytes()].concat(),
            _ => card.title.as_bytes().to_vec(),
        };
        [order.sort.as_bytes(), b"\0", &place, b"\0", id.as_bytes()].concat()
    };
    let mut rows: Vec<(Vec<u8>, String)> =
        found.into_iter().map(|(id, card, score)| (key(&id, card, score), id)).collect();
    rows.sort();
    if falling {
        rows.reverse();
    }
    if let Some(after) = order.after {
        let after = paging::key(after)?;
        if !after.starts_with(&[order.sort.as_bytes(), b"\0"].concat()) {
            // What is no cursor of ours is refused in the words of those that are none at all.
            paging::key("%")?;
        }
        rows.retain(|(key, _)| if falling { *key < after } else { *key > after });
    }
    let (ids, has_more, next) = paging::page(rows, order.limit);
    Ok(Found { ids, has_more, next, total })
}
