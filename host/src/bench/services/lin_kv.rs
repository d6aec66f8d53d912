//! `lin-kv`: a single map; a request takes effect at once, between its receipt and its reply, so that all
//! requests are linearizable (spec §8.2).

use rustc_hash::FxHashMap;

use super::kv::{self, Request};
use super::{Service, Unanswered};
use crate::bench::random::Stream;
use crate::checker::Value;

/// The linearizable key-value store.
#[derive(Debug, Default)]
pub struct LinKv {
    entries: FxHashMap<Value, Value>,
}

impl LinKv {
    fn serve(&mut self, Request { key, operation }: Request) -> String {
        let outcome = operation.apply(self.entries.get(&key));
        if let Some(value) = outcome.written {
            self.entries.insert(key, value);
        }
        outcome.reply
    }
}

impl Service for LinKv {
    fn handle(&mut self, _src: &str, body: &str, _rng: &mut Stream) -> Result<String, Unanswered> {
        kv::answer(body, |request| self.serve(request))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::kv::tests::Talk;
    use super::*;

    #[test]
    fn keys_are_compared_by_structure() {
        let mut kv = Talk::to(LinKv::default());
        for (number, key) in ["1", "1.0", r#""1""#, "[1]", r#"{"a":1,"b":2}"#, "null"].iter().enumerate() {
            assert_eq!(kv.read("n1", key), None);
            kv.write("n1", key, number);
        }
        assert_eq!(kv.read("n2", "1").as_deref(), Some("0"));
        assert_eq!(kv.read("n2", "1.0").as_deref(), Some("1"));
        assert_eq!(kv.read("n2", r#""\u0031""#).as_deref(), Some("2"));
        assert_eq!(kv.read("n2", r#"{"b":2,"a":1}"#).as_deref(), Some("4"));
    }

    proptest! {
        #[test]
        fn it_is_a_map(
            operations in prop::collection::vec((0..3, 0..3u8, 0..3u8, 0..3u8, any::<bool>()), 0..50)
        ) {
            let mut kv = Talk::to(LinKv::default());
            let mut model = BTreeMap::new();
            for (kind, key, from, to, create) in operations {
                let (src, name) = (format!("n{from}"), key.to_string());
                let current = model.get(&key).copied();
                match kind {
                    0 => prop_assert_eq!(kv.read(&src, &name), current.map(|value: u8| value.to_string())),
                    1 => kv.write(&src, &name, to),
                    _ => {
                        let code = match current {
                            None if !create => 20,
                            Some(value) if value != from => 22,
                            _ => 0,
                        };
                        prop_assert_eq!(kv.cas(&src, &name, &from.to_string(), &to.to_string(), create), code);
                        if code != 0 {
                            continue;
                        }
                    }
                }
                if kind != 0 {
                    model.insert(key, to);
                }
            }
        }
    }
}
