//! The contract as the generator sees it: packages of messages and enums, groups of rpcs and events.

mod read;

pub(crate) use read::read;

pub(crate) struct Contract {
    pub(crate) packages: Vec<Package>,
    pub(crate) groups: Vec<Group>,
}

impl Contract {
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.packages.iter().flat_map(|package| &package.messages)
    }

    pub(crate) fn message(&self, full_name: &str) -> &Message {
        let message = self.messages().find(|message| message.full_name() == full_name);
        message.unwrap_or_else(|| panic!("there is no message {full_name}"))
    }

    /// Whether a message, or one in it, has something personal.
    pub(crate) fn is_personal(&self, message: &Message) -> bool {
        message.fields.iter().any(|field| {
            field.rules.personal || matches!(&field.kind, Kind::Message(name) if self.is_personal(self.message(name)))
        })
    }
}

/// A package: `shop.product.v1`, in Rust `crate::product::v1`.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) messages: Vec<Message>,
    pub(crate) enums: Vec<Enum>,
}

pub(crate) struct Message {
    pub(crate) package: String,
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) event: Option<Event>,
}

impl Message {
    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.package, self.name)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

pub(crate) struct Event {
    pub(crate) type_: String,
    pub(crate) id: String,
    pub(crate) schema: u32,
    pub(crate) unshown: bool,
}

#[derive(Clone, Copy)]
pub(crate) struct Cache {
    pub(crate) max_age_s: u32,
    pub(crate) public: bool,
    pub(crate) by_role: bool,
}

pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) tag: u32,
    pub(crate) doc: String,
    pub(crate) shape: Shape,
    pub(crate) kind: Kind,
    pub(crate) rules: Rules,
}

/// How many values a field has.
#[derive(Clone, PartialEq)]
pub(crate) enum Shape {
    /// One; empty, zero or unspecified when absent.
    Implicit,
    /// One or none.
    Optional,
    /// A list.
    List,
    /// Texts and values.
    Map,
    /// One of the alternatives of this name.
    Oneof(String),
}

/// What a value is.
#[derive(Clone, PartialEq)]
pub(crate) enum Kind {
    Text,
    Bool,
    Int32,
    Int64,
    Uint32,
    Uint64,
    Bytes,
    Time,
    /// By full name.
    Enum(String),
    /// By full name.
    Message(String),
}

impl Kind {
    pub(crate) fn is_number(&self) -> bool {
        matches!(self, Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64)
    }
}

pub(crate) struct Rules {
    pub(crate) required: bool,
    pub(crate) min: Option<i64>,
    pub(crate) max: Option<i64>,
    pub(crate) min_length: Option<u32>,
    pub(crate) max_length: Option<u32>,
    pub(crate) min_items: Option<u32>,
    pub(crate) max_items: Option<u32>,
    pub(crate) id: Option<String>,
    pub(crate) format: String,
    pub(crate) one_of: Vec<String>,
    pub(crate) unique_by: Option<String>,
    pub(crate) personal: bool,
    pub(crate) output_only: bool,
    pub(crate) default: Option<String>,
    pub(crate) example: Option<String>,
}

pub(crate) struct Enum {
    pub(crate) package: String,
    pub(crate) name: String,
    /// The names in JSON and their numbers, without the unspecified zero.
    pub(crate) values: Vec<(String, i32)>,
}

pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) package: String,
    pub(crate) service: String,
    pub(crate) partitions: u32,
    pub(crate) port: u32,
    pub(crate) schema: u32,
    pub(crate) hears: Vec<(String, Vec<String>)>,
    pub(crate) calls: Vec<String>,
    pub(crate) rpcs: Vec<Rpc>,
}

pub(crate) struct Rpc {
    pub(crate) name: String,
    pub(crate) doc: String,
    /// By full name.
    pub(crate) request: String,
    /// By full name.
    pub(crate) response: String,
    /// `COMMAND`, `READ` or `QUERY`.
    pub(crate) kind: String,
    pub(crate) verb: String,
    pub(crate) key: Option<String>,
    pub(crate) creates: Option<String>,
    pub(crate) created: Option<String>,
    pub(crate) http: Vec<Http>,
    pub(crate) scope: Option<String>,
    pub(crate) public: bool,
    pub(crate) rate: String,
    pub(crate) idempotency: String,
    pub(crate) success: u32,
    pub(crate) location: Option<String>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) settle: Option<Settle>,
    pub(crate) cache: Option<Cache>,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) response_body: Option<String>,
    pub(crate) reads: Option<String>,
    pub(crate) history: bool,
    pub(crate) raw: Option<Raw>,
    pub(crate) file: Option<File>,
}

/// A request that is taken as it came.
pub(crate) struct Raw {
    pub(crate) body: String,
    pub(crate) headers: Option<String>,
    pub(crate) allow: Vec<String>,
}

/// A response that is a file. Each names a field.
pub(crate) struct File {
    pub(crate) content: String,
    pub(crate) media_type: String,
    pub(crate) name: String,
}

pub(crate) struct Http {
    /// `Get`, `Post`, `Put` or `Delete`.
    pub(crate) method: &'static str,
    pub(crate) path: String,
}

impl Http {
    /// The parts of the path: a text, and whether it names a field.
    pub(crate) fn segments(&self) -> Vec<(&str, bool)> {
        let parts = self.path.split('/').filter(|part| !part.is_empty());
        parts.map(|part| variable(part).map_or((part, false), |name| (name, true))).collect()
    }
}

/// The name in a part of a path that is a name in braces.
pub(crate) fn variable(part: &str) -> Option<&str> {
    part.strip_prefix('{').and_then(|part| part.strip_suffix('}'))
}

pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) status: u32,
    pub(crate) detail: String,
    pub(crate) facts: Vec<String>,
}

pub(crate) struct Settle {
    pub(crate) until: Vec<String>,
    pub(crate) within_ms: u32,
    pub(crate) respond_async: bool,
    pub(crate) problem: Option<String>,
    pub(crate) accepted: Vec<String>,
}

pub(crate) struct Lifecycle {
    pub(crate) since: String,
    pub(crate) deprecated: Option<String>,
    pub(crate) sunset: Option<String>,
    pub(crate) successor: Option<String>,
}
