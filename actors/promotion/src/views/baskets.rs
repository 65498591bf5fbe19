//! Baskets: what the campaigns in force make of one.
//!
//! Limits are looked at here so that nobody is promised what is used up. They may change in the moment after; what
//! decides is the reservation.

use runtime::group::Views;
use runtime::view::Rows;

use super::{Campaigns, Coupons, Uses, campaigns, coupons, uses};
use crate::codes::normal;
use crate::coupon::Asleep;
use crate::evaluation::{self, Candidate, Evaluation, NotApplied, Reason};
use crate::tally;
use crate::terms::{Terms, Trigger};
use crate::wire::{self, Asked, Problem, v1};

/// What comes off a customer's basket.
///
/// # Errors
/// `currency_mismatch`.
pub fn evaluate(views: &Views<'_>, request: &v1::EvaluateRequest) -> Result<v1::EvaluateResponse, Problem> {
    let Evaluation { applied, not_applied } = look(views, request.try_into()?)?;
    let (adjustments, not_applied) = (wire::adjustments(&applied), wire::not_applied(not_applied));
    Ok(v1::EvaluateResponse { adjustments, applied: wire::applied(applied), not_applied })
}

/// What would come off anybody's basket.
///
/// # Errors
/// `currency_mismatch`.
pub fn preview(views: &Views<'_>, request: &v1::PreviewRequest) -> Result<v1::PreviewResponse, Problem> {
    let Evaluation { applied, not_applied } = look(views, request.try_into()?)?;
    let (adjustments, not_applied) = (wire::adjustments(&applied), wire::not_applied(not_applied));
    Ok(v1::PreviewResponse { adjustments, applied: wire::applied(applied), not_applied })
}

fn look(views: &Views<'_>, asked: Asked) -> Result<Evaluation, Problem> {
    let shelves = Shelves {
        campaigns: views.of::<Campaigns>(),
        coupons: views.of::<Coupons>(),
        uses: views.of::<Uses>(),
        now: views.now,
        user_id: asked.user_id,
    };
    let (mut candidates, mut refused): (Vec<Candidate>, Vec<NotApplied>) = (Vec::new(), Vec::new());
    for typed in asked.codes {
        match shelves.by_code(&normal(&typed)) {
            Ok(found) if candidates.iter().any(|other| other.campaign_id == found.campaign_id) => {
                let (campaign_id, reason) = (Some(found.campaign_id), Reason::AlreadyApplied);
                refused.push(NotApplied { campaign_id, code: Some(typed), reason });
            }
            Ok(found) => candidates.push(found),
            Err((campaign_id, reason)) => refused.push(NotApplied { campaign_id, code: Some(typed), reason }),
        }
    }
    let running = campaigns::all_active(&shelves.campaigns);
    for (id, terms) in running.filter(|(_, terms)| terms.trigger == Trigger::Automatic && terms.runs_at(views.now)) {
        match shelves.exhausted(&id, &terms) {
            None => candidates.push(shelves.candidate(id, None, terms)),
            Some(reason) => refused.push(NotApplied { campaign_id: Some(id), code: None, reason }),
        }
    }
    let mut evaluation = evaluation::evaluate(&asked.basket, candidates).map_err(|e| wire::not_evaluated(&e))?;
    refused.append(&mut evaluation.not_applied);
    evaluation.not_applied = refused;
    Ok(evaluation)
}

/// What there is to look at, when, and for whom.
struct Shelves {
    campaigns: Rows,
    coupons: Rows,
    uses: Rows,
    now: jiff::Timestamp,
    user_id: Option<String>,
}

impl Shelves {
    /// The campaign that a code in capitals brings, or why it brings none.
    fn by_code(&self, code: &str) -> Result<Candidate, (Option<String>, Reason)> {
        let Some(shown) = coupons::of_code(&self.coupons, code) else { return Err((None, Reason::CouponUnknown)) };
        let id = shown.campaign_id.clone();
        let no = |reason| Err((Some(id.clone()), reason));
        let coupon = wire::coupon_in(&shown);
        match coupon.asleep_at(self.now) {
            Some(Asleep::Disabled) => return no(Reason::CouponDisabled),
            Some(Asleep::NotStarted) => return no(Reason::CouponNotStarted),
            Some(Asleep::Expired) => return no(Reason::CouponExpired),
            None => {}
        }
        let terms = campaigns::active(&self.campaigns, &id).filter(|terms| terms.runs_at(self.now));
        let Some(terms) = terms else { return no(Reason::CampaignNotActive) };
        if terms.trigger == Trigger::Automatic {
            return no(Reason::CouponNotNeeded);
        }
        if self.is_used_by_customer(&shown.coupon_id, coupon.terms.uses_per_customer_max) {
            return no(Reason::CustomerLimitReached);
        }
        if self.is_used(&tally::of_code(code), coupon.terms.uses_per_code_max) {
            return no(Reason::CouponExhausted);
        }
        match self.exhausted(&id, &terms) {
            Some(reason) => no(reason),
            None => Ok(self.candidate(id, Some(code.to_owned()), terms)),
        }
    }

    fn candidate(&self, campaign_id: String, code: Option<String>, terms: Terms) -> Candidate {
        let budget_left = uses::budget_left(&self.uses, &campaign_id, &terms.budget);
        Candidate { campaign_id, code, terms, budget_left }
    }

    fn exhausted(&self, campaign_id: &str, terms: &Terms) -> Option<Reason> {
        if self.is_used_by_customer(campaign_id, terms.uses_per_customer_max) {
            return Some(Reason::CustomerLimitReached);
        }
        self.is_used(&tally::of_campaign(campaign_id), terms.uses_max).then_some(Reason::CampaignExhausted)
    }

    fn is_used(&self, tally_id: &str, uses_max: Option<u32>) -> bool {
        uses_max.is_some_and(|uses_max| uses::of(&self.uses, tally_id) >= uses_max)
    }

    fn is_used_by_customer(&self, id: &str, uses_max: Option<u32>) -> bool {
        let Some(user_id) = &self.user_id else { return false };
        self.is_used(&tally::of_customer(id, user_id), uses_max)
    }
}
