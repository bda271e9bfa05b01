// @ts-check
// What a viewer does, from the call to the answer.

import { SETTLES_MS, UNANSWERED_MAX, WAITING_MAX } from "../dist/parts.js";
import { equal, holds, test } from "./harness.js";
import { delta, id, line, snapshot, welcome, World } from "./world.js";

/** A client with two comments of others. @param {Partial<import("../dist/index.js").Options>} [options] */
async function two(options) {
  const world = new World();
  const live = await world.live(options);
  world.channel.say(snapshot({ comments: [line(1), line(2, { likes: 5 })] }));
  await world.advance(2_000);
  const first = () => live.getSnapshot().comments[0];
  return { world, live, first, sent: () => world.channel.sent, last: () => world.channel.sent.at(-1) };
}

test("a comment is in the view at once, and done with its answer", async () => {
  const { world, live, last } = await two();
  const key = live.comment("hello");
  const mine = () => live.getSnapshot().comments.find((comment) => comment.key === key);
  equal([mine()?.sent, mine()?.own, mine()?.body], [{ state: "sending" }, true, "hello"]);
  equal(last(), { type: "comment", ref: last().ref, body: "hello" });
  holds(/^[0-9a-v]{16}-1$/.test(last().ref), `${last().ref} begins with a random session`);
  world.channel.say({ type: "ack", ref: last().ref, id: id(3) });
  equal([mine()?.sent, mine()?.id], [{ state: "done" }, id(3)]);
});

test("sessions have refs of their own", async () => {
  const refs = new Set();
  for (let seed = 0; seed < 50; seed++) {
    const world = new World(seed);
    (await world.live()).comment("hi");
    refs.add(world.channel.sent[0].ref);
  }
  equal(refs.size, 50);
});

test("a rejected comment says why, and can be sent again as a new one or dismissed", async () => {
  const { world, live, last } = await two();
  const key = live.comment("hello");
  const first = last().ref;
  world.channel.say({ type: "reject", ref: first, code: "bad_text", message: "comment has the control character U+0007" });
  equal(live.getSnapshot().comments.at(-1)?.sent, { state: "rejected", code: "bad_text", message: "comment has the control character U+0007" });
  live.again(key);
  equal([live.getSnapshot().comments.length, last().body, last().ref !== first], [3, "hello", true]);
  live.again(key);
  equal(world.channel.sent.length, 2);
  world.channel.say({ type: "reject", ref: last().ref, code: "forbidden", message: "no" });
  live.dismiss(live.getSnapshot().comments.at(-1)?.key ?? "");
  equal(live.getSnapshot().comments.length, 2);
});

test("a refusal with a delay is not shown: the same is sent again after that time", async () => {
  const { world, live, last, sent } = await two();
  live.comment("hello");
  const first = last();
  world.channel.say({ type: "reject", ref: first.ref, code: "rate_limited", message: "later", retry_after_ms: 900 });
  equal(live.getSnapshot().comments.at(-1)?.sent, { state: "sending" });
  await world.advance(899);
  equal(sent().length, 1);
  await world.advance(1);
  equal(sent(), [first, first]);
});

test("a like counts at once, and its stamp and ref stay the same over a new connection", async () => {
  const { world, live, first, last } = await two();
  live.like(id(1));
  equal([first()?.likes, first()?.liked], [1, true]);
  const like = last();
  equal(like, { type: "like", ref: like.ref, id: id(1), stamp: world.now });
  world.channel.end();
  await world.advance(1000);
  world.channel.say(welcome());
  equal(last(), like);
});

test("an answer with another register wins, and the next like is stamped above it", async () => {
  const { world, live, first, last } = await two();
  live.like(id(1));
  world.channel.say({ type: "ack", ref: last().ref, id: id(1), liked: false, stamp: world.now + 30_000 });
  equal([first()?.likes, first()?.liked], [0, false]);
  live.like(id(1));
  equal(last().stamp, world.now + 30_001);
});

test("a rejected like is undone and says why, until the next one", async () => {
  const { world, live, first, last } = await two();
  live.like(id(1));
  world.channel.say({ type: "reject", ref: last().ref, code: "bad_stamp", message: "stamp is 99998 ms ahead" });
  equal([first()?.likes, first()?.liked, first()?.refused], [0, false, { code: "bad_stamp", message: "stamp is 99998 ms ahead" }]);
  live.like(id(1));
  equal([first()?.likes, first()?.refused], [1, null]);
});

test("a like whose count is taken back by another in the same window is exact once it is quiet", async () => {
  const { world, live, first, last } = await two();
  live.like(id(1));
  world.channel.say({ type: "ack", ref: last().ref, id: id(1), liked: true, stamp: last().stamp });
  await world.advance(SETTLES_MS - 1);
  equal(first()?.likes, 1);
  await world.advance(1);
  equal([first()?.likes, first()?.liked], [0, true]);
});

test("who taps a like without a connection fills no queue, and the last word is sent", async () => {
  const { world, live, first } = await two();
  world.channel.end();
  for (let tap = 0; tap < 1001; tap++) (tap % 2 ? live.unlike : live.like).call(live, id(1));
  equal([first()?.likes, first()?.liked], [1, true]);
  await world.advance(1000);
  world.channel.say(welcome());
  equal(world.channel.sent.map(({ type }) => type), ["like"]);
});

test("a deletion and a pin that are refused say so at the comment", async () => {
  const { world, live, first, last } = await two();
  live.delete(id(1));
  equal(last(), { type: "delete", ref: last().ref, id: id(1) });
  world.channel.say({ type: "reject", ref: last().ref, code: "forbidden", message: "only moderators may delete" });
  equal(first()?.refused?.code, "forbidden");
  live.pin(id(1));
  equal(first()?.refused, null);
  live.pin(null);
  equal(last(), { type: "pin", ref: last().ref, id: null });
  world.channel.say({ type: "reject", ref: last().ref, code: "forbidden", message: "only moderators may pin" });
  equal(first()?.refused, null);
});

test("no more than 32 writes are on their way, and what cannot wait is refused here", async () => {
  const { world, live, sent } = await two({ listMax: 1000 });
  for (let at = 0; at < UNANSWERED_MAX + WAITING_MAX + 1; at++) live.comment(`comment ${at}`);
  equal(sent().length, UNANSWERED_MAX);
  const { comments } = live.getSnapshot();
  equal([comments.at(-1)?.sent.state, comments.at(-2)?.sent.state], ["rejected", "sending"]);
  live.like(id(1));
  equal([comments[0]?.liked, live.getSnapshot().comments[0]?.refused?.code], [false, "overloaded"]);
  world.channel.say({ type: "ack", ref: sent()[0].ref, id: id(3) });
  equal(sent().length, UNANSWERED_MAX + 1);
});

test("taps are gathered for the interval that the server told", async () => {
  const { world, live, sent } = await two();
  for (let tap = 0; tap < 5; tap++) live.react("heart");
  live.react("clap", 3);
  equal(live.getSnapshot().reactions, { heart: 5, clap: 3 });
  await world.advance(1_000);
  equal(sent().map(({ type, kind, count }) => [type, kind, count]), [["react", "heart", 1], ["react", "heart", 4], ["react", "clap", 3]]);
  equal(live.getSnapshot().reactions, { heart: 5, clap: 3 });
});

test("a frame and a call tell a listener once, and what changes nothing tells nobody", async () => {
  const { world, live } = await two();
  let calls = 0;
  live.subscribe(() => calls++);
  world.channel.say(delta(1, { comments: [line(3)], likes: [[id(1), 4]], viewers: 9, shown: 1, total: 1 }));
  equal(calls, 1);
  live.comment("hi");
  equal(calls, 2);
  world.channel.say({ type: "beat", epoch: 1, seq: 2 });
  world.channel.say({ type: "fireworks" });
  equal(calls, 2);
});

test("a listener that throws does not break the client", async () => {
  const { world, live } = await two();
  live.subscribe(() => {
    throw new Error("the page's own");
  });
  world.channel.say(delta(1, { viewers: 9 }));
  world.channel.say(delta(2, { viewers: 10 }));
  equal([live.getSnapshot().viewers, world.reported.length], [10, 2]);
});

test("a listener may write while it is called", async () => {
  const { world, live, sent } = await two();
  const stop = live.subscribe(() => {
    stop();
    live.comment("first!");
  });
  world.channel.say(delta(1, { viewers: 9 }));
  equal([sent().length, live.getSnapshot().comments.at(-1)?.body], [1, "first!"]);
});
