//! The short way of a handshake: the first request of a connection, looked at before hyper sees it.
//!
//! Nearly all connections of a broadcast node are viewers whose first and only request is a handshake, there at once and
//! in one piece. Such a request is taken here, and its 101 travels with the first frames in one write. Everything else
//! (other requests, pieces, errors, a handshake that is refused) is left in the socket for hyper.
//! Invariant: bytes are taken from the socket only with a handshake that will be answered with 101.

use std::io;

use http::{
    HeaderName, HeaderValue, Method, Request, Uri, Version,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
    request::Parts,
};
use rustix::net::{RecvFlags, recv};
use tokio::{io::Interest, net::TcpStream};

use super::handshake::wants_websocket;

/// Largest head that goes the short way: browsers' are below one KiB, with cookies.
const HEAD_BYTES_MAX: usize = 4 * 1024;
/// Most headers of one that does.
const HEADERS_MAX: usize = 48;

/// A handshake that lies in the socket.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Its head.
    pub(super) head: Parts,
    /// Bytes that it has in the socket.
    pub(super) bytes: usize,
}

impl Waiting {
    /// Looks at what has come first. `None`: it is for hyper. Waits until there is something.
    pub(super) async fn look(stream: &TcpStream) -> io::Result<Option<Self>> {
        loop {
            stream.readable().await?;
            let mut buffer = [0; HEAD_BYTES_MAX];
            let peek = || Ok(recv(stream, &mut buffer[..], RecvFlags::PEEK)?.1);
            match stream.try_io(Interest::READABLE, peek) {
                Ok(there) => return Ok(Self::parse(&buffer[..there])),
                // A false alarm, which is common in a storm of joins.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The head at the start of `bytes`, if it is whole, correct, and asks for a WebSocket without a body.
    fn parse(bytes: &[u8]) -> Option<Self> {
        let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
        let mut parsed = httparse::Request::new(&mut headers);
        let bytes = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(bytes)) => bytes,
            Ok(httparse::Status::Partial) | Err(_) => return None,
        };
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = Method::from_bytes(parsed.method?.as_bytes()).ok()?;
        head.uri = Uri::try_from(parsed.path?).ok()?;
        head.version = if parsed.version? == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
        for header in parsed.headers.iter() {
            let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
            head.headers.append(name, HeaderValue::from_bytes(header.value).ok()?);
        }
        let has_body = head.headers.contains_key(CONTENT_LENGTH) || head.headers.contains_key(TRANSFER_ENCODING);
        (wants_websocket(&head.headers) && !has_body).then_some(Self { head, bytes })
    }
}

/// Takes a handshake of so many bytes out of its socket. What the client sent behind it stays there.
pub(super) fn take(stream: &TcpStream, bytes: usize) -> io::Result<()> {
    let mut buffer = [0; HEAD_BYTES_MAX];
    let taken = stream.try_read(&mut buffer[..bytes])?;
    // Nobody else reads this socket, and it had as many.
    if taken == bytes { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = "GET /v1/streams/demo/live?viewer=ann HTTP/1.1\r\nhost: b1\r\nupgrade: websocket\r\n\
                           connection: upgrade\r\nx-a: 1\r\nX-A: 2\r\n\r\n";

    #[test]
    fn a_whole_handshake_is_taken_with_all_its_headers_and_nothing_behind_them() {
        let waiting = Waiting::parse(format!("{REQUEST}behind").as_bytes()).unwrap();
        assert_eq!(waiting.bytes, REQUEST.len());
        assert_eq!((waiting.head.method, waiting.head.version), (Method::GET, Version::HTTP_11));
        assert_eq!(waiting.head.uri, "/v1/streams/demo/live?viewer=ann");
        assert_eq!(waiting.head.headers.len(), 5);
        let values: Vec<_> = waiting.head.headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["1", "2"]);
    }

    #[test]
    fn everything_else_is_left_to_hyper() {
        for length in 0..REQUEST.len() {
            assert!(Waiting::parse(&REQUEST.as_bytes()[..length]).is_none(), "a piece of {length} bytes");
        }
        let with = |header: &str| REQUEST.replace("x-a: 1", header);
        assert!(Waiting::parse(REQUEST.replace("websocket", "h2c").as_bytes()).is_none());
        assert!(Waiting::parse(with("content-length: 3").as_bytes()).is_none());
        assert!(Waiting::parse(with("transfer-encoding: chunked").as_bytes()).is_none());
        assert!(Waiting::parse(with("x a: 1").as_bytes()).is_none());
        assert!(Waiting::parse(with(&"x: 1\r\n".repeat(60)).as_bytes()).is_none());
    }
}
