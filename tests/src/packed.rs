//! MessagePack as `docs/protocol.md` writes it: a reader and a writer of its own, so that a bug of the server's cannot hide
//! on both ends.
//!
//! Under viewers of `live.v1.msgpack`. Invariant: a message read here has the form that the same message has in JSON.

use serde_json::{Map, Value, json};

/// The server's messages by number: name, and the fields behind the number.
const FORMS: [(&str, &[&str]); 7] = [
    ("welcome", &["viewer", "node", "stream", "placed", "limits"]),
    ("snapshot", &["epoch", "seq", "partial", "viewers", "reactions", "pinned", "top", "comments"]),
    (
        "delta",
        &[
            "epoch",
            "from",
            "seq",
            "comments",
            "likes",
            "deleted",
            "pinned",
            "top",
            "reactions",
            "viewers",
            "shown",
            "total",
        ],
    ),
    ("beat", &["epoch", "seq"]),
    ("ack", &["ref", "id", "liked", "stamp"]),
    ("reject", &["ref", "code", "message", "retry_after_ms"]),
    ("move", &["url", "after_ms"]),
];
const COMMENT: &[&str] = &["id", "author", "name", "body", "at", "likes"];
const NUMBERED: &[&str] = &["id", "author", "name", "body", "at", "likes", "ordinal"];
const LIMITS: &[&str] = &["comment_bytes", "comments_per_minute", "tap_interval_ms", "beat_ms"];

/// Reads a message of the server into its JSON form.
pub fn read_message(bytes: &[u8]) -> Value {
    read_with(COMMENT, bytes)
}

/// The same of the compact form, in which each comment has an ordinal or nil, and may be called by it.
pub(crate) fn read_numbered(bytes: &[u8]) -> Value {
    read_with(NUMBERED, bytes)
}

fn read_with(comment: &[&str], bytes: &[u8]) -> Value {
    let mut rest = bytes;
    let read = read(&mut rest).unwrap_or_else(|| panic!("not MessagePack: {bytes:02x?}"));
    assert!(rest.is_empty(), "bytes after the message: {rest:02x?}");
    let Value::Array(mut elements) = read else { panic!("not an array: {read}") };
    let number = elements.remove(0);
    let (kind, names) = FORMS[number.as_u64().unwrap_or(u64::MAX) as usize];
    assert_eq!(elements.len(), names.len(), "elements of a {kind}");
    let mut message = named(names, elements);
    for (name, value) in &mut message {
        *value = match (name.as_str(), value.take()) {
            ("comments" | "top", Value::Array(rows)) => rows.into_iter().map(|row| object(comment, row)).collect(),
            ("limits", row) => object(LIMITS, row),
            ("pinned", Value::Array(row)) if kind == "snapshot" => object(comment, Value::Array(row)),
            (_, other) => other,
        };
    }
    if kind == "delta" {
        as_in_json(comment, &mut message);
    }
    for optional in ["liked", "stamp", "retry_after_ms"] {
        if message.get(optional).is_some_and(Value::is_null) {
            message.remove(optional);
        }
    }
    message.insert("type".into(), kind.into());
    message.into()
}

/// JSON leaves out what a delta does not change; `pinned` is an array of none or one here.
fn as_in_json(comment: &[&str], delta: &mut Map<String, Value>) {
    delta.retain(|name, value| {
        let list = matches!(name.as_str(), "comments" | "likes" | "deleted");
        !(value.is_null() || list && value.as_array().is_some_and(Vec::is_empty))
    });
    if let Some(Value::Array(rows)) = delta.get_mut("pinned") {
        let pinned = rows.pop().map_or(Value::Null, |row| object(comment, row));
        delta.insert("pinned".into(), pinned);
    }
}

fn object(names: &[&str], row: Value) -> Value {
    match row {
        Value::Array(elements) if elements.len() == names.len() => named(names, elements).into(),
        other => panic!("{other} has not the elements {names:?}"),
    }
}

fn named(names: &[&str], elements: Vec<Value>) -> Map<String, Value> {
    names.iter().map(|name| (*name).to_owned()).zip(elements).collect()
}

/// Reads one value; bytes become hex digits, as JSON shows ids. `None`: cut short, or nothing that the protocol uses.
fn read(rest: &mut &[u8]) -> Option<Value> {
    let first = take(rest, 1)?[0];
    Some(match first {
        0x00..=0x7f => json!(first),
        0x80..=0x8f => map(rest, usize::from(first & 0x0f))?,
        0x90..=0x9f => array(rest, usize::from(first & 0x0f))?,
        0xa0..=0xbf => text(rest, usize::from(first & 0x1f))?,
        0xc0 => Value::Null,
        0xc2 => json!(false),
        0xc3 => json!(true),
        0xc4 => {
            let length = number(rest, 1)?;
            json!(take(rest, length as usize)?.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        }
        0xcc..=0xcf => json!(number(rest, 1 << (first - 0xcc))?),
        0xd9..=0xdb => {
            let length = number(rest, 1 << (first - 0xd9))?;
            text(rest, length as usize)?
        }
        0xdc | 0xdd => {
            let length = number(rest, 2 << (first - 0xdc))?;
            array(rest, length as usize)?
        }
        0xde | 0xdf => {
            let length = number(rest, 2 << (first - 0xde))?;
            map(rest, length as usize)?
        }
        _ => return None,
    })
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn number(rest: &mut &[u8], bytes: usize) -> Option<u64> {
    Some(take(rest, bytes)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}

fn text(rest: &mut &[u8], length: usize) -> Option<Value> {
    Some(std::str::from_utf8(take(rest, length)?).ok()?.into())
}

fn array(rest: &mut &[u8], length: usize) -> Option<Value> {
    (0..length).map(|_| read(rest)).collect()
}

fn map(rest: &mut &[u8], length: usize) -> Option<Value> {
    let pair = |_| {
        let key = read(rest)?.as_str()?.to_owned();
        Some((key, read(rest)?))
    };
    (0..length).map(pair).collect::<Option<Map<_, _>>>().map(Value::Object)
}

/// Writes one message of a client, element by element.
#[derive(Debug)]
pub struct Writer(Vec<u8>);

impl Writer {
    /// An array of up to 15 elements.
    pub fn array(elements: u8) -> Self {
        Self(vec![0x90 | elements])
    }

    /// A number, as short as it can be.
    pub fn number(mut self, number: u64) -> Self {
        let all = number.to_be_bytes();
        match number {
            0..=0x7f => self.0.push(number as u8),
            0x80..=0xff => self.0.extend([0xcc, number as u8]),
            0x100..=0xffff => self.0.extend([&[0xcd], &all[6..]].concat()),
            0x1_0000..=0xffff_ffff => self.0.extend([&[0xce], &all[4..]].concat()),
            _ => self.0.extend([&[0xcf], &all[..]].concat()),
        }
        self
    }

    /// A text of less than 64 KiB.
    pub fn text(mut self, text: &str) -> Self {
        match text.len() {
            length @ 0..=31 => self.0.push(0xa0 | length as u8),
            length @ 32..=255 => self.0.extend([0xd9, length as u8]),
            length => self.0.extend([&[0xda], &(length as u16).to_be_bytes()[..]].concat()),
        }
        self.0.extend(text.as_bytes());
        self
    }

    /// The 16 bytes of an id.
    pub fn id(mut self, id: &[u8; 16]) -> Self {
        self.0.extend([0xc4, 16]);
        self.0.extend(id);
        self
    }

    /// Nothing.
    pub fn nil(mut self) -> Self {
        self.0.push(0xc0);
        self
    }

    /// The message.
    pub fn done(self) -> Vec<u8> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: [u8; 16] = [0x6f, 0x1c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];

    #[test]
    fn the_worked_example_of_the_protocol_is_written() {
        let like = Writer::array(4).number(1).text("a").id(&ID).number(7).done();
        assert_eq!(like, [&[0x94, 0x01, 0xa1, 0x61, 0xc4, 0x10][..], &ID, &[0x07]].concat());
    }

    #[test]
    fn what_is_written_is_read_in_the_form_of_json() {
        let ack = Writer::array(5).number(4).text("k3f9-2").id(&ID).number(1).number(1_763_900_000_001).done();
        let read = json!({"type": "ack", "ref": "k3f9-2", "id": "6f1c0000000000000000000000000009", "liked": 1,
            "stamp": 1_763_900_000_001_u64});
        assert_eq!(read_message(&ack), read);
        let refused = Writer::array(5).number(5).nil().text("bad_json").text(&"x".repeat(300)).nil().done();
        assert_eq!(read_message(&refused)["message"], "x".repeat(300));
    }
}
