// @ts-check
// The least that tests in a browser need: names, comparisons, and results that can be read from outside.
//
// Under every test of this folder. Invariant: `window.results.done` is set once, after every test has run.

/** @type {{ name: string, run: () => void | Promise<void> }[]} */
const tests = [];

/**
 * A promise, read aloud, and how it is kept.
 * @param {string} name
 * @param {() => void | Promise<void>} run
 */
export function test(name, run) {
  tests.push({ name, run });
}

/**
 * Both are the same, all the way down.
 * @param {unknown} actual
 * @param {unknown} expected
 */
export function equal(actual, expected) {
  const [is, should] = [actual, expected].map((value) => JSON.stringify(value, plain));
  if (is !== should) throw new Error(`it is ${is}, ${should} is expected`);
}

/**
 * It holds, or what is the case instead.
 * @param {boolean} holds
 * @param {string} otherwise
 */
export function holds(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

/**
 * It is there.
 * @template Value
 * @param {Value | null | undefined} value
 * @returns {Value}
 */
export function there(value) {
  if (value === null || value === undefined) throw new Error(`it is ${value}, something is expected`);
  return value;
}

/** Runs all, and says which failed. */
export async function runAll() {
  /** @type {{ name: string, error: string }[]} */
  const failed = [];
  for (const { name, run } of tests) {
    try {
      await run();
    } catch (error) {
      failed.push({ name, error: String(error instanceof Error ? error.message : error) });
    }
  }
  return { done: true, passed: tests.length - failed.length, failed };
}

/**
 * Values that JSON would lose.
 * @param {string} _
 * @param {unknown} value
 */
function plain(_, value) {
  if (value instanceof Map) return { map: [...value] };
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  return value === undefined ? "undefined" : value;
}
