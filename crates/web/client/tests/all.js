// @ts-check
// All tests of the client, in the order in which a message passes the parts.
//
// Between the runners and the tests. Invariant: a file of tests that is not named here does not exist.

import "./wire.test.js";
import "./codec.test.js";
import "./own_like.test.js";
import "./state.test.js";
import "./outbox.test.js";
import "./stamps.test.js";
import "./taps.test.js";
import "./backoff.test.js";
import "./store.test.js";
import "./places.test.js";
import "./lifeline.test.js";
import "./session.test.js";
import "./likes.test.js";
import "./hostile.test.js";
import "./recordings.test.js";
import "./property.test.js";
import "./package.test.js";
