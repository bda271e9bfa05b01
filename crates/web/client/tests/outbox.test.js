// @ts-check
// What was written and has no final answer.

import { Outbox, UNANSWERED_MAX, WAITING_MAX } from "../dist/parts.js";
import { equal, test } from "./harness.js";
import { id } from "./world.js";

/** @param {Outbox} outbox @param {string} [body] */
function comment(outbox, body = "hi") {
  const ref = outbox.ref();
  outbox.add({ type: "comment", ref, body });
  return ref;
}

/** @param {Outbox} outbox @param {number} [now] */
const taken = (outbox, now = 0) => outbox.take(now).map(({ ref }) => ref);

test("a write is sent once, and with the same ref over the next connection", () => {
  const outbox = new Outbox("s");
  const refs = [comment(outbox), comment(outbox)];
  equal([taken(outbox), taken(outbox)], [refs, []]);
  outbox.lost();
  equal(taken(outbox), refs);
  outbox.answered("s-1");
  outbox.lost();
  equal(taken(outbox), ["s-2"]);
});

test("no more are on their way than a node reads, and the others follow in their order", () => {
  const outbox = new Outbox("s");
  const refs = Array.from({ length: UNANSWERED_MAX + 3 }, () => comment(outbox));
  equal(taken(outbox), refs.slice(0, UNANSWERED_MAX));
  outbox.answered("s-5");
  outbox.answered("s-6");
  equal(taken(outbox), refs.slice(UNANSWERED_MAX, UNANSWERED_MAX + 2));
  outbox.lost();
  equal(taken(outbox).slice(0, 5), ["s-1", "s-2", "s-3", "s-4", "s-7"]);
});

test("it is full when too many wait, and has room again after an answer", () => {
  const outbox = new Outbox("s");
  while (!outbox.full) comment(outbox);
  equal(outbox.ref(), `s-${UNANSWERED_MAX + WAITING_MAX + 1}`);
  outbox.answered("s-1");
  equal(outbox.full, false);
});

test("a refusal with a delay brings the same write again, not before its time", () => {
  const outbox = new Outbox("s");
  comment(outbox);
  taken(outbox, 1000);
  outbox.again("s-1", 900, 1000);
  equal([outbox.dueAt(), outbox.owedSince(), taken(outbox, 1899), taken(outbox, 1900)], [1900, null, [], ["s-1"]]);
  equal([outbox.dueAt(), outbox.owedSince()], [null, 1900]);
});

test("a delay that no server means is not kept to for ever", () => {
  const outbox = new Outbox("s");
  comment(outbox);
  taken(outbox);
  outbox.again("s-1", 2 ** 53 - 1, 0);
  equal(outbox.dueAt(), 60_000);
});

test("likes that were never sent make room for the last one, and those that may have taken effect stay", () => {
  const outbox = new Outbox("s");
  /** @param {"like" | "unlike"} type @param {number} number */
  const like = (type, number) => outbox.add({ type, ref: outbox.ref(), id: id(number), stamp: 1 });
  like("like", 1);
  taken(outbox);
  like("unlike", 1);
  like("like", 2);
  comment(outbox);
  outbox.lost();
  equal(outbox.withdraw(id(1)), ["s-2"]);
  equal(taken(outbox), ["s-1", "s-3", "s-4"]);
});

test("an answer to nothing changes nothing", () => {
  const outbox = new Outbox("s");
  outbox.again("x", 5, 0);
  equal([outbox.answered("x"), outbox.empty, outbox.dueAt()], [null, true, null]);
});
