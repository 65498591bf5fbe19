//! The review of suspicious payments.

use runtime::desk::Desk;

use super::payment::now;
use super::{Problem, v1};
use crate::payment::{Command, Payment};

pub(crate) fn approve(
    desk: &mut Desk<'_>,
    request: &v1::ApprovePaymentRequest,
) -> Result<v1::ApprovePaymentResponse, Problem> {
    let caller = &desk.facts().caller;
    let by = caller.person().unwrap_or(&caller.role).to_owned();
    desk.tell::<Payment>(&request.payment_id, Command::Approve(by))?;
    Ok(v1::ApprovePaymentResponse { payment: now(desk, &request.payment_id) })
}

pub(crate) fn decline(
    desk: &mut Desk<'_>,
    request: &v1::DeclinePaymentRequest,
) -> Result<v1::DeclinePaymentResponse, Problem> {
    desk.tell::<Payment>(&request.payment_id, Command::Decline)?;
    Ok(v1::DeclinePaymentResponse { payment: now(desk, &request.payment_id) })
}
