//! The state of the one node, and what it answers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// An error reply: code and text.
pub struct Refused(pub u32, pub &'static str);

#[derive(Default)]
pub struct Server {
    pub fault: String,
    requests: u64,
    ids: u64,
    elements: Vec<Value>,
    sum: i64,
    registers: BTreeMap<String, Value>,
    /// What each register held before.
    old_registers: BTreeMap<String, Value>,
    logs: BTreeMap<String, Vec<Value>>,
    committed: BTreeMap<String, Value>,
}

type Reply = Result<Option<Value>, Refused>;

impl Server {
    /// Whether the chosen fault is this one, and now is the time for it.
    pub fn fails(&self, fault: &str) -> bool {
        self.fault == fault && self.requests.is_multiple_of(10)
    }

    pub fn handle(&mut self, body: &Value) -> Reply {
        self.requests += 1;
        if self.requests > 20 && self.fault == "die" {
            panic!("sabotage");
        }
        if self.requests > 20 && self.fault == "mute" {
            return Ok(None);
        }
        if self.fails("refuse") {
            return Err(Refused(11, "not now"));
        }
        let reply = self.answer(body)?;
        Ok(Some(if self.fails("extra field") { with_extra_field(reply) } else { reply }))
    }

    fn answer(&mut self, body: &Value) -> Result<Value, Refused> {
        let kind = body["type"].as_str().expect("a type");
        Ok(match kind {
            "topology" => json!({"type": "topology_ok"}),
            "echo" if self.fails("alter") => json!({"type": "echo_ok", "echo": "something else"}),
            "echo" => json!({"type": "echo_ok", "echo": body["echo"]}),
            "generate" => self.generate(),
            "broadcast" => self.add(kind, &body["message"]),
            "add" if body.get("delta").is_some() => self.count(&body["delta"]),
            "add" => self.add(kind, &body["element"]),
            "read" if body.get("key").is_some() => self.read_register(body)?,
            "read" => self.read(),
            "write" => self.write_register(body),
            "cas" => self.cas_register(body)?,
            "send" => self.send(body),
            "poll" => self.poll(body),
            "commit_offsets" => self.commit(body),
            "list_committed_offsets" => {
                json!({"type": "list_committed_offsets_ok", "offsets": self.committed})
            }
            "txn" => self.txn(body),
            other => panic!("no request {other}"),
        })
    }

    fn generate(&mut self) -> Value {
        if !self.fails("repeat") {
            self.ids += 1;
        }
        json!({"type": "generate_ok", "id": self.ids})
    }

    fn add(&mut self, kind: &str, element: &Value) -> Value {
        if !self.fails("lose") && !self.fails("lose from set") {
            self.elements.push(element.clone());
        }
        json!({"type": format!("{kind}_ok")})
    }

    fn count(&mut self, delta: &Value) -> Value {
        let delta = delta.as_i64().expect("an integer");
        self.sum += if self.fails("count twice") { 2 * delta + 1 } else { delta };
        json!({"type": "add_ok"})
    }

    /// Reads of three workloads at once: which one is meant shows in what has been written.
    fn read(&self) -> Value {
        match self.fault.as_str() {
            "counter" | "count twice" => json!({"type": "read_ok", "value": self.sum}),
            "set" | "lose from set" => json!({"type": "read_ok", "value": self.elements}),
            _ => json!({"type": "read_ok", "messages": self.elements}),
        }
    }

    fn read_register(&self, body: &Value) -> Result<Value, Refused> {
        let registers = if self.fails("stale") { &self.old_registers } else { &self.registers };
        match registers.get(&body["key"].to_string()) {
            Some(value) => Ok(json!({"type": "read_ok", "value": value})),
            None => Err(Refused(20, "no such key")),
        }
    }

    fn set_register(&mut self, key: String, value: Value) {
        if let Some(old) = self.registers.insert(key.clone(), value) {
            self.old_registers.insert(key, old);
        }
    }

    fn write_register(&mut self, body: &Value) -> Value {
        self.set_register(body["key"].to_string(), body["value"].clone());
        json!({"type": "write_ok"})
    }

    fn cas_register(&mut self, body: &Value) -> Result<Value, Refused> {
        let key = body["key"].to_string();
        match self.registers.get(&key) {
            None => Err(Refused(20, "no such key")),
            Some(value) if *value != body["from"] => Err(Refused(22, "another value")),
            Some(_) => {
                self.set_register(key, body["to"].clone());
                Ok(json!({"type": "cas_ok"}))
            }
        }
    }

    fn send(&mut self, body: &Value) -> Value {
        let is_lost = self.fails("lose");
        let log = self.logs.entry(body["key"].as_str().expect("a key").to_owned()).or_default();
        // A lost message keeps its offset, but nothing is there.
        log.push(if is_lost { Value::Null } else { body["msg"].clone() });
        json!({"type": "send_ok", "offset": log.len() - 1})
    }

    fn poll(&self, body: &Value) -> Value {
        let offsets = body["offsets"].as_object().expect("offsets");
        let messages = offsets.iter().filter_map(|(key, from)| {
            let from = from.as_u64().expect("an offset") as usize;
            let log = self.logs.get(key).into_iter().flatten().enumerate().skip(from);
            let there: Vec<Value> =
                log.filter(|(_, msg)| !msg.is_null()).map(|(at, msg)| json!([at, msg])).collect();
            // Maelstrom's checker fails on an empty list for a key that is never read.
            (!there.is_empty()).then(|| (key.clone(), Value::Array(there)))
        });
        json!({"type": "poll_ok", "msgs": Value::Object(messages.collect())})
    }

    fn commit(&mut self, body: &Value) -> Value {
        for (key, offset) in body["offsets"].as_object().expect("offsets") {
            self.committed.insert(key.clone(), offset.clone());
        }
        json!({"type": "commit_offsets_ok"})
    }

    fn txn(&mut self, body: &Value) -> Value {
        let is_stale = self.fails("stale");
        let before = if is_stale { self.old_registers.clone() } else { BTreeMap::new() };
        // Beside other steps it could contradict them.
        let is_alone = body["txn"].as_array().is_some_and(|steps| steps.len() == 1);
        let done: Vec<Value> = body["txn"]
            .as_array()
            .expect("a transaction")
            .iter()
            .map(|op| {
                let (f, key, value) = (op[0].as_str().expect("f"), op[1].to_string(), &op[2]);
                match f {
                    "r" if self.fails("invent") && is_alone => json!(["r", op[1], 1_000_000]),
                    "r" if is_stale => json!(["r", op[1], before.get(&key)]),
                    "r" => json!(["r", op[1], self.registers.get(&key)]),
                    "w" => {
                        self.set_register(key, value.clone());
                        op.clone()
                    }
                    _ => {
                        let mut list =
                            self.registers.get(&key).and_then(Value::as_array).cloned().unwrap_or_default();
                        list.push(value.clone());
                        self.set_register(key, Value::Array(list));
                        op.clone()
                    }
                }
            })
            .collect();
        json!({"type": "txn_ok", "txn": done})
    }
}

fn with_extra_field(mut reply: Value) -> Value {
    reply["extra"] = json!(1);
    reply
}
