// @ts-check
// Runs the tests in a browser and leaves the results in `window.results`, where the driver of the browser reads them.
//
// Loaded by `index.html`. Invariant: an error outside of a test is a failure too.

/** @type {{ done: boolean, passed: number, failed: { name: string, error: string }[] }} */
let results = { done: false, passed: 0, failed: [] };
try {
  const { runAll } = await import("./all.js");
  results = await runAll();
} catch (error) {
  results = { done: true, passed: 0, failed: [{ name: "the tests load", error: String(error) }] };
}
Object.assign(window, { results });
const at = document.getElementById("results");
if (at) at.textContent = JSON.stringify(results, null, 2);

export {};
