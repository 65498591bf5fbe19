//! API keys, sessions of the shop's own applications, and permissions.

use auth::crypto;
use auth::wire::v1::{self, rpc};
use runtime::headers::Caller;
use runtime::testkit::refusal;

use super::shop::{Shop, id, play, said_in};

fn ada() -> Caller {
    let scopes = ["auth:read", "auth:write", "order:read"].map(str::to_owned).to_vec();
    Caller::known("customer", Some(id("usr", "ada")), scopes)
}

fn bob() -> Caller {
    Caller { subject: Some(id("usr", "bob")), ..ada() }
}

fn wanted(scopes: &[&str]) -> v1::CreateApiKeyRequest {
    let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
    v1::CreateApiKeyRequest { name: "Printer".into(), scopes, ..Default::default() }
}

impl Shop {
    async fn check(&self, key: &str) -> v1::CheckApiKeyResponse {
        let api_key_id = auth::api_key::id_of(key).expect("a key");
        let request = v1::CheckApiKeyRequest { api_key_id, secret_hash: crypto::hash(key) };
        self.ask::<rpc::CheckApiKey>(&request).await.expect("an answer")
    }
}

#[test]
fn a_key_is_shown_once_works_and_is_taken_back() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let made = shop.ask_as::<rpc::CreateApiKey>(&ada(), None, &wanted(&["order:read"])).await.expect("made");
        let made = made.api_key.expect("a key");
        let secret = made.secret.clone().expect("a secret");
        assert!(secret.starts_with(&made.prefix));
        let said = shop.check(&secret).await;
        assert_eq!((said.active, said.role.as_str(), said.scopes), (true, "customer", vec!["order:read".to_owned()]));
        let key = Some(made.api_key_id.as_str());
        let get = v1::GetApiKeyRequest { api_key_id: made.api_key_id.clone() };
        let shown = shop.ask_as::<rpc::GetApiKey>(&ada(), key, &get).await.expect("shown").api_key.expect("a key");
        assert_eq!(shown.secret, None);
        assert_eq!(refusal(shop.ask_as::<rpc::GetApiKey>(&bob(), key, &get).await).code, "not_found");
        let rotate = v1::RotateApiKeyRequest { api_key_id: made.api_key_id.clone(), overlap_seconds: Some(60) };
        assert_eq!(refusal(shop.ask_as::<rpc::RotateApiKey>(&bob(), None, &rotate).await).code, "not_found");
        let rotated = shop.ask_as::<rpc::RotateApiKey>(&ada(), None, &rotate).await.expect("rotated");
        let next = rotated.api_key.and_then(|key| key.secret).expect("a secret");
        assert!(shop.check(&secret).await.active && shop.check(&next).await.active);
        tokio::time::sleep(std::time::Duration::from_secs(61)).await;
        assert!(!shop.check(&secret).await.active && shop.check(&next).await.active);
        let again = shop.ask_as::<rpc::RotateApiKey>(&ada(), None, &rotate).await;
        assert!(again.is_ok(), "twice is not a repeat: {again:?}");
        let revoke = v1::RevokeApiKeyRequest { api_key_id: made.api_key_id.clone() };
        assert_eq!(refusal(shop.ask_as::<rpc::RevokeApiKey>(&bob(), key, &revoke).await).code, "not_found");
        shop.ask_as::<rpc::RevokeApiKey>(&ada(), key, &revoke).await.expect("revoked");
        assert!(!shop.check(&next).await.active);
        let list = v1::ListApiKeysRequest::default();
        let listed = shop.ask_as::<rpc::ListApiKeys>(&ada(), None, &list).await.expect("a list");
        assert_eq!(listed.data.len(), 1);
        assert!(listed.data[0].revoked_at.is_some());
        shop.close().await;
    });
}

#[test]
fn a_key_does_no_more_than_its_owner() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        for scopes in [&["order:manage"][..], &["*"], &["nobody:asks"]] {
            let refused = shop.ask_as::<rpc::CreateApiKey>(&ada(), None, &wanted(scopes)).await;
            assert_eq!(refusal(refused).code, "scope_not_held", "{scopes:?}");
        }
        let others = v1::CreateApiKeyRequest { user_id: Some(id("usr", "bob")), ..wanted(&["order:read"]) };
        assert_eq!(refusal(shop.ask_as::<rpc::CreateApiKey>(&ada(), None, &others).await).code, "not_found");
        // An admin gives Ada a key for more than her role lets her: it is worth what she may.
        let more =
            v1::CreateApiKeyRequest { user_id: Some(id("usr", "ada")), ..wanted(&["order:read", "order:manage"]) };
        let made = shop.ask::<rpc::CreateApiKey>(&more).await.expect("made").api_key.and_then(|key| key.secret);
        let secret = made.expect("a secret");
        assert_eq!(shop.check(&secret).await.scopes, ["order:read"]);
        let ada = id("usr", "ada");
        let grant = v1::PutUserGrantsRequest { user_id: ada.clone(), scopes: vec!["order:manage".into()] };
        shop.asker.ask::<rpc::PutUserGrants>(Some(&ada), &grant).await.expect("granted");
        assert_eq!(shop.check(&secret).await.scopes, ["order:read", "order:manage"]);
        shop.close().await;
    });
}

#[test]
fn a_session_of_the_shop_s_own_application_renews_itself_and_ends() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let ada = id("usr", "ada");
        let open = v1::OpenSessionRequest {
            session_id: id("ses", "one"),
            user_id: ada.clone(),
            amr: vec!["pwd".into()],
            ..Default::default()
        };
        let said = shop.ask::<rpc::OpenSession>(&open).await.expect("opened");
        let tokens = said.tokens.expect("tokens");
        let access = said_in(&tokens.access_token.clone().into());
        assert_eq!((access["sub"].as_str(), access["client_id"].as_str()), (Some(&*ada), Some("shop")));
        assert!(tokens.scope.contains("cart:write") && !tokens.scope.contains("manage"));
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*tokens.refresh_token)];
        let (status, next) = shop.endpoint(v1::Endpoint::Token, &refresh, "").await;
        assert_eq!((status, next["scope"].as_str()), (200, Some(&*tokens.scope)));
        let list = v1::ListSessionsRequest::default();
        let sessions = shop.ask_as::<rpc::ListSessions>(&self::ada(), None, &list).await.expect("a list").data;
        assert_eq!(sessions.len(), 1);
        let stranger = v1::ListSessionsRequest { user_id: Some(ada.clone()), ..list };
        assert_eq!(refusal(shop.ask_as::<rpc::ListSessions>(&bob(), None, &stranger).await).code, "not_found");
        let end = v1::RevokeUserSessionsRequest { user_id: ada.clone() };
        let refused = shop.ask_as::<rpc::RevokeUserSessions>(&bob(), Some(&ada), &end).await;
        assert_eq!(refusal(refused).code, "not_found");
        let ended = shop.ask_as::<rpc::RevokeUserSessions>(&self::ada(), Some(&ada), &end).await.expect("ended");
        assert_eq!(ended.revoked, 1);
        let again = next["refresh_token"].as_str().expect("a token").to_owned();
        let refresh = [("grant_type", "refresh_token"), ("refresh_token", &*again)];
        assert_eq!(shop.endpoint(v1::Endpoint::Token, &refresh, "").await.0, 400);
        shop.close().await;
    });
}

#[test]
fn nobody_may_what_nobody_allows() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let check = |scope: &str| v1::CheckPermissionRequest { scope: scope.into(), ..Default::default() };
        let of = |role: &str, scope: &str| v1::CheckPermissionRequest { role: Some(role.into()), ..check(scope) };
        for (request, allowed, reason) in [
            (of("support", "order:manage"), true, "role"),
            (of("support", "payment:manage"), false, "missing_scope"),
            (of("customer", "order:manage"), false, "missing_scope"),
            (of("admin", "anything:at_all"), true, "role"),
            (of("nobody", "order:read"), false, "unknown_role"),
            (
                v1::CheckPermissionRequest { service: Some("order".into()), ..of("service", "payment:write") },
                true,
                "service",
            ),
            (
                v1::CheckPermissionRequest { service: Some("order".into()), ..of("service", "user:internal") },
                false,
                "missing_scope",
            ),
            (of("service", "payment:write"), false, "unknown_service"),
            (v1::CheckPermissionRequest { user_id: Some(id("usr", "bob")), ..check("order:manage") }, true, "role"),
            (
                v1::CheckPermissionRequest {
                    user_id: Some(id("usr", "ada")),
                    owner_id: Some(id("usr", "bob")),
                    ..check("order:read")
                },
                false,
                "not_owner",
            ),
        ] {
            let said = shop.ask::<rpc::CheckPermission>(&request).await.expect("an answer");
            assert_eq!((said.allowed, said.reason.as_str()), (allowed, reason), "{request:?}");
        }
        let own = shop.ask_as::<rpc::CheckPermission>(&ada(), None, &check("order:read")).await.expect("an answer");
        assert!(own.allowed);
        let nosy = shop.ask_as::<rpc::CheckPermission>(&ada(), None, &of("admin", "order:read")).await;
        assert_eq!(refusal(nosy).code, "not_found");
        shop.close().await;
    });
}

#[test]
fn no_secret_is_in_the_log() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let login = shop.login("bob").await;
        let code = shop.code(&login, &app).await;
        let (_, tokens) = shop.redeem(&app, &code).await;
        let key = shop.ask_as::<rpc::CreateApiKey>(&ada(), None, &wanted(&["order:read"])).await.expect("made");
        let text = |name: &str| tokens[name].as_str().expect("a token").to_owned();
        let secrets = [
            app.client_secret.expect("a secret"),
            login.secret,
            code,
            text("refresh_token"),
            text("access_token"),
            key.api_key.and_then(|key| key.secret).expect("a secret"),
        ];
        let log = shop.auth.log().await;
        let mut sequence = 0;
        let mut turns = 0;
        while let Ok(Some(entry)) = log.next(0, sequence).await {
            let written = String::from_utf8_lossy(&entry.payload).into_owned();
            for secret in &secrets {
                assert!(!written.contains(secret.as_str()), "turn {sequence} holds a secret");
            }
            sequence = entry.sequence;
            turns += 1;
        }
        assert!(turns > 5, "{turns}");
        shop.close().await;
    });
}
