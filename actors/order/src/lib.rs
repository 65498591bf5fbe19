#![doc = include_str!("../README.md")]

pub mod numbering;
pub mod order;
pub mod reactions;
pub mod returns;
pub mod views;
pub mod wire;

use runtime::group::Group;

use numbering::{Invoice, Numbering};
use order::Order;
use returns::Return;
use wire::rpc;

/// The group: what people bought, and what became of it.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Order>()
        .entity::<Return>()
        .entity::<Numbering>()
        .entity::<Invoice>()
        .command_with::<rpc::PlaceOrder, Order, _>(
            |request| request.order_id.clone(),
            wire::gather::gather,
            wire::order::place,
        )
        .command::<rpc::CancelOrder, Order>(|request| request.order_id.clone(), wire::order::cancel)
        .command::<rpc::SetOrderStatus, Order>(|request| request.order_id.clone(), wire::order::set_status)
        .command::<rpc::HoldOrder, Order>(|request| request.order_id.clone(), wire::order::hold)
        .command::<rpc::ApproveOrder, Order>(|request| request.order_id.clone(), wire::order::approve)
        .command::<rpc::RetryOrder, Order>(|request| request.order_id.clone(), wire::order::retry)
        .command::<rpc::RequestReturn, Return>(|request| request.return_id.clone(), wire::returns::request)
        .command::<rpc::ApproveReturn, Return>(|request| request.return_id.clone(), wire::returns::approve)
        .command::<rpc::RejectReturn, Return>(|request| request.return_id.clone(), wire::returns::reject)
        .command::<rpc::ReceiveReturn, Return>(|request| request.return_id.clone(), wire::returns::receive)
        .command::<rpc::RetryReturn, Return>(|request| request.return_id.clone(), wire::returns::retry)
        .command::<rpc::NotePayment, Order>(|request| request.order_id.clone(), wire::news::note_payment)
        .command::<rpc::NoteRefund, Order>(|request| request.order_id.clone(), wire::news::note_refund)
        .command::<rpc::NoteParcel, Order>(|request| request.order_id.clone(), wire::news::note_parcel)
        .command::<rpc::IssueInvoice, Invoice>(|request| request.invoice_id.clone(), wire::invoice::issue)
        .read::<rpc::GetOrder, Order>(|request| request.order_id.clone(), wire::order::get)
        .read::<rpc::GetReturn, Return>(|request| request.return_id.clone(), wire::returns::get)
        .history_for::<rpc::GetOrderHistory>(wire::order::whose_history, wire::order::may_see_history)
        .view::<views::Orders>()
        .query::<rpc::ListOrders>(views::list)
        .query::<rpc::ListUserOrders>(views::of_user)
        .query::<rpc::GetInvoice>(views::invoice)
        .query::<rpc::ListReturns>(views::returns)
        .react("payment", reactions::payment)
        .react("shipping", reactions::shipping)
        .react("order", reactions::order)
}
