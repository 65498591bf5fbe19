//! A composed shop, under a name of its own and on free ports.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::Engine;
use crate::run::{Ran, command, run, run_within};

/// How long a container may take to become healthy.
const WITHIN: Duration = Duration::from_secs(120);
/// Who may write to the shop.
const TOKEN: &str = "a-token-of-the-compose-test";

/// A project of compose files.
pub(crate) struct Project<'e> {
    pub(crate) engine: &'e Engine,
    name: &'static str,
    files: Vec<String>,
    environment: Vec<(&'static str, String)>,
}

/// Asks again until the answer is good; each asking is a program, which is pause enough.
#[track_caller]
pub(crate) fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let give_up = Instant::now() + WITHIN;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(why) => assert!(Instant::now() < give_up, "waited in vain for {what}: {why}"),
        }
    }
}

impl<'e> Project<'e> {
    /// A project that is called `name`, of these files of the repository.
    pub(crate) fn new(engine: &'e Engine, name: &'static str, files: &[&str]) -> Project<'e> {
        let tokens = format!(r#"[{{token="{TOKEN}", role="admin", scopes=["*"]}}]"#);
        let ports = ["SHOP_PORT", "SHOP_NATS_PORT", "SHOP_NATS_MONITOR_PORT"].map(|port| (port, "0".to_owned()));
        let environment = ports.into_iter().chain([("SHOP_TOKENS", tokens)]).collect();
        Project { engine, name, files: files.iter().map(|file| (*file).to_owned()).collect(), environment }
    }

    /// The same with one more variable.
    pub(crate) fn with(mut self, variable: &'static str, value: String) -> Project<'e> {
        self.environment.push((variable, value));
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut compose = self.engine.command("docker-compose", &["-p", self.name]);
        for file in &self.files {
            compose.args(["-f", file]);
        }
        compose.args(arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        compose
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        run_within(WITHIN * 2, &mut self.command(arguments), b"")
    }

    /// What `docker-compose …` prints.
    #[track_caller]
    pub(crate) fn compose(&self, arguments: &[&str]) -> String {
        self.run(arguments).ok().trim().to_owned()
    }

    /// The containers of a service, running or not.
    pub(crate) fn containers(&self, service: &str) -> Vec<String> {
        let label = |what: &str, value: &str| format!("label=com.docker.compose.{what}={value}");
        let (project, service) = (label("project", self.name), label("service", service));
        let listed = self.engine.docker(&["ps", "-aq", "--filter", &project, "--filter", &service]);
        listed.lines().map(str::to_owned).collect()
    }

    /// The only container of a service.
    #[track_caller]
    pub(crate) fn container(&self, service: &str) -> String {
        let [only] = &self.containers(service)[..] else { panic!("{service} has not one container") };
        only.clone()
    }

    /// Something that the engine knows of a service's container: `.State.ExitCode`.
    pub(crate) fn inspect(&self, service: &str, what: &str) -> String {
        self.engine.docker(&["inspect", "-f", &format!("{{{{{what}}}}}"), &self.container(service)])
    }

    /// Waits until all containers of these services are healthy.
    #[track_caller]
    pub(crate) fn healthy(&self, services: &[&str]) {
        for service in services {
            wait_for(&format!("a healthy {service}"), || {
                for container in self.containers(service) {
                    let health = self.engine.docker(&["inspect", "-f", "{{.State.Health.Status}}", &container]);
                    if health != "healthy" {
                        let said = self.engine.run("docker", &["logs", "--tail", "5", &container]);
                        return Err(format!("{health}: {}{}", said.text(), said.stderr));
                    }
                }
                Ok(())
            });
        }
    }

    /// A request as an admin; status and body, or why there is none. A POST is a new command each time.
    pub(crate) fn http(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value), String> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        self.keyed(method, path, body, &COUNT.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// The same under a key of one's own: with the same key it is the same command, however often it is sent.
    pub(crate) fn keyed(&self, method: &str, path: &str, body: &Value, key: &str) -> Result<(u16, Value), String> {
        let address = self.compose(&["port", "gateway", "8080"]);
        let mut curl = command("curl");
        curl.args(["-s", "-m", "10", "-X", method, "-w", "\n%{http_code}", "-H", "Content-Type: application/json"]);
        curl.arg("-H").arg(format!("Authorization: Bearer {TOKEN}"));
        if !body.is_null() {
            curl.args(["-d", &body.to_string(), "-H", &format!("Idempotency-Key: {key}")]);
        }
        let said = run(curl.arg(format!("http://{address}{path}")), b"");
        let text = said.text();
        let (body, status) = text.rsplit_once('\n').ok_or("no answer")?;
        let status = status.parse().map_err(|_| format!("no status: {text}"))?;
        Ok((status, serde_json::from_str(body).unwrap_or(Value::Null)))
    }

    /// The body of a request that must succeed.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16, method: &str, path: &str, body: &Value) -> Value {
        let (answered, body) = self.http(method, path, body).unwrap_or_else(|why| panic!("{method} {path}: {why}"));
        assert_eq!(answered, status, "{method} {path}: {body}");
        body
    }

    /// Asks until it succeeds: for what follows from something else a moment later.
    #[track_caller]
    pub(crate) fn eventually(&self, status: u16, method: &str, path: &str, body: &Value) -> Value {
        wait_for(&format!("{method} {path}"), || match self.http(method, path, body)? {
            (answered, body) if answered == status => Ok(body),
            (answered, body) => Err(format!("{answered} {body}")),
        })
    }
}

impl Drop for Project<'_> {
    fn drop(&mut self) {
        let logs = std::thread::panicking().then(|| self.run(&["logs", "--no-color", "--tail", "40"]).text());
        self.run(&["down", "--volumes", "--timeout", "5"]);
        if let Some(logs) = logs {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "{logs}");
        }
    }
}
