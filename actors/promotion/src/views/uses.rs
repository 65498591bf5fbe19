//! Uses: how often each limited thing was used, and what became of the uses of each campaign.

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::view::{Rows, View, Writer};

use super::{Campaigns, campaigns, key};
use crate::redemption::{Redemption, Status};
use crate::tally::Tally;
use crate::terms::Amounts;
use crate::wire::{self, Problem, v1};

/// Rows: `t<tally>` uses · `r<redemption>` how it stood · `u<campaign>` what became of its uses.
pub struct Uses;

impl View for Uses {
    const NAME: &'static str = "uses";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if let Some(tally) = event.state::<Tally>() {
            rows.put(&key(b't', &[&event.actor.id]), tally.uses.to_be_bytes().to_vec());
        } else if let Some(redemption) = event.state::<Redemption>() {
            let stood = key(b'r', &[&event.actor.id]);
            let before = rows.get(&stood).and_then(|row| row.first().copied()).and_then(status);
            for used in &redemption.order.uses {
                let mut usage = row(rows, &used.campaign_id);
                before.into_iter().for_each(|status| wire::count(&mut usage, status, used, false));
                redemption.status.into_iter().for_each(|status| wire::count(&mut usage, status, used, true));
                rows.put(&key(b'u', &[&used.campaign_id]), usage.encode_to_vec());
            }
            if let Some(now) = redemption.status {
                rows.put(&stood, vec![byte(now)]);
            }
        }
    }
}

fn byte(status: Status) -> u8 {
    match status {
        Status::Reserved => 1,
        Status::Committed => 2,
        Status::Released => 3,
        Status::Expired => 4,
    }
}

fn status(byte: u8) -> Option<Status> {
    [Status::Reserved, Status::Committed, Status::Released, Status::Expired]
        .into_iter()
        .find(|s| self::byte(*s) == byte)
}

fn row(rows: &Rows, campaign_id: &str) -> v1::CampaignUsage {
    let found = rows.get(&key(b'u', &[campaign_id]));
    let found = found.and_then(|row| v1::CampaignUsage::decode(row.as_slice()).ok());
    found.unwrap_or_else(|| v1::CampaignUsage { campaign_id: campaign_id.to_owned(), ..v1::CampaignUsage::default() })
}

/// How often something was used, as far as the list knows.
pub(super) fn of(rows: &Rows, tally_id: &str) -> u32 {
    let found = rows.get(&key(b't', &[tally_id])).and_then(|row| <[u8; 4]>::try_from(row.as_slice()).ok());
    found.map_or(0, u32::from_be_bytes)
}

/// What is left of a budget, by currency; never below zero.
pub(super) fn budget_left(rows: &Rows, campaign_id: &str, budget: &Amounts) -> Amounts {
    let usage = row(rows, campaign_id);
    let left = |(currency, money): (&_, &wire::Money)| (*currency, wire::left(*money, &usage));
    budget.iter().map(left).collect()
}

/// How much of a campaign is used.
///
/// # Errors
/// `not_found`.
pub fn usage(
    views: &Views<'_>,
    request: &v1::GetCampaignUsageRequest,
) -> Result<v1::GetCampaignUsageResponse, Problem> {
    let (rows, id) = (views.of::<Uses>(), &request.campaign_id);
    let campaign = campaigns::row(&views.of::<Campaigns>(), id).ok_or_else(wire::no_such_campaign)?;
    let mut usage = row(&rows, id);
    let used = usage.reserved + usage.committed;
    usage.uses_left = campaign.uses_max.map(|uses_max| u64::from(uses_max).saturating_sub(used));
    usage.budget_left = wire::all_left(&campaign.budget, &usage);
    Ok(v1::GetCampaignUsageResponse { usage: Some(usage) })
}
