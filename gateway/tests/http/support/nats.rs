//! A real nats-server of the test's own.

use std::sync::Arc;

use gateway::{Connect, Reach};
use runtime::bus::Bus;
use runtime::fabric::{Fabric as _, SharedFabric};
use runtime::log::SharedLog;
use runtime::nats::{Fabric, Options, Seed};
use runtime::server::{Auth, Node, Server, ServerOptions};

/// A server on a free port of the loopback interface, with a directory of its own. Both end with it.
pub(crate) struct Nats {
    server: Server,
    seed: Option<Seed>,
    _dir: tempfile::TempDir,
}

impl Nats {
    /// Open to anyone, so that a test can play the groups.
    pub(crate) async fn start() -> Nats {
        Nats::with(Auth::None).await
    }

    /// With the users and permissions of the contract.
    pub(crate) async fn guarded() -> Nats {
        let keys = tempfile::tempdir().expect("a directory");
        Nats::with(Auth::Nkeys(keys.path().to_owned())).await
    }

    async fn with(auth: Auth) -> Nats {
        let dir = tempfile::tempdir().expect("a directory");
        let options = ServerOptions { auth, ..ServerOptions::new(dir.path()) };
        let server = Server::start(options).await.expect("a nats-server");
        let seed = server.keys().map(|keys| keys.seed("gateway").expect("the gateway is a user"));
        Nats { server, seed, _dir: dir }
    }

    pub(crate) fn url(&self) -> String {
        self.server.urls().concat()
    }

    /// To be paused and resumed.
    pub(crate) fn node(&mut self) -> &mut Node {
        self.server.only()
    }

    /// How a gateway's workers connect.
    pub(crate) fn connect(&self) -> Connect {
        let options = self.options("gateway");
        Arc::new(move || {
            let options = options.clone();
            Box::pin(async move {
                let fabric = Fabric::connect(options).await.map_err(std::io::Error::other)?;
                Ok(fabric.bus() as Arc<dyn Bus>)
            })
        })
    }

    /// How a gateway reaches what its workers share.
    pub(crate) fn reach(&self) -> Reach {
        let options = self.options("gateway");
        Arc::new(move || {
            let options = options.clone();
            Box::pin(async move {
                let fabric: SharedFabric = Fabric::connect(options).await.map_err(std::io::Error::other)?;
                Ok(fabric)
            })
        })
    }

    /// The log of a group, as its owner has it.
    pub(crate) async fn log(&self, group: &'static str) -> SharedLog {
        let fabric = Fabric::connect(self.options(group)).await.expect("the server listens");
        fabric.log(messages::Group::named(group).expect("a group")).await.expect("the log is made")
    }

    fn options(&self, user: &str) -> Options {
        Options { seed: self.seed.clone(), ..Options::new(vec![self.url()], user, "test") }
    }
}
