// The live page: one viewer of one stream over `live.v1.json`.
//
// The view follows three rules of the protocol: a snapshot replaces it, a delta continues exactly what it has, and
// what others wrote is text, never markup. Every write has a ref and is sent again, as it was, until it is answered.

const LIST_MAX = 200;
const byId = (id) => document.getElementById(id);
const random = () => Array.from(crypto.getRandomValues(new Uint8Array(6)), (b) => b.toString(16).padStart(2, "0")).join("");

const query = new URLSearchParams(location.search);
byId("stream").value = query.get("stream") ?? "demo";
byId("viewer").value = query.get("viewer") ?? `guest-${random().slice(0, 5)}`;

/** What is on the screen: the comments by id in delivery order, and what stands beside them. */
const view = { epoch: null, seq: null, comments: new Map(), reactions: {}, viewers: 0, pinned: null, top: [], unseen: 0 };
/** Comment ids that this viewer likes, as last acknowledged or asked for. */
const liked = new Set();
/** Writes without an answer, by ref: kept over reconnects. */
const unanswered = new Map();

const session = random();
let writes = 0;
let lastStamp = 0;
let connection = null;
let attempts = 0;
/** Counts the streams that were joined on this page. */
let visit = 0;
let beatTimer = 0;
let retryTimer = 0;
let moveTimer = 0;
/** Where a node has told this viewer to go, until it goes. */
let moveTo = null;
let limits = { beat_ms: 20000, comment_bytes: 1000 };
let drawn = false;

const nextRef = () => `${session}-${++writes}`;
const nextStamp = () => (lastStamp = Math.max(Date.now(), lastStamp + 1));

function show(state, text) {
  byId("state").className = state;
  byId("state").textContent = text;
}

async function connect(url) {
  clearTimeout(retryTimer);
  clearTimeout(moveTimer);
  moveTo = null;
  const [stream, viewer] = [byId("stream").value, byId("viewer").value];
  try {
    if (!url) {
      const answer = await fetch(`/v1/streams/${stream}/place?viewer=${viewer}`);
      if (!answer.ok) throw new Error(`place answers ${answer.status}`);
      url = (await answer.json()).url;
    }
  } catch {
    url = `${location.origin.replace("http", "ws")}/v1/streams/${stream}/live`;
  }
  show("waiting", "connecting");
  watch(open(url));
}

/** A socket that goes on from what the view has. */
function open(url) {
  const target = new URL(url);
  target.searchParams.set("viewer", byId("viewer").value);
  if (view.epoch !== null) target.searchParams.set("resume", `${view.epoch}:${view.seq}`);
  return new WebSocket(target, ["live.v1.json"]);
}

/** From now on the view is this socket's. */
function watch(socket) {
  connection = socket;
  socket.onmessage = (event) => connection === socket && receive(JSON.parse(event.data));
  socket.onclose = (event) => connection === socket && lost(event);
}

function lost(event) {
  connection = null;
  clearTimeout(beatTimer);
  // A node that closes after it has named another is not asked again: the way leads there, at the time that it named.
  if (moveTo) {
    show("waiting", "moving");
    return;
  }
  const told = /(\d+) ?ms/.exec(event?.reason ?? "")?.[1];
  // Full jitter: a crowd that lost one node must not come back as one wave.
  const wait = told ? Number(told) : Math.random() * Math.min(10000, 250 * 2 ** attempts++);
  show("waiting", "reconnecting");
  retryTimer = setTimeout(connect, wait);
}

/** Two silent beats mean that the connection is dead, though the browser does not know. */
function listenForBeats() {
  clearTimeout(beatTimer);
  beatTimer = setTimeout(() => connection?.close(), limits.beat_ms * 2 + 1000);
}

function receive(message) {
  listenForBeats();
  switch (message.type) {
    case "welcome":
      limits = message.limits;
      attempts = 0;
      byId("node").textContent = `on ${message.node}`;
      show("live", "live");
      for (const write of unanswered.values()) connection.send(JSON.stringify(write));
      break;
    case "snapshot":
      Object.assign(view, { epoch: message.epoch, seq: message.seq, comments: new Map(), unseen: 0 });
      Object.assign(view, { reactions: message.reactions, viewers: message.viewers, pinned: message.pinned, top: message.top });
      message.comments.forEach((comment) => view.comments.set(comment.id, comment));
      askLikes([...new Set([...message.comments, ...message.top].map((comment) => comment.id))]);
      break;
    case "delta":
      if (message.epoch !== view.epoch || message.from !== view.seq) return connection.close();
      apply(message);
      break;
    case "ack":
      answered(message);
      break;
    case "reject":
      refused(message);
      break;
    case "move":
      clearTimeout(moveTimer);
      moveTo = message.url;
      moveTimer = setTimeout(leave, message.after_ms);
      break;
  }
  draw();
}

/** Goes where it was told: the old connection ends when the new one speaks, and its frames are not taken any more. */
function leave() {
  const [old, url] = [connection, moveTo];
  if (!old) return connect(url);
  moveTo = null;
  const next = open(url);
  watch(next);
  next.addEventListener("message", () => old.close(), { once: true });
  // Without the new node the view goes on at whatever node is placed next.
  next.addEventListener("close", () => old.close(), { once: true });
}

function apply(delta) {
  view.seq = delta.seq;
  for (const comment of delta.comments ?? []) view.comments.set(comment.id, comment);
  view.top = delta.top ?? view.top;
  for (const [id, likes] of delta.likes ?? []) {
    const comment = view.comments.get(id);
    if (comment) comment.likes = likes;
    if (view.pinned?.id === id) view.pinned.likes = likes;
    for (const top of view.top) if (top.id === id) top.likes = likes;
  }
  for (const id of delta.deleted ?? []) {
    view.comments.delete(id);
    if (view.pinned?.id === id) view.pinned = null;
    view.top = view.top.filter((top) => top.id !== id);
  }
  if (delta.pinned !== undefined) view.pinned = delta.pinned;
  view.reactions = delta.reactions ?? view.reactions;
  view.viewers = delta.viewers ?? view.viewers;
  view.unseen += delta.total - delta.shown;
  for (const id of view.comments.keys()) {
    if (view.comments.size <= LIST_MAX) break;
    view.comments.delete(id);
  }
}

/** Which of these comments this viewer likes; asked again while an owner of comments cannot be reached. */
async function askLikes(ids) {
  const [asked, epoch, stream, viewer] = [visit, view.epoch, byId("stream").value, byId("viewer").value];
  if (!ids.length) return;
  const answer = await fetch(`/v1/streams/${stream}/likes?viewer=${viewer}&ids=${ids.slice(-100).join(",")}`).catch(() => null);
  // A later snapshot asks for itself, and another visit is another viewer's.
  if (asked !== visit || epoch !== view.epoch) return;
  const again = Number(answer?.headers.get("retry-after"));
  if (again) setTimeout(() => asked === visit && epoch === view.epoch && askLikes(ids), again * 1000);
  if (!answer?.ok) return;
  for (const id of (await answer.json()).liked) liked.add(id);
  draw();
}

function write(message) {
  const sent = { ...message, ref: nextRef() };
  unanswered.set(sent.ref, sent);
  if (connection?.readyState === WebSocket.OPEN) connection.send(JSON.stringify(sent));
  byId("notice").textContent = "";
}

function answered(ack) {
  const sent = unanswered.get(ack.ref);
  unanswered.delete(ack.ref);
  if (sent?.type === "comment") byId("body").value = byId("body").value === sent.body ? "" : byId("body").value;
  if (ack.liked !== undefined) ack.liked ? liked.add(ack.id) : liked.delete(ack.id);
}

function refused(reject) {
  const sent = unanswered.get(reject.ref);
  if (sent && reject.retry_after_ms !== undefined) {
    setTimeout(() => connection?.readyState === WebSocket.OPEN && connection.send(JSON.stringify(sent)), reject.retry_after_ms);
  } else {
    unanswered.delete(reject.ref);
    byId("notice").textContent = reject.message;
  }
}

/** One update of the page per animation frame, however many frames came. */
function draw() {
  if (drawn) return;
  drawn = true;
  requestAnimationFrame(() => {
    drawn = false;
    const list = byId("comments");
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    const rows = new Map(Array.from(list.children, (row) => [row.dataset.id, row]));
    for (const [id, row] of rows) if (!view.comments.has(id)) row.remove();
    // A new epoch may put older comments between those that are shown.
    let next = list.firstElementChild;
    for (const comment of view.comments.values()) {
      const row = rows.get(comment.id) ?? makeRow("li", comment);
      if (row === next) next = next.nextElementSibling;
      else list.insertBefore(row, next);
      paintLikes(row, comment);
    }
    if (atEnd) list.scrollTop = list.scrollHeight;
    drawBeside();
  });
}

function drawBeside() {
  byId("viewers").textContent = view.viewers.toLocaleString();
  const pinned = byId("pinned");
  pinned.hidden = !view.pinned;
  if (view.pinned && pinned.dataset.id !== view.pinned.id) pinned.replaceChildren(...makeRow("div", view.pinned).children);
  pinned.dataset.id = view.pinned?.id ?? "";
  if (view.pinned) paintLikes(pinned, view.pinned);
  drawTop();
  const hidden = byId("hidden");
  hidden.hidden = !view.unseen;
  hidden.textContent = `${view.unseen.toLocaleString()} more comments than can be shown`;
  for (const kind of ["heart", "clap"]) paintReaction(kind, view.reactions[kind] ?? 0);
}

/** The most liked comments, in their order. */
function drawTop() {
  byId("most-liked").hidden = view.top.length === 0;
  const list = byId("top");
  const rows = new Map(Array.from(list.children, (row) => [row.dataset.id, row]));
  const wanted = view.top.map((comment) => {
    const row = rows.get(comment.id) ?? makeRow("li", comment);
    paintLikes(row, comment);
    return row;
  });
  if (wanted.length !== list.children.length || wanted.some((row, at) => row !== list.children[at])) list.replaceChildren(...wanted);
}

function makeRow(tag, comment) {
  const row = document.createElement(tag);
  row.dataset.id = comment.id;
  const [name, text, like] = [document.createElement("span"), document.createElement("span"), document.createElement("button")];
  name.className = "name";
  name.textContent = comment.name;
  text.className = "text";
  text.textContent = comment.body;
  like.className = "like";
  like.type = "button";
  like.onclick = () => write({ type: liked.has(comment.id) ? "unlike" : "like", id: comment.id, stamp: nextStamp() });
  row.append(name, text, like);
  return row;
}

function paintLikes(row, comment) {
  const button = row.querySelector("button.like");
  const [label, pressed] = [`♥ ${comment.likes.toLocaleString()}`, String(liked.has(comment.id))];
  if (button.textContent !== label) button.textContent = label;
  if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  button.setAttribute("aria-label", `Like the comment of ${comment.name}, ${comment.likes} likes`);
}

const taps = {};
let tapTimer = 0;

function paintReaction(kind, count) {
  let button = byId(`react-${kind}`);
  if (!button) {
    button = document.createElement("button");
    button.id = `react-${kind}`;
    button.type = "button";
    button.onclick = () => tap(kind);
    byId("reactions").append(button);
  }
  button.textContent = `${kind === "heart" ? "❤️" : "👏"} ${count.toLocaleString()}`;
  button.setAttribute("aria-label", `Send a ${kind}, ${count} so far`);
}

/** Taps gather for the interval that the server told, then travel as one message. */
function tap(kind) {
  taps[kind] = (taps[kind] ?? 0) + 1;
  tapTimer ||= setTimeout(() => {
    tapTimer = 0;
    for (const [kind, count] of Object.entries(taps)) {
      if (connection?.readyState === WebSocket.OPEN) connection.send(JSON.stringify({ type: "react", kind, count }));
      delete taps[kind];
    }
  }, limits.tap_interval_ms);
}

byId("join").onsubmit = (event) => {
  event.preventDefault();
  const [stream, viewer] = [byId("stream").value, byId("viewer").value];
  history.replaceState(null, "", `?${new URLSearchParams({ stream, viewer })}`);
  Object.assign(view, { epoch: null, seq: null, comments: new Map(), pinned: null, top: [], unseen: 0 });
  visit++;
  liked.clear();
  unanswered.clear();
  const old = connection;
  connection = null;
  old?.close();
  connect();
  draw();
};

byId("write").onsubmit = (event) => {
  event.preventDefault();
  const body = byId("body").value;
  if (new TextEncoder().encode(body).length > limits.comment_bytes) {
    byId("notice").textContent = `A comment has at most ${limits.comment_bytes} bytes.`;
    return;
  }
  write({ type: "comment", body });
  byId("body").value = "";
};

connect();
