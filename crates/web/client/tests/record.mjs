// @ts-nocheck: it runs under Node alone, whose types the pages must not see.
// Records a session from a real cluster, in both encodings, into `recordings/`.
//
//   node --experimental-websocket client/tests/record.mjs http://127.0.0.1:8080 [FILE]
//
// Two recorders watch the same fresh stream as the same viewer through one node, one in JSON, one in MessagePack, while
// others write, like, take back, delete, pin and tap. Each step waits until its effect is in both. Invariant: both recorders
// end each connection at the same point, so that what they got says the same.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { json, msgpack } from "../dist/parts.js";

const [node = "http://127.0.0.1:8080", file = "session"] = process.argv.slice(2);
const stream = `recorded-${Math.floor(Math.random() * 2 ** 40).toString(36)}`;
const base = `${node.replace("http", "ws")}/v1/streams/${stream}/live`;

/** A connection that keeps what it is sent, and knows what it means. */
class Recorder {
  raw = [];
  messages = [];
  waiting = [];

  constructor(codec, viewer, name, resume) {
    this.codec = codec;
    const query = new URLSearchParams({ viewer, name, ...(resume && { resume }) });
    this.socket = new WebSocket(`${base}?${query}`, [codec.subprotocol]);
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => {
      this.raw.push(typeof data === "string" ? data : Buffer.from(data).toString("base64"));
      this.messages.push(codec.decode(data));
      for (const look of this.waiting) look();
    };
  }

  /** Waits until the messages so far are enough. */
  until(enough) {
    return new Promise((resolve) => {
      const look = () => enough(this) && resolve(this);
      this.waiting.push(look);
      look();
    });
  }

  get point() {
    const last = this.messages.findLast(({ type }) => type === "snapshot" || type === "delta");
    return last && `${last.epoch}:${last.seq}`;
  }

  send(message) {
    this.socket.send(this.codec.encode(message));
  }
}

/** Someone who writes and waits for the answer. */
class Writer extends Recorder {
  writes = 0;

  constructor(viewer, name) {
    super(json, viewer, name);
  }

  async write(message) {
    const ref = `${stream}-${++this.writes}`;
    this.send({ ref, ...message });
    const of = (answer) => answer.ref === ref;
    await this.until(({ messages }) => messages.some(of));
    const answer = this.messages.find(of);
    if (answer.type !== "ack") throw new Error(`refused: ${answer.message}`);
    return answer.id;
  }
}

/** Waits until all have this frame in them. */
const all = (watchers, enough) => Promise.all(watchers.map((watcher) => watcher.until(({ messages }) => messages.some(enough))));

const say = (who, body) => who.write({ type: "comment", body });
const like = (who, id) => who.write({ type: "like", id, stamp: Date.now() });
const has = (id) => (frame) => frame.comments?.some((line) => line.id === id);

async function firstPart(watchers, [bob, cid, mod]) {
  const ids = [];
  for (const body of ["first!", "<img src=x onerror=alert(1)>", "zwei\nZeilen, 三 and 🎉", "to be deleted"]) {
    ids.push(await say(bob, body));
    await all(watchers, has(ids.at(-1)));
  }
  await like(bob, ids[0]);
  await like(cid, ids[0]);
  await all(watchers, (frame) => frame.likes?.some(([id, count]) => id === ids[0] && count === 2));
  await cid.write({ type: "unlike", id: ids[0], stamp: Date.now() + 1 });
  await all(watchers, (frame) => frame.likes?.some(([id, count]) => id === ids[0] && count === 1));
  await mod.write({ type: "pin", id: ids[2] });
  await all(watchers, (frame) => frame.pinned?.id === ids[2]);
  bob.send({ type: "react", kind: "heart", count: 7 });
  await all(watchers, (frame) => frame.reactions?.get("heart") === 7);
  await mod.write({ type: "delete", id: ids[3] });
  await all(watchers, (frame) => frame.deleted?.includes(ids[3]));
  return ids;
}

/** What is missed: it comes as one merged delta. */
async function between([bob, cid, mod], ids) {
  const missed = [];
  for (let at = 0; at < 6; at++) missed.push(await say(cid, `missed ${at}`));
  await like(bob, missed[1]);
  await like(mod, missed[1]);
  await mod.write({ type: "delete", id: missed[2] });
  await mod.write({ type: "delete", id: ids[2] });
  const last = await say(bob, "the last one that was missed");
  await bob.until(({ messages }) => messages.some(has(last)) && messages.some((frame) => frame.deleted?.includes(ids[2])));
  return last;
}

async function secondPart(watchers, [bob, cid, mod], ids) {
  await mod.write({ type: "pin", id: ids[1] });
  await all(watchers, (frame) => frame.pinned?.id === ids[1]);
  await mod.write({ type: "pin", id: null });
  await all(watchers, (frame) => frame.pinned === null && frame.type === "delta");
  const last = await say(cid, "end");
  await all(watchers, has(last));
  await bob.until(({ messages }) => messages.some(has(last)));
}

/** Both recorders, until both stand at the same point. */
async function part(writers, resume, script) {
  const watchers = [json, msgpack].map((codec) => new Recorder(codec, "eve", "Eve", resume));
  await all(watchers, ({ type }) => type === "welcome");
  if (!resume) await all(watchers, ({ type }) => type === "snapshot");
  const result = await script(watchers);
  const [one, two] = watchers;
  while (one.point !== two.point) await Promise.race([one, two].map((watcher) => watcher.until(() => one.point === two.point)));
  for (const { socket } of watchers) socket.onmessage = null;
  for (const { socket } of watchers) socket.close();
  parts.push({ resume: resume ?? null, json: one.raw, msgpack: two.raw });
  return [one.point, result];
}

const parts = [];
const writers = [["bob", "Bob"], ["cid", "Çid <b>"], ["mod", "Moderator"]].map(([viewer, name]) => new Writer(viewer, name));
await Promise.all(writers.map((writer) => writer.until(({ messages }) => messages.some(({ type }) => type === "snapshot"))));
const [point, ids] = await part(writers, undefined, (watchers) => firstPart(watchers, writers));
const last = await between(writers, ids);
await part(writers, point, async (watchers) => {
  await all(watchers, has(last));
  await secondPart(watchers, writers, ids);
});
await part(writers, undefined, async () => {});
writeFileSync(fileURLToPath(new URL(`recordings/${file}.json`, import.meta.url)), `${JSON.stringify(parts, null, 1)}\n`);
for (const { socket } of writers) socket.close();
