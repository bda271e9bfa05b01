//! The write processor's driver: where the machine meets links, disk and clock.
//!
//! Recovery first: nothing is bound to the cluster before the log has been read back and made durable. Then one task
//! steps the machine; it never awaits a send. Invariant: an answer leaves only after the machine has been told that the
//! group it rests on is durable.

mod metrics;
pub(crate) mod recovery;

use std::{fs::File, io::Write, sync::Arc};

use anyhow::Context;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use watershed_analytics::Recorder;
use watershed_link::Sent;
use watershed_log::{LogConfig, Recovered};
use watershed_membership::Membership;
use watershed_net::{
    clock::SharedClock,
    link::{LinkEvent, LinkEventKind, ListenLimits},
};
use watershed_placement::{Following, Map};
use watershed_processor::{Config, Input, Output, Processor};
use watershed_protocol::{
    Role, Tally,
    peer::{
        self, PeerId,
        report::{FromMerger, TallyRow},
        uplink::ToProcessor,
    },
};
use watershed_store::{CommitEvent, CommitThread, LoadEvent, LoadThread, SaveEvent, SaveThread};

use crate::{
    admin::{Admin, Readiness},
    analytics,
    outlet::Outlets,
    presence::Presence,
    setup::Setup,
    wiring,
};
use metrics::Board;
use recovery::Found;

/// Runs until the token is cancelled, or until the disk has failed.
pub(crate) async fn run(setup: Setup, shutdown: CancellationToken) -> anyhow::Result<()> {
    let clock = Arc::new(SharedClock::start());
    let (http, peers) = wiring::bind(&setup.node).await?;
    let peers = peers.context("a processor has a port for links")?;
    let member = setup.member(http.local_addr()?, Some(peers.local_addr()?));
    let (membership, map) = Presence::open(&setup.topology)?;
    let presence = Presence::join(membership.clone(), map, &member, &shutdown, &shutdown)?;
    let board = Arc::new(Board::default());
    let readiness = Readiness::new("the log is being read back");
    let recorder = analytics::start(&setup, &clock);
    let figures = analytics::with_figures(board.source(), &recorder);
    let admin = Admin::new(&setup, readiness.clone(), figures);
    let serving = admin.serve(http, shutdown.clone());

    let mut machine = Processor::new(config(&setup));
    let directory = setup.topology.data_dir(&setup.node.name);
    let log_config = LogConfig { segment_bytes: setup.topology.segment_bytes };
    let (machine, found) = tokio::task::spawn_blocking(move || {
        let found = recovery::recover(&directory, log_config, &mut machine);
        (machine, found)
    })
    .await?;
    let Found { mut writer, recovered, keyspaces, rows, checkpoint } = found?;
    let Recovered { first, last, replayed, bytes, segments, cut, .. } = recovered;
    tracing::info!(rows, checkpoint, "the store is read back");
    tracing::info!(first, last, replayed, bytes, segments, ?cut, "the log is read back");
    board.set_segments(writer.disk_mut().segment_stats());

    let name = setup.node.name.clone();
    let map = membership.update(&mut |map| {
        map.claim(&name);
    })?;
    let (committed, commits) = mpsc::unbounded_channel();
    let commit = CommitThread::start(writer, move |event| drop(committed.send(event)))?;
    board.set_commit(commit.stats());
    let (put, saves) = mpsc::unbounded_channel();
    let save = SaveThread::start(keyspaces.clone(), move |event| drop(put.send(event)))?;
    let (found, loads) = mpsc::unbounded_channel();
    let load = LoadThread::start(keyspaces, move |event| drop(found.send(event)))?;
    let trace =
        setup.trace_tallies.as_ref().map(|path| File::options().create(true).append(true).open(path)).transpose();
    let trace = trace.context("cannot open the file for tallies")?;

    let links_end = CancellationToken::new();
    let (told, events) = mpsc::channel(wiring::LINK_EVENTS_MAX);
    let links = wiring::links(&setup, &presence, &clock, told, &links_end, Map::root_epoch)?;
    let listening = links.listen(peers, ListenLimits::default());
    let _merger = wiring::follow_root(&links, &presence, shutdown.clone());
    tracing::info!(http = %member.http, "processor is up");
    readiness.ready();

    let driver = Driver {
        machine,
        clock,
        commit,
        save,
        load,
        sealing: None,
        durable: last,
        saved_bytes: 0,
        checkpoint_bytes: setup.topology.checkpoint_bytes,
        trace,
        nodes: Outlets::default(),
        mergers: Outlets::default(),
        following: Following::new(&map),
        maps: presence.map(),
        outbox: Vec::new(),
        board,
        recorder: recorder.clone(),
    };
    let ended = driver.run(map, events, (commits, saves, loads), shutdown.clone()).await;
    // Nobody asked for the end if the disk has failed; what serves must end all the same.
    shutdown.cancel();
    links_end.cancel();
    listening.ended().await;
    serving.await?;
    analytics::close(recorder).await;
    ended
}

fn config(setup: &Setup) -> Config {
    let windows = &setup.topology.windows;
    let mut config = Config::new(setup.node.name.clone());
    config.reports_per_s = windows.reports_per_s;
    config.report_burst = windows.report_burst;
    config.viewers_max = setup.topology.processor.viewers_max;
    config.registers_bytes_max = setup.topology.processor.registers_bytes_max;
    config.trace_tallies = setup.trace_tallies.is_some();
    config.tell_counts = setup.topology.analytics.is_some();
    config
}

/// What the threads beside the driver tell it.
type Events =
    (mpsc::UnboundedReceiver<CommitEvent>, mpsc::UnboundedReceiver<SaveEvent>, mpsc::UnboundedReceiver<LoadEvent>);

struct Driver {
    machine: Processor,
    clock: Arc<SharedClock>,
    commit: CommitThread,
    save: SaveThread,
    load: LoadThread,
    /// The record of the checkpoint that is being put in force.
    sealing: Option<u64>,
    /// The last durable record of the log.
    durable: u64,
    /// Bytes of the log when the last checkpoint was asked for, and after how many more the next is.
    saved_bytes: u64,
    checkpoint_bytes: u64,
    trace: Option<File>,
    nodes: Outlets,
    mergers: Outlets,
    following: Following,
    maps: watch::Receiver<Arc<Map>>,
    outbox: Vec<Output>,
    board: Arc<Board>,
    recorder: Recorder,
}

impl Driver {
    async fn run(
        mut self,
        map: Arc<Map>,
        mut events: mpsc::Receiver<LinkEvent>,
        (mut commits, mut saves, mut loads): Events,
        shutdown: CancellationToken,
    ) -> anyhow::Result<()> {
        self.machine.start(self.clock.now(), map);
        if self.trace.is_some() {
            self.machine.tallies().collect::<Vec<_>>().iter().for_each(|row| self.trace(row));
        }
        while !(shutdown.is_cancelled() && self.machine.is_idle()) {
            let deadline = self.machine.deadline();
            tokio::select! {
                biased;
                Some(event) = commits.recv() => self.committed(event)?,
                Some(event) = events.recv() => self.link(event),
                Some(event) = saves.recv() => self.saved(event),
                Some(event) = loads.recv() => self.loaded(event),
                Ok(()) = self.maps.changed() => self.learn(),
                () = wiring::until(&self.clock, deadline) => self.step(Input::Tick),
                () = shutdown.cancelled() => {
                    // What is in flight is answered before the end; nobody new is heard.
                    events.close();
                    while !self.machine.is_idle() {
                        tokio::select! {
                            Some(event) = commits.recv() => self.committed(event)?,
                            Some(event) = loads.recv() => self.loaded(event),
                            else => break,
                        }
                    }
                }
            }
        }
        let Self { commit, .. } = self;
        tokio::task::spawn_blocking(move || commit.close()).await?;
        Ok(())
    }

    fn committed(&mut self, event: CommitEvent) -> anyhow::Result<()> {
        match event {
            CommitEvent::Durable { group, position } => {
                self.durable = position;
                self.step(Input::Durable { group });
                let bytes = self.commit.stats().figures().bytes;
                if bytes - self.saved_bytes >= self.checkpoint_bytes {
                    self.saved_bytes = bytes;
                    self.step(Input::Save { position });
                }
            }
            CommitEvent::Full { group } => {
                tracing::warn!(group, "the disk is full: writes are refused");
                self.step(Input::Full { group });
            }
            CommitEvent::Failed { group, why } => {
                anyhow::bail!("group {group} was not made durable, nothing more is answered: {why}")
            }
        }
        Ok(())
    }

    /// Takes the newest map, and leaves a root that was replaced.
    fn learn(&mut self) {
        let map = self.maps.borrow_and_update().clone();
        if let Some(former) = self.following.learn(&map) {
            self.mergers.hang_up(former);
            self.step(Input::MergerLost);
        }
        self.step(Input::Map(map));
    }

    fn saved(&mut self, event: SaveEvent) {
        let sealed = self.sealing.take();
        match event {
            SaveEvent::Saved => {
                if let Some(position) = sealed {
                    tracing::info!(position, "a checkpoint is in force, the log is cut");
                    self.commit.cut_to(position);
                }
                self.step(Input::Saved);
            }
            SaveEvent::Failed(error) => {
                let is_full = error.is_full();
                tracing::warn!(%error, is_full, "no checkpoint was made, the log grows on");
                self.step(Input::NotSaved);
            }
        }
    }

    fn loaded(&mut self, LoadEvent { load, value }: LoadEvent) {
        match value {
            Ok(value) => self.step(Input::Loaded { load, value: value.as_deref() }),
            Err(error) => {
                tracing::error!(%error, "a page of registers cannot be read, writes that need it are refused");
                self.step(Input::NotLoaded { load });
            }
        }
    }

    fn link(&mut self, event: LinkEvent) {
        let peer = PeerId::new(event.link.get());
        let is_merger = event.peer.role == Role::Merger;
        match event.kind {
            LinkEventKind::Up { hello, handle } if is_merger => {
                self.mergers.up(handle);
                // Whom this node dials follows from the newest map; so must whom it believes.
                self.learn();
                if self.following.up(peer, &hello.node, hello.root_epoch) {
                    self.step(Input::MergerUp(peer));
                } else {
                    tracing::info!(node = %hello.node, root_epoch = %hello.root_epoch, "this merger is not the root");
                    self.mergers.hang_up(peer);
                }
            }
            LinkEventKind::Up { handle, .. } => drop(self.nodes.up(handle)),
            LinkEventKind::Message(ref body) => self.message(peer, is_merger, body),
            LinkEventKind::Room if is_merger => {
                if self.mergers.room(peer) && self.following.is(peer) {
                    self.step(Input::MergerRoom);
                }
            }
            LinkEventKind::Room => drop(self.nodes.room(peer)),
            LinkEventKind::Down(_) if is_merger => {
                self.mergers.lost(peer);
                if self.following.lost(peer) {
                    self.step(Input::MergerLost);
                }
            }
            LinkEventKind::Down(_) => {
                self.nodes.lost(peer);
                self.step(Input::PeerLost(peer));
            }
        }
    }

    fn message(&mut self, peer: PeerId, is_merger: bool, body: &[u8]) {
        if is_merger {
            match peer::decode::<FromMerger>(body) {
                Ok(message) if self.following.is(peer) => self.step(Input::Merger(&message)),
                Ok(_) => tracing::debug!(?peer, "dropped: a word of a root that was replaced"),
                Err(error) => {
                    tracing::error!(%error, "the merger sent what cannot be read");
                    self.mergers.hang_up(peer);
                }
            }
            return;
        }
        match peer::decode::<ToProcessor>(body) {
            Ok(ToProcessor::Writes(batch)) => self.step(Input::Writes { peer, batch: &batch }),
            Ok(ToProcessor::Query { number, query }) => self.step(Input::Query { peer, number, query: &query }),
            Err(error) => {
                tracing::error!(%error, ?peer, "a broadcast node sent what cannot be read");
                self.nodes.hang_up(peer);
            }
        }
    }

    /// Notes a count that is durable, if they are traced.
    fn trace(&mut self, row: &TallyRow) {
        if let Some(trace) = &mut self.trace {
            let Tally { epoch, version, count } = row.tally;
            let line = format!("{} {epoch} {version} {count} {}\n", row.id, row.part.index());
            // At once, so that a kill tears no line. A trace that cannot be written makes the check fail, which is what a
            // check is for.
            let _ = trace.write_all(line.as_bytes());
        }
    }

    fn step(&mut self, input: Input<'_>) {
        let now = self.clock.now();
        let mut outbox = std::mem::take(&mut self.outbox);
        // What peers' clocks say has come in by heartbeats; comments must be later than all of it.
        self.machine.step(now, Input::Heard(self.clock.hybrid()), &mut outbox);
        self.machine.step(now, input, &mut outbox);
        self.clock.recover(self.machine.hybrid());
        let (mut merger_full, mut not_put, mut not_loaded) = (false, false, Vec::new());
        for output in outbox.drain(..) {
            match output {
                Output::Append { group, sections } => {
                    if let Err(error) = self.commit.submit(group, sections) {
                        // One group at a time is in flight, so only a failed log refuses one; its event ends the node.
                        tracing::error!(group, %error, "a group was not taken");
                    }
                }
                Output::Answer { peer, batch } => {
                    self.nodes.send(peer, peer::encode(&peer::uplink::FromProcessor::Answers(batch)));
                }
                Output::Reply { peer, number, reply } => {
                    self.nodes.send(peer, peer::encode(&peer::uplink::FromProcessor::Reply { number, reply }));
                }
                Output::Report(report) => {
                    if let Some(root) = self.following.peer() {
                        merger_full |= self.mergers.send(root, peer::encode(&report)) == Sent::Filled;
                    }
                }
                Output::Save(rows) => not_put |= !self.save.put(recovery::rows_of(rows)),
                Output::Checkpoint(checkpoint) => {
                    self.sealing = Some(checkpoint.position);
                    not_put |= !self.save.seal(checkpoint.encode());
                }
                Output::Load { load, keyspace, key } => {
                    if !self.load.load(load, recovery::index(keyspace), key) {
                        not_loaded.push(load);
                    }
                }
                Output::Durable(row) => self.trace(&row),
                Output::Counted { stream, counts } => {
                    self.recorder.count(now, &stream, &analytics::of_processor(&counts));
                }
            }
        }
        self.outbox = outbox;
        for load in not_loaded {
            tracing::error!("the store is read no more");
            self.step(Input::NotLoaded { load });
        }
        if not_put {
            // One part at a time is on its way, so only a thread that has ended refuses one.
            tracing::error!("the store takes nothing any more, the log grows on");
            self.sealing = None;
            self.machine.step(now, Input::NotSaved, &mut self.outbox);
        }
        if merger_full {
            self.machine.step(now, Input::MergerFull, &mut self.outbox);
        }
        self.board.set(self.machine.counters());
        if self.machine.wants_saving() {
            tracing::info!(position = self.durable, "memory is full of what is not saved, a checkpoint begins");
            self.step(Input::Save { position: self.durable });
        }
    }
}
