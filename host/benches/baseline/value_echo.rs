//! A baseline of the benches: the first one with `serde_json::Value` in place of types that fit, all else being equal.

use std::io::{self, Read, Write};

use serde_json::{Value, json};

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
    let message: Value = serde_json::from_slice(line)?;
    let mut body = message["body"].clone();
    body["type"] = json!(if body["type"] == "init" { "init_ok" } else { "echo_ok" });
    body["in_reply_to"] = body["msg_id"].clone();
    let reply = json!({ "src": message["dest"], "dest": message["src"], "body": body });
    serde_json::to_writer(&mut *output, &reply)?;
    output.push(b'\n');
    Ok(())
}
