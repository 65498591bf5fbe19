//! The outside of these tests: people with mailboxes and machines with addresses, who do what a test says.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use notification::delivery::Reply;
use notification::message::{Letter, Why};
use notification::providers::{Capture, Doors, Outside, Posting, Verdict};
use runtime::group::{Group, Provider, Said};

/// What a mail server answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// It takes the mail.
    Takes,
    /// It cannot now.
    Busy,
    /// There is nobody of that name.
    Nobody,
    /// It takes the mail, and its answer is lost.
    TakesAndIsSilent,
}

#[derive(Default)]
struct World {
    answers: BTreeMap<String, VecDeque<Answer>>,
    letters: Vec<Letter>,
    replies: VecDeque<Reply>,
    postings: Vec<Posting>,
    taken: Vec<Posting>,
    failing: Option<fn(&Posting) -> bool>,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

/// Everything is forgotten: a new seed begins.
pub(crate) fn reset() {
    WORLD.take();
}

/// What the mail server will answer about mail to somebody, in turn; after that it takes everything.
pub(crate) fn answer(to: &str, answers: &[Answer]) {
    WORLD.with_borrow_mut(|world| world.answers.insert(to.to_owned(), answers.iter().cloned().collect()));
}

/// The mail that reached the server, repeats included.
pub(crate) fn letters() -> Vec<Letter> {
    WORLD.with_borrow(|world| world.letters.clone())
}

/// What endpoints will answer, in turn; after that they take everything.
pub(crate) fn reply(replies: &[Reply]) {
    WORLD.with_borrow_mut(|world| world.replies.extend(replies.iter().cloned()));
}

/// Which postings fail, whatever was scripted.
pub(crate) fn fail(which: Option<fn(&Posting) -> bool>) {
    WORLD.with_borrow_mut(|world| world.failing = which);
}

/// What reached endpoints, repeats included.
pub(crate) fn postings() -> Vec<Posting> {
    WORLD.with_borrow(|world| world.postings.clone())
}

/// What endpoints took, repeats included.
pub(crate) fn taken() -> Vec<Posting> {
    WORLD.with_borrow(|world| world.taken.clone())
}

type Calling<'a> = Pin<Box<dyn Future<Output = Said> + Send + 'a>>;

struct PostOffice;

impl Provider for PostOffice {
    fn call<'a>(&'a self, _: &'a str, request: Bytes) -> Calling<'a> {
        Box::pin(async move {
            let letter: Letter = serde_json::from_slice(&request).expect("a letter");
            WORLD.with_borrow_mut(|world| {
                let answer = world.answers.get_mut(&letter.to).and_then(VecDeque::pop_front).unwrap_or(Answer::Takes);
                let why = |reason: &str| Why { reason: reason.to_owned(), detail: String::new() };
                let said = match answer {
                    Answer::Takes => {
                        let reference = letter.about.id.clone();
                        Verdict::Taken { provider: "office".to_owned(), reference, arrived: false }.said()
                    }
                    Answer::Busy => return Verdict::Later(why("busy")).said(),
                    Answer::Nobody => return Verdict::NoSuchRecipient(why("mailbox_unavailable")).said(),
                    Answer::TakesAndIsSilent => Said::Unknown("silence".to_owned()),
                };
                world.letters.push(letter);
                said
            })
        })
    }
}

struct Machines;

impl Provider for Machines {
    fn call<'a>(&'a self, _: &'a str, request: Bytes) -> Calling<'a> {
        Box::pin(async move {
            let posting: Posting = serde_json::from_slice(&request).expect("a posting");
            WORLD.with_borrow_mut(|world| {
                world.postings.push(posting.clone());
                let reply = match world.failing {
                    Some(fails) if fails(&posting) => Reply::not_taken(Some(503), "http_status"),
                    _ => world.replies.pop_front().unwrap_or(Reply::Taken { status: 200 }),
                };
                if matches!(reply, Reply::Taken { .. }) {
                    world.taken.push(posting);
                }
                reply.said()
            })
        })
    }
}

/// The group with this outside: mail goes to the post office, text messages are captured.
pub(crate) fn group() -> Group {
    notification::group_by(outside())
}

/// The same, and it keeps what happens in the shop.
pub(crate) fn group_that_keeps() -> Group {
    notification::group_by(Outside { keeps_events: true, ..outside() })
}

fn outside() -> Outside {
    Outside {
        email: Arc::new(PostOffice),
        sms: Arc::new(Capture),
        push: Arc::new(Capture),
        webhook: Arc::new(Machines),
        doors: Doors::Public,
        keeps_events: false,
    }
}
