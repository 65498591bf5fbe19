//! What a test of payment says: a stage, a bank, and the way between them.

use std::cell::RefCell;
use std::sync::{Arc, Mutex};

use bank::intent::Intent;
use bank::stripe::{self, Manner};
use bank::{Bank, books};
use messages::id::Id;
use messages::payment::v1::{self, rpc};
use payment::provider::http::{Lost, Reply, Request, Sending, Transport};
use runtime::client::{Answer, Call, Failure};
use runtime::clock::Clock;
use runtime::entropy::Entropy;
use runtime::group::Group;
use runtime::headers::Caller;
use runtime::testkit::{Asker, Ground, Stage, World};

/// The way to the bank, in this process: what is asked for goes through Stripe's wire format and no socket.
pub(crate) struct Way {
    pub(crate) bank: Bank,
    weather: Mutex<Weather>,
}

/// What becomes of requests.
enum Weather {
    Fine,
    /// The next answers are lost; what was asked for is done.
    AnswersLost(u32),
    /// Nothing arrives.
    Away,
    /// Of four requests one is lost, and of one more the answer.
    Storm(Entropy),
}

impl Way {
    pub(crate) fn fine(&self) {
        *self.weather.lock().expect("the weather") = Weather::Fine;
    }

    pub(crate) fn lose_answers(&self, count: u32) {
        *self.weather.lock().expect("the weather") = Weather::AnswersLost(count);
    }

    pub(crate) fn go_away(&self) {
        *self.weather.lock().expect("the weather") = Weather::Away;
    }

    pub(crate) fn storm(&self, entropy: Entropy) {
        *self.weather.lock().expect("the weather") = Weather::Storm(entropy);
    }

    fn deliver(&self, request: &Request) -> Result<Reply, Lost> {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let key = request.key.as_deref();
        let shown =
            stripe::Request { method: request.method, path, query, authorization: None, key, body: &request.form };
        let reply = stripe::answer(&self.bank, "http://bank", "", &shown).expect("memory does not fail");
        match reply.manner {
            Manner::Fails => Ok(Reply { status: 500, body: "{}".into() }),
            Manner::Drops => Err(Lost("the connection broke".into())),
            _ => Ok(Reply { status: reply.status, body: reply.body.to_string() }),
        }
    }

    fn answer(&self, request: &Request) -> Result<Reply, Lost> {
        let lost = || Err(Lost("nobody knows".into()));
        let mut weather = self.weather.lock().expect("the weather");
        match &mut *weather {
            Weather::Fine | Weather::AnswersLost(0) => self.deliver(request),
            Weather::Away => lost(),
            Weather::AnswersLost(count) => {
                *count -= 1;
                self.deliver(request).and_then(|_| lost())
            }
            Weather::Storm(entropy) => match entropy.below(5) {
                0 => lost(),
                1 => self.deliver(request).and_then(|_| lost()),
                _ => self.deliver(request),
            },
        }
    }

    /// The intents of a payment.
    pub(crate) fn intents(&self, payment_id: &str) -> Vec<Intent> {
        self.bank.with_metadata("payment_id", payment_id).expect("memory")
    }

    /// What is held, taken and given back for a payment, which has one intent at most.
    pub(crate) fn money(&self, payment_id: &str) -> [i64; 3] {
        let intents = self.intents(payment_id);
        assert!(intents.len() <= 1, "{payment_id} was asked for twice: {intents:?}");
        intents.first().map_or([0; 3], |intent| [intent.held, intent.taken, intent.returned])
    }

    /// The news that the bank has not told, as it would send them.
    pub(crate) fn news(&self) -> Vec<String> {
        let untold = self.bank.untold(100).expect("memory");
        untold.iter().map(|(at, news, thing)| stripe::event(*at, news, thing, "http://bank").to_string()).collect()
    }

    /// The customer of a payment proves who they are, or does not.
    pub(crate) fn prove(&self, payment_id: &str, proved: bool) {
        let intent = self.intents(payment_id).pop().expect("an intent");
        let answer = self.bank.authenticate(&intent.id, proved).expect("memory");
        assert!(matches!(answer.result, Ok(books::Thing::Intent(_)) | Err(_)));
    }
}

impl Transport for Way {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move { self.answer(&request) })
    }
}

thread_local! {
    /// A world has one thread, and a stage builds its group anew with each start.
    static PLAYED: RefCell<Option<(Arc<Way>, Clock)>> = const { RefCell::new(None) };
}

fn group() -> Group {
    let (way, clock) = PLAYED.with_borrow(Clone::clone).expect("a test that has begun");
    payment::group_over(way, clock)
}

/// A stage for payment with these replicas, a client, and the way to the bank.
pub(crate) async fn open(world: &World, replicas: &[&str]) -> (Stage, Asker, Arc<Way>) {
    let way = Arc::new(Way { bank: Bank::in_memory(), weather: Mutex::new(Weather::Fine) });
    PLAYED.set(Some((way.clone(), world.clock())));
    let mut stage = Stage::new(Ground::World(world.clone()), group);
    for replica in replicas {
        stage.start(replica).await;
    }
    let asker = stage.client("customer").await;
    (stage, asker, way)
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn euros(amount: i64) -> Option<messages::common::v1::Money> {
    Some(messages::common::v1::Money { amount: Some(amount), currency: "EUR".into() })
}

pub(crate) fn token(token: &str) -> Option<v1::MethodChoice> {
    Some(v1::MethodChoice { of: Some(v1::method_choice::Of::Token(token.to_owned())) })
}

/// As the order group asks for the payment of an order.
pub(crate) fn authorisation(name: &str, card: &str) -> v1::AuthorizePaymentRequest {
    v1::AuthorizePaymentRequest {
        payment_id: id("pay", name),
        order_id: Some(id("ord", name)),
        user_id: id("usr", "ada"),
        amount: euros(1999),
        method: token(card),
        capture: v1::CaptureMode::Manual.into(),
        return_url: "https://shop.example/thanks".into(),
    }
}

pub(crate) async fn authorise(asker: &Asker, name: &str, card: &str) -> v1::Payment {
    let request = authorisation(name, card);
    let said = asker.ask::<rpc::AuthorizePayment>(Some(&request.payment_id), &request).await.expect("accepted");
    said.payment.expect("a payment")
}

/// Waits until a payment stands so.
pub(crate) async fn until(asker: &Asker, name: &str, status: v1::PaymentStatus) -> v1::Payment {
    let request = v1::GetPaymentRequest { payment_id: id("pay", name) };
    let so = |said: &v1::GetPaymentResponse| said.payment.as_ref().is_some_and(|payment| payment.status() == status);
    asker.until::<rpc::GetPayment>(Some(&request.payment_id), &request, so).await.payment.expect("a payment")
}

pub(crate) async fn capture(asker: &Asker, name: &str, amount: Option<i64>) -> Result<v1::Payment, Failure> {
    let request = v1::CapturePaymentRequest { payment_id: id("pay", name), amount: amount.and_then(euros) };
    let said = asker.ask::<rpc::CapturePayment>(Some(&request.payment_id), &request).await?;
    Ok(said.payment.expect("a payment"))
}

pub(crate) async fn cancel(asker: &Asker, name: &str) {
    let request = v1::CancelPaymentRequest { payment_id: id("pay", name), reason: "out_of_stock".into() };
    asker.ask::<rpc::CancelPayment>(Some(&request.payment_id), &request).await.expect("never too late");
}

/// Refunds under the refund's name as key.
pub(crate) async fn refund(asker: &Asker, name: &str, refund: &str, amount: Option<i64>) -> Result<Answer, Failure> {
    let request = v1::RefundPaymentRequest {
        payment_id: id("pay", name),
        refund_id: id("rfd", refund),
        amount: amount.and_then(euros),
        reason: "Arrived broken.".into(),
    };
    asker.send(&asker.keyed::<rpc::RefundPayment>(refund, &request.payment_id, &request)).await
}

/// Waits until all refunds of a payment have ended.
pub(crate) async fn refunded(asker: &Asker, name: &str) -> Vec<v1::Refund> {
    let request = v1::GetPaymentRequest { payment_id: id("pay", name) };
    let ended = |said: &v1::GetPaymentResponse| {
        let refunds = said.payment.iter().flat_map(|payment| &payment.refunds);
        refunds.into_iter().all(|refund| refund.status() != v1::RefundStatus::Pending)
    };
    let said = asker.until::<rpc::GetPayment>(Some(&request.payment_id), &request, ended).await;
    said.payment.expect("a payment").refunds
}

/// A call as a customer makes it.
pub(crate) fn as_customer(name: &str, mut call: Call) -> Call {
    let scopes = vec!["payment:read".to_owned(), "payment:write".to_owned()];
    call.caller = Caller::known("customer", Some(id("usr", name)), scopes);
    call
}

/// What is wrong with the ledger: nothing, if all is well.
pub(crate) async fn ledger_sums(asker: &Asker) -> i64 {
    let said = asker.ask::<rpc::ListBalances>(None, &v1::ListBalancesRequest::default()).await.expect("balances");
    said.data.iter().filter_map(|balance| balance.balance.as_ref()?.amount).sum()
}

/// The balance of an account in EUR.
pub(crate) async fn balance(asker: &Asker, account: v1::LedgerAccount) -> i64 {
    let said = asker.ask::<rpc::ListBalances>(None, &v1::ListBalancesRequest::default()).await.expect("balances");
    let found = said.data.iter().find(|balance| balance.account() == account);
    found.and_then(|balance| balance.balance.as_ref()?.amount).unwrap_or(0)
}
