//! The floor: what the kernel alone costs. One thread, one `write` of the same bytes per socket and frame.
//!
//! The measure of the others, and no server to be used: it looks at nothing after the request. Invariant: per frame and
//! socket there is one system call and nothing else.

use std::{
    collections::BTreeMap,
    io::{ErrorKind, Read, Write},
    sync::{Arc, mpsc},
    time::Instant,
};

use anyhow::Context;
use bytes::Bytes;
use mio::{
    Events, Interest, Poll, Token, Waker,
    net::{TcpListener, TcpStream},
};
use tungstenite::handshake::derive_accept_key;
use watershed_net::http::{ListenerConfig, listen};

use crate::{
    frames::Frames,
    orders::{self, Order, Schedule, Status},
};

const LISTENER: Token = Token(usize::MAX);
const ORDERS: Token = Token(usize::MAX - 1);

/// Sockets, and when the next frame goes out.
struct Floor {
    poll: Poll,
    listener: TcpListener,
    clients: Vec<Option<Client>>,
    frames: Frames,
    schedule: Schedule,
    skipped: u64,
}

struct Client {
    socket: TcpStream,
    /// The request has been answered.
    joined: bool,
    /// What a full socket did not take of a frame.
    rest: Option<Box<Bytes>>,
}

/// Serves until the end of the input.
pub(crate) fn serve() -> anyhow::Result<()> {
    let poll = Poll::new()?;
    let mut listener = TcpListener::from_std(listener()?);
    orders::say_address(listener.local_addr()?)?;
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
    // Kept to the end: with it a wake-up would go that nobody has seen.
    let waker = Arc::new(Waker::new(poll.registry(), ORDERS)?);
    let (sender, orders) = mpsc::channel();
    let wakes = waker.clone();
    orders::listen(move |order| {
        let _ = sender.send(order);
        let _ = wakes.wake();
    });
    let schedule = Schedule::quiet();
    let mut floor = Floor { poll, listener, clients: Vec::new(), frames: Frames::new()?, schedule, skipped: 0 };
    floor.run(&orders)
}

/// With the options that our own has.
fn listener() -> anyhow::Result<std::net::TcpListener> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _within = runtime.enter();
    let listener = listen(([127, 0, 0, 1], 0).into(), ListenerConfig::default())?;
    listener.into_std().context("the listener stays with its runtime")
}

impl Floor {
    fn run(&mut self, orders: &mpsc::Receiver<Option<Order>>) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(1_024);
        loop {
            let timeout = self.schedule.due().map(|due| due.saturating_duration_since(Instant::now()));
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
            for event in &events {
                match event.token() {
                    LISTENER => self.accept()?,
                    ORDERS => {}
                    Token(number) => self.read(number),
                }
            }
            while let Ok(order) = orders.try_recv() {
                let Some(order) = order else { return Ok(()) };
                self.schedule.obey(order, Instant::now());
                let figures = BTreeMap::from([("skipped".to_owned(), self.skipped)]);
                orders::answer(&Status { figures, ..Status::of(&self.frames) })?;
            }
            if let Some(shape) = self.schedule.take(Instant::now()) {
                let frame = self.frames.next_bytes(shape)?;
                self.send(&frame);
            }
        }
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            let (mut socket, _) = match self.listener.accept() {
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                accepted => accepted?,
            };
            self.poll.registry().register(&mut socket, Token(self.clients.len()), Interest::READABLE)?;
            self.clients.push(Some(Client { socket, joined: false, rest: None }));
        }
    }

    /// The request, which comes whole; after it only the end is of interest.
    fn read(&mut self, number: usize) {
        let Some(Some(client)) = self.clients.get_mut(number) else { return };
        let mut buffer = [0; 4_096];
        match client.socket.read(&mut buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(length) if length > 0 && client.joined => {}
            Ok(length) if length > 0 && client.answer(&buffer[..length]).is_some() => client.joined = true,
            _ => self.clients[number] = None,
        }
    }

    fn send(&mut self, frame: &Bytes) {
        for client in self.clients.iter_mut().flatten().filter(|client| client.joined) {
            if !(client.flush() && client.write(frame)) {
                self.skipped += 1;
            }
        }
    }
}

impl Client {
    /// Answers the request with 101.
    fn answer(&mut self, request: &[u8]) -> Option<()> {
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut head = httparse::Request::new(&mut headers);
        head.parse(request).ok()?.is_complete().then_some(())?;
        let key = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case("sec-websocket-key"))?;
        let reply = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            derive_accept_key(key.value)
        );
        self.socket.write_all(reply.as_bytes()).ok()
    }

    /// Writes what is left of an earlier frame; whether nothing is left now.
    fn flush(&mut self) -> bool {
        let Some(rest) = self.rest.take() else { return true };
        if !self.write(&rest) {
            self.rest = Some(rest);
        }
        self.rest.is_none()
    }

    /// Writes what the socket takes and keeps the rest; whether it took anything.
    fn write(&mut self, bytes: &Bytes) -> bool {
        match self.socket.write(bytes) {
            Ok(written) if written < bytes.len() => {
                self.rest = Some(Box::new(bytes.slice(written..)));
                true
            }
            Ok(_) => true,
            Err(_) => false,
        }
    }
}
