//! Accounts: from the first word to the last.

use messages::common::v1::Address;
use messages::user::v1::{self, UserStatus, VerifyOutcome, rpc};
use runtime::headers::Caller;
use runtime::testkit::{MemoryStore, refusal};

use super::neighbours;
use super::shop::{PASSWORD, Shop, as_self, ask, id, outcome, play, register, registering, see, staff};

#[test]
fn whoever_registers_is_active_once_auth_says_so_and_nobody_else_gets_the_address() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        let seen = see(&asker, &as_self("ada"), &ada).await.expect("it is theirs");
        assert_eq!(
            (seen.email.as_str(), seen.role(), seen.email_verified),
            ("ada@example.com", v1::Role::Customer, false)
        );
        assert_eq!((seen.consents.len(), seen.consents[0].granted), (1, true));
        assert!(seen.consents[0].at.is_some(), "the proof has a time");
        let again = v1::RegisterUserRequest { email: " ADA@Example.com".trim().into(), ..registering("eve") };
        let taken = ask::<rpc::RegisterUser>(&asker, &Caller::anonymous(), &again.user_id, &again).await;
        assert_eq!(refusal(taken).code, "email_taken");
        for (request, code) in [
            (v1::RegisterUserRequest { password: "Password1!".into(), ..registering("eve") }, "weak_password"),
            (v1::RegisterUserRequest { password: "short".into(), ..registering("eve") }, "weak_password"),
            (v1::RegisterUserRequest { email: "nowhere".into(), ..registering("eve") }, "invalid_email"),
        ] {
            let refused = ask::<rpc::RegisterUser>(&asker, &Caller::anonymous(), &request.user_id, &request).await;
            assert_eq!(refusal(refused).code, code);
        }
        assert_eq!(refusal(see(&asker, &as_self("eve"), &ada).await).code, "not_found", "as if there was none");
        assert_eq!(refusal(see(&asker, &as_self("eve"), &id("usr", "nobody")).await).code, "not_found");
        assert!(see(&asker, &staff("support"), &ada).await.is_ok());
        for role in ["catalogue", "warehouse", "finance"] {
            assert!(see(&asker, &staff(role), &ada).await.is_err(), "{role} looks after no accounts");
        }
        shop.close().await;
    });
}

#[test]
fn two_at_once_with_one_address_are_one_account() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let (one, other) =
            (registering("ada"), v1::RegisterUserRequest { user_id: id("usr", "x"), ..registering("ada") });
        let nobody = Caller::anonymous();
        let (first, second) = futures::join!(
            ask::<rpc::RegisterUser>(&asker, &nobody, &one.user_id, &one),
            ask::<rpc::RegisterUser>(&asker, &nobody, &other.user_id, &other),
        );
        assert_eq!([first.is_ok(), second.is_ok()].iter().filter(|ok| **ok).count(), 1);
        let refused = if first.is_ok() { refusal(second) } else { refusal(first) };
        assert_eq!(refused.code, "email_taken");
        shop.close().await;
    });
}

#[test]
fn nothing_of_a_password_is_written_down() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        outcome(&asker, "ada", PASSWORD).await;
        outcome(&asker, "ada", "a wrong one that is long").await;
        let change = v1::ChangePasswordRequest {
            user_id: ada.clone(),
            current_password: PASSWORD.into(),
            password: "another horse in the rain".into(),
            ..Default::default()
        };
        ask::<rpc::ChangePassword>(&asker, &as_self("ada"), "", &change).await.expect("changed");
        let entries = world.entries("user");
        assert!(!entries.is_empty());
        let written = entries.iter().map(|entry| format!("{:?}", entry.payload)).collect::<String>();
        for secret in ["correct horse", "a wrong one", "another horse"] {
            assert!(!written.contains(secret), "{secret}");
        }
        // Nor its print: what has a password in it leaves no commit of its own.
        for rpc in ["user.register", "user.verify"] {
            assert!(!written.contains(&format!("{rpc}B")) && !written.contains(&format!("{rpc}R")), "{rpc}");
        }
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Refused);
        assert_eq!(outcome(&asker, "ada", "another horse in the rain").await, VerifyOutcome::Verified);
        shop.close().await;
    });
}

#[test]
fn a_profile_a_book_and_a_consent_are_the_owners() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let (ada, own) = (register(&asker, "ada").await, as_self("ada"));
        register(&asker, "eve").await;
        let update = v1::UpdateUserRequest {
            user_id: ada.clone(),
            name: "Ada King".into(),
            phone: "+43 1".into(),
            locale: "de-AT".into(),
        };
        let said = ask::<rpc::UpdateUser>(&asker, &own, &ada, &update).await.expect("theirs").user.expect("an account");
        assert_eq!((said.name.as_str(), said.locale.as_str()), ("Ada King", "de-AT"));
        assert_eq!(refusal(ask::<rpc::UpdateUser>(&asker, &as_self("eve"), &ada, &update).await).code, "not_found");
        let place = Address {
            name: "Ada".into(),
            line1: "Ringstrasse 1".into(),
            city: "Vienna".into(),
            country: "AT".into(),
            ..Default::default()
        };
        let write = |name: &str, shipping| v1::CreateAddressRequest {
            user_id: ada.clone(),
            address_id: id("adr", name),
            address: Some(place.clone()),
            default_shipping: shipping,
            ..Default::default()
        };
        for (name, shipping) in [("home", false), ("work", true)] {
            ask::<rpc::CreateAddress>(&asker, &own, &ada, &write(name, shipping)).await.expect("room");
        }
        let list = v1::ListAddressesRequest { user_id: ada.clone() };
        let book = ask::<rpc::ListAddresses>(&asker, &own, &ada, &list).await.expect("a book").data;
        let defaults: Vec<_> =
            book.iter().map(|a| (a.address_id.clone(), a.default_shipping, a.default_billing)).collect();
        assert_eq!(defaults, [(id("adr", "work"), true, false), (id("adr", "home"), false, true)]);
        let remove = v1::DeleteAddressRequest { user_id: ada.clone(), address_id: id("adr", "home") };
        ask::<rpc::DeleteAddress>(&asker, &own, &ada, &remove).await.expect("gone");
        assert_eq!(refusal(ask::<rpc::DeleteAddress>(&asker, &own, &ada, &remove).await).code, "address_not_found");
        assert_eq!(refusal(ask::<rpc::ListAddresses>(&asker, &as_self("eve"), &ada, &list).await).code, "not_found");
        let consent = v1::PutConsentRequest {
            user_id: ada.clone(),
            purpose: "newsletter".into(),
            granted: Some(true),
            wording: "2".into(),
        };
        let said = ask::<rpc::PutConsent>(&asker, &own, &ada, &consent).await.expect("noted").user.expect("an account");
        assert_eq!(said.consents.len(), 2);
        shop.close().await;
    });
}

#[test]
fn staff_find_people_and_say_what_they_do() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let (ada, support) = (register(&asker, "ada").await, staff("support"));
        let eve = register(&asker, "eve").await;
        let find = |q: &str| v1::SearchUsersRequest { q: q.into(), ..Default::default() };
        asker.until::<rpc::SearchUsers>(None, &find("love"), |page| page.data.len() == 2).await;
        for (q, found) in [
            ("ada", vec![&ada]),
            ("Lovelace ada", vec![&ada]),
            ("EVE@example.com", vec![&eve]),
            (&*eve, vec![&eve]),
            ("nobody", vec![]),
            ("lovelace nobody", vec![]),
            ("?", vec![]),
        ] {
            let page = ask::<rpc::SearchUsers>(&asker, &support, "", &find(q)).await.expect("a page");
            assert_eq!(page.data.iter().map(|user| &user.user_id).collect::<Vec<_>>(), found, "{q}");
        }
        let role = v1::PutRoleRequest { user_id: ada.clone(), role: v1::Role::Warehouse.into() };
        assert_eq!(refusal(ask::<rpc::PutRole>(&asker, &support, &ada, &role).await).code, "not_admin");
        let standing = v1::PutStandingRequest {
            user_id: ada.clone(),
            tier: v1::Tier::Premium.into(),
            customer_group: "wholesale".into(),
        };
        ask::<rpc::PutStanding>(&asker, &support, &ada, &standing).await.expect("support may");
        let admin = staff("admin");
        ask::<rpc::PutRole>(&asker, &admin, &ada, &role).await.expect("an administrator may");
        let claims = v1::GetClaimsRequest { user_id: ada.clone() };
        let said = asker.until::<rpc::GetClaims>(None, &claims, |said| said.tier() == v1::Tier::Premium).await;
        assert_eq!(
            (said.role(), said.customer_group.as_str(), said.status()),
            (v1::Role::Warehouse, "wholesale", UserStatus::Active)
        );
        let list = v1::ListUsersRequest { customer_group: Some("wholesale".into()), ..Default::default() };
        let page = ask::<rpc::ListUsers>(&asker, &support, "", &list).await.expect("a page");
        assert_eq!(page.data.iter().map(|user| &user.user_id).collect::<Vec<_>>(), [&ada]);
        // Who works here now is an administrator's to look after.
        let lock = v1::LockUserRequest { user_id: ada.clone() };
        assert_eq!(refusal(ask::<rpc::LockUser>(&asker, &support, &ada, &lock).await).code, "not_found");
        ask::<rpc::LockUser>(&asker, &admin, &ada, &lock).await.expect("locked");
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Refused);
        ask::<rpc::UnlockUser>(&asker, &admin, &ada, &v1::UnlockUserRequest { user_id: ada.clone() })
            .await
            .expect("unlocked");
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Verified);
        shop.close().await;
    });
}

#[test]
fn points_are_earned_once_for_an_order_and_guests_earn_none() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        let earn =
            |user_id: &str| v1::EarnPointsRequest { user_id: user_id.into(), order_id: id("ord", "one"), points: 119 };
        for _ in 0..2 {
            let call = asker.keyed::<rpc::EarnPoints>("news", &ada, &earn(&ada));
            asker.send(&call).await.expect("heard");
        }
        let guest = id("usr", "guest");
        ask::<rpc::EarnPoints>(&asker, &Caller::service("user"), &guest, &earn(&guest)).await.expect("no trouble");
        assert_eq!(see(&asker, &as_self("ada"), &ada).await.expect("theirs").loyalty_points, 119);
        shop.close().await;
    });
}

#[test]
fn whoever_leaves_leaves_nothing_and_may_come_again() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        let (ada, own) = (register(&asker, "ada").await, as_self("ada"));
        outcome(&asker, "ada", PASSWORD).await;
        let tries = v1::ListAuthenticationsRequest { user_id: ada.clone(), ..Default::default() };
        asker.until::<rpc::ListAuthentications>(None, &tries, |page| page.data.len() == 1).await;
        let export = v1::ExportUserRequest { user_id: ada.clone() };
        let file = ask::<rpc::ExportUser>(&asker, &own, &ada, &export).await.expect("a file");
        let text = String::from_utf8(file.content).expect("text");
        for held in ["ada@example.com", "ada Lovelace", "203.0.113.7", "terms"] {
            assert!(text.contains(held), "{held} is not in {text}");
        }
        assert!(!text.contains("argon2"), "a hash is nothing to take along");
        assert_eq!(refusal(ask::<rpc::ExportUser>(&asker, &as_self("eve"), &ada, &export).await).code, "not_found");
        let delete = v1::DeleteUserRequest { user_id: ada.clone() };
        let gone = ask::<rpc::DeleteUser>(&asker, &own, &ada, &delete).await.expect("gone").user.expect("what is left");
        assert_eq!((gone.status(), gone.email.as_str(), gone.name.as_str()), (UserStatus::Deleted, "", ""));
        // On a replica that has only the log, it is the same.
        shop.user.kill("a");
        shop.user.set_store("a", MemoryStore::new());
        shop.user.start("a").await;
        assert_eq!(refusal(see(&asker, &own, &ada).await).code, "not_found");
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Refused);
        let find = v1::SearchUsersRequest { q: "lovelace".into(), ..Default::default() };
        asker.until::<rpc::SearchUsers>(None, &find, |page| page.data.is_empty()).await;
        asker
            .until::<rpc::GetClaims>(None, &v1::GetClaimsRequest { user_id: ada.clone() }, |said| {
                said.status() == UserStatus::Deleted && said.email.is_empty()
            })
            .await;
        assert_eq!(
            refusal(ask::<rpc::ListAuthentications>(&asker, &staff("support"), "", &tries).await).code,
            "not_found"
        );
        let again = v1::RegisterUserRequest { user_id: id("usr", "ada again"), ..registering("ada") };
        ask::<rpc::RegisterUser>(&asker, &Caller::anonymous(), &again.user_id, &again)
            .await
            .expect("the address is free");
        shop.close().await;
    });
}

#[test]
fn a_membership_that_was_paid_serves_its_buyer_better_for_as_long_as_it_lasts() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        let mut orders = neighbours::orders(&world).await;
        let ada = register(&asker, "ada").await;
        let paid = |user_id: &str| v1::StartSubscriptionRequest {
            user_id: user_id.into(),
            order_id: id("ord", "club"),
            payment_id: id("pay", "club"),
        };
        let service = Caller::service("user");
        for _ in 0..2 {
            ask::<rpc::StartSubscription>(&asker, &service, &ada, &paid(&ada)).await.expect("noted");
        }
        let guest = id("usr", "guest");
        ask::<rpc::StartSubscription>(&asker, &service, &guest, &paid(&guest)).await.expect("a guest has no account");
        let seen = see(&asker, &as_self("ada"), &ada).await.expect("theirs");
        let plan = seen.subscription.clone().expect("a membership").plan;
        assert_eq!((seen.tier(), plan.as_str()), (v1::Tier::Premium, "CLUB-YEAR"));
        shop.user.kill("a");
        shop.user.start("a").await;
        assert_eq!(see(&asker, &as_self("ada"), &ada).await.expect("theirs").tier(), v1::Tier::Premium);
        orders.clear().await;
        shop.close().await;
    });
}
