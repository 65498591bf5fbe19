//! Descriptors to the model.

use anyhow::{Context as _, bail, ensure};
use prost_reflect::{self as reflect, EnumDescriptor, FieldDescriptor, MessageDescriptor, MethodDescriptor};

use super::{
    Cache, Contract, Enum, Event, Field, File, Group, Http, Kind, Lifecycle, Message, Package, Raw, Refusal, Rpc,
    Rules, Settle, Shape,
};
use crate::compile::{Compiled, OPTIONS};
use crate::options::Options;

const TIMESTAMP: &str = "google.protobuf.Timestamp";

/// Reads the contract out of its descriptors.
pub(crate) fn read(compiled: &Compiled) -> anyhow::Result<Contract> {
    let mut packages: Vec<Package> = Vec::new();
    for message in compiled.pool.all_messages().filter(|message| is_ours(message.package_name())) {
        if message.is_map_entry() {
            continue;
        }
        ensure!(message.parent_message().is_none(), "{} is nested; give it a place of its own", message.full_name());
        let read = self::message(compiled, &message).with_context(|| format!("in {}", message.full_name()))?;
        package(&mut packages, message.package_name()).messages.push(read);
    }
    for choices in compiled.pool.all_enums().filter(|choices| is_ours(choices.package_name())) {
        let read = enumeration(&choices).with_context(|| format!("in {}", choices.full_name()))?;
        package(&mut packages, choices.package_name()).enums.push(read);
    }
    packages.sort_by(|left, right| left.name.cmp(&right.name));

    let mut groups = Vec::new();
    for service in compiled.pool.services() {
        groups.push(group(compiled, &service).with_context(|| format!("in {}", service.full_name()))?);
    }
    groups.sort_by(|left, right| left.name.cmp(&right.name));
    Ok(Contract { packages, groups })
}

fn is_ours(package: &str) -> bool {
    package.starts_with("shop.") && package != OPTIONS
}

fn package<'p>(packages: &'p mut Vec<Package>, name: &str) -> &'p mut Package {
    let place = packages.iter().position(|package| package.name == name).unwrap_or_else(|| {
        packages.push(Package { name: name.to_owned(), messages: Vec::new(), enums: Vec::new() });
        packages.len() - 1
    });
    &mut packages[place]
}

fn message(compiled: &Compiled, message: &MessageDescriptor) -> anyhow::Result<Message> {
    let event = Options::of(&compiled.pool, &message.options(), "event");
    let mut fields = Vec::new();
    for field in message.fields() {
        fields.push(self::field(compiled, &field).with_context(|| format!("in the field {}", field.name()))?);
    }
    Ok(Message {
        package: message.package_name().to_owned(),
        name: message.name().to_owned(),
        doc: compiled.comment(message.parent_file().name(), message.path()),
        fields,
        event: event.word("type").map(|type_| Event {
            type_,
            id: event.text("id"),
            schema: event.number("schema"),
            unshown: event.flag("unshown"),
        }),
    })
}

fn field(compiled: &Compiled, field: &FieldDescriptor) -> anyhow::Result<Field> {
    let entry = match field.kind() {
        reflect::Kind::Message(entry) if field.is_map() => Some(entry),
        _ => None,
    };
    let (value, shape) = match (&entry, field.containing_oneof()) {
        (Some(entry), _) => {
            let key = entry.map_entry_key_field().kind();
            ensure!(key == reflect::Kind::String, "a map is from texts: JSON knows no other names");
            (entry.map_entry_value_field().kind(), Shape::Map)
        }
        (None, _) if field.is_list() => (field.kind(), Shape::List),
        (None, Some(oneof)) if !field.field_descriptor_proto().proto3_optional() => {
            (field.kind(), Shape::Oneof(oneof.name().to_owned()))
        }
        (None, _) if field.supports_presence() => (field.kind(), Shape::Optional),
        (None, _) => (field.kind(), Shape::Implicit),
    };
    Ok(Field {
        name: field.name().to_owned(),
        tag: field.number(),
        doc: compiled.comment(field.parent_message().parent_file().name(), field.path()),
        shape,
        kind: kind(&value)?,
        rules: rules(&Options::of(&compiled.pool, &field.options(), "field")),
    })
}

fn kind(kind: &reflect::Kind) -> anyhow::Result<Kind> {
    Ok(match kind {
        reflect::Kind::String => Kind::Text,
        reflect::Kind::Bool => Kind::Bool,
        reflect::Kind::Int32 => Kind::Int32,
        reflect::Kind::Int64 => Kind::Int64,
        reflect::Kind::Uint32 => Kind::Uint32,
        reflect::Kind::Uint64 => Kind::Uint64,
        reflect::Kind::Bytes => Kind::Bytes,
        reflect::Kind::Enum(choices) => Kind::Enum(choices.full_name().to_owned()),
        reflect::Kind::Message(message) if message.full_name() == TIMESTAMP => Kind::Time,
        reflect::Kind::Message(message) if is_ours(message.package_name()) => {
            Kind::Message(message.full_name().to_owned())
        }
        other => bail!("the contract has no {other:?}: whole numbers, texts and messages of ours are enough"),
    })
}

fn rules(field: &Options) -> Rules {
    Rules {
        required: field.flag("required"),
        min: field.bound("min"),
        max: field.bound("max"),
        min_length: field.count("min_length"),
        max_length: field.count("max_length"),
        min_items: field.count("min_items"),
        max_items: field.count("max_items"),
        id: field.word("id"),
        format: field.choice("format", "FORMAT_"),
        one_of: field.texts("one_of"),
        unique_by: field.word("unique_by"),
        personal: field.flag("personal"),
        output_only: field.flag("output_only"),
        default: field.word("default"),
        example: field.word("example"),
    }
}

fn enumeration(choices: &EnumDescriptor) -> anyhow::Result<Enum> {
    ensure!(choices.parent_message().is_none(), "it is nested; give it a place of its own");
    let prefix = screaming(choices.name());
    let mut values = Vec::new();
    for value in choices.values().filter(|value| value.number() != 0) {
        let name = value.name().strip_prefix(&prefix).with_context(|| format!("{} has no prefix", value.name()))?;
        values.push((name.to_lowercase(), value.number()));
    }
    Ok(Enum { package: choices.package_name().to_owned(), name: choices.name().to_owned(), values })
}

/// `RESERVATION_STATUS_` of `ReservationStatus`.
fn screaming(name: &str) -> String {
    let mut prefix = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !prefix.is_empty() {
            prefix.push('_');
        }
        prefix.push(c.to_ascii_uppercase());
    }
    prefix + "_"
}

fn group(compiled: &Compiled, service: &reflect::ServiceDescriptor) -> anyhow::Result<Group> {
    let group = Options::of(&compiled.pool, &service.options(), "group");
    let mut rpcs = Vec::new();
    for method in service.methods() {
        rpcs.push(rpc(compiled, &method).with_context(|| format!("in the rpc {}", method.name()))?);
    }
    Ok(Group {
        name: group.word("name").context("it says no group")?,
        doc: compiled.comment(service.parent_file().name(), service.path()),
        package: service.package_name().to_owned(),
        service: service.full_name().to_owned(),
        partitions: group.number("partitions"),
        port: group.number("port"),
        schema: group.number("schema"),
        hears: group.list("hears").iter().map(|heard| (heard.text("group"), heard.texts("events"))).collect(),
        calls: group.texts("calls"),
        rpcs,
    })
}

fn rpc(compiled: &Compiled, method: &MethodDescriptor) -> anyhow::Result<Rpc> {
    let rpc = Options::of(&compiled.pool, &method.options(), "rpc");
    let mut http = Vec::new();
    for door in rpc.list("http") {
        let methods = [("get", "Get"), ("post", "Post"), ("put", "Put"), ("delete", "Delete")];
        let said = methods.into_iter().find_map(|(name, method)| Some((method, door.word(name)?)));
        let (method, path) = said.context("a door without a path")?;
        http.push(Http { method, path });
    }
    let refusals = rpc.list("refusals");
    let lifecycle = rpc.message("lifecycle").context("it says no lifecycle")?;
    Ok(Rpc {
        name: method.name().to_owned(),
        doc: compiled.comment(method.parent_service().parent_file().name(), method.path()),
        request: method.input().full_name().to_owned(),
        response: method.output().full_name().to_owned(),
        kind: rpc.choice("kind", "RPC_KIND_"),
        verb: rpc.text("verb"),
        key: rpc.word("key"),
        creates: rpc.word("creates"),
        // What a command creates is the actor it addresses, unless the contract names another field.
        created: rpc.word("creates").and(rpc.word("created").or(rpc.word("key"))),
        http,
        scope: rpc.word("scope"),
        public: rpc.flag("public"),
        rate: rpc.choice("rate", "RATE_"),
        idempotency: rpc.choice("idempotency", "IDEMPOTENCY_"),
        success: rpc.number("success"),
        location: rpc.word("location"),
        refusals: refusals
            .iter()
            .map(|refusal| Refusal {
                code: refusal.text("code"),
                status: refusal.number("status"),
                detail: refusal.text("detail"),
                facts: refusal.texts("facts"),
            })
            .collect(),
        settle: rpc.message("settle").map(|settle| Settle {
            until: settle.texts("until"),
            within_ms: settle.number("within_ms"),
            respond_async: settle.flag("async"),
            problem: settle.word("problem"),
            accepted: settle.texts("accepted"),
        }),
        cache: rpc.message("cache").map(|cache| Cache {
            max_age_s: cache.number("max_age_s"),
            public: cache.flag("public"),
            by_role: cache.flag("by_role"),
        }),
        lifecycle: Lifecycle {
            since: lifecycle.text("since"),
            deprecated: lifecycle.word("deprecated"),
            sunset: lifecycle.word("sunset"),
            successor: lifecycle.word("successor"),
        },
        response_body: rpc.word("response_body"),
        reads: rpc.word("reads"),
        history: rpc.flag("history"),
        raw: rpc.message("raw").map(|raw| Raw {
            body: raw.text("body"),
            headers: raw.word("headers"),
            allow: raw.texts("allow"),
        }),
        file: rpc.message("file").map(|file| File {
            content: file.text("content"),
            media_type: file.text("media_type"),
            name: file.text("name"),
        }),
    })
}
