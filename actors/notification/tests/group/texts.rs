//! How messages are written: staff's templates over those that the shop came with.

use messages::common::v1::fact::Value;
use messages::notification::v1::{self, Channel, NotificationStatus, Topic, rpc};
use runtime::testkit::{Asker, refusal};

use super::mail::settled;
use super::newsroom::{Newsroom, confirmed, created};
use super::{outside, play, stage};

async fn resolve(asker: &Asker, locale: &str) -> v1::ResolveTemplateResponse {
    let request = v1::ResolveTemplateRequest {
        topic: Topic::OrderConfirmed.into(),
        channel: Channel::Email.into(),
        locale: locale.to_owned(),
    };
    asker.ask::<rpc::ResolveTemplate>(None, &request).await.expect("a template")
}

fn put(template_id: &str, locale: &str, text: &str) -> v1::PutTemplateRequest {
    v1::PutTemplateRequest {
        template_id: template_id.to_owned(),
        topic: Topic::OrderConfirmed.into(),
        channel: Channel::Email.into(),
        locale: locale.to_owned(),
        subject: "Servus {{ name }}".to_owned(),
        text: text.to_owned(),
        html: String::new(),
    }
}

#[test]
fn staffs_template_is_used_until_it_is_given_up() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let news = Newsroom::in_world(&world).await;
        let before = resolve(&asker, "de-AT").await;
        let built_in = before.template.expect("the shop came with one");
        assert_eq!((built_in.locale.as_str(), built_in.built_in, built_in.version), ("de", true, 0));
        let id = before.template_id;
        assert_ne!(id, built_in.template_id);
        assert_eq!(
            refusal(
                asker
                    .ask::<rpc::PutTemplate>(Some(&built_in.template_id), &put(&built_in.template_id, "de-AT", "x"))
                    .await
            )
            .fact("template_id"),
            Some(&Value::Text(id.clone()))
        );

        let bad = refusal(asker.ask::<rpc::PutTemplate>(Some(&id), &put(&id, "de-AT", "Baba\n{{ nmae }}")).await);
        assert_eq!(
            (bad.code.as_str(), bad.fact("line"), bad.fact("part")),
            ("bad_template", Some(&Value::Number(2)), Some(&Value::Text("text".to_owned())))
        );
        for text in ["Dank schön, {{ total }}.", "Dank recht schön, {{ total }}."] {
            asker.ask::<rpc::PutTemplate>(Some(&id), &put(&id, "de-AT", text)).await.expect("a template");
        }
        let preview = v1::PreviewTemplateRequest { template_id: id.clone(), ..Default::default() };
        let preview = asker.ask::<rpc::PreviewTemplate>(Some(&id), &preview).await.expect("a preview").preview;
        assert_eq!(preview.map(|preview| preview.text).as_deref(), Some("Dank recht schön, 74.78 EUR."));
        let in_view = v1::ResolveTemplateRequest {
            topic: Topic::OrderConfirmed.into(),
            channel: Channel::Email.into(),
            locale: "de-AT".to_owned(),
        };
        asker
            .until::<rpc::ResolveTemplate>(None, &in_view, |found| {
                found.template.as_ref().is_some_and(|t| t.version == 2)
            })
            .await;

        news.say(&created("ada")).await;
        news.say(&confirmed("ada")).await;
        let sent = settled(&asker, NotificationStatus::Sent, 1).await;
        assert_eq!(
            (sent[0].subject.as_str(), sent[0].text.as_str()),
            ("Servus Ada Lovelace", "Dank recht schön, 64,88 EUR.")
        );
        assert_eq!(
            (sent[0].template_id.as_str(), sent[0].template_version, sent[0].locale.as_str()),
            (id.as_str(), 2, "de-AT")
        );

        let test = v1::TestTemplateRequest { template_id: id.clone(), to: "me@example.com".to_owned() };
        let test =
            asker.ask::<rpc::TestTemplate>(Some(&id), &test).await.expect("a test").notification.expect("a message");
        let get = v1::GetNotificationRequest { notification_id: test.notification_id.clone() };
        asker
            .until::<rpc::GetNotification>(Some(&test.notification_id), &get, |got| {
                got.notification.as_ref().is_some_and(|n| n.status() == NotificationStatus::Sent)
            })
            .await;

        let reset = v1::ResetTemplateRequest { template_id: id.clone() };
        asker.ask::<rpc::ResetTemplate>(Some(&id), &reset).await.expect("given up");
        assert_eq!(refusal(asker.ask::<rpc::ResetTemplate>(Some(&id), &reset).await).code, "not_found");
        asker
            .until::<rpc::ResolveTemplate>(None, &in_view, |found| found.template.as_ref().is_some_and(|t| t.built_in))
            .await;
        news.close().await;
        stage.clear().await;
    });
}

#[test]
fn every_template_is_listed_once_page_by_page() {
    play(|world| async move {
        outside::reset();
        let mut stage = stage(&world);
        stage.start("a").await;
        let asker = stage.client("staff").await;
        let id = resolve(&asker, "en").await.template.expect("a template").template_id;
        asker.ask::<rpc::PutTemplate>(Some(&id), &put(&id, "en", "Thanks.")).await.expect("a template");
        let mut seen = Vec::new();
        let mut request = v1::ListTemplatesRequest { limit: Some(7), ..Default::default() };
        loop {
            let page = asker.ask::<rpc::ListTemplates>(None, &request).await.expect("a page");
            seen.extend(page.data.into_iter().map(|template| (template.template_id, template.built_in)));
            match page.next {
                Some(next) => request.after = Some(next),
                None => break,
            }
        }
        seen.sort();
        seen.dedup_by(|a, b| a.0 == b.0);
        assert_eq!(seen.len(), notification::defaults::slots().count());
        assert_eq!(seen.iter().filter(|(_, built_in)| !built_in).map(|(id, _)| id).collect::<Vec<_>>(), [&id]);
        stage.clear().await;
    });
}
