// @ts-check
// What is promised of the layout: every node once, inside, beside the others, for small and large clusters.

import { equal, holds, test } from "../../../client/tests/harness.js";
import { flow, levelsOf, riverWidth, tree } from "../../../vendor/operator-parts.js";
import { at, broadcast, merger, processor } from "./clusters.js";

/** @param {ReturnType<typeof at>} sample */
const laid = (sample) => tree(sample, flow(sample, new Map()), new Map());

/**
 * @param {number} nodes
 * @param {number} levels
 * @param {number} processors
 * @param {number} mergers
 */
function cluster(nodes, levels, processors, mergers) {
  const wide = Math.ceil(nodes / levels);
  const numbered = (/** @type {number} */ many) => Array.from({ length: many }, (_, i) => i + 1);
  return at(0, [
    ...numbered(nodes).map((i) => broadcast(`b${i}`, { fed_by: i <= wide ? "m1" : `b${i - wide}` })),
    ...numbered(processors).map((i) => processor(`p${i}`)),
    ...numbered(mergers).map((i) => merger(`m${i}`)),
  ]);
}

/** @type {[nodes: number, levels: number, processors: number, mergers: number][]} */
const MANY = [
  [0, 1, 0, 0], [1, 1, 1, 1], [2, 1, 3, 2], [4, 1, 3, 2], [6, 2, 3, 2], [9, 3, 12, 3], [16, 1, 5, 2],
  [24, 2, 4, 2], [40, 4, 16, 5], [60, 1, 8, 3], [60, 3, 40, 3],
];

test("every node has one chip, inside of the picture, and no two overlap", () => {
  for (const [nodes, levels, processors, mergers] of MANY) {
    const sample = cluster(nodes, levels, processors, mergers);
    const { chips, width, height } = laid(sample);
    const which = `${nodes} nodes in ${levels} levels with ${processors} processors`;
    equal(chips.map((chip) => chip.node.name).sort(), sample.nodes.map((node) => node.name).sort());
    for (const a of chips) {
      holds(a.x >= 0 && a.y >= 0 && a.x + a.width <= width && a.y + a.height <= height, `${a.node.name} is inside: ${which}`);
      const over = chips.find((b) => b !== a && a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height);
      holds(over === undefined, `${a.node.name} is beside ${over?.node.name}: ${which}`);
    }
  }
});

test("a node's chip keeps its place in the document, whoever is the root", () => {
  const names = (/** @type {string} */ node) => {
    const { chips, streams } = laid(at(0, [broadcast("b1"), processor("p1"), merger("m1"), merger("m2")], { root: { node, epoch: 1 } }));
    return [chips.map((chip) => chip.node.name), streams.map((stream) => stream.key)];
  };
  equal(names("m1"), names("m2"));
});

test("nodes that take their frames from others stand nearer to the viewers", () => {
  const { chips } = laid(cluster(6, 3, 1, 1));
  const x = (/** @type {string} */ name) => chips.find((chip) => chip.node.name === name)?.x ?? 0;
  holds(x("b5") < x("b3") && x("b3") < x("b1"), `b5 (${x("b5")}) is left of b3 (${x("b3")}) and b3 of b1 (${x("b1")})`);
});

test("two nodes that each say the other feeds them are both drawn", () => {
  const both = at(0, [broadcast("b1", { fed_by: "b2" }), broadcast("b2", { fed_by: "b1" })]);
  equal(levelsOf(both.nodes).flat().length, 2);
  equal(laid(both).chips.length, 2);
});

test("ten times as much makes a river wider by the same step", () => {
  const [first, second] = [riverWidth(99) - riverWidth(9), riverWidth(999) - riverWidth(99)];
  holds(first > 0 && Math.abs(first - second) < 1e-9, `${first}, then ${second}, are the same step`);
  equal(riverWidth(null), riverWidth(0));
});

test("what flows to and from a dead node is broken, and nothing else", () => {
  const broken = laid(at(0, [broadcast("b1"), processor("p1", { state: "dead", figures: null }), processor("p2"), merger("m1")])).streams
    .filter((stream) => stream.broken).map((stream) => stream.key);
  equal(broken, ["counts p1", "to p1"]);
});

test("without a root no frames flow from one", () => {
  const { streams } = laid(at(0, [broadcast("b1"), processor("p1"), merger("m1")], { root: null }));
  equal(streams.filter((stream) => stream.key === "frames down").length, 0);
});

test("sixty nodes share one band, four have lines of their own", () => {
  const lines = (/** @type {number} */ nodes) => laid(cluster(nodes, 1, 1, 1)).streams.filter((stream) => stream.key.startsWith("seen ")).length;
  equal([lines(4), lines(60)], [4, 0]);
});
