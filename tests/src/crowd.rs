//! A crowd of viewers that write at a rate, each driven by a task of its own, through faults and reconnections.
//!
//! The load generator checks the same from outside; this one also sends writes twice, has people with two devices, and
//! lets a test break things in the middle. Invariant: a write is sent until its last word, under one ref and stamp.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval},
};
use watershed_ledger::{Durable, History, Quiet, Report};
use watershed_protocol::{
    CommentId,
    client::{Encoding, Line},
    limits::SNAPSHOT_COMMENTS_MAX,
};

use crate::{
    book::Book,
    chance::below,
    member::{Member, Order, Shared},
    until,
    view::View,
    viewer::Viewer,
    web,
};

/// What a crowd does each second.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Connections; every tenth person has two of them.
    pub viewers: usize,
    /// Comments a second.
    pub comments: u64,
    /// Likes and unlikes a second.
    pub likes: u64,
}

/// Comments about which the cluster may be asked at once.
const LIKES_ASKED_MAX: usize = 100;

/// One in so many likes takes one back.
const UNLIKE_EVERY: u64 = 10;

/// See the head of the file.
#[derive(Debug)]
pub struct Crowd {
    shared: Arc<Shared>,
    views: Vec<Arc<Mutex<View>>>,
    orders: Vec<mpsc::UnboundedSender<Order>>,
    sending: watch::Sender<bool>,
    sender: Option<JoinHandle<()>>,
    viewers: JoinSet<()>,
    book: Arc<Book>,
}

impl Crowd {
    /// Lets everybody in, through these nodes, and waits for their first snapshots.
    pub async fn join(book: &Arc<Book>, nodes: Vec<String>, rates: Rates) -> Self {
        Self::gather(book, nodes, rates, false).await
    }

    /// The same at this one node, wherever they belong.
    pub async fn join_at(book: &Arc<Book>, node: String, rates: Rates) -> Self {
        Self::gather(book, vec![node], rates, true).await
    }

    async fn gather(book: &Arc<Book>, nodes: Vec<String>, rates: Rates, stays: bool) -> Self {
        let shared = Arc::new(Shared { nodes: Mutex::new(nodes), ..Shared::default() });
        let (mut orders, mut views, mut viewers) = (Vec::new(), Vec::new(), JoinSet::new());
        for number in 0..rates.viewers {
            let person = if number % 10 == 9 { number - 1 } else { number };
            let encoding = Encoding::ALL[number % Encoding::ALL.len()];
            let mut viewer = Viewer::new(book, &format!("person-{person}"), encoding);
            viewer.stays = stays;
            views.push(viewer.view.clone());
            let (sender, receiver) = mpsc::unbounded_channel();
            orders.push(sender);
            let member = Member::new(viewer, shared.clone(), number as u64);
            viewers.spawn(member.run(receiver));
        }
        let (sending, _) = watch::channel(true);
        let crowd = Self { shared, views, orders, sending, sender: None, viewers, book: book.clone() };
        let all = rates.viewers as u64;
        until("the crowd joins", async || {
            let joined = crowd.views().iter().filter(|view| view.point.is_some()).count() as u64;
            if joined == all { Ok(()) } else { Err(format!("{joined} of {all} have a view")) }
        })
        .await;
        crowd
    }

    /// Begins to write, at the rates that the crowd was made for.
    pub fn write(&mut self, rates: Rates) {
        self.sending.send_replace(true);
        let (orders, view, sending) = (self.orders.clone(), self.views[0].clone(), self.sending.subscribe());
        self.sender = Some(tokio::spawn(order(self.shared.clone(), orders, view, rates, sending)));
    }

    /// Which nodes a viewer that comes back may ask from now on.
    pub fn set_nodes(&self, nodes: Vec<String>) {
        *self.shared.nodes.lock().unwrap_or_else(PoisonError::into_inner) = nodes;
    }

    /// How many have come back after their connection ended.
    pub fn reconnected(&self) -> u64 {
        self.shared.reconnected.load(Ordering::Relaxed)
    }

    /// Waits until the crowd has so many more writes acknowledged than now.
    pub async fn acknowledged_more(&self, comments: u64, likes: u64) {
        let count = || {
            let report = self.book.ledger().report();
            (report.comments.acknowledged, report.likes.acknowledged + report.unlikes.acknowledged)
        };
        let before = count();
        until("more writes are acknowledged", async || {
            let now = count();
            let enough = now.0 >= before.0 + comments && now.1 >= before.1 + likes;
            if enough { Ok(()) } else { Err(format!("(comments, likes) before {before:?}, now {now:?}")) }
        })
        .await;
    }

    /// Stops writing; what was ordered is tried on.
    pub async fn pause(&mut self) {
        self.sending.send_replace(false);
        if let Some(sender) = self.sender.take() {
            sender.await.expect("the sender does not panic");
        }
    }

    /// Stops writing, waits until everything has been told to everybody, and checks every promise.
    ///
    /// Gives the ledger in figures and the history, newest first.
    pub async fn finish(mut self, durable: impl FnOnce() -> Vec<Durable>) -> (Report, Vec<Line>) {
        self.check(durable).await
    }

    /// The same, and the crowd may write on afterwards.
    pub async fn check(&mut self, durable: impl FnOnce() -> Vec<Durable>) -> (Report, Vec<Line>) {
        self.pause().await;
        let (shared, all) = (self.shared.clone(), self.views.len() as u64);
        until("the last word on every write", async || {
            let (trying, connected) = (shared.trying.load(Ordering::Relaxed), shared.connected.load(Ordering::Relaxed));
            let waiting = self.book.ledger().waiting();
            let settled = trying == 0 && waiting == 0 && connected == all;
            let still = format!("{trying} are tried, {waiting} wait for answers, {connected} of {all} are connected");
            if settled { Ok(()) } else { Err(still) }
        })
        .await;
        let node = shared.nodes.lock().unwrap_or_else(PoisonError::into_inner)[0].clone();
        let history = web::whole_history(&node, self.book.stream.as_str(), 50).await;
        // Whoever does not come to see all of it is named by the ledger.
        let settling =
            until("every view shows the history's newest comments and counts", async || self.settled(&history));
        let settled = tokio::time::timeout(crate::PATIENCE / 2, settling).await.is_ok();
        self.ask_for_likes(&node).await;
        let durable = durable();
        let mut ledger = self.book.ledger();
        let (quiet, checked) = (History { comments: &history, complete: true }, ledger.report().views_checked);
        ledger.quiet_check(Quiet { history: Some(quiet), durable: Some(&durable) }, self.book.now_ms());
        let report = ledger.report();
        drop(ledger);
        assert!(report.violations.is_empty(), "broken promises: {:#?}", report.violations);
        assert!(settled, "{:?}", self.settled(&history));
        assert_eq!(report.views_checked - checked, all, "views that were checked");
        assert!(!self.viewers.is_empty() && self.viewers.try_join_next().is_none(), "a viewer has ended");
        (report, history)
    }

    /// Asks for each viewer what it likes, of all that the ledger is sure about.
    async fn ask_for_likes(&self, node: &str) {
        let certain = self.book.ledger().certain_likes();
        for (viewer, certain) in &certain {
            let ids: Vec<CommentId> = certain.keys().copied().collect();
            let mut told = BTreeSet::new();
            for page in ids.chunks(LIKES_ASKED_MAX) {
                let asked = page.iter().map(CommentId::to_string).collect::<Vec<_>>().join(",");
                let url = format!("{node}/v1/streams/{}/likes?viewer={viewer}&ids={asked}", self.book.stream);
                let liked: Vec<CommentId> = serde_json::from_value(web::when_available(&url).await["liked"].take())
                    .unwrap_or_else(|error| panic!("{url}: {error}"));
                told.extend(liked);
            }
            self.book.ledger().own_likes(viewer, certain, &told, self.book.now_ms());
        }
    }

    fn views(&self) -> Vec<View> {
        self.views.iter().map(|view| view.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }

    /// Whether every view has the newest comments and all counts that the history has.
    fn settled(&self, history: &[Line]) -> Result<(), String> {
        let counts: BTreeMap<CommentId, u64> = history.iter().map(|line| (line.id, line.likes)).collect();
        for (number, view) in self.views().iter().enumerate() {
            let seen: BTreeMap<CommentId, u64> = view.comments.iter().map(|line| (line.id, line.likes)).collect();
            let newest = history.iter().take(SNAPSHOT_COMMENTS_MAX).map(|line| &line.id);
            let late = seen.keys().chain(newest).find(|id| seen.get(id) != counts.get(id));
            if let Some(id) = late {
                let (shown, likes) = (seen.get(id), counts.get(id));
                return Err(format!("view {number} shows {shown:?} likes of {id}, the history {likes:?}"));
            }
        }
        Ok(())
    }
}

/// Gives orders at their times until it is told to stop. Likes go to what the first viewer sees, newer ones more often.
async fn order(
    shared: Arc<Shared>,
    orders: Vec<mpsc::UnboundedSender<Order>>,
    view: Arc<Mutex<View>>,
    rates: Rates,
    mut sending: watch::Receiver<bool>,
) {
    let mut tick = interval(Duration::from_millis(20));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (start, mut done, mut random) = (Instant::now(), (0, 0), 1);
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            _ = sending.wait_for(|sending| !sending) => return,
        }
        let elapsed_ms = start.elapsed().as_millis() as u64;
        let give = |order, random: &mut u64| {
            shared.trying.fetch_add(1, Ordering::Relaxed);
            // A viewer that is gone has panicked, which the end of the crowd tells.
            let _ = orders[below(random, orders.len() as u64) as usize].send(order);
        };
        while done.0 < elapsed_ms * rates.comments / 1_000 {
            done.0 += 1;
            give(Order::Comment, &mut random);
        }
        let seen: Vec<CommentId> =
            view.lock().unwrap_or_else(PoisonError::into_inner).comments.iter().rev().map(|line| line.id).collect();
        while done.1 < elapsed_ms * rates.likes / 1_000 {
            done.1 += 1;
            let Some(last) = seen.len().checked_sub(1) else { continue };
            let id = seen[below(&mut random, 1 + last as u64).min(below(&mut random, 1 + last as u64)) as usize];
            let takes_back = below(&mut random, UNLIKE_EVERY) == 0;
            give(if takes_back { Order::Unlike(id) } else { Order::Like(id) }, &mut random);
        }
    }
}
