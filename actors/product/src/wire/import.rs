//! Imports: contract to domain and back, and what a job asks of products.

use messages::problem::Problem;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Agenda, Asked, Recorded, Undecodable};

use super::{file, rpc, unreadable, v1};
use crate::import::{Command, Event, Format, Import, Job, Outcome, Refusal, Row, Stage, Wrong};

/// How many errors are shown: more than a person corrects before they try again.
const ERRORS_SHOWN_MAX: usize = 1_000;

pub(crate) fn start(
    desk: &mut Desk<'_>,
    request: &v1::ImportProductsRequest,
) -> Result<v1::ImportProductsResponse, Problem> {
    let (id, format) = (&request.job_id, format_in(request.format()));
    let rows = file::read(id, format, &request.content).map_err(Problem::invalid)?;
    desk.tell::<Import>(id, Command::Start { id: id.clone(), format, dry_run: request.dry_run, rows })?;
    Ok(v1::ImportProductsResponse { job: now(desk, id) })
}

pub(crate) fn undo(desk: &mut Desk<'_>, request: &v1::UndoImportRequest) -> Result<v1::UndoImportResponse, Problem> {
    desk.tell::<Import>(&request.job_id, Command::Undo)?;
    Ok(v1::UndoImportResponse { job: now(desk, &request.job_id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetJobRequest) -> Result<v1::GetJobResponse, Problem> {
    let id = &request.job_id;
    let shown = shown(&window.see::<Import>(id), window.version::<Import>(id)).ok_or(Refusal::NotFound)?;
    Ok(v1::GetJobResponse { job: Some(shown) })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Job> {
    shown(&desk.see::<Import>(id), desk.version::<Import>(id))
}

/// What a job asks of the product of a row.
pub(crate) fn ask(agenda: Agenda<Command>, job: &Job, row: &Row) -> Agenda<Command> {
    let (key, at, number, is_new) = (format!("row/{}", row.number), job.started_at, row.number, row.is_new);
    let (product_id, product) = (row.product_id.clone(), goods(row.product.as_deref()));
    let failed = failure(job.format, row);
    if job.dry_run {
        let request = v1::CheckProductRequest { product_id, is_new, product };
        return agenda.ask::<rpc::CheckProduct>(key, at, &row.product_id, &request, move |said| match said {
            Asked::Done(_) => Command::RowDone { number, outcome: Outcome::Checked, errors: Vec::new() },
            Asked::Refused(problem) => Command::RowDone { number, outcome: Outcome::Failed, errors: failed(&problem) },
        });
    }
    let request = v1::ImportProductRequest { product_id, is_new, product };
    agenda.ask::<rpc::ImportProduct>(key, at, &row.product_id, &request, move |said| match said {
        Asked::Done(said) => {
            let outcome = outcome_in(said.outcome(), said.before.as_ref());
            Command::RowDone { number, outcome, errors: Vec::new() }
        }
        Asked::Refused(problem) => Command::RowDone { number, outcome: Outcome::Failed, errors: failed(&problem) },
    })
}

/// What a job asks of the product of a row that is taken back.
pub(crate) fn ask_back(agenda: Agenda<Command>, job: &Job, row: &Row) -> Agenda<Command> {
    let before = match &row.outcome {
        Some(Outcome::Updated(before)) => goods(Some(before)),
        _ => None,
    };
    let (number, failed) = (row.number, failure(job.format, row));
    let product = goods(row.product.as_deref());
    let request = v1::RevertProductRequest { product_id: row.product_id.clone(), product, before };
    let key = format!("back/{number}");
    agenda.ask::<rpc::RevertProduct>(key, job.started_at, &row.product_id, &request, move |said| match said {
        Asked::Done(_) => Command::RowUndone { number, reverted: true, errors: Vec::new() },
        Asked::Refused(problem) => Command::RowUndone { number, reverted: false, errors: failed(&problem) },
    })
}

fn goods(written: Option<&[u8]>) -> Option<v1::ProductContent> {
    written.map(|written| v1::ProductContent::decode(written).unwrap_or_default())
}

/// What a refusal says of a row, in the words of its file.
fn failure(format: Format, row: &Row) -> impl Fn(&Problem) -> Vec<Wrong> + use<> {
    let (number, attributes) = (row.number, goods(row.product.as_deref()).unwrap_or_default().attributes);
    move |problem| {
        let wrong = |pointer: &str, code: &str, detail: &str| {
            let (row, field) = match format {
                Format::Csv => file::column(number, pointer, &attributes),
                Format::Ndjson => (number, pointer.to_owned()),
            };
            Wrong { row, field, code: code.to_owned(), detail: detail.to_owned() }
        };
        if problem.errors.is_empty() {
            return vec![wrong("", &problem.code, &problem.detail)];
        }
        problem.errors.iter().map(|error| wrong(&error.pointer, &error.code, &error.detail)).collect()
    }
}

/// A job as staff see it; `None` when there is none.
#[must_use]
pub(crate) fn shown(import: &Import, version: u64) -> Option<v1::Job> {
    let Import::Job(job) = import else { return None };
    let count =
        |is: &dyn Fn(&Row) -> bool| u32::try_from(job.rows.iter().filter(|row| is(row)).count()).unwrap_or(u32::MAX);
    let became = |wanted: v1::RowOutcome| {
        count(&|row: &Row| row.outcome.as_ref().is_some_and(|outcome| outcome_out(outcome) == wanted))
    };
    let status = match job.stage {
        Stage::Running => v1::JobStatus::Running,
        Stage::Done => v1::JobStatus::Done,
        Stage::Undoing => v1::JobStatus::Undoing,
        Stage::Undone => v1::JobStatus::Undone,
    };
    Some(v1::Job {
        job_id: job.id.clone(),
        version,
        status: status.into(),
        dry_run: job.dry_run,
        format: format_out(job.format).into(),
        products_total: count(&|_: &Row| true),
        products_done: count(&|row: &Row| row.outcome.is_some()),
        created: became(v1::RowOutcome::Created),
        updated: became(v1::RowOutcome::Updated),
        unchanged: became(v1::RowOutcome::Unchanged),
        checked: became(v1::RowOutcome::Checked),
        failed: became(v1::RowOutcome::Failed),
        reverted: count(&|row: &Row| row.reverted == Some(true)),
        kept: count(&|row: &Row| row.reverted == Some(false)),
        errors: job.rows.iter().flat_map(|row| &row.errors).take(ERRORS_SHOWN_MAX).map(wrong_out).collect(),
        started_at: Some(to_wire(job.started_at)),
        finished_at: job.finished_at.map(to_wire),
    })
}

pub(crate) fn format_in(format: v1::FileFormat) -> Format {
    match format {
        v1::FileFormat::Unspecified | v1::FileFormat::Csv => Format::Csv,
        v1::FileFormat::Ndjson => Format::Ndjson,
    }
}

fn format_out(format: Format) -> v1::FileFormat {
    match format {
        Format::Csv => v1::FileFormat::Csv,
        Format::Ndjson => v1::FileFormat::Ndjson,
    }
}

fn wrong_out(wrong: &Wrong) -> v1::RowError {
    let Wrong { row, field, code, detail } = wrong.clone();
    v1::RowError { row, field, code, detail }
}

fn wrong_in(wire: v1::RowError) -> Wrong {
    let v1::RowError { row, field, code, detail } = wire;
    Wrong { row, field, code, detail }
}

fn outcome_in(wire: v1::RowOutcome, before: Option<&v1::ProductContent>) -> Outcome {
    match wire {
        v1::RowOutcome::Created => Outcome::Created,
        v1::RowOutcome::Updated => Outcome::Updated(before.map(prost::Message::encode_to_vec).unwrap_or_default()),
        v1::RowOutcome::Unchanged => Outcome::Unchanged,
        v1::RowOutcome::Checked => Outcome::Checked,
        v1::RowOutcome::Failed | v1::RowOutcome::Unspecified => Outcome::Failed,
    }
}

fn outcome_out(outcome: &Outcome) -> v1::RowOutcome {
    match outcome {
        Outcome::Created => v1::RowOutcome::Created,
        Outcome::Updated(_) => v1::RowOutcome::Updated,
        Outcome::Unchanged => v1::RowOutcome::Unchanged,
        Outcome::Checked => v1::RowOutcome::Checked,
        Outcome::Failed => v1::RowOutcome::Failed,
    }
}

fn row_out(row: Row) -> v1::ImportRow {
    v1::ImportRow {
        number: row.number,
        product: goods(row.product.as_deref()),
        errors: row.errors.iter().map(wrong_out).collect(),
        product_id: row.product_id,
        is_new: row.is_new,
    }
}

fn row_in(wire: v1::ImportRow) -> Row {
    let v1::ImportRow { number, product_id, is_new, product, errors } = wire;
    Row {
        number,
        product_id,
        is_new,
        product: product.map(|product| product.encode_to_vec()),
        errors: errors.into_iter().map(wrong_in).collect(),
        outcome: None,
        reverted: None,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let detail = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", detail),
            Refusal::AlreadyExists => Problem::conflict("already_exists", detail),
            Refusal::StillRunning => Problem::conflict("still_running", detail),
            Refusal::NothingToUndo => Problem::conflict("nothing_to_undo", detail),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Started { id: job_id, format, dry_run, rows, at } => {
                let (format, rows) = (format_out(format).into(), rows.into_iter().map(row_out).collect());
                let event = v1::ImportStarted { job_id, format, dry_run, rows, at: Some(to_wire(at)) };
                ("import.started", event.encode_to_vec())
            }
            Event::RowDone { id: job_id, number, outcome, errors, at } => {
                let before = match &outcome {
                    Outcome::Updated(before) => goods(Some(before)),
                    _ => None,
                };
                let event = v1::ImportRowDone {
                    job_id,
                    number,
                    outcome: outcome_out(&outcome).into(),
                    before,
                    errors: errors.iter().map(wrong_out).collect(),
                    at: Some(to_wire(at)),
                };
                ("import.row_done", event.encode_to_vec())
            }
            Event::Finished { id: job_id, at } => {
                ("import.finished", v1::ImportFinished { job_id, at: Some(to_wire(at)) }.encode_to_vec())
            }
            Event::UndoStarted { id: job_id, at } => {
                ("import.undo_started", v1::ImportUndoStarted { job_id, at: Some(to_wire(at)) }.encode_to_vec())
            }
            Event::RowUndone { id: job_id, number, reverted, errors, at } => {
                let (errors, at) = (errors.iter().map(wrong_out).collect(), Some(to_wire(at)));
                let event = v1::ImportRowUndone { job_id, number, reverted, errors, at };
                ("import.row_undone", event.encode_to_vec())
            }
            Event::Undone { id: job_id, at } => {
                ("import.undone", v1::ImportUndone { job_id, at: Some(to_wire(at)) }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        let odd = unreadable(event_type);
        match event_type {
            "import.started" => {
                let event = v1::ImportStarted::decode(data).map_err(odd)?;
                let (format, at) = (format_in(event.format()), from_wire(event.at.as_ref()));
                let rows = event.rows.into_iter().map(row_in).collect();
                Ok(Event::Started { id: event.job_id, format, dry_run: event.dry_run, rows, at })
            }
            "import.row_done" => {
                let event = v1::ImportRowDone::decode(data).map_err(odd)?;
                let (outcome, at) = (outcome_in(event.outcome(), event.before.as_ref()), from_wire(event.at.as_ref()));
                let errors = event.errors.into_iter().map(wrong_in).collect();
                Ok(Event::RowDone { id: event.job_id, number: event.number, outcome, errors, at })
            }
            "import.finished" => {
                let v1::ImportFinished { job_id: id, at } = v1::ImportFinished::decode(data).map_err(odd)?;
                Ok(Event::Finished { id, at: from_wire(at.as_ref()) })
            }
            "import.undo_started" => {
                let v1::ImportUndoStarted { job_id: id, at } = v1::ImportUndoStarted::decode(data).map_err(odd)?;
                Ok(Event::UndoStarted { id, at: from_wire(at.as_ref()) })
            }
            "import.row_undone" => {
                let v1::ImportRowUndone { job_id: id, number, reverted, errors, at } =
                    v1::ImportRowUndone::decode(data).map_err(odd)?;
                let errors = errors.into_iter().map(wrong_in).collect();
                Ok(Event::RowUndone { id, number, reverted, errors, at: from_wire(at.as_ref()) })
            }
            "import.undone" => {
                let v1::ImportUndone { job_id: id, at } = v1::ImportUndone::decode(data).map_err(odd)?;
                Ok(Event::Undone { id, at: from_wire(at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "an import has no such event")),
        }
    }
}
