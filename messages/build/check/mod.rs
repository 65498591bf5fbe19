//! What a contract must hold. The first thing that does not fails the build and says where.

mod fields;
mod forms;
pub(crate) mod rpcs;

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};

use crate::model::{Contract, Kind, Shape};

/// Checks the whole contract.
pub(crate) fn contract(contract: &Contract) -> anyhow::Result<()> {
    for message in contract.messages() {
        fields::message(contract, message).with_context(|| format!("in {}", message.full_name()))?;
    }
    let mut doors = BTreeMap::new();
    for group in &contract.groups {
        rpcs::group(contract, group).with_context(|| format!("in the group {}", group.name))?;
        for rpc in &group.rpcs {
            rpcs::doors(group, rpc, &mut doors).with_context(|| format!("in the rpc {}", rpc.name))?;
        }
    }
    events(contract)
}

/// Every event has one name, an actor and a group; every group hears only what somebody says.
fn events(contract: &Contract) -> anyhow::Result<()> {
    let mut said = BTreeMap::new();
    for message in contract.messages() {
        let Some(event) = &message.event else { continue };
        let name = message.full_name();
        let group = contract.groups.iter().find(|group| group.package == message.package);
        let group = group.with_context(|| format!("{name} is an event of a package without a group"))?;
        let id = message.field(&event.id).with_context(|| format!("{name} has no field `{}`", event.id))?;
        ensure!(id.kind == Kind::Text && id.shape == Shape::Implicit, "the id of {name} is not a plain text");
        ensure!(
            (2..=3).contains(&event.type_.split('.').filter(|word| !word.is_empty()).count())
                && event.type_.bytes().all(|b| b.is_ascii_lowercase() || b"._".contains(&b)),
            "`{}` is not an event type: it is two or three lower-case words with dots between",
            event.type_
        );
        ensure!(
            (1..=group.schema).contains(&event.schema),
            "{name} appeared at schema {}, and the group is at {}",
            event.schema,
            group.schema
        );
        let twin = said.insert(event.type_.as_str(), (group.name.as_str(), name.clone()));
        ensure!(twin.is_none(), "{name} is not the only event named {}", event.type_);
    }
    for group in &contract.groups {
        for (source, events) in &group.hears {
            for event in events {
                let says = said.get(event.as_str()).is_some_and(|(says, _)| says == source);
                ensure!(says, "{} hears {event} of {source}, which nobody says", group.name);
            }
        }
    }
    Ok(())
}
