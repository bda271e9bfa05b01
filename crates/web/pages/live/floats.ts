// Reactions that rise over the stage: this viewer's at once, the others' as the counts grow.
//
// Between the counts and the stage's canvas. Invariant: at most `FLOATS_MAX` are in the air at a time; what does not fit is only counted.

import { SHAPES } from "../shared/icons.tsx";

export const FLOATS_MAX = 40;
/** Of one kind and one change: a thousand hearts a second are drawn as a lively few. */
const BURST_MAX = 6;
/** Over which a burst is spread, so that it does not rise as one; one that would have to wait longer is only counted. */
const BURST_MS = 1_200;
const RISE_MS = 3_600;
/** With this between them, no more than `FLOATS_MAX` are in the air, and a flood of them rises as evenly as a brook flows. */
const APART_MS = RISE_MS / FLOATS_MAX;
const SIZE_PX = 26;

/** How a kind looks in the air. Kinds that a server adds are drops of water. */
const DRAWN: Record<string, { path: string; colour: string }> = {
  heart: { path: SHAPES.heart, colour: "--heart" },
  clap: { path: SHAPES.clap, colour: "--clap" },
  laugh: { path: SHAPES.laugh, colour: "--laugh" },
  wow: { path: SHAPES.wow, colour: "--wow" },
};

interface Float {
  readonly kind: string;
  readonly bornMs: number;
  /** From 0 to 1 across the strip in which they rise. */
  readonly across: number;
  readonly sway: number;
}

export class Floats {
  #floats: Float[] = [];
  /** When the last one rises. */
  #lastMs = -Infinity;
  #counts: Readonly<Record<string, number>> | null = null;
  readonly #paths = new Map<string, { path: Path2D; colour: string }>();

  /** Takes the counts as they are now. The first are where it starts from. */
  counted(counts: Readonly<Record<string, number>>, nowMs: number): void {
    const before = this.#counts;
    this.#counts = counts;
    if (!before || before === counts) return;
    for (const [kind, count] of Object.entries(counts)) {
      const grown = count - (before[kind] ?? 0);
      if (grown > 0) this.#burst(kind, Math.min(BURST_MAX, Math.ceil(Math.log2(grown + 1))), nowMs);
    }
  }

  /** How many have been let go and have not come to their end. */
  inAir(nowMs: number): number {
    return this.#floats.filter(({ bornMs }) => bornMs <= nowMs && nowMs - bornMs < RISE_MS).length;
  }

  /** Forgets all, and the counts too. */
  reset(): void {
    this.#floats = [];
    this.#counts = null;
  }

  #burst(kind: string, size: number, nowMs: number): void {
    for (let at = 0; at < size; at += 1) {
      const bornMs = Math.max(nowMs + (at * BURST_MS) / size, this.#lastMs + APART_MS);
      if (bornMs > nowMs + BURST_MS) return;
      this.#lastMs = bornMs;
      this.#floats.push({ kind, bornMs, across: Math.random(), sway: Math.random() * Math.PI * 2 });
    }
  }

  /** Draws those in the air above the lower right, and forgets those that are gone. Says whether there are any. */
  draw(paper: CanvasRenderingContext2D, width: number, height: number, nowMs: number): boolean {
    this.#floats = this.#floats.filter(({ bornMs }) => nowMs - bornMs < RISE_MS);
    const strip = Math.min(220, width * 0.5);
    for (const { kind, bornMs, across, sway } of this.#floats) {
      const age = (nowMs - bornMs) / RISE_MS;
      if (age < 0) continue;
      const { path, colour } = this.#look(kind);
      const size = SIZE_PX * (0.7 + Math.min(1, age * 6) * 0.4);
      paper.save();
      paper.globalAlpha = Math.min(1, age * 8) * (1 - age ** 2);
      paper.translate(
        width - 28 - across * strip + Math.sin(age * 7 + sway) * 12,
        height - 64 - (1 - (1 - age) ** 1.6) * (height * 0.72),
      );
      paper.rotate(Math.sin(age * 5 + sway) * 0.2);
      paper.scale(size / 24, size / 24);
      paper.translate(-12, -12);
      paper.fillStyle = colour;
      paper.fill(path, "evenodd");
      paper.restore();
    }
    paper.globalAlpha = 1;
    return this.#floats.length > 0;
  }

  #look(kind: string): { path: Path2D; colour: string } {
    const known = this.#paths.get(kind);
    if (known) return known;
    const { path, colour } = DRAWN[kind] ?? { path: SHAPES.drop, colour: "--wow" };
    const look = { path: new Path2D(path), colour: getComputedStyle(document.documentElement).getPropertyValue(colour) };
    this.#paths.set(kind, look);
    return look;
  }
}
