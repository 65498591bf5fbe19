//! Who is asking: access tokens, API keys and sessions, with an auth that the test plays.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway::config::Config;
use messages::auth::v1::{
    AnswerEndpointResponse, AuthorizeResponse, CheckApiKeyResponse, CheckSessionResponse, ListRevokedResponse,
    ListSigningKeysResponse, LoginResponse, NoteApiKeyUseResponse, Outcome, Revoked, SigningAlgorithm, SigningKey,
    Step,
};
use messages::id::{Id, KeyId};
use messages::user::v1::StartPasskeyLoginResponse;
use runtime::clock::Clock;
use runtime::headers;
use serde_json::{Value, json};

use crate::support::group::Says;
use crate::support::products::{PRODUCT, Products, shirt};
use crate::support::{Shop, config};

pub(crate) const ISSUER: &str = "http://127.0.0.1:8080";

/// What auth says, and how often it was asked.
#[derive(Default)]
pub(crate) struct Auth {
    keys: Vec<SigningKey>,
    ended: Vec<String>,
    key_is_good: bool,
    asked_for_keys: usize,
    pub(crate) nonces: Vec<String>,
}

/// A gateway, an auth that the test changes, and the key that signs.
pub(crate) struct Play {
    pub(crate) shop: Shop,
    auth: Arc<Mutex<Auth>>,
    pair: EcdsaKeyPair,
}

fn session_id() -> String {
    Id::derived("ses", b"one").to_string()
}

impl Play {
    pub(crate) async fn begin() -> Play {
        Play::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Play {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a pair");
        let auth = Arc::new(Mutex::new(Auth { keys: vec![shown("one", &pair)], key_is_good: true, ..Auth::default() }));
        let (mut products, said) = (Products::with(shirt()), auth.clone());
        let shop = Shop::with(config, move |heard| {
            let mut auth = said.lock().expect("whole");
            Some(match heard.verb() {
                "list_signing_keys" => {
                    auth.asked_for_keys += 1;
                    Says::yes(&ListSigningKeysResponse { keys: auth.keys.clone(), nonces: auth.nonces.clone() })
                }
                "list_revoked" => {
                    Says::yes(&ListRevokedResponse { revoked: Some(Revoked { ids: auth.ended.clone() }) })
                }
                "check_api_key" => Says::yes(&CheckApiKeyResponse {
                    active: auth.key_is_good,
                    user_id: "usr_1".into(),
                    role: "catalogue".into(),
                    scopes: vec!["product:write".into()],
                    note_use: true,
                    ..CheckApiKeyResponse::default()
                }),
                "note_api_key_use" => Says::yes(&NoteApiKeyUseResponse {}),
                "check_session" => Says::yes(&CheckSessionResponse {
                    active: true,
                    user_id: "usr_1".into(),
                    role: "catalogue".into(),
                    scopes: vec!["product:write".into()],
                    ..CheckSessionResponse::default()
                }),
                "answer_endpoint" => {
                    Says::yes(&AnswerEndpointResponse { status: 200, body: "{}".into(), ..Default::default() })
                }
                "start_passkey_login" => {
                    Says::yes(&StartPasskeyLoginResponse { options: r#"{"challenge":"AQ"}"#.into() })
                }
                "login" => Says::yes(&LoginResponse {
                    outcome: Outcome::Verified.into(),
                    session_id: session_id(),
                    secret: "a-secret".into(),
                    max_age_seconds: 60,
                    ..LoginResponse::default()
                }),
                "authorize" => Says::yes(&AuthorizeResponse {
                    step: Step::Redirect.into(),
                    location: "https://app.example/cb?code=x".into(),
                    ..AuthorizeResponse::default()
                }),
                _ => return products.answer(heard),
            })
        })
        .await;
        Play { shop, auth, pair }
    }

    pub(crate) fn auth(&self) -> std::sync::MutexGuard<'_, Auth> {
        self.auth.lock().expect("whole")
    }

    pub(crate) fn claims(&self) -> Value {
        let now = Clock::system().now().as_second();
        json!({
            "iss": ISSUER, "aud": ISSUER, "sub": "usr_1", "role": "catalogue", "scope": "product:write", "tier": "premium",
            "iat": now, "exp": now + 600, "sid": session_id(), "client_id": "shop",
        })
    }

    pub(crate) fn token(&self, kid: &str, typ: &str, claims: &Value) -> String {
        signed(&self.pair, kid, typ, claims)
    }

    pub(crate) fn good(&self) -> String {
        self.token("one", "at+jwt", &self.claims())
    }

    async fn write_with(&self, token: &str) -> u16 {
        self.shop.ask("POST", "/api/v1/products").bearer(token).json(r#"{"title": "Cap"}"#).send().await.status
    }

    /// How long it takes until a token is worth nothing.
    async fn refused_within(&self, token: &str, most: Duration) {
        let began = Instant::now();
        while self.write_with(token).await != 401 {
            assert!(began.elapsed() < most, "it still works after {:?}", began.elapsed());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn shown(kid: &str, pair: &EcdsaKeyPair) -> SigningKey {
    SigningKey {
        kid: kid.to_owned(),
        algorithm: SigningAlgorithm::Es256.into(),
        public: pair.public_key().as_ref().to_vec(),
        ..SigningKey::default()
    }
}

fn signed(pair: &EcdsaKeyPair, kid: &str, typ: &str, claims: &Value) -> String {
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let message = format!("{}.{}", part(&json!({"alg": "ES256", "typ": typ, "kid": kid})), part(claims));
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
}

#[actix_web::test]
async fn an_access_token_says_who_asks_and_nothing_else_does() {
    let play = Play::begin().await;
    let answer = play
        .shop
        .ask("POST", "/api/v1/products")
        .bearer(&play.good())
        .header("Shop-Caller", "admin usr_admin *")
        .header("X-User-Id", "usr_admin")
        .json(r#"{"title": "Cap"}"#)
        .send()
        .await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let heard = play.shop.heard();
    let caller = heard.iter().find(|heard| heard.verb() == "create").and_then(|heard| heard.header(headers::CALLER));
    assert_eq!(caller, Some("catalogue usr_1 product:write"));
    let archive = play.shop.ask("GET", "/api/v1/warehouses").bearer(&play.good()).send().await;
    assert_eq!(archive.problem().0, 403, "a scope that it does not have");
}

#[actix_web::test]
async fn a_token_that_is_none_is_refused_with_how_to_bring_one() {
    let play = Play::begin().await;
    let mut late = play.claims();
    late["exp"] = json!(Clock::system().now().as_second() - 31);
    let mut foreign = play.claims();
    foreign["aud"] = json!("https://other.example");
    let stranger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a pair");
    let good = play.good();
    let (message, _) = good.rsplit_once('.').expect("parts");
    for (what, token) in [
        ("an id token", play.token("one", "JWT", &play.claims())),
        ("expired", play.token("one", "at+jwt", &late)),
        ("for others", play.token("one", "at+jwt", &foreign)),
        ("unsigned", format!("{message}.")),
        ("of another key", signed(&stranger, "one", "at+jwt", &play.claims())),
        ("no API key", "mk_01h455vb4pex5vsknk084sn02_x".to_owned()),
    ] {
        let answer = play.shop.ask("GET", PRODUCT).bearer(&token).send().await;
        assert_eq!(answer.problem().0, 401, "{what}");
        assert!(answer.sure("www-authenticate").contains("invalid_token"), "{what}");
    }
    let in_query = play.shop.ask("GET", format!("{PRODUCT}?access_token={good}")).send().await;
    assert_eq!(in_query.problem().0, 400, "a token is not shown in an address");
}

#[actix_web::test]
async fn a_new_key_is_asked_for_once_and_an_unknown_one_at_most_once_a_second() {
    let play = Play::begin().await;
    assert_eq!(play.write_with(&play.good()).await, 201);
    assert_eq!(play.write_with(&play.good()).await, 201);
    assert_eq!(play.auth().asked_for_keys, 1);
    let unknown = play.token("two", "at+jwt", &play.claims());
    for _ in 0..20 {
        assert_eq!(play.write_with(&unknown).await, 401);
    }
    assert!(play.auth().asked_for_keys <= 4, "{}", play.auth().asked_for_keys);
    let next = shown("two", &play.pair);
    play.auth().keys.push(next);
    let began = Instant::now();
    while play.write_with(&unknown).await != 201 {
        assert!(began.elapsed() < Duration::from_secs(3), "the new key is not asked for");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[actix_web::test]
async fn what_was_ended_is_worth_nothing_within_five_seconds() {
    let play = Play::begin().await;
    let token = play.good();
    assert_eq!(play.write_with(&token).await, 201);
    play.auth().ended.push(session_id());
    play.refused_within(&token, Duration::from_secs(5)).await;
    let key = format!("mk_{}_secret", KeyId::new().to_string().trim_start_matches("key_"));
    assert_eq!(play.write_with(&key).await, 201);
    play.auth().key_is_good = false;
    play.refused_within(&key, Duration::from_secs(5)).await;
}

#[actix_web::test]
async fn a_cookie_alone_changes_nothing() {
    let play = Play::begin().await;
    let cookie = format!("mercat_session={}.a-secret", session_id());
    let write = || {
        let ask = play.shop.ask("POST", "/api/v1/products").json(r#"{"title": "Cap"}"#);
        ask.header("Cookie", &cookie)
    };
    assert_eq!(write().send().await.problem(), (403, "csrf".to_owned()));
    assert_eq!(write().header("X-CSRF-Token", "guess").send().await.problem(), (403, "csrf".to_owned()));
    // Signing in gives both.
    let page = play.shop.ask("GET", "/oauth2/authorize").send().await;
    let form = page.all("set-cookie").join(";");
    assert_eq!(page.status, 303, "this auth asks nothing");
    let filler = form.split(';').next().expect("a cookie").to_owned();
    let secret = filler.split_once('=').expect("a value").1;
    let proof = URL_SAFE_NO_PAD.encode(blake3::derive_key("mercat gateway form v1", secret.as_bytes()));
    let login = |proof: &str, origin: &str| {
        let fields = format!("_step=login&_csrf={proof}&_email=a@b.c&_password=secret");
        let ask = play.shop.ask("POST", "/oauth2/authorize").header("Cookie", &filler).header("Origin", origin);
        ask.header("Content-Type", "application/x-www-form-urlencoded").body(&fields)
    };
    assert_eq!(login("guess", ISSUER).send().await.status, 403);
    assert_eq!(login(&proof, "https://evil.example").send().await.status, 403);
    let signed_in = login(&proof, ISSUER).send().await;
    assert_eq!((signed_in.status, signed_in.sure("location")), (303, "https://app.example/cb?code=x"));
    let cookies = signed_in.all("set-cookie");
    let session = cookies.iter().find(|cookie| cookie.starts_with("mercat_session=")).expect("a session");
    assert!(session.contains("HttpOnly") && session.contains("SameSite=Lax"));
    let csrf = cookies.iter().find_map(|cookie| cookie.strip_prefix("mercat_csrf=")).expect("a proof");
    let csrf = csrf.split(';').next().expect("a value");
    let answer = write().header("X-CSRF-Token", csrf).send().await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

#[actix_web::test]
async fn signing_in_is_a_form_that_one_script_of_ours_may_fill_in() {
    let play = Play::begin().await;
    let page = play.shop.ask("GET", "/oauth2/device").send().await;
    let policy = page.sure("content-security-policy");
    assert!(policy.contains(&format!("script-src {ISSUER}/oauth2/passkey.js;")), "{policy}");
    assert!(!policy.contains("unsafe") && policy.starts_with("default-src 'none'"));
    let text = page.text();
    assert_eq!(text.matches("<script").count(), 1);
    assert!(text.contains(r#"<script src="/oauth2/passkey.js" defer></script>"#), "{text}");
    assert!(text.contains("hidden data-options=\"{&quot;challenge&quot;:&quot;AQ&quot;}\""), "{text}");
    assert!(text.contains("name=\"_password\""), "it works without");
    let script = play.shop.ask("GET", "/oauth2/passkey.js").send().await;
    assert_eq!((script.status, script.sure("content-type")), (200, "text/javascript; charset=utf-8"));
    assert_eq!(play.shop.ask("POST", "/oauth2/passkey.js").json("{}").send().await.status, 405);
}

#[actix_web::test]
async fn the_documents_say_where_everything_is() {
    let play = Play::begin().await;
    let said = play.shop.ask("GET", "/.well-known/openid-configuration").send().await.json();
    assert_eq!((&said["issuer"], &said["code_challenge_methods_supported"]), (&json!(ISSUER), &json!(["S256"])));
    assert_eq!(said["authorization_response_iss_parameter_supported"], true);
    let keys = play.shop.ask("GET", "/oauth2/jwks").send().await.json();
    let key = &keys["keys"][0];
    assert_eq!(
        (key["kid"].as_str(), key["kty"].as_str(), key["crv"].as_str()),
        (Some("one"), Some("EC"), Some("P-256"))
    );
    assert_eq!(key.get("d"), None, "a private half");
    let twice = play.shop.ask("GET", "/oauth2/authorize?scope=a&scope=b").send().await;
    assert_eq!(twice.status, 400);
    let policy = twice.sure("content-security-policy");
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe") && policy.contains("sha256-"));
    assert_eq!(play.shop.ask("GET", "/oauth2/token").send().await.problem().0, 405);
    let json = play.shop.ask("POST", "/oauth2/token").json("{}").send().await;
    assert_eq!(json.problem(), (400, "invalid_request".to_owned()));
}

#[actix_web::test]
async fn an_expired_token_opens_no_door_of_the_contract() {
    let play = Play::begin().await;
    let mut late = play.claims();
    late["exp"] = json!(Clock::system().now().as_second() - 31);
    let late = play.token("one", "at+jwt", &late);
    let doors = messages::ROUTES.iter().filter(|route| route.raw.is_none()).flat_map(|route| route.http);
    for door in doors {
        // An id of any kind stands in for the parameters: who asks is looked at before what is asked for.
        let part = |part: &'static str| if part.starts_with('{') { "x1" } else { part };
        let path = door.path.split('/').map(part).collect::<Vec<_>>().join("/");
        let answer = play.shop.ask(door.method.as_str(), path.as_str()).bearer(&late).send().await;
        assert_eq!(answer.problem(), (401, "unauthenticated".to_owned()), "{} {path}", door.method.as_str());
    }
    let asked = play.shop.heard();
    assert!(asked.iter().all(|heard| heard.subject.contains(".auth.")), "{asked:?}");
}

#[actix_web::test]
async fn what_a_token_says_of_itself_decides_nothing() {
    let play = Play::begin().await;
    let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let claims = play.claims();
    let forged = |header: Value, key: Option<&[u8]>| {
        let message = format!("{}.{}", part(&header), part(&claims));
        let tag = key.map(|key| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
            URL_SAFE_NO_PAD.encode(aws_lc_rs::hmac::sign(&key, message.as_bytes()).as_ref())
        });
        format!("{message}.{}", tag.unwrap_or_default())
    };
    let public = play.pair.public_key().as_ref().to_vec();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&public[1..33]), URL_SAFE_NO_PAD.encode(&public[33..]));
    // Signed well, by a key that the token brings or names.
    let stranger = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a pair");
    let signed_by = |pair: &EcdsaKeyPair, header: Value| {
        let message = format!("{}.{}", part(&header), part(&claims));
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).expect("signed");
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature.as_ref()))
    };
    let strangers = stranger.public_key().as_ref().to_vec();
    let jwk = json!({"kty": "EC", "crv": "P-256", "kid": "one", "x": URL_SAFE_NO_PAD.encode(&strangers[1..33]),
                     "y": URL_SAFE_NO_PAD.encode(&strangers[33..])});
    for (what, token) in [
        ("17: none", forged(json!({"alg": "none", "typ": "at+jwt", "kid": "one"}), None)),
        ("17: None", forged(json!({"alg": "None", "typ": "at+jwt", "kid": "one"}), None)),
        ("17: nOnE with a signature", forged(json!({"alg": "nOnE", "typ": "at+jwt", "kid": "one"}), Some(b"x"))),
        (
            "18: the public key as a secret",
            forged(json!({"alg": "HS256", "typ": "at+jwt", "kid": "one"}), Some(&public)),
        ),
        ("18: its x as a secret", forged(json!({"alg": "HS256", "typ": "at+jwt", "kid": "one"}), Some(x.as_bytes()))),
        ("18: its y as a secret", forged(json!({"alg": "HS256", "typ": "at+jwt", "kid": "one"}), Some(y.as_bytes()))),
        ("an empty secret", forged(json!({"alg": "HS256", "typ": "at+jwt", "kid": "one"}), Some(b""))),
        ("another algorithm", signed_by(&play.pair, json!({"alg": "ES384", "typ": "at+jwt", "kid": "one"}))),
        ("no algorithm", signed_by(&play.pair, json!({"typ": "at+jwt", "kid": "one"}))),
        ("no kid", signed_by(&play.pair, json!({"alg": "ES256", "typ": "at+jwt"}))),
        ("a path as kid", signed_by(&play.pair, json!({"alg": "ES256", "typ": "at+jwt", "kid": "../../dev/null"}))),
        ("SQL as kid", signed_by(&play.pair, json!({"alg": "ES256", "typ": "at+jwt", "kid": "x' UNION SELECT 'k"}))),
        ("a list as kid", signed_by(&play.pair, json!({"alg": "ES256", "typ": "at+jwt", "kid": ["one"]}))),
        ("an own key in jwk", signed_by(&stranger, json!({"alg": "ES256", "typ": "at+jwt", "kid": "one", "jwk": jwk}))),
        (
            "an own key at jku",
            signed_by(
                &stranger,
                json!({"alg": "ES256", "typ": "at+jwt", "kid": "one", "jku": "https://evil.example/jwks"}),
            ),
        ),
        (
            "an own key in x5c",
            signed_by(&stranger, json!({"alg": "ES256", "typ": "at+jwt", "kid": "one", "x5c": ["MIIB"]})),
        ),
        (
            "something critical",
            signed_by(&play.pair, json!({"alg": "ES256", "typ": "at+jwt", "kid": "one", "crit": ["exp"], "exp": 1})),
        ),
        (
            "b64 false",
            signed_by(
                &play.pair,
                json!({"alg": "ES256", "typ": "at+jwt", "kid": "one", "crit": ["b64"], "b64": false}),
            ),
        ),
        ("zeros as a signature", {
            let good = play.good();
            let (message, _) = good.rsplit_once('.').expect("parts");
            format!("{message}.{}", URL_SAFE_NO_PAD.encode([0_u8; 64]))
        }),
    ] {
        assert_eq!(play.write_with(&token).await, 401, "{what}");
    }
    assert_eq!(play.write_with(&play.good()).await, 201);
}

#[actix_web::test]
async fn claims_that_are_not_as_they_should_be_are_refused() {
    let play = Play::begin().await;
    let now = Clock::system().now().as_second();
    for (what, claim, value) in [
        ("20: not valid yet", "nbf", json!(now + 3600)),
        ("20: no end", "exp", Value::Null),
        ("20: the end in words", "exp", json!((now + 600).to_string())),
        ("20: made in the future", "iat", json!(now + 3600)),
        ("20: an end below zero", "exp", json!(-1)),
        ("20: an end that is no whole number", "exp", json!(1e300)),
        ("21: another issuer", "iss", json!("https://evil.example")),
        ("21: almost the issuer", "iss", json!(format!("{ISSUER}/"))),
        ("21: no audience", "aud", Value::Null),
        ("21: others as audience", "aud", json!(["https://evil.example"])),
        ("a role that is the shop's own", "role", json!("service")),
        ("nobody", "sub", Value::Null),
    ] {
        let mut claims = play.claims();
        claims[claim] = value;
        if claims[claim].is_null() {
            claims.as_object_mut().expect("claims").remove(claim);
        }
        assert_eq!(play.write_with(&play.token("one", "at+jwt", &claims)).await, 401, "{what}");
    }
}
