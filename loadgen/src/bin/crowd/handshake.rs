//! The request that asks for a stream, and what is answered to it.
//!
//! Before the first frame. Invariant: only an answer of 101 with the accept key that belongs to the request is taken.

use std::io::Write;

use crate::{arguments::Config, viewer::Point};

/// The key of RFC 6455, section 1.3: the same for all viewers, because only proxies care.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// What the RFC says that the answer to it is.
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
/// Most headers of an answer.
const HEADERS_MAX: usize = 16;
/// Largest head of an answer.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// What the server has answered so far.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is not whole.
    Incomplete,
    /// 101; so many bytes are its head.
    Accepted(usize),
    /// Another status, and after how many seconds to come back.
    Refused { status: u16, retry_after_s: Option<u64> },
    /// Not an answer to this request.
    Broken,
}

/// Writes the request of one viewer.
pub(crate) fn request(config: &Config, number: u32, resume: Option<Point>, into: &mut Vec<u8>) {
    into.clear();
    let Config { server, stream, own_streams, prefix, encoding, .. } = config;
    // Writing into a `Vec` does not fail.
    let _ = write!(into, "GET /v1/streams/{stream}");
    if *own_streams {
        let _ = write!(into, "-{prefix}-{number}");
    }
    let _ = write!(into, "/live?viewer={prefix}-{number}");
    if let Some(Point { epoch, seq }) = resume {
        let _ = write!(into, "&resume={epoch}:{seq}");
    }
    let _ = write!(
        into,
        " HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
        encoding.subprotocol()
    );
}

/// Reads the answer.
pub(crate) fn answer(bytes: &[u8]) -> Answer {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut head = httparse::Response::new(&mut headers);
    let length = match head.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() < HEAD_BYTES_MAX => return Answer::Incomplete,
        _ => return Answer::Broken,
    };
    let header = |name: &str| head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    match head.code {
        Some(101) => match header("sec-websocket-accept") {
            Some(accept) if accept.value == ACCEPT.as_bytes() => Answer::Accepted(length),
            _ => Answer::Broken,
        },
        Some(status) => {
            let retry_after = header("retry-after").and_then(|header| std::str::from_utf8(header.value).ok());
            Answer::Refused { status, retry_after_s: retry_after.and_then(|text| text.parse().ok()) }
        }
        None => Answer::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_of_101_is_taken_with_the_right_key_only() {
        let right = format!("HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n");
        assert_eq!(answer(right.as_bytes()), Answer::Accepted(right.len()));
        assert_eq!(answer(&right.as_bytes()[..right.len() - 1]), Answer::Incomplete);
        assert_eq!(answer(right.replace("s3p", "s3q").as_bytes()), Answer::Broken);
    }

    #[test]
    fn a_refusal_says_when_to_come_back() {
        let busy = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\n\r\n";
        assert_eq!(answer(busy), Answer::Refused { status: 503, retry_after_s: Some(2) });
    }
}
