//! The comparison: two answers to the same question, field by field, and the report of where they differ.
//!
//! What is kept is where answers differ and how often, never what they say: they are about people. Everything is bounded.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use messages::json::Json;
use serde_json::{Value, json};

use crate::shapes::{Path, Step};

/// More differences of one pair of answers are one too many to read.
const DIFFERENCES_MAX: usize = 20;
/// How many places are counted each.
const PLACES_MAX: usize = 200;
/// How many pairs are remembered.
const RECENT_MAX: usize = 50;

/// What is not compared.
#[derive(Debug, Default)]
pub(crate) struct Ignored(Vec<Path>);

impl Ignored {
    /// # Errors
    /// When a path is none.
    pub(crate) fn new(paths: &[String]) -> Result<Ignored, String> {
        Ok(Ignored(paths.iter().map(|path| Path::parse(path)).collect::<Result<_, _>>()?))
    }

    fn has(&self, at: &[Step]) -> bool {
        self.0.iter().any(|path| path.steps() == at)
    }
}

/// One side's answer.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) status: u16,
    /// `None` for what is no JSON, which is not compared.
    pub(crate) body: Option<Json>,
}

/// Where two answers differ: `/price/amount`, with `*` for any item; `status` for the status itself.
pub(crate) fn differences(legacy: &Side, shop: &Side, ignored: &Ignored) -> Vec<String> {
    let mut found = Vec::new();
    if legacy.status != shop.status {
        found.push(format!("status {} and {}", legacy.status, shop.status));
    } else if legacy.status < 400
        && let (Some(legacy), Some(shop)) = (&legacy.body, &shop.body)
    {
        // A refusal is worded by each in its own way.
        compare(legacy, shop, &mut Vec::new(), ignored, &mut found);
    }
    found.sort();
    found.dedup();
    found.truncate(DIFFERENCES_MAX);
    found
}

fn compare(legacy: &Json, shop: &Json, at: &mut Vec<Step>, ignored: &Ignored, found: &mut Vec<String>) {
    // Nobody reads more, and a hostile answer is large.
    if found.len() > DIFFERENCES_MAX * 4 || (!at.is_empty() && ignored.has(at)) {
        return;
    }
    match (legacy, shop) {
        (Json::Object(legacy), Json::Object(shop)) => {
            for name in legacy.keys().chain(shop.keys().filter(|name| !legacy.contains_key(*name))) {
                at.push(Step::Member(name.clone()));
                match (legacy.get(name), shop.get(name)) {
                    (Some(legacy), Some(shop)) => compare(legacy, shop, at, ignored, found),
                    _ if ignored.has(at) => {}
                    (Some(_), None) => found.push(format!("{} is missing in the shop", told(at))),
                    _ => found.push(format!("{} is missing upstream", told(at))),
                }
                at.pop();
            }
        }
        (Json::Array(legacy), Json::Array(shop)) => {
            if legacy.len() != shop.len() {
                found.push(format!("{} has another length", told(at)));
            }
            at.push(Step::Each);
            for (legacy, shop) in legacy.iter().zip(shop) {
                compare(legacy, shop, at, ignored, found);
            }
            at.pop();
        }
        (legacy, shop) if legacy == shop => {}
        _ => found.push(format!("{} differs", told(at))),
    }
}

fn told(at: &[Step]) -> String {
    at.iter().fold(String::new(), |text, step| match step {
        Step::Member(name) => format!("{text}/{name}"),
        Step::Each => format!("{text}/*"),
    })
}

/// What became of the requests for one upstream.
#[derive(Debug, Default)]
pub(crate) struct Report(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    upstream: u64,
    shop: u64,
    refused: u64,
    same: u64,
    different: u64,
    failed: u64,
    skipped: u64,
    places: BTreeMap<String, u64>,
    recent: VecDeque<Value>,
}

/// What became of a comparison.
#[derive(Debug)]
pub(crate) enum Compared {
    /// Both said the same, or not; the path tells of what, with its ids.
    Pair { path: String, request_id: String, differences: Vec<String> },
    /// The other side did not answer.
    Failed,
    /// As many as may be were under way.
    Skipped,
}

/// Who answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answered {
    Upstream,
    Shop,
    /// The upstream should have, and could not.
    Refused,
}

impl Report {
    pub(crate) fn answered(&self, prefix: &str, by: Answered) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, label) = match by {
            Answered::Upstream => (&mut counts.upstream, "upstream"),
            Answered::Shop => (&mut counts.shop, "shop"),
            Answered::Refused => (&mut counts.refused, "refused"),
        };
        *count += 1;
        drop(counts);
        metrics::counter!("http_upstream_requests_total", "prefix" => prefix.to_owned(), "by" => label).increment(1);
    }

    pub(crate) fn compared(&self, prefix: &str, outcome: Compared, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let label = match outcome {
            Compared::Failed => {
                counts.failed += 1;
                "failed"
            }
            Compared::Skipped => {
                counts.skipped += 1;
                "skipped"
            }
            Compared::Pair { differences, .. } if differences.is_empty() => {
                counts.same += 1;
                "same"
            }
            Compared::Pair { path, request_id, differences } => {
                counts.different += 1;
                for place in &differences {
                    if counts.places.len() < PLACES_MAX || counts.places.contains_key(place) {
                        *counts.places.entry(place.clone()).or_default() += 1;
                    }
                }
                if counts.recent.len() == RECENT_MAX {
                    counts.recent.pop_front();
                }
                let pair = json!({
                    "path": path, "request_id": request_id, "at": now.to_string(), "differences": differences,
                });
                counts.recent.push_back(pair);
                "different"
            }
        };
        drop(counts);
        metrics::counter!("http_shadow_total", "prefix" => prefix.to_owned(), "outcome" => label).increment(1);
    }

    /// The report, for staff.
    pub(crate) fn told(&self, prefix: &str, url: &str, percent: u64) -> Value {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        json!({
            "prefix": prefix,
            "url": url,
            "percent": percent,
            "served": {"upstream": counts.upstream, "shop": counts.shop, "refused": counts.refused},
            "compared": {
                "same": counts.same, "different": counts.different, "failed": counts.failed, "skipped": counts.skipped,
            },
            "places": counts.places.iter().map(|(place, count)| json!({"place": place, "count": count})).collect::<Vec<_>>(),
            "recent": counts.recent,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(status: u16, text: &str) -> Side {
        Side { status, body: messages::json::parse(text.as_bytes()).ok() }
    }

    #[test]
    fn answers_are_compared_field_by_field() {
        let ignored = Ignored::new(&["version".to_owned(), "lines/*/at".to_owned()]).expect("paths");
        for (legacy, shop, told) in [
            (r#"{"a":1,"b":[1,2]}"#, r#"{"b":[1,2],"a":1}"#, &[][..]),
            (r#"{"a":1}"#, r#"{"a":"1"}"#, &["/a differs"]),
            (r#"{"a":1}"#, r#"{"b":1}"#, &["/a is missing in the shop", "/b is missing upstream"]),
            (r#"{"a":[{"b":1},{"b":2}]}"#, r#"{"a":[{"b":3},{"b":4}]}"#, &["/a/*/b differs"]),
            (r#"{"a":[1]}"#, r#"{"a":[]}"#, &["/a has another length"]),
            (r#"{"version":1,"lines":[{"at":1}]}"#, r#"{"lines":[{"at":2}]}"#, &[]),
            ("no JSON", "{}", &[]),
        ] {
            assert_eq!(differences(&side(200, legacy), &side(200, shop), &ignored), told, "{legacy} {shop}");
        }
        assert_eq!(differences(&side(200, "{}"), &side(404, "{}"), &ignored), ["status 200 and 404"]);
        assert_eq!(differences(&side(404, r#"{"a":1}"#), &side(404, r#"{"b":1}"#), &ignored), Vec::<String>::new());
    }

    #[test]
    fn the_report_is_bounded() {
        let report = Report::default();
        let now = Timestamp::from_second(1).expect("a time");
        for number in 0..PLACES_MAX * 2 {
            let differences = vec![format!("/{number} differs")];
            let pair = Compared::Pair { path: "/a".to_owned(), request_id: "r".to_owned(), differences };
            report.compared("/a", pair, now);
        }
        let told = report.told("/a", "http://legacy", 100);
        assert_eq!(told["places"].as_array().map(Vec::len), Some(PLACES_MAX));
        assert_eq!(told["recent"].as_array().map(Vec::len), Some(RECENT_MAX));
        assert_eq!(told["compared"]["different"], PLACES_MAX * 2);
    }
}
