//! Servers: a nats-server, or a cluster of three, in a directory of its own.
//!
//! Used by `mercat up` and by every test, so that both speak to the real thing. The configuration is the repository's
//! own (see [`permissions`](crate::permissions)), with other ports and paths. A server lives as long as its handle.
//!
//! It serves one machine: everything listens on the loopback. A production cluster is deployed, not started from here.

mod find;
mod node;
mod proxy;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::time::{Instant, sleep};

pub use self::find::{Origin, Program, VERSION, cache_dir, find};
pub use self::node::Node;
pub use self::proxy::Proxy;
use crate::nats::monitor;
use crate::nats::tls::Files;
use crate::permissions::{self, Keys};

/// How long the servers of a cluster may take to find each other and to elect a leader.
const CLUSTER_WITHIN: Duration = Duration::from_secs(30);
/// How often they are looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How often free ports are chosen anew when somebody else was faster.
const START_TRIES: u32 = 3;

/// Why a server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, and none could be fetched.
    #[error("found no nats-server and could not fetch version {version}: {tried}")]
    NotFound {
        /// The version wanted.
        version: &'static str,
        /// What was tried, and what came of it.
        tried: String,
    },
    /// It ended, or does not serve in time.
    #[error("the nats-server does not get ready ({ended:?}); it said:\n{said}")]
    NotReady {
        /// How it ended, if it did.
        ended: Option<ExitStatus>,
        /// The last lines of its log.
        said: String,
    },
    /// It was signalled while it did not run.
    #[error("the nats-server is not running")]
    NotRunning,
    /// A file could not be read or written, or the program not started.
    #[error("could not {operation}: {path}")]
    Io {
        /// What was tried.
        operation: &'static str,
        /// Where.
        path: PathBuf,
        /// What happened.
        #[source]
        source: std::io::Error,
    },
}

/// Who may connect.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    /// Anyone on this machine, as one user who may do everything.
    #[default]
    None,
    /// The users of the contract. Their keys are made in this directory unless they are there.
    Nkeys(PathBuf),
}

/// How servers are started.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// Where configuration, store and log go.
    pub dir: PathBuf,
    /// The client port; free ones when `None`, or when there is more than one node.
    pub port: Option<u16>,
    /// The monitoring port, likewise.
    pub monitor_port: Option<u16>,
    /// 1, or 3 for a cluster.
    pub nodes: usize,
    /// Who may connect.
    pub auth: Auth,
    /// With [`Auth::Nkeys`]: the user whom a connection without a key is taken for, `operator` on a developer's machine.
    pub no_auth_user: Option<String>,
    /// The limit of the files of each node, in bytes.
    pub max_file: u64,
    /// Whether a message is on the disk before it is acknowledged. Switched off only to show what is refused then.
    pub sync_always: bool,
    /// Mutual TLS; plain TCP when `None`.
    pub tls: Option<Files>,
}

impl ServerOptions {
    /// One server on free ports, open to this machine.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> ServerOptions {
        ServerOptions {
            dir: dir.into(),
            port: None,
            monitor_port: None,
            nodes: 1,
            auth: Auth::None,
            no_auth_user: None,
            max_file: 4 << 30,
            sync_always: true,
            tls: None,
        }
    }

    /// Three servers.
    #[must_use]
    pub fn cluster(dir: impl Into<PathBuf>) -> ServerOptions {
        ServerOptions { nodes: 3, ..ServerOptions::new(dir) }
    }
}

/// Running servers.
#[derive(Debug)]
pub struct Server {
    nodes: Vec<Node>,
    keys: Option<Keys>,
}

impl Server {
    /// Finds a nats-server (see [`find`]), starts it and waits until it serves.
    ///
    /// # Errors
    /// When there is none, or it does not get ready.
    pub async fn start(options: ServerOptions) -> Result<Server, Error> {
        let program = find(&cache_dir()).await?;
        tracing::info!(origin = ?program.origin, path = %program.path.display(), "starting nats-server");
        let keys = match &options.auth {
            Auth::None => None,
            Auth::Nkeys(dir) => Some(Keys::create_or_load(dir).map_err(|source| Error::Io {
                operation: "make or read the keys",
                path: dir.clone(),
                source,
            })?),
        };
        let mut tries = 1;
        loop {
            let mut server = Server { nodes: lay_out(&options, keys.as_ref(), &program)?, keys: keys.clone() };
            match server.begin().await {
                Err(Error::NotReady { said, .. }) if said.contains("address already in use") && tries < START_TRIES => {
                    tries += 1;
                }
                begun => return begun.map(|()| server),
            }
        }
    }

    async fn begin(&mut self) -> Result<(), Error> {
        for node in &mut self.nodes {
            node.spawn()?;
        }
        if let [alone] = self.nodes.as_mut_slice() {
            return alone.ready().await;
        }
        self.settled().await
    }

    /// Waits until all servers serve, and those of a cluster have found each other and agree on a leader.
    ///
    /// # Errors
    /// When one of them has ended, or they do not settle in time.
    pub async fn settled(&mut self) -> Result<(), Error> {
        let give_up = Instant::now() + CLUSTER_WITHIN;
        while !self.are_settled().await {
            self.nodes.iter_mut().try_for_each(Node::still_runs)?;
            if Instant::now() > give_up {
                let said = self.nodes.iter().map(Node::last_words).collect::<Vec<_>>().join("\n\n");
                return Err(Error::NotReady { ended: None, said });
            }
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    async fn are_settled(&self) -> bool {
        for node in &self.nodes {
            let meta = monitor::varz(&node.monitor()).await.ok().and_then(|varz| varz.jetstream.meta);
            let agrees = meta.is_some_and(|meta| !meta.leader.is_empty() && meta.cluster_size == self.nodes.len());
            if (self.nodes.len() > 1 && !agrees) || !monitor::is_healthy(&node.monitor()).await {
                return false;
            }
        }
        true
    }

    /// Where clients connect: one URL per node.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(Node::url).collect()
    }

    /// Where the nodes tell of themselves.
    #[must_use]
    pub fn monitors(&self) -> Vec<String> {
        self.nodes.iter().map(Node::monitor).collect()
    }

    /// The users' keys, with [`Auth::Nkeys`].
    #[must_use]
    pub fn keys(&self) -> Option<&Keys> {
        self.keys.as_ref()
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node, to be killed, paused, restarted.
    ///
    /// # Panics
    /// When there is no such node.
    pub fn node(&mut self, number: usize) -> &mut Node {
        &mut self.nodes[number]
    }

    /// The only node of a single server, or the first.
    pub fn only(&mut self) -> &mut Node {
        self.node(0)
    }

    /// Asks all nodes to stop, and waits until they have.
    ///
    /// # Errors
    /// When one does not stop in time; it is killed then.
    pub async fn stop(&mut self) -> Result<(), Error> {
        for node in self.nodes.iter_mut().filter(|node| node.pid().is_some()) {
            node.stop().await?;
        }
        Ok(())
    }
}

/// Chooses ports and writes the configurations.
fn lay_out(options: &ServerOptions, keys: Option<&Keys>, program: &Program) -> Result<Vec<Node>, Error> {
    let single = options.nodes == 1;
    let mut ports = free_ports(options.nodes * 3)?.into_iter();
    let mut port = |wanted: Option<u16>| {
        let free = ports.next().unwrap_or_default();
        wanted.filter(|_| single).unwrap_or(free)
    };
    let numbers: Vec<_> =
        (0..options.nodes).map(|_| (port(options.port), port(options.monitor_port), port(None))).collect();
    let routes: Vec<String> = numbers.iter().map(|(_, _, route)| format!("nats-route://127.0.0.1:{route}")).collect();
    let mut nodes = Vec::new();
    for (index, (port, monitor_port, route)) in numbers.into_iter().enumerate() {
        let name = format!("n{}", index + 1);
        let dir = options.dir.join(&name);
        let rendered = permissions::render(&permissions::Options {
            listen: format!("127.0.0.1:{port}"),
            monitor: format!("127.0.0.1:{monitor_port}"),
            remarks: Vec::new(),
            server_name: Some(name.clone()),
            store_dir: dir.join("store").display().to_string(),
            sync_always: options.sync_always,
            max_file: options.max_file.to_string(),
            account_max_file: options.max_file.saturating_mul(options.nodes as u64).to_string(),
            users: keys.map_or(permissions::Users::Anyone, |keys| permissions::Users::Known(keys.clone())),
            no_auth_user: options.no_auth_user.clone(),
            tls: options.tls.clone(),
            cluster: (!single).then(|| permissions::Cluster {
                name: "mercat".to_owned(),
                listen: format!("127.0.0.1:{route}"),
                routes: routes.clone(),
            }),
            ..permissions::Options::one_server()
        });
        let config = dir.join("nats.conf");
        write(&dir, &config, &rendered)?;
        let (program, log) = (program.path.clone(), dir.join("nats.log"));
        nodes.push(Node { program, config, log, port, monitor_port, child: None });
    }
    Ok(nodes)
}

fn write(dir: &Path, file: &Path, text: &str) -> Result<(), Error> {
    let failed = |source| Error::Io { operation: "write the server's configuration", path: file.to_owned(), source };
    std::fs::create_dir_all(dir).map_err(failed)?;
    std::fs::write(file, text).map_err(failed)
}

/// Ports that were free a moment ago: all held at once, so that they differ, and let go together.
fn free_ports(count: usize) -> Result<Vec<u16>, Error> {
    let bind = || TcpListener::bind("127.0.0.1:0").and_then(|held| Ok((held.local_addr()?.port(), held)));
    let held: Result<Vec<_>, std::io::Error> = (0..count).map(|_| bind()).collect();
    let failed = |source| Error::Io { operation: "find a free port", path: "127.0.0.1:0".into(), source };
    Ok(held.map_err(failed)?.into_iter().map(|(port, _)| port).collect())
}
