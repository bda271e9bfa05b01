// client/src/backoff.ts
/** The bound of the first wait; each failure doubles it. */
var FIRST_MS = 250;
/** The bound of all waits. */
var WAIT_MS_MAX = 1e4;
/** The longest wait that a server may ask for. */
var ASKED_MS_MAX = 6e4;
var Backoff = class {
	random;
	failures = 0;
	constructor(random) {
		this.random = random;
	}
	/** After something that worked. */
	reset() {
		this.failures = 0;
	}
	/** The wait after one more failure. A server that asks for a time gives each client another one: it is kept to. */
	wait(askedMs) {
		const jitter = this.random() * Math.min(WAIT_MS_MAX, FIRST_MS * 2 ** Math.min(this.failures, 16));
		this.failures++;
		return askedMs === null ? jitter : Math.min(askedMs, ASKED_MS_MAX) + (this.failures > 3 ? jitter : 0);
	}
};
/** The wait that the reason of a close asks for. */
function askedFor(reason) {
	const digits = /retry_after_ms=(\d{1,9})/.exec(reason)?.[1];
	return digits === void 0 ? null : Number(digits);
}
new TextEncoder();
var CHUNK_SIZE = 4096;
function utf8DecodeJs(bytes, inputOffset, byteLength) {
	let offset = inputOffset;
	const end = offset + byteLength;
	const units = [];
	let result = "";
	while (offset < end) {
		const byte1 = bytes[offset++];
		if ((byte1 & 128) === 0) units.push(byte1);
		else if ((byte1 & 224) === 192) {
			const byte2 = bytes[offset++] & 63;
			units.push((byte1 & 31) << 6 | byte2);
		} else if ((byte1 & 240) === 224) {
			const byte2 = bytes[offset++] & 63;
			const byte3 = bytes[offset++] & 63;
			units.push((byte1 & 31) << 12 | byte2 << 6 | byte3);
		} else if ((byte1 & 248) === 240) {
			const byte2 = bytes[offset++] & 63;
			const byte3 = bytes[offset++] & 63;
			const byte4 = bytes[offset++] & 63;
			let unit = (byte1 & 7) << 18 | byte2 << 12 | byte3 << 6 | byte4;
			if (unit > 65535) {
				unit -= 65536;
				units.push(unit >>> 10 & 1023 | 55296);
				unit = 56320 | unit & 1023;
			}
			units.push(unit);
		} else units.push(byte1);
		if (units.length >= CHUNK_SIZE) {
			result += String.fromCharCode(...units);
			units.length = 0;
		}
	}
	if (units.length > 0) result += String.fromCharCode(...units);
	return result;
}
var sharedTextDecoder = new TextDecoder();
var TEXT_DECODER_THRESHOLD = 200;
function utf8DecodeTD(bytes, inputOffset, byteLength) {
	const stringBytes = bytes.subarray(inputOffset, inputOffset + byteLength);
	return sharedTextDecoder.decode(stringBytes);
}
function utf8Decode(bytes, inputOffset, byteLength) {
	if (byteLength > TEXT_DECODER_THRESHOLD) return utf8DecodeTD(bytes, inputOffset, byteLength);
	else return utf8DecodeJs(bytes, inputOffset, byteLength);
}
// node_modules/@msgpack/msgpack/dist.esm/ExtData.mjs
/**
* ExtData is used to handle Extension Types that are not registered to ExtensionCodec.
*/
var ExtData = class {
	type;
	data;
	constructor(type, data) {
		this.type = type;
		this.data = data;
	}
};
// node_modules/@msgpack/msgpack/dist.esm/DecodeError.mjs
var DecodeError = class DecodeError extends Error {
	constructor(message) {
		super(message);
		const proto = Object.create(DecodeError.prototype);
		Object.setPrototypeOf(this, proto);
		Object.defineProperty(this, "name", {
			configurable: true,
			enumerable: false,
			value: DecodeError.name
		});
	}
};
function setInt64(view, offset, value) {
	const high = Math.floor(value / 4294967296);
	const low = value;
	view.setUint32(offset, high);
	view.setUint32(offset + 4, low);
}
function getInt64(view, offset) {
	const high = view.getInt32(offset);
	const low = view.getUint32(offset + 4);
	return high * 4294967296 + low;
}
function getUint64(view, offset) {
	const high = view.getUint32(offset);
	const low = view.getUint32(offset + 4);
	return high * 4294967296 + low;
}
var TIMESTAMP32_MAX_SEC = 4294967295;
var TIMESTAMP64_MAX_SEC = 17179869183;
function encodeTimeSpecToTimestamp({ sec, nsec }) {
	if (sec >= 0 && nsec >= 0 && sec <= TIMESTAMP64_MAX_SEC) {
		if (nsec === 0 && sec <= TIMESTAMP32_MAX_SEC) {
			const rv = /* @__PURE__ */ new Uint8Array(4);
			new DataView(rv.buffer).setUint32(0, sec);
			return rv;
		} else {
			const secHigh = sec / 4294967296;
			const secLow = sec & 4294967295;
			const rv = /* @__PURE__ */ new Uint8Array(8);
			const view = new DataView(rv.buffer);
			view.setUint32(0, nsec << 2 | secHigh & 3);
			view.setUint32(4, secLow);
			return rv;
		}
	} else {
		const rv = /* @__PURE__ */ new Uint8Array(12);
		const view = new DataView(rv.buffer);
		view.setUint32(0, nsec);
		setInt64(view, 4, sec);
		return rv;
	}
}
function encodeDateToTimeSpec(date) {
	const msec = date.getTime();
	const sec = Math.floor(msec / 1e3);
	const nsec = (msec - sec * 1e3) * 1e6;
	const nsecInSec = Math.floor(nsec / 1e9);
	return {
		sec: sec + nsecInSec,
		nsec: nsec - nsecInSec * 1e9
	};
}
function encodeTimestampExtension(object) {
	if (object instanceof Date) return encodeTimeSpecToTimestamp(encodeDateToTimeSpec(object));
	else return null;
}
function decodeTimestampToTimeSpec(data) {
	const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
	switch (data.byteLength) {
		case 4: return {
			sec: view.getUint32(0),
			nsec: 0
		};
		case 8: {
			const nsec30AndSecHigh2 = view.getUint32(0);
			const secLow32 = view.getUint32(4);
			return {
				sec: (nsec30AndSecHigh2 & 3) * 4294967296 + secLow32,
				nsec: nsec30AndSecHigh2 >>> 2
			};
		}
		case 12: return {
			sec: getInt64(view, 4),
			nsec: view.getUint32(0)
		};
		default: throw new DecodeError(`Unrecognized data size for timestamp (expected 4, 8, or 12): ${data.length}`);
	}
}
function decodeTimestampExtension(data) {
	const timeSpec = decodeTimestampToTimeSpec(data);
	return /* @__PURE__ */ new Date(timeSpec.sec * 1e3 + timeSpec.nsec / 1e6);
}
var timestampExtension = {
	type: -1,
	encode: encodeTimestampExtension,
	decode: decodeTimestampExtension
};
// node_modules/@msgpack/msgpack/dist.esm/ExtensionCodec.mjs
var ExtensionCodec = class ExtensionCodec {
	static defaultCodec = new ExtensionCodec();
	__brand;
	builtInEncoders = [];
	builtInDecoders = [];
	encoders = [];
	decoders = [];
	constructor() {
		this.register(timestampExtension);
	}
	register({ type, encode, decode }) {
		if (type >= 0) {
			this.encoders[type] = encode;
			this.decoders[type] = decode;
		} else {
			const index = -1 - type;
			this.builtInEncoders[index] = encode;
			this.builtInDecoders[index] = decode;
		}
	}
	tryToEncode(object, context) {
		for (let i = 0; i < this.builtInEncoders.length; i++) {
			const encodeExt = this.builtInEncoders[i];
			if (encodeExt != null) {
				const data = encodeExt(object, context);
				if (data != null) return new ExtData(-1 - i, data);
			}
		}
		for (let i = 0; i < this.encoders.length; i++) {
			const encodeExt = this.encoders[i];
			if (encodeExt != null) {
				const data = encodeExt(object, context);
				if (data != null) return new ExtData(i, data);
			}
		}
		if (object instanceof ExtData) return object;
		return null;
	}
	decode(data, type, context) {
		const decodeExt = type < 0 ? this.builtInDecoders[-1 - type] : this.decoders[type];
		if (decodeExt) return decodeExt(data, type, context);
		else return new ExtData(type, data);
	}
};
// node_modules/@msgpack/msgpack/dist.esm/utils/typedArrays.mjs
function isArrayBufferLike(buffer) {
	return buffer instanceof ArrayBuffer || typeof SharedArrayBuffer !== "undefined" && buffer instanceof SharedArrayBuffer;
}
function ensureUint8Array(buffer) {
	if (buffer instanceof Uint8Array) return buffer;
	else if (ArrayBuffer.isView(buffer)) return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
	else if (isArrayBufferLike(buffer)) return new Uint8Array(buffer);
	else return Uint8Array.from(buffer);
}
// node_modules/@msgpack/msgpack/dist.esm/utils/prettyByte.mjs
function prettyByte(byte) {
	return `${byte < 0 ? "-" : ""}0x${Math.abs(byte).toString(16).padStart(2, "0")}`;
}
// node_modules/@msgpack/msgpack/dist.esm/CachedKeyDecoder.mjs
var DEFAULT_MAX_KEY_LENGTH = 16;
var DEFAULT_MAX_LENGTH_PER_KEY = 16;
var CachedKeyDecoder = class {
	hit = 0;
	miss = 0;
	caches;
	maxKeyLength;
	maxLengthPerKey;
	constructor(maxKeyLength = DEFAULT_MAX_KEY_LENGTH, maxLengthPerKey = DEFAULT_MAX_LENGTH_PER_KEY) {
		this.maxKeyLength = maxKeyLength;
		this.maxLengthPerKey = maxLengthPerKey;
		this.caches = [];
		for (let i = 0; i < this.maxKeyLength; i++) this.caches.push([]);
	}
	canBeCached(byteLength) {
		return byteLength > 0 && byteLength <= this.maxKeyLength;
	}
	find(bytes, inputOffset, byteLength) {
		const records = this.caches[byteLength - 1];
		FIND_CHUNK: for (const record of records) {
			const recordBytes = record.bytes;
			for (let j = 0; j < byteLength; j++) if (recordBytes[j] !== bytes[inputOffset + j]) continue FIND_CHUNK;
			return record.str;
		}
		return null;
	}
	store(bytes, value) {
		const records = this.caches[bytes.length - 1];
		const record = {
			bytes,
			str: value
		};
		if (records.length >= this.maxLengthPerKey) records[Math.random() * records.length | 0] = record;
		else records.push(record);
	}
	decode(bytes, inputOffset, byteLength) {
		const cachedValue = this.find(bytes, inputOffset, byteLength);
		if (cachedValue != null) {
			this.hit++;
			return cachedValue;
		}
		this.miss++;
		const str = utf8DecodeJs(bytes, inputOffset, byteLength);
		const slicedCopyOfBytes = Uint8Array.prototype.slice.call(bytes, inputOffset, inputOffset + byteLength);
		this.store(slicedCopyOfBytes, str);
		return str;
	}
};
// node_modules/@msgpack/msgpack/dist.esm/Decoder.mjs
var STATE_ARRAY = "array";
var STATE_MAP_KEY = "map_key";
var STATE_MAP_VALUE = "map_value";
var mapKeyConverter = (key) => {
	if (typeof key === "string" || typeof key === "number") return key;
	throw new DecodeError("The type of key must be string or number but " + typeof key);
};
var StackPool = class {
	stack = [];
	stackHeadPosition = -1;
	get length() {
		return this.stackHeadPosition + 1;
	}
	top() {
		return this.stack[this.stackHeadPosition];
	}
	pushArrayState(size) {
		const state = this.getUninitializedStateFromPool();
		state.type = STATE_ARRAY;
		state.position = 0;
		state.size = size;
		state.array = new Array(size);
	}
	pushMapState(size) {
		const state = this.getUninitializedStateFromPool();
		state.type = STATE_MAP_KEY;
		state.readCount = 0;
		state.size = size;
		state.map = {};
	}
	getUninitializedStateFromPool() {
		this.stackHeadPosition++;
		if (this.stackHeadPosition === this.stack.length) this.stack.push({
			type: void 0,
			size: 0,
			array: void 0,
			position: 0,
			readCount: 0,
			map: void 0,
			key: null
		});
		return this.stack[this.stackHeadPosition];
	}
	release(state) {
		if (this.stack[this.stackHeadPosition] !== state) throw new Error("Invalid stack state. Released state is not on top of the stack.");
		if (state.type === STATE_ARRAY) {
			const partialState = state;
			partialState.size = 0;
			partialState.array = void 0;
			partialState.position = 0;
			partialState.type = void 0;
		}
		if (state.type === STATE_MAP_KEY || state.type === STATE_MAP_VALUE) {
			const partialState = state;
			partialState.size = 0;
			partialState.map = void 0;
			partialState.readCount = 0;
			partialState.type = void 0;
		}
		this.stackHeadPosition--;
	}
	reset() {
		this.stack.length = 0;
		this.stackHeadPosition = -1;
	}
};
var HEAD_BYTE_REQUIRED = -1;
var EMPTY_VIEW = /* @__PURE__ */ new DataView(/* @__PURE__ */ new ArrayBuffer(0));
var EMPTY_BYTES = new Uint8Array(EMPTY_VIEW.buffer);
try {
	EMPTY_VIEW.getInt8(0);
} catch (e) {
	if (!(e instanceof RangeError)) throw new Error("This module is not supported in the current JavaScript engine because DataView does not throw RangeError on out-of-bounds access");
}
var MORE_DATA = /* @__PURE__ */ new RangeError("Insufficient data");
var sharedCachedKeyDecoder = new CachedKeyDecoder();
var Decoder = class Decoder {
	extensionCodec;
	context;
	useBigInt64;
	rawStrings;
	maxStrLength;
	maxBinLength;
	maxArrayLength;
	maxMapLength;
	maxExtLength;
	keyDecoder;
	mapKeyConverter;
	totalPos = 0;
	pos = 0;
	view = EMPTY_VIEW;
	bytes = EMPTY_BYTES;
	headByte = HEAD_BYTE_REQUIRED;
	stack = new StackPool();
	entered = false;
	constructor(options) {
		this.extensionCodec = options?.extensionCodec ?? ExtensionCodec.defaultCodec;
		this.context = options?.context;
		this.useBigInt64 = options?.useBigInt64 ?? false;
		this.rawStrings = options?.rawStrings ?? false;
		this.maxStrLength = options?.maxStrLength ?? 4294967295;
		this.maxBinLength = options?.maxBinLength ?? 4294967295;
		this.maxArrayLength = options?.maxArrayLength ?? 4294967295;
		this.maxMapLength = options?.maxMapLength ?? 4294967295;
		this.maxExtLength = options?.maxExtLength ?? 4294967295;
		this.keyDecoder = options?.keyDecoder !== void 0 ? options.keyDecoder : sharedCachedKeyDecoder;
		this.mapKeyConverter = options?.mapKeyConverter ?? mapKeyConverter;
	}
	clone() {
		return new Decoder({
			extensionCodec: this.extensionCodec,
			context: this.context,
			useBigInt64: this.useBigInt64,
			rawStrings: this.rawStrings,
			maxStrLength: this.maxStrLength,
			maxBinLength: this.maxBinLength,
			maxArrayLength: this.maxArrayLength,
			maxMapLength: this.maxMapLength,
			maxExtLength: this.maxExtLength,
			keyDecoder: this.keyDecoder
		});
	}
	reinitializeState() {
		this.totalPos = 0;
		this.headByte = HEAD_BYTE_REQUIRED;
		this.stack.reset();
	}
	setBuffer(buffer) {
		const bytes = ensureUint8Array(buffer);
		this.bytes = bytes;
		this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
		this.pos = 0;
	}
	appendBuffer(buffer) {
		if (this.headByte === HEAD_BYTE_REQUIRED && !this.hasRemaining(1)) this.setBuffer(buffer);
		else {
			const remainingData = this.bytes.subarray(this.pos);
			const newData = ensureUint8Array(buffer);
			const newBuffer = new Uint8Array(remainingData.length + newData.length);
			newBuffer.set(remainingData);
			newBuffer.set(newData, remainingData.length);
			this.setBuffer(newBuffer);
		}
	}
	hasRemaining(size) {
		return this.view.byteLength - this.pos >= size;
	}
	createExtraByteError(posToShow) {
		const { view, pos } = this;
		return /* @__PURE__ */ new RangeError(`Extra ${view.byteLength - pos} of ${view.byteLength} byte(s) found at buffer[${posToShow}]`);
	}
	/**
	* @throws {@link DecodeError}
	* @throws {@link RangeError}
	*/
	decode(buffer) {
		if (this.entered) return this.clone().decode(buffer);
		try {
			this.entered = true;
			this.reinitializeState();
			this.setBuffer(buffer);
			const object = this.doDecodeSync();
			if (this.hasRemaining(1)) throw this.createExtraByteError(this.pos);
			return object;
		} finally {
			this.entered = false;
		}
	}
	*decodeMulti(buffer) {
		if (this.entered) {
			yield* this.clone().decodeMulti(buffer);
			return;
		}
		try {
			this.entered = true;
			this.reinitializeState();
			this.setBuffer(buffer);
			while (this.hasRemaining(1)) yield this.doDecodeSync();
		} finally {
			this.entered = false;
		}
	}
	async decodeAsync(stream) {
		if (this.entered) return this.clone().decodeAsync(stream);
		try {
			this.entered = true;
			let decoded = false;
			let object;
			for await (const buffer of stream) {
				if (decoded) {
					this.entered = false;
					throw this.createExtraByteError(this.totalPos);
				}
				this.appendBuffer(buffer);
				try {
					object = this.doDecodeSync();
					decoded = true;
				} catch (e) {
					if (!(e instanceof RangeError)) throw e;
				}
				this.totalPos += this.pos;
			}
			if (decoded) {
				if (this.hasRemaining(1)) throw this.createExtraByteError(this.totalPos);
				return object;
			}
			const { headByte, pos, totalPos } = this;
			throw new RangeError(`Insufficient data in parsing ${prettyByte(headByte)} at ${totalPos} (${pos} in the current buffer)`);
		} finally {
			this.entered = false;
		}
	}
	decodeArrayStream(stream) {
		return this.decodeMultiAsync(stream, true);
	}
	decodeStream(stream) {
		return this.decodeMultiAsync(stream, false);
	}
	async *decodeMultiAsync(stream, isArray) {
		if (this.entered) {
			yield* this.clone().decodeMultiAsync(stream, isArray);
			return;
		}
		try {
			this.entered = true;
			let isArrayHeaderRequired = isArray;
			let arrayItemsLeft = -1;
			for await (const buffer of stream) {
				if (isArray && arrayItemsLeft === 0) throw this.createExtraByteError(this.totalPos);
				this.appendBuffer(buffer);
				if (isArrayHeaderRequired) {
					arrayItemsLeft = this.readArraySize();
					isArrayHeaderRequired = false;
					this.complete();
				}
				try {
					while (true) {
						yield this.doDecodeSync();
						if (--arrayItemsLeft === 0) break;
					}
				} catch (e) {
					if (!(e instanceof RangeError)) throw e;
				}
				this.totalPos += this.pos;
			}
		} finally {
			this.entered = false;
		}
	}
	doDecodeSync() {
		DECODE: while (true) {
			const headByte = this.readHeadByte();
			let object;
			if (headByte >= 224) object = headByte - 256;
			else if (headByte < 192) {
				if (headByte < 128) object = headByte;
				else if (headByte < 144) {
					const size = headByte - 128;
					if (size !== 0) {
						this.pushMapState(size);
						this.complete();
						continue DECODE;
					} else object = {};
				} else if (headByte < 160) {
					const size = headByte - 144;
					if (size !== 0) {
						this.pushArrayState(size);
						this.complete();
						continue DECODE;
					} else object = [];
				} else {
					const byteLength = headByte - 160;
					object = this.decodeString(byteLength, 0);
				}
			} else if (headByte === 192) object = null;
			else if (headByte === 194) object = false;
			else if (headByte === 195) object = true;
			else if (headByte === 202) object = this.readF32();
			else if (headByte === 203) object = this.readF64();
			else if (headByte === 204) object = this.readU8();
			else if (headByte === 205) object = this.readU16();
			else if (headByte === 206) object = this.readU32();
			else if (headByte === 207) {
				if (this.useBigInt64) object = this.readU64AsBigInt();
				else object = this.readU64();
			} else if (headByte === 208) object = this.readI8();
			else if (headByte === 209) object = this.readI16();
			else if (headByte === 210) object = this.readI32();
			else if (headByte === 211) {
				if (this.useBigInt64) object = this.readI64AsBigInt();
				else object = this.readI64();
			} else if (headByte === 217) {
				const byteLength = this.lookU8();
				object = this.decodeString(byteLength, 1);
			} else if (headByte === 218) {
				const byteLength = this.lookU16();
				object = this.decodeString(byteLength, 2);
			} else if (headByte === 219) {
				const byteLength = this.lookU32();
				object = this.decodeString(byteLength, 4);
			} else if (headByte === 220) {
				const size = this.readU16();
				if (size !== 0) {
					this.pushArrayState(size);
					this.complete();
					continue DECODE;
				} else object = [];
			} else if (headByte === 221) {
				const size = this.readU32();
				if (size !== 0) {
					this.pushArrayState(size);
					this.complete();
					continue DECODE;
				} else object = [];
			} else if (headByte === 222) {
				const size = this.readU16();
				if (size !== 0) {
					this.pushMapState(size);
					this.complete();
					continue DECODE;
				} else object = {};
			} else if (headByte === 223) {
				const size = this.readU32();
				if (size !== 0) {
					this.pushMapState(size);
					this.complete();
					continue DECODE;
				} else object = {};
			} else if (headByte === 196) {
				const size = this.lookU8();
				object = this.decodeBinary(size, 1);
			} else if (headByte === 197) {
				const size = this.lookU16();
				object = this.decodeBinary(size, 2);
			} else if (headByte === 198) {
				const size = this.lookU32();
				object = this.decodeBinary(size, 4);
			} else if (headByte === 212) object = this.decodeExtension(1, 0);
			else if (headByte === 213) object = this.decodeExtension(2, 0);
			else if (headByte === 214) object = this.decodeExtension(4, 0);
			else if (headByte === 215) object = this.decodeExtension(8, 0);
			else if (headByte === 216) object = this.decodeExtension(16, 0);
			else if (headByte === 199) {
				const size = this.lookU8();
				object = this.decodeExtension(size, 1);
			} else if (headByte === 200) {
				const size = this.lookU16();
				object = this.decodeExtension(size, 2);
			} else if (headByte === 201) {
				const size = this.lookU32();
				object = this.decodeExtension(size, 4);
			} else throw new DecodeError(`Unrecognized type byte: ${prettyByte(headByte)}`);
			this.complete();
			const stack = this.stack;
			while (stack.length > 0) {
				const state = stack.top();
				if (state.type === STATE_ARRAY) {
					state.array[state.position] = object;
					state.position++;
					if (state.position === state.size) {
						object = state.array;
						stack.release(state);
					} else continue DECODE;
				} else if (state.type === STATE_MAP_KEY) {
					if (object === "__proto__") throw new DecodeError("The key __proto__ is not allowed");
					state.key = this.mapKeyConverter(object);
					state.type = STATE_MAP_VALUE;
					continue DECODE;
				} else {
					state.map[state.key] = object;
					state.readCount++;
					if (state.readCount === state.size) {
						object = state.map;
						stack.release(state);
					} else {
						state.key = null;
						state.type = STATE_MAP_KEY;
						continue DECODE;
					}
				}
			}
			return object;
		}
	}
	readHeadByte() {
		if (this.headByte === HEAD_BYTE_REQUIRED) this.headByte = this.readU8();
		return this.headByte;
	}
	complete() {
		this.headByte = HEAD_BYTE_REQUIRED;
	}
	readArraySize() {
		const headByte = this.readHeadByte();
		switch (headByte) {
			case 220: return this.readU16();
			case 221: return this.readU32();
			default: if (headByte < 160) return headByte - 144;
			else throw new DecodeError(`Unrecognized array type byte: ${prettyByte(headByte)}`);
		}
	}
	pushMapState(size) {
		if (size > this.maxMapLength) throw new DecodeError(`Max length exceeded: map length (${size}) > maxMapLengthLength (${this.maxMapLength})`);
		this.stack.pushMapState(size);
	}
	pushArrayState(size) {
		if (size > this.maxArrayLength) throw new DecodeError(`Max length exceeded: array length (${size}) > maxArrayLength (${this.maxArrayLength})`);
		this.stack.pushArrayState(size);
	}
	decodeString(byteLength, headerOffset) {
		if (!this.rawStrings || this.stateIsMapKey()) return this.decodeUtf8String(byteLength, headerOffset);
		return this.decodeBinary(byteLength, headerOffset);
	}
	/**
	* @throws {@link RangeError}
	*/
	decodeUtf8String(byteLength, headerOffset) {
		if (byteLength > this.maxStrLength) throw new DecodeError(`Max length exceeded: UTF-8 byte length (${byteLength}) > maxStrLength (${this.maxStrLength})`);
		if (this.bytes.byteLength < this.pos + headerOffset + byteLength) throw MORE_DATA;
		const offset = this.pos + headerOffset;
		let object;
		if (this.stateIsMapKey() && this.keyDecoder?.canBeCached(byteLength)) object = this.keyDecoder.decode(this.bytes, offset, byteLength);
		else object = utf8Decode(this.bytes, offset, byteLength);
		this.pos += headerOffset + byteLength;
		return object;
	}
	stateIsMapKey() {
		if (this.stack.length > 0) return this.stack.top().type === STATE_MAP_KEY;
		return false;
	}
	/**
	* @throws {@link RangeError}
	*/
	decodeBinary(byteLength, headOffset) {
		if (byteLength > this.maxBinLength) throw new DecodeError(`Max length exceeded: bin length (${byteLength}) > maxBinLength (${this.maxBinLength})`);
		if (!this.hasRemaining(byteLength + headOffset)) throw MORE_DATA;
		const offset = this.pos + headOffset;
		const object = this.bytes.subarray(offset, offset + byteLength);
		this.pos += headOffset + byteLength;
		return object;
	}
	decodeExtension(size, headOffset) {
		if (size > this.maxExtLength) throw new DecodeError(`Max length exceeded: ext length (${size}) > maxExtLength (${this.maxExtLength})`);
		const extType = this.view.getInt8(this.pos + headOffset);
		const data = this.decodeBinary(size, headOffset + 1);
		return this.extensionCodec.decode(data, extType, this.context);
	}
	lookU8() {
		return this.view.getUint8(this.pos);
	}
	lookU16() {
		return this.view.getUint16(this.pos);
	}
	lookU32() {
		return this.view.getUint32(this.pos);
	}
	readU8() {
		const value = this.view.getUint8(this.pos);
		this.pos++;
		return value;
	}
	readI8() {
		const value = this.view.getInt8(this.pos);
		this.pos++;
		return value;
	}
	readU16() {
		const value = this.view.getUint16(this.pos);
		this.pos += 2;
		return value;
	}
	readI16() {
		const value = this.view.getInt16(this.pos);
		this.pos += 2;
		return value;
	}
	readU32() {
		const value = this.view.getUint32(this.pos);
		this.pos += 4;
		return value;
	}
	readI32() {
		const value = this.view.getInt32(this.pos);
		this.pos += 4;
		return value;
	}
	readU64() {
		const value = getUint64(this.view, this.pos);
		this.pos += 8;
		return value;
	}
	readI64() {
		const value = getInt64(this.view, this.pos);
		this.pos += 8;
		return value;
	}
	readU64AsBigInt() {
		const value = this.view.getBigUint64(this.pos);
		this.pos += 8;
		return value;
	}
	readI64AsBigInt() {
		const value = this.view.getBigInt64(this.pos);
		this.pos += 8;
		return value;
	}
	readF32() {
		const value = this.view.getFloat32(this.pos);
		this.pos += 4;
		return value;
	}
	readF64() {
		const value = this.view.getFloat64(this.pos);
		this.pos += 8;
		return value;
	}
};
// client/src/pack.ts
var text$1 = new TextEncoder();
function pack(value) {
	const bytes = [];
	put(value, bytes);
	return Uint8Array.from(bytes);
}
function put(value, into) {
	if (value === null) into.push(192);
	else if (typeof value === "number") putNumber(value, into);
	else if (typeof value === "string") {
		const utf8 = text$1.encode(value);
		if (utf8.length < 32) into.push(160 | utf8.length);
		else putLength([
			217,
			218,
			219
		], utf8.length, into);
		putAll(utf8, into);
	} else if (value instanceof Uint8Array) {
		putLength([
			196,
			197,
			198
		], value.length, into);
		putAll(value, into);
	} else {
		into.push(144 | value.length);
		for (const element of value) put(element, into);
	}
}
function putNumber(value, into) {
	if (value < 128) into.push(value);
	else if (value <= 4294967295) putLength([
		204,
		205,
		206
	], value, into);
	else {
		into.push(207);
		putBytes(Math.floor(value / 2 ** 32), 4, into);
		putBytes(value >>> 0, 4, into);
	}
}
/** The mark for one, two or four bytes, and the length in as many. */
function putLength(marks, length, into) {
	const size = length < 256 ? 0 : length < 65536 ? 1 : 2;
	into.push(marks[size]);
	putBytes(length, 2 ** size, into);
}
function putBytes(value, bytes, into) {
	for (let at = bytes - 1; at >= 0; at--) into.push(value >>> 8 * at & 255);
}
function putAll(bytes, into) {
	for (const byte of bytes) into.push(byte);
}
// client/src/wire.ts
/** The greatest number that the protocol has: 2^53-1. */
var NUMBER_MAX = Number.MAX_SAFE_INTEGER;
/** Most kinds of reactions that are believed; a stream has at most 16 today. */
var KINDS_MAX$1 = 64;
/** Longest text of a field; a comment has at most 4,000 bytes today, the address of a node far less. */
var TEXT_CHARS_MAX = 32768;
/** Something that no server of this protocol says. */
var WireError = class extends Error {};
/** The message that these fields are; null for a type that is not known. */
function serverMessage(value) {
	const fields = object(value, "message");
	switch (text(fields.type, "type")) {
		case "welcome": return welcome(fields);
		case "snapshot": return snapshot(fields);
		case "delta": return delta(fields);
		case "beat": return {
			type: "beat",
			epoch: number(fields.epoch, "epoch"),
			seq: number(fields.seq, "seq")
		};
		case "ack": return {
			type: "ack",
			ref: text(fields.ref, "ref"),
			id: maybe(fields.id, id, "id"),
			liked: maybe(fields.liked, flag, "liked"),
			stamp: maybe(fields.stamp, number, "stamp")
		};
		case "reject": return {
			type: "reject",
			ref: maybe(fields.ref, text, "ref"),
			code: text(fields.code, "code"),
			message: text(fields.message, "message"),
			retryAfterMs: maybe(fields.retry_after_ms, number, "retry_after_ms")
		};
		case "move": return {
			type: "move",
			url: text(fields.url, "url"),
			afterMs: number(fields.after_ms, "after_ms")
		};
		default: return null;
	}
}
function welcome(fields) {
	const limits = object(fields.limits, "limits");
	return {
		type: "welcome",
		viewer: text(fields.viewer, "viewer"),
		node: text(fields.node, "node"),
		limits: {
			commentBytes: number(limits.comment_bytes, "comment_bytes"),
			commentsPerMinute: number(limits.comments_per_minute, "comments_per_minute"),
			tapIntervalMs: number(limits.tap_interval_ms, "tap_interval_ms"),
			beatMs: number(limits.beat_ms, "beat_ms")
		}
	};
}
function snapshot(fields) {
	return {
		type: "snapshot",
		epoch: number(fields.epoch, "epoch"),
		seq: number(fields.seq, "seq"),
		partial: flag(fields.partial, "partial"),
		viewers: number(fields.viewers, "viewers"),
		reactions: tallies(fields.reactions, "reactions"),
		pinned: maybe(fields.pinned, line, "pinned"),
		top: list(fields.top, line, "top"),
		comments: list(fields.comments, line, "comments")
	};
}
function delta(fields) {
	const [from, seq] = [number(fields.from, "from"), number(fields.seq, "seq")];
	if (seq <= from) throw new WireError(`delta goes from ${from} to ${seq}, it must go forward`);
	const [shown, total] = [number(fields.shown, "shown"), number(fields.total, "total")];
	if (shown > total) throw new WireError(`delta shows ${shown} comments of ${total}`);
	return {
		type: "delta",
		epoch: number(fields.epoch, "epoch"),
		from,
		seq,
		comments: list(fields.comments ?? [], line, "comments"),
		likes: list(fields.likes ?? [], count, "likes"),
		deleted: list(fields.deleted ?? [], id, "deleted"),
		pinned: fields.pinned === void 0 ? void 0 : maybe(fields.pinned, line, "pinned"),
		top: absent(fields.top) ? void 0 : list(fields.top, line, "top"),
		reactions: absent(fields.reactions) ? void 0 : tallies(fields.reactions, "reactions"),
		viewers: absent(fields.viewers) ? void 0 : number(fields.viewers, "viewers"),
		shown,
		total
	};
}
function line(value, what) {
	const fields = object(value, what);
	return {
		id: id(fields.id, "id"),
		author: text(fields.author, "author"),
		name: text(fields.name, "name"),
		body: text(fields.body, "body"),
		at: number(fields.at, "at"),
		likes: number(fields.likes, "likes")
	};
}
function count(value, what) {
	if (!Array.isArray(value)) throw wrong(value, "an id and its count", what);
	return [id(value[0], what), number(value[1], what)];
}
/** A map, because a kind may have any name, that of a property of all objects too. */
function tallies(value, what) {
	const entries = Object.entries(object(value, what));
	if (entries.length > KINDS_MAX$1) throw new WireError(`${what} has ${entries.length} kinds, at most ${KINDS_MAX$1} are believed`);
	return new Map(entries.map(([kind, taps]) => [kind, number(taps, what)]));
}
function list(value, of, what) {
	if (!Array.isArray(value)) throw wrong(value, "a list", what);
	return value.map((one) => of(one, what));
}
var absent = (value) => value === void 0 || value === null;
function maybe(value, of, what) {
	return absent(value) ? null : of(value, what);
}
function object(value, what) {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(value, "an object", what);
	return value;
}
function text(value, what) {
	if (typeof value !== "string") throw wrong(value, "text", what);
	if (value.length > TEXT_CHARS_MAX) throw new WireError(`${what} has ${value.length} characters, at most ${TEXT_CHARS_MAX} are read`);
	return value;
}
function id(value, what) {
	if (typeof value !== "string" || !/^[0-9a-f]{32}$/.test(value)) throw wrong(value, "32 hexadecimal digits", what);
	return value;
}
function flag(value, what) {
	if (typeof value !== "boolean") throw wrong(value, "true or false", what);
	return value;
}
function number(value, what) {
	if (!Number.isSafeInteger(value) || value < 0) throw wrong(value, `a whole number up to ${NUMBER_MAX}`, what);
	return value;
}
function wrong(value, expected, what) {
	return new WireError(`${what} is ${String(typeof value === "object" ? value && "an object" : value).slice(0, 80)}, it must be ${expected}`);
}
// client/src/codec.ts
/** What a message of a server may weigh; a whole snapshot of 100 comments of 4,000 bytes has less than a tenth of it. */
var MESSAGE_BYTES_MAX = 8388608;
var json = {
	subprotocol: "live.v1.json",
	encode: (message) => JSON.stringify(message),
	decode(data) {
		if (typeof data !== "string") throw new WireError("a message in JSON must be text");
		bounded(data.length);
		return serverMessage(parsed(() => JSON.parse(data)));
	}
};
var msgpack = {
	subprotocol: "live.v1.msgpack",
	encode: (message) => pack(array(message)),
	decode(data) {
		if (!(data instanceof ArrayBuffer)) throw new WireError("a message in MessagePack must be bytes");
		bounded(data.byteLength);
		const elements = parsed(() => decoder.decode(data));
		if (!Array.isArray(elements) || !Number.isSafeInteger(elements[0])) throw new WireError("a message must be an array that begins with its number");
		const fields = FIELDS[elements[0]]?.(elements);
		return fields ? serverMessage(fields) : null;
	}
};
var decoder = new Decoder();
function bounded(bytes) {
	if (bytes > MESSAGE_BYTES_MAX) throw new WireError(`message is ${bytes} bytes, at most ${MESSAGE_BYTES_MAX} are read`);
}
function parsed(parse) {
	try {
		return parse();
	} catch (error) {
		throw new WireError(`not a message: ${error instanceof Error ? error.message : error}`);
	}
}
function array(message) {
	switch (message.type) {
		case "comment": return [
			0,
			message.ref,
			message.body
		];
		case "like": return [
			1,
			message.ref,
			bytes(message.id),
			message.stamp
		];
		case "unlike": return [
			2,
			message.ref,
			bytes(message.id),
			message.stamp
		];
		case "react": return [
			3,
			message.kind,
			message.count
		];
		case "delete": return [
			4,
			message.ref,
			bytes(message.id)
		];
		case "pin": return [
			5,
			message.ref,
			message.id && bytes(message.id)
		];
	}
}
/** The fields of each message, by its number. */
var FIELDS = [
	([, viewer, node, stream, placed, limits]) => {
		const [comment_bytes, comments_per_minute, tap_interval_ms, beat_ms] = elements(limits, "limits");
		return {
			type: "welcome",
			viewer,
			node,
			stream,
			placed,
			limits: {
				comment_bytes,
				comments_per_minute,
				tap_interval_ms,
				beat_ms
			}
		};
	},
	([, epoch, seq, partial, viewers, reactions, pinned, top, comments]) => ({
		type: "snapshot",
		epoch,
		seq,
		partial,
		viewers,
		reactions,
		pinned: pinned === null ? null : comment(pinned),
		top: each(top, comment),
		comments: each(comments, comment)
	}),
	([, epoch, from, seq, comments, likes, deleted, pinned, top, reactions, viewers, shown, total]) => ({
		type: "delta",
		epoch,
		from,
		seq,
		comments: each(comments, comment),
		likes: each(likes, (like) => {
			const [id, count] = elements(like, "likes");
			return [hex(id), count];
		}),
		deleted: each(deleted, hex),
		pinned: pinned === null ? void 0 : each(pinned, comment)[0] ?? null,
		top: top === null ? void 0 : each(top, comment),
		reactions,
		viewers,
		shown,
		total
	}),
	([, epoch, seq]) => ({
		type: "beat",
		epoch,
		seq
	}),
	([, ref, id, liked, stamp]) => ({
		type: "ack",
		ref,
		id: id === null ? null : hex(id),
		liked,
		stamp
	}),
	([, ref, code, message, retry_after_ms]) => ({
		type: "reject",
		ref,
		code,
		message,
		retry_after_ms
	}),
	([, url, after_ms]) => ({
		type: "move",
		url,
		after_ms
	})
];
function comment(value) {
	const [id, author, name, body, at, likes] = elements(value, "comment");
	return {
		id: hex(id),
		author,
		name,
		body,
		at,
		likes
	};
}
function each(value, of) {
	return elements(value, "list").map(of);
}
function elements(value, what) {
	if (!Array.isArray(value)) throw new WireError(`${what} must be an array`);
	return value;
}
/** What is not 16 bytes stays what it is, for the check behind to say what is wrong with it. */
function hex(value) {
	if (!(value instanceof Uint8Array)) return null;
	return Array.from(value, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
function bytes(id) {
	return Uint8Array.from({ length: id.length / 2 }, (_, at) => parseInt(id.slice(2 * at, 2 * at + 2), 16));
}
// client/src/places.ts
/** Addresses of nodes that may be asked. */
var NODES_MAX = 8;
/** Nodes that an answer may name: the one where the viewer belongs, and three to ask when it is gone. */
var NAMED_MAX = 4;
/** How long one of them may take to answer. */
var ANSWER_MS_MAX$2 = 3e3;
var Places = class {
	given;
	stream;
	viewer;
	around;
	/** Origins of HTTP, the one that is asked first in front. */
	nodes;
	closed = new AbortController();
	constructor(given, stream, viewer, around) {
		this.given = given;
		this.stream = stream;
		this.viewer = viewer;
		this.around = around;
		this.nodes = [...given];
	}
	/** Where this viewer belongs, or, if nobody says, a node that may take it. */
	async find() {
		for (const node of [...this.nodes]) {
			const url = await this.ask(node);
			if (url !== null) return url;
			this.nodes = [...this.nodes.filter((other) => other !== node), node];
		}
		return this.own();
	}
	/** The stream at the next address of those that the page gave, whoever the cluster thinks is right. */
	own() {
		return `${(this.nodes.find((node) => this.given.includes(node)) ?? this.given[0]).replace(/^http/, "ws")}/v1/streams/${this.stream}/live`;
	}
	/** Remembers the node of a WebSocket's address, to ask it when others do not answer. */
	learn(url) {
		const node = originOf(url);
		if (this.nodes.includes(node)) return;
		const learned = this.nodes.filter((other) => !this.given.includes(other));
		const oldest = this.nodes.length >= NODES_MAX ? learned[0] : void 0;
		this.nodes = [...this.nodes.filter((other) => other !== oldest), node];
	}
	close() {
		this.closed.abort();
	}
	async ask(node) {
		const patience = new AbortController();
		const give = () => patience.abort();
		const stop = this.around.after(ANSWER_MS_MAX$2, give);
		this.closed.signal.addEventListener("abort", give);
		try {
			const answer = await this.around.fetch(`${node}/v1/streams/${this.stream}/place?viewer=${this.viewer}`, patience.signal);
			if (!answer.ok) return null;
			const { url, others } = await answer.json();
			const named = [url, ...Array.isArray(others) ? others : []].filter(isSocket).slice(0, NAMED_MAX);
			for (const other of named) this.learn(other);
			return named[0] === url ? named[0] ?? null : null;
		} catch {
			return null;
		} finally {
			stop();
			this.closed.signal.removeEventListener("abort", give);
		}
	}
};
/** Whether this is the address of a WebSocket. */
function isSocket(url) {
	return typeof url === "string" && URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol);
}
/** The origin of HTTP of a WebSocket's address. */
function originOf(url) {
	return new URL(url.replace(/^ws/, "http")).origin;
}
// client/src/socket.ts
/** How long a connection may take until its welcome. */
var WELCOME_MS_MAX = 1e4;
/** Beats come no more often than this is believed: a wrong limit must not break every connection. */
var BEAT_MS_MIN = 500;
var Socket = class {
	codec;
	around;
	listener;
	url;
	/** When the welcome came. */
	welcomedAt = null;
	channel = null;
	heardAt;
	silenceMs;
	stopWatch = () => {};
	constructor(url, codec, around, listener, welcomeMsMax = WELCOME_MS_MAX) {
		this.codec = codec;
		this.around = around;
		this.listener = listener;
		this.url = url;
		this.heardAt = around.now();
		this.silenceMs = welcomeMsMax;
		try {
			this.open(url);
		} catch {
			this.stopWatch = around.after(0, () => this.end(null));
		}
	}
	open(url) {
		const channel = this.around.open(url, this.codec.subprotocol);
		channel.binaryType = "arraybuffer";
		channel.onmessage = ({ data }) => this.hear(data);
		channel.onclose = ({ reason }) => this.end(askedFor(reason));
		this.channel = channel;
		this.watch();
	}
	send(message) {
		this.channel?.send(this.codec.encode(message));
	}
	/** Leaves without a word to the listener. */
	leave() {
		this.stopWatch();
		const { channel } = this;
		this.channel = null;
		if (!channel) return;
		channel.onmessage = channel.onclose = null;
		channel.close();
	}
	/** Ends it because it cannot be right. */
	break() {
		this.end(null);
	}
	hear(data) {
		this.heardAt = this.around.now();
		let message;
		try {
			message = this.codec.decode(data);
		} catch {
			return this.break();
		}
		if (message === null) return;
		if (message.type === "welcome") {
			this.welcomedAt = this.heardAt;
			this.silenceMs = 2 * Math.max(BEAT_MS_MIN, message.limits.beatMs);
			this.stopWatch();
			this.watch();
		}
		this.listener.message(this, message);
	}
	/** A browser does not notice that nothing comes any more. */
	watch() {
		const left = this.heardAt + this.silenceMs - this.around.now();
		if (left <= 0) return this.break();
		this.stopWatch = this.around.after(left, () => this.watch());
	}
	end(askedMs) {
		this.leave();
		this.listener.ended(this, askedMs);
	}
};
// client/src/lifeline.ts
/** A connection that lives so long has worked: the next failure is the first one. */
var STEADY_MS = 5e3;
/** How long the new connection of a move may take: meanwhile the view stands still. */
var MOVE_MS_MAX = 5e3;
/** Frames of the old connection that are held back meanwhile; with more the move is given up. */
var HELD_MAX = 256;
/** The longest that a node may ask to wait with a move. */
var MOVE_AFTER_MS_MAX = 6e5;
var Lifeline = class {
	places;
	codec;
	around;
	owner;
	current = null;
	next = null;
	held = [];
	node = "";
	/** Where a node has told this viewer to go, and when. */
	target = null;
	/** Raised whenever a question for a place is not of interest any more. */
	attempt = 0;
	/** Whether the page's own address is tried without a question, because the place that was named did not work. */
	direct = false;
	waiting = "no";
	stopTimer = () => {};
	backoff;
	constructor(places, codec, around, owner) {
		this.places = places;
		this.codec = codec;
		this.around = around;
		this.owner = owner;
		this.backoff = new Backoff(() => around.random());
	}
	/** Connects; with a target, there. */
	start() {
		this.stop();
		this.owner.connection({ state: "connecting" });
		const { target } = this;
		this.target = null;
		if (target) return this.open(target.url);
		const attempt = ++this.attempt;
		const open = (url) => attempt === this.attempt && this.open(url);
		if (this.direct) open(this.places.own());
		else this.places.find().then(open);
	}
	/** Leaves all connections, and comes back with `start`. */
	stop() {
		this.attempt++;
		this.waiting = "no";
		this.stopTimer();
		this.next?.leave();
		this.current?.leave();
		if (this.current) this.owner.lost();
		this.next = this.current = null;
		this.held = [];
	}
	/** The network has come back: a wait that no server asked for is over. */
	online() {
		if (this.waiting === "yes") this.start();
	}
	/** The connection that takes writes; null while there is none. */
	get live() {
		return this.current?.welcomedAt == null ? null : this.current;
	}
	send(message) {
		this.live?.send(message);
	}
	/** Ends a connection on which something is wrong. */
	break() {
		this.current?.break();
	}
	/** The address of the node on which the view hangs. */
	get url() {
		return this.current?.url ?? null;
	}
	open(url) {
		this.current = this.connect(url);
	}
	connect(url, welcomeMsMax) {
		this.places.learn(url);
		const target = new URL(url);
		for (const [name, value] of this.owner.query()) target.searchParams.set(name, value);
		return new Socket(target.href, this.codec, this.around, {
			message: (socket, message) => this.message(socket, message),
			ended: (socket, askedMs) => this.ended(socket, askedMs)
		}, welcomeMsMax);
	}
	message(socket, message) {
		if (message.type === "move") return this.told(socket, message);
		if (message.type === "welcome") return this.welcomed(socket, message);
		if (socket.welcomedAt === null) return socket.break();
		const frame = message.type === "snapshot" || message.type === "delta" || message.type === "beat";
		if (!this.next || !frame) return this.owner.message(message);
		this.held.push(message);
		if (this.held.length > HELD_MAX) this.next.break();
	}
	welcomed(socket, welcome) {
		if (socket === this.next) {
			this.current?.leave();
			this.owner.lost();
			this.current = this.next;
			this.next = null;
			this.held = [];
		}
		this.direct = false;
		this.node = welcome.node;
		this.owner.connection({
			state: this.target ? "moving" : "live",
			node: welcome.node
		});
		this.awaitMove();
		this.owner.welcome(welcome);
	}
	told(socket, { url, afterMs }) {
		if (!isSocket(url)) return;
		const target = {
			url,
			at: this.around.now() + Math.min(afterMs, MOVE_AFTER_MS_MAX)
		};
		this.target = target;
		if (socket !== this.current || socket.welcomedAt === null) return;
		if (this.next) return;
		this.owner.connection({
			state: "moving",
			node: this.node
		});
		this.awaitMove();
	}
	awaitMove() {
		this.stopTimer();
		if (this.target) this.stopTimer = this.around.after(this.target.at - this.around.now(), () => this.move());
	}
	/** The resume point is chosen here. */
	move() {
		if (!this.target || !this.current || this.next) return;
		const { url } = this.target;
		this.target = null;
		this.next = this.connect(url, MOVE_MS_MAX);
	}
	ended(socket, askedMs) {
		if (socket === this.next) return this.moveFailed(askedMs);
		if (socket !== this.current) return;
		this.current = null;
		if (socket.welcomedAt !== null && this.around.now() - socket.welcomedAt >= STEADY_MS) this.backoff.reset();
		if (socket.welcomedAt === null && askedMs === null) this.direct = !this.direct;
		this.owner.lost();
		if (!this.next) this.retry(askedMs);
	}
	/** The old connection is as good as before, if it is still there. */
	moveFailed(askedMs) {
		this.next = null;
		const held = this.held.splice(0);
		if (!this.current) return this.retry(askedMs);
		this.owner.connection({
			state: this.target ? "moving" : "live",
			node: this.node
		});
		for (const frame of held) if (this.current) this.owner.message(frame);
		if (this.current) this.awaitMove();
	}
	retry(askedMs) {
		const now = this.around.now();
		const waitMs = this.target ? Math.max(this.target.at - now, this.backoff.wait(askedMs)) : this.backoff.wait(askedMs);
		this.waiting = askedMs === null && !this.target ? "yes" : "asked";
		this.owner.connection({
			state: "waiting",
			retryAt: now + waitMs
		});
		this.stopTimer();
		this.stopTimer = this.around.after(waitMs, () => this.start());
	}
};
// client/src/limits.ts
/** Taps that one message may report. */
var TAPS_PER_MESSAGE_MAX = 100;
/** Writes without an answer on one connection: with so many a node reads no further. */
var UNANSWERED_MAX = 32;
/** Comments that one question about likes may name. */
var LIKES_QUERY_IDS_MAX = 100;
/** How far a stamp may be ahead of the server's clock. */
var STAMP_AHEAD_MS_MAX = 6e4;
/** An answer comes within 10 s or the connection closes; two more for the way. */
var ANSWER_MS_MAX = 12e3;
// client/src/likes.ts
/** How long an answer may take: an owner that is down is 503 after 3 s. */
var ANSWER_MS_MAX$1 = 8e3;
var Likes = class {
	around;
	questions;
	asking = null;
	stopTimer = () => {};
	backoff;
	constructor(around, questions) {
		this.around = around;
		this.questions = questions;
		this.backoff = new Backoff(() => around.random());
	}
	/** Asks for all that is not known, after a time that keeps a crowd with the same question apart. */
	soon(waitMs) {
		if (this.asking) return;
		this.stopTimer();
		this.stopTimer = this.around.after(waitMs, () => void this.ask());
	}
	close() {
		this.stopTimer();
		this.asking?.abort();
		this.asking = null;
	}
	async ask() {
		const [address, rows] = [this.questions.address(), this.questions.untold().slice(-100)];
		if (address === null || rows.length === 0) return;
		const asked = rows.map((row) => ({
			row,
			words: row.like.words
		}));
		const asking = this.asking = new AbortController();
		const stop = this.around.after(ANSWER_MS_MAX$1, () => asking.abort());
		const answer = await this.fetch(`${address}&ids=${rows.map((row) => row.line.id).join(",")}`, asking.signal);
		stop();
		if (this.asking !== asking) return;
		this.asking = null;
		if (answer instanceof Set) {
			this.backoff.reset();
			for (const { row, words } of asked) row.like.tell(answer.has(row.line.id), words);
			this.questions.told();
			this.soon(0);
		} else this.soon(this.backoff.wait(answer));
	}
	/** The liked ids; or after how many milliseconds to ask again, null if nobody said. */
	async fetch(url, signal) {
		try {
			const answer = await this.around.fetch(url, signal);
			if (answer.ok) {
				const { liked } = await answer.json();
				return Array.isArray(liked) ? new Set(liked) : null;
			}
			const seconds = Number(answer.headers.get("retry-after") ?? NaN);
			return seconds >= 0 ? seconds * 1e3 : null;
		} catch {
			return null;
		}
	}
};
// client/src/outbox.ts
/** Writes that wait for a connection or for answers to earlier ones; one more is refused here. */
var WAITING_MAX = 200;
/** The longest wait that a server's `retry_after_ms` is believed. */
var RETRY_MS_MAX = 6e4;
var Outbox = class {
	session;
	/** By ref, in the order of writing. */
	entries = /* @__PURE__ */ new Map();
	written = 0;
	/** Refs begin with `session`, which no other session of this viewer has. */
	constructor(session) {
		this.session = session;
	}
	/** Whether one more may be written. */
	get full() {
		return this.entries.size >= 232;
	}
	get empty() {
		return this.entries.size === 0;
	}
	/** A ref that is unique for ever. */
	ref() {
		return `${this.session}-${++this.written}`;
	}
	add(write) {
		this.entries.set(write.ref, {
			write,
			tried: false,
			state: { at: "waiting" }
		});
	}
	/** Takes back the likes of this comment that were never sent, because a later word replaces them; their refs. */
	withdraw(id) {
		const unsent = [...this.entries.values()].filter(({ write, tried }) => (write.type === "like" || write.type === "unlike") && write.id === id && !tried);
		for (const { write } of unsent) this.entries.delete(write.ref);
		return unsent.map(({ write }) => write.ref);
	}
	/** The writes that may be sent now, which counts as done. */
	take(now) {
		const entries = [...this.entries.values()];
		const free = 32 - entries.filter(({ state }) => state.at === "sent").length;
		const ready = entries.filter(({ state }) => state.at === "waiting" || state.at === "later" && state.dueAt <= now).slice(0, Math.max(0, free));
		for (const entry of ready) {
			entry.state = {
				at: "sent",
				sentAt: now
			};
			entry.tried = true;
		}
		return ready.map(({ write }) => write);
	}
	/** The connection is gone: whatever was on its way is to be sent again. */
	lost() {
		for (const entry of this.entries.values()) if (entry.state.at === "sent") entry.state = { at: "waiting" };
	}
	/** Takes out a write that is answered for good. */
	answered(ref) {
		const entry = this.entries.get(ref);
		this.entries.delete(ref);
		return entry?.write ?? null;
	}
	/** The server asks for the same again after a time. */
	again(ref, afterMs, now) {
		const entry = this.entries.get(ref);
		if (entry) entry.state = {
			at: "later",
			dueAt: now + Math.min(afterMs, RETRY_MS_MAX)
		};
	}
	/** When the next write that was told to come later is due. */
	dueAt() {
		const due = [...this.entries.values()].flatMap(({ state }) => state.at === "later" ? state.dueAt : []);
		return due.length > 0 ? Math.min(...due) : null;
	}
	/** Since when the connection owes an answer. */
	owedSince() {
		const sent = [...this.entries.values()].flatMap(({ state }) => state.at === "sent" ? state.sentAt : []);
		return sent.length > 0 ? Math.min(...sent) : null;
	}
};
// client/src/pause.ts
/** How long a page stays connected while it is hidden: who only glances at another tab misses nothing. */
var HIDDEN_MS_MAX = 3e4;
/** When to look again while an answer is due. */
var BUSY_MS = 2e3;
var Pause = class {
	around;
	session;
	paused = false;
	stopTimer = () => {};
	stopListening;
	constructor(around, session) {
		this.around = around;
		this.session = session;
		this.stopListening = around.listen(() => this.seen(), () => session.online());
		this.seen();
	}
	close() {
		this.stopTimer();
		this.stopListening();
	}
	seen() {
		this.stopTimer();
		if (this.around.hidden()) this.stopTimer = this.around.after(HIDDEN_MS_MAX, () => this.rest());
		else if (this.paused) {
			this.paused = false;
			this.session.resume();
		}
	}
	rest() {
		if (this.paused) return;
		if (this.session.busy()) {
			this.stopTimer = this.around.after(BUSY_MS, () => this.rest());
			return;
		}
		this.paused = true;
		this.session.pause();
	}
};
// client/src/stamps.ts
/** The one key in the storage: one number for all streams and viewers, so that it cannot grow. */
var STORAGE_KEY = "watershed.stamp";
var Stamps = class {
	storage;
	now;
	last = 0;
	constructor(storage, now) {
		this.storage = storage;
		this.now = now;
	}
	next() {
		const stamp = Math.max(Math.floor(this.now()), this.last + 1, this.stored() + 1);
		this.seen(stamp);
		return stamp;
	}
	/** The server holds a register with this stamp: the next one is greater. */
	seen(stamp) {
		if (stamp <= this.last) return;
		this.last = stamp;
		try {
			this.storage?.setItem(STORAGE_KEY, String(stamp));
		} catch {}
	}
	/** What another tab or an earlier visit left. A clock that was far ahead then must not spoil every like for good. */
	stored() {
		try {
			const stamp = Number(this.storage?.getItem("watershed.stamp") ?? 0);
			return Number.isSafeInteger(stamp) && stamp > 0 && stamp <= this.now() + 6e4 ? stamp : 0;
		} catch {
			return 0;
		}
	}
};
// client/src/own_like.ts
/** The time in which all views agree after the last fault: then an acknowledged like is in the count. */
var SETTLES_MS = 5e3;
var OwnLike = class {
	/** Whether this viewer likes it, as last asked for. */
	liked;
	/** The count to show. */
	shown;
	/** Whether the server has told, or it is known otherwise, whether this viewer likes it. */
	told;
	/** Raised by each word of this viewer, so that an older answer to a question is known as such. */
	words = 0;
	/** When an answered word counts as settled, whatever comes; null while nothing is to be settled or an answer is due. */
	settlesAt = null;
	counted;
	/** The register as last told: of all answers, which come in any order, the one with the greatest stamp. */
	known;
	knownStamp = 0;
	/** Which states of this viewer's like the server's count may have in it. */
	mayHold;
	unanswered = [];
	/** Until when a frame may lack a word that was acknowledged. */
	doubtfulUntil = 0;
	constructor(count, told) {
		this.counted = this.shown = count;
		this.told = told;
		this.known = this.liked = false;
		this.mayHold = /* @__PURE__ */ new Set([false]);
	}
	/** The server's count, from a frame. */
	count(count) {
		this.counted = count;
		this.choose();
	}
	/** This viewer likes it, or does no longer. */
	ask(word) {
		this.words++;
		this.unanswered.push(word);
		this.mayHold.add(word.liked);
		this.settlesAt = null;
		this.want(word.liked);
	}
	/** The register of the server, in the answer to a word. Another device's later stamp may have won. */
	answer(ref, liked, stamp, now) {
		this.take(ref);
		this.told = true;
		this.mayHold.add(liked);
		if (stamp >= this.knownStamp) [this.known, this.knownStamp] = [liked, stamp];
		this.doubtfulUntil = now + SETTLES_MS;
		this.answered(now);
	}
	/** A word that will never count: refused for good, or taken back before it was sent. */
	refuse(ref, now) {
		this.take(ref);
		this.answered(now);
	}
	/** What the server says when it is asked; `words` is what this had when the question left. Never overrides a word. */
	tell(liked, words) {
		this.told = true;
		if (words !== this.words || this.unanswered.length > 0) return;
		this.known = this.liked = liked;
		if (this.settlesAt === null) this.settle();
	}
	/** The time is over in which a frame could still lack the last word. */
	settle() {
		this.settlesAt = null;
		this.mayHold = /* @__PURE__ */ new Set([this.known]);
		this.shown = this.counted;
	}
	answered(now) {
		this.want(this.last());
		if (this.unanswered.length === 0) this.settlesAt = Math.max(now, this.doubtfulUntil);
	}
	/** What counts in the end, if all that is unanswered is taken. */
	last() {
		const word = this.unanswered.at(-1);
		return word && word.stamp > this.knownStamp ? word.liked : this.known;
	}
	take(ref) {
		this.unanswered = this.unanswered.filter((word) => word.ref !== ref);
	}
	want(liked) {
		this.shown += Number(liked) - Number(this.liked);
		this.liked = liked;
		this.choose();
	}
	/** Of the counts that can be true, the one that is nearest to what is shown. */
	choose() {
		const distance = (count) => Math.abs(count - this.shown);
		const possible = [...this.mayHold].map((held) => Math.max(0, this.counted - Number(held) + Number(this.liked)));
		this.shown = possible.reduce((best, count) => distance(count) < distance(best) ? count : best);
	}
};
// client/src/row.ts
var DONE = { state: "done" };
/** A comment that has an id. */
var Row = class {
	like;
	key;
	line;
	/** Whether a frame has shown it; if not, it is this viewer's own, and acknowledged. */
	framed;
	/** Whether it is in the list: a comment may be on top or pinned and not be there. */
	listed = false;
	refused = null;
	own;
	last = null;
	constructor(line, key, own, framed, told) {
		this.line = line;
		this.key = key;
		this.own = own;
		this.framed = framed;
		this.like = new OwnLike(line.likes, told);
	}
	comment() {
		const { last, line, key, like, own, refused } = this;
		const { id, author, name, body, at } = line;
		const now = {
			key,
			id,
			author,
			name,
			body,
			at,
			likes: like.shown,
			liked: like.liked,
			own,
			sent: DONE,
			refused
		};
		return last && Object.keys(now).every((field) => now[field] === last[field]) ? last : this.last = now;
	}
};
/** A draft as it begins. */
function draft(ref, author, name, body, at) {
	return {
		ref,
		match: null,
		comment: {
			key: `own-${ref}`,
			id: null,
			author,
			name,
			body,
			at,
			likes: 0,
			liked: false,
			own: true,
			sent: { state: "sending" },
			refused: null
		}
	};
}
// client/src/state.ts
/** Rejected comments that wait to be sent again or dismissed; of more, the oldest are dismissed. */
var REJECTED_MAX = 20;
/** Comments that are most liked; a server tells no more today. */
var TOP_MAX = 5;
/** Deleted comments that are remembered, so that a late answer does not bring one back. */
var DELETED_MAX = 256;
var State = class {
	self;
	listMax;
	taps;
	point = null;
	connection = { state: "connecting" };
	limits = null;
	rows = /* @__PURE__ */ new Map();
	/** The list, oldest first. */
	list = [];
	top = [];
	pinned = null;
	drafts = [];
	deleted = /* @__PURE__ */ new Set();
	viewers = 0;
	reactions = /* @__PURE__ */ new Map();
	unseen = 0;
	partial = false;
	last = null;
	constructor(self, listMax, taps) {
		this.self = self;
		this.listMax = listMax;
		this.taps = taps;
	}
	/** Takes a frame; false if it does not continue what this has, so that the connection must be broken. */
	frame(frame, now) {
		const { point } = this;
		switch (frame.type) {
			case "snapshot":
				this.snapshot(frame, now);
				return true;
			case "delta":
				if (point?.epoch !== frame.epoch || point.seq !== frame.from) return false;
				this.delta(frame, now);
				return true;
			case "beat": return point === null || point.epoch === frame.epoch && point.seq === frame.seq;
		}
	}
	snapshot(frame, now) {
		const before = new Map(this.rows);
		const kept = this.list.filter((row) => !row.framed);
		this.rows.clear();
		this.list = [];
		this.point = {
			epoch: frame.epoch,
			seq: frame.seq
		};
		for (const line of frame.comments) this.append(line, false, before);
		this.top = frame.top.slice(0, TOP_MAX).map((line) => this.cover(line, false, before));
		this.pinned = frame.pinned && this.cover(frame.pinned, false, before);
		for (const row of kept) if (!row.framed) this.keep(row);
		({viewers: this.viewers, partial: this.partial} = frame);
		this.unseen = 0;
		this.count(frame.reactions, now, true);
		this.trim();
	}
	delta(frame, now) {
		this.point = {
			epoch: frame.epoch,
			seq: frame.seq
		};
		for (const line of frame.comments) this.append(line, true);
		const replaced = [...frame.top ? this.top : [], ...frame.pinned !== void 0 && this.pinned ? [this.pinned] : []];
		if (frame.top) this.top = frame.top.slice(0, TOP_MAX).map((line) => this.cover(line, false));
		if (frame.pinned !== void 0) this.pinned = frame.pinned && this.cover(frame.pinned, false);
		for (const row of replaced) this.release(row);
		for (const [id, count] of frame.likes) this.rows.get(id)?.like.count(count);
		for (const id of frame.deleted) this.remove(id);
		if (frame.reactions) this.count(frame.reactions, now, false);
		this.viewers = frame.viewers ?? this.viewers;
		this.unseen += frame.total - frame.shown;
		this.trim();
	}
	/** A comment that a frame shows, at the end of the list. `born` says that it is new to the world. */
	append(line, born, before) {
		const covered = this.rows.get(line.id);
		if (covered?.listed && !covered.framed) this.list.splice(this.list.indexOf(covered), 1);
		else if (covered?.listed) return;
		const row = this.cover(line, born, before);
		row.listed = true;
		this.list.push(row);
	}
	/** The one row of this comment, with the server's count. */
	cover(line, born, before) {
		let row = this.rows.get(line.id) ?? before?.get(line.id);
		if (row) {
			row.line = line;
			row.like.count(line.likes);
		} else {
			const own = line.author === this.self.viewer;
			row = new Row(line, own && this.match(line) || line.id, own, true, born);
		}
		row.framed = true;
		if (before?.delete(line.id)) row.listed = false;
		this.rows.set(line.id, row);
		return row;
	}
	/** The key of a draft that this comment seems to be: the answer, which may come later, will tell. */
	match(line) {
		const alike = this.drafts.find((draft) => draft.comment.sent.state === "sending" && !draft.match && cleaned(draft.comment.body) === line.body);
		if (!alike) return null;
		alike.match = line.id;
		return alike.comment.key;
	}
	/** An own comment that no frame has shown stays, beside those of its time. */
	keep(row) {
		const after = this.list.findIndex((listed) => listed.line.at > row.line.at);
		this.rows.set(row.line.id, row);
		this.list.splice(after < 0 ? this.list.length : after, 0, row);
	}
	remove(id) {
		this.deleted.add(id);
		for (const oldest of this.deleted) {
			if (this.deleted.size <= DELETED_MAX) break;
			this.deleted.delete(oldest);
		}
		const row = this.rows.get(id);
		if (!row) return;
		this.rows.delete(id);
		if (row.listed) this.list.splice(this.list.indexOf(row), 1);
		if (this.pinned === row) this.pinned = null;
		this.top = this.top.filter((top) => top !== row);
	}
	trim() {
		for (const row of this.list.splice(0, Math.max(0, this.list.length - this.listMax))) {
			row.listed = false;
			this.release(row);
		}
	}
	/** Forgets a comment that stands nowhere any more. */
	release(row) {
		if (!row.listed && this.pinned !== row && !this.top.includes(row)) this.rows.delete(row.line.id);
	}
	count(reactions, now, anew) {
		this.reactions = reactions;
		this.taps.counted(reactions, now, anew);
	}
	/** The row of a comment that the view covers. */
	row(id) {
		return this.rows.get(id);
	}
	/** Comments of which it is not known whether this viewer likes them. */
	untold() {
		return [...this.rows.values()].filter((row) => !row.like.told);
	}
	/** A new comment of this viewer; its key. */
	write(ref, body, now) {
		const own = draft(ref, this.self.viewer, this.self.name, body, now);
		this.drafts.push(own);
		return own.comment.key;
	}
	/** The body of a rejected comment, which is taken out. */
	dismiss(key) {
		const at = this.drafts.findIndex((draft) => draft.comment.key === key && draft.comment.sent.state === "rejected");
		return at < 0 ? null : this.drafts.splice(at, 1)[0].comment.body;
	}
	/** A comment of this viewer is stored under this id. */
	stored(ack) {
		const own = this.drafts.find((draft) => draft.ref === ack.ref);
		if (!own) return;
		const { match, comment } = own;
		this.drafts.splice(this.drafts.indexOf(own), 1);
		if (match !== ack.id) this.exchange(match, ack.id);
		if (!ack.id || match === ack.id || this.deleted.has(ack.id)) return;
		const { key, author, name, body, at } = comment;
		const framed = this.rows.get(ack.id);
		if (framed) {
			framed.key = key;
			return;
		}
		const row = new Row({
			id: ack.id,
			author,
			name,
			body: cleaned(body),
			at,
			likes: 0
		}, key, true, false, true);
		row.listed = true;
		this.rows.set(ack.id, row);
		this.list.push(row);
		this.trim();
	}
	/** A comment of this viewer is refused for good. */
	refuse(reject) {
		const own = this.drafts.find((draft) => draft.ref === reject.ref);
		if (!own) return;
		this.exchange(own.match, null);
		own.match = null;
		own.comment = {
			...own.comment,
			sent: {
				state: "rejected",
				code: reject.code,
				message: reject.message
			}
		};
		const rejected = this.drafts.filter((draft) => draft.comment.sent.state === "rejected");
		for (const old of rejected.slice(0, -20)) this.drafts.splice(this.drafts.indexOf(old), 1);
	}
	/** A draft had taken the wrong comment, or none. If another of the same words has taken the right one, they change. */
	exchange(wrong, right) {
		const other = this.drafts.find((draft) => right !== null && draft.match === right);
		if (other) other.match = wrong;
		const row = wrong === null ? void 0 : this.rows.get(wrong);
		if (row) row.key = other?.comment.key ?? row.line.id;
	}
	/** Ends the doubt about likes whose time is over; when the next one is due. */
	settle(now) {
		const due = [...this.rows.values()].flatMap(({ like }) => {
			if (like.settlesAt !== null && like.settlesAt <= now) like.settle();
			return like.settlesAt ?? [];
		});
		return due.length > 0 ? Math.min(...due) : null;
	}
	/** The view now: the same object, and the same objects below it, where nothing has changed. */
	view() {
		const { last, connection, viewers, unseen, partial, limits } = this;
		const drafts = this.drafts.filter((draft) => !draft.match).map((draft) => draft.comment);
		const shown = [...this.list.map((row) => row.comment()), ...drafts].slice(-this.listMax);
		const comments = kept(last?.comments, shown);
		const top = kept(last?.top, this.top.map((row) => row.comment()));
		const pinned = this.pinned?.comment() ?? null;
		const view = {
			connection,
			viewers,
			reactions: keptTallies(last?.reactions, this.taps.shown(this.reactions)),
			comments,
			pinned,
			top,
			unseen,
			partial,
			limits
		};
		return last && Object.keys(view).every((field) => view[field] === last[field]) ? last : this.last = view;
	}
};
/** The list before, if it has the same elements. */
function kept(before, now) {
	return before?.length === now.length && before.every((one, at) => one === now[at]) ? before : now;
}
function keptTallies(before, now) {
	return before && Object.keys(before).length === now.size && [...now].every(([kind, count]) => Object.hasOwn(before, kind) && before[kind] === count) ? before : Object.fromEntries(now);
}
/** As the server keeps a body: without the characters that override the direction of text. */
function cleaned(body) {
	return body.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");
}
// client/src/store.ts
var Store = class {
	read;
	report;
	view;
	listeners = /* @__PURE__ */ new Set();
	constructor(read, report) {
		this.read = read;
		this.report = report;
		this.view = read();
	}
	/** Bound, as is `getSnapshot`: both are handed to `useSyncExternalStore` as they are. */
	subscribe = (call) => {
		const listener = { call };
		this.listeners.add(listener);
		return () => void this.listeners.delete(listener);
	};
	getSnapshot = () => this.view;
	/** Something may have changed. */
	changed() {
		const view = this.read();
		if (view === this.view) return;
		this.view = view;
		for (const listener of [...this.listeners]) try {
			listener.call();
		} catch (error) {
			this.report(error);
		}
	}
};
// client/src/taps.ts
/** Kinds that are gathered at a time; a stream has at most 16 today. */
var KINDS_MAX = 16;
/** Taps of one kind that wait; more are dropped. Ten messages. */
var WAITING_MAX$1 = 1e3;
/** In a frame that comes so long after taps were sent they are counted, if they were not dropped. */
var FLIGHT_MS = 1e3;
var Taps = class {
	/** Not sent yet, the kind that waits longest first. */
	waiting = /* @__PURE__ */ new Map();
	/** Sent, and maybe not in a frame yet. */
	flights = [];
	/** What was shown last. */
	seen = /* @__PURE__ */ new Map();
	sentAt = -Infinity;
	tap(kind, count) {
		const whole = Math.floor(count);
		if (!(whole >= 1) || !this.waiting.has(kind) && this.waiting.size >= KINDS_MAX) return;
		const waiting = this.waiting.get(kind) ?? 0;
		const added = Math.min(whole, WAITING_MAX$1 - waiting);
		this.waiting.set(kind, waiting + added);
		this.seen.set(kind, (this.seen.get(kind) ?? 0) + added);
	}
	/** When the next message may be sent; null while nothing waits. */
	dueAt(intervalMs) {
		return this.waiting.size > 0 ? this.sentAt + intervalMs : null;
	}
	/** The next message, which is sent now. */
	take(now) {
		const [next] = this.waiting;
		if (!next) return null;
		const [kind, waiting] = next;
		const count = Math.min(waiting, 100);
		this.waiting.delete(kind);
		if (waiting > count) this.waiting.set(kind, waiting - count);
		this.sentAt = now;
		this.fly({
			kind,
			count,
			sentAt: now
		});
		return {
			kind,
			count
		};
	}
	/** Of one kind, flights of the same half second are one, and so are all that the next frame ends. */
	fly(flight) {
		const age = ({ sentAt }) => flight.sentAt - sentAt;
		const kin = this.flights.filter(({ kind }) => kind === flight.kind);
		const [recent] = kin.filter((other) => age(other) < FLIGHT_MS / 2);
		if (recent) recent.count += flight.count;
		else this.flights.push(flight);
		const [first, ...rest] = kin.filter((other) => age(other) >= FLIGHT_MS);
		for (const old of rest) first.count += old.count;
		this.flights = this.flights.filter((other) => !rest.includes(other));
	}
	/** The server has told its counts; `anew` after a gap, in which nothing is known of what was sent. */
	counted(reactions, now, anew) {
		this.flights = this.flights.filter(({ sentAt }) => !anew && now - sentAt < FLIGHT_MS);
		if (anew) this.seen = new Map(reactions);
	}
	/** What to show for the server's counts: of those that can be true, the one that is nearest to what was shown. */
	shown(reactions) {
		const shown = new Map(reactions);
		for (const kind of /* @__PURE__ */ new Set([...this.waiting.keys(), ...this.flights.map((flight) => flight.kind)])) {
			const least = (reactions.get(kind) ?? 0) + (this.waiting.get(kind) ?? 0);
			const most = this.flights.reduce((sum, flight) => flight.kind === kind ? sum + flight.count : sum, least);
			shown.set(kind, Math.min(most, Math.max(least, this.seen.get(kind) ?? least)));
		}
		this.seen = shown;
		return shown;
	}
};
// client/src/session.ts
/** How far viewers are spread who all ask for their likes because all got a snapshot. */
var LIKES_SPREAD_MS = 2e3;
var LOCALLY_FULL = {
	code: "overloaded",
	message: "too many of your writes are unanswered, no more are taken"
};
var Session = class {
	settings;
	around;
	subscribe;
	getSnapshot;
	taps = new Taps();
	outbox;
	stamps;
	state;
	store;
	lifeline;
	places;
	likes;
	pause;
	stopTimer = () => {};
	closed = false;
	constructor(settings, around) {
		this.settings = settings;
		this.around = around;
		const { stream, viewer, name, listMax, codec, nodes, storage } = settings;
		this.outbox = new Outbox(sessionId(() => around.random()));
		this.stamps = new Stamps(storage, () => around.now());
		this.state = new State({
			viewer,
			name
		}, listMax, this.taps);
		this.store = new Store(() => this.state.view(), (error) => around.report(error));
		({subscribe: this.subscribe, getSnapshot: this.getSnapshot} = this.store);
		this.places = new Places(nodes, stream, viewer, around);
		this.lifeline = new Lifeline(this.places, codec, around, {
			query: () => this.query(),
			connection: (connection) => this.connection(connection),
			welcome: (welcome) => this.welcome(welcome),
			message: (message) => message.type === "ack" || message.type === "reject" ? this.answer(message) : this.frame(message),
			lost: () => this.outbox.lost()
		});
		this.likes = new Likes(around, {
			address: () => this.lifeline.url && `${originOf(this.lifeline.url)}/v1/streams/${stream}/likes?viewer=${viewer}`,
			untold: () => this.state.untold(),
			told: () => this.store.changed()
		});
		this.pause = new Pause(around, {
			busy: () => !this.outbox.empty,
			pause: () => {
				this.lifeline.stop();
				this.connection({ state: "paused" });
			},
			resume: () => this.lifeline.start(),
			online: () => this.lifeline.online()
		});
		this.lifeline.start();
	}
	comment(body) {
		const ref = this.outbox.ref();
		const key = this.state.write(ref, body, this.around.now());
		this.write({
			type: "comment",
			ref,
			body
		}, (refusal) => this.state.refuse({
			ref,
			...refusal
		}));
		return key;
	}
	again(key) {
		const body = this.state.dismiss(key);
		if (body !== null) this.comment(body);
	}
	dismiss(key) {
		this.state.dismiss(key);
		this.store.changed();
	}
	like(id) {
		this.register(id, true);
	}
	unlike(id) {
		this.register(id, false);
	}
	react(kind, count = 1) {
		if (this.closed) return;
		this.taps.tap(kind, count);
		this.flush();
	}
	delete(id) {
		this.moderate({
			type: "delete",
			ref: this.outbox.ref(),
			id
		}, id);
	}
	pin(id) {
		this.moderate({
			type: "pin",
			ref: this.outbox.ref(),
			id
		}, id);
	}
	close() {
		if (this.closed) return;
		this.closed = true;
		this.stopTimer();
		this.pause.close();
		this.likes.close();
		this.places.close();
		this.lifeline.stop();
		this.connection({ state: "closed" });
	}
	register(id, liked) {
		const row = this.state.row(id);
		const ref = this.outbox.ref();
		const stamp = this.stamps.next();
		for (const unsent of this.outbox.withdraw(id)) row?.like.refuse(unsent, this.around.now());
		row?.like.ask({
			ref,
			liked,
			stamp
		});
		if (row) row.refused = null;
		this.write({
			type: liked ? "like" : "unlike",
			ref,
			id,
			stamp
		}, (refusal) => {
			row?.like.refuse(ref, this.around.now());
			if (row) row.refused = refusal;
		});
	}
	moderate(write, id) {
		const row = id === null ? void 0 : this.state.row(id);
		if (row) row.refused = null;
		this.write(write, (refusal) => {
			if (row) row.refused = refusal;
		});
	}
	/** Into the outbox, or refused here and now. */
	write(write, refuse) {
		if (this.closed || this.outbox.full) refuse(LOCALLY_FULL);
		else this.outbox.add(write);
		this.flush();
	}
	query() {
		const { viewer, name } = this.settings;
		const { point } = this.state;
		return new URLSearchParams({
			viewer,
			name,
			...point && { resume: `${point.epoch}:${point.seq}` }
		});
	}
	connection(connection) {
		this.state.connection = connection;
		this.store.changed();
	}
	welcome({ limits }) {
		this.state.limits = limits;
		this.likes.soon(0);
		this.flush();
	}
	frame(frame) {
		const first = this.state.point === null;
		if (!this.state.frame(frame, this.around.now())) return this.lifeline.break();
		if (frame.type !== "beat") this.likes.soon(first ? 0 : this.around.random() * LIKES_SPREAD_MS);
		this.flush();
	}
	answer(answer) {
		if (answer.type === "reject" && answer.retryAfterMs !== null && answer.ref !== null) {
			this.outbox.again(answer.ref, answer.retryAfterMs, this.around.now());
			return this.flush();
		}
		const write = answer.ref === null ? null : this.outbox.answered(answer.ref);
		if (write && answer.type === "ack") this.acknowledged(write, answer);
		if (write && answer.type === "reject") this.rejected(write, answer);
		this.flush();
	}
	acknowledged(write, ack) {
		if (write.type === "comment") this.state.stored(ack);
		if (ack.stamp === null || ack.liked === null || !(write.type === "like" || write.type === "unlike")) return;
		this.stamps.seen(ack.stamp);
		this.state.row(write.id)?.like.answer(write.ref, ack.liked, ack.stamp, this.around.now());
	}
	rejected(write, { code, message }) {
		if (write.type === "comment") return this.state.refuse({
			ref: write.ref,
			code,
			message
		});
		const row = write.id === null ? void 0 : this.state.row(write.id);
		if (!row) return;
		row.refused = {
			code,
			message
		};
		if (write.type === "like" || write.type === "unlike") row.like.refuse(write.ref, this.around.now());
	}
	/** Sends what may be sent, sets the timer to what is due next, and tells the page. */
	flush() {
		if (this.closed) return this.store.changed();
		const now = this.around.now();
		const due = [this.state.settle(now)];
		const intervalMs = this.state.limits?.tapIntervalMs ?? 0;
		if (this.lifeline.live) {
			const owed = this.outbox.owedSince();
			if (owed !== null && now - owed >= 12e3) return this.lifeline.break();
			for (const write of this.outbox.take(now)) this.lifeline.send(write);
			const tapsAt = this.taps.dueAt(intervalMs);
			const taps = tapsAt !== null && tapsAt <= now ? this.taps.take(now) : null;
			if (taps) this.lifeline.send({
				type: "react",
				...taps
			});
			const owedSince = this.outbox.owedSince();
			due.push(this.outbox.dueAt(), this.taps.dueAt(intervalMs), owedSince !== null ? owedSince + ANSWER_MS_MAX : null);
		}
		this.stopTimer();
		const next = Math.min(...due.map((at) => at ?? Infinity));
		if (next < Infinity) this.stopTimer = this.around.after(next - now, () => this.flush());
		this.store.changed();
	}
};
/** Where each session's refs begin: 80 random bits. */
function sessionId(random) {
	return Array.from({ length: 16 }, () => Math.floor(random() * 32).toString(32)).join("");
}
// client/src/live.ts
var LIST_MAX = 200;
var NAME_BYTES_MAX = 128;
/** The same with a browser of one's own. */
function watchIn(options, around) {
	const { stream, viewer, name = viewer, listMax = LIST_MAX, storage } = options;
	for (const [what, value] of Object.entries({
		stream,
		viewer
	})) if (!/^[A-Za-z0-9._-]{1,64}$/.test(value)) throw new TypeError(`${what} is "${value}", 1 to 64 of A-Z a-z 0-9 . _ - are allowed`);
	const bytes = new TextEncoder().encode(name).length;
	if (bytes < 1 || bytes > NAME_BYTES_MAX) throw new TypeError(`name is ${bytes} bytes, 1 to ${NAME_BYTES_MAX} fit`);
	if (!Number.isInteger(listMax) || listMax < 1) throw new TypeError(`listMax is ${listMax}, it must be a whole number from 1 on`);
	return new Session({
		nodes: nodes(options.url ?? around.origin() ?? ""),
		stream,
		viewer,
		name,
		codec: options.encoding === "json" ? json : msgpack,
		listMax,
		storage: storage === void 0 ? around.storage() : storage
	}, around);
}
/** The origins of HTTP. */
function nodes(given) {
	const origins = (typeof given === "string" || given instanceof URL ? [given] : given).map((url) => {
		if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) throw new TypeError(`url is "${url}", it must be of http: or https:`);
		return new URL(url).origin;
	});
	if (origins.length === 0) throw new TypeError("url is an empty list, one address is needed");
	return [...new Set(origins)];
}
export { ANSWER_MS_MAX, Backoff, HIDDEN_MS_MAX, LIKES_QUERY_IDS_MAX, Outbox, OwnLike, Places, REJECTED_MAX, SETTLES_MS, STAMP_AHEAD_MS_MAX, STORAGE_KEY, Stamps, State, Store, TAPS_PER_MESSAGE_MAX, Taps, UNANSWERED_MAX, WAITING_MAX, WireError, askedFor, json, msgpack, pack, serverMessage, watchIn };
