//! `mercat story`: one order's whole life, across all groups, in the order in which it happened.
//!
//! Read from the logs, which forget nothing: every command that named the order or something of it, who sent it, what it
//! caused, every call that was announced and how it ended, every mail. What belongs to the order is found by the ids that
//! its own events name; no group is asked and no list is trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::Context as _;
use futures::StreamExt as _;
use jiff::Timestamp;
use messages::Group;
use messages::runtime::v1::{AttemptOutcome, Commit, Outcome, Record, Turn, record};
use prost::Message as _;
use runtime::fabric::Fabric as _;
use serde_json::Value;

use crate::config::Config;
use crate::{ask, groups, host, out};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The order's id.
    order_id: String,
    /// With all that events say, not only the short of it.
    #[arg(long)]
    full: bool,
}

/// The prefixes of what belongs to one order alone. A user or a warehouse has other lives.
const OWN: [&str; 9] = ["ord", "pay", "rsv", "shp", "ret", "rfd", "rdm", "quo", "inv"];
/// How much of an event is shown in short.
const SHORT_CHARS: usize = 150;

/// Something that happened.
struct Moment {
    at: Timestamp,
    group: &'static str,
    sequence: u64,
    commit: Commit,
}

/// Tells the story.
pub(crate) async fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    ask::beside(&mut config);
    messages::id::Id::parse_as("ord", &arguments.order_id).map_err(|_| anyhow::anyhow!("that is no id of an order"))?;
    let mut logs: BTreeMap<&'static str, Vec<Moment>> = BTreeMap::new();
    // The order's own log first: it names all the rest.
    let mut ids = BTreeSet::from([arguments.order_id.clone()]);
    let own = moments(&config, "order", &ids).await?;
    own.iter().for_each(|moment| name(&moment.commit, &mut ids));
    logs.insert("order", moments(&config, "order", &ids).await?);
    for (group, _) in groups::ALL.iter().filter(|(group, _)| *group != "order") {
        logs.insert(group, moments(&config, group, &ids).await?);
    }
    let mut story: Vec<Moment> = logs.into_values().flatten().collect();
    anyhow::ensure!(!story.is_empty(), "no log knows {}", arguments.order_id);
    story.sort_by_key(|moment| (moment.at, moment.group, moment.sequence));
    let began = story.first().map_or(Timestamp::UNIX_EPOCH, |moment| moment.at);
    out::say(&format!("The story of {}, which began at {began}.\n", arguments.order_id));
    for moment in &story {
        tell(moment, began, arguments.full);
    }
    let involved: BTreeSet<&str> = story.iter().map(|moment| moment.group).collect();
    let groups: Vec<&str> = involved.into_iter().collect();
    out::say(&format!("\n{} commands of {}.", story.len(), groups.join(", ")));
    Ok(ExitCode::SUCCESS)
}

/// What a group's log holds about these ids.
async fn moments(config: &Config, group: &'static str, ids: &BTreeSet<String>) -> anyhow::Result<Vec<Moment>> {
    let contract = Group::named(group).with_context(|| format!("the contract has no group {group}"))?;
    let fabric = host::connect(config, group).await?;
    let log = fabric.log(contract).await?;
    let end = log.extent().await?.last_sequence;
    let mut tail = log.tail(0);
    let (mut found, mut at) = (Vec::new(), 0);
    while at < end {
        let entry = tail.next().await.context("the log ended early")??;
        at = entry.sequence;
        let Ok(turn) = Turn::decode(entry.payload) else { continue };
        let time = runtime::clock::from_wire(turn.at.as_ref());
        let about = turn.commits.into_iter().filter(|commit| is_about(commit, ids));
        found.extend(about.map(|commit| Moment { at: time, group, sequence: entry.sequence, commit }));
    }
    Ok(found)
}

fn is_about(commit: &Commit, ids: &BTreeSet<String>) -> bool {
    ids.contains(&commit.id) || commit.records.iter().any(|record| ids.contains(&record.id) || mentions(record, ids))
}

/// Ids are in events as they are written, so they are found without reading the event.
fn mentions(record: &Record, ids: &BTreeSet<String>) -> bool {
    let Some(record::What::Event(event)) = &record.what else { return false };
    ids.iter().any(|id| event.data.windows(id.len()).any(|window| window == id.as_bytes()))
}

/// Notes the ids of what is the order's own.
fn name(commit: &Commit, ids: &mut BTreeSet<String>) {
    for record in &commit.records {
        if let Some(record::What::Event(event)) = &record.what {
            collect(&shown(&event.r#type, &event.data), ids);
        }
    }
}

fn collect(value: &Value, ids: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => {
            if OWN.iter().any(|prefix| messages::id::Id::parse_as(prefix, text).is_ok()) {
                ids.insert(text.clone());
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, ids)),
        Value::Object(fields) => fields.values().for_each(|field| collect(field, ids)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn shown(type_: &str, data: &[u8]) -> Value {
    let mut json = Vec::new();
    let known = messages::EventType::named(type_).and_then(|event| (event.to_json)(data, &mut json).ok());
    known.and_then(|()| serde_json::from_slice(&json).ok()).unwrap_or(Value::Null)
}

fn tell(moment: &Moment, began: Timestamp, full: bool) {
    let Moment { at, group, sequence, commit } = moment;
    let after = at.duration_since(began);
    let said = match commit.outcome() {
        Outcome::Refused => ": refused",
        Outcome::AlreadySo => ": already so",
        Outcome::Done | Outcome::Unspecified => "",
    };
    let what = match commit.rpc.as_str() {
        "" => "goes on with what it owes".to_owned(),
        rpc => rpc.to_owned(),
    };
    let who = commit.caller.split(' ').take(2).filter(|word| *word != "-").collect::<Vec<_>>().join(" ");
    let by = if who.is_empty() { String::new() } else { format!(" ← {who}") };
    let request = match commit.request_id.as_str() {
        "" => String::new(),
        request => format!("  [request {request}]"),
    };
    let (secs, millis) = (after.as_secs(), after.subsec_millis());
    out::say(&format!("{secs:>5}.{millis:03} s  {group} #{sequence}  {what}{by}{said}{request}"));
    for record in &commit.records {
        out::say(&format!("             {}", line(record, full)));
    }
}

fn line(record: &Record, full: bool) -> String {
    match &record.what {
        Some(record::What::Event(event)) => {
            let data = shown(&event.r#type, &event.data);
            let text = if full { data.to_string() } else { short(&data) };
            format!("• {} v{}  {text}", event.r#type, record.version)
        }
        Some(record::What::Began(call)) => match call.attempt {
            0 | 1 => format!("→ calls {}", call.key),
            attempt => format!("→ calls {} again, try {attempt}", call.key),
        },
        Some(record::What::Settled(call)) => {
            let how = match call.outcome() {
                AttemptOutcome::Done => "done",
                AttemptOutcome::Refused => "refused",
                AttemptOutcome::Unknown | AttemptOutcome::Unspecified => "nobody knows; it will be asked again",
            };
            format!("← {}: {how}", call.key)
        }
        None => String::new(),
    }
}

/// The words and amounts of an event that are no ids and no times.
fn short(data: &Value) -> String {
    let Value::Object(fields) = data else { return String::new() };
    let says = |(name, value): (&String, &Value)| {
        let text = match value {
            Value::String(text) if text.is_empty() || name.ends_with("_id") || name == "at" => return None,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(true) => "yes".to_owned(),
            Value::Object(money) if money.contains_key("currency") => amount(value)?,
            _ => return None,
        };
        Some(format!("{}: {text}", name.replace('_', " ")))
    };
    let text = fields.iter().filter_map(says).collect::<Vec<_>>().join(", ");
    match text.char_indices().nth(SHORT_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

fn amount(value: &Value) -> Option<String> {
    let currency = messages::money::Currency::parse(value["currency"].as_str()?).ok()?;
    Some(messages::money::Money::new(value["amount"].as_i64()?, currency).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_in_short_has_words_and_amounts_and_no_ids() {
        let data = json!({"order_id": "ord_1", "at": "2026-01-31", "reason": "customer_request", "attempt": 2,
                          "is_late": true, "is_early": false, "amount": {"amount": 1999, "currency": "EUR"}, "lines": []});
        assert_eq!(short(&data), "reason: customer_request, attempt: 2, is late: yes, amount: 19.99 EUR");
    }

    #[test]
    fn what_is_the_orders_own_is_found_by_its_id() {
        let own = |prefix: &str| messages::id::Id::derived(prefix, b"x").to_string();
        let data = json!({"payment_id": own("pay"), "user_id": own("usr"), "parts": [{"reservation_id": own("rsv")}]});
        let mut ids = BTreeSet::new();
        collect(&data, &mut ids);
        assert_eq!(ids, BTreeSet::from([own("pay"), own("rsv")]));
    }
}
