//! A Docker engine of our own, in a directory that goes away with it, and the images that a registry would give.
//!
//! The images are stand-ins made of files of this machine. `nats:2.15-alpine` is the real nats-server, one static file,
//! and busybox. `debian:bookworm-slim` is busybox and the libraries that the binary asks for.
//! `rust:1.95-bookworm` is the same with a `cargo` that hands over the binary this test was built with: compiling it
//! again would show nothing more about the `Dockerfile`.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::project::wait_for;
use crate::run::{self, Ran, run_within};

/// How long a step may take: building, or starting everything on a busy machine.
const WITHIN: Duration = Duration::from_secs(300);

/// A running engine.
pub(crate) struct Engine {
    child: Child,
    dir: TempDir,
}

impl Engine {
    /// Starts an engine that knows the stand-ins.
    pub(crate) fn start() -> Engine {
        for needed in ["dockerd", "docker", "docker-compose", "busybox", "tar", "ldd"] {
            let how = "apt-get install docker.io docker-compose busybox-static";
            assert!(run::which(needed).is_some(), "there is no {needed} on the PATH: {how}");
        }
        let dir = TempDir::with_prefix("mercat-engine-").expect("a directory for the engine");
        let at = |name: &str| dir.path().join(name);
        let log = File::create(at("log")).expect("a log");
        let mut dockerd = run::command("dockerd");
        dockerd.arg("--data-root").arg(at("root")).arg("--exec-root").arg(at("exec")).arg("--pidfile").arg(at("pid"));
        dockerd.arg("--host").arg(format!("unix://{}", at("docker.sock").display()));
        dockerd.stdin(Stdio::null()).stdout(log.try_clone().expect("a second handle")).stderr(log);
        let engine = Engine { child: dockerd.spawn().expect("dockerd starts"), dir };
        wait_for("the Docker engine", || {
            let version = run_within(WITHIN, &mut engine.command("docker", &["version"]), b"");
            version.status.success().then_some(()).ok_or_else(|| engine.said())
        });
        engine.stand_in();
        engine
    }

    /// What the engine logged last.
    fn said(&self) -> String {
        let log = fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(5)..].join("\n")
    }

    pub(crate) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = run::command(program);
        command.args(arguments).env("DOCKER_HOST", format!("unix://{}", self.dir.path().join("docker.sock").display()));
        // Neither somebody's own settings nor a builder that wants to fetch something.
        command.env("DOCKER_CONFIG", self.dir.path()).env("DOCKER_BUILDKIT", "0").env_remove("DOCKER_CONTEXT");
        command.current_dir(run::repository());
        command
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Ran {
        run_within(WITHIN, &mut self.command(program, arguments), b"")
    }

    /// What `docker …` prints.
    #[track_caller]
    pub(crate) fn docker(&self, arguments: &[&str]) -> String {
        self.run("docker", arguments).ok().trim().to_owned()
    }

    fn stand_in(&self) {
        let mercat = run::mercat();
        let debian = self.root("debian");
        busybox(&debian);
        libraries(&debian, mercat);
        self.import(&debian, "debian:bookworm-slim", &[]);

        let rust = self.root("rust");
        busybox(&rust);
        libraries(&rust, mercat);
        install(mercat, &rust.join("ready/mercat"));
        let cargo = rust.join("bin/cargo");
        let hands_over =
            "#!/bin/sh\n[ \"$1\" = build ] && mkdir -p target/release && cp /ready/mercat target/release/\n";
        fs::write(&cargo, hands_over).expect("a stand-in for cargo");
        executable(&cargo);
        self.import(&rust, "rust:1.95-bookworm", &[]);

        let nats = self.root("nats");
        busybox(&nats);
        install(&nats_server(), &nats.join("bin/nats-server"));
        self.import(&nats, "nats:2.15-alpine", &[r#"ENTRYPOINT ["nats-server"]"#]);
    }

    fn root(&self, name: &str) -> PathBuf {
        self.dir.path().join("images").join(name)
    }

    fn import(&self, root: &Path, image: &str, changes: &[&str]) {
        let tar = root.with_extension("tar");
        let packed = run::run(run::command("tar").arg("-C").arg(root).arg("-cf").arg(&tar).arg("."), b"");
        packed.ok();
        let tar = tar.display().to_string();
        let changes = changes.iter().flat_map(|change| ["--change", change]);
        let arguments: Vec<&str> = ["import"].into_iter().chain(changes).chain([tar.as_str(), image]).collect();
        self.docker(&arguments);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let watch = run::Watch::over(&self.child, WITHIN);
        // It may have ended by itself.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
        drop(watch);
    }
}

/// A shell and what goes with it.
fn busybox(root: &Path) {
    let busybox = run::which("busybox").expect("looked for before");
    install(&busybox, &root.join("bin/busybox"));
    for name in run::run(run::command(busybox).arg("--list"), b"").ok().lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(name)).expect("a link to busybox");
    }
    for name in ["tmp", "etc", "usr/local/bin"] {
        fs::create_dir_all(root.join(name)).expect("a directory of the image");
    }
}

/// The libraries that a program asks for, where it looks for them.
fn libraries(root: &Path, program: &Path) {
    let asked = run::run(run::command("ldd").arg(program), b"").ok();
    let files = asked.split_whitespace().filter(|word| word.starts_with('/'));
    for file in files {
        install(Path::new(file), &root.join(file.trim_start_matches('/')));
    }
}

/// The real server: a static program, not a script that looks for one.
fn nats_server() -> PathBuf {
    let directories = std::env::split_paths(&run::path()).chain([runtime::server::cache_dir()]).collect::<Vec<_>>();
    let names = ["nats-server".to_owned(), format!("nats-server-{}", runtime::server::VERSION)];
    let mut files = directories.iter().flat_map(|directory| names.iter().map(|name| directory.join(name)));
    let is_program = |file: &PathBuf| fs::read(file).is_ok_and(|bytes| bytes.starts_with(b"\x7fELF"));
    files.find(is_program).expect("a nats-server; ./test.sh installs one")
}

fn install(file: &Path, to: &Path) {
    fs::create_dir_all(to.parent().expect("a directory")).expect("a directory of the image");
    fs::copy(file, to).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    executable(to);
}

fn executable(file: &Path) {
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).expect("it is ours");
}
