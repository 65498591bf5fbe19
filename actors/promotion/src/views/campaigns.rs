//! Campaigns: all of them in several orders, and what those say that are in force.

use prost::Message as _;
use runtime::clock::from_wire;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging::{Asked, Page};
use runtime::view::{Rows, View, Writer};

use super::{LOOK_MAX, id_of, key};
use crate::campaign::{Campaign, Status};
use crate::terms::Terms;
use crate::wire::{self, Problem, v1};

/// Rows: `c<id>` a campaign · `a<id>` what an active one says · `s<order>\0<value>\0<id>` sorts campaigns.
pub struct Campaigns;

impl View for Campaigns {
    const NAME: &'static str = "campaigns";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(campaign) = event.state::<Campaign>() else { return };
        let Some(shown) = wire::campaign(campaign, event.version) else { return };
        if let Some(before) = row(rows, &campaign.id) {
            order_keys(&before).iter().for_each(|key| rows.remove(key));
        }
        order_keys(&shown).iter().for_each(|key| rows.put(key, Vec::new()));
        rows.put(&key(b'c', &[&campaign.id]), shown.encode_to_vec());
        let active = key(b'a', &[&campaign.id]);
        if campaign.status == Some(Status::Active) {
            rows.put(&active, wire::terms(&campaign.terms).encode_to_vec());
        } else {
            rows.remove(&active);
        }
    }
}

/// A campaign as shown.
pub(super) fn row(rows: &Rows, id: &str) -> Option<v1::Campaign> {
    v1::Campaign::decode(rows.get(&key(b'c', &[id]))?.as_slice()).ok()
}

/// What a campaign says, if it is active.
pub(super) fn active(rows: &Rows, id: &str) -> Option<Terms> {
    terms_of(&rows.get(&key(b'a', &[id]))?)
}

/// Every active campaign.
pub(super) fn all_active(rows: &Rows) -> impl Iterator<Item = (String, Terms)> {
    let found = rows.scan(b"a", None, LOOK_MAX).into_iter();
    found.filter_map(|(key, row)| Some((id_of(key.get(1..)?), terms_of(&row)?)))
}

fn terms_of(row: &[u8]) -> Option<Terms> {
    wire::terms_in(v1::Terms::decode(row).ok()?).ok()
}

fn order_keys(campaign: &v1::Campaign) -> [Vec<u8>; 3] {
    let id = campaign.campaign_id.as_bytes();
    let time = from_wire(campaign.created_at.as_ref()).as_microsecond();
    [
        [b"screated_at\0", &time.to_be_bytes()[..], b"\0", id].concat(),
        [b"stitle\0", campaign.title.to_lowercase().as_bytes(), b"\0", id].concat(),
        [b"spriority\0", &campaign.priority.unwrap_or_default().to_be_bytes()[..], b"\0", id].concat(),
    ]
}

/// Campaigns, a page at a time.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &v1::ListCampaignsRequest) -> Result<v1::ListCampaignsResponse, Problem> {
    let rows = views.of::<Campaigns>();
    let v1::ListCampaignsRequest { limit, after, before, sort, status } = request;
    let asked = Asked { limit: *limit, after: after.as_deref(), before: before.as_deref(), sort: sort.as_deref() };
    let wanted = |campaign: &v1::Campaign| {
        let Some(filter) = status else { return true };
        let is = campaign.status;
        (filter.r#in.is_empty() || filter.r#in.contains(&is)) && (filter.eq == 0 || filter.eq == is)
    };
    let Page { data, has_more, next } = asked.page(
        &rows,
        "-created_at",
        |field| [b"s", field.as_bytes(), b"\0"].concat(),
        |key, _| row(&rows, &id_of(key)).filter(wanted),
    )?;
    Ok(v1::ListCampaignsResponse { data, has_more, next })
}
