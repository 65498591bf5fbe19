//! The bank alone, for tests that want it in a process of its own: `bank <data> <port> [<webhook url> <secret>]`.

use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use bank::http::{Config, serve};
use bank::webhook::Merchant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data = arguments.next().ok_or("where is the data?")?;
    let port: u16 = arguments.next().ok_or("which port?")?.parse()?;
    let merchant = arguments.next().zip(arguments.next()).map(|(url, secret)| Merchant { url, secret });
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    let (_going, stop) = tokio::sync::watch::channel(false);
    let config = Config {
        secret_key: "sk_test_mercat".to_owned(),
        merchant,
        slow: Duration::from_millis(300),
        ..Config::new(PathBuf::from(data))
    };
    Ok(actix_web::rt::System::new().block_on(serve(config, listener, stop))?)
}
