// @ts-check
// What is promised of answers: what is missing is null, what is wrong is named.

import { equal, test } from "../../../client/tests/harness.js";
import { figure, ofRole, sample } from "../../../vendor/operator-parts.js";
import { at, broadcast, processor, there } from "./clusters.js";

/** @param {unknown} answer */
function refusedWith(answer) {
  try {
    sample(answer, 0);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return null;
}

test("what another version leaves out is null", () => {
  const { cluster, slots, nodes } = sample({ map_epoch: 1, nodes: [processor("p1")] }, 77);
  const { beatMs, ringShare, slotEpochs, missing, work, slowest } = there(nodes[0]);
  equal({ cluster, slots, beatMs, ringShare, slotEpochs, missing, work, slowest }, {
    cluster: null, slots: null, beatMs: null, ringShare: null, slotEpochs: null, missing: null, work: null, slowest: [],
  });
});

test("without the server's time the answer's arrival is taken", () => equal(sample({ map_epoch: 1, nodes: [] }, 77).at, 77));

test("a field that is wrong is named with what stands there", () => {
  equal(refusedWith({ map_epoch: "many", nodes: [] }), 'map_epoch is "many", a number is expected');
  equal(refusedWith({ map_epoch: 1, nodes: {} }), "nodes is {}, a list is expected");
  equal(refusedWith({ map_epoch: 1, nodes: [processor("p1", { state: "tired" })] }), 'state of p1 is "tired", one of alive, silent, dead is expected');
  equal(refusedWith({ map_epoch: 1, nodes: [processor("p1", { slots: [] })] }), "slots of p1 is [], a number is expected");
  equal(refusedWith({ nodes: [] }), "map_epoch is missing");
  equal(refusedWith(null), "the answer is null, an object is expected");
});

test("a figure that is no number is left out", () => {
  const node = there(at(0, [processor("p1", { figures: { commits: "seven", writes_in: 7 } })]).nodes[0]);
  equal([figure(node, "commits"), figure(node, "writes_in"), figure(node, "toString")], [null, 7, null]);
});

test("nodes stand by their number: b2 before b10", () => {
  const names = ofRole(at(0, [broadcast("b10"), broadcast("b2"), processor("p1")]), "broadcast").map((node) => node.name);
  equal(names, ["b2", "b10"]);
});

test("slow viewers are taken as told", () => {
  const slowest = [{ viewer: "ann", stream: "demo", behind_frames: 40, stalled_ms: 900, grade: "merged" }];
  const node = there(at(0, [broadcast("b1", { slowest })]).nodes[0]);
  equal(node.slowest, [{ viewer: "ann", stream: "demo", behindFrames: 40, stalledMs: 900, grade: "merged" }]);
});
