//! What the shop says in English.

use super::{Language, Mail};
use crate::topic::Topic;

pub(super) const ENGLISH: Language = Language { locale: "en", mail, brief };

macro_rules! mail {
    ($subject:literal, $text:literal, $html:literal) => {
        Mail {
            subject: $subject,
            text: concat!("Hello{% if name %} {{ name }}{% endif %},\n\n", $text),
            html: concat!("<p>Hello{% if name %} {{ name }}{% endif %},</p>\n", $html),
        }
    };
}

fn mail(topic: Topic) -> Mail {
    match topic {
        Topic::OrderConfirmed => mail!(
            "Your order {{ order_id }}",
            "thank you for your order. We have it, and will tell you when it is on its way.\n\n\
             {% for line in lines %}{{ line.quantity }} × {{ line.title or line.sku }}{% if line.total %}  {{ line.total }}{% endif %}\n{% endfor %}\
             {% if awaited %}\nNot here yet, and sent as soon as it is:\n{% for line in awaited %}{{ line.quantity }} × {{ line.title or line.sku }}{% if line.expected_on %}  expected on {{ line.expected_on }}{% endif %}\n{% endfor %}{% endif %}\n\
             Total: {{ total }}\n{% if shipping_option %}Shipping: {{ shipping_option }}\n{% endif %}Order: {{ order_id }}\n",
            "<p>thank you for your order. We have it, and will tell you when it is on its way.</p>\n\
             <table style=\"width:100%;border-collapse:collapse\">\n{% for line in lines %}<tr><td>{{ line.quantity }} × {{ line.title or line.sku }}</td>\
             <td style=\"text-align:right\">{{ line.total }}</td></tr>\n{% endfor %}<tr><td><b>Total</b></td>\
             <td style=\"text-align:right\"><b>{{ total }}</b></td></tr>\n</table>\n\
             {% if awaited %}<p>Not here yet, and sent as soon as it is:</p>\n<ul>\n{% for line in awaited %}<li>{{ line.quantity }} × {{ line.title or line.sku }}{% if line.expected_on %}, expected on {{ line.expected_on }}{% endif %}</li>\n{% endfor %}</ul>\n{% endif %}\
             <p>{% if shipping_option %}Shipping: {{ shipping_option }}<br>{% endif %}Order: {{ order_id }}</p>"
        ),
        Topic::OrderCancelled => mail!(
            "Your order {{ order_id }} is cancelled",
            "your order {{ order_id }} is cancelled and will not be delivered. If you have paid, the money goes back the way it came.\n",
            "<p>your order {{ order_id }} is cancelled and will not be delivered. If you have paid, the money goes back the way it came.</p>"
        ),
        Topic::PaymentFailed => mail!(
            "The payment of your order {{ order_id }} did not work",
            "the payment of your order {{ order_id }} did not work, and you have not been charged. You can order again and pay another way.\n",
            "<p>the payment of your order {{ order_id }} did not work, and you have not been charged. You can order again and pay another way.</p>"
        ),
        Topic::PaymentReceived => mail!(
            "We have your payment for {{ order_id }}",
            "we have your payment of {{ amount }} for your order {{ order_id }}. Thank you.\n",
            "<p>we have your payment of <b>{{ amount }}</b> for your order {{ order_id }}. Thank you.</p>"
        ),
        Topic::Shipped => mail!(
            "Your order {{ order_id }} is on its way",
            "a parcel of your order {{ order_id }} is on its way{% if carrier %} with {{ carrier }}{% endif %}.\n\n\
             {% for line in lines %}{{ line.quantity }} × {{ line.title or line.sku }}\n{% endfor %}\n\
             {% if tracking_number %}Tracking number: {{ tracking_number }}\n{% endif %}{% if tracking_url %}{{ tracking_url }}\n{% endif %}",
            "<p>a parcel of your order {{ order_id }} is on its way{% if carrier %} with {{ carrier }}{% endif %}.</p>\n\
             <ul>\n{% for line in lines %}<li>{{ line.quantity }} × {{ line.title or line.sku }}</li>\n{% endfor %}</ul>\n\
             {% if tracking_url %}<p><a href=\"{{ tracking_url }}\">Follow the parcel{% if tracking_number %} {{ tracking_number }}{% endif %}</a></p>\
             {% elif tracking_number %}<p>Tracking number: {{ tracking_number }}</p>{% endif %}"
        ),
        Topic::BackorderFilled => mail!(
            "Your order {{ order_id }} goes on",
            "what your order {{ order_id }} waited for has come. We will tell you when it is on its way.\n\n\
             {% for line in lines %}{{ line.quantity }} × {{ line.title or line.sku }}\n{% endfor %}",
            "<p>what your order {{ order_id }} waited for has come. We will tell you when it is on its way.</p>\n\
             <ul>\n{% for line in lines %}<li>{{ line.quantity }} × {{ line.title or line.sku }}</li>\n{% endfor %}</ul>"
        ),
        Topic::Delivered => mail!(
            "Your order {{ order_id }} has arrived",
            "a parcel of your order {{ order_id }} has been delivered. We hope you like it.\n",
            "<p>a parcel of your order {{ order_id }} has been delivered. We hope you like it.</p>"
        ),
        Topic::Refunded => mail!(
            "Your refund for {{ order_id }}",
            "we have sent {{ amount }} back to you for your order {{ order_id }}. It can take a few days until you see it.\n",
            "<p>we have sent <b>{{ amount }}</b> back to you for your order {{ order_id }}. It can take a few days until you see it.</p>"
        ),
        Topic::LowStock => Mail {
            subject: "Little is left of {{ sku }}",
            text: "{{ current_stock }} of {{ sku }} are left in {{ warehouse_id }}; the threshold is {{ threshold }}.\n\
                   {% if product_id %}Product: {{ product_id }}\n{% endif %}",
            html: "<p><b>{{ current_stock }}</b> of <b>{{ sku }}</b> are left in {{ warehouse_id }}; the threshold is \
                   {{ threshold }}.</p>{% if product_id %}<p>Product: {{ product_id }}</p>{% endif %}",
        },
        Topic::EmailVerification => mail!(
            "Please confirm your e-mail address",
            "please show us with this code that our mail reaches you. If you have not registered, forget this mail.\n\n{{ token }}\n\nYour account: {{ user_id }}\n",
            "<p>please show us with this code that our mail reaches you. If you have not registered, forget this mail.</p>\n<p><code>{{ token }}</code></p>\n<p>Your account: {{ user_id }}</p>"
        ),
        Topic::Welcome => mail!(
            "Welcome",
            "your account is ready. Welcome!\n\nYour account: {{ user_id }}\n",
            "<p>your account is ready. Welcome!</p>\n<p>Your account: {{ user_id }}</p>"
        ),
        Topic::PasswordReset => mail!(
            "Your new password",
            "with this code you can set a new password, once and soon. If you have not asked for it, forget this mail: nothing has changed.\n\n{{ token }}\n\nYour account: {{ user_id }}\n",
            "<p>with this code you can set a new password, once and soon. If you have not asked for it, forget this mail: nothing has changed.</p>\n<p><code>{{ token }}</code></p>\n<p>Your account: {{ user_id }}</p>"
        ),
        Topic::ProfileChanged => mail!(
            "Your details have changed",
            "what your account says about you has changed. If that was not you, please set a new password.\n\nYour account: {{ user_id }}\n",
            "<p>what your account says about you has changed. If that was not you, please set a new password.</p>\n<p>Your account: {{ user_id }}</p>"
        ),
        Topic::EmailChange => mail!(
            "Please confirm your new e-mail address",
            "please show us with this code that our mail reaches you here; then this is the address that you sign in with. If you have not asked for it, forget this mail.\n\n{{ token }}\n\nYour account: {{ user_id }}\n",
            "<p>please show us with this code that our mail reaches you here; then this is the address that you sign in with. If you have not asked for it, forget this mail.</p>\n<p><code>{{ token }}</code></p>\n<p>Your account: {{ user_id }}</p>"
        ),
        Topic::EmailChanged => mail!(
            "Your e-mail address has changed",
            "your account has another e-mail address now, and this one is good for it no more. If that was not you, please write to us at once.\n\nYour account: {{ user_id }}\n",
            "<p>your account has another e-mail address now, and this one is good for it no more. If that was not you, please write to us at once.</p>\n<p>Your account: {{ user_id }}</p>"
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
        Topic::OrderConfirmed => ("We have your order", "Thank you! We have your order {{ order_id }} of {{ total }}."),
        Topic::OrderCancelled => ("Order cancelled", "Your order {{ order_id }} is cancelled."),
        Topic::PaymentFailed => {
            ("Payment failed", "The payment of your order {{ order_id }} did not work. You have not been charged.")
        }
        Topic::PaymentReceived => {
            ("Payment received", "We have your payment of {{ amount }} for your order {{ order_id }}.")
        }
        Topic::Shipped => (
            "On its way",
            "Your order {{ order_id }} is on its way{% if tracking_number %}: {{ tracking_number }}{% endif %}.",
        ),
        Topic::BackorderFilled => ("It has come", "What your order {{ order_id }} waited for has come."),
        Topic::Delivered => ("Delivered", "Your order {{ order_id }} has been delivered."),
        Topic::Refunded => ("Refund", "We have sent {{ amount }} back to you for your order {{ order_id }}."),
        Topic::LowStock => ("Low stock", "{{ current_stock }} of {{ sku }} are left in {{ warehouse_id }}."),
        Topic::EmailVerification => ("Confirm your address", "Your code to confirm your e-mail address: {{ token }}"),
        Topic::Welcome => ("Welcome", "Your account is ready."),
        Topic::PasswordReset => ("New password", "Your code to set a new password: {{ token }}"),
        Topic::ProfileChanged => ("Details changed", "The details of your account have changed."),
        Topic::EmailChange => ("Confirm your address", "Your code to confirm your new e-mail address: {{ token }}"),
        Topic::EmailChanged => ("Address changed", "Your account has another e-mail address now."),
        Topic::Message => ("{{ subject }}", "{{ text }}"),
    }
}
