//! A sending as it goes over the wire, at every attempt the same bytes.
//!
//! For whoever drives a crowd. Written against `docs/protocol.md`, not against the servers' reader, so that a mistake of
//! either is seen. Invariant: the bytes depend on nothing but the sending, its ref and the encoding.

use serde_json::json;
use watershed_protocol::{Ref, client::Encoding};

use crate::What;

impl What {
    /// The payload of the message that asks for it: text for JSON, bytes for the others.
    pub fn message(&self, reference: &Ref, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::Json => self.json(reference).to_string().into_bytes(),
            Encoding::MessagePack | Encoding::Compact | Encoding::CompactDeflate => self.message_pack(reference),
        }
    }

    fn json(&self, reference: &Ref) -> serde_json::Value {
        match self {
            Self::Comment { body } => json!({"type": "comment", "ref": reference, "body": body}),
            Self::Like { id, register } => {
                let kind = if register.liked { "like" } else { "unlike" };
                json!({"type": kind, "ref": reference, "id": id, "stamp": register.stamp.get()})
            }
            Self::Delete { id } => json!({"type": "delete", "ref": reference, "id": id}),
            Self::Pin { id } => json!({"type": "pin", "ref": reference, "id": id}),
        }
    }

    fn message_pack(&self, reference: &Ref) -> Vec<u8> {
        use rmp_serde::to_vec;
        let encoded = match self {
            Self::Comment { body } => to_vec(&(0u8, reference, body)),
            Self::Like { id, register } => {
                to_vec(&(if register.liked { 1u8 } else { 2 }, reference, id, register.stamp.get()))
            }
            Self::Delete { id } => to_vec(&(4u8, reference, id)),
            Self::Pin { id } => to_vec(&(5u8, reference, id)),
        };
        // The writer fails only where the sink does; a Vec does not.
        encoded.unwrap_or_else(|error| unreachable!("a message of our own always encodes: {error}"))
    }
}

/// One tap of a kind, which has no ref and no answer.
pub fn reaction(kind: &str, encoding: Encoding) -> Vec<u8> {
    match encoding {
        Encoding::Json => json!({"type": "react", "kind": kind, "count": 1}).to_string().into_bytes(),
        Encoding::MessagePack | Encoding::Compact | Encoding::CompactDeflate => rmp_serde::to_vec(&(3u8, kind, 1u8))
            .unwrap_or_else(|error| unreachable!("a message of our own always encodes: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_protocol::{
        CommentId, Register, Stamp,
        client::{Request, RequestLimits},
    };

    #[test]
    fn the_server_s_reader_reads_what_is_sent_in_each_encoding() {
        let (id, reference) = (CommentId::from_bytes([7; 16]), Ref::new("r-1").unwrap());
        let stamp = Stamp::new(9).unwrap();
        for what in [
            What::Comment { body: "hello".into() },
            What::Like { id, register: Register { stamp, liked: true } },
            What::Like { id, register: Register { stamp, liked: false } },
            What::Delete { id },
            What::Pin { id: None },
            What::Pin { id: Some(id) },
        ] {
            for encoding in Encoding::ALL {
                let message = what.message(&reference, encoding);
                let request = Request::decode(encoding, &message, &RequestLimits::default()).unwrap();
                let reference = Some(reference.clone());
                match (&what, request) {
                    (What::Comment { body }, Request::Comment { reference: of, body: read }) => {
                        assert_eq!((of, read.as_str()), (reference, body.as_str()));
                    }
                    (What::Like { register, .. }, request @ Request::Like { .. }) => {
                        assert_eq!(request.register(), Some(*register));
                    }
                    (What::Delete { id }, request) => assert_eq!(request, Request::Delete { reference, id: *id }),
                    (What::Pin { id }, request) => assert_eq!(request, Request::Pin { reference, id: *id }),
                    (what, request) => panic!("{what:?} was read as {request:?}"),
                }
            }
        }
    }

    #[test]
    fn the_server_s_reader_reads_a_tap_in_each_encoding() {
        for encoding in Encoding::ALL {
            let request = Request::decode(encoding, &reaction("heart", encoding), &RequestLimits::default()).unwrap();
            assert!(matches!(&request, Request::React { kind, count: 1 } if kind.as_str() == "heart"), "{request:?}");
        }
    }
}
