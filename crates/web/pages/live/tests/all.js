// @ts-check
// All tests of the live page's parts.
//
// Between the runners and the tests. Invariant: a file of tests that is not named here does not exist.

import "./held.test.js";
import "./identity.test.js";
import "./floats.test.js";
import "./words.test.js";
