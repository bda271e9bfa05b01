// The picture of the stage: a landscape of the stream's own, in which water gathers, and the reactions that rise before it.
//
// Behind everything else of the stage. Invariant: with less motion asked for it is one still picture, and nothing rises.

import type { View } from "@watershed/client";
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { inNextFrame, notInNextFrame } from "../shared/frame.ts";
import { DARK, LESS_MOTION, useMedia } from "../shared/media.ts";
import { courses } from "./courses.ts";
import { Floats } from "./floats.ts";
import { drawLand } from "./land.ts";
import { seeded } from "./seeded.ts";
import { Water } from "./water.ts";

/** The water is drawn so often; more is not seen on something so slow. */
const WATER_MS = 1000 / 30;
/** More dots than this for one of the page cost more than they show. */
const DENSITY_MAX = 2;

interface Props {
  readonly stream: string;
  readonly reactions: View["reactions"];
  /** Whether `reactions` are a server's, and not the zeros before its first word. */
  readonly begun: boolean;
}

export const Scene = memo(function Scene({ stream, reactions, begun }: Props) {
  const land = useRef<HTMLCanvasElement>(null);
  const air = useRef<HTMLCanvasElement>(null);
  const floats = useRef(new Floats()).current;
  const dark = useMedia(DARK);
  const still = useMedia(LESS_MOTION);

  useEffect(() => {
    if (still) floats.reset();
    else if (begun) floats.counted(reactions, performance.now());
  }, [reactions, begun, still]);

  useEffect(() => {
    if (!land.current || !air.current) return;
    return run(land.current, air.current, stream, dark, still, floats);
  }, [stream, dark, still]);

  return (
    <>
      <canvas class="picture" ref={land} aria-hidden="true" />
      <canvas class="picture" ref={air} aria-hidden="true" />
    </>
  );
});

/** Draws until it is told to end. */
function run(land: HTMLCanvasElement, air: HTMLCanvasElement, stream: string, dark: boolean, still: boolean, floats: Floats): () => void {
  const rivers = courses(seeded(`${stream} rivers`));
  const water = new Water(seeded(`${stream} water`), rivers);
  const [ground, above] = [land.getContext("2d"), air.getContext("2d")];
  if (!ground || !above) return () => {};
  let [width, height] = [0, 0];
  let drawnMs = -Infinity;

  const sized = new ResizeObserver(([entry]) => {
    if (!entry) return;
    ({ width, height } = entry.contentRect);
    fit(ground, width, height);
    fit(above, width, height);
    drawLand(ground, width, height, seeded(stream), rivers, dark);
    if (still) water.draw(above, width, height, 0, dark);
  });
  sized.observe(land);

  const draw = (nowMs: number) => {
    inNextFrame(draw);
    if (nowMs - drawnMs < WATER_MS - 4) return;
    drawnMs = nowMs;
    above.clearRect(0, 0, width, height);
    water.draw(above, width, height, nowMs, dark);
    floats.draw(above, width, height, nowMs);
  };
  if (!still) inNextFrame(draw);
  return () => {
    sized.disconnect();
    notInNextFrame(draw);
  };
}

/** Gives a canvas as many dots as the screen has for it. */
function fit(paper: CanvasRenderingContext2D, width: number, height: number): void {
  const density = Math.min(DENSITY_MAX, devicePixelRatio);
  paper.canvas.width = Math.round(width * density);
  paper.canvas.height = Math.round(height * density);
  paper.setTransform(density, 0, 0, density, 0, 0);
}
