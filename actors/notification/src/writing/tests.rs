//! What templates may and may not do.

use expect_test::{Expect, expect};

use super::*;

fn text(source: &str) -> Parts {
    Parts { text: source.to_owned(), ..Parts::default() }
}

#[track_caller]
fn refused(topic: Topic, channel: Channel, parts: &Parts, says: Expect) {
    let said = check(topic, channel, parts).err().map_or_else(|| "kept".to_owned(), |e| e.to_string());
    says.assert_eq(&said);
}

#[test]
fn every_topic_has_samples_for_all_its_names() {
    for topic in Topic::ALL {
        let sample = sample(topic);
        let named: std::collections::BTreeSet<&str> =
            sample.as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
        assert_eq!(named, topic.variables().iter().copied().collect(), "{topic:?}");
    }
}

#[test]
fn a_template_that_cannot_be_used_is_refused_with_line_and_reason() {
    use Channel::Sms;
    use Topic::{OrderConfirmed, Shipped};
    refused(
        OrderConfirmed,
        Sms,
        &text("a\n{{ total"),
        expect!["the text is wrong in line 2: syntax error: unexpected end of input, expected end of variable block"],
    );
    refused(
        OrderConfirmed,
        Sms,
        &text("a\nb\n{{ totl }}"),
        expect![
            "the text is wrong in line 3: there is nothing called `totl`; there is name, order_id, total, shipping_option, lines, awaited"
        ],
    );
    refused(
        OrderConfirmed,
        Sms,
        &text("Grüße\n{{ totl }}"),
        expect![
            "the text is wrong in line 2: there is nothing called `totl`; there is name, order_id, total, shipping_option, lines, awaited"
        ],
    );
    refused(
        OrderConfirmed,
        Sms,
        &text("{% if false %}\n{{ carrier }}{% endif %}"),
        expect![
            "the text is wrong in line 2: there is nothing called `carrier`; there is name, order_id, total, shipping_option, lines, awaited"
        ],
    );
    refused(
        Shipped,
        Sms,
        &text("{% for line in lines %}\n{{ line.titel }}{% endfor %}"),
        expect!["the text is wrong in line 2: undefined value"],
    );
    refused(
        OrderConfirmed,
        Sms,
        &text("{{ total | shout }}"),
        expect!["the text is wrong in line 1: unknown filter: filter shout is unknown"],
    );
    refused(
        OrderConfirmed,
        Sms,
        &text("{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}"),
        expect!["the text is wrong in line 1: it does not come to an end"],
    );
    refused(
        OrderConfirmed,
        Sms,
        &text("{% for i in range(9999) %}0123456789012345678901234567890123456789{% endfor %}"),
        expect!["the text is wrong in line 1: it comes to more than 200000 bytes"],
    );
    refused(
        OrderConfirmed,
        Sms,
        &text("{% include 'x' %}"),
        expect![[r#"the text is wrong in line 1: template not found: tried to include non-existing template "x""#]],
    );
    refused(
        OrderConfirmed,
        Channel::Email,
        &text("no subject"),
        expect!["the subject is wrong in line 1: an e-mail has a subject, and a push message a title"],
    );
    refused(OrderConfirmed, Sms, &text("{{ total }} {% set x = order_id %}{{ x }}"), expect!["kept"]);
}

#[test]
fn values_are_escaped_in_html_and_nowhere_else() {
    let parts = Parts { subject: "{{ subject }}".into(), text: "{{ text }}".into(), html: "<p>{{ text }}</p>".into() };
    let values = serde_json::json!({"subject": "a & b\r\nBcc: all@example.com", "text": "<b>&</b>"});
    let written = write(&parts, &values).expect("a page");
    assert_eq!(written.subject, "a & b Bcc: all@example.com");
    assert_eq!(written.text, "<b>&</b>");
    assert_eq!(written.html, "<p>&lt;b&gt;&amp;&lt;&#x2f;b&gt;</p>");
}
