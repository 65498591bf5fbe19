//! The book: what the log adds up to, reckoned here and not by the code that is judged.
//!
//! It reads events from their bytes with the contract alone. For every command it knows what was wanted, so it also holds
//! each commit against the wish behind it: what was acknowledged must have had exactly the effect that was asked for, and
//! what was refused must have been refused for a reason.

use std::collections::BTreeMap;

use messages::common::v1::{Problem, fact};
use messages::inventory::v1::{StockAdjusted, StockReleased, StockReserved, StockShipped};
use messages::runtime::v1::{Commit, Outcome, Turn, record};
use prost::Message as _;
use runtime::headers::CommandId;
use runtime::log::Entry;

use super::crowd::Record;
use super::door::Level;
use super::order::Wish;

/// The levels of all shelves, by `<warehouse>/<SKU>`.
#[derive(Debug, Default)]
pub(crate) struct Book {
    levels: BTreeMap<String, Level>,
    /// What each reservation still holds, by SKU.
    held: BTreeMap<String, BTreeMap<String, i64>>,
    /// What is wrong, in words.
    pub(crate) faults: Vec<String>,
    pub(crate) turns: usize,
    pub(crate) commits: usize,
}

impl Book {
    /// Reckons a whole log.
    pub(crate) fn of(entries: &[Entry], record: &Record) -> Book {
        let mut book = Book::default();
        for entry in entries {
            let Ok(turn) = Turn::decode(entry.payload.clone()) else {
                book.faults.push(format!("{} is no turn", entry.sequence));
                continue;
            };
            book.turns += 1;
            for commit in &turn.commits {
                book.commits += 1;
                book.commit(commit, entry.sequence, record);
            }
        }
        book
    }

    /// The levels of a warehouse by SKU.
    pub(crate) fn of_warehouse(&self, warehouse_id: &str) -> Vec<(String, Level)> {
        let here = |(shelf, level): (&String, &Level)| {
            let (at, sku) = shelf.split_once('/')?;
            (at == warehouse_id).then(|| (sku.to_owned(), *level))
        };
        self.levels.iter().filter_map(here).collect()
    }

    fn commit(&mut self, commit: &Commit, sequence: u64, record: &Record) {
        let command = <[u8; 16]>::try_from(commit.command_id.as_slice()).map(CommandId);
        let wish = command.ok().and_then(|command| record.orders.get(&command));
        if let (Outcome::Refused, Some(order)) = (commit.outcome(), wish) {
            return self.refused(commit, sequence, &order.warehouse_id, &order.wish);
        }
        // Signed changes of free and held units that left no trace elsewhere, by SKU.
        let mut moved: BTreeMap<String, (i64, i64, i64)> = BTreeMap::new();
        for record in &commit.records {
            let Some(record::What::Event(event)) = &record.what else { continue };
            let change = match event.r#type.as_str() {
                "inventory.stock_adjusted" => {
                    let said = StockAdjusted::decode(event.data.as_slice()).expect("an event");
                    (said.warehouse_id, said.sku, (said.delta, 0, 0), None)
                }
                "inventory.stock_reserved" => {
                    let said = StockReserved::decode(event.data.as_slice()).expect("an event");
                    let change = (-said.quantity, said.quantity, 0);
                    (said.warehouse_id, said.sku, change, Some((said.reservation_id, said.quantity)))
                }
                "inventory.stock_released" => {
                    let said = StockReleased::decode(event.data.as_slice()).expect("an event");
                    let change = (said.quantity, -said.quantity, 0);
                    (said.warehouse_id, said.sku, change, Some((said.reservation_id, -said.quantity)))
                }
                "inventory.stock_shipped" => {
                    let said = StockShipped::decode(event.data.as_slice()).expect("an event");
                    let change = (0, -said.quantity, said.quantity);
                    (said.warehouse_id, said.sku, change, Some((said.reservation_id, -said.quantity)))
                }
                _ => continue,
            };
            let (warehouse_id, sku, (free, held, left), reservation) = change;
            let level = self.levels.entry(format!("{warehouse_id}/{sku}")).or_default();
            let [on_hand, reserved, shipped, received] = *level;
            *level = [on_hand + free, reserved + held, shipped + left, received + free + held + left];
            if level.iter().any(|units| *units < 0) {
                self.faults.push(format!("{sku} of {warehouse_id} is at {level:?} after {sequence}"));
            }
            if let Some((reservation, units)) = reservation {
                let holds = self.held.entry(reservation.clone()).or_default().entry(sku.clone()).or_default();
                *holds += units;
                if *holds < 0 {
                    self.faults.push(format!("{reservation} gave back more {sku} than it held at {sequence}"));
                }
            }
            let sum = moved.entry(sku).or_default();
            *sum = (sum.0 + free, sum.1 + held, sum.2 + left);
        }
        if let Some(order) = wish {
            self.granted(commit, sequence, &order.wish, moved);
        }
    }

    /// Holds an effect against the wish behind it.
    fn granted(&mut self, commit: &Commit, sequence: u64, wish: &Wish, mut moved: BTreeMap<String, (i64, i64, i64)>) {
        moved.retain(|_, change| *change != (0, 0, 0));
        let fits = match wish {
            Wish::Adjust { sku, delta } => moved == BTreeMap::from([((*sku).to_owned(), (*delta, 0, 0))]),
            Wish::Reserve { lines } => {
                moved == lines.iter().map(|(sku, units)| ((*sku).to_owned(), (-units, *units, 0))).collect()
            }
            Wish::Confirm { .. } => moved.is_empty(),
            // What a reservation still held is the book's to know: nothing may be left.
            Wish::Release { reservation_id } => {
                moved.values().all(|(free, held, left)| *free == -held && *left == 0)
                    && self.holds_nothing(reservation_id)
            }
            Wish::Ship { reservation_id } => {
                moved.values().all(|(free, held, left)| *free == 0 && *left == -held)
                    && self.holds_nothing(reservation_id)
            }
        };
        // "It was already so" changes nothing, and has nothing left to change.
        let already = commit.outcome() == Outcome::AlreadySo && moved.is_empty();
        if !fits && !already {
            self.faults.push(format!("at {sequence} {wish:?} had the effect {moved:?}"));
        }
    }

    fn holds_nothing(&self, reservation_id: &str) -> bool {
        self.held.get(reservation_id).is_none_or(|held| held.values().all(|units| *units == 0))
    }

    /// A refusal changes nothing, and says how many units there were.
    fn refused(&mut self, commit: &Commit, sequence: u64, warehouse_id: &str, wish: &Wish) {
        let problem = Problem::decode(commit.reply.as_slice()).unwrap_or_default();
        if !commit.records.is_empty() {
            self.faults.push(format!("at {sequence} {wish:?} was refused and had an effect"));
        }
        let free = |sku: &str| self.levels.get(&format!("{warehouse_id}/{sku}")).map_or(0, |level| level[0]);
        let fits = match (wish, problem.code.as_str()) {
            (Wish::Reserve { lines }, "out_of_stock") => {
                let mut short: Vec<(String, i64, i64)> = lines
                    .iter()
                    .filter(|(sku, units)| free(sku) < *units)
                    .map(|(sku, units)| ((*sku).to_owned(), *units, free(sku)))
                    .collect();
                short.sort();
                !short.is_empty() && said_short(&problem) == short
            }
            (Wish::Adjust { sku, delta }, "insufficient_stock") => free(sku) + delta < 0,
            (
                Wish::Release { reservation_id } | Wish::Confirm { reservation_id } | Wish::Ship { reservation_id },
                _,
            ) => self.holds_nothing(reservation_id),
            _ => false,
        };
        if !fits {
            self.faults.push(format!("at {sequence} {wish:?} was refused without reason: {problem:?}"));
        }
    }
}

/// The lines that an `out_of_stock` names: SKU, requested, available.
fn said_short(problem: &Problem) -> Vec<(String, i64, i64)> {
    let lines = problem.facts.iter().find(|fact| fact.name == "lines").and_then(|fact| fact.value.as_ref());
    let Some(fact::Value::Json(json)) = lines else { return Vec::new() };
    let lines: Vec<serde_json::Value> = serde_json::from_str(json).unwrap_or_default();
    let line = |line: &serde_json::Value| {
        Some((line["sku"].as_str()?.to_owned(), line["requested"].as_i64()?, line["available"].as_i64()?))
    };
    lines.iter().filter_map(line).collect()
}
