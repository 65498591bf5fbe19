//! Judges of the bank's door: Stripe's own client library for Python (`judge.py`), and kill -9.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const KEY: &str = "sk_test_mercat";
const SECRET: &str = "whsec_mercat";
/// Far more than a busy machine needs; nobody waits for it when all is well.
const WITHIN: Duration = Duration::from_secs(60);

/// The bank in a process of its own.
struct Process {
    child: Child,
    port: u16,
    merchant: u16,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

impl Process {
    fn start(data: &Path) -> Process {
        let (port, merchant) = (free_port(), free_port());
        let mut command = Command::new(example());
        command.arg(data).arg(port.to_string());
        command.arg(format!("http://127.0.0.1:{merchant}/webhooks/payment/test")).arg(SECRET);
        let child = command.stdin(Stdio::null()).spawn().expect("the bank starts");
        let process = Process { child, port, merchant };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < WITHIN, "the bank does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        process
    }

    /// As SIGKILL does.
    fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Posts a form; the body of the answer if there was one.
    fn post(&self, path: &str, key: &str, form: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: bank\r\nAuthorization: Bearer {KEY}\r\nIdempotency-Key: {key}\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{form}",
            form.len()
        );
        stream.write_all(request.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).filter(|body| body.ends_with('}'))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where cargo puts the example beside this test.
fn example() -> PathBuf {
    let test = std::env::current_exe().expect("this test has a path");
    let target = test.ancestors().nth(2).expect("target/debug");
    let example = target.join("examples/bank");
    assert!(example.is_file(), "{} is missing: cargo builds it with `cargo test -p bank`", example.display());
    example
}

/// The Python that `./test.sh` prepared, else the machine's own.
fn python() -> PathBuf {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let prepared = repository.join("target/tools/venv/bin/python");
    let python = if prepared.is_file() { prepared } else { PathBuf::from("python3") };
    let has = Command::new(&python).args(["-c", "import stripe"]).output().expect("python runs");
    let needs = "pip install -r tests/requirements.txt";
    assert!(has.status.success(), "{} has no Stripe client library: {needs}", python.display());
    python
}

fn judge(case: &str) {
    let dir = tempfile::tempdir().expect("a directory");
    let bank = Process::start(dir.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge.py");
    let ran = Command::new(python())
        .arg(script)
        .arg(case)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("BANK_URL", format!("http://127.0.0.1:{}", bank.port))
        .env("BANK_KEY", KEY)
        .env("BANK_WEBHOOK_SECRET", SECRET)
        .env("BANK_WEBHOOK_PORT", bank.merchant.to_string())
        .output()
        .expect("python runs");
    assert!(ran.status.success(), "{case}: {}", String::from_utf8_lossy(&ran.stderr));
}

macro_rules! judged {
    ($($case:ident),+ $(,)?) => {
        $(#[test]
        fn $case() {
            judge(stringify!($case));
        })+
    };
}

judged![
    a_charge_from_beginning_to_end,
    cards_that_say_no,
    keys,
    giving_up,
    proving_who_one_is,
    cards_that_are_kept,
    wrong_requests,
    finding_by_metadata,
    answers_that_get_lost,
    webhooks,
];

/// Killed in the middle of everything, again and again: whatever was answered is there, and asking again with the same
/// key finds it.
#[test]
fn what_was_answered_survives_kill_9() {
    let dir = tempfile::tempdir().expect("a directory");
    let form = "amount=1999&currency=eur&payment_method=pm_card_visa&confirm=true&capture_method=manual";
    let mut answered: Vec<(String, String)> = Vec::new();
    for round in 0..5 {
        let bank = Process::start(dir.path());
        for (key, id) in &answered {
            let again = bank.post("/v1/payment_intents", key, form).expect("an answer");
            assert!(again.contains(id.as_str()), "{key} was {id}, and now is {again}");
        }
        let crowd: Vec<_> = std::thread::scope(|scope| {
            let bank = &bank;
            let shoppers: Vec<_> = (0..8)
                .map(|shopper| {
                    scope.spawn(move || {
                        let mut heard = Vec::new();
                        for number in 0..40 {
                            let key = format!("{round}-{shopper}-{number}");
                            let Some(body) = bank.post("/v1/payment_intents", &key, form) else { break };
                            heard.push((key, body));
                        }
                        heard
                    })
                })
                .collect();
            // Sooner each round, so that it hits beginnings, middles and ends.
            std::thread::sleep(Duration::from_millis(250 - 40 * round));
            let killed = Command::new("kill").args(["-9", &bank.child.id().to_string()]).status().expect("kill runs");
            assert!(killed.success());
            shoppers.into_iter().flat_map(|shopper| shopper.join().expect("a shopper")).collect()
        });
        for (key, body) in crowd {
            let id = body.split('"').find(|word| word.starts_with("pi_")).expect("an intent").to_owned();
            answered.push((key, id));
        }
        bank.kill();
    }
    assert!(answered.len() > 20, "only {} were answered before the kills", answered.len());
    let bank = bank::Bank::open(dir.path()).expect("the same bank");
    let intents = bank.intents(None, 10_000).expect("a disk");
    assert!(intents.len() >= answered.len(), "there are {} for {} answers", intents.len(), answered.len());
}
