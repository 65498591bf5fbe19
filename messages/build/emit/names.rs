//! Names in Rust, as prost makes them.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Ident;

/// A field: its own name, raw where Rust has another use for it.
pub(crate) fn field(name: &str) -> Ident {
    syn::parse_str::<Ident>(name).unwrap_or_else(|_| Ident::new_raw(name, proc_macro2::Span::call_site()))
}

/// `ReservationId` of `reservation_id`.
pub(crate) fn camel(name: &str) -> Ident {
    let words = name.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_uppercase() + rest
    });
    format_ident!("{}", words.collect::<String>())
}

/// `get_history_request` of `GetHistoryRequest`.
pub(crate) fn snake(name: &str) -> Ident {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    field(&snake)
}

/// `CREATE_PRODUCT` of `CreateProduct`.
pub(crate) fn screaming(name: &str) -> Ident {
    format_ident!("{}", snake(name).to_string().trim_start_matches("r#").to_uppercase())
}

/// `crate::product::v1::Product` of `shop.product.v1.Product`.
pub(crate) fn path(full_name: &str) -> TokenStream {
    let mut parts = full_name.split('.').skip(1).map(|part| format_ident!("{part}"));
    let first = parts.next();
    quote!(crate::#first #(::#parts)*)
}

/// The enum of alternatives: `get_history_request::Of`.
pub(crate) fn oneof(message: &str, oneof: &str) -> TokenStream {
    let (module, name) = (snake(message), camel(oneof));
    quote!(#module::#name)
}

/// An option's tokens.
pub(crate) fn maybe<T: quote::ToTokens>(value: Option<T>) -> TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}
