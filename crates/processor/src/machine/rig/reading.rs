//! Reads what a processor put out, in short.

use std::collections::BTreeMap;

use watershed_protocol::{
    CommentId, Register,
    client::Code,
    limits,
    peer::{
        PeerId,
        report::{Report, Span, ToMerger},
        uplink::Reply,
    },
};

use crate::machine::Output;

/// An answer in short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::machine) enum Told {
    /// Stamp, liked.
    Like(u64, bool),
    Done,
    Refused(Code),
    Moved,
}

/// The answers to one peer, by number.
pub(in crate::machine) fn answers(outbox: &[Output], peer: PeerId) -> Vec<(u64, Told)> {
    let mut told = Vec::new();
    for output in outbox {
        let Output::Answer { peer: to, batch } = output else { continue };
        if *to != peer {
            continue;
        }
        assert!(!batch.is_empty() && batch.len() <= limits::WRITES_PER_BATCH_MAX);
        told.extend(batch.likes.iter().map(|(number, bits)| {
            let Register { stamp, liked } = Register::from_bits(*bits).unwrap();
            (*number, Told::Like(stamp.get(), liked))
        }));
        told.extend(batch.done.iter().map(|number| (*number, Told::Done)));
        told.extend(batch.refused.iter().map(|(number, refusal)| (*number, Told::Refused(refusal.code))));
        told.extend(batch.moved.iter().map(|number| (*number, Told::Moved)));
    }
    told.sort_by_key(|(number, _)| *number);
    told
}

pub(in crate::machine) fn reports(outbox: &[Output]) -> Vec<Report> {
    let reports = outbox.iter().filter_map(|output| match output {
        Output::Report(ToMerger::Report(report)) => Some(report.clone()),
        _ => None,
    });
    reports.collect()
}

/// The one report.
pub(in crate::machine) fn report(outbox: &[Output]) -> Report {
    match &reports(outbox)[..] {
        [report] => report.clone(),
        other => panic!("not one report: {other:?}"),
    }
}

/// The spans of a report as (slot, from, to).
pub(in crate::machine) fn spans(report: &Report) -> Vec<(u16, u64, u64)> {
    let span = |Span { slot, from, to, .. }: &Span| (slot.get(), from.get(), to.get());
    report.spans.iter().map(span).collect()
}

/// The counts of a report as (comment, version, count).
pub(in crate::machine) fn tallies(report: &Report) -> Vec<(CommentId, u64, u64)> {
    report.tallies.iter().map(|row| (row.id, row.tally.version.get(), row.tally.count)).collect()
}

/// The comments of a report.
pub(in crate::machine) fn ids(report: &Report) -> Vec<CommentId> {
    report.comments.iter().map(|comment| comment.id).collect()
}

/// The replies to one peer, by number.
pub(in crate::machine) fn replies(outbox: &[Output], peer: PeerId) -> BTreeMap<u64, Reply> {
    let replies = outbox.iter().filter_map(|output| match output {
        Output::Reply { peer: to, number, reply } if *to == peer => Some((*number, reply.clone())),
        _ => None,
    });
    replies.collect()
}
