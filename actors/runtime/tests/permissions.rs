//! What each user may and may not do, tried on a real server that runs the repository's configuration.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use runtime::bus::Headers;
use runtime::fabric::Fabric as _;
use runtime::nats::{self, Options, Seed, inbox_of};
use runtime::permissions::{self, GATEWAY, Keys, OPERATOR, SYS};
use runtime::server::{Auth, Server, ServerOptions, cache_dir, find};
use tempfile::TempDir;

/// Two groups of the contract, of which the second hears the first.
const SOURCE: &str = "product";
const HEARER: &str = "inventory";

struct Shop {
    server: Server,
    _dir: TempDir,
}

impl Shop {
    async fn open() -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let auth = Auth::Nkeys(dir.path().join("keys"));
        let server = Server::start(ServerOptions { auth, ..ServerOptions::new(dir.path()) }).await.unwrap();
        Shop { server, _dir: dir }
    }

    async fn enter(&self, user: &str) -> Visitor {
        let seed = self.server.keys().unwrap().seed(user).unwrap();
        let options = Options {
            seed: Some(seed),
            server_within: Duration::from_secs(2),
            ..Options::new(self.server.urls(), user, "n1")
        };
        Visitor(nats::Fabric::connect(options).await.unwrap())
    }
}

struct Visitor(std::sync::Arc<nats::Fabric>);

impl Visitor {
    /// Whether the server refuses this. Refusals come in the order of what caused them, so a second one, which is
    /// certain, ends the wait for the first.
    async fn is_refused(&self, act: impl Future<Output = ()>) -> bool {
        let before = self.0.counters().refusals;
        act.await;
        let certain = format!("certainly.forbidden.{before}");
        self.0.client().publish(certain.clone(), Bytes::new()).await.unwrap();
        let refused = async {
            while !self.0.counters().last_refusal.is_some_and(|words| words.contains(&certain)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap();
        self.0.counters().refusals == before + 2
    }

    async fn may_publish(&self, subject: &str) -> bool {
        let client = self.0.client();
        let publish = async { client.publish(subject.to_owned(), Bytes::from_static(b"{}")).await.unwrap() };
        !self.is_refused(publish).await
    }

    async fn may_hear(&self, subject: &str) -> bool {
        let client = self.0.client();
        let mut made = None;
        !self.is_refused(async { made = Some(client.subscribe(subject.to_owned()).await.unwrap()) }).await
    }
}

#[tokio::test]
async fn a_group_may_not_speak_or_listen_as_another() {
    let shop = Shop::open().await;
    let hearer = shop.enter(HEARER).await;
    let upper = SOURCE.to_uppercase();
    let forbidden = [
        // Another group's log, feed, letters and membership.
        format!("shop.log.{SOURCE}.0"),
        format!("shop.evt.{SOURCE}.prd_1.product.created"),
        format!("shop.dlq.{SOURCE}.x.0.y"),
        format!("$KV.MEMBERS.{SOURCE}.n1"),
        // Another group's actors: nothing in the contract says that it calls them.
        format!("shop.cmd.{SOURCE}.0.prd_1.get"),
        format!("shop.any.{SOURCE}.prd_1.get"),
        format!("shop.query.{SOURCE}.list"),
        format!("shop.{SOURCE}.prd_1.get"),
        format!("shop.ops.{SOURCE}.n1.drain"),
        // The answers to somebody else's requests.
        format!("{}.abc", inbox_of(SOURCE)),
        format!("{}.abc", inbox_of(GATEWAY)),
        // Another group's stream and its consumers.
        format!("$JS.API.STREAM.CREATE.{upper}"),
        format!("$JS.API.STREAM.UPDATE.{upper}"),
        format!("$JS.API.STREAM.DELETE.{upper}"),
        format!("$JS.API.STREAM.PURGE.{upper}"),
        format!("$JS.API.STREAM.MSG.DELETE.{upper}"),
        format!("$JS.API.STREAM.MSG.GET.{upper}"),
        format!("$JS.API.CONSUMER.CREATE.{upper}.spy"),
        format!("$JS.API.CONSUMER.CREATE.{upper}.spy.shop.log.{SOURCE}.0"),
        format!("$JS.API.CONSUMER.DURABLE.CREATE.{upper}.spy"),
        format!("$JS.API.CONSUMER.DELETE.{upper}.{HEARER}-0"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{upper}.evt-0"),
        format!("$JS.ACK.{upper}.evt-0.1.1.1.1.1"),
        // Its own log may only grow.
        format!("$JS.API.STREAM.UPDATE.{}", HEARER.to_uppercase()),
        format!("$JS.API.STREAM.DELETE.{}", HEARER.to_uppercase()),
        format!("$JS.API.STREAM.PURGE.{}", HEARER.to_uppercase()),
        // What is shared may be made, and nothing else.
        "$JS.API.STREAM.DELETE.EVENTS".to_owned(),
        "$JS.API.STREAM.PURGE.DLQ".to_owned(),
        "$JS.API.STREAM.UPDATE.KV_MEMBERS".to_owned(),
        // The server.
        "$SYS.REQ.SERVER.PING".to_owned(),
        "$SRV.PING".to_owned(),
    ];
    for subject in &forbidden {
        assert!(!hearer.may_publish(subject).await, "{subject} is allowed");
    }
    let unheard = [
        "shop.log.>".to_owned(),
        format!("shop.log.{HEARER}.*"),
        format!("shop.cmd.{SOURCE}.>"),
        format!("{}.>", inbox_of(SOURCE)),
        "_INBOX.>".to_owned(),
        "shop.>".to_owned(),
        ">".to_owned(),
        "$JS.API.>".to_owned(),
        "$SYS.>".to_owned(),
    ];
    for subject in &unheard {
        assert!(!hearer.may_hear(subject).await, "{subject} is heard");
    }
}

#[tokio::test]
async fn a_group_may_do_what_its_contract_says() {
    let shop = Shop::open().await;
    let (source, hearer) = (shop.enter(SOURCE).await, shop.enter(HEARER).await);
    let group = |name| *messages::GROUPS.iter().find(|group| group.name == name).unwrap();
    source.0.check_mapping(group(SOURCE)).await.unwrap();

    // Its log: make it, seat the hearers, append, read, follow.
    let log = source.0.log(group(SOURCE)).await.unwrap();
    source.0.seat_hearers(group(SOURCE)).await.unwrap();
    let sequence = log.append(3, 0, Headers::new(), Bytes::from_static(b"turn")).await.unwrap();
    assert_eq!(log.next(3, 0).await.unwrap().unwrap().sequence, sequence);
    assert_eq!(log.read(sequence).await.unwrap().unwrap().payload, "turn");
    assert_eq!(log.tail(0).next().await.unwrap().unwrap().sequence, sequence);

    // The hearer hears it in its own place, says so more than once, and so does the source's feed.
    for (fabric, hears_as) in [(&hearer, HEARER), (&source, nats::FEED_HEARER)] {
        let mut hearing = fabric.0.hear(group(SOURCE), hears_as, 3).await.unwrap();
        let heard = hearing.next().await.unwrap();
        assert_eq!(heard.entry.sequence, sequence);
        heard.receipt.working().await.unwrap();
        heard.receipt.working().await.unwrap();
        heard.receipt.done().await.unwrap();
    }

    // The feed, the letters, the members.
    let event = format!("shop.evt.{SOURCE}.prd_1.product.created");
    source.0.store(event, "e1".to_owned(), Headers::new(), Bytes::from_static(b"{}")).await.unwrap();
    let letter = format!("shop.dlq.{HEARER}.{SOURCE}.3.prd_1");
    hearer.0.store(letter, "l1".to_owned(), Headers::new(), Bytes::from_static(b"{}")).await.unwrap();
    let letters = hearer.0.letters(format!("shop.dlq.{HEARER}.>")).await.unwrap();
    hearer.0.discard(letters[0].sequence).await.unwrap();
    assert!(hearer.0.letters(format!("shop.dlq.{HEARER}.>")).await.unwrap().is_empty());
    let key = format!("{SOURCE}.n1");
    source.0.members().announce(key.clone(), Bytes::from_static(b"here")).await.unwrap();
    assert_eq!(source.0.members().watch(SOURCE).next().await.unwrap().key, key);
    assert!(source.0.storage_used_percent().await.unwrap() < 100);

    // The gateway asks, the group answers into the gateway's inbox; people ask by the address.
    let bus = source.0.bus();
    let mut asked = bus.subscribe(format!("shop.cmd.{SOURCE}.*.>"), Some("host".to_owned())).await.unwrap();
    // Once the server has answered a later question it knows the subscription.
    assert!(source.0.client().request(source.0.client().new_inbox(), Bytes::new()).await.is_err());
    let (gateway, operator) = (shop.enter(GATEWAY).await, shop.enter(OPERATOR).await);
    let partition = messages::partition::of("prd_1", group(SOURCE).partitions);
    let by_host = format!("shop.cmd.{SOURCE}.{partition}.prd_1.get");
    for (visitor, subject) in [(&gateway, by_host.clone()), (&operator, format!("shop.{SOURCE}.prd_1.get"))] {
        let theirs = visitor.0.bus();
        let asking = theirs.request(subject, Headers::new(), Bytes::new(), Duration::from_secs(5));
        let answering = async {
            let request = asked.next().await.unwrap();
            assert_eq!(*request.subject, *by_host);
            let reply = request.reply.unwrap().to_string();
            bus.publish(reply, None, Headers::new(), Bytes::from_static(b"answer")).await.unwrap();
        };
        assert_eq!(tokio::join!(asking, answering).0.unwrap().payload, "answer");
    }
    for visitor in [source, hearer, gateway, operator] {
        assert_eq!(visitor.0.counters().last_refusal, None);
    }
}

#[tokio::test]
async fn the_gateway_asks_and_follows_but_does_not_take_part() {
    let shop = Shop::open().await;
    let source = shop.enter(SOURCE).await;
    let group = messages::GROUPS.iter().find(|group| group.name == SOURCE).unwrap();
    let log = source.0.log(group).await.unwrap();
    let sequence = log.append(0, 0, Headers::new(), Bytes::new()).await.unwrap();

    let gateway = shop.enter(GATEWAY).await;
    let followed = gateway.0.log(group).await.unwrap();
    assert_eq!(followed.tail(0).next().await.unwrap().unwrap().sequence, sequence);
    assert_eq!(followed.extent().await.unwrap().last_sequence, sequence);
    assert_eq!(followed.last_of(0).await.unwrap(), sequence);
    // Gateways count together, and the first of them makes the count.
    let count = gateway.0.count("minute.somebody".to_owned(), 3).await.unwrap();
    assert_eq!([count, gateway.0.count("minute.somebody".to_owned(), 4).await.unwrap()], [3, 7]);
    assert!(!source.may_publish("shop.count.minute.somebody").await, "a group counts");
    for subject in [
        format!("shop.log.{SOURCE}.0"),
        format!("shop.evt.{SOURCE}.x.y"),
        format!("shop.ops.{SOURCE}.n1.drain"),
        "$JS.API.STREAM.DELETE.PRODUCT".to_owned(),
    ] {
        assert!(!gateway.may_publish(&subject).await, "{subject} is allowed");
    }
    for subject in ["shop.cmd.>", "shop.evt.>", "_INBOX_operator.>"] {
        assert!(!gateway.may_hear(subject).await, "{subject} is heard");
    }
}

#[tokio::test]
async fn people_may_see_and_manage_but_not_remove_or_rewrite_a_log() {
    let shop = Shop::open().await;
    let operator = shop.enter(OPERATOR).await;
    let upper = SOURCE.to_uppercase();
    for subject in ["shop.evt.>", "shop.dlq.>", "$JS.EVENT.ADVISORY.>", "_INBOX.>", "$SRV.>"] {
        assert!(operator.may_hear(subject).await, "{subject} is forbidden");
    }
    let inspect = format!("shop.ops.{SOURCE}.n1.inspect");
    for subject in [&inspect, "$SRV.PING", "$JS.API.STREAM.NAMES", "$JS.FC.EVENTS.consumer.reply"] {
        assert!(operator.may_publish(subject).await, "{subject} is forbidden");
    }
    for subject in [
        format!("shop.log.{SOURCE}.0"),
        format!("shop.evt.{SOURCE}.x.y"),
        format!("$JS.API.STREAM.DELETE.{upper}"),
        format!("$JS.API.STREAM.PURGE.{upper}"),
        format!("$JS.API.STREAM.MSG.DELETE.{upper}"),
        format!("$JS.API.STREAM.UPDATE.{upper}"),
        "$SYS.REQ.SERVER.PING".to_owned(),
    ] {
        assert!(!operator.may_publish(&subject).await, "{subject} is allowed");
    }
    assert!(!operator.may_hear("shop.log.>").await);
}

#[tokio::test]
async fn who_has_no_key_stays_outside() {
    let shop = Shop::open().await;
    let options = |seed| Options {
        seed,
        connect_within: Duration::from_millis(500),
        ..Options::new(shop.server.urls(), SOURCE, "n1")
    };
    let unknown = nkeys::KeyPair::new_user().seed().unwrap();
    for seed in [None, Some(Seed::new(unknown))] {
        let refused = nats::Fabric::connect(options(seed)).await.unwrap_err().to_string();
        assert!(refused.contains("authorization violation"), "{refused}");
    }
}

#[tokio::test]
async fn who_has_no_key_is_taken_for_a_person_where_that_is_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let options = ServerOptions {
        auth: Auth::Nkeys(dir.path().join("keys")),
        no_auth_user: Some(OPERATOR.to_owned()),
        ..ServerOptions::new(dir.path())
    };
    let server = Server::start(options).await.unwrap();
    let person = Visitor(nats::Fabric::connect(Options::new(server.urls(), OPERATOR, "n1")).await.unwrap());
    assert!(person.may_hear("shop.evt.>").await);
    assert!(!person.may_hear("shop.log.>").await);
}

#[tokio::test]
async fn a_forbidden_question_says_why_it_was_not_answered() {
    let shop = Shop::open().await;
    let hearer = shop.enter(HEARER).await;
    let source = messages::GROUPS.iter().find(|group| group.name == SOURCE).unwrap();
    let failure = hearer.0.log(source).await.unwrap().extent().await.unwrap_err().to_string();
    assert!(failure.contains("Permissions Violation for Publish to \"$JS.API.STREAM.INFO.PRODUCT\""), "{failure}");
}

#[test]
fn keys_are_made_once_and_kept_from_others() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let made = Keys::create_or_load(dir.path()).unwrap();
    let loaded = Keys::create_or_load(dir.path()).unwrap();
    assert!(made.environment().eq(loaded.environment()));
    assert_eq!(made.environment().count(), messages::GROUPS.len() + 3);
    for user in [SOURCE, GATEWAY, OPERATOR, SYS] {
        let mode = std::fs::metadata(made.file(user)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    std::fs::write(made.file(SOURCE), nkeys::KeyPair::new_account().seed().unwrap()).unwrap();
    assert!(Keys::create_or_load(dir.path()).unwrap_err().to_string().contains("product.nk"));
}

#[test]
fn a_user_without_limits_does_not_exist() {
    for user in permissions::users(messages::GROUPS) {
        assert!(!user.publish.is_empty() && !user.subscribe.is_empty(), "an empty list allows everything");
        for everything in [">", "shop.>", "*.>", "$JS.>"] {
            assert!(!user.publish.iter().chain(&user.subscribe).any(|subject| subject == everything));
        }
    }
}

/// A group that calls a read, a query and something that nobody answers.
fn caller() -> &'static messages::Group {
    let product = messages::Group::named(SOURCE).unwrap();
    Box::leak(Box::new(messages::Group {
        name: "caller",
        doc: "",
        partitions: 1,
        port: 1024,
        schema: 1,
        hears: &[],
        calls: &["product.get", "product.list", "product.nothing"],
        routes: &[],
        events: product.events,
    }))
}

#[test]
fn a_group_asks_of_others_what_its_contract_names_and_no_other_verb() {
    let users = permissions::users(&[messages::Group::named(SOURCE).unwrap(), caller()]);
    let caller = users.iter().find(|user| user.name == "caller").unwrap();
    let asked: Vec<_> = caller.publish.iter().filter(|subject| subject.contains(SOURCE)).collect();
    let expected = [
        "shop.cmd.product.*.*.get",
        "shop.any.product.*.get",
        "shop.at.product.*.*.get",
        "shop.query.product.list",
        "shop.at.product.*.list",
    ];
    assert_eq!(asked, expected);
    let source = users.iter().find(|user| user.name == SOURCE).unwrap();
    assert!(!source.publish.iter().any(|subject| subject.contains("caller")), "to be called is not to call");
}

#[test]
fn the_repositorys_configurations_are_what_the_contracts_say() {
    for (file, options, rewrite) in [
        ("nats.conf", permissions::Options::one_server(), permissions::REWRITE_ONE),
        ("deploy/cluster/nats.conf", permissions::Options::three_servers(), permissions::REWRITE_THREE),
    ] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let written = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(written == permissions::render(&options), "{file} is not what the contracts say; run `{rewrite}`");
    }
}

#[tokio::test]
async fn the_repositorys_configurations_are_accepted_by_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let keys = Keys::create_or_load(dir.path()).unwrap();
    let program = find(&cache_dir()).await.unwrap();
    for file in ["nats.conf", "deploy/cluster/nats.conf"] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
        let mut server = std::process::Command::new(&program.path);
        server.arg("-t").arg("-c").arg(path).envs(keys.environment()).env("MERCAT_NATS_NAME", "nats-1");
        let said = server.current_dir(dir.path()).output().unwrap();
        assert!(said.status.success(), "{file}: {}", String::from_utf8_lossy(&said.stderr));
    }
}
