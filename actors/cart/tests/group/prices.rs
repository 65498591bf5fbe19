//! What a cart shows of prices.

use cart::wire::v1;
use messages::cart::v1::rpc;
use runtime::testkit::refusal;

use super::neighbours::{CAMPAIGN, COUPON, PRICES, STANDARD, eur};
use super::shop::{
    Shop, ada, add, ask, call, coupon, create, get, lines, plain, play, problems, put, see, send_to, totals,
};

#[test]
fn a_cart_is_shown_with_what_it_costs_and_why() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let cart = create(&asker, &ada(), "one", &[("MUG", 2)]).await;
        assert_eq!(lines(&add(&asker, &ada(), &cart, "TEE", 1).await.expect("room")), "2xMUG@900 1xTEE@2000");
        coupon(&asker, &ada(), &cart, COUPON).await;
        let seen = see(&asker, &ada(), &cart).await.expect("a cart");
        assert_eq!((totals(&seen), problems(&seen)), (Some([3_800, 100, 0, 3_700]), vec![]));
        let sent = send_to(&asker, &ada(), &cart, "AT", STANDARD).await;
        assert_eq!((totals(&sent), sent.ship_to.is_some()), (None, true), "a change answers without prices");
        let seen = see(&asker, &ada(), &cart).await.expect("a cart");
        assert_eq!((totals(&seen), problems(&seen)), (Some([3_800, 100, 490, 4_190]), vec![]));
        let discounts: Vec<_> = seen.discounts.iter().map(|d| (d.campaign_id.as_str(), d.code.as_deref())).collect();
        assert_eq!(discounts, [(CAMPAIGN, Some(COUPON))]);
        let derivation = &seen.totals.as_ref().expect("totals").derivation;
        let steps: Vec<_> = derivation.iter().map(|step| (step.step.as_str(), step.detail.as_str())).collect();
        assert_eq!(steps, [("price", "2 at 900"), ("price", "1 at 2000")]);
        let mug = &seen.lines[0];
        assert_eq!((mug.title.as_deref(), mug.total.clone()), (Some("The MUG"), eur(1_800)));
        assert_eq!(plain(&asker, &ada(), &cart).await.totals, None);
        // As it was, it has no prices: nobody is asked what things cost then.
        let mut past = call::<rpc::GetCart>(&asker, &ada(), &cart, &get(&cart, false));
        past.at = Some("1".to_owned());
        let past = asker.send(&past).await.expect("a look back");
        let past: v1::GetCartResponse = prost::Message::decode(past.payload).expect("a cart");
        let past = past.cart.expect("a cart");
        assert_eq!((lines(&past), totals(&past)), ("2xMUG@900".to_owned(), None));
        shop.close().await;
    });
}

#[test]
fn everything_that_stands_in_the_way_is_said() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let wanted = [("MUG", 1), ("UNKNOWN", 1), ("DRAFT", 1), ("PRICELESS", 1)];
        let cart = create(&asker, &ada(), "one", &wanted).await;
        coupon(&asker, &ada(), &cart, "WRONG").await;
        send_to(&asker, &ada(), &cart, "AT", "by-pigeon").await;
        let seen = see(&asker, &ada(), &cart).await.expect("a cart");
        assert_eq!(
            problems(&seen),
            [
                "unknown_sku UNKNOWN",
                "not_for_sale DRAFT",
                "no_price PRICELESS",
                "shipping_option_unavailable",
                "coupon_not_applicable WRONG",
            ]
        );
        assert_eq!(seen.problems[4].reason.as_deref(), Some("coupon_unknown"));
        assert_eq!(totals(&seen), Some([900, 0, 0, 900]), "what can be bought is added up");
        send_to(&asker, &ada(), &cart, "DE", STANDARD).await;
        let abroad = see(&asker, &ada(), &cart).await.expect("a cart");
        assert!(problems(&abroad).contains(&"no_shipping_option".to_owned()), "{:?}", problems(&abroad));
        put(&asker, &ada(), &cart, &[("UNKNOWN", 1)]).await;
        assert_eq!(totals(&see(&asker, &ada(), &cart).await.expect("a cart")), None);
        shop.close().await;
    });
}

#[test]
fn the_price_that_counts_is_the_current_one_and_the_owner_is_told() {
    play(async |world| {
        let (shop, asker) = Shop::open(&world).await;
        let cart = create(&asker, &ada(), "one", &[("MUG", 2), ("TEE", 1)]).await;
        PRICES.with_borrow_mut(|prices| prices.insert("MUG".into(), 1_000));
        let seen = see(&asker, &ada(), &cart).await.expect("a cart");
        assert_eq!((problems(&seen), totals(&seen)), (vec!["price_changed MUG".into()], Some([4_000, 0, 0, 4_000])));
        let changed = &seen.problems[0];
        assert_eq!((changed.noted_price.clone(), changed.unit_price.clone()), (eur(900), eur(1_000)));
        assert_eq!(changed.detail, "MUG cost 9.00 EUR when it was put in, and costs 10.00 EUR now.");
        // The same list again changes nothing, so it does not hide the news either.
        put(&asker, &ada(), &cart, &[("MUG", 2), ("TEE", 1)]).await;
        assert_eq!(problems(&see(&asker, &ada(), &cart).await.expect("a cart")), ["price_changed MUG"]);
        let accept = |cents| v1::AcceptPricesRequest {
            cart_id: cart.clone(),
            prices: vec![v1::SeenPrice { sku: "MUG".into(), unit_price: eur(cents) }],
        };
        ask::<rpc::AcceptPrices>(&asker, &ada(), &cart, &accept(1_000)).await.expect("seen");
        assert!(see(&asker, &ada(), &cart).await.expect("a cart").problems.is_empty());
        PRICES.with_borrow_mut(|prices| prices.insert("MUG".into(), 1_100));
        assert_eq!(problems(&see(&asker, &ada(), &cart).await.expect("a cart")), ["price_changed MUG"]);
        // Another quantity is put in at the price of today.
        put(&asker, &ada(), &cart, &[("MUG", 3), ("TEE", 1)]).await;
        assert!(see(&asker, &ada(), &cart).await.expect("a cart").problems.is_empty());
        // Ten cost less each, and that is no change of price.
        let ten = add(&asker, &ada(), &cart, "MUG", 7).await.expect("room");
        assert_eq!(lines(&ten), "10xMUG@990 1xTEE@2000");
        assert!(see(&asker, &ada(), &cart).await.expect("a cart").problems.is_empty());
        shop.close().await;
    });
}

#[test]
fn a_cart_is_shown_and_filled_whoever_is_away() {
    for away in ["product", "pricing", "promotion", "shipping"] {
        play(async |world| {
            let (mut shop, asker) = Shop::open(&world).await;
            let cart = create(&asker, &ada(), "one", &[("MUG", 2)]).await;
            send_to(&asker, &ada(), &cart, "AT", STANDARD).await;
            shop.without(away).await;
            let seen = see(&asker, &ada(), &cart).await.expect("a cart");
            assert_eq!((totals(&seen), problems(&seen)), (None, vec!["prices_unavailable".into()]), "without {away}");
            let filled = add(&asker, &ada(), &cart, "TEE", 1).await.expect("room");
            let noted = if away == "pricing" { "2xMUG@900 1xTEE@?" } else { "2xMUG@900 1xTEE@2000" };
            assert_eq!(lines(&filled), noted, "without {away}");
            let missing = see(&asker, &ada(), &super::shop::id("cart", "none")).await;
            assert_eq!(refusal(missing).code, "not_found");
            shop.neighbours.insert("back", super::neighbours::open(&world, away).await);
            let prices = async || totals(&see(&asker, &ada(), &cart).await.expect("a cart"));
            for _ in 0..200 {
                if prices().await == Some([3_800, 0, 490, 4_290]) {
                    break;
                }
                world.pass(std::time::Duration::from_millis(50)).await;
            }
            assert_eq!(prices().await, Some([3_800, 0, 490, 4_290]), "with {away} again");
            shop.close().await;
        });
    }
}
