//! Defaults: the texts the shop comes with, so that a fresh one writes good mail. Staff's templates replace them one by
//! one. Each language is a file; e-mail is a text and the same in HTML, made from it by one frame.

mod de;
mod en;

use crate::template::Slot;
use crate::topic::{Channel, Topic};
use crate::writing::Parts;

/// A mail: its subject, its text, and what is inside the frame of its HTML.
pub(crate) struct Mail {
    subject: &'static str,
    text: &'static str,
    html: &'static str,
}

/// What the shop says in one language.
pub(crate) struct Language {
    locale: &'static str,
    mail: fn(Topic) -> Mail,
    brief: fn(Topic) -> (&'static str, &'static str),
}

const LANGUAGES: [&Language; 2] = [&en::ENGLISH, &de::GERMAN];

/// The slots that the shop came with texts for.
pub fn slots() -> impl Iterator<Item = Slot> {
    let topics = || Topic::ALL.into_iter().flat_map(|topic| Channel::ALL.map(|channel| (topic, channel)));
    LANGUAGES.into_iter().flat_map(move |language| {
        topics().map(|(topic, channel)| Slot { topic, channel, locale: language.locale.to_owned() })
    })
}

/// The text that the shop came with for a slot.
#[must_use]
pub fn text(slot: &Slot) -> Option<Parts> {
    let language = LANGUAGES.into_iter().find(|language| language.locale == slot.locale)?;
    let owned = |text: &str| text.to_owned();
    Some(match slot.channel {
        Channel::Email => {
            let Mail { subject, text, html } = (language.mail)(slot.topic);
            Parts { subject: owned(subject), text: owned(text), html: framed(language.locale, html) }
        }
        Channel::Sms => Parts { text: owned((language.brief)(slot.topic).1), ..Parts::default() },
        Channel::Push => {
            let (title, text) = (language.brief)(slot.topic);
            Parts { subject: owned(title), text: owned(text), html: String::new() }
        }
    })
}

/// The frame of every mail: one column that any mail program shows, without pictures or anything to load.
fn framed(locale: &str, html: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{locale}\">\n<body style=\"margin:0;padding:24px;background:#f5f5f4;\
         font-family:sans-serif;color:#1c1917\">\n<div style=\"max-width:560px;margin:auto;padding:24px;background:#fff;\
         border-radius:8px;line-height:1.5\">\n{html}\n</div>\n</body>\n</html>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::writing;

    #[test]
    fn every_default_passes_the_check_that_staffs_templates_pass() {
        let mut slots_seen = 0;
        for slot in slots() {
            let parts = text(&slot).expect("a text for every slot");
            assert_eq!(writing::check(slot.topic, slot.channel, &parts), Ok(()), "{slot:?}");
            slots_seen += 1;
        }
        assert_eq!(slots_seen, 2 * Topic::ALL.len() * 3, "two languages, three channels");
    }

    #[test]
    fn a_text_reads_well_without_a_name() {
        for locale in ["en", "de"] {
            let slot = Slot { topic: Topic::Delivered, channel: Channel::Email, locale: locale.to_owned() };
            let values = serde_json::json!({"name": "", "order_id": "ord_1"});
            let written = writing::write(&text(&slot).expect("a text"), &values).expect("a mail");
            let greeting = if locale == "en" { "Hello,\n" } else { "Guten Tag,\n" };
            assert!(written.text.starts_with(greeting), "{}", written.text);
        }
    }

    #[test]
    fn an_order_is_listed_line_by_line() {
        let slot = Slot { topic: Topic::OrderConfirmed, channel: Channel::Email, locale: "en".to_owned() };
        let written = writing::write(&text(&slot).expect("a text"), &writing::sample(slot.topic)).expect("a mail");
        expect_test::expect![[r#"
            Hello Ada Lovelace,

            thank you for your order. We have it, and will tell you when it is on its way.

            2 × Trail shirt Red, M  59.98 EUR
            1 × Mug, blue  9.90 EUR

            Not here yet, and sent as soon as it is:
            1 × Mug, blue  expected on 2026-03-01

            Total: 74.78 EUR
            Shipping: Standard
            Order: ord_01h455vb4pex5vsknk084sn02q"#]]
        .assert_eq(&written.text);
    }
}
