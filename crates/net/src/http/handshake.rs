//! The WebSocket handshake (RFC 6455, section 4.2): is the request one, and in which encoding will the viewer be spoken to.
//!
//! Pure: headers in, a decision out. Invariant: 101 is answered only to requests that keep every rule of the section.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode, Version,
    header::{
        CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
        UPGRADE,
    },
    request::Parts,
};
use tungstenite::handshake::derive_accept_key;
use watershed_protocol::client::Encoding;

use super::{Reply, text};

/// The only version there is.
const VERSION: &str = "13";
/// Most characters that are said back of the subprotocols asked for.
const NAMES_CHARS_MAX: usize = 100;

/// Why a handshake is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandshakeError {
    /// Another method than GET, or a version of HTTP before 1.1.
    #[error("a WebSocket handshake is a GET of HTTP/1.1")]
    Request,
    /// Not the headers of an upgrade.
    #[error("a WebSocket handshake has the headers upgrade: websocket and connection: upgrade")]
    Headers,
    /// No key, or not of 16 bytes.
    #[error("sec-websocket-key must be 16 bytes in base64")]
    Key,
    /// Another version than 13.
    #[error("sec-websocket-version must be {VERSION}")]
    Version,
    /// Subprotocols were asked for, but none that is spoken here.
    #[error(
        "none of the subprotocols {0:?} is known, \
         live.v1.json, live.v1.msgpack, live.v1.compact and live.v1.compact.deflate are"
    )]
    Subprotocol(String),
}

impl HandshakeError {
    /// What the client is answered.
    pub(super) fn reply(&self) -> Reply {
        let status = match self {
            Self::Version => StatusCode::UPGRADE_REQUIRED,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut reply = text(status, &self.to_string());
        reply.headers_mut().insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(VERSION));
        reply
    }
}

/// A handshake that may be answered with 101.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Handshake {
    pub(super) encoding: Encoding,
    /// Whether the client named subprotocols: only then the answer names one.
    asked: bool,
    accept: String,
}

impl Handshake {
    /// Checks a request.
    pub(super) fn check(head: &Parts) -> Result<Self, HandshakeError> {
        let headers = &head.headers;
        if head.method != Method::GET || head.version < Version::HTTP_11 {
            return Err(HandshakeError::Request);
        }
        if !(wants_websocket(headers) && names(headers, CONNECTION.as_str(), "upgrade")) {
            return Err(HandshakeError::Headers);
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
            return Err(HandshakeError::Version);
        }
        let key = headers.get(SEC_WEBSOCKET_KEY).filter(|key| is_key(key.as_bytes())).ok_or(HandshakeError::Key)?;
        let asked = headers.contains_key(SEC_WEBSOCKET_PROTOCOL);
        let mut names = items(headers, SEC_WEBSOCKET_PROTOCOL.as_str());
        let encoding = match names.find_map(Encoding::from_subprotocol) {
            Some(encoding) => encoding,
            None if !asked => Encoding::default(),
            // A header that names nothing readable is an asking too: an answer must not name what was not asked for.
            None => return Err(HandshakeError::Subprotocol(asked_for(headers))),
        };
        Ok(Self { encoding, asked, accept: derive_accept_key(key.as_bytes()) })
    }

    /// The answer that turns the connection into a WebSocket.
    pub(super) fn reply(&self) -> Reply {
        let mut reply = Reply::default();
        *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = reply.headers_mut();
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        if let Ok(accept) = HeaderValue::from_str(&self.accept) {
            headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        }
        if self.asked {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(self.encoding.subprotocol()));
        }
        reply
    }
}

/// How many hosts a request names: RFC 9112, section 3.2, wants one, or whoever stands before us reads another host out of
/// it than we do.
pub(super) fn hosts(head: &Parts) -> usize {
    head.headers.get_all(HOST).into_iter().count()
}

/// The same answer in the bytes of HTTP/1.1: it has no body.
pub(super) fn bytes_of(reply: &Reply) -> Bytes {
    let mut bytes = format!("HTTP/1.1 {}\r\n", reply.status()).into_bytes();
    for (name, value) in reply.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.into()
}

/// Base64 of 16 bytes: 22 characters and the filling.
fn is_key(key: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    matches!(key, [digits @ .., b'=', b'='] if digits.len() == 22 && digits.iter().all(is_base64))
}

/// The subprotocols that were asked for, as words for people: not all of a long list.
fn asked_for(headers: &HeaderMap) -> String {
    let lines = headers.get_all(SEC_WEBSOCKET_PROTOCOL).into_iter();
    let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    lines.join(", ").chars().take(NAMES_CHARS_MAX).collect()
}

/// Whether the request asks for a WebSocket at all.
pub(super) fn wants_websocket(headers: &HeaderMap) -> bool {
    names(headers, UPGRADE.as_str(), "websocket")
}

fn names(headers: &HeaderMap, header: &str, name: &str) -> bool {
    items(headers, header).any(|item| item.eq_ignore_ascii_case(name))
}

/// The items of a header that is a list, in one line or in several.
fn items<'a>(headers: &'a HeaderMap, header: &str) -> impl Iterator<Item = &'a str> {
    let lines = headers.get_all(header).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The request of RFC 6455, section 1.3, with these headers instead of its own.
    fn check(headers: &[(&'static str, &str)]) -> Result<Handshake, HandshakeError> {
        let mut request = http::Request::get("/v1/streams/demo/live");
        let rfc = [
            ("upgrade", "websocket"),
            ("connection", "keep-alive, Upgrade"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ];
        let kept = rfc.iter().filter(|(name, _)| headers.iter().all(|(other, _)| other != name));
        for (name, value) in kept.chain(headers).filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        Handshake::check(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn the_example_of_the_rfc_is_accepted() {
        let handshake = check(&[]).unwrap();
        let reply = handshake.reply();
        assert_eq!(reply.status(), StatusCode::SWITCHING_PROTOCOLS);
        assert_eq!(reply.headers()[SEC_WEBSOCKET_ACCEPT], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!((handshake.encoding, reply.headers().get(SEC_WEBSOCKET_PROTOCOL)), (Encoding::Json, None));
    }

    #[test]
    fn the_first_known_subprotocol_is_taken() {
        let handshake = check(&[("sec-websocket-protocol", "chat, live.v1.msgpack, live.v1.json")]).unwrap();
        assert_eq!(handshake.encoding, Encoding::MessagePack);
        assert_eq!(handshake.reply().headers()[SEC_WEBSOCKET_PROTOCOL], "live.v1.msgpack");
        let two_lines = [("sec-websocket-protocol", "chat"), ("sec-websocket-protocol", "live.v1.json")];
        assert_eq!(check(&two_lines).unwrap().encoding, Encoding::Json);
        let best = [("sec-websocket-protocol", "live.v1.compact.deflate, live.v1.compact, live.v1.json")];
        assert_eq!(check(&best).unwrap().encoding, Encoding::CompactDeflate);
    }

    #[test]
    fn unknown_subprotocols_are_refused_with_the_known_ones() {
        let error = check(&[("sec-websocket-protocol", "chat, mqtt")]).unwrap_err();
        assert_eq!(error.reply().status(), StatusCode::BAD_REQUEST);
        assert_eq!(
            error.to_string(),
            "none of the subprotocols \"chat, mqtt\" is known, \
             live.v1.json, live.v1.msgpack, live.v1.compact and live.v1.compact.deflate are"
        );
    }

    #[test]
    fn what_is_not_a_handshake_is_refused() {
        assert_eq!(check(&[("connection", "keep-alive")]), Err(HandshakeError::Headers));
        assert_eq!(check(&[("upgrade", "h2c")]), Err(HandshakeError::Headers));
        assert_eq!(check(&[("sec-websocket-key", "")]), Err(HandshakeError::Key));
        assert_eq!(check(&[("sec-websocket-key", "c2hvcnQ=")]), Err(HandshakeError::Key));
        assert_eq!(check(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ!!")]), Err(HandshakeError::Key));
        assert_eq!(check(&[("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=A")]), Err(HandshakeError::Key));
        assert_eq!(check(&[("sec-websocket-version", "8")]), Err(HandshakeError::Version));
        let reply = HandshakeError::Version.reply();
        assert_eq!(reply.status(), StatusCode::UPGRADE_REQUIRED);
        assert_eq!(reply.headers()[SEC_WEBSOCKET_VERSION], "13");
        let post = http::Request::post("/").body(()).unwrap().into_parts().0;
        assert_eq!(Handshake::check(&post), Err(HandshakeError::Request));
    }
}
