// @ts-check
// Random numbers that a seed repeats (mulberry32).
//
// Below tests that try many orders of events. Invariant: the same seed gives the same numbers everywhere.

/**
 * @param {number} seed
 * @returns {() => number} from 0 to 1
 */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
