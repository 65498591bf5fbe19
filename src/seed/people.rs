//! People of the seeded shop, for development: their passwords are printed at the start and stand in the documents.

use anyhow::Context as _;
use messages::user::v1::{CreateUserRequest, GetUserRequest, Role, rpc};
use runtime::entropy::Entropy;
use user::keys::{Email, Keys};
use user::password::Hasher;

use super::{Sower, id};
use crate::config::Config;
use crate::secret;

/// The word before the at sign, what they are called, and what they do here.
const PEOPLE: [(&str, &str, Role); 4] = [
    ("admin", "Alan Admin", Role::Admin),
    ("support", "Sophie Support", Role::Support),
    ("ada", "Ada Lovelace", Role::Customer),
    ("grace", "Grace Hopper", Role::Customer),
];

/// The addresses of the people, for the greeting. The password of each is `mercat-dev-` and the word before the at sign.
pub(crate) fn addresses() -> String {
    PEOPLE.map(|(word, ..)| address(word)).join(", ")
}

fn address(word: &str) -> String {
    format!("{word}@mercat.example")
}

fn password(word: &str) -> String {
    format!("mercat-dev-{word}")
}

/// Sows the people who are not there yet. They are active as soon as `auth` has heard of them.
pub(super) async fn sow(sower: &Sower, config: &Config) -> anyhow::Result<()> {
    let settings = secret::of_user(config)?;
    let keys = Keys::of(&settings.secret);
    let hasher = Hasher::new(settings.argon2, settings.hashes_at_once, &keys).context("user.argon2 cannot be used")?;
    for (word, name, role) in PEOPLE {
        let user_id = id("usr", word);
        let look = GetUserRequest { user_id: user_id.clone() };
        if sower.asker.find::<rpc::GetUser>(&user_id, &look).await?.is_some() {
            continue;
        }
        let email = Email::parse(&address(word)).context("a seeded address is an address")?;
        let hash = hasher
            .hash(&password(word), Entropy::system().bytes())
            .await
            .context("could not hash a seeded password")?;
        let create = CreateUserRequest {
            user_id: user_id.clone(),
            email: email.as_str().to_owned(),
            email_id: keys.email_id(&email),
            name: name.to_owned(),
            locale: "en".to_owned(),
            password_hash: hash,
            marks: keys.marks(&[name, email.as_str()]),
            role: role.into(),
            ..Default::default()
        };
        sower.sow::<rpc::CreateUser>(&user_id, word, &create).await?;
    }
    Ok(())
}
