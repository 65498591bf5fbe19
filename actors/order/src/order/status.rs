//! How an order stands, in one word, and which words may come next.

use serde::{Deserialize, Serialize};

use super::placed::{Pay, Placed, Stage};

/// How an order stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Status {
    /// Stock and money are being asked for.
    Pending,
    /// The customer has to do something.
    RequiresAction,
    /// Somebody of the shop has to approve it.
    OnHold,
    /// It will be delivered.
    Confirmed,
    /// Paid; parcels are being packed.
    Processing,
    /// Some parcels have left.
    PartiallyShipped,
    /// All parcels have left.
    Shipped,
    /// All parcels have arrived.
    Completed,
    /// It is being undone.
    Cancelling,
    /// It is over.
    Cancelled,
}

impl Placed {
    /// How it stands. An order that is to be held shows it once nothing else is waited for.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.stage {
            Stage::Placing => self.placing_status(),
            Stage::Capturing => Status::Confirmed,
            Stage::Fulfilling => self.fulfilling_status(),
            Stage::Completed => Status::Completed,
            Stage::Cancelling(_) => Status::Cancelling,
            Stage::Cancelled(_) => Status::Cancelled,
        }
    }

    fn placing_status(&self) -> Status {
        match &self.pay {
            Pay::ActionRequired(_) => Status::RequiresAction,
            Pay::InReview => Status::OnHold,
            _ if self.hold.is_some() && self.is_ready() => Status::OnHold,
            _ => Status::Pending,
        }
    }

    fn fulfilling_status(&self) -> Status {
        let left = self.parcels().any(|(_, parcel)| parcel.state.has_left());
        let all = self.parts.iter().all(|part| part.missing_a_parcel().is_empty())
            && self.parcels().all(|(_, parcel)| parcel.state.has_left() || !parcel.state.is_live());
        match (left, all) {
            (true, true) => Status::Shipped,
            (true, false) => Status::PartiallyShipped,
            (false, _) if self.hold.is_some() => Status::OnHold,
            (false, _) => Status::Processing,
        }
    }

    /// How it may stand next.
    #[must_use]
    pub fn next_states(&self) -> Vec<Status> {
        use Status::{Cancelled, Completed, Confirmed, OnHold, PartiallyShipped, Processing, RequiresAction, Shipped};
        let is_placing = matches!(self.stage, Stage::Placing);
        match self.status() {
            Status::Pending => vec![RequiresAction, OnHold, Confirmed, Cancelled],
            RequiresAction => vec![OnHold, Confirmed, Cancelled],
            OnHold if is_placing => vec![Confirmed, Cancelled],
            OnHold => vec![Processing, Cancelled],
            Confirmed => vec![OnHold, Processing, Cancelled],
            Processing => vec![OnHold, PartiallyShipped, Shipped, Cancelled],
            PartiallyShipped => vec![Shipped],
            Shipped => vec![Completed],
            // A parcel may leave before it can be stopped; then the order goes on with it.
            Status::Cancelling if self.parcels().next().is_some() => vec![Cancelled, PartiallyShipped, Shipped],
            Status::Cancelling => vec![Cancelled],
            Completed | Cancelled => vec![],
        }
    }
}
