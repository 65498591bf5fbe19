//! How a message is written as JSON and read from it.
//!
//! Each field is one line: a function by how many values it has, given one by what a value is.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::names;
use crate::model::{Contract, Enum, Field, Kind, Message, Shape};

/// `impl Named` for an enum.
pub(super) fn named(choices: &Enum) -> TokenStream {
    let name = format_ident!("{}", choices.name);
    let values = choices.values.iter().map(|(name, number)| quote!((#name, #number)));
    quote! {
        impl Named for #name {
            const NAMES: &'static [(&'static str, i32)] = &[#(#values),*];
        }
    }
}

/// `impl ToJson` and `impl FromJson` for a message.
pub(super) fn message(contract: &Contract, message: &Message) -> TokenStream {
    let (to, from) = (to_json(contract, message), from_json(message));
    quote!(#to #from)
}

fn to_json(contract: &Contract, message: &Message) -> TokenStream {
    let name = format_ident!("{}", message.name);
    if message.fields.is_empty() {
        return quote! {
            impl ToJson for #name {
                fn write_json(&self, out: &mut Vec<u8>) {
                    write::Members::open(out).close();
                }
            }
        };
    }
    let all = message.fields.iter().map(|field| write(message, field, false));
    // Without anything personal the trait's own way is right.
    let public = contract.is_personal(message).then(|| {
        let public = message.fields.iter().map(|field| write(message, field, true));
        quote! {
            fn write_public_json(&self, out: &mut Vec<u8>) {
                let mut members = write::Members::open(out);
                #(#public)*
                members.close();
            }
        }
    });
    quote! {
        impl ToJson for #name {
            fn write_json(&self, out: &mut Vec<u8>) {
                let mut members = write::Members::open(out);
                #(#all)*
                members.close();
            }
            #public
        }
    }
}

fn write(message: &Message, field: &Field, public: bool) -> TokenStream {
    let (name, quoted) = (names::field(&field.name), format!("\"{}\":", field.name));
    if public && field.rules.personal {
        return quote!(write::null(members.quoted(#quoted)););
    }
    let writer = writer(field, public);
    match &field.shape {
        // The unspecified zero of an enum has no name: it is absence.
        Shape::Implicit if matches!(field.kind, Kind::Enum(_)) => quote! {
            if self.#name != 0 {
                #writer(members.quoted(#quoted), &self.#name);
            }
        },
        Shape::Implicit => quote!(#writer(members.quoted(#quoted), &self.#name);),
        Shape::Optional => quote! {
            if let Some(value) = &self.#name {
                #writer(members.quoted(#quoted), value);
            }
        },
        Shape::List => quote!(write::list(members.quoted(#quoted), &self.#name, #writer);),
        Shape::Map => quote!(write::map(members.quoted(#quoted), &self.#name, #writer);),
        Shape::Oneof(oneof) => {
            let (slot, path, variant) =
                (names::field(oneof), names::oneof(&message.name, oneof), names::camel(&field.name));
            quote! {
                if let Some(#path::#variant(value)) = &self.#slot {
                    #writer(members.quoted(#quoted), value);
                }
            }
        }
    }
}

fn writer(field: &Field, public: bool) -> TokenStream {
    match &field.kind {
        Kind::Text if field.rules.format == "JSON" => quote!(write::raw),
        Kind::Text => quote!(write::text),
        Kind::Bool => quote!(write::flag),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => quote!(write::number),
        Kind::Bytes => quote!(write::bytes),
        Kind::Time => quote!(write::time),
        Kind::Message(_) if public => quote!(write::public_message),
        Kind::Message(_) => quote!(write::message),
        Kind::Enum(name) => {
            let name = names::path(name);
            quote!(write::choice::<#name>)
        }
    }
}

fn from_json(message: &Message) -> TokenStream {
    let name = format_ident!("{}", message.name);
    if message.fields.is_empty() {
        return quote! {
            impl FromJson for #name {
                fn from_json(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> Self {
                    for (name, _) in read::object(json, at, errors).into_iter().flatten() {
                        read::unknown_field(&at.key(name), errors);
                    }
                    Self::default()
                }
            }
        };
    }
    let arms = message.fields.iter().map(|field| {
        let (name, read) = (&field.name, read(message, field));
        let read_only =
            field.rules.output_only.then(|| quote!(#name if errors.from_client() => read::read_only(&at, errors),));
        quote!(#read_only #name => #read,)
    });
    quote! {
        impl FromJson for #name {
            fn from_json(json: &Json, at: &Pointer<'_>, errors: &mut Errors) -> Self {
                let mut message = Self::default();
                let Some(object) = read::object(json, at, errors) else { return message };
                for (name, value) in object {
                    let at = at.key(name);
                    match name.as_str() {
                        #(#arms)*
                        _ => read::unknown_field(&at, errors),
                    }
                }
                message
            }
        }
    }
}

fn read(message: &Message, field: &Field) -> TokenStream {
    let (name, reader) = (names::field(&field.name), reader(field));
    match &field.shape {
        Shape::Implicit => quote!(message.#name = #reader(value, &at, errors)),
        Shape::Optional => quote!(message.#name = Some(#reader(value, &at, errors))),
        Shape::List => quote!(message.#name = read::list(value, &at, errors, #reader)),
        Shape::Map => quote!(message.#name = read::map(value, &at, errors, #reader)),
        Shape::Oneof(oneof) => {
            let (slot, path, variant) =
                (names::field(oneof), names::oneof(&message.name, oneof), names::camel(&field.name));
            quote! {{
                let value = #path::#variant(#reader(value, &at, errors));
                read::alternative(&mut message.#slot, value, &at, errors);
            }}
        }
    }
}

fn reader(field: &Field) -> TokenStream {
    match &field.kind {
        Kind::Text if field.rules.format == "JSON" => quote!(read::raw),
        Kind::Text => quote!(read::text),
        Kind::Bool => quote!(read::flag),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => quote!(read::number),
        Kind::Bytes => quote!(read::bytes),
        Kind::Time => quote!(read::time),
        Kind::Message(_) => quote!(read::message),
        Kind::Enum(name) => {
            let name = names::path(name);
            quote!(read::choice::<#name>)
        }
    }
}
