//! Tokens that are bound to a key, with an auth that the test plays.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::config::Config;
use messages::auth::v1::AnswerEndpointRequest;
use messages::id::Id;
use prost::Message as _;
use runtime::clock::Clock;
use serde_json::{Value, json};

use crate::support::{config, http::Answer};
use crate::tokens::{ISSUER, Play};

/// A client with a key of its own.
struct Client {
    pair: EcdsaKeyPair,
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes()).as_ref())
}

impl Client {
    fn new() -> Client {
        Client { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a pair") }
    }

    fn halves(&self) -> (String, String) {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y))
    }

    fn jkt(&self) -> String {
        let (x, y) = self.halves();
        sha256(&format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#))
    }

    /// What a proof of a request says, with a name of its own.
    fn says(method: &str, path: &str, token: Option<&str>) -> Value {
        let mut claims = json!({
            "jti": Id::new("att").to_string(), "htm": method, "htu": format!("{ISSUER}{path}"),
            "iat": Clock::system().now().as_second(),
        });
        if let Some(token) = token {
            claims["ath"] = json!(sha256(token));
        }
        claims
    }

    fn proof(&self, claims: &Value) -> String {
        let (x, y) = self.halves();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y});
        let message = format!("{}.{}", part(&json!({"typ": "dpop+jwt", "alg": "ES256", "jwk": jwk})), part(claims));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    }
}

const PATH: &str = "/api/v1/products";

impl Play {
    fn bound(&self, jkt: &str) -> String {
        let mut claims = self.claims();
        claims["cnf"] = json!({"jkt": jkt});
        self.token("one", "at+jwt", &claims)
    }

    async fn write_as(&self, authorization: &str, proofs: &[&str]) -> Answer {
        let mut ask = self.shop.ask("POST", PATH).header("Authorization", authorization).json(r#"{"title": "Cap"}"#);
        for proof in proofs {
            ask = ask.header("DPoP", *proof);
        }
        ask.send().await
    }
}

#[actix_web::test]
async fn a_token_that_is_bound_to_a_key_is_shown_with_a_proof_of_this_request() {
    let play = Play::begin().await;
    let (client, thief) = (Client::new(), Client::new());
    let token = play.bound(&client.jkt());
    let shown = format!("DPoP {token}");
    let good = || Client::says("POST", PATH, Some(&token));
    let answer = play.write_as(&shown, &[&client.proof(&good())]).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let mut other = good();
    other["htu"] = json!(format!("{ISSUER}/api/v1/warehouses"));
    let mut old = good();
    old["iat"] = json!(Clock::system().now().as_second() - 120);
    let fresh = client.proof(&good());
    for (what, proofs, code) in [
        ("none", &[][..], "invalid_dpop_proof"),
        ("of another key", &[&*thief.proof(&good())], "unauthenticated"),
        ("of another request", &[&*client.proof(&other)], "invalid_dpop_proof"),
        ("of another method", &[&*client.proof(&Client::says("GET", PATH, Some(&token)))], "invalid_dpop_proof"),
        ("of another token", &[&*client.proof(&Client::says("POST", PATH, Some("x")))], "invalid_dpop_proof"),
        ("of no token", &[&*client.proof(&Client::says("POST", PATH, None))], "invalid_dpop_proof"),
        ("old", &[&*client.proof(&old)], "invalid_dpop_proof"),
        ("twice in one request", &[&*fresh, &*fresh], "invalid_dpop_proof"),
        ("no token at all", &["x"], "invalid_dpop_proof"),
    ] {
        let answer = play.write_as(&shown, proofs).await;
        assert_eq!(answer.problem(), (401, code.to_owned()), "{what}");
        let challenge = answer.sure("www-authenticate");
        assert!(challenge.starts_with("DPoP ") && challenge.contains("algs=\"ES256"), "{what}: {challenge}");
    }
}

#[actix_web::test]
async fn a_proof_is_good_once() {
    let play = Play::begin().await;
    let client = Client::new();
    let token = play.bound(&client.jkt());
    let proof = client.proof(&Client::says("POST", PATH, Some(&token)));
    let shown = format!("DPoP {token}");
    assert_eq!(play.write_as(&shown, &[&proof]).await.status, 201);
    let again = play.write_as(&shown, &[&proof]).await;
    assert_eq!(again.problem(), (401, "invalid_dpop_proof".to_owned()));
}

#[actix_web::test]
async fn a_bound_token_is_no_bearer_token_and_a_bearer_token_is_not_bound() {
    let play = Play::begin().await;
    let client = Client::new();
    let bound = play.bound(&client.jkt());
    let proof = client.proof(&Client::says("POST", PATH, Some(&bound)));
    let answer = play.write_as(&format!("Bearer {bound}"), &[&proof]).await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
    assert!(answer.sure("www-authenticate").starts_with("DPoP "), "it says how to show it");
    let free = play.good();
    let proof = client.proof(&Client::says("POST", PATH, Some(&free)));
    let answer = play.write_as(&format!("DPoP {free}"), &[&proof]).await;
    assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()));
    assert_eq!(play.write_as("DPoP mk_01h455vb4pex5vsknk084sn02_x", &[&proof]).await.status, 401);
}

#[actix_web::test]
async fn where_nonces_are_asked_for_a_proof_without_one_is_told_it() {
    let play = Play::with(Config { dpop_nonce: true, ..config() }).await;
    play.auth().nonces = ["before", "now", "next"].map(str::to_owned).to_vec();
    let client = Client::new();
    let token = play.bound(&client.jkt());
    let shown = format!("DPoP {token}");
    let with = |nonce: Option<&str>| {
        let mut claims = Client::says("POST", PATH, Some(&token));
        if let Some(nonce) = nonce {
            claims["nonce"] = json!(nonce);
        }
        client.proof(&claims)
    };
    for nonce in [None, Some("guess")] {
        let answer = play.write_as(&shown, &[&with(nonce)]).await;
        assert_eq!(answer.problem(), (401, "use_dpop_nonce".to_owned()), "{nonce:?}");
        assert_eq!(answer.sure("dpop-nonce"), "now");
        assert!(answer.sure("www-authenticate").contains("error=\"use_dpop_nonce\""));
    }
    for nonce in ["before", "now", "next"] {
        assert_eq!(play.write_as(&shown, &[&with(Some(nonce))]).await.status, 201, "{nonce}");
    }
    let form = play
        .shop
        .ask("POST", "/oauth2/token")
        .header("DPoP", client.proof(&Client::says("POST", "/oauth2/token", None)));
    let answer = form.header("Content-Type", "application/x-www-form-urlencoded").body("grant_type=x").send().await;
    assert_eq!(
        (answer.status, &answer.json()["error"], answer.sure("dpop-nonce")),
        (400, &json!("use_dpop_nonce"), "now")
    );
}

#[actix_web::test]
async fn auth_hears_which_key_was_proved_and_of_no_other() {
    let play = Play::begin().await;
    let client = Client::new();
    let form = |proof: &str| {
        let ask = play.shop.ask("POST", "/oauth2/token").header("DPoP", proof);
        ask.header("Content-Type", "application/x-www-form-urlencoded").body("grant_type=client_credentials")
    };
    let answer = form(&client.proof(&Client::says("POST", "/oauth2/token", None))).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let heard = play.shop.heard();
    let heard = heard.iter().find(|heard| heard.verb() == "answer_endpoint").expect("auth was asked");
    let said = AnswerEndpointRequest::decode(heard.payload.clone()).expect("a request");
    assert_eq!(said.dpop_jkt, client.jkt());
    let wrong = form(&client.proof(&Client::says("POST", "/oauth2/par", None))).send().await;
    assert_eq!((wrong.status, &wrong.json()["error"]), (400, &json!("invalid_dpop_proof")));
}
