//! Patterns: which events an endpoint wants. `order.confirmed` is that one, `order.*` all whose type begins with
//! `order.`, and `*` everything.

/// Whether an event of this type is wanted by any of these patterns.
#[must_use]
pub fn any_wants(patterns: &[String], event_type: &str) -> bool {
    patterns.iter().any(|pattern| wants(pattern, event_type))
}

fn wants(pattern: &str, event_type: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        Some(start) => start.ends_with('.') && event_type.starts_with(start),
        None => pattern == event_type,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_type_a_kind_or_everything() {
        for (pattern, wanted, other) in [
            ("order.confirmed", "order.confirmed", "order.created"),
            ("order.*", "order.created", "orders.created"),
            ("order.*", "order.confirmed", "payment.completed"),
        ] {
            assert!(wants(pattern, wanted), "{pattern} {wanted}");
            assert!(!wants(pattern, other), "{pattern} {other}");
        }
        assert!(wants("*", "anything.at_all"));
        assert!(!wants("ord*", "order.created") && !wants("", "order.created"));
        assert!(any_wants(&["a.b".into(), "order.*".into()], "order.created"));
        assert!(!any_wants(&[], "order.created"));
    }
}
