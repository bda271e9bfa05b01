// MessagePack of the few values that a client sends: arrays of short text, whole numbers, ids and nil.
//
// Below the codec. The package's encoder is as large as all that is here twice over (2.3 KB gzipped), and its decoder is
// what meets foreign bytes. Invariant: whatever a `ClientMessage` holds is written in its shortest form.

export type Packable = string | number | Uint8Array | null | Packable[];

const text = new TextEncoder();

export function pack(value: Packable): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  put(value, bytes);
  return Uint8Array.from(bytes);
}

function put(value: Packable, into: number[]): void {
  if (value === null) into.push(0xc0);
  else if (typeof value === "number") putNumber(value, into);
  else if (typeof value === "string") {
    const utf8 = text.encode(value);
    if (utf8.length < 32) into.push(0xa0 | utf8.length);
    else putLength([0xd9, 0xda, 0xdb], utf8.length, into);
    putAll(utf8, into);
  } else if (value instanceof Uint8Array) {
    putLength([0xc4, 0xc5, 0xc6], value.length, into);
    putAll(value, into);
  } else {
    // No message has more than a handful of elements.
    into.push(0x90 | value.length);
    for (const element of value) put(element, into);
  }
}

function putNumber(value: number, into: number[]): void {
  if (value < 0x80) into.push(value);
  else if (value <= 0xffff_ffff) putLength([0xcc, 0xcd, 0xce], value, into);
  else {
    into.push(0xcf);
    putBytes(Math.floor(value / 2 ** 32), 4, into);
    putBytes(value >>> 0, 4, into);
  }
}

/** The mark for one, two or four bytes, and the length in as many. */
function putLength(marks: [number, number, number], length: number, into: number[]): void {
  const size = length < 0x100 ? 0 : length < 0x1_0000 ? 1 : 2;
  into.push(marks[size]!);
  putBytes(length, 2 ** size, into);
}

function putBytes(value: number, bytes: number, into: number[]): void {
  for (let at = bytes - 1; at >= 0; at--) into.push((value >>> (8 * at)) & 0xff);
}

function putAll(bytes: Uint8Array, into: number[]): void {
  for (const byte of bytes) into.push(byte);
}
