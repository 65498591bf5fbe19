//! OAuth and OpenID Connect, as an application sees them.

use std::time::Duration;

use auth::wire::user;
use auth::wire::v1::{self, Decision, Endpoint, Outcome, Step, rpc};
use messages::auth::v1::LogoutRequest;
use serde_json::Value;

use super::shop::{CALLBACK, PASSWORD, Shop, VERIFIER, asked, form, id, parameter, play, said_in, text};

#[test]
fn somebody_signs_in_lets_an_application_act_and_signs_out() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let nobody = v1::LoginResponse::default();
        let ask = shop.authorize(&nobody, &asked(&app), Decision::Unspecified).await;
        assert_eq!(ask.step(), Step::Login);
        let login = shop.login("ada").await;
        assert_eq!(login.outcome(), Outcome::Verified);
        let ask = shop.authorize(&login, &asked(&app), Decision::Unspecified).await;
        assert_eq!((ask.step(), &*ask.client_name, ask.location.as_str()), (Step::Consent, "App", ""));
        let back = shop.authorize(&login, &asked(&app), Decision::Allow).await;
        assert_eq!(parameter(&back.location, "state").as_deref(), Some("a%20state"));
        assert_eq!(parameter(&back.location, "iss").as_deref(), Some("https%3A%2F%2Fshop.example"));
        let (status, tokens) = shop.redeem(&app, &parameter(&back.location, "code").expect("a code")).await;
        assert_eq!(status, 200, "{tokens}");
        let (access, own) = (said_in(&tokens["access_token"]), said_in(&tokens["id_token"]));
        let ada = id("usr", "ada");
        assert_eq!((text(&access, "sub"), text(&access, "role")), (ada.as_str(), "customer"));
        // The application may have order:manage, and Ada may not: the smaller wins.
        assert_eq!(text(&access, "scope"), "openid profile email order:read");
        assert_eq!((text(&own, "aud"), text(&own, "nonce")), (app.client_id.as_str(), "a nonce"));
        assert_eq!(own["exp"].as_i64().expect("a time") - own["iat"].as_i64().expect("a time"), 3600);
        let bearer = format!("Bearer {}", text(&tokens, "access_token"));
        let (status, info) = shop.endpoint(Endpoint::Userinfo, &[], &bearer).await;
        assert_eq!((status, text(&info, "name"), text(&info, "sub")), (200, "Ada", ada.as_str()));
        // Consent is remembered.
        let again = shop.authorize(&login, &asked(&app), Decision::Unspecified).await;
        assert_eq!(again.step(), Step::Redirect);
        let params = form(&[
            ("id_token_hint", text(&tokens, "id_token")),
            ("post_logout_redirect_uri", "https://app.example/bye"),
            ("state", "s"),
        ]);
        let logout = |params| LogoutRequest {
            params,
            session_id: login.session_id.clone(),
            secret: login.secret.clone(),
            confirmed: false,
        };
        let out = shop.ask::<rpc::Logout>(&logout(params)).await.expect("an answer");
        assert_eq!((out.ended, &*out.location), (true, "https://app.example/bye?state=s"));
        let evil = form(&[("client_id", &app.client_id), ("post_logout_redirect_uri", "https://evil.example")]);
        assert_eq!(shop.ask::<rpc::Logout>(&logout(evil)).await.expect("an answer").step(), Step::Refuse);
        // What was given is worth nothing any more.
        assert_eq!(shop.endpoint(Endpoint::Userinfo, &[], &bearer).await.0, 401);
        assert_eq!(shop.refresh(&app, text(&tokens, "refresh_token")).await.1["error"], "invalid_grant");
        let ended = shop.ask::<rpc::ListRevoked>(&v1::ListRevokedRequest {}).await.expect("an answer").revoked;
        assert_eq!(ended.expect("a list").ids, [login.session_id.as_str()]);
        shop.close().await;
    });
}

#[test]
fn who_signs_in_is_told_no_more_than_that_it_did_not_work() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let try_to = |email: &str, password: &str| v1::LoginRequest {
            email: email.into(),
            password: password.into(),
            ..Default::default()
        };
        let wrong = shop.ask::<rpc::Login>(&try_to("bob@example.com", "wrong")).await.expect("an answer");
        let unknown = shop.ask::<rpc::Login>(&try_to("eve@example.com", PASSWORD)).await.expect("an answer");
        assert_eq!(wrong, unknown);
        assert_eq!(wrong.outcome(), Outcome::Refused);
        let locked = shop.ask::<rpc::Login>(&try_to("lock@example.com", PASSWORD)).await.expect("an answer");
        assert_eq!((locked.outcome(), locked.retry_after_seconds), (Outcome::Locked, 60));
        let first = shop.ask::<rpc::Login>(&try_to("ada@example.com", PASSWORD)).await.expect("an answer");
        assert_eq!((first.outcome(), first.session_id.as_str()), (Outcome::MfaRequired, ""));
        let guess = v1::LoginRequest { ticket: first.ticket, mfa_code: "000000".into(), ..Default::default() };
        assert_eq!(shop.ask::<rpc::Login>(&guess).await.expect("an answer").outcome(), Outcome::Refused);
        shop.close().await;
    });
}

#[test]
fn a_request_that_is_wrong_goes_back_only_where_it_may() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let login = shop.login("bob").await;
        for uri in [
            "",
            "https://app.example/callback/x",
            "https://app.example:444/callback",
            "https://app.example/callback#x",
            "https://APP.example/callback",
            "https://app.example/callback/../callback",
            "https://app.example@evil.example/callback",
            "//evil.example",
        ] {
            let mut params = asked(&app);
            params.insert("redirect_uri".into(), uri.into());
            let said = shop.authorize(&login, &params, Decision::Allow).await;
            assert_eq!((said.step(), said.location.as_str()), (Step::Refuse, ""), "{uri}");
        }
        for (name, value, error) in [
            ("response_type", "token", "unsupported_response_type"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge", "", "invalid_request"),
            ("scope", "openid payment:write", "invalid_scope"),
            ("prompt", "none login", "invalid_request"),
            ("max_age", "soon", "invalid_request"),
            ("prompt", "none", "consent_required"),
        ] {
            let mut params = asked(&app);
            params.insert(name.into(), value.into());
            let said = shop.authorize(&login, &params, Decision::Unspecified).await;
            assert_eq!((said.step(), &*said.error), (Step::Redirect, error), "{name}={value}");
            assert!(said.location.starts_with(CALLBACK) && parameter(&said.location, "code").is_none());
        }
        let mut params = asked(&app);
        params.insert("prompt".into(), "none".into());
        let said = shop.authorize(&v1::LoginResponse::default(), &params, Decision::Unspecified).await;
        assert_eq!(said.error, "login_required");
        let said = shop.authorize(&login, &asked(&app), Decision::Deny).await;
        assert_eq!(parameter(&said.location, "error").as_deref(), Some("access_denied"));
        params.insert("prompt".into(), "login".into());
        assert_eq!(shop.authorize(&login, &params, Decision::Allow).await.step(), Step::Login);
        shop.close().await;
    });
}

#[test]
fn a_code_is_good_once_and_for_whom_it_was_made() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let (app, other) = (shop.app().await, shop.app().await);
        let login = shop.login("bob").await;
        let code = shop.code(&login, &app).await;
        assert_eq!(shop.redeem(&other, &code).await.1["error"], "invalid_grant");
        let without = [("grant_type", "authorization_code"), ("code", &*code), ("redirect_uri", CALLBACK)];
        assert_eq!(shop.token(&app, &without).await.1["error"], "invalid_grant");
        let wrong_secret = v1::Client { client_secret: Some("guess".into()), ..app.clone() };
        let (status, said) = shop.redeem(&wrong_secret, &code).await;
        assert_eq!((status, text(&said, "error")), (401, "invalid_client"));
        let (status, tokens) = shop.redeem(&app, &code).await;
        assert_eq!(status, 200);
        // Whoever shows it again has stolen it, or been robbed.
        assert_eq!(shop.redeem(&app, &code).await.1["error"], "invalid_grant");
        assert_eq!(shop.refresh(&app, text(&tokens, "refresh_token")).await.1["error"], "invalid_grant");
        let bearer = format!("Bearer {}", text(&tokens, "access_token"));
        assert_eq!(shop.endpoint(Endpoint::Userinfo, &[], &bearer).await.0, 401);
        let late = shop.code(&login, &app).await;
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(shop.redeem(&app, &late).await.1["error"], "invalid_grant");
        shop.close().await;
    });
}

#[test]
fn a_stolen_refresh_token_ends_the_family_and_a_repeated_one_does_not() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let login = shop.login("bob").await;
        let (_, first) = shop.redeem(&app, &shop.code(&login, &app).await).await;
        let first = text(&first, "refresh_token").to_owned();
        let (_, second) = shop.refresh(&app, &first).await;
        let (_, again) = shop.refresh(&app, &first).await;
        assert_eq!(second["refresh_token"], again["refresh_token"], "an answer that got lost is given again");
        let second = text(&second, "refresh_token").to_owned();
        tokio::time::sleep(Duration::from_secs(11)).await;
        assert_eq!(shop.refresh(&app, &first).await.1["error"], "invalid_grant");
        assert_eq!(shop.refresh(&app, &second).await.1["error"], "invalid_grant", "the family is over");
        shop.close().await;
    });
}

#[test]
fn an_application_acts_for_itself_within_what_it_was_registered_for() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let machine = shop
            .register(v1::CreateClientRequest {
                name: "Machine".into(),
                grant_types: vec!["client_credentials".into()],
                scopes: vec!["inventory:read".into(), "order:read".into()],
                ..Default::default()
            })
            .await;
        let (status, said) = shop.token(&machine, &[("grant_type", "client_credentials")]).await;
        assert_eq!((status, text(&said, "scope")), (200, "inventory:read order:read"));
        assert!(said.get("refresh_token").is_none() && said.get("id_token").is_none());
        let access = said_in(&said["access_token"]);
        assert_eq!((text(&access, "sub"), text(&access, "role")), (machine.client_id.as_str(), "application"));
        let asked = [("grant_type", "client_credentials"), ("scope", "payment:write")];
        assert_eq!(shop.token(&machine, &asked).await.1["error"], "invalid_scope");
        let app = shop.app().await;
        let (_, said) = shop.token(&app, &[("grant_type", "client_credentials")]).await;
        assert_eq!(said["error"], "unauthorized_client");
        assert_eq!(shop.token(&app, &[("grant_type", "password")]).await.1["error"], "unsupported_grant_type");
        shop.close().await;
    });
}

#[test]
fn a_device_is_let_in_from_elsewhere() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let secret = app.client_secret.clone().expect("a secret");
        let own = [("client_id", &*app.client_id), ("client_secret", &*secret), ("scope", "order:read")];
        let (status, asked) = shop.endpoint(Endpoint::Device, &own, "").await;
        assert_eq!(status, 200, "{asked}");
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        let poll = [grant, ("device_code", text(&asked, "device_code"))];
        assert_eq!(shop.token(&app, &poll).await.1["error"], "authorization_pending");
        let login = shop.login("ada").await;
        let answer = |user_code: &str, decision: Decision| v1::AnswerDeviceRequest {
            user_code: user_code.into(),
            session_id: login.session_id.clone(),
            secret: login.secret.clone(),
            decision: decision.into(),
        };
        let code = text(&asked, "user_code");
        let wrong = shop.ask::<rpc::AnswerDevice>(&answer("BBBB-BBBB", Decision::Allow)).await.expect("an answer");
        assert_eq!(wrong.step(), Step::Refuse);
        let ask = shop.ask::<rpc::AnswerDevice>(&answer(code, Decision::Unspecified)).await.expect("an answer");
        assert_eq!((ask.step(), &*ask.client_name), (Step::Consent, "App"));
        let typed = code.to_lowercase().replace('-', "");
        assert!(shop.ask::<rpc::AnswerDevice>(&answer(&typed, Decision::Allow)).await.expect("an answer").approved);
        let (status, tokens) = shop.token(&app, &poll).await;
        assert_eq!((status, text(&tokens, "scope")), (200, "order:read"));
        assert_eq!(shop.token(&app, &poll).await.1["error"], "invalid_grant");
        shop.close().await;
    });
}

#[test]
fn a_pushed_request_is_used_once_by_whom_it_is_for() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let secret = app.client_secret.clone().expect("a secret");
        let params = asked(&app);
        let mut fields: Vec<(&str, &str)> = params.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(shop.endpoint(Endpoint::Push, &fields, "").await.0, 401);
        fields.push(("client_secret", &secret));
        let (status, pushed) = shop.endpoint(Endpoint::Push, &fields, "").await;
        assert_eq!(status, 201, "{pushed}");
        let login = shop.login("bob").await;
        let uri = text(&pushed, "request_uri");
        let params = form(&[("client_id", &app.client_id), ("request_uri", uri)]);
        let stranger = form(&[("client_id", &shop.app().await.client_id), ("request_uri", uri)]);
        assert_eq!(shop.authorize(&login, &stranger, Decision::Allow).await.step(), Step::Refuse);
        assert_eq!(shop.authorize(&login, &params, Decision::Allow).await.step(), Step::Redirect);
        assert_eq!(shop.authorize(&login, &params, Decision::Allow).await.step(), Step::Refuse);
        shop.close().await;
    });
}

#[test]
fn a_token_is_introspected_and_given_up() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let secret = app.client_secret.clone().expect("a secret");
        let login = shop.login("bob").await;
        let (_, tokens) = shop.redeem(&app, &shop.code(&login, &app).await).await;
        let own = [("client_id", &*app.client_id), ("client_secret", &*secret)];
        for name in ["access_token", "refresh_token"] {
            let fields = [&own[..], &[("token", text(&tokens, name))]].concat();
            let (status, said) = shop.endpoint(Endpoint::Introspect, &fields, "").await;
            assert_eq!((status, said["active"].as_bool()), (200, Some(true)), "{name} {said}");
        }
        let token = ("token", text(&tokens, "refresh_token"));
        assert_eq!(shop.endpoint(Endpoint::Introspect, &[token], "").await.0, 401);
        assert_eq!(shop.endpoint(Endpoint::Revoke, &[&own[..], &[token]].concat(), "").await.0, 200);
        for name in ["access_token", "refresh_token"] {
            let fields = [&own[..], &[("token", text(&tokens, name))]].concat();
            let (_, said) = shop.endpoint(Endpoint::Introspect, &fields, "").await;
            assert_eq!(said["active"].as_bool(), Some(false), "{name}");
        }
        shop.close().await;
    });
}

#[test]
fn everything_stands_after_a_restart() {
    play(|world| async move {
        let mut shop = Shop::open(&world).await;
        let app = shop.app().await;
        let login = shop.login("bob").await;
        let (_, tokens) = shop.redeem(&app, &shop.code(&login, &app).await).await;
        shop.auth.kill("a");
        shop.auth.start("a").await;
        let (status, next) = shop.refresh(&app, text(&tokens, "refresh_token")).await;
        assert_eq!(status, 200, "{next}");
        let bearer = format!("Bearer {}", text(&tokens, "access_token"));
        assert_eq!(shop.endpoint(Endpoint::Userinfo, &[], &bearer).await.0, 200);
        shop.close().await;
    });
}

#[test]
fn news_of_people_are_heard_once_however_often_they_come() {
    play(|world| async move {
        let mut shop = Shop::open(&world).await;
        let bob = id("usr", "bob");
        let login = shop.login("bob").await;
        let activate = user::ActivateUserRequest { user_id: bob.clone() };
        shop.asker.ask::<user::rpc::ActivateUser>(Some(&bob), &activate).await.expect("told");
        while shop.logged(["user.registered", "account.closed"]).await != [1, 0] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Killed with the news in hand, it hears them again; told twice, it knows them.
        shop.asker.ask::<user::rpc::ActivateUser>(Some(&bob), &activate).await.expect("told");
        shop.auth.kill("a");
        shop.auth.start("a").await;
        let app = shop.app().await;
        let (_, tokens) = shop.redeem(&app, &shop.code(&login, &app).await).await;
        let delete = user::DeleteUserRequest { user_id: bob.clone() };
        shop.asker.ask::<user::rpc::DeleteUser>(Some(&bob), &delete).await.expect("told");
        while shop.logged(["user.registered", "account.closed"]).await != [1, 1] {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(shop.refresh(&app, text(&tokens, "refresh_token")).await.1["error"], "invalid_grant");
        let said = shop.authorize(&login, &asked(&app), Decision::Allow).await;
        assert_eq!(said.step(), Step::Login, "nobody is signed in any more");
        shop.close().await;
    });
}

/// The thumbprint of a key that the gateway has checked, and of another.
const KEY: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const OTHER_KEY: &str = "1ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

#[test]
fn a_token_is_bound_to_the_key_that_was_proved() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let login = shop.login("bob").await;
        let code = shop.code(&login, &app).await;
        let grant = ("grant_type", "authorization_code");
        let fields = [grant, ("code", &*code), ("code_verifier", VERIFIER), ("redirect_uri", CALLBACK)];
        let (status, tokens) = shop.token_with(KEY, &app, &fields).await;
        assert_eq!((status, text(&tokens, "token_type")), (200, "DPoP"), "{tokens}");
        let token = text(&tokens, "access_token");
        assert_eq!(said_in(&tokens["access_token"])["cnf"]["jkt"], KEY);
        let info = async |scheme: &str, jkt: &str| {
            shop.endpoint_with(jkt, Endpoint::Userinfo, &[], &format!("{scheme} {token}")).await.0
        };
        assert_eq!(info("DPoP", KEY).await, 200);
        for (scheme, jkt) in [("Bearer", ""), ("Bearer", KEY), ("DPoP", ""), ("DPoP", OTHER_KEY), ("Basic", KEY)] {
            assert_eq!(info(scheme, jkt).await, 401, "{scheme} {jkt}");
        }
        let secret = app.client_secret.clone().expect("a secret");
        let own = [("client_id", &*app.client_id), ("client_secret", &*secret), ("token", token)];
        let (_, said) = shop.endpoint(Endpoint::Introspect, &own, "").await;
        assert_eq!((text(&said, "token_type"), &said["cnf"]["jkt"]), ("DPoP", &Value::from(KEY)));
        // An application with a secret shows that with each renewal, and may change its key.
        let renew = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
        let (status, next) = shop.token_with(OTHER_KEY, &app, &renew).await;
        assert_eq!((status, &said_in(&next["access_token"])["cnf"]["jkt"]), (200, &Value::from(OTHER_KEY)));
        shop.close().await;
    });
}

#[test]
fn who_has_no_secret_renews_with_the_key_that_it_began_with() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop
            .register(v1::CreateClientRequest {
                name: "App".into(),
                redirect_uris: vec![CALLBACK.into()],
                authentication: v1::ClientAuthentication::None.into(),
                scopes: vec!["order:read".into(), "order:manage".into()],
                ..Default::default()
            })
            .await;
        let login = shop.login("bob").await;
        let code = shop.code(&login, &app).await;
        let grant = ("grant_type", "authorization_code");
        let fields = [grant, ("code", &*code), ("code_verifier", VERIFIER), ("redirect_uri", CALLBACK)];
        let (_, tokens) = shop.token_with(KEY, &app, &fields).await;
        let renew = [("grant_type", "refresh_token"), ("refresh_token", text(&tokens, "refresh_token"))];
        for jkt in ["", OTHER_KEY] {
            assert_eq!(shop.token_with(jkt, &app, &renew).await.1["error"], "invalid_grant", "{jkt}");
        }
        assert_eq!(shop.token_with(KEY, &app, &renew).await.0, 200, "what a thief tried ended nothing");
        shop.close().await;
    });
}

#[test]
fn a_code_that_names_a_key_is_exchanged_with_it_alone() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let login = shop.login("bob").await;
        let mut params = asked(&app);
        params.insert("dpop_jkt".into(), "short".into());
        assert_eq!(shop.authorize(&login, &params, Decision::Allow).await.error, "invalid_request");
        // By its name in the request.
        params.insert("dpop_jkt".into(), KEY.into());
        let said = shop.authorize(&login, &params, Decision::Allow).await;
        let named = parameter(&said.location, "code").expect("a code");
        // By a proof when it is pushed.
        let secret = app.client_secret.clone().expect("a secret");
        let plain = asked(&app);
        let mut fields: Vec<(&str, &str)> = plain.iter().map(|(name, value)| (&**name, &**value)).collect();
        fields.push(("client_secret", &secret));
        let (status, left) = shop.endpoint_with(KEY, Endpoint::Push, &fields, "").await;
        assert_eq!(status, 201, "{left}");
        fields.push(("dpop_jkt", OTHER_KEY));
        assert_eq!(shop.endpoint_with(KEY, Endpoint::Push, &fields, "").await.1["error"], "invalid_dpop_proof");
        let uri = form(&[("client_id", &app.client_id), ("request_uri", text(&left, "request_uri"))]);
        let said = shop.authorize(&login, &uri, Decision::Allow).await;
        let pushed = parameter(&said.location, "code").expect("a code");
        for code in [named, pushed] {
            let grant = ("grant_type", "authorization_code");
            let fields = [grant, ("code", &*code), ("code_verifier", VERIFIER), ("redirect_uri", CALLBACK)];
            for jkt in ["", OTHER_KEY] {
                assert_eq!(shop.token_with(jkt, &app, &fields).await.1["error"], "invalid_grant", "{jkt}");
            }
            assert_eq!(shop.token_with(KEY, &app, &fields).await.0, 200);
        }
        shop.close().await;
    });
}

#[test]
fn a_device_that_does_not_wait_is_told_to_slow_down() {
    play(|world| async move {
        let shop = Shop::open(&world).await;
        let app = shop.app().await;
        let secret = app.client_secret.clone().expect("a secret");
        let own = [("client_id", &*app.client_id), ("client_secret", &*secret), ("scope", "order:read")];
        let (_, asked) = shop.endpoint(Endpoint::Device, &own, "").await;
        assert_eq!(asked["interval"], 5);
        let grant = ("grant_type", "urn:ietf:params:oauth:grant-type:device_code");
        let poll = [grant, ("device_code", text(&asked, "device_code"))];
        let said = async || text(&shop.token(&app, &poll).await.1, "error").to_owned();
        assert_eq!(said().await, "authorization_pending");
        assert_eq!(said().await, "slow_down", "it waits ten seconds from here");
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(said().await, "slow_down", "and fifteen from here");
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(said().await, "authorization_pending");
        shop.close().await;
    });
}
