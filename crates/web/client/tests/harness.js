// @ts-check
// Registers tests, runs them, and says what came out.
//
// Below all tests, in a browser and under Node alike. Invariant: a run without a test is a failure.

/** @typedef {{ done: boolean, passed: number, failed: { name: string, error: string }[] }} Results */

/** @type {{ name: string, run: () => unknown }[]} */
const tests = [];

/**
 * @param {string} name a promise, read aloud
 * @param {() => unknown} run
 */
export function test(name, run) {
  tests.push({ name, run });
}

/**
 * Fails unless both are the same, all the way down.
 * @param {unknown} got
 * @param {unknown} wanted
 * @param {string} [what]
 */
export function equal(got, wanted, what = "value") {
  const [left, right] = [canonical(got), canonical(wanted)];
  if (left !== right) throw new Error(`${what} is ${left}, not ${right}`);
}

/**
 * @param {unknown} condition
 * @param {string} what
 */
export function holds(condition, what) {
  if (!condition) throw new Error(`it does not hold that ${what}`);
}

/**
 * The error that a call throws.
 * @param {() => unknown} call
 * @returns {Error}
 */
export function thrown(call) {
  try {
    call();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("nothing was thrown");
}

/**
 * Runs all tests whose names hold `only`.
 * @param {string} only
 * @param {Results} results filled in place
 */
export async function run(only, results) {
  for (const { name, run } of tests.filter((test) => test.name.includes(only))) {
    try {
      await run();
      results.passed++;
    } catch (error) {
      results.failed.push({ name, error: String(error instanceof Error ? error.stack : error) });
    }
  }
  if (results.passed + results.failed.length === 0) results.failed.push({ name: only, error: "there is no such test" });
  results.done = true;
}

/**
 * Text that is the same for equal values: maps and fields in order, undefined unlike null.
 * @param {unknown} value
 * @returns {string}
 */
function canonical(value) {
  if (value instanceof Map) return `map ${canonical([...value].sort())}`;
  if (value instanceof Uint8Array) return `bytes ${canonical([...value])}`;
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (typeof value !== "object" || value === null) return typeof value === "string" ? JSON.stringify(value) : String(value);
  return `{${Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`).join(",")}}`;
}
