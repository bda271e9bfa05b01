// @ts-check
// What is promised of numbers and names as they are written.

import { counted, initial, short, whoClass } from "../../../vendor/live-parts.js";
import { equal, holds, test } from "../../../client/tests/harness.js";

test("a short number is exact and a long one compact", () => {
  equal([0, 7, 9_999, 10_000, 12_345, 4_000_000].map(short), ["0", "7", "9999", "10K", "12.3K", "4M"]);
});

test("one is not many", () => {
  equal([0, 1, 2, 1_200].map((count) => counted(count, "like")), ["0 likes", "1 like", "2 likes", "1,200 likes"]);
});

test("an author has the same colour on every screen, one of eight", () => {
  equal(["ann", "bob", ""].map(whoClass), ["who-1", "who-5", "who-0"]);
  for (let at = 0; at < 1_000; at += 1) holds(/^who-[0-7]$/.test(whoClass(`viewer-${at}`)), `viewer-${at} has a colour`);
  equal(new Set(Array.from({ length: 1_000 }, (_, at) => whoClass(`viewer-${at}`))).size, 8, "the number of colours");
});

test("a face has the first letter that can be seen", () => {
  equal(["ann", "  bob", "...x", "élan", "李雷", "!?"].map(initial), ["A", "B", "X", "É", "李", "?"]);
});
