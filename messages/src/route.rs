//! The rpcs of the shop as a static table: what the gateway's routes, the subjects, the OpenAPI document and the NATS
//! permissions are made of.
//!
//! A request takes its key and, when it creates something, the id of that from outside its body:
//!
//! 1. [`Transcoder::from_json`] reads the body (with path and query merged in). The id of what it creates is refused there.
//! 2. [`Route::set_created`] puts that id in, minted from the command id by whoever issues the command.
//! 3. [`Route::get_key`] says the token that addresses the actor; on NATS, where the token is in the subject already,
//!    [`Route::set_key`] puts it into a body that came without.
//! 4. [`Transcoder::validate`] is the receiver's: it demands everything.

use prost::DecodeError;

use crate::group::Group;
use crate::problem::{Kind, Problem};
use crate::transcode::{Message, Transcoder};

/// An rpc as a type, for callers that know it.
pub trait Rpc: 'static {
    /// What is asked.
    type Request: Message;
    /// What is answered.
    type Response: Message;
    /// The row of the table.
    const ROUTE: &'static Route;
}

/// An rpc as a row.
#[derive(Debug)]
pub struct Route {
    /// The group: `product`.
    pub group: &'static str,
    /// The service in protobuf: `shop.product.v1.ProductService`.
    pub service: &'static str,
    /// The rpc in protobuf: `CreateProduct`.
    pub rpc: &'static str,
    /// The name of the rpc in logs and traces: `product.create`.
    pub name: &'static str,
    /// The last token of the subject: `create`.
    pub verb: &'static str,
    /// The comment in the contract.
    pub doc: &'static str,
    /// What the rpc does to actors.
    pub kind: RpcKind,
    /// The request field that is the partition key; none for a query.
    pub key: Option<&'static str>,
    /// The prefix of the id of what the command creates.
    pub creates: Option<&'static str>,
    /// The request field for that id: the key itself, unless what is created lives under the key of something else.
    pub created: Option<&'static str>,
    /// The doors in HTTP; none for an internal rpc.
    pub http: &'static [Http],
    /// The scope that the caller needs.
    pub scope: Option<&'static str>,
    /// Anyone may call it.
    pub public: bool,
    /// How a call weighs on the rate limit.
    pub rate: Rate,
    /// Whether a call carries an idempotency key.
    pub idempotency: Idempotency,
    /// The HTTP status of success.
    pub success: u16,
    /// The path of what was created, with fields of the response body in braces.
    pub location: Option<&'static str>,
    /// The business's ways to say no.
    pub refusals: &'static [Refusal],
    /// How long a caller may wait for the effect to settle.
    pub settle: Option<Settle>,
    /// How long an answer may be kept.
    pub cache: Option<Cache>,
    /// Since when and until when.
    pub lifecycle: Lifecycle,
    /// The response field that is the whole JSON body.
    pub response_body: Option<&'static str>,
    /// The read that shows what this command replaces, as the name of its rpc in the same service.
    pub reads: Option<&'static str>,
    /// The runtime answers it from the log.
    pub history: bool,
    /// How the request takes what came as it came, for a door that reads no JSON.
    pub raw: Option<Raw>,
    /// The response is a file.
    pub file: Option<File>,
    /// The request.
    pub request: &'static Transcoder,
    /// The response; in JSON its body, if it has one.
    pub response: &'static Transcoder,
    /// The token of the key in an encoded request. None without a key, and for a key that no subject can hold.
    pub get_key: fn(&[u8]) -> Option<String>,
    /// Puts the key into an encoded request, given its token. Does nothing for a query.
    pub set_key: fn(&mut Vec<u8>, &str),
    /// Puts the id of what is created into an encoded request. Does nothing if nothing is created.
    pub set_created: fn(&mut Vec<u8>, &str),
    /// [`Route::location`] with the values of an encoded response.
    pub locate: fn(&[u8]) -> Option<String>,
}

impl Route {
    /// The route named `group.verb`.
    pub fn named(name: &str) -> Option<&'static Route> {
        let place = crate::ROUTES.binary_search_by_key(&name, |route| route.name).ok()?;
        Some(crate::ROUTES[place])
    }

    /// How many partitions the keys of its group are spread over.
    pub fn partitions(&self) -> u32 {
        Group::named(self.group).map_or(1, |group| group.partitions)
    }

    /// The refusal with this code.
    pub fn refusal(&self, code: &str) -> Option<&'static Refusal> {
        self.refusals.iter().find(|refusal| refusal.code == code)
    }
}

/// What an rpc does to actors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RpcKind {
    /// Changes an actor.
    Command,
    /// Shows one actor.
    Read,
    /// Runs over read models.
    Query,
}

/// A door in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Http {
    /// The method. Every PUT takes PATCH too.
    pub method: Method,
    /// The path, with request fields in braces.
    pub path: &'static str,
    /// The path, taken apart.
    pub segments: &'static [Segment],
}

/// A method of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Shows.
    Get,
    /// Creates or changes.
    Post,
    /// Replaces.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

/// A part of a path. Where both fit, the literal wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// This text.
    Literal(&'static str),
    /// The value of this request field.
    Field(&'static str),
}

/// How a call weighs on the caller's rate limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Counts once.
    Normal,
    /// Searches and reports: counts more than once.
    Expensive,
    /// Guesses at secrets: limited by address as well.
    Sensitive,
    /// Not counted.
    Unlimited,
}

/// Whether a call carries an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Idempotency {
    /// A key is ignored.
    None,
    /// A key is honoured.
    Accepted,
    /// A call without a key is refused.
    Required,
}

/// One way in which the business says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The slug for machines.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What sort of no it is; it follows from the status.
    pub kind: Kind,
    /// The sentence for people.
    pub detail: &'static str,
    /// The facts that come with it.
    pub facts: &'static [&'static str],
}

impl Refusal {
    /// The problem to answer with; its facts are added with [`Problem::with`].
    pub fn problem(&self) -> Problem {
        Problem::new(self.kind, self.code, self.detail)
    }
}

/// How long a caller may wait for the effect to settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The values of the response body's `status` at which waiting ends.
    pub until: &'static [&'static str],
    /// How long it lasts at most.
    pub within_ms: u32,
    /// The caller may ask not to wait.
    pub respond_async: bool,
    /// The field of the response body that is a [`Problem`] when it settled as a refusal.
    pub problem: Option<&'static str>,
    /// The values of `status` at which the caller has to do something first, and is told so at once.
    pub accepted: &'static [&'static str],
}

/// A request that is taken as it came. Over NATS it is a message like any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw {
    /// The request field that takes the body.
    pub body: &'static str,
    /// The request field that takes headers, by name.
    pub headers: Option<&'static str>,
    /// The headers that it takes, in lower case.
    pub allow: &'static [&'static str],
}

/// A response that is a file. Over NATS it is a message like any other.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// The response field that holds the bytes.
    pub content: &'static str,
    /// The response field that says their media type.
    pub media_type: &'static str,
    /// The response field that says the name of the file.
    pub name: &'static str,
    /// Takes the file out of an encoded response.
    pub open: fn(&[u8]) -> Result<Opened, DecodeError>,
}

/// What is in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The bytes.
    pub content: Vec<u8>,
    /// Their media type, as the group says it.
    pub media_type: String,
    /// The name, as the group says it.
    pub name: String,
}

/// How long an answer may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cache {
    /// Seconds.
    pub max_age_s: u32,
    /// The answer is the same for everyone.
    pub public: bool,
    /// The answer is the same for all who have the same role.
    pub by_role: bool,
}

/// The life of an rpc. Dates are `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// The version that introduced it.
    pub since: &'static str,
    /// From this day on callers are told to move.
    pub deprecated: Option<&'static str>,
    /// From this day on it is gone.
    pub sunset: Option<&'static str>,
    /// What to call instead, as `group.verb`.
    pub successor: Option<&'static str>,
}
