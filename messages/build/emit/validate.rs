//! How a message is checked against its rules. Each field is a line or two, like in [`super::json`].

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::{fields, names};
use crate::model::{Field, Kind, Message, Shape};

/// `impl Validate`.
pub(super) fn message(message: &Message) -> TokenStream {
    let name = format_ident!("{}", message.name);
    let checks = message.fields.iter().enumerate().map(|(index, field)| self::field(message, index, field));
    quote! {
        impl Validate for #name {
            fn validate(&self, at: &Pointer<'_>, errors: &mut Errors) {
                // A message without fields has nothing to check.
                let _ = (at, &errors);
                #(#checks)*
            }
        }
    }
}

fn field(message: &Message, index: usize, field: &Field) -> TokenStream {
    let (name, row, check) = (names::field(&field.name), fields::of(index), check(field));
    let values = match &field.shape {
        Shape::Implicit => {
            let absent = match field.kind {
                Kind::Text | Kind::Bytes => quote!(self.#name.is_empty()),
                Kind::Enum(_) => quote!(self.#name == 0),
                _ => quote!(false),
            };
            quote!(check::implicit(&self.#name, #absent, #row, at, errors, #check);)
        }
        Shape::Optional => quote!(check::optional(self.#name.as_ref(), #row, at, errors, #check);),
        Shape::List => quote!(check::list(&self.#name, #row, at, errors, #check);),
        Shape::Map => quote!(check::map(&self.#name, #row, at, errors, #check);),
        Shape::Oneof(oneof) => {
            let (slot, path, variant) =
                (names::field(oneof), names::oneof(&message.name, oneof), names::camel(&field.name));
            quote! {
                if let Some(#path::#variant(value)) = &self.#slot {
                    check::optional(Some(value), #row, at, errors, #check);
                }
            }
        }
    };
    let unique = field.rules.unique_by.as_ref().map(|by| {
        let key = match by.as_str() {
            "." => quote!(|item| item.as_str()),
            by => {
                let by = names::field(by);
                quote!(|item| item.#by.as_str())
            }
        };
        quote!(check::unique(&self.#name, #row, at, errors, #key);)
    });
    let bounded = field.rules.min.is_some() || field.rules.max.is_some();
    let amount = (bounded && !field.kind.is_number())
        .then(|| quote!(check::amount(self.#name.as_ref().and_then(|money| money.amount), #row, at, errors);));
    quote!(#values #unique #amount)
}

fn check(field: &Field) -> TokenStream {
    match &field.kind {
        Kind::Text => quote!(check::text),
        Kind::Bool => quote!(check::flag),
        Kind::Int32 | Kind::Int64 | Kind::Uint32 | Kind::Uint64 => quote!(check::number),
        Kind::Bytes => quote!(check::bytes),
        Kind::Time => quote!(check::time),
        Kind::Message(_) => quote!(check::message),
        Kind::Enum(name) => {
            let name = names::path(name);
            quote!(check::choice::<#name>)
        }
    }
}
