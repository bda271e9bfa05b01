// The dialog in which somebody says who watches what.
//
// Between the head of the page and the address. Invariant: what it gives on is what the server takes; else it says why not.

import { useState } from "preact/hooks";
import { wrongId, wrongName } from "./identity.ts";
import type { Identity } from "./identity.ts";
import { Modal } from "./modal.tsx";

interface Props {
  readonly identity: Identity;
  /** What was wrong with the address, when that is why it is open. */
  readonly wrong: string | null;
  readonly join: (identity: Identity) => void;
  readonly close: () => void;
}

export function Join({ identity, wrong: wrongAtFirst, join, close }: Props) {
  const [stream, setStream] = useState(identity.stream);
  const [viewer, setViewer] = useState(identity.viewer);
  const [name, setName] = useState(identity.name === identity.viewer ? "" : identity.name);
  const [wrong, setWrong] = useState(wrongAtFirst);
  const submit = (event: Event) => {
    event.preventDefault();
    const found = wrongId("stream", stream) ?? wrongId("viewer", viewer) ?? wrongName(name.trim());
    if (found) return setWrong(found);
    join({ stream, viewer, name: name.trim() || viewer });
  };
  return (
    <Modal title="Who watches what" close={close}>
      <form id="identity" onSubmit={submit} noValidate>
        <Field id="stream" label="Stream" value={stream} set={setStream} wrong={wrongId("stream", stream) !== null} />
        <Field id="viewer" label="Viewer id" value={viewer} set={setViewer} wrong={wrongId("viewer", viewer) !== null} />
        <Field id="name" label="Name on comments" value={name} set={setName} placeholder={viewer} wrong={wrongName(name.trim()) !== null} />
        <p class="hint">Ids are 1 to 64 letters A to Z, digits, “.”, “_” and “-”. The address of this page keeps them.</p>
        <p id="identity-wrong" role="alert" class="wrong">{wrong ?? ""}</p>
        <div class="choices">
          <button type="button" class="plain" onClick={close}>Cancel</button>
          <button type="submit" class="main">Watch</button>
        </div>
      </form>
    </Modal>
  );
}

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly set: (value: string) => void;
  readonly wrong: boolean;
  readonly placeholder?: string;
}

function Field({ id, label, value, set, wrong, placeholder = "" }: FieldProps) {
  return (
    <label class="field" for={id}>
      <span>{label}</span>
      <input
        id={id}
        name={id}
        value={value}
        placeholder={placeholder}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        dir="auto"
        aria-invalid={wrong}
        aria-describedby="identity-wrong"
        onInput={(event) => set(event.currentTarget.value)}
      />
    </label>
  );
}
