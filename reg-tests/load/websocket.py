#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A real WebSocket library on both ends: frames of a mebibyte, many small ones, pings, a clean close, a reload between."""

import asyncio
import os
import sys

import lib

SYSTEM_PYTHON = "/usr/bin/python3"

try:
    import websockets
except ImportError:
    # The distribution's package belongs to the distribution's interpreter.
    if os.path.realpath(sys.executable) != os.path.realpath(SYSTEM_PYTHON) and os.path.exists(SYSTEM_PYTHON):
        os.execv(SYSTEM_PYTHON, [SYSTEM_PYTHON, *sys.argv])
    websockets = None

MIB = 1 << 20


async def echo(connection, path=None):
    async for message in connection:
        await connection.send(message)


async def converse(port, balancer):
    address = "ws://127.0.0.1:%d/chat" % port
    async with websockets.connect(address, max_size=4 * MIB, compression=None) as early:
        async with websockets.connect(address, max_size=4 * MIB, compression=None) as connection:
            for number in range(200):
                message = "message %d" % number if number % 2 else os.urandom(number * 37)
                await connection.send(message)
                lib.check(await connection.recv() == message, "message %d comes back" % number)
            for _ in range(8):
                message = os.urandom(MIB)
                await connection.send(message)
                lib.check(await connection.recv() == message, "a mebibyte comes back")
            for _ in range(10):
                await asyncio.wait_for(await connection.ping(), 5)
            burst = [os.urandom(50000) for _ in range(40)]
            sender = asyncio.ensure_future(send_all(connection, burst))
            for message in burst:
                lib.check(await connection.recv() == message, "a burst keeps its order")
            await sender
        lib.check(connection.close_code == 1000, "the close is clean: %s" % connection.close_code)
        balancer.reload()
        for number in range(20):
            await early.send("after a reload %d" % number)
            lib.check(await early.recv() == "after a reload %d" % number, "a tunnel outlives a reload")
        async with websockets.connect(address, compression=None) as late:
            await late.send("new")
            lib.check(await late.recv() == "new", "a new tunnel after a reload")


async def send_all(connection, messages):
    for message in messages:
        await connection.send(message)


async def session(box):
    server = await websockets.serve(echo, "127.0.0.1", 0, max_size=4 * MIB, compression=None)
    origin_port = server.sockets[0].getsockname()[1]
    port = lib.free_port()
    loop = asyncio.get_running_loop()
    balancer = await loop.run_in_executor(None, box.balancer, lib.config(port, origin_port), port)
    await asyncio.wait_for(converse(port, balancer), 20)
    server.close()
    await server.wait_closed()


def test(box):
    if websockets is None:
        raise lib.Skip("python3-websockets is not installed")
    asyncio.run(session(box))


lib.run(test)
