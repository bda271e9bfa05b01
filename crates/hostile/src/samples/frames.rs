//! True bytes of clients behind their handshakes: each leaves the decoder in another state on its way.

use super::requests_json;

const TEXT: u8 = 0x81;
const TEXT_BEGUN: u8 = 0x01;
const BINARY: u8 = 0x82;
const BINARY_BEGUN: u8 = 0x02;
const CONTINUED: u8 = 0x00;
const ENDED: u8 = 0x80;
const CLOSE: u8 = 0x88;
const PING: u8 = 0x89;
const PONG: u8 = 0x8a;

/// A masked frame; `first` is its first byte.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | length as u8),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend((length as u16).to_be_bytes());
        }
    }
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.into_iter().cycle()).map(|(byte, key)| byte ^ key));
    bytes
}

/// Messages whole and in fragments, with control frames before, between and behind them.
pub(crate) fn client_frames() -> Vec<Vec<u8>> {
    let text = "{\"type\":\"comment\",\"ref\":\"a\",\"body\":\"zwölf €uro 🎈\"}".as_bytes();
    let single: Vec<_> = text.iter().map(|byte| frame(CONTINUED, &[*byte])).collect();
    let mut samples: Vec<_> = requests_json().iter().map(|request| frame(TEXT, request)).collect();
    samples.extend([
        frame(TEXT, b""),
        frame(TEXT, &[b'x'; 126]),
        frame(BINARY, &[0xfe; 4_000]),
        [frame(TEXT, text), frame(PING, b"?"), frame(TEXT, text)].concat(),
        [frame(TEXT_BEGUN, &text[..44]), frame(PING, b""), frame(CONTINUED, b""), frame(ENDED, &text[44..])].concat(),
        [frame(TEXT_BEGUN, b""), single.concat(), frame(ENDED, b"")].concat(),
        [frame(BINARY_BEGUN, &[7; 2_000]), frame(PONG, &[1; 125]), frame(ENDED, &[7; 2_000])].concat(),
        frame(CLOSE, b""),
        [frame(TEXT, b"bye"), frame(CLOSE, b"\x03\xe8tsch\xc3\xbc\xc3\x9f")].concat(),
    ]);
    samples
}
