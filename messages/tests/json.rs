//! The JSON of the shop, as its callers meet it.

use messages::common::v1::{Fact, HistoryEntry, Money, Position, StringFilter};
use messages::inventory::v1::{
    AdjustStockRequest, GetHistoryRequest, ListStockLevelsRequest, ReserveRequest, SetStockRequest, StockAdjusted,
    StockLevel,
};
use messages::json::{self, Json, ToJson as _};
use messages::product::v1::{CreateProductRequest, ListProductsRequest, Product, UpdateProductRequest, Variant};
use messages::runtime::v1::{Began, Event, Record, record};
use messages::transcode::{read_client, read_record};
use messages::{FieldError, Message};
use proptest::prelude::*;

/// What a client is told: each error as `pointer code`, or nothing.
fn errors<M: Message>(text: &str) -> Vec<String> {
    let read = json::parse(text.as_bytes()).and_then(|json| read_client::<M>(&json));
    read.err().unwrap_or_default().iter().map(|FieldError { pointer, code, .. }| format!("{pointer} {code}")).collect()
}

const SHIRT: &str = r#""title": "Shirt", "variants": [{"sku": "A", "price": {"amount": 1, "currency": "EUR"}}]"#;
const LEVEL: &str = r#""warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "sku": "A""#;

#[test]
fn a_good_request_has_no_errors() {
    assert!(errors::<CreateProductRequest>(&format!("{{{SHIRT}}}")).is_empty());
    assert!(errors::<SetStockRequest>(&format!(r#"{{{LEVEL}, "on_hand": 0}}"#)).is_empty());
    assert!(errors::<ListProductsRequest>("{}").is_empty());
    assert!(errors::<ListProductsRequest>(r#"{"status": {"in": ["draft", "active"]}, "sort": "-title"}"#).is_empty());
    assert!(errors::<GetHistoryRequest>(r#"{"warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "sku": "A"}"#).is_empty());
}

#[test]
fn a_text_that_is_not_json_has_one_error() {
    for text in ["", "{", "{} {}", "{'a': 1}", "[1,]", "nul", "{\"a\": 1e999}", "\"\\ud800\"", "{\"a\": 01}"] {
        assert_eq!(errors::<ListProductsRequest>(text), [" not_json"], "{text}");
    }
    assert_eq!(json::parse(b"{\"a\": \xff}").unwrap_err()[0].code, "not_json");
    let error = json::parse(b"{\n  \"a\": ,\n}").unwrap_err().remove(0);
    assert!(error.detail.ends_with("at line 2 column 8"), "{}", error.detail);
}

#[test]
fn nesting_ends_at_the_limit() {
    let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(json::parse(nested(json::DEPTH_MAX).as_bytes()).is_ok());
    assert_eq!(json::parse(nested(json::DEPTH_MAX + 1).as_bytes()).unwrap_err()[0].code, "too_deep");
    assert_eq!(json::parse(nested(100_000).as_bytes()).unwrap_err()[0].code, "too_deep");
}

#[test]
fn every_repeated_name_is_reported() {
    let text = r#"{"title": "a", "title": "b", "variants": [{"sku": "A", "sku": "A"}], "x": {"y": 1, "y": 2}}"#;
    let expected = ["/title duplicate_key", "/variants/0/sku duplicate_key", "/x/y duplicate_key"];
    assert_eq!(errors::<CreateProductRequest>(text), expected);
}

/// One request per line, and everything that is wrong with it.
#[test]
fn every_error_has_its_code_and_its_place() {
    fn check<M: Message>(rows: &[(&str, &[&str])]) {
        for (members, expected) in rows {
            let text = format!("{{{members}}}").replace("SHIRT", SHIRT).replace("LEVEL", LEVEL);
            assert_eq!(errors::<M>(&text), *expected, "{text}");
        }
    }
    check::<CreateProductRequest>(&[
        ("", &["/title required"]),
        (r#""title": """#, &["/title required"]),
        (r#"SHIRT, "slug": null"#, &["/slug null"]),
        (r#"SHIRT, "colour": 1, "a/b": 2"#, &["/a~1b unknown_field", "/colour unknown_field"]),
        (r#"SHIRT, "Title": "x""#, &["/Title unknown_field"]),
        (r#"SHIRT, "slug": 1, "description": true"#, &["/description wrong_type", "/slug wrong_type"]),
        (r#"SHIRT, "slug": "A b""#, &["/slug bad_format"]),
        (r#"SHIRT, "status": "archived""#, &["/status unknown_value"]),
        (r#"SHIRT, "status": "ACTIVE""#, &["/status unknown_value"]),
        (r#"SHIRT, "status": "unspecified""#, &["/status unknown_value"]),
        (r#"SHIRT, "status": 2"#, &["/status wrong_type"]),
        (r#"SHIRT, "product_id": "prd_01h455vb4pex5vsknk084sn02q""#, &["/product_id read_only"]),
        (r#""title": "x", "variants": {}"#, &["/variants wrong_type"]),
        (
            r#""title": "x", "variants": [1, null, []]"#,
            &["/variants/0 wrong_type", "/variants/1 null", "/variants/2 wrong_type"],
        ),
        (r#""title": "x", "variants": [{}]"#, &["/variants/0/sku required", "/variants/0/price required"]),
        (
            r#""title": "x", "variants": [{"sku": "A", "price": {"amount": -1, "currency": "EUX"}}]"#,
            &["/variants/0/price/currency bad_format", "/variants/0/price/amount too_small"],
        ),
        (
            r#""title": "x", "variants": [{"sku": "A", "price": {"currency": "EUR"}, "options": {"size": 1}}]"#,
            &["/variants/0/options/size wrong_type", "/variants/0/price/amount required"],
        ),
    ]);
    check::<UpdateProductRequest>(&[
        (r#"SHIRT, "status": "active""#, &["/product_id required"]),
        (r#"SHIRT, "product_id": "prd_1", "status": "draft""#, &["/product_id bad_id"]),
        (r#"SHIRT, "product_id": "ord_01h455vb4pex5vsknk084sn02q", "status": "draft""#, &["/product_id wrong_prefix"]),
        (r#"SHIRT, "product_id": "prd_01h455vb4pex5vsknk084sn02q""#, &["/status required"]),
    ]);
    check::<SetStockRequest>(&[
        ("LEVEL", &["/on_hand required"]),
        (r#"LEVEL, "on_hand": 1.0"#, &["/on_hand not_an_integer"]),
        (r#"LEVEL, "on_hand": 1e2"#, &["/on_hand not_an_integer"]),
        (r#"LEVEL, "on_hand": 0.5"#, &["/on_hand not_an_integer"]),
        (r#"LEVEL, "on_hand": "1""#, &["/on_hand wrong_type"]),
        (r#"LEVEL, "on_hand": -1"#, &["/on_hand too_small"]),
        (r#"LEVEL, "on_hand": 1000000001"#, &["/on_hand too_large"]),
        (r#"LEVEL, "on_hand": 1, "expected_on_hand": 9007199254740992"#, &["/expected_on_hand out_of_range"]),
        (r#"LEVEL, "on_hand": 1, "expected_on_hand": 18446744073709551615"#, &["/expected_on_hand out_of_range"]),
        (r#"LEVEL, "on_hand": 1, "expected_on_hand": 99999999999999999999"#, &["/expected_on_hand out_of_range"]),
    ]);
    check::<AdjustStockRequest>(&[
        (r#"LEVEL, "delta": -9007199254740992, "reason": "lost""#, &["/delta out_of_range"]),
        (r#"LEVEL, "delta": -1"#, &["/reason required"]),
    ]);
    check::<ReserveRequest>(&[
        (r#""warehouse_id": "wh_01h455vb4pex5vsknk084sn02q""#, &["/lines required"]),
        (
            r#""warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "lines": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 0}, {"sku": "A", "quantity": 1}]"#,
            &["/lines/1/quantity too_small", "/lines/2/sku not_unique"],
        ),
        (
            r#""warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "lines": [{"sku": "A", "quantity": 1}], "hold_seconds": 4294967296"#,
            &["/hold_seconds out_of_range"],
        ),
    ]);
    check::<ListProductsRequest>(&[
        (r#""limit": 0"#, &["/limit too_small"]),
        (r#""limit": 101"#, &["/limit too_large"]),
        (r#""limit": -1"#, &["/limit out_of_range"]),
        (r#""sort": "price""#, &["/sort unknown_value"]),
        (r#""status": {"in": ["draft", "sold"]}"#, &["/status/in/1 unknown_value"]),
        (r#""status": {"like": "d"}"#, &["/status/like unknown_field"]),
        (r#""status": "active""#, &["/status wrong_type"]),
    ]);
    check::<GetHistoryRequest>(&[(
        r#""warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "reservation_id": "rsv_01h455vb4pex5vsknk084sn02q", "sku": "A""#,
        &["/sku too_many"],
    )]);
}

#[test]
fn lengths_and_counts_have_limits() {
    let long = |count| format!(r#"{{"title": "{}"}}"#, "ä".repeat(count));
    assert!(errors::<CreateProductRequest>(&long(200)).is_empty(), "characters count, not bytes");
    assert_eq!(errors::<CreateProductRequest>(&long(201)), ["/title too_long"]);
    let filter = |count| format!(r#"{{"in": [{}]}}"#, vec![r#""a""#; count].join(","));
    assert!(errors::<StringFilter>(&filter(100)).is_empty());
    assert_eq!(errors::<StringFilter>(&filter(101)), ["/in too_many"]);
    let options = format!(
        r#"{{"sku": "A", "price": {{"amount": 1, "currency": "EUR"}}, "options": {{"{}": "x"}}}}"#,
        "n".repeat(101)
    );
    assert_eq!(errors::<Variant>(&options), [format!("/options/{} too_long", "n".repeat(101))]);
}

#[test]
fn bytes_times_and_json_have_one_spelling() {
    assert!(errors::<Event>(r#"{"type": "x", "data": "AAE="}"#).is_empty());
    for data in ["AAE", "AAE=\\n", "AA_=", "?"] {
        assert_eq!(errors::<Event>(&format!(r#"{{"data": "{data}"}}"#)), ["/data bad_format"], "{data}");
    }
    assert!(errors::<Began>(r#"{"next_try_at": "2026-01-31T09:30:00.25Z"}"#).is_empty());
    assert_eq!(errors::<Began>(r#"{"next_try_at": "2026-01-31T10:30:00+01:00"}"#), ["/next_try_at bad_format"]);
    assert_eq!(errors::<Began>(r#"{"next_try_at": 1769851800}"#), ["/next_try_at wrong_type"]);
}

#[test]
fn what_is_absent_is_told_from_what_is_empty() {
    let level = StockLevel { sku: "A".into(), ..StockLevel::default() };
    expect_test::expect![[
        r#"{"warehouse_id":"","sku":"A","product_id":"","on_hand":0,"reserved":0,"shipped":0,"received":0,"version":0,"sellable":0,"safety_stock":0,"backordered":0,"backorder_limit":0,"transferred_out":0,"transferred_in":0}"#
    ]]
    .assert_eq(&level.to_json());
    let level = StockLevel { low_stock_threshold: Some(0), ..level };
    assert!(level.to_json().contains(r#""low_stock_threshold":0"#));
    expect_test::expect![[r#"{"product_id":"","version":0,"title":"","description":"","slug":"","product_type":"","variants":[],"few_left":[],"category_ids":[],"options":[],"attributes":[],"media":[],"tags":[],"channels":[],"published":false}"#]]
    .assert_eq(&Product::default().to_json());
    expect_test::expect!["{}"]
        .assert_eq(&Money { amount: None, currency: String::new() }.to_json().replace(r#""currency":"""#, ""));
}

#[test]
fn everything_a_field_can_be_is_written_and_read_again() {
    let record = Record {
        kind: "shelf".into(),
        id: "a\"b\\c\n\u{1}ü".into(),
        version: 9_007_199_254_740_991,
        what: Some(record::What::Event(Event { r#type: "x".into(), data: vec![0, 255, 16] })),
    };
    expect_test::expect![[
        r#"{"kind":"shelf","id":"a\"b\\c\n\u0001ü","version":9007199254740991,"event":{"type":"x","data":"AP8Q"}}"#
    ]]
    .assert_eq(&record.to_json());
    again(&record);
    let entry = HistoryEntry {
        version: 2,
        at: Some(prost_types::Timestamp { seconds: 1_769_851_800, nanos: 5_000_000 }),
        r#type: "product.created".into(),
        data: r#" {"price": [1, 2.50, null]} "#.trim().replace(' ', ""),
        position: Some(Position { group: "product".into(), partition: 3, sequence: 42 }),
        ..HistoryEntry::default()
    };
    expect_test::expect![[r#"{"version":2,"at":"2026-01-31T09:30:00.005Z","type":"product.created","data":{"price":[1,2.50,null]},"rpc":"","caller":"","correlation_id":"","position":{"group":"product","partition":3,"sequence":42}}"#]]
        .assert_eq(&entry.to_json());
    let filter = ListStockLevelsRequest {
        limit: Some(5),
        on_hand: Some(messages::common::v1::Int64Filter { gte: Some(-1), ..Default::default() }),
        ..Default::default()
    };
    expect_test::expect![[r#"{"limit":5,"on_hand":{"gte":-1}}"#]].assert_eq(&filter.to_json());
    again(&filter);
}

fn again<M: Message>(message: &M) {
    let json = json::parse(message.to_json().as_bytes()).expect("JSON");
    assert_eq!(read_record::<M>(&json).as_ref(), Ok(message));
}

/// None of these can come in; if one is there all the same, the document stays JSON and says what is.
#[test]
fn what_json_cannot_say_becomes_text() {
    let level = StockLevel { on_hand: i64::MAX, received: i64::MIN, version: u64::MAX, ..StockLevel::default() };
    let json = json::parse(level.to_json().as_bytes()).expect("JSON");
    assert_eq!(json.get("on_hand"), Some(&Json::from("9223372036854775807")));
    assert_eq!(json.get("received"), Some(&Json::from("-9223372036854775808")));
    assert_eq!(json.get("version"), Some(&Json::from("18446744073709551615")));
    let broken = Fact { name: "x".into(), value: Some(messages::common::v1::fact::Value::Json("{\"a\": ".into())) };
    assert_eq!(broken.to_json(), r#"{"name":"x","json":"{\"a\": "}"#);
    let never = StockLevel {
        updated_at: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        ..StockLevel::default()
    };
    assert!(never.to_json().contains(r#""updated_at":"9223372036854775807","#));
    let newer = Product { status: 99, ..Product::default() };
    assert!(newer.to_json().contains(r#""status":99"#));
}

#[test]
fn what_is_personal_is_null_for_everyone() {
    let event = StockAdjusted { note: "Ms Doe found it".into(), sku: "A".into(), ..StockAdjusted::default() };
    let mut public = Vec::new();
    event.write_public_json(&mut public);
    let public = json::parse(&public).expect("JSON");
    assert_eq!((public.get("note"), public.get("sku")), (Some(&Json::Null), Some(&Json::from("A"))));
    assert!(event.to_json().contains("Ms Doe"));
}

#[test]
fn the_shop_reads_its_own_fields_and_clients_may_not_set_them() {
    let text = r#"{"warehouse_id": "wh_01h455vb4pex5vsknk084sn02q", "sku": "A", "version": 3}"#;
    assert_eq!(errors::<StockLevel>(text), ["/version read_only"]);
    let read = read_record::<StockLevel>(&json::parse(text.as_bytes()).expect("JSON"));
    assert_eq!(read.map(|level| level.version), Ok(3));
}

proptest! {
    #[test]
    fn any_text_survives(text in any::<String>()) {
        let fact = Fact { name: text, value: None };
        let said: serde_json::Value = serde_json::from_str(&fact.to_json()).expect("JSON");
        prop_assert_eq!(said["name"].as_str(), Some(fact.name.as_str()));
    }

    #[test]
    fn any_safe_number_survives(number in -json::SAFE_MAX..=json::SAFE_MAX) {
        let level = StockLevel { on_hand: number, ..StockLevel::default() };
        let said: serde_json::Value = serde_json::from_str(&level.to_json()).expect("JSON");
        prop_assert_eq!(said["on_hand"].as_i64(), Some(number));
    }

    #[test]
    fn any_tree_survives(tree in tree()) {
        prop_assert_eq!(json::parse(tree.to_json().as_bytes()), Ok(tree));
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = json::parse(&bytes);
    }
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(|number| Json::Integer(number.into())),
        any::<u64>().prop_map(|number| Json::Integer(number.into())),
        prop_oneof![Just(0.5), Just(-2.25), Just(1.0), Just(1e300)].prop_map(Json::Fraction),
        any::<String>().prop_map(Json::String),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Json::Array),
            prop::collection::btree_map(any::<String>(), inner, 0..8).prop_map(Json::Object),
        ]
    })
}
