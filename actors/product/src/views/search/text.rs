//! The index of words: tantivy in memory, over words that are already folded.
//!
//! It scores by whole numbers alone (which field, how near), so the same product scores the same whatever else there is,
//! and a cursor stays good while the catalogue changes. An error of an index in memory has no cure but to make it anew,
//! which is what happens after a panic.

use tantivy::collector::{Collector, SegmentCollector};
use tantivy::columnar::Column;
use tantivy::query::{BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, FuzzyTermQuery, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, WhitespaceTokenizer};
use tantivy::{
    DocId, IndexReader, IndexWriter, ReloadPolicy, Score, SegmentOrdinal, SegmentReader, TantivyDocument, Term,
};

/// What the writer may hold before it makes a segment: the least that tantivy takes.
const WRITER_BYTES: usize = 15_000_000;
/// A word of so many letters may have one wrong, and one twice as long may have two.
const LETTERS_PER_TYPO: usize = 4;
/// The name of the words' analyzer: they come folded, with blanks between.
const WORDS: &str = "words";
/// The field of the number by which a document is known.
const NUMBER: &str = "number";

/// What is searched, and how much it counts that a word stands there.
const FIELDS: [(&str, u16); 5] = [("title", 16), ("sku", 16), ("category", 8), ("attributes", 8), ("description", 1)];

/// The words of a product, for each of the fields.
pub(super) type Words = [String; 5];

/// Words that stand for one thing that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What was written, word by word.
    pub(super) words: Vec<String>,
    /// What means the same.
    pub(super) others: Vec<Vec<String>>,
}

/// How near a word has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nearness {
    /// As written, or beginning so.
    Written,
    /// Or almost so.
    Almost,
}

struct Engine {
    number: Field,
    fields: Vec<(Field, u16)>,
    writer: IndexWriter,
    reader: IndexReader,
}

/// The index.
#[derive(Default)]
pub(super) struct Text {
    engine: Option<Engine>,
    stale: bool,
}

/// What an index in memory made.
fn sure<T>(made: tantivy::Result<T>) -> T {
    #[expect(clippy::expect_used, reason = "a query runs under a guard, and the index is made anew after a panic")]
    made.expect("an index in memory")
}

impl Engine {
    fn new() -> Engine {
        let mut schema = Schema::builder();
        let number = schema.add_u64_field(NUMBER, INDEXED | FAST);
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(WORDS)
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false);
        let options = TextOptions::default().set_indexing_options(indexing);
        let fields = FIELDS.map(|(name, weight)| (schema.add_text_field(name, options.clone()), weight)).to_vec();
        let index = tantivy::Index::create_in_ram(schema.build());
        index.tokenizers().register(WORDS, TextAnalyzer::from(WhitespaceTokenizer::default()));
        let writer = sure(index.writer_with_num_threads(1, WRITER_BYTES));
        let reader = sure(index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into());
        Engine { number, fields, writer, reader }
    }
}

impl Text {
    fn engine(&mut self) -> &mut Engine {
        self.engine.get_or_insert_with(Engine::new)
    }

    /// Has these words under a number, in place of those before.
    pub(super) fn put(&mut self, number: u64, words: &Words) {
        self.remove(number);
        let engine = self.engine();
        let mut document = TantivyDocument::default();
        document.add_u64(engine.number, number);
        for ((field, _), words) in engine.fields.iter().zip(words) {
            document.add_text(*field, words);
        }
        sure(engine.writer.add_document(document));
    }

    /// Has nothing under a number any more.
    pub(super) fn remove(&mut self, number: u64) {
        let engine = self.engine();
        engine.writer.delete_term(Term::from_field_u64(engine.number, number));
        self.stale = true;
    }

    /// The numbers under which everything wanted stands, each with its score.
    pub(super) fn find(&mut self, wanted: &[Wanted], nearness: Nearness) -> Vec<(u64, u32)> {
        let stale = std::mem::take(&mut self.stale);
        let engine = self.engine();
        if stale {
            sure(engine.writer.commit());
            sure(engine.reader.reload());
        }
        let all = wanted.iter().map(|wanted| any_of(engine, wanted, nearness)).collect();
        let found = sure(engine.reader.searcher().search(&BooleanQuery::intersection(all), &Hits));
        // The bits of positive numbers are in the order of the numbers.
        found.into_iter().map(|(number, score)| (number, score.to_bits())).collect()
    }
}

/// What was written, or else what means the same.
fn any_of(engine: &Engine, wanted: &Wanted, nearness: Nearness) -> Box<dyn Query> {
    let written = wanted.words.iter().map(|word| one(engine, word, Some(nearness))).collect();
    let others = wanted.others.iter().map(|words| {
        // It counts for less than what was written, and has to stand there whole: nobody is typing it.
        all_of(words.iter().map(|word| one(engine, word, None)).collect())
    });
    let choices: Vec<_> = std::iter::once(all_of(written)).chain(others).collect();
    Box::new(DisjunctionMaxQuery::new(choices))
}

fn all_of(mut parts: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match (parts.len(), parts.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            parts.extend(last);
            Box::new(BooleanQuery::intersection(parts))
        }
    }
}

/// A word in any field, the best way it stands there: whole, as a beginning, or almost. Without a nearness it is a word
/// that nobody wrote, and has to stand there whole.
fn one(engine: &Engine, word: &str, nearness: Option<Nearness>) -> Box<dyn Query> {
    let mut ways: Vec<Box<dyn Query>> = Vec::new();
    for (field, weight) in &engine.fields {
        let term = || Term::from_field_text(*field, word);
        let mut way = |query: Box<dyn Query>, near: u16| {
            ways.push(Box::new(ConstScoreQuery::new(query, f32::from(weight * near))));
        };
        way(Box::new(TermQuery::new(term(), IndexRecordOption::Basic)), if nearness.is_some() { 8 } else { 6 });
        if nearness.is_some() {
            way(Box::new(FuzzyTermQuery::new_prefix(term(), 0, true)), 4);
        }
        let typos = u8::try_from((word.chars().count() / LETTERS_PER_TYPO).min(2)).unwrap_or(0);
        if nearness == Some(Nearness::Almost) && typos > 0 {
            way(Box::new(FuzzyTermQuery::new(term(), 1, true)), 2);
            way(Box::new(FuzzyTermQuery::new(term(), typos, true)), 1);
        }
    }
    Box::new(DisjunctionMaxQuery::new(ways))
}

/// Collects every hit: facets are counted over all of them.
struct Hits;

struct SegmentHits {
    numbers: Column<u64>,
    found: Vec<(u64, Score)>,
}

impl Collector for Hits {
    type Fruit = Vec<(u64, Score)>;
    type Child = SegmentHits;

    fn for_segment(&self, _: SegmentOrdinal, segment: &SegmentReader) -> tantivy::Result<SegmentHits> {
        Ok(SegmentHits { numbers: segment.fast_fields().u64(NUMBER)?, found: Vec::new() })
    }

    fn requires_scoring(&self) -> bool {
        true
    }

    fn merge_fruits(&self, found: Vec<Vec<(u64, Score)>>) -> tantivy::Result<Vec<(u64, Score)>> {
        Ok(found.into_iter().flatten().collect())
    }
}

impl SegmentCollector for SegmentHits {
    type Fruit = Vec<(u64, Score)>;

    fn collect(&mut self, document: DocId, score: Score) {
        self.found.extend(self.numbers.first(document).map(|number| (number, score)));
    }

    fn harvest(self) -> Vec<(u64, Score)> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(text: &str) -> Vec<Wanted> {
        text.split(' ').map(|word| Wanted { words: vec![word.into()], others: Vec::new() }).collect()
    }

    /// The numbers found, the best first.
    fn found(text: &mut Text, wanted: &[Wanted], nearness: Nearness) -> Vec<u64> {
        let mut found = text.find(wanted, nearness);
        found.sort_by_key(|(number, score)| (u32::MAX - score, *number));
        found.into_iter().map(|(number, _)| number).collect()
    }

    fn words(title: &str, description: &str) -> Words {
        [title.into(), String::new(), String::new(), String::new(), description.into()]
    }

    #[test]
    fn whole_words_go_before_beginnings_and_titles_before_descriptions() {
        let mut text = Text::default();
        text.put(1, &words("trail shirt", ""));
        text.put(2, &words("trailing plant", ""));
        text.put(3, &words("map", "for the trail"));
        assert_eq!(found(&mut text, &wanted("trail"), Nearness::Written), [1, 2, 3]);
        assert_eq!(found(&mut text, &wanted("trail sh"), Nearness::Written), [1]);
        text.put(1, &words("road shirt", ""));
        text.remove(2);
        assert_eq!(found(&mut text, &wanted("trail"), Nearness::Written), [3]);
    }

    #[test]
    fn typos_are_forgiven_when_that_is_asked_for() {
        let mut text = Text::default();
        text.put(1, &words("shirt", ""));
        text.put(2, &words("waterproof jacket", ""));
        assert!(found(&mut text, &wanted("shrit"), Nearness::Written).is_empty());
        assert_eq!(found(&mut text, &wanted("shrit"), Nearness::Almost), [1]);
        assert_eq!(found(&mut text, &wanted("watrprof jaket"), Nearness::Almost), [2]);
        assert!(found(&mut text, &wanted("xyz"), Nearness::Almost).is_empty());
    }

    #[test]
    fn what_means_the_same_is_found_after_what_was_written() {
        let mut text = Text::default();
        text.put(1, &words("t shirt", ""));
        text.put(2, &words("tee", ""));
        let wanted = [Wanted { words: vec!["tee".into()], others: vec![vec!["t".into(), "shirt".into()]] }];
        let both = found(&mut text, &wanted, Nearness::Written);
        assert_eq!(both.len(), 2);
        let reverse = [Wanted { words: vec!["t".into(), "shirt".into()], others: vec![vec!["tee".into()]] }];
        assert_eq!(found(&mut text, &reverse, Nearness::Written), [1, 2]);
    }
}
