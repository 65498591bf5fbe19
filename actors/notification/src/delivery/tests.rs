//! What a delivery answers in every state.

use expect_test::{Expect, expect};
use runtime::entity::testing::{decide, fold, moment};

use super::*;

fn noted() -> Noted {
    Noted {
        endpoint_id: "whe".into(),
        number: 7,
        event_type: "order.created".into(),
        entity: "ord".into(),
        body: "{}".into(),
    }
}

fn event(what: What) -> Event {
    Event { id: "whe-7".into(), at: moment(50), what }
}

fn attempted(attempt: u32) -> Event {
    event(What::Attempted(attempt, "https://a".into(), "v1,x".into()))
}

fn postponed(attempt: u32) -> Event {
    event(What::Postponed(attempt, Some(503), "http_status".into(), moment(90)))
}

fn told(result: Result<Vec<Event>, Refusal>) -> String {
    let one = |event: &Event| match &event.what {
        What::Noted(noted) => format!("noted {}", noted.number),
        What::Attempted(attempt, url, signature) => format!("attempted {attempt} {url} {signature}"),
        What::Delivered(attempt, status) => format!("delivered {attempt} {status}"),
        What::Postponed(attempt, status, reason, next) => {
            format!("postponed {attempt} {status:?} {reason} {}", next.duration_since(moment(0)).as_secs())
        }
        What::Failed(attempt, status, reason) => format!("failed {attempt} {status:?} {reason}"),
        What::Requeued => "requeued".to_owned(),
    };
    match result {
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(one).collect::<Vec<_>>().join(", "),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

#[track_caller]
fn check(given: &[Event], says: Expect) {
    let commands = [
        ("note", Command::Note("whe-7".into(), noted())),
        ("post", Command::Post("https://b".into(), "v1,y".into())),
        ("taken", Command::Settle(1, Reply::Taken { status: 204 })),
        ("gone", Command::Settle(1, Reply::Gone { status: 410 })),
        ("not taken", Command::Settle(1, Reply::not_taken(Some(500), "http_status"))),
        ("no answer", Command::Settle(1, Reply::not_taken(None, "timeout"))),
        ("an answer to another try", Command::Settle(9, Reply::Taken { status: 200 })),
        ("requeue", Command::Requeue),
    ];
    let lines = commands.map(|(name, command)| format!("{name}: {}", told(decide::<Delivery>(given, command))));
    says.assert_eq(&lines.join("\n"));
}

#[test]
fn no_delivery() {
    check(
        &[],
        expect![[r#"
        note: noted 7
        post: refused: there is no such delivery
        taken: already so
        gone: already so
        not taken: already so
        no answer: already so
        an answer to another try: already so
        requeue: refused: there is no such delivery"#]],
    );
}

#[test]
fn a_delivery_that_waits() {
    check(
        &[event(What::Noted(noted()))],
        expect![[r#"
        note: already so
        post: attempted 1 https://b v1,y
        taken: already so
        gone: already so
        not taken: already so
        no answer: already so
        an answer to another try: already so
        requeue: refused: the delivery is not over yet"#]],
    );
}

#[test]
fn a_delivery_being_posted() {
    check(
        &[event(What::Noted(noted())), attempted(1)],
        expect![[r#"
        note: already so
        post: already so
        taken: delivered 1 204
        gone: failed 1 Some(410) gone
        not taken: postponed 1 Some(500) http_status 105
        no answer: postponed 1 None timeout 105
        an answer to another try: already so
        requeue: refused: the delivery is not over yet"#]],
    );
}

#[test]
fn a_delivery_that_failed_for_now() {
    check(
        &[event(What::Noted(noted())), attempted(1), postponed(1)],
        expect![[r#"
        note: already so
        post: attempted 2 https://b v1,y
        taken: already so
        gone: already so
        not taken: already so
        no answer: already so
        an answer to another try: already so
        requeue: refused: the delivery is not over yet"#]],
    );
}

#[test]
fn a_delivery_that_was_taken() {
    check(
        &[event(What::Noted(noted())), attempted(1), event(What::Delivered(1, 204))],
        expect![[r#"
        note: already so
        post: attempted 2 https://b v1,y
        taken: already so
        gone: already so
        not taken: already so
        no answer: already so
        an answer to another try: already so
        requeue: requeued"#]],
    );
}

#[test]
fn a_delivery_that_was_given_up() {
    check(
        &[event(What::Noted(noted())), attempted(1), event(What::Failed(1, Some(410), GONE.into()))],
        expect![[r#"
        note: already so
        post: attempted 2 https://b v1,y
        taken: already so
        gone: already so
        not taken: already so
        no answer: already so
        an answer to another try: already so
        requeue: requeued"#]],
    );
}

#[test]
fn tries_end_after_three_days_and_begin_anew_when_asked() {
    let mut events = vec![event(What::Noted(noted()))];
    for attempt in 1..=10 {
        events.extend([attempted(attempt), postponed(attempt)]);
    }
    events.push(attempted(11));
    let failing = |attempt| Command::Settle(attempt, Reply::not_taken(Some(500), "http_status"));
    assert_eq!(told(decide::<Delivery>(&events, failing(11))), "failed 11 Some(500) http_status");
    events.extend([event(What::Failed(11, Some(500), "http_status".into())), event(What::Requeued), attempted(12)]);
    assert_eq!(told(decide::<Delivery>(&events, failing(12))), "postponed 12 Some(500) http_status 105");
    assert_eq!(fold::<Delivery>(&events).noted.body, "{}", "the body never changes");
}
