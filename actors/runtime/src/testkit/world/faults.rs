//! Faults: what a test lets go wrong.

use std::time::Duration;

use tokio::time::Instant;

use super::World;

/// The longest a storm leaves everybody alone. Some cuts end before either side notices, some long after.
const LULL_MAX: Duration = Duration::from_secs(4);

/// How often things go wrong by themselves, in permille.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Odds {
    /// A core message vanishes on a hop.
    pub message_lost: u32,
    /// A core message arrives twice.
    pub message_doubled: u32,
    /// A core message arrives up to two seconds late and is overtaken.
    pub message_delayed: u32,
    /// An append never reaches the log; its outcome is unknown.
    pub append_lost: u32,
    /// An append lands but its ack vanishes; its outcome is unknown.
    pub ack_lost: u32,
    /// An append lands later, if its expectation still holds; its outcome is unknown, at once or after the time-out.
    pub append_late: u32,
    /// An append arrives twice. The second can only be refused, and nobody waits for that answer any more.
    pub append_doubled: u32,
    /// A question about the log gets no answer.
    pub read_unanswered: u32,
    /// A tail ends with an error instead of delivering an entry.
    pub tail_ended: u32,
    /// A tail delivers the last few entries once more.
    pub tail_repeated: u32,
    /// Word about a heard turn vanishes.
    pub receipt_lost: u32,
}

impl Odds {
    /// Nothing goes wrong.
    pub const FAIR: Odds = Odds {
        message_lost: 0,
        message_doubled: 0,
        message_delayed: 0,
        append_lost: 0,
        ack_lost: 0,
        append_late: 0,
        append_doubled: 0,
        read_unanswered: 0,
        tail_ended: 0,
        tail_repeated: 0,
        receipt_lost: 0,
    };

    /// Everything goes wrong often enough to be seen in a hundred commands, and seldom enough that most succeed.
    pub const ROUGH: Odds = Odds {
        message_lost: 10,
        message_doubled: 10,
        message_delayed: 20,
        append_lost: 20,
        ack_lost: 20,
        append_late: 20,
        append_doubled: 10,
        read_unanswered: 20,
        tail_ended: 5,
        tail_repeated: 5,
        receipt_lost: 20,
    };
}

/// The faults of a world. Replicas are named `<group>.<replica>`.
pub struct Faults<'a>(pub(super) &'a World);

impl Faults<'_> {
    /// Sets how often things go wrong by themselves.
    pub fn set(&self, odds: Odds) {
        self.0.shared().change(|state| state.odds = odds);
    }

    /// Cuts a replica off without telling either side. What it sends is kept until the link heals; after a few
    /// seconds the server gives it up, and what it wrote before it noticed is lost.
    pub fn cut(&self, replica: &str) {
        self.0.shared().change(|state| state.cut(replica));
    }

    /// Ends a cut.
    pub fn heal(&self, replica: &str) {
        self.0.shared().change(|state| state.heal(replica));
    }

    /// Stops a replica's process, as SIGSTOP does: its fabric does nothing and answers nothing until it is resumed.
    /// (Its timers are the runtime's and go on; whatever they want of the fabric waits.)
    pub fn pause(&self, replica: &str) {
        self.0.shared().change(|state| state.pause(replica));
    }

    /// Lets a paused replica go on. What had been sent to it arrives now.
    pub fn resume(&self, replica: &str) {
        self.0.shared().change(|state| state.resume(replica));
    }

    /// Kills a replica's process. What it had sent still arrives; its fabric never answers again, and whoever waits for
    /// it waits until the runtime ends. [`World::fabric`] with the same name is its successor.
    pub fn kill(&self, replica: &str) {
        self.0.shared().change(|state| state.kill(replica));
    }

    /// Leaves a group's log without a leader for a while: appends have unknown outcomes, reads are not answered, or
    /// answered from the old leader's copy, which goes on for as long again after the election.
    pub fn leader_change(&self, group: &str, lasting: Duration) {
        self.0.shared().change(|state| state.leader_change(group, lasting));
    }

    /// Fills the account: logs, feed and dead letters refuse writes.
    pub fn storage_full(&self, full: bool) {
        self.storage_used(if full { 100 } else { 0 });
    }

    /// Says how full the account is, in per cent. At 100 it refuses writes.
    pub fn storage_used(&self, percent: u64) {
        self.0.shared().change(|state| state.storage_used_percent = percent);
    }

    /// Puts another stream in the place of a group's log, as restoring a backup does: same name, created now, with
    /// the first `kept` messages of the old one. Tails and hearings of the old one break.
    pub fn replace_log(&self, group: &str, kept: u64) {
        self.0.shared().change(|state| state.replace_log(group, kept));
    }

    /// Lets everything go wrong for a while: rough odds, and every few seconds a cut, a pause or an election. Ends
    /// with [`quiet`](Self::quiet).
    pub async fn storm(&self, lasting: Duration) {
        let end = Instant::now() + lasting;
        self.set(Odds::ROUGH);
        while Instant::now() < end {
            let lull = self.0.shared().change(|state| state.dice.up_to(LULL_MAX));
            self.0.pass(lull).await;
            self.0.shared().change(super::State::strike);
        }
        self.quiet();
    }

    /// Ends every fault: links heal, processes go on, elections end. Killed replicas stay dead, and what is late
    /// already is still to come.
    pub fn quiet(&self) {
        self.0.shared().change(super::State::quiet);
    }
}
