//! The demo of a seeded shop, what is told of its orders, and whether it all adds up.

use crate::run::run;
use crate::shop::Shop;

#[test]
fn a_demo_really_buys_and_the_story_of_an_order_tells_all_of_it() {
    let shop = Shop::open();
    let mercat = |arguments: [&str; 4]| run(&mut shop.mercat(arguments), b"");
    let shown = mercat(["demo", "checkout", "--door", &shop.http]).ok();
    for expected in
        ["   201 {", "   402 {", "\"out_of_stock\"", "\"status\":\"cancelled\"", "$ curl -s", " req shop.payment.pay_"]
    {
        assert!(shown.contains(expected), "no {expected:?} in\n{shown}");
    }
    let order_id =
        shown.split("mercat story ").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an order");
    let story = run(&mut shop.mercat(["story", order_id]), b"").ok();
    let mut rest = story.as_str();
    // In the order in which it happened, across groups.
    for expected in [
        "order.place ← guest",
        "• order.created",
        "→ calls authorize",
        "payment.authorize ← service order",
        "• payment.authorized",
        "• payment.completed",
        "• order.paid",
        "order.cancel ← guest",
        "• refund.processed",
        "• order.cancelled",
        "• notification.sent",
    ] {
        let (_, after) =
            rest.split_once(expected).unwrap_or_else(|| panic!("no {expected:?} where it belongs in\n{story}"));
        rest = after;
    }
    let nobody = run(&mut shop.mercat(["story", "ord_01h455vb4pex5vsknk084sn02q"]), b"").failed();
    assert!(nobody.contains("no log knows ord_01h455vb4pex5vsknk084sn02q"), "{nobody}");

    let counts =
        |said: String| said.lines().filter(|line| !line.contains(" orders in ")).map(str::to_owned).collect::<Vec<_>>();
    let first = counts(mercat(["demo", "--orders", "8", "--seed=7"]).ok());
    let clean = run(&mut shop.mercat(["audit"]), b"").ok();
    assert!(clean.starts_with("0 wrong, 0 alarms in 10 orders"), "{clean}");
    // The same seed again does nothing twice.
    assert_eq!(counts(mercat(["demo", "--orders", "8", "--seed=7"]).ok()), first);
    assert_eq!(run(&mut shop.mercat(["audit"]), b"").ok(), clean);
}
