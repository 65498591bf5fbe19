//! E-mail to a real server: a small one that does what a test says, over a real socket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use notification::message::{About, Letter};
use notification::providers::{Alone, Security, Smtp, Verdict};
use notification::topic::{Channel, Topic};
use runtime::group::{Provider, Said};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What the server does with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Takes,
    IsBusy,
    KnowsNobody,
    RefusesTheText,
    HangsUpAfterTheText,
    WaitsBeforeItAnswers,
}

#[derive(Default)]
struct Seen {
    recipients: Vec<String>,
    mails: Vec<String>,
}

struct Sink {
    port: u16,
    seen: Arc<Mutex<Seen>>,
    go_on: Arc<Notify>,
}

impl Sink {
    /// Listens, and treats the first mails as told and all later ones as the last.
    async fn open(manners: &[Manner]) -> Sink {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (seen, go_on) = (Arc::<Mutex<Seen>>::default(), Arc::<Notify>::default());
        let (manners, own, wait) = (manners.to_vec(), seen.clone(), go_on.clone());
        tokio::spawn(async move {
            let mut turn = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let manner = manners[turn.min(manners.len() - 1)];
                turn += 1;
                tokio::spawn(serve(stream, manner, own.clone(), wait.clone()));
            }
        });
        Sink { port, seen, go_on }
    }

    fn mails(&self) -> Vec<String> {
        self.seen.lock().expect("seen").mails.clone()
    }

    fn client(&self, security: Security) -> Smtp {
        Smtp {
            host: "127.0.0.1".to_owned(),
            port: self.port,
            security,
            credentials: None,
            from: "Mercat <shop@shop.example>".parse().expect("an address"),
            staff: Some("people@shop.example".parse().expect("an address")),
        }
    }
}

/// As much of RFC 5321 as a client needs that sends one mail.
async fn serve(stream: TcpStream, manner: Manner, seen: Arc<Mutex<Seen>>, go_on: Arc<Notify>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 sink\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let word = line.split_whitespace().next().unwrap_or_default().to_uppercase();
        let answer = match (word.as_str(), manner) {
            ("EHLO", _) => "250-sink\r\n250 8BITMIME\r\n",
            ("RCPT", Manner::IsBusy) => "451 4.3.0 Later\r\n",
            ("RCPT", Manner::KnowsNobody) => "550 5.1.1 No such user\r\n",
            ("RCPT", _) => {
                seen.lock().expect("seen").recipients.push(line.trim().to_owned());
                "250 Ok\r\n"
            }
            ("DATA", _) => {
                stream.write_all(b"354 Go on\r\n").await?;
                let mut mail = String::new();
                loop {
                    line.clear();
                    stream.read_line(&mut line).await?;
                    if line == ".\r\n" {
                        break;
                    }
                    mail.push_str(&line);
                }
                match manner {
                    Manner::RefusesTheText => "554 5.6.0 Not like this\r\n",
                    Manner::HangsUpAfterTheText => {
                        seen.lock().expect("seen").mails.push(mail);
                        return Ok(());
                    }
                    _ => {
                        if manner == Manner::WaitsBeforeItAnswers {
                            go_on.notified().await;
                        }
                        seen.lock().expect("seen").mails.push(mail);
                        "250 2.0.0 Ok: queued as 4F1\r\n"
                    }
                }
            }
            ("QUIT", _) => {
                stream.write_all(b"221 Bye\r\n").await?;
                return Ok(());
            }
            _ => "250 Ok\r\n",
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

fn letter(to: &str, html: &str) -> Bytes {
    let about = About {
        id: "ntf_01h455vb4pex5vsknk084sn02q".to_owned(),
        topic: Topic::Shipped,
        channel: Channel::Email,
        user_id: None,
        order_id: None,
    };
    let letter = Letter {
        subject: "Grüße".to_owned(),
        text: "Ihr Paket ist unterwegs.".to_owned(),
        html: html.to_owned(),
        ..Letter::unwritten(about, to.to_owned())
    };
    Bytes::from(serde_json::to_vec(&letter).expect("JSON"))
}

fn verdict(said: Said) -> Option<Verdict> {
    match said {
        Said::Settled(outcome) => Some(Verdict::of(outcome)),
        Said::Unknown(_) => None,
    }
}

fn reason(verdict: Option<Verdict>) -> (&'static str, String) {
    match verdict {
        None => ("unknown", String::new()),
        Some(Verdict::Taken { reference, .. }) => ("taken", reference),
        Some(Verdict::Later(why)) => ("later", why.reason),
        Some(Verdict::NoSuchRecipient(why)) => ("nobody", why.reason),
        Some(Verdict::Refused(why)) => ("refused", why.reason),
    }
}

#[tokio::test]
async fn a_mail_arrives_whole_and_says_who_it_is() {
    let sink = Sink::open(&[Manner::Takes]).await;
    let smtp = sink.client(Security::None);
    let said = smtp.call("key", letter("Ada <ada@example.com>", "<p>Ihr Paket ist unterwegs.</p>")).await;
    assert_eq!(reason(verdict(said)), ("taken", "250 2.0.0 Ok: queued as 4F1".to_owned()));
    let mail = sink.mails().pop().expect("a mail");
    for part in [
        "From: Mercat <shop@shop.example>",
        "To: Ada <ada@example.com>",
        "Message-ID: <ntf_01h455vb4pex5vsknk084sn02q@shop.example>",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "Ihr Paket ist unterwegs.",
    ] {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
    verdict(smtp.call("key", letter("staff", "")).await).expect("an answer");
    assert_eq!(
        sink.seen.lock().expect("seen").recipients.last().map(String::as_str),
        Some("RCPT TO:<people@shop.example>")
    );
}

#[tokio::test]
async fn what_the_server_says_is_what_becomes_of_the_mail() {
    let cases = [
        (Manner::IsBusy, ("later", "busy")),
        (Manner::KnowsNobody, ("nobody", "mailbox_unavailable")),
        (Manner::RefusesTheText, ("refused", "refused")),
        (Manner::HangsUpAfterTheText, ("unknown", "")),
    ];
    for (manner, (what, why)) in cases {
        let sink = Sink::open(&[manner]).await;
        let said = sink.client(Security::None).call("key", letter("ada@example.com", "")).await;
        assert_eq!(reason(verdict(said)), (what, why.to_owned()), "{manner:?}");
    }
    let sink = Sink::open(&[Manner::Takes]).await;
    let said = sink.client(Security::None).call("key", letter("nobody at all", "")).await;
    assert_eq!(reason(verdict(said)), ("nobody", "bad_address".to_owned()));
}

#[tokio::test]
async fn a_server_that_is_not_there_or_cannot_encrypt_has_taken_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let sink = Sink::open(&[Manner::Takes]).await;
    let nobody = Smtp { port, ..sink.client(Security::None) };
    assert_eq!(
        reason(verdict(nobody.call("key", letter("ada@example.com", "")).await)),
        ("later", "unreachable".to_owned())
    );
    let said = sink.client(Security::StartTls).call("key", letter("ada@example.com", "")).await;
    assert_eq!(reason(verdict(said)), ("later", "unreachable".to_owned()));
    assert_eq!(sink.mails(), Vec::<String>::new(), "nothing goes in the clear that should be encrypted");
}

#[tokio::test]
async fn a_repeat_says_the_same_id_and_never_overtakes_the_first() {
    let sink = Sink::open(&[Manner::HangsUpAfterTheText, Manner::WaitsBeforeItAnswers]).await;
    let smtp = Arc::new(Alone::new(sink.client(Security::None)));
    assert_eq!(verdict(smtp.call("send/1", letter("ada@example.com", "")).await), None);
    let slow = {
        let smtp = smtp.clone();
        tokio::spawn(async move { smtp.call("send/1", letter("ada@example.com", "")).await })
    };
    while sink.seen.lock().expect("seen").recipients.len() < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(verdict(smtp.call("send/1", letter("ada@example.com", "")).await), None, "the first is under way");
    assert_eq!(sink.mails().len(), 1);
    sink.go_on.notify_one();
    assert_eq!(reason(verdict(slow.await.expect("a call"))).0, "taken");
    let ids: Vec<String> = sink
        .mails()
        .iter()
        .map(|mail| mail.lines().find(|line| line.starts_with("Message-ID")).expect("an id").to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    assert_eq!(ids[0], ids[1]);
}
