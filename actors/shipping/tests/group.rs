//! The group through real bytes: the same facts in a world in memory and on a server.

#[path = "group/carriers.rs"]
mod carriers;
#[path = "group/facts.rs"]
mod facts;
#[path = "group/shop.rs"]
mod shop;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use runtime::fabric::SharedFabric;
use runtime::nats::{self, Options};
use runtime::server::{Server, ServerOptions};
use runtime::testkit::suite::fabric::Site;
use runtime::testkit::{Ground, World, seeded};

use facts::{FACTS, Fact};

struct OnServer(Server);

impl Site for OnServer {
    fn fabric<'a>(&'a self, group: &'a str, replica: &'a str) -> BoxFuture<'a, SharedFabric> {
        async move {
            let options = Options { replicas: 1, ..Options::new(self.0.urls(), group, replica) };
            let fabric: SharedFabric = nats::Fabric::connect(options).await.expect("a connection");
            fabric
        }
        .boxed()
    }
}

/// Every fact in a shop of its own, for every seed, on a thread whose street is new.
fn in_a_world(fact: &'static Fact) {
    seeded(|seed| async move {
        shop::new_street();
        let world = World::new(seed);
        (fact.check)(Ground::World(world.clone())).await;
        world.idle().await;
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
    a_basket_is_offered_the_ways_of_its_zone,
    a_parcel_goes_from_the_plan_to_the_door,
    a_repeated_plan_is_one_parcel_whatever_is_lost,
    an_order_is_stopped_whole_or_not_at_all,
    a_cancelled_order_keeps_what_has_not_left,
    a_foreign_parcel_is_not_there,
    a_parcel_may_travel_in_two,
    a_carriers_words_count_once_in_any_order,
    a_label_is_made_once_however_often_it_is_asked_for,
    a_label_nobody_needs_is_given_back,
    a_refused_label_waits_for_staff,
    a_pretending_carrier_delivers_by_itself_even_if_its_host_died,
    a_carriers_webhook_reaches_its_parcels_once,
    a_carriers_own_price_counts_and_without_it_the_table,
];

/// All facts one after the other, each on a server of its own.
#[test]
fn one_server_keeps_the_facts() {
    actix_rt::System::new().block_on(async {
        for fact in FACTS {
            shop::new_street();
            let dir = tempfile::tempdir().expect("a directory");
            let options = ServerOptions { nodes: 1, ..ServerOptions::new(dir.path()) };
            let server = Server::start(options).await.expect("a server");
            eprintln!("on a server: {}", fact.name);
            (fact.check)(Ground::Servers(Arc::new(OnServer(server)))).await;
        }
    });
}
