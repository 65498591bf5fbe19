//! What inventory does about orders and parcels, told by news as they stand in the logs of those groups.

#[path = "group/shop.rs"]
mod shop;

use std::time::Duration;

use inventory::wire::v1::{self, ReservationStatus};
use messages::Group;
use messages::common::v1::SkuQuantity;
use messages::inventory::v1::rpc;
use messages::order::v1::{Allotment, OrderCancelled, OrderConfirmed};
use messages::runtime::v1::{Commit, Event, Record, Turn, record};
use messages::shipping::v1::{ShipmentCompleted, ShipmentLine};
use runtime::testkit::{Asker, Ground, World, seeded};
use runtime::turn;

use shop::{id, level, open, reserve, warehouse};

/// The log of a group that is not here: what a test says happened in it.
struct Log {
    world: World,
    group: &'static str,
    number: u64,
}

impl Log {
    async fn of(world: &World, group: &'static str) -> Log {
        let fabric = world.fabric(group, "stand-in");
        let contract = Group::named(group).expect("a group");
        fabric.log(contract).await.expect("a log");
        fabric.seat_hearers(contract).await.expect("places for those who hear it");
        Log { world: world.clone(), group, number: 0 }
    }

    /// Says that this happened to an actor.
    fn say(&mut self, id: &str, event_type: &str, event: &impl prost::Message) {
        self.number += 1;
        let event = Event { r#type: event_type.to_owned(), data: event.encode_to_vec() };
        let record =
            Record { id: id.to_owned(), version: 1, what: Some(record::What::Event(event)), ..Record::default() };
        let turn = Turn {
            turn_id: self.number.to_be_bytes().to_vec(),
            number: self.number,
            previous_hash: vec![0; 32],
            commits: vec![Commit { records: vec![record], ..Commit::default() }],
            ..Turn::default()
        };
        let (headers, payload, _) = turn::write(&turn);
        self.world.inject_log(&format!("shop.log.{}.0", self.group), headers, payload);
    }
}

fn parts(of: &[(&str, &str)]) -> Vec<Allotment> {
    let part = |(warehouse_id, reservation): &(&str, &str)| Allotment {
        warehouse_id: (*warehouse_id).to_owned(),
        reservation_id: id("rsv", reservation),
        lines: vec![SkuQuantity { sku: "MUG".to_owned(), quantity: Some(2) }],
    };
    of.iter().map(part).collect()
}

fn parcel(warehouse_id: &str, reservation: &str, units: i64) -> ShipmentCompleted {
    ShipmentCompleted {
        shipment_id: id("shp", reservation),
        warehouse_id: warehouse_id.to_owned(),
        reservation_id: id("rsv", reservation),
        lines: vec![ShipmentLine { sku: "MUG".to_owned(), quantity: Some(units), ..ShipmentLine::default() }],
        ..ShipmentCompleted::default()
    }
}

async fn becomes(asker: &Asker, warehouse_id: &str, reservation: &str, status: ReservationStatus) {
    let request =
        v1::GetReservationRequest { warehouse_id: warehouse_id.to_owned(), reservation_id: id("rsv", reservation) };
    let so = |said: &v1::GetReservationResponse| said.reservation.as_ref().is_some_and(|r| r.status() == status);
    asker.until::<rpc::GetReservation>(Some(warehouse_id), &request, so).await;
}

#[test]
fn an_order_is_confirmed_in_all_its_warehouses_and_its_parcels_leave_them() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut orders, mut parcels) = (Log::of(&world, "order").await, Log::of(&world, "shipping").await);
        let (mut stage, asker) = open(&Ground::World(world.clone()), &["a", "b"]).await;
        let here = warehouse(&asker, "graz", &[("MUG", 3)]).await;
        let there = warehouse(&asker, "berlin", &[("MUG", 3)]).await;
        reserve(&asker, &here, "one", &[("MUG", 2)]).await.expect("enough");
        reserve(&asker, &there, "two", &[("MUG", 2)]).await.expect("enough");
        let confirmed =
            OrderConfirmed { parts: parts(&[(&here, "one"), (&there, "two")]), ..OrderConfirmed::default() };
        orders.say(&id("ord", "one"), "order.confirmed", &confirmed);
        becomes(&asker, &here, "one", ReservationStatus::Confirmed).await;
        becomes(&asker, &there, "two", ReservationStatus::Confirmed).await;
        // The first warehouse sends its part in two parcels, and the news of the second come twice.
        for (shipment, units) in [("first", 1), ("second", 1), ("second", 1)] {
            let parcel = ShipmentCompleted { shipment_id: id("shp", shipment), ..parcel(&here, "one", units) };
            parcels.say(&parcel.shipment_id, "shipping.completed", &parcel);
        }
        becomes(&asker, &here, "one", ReservationStatus::Shipped).await;
        // A cancellation that comes after all that gives back what did not leave, and confirms nothing anew.
        let cancelled = OrderCancelled { parts: confirmed.parts.clone(), ..OrderCancelled::default() };
        orders.say(&id("ord", "one"), "order.cancelled", &cancelled);
        orders.say(&id("ord", "one"), "order.confirmed", &confirmed);
        becomes(&asker, &there, "two", ReservationStatus::Released).await;
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(level(&asker, &here, "MUG").await, [1, 0, 2, 3], "a third mug was never in the parcels");
        assert_eq!(level(&asker, &there, "MUG").await, [3, 0, 0, 3]);
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
        world.idle().await;
    });
}

#[test]
fn news_that_contradict_what_is_so_change_nothing() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut orders, mut parcels) = (Log::of(&world, "order").await, Log::of(&world, "shipping").await);
        let (mut stage, asker) = open(&Ground::World(world.clone()), &["a"]).await;
        let here = warehouse(&asker, "graz", &[("MUG", 9)]).await;
        for reservation in ["gone", "last"] {
            reserve(&asker, &here, reservation, &[("MUG", 2)]).await.expect("enough");
        }
        // Twice the same, a reservation that never was, and a parcel of what was given back.
        let cancelled =
            OrderCancelled { parts: parts(&[(&here, "never"), (&here, "gone")]), ..OrderCancelled::default() };
        for _ in 0..2 {
            orders.say(&id("ord", "gone"), "order.cancelled", &cancelled);
        }
        becomes(&asker, &here, "gone", ReservationStatus::Released).await;
        parcels.say("shp_gone", "shipping.completed", &parcel(&here, "gone", 2));
        // More than it holds leaves nothing; what follows is heard all the same.
        parcels.say("shp_more", "shipping.completed", &parcel(&here, "last", 3));
        parcels.say("shp_last", "shipping.completed", &parcel(&here, "last", 2));
        becomes(&asker, &here, "last", ReservationStatus::Shipped).await;
        assert_eq!(level(&asker, &here, "MUG").await, [7, 0, 2, 9]);
        assert!(world.stored("shop.dlq.>").is_empty(), "a refusal is an outcome, not a dead letter");
        stage.clear().await;
        world.idle().await;
    });
}
