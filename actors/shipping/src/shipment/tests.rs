//! Every state and every command.

use expect_test::{Expect, expect};
use jiff::Timestamp;
use proptest::prelude::*;
use runtime::entity::testing::{decide, facts, fold, moment, owed};
use runtime::entity::{Entity as _, Facts};

use super::*;
use crate::carriers::Pretence;
use crate::tracking::EVENTS_MAX;

fn line(sku: &str, quantity: i64) -> Line {
    Line { sku: sku.into(), quantity, title: String::new() }
}

fn plan() -> Plan {
    Plan {
        id: "shp_1".into(),
        order_id: "ord_1".into(),
        user_id: "usr_1".into(),
        warehouse_id: "wh_1".into(),
        reservation_id: "rsv_1".into(),
        lines: vec![line("MUG", 2), line("TEE", 1)],
        carrier: "table".into(),
        days: Some((1, 3)),
        ..Plan::default()
    }
}

fn happened(what: What) -> Event {
    Event { id: "shp_1".into(), order_id: "ord_1".into(), user_id: "usr_1".into(), at: moment(1), what }
}

fn label() -> Label {
    Label { number: "N1".into(), ..Label::default() }
}

fn tracked(id: &str, sign: Sign) -> Tracked {
    let (place, detail) = (String::new(), String::new());
    Tracked { carrier_event_id: id.into(), sign, occurred_at: moment(50), place, detail, recorded_at: moment(60) }
}

/// What a fresh parcel does at these commands; every one of them must be possible.
fn after(commands: &[Command]) -> Vec<Event> {
    let mut events = vec![happened(What::Planned(Box::new(plan())))];
    for command in commands {
        events.extend(decide::<Shipment>(&events, command.clone()).expect("a possible life"));
    }
    events
}

fn labelled() -> Command {
    Command::Labelled(Box::new(label()))
}

fn track(id: &str, sign: Sign) -> Command {
    Command::Track(Box::new(tracked(id, sign)))
}

fn state(status: Status) -> Vec<Event> {
    match status {
        Status::Unknown => vec![],
        Status::Planned => after(&[]),
        Status::LabelReady => after(&[labelled()]),
        Status::Dispatched => after(&[labelled(), Command::Dispatch]),
        Status::Accepted => after(&[labelled(), Command::Dispatch, Command::Accept]),
        Status::InTransit => after(&[labelled(), Command::Dispatch, track("e1", Sign::InTransit)]),
        Status::Delivered => after(&[labelled(), Command::Dispatch, Command::Deliver]),
        Status::Returned => after(&[labelled(), Command::Dispatch, Command::Return]),
        Status::Lost => after(&[labelled(), Command::Dispatch, Command::Lose]),
        Status::Cancelled => after(&[labelled(), Command::Cancel]),
    }
}

fn name(what: &What) -> &'static str {
    match what {
        What::Planned(_) => "planned",
        What::Gave { .. } => "gave",
        What::Relabelling { .. } => "relabelling",
        What::Labelled { .. } => "labelled",
        What::NotLabelled { .. } => "not labelled",
        What::Voided(None) => "voided",
        What::Voided(Some(_)) => "not voided",
        What::Dispatched(_) => "dispatched",
        What::Completed(_) => "completed",
        What::InTransit => "in transit",
        What::Delivered { .. } => "delivered",
        What::Returned(_) => "returned",
        What::Lost { .. } => "lost",
        What::Cancelled { label_owed: false, .. } => "cancelled",
        What::Cancelled { label_owed: true, .. } => "cancelled, a label is owed",
        What::Tracked(_) => "tracked",
    }
}

fn said(result: Result<Vec<Event>, Refusal>) -> String {
    match result {
        Err(refusal) => format!("refused: {refusal}"),
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(|event| name(&event.what)).collect::<Vec<_>>().join(", "),
    }
}

fn check(given: &[Event], when: Command, expected: Expect) {
    expected.assert_eq(&said(decide::<Shipment>(given, when)));
}

/// Every command there is, with a name.
fn commands() -> Vec<(&'static str, Command)> {
    vec![
        ("plan", Command::Plan(Box::new(plan()))),
        ("plan another", Command::Plan(Box::new(Plan { reservation_id: "rsv_2".into(), ..plan() }))),
        ("give", Command::Give { to: "shp_2".into(), lines: vec![line("MUG", 1)] }),
        ("relabel", Command::Relabel(None)),
        ("relabel by another", Command::Relabel(Some("swift".into()))),
        ("labelled", labelled()),
        ("not labelled", Command::NotLabelled("no such street".into())),
        ("voided", Command::Voided(None)),
        ("dispatch", Command::Dispatch),
        ("accept", Command::Accept),
        ("deliver", Command::Deliver),
        ("return", Command::Return),
        ("lose", Command::Lose),
        ("track notice", track("t", Sign::Notice)),
        ("track accepted", track("t", Sign::Accepted)),
        ("track in transit", track("t", Sign::InTransit)),
        ("track failed", track("t", Sign::DeliveryFailed)),
        ("track delivered", track("t", Sign::Delivered)),
        ("track returned", track("t", Sign::Returned)),
        ("track lost", track("t", Sign::Lost)),
        ("pretend delivered", Command::Pretend(Sign::Delivered)),
        ("cancel", Command::Cancel),
        ("stop", Command::Stop),
    ]
}

fn table(status: Status, expected: Expect) {
    let given = state(status);
    assert_eq!(fold::<Shipment>(&given).status, status);
    let row = |(name, command): (&str, Command)| format!("{name}: {}\n", said(decide::<Shipment>(&given, command)));
    expected.assert_eq(&commands().into_iter().map(row).collect::<String>());
}

#[test]
fn what_never_was_can_only_be_planned() {
    table(
        Status::Unknown,
        expect![[r#"
        plan: planned
        plan another: planned
        give: refused: the order has no such shipment
        relabel: refused: the order has no such shipment
        relabel by another: refused: the order has no such shipment
        labelled: refused: the order has no such shipment
        not labelled: refused: the order has no such shipment
        voided: refused: the order has no such shipment
        dispatch: refused: the order has no such shipment
        accept: refused: the order has no such shipment
        deliver: refused: the order has no such shipment
        return: refused: the order has no such shipment
        lose: refused: the order has no such shipment
        track notice: refused: the order has no such shipment
        track accepted: refused: the order has no such shipment
        track in transit: refused: the order has no such shipment
        track failed: refused: the order has no such shipment
        track delivered: refused: the order has no such shipment
        track returned: refused: the order has no such shipment
        track lost: refused: the order has no such shipment
        pretend delivered: refused: the order has no such shipment
        cancel: refused: the order has no such shipment
        stop: already so
    "#]],
    );
}

#[test]
fn a_planned_parcel_waits_for_its_label() {
    table(
        Status::Planned,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: gave
        relabel: refused: the carrier has been asked and has not answered yet
        relabel by another: refused: the carrier has been asked and has not answered yet
        labelled: labelled
        not labelled: not labelled
        voided: already so
        dispatch: refused: the shipment has no label yet
        accept: refused: the shipment has not left the warehouse
        deliver: refused: the shipment has not left the warehouse
        return: refused: the shipment has not left the warehouse
        lose: refused: the shipment has not left the warehouse
        track notice: tracked
        track accepted: tracked, dispatched, completed
        track in transit: tracked, dispatched, completed, in transit
        track failed: tracked, dispatched, completed, in transit
        track delivered: tracked, dispatched, completed, delivered
        track returned: tracked, dispatched, completed, returned
        track lost: tracked, dispatched, completed, lost
        pretend delivered: tracked, dispatched, completed, delivered
        cancel: cancelled
        stop: cancelled
    "#]],
    );
}

#[test]
fn a_parcel_with_a_label_can_leave() {
    table(
        Status::LabelReady,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: gave
        relabel: already so
        relabel by another: refused: the shipment has a label of another carrier
        labelled: already so
        not labelled: already so
        voided: already so
        dispatch: dispatched
        accept: refused: the shipment has not left the warehouse
        deliver: refused: the shipment has not left the warehouse
        return: refused: the shipment has not left the warehouse
        lose: refused: the shipment has not left the warehouse
        track notice: tracked
        track accepted: tracked, dispatched, completed
        track in transit: tracked, dispatched, completed, in transit
        track failed: tracked, dispatched, completed, in transit
        track delivered: tracked, dispatched, completed, delivered
        track returned: tracked, dispatched, completed, returned
        track lost: tracked, dispatched, completed, lost
        pretend delivered: tracked, dispatched, completed, delivered
        cancel: cancelled
        stop: cancelled
    "#]],
    );
}

#[test]
fn a_dispatched_parcel_only_goes_on() {
    table(
        Status::Dispatched,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: refused: the shipment has left the warehouse
        relabel: refused: the shipment has left the warehouse
        relabel by another: refused: the shipment has left the warehouse
        labelled: already so
        not labelled: already so
        voided: already so
        dispatch: already so
        accept: completed
        deliver: completed, delivered
        return: completed, returned
        lose: completed, lost
        track notice: tracked
        track accepted: tracked, completed
        track in transit: tracked, completed, in transit
        track failed: tracked, completed, in transit
        track delivered: tracked, completed, delivered
        track returned: tracked, completed, returned
        track lost: tracked, completed, lost
        pretend delivered: tracked, completed, delivered
        cancel: refused: the shipment has left the warehouse
        stop: already so
    "#]],
    );
}

#[test]
fn an_accepted_parcel_only_goes_on() {
    table(
        Status::Accepted,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: refused: the shipment has left the warehouse
        relabel: refused: the shipment has left the warehouse
        relabel by another: refused: the shipment has left the warehouse
        labelled: already so
        not labelled: already so
        voided: already so
        dispatch: already so
        accept: already so
        deliver: delivered
        return: returned
        lose: lost
        track notice: tracked
        track accepted: tracked
        track in transit: tracked, in transit
        track failed: tracked, in transit
        track delivered: tracked, delivered
        track returned: tracked, returned
        track lost: tracked, lost
        pretend delivered: tracked, delivered
        cancel: refused: the shipment has left the warehouse
        stop: already so
    "#]],
    );
}

#[test]
fn a_parcel_in_transit_only_goes_on() {
    table(
        Status::InTransit,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: refused: the shipment has left the warehouse
        relabel: refused: the shipment has left the warehouse
        relabel by another: refused: the shipment has left the warehouse
        labelled: already so
        not labelled: already so
        voided: already so
        dispatch: already so
        accept: already so
        deliver: delivered
        return: returned
        lose: lost
        track notice: tracked
        track accepted: tracked
        track in transit: tracked
        track failed: tracked
        track delivered: tracked, delivered
        track returned: tracked, returned
        track lost: tracked, lost
        pretend delivered: tracked, delivered
        cancel: refused: the shipment has left the warehouse
        stop: already so
    "#]],
    );
}

#[test]
fn a_delivered_parcel_stays_delivered() {
    table(
        Status::Delivered,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: refused: the shipment has left the warehouse
        relabel: refused: the shipment has left the warehouse
        relabel by another: refused: the shipment has left the warehouse
        labelled: already so
        not labelled: already so
        voided: already so
        dispatch: already so
        accept: already so
        deliver: already so
        return: refused: the shipment has arrived
        lose: refused: the shipment has arrived
        track notice: tracked
        track accepted: tracked
        track in transit: tracked
        track failed: tracked
        track delivered: tracked
        track returned: tracked
        track lost: tracked
        pretend delivered: tracked
        cancel: refused: the shipment has left the warehouse
        stop: already so
    "#]],
    );
}

#[test]
fn a_returned_parcel_stays_returned() {
    table(
        Status::Returned,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: refused: the shipment has left the warehouse
        relabel: refused: the shipment has left the warehouse
        relabel by another: refused: the shipment has left the warehouse
        labelled: already so
        not labelled: already so
        voided: already so
        dispatch: already so
        accept: already so
        deliver: refused: the shipment came back
        return: already so
        lose: refused: the shipment came back
        track notice: tracked
        track accepted: tracked
        track in transit: tracked
        track failed: tracked
        track delivered: tracked
        track returned: tracked
        track lost: tracked
        pretend delivered: tracked
        cancel: refused: the shipment has left the warehouse
        stop: already so
    "#]],
    );
}

#[test]
fn a_lost_parcel_may_turn_up() {
    table(
        Status::Lost,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: refused: the shipment has left the warehouse
        relabel: refused: the shipment has left the warehouse
        relabel by another: refused: the shipment has left the warehouse
        labelled: already so
        not labelled: already so
        voided: already so
        dispatch: already so
        accept: already so
        deliver: delivered
        return: returned
        lose: already so
        track notice: tracked
        track accepted: tracked
        track in transit: tracked
        track failed: tracked
        track delivered: tracked, delivered
        track returned: tracked, returned
        track lost: tracked
        pretend delivered: tracked, delivered
        cancel: refused: the shipment has left the warehouse
        stop: already so
    "#]],
    );
}

#[test]
fn a_cancelled_parcel_stays_where_it_is() {
    table(
        Status::Cancelled,
        expect![[r#"
        plan: already so
        plan another: refused: there is already another shipment with this id
        give: refused: the shipment is cancelled
        relabel: refused: the shipment is cancelled
        relabel by another: refused: the shipment is cancelled
        labelled: already so
        not labelled: already so
        voided: voided
        dispatch: refused: the shipment is cancelled
        accept: refused: the shipment is cancelled
        deliver: refused: the shipment is cancelled
        return: refused: the shipment is cancelled
        lose: refused: the shipment is cancelled
        track notice: tracked
        track accepted: tracked
        track in transit: tracked
        track failed: tracked
        track delivered: tracked
        track returned: tracked
        track lost: tracked
        pretend delivered: tracked
        cancel: already so
        stop: already so
    "#]],
    );
}

#[test]
fn a_parcel_gives_what_it_has_and_never_all() {
    let planned = state(Status::Planned);
    let give = |lines: &[(&str, i64)]| {
        let lines = lines.iter().map(|(sku, quantity)| line(sku, *quantity)).collect();
        Command::Give { to: "shp_2".into(), lines }
    };
    check(&planned, give(&[("MUG", 2)]), expect!["gave"]);
    check(&planned, give(&[("MUG", 3)]), expect!["refused: the shipment does not hold that much"]);
    check(&planned, give(&[("CAP", 1)]), expect!["refused: the shipment does not hold that much"]);
    check(&planned, give(&[("MUG", 2), ("TEE", 1)]), expect!["refused: nothing would be left in the shipment"]);
    let Err(Refusal::ExceedsShipment { lines }) = decide::<Shipment>(&planned, give(&[("MUG", 3), ("CAP", 1)])) else {
        panic!("refused");
    };
    assert_eq!(lines, [("MUG".to_owned(), 3, 2), ("CAP".to_owned(), 1, 0)]);
    let rest = fold::<Shipment>(&after(&[give(&[("MUG", 2)])])).plan.lines;
    assert_eq!(rest, [line("TEE", 1)]);
    let rest = fold::<Shipment>(&after(&[give(&[("MUG", 1)])])).plan.lines;
    assert_eq!(rest, [line("MUG", 1), line("TEE", 1)]);
}

#[test]
fn a_refused_label_is_asked_for_again_under_another_key() {
    let refused = after(&[Command::NotLabelled("no such street".into())]);
    let shipment = fold::<Shipment>(&refused);
    assert_eq!((shipment.status, shipment.label_problem.as_deref()), (Status::Planned, Some("no such street")));
    check(&refused, Command::Dispatch, expect!["refused: the shipment has no label yet"]);
    check(&refused, Command::Relabel(Some("swift".into())), expect!["relabelling"]);
    let again = fold::<Shipment>(&after(&[Command::NotLabelled("no".into()), Command::Relabel(Some("swift".into()))]));
    assert_eq!((again.label_round, again.carrier.as_str(), again.label_problem), (1, "swift", None));
}

#[test]
fn a_parcel_that_is_cancelled_while_its_label_is_made_learns_of_it_and_gives_it_back() {
    let open = Facts { open_calls: vec!["label/shp_1/0".into()], ..facts(moment(100)) };
    let mut events = state(Status::Planned);
    let cancelled = fold::<Shipment>(&events).decide(Command::Cancel, &open).expect("it has not left");
    assert_eq!(said(Ok(cancelled.clone())), "cancelled, a label is owed");
    events.extend(cancelled);
    check(&events, labelled(), expect!["labelled"]);
    events.push(happened(What::Labelled { carrier: "table".into(), tracking_number: "MT1".into(), label: label() }));
    let shipment = fold::<Shipment>(&events);
    assert_eq!((shipment.status, shipment.label.is_some()), (Status::Cancelled, true));
    check(&events, Command::Voided(Some("too old".into())), expect!["not voided"]);
    events.push(happened(What::Voided(None)));
    check(&events, Command::Voided(None), expect!["already so"]);
}

#[test]
fn the_same_word_of_a_carrier_counts_once() {
    let given = after(&[labelled(), Command::Dispatch, track("e1", Sign::Accepted)]);
    check(&given, track("e1", Sign::Accepted), expect!["already so"]);
    check(&given, track("e1", Sign::Delivered), expect!["already so"]);
    check(&given, track("e2", Sign::Delivered), expect!["tracked, delivered"]);
}

#[test]
fn a_carrier_that_never_stops_talking_is_heard_where_it_matters() {
    let mut given = state(Status::Accepted);
    for number in 0..EVENTS_MAX {
        given.push(happened(What::Tracked(tracked(&number.to_string(), Sign::Notice))));
    }
    check(&given, track("one more", Sign::Notice), expect!["refused: the shop keeps no more events of this shipment"]);
    check(&given, track("one more", Sign::Delivered), expect!["tracked, delivered"]);
}

#[test]
fn a_label_that_comes_after_the_parcel_left_is_still_its_label() {
    let given = after(&[track("e1", Sign::InTransit)]);
    check(&given, labelled(), expect!["labelled"]);
    let shipment = fold::<Shipment>(&after(&[track("e1", Sign::InTransit), labelled()]));
    assert_eq!((shipment.status, shipment.label.is_some()), (Status::InTransit, true));
}

#[test]
fn a_parcel_is_expected_so_many_working_days_after_it_left() {
    // 1 January 2026 is a Thursday.
    let days = |events: &[Event]| fold::<Shipment>(events).estimate().map(|(a, b)| format!("{a} {b}"));
    assert_eq!(days(&state(Status::Planned)).as_deref(), Some("2026-01-02 2026-01-06"));
    let left = Event { at: moment(3 * 24 * 3600), ..after(&[labelled(), Command::Dispatch]).pop().expect("an event") };
    assert_eq!(days(&[state(Status::LabelReady), vec![left]].concat()).as_deref(), Some("2026-01-06 2026-01-08"));
    let unknown = happened(What::Planned(Box::new(Plan { days: None, ..plan() })));
    assert_eq!(days(&[unknown]), None);
}

fn any_sign() -> impl Strategy<Value = Sign> {
    use Sign::{Accepted, Delivered, DeliveryFailed, InTransit, Lost, Notice, OutForDelivery, Returned};
    prop::sample::select(vec![Notice, Accepted, InTransit, OutForDelivery, DeliveryFailed, Delivered, Returned, Lost])
}

proptest! {
    /// Whatever a carrier says, in whatever order and however often: the parcel never goes back, is dispatched and
    /// completed once, and ends the same as without the repeats.
    #[test]
    fn news_in_any_order_never_move_a_parcel_back(
        news in prop::collection::vec((0_u8..12, any_sign()), 0..30),
        from in prop::sample::select(vec![Status::Planned, Status::LabelReady, Status::Dispatched, Status::Accepted]),
    ) {
        let mut events = state(from);
        let mut shipment = fold::<Shipment>(&events);
        for (id, sign) in news.iter().chain(&news) {
            let new = shipment.decide(track(&id.to_string(), *sign), &facts(Timestamp::UNIX_EPOCH)).expect("news");
            let before = shipment.status;
            new.iter().for_each(|event| shipment.evolve(event));
            let now = shipment.status;
            prop_assert!(now == before || can_reach(before, now), "{before:?} to {now:?}");
            events.extend(new);
        }
        let count = |wanted: &str| events.iter().filter(|event| name(&event.what) == wanted).count();
        let ids: std::collections::BTreeSet<_> = news.iter().map(|(id, _)| id).collect();
        prop_assert_eq!(count("tracked"), ids.len());
        for once in ["dispatched", "completed", "in transit", "delivered", "returned", "lost"] {
            prop_assert!(count(once) <= 1, "{} {}", once, count(once));
        }
        prop_assert!(count("delivered") + count("returned") <= 1);
    }
}

/// Whether the map of states leads from here to there.
fn can_reach(from: Status, to: Status) -> bool {
    from.next().iter().any(|next| *next == to || can_reach(*next, to))
}

#[test]
fn what_a_parcel_owes_follows_from_its_state() {
    let owes = |events: &[Event]| owed::<Shipment>(events).join(", ");
    for (status, expected) in [
        (Status::Unknown, ""),
        (Status::Planned, "label/shp_1/0"),
        (Status::LabelReady, ""),
        (Status::Dispatched, ""),
        (Status::Delivered, ""),
        (Status::Cancelled, "void/shp_1"),
    ] {
        assert_eq!(owes(&state(status)), expected, "{status:?}");
    }
    assert_eq!(owes(&after(&[Command::NotLabelled("no".into())])), "");
    assert_eq!(owes(&after(&[Command::NotLabelled("no".into()), Command::Relabel(None)])), "label/shp_1/1");
    assert_eq!(owes(&after(&[Command::Cancel])), "", "no label was ever asked for");
    assert_eq!(owes(&after(&[labelled(), Command::Cancel, Command::Voided(None)])), "");
    let every = Pretence { dispatch_after_s: Some(1), accept_after_s: Some(2), deliver_after_s: Some(5) };
    let pretending = Command::Labelled(Box::new(Label { pretence: every, ..label() }));
    assert_eq!(owes(&after(std::slice::from_ref(&pretending))), "dispatch@2026-01-01T00:01:41Z");
    let left = after(&[pretending.clone(), Command::Dispatch]);
    assert_eq!(owes(&left), "accept@2026-01-01T00:01:42Z");
    let taken = after(&[pretending.clone(), Command::Dispatch, Command::Pretend(Sign::Accepted)]);
    assert_eq!(owes(&taken), "deliver@2026-01-01T00:01:45Z");
    let arrived = after(&[pretending, Command::Dispatch, Command::Pretend(Sign::Delivered)]);
    assert_eq!(owes(&arrived), "");
}
