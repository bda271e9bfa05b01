//! The HTTP side of a crowd: where a viewer belongs, and the history at the end, over a few connections kept alive.
//!
//! Between viewers or the end of a run and the nodes. Invariant: at most [`IN_FLIGHT_MAX`] requests are open at once, and
//! a connection is used by one request at a time.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::{net::TcpStream, sync::Semaphore, time::timeout};
use watershed_protocol::{CommentId, StreamId, ViewerId, client::Line};

use crate::random::Random;

/// Requests in flight: enough to place 1,000 viewers a second, few enough not to be a load of their own.
const IN_FLIGHT_MAX: usize = 16;

/// The longest body that is read.
const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// The longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// Attempts for one page of history, waits of up to [`RETRY_AFTER_MAX_S`] between them.
const PAGE_TRIES_MAX: usize = 10;

/// The longest wait that a node may ask for before the next attempt.
const RETRY_AFTER_MAX_S: u64 = 5;

/// Comments of the history that are fetched: more are not checked, and the report says so.
const HISTORY_MAX: usize = 200_000;

/// Comments asked for at once.
const PAGE: usize = 100;

/// The nodes' HTTP interface.
pub(crate) struct Web {
    nodes: Vec<String>,
    /// Which node is asked next.
    turn: AtomicUsize,
    /// Idle connections, by node.
    idle: Mutex<Vec<(usize, SendRequest<Empty<Bytes>>)>>,
    slots: Semaphore,
}

/// The history, newest first.
pub(crate) struct Pages {
    pub(crate) comments: Vec<Line>,
    /// It reaches back beyond the start of the run.
    pub(crate) complete: bool,
}

#[derive(Deserialize)]
struct Placed {
    url: String,
}

#[derive(Deserialize)]
struct Page {
    comments: Vec<Line>,
}

struct Answer {
    status: StatusCode,
    retry_after_s: Option<u64>,
    body: Bytes,
}

impl Web {
    pub(crate) fn new(nodes: Vec<String>) -> Self {
        let slots = Semaphore::new(IN_FLIGHT_MAX);
        Self { nodes, turn: AtomicUsize::new(0), idle: Mutex::default(), slots }
    }

    /// The address of a node, wherever its viewers belong.
    pub(crate) fn any_node(&self, random: &mut Random) -> String {
        format!("ws://{}", self.nodes[random.below(self.nodes.len() as u64) as usize])
    }

    /// The address where a viewer belongs.
    pub(crate) async fn place(&self, stream: &StreamId, viewer: &ViewerId) -> anyhow::Result<String> {
        let answer = self.get(&format!("/v1/streams/{stream}/place?viewer={viewer}")).await?;
        if answer.status != StatusCode::OK {
            bail!("place answered {}", answer.status);
        }
        let placed: Placed = serde_json::from_slice(&answer.body).context("place answered no node")?;
        Ok(placed.url)
    }

    /// The history back to `since_ms`.
    pub(crate) async fn history(&self, stream: &StreamId, since_ms: u64) -> anyhow::Result<Pages> {
        let mut pages = Pages { comments: Vec::new(), complete: false };
        let mut before: Option<CommentId> = None;
        while pages.comments.len() < HISTORY_MAX {
            let before_field = before.map(|id| format!("&before={id}")).unwrap_or_default();
            let page = self.page(&format!("/v1/streams/{stream}/comments?limit={PAGE}{before_field}")).await?;
            let Some(last) = page.comments.last() else {
                pages.complete = true;
                break;
            };
            before = Some(last.id);
            pages.complete = last.at < since_ms;
            pages.comments.extend(page.comments);
            if pages.complete {
                break;
            }
        }
        Ok(pages)
    }

    async fn page(&self, path: &str) -> anyhow::Result<Page> {
        let mut last = String::new();
        for _ in 0..PAGE_TRIES_MAX {
            let wait_s = match self.get(path).await {
                Ok(answer) if answer.status == StatusCode::OK => {
                    return serde_json::from_slice(&answer.body).context("the history is no page of comments");
                }
                Ok(answer) if answer.status == StatusCode::SERVICE_UNAVAILABLE => {
                    last = answer.status.to_string();
                    answer.retry_after_s.unwrap_or(1)
                }
                Ok(answer) => bail!("{path} answered {}", answer.status),
                Err(error) => {
                    last = format!("{error:#}");
                    1
                }
            };
            tokio::time::sleep(Duration::from_secs(wait_s.min(RETRY_AFTER_MAX_S))).await;
        }
        bail!("{path} failed {PAGE_TRIES_MAX} times, at last: {last}")
    }

    async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let _slot = self.slots.acquire().await.context("the pool is closed")?;
        let node = self.turn.fetch_add(1, Ordering::Relaxed) % self.nodes.len();
        timeout(ANSWER_MAX, self.ask(node, path))
            .await
            .with_context(|| format!("{} did not answer within {ANSWER_MAX:?}", self.nodes[node]))?
            .with_context(|| format!("{} could not be asked", self.nodes[node]))
    }

    async fn ask(&self, node: usize, path: &str) -> anyhow::Result<Answer> {
        let idle = {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|(_, connection)| !connection.is_closed());
            let found = idle.iter().position(|(of, connection)| *of == node && connection.is_ready());
            found.map(|at| idle.swap_remove(at).1)
        };
        let mut connection = match idle {
            Some(connection) => connection,
            None => {
                let socket = TcpStream::connect(&self.nodes[node]).await?;
                let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(socket)).await?;
                // Its end is seen by the sender, which every request asks.
                tokio::spawn(connection);
                sender
            }
        };
        let request = Request::get(path).header(header::HOST, &self.nodes[node]).body(Empty::new())?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        let retry_after = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let retry_after_s = retry_after.and_then(|text| text.parse().ok());
        let body = Limited::new(response.into_body(), BODY_BYTES_MAX).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("the body could not be read: {error}"))?.to_bytes();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push((node, connection));
        Ok(Answer { status, retry_after_s, body })
    }
}
