//! The whole shop, over HTTP and NATS, with the real binary: journeys, one readable test each, and chaos: kill -9, SIGSTOP
//! and cuts, with clients that count on it, and a judge who reads the log.
//!
//! What the simulated world of the testkit does in a second to code that was linked with it, is done here in a minute to
//! processes, sockets and disks. A run prints its figures; one that fails prints the seed and the command that repeats it.
//! `MERCAT_CHAOS_KILLS=50` makes every storm that long.

#[path = "shop/access/mod.rs"]
mod access;
#[path = "shop/audit.rs"]
mod audit;
#[path = "chaos/book.rs"]
mod book;
#[path = "shop/certs.rs"]
mod certs;
#[path = "chaos/crowd.rs"]
mod crowd;
#[path = "shop/customer.rs"]
mod customer;
#[path = "chaos/door.rs"]
mod door;
#[path = "chaos/failover.rs"]
mod failover;
#[path = "chaos/fleet.rs"]
mod fleet;
#[path = "chaos/garbage.rs"]
mod garbage;
#[path = "chaos/gate.rs"]
mod gate;
#[path = "shop/house/mod.rs"]
mod house;
#[path = "shop/journeys/mod.rs"]
mod journeys;
#[path = "chaos/judge.rs"]
mod judge;
#[path = "chaos/kills.rs"]
mod kills;
#[path = "chaos/load.rs"]
mod load;
#[path = "shop/npm.rs"]
mod npm;
#[path = "chaos/order.rs"]
mod order;
#[path = "chaos/reach.rs"]
mod reach;
#[path = "shop/rebuild.rs"]
mod rebuild;
#[path = "chaos/replicas.rs"]
mod replicas;
#[path = "chaos/rush.rs"]
mod rush;
#[path = "chaos/scenes.rs"]
mod scenes;
#[path = "chaos/seed.rs"]
mod seed;
#[path = "chaos/steps.rs"]
mod steps;
#[path = "shop/stocked.rs"]
mod stocked;

use seed::{measured, storm};

#[test]
fn a_shop_that_is_killed_keeps_what_it_acknowledged() {
    storm(kills::a_whole_shop);
}

#[test]
fn a_shop_that_was_killed_while_it_started_opens() {
    storm(kills::a_shop_at_its_start);
}

#[test]
fn a_shop_that_was_killed_clears_away_only_its_own() {
    storm(kills::a_neighbour);
}

#[test]
fn a_group_that_is_killed_keeps_what_it_acknowledged() {
    storm(kills::a_group);
}

#[test]
fn a_group_goes_on_when_its_server_is_killed() {
    storm(kills::the_server);
}

#[test]
fn two_replicas_in_a_storm_keep_what_they_acknowledged() {
    storm(|dice| replicas::storm(dice, 1, &["a", "b"]));
}

#[test]
fn three_replicas_in_a_storm_keep_what_they_acknowledged() {
    storm(|dice| replicas::storm(dice, 1, &["a", "b", "c"]));
}

#[test]
fn three_replicas_on_three_servers_in_a_storm_keep_what_they_acknowledged() {
    storm(|dice| replicas::storm(dice, 3, &["a", "b", "c"]));
}

#[test]
fn when_one_of_two_replicas_is_killed_no_write_fails_for_longer_than_a_second() {
    measured(failover::killed);
}

#[test]
fn when_one_of_two_replicas_is_told_to_go_no_request_fails() {
    measured(failover::told_to_go);
}

#[test]
fn a_group_that_hangs_is_refused_within_two_seconds_until_it_is_back() {
    measured(reach::a_group_hangs);
}

#[test]
fn one_in_ten_is_served_by_a_canary_and_both_versions_write_one_log() {
    storm(reach::ninety_to_ten);
}

#[test]
fn a_shop_that_is_interrupted_under_load_ends_well() {
    storm(failover::interrupted);
}

#[test]
fn a_thousand_who_want_the_last_ten_get_ten() {
    storm(rush::for_the_last_ones);
}

#[test]
fn a_hundred_requests_under_one_key_make_one_reservation() {
    storm(rush::under_one_key);
}

#[test]
fn garbage_from_an_operator_stops_nothing_and_changes_nothing() {
    storm(garbage::from_an_operator);
}

#[test]
fn garbage_from_anyone_stops_nothing_and_changes_nothing() {
    storm(garbage::from_anyone);
}

#[test]
fn a_shop_that_is_killed_after_any_turn_of_an_order_charges_once_and_ends_right() {
    storm(|_| steps::after_every_turn("order"));
}

#[test]
fn a_shop_that_is_killed_after_any_turn_of_a_payment_charges_once_and_ends_right() {
    storm(|_| steps::after_every_turn("payment"));
}

#[test]
fn shoppers_whose_shop_is_killed_group_by_group_lose_nothing_and_pay_once() {
    measured(load::under_kills);
}

#[test]
fn certificates_are_rotated_under_load_without_one_failed_request() {
    storm(|_| certs::are_rotated_under_load());
}

#[test]
fn certificates_that_are_of_no_use_are_told_by_name() {
    storm(|_| certs::that_are_of_no_use_are_told_by_name());
}
