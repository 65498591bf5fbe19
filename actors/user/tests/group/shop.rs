//! What a test of accounts says: who asks, what they show, what they see.

use messages::Rpc;
use messages::id::Id;
use messages::user::v1::{self, User, UserStatus, VerifyOutcome, rpc};
use prost::Message as _;
use runtime::client::{Call, Failure};
use runtime::group::Group;
use runtime::headers::Caller;
use runtime::testkit::{Asker, Ground, Stage, World, seeded};
use user::passkey::party::Party;
use user::settings::{Argon2, Settings};

use super::neighbours;

/// A good password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A real group with passwords that are quickly hashed, and a small `auth`.
pub(crate) struct Shop {
    pub(crate) user: Stage,
    pub(crate) auth: Stage,
}

fn group() -> Group {
    let argon2 = Argon2 { memory_kib: 8, passes: 1, lanes: 1 };
    let secret = "a secret of more than 32 characters".into();
    let passkeys = Party::at("https://shop.example");
    let settings = Settings { secret, argon2, passkeys, ..Settings::default() };
    user::group_with(settings).expect("settings")
}

impl Shop {
    pub(crate) async fn open(world: &World) -> (Shop, Asker) {
        let mut user = Stage::new(Ground::World(world.clone()), group);
        user.start("a").await;
        let auth = neighbours::open(world).await;
        let asker = user.client("gateway").await;
        (Shop { user, auth }, asker)
    }

    pub(crate) async fn close(mut self) {
        self.user.clear().await;
        self.auth.clear().await;
        assert_eq!(self.user.verify(Some("a")).await, Vec::<String>::new());
    }
}

pub(crate) fn play<F: Future<Output = ()>>(scene: impl Fn(World) -> F) {
    seeded(|seed| {
        let world = World::new(seed);
        let scene = scene(world.clone());
        async move {
            scene.await;
            world.idle().await;
        }
    });
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

pub(crate) fn as_self(name: &str) -> Caller {
    Caller::known("customer", Some(id("usr", name)), vec!["user:read".into(), "user:write".into()])
}

pub(crate) fn staff(role: &str) -> Caller {
    Caller::known(role, Some(id("usr", role)), vec!["*".into()])
}

pub(crate) fn call<R: Rpc>(asker: &Asker, caller: &Caller, key: &str, request: &R::Request) -> Call {
    Call { caller: caller.clone(), ..asker.call::<R>((!key.is_empty()).then_some(key), request) }
}

pub(crate) async fn ask<R: Rpc>(
    asker: &Asker,
    caller: &Caller,
    key: &str,
    request: &R::Request,
) -> Result<R::Response, Failure> {
    let answer = asker.send(&call::<R>(asker, caller, key, request)).await?;
    Ok(R::Response::decode(answer.payload).expect("an answer of the contract"))
}

pub(crate) fn registering(name: &str) -> v1::RegisterUserRequest {
    v1::RegisterUserRequest {
        user_id: id("usr", name),
        email: format!("{name}@example.com"),
        password: PASSWORD.into(),
        name: format!("{name} Lovelace"),
        locale: "en".into(),
        consents: vec![v1::ConsentChoice { purpose: "terms".into(), granted: true, wording: "1".into() }],
    }
}

/// Somebody who registers, and is active once `auth` has heard of it.
pub(crate) async fn register(asker: &Asker, name: &str) -> String {
    let request = registering(name);
    let user_id = request.user_id.clone();
    ask::<rpc::RegisterUser>(asker, &Caller::anonymous(), &user_id, &request).await.expect("an account");
    let get = v1::GetUserRequest { user_id: user_id.clone() };
    let is_active =
        |said: &v1::GetUserResponse| said.user.as_ref().is_some_and(|user| user.status() == UserStatus::Active);
    asker.until::<rpc::GetUser>(Some(&user_id), &get, is_active).await;
    user_id
}

pub(crate) async fn see(asker: &Asker, caller: &Caller, user_id: &str) -> Result<User, Failure> {
    let get = v1::GetUserRequest { user_id: user_id.to_owned() };
    Ok(ask::<rpc::GetUser>(asker, caller, user_id, &get).await?.user.expect("an account"))
}

/// Tries a password, as `auth` does for somebody.
pub(crate) async fn verify(asker: &Asker, request: v1::VerifyUserRequest) -> v1::VerifyUserResponse {
    let request = v1::VerifyUserRequest { attempt_id: user_attempt(), ..request };
    let (caller, key) = (Caller::service("auth"), request.attempt_id.clone());
    ask::<rpc::VerifyUser>(asker, &caller, &key, &request).await.expect("an answer")
}

fn user_attempt() -> String {
    Id::new("att").to_string()
}

pub(crate) fn shown(name: &str, password: &str) -> v1::VerifyUserRequest {
    v1::VerifyUserRequest {
        email: format!("{name}@example.com"),
        password: password.into(),
        source: "203.0.113.7".into(),
        ..Default::default()
    }
}

pub(crate) async fn outcome(asker: &Asker, name: &str, password: &str) -> VerifyOutcome {
    verify(asker, shown(name, password)).await.outcome()
}
