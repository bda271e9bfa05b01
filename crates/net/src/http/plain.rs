//! Connections in hyper's hands: plain requests, and handshakes among or behind them.
//!
//! A connection comes here when its first request did not go the short way. Invariant: it ends after its time, when what
//! it is answering is done, or leads to a socket that is handed on.

use std::{
    convert::Infallible,
    io,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{StatusCode, Version};
use hyper::{server::conn::http1, service::service_fn, upgrade::OnUpgrade};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpStream, time};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Handler, Reply, Request, ServerConfig, Upgraded,
    handshake::{Handshake, hosts, wants_websocket},
    text,
};

/// Largest head of a request, and hyper's buffer.
const BUFFER_BYTES_MAX: usize = 16 * 1024;

/// What is to follow the connection: set by the request that was answered with 101.
type Following<T> = Mutex<Option<(OnUpgrade, T)>>;

/// Serves one connection to its end, or until its socket is handed on.
pub(super) async fn serve<H: Handler>(
    stream: TcpStream,
    handler: Arc<H>,
    config: ServerConfig,
    shutdown: CancellationToken,
) {
    let following = Following::<H::Ticket>::default();
    let service = service_fn(|request| {
        let handler = handler.clone();
        let following = &following;
        async move { Ok::<_, Infallible>(answer(handler, request, following).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(config.header_timeout).max_buf_size(BUFFER_BYTES_MAX);
    let mut served = pin!(http.serve_connection(TokioIo::new(stream), service).with_upgrades());
    let ended = tokio::select! {
        ended = served.as_mut() => Some(ended),
        () = shutdown.cancelled() => None,
        () = time::sleep(config.connection_time_max) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            served.as_mut().graceful_shutdown();
            time::timeout(config.grace, served).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a connection ended badly");
    }
    let followed = following.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((upgrade, ticket)) = followed {
        match upgrade.await.map_err(io::Error::other).and_then(take_socket) {
            Ok(upgraded) => handler.adopt(ticket, upgraded),
            Err(error) => debug!(%error, "a connection ended in its handshake"),
        }
    }
}

async fn answer<H: Handler>(handler: Arc<H>, mut request: Request, following: &Following<H::Ticket>) -> Reply {
    let upgrade = wants_websocket(request.headers()).then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let hosts = hosts(&head);
    if hosts > 1 || (hosts == 0 && head.version == Version::HTTP_11) {
        return text(StatusCode::BAD_REQUEST, &format!("the request has {hosts} host headers, one is needed"));
    }
    let Some(upgrade) = upgrade else {
        return handler.handle(Request::from_parts(head, body)).await;
    };
    let handshake = match Handshake::check(&head) {
        Ok(handshake) => handshake,
        Err(error) => return error.reply(),
    };
    match handler.admit(head, handshake.encoding).await {
        Ok(ticket) => {
            *following.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, ticket));
            handshake.reply()
        }
        Err(reply) => reply,
    }
}

/// The socket out of hyper and out of tokio, and what was read beyond the handshake.
fn take_socket(upgraded: hyper::upgrade::Upgraded) -> io::Result<Upgraded> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>();
    let parts = parts.map_err(|_| io::Error::other("the upgraded connection is not the socket that was accepted"))?;
    Ok(Upgraded { socket: parts.io.into_inner().into_std()?, reply: Bytes::new(), leftover: parts.read_buf })
}
