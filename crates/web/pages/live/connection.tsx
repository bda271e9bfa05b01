// Where the connection stands, in words and in colour.
//
// Between the client's state and the head of the page. Invariant: the words alone say it; the colour only says it faster.

import type { Connection } from "@watershed/client";
import { useEffect, useState } from "preact/hooks";

/** Each state in a word or two. */
export function inWords(connection: Connection, online: boolean): string {
  switch (connection.state) {
    case "connecting": return "connecting";
    case "live": return "live";
    case "moving": return "moving";
    case "waiting": return online ? "reconnecting" : "offline";
    case "paused": return "paused";
    case "closed": return "left";
  }
}

export function State({ connection }: { connection: Connection }) {
  const online = useOnline();
  const retryAt = connection.state === "waiting" && online ? connection.retryAt : null;
  const seconds = useSecondsUntil(retryAt);
  const node = "node" in connection ? connection.node : null;
  return (
    <p class="state">
      <span id="state" role="status" data-state={connection.state} data-online={online}>
        {inWords(connection, online)}
        {seconds !== null && seconds > 0 ? <span class="figure" aria-hidden="true">{` in ${seconds} s`}</span> : null}
      </span>
      <span id="node" hidden={node === null}>{node === null ? "" : `on ${node}`}</span>
    </p>
  );
}

/** Whether the browser has a network at all. */
function useOnline(): boolean {
  const [online, setOnline] = useState(navigator.onLine);
  useEffect(() => {
    const changed = () => setOnline(navigator.onLine);
    addEventListener("online", changed);
    addEventListener("offline", changed);
    return () => {
      removeEventListener("online", changed);
      removeEventListener("offline", changed);
    };
  }, []);
  return online;
}

/** Whole seconds until a time, counted down; null without one. */
export function useSecondsUntil(time: number | null): number | null {
  const [nowMs, setNowMs] = useState(Date.now);
  useEffect(() => {
    if (time === null) return;
    setNowMs(Date.now());
    const ticking = setInterval(() => setNowMs(Date.now()), 1000);
    return () => clearInterval(ticking);
  }, [time]);
  return time === null ? null : Math.max(0, Math.ceil((time - nowMs) / 1000));
}
