//! `mercat decode`: a message on standard input, as JSON on standard output. Made for `nats … --translate`.

use std::io::Read as _;
use std::process::ExitCode;

use messages::runtime::v1::{Turn, record};
use prost::Message as _;
use serde_json::{Value, json};

use crate::out;

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// What the message is: `turn` (the default), an event type, or a message of the contract.
    #[arg(default_value = "turn")]
    what: String,
}

/// Reads, decodes, prints. What is already JSON is printed as it is.
pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes)?;
    if let Ok(json) = serde_json::from_slice::<Value>(&bytes) {
        out::say(&json.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    let shown = if arguments.what == "turn" { turn(&bytes)? } else { message(&arguments.what, &bytes)? };
    out::say(&serde_json::to_string_pretty(&shown)?);
    Ok(ExitCode::SUCCESS)
}

fn message(what: &str, bytes: &[u8]) -> anyhow::Result<Value> {
    let mut json = Vec::new();
    if let Some(event) = messages::EventType::named(what) {
        (event.to_json)(bytes, &mut json)?;
    } else {
        let known = messages::ROUTES.iter().flat_map(|route| [route.request, route.response]);
        let found = known.into_iter().find(|transcoder| transcoder.name == what || short(transcoder.name) == what);
        let transcoder = found.ok_or_else(|| anyhow::anyhow!("the contract has no message or event {what:?}"))?;
        (transcoder.to_json)(bytes, &mut json)?;
    }
    Ok(serde_json::from_slice(&json)?)
}

fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn turn(bytes: &[u8]) -> anyhow::Result<Value> {
    let turn = Turn::decode(bytes)?;
    let commits = turn.commits.iter().map(|commit| {
        let records = commit.records.iter().map(|record| {
            let what = match &record.what {
                Some(record::What::Event(event)) => {
                    json!({ "event": event.r#type, "data": message(&event.r#type, &event.data).unwrap_or(Value::Null) })
                }
                Some(record::What::Began(call)) => json!({ "call_began": call.key, "attempt": call.attempt }),
                Some(record::What::Settled(call)) => json!({ "call_settled": call.key, "attempt": call.attempt }),
                None => Value::Null,
            };
            json!({ "actor": format!("{} {}", record.kind, record.id), "version": record.version, "what": what })
        });
        json!({
            "command": hex(&commit.command_id),
            "rpc": commit.rpc,
            "outcome": format!("{:?}", commit.outcome()).to_lowercase(),
            "caller": commit.caller,
            "correlation": commit.correlation_id,
            "records": records.collect::<Vec<_>>(),
        })
    });
    Ok(json!({
        "turn": hex(&turn.turn_id),
        "number": turn.number,
        "previous_sequence": turn.previous_sequence,
        "at": runtime::clock::from_wire(turn.at.as_ref()).to_string(),
        "replica": turn.replica,
        "commits": commits.collect::<Vec<_>>(),
    }))
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
