//! `auth`, as small as it can be: it makes a record of whoever has a password, and opens sessions; and `order`, smaller.

use jiff::Timestamp;
use messages::auth::v1::{self as auth, rpc};
use messages::order::v1 as order;
use messages::problem::Problem;
use messages::user::v1::UserCredentialsSet;
use messages::{Group as Contract, Hears, Rpc as _};
use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Entity, Facts, Recorded, Undecodable};
use runtime::group::{Group, News, Reaction, Views};
use runtime::testkit::{Ground, Stage, World};
use serde::{Deserialize, Serialize};

/// A record of somebody.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Record(bool);

struct Registered(String, Timestamp);

impl Recorded for Registered {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let event = auth::UserRegistered { user_id: self.0.clone(), email: String::new(), at: Some(to_wire(self.1)) };
        ("user.registered", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Registered, Undecodable> {
        let said = auth::UserRegistered::decode(data).map_err(|e| Undecodable::new(event_type, e))?;
        Ok(Registered(said.user_id, from_wire(said.at.as_ref())))
    }
}

impl Entity for Record {
    const KIND: &'static str = "record";
    const FOLD: u32 = 1;
    type Command = String;
    type Event = Registered;
    type Refusal = Problem;

    fn decide(&self, user_id: String, facts: &Facts) -> Result<Vec<Registered>, Problem> {
        Ok(if self.0 { vec![] } else { vec![Registered(user_id, facts.now)] })
    }

    fn evolve(&mut self, _: &Registered) {
        self.0 = true;
    }
}

fn register(desk: &mut Desk<'_>, request: &auth::RegisterUserRequest) -> Result<auth::RegisterUserResponse, Problem> {
    desk.tell::<Record>(&request.user_id, request.user_id.clone())?;
    Ok(auth::RegisterUserResponse::default())
}

fn hear(news: &News, _: &Views<'_>) -> Result<Vec<Reaction>, Undecodable> {
    let said: UserCredentialsSet = news.read()?;
    let register = auth::RegisterUserRequest { user_id: said.user_id.clone(), ..Default::default() };
    Ok(vec![Reaction::command::<rpc::RegisterUser>(said.user_id, &register)])
}

fn open_session(_: &Views<'_>, request: &auth::OpenSessionRequest) -> Result<auth::OpenSessionResponse, Problem> {
    let tokens = auth::Tokens {
        access_token: format!("access of {}", request.user_id),
        token_type: "Bearer".into(),
        expires_in: 600,
        session_id: request.session_id.clone(),
        ..auth::Tokens::default()
    };
    Ok(auth::OpenSessionResponse { tokens: Some(tokens), session: None })
}

thread_local! {
    static AUTH: &'static Contract = {
        let whole = Contract::named("auth").expect("a group");
        let hears: &'static [Hears] =
            Box::leak(Box::new([Hears { group: "user", events: &["user.credentials.set"] }]));
        let routes = Box::leak(Box::new([rpc::RegisterUser::ROUTE, rpc::OpenSession::ROUTE]));
        Box::leak(Box::new(Contract { hears, calls: &[], routes, ..*whole }))
    };
}

/// The small `auth`, in a world.
pub(crate) async fn open(world: &World) -> Stage {
    let build: fn() -> Group = || {
        Group::new(AUTH.with(|contract| *contract))
            .entity::<Record>()
            .command::<rpc::RegisterUser, Record>(|r| r.user_id.clone(), register)
            .query::<rpc::OpenSession>(open_session)
            .react("user", hear)
    };
    let mut stage = Stage::new(Ground::World(world.clone()), build);
    stage.start("n").await;
    stage
}

/// Orders of which one line is a membership and one is not.
fn order(_: &Window<'_>, request: &order::GetOrderRequest) -> Result<order::GetOrderResponse, Problem> {
    let item = |sku: &str, product_type: &str, quantity| order::OrderItem {
        sku: sku.into(),
        product_type: product_type.into(),
        quantity,
        ..order::OrderItem::default()
    };
    let items = vec![item("SHIRT", "physical", 3), item("CLUB-YEAR", "membership", 2)];
    Ok(order::GetOrderResponse {
        order: Some(order::Order { order_id: request.order_id.clone(), items, ..order::Order::default() }),
    })
}

thread_local! {
    static ORDER: &'static Contract = {
        let whole = Contract::named("order").expect("a group");
        let routes = Box::leak(Box::new([order::rpc::GetOrder::ROUTE]));
        Box::leak(Box::new(Contract { hears: &[], calls: &[], routes, ..*whole }))
    };
}

/// The small `order`, in a world.
pub(crate) async fn orders(world: &World) -> Stage {
    let build: fn() -> Group = || {
        Group::new(ORDER.with(|contract| *contract))
            .entity::<Record>()
            .read::<order::rpc::GetOrder, Record>(|r| r.order_id.clone(), order)
    };
    let mut stage = Stage::new(Ground::World(world.clone()), build);
    stage.start("o").await;
    stage
}
