//! One shop in containers, through what happens to a shop: a sale, a kill, a group replaced by two replicas of itself, a
//! stop, and a new day.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::engine::Engine;
use crate::is_slow_wanted;
use crate::project::{Project, wait_for};

/// The services that stay, in the order in which they start.
const SERVICES: [&str; 4] = ["nats", "product", "inventory", "gateway"];
/// The exit code of what was ended without being asked.
const KILLED: &str = "137";

#[test]
fn a_shop_in_containers_keeps_what_it_was_told() {
    if !is_slow_wanted() {
        return;
    }
    let engine = Engine::start();
    let nowhere = Project::new(&engine, "mercat-test-nowhere", &["deploy/product/compose.yaml"]);
    assert!(nowhere.run(&["config"]).failed().contains("where NATS is"), "it says what it needs");
    let shop = Project::new(&engine, "mercat-test", &["compose.yaml"]);
    shop.compose(&["config", "--quiet"]);
    let began = Instant::now();
    shop.compose(&["up", "-d"]);
    shop.healthy(&SERVICES);
    tell(&format!("built and healthy after {} s", began.elapsed().as_secs()));
    nobody_is_root(&shop);
    everybody_has_one_key(&shop);

    let (product, shelf) = stock(&shop);
    a_killed_group_comes_back_with_its_data(&shop, &product, &shelf);
    a_crashed_group_is_started_again(&shop, &product);
    a_group_is_replaced_by_two_replicas(&shop, &shelf);
    a_stop_is_graceful_and_a_start_finds_everything(&shop, &product, &shelf);
}

fn tell(line: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "compose: {line}");
}

fn nobody_is_root(shop: &Project<'_>) {
    for service in SERVICES {
        let status = shop.engine.docker(&["exec", &shop.container(service), "cat", "/proc/1/status"]);
        let line =
            |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).expect("a line").trim().to_owned();
        assert_eq!(line("Uid:").split('\t').collect::<Vec<_>>(), ["10001"; 4], "{service}");
        assert_eq!(line("CapEff:"), "0000000000000000", "{service} has no capabilities");
        assert_eq!(shop.inspect(service, ".HostConfig.ReadonlyRootfs"), "true", "{service}");
    }
}

fn everybody_has_one_key(shop: &Project<'_>) {
    for service in ["product", "inventory", "gateway"] {
        let keys = shop.engine.docker(&["exec", &shop.container(service), "ls", "/data/keys"]);
        assert_eq!(keys, format!("{service}.nk"));
    }
}

/// Puts a product on sale and its units on a shelf, and gives the paths at which both are found.
fn stock(shop: &Project<'_>) -> (String, String) {
    let variant = json!({ "sku": "LAMP", "title": "One size", "price": { "amount": 4900, "currency": "EUR" } });
    let lamp = json!({ "title": "Lamp", "status": "active", "variants": [variant] });
    let lamp = shop.expect(201, "POST", "/api/v1/products", &lamp);
    let warehouse = shop.expect(201, "POST", "/api/v1/warehouses", &json!({ "name": "Cellar", "country": "AT" }));
    let (product, warehouse) = (word(&lamp["product_id"]), word(&warehouse["warehouse_id"]));
    let receive = json!({ "warehouse_id": warehouse, "sku": "LAMP", "delta": 7, "reason": "received" });
    // The shelf is there when inventory has heard of the product.
    wait_for("a shelf for the product", || match shop.http("POST", "/api/v1/inventory/adjust", &receive)? {
        (200 | 201, _) => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    });
    let shelf = format!("/api/v1/inventory/levels/{warehouse}/LAMP");
    assert_eq!(shop.eventually(200, "GET", &shelf, &Value::Null)["on_hand"], 7);
    (format!("/api/v1/products/{product}"), shelf)
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no id but {value}")).to_owned()
}

fn a_killed_group_comes_back_with_its_data(shop: &Project<'_>, product: &str, shelf: &str) {
    shop.compose(&["kill", "-s", "KILL", "inventory"]);
    wait_for("inventory to be gone", || match shop.inspect("inventory", ".State.Running").as_str() {
        "false" => Ok(()),
        _ => Err("it runs".to_owned()),
    });
    assert_eq!(shop.inspect("inventory", ".State.ExitCode"), KILLED);
    // The others go on.
    shop.expect(200, "GET", product, &Value::Null);
    let (status, problem) = shop.http("GET", shelf, &Value::Null).expect("the gateway answers");
    assert_eq!(status, 503, "{problem}");

    let began = Instant::now();
    shop.compose(&["up", "-d", "inventory"]);
    shop.healthy(&["inventory"]);
    assert_eq!(shop.eventually(200, "GET", shelf, &Value::Null)["on_hand"], 7, "it was acknowledged");
    tell(&format!("inventory is back {} s after a kill", began.elapsed().as_secs()));
}

fn a_crashed_group_is_started_again(shop: &Project<'_>, product: &str) {
    // Not through the engine, which would take it for our wish.
    let pid = shop.inspect("product", ".State.Pid").parse().ok().and_then(rustix::process::Pid::from_raw);
    rustix::process::kill_process(pid.expect("a process"), rustix::process::Signal::KILL).expect("it runs");
    wait_for("product to be started again", || match shop.inspect("product", ".RestartCount").as_str() {
        "0" => Err("not yet".to_owned()),
        _ => Ok(()),
    });
    shop.healthy(&["product"]);
    assert_eq!(shop.eventually(200, "GET", product, &Value::Null)["title"], "Lamp");
}

/// `deploy/inventory` joins the same NATS from a project of its own: an operator replaces one group and stops no other.
fn a_group_is_replaced_by_two_replicas(shop: &Project<'_>, shelf: &str) {
    let beside = TempDir::with_prefix("mercat-").expect("a directory");
    let key = shop.compose(&["run", "--rm", "--entrypoint", "cat", "prepare", "/keys/inventory.nk"]);
    let keys = beside.path().join("keys");
    hand_over(&keys, &key);
    // Elsewhere is another network here, and not another machine.
    let network = beside.path().join("network.yaml");
    let joined = "networks:\n  default:\n    external: true\n    name: mercat-test_default\n";
    std::fs::write(&network, joined).expect("a file");

    let network = network.display().to_string();
    let files = ["deploy/inventory/compose.yaml", &network];
    let alone = Project::new(shop.engine, "mercat-test-alone", &files)
        .with("SHOP_NATS", "nats://nats:4222".to_owned())
        .with("SHOP_NATS_MONITOR", "http://nats:8222".to_owned())
        .with("SHOP_KEYS", keys.display().to_string());
    alone.compose(&["up", "-d", "--scale", "inventory=2"]);
    alone.healthy(&["inventory"]);
    shop.compose(&["stop", "inventory"]);
    assert_eq!(shop.inspect("inventory", ".State.ExitCode"), "0", "it left in peace");
    assert_eq!(shop.eventually(200, "GET", shelf, &Value::Null)["on_hand"], 7);

    let replicas = alone.containers("inventory");
    assert_eq!(replicas.len(), 2);
    shop.engine.docker(&["kill", &replicas[0]]);
    // One more of something, decided by whoever is left.
    let warehouse = shelf.split('/').nth(5).expect("the path names it");
    let one = json!({ "warehouse_id": warehouse, "sku": "LAMP", "delta": 1, "reason": "received" });
    wait_for("the replica that is left", || {
        match shop.keyed("POST", "/api/v1/inventory/adjust", &one, "one-more")? {
            (200 | 201, _) => Ok(()),
            (status, body) => Err(format!("{status} {body}")),
        }
    });
    assert_eq!(shop.eventually(200, "GET", shelf, &Value::Null)["on_hand"], 8, "once, however often it was asked");
    // And back to the group as the whole shop has it.
    shop.compose(&["up", "-d", "inventory"]);
    shop.healthy(&["inventory"]);
}

/// Gives a key to the user that containers run as.
fn hand_over(keys: &Path, key: &str) {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let file = keys.join("inventory.nk");
    std::fs::create_dir(keys).and_then(|()| std::fs::write(&file, key)).expect("a key");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).expect("it is ours");
    for path in [keys, &file] {
        chown(path, Some(10001), Some(10001)).expect("root may");
    }
}

fn a_stop_is_graceful_and_a_start_finds_everything(shop: &Project<'_>, product: &str, shelf: &str) {
    let began = Instant::now();
    shop.compose(&["stop"]);
    tell(&format!("stopped after {} s", began.elapsed().as_secs()));
    for service in SERVICES {
        assert_eq!(shop.inspect(service, ".State.ExitCode"), "0", "{service} ended within its time, by itself");
    }
    shop.compose(&["up", "-d"]);
    shop.healthy(&SERVICES);
    assert_eq!(shop.eventually(200, "GET", product, &Value::Null)["title"], "Lamp");
    assert_eq!(shop.eventually(200, "GET", shelf, &Value::Null)["on_hand"], 8);
}
