//! Templates as lists and letters find them: what staff wrote lies over what the shop came with.

use std::collections::BTreeMap;

use prost::Message as _;
use runtime::fold::Folded;
use runtime::group::Views;
use runtime::paging;
use runtime::view::{Rows, View, Writer};

use crate::defaults;
use crate::template::{Slot, Template};
use crate::topic::{Channel, Topic, fallbacks};
use crate::wire::letters::InUse;
use crate::wire::texts::{built_in, in_use, shown, template};
use crate::wire::{Problem, channel_in, template_id, topic_in, v1};

/// How many templates are looked at: there are nine topics, three channels and a few languages.
const LOOK_MAX: usize = 10_000;

/// What staff wrote.
///
/// Rows: `t<topic>.<channel>.<locale>` the template · `i<id>` its slot's words, so that it is found when it is given up.
pub struct Templates;

impl View for Templates {
    const NAME: &'static str = "templates";
    const FOLD: u32 = 1;

    fn fold(rows: &mut Writer, event: &Folded) {
        let Some(now) = event.state::<Template>() else { return };
        let id = [b"i", event.actor.id.as_bytes()].concat();
        match &now.text {
            Some(text) => {
                let words = words(&text.slot);
                if let Some(shown) = template(now, &event.actor.id, event.version) {
                    rows.put(&key(&words), shown.encode_to_vec());
                    rows.put(&id, words.into_bytes());
                }
            }
            None => {
                let Some(words) = rows.get(&id) else { return };
                rows.remove(&[b"t", &words[..]].concat());
                rows.remove(&id);
            }
        }
    }
}

fn words(slot: &Slot) -> String {
    format!("{}.{}.{}", slot.topic.word(), slot.channel.word(), slot.locale)
}

fn key(words: &str) -> Vec<u8> {
    [b"t", words.as_bytes()].concat()
}

fn written(rows: &Rows, slot: &Slot) -> Option<v1::Template> {
    v1::Template::decode(rows.get(&key(&words(slot)))?.as_slice()).ok()
}

/// The texts for a topic, channel and locale, the best first: in each language what staff wrote before what the shop came
/// with.
#[must_use]
pub fn texts(rows: &Rows, topic: Topic, channel: Channel, locale: &str) -> Vec<InUse> {
    let slots = fallbacks(locale).into_iter().map(|locale| Slot { topic, channel, locale });
    let both = slots.flat_map(|slot| {
        let own = built_in(&slot).map(|text| InUse { version: 0, text });
        [written(rows, &slot).and_then(in_use), own]
    });
    both.flatten().collect()
}

/// All templates, by topic, channel and locale.
///
/// # Errors
/// `bad_cursor`.
pub fn list(views: &Views<'_>, request: &v1::ListTemplatesRequest) -> Result<v1::ListTemplatesResponse, Problem> {
    let rows = views.of::<Templates>();
    let v1::ListTemplatesRequest { limit, after, before, topic } = request;
    let came_with = defaults::slots().filter_map(|slot| Some((words(&slot), shown(&built_in(&slot)?, 0, true, None))));
    let mut all: BTreeMap<String, v1::Template> = came_with.collect();
    for (key, row) in rows.scan(b"t", None, LOOK_MAX) {
        let words = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
        if let Ok(template) = v1::Template::decode(row.as_slice()) {
            all.insert(words, template);
        }
    }
    if let Some(v1::TopicFilter { eq, r#in: any }) = topic {
        all.retain(|_, is| (*eq == 0 || *eq == is.topic) && (any.is_empty() || any.contains(&is.topic)));
    }
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(paging::LIMIT);
    let mut found: Vec<(Vec<u8>, v1::Template)> = all.into_iter().map(|(k, t)| (k.into_bytes(), t)).collect();
    if let Some(before) = before {
        let before = paging::key(before)?;
        found.retain(|(key, _)| *key < before);
        found.reverse();
        let (mut data, has_more, next) = paging::page(found, limit);
        data.reverse();
        return Ok(v1::ListTemplatesResponse { data, has_more, next });
    }
    if let Some(after) = after {
        let after = paging::key(after)?;
        found.retain(|(key, _)| *key > after);
    }
    let (data, has_more, next) = paging::page(found, limit);
    Ok(v1::ListTemplatesResponse { data, has_more, next })
}

/// Which template a message would be written with.
///
/// # Errors
/// `no_template`.
pub fn resolve(
    views: &Views<'_>,
    request: &v1::ResolveTemplateRequest,
) -> Result<v1::ResolveTemplateResponse, Problem> {
    let no_template = || Problem::not_found("no_template", "there is no template for this topic and channel");
    let topic = topic_in(request.topic()).ok_or_else(no_template)?;
    let channel = channel_in(request.channel()).ok_or_else(no_template)?;
    let id = template_id(&Slot { topic, channel, locale: request.locale.clone() });
    let rows = views.of::<Templates>();
    let best = texts(&rows, topic, channel, &request.locale).into_iter().next().ok_or_else(no_template)?;
    let kept = (best.version > 0).then(|| written(&rows, &best.text.slot)).flatten();
    let template = kept.unwrap_or_else(|| shown(&best.text, 0, true, None));
    Ok(v1::ResolveTemplateResponse { template_id: id, template: Some(template) })
}
