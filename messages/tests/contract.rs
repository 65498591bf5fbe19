//! A contract that breaks a rule does not build. Each row breaks one thing in a copy of the real contract.
//!
//! The modules below are the build script's own; only the generator stays out.

#[path = "../build/check/mod.rs"]
mod check;
#[path = "../build/compile.rs"]
#[expect(dead_code, reason = "nothing is written here")]
mod compile;
#[path = "../build/model/mod.rs"]
#[expect(dead_code, reason = "some of it only the generator reads")]
mod model;
#[path = "../build/options.rs"]
mod options;

use std::fs;
use std::path::{Path, PathBuf};

/// Where, what is there, what is put in its place, and how the build says no.
type Row = (&'static str, &'static str, &'static str, &'static str);

const PRODUCT: &str = "shop/product/v1/service.proto";
const PRODUCT_TYPES: &str = "shop/product/v1/types.proto";
const PRODUCT_EVENTS: &str = "shop/product/v1/events.proto";
/// The group of the test's own.
const PROBE: &str = "shop/probe/v1/service.proto";
const INVENTORY: &str = "shop/inventory/v1/service.proto";
const INVENTORY_QUERIES: &str = "shop/inventory/v1/queries.proto";
const INVENTORY_TYPES: &str = "shop/inventory/v1/types.proto";

const BROKEN: &[Row] = &[
    // Groups.
    (PRODUCT, "partitions: 8", "partitions: 0", "it has no partitions"),
    (PRODUCT, "port: 8030", "port: 80", "its port is 80"),
    (PRODUCT, "schema: ", "schema: 0 // was ", "its schema is zero"),
    (PRODUCT, "name: \"product\"", "name: \"catalogue\"", "its package is shop.product.v1"),
    (PRODUCT, "schema: ", "calls: [\"pricing\"]\n    schema: ", "it calls `pricing`, which is no `group.verb`"),
    (PRODUCT, "schema: ", "calls: [\"pricing.list prices\"]\n    schema: ", "which is no `group.verb`"),
    (PRODUCT, "schema: ", "calls: [\"a.b\", \"a.c\", \"a.b\"]\n    schema: ", "it calls a.b twice"),
    // Rpcs.
    (PRODUCT, "verb: \"update\"", "verb: \"create\"", "two rpcs have the verb create"),
    (PRODUCT, "verb: \"update\"", "verb: \"Up.date\"", "is not a verb"),
    (PRODUCT, "kind: RPC_KIND_QUERY\n", "\n", "it has no kind"),
    (PRODUCT, "      key: \"product_id\"\n", "", "only a query has no key"),
    (PRODUCT, "verb: \"list\"", "verb: \"list\"\n      key: \"after\"", "a query has no key"),
    (PRODUCT, "key: \"product_id\"", "key: \"id\"", "has no field `id`"),
    (PRODUCT, "key: \"product_id\"", "key: \"slug\"", "the key is not required"),
    (PRODUCT, "scope: \"product:write\"\n", "\n", "a door is public, or has a scope"),
    (PRODUCT, "public: true\n", "public: true\n      scope: \"product:read\"\n", "a door is public, or has a scope"),
    (PRODUCT, "history: true\n", "history: true\n      idempotency: IDEMPOTENCY_ACCEPTED\n", "only a command takes"),
    (PRODUCT, "success: 201\n", "success: 201\n      cache: {max_age_s: 1}\n", "a command is not cached"),
    (
        INVENTORY,
        "max_age_s: 2, public: true}\n",
        "max_age_s: 2, public: true}\n      scope: \"x\"\n",
        "a door is public",
    ),
    (PRODUCT, "creates: \"prd\"", "creates: \"ord\"", "is not an id with the prefix ord"),
    (INVENTORY, "created: \"reservation_id\"", "created: \"order_id\"", "`order_id` is not a plain text"),
    (INVENTORY, "      created: \"reservation_id\"\n", "", "`warehouse_id` is not an id with the prefix rsv"),
    (PRODUCT, "success: 201\n", "success: 202\n", "what creates answers 201"),
    (PRODUCT, "reads: \"GetProduct\"", "reads: \"SeeProduct\"", "there is no rpc SeeProduct"),
    (PRODUCT, "reads: \"GetProduct\"", "reads: \"ListProducts\"", "ListProducts is not a read"),
    (PRODUCT, "response_body: \"product\"", "response_body: \"item\"", "`item` is not a message in"),
    (
        PRODUCT,
        "  Product product = 1;",
        "  Product product = 1;\n  // More.\n  bool more = 2 [(shop.options.v1.field) = {example: \"true\"}];",
        "`product` is not all that CreateProductResponse says",
    ),
    (PRODUCT, "products/{product_id}\"\n      response", "products/{id}\"\n      response", "has no field `id`"),
    (PRODUCT, "code: \"product_archived\"", "code: \"not_found\"", "two refusals have the code not_found"),
    (PRODUCT, "status: 409", "status: 418", "refuses with 418"),
    (PRODUCT, "lifecycle: {since: \"0.1.0\"}", "", "it says no lifecycle"),
    (PRODUCT, "since: \"0.1.0\"", "deprecated: \"2027-01-01\"", "since when it exists"),
    (PRODUCT, "since: \"0.1.0\"", "since: \"0.1.0\", sunset: \"2028-01-01\"", "without having been deprecated"),
    (PRODUCT, "since: \"0.1.0\"", "since: \"0.1.0\", deprecated: \"soon\"", "is not a day"),
    (
        PRODUCT,
        "since: \"0.1.0\"",
        "since: \"0.1.0\", deprecated: \"2027-03-01\", sunset: \"2028-02-28\"",
        "less than a year",
    ),
    // Settling.
    (PROBE, "until: [\"done\", \"failed\"]", "", "it never settles"),
    (PROBE, "accepted: [\"asks\"]", "accepted: [\"done\"]", "it settles at Some(\"done\") and has to wait"),
    (PROBE, "problem: \"problem\"", "problem: \"why\"", "has no field `why`"),
    (PROBE, "problem: \"problem\"", "problem: \"status\"", "`status` is not a shop.common.v1.Problem"),
    (PRODUCT, "history: true\n", "history: true\n      settle: {until: [\"a\"]}\n", "only a command settles"),
    // Bodies as they came.
    (PROBE, "      public: true\n", "      scope: \"probe:write\"\n", "is a public command"),
    (PROBE, "RATE_UNLIMITED\n", "RATE_UNLIMITED\n      idempotency: IDEMPOTENCY_ACCEPTED\n", "has no idempotency key"),
    (PROBE, "RATE_UNLIMITED\n", "RATE_UNLIMITED\n      settle: {until: [\"a\"]}\n", "does not wait"),
    (PROBE, "/webhooks/probe/", "/webhooks/payment/", "is not a POST below /webhooks/probe/"),
    (PROBE, "{post: \"/webhooks/probe/{provider}\"}", "{put: \"/webhooks/probe/{provider}\"}", "is not a POST below"),
    (PROBE, "body: \"payload\"", "body: \"text\"", "has no field `text`"),
    (PROBE, "body: \"payload\"", "body: \"provider\"", "`provider` does not take bytes"),
    (PROBE, "max_length: 65536, example", "output_only: true, example", "`payload` does not take bytes"),
    (PROBE, "headers: \"headers\"", "headers: \"all\"", "has no field `all`"),
    (PROBE, "headers: \"headers\"", "headers: \"provider\"", "`provider` does not take a map"),
    (PROBE, "        headers: \"headers\"\n", "", "takes headers and names them, or neither"),
    (PROBE, "[\"content-type\", \"x-signature\"]", "[]", "takes headers and names them, or neither"),
    (PROBE, "\"x-signature\"", "\"X-Signature\"", "is not a header's name in lower case"),
    (PROBE, "/probe/{provider}", "/probe/all", "nothing fills `provider`"),
    // Files.
    (PROBE, "content: \"content\"", "content: \"pages\"", "has no field `pages`"),
    (PROBE, "content: \"content\"", "content: \"file_name\"", "`file_name` is not plain bytes"),
    (PROBE, "media_type: \"media_type\"", "media_type: \"content\"", "`content` is not a plain text"),
    (PROBE, " name: \"file_name\"", "", "has no field ``"),
    (PROBE, "      response_body: \"thing\"\n", "      file: {}\n      response_body: \"thing\"\n", "has no JSON body"),
    // Doors.
    (PRODUCT, "/api/v1/products/search", "/products/search", "is not below /api/v1/"),
    (PRODUCT, "/api/v1/products/search", "/api/v1/products/{q}", "is the door of product.get too"),
    (
        PRODUCT,
        "post: \"/api/v1/products/{product_id}/archive\"",
        "get: \"/api/v1/archive\"",
        "Get /api/v1/archive is a COMMAND",
    ),
    (PRODUCT, "/products/{product_id}/archive", "/products/{id}/archive", "has no field `id`"),
    (PRODUCT, "/products/{product_id}/archive", "/{product_id}/archive/{x}", "has no field `x`"),
    (INVENTORY, "post: \"/api/v1/inventory/reserve\"", "post: \"/api/v1/{reservation_id}\"", "cannot come from a path"),
    // Histories.
    (PRODUCT, "optional uint32 limit = 2", "optional uint32 limit = 4", "has no `limit` like that of HistoryQuery"),
    (PRODUCT, "bool has_more = 2", "bool has_more = 4", "does not have the fields of HistoryPage"),
    // Events.
    (
        PRODUCT_EVENTS,
        "type: \"product.updated\"",
        "type: \"product.created\"",
        "is not the only event named product.created",
    ),
    (PRODUCT_EVENTS, "type: \"product.updated\"", "type: \"ProductUpdated\"", "is not an event type"),
    (PRODUCT_EVENTS, "id: \"product_id\"\n", "id: \"nobody\"\n", "has no field `nobody`"),
    (PRODUCT_EVENTS, "id: \"product_id\"\n", "id: \"variants\"\n", "is not a plain text"),
    (PRODUCT_EVENTS, "schema: 1", "schema: 999", "appeared at schema 999, and the group is at"),
    (INVENTORY, "events: [\"product.created\"", "events: [\"product.born\"", "which nobody says"),
    (
        "shop/common/v1/money.proto",
        "message Money {",
        "message Money {\n  option (shop.options.v1.event) = {type: \"a.b\"};",
        "a package without a group",
    ),
    // Fields.
    (PRODUCT_TYPES, "  // Counts its changes.\n", "", "it has no comment"),
    (PRODUCT_TYPES, "uint64 version = 2", "double version = 2", "the contract has no double"),
    (PRODUCT_TYPES, "map<string, string>", "map<int32, string>", "a map is from texts"),
    (PRODUCT_TYPES, "max_length: 200, format", "max: 200, format", "min and max are for numbers and money"),
    (PRODUCT_TYPES, "output_only: true, example: \"3\"", "max_length: 3, example: \"3\"", "are for texts and bytes"),
    (PRODUCT_TYPES, "output_only: true, example: \"3\"", "max_items: 3, example: \"3\"", "are for lists"),
    (PRODUCT_TYPES, "output_only: true, example: \"3\"", "id: \"prd\", example: \"3\"", "an id is a text"),
    (PRODUCT_TYPES, "output_only: true, example: \"3\"", "format: FORMAT_SKU, example: \"3\"", "a format is for texts"),
    (
        PRODUCT_TYPES,
        "output_only: true, example: \"3\"",
        "one_of: [\"3\"], example: \"3\"",
        "one_of is for texts and enums",
    ),
    (PRODUCT_TYPES, "output_only: true, example: \"3\"", "required: true, example: \"3\"", "zero is a value"),
    (PRODUCT_TYPES, "    output_only: true\n", "    output_only: true\n    personal: true\n", "comes from a person"),
    (PRODUCT_TYPES, "unique_by: \"sku\"", "unique_by: \"price\"", "has no text `price`"),
    (PRODUCT_TYPES, "max_items: 10, example", "unique_by: \".\", example", "unique_by is for texts and messages"),
    (PRODUCT_TYPES, "output_only: true, example: \"3\"", "unique_by: \".\", example: \"3\"", "unique_by is for lists"),
    (
        INVENTORY_QUERIES,
        "{format: FORMAT_SKU, example",
        "{required: true, format: FORMAT_SKU, example",
        "an alternative cannot be required",
    ),
    (PRODUCT_TYPES, "{output_only: true, example: \"3\"}", "{output_only: true}", "it has no example"),
    (
        PRODUCT_TYPES,
        "output_only: true, example: \"3\"",
        "output_only: true, example: \"x\"",
        "`x` is not a value of it",
    ),
    (PRODUCT_TYPES, "example: \"active\"", "example: \"ACTIVE\"", "`ACTIVE` is not a value of it"),
    (INVENTORY_TYPES, "message Line {", "message Line {\n  // One inside.\n  message Inner {}", "is nested"),
];

#[test]
fn the_contract_holds_every_rule() {
    assert_eq!(build(&proto()).map_err(|error| format!("{error:#}")), Ok(()));
}

/// Groups grow side by side, so the build lets a group call what is not there yet. The shop as a whole may not.
#[test]
fn whom_a_group_hears_and_calls_exists() {
    for group in messages::GROUPS {
        for heard in group.hears {
            for event in heard.events {
                let says = messages::EventType::named(event).map(|event| event.group);
                assert_eq!(says, Some(heard.group), "{} hears {event}", group.name);
            }
        }
        for call in group.calls {
            assert!(messages::Route::named(call).is_some(), "{} calls {call}, which nobody answers", group.name);
        }
    }
}

#[test]
fn a_contract_may_say_what_no_group_says_yet() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probed");
    copy_with_probe(&copy);
    assert_eq!(build(&copy).map_err(|error| format!("{error:#}")), Ok(()));
}

#[test]
fn a_broken_contract_does_not_build() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("contract");
    for (file, from, to, says) in BROKEN {
        if copy.exists() {
            fs::remove_dir_all(&copy).expect("removable");
        }
        copy_with_probe(&copy);
        let text = fs::read_to_string(copy.join(file)).expect(file);
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(copy.join(file), text.replacen(from, to, 1)).expect("writable");
        let error = build(&copy).expect_err(&format!("{file}: {from:?} → {to:?} builds"));
        assert!(format!("{error:#}").contains(says), "{file}: {from:?} → {to:?} says {error:#}");
    }
}

fn proto() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("proto")
}

/// The packages that rows break, with the test's own: compiling the whole shop for each row would take minutes.
fn copy_with_probe(to: &Path) {
    for package in ["common", "options", "runtime", "product", "inventory"] {
        copy_all(&proto().join("shop").join(package), &to.join("shop").join(package));
    }
    for group in [PRODUCT, INVENTORY] {
        let text = fs::read_to_string(to.join(group)).expect(group);
        fs::write(to.join(group), without_strangers(&text)).expect("writable");
    }
    fs::create_dir_all(to.join("shop/probe/v1")).expect("writable");
    fs::write(to.join(PROBE), include_str!("probe.proto")).expect("writable");
}

/// A group that hears only the groups that were copied.
fn without_strangers(service: &str) -> String {
    let mut parts = service.split("hears: {");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (heard, rest) = part.split_once('}').expect("what opens is closed");
        if ["\"product\"", "\"inventory\""].iter().any(|group| heard.contains(group)) {
            kept.extend(["hears: {", heard, "}"]);
        }
        kept += rest;
    }
    kept
}

fn build(root: &Path) -> anyhow::Result<()> {
    check::contract(&model::read(&compile::compile(root)?)?)
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("writable");
    for entry in fs::read_dir(from).expect("readable") {
        let path = entry.expect("readable").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            fs::copy(&path, &target).expect("writable");
        }
    }
}
