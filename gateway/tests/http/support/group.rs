//! Groups that are played by the test: every request on the bus is handed to a script.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use runtime::bus::Headers;
use runtime::headers;

/// A request as a group hears it.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    pub(crate) subject: String,
    pub(crate) headers: Headers,
    pub(crate) payload: bytes::Bytes,
    pub(crate) reply: Option<String>,
}

impl Heard {
    /// The last word of the subject.
    pub(crate) fn verb(&self) -> &str {
        self.subject.rsplit('.').next().expect("a word")
    }

    pub(crate) fn header(&self, name: &'static str) -> Option<&str> {
        headers::get(&self.headers, name)
    }
}

/// What a group says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Says {
    headers: Headers,
    payload: Vec<u8>,
}

impl Says {
    pub(crate) fn yes(response: &impl prost::Message) -> Says {
        Says { payload: response.encode_to_vec(), ..Says::default() }
    }

    /// Bytes that are no response.
    pub(crate) fn raw(payload: &[u8]) -> Says {
        Says { payload: payload.to_vec(), ..Says::default() }
    }

    pub(crate) fn no(problem: &messages::common::v1::Problem) -> Says {
        let mut says = Says::yes(problem);
        says.headers.insert(headers::SERVICE_ERROR, problem.code.as_str());
        says.headers.insert(headers::SERVICE_ERROR_CODE, "400");
        says
    }

    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: impl ToString) -> Says {
        self.headers.insert(name, value.to_string());
        self
    }
}

/// What was heard so far.
pub(crate) type Record = Arc<Mutex<Vec<Heard>>>;

/// Plays every group until the test ends. `None` is silence.
pub(crate) async fn play<S>(url: &str, mut script: S) -> Record
where
    S: FnMut(&Heard) -> Option<Says> + Send + 'static,
{
    let client = async_nats::connect(url).await.expect("the server listens");
    let subscriptions = futures::future::join_all(
        ["shop.cmd.>", "shop.any.>", "shop.query.>"].map(|subject| client.subscribe(subject)),
    );
    let subscriptions = subscriptions.await.into_iter().map(|made| made.expect("subscribed"));
    let mut messages = futures::stream::select_all(subscriptions);
    client.flush().await.expect("the server knows the subscriptions");
    let record = Record::default();
    let heard = record.clone();
    actix_web::rt::spawn(async move {
        while let Some(message) = messages.next().await {
            let request = Heard {
                subject: message.subject.to_string(),
                headers: message.headers.clone().unwrap_or_default(),
                payload: message.payload.clone(),
                reply: message.reply.map(|reply| reply.to_string()),
            };
            let says = script(&request);
            heard.lock().expect("whole").push(request.clone());
            if let Some(says) = says {
                say(&client, &request, says).await;
            }
        }
    });
    record
}

/// Answers a request.
pub(crate) async fn say(client: &async_nats::Client, heard: &Heard, says: Says) {
    let reply = heard.reply.clone().expect("somebody waits");
    client.publish_with_headers(reply, says.headers, says.payload.into()).await.expect("sent");
}
