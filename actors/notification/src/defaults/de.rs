//! What the shop says in German.

use super::{Language, Mail};
use crate::topic::Topic;

pub(super) const GERMAN: Language = Language { locale: "de", mail, brief };

macro_rules! mail {
    ($subject:literal, $text:literal, $html:literal) => {
        Mail {
            subject: $subject,
            text: concat!("Guten Tag{% if name %} {{ name }}{% endif %},\n\n", $text),
            html: concat!("<p>Guten Tag{% if name %} {{ name }}{% endif %},</p>\n", $html),
        }
    };
}

fn mail(topic: Topic) -> Mail {
    match topic {
        Topic::OrderConfirmed => mail!(
            "Ihre Bestellung {{ order_id }}",
            "vielen Dank für Ihre Bestellung. Sie ist bei uns eingegangen; wir melden uns, sobald sie unterwegs ist.\n\n\
             {% for line in lines %}{{ line.quantity }} × {{ line.title or line.sku }}{% if line.total %}  {{ line.total }}{% endif %}\n{% endfor %}\
             {% if awaited %}\nNoch nicht da und verschickt, sobald es eintrifft:\n{% for line in awaited %}{{ line.quantity }} × {{ line.title or line.sku }}{% if line.expected_on %}  erwartet am {{ line.expected_on }}{% endif %}\n{% endfor %}{% endif %}\n\
             Summe: {{ total }}\n{% if shipping_option %}Versand: {{ shipping_option }}\n{% endif %}Bestellung: {{ order_id }}\n",
            "<p>vielen Dank für Ihre Bestellung. Sie ist bei uns eingegangen; wir melden uns, sobald sie unterwegs ist.</p>\n\
             <table style=\"width:100%;border-collapse:collapse\">\n{% for line in lines %}<tr><td>{{ line.quantity }} × {{ line.title or line.sku }}</td>\
             <td style=\"text-align:right\">{{ line.total }}</td></tr>\n{% endfor %}<tr><td><b>Summe</b></td>\
             <td style=\"text-align:right\"><b>{{ total }}</b></td></tr>\n</table>\n\
             {% if awaited %}<p>Noch nicht da und verschickt, sobald es eintrifft:</p>\n<ul>\n{% for line in awaited %}<li>{{ line.quantity }} × {{ line.title or line.sku }}{% if line.expected_on %}, erwartet am {{ line.expected_on }}{% endif %}</li>\n{% endfor %}</ul>\n{% endif %}\
             <p>{% if shipping_option %}Versand: {{ shipping_option }}<br>{% endif %}Bestellung: {{ order_id }}</p>"
        ),
        Topic::OrderCancelled => mail!(
            "Ihre Bestellung {{ order_id }} wurde storniert",
            "Ihre Bestellung {{ order_id }} wurde storniert und wird nicht geliefert. Falls Sie schon bezahlt haben, erhalten Sie Ihr Geld auf demselben Weg zurück.\n",
            "<p>Ihre Bestellung {{ order_id }} wurde storniert und wird nicht geliefert. Falls Sie schon bezahlt haben, erhalten Sie Ihr Geld auf demselben Weg zurück.</p>"
        ),
        Topic::PaymentFailed => mail!(
            "Die Zahlung Ihrer Bestellung {{ order_id }} hat nicht geklappt",
            "die Zahlung Ihrer Bestellung {{ order_id }} hat nicht geklappt; es wurde nichts abgebucht. Sie können noch einmal bestellen und anders bezahlen.\n",
            "<p>die Zahlung Ihrer Bestellung {{ order_id }} hat nicht geklappt; es wurde nichts abgebucht. Sie können noch einmal bestellen und anders bezahlen.</p>"
        ),
        Topic::PaymentReceived => mail!(
            "Ihre Zahlung für {{ order_id }} ist da",
            "wir haben Ihre Zahlung von {{ amount }} für Ihre Bestellung {{ order_id }} erhalten. Vielen Dank.\n",
            "<p>wir haben Ihre Zahlung von <b>{{ amount }}</b> für Ihre Bestellung {{ order_id }} erhalten. Vielen Dank.</p>"
        ),
        Topic::Shipped => mail!(
            "Ihre Bestellung {{ order_id }} ist unterwegs",
            "ein Paket Ihrer Bestellung {{ order_id }} ist unterwegs{% if carrier %} mit {{ carrier }}{% endif %}.\n\n\
             {% for line in lines %}{{ line.quantity }} × {{ line.title or line.sku }}\n{% endfor %}\n\
             {% if tracking_number %}Sendungsnummer: {{ tracking_number }}\n{% endif %}{% if tracking_url %}{{ tracking_url }}\n{% endif %}",
            "<p>ein Paket Ihrer Bestellung {{ order_id }} ist unterwegs{% if carrier %} mit {{ carrier }}{% endif %}.</p>\n\
             <ul>\n{% for line in lines %}<li>{{ line.quantity }} × {{ line.title or line.sku }}</li>\n{% endfor %}</ul>\n\
             {% if tracking_url %}<p><a href=\"{{ tracking_url }}\">Paket verfolgen{% if tracking_number %} {{ tracking_number }}{% endif %}</a></p>\
             {% elif tracking_number %}<p>Sendungsnummer: {{ tracking_number }}</p>{% endif %}"
        ),
        Topic::BackorderFilled => mail!(
            "Ihre Bestellung {{ order_id }} geht weiter",
            "worauf Ihre Bestellung {{ order_id }} gewartet hat, ist eingetroffen. Wir melden uns, sobald es unterwegs ist.\n\n\
             {% for line in lines %}{{ line.quantity }} × {{ line.title or line.sku }}\n{% endfor %}",
            "<p>worauf Ihre Bestellung {{ order_id }} gewartet hat, ist eingetroffen. Wir melden uns, sobald es unterwegs ist.</p>\n\
             <ul>\n{% for line in lines %}<li>{{ line.quantity }} × {{ line.title or line.sku }}</li>\n{% endfor %}</ul>"
        ),
        Topic::Delivered => mail!(
            "Ihre Bestellung {{ order_id }} ist angekommen",
            "ein Paket Ihrer Bestellung {{ order_id }} wurde zugestellt. Wir wünschen viel Freude damit.\n",
            "<p>ein Paket Ihrer Bestellung {{ order_id }} wurde zugestellt. Wir wünschen viel Freude damit.</p>"
        ),
        Topic::Refunded => mail!(
            "Ihre Erstattung für {{ order_id }}",
            "wir haben Ihnen {{ amount }} für Ihre Bestellung {{ order_id }} erstattet. Es kann einige Tage dauern, bis Sie den Betrag sehen.\n",
            "<p>wir haben Ihnen <b>{{ amount }}</b> für Ihre Bestellung {{ order_id }} erstattet. Es kann einige Tage dauern, bis Sie den Betrag sehen.</p>"
        ),
        Topic::LowStock => Mail {
            subject: "Nur noch wenig von {{ sku }}",
            text: "Von {{ sku }} sind in {{ warehouse_id }} noch {{ current_stock }} da; die Schwelle ist {{ threshold }}.\n\
                   {% if product_id %}Produkt: {{ product_id }}\n{% endif %}",
            html: "<p>Von <b>{{ sku }}</b> sind in {{ warehouse_id }} noch <b>{{ current_stock }}</b> da; die Schwelle ist \
                   {{ threshold }}.</p>{% if product_id %}<p>Produkt: {{ product_id }}</p>{% endif %}",
        },
        Topic::EmailVerification => mail!(
            "Bitte bestätigen Sie Ihre E-Mail-Adresse",
            "bitte zeigen Sie uns mit diesem Code, dass unsere Post Sie erreicht. Wenn Sie sich nicht registriert haben, vergessen Sie diese Nachricht.\n\n{{ token }}\n\nIhr Konto: {{ user_id }}\n",
            "<p>bitte zeigen Sie uns mit diesem Code, dass unsere Post Sie erreicht. Wenn Sie sich nicht registriert haben, vergessen Sie diese Nachricht.</p>\n<p><code>{{ token }}</code></p>\n<p>Ihr Konto: {{ user_id }}</p>"
        ),
        Topic::Welcome => mail!(
            "Willkommen",
            "Ihr Konto ist eingerichtet. Herzlich willkommen!\n\nIhr Konto: {{ user_id }}\n",
            "<p>Ihr Konto ist eingerichtet. Herzlich willkommen!</p>\n<p>Ihr Konto: {{ user_id }}</p>"
        ),
        Topic::PasswordReset => mail!(
            "Ihr neues Passwort",
            "mit diesem Code können Sie einmal und bald ein neues Passwort setzen. Wenn Sie das nicht wollten, vergessen Sie diese Nachricht: Es hat sich nichts geändert.\n\n{{ token }}\n\nIhr Konto: {{ user_id }}\n",
            "<p>mit diesem Code können Sie einmal und bald ein neues Passwort setzen. Wenn Sie das nicht wollten, vergessen Sie diese Nachricht: Es hat sich nichts geändert.</p>\n<p><code>{{ token }}</code></p>\n<p>Ihr Konto: {{ user_id }}</p>"
        ),
        Topic::ProfileChanged => mail!(
            "Ihre Angaben wurden geändert",
            "die Angaben in Ihrem Konto wurden geändert. Wenn Sie das nicht waren, setzen Sie bitte ein neues Passwort.\n\nIhr Konto: {{ user_id }}\n",
            "<p>die Angaben in Ihrem Konto wurden geändert. Wenn Sie das nicht waren, setzen Sie bitte ein neues Passwort.</p>\n<p>Ihr Konto: {{ user_id }}</p>"
        ),
        Topic::EmailChange => mail!(
            "Bitte bestätigen Sie Ihre neue E-Mail-Adresse",
            "bitte zeigen Sie uns mit diesem Code, dass unsere Post Sie hier erreicht; dann melden Sie sich mit dieser Adresse an. Wenn Sie das nicht wollten, vergessen Sie diese Nachricht.\n\n{{ token }}\n\nIhr Konto: {{ user_id }}\n",
            "<p>bitte zeigen Sie uns mit diesem Code, dass unsere Post Sie hier erreicht; dann melden Sie sich mit dieser Adresse an. Wenn Sie das nicht wollten, vergessen Sie diese Nachricht.</p>\n<p><code>{{ token }}</code></p>\n<p>Ihr Konto: {{ user_id }}</p>"
        ),
        Topic::EmailChanged => mail!(
            "Ihre E-Mail-Adresse wurde geändert",
            "Ihr Konto hat jetzt eine andere E-Mail-Adresse, und diese gilt dafür nicht mehr. Wenn Sie das nicht waren, schreiben Sie uns bitte sofort.\n\nIhr Konto: {{ user_id }}\n",
            "<p>Ihr Konto hat jetzt eine andere E-Mail-Adresse, und diese gilt dafür nicht mehr. Wenn Sie das nicht waren, schreiben Sie uns bitte sofort.</p>\n<p>Ihr Konto: {{ user_id }}</p>"
        ),
        Topic::Message => Mail {
            subject: "{{ subject }}",
            text: "{{ text }}\n",
            html: "<p style=\"white-space:pre-line\">{{ text }}</p>",
        },
    }
}

fn brief(topic: Topic) -> (&'static str, &'static str) {
    match topic {
        Topic::OrderConfirmed => {
            ("Bestellung erhalten", "Vielen Dank! Ihre Bestellung {{ order_id }} über {{ total }} ist bei uns.")
        }
        Topic::OrderCancelled => ("Bestellung storniert", "Ihre Bestellung {{ order_id }} wurde storniert."),
        Topic::PaymentFailed => (
            "Zahlung fehlgeschlagen",
            "Die Zahlung Ihrer Bestellung {{ order_id }} hat nicht geklappt. Es wurde nichts abgebucht.",
        ),
        Topic::PaymentReceived => {
            ("Zahlung erhalten", "Wir haben Ihre Zahlung von {{ amount }} für Ihre Bestellung {{ order_id }} erhalten.")
        }
        Topic::Shipped => (
            "Unterwegs",
            "Ihre Bestellung {{ order_id }} ist unterwegs{% if tracking_number %}: {{ tracking_number }}{% endif %}.",
        ),
        Topic::BackorderFilled => {
            ("Eingetroffen", "Worauf Ihre Bestellung {{ order_id }} gewartet hat, ist eingetroffen.")
        }
        Topic::Delivered => ("Zugestellt", "Ihre Bestellung {{ order_id }} wurde zugestellt."),
        Topic::Refunded => ("Erstattung", "Wir haben Ihnen {{ amount }} für Ihre Bestellung {{ order_id }} erstattet."),
        Topic::LowStock => ("Wenig Bestand", "Von {{ sku }} sind in {{ warehouse_id }} noch {{ current_stock }} da."),
        Topic::EmailVerification => {
            ("Adresse bestätigen", "Ihr Code zur Bestätigung Ihrer E-Mail-Adresse: {{ token }}")
        }
        Topic::Welcome => ("Willkommen", "Ihr Konto ist eingerichtet."),
        Topic::PasswordReset => ("Neues Passwort", "Ihr Code für ein neues Passwort: {{ token }}"),
        Topic::ProfileChanged => ("Angaben geändert", "Die Angaben in Ihrem Konto wurden geändert."),
        Topic::EmailChange => {
            ("Adresse bestätigen", "Ihr Code zur Bestätigung Ihrer neuen E-Mail-Adresse: {{ token }}")
        }
        Topic::EmailChanged => ("Adresse geändert", "Ihr Konto hat jetzt eine andere E-Mail-Adresse."),
        Topic::Message => ("{{ subject }}", "{{ text }}"),
    }
}
