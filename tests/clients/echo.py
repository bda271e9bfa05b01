#!/usr/bin/python3
"""A client of `watershed echo`, over the WebSocket library `websockets` (Debian: python3-websockets).

It sends messages of all sizes and kinds, whole and in fragments, and says in a line of JSON for each what came back: the exit
status is 0 when the script came to its end.

    echo.py ws://127.0.0.1:9001 MESSAGE_BYTES_MAX
"""

import asyncio
import hashlib
import json
import sys

import websockets

PATIENCE_S = 40


def say(event, **more):
    print(json.dumps({"event": event, **more}), flush=True)


def digest(message):
    payload = message.encode() if isinstance(message, str) else message
    return {"kind": type(message).__name__, "bytes": len(payload), "sha256": hashlib.sha256(payload).hexdigest()}


async def within(what):
    return await asyncio.wait_for(what, PATIENCE_S)


async def there_and_back(socket, name, message, fragments=None):
    """Sends a message, in fragments if there are some, and says what both ends saw of it."""
    await within(socket.send(fragments or message))
    say("message", name=name, sent=digest(message), back=digest(await within(socket.recv())))


async def speak(url, most):
    async with websockets.connect(url + "/some/path?and=query", max_size=None) as socket:
        say("joined", subprotocol=socket.subprotocol)
        text = "zwölf €uro 🎈, "
        await there_and_back(socket, "nothing", "")
        await there_and_back(socket, "text", text)
        await there_and_back(socket, "bytes", bytes(range(256)))
        await there_and_back(socket, "long text", text * 100_000)
        await there_and_back(socket, "the longest", b"\xfe" * most)
        await there_and_back(socket, "text in fragments", text * 1_000, [text] * 1_000)
        await there_and_back(socket, "bytes in fragments", bytes(most), [bytes(most // 16)] * 16)
        await within(await socket.ping(b"still there?"))
        say("pong")
        many = [str(number) for number in range(1_000)]
        for message in many:
            await within(socket.send(message))
        say("many", back=[await within(socket.recv()) for _ in many] == many)
        await within(socket.close(4001, "bye"))
        say("left", code=socket.close_code)


async def say_too_much(url, most):
    async with websockets.connect(url, max_size=None, ping_interval=None) as socket:
        try:
            await within(socket.send(bytes(most + 1)))
            await within(socket.recv())
        except websockets.ConnectionClosed:
            say("closed", code=socket.close_code, reason=socket.close_reason)


async def main():
    url, most = sys.argv[1], int(sys.argv[2])
    await speak(url, most)
    await say_too_much(url, most)


asyncio.run(main())
