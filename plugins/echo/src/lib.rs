//! `echo`: answers each `echo` with what it carried.
//!
//! **Promises** the very same JSON, byte for byte: the spelling of numbers, integers of any length, the order of keys,
//! keys that occur twice, escapes.
//!
//! **How**: the value is never looked at. [`RawValue`] carries its text from the request to the answer.
//!
//! **Costs** one answer for each request, and no message between nodes.

use guest_sdk::{Context, Handler, Migrate, Node, Origin, Result};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Serialize, Deserialize)]
struct Echo;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Box<RawValue> },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    EchoOk { echo: Box<RawValue> },
}

impl Handler for Echo {
    type Request = Request;
    type Response = Response;

    fn init(context: &Context) -> Result<Self> {
        context.settings.expect_only(&[])?;
        Ok(Echo)
    }

    async fn handle(_: Node<Self>, Request::Echo { echo }: Request, _: Origin) -> Result<Response> {
        Ok(Response::EchoOk { echo })
    }
}

/// There is nothing to hand over.
impl Migrate for Echo {
    const VERSION: u32 = 1;
}

guest_sdk::export!(Echo, migrate);

#[cfg(test)]
mod tests {
    use super::*;
    use guest_sdk::testing::Cluster;

    #[test]
    fn any_json_comes_back_byte_for_byte() {
        let mut cluster = Cluster::<Echo>::new(1);
        for value in [
            r#""Please echo 35""#,
            "12345678901234567890123",
            "-0.0",
            "1.0",
            "1e2",
            "null",
            r#"{"b":1, "a":[true,{}],"b":"twice"}"#,
            r#""\u00e9 é \/ \ud83d\ude00""#,
        ] {
            let request = format!(r#"{{"type":"echo","echo":{value}}}"#);
            let answer = format!(r#"{{"type":"echo_ok","echo":{value}}}"#);
            assert_eq!(cluster.request_raw("n1", &request), Ok(answer));
        }
    }

    #[test]
    fn the_order_of_fields_in_the_request_does_not_matter() {
        let mut cluster = Cluster::<Echo>::new(1);
        let answer = cluster.request_raw("n1", r#"{"echo":"hello","more":[],"type":"echo"}"#);
        assert_eq!(answer.as_deref(), Ok(r#"{"type":"echo_ok","echo":"hello"}"#));
    }

    #[test]
    fn other_messages_are_refused() {
        let mut cluster = Cluster::<Echo>::new(1);
        for (body, code) in [(r#"{"type":"shout"}"#, 10), (r#"{"type":"echo"}"#, 12), ("{}", 12)] {
            assert_eq!(cluster.request_raw("n1", body).expect_err("refused").code.number(), code);
        }
    }
}
