//! Two carts become one. They live in different partitions, so it is a saga of three steps: the one that gives is closed
//! and remembers for whom; the one that takes is told what was in it; whoever dies between the two, the closed one goes on
//! telling until the other has taken it, or will not, and then it is open again.
//!
//! The caller of a merge does not wait for that: what was handed over while gathering is taken in the same command.

use runtime::desk::Desk;
use runtime::inquiry::{Gathering, Inquiry};

use super::shown::{item_in, item_out, policy_in, policy_out};
use super::{Problem, must_be_own, noting, now, rpc, v1};
use crate::cart::{Cart, Command, Refusal, Stage};
use crate::contents::{Contents, Policy};

/// Closes the cart that gives, if both are the caller's.
pub(crate) fn gather<'a>(
    inquiry: &'a Inquiry,
    request: &'a v1::MergeCartRequest,
) -> Gathering<'a, v1::TakeOverRequest> {
    Box::pin(async move {
        let v1::MergeCartRequest { cart_id, from_cart_id, .. } = request;
        let taker = noting::plain(inquiry, cart_id).await?;
        if cart_id == from_cart_id {
            return Err(Refusal::SameCart.into());
        }
        // Asked before anything is closed for it; whatever happens to it after this, the saga mends.
        match taker.status() {
            v1::CartStatus::Ordered => return Err(Refusal::Closed("ordered").into()),
            v1::CartStatus::Merged => return Err(Refusal::Closed("merged").into()),
            v1::CartStatus::Active
            | v1::CartStatus::Abandoned
            | v1::CartStatus::Deleted
            | v1::CartStatus::Unspecified => {}
        }
        let policy = match request.policy() {
            v1::MergePolicy::Unspecified => v1::MergePolicy::Add,
            policy => policy,
        };
        let hand_over = v1::HandOverRequest {
            cart_id: from_cart_id.clone(),
            into_cart_id: cart_id.clone(),
            into_user_id: taker.user_id.clone(),
            policy: policy.into(),
        };
        let handed = inquiry.ask::<rpc::HandOver>(from_cart_id, &hand_over).await.map_err(of_the_giver)?;
        let giver = handed.cart.unwrap_or_default();
        let lines = giver.lines.into_iter().map(|line| v1::CartItem {
            sku: line.sku,
            quantity: line.quantity,
            noted_price: line.noted_price,
            added_at: line.added_at,
        });
        let saved = giver.saved.into_iter().map(|line| v1::CartItem {
            sku: line.sku,
            quantity: line.quantity,
            noted_price: line.noted_price,
            added_at: line.added_at,
        });
        Ok(v1::TakeOverRequest {
            cart_id: cart_id.clone(),
            user_id: taker.user_id,
            from_cart_id: from_cart_id.clone(),
            policy: policy.into(),
            items: lines.collect(),
            saved: saved.collect(),
            coupon_codes: giver.coupon_codes,
        })
    })
}

/// What the cart that gives refuses, in the words of the merge.
fn of_the_giver(problem: Problem) -> Problem {
    let code = match problem.code.as_str() {
        "not_found" => "source_not_found",
        "cart_closed" => "source_closed",
        _ => return problem,
    };
    Problem { code: code.to_owned(), ..problem }
}

/// Takes what was handed over.
pub(crate) fn merge(
    desk: &mut Desk<'_>,
    request: &v1::MergeCartRequest,
    handed: &v1::TakeOverRequest,
) -> Result<v1::MergeCartResponse, Problem> {
    must_be_own(&desk.see::<Cart>(&request.cart_id), &desk.facts().caller)?;
    Ok(v1::MergeCartResponse { cart: take_over(desk, handed)?.cart })
}

pub(crate) fn hand_over(desk: &mut Desk<'_>, request: &v1::HandOverRequest) -> Result<v1::HandOverResponse, Problem> {
    let v1::HandOverRequest { cart_id, into_cart_id, into_user_id, .. } = request;
    must_be_own(&desk.see::<Cart>(cart_id), &desk.facts().caller)?;
    let (into, into_owner) = (into_cart_id.clone(), into_user_id.clone());
    desk.tell::<Cart>(cart_id, Command::HandOver { into, into_owner, policy: policy_in(request.policy()) })?;
    Ok(v1::HandOverResponse { cart: now(desk, cart_id) })
}

pub(crate) fn take_over(desk: &mut Desk<'_>, request: &v1::TakeOverRequest) -> Result<v1::TakeOverResponse, Problem> {
    let v1::TakeOverRequest { cart_id, user_id, from_cart_id, items, saved, coupon_codes, .. } = request;
    // Whoever gave meant this cart to be of that person.
    if desk.see::<Cart>(cart_id).owner != *user_id {
        return Err(Refusal::NotFound.into());
    }
    let contents = Contents {
        lines: items.iter().map(item_in).collect(),
        saved: saved.iter().map(item_in).collect(),
        coupons: coupon_codes.clone(),
    };
    let policy = policy_in(request.policy());
    desk.tell::<Cart>(cart_id, Command::TakeOver { from: from_cart_id.clone(), contents, policy })?;
    Ok(v1::TakeOverResponse { cart: now(desk, cart_id) })
}

/// What a cart that was handed over asks of the one that takes.
#[must_use]
pub(crate) fn take_over_request(cart: &Cart) -> v1::TakeOverRequest {
    let (into, into_owner, policy) = match &cart.stage {
        Stage::Merged { into, into_owner, policy, .. } => (into.clone(), into_owner.clone(), *policy),
        Stage::Unknown | Stage::Active | Stage::Abandoned | Stage::Ordered(_) | Stage::Deleted => {
            (String::new(), String::new(), Policy::Add)
        }
    };
    v1::TakeOverRequest {
        cart_id: into,
        user_id: into_owner,
        from_cart_id: cart.id.clone(),
        policy: policy_out(policy).into(),
        items: cart.contents.lines.iter().map(item_out).collect(),
        saved: cart.contents.saved.iter().map(item_out).collect(),
        coupon_codes: cart.contents.coupons.clone(),
    }
}
