//! Reach: what a client has learned of those it asks, and what it therefore refuses to try.
//!
//! A target is a group's [set](Set) of replicas. It has one [circuit](breaker), which opens when nobody of the set
//! answers any more, and [outliers](outlier): single replicas that are silent while the others answer, and are left out
//! for a while. Names and numbers are Envoy's where the thing is. Two differences are owed to NATS. A request is sent to a
//! partition and not to a replica, so who hosts a partition is learned from the answers (`Shop-Replica`); and a replica
//! that is silent is not refused by anybody, so silence itself is counted, after [`Settings::overdue_ms`].

pub mod breaker;
pub mod budget;
pub mod outlier;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio::time::Instant;

use breaker::Breaker;
use budget::Budget;
use outlier::Outliers;

/// Which replicas of a group are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Set {
    /// Those that everybody is served by.
    #[default]
    Stable,
    /// Those of a version that is being tried. They have subjects of their own, and the same log.
    Canary,
}

impl Set {
    /// Its name, in headers, metrics and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Set::Stable => "stable",
            Set::Canary => "canary",
        }
    }

    /// A subject on which the replicas of the set are asked: `cmd`, `any` or `query`, and what follows it.
    #[must_use]
    pub fn subject(self, kind: &str, rest: &str) -> String {
        match self {
            Set::Stable => format!("shop.{kind}.{rest}"),
            Set::Canary => format!("shop.canary.{kind}.{rest}"),
        }
    }
}

impl std::str::FromStr for Set {
    type Err = ();

    fn from_str(text: &str) -> Result<Set, ()> {
        [Set::Stable, Set::Canary].into_iter().find(|set| set.name() == text).ok_or(())
    }
}

/// When a target is given up, and how often it is asked again. Times are in milliseconds.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The circuit of a whole set.
    pub breaker: breaker::Settings,
    /// Single replicas.
    pub outlier: outlier::Settings,
    /// What is sent twice.
    pub retry: budget::Settings,
    /// How long silence lasts before it counts as an error.
    pub overdue_ms: Overdue,
}

/// How long silence lasts before it counts as an error, in milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(transparent)]
pub struct Overdue(pub u64);

impl Default for Overdue {
    /// A group that asks others first waits about as long for them; five in a row, and the circuit opens well within 2 s.
    fn default() -> Overdue {
        Overdue(1_000)
    }
}

impl Settings {
    /// How long silence lasts before it counts as an error.
    #[must_use]
    pub fn overdue(&self) -> Duration {
        Duration::from_millis(self.overdue_ms.0)
    }

    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// With what cannot be meant.
    pub fn check(&self) -> Result<(), &'static str> {
        let breaker::Settings { consecutive_errors, probes_max, .. } = self.breaker;
        match () {
            () if self.overdue_ms.0 == 0 => Err("reach.overdue_ms: nobody answers within no time"),
            () if consecutive_errors == 0 => Err("reach.breaker.consecutive_errors: no error opens no circuit"),
            () if probes_max == 0 => Err("reach.breaker.probes_max: without a probe no circuit closes again"),
            () if self.outlier.consecutive_errors == 0 => {
                Err("reach.outlier.consecutive_errors: no error ejects nobody")
            }
            () if self.outlier.max_ejection_percent > 100 => {
                Err("reach.outlier.max_ejection_percent: at most all, 100")
            }
            () => Ok(()),
        }
    }
}

/// What clients of one process share about those they ask.
#[derive(Debug, Default)]
pub struct Reach {
    /// Whose clients they are, for metrics.
    asker: &'static str,
    settings: Settings,
    targets: RwLock<BTreeMap<(&'static str, Set), Arc<Target>>>,
}

impl Reach {
    /// Knows nobody yet. The asker's name tells its metrics from those of others in the same process.
    #[must_use]
    pub fn new(asker: &'static str, settings: Settings) -> Reach {
        Reach { asker, settings, targets: RwLock::default() }
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is known of a set of replicas.
    pub fn target(&self, group: &'static str, set: Set) -> Arc<Target> {
        if let Some(target) = self.targets.read().unwrap_or_else(PoisonError::into_inner).get(&(group, set)) {
            return target.clone();
        }
        let mut targets = self.targets.write().unwrap_or_else(PoisonError::into_inner);
        targets
            .entry((group, set))
            .or_insert_with(|| Arc::new(Target::new(self.asker, group, set, &self.settings)))
            .clone()
    }

    /// Everything that has been asked, as it stands now.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        targets.values().map(|target| target.state(Instant::now())).collect()
    }

    /// How many replicas of a group answer, of all its sets; 1 as long as nobody has been heard of.
    #[must_use]
    pub fn replicas(&self, group: &'static str) -> usize {
        let now = Instant::now();
        let targets = self.targets.read().unwrap_or_else(PoisonError::into_inner);
        let healthy = |set| targets.get(&(group, set)).map_or(0, |target| target.outliers.count(now).healthy());
        (healthy(Set::Stable) + healthy(Set::Canary)).max(1)
    }
}

/// How a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// The group.
    pub group: &'static str,
    /// Which replicas of it.
    pub set: Set,
    /// Its circuit.
    pub circuit: breaker::State,
    /// Its replicas.
    pub replicas: outlier::Count,
}

/// A set of replicas, as a client knows it.
#[derive(Debug)]
pub struct Target {
    asker: &'static str,
    group: &'static str,
    set: Set,
    /// The circuit of all.
    pub circuit: Breaker,
    /// Its replicas.
    pub outliers: Outliers,
    /// What may be sent twice.
    pub budget: Budget,
    /// By partition: told when a request finds that its host is gone, or it is left out.
    gone: Mutex<BTreeMap<u32, Arc<Notify>>>,
    outcomes: Outcomes,
}

/// What became of requests.
#[derive(Debug)]
struct Outcomes {
    answered: Meter,
    refused: Meter,
    unavailable: Meter,
    unknown: Meter,
}

struct Meter(metrics::Counter);

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meter")
    }
}

impl Target {
    fn new(asker: &'static str, group: &'static str, set: Set, settings: &Settings) -> Target {
        let meter = |outcome: &'static str| {
            Meter(metrics::counter!(
                "client_requests_total",
                "client" => asker, "group" => group, "set" => set.name(), "outcome" => outcome
            ))
        };
        Target {
            asker,
            group,
            set,
            circuit: Breaker::new(settings.breaker),
            outliers: Outliers::new(settings.outlier),
            budget: Budget::new(settings.retry),
            gone: Mutex::default(),
            outcomes: Outcomes {
                answered: meter("answered"),
                refused: meter("refused"),
                unavailable: meter("unavailable"),
                unknown: meter("unknown"),
            },
        }
    }

    /// Where requests for a partition hear that its host is gone.
    pub(crate) fn gone(&self, partition: u32) -> Arc<Notify> {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        gone.entry(partition).or_default().clone()
    }

    /// A replica of the set answered, and as the host of a partition if one is named.
    pub(crate) fn answered_by(&self, replica: &str, hosts: Option<u32>) {
        self.outliers.answered(replica, hosts, Instant::now());
    }

    /// A replica was silent to what it was asked then. What waits for it is told if it is left out from now on.
    pub(crate) fn silent(&self, replica: &str, asked: Instant) {
        let Some(partitions) = self.outliers.failed(replica, asked, Instant::now()) else { return };
        tracing::warn!(group = self.group, set = self.set.name(), replica, "a silent replica is left out");
        metrics::counter!(
            "client_ejections_total", "client" => self.asker, "group" => self.group, "set" => self.set.name()
        )
        .increment(1);
        for partition in partitions {
            self.gone(partition).notify_waiters();
        }
    }

    /// A request was answered.
    pub(crate) fn succeeded(&self, refused: bool) {
        let before = self.circuit.state();
        self.circuit.answered(Instant::now());
        if before != breaker::State::Closed {
            tracing::info!(group = self.group, set = self.set.name(), "the circuit closes");
            self.show();
        }
        let Outcomes { answered, refused: refusals, .. } = &self.outcomes;
        if refused { refusals.0.increment(1) } else { answered.0.increment(1) }
    }

    /// Nobody has answered, yet or at all, what was asked then.
    pub(crate) fn failed(&self, asked: Instant) {
        if self.circuit.failed(asked, Instant::now()) {
            tracing::warn!(group = self.group, set = self.set.name(), "the circuit opens");
            self.show();
        }
    }

    /// A request ended without an answer.
    pub(crate) fn ended(&self, unknown: bool) {
        if unknown { self.outcomes.unknown.0.increment(1) } else { self.outcomes.unavailable.0.increment(1) }
    }

    /// How it stands.
    #[must_use]
    pub fn state(&self, now: Instant) -> State {
        let (group, set) = (self.group, self.set);
        State { group, set, circuit: self.circuit.state(), replicas: self.outliers.count(now) }
    }

    /// Hands its state to metrics.
    fn show(&self) {
        let State { group, set, circuit, replicas } = self.state(Instant::now());
        let labels = [("client", self.asker), ("group", group), ("set", set.name())];
        metrics::gauge!("client_circuit_open", &labels).set(u32::from(circuit != breaker::State::Closed));
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        metrics::gauge!("client_replicas", &labels).set(number(replicas.known));
        metrics::gauge!("client_replicas_ejected", &labels).set(number(replicas.ejected));
    }
}

impl Reach {
    /// Hands all states to metrics: an ejection ends by itself, and nobody tells.
    pub fn publish(&self) {
        self.targets.read().unwrap_or_else(PoisonError::into_inner).values().for_each(|target| target.show());
    }
}
