// @ts-check
// Frames and answers, folded into what a viewer sees.

import { REJECTED_MAX, serverMessage, State, Taps } from "../dist/parts.js";
import { equal, holds, test } from "./harness.js";
import { delta, id, line, snapshot } from "./world.js";

const T = 1_700_000_100_000;

/** A view, and a way to give it frames. @param {number} [listMax] */
function screen(listMax = 200) {
  const taps = new Taps();
  const state = new State({ viewer: "ann", name: "Ann" }, listMax, taps);
  /** @param {...object} frames */
  const take = (...frames) => frames.map((frame) => state.frame(/** @type {any} */ (serverMessage(frame)), T)).at(-1);
  take(snapshot({ comments: [line(1), line(2, { likes: 5 })], top: [line(2, { likes: 5 })] }));
  return { state, take, taps, ids: () => state.view().comments.map((comment) => Number(comment.id ?? -1)) };
}

/** @param {State} state @param {string} ref @param {number} number */
const store = (state, ref, number) => state.stored({ type: "ack", ref, id: id(number), liked: null, stamp: null });

test("a snapshot replaces the whole view", () => {
  const { state, take, ids } = screen();
  take(delta(1, { comments: [line(3)], pinned: line(3), shown: 1, total: 9, reactions: { heart: 4 } }));
  equal(state.view().unseen, 8);
  take(snapshot({ epoch: 2, seq: 0, comments: [line(2), line(4)], viewers: 9, partial: true }));
  const { unseen, pinned, top, reactions, viewers, partial } = state.view();
  equal([ids(), unseen, pinned, top, reactions, viewers, partial], [[2, 4], 0, null, [], {}, 9, true]);
});

test("a delta that does not continue what is there is not taken", () => {
  const { state, take } = screen();
  const before = state.view();
  for (const wrong of [delta(2), delta(0, { seq: 9 }), delta(1, { epoch: 2 })]) equal(take(wrong), false);
  holds(state.view() === before, "the view is the same object");
  equal(state.point, { epoch: 1, seq: 1 });
  equal(new State({ viewer: "ann", name: "Ann" }, 9, new Taps()).frame(/** @type {any} */ (serverMessage(delta(1))), T), false);
});

test("a beat that stands elsewhere tells that something is missing", () => {
  const { take } = screen();
  equal([take({ type: "beat", epoch: 1, seq: 1 }), take({ type: "beat", epoch: 1, seq: 2 }), take({ type: "beat", epoch: 2, seq: 1 })], [true, false, false]);
});

test("comments come before likes, and likes before deletions", () => {
  const { state, take, ids } = screen();
  take(delta(1, { comments: [line(3), line(4)], likes: [[id(3), 7], [id(9), 1], [id(4), 2]], deleted: [id(4), id(8), id(1)], shown: 2, total: 2 }));
  equal([ids(), state.view().comments.at(-1)?.likes], [[2, 3], 7]);
});

test("a deleted comment leaves the list, the top and the pin", () => {
  const { state, take, ids } = screen();
  take(delta(1, { pinned: line(2, { likes: 5 }) }));
  equal(state.view().pinned?.likes, 5);
  take(delta(2, { deleted: [id(2)] }));
  equal([ids(), state.view().pinned, state.view().top], [[1], null, []]);
});

test("a count reaches a comment wherever it stands", () => {
  const { state, take } = screen(1);
  take(delta(1, { comments: [line(3)], pinned: line(1), shown: 1, total: 1 }));
  take(delta(2, { likes: [[id(1), 6], [id(2), 8]] }));
  equal([state.view().pinned?.likes, state.view().top[0]?.likes], [6, 8]);
});

test("what has not changed is the same object", () => {
  const { state, take } = screen();
  const before = state.view();
  take(delta(1, { likes: [[id(1), 1]] }));
  const after = state.view();
  holds(after !== before && after.comments !== before.comments, "the list has changed");
  holds(after.comments[1] === before.comments[1] && after.top === before.top && after.reactions === before.reactions, "the rest is as it was");
  take(delta(2, { viewers: 7 }));
  holds(state.view().comments === after.comments, "the list is as it was");
  take(delta(3));
  holds(state.view() === state.view(), "nothing has changed");
});

test("the list keeps its length and forgets the oldest", () => {
  const { state, take, ids } = screen(3);
  for (let at = 1; at <= 50; at++) take(delta(at, { comments: [line(at + 2)], shown: 1, total: 1 }));
  equal(ids(), [50, 51, 52]);
  equal(state.row(id(10)), undefined);
  holds(state.row(id(2)), "what is on top is kept");
});

test("a comment of one's own is one row when its frame comes after the answer", () => {
  const { state, take, ids } = screen();
  const key = state.write("r-1", "mine", T);
  equal(state.view().comments.at(-1), { key, id: null, author: "ann", name: "Ann", body: "mine", at: T, likes: 0, liked: false, own: true, sent: { state: "sending" }, refused: null });
  store(state, "r-1", 7);
  equal([ids(), state.view().comments.at(-1)?.sent], [[1, 2, 7], { state: "done" }]);
  take(delta(1, { comments: [line(6), line(7, { author: "ann", body: "mine" }), line(8)], shown: 3, total: 3 }));
  equal([ids(), state.view().comments[3]?.key], [[1, 2, 6, 7, 8], key]);
});

test("a comment of one's own is one row when its frame comes before the answer", () => {
  const { state, take, ids } = screen();
  const key = state.write("r-1", "mi\u202ene", T);
  take(delta(1, { comments: [line(7, { author: "ann", body: "mine" }), line(8)], shown: 2, total: 2 }));
  equal([ids(), state.view().comments[2]?.key], [[1, 2, 7, 8], key]);
  const before = state.view();
  store(state, "r-1", 7);
  holds(state.view() === before, "the answer changes nothing");
});

test("the same words from another tab do not take the place of one's own for good", () => {
  const { state, take, ids } = screen();
  const key = state.write("r-1", "hi", T);
  take(delta(1, { comments: [line(7, { author: "ann", body: "hi" })], shown: 1, total: 1 }));
  store(state, "r-1", 8);
  equal([ids(), state.view().comments.map((comment) => comment.key).slice(2)], [[1, 2, 7, 8], [id(7), key]]);
});

test("two comments of the same words keep their keys whatever order they come in", () => {
  const { state, take, ids } = screen();
  const keys = [state.write("r-1", "hi", T), state.write("r-2", "hi", T)];
  take(delta(1, { comments: [line(7, { author: "ann", body: "hi" }), line(8, { author: "ann", body: "hi" })], shown: 2, total: 2 }));
  store(state, "r-1", 8);
  store(state, "r-2", 7);
  equal([ids(), state.view().comments.slice(2).map((comment) => comment.key)], [[1, 2, 7, 8], keys.reverse()]);
});

test("the frame of a later comment of the same words hides no earlier one", () => {
  const { state, take } = screen();
  const keys = [state.write("r-1", "hi", T), state.write("r-2", "hi", T)];
  take(delta(1, { comments: [line(7, { author: "ann", body: "hi" })], shown: 1, total: 1 }));
  store(state, "r-2", 7);
  equal(state.view().comments.slice(2).map(({ key, sent }) => [key, sent.state]), [[keys[1], "done"], [keys[0], "sending"]]);
});

test("a comment of one's own that no frame shows stays, and keeps its place when others come", () => {
  const { state, take, ids } = screen();
  state.write("r-1", "mine", T);
  store(state, "r-1", 7);
  take(delta(1, { comments: [line(8)], shown: 1, total: 2 }));
  equal([ids(), state.view().unseen], [[1, 2, 7, 8], 1]);
  take(snapshot({ epoch: 2, seq: 0, comments: [line(1), line(8, { at: T + 1 })] }));
  equal(ids(), [1, 7, 8]);
});

test("a comment that was deleted before its answer came does not come back", () => {
  const { state, take, ids } = screen();
  state.write("r-1", "mine", T);
  take(delta(1, { deleted: [id(7)] }));
  store(state, "r-1", 7);
  equal(ids(), [1, 2]);
});

test("a rejected comment stays with its reason until it is dismissed", () => {
  const { state } = screen();
  const key = state.write("r-1", "mine", T);
  state.refuse({ ref: "r-1", code: "body_too_long", message: "comment is 1002 bytes, at most 1000 fit" });
  equal(state.view().comments.at(-1)?.sent, { state: "rejected", code: "body_too_long", message: "comment is 1002 bytes, at most 1000 fit" });
  equal([state.dismiss(key), state.dismiss(key), state.view().comments.length], ["mine", null, 2]);
});

test("of many rejected comments the newest are kept", () => {
  const { state } = screen();
  for (let at = 0; at < REJECTED_MAX + 5; at++) {
    state.write(`r-${at}`, `no ${at}`, T);
    state.refuse({ ref: `r-${at}`, code: "forbidden", message: "no" });
  }
  const rejected = state.view().comments.slice(2);
  equal([rejected.length, rejected[0]?.body], [REJECTED_MAX, "no 5"]);
});

test("likes outlive a snapshot, and questions are asked only for what is not known", () => {
  const { state, take } = screen();
  equal(state.untold().length, 2);
  for (const row of state.untold()) row.like.tell(true, 0);
  take(delta(1, { comments: [line(3)], shown: 1, total: 1 }));
  take(snapshot({ epoch: 2, seq: 0, comments: [line(2, { likes: 6 }), line(3), line(4)] }));
  equal(state.untold().map((row) => row.line.id), [id(4)]);
  equal(state.view().comments.map(({ liked, likes }) => [liked, likes]), [[true, 6], [false, 0], [false, 0]]);
});

test("a kind called __proto__ is a kind, and no prototype", () => {
  const { state, take } = screen();
  take(JSON.parse(`{"type":"delta","epoch":1,"from":1,"seq":2,"shown":0,"total":0,"reactions":{"__proto__":4}}`));
  const { reactions } = state.view();
  equal([Object.keys(reactions), Object.getPrototypeOf(reactions) === Object.prototype], [["__proto__"], true]);
});
