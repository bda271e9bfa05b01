// Which comments this viewer likes: asked of the node over HTTP, for comments that come with a snapshot.
//
// Beside the frames, which say nothing of one viewer. Invariants: one question at a time, of at most `LIKES_QUERY_IDS_MAX`
// comments; an answer never overrides what the viewer did since the question.

import { Backoff } from "./backoff.ts";
import { LIKES_QUERY_IDS_MAX } from "./limits.ts";
import type { Row } from "./row.ts";
import type { Surroundings } from "./surroundings.ts";

/** How long an answer may take: an owner that is down is 503 after 3 s. */
const ANSWER_MS_MAX = 8_000;

/** What is asked, and of whom. */
export interface Questions {
  /** Where to ask, without the ids; null while there is no connection. */
  address(): string | null;
  untold(): Row[];
  /** Answers have been told to rows. */
  told(): void;
}

export class Likes {
  private asking: AbortController | null = null;
  private stopTimer: () => void = () => {};
  private readonly backoff: Backoff;

  constructor(
    private readonly around: Surroundings,
    private readonly questions: Questions,
  ) {
    this.backoff = new Backoff(() => around.random());
  }

  /** Asks for all that is not known, after a time that keeps a crowd with the same question apart. */
  soon(waitMs: number): void {
    if (this.asking) return;
    this.stopTimer();
    this.stopTimer = this.around.after(waitMs, () => void this.ask());
  }

  close(): void {
    this.stopTimer();
    this.asking?.abort();
    this.asking = null;
  }

  private async ask(): Promise<void> {
    const [address, rows] = [this.questions.address(), this.questions.untold().slice(-LIKES_QUERY_IDS_MAX)];
    if (address === null || rows.length === 0) return;
    const asked = rows.map((row) => ({ row, words: row.like.words }));
    const asking = (this.asking = new AbortController());
    const stop = this.around.after(ANSWER_MS_MAX, () => asking.abort());
    const answer = await this.fetch(`${address}&ids=${rows.map((row) => row.line.id).join(",")}`, asking.signal);
    stop();
    if (this.asking !== asking) return;
    this.asking = null;
    if (answer instanceof Set) {
      this.backoff.reset();
      for (const { row, words } of asked) row.like.tell(answer.has(row.line.id), words);
      this.questions.told();
      this.soon(0);
    } else {
      this.soon(this.backoff.wait(answer));
    }
  }

  /** The liked ids; or after how many milliseconds to ask again, null if nobody said. */
  private async fetch(url: string, signal: AbortSignal): Promise<Set<unknown> | number | null> {
    try {
      const answer = await this.around.fetch(url, signal);
      if (answer.ok) {
        const { liked }: { liked: unknown } = await answer.json();
        return Array.isArray(liked) ? new Set(liked) : null;
      }
      const seconds = Number(answer.headers.get("retry-after") ?? NaN);
      return seconds >= 0 ? seconds * 1000 : null;
    } catch {
      return null;
    }
  }
}
