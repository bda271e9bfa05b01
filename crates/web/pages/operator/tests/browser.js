// @ts-check
// Runs the tests in a browser: `index.html?only=WORDS`; what came out is in `window.results`.
//
// Invariant: `results.done` becomes true, also when a file of tests cannot be loaded.

import { run } from "../../../client/tests/harness.js";

/** @type {import("../../../client/tests/harness.js").Results} */
const results = { done: false, passed: 0, failed: [] };
Object.assign(window, { results });

try {
  await import("./all.js");
  await run(new URLSearchParams(location.search).get("only") ?? "", results);
} catch (error) {
  results.failed.push({ name: "the tests load", error: String(error) });
  results.done = true;
}
const output = document.querySelector("pre");
if (output) output.textContent = JSON.stringify(results, null, 2);
