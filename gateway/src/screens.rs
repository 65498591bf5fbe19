//! Screens: one answer for what a page of a shop shows, put together from several questions of the contract.
//!
//! Which screens there are, and what they ask, a crate beside this one says; the gateway only mounts them. Each part is a
//! read or a query that has a door of its own, asked for the same caller, with the same rights, limits and positions as
//! at that door, so a screen shows nobody more than the single calls would. What can be asked at once is asked at once,
//! and all of it within the time of one request.
//!
//! A part that is refused or not answered is a problem in its place, and the screen is `partial`; only without its first
//! part there is no screen.

mod document;
mod show;

use std::collections::BTreeMap;

use messages::json::{Json, Object};
use messages::route::Route;

pub(crate) use document::path;
pub(crate) use show::Mounted;

/// A page of a shop.
#[derive(Debug)]
pub struct Screen {
    /// The last word of its name in the documentation: `home`.
    pub name: &'static str,
    /// Where it is, with parameters in braces.
    pub path: &'static str,
    /// What it shows.
    pub doc: &'static str,
    /// The query parameters that it takes.
    pub query: &'static [Param],
    /// For how many seconds the screen of somebody who showed nothing may be kept by anybody. Stock and prices are asked
    /// again when something is bought.
    pub max_age_s: Option<u32>,
    /// What is asked. Without the first of those that are shown there is no screen.
    pub parts: &'static [Part],
}

/// A parameter of a screen's path or query.
#[derive(Debug)]
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// The longest value.
    pub max_length: usize,
}

/// A part of a screen.
#[derive(Debug)]
pub struct Part {
    /// Its name in the answer.
    pub name: &'static str,
    /// What is asked: `product.get`.
    pub rpc: &'static str,
    /// The request, as far as what is known tells it.
    pub ask: fn(&Known<'_>) -> Wish,
    /// Whether the part is shown, or only tells others what to ask.
    pub shown: bool,
}

/// What a part wants.
#[derive(Debug)]
pub enum Wish {
    /// To ask this.
    Ask(Object),
    /// To ask when more is known.
    Later,
    /// Nothing: there is nothing to ask about.
    Nothing,
}

/// What came of a part.
#[derive(Debug, Clone, Copy)]
pub enum Said<'a> {
    /// It was not answered yet.
    NotYet,
    /// There is no answer to come.
    Nothing,
    /// This.
    This(&'a Json),
}

/// What is known while a screen is made.
#[derive(Debug)]
pub struct Known<'a> {
    params: BTreeMap<&'a str, String>,
    person: Option<&'a str>,
    /// What parts have come to; without an answer, nothing.
    said: BTreeMap<&'static str, Option<Json>>,
}

impl Known<'_> {
    /// A parameter of the path or the query.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name).map(String::as_str)
    }

    /// Who asks, if it is a person who is known.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        self.person
    }

    /// What a part was answered.
    #[must_use]
    pub fn part(&self, name: &str) -> Said<'_> {
        match self.said.get(name) {
            None => Said::NotYet,
            Some(None) => Said::Nothing,
            Some(Some(said)) => Said::This(said),
        }
    }
}

impl Part {
    /// The rpc that it asks.
    #[must_use]
    pub fn route(&self) -> Option<&'static Route> {
        Route::named(self.rpc)
    }
}
