//! One stream at one broadcast node: its room, its seats, and the carousel's turn, without sockets.
//!
//! What a carousel worker is in production, on the same room, session and round. Invariant: a seat is sent own answers
//! before shared frames, and its cursor moves only over what was sent.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use watershed_broadcast::{Behind, Cursor, Place, Room, RoomConfig, Session, Update, carousel::Round};
use watershed_protocol::{Epoch, Gap, Millis, Seq, StreamId, client::Response, client::frame_of, limits};

use crate::{
    network::{ConnId, Side},
    outside::Outside,
};

/// After so long without a frame everybody gets a beat.
pub(crate) const BEAT_MS: u64 = 5_000;
/// How long a viewer waits for the room to come to its resume point.
const AHEAD_WAIT_MS: u64 = 2_000;

/// One viewer's place.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) conn: ConnId,
    pub(crate) session: Session,
    cursor: Cursor,
    behind: Behind,
    /// Its place in the round.
    member: u32,
    /// Its resume point, while that is ahead of the room, and until when it waits.
    ahead: Option<((Epoch, Seq), Millis)>,
    own: Vec<u8>,
    own_waiting: u8,
    /// What it has sent while it was not read.
    pub(crate) unread: VecDeque<Bytes>,
    /// Pieces that its socket takes.
    room: u32,
}

impl Seat {
    /// Whether too much is unanswered.
    pub(crate) fn is_halted(&self) -> bool {
        self.own_waiting >= limits::UNANSWERED_MAX || !self.session.may_read()
    }

    /// A message for it alone.
    pub(crate) fn push(&mut self, response: &Response) {
        let encoding = self.session.encoding();
        self.own.extend_from_slice(&frame_of(encoding.opcode(), &response.encode(encoding)));
        self.own_waiting += 1;
    }
}

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Hall {
    pub(crate) stream: StreamId,
    pub(crate) room: Room,
    round: Round,
    pub(crate) seats: BTreeMap<u32, Seat>,
    /// Whether a turn is on the agenda.
    pub(crate) turning: bool,
    beating: bool,
    spoke_at: Millis,
    /// Since when nobody is here.
    pub(crate) empty_since: Millis,
}

impl Hall {
    pub(crate) fn new(stream: StreamId, now: Millis) -> Self {
        Self {
            stream,
            // Small, so that viewers fall out of the log.
            room: Room::new(RoomConfig { frames_kept: 32, ..RoomConfig::default() }),
            round: Round::default(),
            seats: BTreeMap::new(),
            turning: false,
            beating: false,
            spoke_at: now,
            empty_since: now,
        }
    }

    /// Seats a viewer. The resume point to ask the root about, if it is ahead of the room.
    pub(crate) fn join(
        &mut self,
        now: Millis,
        number: u32,
        (conn, session, room): (ConnId, Session, u32),
        resume: Option<(Epoch, Seq)>,
        welcome: &Bytes,
    ) -> Option<(Epoch, Seq)> {
        let (cursor, ahead) = match self.room.place(resume) {
            Place::At(cursor) => (cursor, None),
            Place::Ahead => (Cursor::NOTHING, resume),
        };
        let member = self.round.join(number);
        let ahead_until = ahead.map(|point| (point, now.plus(AHEAD_WAIT_MS)));
        let (own, unread, behind) = (welcome.to_vec(), VecDeque::new(), Behind::Resumes);
        let seat =
            Seat { conn, session, cursor, behind, member, ahead: ahead_until, own, own_waiting: 0, unread, room };
        self.seats.insert(number, seat);
        ahead
    }

    pub(crate) fn leave(&mut self, now: Millis, number: u32) {
        let Some(seat) = self.seats.remove(&number) else { return };
        let seats = &mut self.seats;
        self.round.leave(seat.member, |moved, to| {
            if let Some(seat) = seats.get_mut(&moved) {
                seat.member = to;
            }
        });
        self.empty_since = now;
    }

    /// Takes what the feed brings. Everybody is to be served then.
    pub(crate) fn publish(&mut self, now: Millis, update: Update) -> Result<(), Gap> {
        let head = self.room.head();
        self.room.publish(now, update)?;
        if self.room.head() != head {
            self.beating = false;
            self.spoke_at = now;
            self.round.call();
            for seat in self.seats.values_mut() {
                let placed = seat.ahead.map(|(point, _)| self.room.place(Some(point)));
                if let Some(Place::At(cursor)) = placed {
                    (seat.cursor, seat.ahead, seat.behind) = (cursor, None, Behind::Resumes);
                }
            }
        }
        Ok(())
    }

    /// The root does not know this point: who waits for it starts anew.
    pub(crate) fn start_over(&mut self, point: (Epoch, Seq)) {
        let waits = |seat: &&mut Seat| seat.ahead.is_some_and(|(ahead, _)| ahead == point);
        self.seats.values_mut().filter(waits).for_each(|seat| (seat.cursor, seat.ahead) = (Cursor::NOTHING, None));
        self.round.call();
    }

    /// Serves some of those whose turn it is. True when the turn goes on.
    pub(crate) fn turn(&mut self, outside: &mut Outside, now: Millis) -> bool {
        for _ in 0..outside.random.u8(1..=6) {
            let Some(number) = self.round.advance() else { break };
            self.serve(outside, now, number, self.beating);
        }
        let goes_on = self.round.waiting() > 0;
        self.beating &= goes_on;
        goes_on
    }

    /// Who has sent more than was read, and may be read again.
    pub(crate) fn readable(&self) -> impl Iterator<Item = u32> {
        let free = |seat: &Seat| !seat.unread.is_empty() && !seat.is_halted();
        self.seats.iter().filter(move |(_, seat)| free(seat)).map(|(number, _)| *number)
    }

    /// Whether a turn is to be put on the agenda.
    pub(crate) fn wants_turn(&self) -> bool {
        self.round.waiting() > 0 && !self.turning
    }

    /// Sends one viewer all that it is owed, if its socket takes it.
    pub(crate) fn serve(&mut self, outside: &mut Outside, now: Millis, number: u32, beat: bool) {
        let Some(seat) = self.seats.get_mut(&number) else { return };
        if outside.network.under_way(seat.conn, Side::Called) >= seat.room {
            return;
        }
        let encoding = seat.session.encoding();
        let own = std::mem::take(&mut seat.own);
        seat.own_waiting = 0;
        let had_own = !own.is_empty();
        if had_own {
            outside.send(seat.conn, Side::Called, own.into());
        }
        if seat.ahead.is_some() {
            return;
        }
        match self.room.since(now, seat.cursor, encoding, seat.behind) {
            Some(chunk) => {
                (seat.cursor, seat.behind) = (chunk.to, Behind::Lags);
                outside.send(seat.conn, Side::Called, chunk.bytes);
            }
            None if beat && !had_own => {
                if let Some(beat) = self.room.beat(encoding) {
                    outside.send(seat.conn, Side::Called, beat);
                }
            }
            None => {}
        }
    }

    /// Beats, and says who has waited too long for its resume point.
    pub(crate) fn tick(&mut self, now: Millis) -> Vec<u32> {
        if now.since(self.spoke_at) >= BEAT_MS && self.round.waiting() == 0 {
            self.spoke_at = now;
            self.beating = true;
            self.round.call();
        }
        let over = |seat: &Seat| seat.ahead.is_some_and(|(_, until)| until <= now);
        self.seats.iter().filter(|(_, seat)| over(seat)).map(|(number, _)| *number).collect()
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        let ahead = self.seats.values().filter_map(|seat| seat.ahead.map(|(_, until)| until));
        let beat = (!self.seats.is_empty()).then(|| self.spoke_at.plus(BEAT_MS));
        ahead.chain(beat).min()
    }
}
