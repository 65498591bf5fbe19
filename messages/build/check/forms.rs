//! What rpcs must hold that speak no JSON at their doors: bodies as they came, and files.

use anyhow::{Context as _, ensure};

use super::rpcs::plain_text;
use crate::model::{File, Group, Kind, Message, Raw, Rpc, Shape, variable};

/// Nobody signs more headers than this.
const ALLOW_MAX: usize = 32;

/// A request that is taken as it came is filled from the body, the headers and the path alone.
pub(super) fn raw(group: &Group, rpc: &Rpc, raw: &Raw, request: &Message) -> anyhow::Result<()> {
    ensure!(
        rpc.kind == "COMMAND" && rpc.public,
        "what is taken as it came is a public command: who sent it, it proves"
    );
    ensure!(rpc.idempotency == "UNSPECIFIED", "who calls back has no idempotency key");
    ensure!(rpc.settle.is_none(), "who calls back does not wait");
    let below = format!("/webhooks/{}/", group.name);
    for door in &rpc.http {
        ensure!(door.method == "Post" && door.path.starts_with(&below), "{} is not a POST below {below}", door.path);
    }
    let body = request.field(&raw.body).with_context(|| format!("{} has no field `{}`", request.name, raw.body))?;
    let takes_bytes = body.kind == Kind::Bytes && matches!(body.shape, Shape::Implicit | Shape::Optional);
    ensure!(takes_bytes && !body.rules.output_only, "`{}` does not take bytes", raw.body);
    if let Some(name) = &raw.headers {
        let field = request.field(name).with_context(|| format!("{} has no field `{name}`", request.name))?;
        let takes_map = field.kind == Kind::Text && field.shape == Shape::Map && !field.rules.output_only;
        ensure!(takes_map, "`{name}` does not take a map of texts");
    }
    ensure!(raw.headers.is_some() != raw.allow.is_empty(), "it takes headers and names them, or neither");
    ensure!(raw.allow.len() <= ALLOW_MAX, "it takes more than {ALLOW_MAX} headers");
    for header in &raw.allow {
        let is_name = header.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        ensure!(is_name && !header.is_empty(), "`{header}` is not a header's name in lower case");
    }
    let filled = |name: &str| {
        let in_path = |door: &crate::model::Http| door.path.split('/').filter_map(variable).any(|field| field == name);
        name == raw.body || Some(name) == raw.headers.as_deref() || rpc.http.iter().all(in_path)
    };
    let empty = request.fields.iter().find(|field| {
        let rules = &field.rules;
        rules.required && !rules.output_only && !filled(&field.name)
    });
    ensure!(empty.is_none(), "nothing fills `{}`", empty.map_or("", |field| &field.name));
    Ok(())
}

/// A file has bytes, a type and a name.
pub(super) fn file(rpc: &Rpc, file: &File, response: &Message) -> anyhow::Result<()> {
    ensure!(rpc.response_body.is_none(), "a file has no JSON body: it is the whole response");
    ensure!(rpc.settle.is_none(), "a file is there or not: it does not settle");
    let content = response.field(&file.content);
    let content = content.with_context(|| format!("{} has no field `{}`", response.name, file.content))?;
    ensure!(content.kind == Kind::Bytes && content.shape == Shape::Implicit, "`{}` is not plain bytes", file.content);
    plain_text(response, &file.media_type)?;
    plain_text(response, &file.name)?;
    Ok(())
}
