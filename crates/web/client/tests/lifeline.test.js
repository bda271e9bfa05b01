// @ts-check
// The connection: lost, silent, moved, hidden, and back.

import { HIDDEN_MS_MAX } from "../dist/parts.js";
import { equal, holds, test } from "./harness.js";
import { delta, id, line, snapshot, welcome, World } from "./world.js";

/** @param {import("../dist/index.js").Live} live */
const state = (live) => live.getSnapshot().connection.state;

/** @param {import("../dist/index.js").Live} live */
const ids = (live) => live.getSnapshot().comments.map((comment) => Number(comment.id ?? -1));

test("it connects where it is told, as this viewer", async () => {
  const world = new World();
  world.answer = () => ({ body: { node: "b2", url: "ws://b2.test/v1/streams/demo/live" } });
  const live = world.watch({ name: "Ann & Co" });
  equal(state(live), "connecting");
  await world.settle();
  equal(world.channel.url.href, "ws://b2.test/v1/streams/demo/live?viewer=ann&name=Ann+%26+Co");
  world.channel.say(welcome());
  equal(live.getSnapshot().connection, { state: "live", node: "b1" });
  equal(live.getSnapshot().limits, { commentBytes: 1000, commentsPerMinute: 60, tapIntervalMs: 250, beatMs: 20000 });
});

test("a lost connection comes back with its resume point, and what it missed is one step", async () => {
  const world = new World();
  const live = await world.live();
  world.channel.say(delta(1, { comments: [line(1)], shown: 1, total: 1 }));
  world.channel.end();
  equal(state(live), "waiting");
  await world.advance(250);
  equal(world.channel.url.searchParams.get("resume"), "1:2");
  equal(ids(live), [1]);
  let steps = 0;
  world.channel.say(welcome());
  live.subscribe(() => steps++);
  world.channel.say(delta(2, { seq: 9, comments: [line(2), line(3)], shown: 2, total: 2 }));
  equal([ids(live), steps], [[1, 2, 3], 1]);
});

test("a frame that does not continue breaks the connection, and the view stays as it was", async () => {
  const world = new World();
  const live = await world.live();
  const first = world.channel;
  first.say(delta(7, { comments: [line(1)], shown: 1, total: 1 }));
  equal([state(live), first.left, ids(live)], ["waiting", true, []]);
  await world.advance(250);
  equal(world.channel.url.searchParams.get("resume"), "1:1");
});

test("the time that a server asks for is waited, even when the browser comes online", async () => {
  const world = new World();
  const live = await world.live();
  world.channel.end("retry_after_ms=4000");
  equal(live.getSnapshot().connection, { state: "waiting", retryAt: world.now + 4000 });
  world.online();
  await world.advance(3999);
  equal(world.channels.length, 1);
  await world.advance(1);
  equal(world.channels.length, 2);
});

test("when the browser comes online, a wait of one's own is over", async () => {
  const world = new World();
  const live = await world.live();
  for (let failure = 0; failure < 12; failure++) {
    world.channel.end();
    world.online();
    await world.settle();
  }
  equal([world.channels.length, state(live)], [13, "connecting"]);
  world.online();
  await world.settle();
  equal(world.channels.length, 13);
});

test("waits grow while connections fail at once", async () => {
  const world = new World();
  world.random = () => 1;
  const live = await world.live();
  const waits = [];
  for (let failure = 0; failure < 8; failure++) {
    world.channel.say(welcome());
    world.channel.end();
    const { connection } = live.getSnapshot();
    waits.push(connection.state === "waiting" ? connection.retryAt - world.now : -1);
    await world.advance(10_000);
  }
  equal(waits, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
  world.channel.say(welcome());
  await world.advance(5_000);
  world.channel.end();
  equal(live.getSnapshot().connection, { state: "waiting", retryAt: world.now + 250 });
});

test("a place that cannot be reached is not tried for ever: the page's own address is", async () => {
  const world = new World();
  world.answer = () => ({ body: { node: "b9", url: "ws://unreachable.test/v1/streams/demo/live" } });
  world.refuses = (url) => url.includes("unreachable");
  world.watch();
  await world.settle();
  await world.advance(1000);
  equal(world.channel.url.host, "b1.test");
});

test("two silent beats end a connection, and anything that comes keeps it", async () => {
  const world = new World();
  const live = await world.live();
  await world.advance(39_000);
  world.channel.say({ type: "beat", epoch: 1, seq: 1 });
  await world.advance(39_999);
  equal(state(live), "live");
  await world.advance(1);
  equal([state(live), world.channels[0]?.left], ["waiting", true]);
});

test("a connection without a welcome ends after a time", async () => {
  const world = new World();
  const live = world.watch();
  await world.settle();
  await world.advance(10_000);
  equal(state(live), "waiting");
});

test("a node that answers no write is left", async () => {
  const world = new World();
  const live = await world.live();
  live.comment("hello");
  for (let second = 0; second < 12; second++) {
    world.channel.say({ type: "beat", epoch: 1, seq: 1 });
    await world.advance(1000);
  }
  equal(state(live), "waiting");
});

test("a move makes the new connection first, and takes no frame of the old one from its resume point on", async () => {
  const world = new World();
  const live = await world.live();
  const old = world.channel;
  old.say({ type: "move", url: "ws://b2.test/v1/streams/demo/live", after_ms: 500 });
  equal(state(live), "moving");
  old.say(delta(1, { comments: [line(1)], shown: 1, total: 1 }));
  await world.advance(500);
  const next = world.channel;
  equal([next.url.host, next.url.searchParams.get("resume"), old.left], ["b2.test", "1:2", false]);
  old.say(delta(2, { comments: [line(2)], shown: 1, total: 1 }));
  equal(ids(live), [1]);
  next.say({ ...welcome(), node: "b2" });
  equal([live.getSnapshot().connection, old.left], [{ state: "live", node: "b2" }, true]);
  next.say(delta(2, { seq: 4, comments: [line(2), line(3)], shown: 2, total: 2 }));
  equal(ids(live), [1, 2, 3]);
});

test("what is unanswered is sent again over the new connection, with the same ref", async () => {
  const world = new World();
  const live = await world.live();
  live.comment("hello");
  const [sent] = world.channel.sent;
  world.channel.say({ type: "move", url: "ws://b2.test/v1/streams/demo/live", after_ms: 0 });
  await world.advance(0);
  world.channel.say(welcome());
  equal(world.channel.sent, [sent]);
});

test("if the new connection cannot be made, the old one is as good as before", async () => {
  const world = new World();
  const live = await world.live();
  const old = world.channel;
  old.say({ type: "move", url: "ws://b2.test/v1/streams/demo/live", after_ms: 0 });
  await world.advance(0);
  old.say(delta(1, { comments: [line(1)], shown: 1, total: 1 }));
  world.channel.end();
  equal([ids(live), state(live), old.left], [[1], "live", false]);
  old.say(delta(2, { comments: [line(2)], shown: 1, total: 1 }));
  equal(ids(live), [1, 2]);
});

test("a move that brings no welcome is given up, in time or in frames", async () => {
  for (const slow of [true, false]) {
    const world = new World();
    const live = await world.live();
    const old = world.channel;
    old.say({ type: "move", url: "ws://b2.test/v1/streams/demo/live", after_ms: 0 });
    await world.advance(0);
    for (let seq = 1; seq < (slow ? 3 : 300); seq++) old.say(delta(seq, { viewers: seq }));
    if (slow) await world.advance(5_000);
    equal([state(live), live.getSnapshot().viewers, world.channel.left], ["live", slow ? 2 : 299, true]);
  }
});

test("when both connections of a move are gone, it comes back from where the view stands", async () => {
  const world = new World();
  const live = await world.live();
  const old = world.channel;
  old.say({ type: "move", url: "ws://b2.test/v1/streams/demo/live", after_ms: 0 });
  await world.advance(0);
  const next = world.channel;
  old.say(delta(1, { comments: [line(1)], shown: 1, total: 1 }));
  old.end();
  equal(state(live), "moving");
  next.end();
  await world.advance(250);
  equal([state(live), world.channel.url.searchParams.get("resume")], ["connecting", "1:1"]);
});

test("a later move replaces an earlier one", async () => {
  const world = new World();
  await world.live();
  world.channel.say({ type: "move", url: "ws://b2.test/v1/streams/demo/live", after_ms: 500 });
  world.channel.say({ type: "move", url: "ws://b3.test/v1/streams/demo/live", after_ms: 900 });
  await world.advance(899);
  equal(world.channels.length, 1);
  await world.advance(1);
  equal(world.channel.url.host, "b3.test");
});

test("a node that closes after it has named another is not asked again", async () => {
  const world = new World();
  await world.live();
  world.channel.say({ type: "move", url: "ws://b3.test/v1/streams/demo/live", after_ms: 2000 });
  world.channel.end("retry_after_ms=100");
  await world.advance(1999);
  equal(world.channels.length, 1);
  await world.advance(1);
  equal(world.channel.url.host, "b3.test");
});

test("a full node that names another instead of a welcome is followed at its time", async () => {
  const world = new World();
  world.watch();
  await world.settle();
  world.channel.say({ type: "move", url: "ws://b3.test/v1/streams/demo/live", after_ms: 700 });
  world.channel.end("retry_after_ms=700");
  await world.advance(700);
  equal(world.channel.url.host, "b3.test");
});

test("a move to what is no socket's address is not followed", async () => {
  const world = new World();
  const live = await world.live();
  for (const url of ["https://b2.test", "javascript:alert(1)", "//b2", ""]) world.channel.say({ type: "move", url, after_ms: 0 });
  await world.advance(1000);
  equal([state(live), world.channels.length], ["live", 1]);
});

test("a page that is hidden for long is paused, and catches up in one step when it is shown", async () => {
  const world = new World();
  const live = await world.live();
  world.hidden = true;
  world.seen();
  await world.advance(HIDDEN_MS_MAX - 1);
  equal(state(live), "live");
  await world.advance(1);
  equal([state(live), world.channel.left], ["paused", true]);
  await world.advance(3_600_000);
  world.online();
  equal(world.channels.length, 1);
  world.hidden = false;
  world.seen();
  await world.settle();
  equal(world.channel.url.searchParams.get("resume"), "1:1");
  world.channel.say(welcome());
  let steps = 0;
  live.subscribe(() => steps++);
  world.channel.say(snapshot({ epoch: 4, seq: 900, comments: [line(8), line(9)] }));
  equal([ids(live), steps], [[8, 9], 1]);
});

test("who glances at another tab is not paused", async () => {
  const world = new World();
  const live = await world.live();
  for (let glance = 0; glance < 5; glance++) {
    [world.hidden] = [true];
    world.seen();
    await world.advance(HIDDEN_MS_MAX - 1);
    world.channel.say({ type: "beat", epoch: 1, seq: 1 });
    world.hidden = false;
    world.seen();
  }
  equal([state(live), world.channels.length], ["live", 1]);
});

test("a pause waits for the answers that are due", async () => {
  const world = new World();
  const live = await world.live();
  world.hidden = true;
  world.seen();
  await world.advance(HIDDEN_MS_MAX - 1000);
  live.comment("last words");
  await world.advance(1000);
  equal(state(live), "live");
  world.channel.say({ type: "ack", ref: world.channel.sent[0].ref, id: id(1) });
  await world.advance(2_000);
  equal(state(live), "paused");
});

test("after the close nothing happens any more", async () => {
  for (const when of ["before", "during", "after"]) {
    const world = new World();
    const live = world.watch();
    if (when !== "before") await world.settle();
    if (when === "after") world.channel.say(welcome());
    live.close();
    live.close();
    live.comment("too late");
    live.react("heart");
    live.like(id(1));
    await world.settle();
    await world.advance(600_000);
    world.online();
    world.seen();
    await world.settle();
    equal([state(live), world.channels.length, world.timers.length], ["closed", when === "before" ? 0 : 1, 0], when);
    holds(world.channels.every((channel) => channel.left), "all sockets are left");
  }
});
