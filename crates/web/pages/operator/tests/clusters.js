// @ts-check
// Answers of `/v1/cluster` made for tests: a whole cluster, of which each test changes what it is about.
//
// Under the tests of this folder. Invariant: what it makes is what a server would send, not what the page makes of it.

import { sample } from "../../../vendor/operator-parts.js";

/** @typedef {Record<string, any>} Answered */

/**
 * @param {string} node
 * @param {Answered} [changes]
 * @returns {Answered}
 */
export function processor(node, changes = {}) {
  const figures = { writes_in: 0, likes_in: 0, commits: 0, commit_microseconds: 0, tallies_out: 0, reports_out: 0 };
  return merged({ node, role: "processor", url: `http://${node}`, state: "alive", silent_ms: null, slots: 2048, ready: true, fed_by: null, figures }, changes);
}

/**
 * @param {string} node
 * @param {Answered} [changes]
 * @returns {Answered}
 */
export function broadcast(node, changes = {}) {
  const figures = { viewers: 10, writes_in: 0, batches_out: 0, frames_in: 0, frames_written: 0, bytes_written: 0 };
  return merged({ node, role: "broadcast", url: `http://${node}`, state: "alive", silent_ms: null, slots: null, ready: true, fed_by: "m1", figures }, changes);
}

/**
 * @param {string} node
 * @param {Answered} [changes]
 * @returns {Answered}
 */
export function merger(node, changes = {}) {
  const figures = { reports_in: 0, tallies_in: 0, tallies_out: 0, frames_out: 0, comments_in: 0 };
  return merged({ node, role: "merger", url: `http://${node}`, state: "alive", silent_ms: null, slots: null, ready: true, fed_by: null, figures }, changes);
}

/**
 * A sample of these nodes, so many milliseconds after the first.
 * @param {number} ms
 * @param {Answered[]} nodes
 * @param {Answered} [changes]
 */
export function at(ms, nodes, changes = {}) {
  return sample({ at: 1_000_000 + ms, map_epoch: 5, root: { node: "m1", epoch: 1 }, nodes, ...changes }, 0);
}

/**
 * @param {Answered} node
 * @param {Answered} changes
 */
function merged(node, changes) {
  const figures = changes.figures === null ? null : { ...node.figures, ...changes.figures };
  return { ...node, ...changes, figures };
}

/**
 * It, which is there.
 * @template Value
 * @param {Value | null | undefined} value
 * @returns {Value}
 */
export function there(value) {
  if (value === null || value === undefined) throw new Error(`it is ${value}, something is expected`);
  return value;
}
