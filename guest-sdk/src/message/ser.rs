//! Writes an enum variant `T { …fields }` as the body `{"type": T, …fields}`, straight to the text.

use serde::ser::{
    self, Impossible, Serialize, SerializeMap, SerializeStruct, SerializeStructVariant, Serializer,
};
use serde_json::Error;

type Json<'a> = serde_json::Serializer<&'a mut Vec<u8>>;

/// A body to be written: the content of the variant `kind`, or something that is an object by itself. Tells whether it
/// has written one.
pub(super) struct Body<'s, 'a> {
    json: &'s mut Json<'a>,
    kind: Option<&'static str>,
}

impl<'s, 'a> Body<'s, 'a> {
    pub(super) fn new(json: &'s mut Json<'a>) -> Self {
        Body { json, kind: None }
    }

    fn of_kind(self, kind: &'static str) -> Self {
        Body { json: self.json, kind: Some(kind) }
    }

    fn nothing_but_kind(self) -> Result<bool, Error> {
        let Some(kind) = self.kind else { return Ok(false) };
        let mut body = self.json.serialize_map(Some(1))?;
        body.serialize_entry("type", kind)?;
        SerializeMap::end(body).map(|()| true)
    }
}

/// An object whose fields are being written.
pub(super) struct Fields<C>(C);

fn no_object<T>() -> Result<T, Error> {
    Err(ser::Error::custom("a body must be an object"))
}

macro_rules! refuse {
    ($($method:ident: $type:ty),*) => {
        $(fn $method(self, _: $type) -> Result<bool, Error> {
            no_object()
        })*
    };
}

impl<'s, 'a> Serializer for Body<'s, 'a> {
    type Ok = bool;
    type Error = Error;
    type SerializeSeq = Impossible<bool, Error>;
    type SerializeTuple = Impossible<bool, Error>;
    type SerializeTupleStruct = Impossible<bool, Error>;
    type SerializeTupleVariant = Impossible<bool, Error>;
    type SerializeMap = Fields<<&'s mut Json<'a> as Serializer>::SerializeMap>;
    type SerializeStruct = Fields<<&'s mut Json<'a> as Serializer>::SerializeStruct>;
    type SerializeStructVariant = Fields<<&'s mut Json<'a> as Serializer>::SerializeStruct>;

    refuse! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8]
    }

    fn serialize_none(self) -> Result<bool, Error> {
        self.nothing_but_kind()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<bool, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<bool, Error> {
        self.nothing_but_kind()
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<bool, Error> {
        self.nothing_but_kind()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<bool, Error> {
        self.of_kind(variant).nothing_but_kind()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<bool, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<bool, Error> {
        value.serialize(self.of_kind(variant))
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, Error> {
        let Some(kind) = self.kind else { return self.json.serialize_map(len).map(Fields) };
        let mut body = self.json.serialize_map(None)?;
        body.serialize_entry("type", kind)?;
        Ok(Fields(body))
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, Error> {
        let Some(kind) = self.kind else { return self.json.serialize_struct(name, len).map(Fields) };
        let mut body = self.json.serialize_struct(name, len + 1)?;
        SerializeStruct::serialize_field(&mut body, "type", kind)?;
        Ok(Fields(body))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        self.of_kind(variant).serialize_struct(name, len)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        no_object()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        no_object()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        no_object()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        no_object()
    }
}

impl<C: SerializeMap<Ok = (), Error = Error>> SerializeMap for Fields<C> {
    type Ok = bool;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.0.serialize_value(value)
    }

    fn end(self) -> Result<bool, Error> {
        self.0.end().map(|()| true)
    }
}

impl<C: SerializeStruct<Ok = (), Error = Error>> SerializeStruct for Fields<C> {
    type Ok = bool;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.0.serialize_field(key, value)
    }

    fn end(self) -> Result<bool, Error> {
        self.0.end().map(|()| true)
    }
}

impl<C: SerializeStruct<Ok = (), Error = Error>> SerializeStructVariant for Fields<C> {
    type Ok = bool;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.0.serialize_field(key, value)
    }

    fn end(self) -> Result<bool, Error> {
        self.0.end().map(|()| true)
    }
}
