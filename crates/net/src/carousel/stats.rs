//! What the workers have done, for `/metrics`.
//!
//! Each worker counts in plain numbers and publishes them once a pass, so that counting costs no shared cache line per
//! write. Invariant: a worker is the only one that writes its own [`Stats`].

use std::sync::atomic::{AtomicU64, Ordering};

use watershed_broadcast::ChunkKind;
use watershed_protocol::client::Code;

/// Defines the figures once, each with the words that explain it: as plain numbers, and as atomics of the same names.
macro_rules! figures {
    (gauges: $(#[doc = $gauge_doc:literal] $gauge:ident,)* counters: $(#[doc = $counter_doc:literal] $counter:ident,)*) => {
        /// What workers have done since their start; gauges are as of now.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Figures {
            $(#[doc = $gauge_doc] pub $gauge: u64,)*
            $(#[doc = $counter_doc] pub $counter: u64,)*
        }

        impl Figures {
            /// Each figure that goes up and down, in a fixed order.
            pub fn gauges(&self) -> impl Iterator<Item = Explained> {
                [$(Explained { name: stringify!($gauge), help: $gauge_doc, value: self.$gauge },)*].into_iter()
            }

            /// Each figure that only grows, in a fixed order.
            pub fn counters(&self) -> impl Iterator<Item = Explained> {
                [$(Explained { name: stringify!($counter), help: $counter_doc, value: self.$counter },)*].into_iter()
            }
        }

        /// One worker's figures as others see them.
        #[derive(Debug, Default)]
        pub(super) struct Stats {
            $($gauge: AtomicU64,)*
            $($counter: AtomicU64,)*
        }

        impl Stats {
            pub(super) fn publish(&self, figures: &Figures) {
                $(self.$gauge.store(figures.$gauge, Ordering::Relaxed);)*
                $(self.$counter.store(figures.$counter, Ordering::Relaxed);)*
            }

            fn read(&self) -> Figures {
                Figures {
                    $($gauge: self.$gauge.load(Ordering::Relaxed),)*
                    $($counter: self.$counter.load(Ordering::Relaxed),)*
                }
            }
        }

        /// Adds up; of a maximum the greatest stays.
        fn add(sum: &mut Figures, other: &Figures) {
            $(sum.$gauge = if stringify!($gauge).ends_with("_max") {
                sum.$gauge.max(other.$gauge)
            } else {
                sum.$gauge + other.$gauge
            };)*
            $(sum.$counter += other.$counter;)*
        }
    };
}

/// One figure with its name, and what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explained {
    /// As in [`Figures`].
    pub name: &'static str,
    /// A line of help.
    pub help: &'static str,
    /// How much it is.
    pub value: u64,
}

impl Figures {
    /// Each figure, in a fixed order.
    pub fn all(&self) -> impl Iterator<Item = Explained> {
        self.gauges().chain(self.counters())
    }
}

figures! {
    gauges:
    /// Viewers that are connected now.
    viewers,
    /// Bytes now kept alive by partly written frames.
    held_bytes,
    /// Bytes now kept of messages that have not come whole.
    input_bytes,
    /// Microseconds of the longest turn.
    turn_us_max,
    counters:
    /// Viewers that have come.
    joined,
    /// Writes that brought a viewer a frame, a range or a snapshot.
    frames_written,
    /// Bytes that sockets took.
    bytes_written,
    /// Writes that brought several frames merged into one.
    ranges_written,
    /// Of these, writes of ranges that left comments out, and said how many.
    samples_written,
    /// Writes that brought a snapshot.
    snapshots_written,
    /// Writes that brought a beat.
    beats_written,
    /// Times that a room was locked for bytes that no viewer of the worker had needed before.
    chunks_fetched,
    /// Writes that a socket took nothing of.
    would_block,
    /// Writes that a socket took a part of.
    partial,
    /// Messages that viewers sent.
    messages_in,
    /// Writes handed on to the uplink.
    writes_in,
    /// Writes refused because the uplink's channel was full.
    writes_refused,
    /// Writes refused because their viewer made too many in a minute.
    refused_rate_limited,
    /// Writes refused because too many of their viewer were unanswered.
    refused_unanswered,
    /// Messages refused for what they say: never to be sent again as they are.
    refused_invalid,
    /// Answers handed to viewers.
    answers_out,
    /// Answers whose viewer had gone.
    answers_late,
    /// Turns that came to their end.
    turns,
    /// Microseconds that turns took, in all.
    turn_us,
    /// Connections that ended at the client's wish, or by its silence of the network.
    closed_gone,
    /// Connections closed because the client broke the protocol, 1002, 1003 or 1007.
    closed_protocol,
    /// Connections closed because a message was too large, 1009.
    closed_too_large,
    /// Connections closed because nothing was taken for too long.
    closed_stalled,
    /// Connections closed because they kept too many bytes alive.
    closed_held,
    /// Connections closed because input in pieces took too much memory, 1013.
    closed_input,
    /// Connections closed because the room did not reach their resume point, 1013.
    closed_ahead,
    /// Connections refused because too many were waiting to be seated, 1013.
    closed_full,
    /// Viewers that were told to move to another node.
    moves_told,
    /// Clients that were turned away after their handshake, 1013: sent on to another node, or told to come later.
    turned_away,
}

impl Figures {
    /// A viewer is refused what it sent.
    pub(super) fn refused(&mut self, code: Code) {
        match code {
            Code::RateLimited => self.refused_rate_limited += 1,
            Code::Overloaded => self.refused_unanswered += 1,
            _ => self.refused_invalid += 1,
        }
    }

    /// A socket took so many bytes, with at least the beginning of this; of a beat when it is none.
    pub(super) fn written(&mut self, bytes: usize, kind: Option<ChunkKind>) {
        self.bytes_written += bytes as u64;
        let Some(kind) = kind else {
            self.beats_written += 1;
            return;
        };
        self.frames_written += 1;
        match kind {
            ChunkKind::Frame => {}
            ChunkKind::Range { sampled, .. } => {
                self.ranges_written += 1;
                self.samples_written += u64::from(sampled);
            }
            ChunkKind::Snapshot => self.snapshots_written += 1,
        }
    }
}

/// The sum over workers.
pub(super) fn sum<'a>(workers: impl IntoIterator<Item = &'a Stats>) -> Figures {
    let mut figures = Figures::default();
    for worker in workers {
        add(&mut figures, &worker.read());
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_add_up_and_the_longest_turn_stays() {
        let (one, two) = (Stats::default(), Stats::default());
        one.publish(&Figures { viewers: 2, turn_us_max: 7, ..Figures::default() });
        two.publish(&Figures { viewers: 3, turn_us_max: 5, ..Figures::default() });
        let figures = sum([&one, &two]);
        assert_eq!((figures.viewers, figures.turn_us_max), (5, 7));
        let first = figures.all().next().unwrap();
        assert_eq!((first.name, first.value), ("viewers", 5));
        assert!(figures.counters().all(|figure| figure.name != "viewers" && !figure.name.ends_with("_max")));
    }
}
