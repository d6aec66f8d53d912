//! Equality, hashing and order of values in Clojure's sense, and Clojure's `compare`, which is partial: it throws
//! where [`Value::compare`] says `None`.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash, Hasher};

use num_bigint::BigInt;

use super::Value;

impl Value {
    /// Clojure's `compare`: numbers by value (`1` ties with `1.0`), strings by UTF-16 code units, vectors by length
    /// and then element by element, `null` before everything. `None` where Clojure throws: maps, and values of
    /// different types.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Null, Value::Null) => Some(Ordering::Equal),
            (Value::Null, _) => Some(Ordering::Less),
            (_, Value::Null) => Some(Ordering::Greater),
            (Value::Map(_), _) | (_, Value::Map(_)) => None,
            (Value::List(left), Value::List(right)) if left.len() == right.len() => {
                let decided =
                    left.iter().zip(right).map(|(a, b)| a.compare(b)).find(|c| *c != Some(Ordering::Equal));
                decided.unwrap_or(Some(Ordering::Equal))
            }
            (Value::List(left), Value::List(right)) => Some(left.len().cmp(&right.len())),
            _ if self.rank() != other.rank() => None,
            _ if self.rank() == NUMBER => Some(compare_numbers(self, other)),
            // Keywords with keywords, symbols with symbols.
            (Value::Name(left), Value::Name(right)) if sigil(left) != sigil(right) => None,
            _ => Some(self.cmp(other)),
        }
    }

    /// The place of the type in the total order.
    fn rank(&self) -> u8 {
        match self {
            Value::Null => 0,
            Value::Bool(_) => 1,
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) => NUMBER,
            Value::Str(_) => 3,
            Value::Name(_) => 4,
            Value::List(_) => 5,
            Value::Map(_) => 6,
        }
    }
}

const NUMBER: u8 = 2;

/// Clojure's `=`, except that NaN equals itself here, as `Eq` demands.
impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Bool(left), Value::Bool(right)) => left == right,
            (Value::Int(left), Value::Int(right)) => left == right,
            (Value::BigInt(left), Value::BigInt(right)) => left == right,
            (Value::Float(left), Value::Float(right)) => canonical_bits(*left) == canonical_bits(*right),
            (Value::Str(left), Value::Str(right)) | (Value::Name(left), Value::Name(right)) => left == right,
            (Value::List(left), Value::List(right)) => left == right,
            (Value::Map(left), Value::Map(right)) => {
                left.len() == right.len() && have_equal_entries(left, right)
            }
            _ => false,
        }
    }
}

impl Eq for Value {}

impl Hash for Value {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Value::Null => state.write_u8(0),
            Value::Bool(flag) => flag.hash(state),
            Value::Int(integer) => integer.hash(state),
            Value::BigInt(integer) => integer.hash(state),
            Value::Float(float) => canonical_bits(*float).hash(state),
            Value::Str(text) | Value::Name(text) => text.hash(state),
            Value::List(elements) => elements.hash(state),
            Value::Map(entries) => entries.iter().map(hash_of).fold(0, u64::wrapping_add).hash(state),
        }
    }
}

/// A total order that agrees with `Eq` and extends [`Value::compare`]: types one after the other, and of two values
/// that tie, the one with the first integer where the other has a float.
impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        self.order(other, compare_numbers).then_with(|| self.order(other, compare_and_tell_apart))
    }
}

impl Value {
    fn order(&self, other: &Value, numbers: fn(&Value, &Value) -> Ordering) -> Ordering {
        match (self, other) {
            (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
            (Value::Int(left), Value::Int(right)) => left.cmp(right),
            (Value::Str(left), Value::Str(right)) => left.encode_utf16().cmp(right.encode_utf16()),
            (Value::Name(left), Value::Name(right)) => compare_names(left, right),
            (Value::List(left), Value::List(right)) if left.len() == right.len() => {
                let mut orders = left.iter().zip(right).map(|(a, b)| a.order(b, numbers));
                orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            }
            (Value::List(left), Value::List(right)) => left.len().cmp(&right.len()),
            (Value::Map(left), Value::Map(right)) if left.len() == right.len() => {
                let entries = sorted(left).into_iter().zip(sorted(right));
                let mut orders =
                    entries.flat_map(|((a, x), (b, y))| [a.order(b, numbers), x.order(y, numbers)]);
                orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
            }
            (Value::Map(left), Value::Map(right)) => left.len().cmp(&right.len()),
            _ if self.rank() == NUMBER && other.rank() == NUMBER => numbers(self, other),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Whether maps of the same size are equal. Each pair of values is compared only once: twice would add up to
/// exponential time in nested maps.
fn have_equal_entries(left: &[(Value, Value)], right: &[(Value, Value)]) -> bool {
    if left.iter().zip(right).all(|((a, _), (b, _))| a == b) {
        return left.iter().zip(right).all(|((_, x), (_, y))| x == y);
    }
    sorted(left) == sorted(right)
}

/// The entries in the order of their keys, which are all different.
fn sorted(entries: &[(Value, Value)]) -> Vec<&(Value, Value)> {
    let mut entries: Vec<_> = entries.iter().collect();
    entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    entries
}

fn hash_of(entry: &(Value, Value)) -> u64 {
    let mut hasher = DefaultHasher::new();
    entry.hash(&mut hasher);
    hasher.finish()
}

/// What tells the kind of a name; a symbol has none.
fn sigil(name: &str) -> Option<char> {
    name.chars().next().filter(|first| matches!(first, ':' | '\\' | '#'))
}

/// By kind, then names without a namespace before those with one, then by namespace, then by name.
fn compare_names(left: &str, right: &str) -> Ordering {
    let parts = |name: &str| -> (Option<char>, Option<Vec<u16>>, Vec<u16>) {
        let sigil = sigil(name);
        let bare = &name[sigil.map_or(0, char::len_utf8)..];
        let utf16 = |text: &str| text.encode_utf16().collect();
        match bare.split_once('/').filter(|(space, name)| !space.is_empty() && !name.is_empty()) {
            Some((space, name)) => (sigil, Some(utf16(space)), utf16(name)),
            None => (sigil, None, utf16(bare)),
        }
    };
    parts(left).cmp(&parts(right))
}

/// One zero, one NaN.
fn canonical_bits(float: f64) -> u64 {
    if float.is_nan() { f64::NAN.to_bits() } else { (float + 0.0).to_bits() }
}

fn compare_numbers(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Float(left), Value::Float(right)) => compare_floats(*left, *right),
        (Value::Float(left), integer) => compare_with_float(integer, *left).reverse(),
        (integer, Value::Float(right)) => compare_with_float(integer, *right),
        _ => left.to_big().cmp(&right.to_big()),
    }
}

fn compare_and_tell_apart(left: &Value, right: &Value) -> Ordering {
    let is_float = |value: &Value| matches!(value, Value::Float(_));
    compare_numbers(left, right).then(is_float(left).cmp(&is_float(right)))
}

/// By value, with NaN above all numbers so that the order is total.
fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

/// Exact: an integer of any size against a float, without rounding the integer.
fn compare_with_float(integer: &Value, float: f64) -> Ordering {
    if !float.is_finite() {
        return if float == f64::NEG_INFINITY { Ordering::Greater } else { Ordering::Less };
    }
    let below = truncated(float.floor());
    let against_floor = integer.to_big().cmp(&Some(below));
    if against_floor == Ordering::Equal && float.fract() != 0.0 { Ordering::Less } else { against_floor }
}

/// The integer a whole, finite float stands for.
fn truncated(whole: f64) -> BigInt {
    let bits = whole.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1075;
    let mantissa = BigInt::from((bits & ((1 << 52) - 1)) | (1 << 52));
    let magnitude = match (whole == 0.0, exponent) {
        (true, _) => BigInt::ZERO,
        (false, 0..) => mantissa << exponent,
        (false, _) => mantissa >> -exponent,
    };
    if whole < 0.0 { -magnitude } else { magnitude }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values that JSON can say, with few enough different ones that ties are common.
    pub fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            (-3..3i64).prop_map(Value::Int),
            any::<i64>().prop_map(Value::Int),
            any::<i128>().prop_map(|integer| Value::from_big(BigInt::from(integer))),
            (-6..6i32).prop_map(|half| Value::Float(f64::from(half) / 2.0)),
            prop::num::f64::NORMAL.prop_map(Value::Float),
            ".{0,3}".prop_map(|text| Value::from(text.as_str())),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            let entries = prop::collection::btree_map("[abc]", inner.clone(), 0..3);
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(Value::List),
                entries.prop_map(|map| Value::Map(
                    map.into_iter().rev().map(|(k, v)| (Value::from(&*k), v)).collect()
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_order_is_total_and_agrees_with_equality_and_hash(a in any_value(), b in any_value(), c in any_value()) {
            prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
            prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
            prop_assert!(a != b || hash_of(&(a.clone(), Value::Null)) == hash_of(&(b.clone(), Value::Null)));
            let mut sorted = [&a, &b, &c];
            sorted.sort_unstable();
            prop_assert!(sorted[0] <= sorted[1] && sorted[1] <= sorted[2] && sorted[0] <= sorted[2]);
        }

        #[test]
        fn the_order_extends_clojures(a in any_value(), b in any_value()) {
            if let Some(order @ (Ordering::Less | Ordering::Greater)) = a.compare(&b) {
                prop_assert_eq!(a.cmp(&b), order);
            }
        }
    }

    fn json(text: &str) -> Value {
        Value::from_json(text).unwrap()
    }

    #[test]
    fn an_integer_never_equals_a_float() {
        assert_ne!(json("1"), json("1.0"));
        assert_eq!(json("1").compare(&json("1.0")), Some(Ordering::Equal));
        assert!(json("1") < json("1.0"));
    }

    #[test]
    fn zero_has_one_sign() {
        assert_eq!(json("0.0"), json("-0.0"));
        assert_eq!(hash_of(&(json("0.0"), Value::Null)), hash_of(&(json("-0.0"), Value::Null)));
    }

    #[test]
    fn integers_beyond_64_bits_are_exact() {
        assert_ne!(json("1180591620717411303424"), json("1180591620717411303425"));
        assert!(json("1180591620717411303424") > json("9223372036854775807"));
        assert!(json("-1180591620717411303424") < json("-9223372036854775808"));
    }

    #[test]
    fn integers_and_floats_compare_without_rounding() {
        assert!(json("9007199254740993") > json("9007199254740992.0"));
        assert!(json("-3") < json("-2.5") && json("-2.5") < json("-2"));
        assert!(json("2") < json("2.5") && json("2.5") < json("3"));
        assert!(json("0") < json("0.5") && json("-0.5") < json("0"));
        assert!(json("1180591620717411303424") > json("1.5"));
        assert_eq!(
            json("1180591620717411303424").compare(&json("1180591620717411303424.0")),
            Some(Ordering::Equal)
        );
    }

    #[test]
    fn maps_are_equal_in_any_order_and_hash_alike() {
        let (left, right) = (json(r#"{"a":1,"b":[2]}"#), json(r#"{"b":[2],"a":1}"#));
        assert_eq!(left, right);
        assert_eq!(left.cmp(&right), Ordering::Equal);
        assert_eq!(hash_of(&(left, Value::Null)), hash_of(&(right, Value::Null)));
        assert_ne!(json(r#"{"a":1}"#), json(r#"{"a":2}"#));
        assert_ne!(json(r#"{"a":1}"#), json(r#"{"a":1,"b":2}"#));
    }

    #[test]
    fn deeply_nested_maps_are_compared_in_linear_time() {
        let nested = |before: &str, after: &str| format!("{}1{}", before.repeat(100), after.repeat(100));
        let left = json(&nested(r#"{"x":"#, r#","y":0,"z":0}"#));
        let right = json(&nested(r#"{"x":"#, r#","z":0,"y":0}"#));
        assert_eq!(left, right);
        assert_eq!(left.cmp(&right), Ordering::Equal);
    }

    #[test]
    fn strings_are_ordered_by_utf16_units() {
        let (full_width, beyond_the_plane) = (json(r#""～""#), json(r#""😀""#));
        assert!(beyond_the_plane < full_width);
    }

    #[test]
    fn vectors_are_ordered_by_length_first() {
        assert!(json("[9]") < json("[1,1]"));
        assert!(json("[1,2]") < json("[1,3]"));
        assert!(json("null") < json("[]"));
    }

    #[test]
    fn names_are_no_strings_and_ordered_among_themselves() {
        let edn = |text: &str| Value::from_edn(text).unwrap();
        assert!(edn(":a") != edn("\"a\"") && edn(":a") != edn("a") && edn("a") != edn("\\a"));
        assert_eq!(edn(":a").compare(&edn("\"a\"")), None);
        assert_eq!(edn(":a").compare(&edn("a")), None);
        assert_eq!(edn(":b").compare(&edn(":a")), Some(Ordering::Greater));
        assert_eq!(edn(":z").compare(&edn(":a/b")), Some(Ordering::Less));
        assert_eq!(edn("b").compare(&edn("a")), Some(Ordering::Greater));
        let mut all = [edn("\"a\""), edn(":a"), edn("b"), edn("a"), edn("\\a"), edn("#inst \"a\"")];
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn clojure_cannot_compare_different_types_or_maps() {
        assert_eq!(json("1").compare(&json(r#""1""#)), None);
        assert_eq!(json("{}").compare(&json("{}")), None);
        assert_eq!(json("[1]").compare(&json(r#"["a"]"#)), None);
        assert_eq!(json("[1]").compare(&json(r#"["a",1]"#)), Some(Ordering::Less));
        assert_eq!(json("null").compare(&json("{}")), Some(Ordering::Less));
    }
}
