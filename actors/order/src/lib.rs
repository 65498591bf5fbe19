#![doc = include_str!("../README.md")]

pub mod amendment;
pub mod numbering;
pub mod order;
pub mod paper;
pub mod reactions;
pub mod returns;
pub mod settings;
pub mod views;
pub mod wire;

use runtime::group::Group;

use amendment::Amendment;
use numbering::{Invoice, Numbering};
use order::Order;
use returns::Return;
use wire::rpc;

/// The group, by these settings.
#[must_use]
pub fn group_with(settings: settings::Settings) -> Group {
    settings::set(settings);
    group()
}

/// The group: what people bought, and what became of it.
#[must_use]
pub fn group() -> Group {
    Group::new(wire::contract())
        .entity::<Order>()
        .entity::<Return>()
        .entity::<Amendment>()
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
        .command_with::<rpc::RequestExchange, Amendment, _>(
            |request| request.amendment_id.clone(),
            wire::planning::for_exchange,
            wire::amending::exchange,
        )
        .command_with::<rpc::EditOrder, Amendment, _>(
            |request| request.amendment_id.clone(),
            wire::planning::for_edit,
            wire::amending::edit,
        )
        .command::<rpc::CancelAmendment, Amendment>(|request| request.amendment_id.clone(), wire::amending::cancel)
        .command::<rpc::RetryAmendment, Amendment>(|request| request.amendment_id.clone(), wire::amending::retry)
        .command::<rpc::SettleAmendment, Amendment>(|request| request.amendment_id.clone(), wire::amending::settle)
        .command::<rpc::NotePayment, Order>(|request| request.order_id.clone(), wire::news::note_payment)
        .command::<rpc::NoteRefund, Order>(|request| request.order_id.clone(), wire::news::note_refund)
        .command::<rpc::NoteParcel, Order>(|request| request.order_id.clone(), wire::news::note_parcel)
        .command::<rpc::NoteBackorder, Order>(|request| request.order_id.clone(), wire::news::note_backorder)
        .command::<rpc::IssueInvoice, Invoice>(|request| request.invoice_id.clone(), wire::invoice::issue)
        .read::<rpc::GetOrder, Order>(|request| request.order_id.clone(), wire::order::get)
        .read::<rpc::GetReturn, Return>(|request| request.return_id.clone(), wire::returns::get)
        .read::<rpc::GetAmendment, Amendment>(|request| request.amendment_id.clone(), wire::amending::get)
        .read_with::<rpc::PlanEdit, Order, _>(
            |request| request.order_id.clone(),
            wire::planning::for_plan,
            wire::amending::plan,
        )
        .history_for::<rpc::GetOrderHistory>(wire::order::whose_history, wire::order::may_see_history)
        .view::<views::Orders>()
        .query::<rpc::ListOrders>(views::list)
        .query::<rpc::ListUserOrders>(views::of_user)
        .query_with::<rpc::PreviewEdit, _>(wire::planning::for_preview, views::preview)
        .query::<rpc::ListAmendments>(views::amendments)
        .query::<rpc::GetInvoice>(views::invoice)
        .query::<rpc::GetInvoiceFile>(views::invoice_file)
        .query::<rpc::ListReturns>(views::returns)
        .react("payment", reactions::payment)
        .react("shipping", reactions::shipping)
        .react("inventory", reactions::inventory)
        .react("order", reactions::order)
}
