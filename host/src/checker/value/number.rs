//! From the text of a number, whose syntax the JSON or EDN reader has checked, to its value.

use num_bigint::BigInt;

use super::Value;

/// Reading an integer takes time quadratic in its digits, so their number is limited.
const MAX_DIGITS: usize = 10_000;

/// The value of a number, or why it has none.
pub(super) fn number_of(text: &str, is_float: bool) -> Result<Value, String> {
    if is_float {
        return match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(Value::Float(float)),
            _ => Err("the number is too large or not one".to_owned()),
        };
    }
    if let Ok(small) = text.parse() {
        return Ok(Value::Int(small));
    }
    match text.parse::<BigInt>() {
        _ if text.len() > MAX_DIGITS => Err(format!("an integer of more than {MAX_DIGITS} digits")),
        Ok(integer) => Ok(Value::from_big(integer)),
        Err(_) => Err("not an integer".to_owned()),
    }
}
