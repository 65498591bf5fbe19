//! A claim: the account that an e-mail address has. It is named by the address's blind index, so that two accounts with
//! one address cannot be, and nobody reads the address off it. It lives in the one partition of the group, so an account
//! and its claim change in one turn.

use jiff::Timestamp;
use runtime::entity::{Entity, Facts};
use serde::{Deserialize, Serialize};

/// The state of a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Whose the address is; `None` when it is free.
    pub holder: Option<String>,
}

/// What can be asked of a claim. Each names the address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// The address is this account's.
    Take(String, String),
    /// The address is free.
    Release(String),
}

/// What can have happened to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The address, by its blind index.
    pub id: String,
    /// The account.
    pub user: String,
    /// When.
    pub at: Timestamp,
    /// It has the address now; else it has it no more.
    pub taken: bool,
}

/// Why a claim says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else has it.
    #[error("There is an account with this e-mail address already.")]
    Taken,
}

impl Entity for Claim {
    const KIND: &'static str = "email";
    const FOLD: u32 = 1;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: Command, facts: &Facts) -> Result<Vec<Event>, Refusal> {
        let at = facts.now;
        match (&self.holder, command) {
            (None, Command::Take(id, user)) => Ok(vec![Event { id, user, at, taken: true }]),
            (Some(holder), Command::Take(_, user)) if *holder == user => Ok(vec![]),
            (Some(_), Command::Take(..)) => Err(Refusal::Taken),
            (None, Command::Release(_)) => Ok(vec![]),
            (Some(holder), Command::Release(id)) => Ok(vec![Event { id, user: holder.clone(), at, taken: false }]),
        }
    }

    fn evolve(&mut self, event: &Event) {
        self.holder = event.taken.then(|| event.user.clone());
    }
}

#[cfg(test)]
mod tests {
    use runtime::entity::testing::{decide, moment};

    use super::*;

    fn event(taken: bool) -> Event {
        Event { id: "eml".into(), user: "ada".into(), at: moment(100), taken }
    }

    #[test]
    fn an_address_has_one_account_until_it_is_released() {
        let take = |user: &str| Command::Take("eml".into(), user.into());
        let release = || Command::Release("eml".into());
        assert_eq!(decide::<Claim>(&[], take("ada")), Ok(vec![event(true)]));
        assert_eq!(decide::<Claim>(&[event(true)], take("ada")), Ok(vec![]));
        assert_eq!(decide::<Claim>(&[event(true)], take("eve")), Err(Refusal::Taken));
        assert_eq!(decide::<Claim>(&[], release()), Ok(vec![]));
        assert_eq!(decide::<Claim>(&[event(true)], release()), Ok(vec![event(false)]));
        assert_eq!(decide::<Claim>(&[event(true), event(false)], take("ada")), Ok(vec![event(true)]));
    }
}
