//! Stored methods: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, payment, show, unreadable, v1, without_card_numbers};
use crate::method::{Card, Command, Event, Known, Method, Refusal, Stage};
use crate::provider::Kept;
use crate::settings;

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreatePaymentMethodRequest,
) -> Result<v1::CreatePaymentMethodResponse, Problem> {
    let v1::CreatePaymentMethodRequest { payment_method_id: id, token, label, user_id } = request;
    without_card_numbers(&[("token", token), ("label", label)])?;
    let user_id = payment::customer(&desk.facts().caller, user_id.as_ref())?;
    let provider = settings::get().provider.clone();
    let card = Card { id: id.clone(), user_id, token: token.clone(), provider, label: label.clone() };
    desk.tell::<Method>(id, Command::Store(card))?;
    Ok(v1::CreatePaymentMethodResponse { payment_method: now(desk, id) })
}

pub(crate) fn remove(
    desk: &mut Desk<'_>,
    request: &v1::RemovePaymentMethodRequest,
) -> Result<v1::RemovePaymentMethodResponse, Problem> {
    let id = &request.payment_method_id;
    let method = desk.see::<Method>(id);
    if !method.known().is_some_and(|known| desk.facts().caller.may_touch(&known.card.user_id)) {
        return Err(Refusal::NotFound.into());
    }
    desk.tell::<Method>(id, Command::Remove)?;
    Ok(v1::RemovePaymentMethodResponse { payment_method: now(desk, id) })
}

fn own<'a>(window: &Window<'_>, method: &'a Method) -> Result<&'a Known, Refusal> {
    let known = method.known().filter(|known| window.caller().may_touch(&known.card.user_id));
    known.ok_or(Refusal::NotFound)
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetPaymentMethodRequest,
) -> Result<v1::GetPaymentMethodResponse, Problem> {
    let method = window.see::<Method>(&request.payment_method_id);
    let known = own(window, &method)?;
    let version = window.version::<Method>(&request.payment_method_id);
    Ok(v1::GetPaymentMethodResponse { payment_method: Some(show::method(known, version)) })
}

pub(crate) fn resolve(
    window: &Window<'_>,
    request: &v1::ResolvePaymentMethodRequest,
) -> Result<v1::ResolvePaymentMethodResponse, Problem> {
    let method = window.see::<Method>(&request.payment_method_id);
    let known = own(window, &method)?;
    let Stage::Ready(kept) = &known.stage else { return Err(Refusal::NotFound.into()) };
    Ok(v1::ResolvePaymentMethodResponse {
        user_id: known.card.user_id.clone(),
        provider: known.card.provider.clone(),
        reference: kept.reference.clone(),
        customer: kept.customer.clone(),
    })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::PaymentMethod> {
    desk.see::<Method>(id).known().map(|known| show::method(known, desk.version::<Method>(id)))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Submitted(Card { id, user_id, token, provider, label }, at) => {
                let (payment_method_id, at) = (id, Some(to_wire(at)));
                let event = v1::PaymentMethodSubmitted { payment_method_id, user_id, token, provider, label, at };
                ("payment_method.submitted", event.encode_to_vec())
            }
            Event::Stored(payment_method_id, user_id, kept, at) => {
                let Kept { reference, customer, brand, last4, exp_month, exp_year } = kept;
                let event = v1::PaymentMethodStored {
                    payment_method_id,
                    user_id,
                    reference,
                    customer,
                    brand,
                    last4,
                    exp_month,
                    exp_year,
                    at: Some(to_wire(at)),
                };
                ("payment_method.stored", event.encode_to_vec())
            }
            Event::Refused { id: payment_method_id, user_id, code: decline_code, detail, at } => {
                let at = Some(to_wire(at));
                let event = v1::PaymentMethodRefused { payment_method_id, user_id, decline_code, detail, at };
                ("payment_method.refused", event.encode_to_vec())
            }
            Event::Removed(payment_method_id, user_id, at) => {
                let event = v1::PaymentMethodRemoved { payment_method_id, user_id, at: Some(to_wire(at)) };
                ("payment_method.removed", event.encode_to_vec())
            }
            Event::Forgotten(payment_method_id, at) => {
                let event = v1::PaymentMethodForgotten { payment_method_id, at: Some(to_wire(at)) };
                ("payment_method.forgotten", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        match event_type {
            "payment_method.submitted" => {
                let event = v1::PaymentMethodSubmitted::decode(data).map_err(unreadable)?;
                let v1::PaymentMethodSubmitted { payment_method_id: id, user_id, token, provider, label, at } = event;
                Ok(Event::Submitted(Card { id, user_id, token, provider, label }, from_wire(at.as_ref())))
            }
            "payment_method.stored" => {
                let event = v1::PaymentMethodStored::decode(data).map_err(unreadable)?;
                let kept = Kept {
                    reference: event.reference,
                    customer: event.customer,
                    brand: event.brand,
                    last4: event.last4,
                    exp_month: event.exp_month,
                    exp_year: event.exp_year,
                };
                Ok(Event::Stored(event.payment_method_id, event.user_id, kept, from_wire(event.at.as_ref())))
            }
            "payment_method.refused" => {
                let event = v1::PaymentMethodRefused::decode(data).map_err(unreadable)?;
                let v1::PaymentMethodRefused { payment_method_id: id, user_id, decline_code: code, detail, at } = event;
                Ok(Event::Refused { id, user_id, code, detail, at: from_wire(at.as_ref()) })
            }
            "payment_method.removed" => {
                let event = v1::PaymentMethodRemoved::decode(data).map_err(unreadable)?;
                Ok(Event::Removed(event.payment_method_id, event.user_id, from_wire(event.at.as_ref())))
            }
            "payment_method.forgotten" => {
                let event = v1::PaymentMethodForgotten::decode(data).map_err(unreadable)?;
                Ok(Event::Forgotten(event.payment_method_id, from_wire(event.at.as_ref())))
            }
            other => Err(Undecodable::new(other, "a stored method has no such event")),
        }
    }
}
