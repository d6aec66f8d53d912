//! Speaks in init, keeps a request, and tells whether anybody waits for it.

use std::time::Duration;

use guest_sdk::{Context, Deferred, Handler, Node, Origin, RequestId, Result};
use serde::{Deserialize, Serialize};

#[derive(Default)]
struct Patient {
    kept: Option<Deferred<Message>>,
    expired: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Keep,
    Ask,
    Answer,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Message {
    Hello,
    Tick,
    Kept { expired: bool },
    Late,
}

impl Handler for Patient {
    type Request = Request;
    type Response = ();

    fn init(_: &Context) -> Result<Self> {
        Ok(Patient::default())
    }

    fn start(node: &Node<Self>) {
        node.send("n2", &Message::Hello);
        let ticker = node.clone();
        node.spawn(async move {
            ticker.sleep(Duration::from_millis(50)).await;
            ticker.send("n2", &Message::Tick);
        });
    }

    async fn handle(node: Node<Self>, request: Request, origin: Origin) -> Result<()> {
        match request {
            Request::Keep => node.state().kept = Some(origin.defer()),
            Request::Ask => {
                let expired = node.state().expired;
                node.send(origin.src(), &Message::Kept { expired });
            }
            Request::Answer => {
                let kept = node.state().kept.take();
                kept.into_iter().for_each(|kept| kept.answer(Ok(Message::Late)));
            }
        }
        Ok(())
    }

    fn expired(node: &Node<Self>, request: RequestId) {
        let kept = node.state().kept.as_ref().and_then(Deferred::request);
        node.state().expired = kept == Some(request);
    }
}

guest_sdk::export!(Patient);
