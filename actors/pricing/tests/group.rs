//! The group through real bytes: the same facts in a world in memory and on a server.

#[path = "group/catalogue.rs"]
mod catalogue;
#[path = "group/facts.rs"]
mod facts;
#[path = "group/quotes.rs"]
mod quotes;
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

use shop::Fact;

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

/// A fact in a shop of its own, for every seed.
fn in_a_world(fact: &Fact) {
    seeded(|seed| async move {
        let world = World::new(seed);
        (fact.check)(Ground::World(world.clone())).await;
        world.idle().await;
    });
}

/// Every fact, in both files.
fn facts() -> impl Iterator<Item = &'static Fact> {
    facts::FACTS.iter().chain(quotes::FACTS)
}

macro_rules! worlds {
    ($($name:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            in_a_world(facts().find(|fact| fact.name == stringify!($name)).expect("a fact"));
        })+

        #[test]
        fn every_fact_has_a_world() {
            let named = [$(stringify!($name)),+];
            assert_eq!(facts().map(|fact| fact.name).collect::<Vec<_>>(), named);
        }
    };
}

worlds![
    news_of_the_catalogue_are_the_base_prices,
    a_sku_belongs_to_the_product_that_named_it_first,
    prices_are_put_on_a_list_all_or_none,
    a_list_changes_by_its_version_and_is_deleted_with_its_prices,
    what_everybody_pays_is_public_and_says_why_when_it_does_not_know,
    a_country_taxes_as_it_says,
    lists_come_in_pages,
    a_wiped_store_says_the_same,
    a_price_can_be_looked_back_on,
    a_quote_holds_what_it_said,
    a_quote_is_shown_to_its_owner_only,
    what_is_the_shops_to_say_nobody_else_says,
    a_quote_needs_a_price_for_every_line,
    a_total_is_a_quote_that_nobody_keeps,
    the_moment_decides_which_lists_count,
];

#[test]
fn one_server_keeps_the_facts() {
    actix_rt::System::new().block_on(async {
        for fact in facts() {
            let dir = tempfile::tempdir().expect("a directory");
            let server = Server::start(ServerOptions::new(dir.path())).await.expect("a server");
            eprintln!("on a server: {}", fact.name);
            (fact.check)(Ground::Servers(Arc::new(OnServers(server)))).await;
        }
    });
}
