//! Read models: messages, what people chose, templates, webhooks, and the feed.

pub mod feed;
pub mod sent;
pub mod templates;
pub mod webhooks;

use runtime::fold::Folded;
use runtime::view::{Rows, View, Writer};

use crate::preferences::{Choices, Preferences};

pub use feed::Events;
pub use sent::Messages;
pub use templates::{Templates, texts};
pub use webhooks::Webhooks;

/// What people chose, by person. A message notes it when it is written, wherever that is.
///
/// Rows: `<user id>` what they chose.
pub struct Chosen;

impl View for Chosen {
    const NAME: &'static str = "chosen";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        if let Some(preferences) = event.state::<Preferences>() {
            rows.write(event.actor.id.as_bytes(), &preferences.choices);
        }
    }
}

/// What a person chose; nothing when they never did.
#[must_use]
pub fn chosen(rows: &Rows, user_id: &str) -> Choices {
    rows.read(user_id.as_bytes()).unwrap_or_default()
}
