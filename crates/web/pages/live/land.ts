// The still part of the scene: a sky, hills in haze, a plain, and the water that gathers on it.
//
// Behind everything on the stage; it is drawn when the size, the stream or the colours change. Invariant: the lower third is
// dark enough for white writing.

import type { Course } from "./courses.ts";

/** The colours of a time of day, from the sky down. */
interface Palette {
  readonly sky: readonly [string, string, string];
  readonly orb: string;
  readonly glow: string;
  readonly far: readonly [number, number, number];
  readonly near: readonly [number, number, number];
  readonly plain: readonly [string, string];
  readonly water: readonly [string, string, string];
  readonly stars: number;
}

const DAWN: Palette = {
  sky: ["#4f8fae", "#a9c8c9", "#f8dcb4"],
  orb: "#fff3d6",
  glow: "rgb(255 226 170 / 70%)",
  far: [148, 178, 184],
  near: [28, 78, 84],
  plain: ["#2d6f6d", "#0d3238"],
  water: ["#fbe8c6", "#a3d9dc", "#3f8d98"],
  stars: 0,
};

const NIGHT: Palette = {
  sky: ["#050d1d", "#0f2a44", "#2f6476"],
  orb: "#f2f5e6",
  glow: "rgb(190 225 230 / 20%)",
  far: [58, 98, 116],
  near: [8, 34, 44],
  plain: ["#0f3c45", "#04161c"],
  water: ["#b5e1e8", "#5db3c6", "#1f6475"],
  stars: 90,
};

const HILLS = 5;

/** Draws the whole of it on `paper`, `width` by `height`. */
export function drawLand(
  paper: CanvasRenderingContext2D,
  width: number,
  height: number,
  random: () => number,
  rivers: readonly Course[],
  dark: boolean,
): void {
  const palette = dark ? NIGHT : DAWN;
  sky(paper, width, height, random, palette);
  for (let hill = 0; hill < HILLS; hill += 1) ridge(paper, width, height, random, palette, hill / (HILLS - 1));
  plain(paper, width, height, palette);
  for (const river of rivers) stream(paper, width, height, river, palette);
}

function sky(paper: CanvasRenderingContext2D, width: number, height: number, random: () => number, palette: Palette): void {
  const air = paper.createLinearGradient(0, 0, 0, height * 0.6);
  palette.sky.forEach((colour, at) => air.addColorStop(at / 2, colour));
  paper.fillStyle = air;
  paper.fillRect(0, 0, width, height);
  paper.fillStyle = "#ffffff";
  for (let star = 0; star < palette.stars; star += 1) {
    paper.globalAlpha = 0.15 + random() * 0.6;
    const size = (0.4 + random() * 0.9) * Math.max(1, height / 600);
    paper.beginPath();
    paper.arc(random() * width, random() ** 1.4 * height * 0.42, size, 0, Math.PI * 2);
    paper.fill();
  }
  paper.globalAlpha = 1;
  const [x, y, radius] = [width * (0.6 + random() * 0.2), height * (0.2 + random() * 0.08), height * 0.038];
  const light = paper.createRadialGradient(x, y, radius * 0.6, x, y, height * 0.5);
  light.addColorStop(0, palette.glow);
  light.addColorStop(1, "rgb(255 255 255 / 0%)");
  paper.fillStyle = light;
  paper.fillRect(0, 0, width, height);
  paper.fillStyle = palette.orb;
  paper.beginPath();
  paper.arc(x, y, radius, 0, Math.PI * 2);
  paper.fill();
}

/** One line of hills; `near` from 0, the furthest, to 1. */
function ridge(paper: CanvasRenderingContext2D, width: number, height: number, random: () => number, palette: Palette, near: number): void {
  const base = height * (0.36 + near * 0.2);
  const tall = height * (0.13 - near * 0.055);
  const waves = [1.3, 2.9, 6.1, 13].map((rate) => ({ rate: rate * (0.8 + random() * 0.5), phase: random() * 7 }));
  const colour = palette.far.map((far, at) => Math.round(far + ((palette.near[at] ?? 0) - far) * near ** 0.8));
  paper.fillStyle = `rgb(${colour.join(" ")})`;
  paper.beginPath();
  paper.moveTo(0, height);
  for (let x = 0; x <= width + 4; x += 4) {
    const t = x / width;
    const lift = waves.reduce((sum, { rate, phase }, at) => sum + Math.sin(t * rate * Math.PI + phase) / 1.9 ** at, 0);
    paper.lineTo(x, base - tall * (0.5 + lift * 0.5));
  }
  paper.lineTo(width, height);
  paper.fill();
  // Haze lies in the valley before the next line.
  const haze = paper.createLinearGradient(0, base - tall * 0.3, 0, base + height * 0.12);
  haze.addColorStop(0, "rgb(255 255 255 / 0%)");
  haze.addColorStop(1, palette.stars ? "rgb(120 190 205 / 14%)" : "rgb(255 240 215 / 30%)");
  paper.fillStyle = haze;
  paper.fillRect(0, base - tall * 0.3, width, height);
}

function plain(paper: CanvasRenderingContext2D, width: number, height: number, palette: Palette): void {
  const top = height * 0.555;
  const ground = paper.createLinearGradient(0, top, 0, height);
  ground.addColorStop(0, palette.plain[0]);
  ground.addColorStop(1, palette.plain[1]);
  paper.fillStyle = ground;
  paper.beginPath();
  paper.moveTo(0, top);
  paper.bezierCurveTo(width * 0.3, top + height * 0.03, width * 0.7, top - height * 0.02, width, top + height * 0.012);
  paper.lineTo(width, height);
  paper.lineTo(0, height);
  paper.fill();
}

/** One course as a ribbon that becomes wider. */
function stream(paper: CanvasRenderingContext2D, width: number, height: number, river: Course, palette: Palette): void {
  const shine = paper.createLinearGradient(0, height * 0.56, 0, height);
  shine.addColorStop(0, palette.water[0]);
  shine.addColorStop(0.5, palette.water[1]);
  shine.addColorStop(1, palette.water[2]);
  paper.fillStyle = shine;
  paper.beginPath();
  for (const [x, y] of bank(river, width, height, -0.5)) paper.lineTo(x, y);
  for (const [x, y] of bank(river, width, height, 0.5).toReversed()) paper.lineTo(x, y);
  paper.fill();
}

/** One side of a course: half of its width across the way that it flows. */
function bank(river: Course, width: number, height: number, side: number): [number, number][] {
  return river.map(({ x, y, width: broad }, at) => {
    const [before, after] = [river[Math.max(0, at - 1)], river[Math.min(river.length - 1, at + 1)]];
    const [dx, dy] = [((after?.x ?? x) - (before?.x ?? x)) * width, ((after?.y ?? y) - (before?.y ?? y)) * height];
    const long = Math.hypot(dx, dy) || 1;
    // The plain is seen from the side: what flows across it looks half as wide.
    return [x * width + (side * broad * height * dy) / long, y * height - (side * broad * height * 0.5 * dx) / long];
  });
}
