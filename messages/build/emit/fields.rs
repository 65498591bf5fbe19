//! The table of a message's fields.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::names::{self, maybe};
use crate::model::{Field, Kind, Message, Shape};

/// `impl Described`.
pub(super) fn table(message: &Message) -> TokenStream {
    let (name, full_name) = (format_ident!("{}", message.name), message.full_name());
    let rows = message.fields.iter().map(row);
    quote! {
        impl Described for #name {
            const NAME: &'static str = #full_name;
            const FIELDS: &'static [Field] = &[#(#rows),*];
        }
    }
}

/// A field's row in the table of its message.
pub(super) fn of(index: usize) -> TokenStream {
    quote!(&Self::FIELDS[#index])
}

fn row(field: &Field) -> TokenStream {
    let Field { name, tag, doc, rules, .. } = field;
    let kind = kind(field);
    // Only what is said is written, so that the generated file can be read.
    let mut said = vec![quote!(name: #name), quote!(tag: #tag), quote!(doc: #doc), quote!(kind: FieldKind::#kind)];
    let mut say = |is_said: bool, tokens: TokenStream| {
        if is_said {
            said.push(tokens);
        }
    };
    let oneof = match &field.shape {
        Shape::Oneof(oneof) => Some(oneof),
        _ => None,
    };
    let message = match &field.kind {
        Kind::Message(message) => Some(names::path(message)),
        _ => None,
    };
    say(field.shape == Shape::List, quote!(repeated: true));
    say(field.shape == Shape::Map, quote!(map: true));
    say(matches!(field.shape, Shape::Optional | Shape::Oneof(_)), quote!(optional: true));
    say(oneof.is_some(), quote!(oneof: Some(#oneof)));
    say(message.is_some(), quote!(message: Some(|| <#message as Described>::FIELDS)));
    say(rules.required, quote!(required: true));
    for (name, bound) in [("min", rules.min), ("max", rules.max)] {
        let (name, value) = (format_ident!("{name}"), maybe(bound));
        say(bound.is_some(), quote!(#name: #value));
    }
    for (name, count) in [
        ("min_length", rules.min_length),
        ("max_length", rules.max_length),
        ("min_items", rules.min_items),
        ("max_items", rules.max_items),
    ] {
        let (name, value) = (format_ident!("{name}"), maybe(count));
        say(count.is_some(), quote!(#name: #value));
    }
    for (name, text) in
        [("id", &rules.id), ("unique_by", &rules.unique_by), ("default", &rules.default), ("example", &rules.example)]
    {
        let (name, value) = (format_ident!("{name}"), maybe(text.as_ref()));
        say(text.is_some(), quote!(#name: #value));
    }
    let format = names::camel(&rules.format.to_lowercase());
    say(rules.format != "UNSPECIFIED", quote!(format: Some(crate::Format::#format)));
    let one_of = &rules.one_of;
    say(!one_of.is_empty(), quote!(one_of: &[#(#one_of),*]));
    say(rules.personal, quote!(personal: true));
    say(rules.output_only, quote!(output_only: true));
    quote!(Field { #(#said,)* ..Field::BLANK })
}

fn kind(field: &Field) -> TokenStream {
    match &field.kind {
        Kind::Text if field.rules.format == "JSON" => quote!(Json),
        Kind::Text => quote!(Text),
        Kind::Bool => quote!(Bool),
        Kind::Int32 => quote!(Int32),
        Kind::Int64 => quote!(Int64),
        Kind::Uint32 => quote!(Uint32),
        Kind::Uint64 => quote!(Uint64),
        Kind::Bytes => quote!(Bytes),
        Kind::Time => quote!(Time),
        Kind::Message(_) => quote!(Message),
        Kind::Enum(name) => {
            let name = names::path(name);
            quote!(Enum(<#name as Named>::NAMES))
        }
    }
}
