//! `mercat dlq`: news that could not be understood. They wait with their reason, and later news of the same actor wait
//! behind them, until somebody replays or drops them.

use std::process::ExitCode;
use std::time::Duration;

use messages::runtime::v1::DeadLetter;
use prost::Message as _;
use runtime::bus::Headers;
use runtime::fabric::{Fabric as _, Letter};
use serde_json::{Value, json};

use crate::ask::{self, OPERATOR};
use crate::config::Config;
use crate::{host, out};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// One line for each: sequence, hearer, source, actor, reason.
    Ls,
    /// Everything that is known of one, the whole turn included.
    Show {
        /// Its sequence.
        sequence: u64,
    },
    /// Tries again, in order, and removes what worked.
    Replay {
        /// Only this one; all when absent.
        sequence: Option<u64>,
    },
    /// Removes one for good: what it would have caused never happens.
    Drop {
        /// Its sequence.
        sequence: u64,
    },
}

/// How long a replay may take.
const REPLAY_WITHIN: Duration = Duration::from_secs(30);

pub(crate) async fn run(mut config: Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    ask::beside(&mut config);
    let fabric = host::connect(&config, OPERATOR).await?;
    let letters = fabric.letters("shop.dlq.>".to_owned()).await?;
    let find = |sequence: u64| {
        let found = letters.iter().find(|letter| letter.sequence == sequence);
        found.ok_or_else(|| anyhow::anyhow!("there is no dead letter {sequence}"))
    };
    match arguments.action {
        Action::Ls if letters.is_empty() => out::say("no dead letters"),
        Action::Ls => letters.iter().for_each(|letter| out::say(&line(letter))),
        Action::Show { sequence } => out::say(&serde_json::to_string_pretty(&shown(find(sequence)?)?)?),
        Action::Drop { sequence } => {
            find(sequence)?;
            fabric.discard(sequence).await?;
            out::say(&format!("dropped {sequence}"));
        }
        Action::Replay { sequence } => {
            let chosen: Vec<&Letter> = match sequence {
                Some(sequence) => vec![find(sequence)?],
                None => letters.iter().collect(),
            };
            for letter in chosen {
                let hearer = letter.subject.split('.').nth(2).unwrap_or_default();
                let subject = format!("shop.ops.{hearer}.any.replay");
                let asked = json!({ "sequence": letter.sequence }).to_string();
                let answer = fabric.bus().request(subject, Headers::new(), asked.into(), REPLAY_WITHIN).await?;
                let answer: Value = serde_json::from_slice(&answer.payload)?;
                out::say(&format!("{}: {answer}", letter.sequence));
                if answer["replayed"] != Value::Bool(true) {
                    return Ok(ExitCode::FAILURE);
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn reason(letter: &Letter) -> &str {
    runtime::headers::get(&letter.headers, "Shop-Reason").unwrap_or("no reason given")
}

fn line(letter: &Letter) -> String {
    let mut tokens = letter.subject.split('.').skip(2);
    let mut next = || tokens.next().unwrap_or("?");
    let (hearer, source, partition, actor) = (next(), next(), next(), next());
    format!("{:>6}  {}  {hearer} ← {source}/{partition} {actor}  {}", letter.sequence, letter.at, reason(letter))
}

fn shown(letter: &Letter) -> anyhow::Result<Value> {
    let dead = DeadLetter::decode(letter.payload.clone())?;
    Ok(json!({
        "sequence": letter.sequence,
        "subject": letter.subject,
        "at": letter.at.to_string(),
        "stream": dead.stream,
        "turn_sequence": dead.sequence,
        "event_index": dead.event_index,
        "reaction": dead.reaction,
        "reason": dead.reason,
        "tries": dead.tries,
    }))
}
