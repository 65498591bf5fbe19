//! `mercat routes`: what the door answers to, and what it would do with a request.

use std::process::ExitCode;

use gateway::routes::Goes;
use messages::route::{Idempotency, Rate, Route, RpcKind};

use crate::out;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Only what holds this text in its path or name.
    containing: Option<String>,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Says what the door would do with one request.
    Explain {
        /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
        method: String,
        /// The path: `/api/v1/products/prd_01h455vb4pex5vsknk084sn02q`.
        path: String,
        /// Who asks (`usr_…`): says whether the canary of a group answers them.
        #[arg(long = "as")]
        who: Option<String>,
        /// What they say in `Api-Version`.
        #[arg(long)]
        api_version: Option<String>,
    },
}

/// Prints them.
pub(crate) fn run(config: &gateway::Config, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    match &arguments.what {
        Some(What::Explain { method, path, who, api_version }) => {
            config.check()?;
            explain(config, method, path, (who.as_deref(), api_version.as_deref()))
        }
        None => Ok(list(arguments.containing.as_deref().unwrap_or_default())),
    }
}

fn list(containing: &str) -> ExitCode {
    let doors = messages::ROUTES.iter().flat_map(|route| route.http.iter().map(move |http| (http, *route)));
    let mut doors: Vec<_> =
        doors.filter(|(http, route)| http.path.contains(containing) || route.name.contains(containing)).collect();
    doors.sort_by_key(|(http, _)| (http.path, http.method.as_str()));
    let width = doors.iter().map(|(http, _)| http.path.len()).max().unwrap_or_default();
    for (http, route) in &doors {
        let (method, path, name, who) = (http.method.as_str(), http.path, route.name, who(route));
        out::say(&format!("{method:<6} {path:<width$}  {name:<32} {who}"));
    }
    if doors.is_empty() {
        out::complain(&format!("mercat: no path or rpc holds {containing:?}"));
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

fn explain(
    config: &gateway::Config,
    method: &str,
    path: &str,
    asker: (Option<&str>, Option<&str>),
) -> anyhow::Result<ExitCode> {
    match gateway::routes::explain(method, path)? {
        Goes::To { route, params, patch } => {
            lines(route, &params, patch).iter().for_each(|line| out::say(line));
            out::say(&format!("  {:<14} {}", "answered by", answered_by(config, route, asker)?));
            return Ok(ExitCode::SUCCESS);
        }
        Goes::OtherMethods(allow) => {
            out::complain(&format!("mercat: {path} knows {allow} and answers 405 to {method}"));
        }
        Goes::Nowhere => out::complain(&format!("mercat: nothing is at {path}: 404 no_such_path")),
    }
    Ok(ExitCode::FAILURE)
}

/// Which replicas would answer.
fn answered_by(
    config: &gateway::Config,
    route: &Route,
    (who, version): (Option<&str>, Option<&str>),
) -> anyhow::Result<String> {
    let Some(canary) = config.canary.get(route.group) else {
        gateway::routes::answers(config, route.group, version, "")?;
        return Ok(format!("the replicas of {}, which has no canary", route.group));
    };
    if who.is_none() && version.is_none() {
        let (percent, named) = (canary.percent, &canary.version);
        return Ok(format!(
            "the canary for {percent} % of all people and for Api-Version: {named}; else stable replicas"
        ));
    }
    let set = gateway::routes::answers(config, route.group, version, who.unwrap_or_default())?;
    Ok(format!("{} replicas of {}", set.name(), route.group))
}

fn lines(route: &Route, params: &[(&str, String)], patch: bool) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", route.name, route.doc.lines().next().unwrap_or_default())];
    let mut say = |what: &str, text: String| lines.push(format!("  {what:<14} {text}"));
    for (name, value) in params {
        say("with", format!("{name} = {value}"));
    }
    if patch {
        say(
            "first reads",
            format!("{}, merges the patch (RFC 7396) and writes it back", route.reads.unwrap_or_default()),
        );
    }
    say("asks", subject(route, params));
    say("who", who(route));
    let key = match route.idempotency {
        Idempotency::None => None,
        Idempotency::Accepted => Some("accepted"),
        Idempotency::Required => Some("required"),
    };
    if let Some(key) = key {
        say("Idempotency-Key", key.to_owned());
    }
    let weight = match route.rate {
        Rate::Normal => "once",
        Rate::Expensive => "several times (gateway.rates.expensive)",
        Rate::Sensitive => "once, and by address too (gateway.rates.sensitive)",
        Rate::Unlimited => "not",
    };
    say("counted", weight.to_owned());
    if let Some(cache) = route.cache {
        let whom = match (cache.public, cache.by_role) {
            (true, _) => "everyone",
            (_, true) => "all of a role",
            _ => "each identity alone",
        };
        say("kept", format!("up to {} s, for {whom}; until the log of {} changes it", cache.max_age_s, route.group));
    }
    if let Some(settle) = &route.settle {
        let until = settle.until.join(", ");
        say("waits", format!("up to {} ms for {until}; then 202", settle.within_ms));
    }
    say("answers", format!("{} on success", route.success));
    for refusal in route.refusals {
        say("refuses", format!("{} {}: {}", refusal.status, refusal.code, refusal.detail));
    }
    if let Some(deprecated) = route.lifecycle.deprecated {
        say("deprecated", format!("since {deprecated}, gone on {}", route.lifecycle.sunset.unwrap_or("no day yet")));
    }
    lines
}

/// The subject on NATS, as a person would type it.
fn subject(route: &Route, params: &[(&str, String)]) -> String {
    if route.kind == RpcKind::Query {
        return format!("shop.query.{}.{}", route.group, route.verb);
    }
    let value = route.key.and_then(|key| params.iter().find(|(name, _)| *name == key));
    let key = match (value, route.key) {
        (Some((_, value)), _) => value.clone(),
        (None, Some(key)) => format!("<{key}>"),
        (None, None) => "<key>".to_owned(),
    };
    format!("shop.{}.{key}.{}", route.group, route.verb)
}

fn who(route: &Route) -> String {
    match route.scope {
        _ if route.raw.is_some() => "anyone whose signature the group finds right".to_owned(),
        Some(scope) if !route.public => format!("scope {scope}"),
        _ => "anyone".to_owned(),
    }
}
