//! Every group of the contract is deployed, with the port that its contract names.

use crate::run::repository;

fn read(file: &str) -> String {
    std::fs::read_to_string(repository().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The part of a compose file that is about one service.
fn service(file: &str, name: &str) -> String {
    let text = read(file);
    let (_, rest) = text.split_once(&format!("\n  {name}:\n")).unwrap_or_else(|| panic!("{file} has no {name}"));
    let lines = rest.lines().take_while(|line| line.starts_with("    ") || line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_group_has_a_container_a_key_and_a_volume() {
    let prepare = service("compose.yaml", "prepare");
    for group in messages::GROUPS {
        let (name, port) = (group.name, group.port);
        let said = service("compose.yaml", name);
        assert!(said.contains(&format!(r#"command: ["serve", "{name}"]"#)), "{said}");
        assert!(said.contains(&format!("http://127.0.0.1:{port}/health/ready")), "{said}");
        assert!(said.contains(&format!("- {name}:/data")), "{said}");
        let keys = prepare.lines().find_map(|line| line.trim().strip_prefix("for user in ")).expect("a list of users");
        assert!(keys.trim_end_matches("; do").split(' ').any(|user| user == name), "{name} is given no key");
        assert!(prepare.contains(&format!("- {name}:/of/{name}")), "{prepare}");
    }
}

#[test]
fn every_group_can_be_deployed_alone() {
    for group in messages::GROUPS {
        let (name, port) = (group.name, group.port);
        let said = service(&format!("deploy/{name}/compose.yaml"), name);
        assert!(said.contains(&format!(r#"command: ["serve", "{name}"]"#)), "{said}");
        assert!(said.contains(&format!("http://127.0.0.1:{port}/health/ready")), "{said}");
        assert!(said.contains("stop_grace_period:"), "{said}");
        assert!(read(&format!("deploy/{name}/README.md")).contains(&port.to_string()), "its port is documented");
    }
}
