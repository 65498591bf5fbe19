#![doc = include_str!("../README.md")]

pub mod campaign;
pub mod codes;
pub mod coupon;
pub mod evaluation;
pub mod redemption;
#[cfg(test)]
mod sample;
pub mod tally;
pub mod terms;
pub mod views;
pub mod wire;

use runtime::group::Group;

use campaign::Campaign;
use coupon::Coupon;
use redemption::Redemption;
use tally::Tally;
use wire::rpc;

/// The group: what is taken off, for whom, and how often.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Campaign>()
        .entity::<Coupon>()
        .entity::<Tally>()
        .entity_told_by::<Redemption>(wire::redemption::tell)
        .command::<rpc::CreateCampaign, Campaign>(|request| request.campaign_id.clone(), wire::campaign::create)
        .command::<rpc::UpdateCampaign, Campaign>(|request| request.campaign_id.clone(), wire::campaign::update)
        .command::<rpc::ActivateCampaign, Campaign>(|request| request.campaign_id.clone(), wire::campaign::activate)
        .command::<rpc::PauseCampaign, Campaign>(|request| request.campaign_id.clone(), wire::campaign::pause)
        .command::<rpc::EndCampaign, Campaign>(|request| request.campaign_id.clone(), wire::campaign::end)
        .command::<rpc::CreateCoupon, Coupon>(|request| wire::id_of_code(&request.code), wire::coupon::create)
        .command::<rpc::GenerateCoupons, Coupon>(|request| request.coupon_id.clone(), wire::coupon::generate)
        .command::<rpc::DisableCoupon, Coupon>(|request| request.coupon_id.clone(), wire::coupon::disable)
        .command::<rpc::Reserve, Redemption>(|request| request.redemption_id.clone(), wire::redemption::reserve)
        .command::<rpc::Commit, Redemption>(|request| request.redemption_id.clone(), wire::redemption::commit)
        .command::<rpc::Release, Redemption>(|request| request.redemption_id.clone(), wire::redemption::release)
        .read::<rpc::GetCampaign, Campaign>(|request| request.campaign_id.clone(), wire::campaign::get)
        .read::<rpc::GetCoupon, Coupon>(|request| request.coupon_id.clone(), wire::coupon::get)
        .read::<rpc::GetRedemption, Redemption>(|request| request.redemption_id.clone(), wire::redemption::get)
        .history::<rpc::GetCampaignHistory>(wire::whose_campaign)
        .history::<rpc::GetCouponHistory>(wire::whose_coupon)
        .view::<views::Campaigns>()
        .view::<views::Coupons>()
        .view::<views::Uses>()
        .query::<rpc::ListCampaigns>(views::list_campaigns)
        .query::<rpc::GetCampaignUsage>(views::usage)
        .query::<rpc::ListCoupons>(views::list_coupons)
        .query::<rpc::ListCodes>(views::codes)
        .query::<rpc::ExportCodes>(views::export_codes)
        .query::<rpc::Evaluate>(views::evaluate)
        .query::<rpc::Preview>(views::preview)
}
