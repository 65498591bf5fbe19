//! Headers: what travels beside a request, a reply and a turn.
//!
//! All of them are readable in `nats sub` and none holds personal data. A person at the `nats` command line may leave
//! every one of them out: a fresh command id, the default deadline and an anonymous caller are assumed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use async_nats::{HeaderName, HeaderValue};
use jiff::Timestamp;

use crate::bus::Headers;
use crate::entropy::Entropy;

/// Command id, fingerprint and whether it is kept for ever: `<32 hex>.<16 hex>[.keyed]`.
pub const COMMAND: &str = "Shop-Command";
/// The caller's own key for a command; turned into a command id by whoever takes the request first.
pub const IDEMPOTENCY_KEY: &str = "Idempotency-Key";
/// When the caller stops waiting, in milliseconds since 1970. Nothing is decided after it.
pub const DEADLINE: &str = "Shop-Deadline";
/// Who asks; see [`Caller`].
pub const CALLER: &str = "Shop-Caller";
/// What all requests and events of one story share.
pub const CORRELATION: &str = "Shop-Correlation";
/// The HTTP request this came from.
pub const REQUEST: &str = "Shop-Request";
/// The version the addressed actor must have (`If-Match`).
pub const IF_VERSION: &str = "Shop-If-Version";
/// Positions a read must include, separated by commas.
pub const WAIT: &str = "Shop-Wait";
/// A read that must see every write acknowledged before it.
pub const STRONG: &str = "Shop-Strong";
/// A read of the past: a version, or a time in RFC 3339.
pub const AT: &str = "Shop-At";
/// How many replicas have passed the request on.
pub const HOPS: &str = "Shop-Hops";
/// On a reply: the addressed actor's version.
pub const VERSION: &str = "Shop-Version";
/// On a reply to a command: the position of the turn that decided it.
pub const POSITION: &str = "Shop-Position";
/// On a reply: the command had been decided before.
pub const REPLAYED: &str = "Shop-Replayed";
/// On a reply: who answered, as a token: `shop.at.<group>.<replica>.…` asks it alone.
pub const REPLICA: &str = "Shop-Replica";
/// On a reply of a canary: `canary`.
pub const SET: &str = "Shop-Set";
/// `application/json` or `application/x-protobuf` (the default).
pub const CONTENT_TYPE: &str = "Content-Type";
/// W3C trace context.
pub const TRACEPARENT: &str = "traceparent";
/// On a reply that refuses: the problem's code and detail (ADR-32).
pub const SERVICE_ERROR: &str = "Nats-Service-Error";
/// On a reply that refuses: a number like an HTTP status (ADR-32).
pub const SERVICE_ERROR_CODE: &str = "Nats-Service-Error-Code";
/// The media type of JSON.
pub const JSON: &str = "application/json";

/// How long a caller without a deadline is taken to wait.
pub const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// Names a command for ever, whoever repeats it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommandId(pub [u8; 16]);

impl CommandId {
    /// A new one, that nobody will repeat but the client that made it.
    #[must_use]
    pub fn fresh(entropy: &Entropy) -> CommandId {
        CommandId(entropy.bytes())
    }

    /// The same for the same parts, in this order.
    #[must_use]
    pub fn derived(parts: &[&[u8]]) -> CommandId {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part);
        }
        let mut id = [0; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        CommandId(id)
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What tells two bodies under one command id apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Fingerprint(pub [u8; 8]);

impl Fingerprint {
    /// The fingerprint of an encoded request.
    #[must_use]
    pub fn of(rpc: &str, payload: &[u8]) -> Fingerprint {
        let mut print = [0; 8];
        print.copy_from_slice(&CommandId::derived(&[rpc.as_bytes(), payload]).0[..8]);
        Fingerprint(print)
    }
}

/// A command's identity as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandKey {
    /// Its name.
    pub id: CommandId,
    /// Of the body it came with first.
    pub fingerprint: Fingerprint,
    /// Whether its outcome is kept for ever.
    pub keyed: bool,
}

impl fmt::Display for CommandKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.", self.id)?;
        self.fingerprint.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        if self.keyed { f.write_str(".keyed") } else { Ok(()) }
    }
}

impl FromStr for CommandKey {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<CommandKey, Malformed> {
        let malformed = || Malformed { header: COMMAND, value: text.to_owned() };
        let (id, rest) = text.split_once('.').ok_or_else(malformed)?;
        let (print, keyed) = match rest.split_once('.') {
            None => (rest, false),
            Some((print, "keyed")) => (print, true),
            Some(_) => return Err(malformed()),
        };
        let id = CommandId(hex(id).ok_or_else(malformed)?);
        let fingerprint = Fingerprint(hex(print).ok_or_else(malformed)?);
        Ok(CommandKey { id, fingerprint, keyed })
    }
}

fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A place in a group's log: everything up to it is included.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The group.
    pub group: String,
    /// The partition.
    pub partition: u32,
    /// The stream sequence.
    pub sequence: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.group, self.partition, self.sequence)
    }
}

impl FromStr for Position {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Position, Malformed> {
        let malformed = || Malformed { header: POSITION, value: text.to_owned() };
        let mut parts = text.split('/');
        let (Some(group), Some(partition), Some(sequence), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        Ok(Position {
            group: group.to_owned(),
            partition: partition.parse().map_err(|_| malformed())?,
            sequence: sequence.parse().map_err(|_| malformed())?,
        })
    }
}

/// Reads a list of positions, separated by commas.
///
/// # Errors
/// When one of them is not a position.
pub fn positions(text: &str) -> Result<Vec<Position>, Malformed> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::parse).collect()
}

/// Who asks. On the wire: `<role> <subject or -> <scope,scope or ->`, then, where there is one, the guest (or `-`), then,
/// where a service acts for somebody, their role and subject (or `-`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `anonymous`, `guest`, `customer`, `support`, `catalogue`, `warehouse`, `finance`, `admin` or `service`.
    pub role: String,
    /// The person or service, if known.
    pub subject: Option<String>,
    /// What it may do.
    pub scopes: Vec<String>,
    /// The guest that a person was before they said who they are: they have shown that guest's secret too.
    pub guest: Option<String>,
    /// Whom a service acts for.
    pub behalf: Option<Behalf>,
}

/// Whom a service acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behalf {
    /// Their role.
    pub role: String,
    /// Who they are, if known.
    pub subject: Option<String>,
}

/// The roles of those who only see what is their own.
const NOT_STAFF: [&str; 3] = ["anonymous", "guest", "customer"];
/// The roles that look after people's accounts. Who looks after goods or money does not.
const OF_ACCOUNTS: [&str; 5] = ["support", "admin", "application", "operator", "service"];
/// The roles that look after what lets people in: whoever renews a key holds it.
const OF_CREDENTIALS: [&str; 3] = ["admin", "operator", "service"];

impl Caller {
    /// Somebody who showed nothing.
    #[must_use]
    pub fn anonymous() -> Caller {
        Caller::known("anonymous", None, Vec::new())
    }

    /// A group acting for itself.
    #[must_use]
    pub fn service(group: &str) -> Caller {
        Caller::known("service", Some(group.to_owned()), Vec::new())
    }

    /// Somebody of a role, acting for themselves.
    #[must_use]
    pub fn known(role: &str, subject: Option<String>, scopes: Vec<String>) -> Caller {
        Caller { role: role.to_owned(), subject, scopes, guest: None, behalf: None }
    }

    /// The group acting for this caller. A group that acts for another group acts for whom that one acts for.
    #[must_use]
    pub fn through(&self, group: &str) -> Caller {
        let own = Behalf { role: self.role.clone(), subject: self.subject.clone() };
        let behalf = if self.role == "service" { self.behalf.clone() } else { Some(own) };
        Caller { guest: self.guest.clone(), behalf, ..Caller::service(group) }
    }

    /// The person behind the request: the caller, or whom the calling service acts for.
    #[must_use]
    pub fn person(&self) -> Option<&str> {
        match (&self.behalf, self.role == "service") {
            (Some(behalf), _) => behalf.subject.as_deref(),
            (None, true) => None,
            (None, false) => self.subject.as_deref(),
        }
    }

    /// Whether the caller works here, or is a group acting for itself or for somebody who does.
    #[must_use]
    pub fn is_staff(&self) -> bool {
        !NOT_STAFF.contains(&self.role_behind())
    }

    /// Whether something that belongs to this person is the caller's to see and change.
    #[must_use]
    pub fn may_touch(&self, owner: &str) -> bool {
        self.is_staff() || self.is(owner)
    }

    /// Whether this person's account is the caller's to see and change. Everybody who works here holds the scopes for
    /// their own, so a scope alone does not tell.
    #[must_use]
    pub fn may_touch_account(&self, owner: &str) -> bool {
        OF_ACCOUNTS.contains(&self.role_behind()) || self.is(owner)
    }

    /// Whether the sessions and keys of this person are the caller's to see and change.
    #[must_use]
    pub fn may_touch_credentials(&self, owner: &str) -> bool {
        OF_CREDENTIALS.contains(&self.role_behind()) || self.is(owner)
    }

    /// The role of the caller, or of whom the calling service acts for.
    fn role_behind(&self) -> &str {
        self.behalf.as_ref().map_or(&self.role, |behalf| &behalf.role)
    }

    fn is(&self, owner: &str) -> bool {
        let own = |who: Option<&str>| who.is_some_and(|who| !owner.is_empty() && who == owner);
        own(self.person()) || own(self.guest.as_deref())
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes = if self.scopes.is_empty() { "-".to_owned() } else { self.scopes.join(",") };
        let word = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        write!(f, "{} {} {scopes}", self.role, word(&self.subject))?;
        if self.guest.is_some() || self.behalf.is_some() {
            write!(f, " {}", word(&self.guest))?;
        }
        if let Some(behalf) = &self.behalf {
            write!(f, " {} {}", behalf.role, word(&behalf.subject))?;
        }
        Ok(())
    }
}

impl FromStr for Caller {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Caller, Malformed> {
        let parts: Vec<&str> = text.split(' ').collect();
        let some = |part: &str| (part != "-").then(|| part.to_owned());
        let (role, subject, scopes, guest, behalf) = match parts[..] {
            [role, subject, scopes] => (role, subject, scopes, "-", None),
            [role, subject, scopes, guest] => (role, subject, scopes, guest, None),
            [role, subject, scopes, guest, of, whom] => (role, subject, scopes, guest, Some((of, whom))),
            _ => return Err(Malformed { header: CALLER, value: text.to_owned() }),
        };
        let scopes = if scopes == "-" { Vec::new() } else { scopes.split(',').map(str::to_owned).collect() };
        let behalf = behalf.map(|(role, subject)| Behalf { role: role.to_owned(), subject: some(subject) });
        Ok(Caller { role: role.to_owned(), subject: some(subject), scopes, guest: some(guest), behalf })
    }
}

/// W3C trace context: which trace, which span called, and whether it is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// The trace.
    pub trace_id: [u8; 16],
    /// The span that made the call.
    pub span_id: [u8; 8],
    /// Whether somebody decided to record it.
    pub sampled: bool,
}

impl Trace {
    /// A trace that begins here.
    #[must_use]
    pub fn begin(entropy: &Entropy, sampled: bool) -> Trace {
        Trace { trace_id: entropy.bytes(), span_id: entropy.bytes(), sampled }
    }

    /// The same trace, one span further in.
    #[must_use]
    pub fn child(&self, entropy: &Entropy) -> Trace {
        Trace { span_id: entropy.bytes(), ..*self }
    }

    /// The trace id in hexadecimal.
    #[must_use]
    pub fn trace_id_hex(&self) -> String {
        CommandId(self.trace_id).to_string()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-", CommandId(self.trace_id))?;
        self.span_id.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        write!(f, "-{:02x}", u8::from(self.sampled))
    }
}

impl FromStr for Trace {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Trace, Malformed> {
        let malformed = || Malformed { header: TRACEPARENT, value: text.to_owned() };
        let mut parts = text.split('-');
        let (Some(version), Some(trace), Some(span), Some(flags)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(malformed());
        };
        let version: [u8; 1] = hex(version).ok_or_else(malformed)?;
        let [flags]: [u8; 1] = hex(flags).ok_or_else(malformed)?;
        let trace_id: [u8; 16] = hex(trace).ok_or_else(malformed)?;
        let span_id: [u8; 8] = hex(span).ok_or_else(malformed)?;
        // Version ff and all-zero ids are forbidden by W3C Trace Context §3.2.
        if version == [0xff] || trace_id == [0; 16] || span_id == [0; 8] {
            return Err(malformed());
        }
        Ok(Trace { trace_id, span_id, sampled: flags & 1 == 1 })
    }
}

/// A header that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the header {header} cannot be read: {value:?}")]
pub struct Malformed {
    /// Its name.
    pub header: &'static str,
    /// What it held.
    pub value: String,
}

/// The value of a header as text.
#[must_use]
pub fn get<'a>(headers: &'a Headers, name: &'static str) -> Option<&'a str> {
    headers.get(HeaderName::from_static(name)).map(HeaderValue::as_str)
}

/// Sets a header. A name that is known when the code is written need not be copied and checked for each message.
pub fn put(headers: &mut Headers, name: &'static str, value: impl Into<HeaderValue>) {
    headers.insert(HeaderName::from_static(name), value.into());
}

/// The value of a header, parsed; `None` when it is absent.
///
/// # Errors
/// When it is there and cannot be read.
pub fn parsed<T: FromStr>(headers: &Headers, name: &'static str) -> Result<Option<T>, Malformed> {
    get(headers, name)
        .map(|value| value.parse().map_err(|_| Malformed { header: name, value: value.to_owned() }))
        .transpose()
}

/// The absolute deadline of a request.
///
/// # Errors
/// When the header is there and cannot be read.
pub fn deadline(headers: &Headers) -> Result<Option<Timestamp>, Malformed> {
    let millis: Option<i64> = parsed(headers, DEADLINE)?;
    millis
        .map(|millis| {
            Timestamp::from_millisecond(millis).map_err(|_| Malformed { header: DEADLINE, value: millis.to_string() })
        })
        .transpose()
}

/// A key as a token of a subject: what NATS would take for structure becomes `_`. Ids are their own tokens; a SKU may
/// hold a dot. The partition is that of the token, so that whoever types the subject reaches the same actor.
#[must_use]
pub fn token(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    key.chars().map(|c| if plain(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let entropy = Entropy::seeded(7);
        for keyed in [true, false] {
            let key = CommandKey { id: CommandId::fresh(&entropy), fingerprint: Fingerprint::of("a.b", b"c"), keyed };
            assert_eq!(key.to_string().parse(), Ok(key));
        }
        let trace = Trace::begin(&entropy, true);
        assert_eq!(trace.to_string().parse(), Ok(trace));
        let position = Position { group: "inventory".into(), partition: 3, sequence: 17 };
        assert_eq!(positions(&format!("{position}, {position}")), Ok(vec![position.clone(), position]));
        let known = Caller::known("customer", Some("usr_1".into()), vec!["cart:read".into(), "cart:write".into()]);
        let was_guest = Caller { guest: Some("usr_2".into()), ..known.clone() };
        let through = [known.through("cart"), was_guest.through("cart"), Caller::anonymous().through("cart")];
        for caller in [Caller::anonymous(), Caller::service("order"), known, was_guest].into_iter().chain(through) {
            assert_eq!(caller.to_string().parse(), Ok(caller));
        }
    }

    #[test]
    fn a_caller_is_written_as_shortly_as_it_can_be() {
        let admin = Caller::known("admin", Some("usr_1".into()), vec!["*".into()]);
        assert_eq!(admin.to_string(), "admin usr_1 *", "as replicas read it that know three words");
        assert_eq!(Caller { guest: Some("usr_2".into()), ..admin.clone() }.to_string(), "admin usr_1 * usr_2");
        assert_eq!(admin.through("cart").to_string(), "service cart - - admin usr_1");
        for text in ["", "admin", "admin -", "admin - * - admin", "admin - * - admin usr_1 more"] {
            assert_eq!(text.parse::<Caller>().map_err(|malformed| malformed.header), Err(CALLER), "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_its_header() {
        let bad = ["", "x", "00.11", "zz.00", &format!("{}.{}.forever", "0".repeat(32), "0".repeat(16))];
        for text in bad {
            assert_eq!(text.parse::<CommandKey>().map_err(|e| e.header), Err(COMMAND), "{text}");
        }
        for text in ["00-00000000000000000000000000000000-0000000000000001-01", "ff-0-0-0", "00-é-1-1", "1"] {
            assert_eq!(text.parse::<Trace>().map_err(|e| e.header), Err(TRACEPARENT), "{text}");
        }
        for text in ["a/b", "a/1/x", "a/1/2/3", ""] {
            assert!(text.parse::<Position>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_parts_of_a_derived_id_do_not_run_together() {
        assert_ne!(CommandId::derived(&[b"ab", b"c"]), CommandId::derived(&[b"a", b"bc"]));
    }
}
