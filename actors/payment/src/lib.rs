#![doc = include_str!("../README.md")]

pub mod card_number;
pub mod fraud;
pub mod method;
pub mod payment;
pub mod provider;
pub mod reactions;
pub mod settings;
pub mod views;
pub mod webhook;
pub mod wire;

use std::sync::Arc;

use runtime::clock::Clock;
use runtime::group::Group;

use method::Method;
use payment::Payment;
use provider::http::{Https, Transport};
use provider::paypal::{self, PayPal};
use provider::stripe::Stripe;
use settings::Settings;
use wire::rpc;

/// The group, with the settings of a shop that nobody configured: the test provider on this machine.
///
/// # Panics
/// When TLS cannot be set up.
#[must_use]
pub fn group() -> Group {
    #[expect(clippy::expect_used, reason = "the defaults name a provider that is there")]
    group_with(Settings::default()).expect("the defaults are settings")
}

/// Why the group cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The settings.
    #[error(transparent)]
    Settings(#[from] settings::Error),
    /// TLS.
    #[error("the connection to the provider {name} cannot be set up")]
    Transport {
        /// Which.
        name: &'static str,
        /// Why not.
        #[source]
        source: reqwest::Error,
    },
}

/// The group, with these settings.
///
/// # Errors
/// When payments could not be made with them.
pub fn group_with(settings: Settings) -> Result<Group, Error> {
    settings.check()?;
    let mut group = handlers();
    for name in [provider::TEST, provider::STRIPE] {
        let Some(access) = settings.access(name) else { continue };
        let https = Https::new(&access.base_url, &access.secret_key, access.timeout());
        let https = https.map_err(|source| Error::Transport { name, source })?;
        group = with(group, name, Arc::new(https), Clock::system(), &settings);
    }
    if settings.paypal.is_set() {
        let https = Https::new(&settings.paypal.base_url, "", settings.paypal.timeout());
        let https = https.map_err(|source| Error::Transport { name: provider::PAYPAL, source })?;
        group = with_paypal(group, Arc::new(https), Clock::system(), &settings);
    }
    settings::set(settings);
    Ok(group)
}

/// The group, with a provider that is reached in another way and a clock of its own: what tests play it with.
#[must_use]
pub fn group_over(transport: Arc<dyn Transport>, clock: Clock) -> Group {
    let settings = Settings::default();
    let group = with(handlers(), provider::TEST, transport, clock, &settings);
    settings::set(settings);
    group
}

/// The group, with a PayPal that is reached in another way and a clock of its own: what tests play it with.
///
/// # Errors
/// When payments could not be made with these settings.
pub fn group_over_paypal(transport: Arc<dyn Transport>, clock: Clock, settings: Settings) -> Result<Group, Error> {
    settings.check()?;
    let group = with_paypal(handlers(), transport, clock, &settings);
    settings::set(settings);
    Ok(group)
}

fn with_paypal(group: Group, over: Arc<dyn Transport>, clock: Clock, settings: &Settings) -> Group {
    let paypal = PayPal::new(over, clock, &settings.paypal.credentials(), settings.return_url.clone());
    let paypal = Arc::new(paypal);
    paypal::news::set(paypal.clone());
    group.provider(provider::PAYPAL, paypal)
}

fn with(group: Group, name: &'static str, over: Arc<dyn Transport>, clock: Clock, settings: &Settings) -> Group {
    group.provider(name, Arc::new(Stripe::new(over, clock, settings.return_url.clone())))
}

fn handlers() -> Group {
    Group::new(wire::contract())
        .entity::<Payment>()
        .entity::<Method>()
        .command_with::<rpc::CreatePayment, Payment, _>(
            |request| request.payment_id.clone(),
            wire::payment::gather_create,
            wire::payment::create,
        )
        .command::<rpc::OpenPayment, Payment>(|request| request.payment_id.clone(), wire::payment::open)
        .command_with::<rpc::AuthorizePayment, Payment, _>(
            |request| request.payment_id.clone(),
            wire::payment::gather_authorize,
            wire::payment::authorize,
        )
        .command::<rpc::ConfirmPayment, Payment>(|request| request.payment_id.clone(), wire::payment::confirm)
        .command::<rpc::CapturePayment, Payment>(|request| request.payment_id.clone(), wire::payment::capture)
        .command::<rpc::VoidPayment, Payment>(|request| request.payment_id.clone(), wire::payment::void)
        .command::<rpc::CancelPayment, Payment>(|request| request.payment_id.clone(), wire::payment::cancel)
        .command::<rpc::RefundPayment, Payment>(|request| request.payment_id.clone(), wire::payment::refund)
        .command::<rpc::ReconcilePayment, Payment>(|request| request.payment_id.clone(), wire::payment::reconcile)
        .command_with::<rpc::ReceiveWebhook, Payment, _>(
            // Nobody's: what it says is told to the payment that it is about.
            |request| request.provider.clone(),
            wire::webhook::gather,
            wire::webhook::receive,
        )
        .command::<rpc::NotePayment, Payment>(|request| request.payment_id.clone(), wire::webhook::note)
        .command::<rpc::ApprovePayment, Payment>(|request| request.payment_id.clone(), wire::review::approve)
        .command::<rpc::DeclinePayment, Payment>(|request| request.payment_id.clone(), wire::review::decline)
        .command::<rpc::CreatePaymentMethod, Method>(|request| request.payment_method_id.clone(), wire::method::create)
        .command::<rpc::RemovePaymentMethod, Method>(|request| request.payment_method_id.clone(), wire::method::remove)
        .read::<rpc::GetPayment, Payment>(|request| request.payment_id.clone(), wire::payment::get)
        .read::<rpc::GetRefund, Payment>(|request| request.payment_id.clone(), wire::payment::get_refund)
        .read::<rpc::GetPaymentMethod, Method>(|request| request.payment_method_id.clone(), wire::method::get)
        .read::<rpc::ResolvePaymentMethod, Method>(|request| request.payment_method_id.clone(), wire::method::resolve)
        .history_for::<rpc::GetHistory>(wire::whose_history, wire::payment::may_see_history)
        .view::<views::Payments>()
        .view::<views::Methods>()
        .view::<views::Ledger>()
        .query::<rpc::ListPayments>(views::list)
        .query::<rpc::ListReviews>(views::reviews)
        .query::<rpc::ListPaymentMethods>(views::methods)
        .query::<rpc::ListTransactions>(views::transactions)
        .query::<rpc::ListBalances>(views::balances)
        .react("order", reactions::orders)
}
