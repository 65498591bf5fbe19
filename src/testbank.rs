//! The test bank, in a process of the shop's: what payments go to until there is a real provider.

use std::net::{SocketAddr, TcpListener};

use actix::prelude::*;
use anyhow::Context as _;
use tokio::sync::{oneshot, watch};

use crate::config::Config;

/// A bank that runs.
pub(crate) struct TestBank {
    pub(crate) address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: oneshot::Receiver<()>,
    arbiter: Arbiter,
}

impl TestBank {
    /// Opens it, on its books of before. Its news go to a gateway, when there is one.
    pub(crate) fn open(config: &Config, gateway: Option<SocketAddr>) -> anyhow::Result<TestBank> {
        let listen = config.bank.listen;
        let taken = || format!("bank.listen: {listen} is taken");
        let listener = TcpListener::bind(listen).with_context(taken)?;
        let address = listener.local_addr()?;
        let test = &config.payment.test;
        let url = match config.bank.news_url.as_str() {
            "" => gateway.map(|gateway| format!("http://{gateway}/webhooks/payment/test")),
            elsewhere => Some(elsewhere.to_owned()),
        };
        let secret = test.webhook_secret.clone();
        let settings = bank::http::Config {
            public_url: config.bank.public_url.clone(),
            secret_key: test.secret_key.clone(),
            merchant: url.map(|url| bank::webhook::Merchant { url, secret }),
            ..bank::http::Config::new(config.data.join("bank"))
        };
        let (stop, stopping) = watch::channel(false);
        let (ending, ended) = oneshot::channel();
        let arbiter = Arbiter::new();
        arbiter.spawn_fn(move || {
            actix_rt::spawn(async move {
                if let Err(error) = bank::http::serve(settings, listener, stopping).await {
                    tracing::error!(cause = %error, "the test bank is closed");
                }
                // Nobody waits for it when the process ends otherwise.
                let _ = ending.send(());
            });
        });
        Ok(TestBank { address, stop, ended, arbiter })
    }

    /// Closes it.
    pub(crate) async fn close(self) {
        // It may have closed by itself.
        let _ = self.stop.send(true);
        let _ = self.ended.await;
        self.arbiter.stop();
    }
}
