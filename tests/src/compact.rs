//! The compact encodings as `docs/protocol.md` writes them: a reader of its own, as `packed` is one of MessagePack.
//!
//! Under viewers of `live.v1.compact` and `live.v1.compact.deflate`. Invariant: a message read here has the form that the same
//! message has in JSON; what it says of a comment that the viewer was not given is left out.

use std::{collections::BTreeMap, io::Read};

use serde_json::{Map, Value};

use crate::packed;

/// The most that a client needs to inflate.
const INFLATED_BYTES_MAX: u64 = 1024 * 1024;

/// Which comment each ordinal names.
#[derive(Clone, Debug, Default)]
pub struct Ordinals(BTreeMap<u64, Value>);

/// A message without its mark, inflated if that says so.
pub fn unmarked(marked: &[u8]) -> Vec<u8> {
    match marked {
        [0, plain @ ..] => plain.to_vec(),
        [1, deflated @ ..] => {
            let mut plain = Vec::new();
            let mut reader = flate2::read::DeflateDecoder::new(deflated).take(INFLATED_BYTES_MAX + 1);
            reader.read_to_end(&mut plain).expect("deflate");
            assert!(plain.len() as u64 <= INFLATED_BYTES_MAX, "more than a client needs to inflate");
            assert!(plain.len() > deflated.len(), "deflated, and no shorter");
            plain
        }
        other => panic!("neither plain nor deflated: {other:02x?}"),
    }
}

impl Ordinals {
    /// Reads the next message of the server into its JSON form.
    pub fn read_message(&mut self, bytes: &[u8]) -> Value {
        let mut message = packed::read_numbered(bytes);
        if message["type"] == "snapshot" {
            self.0.clear();
        }
        let Some(fields) = message.as_object_mut() else { return message };
        for list in ["comments", "top"] {
            fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().for_each(|line| self.learn(line));
        }
        fields.get_mut("pinned").into_iter().for_each(|line| self.learn(line));
        self.resolve(fields);
        message
    }

    /// Takes the ordinal out of a comment, which has none in JSON.
    fn learn(&mut self, line: &mut Value) {
        let Some(line) = line.as_object_mut() else { return };
        if let Some(ordinal) = line.remove("ordinal").expect("an ordinal or nil").as_u64() {
            self.0.insert(ordinal, line["id"].clone());
        }
    }

    fn resolve(&self, fields: &mut Map<String, Value>) {
        let id =
            |name: &Value| if name.is_string() { Some(name.clone()) } else { self.0.get(&name.as_u64()?).cloned() };
        let likes = fields.remove("likes").map(|likes| {
            let rows = likes.as_array().into_iter().flatten();
            rows.filter_map(|row| Some(vec![id(&row[0])?, row[1].clone()].into())).collect::<Vec<Value>>()
        });
        let deleted = fields
            .remove("deleted")
            .map(|deleted| deleted.as_array().into_iter().flatten().filter_map(id).collect::<Vec<Value>>());
        for (name, list) in [("likes", likes), ("deleted", deleted)] {
            if let Some(list) = list.filter(|list| !list.is_empty()) {
                fields.insert(name.into(), list.into());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(ordinals: &mut Ordinals, hex: &str) -> Value {
        let digits = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
        ordinals.read_message(&(0..hex.len()).step_by(2).map(digits).collect::<Vec<u8>>())
    }

    #[test]
    fn the_worked_examples_of_the_protocol_are_read() {
        let id = "6f1c0000000000000000000000000009";
        let line = format!("97c410{id}a3626f62a3426f62a26869cf0000019ab0a207000301");
        let mut ordinals = Ordinals::default();
        let snapshot = read(&mut ordinals, &format!("99010329c2cd04b081a568656172740ac09091{line}"));
        let comment =
            json!({"id": id, "author": "bob", "name": "Bob", "body": "hi", "at": 1_763_900_000_000_u64, "likes": 3});
        assert_eq!(snapshot["comments"], json!([comment]));
        let known = read(&mut ordinals, "9d0203292a909192010490c0c0c0c00000");
        assert_eq!(known["likes"], json!([[id, 4]]));
        let unknown = read(&mut ordinals, "9d0203292a909192020490c0c0c0c00000");
        assert_eq!(unknown.get("likes"), None);
    }
}
