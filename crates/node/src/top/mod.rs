//! `watershed top`: the cluster's figures in a terminal.
//!
//! `source` asks a broadcast node once a second, `watch` remembers what was answered, `screen` shows it. All of it is made
//! from `GET /v1/cluster`, as the operator page is. Invariant: it changes nothing in the cluster, and what it shows is never
//! blank again once it was there.

mod events;
mod history;
mod keys;
mod panes;
mod plain;
mod rates;
mod sample;
mod screen;
mod source;
mod stages;
mod table;
mod terminal;
mod tone;
mod watch;
mod words;

use std::{
    io::{IsTerminal, Write, stdout},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use ratatui::crossterm::event::Event;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Interval, MissedTickBehavior, interval},
};

use crate::{
    guard,
    setup::{self, UsageError},
};
use keys::{View, Wish};
use source::{Answer, AskError, Source};
use terminal::Ours;
use tone::Palette;
use watch::Watch;

/// How often the cluster is asked.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How often the screen is drawn while nothing comes: the age of what is shown goes on.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// Whom to ask when the command line names nobody: the first broadcast node of `cluster/local.toml`.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";

/// What to show, and whom to ask.
#[derive(clap::Args)]
pub(crate) struct TopArguments {
    /// A broadcast node to ask, such as http://127.0.0.1:8080; several are asked in turn until one answers.
    #[arg(long)]
    url: Vec<String>,
    /// The file that describes the cluster, whose state directory says where its broadcast nodes listen.
    #[arg(long, value_name = "TOPOLOGY")]
    config: Option<PathBuf>,
    /// What `watershed token` prints, where the cluster has a secret.
    #[arg(long)]
    token: Option<String>,
    /// Prints the figures of one second as plain text, and ends; so it does where the output is no terminal.
    #[arg(long)]
    once: bool,
    /// Prints one answer of the cluster as it is, in JSON, and ends.
    #[arg(long, conflicts_with = "once")]
    json: bool,
}

/// Shows the cluster until a key or a signal ends it, or once.
pub(crate) fn run(arguments: TopArguments) -> anyhow::Result<()> {
    let mut source = source(&arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let ended = runtime.block_on(async {
        if arguments.json {
            print(&source.ask().await?.bytes)
        } else if arguments.once || !stdout().is_terminal() {
            print(once(&mut source).await?.as_bytes())
        } else {
            show(source).await
        }
    });
    // An answer that is still waited for concerns nobody any more.
    runtime.shutdown_background();
    ended
}

fn source(arguments: &TopArguments) -> Result<Source, UsageError> {
    for url in &arguments.url {
        let parsed: Option<http::Uri> = url.parse().ok();
        if !parsed.is_some_and(|uri| uri.scheme_str() == Some("http") && uri.authority().is_some()) {
            return Err(UsageError::url(url));
        }
    }
    let topology = arguments.config.as_deref().map(setup::topology).transpose()?;
    let given = match (arguments.url.is_empty(), &topology) {
        (true, None) => vec![DEFAULT_URL.to_owned()],
        _ => arguments.url.clone(),
    };
    let credentials = arguments.token.as_deref().map(guard::shown).transpose().map_err(|_| UsageError::token())?;
    // Whoever has the topology has the secret in it.
    let credentials = credentials.or_else(|| guard::credentials(topology.as_ref()?));
    Ok(Source::new(given, topology, credentials))
}

/// The figures of one second, as text: rates need two answers.
async fn once(source: &mut Source) -> Result<String, AskError> {
    let mut watch = Watch::default();
    let mut ticks = ticks(ASK_EVERY);
    for _ in 0..2 {
        ticks.tick().await;
        let Answer { url, sample, .. } = source.ask().await?;
        watch.take(now_ms(), url, sample);
    }
    Ok(plain::text(&watch, now_ms()))
}

/// The screen, until somebody ends it.
async fn show(source: Source) -> anyhow::Result<()> {
    let mut signals = Signals::catch()?;
    let (told, mut answers) = mpsc::channel(1);
    tokio::spawn(ask(source, told));
    let mut ours = Ours::take().context("cannot take the terminal over")?;
    let mut events = terminal::events();
    let mut ticks = ticks(DRAW_EVERY);
    let palette = Palette::of_environment();
    let (mut watch, mut view, mut held) = (Watch::default(), View::default(), None);
    let mut scroll_max = 0;
    loop {
        let now = now_ms();
        let shown = held.as_ref().map_or((&watch, now), |(watch, at_ms)| (watch, *at_ms));
        ours.terminal.draw(|frame| scroll_max = screen::draw(frame, shown.0, &view, shown.1, palette))?;
        tokio::select! {
            () = signals.any() => return Ok(()),
            event = events.recv() => match event {
                // The terminal is gone.
                None => return Ok(()),
                // To be resized is to be drawn again.
                Some(Event::Key(key)) => match Wish::of(key) {
                    Some(Wish::Quit) => return Ok(()),
                    Some(wish) => view.take(wish, scroll_max),
                    None => {}
                },
                Some(_) => {}
            },
            answer = answers.recv() => match answer {
                Some(Ok(Answer { url, sample, .. })) => watch.take(now_ms(), url, sample),
                Some(Err(AskError::Nobody { asked, last })) => {
                    watch.fail(now_ms(), AskError::Nobody { asked, last }.to_string());
                }
                // Nothing but another token would help.
                Some(Err(error @ AskError::Token { .. })) => return Err(error.into()),
                None => anyhow::bail!("whoever asks the cluster has ended"),
            },
            _ = ticks.tick() => {}
        }
        held = if view.paused { held.or_else(|| Some((watch.clone(), now_ms()))) } else { None };
    }
}

/// Asks the cluster once a second, for as long as somebody listens.
async fn ask(mut source: Source, told: mpsc::Sender<Result<Answer, AskError>>) {
    let mut ticks = ticks(ASK_EVERY);
    loop {
        ticks.tick().await;
        if told.send(source.ask().await).await.is_err() {
            return;
        }
    }
}

/// The signals that ask a program to end.
struct Signals {
    signals: [Signal; 3],
}

impl Signals {
    fn catch() -> std::io::Result<Self> {
        let signals =
            [signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?];
        Ok(Self { signals })
    }

    async fn any(&mut self) {
        let [terminate, interrupt, hangup] = &mut self.signals;
        tokio::select! { _ = terminate.recv() => {} _ = interrupt.recv() => {} _ = hangup.recv() => {} }
    }
}

/// Ticks that are not made up for when they were missed.
fn ticks(every: Duration) -> Interval {
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Writes to standard output; whoever reads only the beginning (`head`) has what it wanted.
fn print(bytes: &[u8]) -> anyhow::Result<()> {
    let mut out = stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
