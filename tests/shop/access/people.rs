//! People: one of every sort that can ask, and Ada, who has one of everything.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::doors::Ids;
use crate::customer::{Customer, GOOD, address};
use crate::house::Ask;
use crate::stocked::{Stocked, text};

/// Another one than the example of the contract, with which everybody here signs in.
const PASSWORD: &str = "not the one of the contract";

/// Somebody who asks.
pub(super) struct Person {
    pub(super) name: &'static str,
    role: &'static str,
    /// What they show.
    token: Option<(&'static str, String)>,
    /// What they may do; `None` for somebody who shows nothing.
    pub(super) scopes: Option<Vec<String>>,
    /// What they show was worth something once.
    pub(super) is_nobody_any_more: bool,
}

impl Person {
    /// The request with what they show.
    pub(super) fn shows(&self, ask: Ask) -> Ask {
        match &self.token {
            Some((header, token)) => ask.header(header, token.clone()),
            None => ask,
        }
    }

    /// Whether Ada's things of this kind are theirs to look after, if their scopes include what they want to do.
    pub(super) fn looks_after(&self, prefix: &str, group: &str) -> bool {
        match (self.role, prefix) {
            // What lets somebody in is nobody's but its owner's, and the administrator's.
            ("ada" | "admin", _) => true,
            (_, "ses" | "key") => false,
            ("support" | "application", _) => true,
            // Who looks after goods or money looks after people's orders, not after their accounts.
            ("catalogue" | "warehouse" | "finance", "usr" | "adr") => !matches!(group, "user" | "auth"),
            ("catalogue" | "warehouse" | "finance", _) => true,
            _ => false,
        }
    }
}

fn bearer(token: &str) -> Option<(&'static str, String)> {
    Some(("Authorization", format!("Bearer {token}")))
}

fn scopes_of(role: &str) -> Option<Vec<String>> {
    Some(auth::roles::scopes_of(role).expect("a role").into_iter().collect())
}

/// Registers somebody with a role; says who they are and how they sign in.
async fn register(shop: &mut Stocked, name: &str, role: &str) -> (String, Value) {
    let email = format!("{name}@example.com");
    let who = json!({"email": email, "password": PASSWORD, "name": name});
    let user = shop.stranger().send(201, &Ask::post("/api/v1/users", &who)).await;
    let user_id = text(&user, "/user_id");
    if role != "customer" {
        shop.owner(200, Ask::put(format!("/api/v1/users/{user_id}/role"), &json!({"role": role}))).await;
    }
    (user_id, json!({"email": email, "password": PASSWORD}))
}

/// Signs somebody in.
async fn sign_in(shop: &mut Stocked, right: &Value) -> String {
    let session = shop.stranger().send(200, &Ask::post("/api/v1/users/authenticate", right)).await;
    text(&session, "/access_token")
}

/// Moves everybody in. Says who there is, and what Ada has.
pub(super) async fn settle(shop: &mut Stocked) -> (Vec<Person>, Ids) {
    let person = |name, role, token, scopes| Person { name, role, token, scopes, is_nobody_any_more: false };
    let mut people = vec![person("nobody", "nobody", None, None)];
    let secret = ("Guest-Token", "a-secret-that-a-guest-made-up".to_owned());
    let guest = messages::scope::GUEST.map(str::to_owned).to_vec();
    people.push(person("guest", "guest", Some(secret), Some(guest)));

    let (ada, right) = register(shop, "ada", "customer").await;
    let token = sign_in(shop, &right).await;
    people.push(person("ada", "ada", bearer(&token), scopes_of("customer")));
    for (name, role) in [
        ("eve", "customer"),
        ("support", "support"),
        ("catalogue", "catalogue"),
        ("warehouse", "warehouse"),
        ("finance", "finance"),
        ("admin", "admin"),
    ] {
        let (_, right) = register(shop, name, role).await;
        let token = sign_in(shop, &right).await;
        people.push(person(name, role, bearer(&token), scopes_of(role)));
    }

    // An application, and a key of Eve's, both of which may do less than whom they stand for.
    let narrow = vec!["order:read".to_owned()];
    let client =
        json!({"name": "Reports", "redirect_uris": [], "grant_types": ["client_credentials"], "scopes": narrow});
    let client = shop.owner(201, Ask::post("/api/v1/oauth-clients", &client)).await;
    let (id, secret) = (text(&client, "/client_id"), text(&client, "/client_secret"));
    let form = format!("grant_type=client_credentials&scope=order:read&client_id={id}&client_secret={secret}");
    let issued = shop.stranger().send(200, &Ask::form("/oauth2/token", &form)).await;
    let token = text(&issued, "/access_token");
    people.push(person("application", "application", bearer(&token), Some(narrow.clone())));
    let eve = people.iter().position(|person| person.name == "eve").expect("Eve");
    let key = people[eve].shows(Ask::post("/api/v1/api-keys", &json!({"name": "Printer", "scopes": narrow})));
    let key = shop.stranger().send(201, &key).await;
    people.push(person("key", "customer", bearer(&text(&key, "/secret")), Some(narrow)));

    let ended = sign_in(shop, &json!({"email": "eve@example.com", "password": PASSWORD})).await;
    let mut ended = person("ended", "customer", bearer(&ended), scopes_of("customer"));
    end(shop, &mut ended).await;
    people.push(ended);

    let ada = belongings(shop, ada, token_of(&people, "ada")).await;
    (people, ada)
}

fn token_of<'a>(people: &'a [Person], name: &str) -> &'a Person {
    people.iter().find(|person| person.name == name).expect("somebody of that name")
}

/// Ends all of somebody's sessions, and waits until the door knows.
async fn end(shop: &mut Stocked, person: &mut Person) {
    let sessions = person.shows(Ask::get("/api/v1/sessions"));
    let sessions = shop.stranger().send(200, &sessions).await;
    // Hers are listed with the youngest first; the others go on.
    let mut own = sessions["data"].as_array().expect("sessions").clone();
    own.sort_by_key(|session| session["created_at"].as_str().unwrap_or_default().to_owned());
    let youngest = text(own.last().expect("a session"), "/session_id");
    let revoke = person.shows(Ask::of("DELETE", format!("/api/v1/sessions/{youngest}"), None));
    shop.stranger().send(200, &revoke).await;
    let began = tokio::time::Instant::now();
    loop {
        let asked = shop.stranger().try_send(&person.shows(Ask::get("/api/v1/sessions"))).await;
        if asked.status == 401 {
            break;
        }
        assert!(began.elapsed().as_secs() < 10, "a session that was ended is still believed: {asked:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    person.is_nobody_any_more = true;
}

/// One of everything that a person can have.
async fn belongings(shop: &mut Stocked, user_id: String, ada: &Person) -> Ids {
    let (_, token) = ada.token.clone().expect("Ada shows a token");
    let mut customer = Customer::known(shop.up.stranger().bearing(token.trim_start_matches("Bearer ")));
    let mut has = BTreeMap::from([("usr", user_id.clone())]);
    let place = json!({"address": address()});
    let place = customer.send(201, &Ask::post(format!("/api/v1/users/{user_id}/addresses"), &place)).await;
    has.insert("adr", text(&place, "/address_id"));
    let order = customer.buy(&[("MUG", 1)]).await;
    let parcel = shop.parcels(&order, 1).await.remove(0);
    has.insert("shp", text(&parcel, "/shipment_id"));
    has.insert("pay", text(&shop.order(&order).await, "/payment_id"));
    shop.until(Ask::get(format!("/api/v1/orders/{order}/invoice")), |invoice| invoice["number"].is_string()).await;
    has.insert("ord", order);
    has.insert("cart", customer.cart(&[("MUG", 1)]).await);
    let method = Ask::post("/api/v1/payment-methods", &json!({"token": GOOD})).keyed("method");
    has.insert("pm", text(&customer.send(201, &method).await, "/payment_method_id"));
    let basket = json!({"lines": [{"sku": "MUG", "quantity": 1}], "currency": "EUR"});
    has.insert("quo", text(&customer.send(201, &Ask::post("/api/v1/quotes", &basket)).await, "/quote_id"));
    let key = json!({"name": "Hers", "scopes": ["order:read"]});
    has.insert("key", text(&customer.send(201, &Ask::post("/api/v1/api-keys", &key)).await, "/api_key_id"));
    let sessions = customer.send(200, &Ask::get("/api/v1/sessions")).await;
    has.insert("ses", text(&sessions, "/data/0/session_id"));
    let mails = Ask::get(format!("/api/v1/users/{user_id}/notifications"));
    let mails = shop.until(mails, |mails| mails["data"][0]["notification_id"].is_string()).await;
    has.insert("ntf", text(&mails, "/data/0/notification_id"));
    Ids::of(has)
}
