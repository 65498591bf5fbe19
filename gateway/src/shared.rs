//! What all workers share: everything that is made once from the configuration and the routes.

use std::sync::Arc;

use messages::route::Route;
use runtime::reach::Reach;

use crate::authority::Authority;
use crate::cache::Cache;
use crate::config::Config;
use crate::cors::Cors;
use crate::dpop::Proofs;
use crate::health::Draining;
use crate::identity::Identities;
use crate::lifecycle::Life;
use crate::openapi::Documents;
use crate::rates::Counts;
use crate::reach::room::Room;
use crate::router::Router;
use crate::screens::Mounted;
use crate::server::Error;
use crate::sessions::Sessions;
use crate::shapes::usage::Usage;
use crate::shapes::versions::Versions;
use crate::upstream::Upstreams;

/// What all workers share. A route is known by its index in `routes`.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) routes: &'static [&'static Route],
    pub(crate) router: Router,
    pub(crate) lives: Vec<Life>,
    pub(crate) versions: Versions,
    pub(crate) usage: Usage,
    pub(crate) upstreams: Upstreams,
    pub(crate) identities: Identities,
    pub(crate) authority: Authority,
    pub(crate) sessions: Sessions,
    pub(crate) cache: Cache,
    pub(crate) counts: Counts,
    pub(crate) proofs: Proofs,
    pub(crate) reach: Arc<Reach>,
    pub(crate) room: Room,
    pub(crate) cors: Cors,
    pub(crate) draining: Draining,
    pub(crate) documents: Documents,
    pub(crate) screens: Mounted,
}

impl Shared {
    /// # Errors
    /// When two routes have the same method and path, or the configuration names what is not there.
    pub(crate) fn new(config: Config, routes: &'static [&'static Route]) -> Result<Shared, Error> {
        let reach = Arc::new(Reach::new("gateway", config.reach));
        Ok(Shared {
            routes,
            router: Router::new(routes)?,
            lives: routes.iter().map(|route| Life::new(route, routes)).collect(),
            versions: Versions::new(&config.shapes, &config.versions, routes)?,
            usage: Usage::default(),
            upstreams: Upstreams::new(&config)?,
            identities: Identities::new(&config.tokens, &config.guest_scopes),
            authority: Authority::new(&config.issuer),
            sessions: Sessions::new(config.sessions_max),
            counts: Counts::default(),
            proofs: Proofs::default(),
            room: Room::new(config.room, routes, &reach),
            reach,
            cache: Cache::new(config.cache_bytes_max, routes),
            cors: Cors::new(&config.cors),
            draining: Draining::default(),
            documents: Documents::new(routes, &config.guest_scopes),
            screens: Mounted::default(),
            config,
        })
    }
}
