//! One nats-server process: started, watched, signalled, killed when forgotten.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::time::{Instant, sleep};

use super::Error;
use crate::nats::monitor;

/// How long a server may take until it serves: it reads its whole store first.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// How long it may take to stop.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How often it is looked at while waiting for either.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// One nats-server process.
#[derive(Debug)]
pub struct Node {
    pub(super) program: PathBuf,
    pub(super) config: PathBuf,
    pub(super) log: PathBuf,
    pub(super) port: u16,
    pub(super) monitor_port: u16,
    pub(super) child: Option<Child>,
}

impl Node {
    /// Where clients connect.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The client port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it tells of itself.
    #[must_use]
    pub fn monitor(&self) -> String {
        format!("http://127.0.0.1:{}", self.monitor_port)
    }

    /// Its process, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What it wrote, for a person or a test to read.
    #[must_use]
    pub fn output(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(super) fn spawn(&mut self) -> Result<(), Error> {
        let failed = |operation, path: &PathBuf| {
            let path = path.clone();
            move |source| Error::Io { operation, path, source }
        };
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.map_err(failed("open the server's log", &self.log))?;
        let copy = log.try_clone().map_err(failed("open the server's log", &self.log))?;
        let mut command = Command::new(&self.program);
        command.arg("-c").arg(&self.config).stdin(Stdio::null()).stdout(log).stderr(copy);
        // Out of the terminal's process group: Ctrl-C is for us, and the server must outlive the groups that stop.
        command.process_group(0);
        self.child = Some(command.spawn().map_err(failed("start", &self.program))?);
        Ok(())
    }

    /// Waits until it serves: JetStream is up and all it keeps is current.
    ///
    /// # Errors
    /// When it ends instead, or takes too long; with the end of what it wrote.
    pub(super) async fn ready(&mut self) -> Result<(), Error> {
        let give_up = Instant::now() + READY_WITHIN;
        while !monitor::is_healthy(&self.monitor()).await {
            self.still_runs()?;
            if Instant::now() > give_up {
                return Err(Error::NotReady { ended: None, said: self.last_words() });
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// # Errors
    /// When it has ended.
    pub(super) fn still_runs(&mut self) -> Result<(), Error> {
        let child = self.child.as_mut().ok_or(Error::NotRunning)?;
        match child.try_wait().ok().flatten() {
            None => Ok(()),
            ended => Err(Error::NotReady { ended, said: self.last_words() }),
        }
    }

    /// The end of what it wrote, without its answers to our own impatience.
    pub(super) fn last_words(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().filter(|line| !line.contains("Healthcheck failed")).collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }

    /// Ends it at once, as the kernel would: nothing is flushed, nobody is told.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Either fails only when it is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop, and waits until it has: leadership moves on, stores are closed.
    ///
    /// # Errors
    /// When it does not stop in time; it is killed then.
    pub async fn stop(&mut self) -> Result<ExitStatus, Error> {
        self.signal(Signal::INT)?;
        let give_up = Instant::now() + STOP_WITHIN;
        loop {
            let child = self.child.as_mut().ok_or(Error::NotRunning)?;
            if let Some(status) = child.try_wait().ok().flatten() {
                self.child = None;
                return Ok(status);
            }
            if Instant::now() > give_up {
                let said = self.last_words();
                self.kill9();
                return Err(Error::NotReady { ended: None, said });
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Freezes it: its connections stay open and nothing answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pause(&self) -> Result<(), Error> {
        let pid = self.signal(Signal::STOP)?;
        // The signal is sent; its threads stop a moment later. Only looked at, so that whoever reaps it still can.
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), stopped).map(drop).map_err(|_| Error::NotRunning)
    }

    /// Has it read its configuration again, and the certificates that this names.
    ///
    /// # Errors
    /// When it does not run.
    pub fn reload(&self) -> Result<(), Error> {
        self.signal(Signal::HUP).map(drop)
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// When it does not run.
    pub fn resume(&self) -> Result<(), Error> {
        self.signal(Signal::CONT).map(drop)
    }

    /// Starts it again on the same ports and store, and waits until it serves.
    ///
    /// # Errors
    /// When it does not.
    pub async fn restart(&mut self) -> Result<(), Error> {
        self.kill9();
        self.spawn()?;
        self.ready().await
    }

    fn signal(&self, signal: Signal) -> Result<Pid, Error> {
        let pid = self.child.as_ref().map(Pid::from_child).ok_or(Error::NotRunning)?;
        kill_process(pid, signal).map(|()| pid).map_err(|_| Error::NotRunning)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill9();
    }
}
