// client/src/live.ts
function e(e) {
	throw Error("not written yet");
}
export { e as watch };
