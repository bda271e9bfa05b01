//! The loop: waits for sockets and commands, joins, and hands what comes to those who count.
//!
//! In the middle of everything here. Invariant: one thread, one buffer, and no allocation for a frame that other viewers
//! have received before.

use std::{
    io::{self, Write},
    net::SocketAddr,
    os::fd::AsRawFd,
    sync::{Arc, mpsc},
    time::Duration,
};

use anyhow::Context;
use mio::{Events, Interest, Poll, Token, Waker, unix::SourceFd};

use crate::{
    arguments::Config,
    clock::{monotonic_ns, own_cpu_ns},
    command::{self, Command, Told},
    figures::Figures,
    handshake,
    joining::Joining,
    laps::Laps,
    marks::Marks,
    memo::Memo,
    report::{self, Answer, JoinJob, Joined, Window},
    sources::connect,
    viewer::{State, Viewer},
};

/// The token of the thread that reads commands.
const COMMANDS: Token = Token(usize::MAX);
/// Sockets that are told of at once.
const EVENTS_MAX: usize = 1_024;
/// The one read buffer: several frames of most streams.
const BUFFER_BYTES: usize = 64 * 1024;
/// Longest and first wait before a viewer whose connection failed comes back, where the server names none.
const BACK_OFF_NS_MAX: u64 = 10_000_000_000;
const BACK_OFF_NS_MIN: u64 = 100_000_000;

/// All viewers of this process.
pub(crate) struct Crowd {
    pub(super) config: Config,
    pub(super) poll: Poll,
    commands: mpsc::Receiver<Told>,
    /// Kept here: with the last of its owners it would go, and take a wake-up along that nobody has seen.
    _waker: Arc<Waker>,
    pub(super) viewers: Vec<Viewer>,
    /// The servers that viewers are at; the first is the one that was given.
    pub(super) servers: Vec<SocketAddr>,
    pub(super) marks: Marks,
    pub(super) memo: Memo,
    pub(super) laps: Laps,
    pub(super) figures: Figures,
    pub(super) joining: Joining,
    /// Viewers that have joined.
    pub(super) joined: u32,
    pub(super) buffer: Vec<u8>,
    request: Vec<u8>,
    /// Viewers whose sockets may hold more than was read.
    pub(super) unread: Vec<u32>,
    /// Connections begun so far.
    connections: u64,
    job: Option<JoinJob>,
    window: Option<Window>,
}

impl Crowd {
    /// A crowd of nobody, and its ear for commands.
    pub(crate) fn new(config: Config) -> anyhow::Result<Self> {
        let poll = Poll::new().context("no poll")?;
        let waker = Arc::new(Waker::new(poll.registry(), COMMANDS).context("no waker")?);
        Ok(Self {
            commands: command::listen(waker.clone()),
            _waker: waker,
            poll,
            viewers: Vec::new(),
            servers: vec![config.server],
            marks: Marks::new(&config.markers),
            memo: Memo::default(),
            laps: Laps::default(),
            figures: Figures::default(),
            joining: Joining::new(config.handshakes_max, config.joins_per_s),
            joined: 0,
            buffer: vec![0; BUFFER_BYTES],
            request: Vec::new(),
            unread: Vec::new(),
            connections: 0,
            job: None,
            window: None,
            config,
        })
    }

    /// Runs until it is told to end.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        loop {
            self.wait(&mut events)?;
            for event in events.iter().filter(|event| event.token() != COMMANDS) {
                self.ready(event.token().0 as u32);
            }
            for viewer in std::mem::take(&mut self.unread) {
                self.ready(viewer);
            }
            while let Ok(told) = self.commands.try_recv() {
                match told {
                    Ok(Command::End) => return report::say(&Answer::End { viewers: self.joined }),
                    Ok(command) => self.obey(command)?,
                    Err(error) => report::say(&Answer::Error { error })?,
                }
            }
            self.join();
            self.answer()?;
        }
    }

    fn wait(&mut self, events: &mut Events) -> anyhow::Result<()> {
        if self.config.nap_us > 0 {
            std::thread::sleep(Duration::from_micros(self.config.nap_us));
        }
        let deadline = [self.joining.deadline_ns(), self.window.as_ref().map(|window| window.ends_ns)];
        let deadline = deadline.into_iter().flatten().min();
        let timeout = deadline.map(|at_ns| Duration::from_nanos(at_ns.saturating_sub(monotonic_ns())));
        let timeout = if self.unread.is_empty() { timeout } else { Some(Duration::ZERO) };
        self.figures.totals.polls += 1;
        match self.poll.poll(events, timeout) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error).context("the poll failed"),
            _ => Ok(()),
        }
    }

    /// Something has happened at a viewer's socket.
    fn ready(&mut self, number: u32) {
        let Some(viewer) = self.viewers.get(number as usize) else { return };
        match viewer.state {
            State::Away => {}
            State::Connecting => self.ask(number),
            State::Joined if viewer.asleep => {}
            State::Asked | State::Upgraded | State::Joined => self.read(number),
        }
    }

    fn obey(&mut self, command: Command) -> anyhow::Result<()> {
        let now_ns = monotonic_ns();
        let busy = |what: &str| Answer::Error { error: format!("a {what} is under way") };
        match command {
            Command::Join { .. } | Command::Reconnect { .. } if self.job.is_some() => report::say(&busy("join"))?,
            Command::Window { .. } if self.window.is_some() => report::say(&busy("window"))?,
            Command::Join { viewers, handshakes_max } => {
                let first = self.viewers.len() as u32;
                self.begin_job(Answer::Join, now_ns, handshakes_max);
                self.viewers.resize_with((first + viewers) as usize, Viewer::default);
                self.marks.reserve(self.viewers.len());
                if self.config.asleep > 0.0 {
                    self.sleep(self.config.asleep);
                }
                self.joining.add(first..first + viewers);
            }
            Command::Reconnect { handshakes_max } => {
                self.begin_job(Answer::Reconnect, now_ns, handshakes_max);
                self.drop_all();
                self.joining.add(0..self.viewers.len() as u32);
            }
            Command::Window { seconds } => {
                self.figures.latency.clear();
                self.window = Some(Window::open(now_ns, seconds, &self.figures));
            }
            Command::Sleep { share } => {
                let asleep = self.sleep(share);
                report::say(&Answer::Sleep { asleep })?;
            }
            Command::Wake => {
                let asleep = (0..self.viewers.len() as u32).filter(|number| self.viewers[*number as usize].asleep);
                self.unread.extend(asleep);
                self.viewers.iter_mut().for_each(|viewer| viewer.asleep = false);
                report::say(&Answer::Wake { woken: self.unread.len() as u64 })?;
            }
            Command::Report => report::say(&self.report())?,
            Command::End => {}
        }
        Ok(())
    }

    fn begin_job(&mut self, did: fn(Joined) -> Answer, now_ns: u64, handshakes_max: Option<usize>) {
        self.joining.handshakes_max = handshakes_max.unwrap_or(self.config.handshakes_max);
        self.figures.handshake.clear();
        self.job = Some(JoinJob { did, began_ns: now_ns, cpu_ns: own_cpu_ns(), ends: self.figures.ends.clone() });
    }

    /// Puts a share of all viewers to sleep, evenly spread, and lets the others read; how many sleep.
    fn sleep(&mut self, share: f64) -> u64 {
        let mut asleep = 0;
        for (number, viewer) in self.viewers.iter_mut().enumerate() {
            let due = ((number + 1) as f64 * share) as u64;
            viewer.asleep = due > asleep;
            asleep += u64::from(viewer.asleep);
        }
        asleep
    }

    /// Drops every connection without a word. Points stay.
    fn drop_all(&mut self) {
        self.joining.clear();
        self.unread.clear();
        for viewer in &mut self.viewers {
            (viewer.socket, viewer.rest, viewer.state) = (None, None, State::Away);
            (viewer.moving, viewer.failures) = (false, 0);
        }
        self.joined = 0;
    }

    /// Begins as many handshakes as may be.
    fn join(&mut self) {
        let now_ns = monotonic_ns();
        for number in self.joining.late(now_ns) {
            self.end(number, "handshake too long", None);
        }
        while let Some(number) = self.joining.begin(now_ns) {
            let viewer = &mut self.viewers[number as usize];
            viewer.moving = false;
            if viewer.state == State::Joined {
                self.joined -= 1;
            }
            (viewer.socket, viewer.rest, viewer.state) = (None, None, State::Away);
            if let Err(error) = self.connect(number) {
                self.end(number, &format!("connect: {}", error.kind()), None);
            }
        }
    }

    fn connect(&mut self, number: u32) -> io::Result<()> {
        let Config { sources, receive_buffer_bytes, .. } = self.config;
        let viewer = &mut self.viewers[number as usize];
        let server = self.servers[usize::from(viewer.server)];
        let socket = connect(server, sources, self.connections, receive_buffer_bytes)?;
        self.connections += 1;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&socket.as_raw_fd()), Token(number as usize), interest)?;
        (viewer.socket, viewer.state) = (Some(socket), State::Connecting);
        Ok(())
    }

    /// The socket is connected, or has failed to: sends the request.
    fn ask(&mut self, number: u32) {
        let viewer = &mut self.viewers[number as usize];
        let Some(mut socket) = viewer.socket.as_ref() else { return };
        if let Ok(Some(error)) = socket.take_error() {
            return self.end(number, &format!("connect: {}", error.kind()), None);
        }
        handshake::request(&self.config, number, viewer.point(), &mut self.request);
        match socket.write(&self.request) {
            Ok(written) if written == self.request.len() => viewer.state = State::Asked,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected) => {}
            // A few hundred bytes go into an empty socket whole, or something is wrong with it.
            _ => self.end(number, "request", None),
        }
    }

    /// A viewer has joined: it has been answered, and welcomed if the server does that.
    pub(super) fn has_joined(&mut self, number: u32, now_ns: u64) {
        let viewer = &mut self.viewers[number as usize];
        (viewer.state, viewer.failures) = (State::Joined, 0);
        self.joined += 1;
        self.figures.totals.joins += 1;
        if let Some(began_ns) = self.joining.end(number) {
            self.figures.handshake.record_ns(now_ns.saturating_sub(began_ns));
        }
    }

    /// A connection has ended. The viewer comes back: when the server says, or after a random wait that grows.
    pub(super) fn end(&mut self, number: u32, how: &str, back_after_ms: Option<u64>) {
        self.figures.end(how);
        self.joining.end(number);
        let viewer = &mut self.viewers[number as usize];
        if viewer.state == State::Joined {
            self.joined -= 1;
        }
        (viewer.socket, viewer.rest, viewer.state) = (None, None, State::Away);
        let longest_ns = (BACK_OFF_NS_MIN << viewer.failures.min(7)).min(BACK_OFF_NS_MAX);
        viewer.failures = viewer.failures.saturating_add(1);
        if viewer.moving {
            return;
        }
        let wait_ns = back_after_ms.map_or_else(|| fastrand::u64(0..longest_ns), |ms| ms * 1_000_000);
        self.joining.add_at(number, monotonic_ns() + wait_ns);
    }

    /// Says what has come to its end.
    fn answer(&mut self) -> anyhow::Result<()> {
        if self.joined as usize == self.viewers.len()
            && let Some(job) = self.job.take()
        {
            report::say(&job.answer(self.joined, &self.figures))?;
        }
        if self.window.as_ref().is_some_and(|window| monotonic_ns() >= window.ends_ns)
            && let Some(window) = self.window.take()
        {
            report::say(&window.answer(self.joined, &self.figures, &self.laps))?;
        }
        Ok(())
    }
}
