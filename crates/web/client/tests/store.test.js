// @ts-check
// The view as an observable.

import { Store } from "../dist/parts.js";
import { equal, holds, test } from "./harness.js";

function shop() {
  /** @type {any} */
  let view = { viewers: 1 };
  /** @type {unknown[]} */
  const reported = [];
  const store = new Store(() => view, (error) => void reported.push(error));
  return { store, reported, set: (/** @type {any} */ next) => ((view = next), store.changed()) };
}

test("listeners are called when something has changed, and only then", () => {
  const { store, set } = shop();
  let calls = 0;
  const { subscribe, getSnapshot } = store;
  const stop = subscribe(() => calls++);
  store.changed();
  equal(calls, 0);
  set({ viewers: 2 });
  equal([calls, getSnapshot()], [1, { viewers: 2 }]);
  holds(getSnapshot() === getSnapshot(), "it is the same object");
  stop();
  set({ viewers: 3 });
  equal(calls, 1);
});

test("a listener that throws harms no other", () => {
  const { store, set, reported } = shop();
  let calls = 0;
  store.subscribe(() => {
    throw new Error("mine");
  });
  store.subscribe(() => calls++);
  set({ viewers: 2 });
  equal([calls, reported.length], [1, 1]);
});

test("one function may listen twice, and a listener may leave while it is called", () => {
  const { store, set } = shop();
  let calls = 0;
  const call = () => calls++;
  const stops = [store.subscribe(call), store.subscribe(call)];
  store.subscribe(() => stops.forEach((stop) => stop()));
  set({ viewers: 2 });
  set({ viewers: 3 });
  equal(calls, 2);
});
