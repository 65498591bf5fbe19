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
use actix_service::{IntoServiceFactory as _, Service as _, ServiceFactoryExt as _, apply_fn_factory, map_config};
use actix_web::dev::AppConfig;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpRequest, HttpResponse, web};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use messages::route::Route;
use runtime::bus::Bus;
use runtime::fabric::SharedFabric;

use crate::cache;
use crate::config::{Config, Unusable};
use crate::connection::{Connection, Line, Stop};
use crate::door::{Door, has_body};
use crate::reach::states;
use crate::router::Ambiguous;
use crate::shared::Shared;

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
    /// A worker could not start or the server failed.
    #[error("the gateway failed")]
    Serve(#[source] io::Error),
}

/// A gateway that listens but does not answer yet.
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
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
        let listen = |source| Error::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        Ok(Gateway { listener, address, shared: Arc::new(Shared::new(config, routes)?), connect, reach: None })
    }

    /// Keeps answers, and counts together with other gateways. Without it every read is asked, and each gateway counts
    /// alone.
    #[must_use]
    pub fn reaching(mut self, reach: Reach) -> Gateway {
        self.reach = Some(reach);
        self
    }

    /// Where it listens; tells the port when the configuration left it open.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` ends, then finishes what is under way.
    ///
    /// # Errors
    /// When no worker could connect, or the server failed.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Gateway { listener, shared, connect, reach, .. } = self;
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
        let service = move || {
            let (shared, connect, stop) = (shared.clone(), connect.clone(), stop.clone());
            let app = App::new()
                .data_factory(move || {
                    let (shared, connecting) = (shared.clone(), connect());
                    async move { connecting.await.map(|bus| Door::new(shared, bus)) }
                })
                .default_service(web::to(serve))
                .into_factory()
                .map_err(|error: actix_web::Error| error.error_response());
            let http = HttpService::build()
                // The connection keeps the time itself, but only the library can still say 408 to a first head.
                .keep_alive(KeepAlive::Os)
                .client_request_timeout(Duration::from_millis(limits.header_timeout_ms))
                // How long a client may take to hang up after an early answer, while what it still sends is thrown away.
                .client_disconnect_timeout(Duration::from_secs(1))
                .on_connect_ext(|connection: &Connection, extensions| {
                    extensions.insert(connection.line());
                })
                .finish(map_config(app, |()| AppConfig::default()));
            apply_fn_factory(http, move |socket: TcpStream, http| {
                let peer = socket.peer_addr().ok();
                let connection = Connection::new(socket, &limits);
                let overdue = connection.line().overdue(stop.clone());
                let served = http.call((connection, Protocol::Http1, peer));
                async move {
                    tokio::select! {
                        // In this order: whether it is overdue is asked when all that could be done is done.
                        biased;
                        served = served => served,
                        () = overdue => Ok(()),
                    }
                }
            })
        };
        let running = Server::build()
            .workers(workers)
            .max_concurrent_connections(limits.connections_max)
            .shutdown_timeout(limits.shutdown_timeout_ms.div_ceil(1000))
            .disable_signals()
            .listen("gateway", listener, service)
            .map_err(Error::Serve)?
            .run();
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
        if let Some(reaching) = reaching {
            reaching.abort();
        }
        ended
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
