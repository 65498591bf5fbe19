//! The table of a transfer.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use runtime::entity::testing::{decide, fold, moment, owed};

use super::*;

fn units(lines: &[(&str, i64)]) -> Units {
    lines.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect()
}

fn happened(what: What) -> Event {
    Event { id: "trf_1".into(), from: "wh_1".into(), to: "wh_2".into(), at: moment(1), what }
}

fn requested() -> Event {
    happened(What::Requested(units(&[("MUG", 5), ("TEE", 1)])))
}

fn dispatched() -> Event {
    happened(What::Dispatched(units(&[("MUG", 5), ("TEE", 1)])))
}

fn received(receipt: u32, came: &[(&str, i64)], missing: &[(&str, i64)], is_complete: bool) -> Event {
    happened(What::Received { receipt, units: units(came), missing: units(missing), is_complete })
}

fn request(to: &str) -> Command {
    Command::Request { id: "trf_1".into(), from: "wh_1".into(), to: to.into(), units: units(&[("MUG", 5)]) }
}

fn receive(came: &[(&str, i64)], rest_is_missing: bool) -> Command {
    Command::Receive { units: Some(units(came)), rest_is_missing }
}

const ALL: Command = Command::Receive { units: None, rest_is_missing: false };
const NOTHING_MORE: Command = Command::Receive { units: None, rest_is_missing: true };
const PUT_AWAY: Command = Command::PutAway { receipt: 1, done: true };
const NOT_PUT_AWAY: Command = Command::PutAway { receipt: 1, done: false };

fn check(given: &[Event], when: Command, expected: Expect) {
    let said = match decide::<Transfer>(given, when) {
        Err(Refusal::ExceedsTransit { lines }) => format!("refused: {lines:?} exceeds"),
        Err(refusal) => format!("refused: {refusal}"),
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(|event| format!("{:?}", event.what)).collect::<Vec<_>>().join(", "),
    };
    expected.assert_eq(&said);
}

#[test]
fn what_never_was_can_only_be_requested() {
    check(&[], request("wh_2"), expect![[r#"Requested({"MUG": 5})"#]]);
    check(&[], request("wh_1"), expect!["refused: a transfer goes from one warehouse to another"]);
    for command in [Command::Dispatch, ALL, Command::Cancel] {
        check(&[], command, expect!["refused: there is no such transfer from this warehouse"]);
    }
    check(&[], PUT_AWAY, expect!["already so"]);
    check(&[], NOT_PUT_AWAY, expect!["already so"]);
}

#[test]
fn what_is_requested_leaves_once_or_is_called_off() {
    check(&[requested()], request("wh_2"), expect!["refused: there is already a transfer with this id"]);
    check(&[requested()], Command::Dispatch, expect![[r#"Dispatched({"MUG": 5, "TEE": 1})"#]]);
    check(&[requested()], Command::Cancel, expect!["Cancelled"]);
    check(&[requested()], ALL, expect!["refused: the transfer has not left"]);
    check(&[requested()], PUT_AWAY, expect!["already so"]);
    let off = [requested(), happened(What::Cancelled)];
    check(&off, request("wh_2"), expect!["refused: there is already a transfer with this id"]);
    check(&off, Command::Cancel, expect!["already so"]);
    check(&off, Command::Dispatch, expect!["refused: the transfer was called off"]);
    check(&off, ALL, expect!["refused: the transfer was called off"]);
    check(&off, PUT_AWAY, expect!["already so"]);
    assert_eq!(fold::<Transfer>(&off).in_transit(), Units::new());
}

#[test]
fn what_left_comes_in_parts_and_what_is_missing_has_a_name() {
    let left = [requested(), dispatched()];
    assert_eq!(fold::<Transfer>(&left).in_transit(), units(&[("MUG", 5), ("TEE", 1)]));
    check(&left, Command::Dispatch, expect!["already so"]);
    check(&left, Command::Cancel, expect!["refused: the transfer has left"]);
    check(&left, request("wh_2"), expect!["refused: there is already a transfer with this id"]);
    check(
        &left,
        ALL,
        expect![[r#"Received { receipt: 1, units: {"MUG": 5, "TEE": 1}, missing: {}, is_complete: true }"#]],
    );
    check(
        &left,
        receive(&[("MUG", 3)], false),
        expect![[r#"Received { receipt: 1, units: {"MUG": 3}, missing: {}, is_complete: false }"#]],
    );
    check(
        &left,
        receive(&[("MUG", 3)], true),
        expect![[r#"Received { receipt: 1, units: {"MUG": 3}, missing: {"MUG": 2, "TEE": 1}, is_complete: true }"#]],
    );
    check(
        &left,
        NOTHING_MORE,
        expect![[r#"Received { receipt: 1, units: {}, missing: {"MUG": 5, "TEE": 1}, is_complete: true }"#]],
    );
    check(
        &left,
        receive(&[("MUG", 6), ("CAP", 1)], false),
        expect![[r#"refused: [("CAP", 1, 0), ("MUG", 6, 5)] exceeds"#]],
    );
    let part = [requested(), dispatched(), received(1, &[("MUG", 3)], &[], false)];
    check(&part, receive(&[("MUG", 3)], false), expect![[r#"refused: [("MUG", 3, 2)] exceeds"#]]);
    check(
        &part,
        ALL,
        expect![[r#"Received { receipt: 2, units: {"MUG": 2, "TEE": 1}, missing: {}, is_complete: true }"#]],
    );
}

#[test]
fn what_came_is_in_transit_until_it_lies_on_a_shelf() {
    let part = [requested(), dispatched(), received(1, &[("MUG", 3)], &[("MUG", 2), ("TEE", 1)], true)];
    assert_eq!(owed::<Transfer>(&part), ["put_away.1"]);
    assert_eq!(fold::<Transfer>(&part).in_transit(), units(&[("MUG", 3)]));
    check(&part, PUT_AWAY, expect![[r#"PutAway(1, {"MUG": 3})"#]]);
    check(&part, NOT_PUT_AWAY, expect!["already so"]);
    check(&part, ALL, expect!["refused: the transfer has come"]);
    check(&part, Command::Dispatch, expect!["already so"]);
    check(&part, Command::Cancel, expect!["refused: the transfer has left"]);
    let done = [&part[..], &[happened(What::PutAway(1, units(&[("MUG", 3)])))]].concat();
    check(&done, PUT_AWAY, expect!["already so"]);
    assert_eq!(owed::<Transfer>(&done), Vec::<String>::new());
    assert_eq!(fold::<Transfer>(&done).in_transit(), Units::new());
    let lost = [requested(), dispatched(), received(1, &[], &[("MUG", 5), ("TEE", 1)], true)];
    assert_eq!(owed::<Transfer>(&lost), Vec::<String>::new(), "nothing came that could be put away");
}

proptest! {
    /// However it comes: what left lies on a shelf, is in transit, or is missing.
    #[test]
    fn nothing_is_lost_on_the_way(steps in proptest::collection::vec((0..4u8, 0..6i64, any::<bool>()), 0..20)) {
        let mut events = vec![requested(), dispatched()];
        for (which, count, rest_is_missing) in steps {
            let pending = fold::<Transfer>(&events).pending.keys().next().copied();
            let command = match which {
                0 => receive(&[("MUG", count.max(1))], rest_is_missing),
                1 => receive(&[("TEE", 1)], false),
                2 => Command::Cancel,
                _ => Command::PutAway { receipt: pending.unwrap_or(9), done: true },
            };
            if let Ok(more) = decide::<Transfer>(&events, command) {
                events.extend(more);
            }
            let transfer: Transfer = fold(&events);
            for (sku, line) in &transfer.lines {
                let in_transit = transfer.in_transit().get(sku).copied().unwrap_or(0);
                prop_assert_eq!(line.quantity, line.put_away + line.missing + in_transit);
                prop_assert!(line.put_away <= line.received && line.awaited() >= 0);
            }
        }
    }
}
