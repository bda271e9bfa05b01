// @ts-check
// What is promised of rates: right by the server's time, never negative, no past before a restart.

import { equal, holds, test } from "../../../client/tests/harness.js";
import { rates } from "../../../vendor/operator-parts.js";
import { at, merger, processor } from "./clusters.js";

/** @param {[ms: number, writes: number][]} answers */
function writesPerS(answers) {
  const samples = answers.map(([ms, writes_in]) => at(ms, [processor("p1", { figures: { writes_in } })]));
  return rates(samples).get("p1")?.perS("writes_in") ?? null;
}

test("a counter that grew by ten in two seconds grew by five a second", () => {
  equal(writesPerS([[0, 100], [2000, 110]]), 5);
});

test("a rate is taken over all samples that are given", () => {
  equal(writesPerS([[0, 0], [1000, 0], [2000, 0], [4000, 100]]), 25);
});

test("one answer gives no rate", () => equal(writesPerS([[0, 100]]), null));

test("two answers of the same moment give no rate", () => equal(writesPerS([[0, 100], [0, 200]]), null));

test("a counter that fell is a restart: nothing is known until it has answered twice since", () => {
  equal(writesPerS([[0, 100], [1000, 200], [2000, 7]]), null);
});

test("the past of a node that began anew starts after that", () => {
  equal(writesPerS([[0, 100], [1000, 200], [2000, 7], [3000, 17], [4000, 27]]), 10);
});

test("a node that did not answer in between is rated since it does again", () => {
  const samples = [0, 1000, 2000, 3000].map((ms) => at(ms, [processor("p1", { figures: ms === 1000 ? null : { writes_in: ms } })]));
  equal(rates(samples).get("p1")?.seconds, 1);
});

test("a node that does not answer now has no rate", () => {
  equal(rates([at(0, [processor("p1")]), at(1000, [processor("p1", { figures: null })])]).has("p1"), false);
});

test("a counter that a node does not count has no rate", () => {
  const both = [at(0, [processor("p1")]), at(1000, [processor("p1")])];
  equal(rates(both).get("p1")?.perS("no_such_counter"), null);
});

test("the mean time of a commit is that of the commits between the samples", () => {
  const commits = (/** @type {number} */ commits, /** @type {number} */ commit_microseconds) => [processor("p1", { figures: { commits, commit_microseconds } })];
  const found = rates([at(0, commits(1000, 9_000_000)), at(1000, commits(1010, 9_005_000))]);
  equal(found.get("p1")?.perOne("commit_microseconds", "commits"), 500);
});

test("a merger that becomes the root counts from its term on", () => {
  const root = (/** @type {number} */ frames_out) => [merger("m1", { figures: { frames_out } })];
  equal(rates([at(0, root(5000)), at(1000, root(4)), at(2000, root(14))]).get("m1")?.perS("frames_out"), 10);
});

test("no rate is ever negative, whatever counters do", () => {
  let seed = 7;
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
  for (let round = 0; round < 500; round += 1) {
    const answers = Array.from({ length: 6 }, (_, i) => /** @type {[number, number]} */ ([i * Math.round(random() * 2000), Math.round(random() * 100)]));
    const rate = writesPerS(answers);
    holds(rate === null || rate >= 0, `${JSON.stringify(answers)} gives no negative rate, but ${rate}`);
  }
});
