//! What a product says about itself: contract to domain and back.

use messages::problem::Kind as Sort;
use runtime::clock::{from_wire, to_wire};

use super::{Money, Problem, v1};
use crate::attributes::{Attribute, Value};
use crate::details::{Choice, Details, Listing, Media, MediaKind, Variant, Window};

/// What requests and events say alike.
pub(crate) struct Said {
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) slug: String,
    pub(crate) product_type: String,
    pub(crate) variants: Vec<v1::Variant>,
    pub(crate) tax_category: Option<String>,
    pub(crate) listing: v1::Listing,
}

/// What a request, or a product as it is shown, says about a product.
macro_rules! said {
    ($from:expr) => {{
        let from = $from.clone();
        $crate::wire::details::Said {
            title: from.title,
            description: from.description,
            slug: from.slug,
            product_type: from.product_type,
            variants: from.variants,
            tax_category: from.tax_category,
            listing: messages::product::v1::Listing {
                category_ids: from.category_ids,
                options: from.options,
                attributes: from.attributes,
                media: from.media,
                tags: from.tags,
                channels: from.channels,
                visible_from: from.visible_from,
                visible_until: from.visible_until,
            },
        }
    }};
}
pub(crate) use said;

pub(crate) fn details(said: Said) -> Result<Details, Problem> {
    let Said { title, description, slug, product_type, variants, tax_category, listing } = said;
    let variants: Result<_, messages::money::Error> = variants.into_iter().map(variant_in).collect();
    Ok(Details {
        title,
        description,
        slug,
        product_type,
        variants: variants.map_err(|e| Problem::new(Sort::Invalid, "bad_money", e.to_string()))?,
        tax_category: tax_category.filter(|word| !word.is_empty()),
        listing: listing_in(listing),
    })
}

fn variant_in(wire: v1::Variant) -> Result<Variant, messages::money::Error> {
    let price = Money::try_from(wire.price.unwrap_or_default())?;
    let options = wire.options.into_iter().collect();
    Ok(Variant { sku: wire.sku, title: wire.title, price, options, weight_grams: wire.weight_grams })
}

pub(crate) fn variant_out(variant: &Variant) -> v1::Variant {
    v1::Variant {
        sku: variant.sku.clone(),
        title: variant.title.clone(),
        price: Some(variant.price.into()),
        options: variant.options.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        weight_grams: variant.weight_grams,
    }
}

fn listing_in(wire: v1::Listing) -> Listing {
    let media = |wire: v1::Media| Media {
        kind: match wire.kind() {
            v1::MediaKind::Unspecified | v1::MediaKind::Image => MediaKind::Image,
            v1::MediaKind::Video => MediaKind::Video,
            v1::MediaKind::Document => MediaKind::Document,
        },
        url: wire.url,
        alt: wire.alt,
    };
    let window = Window {
        from: wire.visible_from.as_ref().map(|at| from_wire(Some(at))),
        until: wire.visible_until.as_ref().map(|at| from_wire(Some(at))),
    };
    Listing {
        category_ids: wire.category_ids,
        options: wire.options.into_iter().map(|option| Choice { name: option.name, values: option.values }).collect(),
        attributes: wire.attributes.into_iter().map(attribute_in).collect(),
        media: wire.media.into_iter().map(media).collect(),
        tags: wire.tags,
        channels: wire.channels,
        window,
    }
}

pub(crate) fn listing_out(listing: &Listing) -> v1::Listing {
    let Listing { category_ids, options, attributes, media, tags, channels, window } = listing.clone();
    let media_out = |media: Media| v1::Media {
        kind: match media.kind {
            MediaKind::Image => v1::MediaKind::Image,
            MediaKind::Video => v1::MediaKind::Video,
            MediaKind::Document => v1::MediaKind::Document,
        }
        .into(),
        url: media.url,
        alt: media.alt,
    };
    let option_out = |option: Choice| v1::ProductOption { name: option.name, values: option.values };
    v1::Listing {
        category_ids,
        options: options.into_iter().map(option_out).collect(),
        attributes: attributes.into_iter().map(attribute_out).collect(),
        media: media.into_iter().map(media_out).collect(),
        tags,
        channels,
        visible_from: window.from.map(to_wire),
        visible_until: window.until.map(to_wire),
    }
}

/// What is so of a product that is shown.
#[must_use]
pub fn attributes_of(shown: &v1::Product) -> Vec<Attribute> {
    shown.attributes.iter().cloned().map(attribute_in).collect()
}

pub(crate) fn attribute_in(wire: v1::Attribute) -> Attribute {
    use v1::attribute::Value as Wire;
    let value = wire.value.map(|value| match value {
        Wire::Text(text) => Value::Text(text),
        Wire::Number(number) => Value::Number(number),
        Wire::Boolean(boolean) => Value::Boolean(boolean),
        Wire::Choice(choice) => Value::Choice(choice),
        Wire::Date(date) => Value::Date(date),
    });
    Attribute { name: wire.name, value }
}

pub(crate) fn attribute_out(attribute: Attribute) -> v1::Attribute {
    use v1::attribute::Value as Wire;
    let value = attribute.value.map(|value| match value {
        Value::Text(text) => Wire::Text(text),
        Value::Number(number) => Wire::Number(number),
        Value::Boolean(boolean) => Wire::Boolean(boolean),
        Value::Choice(choice) => Wire::Choice(choice),
        Value::Date(date) => Wire::Date(date),
    });
    v1::Attribute { name: attribute.name, value }
}
