//! The contract to Rust: one file `contract.rs` with a module tree like the packages', which takes in prost's types and
//! adds to each package what this generator knows how to write.

mod fields;
mod json;
mod names;
mod rpcs;
mod validate;

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use crate::model::{Contract, Kind, Package};

/// Writes `contract.rs`.
pub(crate) fn write(contract: &Contract, out: &Path) -> anyhow::Result<()> {
    let packages = contract.packages.iter().map(|package| self::package(contract, package));
    let groups = contract.groups.iter().map(|group| {
        let module = format_ident!("{}", group.name);
        quote!(&#module::v1::rpc::GROUP)
    });
    let routes: BTreeSet<_> = contract
        .groups
        .iter()
        .flat_map(|group| {
            group.rpcs.iter().map(move |rpc| (format!("{}.{}", group.name, rpc.verb), &group.name, &rpc.name))
        })
        .collect();
    let routes = routes.into_iter().map(|(_, group, rpc)| rpcs::row(group, rpc));
    let events: BTreeSet<_> = contract
        .messages()
        .filter_map(|message| Some((message.event.as_ref()?.type_.as_str(), message.full_name())))
        .collect();
    let events = events.into_iter().map(|(_, name)| rpcs::event_row(&name));
    let tokens = quote! {
        #(#packages)*

        /// Every group, by name.
        pub static GROUPS: &[&crate::Group] = &[#(#groups),*];
        /// Every rpc, by `group.verb`.
        pub static ROUTES: &[&crate::Route] = &[#(#routes),*];
        /// Every event, by type.
        pub static EVENTS: &[&crate::EventType] = &[#(#events),*];
        /// The whole contract as a `google.protobuf.FileDescriptorSet`, with its options and comments.
        pub static DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
    };
    let file = syn::parse2(tokens).context("the generator wrote what is not Rust")?;
    std::fs::write(out.join("contract.rs"), prettyplease::unparse(&file)).context("cannot write contract.rs")
}

/// `pub mod product { pub mod v1 { … } }`
fn package(contract: &Contract, package: &Package) -> TokenStream {
    let word = package.name.split('.').nth(1).expect("a package is shop.<word>.v1");
    let module = format_ident!("{word}");
    let types = format!("/{}.rs", package.name);
    let doc = format!(" The package `{}`.", package.name);
    let enums = package.enums.iter().map(json::named);
    let messages = package.messages.iter().map(|message| {
        let fields = fields::table(message);
        let json = json::message(contract, message);
        let validate = validate::message(message);
        let event = rpcs::event(contract, message);
        quote!(#fields #json #validate #event)
    });
    let is_choice = |field: &crate::model::Field| matches!(field.kind, Kind::Enum(_));
    let chooses = package.messages.iter().flat_map(|message| &message.fields).any(is_choice);
    let named = (chooses || !package.enums.is_empty()).then(|| {
        quote!(
            use crate::json::Named;
        )
    });
    let group = contract.groups.iter().find(|group| group.package == package.name);
    let rpc = group.map(|group| rpcs::module(contract, group));
    quote! {
        #[doc = #doc]
        pub mod #module {
            #[doc = #doc]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), #types));

                use crate::check;
                use crate::json::{read, write, FromJson, Json, ToJson};
                #named
                use crate::{Described, Errors, Field, FieldKind, Pointer, Validate};

                #(#enums)*
                #(#messages)*
                #rpc
            }
        }
    }
}
