//! The door behind a handshake: a client's bytes, the frames in them, and the messages in those.
//!
//! What comes in is taken in one piece, then in small ones. Invariant: the pieces change nothing, and what is kept has its
//! bound.

use watershed_broadcast::websocket::{Decoder, FrameError, Item, Rules};
use watershed_protocol::client::{Encoding, Opcode, Request, RequestLimits};

use crate::Feed;

/// Longest message here: what is beyond it must be met often.
const MESSAGE_BYTES_MAX: usize = 4_000;
/// The sizes of pieces, in turn.
const PIECES: [usize; 7] = [1, 1, 2, 5, 1, 125, 3];

/// Whole frames, closes and messages that were taken, and why no more.
type Outcome = (Vec<(Option<Opcode>, Vec<u8>)>, Option<FrameError>);

/// Bytes of a client. They are taken when they break no rule, and leave nothing unfinished.
pub(crate) fn client_frames() -> Feed {
    Box::new(|bytes| {
        let mut taken = false;
        for kind in [None, Some(Opcode::Text), Some(Opcode::Binary)] {
            let rules = Rules { kind, message_bytes_max: MESSAGE_BYTES_MAX };
            let (whole, idle) = decode(&rules, std::iter::once(bytes));
            let (in_pieces, still_idle) = decode(&rules, pieces(bytes));
            assert_eq!((&whole, idle), (&in_pieces, still_idle), "as {kind:?}");
            taken |= idle && whole.1.is_none();
        }
        taken
    })
}

fn pieces(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut sizes = PIECES.into_iter().cycle();
    std::iter::from_fn(move || {
        let (piece, rest) = bytes.split_at(sizes.next()?.min(bytes.len()));
        bytes = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// What comes of pieces, and whether the decoder stands between two messages then.
fn decode<'a>(rules: &Rules, pieces: impl Iterator<Item = &'a [u8]>) -> (Outcome, bool) {
    let (mut decoder, mut taken) = (Decoder::default(), Vec::new());
    let mut fed = 0;
    for piece in pieces {
        fed += piece.len();
        let (mut piece, mut at) = (piece.to_vec(), 0);
        loop {
            match decoder.next(rules, &mut piece, &mut at) {
                Ok(Some(item)) => taken.push(said(item)),
                Ok(None) => break,
                Err(error) => return ((taken, Some(error)), false),
            }
        }
        let kept = decoder.held_bytes() - size_of::<Decoder>();
        assert!(kept <= (2 * fed).min(MESSAGE_BYTES_MAX) + 125, "{kept} bytes are kept of {fed}");
    }
    let idle = decoder.is_idle();
    ((taken, None), idle)
}

/// An item that owns its bytes; a message has been read on by whoever takes it.
fn said(item: Item<'_>) -> (Option<Opcode>, Vec<u8>) {
    match item {
        Item::Message(kind, payload) => {
            assert!(payload.len() <= MESSAGE_BYTES_MAX);
            let encoding = if kind == Opcode::Text { Encoding::Json } else { Encoding::MessagePack };
            assert!(kind == Opcode::Binary || std::str::from_utf8(payload).is_ok());
            let _: Result<_, _> = Request::decode(encoding, payload, &RequestLimits::default());
            (Some(kind), payload.to_vec())
        }
        Item::Ping(payload) => (Some(Opcode::Ping), payload.to_vec()),
        Item::Pong => (Some(Opcode::Pong), Vec::new()),
        Item::Close(code) => {
            assert!(code.is_none_or(|code| (1000..5000).contains(&code)));
            (Some(Opcode::Close), code.map(u16::to_be_bytes).into_iter().flatten().collect())
        }
    }
}
