//! Field maps: what becomes of the JSON of a request or an answer.
//!
//! Each change has a side that faces the contract, and that side is checked at start: a map that names a field which the
//! contract does not have would silently do nothing. A request that says what a change is about to say itself is refused,
//! because one of the two would be lost.

use std::fmt;

use messages::errors::{FieldError, code};
use messages::field::{Field, FieldKind};
use messages::json::{Json, Object};

use super::config::BodyChanges;

/// A step of a path into JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A member of an object.
    Member(String),
    /// Every item of a list.
    Each,
}

/// Where a field is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Path(Vec<Step>);

/// A change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Change {
    Move { from: Path, to: Path },
    Remove(Path),
    Set(Path, Json),
}

/// Which way the JSON goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// To the contract.
    In,
    /// From the contract.
    Out,
}

impl Path {
    /// # Errors
    /// When there is nothing between two slashes, or a list at the end.
    pub(crate) fn parse(text: &str) -> Result<Path, String> {
        let step = |word: &str| match word {
            "" => Err(format!("{text:?} is no path of a field")),
            "*" => Ok(Step::Each),
            word => Ok(Step::Member(word.to_owned())),
        };
        let steps: Vec<Step> = text.trim_start_matches('/').split('/').map(step).collect::<Result<_, _>>()?;
        match steps.last() {
            Some(Step::Member(_)) => Ok(Path(steps)),
            _ => Err(format!("{text:?} names no field: it ends with a list")),
        }
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.0
    }

    /// The field beside this one that is called so.
    fn beside(&self, name: &str) -> Path {
        let parents = self.0[..self.0.len() - 1].iter().cloned();
        Path(parents.chain([Step::Member(name.to_owned())]).collect())
    }

    /// How many steps lead into the last list.
    fn in_list(&self) -> usize {
        self.0.iter().rposition(|step| *step == Step::Each).map_or(0, |last| last + 1)
    }

    /// Whether a message with these fields has it. What is any JSON has anything.
    fn is_of(&self, fields: &'static [Field]) -> bool {
        is_of(&self.0, fields)
    }

    /// The pointer that `pointer` becomes when what is here is told from there: list positions stay the same.
    fn translate(&self, there: &Path, pointer: &str) -> Option<String> {
        let words: Vec<&str> = pointer.strip_prefix('/')?.split('/').collect();
        let rest = words.get(self.0.len()..)?;
        let mut indices = Vec::new();
        for (step, word) in self.0.iter().zip(&words) {
            match step {
                Step::Member(name) if name == word => {}
                Step::Each if word.bytes().all(|byte| byte.is_ascii_digit()) => indices.push(*word),
                _ => return None,
            }
        }
        let mut indices = indices.into_iter();
        let mut told = String::new();
        for step in &there.0 {
            told.push('/');
            told.push_str(match step {
                Step::Member(name) => name,
                Step::Each => indices.next()?,
            });
        }
        for word in rest {
            told.push('/');
            told.push_str(word);
        }
        Some(told)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            let slash = if index == 0 { "" } else { "/" };
            match step {
                Step::Member(name) => write!(f, "{slash}{name}")?,
                Step::Each => write!(f, "{slash}*")?,
            }
        }
        Ok(())
    }
}

fn is_of(steps: &[Step], fields: &'static [Field]) -> bool {
    let Some((Step::Member(name), rest)) = steps.split_first() else { return false };
    let Some(field) = fields.iter().find(|field| field.name == name) else { return false };
    let rest = match rest.split_first() {
        None => return true,
        Some((Step::Each, rest)) if field.repeated => rest,
        Some((Step::Member(_), rest)) if field.map => rest,
        Some(_) if field.repeated || field.map => return false,
        Some(_) => &steps[1..],
    };
    match (field.kind, field.message) {
        (FieldKind::Json, _) => true,
        (_, Some(fields)) => rest.is_empty() || is_of(rest, fields()),
        _ => rest.is_empty(),
    }
}

impl Change {
    /// The changes that a configuration asks for.
    ///
    /// # Errors
    /// When a path is none, or items would leave their list.
    pub(crate) fn all(changes: &BodyChanges) -> Result<Vec<Change>, String> {
        let mut all = Vec::new();
        for (from, to) in &changes.relocate {
            let (from, to) = (Path::parse(from)?, Path::parse(to)?);
            let shared = from.in_list().max(to.in_list());
            if from.0.get(..shared) != to.0.get(..shared) {
                return Err(format!("{from} cannot be moved to {to}: it would leave its list"));
            }
            all.push(Change::Move { from, to });
        }
        for (from, to) in &changes.rename {
            let from = Path::parse(from)?;
            if to.is_empty() || to.contains(['/', '*']) {
                return Err(format!("{to:?} is no name: what goes elsewhere is moved"));
            }
            all.push(Change::Move { to: from.beside(to), from });
        }
        for path in &changes.remove {
            all.push(Change::Remove(Path::parse(path)?));
        }
        for (path, value) in &changes.set {
            let value = messages::json::parse(value.to_string().as_bytes());
            let value = value.map_err(|_| format!("what {path} is set to is no JSON of ours"))?;
            let path = Path::parse(path)?;
            if path.0.contains(&Step::Each) {
                return Err(format!("{path} is in a list: a constant is not"));
            }
            all.push(Change::Set(path, value));
        }
        Ok(all)
    }

    fn apply(&self, body: &mut Json) {
        match self {
            Change::Move { from, to } => relocate(body, &from.0, &to.0),
            Change::Remove(path) => each(body, &path.0, &mut |members, name| {
                members.remove(name);
            }),
            Change::Set(path, value) => put(body, &path.0, value.clone()),
        }
    }

    /// What it does, for people.
    pub(crate) fn named(&self) -> String {
        match self {
            Change::Move { from, to } => format!("{from} → {to}"),
            Change::Remove(path) | Change::Set(path, _) => path.to_string(),
        }
    }

    /// Whether it fits a message with these fields: whatever faces the contract is one of them.
    pub(crate) fn fits(&self, way: Way, fields: &'static [Field]) -> bool {
        match (self, way) {
            (Change::Move { to: path, .. } | Change::Set(path, _), Way::In)
            | (Change::Move { from: path, .. } | Change::Remove(path), Way::Out) => path.is_of(fields),
            // A client's own: the contract does not know what is thrown away, or added for it.
            (Change::Remove(path), Way::In) | (Change::Set(path, _), Way::Out) => !path.is_of(fields),
        }
    }
}

/// Changes what a client sent; what stands where a change would put something is told as an error. Constants are for what
/// is written whole, not for a patch.
pub(crate) fn take(changes: &[Change], is_patch: bool, body: &mut Json) -> Vec<FieldError> {
    let mut errors = Vec::new();
    for change in changes {
        match change {
            Change::Move { to, from } => {
                if let Some(at) = find(body, &to.0, String::new()) {
                    let detail = format!("there is no such field; it is called {from} here");
                    errors.push(FieldError { pointer: at, code: code::UNKNOWN_FIELD, detail });
                }
            }
            Change::Set(path, _) => {
                if let Some(at) = find(body, &path.0, String::new()) {
                    let detail = "the shop sets this field".to_owned();
                    errors.push(FieldError { pointer: at, code: code::READ_ONLY, detail });
                }
            }
            Change::Remove(_) => {}
        }
    }
    if errors.is_empty() {
        for change in changes.iter().filter(|change| !(is_patch && matches!(change, Change::Set(..)))) {
            change.apply(body);
        }
    }
    errors
}

/// Changes what is shown.
pub(crate) fn apply(changes: &[Change], body: &mut Json) {
    for change in changes {
        change.apply(body);
    }
}

/// The name under which a client knows what the contract calls so.
pub(crate) fn told(changes: &[Change], pointer: &str) -> Option<String> {
    changes.iter().find_map(|change| match change {
        Change::Move { from, to } => to.translate(from, pointer),
        Change::Remove(_) | Change::Set(..) => None,
    })
}

/// Where the first of what a path names is.
fn find(json: &Json, steps: &[Step], at: String) -> Option<String> {
    let Some((step, rest)) = steps.split_first() else { return Some(at) };
    match (step, json) {
        (Step::Member(name), Json::Object(members)) => find(members.get(name)?, rest, format!("{at}/{name}")),
        (Step::Each, Json::Array(items)) => {
            items.iter().enumerate().find_map(|(index, item)| find(item, rest, format!("{at}/{index}")))
        }
        _ => None,
    }
}

/// Does something with every object that has the last name of a path.
fn each(json: &mut Json, steps: &[Step], act: &mut impl FnMut(&mut Object, &str)) {
    match (steps, json) {
        ([Step::Member(name)], Json::Object(members)) => act(members, name),
        ([Step::Member(name), rest @ ..], Json::Object(members)) => {
            if let Some(member) = members.get_mut(name) {
                each(member, rest, act);
            }
        }
        ([Step::Each, rest @ ..], Json::Array(items)) => items.iter_mut().for_each(|item| each(item, rest, act)),
        _ => {}
    }
}

fn relocate(json: &mut Json, from: &[Step], to: &[Step]) {
    if let Some(list) = from.iter().position(|step| *step == Step::Each) {
        if let Some(Json::Array(items)) = at(json, &from[..list]) {
            for item in items {
                relocate(item, &from[list + 1..], &to[list + 1..]);
            }
        }
        return;
    }
    let mut moved = None;
    each(json, from, &mut |members, name| moved = members.remove(name));
    if let Some(value) = moved {
        put(json, to, value);
    }
}

fn at<'a>(json: &'a mut Json, steps: &[Step]) -> Option<&'a mut Json> {
    steps.iter().try_fold(json, |json, step| match (step, json) {
        (Step::Member(name), Json::Object(members)) => members.get_mut(name),
        _ => None,
    })
}

/// Puts a value where a path leads, and makes the objects on the way. What is in the way and is none gives way: it
/// would be refused by the contract, or is our own.
fn put(json: &mut Json, steps: &[Step], value: Json) {
    let [Step::Member(name), rest @ ..] = steps else { return };
    let Json::Object(members) = json else { return };
    if rest.is_empty() {
        members.insert(name.clone(), value);
        return;
    }
    let member = members.entry(name.clone()).or_insert_with(|| Json::Object(Object::new()));
    if !matches!(member, Json::Object(_)) {
        *member = Json::Object(Object::new());
    }
    put(member, rest, value);
}

#[cfg(test)]
mod tests {
    use messages::Rpc as _;
    use messages::json::ToJson as _;
    use messages::product::v1::rpc;

    use super::*;

    fn changes(toml: &str) -> Result<Vec<Change>, String> {
        Change::all(&serde_json::from_str(toml).expect("changes"))
    }

    fn json(text: &str) -> Json {
        messages::json::parse(text.as_bytes()).expect("JSON")
    }

    #[test]
    fn what_is_shown_is_changed_as_it_is_written() {
        for (asked, was, is) in [
            (r#"{"rename": {"title": "name"}}"#, r#"{"title":"Cap"}"#, r#"{"name":"Cap"}"#),
            (r#"{"rename": {"title": "name"}}"#, r#"{"a":1}"#, r#"{"a":1}"#),
            (r#"{"move": {"price/amount": "amount"}}"#, r#"{"price":{"amount":5}}"#, r#"{"amount":5,"price":{}}"#),
            (r#"{"move": {"amount": "price/gross/amount"}}"#, r#"{"amount":5}"#, r#"{"price":{"gross":{"amount":5}}}"#),
            (
                r#"{"rename": {"data/*/title": "name"}, "remove": ["data/*/id"]}"#,
                r#"{"data":[{"id":1,"title":"a"},{"title":"b"},3]}"#,
                r#"{"data":[{"name":"a"},{"name":"b"},3]}"#,
            ),
            (r#"{"move": {"a/*/b/c": "a/*/c"}}"#, r#"{"a":[{"b":{"c":1}}]}"#, r#"{"a":[{"b":{},"c":1}]}"#),
            (r#"{"remove": ["a"], "set": {"b": [1, null]}}"#, r#"{"a":1}"#, r#"{"b":[1,null]}"#),
        ] {
            let mut body = json(was);
            apply(&changes(asked).expect("changes"), &mut body);
            assert_eq!(body.to_json(), is, "{asked} {was}");
        }
    }

    #[test]
    fn what_a_change_says_a_client_may_not_say() {
        let asked = changes(r#"{"rename": {"lines/*/name": "title"}, "set": {"channel": "web"}}"#).expect("changes");
        let mut body = json(r#"{"lines":[{"name":"a"},{"title":"b"}],"channel":"app"}"#);
        let errors = take(&asked, false, &mut body);
        let errors: Vec<_> = errors.iter().map(|error| (error.pointer.as_str(), error.code)).collect();
        assert_eq!(errors, [("/lines/1/title", code::UNKNOWN_FIELD), ("/channel", code::READ_ONLY)]);
    }

    #[test]
    fn an_error_is_told_where_the_client_wrote_it() {
        let asked = changes(r#"{"rename": {"lines/*/name": "title"}, "move": {"cost": "price/amount"}}"#);
        let asked = asked.expect("changes");
        assert_eq!(told(&asked, "/lines/2/title").as_deref(), Some("/lines/2/name"));
        assert_eq!(told(&asked, "/price/amount/x").as_deref(), Some("/cost/x"));
        assert_eq!(told(&asked, "/price"), None);
        assert_eq!(told(&asked, "/lines/2/sku"), None);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for asked in [
            r#"{"rename": {"a//b": "c"}}"#,
            r#"{"rename": {"a": "b/c"}}"#,
            r#"{"rename": {"a/*": "b"}}"#,
            r#"{"move": {"a/*/b": "b"}}"#,
            r#"{"move": {"b": "a/*/b"}}"#,
            r#"{"set": {"a/*/b": 1}}"#,
        ] {
            assert!(changes(asked).is_err(), "{asked}");
        }
    }

    #[test]
    fn the_side_of_the_contract_is_known() {
        let (request, response) = (rpc::CreateProduct::ROUTE.request.fields, rpc::CreateProduct::ROUTE.response.fields);
        let fits = |asked: &str, way, fields| changes(asked).expect("changes")[0].fits(way, fields);
        assert!(fits(r#"{"rename": {"name": "title"}}"#, Way::In, request));
        assert!(!fits(r#"{"rename": {"title": "name"}}"#, Way::In, request));
        assert!(fits(r#"{"rename": {"variants/*/code": "sku"}}"#, Way::In, request));
        assert!(!fits(r#"{"rename": {"variants/code": "sku"}}"#, Way::In, request));
        assert!(fits(r#"{"rename": {"product/title": "name"}}"#, Way::Out, response));
        assert!(!fits(r#"{"remove": ["product/titel"]}"#, Way::Out, response));
    }
}
