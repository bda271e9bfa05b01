// Asks for the token of a cluster that has a secret.
//
// In the place of the figures while they are locked. Invariant: a wrong token is said to be wrong, and nothing is sent until a
// token is typed.

import { useState } from "preact/hooks";
import { type Shown } from "./state.ts";

export function TokenForm({ locked, unlock }: { locked: Shown["locked"]; unlock: (token: string) => void }) {
  const [token, setToken] = useState("");
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    if (token.trim() !== "") unlock(token.trim());
  };
  return (
    <form id="token" class="card" onSubmit={submit} hidden={locked === "no"}>
      <h2>This cluster has a secret</h2>
      <p>Its figures are for those who have the token. <code>watershed token --topology FILE</code> prints it.</p>
      <label for="token-input">Token</label>
      <div class="row">
        <input
          id="token-input" type="password" autoComplete="off" spellcheck={false} value={token} aria-describedby="token-wrong"
          aria-invalid={locked === "wrong"} onInput={(event) => setToken(event.currentTarget.value)}
        />
        <button class="main">Show the figures</button>
      </div>
      <p id="token-wrong" class="bad" role="alert">{locked === "wrong" ? "This is not the cluster's token." : ""}</p>
    </form>
  );
}
