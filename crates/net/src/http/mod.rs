//! HTTP at a node's one port: plain requests are answered, WebSocket handshakes lead to the carousel.
//!
//! Between the listener and the node's handler. A handshake that comes first goes a short way; hyper carries the rest.
//! After the handshake the socket leaves tokio and is handed on. Invariant: connections in hyper's hands are bounded, in number and in time.

mod client;
mod door;
mod handshake;
mod listener;
mod plain;
mod server;

pub use client::{GetError, get, get_as};
pub use handshake::HandshakeError;
pub use listener::{ListenerConfig, listen};
pub use server::{ServerConfig, serve};

use std::{net::TcpStream, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header::CONTENT_TYPE, request::Parts};
use http_body_util::Full;
use hyper::body::Incoming;
use watershed_protocol::client::Encoding;

/// A request whose body is still to be read.
pub type Request = http::Request<Incoming>;
/// An answer, whole.
pub type Reply = http::Response<Full<Bytes>>;

/// What a node does with requests.
pub trait Handler: Send + Sync + 'static {
    /// What [`Handler::admit`] has found out about a viewer, for [`Handler::adopt`].
    type Ticket: Send + 'static;

    /// Answers a plain request.
    fn handle(self: Arc<Self>, request: Request) -> impl Future<Output = Reply> + Send;

    /// Decides on a WebSocket handshake that is correct: a ticket, or an answer that says why not. The encoding is the
    /// negotiated one.
    fn admit(
        self: Arc<Self>,
        head: Parts,
        encoding: Encoding,
    ) -> impl Future<Output = Result<Self::Ticket, Reply>> + Send;

    /// Takes the socket of an admitted viewer. It is non-blocking and belongs to no runtime.
    fn adopt(&self, ticket: Self::Ticket, socket: Upgraded);
}

/// A socket that has become a WebSocket, but for what is still to be said and heard of the handshake.
#[derive(Debug)]
pub struct Upgraded {
    /// The socket, non-blocking.
    pub socket: TcpStream,
    /// The rest of the answer, to be sent before all else: the whole 101, or nothing if that has been sent.
    pub reply: Bytes,
    /// What the client has sent behind its handshake.
    pub leftover: Bytes,
}

/// An answer of one kind of content.
pub fn reply(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Reply::new(Full::new(body.into()));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// An answer in one line of text.
pub fn text(status: StatusCode, line: &str) -> Reply {
    reply(status, "text/plain; charset=utf-8", format!("{line}\n"))
}
