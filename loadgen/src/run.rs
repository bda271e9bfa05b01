//! One run: the crowd joins, sends by its schedule, falls quiet, and is checked.
//!
//! Between `main` and the viewers. Invariant: the schedule never waits for a viewer; an order that a busy viewer cannot
//! take is held back, and counted.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep},
};
use watershed_ledger::{Durable, History, Ledger, Quiet};
use watershed_protocol::{ViewerId, client::Names};

use crate::{
    arguments::Config,
    book::{Book, RECENT_MAX, Shared},
    durable, progress,
    random::{Random, Zipf},
    report::{HistoryRead, Report},
    schedule::Schedule,
    viewer::{Crowd, ORDERS_MAX, Order, State, Viewer},
    voice::Voice,
    web::{Pages, Web},
};

/// Handshakes in flight.
const JOINS_IN_FLIGHT_MAX: usize = 256;

/// The longest wait for the whole crowd to be connected, beyond the time that its joins are spread over.
const JOIN_WAIT_MAX: Duration = Duration::from_secs(30);

/// Frames that change nothing for so long mean that all is quiet.
const QUIET_NS: u64 = 2_000_000_000;

/// How often the end of joining and of quiet is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How far another clock may be behind this one, when history is read back to the start of the run.
const SKEW_MS: u64 = 60_000;

/// Runs a crowd to its end, or until `stop` turns true; then it is checked all the same.
pub(crate) async fn run(config: &Config, mut stop: watch::Receiver<bool>) -> anyhow::Result<Report> {
    let (entropy, session) = (getrandom::u64().context("no randomness")?, getrandom::u32().context("no randomness")?);
    let seed = config.seed.unwrap_or(entropy);
    let mut random = Random::new(seed);
    let prefix = format!("lg{session:08x}-");
    let opened_unix_ms =
        SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_millis() as u64;
    let ledger = Ledger::new(watershed_ledger::Config {
        foreign_comments: true,
        foreign_likes: config.shared,
        own_prefix: Some(prefix.clone()),
        keep_counts: !config.durable.is_empty(),
        answer_within_ms: (config.answer_within_s * 1e3) as u64,
        ..watershed_ledger::Config::default()
    });
    let (leave, leaving) = watch::channel(false);
    let crowd = Arc::new(Crowd {
        stream: config.stream.clone(),
        web: Web::new(config.nodes.clone()),
        book: Shared::new(Book::new(ledger, Voice::new(config.people, &prefix))?),
        joins: Semaphore::new(JOINS_IN_FLIGHT_MAX),
        leave: leaving,
        opened_unix_ms,
        duplicates: config.duplicates,
    });

    let mut viewers = JoinSet::new();
    let orders = join(config, &crowd, &prefix, &mut random, &mut viewers)?;
    let progress = tokio::spawn(progress::lines(crowd.clone()));
    let stopped = async {
        // A sender that is gone asks for nothing any more.
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::pin!(stopped);
    let mut sending = Duration::ZERO;
    let sent = async {
        connected(config, &crowd).await;
        let start = Instant::now();
        send(config, &crowd, &orders, &mut random, &mut sending).await;
        start.elapsed()
    };
    tokio::select! {
        _ = sent => {}
        () = &mut stopped => {}
    }
    let quiet = quiet(config, &crowd).await;
    let pages = crowd.web.history(&config.stream, opened_unix_ms.saturating_sub(SKEW_MS)).await;
    let durable = durable::read(&config.durable)?;
    let report = check(config, &crowd, seed, sending, quiet, pages, &durable);
    progress.abort();
    let _ = leave.send(true);
    while viewers.join_next().await.is_some() {}
    Ok(report)
}

/// Starts all viewers, their joins spread evenly.
fn join(
    config: &Config,
    crowd: &Arc<Crowd>,
    prefix: &str,
    random: &mut Random,
    viewers: &mut JoinSet<()>,
) -> anyhow::Result<Vec<mpsc::Sender<Order>>> {
    let mut senders = Vec::with_capacity(config.viewers);
    for number in 0..config.viewers {
        let id = ViewerId::new(&format!("{prefix}{number}"))?;
        let (seat, name) = {
            let mut book = crowd.book.lock();
            (book.ledger.seat(&id), book.name(number, &id))
        };
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        senders.push(sender);
        let viewer = Viewer {
            crowd: crowd.clone(),
            id,
            name,
            seat,
            encoding: config.encodings[number % config.encodings.len()],
            names: Names::default(),
            orders,
            random: Random::new(random.next()),
            session: format!("{prefix}{number}"),
            state: State::default(),
        };
        viewers.spawn(viewer.run(Duration::from_secs_f64(number as f64 / config.joins_per_s)));
    }
    Ok(senders)
}

/// Waits until all viewers are connected, within reason.
async fn connected(config: &Config, crowd: &Crowd) {
    let end = Instant::now() + JOIN_WAIT_MAX + Duration::from_secs_f64(config.viewers as f64 / config.joins_per_s);
    while Instant::now() < end && crowd.book.lock().connected < config.viewers as u64 {
        sleep(LOOK_EVERY).await;
    }
}

/// Gives every order at its time; `elapsed` is the time since the first.
async fn send(
    config: &Config,
    crowd: &Crowd,
    orders: &[mpsc::Sender<Order>],
    random: &mut Random,
    elapsed: &mut Duration,
) {
    let zipf = Zipf::new(config.zipf, RECENT_MAX);
    let mut schedules = [
        (Kind::Comment, config.comments_per_s),
        (Kind::Like, config.likes_per_s),
        (Kind::Unlike, config.unlikes_per_s),
        (Kind::Reconnect, config.reconnects_per_s),
        (Kind::Tap, config.taps_per_s),
    ]
    .map(|(kind, per_s)| (kind, Schedule::new(per_s, config.duration_s)));
    let (start, start_ns) = (Instant::now(), crowd.book.lock().now_ns());
    let end_ns = (config.duration_s * 1e9) as u64;
    loop {
        *elapsed = start.elapsed();
        let now_ns = elapsed.as_nanos() as u64;
        let mut held_back = 0;
        for (kind, schedule) in &mut schedules {
            while let Some(due_ns) = schedule.take(now_ns) {
                let Some(order) = order(*kind, start_ns + due_ns, config, crowd, &zipf, random) else { continue };
                let viewer = random.below(orders.len() as u64) as usize;
                held_back += u64::from(orders[viewer].try_send(order).is_err());
            }
        }
        crowd.book.lock().held_back += held_back;
        if now_ns >= end_ns {
            return;
        }
        let next_ns = schedules.iter().filter_map(|(_, schedule)| schedule.next_ns()).min();
        let next_ns = next_ns.unwrap_or(end_ns).min(end_ns);
        tokio::time::sleep_until(start + Duration::from_nanos(next_ns)).await;
    }
}

/// What has a schedule of its own.
#[derive(Clone, Copy)]
enum Kind {
    Comment,
    Like,
    Unlike,
    Reconnect,
    Tap,
}

/// The order that is due; none for a like until the first comment was seen.
fn order(kind: Kind, due_ns: u64, config: &Config, crowd: &Crowd, zipf: &Zipf, random: &mut Random) -> Option<Order> {
    let takes_back = match kind {
        Kind::Comment => return Some(Order::Comment { due_ns }),
        Kind::Reconnect => return Some(Order::Reconnect),
        Kind::Tap => return Some(Order::Tap),
        Kind::Unlike => true,
        Kind::Like => random.unit() < config.unlike_share,
    };
    let recent = &crowd.book.lock().recent;
    let id = zipf.pick(recent.len(), random).map(|rank| recent[recent.len() - 1 - rank])?;
    Some(if takes_back { Order::Unlike { due_ns, id } } else { Order::Like { due_ns, id } })
}

/// Waits until all answers are in and frames change nothing any more; false when that took too long.
async fn quiet(config: &Config, crowd: &Crowd) -> bool {
    let end = Instant::now() + Duration::from_secs_f64(config.quiet_wait_s);
    let start_ns = crowd.book.lock().now_ns();
    loop {
        {
            let book = crowd.book.lock();
            let settled = book.trying == 0 && book.ledger.waiting() == 0;
            if settled && book.now_ns() > book.changed_ns.max(start_ns) + QUIET_NS {
                return true;
            }
        }
        if Instant::now() >= end {
            return false;
        }
        sleep(LOOK_EVERY).await;
    }
}

fn check(
    config: &Config,
    crowd: &Crowd,
    seed: u64,
    sending: Duration,
    quiet: bool,
    pages: anyhow::Result<Pages>,
    durable: &[Durable],
) -> Report {
    let mut book = crowd.book.lock();
    let now_ms = book.now_ms();
    let history = match &pages {
        Ok(pages) => Some(History { comments: &pages.comments, complete: pages.complete }),
        Err(_) => None,
    };
    let durable = (!config.durable.is_empty()).then_some(durable);
    book.ledger.quiet_check(Quiet { history, durable }, now_ms);
    let read = match pages {
        Ok(pages) => HistoryRead { comments: pages.comments.len(), complete: pages.complete, error: None },
        Err(error) => HistoryRead { comments: 0, complete: false, error: Some(format!("{error:#}")) },
    };
    Report::new(config, &book, seed, sending.as_secs_f64(), quiet, read)
}
