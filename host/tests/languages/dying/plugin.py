"""A node that dies, or fails, as its requests say."""

import os
import sys

from glomers import Message, node
from table import look_up


@node.on_start
def start() -> None:
    if node.settings:
        look_up("settings")


@node.handler("panic")
async def panic(message: Message) -> dict:
    return {"type": "panic_ok", "value": look_up("key")}


@node.handler("overflow")
async def overflow(message: Message) -> dict:
    def dig(depth: int) -> int:
        return dig(depth + 1) + depth

    return {"type": "overflow_ok", "value": dig(0)}


@node.handler("exit")
async def exit(message: Message) -> dict:
    sys.exit(3)


@node.handler("abort")
async def abort(message: Message) -> dict:
    os.abort()


@node.handler("loop")
async def loop(message: Message) -> dict:
    while True:
        pass


@node.handler("memory")
async def memory(message: Message) -> dict:
    hoard = []
    while True:
        hoard.append(bytearray(1 << 20))
