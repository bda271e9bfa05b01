/** The time in which all views agree after the last fault: then an acknowledged like is in the count. */
export declare const SETTLES_MS = 5000;
interface Word {
    ref: string;
    liked: boolean;
    stamp: number;
}
export declare class OwnLike {
    /** Whether this viewer likes it, as last asked for. */
    liked: boolean;
    /** The count to show. */
    shown: number;
    /** Whether the server has told, or it is known otherwise, whether this viewer likes it. */
    told: boolean;
    /** Raised by each word of this viewer, so that an older answer to a question is known as such. */
    words: number;
    /** When an answered word counts as settled, whatever comes; null while nothing is to be settled or an answer is due. */
    settlesAt: number | null;
    private counted;
    /** The register as last told: of all answers, which come in any order, the one with the greatest stamp. */
    private known;
    private knownStamp;
    /** Which states of this viewer's like the server's count may have in it. */
    private mayHold;
    private unanswered;
    /** Until when a frame may lack a word that was acknowledged. */
    private doubtfulUntil;
    constructor(count: number, told: boolean);
    /** The server's count, from a frame. */
    count(count: number): void;
    /** This viewer likes it, or does no longer. */
    ask(word: Word): void;
    /** The register of the server, in the answer to a word. Another device's later stamp may have won. */
    answer(ref: string, liked: boolean, stamp: number, now: number): void;
    /** A word that will never count: refused for good, or taken back before it was sent. */
    refuse(ref: string, now: number): void;
    /** What the server says when it is asked; `words` is what this had when the question left. Never overrides a word. */
    tell(liked: boolean, words: number): void;
    /** The time is over in which a frame could still lack the last word. */
    settle(): void;
    private answered;
    /** What counts in the end, if all that is unanswered is taken. */
    private last;
    private take;
    private want;
    /** Of the counts that can be true, the one that is nearest to what is shown. */
    private choose;
}
export {};
