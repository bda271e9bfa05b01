// The colour and the letter of somebody who writes.
//
// Beside a comment's name. Invariant: the same author has the same colour on every screen.

const COLOURS = 8;

/** The class of an author's colour. */
export function whoClass(author: string): string {
  let hash = 0;
  for (let at = 0; at < author.length; at += 1) hash = (Math.imul(hash, 31) + author.charCodeAt(at)) | 0;
  return `who-${(hash >>> 0) % COLOURS}`;
}

/** The first letter that can be seen, as large as it gets. */
export function initial(name: string): string {
  const letter = /[\p{L}\p{N}]/u.exec(name)?.[0] ?? "?";
  return letter.toLocaleUpperCase();
}
