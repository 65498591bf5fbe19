//! What machines outside are told.

use std::time::Duration;

use messages::common::v1::fact::Value;
use messages::notification::v1::{self, DeliveryStatus, EndpointStatus, rpc};
use notification::delivery::Reply;
use notification::providers::Posting;
use notification::signing::Secret;
use runtime::testkit::{Asker, refusal};

use super::newsroom::{Newsroom, confirmed, created, id, paid};
use super::{outside, play, stage};

pub(crate) fn endpoint_id() -> String {
    id("whe", "erp")
}

pub(crate) async fn create(asker: &Asker, events: &[&str]) -> v1::WebhookEndpoint {
    let request = v1::CreateWebhookEndpointRequest {
        endpoint_id: endpoint_id(),
        url: "https://erp.example.com/hooks".to_owned(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        description: String::new(),
    };
    let answer = asker.ask::<rpc::CreateWebhookEndpoint>(Some(&endpoint_id()), &request).await.expect("an endpoint");
    let list = v1::ListWebhookEndpointsRequest::default();
    asker.until::<rpc::ListWebhookEndpoints>(None, &list, |page| !page.data.is_empty()).await;
    answer.endpoint.expect("an endpoint")
}

pub(crate) async fn endpoint(asker: &Asker) -> v1::WebhookEndpoint {
    let get = v1::GetWebhookEndpointRequest { endpoint_id: endpoint_id() };
    let answer = asker.ask::<rpc::GetWebhookEndpoint>(Some(&endpoint_id()), &get).await.expect("an endpoint");
    answer.endpoint.expect("an endpoint")
}

/// Waits until nothing is pending and so many were noted.
pub(crate) async fn drained(asker: &Asker, noted: u64) -> v1::WebhookEndpoint {
    let get = v1::GetWebhookEndpointRequest { endpoint_id: endpoint_id() };
    let so = |answer: &v1::GetWebhookEndpointResponse| {
        answer.endpoint.as_ref().is_some_and(|endpoint| endpoint.noted == noted && endpoint.pending == 0)
    };
    asker.until::<rpc::GetWebhookEndpoint>(Some(&endpoint_id()), &get, so).await.endpoint.expect("an endpoint")
}

fn data(posting: &Posting) -> serde_json::Value {
    serde_json::from_str(&posting.body).expect("JSON")
}

fn types(postings: &[Posting]) -> Vec<String> {
    postings.iter().map(|posting| data(posting)["type"].as_str().expect("a type").to_owned()).collect()
}

/// A posting is signed with this secret, as the receiver would check it.
fn is_signed(posting: &Posting, secret: &str) -> bool {
    let secret = Secret::read(secret).expect("a secret");
    let signature = secret.sign(&posting.id, posting.timestamp, &posting.body);
    posting.signature.split(' ').any(|one| one == signature)
}

#[test]
fn an_endpoint_gets_what_it_asked_for_signed_and_without_anything_personal() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        let endpoint = create(&asker, &["order.*"]).await;
        let secret = endpoint.secret.expect("shown once");
        assert_eq!(self::endpoint(&asker).await.secret, None);
        news.say(&created("ada")).await;
        news.say(&paid("ada")).await;
        news.say(&confirmed("ada")).await;
        drained(&asker, 2).await;
        let mut postings = outside::taken();
        postings.sort_by_key(|posting| posting.id.clone());
        assert_eq!(types(&postings), ["order.created", "order.confirmed"]);
        assert!(postings.iter().all(|posting| is_signed(posting, &secret)));
        assert_eq!(postings[0].id, format!("{}-1", endpoint_id()));
        let body = data(&postings[0]);
        assert_eq!(body["data"]["order_id"], id("ord", "ada"));
        assert!(body["data"]["email"].is_null() && !postings[0].body.contains("Lovelace"), "{body}");
        let get = v1::GetWebhookDeliveryRequest { endpoint_id: endpoint_id(), delivery_id: postings[0].id.clone() };
        let shown = asker.ask::<rpc::GetWebhookDelivery>(Some(&endpoint_id()), &get).await.expect("a delivery");
        let shown = shown.delivery.expect("a delivery");
        assert_eq!((shown.status(), shown.body.as_deref()), (DeliveryStatus::Delivered, Some(&*postings[0].body)));
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn an_address_inside_or_a_pattern_nothing_fits_is_refused() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let with = |url: &str, events: &[&str]| v1::CreateWebhookEndpointRequest {
            endpoint_id: endpoint_id(),
            url: url.to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
            description: String::new(),
        };
        for url in ["https://127.0.0.1/", "https://169.254.169.254/latest", "http://erp.example.com/"] {
            let asked = asker.ask::<rpc::CreateWebhookEndpoint>(Some(&endpoint_id()), &with(url, &["*"])).await;
            assert_eq!(refusal(asked).code, "url_not_allowed", "{url}");
        }
        let asked = with("https://erp.example.com/", &["order.*", "oder.*"]);
        let problem = refusal(asker.ask::<rpc::CreateWebhookEndpoint>(Some(&endpoint_id()), &asked).await);
        assert_eq!(
            (problem.code.as_str(), problem.fact("pattern")),
            ("bad_pattern", Some(&Value::Text("oder.*".to_owned())))
        );
        stage.clear().await;
    });
}

#[test]
fn a_failing_entity_holds_nobody_but_itself() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        create(&asker, &["order.*"]).await;
        outside::fail(Some(|posting| posting.body.contains(&id("ord", "ada"))));
        news.say(&created("ada")).await;
        news.say(&created("bob")).await;
        news.say(&confirmed("ada")).await;
        news.say(&confirmed("bob")).await;
        let get = v1::GetWebhookEndpointRequest { endpoint_id: endpoint_id() };
        let so = |answer: &v1::GetWebhookEndpointResponse| {
            answer.endpoint.as_ref().is_some_and(|endpoint| endpoint.noted == 4 && endpoint.pending == 2)
        };
        asker.until::<rpc::GetWebhookEndpoint>(Some(&endpoint_id()), &get, so).await;
        let of = |name: &str| -> Vec<String> {
            let of: Vec<_> = outside::taken().into_iter().filter(|p| p.body.contains(&id("ord", name))).collect();
            types(&of)
        };
        assert_eq!(of("bob"), ["order.created", "order.confirmed"]);
        assert!(of("ada").is_empty());
        stage.kill("a");
        stage.start("a").await;
        outside::fail(None);
        drained(&asker, 4).await;
        assert_eq!(of("ada"), ["order.created", "order.confirmed"], "what waited behind comes after");
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn an_endpoint_that_takes_nothing_in_all_its_tries_is_paused_and_loses_nothing() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        create(&asker, &["order.*"]).await;
        outside::fail(Some(|_| true));
        news.say(&created("ada")).await;
        news.say(&confirmed("ada")).await;
        // Three days of waiting are cut short: going back takes up at once what waits for its next try.
        let since = Some(runtime::clock::to_wire(runtime::entity::testing::moment(0)));
        let rewind = v1::RewindWebhookEndpointRequest { endpoint_id: endpoint_id(), since };
        let first =
            v1::GetWebhookDeliveryRequest { endpoint_id: endpoint_id(), delivery_id: format!("{}-1", endpoint_id()) };
        for tries in 1..=11 {
            let so = |answer: &v1::GetWebhookDeliveryResponse| {
                let over = |d: &v1::WebhookDelivery| d.attempts == tries && d.status() != DeliveryStatus::Sending;
                answer.delivery.as_ref().is_some_and(over)
            };
            asker.until::<rpc::GetWebhookDelivery>(Some(&endpoint_id()), &first, so).await;
            if tries < 11 {
                asker.ask::<rpc::RewindWebhookEndpoint>(Some(&endpoint_id()), &rewind).await.expect("gone back");
            }
        }
        let paused = endpoint(&asker).await;
        assert_eq!((paused.status(), paused.reason.as_str(), paused.pending), (EndpointStatus::Paused, "failing", 1));
        let first =
            asker.ask::<rpc::GetWebhookDelivery>(Some(&endpoint_id()), &first).await.expect("a delivery").delivery;
        assert_eq!(first.map(|d| (d.status(), d.attempts)), Some((DeliveryStatus::Failed, 11)));
        outside::fail(None);
        let resume = v1::ResumeWebhookEndpointRequest { endpoint_id: endpoint_id() };
        asker.ask::<rpc::ResumeWebhookEndpoint>(Some(&endpoint_id()), &resume).await.expect("resumed");
        drained(&asker, 2).await;
        assert_eq!(types(&outside::taken()), ["order.confirmed"]);
        let delivery_id = format!("{}-1", endpoint_id());
        let again = v1::RedeliverWebhookRequest { endpoint_id: endpoint_id(), delivery_id };
        asker.ask::<rpc::RedeliverWebhook>(Some(&endpoint_id()), &again).await.expect("once more");
        drained(&asker, 2).await;
        assert_eq!(types(&outside::taken()), ["order.confirmed", "order.created"]);
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn a_paused_endpoint_gets_later_what_happened_meanwhile_and_can_go_back() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        create(&asker, &["*"]).await;
        news.say(&created("ada")).await;
        drained(&asker, 1).await;
        let pause = v1::PauseWebhookEndpointRequest { endpoint_id: endpoint_id() };
        asker.ask::<rpc::PauseWebhookEndpoint>(Some(&endpoint_id()), &pause).await.expect("paused");
        world.pass(Duration::from_secs(60)).await;
        let since = world.clock().now();
        news.say(&confirmed("ada")).await;
        let get = v1::GetWebhookEndpointRequest { endpoint_id: endpoint_id() };
        let so = |answer: &v1::GetWebhookEndpointResponse| answer.endpoint.as_ref().is_some_and(|e| e.pending > 0);
        asker.until::<rpc::GetWebhookEndpoint>(Some(&endpoint_id()), &get, so).await;
        world.pass(Duration::from_secs(60)).await;
        assert_eq!(types(&outside::taken()), ["order.created"]);
        stage.kill("a");
        stage.start("a").await;
        let resume = v1::ResumeWebhookEndpointRequest { endpoint_id: endpoint_id() };
        asker.ask::<rpc::ResumeWebhookEndpoint>(Some(&endpoint_id()), &resume).await.expect("resumed");
        drained_at_least(&asker, 2).await;
        let orders =
            || -> Vec<String> { types(&outside::taken()).into_iter().filter(|t| t.starts_with("order.")).collect() };
        assert_eq!(orders(), ["order.created", "order.confirmed"]);
        let rewind = v1::RewindWebhookEndpointRequest {
            endpoint_id: endpoint_id(),
            since: Some(runtime::clock::to_wire(since)),
        };
        asker.ask::<rpc::RewindWebhookEndpoint>(Some(&endpoint_id()), &rewind).await.expect("gone back");
        drained_at_least(&asker, 2).await;
        assert_eq!(orders(), ["order.created", "order.confirmed", "order.confirmed"]);
        let taken = outside::taken();
        let confirmed: Vec<_> = taken.iter().filter(|p| p.body.contains("order.confirmed")).collect();
        assert_eq!((&confirmed[0].id, &confirmed[0].body), (&confirmed[1].id, &confirmed[1].body));
        news.close().await;
        stage.clear().await;
    });
}

/// An endpoint that wants everything also gets what becomes of the mail.
async fn drained_at_least(asker: &Asker, noted: u64) {
    let get = v1::GetWebhookEndpointRequest { endpoint_id: endpoint_id() };
    let so = |answer: &v1::GetWebhookEndpointResponse| {
        answer.endpoint.as_ref().is_some_and(|endpoint| endpoint.noted >= noted && endpoint.pending == 0)
    };
    asker.until::<rpc::GetWebhookEndpoint>(Some(&endpoint_id()), &get, so).await;
}

#[test]
fn both_secrets_sign_for_a_while_and_an_endpoint_that_is_gone_is_left_alone() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let old = create(&asker, &["order.*"]).await.secret.expect("a secret");
        let rotate = v1::RotateWebhookSecretRequest { endpoint_id: endpoint_id(), overlap_seconds: Some(60) };
        let new =
            asker.ask::<rpc::RotateWebhookSecret>(Some(&endpoint_id()), &rotate).await.expect("a secret").endpoint;
        let new = new.and_then(|endpoint| endpoint.secret).expect("a secret");
        assert_ne!(old, new);
        let test = v1::TestWebhookEndpointRequest { endpoint_id: endpoint_id() };
        asker.ask::<rpc::TestWebhookEndpoint>(Some(&endpoint_id()), &test).await.expect("a test");
        drained(&asker, 1).await;
        world.pass(Duration::from_secs(61)).await;
        asker.ask::<rpc::TestWebhookEndpoint>(Some(&endpoint_id()), &test).await.expect("a test");
        drained(&asker, 2).await;
        let taken = outside::taken();
        assert_eq!(types(&taken), ["webhook.test", "webhook.test"]);
        assert!(is_signed(&taken[0], &old) && is_signed(&taken[0], &new));
        assert!(!is_signed(&taken[1], &old) && is_signed(&taken[1], &new));
        outside::reply(&[Reply::Gone { status: 410 }]);
        asker.ask::<rpc::TestWebhookEndpoint>(Some(&endpoint_id()), &test).await.expect("a test");
        drained(&asker, 3).await;
        let gone = endpoint(&asker).await;
        assert_eq!((gone.status(), gone.reason.as_str()), (EndpointStatus::Disabled, "gone"));
        assert_eq!(
            refusal(asker.ask::<rpc::TestWebhookEndpoint>(Some(&endpoint_id()), &test).await).code,
            "endpoint_disabled"
        );
        let delete = v1::DeleteWebhookEndpointRequest { endpoint_id: endpoint_id() };
        asker.ask::<rpc::DeleteWebhookEndpoint>(Some(&endpoint_id()), &delete).await.expect("deleted");
        let get = v1::GetWebhookEndpointRequest { endpoint_id: endpoint_id() };
        assert_eq!(refusal(asker.ask::<rpc::GetWebhookEndpoint>(Some(&endpoint_id()), &get).await).code, "not_found");
        stage.clear().await;
    });
}
