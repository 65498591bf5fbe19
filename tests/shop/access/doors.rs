//! Doors: a method and a path of the contract, and a request to each that is good enough to be looked at.

use std::collections::BTreeMap;
use std::fmt;

use messages::field::{Field, FieldKind};
use messages::id::Id;
use messages::route::{Idempotency, Method, Route, Segment};
use serde_json::{Map, Value, json};

use crate::house::Ask;

/// Ids of what belongs to a person.
pub(super) const OWNED: [&str; 15] =
    ["usr", "adr", "ses", "key", "pky", "cart", "quo", "ord", "ret", "amd", "pay", "pm", "rfd", "shp", "ntf"];
/// Ids of what belongs to the shop.
const THE_SHOPS: [&str; 15] =
    ["prd", "cat", "col", "prl", "wh", "trf", "rsv", "zon", "cmp", "cpn", "rdm", "tpl", "whe", "job", "cli"];

/// Fields that ask about somebody instead of acting for them.
const ASKED_ABOUT: [(&str, &str); 1] = [("auth.check_permission", "owner_id")];

/// Which id is put where one of a kind is wanted.
#[derive(Debug, Clone)]
pub(super) struct Ids(BTreeMap<&'static str, String>);

impl Ids {
    pub(super) fn of_nobody() -> Ids {
        Ids(OWNED.iter().map(|prefix| (*prefix, Id::derived(prefix, b"nobody's").to_string())).collect())
    }

    /// Somebody's. What they do not have is nobody's.
    pub(super) fn of(somebody: BTreeMap<&'static str, String>) -> Ids {
        Ids(somebody)
    }

    pub(super) fn has(&self, prefix: &str) -> bool {
        self.0.contains_key(prefix)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(prefix, id)| (*prefix, id.as_str()))
    }

    fn id(&self, prefix: &str) -> String {
        self.0.get(prefix).cloned().unwrap_or_else(|| Id::derived(prefix, b"nobody's").to_string())
    }
}

/// A door.
pub(super) struct Door {
    pub(super) route: &'static Route,
    pub(super) method: &'static str,
    segments: &'static [Segment],
    path: &'static str,
    /// A field of the body that is said although it need not be.
    also: Option<&'static Field>,
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ({})", self.method, self.path, self.route.name)
    }
}

impl Door {
    /// All of the contract.
    pub(super) fn all() -> Vec<Door> {
        let mut doors = Vec::new();
        for route in messages::ROUTES {
            for http in route.http {
                let door = |method| Door { route, method, segments: http.segments, path: http.path, also: None };
                doors.push(door(http.method.as_str()));
                if http.method == Method::Put && route.reads.is_some() {
                    doors.push(door("PATCH"));
                }
            }
        }
        doors
    }

    fn field(&self, name: &str) -> &'static Field {
        self.route.request.fields.iter().find(|field| field.name == name).expect("a path names fields of the request")
    }

    fn in_the_path(&self) -> impl Iterator<Item = &'static Field> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Field(name) => Some(self.field(name)),
            Segment::Literal(_) => None,
        })
    }

    /// The kinds of people's things that the path names.
    pub(super) fn owned(&self) -> Vec<&'static str> {
        self.in_the_path().filter_map(|field| field.id).filter(|prefix| OWNED.contains(prefix)).collect()
    }

    /// Whether every id in the path is of a kind that is known to belong to somebody, or to the shop.
    pub(super) fn has_its_rows(&self) -> bool {
        self.in_the_path().filter_map(|field| field.id).all(|id| OWNED.contains(&id) || THE_SHOPS.contains(&id))
    }

    fn has_a_body(&self) -> bool {
        !matches!(self.method, "GET" | "DELETE")
    }

    /// Fields of the body, or of the query, that name something of a person's.
    pub(super) fn named_in_the_body(&self) -> Vec<&'static Field> {
        let in_the_path: Vec<_> = self.in_the_path().map(|field| field.name).collect();
        let fields = self.route.request.fields.iter();
        let named = fields.filter(|field| field.id.is_some_and(|prefix| OWNED.contains(&prefix)));
        let named = named.filter(|field| !ASKED_ABOUT.contains(&(self.route.name, field.name)));
        named.filter(|field| !field.output_only && !field.repeated && !in_the_path.contains(&field.name)).collect()
    }

    /// The same door, where this field is said too.
    pub(super) fn naming(&self, also: &'static Field) -> Door {
        Door { also: Some(also), ..*self }
    }

    /// A request with these ids.
    pub(super) fn ask(&self, ids: &Ids) -> Ask {
        let mut target = String::new();
        for segment in self.segments {
            let part = match segment {
                Segment::Literal(text) => (*text).to_owned(),
                Segment::Field(name) => encoded(&plain(&leaf(self.field(name), ids))),
            };
            target += &format!("/{part}");
        }
        let in_the_path: Vec<_> = self.in_the_path().map(|field| field.name).collect();
        // A patch that changes nothing is looked at as one that does.
        let mut body = if self.method == "PATCH" { Map::new() } else { required(self.route.request.fields, ids) };
        if let Some(also) = self.also {
            body.insert(also.name.to_owned(), leaf(also, ids));
        }
        body.retain(|name, _| !in_the_path.contains(&name.as_str()));
        if !self.has_a_body() {
            let query: Vec<_> = body.iter().map(|(name, value)| format!("{name}={}", encoded(&plain(value)))).collect();
            let query = if query.is_empty() { query.concat() } else { format!("?{}", query.join("&")) };
            return Ask::of(self.method, target + &query, None);
        }
        Ask::of(self.method, target, Some(&Value::Object(body)))
    }

    /// Whether a key names a request.
    pub(super) fn takes_a_key(&self) -> bool {
        self.route.idempotency != Idempotency::None
    }
}

/// What a message must say, with these ids and otherwise the contract's examples.
fn required(fields: &[Field], ids: &Ids) -> Map<String, Value> {
    let said = fields.iter().filter(|field| field.required && !field.output_only);
    said.map(|field| (field.name.to_owned(), value(field, ids))).collect()
}

fn value(field: &Field, ids: &Ids) -> Value {
    let one = leaf(field, ids);
    match (field.repeated, field.map) {
        (true, _) => json!([one]),
        (_, true) => json!({"a": one}),
        _ => one,
    }
}

fn leaf(field: &Field, ids: &Ids) -> Value {
    match (field.id, field.message, field.example, field.kind) {
        (Some(prefix), ..) => Value::String(ids.id(prefix)),
        (None, Some(fields), None, _) => Value::Object(required(fields(), ids)),
        (None, _, Some(example), FieldKind::Text | FieldKind::Enum(_) | FieldKind::Bytes | FieldKind::Time) => {
            example.into()
        }
        (None, _, Some(example), _) => serde_json::from_str(example).unwrap_or_else(|_| example.into()),
        (None, None, None, _) => Value::Null,
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// As a part of an address.
fn encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}
