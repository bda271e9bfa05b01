// @ts-check
// What is promised to somebody who reads further up while new comments come.

import { LIST_MAX, arrived, held } from "../../../vendor/live-parts.js";
import { equal, holds, test } from "../../../client/tests/harness.js";

/** @returns {import("@watershed/client").Comment} */
const comment = (/** @type {number} */ number, likes = 0) => ({
  key: `k${number}`,
  id: String(number).padStart(32, "0"),
  author: "ann",
  name: "Ann",
  body: `comment ${number}`,
  at: 1_763_900_000_000 + number,
  likes,
  liked: false,
  own: false,
  sent: { state: "done" },
  refused: null,
});

const from = (/** @type {number} */ first, /** @type {number} */ last) =>
  Array.from({ length: last - first + 1 }, (_, at) => comment(first + at));
const keys = (/** @type {readonly import("@watershed/client").Comment[]} */ comments) => comments.map(({ key }) => key);

test("what the view has let go because of its age stays for a reader", () => {
  equal(keys(held(from(1, 5), from(4, 8))), ["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"]);
});

test("a comment that is deleted leaves a reader's list too", () => {
  const now = from(1, 6).filter(({ key }) => key !== "k3");
  equal(keys(held(from(1, 5), now)), ["k1", "k2", "k4", "k5", "k6"]);
});

test("the counts that a reader sees are the newest", () => {
  equal(held([comment(1, 3)], [comment(1, 7), comment(2)])[0]?.likes, 7);
});

test("a row that did not change is the same object, so that it is not drawn again", () => {
  const [first, second] = [comment(1), comment(2)];
  const list = held([first], [first, second]);
  holds(list[0] === first && list[1] === second, "both are the view's own objects");
});

test("a reader's list is never longer than it may be, and gives up nothing that is being read", () => {
  let list = /** @type {readonly import("@watershed/client").Comment[]} */ (from(1, LIST_MAX));
  for (let first = 2; first < 1_000; first += 50) {
    list = held(list, from(first, first + LIST_MAX - 1));
    equal(list.length, LIST_MAX);
    equal(list[0]?.key, "k1");
  }
});

test("a view that has nothing of a reader's list in it takes nothing away", () => {
  equal(keys(held(from(1, 3), from(500, 501))), ["k1", "k2", "k3", "k500", "k501"]);
});

test("only what was not known is counted as new", () => {
  equal(arrived(new Set(keys(from(1, 5))), from(3, 9)), 4);
  equal(arrived(new Set(keys(from(1, 5))), from(1, 5)), 0);
});
