//! The ledger: double entry, derived from what happened.
//!
//! A charge books the sale and how it was paid: the customer owes the revenue, and the provider owes what the customer
//! paid. A refund books the way back. So the accounts of a currency add up to nothing, what customers owe is nothing once
//! they have paid, and what the provider owes is what was taken less what went back.

use prost::Message as _;
use runtime::entity::Recorded as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use super::{Whose, key, last_part, moment, only, passes, row};
use crate::payment::{Event, Payment, What};
use crate::wire::v1::{AccountBalance, LedgerAccount, LedgerEntry, Transaction, TransactionType};
use crate::wire::{self, Money, Problem, v1};

/// More balances than there are currencies and accounts.
const BALANCES_MAX: usize = 10_000;

/// Transactions and balances.
///
/// Rows: `t<place>` a transaction · `s\0<place>` sorts them · `u<user>\0<place>`, `p<payment>\0<place>` and
/// `o<order>\0<place>` find them · `b<currency>\0<account>` a balance. A place is a moment, a partition, a sequence and
/// an index.
pub struct Ledger;

impl View for Ledger {
    const NAME: &'static str = "ledger";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if event.state::<Payment>().is_none() {
            return;
        }
        let Ok(happened) = Event::recall(&event.event_type, &event.data) else { return };
        let Some(transaction) = booked(&happened, event.version) else { return };
        let time = moment(transaction.at.as_ref());
        let place = format!("{time}{:08x}{:016x}{:08x}", event.partition, event.sequence, event.index);
        let place = place.as_bytes();
        for found_by in indexes(&transaction, place) {
            rows.put(&found_by, Vec::new());
        }
        transaction.entries.iter().for_each(|entry| post(rows, entry));
        rows.put(&key(b"t", &[place]), transaction.encode_to_vec());
    }
}

fn indexes(transaction: &Transaction, place: &[u8]) -> Vec<Vec<u8>> {
    let mut keys = vec![
        key(b"s", &[b"", place]),
        key(b"u", &[transaction.user_id.as_bytes(), place]),
        key(b"p", &[transaction.payment_id.as_bytes(), place]),
    ];
    keys.extend(transaction.order_id.as_ref().map(|order_id| key(b"o", &[order_id.as_bytes(), place])));
    keys
}

/// The transaction that an event is, if money moved.
#[must_use]
pub fn booked(event: &Event, version: u64) -> Option<Transaction> {
    use LedgerAccount::{CustomerReceivable, ProviderClearing, Refunds, Revenue};
    let (kind, amount, refund_id, accounts) = match &event.what {
        What::Completed { amount, .. } => {
            let accounts = [(CustomerReceivable, Revenue), (ProviderClearing, CustomerReceivable)];
            (TransactionType::Charge, *amount, None, accounts)
        }
        What::RefundProcessed { id, amount, .. } => {
            let accounts = [(Refunds, CustomerReceivable), (CustomerReceivable, ProviderClearing)];
            (TransactionType::Refund, *amount, Some(id.clone()), accounts)
        }
        _ => return None,
    };
    let entry =
        |account: LedgerAccount, amount: Money| LedgerEntry { account: account.into(), amount: Some(amount.into()) };
    let both = |(debit, credit)| [entry(debit, amount), entry(credit, amount.negated())];
    Some(Transaction {
        transaction_id: wire::transaction_id(&event.id, version),
        at: Some(runtime::clock::to_wire(event.at)),
        r#type: kind.into(),
        payment_id: event.id.clone(),
        order_id: event.order_id.clone(),
        refund_id,
        user_id: event.user_id.clone(),
        amount: Some(amount.into()),
        entries: accounts.into_iter().flat_map(both).collect(),
    })
}

fn post(rows: &mut Writer, entry: &LedgerEntry) {
    let Some(amount) = &entry.amount else { return };
    let place = key(b"b", &[amount.currency.as_bytes(), &[u8::try_from(entry.account).unwrap_or(u8::MAX)]]);
    let mut balance = row::<AccountBalance>(rows, &place).unwrap_or_else(|| AccountBalance {
        account: entry.account,
        balance: wire::money(0, &amount.currency).map(Into::into),
        entries: 0,
    });
    let sum = balance.balance.as_ref().and_then(|balance| balance.amount).unwrap_or_default();
    // Beyond what money can be, the view panics and is set aside: a wrong balance is worse than none.
    #[expect(clippy::expect_used, reason = "a fold runs under a guard")]
    let sum = sum
        .checked_add(amount.amount.unwrap_or_default())
        .and_then(|sum| wire::money(sum, &amount.currency))
        .expect("money");
    balance.balance = Some(sum.into());
    balance.entries += 1;
    rows.put(&place, balance.encode_to_vec());
}

fn at(rows: &Rows, found: &[u8]) -> Option<Transaction> {
    row(rows, &key(b"t", &[last_part(found)?]))
}

/// The word of a type, as filters have it.
fn word(transaction: &Transaction) -> String {
    transaction.r#type().as_str_name().trim_start_matches("TRANSACTION_TYPE_").to_ascii_lowercase()
}

/// Transactions, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn transactions(
    views: &Views<'_>,
    request: &v1::ListTransactionsRequest,
) -> Result<v1::ListTransactionsResponse, Problem> {
    let rows = views.of::<Ledger>();
    let v1::ListTransactionsRequest { limit, after, before, sort, payment_id, order_id, user_id, r#type, currency } =
        request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let whose = Whose::of(views, user_id.as_ref());
    let wanted = |transaction: &Transaction| {
        whose.shows(&transaction.user_id)
            && passes(payment_id.as_ref(), &transaction.payment_id)
            && passes(order_id.as_ref(), transaction.order_id.as_deref().unwrap_or_default())
            && passes(r#type.as_ref(), &word(transaction))
            && passes(currency.as_ref(), transaction.amount.as_ref().map_or("", |amount| &amount.currency))
    };
    let prefix = |_: &str| match (only(payment_id.as_ref()), only(order_id.as_ref()), whose.one()) {
        (Some(payment_id), _, _) => key(b"p", &[payment_id.as_bytes()]),
        (_, Some(order_id), _) => key(b"o", &[order_id.as_bytes()]),
        (_, _, Some(user_id)) => key(b"u", &[user_id.as_bytes()]),
        _ => b"s".to_vec(),
    };
    let Page { data, has_more, next } = asked.page(&rows, "-at", prefix, |key, _| at(&rows, key).filter(wanted))?;
    Ok(v1::ListTransactionsResponse { data, has_more, next })
}

/// What the accounts add up to.
///
/// # Errors
/// None of its own.
pub fn balances(views: &Views<'_>, request: &v1::ListBalancesRequest) -> Result<v1::ListBalancesResponse, Problem> {
    let rows = views.of::<Ledger>();
    let found = rows.scan(b"b", None, BALANCES_MAX);
    let balances = found.iter().filter_map(|(_, value)| AccountBalance::decode(value.as_slice()).ok());
    let wanted = |balance: &AccountBalance| {
        passes(request.currency.as_ref(), balance.balance.as_ref().map_or("", |balance| &balance.currency))
    };
    Ok(v1::ListBalancesResponse { data: balances.filter(wanted).collect() })
}
