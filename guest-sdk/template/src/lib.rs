//! `{{name}}`: what it promises, how, and what it costs.

use guest_sdk::{Context, Handler, Node, Origin, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a node remembers.
#[derive(Default)]
struct State {
    heard: u64,
}

/// What a node is asked. A variant's name is the `type` of the message, its fields are the other fields of the body.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Value },
}

/// What it answers.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    EchoOk { echo: Value },
}

impl Handler for State {
    type Request = Request;
    type Response = Response;

    fn init(_: &Context) -> Result<Self> {
        Ok(State::default())
    }

    async fn handle(node: Node<Self>, request: Request, _: Origin) -> Result<Response> {
        match request {
            // Fill in: one arm for each message. `node.call`, `node.seq_kv()` and `node.sleep` are futures.
            Request::Echo { echo } => {
                node.state().heard += 1;
                Ok(Response::EchoOk { echo })
            }
        }
    }
}

guest_sdk::export!(State);

#[cfg(test)]
mod tests {
    use super::*;
    use guest_sdk::testing::Cluster;
    use serde_json::json;

    #[test]
    fn what_is_said_comes_back() {
        let mut cluster = Cluster::<State>::new(3);
        let answer = cluster.request("n2", json!({"type": "echo", "echo": "hello"}));
        assert_eq!(answer, Ok(json!({"type": "echo_ok", "echo": "hello"})));
    }
}
