// Who watches what: from the address of the page, and what was kept of an earlier visit.
//
// Between the address and the client. Invariant: an identity that leaves here is one that the server takes.

/** What the server asks of a stream's and a viewer's id, in words and as it checks it. */
const ID_CHARS_MAX = 64;
const ID = /^[A-Za-z0-9._-]*$/;
/** A name's limit, in UTF-8. */
const NAME_BYTES_MAX = 128;

/** Where no stream is asked for: the one of `make demo`. */
const STREAM = "demo";

const KEPT_AS = "watershed.guest";

export interface Identity {
  readonly stream: string;
  readonly viewer: string;
  /** How comments are signed. */
  readonly name: string;
}

/** What is wrong with an id, or null. */
export function wrongId(noun: string, id: string): string | null {
  if (id === "") return `${noun} is empty, 1 to ${ID_CHARS_MAX} characters are needed`;
  const wrong = [...id].find((char) => !ID.test(char));
  if (wrong !== undefined) {
    return `${noun} has the character "${wrong}", only letters A to Z, digits, ".", "_" and "-" are allowed`;
  }
  if (id.length > ID_CHARS_MAX) return `${noun} is ${id.length} characters, at most ${ID_CHARS_MAX} fit`;
  return null;
}

/** What is wrong with a name, or null. An empty one is no name, and the viewer's id stands for it. */
export function wrongName(name: string): string | null {
  const bytes = new TextEncoder().encode(name).length;
  if (bytes > NAME_BYTES_MAX) return `name is ${bytes} bytes, at most ${NAME_BYTES_MAX} fit`;
  if (/\p{Cc}/u.test(name)) return "name has a control character, it is one line of text";
  return null;
}

/** What the address asks for, and who that is; `wrong` says what of it the server would not take. */
export interface Asked {
  readonly asked: Identity;
  readonly identity: Identity;
  readonly wrong: string | null;
}

/** Reads the query of the page's address. What is wrong is shown as it was asked for, while a guest watches the first stream. */
export function fromAddress(search: string): Asked {
  const query = new URLSearchParams(search);
  const guest = kept();
  const asked = {
    stream: query.get("stream") ?? STREAM,
    viewer: query.get("viewer") ?? guest,
    name: (query.get("name") ?? "").trim(),
  };
  const wrong = wrongId("stream", asked.stream) ?? wrongId("viewer", asked.viewer) ?? wrongName(asked.name);
  if (wrong) return { asked, identity: { stream: STREAM, viewer: guest, name: guest }, wrong };
  const identity = { ...asked, name: asked.name || asked.viewer };
  return { asked: identity, identity, wrong };
}

/** The query of an address that leads to the same again. */
export function toAddress({ stream, viewer, name }: Identity): string {
  const query = new URLSearchParams({ stream, viewer });
  if (name !== viewer) query.set("name", name);
  return `?${query}`;
}

/** The guest's id of this browser: made once and kept. */
function kept(): string {
  const made = `guest-${Array.from(crypto.getRandomValues(new Uint8Array(3)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  try {
    const before = localStorage.getItem(KEPT_AS);
    if (before && wrongId("viewer", before) === null) return before;
    localStorage.setItem(KEPT_AS, made);
  } catch {
    // A browser that keeps nothing gets a new guest each time.
  }
  return made;
}
