//! The first baseline of the benches: an echo node written by hand for speed and nothing else. One thread, a 64 KiB buffer,
//! borrowed types with the payload as raw text, one reused output buffer that is flushed when no complete line waits.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    src: Cow<'a, str>,
    #[serde(borrow)]
    dest: Cow<'a, str>,
    #[serde(borrow)]
    body: Body<'a>,
}

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    msg_id: Option<u64>,
    #[serde(borrow)]
    echo: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Reply<'a> {
    src: &'a str,
    dest: &'a str,
    body: ReplyBody<'a>,
}

#[derive(Serialize)]
struct ReplyBody<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    echo: Option<&'a RawValue>,
    in_reply_to: Option<u64>,
}

fn main() -> io::Result<()> {
    let mut stdin = io::stdin().lock();
    let mut stdout = io::stdout().lock();
    let mut input = vec![0; 64 << 10];
    let mut output = Vec::with_capacity(64 << 10);
    let mut filled = 0;
    loop {
        if filled == input.len() {
            input.resize(input.len() * 2, 0);
        }
        let count = stdin.read(&mut input[filled..])?;
        if count == 0 {
            return Ok(());
        }
        filled += count;
        let mut done = 0;
        while let Some(length) = memchr::memchr(b'\n', &input[done..filled]) {
            answer(&input[done..done + length], &mut output)?;
            done += length + 1;
        }
        input.copy_within(done..filled, 0);
        filled -= done;
        stdout.write_all(&output)?;
        stdout.flush()?;
        output.clear();
    }
}

fn answer(line: &[u8], output: &mut Vec<u8>) -> io::Result<()> {
    let message: Message<'_> = serde_json::from_slice(line)?;
    let kind = if message.body.kind == "init" { "init_ok" } else { "echo_ok" };
    let body = ReplyBody { kind, echo: message.body.echo, in_reply_to: message.body.msg_id };
    serde_json::to_writer(&mut *output, &Reply { src: &message.dest, dest: &message.src, body })?;
    output.push(b'\n');
    Ok(())
}
