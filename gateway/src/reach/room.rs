//! Room: how many requests may be under way, to each group and in all, and how many may wait.
//!
//! The numbers are Envoy's for an upstream host: requests in flight over HTTP/1.1 (there one for each connection), requests
//! that wait, requests in flight over HTTP/2. Each counts per gateway and replica: a group of which two replicas answer
//! takes twice as many. What finds no room is refused at once, before its body is read where it has one; what waits is
//! let in, in order. A request that shows what is kept, health, metrics and pages need no room. What is let in is
//! never thrown out again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::{StatusCode, Version};
use messages::common::v1::Problem as WireProblem;
use messages::problem::Problem;
use messages::route::Route;
use runtime::reach::Reach;
use serde::Deserialize;
use tokio::sync::oneshot;

use crate::error::Error;

/// How much may be under way.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Requests in flight to each replica of a group, of those that came over HTTP/1.1.
    pub max_connections: usize,
    /// Requests that may wait for each replica of a group.
    pub max_pending_requests: usize,
    /// Requests in flight to each replica of a group, of those that came over HTTP/2.
    pub max_requests: usize,
    /// Requests in flight and waiting, to all groups together.
    pub all_requests_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        // The sources' numbers; and all eleven groups at their limit, with some replicas more.
        Limits { max_connections: 100, max_pending_requests: 50, max_requests: 100, all_requests_max: 4_000 }
    }
}

/// What a request that finds no room is told.
pub(crate) const OVERLOADED: &str = "overloaded";
/// When it is worth coming back: what is in flight has mostly ended by then.
const COME_BACK: Duration = Duration::from_secs(1);

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Full {
    group: &'static str,
}

impl Full {
    fn detail(self) -> String {
        format!("as many requests to {} are under way as can be; nothing was done", self.group)
    }

    /// As a group would say it.
    pub(crate) fn problem(self) -> WireProblem {
        Problem::unavailable(OVERLOADED, self.detail(), COME_BACK)
    }
}

impl From<Full> for Error {
    fn from(full: Full) -> Error {
        Error::new(StatusCode::SERVICE_UNAVAILABLE, OVERLOADED, full.detail()).retry_after(COME_BACK)
    }
}

/// By which protocol a request came: each has a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Http1,
    Http2,
}

impl Lane {
    pub(crate) fn of(version: Version) -> Lane {
        if version >= Version::HTTP_2 { Lane::Http2 } else { Lane::Http1 }
    }
}

/// The room of a gateway.
#[derive(Debug)]
pub(crate) struct Room {
    all: Arc<AtomicUsize>,
    all_max: usize,
    halls: BTreeMap<&'static str, Arc<Hall>>,
}

/// The room before a group.
#[derive(Debug)]
struct Hall {
    group: &'static str,
    limits: Limits,
    reach: Arc<Reach>,
    queues: Mutex<[Queue; 2]>,
    shed: AtomicUsize,
}

#[derive(Debug, Default)]
struct Queue {
    inside: usize,
    waiting: VecDeque<oneshot::Sender<Place>>,
}

/// A request that was let in. It leaves when this is dropped.
#[derive(Debug)]
pub(crate) struct Inside {
    _place: Option<Place>,
    _count: Count,
}

/// One of all.
#[derive(Debug)]
struct Count(Arc<AtomicUsize>);

impl Drop for Count {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Place {
    /// `None` once it was given back.
    hall: Option<Arc<Hall>>,
    lane: Lane,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(hall) = self.hall.take() {
            hall.leave(self.lane);
        }
    }
}

/// How full the room before a group is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) group: &'static str,
    pub(crate) in_flight: usize,
    pub(crate) waiting: usize,
    /// Refused since the start.
    pub(crate) shed: usize,
}

impl Room {
    pub(crate) fn new(limits: Limits, routes: &[&'static Route], reach: &Arc<Reach>) -> Room {
        let hall = |group| {
            let (reach, queues, shed) = (reach.clone(), Mutex::default(), AtomicUsize::new(0));
            (group, Arc::new(Hall { group, limits, reach, queues, shed }))
        };
        let halls = routes.iter().map(|route| hall(route.group)).collect();
        Room { all: Arc::default(), all_max: limits.all_requests_max, halls }
    }

    /// Whether a request would be let in or may wait: asked before its body is read.
    ///
    /// # Errors
    /// When there is no room.
    pub(crate) fn look(&self, group: &'static str, lane: Lane) -> Result<(), Full> {
        let Some(hall) = self.halls.get(group) else { return Ok(()) };
        if self.all.load(Ordering::Relaxed) >= self.all_max || !hall.has_room(lane) {
            return Err(hall.refuse());
        }
        Ok(())
    }

    /// Lets a request in, now or when others leave.
    ///
    /// # Errors
    /// When there is no room, also not to wait, or nobody left in time.
    pub(crate) async fn enter(&self, group: &'static str, lane: Lane, within: Duration) -> Result<Inside, Full> {
        let hall = self.halls.get(group);
        let count = Count(self.all.clone());
        if self.all.fetch_add(1, Ordering::Relaxed) >= self.all_max {
            return Err(hall.map_or(Full { group }, |hall| hall.refuse()));
        }
        let place = match hall {
            Some(hall) => Some(hall.enter(lane, within).await?),
            None => None,
        };
        Ok(Inside { _place: place, _count: count })
    }

    pub(crate) fn filled(&self) -> impl Iterator<Item = Filled> + '_ {
        self.halls.values().map(|hall| hall.filled())
    }
}

impl Hall {
    async fn enter(self: &Arc<Hall>, lane: Lane, within: Duration) -> Result<Place, Full> {
        let turn = {
            let capacity = self.capacity(lane);
            let mut queues = self.lock();
            let queue = &mut queues[lane as usize];
            if queue.inside < capacity && queue.waiting.is_empty() {
                queue.inside += 1;
                return Ok(Place { hall: Some(self.clone()), lane });
            }
            if waiting(&mut queues) >= self.waiting_max() {
                drop(queues);
                return Err(self.refuse());
            }
            let (sender, turn) = oneshot::channel();
            queues[lane as usize].waiting.push_back(sender);
            turn
        };
        match tokio::time::timeout(within, turn).await {
            Ok(Ok(place)) => Ok(place),
            _ => Err(self.refuse()),
        }
    }

    fn leave(self: Arc<Hall>, lane: Lane) {
        let capacity = self.capacity(lane);
        let mut queues = self.lock();
        let queue = &mut queues[lane as usize];
        queue.inside -= 1;
        while queue.inside < capacity {
            let Some(next) = queue.waiting.pop_front() else { return };
            match next.send(Place { hall: Some(self.clone()), lane }) {
                Ok(()) => queue.inside += 1,
                // Nobody waits there any more, and the place was never taken.
                Err(mut place) => drop(place.hall.take()),
            }
        }
    }

    fn has_room(&self, lane: Lane) -> bool {
        let capacity = self.capacity(lane);
        let mut queues = self.lock();
        queues[lane as usize].inside < capacity || waiting(&mut queues) < self.waiting_max()
    }

    fn refuse(&self) -> Full {
        self.shed.fetch_add(1, Ordering::Relaxed);
        Full { group: self.group }
    }

    fn capacity(&self, lane: Lane) -> usize {
        let each = match lane {
            Lane::Http1 => self.limits.max_connections,
            Lane::Http2 => self.limits.max_requests,
        };
        each.saturating_mul(self.reach.replicas(self.group))
    }

    fn waiting_max(&self) -> usize {
        self.limits.max_pending_requests.saturating_mul(self.reach.replicas(self.group))
    }

    fn filled(&self) -> Filled {
        let mut queues = self.lock();
        let in_flight = queues.iter().map(|queue| queue.inside).sum();
        let waiting = waiting(&mut queues);
        Filled { group: self.group, in_flight, waiting, shed: self.shed.load(Ordering::Relaxed) }
    }

    fn lock(&self) -> MutexGuard<'_, [Queue; 2]> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many wait; those who gave up are forgotten.
fn waiting(queues: &mut [Queue; 2]) -> usize {
    queues
        .iter_mut()
        .map(|queue| {
            queue.waiting.retain(|waiting| !waiting.is_closed());
            queue.waiting.len()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    fn room(max_connections: usize, max_pending_requests: usize, all_requests_max: usize) -> Room {
        let limits = Limits { max_connections, max_pending_requests, max_requests: 1, all_requests_max };
        Room::new(limits, messages::ROUTES, &Arc::default())
    }

    #[tokio::test]
    async fn so_many_are_let_in_so_many_wait_and_all_others_are_refused() {
        let room = room(2, 1, 100);
        let enter = |lane| Box::pin(room.enter("product", lane, LONG));
        let one = enter(Lane::Http1).await.expect("room");
        let _two = enter(Lane::Http1).await.expect("room");
        let mut third = enter(Lane::Http1);
        assert!((&mut third).now_or_never().is_none(), "it waits");
        assert_eq!(room.look("product", Lane::Http1), Err(Full { group: "product" }));
        assert!(enter(Lane::Http1).await.is_err());
        assert!(enter(Lane::Http2).await.is_ok(), "each protocol has a limit of its own");
        assert!(room.enter("cart", Lane::Http1, LONG).await.is_ok(), "and each group");
        drop(one);
        assert!(third.await.is_ok(), "who leaves makes room for who waits");
        assert_eq!(room.look("product", Lane::Http1), Ok(()));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_makes_room_and_takes_none() {
        let room = room(1, 1, 100);
        let enter = || Box::pin(room.enter("product", Lane::Http1, LONG));
        let inside = enter().await.expect("room");
        let mut waits = enter();
        assert!((&mut waits).now_or_never().is_none());
        drop(waits);
        let mut next = enter();
        assert!((&mut next).now_or_never().is_none(), "its place to wait is free again");
        drop(inside);
        drop(next.await.expect("its turn"));
        let filled = room.filled().find(|filled| filled.group == "product").expect("a group");
        assert_eq!((filled.in_flight, filled.waiting, filled.shed), (0, 0, 0));
        // A turn that was given to somebody who gave up at that moment is given on.
        let inside = enter().await.expect("room");
        let mut waits = enter();
        assert!((&mut waits).now_or_never().is_none());
        drop(inside);
        drop(waits);
        assert!(enter().now_or_never().is_some_and(|entered| entered.is_ok()));
    }

    #[tokio::test]
    async fn all_groups_together_have_a_limit_too() {
        let room = room(10, 10, 2);
        let _one = room.enter("product", Lane::Http1, LONG).await.expect("room");
        let two = room.enter("cart", Lane::Http1, LONG).await.expect("room");
        assert!(room.enter("order", Lane::Http1, LONG).await.is_err());
        assert!(room.look("order", Lane::Http1).is_err());
        drop(two);
        assert!(room.enter("order", Lane::Http1, LONG).await.is_ok());
    }
}
