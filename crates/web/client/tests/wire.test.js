// @ts-check
// What a server says is checked in every field.

import { serverMessage, WireError } from "../dist/parts.js";
import { equal, holds, test, thrown } from "./harness.js";
import { delta, id, line, snapshot, welcome } from "./world.js";

/** @param {unknown} message */
const refusal = (message) => {
  const error = thrown(() => serverMessage(message));
  holds(error instanceof WireError, `${error} is a WireError`);
  return error.message;
};

test("an unknown type is left out, an unknown field does no harm", () => {
  equal(serverMessage({ type: "party", at: "noon" }), null);
  equal(serverMessage({ type: "beat", epoch: 1, seq: 2, hat: true }), { type: "beat", epoch: 1, seq: 2 });
});

test("what is no object with a type is refused", () => {
  for (const value of [null, undefined, 1, "beat", [], [1], {}, { type: 3 }, { type: null }]) refusal(value);
});

test("a number is whole, not negative, and at most 2^53-1", () => {
  for (const seq of [-1, 1.5, 2 ** 53, NaN, Infinity, "2", null, undefined, true, 7n]) refusal({ type: "beat", epoch: 1, seq });
  equal(serverMessage({ type: "beat", epoch: 0, seq: 2 ** 53 - 1 }), { type: "beat", epoch: 0, seq: 2 ** 53 - 1 });
  equal(refusal({ type: "beat", epoch: 1, seq: -1 }), "seq is -1, it must be a whole number up to 9007199254740991");
});

test("every field of every message is looked at", () => {
  const messages = [
    welcome(),
    snapshot({ reactions: { heart: 1 }, pinned: line(1), top: [line(1)], comments: [line(1)] }),
    delta(1, { comments: [line(2)], likes: [[id(1), 1]], deleted: [id(1)], reactions: { heart: 1 }, viewers: 3, shown: 1, total: 1 }),
    { type: "ack", ref: "a", id: id(1), liked: true, stamp: 3 },
    { type: "reject", ref: "a", code: "overloaded", message: "later", retry_after_ms: 3 },
    { type: "move", url: "ws://b2", after_ms: 3 },
  ];
  const unread = new Set(["node", "stream", "placed"]);
  for (const message of messages) {
    serverMessage(message);
    for (const field of Object.keys(message)) {
      if (unread.has(field)) continue;
      refusal({ ...message, [field]: Symbol.iterator });
      if (typeof (/** @type {any} */ (message)[field]) !== "object") refusal({ ...message, [field]: [[]] });
    }
  }
});

test("an id has 32 hexadecimal digits in lower case", () => {
  for (const wrong of ["", "6F1C0000000000000000000000000009", "6f1c", `${id(1)}0`, 3]) refusal(delta(1, { deleted: [wrong] }));
});

test("a delta goes forward and shows no more than were written", () => {
  equal(refusal(delta(5, { seq: 5 })), "delta goes from 5 to 5, it must go forward");
  equal(refusal(delta(5, { shown: 2, total: 1 })), "delta shows 2 comments of 1");
});

test("absent, null and empty are three things in a delta's pin", () => {
  /** @param {object} fields */
  const pinned = (fields) => {
    const message = serverMessage(delta(1, fields));
    return message?.type === "delta" ? message.pinned : "no delta";
  };
  equal(pinned({}), undefined);
  equal(pinned({ pinned: null }), null);
  equal(pinned({ pinned: line(1) }), line(1));
});

test("a kind of reaction may be called like a property of all objects", () => {
  const message = serverMessage(JSON.parse(`{"type":"delta","epoch":1,"from":1,"seq":2,"shown":0,"total":0,"reactions":{"__proto__":4,"constructor":5}}`));
  equal(message?.type === "delta" && message.reactions, new Map([["__proto__", 4], ["constructor", 5]]));
  equal(/** @type {any} */ ({}).heart, undefined);
});

test("more kinds of reactions than a stream may have are refused", () => {
  const reactions = Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, 1]));
  equal(refusal(delta(1, { reactions })), "reactions has 65 kinds, at most 64 are believed");
});
