// @ts-check
// A session of a real cluster, recorded in both encodings (`record.mjs`), gives the view that a plain fold of it gives.

import { json, msgpack, State, Taps } from "../dist/parts.js";
import { equal, holds, test } from "./harness.js";

/** @typedef {{ resume: string | null, json: string[], msgpack: string[] }} Part */

/** @returns {Promise<Part[]>} */
async function recording() {
  const url = new URL("recordings/session.json", import.meta.url);
  if (url.protocol !== "file:") return (await fetch(url)).json();
  // @ts-expect-error: Node has types of its own, which the pages must not see.
  const { readFileSync } = await import("node:fs");
  return JSON.parse(readFileSync(url, "utf8"));
}

/** @param {string} base64 */
const bytes = (base64) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0)).buffer;

/** The rules of docs/protocol.md, said once more with plain JSON and nothing else. */
class Fold {
  /** @type {any} */
  view = null;

  /** @param {any} frame */
  take(frame) {
    if (frame.type === "snapshot") this.view = { ...structuredClone(frame), unseen: 0 };
    if (frame.type !== "delta") return;
    const { view } = this;
    if (view.epoch !== frame.epoch || view.seq !== frame.from) throw new Error(`a delta from ${frame.from} at ${view.seq}`);
    Object.assign(view, { seq: frame.seq, viewers: frame.viewers ?? view.viewers, reactions: frame.reactions ?? view.reactions, top: structuredClone(frame.top ?? view.top) });
    if ("pinned" in frame) view.pinned = structuredClone(frame.pinned);
    view.comments.push(...structuredClone(frame.comments ?? []));
    const places = () => [...view.comments, ...view.top, ...(view.pinned ? [view.pinned] : [])];
    for (const [id, likes] of frame.likes ?? []) for (const comment of places()) if (comment.id === id) comment.likes = likes;
    const left = (/** @type {any} */ comment) => !(frame.deleted ?? []).includes(comment.id);
    Object.assign(view, { comments: view.comments.filter(left), top: view.top.filter(left), pinned: view.pinned && left(view.pinned) ? view.pinned : null });
    view.unseen += frame.total - frame.shown;
  }
}

/** What both have, in one form. @param {any} comment */
const plain = (comment) => comment && [comment.id, comment.author, comment.name, comment.body, comment.at, comment.likes];

/** @param {any} view */
const seen = (view) => [view.comments.map(plain), view.top.map(plain), plain(view.pinned), view.viewers, view.reactions, view.unseen, view.partial];

test("a recorded session gives the same messages in both encodings", async () => {
  for (const part of await recording()) {
    equal(part.msgpack.map((message) => msgpack.decode(bytes(message))), part.json.map((message) => json.decode(message)));
  }
});

test("a recorded session gives the view that a plain fold gives, frame by frame", async () => {
  const parts = await recording();
  const [state, fold] = [new State({ viewer: "eve", name: "Eve" }, 1000, new Taps()), new Fold()];
  let frames = 0;
  for (const { resume, msgpack: messages, json: texts } of parts) {
    if (resume !== null) equal(resume, `${state.point?.epoch}:${state.point?.seq}`);
    for (const [at, message] of messages.entries()) {
      const frame = msgpack.decode(bytes(message));
      if (frame?.type !== "snapshot" && frame?.type !== "delta") continue;
      equal(state.frame(frame, 0), true);
      fold.take(JSON.parse(texts[at] ?? ""));
      equal(seen(state.view()), seen(fold.view), `the view at ${frame.seq}`);
      frames++;
    }
  }
  holds(frames > 12, `${frames} frames were compared`);
});

test("the recording has a merged range, deletions, pins, an unpinning and taps in it", async () => {
  const frames = (await recording()).flatMap((part) => part.json.map((text) => JSON.parse(text)));
  const deltas = frames.filter(({ type }) => type === "delta");
  holds(deltas.some(({ from, seq }) => seq > from + 1), "a delta spans several frames");
  holds(deltas.some(({ deleted }) => deleted?.length), "a comment is deleted");
  holds(deltas.some(({ pinned }) => pinned) && deltas.some(({ pinned }) => pinned === null), "a comment is pinned and unpinned");
  holds(deltas.some(({ reactions }) => reactions?.heart === 7), "hearts are counted");
  holds(frames.filter(({ type }) => type === "snapshot").length === 2, "two snapshots");
});
