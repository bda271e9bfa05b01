//! A write of one viewer, as it goes over the wire at every attempt: the same ref and stamp each time.
//!
//! Between the crowd's schedule and a viewer's socket. Invariant: the bytes of all attempts are equal.

use tokio_tungstenite::tungstenite::Message;
use watershed_ledger::What;
use watershed_protocol::{Ref, client::Encoding};

/// Attempts for one sending: with the server's delays between them, what is refused so often is given up.
pub(crate) const TRIES_MAX: u32 = 8;

/// A write and how it stands.
#[derive(Debug)]
pub(crate) struct Sending {
    pub(crate) what: What,
    /// When the schedule wanted it, for the latency.
    pub(crate) due_ns: u64,
    pub(crate) tries: u32,
    /// When to try again; `None` while an answer is awaited.
    pub(crate) retry_at: Option<tokio::time::Instant>,
}

impl Sending {
    pub(crate) fn new(what: What, due_ns: u64) -> Self {
        Self { what, due_ns, tries: 0, retry_at: None }
    }

    /// The message that asks for it.
    pub(crate) fn message(&self, reference: &Ref, encoding: Encoding) -> Message {
        match encoding {
            Encoding::Json => Message::text(self.json(reference)),
            Encoding::MessagePack => Message::binary(self.message_pack(reference)),
        }
    }

    fn json(&self, reference: &Ref) -> String {
        use serde_json::json;
        match &self.what {
            What::Comment { body } => json!({"type": "comment", "ref": reference, "body": body}),
            What::Like { id, register } => {
                let kind = if register.liked { "like" } else { "unlike" };
                json!({"type": kind, "ref": reference, "id": id, "stamp": register.stamp.get()})
            }
            What::Delete { id } => json!({"type": "delete", "ref": reference, "id": id}),
            What::Pin { id } => json!({"type": "pin", "ref": reference, "id": id}),
        }
        .to_string()
    }

    fn message_pack(&self, reference: &Ref) -> Vec<u8> {
        use rmp_serde::to_vec;
        let encoded = match &self.what {
            What::Comment { body } => to_vec(&(0u8, reference, body)),
            What::Like { id, register } => {
                to_vec(&(if register.liked { 1u8 } else { 2 }, reference, id, register.stamp.get()))
            }
            What::Delete { id } => to_vec(&(4u8, reference, id)),
            What::Pin { id } => to_vec(&(5u8, reference, id)),
        };
        // The writer fails only where the sink does; a Vec does not.
        encoded.unwrap_or_else(|error| unreachable!("a message of our own always encodes: {error}"))
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
    fn the_server_s_reader_reads_what_is_sent_in_both_encodings() {
        let (id, reference) = (CommentId::from_bytes([7; 16]), Ref::new("r-1").unwrap());
        let stamp = Stamp::new(9).unwrap();
        for what in [
            What::Comment { body: "hello".into() },
            What::Like { id, register: Register { stamp, liked: true } },
            What::Like { id, register: Register { stamp, liked: false } },
            What::Delete { id },
            What::Pin { id: None },
        ] {
            for encoding in Encoding::ALL {
                let message = Sending::new(what.clone(), 0).message(&reference, encoding).into_data();
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
}
