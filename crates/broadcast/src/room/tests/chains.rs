//! Viewers of any kind, over any history: what they have put together is what the room shows.

use super::*;

/// Comments are numbered as they are written, which a root may do within an epoch; beyond it nobody compares.
fn ordinal(n: u32) -> Option<Ordinal> {
    Ordinal::try_from(u64::from(n) + 1).ok()
}

/// The stream's truth, from which a root would make its frames.
#[derive(Default)]
struct Root {
    epoch: u64,
    seq: u64,
    written: u32,
    likes: BTreeMap<u32, u64>,
    taps: u64,
}

impl Root {
    fn shown(&self, n: u32) -> Shown {
        Shown { ordinal: ordinal(n), ..shown(n, self.likes[&n]) }
    }

    /// A comment that is not deleted.
    fn some(&self, pick: usize) -> Option<u32> {
        self.likes.keys().nth(pick % self.likes.len().max(1)).copied()
    }

    fn frame(&mut self, step: &Step) -> Update {
        let mut delta = Delta::empty(Epoch::new(self.epoch), Seq::new(self.seq), Seq::new(self.seq + step.span));
        self.seq += step.span;
        for _ in 0..step.comments {
            self.likes.insert(self.written, 0);
            delta.comments.push(self.shown(self.written));
            self.written += 1;
        }
        let liked: BTreeMap<u32, u64> = step.likes.iter().filter_map(|(n, k)| Some((self.some(*n)?, *k))).collect();
        let gone = step.delete.and_then(|pick| self.some(pick));
        for (n, count) in liked.iter().filter(|(n, _)| Some(**n) != gone) {
            delta.likes.push((id(*n), *count));
            delta.likes_ordinals.push(ordinal(*n));
        }
        self.likes.extend(liked);
        if let Some(n) = gone {
            self.likes.remove(&n);
            delta.deleted.push(id(n));
            delta.deleted_ordinals.push(ordinal(n));
        }
        delta.pinned = step.pin.map(|pick| match pick.and_then(|pick| self.some(pick)) {
            Some(n) => Pinned::Comment(self.shown(n)),
            None => Pinned::Nothing,
        });
        delta.top = step.top.map(|pick| self.some(pick).map(|n| self.shown(n)).into_iter().collect());
        if step.taps > 0 {
            self.taps += step.taps;
            delta.reactions = Some(self.reactions());
            delta.viewers = Some(self.taps / 2);
        }
        delta.total = step.comments.into();
        delta.shown = step.comments.into();
        Update::Frame(Arc::new(delta))
    }

    fn snapshot(&mut self, epochs: u64) -> Update {
        self.epoch += epochs;
        self.seq = if epochs > 0 { 0 } else { self.seq + 3 };
        let newest = self.likes.keys().rev().take(limits::SNAPSHOT_COMMENTS_MAX);
        let mut comments: Vec<Shown> = newest.map(|n| self.shown(*n)).collect();
        comments.reverse();
        Update::Snapshot(Snapshot {
            epoch: Epoch::new(self.epoch),
            seq: Seq::new(self.seq),
            partial: false,
            viewers: self.taps / 2,
            reactions: self.reactions(),
            pinned: Pinned::Nothing,
            top: comments.first().cloned().into_iter().collect(),
            comments,
        })
    }

    fn reactions(&self) -> Reactions {
        Reactions::from([("heart".to_owned().try_into().unwrap(), self.taps)])
    }
}

/// A browser, by the rules of the protocol.
#[derive(Default)]
struct Screen {
    encoding: Encoding,
    names: Names,
    cursor: Option<Cursor>,
    resumes: bool,
    /// Comments that it was told of and not given, since its last snapshot.
    left_out: u64,
    point: Option<(u64, u64)>,
    viewers: u64,
    reactions: BTreeMap<String, u64>,
    pinned: Option<Line>,
    top: Vec<Line>,
    comments: Vec<Line>,
}

impl Screen {
    fn apply(&mut self, message: Response) {
        match message {
            Response::Snapshot { epoch, seq, viewers, reactions, pinned, top, comments, .. } => {
                assert!(self.point <= Some((epoch, seq)), "the view went back from {:?}", self.point);
                self.point = Some((epoch, seq));
                (self.viewers, self.reactions, self.pinned) = (viewers, reactions, pinned);
                (self.top, self.comments, self.left_out) = (top, comments, 0);
            }
            Response::Delta {
                epoch,
                from,
                seq,
                comments,
                likes,
                deleted,
                pinned,
                top,
                reactions,
                viewers,
                shown,
                total,
            } => {
                assert_eq!(self.point, Some((epoch, from)), "the chain is broken");
                assert!(!self.resumes || shown == total, "who resumes was given a part");
                self.left_out += total - shown;
                self.point = Some((epoch, seq));
                self.comments.extend(comments);
                self.pinned = pinned.unwrap_or(self.pinned.take());
                self.top = top.unwrap_or(std::mem::take(&mut self.top));
                self.reactions = reactions.unwrap_or(std::mem::take(&mut self.reactions));
                self.viewers = viewers.unwrap_or(self.viewers);
                for (id, count) in likes {
                    let all = self.comments.iter_mut().chain(&mut self.top).chain(&mut self.pinned);
                    all.filter(|line| line.id == id).for_each(|line| line.likes = count);
                }
                let gone = |line: &Line| deleted.contains(&line.id);
                self.comments.retain(|line| !gone(line));
                self.top.retain(|line| !gone(line));
                self.pinned = self.pinned.take().filter(|line| !gone(line));
            }
            other => panic!("not of a room: {other:?}"),
        }
    }

    fn agrees_with(&self, room: &Room) {
        let Response::Snapshot { epoch, seq, viewers, reactions, pinned, top, comments, .. } =
            Response::from(&room.view().unwrap().snapshot())
        else {
            unreachable!()
        };
        assert_eq!(self.point, Some((epoch, seq)));
        assert_eq!((self.viewers, &self.reactions), (viewers, &reactions));
        assert_eq!((&self.pinned, &self.top), (&pinned, &top));
        // A screen may keep more than the room's newest, and lack what it was told that it lacks.
        let mut screen = self.comments.iter();
        let lacking = comments.iter().filter(|line| !screen.clone().any(|shown| shown == *line)).count();
        assert!(lacking as u64 <= self.left_out, "{lacking} comments are lacking, {} were left out", self.left_out);
        let newest = comments.iter().filter(|line| self.comments.contains(line));
        assert!(newest.clone().all(|line| screen.any(|shown| shown == line)), "the order is another");
    }

    /// Takes what the room has for it.
    fn visit(&mut self, room: &mut Room, now: Millis) {
        let cursor = self.cursor.unwrap_or(Cursor::NOTHING);
        let behind = if self.resumes { Behind::Resumes } else { Behind::Lags };
        match room.since(now, cursor, self.encoding, behind) {
            Some(chunk) => {
                messages_to(&mut self.names, &chunk.bytes, self.encoding)
                    .into_iter()
                    .for_each(|message| self.apply(message));
                assert_eq!(chunk.to, room.head());
                self.cursor = Some(chunk.to);
            }
            None => assert_eq!(cursor, room.head()),
        }
        self.resumes = false;
        self.agrees_with(room);
    }
}

#[derive(Clone, Debug)]
struct Step {
    span: u64,
    comments: u32,
    likes: Vec<(usize, u64)>,
    delete: Option<usize>,
    pin: Option<Option<usize>>,
    top: Option<usize>,
    taps: u64,
}

#[derive(Clone, Debug)]
enum Event {
    Frame(Step),
    /// A snapshot of so many epochs later; of the same epoch after a gap when 0.
    Snapshot(u64),
    Wait(u64),
    Join(Encoding),
    Visit(usize),
    /// A viewer comes back with its point.
    Resume(usize),
}

fn steps() -> impl Strategy<Value = Step> {
    let likes = prop::collection::vec((any::<usize>(), 0u64..99), 0..4);
    let comments = prop_oneof![8 => 0u32..4, 1 => 30u32..70];
    let pin = prop::option::weighted(0.2, prop::option::of(any::<usize>()));
    let (delete, top) = (prop::option::weighted(0.3, any::<usize>()), prop::option::weighted(0.2, any::<usize>()));
    (prop_oneof![9 => Just(1u64), 1 => 2u64..5], comments, likes, delete, pin, top, 0u64..3).prop_map(
        |(span, comments, likes, delete, pin, top, taps)| Step { span, comments, likes, delete, pin, top, taps },
    )
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => steps().prop_map(Event::Frame),
        1 => (0u64..3).prop_map(Event::Snapshot),
        3 => (0u64..700).prop_map(Event::Wait),
        3 => prop::sample::select(&Encoding::ALL[..]).prop_map(Event::Join),
        9 => any::<usize>().prop_map(Event::Visit),
        3 => any::<usize>().prop_map(Event::Resume),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whoever_applies_its_chunks_has_the_rooms_view(
        events in prop::collection::vec(events(), 1..120),
        frames_kept in 1usize..20,
    ) {
        let (mut root, mut now) = (Root { epoch: 1, ..Root::default() }, START);
        let mut room = Room::new(RoomConfig { frames_kept, ..RoomConfig::default() });
        let mut screens: Vec<Screen> = Vec::new();
        room.publish(now, root.snapshot(0)).unwrap();
        for event in events {
            match event {
                Event::Frame(step) => room.publish(now, root.frame(&step)).unwrap(),
                Event::Snapshot(epochs) => room.publish(now, root.snapshot(epochs)).unwrap(),
                Event::Wait(ms) => now = now.plus(ms),
                Event::Join(encoding) => screens.push(Screen { encoding, ..Screen::default() }),
                Event::Visit(pick) => {
                    let viewers = screens.len().max(1);
                    if let Some(screen) = screens.get_mut(pick % viewers) {
                        screen.visit(&mut room, now);
                    }
                }
                Event::Resume(pick) => {
                    let viewers = screens.len().max(1);
                    let Some(screen) = screens.get_mut(pick % viewers) else { continue };
                    match room.place(screen.point.map(|(epoch, seq)| point(epoch, seq))) {
                        Place::At(cursor) => (screen.cursor, screen.resumes) = (Some(cursor), true),
                        Place::Ahead => panic!("no point is ahead of the room that it came from"),
                    }
                }
            }
        }
        screens.iter_mut().for_each(|screen| screen.visit(&mut room, now));
    }
}
