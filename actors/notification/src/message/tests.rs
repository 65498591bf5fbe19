//! What a message answers in every state.

use expect_test::{Expect, expect};
use runtime::entity::testing::{decide, fold, moment};

use super::*;

fn letter() -> Letter {
    let about =
        About { id: "ntf".into(), topic: Topic::Shipped, channel: Channel::Email, user_id: None, order_id: None };
    Letter { text: "It is on its way.".into(), ..Letter::unwritten(about, "ada@example.com".into()) }
}

fn event(what: What) -> Event {
    Event { about: letter().about, at: moment(50), what }
}

fn why(reason: &str) -> Why {
    Why { reason: reason.into(), detail: String::new() }
}

fn queued() -> Event {
    event(What::Queued(letter(), moment(50)))
}

fn later(until: i64) -> Event {
    event(What::Queued(letter(), moment(until)))
}

fn sending() -> Event {
    event(What::Sending(1))
}

fn sent() -> Event {
    event(What::Sent("smtp".into(), "ok".into()))
}

fn taken(arrived: bool) -> Verdict {
    Verdict::Taken { provider: "smtp".into(), reference: "ok".into(), arrived }
}

fn told(result: Result<Vec<Event>, Refusal>) -> String {
    let one = |event: &Event| match &event.what {
        What::Queued(_, until) => format!("queued {}", until.duration_since(moment(0)).as_secs()),
        What::Suppressed(to, reason) => format!("suppressed {to} {reason}"),
        What::Sending(attempt) => format!("sending {attempt}"),
        What::Delayed(attempt, why, next) => {
            format!("delayed {attempt} {} {}", why.reason, next.duration_since(moment(0)).as_secs())
        }
        What::Sent(provider, reference) => format!("sent {provider} {reference}"),
        What::Delivered => "delivered".to_owned(),
        What::Bounced(why) => format!("bounced {}", why.reason),
        What::Failed(why) => format!("failed {}", why.reason),
    };
    match result {
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(one).collect::<Vec<_>>().join(", "),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

/// What each command makes of a state, one per line.
#[track_caller]
fn check(given: &[Event], says: Expect) {
    let commands = [
        ("queue", Command::Queue(letter(), moment(100))),
        ("queue later", Command::Queue(letter(), moment(900))),
        ("suppress", Command::Suppress(letter(), "not_wanted".into())),
        ("start", Command::Start),
        ("taken", Command::Settle(taken(false))),
        ("taken and arrived", Command::Settle(taken(true))),
        ("later", Command::Settle(Verdict::Later(why("busy")))),
        ("nobody", Command::Settle(Verdict::NoSuchRecipient(why("mailbox_unavailable")))),
        ("never", Command::Settle(Verdict::Refused(why("spam")))),
        ("arrived", Command::Arrived),
        ("came back", Command::CameBack(why("mailbox_full"))),
        ("retry", Command::Retry),
    ];
    let lines = commands.map(|(name, command)| format!("{name}: {}", told(decide::<Message>(given, command))));
    says.assert_eq(&lines.join("\n"));
}

#[test]
fn a_message_nobody_wrote() {
    check(
        &[],
        expect![[r#"
            queue: queued 100, sending 1
            queue later: queued 900
            suppress: suppressed ada@example.com not_wanted
            start: already so
            taken: already so
            taken and arrived: already so
            later: already so
            nobody: already so
            never: already so
            arrived: refused: there is no such message
            came back: refused: there is no such message
            retry: refused: there is no such message"#]],
    );
}

#[test]
fn a_message_whose_time_has_come() {
    check(
        &[queued()],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: sending 1
        taken: already so
        taken and arrived: already so
        later: already so
        nobody: already so
        never: already so
        arrived: refused: the message was not sent, so it can neither have arrived nor come back
        came back: refused: the message was not sent, so it can neither have arrived nor come back
        retry: refused: only a message that came back or was given up can be sent once more"#]],
    );
}

#[test]
fn a_message_that_waits() {
    check(
        &[later(900)],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: already so
        taken: already so
        taken and arrived: already so
        later: already so
        nobody: already so
        never: already so
        arrived: refused: the message was not sent, so it can neither have arrived nor come back
        came back: refused: the message was not sent, so it can neither have arrived nor come back
        retry: refused: only a message that came back or was given up can be sent once more"#]],
    );
}

#[test]
fn a_message_being_handed_over() {
    check(
        &[queued(), sending()],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: already so
        taken: sent smtp ok
        taken and arrived: sent smtp ok, delivered
        later: delayed 1 busy 105
        nobody: bounced mailbox_unavailable
        never: failed spam
        arrived: refused: the message was not sent, so it can neither have arrived nor come back
        came back: refused: the message was not sent, so it can neither have arrived nor come back
        retry: refused: only a message that came back or was given up can be sent once more"#]],
    );
}

#[test]
fn a_message_that_was_taken() {
    check(
        &[queued(), sending(), sent()],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: already so
        taken: already so
        taken and arrived: already so
        later: already so
        nobody: already so
        never: already so
        arrived: delivered
        came back: bounced mailbox_full
        retry: refused: only a message that came back or was given up can be sent once more"#]],
    );
}

#[test]
fn a_message_that_arrived() {
    check(
        &[queued(), sending(), sent(), event(What::Delivered)],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: already so
        taken: already so
        taken and arrived: already so
        later: already so
        nobody: already so
        never: already so
        arrived: already so
        came back: bounced mailbox_full
        retry: refused: only a message that came back or was given up can be sent once more"#]],
    );
}

#[test]
fn a_message_that_came_back() {
    check(
        &[queued(), sending(), event(What::Bounced(why("x")))],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: already so
        taken: already so
        taken and arrived: already so
        later: already so
        nobody: already so
        never: already so
        arrived: refused: the message was not sent, so it can neither have arrived nor come back
        came back: already so
        retry: sending 2"#]],
    );
}

#[test]
fn a_message_that_was_given_up() {
    check(
        &[queued(), sending(), event(What::Failed(why("x")))],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: already so
        taken: already so
        taken and arrived: already so
        later: already so
        nobody: already so
        never: already so
        arrived: refused: the message was not sent, so it can neither have arrived nor come back
        came back: refused: the message was not sent, so it can neither have arrived nor come back
        retry: sending 2"#]],
    );
}

#[test]
fn a_message_that_is_not_wanted() {
    check(
        &[event(What::Suppressed("ada@example.com".into(), "not_wanted".into()))],
        expect![[r#"
        queue: already so
        queue later: already so
        suppress: already so
        start: already so
        taken: already so
        taken and arrived: already so
        later: already so
        nobody: already so
        never: already so
        arrived: refused: the message was not sent, so it can neither have arrived nor come back
        came back: refused: the message was not sent, so it can neither have arrived nor come back
        retry: refused: only a message that came back or was given up can be sent once more"#]],
    );
}

#[test]
fn tries_go_on_for_three_days_and_a_retry_begins_anew() {
    let mut events = vec![queued()];
    for attempt in 1..=10 {
        events.push(event(What::Sending(attempt)));
        events.push(event(What::Delayed(attempt, why("busy"), moment(60))));
    }
    events.push(event(What::Sending(11)));
    let busy = || Command::Settle(Verdict::Later(why("busy")));
    assert_eq!(told(decide::<Message>(&events, busy())), "failed busy");
    events.push(event(What::Failed(why("busy"))));
    assert_eq!(told(decide::<Message>(&events, Command::Retry)), "sending 12");
    events.push(event(What::Sending(12)));
    assert_eq!(told(decide::<Message>(&events, busy())), "delayed 12 busy 105");
    assert_eq!(fold::<Message>(&events).attempts, 12);
}
