// Numbers that look random and are the same for the same word.
//
// Beneath the scene, so that a stream has one landscape of its own. Invariant: the same word gives the same numbers.

/** A source of numbers from 0 to 1 (mulberry32, seeded by FNV-1a of the word). */
export function seeded(word: string): () => number {
  let state = 0x811c9dc5;
  for (const char of word) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
