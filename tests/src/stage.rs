//! A recorded stream, played to a page as a node would send it, as far as the page asks for.
//!
//! Between a recording and a browser; it serves the pages as nodes do. The page sets the pace: each GET of `/next/N` sends N
//! messages, so that no clock decides how many come between two animation frames. Invariant: messages leave in their order,
//! each once.

use std::sync::Arc;

use futures::{FutureExt, SinkExt, StreamExt};
use http::StatusCode;
use http_body_util::Full;
use tokio::sync::Mutex;
use tokio_tungstenite::tungstenite::Message;

use crate::{
    recording::Recording,
    site::{Asked, Page, Site, Socket, nothing, page, websocket},
};

/// What a connection gets by itself: the welcome and the snapshot.
const FIRST_MESSAGES: usize = 2;

/// A stage with one recording.
#[derive(Debug)]
pub struct Stage {
    /// The site on which the pages are.
    pub site: Site,
    playing: Arc<Playing>,
}

#[derive(Debug)]
struct Playing {
    recording: Recording,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    socket: Option<futures::stream::SplitSink<Socket, Message>>,
    sent: usize,
    connections: usize,
}

impl Stage {
    /// Opens the pages on a recording.
    pub async fn open(recording: Recording) -> Self {
        let playing = Arc::new(Playing { recording, state: Mutex::default() });
        let answering = playing.clone();
        let site = Site::open(move |request| answer(answering.clone(), request).boxed()).await;
        Self { site, playing }
    }

    /// How often a page has connected: more than once means that it did not like what it got.
    pub async fn connections(&self) -> usize {
        self.playing.state.lock().await.connections
    }
}

async fn answer(playing: Arc<Playing>, request: Asked) -> Page {
    let path = request.uri().path().to_owned();
    let host = request.headers().get("host").and_then(|host| host.to_str().ok()).unwrap_or_default().to_owned();
    if let Some(file) = watershed_web::answer(&path, request.headers()) {
        return file.map(Full::new);
    }
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    match parts[..] {
        ["next", count] => playing.next(count.parse().expect("a number")).await,
        ["v1", "streams", stream, "place"] => {
            let url = format!("ws://{host}/v1/streams/{stream}/live");
            json(&serde_json::json!({"node": "b1", "url": url, "others": []}))
        }
        ["v1", "streams", _, "likes"] => json(&serde_json::json!({"liked": []})),
        ["v1", "streams", _, "live"] => {
            let (answer, coming) = websocket(request);
            tokio::spawn(async move { playing.begin(coming.await).await });
            answer
        }
        _ => nothing(),
    }
}

fn json(value: &serde_json::Value) -> Page {
    page("application/json", value.to_string())
}

impl Playing {
    /// Sends the first messages to a connection, and listens to what it says until it ends.
    async fn begin(&self, socket: Socket) {
        let (mut sink, mut heard) = socket.split();
        let mut state = self.state.lock().await;
        for message in &self.recording.messages[..FIRST_MESSAGES] {
            sink.send(Message::Binary(message.clone())).await.expect("the page listens");
        }
        state.connections += 1;
        (state.socket, state.sent) = (Some(sink), FIRST_MESSAGES);
        drop(state);
        // Nothing that a page says is answered here, but its end is to be seen.
        while heard.next().await.is_some_and(|message| message.is_ok()) {}
    }

    /// Sends the next messages; says how many there are still to come.
    async fn next(&self, count: usize) -> Page {
        let mut state = self.state.lock().await;
        let State { socket, sent, .. } = &mut *state;
        let Some(socket) = socket else {
            let mut early = page("text/plain", "no page is connected");
            *early.status_mut() = StatusCode::CONFLICT;
            return early;
        };
        let left = &self.recording.messages[*sent..];
        for message in &left[..count.min(left.len())] {
            socket.send(Message::Binary(message.clone())).await.expect("the page listens");
            *sent += 1;
        }
        page("text/plain", (self.recording.messages.len() - *sent).to_string())
    }
}
