//! The doors of other nodes: the link's frames, and the messages that they carry.

use std::fmt::Debug;

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use watershed_link::{CONTROL_BYTES_MAX, FRAME_BYTES_MAX, Frame, Greeting, Input, Link, Output, cut};
use watershed_protocol::{
    HybridTime, Millis,
    peer::{
        decode, encode,
        feed::{FromFeed, ToFeed},
        report::{FromMerger, ToMerger},
        uplink::{FromProcessor, ToProcessor},
    },
};

use crate::{Feed, samples};

/// Broadcast node → processor.
pub(crate) fn to_processor() -> Feed {
    message::<ToProcessor>()
}

/// Processor → broadcast node.
pub(crate) fn from_processor() -> Feed {
    message::<FromProcessor>()
}

/// Processor → root.
pub(crate) fn to_merger() -> Feed {
    message::<ToMerger>()
}

/// Root → processor.
pub(crate) fn from_merger() -> Feed {
    message::<FromMerger>()
}

/// Broadcast node → root.
pub(crate) fn to_feed() -> Feed {
    message::<ToFeed>()
}

/// Root → broadcast node.
pub(crate) fn from_feed() -> Feed {
    message::<FromFeed>()
}

fn message<T: Serialize + DeserializeOwned + PartialEq + Debug>() -> Feed {
    Box::new(|bytes| match decode::<T>(bytes) {
        Ok(message) => {
            assert_eq!(decode::<T>(&encode(&message)).expect("what is encoded decodes"), message);
            true
        }
        Err(error) => {
            assert!(error.to_string().len() < 2_000, "an error is a line of a log: {error}");
            false
        }
    })
}

/// A connection that was accepted, and all that came over it.
pub(crate) fn link() -> Feed {
    Box::new(|bytes| {
        let _ = Greeting::decode(bytes);
        let mut link = Link::accepter(samples::link_config(), samples::hello("p1"));
        let (mut now, mut outbox) = (Millis::new(1_000), Vec::new());
        link.step(now, Input::Connected, &mut outbox);
        let (mut buffer, mut was_up) = (BytesMut::from(bytes), false);
        while !link.is_over() {
            now = now.plus(10);
            let input = match cut(&mut buffer, link.frame_bytes_max()) {
                Ok(Some(frame)) => {
                    check_frame(&frame);
                    Input::Frame(frame)
                }
                Ok(None) => Input::Closed,
                Err(error) => Input::Garbled(error),
            };
            link.step(now, input, &mut outbox);
            link.step(now, Input::Tick(HybridTime::at(now)), &mut outbox);
            was_up |= link.is_up();
        }
        let ends = outbox.iter().filter(|output| matches!(output, Output::Down(_) | Output::Failed(_))).count();
        assert_eq!(ends, 1, "a connection ends once: {outbox:?}");
        was_up
    })
}

fn check_frame(frame: &Bytes) {
    match Frame::decode(frame.clone()) {
        Ok(Frame::Message { body, .. }) => assert!(body.len() < FRAME_BYTES_MAX),
        Ok(_) => assert!(frame.len() <= CONTROL_BYTES_MAX),
        Err(_) => {}
    }
}
