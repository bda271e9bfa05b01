#!/usr/bin/python3
"""Four viewers that know the protocol from docs/protocol.md alone, over the WebSocket library `websockets`.

Ann speaks JSON, bob MessagePack, cat its compact form, dan that with deflate (Debian: python3-websockets,
python3-msgpack). They join, comment, like, leave, resume and do a few things wrong. Everything that they see is printed as a line of JSON, for a test to check; the exit status is 0 when
the script came to its end.

    viewer.py http://127.0.0.1:8080 STREAM
"""

import asyncio
import json
import sys
import time
import urllib.parse
import urllib.request
import zlib

import msgpack
import websockets

PATIENCE_S = 40
COMMENT = ("id", "author", "name", "body", "at", "likes")
INFLATED_MAX = 1024 * 1024
LIMITS = ("comment_bytes", "comments_per_minute", "tap_interval_ms", "beat_ms")
SERVER = {
    0: ("welcome", ("viewer", "node", "stream", "placed", "limits")),
    1: ("snapshot", ("epoch", "seq", "partial", "viewers", "reactions", "pinned", "top", "comments")),
    2: ("delta", ("epoch", "from", "seq", "comments", "likes", "deleted", "pinned", "top", "reactions", "viewers", "shown", "total")),
    3: ("beat", ("epoch", "seq")),
    4: ("ack", ("ref", "id", "liked", "stamp")),
    5: ("reject", ("ref", "code", "message", "retry_after_ms")),
    6: ("move", ("url", "after_ms")),
}
CLIENT = {
    "comment": (0, ("ref", "body")),
    "like": (1, ("ref", "id", "stamp")),
    "unlike": (2, ("ref", "id", "stamp")),
    "react": (3, ("kind", "count")),
    "delete": (4, ("ref", "id")),
    "pin": (5, ("ref", "id")),
}


def say(viewer, event, **more):
    print(json.dumps({"viewer": viewer, "event": event, **more}), flush=True)


def line(row, ordinals):
    comment = dict(zip(COMMENT, row))
    comment["id"] = comment["id"].hex()
    if len(row) > len(COMMENT) and row[-1] is not None:
        ordinals[row[-1]] = comment["id"]
    return comment


def called(name, ordinals):
    """The id of a comment that is called by its id, or by an ordinal; None if the viewer was not given that."""
    return name.hex() if isinstance(name, bytes) else ordinals.get(name)


def unmark(payload):
    """A message of live.v1.compact.deflate without its mark."""
    if payload[0] == 0:
        return payload[1:]
    assert payload[0] == 1, payload[0]
    inflater = zlib.decompressobj(-15)
    plain = inflater.decompress(payload[1:], INFLATED_MAX)
    assert inflater.eof and not inflater.unused_data and len(plain) >= len(payload), "not one deflated message"
    return plain


def unpack(payload, ordinals):
    """A message of the server, from its array into the fields that it has in JSON. Ordinals are learnt and looked up."""
    number, *elements = msgpack.unpackb(payload)
    kind, names = SERVER[number]
    message = {"type": kind, **dict(zip(names, elements))}
    if kind == "welcome":
        message["limits"] = dict(zip(LIMITS, message["limits"]))
    if kind == "snapshot":
        ordinals.clear()
    if kind in ("snapshot", "delta"):
        message["comments"] = [line(row, ordinals) for row in message["comments"]]
    if kind == "snapshot":
        message["top"] = [line(row, ordinals) for row in message["top"]]
        message["pinned"] = message["pinned"] and line(message["pinned"], ordinals)
    if kind == "delta":
        if message["top"] is None:
            del message["top"]
        else:
            message["top"] = [line(row, ordinals) for row in message["top"]]
        if message["pinned"] is None:
            del message["pinned"]
        else:
            message["pinned"] = line(message["pinned"][0], ordinals) if message["pinned"] else None
        likes = ([called(name, ordinals), count] for name, count in message["likes"])
        message["likes"] = [like for like in likes if like[0]]
        message["deleted"] = [id for id in (called(name, ordinals) for name in message["deleted"]) if id]
    if message.get("id"):
        message["id"] = message["id"].hex()
    return message


def pack(message):
    number, names = CLIENT[message["type"]]
    fields = dict(message, id=bytes.fromhex(message["id"])) if message.get("id") else message
    return msgpack.packb([number, *(fields.get(name) for name in names)])


class Viewer:
    def __init__(self, node, stream, name, encoding):
        self.node, self.stream, self.name, self.encoding = node, stream, name, encoding
        self.socket, self.point, self.comments, self.ordinals, self.answers = None, None, {}, {}, {}
        self.refs = 0

    def url(self, **parameters):
        place = f"{self.node}/v1/streams/{self.stream}/place?" + urllib.parse.urlencode({"viewer": self.name})
        with urllib.request.urlopen(place, timeout=PATIENCE_S) as answer:
            url = json.load(answer)["url"]
        return url + "?" + urllib.parse.urlencode({"viewer": self.name, "name": self.name.title(), **parameters})

    async def come(self):
        resume = {"resume": "%d:%d" % self.point} if self.point else {}
        self.socket = await websockets.connect(self.url(**resume), subprotocols=[f"live.v1.{self.encoding}"], max_size=None)
        say(self.name, "joined", subprotocol=self.socket.subprotocol, resume=resume.get("resume"))
        await self.until("a view", lambda: self.point is not None)

    async def leave(self):
        await self.socket.close(1000)
        say(self.name, "left", code=self.socket.close_code)

    async def hear(self):
        payload = await asyncio.wait_for(self.socket.recv(), PATIENCE_S)
        assert isinstance(payload, str) == (self.encoding == "json"), type(payload)
        message = json.loads(payload) if self.encoding == "json" else self.unpack(payload)
        say(self.name, "message", message=message)
        self.apply(message)
        return message

    def unpack(self, payload):
        return unpack(unmark(payload) if self.encoding == "compact.deflate" else payload, self.ordinals)

    def apply(self, message):
        if message["type"] == "snapshot":
            self.comments = {comment["id"]: comment for comment in message["comments"]}
        elif message["type"] == "delta":
            assert self.point == (message["epoch"], message["from"]), (self.point, message)
            for comment in message.get("comments", []):
                self.comments[comment["id"]] = comment
            for id, count in message.get("likes", []):
                if id in self.comments:
                    self.comments[id]["likes"] = count
            for id in message.get("deleted", []):
                self.comments.pop(id, None)
        elif message["type"] in ("ack", "reject"):
            self.answers[message["ref"]] = message
        if message["type"] in ("snapshot", "delta"):
            self.point = (message["epoch"], message["seq"])

    async def until(self, what, holds):
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline, f"{self.name} waits for {what}"
            await self.hear()

    async def sees(self, id, likes):
        await self.until(f"{likes} likes", lambda: self.comments.get(id, {}).get("likes") == likes)

    async def send(self, message):
        await self.socket.send(json.dumps(message) if self.encoding == "json" else pack(message))

    async def write(self, kind, **fields):
        """Sends until the last word, as a client should: the same ref and stamp when it is told to come again."""
        self.refs += 1
        message = {"type": kind, "ref": f"{self.name}-{self.refs}", **fields}
        while True:
            await self.send(message)
            await self.until("an answer", lambda: message["ref"] in self.answers)
            answer = self.answers.pop(message["ref"])
            if answer.get("retry_after_ms") is None:
                return answer
            await asyncio.sleep(answer["retry_after_ms"] / 1000)

    async def wrong(self, payload):
        """A message that is refused: its answer has no ref."""
        await self.socket.send(payload)
        await self.until("a refusal", lambda: None in self.answers)
        answer = self.answers.pop(None)
        say(self.name, "refused", code=answer["code"], words=answer["message"])

    async def closed_with(self, payload):
        """A message that ends the connection."""
        await self.socket.send(payload)
        try:
            while True:
                await self.hear()
        except websockets.ConnectionClosed:
            say(self.name, "closed", code=self.socket.close_code, reason=self.socket.close_reason)


async def main(node, stream):
    ann, bob = Viewer(node, stream, "ann", "json"), Viewer(node, stream, "bob", "msgpack")
    cat, dan = Viewer(node, stream, "cat", "compact"), Viewer(node, stream, "dan", "compact.deflate")
    viewers = (ann, bob, cat, dan)
    for viewer in viewers:
        await viewer.come()

    first = (await ann.write("comment", body="hello from a library ❤"))["id"]
    for viewer in viewers:
        await viewer.until("the comment", lambda: first in viewer.comments)
    stamp = int(time.time() * 1000)
    for viewer in viewers:
        await viewer.write("like", id=first, stamp=stamp)
    await bob.send({"type": "react", "kind": "heart", "count": 3})
    for viewer in viewers:
        await viewer.sees(first, len(viewers))
        pong = await viewer.socket.ping()
        await asyncio.wait_for(pong, PATIENCE_S)
        say(viewer.name, "pong")

    for goer, stayer in zip(viewers, viewers[1:] + viewers[:1]):
        await goer.leave()
        missed = (await stayer.write("comment", body=f"while {goer.name} was away"))["id"]
        await stayer.until("its own comment", lambda: missed in stayer.comments)
        await goer.come()
        await goer.until("what was missed", lambda: missed in goer.comments)
    await bob.write("unlike", id=first, stamp=stamp + 1)
    last = (await ann.write("comment", body="the last"))["id"]
    for viewer in viewers:
        await viewer.sees(first, len(viewers) - 1)
        await viewer.until("the last comment", lambda: last in viewer.comments)

    for viewer in viewers:
        view = sorted(viewer.comments.values(), key=lambda comment: comment["id"])
        say(viewer.name, "view", comments=view)

    await ann.wrong("{")
    await ann.closed_with("x" * 33_000)
    for viewer in viewers[1:]:
        await viewer.wrong(b"\xc1")
        await viewer.closed_with("text on a connection of MessagePack")
    try:
        await websockets.connect(ann.url(), subprotocols=["chat"])
    except websockets.InvalidStatusCode as refused:
        say("ann", "turned_away", status=refused.status_code)


asyncio.run(main(*sys.argv[1:]))
