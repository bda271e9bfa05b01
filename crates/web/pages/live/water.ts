// What moves in the scene: light on the water, and mist.
//
// Before the land, behind the reactions. Invariant: as many glints as were made at first, for ever.

import type { Course } from "./courses.ts";

const GLINTS = 72;
const MISTS = 3;
/** From the spring to the mouth. */
const COURSE_MS = 26_000;

interface Glint {
  readonly course: Course;
  /** Where it was at the beginning, of 1. */
  readonly start: number;
  /** How far from the middle of the water, of its width. */
  readonly side: number;
  readonly speed: number;
}

export class Water {
  readonly #glints: readonly Glint[];
  readonly #mists: readonly { x: number; y: number; speed: number; size: number }[];

  constructor(random: () => number, rivers: readonly Course[]) {
    this.#glints = Array.from({ length: GLINTS }, (_, at) => ({
      course: rivers[at % rivers.length] ?? [],
      start: random(),
      side: (random() - 0.5) * 0.8,
      speed: 0.7 + random() * 0.6,
    }));
    this.#mists = Array.from({ length: MISTS }, (_, at) => ({
      x: random(),
      y: 0.46 + at * 0.045,
      speed: (0.004 + random() * 0.004) * (at % 2 ? -1 : 1),
      size: 0.35 + random() * 0.25,
    }));
  }

  /** Draws it as it is at a time. */
  draw(paper: CanvasRenderingContext2D, width: number, height: number, nowMs: number, dark: boolean): void {
    this.#drawMist(paper, width, height, nowMs, dark);
    paper.strokeStyle = dark ? "#e9fbff" : "#ffffff";
    paper.lineCap = "round";
    for (const glint of this.#glints) drawGlint(paper, width, height, glint, nowMs);
    paper.globalAlpha = 1;
  }

  #drawMist(paper: CanvasRenderingContext2D, width: number, height: number, nowMs: number, dark: boolean): void {
    for (const { x, y, speed, size } of this.#mists) {
      const turn = (((x + (speed * nowMs) / 1000) % 1.6) + 1.6) % 1.6;
      const [middle, broad, high] = [(turn - 0.3) * width, size * width, height * 0.05];
      const soft = paper.createRadialGradient(0, 0, 0, 0, 0, 1);
      soft.addColorStop(0, dark ? "rgb(170 215 225 / 16%)" : "rgb(255 250 238 / 34%)");
      soft.addColorStop(1, "rgb(255 255 255 / 0%)");
      paper.save();
      paper.translate(middle, y * height);
      paper.scale(broad / 2, high);
      paper.fillStyle = soft;
      paper.fillRect(-1, -1, 2, 2);
      paper.restore();
    }
  }
}

function drawGlint(paper: CanvasRenderingContext2D, width: number, height: number, glint: Glint, nowMs: number): void {
  const { course, start, side, speed } = glint;
  const part = (start + (nowMs / COURSE_MS) * speed) % 1;
  const at = part * (course.length - 1);
  const [a, b] = [course[Math.floor(at)], course[Math.ceil(at)]];
  if (!a || !b) return;
  const t = at - Math.floor(at);
  const broad = (a.width + (b.width - a.width) * t) * height;
  const x = (a.x + (b.x - a.x) * t) * width + side * broad;
  const y = (a.y + (b.y - a.y) * t) * height;
  // It swells and fades on its way, each at its own rate.
  paper.globalAlpha = Math.sin(part * Math.PI) * (0.35 + 0.35 * Math.sin(nowMs / 700 + start * 40));
  if (paper.globalAlpha < 0.02) return;
  paper.lineWidth = Math.max(0.8, Math.min(2.4, broad * 0.08));
  const long = Math.max(1.5, broad * 0.16);
  paper.beginPath();
  paper.moveTo(x - long, y);
  paper.lineTo(x + long, y);
  paper.stroke();
}
