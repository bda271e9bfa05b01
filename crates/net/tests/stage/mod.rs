//! A broadcast node without its machines: HTTP server, carousel and one room, over loopback, and clients to watch it.
#![allow(dead_code, reason = "each test binary uses its part")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use http::{StatusCode, request::Parts};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpSocket, TcpStream},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{
        Message,
        client::IntoClientRequest,
        protocol::{CloseFrame, Role},
    },
};
use tokio_util::sync::CancellationToken;
use watershed_broadcast::{Room, RoomConfig, Session, SessionConfig, Update, Write};
use watershed_net::{
    carousel::{Carousel, CarouselConfig, Event, Joiner, SharedRoom},
    clock::SharedClock,
    http::{Handler, ListenerConfig, Reply, Request, ServerConfig, Upgraded, listen, serve, text},
};
use watershed_protocol::{
    ClusterKey, Comment, CommentBody, CommentId, Delta, DisplayName, Epoch, HybridTime, NodeName, Pinned, Reactions,
    Seq, Shown, Snapshot, StreamId, ViewerId,
    client::{Encoding, Names, Response},
};

/// Longest that anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something, but not for ever.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it should have come by now")
}

pub(crate) struct Stage {
    pub(crate) carousel: Arc<Carousel>,
    pub(crate) room: Arc<SharedRoom>,
    pub(crate) events: mpsc::Receiver<Event>,
    pub(crate) address: SocketAddr,
    pub(crate) clock: Arc<SharedClock>,
    pub(crate) shutdown: CancellationToken,
    seq: u64,
}

impl Stage {
    /// One stream with a snapshot at 3:1.
    pub(crate) async fn new(config: CarouselConfig) -> Self {
        let mut stage = Self::empty(config, 1_024).await;
        stage.publish(snapshot(3, 1));
        stage.seq = 1;
        stage
    }

    /// One stream that has heard nothing, and a channel for so many events.
    pub(crate) async fn empty(config: CarouselConfig, events_max: usize) -> Self {
        let clock = Arc::new(SharedClock::start());
        let (sender, events) = mpsc::channel(events_max);
        let node = NodeName::new("b1").unwrap();
        let carousel = Arc::new(Carousel::start(config, &node, &clock, &sender).unwrap());
        let stream = StreamId::new("demo").unwrap();
        let room = Arc::new(SharedRoom::new(stream, Room::new(RoomConfig::default())));
        let mut rules = SessionConfig::new(ClusterKey::from_bytes([7; 32]), 1);
        (rules.comments_per_minute, rules.tap_interval_ms) = (10_000, 1);
        let door = Door { carousel: carousel.clone(), room: room.clone(), rules: Arc::new(rules), node };
        let options = ListenerConfig { send_buffer_bytes: 16 * 1024 };
        let listener = listen(([127, 0, 0, 1], 0).into(), options).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        tokio::spawn(serve(listener, Arc::new(door), ServerConfig::default(), shutdown.clone()));
        Self { carousel, room, events, address, clock, shutdown, seq: 0 }
    }

    pub(crate) fn publish(&mut self, update: Update) {
        self.room.publish(self.clock.now(), update).unwrap();
        self.carousel.wake(&self.room);
    }

    /// Publishes a frame with one comment of so many bytes; its seq.
    pub(crate) fn publish_comment(&mut self, bytes: usize) -> u64 {
        let (from, seq) = (Seq::new(self.seq), Seq::new(self.seq + 1));
        let mut delta = Delta::empty(Epoch::new(3), from, seq);
        delta.comments.push(shown(seq.get(), bytes));
        (delta.shown, delta.total) = (1, 1);
        self.seq += 1;
        self.publish(Update::Frame(Arc::new(delta)));
        self.seq
    }

    /// A viewer that speaks JSON.
    pub(crate) async fn join(&self, viewer: &str) -> Client {
        self.join_at(viewer, "", Encoding::Json).await
    }

    /// A viewer with more of a query, and its welcome read.
    pub(crate) async fn join_at(&self, viewer: &str, query: &str, encoding: Encoding) -> Client {
        let socket = TcpStream::connect(self.address).await.unwrap();
        self.join_over(socket, viewer, query, encoding).await
    }

    pub(crate) async fn join_over(&self, socket: TcpStream, viewer: &str, query: &str, encoding: Encoding) -> Client {
        let url = format!("ws://{}/v1/streams/demo/live?viewer={viewer}{query}", self.address);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", encoding.subprotocol().parse().unwrap());
        let (socket, response) = soon(client_async(request, socket)).await.unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], encoding.subprotocol());
        let mut client = Client { socket, encoding, names: Names::default() };
        match client.response().await {
            Response::Welcome { viewer: name, .. } => assert_eq!(name.as_str(), viewer),
            other => panic!("the first message is {other:?}"),
        }
        client
    }

    /// A client whose handshake is over, and the node's end of its connection, which nobody has taken yet.
    pub(crate) async fn socket(&self, encoding: Encoding) -> (Client, Upgraded) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (client, node) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        let socket = WebSocketStream::from_raw_socket(client.unwrap(), Role::Client, None).await;
        let node = node.unwrap().0.into_std().unwrap();
        let client = Client { socket, encoding, names: Names::default() };
        (client, Upgraded { socket: node, reply: Bytes::new(), leftover: Bytes::new() })
    }

    /// The next writes that reach the node.
    pub(crate) async fn writes(&mut self) -> Vec<Write> {
        loop {
            if let Event::Writes(writes) = self.event().await {
                return writes;
            }
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        soon(self.events.recv()).await.unwrap()
    }

    /// Waits until the room has so many viewers, as the node does: by being told that there are others now.
    pub(crate) async fn viewers(&mut self, count: u64) {
        while self.room.viewers() != count {
            while !matches!(self.event().await, Event::Viewers(_)) {}
        }
    }
}

/// What a node's handler does, as far as the carousel sees it.
struct Door {
    carousel: Arc<Carousel>,
    room: Arc<SharedRoom>,
    rules: Arc<SessionConfig>,
    node: NodeName,
}

impl Handler for Door {
    /// None: an echo.
    type Ticket = Option<(Session, Option<(Epoch, Seq)>)>;

    async fn handle(self: Arc<Self>, request: Request) -> Reply {
        text(StatusCode::OK, &format!("{} {}", request.method(), request.uri().path()))
    }

    async fn admit(self: Arc<Self>, head: Parts, encoding: Encoding) -> Result<Self::Ticket, Reply> {
        match head.uri.path() {
            "/v1/streams/demo/live" => {}
            "/echo" => return Ok(None),
            _ => return Err(text(StatusCode::NOT_FOUND, "no such stream")),
        }
        let query = head.uri.query().unwrap_or_default();
        let field = |name| query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let viewer = ViewerId::new(field("viewer").unwrap_or_default());
        let viewer = viewer.map_err(|error| text(StatusCode::BAD_REQUEST, &error.to_string()))?;
        let resume = field("resume").and_then(|point| point.split_once(':'));
        let resume = resume.map(|(epoch, seq)| (Epoch::new(epoch.parse().unwrap()), Seq::new(seq.parse().unwrap())));
        let name = DisplayName::new(viewer.as_str()).unwrap();
        let stream = self.room.stream().clone();
        Ok(Some((Session::new(self.rules.clone(), viewer, name, stream, encoding), resume)))
    }

    fn adopt(&self, ticket: Self::Ticket, upgraded: Upgraded) {
        let Some((session, resume)) = ticket else { return self.carousel.adopt_echo(upgraded) };
        let (room, placed) = (self.room.clone(), self.node.clone());
        self.carousel.adopt(Joiner { upgraded, session, room, resume, placed });
    }
}

pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    encoding: Encoding,
    names: Names,
}

impl Client {
    /// The next message of the protocol.
    pub(crate) async fn response(&mut self) -> Response {
        match soon(self.socket.next()).await.unwrap().unwrap() {
            Message::Text(text) if self.encoding == Encoding::Json => self.decode(text.as_bytes()),
            Message::Binary(bytes) if self.encoding != Encoding::Json => self.decode(&bytes),
            other => panic!("{other:?} is not a message of the protocol"),
        }
    }

    fn decode(&mut self, payload: &[u8]) -> Response {
        self.names.read(self.encoding, payload).unwrap()
    }

    /// The seq of the snapshot that comes next.
    pub(crate) async fn snapshot(&mut self) -> u64 {
        match self.response().await {
            Response::Snapshot { seq, .. } => seq,
            other => panic!("{other:?} is not a snapshot"),
        }
    }

    /// From and seq of the delta that comes next.
    pub(crate) async fn delta(&mut self) -> (u64, u64) {
        match self.response().await {
            Response::Delta { from, seq, .. } => (from, seq),
            other => panic!("{other:?} is not a delta"),
        }
    }

    /// The close frame that comes next, and then the end.
    pub(crate) async fn closed(&mut self) -> Option<CloseFrame> {
        loop {
            match soon(self.socket.next()).await {
                Some(Ok(Message::Close(close))) => return close,
                Some(Ok(_)) => {}
                other => panic!("{other:?} came where a close frame should"),
            }
        }
    }

    pub(crate) async fn say(&mut self, text: &str) {
        soon(self.socket.send(Message::text(text))).await.unwrap();
    }

    /// Bytes as they are, past the library.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        soon(self.socket.get_mut().write_all(bytes)).await.unwrap();
    }
}

/// A viewer with a small receive buffer that reads nothing after its snapshot.
pub(crate) async fn sleeper(stage: &Stage) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4 * 1024).unwrap();
    let socket = socket.connect(stage.address).await.unwrap();
    let mut client = stage.join_over(socket, "sleeper", "", Encoding::Json).await;
    client.snapshot().await;
    client
}

/// Publishes until the sleeper's socket takes no more; `ann` gets every frame on its own meanwhile.
pub(crate) async fn publish_until_blocked(stage: &mut Stage, ann: &mut Client) {
    loop {
        let seq = stage.publish_comment(4_000);
        assert_eq!(ann.delta().await, (seq - 1, seq));
        let figures = stage.carousel.figures();
        if figures.partial + figures.would_block > 0 {
            return;
        }
    }
}

pub(crate) fn snapshot(epoch: u64, seq: u64) -> Update {
    Update::Snapshot(Snapshot {
        epoch: Epoch::new(epoch),
        seq: Seq::new(seq),
        partial: false,
        viewers: 1,
        reactions: Reactions::new(),
        pinned: Pinned::Nothing,
        top: Vec::new(),
        comments: Vec::new(),
    })
}

fn shown(number: u64, bytes: usize) -> Shown {
    let author = ViewerId::new("ann").unwrap();
    let comment = Comment {
        id: CommentId::from_bytes(u128::from(number).to_be_bytes()),
        time: HybridTime::from_bits(number),
        name: DisplayName::new("Ann").unwrap(),
        body: CommentBody::new(&"x".repeat(bytes), 4_000).unwrap(),
        author,
    };
    Shown::new(Arc::new(comment), 0)
}

pub(crate) fn limits() -> CarouselConfig {
    CarouselConfig { workers: 2, ..CarouselConfig::default() }
}

/// A client's frame: masked with zeroes, so that the payload is as it is.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    let mut bytes = match length {
        0..=125 => vec![first, 0x80 | length as u8],
        _ => vec![first, 0x80 | 126, (length >> 8) as u8, length as u8],
    };
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}
