// The operator page: everything on it, in the order in which it is read.
//
// Between the source, which it starts and ends, and the parts. Invariant: once there are figures, they stay on the screen,
// however old.

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Alarms, Events } from "./alarms.tsx";
import { Drawing } from "./drawing.tsx";
import { Head } from "./head.tsx";
import { Plots } from "./plots.tsx";
import { Source } from "./source.ts";
import { begin, type Shown, take } from "./state.ts";
import { story, without } from "./story.ts";
import { Tables } from "./tables.tsx";
import { forgetToken, keepToken, takeToken } from "./token.ts";
import { TokenForm } from "./token-form.tsx";

export function Page() {
  const [shown, setShown] = useState<Shown>(() => begin(location.origin));
  const source = useRef<Source | null>(null);
  const token = useMemo(takeToken, []);
  useEffect(() => {
    const asking = new Source(location.origin, token, (seen) => setShown((shown) => take(shown, seen)));
    source.current = asking;
    return () => asking.close();
  }, []);
  useEffect(() => {
    if (shown.locked === "wrong") forgetToken();
  }, [shown.locked]);
  const unlock = (token: string) => {
    keepToken(token);
    source.current?.unlock(token);
  };
  const { latest } = shown;
  return (
    <>
      <Head shown={shown} />
      <main>
        <TokenForm locked={shown.locked} unlock={unlock} />
        {latest === null && shown.failure !== null ? <p class="warn" role="status">{shown.failure}; it is asked again each second.</p> : null}
        {latest === null ? null : (
          <>
            <div class="first">
              <Story shown={shown} />
              <Events shown={shown} />
            </div>
            <Alarms shown={shown} />
            <section class="card" aria-labelledby="tree-title">
              <h2 id="tree-title" class="spoken">The tree</h2>
              <Drawing latest={latest} away={shown.memory.away} />
              <Legend />
            </section>
            <Plots history={shown.history} events={shown.events} />
            <Tables latest={latest} />
          </>
        )}
      </main>
    </>
  );
}

function Story({ shown: { latest } }: { shown: Shown }) {
  if (latest === null) return null;
  const otherwise = without(latest.flow);
  return (
    <div class="story">
      <p id="sentence">
        {story(latest.flow).map((piece, i) => (piece.of === null ? piece.text : <b key={i} class={piece.of}>{piece.text}</b>))}
      </p>
      {otherwise === null ? null : <p class="soft">{otherwise}</p>}
    </div>
  );
}

function Legend() {
  return (
    <p class="legend soft">
      <i class="swatch writes" /> writes go up <i class="swatch counts" /> their counts go on <i class="swatch frames" /> frames
      come down. Lines are as wide as the logarithm of what they carry; numbers are means of five seconds.
    </p>
  );
}
