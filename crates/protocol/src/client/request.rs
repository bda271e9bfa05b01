//! What a viewer asks: the six messages of a client, from JSON or MessagePack into typed values.
//!
//! Between the socket and the session. Invariant: a [`Request`] holds only values within their limits; whatever is not
//! one becomes a [`RequestError`] that says why, with the message's `ref` wherever it could be read.

use serde::Deserialize;
use std::borrow::Cow;

use super::{Code, Encoding, Refusal};
use crate::{
    BodyError, CommentBody, CommentId, ReactionKind, Ref, Register, Stamp, error::shortened, extent::extent, limits,
};

/// The limits that a configuration may set on requests.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimits {
    /// Longest body in bytes.
    pub body_bytes: usize,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self { body_bytes: 1_000 }
    }
}

/// One message of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A new comment.
    Comment {
        /// What to call it in the answer; without it there is no answer.
        reference: Option<Ref>,
        /// Its text.
        body: CommentBody,
    },
    /// Like or unlike.
    Like {
        /// What to call it in the answer; without it there is no answer.
        reference: Option<Ref>,
        /// Which comment.
        id: CommentId,
        /// What the viewer says of it. Without ref and stamp the node stamps it.
        liked: bool,
        /// The client's stamp; always there where a ref is.
        stamp: Option<Stamp>,
    },
    /// Taps on the stream.
    React {
        /// Which kind.
        kind: ReactionKind,
        /// How many, 1 to [`limits::TAPS_PER_MESSAGE_MAX`].
        count: u32,
    },
    /// Removes a comment.
    Delete {
        /// What to call it in the answer.
        reference: Option<Ref>,
        /// Which comment.
        id: CommentId,
    },
    /// Pins a comment, or unpins.
    Pin {
        /// What to call it in the answer.
        reference: Option<Ref>,
        /// Which comment; `None` unpins.
        id: Option<CommentId>,
    },
}

/// A message that is not a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestError {
    /// The message's ref, if it could be read.
    pub reference: Option<Ref>,
    /// Whether the message was of a known form but for a value in it; without a ref such a one gets no answer.
    pub understood: bool,
    /// What to tell the client.
    pub refusal: Refusal,
}

impl Request {
    /// Reads one message.
    pub fn decode(encoding: Encoding, message: &[u8], limits: &RequestLimits) -> Result<Self, RequestError> {
        match encoding {
            Encoding::Json => json(message)?.check(limits),
            Encoding::MessagePack | Encoding::Compact | Encoding::CompactDeflate => {
                message_pack(message)?.check(limits)
            }
        }
    }

    /// The like as a register, if it is a like with a stamp.
    pub fn register(&self) -> Option<Register> {
        match self {
            Self::Like { liked, stamp: Some(stamp), .. } => Some(Register { stamp: *stamp, liked: *liked }),
            _ => None,
        }
    }
}

/// A message's fields as they came, whatever its type.
#[derive(Default, Deserialize)]
struct Fields<'a> {
    #[serde(rename = "type", borrow, default, deserialize_with = "named::kind")]
    kind: Option<Cow<'a, str>>,
    #[serde(rename = "ref", borrow, default, deserialize_with = "named::reference")]
    reference: Option<Cow<'a, str>>,
    #[serde(borrow, default, deserialize_with = "named::body")]
    body: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "named::id")]
    id: Option<Id>,
    #[serde(default, deserialize_with = "named::stamp")]
    stamp: Option<u64>,
    #[serde(rename = "kind", borrow, default, deserialize_with = "named::reaction")]
    reaction: Option<Cow<'a, str>>,
    #[serde(default, deserialize_with = "named::count")]
    count: Option<u64>,
}

/// An id that is there, and may be null (which unpins).
#[derive(Clone, Copy, Deserialize)]
#[serde(transparent)]
struct Id(Option<CommentId>);

/// Reading of fields whose mistakes name the field: the reader itself knows only the place.
mod named {
    use std::{borrow::Cow, fmt};

    use serde::{
        Deserialize, Deserializer,
        de::{Error, Visitor},
    };

    use super::Id;

    /// What JSON can say of a text: the text, or that there is none. Borrowed where nothing in it is escaped.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    fn field<'de, T: Deserialize<'de>, D: Deserializer<'de>>(name: &str, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer).map_err(|error| D::Error::custom(format!("the field {name:?} is wrong: {error}")))
    }

    macro_rules! texts {
        ($($function:ident $name:literal)*) => {$(
            pub(super) fn $function<'de: 'a, 'a, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<Option<Cow<'a, str>>, D::Error> {
                Ok(field::<Option<Text<'de>>, D>($name, deserializer)?.map(|text| text.0))
            }
        )*};
    }

    texts! { kind "type" reference "ref" body "body" reaction "kind" }

    pub(super) fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Id>, D::Error> {
        field("id", deserializer).map(Some)
    }

    pub(super) fn stamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Ok(field::<Option<Whole>, D>("stamp", deserializer)?.map(|whole| whole.0))
    }

    pub(super) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
        Ok(field::<Option<Whole>, D>("count", deserializer)?.map(|whole| whole.0))
    }

    /// A number that says of others what it wanted instead.
    struct Whole(u64);

    impl<'de> Deserialize<'de> for Whole {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_u64(WholeVisitor).map(Self)
        }
    }

    struct WholeVisitor;

    impl Visitor<'_> for WholeVisitor {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number that is not negative")
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<u64, E> {
            Ok(number)
        }
    }
}

/// Only the ref, to answer a message whose other fields cannot be read.
#[derive(Deserialize)]
struct OnlyRef<'a> {
    #[serde(rename = "ref", borrow, default)]
    reference: Option<Cow<'a, str>>,
}

fn json(message: &[u8]) -> Result<Fields<'_>, RequestError> {
    // What is JSON and no message is told from what is no JSON: the reader's own words do not always.
    let code = || match serde_json::from_slice::<serde::de::IgnoredAny>(message) {
        Ok(_) => Code::BadMessage,
        Err(_) => Code::BadJson,
    };
    // serde would read a struct from an array, too.
    if message.trim_ascii_start().first().is_some_and(|first| *first != b'{') {
        return Err(bad(None, false, code(), "a message is a JSON object".into()));
    }
    serde_json::from_slice(message).map_err(|error| {
        let only: Option<OnlyRef<'_>> = serde_json::from_slice(message).ok();
        let reference = only.and_then(|only| only.reference).and_then(|text| Ref::new(&text).ok());
        bad(reference, false, code(), error.to_string())
    })
}

/// Reads `[kind, ref, …]`; positions are fixed in `docs/protocol.md`, elements beyond the known ones are ignored.
fn message_pack(message: &[u8]) -> Result<Fields<'_>, RequestError> {
    let mut reader = Reader { rest: message };
    reader.array().ok_or_else(|| bad(None, false, Code::BadJson, "not a MessagePack array".into()))?;
    // All of it, so that nothing is taken from a message that is cut short, or that is two.
    match extent(message, 1) {
        Some(bytes) if bytes == message.len() => {}
        Some(bytes) => {
            let why = format!("not one MessagePack array: {} bytes are behind it", message.len() - bytes);
            return Err(bad(None, false, Code::BadJson, why));
        }
        None => return Err(bad(None, false, Code::BadJson, "not a whole MessagePack array".into())),
    }
    let broken = |reference: Option<&str>, why: String| {
        bad(reference.and_then(|text| Ref::new(text).ok()), false, Code::BadMessage, why)
    };
    let kind = reader.number().ok_or_else(|| broken(None, "the first element is the message's number".into()))?;
    if kind > 5 {
        return Err(broken(reader.text(), format!("the message's number is {kind}, 0 to 5 are known")));
    }
    let mut fields = Fields::default();
    if kind != 3 {
        let wrong = || broken(None, "the second element is the ref, a string or nil".into());
        fields.reference = reader.text_or_nil().ok_or_else(wrong)?;
    }
    let reference = fields.reference.clone();
    let wrong = |what: &'static str| move || broken(reference.as_deref(), what.into());
    match kind {
        0 => {
            fields.kind = Some("comment".into());
            fields.body = Some(reader.text().ok_or_else(wrong("the third element of a comment is its body"))?.into());
        }
        1 | 2 => {
            fields.kind = Some(if kind == 1 { "like" } else { "unlike" }.into());
            let id = reader.id().ok_or_else(wrong.clone()("the third element of a like is the id, 16 bytes"))?;
            fields.id = Some(Id(id));
            if !reader.rest.is_empty() {
                let stamp = reader.number_or_nil();
                fields.stamp =
                    stamp.ok_or_else(wrong("the fourth element of a like is its stamp, a whole number or nil"))?;
            }
        }
        3 => {
            fields.kind = Some("react".into());
            let reaction =
                reader.text().ok_or_else(wrong.clone()("the second element of react is its kind, a string"))?;
            fields.reaction = Some(reaction.into());
            fields.count =
                Some(reader.number().ok_or_else(wrong("the third element of react is its count, a whole number"))?);
        }
        _ => {
            fields.kind = Some(if kind == 4 { "delete" } else { "pin" }.into());
            fields.id = Some(Id(reader.id().ok_or_else(wrong("the third element is the id, 16 bytes or nil"))?));
        }
    }
    Ok(fields)
}

impl Fields<'_> {
    fn check(self, limits: &RequestLimits) -> Result<Request, RequestError> {
        let reference = match self.reference.as_deref().map(Ref::new).transpose() {
            Ok(reference) => reference,
            Err(invalid) => return Err(bad(None, false, Code::BadMessage, invalid.to_string())),
        };
        let missing = |field: &str| {
            let kind = self.kind.as_deref().unwrap_or_default();
            bad(reference.clone(), false, Code::BadMessage, format!("{kind} needs the field {field:?}"))
        };
        match self.kind.as_deref() {
            Some("comment") => {
                let text = self.body.as_deref().ok_or_else(|| missing("body"))?;
                match CommentBody::new(text, limits.body_bytes) {
                    Ok(body) => Ok(Request::Comment { reference, body }),
                    Err(error) => Err(bad(reference, true, body_code(&error), error.to_string())),
                }
            }
            Some(kind @ ("like" | "unlike")) => {
                let id = self.id.and_then(|id| id.0).ok_or_else(|| missing("id"))?;
                let stamp = match self.stamp.map(Stamp::new).transpose() {
                    Ok(None) if reference.is_some() => {
                        let why = format!("{kind} with a ref needs the field \"stamp\"");
                        return Err(bad(reference, true, Code::BadStamp, why));
                    }
                    Ok(stamp) => stamp,
                    Err(invalid) => return Err(bad(reference, true, Code::BadStamp, invalid.to_string())),
                };
                Ok(Request::Like { reference, id, liked: kind == "like", stamp })
            }
            Some("react") => {
                let kind = self.reaction.as_deref().ok_or_else(|| missing("kind"))?;
                let kind = ReactionKind::new(kind)
                    .map_err(|invalid| bad(reference.clone(), false, Code::BadMessage, invalid.to_string()))?;
                match self.count.unwrap_or(1) {
                    0 => Err(bad(
                        reference,
                        false,
                        Code::BadMessage,
                        "react has the count 0, at least 1 is needed".into(),
                    )),
                    count => {
                        let count = count.min(u64::from(limits::TAPS_PER_MESSAGE_MAX)) as u32;
                        Ok(Request::React { kind, count })
                    }
                }
            }
            Some("delete") => {
                let id = self.id.and_then(|id| id.0).ok_or_else(|| missing("id"))?;
                Ok(Request::Delete { reference, id })
            }
            Some("pin") => {
                let id = self.id.ok_or_else(|| missing("id"))?.0;
                Ok(Request::Pin { reference, id })
            }
            Some(other) => {
                let other: String = other.chars().take(40).collect();
                Err(bad(reference, false, Code::BadMessage, format!("{other:?} is not a message of this protocol")))
            }
            None => Err(bad(reference, false, Code::BadMessage, "the field \"type\" is missing".into())),
        }
    }
}

fn bad(reference: Option<Ref>, understood: bool, code: Code, why: String) -> RequestError {
    RequestError { reference, understood, refusal: Refusal::last(code, shortened(why)) }
}

fn body_code(error: &BodyError) -> Code {
    match error {
        BodyError::Empty => Code::EmptyBody,
        BodyError::TooLong { .. } => Code::BodyTooLong,
        BodyError::Control { .. } => Code::BadText,
    }
}

/// Reads MessagePack from a slice. `None` means: not that, or cut short.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn array(&mut self) -> Option<u32> {
        rmp::decode::read_array_len(&mut self.rest).ok()
    }

    fn number(&mut self) -> Option<u64> {
        rmp::decode::read_int(&mut self.rest).ok()
    }

    fn number_or_nil(&mut self) -> Option<Option<u64>> {
        if self.nil() { Some(None) } else { self.number().map(Some) }
    }

    fn text(&mut self) -> Option<&'a str> {
        let (text, rest) = rmp::decode::read_str_from_slice(self.rest).ok()?;
        self.rest = rest;
        Some(text)
    }

    fn text_or_nil(&mut self) -> Option<Option<Cow<'a, str>>> {
        if self.nil() { Some(None) } else { self.text().map(|text| Some(text.into())) }
    }

    /// 16 bytes, or nil.
    fn id(&mut self) -> Option<Option<CommentId>> {
        if self.nil() {
            return Some(None);
        }
        let length = rmp::decode::read_bin_len(&mut self.rest).ok()?;
        let (bytes, rest) = self.rest.split_first_chunk::<16>().filter(|_| length == 16)?;
        self.rest = rest;
        Some(Some(CommentId::from_bytes(*bytes)))
    }

    fn nil(&mut self) -> bool {
        match self.rest.split_first() {
            Some((&0xc0, rest)) => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
