// @ts-check
// What is promised of the plots' points: bounded, in order, gaps are gaps.

import { equal, test } from "../../../client/tests/harness.js";
import { FOLDED, History, POINTS_MAX, SERIES } from "../../../vendor/operator-parts.js";

/** @param {number | null} value */
const all = (value) => /** @type {any} */ (Object.fromEntries(SERIES.map((name) => [name, value])));

test("a page that is open for a day holds as many points as one that is open for an hour", () => {
  const history = new History();
  for (let second = 0; second < 86_400; second += 1) history.push(second * 1000 + 1, all(second));
  equal([history.fine.at.length, history.coarse.at.length], [POINTS_MAX, POINTS_MAX]);
  equal(history.fine.values.likes.at(-1), 86_399);
});

test("a point of the half hour is the mean of the seconds it stands for", () => {
  const history = new History();
  for (let second = 1; second <= FOLDED; second += 1) history.push(second * 1000, all(second));
  equal([history.coarse.at, history.coarse.values.viewers], [[6], [3.5]]);
});

test("what was not known is a gap, and does not count in a mean", () => {
  const history = new History();
  for (let second = 1; second <= FOLDED; second += 1) history.push(second * 1000, all(second % 2 ? 4 : null));
  equal([history.fine.values.frames[1], history.coarse.values.frames], [null, [4]]);
});

test("a clock that goes back adds no point", () => {
  const history = new History();
  for (const ms of [5000, 4000, 5000, 6000]) history.push(ms, all(1));
  equal(history.fine.at, [5, 6]);
});
