// pages/live/courses.ts
var SPRINGS = 8;
var STEPS = 18;
/** Where each generation of streams ends, from the springs to below the lower edge. */
var HEIGHTS = [
	.566,
	.65,
	.745,
	.86,
	1.06
];
/** Parts of the picture's height. */
var WIDTHS = [
	.001,
	.008,
	.02,
	.048,
	.15
];
var MOUTH_X = .56;
/** The courses of all springs. */
function courses(random) {
	const springs = Array.from({ length: SPRINGS }, (_, at) => .03 + (at + .2 + random() * .6) / SPRINGS * .94);
	const ends = [springs];
	for (let level = 1; level < HEIGHTS.length; level += 1) {
		const before = ends[level - 1] ?? [];
		const pull = [
			0,
			.18,
			.34,
			.8,
			1
		][level] ?? 1;
		const joined = level === HEIGHTS.length - 1 ? before : before.filter((_, at) => at % 2 === 0);
		ends.push(joined.map((_, at) => {
			const [a, b] = level === HEIGHTS.length - 1 ? [before[at], before[at]] : [before[at * 2], before[at * 2 + 1]];
			const middle = ((a ?? MOUTH_X) + (b ?? MOUTH_X)) / 2;
			return middle + (MOUTH_X - middle) * pull + (random() - .5) * .04;
		}));
	}
	const reaches = ends.slice(1).map((_, level) => reachesOf(level, ends, random));
	return springs.map((_, spring) => reaches.flatMap((level, at) => {
		return level[at === reaches.length - 1 ? 0 : spring >> at] ?? [];
	}));
}
/** The pieces between one generation's ends and the next's. */
function reachesOf(level, ends, random) {
	const [from, to] = [ends[level] ?? [], ends[level + 1] ?? []];
	return from.map((x, at) => {
		const end = to[to.length === from.length ? at : at >> 1] ?? MOUTH_X;
		const bend = (random() - .5) * .06 * (1 - level / 5);
		return Array.from({ length: 19 }, (_, step) => {
			const t = step / STEPS;
			const smooth = t * t * (3 - 2 * t);
			return {
				x: x + (end - x) * smooth + Math.sin(t * Math.PI * 2) * Math.sin(t * Math.PI) * bend,
				y: between(HEIGHTS, level, t),
				width: between(WIDTHS, level, t * t)
			};
		});
	});
}
function between(values, at, part) {
	const [a, b] = [values[at] ?? 0, values[at + 1] ?? 0];
	return a + (b - a) * part;
}
// node_modules/preact/dist/preact.mjs
var n;
var t;
var u$1;
var i;
var f;
var o;
var e;
var l;
var c;
var a;
var h = Symbol.for("pv");
var p = {};
var y = [];
var v = /^m(i|n|o|s|text|space)$/;
var w = Array.isArray;
var d = y.slice;
var _ = Object.assign;
function g(n) {
	n && n.parentNode && n.remove();
}
function m(r, u, i, f, o) {
	var e = {
		type: r,
		props: u,
		key: i,
		ref: f,
		__k: null,
		__: null,
		__b: 0,
		__e: null,
		__c: null,
		constructor: h,
		__v: o || ++t,
		__i: -1,
		__u: 0
	};
	return !o && n.vnode && n.vnode(e), e;
}
function $(n) {
	return n.children;
}
function x(n, t) {
	this.props = n, this.context = t, this.__g = 0;
}
function S(n, t) {
	if (null == t) return n.__ && S(n.__, n.__i + 1);
	for (var r; t < n.__k.length; t++) if ((r = n.__k[t]) && r.__e) return r.__e;
	return "function" != typeof n.type || n.props.__P ? null : S(n);
}
function C(t) {
	var r, u = t.__v, i = u.__e, f = [], o = [], e = t.__P;
	e && ((r = _({ constructor: h }, u)).__v = u.__v + 1, n.vnode && n.vnode(r), z(e, r, u, t.__n, e.namespaceURI, 32 & u.__u ? [i] : null, f, i || S(u), 32 & u.__u, o), r.__v = u.__v, r.__.__k[r.__i] = r, E(f, r, o), u.__ = u.__e = null, r.__e != i && j(r));
}
function j(n) {
	if ((n = n.__) && n.__c && !n.props.__P) return n.__e = null, n.__k.some(function(t) {
		return t && (n.__e = t.__e);
	}), j(n);
}
function L(t) {
	(8 & t.__g || (t.__g |= 8, u$1.push(t), f++)) && i == n.debounceRendering || ((i = n.debounceRendering) || queueMicrotask)(H);
}
function H() {
	try {
		for (var n, t = 1; u$1.length;) u$1.length > t && u$1.sort(o), n = u$1.shift(), t = u$1.length, 8 & n.__g && C(n);
	} finally {
		(f = u$1.length) && (i || queueMicrotask)(H);
	}
}
function I(n, t, r, u, i, f, o, e, l, c, a) {
	var s, h, v, w, d, _, g = u.__k || y, k = t.length;
	for (l = q(r, t, g, l, k), s = 0; s < k; s++) null != (v = r.__k[s]) && (h = ~v.__i && g[v.__i] || p, v.__i = s, _ = z(n, v, h, i, f, o, e, l, c, a), w = v.__e, (h.ref != v.ref || 8 & h.__u) && (h.ref && G(h.ref, null, v, h), v.ref && a.push(v.ref, v.__c || w, v)), d = d || w, 4 & v.__u ? (l = A(v, l, n, !h.__v), h.__e && (h.__e = null)) : "function" == typeof v.type && void 0 !== _ ? l = _ : w && (l = w.nextSibling), v.__u &= -21);
	return r.__e = d, l;
}
function q(n, t, r, u, i) {
	var f, o, e, l, c, a, s, p, y, v = r.length, d = v, _ = 0, g = 0, k = n.__k = Array(i);
	for (f = 0; f < i; f++) null != (o = t[f]) && "boolean" != typeof o && "function" != typeof o ? ("object" != typeof o || o.constructor === String ? o = k[f] = m(null, o) : w(o) ? o = k[f] = m($, { children: o }) : o.constructor === h && o.__b ? o = k[f] = m(o.type, o.props, o.key, o.ref, o.__v) : k[f] = o, l = f + _, o.__ = n, o.__b = n.__b + 1, e = null, ~(c = o.__i = P(o, r, l, d)) && (d--, (e = r[c]) && (e.__u |= 2)), e && e.__v ? (o.__u |= 16, c == l - 1 ? _-- : c == l + 1 ? _++ : c != l && (c > l ? _-- : _++, g = 1)) : (~c || (i > v ? _-- : i < v && _++), "function" != typeof o.type && (o.__u |= 4))) : k[f] = null;
	if (g) {
		for (a = [], s = [], f = 0; f < i; f++) if ((o = k[f]) && 16 & o.__u) {
			for (_ = 0, p = a.length; _ < p;) a[y = _ + p >> 1] < o.__i ? _ = y + 1 : p = y;
			a[_] = o.__i, s[f] = _ + 1;
		}
		for (_ = a.length; f--;) s[f] && (s[f] == _ ? _-- : k[f].__u |= 4);
	}
	if (d) for (f = 0; f < v; f++) !(e = r[f]) || 2 & e.__u || (e.__e == u && (u = S(e)), J(e, e));
	return u;
}
function A(n, t, r, u) {
	var i, f, o, e;
	if ("function" == typeof n.type) {
		if (n.props.__P) return t;
		if (i = n.__k) for (f = 0; f < i.length; f++) i[f] && (i[f].__ = n, t = A(i[f], t, r, !1));
		return t;
	}
	for (t && !t.parentNode && (t = S(n)) && !t.parentNode && (t = null), o = n.__e, e = t; e && 8 == e.nodeType;) e = e.nextSibling;
	for (o != e && (!u && r.moveBefore && o.parentNode ? r.moveBefore(o, t) : r.insertBefore(o, t || null)), t = o; (t = t && t.nextSibling) && 8 == t.nodeType && !t.data.startsWith("$s"););
	return t;
}
function P(n, t, r, u) {
	var i, f = n.key, o = n.type, e = t[r], l = e && !(2 & e.__u);
	if (null === e && null == f || l && f == e.key && o == e.type) return r;
	if (u > (l ? 1 : 0)) {
		for (i = r - 1; i >= 0; i--) if ((e = t[i]) && !(2 & e.__u) && f == e.key && o == e.type) return i;
		for (i = r + 1; i < t.length; i++) if ((e = t[i]) && !(2 & e.__u) && f == e.key && o == e.type) return i;
	}
	return -1;
}
function T(n, t, r) {
	r ??= "", "-" == t[0] ? n.setProperty(t, r) : n[t] = r;
}
function N(n, t, r, u, i) {
	var f, o;
	if ("style" == t) if ("string" == typeof r) n.style.cssText = r;
	else {
		if ("string" == typeof u && (n.style.cssText = u = ""), u) for (t in u) r && t in r || T(n.style, t);
		if (r) for (t in r) u && r[t] == u[t] || T(n.style, t, r[t]);
	}
	else if ("o" == t[0] && "n" == t[1]) "function" != typeof r && (r = null), "function" != typeof u && (u = null), (n.__e || (n.__e = {}))[t] = r, r && u || (o = a[t] || (a[t] = V(t)), (n.__a || (n.__a = {}))[t] = c, f = t != (t = t.replace(l, "$1")), (t = t.slice(2))[0] < "a" && (t = t.toLowerCase()), r ? n.addEventListener(t, o, f) : n.removeEventListener(t, o, f));
	else {
		if ("http://www.w3.org/2000/svg" == i) t = t.replace(/xlink(H|:h)/, "h").replace(/sName$/, "s");
		else if ("width" != t && "height" != t && "href" != t && "list" != t && "form" != t && "tabIndex" != t && "download" != t && "rowSpan" != t && "colSpan" != t && "role" != t && "popover" != t && t in n) try {
			n[t] = null == r ? "" : r;
			return;
		} catch (n) {}
		if ("function" == typeof r) return;
		null == r || !1 === r && "-" != t[4] ? n.removeAttribute(t) : n.setAttribute(t, "popover" == t && 1 == r ? "" : r);
	}
}
function V(t) {
	return function(r) {
		var u = this.__e;
		if (u) {
			if (u = u[t], null == r[e]) r[e] = c++;
			else if (r[e] < this.__a[t]) return;
			return u(n.event ? n.event(r) : r);
		}
	};
}
function z(t, r, u, i, f, o, e, l, c, a) {
	var s, p, v, d, k, b, m, M, C, j, L, H, q, A, O, P, T, N, V = r.type;
	if (r.constructor !== h) return null;
	128 & u.__u && (c = 32 & u.__u, s = u.__c.__z) && (r.__u |= c, p = o = [], 8 == s.nodeType ? l = B(s, o) : o.push(s), l = o[0] || l), (s = n.__b) && s(r);
	n: if ("function" == typeof V) {
		v = e.length;
		try {
			if (M = r.props, C = (s = V.prototype) && s.render, j = (s = V.contextType) && i[s.__c], L = s ? j ? j.props.value : s.__ : i, (d = u.__c) ? (r.__c = d, 2 & d.__g && (d.__g |= 1)) : (C ? r.__c = d = new V(M, L) : (r.__c = d = new x(M, L), d.constructor = V, d.render = K), j && j.sub(d), d.state || (d.state = {}), d.__n = i, d.__g |= 8, d.__h = [], d.__k = []), C && (d.__s || (d.__s = d.state), V.getDerivedStateFromProps && (d.__s == d.state && (d.__s = _({}, d.__s)), _(d.__s, V.getDerivedStateFromProps(M, d.__s)))), k = d.props, b = d.state, d.__v = r, u.__c) {
				if (M !== k && C && !V.getDerivedStateFromProps && d.componentWillReceiveProps && d.componentWillReceiveProps(M, L), r.__v == u.__v && !(8 & d.__g) || !(4 & d.__g) && d.shouldComponentUpdate && !1 === d.shouldComponentUpdate(M, d.__s, L)) {
					r.__v != u.__v && (d.props = M, d.state = d.__s, d.__g &= -9), r.__e = u.__e, r.__k = u.__k, r.__k.some(function(n) {
						n && (n.__ = r);
					}), y.push.apply(d.__h, d.__k), d.__k = [], d.__h.length && e.push(d), l = S(u);
					break n;
				}
				d.componentWillUpdate && d.componentWillUpdate(M, d.__s, L), C && d.componentDidUpdate && d.__h.push(function() {
					d.componentDidUpdate(k, b, m);
				});
			} else C && !V.getDerivedStateFromProps && d.componentWillMount && d.componentWillMount(), C && d.componentDidMount && d.__h.push(d.componentDidMount);
			d.context = L, d.props = M, d.__P = t, d.__g &= -5, H = n.__r, q = C ? 25 : 0;
			do
				d.__g &= -9, H && H(r), s = d.render(d.props, d.state = d.__s, d.context);
			while (8 & d.__g && ++q < 25);
			C && (y.push.apply(d.__h, d.__k), d.__k = []), d.state = d.__s, d.getChildContext && (i = _({}, i, d.getChildContext())), C && u.__c && d.getSnapshotBeforeUpdate && (m = d.getSnapshotBeforeUpdate(k, b)), A = s && s.type === $ && null == s.key ? s.props.children : s, M.__P && (s = l, f = (t = M.__P).namespaceURI, c = o = null, u.props && u.props.__P != t && (u.__k.some(function(n) {
				n && J(n, n);
			}), u.__k = null), l = u.__k ? S(u, 0) : null), l = I(t, w(A) ? A : [A], r, u, i, f, o, e, l, c, a), M.__P && (r.__e = null, l = s), r.__u &= -161, p && p.some(g), d.__h.length && e.push(d), 1 & d.__g && (d.__g &= -4);
		} catch (t) {
			if (e.length = v, r.__v = null, c || o) if (t && t.then) {
				if (r.__u |= 128 | c, o) {
					for (~(T = o.indexOf(l || void 0)) || (T = o.length); (N = o[T - 1]) && 8 == N.nodeType;) T--;
					for (; T < o.length; T++) if (N = o[T]) if (o[T] = null, O) {
						if (N == P) break;
					} else {
						if (8 != N.nodeType) break;
						N.data.startsWith("$s") && (P = B(O = N));
					}
				}
				if (!O) {
					for (; l && 8 == l.nodeType && l.nextSibling;) l = l.nextSibling;
					O = l;
				}
				(s = B(O = r.__c.__z || (r.__c.__z = O))) ? (r.__e = O, l = s) : r.__e = l, l = l && l.nextSibling;
			} else o && o.some(g);
			else r.__e = u.__e;
			r.__k || (r.__k = u.__k || []), t && t.then || D(r), n.__e(t, r, u);
		}
	} else l = r.__e = F(u.__e, r, u, i, f, o, e, c, a, t);
	return (s = n.diffed) && s(r), l;
}
function B(n, t) {
	if (n && 8 == n.nodeType && n.data.startsWith("$s")) for (var r = 1; n = n.nextSibling;) {
		if (8 == n.nodeType) {
			if (n.data.startsWith("$s")) r++;
			else if (n.data.startsWith("/$s") && !--r) return n;
		}
		t && t.push(n);
	}
}
function D(n) {
	n && (n.__c && (n.__c.__g |= 4), n.__k && n.__k.some(D));
}
function E(t, r, u) {
	for (var i = 0; i < u.length;) G(u[i++], u[i++], u[i++]);
	n.__c && n.__c(r, t), t.some(function(r) {
		try {
			t = r.__h, r.__h = [], t.some(function(n) {
				n.call(r);
			});
		} catch (t) {
			n.__e(t, r.__v);
		}
	});
}
function F(t, r, u, i, f, o, e, l, c, a) {
	var s, h, y, _, k, b, m, M, $ = u.props || p, x = r.props, C = r.type;
	if ("svg" == C ? f = "http://www.w3.org/2000/svg" : "math" == C ? f = "http://www.w3.org/1998/Math/MathML" : f || (f = "http://www.w3.org/1999/xhtml"), o) {
		for (s = 0; s < o.length; s++) if ((k = o[s]) && (C ? k.localName == C : 3 == k.nodeType)) {
			t = k, o[s] = null;
			break;
		}
	}
	if (!t) {
		if (M = a.ownerDocument || document, !C) return M.createTextNode(x);
		t = M.createElementNS(f, C, x.is ? x : a), l && (n.__m && n.__m(r, o), l = !1), o = null;
	}
	if (C) {
		if (a = "template" == C && t.content || t, o = "textarea" == C && null != x.defaultValue ? null : o && d.call(a.childNodes), !l && o) for ($ = {}, s = 0; s < t.attributes.length; s++) $[(k = t.attributes[s]).name] = k.value;
		for (s in $) k = $[s], "dangerouslySetInnerHTML" == s ? y = k : "children" == s || s in x || "value" == s && "defaultValue" in x || "checked" == s && "defaultChecked" in x || N(t, s, null, k, f);
		for (s in x) k = x[s], "children" == s ? _ = k : "dangerouslySetInnerHTML" == s ? h = k : "value" == s ? b = k : "checked" == s ? m = k : l && "function" != typeof k || $[s] === k || N(t, s, k, $[s], f);
		h ? (l || y && (h.__html == y.__html || h.__html == t.innerHTML) || (t.innerHTML = h.__html), r.__k = []) : (y && (t.textContent = ""), ("foreignObject" == C || "http://www.w3.org/1998/Math/MathML" == f && v.test(C)) && (f = "http://www.w3.org/1999/xhtml"), I(a, w(_) ? _ : [_], r, u, i, f, o, e, o ? o[0] : u.__k && S(u, 0), l, c), o && o.some(g)), l && "textarea" != C || (s = "value", "progress" == C && null == b ? t.removeAttribute(s) : null == b || b === t[s] && ("progress" != C || b) || N(t, s, b, $[s], f), s = "checked", null != m && m != t[s] && N(t, s, m, $[s], f));
	} else $ === x || l && t.data == x || (t.data = x);
	return t;
}
function G(t, r, u, i) {
	try {
		"function" == typeof t ? r ? r.__x = t(r) || 1 : i && (i = i.__c || i.__e) && (r = i.__x) && (i.__x = null, "function" == typeof r ? r() : t(null)) : t.current = r;
	} catch (t) {
		n.__e(t, u);
	}
}
function J(t, r, u) {
	var i, f, o, e;
	if (n.unmount && n.unmount(t), !(i = t.ref) || i.current && i.current != t.__e || G(i, null, r, t), i = t.__c) {
		if (i.componentWillUnmount) try {
			i.componentWillUnmount();
		} catch (t) {
			n.__e(t, r);
		}
		i.__P = i.__n = null;
	}
	if (i = t.__k) for (e = 0; e < i.length; e++) i[e] && J(i[e], r, "function" != typeof t.type || u && !t.props.__P);
	!u && (i = t.__c) && (i = i.__z) && (f = B(i, o = [])) && (i == t.__e && o.some(g), g(f), g(i)), u || g(t.__e), t.__e = t.__c = t.__ = null;
}
function K(n, t, r) {
	return this.constructor(n, r);
}
n = { __e: function(n, t, r, u) {
	for (var i, o, e; t = t.__;) if ((i = t.__c) && !(1 & i.__g)) {
		i.__g |= 4;
		try {
			if ((e = (o = i.constructor) && o.getDerivedStateFromError) && i.setState(o.getDerivedStateFromError(n)), i.componentDidCatch && (i.componentDidCatch(n, u || {}), e = 1), e && 8 & i.__g) return void (i.__g |= 2);
		} catch (t) {
			n = t;
		}
	}
	throw f = 0, n;
} }, t = 0, x.prototype.setState = function(n, t) {
	var r = this.__s;
	r && r != this.state || (r = this.__s = _({}, this.state)), "function" == typeof n && (n = n(_({}, r), this.props)), n && (_(r, n), this.__v && (t && this.__k.push(t), L(this)));
}, x.prototype.forceUpdate = function(n) {
	this.__v && (this.__g |= 4, n && this.__h.push(n), L(this));
}, x.prototype.render = $, u$1 = [], f = 0, o = function(n, t) {
	return n.__v.__b - t.__v.__b;
}, e = Symbol(), l = /(PointerCapture)$|Capture$/i, c = 0, a = {};
Array.isArray;
// pages/shared/icons.tsx
/** Filled by the even-odd rule, so that an inner shape is a hole. */
var SHAPES = {
	heart: "M12 20.6C5.6 15.8 3 12.4 3 8.8 3 6 5.1 3.9 7.7 3.9c1.7 0 3.3.9 4.3 2.5 1-1.6 2.6-2.5 4.3-2.5C18.9 3.9 21 6 21 8.8c0 3.6-2.6 7-9 11.8z",
	outline: "M12 20.6C5.6 15.8 3 12.4 3 8.8 3 6 5.1 3.9 7.7 3.9c1.7 0 3.3.9 4.3 2.5 1-1.6 2.6-2.5 4.3-2.5C18.9 3.9 21 6 21 8.8c0 3.6-2.6 7-9 11.8zM12 18.1c5.1-4 7.2-6.6 7.2-9.3 0-1.8-1.3-3.1-2.9-3.1-1.4 0-2.6.9-3.3 2.4h-2C10.3 6.6 9.1 5.7 7.7 5.7 6.1 5.7 4.8 7 4.8 8.800c0 2.7 2.1 5.3 7.2 9.300z",
	clap: "M7.3 12.7 6.2 9.900a1.35 1.35 0 0 1 2.5-1l1.3 3.1-2-5.800a1.35 1.35 0 0 1 2.55-.9l2 5.6-1-5a1.35 1.35 0 0 1 2.65-.55l1.15 5.7 1.1-2.200c.45-1 1.5-1.5 2.5-1.1.5.2.7.7.55 1.200l-1.35 5.200c-.9 4.2-3 6.7-6.2 7.4-3.5.7-6.4-.9-7.8-4.200l-1.5-3.500a1.3 1.3 0 0 1 2.35-1.100zM2.2 5.900l.9-.9 2 1.7-.8 1zM5.3 2.500l1.2-.4.9 2.5-1.2.4zM17.3 1.800l1.2.5-1.1 2.3-1.1-.5zM21 4.600l.8 1-2.1 1.5-.7-1z",
	laugh: "M12 2.500a9.5 9.5 0 1 1 0 19 9.5 9.5 0 0 1 0-19zM6.4 13.200a5.6 5.6 0 0 0 11.2 0zM5.9 10.100l1.2.8a1.5 1.5 0 0 1 2.6 0l1.2-.8a2.95 2.95 0 0 0-5 0zM13.1 10.100l1.2.8a1.5 1.5 0 0 1 2.6 0l1.2-.8a2.95 2.95 0 0 0-5 0z",
	wow: "M12 2.500a9.5 9.5 0 1 1 0 19 9.5 9.5 0 0 1 0-19zM8.4 8a1.5 1.8 0 1 0 0 3.6 1.5 1.8 0 0 0 0-3.600zM15.6 8a1.5 1.8 0 1 0 0 3.6 1.5 1.8 0 0 0 0-3.600zM12 13.200a2.5 3 0 1 0 0 6 2.5 3 0 0 0 0-6z",
	eye: "M12 5c5 0 8.7 3.7 10.2 7-1.5 3.3-5.2 7-10.2 7S3.3 15.3 1.8 12C3.3 8.7 7 5 12 5zm0 1.900C8.2 6.9 5.3 9.4 3.9 12c1.4 2.6 4.3 5.1 8.1 5.100s6.7-2.5 8.1-5.100c-1.4-2.6-4.3-5.1-8.1-5.100zM12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6z",
	send: "M3.4 20.600c-.6.3-1.2-.3-1-.9l2-6.4 8.7-1.3-8.7-1.3-2-6.400c-.2-.6.4-1.2 1-.9l17.3 8.100c.5.3.5 1 0 1.200z",
	more: "M12 4a1.8 1.8 0 1 1 0 3.600A1.8 1.8 0 0 1 12 4zm0 6.200a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.600zm0 6.200a1.8 1.8 0 1 1 0 3.6 1.8 1.8 0 0 1 0-3.600z",
	pin: "M15.3 2.6 21.4 8.700l-1.5 1.5-.9-.2-3.6 3.6-.1 3.7-1.8 1.7-4.2-4.2-5.2 5.7-1-1 5.7-5.2-4.2-4.2 1.7-1.8 3.7-.1L13.9 5l-.2-.9z",
	down: "M12 17.5 4.5 10l1.6-1.6 5.9 5.9 5.9-5.900L19.5 10z",
	keys: "M3.5 5.500h17c.8 0 1.5.7 1.5 1.500v10c0 .8-.7 1.5-1.5 1.500h-17c-.8 0-1.5-.7-1.5-1.500V7c0-.8.7-1.5 1.5-1.500zM3.8 7.300v9.400h16.400V7.300zM6 9h2v2H6zm3.3 0h2v2h-2zm3.4 0h2v2h-2zM16 9h2v2h-2zM7.5 13h9v2h-9z",
	drop: "M12 2.200c3.7 4.7 6.7 8 6.7 12.200a6.7 6.7 0 0 1-13.4 0C5.3 10.2 8.3 6.9 12 2.200z"
};
// pages/live/floats.ts
var FLOATS_MAX = 40;
/** Of one kind and one change: a thousand hearts a second are drawn as a lively few. */
var BURST_MAX = 6;
/** Over which a burst is spread, so that it does not rise as one; one that would have to wait longer is only counted. */
var BURST_MS = 1200;
var RISE_MS = 3600;
/** With this between them, no more than `FLOATS_MAX` are in the air, and a flood of them rises as evenly as a brook flows. */
var APART_MS = RISE_MS / 40;
var SIZE_PX = 26;
/** How a kind looks in the air. Kinds that a server adds are drops of water. */
var DRAWN = {
	heart: {
		path: SHAPES.heart,
		colour: "--heart"
	},
	clap: {
		path: SHAPES.clap,
		colour: "--clap"
	},
	laugh: {
		path: SHAPES.laugh,
		colour: "--laugh"
	},
	wow: {
		path: SHAPES.wow,
		colour: "--wow"
	}
};
var Floats = class {
	#floats = [];
	/** When the last one rises. */
	#lastMs = -Infinity;
	#counts = null;
	#paths = /* @__PURE__ */ new Map();
	/** Takes the counts as they are now. The first are where it starts from. */
	counted(counts, nowMs) {
		const before = this.#counts;
		this.#counts = counts;
		if (!before || before === counts) return;
		for (const [kind, count] of Object.entries(counts)) {
			const grown = count - (before[kind] ?? 0);
			if (grown > 0) this.#burst(kind, Math.min(BURST_MAX, Math.ceil(Math.log2(grown + 1))), nowMs);
		}
	}
	/** How many have been let go and have not come to their end. */
	inAir(nowMs) {
		return this.#floats.filter(({ bornMs }) => bornMs <= nowMs && nowMs - bornMs < RISE_MS).length;
	}
	/** Forgets all, and the counts too. */
	reset() {
		this.#floats = [];
		this.#counts = null;
	}
	#burst(kind, size, nowMs) {
		for (let at = 0; at < size; at += 1) {
			const bornMs = Math.max(nowMs + at * BURST_MS / size, this.#lastMs + APART_MS);
			if (bornMs > nowMs + BURST_MS) return;
			this.#lastMs = bornMs;
			this.#floats.push({
				kind,
				bornMs,
				across: Math.random(),
				sway: Math.random() * Math.PI * 2
			});
		}
	}
	/** Draws those in the air above the lower right, and forgets those that are gone. Says whether there are any. */
	draw(paper, width, height, nowMs) {
		this.#floats = this.#floats.filter(({ bornMs }) => nowMs - bornMs < RISE_MS);
		const strip = Math.min(220, width * .5);
		for (const { kind, bornMs, across, sway } of this.#floats) {
			const age = (nowMs - bornMs) / RISE_MS;
			if (age < 0) continue;
			const { path, colour } = this.#look(kind);
			const size = SIZE_PX * (.7 + Math.min(1, age * 6) * .4);
			paper.save();
			paper.globalAlpha = Math.min(1, age * 8) * (1 - age ** 2);
			paper.translate(width - 28 - across * strip + Math.sin(age * 7 + sway) * 12, height - 64 - (1 - (1 - age) ** 1.6) * (height * .72));
			paper.rotate(Math.sin(age * 5 + sway) * .2);
			paper.scale(size / 24, size / 24);
			paper.translate(-12, -12);
			paper.fillStyle = colour;
			paper.fill(path, "evenodd");
			paper.restore();
		}
		paper.globalAlpha = 1;
		return this.#floats.length > 0;
	}
	#look(kind) {
		const known = this.#paths.get(kind);
		if (known) return known;
		const { path, colour } = DRAWN[kind] ?? {
			path: SHAPES.drop,
			colour: "--wow"
		};
		const look = {
			path: new Path2D(path),
			colour: getComputedStyle(document.documentElement).getPropertyValue(colour)
		};
		this.#paths.set(kind, look);
		return look;
	}
};
// pages/live/held.ts
/** As many as the list on the screen may have. */
var LIST_MAX = 200;
/**
* The list that a reader has, brought up to `now`.
*
* Comments that stood before all that `now` still has are too old for the view and stay; one that is missing further down was
* deleted. New ones are added behind until the list is full: the rest waits until the reader comes back to the end.
*/
function held(before, now) {
	const present = new Set(now.map((comment) => comment.key));
	const first = before.findIndex((comment) => present.has(comment.key));
	return [...first < 0 ? before : before.slice(0, first), ...now].slice(0, 200);
}
/** How many of `now` are not among those that were known. */
function arrived(known, now) {
	let count = 0;
	for (const comment of now) if (!known.has(comment.key)) count += 1;
	return count;
}
// pages/live/identity.ts
/** What the server asks of a stream's and a viewer's id, in words and as it checks it. */
var ID_CHARS_MAX = 64;
var ID = /^[A-Za-z0-9._-]*$/;
/** A name's limit, in UTF-8. */
var NAME_BYTES_MAX = 128;
/** Where no stream is asked for: the one of `make demo`. */
var STREAM = "demo";
var KEPT_AS = "watershed.guest";
/** What is wrong with an id, or null. */
function wrongId(noun, id) {
	if (id === "") return `${noun} is empty, 1 to ${ID_CHARS_MAX} characters are needed`;
	const wrong = [...id].find((char) => !ID.test(char));
	if (wrong !== void 0) return `${noun} has the character "${wrong}", only letters A to Z, digits, ".", "_" and "-" are allowed`;
	if (id.length > ID_CHARS_MAX) return `${noun} is ${id.length} characters, at most ${ID_CHARS_MAX} fit`;
	return null;
}
/** What is wrong with a name, or null. An empty one is no name, and the viewer's id stands for it. */
function wrongName(name) {
	const bytes = new TextEncoder().encode(name).length;
	if (bytes > NAME_BYTES_MAX) return `name is ${bytes} bytes, at most ${NAME_BYTES_MAX} fit`;
	if (/\p{Cc}/u.test(name)) return "name has a control character, it is one line of text";
	return null;
}
/** Reads the query of the page's address. What is wrong is shown as it was asked for, while a guest watches the first stream. */
function fromAddress(search) {
	const query = new URLSearchParams(search);
	const guest = kept();
	const asked = {
		stream: query.get("stream") ?? STREAM,
		viewer: query.get("viewer") ?? guest,
		name: (query.get("name") ?? "").trim()
	};
	const wrong = wrongId("stream", asked.stream) ?? wrongId("viewer", asked.viewer) ?? wrongName(asked.name);
	if (wrong) return {
		asked,
		identity: {
			stream: STREAM,
			viewer: guest,
			name: guest
		},
		wrong
	};
	const identity = {
		...asked,
		name: asked.name || asked.viewer
	};
	return {
		asked: identity,
		identity,
		wrong
	};
}
/** The query of an address that leads to the same again. */
function toAddress({ stream, viewer, name }) {
	const query = new URLSearchParams({
		stream,
		viewer
	});
	if (name !== viewer) query.set("name", name);
	return `?${query}`;
}
/** The guest's id of this browser: made once and kept. */
function kept() {
	const made = `guest-${Array.from(crypto.getRandomValues(/* @__PURE__ */ new Uint8Array(3)), (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
	try {
		const before = localStorage.getItem(KEPT_AS);
		if (before && wrongId("viewer", before) === null) return before;
		localStorage.setItem(KEPT_AS, made);
	} catch {}
	return made;
}
// pages/live/seeded.ts
/** A source of numbers from 0 to 1 (mulberry32, seeded by FNV-1a of the word). */
function seeded(word) {
	let state = 2166136261;
	for (const char of word) state = Math.imul(state ^ (char.codePointAt(0) ?? 0), 16777619);
	return () => {
		state = state + 1831565813 | 0;
		let mixed = Math.imul(state ^ state >>> 15, state | 1);
		mixed ^= mixed + Math.imul(mixed ^ mixed >>> 7, mixed | 61);
		return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
	};
}
// pages/live/who.ts
var COLOURS = 8;
/** The class of an author's colour. */
function whoClass(author) {
	let hash = 0;
	for (let at = 0; at < author.length; at += 1) hash = Math.imul(hash, 31) + author.charCodeAt(at) | 0;
	return `who-${(hash >>> 0) % COLOURS}`;
}
/** The first letter that can be seen, as large as it gets. */
function initial(name) {
	return (/[\p{L}\p{N}]/u.exec(name)?.[0] ?? "?").toLocaleUpperCase();
}
// pages/shared/figures.ts
var EXACT_BELOW = 1e4;
var compact = new Intl.NumberFormat("en", {
	notation: "compact",
	maximumFractionDigits: 1
});
var grouped = new Intl.NumberFormat("en");
/** "9876", then "12.3K", then "4M". */
function short(count) {
	return count < EXACT_BELOW ? String(count) : compact.format(count);
}
/** "1,234,567". */
function whole(count) {
	return grouped.format(count);
}
/** "1 like", "2 likes", "1,200 likes". */
function counted(count, noun) {
	return `${whole(count)} ${noun}${count === 1 ? "" : "s"}`;
}
export { FLOATS_MAX, Floats, LIST_MAX, arrived, counted, courses, fromAddress, held, initial, seeded, short, toAddress, whoClass, whole, wrongId, wrongName };
