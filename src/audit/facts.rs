//! The facts of an audit: what every group says, and what the test bank wrote down. Asked for, never changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bank::books::{Line, Thing, What};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use messages::inventory::v1 as inventory;
use messages::money::{Currency, Money};
use messages::order::v1 as order;
use messages::payment::v1 as payment;
use messages::promotion::v1 as promotion;
use runtime::fabric::Fabric as _;

use crate::ask::{Asker, PAGE, all};

/// How many questions are under way at once.
const AT_ONCE: usize = 32;

/// What a shop says of itself.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) orders: Vec<order::Order>,
    pub(crate) returns: Vec<order::Return>,
    pub(crate) amendments: Vec<order::Amendment>,
    pub(crate) payments: Vec<payment::Payment>,
    pub(crate) transactions: Vec<payment::Transaction>,
    pub(crate) balances: Vec<payment::AccountBalance>,
    pub(crate) shelves: Vec<inventory::StockLevel>,
    pub(crate) transfers: Vec<inventory::Transfer>,
    /// What orders name, by id; one that inventory does not know is missing here.
    pub(crate) reservations: BTreeMap<String, inventory::Reservation>,
    pub(crate) campaigns: Vec<(promotion::Campaign, promotion::CampaignUsage)>,
    pub(crate) coupons: Vec<(promotion::Coupon, Vec<promotion::Code>)>,
    /// Where dead letters are, and why.
    pub(crate) dead_letters: Vec<(String, String)>,
    /// The test bank's accounts of payment intents, by their id, where its journal is.
    pub(crate) bank: Option<BTreeMap<String, Account>>,
}

/// What the test bank really did for one intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    /// Whose it is, as the shop told the bank.
    pub(crate) payment_id: Option<String>,
    /// How often money was taken.
    pub(crate) charges: u32,
    pub(crate) charged: Money,
    pub(crate) returned: Money,
    /// Set aside and neither taken nor let go.
    pub(crate) held: Money,
}

impl Account {
    pub(crate) fn empty(currency: Currency) -> Account {
        let nothing = Money::zero(currency);
        Account { payment_id: None, charges: 0, charged: nothing, returned: nothing, held: nothing }
    }
}

impl Facts {
    /// Asks everybody. What is read last is newest, so what causes is read after what it causes.
    pub(crate) async fn gather(asker: &Asker, journal: Option<&Path>) -> anyhow::Result<Facts> {
        let orders = all!(
            asker,
            order::rpc::ListOrders,
            order::ListOrdersRequest { limit: PAGE, sort: Some("created_at".to_owned()), ..Default::default() }
        );
        let returns = all!(
            asker,
            order::rpc::ListReturns,
            order::ListReturnsRequest { limit: PAGE, sort: Some("created_at".to_owned()), ..Default::default() }
        );
        let amendments = all!(
            asker,
            order::rpc::ListAmendments,
            order::ListAmendmentsRequest { limit: PAGE, sort: Some("created_at".to_owned()), ..Default::default() }
        );
        let payments = all!(
            asker,
            payment::rpc::ListPayments,
            payment::ListPaymentsRequest { limit: PAGE, sort: Some("created_at".to_owned()), ..Default::default() }
        );
        let transactions = all!(
            asker,
            payment::rpc::ListTransactions,
            payment::ListTransactionsRequest { limit: PAGE, ..Default::default() }
        );
        let balances = asker.ask::<payment::rpc::ListBalances>(None, &payment::ListBalancesRequest::default()).await?;
        let shelves = all!(
            asker,
            inventory::rpc::ListStockLevels,
            inventory::ListStockLevelsRequest { limit: PAGE, ..Default::default() }
        );
        let transfers = all!(
            asker,
            inventory::rpc::ListTransfers,
            inventory::ListTransfersRequest { limit: PAGE, sort: Some("created_at".to_owned()), ..Default::default() }
        );
        let reservations = reservations(asker, &orders, &amendments).await?;
        let (campaigns, coupons) = promotions(asker).await?;
        let letters = asker.fabric.letters("shop.dlq.>".to_owned()).await?;
        let reason = |headers| runtime::headers::get(headers, "Shop-Reason").unwrap_or("no reason given").to_owned();
        let dead_letters = letters.iter().map(|letter| (letter.subject.clone(), reason(&letter.headers))).collect();
        let bank = journal.map(accounts).transpose()?;
        Ok(Facts {
            orders,
            returns,
            amendments,
            payments,
            transactions,
            balances: balances.data,
            shelves,
            transfers,
            reservations,
            campaigns,
            coupons,
            dead_letters,
            bank,
        })
    }

    /// What there was to look at.
    pub(crate) fn count(&self) -> String {
        let codes: usize = self.coupons.iter().map(|(_, codes)| codes.len()).sum();
        let bank = match &self.bank {
            Some(accounts) => format!("{} intents in the bank's journal", accounts.len()),
            None => "no journal of a test bank".to_owned(),
        };
        format!(
            "{} orders, {} returns, {} amendments, {} payments, {} transactions, {} shelves, {} transfers, {} reservations, {codes} coupon codes, {bank}",
            self.orders.len(),
            self.returns.len(),
            self.amendments.len(),
            self.payments.len(),
            self.transactions.len(),
            self.shelves.len(),
            self.transfers.len(),
            self.reservations.len(),
        )
    }
}

async fn reservations(
    asker: &Asker,
    orders: &[order::Order],
    amendments: &[order::Amendment],
) -> anyhow::Result<BTreeMap<String, inventory::Reservation>> {
    // What was applied is a part of its order.
    let of_amendments = amendments.iter().filter(|one| one.status() != order::AmendmentStatus::Applied);
    let parts = orders.iter().flat_map(|order| &order.parts).chain(of_amendments.flat_map(|one| &one.parts));
    let named = parts.map(|part| async move {
        let request = inventory::GetReservationRequest {
            warehouse_id: part.warehouse_id.clone(),
            reservation_id: part.reservation_id.clone(),
        };
        let found = asker.find::<inventory::rpc::GetReservation>(&part.warehouse_id, &request).await?;
        let reservation = found.and_then(|found| found.reservation);
        anyhow::Ok(reservation.map(|reservation| (part.reservation_id.clone(), reservation)))
    });
    let found: Vec<_> = stream::iter(named).buffer_unordered(AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

type Promotions =
    (Vec<(promotion::Campaign, promotion::CampaignUsage)>, Vec<(promotion::Coupon, Vec<promotion::Code>)>);

async fn promotions(asker: &Asker) -> anyhow::Result<Promotions> {
    let (mut campaigns, mut coupons) = (Vec::new(), Vec::new());
    for campaign in all!(
        asker,
        promotion::rpc::ListCampaigns,
        promotion::ListCampaignsRequest { limit: PAGE, ..Default::default() }
    ) {
        let request = promotion::GetCampaignUsageRequest { campaign_id: campaign.campaign_id.clone() };
        let usage = asker.ask::<promotion::rpc::GetCampaignUsage>(None, &request).await?;
        campaigns.push((campaign, usage.usage.unwrap_or_default()));
    }
    for coupon in
        all!(asker, promotion::rpc::ListCoupons, promotion::ListCouponsRequest { limit: PAGE, ..Default::default() })
    {
        let request =
            promotion::ListCodesRequest { coupon_id: coupon.coupon_id.clone(), limit: PAGE, ..Default::default() };
        coupons.push((coupon, all!(asker, promotion::rpc::ListCodes, request)));
    }
    Ok((campaigns, coupons))
}

/// Where the test bank of a data directory writes.
pub(crate) fn journal_of(data: &Path) -> PathBuf {
    data.join("bank").join(bank::bank::JOURNAL)
}

/// Adds up what the bank's journal says that really happened to money.
fn accounts(journal: &Path) -> anyhow::Result<BTreeMap<String, Account>> {
    let lines: Vec<Line> = bank::journal::read(journal).context("the bank's journal cannot be read")?;
    let mut accounts: BTreeMap<String, Account> = BTreeMap::new();
    for line in lines {
        let Line::Done(entry) = line else { continue };
        for moved in entry.moves {
            let currency = Currency::parse(&moved.currency.to_uppercase())?;
            let amount = Money::new(moved.amount, currency)?;
            let account = accounts.entry(moved.intent).or_insert_with(|| Account::empty(currency));
            match moved.what {
                What::Held => account.held = account.held.plus(amount)?,
                What::Released => account.held = account.held.minus(amount)?,
                What::Charged => {
                    account.charges += 1;
                    account.charged = account.charged.plus(amount)?;
                    account.held = account.held.minus(amount)?;
                }
                What::Returned => account.returned = account.returned.plus(amount)?,
            }
        }
        for thing in entry.things {
            let Thing::Intent(intent) = thing else { continue };
            let currency = Currency::parse(&intent.currency.to_uppercase())?;
            let account = accounts.entry(intent.id).or_insert_with(|| Account::empty(currency));
            account.payment_id = intent.metadata.get("payment_id").cloned();
        }
    }
    Ok(accounts)
}
