// One viewer of one stream, from `watch` to `close`.
//
// In the middle: it gives what the connection brings to the state, what the page wants to the outbox, and tells the store.
// Invariant: after each message and each call what can be sent has been sent, each timer stands at what is due next, and the
// page has been told once.

import type { Codec } from "./codec.ts";
import { Lifeline } from "./lifeline.ts";
import { Likes } from "./likes.ts";
import { ANSWER_MS_MAX } from "./limits.ts";
import { Outbox } from "./outbox.ts";
import { Pause } from "./pause.ts";
import { originOf, Places } from "./places.ts";
import { Stamps } from "./stamps.ts";
import { State } from "./state.ts";
import { Store } from "./store.ts";
import type { Surroundings } from "./surroundings.ts";
import { Taps } from "./taps.ts";
import type { Connection, Live } from "./view.ts";
import type { Ack, Answer, Frame, Reject, Welcome, Write } from "./wire.ts";

export interface Settings {
  /** Origins of HTTP. */
  nodes: string[];
  stream: string;
  viewer: string;
  name: string;
  codec: Codec;
  listMax: number;
  storage: Pick<Storage, "getItem" | "setItem"> | null;
}

/** How far viewers are spread who all ask for their likes because all got a snapshot. */
const LIKES_SPREAD_MS = 2_000;

const LOCALLY_FULL = { code: "overloaded", message: "too many of your writes are unanswered, no more are taken" };

export class Session implements Live {
  readonly subscribe: Live["subscribe"];
  readonly getSnapshot: Live["getSnapshot"];
  private readonly taps = new Taps();
  private readonly outbox: Outbox;
  private readonly stamps: Stamps;
  private readonly state: State;
  private readonly store: Store;
  private readonly lifeline: Lifeline;
  private readonly places: Places;
  private readonly likes: Likes;
  private readonly pause: Pause;
  private stopTimer: () => void = () => {};
  private closed = false;

  constructor(
    private readonly settings: Settings,
    private readonly around: Surroundings,
  ) {
    const { stream, viewer, name, listMax, codec, nodes, storage } = settings;
    this.outbox = new Outbox(sessionId(() => around.random()));
    this.stamps = new Stamps(storage, () => around.now());
    this.state = new State({ viewer, name }, listMax, this.taps);
    this.store = new Store(() => this.state.view(), (error) => around.report(error));
    ({ subscribe: this.subscribe, getSnapshot: this.getSnapshot } = this.store);
    this.places = new Places(nodes, stream, viewer, around);
    this.lifeline = new Lifeline(this.places, codec, around, {
      query: () => this.query(),
      connection: (connection) => this.connection(connection),
      welcome: (welcome) => this.welcome(welcome),
      message: (message) => (message.type === "ack" || message.type === "reject" ? this.answer(message) : this.frame(message)),
      lost: () => this.outbox.lost(),
    });
    this.likes = new Likes(around, {
      address: () => this.lifeline.url && `${originOf(this.lifeline.url)}/v1/streams/${stream}/likes?viewer=${viewer}`,
      untold: () => this.state.untold(),
      told: () => this.store.changed(),
    });
    this.pause = new Pause(around, {
      busy: () => !this.outbox.empty,
      pause: () => {
        this.lifeline.stop();
        this.connection({ state: "paused" });
      },
      resume: () => this.lifeline.start(),
      online: () => this.lifeline.online(),
    });
    this.lifeline.start();
  }

  comment(body: string): string {
    const ref = this.outbox.ref();
    const key = this.state.write(ref, body, this.around.now());
    this.write({ type: "comment", ref, body }, (refusal) => this.state.refuse({ ref, ...refusal }));
    return key;
  }

  again(key: string): void {
    const body = this.state.dismiss(key);
    if (body !== null) this.comment(body);
  }

  dismiss(key: string): void {
    this.state.dismiss(key);
    this.store.changed();
  }

  like(id: string): void {
    this.register(id, true);
  }

  unlike(id: string): void {
    this.register(id, false);
  }

  react(kind: string, count = 1): void {
    if (this.closed) return;
    this.taps.tap(kind, count);
    this.flush();
  }

  delete(id: string): void {
    this.moderate({ type: "delete", ref: this.outbox.ref(), id }, id);
  }

  pin(id: string | null): void {
    this.moderate({ type: "pin", ref: this.outbox.ref(), id }, id);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopTimer();
    this.pause.close();
    this.likes.close();
    this.places.close();
    this.lifeline.stop();
    this.connection({ state: "closed" });
  }

  private register(id: string, liked: boolean): void {
    const row = this.state.row(id);
    const ref = this.outbox.ref();
    const stamp = this.stamps.next();
    // Of likes that were never sent only the last counts: whoever taps without a connection fills no queue.
    for (const unsent of this.outbox.withdraw(id)) row?.like.refuse(unsent, this.around.now());
    row?.like.ask({ ref, liked, stamp });
    if (row) row.refused = null;
    this.write({ type: liked ? "like" : "unlike", ref, id, stamp }, (refusal) => {
      row?.like.refuse(ref, this.around.now());
      if (row) row.refused = refusal;
    });
  }

  private moderate(write: Write, id: string | null): void {
    const row = id === null ? undefined : this.state.row(id);
    if (row) row.refused = null;
    this.write(write, (refusal) => {
      if (row) row.refused = refusal;
    });
  }

  /** Into the outbox, or refused here and now. */
  private write(write: Write, refuse: (refusal: { code: string; message: string }) => void): void {
    if (this.closed || this.outbox.full) refuse(LOCALLY_FULL);
    else this.outbox.add(write);
    this.flush();
  }

  private query(): URLSearchParams {
    const { viewer, name } = this.settings;
    const { point } = this.state;
    return new URLSearchParams({ viewer, name, ...(point && { resume: `${point.epoch}:${point.seq}` }) });
  }

  private connection(connection: Connection): void {
    this.state.connection = connection;
    this.store.changed();
  }

  private welcome({ limits }: Welcome): void {
    this.state.limits = limits;
    this.likes.soon(0);
    this.flush();
  }

  private frame(frame: Frame): void {
    const first = this.state.point === null;
    if (!this.state.frame(frame, this.around.now())) return this.lifeline.break();
    if (frame.type !== "beat") this.likes.soon(first ? 0 : this.around.random() * LIKES_SPREAD_MS);
    this.flush();
  }

  private answer(answer: Answer): void {
    if (answer.type === "reject" && answer.retryAfterMs !== null && answer.ref !== null) {
      this.outbox.again(answer.ref, answer.retryAfterMs, this.around.now());
      return this.flush();
    }
    const write = answer.ref === null ? null : this.outbox.answered(answer.ref);
    if (write && answer.type === "ack") this.acknowledged(write, answer);
    if (write && answer.type === "reject") this.rejected(write, answer);
    this.flush();
  }

  private acknowledged(write: Write, ack: Ack): void {
    if (write.type === "comment") this.state.stored(ack);
    if (ack.stamp === null || ack.liked === null || !(write.type === "like" || write.type === "unlike")) return;
    // Another device's clock may be ahead: the next stamp of this one must be greater to count.
    this.stamps.seen(ack.stamp);
    this.state.row(write.id)?.like.answer(write.ref, ack.liked, ack.stamp, this.around.now());
  }

  private rejected(write: Write, { code, message }: Reject): void {
    if (write.type === "comment") return this.state.refuse({ ref: write.ref, code, message });
    const row = write.id === null ? undefined : this.state.row(write.id);
    if (!row) return;
    row.refused = { code, message };
    if (write.type === "like" || write.type === "unlike") row.like.refuse(write.ref, this.around.now());
  }

  /** Sends what may be sent, sets the timer to what is due next, and tells the page. */
  private flush(): void {
    if (this.closed) return this.store.changed();
    const now = this.around.now();
    const due = [this.state.settle(now)];
    const intervalMs = this.state.limits?.tapIntervalMs ?? 0;
    if (this.lifeline.live) {
      const owed = this.outbox.owedSince();
      if (owed !== null && now - owed >= ANSWER_MS_MAX) return this.lifeline.break();
      for (const write of this.outbox.take(now)) this.lifeline.send(write);
      const tapsAt = this.taps.dueAt(intervalMs);
      const taps = tapsAt !== null && tapsAt <= now ? this.taps.take(now) : null;
      if (taps) this.lifeline.send({ type: "react", ...taps });
      const owedSince = this.outbox.owedSince();
      due.push(this.outbox.dueAt(), this.taps.dueAt(intervalMs), owedSince !== null ? owedSince + ANSWER_MS_MAX : null);
    }
    this.stopTimer();
    const next = Math.min(...due.map((at) => at ?? Infinity));
    if (next < Infinity) this.stopTimer = this.around.after(next - now, () => this.flush());
    this.store.changed();
  }
}

/** Where each session's refs begin: 80 random bits. */
function sessionId(random: () => number): string {
  return Array.from({ length: 16 }, () => Math.floor(random() * 32).toString(32)).join("");
}
