// @ts-check
// Whatever a server sends: nothing throws out of a socket, nothing that is wrong reaches the view, and the client comes back.

import { msgpack, pack, WireError } from "../dist/parts.js";
import { equal, holds, test, thrown } from "./harness.js";
import { seeded } from "./random.js";
import { delta, id, line, snapshot, welcome, World } from "./world.js";

test("what cannot be right closes the connection and leaves the view as it was", async () => {
  const wrong = [
    "",
    "{",
    "null",
    "[]",
    "7",
    '"beat"',
    `{"type":"beat","epoch":1,"seq":1`,
    JSON.stringify(delta(1, { likes: [[id(1), 1e300]] })),
    JSON.stringify(delta(1, { likes: [[id(1), -1]] })),
    JSON.stringify(delta(1, { likes: [[id(1)]] })),
    JSON.stringify(delta(1, { likes: { [id(1)]: 3 } })),
    JSON.stringify(delta(1, { comments: [line(1), { ...line(2), body: { toString: "x" } }] })),
    JSON.stringify(delta(1, { reactions: [["heart", 1]] })),
    JSON.stringify(delta(1, { pinned: [line(1)] })),
    JSON.stringify(delta(1, { top: "all" })),
    JSON.stringify(delta(1, { deleted: ["__proto__"] })),
    JSON.stringify(delta(1, { seq: 2 ** 60 })),
    JSON.stringify({ type: "move", url: 3, after_ms: 0 }),
    JSON.stringify({ type: "ack" }),
    new ArrayBuffer(4),
  ];
  for (const data of wrong) {
    const world = new World();
    const live = await world.live();
    const { comments } = live.getSnapshot();
    world.channel.say(data);
    equal([live.getSnapshot().connection.state, world.channels[0]?.left], ["waiting", true], String(data));
    holds(live.getSnapshot().comments === comments, "the view is as it was");
    await world.advance(250);
    world.channel.say(welcome());
    equal(live.getSnapshot().connection.state, "live");
  }
});

test("frames before a welcome are not taken", async () => {
  const world = new World();
  const live = world.watch();
  await world.settle();
  world.channel.say(snapshot({ comments: [line(1)] }));
  equal([live.getSnapshot().connection.state, live.getSnapshot().comments], ["waiting", []]);
});

test("answers to nothing, and to another kind of write, change nothing", async () => {
  const world = new World();
  const live = await world.live();
  const before = live.getSnapshot();
  world.channel.say({ type: "ack", ref: "x", id: id(1), liked: true, stamp: 2 ** 53 - 1 });
  world.channel.say({ type: "reject", ref: "__proto__", code: "x", message: "y", retry_after_ms: 0 });
  world.channel.say({ type: "reject", ref: null, code: "bad_json", message: "y" });
  holds(live.getSnapshot() === before, "the view is the same object");
});

test("limits of nothing do not make a client that spins", async () => {
  const world = new World();
  const live = world.watch();
  await world.settle();
  world.channel.say(welcome({ beat_ms: 0, tap_interval_ms: 0, comment_bytes: 0, comments_per_minute: 0 }));
  live.react("heart", 1000);
  let timers = 0;
  while (world.timers.length > 0 && timers < 200 && world.channels.length < 4) {
    timers++;
    await world.advance(Math.max(0, Math.min(...world.timers.map(({ at }) => at)) - world.now));
  }
  holds(timers < 60, `${timers} timers are enough`);
});

test("a move without end does not make a client that spins", async () => {
  const world = new World();
  world.random = () => 1;
  world.watch();
  await world.settle();
  for (let hop = 0; hop < 20; hop++) {
    world.channel.say({ type: "move", url: `ws://b${hop}.test/v1/streams/demo/live`, after_ms: 0 });
    world.channel.end("retry_after_ms=0");
    await world.advance(1_000);
  }
  holds(world.channels.length < 12, `${world.channels.length} connections are few`);
});

/** @param {unknown[]} bytes */
const buffer = (...bytes) => Uint8Array.from(/** @type {number[]} */ (bytes.flat())).buffer;

test("bytes that are no message are refused as such", () => {
  const whole = new Uint8Array(/** @type {ArrayBuffer} */ (pack([2, 3, 41, 42, [], [], [], null, null, null, null, 0, 0]).buffer));
  equal(msgpack.decode(whole.buffer)?.type, "delta");
  const wrong = [
    buffer(),
    buffer(0xc1),
    buffer(0xdd, 0xff, 0xff, 0xff, 0xff, 0x02),
    buffer(0xc6, 0xff, 0xff, 0xff, 0xff),
    buffer([...whole], 0x00),
    buffer(0x93, 0xa1, 0x61, 0x01, 0x01),
    buffer(0x81, 0xa1, 0x61, 0x01),
    buffer(0x93, 0x03, 0xcf, Array(8).fill(0xff), 0x01),
    buffer(0x93, 0x03, 0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 0x01),
    buffer(0x93, 0x03, 0xd6, 0xff, 0, 0, 0, 0, 0x01),
    buffer(Array(2000).fill(0x91), 0xc0),
  ];
  for (const [at, bytes] of wrong.entries()) holds(thrown(() => msgpack.decode(bytes)) instanceof WireError, `${at} is a WireError`);
  for (let length = 0; length < whole.length; length++) holds(thrown(() => msgpack.decode(whole.slice(0, length).buffer)) instanceof WireError, `${length} bytes are a WireError`);
});

test("a kind of reaction called __proto__ changes no prototype in MessagePack either", () => {
  const kind = [...new TextEncoder().encode("__proto__")];
  const bytes = buffer([...pack([2, 3, 41, 42, [], [], [], null, null])].with(0, 0x9d), 0x81, 0xa9, kind, 0x04, 0xc0, 0x00, 0x00);
  try {
    msgpack.decode(bytes);
  } catch (error) {
    holds(error instanceof WireError, `${error} is a WireError`);
  }
  equal(/** @type {any} */ ({}).heart, undefined);
});

test("text that is not UTF-8 is read as some text, or refused", () => {
  for (const wrong of [[0xff, 0xfe, 0xfd], [0xe2, 0x82], [0xf0, 0x9f], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
    try {
      const message = msgpack.decode(buffer(0x95, 0x05, 0xc0, 0xa1, 0x61, 0xa0 | wrong.length, wrong, 0xc0));
      equal(message?.type === "reject" && typeof message.message, "string");
    } catch (error) {
      holds(error instanceof WireError, `${error} is a WireError`);
    }
  }
});

test("bytes changed at random are a message or a WireError, never anything else", () => {
  const random = seeded(7);
  const comment = [new Uint8Array(16), "bob", "Bob", "hi", 1_763_900_000_000, 3];
  const whole = new Uint8Array(pack([2, 3, 41, 42, [comment], [[new Uint8Array(16), 4]], [new Uint8Array(16)], [comment], [comment], null, 7, 1, 2]));
  equal(msgpack.decode(whole.buffer)?.type, "delta");
  let read = 0;
  for (let round = 0; round < 20_000; round++) {
    const bytes = whole.slice(0, random() < 0.2 ? Math.floor(random() * whole.length) : whole.length);
    for (let change = 0; change < 1 + random() * 4; change++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    try {
      if (msgpack.decode(bytes.buffer)) read++;
    } catch (error) {
      holds(error instanceof WireError, `${error} of round ${round} is a WireError`);
    }
  }
  holds(read > 100, `${read} of them are messages all the same`);
});
