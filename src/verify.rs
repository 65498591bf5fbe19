//! `mercat verify`: the log of a group held against itself and against the store. A store that a running replica uses is
//! verified by that replica, which is asked to.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use runtime::bus::Headers;
use runtime::fabric::Fabric;
use runtime::store;
use serde_json::Value;

use crate::config::Config;
use crate::{ask, groups, host, out};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which groups; all when none is named.
    groups: Vec<String>,
    /// Leave the store alone.
    #[arg(long)]
    log_only: bool,
}

/// How long a replica may take to walk its whole log: some hundred million turns.
const REPLICA_WITHIN: Duration = Duration::from_secs(600);

/// Walks the logs, prints what was found, and fails when anything is wrong.
pub(crate) async fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    ask::beside(&mut config);
    let chosen = match arguments.groups.as_slice() {
        [] => groups::ALL.to_vec(),
        names => groups::named(names)?,
    };
    let mut clean = true;
    for (name, build) in chosen {
        let group = build(&config)?;
        let fabric = host::connect(&config, name).await?;
        let log = fabric.log(group.contract()).await?;
        let has_store = !arguments.log_only && host::store_dir(&config, name).is_dir();
        let report = match has_store {
            false => serde_json::to_value(runtime::verify::walk(&group, &log, None).await)?,
            true => match host::open_store(&config, name).await {
                Ok(store) => serde_json::to_value(runtime::verify::walk(&group, &log, Some(&store)).await)?,
                Err(error) if is_locked(&error) => ask(fabric.as_ref(), name).await?,
                Err(error) => return Err(error),
            },
        };
        clean &= report["faults"].as_array().is_some_and(Vec::is_empty);
        out::say(&serde_json::to_string_pretty(&report)?);
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn is_locked(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(store::Error::Locked { .. }))
}

/// Has the replica that uses the store verify it.
async fn ask(fabric: &dyn Fabric, group: &str) -> anyhow::Result<Value> {
    out::complain(&format!("the store of {group} is in use: its replica verifies it"));
    let subject = format!("shop.ops.{group}.all.verify");
    let answer = fabric.bus().request(subject, Headers::new(), "".into(), REPLICA_WITHIN).await;
    let answer = answer.with_context(|| format!("no replica of {group} answers, and somebody uses its store"))?;
    serde_json::from_slice(&answer.payload).context("the replica did not answer in JSON")
}
