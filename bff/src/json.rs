//! Questions in JSON, written and read.

use gateway::screens::{Known, Said, Wish};
use messages::json::{Json, Object};

/// Asks with these members.
pub(crate) fn ask<const N: usize>(members: [(&str, Json); N]) -> Wish {
    Wish::Ask(object(members))
}

pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Object {
    members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

pub(crate) fn text(text: &str) -> Json {
    Json::String(text.to_owned())
}

pub(crate) fn number(number: i32) -> Json {
    Json::Integer(number.into())
}

/// A filter for any of these.
pub(crate) fn any_of(values: Vec<Json>) -> Json {
    Json::Object(object([("in", Json::Array(values))]))
}

/// Asks about a part once it was answered; nothing when it was not, or when it has nothing to ask about.
pub(crate) fn about(known: &Known<'_>, part: &str, ask: impl FnOnce(&Json) -> Option<Wish>) -> Wish {
    match known.part(part) {
        Said::NotYet => Wish::Later,
        Said::Nothing => Wish::Nothing,
        Said::This(said) => ask(said).unwrap_or(Wish::Nothing),
    }
}

/// The items of a list.
pub(crate) fn items<'a>(value: &'a Json, name: &str) -> &'a [Json] {
    match value.get(name) {
        Some(Json::Array(items)) => items,
        _ => &[],
    }
}

/// The SKUs that items name, as many as a filter takes.
pub(crate) fn skus(items: &[Json]) -> Option<Json> {
    let skus: Vec<Json> = items.iter().filter_map(|item| item.get("sku")).take(100).cloned().collect();
    (!skus.is_empty()).then(|| any_of(skus))
}
