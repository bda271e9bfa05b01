// @ts-check
// What is promised of the reactions that rise over the stage, and of the water on it.

import { FLOATS_MAX, Floats, courses, seeded } from "../../../vendor/live-parts.js";
import { equal, holds, test } from "../../../client/tests/harness.js";

test("a tap rises at once", () => {
  const floats = new Floats();
  floats.counted({ heart: 10 }, 0);
  floats.counted({ heart: 11 }, 1_000);
  equal(floats.inAir(1_000), 1);
});

test("the counts that a page begins with do not rise", () => {
  const floats = new Floats();
  floats.counted({ heart: 1_000_000 }, 0);
  equal([0, 500, 2_000].map((ms) => floats.inAir(ms)), [0, 0, 0]);
});

test("a count that falls lets nothing rise", () => {
  const floats = new Floats();
  floats.counted({ heart: 10 }, 0);
  floats.counted({ heart: 4 }, 100);
  equal(floats.inAir(100), 0);
});

test("a flood of taps never has more than the most in the air, and never none", () => {
  const floats = new Floats();
  floats.counted({ heart: 0, clap: 0 }, 0);
  let most = 0;
  for (let ms = 100; ms < 30_000; ms += 100) {
    floats.counted({ heart: ms * 30, clap: ms * 20 }, ms);
    most = Math.max(most, floats.inAir(ms));
    holds(floats.inAir(ms) > 0, `something rises at ${ms} ms`);
  }
  holds(most <= FLOATS_MAX, `${most} are at most ${FLOATS_MAX}`);
  holds(most > FLOATS_MAX / 2, `${most} is a lively number`);
});

test("a stream has the same landscape on every screen, and another than others", () => {
  const of = (/** @type {string} */ stream) => courses(seeded(stream));
  equal(of("demo"), of("demo"));
  holds(JSON.stringify(of("demo")) !== JSON.stringify(of("harbour")), "two streams differ");
});

test("eight springs come to one mouth, and none flows up", () => {
  const rivers = courses(seeded("demo"));
  equal(rivers.length, 8);
  equal(new Set(rivers.map((river) => river.at(-1)?.x)).size, 1, "the number of mouths");
  for (const river of rivers) {
    river.forEach(({ y }, at) => holds(y >= (river[at - 1]?.y ?? 0), `place ${at} is not above the one before`));
  }
});
