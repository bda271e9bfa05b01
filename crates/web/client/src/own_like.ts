// One viewer's like of one comment beside the count that the server tells: what to show while they may not agree.
//
// Below a row of the view. The server's count is absolute, and nothing tells whether it has this viewer's last word in it
// already: an answer comes before or after the frame that shows its effect. The rule: while a word is unsettled, two counts
// can be true, one with it in and one without. Shown is the one of the two that is nearer to what was shown before. So a
// frame never makes it jump needlessly, it is never off by more than one, and nothing is counted twice. A word is settled
// `SETTLES_MS` after its answer; no frame settles it sooner, because frames from before it can come behind the answer.
// Invariant: when nothing is unsettled, what is shown is what the server said.

/** The time in which all views agree after the last fault: then an acknowledged like is in the count. */
export const SETTLES_MS = 5_000;

interface Word {
  ref: string;
  liked: boolean;
  stamp: number;
}

export class OwnLike {
  /** Whether this viewer likes it, as last asked for. */
  liked: boolean;
  /** The count to show. */
  shown: number;
  /** Whether the server has told, or it is known otherwise, whether this viewer likes it. */
  told: boolean;
  /** Raised by each word of this viewer, so that an older answer to a question is known as such. */
  words = 0;
  /** When an answered word counts as settled, whatever comes; null while nothing is to be settled or an answer is due. */
  settlesAt: number | null = null;
  private counted: number;
  /** The register as last told: of all answers, which come in any order, the one with the greatest stamp. */
  private known: boolean;
  private knownStamp = 0;
  /** Which states of this viewer's like the server's count may have in it. */
  private mayHold: Set<boolean>;
  private unanswered: Word[] = [];
  /** Until when a frame may lack a word that was acknowledged. */
  private doubtfulUntil = 0;

  constructor(count: number, told: boolean) {
    this.counted = this.shown = count;
    this.told = told;
    this.known = this.liked = false;
    this.mayHold = new Set([false]);
  }

  /** The server's count, from a frame. */
  count(count: number): void {
    this.counted = count;
    this.choose();
  }

  /** This viewer likes it, or does no longer. */
  ask(word: Word): void {
    this.words++;
    this.unanswered.push(word);
    this.mayHold.add(word.liked);
    this.settlesAt = null;
    this.want(word.liked);
  }

  /** The register of the server, in the answer to a word. Another device's later stamp may have won. */
  answer(ref: string, liked: boolean, stamp: number, now: number): void {
    this.take(ref);
    this.told = true;
    this.mayHold.add(liked);
    if (stamp >= this.knownStamp) [this.known, this.knownStamp] = [liked, stamp];
    this.doubtfulUntil = now + SETTLES_MS;
    this.answered(now);
  }

  /** A word that will never count: refused for good, or taken back before it was sent. */
  refuse(ref: string, now: number): void {
    this.take(ref);
    this.answered(now);
  }

  /** What the server says when it is asked; `words` is what this had when the question left. Never overrides a word. */
  tell(liked: boolean, words: number): void {
    this.told = true;
    if (words !== this.words || this.unanswered.length > 0) return;
    this.known = this.liked = liked;
    if (this.settlesAt === null) this.settle();
  }

  /** The time is over in which a frame could still lack the last word. */
  settle(): void {
    this.settlesAt = null;
    this.mayHold = new Set([this.known]);
    this.shown = this.counted;
  }

  private answered(now: number): void {
    this.want(this.last());
    if (this.unanswered.length === 0) this.settlesAt = Math.max(now, this.doubtfulUntil);
  }

  /** What counts in the end, if all that is unanswered is taken. */
  private last(): boolean {
    const word = this.unanswered.at(-1);
    return word && word.stamp > this.knownStamp ? word.liked : this.known;
  }

  private take(ref: string): void {
    this.unanswered = this.unanswered.filter((word) => word.ref !== ref);
  }

  private want(liked: boolean): void {
    this.shown += Number(liked) - Number(this.liked);
    this.liked = liked;
    this.choose();
  }

  /** Of the counts that can be true, the one that is nearest to what is shown. */
  private choose(): void {
    const distance = (count: number) => Math.abs(count - this.shown);
    const possible = [...this.mayHold].map((held) => Math.max(0, this.counted - Number(held) + Number(this.liked)));
    this.shown = possible.reduce((best, count) => (distance(count) < distance(best) ? count : best));
  }
}
