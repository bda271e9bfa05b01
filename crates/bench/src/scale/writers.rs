//! Viewers that write: each has a connection of its own, and stays until its write is answered.
//!
//! Beside the crowds, which only watch. Invariant: a write that this module calls acknowledged was acknowledged by the
//! cluster, under the writer's own name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, anyhow, bail};
use futures::{SinkExt, StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use watershed_protocol::client::{Encoding, Response};

/// Writers at once.
const WRITERS_MAX: usize = 32;
/// Longest from a connect to the answer: a node with 18,500 viewers on a busy machine takes its turns.
const PATIENCE: Duration = Duration::from_secs(120);
/// Times that a refused write is sent before it is an error.
const TRIES_MAX: u32 = 100;

/// One viewer that writes.
#[derive(Debug)]
pub struct Writer {
    socket: WebSocketStream<TcpStream>,
    /// Where its view stands.
    point: Option<(u64, u64)>,
}

impl Writer {
    /// Joins a stream at a node, HOST:PORT.
    pub async fn join(node: &str, stream: &str, viewer: &str) -> anyhow::Result<Self> {
        let joined = async {
            let socket = TcpStream::connect(node).await?;
            socket.set_nodelay(true)?;
            let url = format!("ws://{node}/v1/streams/{stream}/live?viewer={viewer}");
            anyhow::Ok(client_async(url, socket).await?.0)
        };
        let socket = timeout(PATIENCE, joined).await.context("no handshake in time")?;
        Ok(Self { socket: socket.with_context(|| format!("{viewer} cannot join at {node}"))?, point: None })
    }

    /// Waits for a whole view and says where it stands: (epoch, seq).
    pub async fn view(&mut self) -> anyhow::Result<(u64, u64)> {
        while self.point.is_none() {
            self.hear().await?;
        }
        self.point.context("a view has a point")
    }

    /// Writes a comment; its id once it is acknowledged.
    pub async fn comment(&mut self, body: &str) -> anyhow::Result<String> {
        let id = self.write(json!({"type": "comment", "ref": "scale-c", "body": body})).await?;
        id.context("a comment was acknowledged without an id")
    }

    /// Likes a comment, and sends the very same once more if it is told to: that counts once.
    pub async fn like(&mut self, comment: &str, twice: bool) -> anyhow::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_millis() as u64);
        let like = json!({"type": "like", "ref": "scale-l", "id": comment, "stamp": now});
        self.write(like.clone()).await?;
        if twice {
            self.write(like).await?;
        }
        Ok(())
    }

    async fn write(&mut self, message: Value) -> anyhow::Result<Option<String>> {
        for _ in 0..TRIES_MAX {
            self.socket.send(Message::text(message.to_string())).await?;
            match self.answer().await? {
                Ok(id) => return Ok(id),
                Err(retry_after_ms) => sleep(Duration::from_millis(retry_after_ms)).await,
            }
        }
        bail!("{message} was refused {TRIES_MAX} times")
    }

    /// The answer to what was written: the id that it names, or when to write it again.
    async fn answer(&mut self) -> anyhow::Result<Result<Option<String>, u64>> {
        loop {
            match self.hear().await? {
                Response::Ack { id, .. } => return Ok(Ok(id.map(|id| id.to_string()))),
                Response::Reject { retry_after_ms: Some(ms), .. } => return Ok(Err(ms)),
                Response::Reject { code, message, .. } => bail!("a write is refused as {code:?}: {message}"),
                _ => {}
            }
        }
    }

    async fn hear(&mut self) -> anyhow::Result<Response> {
        loop {
            let heard = timeout(PATIENCE, self.socket.next()).await.context("nothing is heard in time")?;
            let payload = match heard.context("the connection ended")?? {
                Message::Text(text) => text,
                Message::Close(frame) => bail!("the connection was closed: {frame:?}"),
                _ => continue,
            };
            let response = Response::decode(Encoding::Json, payload.as_bytes()).map_err(|error| anyhow!("{error}"))?;
            match &response {
                Response::Snapshot { epoch, seq, partial: false, .. } => self.point = Some((*epoch, *seq)),
                Response::Delta { epoch, seq, .. } => self.point = self.point.map(|_| (*epoch, *seq)),
                _ => {}
            }
            return Ok(response);
        }
    }
}

/// Likes by so many viewers, each of another one, in turn on these comments; how many each comment got.
///
/// Every tenth is sent twice.
pub async fn like(nodes: &[&str], stream: &str, comments: &[String], likes: u64) -> anyhow::Result<Vec<u64>> {
    let one = |number: u64| async move {
        let (node, comment) = (nodes[number as usize % nodes.len()], &comments[number as usize % comments.len()]);
        let mut viewer = Writer::join(node, stream, &format!("liker-{number}")).await?;
        viewer.like(comment, number.is_multiple_of(10)).await?;
        anyhow::Ok(number as usize % comments.len())
    };
    let mut counts = vec![0; comments.len()];
    let mut liked = stream::iter((0..likes).map(one)).buffer_unordered(WRITERS_MAX);
    while let Some(comment) = liked.try_next().await? {
        counts[comment] += 1;
    }
    Ok(counts)
}
