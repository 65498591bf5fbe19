//! The groups this binary holds: the one list that a new group is added to.

use std::sync::Arc;

use jiff::SignedDuration;
use messages::Rpc as _;
use messages::auth::v1::{RotateSigningKeysRequest, rpc};
use prost::Message as _;
use runtime::bus::Bus;
use runtime::client::{Call, Client};
use runtime::clock::Clock;
use runtime::entropy::Entropy;
use runtime::group::Group;
use runtime::headers::Caller;

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

/// How long a group may take for what it begins with.
const BEGINS_WITHIN: SignedDuration = SignedDuration::from_secs(5);

/// What a group has to do once before it can serve anybody: every replica asks for it as it starts, and it is done by one.
pub(crate) async fn begin(name: &str, bus: Arc<dyn Bus>) {
    if name != "auth" {
        return;
    }
    // Without a key nobody can be given a token.
    let client = Client::new(bus, Clock::system(), Entropy::system());
    let now = client.clock().now();
    let request = RotateSigningKeysRequest { ring: auth::wire::RING.to_owned(), if_due: true };
    let deadline = now.saturating_add(BEGINS_WITHIN).unwrap_or(now);
    let key = Some(request.ring.clone());
    let mut call = Call::new(rpc::RotateSigningKeys::ROUTE, key, request.encode_to_vec().into(), deadline);
    call.caller = Caller::service(name);
    if let Err(cause) = client.ask(&call).await {
        tracing::warn!(%cause, "there is no key to sign tokens with yet: the first who asks for keys has one made");
    }
}
