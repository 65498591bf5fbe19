//! Quotes: contract to domain and back.

use prost::Message as _;
use runtime::clock::{from_wire, to_wire};
use runtime::desk::{Desk, Window};
use runtime::entity::{Recorded, Undecodable};

use super::basket::{Wanted, no_price, quote_wanted};
use super::sums::{quote_of, sums_of};
use super::{Problem, no_money, unreadable, v1};
use crate::quote::{Command, Event, Made, Quote, Refusal};
use crate::reckon::{Basket, reckon};
use crate::views::{self, Prices};

/// A quote notes prices and taxes as they are known here and now. While the read model is made anew there is no quote: a
/// tax that is missing from it would be missing from the total for ever.
pub(crate) fn create_quote(
    desk: &mut Desk<'_>,
    request: &v1::CreateQuoteRequest,
) -> Result<v1::CreateQuoteResponse, Problem> {
    let id = &request.quote_id;
    let Wanted { asked, lines, adjustments, shipping } = quote_wanted(desk.facts(), request)?;
    let rows = desk.live_rows::<Prices>()?;
    let terms = views::terms(&rows, &asked, desk.facts().now);
    let (lines, unpriced) = views::priced(&rows, &terms, &lines);
    if !unpriced.is_empty() {
        return Err(no_price(&unpriced));
    }
    let sums = Box::new(reckon(&Basket { terms, lines, adjustments, shipping })?);
    desk.tell::<Quote>(id, Command::Make { id: id.clone(), asked, sums })?;
    let quote = desk.see::<Quote>(id);
    let Quote::Made(made) = quote.as_ref() else { return Err(Refusal::NotFound.into()) };
    Ok(v1::CreateQuoteResponse { quote: Some(quote_out(made)) })
}

/// The life of a quote is its owner's to see, like the quote.
pub(crate) fn may_see_history(window: &Window<'_>, request: &v1::GetQuoteHistoryRequest) -> Result<(), Problem> {
    get_quote(window, &v1::GetQuoteRequest { quote_id: request.quote_id.clone() }).map(drop)
}

/// Shows a quote to its owner, to staff and to groups that act for either.
pub(crate) fn get_quote(window: &Window<'_>, request: &v1::GetQuoteRequest) -> Result<v1::GetQuoteResponse, Problem> {
    match window.see::<Quote>(&request.quote_id).as_ref() {
        Quote::Made(made) if window.caller().may_touch(&made.asked.user_id) => {
            Ok(v1::GetQuoteResponse { quote: Some(quote_out(made)) })
        }
        Quote::Made(_) | Quote::Unknown => Err(Refusal::NotFound.into()),
    }
}

/// A quote as the world sees it. It never changes, so it has its first version for ever.
fn quote_out(made: &Made) -> v1::Quote {
    v1::Quote {
        quote_id: made.id.clone(),
        version: 1,
        expires_at: Some(to_wire(made.expires_at)),
        created_at: Some(to_wire(made.created_at)),
        ..quote_of(&made.asked, &made.sums)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", refusal.to_string()),
            Refusal::AlreadyExists => Problem::conflict("already_exists", refusal.to_string()),
        }
    }
}

impl Recorded for Event {
    fn record(&self) -> (&'static str, Vec<u8>) {
        let Event::Created(made) = self;
        let event = v1::QuoteCreated {
            quote_id: made.id.clone(),
            user_id: made.asked.user_id.clone(),
            quote: Some(quote_out(made)),
            at: Some(to_wire(made.created_at)),
        };
        ("quote.created", event.encode_to_vec())
    }

    fn recall(event_type: &str, data: &[u8]) -> Result<Self, Undecodable> {
        if event_type != "quote.created" {
            return Err(Undecodable::new(event_type, "a quote has no such event"));
        }
        let event = v1::QuoteCreated::decode(data).map_err(unreadable(event_type))?;
        let quote = event.quote.unwrap_or_default();
        let (created_at, expires_at) = (from_wire(event.at.as_ref()), from_wire(quote.expires_at.as_ref()));
        let (asked, sums) = sums_of(quote).map_err(no_money(event_type))?;
        Ok(Event::Created(Box::new(Made { id: event.quote_id, asked, sums, created_at, expires_at })))
    }
}
