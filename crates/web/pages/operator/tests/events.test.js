// @ts-check
// What is promised of events: a death, a return and a new root are told once, with what they mean.

import { equal, test } from "../../../client/tests/harness.js";
import { follow, remember } from "../../../vendor/operator-parts.js";
import { at, broadcast, merger, processor } from "./clusters.js";

/**
 * @param {ReturnType<typeof at>} first
 * @param {ReturnType<typeof at>[]} samples
 */
function told(first, ...samples) {
  let [memory, before] = [remember(first), first];
  /** @type {string[]} */
  const texts = [];
  for (const after of samples) {
    const followed = follow(memory, before, after);
    [memory, before] = [followed.memory, after];
    texts.push(...followed.events.map((event) => event.text));
  }
  return texts;
}

const alive = () => [processor("p1")];
const dead = () => [processor("p1", { state: "dead", ready: null, figures: null })];
const reading = () => [processor("p1", { ready: false, missing: "reads its log" })];

test("nothing is told where nothing changed", () => equal(told(at(0, alive()), at(1000, alive()), at(2000, alive())), []));

test("a processor's death is told once, with the slots that are unavailable", () => {
  equal(told(at(0, alive()), at(1000, dead()), at(2000, dead())), [
    "p1 died: its 2,048 slots are unavailable, writes to them are refused with a time to retry",
  ]);
});

test("its slots are available when it is ready, not when it has started", () => {
  const texts = told(at(0, alive()), at(1000, dead()), at(2000, reading()), at(3000, reading()), at(4200, alive()), at(5000, alive()));
  equal(texts.slice(1), ["p1 has started again", "p1 is back: its 2,048 slots are available again after 3.2 s"]);
});

test("a node that was dead when the page was opened comes back without a time", () => {
  equal(told(at(0, dead()), at(1000, alive())), ["p1 has started again", "p1 is back: its 2,048 slots are available again"]);
});

test("a node that was dead when the page was opened is away since its last heartbeat", () => {
  const long = [processor("p1", { state: "dead", ready: null, figures: null, beat_ms: 59_000 })];
  equal(told(at(0, long), at(1000, alive())).at(-1), "p1 is back: its 2,048 slots are available again after 60 s");
});

test("a node that died and came back between two answers is told to have begun anew", () => {
  const counted = (/** @type {number} */ writes_in) => [processor("p1", { figures: { writes_in } })];
  equal(told(at(0, counted(500)), at(1000, counted(3))), ["p1 began anew between two answers"]);
});

test("a silent node is told with how long it has been so, and its return since then", () => {
  const silent = [broadcast("b1", { state: "silent", silent_ms: 1300 })];
  equal(told(at(0, [broadcast("b1")]), at(1000, silent), at(2000, [broadcast("b1")])), [
    "b1 is silent: no heartbeat for 1.3 s", "b1 is back after 2.3 s",
  ]);
});

test("a node that is silent before it is dead is away since it fell silent", () => {
  const silent = [processor("p1", { state: "silent", silent_ms: 1000 })];
  equal(told(at(0, alive()), at(1000, silent), at(2000, dead()), at(5000, alive())).at(-1), "p1 is back: its 2,048 slots are available again after 5 s");
});

test("a new root is told with its epoch, and its map not once more", () => {
  const mergers = [merger("m1"), merger("m2")];
  equal(told(at(0, mergers), at(1000, mergers, { map_epoch: 6, root: { node: "m2", epoch: 2 } })), ["m2 became the root (epoch 2)"]);
});

test("a root whose counters begin with its term has not begun anew", () => {
  const counted = (/** @type {number} */ frames_out) => [merger("m1", { figures: { frames_out } })];
  equal(told(at(0, counted(900)), at(1000, counted(2), { root: { node: "m1", epoch: 2 } })), ["m1 became the root (epoch 2)"]);
});

test("another map is told where no root is new", () => equal(told(at(0, alive()), at(1000, alive(), { map_epoch: 6 })), ["the map has epoch 6"]));

test("slots that moved are told", () => {
  equal(told(at(0, alive()), at(1000, [processor("p1", { slots: 1024 })])), ["p1 owns 1,024 slots now, before 2,048"]);
});

test("a broadcast node that takes its frames from another is told", () => {
  equal(told(at(0, [broadcast("b2", { fed_by: "b1" })]), at(1000, [broadcast("b2", { fed_by: "m1" })])), [
    "b2 takes its frames from m1 now, before from b1",
  ]);
});

test("that all nodes follow a new root is not told of each", () => {
  const fed = (/** @type {string} */ fed_by) => [broadcast("b1", { fed_by }), broadcast("b2", { fed_by }), merger("m1"), merger("m2")];
  equal(told(at(0, fed("m1")), at(1000, fed("m2"), { root: { node: "m2", epoch: 2 } })), ["m2 became the root (epoch 2)"]);
});

test("a node that is new is told to have joined", () => {
  equal(told(at(0, alive()), at(1000, [...alive(), processor("p2")])), ["p2 joined, a processor"]);
});
