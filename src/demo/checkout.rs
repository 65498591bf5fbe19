//! `mercat demo checkout`: an order that is paid, one that is declined, one that cannot be had, and one that is paid back.
//! Every step is shown as the `curl` and the `nats` command that does it, and both are really run.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use runtime::bus::Headers;
use runtime::entropy::Entropy;
use runtime::fabric::Fabric as _;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::ask::Asker;
use crate::config::Config;
use crate::out;

/// How long a command may take, and how long something may take to come about.
const WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What is shown of an answer.
const SHOWN: [&str; 14] = [
    "order_id",
    "cart_id",
    "payment_id",
    "status",
    "code",
    "detail",
    "decline_code",
    "total_amount",
    "captured_amount",
    "refunded_amount",
    "captured",
    "refunded",
    "cancel_reason",
    "lines",
];

/// Somebody who shows a shop.
struct Guide<'a> {
    door: &'a str,
    /// By which the guest is known again.
    secret: String,
    asker: Asker,
    /// ` --server …`, where the CLI would not look by itself.
    server: String,
    has_nats: bool,
    step: u32,
}

/// Walks through a checkout.
pub(super) async fn show(config: &Config, door: &str) -> anyhow::Result<()> {
    let asker = Asker::connect(config, "demo").await?;
    let token: String = Entropy::system().bytes::<12>().iter().map(|byte| format!("{byte:02x}")).collect();
    let url = config.nats.urls.join(",");
    let server = if url == "nats://127.0.0.1:4222" { String::new() } else { format!(" --server {url}") };
    let has_nats = runs("nats --version").await;
    ensure!(runs("curl --version").await, "this shows curl at work, and there is no curl on PATH");
    let mut guide = Guide { door, secret: format!("demo-guest-{token}"), asker, server, has_nats, step: 0 };
    if !guide.has_nats {
        out::say("There is no `nats` on PATH: its requests are sent by this program instead.\n");
    }
    guide.walk().await
}

impl Guide<'_> {
    async fn walk(&mut self) -> anyhow::Result<()> {
        self.title("A guest puts two mugs into a cart.");
        let cart = json!({"currency": "EUR", "country": "AT", "items": [{"sku": "MUG-BLUE", "quantity": 2}]});
        let cart = self.curl("POST", "/api/v1/carts", Some(&cart), 201).await?;
        let cart_id = text(&cart, "cart_id")?;
        self.nats(&format!("shop.cart.{cart_id}.get"), "{}").await?;

        self.title("They order it, and the bank pays.");
        let order = self.wish(json!({"cart_id": cart_id}), "pm_card_visa");
        let paid = self.curl("POST", "/api/v1/orders", Some(&order), 201).await?;
        let order_id = text(&paid, "order_id")?;
        let paid = self.until(&order_id, "processing").await?;
        self.nats(&format!("shop.payment.{}.get", text(&paid, "payment_id")?), "{}").await?;

        self.title("Another order: the bank says no, and everything is undone.");
        let order = self
            .wish(json!({"lines": [{"sku": "MUG-GREEN", "quantity": 1}], "currency": "EUR"}), "pm_card_chargeDeclined");
        let declined = self.curl("POST", "/api/v1/orders", Some(&order), 402).await?;
        self.nats(&format!("shop.order.{}.get", text(&declined, "order_id")?), "{}").await?;

        self.title("More tents than there are: nothing is even begun.");
        let order =
            self.wish(json!({"lines": [{"sku": "TENT-2P", "quantity": 1000}], "currency": "EUR"}), "pm_card_visa");
        self.curl("POST", "/api/v1/orders", Some(&order), 409).await?;
        self.nats("shop.query.inventory.availability", r#"{"sku":{"eq":"TENT-2P"}}"#).await?;

        self.title("The first order is cancelled: the parcel stays, the money goes back.");
        self.curl("POST", &format!("/api/v1/orders/{order_id}/cancel"), Some(&json!({})), 200).await?;
        let cancelled = self.until(&order_id, "cancelled").await?;
        self.nats(&format!("shop.payment.{}.get", text(&cancelled, "payment_id")?), "{}").await?;

        out::say(&format!(
            "What happened in between:  mercat story {order_id}\nWhether it all adds up:    mercat audit"
        ));
        Ok(())
    }

    fn title(&mut self, text: &str) {
        self.step += 1;
        out::say(&format!("{}. {text}\n", self.step));
    }

    fn wish(&self, mut what: Value, card: &str) -> Value {
        what["email"] = json!("ada@example.com");
        what["payment_method"] = json!({"token": card});
        what["shipping_address"] = json!({"name": "Ada Lovelace", "line1": "Ringstrasse 1", "postal_code": "1010",
                                          "city": "Vienna", "country": "AT"});
        what
    }

    /// Runs curl and shows both; the status must be this one.
    async fn curl(&self, method: &str, path: &str, body: Option<&Value>, status: u16) -> anyhow::Result<Value> {
        let mut command = format!("curl -s -X {method} '{}{path}' -H 'Guest-Token: {}'", self.door, self.secret);
        if let Some(body) = body {
            let key = format!("{}-{}", self.secret, self.step);
            command += &format!(" -H 'Idempotency-Key: {key}' -H 'Content-Type: application/json' -d '{body}'");
        }
        out::say(&format!("   $ {command}"));
        let (said, found) = self.ask(&command).await?;
        show_answer(&said, &format!("{found} "));
        ensure!(found == status, "this should have been answered with {status}");
        Ok(said)
    }

    async fn ask(&self, command: &str) -> anyhow::Result<(Value, u16)> {
        let said = shell(&format!("{command} -w '\\n%{{http_code}}'")).await?;
        let (body, status) = said.trim_end().rsplit_once('\n').context("curl said nothing")?;
        Ok((serde_json::from_str(body).unwrap_or(Value::Null), status.parse().context("curl said no status")?))
    }

    /// Looks at an order until it has a status, and shows the last look.
    async fn until(&self, order_id: &str, status: &str) -> anyhow::Result<Value> {
        let target = format!("{}/api/v1/orders/{order_id}", self.door);
        let command = format!("curl -s '{target}' -H 'Guest-Token: {}'", self.secret);
        let began = Instant::now();
        loop {
            let (said, found) = self.ask(&command).await?;
            let has_settled = status != "cancelled" || said["captured_amount"] == said["refunded_amount"];
            if said["status"] == status && has_settled {
                out::say(&format!("   $ {command}"));
                show_answer(&said, &format!("{found} "));
                return Ok(said);
            }
            ensure!(began.elapsed() < WITHIN, "the order never became {status}: {said:#}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Asks a group on the bus, and shows both.
    async fn nats(&self, subject: &str, request: &str) -> anyhow::Result<()> {
        let command = format!("nats{} req {subject} '{request}'", self.server);
        out::say(&format!("   $ {command}"));
        let said = if self.has_nats {
            shell(&format!("{command} --raw")).await?
        } else {
            let bus = self.asker.fabric.bus();
            let answer = bus.request(subject.to_owned(), Headers::new(), request.to_owned().into(), WITHIN).await?;
            String::from_utf8_lossy(&answer.payload).into_owned()
        };
        let said: Value =
            serde_json::from_str(said.trim()).with_context(|| format!("{subject} said no JSON: {said}"))?;
        ensure!(said["code"].is_null(), "{subject} refused: {said}");
        show_answer(&said, "");
        out::say("");
        Ok(())
    }
}

fn text(value: &Value, name: &str) -> anyhow::Result<String> {
    value[name].as_str().map(str::to_owned).with_context(|| format!("there is no {name} in {value:#}"))
}

/// An answer in short: a few of its fields, or all of it when it has none of them.
fn show_answer(said: &Value, before: &str) {
    let inner = said.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.values().next());
    let said = inner.filter(|inner| inner.is_object()).unwrap_or(said);
    let shown: serde_json::Map<String, Value> =
        SHOWN.iter().filter_map(|name| Some(((*name).to_owned(), said.get(*name)?.clone()))).collect();
    let shown = if shown.is_empty() { said.to_string() } else { Value::Object(shown).to_string() };
    out::say(&format!("   {before}{shown}"));
}

async fn runs(command: &str) -> bool {
    shell(command).await.is_ok()
}

async fn shell(command: &str) -> anyhow::Result<String> {
    let run = Command::new("sh").args(["-c", command]).stdin(std::process::Stdio::null()).output();
    let ran = tokio::time::timeout(WITHIN, run).await.context("it took too long")??;
    ensure!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}
