//! The root merger's driver: reports in, frames out; and a standby's, which waits for the root's place.
//!
//! A merger stands by until it takes the root's place on the map, leads until the map names another, and stands by again.
//! Invariant: nothing of one term of leading reaches the next: each begins with a new machine and without links.

mod lead;
mod metrics;
mod standby;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use anyhow::Context;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use watershed_net::{clock::SharedClock, link::ListenLimits};
use watershed_protocol::Epoch;

use crate::{
    admin::{Admin, Readiness},
    analytics,
    presence::Presence,
    setup::Setup,
    wiring,
};
use lead::{Lead, Left};
use metrics::Board;
use standby::Standby;

/// Stream epochs are made durable in blocks: one change of the map for so many openings of streams.
const EPOCHS_PER_BLOCK: u64 = 1_000;
/// Each block that a root asks for is twice as large as the one before, up to this: a root that takes over 100,000 streams
/// waits for seven changes of the map and not for a hundred.
const EPOCHS_PER_BLOCK_MAX: u64 = 65_536;

/// Runs until the token is cancelled.
pub(crate) async fn run(setup: Setup, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clock = Arc::new(SharedClock::start());
    let (http, peers) = wiring::bind(&setup.node).await?;
    let peers = peers.context("a merger has a port for links")?;
    let member = setup.member(http.local_addr()?, Some(peers.local_addr()?));
    let (membership, map) = Presence::open(&setup.topology)?;
    // A root that ends still looks at the map: it works on until another has taken its place.
    let looking = CancellationToken::new();
    let _looked = looking.clone().drop_guard();
    let presence = Presence::join(membership.clone(), map, &member, &shutdown, &looking)?;

    let board = Arc::new(Board::default());
    let readiness = Readiness::new("starting");
    let recorder = analytics::start(&setup, &clock);
    let figures = analytics::with_figures(board.source(), &recorder);
    let serving = Admin::new(&setup, readiness.clone(), figures).serve(http, looking.clone());
    let links_end = CancellationToken::new();
    let (told, mut events) = mpsc::channel(wiring::LINK_EVENTS_MAX);
    // What handshakes say: the epoch under which this merger is the root, zero while it stands by.
    let held = Arc::new(AtomicU64::new(0));
    let said = held.clone();
    let root_epoch = move |_: &_| Epoch::new(said.load(Ordering::Acquire));
    let links = wiring::links(&setup, &presence, &clock, told, &links_end, root_epoch)?;
    let listening = links.listen(peers, ListenLimits::default());
    tracing::info!(http = %member.http, "merger is up");

    let name = setup.node.name.clone();
    let mut standby = Standby::new(name.clone(), membership.clone(), presence.clone(), readiness.clone());
    while let Some(term) = standby.wait(&mut events, &shutdown).await {
        held.store(term.epoch.get(), Ordering::Release);
        tracing::info!(root_epoch = %term.epoch, "this merger is the root");
        board.begin(term.epoch);
        readiness.ready_as("root");
        let lead = Lead::new(&setup, term, clock.clone(), membership.clone(), presence.clone(), board.clone())
            .recording(recorder.clone());
        let left = lead.run(&mut events, &shutdown).await;
        held.store(0, Ordering::Release);
        board.end();
        match left {
            Left::Replaced => tracing::info!("another merger is the root"),
            Left::Ended => break,
        }
    }
    links_end.cancel();
    listening.ended().await;
    looking.cancel();
    serving.await?;
    analytics::close(recorder).await;
    Ok(())
}
