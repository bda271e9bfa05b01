//! The three servers that are compared do the same: the same frames, in the same bytes, to whoever asks the same.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{process::Stdio, time::Duration};

use futures::StreamExt;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::TcpStream,
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest},
};
use watershed_protocol::client::{Encoding, Response};

/// Longest that anything may take that a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it should have come by now")
}

struct Server {
    child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    async fn start(kind: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
        let command = command.arg(kind).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let (orders, out) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut answers = BufReader::new(out).lines();
        let line = soon(answers.next_line()).await.unwrap().unwrap();
        let address = line.strip_prefix("listening on ").unwrap().to_owned();
        Self { child, orders, answers, address }
    }

    /// Gives an order; its answer.
    async fn order(&mut self, order: &str) -> serde_json::Value {
        self.orders.write_all(order.as_bytes()).await.unwrap();
        let line = soon(self.answers.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line).unwrap()
    }

    async fn join(&self) -> WebSocketStream<TcpStream> {
        let url = format!("ws://{}/v1/streams/demo/live?viewer=ann", self.address);
        let request = url.into_client_request().unwrap();
        let socket = TcpStream::connect(&self.address).await.unwrap();
        soon(client_async(request, socket)).await.unwrap().0
    }

    /// Its standard input ends, and so does it.
    async fn end(mut self) {
        drop(self.orders);
        assert!(soon(self.child.wait()).await.unwrap().success());
    }
}

/// From, seq, bodies' lengths and the count of the first comment.
type Seen = (u64, u64, Vec<usize>, u64);

async fn delta(socket: &mut WebSocketStream<TcpStream>) -> Seen {
    loop {
        let Message::Text(text) = soon(socket.next()).await.unwrap().unwrap() else { panic!("frames are texts") };
        if let Response::Delta { from, seq, comments, likes, .. } =
            Response::decode(Encoding::Json, text.as_bytes()).unwrap()
        {
            return (from, seq, comments.iter().map(|line| line.body.len()).collect(), likes[0].1);
        }
    }
}

#[tokio::test]
async fn each_server_sends_the_frames_that_are_ordered() {
    for kind in ["floor", "naive", "ours"] {
        let mut server = Server::start(kind).await;
        let mut viewers = [server.join().await, server.join().await];
        server.order("{\"frames_per_s\":100,\"comments\":2,\"bytes\":100}\n").await;
        for viewer in &mut viewers {
            let (_, first, ..) = delta(viewer).await;
            for seq in first + 1..first + 4 {
                assert_eq!(delta(viewer).await, (seq - 1, seq, vec![100, 100], seq), "{kind}");
            }
        }
        let status = server.order("{\"frames_per_s\":0,\"comments\":1,\"bytes\":100}\n").await;
        let (seq, comments) = (status["seq"].as_u64().unwrap(), status["comments"].as_u64().unwrap());
        assert_eq!(comments, 2 * (seq - 1), "{kind}");
        server.end().await;
    }
}
