//! The users: what each may publish and subscribe to.

use std::iter;

use messages::{Group, RpcKind};

use crate::nats::streams::{self, COUNTS, FEED, LETTERS, MEMBERS, MEMBERS_STREAM};
use crate::nats::{inbox_of, place_of};

/// The user of the gateway.
pub const GATEWAY: &str = "gateway";
/// The user of people: they may ask anything of anyone and manage what can be rebuilt.
pub const OPERATOR: &str = "operator";
/// The user of the system account: server reports and events, nothing of the shop.
pub const SYS: &str = "sys";

/// A user of the shop's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its name: a group, [`GATEWAY`] or [`OPERATOR`].
    pub name: &'static str,
    /// What it may publish to.
    pub publish: Vec<String>,
    /// What it may not publish to although the above says so.
    pub deny: Vec<String>,
    /// What it may subscribe to.
    pub subscribe: Vec<String>,
    /// Whether it may answer a request, once, wherever the answer was asked to.
    pub answers: bool,
}

/// All users of the shop's account: the groups, the gateway and the people.
#[must_use]
pub fn users(groups: &[&'static Group]) -> Vec<User> {
    let of_groups = groups.iter().map(|group| of_group(group, groups));
    of_groups.chain([gateway(groups), operator(groups)]).collect()
}

/// The subjects on which a group is asked: its stable replicas, one replica by its name, and its canaries.
fn asking(group: &str) -> impl Iterator<Item = String> {
    ["cmd", "any", "query", "at", "canary.*"].into_iter().map(move |kind| format!("shop.{kind}.{group}.>"))
}

/// The subjects on which these groups are asked a single rpc, like `product.get`: no other verb of theirs. None when
/// they do not have it; a contract that calls what nobody answers fails a test of its own.
fn asking_for(call: &str, groups: &[&'static Group]) -> Vec<String> {
    let Some((group, verb)) = call.split_once('.') else { return Vec::new() };
    let called = groups.iter().find(|called| called.name == group);
    match called.and_then(|called| called.route(verb)).map(|route| route.kind) {
        Some(RpcKind::Query) => vec![format!("shop.query.{group}.{verb}"), format!("shop.at.{group}.*.{verb}")],
        Some(RpcKind::Command | RpcKind::Read) => ["cmd", "any", "at"]
            .map(|kind| match kind {
                "any" => format!("shop.any.{group}.*.{verb}"),
                kind => format!("shop.{kind}.{group}.*.*.{verb}"),
            })
            .into(),
        None => Vec::new(),
    }
}

/// The JetStream API, by operation and arguments.
fn api(operation: &str, arguments: &str) -> String {
    format!("$JS.API.{operation}.{arguments}")
}

fn of_group(group: &'static Group, groups: &[&'static Group]) -> User {
    let (name, stream) = (group.name, streams::name_of(group.name));
    let mut publish = vec![
        // The server itself answers there that a drained subscription is at its end.
        format!("{}.>", inbox_of(name)),
        // To itself: from replica to replica, and from an agenda to its actor.
        format!("shop.ops.{name}.>"),
        format!("shop.log.{name}.*"),
        format!("shop.evt.{name}.>"),
        format!("shop.dlq.{name}.>"),
        format!("$KV.{MEMBERS}.{name}.*"),
        "$JS.API.INFO".to_owned(),
    ];
    publish.extend(asking(name));
    // Itself it may ask anything already.
    let others = group.calls.iter().filter(|call| call.split_once('.').is_none_or(|(called, _)| called != name));
    publish.extend(others.flat_map(|call| asking_for(call, groups)));
    publish.extend(own_log(&stream));
    // Nobody acknowledges a tail. But the server remembers, for a minute, each reply subject that a user who may answer
    // is not allowed anyway: a replay of a million messages would take a minute and not two seconds.
    publish.extend([&*stream, MEMBERS_STREAM].map(|read| format!("$JS.ACK.{read}.>")));
    for shared in [FEED, LETTERS, MEMBERS_STREAM] {
        publish.extend([api("STREAM.INFO", shared), api("STREAM.CREATE", shared)]);
    }
    publish.extend([api("STREAM.MSG.GET", LETTERS), api("STREAM.MSG.DELETE", LETTERS)]);
    let members = format!("{MEMBERS_STREAM}.*.$KV.{MEMBERS}.{name}.*");
    publish.extend([api("CONSUMER.CREATE", &members), api("CONSUMER.MSG.NEXT", &format!("{MEMBERS_STREAM}.*"))]);
    let sources = group.hears.iter().filter_map(|heard| groups.iter().find(|source| source.name == heard.group));
    publish.extend(sources.flat_map(|source| seats(source, name)));
    // What the owner seats it does not take: neither pull from another's place nor answer for it.
    let hears = |hearer: &Group| hearer.name != name && hearer.hears.iter().any(|heard| heard.group == name);
    let hearers = groups.iter().filter(|hearer| hears(hearer));
    let deny = hearers.flat_map(|hearer| seats(group, hearer.name)).filter(|seat| !seat.contains(".INFO.")).collect();

    let mut subscribe = vec![format!("{}.>", inbox_of(name)), format!("shop.ops.{name}.>")];
    subscribe.extend(asking(name));
    subscribe.extend(discovery(name));
    User { name, publish, deny, subscribe, answers: true }
}

/// What the owner of a log may ask of JetStream: make it, look at it, read it, seat its hearers. Not change, purge or
/// delete it.
fn own_log(stream: &str) -> impl Iterator<Item = String> {
    let alone =
        ["STREAM.INFO", "STREAM.CREATE", "STREAM.MSG.GET", "DIRECT.GET"].map(|operation| api(operation, stream));
    let under = [("DIRECT.GET", ">"), ("CONSUMER.CREATE", ">"), ("CONSUMER.INFO", "*"), ("CONSUMER.MSG.NEXT", "*")]
        .map(|(operation, rest)| api(operation, &format!("{stream}.{rest}")));
    alone.into_iter().chain(under)
}

/// What a hearer may ask of a source: to look at its places, to pull from them, and to say that it is done.
fn seats(source: &Group, hearer: &str) -> impl Iterator<Item = String> {
    let stream = streams::name_of(source.name);
    let places = (0..source.partitions).map(move |partition| place_of(hearer, partition)).collect::<Vec<_>>();
    places.into_iter().flat_map(move |place| {
        let at = format!("{stream}.{place}");
        [api("CONSUMER.INFO", &at), api("CONSUMER.MSG.NEXT", &at), format!("$JS.ACK.{at}.>")]
    })
}

/// Where the services API asks: everyone, all of a name, one instance.
fn discovery(name: &str) -> impl Iterator<Item = String> {
    let verbs = ["PING", "INFO", "STATS"];
    verbs
        .into_iter()
        .flat_map(move |verb| [format!("$SRV.{verb}"), format!("$SRV.{verb}.{name}"), format!("$SRV.{verb}.{name}.*")])
}

/// The door asks every group, and follows their logs to keep its cache fresh.
fn gateway(groups: &[&'static Group]) -> User {
    let mut publish = vec![format!("{}.>", inbox_of(GATEWAY))];
    publish.extend(groups.iter().flat_map(|group| asking(group.name)));
    for group in groups {
        let stream = streams::name_of(group.name);
        publish.extend([api("STREAM.INFO", &stream), api("STREAM.MSG.GET", &stream)]);
        publish.push(api("CONSUMER.CREATE", &format!("{stream}.*.shop.log.{}.*", group.name)));
        publish.push(api("CONSUMER.MSG.NEXT", &format!("{stream}.*")));
    }
    // What gateways count together, and its stream, which the first of them makes.
    publish.push("shop.count.>".to_owned());
    publish.extend(["$JS.API.INFO".to_owned(), api("STREAM.INFO", COUNTS), api("STREAM.CREATE", COUNTS)]);
    let subscribe = vec![format!("{}.>", inbox_of(GATEWAY))];
    User { name: GATEWAY, publish, deny: Vec::new(), subscribe, answers: false }
}

/// People: `nats` at the command line, `mercat` against a running shop.
fn operator(groups: &[&'static Group]) -> User {
    let own = ["_INBOX_operator.>", "_INBOX.>"];
    // The server asks the ordered consumers of stock clients now and then whether they keep up; one that may not answer
    // gets no further on a feed of a few thousand events.
    let consuming = ["$JS.API.>", "$JS.ACK.>", "$JS.FC.>"];
    let publish = ["shop.cmd.>", "shop.any.>", "shop.query.>", "shop.at.>", "shop.canary.>", "shop.ops.>", "$SRV.>"];
    let hear = ["shop.evt.>", "shop.dlq.>", "$SRV.>", "$JS.EVENT.>", "$KV.MEMBERS.>"];
    // A log is the only copy of what happened. Whoever must remove one does so with the servers stopped.
    let logs = groups.iter().map(|group| streams::name_of(group.name));
    let removals = ["STREAM.DELETE", "STREAM.PURGE", "STREAM.MSG.DELETE", "STREAM.UPDATE"];
    let owned = |subjects: &[&str]| subjects.iter().map(|subject| (*subject).to_owned()).collect::<Vec<_>>();
    User {
        name: OPERATOR,
        publish: owned(&[&own[..], &publish[..], &consuming[..]].concat()),
        deny: logs.flat_map(|log| removals.map(|removal| api(removal, &log))).collect(),
        subscribe: owned(&[&own[..], &hear[..]].concat()),
        answers: false,
    }
}

/// The names of all who have a key: the users, and [`SYS`].
pub(super) fn names(groups: &[&'static Group]) -> impl Iterator<Item = &'static str> {
    groups.iter().map(|group| group.name).chain(iter::once(GATEWAY)).chain([OPERATOR, SYS])
}
