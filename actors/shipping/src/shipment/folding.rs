//! What an event makes of a shipment. No rules: what was decided once folds the same for ever.

use super::{Event, Line, Shipment, Status, What};

impl Shipment {
    pub(super) fn fold(&mut self, event: &Event) {
        let at = event.at;
        self.updated_at = Some(at);
        match &event.what {
            What::Planned(plan) => {
                self.status = Status::Planned;
                self.plan.clone_from(plan);
                self.carrier.clone_from(&plan.carrier);
                self.created_at = Some(at);
                self.label_asked_at = Some(at);
            }
            What::Gave { lines, .. } => {
                lines.iter().for_each(|gone| take(&mut self.plan.lines, gone));
                self.plan.lines.retain(|line| line.quantity > 0);
            }
            What::Relabelling { carrier } => {
                self.carrier.clone_from(carrier);
                self.label_round += 1;
                self.label_problem = None;
                self.label_asked_at = Some(at);
            }
            What::Labelled { label, .. } => {
                self.label = Some(label.clone());
                self.label_at = Some(at);
                self.label_problem = None;
                // A label that comes after the parcel left is still its label.
                if self.status == Status::Planned {
                    self.status = Status::LabelReady;
                }
            }
            What::NotLabelled { reason, .. } => self.label_problem = Some(reason.clone()),
            What::Voided(_) => self.label_voided = true,
            What::Dispatched(_) => {
                self.status = Status::Dispatched;
                self.dispatched_at = Some(at);
            }
            What::Completed(_) => {
                self.status = Status::Accepted;
                self.accepted_at = Some(at);
            }
            What::InTransit => self.status = Status::InTransit,
            What::Delivered { .. } => {
                self.status = Status::Delivered;
                self.delivered_at = Some(at);
            }
            What::Returned(_) => self.status = Status::Returned,
            What::Lost { .. } => self.status = Status::Lost,
            What::Cancelled { label_owed, .. } => {
                self.status = Status::Cancelled;
                self.label_owed = *label_owed;
            }
            What::Tracked(tracked) => self.tracking.push(tracked.clone()),
        }
    }
}

fn take(lines: &mut [Line], gone: &Line) {
    if let Some(line) = lines.iter_mut().find(|line| line.sku == gone.sku) {
        line.quantity -= gone.quantity;
    }
}
