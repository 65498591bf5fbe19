//! The feed as those who ask see it.

use prost::Message as _;
use runtime::entity::Recorded as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{self, Asked, Page};
use runtime::view::{View, Writer};

use crate::feed::{Feed, Kept};
use crate::pattern;
use crate::wire::{self, Problem, v1};

/// What was kept.
///
/// Rows: `f<number>` an event as shown.
pub struct Events;

impl View for Events {
    const NAME: &'static str = "events";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if event.state::<Feed>().is_none() {
            return;
        }
        if let Ok(kept) = Kept::recall(&event.event_type, &event.data) {
            rows.put(&[b"f", &kept.number.to_be_bytes()[..]].concat(), wire::feed::shown(&kept).encode_to_vec());
        }
    }
}

/// What happened in the shop, the oldest first.
///
/// # Errors
/// `bad_cursor`, `bad_pattern`.
pub fn list(views: &Views<'_>, request: &v1::ListEventsRequest) -> Result<v1::ListEventsResponse, Problem> {
    let v1::ListEventsRequest { limit, after, r#type } = request;
    let patterns: Vec<String> = Some(r#type.clone()).filter(|pattern| !pattern.is_empty()).into_iter().collect();
    wire::endpoints::known_patterns(&patterns)?;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: None, sort: None };
    let wanted = |event: &v1::ShopEvent| patterns.is_empty() || pattern::any_wants(&patterns, &event.event_type);
    let entry = |key: &[u8], row: &[u8]| {
        let event = v1::ShopEvent::decode(row).ok().filter(wanted)?;
        Some(v1::ShopEvent { cursor: paging::cursor(key), ..event })
    };
    let Page { data, has_more, next } = asked.page(&views.of::<Events>(), "number", |_| b"f".to_vec(), entry)?;
    Ok(v1::ListEventsResponse { data, has_more, next })
}

/// A shop that keeps no events says so, and does not look like one in which nothing happens.
///
/// # Errors
/// `events_not_kept`.
pub fn none(_: &Views<'_>, _: &v1::ListEventsRequest) -> Result<v1::ListEventsResponse, Problem> {
    Err(wire::feed::not_kept())
}
