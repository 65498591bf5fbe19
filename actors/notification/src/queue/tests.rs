//! What a queue makes of each command, and that what happened to one entity stays in order.

use expect_test::{Expect, expect};
use proptest::prelude::*;
use runtime::entity::testing::{decide, facts, fold, moment};

use super::*;

fn event(what: What) -> Event {
    Event { endpoint_id: "whe".into(), at: moment(50), what }
}

fn noted(count: u64) -> Vec<Event> {
    (1..=count).map(|number| event(What::Noted(number))).collect()
}

fn given(count: u64, then: &[What]) -> Vec<Event> {
    noted(count).into_iter().chain(then.iter().cloned().map(event)).collect()
}

fn told(events: &[Event]) -> String {
    let one = |event: &Event| match &event.what {
        What::Noted(number) => format!("noted {number}"),
        What::Taken(number, entity) => format!("taken {number} {entity}"),
        What::Held(number, entity) => format!("held {number} {entity}"),
        What::Postponed(number, entity, _) => format!("postponed {number} {entity}"),
        What::Released(number, entity, delivered) => format!("released {number} {entity} {delivered}"),
        What::Stopped => "stopped".to_owned(),
        What::Started => "started".to_owned(),
        What::Rewound(number) => format!("rewound {number}"),
        What::Requeued(number, entity) => format!("requeued {number} {entity}"),
    };
    if events.is_empty() { "already so".to_owned() } else { events.iter().map(one).collect::<Vec<_>>().join(", ") }
}

/// What each command makes of a state: 1 is of the entity a, 2 too, 3 of b.
#[track_caller]
fn check(given: &[Event], says: Expect) {
    let (a, b) = (|| "a".to_owned(), || "b".to_owned());
    let commands = [
        ("note", Command::Note),
        ("take 1", Command::Take(1, a())),
        ("take 2", Command::Take(2, a())),
        ("take 3", Command::Take(3, b())),
        ("try again 1", Command::TryAgain(1, a())),
        ("postpone 1", Command::Postpone(1, a(), moment(200))),
        ("release 1", Command::Release(1, a(), true)),
        ("stop", Command::Stop),
        ("start", Command::Start),
        ("rewind 1", Command::Rewind(1)),
        ("requeue 1", Command::Requeue(1, a())),
    ];
    let decided = |command| decide::<Queue>(given, ("whe".to_owned(), command)).unwrap_or_default();
    let mut lines = commands.map(|(name, command)| format!("{name}: {}", told(&decided(command)))).to_vec();
    let queue: Queue = fold(given);
    lines.push(format!("next {:?}, pending {}", queue.next(), queue.pending()));
    says.assert_eq(&lines.join("\n"));
}

fn taken(number: u64, entity: &str) -> What {
    What::Taken(number, entity.into())
}

#[test]
fn a_queue_of_nothing() {
    check(
        &[],
        expect![[r#"
        note: noted 1
        take 1: already so
        take 2: already so
        take 3: already so
        try again 1: already so
        postpone 1: already so
        release 1: already so
        stop: stopped
        start: already so
        rewind 1: already so
        requeue 1: already so
        next None, pending 0"#]],
    );
}

#[test]
fn a_queue_in_which_three_wait() {
    check(
        &noted(3),
        expect![[r#"
        note: noted 4
        take 1: taken 1 a
        take 2: already so
        take 3: already so
        try again 1: already so
        postpone 1: already so
        release 1: already so
        stop: stopped
        start: already so
        rewind 1: already so
        requeue 1: already so
        next Some(Fresh(1)), pending 3"#]],
    );
}

#[test]
fn a_queue_in_which_the_first_is_being_posted() {
    check(
        &given(3, &[taken(1, "a")]),
        expect![[r#"
        note: noted 4
        take 1: already so
        take 2: held 2 a
        take 3: already so
        try again 1: already so
        postpone 1: postponed 1 a
        release 1: released 1 a true
        stop: stopped
        start: already so
        rewind 1: rewound 1
        requeue 1: already so
        next Some(Fresh(2)), pending 3"#]],
    );
}

#[test]
fn a_queue_in_which_the_second_waits_behind_the_first() {
    check(
        &given(3, &[taken(1, "a"), What::Held(2, "a".into())]),
        expect![[r#"
        note: noted 4
        take 1: already so
        take 2: already so
        take 3: taken 3 b
        try again 1: already so
        postpone 1: postponed 1 a
        release 1: released 1 a true
        stop: stopped
        start: already so
        rewind 1: rewound 1
        requeue 1: already so
        next Some(Fresh(3)), pending 3"#]],
    );
}

#[test]
fn a_queue_whose_first_has_failed_for_now() {
    let postponed = What::Postponed(1, "a".into(), moment(90));
    check(
        &given(3, &[taken(1, "a"), What::Held(2, "a".into()), postponed]),
        expect![[r#"
        note: noted 4
        take 1: already so
        take 2: already so
        take 3: taken 3 b
        try again 1: taken 1 a
        postpone 1: postponed 1 a
        release 1: released 1 a true
        stop: stopped
        start: already so
        rewind 1: rewound 1
        requeue 1: already so
        next Some(Fresh(3)), pending 3"#]],
    );
}

#[test]
fn a_queue_whose_first_is_over() {
    let released = What::Released(1, "a".into(), true);
    check(
        &given(3, &[taken(1, "a"), What::Held(2, "a".into()), released]),
        expect![[r#"
        note: noted 4
        take 1: already so
        take 2: taken 2 a
        take 3: already so
        try again 1: already so
        postpone 1: already so
        release 1: already so
        stop: stopped
        start: already so
        rewind 1: rewound 1
        requeue 1: requeued 1 a
        next Some(Behind(2, "a")), pending 2"#]],
    );
}

#[test]
fn a_queue_that_is_stopped() {
    check(
        &given(3, &[taken(1, "a"), What::Postponed(1, "a".into(), moment(90)), What::Stopped]),
        expect![[r#"
        note: noted 4
        take 1: already so
        take 2: already so
        take 3: already so
        try again 1: already so
        postpone 1: postponed 1 a
        release 1: released 1 a true
        stop: already so
        start: started
        rewind 1: rewound 1
        requeue 1: already so
        next None, pending 3"#]],
    );
}

#[test]
fn a_queue_of_which_everything_is_over() {
    let over = [taken(1, "a"), What::Released(1, "a".into(), true)];
    check(
        &given(1, &over),
        expect![[r#"
        note: noted 2
        take 1: already so
        take 2: already so
        take 3: already so
        try again 1: already so
        postpone 1: already so
        release 1: already so
        stop: stopped
        start: already so
        rewind 1: rewound 1
        requeue 1: requeued 1 a
        next None, pending 0"#]],
    );
}

/// Something that may happen to a queue: an event is noted, a reply comes, a timer rings, staff rewind or pause.
#[derive(Debug, Clone)]
enum Step {
    Note(u8),
    Reply { lane: usize, taken: bool },
    Ring(usize),
    Rewind(u64),
    Stop,
    Start,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..3_u8).prop_map(Step::Note),
        6 => (0..4_usize, any::<bool>()).prop_map(|(lane, taken)| Step::Reply { lane, taken }),
        3 => (0..4_usize).prop_map(Step::Ring),
        1 => (1..6_u64).prop_map(Step::Rewind),
        1 => Just(Step::Stop),
        1 => Just(Step::Start),
    ]
}

/// A queue with its world: which number is of which entity, and what reached the endpoint.
#[derive(Default)]
struct Bench {
    queue: Queue,
    entities: Vec<String>,
    delivered: Vec<(String, u64)>,
    rewound: bool,
}

impl Bench {
    fn tell(&mut self, command: Command) -> Vec<Event> {
        let Ok(events) = self.queue.decide(("whe".to_owned(), command), &facts(moment(100)));
        events.iter().for_each(|event| self.queue.evolve(event));
        events
    }

    fn take_up(&mut self) {
        while let Some(next) = self.queue.next() {
            let (number, entity) = match next {
                Next::Behind(number, entity) => (number, entity),
                Next::Fresh(number) => (number, self.entities[usize::try_from(number).expect("small") - 1].clone()),
            };
            assert!(!self.tell(Command::Take(number, entity)).is_empty(), "what comes next can be taken up");
        }
    }

    fn lane(&self, place: usize, waits: bool) -> Option<(String, u64)> {
        let lanes = self.queue.lanes.iter().filter(|(_, lane)| lane.until.is_some() == waits);
        lanes.map(|(entity, lane)| (entity.clone(), lane.number)).nth(place)
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Note(entity) => {
                self.entities.push(entity.to_string());
                self.tell(Command::Note);
            }
            Step::Reply { lane, taken } => {
                let Some((entity, number)) = self.lane(lane, false) else { return };
                if taken {
                    self.delivered.push((entity.clone(), number));
                    self.tell(Command::Release(number, entity, true));
                } else {
                    self.tell(Command::Postpone(number, entity, moment(200)));
                }
            }
            Step::Ring(lane) => {
                let Some((entity, number)) = self.lane(lane, true) else { return };
                self.tell(Command::TryAgain(number, entity));
            }
            Step::Rewind(number) => self.rewound |= !self.tell(Command::Rewind(number)).is_empty(),
            Step::Stop => drop(self.tell(Command::Stop)),
            Step::Start => drop(self.tell(Command::Start)),
        }
        self.take_up();
    }

    /// Everything that is under way ends well.
    fn settle(&mut self) {
        self.step(Step::Start);
        for _ in 0..10_000 {
            if self.queue.pending() == 0 {
                return;
            }
            self.step(Step::Ring(0));
            self.step(Step::Reply { lane: 0, taken: true });
        }
        panic!("the queue does not come to an end: {:?}", self.queue);
    }
}

proptest! {
    #[test]
    fn everything_is_delivered_and_in_order_for_each_entity(steps in prop::collection::vec(step(), 1..120)) {
        let mut bench = Bench::default();
        steps.into_iter().for_each(|step| bench.step(step));
        bench.settle();
        for entity in ["0", "1", "2"] {
            let all: Vec<u64> = (1..).zip(&bench.entities).filter(|(_, of)| *of == entity).map(|(n, _)| n).collect();
            let got: Vec<u64> = bench.delivered.iter().filter(|(of, _)| of == entity).map(|(_, n)| *n).collect();
            if bench.rewound {
                // After going back everything comes again, so the last of each number are in order.
                let mut last: Vec<u64> = Vec::new();
                got.iter().rev().for_each(|n| if !last.contains(n) { last.push(*n) });
                last.reverse();
                prop_assert_eq!(last, all);
            } else {
                prop_assert_eq!(got, all);
            }
        }
    }
}
