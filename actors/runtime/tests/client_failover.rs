//! What a client does when the host of a partition goes away with many of its requests.
#![cfg(feature = "testkit")]

use std::time::Duration;

use futures::StreamExt as _;
use futures::future::join_all;
use jiff::SignedDuration;
use messages::Rpc as _;
use messages::inventory::v1::rpc;
use runtime::bus::Headers;
use runtime::client::{Answer, Call, Client, Failure, HEDGE_AFTER};
use runtime::testkit::{World, seeded};

const WAREHOUSE: &str = "wh_01h455vb4pex5vsknk084sn02q";
/// Far more than a client may send twice on mere suspicion.
const REQUESTS: usize = 100;
const PATIENCE: SignedDuration = SignedDuration::from_secs(5);

async fn ask(client: &Client) -> Result<Answer, Failure> {
    let deadline = client.clock().now().saturating_add(PATIENCE).expect("a deadline");
    client.ask(&Call::new(rpc::GetWarehouse::ROUTE, Some(WAREHOUSE.to_owned()), "".into(), deadline)).await
}

/// The first request that finds nobody tells all the others that nobody will answer them either.
#[test]
fn one_request_that_finds_the_host_gone_moves_all_that_wait_for_it() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (host, other) = (world.fabric("inventory", "a").bus(), world.fabric("inventory", "b").bus());
        let mut heard = host.subscribe("shop.cmd.inventory.>".to_owned(), None).await.expect("a subscription");
        let mut elsewhere = other.subscribe("shop.any.inventory.>".to_owned(), None).await.expect("a subscription");
        // A subscription counts from when the server has heard of it.
        world.pass(Duration::from_secs(1)).await;
        let answering = async {
            while let Some(message) = elsewhere.next().await {
                let reply = message.reply.expect("a request").to_string();
                other.publish(reply, None, Headers::new(), message.payload).await.expect("an answer");
            }
        };
        let client = Client::new(world.fabric("gateway", "g").bus(), world.clock(), world.entropy());
        let began = tokio::time::Instant::now();
        let waiting = join_all((0..REQUESTS).map(|_| {
            let client = client.clone();
            async move { ask(&client).await.map(|_| tokio::time::Instant::now()) }
        }));
        let dying = async {
            for _ in 0..REQUESTS {
                heard.next().await.expect("a request");
            }
            drop(heard);
            tokio::time::sleep(Duration::from_millis(50)).await;
            ask(&client).await.expect("somebody else answers");
        };
        let asking = async { futures::join!(waiting, dying) };
        let (answered, ()) = tokio::select! {
            biased;
            answered = asking => answered,
            () = answering => unreachable!("nobody ends the subscription"),
        };
        for answer in answered {
            let after = answer.expect("somebody else answers").duration_since(began);
            assert!(after < HEDGE_AFTER, "after {after:?}");
        }
        drop(elsewhere);
        world.idle().await;
    });
}
