// @ts-check
// Every test of this folder: what the page beside it and `run.js` load.

import "./events.test.js";
import "./flow.test.js";
import "./history.test.js";
import "./rates.test.js";
import "./sample.test.js";
import "./state.test.js";
import "./tree.test.js";

export { runAll } from "./harness.js";
