//! Another e-mail address: until its owner shows that mail reaches them there, nothing changes.

use messages::runtime::v1::{Turn, record::What};
use messages::user::v1::{self, VerifyOutcome, rpc};
use prost::Message as _;
use runtime::client::Failure;
use runtime::headers::Caller;
use runtime::testkit::{Asker, World, refusal};

use super::shop::{PASSWORD, Shop, as_self, ask, id, outcome, play, register, registering, see, staff};

async fn want(asker: &Asker, name: &str, email: &str, password: &str) -> Result<(), Failure> {
    let request = v1::RequestEmailChangeRequest {
        user_id: id("usr", name),
        email: email.into(),
        current_password: password.into(),
        client_address: "203.0.113.7".into(),
        ..Default::default()
    };
    ask::<rpc::RequestEmailChange>(asker, &as_self(name), "", &request).await.map(drop)
}

/// The secrets that were mailed to new addresses, the oldest first, as notification hears them.
fn mailed(world: &World) -> Vec<String> {
    let turns = world.entries("user").into_iter().filter_map(|entry| Turn::decode(entry.payload).ok());
    let records = turns.flat_map(|turn| turn.commits).flat_map(|commit| commit.records);
    let events = records.filter_map(|record| match record.what {
        Some(What::Event(event)) if event.r#type == "user.email_change.issued" => Some(event),
        _ => None,
    });
    let issued = events.filter_map(|event| v1::UserEmailChangeIssued::decode(&event.data[..]).ok());
    issued.map(|issued| issued.ticket.expect("a ticket").secret).collect()
}

async fn confirm(asker: &Asker, name: &str, token: &str) -> Result<v1::User, Failure> {
    let user_id = id("usr", name);
    let request = v1::ConfirmEmailChangeRequest { user_id: user_id.clone(), token: token.into() };
    let said = ask::<rpc::ConfirmEmailChange>(asker, &Caller::anonymous(), &user_id, &request).await?;
    Ok(said.user.expect("an account"))
}

#[test]
fn the_old_address_signs_in_until_the_new_one_is_shown_to_work() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        assert_eq!(refusal(want(&asker, "ada", "new@example.com", "wrong").await).code, "wrong_password");
        assert_eq!(refusal(want(&asker, "ada", "nowhere", PASSWORD).await).code, "invalid_email");
        want(&asker, "ada", "New@Example.com", PASSWORD).await.expect("sent");
        assert_eq!(refusal(want(&asker, "ada", "newer@example.com", PASSWORD).await).code, "too_soon");
        let seen = see(&asker, &as_self("ada"), &ada).await.expect("theirs");
        assert_eq!((seen.email.as_str(), seen.pending_email.as_deref()), ("ada@example.com", Some("new@example.com")));
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Verified);
        assert_eq!(outcome(&asker, "new", PASSWORD).await, VerifyOutcome::Refused);
        shop.user.kill("a");
        shop.user.start("a").await;
        assert_eq!(refusal(confirm(&asker, "ada", "guess").await).code, "invalid_token");
        let token = mailed(&world).remove(0);
        assert_eq!(refusal(confirm(&asker, "eve", &token).await).code, "invalid_token", "it is Ada's");
        let user = confirm(&asker, "ada", &token).await.expect("changed");
        assert_eq!((user.email.as_str(), user.email_verified, user.pending_email), ("new@example.com", true, None));
        assert_eq!(outcome(&asker, "new", PASSWORD).await, VerifyOutcome::Verified);
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Refused);
        confirm(&asker, "ada", &token).await.expect("people click twice");
        // Staff find her by the new address, and the old one is free.
        let search = |q: &str| v1::SearchUsersRequest { q: q.into(), ..Default::default() };
        let found = ask::<rpc::SearchUsers>(&asker, &staff("support"), "", &search("new@example.com")).await;
        assert_eq!(found.expect("found").data.len(), 1);
        let again = v1::RegisterUserRequest { user_id: id("usr", "other"), ..registering("ada") };
        ask::<rpc::RegisterUser>(&asker, &Caller::anonymous(), &again.user_id, &again).await.expect("free");
        shop.close().await;
    });
}

#[test]
fn an_address_goes_to_one_however_many_want_it() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        register(&asker, "ada").await;
        register(&asker, "eve").await;
        assert_eq!(refusal(want(&asker, "ada", "eve@example.com", PASSWORD).await).code, "email_taken");
        // Both want it, and both have shown the mail by the time that they confirm.
        want(&asker, "ada", "new@example.com", PASSWORD).await.expect("sent");
        want(&asker, "eve", "new@example.com", PASSWORD).await.expect("sent");
        let tokens = mailed(&world);
        let (one, other) = futures::join!(confirm(&asker, "ada", &tokens[0]), confirm(&asker, "eve", &tokens[1]));
        assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
        let (name, refused) = if one.is_ok() { ("eve", refusal(other)) } else { ("ada", refusal(one)) };
        assert_eq!(refused.code, "email_taken");
        // Whoever came too late has their own address still.
        assert_eq!(outcome(&asker, name, PASSWORD).await, VerifyOutcome::Verified);
        shop.close().await;
    });
}

#[test]
fn a_wish_ends_when_it_is_taken_back_and_with_a_new_password() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        want(&asker, "ada", "new@example.com", PASSWORD).await.expect("sent");
        let cancel = v1::CancelEmailChangeRequest { user_id: ada.clone() };
        let strange = ask::<rpc::CancelEmailChange>(&asker, &as_self("eve"), &ada, &cancel).await;
        assert_eq!(refusal(strange).code, "not_found");
        let kept = ask::<rpc::CancelEmailChange>(&asker, &as_self("ada"), &ada, &cancel).await.expect("theirs");
        assert_eq!(kept.user.expect("an account").pending_email, None);
        assert_eq!(refusal(confirm(&asker, "ada", &mailed(&world)[0]).await).code, "invalid_token");
        want(&asker, "ada", "new@example.com", PASSWORD).await.expect("sent");
        let change = v1::ChangePasswordRequest {
            user_id: ada.clone(),
            current_password: PASSWORD.into(),
            password: "another horse in the rain".into(),
            ..Default::default()
        };
        ask::<rpc::ChangePassword>(&asker, &as_self("ada"), "", &change).await.expect("changed");
        assert_eq!(refusal(confirm(&asker, "ada", &mailed(&world)[1]).await).code, "invalid_token");
        shop.close().await;
    });
}
