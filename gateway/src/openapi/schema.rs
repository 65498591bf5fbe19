//! Schemas: the messages of the contract as JSON Schema.
//!
//! A message has two faces. As an answer it has every field, and clients must bear fields that are added later. As a
//! request (`…Input`) it has only what a client may set, and nothing else is accepted.

use std::collections::{BTreeMap, BTreeSet};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use super::contract::{Contract, Options};
use super::problem::Common;

/// Whole numbers beyond these are not the same in every language (RFC 8259 §6).
const SAFE_MAX: i64 = messages::json::SAFE_MAX;

/// The longest text where the contract knows no bound: a body may be no longer, unless the shop's configuration says so.
pub(super) const BODY_MAX: i64 = 1 << 20;
/// The longest time in RFC 3339 that anybody needs: with nanoseconds and an offset it has 35 characters.
pub(super) const TIME_MAX: i64 = 64;

/// Which side a message is seen from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Request,
    Answer,
}

/// Schemas by name, made as they are referred to.
pub(super) struct Schemas<'a> {
    contract: &'a Contract,
    made: BTreeMap<String, Value>,
    /// Names that several packages have given: there the package is told too.
    shared: BTreeSet<String>,
    common: Common,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(contract: &'a Contract) -> Schemas<'a> {
        let (mut once, mut shared) = (BTreeSet::new(), BTreeSet::new());
        let messages = contract.pool().all_messages().map(|message| message.name().to_owned());
        for name in messages.chain(contract.pool().all_enums().map(|choices| choices.name().to_owned())) {
            if !once.insert(name.clone()) {
                shared.insert(name);
            }
        }
        Schemas { contract, made: BTreeMap::new(), shared, common: Common::new() }
    }

    /// The schemas, and the answers that many operations have in common.
    pub(super) fn into_components(self) -> [Value; 2] {
        [self.made, self.common].map(|named| named.into_iter().collect::<Map<_, _>>().into())
    }

    pub(super) fn common(&mut self) -> &mut Common {
        &mut self.common
    }

    pub(super) fn add(&mut self, name: &str, schema: Value) {
        self.made.insert(name.to_owned(), schema);
    }

    /// What something of the contract is called here: its name, after its package's where another package has it too.
    fn named(&self, name: &str, package: &str) -> String {
        let word = package.split('.').nth(1).filter(|_| self.shared.contains(name)).unwrap_or_default();
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).chain(name.chars()).collect()
    }

    /// A reference to a message.
    pub(super) fn message(&mut self, message: &MessageDescriptor, face: Face) -> Value {
        let input = face == Face::Request && !message.name().ends_with("Request");
        let name = match message.full_name() {
            // The problem that an answer holds is not the answer that is a problem.
            "shop.common.v1.Problem" => "HeldProblem".to_owned(),
            _ if input => format!("{}Input", self.named(message.name(), message.package_name())),
            _ => self.named(message.name(), message.package_name()),
        };
        if !self.made.contains_key(&name) {
            // Its place is taken first: a message may hold itself.
            self.made.insert(name.clone(), Value::Null);
            let schema = self.object(message, face, &[]);
            self.made.insert(name.clone(), schema);
        }
        reference(&name)
    }

    /// The object that a message is in JSON, without some of its fields.
    pub(super) fn object(&mut self, message: &MessageDescriptor, face: Face, without: &[&str]) -> Value {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields().filter(|field| !without.contains(&field.name())) {
            let options = self.contract.options(&field);
            let output_only = options.flag("output_only");
            if output_only && face == Face::Request {
                continue;
            }
            if is_always_there(&field, &options, face) {
                required.push(field.name().to_owned());
            }
            let mut schema = self.field(&field, &options, face);
            if output_only && let Value::Object(schema) = &mut schema {
                schema.insert("readOnly".into(), true.into());
            }
            properties.insert(field.name().to_owned(), schema);
        }
        let comment = self.contract.comment(&message.parent_file(), message.path());
        let mut schema = json!({"type": "object", "description": comment, "properties": properties});
        if !required.is_empty() {
            schema["required"] = required.into();
        }
        if face == Face::Request {
            schema["additionalProperties"] = false.into();
        }
        schema
    }

    /// The schema of a field's value.
    pub(super) fn field(&mut self, field: &FieldDescriptor, options: &Options, face: Face) -> Value {
        let mut schema = if field.is_map() {
            let Kind::Message(entry) = field.kind() else { return json!({}) };
            let value = entry.map_entry_value_field();
            let mut values = self.value(&value, face);
            bound_text(&mut values, options, face, false);
            json!({"type": "object", "additionalProperties": values})
        } else if field.is_list() {
            let mut items = self.value(field, face);
            bound_value(&mut items, options, face, false);
            json!({"type": "array", "items": items})
        } else {
            let mut value = self.value(field, face);
            // What was never said is an empty text in an answer, whatever it would look like if it were there.
            let may_be_empty = face == Face::Answer && !options.flag("required") && !field.supports_presence();
            bound_value(&mut value, options, face, may_be_empty);
            value
        };
        let (fewest, most) = if field.is_map() { ("minProperties", "maxProperties") } else { ("minItems", "maxItems") };
        put(&mut schema, fewest, options.number("min_items").map(Value::from));
        put(&mut schema, most, options.number("max_items").map(Value::from));
        let comment = self.contract.comment(&field.parent_file(), field.path());
        put(&mut schema, "description", (!comment.is_empty()).then(|| comment.into()));
        put(&mut schema, "default", options.text("default").map(|text| written(&text)));
        let example = options.text("example").map(|text| example(field, &text));
        put(&mut schema, "examples", example.map(|example| json!([example])));
        schema
    }

    /// The schema of a single value of a field, by its type alone.
    fn value(&mut self, field: &FieldDescriptor, face: Face) -> Value {
        match field.kind() {
            Kind::Bool => json!({"type": "boolean"}),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({"type": "integer", "format": "int32"}),
            Kind::Uint32 | Kind::Fixed32 => {
                json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": u32::MAX})
            }
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({"type": "integer", "format": "int64", "minimum": -SAFE_MAX, "maximum": SAFE_MAX})
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": SAFE_MAX})
            }
            Kind::Float | Kind::Double => json!({"type": "number"}),
            Kind::String => json!({"type": "string"}),
            Kind::Bytes => json!({"type": "string", "contentEncoding": "base64"}),
            Kind::Enum(choices) => self.choices(&choices),
            Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
                json!({"type": "string", "format": "date-time"})
            }
            Kind::Message(message) => self.message(&message, face),
        }
    }

    /// A reference to an enum.
    fn choices(&mut self, choices: &EnumDescriptor) -> Value {
        let prefix = format!("{}_", shouting(choices.name()));
        let values: Vec<(String, &str)> = choices
            .values()
            .filter(|value| value.number() != 0)
            .map(|value| {
                let name = value.name().strip_prefix(&prefix).unwrap_or(value.name()).to_ascii_lowercase();
                (name, self.contract.comment(&choices.parent_file(), value.path()))
            })
            .collect();
        let told: Vec<String> = values.iter().map(|(name, comment)| format!("`{name}`: {comment}")).collect();
        let about = self.contract.comment(&choices.parent_file(), choices.path());
        let names: Vec<&String> = values.iter().map(|(name, _)| name).collect();
        let description = format!("{about} {}", told.join(" "));
        let name = self.named(choices.name(), choices.package_name());
        let schema = json!({"type": "string", "enum": names, "description": description});
        self.made.insert(name.clone(), schema);
        reference(&name)
    }
}

/// Whether a field must be in a request, or is in every answer: there only what may be absent is left out.
fn is_always_there(field: &FieldDescriptor, options: &Options, face: Face) -> bool {
    let implicit = !field.supports_presence() && !matches!(field.kind(), Kind::Enum(_));
    options.flag("required") || face == Face::Answer && (implicit || field.is_list())
}

pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn put(schema: &mut Value, name: &str, value: Option<Value>) {
    if let (Value::Object(schema), Some(value)) = (schema, value) {
        schema.insert(name.to_owned(), value);
    }
}

/// Narrows the schema of a single value to what the contract allows.
fn bound_value(schema: &mut Value, options: &Options, face: Face, may_be_empty: bool) {
    // The bounds of money are those of its amount, which stand in the description alone.
    if schema["type"] == "integer" {
        put(schema, "minimum", options.number("min").map(Value::from));
        put(schema, "maximum", options.number("max").map(Value::from));
    }
    bound_text(schema, options, face, may_be_empty);
    let mut allowed = options.texts("one_of");
    if !allowed.is_empty() {
        if may_be_empty {
            allowed.push(String::new());
        }
        put(schema, "enum", Some(allowed.into()));
    }
}

fn bound_text(schema: &mut Value, options: &Options, face: Face, may_be_empty: bool) {
    if schema["type"] != "string" {
        return;
    }
    // A text that is required is not empty.
    let shortest = options.number("min_length").or_else(|| options.flag("required").then_some(1));
    put(schema, "minLength", shortest.filter(|_| !may_be_empty).map(Value::from));
    let longest =
        options.number("max_length").or_else(|| match (options.text("id"), options.choice("format").as_deref()) {
            (Some(prefix), _) => i64::try_from(prefix.len() + "_".len() + 26).ok(),
            (None, Some("FORMAT_SKU")) => Some(64),
            (None, Some("FORMAT_CURRENCY")) => Some(3),
            (None, Some("FORMAT_COUNTRY")) => Some(2),
            _ if schema["format"] == "date-time" => Some(TIME_MAX),
            _ => Some(BODY_MAX),
        });
    // What an answer says is as long as it is.
    let longest = longest.filter(|_| face == Face::Request || options.number("max_length").is_some());
    put(schema, "maxLength", longest.map(Value::from));
    // 26 characters of Crockford's base32; the first holds the three highest bits of 128.
    let id = options.text("id").map(|prefix| format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"));
    let pattern = match options.choice("format").as_deref() {
        Some("FORMAT_SKU") => Some("^[A-Za-z0-9._-]{1,64}$"),
        Some("FORMAT_SLUG") => Some("^([a-z0-9]+(-[a-z0-9]+)*)?$"),
        Some("FORMAT_CURRENCY") => Some("^[A-Z]{3}$"),
        Some("FORMAT_COUNTRY") => Some("^([A-Z]{2})?$"),
        Some("FORMAT_URL") => return put(schema, "format", (!may_be_empty).then(|| "uri".into())),
        // Text that is JSON is shown as what it says.
        Some("FORMAT_JSON") => return *schema = json!({}),
        _ => None,
    };
    let pattern = id.or(pattern.map(str::to_owned));
    let pattern = pattern.map(|pattern| if may_be_empty { format!("^$|{pattern}") } else { pattern });
    put(schema, "pattern", pattern.map(Value::from));
}

/// A value the contract writes as JSON, or as the plain text it is.
fn written(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn example(field: &FieldDescriptor, text: &str) -> Value {
    let value = match (field.kind(), written(text)) {
        (Kind::String, _) if !field.is_map() && !field.is_list() => text.into(),
        // A postal code is a text, though it may look like a number.
        (Kind::String, Value::Number(_) | Value::Bool(_)) if field.is_list() => text.into(),
        (_, value) => value,
    };
    if field.is_list() && !value.is_array() { json!([value]) } else { value }
}

/// `ProductStatus` as protobuf's style guide writes it before an enum's values: `PRODUCT_STATUS`.
fn shouting(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.push(c.to_ascii_uppercase());
    }
    out
}
