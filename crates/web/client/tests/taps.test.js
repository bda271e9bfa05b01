// @ts-check
// Taps are gathered, sent at the server's interval, and counted once.

import { Taps } from "../dist/parts.js";
import { equal, test } from "./harness.js";

/** @param {Taps} taps @param {number} heart */
const hearts = (taps, heart) => taps.shown(new Map([["heart", heart]])).get("heart");

test("one message an interval, whatever was tapped", () => {
  const taps = new Taps();
  taps.tap("heart", 1);
  taps.tap("clap", 2);
  taps.tap("heart", 1);
  equal([taps.take(1000), taps.dueAt(250), taps.take(1250), taps.dueAt(250), taps.take(1500)], [{ kind: "heart", count: 2 }, 1250, { kind: "clap", count: 2 }, null, null]);
});

test("a message has at most 100 taps, and kinds take turns", () => {
  const taps = new Taps();
  taps.tap("heart", 150);
  taps.tap("clap", 1);
  equal([taps.take(0), taps.take(250), taps.take(500)], [{ kind: "heart", count: 100 }, { kind: "clap", count: 1 }, { kind: "heart", count: 50 }]);
});

test("what waits is bounded in kinds and taps", () => {
  const taps = new Taps();
  for (let at = 0; at < 100; at++) taps.tap(`kind${at}`, 1e9);
  let sent = 0;
  for (let next = taps.take(0); next; next = taps.take(0)) sent += next.count;
  equal(sent, 16 * 1000);
});

test("what is no tap does nothing", () => {
  const taps = new Taps();
  for (const count of [0, -3, NaN, 0.5]) taps.tap("heart", count);
  equal(taps.take(0), null);
});

test("a count does not fall between the sending and the frame, and counts nothing twice", () => {
  const taps = new Taps();
  const seen = [hearts(taps, 10)];
  taps.tap("heart", 3);
  seen.push(hearts(taps, 10));
  taps.take(1000);
  seen.push(hearts(taps, 10));
  taps.counted(new Map([["heart", 13]]), 1200, false);
  seen.push(hearts(taps, 13));
  taps.counted(new Map([["heart", 20]]), 1300, false);
  seen.push(hearts(taps, 20));
  equal(seen, [10, 13, 13, 13, 20]);
});

test("taps that the server dropped are given up when a later frame counts", () => {
  const taps = new Taps();
  hearts(taps, 10);
  taps.tap("heart", 3);
  taps.take(1000);
  taps.counted(new Map([["heart", 10]]), 3000, false);
  equal(hearts(taps, 10), 10);
});

test("after a snapshot only what was not sent is added", () => {
  const taps = new Taps();
  hearts(taps, 10);
  taps.tap("heart", 3);
  taps.take(1000);
  taps.tap("heart", 1);
  taps.counted(new Map([["heart", 5]]), 1001, true);
  equal(hearts(taps, 5), 6);
});
