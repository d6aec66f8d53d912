//! Reads a body as an enum variant in one pass, trusting that it is JSON: the host has checked that. Whatever is unusual
//! (an error, an escape in a key, a type that is no struct) ends in [`Untold`], and `de`, which knows everything and can
//! say what is wrong and where, reads the body again. No more is at stake than that: an answer is checked by the host.

use std::fmt::{self, Display};

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// The name under which serde_json's `RawValue` asks for the text of a value. Should it change, `RawValue` is read as
/// serde_json reads it.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// That this is not the place to read the body, or to say why it cannot be read.
#[derive(Debug)]
pub(super) struct Untold;

impl Display for Untold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is unusual")
    }
}

impl std::error::Error for Untold {}

impl de::Error for Untold {
    fn custom<T: Display>(_: T) -> Self {
        Untold
    }
    // The next two would format what nobody reads.
    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        Untold
    }
    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        Untold
    }
}

pub(super) fn from_body<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Untold> {
    T::deserialize(Body(text))
}

/// A whole body: an enum that is read by type, or nothing for this file.
struct Body<'de>(&'de str);

impl<'de> Deserializer<'de> for Body<'de> {
    type Error = Untold;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Untold> {
        Err(Untold)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untold> {
        let start = Members::of(self.0)?;
        let mut members = start.clone();
        let kind = match members.next()?.ok_or(Untold)? {
            ("type", kind) => kind,
            _ => {
                let kind = find_type(&mut members)?;
                members = start;
                kind
            }
        };
        let kind = kind.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(Untold)?;
        visitor.visit_enum(Variant { kind, members })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct option newtype_struct identifier ignored_any
    }
}

/// The value of the first `type` that comes.
fn find_type<'de>(members: &mut Members<'de>) -> Result<&'de str, Untold> {
    while let Some((key, value)) = members.next()? {
        if key == "type" {
            return Ok(value);
        }
    }
    Err(Untold)
}

/// A body whose type chooses the variant. A type with an escape chooses none.
struct Variant<'de> {
    kind: &'de str,
    members: Members<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Untold;
    type Variant = Fields<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Fields<'de>), Untold> {
        let variant = seed.deserialize(BorrowedStrDeserializer::new(self.kind))?;
        Ok((variant, Fields(self.members)))
    }
}

/// The fields of a body, seen as the content of a variant. A `type` in the first place is not among them.
struct Fields<'de>(Members<'de>);

impl<'de> VariantAccess<'de> for Fields<'de> {
    type Error = Untold;

    fn unit_variant(self) -> Result<(), Untold> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Untold> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Untold> {
        Err(Untold)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untold> {
        if fields.contains(&"type") {
            return Err(Untold);
        }
        visitor.visit_map(Unreserved { members: self.0, fields, value: "" })
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = Untold;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Untold> {
        Err(Untold)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Untold> {
        self.struct_variant(fields, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum option newtype_struct identifier ignored_any
    }
}

/// The members without the reserved ones that `fields` does not ask for.
struct Unreserved<'de> {
    members: Members<'de>,
    fields: &'static [&'static str],
    /// Belongs to the key that was told last.
    value: &'de str,
}

impl<'de> MapAccess<'de> for Unreserved<'de> {
    type Error = Untold;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Untold> {
        while let Some((key, value)) = self.members.next()? {
            let is_reserved = matches!(key, "type" | "msg_id" | "in_reply_to");
            if !is_reserved || self.fields.contains(&key) {
                self.value = value;
                return seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Untold> {
        seed.deserialize(Value(self.value))
    }
}

/// The value of a field. serde_json reads it, unless its text is all that is asked for.
struct Value<'de>(&'de str);

macro_rules! left_to_serde_json {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Untold> {
            let mut json = serde_json::Deserializer::from_str(self.0);
            let value = json.$method($($argument,)* visitor).map_err(|_| Untold)?;
            json.end().map(|()| value).map_err(|_| Untold)
        })*
    };
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Untold;

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Untold> {
        if name == RAW_VALUE {
            return visitor.visit_map(Raw(Some(self.0)));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Untold> {
        if self.0 == "null" { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    left_to_serde_json! {
        deserialize_any(); deserialize_bool(); deserialize_i8(); deserialize_i16(); deserialize_i32(); deserialize_i64();
        deserialize_i128(); deserialize_u8(); deserialize_u16(); deserialize_u32(); deserialize_u64(); deserialize_u128();
        deserialize_f32(); deserialize_f64(); deserialize_char(); deserialize_str(); deserialize_string();
        deserialize_bytes(); deserialize_byte_buf(); deserialize_unit(); deserialize_unit_struct(name: &'static str);
        deserialize_seq(); deserialize_tuple(len: usize); deserialize_tuple_struct(name: &'static str, len: usize);
        deserialize_map(); deserialize_struct(name: &'static str, fields: &'static [&'static str]);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]); deserialize_identifier();
        deserialize_ignored_any();
    }
}

/// A text as `RawValue` takes it: a map with one entry.
struct Raw<'de>(Option<&'de str>);

impl<'de> MapAccess<'de> for Raw<'de> {
    type Error = Untold;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Untold> {
        if self.0.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(RAW_VALUE)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Untold> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0.take().ok_or(Untold)?))
    }
}

/// The members of an object, as texts.
#[derive(Clone)]
struct Members<'de> {
    text: &'de str,
    at: usize,
}

impl<'de> Members<'de> {
    fn of(object: &'de str) -> Result<Members<'de>, Untold> {
        let mut members = Members { text: object, at: 0 };
        members.skip_space();
        members.expect(b'{')?;
        Ok(members)
    }

    /// The next key and its value.
    #[inline]
    fn next(&mut self) -> Result<Option<(&'de str, &'de str)>, Untold> {
        self.skip_space();
        match self.peek()? {
            b'}' => return Ok(None),
            b',' => {
                self.at += 1;
                self.skip_space();
            }
            _ => {}
        }
        self.expect(b'"')?;
        let key = self.at;
        self.at += to_quote_or_escape(&self.text.as_bytes()[key..]).ok_or(Untold)?;
        let key = self.since(key)?;
        self.expect(b'"')?;
        self.skip_space();
        self.expect(b':')?;
        self.skip_space();
        let value = self.at;
        self.skip_value()?;
        Ok(Some((key, self.since(value)?)))
    }

    #[inline]
    fn peek(&self) -> Result<u8, Untold> {
        self.text.as_bytes().get(self.at).copied().ok_or(Untold)
    }

    #[inline]
    fn since(&self, start: usize) -> Result<&'de str, Untold> {
        self.text.get(start..self.at).ok_or(Untold)
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Untold> {
        if self.peek()? != byte {
            return Err(Untold);
        }
        self.at += 1;
        Ok(())
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Ok(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// Skips a value: to its last bracket, to its last quote, or to what cannot belong to a number or a word.
    #[inline]
    fn skip_value(&mut self) -> Result<(), Untold> {
        match self.peek()? {
            b'"' => self.skip_string(),
            b'{' | b'[' => self.skip_brackets(),
            _ => self.skip_word(),
        }
    }

    fn skip_brackets(&mut self) -> Result<(), Untold> {
        let mut depth = 0;
        loop {
            match self.peek()? {
                b'"' => {
                    self.skip_string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn skip_word(&mut self) -> Result<(), Untold> {
        while !matches!(self.peek()?, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
        Ok(())
    }

    #[inline]
    fn skip_string(&mut self) -> Result<(), Untold> {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).ok_or(Untold)?;
            self.at += to_quote_or_escape(rest).ok_or(Untold)?;
            if self.peek()? == b'"' {
                self.at += 1;
                return Ok(());
            }
            self.at += 2;
        }
    }
}

/// How far it is to the next quote or backslash: most keys and names end within the first words.
#[inline]
fn to_quote_or_escape(bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    const WORDS: usize = 3;
    // Marks bytes that are zero, and perhaps some above the first.
    let zero_bytes = |word: u64| word.wrapping_sub(LOW) & !word & HIGH;
    let words = bytes.as_chunks::<8>().0;
    let words = &words[..words.len().min(WORDS)];
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let hits = zero_bytes(word ^ (LOW * b'"' as u64)) | zero_bytes(word ^ (LOW * b'\\' as u64));
        if hits != 0 {
            return Some(number * 8 + hits.trailing_zeros() as usize / 8);
        }
    }
    let start = words.len() * 8;
    Some(start + memchr::memchr2(b'"', b'\\', &bytes[start..])?)
}
