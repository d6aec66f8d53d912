//! Reads a body `{"type": T, …fields}` as the enum variant `T { …fields }`, straight from the text.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::value::CowStrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, VariantAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::de::StrRead;

use crate::error::{Error, ErrorCode, Result};

type Json<'de> = serde_json::Deserializer<StrRead<'de>>;

/// Fields of a body that belong to the protocol. A variant sees them only if it has a field of that name.
const RESERVED: [&str; 3] = ["type", "msg_id", "in_reply_to"];

pub(super) fn from_body<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T> {
    let unknown_type = Cell::new(false);
    let mut json = serde_json::Deserializer::from_str(text);
    T::deserialize(Body { text, json: &mut json, unknown_type: &unknown_type }).map_err(|error| {
        let reason = error.to_string();
        let not_supported = unknown_type.get() || is_unknown_tag(&reason, text);
        Error::new(if not_supported { ErrorCode::NotSupported } else { ErrorCode::MalformedRequest }, reason)
    })
}

/// Whether an enum with serde's own tag has refused the body because of its type: then only the wording tells.
fn is_unknown_tag(reason: &str, text: &str) -> bool {
    reason.strip_prefix("unknown variant `").is_some_and(|rest| {
        message_type(text)
            .is_some_and(|kind| rest.strip_prefix(&*kind).is_some_and(|rest| rest.starts_with('`')))
    })
}

/// The `type` of a body, if it has one that is a string.
fn message_type(text: &str) -> Option<Cow<'_, str>> {
    if let Some(rest) = text.strip_prefix(r#"{"type":""#) {
        let end = rest.find(['"', '\\'])?;
        if rest.as_bytes()[end] == b'"' {
            return Some(Cow::Borrowed(&rest[..end]));
        }
    }
    let mut found = None;
    // The visitor stops at the type; that the rest is left unread is an error to serde_json, but not to us.
    let _ = serde_json::Deserializer::from_str(text).deserialize_map(FindType(&mut found));
    found
}

struct FindType<'f, 'de>(&'f mut Option<Cow<'de, str>>);

impl<'de> Visitor<'de> for FindType<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message body")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(key)) = map.next_key()? {
            if key == "type" {
                let Text(kind) = map.next_value()?;
                *self.0 = Some(kind);
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// A string, borrowed where it has no escapes. (`Cow` itself always copies.)
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A whole body. Enums are read by type; everything else as the plain object that it is.
struct Body<'a, 'de> {
    text: &'de str,
    json: &'a mut Json<'de>,
    unknown_type: &'a Cell<bool>,
}

impl<'de> Deserializer<'de> for Body<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.json.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.json.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let kind = message_type(self.text).ok_or_else(|| de::Error::missing_field("type"))?;
        visitor.visit_enum(Variant { kind, json: self.json, unknown_type: self.unknown_type })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// A body whose type chooses the variant.
struct Variant<'a, 'de> {
    kind: Cow<'de, str>,
    json: &'a mut Json<'de>,
    unknown_type: &'a Cell<bool>,
}

impl<'a, 'de> EnumAccess<'de> for Variant<'a, 'de> {
    type Error = serde_json::Error;
    type Variant = Fields<'a, 'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Self::Variant), Self::Error> {
        let kind = CowStrDeserializer::<serde_json::Error>::new(self.kind);
        let variant = seed.deserialize(kind).inspect_err(|_| self.unknown_type.set(true))?;
        Ok((variant, Fields(self.json)))
    }
}

/// The fields of a body, seen as the content of a variant.
struct Fields<'a, 'de>(&'a mut Json<'de>);

impl<'de> VariantAccess<'de> for Fields<'_, 'de> {
    type Error = serde_json::Error;

    fn unit_variant(self) -> Result<(), Self::Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("a message with unnamed fields cannot be read from an object"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_map(WithoutReserved { of: visitor, fields })
    }
}

impl<'de> Deserializer<'de> for Fields<'_, 'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.struct_variant(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.struct_variant(fields, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.0.deserialize_newtype_struct(name, visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// An object, or a visitor of one, without the reserved fields that `fields` does not ask for.
struct WithoutReserved<T> {
    of: T,
    fields: &'static [&'static str],
}

impl<'de, V: Visitor<'de>> Visitor<'de> for WithoutReserved<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.of.expecting(f)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        self.of.visit_map(WithoutReserved { of: map, fields: self.fields })
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for WithoutReserved<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(Text(key)) = self.of.next_key()? {
            if !RESERVED.contains(&&*key) || self.fields.contains(&&*key) {
                return seed.deserialize(CowStrDeserializer::new(key)).map(Some);
            }
            self.of.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.of.next_value_seed(seed)
    }
}
