// @ts-check
// What is promised of the whole: sums of what is known, factors that can be checked, a sentence of measured numbers.

import { equal, test } from "../../../client/tests/harness.js";
import { flow, rates, refused, sheds, stages, story, without } from "../../../vendor/operator-parts.js";
import { at, broadcast, merger, processor } from "./clusters.js";

/** A cluster in which a second passes between two answers. */
function second() {
  const before = [broadcast("b1"), broadcast("b2"), processor("p1"), processor("p2"), merger("m1"), merger("m2")];
  const after = [
    broadcast("b1", { figures: { viewers: 30, writes_in: 600, batches_out: 60, frames_in: 10, frames_written: 300 } }),
    broadcast("b2", { figures: { viewers: 10, writes_in: 400, batches_out: 40, frames_in: 10, frames_written: 100 } }),
    processor("p1", { figures: { writes_in: 500, likes_in: 490, commits: 50, commit_microseconds: 40_000, tallies_out: 30, reports_out: 20 } }),
    processor("p2", { figures: { writes_in: 500, likes_in: 490, commits: 150, commit_microseconds: 60_000, tallies_out: 19, reports_out: 20 } }),
    merger("m1", { figures: { reports_in: 40, tallies_in: 49, tallies_out: 35, frames_out: 10, comments_in: 20 } }),
    merger("m2"),
  ];
  const [first, last] = [at(0, before), at(1000, after)];
  return { sample: last, rates: rates([first, last]) };
}

/** A cluster in which nothing happens for a second. */
function quiet() {
  const nodes = [broadcast("b1"), processor("p1"), merger("m1")];
  const [first, last] = [at(0, nodes), at(1000, nodes)];
  return flow(last, rates([first, last]));
}

function flowing() {
  const { sample, rates } = second();
  return flow(sample, rates);
}

test("what nodes of a role did is added up", () => {
  const { viewers, writes, likes, frames, deliveries } = flowing();
  equal({ viewers, writes, likes, frames, deliveries }, { viewers: 40, writes: 1000, likes: 980, frames: 10, deliveries: 400 });
});

test("each stage says what goes in for one that comes out", () => {
  const factors = Object.fromEntries(stages(flowing()).map((stage) => [stage.key, stage.factor]));
  equal(factors, { batches: 10, commits: 5, tallies: 20, counts: 1.4, reports: 4, spread: 2, fanout: 20 });
});

test("the mean of a sync weighs each sync, not each processor", () => equal(flowing().commitMs, 0.5));

test("a stage that nothing came through has no factor", () => {
  equal(stages(quiet()).map((stage) => stage.factor), Array(7).fill(null));
});

test("what no node has told twice is unknown, not zero", () => {
  const once = at(0, [broadcast("b1"), processor("p1"), merger("m1")]);
  const { viewers, likes, deliveries } = flow(once, rates([once]));
  equal({ viewers, likes, deliveries }, { viewers: 10, likes: null, deliveries: null });
});

test("the sentence tells likes, counts, frames, deliveries and viewers", () => {
  const sentence = story(flowing()).map((piece) => piece.text).join("");
  equal(sentence, "980 likes a second became 35 counts in 10 frames, delivered 400 times to 40 viewers.");
});

test("the sentence says what it would be without gathering", () => {
  equal(without(flowing()), "One message for each like to each viewer would be 39,200 a second, 98 times as many.");
});

test("the sentence says when all is quiet", () => {
  equal(story(quiet()).map((piece) => piece.text).join(""), "10 viewers are connected, and all is quiet: nothing is written, so nothing is sent.");
});

test("what was refused is told by kind, with where most of it was, and parts of a kind are not added to it", () => {
  const nodes = (/** @type {number} */ rejected) => [
    broadcast("b1", { figures: { writes_rejected: rejected, writes_unavailable: rejected, ranges_written: 50 } }),
    broadcast("b2", { figures: { writes_rejected: 1, writes_unavailable: 0, ranges_written: 0 } }),
  ];
  const [first, last] = [at(0, nodes(0)), at(2000, nodes(8))];
  const told = sheds(last, rates([first, last]));
  equal(told.map(({ counter, perS, total, most }) => [counter, perS, total, most]), [
    ["writes_rejected", 4, 9, "b1"], ["writes_unavailable", 4, 8, "b1"], ["ranges_written", 0, 50, "b1"],
  ]);
  equal(refused(told), 4);
});
