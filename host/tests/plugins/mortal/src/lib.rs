//! A node that dies in the way that `--set die=…` says: of its `init`, or of any request after the second.

use guest_sdk::{Context, Handler, Node, Origin, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::hint::black_box;

struct Mortal {
    die: String,
    heard: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Request {
    Echo { echo: Value },
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Response {
    EchoOk { echo: Value },
}

#[inline(never)]
fn look_up(key: u64) -> u64 {
    answer_of(black_box(key)).unwrap()
}

fn answer_of(key: u64) -> std::result::Result<u64, String> {
    if key < 8 { Err(format!("seq-kv said no: {key}")) } else { Ok(key) }
}

#[allow(unconditional_recursion)]
#[inline(never)]
fn dig(depth: u64) -> u64 {
    let here = black_box([depth; 64]);
    here[3] + dig(depth + 1) + here[7]
}

/// More than the stack has, at once.
#[inline(never)]
fn wide(seed: u64) -> u64 {
    let here = black_box([seed; 40_000]);
    here[3] + here[39_999]
}

#[inline(never)]
fn stray() -> u64 {
    // SAFETY: there is none. The trap that this leads to is what the test is about.
    unsafe { black_box(0x7fff_fff0 as *const u64).read_volatile() }
}

/// A recursion with an end, at which a wrong pointer waits.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if depth == 0 { stray() } else { black_box(descend(black_box(depth - 1))) + 1 }
}

impl Handler for Mortal {
    type Request = Request;
    type Response = Response;

    fn init(context: &Context) -> Result<Self> {
        let die = context.settings.get_or("die", String::new())?;
        if die == "init" {
            panic!("no good setting: café");
        }
        Ok(Mortal { die, heard: 0 })
    }

    async fn handle(node: Node<Self>, request: Request, _: Origin) -> Result<Response> {
        let Request::Echo { echo } = request;
        let (heard, die) = {
            let mut state = node.state();
            state.heard += 1;
            (state.heard, state.die.clone())
        };
        if heard > 2 {
            black_box(match die.as_str() {
                "panic" => look_up(7),
                "thread" => std::thread::spawn(|| 1).join().unwrap(),
                "borrow" => {
                    let first = node.state();
                    node.state().heard + first.heard
                }
                "abort" => std::process::abort(),
                "overflow" => dig(heard),
                "frame" => wide(heard),
                "stray" => stray(),
                "deep-stray" => descend(50),
                "exit" => std::process::exit(0),
                "fail" => {
                    eprintln!("no such table");
                    std::process::exit(1)
                }
                "loop" => loop {
                    black_box(0);
                },
                "memory" => {
                    let mut hoard = Vec::new();
                    loop {
                        hoard.push(vec![1u8; 1 << 20]);
                    }
                }
                _ => 0,
            });
        }
        Ok(Response::EchoOk { echo })
    }
}

guest_sdk::export!(Mortal);
