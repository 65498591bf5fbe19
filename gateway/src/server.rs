//! The server: workers, sockets, and how it begins and ends.
//!
//! Every worker has a connection to NATS of its own, so that workers share nothing that is hot. When told to stop, the
//! gateway first says that it is not ready, then takes no new connections, closes idle ones and finishes what is under
//! way.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix_http::{HttpService, KeepAlive, Protocol};
use actix_server::Server;
use actix_service::{
    IntoServiceFactory as _, Service as _, ServiceFactory, ServiceFactoryExt as _, fn_factory, fn_service, map_config,
};
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpRequest, HttpResponse, web};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use messages::route::Route;
use runtime::bus::Bus;
use runtime::fabric::SharedFabric;
use tokio_rustls::TlsAcceptor;

use crate::cache;
use crate::config::{Config, Unusable};
use crate::connection::{Connection, Line, Stop, Wire};
use crate::door::{Door, has_body};
use crate::reach::states;
use crate::router::Ambiguous;
use crate::screens::{Mounted, Screen};
use crate::shared::Shared;
use crate::tls::http2::{self, Bounds};
use crate::tls::redirect::Front;
use crate::tls::{self, Certificates};

/// Makes a worker's own connection to NATS.
pub type Connect = Arc<dyn Fn() -> BoxFuture<'static, io::Result<Arc<dyn Bus>>> + Send + Sync>;

/// Makes the connection that all workers share: for the logs that tell when a kept answer ends, and for what gateways
/// count together.
pub type Reach = Arc<dyn Fn() -> BoxFuture<'static, io::Result<SharedFabric>> + Send + Sync>;

/// How long to wait before a connection that could not be made is tried again.
const REACH_AGAIN: Duration = Duration::from_secs(1);

/// Why the gateway could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A setting that cannot be meant.
    #[error("the configuration of the gateway cannot be used")]
    Config(#[from] Unusable),
    /// Two routes for one path.
    #[error("the contract cannot be served")]
    Contract(#[from] Ambiguous),
    /// The address is taken or not ours.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// There is no certificate to show.
    #[error("the gateway has no certificate")]
    Certificate(#[from] tls::Error),
    /// The crypto provider lacks what TLS needs: a broken build.
    #[error("the gateway cannot speak TLS")]
    Crypto(#[source] rustls::Error),
    /// A worker could not start or the server failed.
    #[error("the gateway failed")]
    Serve(#[source] io::Error),
}

/// A gateway that listens but does not answer yet.
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    /// The plain door beside the one with TLS.
    beside: Option<TcpListener>,
    certificates: Option<Arc<Certificates>>,
    shared: Arc<Shared>,
    connect: Connect,
    reach: Option<Reach>,
}

impl Gateway {
    /// A gateway for the whole contract: checks the configuration and takes the address.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn bind(config: Config, connect: Connect) -> Result<Gateway, Error> {
        Gateway::with_routes(messages::ROUTES, config, connect)
    }

    /// A gateway for these routes: for some of the groups, or for more than the contract has.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn with_routes(routes: &'static [&'static Route], config: Config, connect: Connect) -> Result<Gateway, Error> {
        config.check()?;
        let listen = |address| {
            let failed = move |source| Error::Listen { address, source };
            let listener = TcpListener::bind(address).map_err(failed)?;
            Ok::<_, Error>((listener.local_addr().map_err(failed)?, listener))
        };
        let certificates = config.tls.is_on().then(|| Certificates::load(&config.tls)).transpose()?;
        let (address, listener) = listen(config.listen)?;
        let beside = config.tls.plain.map(|plain| listen(plain).map(|(_, listener)| listener)).transpose()?;
        let shared = Arc::new(Shared::new(config, routes)?);
        Ok(Gateway { listener, address, beside, certificates, shared, connect, reach: None })
    }

    /// Keeps answers, and counts together with other gateways. Without it every read is asked, and each gateway counts
    /// alone.
    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Gateway {
        self.reach = Some(reach);
        self
    }

    /// Shows these screens too, unless the configuration says no.
    #[must_use]
    pub fn showing(mut self, screens: &'static [Screen]) -> Gateway {
        // Nothing shares it before it runs.
        if let Some(shared) = Arc::get_mut(&mut self.shared).filter(|shared| shared.config.screens) {
            shared.screens = Mounted(screens);
            shared.documents.show(screens);
        }
        self
    }

    /// Where it listens; tells the port when the configuration left it open.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it redirects plain HTTP, if it does.
    #[must_use]
    pub fn plain_address(&self) -> Option<SocketAddr> {
        self.beside.as_ref()?.local_addr().ok()
    }

    /// Answers until `stop` ends, then finishes what is under way.
    ///
    /// # Errors
    /// When no worker could connect, or the server failed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Gateway { listener, beside, certificates, shared, connect, reach, .. } = self;
        let reaching = reach.map(|reach| actix_web::rt::spawn(look_out(reach, shared.clone())));
        let showing = actix_web::rt::spawn(states::show(shared.clone()));
        let limits = shared.config.limits;
        let workers = match shared.config.workers {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            workers => workers,
        };
        let draining = shared.clone();
        let stop: Stop = async move {
            stop.await;
            draining.draining.begin();
            tokio::time::sleep(Duration::from_millis(limits.drain_ms)).await;
        }
        .boxed()
        .shared();
        let stopped = stop.clone();
        let acceptor = certificates.as_ref().map(Certificates::acceptor).transpose().map_err(Error::Crypto)?;
        let following = certificates.map(|certificates| actix_web::rt::spawn(certificates.follow()));
        let front = if acceptor.is_some() { Front::Secure } else { Front::Plain };
        let serving = |front, acceptor| Serving {
            shared: shared.clone(),
            connect: connect.clone(),
            stop: stop.clone(),
            front,
            acceptor,
        };
        let main = serving(front, acceptor);
        let mut server = Server::build()
            .workers(workers)
            .max_concurrent_connections(limits.connections_max)
            .shutdown_timeout(limits.shutdown_timeout_ms.div_ceil(1000))
            .disable_signals()
            .listen("gateway", listener, move || main.clone().service())
            .map_err(Error::Serve)?;
        if let Some(beside) = beside {
            let plain = serving(Front::Beside, None);
            server = server.listen("plain", beside, move || plain.clone().service()).map_err(Error::Serve)?;
        }
        let running = server.run();
        // Not by the builder's `shutdown_signal`: that stops the whole system with the server, and the groups of this
        // process in the middle of their own stopping.
        let handle = running.handle();
        let stopping = actix_web::rt::spawn(async move {
            stopped.await;
            handle.stop(true).await;
        });
        let ended = running.await.map_err(Error::Serve);
        stopping.abort();
        showing.abort();
        for helper in [reaching, following].into_iter().flatten() {
            helper.abort();
        }
        ended
    }
}

/// What a worker needs to serve one of the doors.
#[derive(Clone)]
struct Serving {
    shared: Arc<Shared>,
    connect: Connect,
    stop: Stop,
    front: Front,
    acceptor: Option<TlsAcceptor>,
}

impl Serving {
    /// What a worker does with a connection: TLS, where there is, then the protocol that its client has asked for. Both
    /// protocols lead to one application, so a worker has one connection to NATS for each door.
    fn service(self) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = (), InitError = ()> {
        fn_factory(move || {
            let Serving { shared, connect, stop, front, acceptor } = self.clone();
            async move {
                let limits = shared.config.limits;
                let bounds = Bounds { streams_max: shared.config.tls.streams_max, limits };
                let app = App::new()
                    .data_factory(move || {
                        let (shared, connecting) = (shared.clone(), connect());
                        async move { connecting.await.map(|bus| Door::new(shared, bus, front)) }
                    })
                    .default_service(web::to(serve))
                    .into_factory()
                    .map_err(|error: actix_web::Error| error.error_response());
                let app = Rc::new(map_config(app, |()| AppConfig::default()).new_service(()).await?);
                let same = app.clone();
                let http = HttpService::build()
                    // The connection keeps the time itself, but only the library can still say 408 to a first head.
                    .keep_alive(KeepAlive::Os)
                    .client_request_timeout(Duration::from_millis(limits.header_timeout_ms))
                    // How long a client may take to hang up after an early answer, while what it still sends is thrown
                    // away.
                    .client_disconnect_timeout(Duration::from_secs(1))
                    .on_connect_ext(|wire: &Wire, extensions| {
                        extensions.insert(wire.line());
                    })
                    .finish(fn_factory(move || std::future::ready(Ok::<_, ()>(same.clone()))));
                let http = Rc::new(http.new_service(()).await?);
                Ok::<_, ()>(fn_service(move |socket: TcpStream| {
                    let peer = socket.peer_addr().ok();
                    let connection = Connection::new(socket, &limits);
                    let (line, stop) = (connection.line(), stop.clone());
                    let overdue = line.clone().overdue(stop.clone());
                    let (app, http, acceptor) = (app.clone(), http.clone(), acceptor.clone());
                    let served = async move {
                        let wire = match acceptor {
                            None => Wire::Plain(connection),
                            // Who cannot agree with us on TLS has been told so by TLS.
                            Some(acceptor) => Wire::Secure(Box::new(acceptor.accept(connection).await.map_err(drop)?)),
                        };
                        if wire.is_http2() {
                            http2::serve(wire, app, bounds, (peer, line), stop).await.map_err(drop)
                        } else {
                            http.call((wire, Protocol::Http1, peer)).await.map_err(drop)
                        }
                    };
                    async move {
                        tokio::select! {
                            // In this order: whether it is overdue is asked when all that could be done is done.
                            biased;
                            served = served => served,
                            () = overdue => Ok(()),
                        }
                    }
                }))
            }
        })
    }
}

/// Connects, and follows what the cache has to see.
async fn look_out(reach: Reach, shared: Arc<Shared>) {
    let fabric = loop {
        match reach().await {
            Ok(fabric) => break fabric,
            Err(cause) => {
                tracing::warn!(%cause, "nothing is kept, and requests are counted alone: NATS cannot be reached");
            }
        }
        tokio::time::sleep(REACH_AGAIN).await;
    };
    shared.counts.reach(fabric.clone());
    cache::follow(fabric, shared.cache.followed()).await;
}

/// A panic is our bug and must cost one request, not the worker with all its connections.
async fn serve(door: web::Data<Door>, http: HttpRequest, payload: web::Payload) -> HttpResponse {
    let line = http.conn_data::<Rc<Line>>();
    line.inspect(|line| line.begin());
    let served = AssertUnwindSafe(door.serve(&http, payload)).catch_unwind().await;
    let response = served.unwrap_or_else(|_| HttpResponse::InternalServerError().force_close().finish());
    // A refusal may have been quicker than the body.
    line.inspect(|line| line.end(has_body(&http) && !response.status().is_success()));
    response
}

/// Binds and runs.
///
/// # Errors
/// See [`Error`].
pub async fn run(
    config: Config,
    connect: Connect,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    Gateway::bind(config, connect)?.run(stop).await
}
