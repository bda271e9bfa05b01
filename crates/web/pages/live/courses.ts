// The courses of the streams in the scene: eight springs join by twos into four, two and one river.
//
//   spring   .  .  .  .  .  .  .  .      beneath the hills
//             \/    \/    \/    \/
//              \____/      \____/
//                  \________/
//                      ||                the lower edge of the picture
//
// Between the seed and what draws the water. Invariant: where two courses have joined they are the same to the mouth.

/** A place on a course, in parts of the picture's width and height, and how wide the water is there. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly width: number;
}

/** From a spring to the mouth. */
export type Course = readonly Place[];

const SPRINGS = 8;
const STEPS = 18;
/** Where each generation of streams ends, from the springs to below the lower edge. */
const HEIGHTS = [0.566, 0.65, 0.745, 0.86, 1.06];
/** Parts of the picture's height. */
const WIDTHS = [0.001, 0.008, 0.02, 0.048, 0.15];
const MOUTH_X = 0.56;

/** The courses of all springs. */
export function courses(random: () => number): Course[] {
  const springs = Array.from({ length: SPRINGS }, (_, at) => 0.03 + ((at + 0.2 + random() * 0.6) / SPRINGS) * 0.94);
  // The ends of each generation: half as many as before, drawn towards the mouth.
  const ends = [springs];
  for (let level = 1; level < HEIGHTS.length; level += 1) {
    const before = ends[level - 1] ?? [];
    const pull = [0, 0.18, 0.34, 0.8, 1][level] ?? 1;
    const joined = level === HEIGHTS.length - 1 ? before : before.filter((_, at) => at % 2 === 0);
    ends.push(joined.map((_, at) => {
      const [a, b] = level === HEIGHTS.length - 1 ? [before[at], before[at]] : [before[at * 2], before[at * 2 + 1]];
      const middle = ((a ?? MOUTH_X) + (b ?? MOUTH_X)) / 2;
      return middle + (MOUTH_X - middle) * pull + (random() - 0.5) * 0.04;
    }));
  }
  const reaches = ends.slice(1).map((_, level) => reachesOf(level, ends, random));
  return springs.map((_, spring) => reaches.flatMap((level, at) => {
    const index = at === reaches.length - 1 ? 0 : spring >> at;
    return level[index] ?? [];
  }));
}

/** The pieces between one generation's ends and the next's. */
function reachesOf(level: number, ends: number[][], random: () => number): Place[][] {
  const [from, to] = [ends[level] ?? [], ends[level + 1] ?? []];
  return from.map((x, at) => {
    const end = to[to.length === from.length ? at : at >> 1] ?? MOUTH_X;
    const bend = (random() - 0.5) * 0.06 * (1 - level / 5);
    return Array.from({ length: STEPS + 1 }, (_, step) => {
      const t = step / STEPS;
      const smooth = t * t * (3 - 2 * t);
      return {
        // A bend that begins and ends straight, so that a reach meets the next without a kink.
        x: x + (end - x) * smooth + Math.sin(t * Math.PI * 2) * Math.sin(t * Math.PI) * bend,
        y: between(HEIGHTS, level, t),
        width: between(WIDTHS, level, t * t),
      };
    });
  });
}

function between(values: number[], at: number, part: number): number {
  const [a, b] = [values[at] ?? 0, values[at + 1] ?? 0];
  return a + (b - a) * part;
}
