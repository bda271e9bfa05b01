//! A server of one stream in a few lines: no cluster, no durability, one lock. It can lie in one way.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
};
use tokio_tungstenite::{
    accept_hdr_async,
    tungstenite::{
        Message,
        handshake::server::{Request as Upgrade, Response as Upgraded},
    },
};
use watershed_protocol::{
    CommentId, DisplayName, Ref, Register, StreamId, ViewerId,
    client::{Code, Encoding, Limits, Line, Refusal, Request, RequestLimits, Response},
};

/// How the server lies or fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Every fifth comment is acknowledged and forgotten.
    LoseComments,
    /// Every like counts for two.
    CountTwice,
    /// Every connection ends after its third write, which is done and not answered.
    Cut,
    /// Every connection misses one frame.
    SkipFrame,
    /// The first attempt of every write is refused for now.
    RefuseFirst,
    /// Every viewer is told once to move.
    Move,
}

pub(super) struct Server {
    address: String,
    fault: Fault,
    frames: broadcast::Sender<Response>,
    stream: Mutex<Stream>,
}

#[derive(Default)]
struct Stream {
    comments: Vec<Line>,
    registers: BTreeMap<(CommentId, ViewerId), Register>,
    log: Vec<Response>,
    refs: BTreeMap<(ViewerId, Ref), Option<CommentId>>,
    refused: BTreeSet<(ViewerId, Ref)>,
    moved: BTreeSet<ViewerId>,
}

/// Who connected, by its query.
#[derive(Default)]
struct Guest {
    viewer: String,
    resume: Option<u64>,
    encoding: Encoding,
}

impl Server {
    /// Serves until the runtime ends; gives its `host:port`.
    pub(super) async fn start(fault: Fault) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (frames, _) = broadcast::channel(100_000);
        let server = Arc::new(Self { address: address.clone(), fault, frames, stream: Mutex::default() });
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                socket.set_nodelay(true).unwrap();
                tokio::spawn(server.clone().serve(socket));
            }
        });
        address
    }

    async fn serve(self: Arc<Self>, socket: TcpStream) {
        let mut head = [0; 256];
        let length = socket.peek(&mut head).await.unwrap();
        let is_live = String::from_utf8_lossy(&head[..length]).contains("/live?");
        // A connection that the client leaves is its own affair.
        let _ = if is_live { self.live(socket).await } else { self.http(socket).await };
    }

    async fn http(&self, mut socket: TcpStream) -> anyhow::Result<()> {
        let mut request = Vec::new();
        loop {
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                socket.read_exact(&mut byte).await?;
                request.push(byte[0]);
            }
            let text = String::from_utf8_lossy(&request).into_owned();
            let body = if text.contains("/place?") {
                format!("{{\"node\":\"b1\",\"url\":\"ws://{}\"}}", self.address)
            } else {
                self.page(text.split(' ').nth(1).unwrap_or(""))
            };
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            socket.write_all(answer.as_bytes()).await?;
            request.clear();
        }
    }

    fn page(&self, path: &str) -> String {
        let before = path.split_once("before=").map(|(_, id)| id.parse::<CommentId>().unwrap());
        let stream = self.stream.lock().unwrap();
        let end = match before {
            Some(id) => stream.comments.iter().position(|line| line.id == id).unwrap(),
            None => stream.comments.len(),
        };
        let page: Vec<_> = stream.comments[..end].iter().rev().take(10).collect();
        serde_json::json!({ "comments": page }).to_string()
    }

    async fn live(&self, socket: TcpStream) -> anyhow::Result<()> {
        let mut guest = Guest::default();
        #[expect(clippy::result_large_err, reason = "the library's own signature")]
        let upgrade = |request: &Upgrade, mut response: Upgraded| {
            for field in request.uri().query().unwrap_or("").split('&') {
                match field.split_once('=') {
                    Some(("viewer", viewer)) => guest.viewer = viewer.into(),
                    Some(("resume", point)) => guest.resume = Some(point.split_once(':').unwrap().1.parse().unwrap()),
                    _ => {}
                }
            }
            let asked = request.headers()["sec-websocket-protocol"].clone();
            guest.encoding = Encoding::from_subprotocol(asked.to_str().unwrap()).unwrap();
            response.headers_mut().insert("sec-websocket-protocol", asked);
            Ok(response)
        };
        let mut socket = accept_hdr_async(socket, upgrade).await?;
        let (viewer, encoding) = (ViewerId::new(&guest.viewer)?, guest.encoding);
        let (first, mut frames) = self.join(&viewer, guest.resume);
        for response in first {
            socket.feed(message(&response, encoding)).await?;
        }
        socket.flush().await?;
        let (mut writes, mut passed) = (0, 0);
        loop {
            tokio::select! {
                frame = frames.recv() => {
                    passed += 1;
                    if self.fault != Fault::SkipFrame || passed != 5 {
                        socket.send(message(&frame?, encoding)).await?;
                    }
                }
                asked = socket.next() => {
                    let Some(asked) = asked else { return Ok(()) };
                    let asked = asked?;
                    if !asked.is_text() && !asked.is_binary() {
                        continue;
                    }
                    let limits = RequestLimits::default();
                    let request = Request::decode(encoding, &asked.into_data(), &limits).unwrap();
                    // A tap has no answer.
                    if matches!(request, Request::React { .. }) {
                        continue;
                    }
                    let answer = self.write(&viewer, request);
                    writes += 1;
                    if self.fault == Fault::Cut && writes == 3 {
                        return Ok(());
                    }
                    socket.send(message(&answer, encoding)).await?;
                }
            }
        }
    }

    /// What a viewer gets first, and what comes after that.
    fn join(&self, viewer: &ViewerId, resume: Option<u64>) -> (Vec<Response>, broadcast::Receiver<Response>) {
        let mut stream = self.stream.lock().unwrap();
        let limits = Limits { comment_bytes: 1_000, comments_per_minute: 60, tap_interval_ms: 250, beat_ms: 20_000 };
        let (node, placed) = ("b1".to_owned(), "b1".to_owned());
        let demo = StreamId::new("demo").unwrap();
        let mut first = vec![Response::Welcome { viewer: viewer.clone(), node, stream: demo, placed, limits }];
        match resume {
            Some(seq) => first.extend_from_slice(&stream.log[seq as usize..]),
            None => first.push(Response::Snapshot {
                epoch: 1,
                seq: stream.log.len() as u64,
                partial: false,
                viewers: 1,
                reactions: BTreeMap::new(),
                pinned: None,
                top: vec![],
                comments: stream.comments.clone(),
            }),
        }
        if self.fault == Fault::Move && stream.moved.insert(viewer.clone()) {
            first.push(Response::Move { url: format!("ws://{}", self.address), after_ms: 300 });
        }
        (first, self.frames.subscribe())
    }

    fn write(&self, viewer: &ViewerId, request: Request) -> Response {
        let stream = &mut *self.stream.lock().unwrap();
        let (Request::Comment { reference, .. } | Request::Like { reference, .. }) = &request else {
            panic!("a crowd does not send {request:?}")
        };
        let reference = reference.clone().unwrap();
        let key = (viewer.clone(), reference.clone());
        if self.fault == Fault::RefuseFirst && stream.refused.insert(key.clone()) {
            return Response::reject(Some(reference), Refusal::retry(Code::Overloaded, 20, "later"));
        }
        match request {
            Request::Comment { body, .. } => {
                if let Some(id) = stream.refs.get(&key) {
                    return Response::ack(reference, *id);
                }
                let number = stream.refs.len() as u128 + 1;
                let id = CommentId::from_bytes((number << 100 | number).to_be_bytes());
                stream.refs.insert(key, Some(id));
                if self.fault != Fault::LoseComments || !number.is_multiple_of(5) {
                    let (author, name) = (viewer.clone(), DisplayName::new(viewer.as_str()).unwrap());
                    let at = u64::MAX / 2 + number as u64;
                    let line = Line { id, author, name, body: body.as_str().into(), at, likes: 0 };
                    stream.comments.push(line.clone());
                    self.publish(stream, vec![line], vec![]);
                }
                Response::ack(reference, Some(id))
            }
            Request::Like { id, .. } => {
                let sent = request.register().unwrap();
                let register = stream.registers.entry((id, viewer.clone())).or_insert(sent);
                register.merge(sent);
                let register = *register;
                let likes = stream.registers.iter().filter(|((of, _), register)| *of == id && register.liked).count();
                let likes = likes as u64 * if self.fault == Fault::CountTwice { 2 } else { 1 };
                stream.comments.iter_mut().filter(|line| line.id == id).for_each(|line| line.likes = likes);
                self.publish(stream, vec![], vec![(id, likes)]);
                Response::ack_like(reference, id, register)
            }
            other => panic!("a crowd does not send {other:?}"),
        }
    }

    fn publish(&self, stream: &mut Stream, comments: Vec<Line>, likes: Vec<(CommentId, u64)>) {
        let (from, shown) = (stream.log.len() as u64, comments.len() as u64);
        let delta = Response::Delta {
            epoch: 1,
            from,
            seq: from + 1,
            comments,
            likes,
            deleted: vec![],
            pinned: None,
            top: None,
            reactions: None,
            viewers: None,
            shown,
            total: shown,
        };
        stream.log.push(delta.clone());
        // Without viewers nobody listens.
        let _ = self.frames.send(delta);
    }
}

fn message(response: &Response, encoding: Encoding) -> Message {
    let payload = response.encode(encoding);
    match encoding {
        Encoding::Json => Message::text(String::from_utf8(payload).unwrap()),
        _ => Message::binary(payload),
    }
}
