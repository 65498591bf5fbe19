//! The tables: rpcs, groups and events, and a type for each rpc.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::names::{self, maybe};
use crate::check::rpcs::kind_of;
use crate::model::{Contract, File, Group, Http, Message, Rpc, variable};

/// The module `rpc` of a group.
pub(super) fn module(contract: &Contract, group: &Group) -> TokenStream {
    let Group { name, doc, partitions, port, schema, calls, .. } = group;
    let port = u16::try_from(*port).expect("the port was checked");
    let rpcs = group.rpcs.iter().map(|rpc| self::rpc(contract, group, rpc));
    let hears =
        group.hears.iter().map(|(group, events)| quote!(crate::Hears { group: #group, events: &[#(#events),*] }));
    let mut rows: Vec<_> = group.rpcs.iter().collect();
    rows.sort_by_key(|rpc| &rpc.verb);
    let routes = rows.into_iter().map(|rpc| row(name, &rpc.name));
    let mut events: Vec<_> = contract
        .messages()
        .filter(|message| message.package == group.package)
        .filter_map(|message| Some((message.event.as_ref()?.type_.as_str(), message.full_name())))
        .collect();
    events.sort_unstable();
    let events = events.iter().map(|(_, name)| event_row(name));
    let module_doc = format!(" The rpcs of the group `{name}`, each as a type.");
    quote! {
        #[doc = #module_doc]
        pub mod rpc {
            use crate::problem::Kind;
            use crate::route::*;
            use crate::{Group, HasBody, Transcoder};

            /// The row of the group.
            pub static GROUP: Group = Group {
                name: #name,
                doc: #doc,
                partitions: #partitions,
                port: #port,
                schema: #schema,
                hears: &[#(#hears),*],
                calls: &[#(#calls),*],
                routes: &[#(#routes),*],
                events: &[#(#events),*],
            };

            #(#rpcs)*
        }
    }
}

/// An rpc's row, from anywhere.
pub(super) fn row(group: &str, rpc: &str) -> TokenStream {
    let (group, row) = (format_ident!("{group}"), names::screaming(rpc));
    quote!(&crate::#group::v1::rpc::#row)
}

fn rpc(contract: &Contract, group: &Group, rpc: &Rpc) -> TokenStream {
    let (marker, row) = (format_ident!("{}", rpc.name), names::screaming(&rpc.name));
    let (request, response) = (names::path(&rpc.request), names::path(&rpc.response));
    let Rpc { name, doc, verb, public, history, .. } = rpc;
    let (group_name, service, full) = (&group.name, &group.service, format!("{}.{verb}", group.name));
    let kind = names::camel(&rpc.kind.to_lowercase());
    let (key, creates, created) = (maybe(rpc.key.as_ref()), maybe(rpc.creates.as_ref()), maybe(rpc.created.as_ref()));
    let http = rpc.http.iter().map(door);
    let (scope, location) = (maybe(rpc.scope.as_ref()), maybe(rpc.location.as_ref()));
    let rate = or(&rpc.rate, "Normal");
    let idempotency = or(&rpc.idempotency, "None");
    let success = u16::try_from(if rpc.success == 0 { 200 } else { rpc.success }).expect("the status was checked");
    let refusals = rpc.refusals.iter().map(|refusal| {
        let crate::model::Refusal { code, status, detail, facts } = refusal;
        let kind = format_ident!("{}", kind_of(*status).expect("the status was checked"));
        let status = u16::try_from(*status).expect("the status was checked");
        quote!(Refusal { code: #code, status: #status, kind: Kind::#kind, detail: #detail, facts: &[#(#facts),*] })
    });
    let settle = maybe(rpc.settle.as_ref().map(|settle| {
        let crate::model::Settle { until, within_ms, respond_async, problem, accepted } = settle;
        let problem = maybe(problem.as_ref());
        quote!(Settle {
            until: &[#(#until),*],
            within_ms: #within_ms,
            respond_async: #respond_async,
            problem: #problem,
            accepted: &[#(#accepted),*],
        })
    }));
    let cache = maybe(rpc.cache.map(|crate::model::Cache { max_age_s, public, by_role }| {
        quote!(Cache { max_age_s: #max_age_s, public: #public, by_role: #by_role })
    }));
    let life = &rpc.lifecycle;
    let since = &life.since;
    let (deprecated, sunset, successor) =
        (maybe(life.deprecated.as_ref()), maybe(life.sunset.as_ref()), maybe(life.successor.as_ref()));
    let (response_body, reads) = (maybe(rpc.response_body.as_ref()), maybe(rpc.reads.as_ref()));
    let message = contract.message(&rpc.request);
    let tag = |name: &Option<String>| name.as_ref().and_then(|name| Some(message.field(name)?.tag));
    let (get_key, set_key) = match tag(&rpc.key) {
        Some(tag) => (
            quote!(|bytes| crate::wire::get_text(bytes, #tag).as_deref().and_then(crate::token::of)),
            quote!(|bytes, token| crate::wire::set_text(bytes, #tag, &crate::token::key(token))),
        ),
        None => (quote!(|_| None), quote!(|_, _| {})),
    };
    let set_created = match tag(&rpc.created) {
        Some(tag) => quote!(|bytes, id| crate::wire::set_text(bytes, #tag, id)),
        None => quote!(|_, _| {}),
    };
    let raw = maybe(rpc.raw.as_ref().map(|raw| {
        let crate::model::Raw { body, headers, allow } = raw;
        let headers = maybe(headers.as_ref());
        quote!(Raw { body: #body, headers: #headers, allow: &[#(#allow),*] })
    }));
    let file = maybe(rpc.file.as_ref().map(|file| self::file(file, &response)));
    let locate = locate(rpc, &response);
    let (body, transcoder) = body(contract, rpc, &response);
    quote! {
        #[doc = #doc]
        #[derive(Clone, Copy, Debug)]
        pub struct #marker;

        impl Rpc for #marker {
            type Request = #request;
            type Response = #response;
            const ROUTE: &'static Route = &#row;
        }

        #body

        pub(crate) static #row: Route = Route {
            group: #group_name,
            service: #service,
            rpc: #name,
            name: #full,
            verb: #verb,
            doc: #doc,
            kind: RpcKind::#kind,
            key: #key,
            creates: #creates,
            created: #created,
            http: &[#(#http),*],
            scope: #scope,
            public: #public,
            rate: Rate::#rate,
            idempotency: Idempotency::#idempotency,
            success: #success,
            location: #location,
            refusals: &[#(#refusals),*],
            settle: #settle,
            cache: #cache,
            lifecycle: Lifecycle { since: #since, deprecated: #deprecated, sunset: #sunset, successor: #successor },
            response_body: #response_body,
            reads: #reads,
            history: #history,
            raw: #raw,
            file: #file,
            request: &const { Transcoder::of_request::<#request>() },
            response: &const { #transcoder },
            get_key: #get_key,
            set_key: #set_key,
            set_created: #set_created,
            locate: #locate,
        };
    }
}

/// The choice of an option, or what it means when nothing is said.
fn or(choice: &str, otherwise: &str) -> syn::Ident {
    if choice == "UNSPECIFIED" { format_ident!("{otherwise}") } else { names::camel(&choice.to_lowercase()) }
}

fn door(door: &Http) -> TokenStream {
    let (method, path) = (format_ident!("{}", door.method), &door.path);
    let segments = door
        .segments()
        .into_iter()
        .map(|(part, is_field)| if is_field { quote!(Segment::Field(#part)) } else { quote!(Segment::Literal(#part)) });
    quote!(Http { method: Method::#method, path: #path, segments: &[#(#segments),*] })
}

/// `HasBody` for the response, if it has a body of its own, and its transcoder.
fn body(contract: &Contract, rpc: &Rpc, response: &TokenStream) -> (TokenStream, TokenStream) {
    let Some(name) = &rpc.response_body else {
        return (TokenStream::new(), quote!(Transcoder::of::<#response>()));
    };
    let field = contract.message(&rpc.response).field(name).expect("the body was checked");
    let crate::model::Kind::Message(body) = &field.kind else { unreachable!("the body was checked") };
    let (field, body) = (names::field(name), names::path(body));
    let tokens = quote! {
        impl HasBody for #response {
            type Body = #body;

            fn body(&self) -> Option<&#body> {
                self.#field.as_ref()
            }

            fn with_body(body: #body) -> Self {
                Self { #field: Some(body) }
            }
        }
    };
    (tokens, quote!(Transcoder::of_body::<#response>()))
}

/// The location of what was created, from the encoded response.
fn locate(rpc: &Rpc, response: &TokenStream) -> TokenStream {
    let Some(location) = &rpc.location else { return quote!(|_| None) };
    let parts: Vec<_> = location.split('/').map(|part| if variable(part).is_some() { "{}" } else { part }).collect();
    let template = parts.join("/");
    let values = location.split('/').filter_map(variable).map(|name| {
        let name = names::field(name);
        quote!(shown.#name)
    });
    let shown = match &rpc.response_body {
        Some(body) => {
            let body = names::field(body);
            quote!(response.#body?)
        }
        None => quote!(response),
    };
    quote! {
        |bytes| {
            let response = <#response as prost::Message>::decode(bytes).ok()?;
            let shown = #shown;
            Some(format!(#template, #(#values),*))
        }
    }
}

/// How the file is taken out of the encoded response.
fn file(file: &File, response: &TokenStream) -> TokenStream {
    let File { content, media_type, name } = file;
    let [takes_content, takes_media_type, takes_name] = [content, media_type, name].map(|field| names::field(field));
    quote! {
        File {
            content: #content,
            media_type: #media_type,
            name: #name,
            open: |bytes| {
                let response = <#response as prost::Message>::decode(bytes)?;
                Ok(Opened {
                    content: response.#takes_content,
                    media_type: response.#takes_media_type,
                    name: response.#takes_name,
                })
            },
        }
    }
}

/// `impl Event` for a message that is one, and its row.
pub(super) fn event(contract: &Contract, message: &Message) -> Option<TokenStream> {
    let event = message.event.as_ref()?;
    let group = &contract.groups.iter().find(|group| group.package == message.package)?.name;
    let (name, doc, row) = (format_ident!("{}", message.name), &message.doc, names::screaming(&message.name));
    let crate::model::Event { type_, schema, unshown, .. } = event;
    let id = names::field(&event.id);
    Some(quote! {
        impl crate::Event for #name {
            const TYPE: &'static crate::EventType = &#row;
        }

        pub(crate) static #row: crate::EventType = crate::EventType {
            type_: #type_,
            group: #group,
            doc: #doc,
            schema: #schema,
            unshown: #unshown,
            id: |bytes| {
                let event = <#name as prost::Message>::decode(bytes)?;
                Ok(crate::token::of(&event.#id).unwrap_or_default())
            },
            ..crate::EventType::of::<#name>()
        };
    })
}

/// An event's row, from anywhere.
pub(super) fn event_row(full_name: &str) -> TokenStream {
    let (package, name) = full_name.rsplit_once('.').expect("a message has a package");
    let (package, row) = (names::path(package), names::screaming(name));
    quote!(&#package::#row)
}
