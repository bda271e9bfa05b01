//! The naive server: what one writes first. A task for each viewer, which holds a tungstenite socket and a receiver of a
//! `tokio::sync::broadcast` channel.
//!
//! The other measure. Invariant: nothing in it is made worse than its libraries' defaults make it.

use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{broadcast, mpsc},
    time::sleep_until,
};
use tokio_tungstenite::{accept_async, tungstenite::Message};
use tungstenite::Utf8Bytes;

use crate::{
    frames::Frames,
    orders::{self, Schedule, Status},
};

/// Frames that a receiver may be behind; then it misses some.
const CHANNEL_FRAMES: usize = 16;

/// Serves until the end of the input.
pub(crate) fn serve(workers: usize) -> anyhow::Result<()> {
    let mut runtime = match workers {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        _ => tokio::runtime::Builder::new_multi_thread(),
    };
    runtime.worker_threads(workers.max(1)).enable_all().build()?.block_on(run())
}

async fn run() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    orders::say_address(listener.local_addr()?)?;
    let (frames, _) = broadcast::channel(CHANNEL_FRAMES);
    let accepting = frames.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(viewer(socket, accepting.subscribe()));
        }
    });
    publish(&frames).await
}

async fn viewer(socket: TcpStream, mut frames: broadcast::Receiver<Utf8Bytes>) {
    let Ok(socket) = accept_async(socket).await else { return };
    let (mut out, mut incoming) = socket.split();
    loop {
        tokio::select! {
            frame = frames.recv() => match frame {
                Ok(frame) => {
                    if out.send(Message::Text(frame)).await.is_err() {
                        return;
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            },
            message = incoming.next() => if !matches!(message, Some(Ok(_))) {
                return;
            },
        }
    }
}

async fn publish(to: &broadcast::Sender<Utf8Bytes>) -> anyhow::Result<()> {
    let (sender, mut orders) = mpsc::unbounded_channel();
    orders::listen(move |order| {
        let _ = sender.send(order);
    });
    let (mut frames, mut schedule) = (Frames::new()?, Schedule::quiet());
    loop {
        let due = schedule.due();
        tokio::select! {
            order = orders.recv() => {
                let Some(order) = order.flatten() else { return Ok(()) };
                schedule.obey(order, std::time::Instant::now());
                orders::answer(&Status::of(&frames))?;
            }
            () = sleep_until(due.unwrap_or_else(std::time::Instant::now).into()), if due.is_some() => {
                if let Some(shape) = schedule.take(std::time::Instant::now()) {
                    let payload = Utf8Bytes::try_from(Bytes::from(frames.next_payload(shape)?))?;
                    // Fails only when nobody listens.
                    let _ = to.send(payload);
                }
            }
        }
    }
}
