// The token that a cluster with a secret asks for: from the address, or typed, kept until the tab is closed.
//
// Between the address bar, the form and the source. Invariant: it is never left in the address bar, where it would be copied
// with the link.

const KEY = "watershed-operator-token";

/** The token of `/operator#token=…`, which is taken out of the address, or the one kept from before. */
export function takeToken(): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given === null) return kept();
  history.replaceState(history.state, "", location.pathname + location.search);
  keepToken(given);
  return given;
}

/** Keeps it for reloads of this tab. */
export function keepToken(token: string): void {
  try {
    sessionStorage.setItem(KEY, token);
  } catch {
    // No storage here: it is asked for again after a reload.
  }
}

/** Forgets it: it was another cluster's, or is no longer right. */
export function forgetToken(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Nothing was kept.
  }
}

function kept(): string | null {
  try {
    return sessionStorage.getItem(KEY);
  } catch {
    return null;
  }
}
