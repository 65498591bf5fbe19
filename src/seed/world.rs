//! Where the seeded shop is in the world: warehouses, taxes, ways to send, and promotions.

use messages::inventory::v1 as inventory;
use messages::pricing::v1 as pricing;
use messages::promotion::v1::{self as promotion, Target, Trigger, action};
use messages::shipping::v1 as shipping;

use super::{Sower, id, money};

/// Warehouses: the name it is sown under, what people call it, and where it is.
const WAREHOUSES: [(&str, &str, &str); 3] =
    [("main", "Main warehouse", "AT"), ("hamburg", "Hamburg warehouse", "DE"), ("reading", "Reading warehouse", "GB")];

/// The id of a warehouse, by its place.
pub(super) fn warehouse_id(house: usize) -> String {
    WAREHOUSES.get(house).map_or_else(String::new, |(name, ..)| id("wh", name))
}

/// The campaign whose activation is the last thing that is sown.
pub(super) fn seal() -> String {
    id("cmp", "summer")
}

/// Countries that tax: whether prices include it, what it is called, and the standard and reduced rates in millionths.
const TAXES: [(&str, bool, &str, i64, i64); 5] = [
    ("AT", true, "USt", 200_000, 100_000),
    ("DE", true, "MwSt", 190_000, 70_000),
    ("FR", true, "TVA", 200_000, 55_000),
    ("IT", true, "IVA", 220_000, 100_000),
    ("GB", true, "VAT", 200_000, 0),
];

/// Zones: the name it is sown under, what people call it, its countries, what standard and express cost in cents of any of
/// the three currencies, and the days that standard takes.
type Zone = (&'static str, &'static str, &'static [&'static str], i64, i64, (u32, u32));
const ZONES: [Zone; 4] = [
    ("everywhere", "Everywhere", &[], 1490, 3490, (6, 12)),
    ("alps", "Austria, Germany, Switzerland", &["AT", "DE", "CH"], 490, 1490, (2, 4)),
    ("europe", "Western Europe", &["FR", "IT", "ES", "NL", "BE", "LU"], 890, 2490, (3, 6)),
    ("britain", "Great Britain and Ireland", &["GB", "IE"], 590, 1690, (2, 4)),
];
/// From this amount on, standard delivery is free, save to the whole world.
const FREE_FROM: i64 = 6000;
const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];

/// Sows what the goods need to be sold.
pub(super) async fn sow(sower: &Sower) -> anyhow::Result<()> {
    for (name, title, country) in WAREHOUSES {
        let warehouse_id = id("wh", name);
        let warehouse = inventory::CreateWarehouseRequest {
            warehouse_id: warehouse_id.clone(),
            name: title.to_owned(),
            country: country.to_owned(),
            ..Default::default()
        };
        // The first was sown before there were others, under another word.
        let what = if name == "main" { "warehouse" } else { name };
        sower.sow::<inventory::rpc::CreateWarehouse>(&warehouse_id, what, &warehouse).await?;
    }
    for zone in ZONES {
        let (name, ..) = zone;
        let request = zone_request(zone);
        let what = if name == "everywhere" { "zone" } else { name };
        sower.sow::<shipping::rpc::CreateZone>(&request.zone_id, what, &request).await?;
    }
    for (country, prices_include_tax, title, standard, reduced) in TAXES {
        let rate = |category: &str, rate_ppm| pricing::TaxRate {
            tax_category: category.to_owned(),
            title: title.to_owned(),
            rate_ppm: Some(rate_ppm),
            ..Default::default()
        };
        let taxes = pricing::SetCountryTaxesRequest {
            country: country.to_owned(),
            prices_include_tax,
            rounding: pricing::TaxRounding::Line.into(),
            rates: vec![rate("standard", standard), rate("reduced", reduced)],
        };
        sower.sow::<pricing::rpc::SetCountryTaxes>(country, country, &taxes).await?;
    }
    Ok(())
}

fn zone_request((name, title, countries, standard, express, days): Zone) -> shipping::CreateZoneRequest {
    let area = |country: &&str| shipping::Area { country: (*country).to_owned(), ..Default::default() };
    let option = |name: &str, title: &str, cents: i64, free_from: Option<i64>, days: (u32, u32)| {
        let rate = |currency: &str| shipping::Rate {
            currency: currency.to_owned(),
            basis: shipping::RateBasis::Flat.into(),
            steps: vec![shipping::RateStep { up_to: None, amount: Some(cents) }],
            free_from,
        };
        shipping::ShippingOption {
            option: name.to_owned(),
            title: title.to_owned(),
            carrier: "table".to_owned(),
            min_days: Some(days.0),
            max_days: Some(days.1),
            rates: CURRENCIES.iter().map(|currency| rate(currency)).collect(),
            max_weight_grams: None,
        }
    };
    let free_from = (!countries.is_empty()).then_some(FREE_FROM);
    shipping::CreateZoneRequest {
        zone_id: id("zon", name),
        name: title.to_owned(),
        areas: countries.iter().map(area).collect(),
        options: vec![
            option("standard", "Standard delivery", standard, free_from, days),
            option("express", "Express delivery", express, None, (1, 2)),
        ],
    }
}

/// Four promotions: three of them by code or by themselves, and the last is the seal.
pub(super) async fn promotions(sower: &Sower) -> anyhow::Result<()> {
    let in_all = |amount: i64| CURRENCIES.map(|currency| money(amount, currency)).to_vec();
    let skus = |skus: &[&str]| {
        Some(promotion::Selection { skus: skus.iter().map(|sku| (*sku).to_owned()).collect(), ..Default::default() })
    };
    let percent = |target: Target, share_ppm| {
        action::What::PercentOff(promotion::PercentOff {
            target: target.into(),
            share_ppm: Some(share_ppm),
            ..Default::default()
        })
    };
    let socks = promotion::BuyGet {
        buy: skus(&["SOCKS-39-41", "SOCKS-42-44"]),
        buy_quantity: Some(2),
        get: skus(&["SOCKS-39-41", "SOCKS-42-44"]),
        get_quantity: Some(1),
        share_ppm: Some(1_000_000),
        times_max: Some(2),
    };
    let summer = promotion::AmountOff { target: Target::Order.into(), amounts: in_all(1_000), ..Default::default() };
    let from = |amount: i64| Some(promotion::Conditions { minimum_subtotal: in_all(amount), ..Default::default() });
    let free = action::What::FreeShipping(promotion::FreeShipping { amount_max: in_all(2_000) });
    for (name, title, trigger, conditions, what, code) in [
        (
            "welcome",
            "Ten per cent to begin with",
            Trigger::Coupon,
            None,
            percent(Target::Order, 100_000),
            Some("WELCOME10"),
        ),
        ("socks", "Three pairs of socks for two", Trigger::Automatic, None, action::What::BuyGet(socks), None),
        ("express", "Free delivery from 150 on", Trigger::Automatic, from(15_000), free, None),
        (
            "summer",
            "Ten off from 80 on",
            Trigger::Coupon,
            from(8_000),
            action::What::AmountOff(summer),
            Some("SUMMER10"),
        ),
    ] {
        let campaign_id = id("cmp", name);
        let campaign = promotion::CreateCampaignRequest {
            campaign_id: campaign_id.clone(),
            title: title.to_owned(),
            trigger: trigger.into(),
            conditions,
            actions: vec![promotion::Action { what: Some(what) }],
            ..Default::default()
        };
        sower.sow::<promotion::rpc::CreateCampaign>(&campaign_id, name, &campaign).await?;
        if let Some(code) = code {
            let coupon = promotion::CreateCouponRequest {
                code: code.to_owned(),
                campaign_id: campaign_id.clone(),
                ..Default::default()
            };
            sower.sow::<promotion::rpc::CreateCoupon>(code, code, &coupon).await?;
        }
        let activate = promotion::ActivateCampaignRequest { campaign_id: campaign_id.clone() };
        sower.sow::<promotion::rpc::ActivateCampaign>(&campaign_id, name, &activate).await?;
    }
    Ok(())
}
