// One sentence that says what is seen, with today's numbers.
//
// Between the flow and the head of the page. Invariant: every number in it is measured; what is not known is left out.

import { type Flow } from "./flow.ts";
import { count, rate } from "./format.ts";

/** A piece of the sentence; the numbers stand out. */
export interface Piece {
  readonly text: string;
  readonly of: "writes" | "counts" | "frames" | null;
}

/** The sentence. */
export function story(flow: Flow): Piece[] {
  if (flow.viewers === null) return [plain("No broadcast node has answered yet.")];
  const { likes, talliesOut, frames, deliveries } = flow;
  if (likes === null || talliesOut === null || frames === null || deliveries === null) {
    return [plain(`${count(flow.viewers)} viewers are connected; how much flows is known after the next answer.`)];
  }
  if (deliveries < 0.05) {
    return [plain(`${count(flow.viewers)} viewers are connected, and all is quiet: nothing is written, so nothing is sent.`)];
  }
  return [
    number(`${rate(likes)} likes a second`, "writes"), plain(" became "), number(`${rate(talliesOut)} counts`, "counts"), plain(" in "),
    number(`${rate(frames)} frames`, "frames"), plain(", delivered "), number(`${rate(deliveries)} times`, "frames"),
    plain(` to ${count(flow.viewers)} ${flow.viewers === 1 ? "viewer" : "viewers"}.`),
  ];
}

/** What it would have been with a message for every like to every viewer. */
export function without(flow: Flow): string | null {
  const { likes, viewers, deliveries } = flow;
  if (!likes || !viewers || !deliveries || likes * viewers < 2 * deliveries) return null;
  const [messages, times] = [count(likes * viewers), rate((likes * viewers) / deliveries)];
  return `One message for each like to each viewer would be ${messages} a second, ${times} times as many.`;
}

function plain(text: string): Piece {
  return { text, of: null };
}

function number(text: string, of: "writes" | "counts" | "frames"): Piece {
  return { text, of };
}
