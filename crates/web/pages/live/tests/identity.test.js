// @ts-check
// What is promised of the page's address: what the server would not take is not asked of it.

import { fromAddress, toAddress, wrongId, wrongName } from "../../../vendor/live-parts.js";
import { equal, holds, test } from "../../../client/tests/harness.js";

test("an address says who watches what, and leads back to the same", () => {
  const { identity, wrong } = fromAddress("?stream=demo&viewer=ann&name=Ann%20Lee");
  equal(wrong, null);
  equal(identity, { stream: "demo", viewer: "ann", name: "Ann Lee" });
  equal(fromAddress(toAddress(identity)).identity, identity);
});

test("without a name the viewer's id is the name, and the address does not repeat it", () => {
  const { identity } = fromAddress("?stream=demo&viewer=ann");
  equal(identity.name, "ann");
  equal(toAddress(identity), "?stream=demo&viewer=ann");
});

test("an address without a viewer gets a guest that the server takes", () => {
  const { identity, wrong } = fromAddress("");
  equal(wrong, null);
  holds(/^guest-[0-9a-f]{6}$/.test(identity.viewer), `${identity.viewer} is a guest's id`);
  equal(wrongId("viewer", identity.viewer), null);
});

test("an id of 64 characters is taken and one of 65 is not", () => {
  equal(wrongId("viewer", "a".repeat(64)), null);
  equal(wrongId("viewer", "a".repeat(65)), "viewer is 65 characters, at most 64 fit");
});

test("an id that is not allowed says which character is wrong", () => {
  equal(wrongId("stream", "a b"), 'stream has the character " ", only letters A to Z, digits, ".", "_" and "-" are allowed');
  equal(wrongId("stream", "né"), 'stream has the character "é", only letters A to Z, digits, ".", "_" and "-" are allowed');
  equal(wrongId("stream", ""), "stream is empty, 1 to 64 characters are needed");
});

test("a name is limited in bytes, not in characters", () => {
  equal(wrongName("é".repeat(64)), null);
  equal(wrongName("é".repeat(65)), "name is 130 bytes, at most 128 fit");
  equal(wrongName("two\nlines"), "name has a control character, it is one line of text");
});

test("what is wrong in an address is shown as it was asked for, and a guest watches", () => {
  const { asked, identity, wrong } = fromAddress("?stream=a/b&viewer=ann");
  equal(asked.stream, "a/b");
  equal(identity.stream, "demo");
  holds(wrong?.startsWith('stream has the character "/"') ?? false, "it says what is wrong");
});
