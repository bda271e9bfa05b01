// @ts-check
// What is shown while the server's count may or may not have this viewer's last word in it.

import { OwnLike, SETTLES_MS } from "../dist/parts.js";
import { equal, test } from "./harness.js";

const T = 1_000_000;

/** A word of this viewer; later letters have later stamps. @param {boolean} liked @param {string} ref */
const word = (liked, ref = "a") => ({ ref, liked, stamp: ref.charCodeAt(0) });

/** The answer to the word of this ref, with its own register or another one. @param {OwnLike} like @param {string} ref @param {boolean} liked */
const answer = (like, ref, liked, stamp = ref.charCodeAt(0)) => like.answer(ref, liked, stamp, T);

/** @param {OwnLike} like @param {string} ref */
function refuse(like, ref) {
  like.refuse(ref, T);
  if (like.settlesAt === T) like.settle();
}

test("a like counts at once, and once when its frame comes before the answer", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  equal([like.shown, like.liked], [4, true]);
  like.count(4);
  equal(like.shown, 4);
  answer(like, "a", true);
  like.settle();
  equal([like.shown, like.liked], [4, true]);
});

test("a like counts at once, and once when its frame comes after the answer", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  answer(like, "a", true);
  equal(like.shown, 4);
  like.count(4);
  equal(like.shown, 4);
  like.settle();
  equal(like.shown, 4);
});

test("a frame from before the like that comes behind the answer does not make it flicker", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  answer(like, "a", true);
  const shown = [2, 3].map((count) => (like.count(count), like.shown));
  equal(shown, [3, 3]);
});

test("others' likes do not make one's own flicker", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  const shown = [4, 5, 9, 10].map((count) => (like.count(count), like.shown));
  equal(shown, [4, 5, 9, 10]);
});

test("a count that is taken back follows the server within one", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  answer(like, "a", true);
  like.count(4);
  like.ask(word(false, "b"));
  equal([like.shown, like.liked], [3, false]);
  like.count(10);
  equal(like.shown, 9);
  answer(like, "b", false);
  like.settle();
  equal(like.shown, 10);
});

test("two words on their way end at the last one, whichever frame comes", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true, "a"));
  like.ask(word(false, "b"));
  equal([like.shown, like.liked], [3, false]);
  like.count(4);
  equal(like.shown, 3);
  answer(like, "a", true);
  equal([like.shown, like.liked], [3, false]);
  answer(like, "b", false);
  like.count(3);
  equal([like.shown, like.liked], [3, false]);
});

test("a refused like is undone", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  refuse(like, "a");
  equal([like.shown, like.liked], [3, false]);
});

test("a refused unlike leaves the like that the server has", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true, "a"));
  answer(like, "a", true);
  like.count(4);
  like.ask(word(false, "b"));
  refuse(like, "b");
  equal([like.shown, like.liked], [4, true]);
});

test("answers in another order end at the last word", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true, "a"));
  like.ask(word(false, "b"));
  answer(like, "b", false);
  equal(like.liked, false);
  answer(like, "a", true);
  equal([like.liked, like.shown], [false, 3]);
});

test("another device's later word wins", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  answer(like, "a", false, 200);
  equal([like.shown, like.liked], [3, false]);
});

test("a like that others took back within the same window is settled by time", () => {
  const like = new OwnLike(3, true);
  like.ask(word(true));
  answer(like, "a", true);
  equal([like.shown, like.settlesAt], [4, T + SETTLES_MS]);
  like.settle();
  equal([like.shown, like.liked], [3, true]);
});

test("an answer to an older question does not override a word", () => {
  const like = new OwnLike(3, false);
  const { words } = like;
  like.ask(word(true));
  like.tell(false, words);
  equal([like.shown, like.liked], [4, true]);
  answer(like, "a", true);
  like.tell(false, words);
  equal(like.liked, true);
});

test("what the server tells of likes counts as in its count", () => {
  const like = new OwnLike(3, false);
  like.tell(true, like.words);
  equal([like.shown, like.liked, like.told], [3, true, true]);
  like.ask(word(false));
  equal(like.shown, 2);
});

test("liking again what was liked adds nothing", () => {
  const like = new OwnLike(3, false);
  like.tell(true, 0);
  like.ask(word(true));
  equal(like.shown, 3);
});

test("a count is never shown below nothing", () => {
  const like = new OwnLike(0, true);
  like.ask(word(false));
  equal(like.shown, 0);
});
