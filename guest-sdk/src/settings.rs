//! A plugin's settings: the `--set key=value` of the command line, read with types. A mistake ends the node at its
//! start, with an error that names the key.

use std::fmt::Display;
use std::str::FromStr;

use crate::error::{Error, ErrorCode, Result};

/// Settings, in the order given. When a key occurs twice the last one counts.
#[derive(Clone, Debug, Default)]
pub struct Settings(Vec<(String, String)>);

impl Settings {
    /// Settings from pairs of key and value.
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Settings(pairs)
    }

    /// The value of a key, if it is set. An error when it does not parse as a `T`.
    pub fn get<T: FromStr<Err: Display>>(&self, key: &str) -> Result<Option<T>> {
        let Some((_, value)) = self.0.iter().rev().find(|(name, _)| name == key) else { return Ok(None) };
        let parsed = value.parse().map_err(|reason| wrong(format!("setting {key}={value}: {reason}")))?;
        Ok(Some(parsed))
    }

    /// The value of a key, or `default` when it is not set. An error when it does not parse as a `T`.
    pub fn get_or<T: FromStr<Err: Display>>(&self, key: &str, default: T) -> Result<T> {
        Ok(self.get(key)?.unwrap_or(default))
    }

    /// An error if there is a key that is not `known`, so that a misspelt one does not go unnoticed.
    pub fn expect_only(&self, known: &[&str]) -> Result<()> {
        match self.0.iter().find(|(key, _)| !known.contains(&key.as_str())) {
            Some((key, _)) if known.is_empty() => {
                Err(wrong(format!("setting {key}: this plugin has no settings")))
            }
            Some((key, _)) => Err(wrong(format!("setting {key}: unknown; known are: {}", known.join(", ")))),
            None => Ok(()),
        }
    }
}

fn wrong(text: String) -> Error {
    Error::new(ErrorCode::MalformedRequest, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings::new(pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect())
    }

    #[test]
    fn the_last_of_two_values_counts() {
        assert_eq!(settings(&[("n", "1"), ("n", "2")]).get::<u32>("n"), Ok(Some(2)));
    }

    #[test]
    fn a_missing_key_takes_the_default() {
        assert_eq!(settings(&[]).get_or("n", 7), Ok(7));
    }

    #[test]
    fn a_value_that_does_not_parse_names_its_key() {
        let error = settings(&[("interval-ms", "soon")]).get_or("interval-ms", 7u32).unwrap_err();
        assert_eq!(error.text, "setting interval-ms=soon: invalid digit found in string");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_the_known_ones() {
        let error = settings(&[("intervall", "1")]).expect_only(&["interval", "hub"]).unwrap_err();
        assert_eq!(error.text, "setting intervall: unknown; known are: interval, hub");
        assert_eq!(settings(&[("hub", "n1")]).expect_only(&["interval", "hub"]), Ok(()));
    }
}
