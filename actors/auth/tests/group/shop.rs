//! What a test of auth says: who signs in, and what an application asks.

use std::collections::BTreeMap;

use auth::settings::Settings;
use auth::wire::v1::{self, Decision, Step, rpc};
use auth::wire::{Problem, user};
use messages::id::Id;
use messages::runtime::v1::{Turn, record::What};
use messages::{Group as Contract, Rpc};
use prost::Message as _;
use runtime::client::{Call, Failure};
use runtime::clock::to_wire;
use runtime::desk::Desk;
use runtime::entity::{Entity, Facts, Recorded, Undecodable};
use runtime::group::{Group, Views};
use runtime::headers::Caller;
use runtime::testkit::{Asker, Ground, Stage, World, seeded};
use serde_json::Value;

/// The verifier of every request here, and what it hashes to.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub(crate) const CALLBACK: &str = "https://app.example/callback";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const CODE: &str = "123456";

/// Somebody, as `user` tells of them.
#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]
struct Person {
    news: u32,
}

#[derive(Clone)]
enum Told {
    Set(user::UserCredentialsSet),
    Deleted(user::UserDeleted),
}

impl Recorded for Told {
    fn record(&self) -> (&'static str, Vec<u8>) {
        match self {
            Told::Set(event) => ("user.credentials.set", event.encode_to_vec()),
            Told::Deleted(event) => ("user.deleted", event.encode_to_vec()),
        }
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Told, Undecodable> {
        let unreadable = |e| Undecodable::new(event_type, e);
        match event_type {
            "user.credentials.set" => user::UserCredentialsSet::decode(data).map(Told::Set).map_err(unreadable),
            _ => user::UserDeleted::decode(data).map(Told::Deleted).map_err(unreadable),
        }
    }
}

impl Entity for Person {
    const KIND: &'static str = "person";
    const FOLD: u32 = 1;
    type Command = Told;
    type Event = Told;
    type Refusal = Problem;

    fn decide(&self, command: Told, _: &Facts) -> Result<Vec<Told>, Problem> {
        Ok(vec![command])
    }

    fn evolve(&mut self, _: &Told) {
        self.news += 1;
    }
}

/// `user` says that somebody has a password.
fn activate(desk: &mut Desk<'_>, request: &user::ActivateUserRequest) -> Result<user::ActivateUserResponse, Problem> {
    let (user_id, at) = (request.user_id.clone(), Some(to_wire(desk.facts().now)));
    let email_id = id("eml", &user_id);
    let set = user::UserCredentialsSet { user_id, email: "ada@example.com".into(), email_id, at, ..Default::default() };
    desk.tell::<Person>(&request.user_id, Told::Set(set))?;
    Ok(user::ActivateUserResponse::default())
}

/// `user` says that somebody is gone.
fn delete(desk: &mut Desk<'_>, request: &user::DeleteUserRequest) -> Result<user::DeleteUserResponse, Problem> {
    let (user_id, at) = (request.user_id.clone(), Some(to_wire(desk.facts().now)));
    desk.tell::<Person>(&request.user_id, Told::Deleted(user::UserDeleted { user_id, at }))?;
    Ok(user::DeleteUserResponse::default())
}

pub(crate) fn id(prefix: &'static str, name: &str) -> String {
    Id::derived(prefix, name.as_bytes()).to_string()
}

/// Ada needs a second factor; Bob does not; nobody else is known.
fn verify(_: &mut Desk<'_>, request: &user::VerifyUserRequest) -> Result<user::VerifyUserResponse, Problem> {
    use user::VerifyOutcome::{Locked, MfaRequired, Refused, Verified};
    let name = request.email.split('@').next().unwrap_or_default();
    let good = ["ada", "bob", "lock"].contains(&name) && request.password == PASSWORD;
    let outcome = match (good, name, request.mfa_code.as_str()) {
        (false, ..) => Refused,
        (true, "lock", _) => Locked,
        (true, "ada", "") => MfaRequired,
        (true, "ada", code) if code != CODE => Refused,
        (true, ..) => Verified,
    };
    Ok(user::VerifyUserResponse {
        user_id: if good { id("usr", name) } else { String::new() },
        outcome: outcome.into(),
        amr: vec!["pwd".to_owned()],
        retry_after_seconds: if outcome == Locked { 60 } else { 0 },
        ..Default::default()
    })
}

fn claims(_: &Views<'_>, request: &user::GetClaimsRequest) -> Result<user::GetClaimsResponse, Problem> {
    let staff = request.user_id == id("usr", "bob");
    if !staff && request.user_id != id("usr", "ada") {
        return Err(Problem::not_found("not_found", "there is no such person"));
    }
    Ok(user::GetClaimsResponse {
        user_id: request.user_id.clone(),
        email: "ada@example.com".to_owned(),
        email_verified: true,
        name: "Ada".to_owned(),
        role: if staff { user::Role::Support } else { user::Role::Customer }.into(),
        tier: user::Tier::Standard.into(),
        status: user::UserStatus::Active.into(),
        ..Default::default()
    })
}

fn neighbour() -> Group {
    use user::rpc::{ActivateUser, DeleteUser, GetClaims, VerifyUser};
    thread_local! {
        static USER: &'static Contract = {
            let whole = Contract::named("user").expect("a group");
            let routes = Box::leak(Box::new([
                VerifyUser::ROUTE,
                GetClaims::ROUTE,
                ActivateUser::ROUTE,
                DeleteUser::ROUTE,
            ]));
            Box::leak(Box::new(Contract { hears: &[], calls: &[], routes, ..*whole }))
        };
    }
    Group::new(USER.with(|contract| *contract))
        .entity::<Person>()
        .command::<VerifyUser, Person>(|request| request.attempt_id.clone(), verify)
        .command::<ActivateUser, Person>(|request| request.user_id.clone(), activate)
        .command::<DeleteUser, Person>(|request| request.user_id.clone(), delete)
        .query::<GetClaims>(claims)
}

/// A shop of auth and a small `user`.
pub(crate) struct Shop {
    pub(crate) auth: Stage,
    user: Stage,
    pub(crate) asker: Asker,
}

impl Shop {
    pub(crate) async fn open(world: &World) -> Shop {
        auth::settings::set(Settings {
            issuer: "https://shop.example".into(),
            secret: "0123456789abcdef0123456789abcdef".into(),
            registration_token: "let-me-in".into(),
        });
        let mut auth = Stage::new(Ground::World(world.clone()), auth::group);
        auth.start("a").await;
        let mut user = Stage::new(Ground::World(world.clone()), neighbour);
        user.start("n").await;
        let asker = auth.client("gateway").await;
        let shop = Shop { auth, user, asker };
        let rotate = v1::RotateSigningKeysRequest { ring: "main".into(), if_due: true };
        shop.asker.ask::<rpc::RotateSigningKeys>(Some("main"), &rotate).await.expect("keys");
        shop.asker
            .until::<rpc::ListSigningKeys>(None, &v1::ListSigningKeysRequest {}, |said| said.keys.len() == 2)
            .await;
        shop
    }

    pub(crate) async fn close(mut self) {
        self.user.clear().await;
        self.auth.clear().await;
        assert_eq!(self.auth.verify(Some("a")).await, Vec::<String>::new());
    }

    pub(crate) async fn ask<R: Rpc>(&self, request: &R::Request) -> Result<R::Response, Failure> {
        self.asker.ask::<R>(None, request).await
    }

    pub(crate) async fn ask_as<R: Rpc>(
        &self,
        caller: &Caller,
        key: Option<&str>,
        request: &R::Request,
    ) -> Result<R::Response, Failure> {
        let call = Call { caller: caller.clone(), ..self.asker.call::<R>(key, request) };
        let answer = self.asker.send(&call).await?;
        Ok(R::Response::decode(answer.payload).expect("an answer of the contract"))
    }

    /// How often each of these stands in the log.
    pub(crate) async fn logged(&self, event_types: [&str; 2]) -> [usize; 2] {
        let (log, mut sequence, mut counts) = (self.auth.log().await, 0, [0; 2]);
        while let Ok(Some(entry)) = log.next(0, sequence).await {
            sequence = entry.sequence;
            let turn = Turn::decode(entry.payload).expect("a turn");
            for record in turn.commits.iter().flat_map(|commit| &commit.records) {
                let Some(What::Event(event)) = &record.what else { continue };
                for (count, _) in counts.iter_mut().zip(event_types).filter(|(_, name)| *name == event.r#type) {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// Signs somebody in with the browser.
    pub(crate) async fn login(&self, name: &str) -> v1::LoginResponse {
        let email = format!("{name}@example.com");
        let request = v1::LoginRequest { email, password: PASSWORD.into(), ..Default::default() };
        let said = self.ask::<rpc::Login>(&request).await.expect("an answer");
        if said.ticket.is_empty() {
            return said;
        }
        let request = v1::LoginRequest { ticket: said.ticket, mfa_code: CODE.into(), ..Default::default() };
        self.ask::<rpc::Login>(&request).await.expect("an answer")
    }

    pub(crate) async fn register(&self, client: v1::CreateClientRequest) -> v1::Client {
        self.ask::<rpc::CreateClient>(&client).await.expect("registered").client.expect("a client")
    }

    /// An application that asks people, renews, and lets devices in.
    pub(crate) async fn app(&self) -> v1::Client {
        self.register(v1::CreateClientRequest {
            name: "App".into(),
            redirect_uris: vec![CALLBACK.into()],
            post_logout_redirect_uris: vec!["https://app.example/bye".into()],
            grant_types: ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
                .map(str::to_owned)
                .to_vec(),
            scopes: vec!["order:read".into(), "order:manage".into()],
            ..Default::default()
        })
        .await
    }

    /// What comes next when an application sends a browser.
    pub(crate) async fn authorize(
        &self,
        login: &v1::LoginResponse,
        params: &BTreeMap<String, String>,
        decision: Decision,
    ) -> v1::AuthorizeResponse {
        let request = v1::AuthorizeRequest {
            params: params.clone(),
            session_id: login.session_id.clone(),
            secret: login.secret.clone(),
            decision: decision.into(),
            fresh: false,
        };
        self.ask::<rpc::Authorize>(&request).await.expect("an answer")
    }

    /// A code for somebody who says yes.
    pub(crate) async fn code(&self, login: &v1::LoginResponse, client: &v1::Client) -> String {
        let said = self.authorize(login, &asked(client), Decision::Allow).await;
        assert_eq!(said.step(), Step::Redirect, "{said:?}");
        parameter(&said.location, "code").expect("a code")
    }

    /// What an endpoint answers to a form.
    pub(crate) async fn endpoint(
        &self,
        endpoint: v1::Endpoint,
        params: &[(&str, &str)],
        authorization: &str,
    ) -> (u32, Value) {
        self.endpoint_with("", endpoint, params, authorization).await
    }

    /// The same for whoever proves to have a key.
    pub(crate) async fn endpoint_with(
        &self,
        jkt: &str,
        endpoint: v1::Endpoint,
        params: &[(&str, &str)],
        authorization: &str,
    ) -> (u32, Value) {
        let params = params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = v1::AnswerEndpointRequest {
            endpoint: endpoint.into(),
            params,
            authorization: authorization.to_owned(),
            body: String::new(),
            dpop_jkt: jkt.to_owned(),
        };
        let said = self.ask::<rpc::AnswerEndpoint>(&request).await.expect("an answer");
        (said.status, serde_json::from_str(&said.body).unwrap_or(Value::Null))
    }

    pub(crate) async fn token(&self, client: &v1::Client, params: &[(&str, &str)]) -> (u32, Value) {
        self.token_with("", client, params).await
    }

    /// The same for whoever proves to have a key.
    pub(crate) async fn token_with(&self, jkt: &str, client: &v1::Client, params: &[(&str, &str)]) -> (u32, Value) {
        let secret = client.client_secret.clone().unwrap_or_default();
        let mut params = params.to_vec();
        params.push(("client_id", &client.client_id));
        if !secret.is_empty() {
            params.push(("client_secret", &secret));
        }
        self.endpoint_with(jkt, v1::Endpoint::Token, &params, "").await
    }

    pub(crate) async fn redeem(&self, client: &v1::Client, code: &str) -> (u32, Value) {
        let grant = ("grant_type", "authorization_code");
        let params = [grant, ("code", code), ("code_verifier", VERIFIER), ("redirect_uri", CALLBACK)];
        self.token(client, &params).await
    }

    pub(crate) async fn refresh(&self, client: &v1::Client, refresh_token: &str) -> (u32, Value) {
        self.token(client, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }
}

pub(crate) fn form(fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// What an application asks of somebody.
pub(crate) fn asked(client: &v1::Client) -> BTreeMap<String, String> {
    form(&[
        ("client_id", &client.client_id),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile email order:read order:manage"),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ])
}

/// A field of an address.
pub(crate) fn parameter(location: &str, name: &str) -> Option<String> {
    let query = location.split_once('?')?.1;
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}

/// What a token says, unchecked.
pub(crate) fn said_in(token: &Value) -> Value {
    use base64::Engine as _;
    let part = token.as_str().expect("a token").split('.').nth(1).expect("parts");
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).expect("base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

pub(crate) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
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
