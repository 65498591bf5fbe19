//! Accounts: registering, being written to, being found, and leaving.

use serde_json::{Value, json};

use super::journey;
use crate::house::Ask;
use crate::stocked::{Stocked, text};

const PASSWORD: &str = "correct horse battery staple";

fn registering(email: &str) -> Ask {
    let consents = json!([{"purpose": "terms", "granted": true, "wording": "2026-01"}]);
    let body = json!({"email": email, "password": PASSWORD, "name": "Ada Lovelace", "consents": consents});
    Ask::post("/api/v1/users", &body)
}

/// Registers somebody, who can sign in when this is answered.
async fn register(shop: &Stocked, email: &str) -> Value {
    shop.stranger().send(201, &registering(email)).await
}

#[test]
fn who_registers_signs_in_sees_what_is_theirs_and_nothing_else() {
    journey(async || {
        let shop = Stocked::open().await;
        let [ada, eve] = [register(&shop, "ada@example.com").await, register(&shop, "eve@example.com").await];
        let mut stranger = shop.stranger();
        // The first thing that anybody asks of a new shop's auth: nobody has asked for its keys before.
        let right = json!({"email": "ada@example.com", "password": PASSWORD});
        let session = stranger.send(200, &Ask::post("/api/v1/users/authenticate", &right)).await;
        let bearer = format!("Bearer {}", text(&session, "/access_token"));
        let path = |user: &Value| format!("/api/v1/users/{}", text(user, "/user_id"));
        let seen = stranger.send(200, &Ask::get(path(&ada)).header("Authorization", &bearer)).await;
        assert_eq!(seen["email"], "ada@example.com");
        stranger.send(404, &Ask::get(path(&eve)).header("Authorization", &bearer)).await;
        stranger.send(403, &Ask::get("/api/v1/warehouses").header("Authorization", &bearer)).await;
    });
}

#[test]
fn an_address_has_one_account_and_a_weak_password_none() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let ada = register(&shop, "ada@example.com").await;
        let user_id = text(&ada, "/user_id");
        assert!(ada.get("password").is_none() && !ada.to_string().contains("argon2"), "{ada:#}");
        let mut stranger = shop.stranger();
        let taken = stranger.send(409, &registering("ADA@example.com")).await;
        assert_eq!(taken["code"], "email_taken");
        let weak = json!({"email": "eve@example.com", "password": "Password1!"});
        let refused = stranger.send(422, &Ask::post("/api/v1/users", &weak)).await;
        assert_eq!((&refused["code"], &refused["reason"]), (&json!("weak_password"), &json!("common")));
        // What is the gateway's to say is refused from outside.
        let forged = json!({"email": "ada@example.com", "password": PASSWORD, "client_address": "198.51.100.1"});
        stranger.send(400, &Ask::post("/api/v1/users/authenticate", &forged)).await;
        // A foreign account is answered like none, and so is a stranger.
        stranger.send(401, &Ask::get(format!("/api/v1/users/{user_id}"))).await;
        let seen = shop.owner(200, Ask::get(format!("/api/v1/users/{user_id}"))).await;
        assert_eq!((&seen["email"], &seen["consents"][0]["purpose"]), (&json!("ada@example.com"), &json!("terms")));
    });
}

#[test]
fn a_wrong_password_and_an_unknown_address_get_one_answer() {
    journey(async || {
        let shop = Stocked::open().await;
        register(&shop, "ada@example.com").await;
        let mut stranger = shop.stranger();
        let mut told = Vec::new();
        for email in ["ada@example.com", "nobody@example.com"] {
            let wrong = json!({"email": email, "password": "a wrong one that is long"});
            let refused = stranger.send(401, &Ask::post("/api/v1/users/authenticate", &wrong)).await;
            told.push((refused["code"].clone(), refused["detail"].clone()));
            let reset = json!({"email": email});
            stranger.send(202, &Ask::post("/api/v1/users/password-reset", &reset)).await;
        }
        assert_eq!(told[0], told[1]);
        assert_eq!(told[0].0, "invalid_credentials");
        // From the sixth wrong try on it takes patience.
        for _ in 0..4 {
            let wrong = json!({"email": "nobody@example.com", "password": "wrong"});
            stranger.send(401, &Ask::post("/api/v1/users/authenticate", &wrong)).await;
        }
        let wrong = json!({"email": "nobody@example.com", "password": "wrong"});
        let locked = stranger.try_send(&Ask::post("/api/v1/users/authenticate", &wrong)).await;
        assert_eq!((locked.status, locked.header("retry-after").is_some()), (429, true), "{locked:?}");
    });
}

#[test]
fn a_code_from_the_mailbox_verifies_the_address_and_staff_look_after_the_account() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let user_id = text(&register(&shop, "ada@example.com").await, "/user_id");
        // Notification hears of it and writes; the mail is captured, and until then nobody may read the code.
        let mails = format!("/api/v1/users/{user_id}/notifications");
        let is_there = |page: &Value| {
            let mails = page["data"].as_array().cloned().unwrap_or_default();
            mails.iter().any(|mail| mail["topic"] == "email_verification" && mail["provider"] == "capture")
        };
        let page = shop.until(Ask::get(mails), is_there).await;
        let mails = page["data"].as_array().expect("mails").clone();
        let mail = mails.iter().find(|mail| mail["topic"] == "email_verification").expect("a mail");
        let written = text(mail, "/text");
        let token = written.lines().find(|line| line.len() == 32 && !line.contains(' ')).expect("a code").to_owned();
        let show = |token: &str| Ask::post("/api/v1/users/verify-email", &json!({"user_id": user_id, "token": token}));
        shop.stranger().send(422, &show("wrong")).await;
        let verified = shop.stranger().send(200, &show(&token)).await;
        assert_eq!(verified["email_verified"], true);
        // By PATCH only what is said changes.
        let place = json!({"name": "Ada", "line1": "Ringstrasse 1", "city": "Vienna", "country": "AT"});
        let path = format!("/api/v1/users/{user_id}");
        let address = shop.owner(201, Ask::post(format!("{path}/addresses"), &json!({"address": place}))).await;
        assert_eq!(address["default_shipping"], true);
        let named = json!({"name": "Ada King", "locale": "de-AT"});
        let changed = shop.owner(200, Ask::put(path.clone(), &named)).await;
        assert_eq!((&changed["name"], &changed["locale"]), (&json!("Ada King"), &json!("de-AT")));
        let found =
            shop.until(Ask::get("/api/v1/users/search?q=king"), |page| page["data"][0]["name"] == "Ada King").await;
        assert_eq!(found["data"][0]["user_id"], user_id.as_str());
        let file = shop.owner(200, Ask::get(format!("{path}/export"))).await;
        assert_eq!(file["addresses"][0]["address"]["city"], "Vienna");
    });
}
