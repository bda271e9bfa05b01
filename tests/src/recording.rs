//! What one real viewer got of a stream, message for message: a flood that can be had again without a cluster.
//!
//! Written by `record`, read by `stage`. The file is gzip over messages, each behind its length (4 bytes, the greatest
//! first). Invariant: what is read is, byte for byte, what the node sent as `live.v1.msgpack`.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use bytes::{Buf, Bytes};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde::Deserialize;
use watershed_protocol::client::Response;

use crate::{packed, view::View};

/// Largest file that belongs into the repository.
pub const FILE_BYTES_MAX: usize = 300 * 1024;

/// See the head of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// The messages: a welcome, a snapshot, deltas.
    pub messages: Vec<Bytes>,
}

impl Recording {
    /// Reads one of the repository's recordings.
    pub fn load(name: &str) -> anyhow::Result<Self> {
        let path = Self::path(name);
        let packed = fs::read(&path).with_context(|| path.display().to_string())?;
        let mut plain = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut plain).with_context(|| path.display().to_string())?;
        let (mut rest, mut messages) = (Bytes::from(plain), Vec::new());
        while rest.has_remaining() {
            ensure!(rest.remaining() >= 4, "{} ends within a length", path.display());
            let length = rest.get_u32() as usize;
            ensure!(rest.remaining() >= length, "{} ends within a message of {length} bytes", path.display());
            messages.push(rest.split_to(length));
        }
        Ok(Self { messages })
    }

    /// Writes it to the repository; how many bytes the file has.
    pub fn save(&self, name: &str) -> anyhow::Result<usize> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        for message in &self.messages {
            encoder.write_all(&u32::try_from(message.len())?.to_be_bytes())?;
            encoder.write_all(message)?;
        }
        let packed = encoder.finish()?;
        ensure!(packed.len() <= FILE_BYTES_MAX, "{} bytes are recorded, at most {FILE_BYTES_MAX} fit", packed.len());
        fs::write(Self::path(name), &packed)?;
        Ok(packed.len())
    }

    /// What a viewer sees after the first so many messages, by the fold that tests have.
    pub fn view_after(&self, messages: usize) -> View {
        let mut view = View::default();
        for message in &self.messages[..messages] {
            let form = packed::read_message(message);
            view.apply(&Response::deserialize(&form).unwrap_or_else(|error| panic!("{error} in {form}")));
        }
        view
    }

    fn path(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings").join(format!("{name}.gz"))
    }
}
