// @ts-check
// What is promised of the page's state: what was known stays, and whom it asks is told.

import { equal, test } from "../../../client/tests/harness.js";
import { begin, take } from "../../../vendor/operator-parts.js";
import { at, broadcast, processor, there } from "./clusters.js";

const B1 = "http://b1";
const B2 = "http://b2";
const nodes = (/** @type {number} */ writes_in) => [broadcast("b1", { figures: { writes_in } }), broadcast("b2"), processor("p1")];

/**
 * @param {string} from
 * @param {number} ms
 */
const answer = (from, ms) => /** @type {const} */ ({ kind: "sample", sample: at(ms, nodes(ms)), from, receivedAt: ms });

/** @param {Parameters<typeof take>[1][]} seen */
const after = (...seen) => seen.reduce(take, begin(B1));

test("a failed question keeps what was known, and says who did not answer", () => {
  const shown = after(answer(B1, 0), answer(B1, 1000), { kind: "failed", from: B1, why: "cannot be reached" });
  equal([shown.latest?.sample.at, shown.failure], [1_001_000, "b1 cannot be reached"]);
});

test("an answer ends the failure", () => {
  equal(after({ kind: "failed", from: B1, why: "cannot be reached" }, answer(B1, 0)).failure, null);
});

test("another node that is asked is told, and rates begin anew by its clock", () => {
  const shown = after(answer(B1, 0), answer(B1, 1000), answer(B2, 900));
  equal(shown.events.map((event) => event.text), ["b1 does not answer this page: b2 is asked instead"]);
  equal([shown.latest?.flow.writes, shown.asked], [null, B2]);
});

test("the same answer again only makes it younger", () => {
  const once = after(answer(B1, 0), answer(B1, 1000));
  const again = take(once, { ...answer(B1, 1000), receivedAt: 5000 });
  equal([again.latest?.flow.writes, again.latest?.receivedAt, again.history.fine.at.length], [1000, 5000, 2]);
});

test("a cluster that wants a token says so, and one that was given a wrong one says that", () => {
  equal(after({ kind: "locked", from: B1, wrong: false }).locked, "needed");
  equal(after({ kind: "locked", from: B1, wrong: true }).locked, "wrong");
  equal(after({ kind: "locked", from: B1, wrong: true }, answer(B1, 0)).locked, "no");
});

test("a page that is open for long keeps the newest hundred events", () => {
  const seen = Array.from({ length: 250 }, (_, i) => {
    const state = i % 2 ? "dead" : "alive";
    return /** @type {const} */ ({ kind: "sample", sample: at(i * 1000, [processor("p1", { state })]), from: B1, receivedAt: 0 });
  });
  const { events } = after(...seen);
  equal([events.length, there(events[0]).at], [100, 1_249_000]);
});
