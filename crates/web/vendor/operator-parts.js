// pages/operator/sample.ts
/** Makes a sample of an answer. Throws an `Error` that names the field and what stands there. */
function sample(answer, receivedAt) {
	const top = fields(answer, "the answer");
	if (!Array.isArray(top.nodes)) throw wrong("nodes", top.nodes, "a list");
	const root = top.root == null ? null : fields(top.root, "root");
	return {
		at: number$1(top.at, "at") ?? receivedAt,
		cluster: text(top.name, "name"),
		mapEpoch: needed(number$1(top.map_epoch, "map_epoch"), "map_epoch"),
		slots: number$1(top.slots, "slots"),
		root: root && {
			node: needed(text(root.node, "root.node"), "root.node"),
			epoch: needed(number$1(root.epoch, "root.epoch"), "root.epoch")
		},
		nodes: top.nodes.map(node)
	};
}
/** A figure of a node, null where it did not answer or does not count it. */
function figure(node, name) {
	return node.figures?.[name] ?? null;
}
/** The nodes of one role, by name: b2 before b10. */
function ofRole(sample, role) {
	const byName = (a, b) => a.name.localeCompare(b.name, "en", { numeric: true });
	return sample.nodes.filter((node) => node.role === role).sort(byName);
}
function node(value) {
	const of = fields(value, "a node");
	const name = needed(text(of.node, "node"), "node");
	const epochs = of.slot_epochs == null ? null : fields(of.slot_epochs, `slot_epochs of ${name}`);
	return {
		name,
		role: oneOf(of.role, [
			"broadcast",
			"processor",
			"merger"
		], `role of ${name}`),
		url: text(of.url, `url of ${name}`) ?? "",
		state: oneOf(of.state, [
			"alive",
			"silent",
			"dead"
		], `state of ${name}`),
		silentMs: number$1(of.silent_ms, `silent_ms of ${name}`),
		beatMs: number$1(of.beat_ms, `beat_ms of ${name}`),
		ready: typeof of.ready === "boolean" ? of.ready : null,
		missing: text(of.missing, `missing of ${name}`),
		work: text(of.work, `work of ${name}`),
		slots: number$1(of.slots, `slots of ${name}`),
		slotEpochs: epochs && {
			min: needed(number$1(epochs.min, "min"), `slot_epochs.min of ${name}`),
			max: needed(number$1(epochs.max, "max"), `slot_epochs.max of ${name}`)
		},
		ringShare: number$1(of.ring_share, `ring_share of ${name}`),
		fedBy: text(of.fed_by, `fed_by of ${name}`),
		figures: of.figures == null ? null : numbers(fields(of.figures, `figures of ${name}`)),
		slowest: Array.isArray(of.slowest) ? of.slowest.map((slow) => slowOne(slow, name)) : []
	};
}
function slowOne(value, node) {
	const of = fields(value, `slowest of ${node}`);
	return {
		viewer: needed(text(of.viewer, "viewer"), `slowest.viewer of ${node}`),
		stream: needed(text(of.stream, "stream"), `slowest.stream of ${node}`),
		behindFrames: number$1(of.behind_frames, `behind_frames of ${node}`),
		stalledMs: number$1(of.stalled_ms, `stalled_ms of ${node}`),
		grade: text(of.grade, `grade of ${node}`)
	};
}
function numbers(of) {
	const kept = Object.entries(of).filter((entry) => Number.isFinite(entry[1]));
	return Object.assign(Object.create(null), Object.fromEntries(kept));
}
function fields(value, name) {
	if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(name, value, "an object");
	return value;
}
function number$1(value, name) {
	if (value == null) return null;
	if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(name, value, "a number");
	return value;
}
function text(value, name) {
	if (value == null) return null;
	if (typeof value !== "string") throw wrong(name, value, "text");
	return value;
}
function oneOf(value, words, name) {
	const found = words.find((word) => word === value);
	if (found === void 0) throw wrong(name, value, `one of ${words.join(", ")}`);
	return found;
}
function needed(value, name) {
	if (value === null) throw new Error(`${name} is missing`);
	return value;
}
function wrong(name, value, right) {
	return /* @__PURE__ */ new Error(`${name} is ${JSON.stringify(value)?.slice(0, 40)}, ${right} is expected`);
}
// pages/operator/chips.ts
/** Sizes of chips, and how many stand below each other; of the smallest, more stand side by side. */
var SIZES = {
	large: {
		width: 176,
		height: 66,
		gap: 12,
		rows: 5
	},
	middle: {
		width: 150,
		height: 40,
		gap: 8,
		rows: 10
	},
	small: {
		width: 92,
		height: 24,
		gap: 4,
		rows: 15
	}
};
/** The largest size at which so many nodes in so many levels find room. */
function sizeFor(nodes, levels) {
	if (nodes <= SIZES.large.rows && levels <= 2) return "large";
	return nodes <= SIZES.middle.rows && levels <= 3 ? "middle" : "small";
}
/** How much room chips take together. */
function stack(nodes, size) {
	const { width, height, gap, rows } = SIZES[size];
	const columns = Math.max(1, Math.ceil(nodes.length / rows));
	const inColumn = Math.ceil(nodes.length / columns);
	return {
		width: columns * (width + gap) - gap,
		height: Math.max(0, inColumn * (height + gap) - gap)
	};
}
/** Puts chips into as few columns as they need, in the middle of the height there is. */
function place(nodes, size, x, top, inner) {
	const { width, height, gap, rows } = SIZES[size];
	const whole = stack(nodes, size);
	const columns = Math.max(1, Math.ceil(nodes.length / rows));
	const inColumn = Math.max(1, Math.ceil(nodes.length / columns));
	const y = top + (inner - whole.height) / 2;
	return {
		chips: nodes.map((node, i) => ({
			node,
			size,
			width,
			height,
			x: x + Math.floor(i / inColumn) * (width + gap),
			y: y + i % inColumn * (height + gap)
		})),
		width: whole.width
	};
}
// pages/operator/format.ts
var DASH = "–";
var whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
var one = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
var two = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });
var short = new Intl.NumberFormat("en", {
	notation: "compact",
	maximumFractionDigits: 1
});
/** 5,012, and from a million on 1.2M. */
function count(value) {
	if (value === null) return DASH;
	return value < 1e6 ? whole.format(value) : short.format(value);
}
/** A rate: 0.4, 9.8, 61, 5,012. */
function rate(value) {
	if (value === null) return DASH;
	return value > 0 && value < 9.95 ? one.format(value) : count(value);
}
/** A rate where there is little room: 9,832, then 32.8K. */
function compact(value, from = 1e4) {
	if (value === null) return DASH;
	return value < from ? rate(value) : short.format(value);
}
/** How many go into one: 1.15, 24.6, 402. */
function factor(value) {
	if (value === null) return DASH;
	if (value < 9.95) return two.format(value);
	return value < 99.5 ? one.format(value) : compact(value);
}
/** 22.6%. */
function share(value) {
	return value === null ? DASH : `${one.format(value * 100)}%`;
}
/** Milliseconds, with as many digits as matter: 0.38 ms, 12 ms, 1.4 s. */
function milliseconds(value) {
	if (value === null) return DASH;
	if (value >= 1e3) return `${one.format(value / 1e3)} s`;
	return `${value < 10 ? two.format(value) : whole.format(value)} ms`;
}
/** Bytes by powers of 1,024: 26.4 MiB. */
function bytes(value) {
	if (value === null) return DASH;
	const units = [
		"bytes",
		"KiB",
		"MiB",
		"GiB",
		"TiB"
	];
	const power = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, value)) / 10));
	return `${one.format(value / 1024 ** power)} ${units[power]}`;
}
/** How long something has been so: 42 s, 3 min, 5 h, 12 d. */
function duration(seconds) {
	if (seconds === null) return DASH;
	const [unit, size] = [
		["d", 86400],
		["h", 3600],
		["min", 60]
	].find(([, size]) => seconds >= size * 2) ?? ["s", 1];
	return `${whole.format(Math.floor(seconds / size))} ${unit}`;
}
/** The time of day here: 12:03:11. */
function clock(at) {
	const date = new Date(at);
	return [
		date.getHours(),
		date.getMinutes(),
		date.getSeconds()
	].map((part) => String(part).padStart(2, "0")).join(":");
}
// pages/operator/rates.ts
/** Counters that grow while a node of the role does anything: if one of them fell, the node has begun anew. */
var WITNESSES = {
	broadcast: [
		"uptime_s",
		"frames_written",
		"frames_in",
		"writes_in",
		"messages_in",
		"joined"
	],
	processor: [
		"uptime_s",
		"writes_in",
		"commits",
		"reports_out"
	],
	merger: [
		"uptime_s",
		"frames_out",
		"reports_in",
		"tallies_in"
	]
};
/**
* The rates of every node that has any, over the samples given, oldest first, or as much of them as the node has answered
* without a break and without beginning anew.
*/
function rates(samples) {
	const newest = samples.at(-1);
	const found = /* @__PURE__ */ new Map();
	for (const node of newest?.nodes ?? []) {
		const rate = ratesOf(node.name, samples);
		if (rate) found.set(node.name, rate);
	}
	return found;
}
function ratesOf(name, samples) {
	let first = null;
	let last = null;
	for (const sample of samples.toReversed()) {
		const node = sample.nodes.find((node) => node.name === name);
		if (!node?.figures) break;
		if (first && (sample.at >= first.at || beganAnew(node, first.node))) break;
		first = {
			at: sample.at,
			node
		};
		last ??= first;
	}
	return first && last && first !== last ? between(first.node, last.node, (last.at - first.at) / 1e3) : null;
}
/** Whether a node's process, or its term as the root, is another one in the second sample. */
function beganAnew(before, after) {
	return WITNESSES[after.role].some((name) => (after.figures?.[name] ?? 0) < (before.figures?.[name] ?? 0));
}
function between(before, after, seconds) {
	const growth = (counter) => {
		const now = after.figures?.[counter];
		return now === void 0 ? null : Math.max(0, now - (before.figures?.[counter] ?? 0));
	};
	return {
		seconds,
		perS: (counter) => {
			const grown = growth(counter);
			return grown === null ? null : grown / seconds;
		},
		perOne: (counter, other) => {
			const [over, under] = [growth(counter), growth(other)];
			return over === null || !under ? null : over / under;
		}
	};
}
// pages/operator/events.ts
/** What the first sample tells: who is away, and since when where its last heartbeat says so. */
function remember(sample) {
	const away = sample.nodes.filter((node) => node.state !== "alive");
	return { away: new Map(away.map((node) => [node.name, { since: lastBeat(node, sample.at) }])) };
}
/**
* Tells what changed from one sample to the next. Where another node has answered, which may have gathered its figures
* earlier, counters say nothing: `sameSource` is false.
*/
function follow(memory, before, after, sameSource = true) {
	const away = new Map(memory.away);
	const past = new Map(before.nodes.map((node) => [node.name, node]));
	const events = after.nodes.flatMap((node) => {
		const was = past.get(node.name);
		if (was) return ofNode(was, node, away, {
			at: after.at,
			sameSource
		});
		return [event(after.at, node, "plain", `${node.name} joined, a ${node.role}`)];
	});
	return {
		memory: { away },
		events: [
			...events,
			...ofMap(before, after),
			...ofPlaces(before, after)
		]
	};
}
function ofNode(was, node, away, when) {
	const { at } = when;
	const gone = away.get(node.name);
	if (node.state === "dead") {
		if (was.state === "dead") return [];
		away.set(node.name, { since: gone?.since ?? lastBeat(node, at) ?? at });
		return [event(at, node, "bad", `${node.name} died${meaning(node)}`)];
	}
	if (node.state === "silent") {
		if (was.state !== "alive") return [];
		away.set(node.name, { since: gone?.since ?? lastBeat(node, at) ?? at });
		return [event(at, node, "bad", `${node.name} is silent: no heartbeat for ${milliseconds(node.silentMs)}`)];
	}
	return alive(was, node, away, when);
}
function alive(was, node, away, { at, sameSource }) {
	const gone = away.get(node.name);
	const told = [];
	if (was.state === "dead") told.push(event(at, node, "plain", `${node.name} has started again`));
	else if (was.state === "alive" && sameSource && restarted(was, node)) told.push(event(at, node, "bad", `${node.name} began anew between two answers`));
	if (was.state !== "alive" && !gone) away.set(node.name, { since: null });
	const back = away.get(node.name);
	if (back && node.ready === true) {
		away.delete(node.name);
		told.push(event(at, node, "good", returned(node, back.since === null ? null : at - back.since)));
	}
	return told;
}
function lastBeat(node, at) {
	const ago = node.beatMs ?? node.silentMs;
	return ago === null ? null : at - ago;
}
/** A merger's counters also begin anew when it becomes the root: that is told as such. */
function restarted(was, node) {
	return node.role !== "merger" && was.figures !== null && node.figures !== null && beganAnew(was, node);
}
/** What a death means for viewers. */
function meaning(node) {
	if (node.role === "processor" && node.slots !== null) return `: its ${count(node.slots)} slots are unavailable, writes to them are refused with a time to retry`;
	return node.role === "broadcast" ? ": its viewers go to other nodes" : "";
}
function returned(node, awayMs) {
	const after = awayMs === null ? "" : ` after ${milliseconds(Math.max(0, awayMs))}`;
	if (node.role === "processor") return `${node.name} is back: its ${count(node.slots)} slots are available again${after}`;
	return `${node.name} is back${after}`;
}
function ofMap(before, after) {
	const told = [];
	const tell = (node, tone, text) => told.push({
		at: after.at,
		node,
		tone,
		text
	});
	const { root } = after;
	const rootMoved = root !== null && (root.node !== before.root?.node || root.epoch !== before.root.epoch);
	if (rootMoved) tell(root.node, "good", `${root.node} became the root (epoch ${root.epoch})`);
	else if (!root && before.root) tell(null, "bad", "there is no root");
	if (after.mapEpoch !== before.mapEpoch && !rootMoved) tell(null, "plain", `the map has epoch ${after.mapEpoch}`);
	return told;
}
/** Slots that moved, and nodes that take their frames from elsewhere; that all follow a new root need not be told. */
function ofPlaces(before, after) {
	const past = new Map(before.nodes.map((node) => [node.name, node]));
	const isMerger = (name) => past.get(name)?.role === "merger";
	return after.nodes.flatMap((node) => {
		const was = past.get(node.name);
		if (was && was.slots !== null && node.slots !== null && was.slots !== node.slots) return [event(after.at, node, "plain", `${node.name} owns ${count(node.slots)} slots now, before ${count(was.slots)}`)];
		if (!was?.fedBy || !node.fedBy || was.fedBy === node.fedBy || isMerger(was.fedBy) && isMerger(node.fedBy)) return [];
		return [event(after.at, node, "plain", `${node.name} takes its frames from ${node.fedBy} now, before from ${was.fedBy}`)];
	});
}
function event(at, node, tone, text) {
	return {
		at,
		node: node.name,
		tone,
		text
	};
}
// pages/operator/flow.ts
/** Sums what nodes did. */
function flow(sample, rates) {
	const sum = (role, counter) => {
		const known = ofRole(sample, role).flatMap((node) => rates.get(node.name)?.perS(counter) ?? []);
		return known.length === 0 ? null : known.reduce((a, b) => a + b);
	};
	const viewers = ofRole(sample, "broadcast").flatMap((node) => figure(node, "viewers") ?? []);
	const commits = sum("processor", "commits");
	return {
		viewers: viewers.length === 0 ? null : viewers.reduce((a, b) => a + b),
		writes: sum("broadcast", "writes_in"),
		batches: sum("broadcast", "batches_out"),
		writesOwned: sum("processor", "writes_in"),
		likes: sum("processor", "likes_in"),
		commits,
		commitMs: scaled(ratio(sum("processor", "commit_microseconds"), commits), 1 / 1e3),
		talliesUp: sum("processor", "tallies_out"),
		reports: sum("processor", "reports_out"),
		comments: sum("merger", "comments_in"),
		talliesIn: sum("merger", "tallies_in"),
		talliesOut: sum("merger", "tallies_out"),
		frames: sum("merger", "frames_out"),
		framesToNodes: sum("broadcast", "frames_in"),
		deliveries: sum("broadcast", "frames_written"),
		merged: sum("broadcast", "ranges_written"),
		bytes: sum("broadcast", "bytes_written")
	};
}
/** All stages, as a like and its count travel. */
function stages(flow) {
	const narrows = (key, words, into, out) => ({
		key,
		narrows: true,
		words,
		into,
		out,
		factor: ratio(into, out),
		carried: null
	});
	const widens = (key, words, into, out) => ({
		key,
		narrows: false,
		words,
		into,
		out,
		factor: ratio(out, into),
		carried: null
	});
	return [
		narrows("batches", "writes in one batch", flow.writes, flow.batches),
		narrows("commits", "writes in one sync to disk", flow.writesOwned, flow.commits),
		{
			...narrows("tallies", "likes in one count", flow.likes, flow.talliesUp),
			carried: {
				perS: flow.reports,
				words: "reports"
			}
		},
		{
			...narrows("counts", "counts merged into one", flow.talliesIn, flow.talliesOut),
			carried: {
				perS: flow.frames,
				words: "frames"
			}
		},
		narrows("reports", "reports in one frame", flow.reports, flow.frames),
		widens("spread", "nodes for each frame", flow.frames, flow.framesToNodes),
		widens("fanout", "viewers on each node", flow.framesToNodes, flow.deliveries)
	];
}
function ratio(over, under) {
	return over === null || !under ? null : over / under;
}
function scaled(value, by) {
	return value === null ? null : value * by;
}
// pages/operator/history.ts
/** The points of one plot: about as many as it is wide. */
var POINTS_MAX = 300;
/** How many points of the fine history make one of the coarse. */
var FOLDED = 6;
/** The figures that are plotted. */
var SERIES = [
	"viewers",
	"likes",
	"comments",
	"frames",
	"deliveries",
	"commitMs",
	"merged",
	"shed"
];
/** Both histories. */
var History = class {
	fine = points();
	coarse = points();
	#unfolded = points();
	/** Adds a moment. */
	push(atMs, moment) {
		add(this.fine, atMs / 1e3, moment);
		add(this.#unfolded, atMs / 1e3, moment);
		if (this.#unfolded.at.length < 6) return;
		add(this.coarse, this.#unfolded.at.at(-1) ?? 0, mean(this.#unfolded));
		this.#unfolded = points();
	}
};
function points() {
	return {
		at: [],
		values: Object.fromEntries(SERIES.map((name) => [name, []]))
	};
}
function add(to, at, moment) {
	const last = to.at.at(-1);
	if (last !== void 0 && at <= last) return;
	to.at.push(at);
	for (const name of SERIES) to.values[name].push(moment[name]);
	if (to.at.length <= 300) return;
	to.at.shift();
	for (const name of SERIES) to.values[name].shift();
}
function mean(of) {
	const means = SERIES.map((name) => {
		const known = of.values[name].filter((value) => value !== null);
		return [name, known.length === 0 ? null : known.reduce((a, b) => a + b) / known.length];
	});
	return Object.fromEntries(means);
}
// pages/operator/shed.ts
var KINDS = [
	refusal("broadcast", "joins_refused", "viewers told when to come again"),
	refusal("broadcast", "joins_full", "viewers who found all nodes full"),
	lesser("broadcast", "joins_sent_on", "viewers sent on to another node"),
	refusal("broadcast", "writes_refused", "writes refused by a busy broadcast node"),
	refusal("broadcast", "writes_rejected", "writes refused, by a broadcast node or an owner"),
	part("broadcast", "writes_unavailable", "writes refused as their owner was away"),
	part("broadcast", "writes_overloaded", "writes refused as too many waited"),
	part("broadcast", "writes_unknown", "writes refused as no answer came in time"),
	refusal("broadcast", "refused_rate_limited", "writes beyond what one viewer may in a minute"),
	refusal("broadcast", "refused_unanswered", "writes with too many of the viewer unanswered"),
	refusal("broadcast", "refused_invalid", "messages refused for what they say"),
	refusal("broadcast", "taps_dropped", "taps dropped of too many streams or kinds"),
	lesser("broadcast", "ranges_written", "frames merged into one, for who is behind"),
	part("broadcast", "samples_written", "merged frames with comments left out and counted"),
	refusal("broadcast", "closed_stalled", "viewers closed who took nothing"),
	refusal("broadcast", "closed_held", "viewers closed who kept too many bytes"),
	refusal("broadcast", "closed_full", "viewers closed while too many waited for a seat"),
	refusal("broadcast", "closed_protocol", "viewers closed who broke the protocol"),
	refusal("processor", "writes_crowded_out", "writes refused for want of memory"),
	refusal("processor", "viewers_turned_away", "likes refused beyond the most viewers"),
	refusal("processor", "commit_disk_full", "commits that found the disk full"),
	lesser("merger", "comments_unshown", "comments left out of frames and counted")
];
/** Every kind that some node counts. */
function sheds(sample, rates) {
	return KINDS.flatMap(({ role, counter, words, refuses }) => {
		const nodes = ofRole(sample, role).filter((node) => figure(node, counter) !== null);
		if (nodes.length === 0) return [];
		const perS = nodes.flatMap((node) => rates.get(node.name)?.perS(counter) ?? []);
		const most = nodes.reduce((a, b) => (figure(b, counter) ?? 0) > (figure(a, counter) ?? 0) ? b : a);
		const total = nodes.reduce((sum, node) => sum + (figure(node, counter) ?? 0), 0);
		return [{
			counter,
			words,
			refuses,
			perS: perS.length === 0 ? null : perS.reduce((a, b) => a + b),
			total,
			most: total > 0 ? most.name : null
		}];
	});
}
/** How many were told no, a second. */
function refused(sheds) {
	const known = sheds.filter((shed) => shed.refuses).flatMap((shed) => shed.perS ?? []);
	return known.length === 0 ? null : known.reduce((a, b) => a + b);
}
function refusal(role, counter, words) {
	return {
		role,
		counter,
		words,
		refuses: true
	};
}
/** What another kind counts too. */
function part(role, counter, words) {
	return {
		role,
		counter,
		words,
		refuses: false
	};
}
function lesser(role, counter, words) {
	return {
		role,
		counter,
		words,
		refuses: false
	};
}
// pages/operator/state.ts
/** Lines of the list of events. */
var EVENTS_MAX = 100;
function begin(origin) {
	return {
		latest: null,
		events: [],
		history: new History(),
		asked: origin,
		failure: null,
		locked: "no",
		memory: { away: /* @__PURE__ */ new Map() },
		samples: []
	};
}
/** Takes in what the source has seen. */
function take(shown, seen) {
	switch (seen.kind) {
		case "locked": return {
			...shown,
			asked: seen.from,
			locked: seen.wrong ? "wrong" : "needed"
		};
		case "failed": return {
			...shown,
			asked: seen.from,
			failure: `${nameOf(seen.from, shown.latest?.sample ?? null)} ${seen.why}`
		};
		case "sample": return answered(shown, seen.sample, seen.from, seen.receivedAt);
	}
}
/** The name of the node at an address, else the address. */
function nameOf(url, sample) {
	return sample?.nodes.find((node) => node.url === url)?.name ?? url.replace(/^https?:\/\//, "");
}
function answered(shown, sample, from, receivedAt) {
	const before = shown.latest;
	if (before !== null && before.from === from && sample.at === before.sample.at) return {
		...shown,
		latest: {
			...before,
			receivedAt
		},
		failure: null,
		locked: "no"
	};
	const moved = before !== null && before.from !== from;
	const samples = moved ? [sample] : [...shown.samples, sample].slice(-6);
	const told = before === null ? {
		memory: remember(sample),
		events: []
	} : follow(shown.memory, before.sample, sample, !moved);
	const asked = moved ? [askedInstead(before, sample, from)] : [];
	const perNode = rates(samples);
	const total = flow(sample, perNode);
	const shed = sheds(sample, perNode);
	plot(shown.history, samples, sample);
	return {
		...shown,
		latest: {
			sample,
			from,
			receivedAt,
			rates: perNode,
			flow: total,
			stages: stages(total),
			sheds: shed
		},
		events: [...told.events, ...asked].toReversed().concat(shown.events).slice(0, EVENTS_MAX),
		memory: told.memory,
		samples,
		asked: from,
		failure: null,
		locked: "no"
	};
}
/** Plots show each second by itself. */
function plot(history, samples, sample) {
	const perNode = rates(samples.slice(-2));
	history.push(sample.at, {
		...flow(sample, perNode),
		shed: refused(sheds(sample, perNode))
	});
}
function askedInstead(before, sample, from) {
	const text = `${nameOf(before.from, sample)} does not answer this page: ${nameOf(from, sample)} is asked instead`;
	return {
		at: sample.at,
		node: null,
		tone: "plain",
		text
	};
}
// pages/operator/story.ts
/** The sentence. */
function story(flow) {
	if (flow.viewers === null) return [plain("No broadcast node has answered yet.")];
	const { likes, talliesOut, frames, deliveries } = flow;
	if (likes === null || talliesOut === null || frames === null || deliveries === null) return [plain(`${count(flow.viewers)} viewers are connected; how much flows is known after the next answer.`)];
	if (deliveries < .05) return [plain(`${count(flow.viewers)} viewers are connected, and all is quiet: nothing is written, so nothing is sent.`)];
	return [
		number(`${rate(likes)} likes a second`, "writes"),
		plain(" became "),
		number(`${rate(talliesOut)} counts`, "counts"),
		plain(" in "),
		number(`${rate(frames)} frames`, "frames"),
		plain(", delivered "),
		number(`${rate(deliveries)} times`, "frames"),
		plain(` to ${count(flow.viewers)} ${flow.viewers === 1 ? "viewer" : "viewers"}.`)
	];
}
/** What it would have been with a message for every like to every viewer. */
function without(flow) {
	const { likes, viewers, deliveries } = flow;
	if (!likes || !viewers || !deliveries || likes * viewers < 2 * deliveries) return null;
	const [messages, times] = [count(likes * viewers), rate(likes * viewers / deliveries)];
	return `One message for each like to each viewer would be ${messages} a second, ${times} times as many.`;
}
function plain(text) {
	return {
		text,
		of: null
	};
}
function number(text, of) {
	return {
		text,
		of
	};
}
// pages/operator/streams.ts
/** How high the lane is in which frames flow back. */
var RETURN = 30;
/** Rivers: the thinnest, and how much is added for ten times as much. */
var RIVER = {
	min: 2,
	perDecade: 14
};
var LINE = {
	min: 1.25,
	perDecade: 1.6
};
/** All lines and rivers, those beneath first. */
function streams(drawn) {
	const { boxes, flow, broadcast } = drawn;
	const up = boxes.crowd.y + boxes.crowd.height * .36;
	const down = boxes.crowd.y + boxes.crowd.height + 15;
	const [first, second] = [inGap(boxes.broadcast, boxes.processor), inGap(boxes.processor, boxes.root)];
	const rivers = [
		river("writes up", "writes", [
			first.from,
			up,
			flow.writes
		], [
			first.to,
			up,
			flow.batches
		]),
		river("counts up", "counts", [
			second.from,
			up,
			flow.talliesUp
		], [
			second.to,
			up,
			flow.reports
		]),
		drawn.root && homeward(drawn.root, boxes, down, flow)
	].filter((stream) => stream !== null);
	const lines = [
		...writeLines(drawn, first, up),
		...countLines(drawn, second, up),
		...frameLines(drawn, broadcast, first.from, down)
	];
	return [...rivers, ...lines.sort((a, b) => a.key.localeCompare(b.key))];
}
/** Where a river begins and ends in a gap; on both sides lines come together. */
function inGap(left, right) {
	const [a, b] = [left.x + left.width, right.x];
	return {
		from: a + (b - a) * .27,
		to: a + (b - a) * .73
	};
}
function writeLines({ boxes, broadcast, processors, rates, flow }, river, up) {
	const right = boxes.crowd.x + boxes.crowd.width;
	const block = boxes.broadcast;
	const out = bundled(broadcast) ? [band("writes in", "writes", [
		right,
		up,
		flow.writes
	], [
		block.x,
		up,
		flow.writes
	]), band("writes out", "writes", [
		block.x + block.width,
		up,
		flow.writes
	], [
		river.from,
		up,
		flow.writes
	])] : broadcast.flat().flatMap((chip) => {
		const perS = rates.get(chip.node.name)?.perS("writes_in");
		const y = chip.y + chip.height * .34;
		return [line(`in ${chip.node.name}`, "writes", [right, y], [chip.x, y], perS, [chip]), line(`out ${chip.node.name}`, "writes", [chip.x + chip.width, y], [river.from, up], perS, [chip])];
	});
	const owned = processors.map((chip) => {
		const perS = rates.get(chip.node.name)?.perS("writes_in");
		return line(`to ${chip.node.name}`, "writes", [river.to, up], [chip.x, chip.y + chip.height / 2], perS, [chip]);
	});
	return [...out, ...owned];
}
function countLines({ processors, root, rates }, river, up) {
	const out = processors.map((chip) => {
		const perS = rates.get(chip.node.name)?.perS("tallies_out");
		return line(`counts ${chip.node.name}`, "counts", [chip.x + chip.width, chip.y + chip.height / 2], [river.from, up], perS, [chip]);
	});
	if (!root) return out;
	const perS = rates.get(root.node.name)?.perS("reports_in");
	return [...out, line("counts to the root", "counts", [river.to, up], [root.x, root.y + root.height / 2], perS, [root])];
}
/** From the river of frames to the nodes that the root feeds, from these to the nodes below them, and from all to viewers. */
function frameLines({ boxes, rates, flow }, levels, from, down) {
	const right = boxes.crowd.x + boxes.crowd.width;
	const byName = new Map(levels.flat().map((chip) => [chip.node.name, chip]));
	if (bundled(levels)) {
		const block = boxes.broadcast;
		const seen = block.y + block.height * .7;
		return [band("frames in", "frames", [
			from,
			down,
			flow.framesToNodes
		], [
			block.x + block.width,
			seen,
			flow.framesToNodes
		]), band("frames seen", "frames", [
			block.x,
			seen,
			flow.deliveries
		], [
			right,
			seen,
			flow.deliveries
		])];
	}
	return levels.flat().flatMap((chip) => {
		const y = chip.y + chip.height * .72;
		const above = chip.node.fedBy === null ? void 0 : byName.get(chip.node.fedBy);
		const rate = rates.get(chip.node.name);
		const source = above ? [above.x, above.y + above.height * .72] : [from, down];
		return [line(`fed ${chip.node.name}`, "frames", source, [chip.x + chip.width, y], rate?.perS("frames_in"), above ? [chip, above] : [chip]), line(`seen ${chip.node.name}`, "frames", [chip.x, y], [right, y], rate?.perS("frames_written"), [chip])];
	});
}
/** The frames of the root, on their way back beneath the processors. */
function homeward(root, boxes, down, flow) {
	const x = root.x + root.width / 2;
	const { from } = inGap(boxes.broadcast, boxes.processor);
	const [thin, wide] = [riverWidth(flow.frames) / 2, riverWidth(flow.framesToNodes) / 2];
	const bend = 24;
	return {
		key: "frames down",
		kind: "frames",
		path: [
			`M${x - thin} ${root.y + root.height}`,
			`V${down - bend} Q${x - thin} ${down - thin} ${x - thin - bend} ${down - thin}`,
			`C${(x + from) / 2} ${down - thin} ${(x + from) / 2} ${down - wide} ${from} ${down - wide}`,
			`V${down + wide}`,
			`C${(x + from) / 2} ${down + wide} ${(x + from) / 2} ${down + thin} ${x - bend} ${down + thin}`,
			`Q${x + thin} ${down + thin} ${x + thin} ${down - bend} V${root.y + root.height} Z`
		].join(" "),
		stroke: null,
		broken: root.node.state === "dead",
		chevrons: chevrons(from + 30, x - 60, down, true)
	};
}
/** Whether there are too many broadcast nodes for lines of their own: then one goes to all of them and one away. */
function bundled(levels) {
	return levels.some((level) => level.length > SIZES.small.rows);
}
/** A river without chevrons. */
function band(key, kind, from, to) {
	return {
		...river(key, kind, from, to),
		chevrons: []
	};
}
function river(key, kind, [x0, y0, in0], [x1, y1, in1]) {
	const [a, b] = [riverWidth(in0) / 2, riverWidth(in1) / 2];
	const m = (x0 + x1) / 2;
	return {
		key,
		kind,
		path: `M${x0} ${y0 - a} C${m} ${y0 - a} ${m} ${y1 - b} ${x1} ${y1 - b} V${y1 + b} C${m} ${y1 + b} ${m} ${y0 + a} ${x0} ${y0 + a} Z`,
		stroke: null,
		broken: false,
		chevrons: chevrons(x0 + 8, x1 - 8, y0, false)
	};
}
function line(key, kind, [x0, y0], [x1, y1], perS, ends) {
	const m = (x0 + x1) / 2;
	const broken = ends.some((chip) => chip.node.state === "dead");
	return {
		key,
		kind,
		path: `M${x0} ${y0} C${m} ${y0} ${m} ${y1} ${x1} ${y1}`,
		stroke: lineWidth(perS),
		broken,
		chevrons: []
	};
}
/** One about every 60, from one end to the other. */
function chevrons(from, to, y, left) {
	const many = Math.max(2, Math.round((to - from) / 60));
	return Array.from({ length: many }, (_, i) => ({
		x: from + (i + .5) * (to - from) / many,
		y,
		left
	}));
}
/** How wide a river is: as the logarithm of what it carries. */
function riverWidth(perS) {
	return RIVER.min + RIVER.perDecade * Math.log10(1 + Math.max(0, perS ?? 0));
}
function lineWidth(perS) {
	return LINE.min + LINE.perDecade * Math.log10(1 + Math.max(0, perS ?? 0));
}
// pages/operator/tree.ts
var MARGIN = 16;
/** The lane of factors above, that below, and the titles. */
var LANE = 92;
var GAP_X = 205;
var CROWD = {
	width: 118,
	gap: 190
};
var HEIGHT_MIN = 264;
/** Between two levels of broadcast nodes. */
var LEVEL_GAP = 70;
/** Lays a cluster out. */
function tree(sample, flow, rates) {
	const { boxes, broadcast, processors, mergers, inner } = columns(sample);
	const root = mergers.find((chip) => isRoot(chip.node, sample)) ?? null;
	return {
		width: boxes.root.x + boxes.root.width + MARGIN,
		height: 132 + inner + 30 + LANE - MARGIN,
		crowd: boxes.crowd,
		chips: [
			...broadcast.flat(),
			...processors,
			...mergers
		].sort((a, b) => a.node.name.localeCompare(b.node.name)),
		groups: [
			{
				title: "viewers",
				words: "write and watch",
				box: boxes.crowd
			},
			{
				title: "broadcast nodes",
				words: "gather writes, hand frames on",
				box: boxes.broadcast
			},
			{
				title: "write processors",
				words: "make them durable, count likes",
				box: boxes.processor
			},
			{
				title: "root merger",
				words: "makes one view of all counts",
				box: boxes.root
			}
		],
		streams: streams({
			boxes,
			broadcast,
			processors,
			root,
			flow,
			rates
		}),
		columns: middles(boxes),
		lanes: {
			above: 0,
			below: 132 + inner + 30
		}
	};
}
/** Where the columns are, with their chips; levels of broadcast nodes from the root on. */
function columns(sample) {
	const found = levelsOf(ofRole(sample, "broadcast"));
	const levels = found.length === 0 ? [[]] : found;
	const mergers = ofRole(sample, "merger").sort((a, b) => Number(isRoot(a, sample)) - Number(isRoot(b, sample)));
	const columns = [
		...levels.toReversed(),
		ofRole(sample, "processor"),
		mergers
	];
	const ofBroadcast = sizeFor(Math.max(0, ...levels.map((level) => level.length)), levels.length);
	const sizes = columns.map((nodes, i) => i < levels.length ? ofBroadcast : sizeFor(nodes.length, 1));
	const inner = Math.max(HEIGHT_MIN, ...columns.map((nodes, i) => stack(nodes, sizes[i] ?? "small").height));
	const y = 132;
	const crowd = {
		x: MARGIN,
		y,
		width: CROWD.width,
		height: inner
	};
	const begin = crowd.x + crowd.width + CROWD.gap;
	let x = begin;
	const placed = columns.map((nodes, i) => {
		const { chips, width } = place(nodes, sizes[i] ?? "small", x, y, inner);
		const box = {
			x,
			y,
			width,
			height: inner
		};
		x += width + (i + 1 < levels.length ? LEVEL_GAP : GAP_X);
		return {
			chips,
			box
		};
	});
	const [processor, root] = placed.slice(-2).map(({ box }) => box);
	const broadcast = {
		x: begin,
		y,
		width: processor.x - GAP_X - begin,
		height: inner
	};
	const [owners, merging] = placed.slice(-2).map(({ chips }) => chips);
	const nodes = placed.slice(0, -2).map(({ chips }) => chips).toReversed();
	return {
		boxes: {
			crowd,
			broadcast,
			processor,
			root
		},
		broadcast: nodes,
		processors: owners,
		mergers: merging,
		inner
	};
}
/** Whether a merger is the root. */
function isRoot(node, sample) {
	return sample.root?.node === node.name;
}
/** Broadcast nodes by how many others their frames pass before them: those fed by the root first. */
function levelsOf(nodes) {
	const byName = new Map(nodes.map((node) => [node.name, node]));
	const depth = (node, seen) => {
		const above = node.fedBy === null ? void 0 : byName.get(node.fedBy);
		return above === void 0 || seen >= nodes.length ? 0 : 1 + depth(above, seen + 1);
	};
	const levels = [];
	for (const node of nodes) (levels[depth(node, 0)] ??= []).push(node);
	return levels.filter((level) => level !== void 0);
}
function middles({ crowd, broadcast, processor, root }) {
	const middle = (box) => box.x + box.width / 2;
	const between = (left, right) => (left.x + left.width + right.x) / 2;
	return {
		viewers: middle(crowd),
		toNodes: between(crowd, broadcast),
		broadcast: middle(broadcast),
		toProcessors: between(broadcast, processor),
		processor: middle(processor),
		toRoot: between(processor, root),
		root: middle(root)
	};
}
export { FOLDED, History, POINTS_MAX, RETURN, SERIES, SIZES, beganAnew, begin, bytes, clock, compact, count, duration, factor, figure, flow, follow, isRoot, levelsOf, milliseconds, nameOf, ofRole, place, rate, rates, refused, remember, riverWidth, sample, share, sheds, sizeFor, stack, stages, story, streams, take, tree, without };
