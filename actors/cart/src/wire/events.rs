//! What happened to a cart, as it is stored.

use jiff::Timestamp;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::shown::{details_in, details_out, item_in, item_out, policy_in, policy_out};
use super::v1;
use crate::cart::{Event, Patience, What};
use crate::contents::{Change, Line};

fn items_out(lines: &[Line]) -> Vec<v1::CartItem> {
    lines.iter().map(item_out).collect()
}

fn items_in(items: &[v1::CartItem]) -> Vec<Line> {
    items.iter().map(item_in).collect()
}

/// Patience is stored as the two moments at which it ends: idle, expired.
fn until(at: Timestamp, patience: Patience) -> [Timestamp; 2] {
    [patience.idle, patience.keep].map(|wait| at.saturating_add(wait).unwrap_or(Timestamp::MAX))
}

fn patience(at: Timestamp, [idle_at, expires_at]: [Timestamp; 2]) -> Patience {
    Patience { idle: idle_at.duration_since(at), keep: expires_at.duration_since(at) }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let (cart_id, user_id, when) = (self.id.clone(), self.owner.clone(), Some(to_wire(self.at)));
        let ends = |patience: &Patience| until(self.at, *patience).map(|end| Some(to_wire(end)));
        match &self.what {
            What::Created { details, lines, patience } => {
                let [idle_at, expires_at] = ends(patience);
                let (details, items) = (Some(details_out(details)), items_out(lines));
                let event = v1::CartCreated { cart_id, user_id, details, items, idle_at, expires_at, at: when };
                ("cart.created", event.encode_to_vec())
            }
            What::Updated { change, details, merged_from, patience } => {
                let [idle_at, expires_at] = ends(patience);
                let event = v1::CartUpdated {
                    cart_id,
                    user_id,
                    put: items_out(&change.put),
                    removed: change.removed.clone(),
                    saved: items_out(&change.saved),
                    unsaved: change.unsaved.clone(),
                    coupons_added: change.coupons_added.clone(),
                    coupons_removed: change.coupons_removed.clone(),
                    details: details.as_deref().map(details_out),
                    merged_from: merged_from.clone(),
                    idle_at,
                    expires_at,
                    at: when,
                };
                ("cart.updated", event.encode_to_vec())
            }
            What::Abandoned(lines) => {
                let event = v1::CartAbandoned { cart_id, user_id, items: items_out(lines), at: when };
                ("cart.abandoned", event.encode_to_vec())
            }
            What::Ordered(order_id) => {
                let event = v1::CartOrdered { cart_id, user_id, order_id: order_id.clone(), at: when };
                ("cart.ordered", event.encode_to_vec())
            }
            What::Merged { into, into_owner, policy } => {
                let (into_cart_id, into_user_id) = (into.clone(), into_owner.clone());
                let policy = policy_out(*policy).into();
                let event = v1::CartMerged { cart_id, user_id, into_cart_id, into_user_id, policy, at: when };
                ("cart.merged", event.encode_to_vec())
            }
            What::Reopened { reason, patience } => {
                let [idle_at, expires_at] = ends(patience);
                let reason = reason.clone();
                let event = v1::CartReopened { cart_id, user_id, reason, idle_at, expires_at, at: when };
                ("cart.reopened", event.encode_to_vec())
            }
            What::Deleted { expired } => {
                let event = v1::CartDeleted { cart_id, user_id, expired: *expired, at: when };
                ("cart.deleted", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Event, Undecodable> {
        let unreadable = |e: prost::DecodeError| Undecodable::new(event_type, e);
        let odd = |e: messages::money::Error| Undecodable::new(event_type, e);
        let (id, owner, at, what) = match event_type {
            "cart.created" => {
                let said = v1::CartCreated::decode(data).map_err(unreadable)?;
                let at = from_wire(said.at.as_ref());
                let ends = [said.idle_at, said.expires_at].map(|end| from_wire(end.as_ref()));
                let details = details_in(&said.details.unwrap_or_default()).map_err(odd)?;
                let what = What::Created {
                    details: Box::new(details),
                    lines: items_in(&said.items),
                    patience: patience(at, ends),
                };
                (said.cart_id, said.user_id, said.at, what)
            }
            "cart.updated" => {
                let said = v1::CartUpdated::decode(data).map_err(unreadable)?;
                let at = from_wire(said.at.as_ref());
                let ends = [said.idle_at, said.expires_at].map(|end| from_wire(end.as_ref()));
                let details = said.details.as_ref().map(details_in).transpose().map_err(odd)?;
                let change = Change {
                    put: items_in(&said.put),
                    removed: said.removed,
                    saved: items_in(&said.saved),
                    unsaved: said.unsaved,
                    coupons_added: said.coupons_added,
                    coupons_removed: said.coupons_removed,
                };
                let what = What::Updated {
                    change: Box::new(change),
                    details: details.map(Box::new),
                    merged_from: said.merged_from,
                    patience: patience(at, ends),
                };
                (said.cart_id, said.user_id, said.at, what)
            }
            "cart.abandoned" => {
                let said = v1::CartAbandoned::decode(data).map_err(unreadable)?;
                (said.cart_id, said.user_id, said.at, What::Abandoned(items_in(&said.items)))
            }
            "cart.ordered" => {
                let said = v1::CartOrdered::decode(data).map_err(unreadable)?;
                (said.cart_id, said.user_id, said.at, What::Ordered(said.order_id))
            }
            "cart.merged" => {
                let said = v1::CartMerged::decode(data).map_err(unreadable)?;
                let policy = policy_in(said.policy());
                let what = What::Merged { into: said.into_cart_id, into_owner: said.into_user_id, policy };
                (said.cart_id, said.user_id, said.at, what)
            }
            "cart.reopened" => {
                let said = v1::CartReopened::decode(data).map_err(unreadable)?;
                let at = from_wire(said.at.as_ref());
                let ends = [said.idle_at, said.expires_at].map(|end| from_wire(end.as_ref()));
                let what = What::Reopened { reason: said.reason, patience: patience(at, ends) };
                (said.cart_id, said.user_id, said.at, what)
            }
            "cart.deleted" => {
                let said = v1::CartDeleted::decode(data).map_err(unreadable)?;
                (said.cart_id, said.user_id, said.at, What::Deleted { expired: said.expired })
            }
            other => return Err(Undecodable::new(other, "a cart has no such event")),
        };
        Ok(Event { id, owner, at: from_wire(at.as_ref()), what })
    }
}
