//! The authorisation matrix: every door of the contract, asked by everybody, for what is their own, somebody else's and
//! nobody's.
//!
//! What must come of it follows from the contract's scopes, from what a role holds, and from the small tables of this room:
//! which ids belong to a person ([`doors::OWNED`]), and whose things staff look after ([`people::Person::looks_after`]). A
//! door whose path names an id that no table knows fails, so a new route cannot come without its rows. A request that is
//! refused must have written nothing: each has a name of its own, and every commit of every log says which request it
//! follows from.

mod doors;
mod ledger;
mod people;

use std::collections::BTreeMap;

use futures::future::join_all;
use messages::route::RpcKind;
use serde_json::{Value, json};

use self::doors::{Door, Ids};
use self::ledger::changed_by;
use self::people::{Person, settle};
use crate::house::{Answer, Http};
use crate::journeys::journey;
use crate::stocked::Stocked;

/// Names the requests that must be refused.
const REFUSED: &str = "refused";
/// What the door says to who may not.
const STOPPED: [&str; 3] = ["unauthenticated", "forbidden", "csrf"];

/// What must come of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// 401: nobody knows who asks.
    Unknown,
    /// 403: their scopes do not include it.
    Forbidden,
    /// 404, in the same words as when it does not exist; or the same empty list.
    Hidden,
    /// 400, or 404 for a provider that there is not: without its signature nothing is heard.
    Unsigned,
    /// The group is asked, and says what it says: but never who may.
    Asked,
}

/// What the contract and the tables say of a person at a door, when its path names Ada's things.
fn expected(person: &Person, door: &Door) -> Expected {
    let route = door.route;
    // Whoever calls back is known by a signature, whatever else they show.
    if route.raw.is_some() {
        return Expected::Unsigned;
    }
    if person.is_nobody_any_more {
        return Expected::Unknown;
    }
    if route.public {
        return Expected::Asked;
    }
    let scope = route.scope.expect("a door is public or needs a scope");
    let becomes_a_guest = route.kind == RpcKind::Command && messages::scope::GUEST.contains(&scope);
    match &person.scopes {
        None if becomes_a_guest => {}
        None => return Expected::Unknown,
        Some(held) if !held.iter().any(|held| held == "*" || held == scope) => return Expected::Forbidden,
        Some(_) => {}
    }
    let foreign = door.owned().iter().any(|prefix| !person.looks_after(prefix, route.group));
    if foreign { Expected::Hidden } else { Expected::Asked }
}

/// A person's way along all doors with the same ids.
struct Walk<'a> {
    person: &'a Person,
    http: Http,
    faults: Vec<String>,
    asked: usize,
}

impl<'a> Walk<'a> {
    fn new(person: &'a Person, http: Http) -> Walk<'a> {
        Walk { person, http, faults: Vec::new(), asked: 0 }
    }

    async fn send(&mut self, door: &Door, ids: &Ids, name: &str) -> Answer {
        self.asked += 1;
        let ask = self.person.shows(door.ask(ids)).header("X-Correlation-ID", format!("{name}-{}", self.person.name));
        let ask = if door.takes_a_key() { ask.keyed(format!("matrix-{}", self.asked)) } else { ask };
        // Who is refused before their body is read is hung up on afterwards; the next request needs another connection.
        let again = match self.http.try_send(&ask).await {
            Ok(answer) => return answer,
            Err(_) => self.http.try_send(&ask).await,
        };
        again.unwrap_or_else(|lost| panic!("{lost:?}: {} to {door}", self.person.name))
    }

    fn fault(&mut self, door: &Door, expected: &str, answer: &Answer) {
        let said = String::from_utf8_lossy(&answer.body);
        let said: String = said.chars().take(300).collect();
        self.faults.push(format!("{} to {door}: {} instead of {expected}: {said}", self.person.name, answer.status));
    }

    /// What must be refused is refused, in the words that the contract has for it.
    async fn is_refused(&mut self, doors: &[Door], ada: &Ids) {
        let nobodys = Ids::of_nobody();
        for door in doors {
            let expected = expected(self.person, door);
            if expected == Expected::Asked {
                continue;
            }
            let answer = self.send(door, ada, REFUSED).await;
            let so = match expected {
                Expected::Asked => true,
                Expected::Unsigned => matches!(answer.status, 400 | 404),
                Expected::Unknown => answer.status == 401 && code(&answer) == "unauthenticated",
                Expected::Forbidden => answer.status == 403 && code(&answer) == "forbidden",
                Expected::Hidden => {
                    let missing = self.send(door, &nobodys, REFUSED).await;
                    let is_list = answer.status == 200 && answer.json()["data"] == json!([]);
                    (answer.status == 404 || is_list) && alike(&answer, ada) == alike(&missing, &nobodys)
                }
            };
            if !so {
                self.fault(door, &format!("{expected:?}"), &answer);
            }
        }
    }

    /// What a body names must be theirs too: somebody else's is refused like nobody's.
    async fn names_nobody_else(&mut self, doors: &[Door], ada: &Ids) {
        let nobodys = Ids::of_nobody();
        for door in doors {
            if expected(self.person, door) != Expected::Asked {
                continue;
            }
            for field in door.named_in_the_body() {
                let foreign = field
                    .id
                    .is_some_and(|prefix| !self.person.looks_after(prefix, door.route.group) && ada.has(prefix));
                if !foreign {
                    continue;
                }
                let with = door.naming(field);
                let answer = self.send(&with, ada, REFUSED).await;
                let missing = self.send(&with, &nobodys, "nobodys").await;
                let is_done = answer.status < 400 && door.route.kind == RpcKind::Command;
                if is_done || alike(&answer, ada) != alike(&missing, &nobodys) {
                    let said = alike(&missing, &nobodys);
                    self.fault(&with, &format!("what names nobody ({}: {said})", field.name), &answer);
                }
            }
        }
    }

    /// Whom the contract lets through is not stopped, and sees nothing of Ada's without looking after it.
    async fn is_let_through(&mut self, doors: &[Door], ada: &Ids) {
        let nobodys = Ids::of_nobody();
        for door in doors {
            if expected(self.person, door) != Expected::Asked {
                continue;
            }
            let answer = self.send(door, &nobodys, "asked").await;
            // What a wrong password is answered with, or a key for more than one may, is the group's to say.
            let stopped = answer.status >= 400 && STOPPED.contains(&code(&answer).as_str());
            if stopped || answer.status >= 500 {
                self.fault(door, "being let through", &answer);
            }
            let shown = String::from_utf8_lossy(&answer.body);
            let is_hers = |prefix: &str| !self.person.looks_after(prefix, door.route.group);
            let mut leaked = ada.all().filter(|(prefix, id)| is_hers(prefix) && shown.contains(*id));
            if let Some((_, id)) = leaked.next().filter(|_| answer.status < 300) {
                self.fault(door, &format!("nothing of Ada's ({id})"), &answer);
            }
        }
    }

    /// What is their own is shown, and to whoever looks after it.
    async fn sees(&mut self, doors: &[Door], ada: &Ids) {
        for door in doors {
            let reads = door.route.kind != RpcKind::Command && door.method == "GET";
            let theirs = !door.owned().is_empty() && door.owned().iter().all(|prefix| ada.has(prefix));
            if !reads || !theirs || expected(self.person, door) != Expected::Asked {
                continue;
            }
            let answer = self.send(door, ada, "sees").await;
            if answer.status != 200 {
                self.fault(door, "200", &answer);
            }
        }
    }
}

/// What a problem is called.
fn code(answer: &Answer) -> String {
    let said: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    said["code"].as_str().unwrap_or_default().to_owned()
}

/// An answer without what differs by the id that was asked for and by the request itself.
fn alike(answer: &Answer, ids: &Ids) -> Value {
    let mut text = String::from_utf8_lossy(&answer.body).into_owned();
    for (prefix, id) in ids.all() {
        text = text.replace(id, prefix);
    }
    let mut said: Value = serde_json::from_str(&text).unwrap_or_default();
    for name in ["request_id", "trace_id", "correlation_id", "instance"] {
        said.as_object_mut().map(|said| said.remove(name));
    }
    json!([answer.status, said])
}

#[test]
fn nobody_gets_through_a_door_that_is_not_theirs() {
    journey(async || {
        let mut shop = Stocked::open().await;
        let (people, ada) = settle(&mut shop).await;
        let doors = Door::all();
        for door in &doors {
            assert!(door.has_its_rows(), "{door} names an id that no table of this room knows");
        }
        let mut walks: Vec<Walk> = people.iter().map(|person| Walk::new(person, shop.up.stranger())).collect();
        let others = walks.iter_mut().filter(|walk| walk.person.name != "ada");
        join_all(others.map(async |walk: &mut Walk| {
            walk.is_refused(&doors, &ada).await;
            walk.names_nobody_else(&doors, &ada).await;
        }))
        .await;
        let mut faults: Vec<String> = walks.iter().flat_map(|walk| walk.faults.clone()).collect();
        let written: BTreeMap<String, Vec<String>> = changed_by(&shop.up, REFUSED).await;
        faults.extend(written.iter().map(|(name, what)| format!("{name} wrote {what:?}")));

        let seen = walks.iter_mut().filter(|walk| walk.person.name == "ada" || walk.person.looks_after("usr", "user"));
        join_all(seen.map(async |walk: &mut Walk| walk.sees(&doors, &ada).await)).await;
        let through = walks.iter_mut();
        join_all(through.map(async |walk: &mut Walk| walk.is_let_through(&doors, &ada).await)).await;
        faults.extend(walks.iter().flat_map(|walk| walk.faults.clone()));
        faults.sort();
        faults.dedup();
        let asked: usize = walks.iter().map(|walk| walk.asked).sum();
        eprintln!("{asked} requests to {} doors by {} people", doors.len(), people.len());
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    });
}
