//! Reads a body as an enum variant in one pass, trusting that it is JSON: the host has checked that. Whatever is unusual
//! (an error, an escape in a key, a type that is no struct) ends in [`NeedsSlowPath`], and `de`, which knows everything and can
//! say what is wrong and where, reads the body again. No more is at stake than that: an answer is checked by the host.

use std::fmt::{self, Display};

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, MapAccess, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use super::RAW_VALUE;

/// That this is not the place to read the body, or to say why it cannot be read.
#[derive(Debug)]
pub(super) struct NeedsSlowPath;

impl Display for NeedsSlowPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body is unusual")
    }
}

impl std::error::Error for NeedsSlowPath {}

impl de::Error for NeedsSlowPath {
    fn custom<T: Display>(_: T) -> Self {
        NeedsSlowPath
    }
    // The next two would format what nobody reads.
    fn unknown_variant(_: &str, _: &'static [&'static str]) -> Self {
        NeedsSlowPath
    }
    fn unknown_field(_: &str, _: &'static [&'static str]) -> Self {
        NeedsSlowPath
    }
}

pub(super) fn from_body<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, NeedsSlowPath> {
    T::deserialize(Body(text))
}

/// A whole body: an enum that is read by type, or nothing for this file.
struct Body<'de>(&'de str);

impl<'de> Deserializer<'de> for Body<'de> {
    type Error = NeedsSlowPath;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NeedsSlowPath> {
        Err(NeedsSlowPath)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NeedsSlowPath> {
        let start = Members::of(self.0)?;
        let mut members = start.clone();
        let (key, value) = members.next()?.ok_or(NeedsSlowPath)?;
        let kind = if members.is(key, "type") {
            value
        } else {
            let kind = find_type(&mut members)?;
            members = start;
            kind
        };
        let kind = members.plain_string(kind)?;
        visitor.visit_enum(Variant { kind, members })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct option newtype_struct identifier ignored_any
    }
}

/// The value of the first `type` that comes.
fn find_type(members: &mut Members<'_>) -> Result<Span, NeedsSlowPath> {
    while let Some((key, value)) = members.next()? {
        if members.is(key, "type") {
            return Ok(value);
        }
    }
    Err(NeedsSlowPath)
}

/// A body whose type chooses the variant.
struct Variant<'de> {
    kind: &'de str,
    members: Members<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = NeedsSlowPath;
    type Variant = Fields<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Fields<'de>), NeedsSlowPath> {
        let variant = seed.deserialize(BorrowedStrDeserializer::new(self.kind))?;
        Ok((variant, Fields(self.members)))
    }
}

/// The fields of a body, seen as the content of a variant. A `type` in the first place is not among them.
struct Fields<'de>(Members<'de>);

impl<'de> VariantAccess<'de> for Fields<'de> {
    type Error = NeedsSlowPath;

    fn unit_variant(self) -> Result<(), NeedsSlowPath> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, NeedsSlowPath> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, NeedsSlowPath> {
        Err(NeedsSlowPath)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NeedsSlowPath> {
        if fields.contains(&"type") {
            return Err(NeedsSlowPath);
        }
        visitor.visit_map(Unreserved { members: self.0, fields, value: Span { start: 0, end: 0 } })
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = NeedsSlowPath;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, NeedsSlowPath> {
        Err(NeedsSlowPath)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, NeedsSlowPath> {
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
    value: Span,
}

impl<'de> MapAccess<'de> for Unreserved<'de> {
    type Error = NeedsSlowPath;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NeedsSlowPath> {
        while let Some((key, value)) = self.members.next()? {
            let key = self.members.text(key)?;
            let is_reserved = matches!(key, "type" | "msg_id" | "in_reply_to");
            if !is_reserved || self.fields.contains(&key) {
                self.value = value;
                return seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, NeedsSlowPath> {
        seed.deserialize(Value(self.members.text(self.value)?))
    }
}

/// The value of a field. serde_json reads it, unless its text is all that is asked for.
struct Value<'de>(&'de str);

macro_rules! left_to_serde_json {
    ($($method:ident($($argument:ident: $type:ty),*);)*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, NeedsSlowPath> {
            let mut json = serde_json::Deserializer::from_str(self.0);
            let value = json.$method($($argument,)* visitor).map_err(|_| NeedsSlowPath)?;
            json.end().map(|()| value).map_err(|_| NeedsSlowPath)
        })*
    };
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = NeedsSlowPath;

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, NeedsSlowPath> {
        if name == RAW_VALUE {
            return visitor.visit_map(Raw(Some(self.0)));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, NeedsSlowPath> {
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
    type Error = NeedsSlowPath;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, NeedsSlowPath> {
        if self.0.is_none() {
            return Ok(None);
        }
        seed.deserialize(BorrowedStrDeserializer::new(RAW_VALUE)).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, NeedsSlowPath> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0.take().ok_or(NeedsSlowPath)?))
    }
}

/// The members of an object.
#[derive(Clone)]
struct Members<'de> {
    text: &'de str,
    at: usize,
}

/// Where a key (without its quotes) or a value stands.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl<'de> Members<'de> {
    fn of(object: &'de str) -> Result<Members<'de>, NeedsSlowPath> {
        let at = after_space(object.as_bytes(), 0);
        if object.as_bytes().get(at) != Some(&b'{') {
            return Err(NeedsSlowPath);
        }
        Ok(Members { text: object, at: at + 1 })
    }

    /// The next key and its value.
    #[inline(always)]
    fn next(&mut self) -> Result<Option<(Span, Span)>, NeedsSlowPath> {
        let bytes = self.text.as_bytes();
        let mut at = after_space(bytes, self.at);
        if bytes.get(at) == Some(&b',') {
            at = after_space(bytes, at + 1);
        }
        match bytes.get(at) {
            Some(b'"') => at += 1,
            Some(b'}') => return Ok(None),
            _ => return Err(NeedsSlowPath),
        }
        let key = Span { start: at, end: quote_or_escape(bytes, at)? };
        // A key with an escape has no quote here.
        if bytes.get(key.end) != Some(&b'"') {
            return Err(NeedsSlowPath);
        }
        at = after_space(bytes, key.end + 1);
        if bytes.get(at) != Some(&b':') {
            return Err(NeedsSlowPath);
        }
        let start = after_space(bytes, at + 1);
        let end = match bytes.get(start) {
            Some(b'"') => after_string(bytes, start)?,
            Some(b'{' | b'[') => after_brackets(bytes, start)?,
            _ => after_word(bytes, start)?,
        };
        self.at = end;
        Ok(Some((key, Span { start, end })))
    }

    fn is(&self, span: Span, word: &str) -> bool {
        self.text.as_bytes().get(span.start..span.end) == Some(word.as_bytes())
    }

    /// A value that is a string without escapes, whose text is what it says.
    #[inline]
    fn plain_string(&self, value: Span) -> Result<&'de str, NeedsSlowPath> {
        let (bytes, start) = (self.text.as_bytes(), value.start + 1);
        let end = quote_or_escape(bytes, start)?;
        if bytes.get(value.start) != Some(&b'"') || end + 1 != value.end {
            return Err(NeedsSlowPath);
        }
        self.text(Span { start, end })
    }

    #[inline]
    fn text(&self, span: Span) -> Result<&'de str, NeedsSlowPath> {
        self.text.get(span.start..span.end).ok_or(NeedsSlowPath)
    }
}

#[inline]
fn after_space(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(..=b' ') => after_spaces(bytes, at),
        _ => at,
    }
}

#[cold]
fn after_spaces(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

#[inline(always)]
fn after_string(bytes: &[u8], start: usize) -> Result<usize, NeedsSlowPath> {
    let mut at = start + 1;
    loop {
        at = quote_or_escape(bytes, at)?;
        if bytes.get(at) == Some(&b'"') {
            return Ok(at + 1);
        }
        at += 2;
    }
}

fn after_brackets(bytes: &[u8], start: usize) -> Result<usize, NeedsSlowPath> {
    let (mut at, mut depth) = (start, 0);
    loop {
        match bytes.get(at).ok_or(NeedsSlowPath)? {
            b'"' => {
                at = after_string(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Ok(at);
        }
    }
}

/// To what cannot belong to a number or a word.
#[inline]
fn after_word(bytes: &[u8], start: usize) -> Result<usize, NeedsSlowPath> {
    let ends = hits(bytes, start, word_ends)?;
    if ends != 0 {
        return Ok(start + ends.trailing_zeros() as usize);
    }
    let rest = bytes.get(start..).ok_or(NeedsSlowPath)?;
    Ok(start + rest.iter().position(|&byte| ends_word(byte)).ok_or(NeedsSlowPath)?)
}

fn ends_word(byte: u8) -> bool {
    matches!(byte, b',' | b'}' | b']' | ..=b' ')
}

/// Where the next quote or backslash is. Most keys and names end within 16 bytes.
#[inline]
fn quote_or_escape(bytes: &[u8], from: usize) -> Result<usize, NeedsSlowPath> {
    match hits(bytes, from, quotes_and_escapes)? {
        0 => farther_quote_or_escape(bytes, from + BLOCK),
        hits => Ok(from + hits.trailing_zeros() as usize),
    }
}

fn farther_quote_or_escape(bytes: &[u8], from: usize) -> Result<usize, NeedsSlowPath> {
    const BLOCKS: usize = 4;
    for at in (from..).step_by(BLOCK).take(BLOCKS) {
        let hits = hits(bytes, at, quotes_and_escapes)?;
        if hits != 0 {
            return Ok(at + hits.trailing_zeros() as usize);
        }
    }
    let from = from + BLOCKS * BLOCK;
    let rest = bytes.get(from..).ok_or(NeedsSlowPath)?;
    Ok(from + memchr::memchr2(b'"', b'\\', rest).ok_or(NeedsSlowPath)?)
}

const BLOCK: usize = 16;

/// A bit for each of the next 16 bytes in which `find` finds something. At the end of the text it looks at the last 16.
#[inline(always)]
fn hits(bytes: &[u8], from: usize, find: impl Fn(&[u8; BLOCK]) -> u32) -> Result<u32, NeedsSlowPath> {
    let rest = bytes.get(from..).ok_or(NeedsSlowPath)?;
    if let Some(block) = rest.first_chunk() {
        return Ok(find(block));
    }
    match bytes.last_chunk() {
        Some(block) => Ok(find(block) >> (BLOCK - rest.len())),
        None => {
            let mut block = [0; BLOCK];
            block[..rest.len()].copy_from_slice(rest);
            Ok(find(&block) & ((1 << rest.len()) - 1))
        }
    }
}

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use simd::{quotes_and_escapes, word_ends};

/// By vector instructions, which `host build` allows.
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd {
    use std::arch::wasm32::{u8x16_bitmask, u8x16_eq, u8x16_le, u8x16_splat, u64x2, v128, v128_or};

    /// A bit for each quote and backslash.
    #[inline]
    pub(super) fn quotes_and_escapes(block: &[u8; 16]) -> u32 {
        let bytes = vector(block);
        bits(v128_or(u8x16_eq(bytes, u8x16_splat(b'"')), u8x16_eq(bytes, u8x16_splat(b'\\'))))
    }

    /// A bit for each byte that cannot belong to a number or a word.
    #[inline]
    pub(super) fn word_ends(block: &[u8; 16]) -> u32 {
        let bytes = vector(block);
        // A bracket and a brace differ in one bit.
        let brackets = u8x16_eq(v128_or(bytes, u8x16_splat(0x20)), u8x16_splat(b'}'));
        let commas = u8x16_eq(bytes, u8x16_splat(b','));
        bits(v128_or(v128_or(brackets, commas), u8x16_le(bytes, u8x16_splat(b' '))))
    }

    #[inline]
    fn vector(block: &[u8; 16]) -> v128 {
        let [low, high] = [0, 8].map(|at| u64::from_le_bytes(*block[at..].first_chunk().expect("8 bytes")));
        u64x2(low, high)
    }

    #[inline]
    fn bits(vector: v128) -> u32 {
        u32::from(u8x16_bitmask(vector))
    }
}

/// A bit for each quote and backslash.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn quotes_and_escapes(block: &[u8; 16]) -> u32 {
    block.iter().rev().fold(0, |hits, &byte| hits << 1 | u32::from(byte == b'"' || byte == b'\\'))
}

/// A bit for each byte that cannot belong to a number or a word.
#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
fn word_ends(block: &[u8; 16]) -> u32 {
    block.iter().rev().fold(0, |hits, &byte| hits << 1 | u32::from(ends_word(byte)))
}
