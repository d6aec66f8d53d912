//! `lin-tso`: a timestamp oracle, 0, 1, 2, … (spec §8.5).

use super::{Service, Unanswered, in_reply_to};
use crate::bench::random::Stream;
use crate::protocol::Body;

/// The linearizable timestamp oracle.
#[derive(Debug, Default)]
pub struct LinTso {
    next: u64,
}

impl Service for LinTso {
    fn handle(&mut self, _src: &str, body: &str, _rng: &mut Stream) -> Result<String, Unanswered> {
        let head = Body::scan(body).map_err(Unanswered::not_an_object)?;
        if !head.is("ts") {
            return Err(Unanswered::unknown_type("lin-tso knows `ts`", &head));
        }
        let reply = format!(r#"{{"type":"ts_ok","ts":{}}}"#, self.next);
        self.next += 1;
        Ok(in_reply_to(head.msg_id.as_ref(), reply))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::random::Seed;

    #[test]
    fn no_timestamp_is_given_twice_nor_left_out() {
        let (mut oracle, mut rng) = (LinTso::default(), Seed(1).stream("test", 0));
        for ts in 0..100 {
            let src = format!("n{}", ts % 3);
            let reply = oracle.handle(&src, r#"{"type":"ts","msg_id":9}"#, &mut rng).unwrap();
            assert_eq!(reply, format!(r#"{{"type":"ts_ok","ts":{ts},"in_reply_to":9}}"#));
            oracle.handle(&src, r#"{"type":"read","key":1,"msg_id":9}"#, &mut rng).unwrap_err();
        }
    }
}
