//! The configuration of nats-server, as text.

use std::fmt::{self, Write as _};

use messages::Group;

use super::keys::{Keys, variable};
use super::users::{SYS, User, users};
use crate::nats::tls::Files;

/// What writes the repository's `nats.conf`.
pub const REWRITE_ONE: &str = "cargo run -- nats-conf > nats.conf";
/// What writes the repository's `deploy/cluster/nats.conf`.
pub const REWRITE_THREE: &str = "cargo run -- nats-conf --cluster > deploy/cluster/nats.conf";

/// Whose keys stand in the configuration.
#[derive(Debug, Clone, Default)]
pub enum Users {
    /// Variables, which the server takes from its environment: `$MERCAT_NKEY_<USER>`.
    #[default]
    Environment,
    /// These.
    Known(Keys),
    /// None: whoever connects may do everything.
    Anyone,
}

/// A server's place in a cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// The cluster's name.
    pub name: String,
    /// Where the other servers connect.
    pub listen: String,
    /// Where the servers of the cluster are, this one included.
    pub routes: Vec<String>,
}

/// What differs from one configuration to the next.
#[derive(Clone)]
pub struct Options {
    /// Remarks for the head of the file.
    pub remarks: Vec<String>,
    /// Where clients connect.
    pub listen: String,
    /// Where the server tells of itself.
    pub monitor: String,
    /// The server's name; one is needed in a cluster. `$VARIABLE` takes it from the environment.
    pub server_name: Option<String>,
    /// Where JetStream keeps its files.
    pub store_dir: String,
    /// Whether each write is on the disk before it is acknowledged.
    pub sync_always: bool,
    /// The limit of the files of this server: `100GB`, or bytes.
    pub max_file: String,
    /// The limit of the files of the shop, all copies on all servers counted. The only bound of the logs.
    pub account_max_file: String,
    /// The limit of what is kept in memory.
    pub max_memory: String,
    /// Whose keys.
    pub users: Users,
    /// The user whom a connection without a key is taken for.
    pub no_auth_user: Option<String>,
    /// The cluster.
    pub cluster: Option<Cluster>,
    /// Mutual TLS, with clients and within a cluster. `None` speaks plain TCP.
    pub tls: Option<Files>,
    /// The contracts.
    pub groups: &'static [&'static Group],
}

impl Options {
    /// The repository's `nats.conf`: one server, one machine.
    #[must_use]
    pub fn one_server() -> Options {
        Options {
            remarks: vec![
                "One nats-server for one shop. Generated from the contracts; do not edit, run".to_owned(),
                format!("    {REWRITE_ONE}"),
                "The public keys of the users come from the environment; `mercat keys` makes and shows them."
                    .to_owned(),
            ],
            listen: "0.0.0.0:4222".to_owned(),
            monitor: "0.0.0.0:8222".to_owned(),
            server_name: None,
            store_dir: "./data/nats".to_owned(),
            sync_always: true,
            max_file: "64GB".to_owned(),
            account_max_file: "64GB".to_owned(),
            max_memory: "256MB".to_owned(),
            users: Users::Environment,
            no_auth_user: None,
            cluster: None,
            tls: None,
            groups: messages::GROUPS,
        }
    }

    /// The repository's `deploy/cluster/nats.conf`: the same for each of three servers, but for the name that its
    /// environment gives it.
    #[must_use]
    pub fn three_servers() -> Options {
        Options {
            remarks: vec![
                "One of three nats-servers for one shop. Generated from the contracts; do not edit, run".to_owned(),
                format!("    {REWRITE_THREE}"),
                "Each server takes its name from MERCAT_NATS_NAME: nats-1, nats-2 or nats-3, which are also their hosts."
                    .to_owned(),
            ],
            server_name: Some("$MERCAT_NATS_NAME".to_owned()),
            store_dir: "/data/nats".to_owned(),
            // Three copies of everything.
            account_max_file: "192GB".to_owned(),
            cluster: Some(Cluster {
                name: "mercat".to_owned(),
                listen: "0.0.0.0:6222".to_owned(),
                routes: (1..=3).map(|number| format!("nats-route://nats-{number}:6222")).collect(),
            }),
            ..Options::one_server()
        }
    }
}

/// The rule that leads a request to an actor's address to the host of its partition.
#[must_use]
pub fn mapping(group: &Group) -> String {
    let (name, partitions) = (group.name, group.partitions);
    format!(
        r#""shop.{name}.*.*": "shop.cmd.{name}.{{{{partition({partitions},1)}}}}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}""#
    )
}

/// The text of a configuration. Equal options give equal text.
#[must_use]
pub fn render(options: &Options) -> String {
    let mut page = Page::default();
    // Writing to a string cannot fail.
    let _ = write_all(&mut page, options);
    page.text
}

fn write_all(page: &mut Page, options: &Options) -> fmt::Result {
    for remark in &options.remarks {
        page.line(format_args!("{}", format!("# {remark}").trim_end()))?;
    }
    page.line(format_args!("listen: {:?}", options.listen))?;
    page.line(format_args!("http: {:?}", options.monitor))?;
    if let Some(name) = &options.server_name {
        page.line(format_args!(
            "server_name: {}",
            if name.starts_with('$') { name.clone() } else { format!("{name:?}") }
        ))?;
    }
    if let Some(files) = &options.tls {
        page.remark("Whoever connects shows a certificate of this authority. SIGHUP reads renewed ones.")?;
        page.tls(files)?;
    }
    page.remark("One turn: at most 1 MB of one command's events, or 64 kB of many; the rest is room.")?;
    page.line(format_args!("max_payload: 4MB"))?;
    page.remark("A dead connection is noticed in 6 s, so that its replica's partitions move on.")?;
    page.line(format_args!(r#"ping_interval: "2s""#))?;
    page.line(format_args!("ping_max: 2"))?;
    page.block("jetstream", |page| {
        page.line(format_args!("store_dir: {:?}", options.store_dir))?;
        if options.sync_always {
            page.remark("What is acknowledged is on the disk. Groups refuse to start without it.")?;
            page.line(format_args!("sync_interval: always"))?;
        }
        page.line(format_args!("max_file_store: {}", options.max_file))?;
        page.line(format_args!("max_memory_store: {}", options.max_memory))
    })?;
    if let Some(cluster) = &options.cluster {
        page.block("cluster", |page| {
            page.line(format_args!("name: {:?}", cluster.name))?;
            page.line(format_args!("listen: {:?}", cluster.listen))?;
            page.list("routes", &cluster.routes)?;
            options.tls.as_ref().map_or(Ok(()), |files| page.tls(files))
        })?;
    }
    if matches!(options.users, Users::Anyone) {
        return page.block("mappings", |page| mappings(page, options));
    }
    page.block("accounts", |page| {
        page.block("SHOP", |page| {
            page.remark("The only bound of the logs: a full account refuses writes and evicts nothing.")?;
            page.line(format_args!(
                "jetstream {{ max_file: {}, max_mem: {} }}",
                options.account_max_file, options.max_memory
            ))?;
            page.remark("A request to an actor's address goes to the host of its partition.")?;
            page.block("mappings", |page| mappings(page, options))?;
            page.open("users: [")?;
            for user in users(options.groups) {
                page.remark(user.name)?;
                write_user(page, options, &user)?;
            }
            page.close("]")
        })?;
        page.line(format_args!("SYS {{ users: [ {{ nkey: {} }} ] }}", key(options, SYS)))
    })?;
    page.line(format_args!("system_account: SYS"))?;
    if let Some(user) = &options.no_auth_user {
        page.remark("A connection without a key is taken for this user.")?;
        page.line(format_args!("no_auth_user: {}", key(options, user)))?;
    }
    Ok(())
}

fn mappings(page: &mut Page, options: &Options) -> fmt::Result {
    options.groups.iter().try_for_each(|group| page.line(format_args!("{}", mapping(group))))
}

fn write_user(page: &mut Page, options: &Options, user: &User) -> fmt::Result {
    page.open("{")?;
    page.line(format_args!("nkey: {}", key(options, user.name)))?;
    page.block("permissions:", |page| {
        page.block("publish:", |page| {
            page.list("allow", &user.publish)?;
            if user.deny.is_empty() { Ok(()) } else { page.list("deny", &user.deny) }
        })?;
        page.block("subscribe:", |page| page.list("allow", &user.subscribe))?;
        if user.answers { page.line(format_args!(r#"allow_responses: {{ max: 1, expires: "1m" }}"#)) } else { Ok(()) }
    })?;
    page.close("}")
}

fn key(options: &Options, user: &str) -> String {
    match &options.users {
        Users::Known(keys) => keys.public(user).unwrap_or_default().to_owned(),
        Users::Environment | Users::Anyone => format!("${}", variable(user)),
    }
}

/// Lines with indentation.
#[derive(Default)]
struct Page {
    text: String,
    depth: usize,
}

impl Page {
    fn line(&mut self, line: fmt::Arguments<'_>) -> fmt::Result {
        writeln!(self.text, "{:indent$}{line}", "", indent = self.depth * 2)
    }

    fn remark(&mut self, remark: &str) -> fmt::Result {
        self.line(format_args!("# {remark}"))
    }

    fn open(&mut self, opening: &str) -> fmt::Result {
        self.line(format_args!("{opening}"))?;
        self.depth += 1;
        Ok(())
    }

    fn close(&mut self, closing: &str) -> fmt::Result {
        self.depth -= 1;
        self.line(format_args!("{closing}"))
    }

    fn block(&mut self, name: &str, inside: impl FnOnce(&mut Page) -> fmt::Result) -> fmt::Result {
        self.open(&format!("{name} {{"))?;
        inside(self)?;
        self.close("}")
    }

    fn tls(&mut self, files: &Files) -> fmt::Result {
        self.block("tls", |page| {
            for (name, file) in [("cert_file", &files.cert), ("key_file", &files.key), ("ca_file", &files.ca)] {
                page.line(format_args!("{name}: {:?}", file.display().to_string()))?;
            }
            page.line(format_args!("verify: true"))?;
            page.line(format_args!("timeout: 5"))
        })
    }

    fn list(&mut self, name: &str, items: &[String]) -> fmt::Result {
        self.open(&format!("{name}: ["))?;
        items.iter().try_for_each(|item| self.line(format_args!("{item:?}")))?;
        self.close("]")
    }
}
