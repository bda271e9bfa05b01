//! The doors of clients, and of whoever reads what a server says to them.

use watershed_protocol::{
    client::{Encoding, Request, RequestLimits, Response},
    limits,
};

use crate::Feed;

/// A client's message in JSON.
pub(crate) fn request_json() -> Feed {
    request(Encoding::Json)
}

/// A client's message in MessagePack.
pub(crate) fn request_message_pack() -> Feed {
    request(Encoding::MessagePack)
}

fn request(encoding: Encoding) -> Feed {
    Box::new(move |bytes| match Request::decode(encoding, bytes, &RequestLimits::default()) {
        Ok(Request::React { count, .. }) => (1..=limits::TAPS_PER_MESSAGE_MAX).contains(&count),
        Ok(Request::Comment { body, .. }) => !body.as_str().is_empty(),
        Ok(_) => true,
        Err(error) => {
            // Said back to the client: never longer than it is worth, whatever was sent.
            let chars = error.refusal.message.chars().count();
            assert!((1..=limits::WORDS_CHARS_MAX).contains(&chars), "{error:?}");
            false
        }
    })
}

/// A server's message in JSON.
pub(crate) fn response_json() -> Feed {
    response(Encoding::Json)
}

/// A server's message in MessagePack.
pub(crate) fn response_message_pack() -> Feed {
    response(Encoding::MessagePack)
}

/// A server's message in the compact form, to a viewer that has just come.
pub(crate) fn response_compact() -> Feed {
    response(Encoding::Compact)
}

/// The same, plain or deflated.
pub(crate) fn response_deflate() -> Feed {
    response(Encoding::CompactDeflate)
}

fn response(encoding: Encoding) -> Feed {
    Box::new(move |bytes| {
        let Ok(response) = Response::decode(encoding, bytes) else { return false };
        for encoding in Encoding::ALL {
            let again = Response::decode(encoding, &response.encode(encoding)).expect("what is encoded decodes");
            assert_eq!(again, response);
        }
        true
    })
}
