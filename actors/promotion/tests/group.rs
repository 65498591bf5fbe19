//! The group through real bytes, in a world of its own for every seed.

#[path = "group/shop.rs"]
mod shop;
#[path = "group/storm.rs"]
mod storm;

use std::time::Duration;

use futures::future::join_all;
use promotion::wire::rpc;
use promotion::wire::v1::{self, CampaignStatus, RedemptionStatus, Trigger};
use runtime::testkit::{MemoryStore, World, refusal, seeded};

use shop::{
    basket, campaign, commit, coupon, draft, evaluates_to, id, open, redemption, release, reserve, usage_is, uses,
    words,
};

#[test]
fn of_a_hundred_who_want_the_last_use_one_gets_it() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &["a", "b"]).await;
        let save = campaign(&asker, draft("save", Trigger::Coupon, 500)).await;
        coupon(&asker, &save, "once", Some(1)).await;
        let orders: Vec<String> = (0..100).map(|number| format!("order {number}")).collect();
        let racing = orders.iter().map(|order| {
            let (asker, request) = (asker.clone(), uses(order, order, &[(&save, Some("Once"))]));
            async move { reserve(&asker, &request).await }
        });
        let (won, lost): (Vec<_>, Vec<_>) = join_all(racing).await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1);
        assert_eq!(lost.len(), 99);
        for problem in lost.into_iter().map(refusal) {
            assert_eq!(problem.code, "coupon_exhausted");
            let code = format!("{:?}", problem.fact("coupon_code"));
            assert!(code.contains("ONCE"), "{code}");
        }
        usage_is(&asker, &save, [1, 0, 0, 0]).await;
        // The winner gives it back, and it can be had once more.
        let winner = won.into_iter().flatten().next().expect("a winner");
        let order = orders.iter().find(|order| id("rdm", order) == winner.redemption_id).expect("an order");
        release(&asker, order).await.expect("given back");
        reserve(&asker, &uses("late", "late", &[(&save, Some("ONCE"))])).await.expect("free again");
        usage_is(&asker, &save, [1, 0, 1, 0]).await;
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
        world.idle().await;
    });
}

#[test]
fn an_order_uses_all_of_its_promotions_or_none() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &["a"]).await;
        let free = campaign(&asker, draft("free", Trigger::Automatic, 500)).await;
        let save = campaign(
            &asker,
            v1::CreateCampaignRequest {
                budget: vec![shop::eur(900)],
                uses_per_customer_max: Some(1),
                ..draft("save", Trigger::Coupon, 500)
            },
        )
        .await;
        coupon(&asker, &save, "SAVE", None).await;
        let both = |order, customer| uses(order, customer, &[(&free, None), (&save, Some("SAVE"))]);
        reserve(&asker, &both("one", "ada")).await.expect("enough of everything");
        let code = async |request: v1::ReserveRequest| refusal(reserve(&asker, &request).await).code;
        assert_eq!(code(both("two", "ada")).await, "customer_limit_reached");
        assert_eq!(code(both("three", "bob")).await, "budget_exhausted");
        assert_eq!(code(uses("four", "bob", &[(&free, None), (&save, Some("SAFE"))])).await, "coupon_unknown");
        assert_eq!(code(uses("five", "bob", &[(&free, None), (&save, None)])).await, "coupon_unknown");
        let nowhere = id("cmp", "nowhere");
        assert_eq!(code(uses("six", "bob", &[(&free, None), (&nowhere, None)])).await, "campaign_not_active");
        usage_is(&asker, &free, [1, 0, 0, 0]).await;
        let usage = usage_is(&asker, &save, [1, 0, 0, 0]).await;
        assert_eq!((usage.amount_reserved, usage.budget_left), (vec![shop::eur(500)], vec![shop::eur(400)]));
        stage.clear().await;
        world.idle().await;
    });
}

#[test]
fn what_is_asked_again_is_the_same() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &["a"]).await;
        let save = campaign(&asker, draft("save", Trigger::Coupon, 500)).await;
        coupon(&asker, &save, "ONCE", Some(1)).await;
        let request = uses("one", "ada", &[(&save, Some("ONCE"))]);
        let first = reserve(&asker, &request).await.expect("free");
        // Another command, the same redemption; the campaign may even be over by now.
        let pause = v1::PauseCampaignRequest { campaign_id: save.clone() };
        asker.ask::<rpc::PauseCampaign>(Some(&save), &pause).await.expect("paused");
        assert_eq!(reserve(&asker, &request).await.expect("the same"), first);
        let other = v1::ReserveRequest { user_id: id("usr", "bob"), ..request.clone() };
        assert_eq!(refusal(reserve(&asker, &other).await).code, "already_exists");
        for _ in 0..2 {
            assert_eq!(commit(&asker, "one").await.expect("committed").status(), RedemptionStatus::Committed);
        }
        // A wiped store and a new replica change nothing of it.
        stage.kill("a");
        stage.set_store("a", MemoryStore::new());
        stage.start("a").await;
        usage_is(&asker, &save, [0, 1, 0, 0]).await;
        for _ in 0..2 {
            let released = release(&asker, "one").await.expect("the order came to nothing after all");
            assert_eq!(released.status(), RedemptionStatus::Released);
        }
        assert_eq!(refusal(commit(&asker, "one").await).code, "redemption_released");
        assert_eq!(refusal(reserve(&asker, &request).await).code, "redemption_released");
        assert_eq!(refusal(release(&asker, "nobody").await).code, "not_found");
        assert_eq!(refusal(commit(&asker, "nobody").await).code, "not_found");
        usage_is(&asker, &save, [0, 0, 1, 0]).await;
        stage.clear().await;
        world.idle().await;
    });
}

#[test]
fn what_nobody_commits_goes_back_by_itself_even_if_its_host_died() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &["a"]).await;
        let save = campaign(&asker, draft("save", Trigger::Coupon, 500)).await;
        for code in ["ONCE", "TWICE"] {
            coupon(&asker, &save, code, Some(1)).await;
        }
        for (order, code) in [("forgotten", "ONCE"), ("late", "TWICE")] {
            reserve(&asker, &uses(order, order, &[(&save, Some(code))])).await.expect("free");
        }
        let kept = campaign(&asker, draft("kept", Trigger::Automatic, 500)).await;
        reserve(&asker, &uses("kept", "kept", &[(&kept, None)])).await.expect("free");
        commit(&asker, "kept").await.expect("in time");
        stage.kill("a");
        world.pass(Duration::from_secs(31 * 60)).await;
        stage.start("a").await;
        usage_is(&asker, &save, [0, 0, 0, 2]).await;
        usage_is(&asker, &kept, [0, 1, 0, 0]).await;
        assert_eq!(redemption(&asker, "forgotten").await.status(), RedemptionStatus::Expired);
        // Somebody takes one of the two; then both are paid, late.
        reserve(&asker, &uses("next", "next", &[(&save, Some("ONCE"))])).await.expect("free again");
        assert_eq!(refusal(commit(&asker, "forgotten").await).code, "redemption_expired");
        assert_eq!(commit(&asker, "late").await.expect("still free").status(), RedemptionStatus::Committed);
        let taken = refusal(reserve(&asker, &uses("last", "last", &[(&save, Some("TWICE"))])).await);
        assert_eq!(taken.code, "coupon_exhausted");
        usage_is(&asker, &save, [1, 1, 0, 1]).await;
        stage.clear().await;
        assert_eq!(stage.verify(Some("a")).await, Vec::<String>::new());
        world.idle().await;
    });
}

#[test]
fn many_codes_work_once_each_and_can_be_listed_and_exported() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &["a"]).await;
        let save = campaign(&asker, draft("save", Trigger::Coupon, 500)).await;
        let request = v1::GenerateCouponsRequest {
            coupon_id: id("cpn", "many"),
            campaign_id: save.clone(),
            count: Some(10_000),
            prefix: "autumn-".to_owned(),
            ..v1::GenerateCouponsRequest::default()
        };
        let generate = asker.keyed::<rpc::GenerateCoupons>("many", &request.coupon_id, &request);
        let first = asker.send(&generate).await.expect("a coupon");
        assert_eq!(asker.send(&generate).await.expect("the same").payload, first.payload);
        let mut codes = Vec::new();
        let mut page = v1::ListCodesRequest {
            coupon_id: request.coupon_id.clone(),
            limit: Some(1000),
            ..v1::ListCodesRequest::default()
        };
        loop {
            let said = asker.until::<rpc::ListCodes>(None, &page, |said| !said.data.is_empty()).await;
            codes.extend(said.data.into_iter().map(|code| code.code));
            assert_eq!(said.has_more, said.next.is_some());
            let Some(next) = said.next else { break };
            page.after = Some(next);
        }
        let distinct: std::collections::BTreeSet<&String> = codes.iter().collect();
        assert_eq!((codes.len(), distinct.len()), (10_000, 10_000));
        assert!(codes[0].starts_with("AUTUMN-"), "{}", codes[0]);
        let (one, other) = (codes[17].to_lowercase(), codes[9_999].clone());
        reserve(&asker, &uses("one", "ada", &[(&save, Some(&one))])).await.expect("free");
        assert_eq!(
            refusal(reserve(&asker, &uses("two", "bob", &[(&save, Some(&one))])).await).code,
            "coupon_exhausted"
        );
        reserve(&asker, &uses("three", "bob", &[(&save, Some(&other))])).await.expect("free");
        page = v1::ListCodesRequest { limit: Some(18), after: None, ..page };
        asker.until::<rpc::ListCodes>(None, &page, |said| said.data[17].uses == 1 && said.data[16].uses == 0).await;
        let export = v1::ExportCodesRequest { coupon_id: request.coupon_id.clone() };
        let file = asker.ask::<rpc::ExportCodes>(None, &export).await.expect("a file");
        assert_eq!(file.name, format!("codes-{}.csv", request.coupon_id));
        let text = String::from_utf8(file.content).expect("a text");
        let lines: Vec<&str> = text.split_terminator("\r\n").collect();
        assert_eq!((lines.len(), lines[0]), (10_001, "code,uses"));
        for (number, uses) in [(0, 0), (16, 0), (17, 1)] {
            assert_eq!(lines[number + 1], format!("{},{uses}", codes[number]));
        }
        let unknown = v1::ExportCodesRequest { coupon_id: id("cpn", "nowhere") };
        assert_eq!(refusal(asker.ask::<rpc::ExportCodes>(None, &unknown).await).code, "not_found");
        let find = v1::ListCouponsRequest { code: Some(one.clone()), ..v1::ListCouponsRequest::default() };
        let found = asker.ask::<rpc::ListCoupons>(None, &find).await.expect("a list").data;
        assert_eq!(found.iter().map(|coupon| &coupon.coupon_id).collect::<Vec<_>>(), [&request.coupon_id]);
        let disable = v1::DisableCouponRequest { coupon_id: request.coupon_id.clone() };
        asker.ask::<rpc::DisableCoupon>(Some(&request.coupon_id), &disable).await.expect("disabled");
        let asleep = refusal(reserve(&asker, &uses("four", "bob", &[(&save, Some(&codes[5]))])).await);
        assert_eq!(asleep.code, "coupon_expired");
        evaluates_to(&asker, &basket(&[&codes[5]], None), &[&format!("{} coupon_disabled", codes[5])]).await;
        page = v1::ListCodesRequest { coupon_id: id("cpn", "nowhere"), ..page };
        assert_eq!(refusal(asker.ask::<rpc::ListCodes>(None, &page).await).code, "not_found");
        page = v1::ListCodesRequest { coupon_id: request.coupon_id, after: Some("bm8".to_owned()), ..page };
        assert_eq!(refusal(asker.ask::<rpc::ListCodes>(None, &page).await).code, "bad_cursor");
        stage.clear().await;
        world.idle().await;
    });
}

#[test]
fn a_basket_is_told_what_applies_and_why_not() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &["a"]).await;
        let save = campaign(
            &asker,
            v1::CreateCampaignRequest { uses_per_customer_max: Some(1), ..draft("Save", Trigger::Coupon, 500) },
        )
        .await;
        coupon(&asker, &save, "SAVE", Some(2)).await;
        let big = v1::Conditions { minimum_subtotal: vec![shop::eur(3000)], ..v1::Conditions::default() };
        let big = v1::CreateCampaignRequest { conditions: Some(big), ..draft("Big", Trigger::Automatic, 100) };
        campaign(&asker, big).await;
        campaign(&asker, draft("Hello", Trigger::Automatic, 100)).await;
        let soon = v1::CreateCampaignRequest {
            starts_at: Some(
                "2026-01-01T01:00:00Z".parse::<jiff::Timestamp>().map(runtime::clock::to_wire).expect("a time"),
            ),
            ..draft("Soon", Trigger::Coupon, 100)
        };
        let soon = campaign(&asker, soon).await;
        coupon(&asker, &soon, "SOON", None).await;
        let typed = basket(&["save", "SAVE", "nope", "SOON"], Some("ada"));
        let want = [
            "Hello 100",
            "Save 500",
            "SAVE already_applied",
            "nope coupon_unknown",
            "SOON campaign_not_active",
            " below_minimum",
        ];
        let so = |said: &v1::EvaluateResponse| {
            let words = words(&said.applied, &said.not_applied);
            // Which of two equals goes first depends on their ids.
            words.len() == want.len() && want.iter().all(|word| words.iter().any(|said| said == word))
        };
        asker.until::<rpc::Evaluate>(None, &typed, so).await;
        reserve(&asker, &uses("one", "ada", &[(&save, Some("SAVE"))])).await.expect("free");
        // The customer has had it; others have not, and a preview does not ask.
        let only = |code| basket(&[code], Some("ada"));
        let mine = ["Hello 100", "SAVE customer_limit_reached", " below_minimum"];
        evaluates_to(&asker, &only("SAVE"), &mine).await;
        let request = only("SAVE");
        let preview = v1::PreviewRequest {
            lines: request.lines,
            currency: request.currency,
            coupon_codes: request.coupon_codes,
            ..v1::PreviewRequest::default()
        };
        let said = asker.ask::<rpc::Preview>(None, &preview).await.expect("a preview");
        assert_eq!(said.applied.len(), 2);
        assert_eq!(said.adjustments.iter().map(|one| one.target()).collect::<Vec<_>>(), [v1::Target::Order; 2]);
        reserve(&asker, &uses("two", "bob", &[(&save, Some("SAVE"))])).await.expect("free");
        evaluates_to(&asker, &basket(&["SAVE"], None), &["Hello 100", "SAVE coupon_exhausted", " below_minimum"]).await;
        let mut mixed = basket(&[], None);
        mixed.shipping = Some(messages::common::v1::Money { amount: Some(1), currency: "USD".to_owned() });
        assert_eq!(refusal(asker.ask::<rpc::Evaluate>(None, &mixed).await).code, "currency_mismatch");
        stage.clear().await;
        world.idle().await;
    });
}

#[test]
fn a_campaign_lives_from_draft_to_its_end() {
    seeded(|seed| async move {
        let world = World::new(seed);
        let (mut stage, asker) = open(&world, &["a"]).await;
        let end = "2026-01-01T00:05:00Z".parse::<jiff::Timestamp>().map(runtime::clock::to_wire).expect("a time");
        let draft = v1::CreateCampaignRequest { ends_at: Some(end), ..draft("Short", Trigger::Coupon, 500) };
        let id = draft.campaign_id.clone();
        let nothing = v1::CreateCampaignRequest { actions: vec![v1::Action::default()], ..draft.clone() };
        let problem = refusal(asker.ask::<rpc::CreateCampaign>(Some(&id), &nothing).await);
        assert_eq!(problem.code, "campaign_invalid");
        let early = v1::CreateCouponRequest {
            code: "SHORT".to_owned(),
            campaign_id: id.clone(),
            ..v1::CreateCouponRequest::default()
        };
        let problem = refusal(asker.ask::<rpc::CreateCoupon>(Some("SHORT"), &early).await);
        assert_eq!(problem.code, "campaign_not_found");
        campaign(&asker, draft).await;
        coupon(&asker, &id, "short", None).await;
        let again = v1::CreateCouponRequest { code: "Short".to_owned(), ..early };
        assert_eq!(refusal(asker.ask::<rpc::CreateCoupon>(Some("Short"), &again).await).code, "already_exists");
        evaluates_to(&asker, &basket(&["Short"], None), &["Short 500"]).await;
        world.pass(Duration::from_secs(5 * 60)).await;
        let get = v1::GetCampaignRequest { campaign_id: id.clone() };
        let ended = |said: &v1::GetCampaignResponse| {
            said.campaign.as_ref().is_some_and(|campaign| campaign.status() == CampaignStatus::Ended)
        };
        asker.until::<rpc::GetCampaign>(Some(&id), &get, ended).await;
        evaluates_to(&asker, &basket(&["Short"], None), &["Short campaign_not_active"]).await;
        let late = uses("late", "ada", &[(&id, Some("SHORT"))]);
        assert_eq!(refusal(reserve(&asker, &late).await).code, "campaign_not_active");
        let history = v1::GetCampaignHistoryRequest { campaign_id: id.clone(), limit: None, after: None };
        let history = asker.ask::<rpc::GetCampaignHistory>(Some(&id), &history).await.expect("a life");
        let types: Vec<_> = history.data.iter().map(|entry| entry.r#type.as_str()).collect();
        assert_eq!(types, ["campaign.created", "campaign.activated", "campaign.ended"]);
        let list = v1::ListCampaignsRequest::default();
        let listed = asker.ask::<rpc::ListCampaigns>(None, &list).await.expect("a list");
        assert_eq!(listed.data.iter().map(|campaign| campaign.status()).collect::<Vec<_>>(), [CampaignStatus::Ended]);
        let later = v1::GenerateCouponsRequest {
            coupon_id: shop::id("cpn", "later"),
            campaign_id: id.clone(),
            count: Some(1),
            ..v1::GenerateCouponsRequest::default()
        };
        let problem = refusal(asker.ask::<rpc::GenerateCoupons>(Some(&later.coupon_id), &later).await);
        assert_eq!(problem.code, "campaign_ended");
        stage.clear().await;
        world.idle().await;
    });
}
