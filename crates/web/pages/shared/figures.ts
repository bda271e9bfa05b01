// How numbers are written: exact while they are short, compact when they are long.
//
// Beside everything that shows a count. Invariant: a number below 10,000 is written as it is, digits only.

const EXACT_BELOW = 10_000;
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const grouped = new Intl.NumberFormat("en");

/** "9876", then "12.3K", then "4M". */
export function short(count: number): string {
  return count < EXACT_BELOW ? String(count) : compact.format(count);
}

/** "1,234,567". */
export function whole(count: number): string {
  return grouped.format(count);
}

/** "1 like", "2 likes", "1,200 likes". */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}
