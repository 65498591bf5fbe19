//! The walls between the rooms: who may use what, read from `cargo metadata` and from the sources.
//!
//! A wall is worth something only while nobody can walk through it by accident, so each rule is also seen to fail, on a
//! house planted for it. What is not checked here is what the compiler checks already: cycles, and use without declaring.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::camino::Utf8Path;
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What a room is for, which decides what it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// `messages/`: depends on nothing of ours.
    Contract,
    /// `actors/runtime/`: depends on the contract.
    Machine,
    /// `actors/<group>/`: depends on the contract and the machine.
    Group,
    /// `gateway/`: depends on the contract and the machine.
    Door,
    /// `bff/`: screens. Says what the door shall ask, and knows the contract and the door's words for it.
    Screens,
    /// The binary, which composes all of them.
    House,
    /// `benches/`: what the binary measures the shop with and against. Knows none of the others.
    Yardstick,
    /// `bank/`: the test provider, which stands for somebody else's house. Knows none of the others.
    Bank,
}

/// One crate of the workspace.
#[derive(Debug, Clone)]
struct Room {
    name: String,
    place: Place,
    uses: Vec<Use>,
}

/// A dependency of a room.
#[derive(Debug, Clone)]
struct Use {
    name: String,
    /// Only its tests and benches use it.
    by_tests: bool,
    features: Vec<String>,
}

/// Crates that speak to the outside, and where each may be used. Tests of the door and the house may speak NATS as any
/// stranger does; a group's may not, or they would test something that the group cannot do.
const OUTSIDE: &[(&str, &[Place])] = &[
    ("async-nats", &[Place::Machine, Place::Yardstick]),
    ("nkeys", &[Place::Machine]),
    ("sled", &[Place::Machine]),
    ("actix", &[Place::Machine, Place::House]),
    ("actix-web", &[Place::Door, Place::Yardstick, Place::Bank]),
    ("actix-http", &[Place::Door]),
    ("actix-server", &[Place::Door]),
];

/// What a group must not have because its entities are pure: time, chance and threads come to them as facts.
const IMPURE: &[&str] = &["rand", "tokio", "futures", "actix-rt"];

fn faults(rooms: &[Room]) -> Vec<String> {
    let places: BTreeMap<&str, Place> = rooms.iter().map(|room| (room.name.as_str(), room.place)).collect();
    let mut faults = Vec::new();
    for room in rooms {
        for used in &room.uses {
            let at = if used.by_tests { "the tests of " } else { "" };
            let fault = match places.get(used.name.as_str()) {
                Some(place) => ours(room, *place, used),
                None => outside(room, used),
            };
            faults.extend(fault.map(|why| format!("{at}{} may not use {}: {why}", room.name, used.name)));
        }
    }
    faults
}

/// Whether a room may use another of ours.
fn ours(room: &Room, used: Place, how: &Use) -> Option<&'static str> {
    if how.features.iter().any(|feature| feature == "testkit") && !how.by_tests {
        return Some("its testkit is for tests");
    }
    match (room.place, used) {
        // The machine's tests and the house's use whatever they want to see working.
        (Place::House, _) => None,
        (_, Place::House) => Some("the binary is nobody's library"),
        // A crate may name itself to have its own features in its tests.
        _ if room.name == how.name => None,
        (_, Place::Yardstick) => Some("only the binary measures"),
        (Place::Yardstick, _) => Some("a yardstick shares nothing with what it measures"),
        (Place::Bank, _) => Some("the bank is somebody else's house"),
        // Whoever calls a provider is tested with a real one.
        (Place::Group, Place::Bank) if how.by_tests => None,
        (_, Place::Bank) => Some("a provider is reached by its address, like anybody's"),
        (Place::Screens, Place::Contract | Place::Door) => None,
        (Place::Screens, _) => Some("a screen asks by the contract, through the door"),
        (_, Place::Screens) => Some("only the binary shows screens"),
        (Place::Contract, _) => Some("the contract depends on nothing of ours"),
        (_, Place::Contract) => None,
        (Place::Machine, _) => Some("the machine knows the contract only"),
        (Place::Group | Place::Door, Place::Machine) => None,
        (Place::Group, Place::Group) => Some("groups know each other by the contract only"),
        (Place::Group, Place::Door) => Some("a group knows nothing of HTTP"),
        (Place::Door, _) => Some("the door knows the contract, not the groups"),
    }
}

/// Whether a room may use a crate of others.
fn outside(room: &Room, used: &Use) -> Option<&'static str> {
    let is_pure = matches!(room.place, Place::Group | Place::Screens);
    if is_pure && !used.by_tests && IMPURE.contains(&used.name.as_str()) {
        return Some("entities and screens are pure");
    }
    let (_, places) = OUTSIDE.iter().find(|(name, _)| *name == used.name)?;
    let as_strangers = used.by_tests && matches!(room.place, Place::Door | Place::House);
    (!places.contains(&room.place) && !as_strangers).then_some("that is another room's")
}

/// What a crate at this path of the repository is.
fn place(path: &str) -> Option<Place> {
    match path.split('/').collect::<Vec<_>>().as_slice() {
        [""] => Some(Place::House),
        ["messages"] => Some(Place::Contract),
        ["gateway"] => Some(Place::Door),
        ["bff"] => Some(Place::Screens),
        ["benches"] => Some(Place::Yardstick),
        ["bank"] => Some(Place::Bank),
        ["actors", "runtime"] => Some(Place::Machine),
        ["actors", _] => Some(Place::Group),
        _ => None,
    }
}

fn metadata() -> Metadata {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
    // Without what others wrote: what our rooms declare is the question, and that needs no network.
    MetadataCommand::new().manifest_path(manifest).no_deps().exec().expect("cargo metadata runs")
}

/// The rooms as cargo knows them. Aliases do not help: the name is the crate's own.
fn rooms(metadata: &Metadata) -> Vec<Room> {
    let room = |package: &cargo_metadata::Package| {
        let directory = package.manifest_path.parent().unwrap_or(Utf8Path::new(""));
        let path = directory.strip_prefix(&metadata.workspace_root).expect("members are inside the workspace");
        let place = place(path.as_str());
        let uses = package.dependencies.iter().map(|dependency| Use {
            name: dependency.name.clone(),
            by_tests: dependency.kind == DependencyKind::Development,
            features: dependency.features.clone(),
        });
        let place = place.unwrap_or_else(|| panic!("{path} is no room of the house: see ARCHITECTURE.md"));
        Room { name: package.name.to_string(), place, uses: uses.collect() }
    };
    metadata.workspace_packages().into_iter().map(room).collect()
}

#[test]
fn no_room_uses_what_it_may_not() {
    let rooms = rooms(&metadata());
    let places: Vec<Place> = rooms.iter().map(|room| room.place).collect();
    for place in [
        Place::Contract,
        Place::Machine,
        Place::Group,
        Place::Door,
        Place::Screens,
        Place::House,
        Place::Yardstick,
        Place::Bank,
    ] {
        assert!(places.contains(&place), "there is no {place:?} among {rooms:?}");
    }
    assert_eq!(faults(&rooms), Vec::<String>::new());
}

#[test]
fn the_door_knows_the_groups_by_the_contract_only() {
    let known: BTreeSet<String> = messages::GROUPS.iter().map(|group| group.name.to_owned()).collect();
    // HTTP has a status with the name of a group and a header that begins with another, and guests have ids; a client of
    // TLS may show who it is.
    let http = |line: &str| {
        let plain = ["StatusCode::PAYMENT_REQUIRED", "USER_AGENT", "user_id", "with_no_client_auth"];
        plain.iter().any(|plain| line.contains(plain))
    };
    // Forms and redirects are written by hand, and who somebody is has to be asked of somebody.
    let by_hand = |path: &Path| {
        let path = path.to_string_lossy();
        ["/src/oidc", "/src/authority.rs", "/src/whose.rs", "/src/bearer.rs", "/src/dpop"]
            .iter()
            .any(|part| path.contains(part))
    };
    let (_, others): (Vec<_>, Vec<_>) = sources("gateway/src").into_iter().partition(|(path, _)| by_hand(path));
    let named = named_in(&others, |line| !http(line) && known.iter().any(|group| says(line, group)));
    assert_eq!(named, Vec::<String>::new(), "the door names a group");
}

#[test]
fn only_the_wire_of_a_group_says_messages() {
    for room in rooms(&metadata()).iter().filter(|room| room.place == Place::Group) {
        let src = format!("actors/{}/src", room.name);
        // One file, or as many as there are nouns to translate.
        let is_wire = |path: &str| path.ends_with("/wire.rs") || path.contains("/src/wire/");
        let (wire, others): (Vec<_>, Vec<_>) =
            sources(&src).into_iter().partition(|(path, _)| is_wire(&path.to_string_lossy()));
        assert!(!wire.is_empty(), "{} has no wire.rs", room.name);
        assert_eq!(named_in(&others, |line| line.contains("messages::")), Vec::<String>::new());
    }
}

#[test]
fn groups_do_not_reach_past_the_machine() {
    let outsides = ["runtime::nats", "runtime::sled", "runtime::server", "runtime::permissions", "runtime::bus"];
    for room in rooms(&metadata()).iter().filter(|room| room.place == Place::Group) {
        let sources = sources(&format!("actors/{}/src", room.name));
        let reached = named_in(&sources, |line| outsides.iter().any(|outside| line.contains(outside)));
        assert_eq!(reached, Vec::<String>::new(), "{} uses what the machine keeps to itself", room.name);
    }
}

/// Rust files under a directory of the repository.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut left = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).expect("the directory is there") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push((path.clone(), std::fs::read_to_string(&path).expect("it is text")));
            }
        }
    }
    assert!(!found.is_empty(), "{directory} has no sources");
    found
}

/// The lines of code, tests and comments left out, of which `is_named` is true.
fn named_in(sources: &[(PathBuf, String)], is_named: impl Fn(&str) -> bool) -> Vec<String> {
    let mut named = Vec::new();
    for (path, text) in sources {
        let code = text.lines().take_while(|line| line.trim() != "#[cfg(test)]");
        let code = code.enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
        let code = code.filter(|(_, line)| is_named(line));
        named.extend(code.map(|(number, line)| format!("{}:{}: {}", path.display(), number + 1, line.trim())));
    }
    named
}

/// Whether a line has this word: `product`, but not `production`.
fn says(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric()).any(|said| said.eq_ignore_ascii_case(word))
}

mod seen_to_fail {
    use super::*;

    /// A house that holds, plus what is wrong with it.
    fn house(name: &str, used: Use) -> Vec<String> {
        let room = |name: &str, place: Place| Room { name: name.to_owned(), place, uses: Vec::new() };
        let mut rooms = vec![
            room("messages", Place::Contract),
            room("runtime", Place::Machine),
            room("order", Place::Group),
            room("payment", Place::Group),
            room("gateway", Place::Door),
            room("mercat", Place::House),
            room("yardstick", Place::Yardstick),
            room("bank", Place::Bank),
            room("bff", Place::Screens),
        ];
        assert_eq!(faults(&rooms), Vec::<String>::new());
        let room = rooms.iter_mut().find(|room| room.name == name).expect("one of these");
        room.uses.push(used);
        faults(&rooms)
    }

    fn code(name: &str) -> Use {
        Use { name: name.to_owned(), by_tests: false, features: Vec::new() }
    }

    fn tests(name: &str) -> Use {
        Use { by_tests: true, ..code(name) }
    }

    #[test]
    fn every_wall() {
        let planted = [
            ("order", code("payment"), "order may not use payment: groups know each other by the contract only"),
            (
                "order",
                tests("payment"),
                "the tests of order may not use payment: groups know each other by the contract only",
            ),
            ("order", code("gateway"), "order may not use gateway: a group knows nothing of HTTP"),
            ("order", code("mercat"), "order may not use mercat: the binary is nobody's library"),
            ("order", code("async-nats"), "order may not use async-nats: that is another room's"),
            ("order", tests("async-nats"), "the tests of order may not use async-nats: that is another room's"),
            ("order", code("sled"), "order may not use sled: that is another room's"),
            ("order", code("actix-web"), "order may not use actix-web: that is another room's"),
            ("order", code("actix"), "order may not use actix: that is another room's"),
            ("order", code("rand"), "order may not use rand: entities and screens are pure"),
            ("order", code("tokio"), "order may not use tokio: entities and screens are pure"),
            ("messages", code("runtime"), "messages may not use runtime: the contract depends on nothing of ours"),
            (
                "messages",
                tests("order"),
                "the tests of messages may not use order: the contract depends on nothing of ours",
            ),
            ("messages", code("async-nats"), "messages may not use async-nats: that is another room's"),
            ("runtime", code("order"), "runtime may not use order: the machine knows the contract only"),
            ("runtime", code("gateway"), "runtime may not use gateway: the machine knows the contract only"),
            ("runtime", code("actix-web"), "runtime may not use actix-web: that is another room's"),
            ("gateway", code("order"), "gateway may not use order: the door knows the contract, not the groups"),
            (
                "gateway",
                tests("order"),
                "the tests of gateway may not use order: the door knows the contract, not the groups",
            ),
            ("gateway", code("async-nats"), "gateway may not use async-nats: that is another room's"),
            ("gateway", code("sled"), "gateway may not use sled: that is another room's"),
            ("bank", code("messages"), "bank may not use messages: the bank is somebody else's house"),
            ("bank", tests("payment"), "the tests of bank may not use payment: the bank is somebody else's house"),
            ("bank", code("sled"), "bank may not use sled: that is another room's"),
            ("payment", code("bank"), "payment may not use bank: a provider is reached by its address, like anybody's"),
            ("gateway", code("bank"), "gateway may not use bank: a provider is reached by its address, like anybody's"),
            ("bff", code("runtime"), "bff may not use runtime: a screen asks by the contract, through the door"),
            ("bff", code("order"), "bff may not use order: a screen asks by the contract, through the door"),
            ("bff", code("tokio"), "bff may not use tokio: entities and screens are pure"),
            ("bff", code("actix-web"), "bff may not use actix-web: that is another room's"),
            ("gateway", code("bff"), "gateway may not use bff: only the binary shows screens"),
            ("order", code("yardstick"), "order may not use yardstick: only the binary measures"),
            (
                "yardstick",
                code("runtime"),
                "yardstick may not use runtime: a yardstick shares nothing with what it measures",
            ),
            ("yardstick", code("sled"), "yardstick may not use sled: that is another room's"),
            ("mercat", code("sled"), "mercat may not use sled: that is another room's"),
            ("mercat", code("async-nats"), "mercat may not use async-nats: that is another room's"),
            ("mercat", code("actix-web"), "mercat may not use actix-web: that is another room's"),
        ];
        for (name, used, expected) in planted {
            assert_eq!(house(name, used), [expected]);
        }
        let testkit = Use { features: vec!["testkit".to_owned()], ..code("runtime") };
        assert_eq!(house("order", testkit), ["order may not use runtime: its testkit is for tests"]);
    }

    #[test]
    fn what_is_allowed_stays_allowed() {
        let testkit = Use { features: vec!["testkit".to_owned()], ..tests("runtime") };
        let planted = [
            ("order", code("messages")),
            ("order", code("runtime")),
            ("order", testkit),
            ("order", tests("tokio")),
            ("gateway", code("runtime")),
            ("gateway", code("actix-web")),
            ("bff", code("messages")),
            ("bff", code("gateway")),
            ("mercat", code("bff")),
            ("gateway", tests("async-nats")),
            ("runtime", code("sled")),
            ("mercat", code("order")),
            ("mercat", code("yardstick")),
            ("yardstick", code("async-nats")),
            ("yardstick", code("actix-web")),
            ("mercat", tests("async-nats")),
        ];
        for (name, used) in planted {
            assert_eq!(house(name, used), Vec::<String>::new(), "{name}");
        }
    }

    #[test]
    fn a_crate_outside_the_rooms() {
        assert_eq!(place("actors/order"), Some(Place::Group));
        assert_eq!(place("shared/helpers"), None);
        assert_eq!(place("actors/order/deeper"), None);
    }

    #[test]
    fn a_name_in_the_sources() {
        let planted =
            "//! The product group.\nlet group = \"product\";\nlet production = 1;\n#[cfg(test)]\n\"product\"\n";
        let sources = [(PathBuf::from("door.rs"), planted.to_owned())];
        assert_eq!(named_in(&sources, |line| says(line, "product")), ["door.rs:2: let group = \"product\";"]);
    }
}
