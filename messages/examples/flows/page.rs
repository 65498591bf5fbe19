//! The page: what the contracts say of how groups depend on each other, for people.

use std::fmt::{self, Write as _};

use messages::{EventType, Field, Group, Route, RpcKind};

/// What stands above everything else.
const HEAD: &str = "\
# Who hears and calls whom

Generated from the contracts; do not edit, run `cargo run -p messages --example flows`.

Two ways lead from one group to another, and there is no third. A group **hears**: it reads another's log and does
something of its own about what happened there, once and in order, also hours later. A group **calls**: it asks another
by request and reply, and waits. The contract names both, the permissions on NATS are made from it, and what it does
not name does not reach anybody.
";

/// The page. Equal contracts give equal text.
pub(crate) fn page(groups: &[&Group]) -> String {
    let mut page = HEAD.to_owned();
    // Writing to a string cannot fail.
    let _ = write_all(&mut page, groups);
    page
}

fn write_all(page: &mut String, groups: &[&Group]) -> fmt::Result {
    picture(page, groups)?;
    hearing(page, groups)?;
    calling(page, groups)?;
    writeln!(
        page,
        "\n## What is said\n\nEvery event, what it holds (what is *personal* is null in what is published to everyone), and \
         who hears it. Whoever may read `shop.evt.>` sees all of them."
    )?;
    for group in groups.iter().filter(|group| !group.events.is_empty()) {
        writeln!(page, "\n### {}\n\n| Event | Means | Holds | Heard by |\n|---|---|---|---|", group.name)?;
        for event in group.events {
            let holds: Vec<_> = event.fields.iter().map(field).collect();
            let (type_, means) = (event.type_, cell(event.doc));
            writeln!(page, "| `{type_}` | {means} | {} | {} |", holds.join(", "), hearers(event, groups))?;
        }
    }
    Ok(())
}

/// Solid lines are heard, dotted ones are asked.
fn picture(page: &mut String, groups: &[&Group]) -> fmt::Result {
    writeln!(page, "\nSolid arrows are news on their way to who hears them; dotted ones are questions.\n\n```mermaid")?;
    writeln!(page, "flowchart LR")?;
    for group in groups {
        writeln!(page, "  {}", group.name)?;
    }
    for group in groups {
        for heard in group.hears {
            writeln!(page, "  {} -- \"{}\" --> {}", heard.group, heard.events.join("<br/>"), group.name)?;
        }
        for (called, verbs) in called(group) {
            writeln!(page, "  {} -. \"{}\" .-> {called}", group.name, verbs.join("<br/>"))?;
        }
    }
    writeln!(page, "```")
}

fn hearing(page: &mut String, groups: &[&Group]) -> fmt::Result {
    writeln!(page, "\n## Who hears whom\n\n| Group | hears of | what |\n|---|---|---|")?;
    for group in groups {
        for heard in group.hears {
            let events: Vec<_> = heard.events.iter().map(|event| format!("`{event}`")).collect();
            writeln!(page, "| {} | {} | {} |", group.name, heard.group, events.join(", "))?;
        }
    }
    Ok(())
}

fn calling(page: &mut String, groups: &[&Group]) -> fmt::Result {
    writeln!(page, "\n## Who calls whom\n\n| Group | calls | which is a | Means |\n|---|---|---|---|")?;
    let mut somebody = false;
    for group in groups {
        for call in group.calls {
            somebody = true;
            let (kind, means) = match Route::named(call) {
                Some(route) => (kind(route.kind), cell(route.doc)),
                None => ("–", "Nobody answers it.".to_owned()),
            };
            writeln!(page, "| {} | `{call}` | {kind} | {means} |", group.name)?;
        }
    }
    if somebody { Ok(()) } else { writeln!(page, "| nobody | | | |") }
}

/// The verbs that a group calls, by group.
fn called(group: &Group) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut called: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
    for (other, verb) in group.calls.iter().filter_map(|call| call.split_once('.')) {
        match called.iter_mut().find(|(known, _)| *known == other) {
            Some((_, verbs)) => verbs.push(verb),
            None => called.push((other, vec![verb])),
        }
    }
    called
}

fn hearers(event: &EventType, groups: &[&Group]) -> String {
    let hears = |group: &&&Group| group.hears.iter().any(|heard| heard.events.contains(&event.type_));
    let names: Vec<_> = groups.iter().filter(hears).map(|group| group.name).collect();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}

fn kind(kind: RpcKind) -> &'static str {
    match kind {
        RpcKind::Command => "command",
        RpcKind::Read => "read",
        RpcKind::Query => "query",
    }
}

fn field(field: &Field) -> String {
    let many = if field.repeated { "[]" } else { "" };
    let name = format!("`{}{many}`", field.name);
    if field.personal { format!("*{name}*") } else { name }
}

/// A comment as a cell of a table.
fn cell(doc: &str) -> String {
    doc.replace('|', "\\|")
}
