//! Paging: cursors that say nothing to anyone but the code that made them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use messages::problem::Problem;

use crate::problems::bad_cursor;
use crate::view::Rows;

/// How many entries a page has when nobody says how many.
pub const LIMIT: usize = 20;

/// A cursor that stands at a key.
#[must_use]
pub fn cursor(key: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(key)
}

/// The key a cursor stands at.
///
/// # Errors
/// `bad_cursor` when it is not one of ours.
pub fn key(cursor: &str) -> Result<Vec<u8>, Problem> {
    URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad_cursor())
}

pub(crate) fn version_cursor(version: u64) -> String {
    cursor(format!("v{version}").as_bytes())
}

pub(crate) fn version(cursor: &str) -> Result<u64, Problem> {
    let key = key(cursor)?;
    let version = std::str::from_utf8(&key).ok().and_then(|text| text.strip_prefix('v')).and_then(|n| n.parse().ok());
    version.ok_or_else(bad_cursor)
}

/// Cuts a page out of one row more than fits: the entries, whether there are more, and the cursor to go on from.
#[must_use]
pub fn page<T>(mut rows: Vec<(Vec<u8>, T)>, limit: usize) -> (Vec<T>, bool, Option<String>) {
    let has_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| has_more).map(|(key, _)| cursor(key));
    (rows.into_iter().map(|(_, entry)| entry).collect(), has_more, next)
}

/// What a caller asks of a list: the contract gives all of them these fields.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// How many entries.
    pub limit: Option<u32>,
    /// Only what comes after this cursor.
    pub after: Option<&'a str>,
    /// Only what comes before this cursor.
    pub before: Option<&'a str>,
    /// The order; a minus turns it round.
    pub sort: Option<&'a str>,
}

/// A page of a list.
pub struct Page<T> {
    /// The entries.
    pub data: Vec<T>,
    /// There are more.
    pub has_more: bool,
    /// The cursor to go on from.
    pub next: Option<String>,
}

impl Asked<'_> {
    /// How many entries the page holds.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(LIMIT)
    }

    /// A page of rows sorted by key. `prefix` gives the rows of a field's order; `entry` makes an entry of a row, or
    /// `None` when it is not wanted.
    ///
    /// # Errors
    /// `bad_cursor`.
    pub fn page<T>(
        &self,
        rows: &Rows,
        default_sort: &str,
        prefix: impl Fn(&str) -> Vec<u8>,
        entry: impl Fn(&[u8], &[u8]) -> Option<T>,
    ) -> Result<Page<T>, Problem> {
        let sort = self.sort.unwrap_or(default_sort);
        let (field, falling) = sort.strip_prefix('-').map_or((sort, false), |field| (field, true));
        let (prefix, limit) = (prefix(field), self.limit());
        // Going back through a rising list is going forth through a falling one; the page is turned round at the end.
        let back = self.before.is_some();
        let mut place = self.before.or(self.after).map(key).transpose()?;
        if place.as_ref().is_some_and(|place| !place.starts_with(&prefix)) {
            // Of another list, or made up.
            return Err(bad_cursor());
        }
        let mut found: Vec<(Vec<u8>, T)> = Vec::new();
        while found.len() <= limit {
            let chunk = if falling == back {
                rows.scan(&prefix, place.as_deref(), CHUNK.max(limit))
            } else {
                rows.scan_back(&prefix, place.as_deref(), CHUNK.max(limit))
            };
            let Some((last, _)) = chunk.last() else { break };
            place = Some(last.clone());
            found.extend(
                chunk.into_iter().filter_map(|(key, value)| Some((entry(&key, &value)?, key)).map(|(e, k)| (k, e))),
            );
        }
        let (mut data, has_more, next) = page(found, limit);
        if back {
            data.reverse();
        }
        Ok(Page { data, has_more, next })
    }
}

/// How many rows are read at once while looking for entries that are wanted.
const CHUNK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_the_key_it_was_made_of() {
        assert_eq!(key(&cursor(b"a\0b")), Ok(b"a\0b".to_vec()));
        assert_eq!(version(&version_cursor(7)), Ok(7));
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let rows = crate::view::Rows::open("v", None);
        let page = |cursor: &str| {
            let asked = Asked { after: Some(cursor), ..Asked::default() };
            asked.page(&rows, "name", |_| b"b/".to_vec(), |_, _| Some(())).map(|page| page.data.len())
        };
        assert_eq!(page(&cursor(b"b/1")), Ok(0));
        for foreign in [&b"a/1"[..], b"c/1", b"b", b""] {
            assert_eq!(
                page(&cursor(foreign)).map_err(|problem| problem.code),
                Err("bad_cursor".to_owned()),
                "{foreign:?}"
            );
        }
    }

    #[test]
    fn a_foreign_cursor_is_refused() {
        for foreign in ["%", "djM=", "eA"] {
            assert!(version(foreign).is_err(), "{foreign}");
        }
    }
}
