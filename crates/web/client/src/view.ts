// What a page sees of a stream: plain values, never changed in place.
//
// Between the parts that keep the view right and whoever draws it. Invariant: a `View` and all below it that did not change
// is the same object as before, so that `===` says whether there is something to draw.

/** Where the connection stands. */
export type Connection =
  | { state: "connecting" }
  /** Frames come from this node. */
  | { state: "live"; node: string }
  /** The node has named another one; frames still come until the other speaks. */
  | { state: "moving"; node: string }
  /** Lost; tried again at this time (milliseconds since 1970), sooner when the browser says it is online again. */
  | { state: "waiting"; retryAt: number }
  /** The tab is hidden for long: nothing is received until it is shown again. */
  | { state: "paused" }
  | { state: "closed" };

/** What became of something of one's own. */
export type OwnState =
  | { state: "sending" }
  | { state: "done" }
  /** Final: the code is the protocol's, the message is for people. */
  | { state: "rejected"; code: string; message: string };

/** One comment. */
export interface Comment {
  /** Stays the same from the sending on; what a list is keyed by. */
  readonly key: string;
  /** 32 hexadecimal digits; null until the sending is acknowledged. */
  readonly id: string | null;
  readonly author: string;
  readonly name: string;
  /** Text, never markup. */
  readonly body: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** With this viewer's own unanswered like counted in. */
  readonly likes: number;
  /** Whether this viewer likes it, as last asked for. */
  readonly liked: boolean;
  /** Whether this viewer wrote it. */
  readonly own: boolean;
  /** What became of the sending, `done` for others' comments. */
  readonly sent: OwnState;
  /** Why this viewer's last like, unlike, pin or deletion of it was refused, until the next one. */
  readonly refused: { code: string; message: string } | null;
}

/** What the server allows. */
export interface Limits {
  readonly commentBytes: number;
  readonly commentsPerMinute: number;
  readonly tapIntervalMs: number;
  readonly beatMs: number;
}

/** The whole view at one moment. */
export interface View {
  readonly connection: Connection;
  /** How many connections watch the stream. */
  readonly viewers: number;
  /** Taps by kind, this viewer's unsent ones counted in. */
  readonly reactions: Readonly<Record<string, number>>;
  /** The newest, oldest first, then this viewer's own that are not in a frame yet. At most `listMax` of them. */
  readonly comments: readonly Comment[];
  readonly pinned: Comment | null;
  /** The most liked, the most liked first; at most 5. */
  readonly top: readonly Comment[];
  /** How many comments were written since the last snapshot that no frame showed. */
  readonly unseen: number;
  /** Whether some owners of comments have not answered yet. */
  readonly partial: boolean;
  /** Null until the first welcome. */
  readonly limits: Limits | null;
}

/** A stream that is being watched. */
export interface Live {
  /** Calls back after each change of the view, at most once for each frame of the server's or call of one's own. */
  readonly subscribe: (listener: () => void) => () => void;
  /** The view now: the same object until something changes. */
  readonly getSnapshot: () => View;
  /** Writes a comment, and gives its `key`. It is in the view at once. */
  comment(body: string): string;
  /** Sends a rejected comment again, as a new one. */
  again(key: string): void;
  /** Takes a rejected comment out of the view. */
  dismiss(key: string): void;
  like(id: string): void;
  unlike(id: string): void;
  /** Taps: gathered and sent at the server's interval. */
  react(kind: string, count?: number): void;
  /** One's own comment, or any as a moderator. */
  delete(id: string): void;
  /** For moderators; null unpins. */
  pin(id: string | null): void;
  /** Ends it; what is unanswered is not sent again. */
  close(): void;
}
