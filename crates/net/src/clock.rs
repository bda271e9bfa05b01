//! The clock of one process: wall time that never falls, and the hybrid time that all its machines share.
//!
//! Drivers read it and hand the time to machines; links tell it what peers' clocks say. Invariant: within a process
//! neither `now` nor `hybrid` ever returns less than before, whatever is done to the machine's wall clock.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use tracing::warn;
use watershed_protocol::{HybridClock, HybridTime, Millis};

/// Wall and hybrid time, shared by all tasks and threads of a process.
///
/// The wall clock is read once, at the start; from then on the monotonic clock counts. A step of the wall clock is so taken
/// over only by a restart, where hybrid time bridges it.
#[derive(Debug)]
pub struct SharedClock {
    origin: Instant,
    origin_wall: Millis,
    hybrid: Mutex<HybridClock>,
    jumps_refused: AtomicU64,
}

impl SharedClock {
    /// Starts at the machine's wall time.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::start_at(Millis::new(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Starts at a given time, as if the machine's wall clock said so.
    pub fn start_at(wall: Millis) -> Self {
        Self {
            origin: Instant::now(),
            origin_wall: wall,
            hybrid: Mutex::new(HybridClock::default()),
            jumps_refused: AtomicU64::new(0),
        }
    }

    /// Milliseconds since the Unix epoch.
    pub fn now(&self) -> Millis {
        self.origin_wall.plus(self.origin.elapsed().as_millis() as u64)
    }

    /// When `now` will have reached `time`: for sleeping until a machine's deadline. A past time gives a past instant.
    pub fn instant_of(&self, time: Millis) -> Instant {
        // A hundred years: a deadline that far is never, and adding it stays within what an `Instant` holds.
        const FAR_MS: u64 = 100 * 365 * 24 * 3_600 * 1_000;
        self.origin + Duration::from_millis(time.since(self.origin_wall).min(FAR_MS))
    }

    /// A hybrid time later than all before it, own or heard.
    pub fn hybrid(&self) -> HybridTime {
        let now = self.now();
        self.lock().tick(now)
    }

    /// Advances to a peer's hybrid time. One that jumps more than [`HybridClock::JUMP_MS_MAX`] ahead is ignored, counted
    /// and logged: then this machine's clock or the peer's is wrong.
    pub fn hear(&self, peer: &dyn std::fmt::Display, heard: HybridTime) {
        let now = self.now();
        if self.lock().hear(now, heard) {
            return;
        }
        let refused = self.jumps_refused.fetch_add(1, Ordering::Relaxed) + 1;
        // A wrong clock is heard twice a second: the log doubles its patience each time, the metric counts all.
        if refused.is_power_of_two() {
            let ahead_ms = heard.millis().since(now);
            warn!(%peer, ahead_ms, refused, "ignored a peer's time that is too far ahead");
        }
    }

    /// Advances to a time that this node made durable before its start, however far ahead it is.
    pub fn recover(&self, durable: HybridTime) {
        self.lock().recover(durable);
    }

    /// How many of the peers' times were ignored.
    pub fn jumps_refused(&self) -> u64 {
        self.jumps_refused.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, HybridClock> {
        self.hybrid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_reached_by_instant_is_reached_by_millis() {
        let clock = SharedClock::start();
        let now = clock.now();
        assert!(clock.instant_of(now) <= Instant::now());
        let ahead = clock.instant_of(now.plus(10)).duration_since(clock.instant_of(now));
        assert_eq!(ahead, Duration::from_millis(10));
        assert!(clock.instant_of(Millis::default()) <= Instant::now());
        assert!(clock.instant_of(Millis::new(u64::MAX)) > Instant::now());
    }

    #[test]
    fn hybrid_time_rises_with_each_question_and_with_what_is_heard() {
        let clock = SharedClock::start_at(Millis::new(1_000_000));
        let first = clock.hybrid();
        assert!(clock.hybrid() > first);
        let heard = HybridTime::at(Millis::new(1_000_900));
        clock.hear(&"p1", heard);
        assert!(clock.hybrid() > heard);
    }

    #[test]
    fn a_peer_that_is_too_far_ahead_is_ignored_and_counted() {
        let clock = SharedClock::start_at(Millis::new(1_000_000));
        let far = HybridTime::at(Millis::new(9_000_000));
        clock.hear(&"p1", far);
        assert!(clock.hybrid() < far);
        assert_eq!(clock.jumps_refused(), 1);
        clock.recover(far);
        assert!(clock.hybrid() > far);
    }
}
