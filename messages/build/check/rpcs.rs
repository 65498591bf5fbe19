//! What the rpcs of a group must hold.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};

use super::forms;
use crate::model::{Contract, Field, Group, Kind, Message, Rpc, Settle, Shape, variable};

/// Why there is no other answer.
const PROBLEM: &str = "shop.common.v1.Problem";

pub(super) fn group(contract: &Contract, group: &Group) -> anyhow::Result<()> {
    let is_word = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    ensure!(group.package == format!("shop.{}.v1", group.name), "its package is {}", group.package);
    ensure!(group.partitions > 0, "it has no partitions");
    ensure!((1024..=65535).contains(&group.port), "its port is {}", group.port);
    ensure!(group.schema > 0, "its schema is zero");
    // That what it calls exists is asked by a test: groups grow side by side, and each must build without the others.
    let mut called = BTreeSet::new();
    for call in &group.calls {
        let parts = call.split_once('.').filter(|(other, verb)| is_word(other) && is_word(verb));
        // A group may call itself: an actor of it may need another that lives in another partition.
        parts.with_context(|| format!("it calls `{call}`, which is no `group.verb`"))?;
        ensure!(called.insert(call), "it calls {call} twice");
    }
    let mut verbs = BTreeSet::new();
    for rpc in &group.rpcs {
        ensure!(is_word(&rpc.verb), "`{}` is not a verb", rpc.verb);
        ensure!(verbs.insert(&rpc.verb), "two rpcs have the verb {}", rpc.verb);
        self::rpc(contract, group, rpc).with_context(|| format!("in the rpc {}", rpc.name))?;
    }
    Ok(())
}

fn rpc(contract: &Contract, group: &Group, rpc: &Rpc) -> anyhow::Result<()> {
    let request = contract.message(&rpc.request);
    ensure!(!rpc.doc.is_empty(), "it has no comment");
    ensure!(rpc.kind != "UNSPECIFIED", "it has no kind");
    let is_command = rpc.kind == "COMMAND";
    match &rpc.key {
        None => ensure!(rpc.kind == "QUERY", "only a query has no key"),
        Some(key) => {
            ensure!(rpc.kind != "QUERY", "a query has no key: it runs over read models");
            let field = plain_text(request, key)?;
            ensure!(field.rules.required, "the key is not required");
        }
    }
    ensure!(rpc.http.is_empty() || rpc.public != rpc.scope.is_some(), "a door is public, or has a scope");
    ensure!(is_command || rpc.idempotency == "UNSPECIFIED", "only a command takes an idempotency key");
    ensure!(!is_command || rpc.cache.is_none(), "a command is not cached");
    let cache = rpc.cache.as_ref();
    ensure!(cache.is_none_or(|cache| !cache.public || rpc.public), "what is not public is not cached for everyone");
    ensure!(cache.is_none_or(|cache| !cache.public || !cache.by_role), "what is the same for everyone is so by role");
    ensure!(rpc.created.is_none() || is_command, "only a command creates");
    if let (Some(created), Some(prefix)) = (&rpc.created, &rpc.creates) {
        let rules = &plain_text(request, created)?.rules;
        ensure!(rules.id.as_ref() == Some(prefix), "`{created}` is not an id with the prefix {prefix}");
        ensure!(rules.output_only && rules.required, "`{created}` is minted: it is output_only and required");
        ensure!(rpc.success == 201 && rpc.location.is_some(), "what creates answers 201 and says where");
    }
    ensure!(rpc.success == 0 || (200..300).contains(&rpc.success), "{} is no success", rpc.success);
    let body = body(contract, rpc)?;
    for name in rpc.location.iter().flat_map(|path| path.split('/')).filter_map(variable) {
        plain_text(body, name)?;
    }
    if let Some(settle) = &rpc.settle {
        self::settle(rpc, settle, body)?;
    }
    if let Some(raw) = &rpc.raw {
        forms::raw(group, rpc, raw, request)?;
    }
    if let Some(file) = &rpc.file {
        forms::file(rpc, file, contract.message(&rpc.response))?;
    }
    if let Some(reads) = &rpc.reads {
        let read = group.rpcs.iter().find(|read| read.name == *reads);
        let read = read.with_context(|| format!("there is no rpc {reads}"))?;
        ensure!(read.kind == "READ", "{reads} is not a read");
    }
    path_fields(contract, rpc)?;
    if rpc.history {
        history(contract, rpc)?;
    }
    let mut codes = BTreeSet::new();
    for refusal in &rpc.refusals {
        ensure!(codes.insert(&refusal.code), "two refusals have the code {}", refusal.code);
        ensure!(kind_of(refusal.status).is_some(), "{} refuses with {}", refusal.code, refusal.status);
    }
    life(rpc)
}

/// What sort of no a status is.
pub(crate) fn kind_of(status: u32) -> Option<&'static str> {
    Some(match status {
        400 => "Invalid",
        401 => "Unauthenticated",
        402 => "PaymentRequired",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        412 => "Precondition",
        422 => "Unprocessable",
        429 => "Exhausted",
        _ => return None,
    })
}

pub(super) fn plain_text<'m>(message: &'m Message, name: &str) -> anyhow::Result<&'m Field> {
    let field = message.field(name).with_context(|| format!("{} has no field `{name}`", message.name))?;
    ensure!(field.kind == Kind::Text && field.shape == Shape::Implicit, "`{name}` is not a plain text");
    Ok(field)
}

/// A command settles when the `status` that it shows says so.
fn settle(rpc: &Rpc, settle: &Settle, body: &Message) -> anyhow::Result<()> {
    ensure!(rpc.kind == "COMMAND", "only a command settles");
    ensure!(!settle.until.is_empty(), "it never settles: `until` is empty");
    let both = settle.accepted.iter().find(|status| settle.until.contains(status));
    ensure!(both.is_none(), "it settles at {both:?} and has to wait for the caller there");
    if let Some(name) = &settle.problem {
        let field = body.field(name).with_context(|| format!("{} has no field `{name}`", body.name))?;
        let is_problem = field.kind == Kind::Message(PROBLEM.into()) && field.shape == Shape::Optional;
        ensure!(is_problem, "`{name}` is not a {PROBLEM}");
    }
    Ok(())
}

/// The message that is the JSON body of the answer.
fn body<'c>(contract: &'c Contract, rpc: &Rpc) -> anyhow::Result<&'c Message> {
    let response = contract.message(&rpc.response);
    let Some(name) = &rpc.response_body else { return Ok(response) };
    ensure!(response.fields.len() == 1, "`{name}` is not all that {} says", response.name);
    match response.field(name).map(|field| (&field.kind, &field.shape)) {
        Some((Kind::Message(body), Shape::Optional)) => Ok(contract.message(body)),
        _ => anyhow::bail!("`{name}` is not a message in {}", response.name),
    }
}

/// The runtime reads and answers every history with one pair of messages: these have to look like them on the wire.
fn history(contract: &Contract, rpc: &Rpc) -> anyhow::Result<()> {
    let looks_like =
        |mine: &Field, other: &Field| mine.tag == other.tag && mine.shape == other.shape && mine.kind == other.kind;
    let request = contract.message(&rpc.request);
    for field in &contract.message("shop.common.v1.HistoryQuery").fields {
        let found = request.fields.iter().any(|mine| {
            looks_like(mine, field)
                && (mine.name == field.name || field.name == "key" && Some(&mine.name) == rpc.key.as_ref())
        });
        ensure!(found, "its request has no `{}` like that of HistoryQuery", field.name);
    }
    let (page, response) = (contract.message("shop.common.v1.HistoryPage"), contract.message(&rpc.response));
    let same = page.fields.len() == response.fields.len()
        && page
            .fields
            .iter()
            .zip(&response.fields)
            .all(|(page, mine)| mine.name == page.name && looks_like(mine, page));
    ensure!(same, "its response does not have the fields of HistoryPage");
    Ok(())
}

fn life(rpc: &Rpc) -> anyhow::Result<()> {
    let life = &rpc.lifecycle;
    ensure!(!life.since.is_empty(), "it does not say since when it exists");
    for day in life.deprecated.iter().chain(&life.sunset) {
        let shape = day.bytes().map(|b| if b.is_ascii_digit() { b'0' } else { b });
        ensure!(shape.eq(*b"0000-00-00"), "`{day}` is not a day: it is YYYY-MM-DD");
    }
    match (&life.deprecated, &life.sunset) {
        (None, Some(_)) => anyhow::bail!("it ends without having been deprecated"),
        // ISO days compare as texts; the same day one year later is a year.
        (Some(deprecated), Some(sunset)) => {
            let year: u32 = deprecated[..4].parse()?;
            let earliest = format!("{:04}{}", year + 1, &deprecated[4..]);
            ensure!(*sunset >= earliest, "it ends less than a year after it is deprecated");
        }
        _ => {}
    }
    Ok(())
}

/// No two doors are the same, whatever their variables are called.
pub(super) fn doors(
    group: &Group,
    rpc: &Rpc,
    doors: &mut BTreeMap<(&'static str, Vec<String>), String>,
) -> anyhow::Result<()> {
    for door in &rpc.http {
        ensure!(rpc.raw.is_some() || door.path.starts_with("/api/v1/"), "{} is not below /api/v1/", door.path);
        let fits = match door.method {
            "Get" => rpc.kind != "COMMAND",
            // A question may be too long for an address: a whole basket, for one.
            "Post" => rpc.kind != "READ",
            _ => rpc.kind == "COMMAND",
        };
        ensure!(fits, "{} {} is a {}", door.method, door.path, rpc.kind);
        let shape = door.segments().into_iter().map(|(part, is_field)| if is_field { "{}" } else { part }.to_owned());
        let owner = format!("{}.{}", group.name, rpc.verb);
        if let Some(twin) = doors.insert((door.method, shape.collect()), owner) {
            anyhow::bail!("{} {} is the door of {twin} too", door.method, door.path);
        }
    }
    Ok(())
}

/// What a path names, the request has, as a text.
fn path_fields(contract: &Contract, rpc: &Rpc) -> anyhow::Result<()> {
    let request = contract.message(&rpc.request);
    for (name, _) in rpc.http.iter().flat_map(|door| door.segments()).filter(|(_, is_field)| *is_field) {
        let field = request.field(name).with_context(|| format!("{} has no field `{name}`", request.name))?;
        ensure!(field.kind == Kind::Text && !matches!(field.shape, Shape::List | Shape::Map), "`{name}` is not a text");
        ensure!(!field.rules.output_only, "`{name}` is the shop's to set, and cannot come from a path");
    }
    Ok(())
}
