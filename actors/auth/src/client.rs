//! A client: an application that people let act for them, or a program of its own.

use jiff::Timestamp;
use runtime::clock::{from_wire, to_wire};
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

use crate::crypto;
use crate::recorded::recorded;
use crate::roles;
use crate::wire::v1::{ClientAuthentication, SigningAlgorithm};
use crate::wire::{Kind, Problem, v1};

/// Tokens for a code.
pub const AUTHORIZATION_CODE: &str = "authorization_code";
/// Tokens for a refresh token.
pub const REFRESH_TOKEN: &str = "refresh_token";
/// Tokens for the application itself.
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// Tokens for a device.
pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// What an application says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// What people are told it is called.
    pub name: String,
    /// Where answers may be sent.
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after it was signed out.
    pub post_logout_redirect_uris: Vec<String>,
    /// How it may come by tokens.
    pub grant_types: Vec<String>,
    /// The most it may ask for.
    pub scopes: Vec<String>,
    /// It shows its secret in the form, and not in the header.
    pub secret_in_form: bool,
    /// It cannot keep a secret.
    pub is_public: bool,
    /// Its id tokens are signed with Ed25519.
    pub eddsa: bool,
    /// It is the shop's own.
    pub trusted: bool,
    /// The rate class of what it does for itself; empty for the usual one.
    pub tier: String,
}

/// The state of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// What it says about itself; absent while nothing ever happened to it, and when it is forgotten.
    pub details: Option<Details>,
    /// What its secret hashes to; empty when it has none.
    pub secret_hash: Vec<u8>,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// It was forgotten, and its id is not given again.
    pub deleted: bool,
}

/// What can be asked of an application.
#[derive(Debug, Clone)]
pub enum Command {
    /// Be this.
    Register {
        /// Its id.
        client_id: String,
        /// What it says about itself.
        details: Details,
        /// What its secret hashes to.
        secret_hash: Vec<u8>,
    },
    /// Say this about itself from now on.
    Update {
        /// Its id.
        client_id: String,
        /// What it says.
        details: Details,
    },
    /// Be forgotten.
    Delete {
        /// Its id.
        client_id: String,
    },
}

recorded! {
    /// What can have happened to an application.
    Event {
        /// It was registered.
        Registered(ClientRegistered) = "client.registered",
        /// It says something else about itself.
        Updated(ClientUpdated) = "client.updated",
        /// It was forgotten.
        Deleted(ClientDeleted) = "client.deleted",
    }
}

/// Why an application says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is none.
    #[error("there is no such application")]
    NotFound,
    /// There is one, or was.
    #[error("there is already an application with this id")]
    AlreadyExists,
    /// Answers would be sent where others can read them.
    #[error("a redirect URI is an absolute https address without a fragment; http only for this machine")]
    BadRedirectUri,
    /// It would act for itself without showing who it is.
    #[error("an application without a secret cannot act for itself")]
    BadGrants,
    /// It wants what nobody asks for.
    #[error("no part of the shop asks for one of these scopes")]
    UnknownScope,
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        let said = refusal.to_string();
        match refusal {
            Refusal::NotFound => Problem::not_found("not_found", said),
            Refusal::AlreadyExists => Problem::conflict("already_exists", said),
            Refusal::BadRedirectUri => Problem::new(Kind::Unprocessable, "bad_redirect_uri", said),
            Refusal::BadGrants => Problem::new(Kind::Unprocessable, "bad_grants", said),
            Refusal::UnknownScope => Problem::new(Kind::Unprocessable, "unknown_scope", said),
        }
    }
}

impl Details {
    fn check(&self) -> Result<(), Refusal> {
        if !self.redirect_uris.iter().chain(&self.post_logout_redirect_uris).all(|uri| is_redirect(uri)) {
            return Err(Refusal::BadRedirectUri);
        }
        if self.is_public && self.grant_types.iter().any(|grant| grant == CLIENT_CREDENTIALS) {
            return Err(Refusal::BadGrants);
        }
        // What is for groups is never an application's.
        let fits = |scope: &String| scope != roles::ALL && roles::is_known(scope) && !scope.ends_with(":internal");
        if !self.scopes.iter().all(fits) {
            return Err(Refusal::UnknownScope);
        }
        Ok(())
    }

    /// Whether it may come by tokens in this way.
    #[must_use]
    pub fn may_use(&self, grant: &str) -> bool {
        if self.grant_types.is_empty() {
            return matches!(grant, AUTHORIZATION_CODE | REFRESH_TOKEN);
        }
        self.grant_types.iter().any(|known| known == grant)
    }

    /// How its id tokens are signed.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        if self.eddsa { SigningAlgorithm::Eddsa } else { SigningAlgorithm::Es256 }
    }
}

/// Whether answers can be sent to an address: nobody on the way may read them, and nothing in it may mean something else
/// than it seems to.
#[must_use]
pub fn is_redirect(uri: &str) -> bool {
    let plain = uri.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !uri.contains('#');
    let Some((scheme, rest)) = uri.split_once("://") else { return false };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let here = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    let safe = match scheme {
        "https" => true,
        "http" => here,
        // An app's own scheme: a name turned round, such as com.example.app (RFC 8252 §7.1).
        _ => scheme.contains('.') && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b".-+".contains(&b)),
    };
    plain && safe && !authority.is_empty() && !authority.contains('@')
}

/// Where an address leads on this machine, without its port; `None` for what leads elsewhere.
fn loopback(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = ["127.0.0.1", "[::1]"].into_iter().find(|host| authority.starts_with(host))?;
    let port = authority.strip_prefix(host)?;
    let is_port = |port: &str| port.parse::<u16>().is_ok_and(|port| port > 0) && !port.starts_with('+');
    (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)).then_some((host, path))
}

impl Details {
    /// Whether answers may be sent to this address: it is one that the application registered, character for character;
    /// but a program on somebody's own machine listens on whatever port is free (RFC 8252 §7.3).
    #[must_use]
    pub fn may_answer_at(&self, uri: &str) -> bool {
        let is_same = |known: &String| known == uri || loopback(uri).is_some_and(|here| loopback(known) == Some(here));
        self.redirect_uris.iter().any(is_same)
    }
}

impl Client {
    /// What it says about itself, if whoever shows this secret is it. One without a secret shows none.
    #[must_use]
    pub fn authenticated(&self, shown_hash: &[u8]) -> Option<&Details> {
        let details = self.details.as_ref()?;
        let good = if details.is_public { shown_hash.is_empty() } else { crypto::same(&self.secret_hash, shown_hash) };
        good.then_some(details)
    }

    /// As the contract says it, without its secret.
    #[must_use]
    pub fn shown(&self, client_id: &str) -> Option<v1::Client> {
        let details = self.details.as_ref()?;
        Some(v1::Client {
            client_id: client_id.to_owned(),
            created_at: Some(to_wire(self.created_at)),
            updated_at: Some(to_wire(self.updated_at)),
            ..told(details)
        })
    }
}

/// What an application says about itself, in the contract.
#[must_use]
pub fn told(details: &Details) -> v1::Client {
    let authentication = match (details.is_public, details.secret_in_form) {
        (true, _) => ClientAuthentication::None,
        (false, true) => ClientAuthentication::ClientSecretPost,
        (false, false) => ClientAuthentication::ClientSecretBasic,
    };
    v1::Client {
        name: details.name.clone(),
        redirect_uris: details.redirect_uris.clone(),
        post_logout_redirect_uris: details.post_logout_redirect_uris.clone(),
        grant_types: details.grant_types.clone(),
        scopes: details.scopes.clone(),
        authentication: authentication.into(),
        id_token_algorithm: details.algorithm().into(),
        trusted: details.trusted,
        tier: (!details.tier.is_empty()).then(|| details.tier.clone()),
        ..v1::Client::default()
    }
}

/// What an application says about itself, from the contract.
#[must_use]
pub fn heard(client: &v1::Client) -> Details {
    Details {
        name: client.name.clone(),
        redirect_uris: client.redirect_uris.clone(),
        post_logout_redirect_uris: client.post_logout_redirect_uris.clone(),
        grant_types: client.grant_types.clone(),
        scopes: client.scopes.clone(),
        secret_in_form: client.authentication() == ClientAuthentication::ClientSecretPost,
        is_public: client.authentication() == ClientAuthentication::None,
        eddsa: client.id_token_algorithm() == SigningAlgorithm::Eddsa,
        trusted: client.trusted,
        tier: client.tier.clone().unwrap_or_default(),
    }
}

impl Entity for Client {
    const KIND: &'static str = "client";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = Some(to_wire(facts.now));
        match (&self.details, command) {
            (Some(_), Command::Register { .. }) => Err(Refusal::AlreadyExists),
            (None, Command::Register { .. }) if self.deleted => Err(Refusal::AlreadyExists),
            (None, Command::Register { client_id, details, secret_hash }) => {
                details.check()?;
                let client = Some(v1::Client { client_id: client_id.clone(), ..told(&details) });
                Ok(vec![Event::Registered(v1::ClientRegistered { client_id, client, secret_hash, at })])
            }
            (None, Command::Update { .. } | Command::Delete { .. }) => Err(Refusal::NotFound),
            (Some(now), Command::Update { client_id, details }) => {
                // How it shows who it is stays.
                let details = Details { is_public: now.is_public, secret_in_form: now.secret_in_form, ..details };
                details.check()?;
                if *now == details {
                    return Ok(vec![]);
                }
                let client = Some(v1::Client { client_id: client_id.clone(), ..told(&details) });
                Ok(vec![Event::Updated(v1::ClientUpdated { client_id, client, at })])
            }
            (Some(_), Command::Delete { client_id }) => Ok(vec![Event::Deleted(v1::ClientDeleted { client_id, at })]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        match event {
            Event::Registered(event) => {
                let at = from_wire(event.at.as_ref());
                *self = Client {
                    details: event.client.as_ref().map(heard),
                    secret_hash: event.secret_hash.clone(),
                    created_at: at,
                    updated_at: at,
                    deleted: false,
                };
            }
            Event::Updated(event) => {
                self.details = event.client.as_ref().map(heard);
                self.updated_at = from_wire(event.at.as_ref());
            }
            Event::Deleted(_) => *self = Client { deleted: true, ..Client::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, fold};

    use super::*;

    fn details() -> Details {
        Details {
            name: "App".into(),
            redirect_uris: vec!["https://app.example/callback".into()],
            scopes: vec!["order:read".into(), "openid".into()],
            ..Details::default()
        }
    }

    fn register(details: Details) -> Command {
        Command::Register { client_id: "cli_1".into(), details, secret_hash: vec![1] }
    }

    fn update(details: Details) -> Command {
        Command::Update { client_id: "cli_1".into(), details }
    }

    fn done(given: &[Event], when: Command) -> Vec<Event> {
        decide::<Client>(given, when).expect("done")
    }

    fn check(given: &[Event], when: Command, expected: &str) {
        let said = match decide::<Client>(given, when) {
            Err(refusal) => refusal.to_string(),
            Ok(events) => events.first().map_or("already so", Event::name).to_owned(),
        };
        assert_eq!(said, expected);
    }

    #[test]
    fn every_command_in_every_state() {
        let delete = || Command::Delete { client_id: "cli_1".into() };
        let renamed = || update(Details { name: "Other".into(), ..details() });
        let there = done(&[], register(details()));
        let gone = [there.clone(), done(&there, delete())].concat();
        for (given, expected) in [
            (&[][..], ["client.registered", "there is no such application", "there is no such application"]),
            (&there, ["there is already an application with this id", "client.updated", "client.deleted"]),
            (
                &gone,
                [
                    "there is already an application with this id",
                    "there is no such application",
                    "there is no such application",
                ],
            ),
        ] {
            for (command, expected) in [register(details()), renamed(), delete()].into_iter().zip(expected) {
                check(given, command, expected);
            }
        }
        check(&there, update(details()), "already so");
        // How it shows who it is cannot be changed from outside.
        check(&there, update(Details { is_public: true, ..details() }), "already so");
    }

    #[test]
    fn answers_go_only_where_nobody_else_reads_them() {
        for good in [
            "https://app.example/cb?x=1",
            "http://127.0.0.1:3000/cb",
            "http://localhost/cb",
            "http://[::1]:3/cb",
            "com.example.app://cb",
        ] {
            assert!(is_redirect(good), "{good}");
        }
        for bad in [
            "",
            "/cb",
            "app.example/cb",
            "http://app.example/cb",
            "https://app.example/cb#x",
            "https://good@evil.example/",
            "https://app.example\\@evil.example",
            "https://",
            "javascript://x",
            "custom://cb",
            "https://app.example/ä",
            "https://a b/",
            "http://127.0.0.1.evil.example/",
        ] {
            assert!(!is_redirect(bad), "{bad}");
            check(
                &[],
                register(Details { redirect_uris: vec![bad.into()], ..details() }),
                &Refusal::BadRedirectUri.to_string(),
            );
        }
    }

    #[test]
    fn a_program_on_somebodys_machine_listens_on_any_port() {
        let app = Details {
            redirect_uris: [
                "http://127.0.0.1/cb",
                "http://[::1]:9/cb?x=1",
                "https://app.example/cb",
                "http://localhost:1/cb",
            ]
            .map(str::to_owned)
            .to_vec(),
            ..Details::default()
        };
        for good in
            ["http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", "http://[::1]:3/cb?x=1", "http://localhost:1/cb"]
        {
            assert!(app.may_answer_at(good), "{good}");
        }
        for bad in [
            "http://127.0.0.1:51004/cb/x",
            "http://127.0.0.1:51004/cb?x=1",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:/cb",
            "http://127.0.0.1:+1/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1:1@evil.example/cb",
            "https://127.0.0.1/cb",
            "https://app.example:444/cb",
            // A name can be somebody else's.
            "http://localhost:2/cb",
        ] {
            assert!(!app.may_answer_at(bad), "{bad}");
        }
    }

    #[test]
    fn an_application_asks_for_no_more_than_there_is() {
        for bad in ["*", "payment:internal", "nobody:asks"] {
            check(&[], register(Details { scopes: vec![bad.into()], ..details() }), &Refusal::UnknownScope.to_string());
        }
        let alone = Details { is_public: true, grant_types: vec![CLIENT_CREDENTIALS.into()], ..details() };
        check(&[], register(alone), &Refusal::BadGrants.to_string());
        assert!(details().may_use(REFRESH_TOKEN) && !details().may_use(DEVICE_CODE));
    }

    #[test]
    fn a_secret_is_shown_by_those_who_have_one_and_by_no_others() {
        let confidential = fold::<Client>(&done(&[], register(details())));
        assert!(confidential.authenticated(&[1]).is_some());
        assert!(confidential.authenticated(&[2]).is_none() && confidential.authenticated(&[]).is_none());
        let public = fold::<Client>(&done(&[], register(Details { is_public: true, ..details() })));
        assert!(public.authenticated(&[]).is_some() && public.authenticated(&[1]).is_none());
        assert!(Client::default().authenticated(&[]).is_none());
    }
}
