//! Frames that were decoded already: most viewers get the same bytes.
//!
//! Between viewers and the ledger, which examines each distinct frame once. Invariant: what is found has the same bytes.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;
use watershed_protocol::client::{Encoding, Response, ResponseError};

/// Frames of the last moments, of some nodes and two encodings.
const KEPT_MAX: usize = 64;

/// See the head of the file.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    frames: VecDeque<(Encoding, Bytes, Arc<Response>)>,
}

impl Decoded {
    /// The message of a payload.
    pub(crate) fn decode(&mut self, encoding: Encoding, payload: &Bytes) -> Result<Arc<Response>, ResponseError> {
        let known = self.frames.iter().rev().find(|(of, bytes, _)| *of == encoding && bytes == payload);
        if let Some((.., response)) = known {
            return Ok(response.clone());
        }
        let response = Arc::new(Response::decode(encoding, payload)?);
        if matches!(*response, Response::Snapshot { .. } | Response::Delta { .. }) {
            if self.frames.len() == KEPT_MAX {
                self.frames.pop_front();
            }
            self.frames.push_back((encoding, payload.clone(), response.clone()));
        }
        Ok(response)
    }
}
