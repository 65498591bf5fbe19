//! Links: the way between a replica and the server, and all that can happen to it.
//!
//! A link keeps the order of what it carries, in each direction. Neither side is told of a cut: the server gives up a
//! client that answers no pings, the client notices later, and what is sent in between waits or is lost.

use std::time::Duration;

use tokio::time::Instant;

use super::schedule::Event;
use super::state::State;

/// The server pings every 2 s and gives a client up when two pings stay unanswered (`ping_interval`, `ping_max`).
const SERVER_NOTICES: Duration = Duration::from_secs(5);
/// The client pings every 5 s and gives the connection up when two pings stay unanswered.
const CLIENT_NOTICES: Duration = Duration::from_secs(11);
/// The client tries again soon, and later and later.
const RECONNECT_MAX: Duration = Duration::from_millis(500);

/// One connection of one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LinkId(pub(super) u64);

pub(super) struct Link {
    /// `<group>.<replica>`.
    pub(super) name: String,
    health: Health,
    paused: bool,
    /// Whether the server believes that the client is there. If not, nothing is sent to it.
    known: bool,
    /// When the client noticed that its connection is gone. What it sends from then on waits in the client and is not
    /// lost with the connection.
    noticed: Option<Instant>,
    /// How often the client has lost its connection.
    pub(super) breaks: u64,
    /// Counts what happened to the link, so that what was foreseen then is not done now.
    episode: u64,
    up: Way,
    down: Way,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Health {
    Whole,
    Cut,
    Dead,
}

/// One direction of a link.
struct Way {
    /// When the last thing under way arrives: nothing sent later arrives earlier.
    clear: Instant,
    /// What cannot go on, with the time it was sent.
    stuck: Vec<(Instant, Event)>,
}

impl Way {
    fn new() -> Way {
        Way { clear: Instant::now(), stuck: Vec::new() }
    }

    fn arrival(&mut self, hop: Duration) -> Instant {
        self.clear = self.clear.max(Instant::now() + hop);
        self.clear
    }
}

impl Link {
    fn new(name: String) -> Link {
        Link {
            name,
            health: Health::Whole,
            paused: false,
            known: true,
            noticed: None,
            breaks: 0,
            episode: 0,
            up: Way::new(),
            down: Way::new(),
        }
    }

    pub(super) fn is_dead(&self) -> bool {
        self.health == Health::Dead
    }

    /// Whether it is cut or its process stopped.
    pub(super) fn is_struck(&self) -> bool {
        self.health == Health::Cut || self.paused
    }

    /// Whether the process runs.
    pub(super) fn runs(&self) -> bool {
        !self.paused && !self.is_dead()
    }

    /// Whether the server counts its subscriptions.
    pub(super) fn is_known(&self) -> bool {
        self.known
    }

    /// Whether what the server sends arrives now.
    pub(super) fn flows(&self) -> bool {
        self.known && self.health == Health::Whole && !self.paused
    }
}

impl State {
    pub(super) fn connect(&mut self, name: String) -> LinkId {
        let id = LinkId(self.number());
        self.links.insert(id, Link::new(name));
        id
    }

    pub(super) fn link(&mut self, id: LinkId) -> &mut Link {
        self.links.get_mut(&id).expect("links are never removed")
    }

    /// Sends something from a client to the server.
    pub(super) fn up(&mut self, id: LinkId, frame: impl FnOnce(&mut State) + Send + 'static) {
        self.carry_up(id, Instant::now(), Box::new(frame));
    }

    fn carry_up(&mut self, id: LinkId, sent: Instant, frame: Event) {
        let hop = self.dice.hop();
        let arrival = self.link(id).up.arrival(hop);
        self.at(arrival, move |state| {
            let link = state.link(id);
            // A dead process is not a cut: what it had written is in the network.
            if link.health == Health::Cut || !link.known && !link.is_dead() {
                link.up.stuck.push((sent, frame));
            } else {
                frame(state);
            }
        });
    }

    /// Sends something from the server to a client.
    pub(super) fn down(&mut self, id: LinkId, frame: impl FnOnce(&mut State) + Send + 'static) {
        self.carry_down(id, Box::new(frame));
    }

    fn carry_down(&mut self, id: LinkId, frame: Event) {
        let hop = self.dice.hop();
        let link = self.link(id);
        if !link.known {
            return;
        }
        let arrival = link.down.arrival(hop);
        self.at(arrival, move |state| {
            let link = state.link(id);
            match link.health {
                Health::Dead => {}
                Health::Whole if !link.paused => frame(state),
                Health::Whole | Health::Cut => link.down.stuck.push((Instant::now(), frame)),
            }
        });
    }

    /// The living link of a replica.
    fn named(&self, replica: &str) -> Option<LinkId> {
        let mut named = self.links.iter().rev().filter(|(_, link)| link.name == replica && !link.is_dead());
        named.next().map(|(id, _)| *id)
    }

    pub(super) fn cut(&mut self, replica: &str) {
        let Some(id) = self.named(replica) else { return };
        if self.link(id).health != Health::Whole {
            return;
        }
        self.note(format_args!("{replica} is cut off"));
        self.link(id).health = Health::Cut;
        let episode = self.turn_page(id);
        self.at(Instant::now() + CLIENT_NOTICES, move |state| {
            let link = state.link(id);
            if link.episode == episode && link.noticed.is_none() {
                link.noticed = Some(Instant::now());
                link.breaks += 1;
            }
        });
    }

    pub(super) fn heal(&mut self, replica: &str) {
        let Some(id) = self.named(replica) else { return };
        if self.link(id).health != Health::Cut {
            return;
        }
        self.note(format_args!("{replica} is reachable again"));
        self.link(id).health = Health::Whole;
        self.go_on(id);
    }

    pub(super) fn pause(&mut self, replica: &str) {
        let Some(id) = self.named(replica) else { return };
        if self.link(id).paused {
            return;
        }
        self.note(format_args!("{replica} is paused"));
        self.link(id).paused = true;
        self.turn_page(id);
    }

    pub(super) fn resume(&mut self, replica: &str) {
        let Some(id) = self.named(replica) else { return };
        if !self.link(id).paused {
            return;
        }
        self.note(format_args!("{replica} goes on"));
        self.link(id).paused = false;
        self.go_on(id);
    }

    pub(super) fn kill(&mut self, replica: &str) {
        let Some(id) = self.named(replica) else { return };
        self.note(format_args!("{replica} is killed"));
        let link = self.link(id);
        link.health = Health::Dead;
        link.down.stuck.clear();
        self.forget_client(id);
    }

    /// Starts a new episode, at the end of which the server gives the client up.
    fn turn_page(&mut self, id: LinkId) -> u64 {
        let link = self.link(id);
        link.episode += 1;
        let episode = link.episode;
        self.at(Instant::now() + SERVER_NOTICES, move |state| {
            let link = state.link(id);
            if link.episode != episode || !link.known {
                return;
            }
            link.known = false;
            // What a stopped process has not read yet lies in its own kernel; what is cut off never got there.
            if link.health == Health::Cut {
                link.down.stuck.clear();
            }
            let name = link.name.clone();
            state.note(format_args!("the server gives {name} up"));
            state.forget_client(id);
        });
        episode
    }

    /// What happens when the last obstacle on a link may have gone.
    fn go_on(&mut self, id: LinkId) {
        let link = self.link(id);
        if link.health != Health::Whole || link.paused {
            return;
        }
        link.episode += 1;
        let episode = link.episode;
        for (_, frame) in std::mem::take(&mut link.down.stuck) {
            // It had arrived: nothing draws its latency again.
            self.at(Instant::now(), frame);
        }
        let link = self.link(id);
        if link.known {
            let stuck = std::mem::take(&mut link.up.stuck);
            for (sent, frame) in stuck {
                self.carry_up(id, sent, frame);
            }
            return;
        }
        if link.noticed.is_none() {
            link.noticed = Some(Instant::now());
            link.breaks += 1;
        }
        let back = Instant::now() + self.dice.up_to(RECONNECT_MAX);
        self.at(back, move |state| state.reconnect(id, episode));
    }

    fn reconnect(&mut self, id: LinkId, episode: u64) {
        let link = self.link(id);
        if link.episode != episode || link.is_dead() {
            return;
        }
        link.known = true;
        let noticed = link.noticed.take();
        let stuck = std::mem::take(&mut link.up.stuck);
        let name = link.name.clone();
        let (lost, kept): (Vec<_>, Vec<_>) =
            stuck.into_iter().partition(|(sent, _)| noticed.is_some_and(|n| *sent < n));
        self.note(format_args!("{name} reconnects: {} lost, {} sent late", lost.len(), kept.len()));
        for (sent, frame) in kept {
            self.carry_up(id, sent, frame);
        }
    }
}
