// @ts-check
// Which comments this viewer likes is asked over HTTP.

import { equal, test } from "./harness.js";
import { delta, id, line, snapshot, World } from "./world.js";

/** The ids of each question. @param {World} world */
const questions = (world) => world.asked.filter((url) => url.includes("/likes")).map((url) => (new URL(url).searchParams.get("ids") ?? "").split(","));

/** @param {number[]} liked @returns {(url: URL) => { body: unknown }} */
const likes = (liked) => (url) => ({ body: url.pathname.endsWith("/likes") ? { liked: liked.map(id) } : { node: "b2", url: "ws://b2.test/v1/streams/demo/live" } });

test("after the first snapshot the node is asked, at once, at most 100 in a question", async () => {
  const world = new World();
  world.answer = likes([3, 150]);
  const live = await world.live({ listMax: 500 });
  world.channel.say(snapshot({ comments: Array.from({ length: 250 }, (_, at) => line(at)), top: [line(3)] }));
  await world.advance(2_000);
  equal(questions(world).map((ids) => ids.length), [100, 100, 50]);
  equal(live.getSnapshot().comments.filter((comment) => comment.liked).map((comment) => comment.id), [id(3), id(150)]);
  equal(live.getSnapshot().top[0]?.liked, true);
  equal(new URL(world.asked.at(-1) ?? "").host, "b2.test");
});

test("what came in frames since is known, and is not asked after a new epoch", async () => {
  const world = new World();
  await world.live();
  world.channel.say(delta(1, { comments: [line(1)], shown: 1, total: 1 }));
  world.channel.say(snapshot({ epoch: 2, comments: [line(1)] }));
  await world.advance(10_000);
  equal(questions(world), []);
});

test("while an owner cannot be reached it is asked again, after the time that the node says", async () => {
  const world = new World();
  let down = true;
  world.answer = (url) => (url.pathname.endsWith("/likes") && down ? { status: 503, headers: { "retry-after": "1" } } : likes([1])(url));
  const live = await world.live();
  world.channel.say(snapshot({ comments: [line(1)] }));
  await world.advance(2_000);
  const asked = questions(world).length;
  down = false;
  await world.advance(1_000);
  equal([questions(world).length, live.getSnapshot().comments[0]?.liked], [asked + 1, true]);
});

test("what the viewer does while the question is on its way is not overridden", async () => {
  const world = new World();
  /** @type {ReturnType<World["live"]> extends Promise<infer L> ? L : never} */
  let live;
  world.answer = (url) => {
    if (url.pathname.endsWith("/likes")) live.unlike(id(1));
    return likes([1])(url);
  };
  live = await world.live();
  world.channel.say(snapshot({ comments: [line(1, { likes: 4 })] }));
  await world.advance(2_000);
  equal(live.getSnapshot().comments[0]?.liked, false);
});

test("nonsense for an answer is asked again, gently", async () => {
  const world = new World();
  world.answer = (url) => (url.pathname.endsWith("/likes") ? { body: { liked: "all" } } : likes([])(url));
  const live = await world.live();
  world.channel.say(snapshot({ comments: [line(1)] }));
  for (let beat = 0; beat < 6; beat++) {
    await world.advance(10_000);
    world.channel.say({ type: "beat", epoch: 1, seq: 1 });
  }
  const count = questions(world).length;
  equal([count > 2 && count < 40, live.getSnapshot().comments[0]?.liked], [true, false]);
});
