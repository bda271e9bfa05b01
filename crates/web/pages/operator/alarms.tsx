// What is wrong now, and what that means for viewers; and what happened since the page was opened.
//
// Below the head. Invariant: an alarm stands as long as its cause, and no longer.

import { clock, count, rate } from "./format.ts";
import { type Node } from "./sample.ts";
import { type Latest, type Shown } from "./state.ts";

/** Alarms that are spelled out; the tree and the tables show all. */
const ALARMS_MAX = 4;

/** Each node that is not as it should be. */
export function Alarms({ shown }: { shown: Shown }) {
  const { latest, memory, failure } = shown;
  const troubled = latest?.sample.nodes.filter((node) => node.state !== "alive" || node.ready === false) ?? [];
  const more = troubled.length - ALARMS_MAX;
  return (
    <div role="status" hidden={troubled.length === 0 && failure === null}>
      <ul class="alarms">
        {failure === null ? null : <li class="warn"><b>The figures are old.</b> {failure}; it goes on by itself.</li>}
        {troubled.slice(0, ALARMS_MAX).map((node) => (
          <li key={node.name} class={node.state === "dead" ? "bad" : "warn"}>
            <b>{node.name} is {node.state === "alive" ? "not ready" : node.state}</b>
            {since(memory.away.get(node.name)?.since ?? null)}
            {`: ${meaning(node)}`}
            {node.role === "processor" && node.state === "dead" ? <Refusals latest={latest} /> : null}
          </li>
        ))}
        {more > 0 ? <li class="warn">{`and ${count(more)} more, see the tables`}</li> : null}
      </ul>
    </div>
  );
}

function since(at: number | null): string {
  return at === null ? "" : ` since ${clock(at)}`;
}

/** How many writes a dead processor costs now; not for ears, which would hear each number. */
function Refusals({ latest }: { latest: Latest | null }) {
  const now = latest?.sheds.find((shed) => shed.counter === "writes_unavailable")?.perS ?? null;
  return now === null || now < 0.05 ? null : <span aria-hidden="true"> ({rate(now)} writes a second are refused now)</span>;
}

function meaning(node: Node): string {
  if (node.state === "alive") return node.missing ?? "it has not said why";
  if (node.state === "silent") return "it is there but misses its heartbeats: stopped, wedged or starved";
  switch (node.role) {
    case "processor":
      return `its ${count(node.slots)} slots are unavailable, writes to them are refused with a time to retry; all else goes on`;
    case "broadcast":
      return "its viewers come back on other nodes, with nothing missing";
    case "merger":
      return "another merger is or becomes the root; viewers wait for about a second at most";
  }
}

/** What happened, newest first. */
export function Events({ shown: { events } }: { shown: Shown }) {
  return (
    <section class="events" aria-labelledby="events-title">
      <h2 id="events-title">What happened</h2>
      <div class="scrolls" tabIndex={0} role="region" aria-label="Events">
        <ol id="events" aria-live="polite">
          {events.map((event) => (
            <li key={`${event.at} ${event.node} ${event.text}`} class={event.tone} data-node={event.node ?? ""}>
              <time class="figure" dateTime={new Date(event.at).toISOString()}>{clock(event.at)}</time> {event.text}
            </li>
          ))}
        </ol>
        {events.length === 0 ? <p class="soft">Nothing since this page was opened. Kill a processor and look.</p> : null}
      </div>
    </section>
  );
}
