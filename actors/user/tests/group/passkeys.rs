//! Passkeys: adding, keeping and showing them, and what is refused.

use messages::user::v1::{self, VerifyOutcome, rpc};
use runtime::client::Failure;
use runtime::headers::Caller;
use runtime::testkit::{Asker, refusal};
use serde_json::Value;

use super::device::{Device, PRESENT, VERIFIED};
use super::shop::{PASSWORD, Shop, as_self, ask, id, outcome, play, register, staff};

/// Makes a device say something else.
type Spoil = fn(&mut Device);

fn options(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

async fn start(asker: &Asker, name: &str) -> Value {
    let start = v1::StartPasskeyRequest { user_id: id("usr", name) };
    options(&ask::<rpc::StartPasskey>(asker, &as_self(name), "", &start).await.expect("options").options)
}

async fn add(asker: &Asker, name: &str, passkey: &str, credential: String) -> Result<v1::Passkey, Failure> {
    let user_id = id("usr", name);
    let add = v1::AddPasskeyRequest {
        user_id: user_id.clone(),
        passkey_id: id("pky", passkey),
        name: "Phone".into(),
        credential,
    };
    Ok(ask::<rpc::AddPasskey>(asker, &as_self(name), &user_id, &add).await?.passkey.expect("a passkey"))
}

async fn start_login(asker: &Asker) -> Value {
    let nobody = Caller::anonymous();
    let said = ask::<rpc::StartPasskeyLogin>(asker, &nobody, "", &v1::StartPasskeyLoginRequest {}).await;
    options(&said.expect("options").options)
}

async fn show(asker: &Asker, credential: String) -> v1::VerifyPasskeyResponse {
    let verify = v1::VerifyPasskeyRequest { credential, source: "203.0.113.7".into(), user_agent: "curl".into() };
    ask::<rpc::VerifyPasskey>(asker, &Caller::service("auth"), "", &verify).await.expect("an answer")
}

async fn shown(asker: &Asker, device: &Device) -> VerifyOutcome {
    let options = start_login(asker).await;
    show(asker, device.get(&options)).await.outcome()
}

async fn list(asker: &Asker, name: &str) -> Vec<v1::Passkey> {
    let (user_id, own) = (id("usr", name), as_self(name));
    let list = v1::ListPasskeysRequest { user_id: user_id.clone() };
    ask::<rpc::ListPasskeys>(asker, &own, &user_id, &list).await.expect("theirs").data
}

#[test]
fn somebody_signs_in_with_a_device_instead_of_a_password() {
    play(async |world| {
        let (mut shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        for (name, mut device) in [("elliptic", Device::elliptic(1)), ("edwards", Device::edwards(2))] {
            let options = start(&asker, "ada").await;
            assert_eq!((&options["rp"]["id"], &options["attestation"]), (&"shop.example".into(), &"none".into()));
            assert_eq!(options["authenticatorSelection"]["userVerification"], "required");
            let passkey = add(&asker, "ada", name, device.create(&options)).await.expect("added");
            assert_eq!((passkey.name.as_str(), passkey.suspended), ("Phone", false));
            let options = start_login(&asker).await;
            let said = show(&asker, device.get(&options)).await;
            assert_eq!(
                (said.outcome(), &said.user_id, &said.amr[..]),
                (VerifyOutcome::Verified, &ada, &["hwk".into(), "mfa".into()][..])
            );
        }
        // What is known is not made twice.
        assert_eq!(start(&asker, "ada").await["excludeCredentials"].as_array().map(Vec::len), Some(2));
        shop.user.kill("a");
        shop.user.start("a").await;
        assert_eq!(list(&asker, "ada").await.len(), 2);
        assert!(list(&asker, "ada").await.iter().all(|passkey| passkey.last_used_at.is_some()));
        assert_eq!(outcome(&asker, "ada", PASSWORD).await, VerifyOutcome::Verified, "the password is good still");
        shop.close().await;
    });
}

#[test]
fn a_challenge_is_good_once_for_a_while_and_for_what_it_was_made() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        register(&asker, "ada").await;
        register(&asker, "eve").await;
        let mut device = Device::elliptic(1);
        let beginning = start(&asker, "ada").await;
        let made = device.create(&beginning);
        let of_another = start(&asker, "eve").await;
        for (what, credential) in [
            ("of another account", device.create(&of_another)),
            ("of signing in", device.create(&serde_json::json!({"user": beginning["user"], "challenge": start_login(&asker).await["challenge"]}))),
            ("guessed", device.create(&serde_json::json!({"user": beginning["user"], "challenge": "AAAA"}))),
        ] {
            let refused = refusal(add(&asker, "ada", "one", credential).await);
            assert_eq!(refused.code, "invalid_passkey", "{what}");
        }
        device.create(&beginning);
        add(&asker, "ada", "one", made.clone()).await.expect("added");
        let passkey_id = id("pky", "one");
        let delete = v1::DeletePasskeyRequest { user_id: id("usr", "ada"), passkey_id };
        ask::<rpc::DeletePasskey>(&asker, &as_self("ada"), &id("usr", "ada"), &delete).await.expect("deleted");
        assert_eq!(refusal(add(&asker, "ada", "two", made).await).code, "invalid_passkey", "a replay");
        let again = start(&asker, "ada").await;
        add(&asker, "ada", "three", device.create(&again)).await.expect("added");
        let options = start_login(&asker).await;
        let credential = device.get(&options);
        assert_eq!(show(&asker, credential.clone()).await.outcome(), VerifyOutcome::Verified);
        assert_eq!(show(&asker, credential).await.outcome(), VerifyOutcome::Refused, "a replay");
        assert_eq!(shown(&asker, &device).await, VerifyOutcome::Verified);
        shop.close().await;
    });
}

#[test]
fn what_a_device_must_not_say_is_refused_when_it_is_added_and_when_it_is_shown() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        register(&asker, "ada").await;
        let mut good = Device::elliptic(1);
        let options = start(&asker, "ada").await;
        add(&asker, "ada", "good", good.create(&options)).await.expect("added");
        let cases: [(&str, Spoil); 6] = [
            ("origin", |device| device.origin = "https://evil.example".into()),
            ("origin", |device| device.origin = "https://shop.example.evil.example".into()),
            ("origin", |device| device.origin = "http://shop.example".into()),
            ("rp_id", |device| device.rp_id = "evil.example".into()),
            ("user_not_verified", |device| device.flags = PRESENT),
            ("user_absent", |device| device.flags = VERIFIED),
        ];
        for (reason, spoil) in cases {
            let mut bad = Device::elliptic(2);
            spoil(&mut bad);
            let options = start(&asker, "ada").await;
            let refused = refusal(add(&asker, "ada", "bad", bad.create(&options)).await);
            assert_eq!(refused.code, "invalid_passkey");
            assert!(refused.detail.len() > 20 && format!("{refused:?}").contains(reason), "{refused:?}");
            spoil(&mut good);
            assert_eq!(shown(&asker, &good).await, VerifyOutcome::Refused, "{reason}");
            (good.origin, good.rp_id, good.flags) =
                ("https://shop.example".into(), "shop.example".into(), PRESENT | VERIFIED);
        }
        let mut attested = Device::elliptic(3);
        attested.format = "packed".into();
        let options = start(&asker, "ada").await;
        let refused = refusal(add(&asker, "ada", "bad", attested.create(&options)).await);
        assert!(format!("{refused:?}").contains("attestation"), "{refused:?}");
        assert_eq!(shown(&asker, &good).await, VerifyOutcome::Verified);
        // Another key under the same name, and a name that nobody knows.
        let mut thief = Device::elliptic(1);
        thief.create(&start(&asker, "ada").await);
        assert_eq!(shown(&asker, &thief).await, VerifyOutcome::Refused);
        let mut unknown = Device::elliptic(9);
        unknown.create(&start(&asker, "ada").await);
        assert_eq!(shown(&asker, &unknown).await, VerifyOutcome::Refused);
        for nothing in ["{}", "[]", r#"{"id":"AQ","type":"public-key","response":{"clientDataJSON":"e30"}}"#] {
            assert_eq!(show(&asker, nothing.into()).await.outcome(), VerifyOutcome::Refused);
        }
        shop.close().await;
    });
}

#[test]
fn a_passkey_that_was_copied_lets_nobody_in_any_more() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        register(&asker, "ada").await;
        let mut device = Device::elliptic(1);
        device.count = 5;
        let options = start(&asker, "ada").await;
        add(&asker, "ada", "one", device.create(&options)).await.expect("added");
        device.count = 6;
        assert_eq!(shown(&asker, &device).await, VerifyOutcome::Verified);
        // The copy has signed once less than the one that was used.
        assert_eq!(shown(&asker, &device).await, VerifyOutcome::Refused);
        device.count = 100;
        assert_eq!(shown(&asker, &device).await, VerifyOutcome::Refused, "nobody knows which of them is whose");
        assert!(list(&asker, "ada").await[0].suspended);
        shop.close().await;
    });
}

#[test]
fn passkeys_are_their_owners() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let ada = register(&asker, "ada").await;
        register(&asker, "eve").await;
        let mut device = Device::elliptic(1);
        let options = start(&asker, "ada").await;
        add(&asker, "ada", "one", device.create(&options)).await.expect("added");
        let passkey_id = id("pky", "one");
        let rename = |name: &str| v1::RenamePasskeyRequest {
            user_id: ada.clone(),
            passkey_id: passkey_id.clone(),
            name: name.into(),
        };
        let said = ask::<rpc::RenamePasskey>(&asker, &as_self("ada"), &ada, &rename("Key")).await.expect("theirs");
        assert_eq!(said.passkey.expect("a passkey").name, "Key");
        let (eve, begin) = (as_self("eve"), v1::StartPasskeyRequest { user_id: ada.clone() });
        assert_eq!(refusal(ask::<rpc::RenamePasskey>(&asker, &eve, &ada, &rename("x")).await).code, "not_found");
        for stranger in [eve, staff("admin")] {
            assert_eq!(refusal(ask::<rpc::StartPasskey>(&asker, &stranger, "", &begin).await).code, "not_found");
        }
        let delete = v1::DeletePasskeyRequest { user_id: ada.clone(), passkey_id };
        ask::<rpc::DeletePasskey>(&asker, &as_self("ada"), &ada, &delete).await.expect("theirs");
        assert_eq!(
            refusal(ask::<rpc::DeletePasskey>(&asker, &as_self("ada"), &ada, &delete).await).code,
            "passkey_not_found"
        );
        assert_eq!(shown(&asker, &device).await, VerifyOutcome::Refused);
        shop.close().await;
    });
}
