//! Subjects: how patterns match and where the account's mappings lead.

/// Whether a subscription's pattern covers a subject: `*` stands for one token, a last `>` for one or more.
pub(super) fn matches(pattern: &str, subject: &str) -> bool {
    let mut tokens = subject.split('.');
    for wanted in pattern.split('.') {
        match (wanted, tokens.next()) {
            (">", Some(_)) => return true,
            ("*", Some(_)) => {}
            (wanted, Some(token)) if wanted == token => {}
            _ => return false,
        }
    }
    tokens.next().is_none()
}

/// Where a published subject leads: the address of an actor (`shop.<group>.<key>.<verb>`) to its partition's subject.
/// Only names of groups are mapped, so `shop.log.…` and its like, which no group may be called, stay what they are.
pub(super) fn mapped(subject: &str) -> Option<String> {
    let mut tokens = subject.split('.');
    let (Some("shop"), Some(name), Some(key), Some(verb), None) =
        (tokens.next(), tokens.next(), tokens.next(), tokens.next(), tokens.next())
    else {
        return None;
    };
    let group = messages::GROUPS.iter().find(|group| group.name == name)?;
    let partition = messages::partition::of(key, group.partitions);
    Some(format!("shop.cmd.{name}.{partition}.{key}.{verb}"))
}

/// The group and the last token of a subject of the logs.
pub(super) fn of_log(subject: &str) -> Option<(&str, &str)> {
    subject.strip_prefix("shop.log.")?.split_once('.').filter(|(_, rest)| !rest.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::{mapped, matches, of_log};

    #[test]
    fn patterns_match_whole_tokens() {
        for (pattern, subject, expected) in [
            ("a.b", "a.b", true),
            ("a.b", "a.c", false),
            ("a.b", "a", false),
            ("a", "a.b", false),
            ("a.*", "a.b", true),
            ("a.*", "a", false),
            ("a.*", "a.b.c", false),
            ("*.b", "a.b", true),
            ("a.>", "a.b.c", true),
            ("a.>", "a", false),
            (">", "a.b", true),
            ("a.*.c", "a.bb.c", true),
        ] {
            assert_eq!(matches(pattern, subject), expected, "{pattern} on {subject}");
        }
    }

    #[test]
    fn only_addresses_of_actors_are_mapped() {
        let group = messages::GROUPS[0];
        let (name, partition) = (group.name, messages::partition::of("k", group.partitions));
        let address = mapped(&format!("shop.{name}.k.get"));
        assert_eq!(address, Some(format!("shop.cmd.{name}.{partition}.k.get")));
        for other in [
            format!("shop.cmd.{name}.{partition}.k.get"),
            format!("shop.any.{name}.k.get"),
            format!("shop.query.{name}.list"),
            format!("shop.log.{name}.0"),
            format!("shop.{name}.k"),
            format!("shop.{name}.k.get.more"),
            "shop.nobody.k.get".to_owned(),
            "_INBOX.x.k.get".to_owned(),
        ] {
            assert_eq!(mapped(&other), None, "{other}");
        }
    }

    #[test]
    fn a_log_has_one_token_below_its_group() {
        assert_eq!(of_log("shop.log.order.3"), Some(("order", "3")));
        assert_eq!(of_log("shop.log.order.3.x"), None);
        assert_eq!(of_log("shop.log.order"), None);
        assert_eq!(of_log("shop.evt.order.3"), None);
    }
}
