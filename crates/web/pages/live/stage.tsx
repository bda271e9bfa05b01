// The stage: a picture where a video would be, and what stands on it.
//
// The larger part of a wide page, the top of a narrow one. Invariant: what is written on it is readable on any of its pictures.

import type { Live, View } from "@watershed/client";
import { Reactions } from "./reactions.tsx";
import { Scene } from "./scene.tsx";
import { Viewers } from "./viewers.tsx";

interface Props {
  readonly live: Live;
  readonly stream: string;
  readonly view: View;
}

export function Stage({ live, stream, view }: Props) {
  const { state } = view.connection;
  const flows = state === "live" || state === "moving";
  const begun = view.limits !== null;
  // One try after another is one pause; before the first word there is nothing to pause.
  const pause = flows || !begun ? null : PAUSES[state === "connecting" ? "waiting" : state];
  return (
    <section id="stage" aria-label="Stage" data-flows={flows || !begun}>
      <Scene stream={stream} reactions={view.reactions} begun={begun} />
      <div class="over">
        <div class="signs">
          <span class="on-air" data-on={flows}>{flows ? "Live" : "Standby"}</span>
          <Viewers viewers={view.viewers} />
        </div>
        {pause === null ? null : <p class="pause">{pause}</p>}
        <div class="foot">
          <div class="title">
            <h1 dir="auto">{stream}</h1>
            <p>A drawn valley in place of a video. What is said is live.</p>
          </div>
          <Reactions live={live} reactions={view.reactions} />
        </div>
      </div>
    </section>
  );
}

/** What the stage says while nothing comes. */
const PAUSES = {
  waiting: "The connection is gone and is being made again. What you write is kept until then.",
  paused: "Paused while nobody looks.",
  closed: "You have left this stream.",
};
