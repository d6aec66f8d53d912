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
    match text.parse() {
        Ok(small) => Ok(Value::Int(small)),
        Err(_) => integer_of(text, 10),
    }
}

/// An integer in some radix, with or without a sign.
pub(super) fn integer_of(text: &str, radix: u32) -> Result<Value, String> {
    if text.len() > MAX_DIGITS {
        return Err(format!("an integer of {} digits; at most {MAX_DIGITS} are read", text.len()));
    }
    let integer = BigInt::parse_bytes(text.as_bytes(), radix);
    integer.map(Value::from_big).ok_or_else(|| "not an integer".to_owned())
}
