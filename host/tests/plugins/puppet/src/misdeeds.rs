//! What a plugin must not get away with. Each attempt returns what it found, if it returns at all.

use std::hint::black_box;

/// Tries something.
pub fn attempt(name: &str) -> String {
    match name {
        "read a file" => outcome(std::fs::read_to_string("/etc/hostname")),
        "write a file" => outcome(std::fs::write("/tmp/glomers-misdeed", "was here")),
        "list a directory" => outcome(std::fs::read_dir("/").map(Iterator::count)),
        "read the environment" => format!("{:?}", std::env::vars().collect::<Vec<_>>()),
        "read the arguments" => format!("{:?}", std::env::args().collect::<Vec<_>>()),
        "open a connection" => outcome(std::net::TcpStream::connect("127.0.0.1:80")),
        "start a thread" => outcome(std::thread::Builder::new().spawn(|| ())),
        "sleep" => {
            std::thread::sleep(std::time::Duration::from_secs(3600));
            "slept".to_owned()
        }
        "read standard input" => outcome(std::io::read_to_string(std::io::stdin())),
        "print" => {
            println!("{{\"src\":\"n1\",\"dest\":\"c1\",\"body\":{{}}}}");
            print!("no end of line");
            std::io::Write::flush(&mut std::io::stdout()).expect("the log takes everything");
            eprintln!("to standard error");
            "printed".to_owned()
        }
        "print without end" => loop {
            println!("{}", "again and again ".repeat(64));
        },
        "allocate without end" => {
            let mut hoard = Vec::new();
            loop {
                hoard.push(black_box(vec![1u8; 1 << 20]));
            }
        }
        "loop for ever" => loop {
            black_box(());
        },
        "recurse without end" => recurse(0).to_string(),
        "panic" => panic!("on purpose"),
        "exit" => std::process::exit(3),
        "send without end" => loop {
            crate::bindings::glomers::node::host::send("n2", "{\"text\":\"again and again\"}");
        },
        "call without end" => loop {
            crate::bindings::glomers::node::host::call("n2", "{}", 1000);
        },
        other => panic!("no misdeed {other}"),
    }
}

fn outcome<T>(result: std::io::Result<T>) -> String {
    match result {
        Ok(_) => "allowed".to_owned(),
        Err(error) => format!("refused: {error}"),
    }
}

fn recurse(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX { depth } else { recurse(depth + 1) + 1 }
}
