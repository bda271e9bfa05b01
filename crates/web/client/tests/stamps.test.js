// @ts-check
// Stamps increase, whatever the clock and the storage do.

import { Stamps, STORAGE_KEY } from "../dist/parts.js";
import { equal, test } from "./harness.js";

/** A storage in memory, as two tabs share it. */
function shelf() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return { kept, getItem: (/** @type {string} */ key) => kept.get(key) ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value) };
}

test("stamps are the clock's, raised to stay increasing when it stands or goes back", () => {
  let now = 1000;
  const stamps = new Stamps(null, () => now);
  const [one, two] = [stamps.next(), stamps.next()];
  now = 500;
  equal([one, two, stamps.next()], [1000, 1001, 1002]);
  now = 2000.7;
  equal(stamps.next(), 2000);
});

test("a reload and another tab go on where the last stamp was, with one key", () => {
  const storage = shelf();
  const [tab, other] = [new Stamps(storage, () => 1000), new Stamps(storage, () => 900)];
  equal([tab.next(), other.next(), tab.next(), new Stamps(storage, () => 1000).next()], [1000, 1001, 1002, 1003]);
  equal([...storage.kept.keys()], [STORAGE_KEY]);
});

test("a register of another device whose clock is ahead is overtaken", () => {
  const stamps = new Stamps(null, () => 1000);
  stamps.seen(5000);
  equal(stamps.next(), 5001);
});

test("a storage that throws is survived", () => {
  const refuse = () => {
    throw new Error("quota");
  };
  const stamps = new Stamps({ getItem: refuse, setItem: refuse }, () => 1000);
  equal([stamps.next(), stamps.next()], [1000, 1001]);
});

test("what is no stamp, or far ahead of the clock, is not believed", () => {
  for (const left of ["NaN", "", "-5", "1.5", "[]", String(1000 + 60_001), "9".repeat(30)]) {
    const storage = shelf();
    storage.setItem(STORAGE_KEY, left);
    equal(new Stamps(storage, () => 1000).next(), 1000, left);
  }
});
