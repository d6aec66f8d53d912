//! A baseline of the benches: an echo node that parses no JSON. It finds the few spans it needs by their spelling, which
//! is right for Maelstrom's and the bench's own messages only, and copies everything else: what pipes cost, and little more.

use std::io::{self, Read, Write};

use memchr::{memchr, memmem};

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
        while let Some(length) = memchr(b'\n', &input[done..filled]) {
            answer(&input[done..done + length], &mut output).expect("a message as the bench spells it");
            done += length + 1;
        }
        input.copy_within(done..filled, 0);
        filled -= done;
        stdout.write_all(&output)?;
        stdout.flush()?;
        output.clear();
    }
}

/// The line with sender and receiver exchanged, `_ok` behind the type, and the number under its other name.
fn answer(line: &[u8], output: &mut Vec<u8>) -> Option<()> {
    let src = string_after(line, br#""src":""#)?;
    let dest = string_after(line, br#""dest":""#)?;
    let body = &line[after(line, br#""body":"#)?..];
    let kind = after(body, br#""type":""#)?;
    let kind_end = kind + memchr(b'"', &body[kind..])?;
    let number = memmem::rfind(body, br#""msg_id":"#)?;
    for piece in [
        br#"{"src":""#,
        dest,
        br#"","dest":""#,
        src,
        br#"","body":"#,
        &body[..kind_end],
        b"_ok",
        &body[kind_end..number],
        br#""in_reply_to":"#,
        &body[number + br#""msg_id":"#.len()..],
        b"\n",
    ] {
        output.extend_from_slice(piece);
    }
    Some(())
}

fn after(text: &[u8], spelling: &[u8]) -> Option<usize> {
    Some(memmem::find(text, spelling)? + spelling.len())
}

fn string_after<'a>(text: &'a [u8], spelling: &[u8]) -> Option<&'a [u8]> {
    let rest = &text[after(text, spelling)?..];
    Some(&rest[..memchr(b'"', rest)?])
}
