//! Frames that were decoded already: most viewers get the same.
//!
//! Between viewers and the ledger, which examines each distinct frame once. Invariant: what is found has the same bytes, or, where a viewer
//! must know ordinals to read them, the same meaning.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use watershed_protocol::client::{Encoding, Names, Response, ResponseError};

/// Frames of the last moments, of some nodes and four encodings.
const KEPT_MAX: usize = 64;

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    frames: VecDeque<(Encoding, Bytes, Arc<Response>)>,
}

impl Decoded {
    /// The message of a payload to a viewer that knows these ordinals.
    pub(crate) fn decode(
        &mut self,
        names: &mut Names,
        encoding: Encoding,
        payload: &Bytes,
    ) -> Result<Arc<Response>, ResponseError> {
        let known = self.frames.iter().rev().find(|(of, bytes, _)| *of == encoding && bytes == payload);
        if let Some((.., response)) = known.filter(|_| !encoding.is_compact()) {
            return Ok(response.clone());
        }
        let response = Arc::new(names.read(encoding, payload)?);
        let same = self.frames.iter().rev().find(|(.., known)| *known == response);
        if let Some((.., same)) = same.filter(|_| encoding.is_compact()) {
            return Ok(same.clone());
        }
        if matches!(*response, Response::Snapshot { .. } | Response::Delta { .. }) {
            if self.frames.len() == KEPT_MAX {
                self.frames.pop_front();
            }
            self.frames.push_back((encoding, payload.clone(), response.clone()));
        }
        Ok(response)
    }
}
