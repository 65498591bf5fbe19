//! The members' bucket: the last word on each key, forgotten after a while without a word about it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::state::State;
use crate::fabric::Member;

/// How long the bucket remembers (`max_age`).
const REMEMBERED: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct Bucket {
    revision: u64,
    said: BTreeMap<u64, Said>,
}

struct Said {
    member: Member,
    at: Instant,
}

impl Said {
    fn is_remembered(&self) -> bool {
        self.at.elapsed() < REMEMBERED
    }
}

impl Bucket {
    /// The last revision of all.
    pub(super) fn revision(&self) -> u64 {
        self.revision
    }

    /// The last word on each key with a prefix, in the order in which they were said.
    pub(super) fn present(&self, prefix: &str) -> Vec<Member> {
        let mut keys = BTreeSet::new();
        let latest_first = self.said.values().rev();
        let of_group = latest_first.filter(|said| said.is_remembered() && said.member.key.starts_with(prefix));
        let mut present: Vec<Member> =
            of_group.map(|said| said.member.clone()).filter(|member| keys.insert(member.key.clone())).collect();
        present.reverse();
        present
    }

    /// Everything said about keys with a prefix after a revision.
    pub(super) fn changes(&self, prefix: &str, after: u64) -> Vec<Member> {
        let later = self.said.range(after + 1..).map(|(_, said)| &said.member);
        later.filter(|member| member.key.starts_with(prefix)).cloned().collect()
    }
}

impl State {
    pub(super) fn say(&mut self, key: String, says: Option<Bytes>) {
        self.note(format_args!("{key} {}", if says.is_some() { "says that it lives" } else { "leaves" }));
        let bucket = &mut self.bucket;
        bucket.said.retain(|_, said| said.is_remembered());
        bucket.revision += 1;
        bucket.said.insert(bucket.revision, Said { member: Member { key, says }, at: Instant::now() });
    }
}
