//! True bytes of a processor's disk: segments and records of its log, rows in them, rows and marks of its store.
//!
//! Written by a processor and a log of their own. Invariant: each door takes all of its samples.

use super::*;

fn section(slot_number: u16, number: u64) -> Section {
    let (from, to) = (Position::new(number - 1), Position::new(number));
    Section { slot: slot(slot_number), epoch: Epoch::new(1), from, to, body: vec![number as u8; 5] }
}

pub(crate) fn log_segments() -> Vec<Vec<u8>> {
    let config = LogConfig { segment_bytes: 4_096 };
    let opened = recover(MemoryDisk::new(), config, Base::default(), |_| Ok::<(), String>(()));
    let (mut writer, _) = opened.expect("a new disk holds an empty log");
    for number in 1..=4 {
        writer.append(&[section(3, number), section(9, number)]).expect("it fits");
    }
    writer.sync().expect("a disk in memory syncs");
    vec![writer.into_disk().cached(SegmentId::new(1)).to_vec()]
}

pub(crate) fn log_records() -> Vec<Vec<u8>> {
    log_segments()
}

/// What one processor writes for each of these batches.
fn bodies(batches: &[WriteBatch]) -> Vec<Vec<u8>> {
    let mut machine = Processor::new(Config::new(node("p1")));
    machine.start(NOW, map());
    let write = |batch: &WriteBatch| {
        let (mut outbox, mut body) = (Vec::new(), Vec::new());
        machine.step(NOW, watershed_processor::Input::Writes { peer: PeerId::new(1), batch }, &mut outbox);
        while let Some(output) = outbox.pop() {
            if let watershed_processor::Output::Append { group, sections } = output {
                body =
                    sections.into_iter().find(|section| section.slot == slot(2)).map_or(body, |section| section.body);
                machine.step(NOW, watershed_processor::Input::Durable { group }, &mut outbox);
            }
        }
        body
    };
    batches.iter().map(write).collect()
}

pub(crate) fn rows() -> Vec<Vec<u8>> {
    let one_like = |n: u64| {
        let mut likes = LikeColumns::default();
        let register = register(NOW.get() + n, true);
        likes.push(LikeRow { number: n, stream: 0, comment: id(1), viewer: viewer(n as u8), register, part: part(0) });
        WriteBatch { likes, ..batch() }
    };
    let only = |pick: fn(&mut WriteBatch, WriteBatch)| {
        let mut one = batch();
        pick(&mut one, others());
        one
    };
    let delete = only(|one, others| {
        one.deletes = others.deletes;
        one.deletes[0].part = part(0);
    });
    let header = only(|one, others| one.headers = others.headers);
    let pin = only(|one, others| one.pins = others.pins[..1].to_vec());
    let taps = only(|one, others| one.reactions = others.reactions);
    let written = bodies(&[header, comments(), one_like(1), one_like(2), pin, taps, delete]);
    let [header, comment, first, second, pin, taps, delete] = &written[..] else {
        unreachable!("a body for each batch")
    };
    // The format stands once, before the first row.
    let joined = |rows: [&[u8]; 3]| [rows[0], &rows[1][1..], &rows[2][1..]].concat();
    vec![
        comment.clone(),
        taps.clone(),
        header.clone(),
        joined([comment, first, second]),
        joined([comment, first, delete]),
        joined([comment, pin, taps]),
    ]
}

/// All rows of a processor's checkpoint, and the mark behind them.
fn saved() -> (Vec<SavedRow>, Checkpoint) {
    let mut machine = Processor::new(Config::new(node("p1")));
    machine.start(NOW, map());
    let mut rows = Vec::new();
    let pins = WriteBatch { deletes: vec![], ..others() };
    for batch in [comments(), likes(), pins] {
        let mut outbox = Vec::new();
        machine.step(NOW, watershed_processor::Input::Writes { peer: PeerId::new(1), batch: &batch }, &mut outbox);
        while let Some(output) = outbox.pop() {
            if let watershed_processor::Output::Append { group, .. } = output {
                machine.step(NOW, watershed_processor::Input::Durable { group }, &mut outbox);
            }
        }
    }
    let mut input = watershed_processor::Input::Save { position: 3 };
    loop {
        let mut outbox = Vec::new();
        machine.step(NOW, input, &mut outbox);
        for output in outbox {
            match output {
                watershed_processor::Output::Save(more) => rows.extend(more),
                watershed_processor::Output::Checkpoint(checkpoint) => {
                    rows.sort();
                    return (rows, checkpoint);
                }
                _ => {}
            }
        }
        input = watershed_processor::Input::Saved;
    }
}

/// Rows in one piece: of each its keyspace u8, length of the key u8, length of the value u16, key, value.
fn flat<'r>(rows: impl IntoIterator<Item = &'r SavedRow>) -> Vec<u8> {
    let row = |row: &SavedRow| {
        let value = row.value.clone().unwrap_or_default();
        let keyspace = Keyspace::ALL.iter().position(|keyspace| *keyspace == row.keyspace).unwrap_or_default() as u8;
        let [high, low] = (value.len() as u16).to_be_bytes();
        [&[keyspace, row.key.len() as u8, high, low][..], &row.key, &value].concat()
    };
    rows.into_iter().flat_map(row).collect()
}

pub(crate) fn stores() -> Vec<Vec<u8>> {
    let (rows, _) = saved();
    let first = |count: usize| flat(&rows[..count]);
    (1..=rows.len()).map(first).collect()
}

pub(crate) fn checkpoints() -> Vec<Vec<u8>> {
    vec![saved().1.encode()]
}
