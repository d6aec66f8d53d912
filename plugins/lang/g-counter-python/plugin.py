"""g-counter in Python: the counter is one key of seq-kv, which every node changes by compare-and-set.

A cas that finds another value than expected reads and tries again. One that times out may have happened, so it is not
tried again: its client gets the timeout, and knows as little. A read of seq-kv may be stale; writing a value that is new
to the store brings this node up to date first.
"""

import random

from glomers import ErrorCode, Message, RpcError, node, seq_kv

last_known = 0
"""What the counter was when this node last heard of it."""


@node.handler("add")
async def add(message: Message) -> dict:
    delta = message.body["delta"]
    if not isinstance(delta, int) or delta < 0:
        raise RpcError(ErrorCode.MALFORMED_REQUEST, "`delta` must be an integer that is not negative")
    await increase(delta)
    return {"type": "add_ok"}


@node.handler("read")
async def read(message: Message) -> dict:
    await seq_kv.write("barrier", random.getrandbits(64))
    return {"type": "read_ok", "value": await seq_kv.read("counter", default=0)}


async def increase(delta: int) -> None:
    """Adds to the counter in the store, as often as it takes."""
    global last_known
    while True:
        expected = last_known
        try:
            await seq_kv.cas("counter", expected, expected + delta, create=True)
        except RpcError as error:
            if error.code != ErrorCode.PRECONDITION_FAILED:
                raise
            last_known = await seq_kv.read("counter")
        else:
            last_known = expected + delta
            return
