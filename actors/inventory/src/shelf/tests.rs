//! The table of a shelf, and what chance makes of it.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use runtime::entity::testing::{decide, fold, moment};

use super::*;

fn place() -> Place {
    Place { warehouse_id: "wh_1".into(), sku: "MUG".into() }
}

fn claim(quantity: i64) -> Claim {
    Claim { place: place(), quantity, reservation_id: "rsv_1".into() }
}

fn stocked(delta: i64) -> Event {
    let (reason, note, product_id) = (Reason::Received, String::new(), String::new());
    Event::Adjusted { place: place(), delta, on_hand: delta, reason, note, product_id, at: moment(1) }
}

fn watched(threshold: i64) -> Event {
    let (reason, note, product_id) = (Reason::Counted, String::new(), String::new());
    let threshold = Some(threshold);
    Event::Set { place: place(), on_hand: 3, delta: 0, threshold, reason, note, product_id, at: moment(1) }
}

fn adjust(delta: i64) -> Command {
    let (reason, note, product_id) = (Reason::Correction, String::new(), String::new());
    Command::Adjust { place: place(), delta, reason, note, product_id }
}

fn set_and_watch(on_hand: i64, expected: Option<i64>, threshold: Option<i64>) -> Command {
    let (reason, note, product_id) = (Reason::Counted, String::new(), String::new());
    Command::Set { place: place(), on_hand, expected, threshold, reason, note, product_id }
}

fn set(on_hand: i64, expected: Option<i64>) -> Command {
    set_and_watch(on_hand, expected, None)
}

fn low(on_hand: i64, threshold: i64) -> Event {
    Event::Low { place: place(), on_hand, threshold, product_id: String::new(), at: moment(3) }
}

fn release(quantity: i64) -> Command {
    Command::Release(claim(quantity), Because::Requested)
}

fn check(given: &[Event], when: Command, expected: Expect) {
    let said = match decide::<Shelf>(given, when) {
        Err(refusal) => format!("refused: {refusal}"),
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
    };
    expected.assert_eq(&said);
}

fn name(event: &Event) -> String {
    match event {
        Event::Set { on_hand, delta, .. } => format!("set {on_hand} ({delta:+})"),
        Event::Adjusted { delta, on_hand, .. } => format!("adjusted {delta:+} to {on_hand}"),
        Event::Reserved(claim, _) => format!("reserved {}", claim.quantity),
        Event::Released(claim, ..) => format!("released {}", claim.quantity),
        Event::Shipped(claim, _) => format!("shipped {}", claim.quantity),
        Event::Low { on_hand, threshold, .. } => format!("low {on_hand}/{threshold}"),
        Event::Governed { .. } => "governed".to_owned(),
        Event::Awaited(claim, _) => format!("{} waits for {}", claim.reservation_id, claim.quantity),
        Event::Filled(claim, _) => format!("filled {} of {}", claim.quantity, claim.reservation_id),
        Event::Withdrawn(claim, ..) => format!("withdrawn {} of {}", claim.quantity, claim.reservation_id),
        Event::Sent(units, _) => format!("sent {}", units.quantity),
        Event::Arrived { units, .. } => format!("arrived {}", units.quantity),
        Event::Due { position, point, suggested, .. } => format!("due {position}/{point}, order {suggested}"),
    }
}

#[test]
fn what_is_on_hand_can_be_reserved_and_no_more() {
    check(&[stocked(3)], Command::Reserve(claim(3)), expect!["reserved 3"]);
    check(&[stocked(3)], Command::Reserve(claim(4)), expect!["refused: 4 of MUG were asked for, 3 are available"]);
    check(&[], Command::Reserve(claim(1)), expect!["refused: 1 of MUG were asked for, 0 are available"]);
    check(&[stocked(3)], Command::Reserve(claim(0)), expect!["refused: 0 of MUG were asked for, 3 are available"]);
}

#[test]
fn only_what_is_held_can_be_released_or_shipped() {
    let held = [stocked(3), Event::Reserved(claim(2), moment(2))];
    check(&held, release(2), expect!["released 2"]);
    check(&held, Command::Ship(claim(1)), expect!["shipped 1"]);
    check(&held, Command::Ship(claim(3)), expect!["refused: the shelf holds fewer of MUG than the reservation claims"]);
    check(&[stocked(3)], release(1), expect!["refused: the shelf holds fewer of MUG than the reservation claims"]);
}

#[test]
fn an_adjustment_never_takes_more_than_there_is() {
    check(&[stocked(3)], adjust(-3), expect!["adjusted -3 to 0"]);
    check(&[stocked(3)], adjust(-4), expect!["refused: 4 of MUG were asked for, 3 are available"]);
    check(&[stocked(3)], adjust(0), expect!["already so"]);
    check(&[stocked(3)], adjust(i64::MAX), expect!["refused: a shelf counts at most 1000000000000 units"]);
    check(&[], adjust(i64::MIN), expect!["refused: a shelf counts at most 1000000000000 units"]);
    check(&[], adjust(UNITS_MAX + 1), expect!["refused: a shelf counts at most 1000000000000 units"]);
}

#[test]
fn compare_and_set_refuses_when_somebody_was_faster() {
    check(&[stocked(3)], set(5, Some(3)), expect!["set 5 (+2)"]);
    check(&[stocked(3)], set(5, Some(4)), expect!["refused: MUG was expected to have 4 on hand, it has 3"]);
    check(&[stocked(3)], set(3, None), expect!["already so"]);
    check(&[stocked(3)], set(0, None), expect!["set 0 (-3)"]);
}

#[test]
fn low_stock_is_said_once_until_stock_rises_again() {
    let reserved = Event::Reserved(claim(1), moment(3));
    check(&[stocked(3), watched(2)], Command::Reserve(claim(1)), expect!["reserved 1, low 2/2"]);
    let told = [stocked(3), watched(2), reserved, low(2, 2)];
    check(&told, Command::Reserve(claim(1)), expect!["reserved 1"]);
    let risen = [&told[..], &[stocked(5)]].concat();
    check(&risen, Command::Reserve(claim(5)), expect!["reserved 5, low 2/2"]);
}

#[test]
fn setting_a_threshold_above_what_is_there_says_so_at_once() {
    let watch = || set_and_watch(3, None, Some(5));
    check(&[stocked(3)], watch(), expect!["set 3 (+0), low 3/5"]);
    check(&[stocked(3), watched(5), low(3, 5)], watch(), expect!["already so"]);
    check(&[stocked(3), watched(5), low(3, 5)], set_and_watch(3, None, Some(4)), expect!["set 3 (+0), low 3/4"]);
}

fn governed(policy: Policy) -> Event {
    Event::Governed { place: place(), policy, product_id: String::new(), at: moment(2) }
}

fn govern(policy: Policy) -> Command {
    Command::Govern { place: place(), policy, product_id: String::new() }
}

fn safety(safety: i64) -> Policy {
    Policy { safety, ..Policy::default() }
}

fn patient(backorder_max: i64) -> Policy {
    Policy { backorder_max, ..Policy::default() }
}

fn watchful(point: i64, lot: Option<i64>) -> Policy {
    Policy { reorder_point: Some(point), reorder_lot: lot, ..Policy::default() }
}

fn of(reservation: &str, quantity: i64) -> Claim {
    Claim { reservation_id: reservation.to_owned(), ..claim(quantity) }
}

fn waits(reservation: &str, quantity: i64) -> Event {
    Event::Awaited(of(reservation, quantity), moment(3))
}

fn moved(quantity: i64) -> Move {
    Move { place: place(), quantity, transfer_id: "trf_1".into() }
}

fn arrive(quantity: i64) -> Command {
    Command::Arrive { units: moved(quantity), product_id: String::new() }
}

fn turn(events: &[Event]) -> Option<(String, i64)> {
    fold::<Shelf>(events).next_fill(&place()).map(|claim| (claim.reservation_id, claim.quantity))
}

#[test]
fn safety_stock_is_never_sold_and_always_sent() {
    let kept = [stocked(3), governed(safety(2))];
    check(&kept, Command::Reserve(claim(1)), expect!["reserved 1"]);
    check(&kept, Command::Reserve(claim(2)), expect!["refused: 2 of MUG were asked for, 1 are available"]);
    check(
        &[stocked(1), governed(safety(2))],
        Command::Reserve(claim(1)),
        expect!["refused: 1 of MUG were asked for, 0 are available"],
    );
    check(&kept, Command::Send(moved(3)), expect!["sent 3"]);
    check(&kept, adjust(-3), expect!["adjusted -3 to 0"]);
    check(&[], govern(safety(2)), expect!["governed"]);
    check(&kept, govern(safety(2)), expect!["already so"]);
}

#[test]
fn what_is_not_here_is_waited_for_up_to_a_limit() {
    let patience = [stocked(1), governed(patient(5))];
    let shelf: Shelf = fold(&patience);
    assert_eq!((shelf.split(1, true), shelf.split(6, true), shelf.split(7, true)), (Some((1, 0)), Some((1, 5)), None));
    assert_eq!(shelf.split(2, false), None, "nobody waits who did not say so");
    check(&patience, Command::Await(claim(5)), expect!["rsv_1 waits for 5"]);
    check(&patience, Command::Await(claim(6)), expect!["refused: 6 of MUG were asked for, 5 are available"]);
    check(&patience, Command::Await(claim(0)), expect!["refused: 0 of MUG were asked for, 5 are available"]);
    let full = [&patience[..], &[waits("rsv_1", 3)]].concat();
    check(&full, Command::Await(of("rsv_2", 3)), expect!["refused: 3 of MUG were asked for, 2 are available"]);
    check(&[], Command::Await(claim(1)), expect!["refused: 1 of MUG were asked for, 0 are available"]);
    // Whoever waits goes on waiting when the shop no longer lets others.
    let strict = [&full[..], &[governed(patient(0))]].concat();
    assert_eq!((fold::<Shelf>(&strict).awaitable(), fold::<Shelf>(&strict).awaited()), (0, 3));
}

#[test]
fn the_longest_wait_is_filled_first() {
    let queue = [governed(patient(9)), waits("rsv_1", 3), waits("rsv_2", 2)];
    assert_eq!(turn(&queue), None);
    let some = [&queue[..], &[stocked(2)]].concat();
    assert_eq!(turn(&some), Some(("rsv_1".to_owned(), 2)));
    check(&some, Command::Fill(of("rsv_1", 2)), expect!["filled 2 of rsv_1"]);
    check(&some, Command::Fill(of("rsv_1", 3)), expect!["refused: 3 of MUG were asked for, 2 are available"]);
    check(&queue, Command::Fill(of("rsv_1", 1)), expect!["refused: 1 of MUG were asked for, 0 are available"]);
    let more = [&some[..], &[Event::Filled(of("rsv_1", 2), moment(4)), stocked(4)]].concat();
    assert_eq!(turn(&more), Some(("rsv_1".to_owned(), 1)));
    check(
        &more,
        Command::Fill(of("rsv_1", 2)),
        expect!["refused: the shelf holds fewer of MUG than the reservation claims"],
    );
    check(
        &more,
        Command::Fill(of("rsv_9", 1)),
        expect!["refused: the shelf holds fewer of MUG than the reservation claims"],
    );
    let next = [&more[..], &[Event::Filled(of("rsv_1", 1), moment(5))]].concat();
    assert_eq!(turn(&next), Some(("rsv_2".to_owned(), 2)));
    let kept = [&queue[..], &[governed(Policy { safety: 2, ..patient(9) }), stocked(2)]].concat();
    assert_eq!(turn(&kept), None, "safety stock fills nobody's wish");
}

#[test]
fn who_waits_can_give_up() {
    let queue = [governed(patient(9)), waits("rsv_1", 3), waits("rsv_2", 2)];
    let withdraw = |name, count| Command::Withdraw(of(name, count), Because::Requested);
    check(&queue, withdraw("rsv_1", 1), expect!["withdrawn 1 of rsv_1"]);
    check(&queue, withdraw("rsv_1", 4), expect!["refused: the shelf holds fewer of MUG than the reservation claims"]);
    check(&[], withdraw("rsv_1", 1), expect!["refused: the shelf holds fewer of MUG than the reservation claims"]);
    let gone = [&queue[..], &[Event::Withdrawn(of("rsv_1", 3), Because::Expired, moment(4)), stocked(1)]].concat();
    assert_eq!(turn(&gone), Some(("rsv_2".to_owned(), 1)));
}

#[test]
fn units_leave_for_other_warehouses_and_come_from_them() {
    check(&[stocked(3)], Command::Send(moved(3)), expect!["sent 3"]);
    check(&[stocked(3)], Command::Send(moved(4)), expect!["refused: 4 of MUG were asked for, 3 are available"]);
    check(&[stocked(3)], Command::Send(moved(0)), expect!["refused: 0 of MUG were asked for, 3 are available"]);
    check(&[], arrive(3), expect!["arrived 3"]);
    check(&[stocked(3)], arrive(UNITS_MAX), expect!["refused: a shelf counts at most 1000000000000 units"]);
    let both = [stocked(3), Event::Sent(moved(2), moment(2))];
    let shelf: Shelf = fold(&both);
    assert_eq!((shelf.on_hand, shelf.received, shelf.sent, shelf.arrived), (1, 1, 2, 0));
}

#[test]
fn a_shelf_says_once_that_it_has_to_be_filled_up() {
    let seen = [stocked(9), governed(watchful(5, Some(12)))];
    check(&seen, Command::Reserve(claim(3)), expect!["reserved 3"]);
    check(&seen, Command::Reserve(claim(4)), expect!["reserved 4, due 5/5, order 12"]);
    check(&[stocked(3)], govern(watchful(5, None)), expect!["governed, due 3/5, order 3"]);
    let due =
        Event::Due { place: place(), position: 3, point: 5, suggested: 3, product_id: String::new(), at: moment(4) };
    let told = [stocked(3), governed(watchful(5, None)), due];
    check(&told, Command::Reserve(claim(1)), expect!["reserved 1"]);
    check(&told, govern(watchful(4, None)), expect!["governed, due 3/4, order 2"]);
    check(&told, govern(watchful(2, None)), expect!["governed"]);
    let filled_up = [&told[..], &[stocked(9)]].concat();
    check(&filled_up, Command::Reserve(claim(9)), expect!["reserved 9, due 3/5, order 3"]);
    // What is waited for is missing too.
    let patience = Policy { backorder_max: 9, ..watchful(0, Some(4)) };
    check(&[governed(patience)], Command::Await(claim(6)), expect!["rsv_1 waits for 6, due -6/0, order 8"]);
}

fn any_command() -> impl Strategy<Value = Command> {
    let units = prop_oneof![-5..20i64, Just(i64::MAX), Just(i64::MIN)];
    (0..11u8, units, proptest::option::of(0..10i64)).prop_map(|(which, units, threshold)| match which {
        0 => set_and_watch(units.max(0), None, threshold),
        1 => adjust(units),
        2 => Command::Reserve(claim(units)),
        3 => release(units),
        4 => Command::Ship(claim(units)),
        5 => govern(Policy {
            safety: threshold.unwrap_or(0),
            backorder_max: 9,
            reorder_point: threshold,
            ..Policy::default()
        }),
        6 => Command::Await(claim(units)),
        7 => Command::Fill(claim(units)),
        8 => Command::Withdraw(claim(units), Because::Requested),
        9 => Command::Send(moved(units)),
        _ => arrive(units.clamp(1, 20)),
    })
}

proptest! {
    /// Whatever is asked of it, nothing is below zero and nothing is lost.
    #[test]
    fn every_unit_is_on_hand_reserved_or_shipped(commands in proptest::collection::vec(any_command(), 0..60)) {
        let mut events = Vec::new();
        for command in commands {
            let before: Shelf = fold(&events);
            if let Ok(more) = decide::<Shelf>(&events, command.clone()) {
                events.extend(more);
            }
            let shelf: Shelf = fold(&events);
            prop_assert!(shelf.on_hand >= 0 && shelf.reserved >= 0 && shelf.shipped >= 0, "{:?}", shelf);
            prop_assert_eq!(shelf.received, shelf.on_hand + shelf.reserved + shelf.shipped);
            prop_assert!(shelf.waiting.iter().all(|waiting| waiting.quantity > 0) && shelf.awaited() <= 9);
            let sold = shelf.on_hand < before.on_hand && matches!(command, Command::Reserve(_) | Command::Fill(_));
            prop_assert!(!sold || shelf.on_hand >= shelf.policy.safety, "safety stock was sold: {:?}", shelf);
        }
    }
}
