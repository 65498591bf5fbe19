//! Coupons: contract to domain and back.

use messages::id::Id;
use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::{Problem, unreadable, v1};
use crate::campaign::{self, Campaign};
use crate::codes::{self, Many};
use crate::coupon::{self, Codes, Coupon, Event, Refusal, Terms};
use crate::terms::Trigger;

/// The id of the coupon that a code alone stands for, so that a code is given once, without a list of all of them.
#[must_use]
pub fn id_of_code(code: &str) -> String {
    Id::derived("cpn", codes::normal(code).as_bytes()).to_string()
}

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateCouponRequest,
) -> Result<v1::CreateCouponResponse, Problem> {
    let id = id_of_code(&request.code);
    let terms = terms_in(v1::CouponTerms {
        uses_per_code_max: request.uses_per_code_max,
        uses_per_customer_max: request.uses_per_customer_max,
        starts_at: request.starts_at,
        ends_at: request.ends_at,
    });
    let codes = Codes::One(codes::normal(&request.code));
    open(desk, &id, &request.campaign_id, codes, terms)?;
    Ok(v1::CreateCouponResponse { coupon: now(desk, &id) })
}

pub(crate) fn generate(
    desk: &mut Desk<'_>,
    request: &v1::GenerateCouponsRequest,
) -> Result<v1::GenerateCouponsResponse, Problem> {
    let terms = terms_in(v1::CouponTerms {
        uses_per_code_max: Some(request.uses_per_code_max.unwrap_or(1)),
        uses_per_customer_max: request.uses_per_customer_max,
        starts_at: request.starts_at,
        ends_at: request.ends_at,
    });
    let (prefix, count) = (codes::normal(&request.prefix), request.count.unwrap_or_default().min(codes::COUNT_MAX));
    let codes = Codes::Many(Many { prefix, count, seed: desk.facts().command.to_string() });
    open(desk, &request.coupon_id, &request.campaign_id, codes, terms)?;
    Ok(v1::GenerateCouponsResponse { coupon: now(desk, &request.coupon_id) })
}

fn open(desk: &mut Desk<'_>, id: &str, campaign_id: &str, codes: Codes, terms: Terms) -> Result<(), Problem> {
    let campaign = desk.see::<Campaign>(campaign_id);
    match (campaign.status, campaign.terms.trigger) {
        (None, _) => return Err(Problem::not_found("campaign_not_found", "there is no such campaign")),
        (Some(campaign::Status::Ended), _) => return Err(campaign::Refusal::Ended.into()),
        (Some(_), Trigger::Automatic) => {
            let said = "the campaign applies by itself and takes no coupons";
            return Err(Problem::conflict("campaign_automatic", said));
        }
        (Some(_), Trigger::Coupon) => {}
    }
    let (id_, campaign_id) = (id.to_owned(), campaign_id.to_owned());
    desk.tell::<Coupon>(id, coupon::Command::Create { id: id_, campaign_id, codes, terms })?;
    Ok(())
}

pub(crate) fn disable(
    desk: &mut Desk<'_>,
    request: &v1::DisableCouponRequest,
) -> Result<v1::DisableCouponResponse, Problem> {
    desk.tell::<Coupon>(&request.coupon_id, coupon::Command::Disable)?;
    Ok(v1::DisableCouponResponse { coupon: now(desk, &request.coupon_id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetCouponRequest) -> Result<v1::GetCouponResponse, Problem> {
    let id = &request.coupon_id;
    let shown = coupon(&window.see::<Coupon>(id), window.version::<Coupon>(id));
    Ok(v1::GetCouponResponse { coupon: Some(shown.ok_or(Refusal::NotFound)?) })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Coupon> {
    coupon(&desk.see::<Coupon>(id), desk.version::<Coupon>(id))
}

/// A coupon as the world sees it; `None` when there is none.
#[must_use]
pub fn coupon(coupon: &Coupon, version: u64) -> Option<v1::Coupon> {
    if coupon.id.is_empty() {
        return None;
    }
    let status = if coupon.disabled { v1::CouponStatus::Disabled } else { v1::CouponStatus::Active };
    let (code, prefix, count) = match &coupon.codes {
        Codes::One(code) => (code.clone(), String::new(), 1),
        Codes::Many(many) => (String::new(), many.prefix.clone(), many.count),
    };
    Some(v1::Coupon {
        coupon_id: coupon.id.clone(),
        version,
        campaign_id: coupon.campaign_id.clone(),
        status: status.into(),
        code,
        prefix,
        count,
        uses_per_code_max: coupon.terms.uses_per_code_max,
        uses_per_customer_max: coupon.terms.uses_per_customer_max,
        starts_at: coupon.terms.starts_at.map(to_wire),
        ends_at: coupon.terms.ends_at.map(to_wire),
        created_at: coupon.created_at.map(to_wire),
        updated_at: coupon.updated_at.map(to_wire),
    })
}

/// A coupon as a list shows it, without its codes when there are many.
#[must_use]
pub fn coupon_in(shown: &v1::Coupon) -> Coupon {
    let terms = v1::CouponTerms {
        uses_per_code_max: shown.uses_per_code_max,
        uses_per_customer_max: shown.uses_per_customer_max,
        starts_at: shown.starts_at,
        ends_at: shown.ends_at,
    };
    Coupon {
        id: shown.coupon_id.clone(),
        campaign_id: shown.campaign_id.clone(),
        codes: Codes::One(shown.code.clone()),
        terms: terms_in(terms),
        disabled: shown.status() == v1::CouponStatus::Disabled,
        created_at: shown.created_at.as_ref().map(|at| from_wire(Some(at))),
        updated_at: shown.updated_at.as_ref().map(|at| from_wire(Some(at))),
    }
}

/// The coupon that an event of the log made, for lists that need its codes.
#[must_use]
pub fn generated(data: &[u8]) -> Option<Coupon> {
    let mut coupon = Coupon::default();
    let event = <Event as Recorded>::recall("coupon.generated", data).ok()?;
    runtime::entity::Entity::evolve(&mut coupon, &event);
    Some(coupon)
}

/// Codes as CSV (RFC 4180). No code holds a comma, a quote or a line break.
#[must_use]
pub fn codes_file(coupon_id: &str, codes: &[v1::Code]) -> v1::ExportCodesResponse {
    let header = "code,uses\r\n".to_owned();
    let file = codes.iter().fold(header, |file, v1::Code { code, uses }| file + &format!("{code},{uses}\r\n"));
    v1::ExportCodesResponse {
        content: file.into_bytes(),
        media_type: "text/csv; charset=utf-8".to_owned(),
        name: format!("codes-{coupon_id}.csv"),
    }
}

fn terms(terms: Terms) -> v1::CouponTerms {
    v1::CouponTerms {
        uses_per_code_max: terms.uses_per_code_max,
        uses_per_customer_max: terms.uses_per_customer_max,
        starts_at: terms.starts_at.map(to_wire),
        ends_at: terms.ends_at.map(to_wire),
    }
}

fn terms_in(wire: v1::CouponTerms) -> Terms {
    Terms {
        uses_per_code_max: wire.uses_per_code_max,
        uses_per_customer_max: wire.uses_per_customer_max,
        starts_at: wire.starts_at.as_ref().map(|at| from_wire(Some(at))),
        ends_at: wire.ends_at.as_ref().map(|at| from_wire(Some(at))),
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Invalid => Problem::new(Kind::Unprocessable, "coupon_invalid", said),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self.clone() {
            Event::Created { id: coupon_id, campaign_id, codes, terms: said, at } => {
                let (terms, at) = (Some(terms(said)), Some(to_wire(at)));
                match codes {
                    Codes::One(code) => {
                        let event = v1::CouponCreated { coupon_id, campaign_id, code, terms, at };
                        ("coupon.created", event.encode_to_vec())
                    }
                    Codes::Many(Many { prefix, count, seed }) => {
                        let event = v1::CouponGenerated { coupon_id, campaign_id, prefix, count, seed, terms, at };
                        ("coupon.generated", event.encode_to_vec())
                    }
                }
            }
            Event::Disabled { id, at } => {
                let event = v1::CouponDisabled { coupon_id: id, at: Some(to_wire(at)) };
                ("coupon.disabled", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        match event_type {
            "coupon.created" => {
                let v1::CouponCreated { coupon_id: id, campaign_id, code, terms, at } =
                    v1::CouponCreated::decode(data).map_err(unreadable)?;
                let (codes, terms) = (Codes::One(code), terms_in(terms.unwrap_or_default()));
                Ok(Event::Created { id, campaign_id, codes, terms, at: from_wire(at.as_ref()) })
            }
            "coupon.generated" => {
                let v1::CouponGenerated { coupon_id: id, campaign_id, prefix, count, seed, terms, at } =
                    v1::CouponGenerated::decode(data).map_err(unreadable)?;
                let codes = Codes::Many(Many { prefix, count, seed });
                let terms = terms_in(terms.unwrap_or_default());
                Ok(Event::Created { id, campaign_id, codes, terms, at: from_wire(at.as_ref()) })
            }
            "coupon.disabled" => {
                let v1::CouponDisabled { coupon_id: id, at } = v1::CouponDisabled::decode(data).map_err(unreadable)?;
                Ok(Event::Disabled { id, at: from_wire(at.as_ref()) })
            }
            other => Err(Undecodable::new(other, "a coupon has no such event")),
        }
    }
}
