//! Campaigns: contract to domain and back.

use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::terms::{terms, terms_in};
use super::{Problem, bad_money, unreadable, v1};
use crate::campaign::{self, Campaign, Event, Refusal, Status, What, Why};

/// What a request that writes a campaign says; both that do have the same fields.
macro_rules! said {
    ($request:expr) => {{
        let request = $request.clone();
        terms_in(v1::Terms {
            title: request.title,
            description: request.description,
            starts_at: request.starts_at,
            ends_at: request.ends_at,
            trigger: request.trigger,
            conditions: request.conditions,
            actions: request.actions,
            priority: request.priority.unwrap_or_default(),
            exclusive: request.exclusive,
            stacking_group: request.stacking_group,
            uses_max: request.uses_max,
            uses_per_customer_max: request.uses_per_customer_max,
            budget: request.budget,
        })
        .map_err(|e| bad_money(&e))
    }};
}

pub(crate) fn create(
    desk: &mut Desk<'_>,
    request: &v1::CreateCampaignRequest,
) -> Result<v1::CreateCampaignResponse, Problem> {
    let id = request.campaign_id.clone();
    let terms = said!(request)?;
    desk.tell::<Campaign>(&request.campaign_id, campaign::Command::Create { id, terms })?;
    Ok(v1::CreateCampaignResponse { campaign: now(desk, &request.campaign_id) })
}

pub(crate) fn update(
    desk: &mut Desk<'_>,
    request: &v1::UpdateCampaignRequest,
) -> Result<v1::UpdateCampaignResponse, Problem> {
    let terms = said!(request)?;
    desk.tell::<Campaign>(&request.campaign_id, campaign::Command::Update(terms))?;
    Ok(v1::UpdateCampaignResponse { campaign: now(desk, &request.campaign_id) })
}

pub(crate) fn activate(
    desk: &mut Desk<'_>,
    request: &v1::ActivateCampaignRequest,
) -> Result<v1::ActivateCampaignResponse, Problem> {
    desk.tell::<Campaign>(&request.campaign_id, campaign::Command::Activate)?;
    Ok(v1::ActivateCampaignResponse { campaign: now(desk, &request.campaign_id) })
}

pub(crate) fn pause(
    desk: &mut Desk<'_>,
    request: &v1::PauseCampaignRequest,
) -> Result<v1::PauseCampaignResponse, Problem> {
    desk.tell::<Campaign>(&request.campaign_id, campaign::Command::Pause)?;
    Ok(v1::PauseCampaignResponse { campaign: now(desk, &request.campaign_id) })
}

pub(crate) fn end(desk: &mut Desk<'_>, request: &v1::EndCampaignRequest) -> Result<v1::EndCampaignResponse, Problem> {
    desk.tell::<Campaign>(&request.campaign_id, campaign::Command::End)?;
    Ok(v1::EndCampaignResponse { campaign: now(desk, &request.campaign_id) })
}

pub(crate) fn get(window: &Window<'_>, request: &v1::GetCampaignRequest) -> Result<v1::GetCampaignResponse, Problem> {
    let id = &request.campaign_id;
    let shown = campaign(&window.see::<Campaign>(id), window.version::<Campaign>(id));
    Ok(v1::GetCampaignResponse { campaign: Some(shown.ok_or(Refusal::NotFound)?) })
}

fn now(desk: &Desk<'_>, id: &str) -> Option<v1::Campaign> {
    campaign(&desk.see::<Campaign>(id), desk.version::<Campaign>(id))
}

/// A campaign as the world sees it; `None` when there is none.
#[must_use]
pub fn campaign(campaign: &Campaign, version: u64) -> Option<v1::Campaign> {
    let status = match campaign.status? {
        Status::Draft => v1::CampaignStatus::Draft,
        Status::Active => v1::CampaignStatus::Active,
        Status::Paused => v1::CampaignStatus::Paused,
        Status::Ended => v1::CampaignStatus::Ended,
    };
    let terms = terms(&campaign.terms);
    Some(v1::Campaign {
        campaign_id: campaign.id.clone(),
        version,
        title: terms.title,
        description: terms.description,
        status: status.into(),
        starts_at: terms.starts_at,
        ends_at: terms.ends_at,
        trigger: terms.trigger,
        conditions: terms.conditions,
        actions: terms.actions,
        priority: Some(terms.priority),
        exclusive: terms.exclusive,
        stacking_group: terms.stacking_group,
        uses_max: terms.uses_max,
        uses_per_customer_max: terms.uses_per_customer_max,
        budget: terms.budget,
        created_at: campaign.created_at.map(to_wire),
        updated_at: campaign.updated_at.map(to_wire),
    })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Invalid(_) => Problem::new(Kind::Unprocessable, "campaign_invalid", said),
            Refusal::Ended | Refusal::Past => Problem::conflict("campaign_ended", said),
            Refusal::NotStarted => Problem::conflict("campaign_not_started", said),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let (campaign_id, at) = (self.id.clone(), Some(to_wire(self.at)));
        match &self.what {
            What::Created(said) => {
                let event = v1::CampaignCreated { campaign_id, terms: Some(terms(said)), at };
                ("campaign.created", event.encode_to_vec())
            }
            What::Updated(said) => {
                let event = v1::CampaignUpdated { campaign_id, terms: Some(terms(said)), at };
                ("campaign.updated", event.encode_to_vec())
            }
            What::Activated => ("campaign.activated", v1::CampaignActivated { campaign_id, at }.encode_to_vec()),
            What::Paused => ("campaign.paused", v1::CampaignPaused { campaign_id, at }.encode_to_vec()),
            What::Ended(why) => {
                let reason = match why {
                    Why::Requested => v1::EndReason::Requested,
                    Why::Schedule => v1::EndReason::Schedule,
                };
                let event = v1::CampaignEnded { campaign_id, reason: reason.into(), at };
                ("campaign.ended", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        let read =
            |terms: Option<v1::Terms>| terms_in(terms.unwrap_or_default()).map_err(|e| Undecodable::new(event_type, e));
        let (id, at, what) = match event_type {
            "campaign.created" => {
                let v1::CampaignCreated { campaign_id, terms, at } =
                    v1::CampaignCreated::decode(data).map_err(unreadable)?;
                (campaign_id, at, What::Created(read(terms)?))
            }
            "campaign.updated" => {
                let v1::CampaignUpdated { campaign_id, terms, at } =
                    v1::CampaignUpdated::decode(data).map_err(unreadable)?;
                (campaign_id, at, What::Updated(read(terms)?))
            }
            "campaign.activated" => {
                let v1::CampaignActivated { campaign_id, at } =
                    v1::CampaignActivated::decode(data).map_err(unreadable)?;
                (campaign_id, at, What::Activated)
            }
            "campaign.paused" => {
                let v1::CampaignPaused { campaign_id, at } = v1::CampaignPaused::decode(data).map_err(unreadable)?;
                (campaign_id, at, What::Paused)
            }
            "campaign.ended" => {
                let event = v1::CampaignEnded::decode(data).map_err(unreadable)?;
                let why = match event.reason() {
                    v1::EndReason::Schedule => Why::Schedule,
                    v1::EndReason::Requested | v1::EndReason::Unspecified => Why::Requested,
                };
                (event.campaign_id, event.at, What::Ended(why))
            }
            other => return Err(Undecodable::new(other, "a campaign has no such event")),
        };
        Ok(Event { id, at: from_wire(at.as_ref()), what })
    }
}
