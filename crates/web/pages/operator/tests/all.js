// @ts-check
// Every test of this folder: what `browser.js` and `run.js` load.
//
// Invariant: a file of tests that is not named here does not run.

import "./events.test.js";
import "./flow.test.js";
import "./history.test.js";
import "./rates.test.js";
import "./sample.test.js";
import "./state.test.js";
import "./tree.test.js";
