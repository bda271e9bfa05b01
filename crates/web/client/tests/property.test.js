// @ts-check
// Any order of frames, answers, refusals, losses and moves ends at what the server holds.
//
// A small server that keeps the rules of docs/protocol.md is the other side; a seed chooses what happens next. A failure
// names its seed: `node client/tests/run.js "seed 17"` runs that one alone.

import { equal, holds, test } from "./harness.js";
import { seeded } from "./random.js";
import { id, welcome, World } from "./world.js";

/** Frames that the server keeps for those who come back. */
const LOG_MAX = 6;
const STEPS = 250;

/**
 * @typedef {{ id: string, author: string, name: string, body: string, at: number, likes: Map<string, { stamp: number, liked: boolean }> }} Stored
 * @typedef {{ from: number, seq: number, comments: Stored[], likes: Set<string>, deleted: string[], shown: number, total: number }} Frame
 */

/** Stores writes, makes frames, and answers when it is told to. */
class Server {
  /** @type {Map<string, Stored>} */
  stored = new Map();
  /** Ids by ref. @type {Map<string, string>} */
  refs = new Map();
  /** In the order in which frames have shown them. @type {Stored[]} */
  delivered = [];
  /** What the next frame is about. */
  open = { comments: /** @type {Stored[]} */ ([]), counts: /** @type {Map<string, number>} */ (new Map()), deleted: /** @type {string[]} */ ([]) };
  /** @type {Frame[]} */
  log = [];
  epoch = 1;
  seq = 1;
  ids = 0;

  /** @param {World} world @param {() => number} random */
  constructor(world, random) {
    this.world = world;
    this.random = random;
  }

  /** @param {string} author @param {string} body */
  comment(author, body) {
    const comment = { id: id(++this.ids), author, name: author, body, at: this.world.now, likes: new Map() };
    this.stored.set(comment.id, comment);
    this.open.comments.push(comment);
    return comment.id;
  }

  /** @param {string} viewer @param {string} of @param {boolean} liked @param {number} stamp */
  register(viewer, of, liked, stamp) {
    const comment = this.stored.get(of);
    if (!comment) return null;
    const before = comment.likes.get(viewer) ?? { stamp: 0, liked: false };
    if (stamp > before.stamp) {
      if (!this.open.counts.has(of)) this.open.counts.set(of, this.count(of));
      comment.likes.set(viewer, { stamp, liked });
    }
    return comment.likes.get(viewer) ?? before;
  }

  /** @param {string} of */
  remove(of) {
    if (!this.stored.delete(of)) return;
    this.delivered = this.delivered.filter((comment) => comment.id !== of);
    this.open.comments = this.open.comments.filter((comment) => comment.id !== of);
    this.open.deleted.push(of);
  }

  /** What a write does, and its answer. @param {any} write */
  take(write) {
    const { type, ref } = write;
    if (this.random() < 0.1) return { type: "reject", ref, code: "overloaded", message: "later", retry_after_ms: Math.floor(this.random() * 500) };
    if (type === "comment") {
      if (write.body.startsWith("bad")) return { type: "reject", ref, code: "bad_text", message: "bad" };
      const known = this.refs.get(ref) ?? this.comment("ann", write.body);
      this.refs.set(ref, known);
      return { type: "ack", ref, id: known };
    }
    // What has taken effect is not refused for good when it is sent again.
    if (!this.refs.has(ref) && this.random() < 0.05) return { type: "reject", ref, code: "forbidden", message: "not today" };
    this.refs.set(ref, write.id);
    const register = this.register("ann", write.id, type === "like", write.stamp);
    return register ? { type: "ack", ref, id: write.id, ...register } : { type: "reject", ref, code: "unknown_comment", message: "there is no such comment" };
  }

  /** Closes the window: some of many comments are shown. */
  frame() {
    const { comments, counts, deleted } = this.open;
    // A count that is the same at the end of a window is in no frame: the worst case for whoever guesses.
    const likes = new Set([...counts.keys()].filter((of) => this.stored.has(of) && counts.get(of) !== this.count(of)));
    if (comments.length + likes.size + deleted.length === 0) return null;
    const shown = comments.filter(() => comments.length < 4 || this.random() < 0.5);
    this.delivered.push(...shown);
    const frame = { from: this.seq, seq: ++this.seq, comments: shown, likes, deleted, shown: shown.length, total: comments.length };
    this.open = { comments: [], counts: new Map(), deleted: [] };
    this.log = [...this.log, frame].slice(-LOG_MAX);
    return this.wire([frame]);
  }

  /** One delta of several frames, with counts as they are at their end. @param {Frame[]} frames */
  wire(frames) {
    const gone = new Set(frames.flatMap((frame) => frame.deleted));
    const sum = (/** @type {"shown" | "total"} */ what) => frames.reduce((all, frame) => all + frame[what], 0);
    return {
      type: "delta",
      epoch: this.epoch,
      from: frames[0]?.from,
      seq: frames.at(-1)?.seq,
      comments: frames.flatMap((frame) => frame.comments).filter((comment) => !gone.has(comment.id)).map((comment) => this.line(comment)),
      likes: [...new Set(frames.flatMap((frame) => [...frame.likes]))].map((of) => [of, this.count(of)]),
      deleted: [...gone],
      shown: sum("shown"),
      total: sum("total"),
    };
  }

  /** A new root: a new epoch, all that was not in a frame is in the snapshot's counts. */
  fail() {
    this.frame();
    this.epoch += 1 + Math.floor(this.random() * 3);
    this.seq = 0;
    this.log = [];
    return this.snapshot();
  }

  snapshot() {
    return { type: "snapshot", epoch: this.epoch, seq: this.seq, partial: false, viewers: 1, reactions: {}, pinned: null, top: [], comments: this.delivered.map((comment) => this.line(comment)) };
  }

  /** What a new connection is told behind its welcome. @param {string | null} resume */
  catchUp(resume) {
    // What it is told ends where a frame ends, and the log has that frame.
    this.frame();
    const [epoch, seq] = (resume ?? "0:0").split(":").map(Number);
    if (epoch === this.epoch && seq === this.seq) return [];
    const missed = this.log.filter((frame) => frame.seq > (seq ?? 0));
    return epoch === this.epoch && missed[0]?.from === seq ? [this.wire(missed)] : [this.snapshot()];
  }

  /** Only made where a frame ends, so that its count is what frames have told. @param {Stored} comment */
  line(comment) {
    return { id: comment.id, author: comment.author, name: comment.name, body: comment.body, at: comment.at, likes: this.count(comment.id) };
  }

  /** @param {string} of */
  count(of) {
    return [...(this.stored.get(of)?.likes.values() ?? [])].filter(({ liked }) => liked).length;
  }
}

/** One client at that server. */
class Run {
  world;
  random;
  server;
  /** Keys and bodies of what this viewer has written. @type {Map<string, string>} */
  own = new Map();
  /** Frames and answers on their way to the client, each in its order. @type {{ frames: any[], answers: any[] }} */
  down = { frames: [], answers: [] };
  /** Counts as the client was last told. @type {Map<string, number>} */
  told = new Map();
  taken = 0;
  /** @type {import("./world.js").Channel | null} */
  channel = null;
  live;

  /** @param {number} seed */
  constructor(seed) {
    this.world = new World(seed);
    this.random = seeded(seed * 7919 + 1);
    this.server = new Server(this.world, this.random);
    this.live = this.world.watch();
    this.live.subscribe(() => this.look());
  }

  /** @param {number} chance */
  if(chance) {
    return this.random() < chance;
  }

  /** What holds at every moment. */
  look() {
    const { comments } = this.live.getSnapshot();
    equal(new Set(comments.map(({ key }) => key)).size, comments.length, "the number of keys");
    const ids = comments.flatMap((comment) => comment.id ?? []);
    equal(new Set(ids).size, ids.length, "the number of ids");
    for (const { id, likes } of comments) holds(Math.abs(likes - (this.told.get(id ?? "") ?? likes)) <= 1, `${likes} likes are within one of what was told`);
    const keys = new Set(comments.map(({ key }) => key));
    for (const [key, body] of this.own) holds(keys.has(key), `"${body}" stays in view under its key`);
  }

  /** The newest socket speaks when it is there. */
  attach() {
    const channel = this.world.channels.at(-1) ?? null;
    if (channel === this.channel || channel?.left || !channel?.onmessage) return;
    this.channel = channel;
    this.taken = 0;
    this.down = { frames: [], answers: [] };
    channel.say(welcome());
    this.down.frames.push(...this.server.catchUp(channel.url.searchParams.get("resume")));
  }

  act() {
    const { comments } = this.live.getSnapshot();
    const known = comments.filter((comment) => comment.id !== null);
    const one = known[Math.floor(this.random() * known.length)];
    const kind = this.random();
    if (kind < 0.3) {
      const body = this.if(0.2) ? `bad ${this.own.size}` : this.if(0.3) ? "the same" : `mine ${this.own.size}`;
      const key = this.live.comment(body);
      this.own.set(key, body);
    } else if (one?.id && kind < 0.9) {
      (one.liked ? this.live.unlike : this.live.like).call(this.live, one.id);
    } else if (one?.sent.state === "rejected") {
      this.own.delete(one.key);
      this.live.dismiss(one.key);
    }
  }

  others() {
    const all = [...this.server.stored.values()];
    const one = all[Math.floor(this.random() * all.length)];
    if (!one || this.if(0.3)) for (let burst = this.if(0.2) ? 6 : 1; burst > 0; burst--) this.server.comment("bob", `bob says ${this.server.ids}`);
    else if (this.if(0.9)) this.server.register(this.if(0.5) ? "bob" : "cid", one.id, this.if(0.5), this.world.now + this.server.ids);
    else if (one.author === "bob") this.server.remove(one.id);
  }

  /** The server takes writes, and makes frames. */
  serve() {
    const writes = this.channel?.sent ?? [];
    while (this.taken < writes.length && this.if(0.7)) {
      const write = writes[this.taken++];
      this.down.answers.push(this.server.take(write));
    }
    if (this.if(0.4)) this.tell(this.server.frame());
    if (this.if(0.02)) this.tell(this.server.fail());
  }

  /** @param {unknown} frame */
  tell(frame) {
    if (frame) this.down.frames.push(frame);
  }

  /** Frames in their order, answers in any. */
  deliver() {
    const { frames, answers } = this.down;
    if (this.channel?.left) return;
    if (frames.length > 0 && this.if(0.6)) this.say(frames.shift());
    if (answers.length > 0 && this.if(0.6)) this.channel?.say(answers.splice(Math.floor(this.random() * answers.length), 1)[0]);
  }

  /** @param {any} frame */
  say(frame) {
    // Behind the resume point of a move the old connection's frames are not taken.
    if (this.world.channel === this.channel) {
      for (const { id, likes } of frame.comments) this.told.set(id, likes);
      // Counts of what the view does not cover yet are nothing to it.
      for (const [id, likes] of frame.likes ?? []) if (this.told.has(id)) this.told.set(id, likes);
    }
    this.channel?.say(frame);
  }

  async step() {
    this.attach();
    if (this.if(0.3)) this.act();
    if (this.if(0.4)) this.others();
    this.serve();
    this.deliver();
    if (this.if(0.02)) this.channel?.end();
    if (this.if(0.01)) this.channel?.say({ type: "move", url: "ws://b2.test/v1/streams/demo/live", after_ms: 100 });
    if (this.if(0.5)) await this.world.advance(Math.floor(this.random() * 200));
  }

  /** Everything arrives, and nothing new is done. */
  async quiet() {
    for (let turn = 0; turn < 60; turn++) {
      await this.world.advance(250);
      this.attach();
      const { channel } = this;
      if (!channel || channel.left) continue;
      this.tell(this.server.frame());
      while (this.taken < channel.sent.length) this.down.answers.push(this.server.take(channel.sent[this.taken++]));
      for (const frame of this.down.frames.splice(0)) this.say(frame);
      for (const answer of this.down.answers.splice(0)) channel.say(answer);
    }
    await this.world.advance(5_000);
  }

  /** What the client shows is what the server holds. */
  check() {
    const { comments, connection } = this.live.getSnapshot();
    equal(connection.state, "live");
    const { server } = this;
    const mine = [...this.own].filter(([, body]) => !body.startsWith("bad")).length;
    const done = comments.filter(({ sent }) => sent.state === "done");
    equal(done.filter(({ own }) => own).length, mine, "the number of own comments");
    equal(comments.filter(({ sent }) => sent.state === "sending"), []);
    const framed = new Set(server.delivered.map((comment) => comment.id));
    equal(done.filter(({ id }) => framed.has(id ?? "")).map(({ id }) => id), [...server.delivered.map((comment) => comment.id)], "the comments in their order");
    for (const { id, body, likes, liked, author } of done) {
      const stored = server.stored.get(id ?? "");
      equal([body, author, liked], [stored?.body, stored?.author, stored?.likes.get("ann")?.liked ?? false], `comment ${id}`);
      // Of an own comment that no frame shows, snapshots do not tell the count.
      if (framed.has(id ?? "")) equal(likes, server.count(id ?? ""), `the likes of ${id}`);
    }
  }
}

for (let seed = 1; seed <= 60; seed++) {
  test(`any order of events ends at the server's truth, seed ${seed}.`, async () => {
    const run = new Run(seed);
    await run.world.settle();
    for (let step = 0; step < STEPS; step++) await run.step();
    await run.quiet();
    equal(run.world.reported.map(String), []);
    run.check();
  });
}
