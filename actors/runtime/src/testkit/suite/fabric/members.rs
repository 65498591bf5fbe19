//! Facts of the members' bucket.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use tokio::time::Instant;

use super::{Site, group, text, until, within};
use crate::fabric::{Member, Members};

/// How long the bucket remembers what is not said again.
const REMEMBERED: Duration = Duration::from_secs(10);

async fn members(site: &dyn Site, replica: &str) -> Arc<dyn Members> {
    site.fabric(group().name, replica).await.members()
}

fn key(replica: &str) -> String {
    format!("{}.{replica}", group().name)
}

async fn announce(members: &dyn Members, key: &str, says: &str) {
    within("word of the bucket", members.announce(key.to_owned(), text(says))).await.expect("the word gets out");
}

/// What a watcher is told of a key next.
async fn told(watch: &mut BoxStream<'static, Member>, key: &str) -> Option<Bytes> {
    let told = async {
        loop {
            let member = watch.next().await.expect("the watch goes on");
            if member.key == key {
                return member.says;
            }
        }
    };
    within("news of a member", told).await
}

/// Everything a new watcher is told up to a mark said just before it looked.
async fn present(members: &dyn Members, mark: &str) -> Vec<Member> {
    announce(members, mark, "mark").await;
    within("the mark", told_until(&mut members.watch(group().name), mark)).await
}

/// Everything a watcher is told before it is told of a key.
async fn told_until(watch: &mut BoxStream<'static, Member>, key: &str) -> Vec<Member> {
    let mut told = Vec::new();
    loop {
        let member = watch.next().await.expect("the watch goes on");
        if member.key == key {
            return told;
        }
        told.push(member);
    }
}

pub(super) async fn a_watcher_sees_the_present_and_then_the_changes(site: &dyn Site) {
    let (one, other) = (members(site, "n1").await, members(site, "n2").await);
    let key = key("watched");
    announce(&*one, &key, "first").await;
    announce(&*one, &key, "second").await;
    let mut watch = other.watch(group().name);
    assert_eq!(told(&mut watch, &key).await, Some(text("second")), "a watch starts with the present");
    announce(&*one, &key, "third").await;
    assert_eq!(told(&mut watch, &key).await, Some(text("third")));
    within("word of the bucket", one.leave(key.clone())).await.expect("the word gets out");
    assert_eq!(told(&mut watch, &key).await, None, "who leaves is seen leaving");
    announce(&*one, &key, "back").await;
    assert_eq!(told(&mut watch, &key).await, Some(text("back")));
}

pub(super) async fn a_watcher_sees_only_its_group(site: &dyn Site) {
    let members = members(site, "n1").await;
    let stranger = format!("{}x.stranger", group().name);
    announce(&*members, &stranger, "here").await;
    let present = present(&*members, &key("zz-mark")).await;
    assert!(present.iter().all(|member| member.key != stranger), "it was told of {stranger}");
}

pub(super) async fn who_falls_silent_is_forgotten(site: &dyn Site) {
    let members = members(site, "n1").await;
    let (silent, talking) = (key("silent"), key("talking"));
    let mut watch = members.watch(group().name);
    let said = Instant::now();
    announce(&*members, &silent, "once").await;
    assert_eq!(told(&mut watch, &silent).await, Some(text("once")));
    announce(&*members, &talking, "again").await;
    let found = |present: &[Member], key: &str| present.iter().any(|member| member.key == key);
    let there = present(&*members, &key("zz-mark")).await;
    assert!(found(&there, &silent) && found(&there, &talking), "what was just said is remembered: {there:?}");
    let there = until("oblivion", || async {
        announce(&*members, &talking, "again").await;
        let there = present(&*members, &key("zz-mark")).await;
        (!found(&there, &silent)).then_some(there)
    })
    .await;
    assert!(said.elapsed() >= REMEMBERED, "it was forgotten after {:?}", said.elapsed());
    assert!(found(&there, &talking), "who goes on talking is remembered");
    // A watcher is told nothing of that: it must count the time itself.
    let last = key("zz-last");
    announce(&*members, &last, "last").await;
    let told = within("the last", told_until(&mut watch, &last)).await;
    assert!(!found(&told, &silent), "it was told of who fell silent: {told:?}");
}
