//! A gateway on a real nats-server, with groups that the test plays.

pub(crate) mod group;
pub(crate) mod http;
pub(crate) mod legacy;
pub(crate) mod nats;
pub(crate) mod products;
pub(crate) mod secure;

use std::net::SocketAddr;

use gateway::Gateway;
use gateway::config::{Config, Rates, Tier, Token};
use gateway::screens::Screen;
use messages::route::Route;
use tokio::sync::oneshot;

use group::{Heard, Record, Says};
use http::{Answer, Ask};
use nats::Nats;

/// May do everything.
pub(crate) const ADMIN: &str = "token-of-the-administrator";
/// Is known and may do nothing.
pub(crate) const GUEST: &str = "token-of-a-known-customer";

/// A running gateway. What it uses is ended when it is dropped.
pub(crate) struct Shop {
    pub(crate) address: SocketAddr,
    pub(crate) nats: Nats,
    heard: Record,
    _stop: oneshot::Sender<()>,
}

impl Shop {
    /// With groups that answer as scripted.
    pub(crate) async fn open(script: impl FnMut(&Heard) -> Option<Says> + Send + 'static) -> Shop {
        Shop::with(config(), script).await
    }

    pub(crate) async fn with(config: Config, script: impl FnMut(&Heard) -> Option<Says> + Send + 'static) -> Shop {
        Shop::with_routes(messages::ROUTES, config, script).await
    }

    pub(crate) async fn with_routes(
        routes: &'static [&'static Route],
        config: Config,
        script: impl FnMut(&Heard) -> Option<Says> + Send + 'static,
    ) -> Shop {
        Shop::made(routes, &[], config, script).await
    }

    /// With screens.
    pub(crate) async fn showing(
        screens: &'static [Screen],
        config: Config,
        script: impl FnMut(&Heard) -> Option<Says> + Send + 'static,
    ) -> Shop {
        Shop::made(messages::ROUTES, screens, config, script).await
    }

    async fn made(
        routes: &'static [&'static Route],
        screens: &'static [Screen],
        config: Config,
        script: impl FnMut(&Heard) -> Option<Says> + Send + 'static,
    ) -> Shop {
        let nats = Nats::start().await;
        let heard = group::play(&nats.url(), script).await;
        let (address, stop) = start_with(routes, screens, config, &nats);
        Shop { address, nats, heard, _stop: stop }
    }

    pub(crate) fn ask(&self, method: &'static str, target: impl Into<String>) -> Ask {
        Ask::new(self.address, method, target)
    }

    pub(crate) async fn get(&self, target: impl Into<String>) -> Answer {
        self.ask("GET", target).bearer(ADMIN).send().await
    }

    pub(crate) async fn post(&self, target: impl Into<String>, body: &str) -> Answer {
        self.ask("POST", target).bearer(ADMIN).json(body).send().await
    }

    /// What groups have heard since this was asked last.
    pub(crate) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut *self.heard.lock().expect("whole"))
    }

    /// The only request that groups have heard since this was asked last.
    #[track_caller]
    pub(crate) fn heard_one(&self) -> Heard {
        let heard = self.heard();
        let [one] = heard.as_slice() else { panic!("heard {heard:?}") };
        one.clone()
    }
}

/// One worker on a free port, with a token for [`ADMIN`] and one for [`GUEST`].
pub(crate) fn config() -> Config {
    let token = |token: &str, role: &str, subject: &str, scopes: &[&str]| Token {
        token: token.to_owned(),
        role: role.to_owned(),
        subject: Some(subject.to_owned()),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        tier: Tier::Unlimited,
    };
    Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        workers: 1,
        // Tests ask much more often than people.
        rates: Rates { public: 0, sensitive: 0, ..Rates::default() },
        tokens: vec![token(ADMIN, "admin", "usr_admin", &["*"]), token(GUEST, "customer", "usr_guest", &[])],
        ..Config::default()
    }
}

/// Starts a gateway that stops when the sender is dropped.
pub(crate) fn start(config: Config, nats: &Nats) -> (SocketAddr, oneshot::Sender<()>) {
    start_with(messages::ROUTES, &[], config, nats)
}

fn start_with(
    routes: &'static [&'static Route],
    screens: &'static [Screen],
    config: Config,
    nats: &Nats,
) -> (SocketAddr, oneshot::Sender<()>) {
    let gateway = Gateway::with_routes(routes, config, nats.connect()).expect("a free port").reaching(nats.reach());
    let gateway = gateway.showing(screens);
    let address = gateway.address();
    let (stop, stopped) = oneshot::channel::<()>();
    actix_web::rt::spawn(gateway.run(async move {
        stopped.await.ok();
    }));
    (address, stop)
}
