//! What a test of promotion says: campaigns, coupons, redemptions, baskets.

use messages::common::v1::Money;
use messages::id::Id;
use promotion::wire::rpc;
use promotion::wire::v1::{self, Trigger, action::What};
use runtime::client::Failure;
use runtime::testkit::{Asker, Ground, Stage, World};

pub(crate) async fn open(world: &World, replicas: &[&str]) -> (Stage, Asker) {
    let mut stage = Stage::new(Ground::World(world.clone()), promotion::group);
    for replica in replicas {
        stage.start(replica).await;
    }
    let asker = stage.client("order").await;
    (stage, asker)
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn eur(cents: i64) -> Money {
    Money { amount: Some(cents), currency: "EUR".to_owned() }
}

/// A draft: so many euros off the order.
pub(crate) fn draft(name: &str, trigger: Trigger, cents: i64) -> v1::CreateCampaignRequest {
    let off = v1::AmountOff { target: v1::Target::Order.into(), amounts: vec![eur(cents)], ..v1::AmountOff::default() };
    v1::CreateCampaignRequest {
        campaign_id: id("cmp", name),
        title: name.to_owned(),
        trigger: trigger.into(),
        actions: vec![v1::Action { what: Some(What::AmountOff(off)) }],
        ..v1::CreateCampaignRequest::default()
    }
}

/// A campaign in force.
pub(crate) async fn campaign(asker: &Asker, draft: v1::CreateCampaignRequest) -> String {
    let id = draft.campaign_id.clone();
    asker.ask::<rpc::CreateCampaign>(Some(&id), &draft).await.expect("a campaign");
    let activate = v1::ActivateCampaignRequest { campaign_id: id.clone() };
    asker.ask::<rpc::ActivateCampaign>(Some(&id), &activate).await.expect("a campaign in force");
    id
}

/// A coupon with one code that works in so many orders.
pub(crate) async fn coupon(asker: &Asker, campaign_id: &str, code: &str, uses: Option<u32>) -> v1::Coupon {
    let request = v1::CreateCouponRequest {
        code: code.to_owned(),
        campaign_id: campaign_id.to_owned(),
        uses_per_code_max: uses,
        ..v1::CreateCouponRequest::default()
    };
    asker.ask::<rpc::CreateCoupon>(Some(code), &request).await.expect("a coupon").coupon.expect("a coupon")
}

/// What an order of a customer uses: campaigns, each with its code and 5.00 off.
pub(crate) fn uses(order: &str, customer: &str, uses: &[(&str, Option<&str>)]) -> v1::ReserveRequest {
    let used = |(campaign_id, code): &(&str, Option<&str>)| v1::Use {
        campaign_id: (*campaign_id).to_owned(),
        code: code.map(str::to_owned),
        amount: Some(eur(500)),
    };
    v1::ReserveRequest {
        redemption_id: id("rdm", order),
        order_id: id("ord", order),
        user_id: id("usr", customer),
        uses: uses.iter().map(used).collect(),
    }
}

pub(crate) async fn reserve(asker: &Asker, request: &v1::ReserveRequest) -> Result<v1::Redemption, Failure> {
    let said = asker.ask::<rpc::Reserve>(Some(&request.redemption_id), request).await?;
    Ok(said.redemption.expect("a redemption"))
}

pub(crate) async fn commit(asker: &Asker, order: &str) -> Result<v1::Redemption, Failure> {
    let request = v1::CommitRequest { redemption_id: id("rdm", order) };
    let said = asker.ask::<rpc::Commit>(Some(&request.redemption_id), &request).await?;
    Ok(said.redemption.expect("a redemption"))
}

pub(crate) async fn release(asker: &Asker, order: &str) -> Result<v1::Redemption, Failure> {
    let request = v1::ReleaseRequest { redemption_id: id("rdm", order) };
    let said = asker.ask::<rpc::Release>(Some(&request.redemption_id), &request).await?;
    Ok(said.redemption.expect("a redemption"))
}

pub(crate) async fn redemption(asker: &Asker, order: &str) -> v1::Redemption {
    let request = v1::GetRedemptionRequest { redemption_id: id("rdm", order) };
    let said = asker.ask::<rpc::GetRedemption>(Some(&request.redemption_id), &request).await;
    said.expect("a redemption").redemption.expect("a redemption")
}

/// Reserved, committed, released, expired, once they are these.
pub(crate) async fn usage_is(asker: &Asker, campaign_id: &str, expected: [u64; 4]) -> v1::CampaignUsage {
    let request = v1::GetCampaignUsageRequest { campaign_id: campaign_id.to_owned() };
    let figures = |usage: &v1::CampaignUsage| [usage.reserved, usage.committed, usage.released, usage.expired];
    let so = |said: &v1::GetCampaignUsageResponse| said.usage.as_ref().map(figures) == Some(expected);
    asker.until::<rpc::GetCampaignUsage>(None, &request, so).await.usage.expect("figures")
}

/// Two mugs at 10.00 and these codes, for this customer.
pub(crate) fn basket(codes: &[&str], customer: Option<&str>) -> v1::EvaluateRequest {
    let line = v1::BasketLine {
        sku: "MUG".to_owned(),
        product_id: id("prd", "mug"),
        quantity: Some(2),
        unit_price: Some(eur(1000)),
    };
    v1::EvaluateRequest {
        lines: vec![line],
        currency: "EUR".to_owned(),
        coupon_codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        user_id: customer.map(|customer| id("usr", customer)),
        ..v1::EvaluateRequest::default()
    }
}

/// What applies and what does not, with the reasons, once it is this.
pub(crate) async fn evaluates_to(asker: &Asker, basket: &v1::EvaluateRequest, expected: &[&str]) {
    let so = |said: &v1::EvaluateResponse| words(&said.applied, &said.not_applied) == expected;
    asker.until::<rpc::Evaluate>(None, basket, so).await;
}

pub(crate) fn words(applied: &[v1::Applied], not_applied: &[v1::NotApplied]) -> Vec<String> {
    let cents = |money: &Option<Money>| money.as_ref().and_then(|money| money.amount).unwrap_or_default();
    let applied = applied.iter().map(|applied| format!("{} {}", applied.title, cents(&applied.amount)));
    let not = not_applied.iter().map(|not| format!("{} {}", not.code.clone().unwrap_or_default(), not.reason));
    applied.chain(not).collect()
}
