//! Queues: how they are stored. Nobody asks them anything but through their endpoint.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, stranger, unreadable, v1};
use crate::queue::{Event, Refusal, What};

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {}
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { endpoint_id, at, what } = self.clone();
        let at = Some(to_wire(at));
        match what {
            What::Noted(number) => ("webhook.noted", v1::WebhookNoted { endpoint_id, number, at }.encode_to_vec()),
            What::Taken(number, entity) => {
                ("webhook.taken", v1::WebhookTaken { endpoint_id, number, entity, at }.encode_to_vec())
            }
            What::Held(number, entity) => {
                ("webhook.held", v1::WebhookHeld { endpoint_id, number, entity, at }.encode_to_vec())
            }
            What::Postponed(number, entity, until) => {
                let until = Some(to_wire(until));
                ("webhook.postponed", v1::WebhookPostponed { endpoint_id, number, entity, until, at }.encode_to_vec())
            }
            What::Released(number, entity, delivered) => {
                ("webhook.released", v1::WebhookReleased { endpoint_id, number, entity, delivered, at }.encode_to_vec())
            }
            What::Stopped => ("webhook.stopped", v1::WebhookStopped { endpoint_id, at }.encode_to_vec()),
            What::Started => ("webhook.started", v1::WebhookStarted { endpoint_id, at }.encode_to_vec()),
            What::Rewound(number) => {
                ("webhook.rewound", v1::WebhookRewound { endpoint_id, number, at }.encode_to_vec())
            }
            What::Requeued(number, entity) => {
                ("webhook.requeued", v1::WebhookRequeued { endpoint_id, number, entity, at }.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        /// Reads an event of the contract; what happened is for the block.
        macro_rules! read {
            ($Event:ident, |$event:ident| $what:expr) => {{
                let $event = v1::$Event::decode(data).map_err(unreadable(event_type))?;
                let (endpoint_id, at) = ($event.endpoint_id.clone(), from_wire($event.at.as_ref()));
                let what = $what;
                Ok(Event { endpoint_id, at, what })
            }};
        }
        match event_type {
            "webhook.noted" => read!(WebhookNoted, |event| What::Noted(event.number)),
            "webhook.taken" => read!(WebhookTaken, |event| What::Taken(event.number, event.entity)),
            "webhook.held" => read!(WebhookHeld, |event| What::Held(event.number, event.entity)),
            "webhook.postponed" => read!(WebhookPostponed, |event| {
                What::Postponed(event.number, event.entity, from_wire(event.until.as_ref()))
            }),
            "webhook.released" => {
                read!(WebhookReleased, |event| What::Released(event.number, event.entity, event.delivered))
            }
            "webhook.stopped" => read!(WebhookStopped, |event| What::Stopped),
            "webhook.started" => read!(WebhookStarted, |event| What::Started),
            "webhook.rewound" => read!(WebhookRewound, |event| What::Rewound(event.number)),
            "webhook.requeued" => read!(WebhookRequeued, |event| What::Requeued(event.number, event.entity)),
            other => Err(stranger(other, "queue")),
        }
    }
}
