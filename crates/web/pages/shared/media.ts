// What the reader has asked the system for: less motion, a dark page.
//
// Between the system's settings and all that draws without CSS. Invariant: a change while the page is open counts at once.

import { useEffect, useState } from "preact/hooks";

export const LESS_MOTION = "(prefers-reduced-motion: reduce)";
export const DARK = "(prefers-color-scheme: dark)";

/** Whether a media query holds now. */
export function holds(query: string): boolean {
  return matchMedia(query).matches;
}

/** Whether a media query holds, for as long as the component is there. */
export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => holds(query));
  useEffect(() => {
    const list = matchMedia(query);
    const changed = () => setMatches(list.matches);
    changed();
    list.addEventListener("change", changed);
    return () => list.removeEventListener("change", changed);
  }, [query]);
  return matches;
}
