//! An import: a job that works through the products of a file, a few at a time, and can take all of it back.
//!
//! It is a saga like any other: what is still to be asked follows from its state, so whoever hosts it goes on with it. A
//! product is written down as the contract writes it, for the job itself reads nothing of it.

use jiff::Timestamp;
use runtime::entity::{Agenda, Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::wire;

/// How many products are asked for at the same time: a batch that leaves the catalogue to others.
pub const BATCH: usize = 16;
/// How many products a file may have.
pub const PRODUCTS_MAX: usize = 1_000;

/// The state of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Import {
    /// Nothing ever happened to it.
    #[default]
    Unknown,
    /// It was asked for.
    Job(Job),
}

/// What an import knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: String,
    /// How the file is written.
    pub format: Format,
    /// It changes nothing.
    pub dry_run: bool,
    /// How far it is.
    pub stage: Stage,
    /// The products of the file.
    pub rows: Vec<Row>,
    /// When it began.
    pub started_at: Timestamp,
    /// When its last stage ended.
    pub finished_at: Option<Timestamp>,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// Comma-separated values.
    Csv,
    /// A JSON object on each line.
    Ndjson,
}

/// How far a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It works through the rows.
    Running,
    /// Every row has an outcome.
    Done,
    /// It takes back what it did.
    Undoing,
    /// What could be taken back is.
    Undone,
}

/// A product of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The row that it begins in.
    pub number: u32,
    /// The product.
    pub product_id: String,
    /// It is to be created.
    pub is_new: bool,
    /// What the row says of it; nothing when that cannot be read.
    pub product: Option<Vec<u8>>,
    /// What is wrong with the row itself, or with what it says.
    pub errors: Vec<Wrong>,
    /// What became of it.
    pub outcome: Option<Outcome>,
    /// Whether it was taken back, once that was tried.
    pub reverted: Option<bool>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wrong {
    /// Which row: products of a CSV may go over several.
    pub row: u32,
    /// Where: a column or a pointer; empty when it is about all of it.
    pub field: String,
    /// What, for machines.
    pub code: String,
    /// What, for people.
    pub detail: String,
}

/// What became of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// A product was created.
    Created,
    /// A product was changed, and this is what it was before.
    Updated(Vec<u8>),
    /// The product was so already.
    Unchanged,
    /// Nothing would be wrong.
    Checked,
    /// Something is wrong with it.
    Failed,
}

/// What can be asked of an import.
#[derive(Debug, Clone)]
pub enum Command {
    /// Work through a file.
    Start {
        /// Its id.
        id: String,
        /// How the file is written.
        format: Format,
        /// Change nothing.
        dry_run: bool,
        /// The products of the file.
        rows: Vec<Row>,
    },
    /// A row has an outcome.
    RowDone {
        /// The row.
        number: u32,
        /// What became of it.
        outcome: Outcome,
        /// What is wrong with it.
        errors: Vec<Wrong>,
    },
    /// Take all of it back.
    Undo,
    /// A row was taken back, or could not be.
    RowUndone {
        /// The row.
        number: u32,
        /// It is as it was.
        reverted: bool,
        /// Why not.
        errors: Vec<Wrong>,
    },
}

/// What can have happened to an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// It began.
    Started {
        /// Its id.
        id: String,
        /// How the file is written.
        format: Format,
        /// It changes nothing.
        dry_run: bool,
        /// The products of the file.
        rows: Vec<Row>,
        /// When.
        at: Timestamp,
    },
    /// A row has an outcome.
    RowDone {
        /// The job.
        id: String,
        /// The row.
        number: u32,
        /// What became of it.
        outcome: Outcome,
        /// What is wrong with it.
        errors: Vec<Wrong>,
        /// When.
        at: Timestamp,
    },
    /// Every row has an outcome.
    Finished {
        /// The job.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// It is being undone.
    UndoStarted {
        /// The job.
        id: String,
        /// When.
        at: Timestamp,
    },
    /// A row was taken back, or could not be.
    RowUndone {
        /// The job.
        id: String,
        /// The row.
        number: u32,
        /// It is as it was.
        reverted: bool,
        /// Why not.
        errors: Vec<Wrong>,
        /// When.
        at: Timestamp,
    },
    /// What could be taken back is.
    Undone {
        /// The job.
        id: String,
        /// When.
        at: Timestamp,
    },
}

/// Why an import says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such job")]
    NotFound,
    /// There is one.
    #[error("there is already a job with this id")]
    AlreadyExists,
    /// It is not done yet.
    #[error("the job is not done yet")]
    StillRunning,
    /// It has changed nothing.
    #[error("a dry run has changed nothing")]
    NothingToUndo,
}

impl Row {
    /// It waits for an outcome.
    fn is_open(&self) -> bool {
        self.outcome.is_none() && self.product.is_some()
    }

    /// It changed something that was not tried to be taken back.
    fn is_owed(&self) -> bool {
        matches!(self.outcome, Some(Outcome::Created | Outcome::Updated(_))) && self.reverted.is_none()
    }
}

impl Job {
    fn row(&self, number: u32) -> Option<&Row> {
        self.rows.iter().find(|row| row.number == number)
    }
}

impl Entity for Import {
    const KIND: &'static str = "import";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        let job = match (self, command) {
            (Import::Unknown, Command::Start { id, format, dry_run, rows }) => {
                let nothing = !rows.iter().any(Row::is_open);
                let finished = nothing.then(|| Event::Finished { id: id.clone(), at });
                let started = Event::Started { id, format, dry_run, rows, at };
                return Ok(std::iter::once(started).chain(finished).collect());
            }
            (Import::Job(_), Command::Start { .. }) => return Err(Refusal::AlreadyExists),
            (Import::Unknown, Command::RowDone { .. } | Command::Undo | Command::RowUndone { .. }) => {
                return Err(Refusal::NotFound);
            }
            (Import::Job(job), command) => (job, command),
        };
        let (Job { id, stage, dry_run, rows, .. }, command) = (job.0, job.1);
        let id = || id.clone();
        match (stage, command) {
            (Stage::Running, Command::RowDone { number, outcome, errors })
                if job.0.row(number).is_some_and(Row::is_open) =>
            {
                let last = rows.iter().filter(|row| row.is_open()).count() == 1;
                let done = Event::RowDone { id: id(), number, outcome, errors, at };
                Ok(std::iter::once(done).chain(last.then(|| Event::Finished { id: id(), at })).collect())
            }
            (Stage::Undoing, Command::RowUndone { number, reverted, errors })
                if job.0.row(number).is_some_and(Row::is_owed) =>
            {
                let last = rows.iter().filter(|row| row.is_owed()).count() == 1;
                let undone = Event::RowUndone { id: id(), number, reverted, errors, at };
                Ok(std::iter::once(undone).chain(last.then(|| Event::Undone { id: id(), at })).collect())
            }
            (Stage::Running, Command::Undo) => Err(Refusal::StillRunning),
            (Stage::Done, Command::Undo) if *dry_run => Err(Refusal::NothingToUndo),
            (Stage::Done, Command::Undo) => {
                let nothing = !rows.iter().any(Row::is_owed);
                let begun = Event::UndoStarted { id: id(), at };
                Ok(std::iter::once(begun).chain(nothing.then(|| Event::Undone { id: id(), at })).collect())
            }
            (Stage::Undoing | Stage::Undone, Command::Undo) => Ok(vec![]),
            // News of a row that has its outcome, or is no row.
            (_, Command::Start { .. } | Command::RowDone { .. } | Command::RowUndone { .. }) => Ok(vec![]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match (&mut *self, event.clone()) {
            (_, Event::Started { id, format, dry_run, mut rows, at }) => {
                for row in rows.iter_mut().filter(|row| row.product.is_none()) {
                    row.outcome = Some(Outcome::Failed);
                }
                let (stage, started_at, finished_at) = (Stage::Running, at, None);
                *self = Import::Job(Job { id, format, dry_run, stage, rows, started_at, finished_at });
            }
            (Import::Job(job), Event::RowDone { number, outcome, errors, .. }) => {
                if let Some(row) = job.rows.iter_mut().find(|row| row.number == number) {
                    row.outcome = Some(outcome);
                    row.errors.extend(errors);
                }
            }
            (Import::Job(job), Event::RowUndone { number, reverted, errors, .. }) => {
                if let Some(row) = job.rows.iter_mut().find(|row| row.number == number) {
                    row.reverted = Some(reverted);
                    row.errors.extend(errors);
                }
            }
            (Import::Job(job), Event::Finished { at, .. }) => (job.stage, job.finished_at) = (Stage::Done, Some(at)),
            (Import::Job(job), Event::UndoStarted { .. }) => (job.stage, job.finished_at) = (Stage::Undoing, None),
            (Import::Job(job), Event::Undone { at, .. }) => (job.stage, job.finished_at) = (Stage::Undone, Some(at)),
            (Import::Unknown, _) => {}
        }
    }

    fn agenda(&self) -> Agenda<Command> {
        let Import::Job(job) = self else { return Agenda::nothing() };
        match job.stage {
            Stage::Running => {
                let open = job.rows.iter().filter(|row| row.is_open()).take(BATCH);
                open.fold(Agenda::nothing(), |agenda, row| wire::import::ask(agenda, job, row))
            }
            Stage::Undoing => {
                let owed = job.rows.iter().rev().filter(|row| row.is_owed()).take(BATCH);
                owed.fold(Agenda::nothing(), |agenda, row| wire::import::ask_back(agenda, job, row))
            }
            Stage::Done | Stage::Undone => Agenda::nothing(),
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use runtime::entity::testing::{decide, moment, owed};

    use super::*;

    fn row(number: u32, readable: bool) -> Row {
        Row {
            number,
            product_id: format!("prd_{number}"),
            is_new: true,
            product: readable.then(Vec::new),
            errors: Vec::new(),
            outcome: None,
            reverted: None,
        }
    }

    fn started(rows: &[Row], dry_run: bool) -> Event {
        Event::Started { id: "job_1".into(), format: Format::Csv, dry_run, rows: rows.to_vec(), at: moment(1) }
    }

    fn done(number: u32, outcome: Outcome) -> Event {
        Event::RowDone { id: "job_1".into(), number, outcome, errors: Vec::new(), at: moment(2) }
    }

    fn finished() -> Event {
        Event::Finished { id: "job_1".into(), at: moment(3) }
    }

    fn undoing() -> Event {
        Event::UndoStarted { id: "job_1".into(), at: moment(4) }
    }

    fn undone(number: u32) -> Event {
        Event::RowUndone { id: "job_1".into(), number, reverted: true, errors: Vec::new(), at: moment(5) }
    }

    fn check(given: &[Event], when: Command, expected: Expect) {
        let said = match decide::<Import>(given, when) {
            Err(refusal) => format!("refused: {refusal}"),
            Ok(events) => events.iter().map(name).collect::<Vec<_>>().join(", "),
        };
        expected.assert_eq(if said.is_empty() { "already so" } else { &said });
    }

    fn name(event: &Event) -> String {
        match event {
            Event::Started { rows, .. } => format!("started {}", rows.len()),
            Event::RowDone { number, .. } => format!("{number} done"),
            Event::Finished { .. } => "finished".into(),
            Event::UndoStarted { .. } => "undoing".into(),
            Event::RowUndone { number, .. } => format!("{number} undone"),
            Event::Undone { .. } => "undone".into(),
        }
    }

    fn start(rows: &[Row]) -> Command {
        Command::Start { id: "job_1".into(), format: Format::Csv, dry_run: false, rows: rows.to_vec() }
    }

    fn row_done(number: u32) -> Command {
        Command::RowDone { number, outcome: Outcome::Created, errors: Vec::new() }
    }

    fn row_undone(number: u32) -> Command {
        Command::RowUndone { number, reverted: true, errors: Vec::new() }
    }

    #[test]
    fn an_import_ends_with_its_last_row() {
        let two = [row(1, true), row(2, true)];
        check(&[], start(&two), expect!["started 2"]);
        check(&[], start(&[row(1, false)]), expect!["started 1, finished"]);
        check(&[started(&two, false)], start(&two), expect!["refused: there is already a job with this id"]);
        check(&[], row_done(1), expect!["refused: there is no such job"]);
        check(&[started(&two, false)], row_done(2), expect!["2 done"]);
        let one_left = [started(&two, false), done(2, Outcome::Created)];
        check(&one_left, row_done(1), expect!["1 done, finished"]);
        check(&one_left, row_done(2), expect!["already so"]);
        check(&one_left, row_done(3), expect!["already so"]);
        check(&one_left, row_undone(2), expect!["already so"]);
        check(
            &[started(&two, false), done(2, Outcome::Created), done(1, Outcome::Failed), finished()],
            row_done(1),
            expect!["already so"],
        );
    }

    #[test]
    fn what_an_import_did_is_undone_once() {
        let two = [row(1, true), row(2, true), row(3, true)];
        check(&[], Command::Undo, expect!["refused: there is no such job"]);
        check(&[started(&two, false)], Command::Undo, expect!["refused: the job is not done yet"]);
        let all = |dry_run: bool| {
            let outcomes = [done(1, Outcome::Created), done(2, Outcome::Failed), done(3, Outcome::Updated(vec![1]))];
            [&[started(&two, dry_run)][..], &outcomes, &[finished()]].concat()
        };
        check(&all(true), Command::Undo, expect!["refused: a dry run has changed nothing"]);
        check(&all(false), Command::Undo, expect!["undoing"]);
        let began = [&all(false)[..], &[undoing()]].concat();
        check(&began, Command::Undo, expect!["already so"]);
        check(&began, row_undone(2), expect!["already so"]);
        check(&began, row_undone(3), expect!["3 undone"]);
        let half = [&began[..], &[undone(3)]].concat();
        check(&half, row_undone(1), expect!["1 undone, undone"]);
        check(&[started(&[row(1, false)], false), finished()], Command::Undo, expect!["undoing, undone"]);
        let over = [&half[..], &[undone(1), Event::Undone { id: "job_1".into(), at: moment(6) }]].concat();
        check(&over, Command::Undo, expect!["already so"]);
        check(&over, row_undone(1), expect!["already so"]);
    }

    #[test]
    fn a_batch_is_on_the_agenda() {
        let many: Vec<Row> = (1..=40).map(|number| row(number, number != 2)).collect();
        let given = [started(&many, false), done(1, Outcome::Created)];
        let keys = owed::<Import>(&given);
        assert_eq!((keys.len(), keys[0].as_str(), keys[BATCH - 1].as_str()), (BATCH, "row/3", "row/18"));
        assert!(owed::<Import>(&[started(&many, false), finished()]).is_empty());
        assert_eq!(owed::<Import>(&[&given[..], &[finished(), undoing()]].concat()), ["back/1"]);
    }
}
