// @ts-check
// Waits before the next try.

import { askedFor, Backoff } from "../dist/parts.js";
import { equal, holds, test } from "./harness.js";

test("waits are spread from nothing to a bound that doubles up to 10 s", () => {
  const [longest, shortest] = [new Backoff(() => 1), new Backoff(() => 0)];
  equal(Array.from({ length: 8 }, () => longest.wait(null)), [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  equal([shortest.wait(null), shortest.wait(null)], [0, 0]);
  longest.reset();
  equal(longest.wait(null), 250);
});

test("what the server asks for is kept to, and jitter comes on top when it goes on failing", () => {
  const backoff = new Backoff(() => 1);
  equal([1, 2, 3].map(() => backoff.wait(1234)), [1234, 1234, 1234]);
  holds(backoff.wait(1234) > 1234, "the fourth wait is longer");
  equal(new Backoff(() => 1).wait(1e9), 60_000);
});

test("the reason of a close says how long to wait", () => {
  equal(["retry_after_ms=1000", "full; retry_after_ms=5", "", "retry_after_ms=", "later", `retry_after_ms=${"9".repeat(40)}`].map(askedFor), [1000, 5, null, null, null, 999_999_999]);
});
