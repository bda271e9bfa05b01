// @ts-check
// The bytes of both encodings, as docs/protocol.md has them.

import { json, msgpack, pack, WireError } from "../dist/parts.js";
import { equal, holds, test, thrown } from "./harness.js";

const ID = "6f1c0000000000000000000000000009";
const COMMENT = `96 c4 10 ${ID} a3 62 6f 62 a3 42 6f 62 a2 68 69 cf 0000019ab0a20700 03`;
const LINE = `{"id":"${ID}","author":"bob","name":"Bob","body":"hi","at":1763900000000,"likes":3}`;

/** @param {string} hex */
const bytes = (hex) => Uint8Array.from(hex.replaceAll(" ", "").match(/../g) ?? [], (byte) => parseInt(byte, 16)).buffer;

/** @param {unknown} packed */
const hex = (packed) => Array.from(/** @type {Uint8Array} */ (packed), (byte) => byte.toString(16).padStart(2, "0")).join("");

test("what a client says has the documented bytes", () => {
  /** @type {[import("../dist/wire.js").ClientMessage, string][]} */
  const examples = [
    [{ type: "comment", ref: "a", body: "hello" }, "93 00 a1 61 a5 68 65 6c 6c 6f"],
    [{ type: "like", ref: "a", id: ID, stamp: 7 }, `94 01 a1 61 c4 10 ${ID} 07`],
    [{ type: "unlike", ref: "a", id: ID, stamp: 1763900000001 }, `94 02 a1 61 c4 10 ${ID} cf 0000019ab0a20701`],
    [{ type: "react", kind: "heart", count: 3 }, "93 03 a5 68 65 61 72 74 03"],
    [{ type: "delete", ref: "a", id: ID }, `93 04 a1 61 c4 10 ${ID}`],
    [{ type: "pin", ref: "a", id: null }, "93 05 a1 61 c0"],
  ];
  for (const [message, wanted] of examples) {
    equal(hex(msgpack.encode(message)), wanted.replaceAll(" ", ""), message.type);
    equal(JSON.parse(String(json.encode(message))), message);
  }
});

test("what a server says is the same in both encodings", () => {
  const examples = [
    [
      `{"type":"welcome","viewer":"ann","node":"b1","stream":"demo","placed":"b1","limits":{"comment_bytes":1000,"comments_per_minute":60,"tap_interval_ms":250,"beat_ms":20000}}`,
      "96 00 a3 61 6e 6e a2 62 31 a4 64 65 6d 6f a2 62 31 94 cd 03e8 3c cc fa cd 4e20",
    ],
    [
      `{"type":"snapshot","epoch":3,"seq":41,"partial":false,"viewers":1200,"reactions":{"heart":10},"pinned":null,"top":[],"comments":[${LINE}]}`,
      `99 01 03 29 c2 cd 04b0 81 a5 68 65 61 72 74 0a c0 90 91 ${COMMENT}`,
    ],
    [`{"type":"delta","epoch":3,"from":41,"seq":42,"shown":0,"total":0}`, "9d 02 03 29 2a 90 90 90 c0 c0 c0 c0 00 00"],
    [`{"type":"delta","epoch":3,"from":41,"seq":42,"pinned":null,"shown":0,"total":0}`, "9d 02 03 29 2a 90 90 90 90 c0 c0 c0 00 00"],
    [
      `{"type":"delta","epoch":3,"from":41,"seq":42,"comments":[${LINE}],"likes":[["${ID}",4]],"deleted":["${ID}"],"pinned":${LINE},"top":[],"reactions":{"heart":11},"viewers":1201,"shown":1,"total":2}`,
      `9d 02 03 29 2a 91 ${COMMENT} 91 92 c4 10 ${ID} 04 91 c4 10 ${ID} 91 ${COMMENT} 90 81 a5 68 65 61 72 74 0b cd 04b1 01 02`,
    ],
    [`{"type":"beat","epoch":3,"seq":42}`, "93 03 03 2a"],
    [`{"type":"ack","ref":"k3f9-1","id":"${ID}","liked":true,"stamp":1763900000001}`, `95 04 a6 6b 33 66 39 2d 31 c4 10 ${ID} c3 cf 0000019ab0a20701`],
    [`{"type":"ack","ref":"k3f9-1","id":"${ID}"}`, `95 04 a6 6b 33 66 39 2d 31 c4 10 ${ID} c0 c0`],
    [`{"type":"ack","ref":"a","id":null}`, "95 04 a1 61 c0 c0 c0"],
    [`{"type":"reject","ref":null,"code":"bad_json","message":"no"}`, "95 05 c0 a8 62 61 64 5f 6a 73 6f 6e a2 6e 6f c0"],
    [`{"type":"reject","ref":"a","code":"bad_json","message":"no","retry_after_ms":900}`, "95 05 a1 61 a8 62 61 64 5f 6a 73 6f 6e a2 6e 6f cd 0384"],
    [`{"type":"move","url":"ws://b2","after_ms":1200}`, "93 06 a7 77 73 3a 2f 2f 62 32 cd 04b0"],
  ];
  for (const [text = "", packed = ""] of examples) {
    const message = json.decode(text);
    holds(message !== null, `${text} is known`);
    equal(msgpack.decode(bytes(packed)), message, text);
  }
});

test("further elements and numbers of later versions do no harm", () => {
  equal(msgpack.decode(bytes("95 03 03 2a a1 61 c0")), { type: "beat", epoch: 3, seq: 42 });
  equal(msgpack.decode(bytes("92 2a c0")), null);
});

test("text on MessagePack and bytes on JSON are refused", () => {
  for (const call of [() => json.decode(bytes("93 03 03 2a")), () => msgpack.decode(`{"type":"beat"}`)]) {
    holds(thrown(call) instanceof WireError, "it is a WireError");
  }
});

test("lengths and numbers are packed in their shortest form", () => {
  equal(hex(pack(["", "x".repeat(32), 0, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1])).replace("78".repeat(32), ".."),
    "9ca0d920..007fcc80ccffcd0100cdffffce00010000ceffffffffcf0000000100000000cf001fffffffffffff");
  equal(hex(pack("y".repeat(256))).slice(0, 8), "da010079");
  equal(hex(pack("é".repeat(16))).slice(0, 6), "d920c3");
});
