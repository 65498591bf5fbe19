//! The groups this binary holds: the one list that a new group is added to.

use std::sync::Arc;

use messages::auth::v1::{RotateSigningKeysRequest, rpc};
use runtime::group::Group;

use crate::ask::Asker;
use crate::config::Config;

/// A group's name and how it is built.
pub(crate) type Entry = (&'static str, fn(&Config) -> anyhow::Result<Group>);

/// Every group.
pub(crate) const ALL: &[Entry] = &[
    ("product", |_| Ok(product::group())),
    ("pricing", |_| Ok(pricing::group())),
    ("inventory", |config| Ok(inventory::group_with(config.inventory))),
    ("promotion", |_| Ok(promotion::group())),
    ("cart", |config| Ok(cart::group_with(config.cart)?)),
    ("order", |config| Ok(order::group_with(config.order.clone()))),
    ("payment", |config| Ok(payment::group_with(config.payment.clone())?)),
    ("shipping", |config| Ok(shipping::group_with(config.shipping.clone())?)),
    ("user", |config| Ok(user::group_with(crate::secret::of_user(config)?)?)),
    ("notification", |config| Ok(notification::group_with(config.notification.clone())?)),
    ("auth", |config| Ok(auth::group_with(config.auth.clone())?)),
];

/// The groups of these names.
pub(crate) fn named(names: &[String]) -> anyhow::Result<Vec<Entry>> {
    let find = |name: &String| {
        let known = || ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let found = ALL.iter().find(|(known, _)| known == name).copied();
        found.ok_or_else(|| anyhow::anyhow!("there is no group {name:?}; there are {}, gateway and bank", known()))
    };
    names.iter().map(find).collect()
}

/// What a group has to do once before it can serve anybody: every replica asks for it as it starts, and it is done by one.
pub(crate) async fn begin(name: &'static str, fabric: Arc<runtime::nats::Fabric>) {
    if name != "auth" {
        return;
    }
    // Without a key nobody can be given a token.
    let request = RotateSigningKeysRequest { ring: auth::wire::RING.to_owned(), if_due: true };
    if let Err(cause) = Asker::over(fabric, name).try_ask::<rpc::RotateSigningKeys>(Some(&request.ring), &request).await
    {
        tracing::warn!(%cause, "there is no key to sign tokens with yet: the first who asks for keys has one made");
    }
}
