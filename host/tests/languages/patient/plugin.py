"""Speaks in init, keeps a request, and tells whether anybody waits for it."""

import asyncio

from glomers import Message, node

kept: Message
released = asyncio.Event()


@node.on_start
def start() -> None:
    node.send("n2", {"type": "hello"})
    node.spawn(tick())


async def tick() -> None:
    await asyncio.sleep(0.05)
    node.send("n2", {"type": "tick"})


@node.handler("keep")
async def keep(message: Message) -> dict:
    global kept
    kept = message
    await released.wait()
    return {"type": "late"}


@node.handler("ask")
async def ask(message: Message) -> None:
    node.send(message.src, {"type": "kept", "expired": kept.is_expired})


@node.handler("answer")
async def answer(message: Message) -> None:
    released.set()
