// Numbers and times as people read them.
//
// Used by everything that is drawn. Invariant: what is not known is a dash, never a zero.

const DASH = "–";
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const two = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** 5,012, and from a million on 1.2M. */
export function count(value: number | null): string {
  if (value === null) return DASH;
  return value < 1_000_000 ? whole.format(value) : short.format(value);
}

/** A rate: 0.4, 9.8, 61, 5,012. */
export function rate(value: number | null): string {
  if (value === null) return DASH;
  return value > 0 && value < 9.95 ? one.format(value) : count(value);
}

/** A rate where there is little room: 9,832, then 32.8K. */
export function compact(value: number | null, from = 10_000): string {
  if (value === null) return DASH;
  return value < from ? rate(value) : short.format(value);
}

/** How many go into one: 1.15, 24.6, 402. */
export function factor(value: number | null): string {
  if (value === null) return DASH;
  if (value < 9.95) return two.format(value);
  return value < 99.5 ? one.format(value) : compact(value);
}

/** 22.6%. */
export function share(value: number | null): string {
  return value === null ? DASH : `${one.format(value * 100)}%`;
}

/** Milliseconds, with as many digits as matter: 0.38 ms, 12 ms, 1.4 s. */
export function milliseconds(value: number | null): string {
  if (value === null) return DASH;
  if (value >= 1000) return `${one.format(value / 1000)} s`;
  return `${value < 10 ? two.format(value) : whole.format(value)} ms`;
}

/** Bytes by powers of 1,024: 26.4 MiB. */
export function bytes(value: number | null): string {
  if (value === null) return DASH;
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
  return `${one.format(value / 1024 ** power)} ${units[power]}`;
}

/** How long something has been so: 42 s, 3 min, 5 h, 12 d. */
export function duration(seconds: number | null): string {
  if (seconds === null) return DASH;
  const [unit, size] = ([["d", 86_400], ["h", 3600], ["min", 60]] as const).find(([, size]) => seconds >= size * 2) ?? ["s", 1];
  return `${whole.format(Math.floor(seconds / size))} ${unit}`;
}

/** The time of day here: 12:03:11. */
export function clock(at: number): string {
  const date = new Date(at);
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}
