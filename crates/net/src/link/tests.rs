//! Promises of links over real sockets of the loopback interface. Every test waits for events, none for time.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use watershed_protocol::{Epoch, NodeName, Role};

use super::*;

/// No promise of this file takes as long; only a hang does.
const HANG: Duration = Duration::from_secs(60);

fn name(text: &str) -> NodeName {
    NodeName::new(text).unwrap()
}

fn config() -> LinkConfig {
    LinkConfig::new(Secret::new("of this cluster").unwrap())
}

fn with_window(window_bytes: u64) -> LinkConfig {
    LinkConfig { window_bytes, ..config() }
}

/// A role of one process: its links and the channel of their events.
struct Node {
    links: Links,
    events: mpsc::Receiver<LinkEvent>,
    shutdown: CancellationToken,
}

impl Node {
    fn new(role: Role, node: &str, config: LinkConfig, events_max: usize) -> Self {
        let (sender, events) = mpsc::channel(events_max);
        let node = name(node);
        let hello = move || Hello {
            role,
            node: node.clone(),
            incarnation: 1,
            url: String::new(),
            map_epoch: Epoch::ZERO,
            root_epoch: Epoch::ZERO,
        };
        let (clock, shutdown) = (Arc::new(SharedClock::start()), CancellationToken::new());
        let links = Links::new(clock, config, hello, sender, shutdown.clone(), 7);
        Self { links, events, shutdown }
    }

    async fn event(&mut self) -> LinkEvent {
        let event = timeout(HANG, self.events.recv()).await.expect("no event comes");
        event.expect("links hold the channel open")
    }

    async fn up(&mut self) -> LinkHandle {
        match self.event().await.kind {
            LinkEventKind::Up { handle, .. } => handle,
            other => panic!("expected up, not {other:?}"),
        }
    }

    async fn message(&mut self) -> Bytes {
        match self.event().await.kind {
            LinkEventKind::Message(body) => body,
            other => panic!("expected a message, not {other:?}"),
        }
    }

    async fn down(&mut self) -> DownReason {
        loop {
            if let LinkEventKind::Down(reason) = self.event().await.kind {
                return reason;
            }
        }
    }
}

async fn bound() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// A broadcast node that dials, a processor that accepts, and the link between them.
struct Pair {
    dialer: Node,
    accepter: Node,
    dialing: Dialing,
    listening: Listening,
    out: LinkHandle,
    back: LinkHandle,
}

impl Pair {
    async fn up(config: LinkConfig, events_max: usize) -> Self {
        let (listener, address) = bound().await;
        let mut accepter = Node::new(Role::Processor, "p2", config.clone(), events_max);
        let mut dialer = Node::new(Role::Broadcast, "b1", config, events_max);
        let listening = accepter.links.listen(listener, ListenLimits::default());
        let dialing = dialer.links.dial(Some((Role::Processor, name("p2"))), move || Some(address));
        let (out, back) = (dialer.up().await, accepter.up().await);
        Self { dialer, accepter, dialing, listening, out, back }
    }
}

fn numbered(n: u32) -> Bytes {
    Bytes::copy_from_slice(&n.to_le_bytes())
}

/// Offers all bodies in order, and while the window is full takes what comes in; returns when it has also taken `expected`.
async fn exchange(node: &mut Node, handle: &LinkHandle, bodies: Vec<Bytes>, expected: usize) -> Vec<Bytes> {
    let (mut next, mut taken) = (0, Vec::new());
    loop {
        while next < bodies.len() {
            match handle.offer(bodies[next].clone()) {
                Ok(()) => next += 1,
                Err(OfferError::Full { .. }) => break,
                Err(error) => panic!("{error}"),
            }
        }
        if next == bodies.len() && taken.len() == expected {
            return taken;
        }
        match node.event().await.kind {
            LinkEventKind::Message(body) => taken.push(body),
            LinkEventKind::Room => {}
            other => panic!("the link should last, but {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_dialer_that_hurries_does_not_wait_for_the_end_of_its_pause() {
    // A day, or what the seed of this test makes of it: no test waits so long.
    const PAUSE_MS: u64 = 86_400_000;
    let (listener, address) = bound().await;
    let accepter = Node::new(Role::Processor, "p2", config(), 8);
    let patient = LinkConfig { backoff_min_ms: PAUSE_MS, backoff_max_ms: PAUSE_MS, ..config() };
    let mut dialer = Node::new(Role::Broadcast, "b1", patient, 8);
    let there = Arc::new(AtomicBool::new(false));
    let seen = there.clone();
    let dialing =
        dialer.links.dial(Some((Role::Processor, name("p2"))), move || seen.load(Ordering::Relaxed).then_some(address));
    while dialing.stats().failures().all(|(_, times)| times == 0) {
        tokio::task::yield_now().await;
    }
    there.store(true, Ordering::Relaxed);
    let _listening = accepter.links.listen(listener, ListenLimits::default());
    dialing.hurry();
    dialer.up().await;
}

#[tokio::test]
async fn ten_thousand_messages_arrive_in_order_both_ways() {
    let Pair { mut dialer, mut accepter, out, back, dialing, .. } = Pair::up(config(), 64).await;
    let bodies: Vec<_> = (0..10_000).map(numbered).collect();
    let (there, here) = tokio::join!(
        exchange(&mut accepter, &back, bodies.clone(), bodies.len()),
        exchange(&mut dialer, &out, bodies.clone(), bodies.len()),
    );
    assert_eq!(there, bodies);
    assert_eq!(here, bodies);
    let stats = dialing.stats();
    assert_eq!(stats.messages_sent.load(Ordering::Relaxed), 10_000);
    assert_eq!(stats.messages_received.load(Ordering::Relaxed), 10_000);
    let writes = stats.writes.load(Ordering::Relaxed);
    assert!(writes < 5_000, "{writes} writes for 10000 messages that waited together");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_from_many_threads_arrive_once_and_in_each_threads_order() {
    let Pair { mut accepter, out, .. } = Pair::up(config(), 64).await;
    const THREADS: u32 = 4;
    const EACH: u32 = 5_000;
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let out = out.clone();
            std::thread::spawn(move || (0..EACH).for_each(|n| out.offer(numbered(thread * EACH + n)).unwrap()))
        })
        .collect();
    let mut next: Vec<u32> = (0..THREADS).map(|thread| thread * EACH).collect();
    for _ in 0..THREADS * EACH {
        let body = accepter.message().await;
        let n = u32::from_le_bytes(body.as_ref().try_into().unwrap());
        let thread = (n / EACH) as usize;
        assert_eq!(n, next[thread]);
        next[thread] += 1;
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

#[tokio::test]
async fn an_offer_wakes_a_link_that_sleeps() {
    let Pair { mut dialer, mut accepter, out, back, .. } = Pair::up(config(), 4).await;
    // Slower than a heartbeat each, if a wake-up were lost and the next timer had to make up for it.
    let started = std::time::Instant::now();
    for n in 0..200 {
        out.offer(numbered(n)).unwrap();
        back.offer(accepter.message().await).unwrap();
        assert_eq!(dialer.message().await, numbered(n));
    }
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_largest_body_passes_whole_and_a_larger_is_refused() {
    let Pair { mut accepter, out, .. } = Pair::up(config(), 4).await;
    let max = watershed_protocol::limits::PEER_FRAME_BYTES_MAX;
    let body: Bytes = (0..max).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
    out.offer(body.clone()).unwrap();
    assert!(accepter.message().await == body);
    let refused = out.offer(vec![0; max + 1].into());
    assert_eq!(refused, Err(OfferError::TooLarge { bytes: max + 1, max }));
}

#[tokio::test]
async fn an_accepter_that_dies_and_comes_back_is_found_again() {
    let (listener, address) = bound().await;
    let mut dialer = Node::new(Role::Broadcast, "b1", config(), 16);
    let mut first = Node::new(Role::Processor, "p2", config(), 16);
    let listening = first.links.listen(listener, ListenLimits::default());
    let dialing = dialer.links.dial(Some((Role::Processor, name("p2"))), move || Some(address));
    let out = dialer.up().await;
    first.up().await;
    first.shutdown.cancel();
    assert_eq!(first.down().await, DownReason::Shutdown);
    timeout(HANG, listening.ended()).await.unwrap();
    assert_eq!(dialer.down().await, DownReason::Goodbye);
    assert_eq!(out.offer(numbered(1)), Err(OfferError::Down));

    let mut second = Node::new(Role::Processor, "p2", config(), 16);
    let listener = TcpListener::bind(address).await.unwrap();
    let _listening = second.links.listen(listener, ListenLimits::default());
    let again = dialer.up().await;
    assert_ne!(again.link(), out.link());
    assert_eq!(out.offer(numbered(2)), Err(OfferError::Down), "a handle belongs to one connection");
    again.offer(numbered(3)).unwrap();
    second.up().await;
    assert_eq!(second.message().await, numbered(3));
    assert_eq!(dialing.stats().ups.load(Ordering::Relaxed), 2);
    assert!(dialing.stats().downs().any(|down| down == ("goodbye", 1)));
}

#[tokio::test]
async fn a_full_window_does_not_deadlock_when_both_sides_flood_each_other() {
    let Pair { mut dialer, mut accepter, out, back, dialing, listening } = Pair::up(with_window(64 * 1024), 1).await;
    let bodies: Vec<_> = (0..2_000u32).map(|n| Bytes::from(vec![n as u8; 1 + (n as usize * 7) % 20_000])).collect();
    let (there, here) = tokio::join!(
        exchange(&mut accepter, &back, bodies.clone(), bodies.len()),
        exchange(&mut dialer, &out, bodies.clone(), bodies.len()),
    );
    assert!(there == bodies && here == bodies);
    let full = |stats: &LinkStats| stats.full.load(Ordering::Relaxed);
    assert!(full(dialing.stats()) > 0 && full(listening.stats()) > 0, "the windows were never full");
}

#[tokio::test]
async fn a_slow_consumer_does_not_lose_heartbeats() {
    let fast = LinkConfig { heartbeat_ms: 20, silence_ms: 400, ..with_window(64 * 1024) };
    let Pair { mut dialer, mut accepter, out, back, .. } = Pair::up(fast, 1).await;
    let mut offered = 0;
    while out.offer(numbered(offered)).is_ok() {
        offered += 1;
    }
    // The accepter takes nothing of this link, while its own answers travel for three times the silence that would end
    // it, and their window opens again and again by acknowledgements that come past its full channel.
    let started = std::time::Instant::now();
    let mut answers = 0;
    while started.elapsed() < Duration::from_millis(1_200) {
        back.offer(numbered(answers)).unwrap();
        assert_eq!(dialer.message().await, numbered(answers));
        answers += 1;
    }
    for n in 0..offered {
        assert_eq!(accepter.message().await, numbered(n));
    }
    assert!(matches!(dialer.event().await.kind, LinkEventKind::Room));
}

#[tokio::test]
async fn what_a_consumer_holds_stays_within_the_window() {
    let Pair { mut accepter, out, mut dialer, .. } = Pair::up(with_window(10_000), 1_024).await;
    let body = Bytes::from(vec![0; 936]);
    let mut held = Vec::new();
    for _ in 0..10 {
        out.offer(body.clone()).unwrap();
        held.push(accepter.event().await);
    }
    assert!(matches!(out.offer(body.clone()), Err(OfferError::Full { .. })), "all were received, but none was dropped");
    held.truncate(2);
    assert!(matches!(dialer.event().await.kind, LinkEventKind::Room));
    out.offer(body).unwrap();
}

#[tokio::test]
async fn another_secret_is_refused_and_both_sides_count_it() {
    let (listener, address) = bound().await;
    let accepter = Node::new(Role::Processor, "p2", config(), 4);
    let stranger = Node::new(Role::Broadcast, "b1", LinkConfig::new(Secret::new("another").unwrap()), 4);
    let listening = accepter.links.listen(listener, ListenLimits::default());
    let dialing = stranger.links.dial(None, move || Some(address));
    let count = |stats: &LinkStats, label| stats.failures().find(|(l, _)| *l == label).map_or(0, |(_, n)| n);
    timeout(HANG, async {
        while count(dialing.stats(), "refused_by_peer") == 0 || count(listening.stats(), "refused") == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(listening.stats().ups.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_peer_without_an_address_is_asked_for_again_and_again() {
    let (listener, address) = bound().await;
    let mut accepter = Node::new(Role::Processor, "p2", config(), 4);
    let mut dialer = Node::new(Role::Broadcast, "b1", config(), 4);
    let _listening = accepter.links.listen(listener, ListenLimits::default());
    let asked = AtomicU64::new(0);
    let dialing = dialer.links.dial(None, move || (asked.fetch_add(1, Ordering::Relaxed) >= 3).then_some(address));
    dialer.up().await;
    accepter.up().await;
    assert!(dialing.stats().failures().any(|failure| failure == ("unreachable", 3)));
}

#[tokio::test]
async fn bytes_that_are_no_frame_end_the_connection() {
    let (listener, address) = bound().await;
    let accepter = Node::new(Role::Processor, "p2", config(), 4);
    let listening = accepter.links.listen(listener, ListenLimits::default());
    for bytes in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 0], &[1, 0, 0, 0, 77]] {
        let mut socket = TcpStream::connect(address).await.unwrap();
        socket.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = timeout(HANG, socket.read_to_end(&mut answer)).await.expect("the connection stays open");
        assert!(read.is_err() || answer.is_empty(), "{answer:?}");
    }
    assert!(listening.stats().failures().any(|failure| failure == ("malformed", 3)));
}

#[tokio::test]
async fn silent_strangers_hold_no_more_than_the_places_for_handshakes() {
    let (listener, address) = bound().await;
    let quick = LinkConfig { handshake_ms: 100, ..config() };
    let mut accepter = Node::new(Role::Processor, "p2", quick, 4);
    let mut dialer = Node::new(Role::Broadcast, "b1", config(), 4);
    let limits = ListenLimits { handshakes_max: 2, links_max: 8 };
    let listening = accepter.links.listen(listener, limits);
    let mut strangers = Vec::new();
    for _ in 0..6 {
        strangers.push(TcpStream::connect(address).await.unwrap());
    }
    let _dialing = dialer.links.dial(None, move || Some(address));
    dialer.up().await;
    accepter.up().await;
    let timeouts = listening.stats().failures().find(|(label, _)| *label == "handshake_timeout").unwrap().1;
    assert!(timeouts >= 5, "the peer stood behind 6 strangers and 2 places, but {timeouts} had been given up");
}

#[tokio::test]
async fn a_peer_that_speaks_no_more_is_down() {
    let fast = LinkConfig { heartbeat_ms: 20, silence_ms: 100, ..config() };
    let (listener, address) = bound().await;
    let mut accepter = Node::new(Role::Processor, "p2", fast.clone(), 4);
    let _listening = accepter.links.listen(listener, ListenLimits::default());
    // A peer by hand: it greets as a link does, and then says nothing, with its socket open.
    let mut machine = watershed_link::Link::dialer(fast, (accepter.links.hello)(), None, 1);
    let mut outbox = Vec::new();
    let now = watershed_protocol::Millis::new(1);
    machine.step(now, watershed_link::Input::Tick(Default::default()), &mut outbox);
    machine.step(now, watershed_link::Input::Connected, &mut outbox);
    let mut socket = TcpStream::connect(address).await.unwrap();
    for output in outbox {
        if let watershed_link::Output::Transmit(packet) = output {
            socket.write_all(&[packet.head(), packet.body()].concat()).await.unwrap();
        }
    }
    accepter.up().await;
    assert!(matches!(accepter.down().await, DownReason::Silent { .. }));
    drop(socket);
}

#[tokio::test]
async fn a_shutdown_sends_what_was_accepted_and_says_goodbye() {
    let Pair { dialer, mut accepter, dialing, out, .. } = Pair::up(config(), 4_096).await;
    for n in 0..1_000 {
        out.offer(numbered(n)).unwrap();
    }
    dialer.shutdown.cancel();
    timeout(HANG, dialing.ended()).await.unwrap();
    for n in 0..1_000 {
        assert_eq!(accepter.message().await, numbered(n));
    }
    assert_eq!(accepter.down().await, DownReason::Goodbye);
}

#[tokio::test]
async fn hanging_up_ends_one_connection_and_dials_another() {
    let Pair { mut dialer, mut accepter, out, dialing, .. } = Pair::up(config(), 16).await;
    out.hang_up();
    assert_eq!(dialer.down().await, DownReason::HungUp);
    assert_eq!(accepter.down().await, DownReason::Goodbye);
    dialer.up().await;
    accepter.up().await;
    dialing.stop();
    assert_eq!(dialer.down().await, DownReason::Shutdown);
    timeout(HANG, dialing.ended()).await.unwrap();
}

#[tokio::test]
async fn links_end_when_nobody_takes_their_events_any_more() {
    let Pair { dialer, mut accepter, dialing, back, .. } = Pair::up(config(), 4).await;
    drop(dialer.events);
    back.offer(numbered(1)).unwrap();
    timeout(HANG, dialing.ended()).await.unwrap();
    assert_eq!(accepter.down().await, DownReason::Goodbye);
}
