//! What holds for quotes and totals on every ground.

use messages::pricing::v1::{self, rpc};
use prost::Message as _;
use runtime::testkit::{Asker, Ground, MemoryStore, refusal};

use super::shop::{Fact, as_role, base, basket, cents, euros, facts, id, lines, list, open, open_list, quoted, taxes};

pub(crate) const FACTS: &[Fact] = facts![
    a_quote_holds_what_it_said,
    a_quote_is_shown_to_its_owner_only,
    what_is_the_shops_to_say_nobody_else_says,
    a_quote_needs_a_price_for_every_line,
    a_total_is_a_quote_that_nobody_keeps,
    the_moment_decides_which_lists_count,
];

fn adjustment(name: &str, target: v1::AdjustmentTarget, sku: &str, cents: i64) -> v1::Adjustment {
    v1::Adjustment {
        id: name.to_owned(),
        target: target.into(),
        sku: sku.to_owned(),
        amount: Some(euros(cents)),
        title: name.to_owned(),
        ..Default::default()
    }
}

fn shipping(cents: i64) -> Option<v1::ShippingChoice> {
    Some(v1::ShippingChoice { option_id: "post".to_owned(), title: "By post".to_owned(), amount: Some(euros(cents)) })
}

async fn shown(asker: &Asker, role: &str, subject: Option<&str>, quote: &str) -> Result<v1::Quote, String> {
    let get = v1::GetQuoteRequest { quote_id: quote.to_owned() };
    let call = as_role(asker.call::<rpc::GetQuote>(Some(quote), &get), role, subject);
    match asker.send(&call).await {
        Ok(answer) => Ok(v1::GetQuoteResponse::decode(answer.payload).expect("a quote").quote.expect("a quote")),
        Err(failure) => Err(refusal::<()>(Err(failure)).code),
    }
}

async fn a_quote_holds_what_it_said(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    base(&asker, "TEE", 2_000).await;
    taxes(&asker, "AT", false, 200_000).await;
    let request = v1::CreateQuoteRequest {
        ship_to_country: "AT".to_owned(),
        user_id: id("usr", "ada"),
        adjustments: vec![
            adjustment("mugs", v1::AdjustmentTarget::Line, "MUG", 300),
            adjustment("all", v1::AdjustmentTarget::Order, "", 350),
        ],
        shipping: shipping(490),
        ..basket("one", &[("MUG", 2), ("TEE", 1)])
    };
    let call = as_role(asker.keyed::<rpc::CreateQuote>("one", &request.quote_id, &request), "service", Some("order"));
    let quote = quoted(&asker, &call).await.expect("a quote");
    let amounts = [&quote.subtotal, &quote.discount_total, &quote.shipping_total, &quote.tax_total, &quote.total];
    // 38.00 − 6.50 + 4.90, and a fifth of that on top: lines 13.50 and 18.00 and parcels 4.90.
    assert_eq!(amounts.map(|money| cents(money.as_ref())), [3_800, 650, 490, 728, 4_368]);
    assert_eq!(quote.lines.iter().map(|line| cents(line.discount.as_ref())).collect::<Vec<_>>(), [450, 200]);
    let counted: i64 = quote.derivation.iter().map(|step| cents(step.amount.as_ref())).sum();
    assert_eq!((counted, quote.version), (4_368, 1));
    use v1::DerivationStep::{Discount, Price, Shipping, Tax};
    let steps: Vec<_> = quote.derivation.iter().map(v1::Derivation::step).collect();
    assert_eq!(steps, [Price, Price, Discount, Discount, Discount, Shipping, Tax, Tax, Tax]);
    let (made, ends) = (quote.created_at.expect("a time"), quote.expires_at.expect("a time"));
    assert_eq!(ends.seconds - made.seconds, 15 * 60);
    // Prices change; what was said stays, and is said again to whoever repeats the question.
    base(&asker, "MUG", 5_000).await;
    taxes(&asker, "AT", false, 0).await;
    assert_eq!(quoted(&asker, &call).await.expect("the same"), quote);
    stage.kill("a");
    stage.set_store("a", MemoryStore::new());
    stage.start("a").await;
    assert_eq!(quoted(&asker, &call).await.expect("the same"), quote);
    assert_eq!(shown(&asker, "customer", Some(&id("usr", "ada")), &quote.quote_id).await, Ok(quote));
    stage.clear().await;
    assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
}

async fn a_quote_is_shown_to_its_owner_only(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    let (ada, bob) = (id("usr", "ada"), id("usr", "bob"));
    let request = basket("one", &[("MUG", 1)]);
    let quote = &request.quote_id;
    let call = as_role(asker.call::<rpc::CreateQuote>(Some(quote), &request), "guest", Some(&ada));
    assert_eq!(quoted(&asker, &call).await.expect("a quote").user_id, ada, "it belongs to whoever asked");
    for (role, subject, found) in [
        ("guest", Some(&ada), true),
        ("customer", Some(&ada), true),
        ("customer", Some(&bob), false),
        ("guest", Some(&bob), false),
        ("customer", None, false),
        ("support", Some(&bob), true),
        ("service", None, true),
    ] {
        let answer = shown(&asker, role, subject.map(String::as_str), quote).await;
        assert_eq!(answer.is_ok(), found, "{role} {subject:?}");
        assert!(found || answer == Err("not_found".to_owned()), "a foreign quote is like a missing one");
    }
    // A group sees what whoever it acts for sees.
    let get = v1::GetQuoteRequest { quote_id: quote.clone() };
    for (subject, found) in [(&ada, true), (&bob, false)] {
        let mut call = asker.call::<rpc::GetQuote>(Some(quote), &get);
        call.caller = as_role(call.clone(), "customer", Some(subject)).caller.through("order");
        assert_eq!(asker.send(&call).await.is_ok(), found, "for {subject}");
    }
    assert_eq!(shown(&asker, "admin", None, &id("quo", "none")).await, Err("not_found".to_owned()));
    stage.clear().await;
}

async fn what_is_the_shops_to_say_nobody_else_says(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    let vip = v1::CreatePriceListRequest { customer_group: "vip".to_owned(), ..list("vip") };
    open_list(&asker, &vip, &[("MUG", 1, 100)]).await;
    let (ada, bob) = (id("usr", "ada"), id("usr", "bob"));
    let plain = |name: &str| basket(name, &[("MUG", 1)]);
    let off = vec![adjustment("gift", v1::AdjustmentTarget::Order, "", 899)];
    let with = |name: &str, field: &str| match field {
        "adjustments" => v1::CreateQuoteRequest { adjustments: off.clone(), ..plain(name) },
        "shipping" => v1::CreateQuoteRequest { shipping: shipping(0), ..plain(name) },
        "customer_group" => v1::CreateQuoteRequest { customer_group: "vip".to_owned(), ..plain(name) },
        _ => v1::CreateQuoteRequest { user_id: bob.clone(), ..plain(name) },
    };
    for (role, forbidden) in [
        ("customer", &["adjustments", "shipping", "customer_group", "user_id"][..]),
        ("guest", &["adjustments", "shipping", "customer_group", "user_id"]),
        ("support", &["adjustments", "shipping"]),
        ("service", &[]),
    ] {
        for field in ["adjustments", "shipping", "customer_group", "user_id"] {
            let request = with(&format!("{role} {field}"), field);
            let call = asker.call::<rpc::CreateQuote>(Some(&request.quote_id), &request);
            let mut call = as_role(call, role, Some(&ada));
            if role == "service" {
                // Also when it acts for a customer.
                call.caller = as_role(call.clone(), "customer", Some(&ada)).caller.through("cart");
            }
            match quoted(&asker, &call).await {
                Ok(_) => assert!(!forbidden.contains(&field), "{role} said {field}"),
                Err(failure) => {
                    let problem = refusal::<()>(Err(failure));
                    assert_eq!(problem.code, "field_not_allowed", "{role} {field}");
                    assert!(format!("{:?}", problem.fact("field")).contains(field));
                    assert!(forbidden.contains(&field), "{role} may say {field}");
                }
            }
        }
    }
    // What they name as their own is theirs to say.
    let own = v1::CreateQuoteRequest { user_id: ada.clone(), ..plain("own") };
    let call = as_role(asker.call::<rpc::CreateQuote>(Some(&own.quote_id), &own), "customer", Some(&ada));
    assert_eq!(cents(quoted(&asker, &call).await.expect("a quote").total.as_ref()), 900);
    let staff = with("staff", "customer_group");
    let call = as_role(asker.call::<rpc::CreateQuote>(Some(&staff.quote_id), &staff), "support", Some(&bob));
    assert_eq!(cents(quoted(&asker, &call).await.expect("a quote").total.as_ref()), 100);
    // Prices of groups are for groups of the shop to ask for, whoever they do it for.
    let price = v1::PriceLinesRequest {
        lines: lines(&[("MUG", 1)]),
        currency: "EUR".to_owned(),
        customer_group: "vip".to_owned(),
        ..Default::default()
    };
    let call = as_role(asker.call::<rpc::PriceLines>(None, &price), "customer", Some(&ada));
    assert_eq!(refusal(asker.send(&call).await).code, "missing_scope");
    stage.clear().await;
}

async fn a_quote_needs_a_price_for_every_line(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    let request = basket("one", &[("MUG", 1), ("GONE", 1)]);
    let problem = refusal(asker.ask::<rpc::CreateQuote>(Some(&request.quote_id), &request).await);
    assert_eq!(problem.code, "no_price");
    let fact = format!("{:?}", problem.fact("lines"));
    assert!(fact.contains("GONE") && fact.contains("unknown_sku") && !fact.contains("MUG"), "{fact}");
    let francs = v1::CreateQuoteRequest { currency: "CHF".to_owned(), ..basket("two", &[("MUG", 1)]) };
    let problem = refusal(asker.ask::<rpc::CreateQuote>(Some(&francs.quote_id), &francs).await);
    assert!(format!("{:?}", problem.fact("lines")).contains("no_price_in_currency"), "{problem:?}");
    let mixed = messages::common::v1::Money { amount: Some(1), currency: "CHF".to_owned() };
    let shipping = shipping(1).map(|choice| v1::ShippingChoice { amount: Some(mixed), ..choice });
    let mixed = v1::CreateQuoteRequest { shipping, ..basket("three", &[("MUG", 1)]) };
    let call = as_role(asker.call::<rpc::CreateQuote>(Some(&mixed.quote_id), &mixed), "service", None);
    assert_eq!(refusal(asker.send(&call).await).code, "mixed_currencies");
    let again = basket("four", &[("MUG", 1)]);
    asker.ask::<rpc::CreateQuote>(Some(&again.quote_id), &again).await.expect("a quote");
    assert_eq!(refusal(asker.ask::<rpc::CreateQuote>(Some(&again.quote_id), &again).await).code, "already_exists");
    stage.clear().await;
}

async fn a_total_is_a_quote_that_nobody_keeps(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    taxes(&asker, "AT", true, 200_000).await;
    let total = v1::TotalBasketRequest {
        lines: lines(&[("MUG", 3), ("GONE", 1)]),
        currency: "EUR".to_owned(),
        ship_to_country: "AT".to_owned(),
        adjustments: vec![adjustment("free", v1::AdjustmentTarget::Shipping, "", 9_999)],
        shipping: shipping(490),
        ..Default::default()
    };
    let response = asker.ask::<rpc::TotalBasket>(None, &total).await.expect("a total");
    let sums = response.quote.expect("sums");
    assert_eq!(response.unknown.iter().map(|none| none.reason()).collect::<Vec<_>>(), [v1::UnpricedReason::UnknownSku]);
    assert_eq!((sums.quote_id.as_str(), sums.expires_at.is_none(), sums.tax_included), ("", true, true));
    assert_eq!((cents(sums.total.as_ref()), cents(sums.tax_total.as_ref())), (2_700, 450));
    let request = v1::CreateQuoteRequest {
        ship_to_country: "AT".to_owned(),
        adjustments: total.adjustments.clone(),
        shipping: total.shipping.clone(),
        ..basket("one", &[("MUG", 3)])
    };
    let call = as_role(asker.call::<rpc::CreateQuote>(Some(&request.quote_id), &request), "service", None);
    let quote = quoted(&asker, &call).await.expect("a quote");
    let kept = v1::Quote { quote_id: String::new(), version: 0, expires_at: None, created_at: None, ..quote };
    assert_eq!(kept, sums);
    let nothing = v1::TotalBasketRequest { lines: vec![], adjustments: vec![], shipping: None, ..total };
    let sums = asker.ask::<rpc::TotalBasket>(None, &nothing).await.expect("a total").quote.expect("sums");
    assert_eq!(cents(sums.total.as_ref()), 0);
    stage.clear().await;
}

async fn the_moment_decides_which_lists_count(ground: Ground) {
    let (mut stage, asker) = open(&ground, &["a"]).await;
    base(&asker, "MUG", 900).await;
    let at = |text: &str| Some(runtime::clock::to_wire(text.parse().expect("a time")));
    let spring = v1::CreatePriceListRequest {
        valid_from: at("2999-03-01T00:00:00Z"),
        valid_until: at("2999-06-01T00:00:00Z"),
        ..list("spring")
    };
    let spring = open_list(&asker, &spring, &[("MUG", 1, 800)]).await;
    for (at, price, source) in [
        (None, 900, "catalogue"),
        (at("2999-02-28T23:59:59Z"), 900, "catalogue"),
        (at("2999-03-01T00:00:00Z"), 800, spring.as_str()),
        (at("2999-06-01T00:00:00Z"), 900, "catalogue"),
    ] {
        let request =
            v1::PriceLinesRequest { lines: lines(&[("MUG", 2)]), currency: "EUR".to_owned(), at, ..Default::default() };
        let priced = asker.ask::<rpc::PriceLines>(None, &request).await.expect("prices").lines;
        let [line] = priced.as_slice() else { panic!("one line: {priced:?}") };
        let amounts = [&line.unit_price, &line.total, &line.list_price].map(|money| cents(money.as_ref()));
        assert_eq!((amounts, line.source.as_str()), ([price, 2 * price, 900], source));
    }
    stage.clear().await;
}
