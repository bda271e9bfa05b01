// @ts-check
// What the package exports, as it is published.

import * as client from "../dist/index.js";
import { equal, test, thrown } from "./harness.js";

test("the package exports one function", () => {
  equal(Object.keys(client), ["watch"]);
});

test("options that no server would take are refused at once", () => {
  const right = { url: "http://b1.test", stream: "demo", viewer: "ann" };
  /** @type {[Partial<client.Options>, string][]} */
  const wrong = [
    [{ stream: "" }, `stream is "", 1 to 64 of A-Z a-z 0-9 . _ - are allowed`],
    [{ viewer: "a b" }, `viewer is "a b", 1 to 64 of A-Z a-z 0-9 . _ - are allowed`],
    [{ viewer: "../x" }, `viewer is "../x", 1 to 64 of A-Z a-z 0-9 . _ - are allowed`],
    [{ name: "" }, "name is 0 bytes, 1 to 128 fit"],
    [{ name: "é".repeat(65) }, "name is 130 bytes, 1 to 128 fit"],
    [{ listMax: 0 }, "listMax is 0, it must be a whole number from 1 on"],
    [{ url: "ws://b1" }, `url is "ws://b1", it must be of http: or https:`],
    [{ url: [] }, "url is an empty list, one address is needed"],
  ];
  for (const [options, message] of wrong) {
    const error = thrown(() => client.watch({ ...right, ...options }));
    equal([error instanceof TypeError, error.message], [true, message]);
  }
});
