// @ts-check
// Runs the tests in a browser and leaves the results in `window.results`, where the driver of the browser reads them.
//
// Loaded by `index.html`. Invariant: an error outside of a test is a failure too.

/** @type {import("../../../client/tests/harness.js").Results} */
const results = { done: false, passed: 0, failed: [] };
Object.assign(window, { results });
try {
  const { run } = await import("../../../client/tests/harness.js");
  await import("./all.js");
  await run("", results);
} catch (error) {
  results.failed.push({ name: "the tests load", error: String(error) });
  results.done = true;
}
const at = document.getElementById("results");
if (at) at.textContent = JSON.stringify(results, null, 2);

export {};
