//! Sessions: what each credential wrote last, so that its next read includes it without being asked to.
//!
//! A read that must wait for a position is slower than one that need not, so only positions of the group that is read
//! count, and of one partition when one actor is read. The memory is bounded and forgetful: a credential that is
//! forgotten reads what any replica has, as the `Shop-Position` header still allows it to insist.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use runtime::headers::Position;

use crate::identity::Credential;

/// Locks, so that workers rarely meet.
const SHARDS: usize = 16;

/// The positions of every credential's last writes.
#[derive(Debug)]
pub(crate) struct Sessions {
    shards: [Mutex<Shard>; SHARDS],
    /// How many credentials a generation of a shard holds.
    generation_max: usize,
}

/// Two generations: when the young one is full it becomes the old one, and the old one is forgotten. What is written
/// or read moves to the young one, so at least the `generation_max` credentials seen last are remembered.
#[derive(Debug, Default)]
struct Shard {
    young: HashMap<Credential, Vec<Position>>,
    old: HashMap<Credential, Vec<Position>>,
}

impl Sessions {
    /// Remembers at most `max` credentials (at least one in each shard).
    pub(crate) fn new(max: usize) -> Sessions {
        Sessions { shards: Default::default(), generation_max: (max / SHARDS / 2).max(1) }
    }

    /// A write was answered at this position.
    pub(crate) fn wrote(&self, credential: Credential, position: &Position) {
        let mut shard = self.shard(credential);
        let mut positions = shard.take(credential);
        let same = |known: &&mut Position| known.group == position.group && known.partition == position.partition;
        match positions.iter_mut().find(same) {
            Some(known) => known.sequence = known.sequence.max(position.sequence),
            None => positions.push(position.clone()),
        }
        shard.keep(credential, positions, self.generation_max);
    }

    /// Adds what a read of a group by this credential must include: one partition of it, or all.
    pub(crate) fn wait(&self, credential: Credential, group: &str, partition: Option<u32>, wait: &mut Vec<Position>) {
        let mut shard = self.shard(credential);
        let positions = shard.take(credential);
        if positions.is_empty() {
            return;
        }
        let counts = |known: &&Position| known.group == group && partition.is_none_or(|one| known.partition == one);
        for position in positions.iter().filter(counts) {
            if !wait.contains(position) {
                wait.push(position.clone());
            }
        }
        shard.keep(credential, positions, self.generation_max);
    }

    fn shard(&self, credential: Credential) -> std::sync::MutexGuard<'_, Shard> {
        self.shards[usize::from(credential[0]) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shard {
    fn take(&mut self, credential: Credential) -> Vec<Position> {
        self.young.remove(&credential).or_else(|| self.old.remove(&credential)).unwrap_or_default()
    }

    fn keep(&mut self, credential: Credential, positions: Vec<Position>, generation_max: usize) {
        if self.young.len() >= generation_max {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(credential, positions);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(group: &str, partition: u32, sequence: u64) -> Position {
        Position { group: group.to_owned(), partition, sequence }
    }

    fn waits(sessions: &Sessions, who: Credential, group: &str, partition: Option<u32>) -> Vec<String> {
        let mut wait = Vec::new();
        sessions.wait(who, group, partition, &mut wait);
        wait.iter().map(Position::to_string).collect()
    }

    #[test]
    fn a_read_waits_for_the_last_write_of_its_own_credential_group_and_partition() {
        let sessions = Sessions::new(1000);
        let (me, other) = ([1; 16], [2; 16]);
        for position in [at("order", 3, 7), at("order", 3, 5), at("order", 4, 9), at("cart", 3, 1)] {
            sessions.wrote(me, &position);
        }
        assert_eq!(waits(&sessions, me, "order", Some(3)), ["order/3/7"]);
        assert_eq!(waits(&sessions, me, "order", None), ["order/3/7", "order/4/9"]);
        assert_eq!(waits(&sessions, me, "order", Some(0)), [""; 0]);
        assert_eq!(waits(&sessions, other, "order", None), [""; 0]);
    }

    #[test]
    fn memory_is_bounded_and_who_is_seen_again_is_not_forgotten() {
        let sessions = Sessions::new(320);
        let me = [0; 16];
        sessions.wrote(me, &at("order", 0, 1));
        for n in 0..10_000_u32 {
            let mut other = [9; 16];
            other[0] = u8::try_from(n % 256).expect("below 256");
            other[1..5].copy_from_slice(&n.to_le_bytes());
            sessions.wrote(other, &at("order", 0, 1));
            if n % 32 == 0 {
                assert_eq!(waits(&sessions, me, "order", None), ["order/0/1"], "after {n}");
            }
        }
        let held: usize =
            sessions.shards.iter().map(|shard| shard.lock().expect("whole")).map(|s| s.young.len() + s.old.len()).sum();
        assert!(held <= 320, "{held} are held");
    }
}
