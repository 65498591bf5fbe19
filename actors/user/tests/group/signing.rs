//! Signing in, and what keeps others out.

use std::time::Duration;

use messages::user::v1::{self, UserResetIssued, UserVerificationIssued, VerifyOutcome, rpc};
use prost::Message as _;
use runtime::headers::Caller;
use runtime::testkit::{Asker, World, refusal};
use user::totp;

use super::shop::{PASSWORD, Shop, as_self, ask, call, outcome, play, register, see, shown, verify};

/// The last event of a type in the log of the group.
fn last<M: prost::Message + Default>(world: &World, event_type: &str) -> M {
    let entries = world.entries("user");
    let turns = entries.iter().filter_map(|entry| messages::runtime::v1::Turn::decode(entry.payload.clone()).ok());
    let records = turns.flat_map(|turn| turn.commits).flat_map(|commit| commit.records);
    let events = records.filter_map(|record| match record.what {
        Some(messages::runtime::v1::record::What::Event(event)) if event.r#type == event_type => Some(event.data),
        _ => None,
    });
    M::decode(events.last().expect("such an event").as_slice()).expect("readable")
}

#[test]
fn a_wrong_password_and_an_unknown_address_look_alike() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        let (wrong, unknown) =
            (verify(&asker, shown("ada", "wrong")).await, verify(&asker, shown("nobody", "wrong")).await);
        assert_eq!(wrong, unknown);
        assert_eq!(wrong.outcome(), VerifyOutcome::Refused);
        let right = verify(&asker, shown("ada", PASSWORD)).await;
        assert_eq!(
            (right.outcome(), right.user_id.as_str(), right.amr),
            (VerifyOutcome::Verified, &*ada, vec!["pwd".to_owned()])
        );
        let by_id = v1::VerifyUserRequest { user_id: ada.clone(), email: String::new(), ..shown("ada", PASSWORD) };
        assert_eq!(verify(&asker, by_id).await.outcome(), VerifyOutcome::Verified);
        let tries = v1::ListAuthenticationsRequest { user_id: ada, ..Default::default() };
        let page = asker.until::<rpc::ListAuthentications>(None, &tries, |page| page.data.len() == 3).await;
        assert_eq!(
            page.data.last().map(|tried| (tried.outcome(), tried.source.as_str())),
            Some((VerifyOutcome::Refused, "203.0.113.7"))
        );
        shop.close().await;
    });
}

#[test]
fn a_session_is_opened_by_auth() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        let sign_in = |password: &str| v1::AuthenticateUserRequest {
            email: "Ada@example.com".into(),
            password: password.into(),
            ..Default::default()
        };
        let nobody = Caller::anonymous();
        let said = ask::<rpc::AuthenticateUser>(&asker, &nobody, "", &sign_in(PASSWORD)).await.expect("a session");
        assert_eq!((said.user_id.as_str(), said.access_token), (&*ada, format!("access of {ada}")));
        assert!(said.session_id.starts_with("ses_"));
        let refused = refusal(ask::<rpc::AuthenticateUser>(&asker, &nobody, "", &sign_in("wrong")).await);
        assert_eq!(refused.code, "invalid_credentials");
        shop.close().await;
    });
}

#[test]
fn guessing_is_slowed_and_a_stranger_does_not_lock_the_owner_out() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        register(&asker, "ada").await;
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Verified, "home is known now");
        let from =
            |source: &str, password: &str| v1::VerifyUserRequest { source: source.into(), ..shown("ada", password) };
        for _ in 0..5 {
            assert_eq!(verify(&asker, from("away", "wrong")).await.outcome(), VerifyOutcome::Refused);
        }
        let locked = verify(&asker, from("away", PASSWORD)).await;
        assert_eq!((locked.outcome(), locked.user_id.as_str()), (VerifyOutcome::Locked, ""));
        assert!(locked.retry_after_seconds > 0);
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Verified, "not the owner");
        // An address without an account is locked in the same way.
        for _ in 0..5 {
            outcome(&asker, "nobody", "wrong").await;
        }
        assert_eq!(outcome(&asker, "nobody", "wrong").await, VerifyOutcome::Locked);
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(verify(&asker, from("away", PASSWORD)).await.outcome(), VerifyOutcome::Verified, "it ends");
        shop.close().await;
    });
}

#[test]
fn a_reset_tells_nobody_and_works_once() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let (ada, nobody) = (register(&asker, "ada").await, Caller::anonymous());
        for email in ["ada@example.com", "nobody@example.com", "not an address"] {
            let wish = v1::RequestPasswordResetRequest { email: email.into() };
            let said = ask::<rpc::RequestPasswordReset>(&asker, &nobody, "", &wish).await;
            assert!(said.is_ok(), "{email}: {said:?}");
        }
        let issued: UserResetIssued = last(&world, "user.reset.issued");
        let ticket = issued.ticket.expect("a secret");
        assert_eq!((issued.user_id.as_str(), ticket.hash.contains(&ticket.secret)), (&*ada, false));
        let reset = |token: &str, password: &str| v1::ResetPasswordRequest {
            user_id: ada.clone(),
            token: token.into(),
            password: password.into(),
            ..Default::default()
        };
        let new = "a new horse every day";
        for (request, code) in
            [(reset("wrong", new), "invalid_token"), (reset(&ticket.secret, "12345678"), "weak_password")]
        {
            assert_eq!(refusal(ask::<rpc::ResetPassword>(&asker, &nobody, "", &request).await).code, code);
        }
        for _ in 0..6 {
            outcome(&asker, "ada", "wrong").await;
        }
        ask::<rpc::ResetPassword>(&asker, &nobody, "", &reset(&ticket.secret, new)).await.expect("set");
        assert_eq!(outcome(&asker, "ada", new).await, VerifyOutcome::Verified, "and nobody waits any more");
        let again = ask::<rpc::ResetPassword>(&asker, &nobody, "", &reset(&ticket.secret, new)).await;
        assert_eq!(refusal(again).code, "invalid_token");
        assert!(see(&asker, &as_self("ada"), &ada).await.expect("theirs").email_verified, "the secret came by mail");
        shop.close().await;
    });
}

#[test]
fn an_address_is_verified_by_what_was_sent_to_it() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let (ada, nobody) = (register(&asker, "ada").await, Caller::anonymous());
        let issued: UserVerificationIssued = last(&world, "user.verification.issued");
        let show = |token: &str| v1::VerifyEmailRequest { user_id: ada.clone(), token: token.into() };
        let secret = issued.ticket.expect("a secret").secret;
        assert_eq!(refusal(ask::<rpc::VerifyEmail>(&asker, &nobody, &ada, &show("wrong")).await).code, "invalid_token");
        for _ in 0..2 {
            let said =
                ask::<rpc::VerifyEmail>(&asker, &nobody, &ada, &show(&secret)).await.expect("people click twice");
            assert!(said.user.is_some_and(|user| user.email_verified));
        }
        shop.close().await;
    });
}

/// Switches codes on; returns the secret and the recovery codes.
async fn with_codes(world: &World, asker: &Asker, ada: &str) -> (Vec<u8>, Vec<String>) {
    let start = v1::StartMfaRequest { user_id: ada.to_owned() };
    let own = as_self("ada");
    assert_eq!(refusal(ask::<rpc::StartMfa>(asker, &as_self("eve"), "", &start).await).code, "not_found");
    let shown = ask::<rpc::StartMfa>(asker, &own, "", &start).await.expect("a secret");
    assert!(shown.otpauth_uri.contains("ada%40example.com"), "{}", shown.otpauth_uri);
    let secret = totp::from_base32(&shown.secret).expect("base32");
    let confirm = |code: String| v1::ConfirmMfaRequest { user_id: ada.to_owned(), mfa_code: code };
    assert_eq!(refusal(ask::<rpc::ConfirmMfa>(asker, &own, "", &confirm("000000".into())).await).code, "invalid_code");
    let good = confirm(totp::code_at(&secret, world.clock().now()));
    let codes = ask::<rpc::ConfirmMfa>(asker, &own, "", &good).await.expect("codes are on").recovery_codes;
    (secret, codes)
}

#[test]
fn a_code_is_asked_for_and_good_once() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        let (secret, codes) = with_codes(&world, &asker, &ada).await;
        let asked = verify(&asker, shown("ada", PASSWORD)).await;
        assert_eq!(
            (asked.outcome(), asked.mfa_methods),
            (VerifyOutcome::MfaRequired, vec!["otp".to_owned(), "recovery_code".to_owned()])
        );
        let sign_in = v1::AuthenticateUserRequest {
            email: "ada@example.com".into(),
            password: PASSWORD.into(),
            ..Default::default()
        };
        let challenge = refusal(ask::<rpc::AuthenticateUser>(&asker, &Caller::anonymous(), "", &sign_in).await);
        assert_eq!((challenge.code.as_str(), challenge.fact("mfa").is_some()), ("mfa_required", true));
        let with = |code: &str| v1::VerifyUserRequest { mfa_code: code.into(), ..shown("ada", PASSWORD) };
        // The one that switched codes on is used up.
        let used = totp::code_at(&secret, world.clock().now());
        assert_eq!(verify(&asker, with(&used)).await.outcome(), VerifyOutcome::Refused);
        world.pass(Duration::from_secs(31)).await;
        let code = totp::code_at(&secret, world.clock().now());
        let good = verify(&asker, with(&code)).await;
        assert_eq!((good.outcome(), good.amr), (VerifyOutcome::Verified, vec!["pwd".to_owned(), "otp".to_owned()]));
        assert_eq!(verify(&asker, with(&code)).await.outcome(), VerifyOutcome::Refused, "a replay");
        let recovering = v1::VerifyUserRequest { recovery_code: codes[0].to_lowercase(), ..shown("ada", PASSWORD) };
        assert_eq!(verify(&asker, recovering.clone()).await.amr, ["pwd", "rc"]);
        assert_eq!(verify(&asker, recovering).await.outcome(), VerifyOutcome::Refused, "each is good once");
        assert_eq!(see(&asker, &as_self("ada"), &ada).await.expect("theirs").recovery_codes_left, 9);
        // Without a code they are not switched off.
        let off = v1::DisableMfaRequest { user_id: ada.clone(), password: PASSWORD.into(), ..Default::default() };
        assert_eq!(refusal(ask::<rpc::DisableMfa>(&asker, &as_self("ada"), "", &off).await).code, "mfa_required");
        let renew = v1::RenewRecoveryCodesRequest {
            user_id: ada.clone(),
            password: PASSWORD.into(),
            recovery_code: codes[1].clone(),
            ..Default::default()
        };
        let renewed = ask::<rpc::RenewRecoveryCodes>(&asker, &as_self("ada"), "", &renew).await.expect("new ones");
        let off = v1::DisableMfaRequest { recovery_code: renewed.recovery_codes[0].clone(), ..off };
        ask::<rpc::DisableMfa>(&asker, &as_self("ada"), "", &off).await.expect("off");
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Verified);
        shop.close().await;
    });
}

#[test]
fn a_try_that_is_asked_twice_is_one_try() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        let (secret, _) = with_codes(&world, &asker, &ada).await;
        world.pass(Duration::from_secs(31)).await;
        let code = totp::code_at(&secret, world.clock().now());
        let request = v1::VerifyUserRequest {
            attempt_id: messages::id::Id::new("att").to_string(),
            mfa_code: code,
            ..shown("ada", PASSWORD)
        };
        let mut once = call::<rpc::VerifyUser>(&asker, &Caller::service("auth"), &request.attempt_id, &request);
        once.command = asker.keyed::<rpc::VerifyUser>("once", &request.attempt_id, &request).command;
        once.command.iter_mut().for_each(|command| command.keyed = false);
        for _ in 0..2 {
            // A caller who heard nothing asks again; the code is used up by the same try.
            let said = asker.send(&once).await.expect("an answer");
            let said = v1::VerifyUserResponse::decode(said.payload).expect("readable");
            assert_eq!(said.outcome(), VerifyOutcome::Verified);
        }
        shop.close().await;
    });
}
