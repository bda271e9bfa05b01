// Where a viewer writes.
//
// Below the list. Invariant: what was written is never lost: it stays in the field until the client has taken it.

import type { Limits, Live } from "@watershed/client";
import { memo } from "preact/compat";
import { useState } from "preact/hooks";
import { counted } from "../shared/figures.ts";
import { Icon } from "../shared/icons.tsx";

/** The counter comes when this part of the limit is used. */
const NEAR_LIMIT = 0.8;
/** Until the server has said its limit: the protocol's usual one. */
const COMMENT_BYTES = 1000;

interface Props {
  readonly live: Live;
  readonly limits: Limits | null;
  readonly name: string;
  /** What went wrong last, for the one who writes. */
  readonly notice: string;
  readonly say: (notice: string) => void;
}

export const Composer = memo(function Composer({ live, limits, name, notice, say }: Props) {
  const [body, setBody] = useState("");
  const bytesMax = limits?.commentBytes ?? COMMENT_BYTES;
  const bytes = new TextEncoder().encode(body).length;
  const send = () => {
    if (body.trim() === "") return say("a comment needs something that can be seen");
    if (bytes > bytesMax) return say(`comment is ${bytes} bytes, at most ${bytesMax} fit`);
    live.comment(body);
    setBody("");
    say("");
  };
  return (
    <form id="write" onSubmit={(event) => { event.preventDefault(); send(); }}>
      <div class="field">
        <textarea
          id="body"
          name="body"
          rows={1}
          dir="auto"
          aria-label={`Comment as ${name}`}
          aria-describedby="notice"
          aria-invalid={bytes > bytesMax}
          placeholder="Write a comment"
          autocomplete="off"
          enterkeyhint="send"
          value={body}
          onInput={(event) => { setBody(event.currentTarget.value); if (notice) say(""); }}
          onKeyDown={(event) => {
            // Enter sends, with shift it begins a new line, and while a word is being composed it belongs to that.
            if (event.key === "Escape") event.currentTarget.blur();
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            send();
          }}
        />
        <button type="submit" class="main" aria-label="Send"><Icon shape="send" /></button>
      </div>
      <div class="under">
        <p id="notice" role="alert">{notice}</p>
        <Room bytes={bytes} bytesMax={bytesMax} />
      </div>
    </form>
  );
});

/** How much room is left, when it is little. */
function Room({ bytes, bytesMax }: { bytes: number; bytesMax: number }) {
  if (bytes < bytesMax * NEAR_LIMIT) return null;
  const left = bytesMax - bytes;
  return (
    <p id="room" class="figure" data-over={left < 0}>
      {left < 0 ? `${counted(-left, "byte")} too long` : `${counted(left, "byte")} left`}
    </p>
  );
}
