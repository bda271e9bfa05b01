//! Connections before they are viewers': accept, serve, and let go of the socket after a handshake.
//!
//! One task a connection. A handshake that comes first is answered by the worker that will hold the viewer; all other
//! requests are hyper's, and a handshake among them is awaited where the connection was.
//! Invariant: a connection has a permit from before it is accepted until it has ended or its socket is handed on.

use std::{io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::request::Parts;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{
    Handler, Upgraded,
    door::{self, Waiting},
    handshake::{Handshake, bytes_of, hosts},
    plain,
};

/// Pause after an accept that failed for want of files or memory: it would fail again at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of the server.
#[derive(Clone, Copy, Debug)]
pub struct ServerConfig {
    /// Most connections in handshake or in plain HTTP; more wait in the kernel's backlog. A silent client holds a place
    /// until the header timeout, so few places would be a door for attackers.
    pub connections_max: u32,
    /// A request's head must have come within this time, the next one's too.
    pub header_timeout: Duration,
    /// A connection of plain HTTP ends after this time, when what it is answering is done.
    pub connection_time_max: Duration,
    /// How long what is being answered may take then, or when the node ends.
    pub grace: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            connections_max: 4_096,
            header_timeout: Duration::from_secs(5),
            connection_time_max: Duration::from_secs(60),
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves until `shutdown`, then until what is being answered is done, or its grace is over.
pub async fn serve<H: Handler>(
    listener: TcpListener,
    handler: Arc<H>,
    config: ServerConfig,
    shutdown: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(config.connections_max as usize));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                tokio::spawn(connection(permit, stream, handler.clone(), config, shutdown.clone()));
            }
            Err(error) if is_of_one_connection(&error) => debug!(%error, "a connection ended before it was accepted"),
            Err(error) => {
                warn!(%error, "accepting connections fails");
                time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    // Every connection gives its permit back; each has its own time limit.
    let _all = permits.acquire_many(config.connections_max).await;
}

async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = permits.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// The permit comes first, so that it goes last: when all are back, nobody holds the handler any more.
async fn connection<H: Handler>(
    _permit: OwnedSemaphorePermit,
    stream: TcpStream,
    handler: Arc<H>,
    config: ServerConfig,
    shutdown: CancellationToken,
) {
    // Whatever has not begun to ask by the end of the head's time has not asked.
    let looked = tokio::select! {
        looked = time::timeout(config.header_timeout, Waiting::look(&stream)) => looked,
        () = shutdown.cancelled() => return,
    };
    match looked {
        Ok(Ok(Some(Waiting { head, bytes }))) => {
            if let Some((ticket, reply)) = shake(&handler, head).await {
                return hand_on(&*handler, ticket, stream, bytes, reply);
            }
            // hyper reads it again, and says why not.
        }
        Ok(Ok(None)) => {}
        Ok(Err(_)) | Err(_) => return,
    }
    // Boxed, or every handshake under way would keep hyper's many kilobytes with it.
    Box::pin(plain::serve(stream, handler, config, shutdown)).await;
}

/// A handshake that came first: what the handler makes of it, and its 101. `None` when it is refused.
async fn shake<H: Handler>(handler: &Arc<H>, head: Parts) -> Option<(H::Ticket, Bytes)> {
    if hosts(&head) != 1 {
        return None;
    }
    let handshake = Handshake::check(&head).ok()?;
    let ticket = handler.clone().admit(head, handshake.encoding).await.ok()?;
    Some((ticket, bytes_of(&handshake.reply())))
}

/// Takes an admitted handshake out of its socket, and the socket out of tokio.
fn hand_on<H: Handler>(handler: &H, ticket: H::Ticket, stream: TcpStream, bytes: usize, reply: Bytes) {
    match door::take(&stream, bytes).and_then(|()| stream.into_std()) {
        Ok(socket) => handler.adopt(ticket, Upgraded { socket, reply, leftover: Bytes::new() }),
        Err(error) => debug!(%error, "a connection ended in its handshake"),
    }
}
