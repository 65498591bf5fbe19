//! Redemptions: contract to domain and back, and the one place where uses are counted.

use std::time::Duration;

use messages::common::v1::fact::Value;
use messages::problem::Kind;
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::coupon::id_of_code;
use super::{Money, Problem, bad_money, money, unreadable, v1};
use crate::campaign::Campaign;
use crate::codes;
use crate::coupon::{Asleep, Coupon};
use crate::redemption::{Command, Event, Order, Redemption, Refusal, Shown, Status, Use, What, Why};
use crate::tally::{self, Count, Limit, Tally};
use crate::views;

/// How long uses count without being committed. Stock is held for 15 minutes; a payment that takes as long again is one
/// that somebody looks at by hand.
pub const HOLD: Duration = Duration::from_secs(30 * 60);

pub(crate) fn reserve(desk: &mut Desk<'_>, request: &v1::ReserveRequest) -> Result<v1::ReserveResponse, Problem> {
    let id = &request.redemption_id;
    let known = desk.see::<Redemption>(id);
    let mut uses = Vec::with_capacity(request.uses.len());
    for wire in &request.uses {
        let amount = Money::try_from(wire.amount.clone().unwrap_or_default()).map_err(|e| bad_money(&e))?;
        let code = wire.code.as_deref().map(codes::normal);
        // What was reserved before is the same, whatever became of the campaign since.
        let same = |held: &&Use| {
            held.campaign_id == wire.campaign_id && held.coupon.as_ref().map(|shown| &shown.code) == code.as_ref()
        };
        match known.order.uses.iter().find(same) {
            Some(held) => uses.push(Use { amount, ..held.clone() }),
            None => uses.push(usable(desk, &wire.campaign_id, code, amount)?),
        }
    }
    let hold = jiff::SignedDuration::try_from(HOLD).unwrap_or(jiff::SignedDuration::ZERO);
    let now = desk.facts().now;
    let expires_at = now.saturating_add(hold).unwrap_or(now);
    let (order_id, user_id) = (request.order_id.clone(), request.user_id.clone());
    let order = Order { redemption_id: id.clone(), order_id, user_id, uses };
    tell(desk, id, Command::Reserve { order, expires_at })?;
    Ok(v1::ReserveResponse { redemption: redemption_now(desk, id) })
}

pub(crate) fn commit(desk: &mut Desk<'_>, request: &v1::CommitRequest) -> Result<v1::CommitResponse, Problem> {
    let id = &request.redemption_id;
    let late = desk.see::<Redemption>(id).status == Some(Status::Expired);
    let told = tell(desk, id, Command::Commit);
    // Somebody else has what it gave back.
    told.map_err(|problem| if late { Refusal::Expired.into() } else { problem })?;
    Ok(v1::CommitResponse { redemption: redemption_now(desk, id) })
}

pub(crate) fn release(desk: &mut Desk<'_>, request: &v1::ReleaseRequest) -> Result<v1::ReleaseResponse, Problem> {
    tell(desk, &request.redemption_id, Command::Release)?;
    Ok(v1::ReleaseResponse { redemption: redemption_now(desk, &request.redemption_id) })
}

/// A use of a campaign that applies now, with a code that works now if it needs one.
fn usable(desk: &Desk<'_>, campaign_id: &str, code: Option<String>, amount: Money) -> Result<Use, Problem> {
    let now = desk.facts().now;
    let campaign = desk.see::<Campaign>(campaign_id);
    let refuse = |kind, slug, said: &str| Err(told(Problem::new(kind, slug, said), campaign_id, code.as_deref()));
    if !campaign.applies_at(now) {
        return refuse(Kind::Conflict, "campaign_not_active", "the campaign does not apply now");
    }
    let Some(typed) = &code else {
        if campaign.terms.trigger == crate::terms::Trigger::Coupon {
            return refuse(Kind::Unprocessable, "coupon_unknown", "the campaign needs a coupon");
        }
        return Ok(Use { campaign_id: campaign_id.to_owned(), coupon: None, amount });
    };
    let coupon = coupon_of(desk, typed).filter(|(_, coupon)| coupon.campaign_id == campaign_id);
    let Some((coupon_id, coupon)) = coupon else {
        return refuse(Kind::Unprocessable, "coupon_unknown", "there is no such coupon for this campaign");
    };
    match coupon.asleep_at(now) {
        Some(Asleep::Disabled) => refuse(Kind::Conflict, "coupon_expired", "the coupon was disabled"),
        Some(Asleep::NotStarted) => refuse(Kind::Conflict, "coupon_expired", "the coupon is not valid yet"),
        Some(Asleep::Expired) => refuse(Kind::Conflict, "coupon_expired", "the coupon has expired"),
        None => {
            let shown = Shown { coupon_id, code: typed.clone() };
            Ok(Use { campaign_id: campaign_id.to_owned(), coupon: Some(shown), amount })
        }
    }
}

/// The coupon that a code in capitals belongs to. A code that stands alone names its coupon; for one of many a list says
/// where to look. That list may lag, so a code that was made this moment may be unknown to it; what it finds is looked
/// up here, and a coupon never loses a code.
fn coupon_of(desk: &Desk<'_>, code: &str) -> Option<(String, std::sync::Arc<Coupon>)> {
    let alone = id_of_code(code);
    let many = views::coupons_with_prefix(&desk.rows::<views::Coupons>(), code);
    let candidates = [alone].into_iter().chain(many.into_iter().map(|coupon| coupon.id));
    candidates.map(|id| (id.clone(), desk.see::<Coupon>(&id))).find(|(_, coupon)| coupon.has(code))
}

/// Tells a redemption, and the tallies what that means for them. Its timer comes here too.
pub(crate) fn tell(desk: &mut Desk<'_>, id: &str, command: Command) -> Result<(), Problem> {
    let before = desk.see::<Redemption>(id).counts();
    desk.tell::<Redemption>(id, command)?;
    let after = desk.see::<Redemption>(id);
    if before == after.counts() {
        return Ok(());
    }
    for used in &after.order.uses {
        for (tally_id, limit, exhausted) in counted(desk, &after.order, used) {
            let count = Count { tally_id: tally_id.clone(), redemption_id: id.to_owned(), amount: used.amount };
            if before {
                desk.tell::<Tally>(&tally_id, tally::Command::Lower(count))?;
            } else {
                let code = used.coupon.as_ref().map(|shown| shown.code.as_str());
                desk.tell::<Tally>(&tally_id, tally::Command::Raise(count, limit)).map_err(|problem| {
                    let problem = if problem.code == "campaign_exhausted" { exhausted.into() } else { problem };
                    told(problem, &used.campaign_id, code)
                })?;
            }
        }
    }
    Ok(())
}

/// What has been used up.
#[derive(Debug, Clone, Copy)]
enum Exhausted {
    Campaign,
    Customer,
    Code,
}

impl From<Exhausted> for Problem {
    fn from(exhausted: Exhausted) -> Problem {
        match exhausted {
            Exhausted::Campaign => Problem::conflict("campaign_exhausted", "the campaign is used up"),
            Exhausted::Code => Problem::conflict("coupon_exhausted", "the coupon is used up"),
            Exhausted::Customer => {
                Problem::conflict("customer_limit_reached", "the customer has used this as often as it may be")
            }
        }
    }
}

/// The tallies that a use counts on, each with its limit; what concerns the customer alone first, for that is said when
/// several are used up. All of them count, limited or not: a limit may come later.
fn counted(desk: &Desk<'_>, order: &Order, used: &Use) -> Vec<(String, Limit, Exhausted)> {
    let campaign = desk.see::<Campaign>(&used.campaign_id);
    let terms = &campaign.terms;
    let no_budget = Money::zero(used.amount.currency());
    let budget = terms.budget.get(&used.amount.currency()).copied();
    let amount_max = if terms.budget.is_empty() { None } else { budget.or(Some(no_budget)) };
    let uses = |uses_max| Limit { uses_max, amount_max: None };
    let customer = |id: &str| tally::of_customer(id, &order.user_id);
    let mut counted = vec![(customer(&used.campaign_id), uses(terms.uses_per_customer_max), Exhausted::Customer)];
    if let Some(Shown { coupon_id, code }) = &used.coupon {
        let terms = desk.see::<Coupon>(coupon_id).terms;
        counted.push((customer(coupon_id), uses(terms.uses_per_customer_max), Exhausted::Customer));
        counted.push((tally::of_code(code), uses(terms.uses_per_code_max), Exhausted::Code));
    }
    let limit = Limit { uses_max: terms.uses_max, amount_max };
    counted.push((tally::of_campaign(&used.campaign_id), limit, Exhausted::Campaign));
    counted
}

fn told(problem: Problem, campaign_id: &str, code: Option<&str>) -> Problem {
    let problem = problem.with("campaign_id", Value::Text(campaign_id.to_owned()));
    match code {
        Some(code) => problem.with("coupon_code", Value::Text(code.to_owned())),
        None => problem,
    }
}

pub(crate) fn get(
    window: &Window<'_>,
    request: &v1::GetRedemptionRequest,
) -> Result<v1::GetRedemptionResponse, Problem> {
    let id = &request.redemption_id;
    let shown = redemption(&window.see::<Redemption>(id), window.version::<Redemption>(id));
    Ok(v1::GetRedemptionResponse { redemption: Some(shown.ok_or(Refusal::NotFound)?) })
}

fn redemption_now(desk: &Desk<'_>, id: &str) -> Option<v1::Redemption> {
    redemption(&desk.see::<Redemption>(id), desk.version::<Redemption>(id))
}

/// A redemption as the world sees it; `None` when there is none.
#[must_use]
pub fn redemption(redemption: &Redemption, version: u64) -> Option<v1::Redemption> {
    let status = match redemption.status? {
        Status::Reserved => v1::RedemptionStatus::Reserved,
        Status::Committed => v1::RedemptionStatus::Committed,
        Status::Released => v1::RedemptionStatus::Released,
        Status::Expired => v1::RedemptionStatus::Expired,
    };
    let used = |used: &Use| v1::Use {
        campaign_id: used.campaign_id.clone(),
        code: used.coupon.as_ref().map(|shown| shown.code.clone()),
        amount: Some(used.amount.into()),
    };
    Some(v1::Redemption {
        redemption_id: redemption.order.redemption_id.clone(),
        version,
        order_id: redemption.order.order_id.clone(),
        user_id: redemption.order.user_id.clone(),
        status: status.into(),
        uses: redemption.order.uses.iter().map(used).collect(),
        expires_at: redemption.expires_at.map(to_wire),
        created_at: redemption.created_at.map(to_wire),
        updated_at: redemption.updated_at.map(to_wire),
    })
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::Released => Problem::conflict("redemption_released", said),
            Refusal::Expired => Problem::conflict("redemption_expired", said),
        }
    }
}

fn use_out(used: Use) -> v1::CountedUse {
    let (coupon_id, code) = used.coupon.map(|shown| (shown.coupon_id, shown.code)).unzip();
    v1::CountedUse { campaign_id: used.campaign_id, coupon_id, code, amount: Some(used.amount.into()) }
}

fn use_in(event_type: &str, wire: v1::CountedUse) -> Result<Use, Undecodable> {
    let shown = wire.coupon_id.zip(wire.code);
    let coupon = shown.map(|(coupon_id, code)| Shown { coupon_id, code });
    Ok(Use { campaign_id: wire.campaign_id, coupon, amount: money(event_type, wire.amount)? })
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event { order: Order { redemption_id, order_id, user_id, uses }, at, what } = self.clone();
        let (uses, at) = (uses.into_iter().map(use_out).collect(), Some(to_wire(at)));
        match what {
            What::Reserved(until) => {
                let expires_at = Some(to_wire(until));
                let event = v1::RedemptionReserved { redemption_id, order_id, user_id, uses, expires_at, at };
                ("redemption.reserved", event.encode_to_vec())
            }
            What::Committed => {
                let event = v1::RedemptionCommitted { redemption_id, order_id, user_id, uses, at };
                ("redemption.committed", event.encode_to_vec())
            }
            What::Released(why) => {
                let reason = match why {
                    Why::Requested => v1::ReleaseReason::Requested,
                    Why::Expired => v1::ReleaseReason::Expired,
                };
                let reason = reason.into();
                let event = v1::RedemptionReleased { redemption_id, order_id, user_id, uses, reason, at };
                ("redemption.released", event.encode_to_vec())
            }
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        let unreadable = unreadable(event_type);
        let order = |redemption_id, order_id, user_id, uses: Vec<v1::CountedUse>| {
            let uses = uses.into_iter().map(|used| use_in(event_type, used)).collect::<Result<_, _>>()?;
            Ok(Order { redemption_id, order_id, user_id, uses })
        };
        match event_type {
            "redemption.reserved" => {
                let v1::RedemptionReserved { redemption_id, order_id, user_id, uses, expires_at, at } =
                    v1::RedemptionReserved::decode(data).map_err(unreadable)?;
                let (order, what) =
                    (order(redemption_id, order_id, user_id, uses)?, What::Reserved(from_wire(expires_at.as_ref())));
                Ok(Event { order, at: from_wire(at.as_ref()), what })
            }
            "redemption.committed" => {
                let v1::RedemptionCommitted { redemption_id, order_id, user_id, uses, at } =
                    v1::RedemptionCommitted::decode(data).map_err(unreadable)?;
                let order = order(redemption_id, order_id, user_id, uses)?;
                Ok(Event { order, at: from_wire(at.as_ref()), what: What::Committed })
            }
            "redemption.released" => {
                let event = v1::RedemptionReleased::decode(data).map_err(unreadable)?;
                let why = match event.reason() {
                    v1::ReleaseReason::Expired => Why::Expired,
                    v1::ReleaseReason::Requested | v1::ReleaseReason::Unspecified => Why::Requested,
                };
                let v1::RedemptionReleased { redemption_id, order_id, user_id, uses, at, .. } = event;
                let order = order(redemption_id, order_id, user_id, uses)?;
                Ok(Event { order, at: from_wire(at.as_ref()), what: What::Released(why) })
            }
            other => Err(Undecodable::new(other, "a redemption has no such event")),
        }
    }
}
