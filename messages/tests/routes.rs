//! The tables: what the gateway and the runtime rely on without asking.

use std::collections::BTreeSet;

use messages::inventory::v1::{Reservation, ReserveRequest, ReserveResponse, rpc};
use messages::json::Json;
use messages::problem::Kind;
use messages::{
    EVENTS, EventType, Field, GROUPS, Group, Idempotency, Method, ROUTES, Route, Rpc, RpcKind, Segment, sample,
};
use proptest::prelude::*;
use prost::Message as _;

#[test]
fn everything_is_found_by_its_name() {
    for group in GROUPS {
        assert_eq!(Group::named(group.name).map(|found| found.name), Some(group.name));
        for route in group.routes {
            assert_eq!(group.route(route.verb).map(|found| found.rpc), Some(route.rpc));
        }
    }
    for route in ROUTES {
        assert_eq!(route.name, format!("{}.{}", route.group, route.verb));
        assert_eq!(Route::named(route.name).map(|found| found.rpc), Some(route.rpc));
        assert_eq!(Some(route.partitions()), Group::named(route.group).map(|group| group.partitions));
        assert!(
            route
                .reads
                .is_none_or(|reads| ROUTES.iter().any(|read| read.service == route.service && read.rpc == reads))
        );
    }
    for event in EVENTS {
        assert_eq!(EventType::named(event.type_).map(|found| found.message), Some(event.message));
    }
    assert!(Group::named("nobody").is_none() && Route::named("product.nothing").is_none());
    assert_eq!(GROUPS.iter().map(|group| group.routes.len()).sum::<usize>(), ROUTES.len());
    assert_eq!(GROUPS.iter().map(|group| group.events.len()).sum::<usize>(), EVENTS.len());
}

#[test]
fn no_two_rpcs_share_a_door_or_an_address() {
    let mut doors = BTreeSet::new();
    let mut addresses = BTreeSet::new();
    for route in ROUTES {
        assert!(addresses.insert((route.group, route.verb)), "{}", route.name);
        for http in route.http {
            let shape: Vec<_> = http
                .segments
                .iter()
                .map(|segment| match segment {
                    Segment::Literal(text) => *text,
                    Segment::Field(_) => "{}",
                })
                .collect();
            assert!(doors.insert((http.method.as_str(), shape)), "{} {}", http.method.as_str(), http.path);
        }
    }
}

#[test]
fn a_path_taken_apart_is_the_path() {
    for http in ROUTES.iter().flat_map(|route| route.http) {
        let parts: Vec<_> = http
            .segments
            .iter()
            .map(|segment| match segment {
                Segment::Literal(text) => (*text).to_owned(),
                Segment::Field(name) => format!("{{{name}}}"),
            })
            .collect();
        assert_eq!(format!("/{}", parts.join("/")), http.path);
    }
}

/// The examples of the contract go the whole way of a request, for every rpc.
#[test]
fn the_example_of_every_request_is_a_good_one() {
    for route in ROUTES {
        let example = sample::of(route.request.fields);
        let mut body = example.clone();
        if let (Some(created), Json::Object(members)) = (route.created, &mut body) {
            members.remove(created);
        }
        // What else is the shop's to set comes from the door.
        let ours = route.request.fields.iter().filter(|field| field.output_only && Some(field.name) != route.created);
        let door: Vec<&str> = ours.map(|field| field.name).collect();
        if let Json::Object(members) = &mut body {
            members.retain(|name, _| !door.contains(&name.as_str()));
        }
        let mut bytes = (route.request.from_json)(&body).unwrap_or_else(|errors| panic!("{}: {errors:?}", route.name));
        if let Some(created) = route.created {
            assert!((route.request.validate)(&bytes).is_err(), "{} does without its id", route.name);
            let id = example.get(created).and_then(Json::as_str).expect("an example");
            (route.set_created)(&mut bytes, id);
        }
        assert_eq!((route.request.validate)(&bytes), Ok(()), "{}", route.name);
        let key = route.key.map(|key| example.get(key).and_then(Json::as_str).expect("an example").to_owned());
        assert_eq!((route.get_key)(&bytes), key, "{}", route.name);
        let mut shown = Vec::new();
        (route.request.to_json)(&bytes, &mut shown).expect(route.name);
        let by_the_door = |json: Json| match json {
            Json::Object(mut members) => {
                members.retain(|name, _| !door.contains(&name.as_str()));
                Json::Object(members)
            }
            other => other,
        };
        let shown = messages::json::parse(&shown).map(by_the_door);
        assert_eq!(shown, Ok(by_the_door(example)), "{}", route.name);
    }
}

#[test]
fn the_example_of_every_response_is_a_good_one() {
    for route in ROUTES {
        let body = match route.response_body {
            Some(name) => sample::of(route.response.fields).get(name).expect("the body has examples").clone(),
            None => sample::of(route.response.fields),
        };
        let bytes = (route.response.from_json)(&body).unwrap_or_else(|errors| panic!("{}: {errors:?}", route.name));
        let mut shown = Vec::new();
        (route.response.to_json)(&bytes, &mut shown).expect(route.name);
        assert_eq!(messages::json::parse(&shown), Ok(body), "{}", route.name);
        let location = (route.locate)(&bytes);
        assert_eq!(location.is_some(), route.location.is_some(), "{}", route.name);
        assert!(location.is_none_or(|location| !location.contains(['{', '}'])), "{}", route.name);
    }
}

#[test]
fn a_response_without_its_body_is_null() {
    let mut shown = Vec::new();
    assert!((rpc::Reserve::ROUTE.response.to_json)(&[], &mut shown).is_ok());
    assert_eq!(shown, b"null");
}

proptest! {
    /// Anybody may send anything.
    #[test]
    fn no_bytes_make_a_route_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..48), token in any::<String>()) {
        for route in ROUTES {
            let _ = (route.request.validate)(&bytes);
            let _ = (route.request.to_json)(&bytes, &mut Vec::new());
            let _ = ((route.get_key)(&bytes), (route.locate)(&bytes));
            (route.set_key)(&mut bytes, &token);
        }
        for event in EVENTS {
            let _ = ((event.id)(&bytes), (event.to_public_json)(&bytes, &mut Vec::new()));
        }
    }
}

#[test]
fn what_creates_under_another_key_keeps_the_two_apart() {
    let route = rpc::Reserve::ROUTE;
    assert_eq!((route.key, route.creates, route.created), (Some("warehouse_id"), Some("rsv"), Some("reservation_id")));
    let mut bytes = ReserveRequest { warehouse_id: "wh_1".into(), ..ReserveRequest::default() }.encode_to_vec();
    (route.set_created)(&mut bytes, "rsv_1");
    assert_eq!((route.get_key)(&bytes).as_deref(), Some("wh_1"));
    (route.set_key)(&mut bytes, "wh_2");
    let request = ReserveRequest::decode(bytes.as_slice()).expect("a request");
    assert_eq!((request.warehouse_id.as_str(), request.reservation_id.as_str()), ("wh_2", "rsv_1"));
    let reservation =
        Reservation { warehouse_id: "wh_2".into(), reservation_id: "rsv_1".into(), ..Reservation::default() };
    let response = ReserveResponse { reservation: Some(reservation) }.encode_to_vec();
    assert_eq!((route.locate)(&response).as_deref(), Some("/api/v1/inventory/reservations/wh_2/rsv_1"));
    assert_eq!((route.locate)(&[]), None);
}

#[test]
fn a_key_goes_into_a_subject_as_a_token() {
    let route = rpc::ListItem::ROUTE;
    let mut bytes = Vec::new();
    (route.set_key)(&mut bytes, "SHIRT~RED");
    let request = messages::inventory::v1::ListItemRequest::decode(bytes.as_slice()).expect("a request");
    assert_eq!(request.sku, "SHIRT.RED");
    assert_eq!((route.get_key)(&bytes).as_deref(), Some("SHIRT~RED"));
    (route.set_key)(&mut bytes, "> *");
    assert_eq!((route.get_key)(&bytes), None, "it would address somebody else");
    assert_eq!((rpc::ListStockLevels::ROUTE.get_key)(&bytes), None);
}

/// Rules of the house that no single rpc can break alone; the build checks each rpc by itself.
#[test]
fn what_moves_stock_twice_needs_a_key() {
    let moves = [
        "inventory.adjust",
        "inventory.reserve",
        "inventory.release",
        "inventory.ship",
        "inventory.request_transfer",
        "inventory.dispatch_transfer",
        "inventory.receive_transfer",
        "inventory.cancel_transfer",
        "order.place",
        "order.cancel",
        "order.retry",
        "order.request_return",
        "order.receive_return",
        "order.retry_return",
        "order.exchange",
        "order.edit",
        "order.cancel_amendment",
        "order.retry_amendment",
        "payment.create",
        "payment.capture",
        "payment.void",
        "payment.refund",
        "payment.store_method",
        "shipping.split",
    ];
    for route in ROUTES {
        let posts = route.kind == RpcKind::Command && route.http.iter().any(|http| http.method == Method::Post);
        // A provider that calls back knows nothing of our keys; the group finds its repeats by what is in them.
        // Nor does registration take one: a key keeps a print of the request for ever, and that has a password in it. The
        // e-mail address is its key.
        let keyless = !posts || route.raw.is_some() || route.name == "user.register";
        assert!(keyless || route.idempotency != Idempotency::None, "{} is a POST", route.name);
        assert_eq!(route.idempotency == Idempotency::Required, moves.contains(&route.name), "{}", route.name);
        assert_eq!(route.key.is_none(), route.kind == RpcKind::Query, "{}", route.name);
    }
}

#[test]
fn a_refusal_knows_its_kind() {
    let refusal = rpc::Reserve::ROUTE.refusal("out_of_stock").expect("it refuses so");
    assert_eq!((refusal.status, refusal.kind, refusal.facts), (409, Kind::Conflict, ["lines"].as_slice()));
    let problem = refusal.problem();
    assert_eq!((problem.code.as_str(), Kind::of(&problem)), ("out_of_stock", Kind::Conflict));
    assert!(rpc::Reserve::ROUTE.refusal("not_found").is_none());
}

#[test]
fn the_fields_lead_to_the_fields_below() {
    let field =
        |fields: &'static [Field], name: &str| *fields.iter().find(|field| field.name == name).expect("a field");
    let filter = field(rpc::ListStockLevels::ROUTE.request.fields, "on_hand").message.expect("a message")();
    assert_eq!(field(filter, "gte").kind, messages::FieldKind::Int64);
    assert_eq!(field(rpc::GetHistory::ROUTE.request.fields, "sku").oneof, Some("of"));
    assert!(field(rpc::Reserve::ROUTE.request.fields, "reservation_id").output_only);
}

#[test]
fn the_descriptor_set_is_whole() {
    let set = prost_types::FileDescriptorSet::decode(messages::DESCRIPTOR_SET).expect("descriptors");
    let names: BTreeSet<_> = set.file.iter().map(|file| file.name()).collect();
    for name in ["shop/options/v1/options.proto", "shop/product/v1/service.proto", "google/protobuf/timestamp.proto"] {
        assert!(names.contains(name), "{name}");
    }
    assert!(set.file.iter().any(|file| file.source_code_info.is_some()));
}
