//! The table of a reservation.

use expect_test::{Expect, expect};
use runtime::entity::testing::{decide, fold, moment};

use super::*;

fn units(lines: &[(&str, i64)]) -> Units {
    lines.iter().map(|(sku, units)| ((*sku).to_owned(), *units)).collect()
}

fn happened(what: What) -> Event {
    Event { id: "rsv_1".into(), warehouse_id: "wh_1".into(), order_id: None, at: moment(1), what }
}

fn opened() -> Event {
    happened(What::Opened { lines: units(&[("MUG", 3), ("TEE", 1)]), expires_at: moment(900) })
}

fn confirmed() -> Event {
    happened(What::Confirmed)
}

fn shipped(lines: &[(&str, i64)]) -> Event {
    happened(What::Shipped(units(lines)))
}

fn released(lines: &[(&str, i64)], because: Because) -> Event {
    happened(What::Released(units(lines), because))
}

fn open() -> Command {
    open_waiting(&[("MUG", 3)], &[])
}

/// Opens with these units held and these waited for.
fn open_waiting(lines: &[(&str, i64)], waiting: &[(&str, i64)]) -> Command {
    let (id, warehouse_id) = ("rsv_1".into(), "wh_1".into());
    let (lines, waiting, expires_at) = (units(lines), awaited(waiting), moment(900));
    Command::Open { id, warehouse_id, order_id: None, lines, waiting, expires_at }
}

fn awaited(lines: &[(&str, i64)]) -> BTreeMap<String, Awaited> {
    let awaited = |units: i64| Awaited { units, expected_at: None };
    lines.iter().map(|(sku, units)| ((*sku).to_owned(), awaited(*units))).collect()
}

fn waiting(lines: &[(&str, i64)]) -> Event {
    happened(What::Backordered(awaited(lines)))
}

fn filled(lines: &[(&str, i64)]) -> Event {
    happened(What::Filled { units: units(lines), is_whole: true })
}

fn withdrawn(lines: &[(&str, i64)], because: Because) -> Event {
    happened(What::Withdrawn(units(lines), because))
}

fn fill(lines: &[(&str, i64)]) -> Command {
    Command::Fill(units(lines))
}

fn check(given: &[Event], when: Command, expected: Expect) {
    let said = match decide::<Reservation>(given, when) {
        Err(Refusal::ExceedsHeld { lines }) => format!("refused: {lines:?} exceeds"),
        Err(refusal) => format!("refused: {refusal}"),
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(|event| format!("{:?}", event.what)).collect::<Vec<_>>().join(", "),
    };
    expected.assert_eq(&said);
}

#[test]
fn what_never_was_can_only_be_opened() {
    check(&[], open(), expect![[r#"Opened { lines: {"MUG": 3}, expires_at: 2026-01-01T00:15:00Z }"#]]);
    for command in [Command::Confirm, Command::Release(None), Command::Ship(None)] {
        check(&[], command, expect!["refused: there is no such reservation in this warehouse"]);
    }
    check(&[], Command::Expire, expect!["already so"]);
    check(&[opened()], open(), expect!["refused: there is already a reservation with this id"]);
}

#[test]
fn a_hold_is_confirmed_once_and_then_ends_no_more_by_itself() {
    check(&[opened()], Command::Confirm, expect!["Confirmed"]);
    check(&[opened(), confirmed()], Command::Confirm, expect!["already so"]);
    check(&[opened(), confirmed()], Command::Expire, expect!["already so"]);
    let confirmed: Reservation = fold(&[opened(), confirmed()]);
    assert_eq!(confirmed.status(), Some(Status::Confirmed));
    assert_eq!(confirmed.expires_at, None);
}

#[test]
fn a_hold_whose_time_is_over_gives_everything_back() {
    check(&[opened()], Command::Expire, expect![[r#"Released({"MUG": 3, "TEE": 1}, Expired)"#]]);
    let over = [opened(), released(&[("MUG", 3), ("TEE", 1)], Because::Expired)];
    check(
        &over,
        Command::Confirm,
        expect!["refused: the time of the reservation was over; what it held has been given back"],
    );
    check(
        &over,
        Command::Ship(None),
        expect!["refused: the time of the reservation was over; what it held has been given back"],
    );
    check(&over, Command::Release(None), expect!["already so"]);
    check(&over, Command::Expire, expect!["already so"]);
}

#[test]
fn units_are_released_and_shipped_in_parts_and_never_twice() {
    check(&[opened()], Command::Ship(Some(units(&[("MUG", 2)]))), expect![[r#"Shipped({"MUG": 2})"#]]);
    let part = [opened(), shipped(&[("MUG", 2)])];
    check(&part, Command::Release(None), expect![[r#"Released({"MUG": 1, "TEE": 1}, Requested)"#]]);
    check(&part, Command::Ship(Some(units(&[("MUG", 2)]))), expect![[r#"refused: [("MUG", 2, 1)] exceeds"#]]);
    check(&part, Command::Release(Some(units(&[("CAP", 1)]))), expect![[r#"refused: [("CAP", 1, 0)] exceeds"#]]);
    let all = [opened(), shipped(&[("MUG", 3), ("TEE", 1)])];
    check(&all, Command::Release(None), expect!["refused: all that the reservation held has been shipped"]);
    check(&all, Command::Ship(None), expect!["already so"]);
    check(&all, Command::Ship(Some(units(&[("MUG", 1)]))), expect![[r#"refused: [("MUG", 1, 0)] exceeds"#]]);
    check(&all, Command::Confirm, expect!["already so"]);
    let back = [opened(), released(&[("MUG", 3), ("TEE", 1)], Because::Requested)];
    check(&back, Command::Ship(None), expect!["refused: the reservation has given everything back"]);
    check(&back, Command::Confirm, expect!["refused: the reservation has given everything back"]);
    check(&back, Command::Release(None), expect!["already so"]);
}

#[test]
fn only_a_hold_that_can_expire_is_on_the_agenda() {
    let owes = |events: &[Event]| !matches!(fold::<Reservation>(events).status(), Some(Status::Held));
    assert!(!owes(&[opened()]));
    assert!(owes(&[opened(), confirmed()]));
    assert!(owes(&[opened(), released(&[("MUG", 3), ("TEE", 1)], Because::Requested)]));
}

#[test]
fn what_is_not_here_can_be_waited_for() {
    check(
        &[],
        open_waiting(&[("TEE", 1)], &[("MUG", 2)]),
        expect![[
            r#"Opened { lines: {"TEE": 1}, expires_at: 2026-01-01T00:15:00Z }, Backordered({"MUG": Awaited { units: 2, expected_at: None }})"#
        ]],
    );
    // One SKU, partly here.
    let partly = [opened(), waiting(&[("MUG", 2)])];
    let reservation: Reservation = fold(&partly);
    assert_eq!((reservation.held(), reservation.waiting()), (units(&[("MUG", 3), ("TEE", 1)]), units(&[("MUG", 2)])));
    assert_eq!(reservation.lines["MUG"].quantity, 5);
    check(&[], fill(&[("MUG", 1)]), expect!["refused: there is no such reservation in this warehouse"]);
    check(&partly, fill(&[("MUG", 1)]), expect![[r#"Filled { units: {"MUG": 1}, is_whole: false }"#]]);
    check(&partly, fill(&[("MUG", 2)]), expect![[r#"Filled { units: {"MUG": 2}, is_whole: true }"#]]);
    check(&partly, fill(&[("MUG", 3)]), expect![[r#"refused: [("MUG", 3, 2)] exceeds"#]]);
    let whole = [&partly[..], &[filled(&[("MUG", 2)])]].concat();
    check(&whole, fill(&[("MUG", 1)]), expect![[r#"refused: [("MUG", 1, 0)] exceeds"#]]);
    check(&whole, Command::Ship(None), expect![[r#"Shipped({"MUG": 5, "TEE": 1})"#]]);
}

#[test]
fn only_what_is_held_leaves() {
    let all = [happened(What::Opened { lines: Units::new(), expires_at: moment(900) }), waiting(&[("MUG", 2)])];
    assert_eq!(fold::<Reservation>(&all).status(), Some(Status::Held));
    check(&all, Command::Confirm, expect!["Confirmed"]);
    check(&all, Command::Ship(None), expect!["refused: all that the reservation still wants is waited for"]);
    check(&all, Command::Ship(Some(units(&[("MUG", 1)]))), expect![[r#"refused: [("MUG", 1, 0)] exceeds"#]]);
    let partly = [opened(), waiting(&[("MUG", 2)]), confirmed()];
    check(&partly, Command::Ship(None), expect![[r#"Shipped({"MUG": 3, "TEE": 1})"#]]);
    let left = [&partly[..], &[shipped(&[("MUG", 3), ("TEE", 1)])]].concat();
    assert_eq!(fold::<Reservation>(&left).status(), Some(Status::Confirmed), "it goes on waiting");
}

#[test]
fn what_is_waited_for_is_given_up_before_what_is_held() {
    let partly = [opened(), waiting(&[("MUG", 2)])];
    let mug = |count| Command::Release(Some(units(&[("MUG", count)])));
    check(&partly, mug(1), expect![[r#"Withdrawn({"MUG": 1}, Requested)"#]]);
    check(&partly, mug(4), expect![[r#"Withdrawn({"MUG": 2}, Requested), Released({"MUG": 2}, Requested)"#]]);
    check(&partly, mug(6), expect![[r#"refused: [("MUG", 6, 5)] exceeds"#]]);
    check(
        &partly,
        Command::Release(None),
        expect![[r#"Withdrawn({"MUG": 2}, Requested), Released({"MUG": 3, "TEE": 1}, Requested)"#]],
    );
    check(
        &partly,
        Command::Expire,
        expect![[r#"Withdrawn({"MUG": 2}, Expired), Released({"MUG": 3, "TEE": 1}, Expired)"#]],
    );
    let over = [
        opened(),
        waiting(&[("MUG", 2)]),
        withdrawn(&[("MUG", 2)], Because::Expired),
        released(&[("MUG", 3), ("TEE", 1)], Because::Expired),
    ];
    assert_eq!(fold::<Reservation>(&over).status(), Some(Status::Expired));
    check(&over, fill(&[("MUG", 1)]), expect![[r#"refused: [("MUG", 1, 0)] exceeds"#]]);
    let back = [opened(), released(&[("MUG", 3), ("TEE", 1)], Because::Requested)];
    check(&back, fill(&[("MUG", 1)]), expect![[r#"refused: [("MUG", 1, 0)] exceeds"#]]);
    let gone = [opened(), shipped(&[("MUG", 3), ("TEE", 1)])];
    check(&gone, fill(&[("MUG", 1)]), expect![[r#"refused: [("MUG", 1, 0)] exceeds"#]]);
}
