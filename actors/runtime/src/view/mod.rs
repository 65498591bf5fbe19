//! Views: read models, folded from the same events as the entities, on every replica.
//!
//! A view is rows in key order. It is fed after the actors, under a guard: a view that panics is set aside and rebuilt
//! from the log, alone, while everything else goes on. Nothing may write to a view but its fold.

mod actor;
mod rows;

use std::marker::PhantomData;

pub(crate) use actor::{Barrier, Hear, React, RunQuery, TakeRows, Views as ViewsActor, Written};
pub use rows::{Aside, Row, Rows, Writer};

use crate::fold::Folded;

/// A read model.
pub trait View: 'static {
    /// Its name; the prefix of its rows.
    const NAME: &'static str;
    /// Raised with every change of `fold`: another number in a checkpoint means rebuild.
    const FOLD: u32;
    /// Changes the rows as an event demands. Pure but for the rows.
    fn fold(rows: &mut Writer, event: &Folded);
    /// The rows are whole: at start, and when they were made anew, before they take the place of the old ones. Here a view
    /// makes what it keeps beside them, so that no query has to wait for it.
    fn prepare(_rows: &Rows) {}
}

/// The rows of all views of a replica, to look at. They may lag behind the log, and behind the desk of a command.
#[derive(Clone, Default)]
pub(crate) struct Models(std::collections::BTreeMap<&'static str, Rows>);

impl Models {
    pub(crate) fn of(&self, view: &'static str) -> Rows {
        self.0.get(view).cloned().unwrap_or_else(|| Rows::open(view, None))
    }
}

/// A view whose type has been forgotten.
pub(crate) trait AnyView: Send + Sync {
    fn name(&self) -> &'static str;
    fn fold_number(&self) -> u32;
    fn fold(&self, rows: &mut Writer, event: &Folded);
    fn prepare(&self, rows: &Rows);
}

pub(crate) struct Typed<V>(PhantomData<fn() -> V>);

impl<V> Typed<V> {
    pub(crate) fn new() -> Typed<V> {
        Typed(PhantomData)
    }
}

impl<V: View> AnyView for Typed<V> {
    fn name(&self) -> &'static str {
        V::NAME
    }

    fn fold_number(&self) -> u32 {
        V::FOLD
    }

    fn fold(&self, rows: &mut Writer, event: &Folded) {
        V::fold(rows, event);
    }

    fn prepare(&self, rows: &Rows) {
        V::prepare(rows);
    }
}
