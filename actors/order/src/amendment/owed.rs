//! What an amendment still owes the world. Derived from the state, never stored.
//!
//! Forwards: stock, firm stock, money, the order. Backwards: money, stock, the order's note of it.

use jiff::Timestamp;

use super::{Asked, Call, Kind, Pay, Stage, Undo};
use crate::order::placed::Stock;

/// One thing that is owed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owed {
    /// To ask this.
    Ask {
        /// Its key: what it is about, and which try it is.
        key: String,
        /// What.
        call: Call,
    },
    /// To give up at this moment.
    Expire(Timestamp),
}

impl Asked {
    /// What is owed.
    #[must_use]
    pub fn owed(&self) -> Vec<Owed> {
        let calls = match &self.stage {
            Stage::Arranging => self.calls_arranging(),
            // An exchange waits for the goods.
            Stage::Ready if self.terms.kind == Kind::Exchange => vec![],
            Stage::Ready => vec![Call::Settle],
            Stage::Cancelling(undo) => self.calls_undoing(undo),
            Stage::Applied | Stage::Cancelled(_) => vec![],
        };
        let mut owed: Vec<Owed> = calls.into_iter().map(|call| Owed::Ask { key: self.key(&call), call }).collect();
        if self.is_undecided() {
            owed.push(Owed::Expire(self.terms.expires_at));
        }
        owed
    }

    fn calls_arranging(&self) -> Vec<Call> {
        let planned = self.reservations(|stock| stock == Stock::Planned);
        if !planned.is_empty() {
            return planned.into_iter().map(Call::Reserve).collect();
        }
        let held = self.reservations(|stock| stock == Stock::Held);
        if !held.is_empty() {
            return held.into_iter().map(Call::Secure).collect();
        }
        if self.pay == Pay::Unasked { vec![Call::Charge] } else { vec![] }
    }

    fn calls_undoing(&self, undo: &Undo) -> Vec<Call> {
        if !undo.awaits.is_empty() {
            return undo.awaits.iter().cloned().map(Call::Reserve).collect();
        }
        if self.owes_money_back() {
            return vec![Call::CancelPayment];
        }
        let held = self.reservations(|stock| matches!(stock, Stock::Held | Stock::Firm));
        if !held.is_empty() {
            return held.into_iter().map(Call::Release).collect();
        }
        vec![Call::Settle]
    }

    /// The key of a call. What can be tried again by hand says in its key which try it is: the same key is never asked twice.
    #[must_use]
    pub fn key(&self, call: &Call) -> String {
        let tries = self.tries;
        match call {
            Call::Reserve(reservation) => format!("reserve/{reservation}"),
            Call::Secure(reservation) => format!("secure/{reservation}"),
            Call::Charge => "charge".to_owned(),
            Call::Settle if matches!(self.stage, Stage::Cancelling(_)) => format!("close/{tries}"),
            Call::Settle => format!("apply/{tries}"),
            Call::CancelPayment => format!("cancel_payment/{tries}"),
            Call::Release(reservation) => format!("release/{reservation}/{tries}"),
        }
    }

    /// Which of these open calls may still hold stock that nothing here shows yet.
    pub(super) fn may_still_be_held(&self, open_calls: &[String]) -> Vec<String> {
        let reservations = open_calls.iter().filter_map(|key| key.strip_prefix("reserve/"));
        reservations.filter(|id| self.stock.get(*id) == Some(&Stock::Planned)).map(str::to_owned).collect()
    }
}
