//! What an endpoint answers in every state.

use expect_test::{Expect, expect};
use runtime::entity::testing::{facts, fold, moment};

use super::*;

fn details(url: &str) -> Details {
    Details { url: url.into(), events: vec!["*".into()], description: String::new() }
}

fn event(at: i64, what: What) -> Event {
    Event { id: "whe".into(), at: moment(at), what }
}

fn created() -> Event {
    event(0, What::Created(details("a"), Secret::of(b"one")))
}

fn told(result: Result<Vec<Event>, Refusal>) -> String {
    let one = |event: &Event| match &event.what {
        What::Created(details, _) => format!("created {}", details.url),
        What::Updated(details) => format!("updated {}", details.url),
        What::Rotated(..) => "rotated".to_owned(),
        What::Paused(why) => format!("paused {why}"),
        What::Resumed => "resumed".to_owned(),
        What::Disabled(why) => format!("disabled {why}"),
        What::Deleted => "deleted".to_owned(),
    };
    match result {
        Ok(events) if events.is_empty() => "already so".to_owned(),
        Ok(events) => events.iter().map(one).collect::<Vec<_>>().join(", "),
        Err(refusal) => format!("refused: {refusal}"),
    }
}

#[track_caller]
fn check(given: &[Event], now: Timestamp, says: Expect) {
    let commands = [
        ("create", Command::Create("whe".into(), details("a"), Secret::of(b"two"))),
        ("update", Command::Update(details("b"))),
        ("update the same", Command::Update(details("a"))),
        ("rotate", Command::Rotate(Secret::of(b"two"), moment(1_000))),
        ("pause", Command::Pause("requested")),
        ("resume", Command::Resume),
        ("disable", Command::Disable("gone")),
        ("expire", Command::Expire),
        ("delete", Command::Delete),
    ];
    let endpoint: Endpoint = fold(given);
    let lines = commands.map(|(name, command)| format!("{name}: {}", told(endpoint.decide(command, &facts(now)))));
    says.assert_eq(&lines.join("\n"));
}

#[test]
fn no_endpoint() {
    check(
        &[],
        moment(100),
        expect![[r#"
        create: created a
        update: refused: there is no such endpoint
        update the same: refused: there is no such endpoint
        rotate: refused: there is no such endpoint
        pause: refused: there is no such endpoint
        resume: refused: there is no such endpoint
        disable: already so
        expire: already so
        delete: refused: there is no such endpoint"#]],
    );
}

#[test]
fn an_active_endpoint() {
    check(
        &[created()],
        moment(100),
        expect![[r#"
        create: refused: there is already an endpoint with this id
        update: updated b
        update the same: already so
        rotate: rotated
        pause: paused requested
        resume: already so
        disable: disabled gone
        expire: already so
        delete: deleted"#]],
    );
}

#[test]
fn a_paused_endpoint() {
    check(
        &[created(), event(1, What::Paused("failing".into()))],
        moment(100),
        expect![[r#"
        create: refused: there is already an endpoint with this id
        update: updated b
        update the same: already so
        rotate: rotated
        pause: already so
        resume: resumed
        disable: disabled gone
        expire: already so
        delete: deleted"#]],
    );
}

#[test]
fn an_endpoint_that_is_paused_too_long() {
    let later = moment(1).saturating_add(PAUSE_MAX).expect("a moment");
    check(
        &[created(), event(1, What::Paused("failing".into()))],
        later,
        expect![[r#"
        create: refused: there is already an endpoint with this id
        update: updated b
        update the same: already so
        rotate: rotated
        pause: already so
        resume: resumed
        disable: disabled gone
        expire: disabled paused_too_long
        delete: deleted"#]],
    );
}

#[test]
fn a_disabled_endpoint() {
    check(
        &[created(), event(1, What::Disabled("gone".into()))],
        moment(100),
        expect![[r#"
        create: refused: there is already an endpoint with this id
        update: updated b
        update the same: already so
        rotate: rotated
        pause: refused: the endpoint is disabled; resume it first
        resume: resumed
        disable: already so
        expire: already so
        delete: deleted"#]],
    );
}

#[test]
fn a_deleted_endpoint() {
    check(
        &[created(), event(1, What::Deleted)],
        moment(100),
        expect![[r#"
        create: refused: there is already an endpoint with this id
        update: refused: there is no such endpoint
        update the same: refused: there is no such endpoint
        rotate: refused: there is no such endpoint
        pause: refused: there is no such endpoint
        resume: refused: there is no such endpoint
        disable: already so
        expire: already so
        delete: refused: there is no such endpoint"#]],
    );
}

#[test]
fn both_secrets_sign_while_one_replaces_the_other() {
    let rotated: Endpoint = fold(&[created(), event(1, What::Rotated(Secret::of(b"two"), moment(60)))]);
    let (one, two) = (Secret::of(b"one"), Secret::of(b"two"));
    let signature = |secret: &Secret, at: i64| secret.sign("id", moment(at).as_second(), "{}");
    let both = format!("{} {}", signature(&two, 59), signature(&one, 59));
    assert_eq!(rotated.sign("id", moment(59), "{}"), both);
    assert_eq!(rotated.sign("id", moment(60), "{}"), signature(&two, 60));
}
