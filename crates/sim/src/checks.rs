//! The end of a run: wait until all is quiet, read the history back, and hold everything against what was promised.
//!
//! Between the world and whoever asked for the run. Invariant: a run that never falls quiet is broken, too: liveness is a
//! promise.

use std::{cmp::Reverse, collections::BTreeMap};

use watershed_broadcast::Page;
use watershed_ledger::{History, Quiet};
use watershed_protocol::{
    Mutant, NodeName, OrderKey, Role, Shown, Slot,
    client::Line,
    limits,
    peer::uplink::{Query, Reply},
};

use crate::{
    Options, Troubles,
    event::{Event, NodeEvent},
    node::{PAGE, Process},
    time::Moment,
    world::World,
};

/// The simulated time in which viewers write and things go wrong.
const RUN: Moment = Moment::of_ms(30_000);
/// How long it may take until all is quiet.
const QUIET_WAIT_MS: u64 = 40_000;
/// How long frames may still change things after the last answer: windows, ticks, and viewers that read slowly.
const SETTLE_MS: u64 = 6_000;
/// How long an answer about the history may take, and how often it may be asked for.
const PAGE_WAIT_MS: u64 = 4_000;
const PAGE_TRIES_MAX: u64 = 5;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The number of the invariant of the design.
    pub invariant: u8,
    /// Its name, and the first example.
    pub what: String,
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The run's seed.
    pub seed: u64,
    /// Sums up all that happened: equal for equal seeds.
    pub trace: u64,
    /// Lines of the trace.
    pub lines: u64,
    /// Events that came up.
    pub events: u64,
    /// Comments, likes and unlikes that were acknowledged.
    pub acknowledged: u64,
    /// Comments that viewers received in deltas.
    pub deliveries: u64,
    /// Snapshots that viewers received.
    pub snapshots: u64,
    /// What went wrong as planned, and what followed.
    pub troubles: Troubles,
    /// What was broken.
    pub broken: Vec<Broken>,
}

/// Runs a world to its end.
pub(crate) fn run(mut world: World, options: &Options) -> Outcome {
    world.run_until(RUN);
    let (mut unsettled, mut broken) = (wait_for_quiet(&mut world), Vec::new());
    let map = world.outside.map().clone();
    let owners: Vec<usize> =
        Slot::all().map(|slot| world.outside.find(&map.owner(slot).node).unwrap_or_default()).collect();
    for stream in 0..world.ledgers.len() {
        let history = read_history(&mut world, stream);
        let complete = history.is_some();
        if !complete {
            unsettled.push(Broken { invariant: 1, what: format!("the history of stream {stream} cannot be read") });
        }
        let comments = history.unwrap_or_default();
        let history = History { comments: &comments, complete };
        let now_ms = world.outside.now().ms();
        let durable = std::mem::take(&mut world.outside.durable);
        world.ledgers[stream].quiet_check(Quiet { history: Some(history), durable: Some(&durable) }, now_ms);
        world.ledgers[stream].time_check(history, &owners, now_ms);
        world.outside.durable = durable;
        broken.extend(disagreements(&world, stream));
        broken.extend(wrong_top(&world, stream, &comments));
        broken.extend(world.ledgers[stream].violations().iter().map(|finding| {
            let name = finding.violation.name();
            let what =
                format!("{name}, {} times, first at {} ms: {}", finding.count, finding.first_at_ms, finding.first);
            Broken { invariant: finding.invariant, what }
        }));
    }
    broken.append(&mut world.outside.broken);
    // These mostly follow from something else, which tells more.
    broken.append(&mut unsettled);
    outcome(&world, options, broken)
}

fn outcome(world: &World, options: &Options, broken: Vec<Broken>) -> Outcome {
    let reports: Vec<_> = world.ledgers.iter().map(|ledger| ledger.report()).collect();
    let sum = |of: fn(&watershed_ledger::Report) -> u64| reports.iter().map(of).sum();
    Outcome {
        seed: options.seed,
        trace: world.outside.trace.sum(),
        lines: world.outside.trace.lines(),
        events: world.events,
        acknowledged: sum(|report| {
            report.comments.acknowledged + report.likes.acknowledged + report.unlikes.acknowledged
        }),
        deliveries: sum(|report| report.deliveries),
        snapshots: sum(|report| report.snapshots),
        troubles: world.outside.troubles,
        broken,
    }
}

/// Everything has healed: every sending gets its answer, and every viewer its view.
fn wait_for_quiet(world: &mut World) -> Vec<Broken> {
    let end = world.outside.now().plus_ms(QUIET_WAIT_MS);
    while !world.is_quiet() {
        if world.is_endless() {
            return vec![Broken { invariant: 8, what: format!("more than {} events, and no end", world.events) }];
        }
        if world.outside.now() >= end {
            let waiting: Vec<String> = world.restless().collect();
            return vec![Broken { invariant: 8, what: format!("all has healed, yet {}", waiting.join(", ")) }];
        }
        let next = world.outside.now().plus_ms(500);
        world.run_until(next);
    }
    let settled = world.outside.now().plus_ms(SETTLE_MS);
    world.run_until(settled);
    Vec::new()
}

/// The history of a stream as `/comments` gives it, page by page, from a broadcast node through its uplink.
fn read_history(world: &mut World, stream: usize) -> Option<Vec<Line>> {
    let mut all: Vec<Line> = Vec::new();
    let mut before: Option<OrderKey> = None;
    let mut token = 1_000_000 * (stream as u64 + 1);
    loop {
        let mut page = None;
        for _ in 0..PAGE_TRIES_MAX {
            token += 1_000;
            page = read_page(world, stream, before, token);
            if page.is_some() {
                break;
            }
        }
        let page = page?;
        let Some(last) = page.last() else { return Some(all) };
        before = Some(last.comment.order());
        all.extend(page.iter().map(Line::from));
    }
}

fn read_page(world: &mut World, stream: usize, before: Option<OrderKey>, token: u64) -> Option<Vec<Shown>> {
    let (map, stream) = (world.outside.map().clone(), world.outside.streams[stream].clone());
    let history = Query::History { stream: stream.clone(), before, limit: PAGE };
    let asked = map.processors().into_iter().map(|node| (node, history.clone())).collect();
    let told = ask(world, token, asked)?.into_iter().map(|reply| match reply {
        Reply::History(comments) => Some(comments),
        _ => None,
    });
    let comments: Vec<Vec<Shown>> = told.collect::<Option<_>>()?;
    let page = Page::new(&map, &stream, comments.into_iter().flatten(), PAGE as usize);
    let replies = ask(world, token + 500, page.questions(&stream))?;
    page.whole(replies)
}

/// Asks processors through a broadcast node. None when one does not answer.
fn ask(world: &mut World, token: u64, questions: Vec<(NodeName, Query)>) -> Option<Vec<Reply>> {
    let (node, life) = world.running(Role::Broadcast).map(|(node, life, _)| (node, life)).next()?;
    let count = questions.len() as u64;
    if count == 0 {
        return Some(Vec::new());
    }
    for (token, (to, query)) in (token..).zip(questions) {
        let event = NodeEvent::Ask { token, to, query: Box::new(query) };
        world.outside.agenda.in_us(0, Event::Node { node, life, event });
    }
    let wait = world.outside.now().plus_ms(PAGE_WAIT_MS);
    world.run_until(wait);
    (token..token + count).map(|token| world.outside.read.remove(&token).flatten()).collect()
}

/// The most liked comments at the root are the most liked of the history.
fn wrong_top(world: &World, stream: usize, history: &[Line]) -> Option<Broken> {
    let stream = &world.outside.streams[stream];
    let mut mergers = world.running(Role::Merger).filter(|(node, ..)| Some(*node) == world.outside.root());
    let shown: Vec<u64> =
        mergers.find_map(|(.., process)| process.snapshot(stream))?.top.iter().map(|top| top.likes).collect();
    let mut likes: Vec<u64> = history.iter().map(|line| line.likes).filter(|likes| *likes > 0).collect();
    likes.sort_unstable_by_key(|likes| Reverse(*likes));
    likes.truncate(limits::TOP_COMMENTS_MAX);
    // Whether a spread comment is named is its home's guess, but its count is not.
    let spread = !world.outside.map().spreads().of(stream, &history.first()?.id).is_whole();
    let is_right = if spread { shown.iter().all(|likes| *likes > 0) } else { shown == likes };
    let what = || format!("the most liked of {stream} have {shown:?} likes at the root and {likes:?} in the history");
    (!is_right).then(|| Broken { invariant: 6, what: what() })
}

/// Invariant 6: rooms at the root's point show what the root shows.
fn disagreements(world: &World, stream: usize) -> Vec<Broken> {
    let stream = &world.outside.streams[stream];
    let mut mergers = world.running(Role::Merger).filter(|(node, ..)| Some(*node) == world.outside.root());
    let Some(root) = mergers.find_map(|(.., process)| process.snapshot(stream)) else {
        let what = format!("when all is quiet, nobody leads who is the root by the map: it has no {stream}");
        return vec![Broken { invariant: 6, what }];
    };
    let seats: usize = world.running(Role::Broadcast).map(|(.., process)| process.seats(stream)).sum();
    let mut broken = Vec::new();
    if root.viewers != seats as u64 {
        let what =
            format!("when all is quiet, {seats} viewers of {stream} have seats, the root shows {}", root.viewers);
        broken.push(Broken { invariant: 6, what });
    }
    let rooms: BTreeMap<usize, _> = world
        .running(Role::Broadcast)
        .filter_map(|(node, _, process)| Some((node, Process::snapshot(process, stream)?)))
        .collect();
    for (node, room) in rooms {
        if (room.epoch, room.seq) != (root.epoch, root.seq) {
            let what = format!(
                "when all is quiet, {stream} is at {}:{} at node {node} and at {}:{} at the root",
                room.epoch, room.seq, root.epoch, root.seq
            );
            broken.push(Broken { invariant: 6, what });
        } else if room != root {
            broken.push(Broken { invariant: 6, what: format!("node {node} shows {room:?}, the root {root:?}") });
        }
    }
    broken
}

impl Outcome {
    /// How to see it again.
    pub fn replay(&self, mutant: Option<Mutant>) -> String {
        let planted = mutant.map(|mutant| format!(" --mutant {mutant}")).unwrap_or_default();
        format!("cargo run --profile testing -p watershed-sim -- --seed {}{planted} --trace", self.seed)
    }
}
