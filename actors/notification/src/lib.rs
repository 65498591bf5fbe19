#![doc = include_str!("../README.md")]

pub mod backoff;
pub mod contact;
pub mod defaults;
pub mod delivery;
pub mod endpoint;
pub mod feed;
pub mod message;
pub mod pattern;
pub mod preferences;
pub mod providers;
pub mod queue;
pub mod reactions;
pub mod signing;
pub mod template;
pub mod topic;
pub mod views;
pub mod wire;
pub mod writing;

use runtime::entity::ActorKey;
use runtime::group::Group;

use contact::Contact;
use delivery::Delivery;
use endpoint::Endpoint;
use feed::Feed;
use message::Message;
use preferences::Preferences;
use providers::{BadSettings, Doors, Outside, WEBHOOK};
use queue::Queue;
use template::Template;
use topic::Channel;
use wire::rpc;

pub use providers::Settings;

/// The group by what was set for this process; by default every message is captured.
///
/// # Errors
/// When a setting cannot be used: a shop that mails nobody must not look like one that does.
pub fn group_with(settings: Settings) -> Result<Group, BadSettings> {
    settings.outside().map(group_by)
}

/// The group with this outside.
#[must_use]
pub fn group_by(outside: Outside) -> Group {
    let (create, update) = match outside.doors {
        Doors::Public => (
            wire::endpoints::create::<true> as wire::endpoints::Create,
            wire::endpoints::update::<true> as wire::endpoints::Update,
        ),
        Doors::Any => (wire::endpoints::create::<false> as _, wire::endpoints::update::<false> as _),
    };
    let group = Group::new(wire::contract())
        .provider(Channel::Email.word(), outside.email)
        .provider(Channel::Sms.word(), outside.sms)
        .provider(Channel::Push.word(), outside.push)
        .provider(WEBHOOK, outside.webhook);
    feed(webhooks(messages(texts(group), outside.keeps_events), create, update), outside.keeps_events)
}

/// What happened, for those who rather ask.
fn feed(group: Group, keeps_events: bool) -> Group {
    let list = if keeps_events { views::feed::list } else { views::feed::none };
    group
        .entity::<Feed>()
        .command::<rpc::KeepEvent, Feed>(|r| r.feed.clone(), wire::feed::keep)
        .view::<views::Events>()
        .query::<rpc::ListEvents>(list)
}

/// Messages to people: whom to write to, what they want, and what became of it.
fn messages(group: Group, keeps_events: bool) -> Group {
    let hear = if keeps_events { reactions::hear_and_keep } else { reactions::hear };
    let heard = wire::contract().hears.iter().fold(group, |group, heard| group.react(heard.group, hear));
    heard
        .entity::<Message>()
        .entity::<Contact>()
        .entity::<Preferences>()
        .command::<rpc::SendNotification, Message>(|r| r.notification_id.clone(), wire::letters::send)
        .command::<rpc::RetryNotification, Message>(|r| r.notification_id.clone(), wire::letters::retry)
        .command::<rpc::ReportNotification, Message>(|r| r.notification_id.clone(), wire::letters::report)
        .command::<rpc::LearnContact, Contact>(|r| r.order_id.clone(), wire::orders::learn)
        .command::<rpc::Inform, Contact>(|r| r.order_id.clone(), wire::orders::inform)
        .command::<rpc::Alert, Message>(|r| r.notification_id.clone(), wire::letters::alert)
        .command::<rpc::Write, Message>(|r| r.notification_id.clone(), wire::letters::write)
        .command::<rpc::PutPreferences, Preferences>(|r| r.user_id.clone(), wire::choices::put)
        .read::<rpc::GetNotification, Message>(|r| r.notification_id.clone(), wire::letters::get)
        .read::<rpc::GetPreferences, Preferences>(|r| r.user_id.clone(), wire::choices::get)
        .history_for::<rpc::GetNotificationHistory>(
            |r| ActorKey::of::<Message>(&r.notification_id),
            wire::letters::may_see_history,
        )
        .view::<views::Messages>()
        .view::<views::Chosen>()
        .query::<rpc::ListNotifications>(views::sent::list)
        .query::<rpc::ListUserNotifications>(views::sent::of_user)
        .query::<rpc::ListMailbox>(views::sent::mailbox)
}

/// How messages are written.
fn texts(group: Group) -> Group {
    group
        .entity::<Template>()
        .command::<rpc::PutTemplate, Template>(|r| r.template_id.clone(), wire::texts::put)
        .command::<rpc::ResetTemplate, Template>(|r| r.template_id.clone(), wire::texts::reset)
        .command::<rpc::PreviewTemplate, Template>(|r| r.template_id.clone(), wire::texts::preview)
        .command::<rpc::TestTemplate, Template>(|r| r.template_id.clone(), wire::texts::test)
        .read::<rpc::GetTemplate, Template>(|r| r.template_id.clone(), wire::texts::get)
        .history::<rpc::GetTemplateHistory>(|r| ActorKey::of::<Template>(&r.template_id))
        .view::<views::Templates>()
        .query::<rpc::ListTemplates>(views::templates::list)
        .query::<rpc::ResolveTemplate>(views::templates::resolve)
}

/// What machines outside are told.
fn webhooks(group: Group, create: wire::endpoints::Create, update: wire::endpoints::Update) -> Group {
    group
        .entity::<Endpoint>()
        .entity_told_by::<Queue>(wire::deliveries::tell_queue)
        .entity_told_by::<Delivery>(wire::deliveries::tell_delivery)
        .command_with::<rpc::CreateWebhookEndpoint, Endpoint, _>(
            |r| r.endpoint_id.clone(),
            |_, _| wire::endpoints::fresh_secret(),
            create,
        )
        .command_with::<rpc::RotateWebhookSecret, Endpoint, _>(
            |r| r.endpoint_id.clone(),
            |_, _| wire::endpoints::fresh_secret(),
            wire::endpoints::rotate,
        )
        .command::<rpc::UpdateWebhookEndpoint, Endpoint>(|r| r.endpoint_id.clone(), update)
        .command::<rpc::DeleteWebhookEndpoint, Endpoint>(|r| r.endpoint_id.clone(), wire::endpoints::delete)
        .command::<rpc::PauseWebhookEndpoint, Endpoint>(|r| r.endpoint_id.clone(), wire::endpoints::pause)
        .command::<rpc::ResumeWebhookEndpoint, Endpoint>(|r| r.endpoint_id.clone(), wire::endpoints::resume)
        .command::<rpc::TestWebhookEndpoint, Endpoint>(|r| r.endpoint_id.clone(), wire::deliveries::test)
        .command::<rpc::RedeliverWebhook, Endpoint>(|r| r.endpoint_id.clone(), wire::deliveries::redeliver)
        .command::<rpc::RewindWebhookEndpoint, Endpoint>(|r| r.endpoint_id.clone(), wire::deliveries::rewind)
        .command::<rpc::NoteEvent, Endpoint>(|r| r.endpoint_id.clone(), wire::deliveries::note)
        .read::<rpc::GetWebhookEndpoint, Endpoint>(|r| r.endpoint_id.clone(), wire::endpoints::get)
        .read::<rpc::GetWebhookDelivery, Endpoint>(|r| r.endpoint_id.clone(), wire::deliveries::get)
        .history::<rpc::GetWebhookEndpointHistory>(|r| ActorKey::of::<Endpoint>(&r.endpoint_id))
        .view::<views::Webhooks>()
        .query::<rpc::ListWebhookEndpoints>(views::webhooks::endpoints)
        .query::<rpc::ListWebhookDeliveries>(views::webhooks::deliveries)
}
