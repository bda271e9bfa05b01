// @ts-check
// Which node is asked, and which is taken.

import { Places } from "../dist/parts.js";
import { equal, test } from "./harness.js";
import { World } from "./world.js";

/** @param {World} world @param {string[]} given */
const places = (world, given = ["http://b1.test"]) => new Places(given, "demo", "ann", world.around);

/** @param {string} node @param {string[]} [others] */
const place = (node, others = []) => ({ body: { node, url: `ws://${node}.test/v1/streams/demo/live`, others: others.map((other) => `ws://${other}.test/v1/streams/demo/live`) } });

test("the node that the cluster names is taken", async () => {
  const world = new World();
  world.answer = () => place("b2");
  equal([await places(world).find(), world.asked], ["ws://b2.test/v1/streams/demo/live", ["http://b1.test/v1/streams/demo/place?viewer=ann"]]);
});

test("when the page's own node is gone, those that it once named are asked", async () => {
  const world = new World();
  world.answer = () => place("b1", ["b3", "b2"]);
  const asked = places(world);
  await asked.find();
  world.answer = ({ hostname }) => (hostname === "b2.test" ? place("b4") : null);
  equal(await asked.find(), "ws://b4.test/v1/streams/demo/live");
  equal(world.asked.map((url) => new URL(url).hostname), ["b1.test", "b1.test", "b3.test", "b2.test"]);
  await asked.find();
  equal(world.asked.slice(4).map((url) => new URL(url).hostname), ["b2.test"]);
});

test("when nobody answers, the page's own address is tried, or the next of several", async () => {
  const world = new World();
  world.answer = () => null;
  equal(await places(world).find(), "ws://b1.test/v1/streams/demo/live");
  equal(await places(world, ["https://one.test"]).find(), "wss://one.test/v1/streams/demo/live");
});

test("a refusal, nonsense and addresses that are no socket's are no place", async () => {
  for (const answer of [{ status: 503, body: { error: "none" } }, { body: [] }, { body: { url: 3 } }, { body: { url: "https://b2.test" } }, { body: { url: "javascript:alert(1)" } }, { body: null }]) {
    const world = new World();
    world.answer = () => answer;
    equal(await places(world).find(), "ws://b1.test/v1/streams/demo/live");
  }
});

test("the addresses that are remembered are bounded, and the page's own stays", async () => {
  const world = new World();
  const asked = places(world);
  for (let node = 2; node < 50; node++) asked.learn(`ws://b${node}.test/v1/streams/demo/live`);
  world.answer = () => null;
  await asked.find();
  equal(world.asked.map((url) => new URL(url).hostname), ["b1", "b43", "b44", "b45", "b46", "b47", "b48", "b49"].map((node) => `${node}.test`));
});

test("a node that does not answer is not waited for", async () => {
  const world = new World();
  const around = { ...world.around, fetch: (/** @type {string} */ _, /** @type {AbortSignal} */ signal) => new Promise((_, fail) => signal.addEventListener("abort", () => fail(new Error("aborted")))) };
  const found = new Places(["http://b1.test"], "demo", "ann", /** @type {any} */ (around)).find();
  await world.advance(3_000);
  equal(await found, "ws://b1.test/v1/streams/demo/live");
});
