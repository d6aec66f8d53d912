//! Elements under dense numbers, so that the state of each lies in an array and a long read costs no hashing.

use std::collections::HashMap;

use super::super::Value;

/// Integers from 0 up to this number are looked up in an array, as Maelstrom's elements are; all else in a hash map.
const ARRAY_LIMIT: usize = 1 << 22;

const NONE: u32 = u32::MAX;

/// The elements of a history, numbered from 0 in the order in which they were first asked for.
#[derive(Default)]
pub(super) struct Elements<'h> {
    values: Vec<&'h Value>,
    /// Element → number, for small integers; [`NONE`] for those without one.
    array: Vec<u32>,
    map: HashMap<&'h Value, u32>,
}

impl<'h> Elements<'h> {
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The elements in the order of their numbers.
    pub fn values(&self) -> &[&'h Value] {
        &self.values
    }

    /// The number of an element, which is given one if it has none.
    pub fn number(&mut self, element: &'h Value) -> usize {
        let next = self.values.len() as u32;
        let number = match small(element) {
            Some(small) => {
                if small >= self.array.len() {
                    self.array.resize((small + 1).next_power_of_two(), NONE);
                }
                let slot = &mut self.array[small];
                if *slot == NONE {
                    *slot = next;
                }
                *slot
            }
            None => *self.map.entry(element).or_insert(next),
        };
        if number == next {
            self.values.push(element);
        }
        number as usize
    }
}

fn small(element: &Value) -> Option<usize> {
    usize::try_from(element.as_i64()?).ok().filter(|small| *small < ARRAY_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_element_has_one_number() {
        let texts =
            ["7", "0", "7.0", "-1", "\"7\"", "99999999999999999999", "4194304", "4194303", "[1]", "null"];
        let values: Vec<Value> = texts.iter().map(|text| Value::from_json(text).unwrap()).collect();
        let mut elements = Elements::default();
        for _ in 0..2 {
            let numbers: Vec<usize> = values.iter().map(|value| elements.number(value)).collect();
            assert_eq!(numbers, (0..values.len()).collect::<Vec<_>>());
        }
        assert_eq!(elements.len(), values.len());
        assert_eq!(elements.values()[3], &Value::Int(-1));
    }
}
