//! What a partition hands to a checkpoint.

use actix::prelude::*;

use super::Partition;
use crate::store::{Batch, Table};

/// Asks for the rows that changed since the last checkpoint, with the cursor they belong to.
#[derive(Message)]
#[rtype(result = "Batch")]
pub(crate) struct TakeRows {
    /// The tail has dealt everything up to here.
    pub(crate) dealt: u64,
}

impl Handler<TakeRows> for Partition {
    type Result = MessageResult<TakeRows>;

    fn handle(&mut self, take: TakeRows, ctx: &mut Context<Self>) -> MessageResult<TakeRows> {
        let mut batch = Batch::default();
        if !self.catching_up && self.stopped.is_none() {
            self.cursor.read_to = self.cursor.read_to.max(take.dealt);
        }
        if let Err(cause) = self.cells.borrow_mut().write_changed(&mut batch) {
            tracing::error!(%cause, partition = self.number, "a checkpoint could not be made");
            ctx.stop();
            return MessageResult(Batch::default());
        }
        self.commands.write_changed(&mut batch);
        self.pasts.write_changed(&mut batch);
        for (actor, owes) in std::mem::take(&mut self.owing_changed) {
            let row = self.agenda_row(&actor);
            if owes {
                batch.put(Table::Agenda, row, Vec::new());
            } else {
                batch.remove(Table::Agenda, row);
            }
        }
        // The cursor is five integers and a hash and always encodes.
        let cursor = postcard::to_stdvec(&self.cursor).unwrap_or_default();
        batch.put(Table::Cursor, self.number.to_be_bytes().to_vec(), cursor);
        MessageResult(batch)
    }
}

/// The rows handed out last are in the store.
#[derive(Message)]
#[rtype(result = "()")]
pub(crate) struct RowsWritten;

impl Handler<RowsWritten> for Partition {
    type Result = ();

    fn handle(&mut self, _: RowsWritten, _: &mut Context<Self>) {
        self.cells.borrow_mut().written();
        self.commands.written();
        self.pasts.written();
    }
}
