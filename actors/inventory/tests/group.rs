//! The group through real bytes: the same facts in a world in memory, on one server and on three.

#[path = "group/canary.rs"]
mod canary;
#[path = "group/facts.rs"]
mod facts;
#[path = "group/goods.rs"]
mod goods;
#[path = "group/shop.rs"]
mod shop;
#[path = "group/storm.rs"]
mod storm;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use runtime::fabric::SharedFabric;
use runtime::nats::{self, Options};
use runtime::server::{Server, ServerOptions};
use runtime::testkit::suite::fabric::Site;
use runtime::testkit::{Ground, World, seeded};

use facts::{FACTS, Fact};

struct OnServers(Server);

impl Site for OnServers {
    fn fabric<'a>(&'a self, group: &'a str, replica: &'a str) -> BoxFuture<'a, SharedFabric> {
        async move {
            let replicas = self.0.nodes().len();
            let options = Options { replicas, ..Options::new(self.0.urls(), group, replica) };
            let fabric: SharedFabric = nats::Fabric::connect(options).await.expect("a connection");
            fabric
        }
        .boxed()
    }
}

/// Every fact in a shop of its own, for every seed.
fn in_a_world(fact: &'static Fact) {
    seeded(|seed| async move {
        let world = World::new(seed);
        (fact.check)(Ground::World(world.clone())).await;
        world.idle().await;
    });
}

/// All facts one after the other on the same servers; each has warehouses of its own.
fn on_servers(nodes: usize) {
    actix_rt::System::new().block_on(async {
        for fact in FACTS {
            let dir = tempfile::tempdir().expect("a directory");
            let options = ServerOptions { nodes, ..ServerOptions::new(dir.path()) };
            let server = Server::start(options).await.expect("servers");
            eprintln!("on {nodes}: {}", fact.name);
            (fact.check)(Ground::Servers(Arc::new(OnServers(server)))).await;
        }
    });
}

macro_rules! worlds {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            let fact = FACTS.iter().find(|fact| fact.name == stringify!($name)).expect("a fact");
            in_a_world(fact);
        })+

        #[test]
        fn every_fact_has_a_world() {
            let named = [$(stringify!($name)),+];
            assert_eq!(FACTS.iter().map(|fact| fact.name).collect::<Vec<_>>(), named);
        }
    };
}

worlds![
    a_basket_is_reserved_whole_or_not_at_all,
    a_repeated_command_is_answered_from_its_record,
    a_key_used_for_another_body_is_refused,
    a_restart_and_a_wiped_store_lose_nothing,
    a_hold_expires_by_itself_even_if_its_host_died,
    a_stale_version_is_refused,
    a_read_waits_for_the_position_it_must_include,
    another_replica_takes_over_without_a_pause,
    a_long_life_can_be_read_and_looked_back_on,
    garbage_in_the_log_stops_nothing,
    bad_input_gets_an_exact_problem,
    a_basket_is_planned_over_warehouses_and_each_part_can_be_held,
    safety_stock_is_shown_to_nobody_and_sold_to_nobody,
    what_is_not_here_is_waited_for_and_filled_in_order,
    who_waits_gives_up_alone,
    a_transfer_keeps_the_sum_whatever_is_killed,
    what_has_to_be_ordered_is_listed,
    a_canary_writes_into_the_same_log_and_is_not_missed_when_it_stops,
    a_canary_writes_nothing_that_a_stable_replica_cannot_read,
];

#[test]
fn one_server_keeps_the_facts() {
    on_servers(1);
}

#[test]
fn three_servers_keep_the_facts() {
    on_servers(3);
}
