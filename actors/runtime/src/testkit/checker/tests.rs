use std::ops::RangeInclusive;

use super::{Change, Committed, History, Operation, Outcome, check};
use crate::headers::CommandId;

/// A refusal that is right at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct RightAt(u64);

fn id(name: u8) -> CommandId {
    CommandId([name; 16])
}

fn operation(command: u8, (started, ended): (u64, u64), outcome: Outcome<RightAt>) -> Operation<RightAt> {
    Operation { command: id(command), actor: "cart".to_owned(), started, ended, outcome }
}

fn acked(command: u8, time: (u64, u64), version: u64, position: u64) -> Operation<RightAt> {
    operation(command, time, Outcome::Acked { version, position })
}

fn refused(command: u8, time: (u64, u64), right_at: u64) -> Operation<RightAt> {
    operation(command, time, Outcome::Refused(RightAt(right_at)))
}

fn unknown(command: u8, time: (u64, u64)) -> Operation<RightAt> {
    operation(command, time, Outcome::Unknown)
}

/// A commit on the cart, with one event per version.
fn commit(command: u8, position: u64, versions: RangeInclusive<u64>) -> Committed {
    let version = *versions.end();
    let changes = versions.map(|version| Change { actor: "cart".to_owned(), version }).collect();
    Committed { command: id(command), position, actor: "cart".to_owned(), version, refused: false, changes }
}

/// A commit that found everything done already.
fn nothing(command: u8, position: u64, version: u64) -> Committed {
    Committed { version, changes: Vec::new(), ..commit(command, position, 1..=1) }
}

fn recorded_refusal(command: u8, position: u64, version: u64) -> Committed {
    Committed { refused: true, ..nothing(command, position, version) }
}

fn fits(_: &Operation<RightAt>, right_at: &RightAt, versions: &[u64]) -> bool {
    versions.contains(&right_at.0)
}

/// Checks a history and compares what is wrong with it, ids shortened to one byte.
#[track_caller]
fn judge(operations: &[Operation<RightAt>], log: &[Committed], expected: &[&str]) {
    let violations = check(operations, log, fits).into_iter();
    let found: Vec<String> = violations.map(|violation| shorten(&violation.to_string())).collect();
    assert_eq!(found, expected);
}

fn shorten(text: &str) -> String {
    (0..=9).fold(text.to_owned(), |text, name| text.replace(&id(name).to_string(), &format!("#{name}")))
}

#[test]
fn an_honest_history_passes() {
    let operations = [
        acked(1, (1, 2), 1, 10),
        acked(2, (3, 6), 3, 10),
        acked(3, (4, 5), 3, 11),
        refused(4, (7, 8), 3),
        unknown(5, (9, 10)),
    ];
    judge(&operations, &[commit(1, 10, 1..=1), commit(2, 10, 2..=3), nothing(3, 11, 3)], &[]);
}

#[test]
fn what_was_acknowledged_is_there() {
    judge(&[acked(1, (1, 2), 1, 10)], &[], &["#1 was acknowledged and is not in the log"]);
}

#[test]
fn an_unknown_outcome_may_be_either() {
    judge(&[unknown(1, (1, 2))], &[], &[]);
    judge(&[unknown(1, (1, 2))], &[commit(1, 10, 1..=1)], &[]);
}

#[test]
fn nothing_is_there_twice_whoever_issued_it() {
    let log = [commit(1, 10, 1..=1), commit(1, 11, 2..=2)];
    let twice = "#1 is in the log at 10 and again at 11";
    judge(&[acked(1, (1, 2), 1, 10)], &log, &[twice]);
    judge(&[unknown(1, (1, 2))], &log, &[twice]);
    judge(&[], &log, &[twice]);
    judge(&[], &[commit(1, 10, 1..=1), recorded_refusal(1, 11, 1)], &[twice]);
}

#[test]
fn an_answer_agrees_with_the_log() {
    let misreported =
        |said| vec![format!("#1 was acknowledged with version and position {said}, the log holds (1, 10)")];
    for (operation, said) in [(acked(1, (1, 2), 2, 10), "(2, 10)"), (acked(1, (1, 2), 1, 11), "(1, 11)")] {
        let expected = misreported(said);
        judge(&[operation], &[commit(1, 10, 1..=1)], &expected.iter().map(String::as_str).collect::<Vec<_>>());
    }
    let log = [recorded_refusal(1, 10, 0)];
    judge(&[acked(1, (1, 2), 0, 10)], &log, &["#1 was acknowledged, but the log records a refusal"]);
    let log = [commit(1, 10, 1..=1)];
    judge(&[refused(1, (1, 2), 0)], &log, &["#1 was refused, but the log records that it was done"]);
}

#[test]
fn an_answer_for_another_actor_is_wrong() {
    let operation = Operation { actor: "order".to_owned(), ..acked(1, (1, 2), 1, 10) };
    let expected = "#1 was acknowledged with version and position (1, 10), the log holds (1, 10)";
    judge(&[operation], &[commit(1, 10, 1..=1)], &[expected]);
}

#[test]
fn versions_have_no_gaps_and_commits_state_them() {
    let gap = "cart goes to version 3 at 11, where 2 follows";
    judge(&[], &[commit(1, 10, 1..=1), commit(2, 11, 3..=3)], &[gap]);
    let repeated = "cart goes to version 1 at 11, where 2 follows";
    judge(&[], &[commit(1, 10, 1..=1), commit(2, 11, 1..=1)], &[repeated]);
    let misstated = "#2 states version 5 of its actor, which has version 1";
    judge(&[], &[commit(1, 10, 1..=1), nothing(2, 11, 5)], &[misstated]);
}

#[test]
fn one_command_may_change_several_actors() {
    let basket = |command, position, changes: &[(&str, u64)]| Committed {
        changes: changes
            .iter()
            .map(|(actor, version)| Change { actor: (*actor).to_owned(), version: *version })
            .collect(),
        ..nothing(command, position, 0)
    };
    let log = [basket(1, 10, &[("mug", 1), ("cup", 1)]), basket(2, 11, &[("mug", 2)]), basket(3, 12, &[("cup", 3)])];
    judge(&[acked(1, (1, 2), 0, 10)], &log, &["cup goes to version 3 at 12, where 2 follows"]);
}

#[test]
fn the_log_keeps_the_order_that_clients_saw() {
    let log = [commit(2, 10, 1..=1), commit(1, 11, 2..=2)];
    let late = "#1 was answered before #2 began, but the log has it later";
    judge(&[acked(1, (1, 2), 2, 11), acked(2, (3, 4), 1, 10)], &log, &[late]);
    // Overlapping, either order is right.
    judge(&[acked(1, (1, 3), 2, 11), acked(2, (2, 4), 1, 10)], &log, &[]);
    // Unanswered, it may land whenever it likes.
    judge(&[unknown(1, (1, 2)), acked(2, (3, 4), 1, 10)], &log, &[]);
    // But not before it began.
    let log = [commit(2, 10, 1..=1), commit(1, 11, 2..=2)];
    judge(&[acked(1, (1, 2), 2, 11), unknown(2, (3, 4))], &log, &[late]);
}

#[test]
fn order_is_checked_across_what_lies_between() {
    let log = [commit(3, 10, 1..=1), commit(2, 11, 2..=2), commit(1, 12, 3..=3)];
    let operations = [acked(1, (1, 2), 3, 12), unknown(2, (1, 9)), acked(3, (5, 6), 1, 10)];
    judge(&operations, &log, &["#1 was answered before #3 began, but the log has it later"]);
}

#[test]
fn a_repeat_answers_for_the_first() {
    let log = [commit(1, 10, 1..=1), commit(2, 11, 2..=2)];
    // The first try was given up, the second finds what it did, long after another command.
    let operations = [unknown(1, (1, 2)), acked(2, (3, 4), 2, 11), acked(1, (5, 6), 1, 10)];
    judge(&operations, &log, &[]);
    // Its first answer counts, however often it asks again.
    let operations = [acked(1, (1, 2), 2, 11), acked(2, (3, 4), 1, 10), acked(1, (5, 6), 2, 11)];
    let late = "#1 was answered before #2 began, but the log has it later";
    judge(&operations, &[commit(2, 10, 1..=1), commit(1, 11, 2..=2)], &[late]);
    // Two answers that differ cannot both be right.
    let operations = [acked(1, (1, 2), 1, 10), acked(1, (5, 6), 2, 11)];
    let differs = "#1 was acknowledged with version and position (2, 11), the log holds (1, 10)";
    judge(&operations, &log, &[differs]);
}

#[test]
fn a_refusal_needs_a_state_between_start_and_end() {
    let log = [commit(1, 10, 1..=1), commit(2, 11, 2..=2), commit(3, 12, 3..=3)];
    let others = [acked(1, (1, 2), 1, 10), acked(2, (5, 8), 2, 11), acked(3, (9, 10), 3, 12)];
    for (window, right_at, versions) in [
        // Before anything was there.
        ((0, 0), 0, &[0][..]),
        // The first was answered, the second not begun.
        ((3, 4), 1, &[1]),
        // The second may have happened or not.
        ((6, 7), 1, &[1, 2]),
        ((6, 7), 2, &[1, 2]),
        // From before the first to after the third.
        ((0, 20), 0, &[0, 1, 2, 3]),
        ((0, 20), 3, &[0, 1, 2, 3]),
        // All are answered.
        ((11, 12), 3, &[3]),
    ] {
        let history = |right_at| [&others[..], &[refused(4, window, right_at)]].concat();
        judge(&history(right_at), &log, &[]);
        judge(&history(99), &log, &[&format!("#4 was refused without reason at versions {versions:?}")]);
    }
}

#[test]
fn an_answer_proves_all_that_the_log_has_before_it() {
    let log = [commit(1, 10, 1..=1), commit(2, 11, 2..=2), commit(3, 12, 3..=3)];
    let history = [unknown(1, (1, 2)), acked(3, (3, 4), 3, 12), refused(4, (5, 6), 0)];
    judge(&history, &log, &["#4 was refused without reason at versions [3]"]);
}

#[test]
fn nobody_sees_a_version_inside_a_commit() {
    let log = [commit(1, 10, 1..=1), commit(2, 11, 2..=4)];
    let history = |right_at| [acked(1, (1, 2), 1, 10), acked(2, (3, 6), 4, 11), refused(4, (4, 5), right_at)];
    judge(&history(1), &log, &[]);
    judge(&history(4), &log, &[]);
    judge(&history(3), &log, &["#4 was refused without reason at versions [1, 4]"]);
}

#[test]
fn a_recorded_refusal_is_judged_where_it_stands() {
    let log = [commit(1, 10, 1..=1), recorded_refusal(4, 11, 1), commit(2, 12, 2..=2)];
    judge(&[refused(4, (1, 20), 1)], &log, &[]);
    judge(&[refused(4, (1, 20), 2)], &log, &["#4 was refused without reason at versions [1]"]);
}

#[test]
fn a_refusal_by_an_actor_that_never_was_is_judged_at_version_0() {
    judge(&[refused(4, (1, 2), 0)], &[], &[]);
    judge(&[refused(4, (1, 2), 1)], &[], &["#4 was refused without reason at versions [0]"]);
}

#[test]
fn a_history_records_starts_and_ends_in_one_time() {
    let mut history = History::<RightAt>::default();
    let one = history.start(id(1), "cart");
    let other = history.start(id(2), "cart");
    let given_up = history.start(id(3), "cart");
    history.end(other, Outcome::Refused(RightAt(0)));
    history.end(one, Outcome::Acked { version: 1, position: 10 });
    drop(given_up);
    let expected = [acked(1, (1, 5), 1, 10), refused(2, (2, 4), 0), unknown(3, (3, u64::MAX))];
    assert_eq!(history.operations(), expected);
}

#[test]
fn a_long_history_is_judged_in_linear_time() {
    let sequences = 1..=200_000_u64;
    let name = |n: u64| CommandId((u128::from(n)).to_le_bytes());
    let operations: Vec<_> = (sequences.clone())
        .flat_map(|n| {
            let done = Operation { command: name(n), ..acked(0, (3 * n, 3 * n + 1), n, n) };
            [done, refused(0, (3 * n + 2, 3 * n + 2), n)]
        })
        .collect();
    let log: Vec<_> = sequences.map(|n| Committed { command: name(n), ..commit(0, n, n..=n) }).collect();
    assert_eq!(check(&operations, &log, fits), []);
}
