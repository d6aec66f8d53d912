"""broadcast in Python: who hears a value for the first time tells all its neighbours, and each of them again and again
until it acknowledges. So an acknowledged value reaches every node that stays alive, through partitions and loss.

The same algorithm as plugins/broadcast-flood, which says what it costs.
"""

from glomers import ErrorCode, Message, RpcError, node

values: set[int] = set()
neighbours: list[str] = []


@node.on_start
def start() -> None:
    # Until the topology comes.
    neighbours[:] = node.peers


@node.handler("topology")
async def topology(message: Message) -> dict:
    neighbours[:] = message.body["topology"].get(node.id, [])
    return {"type": "topology_ok"}


@node.handler("broadcast")
async def broadcast(message: Message) -> dict:
    value = message.body["message"]
    if not isinstance(value, int):
        raise RpcError(ErrorCode.MALFORMED_REQUEST, "`message` must be an integer")
    if value not in values:
        values.add(value)
        for neighbour in neighbours:
            if neighbour != message.src:
                node.spawn(tell(neighbour, value))
    return {"type": "broadcast_ok"}


@node.handler("read")
async def read(message: Message) -> dict:
    return {"type": "read_ok", "messages": sorted(values)}


async def tell(neighbour: str, value: int) -> None:
    """Tells a neighbour a value until it acknowledges."""
    while True:
        try:
            await node.call(neighbour, {"type": "broadcast", "message": value}, timeout=1)
            return
        except RpcError:
            continue
